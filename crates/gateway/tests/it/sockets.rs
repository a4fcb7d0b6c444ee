//! WebSockets: who may open one, and what closes it.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gateway::Limits;
use protocol::opaque::encode_base64url;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{Place, Role, ServerMessage};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::server::{DEADLINE, Server, settings};

const SHORT: Duration = Duration::from_millis(200);

pub(crate) type Socket = WebSocketStream<TcpStream>;

#[tokio::test]
async fn only_our_pages_and_clients_without_a_browser_may_open_one() {
    let server = Server::start(settings()).await;
    let own = server.origin();
    for (origin, cookie, opens) in [
        (own.as_str(), "", true),
        (own.as_str(), "a=b", true),
        ("https://aman.example", "", true),
        ("", "", true),
        ("", "a=b", false),
        ("null", "", false),
        ("https://evil.example", "", false),
        ("http://127.0.0.1:1", "", false),
    ] {
        let opened = open(&server, &[("origin", origin), ("cookie", cookie)], true).await;
        match opened {
            Ok(_) => assert!(opens, "{origin} {cookie}"),
            Err(status) => {
                assert!(!opens, "{origin} {cookie}");
                assert_eq!(status, 403);
            }
        }
    }
}

#[tokio::test]
async fn the_subprotocol_must_be_named_and_is_confirmed() {
    let server = Server::start(settings()).await;
    assert_eq!(open(&server, &[], false).await.unwrap_err(), 400);
    let other = open(&server, &[("sec-websocket-protocol", "chat, aman.v2")], false).await;
    assert_eq!(other.unwrap_err(), 400);
    assert!(open(&server, &[("sec-websocket-protocol", "x, aman.v1")], false).await.is_ok());
    // Not a WebSocket at all.
    assert_eq!(server.get("/ws").await.status, 400);
}

#[tokio::test]
async fn a_message_over_the_limit_closes_with_1009() {
    let server = Server::start(settings()).await;
    let mut socket = open(&server, &[], true).await.unwrap();

    // The server may be gone before all of it is sent.
    let _ = socket.send(Message::text("x".repeat(64 * 1024 + 1))).await;
    assert_eq!(close_code(&mut socket).await, Some(1009));

    let mut fits = open(&server, &[], true).await.unwrap();
    fits.send(Message::text("x".repeat(64 * 1024))).await.unwrap();
    assert_eq!(rejected(&mut fits).await, (None, Reject::Malformed));
}

#[tokio::test]
async fn a_message_of_64_mib_closes_with_1009_before_it_is_read() {
    let server = Server::start(settings()).await;
    let mut socket = open(&server, &[], true).await.unwrap();
    // A text frame, masked, with a length of 64 MiB; then its first bytes.
    let mut head = vec![0x81, 0xff];
    head.extend((64_u64 << 20).to_be_bytes());
    head.extend([0; 4 + 4096]);
    socket.get_mut().write_all(&head).await.unwrap();

    assert_eq!(close_code(&mut socket).await, Some(1009));
}

#[tokio::test]
async fn what_is_no_message_is_refused_in_words() {
    let server = Server::start(settings()).await;
    let mut socket = open(&server, &[], true).await.unwrap();
    for text in [
        "",
        "{",
        "null",
        "[]",
        r#"{"n":1}"#,
        r#"{"n":-1,"body":{"type":"ping"}}"#,
        r#"{"n":1,"body":{"type":"open_the_door"}}"#,
        r#"{"n":1,"body":{"type":"ping"},"more":1}"#,
        r#"{"n":1,"body":{"type":"hello","right":{"kind":"invite"}}}"#,
        "\u{feff}{}",
    ] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(rejected(&mut socket).await, (None, Reject::Malformed), "{text}");
    }
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(rejected(&mut socket).await, (None, Reject::Malformed));
}

