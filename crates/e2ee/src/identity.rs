//! Who a member claims to be, and the keys behind the claim (E2EE.md 1.1).
//!
//! A claim is the content of an MLS *basic* credential.  The counsellor's is signed by their
//! long-lived identity key (`IDC`), which the link's pin names; the attendee's is bound to
//! their link by the MAC of the knock.  Neither the attendee's KeyPackage nor their claim says
//! a name: KeyPackages pass through the server unsealed.  Names travel sealed, beside them.
//!
//! Every leaf key is made for one room and dies with it.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use openmls::prelude::{BasicCredential, Credential, CredentialWithKey};
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use protocol::id::{InviteId, ParticipantId, RoomId};
use protocol::limits::NAME_BYTES_MAX;
use protocol::server::Role;
use protocol::time::UnixSeconds;
use tls_codec::{
    Deserialize as _, Serialize as _, TlsDeserialize, TlsSerialize, TlsSize, VLBytes,
};

use crate::link::{BadName, CounsellorPin, legible};
use crate::random::Randomness;

/// How long a counsellor's signature over a leaf key is good: one long day's session.
pub const MODERATOR_LEAF_LIFETIME_SECONDS: u64 = 12 * 60 * 60;

/// How wrong two clocks may be.
pub const CLOCK_SKEW_SECONDS: u64 = 15 * 60;

/// The layout of the claims.
const CLAIM_VERSION: u8 = 1;

/// An Ed25519 key that signs for one leaf.
#[derive(Clone)]
pub(crate) struct LeafKey(SigningKey);

impl LeafKey {
    pub(crate) fn new(random: &Randomness) -> Self {
        Self(SigningKey::from_bytes(random.secret().expose()))
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs something that is ours and not of MLS; its label stands in front.
    pub(crate) fn sign_ours(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }

    pub(crate) fn with_claim(&self, claim: &Claim) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(claim.to_bytes()).into(),
            signature_key: self.public().as_slice().into(),
        }
    }
}

impl Signer for LeafKey {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A counsellor's identity key in memory: for `headless` and tests.  In the browser it is a
/// WebCrypto key that cannot be taken out, and signs [`ModeratorDraft::to_sign`] there.
#[derive(Clone)]
pub struct CounsellorKey(SigningKey);

impl CounsellorKey {
    /// Makes one.
    #[must_use]
    pub fn generate(random: &Randomness) -> Self {
        Self(SigningKey::from_bytes(random.secret().expose()))
    }

    /// Takes the 32 bytes of the Ed25519 seed.
    #[must_use]
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// What links say of it.
    #[must_use]
    pub fn pin(&self) -> CounsellorPin {
        CounsellorPin::of(&self.public())
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for CounsellorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What a counsellor's leaf claims.
#[derive(Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct CounsellorId {
    participant: u64,
    name: VLBytes,
    idc_public: [u8; 32],
    not_after: u64,
    leaf_signature: [u8; 64],
}

impl CounsellorId {
    /// The pin of the identity key behind the claim.
    #[must_use]
    pub fn pin(&self) -> CounsellorPin {
        CounsellorPin::of(&self.idc_public)
    }

    /// The identity key behind the claim.
    #[must_use]
    pub const fn idc_public(&self) -> &[u8; 32] {
        &self.idc_public
    }

    /// The counsellor's name.
    #[must_use]
    pub fn name(&self) -> String {
        legible(&String::from_utf8_lossy(self.name.as_slice()))
    }

