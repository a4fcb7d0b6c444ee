//! Does it help to have known a password, to hold a key, or to be in somebody's way?

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use gateway::Limits;
use protocol::api::RoomKind;
use protocol::id::{AccountId, InvitationId, RoomId, SignInId};
use protocol::opaque::{decode_base64url, encode_base64url};
use protocol::time::UnixSeconds;
use ring::digest;
use serde_json::json;
use store::{
    Account, AccountRole, AccountStore, InvitationRecord, RoomRecord, SignInRecord, Stage,
    Store,
};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::api::soon;
use crate::http::Request;
use crate::server::{DEADLINE, NAME, PASSWORD, Server, settings};

/// Tries at once: more than are hashed at a time.
const TRIES: usize = 8;

#[tokio::test]
async fn a_password_that_was_changed_lets_nobody_in_who_tried_it_before() {
    let server = patient().await;
    server.set_up().await;
    let account = server.store.accounts().await.unwrap().remove(0);
    let json = format!(r#"{{"name":"{NAME}","password":"{PASSWORD}"}}"#);
    let tries: Vec<_> = (0..TRIES)
        .map(|_| {
            let (server, json) = (server.clone(), json.clone());
            tokio::spawn(async move { server.post("/api/sign-in", "", &json).await })
        })
        .collect();
    until(async || server.store.sign_ins_of(account.id).await.unwrap().len() > 1).await;
    // What a changed password does.
    let (before, another) = (&account.password_hash, "$argon2id$another");
    assert!(server.store.put_password(account.id, before, another).await.unwrap());
    server.store.delete_sign_ins_of(account.id, None).await.unwrap();

    for tried in join_all(tries).await {
        let tried = tried.unwrap();
        assert!([200, 401].contains(&tried.status), "{}", tried.text());
    }
    assert_eq!(server.store.sign_ins_of(account.id).await.unwrap(), []);
}

#[tokio::test]
async fn a_sign_in_that_was_ended_is_not_brought_back_by_its_password() {
    let server = patient().await;
    let cookie = server.set_up().await;
    let account = server.store.accounts().await.unwrap().remove(0);
    let json = format!(r#"{{"password":"{PASSWORD}"}}"#);
    let before = server.store.sign_ins_of(account.id).await.unwrap().remove(0);
    let old = SignInRecord { created_at: UnixSeconds(1), ..before };
    server.store.put_sign_in(old, 9).await.unwrap();
    let confirmed: Vec<_> = (0..TRIES)
        .map(|_| {
            let (server, cookie, json) = (server.clone(), cookie.clone(), json.clone());
            tokio::spawn(
                async move { server.post("/api/account/confirm", &cookie, &json).await },
            )
        })
        .collect();
    let began = async || {
        let found = server.store.sign_in(hash(&cookie)).await.unwrap();
        found.map(|found| found.created_at)
    };
    until(async || began().await != Some(old.created_at)).await;
    server.store.delete_sign_ins_of(account.id, None).await.unwrap();

    for confirmed in join_all(confirmed).await {
        let confirmed = confirmed.unwrap();
        assert!([204, 401].contains(&confirmed.status), "{}", confirmed.text());
    }
    assert_eq!(server.store.sign_ins_of(account.id).await.unwrap(), []);
}

#[tokio::test]
async fn a_change_of_password_that_is_under_way_does_not_undo_the_operators_reset() {
    let server = patient().await;
    let cookie = server.set_up().await;
    let before = server.store.accounts().await.unwrap().remove(0);
    let json = format!(r#"{{"current":"{PASSWORD}","new":"of the thief 48"}}"#);
    let changes: Vec<_> = (0..TRIES)
        .map(|_| {
            let (server, cookie, json) = (server.clone(), cookie.clone(), json.clone());
            tokio::spawn(
                async move { server.post("/api/account/password", &cookie, &json).await },
            )
        })
        .collect();
    until(async || server.store.account(before.id).await.unwrap() != Some(before.clone()))
        .await;
    let back = InvitationRecord { account: Some(before.id), ..link(5) };
    server.store.put_invitation(back).await.unwrap();
    let reset = Account { password_hash: "$argon2id$reset".to_owned(), ..before };
    let accepted = server.store.accept_invitation([5; 32], reset.clone(), 9, UnixSeconds(1));
    accepted.await.unwrap();

    for changed in join_all(changes).await {
        let changed = changed.unwrap();
        assert!([204, 401].contains(&changed.status), "{}", changed.text());
    }
    assert_eq!(server.store.account(reset.id).await.unwrap(), Some(reset));
}

#[tokio::test]
async fn a_key_that_asks_too_much_is_slowed_down_and_its_owner_is_not() {
    let limits = Limits {
        requests_per_account_max: 6,
        request_per_account_interval: Duration::from_secs(3600),
        ..Limits::default()
    };
    let server = Server::with(limits).await;
    let cookie = server.set_up().await;
    let new = json!({"label": "stolen", "scopes": ["sessions:read"]}).to_string();
    let made = server.post("/api/keys", &cookie, &new).await;
    let bearer = format!("Bearer {}", made.field("secret"));
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let asked = Request::get("/api/rooms").header("authorization", &bearer);
        statuses.push(asked.send(server.address).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 429]);

    let key: serde_json::Value = serde_json::from_str(&made.text()).unwrap();
    let path = format!("/api/keys/{}", key["view"]["key"].as_str().unwrap());
    assert_eq!(server.send("DELETE", &path, &cookie, "").await.status, 204);
}

#[tokio::test]
async fn who_is_shut_out_is_told_nothing_more() {
    let server = Server::start(settings()).await;
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (out, here) = (counsellor(&server, 1).await, counsellor(&server, 2).await);
    for who in [out, here] {
        webhook(&server, who, &receiver).await;
    }
    server.store.set_disabled(out, true).await.unwrap();
    for who in [out, here] {
        end_a_room(&server, who).await;
    }
    let told = heard(&receiver).await;
    assert!(told.1.contains(&room_of(here).to_string()), "{}", told.1);
}

#[tokio::test]
async fn slow_receivers_of_one_account_hold_up_nobody_else() {
    let server = Server::start(settings()).await;
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (thief, here) = (counsellor(&server, 1).await, counsellor(&server, 2).await);
    for _ in 0..8 {
        webhook(&server, thief, &slow).await;
    }
    webhook(&server, here, &receiver).await;
    end_a_room(&server, thief).await;
    // Taken, and never answered.
    let _first = heard(&slow).await;
    end_a_room(&server, here).await;

    let told = timeout(Duration::from_secs(8), heard(&receiver)).await;
    let told = told.expect("it is not waited for those who do not answer").1;
    assert!(told.contains(&room_of(here).to_string()), "{told}");
}

async fn patient() -> Arc<Server> {
    let limits = Limits {
        sign_ins_max: 1000,
        sign_ins_per_name_max: 1000,
        sign_ins_per_name_anywhere_max: 1000,
        codes_per_account_max: 1000,
        ..Limits::default()
    };
    Arc::new(Server::with(limits).await)
}

fn hash(cookie: &str) -> [u8; 32] {
    let token = decode_base64url(cookie.split('=').nth(1).unwrap()).unwrap();
    digest::digest(&digest::SHA256, &token).as_ref().try_into().unwrap()
}

async fn until(holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, wait).await.expect("it comes to that");
}

fn link(n: u8) -> InvitationRecord {
    InvitationRecord {
        id: InvitationId::from_bytes([n; 16]),
        token_hash: [n; 32],
        role: AccountRole::Counsellor,
        account: None,
        created_at: UnixSeconds(0),
        expires_at: UnixSeconds(soon()),
        used_at: None,
    }
}

async fn counsellor(server: &Server, n: u8) -> AccountId {
    let id = AccountId::from_bytes([n; 16]);
    server.store.put_invitation(link(n)).await.unwrap();
    let account = Account {
        id,
        name: format!("name {n}"),
        password_hash: String::new(),
        created_at: UnixSeconds(0),
        role: AccountRole::Counsellor,
        is_disabled: false,
        needs_second_factor: false,
        identity: None,
    };
    server.store.accept_invitation([n; 32], account, 9, UnixSeconds(1)).await.unwrap();
    id
}

async fn webhook(server: &Server, account: AccountId, receiver: &TcpListener) {
    let token = [account.as_bytes().as_slice(); 2].concat();
    let cookie = format!("__Host-aman={}", encode_base64url(&token));
    let now = UnixSeconds(soon() - 3600);
    let sign_in = SignInRecord {
        token_hash: hash(&cookie),
        id: SignInId::from_bytes(*account.as_bytes()),
        account,
        stage: Stage::Whole,
        created_at: now,
        last_seen_at: now,
        expires_at: UnixSeconds(soon()),
    };
    server.store.put_sign_in(sign_in, 9).await.unwrap();
    let url = format!("http://{}/", receiver.local_addr().unwrap());
    let new = json!({"url": url, "events": ["session.ended"]}).to_string();
    let made = server.post("/api/webhooks", &cookie, &new).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

fn room_of(account: AccountId) -> RoomId {
    RoomId::from_bytes(*account.as_bytes())
}

async fn end_a_room(server: &Server, account: AccountId) {
    let room = RoomRecord {
        id: room_of(account),
        owner: account,
        sealed_title: Vec::new(),
        created_at: UnixSeconds(0),
        ended_at: None,
        last_generation: None,
        starts_at: None,
        minutes: None,
        kind: RoomKind::Video,
        reusable: true,
    };
    server.store.create_room(room, 9).await.unwrap();
    server.switchboard.end_room(account, room_of(account)).await.unwrap();
}

/// The next call, which is never answered: the connection is to be kept.
async fn heard(receiver: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = timeout(DEADLINE, receiver.accept()).await.unwrap().unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"}") {
        let read = stream.read_buf(&mut text);
        assert_ne!(timeout(DEADLINE, read).await.unwrap().unwrap(), 0);
    }
    (stream, String::from_utf8(text).unwrap())
}
