//! What members say to each other inside MLS application messages.
//!
//! ```text
//!   version 1 | kind | counter (8 bytes) | body
//!                1 = chat       UTF-8 text
//!                2 = epoch ack  epoch (8 bytes) | HMAC (32 bytes)
//!                3 = heartbeat  epoch (8) | transcript (16) | beat before (16) | heard (8) | time (8)
//!                4 = saying     topic (1 byte) | UTF-8 text
//! ```
//!
//! The counter grows with every message of one sender, whatever its kind: MLS alone does not
//! stop a member from replaying messages to others (RFC 9750 section 8).

use protocol::id::{Epoch, LeafIndex};
use protocol::limits::{CHAT_TEXT_BYTES_MAX, SAYING_TEXT_BYTES_MAX};
use protocol::time::UnixSeconds;

const VERSION: u8 = 1;
const CHAT: u8 = 1;
const EPOCH_ACK: u8 = 2;
const HEARTBEAT: u8 = 3;
const SAYING: u8 = 4;

/// What a saying is about.  Sayings pass between the devices of a call; none is kept, and none
/// is a line of the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Real-time text: the whole line as it stands while it is typed.
    Live,
    /// How good the sender's own line is.
    Line,
    /// Where the attendee is, for emergencies: asked and answered.
    Place,
    /// The exchange of a consent receipt.
    Consent,
    /// How much of the call the sender's device carries: picture, sound, text.
    Step,
    /// The safety code does not match.
    Mismatch,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Live, Self::Line, Self::Place, Self::Consent, Self::Step, Self::Mismatch];

    const fn code(self) -> u8 {
        match self {
            Self::Live => 1,
            Self::Line => 2,
            Self::Place => 3,
            Self::Consent => 4,
            Self::Step => 5,
            Self::Mismatch => 6,
        }
    }

    fn read(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.code() == code)
    }
}

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
    /// Where the sender is, and whom they hear.
    Heartbeat(Heartbeat),
    /// Something one device tells the others.
    Saying {
        /// About what.
        topic: Topic,
        /// The text, at most [`SAYING_TEXT_BYTES_MAX`].
        text: String,
    },
}

/// Where a member is: the same for all who are in one epoch of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The epoch.
    pub epoch: Epoch,
    /// Half of the hash of its authenticator: what led to it.
    pub transcript: [u8; 16],
    /// Half of the hash of the sender's beat before, in this epoch; zeros for the first.
    pub before: [u8; 16],
    /// One bit for each leaf the sender hears.
    pub heard: u64,
    /// When, by the sender's clock.
    pub at: UnixSeconds,
}

impl Heartbeat {
    /// Whether the sender hears the member at `leaf`.
    #[must_use]
    pub fn hears(&self, leaf: LeafIndex) -> bool {
        self.heard & 1_u64.checked_shl(leaf.0).unwrap_or(0) != 0
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [
            self.epoch.0.to_be_bytes().as_slice(),
            &self.transcript,
            &self.before,
            &self.heard.to_be_bytes(),
            &self.at.0.to_be_bytes(),
        ]
        .concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk::<8>()?;
        let (transcript, rest) = rest.split_first_chunk::<16>()?;
        let (before, rest) = rest.split_first_chunk::<16>()?;
        let (heard, rest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            epoch: Epoch(u64::from_be_bytes(*epoch)),
            transcript: *transcript,
            before: *before,
            heard: u64::from_be_bytes(*heard),
            at: UnixSeconds(u64::from_be_bytes(rest.try_into().ok()?)),
        })
    }
}

/// Not what was written.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chat { text } => write!(f, "Chat([{} bytes])", text.len()),
            Self::EpochAck { epoch } => write!(f, "EpochAck({epoch:?})"),
            Self::Heartbeat(beat) => write!(f, "{beat:?}"),
            Self::Saying { topic, text } => {
                write!(f, "Saying({topic:?}, [{} bytes])", text.len())
            }
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
            Message::Heartbeat(beat) => {
                bytes.push(HEARTBEAT);
                bytes.extend_from_slice(&self.counter.to_be_bytes());
                bytes.extend_from_slice(&beat.bytes());
            }
            Message::Saying { topic, text } => {
                if text.is_empty() || text.len() > SAYING_TEXT_BYTES_MAX {
                    return None;
                }
                bytes.push(SAYING);
                bytes.extend_from_slice(&self.counter.to_be_bytes());
                bytes.push(topic.code());
                bytes.extend_from_slice(text.as_bytes());
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
            [VERSION, HEARTBEAT] => {
                let message = Message::Heartbeat(Heartbeat::read(body)?);
                Some(Self { counter, message, mac: None })
            }
            [VERSION, SAYING] => {
                let (topic, text) = body.split_first()?;
                let topic = Topic::read(*topic)?;
                let text = std::str::from_utf8(text).ok()?.to_owned();
                let fits = !text.is_empty() && text.len() <= SAYING_TEXT_BYTES_MAX;
                let message = Message::Saying { topic, text };
                fits.then_some(Self { counter, message, mac: None })
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

        let beat = Heartbeat {
            epoch: Epoch(3),
            transcript: [1; 16],
            before: [2; 16],
            heard: 0b101,
            at: UnixSeconds(9),
        };
        assert!(beat.hears(LeafIndex(2)) && !beat.hears(LeafIndex(1)));
        assert!(!beat.hears(LeafIndex(64)) && !beat.hears(LeafIndex(u32::MAX)));
        let message = Message::Heartbeat(beat);
        let payload = Payload { counter: 1, message: message.clone(), mac: None };
        assert_eq!(Payload::decode(&payload.encode().unwrap()).unwrap().message, message);
    }

    #[test]
    fn texts_without_or_with_too_many_bytes_are_not_said() {
        assert!(chat("").encode().is_none());
        assert!(chat(&"a".repeat(CHAT_TEXT_BYTES_MAX)).encode().is_some());
        assert!(chat(&"a".repeat(CHAT_TEXT_BYTES_MAX + 1)).encode().is_none());
    }

    #[test]
    fn sayings_of_every_topic_are_read_as_they_were_written_and_bounded() {
        for topic in Topic::ALL {
            let bytes = saying(topic, "{}").encode().unwrap();
            let read = Payload::decode(&bytes).unwrap();
            assert_eq!(read.message, Message::Saying { topic, text: "{}".to_owned() });
        }
        let longest = "a".repeat(SAYING_TEXT_BYTES_MAX);
        let mut bytes = saying(Topic::Live, &longest).encode().unwrap();
        assert!(Payload::decode(&bytes).is_some());
        bytes.push(b'a');
        assert!(Payload::decode(&bytes).is_none(), "too long is not read");
        assert!(saying(Topic::Live, &format!("{longest}a")).encode().is_none());
        assert!(saying(Topic::Live, "").encode().is_none());
        let unknown = [VERSION, SAYING, 0, 0, 0, 0, 0, 0, 0, 0, 99, b'a'];
        assert!(Payload::decode(&unknown).is_none());
    }

    #[test]
    fn what_was_written_is_not_in_debug() {
        assert!(!format!("{:?}", chat("secret").message).contains("secret"));
        assert!(!format!("{:?}", saying(Topic::Live, "secret").message).contains("secret"));
    }

    fn saying(topic: Topic, text: &str) -> Payload {
        let message = Message::Saying { topic, text: text.to_owned() };
        Payload { counter: 3, message, mac: None }
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