    /// Whether the identity key signed `leaf_public` for `room`, for a time that includes `now`
    /// and is not absurdly long.
    pub(crate) fn is_proven(&self, room: RoomId, leaf_public: &[u8], now: UnixSeconds) -> bool {
        let longest = now.plus(MODERATOR_LEAF_LIFETIME_SECONDS + CLOCK_SKEW_SECONDS);
        let in_time = now.0 < self.not_after && self.not_after <= longest.0;
        let name_fits = !self.name.as_slice().is_empty()
            && self.name.as_slice().len() <= NAME_BYTES_MAX
            && std::str::from_utf8(self.name.as_slice()).is_ok();
        let Ok(key) = VerifyingKey::from_bytes(&self.idc_public) else {
            return false;
        };
        let signed = leaf_statement(room, leaf_public, UnixSeconds(self.not_after));
        let signature = Signature::from_bytes(&self.leaf_signature);
        in_time && name_fits && key.verify_strict(&signed, &signature).is_ok()
    }
}

/// What an attendee's leaf claims.
#[derive(Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct AttendeeId {
    participant: u64,
    invite: [u8; 16],
}

impl AttendeeId {
    /// By which invite they came.
    #[must_use]
    pub const fn invite(&self) -> InviteId {
        InviteId::from_bytes(self.invite)
    }
}

/// What a leaf claims to be.
#[derive(Clone, PartialEq, Eq)]
pub enum Claim {
    /// A counsellor, who may change the group.
    Counsellor(CounsellorId),
    /// A person counselled.
    Attendee(AttendeeId),
}

const ROLE_MODERATOR: u8 = 1;
const ROLE_ATTENDEE: u8 = 2;

impl Claim {
    pub(crate) fn attendee(participant: ParticipantId, invite: InviteId) -> Self {
        Self::Attendee(AttendeeId {
            participant: participant.raw(),
            invite: *invite.as_bytes(),
        })
    }

    /// Which participant.
    #[must_use]
    pub fn participant(&self) -> ParticipantId {
        ParticipantId::from_raw(match self {
            Self::Counsellor(id) => id.participant,
            Self::Attendee(id) => id.participant,
        })
    }

    /// In which role.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Counsellor(_) => Role::Moderator,
            Self::Attendee(_) => Role::Attendee,
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (role, body) = match self {
            Self::Counsellor(id) => (ROLE_MODERATOR, id.tls_serialize_detached()),
            Self::Attendee(id) => (ROLE_ATTENDEE, id.tls_serialize_detached()),
        };
        let body = body.expect("a claim is short and memory takes it");
        [[CLAIM_VERSION, role].as_slice(), &body].concat()
    }

    /// Reads the claim of a credential, which is proven by nothing yet.
    pub(crate) fn of(credential: &Credential) -> Option<Self> {
        let basic = BasicCredential::try_from(credential.clone()).ok()?;
        let (head, mut body) = basic.identity().split_at_checked(2)?;
        let claim = match head {
            [CLAIM_VERSION, ROLE_MODERATOR] => {
                Self::Counsellor(CounsellorId::tls_deserialize(&mut body).ok()?)
            }
            [CLAIM_VERSION, ROLE_ATTENDEE] => {
                Self::Attendee(AttendeeId::tls_deserialize(&mut body).ok()?)
            }
            _ => return None,
        };
        body.is_empty().then_some(claim)
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:{:?}", self.role(), self.participant())
    }
}

/// What the identity key signs.
fn leaf_statement(room: RoomId, leaf_public: &[u8], not_after: UnixSeconds) -> Vec<u8> {
    [b"aman/leaf/v1", room.as_bytes().as_slice(), leaf_public, &not_after.0.to_be_bytes()]
        .concat()
}

/// The signature is not the identity key's over this draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the identity key's signature over this leaf")]
pub struct BadSignature;

/// A counsellor's leaf key, waiting for the identity key's signature.
pub struct ModeratorDraft {
    key: LeafKey,
    room: RoomId,
    idc_public: [u8; 32],
    name: String,
    now: UnixSeconds,
    not_after: UnixSeconds,
}

