//! The card of an invite: what the holder of a link may read before anybody lets them in.
//!
//! The counsellor's device seals it under a key of the link; the server keeps it and hands it
//! out without being able to read it.  Cards have one of three sizes, so that their length says
//! next to nothing.

use protocol::limits::SEALED_CARD_BYTES_MAX;
use protocol::opaque::Opaque;

use crate::kdf;
use crate::link::InviteKeys;
use crate::random::Randomness;

/// Nonce and tag.
const SEAL_BYTES: usize = 12 + 16;

/// Sizes of a card before sealing, its two bytes of length included.
const SIZES: [usize; 3] = [512, 1024, SEALED_CARD_BYTES_MAX - SEAL_BYTES];

/// Longest text of a card, in bytes of UTF-8.
pub const CARD_TEXT_BYTES_MAX: usize = SEALED_CARD_BYTES_MAX - SEAL_BYTES - 2;

impl InviteKeys {
    /// Seals a card; `None` for one that is empty or too long.
    #[must_use]
    pub fn seal_card(
        &self,
        text: &str,
        random: &Randomness,
    ) -> Option<Opaque<SEALED_CARD_BYTES_MAX>> {
        if text.is_empty() || text.len() > CARD_TEXT_BYTES_MAX {
            return None;
        }
        let mut plain = u16::try_from(text.len()).ok()?.to_be_bytes().to_vec();
        plain.extend_from_slice(text.as_bytes());
        let size = SIZES.into_iter().find(|size| *size >= plain.len())?;
        plain.resize(size, 0);
        Opaque::new(kdf::seal(self.card_key(), &self.card_aad(), &plain, random)).ok()
    }

    /// Opens a card; `None` unless it was sealed for this invite.
    #[must_use]
    pub fn open_card(&self, sealed: &Opaque<SEALED_CARD_BYTES_MAX>) -> Option<String> {
        let plain = kdf::open(self.card_key(), &self.card_aad(), sealed.as_slice())?;
        let (length, text) = plain.split_first_chunk::<2>()?;
        let text = text.get(..usize::from(u16::from_be_bytes(*length)))?;
        String::from_utf8(text.to_vec()).ok().filter(|text| !text.is_empty())
    }

    fn card_aad(&self) -> Vec<u8> {
        [b"aman/card/v1".as_slice(), self.invite.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::LinkSecret;

    #[test]
    fn a_card_opens_with_its_link_and_no_other_and_not_when_changed() {
        let sealed = keys(1).seal_card(r#"{"name":"سمر"}"#, &random()).unwrap();
        assert_eq!(keys(1).open_card(&sealed).as_deref(), Some(r#"{"name":"سمر"}"#));
        assert_eq!(keys(2).open_card(&sealed), None);
        for at in [0, 12, sealed.as_slice().len() - 1] {
            let mut changed = sealed.as_slice().to_vec();
            changed[at] ^= 1;
            assert_eq!(keys(1).open_card(&Opaque::new(changed).unwrap()), None);
        }
        assert_eq!(keys(1).open_card(&Opaque::default()), None);
    }

    #[test]
    fn cards_have_one_of_three_sizes_and_a_longest_text() {
        let length = |text: usize| {
            keys(1).seal_card(&"x".repeat(text), &random()).map(|s| s.as_slice().len())
        };
        assert_eq!(length(1), length(510));
        assert_ne!(length(510), length(511));
        assert_eq!(length(511), length(1022));
        assert_eq!(length(1023), Some(SEALED_CARD_BYTES_MAX));
        assert_eq!(length(CARD_TEXT_BYTES_MAX), Some(SEALED_CARD_BYTES_MAX));
        assert_eq!((length(0), length(CARD_TEXT_BYTES_MAX + 1)), (None, None));
    }

    fn keys(link: u8) -> InviteKeys {
        InviteKeys::derive(&LinkSecret::from_bytes([link; 32]))
    }

    fn random() -> Randomness {
        Randomness::from_seed([1; 32])
    }
}
