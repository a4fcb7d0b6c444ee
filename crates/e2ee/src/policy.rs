//! What may happen in a group, judged the same by every member (E2EE.md 1.5).
//!
//! | a commit may | if |
//! |---|---|
//! | add attendees, at most 8 | with exactly one PSK proposal: the room secret; KeyPackages of at most 2 h; 64 members at most |
//! | remove members | not the owner |
//! | renew keys | always |
//!
//! and nothing else: no proposal by anybody but the committer, no update, no re-init, no
//! external init, no other PSK, no change of the group's context, no unknown proposal.  The
//! committer must be a moderator whom the identity key behind the pin still vouches for, and
//! stays who it is.
//!
//! OpenMLS checks that a commit is well made; this file checks that it is *allowed*.  Both are
//! needed: OpenMLS stages an Add without the PSK, and an external commit, without complaint.

use std::collections::BTreeMap;

use openmls::prelude::{
    Capabilities, Ciphersuite, Credential, CredentialType, Extension, ExtensionType,
    Extensions, GroupContext, KeyPackage, LeafNode, Lifetime, PreSharedKeyProposal, Proposal,
    ProtocolVersion, QueuedProposal, Sender, StagedCommit, UnknownExtension,
};
use openmls::schedule::{PreSharedKeyId, Psk};
use openmls::treesync::LeafNodeSource;
use protocol::id::{Generation, GroupId, LeafIndex, RoomId};
use protocol::limits::{COMMIT_ADDS_MAX, KEY_PACKAGE_LIFETIME, ROOM_MEMBERS_MAX};
use protocol::time::UnixSeconds;
use tls_codec::{Deserialize as _, Serialize as _, TlsDeserialize, TlsSerialize, TlsSize};

use crate::identity::{CLOCK_SKEW_SECONDS, Claim};
use crate::kdf;
use crate::link::CounsellorPin;

/// The one suite: X25519, AES-128-GCM, SHA-256, Ed25519 (0x0001).
pub const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// The type of our GroupContext extension, from the private range of RFC 9420 section 17.3.
const POLICY_EXTENSION: u16 = 0xf0a1;

/// SFrame's AES_128_GCM_SHA256_128 (RFC 9605 section 8.1).
const SFRAME_SUITE: u16 = 4;

/// The room secret's version.  Only the first exists.
const PSK_VERSION: u32 = 1;

/// Why what came from the server cannot be trusted.
///
/// The group or Welcome it came for is not used again; nothing was sent because of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no MLS message.
    #[error("no MLS message")]
    Unreadable,
    /// It is not sealed for the group's members: anybody could have made it.
    #[error("not a private message")]
    NotPrivate,
    /// It is not what it was delivered as.
    #[error("not the kind of message it was delivered as")]
    WrongKind,
    /// OpenMLS does not accept it: forged, damaged, or made without the room secret.
    #[error("does not open or is not well made")]
    CannotOpen,
    /// A commit in our own name that we did not make.
    #[error("in our own name")]
    Reflected,
    /// The committer is no moderator.
    #[error("not by a moderator")]
    NotModerator,
    /// It carries a proposal of somebody else.
    #[error("carries a proposal of somebody else")]
    ForeignProposal,
    /// It carries a proposal of a kind nobody may make.
    #[error("carries a forbidden proposal")]
    ForbiddenProposal,
    /// It adds somebody without the room secret.
    #[error("adds somebody without the room secret")]
    NoRoomSecret,
    /// It carries another PSK than the room secret, or one where none belongs.
    #[error("carries a wrong pre-shared key")]
    WrongSecret,
    /// It would make the group too large, or adds too many at once.
    #[error("adds too many")]
    TooMany,
    /// A leaf's claim is not proven, or not one its place allows.
    #[error("a leaf's claim is not proven")]
    BadClaim,
    /// A KeyPackage is too long-lived, not valid yet or any more, or oddly made.
    #[error("a KeyPackage cannot be used")]
    BadKeyPackage,
    /// Two leaves claim to be the same participant.
    #[error("two leaves claim to be one participant")]
    Duplicate,
    /// A member would become somebody else.
    #[error("a member would change who it is")]
    IdentityChanged,
    /// The owner would be removed.
    #[error("removes the owner")]
    OwnerRemoved,
    /// The group's context is not as it must be.
    #[error("the group's context is not as it must be")]
    WrongContext,
    /// It is another group than the room's, or an older one.
    #[error("not the room's group")]
    WrongGroup,
    /// The link names another counsellor.
    #[error("not the counsellor of the link")]
    NotTheCounsellor,
    /// The Welcome does not lead to our own leaf.
    #[error("does not lead to our leaf")]
    NotOurLeaf,
    /// The Welcome is for a KeyPackage we do not have (any more).
    #[error("for a KeyPackage we do not have")]
    NotForUs,
}

