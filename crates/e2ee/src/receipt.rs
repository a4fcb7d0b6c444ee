//! A receipt of what an attendee agreed to, or took back: signed by both, kept by both, and by
//! nobody else.
//!
//! ```text
//!  statement  "aman/consent/v1" | kind | id (16) | time (8) | version | language | items
//!  attendee   signs the statement with the key of their leaf
//!  counsellor signs "aman/consent-seen/v1" | statement | attendee's key | attendee's signature
//! ```
//!
//! Texts carry their length in front (2 bytes), items their number (1 byte); an item is a name
//! and one byte, agreed or not.  The id is random and names the receipt, not the room: the
//! paper says nothing of where it was signed.  MLS signs structures that begin with a length
//! and "MLS 1.0 " (RFC 9420 section 5.1.2), never with "aman/", so no signature of one kind
//! can be shown as the other.
//!
//! # Invariants
//!
//! - What is not within the limits is neither signed nor read.
//! - Nobody countersigns what was not signed by the leaf that sent it.

use ed25519_dalek::{Signature, VerifyingKey};
use protocol::id::ParticipantId;
use protocol::opaque::Opaque;
use protocol::server::Role;
use protocol::time::UnixSeconds;
use serde::{Deserialize, Serialize};

use crate::group::{Group, Member};

const STATEMENT_LABEL: &[u8] = b"aman/consent/v1";
const SEEN_LABEL: &[u8] = b"aman/consent-seen/v1";

/// Longest version, language and name of an item, in bytes.
pub const WORD_BYTES_MAX: usize = 48;

/// Most items of a statement.
pub const ITEMS_MAX: usize = 12;

/// Agreed, or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The items marked so are agreed to.
    Agreed,
    /// What was agreed under this id is taken back from here on.
    Withdrawn,
}

/// One thing agreed to, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its name in the texts of this version.
    pub name: String,
    /// Whether it was agreed to.
    pub agreed: bool,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Agreed, or taken back.
    pub kind: Kind,
    /// Random; a withdrawal names the receipt it takes back.
    pub id: Opaque<16>,
    /// When, by the attendee's clock.
    pub at: UnixSeconds,
    /// Which version of the texts was shown.
    pub version: String,
    /// In which language.
    pub language: String,
    /// What was shown, and the answers.
    pub items: Vec<Item>,
}

/// A signature and whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The Ed25519 public key of a leaf: made for one sitting.
    pub key: Opaque<32>,
    /// The signature.
    pub signature: Opaque<64>,
}

/// A statement and who signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// What was said.
    pub statement: Statement,
    /// By whom.
    pub attendee: Signed,
    /// Who received it; `None` until they signed.
    pub counsellor: Option<Signed>,
}

/// Why a receipt is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReceipt {
    /// It is over a limit, or has a part missing.
    #[error("not a receipt")]
    Malformed,
    /// A signature is not that of its key over this statement.
    #[error("a signature does not hold")]
    BadSignature,
    /// It was signed by somebody else than the member it is said to be from.
    #[error("signed by somebody else")]
    SomebodyElse,
}

impl Statement {
    /// The bytes that are signed; `None` if it is over a limit.
    #[must_use]
    pub fn to_sign(&self) -> Option<Vec<u8>> {
        let kind = match self.kind {
            Kind::Agreed => 1,
            Kind::Withdrawn => 2,
        };
        if self.id.as_slice().len() != 16 || self.items.len() > ITEMS_MAX {
            return None;
        }
        let mut bytes = STATEMENT_LABEL.to_vec();
        bytes.push(kind);
        bytes.extend_from_slice(self.id.as_slice());
        bytes.extend_from_slice(&self.at.0.to_be_bytes());
        push(&mut bytes, &self.version)?;
        push(&mut bytes, &self.language)?;
        bytes.push(u8::try_from(self.items.len()).ok()?);
        for item in &self.items {
            push(&mut bytes, &item.name)?;
            bytes.push(u8::from(item.agreed));
        }
        Some(bytes)
    }
}

