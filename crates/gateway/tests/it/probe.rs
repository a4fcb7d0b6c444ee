//! Who is given what tries the way to the media port?  Whoever holds a good link.

use protocol::opaque::encode_base64url;
use serde_json::json;

use crate::appointments::{SECRET, body, invite};
use crate::server::{Server, settings};

#[tokio::test]
async fn a_probe_is_for_the_holder_of_a_good_link() {
    let server = Server::start(settings()).await;
    let cookie = server.set_up().await;
    let room = server.post("/api/rooms", &cookie, r#"{"sealed_title":"AAAA"}"#).await;
    let room = format!("/api/rooms/{}", room.field("room"));
    let made = server.post(&format!("{room}/invites"), &cookie, &invite(0, &json!({}))).await;
    let id = made.field("invite");
    let probe = format!("/api/invites/{id}/probe");
    let right = json!({"server_auth": encode_base64url(&SECRET)}).to_string();

    let nobody = format!("/api/invites/{}/probe", encode_base64url(&[9; 16]));
    for (path, secret) in [(&probe, [43; 32]), (&nobody, SECRET)] {
        let wrong = json!({"server_auth": encode_base64url(&secret)}).to_string();
        for cookie in ["", &cookie] {
            let refused = server.post(path, cookie, &wrong).await;
            assert_eq!(
                (refused.status, refused.text().as_str()),
                (404, r#"{"code":"no_such_right"}"#)
            );
        }
    }

    let given = server.post(&probe, "", &right).await;
    assert_eq!(given.status, 200, "{}", given.text());
    assert_eq!(
        body(&given),
        json!({
            "ufrag": "some name",
            "password": "its password",
            "candidates": [{"ip": "192.0.2.7", "port": 3478}],
        })
    );
    assert_eq!(given.header("cache-control"), Some("no-store"));

    server.send("DELETE", &format!("/api/invites/{id}"), &cookie, "").await;
    assert_eq!(server.post(&probe, "", &right).await.text(), r#"{"code":"no_such_right"}"#);
    server.send("DELETE", &room, &cookie, "").await;
    assert_ne!(server.post(&probe, "", &right).await.status, 200, "nor after the room");
}
