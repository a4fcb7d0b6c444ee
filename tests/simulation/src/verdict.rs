//! What must hold in a run: at every moment, and in the end.

use participant::output::{EndReason, Phase};
use protocol::id::ParticipantId;
use protocol::media::TrackKind;
use protocol::reject::FarewellReason;

use crate::people::{COUNSELLOR, Person};
use crate::world::{Tally, World};

impl World {
    /// Whether the counsellor's page shows that the group has somebody as a member.
    fn counsellor_shows(&self, participant: Option<ParticipantId>) -> bool {
        self.person(COUNSELLOR).and_then(|person| person.state.as_ref()).is_none_or(|state| {
            let mut members = state.others.iter().filter(|other| other.leaf.is_some());
            state.n_members == 0 || members.any(|other| Some(other.participant) == participant)
        })
    }

    /// Somebody is removed once the counsellor sees it; a page that is loaded again before
    /// that has forgotten what was pressed.
    fn note_removal(&mut self) {
        let Some((who, participant)) = self.removing else { return };
        if !self.counsellor_shows(Some(participant)) {
            self.removing = None;
            if let Some(person) = self.person_mut(who) {
                person.is_out = true;
                person.is_removed = true;
            }
        }
    }

    /// What must hold at every moment.
    pub(crate) fn check_always(&mut self) {
        self.note_removal();
        let removed: Vec<usize> = (1..self.people.len())
            .filter(|who| self.person(*who).is_some_and(|person| person.is_removed))
            .collect();
        for who in removed {
            let me = self.person(who).and_then(|person| person.state.as_ref()?.me);
            let is_still_in = self.counsellor_shows(me);
            if !is_still_in && let Some(sealed) = self.seal(COUNSELLOR) {
                assert!(
                    !self.opens(who, &sealed),
                    "seed {}: {who} was removed and opens what came after",
                    self.seed
                );
            }
        }
    }

    fn seal(&mut self, who: usize) -> Option<Vec<u8>> {
        let now = self.now;
        let person = self.person_mut(who)?;
        let (local, mut sealed) = (person.local(now), Vec::new());
        let kind = TrackKind::Microphone;
        person.core.seal_frame(local, kind, b"a frame", &mut sealed).ok().map(|()| sealed)
    }

    fn opens(&mut self, who: usize, sealed: &[u8]) -> bool {
        let now = self.now;
        self.person_mut(who).is_some_and(|person| {
            let (local, mut plain) = (person.local(now), Vec::new());
            person.core.open_frame(local, true, sealed, &mut plain).is_ok()
        })
    }

    /// What must hold once the network has been quiet for long enough.
    pub(crate) fn judge(&mut self) -> Tally {
        let seed = self.seed;
        let staying: Vec<usize> = (0..self.people.len())
            .filter(|who| self.person(*who).is_some_and(|person| !is_gone(person)))
            .collect();
        let mut n_heard = 0;
        for who in &staying {
            let Some(person) = self.person(*who) else { continue };
            let state = person.state.as_ref().expect("something was shown");
            let n = u32::try_from(staying.len()).unwrap_or(u32::MAX);
            assert!(person.is_in_call(), "seed {seed}: {who} is not in the call: {state:?}");
            assert_eq!(state.n_members, n, "seed {seed}: {who} sees other members: {state:?}");
            assert_eq!(state.n_confirmed, n, "seed {seed}: {who} misses a confirmation");
            let n_doubts = person.in_doubt.len();
            assert!(
                n_doubts <= person.n_refused(),
                "seed {seed}: {who} does not know what became of {n_doubts} lines"
            );
            n_heard += person.heard.len();
        }
        for person in self.people.iter().flatten().filter(|person| person.is_out) {
            let is_told = matches!(person.phase(), Some(Phase::Ended { .. }));
            assert!(is_told, "seed {seed}: is out and was not told: {:?}", person.phase());
        }
        for from in &staying {
            let sealed = self.seal(*from);
            let sealed = sealed.unwrap_or_else(|| panic!("seed {seed}: {from} cannot seal"));
            for to in staying.iter().filter(|to| *to != from) {
                assert!(self.opens(*to, &sealed), "seed {seed}: {to} does not hear {from}");
            }
        }
        Tally { n_in_call: staying.len(), n_faults: self.n_faults, n_heard }
    }
}

/// Out by their own will, or removed: seen by the counsellor, or told by the server.
fn is_gone(person: &Person) -> bool {
    let removed = EndReason::Farewell { reason: FarewellReason::Removed };
    person.is_out || person.phase() == Some(&Phase::Ended { reason: removed })
}