impl Receipt {
    /// Whether both signatures hold.  It says nothing about whose keys they are: that was
    /// checked by both devices when they signed, against the group.
    ///
    /// # Errors
    ///
    /// [`BadReceipt`].
    pub fn verify(&self) -> Result<(), BadReceipt> {
        self.verify_attendee()?;
        let seen = self.counsellor.as_ref().ok_or(BadReceipt::Malformed)?;
        check(seen, &self.seen_to_sign()?)
    }

    fn verify_attendee(&self) -> Result<(), BadReceipt> {
        check(&self.attendee, &self.statement.to_sign().ok_or(BadReceipt::Malformed)?)
    }

    fn seen_to_sign(&self) -> Result<Vec<u8>, BadReceipt> {
        let statement = self.statement.to_sign().ok_or(BadReceipt::Malformed)?;
        let Signed { key, signature } = &self.attendee;
        Ok([SEEN_LABEL, &statement, key.as_slice(), signature.as_slice()].concat())
    }
}

impl Group {
    /// Signs a statement as its attendee; `None` if it is over a limit.
    #[must_use]
    pub fn sign_statement(&self, statement: Statement) -> Option<Receipt> {
        let bytes = statement.to_sign()?;
        Some(Receipt { statement, attendee: self.signed(&bytes), counsellor: None })
    }

    /// Signs, as the counsellor, that this statement of the attendee `from` was received.
    ///
    /// # Errors
    ///
    /// [`BadReceipt`].
    pub fn countersign(
        &self,
        mut receipt: Receipt,
        from: ParticipantId,
    ) -> Result<Receipt, BadReceipt> {
        receipt.verify_attendee()?;
        if self.key_of(from, Role::Attendee).as_deref() != Some(receipt.attendee.key.as_slice())
        {
            return Err(BadReceipt::SomebodyElse);
        }
        receipt.counsellor = Some(self.signed(&receipt.seen_to_sign()?));
        Ok(receipt)
    }

    /// Checks, as the attendee, what the moderator `from` sent back.
    ///
    /// # Errors
    ///
    /// [`BadReceipt`].
    pub fn check_receipt(
        &self,
        receipt: &Receipt,
        from: ParticipantId,
    ) -> Result<(), BadReceipt> {
        receipt.verify()?;
        let counsellor = receipt.counsellor.as_ref().map(|signed| signed.key.as_slice());
        let is_theirs = self.key_of(from, Role::Moderator).as_deref() == counsellor;
        let is_ours = receipt.attendee.key.as_slice() == self.key.public();
        if is_theirs && is_ours { Ok(()) } else { Err(BadReceipt::SomebodyElse) }
    }

    fn signed(&self, bytes: &[u8]) -> Signed {
        Signed {
            key: Opaque::new(self.key.public().to_vec()).unwrap_or_default(),
            signature: Opaque::new(self.key.sign_ours(bytes).to_vec()).unwrap_or_default(),
        }
    }

    fn key_of(&self, who: ParticipantId, role: Role) -> Option<Vec<u8>> {
        let is_it = |one: &Member| one.participant == who && one.role == role;
        let leaf = self.members().into_iter().find(is_it)?.leaf;
        let member = self.mls.members().find(|member| member.index.u32() == leaf.0)?;
        Some(member.signature_key)
    }
}

