//! How does one call to a webhook go?  One signed POST, an answer, and nothing of it read but
//! its status.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use protocol::secret::Secret;
use protocol::time::UnixSeconds;
use ring::hmac;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::target::Target;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One call, ready to be made.
pub(crate) struct Call<'a> {
    pub(crate) target: &'a Target,
    pub(crate) allow_private: bool,
    pub(crate) tls: &'a Arc<rustls::ClientConfig>,
    pub(crate) secret: &'a Secret<32>,
    /// The same for every try, so that the receiver can tell.
    pub(crate) delivery: &'a str,
    pub(crate) body: &'a str,
    pub(crate) now: UnixSeconds,
}

/// How it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken.
    Taken,
    /// It may be taken another time.
    Failed,
    /// The receiver wants no more of it.
    Gone,
}

impl Call<'_> {
    /// Makes it.
    pub(crate) async fn make(self) -> Outcome {
        match timeout(PATIENCE, self.attempt()).await {
            Ok(Some(status)) if status.is_success() => Outcome::Taken,
            Ok(Some(StatusCode::GONE)) => Outcome::Gone,
            Ok(Some(_) | None) | Err(_) => Outcome::Failed,
        }
    }

    async fn attempt(&self) -> Option<StatusCode> {
        let address = self.target.resolve(self.allow_private).await?;
        let stream = TcpStream::connect(address).await.ok()?;
        if !self.target.tls {
            return self.exchange(stream).await;
        }
        let name = ServerName::try_from(self.target.host.clone()).ok()?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await.ok()?;
        self.exchange(stream).await
    }

    async fn exchange<I>(&self, stream: I) -> Option<StatusCode>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let request = Request::post(&self.target.path)
            .header(header::HOST, &self.target.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "Aman")
            .header("aman-delivery", self.delivery)
            .header("aman-signature", signature(self.secret, self.now, self.body))
            .body(Body::from(self.body.to_owned()))
            .ok()?;
        let mut answer = pin!(sender.send_request(request));
        let answer = tokio::select! {
            answer = answer.as_mut() => answer,
            // Whoever answers and closes at once has answered.
            _ = connection => answer.await,
        };
        answer.ok().map(|answer| answer.status())
    }
}

/// `t=TIME,v1=HMAC`: HMAC-SHA-256 in hex over the time, a dot and the body, so that a call
/// that was listened to cannot be repeated later.
pub(crate) fn signature(secret: &Secret<32>, now: UnixSeconds, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    let tag = hmac::sign(&key, format!("{}.{body}", now.0).as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={},v1={hex}", now.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_document() {
        let secret = Secret::from_bytes([7; 32]);
        // printf '1700000000.{}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…07
        let expected =
            "t=1700000000,v1=7b24748c9a3d39ed07b08d270a9c3b5ae3b420a0cba2eb3337b0fd8b739e40cd";
        assert_eq!(signature(&secret, UnixSeconds(1_700_000_000), "{}"), expected);
    }
}
