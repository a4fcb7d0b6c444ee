//! Requests as bytes, so that nothing between test and server is polite for us.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::server::DEADLINE;

pub(crate) struct Request {
    method: String,
    path: String,
    host: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            host: None,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = Some(host.into());
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.headers.push((name.into(), value.into()));
        }
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self, to: SocketAddr) -> Answer {
        let stream = TcpStream::connect(to).await.unwrap();
        exchange(stream, &self.text(to)).await
    }

    fn text(&self, to: SocketAddr) -> String {
        let host = self.host.clone().unwrap_or_else(|| to.to_string());
        let mut text = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            text += &format!("content-length: {}\r\n", self.body.len());
        }
        text + "connection: close\r\n\r\n" + &self.body
    }
}

/// Sends bytes and reads the answer to its end.
pub(crate) async fn exchange(mut stream: TcpStream, text: &str) -> Answer {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    Answer::parse(&bytes)
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|at| at == b"\r\n\r\n").expect("a whole head");
        let (head, body) = bytes.split_at(end);
        let head = std::str::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self { status, headers, body: body.strip_prefix(b"\r\n\r\n").unwrap().to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `name=value` of the cookie it sets.
    pub(crate) fn cookie(&self) -> String {
        let line = self.header("set-cookie").expect("a cookie");
        line.split(';').next().unwrap().to_owned()
    }

    /// A string of the JSON in it, without a parser.
    pub(crate) fn field(&self, name: &str) -> String {
        let text = self.text();
        let start = text.find(&format!("\"{name}\":\"")).expect("the field") + name.len() + 4;
        text[start..].split('"').next().unwrap().to_owned()
    }
}
