//! Sessions with a date, what a link shows, and how far each link got.

use futures_util::SinkExt;
use gateway::{GatewaySettings, Operator};
use protocol::opaque::encode_base64url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{InviteRecord, Store};
use tokio_tungstenite::tungstenite::Message;

use crate::api::soon;
use crate::http::Answer;
use crate::server::{Server, settings};
use crate::sockets::{Socket, next, open};

pub(crate) const SECRET: [u8; 32] = [42; 32];
const CARD: &[u8] = b"sealed: whom you will meet";

#[tokio::test]
async fn a_session_has_a_date_that_can_be_changed_and_its_links_follow() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let starts_at = soon();
    let plan = json!({
        "sealed_title": "AAAA", "starts_at": starts_at, "minutes": 50, "kind": "audio",
        "reusable": false,
    });
    let made = server.post("/api/rooms", &cookie, &plan.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = format!("/api/rooms/{}", made.field("room"));
    for (key, value) in plan.as_object().unwrap() {
        assert_eq!(&body(&made)[key], value);
    }

    let end = starts_at + 50 * 60 + 12 * 3600;
    let asked = json!({"expires_at": end + 1000});
    let with_room = server.post(&format!("{path}/invites"), &cookie, &invite(0, &asked)).await;
    assert_eq!(body(&with_room)["expires_at"], json!(end), "12 h after the end at the latest");
    let asked = json!({"expires_at": starts_at});
    let short = server.post(&format!("{path}/invites"), &cookie, &invite(1, &asked)).await;
    assert_eq!(body(&short)["expires_at"], json!(starts_at));

    let change = json!({"starts_at": starts_at + 86_400, "kind": "text"}).to_string();
    let changed = body(&server.send("PATCH", &path, &cookie, &change).await);
    assert_eq!(changed["minutes"], json!(50), "what is not named stays");
    assert_eq!(changed["kind"], json!("text"));
    assert_eq!(changed["invites"][0]["expires_at"], json!(end + 86_400));
    assert_eq!(changed["invites"][1]["expires_at"], json!(starts_at));

    let cleared = server.send("PATCH", &path, &cookie, r#"{"starts_at":null}"#).await;
    assert_eq!(body(&cleared)["starts_at"], Value::Null);
    for bad in [
        json!({"minutes": 0}),
        json!({"minutes": 1441}),
        json!({"minutes": 70_000}),
        json!({"starts_at": 1_000_000}),
        json!({"starts_at": 9_000_000_000_u64}),
        json!({"kind": "smoke signals"}),
        json!({"owner": "me"}),
    ] {
        let refused = server.send("PATCH", &path, &cookie, &bad.to_string()).await;
        assert_eq!(refused.status, 400, "{bad}");
        let mut new = bad.clone();
        new["sealed_title"] = json!("AAAA");
        assert_eq!(server.post("/api/rooms", &cookie, &new.to_string()).await.status, 400);
    }
    server.send("DELETE", &path, &cookie, "").await;
    let late = server.send("PATCH", &path, &cookie, "{}").await;
    assert_eq!((late.status, late.field("code").as_str()), (410, "room_ended"));
}

#[tokio::test]
async fn sessions_are_listed_by_their_dates() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    for starts_at in [soon() + 7200, soon()] {
        let plan = json!({"sealed_title": "AAAA", "starts_at": starts_at}).to_string();
        assert_eq!(server.post("/api/rooms", &cookie, &plan).await.status, 201);
    }
    let list = body(&server.send("GET", "/api/rooms", &cookie, "").await);
    let dates: Vec<_> =
        list.as_array().unwrap().iter().map(|room| &room["starts_at"]).collect();
    assert!(dates[0].as_u64() < dates[1].as_u64(), "{dates:?}");
}

