//! The way into an account and what guards it: invitations, second factors, passkeys, sign-ins.

use std::time::Duration;

use futures_util::SinkExt;
use gateway::{AccountRules, GatewaySettings, Limits, ServerKey, one_time_token};
use protocol::id::{AccountId, InvitationId};
use protocol::opaque::{decode_base64url, encode_base64url};
use protocol::reject::FarewellReason;
use protocol::server::ServerMessage;
use protocol::time::UnixSeconds;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use ring::{digest, hmac};
use store::{AccountRole, AccountStore, InvitationRecord};
use tokio_tungstenite::tungstenite::Message;

use crate::api::soon;
use crate::http::{Answer, Request};
use crate::server::{NAME, PASSWORD, Server, settings};
use crate::sockets::{next, open};

const INVITED: &str = "Sun Li";

#[tokio::test]
async fn an_invitation_works_once_and_opens_nothing_before_a_second_factor() {
    let server = Server::start(settings()).await;
    let token = invitation(&server, None).await;
    let unknown = encode_base64url(&[5; 32]);
    for bad in [unknown.as_str(), "AAAA"] {
        let answer = server.post("/api/invitation", "", &opening(bad)).await;
        assert_eq!((answer.status, answer.field("code").as_str()), (404, "no_such_right"));
    }
    let opened = server.post("/api/invitation", "", &opening(&token)).await;
    assert_eq!(opened.text(), r#"{"name":null}"#);

    let accepted = server.post("/api/invitation/accept", "", &accepting(&token, INVITED)).await;
    assert_eq!(accepted.field("step"), "set_up_factor", "{}", accepted.text());
    let bare = accepted.cookie();
    let rooms = get(&server, "/api/rooms", &bare).await;
    assert_eq!((rooms.status, rooms.field("code").as_str()), (403, "needs_second_factor"));
    let again = server.post("/api/invitation/accept", "", &accepting(&token, "Other")).await;
    assert_eq!(again.status, 404, "it is used up");

    let (whole, phone, codes) = set_up_totp(&server, &bare).await;
    assert_eq!(get(&server, "/api/rooms", &whole).await.status, 200);
    assert_eq!(get(&server, "/api/me", &bare).await.status, 401, "its cookie was changed");
    assert_eq!(codes.len(), 10);
    let account = get(&server, "/api/account", &whole).await;
    assert!(account.text().contains(r#""has_totp":true,"n_recovery_codes":10"#));

    let last = server.send("DELETE", "/api/account/totp", &whole, "").await;
    assert_eq!(last.field("code"), "needs_second_factor", "the last factor stays");
    drop(phone);
}

#[tokio::test]
async fn a_name_is_given_once() {
    let server = Server::start(settings()).await;
    server.set_up().await;
    let token = invitation(&server, None).await;
    let taken = server.post("/api/invitation/accept", "", &accepting(&token, NAME)).await;
    assert_eq!((taken.status, taken.field("code").as_str()), (409, "name_taken"));
    let free = server.post("/api/invitation/accept", "", &accepting(&token, INVITED)).await;
    assert_eq!(free.status, 200, "the link is still good: {}", free.text());
}

#[tokio::test]
async fn the_second_step_takes_each_code_once() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let (_, phone, codes) = set_up_totp(&server, &cookie).await;

    let half = sign_in(&server).await;
    assert_eq!(half.field("step"), "second_factor");
    let half = half.cookie();
    assert_eq!(get(&server, "/api/rooms", &half).await.field("code"), "not_signed_in");
    let used = server.post("/api/sign-in/code", &half, &typed(&phone.code(0))).await;
    assert_eq!((used.status, used.field("code").as_str()), (422, "wrong_code"), "set up by it");
    let whole = server.post("/api/sign-in/code", &half, &typed(&phone.code(1))).await;
    assert_eq!(whole.field("step"), "done", "{}", whole.text());
    assert_eq!(get(&server, "/api/rooms", &whole.cookie()).await.status, 200);
    assert_eq!(get(&server, "/api/me", &half).await.status, 401);

    for (code, status) in [
        (phone.code(1), 422),
        ("000000".to_owned(), 422),
        ("nonsense".to_owned(), 422),
        (codes[3].to_lowercase(), 200),
        (codes[3].clone(), 422),
        (codes[4].replace('-', " "), 200),
    ] {
        let half = sign_in(&server).await.cookie();
        let answer = server.post("/api/sign-in/code", &half, &typed(&code)).await;
        assert_eq!(answer.status, status, "{code}: {}", answer.text());
    }
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_also_with_the_right_password() {
    let limits = Limits { codes_per_account_max: 3, ..Limits::default() };
    let server = Server::with(limits).await;
    let cookie = server.set_up().await;
    let (_, phone, _) = set_up_totp(&server, &cookie).await;
    for _ in 0..3 {
        let half = sign_in(&server).await.cookie();
        assert_eq!(server.post("/api/sign-in/code", &half, &typed("000000")).await.status, 422);
    }
    let half = sign_in(&server).await.cookie();
    let slowed = server.post("/api/sign-in/code", &half, &typed(&phone.code(1))).await;
    assert_eq!((slowed.status, slowed.field("code").as_str()), (429, "too_fast"));
}

#[tokio::test]
async fn a_passkey_alone_signs_in_once_for_each_challenge() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let me = get(&server, "/api/me", &cookie).await.field("account");
    let device = Device::make();
    let added = add_passkey(&server, &cookie, &device).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let again = add_passkey(&server, &cookie, &device).await;
    assert_eq!(again.field("code"), "wrong_code", "it is there already");

    let challenge = server.post("/api/sign-in/passkey-challenge", "", "").await;
    assert_eq!(challenge.field("rp"), "127.0.0.1");
    let challenge = challenge.field("challenge");
    let proof = device.proof(&server, &challenge, 1, &me);
    let whole = server.post("/api/sign-in/passkey", "", &proof).await;
    assert_eq!(whole.field("step"), "done", "{}", whole.text());
    assert_eq!(get(&server, "/api/rooms", &whole.cookie()).await.status, 200);

    let fresh = || async {
        let made = server.post("/api/sign-in/passkey-challenge", "", "").await;
        made.field("challenge")
    };
    let other = encode_base64url(&[9; 16]);
    for (what, proof) in [
        ("the same again", proof),
        ("a counter that stood still", device.proof(&server, &fresh().await, 1, &me)),
        ("a challenge of its own", device.proof(&server, &encode_base64url(&[1; 56]), 2, &me)),
        ("another account", device.proof(&server, &fresh().await, 3, &other)),
        ("another device", Device::make().proof(&server, &fresh().await, 4, &me)),
    ] {
        let refused = server.post("/api/sign-in/passkey", "", &proof).await;
        assert_eq!(
            (refused.status, refused.field("code").as_str()),
            (401, "cannot_sign_in"),
            "{what}"
        );
        assert_eq!(refused.header("set-cookie"), None);
    }
    let half = sign_in(&server).await;
    assert_eq!(half.field("step"), "second_factor", "the password alone is not enough now");
}

#[tokio::test]
async fn whoever_is_shut_out_cannot_come_in_by_any_way() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let me = get(&server, "/api/me", &cookie).await.field("account");
    let device = Device::make();
    add_passkey(&server, &cookie, &device).await;
    let id = AccountId::parse(&me).unwrap();
    let reset = invitation(&server, Some(id)).await;

    server.store.set_disabled(id, true).await.unwrap();

    assert_eq!(get(&server, "/api/me", &cookie).await.status, 401);
    let by_password = sign_in(&server).await;
    assert_eq!(
        (by_password.status, by_password.text().as_str()),
        (401, r#"{"code":"cannot_sign_in"}"#)
    );
    let challenge =
        server.post("/api/sign-in/passkey-challenge", "", "").await.field("challenge");
    let proof = device.proof(&server, &challenge, 1, &me);
    assert_eq!(server.post("/api/sign-in/passkey", "", &proof).await.status, 401);
    assert_eq!(server.post("/api/invitation", "", &opening(&reset)).await.status, 404);
}

#[tokio::test]
async fn a_link_back_takes_the_factors_and_the_sign_ins_away() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let me = get(&server, "/api/me", &cookie).await.field("account");
    set_up_totp(&server, &cookie).await;
    let token = invitation(&server, Some(AccountId::parse(&me).unwrap())).await;
    let opened = server.post("/api/invitation", "", &opening(&token)).await;
    assert_eq!(opened.field("name"), NAME);

    let accepted =
        server.post("/api/invitation/accept", "", &accepting(&token, "ignored")).await;
    assert_eq!((accepted.field("name").as_str(), accepted.field("account")), (NAME, me));
    assert_eq!(get(&server, "/api/me", &cookie).await.status, 401);
    assert_eq!(sign_in(&server).await.status, 401, "the old password is gone");
}

#[tokio::test]
async fn what_matters_wants_the_password_once_more() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    make_old(&server, &cookie).await;
    for (method, path) in [
        ("POST", "/api/account/totp"),
        ("DELETE", "/api/account/totp"),
        ("POST", "/api/account/recovery-codes"),
        ("POST", "/api/account/passkey-challenge"),
    ] {
        let answer = server.send(method, path, &cookie, "").await;
        assert_eq!(
            (answer.status, answer.field("code").as_str()),
            (403, "not_fresh"),
            "{path}"
        );
    }
    let wrong = server.post("/api/account/confirm", &cookie, r#"{"password":"x"}"#).await;
    assert_eq!(wrong.field("code"), "cannot_sign_in");
    let right = format!(r#"{{"password":"{PASSWORD}"}}"#);
    assert_eq!(server.post("/api/account/confirm", &cookie, &right).await.status, 204);
    assert_eq!(server.post("/api/account/totp", &cookie, "").await.status, 200);
}

#[tokio::test]
async fn a_new_password_ends_the_sign_ins_elsewhere() {
    let server = Server::start(settings()).await;
    let elsewhere = server.set_up().await;
    let here = sign_in(&server).await.cookie();
    let change =
        |current: &str, new: &str| format!(r#"{{"current":"{current}","new":"{new}"}}"#);
    let new = "another lighthouse 48";
    for (words, code) in [
        (change("wrong, but long enough", new), "cannot_sign_in"),
        (change(PASSWORD, "short"), "bad_password"),
    ] {
        let refused = server.post("/api/account/password", &here, &words).await;
        assert_eq!(refused.field("code"), code);
    }
    let changed = server.post("/api/account/password", &here, &change(PASSWORD, new)).await;
    assert_eq!(changed.status, 204, "{}", changed.text());
    assert_eq!(get(&server, "/api/me", &here).await.status, 200);
    assert_eq!(get(&server, "/api/me", &elsewhere).await.status, 401);
    assert_eq!(sign_in(&server).await.status, 401);
}

#[tokio::test]
async fn signing_out_everywhere_ends_the_calls_too() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let other = sign_in(&server).await.cookie();
    let account = get(&server, "/api/account", &cookie).await.text();
    assert_eq!(account.matches(r#""is_this":true"#).count(), 1, "{account}");
    assert_eq!(account.matches(r#""sign_in":""#).count(), 2, "{account}");
    let (mut call, resume) = enter(&server, &cookie).await;

    let out = server.post("/api/account/sign-out-everywhere", &other, "").await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));

    let reason = loop {
        if let ServerMessage::Farewell { reason } = next(&mut call).await {
            break reason;
        }
    };
    assert_eq!(reason, FarewellReason::Left);
    for cookie in [cookie, other] {
        assert_eq!(get(&server, "/api/me", &cookie).await.status, 401);
    }
    let mut back = open(&server, &[("origin", &server.origin())], true).await.unwrap();
    let right = format!(r#"{{"kind":"resume","resume":"{resume}","after":0}}"#);
    let hello = format!(r#"{{"n":1,"body":{{"type":"hello","right":{right}}}}}"#);
    back.send(Message::text(hello)).await.unwrap();
    assert!(matches!(next(&mut back).await, ServerMessage::Rejected { .. }), "nor comes back");
}

#[tokio::test]
async fn ending_one_sign_in_leaves_the_calls_of_the_others() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let (mut call, _) = enter(&server, &cookie).await;
    let other = sign_in(&server).await.cookie();
    let account = get(&server, "/api/account", &other).await;
    let listed = account.text();
    let mine = listed.split(r#""sign_in":""#).find(|part| part.contains(r#""is_this":true"#));
    let mine = mine.unwrap().split('"').next().unwrap();

    let ended =
        server.send("DELETE", &format!("/api/account/sign-ins/{mine}"), &other, "").await;
    assert_eq!(ended.status, 204, "{}", ended.text());
    assert_eq!(get(&server, "/api/me", &other).await.status, 401);
    call.send(Message::text(r#"{"n":2,"body":{"type":"ping"}}"#)).await.unwrap();
    assert!(matches!(next(&mut call).await, ServerMessage::Done { .. }), "the call goes on");
}

#[tokio::test]
async fn a_sign_in_that_is_not_used_is_over() {
    let rules = AccountRules {
        key: ServerKey::from_bytes([7; 32]),
        second_factor_required: true,
        idle: Duration::from_secs(600),
    };
    let server = Server::start(GatewaySettings { accounts: rules, ..settings() }).await;
    let cookie = server.set_up().await;
    for (ago, status) in [(590, 200), (601, 401)] {
        seen(&server, &cookie, ago).await;
        assert_eq!(get(&server, "/api/me", &cookie).await.status, status, "{ago} s");
    }
}

#[tokio::test]
async fn an_offer_of_codes_is_for_one_account_and_its_app() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let offer = server.post("/api/account/totp", &cookie, "").await;
    let phone = Phone::from(&offer);
    assert!(offer.field("uri").starts_with("otpauth://totp/Aman:Ruth%20Okonkwo?secret="));
    let sealed = offer.field("sealed");
    for (sealed, code, expected) in [
        (sealed.clone(), "000000".to_owned(), "wrong_code"),
        (encode_base64url(&[1; 56]), phone.code(0), "malformed"),
        (String::new(), phone.code(0), "malformed"),
    ] {
        let words = format!(r#"{{"sealed":"{sealed}","code":"{code}"}}"#);
        let refused = server.send("PUT", "/api/account/totp", &cookie, &words).await;
        assert_eq!(refused.field("code"), expected);
    }
    let token = invitation(&server, None).await;
    let other = server.post("/api/invitation/accept", "", &accepting(&token, INVITED)).await;
    let words = format!(r#"{{"sealed":"{sealed}","code":"{}"}}"#, phone.code(0));
    let refused = server.send("PUT", "/api/account/totp", &other.cookie(), &words).await;
    assert_eq!(refused.field("code"), "malformed", "it was offered to somebody else");
}

/// An app with one-time codes, and the step in which it was set up.
pub(crate) struct Phone(Vec<u8>, u64);

impl Phone {
    fn from(offer: &Answer) -> Self {
        let mut bits = Vec::new();
        for letter in offer.field("secret").bytes() {
            let at = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|it| *it == letter);
            bits.extend((0..5).rev().map(|n| at.unwrap() >> n & 1));
        }
        let byte = |eight: &[usize]| eight.iter().fold(0, |sum, bit| sum << 1 | bit);
        let secret = bits.chunks_exact(8).map(|eight| u8::try_from(byte(eight)).unwrap());
        Self(secret.collect(), (soon() - 3600) / 30)
    }

    /// The code of this step, or of one after it.
    fn code(&self, later: u64) -> String {
        let step = self.1 + later;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let at = usize::from(tag.as_ref()[19] & 0xf);
        let four: [u8; 4] = tag.as_ref()[at..at + 4].try_into().unwrap();
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }
}

/// An authenticator with one passkey.
struct Device {
    key: EcdsaKeyPair,
    credential: [u8; 16],
    random: SystemRandom,
}

impl Device {
    fn make() -> Self {
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let bytes = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(kind, bytes.as_ref(), &random).unwrap();
        let credential = key.public_key().as_ref()[1..17].try_into().unwrap();
        Self { key, credential, random }
    }

    fn data(flags: u8, count: u32) -> Vec<u8> {
        let mut data = digest::digest(&digest::SHA256, b"127.0.0.1").as_ref().to_vec();
        data.push(flags);
        data.extend_from_slice(&count.to_be_bytes());
        data
    }

    fn made(&self) -> Vec<u8> {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
        let cose = [head.as_slice(), x, &[0x22, 0x58, 32], y].concat();
        [&Self::data(0x45, 0)[..], &[0; 16], &[0, 16], &self.credential, &cose].concat()
    }

    fn said(server: &Server, kind: &str, challenge: &str) -> String {
        let origin = server.origin();
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"}}"#)
    }

    fn proof(&self, server: &Server, challenge: &str, count: u32, account: &str) -> String {
        let said = Self::said(server, "webauthn.get", challenge);
        let data = Self::data(0x05, count);
        let hash = digest::digest(&digest::SHA256, said.as_bytes());
        let message = [data.as_slice(), hash.as_ref()].concat();
        let signature = self.key.sign(&self.random, &message).unwrap();
        format!(
            r#"{{"credential":"{}","client_data":"{}","authenticator_data":"{}","signature":"{}","account":"{account}"}}"#,
            encode_base64url(&self.credential),
            encode_base64url(said.as_bytes()),
            encode_base64url(&data),
            encode_base64url(signature.as_ref()),
        )
    }
}

async fn add_passkey(server: &Server, cookie: &str, device: &Device) -> Answer {
    let challenge = server.post("/api/account/passkey-challenge", cookie, "").await;
    let said = Device::said(server, "webauthn.create", &challenge.field("challenge"));
    let words = format!(
        r#"{{"client_data":"{}","authenticator_data":"{}"}}"#,
        encode_base64url(said.as_bytes()),
        encode_base64url(&device.made()),
    );
    server.post("/api/account/passkeys", cookie, &words).await
}

/// Sets one-time codes up: the new cookie (or the same), the app, the recovery codes.
pub(crate) async fn set_up_totp(server: &Server, cookie: &str) -> (String, Phone, Vec<String>) {
    let offer = server.post("/api/account/totp", cookie, "").await;
    let phone = Phone::from(&offer);
    let words =
        format!(r#"{{"sealed":"{}","code":"{}"}}"#, offer.field("sealed"), phone.code(0));
    let added = server.send("PUT", "/api/account/totp", cookie, &words).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let text = added.text();
    let list = text.split(r#""recovery_codes":["#).nth(1).unwrap().split(']').next().unwrap();
    let codes = list.split(',').map(|code| code.trim_matches('"').to_owned()).collect();
    let is_new = added.header("set-cookie").is_some();
    (if is_new { added.cookie() } else { cookie.to_owned() }, phone, codes)
}

/// A link of the operator's.
pub(crate) async fn invitation(server: &Server, account: Option<AccountId>) -> String {
    let token = one_time_token().unwrap();
    let invitation = InvitationRecord {
        id: InvitationId::from_bytes(token.id),
        token_hash: token.hash,
        role: AccountRole::Counsellor,
        account,
        created_at: UnixSeconds(0),
        expires_at: UnixSeconds(soon()),
        used_at: None,
    };
    server.store.put_invitation(invitation).await.unwrap();
    token.text
}

/// A room, and its moderator's connection with the token to go on with.
async fn enter(server: &Server, cookie: &str) -> (crate::sockets::Socket, String) {
    let made = server.post("/api/rooms", cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let path = format!("/api/rooms/{}/ticket", made.field("room"));
    let ticket = server.post(&path, cookie, "").await.field("ticket");
    let mut call = open(server, &[("origin", &server.origin())], true).await.unwrap();
    let right = format!(r#"{{"kind":"ticket","ticket":"{ticket}"}}"#);
    let hello = format!(r#"{{"n":1,"body":{{"type":"hello","right":{right}}}}}"#);
    call.send(Message::text(hello)).await.unwrap();
    let ServerMessage::Entered(entered) = next(&mut call).await else { panic!("not entered") };
    (call, encode_base64url(entered.resume.as_slice()))
}

async fn sign_in(server: &Server) -> Answer {
    let json = format!(r#"{{"name":"{NAME}","password":"{PASSWORD}"}}"#);
    server.post("/api/sign-in", "", &json).await
}

async fn get(server: &Server, path: &str, cookie: &str) -> Answer {
    Request::get(path).header("cookie", cookie).send(server.address).await
}

/// The sign-in was used so many seconds ago.
async fn seen(server: &Server, cookie: &str, ago: u64) {
    let hash = hash(cookie);
    let mut record = server.store.sign_in(hash).await.unwrap().unwrap();
    record.last_seen_at = UnixSeconds(soon() - 3600 - ago);
    server.store.put_sign_in(record, 9).await.unwrap();
}

/// The sign-in began long ago.
pub(crate) async fn make_old(server: &Server, cookie: &str) {
    let mut record = server.store.sign_in(hash(cookie)).await.unwrap().unwrap();
    record.created_at = UnixSeconds(soon() - 3600 - 3600);
    server.store.put_sign_in(record, 9).await.unwrap();
}

fn hash(cookie: &str) -> [u8; 32] {
    let token = decode_base64url(cookie.split('=').nth(1).unwrap()).unwrap();
    digest::digest(&digest::SHA256, &token).as_ref().try_into().unwrap()
}

fn opening(token: &str) -> String {
    format!(r#"{{"token":"{token}"}}"#)
}

fn accepting(token: &str, name: &str) -> String {
    format!(r#"{{"token":"{token}","name":"{name}","password":"a very long password"}}"#)
}

fn typed(code: &str) -> String {
    format!(r#"{{"code":"{code}"}}"#)
}