#[tokio::test]
async fn the_first_message_must_be_hello_with_a_good_right() {
    let server = Server::start(settings()).await;
    let mut socket = open(&server, &[], true).await.unwrap();
    let zeros = "A".repeat(43);

    socket.send(Message::text(r#"{"n":1,"body":{"type":"ping"}}"#)).await.unwrap();
    assert_eq!(rejected(&mut socket).await, (Some(1), Reject::OutOfOrder));
    for right in [
        format!(r#"{{"kind":"ticket","ticket":"{zeros}"}}"#),
        format!(r#"{{"kind":"resume","resume":"{zeros}","after":0}}"#),
    ] {
        let hello = format!(r#"{{"n":2,"body":{{"type":"hello","right":{right}}}}}"#);
        socket.send(Message::text(hello)).await.unwrap();
        assert_eq!(rejected(&mut socket).await, (Some(2), Reject::NoSuchRight));
    }
}

#[tokio::test]
async fn too_many_strikes_close_with_1008() {
    let server = Server::with(Limits { strikes_max: 3, ..Limits::default() }).await;
    let mut socket = open(&server, &[], true).await.unwrap();
    for _ in 0..3 {
        socket.send(Message::text("no")).await.unwrap();
        rejected(&mut socket).await;
    }
    assert_eq!(close_code(&mut socket).await, Some(1008));
}

#[tokio::test]
async fn what_the_room_refuses_as_misconduct_is_a_strike_too() {
    let server = Server::with(Limits { strikes_max: 3, ..Limits::default() }).await;
    let (mut socket, _) = moderator(&server).await;
    let zeros = "A".repeat(43);
    // No group yet: a correct client may be late.
    let late = format!(
        r#"{{"n":2,"body":{{"type":"application","group":"{zeros}","epoch":0,"message":"AAAA"}}}}"#
    );
    for _ in 0..6 {
        socket.send(Message::text(late.clone())).await.unwrap();
        assert_eq!(rejected(&mut socket).await, (Some(2), Reject::NoSuchGroup));
    }
    // A moderator never knocks.
    let knock = r#"{"n":3,"body":{"type":"knock","key_package":"AAAA","spare_key_package":"AAAA","nonce":"AAAA","mac":"AAAA","sealed_name":"AAAA"}}"#;
    for _ in 0..2 {
        socket.send(Message::text(knock)).await.unwrap();
        assert_eq!(rejected(&mut socket).await, (Some(3), Reject::OutOfOrder));
    }
    socket.send(Message::text("no")).await.unwrap();
    assert_eq!(close_code(&mut socket).await, Some(1008), "both kinds are counted together");
}

#[tokio::test]
async fn the_room_alone_can_strike_somebody_out() {
    let server = Server::with(Limits { strikes_max: 3, ..Limits::default() }).await;
    let (mut socket, hello) = moderator(&server).await;
    let knock = r#"{"n":3,"body":{"type":"knock","key_package":"AAAA","spare_key_package":"AAAA","nonce":"AAAA","mac":"AAAA","sealed_name":"AAAA"}}"#;
    for _ in 0..3 {
        socket.send(Message::text(knock)).await.unwrap();
        assert_eq!(rejected(&mut socket).await, (Some(3), Reject::OutOfOrder));
    }
    assert_eq!(close_code(&mut socket).await, Some(1008));
    drop(hello);
}

#[tokio::test]
async fn too_many_messages_close_with_1008_pings_too() {
    for message in [Message::text("no"), Message::Ping(Vec::new().into())] {
        let limits = Limits { strikes_max: u32::MAX, ..Limits::default() };
        let server = Server::with(limits).await;
        let mut socket = open(&server, &[], true).await.unwrap();
        for _ in 0..200 {
            if socket.send(message.clone()).await.is_err() {
                break;
            }
        }
        assert_eq!(close_code(&mut socket).await, Some(1008));
    }
}

#[tokio::test]
async fn who_does_not_say_hello_is_closed_with_1008() {
    let server = Server::with(Limits { hello_patience: SHORT, ..Limits::default() }).await;
    let mut socket = open(&server, &[], true).await.unwrap();
    assert_eq!(close_code(&mut socket).await, Some(1008));
}

#[tokio::test]
async fn who_falls_silent_is_closed_with_1008() {
    let server = Server::with(Limits { silence_patience: SHORT, ..Limits::default() }).await;
    let (mut socket, _) = moderator(&server).await;
    assert_eq!(close_code(&mut socket).await, Some(1008));
}

#[tokio::test]
async fn who_never_reads_is_dropped() {
    let limits = Limits {
        write_patience: SHORT,
        messages_burst_max: 1_000_000,
        messages_per_second_max: 1_000_000,
        strikes_max: u32::MAX,
        ..Limits::default()
    };
    let server = Server::with(limits).await;
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let stream = tcp.connect(server.address).await.unwrap();
    let mut socket = upgrade(&server, stream, &[], true).await.unwrap();

    timeout(DEADLINE, async {
        // Each is answered; the answers pile up until the server cannot write any more.
        while socket.send(Message::text("no")).await.is_ok() {}
    })
    .await
    .expect("the server hangs up");
}

#[tokio::test]
async fn a_ticket_leads_into_the_room_and_a_second_hello_is_out_of_order() {
    let server = Server::start(settings()).await;
    let (mut socket, hello) = moderator(&server).await;

    socket.send(Message::text(r#"{"n":2,"body":{"type":"ping"}}"#)).await.unwrap();
    assert_eq!(next(&mut socket).await, ServerMessage::Done { n: 2 });
    socket.send(Message::text(hello)).await.unwrap();
    assert_eq!(rejected(&mut socket).await, (Some(1), Reject::OutOfOrder));
}

#[tokio::test]
async fn who_leaves_and_hangs_up_at_once_has_left() {
    let limits = Limits { messages_burst_max: 1000, ..Limits::default() };
    let server = Server::with(limits).await;
    let cookie = server.set_up().await;
    for n in 1..=20 {
        let (mut socket, _, resume) = enter(&server, &cookie).await;
        // More than the room takes in at once, then less.
        for _ in 0..(600 / n) {
            socket.feed(Message::text(r#"{"n":2,"body":{"type":"ping"}}"#)).await.unwrap();
        }
        socket.send(Message::text(r#"{"n":3,"body":{"type":"leave"}}"#)).await.unwrap();
        // With a reset, as a browser does that has answers it has not read.
        socket.get_ref().set_zero_linger().unwrap();
        drop(socket);
        closed(&server, 2 * n - 1).await;

        let mut socket = open(&server, &[], true).await.unwrap();
        let right = format!(r#"{{"kind":"resume","resume":"{resume}","after":0}}"#);
        let hello = format!(r#"{{"n":1,"body":{{"type":"hello","right":{right}}}}}"#);
        socket.send(Message::text(hello)).await.unwrap();
        assert_eq!(rejected(&mut socket).await, (Some(1), Reject::NoSuchRight), "round {n}");
        drop(socket);
    }
}

#[tokio::test]
async fn a_server_that_stops_says_farewell() {
    let server = Server::start(settings()).await;
    let (mut socket, _) = moderator(&server).await;

    server.stop();
    server.switchboard.shut_down(Duration::from_secs(3)).await;

    let farewell = ServerMessage::Farewell { reason: FarewellReason::ServerStopping };
    assert_eq!(next(&mut socket).await, farewell);
    assert_eq!(close_code(&mut socket).await, Some(1000));
    server.stopped().await;
}

/// A counsellor in a new room, and the hello that got them there.
pub(crate) async fn moderator(server: &Server) -> (Socket, String) {
    let cookie = server.set_up().await;
    let (socket, hello, _) = enter(server, &cookie).await;
    (socket, hello)
}

/// The same for somebody signed in, with what they may come back by.
async fn enter(server: &Server, cookie: &str) -> (Socket, String, String) {
    let made = server.post("/api/rooms", cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let path = format!("/api/rooms/{}/ticket", made.field("room"));
    let ticket = server.post(&path, cookie, "").await.field("ticket");
    let mut socket = open(server, &[("origin", &server.origin())], true).await.unwrap();
    let hello = format!(
        r#"{{"n":1,"body":{{"type":"hello","right":{{"kind":"ticket","ticket":"{ticket}"}}}}}}"#
    );
    socket.send(Message::text(hello.clone())).await.unwrap();
    let ServerMessage::Entered(entered) = next(&mut socket).await else {
        panic!("not entered");
    };
    assert_eq!((entered.role, entered.place), (Role::Moderator, Place::Room));
    (socket, hello, encode_base64url(entered.resume.as_slice()))
}

/// Waits until so many connections are over.
async fn closed(server: &Server, n: u32) {
    let line = format!("aman_gateway_sockets_closed {n}\n");
    timeout(DEADLINE, async {
        while !server.get("/metrics").await.text().contains(&line) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the connection is over");
}

/// Opens a WebSocket, or says with which status it was refused.
pub(crate) async fn open(
    server: &Server,
    headers: &[(&str, &str)],
    subprotocol: bool,
) -> Result<Socket, u16> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    upgrade(server, stream, headers, subprotocol).await
}

async fn upgrade(
    server: &Server,
    stream: TcpStream,
    headers: &[(&str, &str)],
    subprotocol: bool,
) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/ws", server.address).into_client_request().unwrap();
    let ours = [("sec-websocket-protocol", protocol::SUBPROTOCOL)];
    for (name, value) in headers.iter().chain(ours.iter().filter(|_| subprotocol)) {
        if !value.is_empty() {
            let name = tungstenite::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    match client_async(request, stream).await {
        Ok((socket, answer)) => {
            assert_eq!(answer.headers()["sec-websocket-protocol"], protocol::SUBPROTOCOL);
            Ok(socket)
        }
        Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// The next message of the server.
pub(crate) async fn next(socket: &mut Socket) -> ServerMessage {
    loop {
        let message = timeout(DEADLINE, socket.next()).await.unwrap().unwrap().unwrap();
        assert!(!message.is_close(), "closed: {message:?}");
        if let Message::Text(text) = message {
            return ServerMessage::decode(&text).unwrap();
        }
    }
}

async fn rejected(socket: &mut Socket) -> (Option<u32>, Reject) {
    let message = next(socket).await;
    let ServerMessage::Rejected { n, reject } = message else {
        panic!("{message:?}");
    };
    (n, reject)
}

/// Reads to the end and returns the code of the close frame, if there was one.
async fn close_code(socket: &mut Socket) -> Option<u16> {
    let mut code = None;
    timeout(DEADLINE, async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                code = frame.map(|frame| frame.code.into());
            }
        }
    })
    .await
    .expect("the connection is closed");
    code
}