#[tokio::test]
async fn a_card_is_for_the_holder_of_the_link_and_says_how_far_it_got() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let room = server.post("/api/rooms", &cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let room = room.field("room");
    let path = format!("/api/rooms/{room}");
    let made = server.post(&format!("{path}/invites"), &cookie, &invite(0, &json!({}))).await;
    assert_eq!(made.field("state"), "unused");
    let card = format!("/api/invites/{}/card", made.field("invite"));
    let right = json!({"server_auth": encode_base64url(&SECRET)}).to_string();

    let nobody = format!("/api/invites/{}/card", encode_base64url(&[9; 16]));
    for (path, secret) in [(&card, [43; 32]), (&nobody, SECRET)] {
        let wrong = json!({"server_auth": encode_base64url(&secret)}).to_string();
        let refused = server.post(path, "", &wrong).await;
        assert_eq!(
            (refused.status, refused.text().as_str()),
            (404, r#"{"code":"no_such_right"}"#)
        );
    }
    assert_eq!(invite_state(&server, &path, &cookie).await, "unused", "guesses open nothing");

    let shown = server.post(&card, "", &right).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    assert_eq!(shown.field("sealed_card"), encode_base64url(CARD));
    assert_eq!(shown.field("state"), "opened");
    assert_eq!(invite_state(&server, &path, &cookie).await, "opened");

    let mut socket = knock(&server).await;
    assert_eq!(invite_state(&server, &path, &cookie).await, "waiting");
    assert_eq!(server.post(&card, "", &right).await.field("state"), "waiting");
    socket.send(Message::text(r#"{"n":3,"body":{"type":"leave"}}"#)).await.unwrap();
    next(&mut socket).await;
    assert_eq!(invite_state(&server, &path, &cookie).await, "opened");

    let revoke = format!("/api/invites/{}", made.field("invite"));
    server.send("DELETE", &revoke, &cookie, "").await;
    assert_eq!(server.post(&card, "", &right).await.text(), r#"{"code":"no_such_right"}"#);
    assert_eq!(invite_state(&server, &path, &cookie).await, "revoked");
}

#[tokio::test]
async fn a_card_says_when_it_is_too_late() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let room = server.post("/api/rooms", &cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let path = format!("/api/rooms/{}", room.field("room"));
    let made = server.post(&format!("{path}/invites"), &cookie, &invite(0, &json!({}))).await;
    let id = protocol::id::InviteId::parse(&made.field("invite")).unwrap();
    let right = json!({"server_auth": encode_base64url(&SECRET)}).to_string();
    let record = server.store.invite(id).await.unwrap().unwrap();
    let expired = InviteRecord {
        id: protocol::id::InviteId::from_bytes([8; 16]),
        number: 1,
        expires_at: protocol::time::UnixSeconds(1),
        ..record
    };
    server.store.create_invite(expired, 9).await.unwrap();
    let late = format!("/api/invites/{}/card", encode_base64url(&[8; 16]));
    let refused = server.post(&late, "", &right).await;
    assert_eq!((refused.status, refused.field("code").as_str()), (410, "expired"));

    server.store.use_up_invite(id).await.unwrap();
    let card = format!("/api/invites/{id}/card");
    let used = server.post(&card, "", &right).await;
    assert_eq!((used.status, used.field("code").as_str()), (404, "no_such_right"));

    server.send("DELETE", &path, &cookie, "").await;
    let ended = server.post(&card, "", &right).await;
    assert_eq!((ended.status, ended.field("code").as_str()), (410, "room_ended"));
}

#[tokio::test]
async fn everybody_is_told_what_the_operator_set() {
    let operator = Operator {
        agency: "Harbour".to_owned(),
        exit_url: "https://weather.example/".to_owned(),
        sensitive: true,
        ..Operator::default()
    };
    let server = Server::start(GatewaySettings { operator, ..settings() }).await;
    let state = body(&server.get("/api/state").await);
    assert_eq!(state["agency"], json!("Harbour"));
    assert_eq!(state["exit_url"], json!("https://weather.example/"));
    assert_eq!(state["sensitive"], json!(true));
    assert_eq!(state["crisis"], json!({}));
}

pub(crate) fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// An invite whose `server-auth` is [`SECRET`].
pub(crate) fn invite(number: u8, change: &Value) -> String {
    let hash: [u8; 32] = Sha256::digest(SECRET).into();
    let mut invite = json!({
        "invite": encode_base64url(&[number; 16]),
        "number": number,
        "server_auth_hash": encode_base64url(&hash),
        "wrapped_room_secret": encode_base64url(&[7; 60]),
        "expires_at": soon(),
        "sealed_card": encode_base64url(CARD),
    });
    for (key, value) in change.as_object().unwrap() {
        invite[key] = value.clone();
    }
    invite.to_string()
}

/// Somebody comes by the first invite and knocks.
pub(crate) async fn knock(server: &Server) -> Socket {
    let mut socket = open(server, &[("origin", &server.origin())], true).await.unwrap();
    let right = json!({
        "kind": "invite", "invite": encode_base64url(&[0; 16]),
        "server_auth": encode_base64url(&SECRET), "device": encode_base64url(&[1; 16]),
    });
    let knock = json!({
        "type": "knock", "key_package": "AQID", "spare_key_package": "BAUG",
        "nonce": encode_base64url(&[1; 16]), "mac": encode_base64url(&[1; 32]),
        "sealed_name": "CQkJ",
    });
    let hello = json!({"n": 1, "body": {"type": "hello", "right": right}}).to_string();
    socket.send(Message::text(hello)).await.unwrap();
    next(&mut socket).await;
    socket.send(Message::text(json!({"n": 2, "body": knock}).to_string())).await.unwrap();
    next(&mut socket).await;
    socket
}

async fn invite_state(server: &Server, room: &str, cookie: &str) -> String {
    let room = body(&server.send("GET", room, cookie, "").await);
    room["invites"][0]["state"].as_str().unwrap().to_owned()
}