impl Refused {
    /// A short stable code, for the helper on the telephone.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "E01",
            Self::NotPrivate => "E02",
            Self::WrongKind => "E03",
            Self::CannotOpen => "E04",
            Self::Reflected => "E05",
            Self::NotModerator => "E06",
            Self::ForeignProposal => "E07",
            Self::ForbiddenProposal => "E08",
            Self::NoRoomSecret => "E09",
            Self::WrongSecret => "E10",
            Self::TooMany => "E11",
            Self::BadClaim => "E12",
            Self::BadKeyPackage => "E13",
            Self::Duplicate => "E14",
            Self::IdentityChanged => "E15",
            Self::OwnerRemoved => "E16",
            Self::WrongContext => "E17",
            Self::WrongGroup => "E18",
            Self::NotTheCounsellor => "E19",
            Self::NotOurLeaf => "E20",
            Self::NotForUs => "E21",
        }
    }
}

/// The id of a room's group: it commits to the generation.
#[must_use]
pub fn group_id(room: RoomId, generation: Generation) -> GroupId {
    let generation = generation.0.to_be_bytes();
    GroupId::from_bytes(kdf::hash(&[b"aman/group/v1", room.as_bytes(), &generation]))
}

/// The name under which MLS knows the room secret.
#[must_use]
pub fn psk_id(room: RoomId) -> Vec<u8> {
    format!("aman/{room}/r{PSK_VERSION}").into_bytes()
}

/// What the group's context says about itself, fixed when it is founded.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
struct GroupPolicy {
    version: u8,
    room: [u8; 16],
    generation: u32,
    owner: [u8; 16],
    moderators: Vec<[u8; 16]>,
    locked: u8,
    sframe_epoch_bits: u8,
    sframe_leaf_bits: u8,
    sframe_suite: u16,
    chat: u8,
    history: u8,
    psk_version: u32,
}

impl GroupPolicy {
    fn new(room: RoomId, generation: Generation, owner: CounsellorPin) -> Self {
        Self {
            version: 1,
            room: *room.as_bytes(),
            generation: generation.0,
            owner: *owner.as_bytes(),
            moderators: vec![*owner.as_bytes()],
            locked: 0,
            sframe_epoch_bits: 4,
            sframe_leaf_bits: 6,
            sframe_suite: SFRAME_SUITE,
            chat: 1,
            history: 0,
            psk_version: PSK_VERSION,
        }
    }
}

/// The members of a group and what they are proven to be.
pub(crate) type Members = BTreeMap<LeafIndex, Claim>;

/// What every check needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) room: RoomId,
    pub(crate) generation: Generation,
    pub(crate) owner: CounsellorPin,
}

/// What an allowed commit does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) added: Vec<(LeafIndex, Claim)>,
    pub(crate) removed: Vec<LeafIndex>,
}

impl Rules {
    /// The extensions of the group's context: ours, and no other.
    pub(crate) fn extensions(&self) -> Extensions<GroupContext> {
        let policy = GroupPolicy::new(self.room, self.generation, self.owner)
            .tls_serialize_detached()
            .expect("a policy is short and memory takes it");
        let extension = Extension::Unknown(POLICY_EXTENSION, UnknownExtension(policy));
        Extensions::single(extension).expect("an unknown extension may stand in a GroupContext")
    }

