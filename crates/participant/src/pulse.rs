//! Whether the others are still where we are: heartbeats, and what follows when they stay away.
//!
//! A server can split a group: it lets one half go on and keeps the other in the past, or holds
//! back what one member says.  MLS alone does not show that (RFC 9750 section 5.2.1).  So each
//! member says every ten seconds, under the keys of the epoch, where it is and whom it hears
//! (`e2ee::group`, heartbeat).
//!
//! ```text
//!  heard ─20 s without a beat, or not heard by them─► unheard (shown) ─► silent (no media)
//!    ▲                                                    │
//!    └───────────────── beat, a new epoch ────────────────┘
//! ```
//!
//! # Invariants
//!
//! - Whoever is not in our epoch, or does not hear us, is shown as unheard within
//!   [`UNHEARD_AFTER`].
//! - Nothing is sealed once nobody who matters has been heard for [`SILENT_AFTER`] (a call of
//!   two) or [`SILENT_AFTER_IN_GROUP`]: for an attendee the moderators matter.
//! - What the server says about who is connected changes nothing of it.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::client::Application;
use protocol::id::ParticipantId;
use protocol::server::Role;
use protocol::time::Timestamp;

/// How often a member says where it is.
const INTERVAL: Duration = Duration::from_secs(10);

/// After how long without a beat somebody is shown as unheard: two beats.
pub(crate) const UNHEARD_AFTER: Duration = Duration::from_secs(20);

/// After how long media stop in a call of two.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(30);

/// And in a larger group: ten beats.
pub(crate) const SILENT_AFTER_IN_GROUP: Duration = Duration::from_secs(100);

/// How long to wait after the server refused a beat.
const REFUSED_PAUSE: Duration = Duration::from_secs(2);

/// A beat that has no answer.
pub(crate) struct Beat {
    pub(crate) sealed: Option<Application>,
    n: Option<u32>,
}

struct Other {
    role: Role,
    heard_at: Timestamp,
    /// When they last said that they hear us.
    hears_us_at: Timestamp,
}

