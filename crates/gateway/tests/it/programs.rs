//! Keys and webhooks: what a counsellor's programs may do, and what they are told.

use std::collections::BTreeMap;

use protocol::opaque::decode_base64url;
use protocol::time::UnixSeconds;
use ring::hmac;
use serde_json::{Value, json};
use store::{AccountStore, KeyRecord, ProgramStore, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::api::soon;
use crate::appointments::{body, invite, knock};
use crate::http::{Answer, Request};
use crate::server::{DEADLINE, Server, settings};

const SCOPES: [&str; 4] = ["sessions:read", "sessions:write", "invites:write", "accounts:read"];

#[tokio::test]
async fn a_key_does_what_its_scope_allows_and_nothing_else() {
    let limits = gateway::Limits { requests_per_account_max: 100_000, ..Default::default() };
    let server = Server::with(limits).await;
    let cookie = server.set_up().await;
    let document = body(&server.get("/api/openapi.json").await);
    let room = server.post("/api/rooms", &cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let mut n_allowed = 0;
    for scope in SCOPES {
        let key = make_key(&server, &cookie, &json!([scope])).await;
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                if operation["security"] == json!([]) {
                    continue;
                }
                let security = operation["security"].as_array().unwrap();
                let allowed = security.iter().any(|one| one["key"] == json!([scope]));
                let path = path.replace("{room}", &room.field("room"));
                if method == "delete" {
                    continue;
                }
                let answer = by_key(&server, &key, &method.to_uppercase(), &path, "{}").await;
                let is_in = ![401, 403].contains(&answer.status);
                assert_eq!(is_in, allowed, "{method} {path} {scope}: {}", answer.text());
                n_allowed += usize::from(allowed);
            }
        }
    }
    assert!(n_allowed >= 6, "the matrix has cells: {n_allowed}");
}

#[tokio::test]
async fn a_key_plans_a_session_and_ends_it_without_a_browser() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let scopes = json!(["sessions:read", "sessions:write"]);
    let key = make_key(&server, &cookie, &scopes).await;
    let plan = json!({"sealed_title": "", "starts_at": soon(), "minutes": 50}).to_string();

    let made = by_key(&server, &key, "POST", "/api/rooms", &plan).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let list = body(&by_key(&server, &key, "GET", "/api/rooms", "").await);
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    let path = format!("/api/rooms/{}", made.field("room"));
    let hers = server.send("GET", &path, &cookie, "").await;
    assert_eq!(hers.status, 200, "the counsellor finds it on her desk");
    assert_eq!(by_key(&server, &key, "DELETE", &path, "").await.status, 204);
}

#[tokio::test]
async fn a_key_is_shown_once_and_ends_when_it_is_revoked_or_over() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let new = json!({"label": "calendar", "scopes": ["sessions:read"]}).to_string();
    let made = body(&server.post("/api/keys", &cookie, &new).await);
    let key = made["secret"].as_str().unwrap().to_owned();
    let list = server.send("GET", "/api/keys", &cookie, "").await;
    assert!(!list.text().contains(&key) && list.text().contains("calendar"));
    let ask = async || by_key(&server, &key, "GET", "/api/rooms", "").await.status;
    assert_eq!(ask().await, 200);
    let used = body(&server.send("GET", "/api/keys", &cookie, "").await);
    assert!(used[0]["used_at"].is_u64());

    let path = format!("/api/keys/{}", made["view"]["key"].as_str().unwrap());
    assert_eq!(by_key(&server, &key, "DELETE", &path, "").await.status, 401);
    assert_eq!(server.send("DELETE", &path, &cookie, "").await.status, 204);
    assert_eq!(ask().await, 401);
    assert_eq!(server.send("DELETE", &path, &cookie, "").await.status, 404);

    let hash: [u8; 32] =
        sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(
            decode_base64url(key.strip_prefix("aman_").unwrap()).unwrap(),
        ))
        .into();
    let account = server.store.accounts().await.unwrap()[0].id;
    let over = KeyRecord {
        id: protocol::id::KeyId::from_bytes([1; 16]),
        account,
        label: "old".into(),
        secret_hash: hash,
        scopes: vec![protocol::api::KeyScope::SessionsRead],
        created_at: UnixSeconds(1),
        expires_at: Some(UnixSeconds(2)),
        used_at: None,
    };
    server.store.create_key(over, 9).await.unwrap();
    assert_eq!(ask().await, 401, "it is over");
}