impl ModeratorDraft {
    /// Makes a leaf key for one room.
    ///
    /// # Errors
    ///
    /// [`BadName`] if the name is empty or too long.
    pub fn new(
        room: RoomId,
        idc_public: [u8; 32],
        name: &str,
        now: UnixSeconds,
        random: &Randomness,
    ) -> Result<Self, BadName> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(BadName);
        }
        Ok(Self {
            key: LeafKey::new(random),
            room,
            idc_public,
            name: name.to_owned(),
            now,
            not_after: now.plus(MODERATOR_LEAF_LIFETIME_SECONDS),
        })
    }

    /// The bytes for the identity key to sign: "aman/leaf/v1" || room || leaf key || not after.
    #[must_use]
    pub fn to_sign(&self) -> Vec<u8> {
        leaf_statement(self.room, &self.key.public(), self.not_after)
    }

    /// Completes the identity with the 64 bytes of the signature.
    ///
    /// # Errors
    ///
    /// [`BadSignature`] if it is not that of the identity key the draft was made for.
    pub fn finish(self, signature: &[u8]) -> Result<ModeratorIdentity, BadSignature> {
        let id = CounsellorId {
            participant: 0,
            name: self.name.into_bytes().into(),
            idc_public: self.idc_public,
            not_after: self.not_after.0,
            leaf_signature: signature.try_into().map_err(|_| BadSignature)?,
        };
        if !id.is_proven(self.room, &self.key.public(), self.now) {
            return Err(BadSignature);
        }
        Ok(ModeratorIdentity { key: self.key, room: self.room, id })
    }

    /// Completes the identity with a key in memory.
    ///
    /// # Errors
    ///
    /// [`BadSignature`] if `idc` is not the key the draft was made for.
    pub fn finish_with(self, idc: &CounsellorKey) -> Result<ModeratorIdentity, BadSignature> {
        let signature = idc.sign(&self.to_sign());
        self.finish(&signature)
    }
}

/// A counsellor, ready to found the groups of one room.
#[derive(Clone)]
pub struct ModeratorIdentity {
    pub(crate) key: LeafKey,
    room: RoomId,
    id: CounsellorId,
}

impl ModeratorIdentity {
    /// The room it is for.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// What links say of the identity key.
    #[must_use]
    pub fn pin(&self) -> CounsellorPin {
        self.id.pin()
    }

    /// The counsellor's name.
    #[must_use]
    pub fn name(&self) -> String {
        self.id.name()
    }

    pub(crate) fn claim(&self, participant: ParticipantId) -> Claim {
        Claim::Counsellor(CounsellorId { participant: participant.raw(), ..self.id.clone() })
    }
}

impl fmt::Debug for ModeratorIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModeratorIdentity({:?})", self.room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId::from_bytes([1; 16]);
    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    fn random() -> Randomness {
        Randomness::from_seed([1; 32])
    }

    fn draft(idc: &CounsellorKey) -> ModeratorDraft {
        ModeratorDraft::new(ROOM, idc.public(), "Ana", NOW, &random()).unwrap()
    }

    #[test]
    fn a_claim_is_read_as_it_was_written_and_nothing_else_is() {
        let claim = Claim::attendee(ParticipantId::from_raw(7), InviteId::from_bytes([2; 16]));
        let bytes = claim.to_bytes();

        let read = |bytes: &[u8]| Claim::of(&BasicCredential::new(bytes.to_vec()).into());
        assert_eq!(read(&bytes), Some(claim));
        assert_eq!(read(&bytes[1..]), None);
        assert_eq!(read(&bytes[..bytes.len() - 1]), None);
        assert_eq!(read(&[bytes.as_slice(), &[0]].concat()), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn a_counsellor_is_proven_for_one_room_one_leaf_and_a_time() {
        let idc = CounsellorKey::generate(&random());
        let identity = draft(&idc).finish_with(&idc).unwrap();
        let leaf = identity.key.public();

        assert!(identity.id.is_proven(ROOM, &leaf, NOW));
        assert!(!identity.id.is_proven(RoomId::from_bytes([2; 16]), &leaf, NOW));
        assert!(!identity.id.is_proven(ROOM, &[0; 32], NOW));
        let expired = NOW.plus(MODERATOR_LEAF_LIFETIME_SECONDS);
        assert!(!identity.id.is_proven(ROOM, &leaf, expired));
        let too_early = UnixSeconds(NOW.0 - CLOCK_SKEW_SECONDS - 1);
        assert!(!identity.id.is_proven(ROOM, &leaf, too_early));
    }

    #[test]
    fn another_key_cannot_complete_a_draft() {
        let idc = CounsellorKey::from_bytes(&[1; 32]);
        let other = CounsellorKey::from_bytes(&[2; 32]);
        assert_eq!(draft(&idc).finish_with(&other).unwrap_err(), BadSignature);
        assert_eq!(draft(&idc).finish(&[0; 63]).unwrap_err(), BadSignature);
    }
}
