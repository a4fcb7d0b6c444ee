//! One participant's view of the room's MLS group.
//!
//! ```text
//!   found (moderator) ─┐                    ┌── handle_commit: Accepted, Ignored ──┐
//!   join  (attendee)  ─┴─► sound ◄──────────┴───────────────────────────────────────┘
//!                            │ add, remove, replace, rekey ─► Pending ─► confirm_own | discard_own
//!                            └── handle_commit: Refused, Evicted ─► closed (seals nothing more)
//! ```
//!
//! # Invariants
//!
//! - No commit is merged that [`policy`](crate::policy) does not allow, our own included.
//! - A group that refused a commit, or that we were removed from, seals nothing more.
//! - Each epoch's frame keys are handed out once, so that no key and counter meet twice.

mod application;
mod commit;
mod outcome;

use std::collections::BTreeMap;

use openmls::prelude::{
    MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PastEpochDeletion, ProtocolMessage,
    SenderRatchetConfiguration,
};
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_traits::OpenMlsProvider;
use protocol::id::{Epoch, Generation, GroupId, LeafIndex, ParticipantId, RoomId};
use protocol::secret::Secret;
use protocol::time::UnixSeconds;
use tls_codec::Deserialize as _;

use self::commit::OwnCommit;
pub use self::outcome::{
    CannotCommit, CannotOpen, CannotSeal, Change, CommitOutcome, Ignored, Member, Opened,
    Pending,
};
use crate::frames::FrameEpoch;
use crate::identity::{Claim, LeafKey, ModeratorIdentity};
use crate::key_switch::KeyEpoch;
use crate::link::RoomSecret;
use crate::policy::{self, Members, Refused, Rules, SUITE};
use crate::provider::Provider;
use crate::random::Randomness;
use crate::replay::ReplayWindow;
use crate::safety_code::{self, SafetyCode};

/// Past epochs whose late messages can still be opened.
const PAST_EPOCHS_MAX: usize = 2;

/// And for how long, in seconds.
const PAST_EPOCHS_PATIENCE_SECONDS: u64 = 30;

/// Handshake and chat messages are padded to multiples of this.
const PADDING_BYTES: usize = 256;

/// How far messages of one sender may come out of order, and how many may be skipped.
const OUT_OF_ORDER_MAX: u32 = 16;
const SKIPPED_MAX: u32 = 512;

/// What a founded group is about.
#[derive(Clone, Debug)]
pub struct Founding {
    /// What the server calls the founder.
    pub participant: ParticipantId,
    /// Which group of the room it is.
    pub generation: Generation,
    /// The room's secret.
    pub room_secret: RoomSecret,
    /// The time.
    pub now: UnixSeconds,
}

/// One participant's view of the group.
pub struct Group {
    pub(crate) mls: MlsGroup,
    pub(crate) provider: Provider,
    pub(crate) key: LeafKey,
    pub(crate) rules: Rules,
    pub(crate) members: Members,
    pub(crate) names: BTreeMap<ParticipantId, String>,
    pub(crate) safety: Option<(LeafIndex, SafetyCode)>,
    own_commit: Option<OwnCommit>,
    is_sound: bool,
    /// When the epoch began, while keys of the ones before it are still there.
    epoch_since: Option<UnixSeconds>,
    sent: u64,
    seen: BTreeMap<ParticipantId, ReplayWindow>,
    frames_given_for: Option<Epoch>,
    chains: application::Chains,
}

/// How OpenMLS is to behave, for founders and joiners alike.
pub(crate) fn config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING_BYTES)
        .max_past_epochs(PAST_EPOCHS_MAX)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(true)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(
            OUT_OF_ORDER_MAX,
            SKIPPED_MAX,
        ))
        .build()
}

/// Makes the room secret known to OpenMLS under its one name.
pub(crate) fn store_room_secret(
    provider: &Provider,
    room: RoomId,
    secret: &RoomSecret,
) -> Option<()> {
    room_psk(provider, room)?.store(provider, secret.expose()).ok()
}

fn room_psk(provider: &Provider, room: RoomId) -> Option<PreSharedKeyId> {
    let psk = Psk::External(ExternalPsk::new(policy::psk_id(room)));
    PreSharedKeyId::new(SUITE, provider.rand(), psk).ok()
}

impl Group {
    /// Founds a group with its moderator as the only member.
    ///
    /// # Errors
    ///
    /// [`CannotCommit::Failed`] when OpenMLS cannot.
    pub fn found(
        identity: &ModeratorIdentity,
        founding: &Founding,
        random: &Randomness,
    ) -> Result<Self, CannotCommit> {
        let provider = Provider::new(random.fork());
        let rules = Rules {
            room: identity.room(),
            generation: founding.generation,
            owner: identity.pin(),
        };
        let claim = identity.claim(founding.participant);
        store_room_secret(&provider, rules.room, &founding.room_secret)
            .ok_or(CannotCommit::Failed)?;
        let join = config();
        let id = policy::group_id(rules.room, rules.generation);
        let mls = MlsGroup::builder()
            .with_group_id(openmls::prelude::GroupId::from_slice(id.as_bytes()))
            .ciphersuite(SUITE)
            .with_wire_format_policy(join.wire_format_policy())
            .padding_size(PADDING_BYTES)
            .max_past_epochs(PAST_EPOCHS_MAX)
            .number_of_resumption_psks(0)
            .use_ratchet_tree_extension(true)
            .sender_ratchet_configuration(*join.sender_ratchet_configuration())
            .lifetime(policy::lifetime(founding.now))
            .with_capabilities(policy::capabilities())
            .with_group_context_extensions(rules.extensions())
            .build(&provider, &identity.key, identity.key.with_claim(&claim))
            .map_err(|_| CannotCommit::Failed)?;
        let members = Members::from([(LeafIndex(0), claim)]);
        let key = identity.key.clone();
        Ok(Self::new(mls, provider, key, rules, members))
    }

