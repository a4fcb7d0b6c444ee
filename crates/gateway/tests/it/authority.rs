//! Who may ask what?  Every route, as everybody (T-AUTHZ), and from every page (T-WEB).
//!
//! The routes are read from the description that the router itself makes (OpenAPI), so one that
//! is not in [`ROUTES`] fails the test: say who may use it.

use std::collections::BTreeSet;

use protocol::id::{AccountId, InvitationId, PasskeyId, SignInId};
use protocol::opaque::encode_base64url;
use protocol::time::UnixSeconds;
use sha2::{Digest, Sha256};
use store::{
    Account, AccountRole, AccountStore, InvitationRecord, PasskeyRecord, ProgramStore,
    SignInRecord, Stage,
};

use crate::api::{invite_json_of, soon};
use crate::http::{Answer, Request};
use crate::oidc::rules;
use crate::server::{Server, settings};
use gateway::{GatewaySettings, Issuer, Limits};

/// Who may come through to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Anybody; what comes after asks for a secret of its own.
    Open,
    /// Whoever has a cookie, however far the sign-in got.
    Holder,
    /// Whoever gave the password and owes the second factor.
    Half,
    /// Whoever is signed in, or has to set up a second factor.
    Securing,
    /// Whoever is signed in.
    Whole,
    /// The same, and it is theirs.
    Theirs,
}

