//! Does any log line of a whole evening hold what nobody may read there?
//!
//! One scenario goes through every door while a log layer keeps each line of our crates, at
//! every level; then the lines are searched, with a line of the test's own as proof that the
//! search finds what is there.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use futures_util::SinkExt;
use protocol::opaque::encode_base64url;
use protocol::server::ServerMessage;
use tokio_tungstenite::tungstenite::Message;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::accounts::{invitation, set_up_totp};
use crate::api::{invite_json, soon};
use crate::http::Request;
use crate::server::{NAME, PASSWORD, Server, settings};
use crate::sockets::{next, open};

const OURS: [&str; 7] = ["it", "gateway", "switchboard", "store", "media", "room", "delivery"];

/// What a session description brings: an address of the person's home, and keys.
const SDP: &str = "v=0\\r\\no=- 1 1 IN IP4 203.0.113.77\\r\\na=ice-pwd:hush-hush-hush\\r\\n";

#[tokio::test]
async fn no_log_line_holds_an_address_a_name_or_a_secret() {
    let lines = Lines::default();
    // For every thread: the evenings of the other tests are searched too.
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    tracing::info!(proof = "proof 203.0.113.77", "The search can find this");

    let secrets = [evening().await, crate::oidc::evening().await].concat();

    let lines = lines.0.lock().unwrap().clone();
    let found = |needle: &str| lines.iter().filter(|line| line.contains(needle)).count();
    for trace in ["The server is set up", "Somebody signed in", "A connection is over"] {
        assert!(found(trace) > 0, "an evening leaves traces: {trace} in {lines:?}");
    }
    assert_eq!(found("proof 203.0.113.77"), 1, "the search works");
    assert_eq!(found("203.0.113.77"), 1);
    for secret in &secrets {
        assert!(!secret.is_empty());
        assert_eq!(found(secret), 0, "{secret} in {lines:?}");
    }
}

/// Set up, sign in wrongly and rightly, make a room and a link, enter, offer, knock, end.
/// Returns what must not be in the log.
async fn evening() -> Vec<String> {
    let server = Server::start(settings()).await;
    let token = server.setup_token().await;
    let json = format!(r#"{{"token":"{token}","name":"{NAME}","password":"{PASSWORD}"}}"#);
    let cookie = server.post("/api/setup", "", &json).await.cookie();
    let wrong = r#"{"name":"Ruth Okonkwo","password":"a wrong password"}"#;
    server.post("/api/sign-in", "", wrong).await;
    let right = format!(r#"{{"name":"{NAME}","password":"{PASSWORD}"}}"#);
    let second = server.post("/api/sign-in", "", &right).await.cookie();
    server.post("/api/rooms", "", "{").await;
    let totp_secret = server.post("/api/account/totp", &cookie, "").await.field("secret");
    let (_, _, codes) = set_up_totp(&server, &cookie).await;
    let half = server.post("/api/sign-in", "", &right).await.cookie();
    let typed = format!(r#"{{"code":"{}"}}"#, codes[0]);
    assert_eq!(server.post("/api/sign-in/code", &half, &typed).await.status, 200);
    let link = invitation(&server, None).await;
    let words = format!(r#"{{"token":"{link}","name":"Sun Li","password":"{PASSWORD}"}}"#);
    assert_eq!(server.post("/api/invitation/accept", "", &words).await.status, 200);

    let [pairing, parcel] = paired(&server, &cookie, &second).await;

    let made = server.post("/api/rooms", &cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let room = made.field("room");
    let invites = format!("/api/rooms/{room}/invites");
    let invite = server.post(&invites, &cookie, &invite_json(9, 0, soon())).await;
    let ticket = server.post(&format!("/api/rooms/{room}/ticket"), &cookie, "").await;
    let ticket = ticket.field("ticket");

    let key = r#"{"label":"Ruths calendar","scopes":["sessions:read"]}"#;
    let key = server.post("/api/keys", &cookie, key).await.field("secret");
    let bearer = format!("Bearer {key}");
    Request::get("/api/rooms").header("authorization", &bearer).send(server.address).await;
    let hook = r#"{"url":"http://127.0.0.1:9/hush-hook","events":["session.ended"]}"#;
    let hook = server.post("/api/webhooks", &cookie, hook).await.field("secret");
    let card = format!("/api/invites/{}/card", invite.field("invite"));
    let server_auth = encode_base64url(&[77; 32]);
    server.post(&card, "", &format!(r#"{{"server_auth":"{server_auth}"}}"#)).await;

    let mut socket = open(&server, &[("origin", &server.origin())], true).await.unwrap();
    let right = format!(r#"{{"kind":"ticket","ticket":"{ticket}"}}"#);
    let hello = format!(r#"{{"n":1,"body":{{"type":"hello","right":{right}}}}}"#);
    socket.send(Message::text(hello)).await.unwrap();
    let ServerMessage::Entered(entered) = next(&mut socket).await else {
        panic!("not entered");
    };
    let offer =
        format!(r#"{{"n":2,"body":{{"type":"offer","sdp":"{SDP}","tracks":[],"slots":[]}}}}"#);
    for text in [&offer, "hush", r#"{"n":3,"body":{"type":"end_room"}}"#] {
        socket.send(Message::text(text)).await.unwrap();
    }
    while !matches!(next(&mut socket).await, ServerMessage::Farewell { .. }) {}
    server.post("/api/sign-out", &second, "").await;
    server.stop();
    server.stopped().await;

    let value = |cookie: &str| cookie.split('=').nth(1).unwrap().to_owned();
    vec![
        "127.0.0.1".to_owned(),
        "Ruth".to_owned(),
        "Okonkwo".to_owned(),
        PASSWORD.to_owned(),
        "a wrong password".to_owned(),
        "hush".to_owned(),
        "calendar".to_owned(),
        key,
        hook,
        server_auth,
        token,
        value(&cookie),
        value(&second),
        ticket,
        room,
        invite.field("invite"),
        encode_base64url(entered.resume.as_slice()),
        encode_base64url(&[9; 32]),
        totp_secret,
        codes[0].clone(),
        link,
        "Sun Li".to_owned(),
        pairing,
        parcel,
    ]
}

/// The keys go from one browser to another.
async fn paired(server: &Server, old: &str, new: &str) -> [String; 2] {
    let [id, parcel] = [encode_base64url(&[81; 16]), encode_base64url(&[82; 284])];
    server.post("/api/pairing", old, &format!(r#"{{"pairing":"{id}"}}"#)).await;
    let path = format!("/api/pairing/{id}");
    for (cookie, step) in [(new, "hello"), (old, "answer"), (old, "parcel")] {
        let words = format!(r#"{{"step":"{step}","bytes":"{parcel}"}}"#);
        assert_eq!(server.post(&path, cookie, &words).await.status, 200, "{step}");
    }
    let fetched = server.post(&format!("{path}/fetch"), new, "").await;
    assert_eq!(fetched.field("parcel"), parcel);
    [id, parcel]
}

/// Keeps every line of our crates.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let part = event.metadata().target().split("::").next().unwrap_or_default();
        if OURS.contains(&part) {
            let mut line = Line(event.metadata().target().to_owned());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut line = Line(attributes.metadata().name().to_owned());
        attributes.record(&mut line);
        if OURS.iter().any(|part| attributes.metadata().target().starts_with(part)) {
            self.0.lock().unwrap().push(line.0);
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}
