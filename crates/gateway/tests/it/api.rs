//! Sign-in, rooms and invites, as the desk and as strangers use them.

use gateway::Limits;
use protocol::opaque::encode_base64url;
use store::Store;

use crate::http::Request;
use crate::server::{NAME, PASSWORD, Server, settings};

#[tokio::test]
async fn setup_works_once_and_only_by_the_link() {
    let server = Server::start(settings()).await;
    assert!(server.get("/api/state").await.text().starts_with(r#"{"needs_setup":true,"#));
    let json = |token: &str, password: &str| {
        format!(r#"{{"token":"{token}","name":"{NAME}","password":"{password}"}}"#)
    };
    let old = server.setup_token().await;
    let token = server.setup_token().await;

    for (token, password, status, code) in [
        (encode_base64url(&[0; 32]), PASSWORD, 404, "no_such_right"),
        (old, PASSWORD, 404, "no_such_right"),
        ("AAAA".to_owned(), PASSWORD, 404, "no_such_right"),
        (token.clone(), "too short", 422, "bad_password"),
    ] {
        let answer = server.post("/api/setup", "", &json(&token, password)).await;
        assert_eq!((answer.status, answer.field("code").as_str()), (status, code));
        assert_eq!(answer.header("set-cookie"), None);
    }

    let answer = server.post("/api/setup", "", &json(&token, PASSWORD)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.field("name"), NAME);

    let again = server.post("/api/setup", "", &json(&token, PASSWORD)).await;
    assert_eq!(again.status, 404);
    assert!(server.get("/api/state").await.text().starts_with(r#"{"needs_setup":false,"#));
    let offered = gateway::offer_setup(server.store.as_ref() as &dyn Store).await.unwrap();
    assert_eq!(offered, None);
}

#[tokio::test]
async fn the_cookie_is_ours_alone_and_ends_with_sign_out() {
    let server = Server::start(settings()).await;
    server.set_up().await;
    let json = format!(r#"{{"name":" {NAME} ","password":"{PASSWORD}"}}"#);
    let answer = server.post("/api/sign-in", "", &json).await;

    let line = answer.header("set-cookie").unwrap();
    assert!(line.starts_with("__Host-aman="), "{line}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(line.split("; ").any(|other| other == attribute), "{attribute} in {line}");
    }
    assert!(!line.contains("Domain"), "{line}");
    let cookie = answer.cookie();
    assert_eq!(cookie.len(), "__Host-aman=".len() + 43, "32 bytes");

    let me = Request::get("/api/me").header("cookie", &cookie).send(server.address).await;
    assert_eq!((me.status, me.field("name").as_str()), (200, NAME));

    let out = server.post("/api/sign-out", &cookie, "").await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    let me = Request::get("/api/me").header("cookie", &cookie).send(server.address).await;
    assert_eq!((me.status, me.field("code").as_str()), (401, "not_signed_in"));
}

#[tokio::test]
async fn signing_in_again_ends_the_cookie_from_before() {
    let server = Server::start(settings()).await;
    let first = server.set_up().await;
    let json = format!(r#"{{"name":"{NAME}","password":"{PASSWORD}"}}"#);
    let second = server.post("/api/sign-in", &first, &json).await.cookie();

    assert_ne!(first, second);
    for (cookie, status) in [(first, 401), (second, 200)] {
        let me = Request::get("/api/me").header("cookie", &cookie).send(server.address).await;
        assert_eq!(me.status, status);
    }
}

#[tokio::test]
async fn every_failed_sign_in_looks_the_same() {
    let server = Server::start(settings()).await;
    server.set_up().await;
    let mut answers = Vec::new();
    let long = "x".repeat(300);
    for (name, password) in [
        (NAME, "wrong password, long"),
        ("Nobody", PASSWORD),
        ("", ""),
        (NAME, ""),
        (&long, PASSWORD),
        (NAME, &long),
        ("ruth okonkwo", PASSWORD),
    ] {
        let json = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
        let mut answer = server.post("/api/sign-in", "", &json).await;
        answer.headers.retain(|(name, _)| name != "date");
        answers.push((answer.status, answer.headers, answer.body));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, 401);
    assert_eq!(answers[0].2, br#"{"code":"cannot_sign_in"}"#);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_says_nothing_more() {
    let limits = Limits { sign_ins_per_name_max: 2, ..Limits::default() };
    let server = Server::with(limits).await;
    server.set_up().await;
    let wrong = format!(r#"{{"name":"{NAME}","password":"wrong password, long"}}"#);
    let right = format!(r#"{{"name":"{NAME}","password":"{PASSWORD}"}}"#);

    for _ in 0..2 {
        assert_eq!(server.post("/api/sign-in", "", &wrong).await.status, 401);
    }

    let slowed = server.post("/api/sign-in", "", &right).await;
    assert_eq!((slowed.status, slowed.field("code").as_str()), (401, "cannot_sign_in"));
    let metrics = server.get("/metrics").await.text();
    assert!(metrics.contains("aman_gateway_sign_ins_slowed 1"), "{metrics}");
}

#[tokio::test]
async fn nothing_changes_from_a_foreign_page() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let own = server.origin();
    for (origin, site, status) in [
        (own.as_str(), "", 201),
        ("https://aman.example", "", 201),
        (own.as_str(), "same-origin", 201),
        ("", "", 403),
        ("null", "", 403),
        ("https://evil.example", "", 403),
        ("http://127.0.0.1", "", 403),
        ("https://aman.example.evil.example", "", 403),
        (own.as_str(), "cross-site", 403),
    ] {
        let answer = Request::new("POST", "/api/rooms")
            .header("cookie", &cookie)
            .header("origin", origin)
            .header("sec-fetch-site", site)
            .header("content-type", "application/json")
            .body(r#"{"sealed_title":"AAAA"}"#)
            .send(server.address)
            .await;
        assert_eq!(answer.status, status, "{origin} {site}");
    }
    for method in ["POST", "DELETE", "PUT", "PATCH", "OPTIONS", "PURGE"] {
        let answer = Request::new(method, "/").send(server.address).await;
        assert_eq!(answer.status, 403, "{method} without an origin");
    }
}

#[tokio::test]
async fn bodies_that_are_not_ours_are_refused_by_kind() {
    let limits = Limits { body_bytes_max: 200, ..Limits::default() };
    let server = Server::with(limits).await;
    let long = format!(r#"{{"name":"{}","password":""}}"#, "x".repeat(300));
    for (kind, body, status, code) in [
        ("application/json", "{", 400, "malformed"),
        ("application/json", "[]", 400, "malformed"),
        ("application/json", r#"{"name":"a"}"#, 400, "malformed"),
        ("application/json", r#"{"name":"a","password":"b","extra":1}"#, 400, "malformed"),
        ("application/json", "\u{0}", 400, "malformed"),
        ("application/json", &long, 413, "too_large"),
        ("text/plain", r#"{"name":"a","password":"b"}"#, 415, "malformed"),
        ("application/x-www-form-urlencoded", "name=a", 415, "malformed"),
        ("", r#"{"name":"a","password":"b"}"#, 415, "malformed"),
    ] {
        let answer = Request::new("POST", "/api/sign-in")
            .header("origin", &server.origin())
            .header("content-type", kind)
            .body(body)
            .send(server.address)
            .await;
        let got = (answer.status, answer.text());
        assert_eq!(got, (status, format!(r#"{{"code":"{code}"}}"#)), "{kind} {body}");
    }
}

#[tokio::test]
async fn rooms_and_invites_belong_to_whoever_made_them() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let made = server.post("/api/rooms", &cookie, r#"{"sealed_title":"AAAA"}"#).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let room = made.field("room");
    let invites = format!("/api/rooms/{room}/invites");
    let invite = invite_json(1, 0, 4_000_000_000);

    for (path, json) in [
        ("/api/rooms", r#"{"sealed_title":"AAAA"}"#),
        (&invites, &invite),
        (&format!("/api/rooms/{room}/ticket"), ""),
    ] {
        let stranger = server.post(path, "", json).await;
        assert_eq!((stranger.status, stranger.field("code").as_str()), (401, "not_signed_in"));
    }
    assert_eq!(server.get("/api/rooms").await.status, 401);

    for (json, status) in [
        (invite_json(1, 0, 1), 400),
        (invite_json(1, 0, 4_000_000_000), 400),
        (invite_json(1, 0, soon()), 201),
        (invite_json(1, 1, soon()), 409),
        (invite_json(2, 0, soon()), 409),
        (invite_json(2, 1, soon()), 201),
    ] {
        let answer = server.post(&invites, &cookie, &json).await;
        assert_eq!(answer.status, status, "{json}: {}", answer.text());
    }
    for path in ["/api/rooms/AAAA/invites", "/api/rooms/AAAAAAAAAAAAAAAAAAAAAA/invites"] {
        let answer = server.post(path, &cookie, &invite_json(3, 0, soon())).await;
        assert_eq!((answer.status, answer.field("code").as_str()), (404, "no_such_right"));
    }

    let list = Request::get("/api/rooms").header("cookie", &cookie).send(server.address).await;
    let text = list.text();
    assert_eq!(list.status, 200);
    assert!(text.contains(&room) && text.matches(r#""state":"unused""#).count() == 2, "{text}");
    assert!(text.contains(r#""n_waiting":0,"live":false"#), "{text}");
}

#[tokio::test]
async fn a_room_ends_and_an_invite_is_taken_back() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let made = server.post("/api/rooms", &cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let room = made.field("room");
    let invites = format!("/api/rooms/{room}/invites");
    let invite = server.post(&invites, &cookie, &invite_json(1, 0, soon())).await;
    let invite = invite.field("invite");

    let ticket = server.post(&format!("/api/rooms/{room}/ticket"), &cookie, "").await;
    assert_eq!((ticket.status, ticket.field("ticket").len()), (200, 43));

    let revoked = server.send("DELETE", &format!("/api/invites/{invite}"), &cookie, "").await;
    assert_eq!(revoked.status, 204, "{}", revoked.text());
    let list = Request::get("/api/rooms").header("cookie", &cookie).send(server.address).await;
    assert!(list.text().contains(r#""state":"revoked""#), "{}", list.text());

    let ended = server.send("DELETE", &format!("/api/rooms/{room}"), &cookie, "").await;
    assert_eq!(ended.status, 204, "{}", ended.text());
    let list = Request::get("/api/rooms").header("cookie", &cookie).send(server.address).await;
    assert_eq!(list.text(), "[]");
    let late = server.post(&invites, &cookie, &invite_json(2, 1, soon())).await;
    assert_eq!((late.status, late.field("code").as_str()), (410, "room_ended"));
}

#[tokio::test]
async fn unknown_paths_of_the_api_are_refused_in_words() {
    let server = Server::start(settings()).await;
    for (method, path, status) in [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/setup", 405),
        ("DELETE", "/api/me", 405),
    ] {
        let answer = server.send(method, path, "", "").await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (status, r#"{"code":"malformed"}"#)
        );
    }
}

pub(crate) fn soon() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test against the real clock")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 3600
}

pub(crate) fn invite_json(id: u8, number: u32, expires_at: u64) -> String {
    invite_json_of([id; 16], number, expires_at)
}

pub(crate) fn invite_json_of(id: [u8; 16], number: u32, expires_at: u64) -> String {
    let (id, hash) = (encode_base64url(&id), encode_base64url(&[id[0]; 32]));
    let wrapped = encode_base64url(&[7; 60]);
    format!(
        r#"{{"invite":"{id}","number":{number},"server_auth_hash":"{hash}","wrapped_room_secret":"{wrapped}","expires_at":{expires_at}}}"#
    )
}

#[tokio::test]
async fn one_account_cannot_ask_without_end() {
    let hour = std::time::Duration::from_secs(3600);
    let limits = Limits {
        requests_per_account_max: 3,
        request_per_account_interval: hour,
        ..Limits::default()
    };
    let server = Server::with(limits).await;
    let cookie = server.set_up().await;
    let ask = || Request::get("/api/rooms").header("cookie", &cookie).send(server.address);
    for _ in 0..3 {
        assert_eq!(ask().await.status, 200);
    }
    let refused = ask().await;
    assert_eq!((refused.status, refused.field("code").as_str()), (429, "too_fast"));
    let made = server.post("/api/rooms", &cookie, r#"{"sealed_title":"AAAA"}"#).await;
    assert_eq!(made.status, 429, "whatever it asks");

    assert_eq!(server.get("/api/state").await.status, 200, "strangers do not notice");
    assert_eq!(server.post("/api/sign-out", &cookie, "").await.status, 204);
}
