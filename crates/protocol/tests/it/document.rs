//! Every example of `docs/protocol.md` is a message of this protocol, and none is missing.

use protocol::client::ClientEnvelope;
use protocol::server::ServerMessage;

const PAGE: &str = include_str!("../../../../docs/protocol.md");

#[test]
fn every_example_of_a_client_message_can_be_read_and_written_back() {
    let examples = examples("client");
    for text in &examples {
        let envelope = ClientEnvelope::decode(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_same(text, &envelope.encode());
    }
    for tag in [
        "hello",
        "knock",
        "spare",
        "open_group",
        "commit",
        "application",
        "doorstep_note",
        "decline",
        "offer",
        "track",
        "leave",
        "end_room",
        "ping",
    ] {
        assert!(examples.iter().any(|e| type_of(e) == tag), "no example of {tag}");
    }
}

#[test]
fn every_example_of_a_server_message_can_be_read_and_written_back() {
    let examples = examples("server");
    for text in &examples {
        let message = ServerMessage::decode(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_same(text, &message.encode());
    }
    for tag in [
        "entered",
        "done",
        "rejected",
        "knocked",
        "unknocked",
        "doorstep_note",
        "present",
        "gone",
        "group_opened",
        "committed",
        "welcomed",
        "relayed",
        "answer",
        "slots",
        "media_lost",
        "farewell",
    ] {
        assert!(examples.iter().any(|e| type_of(e) == tag), "no example of {tag}");
    }
}

#[test]
fn an_unknown_field_or_type_is_refused() {
    for text in [
        r#"{"n": 1, "body": {"type": "ping"}, "more": 1}"#,
        r#"{"n": 1, "body": {"type": "sing"}}"#,
        r#"{"n": -1, "body": {"type": "ping"}}"#,
        r#"{"n": 5, "body": {"type": "decline", "participant": "7", "more": 1}}"#,
        r#"{"n": 5, "body": {"type": "decline"}}"#,
        "",
        "[]",
    ] {
        assert!(ClientEnvelope::decode(text).is_err(), "{text}");
    }
}

fn examples(side: &str) -> Vec<String> {
    let fence = format!("```json {side}\n");
    PAGE.split(&fence)
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap().to_owned())
        .collect()
}

fn type_of(example: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(example).unwrap();
    let message = value.get("body").unwrap_or(&value);
    message["type"].as_str().unwrap().to_owned()
}

fn assert_same(a: &str, b: &str) {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(a), parse(b));
}
