//! How a group changes: by commits of its own, and by those the delivery service brings.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use openmls::prelude::{
    ContentType, LeafNodeIndex, MlsMessageOut, PreSharedKeyProposal, ProcessedMessageContent,
    Proposal, Sender, StagedCommit,
};
use openmls_traits::OpenMlsProvider;
use protocol::id::{LeafIndex, ParticipantId};
use protocol::opaque::Opaque;
use protocol::time::UnixSeconds;
use tls_codec::Serialize as _;

use super::{CannotCommit, Change, CommitOutcome, Group, Ignored, Member, Pending};
use super::{private_message, room_psk};
use crate::door::VerifiedKnock;
use crate::identity::Claim;
use crate::policy::{Refused, Verdict};

/// A commit of ours, until the delivery service answers.
pub(crate) struct OwnCommit {
    bytes: Vec<u8>,
    verdict: Verdict,
    names: BTreeMap<ParticipantId, String>,
}

impl Group {
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
        Some(self.settle(own.verdict, own.names, now))
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
        welcome: Option<&MlsMessageOut>,
        names: BTreeMap<ParticipantId, String>,
        now: UnixSeconds,
    ) -> Result<Pending, CannotCommit> {
        let staged = self.mls.pending_commit().ok_or(CannotCommit::Failed)?;
        let sender = Sender::Member(self.mls.own_leaf_index());
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
            Ordering::Less => return Ok(CommitOutcome::Ignored(Ignored::Past)),
            Ordering::Greater => return Ok(CommitOutcome::Ignored(Ignored::Future)),
            Ordering::Equal => (),
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
        sender: &Sender,
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
        Ok(CommitOutcome::Accepted(self.settle(verdict, BTreeMap::new(), now)))
    }

    /// Brings our own books in line with a merged commit.
    fn settle(
        &mut self,
        verdict: Verdict,
        names: BTreeMap<ParticipantId, String>,
        now: UnixSeconds,
    ) -> Change {
        let removed: Vec<Member> =
            verdict.removed.iter().filter_map(|leaf| self.member_at(*leaf)).collect();
        for gone in &removed {
            self.members.remove(&gone.leaf);
            self.names.remove(&gone.participant);
            self.seen.remove(&gone.participant);
        }
        let leaves: Vec<LeafIndex> = verdict.added.iter().map(|(leaf, _)| *leaf).collect();
        self.members.extend(verdict.added);
        self.names.extend(names);
        self.epoch_since = Some(now);
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
}
