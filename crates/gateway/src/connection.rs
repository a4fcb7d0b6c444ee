//! One WebSocket: from the upgrade to the close.
//!
//! ```text
//!   upgrade ──► enter: hello, until the switchboard gives a line ──► listen ┐
//!      │          (patience, strikes)                                speak  ┴─► close
//!      └─ foreign origin 403, no subprotocol 400
//! ```
//!
//! Two loops run at once: *listen* brings what the client says to its line, *speak* brings what
//! the room says to the client, so that a client who does not read can still be told to go.  The
//! first of them to end ends the connection; only when the client hears no more is what it said
//! before still brought to the room, for that may be that it leaves.
//!
//! What no correct client does costs a strike, whether we refuse it at the door or the room does.
//!
//! Who may connect: a page of ours (`Origin`), or a client that is no browser: no `Origin`, and
//! no cookie either, so that nothing a browser holds can be borrowed.  Rights travel in `hello`
//! and cookies mean nothing here.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::SUBPROTOCOL;
use protocol::client::{ClientEnvelope, ClientMessage, Right};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::ServerMessage;
use store::Stage;
use store::records::Hash;
use switchboard::Line;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::api::door;
use crate::app::{App, Shared};
use crate::bucket::Bucket;
use crate::counters::Counter;
use crate::porch::stop;
use crate::refusal::Refusal;

/// How often a moderator's connection looks whether its sign-in is still there.
const SIGN_IN_LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Bytes a connection may hold that the client has not read.
const WRITE_BYTES_MAX: usize = 256 * 1024;

/// How long the last words of a client are waited for that hears no more.  They are here already,
/// unless the network is slower in one direction.
const LAST_WORDS_PATIENCE: Duration = Duration::from_secs(2);

/// Our own words that wait to be said.
const OWN_WORDS_MAX: usize = 8;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client closed it, or the network did.
    ByClient,
    /// A message was over the limit.
    TooLarge,
    /// Too many messages.
    TooFast,
    /// Too many strikes.
    StruckOut,
    /// Nothing was said for too long.
    Silent,
    /// The room has said everything.
    RoomOver,
    /// The server stops.
    Stopping,
}

/// `GET /ws`.
pub(crate) async fn upgrade(
    State(app): State<Shared>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let may_connect =
        app.origins.is_own(&headers).unwrap_or_else(|| !headers.contains_key(header::COOKIE));
    if !may_connect {
        app.counters.requests_foreign.bump();
        return Refusal::new(StatusCode::FORBIDDEN, Reject::NoSuchRight).into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            return Refusal::new(rejection.status(), Reject::Malformed).into_response();
        }
    };
    if !upgrade.requested_protocols().any(|protocol| protocol == SUBPROTOCOL) {
        return Refusal::from(Reject::Malformed).into_response();
    }
    upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(app.limits.message_bytes_max)
        .max_frame_size(app.limits.message_bytes_max)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BYTES_MAX)
        .on_upgrade(move |socket| run(app, socket))
}

async fn run(app: Shared, socket: WebSocket) {
    app.counters.sockets_opened.bump();
    let (sink, stream) = socket.split();
    let limits = &app.limits;
    let strikes = Strikes { app: &app, n: AtomicU32::new(0) };
    let mut ear = Ear {
        app: &app,
        stream,
        pace: Bucket::per_second(limits.messages_burst_max, limits.messages_per_second_max),
        strikes: &strikes,
    };
    let mut mouth = Mouth { app: &app, sink };
    let end = converse(&app, &mut ear, &mut mouth).await;
    app.counters.sockets_closed.bump();
    if let Some(counter) = end.counter(&app) {
        counter.bump();
    }
    tracing::debug!(?end, "A connection is over");
    mouth.close(end).await;
}

async fn converse(app: &Shared, ear: &mut Ear<'_>, mouth: &mut Mouth<'_>) -> End {
    let (outbox, mut inbox) = mpsc::channel(app.limits.outbox_messages_max);
    let entered = tokio::select! {
        entered = timeout(app.limits.hello_patience, enter(app, ear, mouth, outbox)) => entered,
        () = stop(app.stopping.clone()) => return End::Stopping,
    };
    let (line, tie) = match entered {
        Ok(Ok(entered)) => entered,
        Ok(Err(end)) => return end,
        Err(_) => return End::Silent,
    };
    let (own, mut own_words) = mpsc::channel(OWN_WORDS_MAX);
    let strikes = ear.strikes;
    let mut listening = pin!(listen(app, ear, &line, own));
    let end = tokio::select! {
        end = &mut listening => return end,
        end = speak(mouth, strikes, &tie, &mut inbox, &mut own_words) => end,
        end = watch_sign_in(app, &tie, &line) => end,
    };
    if end == End::ByClient { hear_out(listening, &mut inbox).await } else { end }
}

