//! What members say to each other inside MLS application messages.
//!
//! ```text
//!   version 1 | kind | counter (8 bytes) | body
//!                1 = chat       UTF-8 text
//!                2 = epoch ack  epoch (8 bytes) | HMAC (32 bytes)
//!                3 = heartbeat  kept free for E2EE.md 1.6
//! ```
//!
//! The counter grows with every message of one sender, whatever its kind: MLS alone does not
//! stop a member from replaying messages to others (RFC 9750 section 8).

use protocol::id::Epoch;
use protocol::limits::CHAT_TEXT_BYTES_MAX;

const VERSION: u8 = 1;
const CHAT: u8 = 1;
const EPOCH_ACK: u8 = 2;

/// What a member says.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// Something a person wrote.
    Chat {
        /// The text, at most [`CHAT_TEXT_BYTES_MAX`].
        text: String,
    },
    /// "I am in this epoch": proven with the epoch's authenticator.
    EpochAck {
        /// The epoch.
        epoch: Epoch,
    },
}

/// Not what was written.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chat { text } => write!(f, "Chat([{} bytes])", text.len()),
            Self::EpochAck { epoch } => write!(f, "EpochAck({epoch:?})"),
        }
    }
}

/// A message as it stands inside the seal.
pub(crate) struct Payload {
    pub(crate) counter: u64,
    pub(crate) message: Message,
    /// The proof of an acknowledgement.
    pub(crate) mac: Option<[u8; 32]>,
}

impl Payload {
    /// Writes it; `None` for a text that is empty or too long.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![VERSION];
        match &self.message {
            Message::Chat { text } => {
                if text.is_empty() || text.len() > CHAT_TEXT_BYTES_MAX {
                    return None;
                }
                bytes.push(CHAT);
                bytes.extend_from_slice(&self.counter.to_be_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
            Message::EpochAck { epoch } => {
                bytes.push(EPOCH_ACK);
                bytes.extend_from_slice(&self.counter.to_be_bytes());
                bytes.extend_from_slice(&epoch.0.to_be_bytes());
                bytes.extend_from_slice(&self.mac?);
            }
        }
        Some(bytes)
    }

    /// Reads it; `None` if it is not one of ours.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<2>()?;
        let (counter, body) = rest.split_first_chunk::<8>()?;
        let counter = u64::from_be_bytes(*counter);
        match head {
            [VERSION, CHAT] => {
                let text = std::str::from_utf8(body).ok()?.to_owned();
                let fits = !text.is_empty() && text.len() <= CHAT_TEXT_BYTES_MAX;
                fits.then_some(Self { counter, message: Message::Chat { text }, mac: None })
            }
            [VERSION, EPOCH_ACK] => {
                let (epoch, mac) = body.split_first_chunk::<8>()?;
                let message = Message::EpochAck { epoch: Epoch(u64::from_be_bytes(*epoch)) };
                Some(Self { counter, message, mac: Some(mac.try_into().ok()?) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chat(text: &str) -> Payload {
        Payload { counter: 9, message: Message::Chat { text: text.to_owned() }, mac: None }
    }

    #[test]
    fn payloads_are_read_as_they_were_written() {
        let read = Payload::decode(&chat("سلام").encode().unwrap()).unwrap();
        assert_eq!((read.counter, read.message), (9, Message::Chat { text: "سلام".into() }));

        let ack = Message::EpochAck { epoch: Epoch(3) };
        let bytes =
            Payload { counter: 1, message: ack.clone(), mac: Some([7; 32]) }.encode().unwrap();
        let read = Payload::decode(&bytes).unwrap();
        assert_eq!((read.message, read.mac), (ack, Some([7; 32])));
    }

    #[test]
    fn texts_without_or_with_too_many_bytes_are_not_said() {
        assert!(chat("").encode().is_none());
        assert!(chat(&"a".repeat(CHAT_TEXT_BYTES_MAX)).encode().is_some());
        assert!(chat(&"a".repeat(CHAT_TEXT_BYTES_MAX + 1)).encode().is_none());
    }

    #[test]
    fn what_was_written_is_not_in_debug() {
        assert!(!format!("{:?}", chat("secret").message).contains("secret"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_harm(
            bytes in prop::collection::vec(any::<u8>(), 0..80)
        ) {
            if let Some(payload) = Payload::decode(&bytes) {
                prop_assert_eq!(payload.encode().unwrap(), bytes);
            }
        }
    }
}