    /// Whether a group's context is the one these rules found.
    pub(crate) fn judge_context(&self, context: &GroupContext) -> Result<(), Refused> {
        if context.group_id().as_slice() != group_id(self.room, self.generation).as_bytes() {
            return Err(Refused::WrongGroup);
        }
        let ours = context.ciphersuite() == SUITE
            && context.protocol_version() == ProtocolVersion::Mls10;
        let mut extensions = context.extensions().iter();
        let (Some(Extension::Unknown(POLICY_EXTENSION, UnknownExtension(policy))), None) =
            (extensions.next(), extensions.next())
        else {
            return Err(Refused::WrongContext);
        };
        let mut rest = policy.as_slice();
        let policy =
            GroupPolicy::tls_deserialize(&mut rest).map_err(|_| Refused::WrongContext)?;
        if CounsellorPin::from_bytes(policy.owner) != self.owner {
            return Err(Refused::NotTheCounsellor);
        }
        let expected = GroupPolicy::new(self.room, self.generation, self.owner);
        if !ours || !rest.is_empty() || policy != expected {
            return Err(Refused::WrongContext);
        }
        Ok(())
    }

    /// What a leaf is proven to be.
    pub(crate) fn judge_leaf(
        &self,
        credential: &Credential,
        leaf_public: &[u8],
        now: UnixSeconds,
    ) -> Result<Claim, Refused> {
        let claim = Claim::of(credential).ok_or(Refused::BadClaim)?;
        match &claim {
            Claim::Counsellor(id) if id.pin() != self.owner => Err(Refused::NotTheCounsellor),
            Claim::Counsellor(id) if id.is_proven(self.room, leaf_public, now) => Ok(claim),
            Claim::Counsellor(_) => Err(Refused::BadClaim),
            Claim::Attendee(_) => Ok(claim),
        }
    }

