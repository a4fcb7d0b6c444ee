//! A WebSocket without a participant behind it: says what no correct client would.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use protocol::SUBPROTOCOL;
use protocol::client::{ClientEnvelope, ClientMessage};
use protocol::server::ServerMessage;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// One raw connection.
pub(crate) struct Raw {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    n: u32,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Said(Box<ServerMessage>),
    Closed(Option<u16>),
}

impl Raw {
    /// Opens one; `origin` is what a browser would say.
    pub(crate) async fn open(origin: &str) -> Self {
        Self::try_open(origin, origin).await.unwrap()
    }

    pub(crate) async fn try_open(server: &str, origin: &str) -> Result<Self, u16> {
        let url = format!("ws://{}/ws", server.trim_start_matches("http://"));
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
        headers.insert("origin", HeaderValue::from_str(origin).unwrap());
        match connect_async(request).await {
            Ok((stream, _)) => Ok(Self { stream, n: 0 }),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                Err(response.status().as_u16())
            }
            Err(_) => Err(0),
        }
    }

    /// Sends text as it is.
    pub(crate) async fn text(&mut self, text: impl Into<String>) {
        // The server may have closed: what it said before is still to be read.
        let _ = self.stream.send(Message::Text(text.into().into())).await;
    }

    /// Sends bytes as they are.
    pub(crate) async fn binary(&mut self, bytes: Vec<u8>) {
        let _ = self.stream.send(Message::Binary(bytes.into())).await;
    }

    /// Says something well-formed.
    pub(crate) async fn say(&mut self, body: ClientMessage) {
        self.n += 1;
        let envelope = ClientEnvelope { n: self.n, body };
        self.text(envelope.encode()).await;
    }

    /// The next thing heard.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            let next = timeout(Duration::from_secs(30), self.stream.next()).await;
            match next.expect("the server says something or closes") {
                Some(Ok(Message::Text(text))) => {
                    let message = ServerMessage::decode(&text).unwrap();
                    return Heard::Said(Box::new(message));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Heard::Closed(frame.map(|frame| frame.code.into()));
                }
                Some(Ok(
                    Message::Ping(_)
                    | Message::Pong(_)
                    | Message::Binary(_)
                    | Message::Frame(_),
                )) => (),
                Some(Err(_)) | None => return Heard::Closed(None),
            }
        }
    }

    /// Reads on until the connection closes; returns the close code.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = self.hear().await {
                return code;
            }
        }
    }
}
