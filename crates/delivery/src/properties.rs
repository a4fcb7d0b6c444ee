//! Do the invariants in the crate's header hold whatever anybody sends?

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use protocol::id::LeafIndex;
use protocol::limits::{BACKLOG_MESSAGES_MAX, BACKLOG_PATIENCE, COMMIT_BYTES_MAX};

use super::*;

/// What was seen going out, and who is where, kept independently of the code under test.
#[derive(Default)]
struct Witness {
    /// Epochs ended by a commit.
    committed: BTreeSet<(GroupId, Epoch)>,
    /// The members of every epoch there ever was.
    members: BTreeMap<(GroupId, Epoch), BTreeSet<ParticipantId>>,
    /// The latest state.
    group: Option<GroupState>,
    /// Who is out and was not added again.
    out: BTreeSet<ParticipantId>,
    /// The highest place each was sent.
    seen: BTreeMap<ParticipantId, u64>,
}

impl Witness {
    fn watch(&mut self, input: &Input, outputs: &[Output]) -> Result<(), TestCaseError> {
        if let Input::Forget { who } = input {
            self.out.insert(*who);
            let current = self.group.map(|state| (state.group, state.epoch));
            if let Some(members) = current.and_then(|key| self.members.get_mut(&key)) {
                members.remove(who);
            }
        }
        let mut advanced = false;
        for output in outputs {
            match output {
                Output::Refused { .. } => prop_assert_eq!(outputs.len(), 1),
                Output::Relayed => {}
                Output::Opened { by, group } => {
                    prop_assert!(by_moderator(input));
                    prop_assert!(
                        self.group.is_none_or(|old| old.generation < group.generation)
                    );
                    self.members.insert((group.group, group.epoch), BTreeSet::from([*by]));
                    self.group = Some(*group);
                    self.out.remove(by);
                }
                Output::Advanced { group, added, removed, .. } => {
                    prop_assert!(by_moderator(input));
                    prop_assert_eq!(group.epoch.0, self.group.unwrap().epoch.0 + 1);
                    advanced = true;
                    self.advance(*group, added, removed);
                }
                Output::Send { to, message } => self.watch_message(input, *to, message)?,
                Output::Welcome { to, welcome } => {
                    let is_replay = matches!(input, Input::Replay { .. });
                    prop_assert!(advanced || is_replay);
                    let before = (welcome.group, Epoch(welcome.epoch.0 - 1));
                    prop_assert!(
                        self.committed.contains(&before),
                        "no Welcome before its commit"
                    );
                    self.watch_place(input, *to, welcome.seq)?;
                    prop_assert!(!self.out.contains(to));
                }
            }
        }
        Ok(())
    }

    fn advance(&mut self, group: GroupState, added: &[Added], removed: &[ParticipantId]) {
        let before = (group.group, Epoch(group.epoch.0 - 1));
        let mut members = self.members.get(&before).cloned().unwrap_or_default();
        for who in removed {
            members.remove(who);
            self.out.insert(*who);
        }
        for added in added {
            members.insert(added.participant);
            self.out.remove(&added.participant);
        }
        members.retain(|who| !self.out.contains(who));
        self.members.insert((group.group, group.epoch), members);
        self.group = Some(group);
    }

    fn watch_message(
        &mut self,
        input: &Input,
        to: ParticipantId,
        message: &ServerMessage,
    ) -> Result<(), TestCaseError> {
        if let ServerMessage::GroupOpened(opened) = message {
            return self.watch_place(input, to, opened.seq);
        }
        if let ServerMessage::Committed(committed) = message {
            return self.watch_commit(input, to, committed);
        }
        let ServerMessage::Relayed(relayed) = message else {
            return Err(TestCaseError::fail(format!("not a delivery message: {message:?}")));
        };
        let key = (relayed.group, relayed.epoch);
        prop_assert!(self.members[&key].contains(&to), "only members of the epoch");
        prop_assert!(relayed.by != to);
        prop_assert!(!self.out.contains(&to));
        self.watch_place(input, to, relayed.seq)
    }