/// Whoever leaves says so and hangs up, and our next word may find that out before we have heard
/// theirs: they would be taken for lost, and the others would look at an empty chair.
async fn hear_out(
    listening: Pin<&mut impl Future<Output = End>>,
    inbox: &mut mpsc::Receiver<ServerMessage>,
) -> End {
    let room_is_over = async { while inbox.recv().await.is_some() {} };
    tokio::select! {
        end = listening => end,
        () = room_is_over => End::RoomOver,
        () = tokio::time::sleep(LAST_WORDS_PATIENCE) => End::ByClient,
    }
}

/// Takes hellos until one is good.  Keeps no sender of the outbox, so that the room alone
/// decides when the connection has heard everything.
async fn enter(
    app: &Shared,
    ear: &mut Ear<'_>,
    mouth: &mut Mouth<'_>,
    outbox: mpsc::Sender<ServerMessage>,
) -> Result<(Line, Tie), End> {
    loop {
        let (n, reject) = match ear.next().await? {
            Ok(envelope) => {
                if let ClientMessage::Hello(hello) = envelope.body {
                    match admit(app, hello.right, outbox.clone()).await {
                        Ok(entered) => return Ok(entered),
                        Err(reject) => (Some(envelope.n), reject),
                    }
                } else {
                    (Some(envelope.n), Reject::OutOfOrder)
                }
            }
            Err(reject) => (None, reject),
        };
        mouth.say(&ServerMessage::Rejected { n, reject }).await?;
        ear.strikes.add()?;
    }
}

/// Lets somebody in by a right, unless the sign-in it came from is gone.
async fn admit(
    app: &Shared,
    right: Right,
    outbox: mpsc::Sender<ServerMessage>,
) -> Result<(Line, Tie), Reject> {
    let sign_in = app.holders.of(&right);
    if let Some(token_hash) = sign_in
        && !is_alive(app, token_hash).await
    {
        return Err(Reject::NotSignedIn);
    }
    let line = app.switchboard.hello(right, outbox).await?;
    Ok((line, Tie { sign_in, resume: Mutex::default() }))
}

/// What a connection has to do with a sign-in.
struct Tie {
    /// The one its right came from.
    sign_in: Option<Hash>,
    /// The token by which it can be gone on with.
    resume: Mutex<Option<Opaque<32>>>,
}

impl Tie {
    fn resume(&self) -> MutexGuard<'_, Option<Opaque<32>>> {
        self.resume.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is said to the client may be its next token.
    fn hear(&self, app: &App, message: &ServerMessage) {
        if let ServerMessage::Entered(entered) = message {
            *self.resume() = Some(entered.resume.clone());
            self.keep(app);
        }
    }

    /// Whoever goes on with the token still belongs to the sign-in.
    fn keep(&self, app: &App) {
        if let (Some(sign_in), Some(resume)) = (self.sign_in, self.resume().as_ref()) {
            app.holders.can_resume(resume, sign_in, app.clock.unix());
        }
    }
}

/// Keeps the sign-in of a connection in use, and leaves the room once it is gone.
async fn watch_sign_in(app: &Shared, tie: &Tie, line: &Line) -> End {
    let Some(token_hash) = tie.sign_in else { return std::future::pending().await };
    let mut ended = app.sign_ins.subscribe();
    while is_alive(app, token_hash).await {
        tie.keep(app);
        // Told at once by this process; other programs end sign-ins too.
        let _ = timeout(SIGN_IN_LOOK_INTERVAL, ended.changed()).await;
    }
    let _ = line.send(u32::MAX, ClientMessage::Leave).await;
    // The room says goodbye, and that ends the connection.
    std::future::pending().await
}

/// Whether the sign-in is there and whole.  A store that fails ends no call.
async fn is_alive(app: &Shared, token_hash: Hash) -> bool {
    match door::alive(app, token_hash).await {
        Ok(found) => found.is_some_and(|sign_in| sign_in.stage == Stage::Whole),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "The store failed");
            true
        }
    }
}

/// Brings what the client says to its line.
async fn listen(
    app: &Shared,
    ear: &mut Ear<'_>,
    line: &Line,
    own: mpsc::Sender<ServerMessage>,
) -> End {
    loop {
        let silence = app.limits.silence_patience;
        let (n, reject) = match timeout(silence, ear.next()).await {
            Err(_) => return End::Silent,
            Ok(Err(end)) => return end,
            Ok(Ok(Err(reject))) => (None, reject),
            Ok(Ok(Ok(ClientEnvelope { n, body: ClientMessage::Hello(_) }))) => {
                (Some(n), Reject::OutOfOrder)
            }
            Ok(Ok(Ok(ClientEnvelope { n, body }))) => {
                if line.send(n, body).await.is_err() {
                    // The outbox holds the room's last words; saying them ends the connection.
                    return std::future::pending().await;
                }
                continue;
            }
        };
        // Full means that the client does not read, and that has an end of its own.
        let _ = own.try_send(ServerMessage::Rejected { n, reject });
        if let Err(end) = ear.strikes.add() {
            return end;
        }
    }
}

