//! Notes between the counsellor and somebody who waits: there is no group yet, so they are
//! sealed under a key of the link.
//!
//! ```text
//!   key   HKDF(L, "doorstep")
//!   AAD   "aman/doorstep/v1" | direction | room | invite | participant | device | nonce of the knock
//!   text  sitting (8) | number (4) | kind (1) | length (2) | words | zeros up to 256, 512, 1024 or 2048
//! ```
//!
//! The direction keeps a note from coming back to whoever wrote it.  The nonce of the knock is
//! made by the attendee's device for this wait, so a note of an earlier wait opens nowhere.
//! A *sitting* is one page of the writer's; its notes are numbered, and [`Read`] takes each
//! number once.

use std::collections::BTreeMap;

use protocol::id::{ParticipantId, RoomId};
use protocol::limits::{DOORSTEP_NOTE_BYTES_MAX, DOORSTEP_NOTES_MAX, DOORSTEP_TEXT_BYTES_MAX};
use protocol::opaque::Opaque;
use protocol::secret::Secret;

use crate::door::Device;
use crate::kdf;
use crate::link::InviteKeys;
use crate::random::Randomness;

/// Sizes of a note before sealing: which one it has is all that its length tells.
const SIZES: [usize; 4] = [256, 512, 1024, 2048];

const TEXT: u8 = 1;
const HELLO: u8 = 2;

/// Bytes before the words.
const HEAD_BYTES: usize = 8 + 4 + 1 + 2;

/// Most sittings of one writer that are told apart.  More are not read.
const SITTINGS_MAX: usize = 8;

const _: () = assert!(HEAD_BYTES + DOORSTEP_TEXT_BYTES_MAX <= 2048);
const _: () = assert!(DOORSTEP_NOTES_MAX <= 64);

/// Which way a note goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From a moderator to somebody who waits.
    ToWaiting,
    /// From somebody who waits to the moderators.
    ToModerators,
}

/// What a note says.
#[derive(Clone, PartialEq, Eq)]
pub enum Words {
    /// Something for the page.
    Text(String),
    /// "I am here": whatever was written before should be sent (again).
    Hello,
}

/// Not what was written.
impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text([{} bytes])", text.len()),
            Self::Hello => f.write_str("Hello"),
        }
    }
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The page that wrote it: random.
    pub sitting: [u8; 8],
    /// Its number among those of its kind, from 0.
    pub number: u32,
    /// What it says.
    pub words: Words,
}

/// The line between the moderators and one wait of one device.
#[derive(Clone)]
pub struct DoorstepLine {
    key: Secret<32>,
    bound_to: Vec<u8>,
}

impl DoorstepLine {
    pub(crate) fn new(
        keys: &InviteKeys,
        room: RoomId,
        participant: ParticipantId,
        device: Device,
        nonce: &[u8],
    ) -> Self {
        let participant = participant.raw().to_be_bytes();
        let bound_to = [
            room.as_bytes().as_slice(),
            keys.invite.as_bytes(),
            &participant,
            device.as_bytes(),
            nonce,
        ];
        Self { key: keys.doorstep_key().clone(), bound_to: bound_to.concat() }
    }

    /// Seals a note; `None` for words that are empty or too long.
    #[must_use]
    pub fn seal(
        &self,
        way: Way,
        note: &Note,
        random: &Randomness,
    ) -> Option<Opaque<DOORSTEP_NOTE_BYTES_MAX>> {
        let (kind, words) = match &note.words {
            Words::Text(text) if text.is_empty() => return None,
            Words::Text(text) => (TEXT, text.as_bytes()),
            Words::Hello => (HELLO, [].as_slice()),
        };
        if words.len() > DOORSTEP_TEXT_BYTES_MAX {
            return None;
        }
        let mut plain = note.sitting.to_vec();
        plain.extend_from_slice(&note.number.to_be_bytes());
        plain.push(kind);
        plain.extend_from_slice(&u16::try_from(words.len()).ok()?.to_be_bytes());
        plain.extend_from_slice(words);
        let size = SIZES.into_iter().find(|size| *size >= plain.len())?;
        plain.resize(size, 0);
        Opaque::new(kdf::seal(&self.key, &self.aad(way), &plain, random)).ok()
    }

    /// Opens a note; `None` unless it was sealed for this line and this way.
    #[must_use]
    pub fn open(&self, way: Way, sealed: &Opaque<DOORSTEP_NOTE_BYTES_MAX>) -> Option<Note> {
        let plain = kdf::open(&self.key, &self.aad(way), sealed.as_slice())?;
        let (sitting, rest) = plain.split_first_chunk::<8>()?;
        let (number, rest) = rest.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let words = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
        let words = match *kind {
            TEXT if !words.is_empty() && words.len() <= DOORSTEP_TEXT_BYTES_MAX => {
                Words::Text(std::str::from_utf8(words).ok()?.to_owned())
            }
            HELLO if words.is_empty() => Words::Hello,
            _ => return None,
        };
        Some(Note { sitting: *sitting, number: u32::from_be_bytes(*number), words })
    }

    fn aad(&self, way: Way) -> Vec<u8> {
        let way: &[u8] = match way {
            Way::ToWaiting => &[1],
            Way::ToModerators => &[2],
        };
        [b"aman/doorstep/v1", way, &self.bound_to].concat()
    }
}

impl std::fmt::Debug for DoorstepLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[doorstep line]")
    }
}

