//! How is the provider asked something?  One request, one answer, both bounded; redirections
//! are answers of another kind.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::AskFault;
use super::address::{Address, encoded};
use crate::hooks::target::Target;

/// How long a question may take, the answer included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest answer.  Large providers list many keys, each with its certificates.
const ANSWER_BYTES_MAX: usize = 128 * 1024;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// What is asked.
pub(super) enum Ask<'a> {
    Get,
    Post(Post<'a>),
}

/// A form, and perhaps name and secret for the header (RFC 6749 section 2.3.1).
pub(super) struct Post<'a> {
    pub(super) form: String,
    pub(super) basic: Option<(&'a str, &'a str)>,
}

/// The body of the answer; `None` if the provider says that we asked for something wrong.
pub(super) async fn ask(
    tls: &Arc<rustls::ClientConfig>,
    address: &Address,
    ask: Ask<'_>,
) -> Result<Option<Vec<u8>>, AskFault> {
    let target = &address.target;
    let request = request(target, ask).ok_or(AskFault::Unreadable)?;
    let attempt = async {
        let stream = connect(target).await?;
        if !target.tls {
            return answer(stream, request).await;
        }
        let name = ServerName::try_from(target.host.clone());
        let name = name.map_err(|_| AskFault::Unreachable)?;
        let stream = TlsConnector::from(tls.clone()).connect(name, stream).await;
        answer(stream.map_err(|_| AskFault::Unreachable)?, request).await
    };
    timeout(PATIENCE, attempt).await.map_err(|_| AskFault::TooSlow)?
}

async fn connect(target: &Target) -> Result<TcpStream, AskFault> {
    let found = lookup_host((target.host.as_str(), target.port)).await;
    let found = found.map_err(|_| AskFault::Unreachable)?;
    // Without TLS nobody but this machine answers, whatever the name leads to.
    let allowed = found.filter(|found| target.tls || found.ip().is_loopback());
    for address in allowed.take(ADDRESSES_MAX) {
        if let Ok(stream) = TcpStream::connect(address).await {
            return Ok(stream);
        }
    }
    Err(AskFault::Unreachable)
}

fn request(target: &Target, ask: Ask<'_>) -> Option<Request<Body>> {
    let request = Request::builder()
        .uri(&target.path)
        .header(header::HOST, &target.authority)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, "Aman");
    match ask {
        Ask::Get => request.body(Body::empty()).ok(),
        Ask::Post(Post { form, basic }) => {
            let mut request = request
                .method("POST")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if let Some((name, secret)) = basic {
                let pair = format!("{}:{}", encoded(name), encoded(secret));
                let value = format!("Basic {}", STANDARD.encode(pair));
                let mut value = header::HeaderValue::try_from(value).ok()?;
                value.set_sensitive(true);
                request = request.header(header::AUTHORIZATION, value);
            }
            request.body(Body::from(form)).ok()
        }
    }
}

async fn answer<I>(stream: I, request: Request<Body>) -> Result<Option<Vec<u8>>, AskFault>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|_| AskFault::Unreachable)?;
    // Ends with this call.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|_| AskFault::Unreachable)?;
    match answer.status() {
        StatusCode::OK => (),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => return Ok(None),
        _ => return Err(AskFault::Unreadable),
    }
    let body = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await;
    body.map(|bytes| Some(bytes.to_vec())).map_err(|_| AskFault::TooLong)
}
