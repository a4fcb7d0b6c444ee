//! One HTTP request to the server: JSON up, JSON down, the cookie kept.

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use protocol::reject::Reject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::server::Server;

/// Largest answer taken.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a request came to nothing.
#[derive(Debug)]
pub enum Failure {
    /// The server said no.
    Refused(StatusCode, Reject),
    /// The server could not be asked, or answered nonsense.
    Broken(anyhow::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(status, reject) => write!(f, "{reject} ({status})"),
            Self::Broken(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Asks one server, with the cookie it gave.
#[derive(Clone, Debug)]
pub struct Http {
    server: Server,
    cookie: Option<String>,
}

impl Http {
    /// Without a cookie.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self { server, cookie: None }
    }

    /// The server asked.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// `GET`, the answer as text.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn text(&mut self, path: &str) -> Result<String, Failure> {
        let answer = self.ask(Method::GET, path, String::new()).await?;
        String::from_utf8(answer.to_vec()).context("not text").map_err(Failure::Broken)
    }

    /// `GET`, the answer as JSON.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn get<A: DeserializeOwned>(&mut self, path: &str) -> Result<A, Failure> {
        read(&self.ask(Method::GET, path, String::new()).await?)
    }

    /// `POST` with JSON, the answer as JSON.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn post<A: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, Failure> {
        let body =
            serde_json::to_string(body).context("cannot be JSON").map_err(Failure::Broken)?;
        read(&self.ask(Method::POST, path, body).await?)
    }

    /// `DELETE`.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn delete(&mut self, path: &str) -> Result<(), Failure> {
        self.ask(Method::DELETE, path, String::new()).await.map(|_| ())
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Bytes, Failure> {
        let (status, answer) =
            self.exchange(method, path, body).await.map_err(Failure::Broken)?;
        if status.is_success() {
            return Ok(answer);
        }
        match serde_json::from_slice(&answer) {
            Ok(reject) => Err(Failure::Refused(status, reject)),
            Err(_) => Err(Failure::Broken(anyhow::anyhow!("status {status}"))),
        }
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let authority = self.server.authority();
        let stream = TcpStream::connect(&authority).await.context("no connection")?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driving = tokio::spawn(connection);

        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &authority)
            .header(ORIGIN, self.server.origin())
            .header(CONTENT_TYPE, "application/json");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let response = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let status = response.status();
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
            self.cookie = Some(cookie.to_owned());
        }
        let answer = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| anyhow::anyhow!(error))?
            .to_bytes();
        driving.abort();
        Ok((status, answer))
    }
}

fn read<A: DeserializeOwned>(answer: &Bytes) -> Result<A, Failure> {
    // Nothing at all reads as JSON's `null`, so that `()` can stand for it.
    let answer = if answer.is_empty() { &b"null"[..] } else { answer };
    serde_json::from_slice(answer).context("not the answer expected").map_err(Failure::Broken)
}
