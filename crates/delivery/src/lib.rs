//! The MLS delivery service of one room: which commit comes first, and who still needs what.
//!
//! A *group* is at one *epoch*; a *commit* made in that epoch ends it, and the first one wins
//! (RFC 9750 section 5.2.1, the strongly consistent kind).  Everything delivered has a *place*
//! in one order and stays in a bounded *backlog* for members whose connection broke.
//!
//! ```text
//!             open (moderator, newer generation)            commit (moderator, this epoch)
//!   no group ───────────────────────────────────► epoch 0 ────────────────────────────────► epoch 1 …
//!                                                    ▲                                        │
//!                                                    └──────── open, newer generation ────────┘
//! ```
//!
//! The service reads nothing of what it delivers.  A server that lies here can hold messages
//! back or split the group, and members notice both (E2EE.md 1.6); it cannot add anybody.
//!
//! Sans-IO.  Call [`handle_input`], then [`poll_output`] until it returns `None`; give it
//! [`Input::Tick`] no later than [`poll_timeout`].
//!
//! # Invariants
//!
//! - One commit per epoch: nobody is ever sent two commits for one epoch of one group.
//! - No Welcome before its commit, and none for a commit that lost.
//! - Only moderators open or change a group; only members of the epoch speak in it.
//! - Nobody is sent a message of an epoch they were not a member of.
//! - Whoever was removed, replaced or left is sent nothing more, not even on resume.
//! - The places of what one participant is sent grow.
//! - What is kept stays within its limits of number, bytes and age; a resume that would need
//!   more is refused, never answered with a gap.
//!
//! [`handle_input`]: Delivery::handle_input
//! [`poll_output`]: Delivery::poll_output
//! [`poll_timeout`]: Delivery::poll_timeout

mod backlog;
#[cfg(test)]
mod properties;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::client::{Added, Application, Commit, OpenGroup};
use protocol::id::{Epoch, Generation, GroupId, ParticipantId};
use protocol::limits::WELCOME_BYTES_MAX;
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::{Committed, GroupOpened, GroupState, Relayed, Role, ServerMessage};
use protocol::time::Timestamp;

use crate::backlog::{Backlog, Entry, Item};

/// The delivery service of one room.
#[derive(Debug, Default)]
pub struct Delivery {
    group: Option<Group>,
    /// The place of what was delivered last; the first thing gets 1.
    seq: u64,
    backlog: Backlog,
    outputs: VecDeque<Output>,
}

/// The room's group, as far as the server knows it.
#[derive(Debug)]
struct Group {
    state: GroupState,
    /// Who is in it, and the first epoch they can open.
    members: BTreeMap<ParticipantId, Epoch>,
}

/// What happened outside.  Whoever brings it has checked that `by` is in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody opens a group.
    Open {
        /// Who.
        by: ParticipantId,
        /// What they may do.
        role: Role,
        /// Their message.
        open: OpenGroup,
        /// Everybody else in the room: they learn of it.
        others: BTreeSet<ParticipantId>,
    },
    /// Somebody changes the group.
    Commit {
        /// Who.
        by: ParticipantId,
        /// What they may do.
        role: Role,
        /// Their message.
        commit: Commit,
    },
    /// Somebody says something to the other members.
    Application {
        /// Who.
        by: ParticipantId,
        /// Their message.
        application: Application,
    },
    /// Somebody is no longer in the room.  Their leaf may stay in the group until a commit
    /// removes it; they are sent nothing more from here on.
    Forget {
        /// Who.
        who: ParticipantId,
    },
    /// Somebody came back and saw everything up to `after`.  Ask [`Delivery::covers`] first.
    Replay {
        /// Who.
        to: ParticipantId,
        /// The highest place they saw.
        after: u64,
    },
    /// Time passed.
    Tick,
}

