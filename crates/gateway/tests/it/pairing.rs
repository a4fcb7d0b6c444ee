//! The keys of a counsellor on their way to a second device: who gets them, and how often.

use protocol::opaque::encode_base64url;

use crate::accounts::{make_old, set_up_totp};
use crate::http::{Answer, Request};
use crate::server::{NAME, PASSWORD, Server, settings};

#[tokio::test]
async fn the_sealed_keys_go_to_the_device_that_asked_and_only_once() {
    let server = Server::start(settings()).await;
    let (old, new) = two_devices(&server).await;
    let third = sign_in(&server).await.cookie();
    let id = begin(&server, &old, 1).await;

    assert_eq!(say(&server, &old, &id, "hello", "AAAA").await.field("code"), "out_of_order");
    assert_eq!(say(&server, &new, &id, "hello", "BBBB").await.field("state"), "claimed");
    assert_eq!(say(&server, &third, &id, "hello", "CCCC").await.field("code"), "out_of_order");
    assert_eq!(say(&server, &new, &id, "answer", "DDDD").await.field("code"), "out_of_order");
    let seen = read(&server, &old, &id).await;
    assert_eq!(
        (seen.field("state").as_str(), seen.field("hello").as_str()),
        ("claimed", "BBBB")
    );
    say(&server, &old, &id, "answer", "EEEE").await;
    assert_eq!(read(&server, &new, &id).await.field("answer"), "EEEE");
    assert_eq!(fetch(&server, &new, &id).await.field("code"), "out_of_order", "not yet");
    say(&server, &old, &id, "parcel", "FFFF").await;
    assert!(!read(&server, &third, &id).await.text().contains("FFFF"));

    assert_eq!(fetch(&server, &third, &id).await.field("code"), "out_of_order");
    assert_eq!(fetch(&server, &new, &id).await.field("parcel"), "FFFF");
    assert_eq!(fetch(&server, &new, &id).await.field("code"), "out_of_order", "once");
    assert_eq!(read(&server, &old, &id).await.field("state"), "fetched");
}

#[tokio::test]
async fn it_is_over_when_called_off_when_begun_again_and_when_the_old_device_signs_out() {
    let server = Server::start(settings()).await;
    let (old, new) = two_devices(&server).await;
    let first = begin(&server, &old, 1).await;
    let second = begin(&server, &old, 2).await;
    assert_eq!(read(&server, &new, &first).await.field("code"), "no_such_right");
    let path = format!("/api/pairing/{second}");
    assert_eq!(server.send("DELETE", &path, &old, "").await.status, 204);
    assert_eq!(read(&server, &new, &second).await.field("code"), "no_such_right");

    let third = begin(&server, &old, 3).await;
    say(&server, &new, &third, "hello", "AAAA").await;
    say(&server, &old, &third, "answer", "AAAA").await;
    say(&server, &old, &third, "parcel", "AAAA").await;
    assert_eq!(server.post("/api/sign-out", &old, "").await.status, 204);
    assert_eq!(fetch(&server, &new, &third).await.field("code"), "no_such_right");
}

#[tokio::test]
async fn it_begins_with_a_confirmed_password_and_a_second_factor() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let (old, ..) = set_up_totp(&server, &cookie).await;
    let words = format!(r#"{{"pairing":"{}"}}"#, encode_base64url(&[1; 16]));
    make_old(&server, &old).await;
    let refused = server.post("/api/pairing", &old, &words).await;
    assert_eq!((refused.status, refused.field("code").as_str()), (403, "not_fresh"));
    let password = format!(r#"{{"password":"{PASSWORD}"}}"#);
    server.post("/api/account/confirm", &old, &password).await;
    let id = begin(&server, &old, 1).await;

    let half = sign_in(&server).await;
    assert_eq!(half.field("step"), "second_factor");
    for answer in [
        read(&server, &half.cookie(), &id).await,
        say(&server, &half.cookie(), &id, "hello", "AAAA").await,
        fetch(&server, &half.cookie(), &id).await,
    ] {
        assert_eq!((answer.status, answer.field("code").as_str()), (401, "not_signed_in"));
    }
}

#[tokio::test]
async fn what_is_too_large_or_empty_is_refused() {
    let server = Server::start(settings()).await;
    let (old, new) = two_devices(&server).await;
    let id = begin(&server, &old, 1).await;
    for bytes in [encode_base64url(&[0; 513]), String::new(), "!".to_owned()] {
        let refused = say(&server, &new, &id, "hello", &bytes).await;
        assert_eq!((refused.status, refused.field("code").as_str()), (400, "malformed"));
    }
    assert_eq!(read(&server, &old, &id).await.field("state"), "waiting");
}

/// Two browsers of one account.
async fn two_devices(server: &Server) -> (String, String) {
    let old = server.set_up().await;
    (old, sign_in(server).await.cookie())
}

async fn begin(server: &Server, cookie: &str, n: u8) -> String {
    let id = encode_base64url(&[n; 16]);
    let words = format!(r#"{{"pairing":"{id}"}}"#);
    let begun = server.post("/api/pairing", cookie, &words).await;
    assert_eq!((begun.status, begun.field("state").as_str()), (201, "waiting"));
    id
}

async fn say(server: &Server, cookie: &str, id: &str, step: &str, bytes: &str) -> Answer {
    let words = format!(r#"{{"step":"{step}","bytes":"{bytes}"}}"#);
    server.post(&format!("/api/pairing/{id}"), cookie, &words).await
}

async fn read(server: &Server, cookie: &str, id: &str) -> Answer {
    let request = Request::get(&format!("/api/pairing/{id}"));
    request.header("cookie", cookie).send(server.address).await
}

async fn fetch(server: &Server, cookie: &str, id: &str) -> Answer {
    server.post(&format!("/api/pairing/{id}/fetch"), cookie, "").await
}

async fn sign_in(server: &Server) -> Answer {
    let json = format!(r#"{{"name":"{NAME}","password":"{PASSWORD}"}}"#);
    server.post("/api/sign-in", "", &json).await
}
