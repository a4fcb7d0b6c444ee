//! The WebSocket of one connection: text frames in and out, and how it ended.
//!
//! A [`Socket`] is two ends of one task.  Everything it says carries the number it was opened
//! with, so that news of a connection already replaced can be told apart.

use anyhow::{Context as _, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::SUBPROTOCOL;
use protocol::limits::{MESSAGE_BYTES_MAX, OUTBOX_MESSAGES_MAX};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::server::Server;

/// What happens on a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketEvent {
    /// It is open.
    Opened,
    /// A text frame came.
    Text(String),
    /// It is over, with the close code (1006 when there was none).
    Closed(u16),
}

/// One connection.
#[derive(Debug)]
pub struct Socket {
    outbox: mpsc::Sender<String>,
    task: AbortHandle,
}

/// The socket is closed, or does not take more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent;

impl Socket {
    /// Opens one.  News come by `report`, which returns `false` when nobody listens any more.
    pub fn open<R, F>(server: &Server, report: R) -> Self
    where
        R: Fn(SocketEvent) -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send,
    {
        let (outbox, to_send) = mpsc::channel(OUTBOX_MESSAGES_MAX);
        let server = server.clone();
        let task = tokio::spawn(async move {
            let code = match connect(&server).await {
                Ok(stream) if report(SocketEvent::Opened).await => {
                    carry(stream, to_send, &report).await
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::debug!(%error, "Could not connect");
                    CLOSED_WITHOUT_CODE
                }
            };
            report(SocketEvent::Closed(code)).await;
        });
        Self { outbox, task: task.abort_handle() }
    }

    /// Sends a text frame.
    ///
    /// # Errors
    ///
    /// [`NotSent`] when it is closed or its queue is full.
    pub fn send(&self, text: String) -> Result<(), NotSent> {
        self.outbox.try_send(text).map_err(|_| NotSent)
    }

    /// Ends the connection without a word, as a lost network does.
    pub fn cut(&self) {
        self.task.abort();
    }
}

/// What a browser says when a connection ends without a close frame.
pub const CLOSED_WITHOUT_CODE: u16 = 1006;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(server: &Server) -> anyhow::Result<Stream> {
    let mut request = server.socket_url().into_client_request()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    request.headers_mut().insert("origin", HeaderValue::from_str(server.origin())?);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let (stream, response) =
        connect_async_with_config(request, Some(config), true).await.context("no WebSocket")?;
    let spoken = response.headers().get("sec-websocket-protocol");
    ensure!(
        spoken.is_some_and(|name| name == SUBPROTOCOL),
        "the server speaks another language"
    );
    Ok(stream)
}

/// Carries frames both ways until the connection ends; returns the close code.
async fn carry<R, F>(mut stream: Stream, mut to_send: mpsc::Receiver<String>, report: &R) -> u16
where
    R: Fn(SocketEvent) -> F + Send + Sync,
    F: Future<Output = bool> + Send,
{
    loop {
        tokio::select! {
            biased;
            // Priority 1: what the participant wants said.
            text = to_send.recv() => {
                let sent = match text {
                    Some(text) => stream.send(Message::Text(Utf8Bytes::from(text))).await,
                    None => stream.close(None).await,
                };
                if sent.is_err() {
                    return CLOSED_WITHOUT_CODE;
                }
                if to_send.is_closed() && to_send.is_empty() {
                    let _ = stream.close(None).await;
                    return u16::from(CloseCode::Normal);
                }
            }
            // Priority 2: what the server says.
            received = stream.next() => match received {
                Some(Ok(Message::Text(text))) => {
                    if !report(SocketEvent::Text(text.as_str().to_owned())).await {
                        return CLOSED_WITHOUT_CODE;
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    // Let the closing handshake finish.
                    let _ = stream.close(None).await;
                    return frame.map_or(1005, |frame| u16::from(frame.code));
                }
                Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
                )) => (),
                Some(Err(_)) | None => return CLOSED_WITHOUT_CODE,
            },
        }
    }
}