/// What the caller should do about it.  Exactly one output says how a request came out
/// (`Refused`, `Opened`, `Advanced`, `Relayed`); what it sends comes before that, and only
/// Welcomes come after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The request is refused and changed nothing.
    Refused {
        /// Why.
        reject: Reject,
    },
    /// The group is open, with its opener at leaf 0 as the only member.
    Opened {
        /// Who opened it.
        by: ParticipantId,
        /// The group.
        group: GroupState,
    },
    /// The commit won: carry out whom it adds and removes before the next output.
    Advanced {
        /// Who made it.
        by: ParticipantId,
        /// The group, after it.
        group: GroupState,
        /// Who is in by it.
        added: Vec<Added>,
        /// Who is out by it.
        removed: Vec<ParticipantId>,
    },
    /// The application message was sent on.
    Relayed,
    /// Send a message.
    Send {
        /// To whom.
        to: ParticipantId,
        /// What.
        message: ServerMessage,
    },
    /// Send a Welcome, completed by what else the receiver must know.
    Welcome {
        /// To whom.
        to: ParticipantId,
        /// What.
        welcome: Welcome,
    },
}

/// A Welcome whose commit has won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Place in the order; the same as that of its commit.
    pub seq: u64,
    /// The group.
    pub group: GroupId,
    /// Which group of the room it is.
    pub generation: Generation,
    /// The epoch it leads into.
    pub epoch: Epoch,
    /// Who let the receiver in.
    pub by: ParticipantId,
    /// The MLS Welcome.
    pub message: Opaque<WELCOME_BYTES_MAX>,
}

impl Delivery {
    /// Takes in what happened.  Never fails: what cannot be done is [`Output::Refused`].
    pub fn handle_input(&mut self, now: Timestamp, input: Input) {
        self.backlog.expire(now);
        let outcome = match input {
            Input::Open { by, role, open, others } => self.open(now, by, role, &open, others),
            Input::Commit { by, role, commit } => self.commit(now, by, role, commit),
            Input::Application { by, application } => self.application(now, by, application),
            Input::Forget { who } => {
                self.forget(who);
                Ok(())
            }
            Input::Replay { to, after } => {
                self.replay(to, after);
                Ok(())
            }
            Input::Tick => Ok(()),
        };
        if let Err(reject) = outcome {
            self.outputs.push_back(Output::Refused { reject });
        }
    }