/// Which notes of the other end were read: none is read twice.
#[derive(Clone, Debug, Default)]
pub struct Read {
    sittings: BTreeMap<[u8; 8], Seen>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    texts: u64,
    /// One more than the highest hello.
    hellos: u32,
}

impl Read {
    /// Takes note of a note; `false` if it was read before, or is one too many.
    pub fn take(&mut self, note: &Note) -> bool {
        let is_full = self.sittings.len() >= SITTINGS_MAX;
        if is_full && !self.sittings.contains_key(&note.sitting) {
            return false;
        }
        let seen = self.sittings.entry(note.sitting).or_default();
        match note.words {
            Words::Text(_) => {
                let is_in = usize::try_from(note.number).is_ok_and(|n| n < DOORSTEP_NOTES_MAX);
                let bit = 1_u64.checked_shl(note.number).unwrap_or(0);
                let is_new = is_in && seen.texts & bit == 0;
                seen.texts |= if is_in { bit } else { 0 };
                is_new
            }
            Words::Hello => {
                let is_new = note.number >= seen.hellos && note.number < u32::MAX;
                if is_new {
                    seen.hellos = note.number.saturating_add(1);
                }
                is_new
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::link::LinkSecret;

    const ROOM: RoomId = RoomId::from_bytes([7; 16]);
    const BEN: ParticipantId = ParticipantId::from_raw(2);

    #[test]
    fn a_note_is_opened_as_it_was_written_and_all_short_ones_are_equally_long() {
        let line = line(1, ROOM, BEN, 1, 1);
        for words in [Words::Text("{}".to_owned()), text(200), Words::Hello] {
            let sealed = seal(&line, words.clone());
            assert_eq!(sealed.as_slice().len(), 12 + 256 + 16);
            let note = line.open(Way::ToWaiting, &sealed).unwrap();
            assert_eq!(note, Note { sitting: [1; 8], number: 0, words });
        }
        let longest = seal(&line, text(DOORSTEP_TEXT_BYTES_MAX));
        assert_eq!(longest.as_slice().len(), DOORSTEP_NOTE_BYTES_MAX);
        let random = Randomness::from_seed([1; 32]);
        for words in [text(0), text(DOORSTEP_TEXT_BYTES_MAX + 1)] {
            let note = Note { sitting: [1; 8], number: 0, words };
            assert!(line.seal(Way::ToWaiting, &note, &random).is_none());
        }
    }

    #[test]
    fn a_note_opens_for_its_way_room_invite_person_device_and_wait_alone() {
        let sealed = seal(&line(1, ROOM, BEN, 1, 1), text(9));
        let other = RoomId::from_bytes([8; 16]);
        let others = [
            line(2, ROOM, BEN, 1, 1),
            line(1, other, BEN, 1, 1),
            line(1, ROOM, ParticipantId::from_raw(3), 1, 1),
            line(1, ROOM, BEN, 2, 1),
            line(1, ROOM, BEN, 1, 2),
        ];
        for other in others {
            assert!(other.open(Way::ToWaiting, &sealed).is_none());
        }
        assert!(line(1, ROOM, BEN, 1, 1).open(Way::ToModerators, &sealed).is_none());
    }

    #[test]
    fn each_note_is_read_once_and_sittings_are_bounded() {
        let mut read = Read::default();
        let note = |sitting, number| Note { sitting: [sitting; 8], number, words: text(1) };
        let last = u32::try_from(DOORSTEP_NOTES_MAX).unwrap() - 1;
        for number in [1, 0, last] {
            assert!(read.take(&note(1, number)));
            assert!(!read.take(&note(1, number)));
        }
        assert!(!read.take(&note(1, last + 1)));
        assert!(!read.take(&note(1, u32::MAX)));
        let hello = |number| Note { sitting: [1; 8], number, words: Words::Hello };
        assert!(read.take(&hello(3)));
        assert!(!read.take(&hello(2)) && !read.take(&hello(3)));
        assert!(read.take(&hello(4)));
        let sittings = (1..=50).filter(|sitting| read.take(&note(*sitting, 2))).count();
        assert_eq!(sittings, SITTINGS_MAX);
    }

    #[test]
    fn what_was_written_is_not_in_debug() {
        let words = Words::Text("secret".to_owned());
        assert!(!format!("{words:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn any_bytes_and_any_change_are_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..284, bit in 0..8_u32
        ) {
            let line = line(1, ROOM, BEN, 1, 1);
            if let Ok(sealed) = Opaque::new(bytes) {
                prop_assert!(line.open(Way::ToWaiting, &sealed).is_none());
            }
            let mut sealed = seal(&line, text(9)).as_slice().to_vec();
            sealed[at] ^= 1_u8 << bit;
            prop_assert!(line.open(Way::ToWaiting, &Opaque::new(sealed).unwrap()).is_none());
        }
    }

    fn line(link: u8, room: RoomId, who: ParticipantId, device: u8, nonce: u8) -> DoorstepLine {
        let keys = InviteKeys::derive(&LinkSecret::from_bytes([link; 32]));
        DoorstepLine::new(&keys, room, who, Device::from_bytes([device; 32]), &[nonce; 16])
    }

    fn text(length: usize) -> Words {
        Words::Text("x".repeat(length))
    }

    fn seal(line: &DoorstepLine, words: Words) -> Opaque<DOORSTEP_NOTE_BYTES_MAX> {
        let note = Note { sitting: [1; 8], number: 0, words };
        line.seal(Way::ToWaiting, &note, &Randomness::from_seed([1; 32])).unwrap()
    }
}
