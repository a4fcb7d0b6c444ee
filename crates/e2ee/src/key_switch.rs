//! When to start sealing with the keys of a new epoch.
//!
//! A commit gives the whole group new keys, but it reaches the members one by one.  If we
//! switched as soon as we had merged it, slower members would get frames they cannot open yet.
//! So [`KeySwitch`] waits until everyone has said they are ready, and for no longer than
//! [`KEY_SWITCH_PATIENCE`]:
//!
//! ```text
//!            begin               last one ready | last one left | patience over
//!   Steady ─────────► Waiting ───────────────────────────────────────────────► Steady
//!                      │   ▲
//!                      └───┘ ready, left, begin (newer epoch)
//! ```
//!
//! The server relays the `ready` messages and may hold them back; it cannot make them up, for
//! they are sealed.  The worst it gains is a switch a little too late.  It must not gain time
//! for a member who was removed, so a commit that removes somebody, and a re-founded group, are
//! never waited for.
//!
//! Sans-IO.  Call [`handle_input`], then [`poll_output`] until it returns `None`; give it
//! [`Input::Tick`] no later than [`poll_timeout`].
//!
//! # Invariants
//!
//! - The epochs we seal with only grow.
//! - Every epoch begun is switched to, unless a newer one replaces it first.
//! - After a removal, not one more frame is sealed with the old keys.
//! - However often epochs follow each other, no switch comes later than the patience after the
//!   first epoch waited for began.
//!
//! [`handle_input`]: KeySwitch::handle_input
//! [`poll_output`]: KeySwitch::poll_output
//! [`poll_timeout`]: KeySwitch::poll_timeout

use std::collections::{BTreeSet, VecDeque};

use protocol::id::{Epoch, Generation, ParticipantId};
use protocol::limits::KEY_SWITCH_PATIENCE;
use protocol::time::Timestamp;

/// An epoch of one of the room's groups.  Those of a re-founded group are newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyEpoch {
    /// Which group of the room.
    pub generation: Generation,
    /// Which epoch of the group.
    pub epoch: Epoch,
}

/// Decides from when on we seal with a new epoch.
#[derive(Debug, Default)]
pub struct KeySwitch {
    state: State,
    /// The newest epoch ever begun.
    newest: Option<KeyEpoch>,
    outputs: VecDeque<Output>,
}

/// What happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// We merged a commit, or joined.
    Begin {
        /// The epoch it led to.
        epoch: KeyEpoch,
        /// The others in the group in that epoch.
        others: BTreeSet<ParticipantId>,
        /// Whether the old keys must not be used one frame longer: somebody was removed, or the
        /// group is a new one.
        at_once: bool,
    },
    /// `from` can open frames of `epoch`.
    Ready {
        /// Who is ready.
        from: ParticipantId,
        /// For which epoch.
        epoch: KeyEpoch,
    },
    /// `who` left the room.
    Left {
        /// Who left.
        who: ParticipantId,
    },
    /// Time passed.
    Tick,
}

/// What the caller should do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Seal with `epoch` from the next frame on.
    SealWith {
        /// The epoch to use.
        epoch: KeyEpoch,
        /// Those who may not be able to open our frames yet.
        not_ready: BTreeSet<ParticipantId>,
    },
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Steady,
    Waiting {
        epoch: KeyEpoch,
        not_ready: BTreeSet<ParticipantId>,
        deadline: Timestamp,
    },
}