#[tokio::test]
async fn keys_are_made_by_somebody_who_just_signed_in_and_in_good_order() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    for bad in [
        json!({"label": " ", "scopes": ["sessions:read"]}),
        json!({"label": "x".repeat(65), "scopes": ["sessions:read"]}),
        json!({"label": "a\nb", "scopes": ["sessions:read"]}),
        json!({"label": "a", "scopes": []}),
        json!({"label": "a", "scopes": ["everything"]}),
        json!({"label": "a", "scopes": ["sessions:read"], "expires_at": 1}),
    ] {
        let refused = server.post("/api/keys", &cookie, &bad.to_string()).await;
        assert_eq!(refused.status, 400, "{bad}");
    }
    let account = server.store.accounts().await.unwrap()[0].id;
    let mut sign_in = server.store.sign_ins_of(account).await.unwrap().remove(0);
    assert_eq!(sign_in.stage, Stage::Whole);
    sign_in.created_at = UnixSeconds(1);
    server.store.put_sign_in(sign_in, 9).await.unwrap();
    let new = json!({"label": "a", "scopes": ["sessions:read"]}).to_string();
    let stale = server.post("/api/keys", &cookie, &new).await;
    assert_eq!((stale.status, stale.field("code").as_str()), (403, "not_fresh"));
}