fn push(bytes: &mut Vec<u8>, text: &str) -> Option<()> {
    if text.is_empty() || text.len() > WORD_BYTES_MAX {
        return None;
    }
    bytes.extend_from_slice(&u16::try_from(text.len()).ok()?.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    Some(())
}

fn check(signed: &Signed, bytes: &[u8]) -> Result<(), BadReceipt> {
    let key = signed.key.as_slice().try_into().map_err(|_| BadReceipt::Malformed)?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| BadReceipt::BadSignature)?;
    let signature = Signature::from_slice(signed.signature.as_slice())
        .map_err(|_| BadReceipt::BadSignature)?;
    key.verify_strict(bytes, &signature).map_err(|_| BadReceipt::BadSignature)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    #[test]
    fn a_receipt_holds_with_both_signatures_and_not_when_anything_in_it_is_changed() {
        let good = receipt();
        assert_eq!(good.verify(), Ok(()));
        let changes: [fn(&mut Receipt); 11] = [
            |r| r.statement.kind = Kind::Withdrawn,
            |r| r.statement.id = Opaque::new(vec![9; 16]).unwrap(),
            |r| r.statement.at = UnixSeconds(5),
            |r| r.statement.version.push('b'),
            |r| r.statement.language = "ar".to_owned(),
            |r| r.statement.items[1].agreed = true,
            |r| r.statement.items[1].name = "recording2".to_owned(),
            |r| drop(r.statement.items.pop()),
            |r| r.statement.items.swap(0, 1),
            |r| r.attendee = by(&key(3), b"something else"),
            |r| r.counsellor = Some(by(&key(2), b"something else")),
        ];
        for change in changes {
            let mut changed = good.clone();
            change(&mut changed);
            assert_eq!(changed.verify(), Err(BadReceipt::BadSignature), "{changed:?}");
        }
    }

    #[test]
    fn one_signature_is_not_enough_and_cannot_be_used_as_the_other() {
        let good = receipt();
        let alone = Receipt { counsellor: None, ..good.clone() };
        assert_eq!(alone.verify(), Err(BadReceipt::Malformed));
        let twice = Receipt { counsellor: Some(good.attendee.clone()), ..good };
        assert_eq!(twice.verify(), Err(BadReceipt::BadSignature));
    }

    #[test]
    fn what_is_over_a_limit_is_not_signed() {
        let word = "x".repeat(WORD_BYTES_MAX);
        let item = Item { name: word.clone(), agreed: true };
        let mut most = Statement {
            version: word.clone(),
            items: vec![item.clone(); ITEMS_MAX],
            ..statement()
        };
        assert!(most.to_sign().is_some());
        most.items.push(item);
        assert!(most.to_sign().is_none());
        for version in [format!("{word}x"), String::new()] {
            assert!(Statement { version, ..statement() }.to_sign().is_none());
        }
        let id = Opaque::new(vec![1; 15]).unwrap();
        assert!(Statement { id, ..statement() }.to_sign().is_none());
    }

    #[test]
    fn no_two_statements_have_the_same_bytes() {
        let moved = Statement { version: "1e".into(), language: "n".into(), ..statement() };
        let plain = Statement { version: "1".into(), language: "en".into(), ..statement() };
        assert_ne!(moved.to_sign(), plain.to_sign());
    }

    #[test]
    fn the_longest_receipt_fits_in_a_saying() {
        let item = Item { name: "x".repeat(WORD_BYTES_MAX), agreed: false };
        let words = "x".repeat(WORD_BYTES_MAX);
        let statement = Statement {
            items: vec![item; ITEMS_MAX],
            version: words.clone(),
            language: words,
            at: UnixSeconds(u64::MAX),
            ..statement()
        };
        let longest = signed(statement);
        let bytes = serde_json::to_string(&longest).unwrap().len();
        assert!(bytes < protocol::limits::SAYING_TEXT_BYTES_MAX, "{bytes}");
    }

    fn receipt() -> Receipt {
        signed(statement())
    }

    fn signed(statement: Statement) -> Receipt {
        let attendee = by(&key(1), &statement.to_sign().unwrap());
        let mut receipt = Receipt { statement, attendee, counsellor: None };
        receipt.counsellor = Some(by(&key(2), &receipt.seen_to_sign().unwrap()));
        receipt
    }

    fn statement() -> Statement {
        let item = |name: &str, agreed| Item { name: name.to_owned(), agreed };
        Statement {
            kind: Kind::Agreed,
            id: Opaque::new(vec![1; 16]).unwrap(),
            at: UnixSeconds(1_800_000_000),
            version: "2026-11".to_owned(),
            language: "en".to_owned(),
            items: vec![item("counselling", true), item("recording", false)],
        }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn by(key: &SigningKey, bytes: &[u8]) -> Signed {
        Signed {
            key: Opaque::new(key.verifying_key().to_bytes().to_vec()).unwrap(),
            signature: Opaque::new(key.sign(bytes).to_bytes().to_vec()).unwrap(),
        }
    }
}