impl KeySwitch {
    /// Takes in what happened.  Never fails: on a network, late and repeated inputs are normal,
    /// and they change nothing.
    pub fn handle_input(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Begin { epoch, others, at_once } if self.newest < Some(epoch) => {
                self.newest = Some(epoch);
                let deadline = if at_once {
                    now
                } else {
                    self.deadline_for_all(now + KEY_SWITCH_PATIENCE)
                };
                self.state = State::Waiting { epoch, not_ready: others, deadline };
            }
            Input::Begin { .. } | Input::Tick => (),
            Input::Ready { from, epoch } if Some(epoch) == self.newest => {
                self.stop_waiting_for(from);
            }
            Input::Ready { .. } => (),
            Input::Left { who } => self.stop_waiting_for(who),
        }
        self.switch_if_due(now);
    }

    /// The next thing to do.  Drain to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is next needed, if at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        match self.state {
            State::Steady => None,
            State::Waiting { deadline, .. } => Some(deadline),
        }
    }

    /// An epoch that replaces one still waited for inherits its deadline.
    fn deadline_for_all(&self, deadline: Timestamp) -> Timestamp {
        match self.state {
            State::Steady => deadline,
            State::Waiting { deadline: earlier, .. } => deadline.min(earlier),
        }
    }

    fn stop_waiting_for(&mut self, who: ParticipantId) {
        if let State::Waiting { not_ready, .. } = &mut self.state {
            not_ready.remove(&who);
        }
    }

    fn switch_if_due(&mut self, now: Timestamp) {
        let State::Waiting { epoch, not_ready, deadline } = &mut self.state else {
            return;
        };
        if !not_ready.is_empty() && now < *deadline {
            return;
        }
        debug_assert!(Some(*epoch) == self.newest, "a newer epoch replaces the one waited for");
        let not_ready = std::mem::take(not_ready);
        self.outputs.push_back(Output::SealWith { epoch: *epoch, not_ready });
        self.state = State::Steady;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn switches_when_the_last_member_is_ready() {
        let mut switch = KeySwitch::default();

        switch.handle_input(at(0), begin(1, [ANA, BEN]));
        switch.handle_input(at(10), ready(ANA, 1));
        assert_eq!(drain(&mut switch), []);

        switch.handle_input(at(20), ready(BEN, 1));
        assert_eq!(drain(&mut switch), [seal_with(1, [])]);
        assert_eq!(switch.poll_timeout(), None);
    }

    #[test]
    fn goes_on_without_a_member_who_never_answers() {
        let mut switch = KeySwitch::default();

        switch.handle_input(at(0), begin(1, [ANA, BEN]));
        switch.handle_input(at(10), ready(ANA, 1));
        switch.handle_input(at(0) + KEY_SWITCH_PATIENCE, Input::Tick);

        assert_eq!(drain(&mut switch), [seal_with(1, [BEN])]);
    }

    #[test]
    fn does_not_wait_after_a_removal() {
        let mut switch = KeySwitch::default();

        switch.handle_input(at(0), begin(1, [ANA]));
        switch.handle_input(at(5), begin_at_once(2, [ANA]));

        assert_eq!(drain(&mut switch), [seal_with(2, [ANA])]);
    }

    #[test]
    fn a_refounded_group_is_newer_whatever_its_epoch() {
        let mut switch = KeySwitch::default();
        switch.handle_input(at(0), begin_at_once(9, []));
        let epoch = KeyEpoch { generation: Generation(1), epoch: Epoch(1) };
        switch.handle_input(
            at(1),
            Input::Begin { epoch, others: BTreeSet::new(), at_once: true },
        );
        switch.handle_input(at(2), begin(10, []));

        let not_ready = BTreeSet::new();
        assert_eq!(
            drain(&mut switch),
            [seal_with(9, []), Output::SealWith { epoch, not_ready }]
        );
    }

    #[test]
    fn epochs_that_follow_each_other_do_not_put_the_switch_off() {
        let mut switch = KeySwitch::default();
        for n in 1..4 {
            switch.handle_input(at(n * 500), begin(n, [ANA]));
        }
        assert_eq!(switch.poll_timeout(), Some(at(500) + KEY_SWITCH_PATIENCE));
    }

    proptest! {
        /// Whatever the network does, epochs grow, the newest one is reached, and nothing is
        /// sealed with older keys after a removal.
        #[test]
        fn the_invariants_hold(inputs in prop::collection::vec(any_input(), 0..60)) {
            let mut switch = KeySwitch::default();
            let mut outputs = Vec::new();
            let mut newest = None;
            for (n, input) in inputs.iter().enumerate() {
                let now = at(100 * n as u64);
                switch.handle_input(now, input.clone());
                let new = drain(&mut switch);
                if let Input::Begin { epoch, at_once, .. } = input
                    && newest < Some(*epoch)
                {
                    newest = Some(*epoch);
                    let used = new.iter().any(|o| epoch_of(o) == *epoch);
                    prop_assert!(used || !at_once, "a removal is not waited for");
                }
                outputs.extend(new);
                prop_assert!(
                    switch.poll_timeout().is_none_or(|due| due <= now + KEY_SWITCH_PATIENCE)
                );
            }
            if let Some(deadline) = switch.poll_timeout() {
                switch.handle_input(deadline, Input::Tick);
                outputs.extend(drain(&mut switch));
            }

            let used: Vec<KeyEpoch> = outputs.iter().map(epoch_of).collect();
            prop_assert!(used.is_sorted_by(|a, b| a < b), "{used:?}");
            prop_assert_eq!(used.last().copied(), newest);
        }
    }

    const ANA: ParticipantId = ParticipantId::from_raw(1);
    const BEN: ParticipantId = ParticipantId::from_raw(2);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }

    fn key_epoch(epoch: u64) -> KeyEpoch {
        KeyEpoch { generation: Generation(0), epoch: Epoch(epoch) }
    }

    fn epoch_of(output: &Output) -> KeyEpoch {
        let Output::SealWith { epoch, .. } = output;
        *epoch
    }

    fn begin(epoch: u64, others: impl IntoIterator<Item = ParticipantId>) -> Input {
        let others = others.into_iter().collect();
        Input::Begin { epoch: key_epoch(epoch), others, at_once: false }
    }

    fn begin_at_once(epoch: u64, others: impl IntoIterator<Item = ParticipantId>) -> Input {
        let others = others.into_iter().collect();
        Input::Begin { epoch: key_epoch(epoch), others, at_once: true }
    }

    fn ready(from: ParticipantId, epoch: u64) -> Input {
        Input::Ready { from, epoch: key_epoch(epoch) }
    }

    fn seal_with(epoch: u64, not_ready: impl IntoIterator<Item = ParticipantId>) -> Output {
        Output::SealWith { epoch: key_epoch(epoch), not_ready: not_ready.into_iter().collect() }
    }

    fn drain(switch: &mut KeySwitch) -> Vec<Output> {
        std::iter::from_fn(|| switch.poll_output()).collect()
    }

    fn any_input() -> impl Strategy<Value = Input> {
        let who = prop_oneof![Just(ANA), Just(BEN)];
        let others = prop::collection::btree_set(prop_oneof![Just(ANA), Just(BEN)], 0..3);
        let epoch = (0..2_u32, 0..6_u64)
            .prop_map(|(g, e)| KeyEpoch { generation: Generation(g), epoch: Epoch(e) });
        prop_oneof![
            (epoch.clone(), others, any::<bool>())
                .prop_map(|(epoch, others, at_once)| Input::Begin { epoch, others, at_once }),
            (who.clone(), epoch).prop_map(|(from, epoch)| Input::Ready { from, epoch }),
            who.prop_map(|who| Input::Left { who }),
            Just(Input::Tick),
        ]
    }
}