    /// Whether the PSKs are exactly the room secret.
    pub(crate) fn judge_psks<'a>(
        &self,
        psks: impl IntoIterator<Item = &'a PreSharedKeyId>,
    ) -> Result<(), Refused> {
        let mut psks = psks.into_iter();
        let first = psks.next().ok_or(Refused::NoRoomSecret)?;
        match (first.psk(), psks.next()) {
            (Psk::External(psk), None) if psk.psk_id() == psk_id(self.room) => Ok(()),
            (Psk::External(_) | Psk::Resumption(_), _) => Err(Refused::WrongSecret),
        }
    }

    /// Whether a staged commit may be merged, and what it does.
    pub(crate) fn judge_commit(
        &self,
        members: &Members,
        committer: &Sender,
        staged: &StagedCommit,
        now: UnixSeconds,
    ) -> Result<Verdict, Refused> {
        let Sender::Member(committer) = committer else {
            return Err(Refused::NotModerator);
        };
        let by = LeafIndex(committer.u32());
        let Some(Claim::Counsellor(_)) = members.get(&by) else {
            return Err(Refused::NotModerator);
        };
        for proposal in staged.queued_proposals() {
            judge_kind(proposal, committer)?;
        }
        self.judge_path(members, by, staged, now)?;
        self.judge_context(staged.group_context())?;

        let removed = self.judge_removals(members, staged)?;
        let added = self.judge_adds(members, &removed, staged, now)?;
        Ok(Verdict { added, removed })
    }

    /// The committer's new leaf must be the same moderator, still vouched for.
    fn judge_path(
        &self,
        members: &Members,
        by: LeafIndex,
        staged: &StagedCommit,
        now: UnixSeconds,
    ) -> Result<(), Refused> {
        let Some(leaf) = staged.update_path_leaf_node() else {
            return Ok(());
        };
        let claim = self.judge_leaf(leaf.credential(), leaf.signature_key().as_slice(), now)?;
        let unchanged =
            members.get(&by) == Some(&claim) && leaf.extensions().iter().next().is_none();
        if unchanged { Ok(()) } else { Err(Refused::IdentityChanged) }
    }

    fn judge_removals(
        &self,
        members: &Members,
        staged: &StagedCommit,
    ) -> Result<Vec<LeafIndex>, Refused> {
        staged
            .remove_proposals()
            .map(|proposal| LeafIndex(proposal.remove_proposal().removed().u32()))
            .map(|leaf| match members.get(&leaf) {
                Some(Claim::Attendee(_)) => Ok(leaf),
                Some(Claim::Counsellor(id)) if id.pin() != self.owner => Ok(leaf),
                Some(Claim::Counsellor(_)) => Err(Refused::OwnerRemoved),
                None => Err(Refused::BadClaim),
            })
            .collect()
    }

    fn judge_adds(
        &self,
        members: &Members,
        removed: &[LeafIndex],
        staged: &StagedCommit,
        now: UnixSeconds,
    ) -> Result<Vec<(LeafIndex, Claim)>, Refused> {
        let mut after = members.clone();
        after.retain(|leaf, _| !removed.contains(leaf));
        let mut added = Vec::new();
        for proposal in staged.add_proposals() {
            let claim = self.judge_key_package(proposal.add_proposal().key_package(), now)?;
            let leaf = leftmost_free(&after).ok_or(Refused::TooMany)?;
            if after.values().any(|member| member.participant() == claim.participant()) {
                return Err(Refused::Duplicate);
            }
            after.insert(leaf, claim.clone());
            added.push((leaf, claim));
        }
        if added.len() > COMMIT_ADDS_MAX {
            return Err(Refused::TooMany);
        }
        let psks: Vec<PreSharedKeyId> = staged
            .psk_proposals()
            .map(|proposal| psk_of(proposal.psk_proposal()))
            .collect::<Result<_, _>>()?;
        if !added.is_empty() {
            self.judge_psks(&psks)?;
        } else if !psks.is_empty() {
            return Err(Refused::WrongSecret);
        }
        Ok(added)
    }

    /// Whether a KeyPackage, which OpenMLS found well made, may be added; whose it is.
    pub(crate) fn judge_key_package(
        &self,
        package: &KeyPackage,
        now: UnixSeconds,
    ) -> Result<Claim, Refused> {
        let leaf = package.leaf_node();
        let lifetime = package.life_time();
        let in_time = lifetime.not_before() <= now.0 && now.0 < lifetime.not_after();
        let plain = package.ciphersuite() == SUITE
            && package.extensions().iter().next().is_none()
            && leaf.extensions().iter().next().is_none();
        if !in_time || !plain || !is_short(lifetime) {
            return Err(Refused::BadKeyPackage);
        }
        match self.judge_leaf(leaf.credential(), leaf.signature_key().as_slice(), now)? {
            claim @ Claim::Attendee(_) => Ok(claim),
            // Another counsellor's device comes with its own way in, in a later version.
            Claim::Counsellor(_) => Err(Refused::BadClaim),
        }
    }
}

/// Whether a proposal is of an allowed kind and of the committer's own making.
fn judge_kind(
    proposal: &QueuedProposal,
    committer: &openmls::prelude::LeafNodeIndex,
) -> Result<(), Refused> {
    if *proposal.sender() != Sender::Member(*committer) {
        return Err(Refused::ForeignProposal);
    }
    match proposal.proposal() {
        Proposal::Add(_) | Proposal::Remove(_) | Proposal::PreSharedKey(_) => Ok(()),
        Proposal::Update(_)
        | Proposal::ReInit(_)
        | Proposal::ExternalInit(_)
        | Proposal::GroupContextExtensions(_)
        | Proposal::SelfRemove
        | Proposal::Custom(_) => Err(Refused::ForbiddenProposal),
    }
}