#[tokio::test]
async fn a_key_is_never_mixed_with_a_cookie_or_a_foreign_page() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let key = make_key(&server, &cookie, &json!(["sessions:read", "sessions:write"])).await;
    let bearer = format!("Bearer {key}");
    for (headers, status) in [
        (vec![("authorization", bearer.as_str())], 200),
        (vec![("authorization", &bearer), ("cookie", &cookie)], 401),
        (vec![("authorization", "Bearer nonsense")], 401),
        (vec![("authorization", "Basic QTpC"), ("cookie", &cookie)], 200),
        (vec![("authorization", "Basic QTpC")], 401),
        (vec![("authorization", &bearer), ("origin", "https://evil.example")], 403),
        (vec![("authorization", &bearer), ("sec-fetch-site", "cross-site")], 403),
    ] {
        let mut request = Request::get("/api/rooms");
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let answer = request.send(server.address).await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_webhook_hears_ids_and_times_signed_and_again_if_it_was_busy() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let events = json!(["session.knocked", "session.ended"]);
    let new = json!({"url": url, "events": events}).to_string();
    let made = server.post("/api/webhooks", &cookie, &new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let secret = decode_base64url(&made.field("secret")).unwrap();

    let room = server.post("/api/rooms", &cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let path = format!("/api/rooms/{}", room.field("room"));
    server.post(&format!("{path}/invites"), &cookie, &invite(0, &json!({}))).await;
    let _socket = knock(&server).await;

    let first = heard(&receiver, "500 Oh no").await;
    let again = heard(&receiver, "204 No Content").await;
    assert_eq!(first.delivery(), again.delivery(), "the receiver can tell");
    for call in [&first, &again] {
        call.check_signature(&secret);
    }
    assert_eq!(again.json["event"], json!("session.knocked"));
    assert_eq!(again.json["room"], json!(room.field("room")));
    assert!(again.json["invite"].is_string() && again.json["at"].is_u64());
    assert_eq!(again.json.as_object().unwrap().len(), 4, "ids and times, no more");

    server.send("DELETE", &path, &cookie, "").await;
    let ended = heard(&receiver, "200 OK").await;
    assert_eq!(ended.json["event"], json!("session.ended"));
    assert!(ended.json.get("invite").is_none());
    wait_until_delivered(&server, &cookie).await;
}

#[tokio::test]
async fn webhooks_lead_to_public_places_unless_the_operator_says_more() {
    let hooks = gateway::HookRules::default();
    let server = Server::start(gateway::GatewaySettings { hooks, ..settings() }).await;
    let cookie = server.set_up().await;
    for (url, status) in [
        ("https://agency.example/aman", 201),
        ("http://agency.example/aman", 400),
        ("https://127.0.0.1/", 400),
        ("https://[::1]:8443/", 400),
        ("https://169.254.169.254/latest/meta-data", 400),
        ("https://user:password@agency.example/", 400),
        ("gopher://agency.example/", 400),
        ("", 400),
    ] {
        let new = json!({"url": url, "events": ["session.ended"]}).to_string();
        let answer = server.post("/api/webhooks", &cookie, &new).await;
        assert_eq!(answer.status, status, "{url}");
    }
    let list = body(&server.send("GET", "/api/webhooks", &cookie, "").await);
    assert!(list[0].get("secret").is_none());
    let path = format!("/api/webhooks/{}", list[0]["webhook"].as_str().unwrap());
    assert_eq!(server.send("DELETE", &path, &cookie, "").await.status, 204);
    assert_eq!(server.send("DELETE", &path, &cookie, "").await.status, 404);
}

#[tokio::test]
async fn a_webhook_is_tried_on_request_once_and_at_a_pace() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let new = json!({"url": url, "events": ["session.ended"]}).to_string();
    let made = body(&server.post("/api/webhooks", &cookie, &new).await);
    let secret = decode_base64url(made["secret"].as_str().unwrap()).unwrap();
    let path = format!("/api/webhooks/{}/test", made["view"]["webhook"].as_str().unwrap());

    assert_eq!(server.post(&path, &cookie, "").await.status, 204);
    let call = heard(&receiver, "500 Oh no").await;
    call.check_signature(&secret);
    assert_eq!(call.json["event"], json!("test"));
    assert_eq!(call.json.as_object().unwrap().len(), 2, "an event and a time");
    wait_until(&server, &cookie, "failed_at").await;
    // It was not tried again: the next call is the next test.
    assert_eq!(server.post(&path, &cookie, "").await.status, 204);
    let next = heard(&receiver, "204 No Content").await;
    assert_ne!(next.delivery(), call.delivery());
    wait_until(&server, &cookie, "delivered_at").await;

    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(server.post(&path, &cookie, "").await.status);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

#[tokio::test]
async fn the_secret_of_a_webhook_is_sealed_in_the_store_also_if_it_was_not_before() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let new = json!({"url": "https://agency.example/", "events": ["session.ended"]});
    let made = body(&server.post("/api/webhooks", &cookie, &new.to_string()).await);
    let secret = decode_base64url(made["secret"].as_str().unwrap()).unwrap();
    let account = server.store.accounts().await.unwrap()[0].id;
    let kept = server.store.webhooks_of(account).await.unwrap().remove(0);
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
    assert!(!holds(&kept.sealed_secret) && kept.sealed_secret.len() > secret.len());

    // As a version before sealing left it.
    server.store.seal_webhook(kept.id, secret.clone()).await.unwrap();
    let store = server.store.clone();
    let _again = Server::on(settings(), store.clone()).await;
    let kept = store.webhook(kept.id).await.unwrap().unwrap();
    assert!(!holds(&kept.sealed_secret), "it was sealed before anybody came in");
}

async fn make_key(server: &Server, cookie: &str, scopes: &Value) -> String {
    let new = json!({"label": "a program", "scopes": scopes}).to_string();
    let made = server.post("/api/keys", cookie, &new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.field("secret")
}

/// As a program would ask: no origin, no cookie.
async fn by_key(server: &Server, key: &str, method: &str, path: &str, json: &str) -> Answer {
    let mut request =
        Request::new(method, path).header("authorization", &format!("Bearer {key}"));
    if !json.is_empty() && method != "GET" {
        request = request.header("content-type", "application/json").body(json);
    }
    request.send(server.address).await
}

/// A call that arrived.
struct Call {
    headers: BTreeMap<String, String>,
    text: String,
    json: Value,
}

impl Call {
    fn delivery(&self) -> &str {
        &self.headers["aman-delivery"]
    }

    /// As the document tells receivers to.
    fn check_signature(&self, secret: &[u8]) {
        let signature = &self.headers["aman-signature"];
        let (time, tag) = signature.split_once(",v1=").unwrap();
        let signed = format!("{}.{}", time.strip_prefix("t=").unwrap(), self.text);
        let tag: Vec<u8> = (0..tag.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&tag[at..at + 2], 16).unwrap())
            .collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
    }
}

/// Takes one call and answers it.
async fn heard(receiver: &TcpListener, answer: &str) -> Call {
    let (mut stream, _) = timeout(DEADLINE, receiver.accept()).await.unwrap().unwrap();
    let mut bytes = Vec::new();
    let (head, text) = loop {
        timeout(DEADLINE, stream.read_buf(&mut bytes)).await.unwrap().unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, text)) = text.split_once("\r\n\r\n")
            && text.ends_with('}')
        {
            break (head.to_owned(), text.to_owned());
        }
    };
    assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
    let headers = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    let json = serde_json::from_str(&text).unwrap();
    Call { headers, text, json }
}

async fn wait_until_delivered(server: &Server, cookie: &str) {
    wait_until(server, cookie, "delivered_at").await;
}

async fn wait_until(server: &Server, cookie: &str, field: &str) {
    let delivered = async {
        loop {
            let list = body(&server.send("GET", "/api/webhooks", cookie, "").await);
            if list[0][field].is_u64() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, delivered).await.unwrap();
}
