//! What to show: facts in, words for the view out.
//!
//! # Invariants
//!
//! - Nothing is shown twice: two states that look the same are the same.
//! - Nobody is shown a name, a leaf or a code that the group has not vouched for.

use protocol::reject::FarewellReason;
use protocol::server::Place;

use crate::output::{CallState, EndReason, Phase};

/// What the phase is made of.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Why it is over, if it is.
    pub(crate) ended: Option<EndReason>,
    /// Whether the server ever let us in.
    pub(crate) has_entered: bool,
    /// Whether we are in at this moment.
    pub(crate) is_entered: bool,
    /// How long the pause before the next try is.
    pub(crate) pause_ms: u64,
    /// Where the server says we are.
    pub(crate) place: Place,
    /// Whether media have flowed.
    pub(crate) has_media: bool,
}

/// Where the participant is in the journey.
pub(crate) fn phase(facts: Facts) -> Phase {
    if let Some(reason) = facts.ended {
        return Phase::Ended { reason };
    }
    match (facts.is_entered, facts.has_entered, facts.place) {
        (false, false, _) => Phase::Connecting,
        (false, true, _) => Phase::Reconnecting { retry_in_ms: facts.pause_ms },
        (true, _, Place::Waiting) => Phase::Waiting,
        (true, _, Place::Room) if facts.has_media => Phase::InCall,
        (true, _, Place::Room) => Phase::Joining,
    }
}

/// Whether somebody who looks at both sees the same: how long people wait grows by itself.
pub(crate) fn looks_the_same(one: &CallState, two: &CallState) -> bool {
    let without_clocks = |state: &CallState| {
        let mut state = state.clone();
        for waiting in &mut state.waiting {
            waiting.waited_ms = 0;
        }
        state.alone_ms = state.alone_ms.map(|_| 0);
        state
    };
    without_clocks(one) == without_clocks(two)
}

/// The end that a farewell for good means.
pub(crate) const fn farewell(reason: FarewellReason) -> EndReason {
    EndReason::Farewell { reason }
}

#[cfg(test)]
mod tests {
    use protocol::id::ParticipantId;
    use protocol::server::Role;

    use super::*;
    use crate::output::Waiting;

    #[test]
    fn the_phase_follows_the_journey() {
        let facts = Facts {
            ended: None,
            has_entered: false,
            is_entered: false,
            pause_ms: 400,
            place: Place::Waiting,
            has_media: false,
        };
        assert_eq!(phase(facts.clone()), Phase::Connecting);
        let facts = Facts { is_entered: true, has_entered: true, ..facts };
        assert_eq!(phase(facts.clone()), Phase::Waiting);
        let facts = Facts { place: Place::Room, ..facts };
        assert_eq!(phase(facts.clone()), Phase::Joining);
        let facts = Facts { has_media: true, ..facts };
        assert_eq!(phase(facts.clone()), Phase::InCall);
        let facts = Facts { is_entered: false, ..facts };
        assert_eq!(phase(facts.clone()), Phase::Reconnecting { retry_in_ms: 400 });
        let reason = farewell(FarewellReason::Left);
        let facts = Facts { ended: Some(reason.clone()), ..facts };
        assert_eq!(phase(facts), Phase::Ended { reason });
    }

    #[test]
    fn a_growing_wait_looks_the_same_and_a_new_name_does_not() {
        let waiting = |name: &str, waited_ms| CallState {
            phase: Phase::InCall,
            me: None,
            role: Role::Moderator,
            others: Vec::new(),
            waiting: vec![Waiting {
                participant: ParticipantId::from_raw(1),
                name: name.to_owned(),
                invite_number: 0,
                other_device: false,
                waited_ms,
            }],
            unheard: Vec::new(),
            is_seen: false,
            alone_ms: Some(waited_ms),
            counsellor: None,
            safety_code: None,
            n_members: 1,
            n_confirmed: 1,
            tracks: Vec::new(),
        };
        assert!(looks_the_same(&waiting("Ben", 1), &waiting("Ben", 2000)));
        assert!(!looks_the_same(&waiting("Ben", 1), &waiting("Cem", 1)));
    }
}
