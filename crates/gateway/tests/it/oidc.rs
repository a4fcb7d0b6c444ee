//! The agency's own sign-in, with a provider that can be made to misbehave.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway::{ClientSecret, GatewaySettings, Issuer, Limits, OidcRules, one_time_token};
use protocol::id::{InvitationId, PasskeyId};
use protocol::opaque::encode_base64url;
use protocol::time::UnixSeconds;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{AccountRole, AccountStore, Created, InvitationRecord, PasskeyRecord, TotpRecord};
use tokio::net::TcpListener;

use crate::api::soon;
use crate::http::{Answer, Request};
use crate::server::{Server, settings};

const CLIENT: &str = "aman";
const SECRET: &str = "canary+of the secret";
const INVITED: &str = "Sun Li";

#[tokio::test]
async fn whoever_was_invited_takes_the_link_up_with_the_provider_and_signs_in_there_again() {
    let there = there().await;
    let state = there.server.get("/api/state").await;
    assert_eq!(state.field("provider"), "Agency");

    let accepted = there.accept(INVITED, "sub-1").await;
    assert_eq!((accepted.status, accepted.field("step").as_str()), (200, "done"));
    assert_eq!(accepted.field("name"), INVITED);
    let cookie = accepted.cookie();
    assert_eq!(there.get("/api/rooms", &cookie).await.status, 200, "the provider is enough");
    let account = there.get("/api/account", &cookie).await.text();
    assert!(account.contains(r#""has_password":false,"has_provider":true"#), "{account}");

    let again = there.sign_in("sub-1").await;
    assert_eq!(again.field("name"), INVITED);
    assert!(again.headers.iter().any(|(name, value)| {
        name == "set-cookie" && value.starts_with("__Host-aman-provider=; Max-Age=0")
    }));
    let account = there.get("/api/account", &again.cookie()).await.text();
    assert_eq!(account.matches("last_seen_at").count(), 2, "both are in the list: {account}");
    let with_password = format!(r#"{{"name":"{INVITED}","password":"a long password"}}"#);
    let refused = there.server.post("/api/sign-in", "", &with_password).await;
    assert_eq!((refused.status, refused.field("code").as_str()), (401, "cannot_sign_in"));
}

#[tokio::test]
async fn nobody_comes_in_without_an_invitation_or_when_shut_out() {
    let there = there().await;
    assert_refused(&there.sign_in("sub-1").await);
    let accepted = there.accept(INVITED, "sub-1").await;
    assert_refused(&there.sign_in("sub-2").await);

    let account = there.server.store.account_by_name(INVITED).await.unwrap().unwrap();
    there.server.store.set_disabled(account.id, true).await.unwrap();
    assert_eq!(there.get("/api/me", &accepted.cookie()).await.status, 401, "out at once");
    assert_refused(&there.sign_in("sub-1").await);
    there.server.store.set_disabled(account.id, false).await.unwrap();
    assert_eq!(there.sign_in("sub-1").await.status, 200);
}

#[tokio::test]
async fn a_link_is_used_once_and_nobody_becomes_two_accounts() {
    let there = there().await;
    let token = there.invitation().await;
    let begun = there.begin(&invited(&token, INVITED)).await;
    let (answer, flow) = (there.provider.lets_in(&begun, "sub-1"), begun.cookie());
    let late = there.begin(&invited(&token, "Other")).await;
    let (late_answer, late_flow) = (there.provider.lets_in(&late, "sub-2"), late.cookie());
    assert_eq!(there.answer(&flow, &answer).await.status, 200);
    let used = there.answer(&late_flow, &late_answer).await;
    assert_eq!((used.status, used.field("code").as_str()), (404, "no_such_right"));
    assert_eq!(there.begin(&invited(&token, "Other")).await.status, 404);

    assert_refused(&there.accept("Other", "sub-1").await);
    let token = there.invitation().await;
    let taken = there.begin(&invited(&token, INVITED)).await;
    assert_eq!((taken.status, taken.field("code").as_str()), (409, "name_taken"));
    assert_eq!(there.accept("Other", "sub-2").await.status, 200);
}

#[tokio::test]
async fn an_answer_counts_once_and_in_the_browser_that_began() {
    let there = there().await;
    there.accept(INVITED, "sub-1").await;
    let begun = there.begin("{}").await;
    let (answer, flow) = (there.provider.lets_in(&begun, "sub-1"), begun.cookie());
    let elsewhere = there.begin("{}").await.cookie();
    let wrong_state = json!({ "state": "wrong", "code": answer["code"], "iss": answer["iss"] });
    for (cookie, answer) in [("", &answer), (&*elsewhere, &answer), (&*flow, &wrong_state)] {
        let refused = there.answer(cookie, answer).await;
        assert_eq!((refused.status, refused.field("code").as_str()), (410, "expired"));
    }
    assert_eq!(there.provider.n_codes(), 1, "none of them cost the code");
    assert_eq!(there.answer(&flow, &answer).await.status, 200);
    assert_eq!(there.answer(&flow, &answer).await.status, 410, "the same again");

    // A code that was used, in a flow of its own.
    let begun = there.begin("{}").await;
    let mut replayed = there.provider.lets_in(&begun, "sub-1");
    replayed["code"] = answer["code"].clone();
    assert_refused(&there.answer(&begun.cookie(), &replayed).await);
    // A code of somebody else: PKCE binds it to their flow.
    let (theirs, mine) = (there.begin("{}").await, there.begin("{}").await);
    let stolen = there.provider.lets_in(&theirs, "sub-1");
    let mut answer = there.provider.lets_in(&mine, "sub-1");
    answer["code"] = stolen["code"].clone();
    assert_refused(&there.answer(&mine.cookie(), &answer).await);
}

#[tokio::test]
async fn a_token_or_an_answer_of_somebody_else_lets_nobody_in() {
    let there = there().await;
    there.accept(INVITED, "sub-1").await;
    for (what, misdeed) in [
        ("another issuer", json!({ "iss": "https://evil.example" })),
        ("another client", json!({ "aud": "other" })),
        ("another nonce", json!({ "nonce": "other" })),
        ("a token that is over", json!({ "exp": 1 })),
        ("no signature", json!({ "alg": "none" })),
        ("a sign-in that was left open there", json!({ "auth_time": soon() - 3700 })),
        ("a sign-in of nobody knows when", json!({ "auth_time": null })),
    ] {
        there.provider.misbehave(misdeed);
        let answer = there.sign_in("sub-1").await;
        assert_eq!((answer.status, answer.field("code").as_str()), (401, "cannot_sign_in"));
        assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"), "{what}");
    }
    there.provider.misbehave(json!({}));
    let begun = there.begin("{}").await;
    for iss in [json!("https://evil.example"), Value::Null] {
        let begun = there.begin("{}").await;
        let mut answer = there.provider.lets_in(&begun, "sub-1");
        answer["iss"] = iss;
        assert_refused(&there.answer(&begun.cookie(), &answer).await);
    }
    let answer = there.provider.lets_in(&begun, "sub-1");
    assert_eq!(there.answer(&begun.cookie(), &answer).await.status, 200);
}

#[tokio::test]
async fn a_provider_that_is_down_or_talks_nonsense_is_a_neutral_answer() {
    let there = there().await;
    there.accept(INVITED, "sub-1").await;
    for (misdeed, status) in [
        (json!({ "token": 500 }), 502),
        (json!({ "token": 302 }), 502),
        (json!({ "token": 400 }), 401),
        (json!({ "body": "<html>" }), 502),
        (json!({ "body": "x".repeat(200_000) }), 502),
        (json!({ "body": r#"{"id_token":"nonsense"}"# }), 401),
    ] {
        there.provider.misbehave(misdeed.clone());
        assert_eq!(there.sign_in("sub-1").await.status, status, "{}", misdeed["token"]);
    }

    let nobody = Issuer::parse("http://127.0.0.1:9").unwrap();
    let server = Server::start(with(nobody, true)).await;
    for _ in 0..2 {
        let refused = server.post("/api/sign-in/provider", "", "{}").await;
        assert_eq!((refused.status, refused.field("code").as_str()), (502, "internal"));
        assert_eq!(refused.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn where_the_operator_wants_it_the_second_factor_is_asked_here_too() {
    let provider = FakeProvider::start().await;
    let server = Server::start(with(provider.issuer(), false)).await;
    let there = There { server, provider };
    let accepted = there.accept(INVITED, "sub-1").await;
    assert_eq!(accepted.field("step"), "set_up_factor");
    let rooms = there.get("/api/rooms", &accepted.cookie()).await;
    assert_eq!(rooms.field("code"), "needs_second_factor");
}

#[tokio::test]
async fn an_account_is_linked_by_whoever_is_signed_in_to_it() {
    let there = there().await;
    let mine = there.server.set_up().await;
    let begun = there.server.post("/api/account/provider", &mine, "").await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let answer = there.provider.lets_in(&begun, "sub-9");
    let both = format!("{mine}; {}", begun.cookie());

    let begun_too = there.server.post("/api/account/provider", &mine, "").await;
    let answer_too = there.provider.lets_in(&begun_too, "sub-9");
    let signed_out = there.answer(&begun_too.cookie(), &answer_too).await;
    assert_eq!(signed_out.field("code"), "not_signed_in", "a flow alone links nothing");

    let linked = there.answer(&both, &answer).await;
    assert_eq!(linked.status, 200, "{}", linked.text());
    assert!(!linked.header("set-cookie").unwrap().starts_with("__Host-aman="));
    let mine_again = there.sign_in("sub-9").await;
    assert_eq!(mine_again.field("account"), linked.field("account"));

    let unlinked = there.server.send("DELETE", "/api/account/provider", &mine, "").await;
    assert_eq!(unlinked.status, 204, "{}", unlinked.text());
    assert_refused(&there.sign_in("sub-9").await);

    let alone = there.accept(INVITED, "sub-1").await.cookie();
    let kept = there.server.send("DELETE", "/api/account/provider", &alone, "").await;
    assert_eq!(kept.status, 403, "the only way in stays");
}

#[tokio::test]
async fn the_last_passkey_stays_where_nothing_else_lets_anybody_in() {
    let there = there().await;
    let cookie = there.accept(INVITED, "sub-1").await.cookie();
    let account = there.server.store.account_by_name(INVITED).await.unwrap().unwrap().id;
    for n in [1, 2] {
        let passkey = PasskeyRecord {
            id: PasskeyId::from_bytes([n; 16]),
            account,
            credential: vec![n; 20],
            public_key: vec![n; 77],
            n_signatures: 0,
            created_at: UnixSeconds(0),
            last_used_at: None,
        };
        let made = there.server.store.create_passkey(passkey, 9, None).await.unwrap();
        assert_eq!(made, Created::Done);
    }
    let totp = TotpRecord { sealed_secret: vec![1; 48], last_step: 0 };
    there.server.store.put_totp(account, totp, None).await.unwrap();
    let delete = async |path: &str| there.server.send("DELETE", path, &cookie, "").await.status;
    let passkey = |n: u8| format!("/api/account/passkeys/{}", PasskeyId::from_bytes([n; 16]));

    assert_eq!(delete("/api/account/provider").await, 204);
    assert_eq!(delete(&passkey(1)).await, 204);
    assert_eq!(delete(&passkey(2)).await, 403, "codes alone sign nobody in");
    assert_eq!(delete("/api/account/totp").await, 204);
    assert_eq!(there.server.store.passkeys_of(account).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_comes_back_from_the_provider_is_not_slowed_down_a_second_time() {
    let provider = FakeProvider::start().await;
    let limits = Limits {
        sign_ins_max: 3,
        sign_in_interval: Duration::from_secs(3600),
        ..Limits::default()
    };
    let settings = GatewaySettings { limits, ..with(provider.issuer(), true) };
    let there = There { server: Server::start(settings).await, provider };
    let begun = [there.begin("{}").await, there.begin("{}").await, there.begin("{}").await];
    for begun in &begun {
        let answer = there.provider.lets_in(begun, "sub-1");
        assert_refused(&there.answer(&begun.cookie(), &answer).await);
        let again = there.answer(&begun.cookie(), &answer).await;
        assert_eq!((again.status, again.field("code").as_str()), (429, "too_fast"));
    }
}

#[tokio::test]
async fn the_browser_is_sent_with_all_that_binds_the_answer_and_nothing_else() {
    let there = there().await;
    let begun = there.begin("{}").await;
    let cookie = begun.header("set-cookie").unwrap();
    for part in
        ["__Host-aman-provider=", "Max-Age=600", "Secure", "HttpOnly", "SameSite=Strict"]
    {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let asked = query_of(&begun.field("address"));
    for (name, value) in [
        ("response_type", "code"),
        ("response_mode", "fragment"),
        ("client_id", CLIENT),
        ("scope", "openid"),
        ("code_challenge_method", "S256"),
        ("prompt", "login"),
        ("max_age", "0"),
        ("redirect_uri", &format!("{}/desk", there.server.origin())),
    ] {
        assert_eq!(asked.get(name).map(String::as_str), Some(value));
    }
    let secrets = ["state", "nonce", "code_challenge"].map(|name| asked[name].clone());
    assert!(secrets.iter().all(|secret| secret.len() == 43), "{secrets:?}");
    assert_eq!(asked.len(), 11);
    let other = query_of(&there.begin("{}").await.field("address"));
    assert!(
        ["state", "nonce", "code_challenge"].iter().all(|name| asked[*name] != other[*name])
    );
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_sign_in() {
    let server = Server::start(settings()).await;
    assert!(!server.get("/api/state").await.text().contains("provider"));
    let begun = server.post("/api/sign-in/provider", "", "{}").await;
    let answered = r#"{"state":"x","code":"x","iss":null}"#;
    let answered = server.post("/api/sign-in/provider/answer", "", answered).await;
    assert_eq!((begun.status, answered.status), (404, 404));
}

/// Somebody comes in, somebody does not, and the provider talks nonsense.  Returns what must
/// not be in the log.
pub(crate) async fn evening() -> Vec<String> {
    let there = there().await;
    let (subject, stranger) = ("subject-of-sun-li", "subject-of-a-stranger");
    assert_eq!(there.accept(INVITED, subject).await.status, 200);
    assert_refused(&there.sign_in(stranger).await);
    there.provider.misbehave(json!({ "iss": "https://evil.example" }));
    assert_refused(&there.sign_in(subject).await);
    there.provider.misbehave(json!({ "body": "nonsense of the provider" }));
    let begun = there.begin("{}").await;
    let answer = there.provider.lets_in(&begun, subject);
    assert_eq!(there.answer(&begun.cookie(), &answer).await.status, 502);
    let flow = begun.cookie().split('=').nth(1).unwrap().to_owned();
    let nonce = query_of(&begun.field("address"))["nonce"].clone();
    let code = answer["code"].as_str().unwrap().to_owned();
    let words = [SECRET, INVITED, subject, stranger, "nonsense of the provider"];
    words.map(str::to_owned).into_iter().chain([flow, nonce, code]).collect()
}

/// A server and its provider.
struct There {
    server: Server,
    provider: FakeProvider,
}

async fn there() -> There {
    let provider = FakeProvider::start().await;
    let server = Server::start(with(provider.issuer(), true)).await;
    There { server, provider }
}

fn with(issuer: Issuer, is_second_factor: bool) -> GatewaySettings {
    let oidc = Some(rules(issuer, is_second_factor));
    // Tests sign in more often than people do.
    let limits = Limits { sign_ins_max: 1000, ..Limits::default() };
    GatewaySettings { oidc, limits, ..settings() }
}

/// Settings of a server that has a provider.
pub(crate) fn rules(issuer: Issuer, is_second_factor: bool) -> OidcRules {
    OidcRules {
        issuer,
        client_id: CLIENT.to_owned(),
        client_secret: ClientSecret::new(SECRET),
        name: "Agency".to_owned(),
        is_second_factor,
        prompt: "login".to_owned(),
    }
}

impl There {
    async fn begin(&self, json: &str) -> Answer {
        self.server.post("/api/sign-in/provider", "", json).await
    }

    async fn answer(&self, cookie: &str, answer: &Value) -> Answer {
        self.server.post("/api/sign-in/provider/answer", cookie, &answer.to_string()).await
    }

    /// From the button to the end.
    async fn sign_in(&self, subject: &str) -> Answer {
        let begun = self.begin("{}").await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        self.answer(&begun.cookie(), &self.provider.lets_in(&begun, subject)).await
    }

    async fn accept(&self, name: &str, subject: &str) -> Answer {
        let token = self.invitation().await;
        let begun = self.begin(&invited(&token, name)).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        self.answer(&begun.cookie(), &self.provider.lets_in(&begun, subject)).await
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        Request::get(path).header("cookie", cookie).send(self.server.address).await
    }

    async fn invitation(&self) -> String {
        let token = one_time_token().unwrap();
        let record = InvitationRecord {
            id: InvitationId::from_bytes(token.id),
            token_hash: token.hash,
            role: AccountRole::Counsellor,
            account: None,
            created_at: UnixSeconds(0),
            expires_at: UnixSeconds(soon()),
            used_at: None,
        };
        self.server.store.put_invitation(record).await.unwrap();
        token.text
    }
}

fn invited(token: &str, name: &str) -> String {
    json!({ "invitation": { "token": token, "name": name } }).to_string()
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.field("code").as_str()), (401, "cannot_sign_in"));
}

fn query_of(address: &str) -> BTreeMap<String, String> {
    let (_, query) = address.split_once('?').unwrap();
    form(query)
}

fn form(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), unescaped(value))).collect()
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// A provider of one client.
#[derive(Clone)]
struct FakeProvider(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    key: EcdsaKeyPair,
    codes: Mutex<BTreeMap<String, Granted>>,
    misdeed: Mutex<Value>,
}

/// What a code stands for.
struct Granted {
    asked: BTreeMap<String, String>,
    subject: String,
}

impl FakeProvider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        let provider = Self(Arc::new(Inner {
            address: listener.local_addr().unwrap(),
            key: EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap(),
            codes: Mutex::default(),
            misdeed: Mutex::new(json!({})),
        }));
        let routes = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(|State(this): State<Self>| async move { this.describe() }),
            )
            .route("/jwks", get(|State(this): State<Self>| async move { this.keys() }))
            .route(
                "/token",
                post(|State(this): State<Self>, headers: HeaderMap, body: String| async move {
                    this.redeem(&headers, &body)
                }),
            )
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        provider
    }

    fn text(&self) -> String {
        format!("http://{}", self.0.address)
    }

    fn issuer(&self) -> Issuer {
        Issuer::parse(&self.text()).unwrap()
    }

    fn misbehave(&self, misdeed: Value) {
        *self.0.misdeed.lock().unwrap() = misdeed;
    }

    fn n_codes(&self) -> usize {
        self.0.codes.lock().unwrap().len()
    }

    /// Somebody signed in here: what their browser comes back with.
    fn lets_in(&self, begun: &Answer, subject: &str) -> Value {
        let asked = query_of(&begun.field("address"));
        let state = asked["state"].clone();
        let mut codes = self.0.codes.lock().unwrap();
        let code = format!("code/{state}");
        codes.insert(code.clone(), Granted { asked, subject: subject.to_owned() });
        json!({ "state": state, "code": code, "iss": self.text() })
    }

    fn describe(&self) -> Json<Value> {
        let at = |path: &str| format!("{}{path}", self.text());
        Json(json!({
            "issuer": self.text(),
            "authorization_endpoint": at("/auth"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        }))
    }

    fn keys(&self) -> Json<Value> {
        let point = self.0.key.public_key().as_ref();
        let (x, y) = (encode_base64url(&point[1..33]), encode_base64url(&point[33..]));
        Json(json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "x": x, "y": y },
        ] }))
    }

    fn redeem(&self, headers: &HeaderMap, body: &str) -> Response {
        let misdeed = self.0.misdeed.lock().unwrap().clone();
        if let Some(status) = misdeed["token"].as_u64() {
            let status = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
            return (status, [("location", "/jwks")], "{}").into_response();
        }
        if let Some(body) = misdeed["body"].as_str() {
            return body.to_owned().into_response();
        }
        let form = form(body);
        let granted = self.0.codes.lock().unwrap().remove(&form["code"]);
        let refused = (StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#);
        let Some(granted) = granted else { return refused.into_response() };
        // `aman:canary%2Bof%20the%20secret`
        let basic = "Basic YW1hbjpjYW5hcnklMkJvZiUyMHRoZSUyMHNlY3JldA==";
        let proven = encode_base64url(&Sha256::digest(form["code_verifier"].as_bytes()));
        let fits = headers["authorization"] == basic
            && form["grant_type"] == "authorization_code"
            && form["redirect_uri"] == granted.asked["redirect_uri"]
            && proven == granted.asked["code_challenge"];
        if !fits {
            return refused.into_response();
        }
        let id_token = self.token(&granted, &misdeed);
        Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token }))
            .into_response()
    }

    fn token(&self, granted: &Granted, misdeed: &Value) -> String {
        let mut claims = json!({
            "iss": self.text(),
            "sub": granted.subject,
            "aud": granted.asked["client_id"],
            "exp": soon(),
            "iat": soon() - 3600,
            "auth_time": soon() - 3600,
            "nonce": granted.asked["nonce"],
        });
        for (name, value) in misdeed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let alg = misdeed["alg"].as_str().unwrap_or("ES256");
        let part = |value: &Value| encode_base64url(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&json!({ "alg": alg, "kid": "1" })), part(&claims));
        let signature = self.0.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let signature = encode_base64url(signature.as_ref());
        if alg == "none" { format!("{signed}.") } else { format!("{signed}.{signature}") }
    }
}