    /// The next thing to do.  Drain to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is next needed, if at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.backlog.next_expiry()
    }

    /// Whether everything `who` was sent after `after` is still kept.
    ///
    /// # Errors
    ///
    /// [`Reject::BacklogGone`] if not: resuming would leave a gap.
    pub fn covers(&self, who: ParticipantId, after: u64) -> Result<(), Reject> {
        if self.backlog.covers(who, after) { Ok(()) } else { Err(Reject::BacklogGone) }
    }

    fn open(
        &mut self,
        now: Timestamp,
        by: ParticipantId,
        role: Role,
        open: &OpenGroup,
        mut others: BTreeSet<ParticipantId>,
    ) -> Result<(), Reject> {
        require_moderator(role)?;
        let is_newer = self.group.as_ref().is_none_or(|group| {
            open.generation > group.state.generation && open.group != group.state.group
        });
        if !is_newer {
            return Err(Reject::StaleGeneration);
        }
        let state = GroupState {
            group: open.group,
            generation: open.generation,
            epoch: Epoch::default(),
        };
        self.group = Some(Group { state, members: BTreeMap::from([(by, Epoch::default())]) });
        let seq = self.next_seq();
        let GroupState { group, generation, epoch: _ } = state;
        others.insert(by);
        self.deliver(
            now,
            seq,
            others,
            Item::Message(ServerMessage::GroupOpened(GroupOpened {
                seq,
                group,
                generation,
                by,
            })),
        );
        self.outputs.push_back(Output::Opened { by, group: state });
        Ok(())
    }

    fn commit(
        &mut self,
        now: Timestamp,
        by: ParticipantId,
        role: Role,
        commit: Commit,
    ) -> Result<(), Reject> {
        require_moderator(role)?;
        let Commit { group: id, epoch, message, welcome, added, removed } = commit;
        let group = self.group.as_mut().filter(|group| group.state.group == id);
        let group = group.ok_or(Reject::NoSuchGroup)?;
        if !group.members.contains_key(&by) {
            return Err(Reject::NotAdmitted);
        }
        if epoch != group.state.epoch {
            return Err(Reject::StaleEpoch { got: epoch, current: group.state.epoch });
        }
        // RFC 9420 section 12.2: nobody commits to their own adding or removal.
        let is_about_self =
            removed.contains(&by) || added.iter().any(|added| added.participant == by);
        if is_about_self || welcome.is_some() == added.is_empty() {
            return Err(Reject::Malformed);
        }

        group.state.epoch = Epoch(epoch.0.saturating_add(1));
        for gone in &removed {
            group.members.remove(gone);
        }
        // Somebody added again has lost track: they take the Welcome, not the commit.
        let newcomers: BTreeSet<_> = added.iter().map(|added| added.participant).collect();
        let audience =
            group.members.keys().filter(|who| !newcomers.contains(who)).copied().collect();
        for who in &newcomers {
            group.members.insert(*who, group.state.epoch);
        }
        let state = group.state;

        let seq = self.next_seq();
        let committed = Committed {
            seq,
            group: id,
            epoch,
            by,
            message,
            added: added.clone(),
            removed: removed.clone(),
        };
        self.deliver(now, seq, audience, Item::Message(ServerMessage::Committed(committed)));
        self.outputs.push_back(Output::Advanced { by, group: state, added, removed });
        if let Some(message) = welcome {
            let GroupState { group, generation, epoch } = state;
            let welcome = Welcome { seq, group, generation, epoch, by, message };
            self.deliver(now, seq, newcomers, Item::Welcome(welcome));
        }
        Ok(())
    }

    fn application(
        &mut self,
        now: Timestamp,
        by: ParticipantId,
        application: Application,
    ) -> Result<(), Reject> {
        let Application { group: id, epoch, message, fleeting } = application;
        let group = self.group.as_ref().filter(|group| group.state.group == id);
        let group = group.ok_or(Reject::NoSuchGroup)?;
        let since = group.members.get(&by).ok_or(Reject::NotAdmitted)?;
        let current = group.state.epoch;
        let is_recent = epoch <= current && epoch.0.saturating_add(1) >= current.0;
        if !is_recent || epoch < *since {
            return Err(Reject::StaleEpoch { got: epoch, current });
        }
        let audience: BTreeSet<_> = group
            .members
            .iter()
            .filter(|(who, since)| **who != by && **since <= epoch)
            .map(|(who, _)| *who)
            .collect();
        let seq = self.next_seq();
        let relayed = Relayed { seq, group: id, epoch, by, message };
        let item = Item::Message(ServerMessage::Relayed(relayed));
        if fleeting {
            self.outputs.extend(audience.iter().map(|to| item.clone().send(*to)));
        } else {
            self.deliver(now, seq, audience, item);
        }
        self.outputs.push_back(Output::Relayed);
        Ok(())
    }

    fn forget(&mut self, who: ParticipantId) {
        if let Some(group) = &mut self.group {
            group.members.remove(&who);
        }
        self.backlog.forget(who);
    }

    fn replay(&mut self, to: ParticipantId, after: u64) {
        let missed = self.backlog.missed(to, after).map(|item| item.clone().send(to));
        self.outputs.extend(missed);
    }

    fn deliver(&mut self, now: Timestamp, seq: u64, to: BTreeSet<ParticipantId>, item: Item) {
        self.outputs.extend(to.iter().map(|to| item.clone().send(*to)));
        self.backlog.keep(now, Entry::new(seq, now, to, item));
    }

    fn next_seq(&mut self) -> u64 {
        self.seq = self.seq.saturating_add(1);
        self.seq
    }
}