    fn watch_commit(
        &mut self,
        input: &Input,
        to: ParticipantId,
        committed: &Committed,
    ) -> Result<(), TestCaseError> {
        let key = (committed.group, committed.epoch);
        let first = self.committed.insert(key);
        // Until `Advanced` is seen, the witness is still at the epoch being ended.
        let in_this_step = self.group.map(|state| (state.group, state.epoch)) == Some(key);
        let is_replay = matches!(input, Input::Replay { .. });
        prop_assert!(is_replay || first || in_this_step, "one commit per epoch");
        prop_assert!(self.members[&key].contains(&to));
        prop_assert!(!committed.removed.contains(&to) && !self.out.contains(&to));
        self.watch_place(input, to, committed.seq)
    }

    fn watch_place(
        &mut self,
        input: &Input,
        to: ParticipantId,
        seq: u64,
    ) -> Result<(), TestCaseError> {
        if let Input::Replay { after, .. } = input {
            prop_assert!(seq > *after);
            return Ok(());
        }
        let before = self.seen.insert(to, seq);
        prop_assert!(before.is_none_or(|before| before < seq), "places grow");
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_invariants_hold_for_any_inputs(
        inputs in proptest::collection::vec((0..40_u64, any_input()), 0..120),
    ) {
        let mut delivery = Delivery::default();
        let mut witness = Witness::default();
        let mut now = Timestamp::default();
        for (seconds, input) in inputs {
            now = now + Duration::from_secs(seconds);
            // A removal reaches the room, and the room forgets whoever is out.
            let covered = match &input {
                Input::Replay { to, after } => delivery.covers(*to, *after).is_ok(),
                Input::Open { .. }
                | Input::Commit { .. }
                | Input::Application { .. }
                | Input::Forget { .. }
                | Input::Tick => true,
            };
            if !covered {
                continue;
            }
            delivery.handle_input(now, input.clone());
            let outputs: Vec<_> = std::iter::from_fn(|| delivery.poll_output()).collect();
            witness.watch(&input, &outputs)?;
            for output in &outputs {
                if let Output::Advanced { removed, .. } = output {
                    for who in removed {
                        delivery.handle_input(now, Input::Forget { who: *who });
                    }
                }
            }
        }

        if let Some(deadline) = delivery.poll_timeout() {
            delivery.handle_input(deadline + BACKLOG_PATIENCE, Input::Tick);
        }
        prop_assert_eq!(delivery.poll_timeout(), None, "everything kept grows too old");
    }

    /// Whoever was sent n messages and saw k of them is sent exactly the rest.
    #[test]
    fn a_resume_has_no_gap(sent in 1..2 * BACKLOG_MESSAGES_MAX as u64, seen in any::<prop::sample::Index>()) {
        let mut delivery = Delivery::default();
        let ana = ParticipantId::from_raw(2);
        run(&mut delivery, open(0));
        run(&mut delivery, commit(0, vec![2], vec![], 1));
        let first = 3;
        for _ in 0..sent {
            run(&mut delivery, says(1, 1));
        }

        let seen = seen.index(usize::try_from(sent).unwrap()) as u64;
        let after = first - 1 + seen;
        let outputs = run(&mut delivery, Input::Replay { to: ana, after });
        let places: Vec<_> = outputs.iter().filter_map(place).collect();

        match delivery.covers(ana, after) {
            Ok(()) => prop_assert_eq!(places, (after + 1..first + sent).collect::<Vec<_>>()),
            Err(reject) => {
                prop_assert_eq!(reject, Reject::BacklogGone);
                prop_assert!(sent - seen > BACKLOG_MESSAGES_MAX as u64);
            }
        }
    }
}

fn by_moderator(input: &Input) -> bool {
    match input {
        Input::Open { role, .. } | Input::Commit { role, .. } => *role == Role::Moderator,
        Input::Application { .. }
        | Input::Forget { .. }
        | Input::Replay { .. }
        | Input::Tick => false,
    }
}

fn place(output: &Output) -> Option<u64> {
    match output {
        Output::Send { message: ServerMessage::Relayed(relayed), .. } => Some(relayed.seq),
        Output::Send { .. }
        | Output::Welcome { .. }
        | Output::Refused { .. }
        | Output::Opened { .. }
        | Output::Advanced { .. }
        | Output::Relayed => None,
    }
}

fn run(delivery: &mut Delivery, input: Input) -> Vec<Output> {
    delivery.handle_input(Timestamp::default(), input);
    std::iter::from_fn(|| delivery.poll_output()).collect()
}

/// Few participants, groups and epochs, so that they meet often.
fn any_input() -> impl Strategy<Value = Input> {
    let who = 1..5_u64;
    let list = || proptest::collection::vec(1..5_u64, 0..3);
    prop_oneof![
        1 => (0..4_u32, role(), who.clone()).prop_map(|(generation, role, by)| {
            let Input::Open { open, others, .. } = open(generation) else { unreachable!() };
            Input::Open { by: ParticipantId::from_raw(by), role, open, others }
        }),
        8 => (0..6_u64, list(), list(), 0..3_u32, who.clone(), role()).prop_map(
            |(epoch, added, removed, generation, by, role)| {
                let Input::Commit { mut commit, .. } = commit(epoch, added, removed, 1) else {
                    unreachable!()
                };
                commit.group = group(generation);
                Input::Commit { by: ParticipantId::from_raw(by), role, commit }
            }
        ),
        4 => (who.clone(), 0..6_u64, 0..3_u32).prop_map(|(by, epoch, generation)| {
            let Input::Application { by, mut application } = says(by, epoch) else {
                unreachable!()
            };
            application.group = group(generation);
            Input::Application { by, application }
        }),
        1 => who.clone().prop_map(|who| Input::Forget { who: ParticipantId::from_raw(who) }),
        1 => (who, 0..20_u64)
            .prop_map(|(to, after)| Input::Replay { to: ParticipantId::from_raw(to), after }),
        1 => Just(Input::Tick),
    ]
}

/// Mostly moderators, or nothing would ever happen.
fn role() -> impl Strategy<Value = Role> {
    prop_oneof![4 => Just(Role::Moderator), 1 => Just(Role::Attendee)]
}

fn group(generation: u32) -> GroupId {
    GroupId::from_bytes([u8::try_from(generation).unwrap(); 32])
}

fn open(generation: u32) -> Input {
    Input::Open {
        by: ParticipantId::from_raw(1),
        role: Role::Moderator,
        open: OpenGroup { group: group(generation), generation: Generation(generation) },
        others: BTreeSet::new(),
    }
}

fn commit(epoch: u64, added: Vec<u64>, removed: Vec<u64>, bytes: usize) -> Input {
    let welcome = (!added.is_empty()).then(|| Opaque::new(vec![1; bytes]).unwrap());
    let by = ParticipantId::from_raw(1);
    let added = added
        .into_iter()
        .map(|who| Added { participant: ParticipantId::from_raw(who), leaf: LeafIndex(1) });
    let commit = Commit {
        group: group(0),
        epoch: Epoch(epoch),
        message: Opaque::new(vec![0; bytes.min(COMMIT_BYTES_MAX)]).unwrap(),
        welcome,
        added: added.collect(),
        removed: removed.into_iter().map(ParticipantId::from_raw).collect(),
    };
    Input::Commit { by, role: Role::Moderator, commit }
}

fn says(by: u64, epoch: u64) -> Input {
    let application = Application {
        group: group(0),
        epoch: Epoch(epoch),
        message: Opaque::new(vec![0; 8]).unwrap(),
        fleeting: false,
    };
    Input::Application { by: ParticipantId::from_raw(by), application }
}
