//! A delivery service that lies: sits between a participant and the server and changes what
//! the server says.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _};
use headless::desk::Link;
use headless::server::Server;
use protocol::SUBPROTOCOL;
use protocol::server::ServerMessage;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{accept_hdr_async, connect_async};

/// What is put in place of each message of the server.
type Lie = dyn FnMut(ServerMessage) -> Vec<ServerMessage> + Send;

/// Something in between.
pub(crate) struct Proxy {
    origin: String,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Stands before the server at `origin`; `lie` says what the participant hears instead.
    pub(crate) async fn before(
        origin: &str,
        lie: impl FnMut(ServerMessage) -> Vec<ServerMessage> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let server = origin.to_owned();
        let lie: Arc<Mutex<Lie>> = Arc::new(Mutex::new(lie));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(carry(stream, server.clone(), Arc::clone(&lie)));
            }
        });
        Self { origin: own, _tasks: tasks }
    }

    pub(crate) fn server(&self) -> Server {
        Server::parse(&self.origin).unwrap()
    }

    /// The same link, but leading here.
    pub(crate) fn bend(&self, link: &Link) -> Link {
        let (_, fragment) = link.expose().split_once('#').unwrap();
        Link::new(self.server().link(&format!("#{fragment}")))
    }
}

async fn carry(stream: TcpStream, server: String, lie: Arc<Mutex<Lie>>) {
    let Ok(mut near) = accept_hdr_async(stream, speak).await else { return };
    let url = format!("ws://{}/ws", server.trim_start_matches("http://"));
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    headers.insert("origin", HeaderValue::from_str(&server).unwrap());
    let Ok((mut far, _)) = connect_async(request).await else { return };
    loop {
        tokio::select! {
            up = near.next() => match up {
                Some(Ok(message)) => {
                    if far.send(message).await.is_err() {
                        return;
                    }
                }
                Some(Err(_)) | None => return,
            },
            down = far.next() => match down {
                Some(Ok(Message::Text(text))) => {
                    let said = ServerMessage::decode(&text).unwrap();
                    let told = (lie.lock().unwrap_or_else(PoisonError::into_inner))(said);
                    for message in told {
                        if near.send(Message::Text(message.encode().into())).await.is_err() {
                            return;
                        }
                    }
                }
                Some(Ok(other)) => {
                    if near.send(other).await.is_err() {
                        return;
                    }
                }
                Some(Err(_)) | None => return,
            },
        }
    }
}

#[expect(clippy::result_large_err, reason = "the signature is that of the crate")]
#[expect(clippy::unnecessary_wraps, reason = "the signature is that of the crate")]
fn speak(_request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let name = HeaderValue::from_static(SUBPROTOCOL);
    response.headers_mut().insert("sec-websocket-protocol", name);
    Ok(response)
}