fn require_moderator(role: Role) -> Result<(), Reject> {
    match role {
        Role::Moderator => Ok(()),
        Role::Attendee => Err(Reject::NotModerator),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOD: ParticipantId = ParticipantId::from_raw(1);
    const ANA: ParticipantId = ParticipantId::from_raw(2);
    const BEN: ParticipantId = ParticipantId::from_raw(3);
    const GROUP: GroupId = GroupId::from_bytes([1; 32]);
    const NEXT_GROUP: GroupId = GroupId::from_bytes([2; 32]);

    #[test]
    fn only_a_moderator_opens_and_changes_a_group() {
        let mut delivery = Delivery::default();

        assert_eq!(
            step(&mut delivery, open_by(ANA, Role::Attendee, GROUP, 0)),
            [refused(Reject::NotModerator)]
        );
        step(&mut delivery, open(GROUP, 0));
        let commit = Input::Commit { by: MOD, role: Role::Attendee, commit: adds(0, &[ANA]) };
        assert_eq!(step(&mut delivery, commit), [refused(Reject::NotModerator)]);
    }

    #[test]
    fn a_group_is_replaced_only_by_a_newer_one() {
        let mut delivery = Delivery::default();
        step(&mut delivery, open(GROUP, 3));

        for (group, generation) in [(NEXT_GROUP, 3), (NEXT_GROUP, 2), (GROUP, 4)] {
            assert_eq!(
                step(&mut delivery, open(group, generation)),
                [refused(Reject::StaleGeneration)]
            );
        }
        assert!(is_opened(&step(&mut delivery, open(NEXT_GROUP, 4))));
    }

    #[test]
    fn everybody_in_the_room_learns_of_a_new_group() {
        let mut delivery = Delivery::default();
        let open = Input::Open {
            by: MOD,
            role: Role::Moderator,
            open: OpenGroup { group: GROUP, generation: Generation(0) },
            others: BTreeSet::from([ANA]),
        };

        assert_eq!(receivers(&step(&mut delivery, open)), [MOD, ANA]);
    }

    #[test]
    fn the_first_commit_of_an_epoch_wins_and_the_second_learns_the_epoch() {
        let mut delivery = with_members(&[]);

        let won = step(&mut delivery, commit(adds(0, &[ANA])));
        let lost = step(&mut delivery, commit(adds(0, &[BEN])));

        assert!(matches!(
            won.as_slice(),
            [
                Output::Send { to: MOD, message: ServerMessage::Committed(_) },
                Output::Advanced { group: GroupState { epoch: Epoch(1), .. }, .. },
                Output::Welcome { to: ANA, welcome: Welcome { epoch: Epoch(1), .. } },
            ]
        ));
        let reject = Reject::StaleEpoch { got: Epoch(0), current: Epoch(1) };
        assert_eq!(lost, [refused(reject)]);
    }

    #[test]
    fn what_is_fleeting_is_sent_to_members_and_not_kept() {
        let mut delivery = with_members(&[ANA]);
        let after = delivery.seq;
        let Input::Application { by, application } = says(MOD, 1) else { unreachable!() };
        let fleeting = Application { fleeting: true, ..application };
        let sent = step(&mut delivery, Input::Application { by, application: fleeting });
        assert!(matches!(
            sent.as_slice(),
            [Output::Send { to: ANA, message: ServerMessage::Relayed(_) }, Output::Relayed]
        ));
        assert!(step(&mut delivery, Input::Replay { to: ANA, after }).is_empty());
        step(&mut delivery, says(MOD, 1));
        assert_eq!(step(&mut delivery, Input::Replay { to: ANA, after }).len(), 1);
    }

    #[test]
    fn a_commit_from_the_future_is_stale_too() {
        let mut delivery = with_members(&[]);

        let reject = Reject::StaleEpoch { got: Epoch(7), current: Epoch(0) };
        assert_eq!(step(&mut delivery, commit(adds(7, &[ANA]))), [refused(reject)]);
    }

    #[test]
    fn a_welcome_comes_with_somebody_added_and_not_otherwise() {
        let mut delivery = with_members(&[]);
        let without = Commit { welcome: None, ..adds(0, &[ANA]) };
        let for_nobody = Commit { added: Vec::new(), ..adds(0, &[ANA]) };

        assert_eq!(step(&mut delivery, commit(without)), [refused(Reject::Malformed)]);
        assert_eq!(step(&mut delivery, commit(for_nobody)), [refused(Reject::Malformed)]);
    }

    #[test]
    fn nobody_commits_to_their_own_adding_or_removal() {
        let mut delivery = with_members(&[ANA]);
        let removal = Commit { removed: vec![MOD], ..rekey(1) };

        assert_eq!(step(&mut delivery, commit(adds(1, &[MOD]))), [refused(Reject::Malformed)]);
        assert_eq!(step(&mut delivery, commit(removal)), [refused(Reject::Malformed)]);
    }

    #[test]
    fn a_commit_for_another_group_or_from_no_member_is_refused() {
        let mut delivery = with_members(&[]);
        let elsewhere = Commit { group: NEXT_GROUP, ..adds(0, &[ANA]) };
        let stranger = Input::Commit { by: BEN, role: Role::Moderator, commit: rekey(0) };

        assert_eq!(step(&mut delivery, commit(elsewhere)), [refused(Reject::NoSuchGroup)]);
        assert_eq!(step(&mut delivery, stranger), [refused(Reject::NotAdmitted)]);
    }

    #[test]
    fn members_speak_in_the_current_and_the_last_epoch() {
        let mut delivery = with_members(&[ANA]);
        step(&mut delivery, commit(rekey(1)));
        step(&mut delivery, commit(rekey(2)));

        assert_eq!(receivers(&step(&mut delivery, says(ANA, 3))), [MOD]);
        assert_eq!(receivers(&step(&mut delivery, says(ANA, 2))), [MOD]);
        for epoch in [1, 4] {
            let reject = Reject::StaleEpoch { got: Epoch(epoch), current: Epoch(3) };
            assert_eq!(step(&mut delivery, says(ANA, epoch)), [refused(reject)]);
        }
        assert_eq!(step(&mut delivery, says(BEN, 3)), [refused(Reject::NotAdmitted)]);
    }

    #[test]
    fn a_newcomer_is_sent_nothing_of_the_epoch_before() {
        let mut delivery = with_members(&[ANA]);
        step(&mut delivery, commit(adds(1, &[BEN])));

        assert_eq!(receivers(&step(&mut delivery, says(ANA, 1))), [MOD]);
        assert_eq!(receivers(&step(&mut delivery, says(ANA, 2))), [MOD, BEN]);
        let reject = Reject::StaleEpoch { got: Epoch(1), current: Epoch(2) };
        assert_eq!(step(&mut delivery, says(BEN, 1)), [refused(reject)]);
    }

    #[test]
    fn whoever_is_removed_gets_neither_the_commit_nor_anything_after_it() {
        let mut delivery = with_members(&[ANA, BEN]);

        let removal = Commit { removed: vec![ANA], ..rekey(1) };
        assert_eq!(receivers(&step(&mut delivery, commit(removal))), [MOD, BEN]);
        assert_eq!(receivers(&step(&mut delivery, says(BEN, 2))), [MOD]);
        assert_eq!(step(&mut delivery, says(ANA, 1)), [refused(Reject::NotAdmitted)]);
    }

    #[test]
    fn whoever_is_added_again_takes_the_welcome_and_not_the_commit() {
        let mut delivery = with_members(&[ANA]);

        let outputs = step(&mut delivery, commit(adds(1, &[ANA])));

        assert!(matches!(
            outputs.as_slice(),
            [
                Output::Send { to: MOD, .. },
                Output::Advanced { .. },
                Output::Welcome { to: ANA, .. }
            ]
        ));
    }

    #[test]
    fn whoever_comes_back_is_sent_what_they_missed_in_order() {
        let mut delivery = with_members(&[ANA]);
        let missed: Vec<_> = [commit(rekey(1)), says(MOD, 2), says(MOD, 2)]
            .into_iter()
            .flat_map(|input| step(&mut delivery, input))
            .filter(|output| matches!(output, Output::Send { to: ANA, .. }))
            .collect();

        // The group was opened at 1, and Ana came in at 2.
        assert_eq!(delivery.covers(ANA, 2), Ok(()));
        assert_eq!(step(&mut delivery, Input::Replay { to: ANA, after: 2 }), missed);
        assert_eq!(step(&mut delivery, Input::Replay { to: ANA, after: 4 }), missed[2..]);
        let all = step(&mut delivery, Input::Replay { to: ANA, after: 0 });
        assert!(matches!(all.first(), Some(Output::Welcome { to: ANA, .. })));
    }

    #[test]
    fn too_much_missed_is_said_and_not_papered_over() {
        let mut delivery = with_members(&[ANA]);
        for _ in 0..=protocol::limits::BACKLOG_MESSAGES_MAX {
            step(&mut delivery, says(MOD, 1));
        }

        assert_eq!(delivery.covers(ANA, 2), Err(Reject::BacklogGone));
    }

    #[test]
    fn whoever_left_is_sent_nothing_on_replay() {
        let mut delivery = with_members(&[ANA]);
        step(&mut delivery, says(MOD, 1));

        step(&mut delivery, Input::Forget { who: ANA });

        assert_eq!(step(&mut delivery, Input::Replay { to: ANA, after: 0 }), []);
        assert_eq!(receivers(&step(&mut delivery, says(MOD, 1))), []);
    }

    // Helpers stand below the tests that use them.

    /// A group with the moderator and `others`, at epoch 1 if there are others, else 0.
    fn with_members(others: &[ParticipantId]) -> Delivery {
        let mut delivery = Delivery::default();
        step(&mut delivery, open(GROUP, 0));
        if !others.is_empty() {
            step(&mut delivery, commit(adds(0, others)));
        }
        delivery
    }

    fn step(delivery: &mut Delivery, input: Input) -> Vec<Output> {
        delivery.handle_input(Timestamp::default(), input);
        std::iter::from_fn(|| delivery.poll_output()).collect()
    }

    fn receivers(outputs: &[Output]) -> Vec<ParticipantId> {
        let to = |output: &Output| match output {
            Output::Send { to, .. } => Some(*to),
            Output::Welcome { .. }
            | Output::Refused { .. }
            | Output::Opened { .. }
            | Output::Advanced { .. }
            | Output::Relayed => None,
        };
        outputs.iter().filter_map(to).collect()
    }

    fn is_opened(outputs: &[Output]) -> bool {
        outputs.iter().any(|output| matches!(output, Output::Opened { .. }))
    }

    fn refused(reject: Reject) -> Output {
        Output::Refused { reject }
    }

    fn open(group: GroupId, generation: u32) -> Input {
        open_by(MOD, Role::Moderator, group, generation)
    }

    fn open_by(by: ParticipantId, role: Role, group: GroupId, generation: u32) -> Input {
        let open = OpenGroup { group, generation: Generation(generation) };
        Input::Open { by, role, open, others: BTreeSet::new() }
    }

    fn commit(commit: Commit) -> Input {
        Input::Commit { by: MOD, role: Role::Moderator, commit }
    }

    fn adds(epoch: u64, who: &[ParticipantId]) -> Commit {
        let leaves = (1..).map(protocol::id::LeafIndex);
        let added = leaves.zip(who);
        Commit {
            welcome: Some(Opaque::new(vec![9]).unwrap()),
            added: added.map(|(leaf, who)| Added { participant: *who, leaf }).collect(),
            ..rekey(epoch)
        }
    }

    fn rekey(epoch: u64) -> Commit {
        Commit {
            group: GROUP,
            epoch: Epoch(epoch),
            message: Opaque::new(vec![8]).unwrap(),
            welcome: None,
            added: Vec::new(),
            removed: Vec::new(),
        }
    }

    fn says(by: ParticipantId, epoch: u64) -> Input {
        let message = Opaque::new(vec![7]).unwrap();
        let application =
            Application { group: GROUP, epoch: Epoch(epoch), message, fleeting: false };
        Input::Application { by, application }
    }
}