/// Brings what the room says to the client.
async fn speak(
    mouth: &mut Mouth<'_>,
    strikes: &Strikes<'_>,
    tie: &Tie,
    inbox: &mut mpsc::Receiver<ServerMessage>,
    own_words: &mut mpsc::Receiver<ServerMessage>,
) -> End {
    loop {
        let (message, is_misconduct) = tokio::select! {
            biased;
            // Counted when it was heard.
            Some(message) = own_words.recv() => (Some(message), false),
            message = inbox.recv() => {
                let is_misconduct = message.as_ref().is_some_and(tells_of_misconduct);
                (message, is_misconduct)
            }
        };
        let Some(message) = message else {
            return End::RoomOver;
        };
        tie.hear(mouth.app, &message);
        let said = mouth.say(&message).await;
        let counted = if is_misconduct { strikes.add() } else { Ok(()) };
        if let Err(end) = said.and(counted) {
            return end;
        }
    }
}

/// Whether the room refused what no correct client asks for.
fn tells_of_misconduct(message: &ServerMessage) -> bool {
    let ServerMessage::Rejected { n: _, reject } = message else { return false };
    reject.is_misconduct()
}

/// Messages of one connection that should not have been.
struct Strikes<'a> {
    app: &'a Shared,
    n: AtomicU32,
}

impl Strikes<'_> {
    /// One more.
    fn add(&self) -> Result<(), End> {
        self.app.counters.messages_refused.bump();
        let n = self.n.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if n >= self.app.limits.strikes_max { Err(End::StruckOut) } else { Ok(()) }
    }
}

/// Hears the client, within limits.
struct Ear<'a> {
    app: &'a Shared,
    stream: SplitStream<WebSocket>,
    pace: Bucket,
    strikes: &'a Strikes<'a>,
}

impl Ear<'_> {
    /// The next message, or why it cannot be read.
    async fn next(&mut self) -> Result<Result<ClientEnvelope, Reject>, End> {
        loop {
            let message = match self.stream.next().await {
                None => return Err(End::ByClient),
                Some(Err(error)) if is_too_large(&error) => return Err(End::TooLarge),
                Some(Err(_)) => return Err(End::ByClient),
                Some(Ok(message)) => message,
            };
            if !self.pace.take(self.app.clock.now()) {
                return Err(End::TooFast);
            }
            match message {
                Message::Text(text) => {
                    self.app.counters.messages_in.bump();
                    return Ok(ClientEnvelope::decode(&text));
                }
                Message::Binary(_) => return Ok(Err(Reject::Malformed)),
                // Answered by the WebSocket itself.
                Message::Ping(_) | Message::Pong(_) => (),
                Message::Close(_) => return Err(End::ByClient),
            }
        }
    }
}

/// Speaks to the client, who has to read.
struct Mouth<'a> {
    app: &'a Shared,
    sink: SplitSink<WebSocket, Message>,
}

impl Mouth<'_> {
    async fn say(&mut self, message: &ServerMessage) -> Result<(), End> {
        self.app.counters.messages_out.bump();
        let said = self.sink.send(Message::text(message.encode())).await;
        said.map_err(|_| End::ByClient)
    }

    /// Says goodbye, if it can still be heard.
    async fn close(mut self, end: End) {
        let goodbye = async {
            if let Some(code) = end.close_code() {
                let frame = CloseFrame { code, reason: "".into() };
                let _ = self.sink.send(Message::Close(Some(frame))).await;
            }
            let _ = self.sink.close().await;
        };
        let _ = timeout(self.app.limits.write_patience, goodbye).await;
    }
}

impl End {
    /// The close code of RFC 6455 section 7.4.1.
    const fn close_code(self) -> Option<u16> {
        match self {
            Self::ByClient => None,
            Self::RoomOver => Some(1000),
            Self::Stopping => Some(1001),
            Self::TooFast | Self::StruckOut | Self::Silent => Some(1008),
            Self::TooLarge => Some(1009),
        }
    }

    fn counter(self, app: &Shared) -> Option<&Counter> {
        match self {
            Self::ByClient | Self::RoomOver | Self::Stopping => None,
            Self::TooFast => Some(&app.counters.sockets_too_fast),
            Self::StruckOut => Some(&app.counters.sockets_struck_out),
            Self::Silent => Some(&app.counters.sockets_silent),
            Self::TooLarge => Some(&app.counters.sockets_too_large),
        }
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let cause = std::error::Error::source(error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<axum_tungstenite::Error>());
    matches!(cause, Some(axum_tungstenite::Error::Capacity(_)))
}