    pub(crate) fn new(
        mls: MlsGroup,
        provider: Provider,
        key: LeafKey,
        rules: Rules,
        members: Members,
    ) -> Self {
        Self {
            mls,
            provider,
            key,
            rules,
            members,
            names: BTreeMap::new(),
            safety: None,
            own_commit: None,
            is_sound: true,
            epoch_since: None,
            sent: 0,
            seen: BTreeMap::new(),
            frames_given_for: None,
            chains: application::Chains::default(),
        }
    }

    /// The group's id.
    #[must_use]
    pub fn id(&self) -> GroupId {
        policy::group_id(self.rules.room, self.rules.generation)
    }

    /// Which group of the room it is.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.rules.generation
    }

    /// The epoch it is in.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.mls.epoch().as_u64())
    }

    /// The epoch it is in, in the order of all groups of the room.
    #[must_use]
    pub fn key_epoch(&self) -> KeyEpoch {
        KeyEpoch { generation: self.generation(), epoch: self.epoch() }
    }

    /// Our leaf.
    #[must_use]
    pub fn own_leaf(&self) -> LeafIndex {
        LeafIndex(self.mls.own_leaf_index().u32())
    }

    /// Whether it may be used for sending.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.is_sound
    }

    /// Whether a commit of ours is on its way.
    #[must_use]
    pub const fn has_pending(&self) -> bool {
        self.own_commit.is_some()
    }

    /// The members, by leaf.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        self.members.iter().map(|(leaf, claim)| self.member(*leaf, claim)).collect()
    }

    /// The member at a leaf.
    #[must_use]
    pub fn member_at(&self, leaf: LeafIndex) -> Option<Member> {
        self.members.get(&leaf).map(|claim| self.member(leaf, claim))
    }

    /// The code of the two, while there are exactly two: a counsellor and an attendee.
    #[must_use]
    pub fn safety_code(&self) -> Option<&SafetyCode> {
        match &self.safety {
            Some((_, code)) if self.members.len() == 2 => Some(code),
            Some(_) | None => None,
        }
    }

    /// Forgets the keys of past epochs when their time is over.
    pub fn forget_past(&mut self, now: UnixSeconds) {
        let is_due = self
            .epoch_since
            .is_some_and(|since| since.plus(PAST_EPOCHS_PATIENCE_SECONDS) <= now);
        if is_due {
            self.epoch_since = None;
            let all = PastEpochDeletion::delete_all();
            if self.mls.delete_past_epoch_secrets(&self.provider, all).is_err() {
                self.is_sound = false;
            }
        }
    }

    /// The frame keys of the epoch the group is in; once per epoch, `None` after that and when
    /// the group is closed.
    pub fn frame_epoch(&mut self) -> Option<FrameEpoch> {
        if !self.is_sound || self.frames_given_for == Some(self.epoch()) {
            return None;
        }
        let base_key = self
            .mls
            .export_secret(self.provider.crypto(), "SFrame 1.0 Base Key", b"", 16)
            .ok()?;
        let base_key = Secret::from_bytes(base_key.try_into().ok()?);
        self.frames_given_for = Some(self.epoch());
        let own = self.own_leaf();
        let others = self.members.iter().filter(|(leaf, _)| **leaf != own);
        let others = others.map(|(leaf, claim)| (*leaf, claim.participant())).collect();
        Some(FrameEpoch::new(self.key_epoch(), base_key, own, others))
    }
}

/// Reads a PrivateMessage.
fn private_message(bytes: &[u8]) -> Result<ProtocolMessage, Refused> {
    let message =
        MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| Refused::Unreadable)?;
    match message.extract() {
        MlsMessageBodyIn::PrivateMessage(message) => Ok(message.into()),
        MlsMessageBodyIn::PublicMessage(_) => Err(Refused::NotPrivate),
        MlsMessageBodyIn::Welcome(_)
        | MlsMessageBodyIn::GroupInfo(_)
        | MlsMessageBodyIn::KeyPackage(_) => Err(Refused::WrongKind),
    }
}

impl Group {
    fn member(&self, leaf: LeafIndex, claim: &Claim) -> Member {
        let participant = claim.participant();
        let name = match claim {
            Claim::Counsellor(id) => Some(id.name()),
            Claim::Attendee(_) => self.names.get(&participant).cloned(),
        };
        let own = leaf == self.own_leaf();
        Member { leaf, participant, role: claim.role(), name, own }
    }

    /// Computes the code in the first epoch the counsellor shares with the attendee at `leaf`.
    pub(crate) fn compute_safety_code(&mut self, leaf: LeafIndex) {
        let counsellor = self.members.values().find_map(|claim| match claim {
            Claim::Counsellor(id) => Some(id),
            Claim::Attendee(_) => None,
        });
        let peer = self.mls.members().find(|member| member.index.u32() == leaf.0);
        if let (Some(counsellor), Some(peer)) = (counsellor, peer)
            && self.members.len() == 2
        {
            let code = safety_code::compute(
                self.mls.epoch_authenticator().as_slice(),
                self.rules.room,
                counsellor.idc_public(),
                &peer.signature_key,
            );
            self.safety = Some((leaf, code));
        }
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, epoch, n) = (self.id(), self.epoch(), self.members.len());
        write!(f, "Group({id:?} at {epoch:?} with {n} members, sound: {})", self.is_sound)
    }
}