/// The id inside a PSK proposal: OpenMLS does not show it, but writes and reads it.
fn psk_of(proposal: &PreSharedKeyProposal) -> Result<PreSharedKeyId, Refused> {
    let bytes = proposal.tls_serialize_detached().map_err(|_| Refused::WrongSecret)?;
    PreSharedKeyId::tls_deserialize_exact(&bytes).map_err(|_| Refused::WrongSecret)
}

/// Where RFC 9420 section 12.1.1 puts the next leaf; `None` when the room is full.
pub(crate) fn leftmost_free(members: &Members) -> Option<LeafIndex> {
    let full = u32::try_from(ROOM_MEMBERS_MAX).unwrap_or(u32::MAX);
    (0..full).map(LeafIndex).find(|leaf| !members.contains_key(leaf))
}

/// Whether a leaf that came by KeyPackage came by a short-lived one.
pub(crate) fn came_by_short_lifetime(leaf: &LeafNode) -> bool {
    match leaf.leaf_node_source() {
        LeafNodeSource::KeyPackage(lifetime) => is_short(lifetime),
        LeafNodeSource::Update | LeafNodeSource::Commit(_) => true,
    }
}

fn is_short(lifetime: &Lifetime) -> bool {
    lifetime.not_after().saturating_sub(lifetime.not_before()) <= KEY_PACKAGE_LIFETIME.as_secs()
}

/// The life of a KeyPackage made now: [`KEY_PACKAGE_LIFETIME`] in all, a little of it in the
/// past for clocks that are behind ours.
pub(crate) fn lifetime(now: UnixSeconds) -> Lifetime {
    let not_before = now.0.saturating_sub(CLOCK_SKEW_SECONDS);
    Lifetime::init(not_before, not_before.saturating_add(KEY_PACKAGE_LIFETIME.as_secs()))
}

/// What our leaves say they can do: exactly what the policy needs.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities::builder()
        .versions(vec![ProtocolVersion::Mls10])
        .ciphersuites(vec![SUITE])
        .extensions(vec![ExtensionType::Unknown(POLICY_EXTENSION)])
        .proposals(Vec::new())
        .credentials(vec![CredentialType::Basic])
        .build()
}

#[cfg(test)]
mod tests {
    use protocol::id::{InviteId, ParticipantId};

    use super::*;

    #[test]
    fn every_refusal_has_a_code_of_its_own() {
        let all = [
            Refused::Unreadable,
            Refused::NotPrivate,
            Refused::WrongKind,
            Refused::CannotOpen,
            Refused::Reflected,
            Refused::NotModerator,
            Refused::ForeignProposal,
            Refused::ForbiddenProposal,
            Refused::NoRoomSecret,
            Refused::WrongSecret,
            Refused::TooMany,
            Refused::BadClaim,
            Refused::BadKeyPackage,
            Refused::Duplicate,
            Refused::IdentityChanged,
            Refused::OwnerRemoved,
            Refused::WrongContext,
            Refused::WrongGroup,
            Refused::NotTheCounsellor,
            Refused::NotOurLeaf,
            Refused::NotForUs,
        ];
        let codes: std::collections::BTreeSet<_> = all.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), all.len());
    }

    #[test]
    fn a_group_id_differs_by_room_and_generation() {
        let room = RoomId::from_bytes([1; 16]);
        let first = group_id(room, Generation(0));
        assert_ne!(first, group_id(room, Generation(1)));
        assert_ne!(first, group_id(RoomId::from_bytes([2; 16]), Generation(0)));
    }

    #[test]
    fn leaves_are_given_from_the_left_up_to_the_limit() {
        let claim = Claim::attendee(ParticipantId::from_raw(1), InviteId::from_bytes([0; 16]));
        let mut members: Members = (0..64).map(|n| (LeafIndex(n), claim.clone())).collect();
        assert_eq!(leftmost_free(&members), None);

        members.remove(&LeafIndex(3));
        assert_eq!(leftmost_free(&members), Some(LeafIndex(3)));
    }
}