impl Other {
    fn good_at(&self) -> Timestamp {
        self.heard_at.min(self.hears_us_at)
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Pulse {
    others: BTreeMap<ParticipantId, Other>,
    due: Option<Timestamp>,
    beat: Option<Beat>,
    was_silent: bool,
}

impl Pulse {
    /// A new epoch: everybody in it is taken to be heard at this moment.
    pub(crate) fn begin(
        &mut self,
        now: Timestamp,
        others: impl Iterator<Item = (ParticipantId, Role)>,
    ) {
        let other = |role| Other { role, heard_at: now, hears_us_at: now };
        self.others = others.map(|(who, role)| (who, other(role))).collect();
        self.beat = None;
        self.due = (!self.others.is_empty()).then_some(now);
    }

    /// Somebody proved to be in our epoch.
    pub(crate) fn heard(&mut self, now: Timestamp, who: ParticipantId, hears_us: bool) {
        if let Some(other) = self.others.get_mut(&who) {
            // They are back, and should learn at once that we hear them again.
            if now.since(other.heard_at) >= UNHEARD_AFTER {
                self.due = Some(now);
            }
            other.heard_at = now;
            if hears_us {
                other.hears_us_at = now;
            }
        }
    }

    /// Somebody is back, or we are: no reason to keep them waiting.
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        if !self.others.is_empty() {
            self.due = Some(now);
        }
    }

    /// Sends a beat when it is time.  `send` seals it, if it must, telling of those we hear,
    /// and gives the number of the request, or `None` while that cannot be.
    pub(crate) fn pump(
        &mut self,
        now: Timestamp,
        mut send: impl FnMut(&mut Option<Application>, &[ParticipantId]) -> Option<u32>,
    ) {
        if self.beat.is_none() && self.due.is_some_and(|due| now >= due) {
            self.beat = Some(Beat { sealed: None, n: None });
        }
        let heard: Vec<ParticipantId> = self
            .others
            .iter()
            .filter(|(_, other)| now.since(other.heard_at) < UNHEARD_AFTER)
            .map(|(who, _)| *who)
            .collect();
        if let Some(beat) = self.beat.as_mut().filter(|beat| beat.n.is_none()) {
            beat.n = send(&mut beat.sealed, &heard);
            if beat.n.is_some() {
                self.due = Some(now + INTERVAL);
            } else if beat.sealed.is_none() {
                // What is sealed later says what is so then.
                self.beat = None;
                self.due = Some(now + REFUSED_PAUSE);
            }
        }
    }

    /// The server has request `n`.
    pub(crate) fn done(&mut self, n: u32) {
        self.beat.take_if(|beat| beat.n == Some(n));
    }

    /// The server refused request `n`.
    pub(crate) fn rejected(&mut self, now: Timestamp, n: u32) {
        if self.beat.take_if(|beat| beat.n == Some(n)).is_some() {
            self.due = Some(now + REFUSED_PAUSE);
        }
    }

    /// The WebSocket broke: a beat without an answer goes again as it is.
    pub(crate) fn connection_lost(&mut self) {
        if let Some(beat) = &mut self.beat {
            beat.n = None;
        }
    }

    /// Forgets everybody.
    pub(crate) fn close(&mut self) {
        *self = Self::default();
    }

    /// Members who were not heard, or say that they do not hear us.
    pub(crate) fn unheard(&self, now: Timestamp) -> Vec<ParticipantId> {
        let others = self.others.iter();
        let unheard = others.filter(|(_, other)| now.since(other.good_at()) >= UNHEARD_AFTER);
        unheard.map(|(who, _)| *who).collect()
    }

    /// Whether nothing may be sealed, because nobody who matters was heard for too long.
    pub(crate) fn is_silent(&self, now: Timestamp, own: Role) -> bool {
        self.silent_at(own).is_some_and(|at| now >= at)
    }

    /// Whether somebody who matters is heard again: what is sealed now must be a whole picture.
    pub(crate) fn is_back(&mut self, now: Timestamp, own: Role) -> bool {
        let is_silent = self.is_silent(now, own);
        std::mem::replace(&mut self.was_silent, is_silent) && !is_silent
    }

    /// When something changes by time alone.
    pub(crate) fn poll_timeout(&self, now: Timestamp, is_entered: bool) -> Option<Timestamp> {
        let beat = self.due.filter(|_| is_entered && self.beat.is_none());
        let unheard = self.others.values().map(|other| other.good_at() + UNHEARD_AFTER);
        let silent = self.others.values().map(|other| other.good_at() + SILENT_AFTER);
        unheard.chain(silent).filter(|at| *at > now).chain(beat).min()
    }

    fn silent_at(&self, own: Role) -> Option<Timestamp> {
        let patience =
            if self.others.len() == 1 { SILENT_AFTER } else { SILENT_AFTER_IN_GROUP };
        let matter = self.others.values().filter(|other| match own {
            Role::Moderator => true,
            Role::Attendee => other.role == Role::Moderator,
        });
        matter.map(|other| other.good_at() + patience).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: ParticipantId = ParticipantId::from_raw(1);
    const BEN: ParticipantId = ParticipantId::from_raw(2);
    const CEM: ParticipantId = ParticipantId::from_raw(3);

    #[test]
    fn a_beat_goes_at_once_and_then_every_ten_seconds() {
        let mut pulse = call_of(&[(ANA, Role::Moderator)]);
        assert!(beats(&mut pulse, 0, 1));
        assert!(!beats(&mut pulse, 9, 2), "it has no answer");
        pulse.done(1);
        assert!(!beats(&mut pulse, 9, 2));
        assert!(beats(&mut pulse, 10, 2));
        pulse.rejected(at(10), 2);
        assert!(!beats(&mut pulse, 11, 3));
        assert!(beats(&mut pulse, 12, 3));
        pulse.connection_lost();
        assert!(beats(&mut pulse, 13, 2), "sent again");
    }

    #[test]
    fn whoever_stays_away_is_unheard_after_twenty_seconds_and_media_stop_after_thirty() {
        let mut pulse = call_of(&[(ANA, Role::Moderator)]);
        pulse.heard(at(5), ANA, true);
        assert!(pulse.unheard(at(24)).is_empty());
        assert_eq!(pulse.unheard(at(25)), [ANA]);
        assert!(!pulse.is_silent(at(34), Role::Attendee));
        assert!(pulse.is_silent(at(35), Role::Attendee));
        pulse.heard(at(36), ANA, true);
        assert!(pulse.unheard(at(36)).is_empty() && !pulse.is_silent(at(36), Role::Attendee));
    }

    #[test]
    fn whoever_does_not_hear_us_is_unheard_too_and_heard_again_once_they_do() {
        let mut pulse = call_of(&[(ANA, Role::Moderator)]);
        for second in 1..30 {
            pulse.heard(at(second), ANA, false);
        }
        assert_eq!(pulse.unheard(at(29)), [ANA]);
        // We hear them all the same, and say so: two who hear each other find back.
        assert_eq!(told(&mut pulse, 29), [ANA]);
        pulse.heard(at(30), ANA, true);
        assert!(pulse.unheard(at(30)).is_empty());
    }

    #[test]
    fn for_an_attendee_the_moderators_matter_and_for_a_moderator_everybody() {
        let others = [(ANA, Role::Moderator), (CEM, Role::Attendee)];
        let mut pulse = call_of(&others);
        pulse.heard(at(90), CEM, true);
        assert!(pulse.is_silent(at(100), Role::Attendee));
        let mut pulse = call_of(&[(BEN, Role::Attendee), (CEM, Role::Attendee)]);
        pulse.heard(at(90), CEM, true);
        assert!(!pulse.is_silent(at(100), Role::Moderator));
        assert_eq!(pulse.unheard(at(100)), [BEN]);
    }

    #[test]
    fn nobody_is_missed_by_somebody_who_is_alone() {
        let mut pulse = call_of(&[]);
        assert!(!beats(&mut pulse, 100, 1));
        assert!(!pulse.is_silent(at(1000), Role::Moderator));
        assert_eq!(pulse.poll_timeout(at(0), true), None);
    }

    fn call_of(others: &[(ParticipantId, Role)]) -> Pulse {
        let mut pulse = Pulse::default();
        pulse.begin(at(0), others.iter().copied());
        pulse
    }

    fn beats(pulse: &mut Pulse, second: u64, n: u32) -> bool {
        let mut sent = false;
        pulse.pump(at(second), |_, _| {
            sent = true;
            Some(n)
        });
        sent
    }

    fn told(pulse: &mut Pulse, second: u64) -> Vec<ParticipantId> {
        let mut told = Vec::new();
        pulse.hurry(at(second));
        pulse.pump(at(second), |_, heard| {
            told = heard.to_vec();
            Some(1)
        });
        told
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_secs(second))
    }
}