/// Every route below `/api`, with who may come through and a body that can be read.
const ROUTES: &[(&str, &str, Door, &str)] = &[
    ("GET", "/state", Door::Open, ""),
    ("GET", "/openapi.json", Door::Open, ""),
    ("POST", "/setup", Door::Open, "{}"),
    ("POST", "/sign-in", Door::Open, "{}"),
    ("POST", "/sign-in/code", Door::Half, r#"{"code":"x"}"#),
    ("POST", "/sign-in/passkey-challenge", Door::Open, ""),
    ("POST", "/sign-in/passkey", Door::Open, "{}"),
    ("POST", "/sign-in/provider", Door::Open, "{}"),
    ("POST", "/sign-in/provider/answer", Door::Open, "{}"),
    ("POST", "/sign-out", Door::Open, ""),
    ("POST", "/invitation", Door::Open, "{}"),
    ("POST", "/invitation/accept", Door::Open, "{}"),
    ("GET", "/me", Door::Holder, ""),
    ("GET", "/account", Door::Securing, ""),
    ("POST", "/account/confirm", Door::Whole, "{}"),
    ("POST", "/account/password", Door::Whole, "{}"),
    ("POST", "/account/totp", Door::Securing, ""),
    ("PUT", "/account/totp", Door::Securing, "{}"),
    ("DELETE", "/account/totp", Door::Whole, ""),
    ("POST", "/account/recovery-codes", Door::Whole, ""),
    ("POST", "/account/passkey-challenge", Door::Securing, ""),
    ("POST", "/account/passkeys", Door::Securing, "{}"),
    ("DELETE", "/account/passkeys/{passkey}", Door::Theirs, ""),
    ("POST", "/account/provider", Door::Whole, ""),
    ("DELETE", "/account/provider", Door::Whole, ""),
    ("DELETE", "/account/sign-ins/{sign_in}", Door::Theirs, ""),
    ("POST", "/account/sign-out-everywhere", Door::Securing, ""),
    ("POST", "/pairing", Door::Whole, "PAIRING"),
    ("GET", "/pairing/{pairing}", Door::Theirs, ""),
    ("POST", "/pairing/{pairing}", Door::Theirs, r#"{"step":"hello","bytes":"AAAA"}"#),
    ("POST", "/pairing/{pairing}/fetch", Door::Theirs, ""),
    ("DELETE", "/pairing/{pairing}", Door::Theirs, ""),
    ("GET", "/rooms", Door::Whole, ""),
    ("POST", "/rooms", Door::Whole, r#"{"sealed_title":"AAAA"}"#),
    ("GET", "/rooms/{room}", Door::Theirs, ""),
    ("PATCH", "/rooms/{room}", Door::Theirs, "{}"),
    ("DELETE", "/rooms/{room}", Door::Theirs, ""),
    ("POST", "/rooms/{room}/invites", Door::Theirs, "INVITE"),
    ("POST", "/rooms/{room}/ticket", Door::Theirs, ""),
    ("DELETE", "/invites/{invite}", Door::Theirs, ""),
    ("POST", "/invites/{invite}/card", Door::Open, "{}"),
    ("POST", "/invites/{invite}/probe", Door::Open, "{}"),
    ("GET", "/keys", Door::Whole, ""),
    ("POST", "/keys", Door::Whole, "{}"),
    ("DELETE", "/keys/{key}", Door::Theirs, ""),
    ("GET", "/webhooks", Door::Whole, ""),
    ("POST", "/webhooks", Door::Whole, "{}"),
    ("DELETE", "/webhooks/{webhook}", Door::Theirs, ""),
    ("POST", "/webhooks/{webhook}/test", Door::Theirs, ""),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Person {
    Stranger,
    Half,
    Bare,
    Disabled,
    Other,
    Admin,
    Owner,
}

const EVERYBODY: [Person; 7] = [
    Person::Stranger,
    Person::Half,
    Person::Bare,
    Person::Disabled,
    Person::Other,
    Person::Admin,
    Person::Owner,
];

#[tokio::test]
async fn every_route_is_in_the_table() {
    let server = Server::start(settings()).await;
    let document: serde_json::Value =
        serde_json::from_slice(&server.get("/api/openapi.json").await.body).unwrap();
    let mut found = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api").unwrap_or(path);
        for method in operations.as_object().unwrap().keys() {
            if ["get", "post", "put", "patch", "delete"].contains(&&**method) {
                found.insert((method.to_ascii_uppercase(), path.to_owned()));
            }
        }
    }
    assert!(found.len() > 20, "the search finds what is there: {found:?}");
    let listed: BTreeSet<_> = ROUTES
        .iter()
        .map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(found, listed, "say in ROUTES who may use it");
}

#[tokio::test]
async fn everybody_comes_through_to_what_is_theirs_and_no_further() {
    let limits = Limits { requests_per_account_max: 100_000, ..Limits::default() };
    let oidc = Some(rules(Issuer::parse("http://127.0.0.1:9").unwrap(), true));
    let server = Server::start(GatewaySettings { limits, oidc, ..settings() }).await;
    let accounts = Accounts::make(&server).await;
    for (method, path, door, body) in ROUTES {
        for person in EVERYBODY {
            let scene = Scene::set(&server, &accounts, person, path).await;
            let answer = scene.ask(&server, method, path, body).await;
            let refused = ["not_signed_in", "needs_second_factor", "no_such_right"]
                .into_iter()
                .find(|code| answer.text().contains(&format!(r#""code":"{code}""#)));
            let expected = refusal(*door, person);
            // Past an open door, a right that nobody has is refused too.
            let refused =
                refused.filter(|code| *door != Door::Open || *code != "no_such_right");
            assert_eq!(refused, expected, "{method} {path} as {person:?}: {}", answer.text());
        }
    }
}

fn refusal(door: Door, person: Person) -> Option<&'static str> {
    let is_out = matches!(person, Person::Stranger | Person::Disabled);
    match door {
        Door::Open => None,
        _ if is_out => Some("not_signed_in"),
        Door::Holder => None,
        Door::Half => (person != Person::Half).then_some("not_signed_in"),
        _ if person == Person::Half => Some("not_signed_in"),
        Door::Securing => None,
        _ if person == Person::Bare => Some("needs_second_factor"),
        Door::Whole => None,
        Door::Theirs => (person != Person::Owner).then_some("no_such_right"),
    }
}

#[tokio::test]
async fn no_route_answers_the_page_of_another_site() {
    let limits = Limits { requests_per_account_max: 100_000, ..Limits::default() };
    let server = Server::with(limits).await;
    let accounts = Accounts::make(&server).await;
    for (method, path, _, body) in ROUTES {
        for (origin, site) in [
            ("https://evil.example", ""),
            ("null", ""),
            ("http://127.0.0.1:1", ""),
            ("", "cross-site"),
            ("", "same-site"),
            ("", ""),
        ] {
            if *method == "GET" && origin.is_empty() && site.is_empty() {
                continue;
            }
            let scene = Scene::set(&server, &accounts, Person::Owner, path).await;
            let answer = Request::new(method, &scene.path(path))
                .header("cookie", &scene.cookie)
                .header("origin", origin)
                .header("sec-fetch-site", site)
                .header("content-type", "application/json")
                .body(body)
                .send(server.address)
                .await;
            assert_eq!(answer.status, 403, "{method} {path} from {origin:?} {site:?}");
            assert!(answer.header("set-cookie").is_none());
        }
    }
}

/// The accounts of a server.
struct Accounts {
    owner: AccountId,
    other: AccountId,
    admin: AccountId,
    disabled: AccountId,
}

impl Accounts {
    async fn make(server: &Server) -> Self {
        let [owner, other, admin, disabled] =
            [1, 2, 3, 4].map(|n| AccountId::from_bytes([n; 16]));
        for id in [owner, other, admin, disabled] {
            let role = if id == admin { AccountRole::Admin } else { AccountRole::Counsellor };
            let token_hash = [id.as_bytes()[0]; 32];
            let invitation = InvitationRecord {
                id: InvitationId::from_bytes(*id.as_bytes()),
                token_hash,
                role,
                account: None,
                created_at: UnixSeconds(0),
                expires_at: UnixSeconds(soon()),
                used_at: None,
            };
            server.store.put_invitation(invitation).await.unwrap();
            let account = Account {
                id,
                name: format!("{id}"),
                password_hash: "a hash".to_owned(),
                created_at: UnixSeconds(0),
                role,
                is_disabled: false,
                needs_second_factor: false,
                identity: None,
            };
            let now = UnixSeconds(1);
            server.store.accept_invitation(token_hash, account, 9, now).await.unwrap();
        }
        server.store.set_disabled(disabled, true).await.unwrap();
        Self { owner, other, admin, disabled }
    }
}

/// One person with a new cookie, and things of the owner's.
struct Scene {
    cookie: String,
    room: String,
    invite: String,
    key: String,
    webhook: String,
    passkey: String,
    sign_in: String,
    pairing: String,
}

impl Scene {
    async fn set(server: &Server, accounts: &Accounts, person: Person, path: &str) -> Self {
        // Everybody has a passkey, so that no last factor is in the way.
        for account in [accounts.owner, accounts.other, accounts.admin] {
            server.store.create_passkey(passkey(account), usize::MAX, None).await.unwrap();
        }
        let passkey = passkey(accounts.owner);
        server.store.create_passkey(passkey.clone(), usize::MAX, None).await.unwrap();
        let token: [u8; 32] = random();
        let theirs = sign_in(accounts.owner, Stage::Whole, token);
        server.store.put_sign_in(theirs, usize::MAX).await.unwrap();
        let (room, invite) = if path.contains("{room}") || path.contains("{invite}") {
            something(server, &cookie(&token)).await
        } else {
            (String::new(), String::new())
        };

        let mine = cookie(&token);
        let key = if path.contains("{key}") {
            let words = r#"{"label":"a","scopes":["sessions:read"]}"#;
            server.post("/api/keys", &mine, words).await.field("key")
        } else {
            String::new()
        };
        let webhook = if path.contains("{webhook}") {
            for old in server.store.webhooks_of(accounts.owner).await.unwrap() {
                server.store.delete_webhook(accounts.owner, old.id).await.unwrap();
            }
            let words = r#"{"url":"https://hooks.example/","events":["session.started"]}"#;
            server.post("/api/webhooks", &mine, words).await.field("webhook")
        } else {
            String::new()
        };

        let pairing = encode_base64url(&random::<16>());
        if path.contains("{pairing}") {
            let words = format!(r#"{{"pairing":"{pairing}"}}"#);
            assert_eq!(server.post("/api/pairing", &mine, &words).await.status, 201);
        }

        let token: [u8; 32] = random();
        let (account, stage) = match person {
            Person::Stranger => (None, Stage::Whole),
            Person::Half => (Some(accounts.owner), Stage::Password),
            Person::Bare => (Some(accounts.owner), Stage::Bare),
            Person::Disabled => (Some(accounts.disabled), Stage::Whole),
            Person::Other => (Some(accounts.other), Stage::Whole),
            Person::Admin => (Some(accounts.admin), Stage::Whole),
            Person::Owner => (Some(accounts.owner), Stage::Whole),
        };
        if let Some(account) = account {
            let record = sign_in(account, stage, token);
            server.store.put_sign_in(record, usize::MAX).await.unwrap();
        }
        Self {
            cookie: cookie(&token),
            room,
            invite,
            key,
            webhook,
            passkey: passkey.id.to_string(),
            sign_in: theirs.id.to_string(),
            pairing,
        }
    }

    fn path(&self, path: &str) -> String {
        let path = path.replace("{room}", &self.room).replace("{invite}", &self.invite);
        let path = path.replace("{passkey}", &self.passkey).replace("{sign_in}", &self.sign_in);
        let path = path.replace("{key}", &self.key).replace("{webhook}", &self.webhook);
        let path = path.replace("{pairing}", &self.pairing);
        format!("/api{path}")
    }

    async fn ask(&self, server: &Server, method: &str, path: &str, body: &str) -> Answer {
        let invite = invite_json_of(random(), 9, soon());
        let pairing = format!(r#"{{"pairing":"{}"}}"#, self.pairing);
        let body = match body {
            "INVITE" => &invite,
            "PAIRING" => &pairing,
            body => body,
        };
        server.send(method, &self.path(path), &self.cookie, body).await
    }
}

/// A room of whoever holds the cookie, and an invite to it.
async fn something(server: &Server, cookie: &str) -> (String, String) {
    let made = server.post("/api/rooms", cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let room = made.field("room");
    let [n] = random::<1>();
    let invites = format!("/api/rooms/{room}/invites");
    let invite = invite_json_of(random(), u32::from(n) % 8, soon());
    let invite = server.post(&invites, cookie, &invite).await;
    (room, invite.field("invite"))
}

fn cookie(token: &[u8; 32]) -> String {
    format!("__Host-aman={}", encode_base64url(token))
}

fn sign_in(account: AccountId, stage: Stage, token: [u8; 32]) -> SignInRecord {
    let now = UnixSeconds(soon() - 3600);
    SignInRecord {
        token_hash: Sha256::digest(token).into(),
        id: SignInId::from_bytes(random()),
        account,
        stage,
        created_at: now,
        last_seen_at: now,
        expires_at: UnixSeconds(soon()),
    }
}

fn passkey(account: AccountId) -> PasskeyRecord {
    PasskeyRecord {
        id: PasskeyId::from_bytes(random()),
        account,
        credential: random::<16>().to_vec(),
        public_key: vec![1],
        n_signatures: 0,
        created_at: UnixSeconds(0),
        last_used_at: None,
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}
