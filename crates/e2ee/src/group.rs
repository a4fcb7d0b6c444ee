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

use std::collections::BTreeMap;

use openmls::prelude::{
    ApplicationMessage, ContentType, LeafNodeIndex, MlsGroup, MlsGroupJoinConfig,
    MlsMessageBodyIn, MlsMessageIn, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PastEpochDeletion,
    PreSharedKeyProposal, ProcessedMessageContent, Proposal, ProtocolMessage,
    SenderRatchetConfiguration, StagedCommit,
};
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_traits::OpenMlsProvider;
use protocol::id::{Epoch, Generation, GroupId, LeafIndex, ParticipantId, RoomId};
use protocol::limits::{APPLICATION_BYTES_MAX, COMMIT_BYTES_MAX, WELCOME_BYTES_MAX};
use protocol::opaque::Opaque;
use protocol::secret::Secret;
use protocol::server::Role;
use protocol::time::UnixSeconds;
use tls_codec::{Deserialize as _, Serialize as _};

use crate::door::VerifiedKnock;
use crate::frames::FrameEpoch;
use crate::identity::{Claim, LeafKey, ModeratorIdentity};
use crate::kdf;
use crate::key_switch::KeyEpoch;
use crate::link::RoomSecret;
use crate::message::{Message, Payload};
use crate::policy::{self, Members, Refused, Rules, SUITE, Verdict};
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

/// A member, as the group proves it.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// Their leaf.
    pub leaf: LeafIndex,
    /// Which participant.
    pub participant: ParticipantId,
    /// In which role.
    pub role: Role,
    /// Their name, where it is known: a counsellor's from their claim, an attendee's to the
    /// counsellor who opened their knock, one's own.
    pub name: Option<String>,
    /// Whether it is ourselves.
    pub own: bool,
}

/// Not the name.
impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member({:?} {:?} {:?})", self.leaf, self.role, self.participant)
    }
}

/// A commit of ours that the delivery service has not accepted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The group.
    pub group: GroupId,
    /// The epoch it was made in.
    pub epoch: Epoch,
    /// The commit.
    pub commit: Opaque<COMMIT_BYTES_MAX>,
    /// The Welcome for those added.
    pub welcome: Option<Opaque<WELCOME_BYTES_MAX>>,
    /// Who is added, and where.
    pub added: Vec<(ParticipantId, LeafIndex)>,
    /// Who is removed.
    pub removed: Vec<ParticipantId>,
}

/// What a merged commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The epoch the group is in by it.
    pub epoch: Epoch,
    /// Who came.
    pub added: Vec<Member>,
    /// Who is out.
    pub removed: Vec<Member>,
}

/// Why a commit changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It is for another group.
    OtherGroup,
    /// Its epoch is over: it came late or again.
    Past,
    /// Its epoch is still to come: others are missing before it.
    Future,
    /// The group is closed.
    Closed,
}

/// What came of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It was merged.
    Accepted(Change),
    /// It was merged, and we are out.
    Evicted,
    /// It changes nothing.
    Ignored(Ignored),
    /// Somebody tampers, or our state is broken.  The group is closed; only a new one helps.
    Refused(Refused),
}

/// Why no commit was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCommit {
    /// We are no moderator.
    #[error("not a moderator")]
    NotModerator,
    /// One is on its way already.
    #[error("a commit is on its way")]
    Busy,
    /// The group is closed.
    #[error("the group is closed")]
    Closed,
    /// Nobody is at one of the leaves.
    #[error("no such member")]
    NoSuchMember,
    /// Our own policy does not allow it.
    #[error("not allowed: {0}")]
    NotAllowed(Refused),
    /// OpenMLS could not make it.
    #[error("could not be made")]
    Failed,
}

/// Why a message was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSeal {
    /// The group is closed.
    #[error("the group is closed")]
    Closed,
    /// It is empty or too long.
    #[error("empty or too long")]
    BadMessage,
    /// OpenMLS could not seal it.
    #[error("could not be sealed")]
    Failed,
}

