//! Connections that are slow, many or endless.

use std::time::Duration;

use gateway::{GatewaySettings, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::exchange;
use crate::server::{DEADLINE, Server, settings};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let server = Server::with(Limits { head_patience: SHORT, ..Limits::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.unwrap();

    assert_closed(&mut stream).await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_given_up() {
    let server = Server::with(Limits { head_patience: SHORT, ..Limits::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();

    assert_closed(&mut stream).await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let server = Server::with(Limits { body_patience: SHORT, ..Limits::default() }).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /api/sign-in HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncontent-type: \
         application/json\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{{",
        server.address,
        server.origin()
    );

    let answer = exchange(stream, &head).await;

    assert_eq!((answer.status, answer.text().as_str()), (408, r#"{"code":"malformed"}"#));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = Server::start(settings()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let head =
        format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(40_000));

    assert_eq!(exchange(stream, &head).await.status, 431);
}

#[tokio::test]
async fn connections_over_the_limit_wait_outside() {
    let limits = Limits { connections_max: 2, ..Limits::default() };
    let server = Server::with(limits).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    let _second = TcpStream::connect(server.address).await.unwrap();
    let mut third = TcpStream::connect(server.address).await.unwrap();
    assert_closed(&mut third).await;

    drop(first);

    timeout(DEADLINE, async {
        loop {
            let mut again = TcpStream::connect(server.address).await.unwrap();
            again.write_all(b"GET /health HTTP/1.0\r\nhost: localhost\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            if again.read_to_string(&mut answer).await.is_ok() && answer.contains("ok\n") {
                return;
            }
        }
    })
    .await
    .expect("a place that was left is free again");
}

#[tokio::test]
async fn the_server_stops_while_somebody_is_connected() {
    let limits = Limits { farewell_patience: SHORT, ..Limits::default() };
    let server = Server::start(GatewaySettings { limits, ..settings() }).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();

    server.stop();

    assert_closed(&mut idle).await;
    server.stopped().await;
}

async fn assert_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is as closed as an end.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("it is closed");
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
}