/// Why a message was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// For another group, or an epoch we have no keys of (any more, or yet).
    #[error("for another group or epoch")]
    OtherEpoch,
    /// Our own message, handed back to us.
    #[error("our own")]
    Own,
    /// It is not an authentic message of a member: forged, damaged or brought twice.
    #[error("not authentic")]
    NotAuthentic,
    /// The member who sent it sent it twice, or somebody sent it again in their name.
    #[error("seen before")]
    Replayed,
    /// Authentic, but not a message of ours.
    #[error("not a message of this version")]
    NotOurs,
    /// The acknowledgement is not for the epoch we are in, or its proof is wrong.
    #[error("no proof of this epoch")]
    BadAck,
    /// The group is closed.
    #[error("the group is closed")]
    Closed,
}

/// A message and who said it, proven by their leaf's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The sender's leaf, in the epoch it was sealed in.
    pub leaf: LeafIndex,
    /// The sender.
    pub participant: ParticipantId,
    /// What they said.
    pub message: Message,
}

struct OwnCommit {
    bytes: Vec<u8>,
    verdict: Verdict,
    names: BTreeMap<ParticipantId, String>,
}

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
    epoch_since: UnixSeconds,
    sent: u64,
    seen: BTreeMap<ParticipantId, ReplayWindow>,
    frames_given_for: Option<Epoch>,
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
        Ok(Self::new(mls, provider, key, rules, members, founding.now))
    }

    pub(crate) fn new(
        mls: MlsGroup,
        provider: Provider,
        key: LeafKey,
        rules: Rules,
        members: Members,
        now: UnixSeconds,
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
            epoch_since: now,
            sent: 0,
            seen: BTreeMap::new(),
            frames_given_for: None,
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

    /// Adds those who knocked.
    ///
    /// # Errors
    ///
    /// [`CannotCommit`]; nothing changed.
    pub fn add(
        &mut self,
        now: UnixSeconds,
        knocks: &[VerifiedKnock],
    ) -> Result<Pending, CannotCommit> {
        self.replace(now, &[], knocks)
    }

    /// Removes members.
    ///
    /// # Errors
    ///
    /// [`CannotCommit`]; nothing changed.
    pub fn remove(
        &mut self,
        now: UnixSeconds,
        leaves: &[LeafIndex],
    ) -> Result<Pending, CannotCommit> {
        self.replace(now, leaves, &[])
    }

    /// Gives everybody new keys.
    ///
    /// # Errors
    ///
    /// [`CannotCommit`]; nothing changed.
    pub fn rekey(&mut self, now: UnixSeconds) -> Result<Pending, CannotCommit> {
        self.replace(now, &[], &[])
    }

    /// Removes members and adds those who knocked, in one step: how a device that was reloaded
    /// comes back.
    ///
    /// # Errors
    ///
    /// [`CannotCommit`]; nothing changed.
    pub fn replace(
        &mut self,
        now: UnixSeconds,
        leaves: &[LeafIndex],
        knocks: &[VerifiedKnock],
    ) -> Result<Pending, CannotCommit> {
        self.check_may_commit(leaves)?;
        let psk = if knocks.is_empty() {
            None
        } else {
            let psk = room_psk(&self.provider, self.rules.room).ok_or(CannotCommit::Failed)?;
            Some(Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk))))
        };
        let bundle = self
            .mls
            .commit_builder()
            .force_self_update(true)
            .propose_removals(leaves.iter().map(|leaf| LeafNodeIndex::new(leaf.0)))
            .propose_adds(knocks.iter().map(|knock| knock.package.clone()))
            .add_proposals(psk)
            .load_psks(self.provider.storage())
            .map_err(|_| CannotCommit::Failed)?
            .build(self.provider.rand(), self.provider.crypto(), &self.key, |_| true)
            .map_err(|_| CannotCommit::Failed)?
            .stage_commit(&self.provider)
            .map_err(|_| CannotCommit::Failed)?;
        let (commit, welcome, _) = bundle.into_messages();
        let names = knocks.iter().map(|k| (k.participant, k.name.clone())).collect();
        let pending = commit
            .tls_serialize_detached()
            .map_err(|_| CannotCommit::Failed)
            .and_then(|commit| self.judge_own(commit, welcome.as_ref(), names, now));
        if pending.is_err() {
            self.discard_own();
        }
        pending
    }

    /// The delivery service accepted our commit.  `None` if there is none.
    pub fn confirm_own(&mut self, now: UnixSeconds) -> Option<Change> {
        let own = self.own_commit.take()?;
        if self.mls.merge_pending_commit(&self.provider).is_err() {
            self.is_sound = false;
            return None;
        }
        self.names.extend(own.names);
        Some(self.settle(own.verdict, now))
    }

    /// The delivery service did not accept our commit.
    pub fn discard_own(&mut self) {
        self.own_commit = None;
        if self.mls.clear_pending_commit(self.provider.storage()).is_err() {
            self.is_sound = false;
        }
    }

    /// Takes a commit the delivery service brings, our own included.
    pub fn handle_commit(&mut self, now: UnixSeconds, bytes: &[u8]) -> CommitOutcome {
        if !self.is_sound {
            return CommitOutcome::Ignored(Ignored::Closed);
        }
        if self.own_commit.as_ref().is_some_and(|own| own.bytes == bytes) {
            return match self.confirm_own(now) {
                Some(change) => CommitOutcome::Accepted(change),
                None => self.refuse(Refused::CannotOpen),
            };
        }
        match self.merge(now, bytes) {
            Ok(outcome) => outcome,
            Err(refused) => self.refuse(refused),
        }
    }

    /// Forgets the keys of past epochs when their time is over.
    pub fn forget_past(&mut self, now: UnixSeconds) {
        let over = self.epoch_since.plus(PAST_EPOCHS_PATIENCE_SECONDS) <= now;
        if over
            && self
                .mls
                .delete_past_epoch_secrets(&self.provider, PastEpochDeletion::delete_all())
                .is_err()
        {
            self.is_sound = false;
        }
    }

    /// Seals a message for the others.
    ///
    /// # Errors
    ///
    /// [`CannotSeal`].
    pub fn seal_application(
        &mut self,
        message: &Message,
    ) -> Result<Opaque<APPLICATION_BYTES_MAX>, CannotSeal> {
        if !self.is_sound {
            return Err(CannotSeal::Closed);
        }
        let mac = match message {
            Message::Chat { .. } => None,
            Message::EpochAck { epoch } => Some(self.ack_mac(self.own_leaf(), *epoch)),
        };
        let payload = Payload { counter: self.sent, message: message.clone(), mac };
        let bytes = payload.encode().ok_or(CannotSeal::BadMessage)?;
        self.sent += 1;
        let sealed = self
            .mls
            .create_message(&self.provider, &self.key, &bytes)
            .ok()
            .and_then(|message| message.tls_serialize_detached().ok())
            .ok_or(CannotSeal::Failed)?;
        Opaque::new(sealed).map_err(|_| CannotSeal::BadMessage)
    }

    /// "I am in this epoch", for [`seal_application`](Self::seal_application).
    #[must_use]
    pub fn epoch_ack(&self) -> Message {
        Message::EpochAck { epoch: self.epoch() }
    }

    /// Opens a message.  What cannot be opened changes nothing.
    ///
    /// # Errors
    ///
    /// [`CannotOpen`].
    pub fn open_application(&mut self, bytes: &[u8]) -> Result<Opened, CannotOpen> {
        if !self.is_sound {
            return Err(CannotOpen::Closed);
        }
        let message = private_message(bytes).map_err(|_| CannotOpen::NotAuthentic)?;
        if message.content_type() != ContentType::Application {
            return Err(CannotOpen::NotAuthentic);
        }
        if message.group_id().as_slice() != self.id().as_bytes()
            || message.epoch() > self.mls.epoch()
        {
            return Err(CannotOpen::OtherEpoch);
        }
        let processed = self
            .mls
            .process_message(&self.provider, message)
            .map_err(|_| CannotOpen::NotAuthentic)?;
        let openmls::prelude::Sender::Member(leaf) = processed.sender() else {
            return Err(CannotOpen::NotAuthentic);
        };
        let leaf = LeafIndex(leaf.u32());
        let claim = Claim::of(processed.credential()).ok_or(CannotOpen::NotAuthentic)?;
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => {
                self.take_payload(leaf, claim.participant(), message)
            }
            ProcessedMessageContent::OwnPrivateMessage => Err(CannotOpen::Own),
            ProcessedMessageContent::ProposalMessage(_)
            | ProcessedMessageContent::ExternalJoinProposalMessage(_)
            | ProcessedMessageContent::StagedCommitMessage(_)
            | ProcessedMessageContent::OwnPendingCommit => Err(CannotOpen::NotAuthentic),
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
        let others = self.members.keys().copied().filter(|leaf| *leaf != own).collect();
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

    fn check_may_commit(&self, leaves: &[LeafIndex]) -> Result<(), CannotCommit> {
        match self.members.get(&self.own_leaf()) {
            _ if !self.is_sound => Err(CannotCommit::Closed),
            Some(Claim::Counsellor(_)) if self.own_commit.is_some() => Err(CannotCommit::Busy),
            Some(Claim::Counsellor(_)) => Ok(()),
            Some(Claim::Attendee(_)) | None => Err(CannotCommit::NotModerator),
        }?;
        if leaves.iter().all(|leaf| self.members.contains_key(leaf)) {
            Ok(())
        } else {
            Err(CannotCommit::NoSuchMember)
        }
    }

    /// Judges our own commit as the others will.
    fn judge_own(
        &mut self,
        commit: Vec<u8>,
        welcome: Option<&openmls::prelude::MlsMessageOut>,
        names: BTreeMap<ParticipantId, String>,
        now: UnixSeconds,
    ) -> Result<Pending, CannotCommit> {
        let staged = self.mls.pending_commit().ok_or(CannotCommit::Failed)?;
        let sender = openmls::prelude::Sender::Member(self.mls.own_leaf_index());
        let verdict = self
            .rules
            .judge_commit(&self.members, &sender, staged, now)
            .map_err(CannotCommit::NotAllowed)?;
        let welcome = match welcome {
            None => None,
            Some(welcome) => {
                let bytes =
                    welcome.tls_serialize_detached().map_err(|_| CannotCommit::Failed)?;
                Some(Opaque::new(bytes).map_err(|_| CannotCommit::Failed)?)
            }
        };
        let pending = Pending {
            group: self.id(),
            epoch: self.epoch(),
            commit: Opaque::new(commit.clone()).map_err(|_| CannotCommit::Failed)?,
            welcome,
            added: verdict.added.iter().map(|(l, claim)| (claim.participant(), *l)).collect(),
            removed: verdict
                .removed
                .iter()
                .filter_map(|leaf| self.members.get(leaf).map(Claim::participant))
                .collect(),
        };
        self.own_commit = Some(OwnCommit { bytes: commit, verdict, names });
        Ok(pending)
    }

    fn refuse(&mut self, refused: Refused) -> CommitOutcome {
        self.is_sound = false;
        CommitOutcome::Refused(refused)
    }

    fn merge(&mut self, now: UnixSeconds, bytes: &[u8]) -> Result<CommitOutcome, Refused> {
        let message = private_message(bytes)?;
        if message.group_id().as_slice() != self.id().as_bytes() {
            return Ok(CommitOutcome::Ignored(Ignored::OtherGroup));
        }
        match message.epoch().cmp(&self.mls.epoch()) {
            std::cmp::Ordering::Less => return Ok(CommitOutcome::Ignored(Ignored::Past)),
            std::cmp::Ordering::Greater => return Ok(CommitOutcome::Ignored(Ignored::Future)),
            std::cmp::Ordering::Equal => (),
        }
        if message.content_type() != ContentType::Commit {
            return Err(Refused::WrongKind);
        }
        let processed = self
            .mls
            .process_message(&self.provider, message)
            .map_err(|_| Refused::CannotOpen)?;
        let sender = processed.sender().clone();
        match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                self.merge_staged(now, &sender, *staged)
            }
            ProcessedMessageContent::OwnPrivateMessage
            | ProcessedMessageContent::OwnPendingCommit => Err(Refused::Reflected),
            ProcessedMessageContent::ApplicationMessage(_)
            | ProcessedMessageContent::ProposalMessage(_)
            | ProcessedMessageContent::ExternalJoinProposalMessage(_) => {
                Err(Refused::WrongKind)
            }
        }
    }

    fn merge_staged(
        &mut self,
        now: UnixSeconds,
        sender: &openmls::prelude::Sender,
        staged: StagedCommit,
    ) -> Result<CommitOutcome, Refused> {
        let verdict = self.rules.judge_commit(&self.members, sender, &staged, now)?;
        let evicted = staged.self_removed();
        self.mls
            .merge_staged_commit(&self.provider, staged)
            .map_err(|_| Refused::CannotOpen)?;
        self.own_commit = None;
        if evicted {
            self.is_sound = false;
            return Ok(CommitOutcome::Evicted);
        }
        Ok(CommitOutcome::Accepted(self.settle(verdict, now)))
    }

    /// Brings our own books in line with a merged commit.
    fn settle(&mut self, verdict: Verdict, now: UnixSeconds) -> Change {
        let removed: Vec<Member> =
            verdict.removed.iter().filter_map(|leaf| self.member_at(*leaf)).collect();
        for gone in &removed {
            self.members.remove(&gone.leaf);
            self.names.remove(&gone.participant);
            self.seen.remove(&gone.participant);
        }
        let leaves: Vec<LeafIndex> = verdict.added.iter().map(|(leaf, _)| *leaf).collect();
        self.members.extend(verdict.added);
        self.epoch_since = now;
        if self.safety.as_ref().is_some_and(|(leaf, _)| removed.iter().any(|m| m.leaf == *leaf))
        {
            self.safety = None;
        }
        if let [leaf] = leaves.as_slice() {
            self.compute_safety_code(*leaf);
        }
        debug_assert!(self.books_agree(), "leaves are where RFC 9420 puts them");
        let added = leaves.iter().filter_map(|leaf| self.member_at(*leaf)).collect();
        Change { epoch: self.epoch(), added, removed }
    }

    /// Whether our books name the leaves that OpenMLS has.
    fn books_agree(&self) -> bool {
        let leaves = self.mls.members().map(|member| LeafIndex(member.index.u32()));
        leaves.eq(self.members.keys().copied())
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

    fn take_payload(
        &mut self,
        leaf: LeafIndex,
        participant: ParticipantId,
        message: ApplicationMessage,
    ) -> Result<Opened, CannotOpen> {
        let payload = Payload::decode(&message.into_bytes()).ok_or(CannotOpen::NotOurs)?;
        if self.member_at(leaf).is_none_or(|member| member.participant != participant) {
            // The last words of somebody who is out already.
            return Err(CannotOpen::OtherEpoch);
        }
        let seen = self.seen.entry(participant).or_default();
        if !seen.is_fresh(payload.counter) {
            return Err(CannotOpen::Replayed);
        }
        seen.accept(payload.counter);
        if let (Message::EpochAck { epoch }, Some(mac)) = (&payload.message, &payload.mac) {
            let good = *epoch == self.epoch() && self.ack_is_good(leaf, *epoch, mac);
            if !good {
                return Err(CannotOpen::BadAck);
            }
        }
        Ok(Opened { leaf, participant, message: payload.message })
    }

    /// HMAC(epoch authenticator, "aman/ack/v1" || epoch || leaf).
    fn ack_mac(&self, leaf: LeafIndex, epoch: Epoch) -> [u8; 32] {
        let key = self.mls.epoch_authenticator().as_slice();
        kdf::hmac(key, &[b"aman/ack/v1", &epoch.0.to_be_bytes(), &leaf.0.to_be_bytes()])
    }

    fn ack_is_good(&self, leaf: LeafIndex, epoch: Epoch, mac: &[u8]) -> bool {
        let key = self.mls.epoch_authenticator().as_slice();
        let parts: [&[u8]; 3] = [b"aman/ack/v1", &epoch.0.to_be_bytes(), &leaf.0.to_be_bytes()];
        kdf::hmac_is_good(key, &parts, mac)
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, epoch, n) = (self.id(), self.epoch(), self.members.len());
        write!(f, "Group({id:?} at {epoch:?} with {n} members, sound: {})", self.is_sound)
    }
}
