//! What one device tells the others beside the chat: on its way out, and as it comes in.
//!
//! ```text
//!  say ─► lane of its topic ─at the topic's pace─► sent ─done─► forgotten
//!  hear ─► of this sender and topic, newer than the last, at a bearable pace ─► shown
//! ```
//!
//! Some topics are a *state* (the line that is being typed, how good the network is): only the
//! newest counts, and an older one that still waits is replaced.  The others are *messages*:
//! each is delivered, in order, or refused to the person who said it.
//!
//! The server can hold sayings back.  It can neither change one nor bring it twice nor bring an
//! older one after a newer one.
//!
//! # Invariants
//!
//! - No topic is sent faster than its pace; all together stay below the server's limit.
//! - Of one sender and topic, sayings are heard in the order they were said, each at most once.
//! - A sender who floods costs each listener a bounded number of showings, and the last state
//!   they were in is shown all the same.
//! - At most [`WAITING_MAX`] sayings of one topic wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use e2ee::message::Topic;
use protocol::client::Application;
use protocol::id::ParticipantId;
use protocol::limits::SAYING_TEXT_BYTES_MAX;
use protocol::reject::Reject;
use protocol::time::Timestamp;

/// Most sayings of one topic that wait for the server.
const WAITING_MAX: usize = 16;

/// How often one is sent before it is given up.
const TRIES_MAX: u32 = 16;

/// How long to wait after the server refused one.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// How many more than its pace allows may come at once from one sender: what a network held
/// up arrives in one go.
const HEARD_BURST_MAX: u32 = 8;

/// Whether only the newest counts.
pub(crate) const fn is_state(topic: Topic) -> bool {
    match topic {
        Topic::Live | Topic::Line | Topic::Step => true,
        Topic::Place | Topic::Consent | Topic::Mismatch => false,
    }
}

/// Least time between two of one topic: together at most eight a second, of the twenty messages
/// a connection may send.
const fn interval(topic: Topic) -> Duration {
    match topic {
        Topic::Live => Duration::from_millis(334),
        Topic::Line | Topic::Place | Topic::Consent | Topic::Step | Topic::Mismatch => {
            Duration::from_secs(1)
        }
    }
}

/// One text on its way.
#[derive(Clone)]
pub(crate) struct Saying {
    pub(crate) topic: Topic,
    pub(crate) text: String,
    /// As it was sent last.
    pub(crate) sealed: Option<Application>,
    sent_as: Option<u32>,
    n_tries: u32,
}

#[derive(Default)]
struct Lane {
    sayings: VecDeque<Saying>,
    not_before: Option<Timestamp>,
}

/// What is on its way out.
#[derive(Default)]
pub(crate) struct Mouth {
    lanes: BTreeMap<Topic, Lane>,
}

impl Mouth {
    /// Something to say.
    ///
    /// # Errors
    ///
    /// What to tell the person: too long, or too much at once.
    pub(crate) fn add(&mut self, topic: Topic, text: String) -> Result<(), Reject> {
        if text.len() > SAYING_TEXT_BYTES_MAX {
            return Err(Reject::TooLarge);
        }
        let lane = self.lanes.entry(topic).or_default();
        if is_state(topic) {
            lane.sayings.retain(|saying| saying.sent_as.is_some());
            // A server that answers nothing is not the person's fault.
            while lane.sayings.len() >= WAITING_MAX {
                lane.sayings.pop_front();
            }
        }
        if lane.sayings.len() >= WAITING_MAX {
            return Err(Reject::TooMany);
        }
        if !text.is_empty() {
            let saying = Saying { topic, text, sealed: None, sent_as: None, n_tries: 0 };
            lane.sayings.push_back(saying);
        }
        Ok(())
    }

    /// Sends what is due.  `send` seals one, if it must, and gives the number of the request,
    /// or `None` while that cannot be.
    pub(crate) fn pump(
        &mut self,
        now: Timestamp,
        mut send: impl FnMut(&mut Saying) -> Option<u32>,
    ) {
        for lane in self.lanes.values_mut() {
            lane.not_before.take_if(|at| now >= *at);
        }
        for (topic, lane) in &mut self.lanes {
            if lane.not_before.is_some() {
                continue;
            }
            let next = lane.sayings.iter_mut().find(|saying| saying.sent_as.is_none());
            let Some(saying) = next else {
                continue;
            };
            let Some(n) = send(saying) else {
                return;
            };
            saying.sent_as = Some(n);
            saying.n_tries += 1;
            lane.not_before = Some(now + interval(*topic));
        }
    }

    /// The server has request `n`.
    pub(crate) fn done(&mut self, n: u32) {
        for lane in self.lanes.values_mut() {
            lane.sayings.retain(|saying| saying.sent_as != Some(n));
        }
    }

    /// The server refused request `n`: what to tell the person, if it was one of ours, matters
    /// and cannot be mended by sealing it again.
    pub(crate) fn rejected(
        &mut self,
        now: Timestamp,
        n: u32,
        reject: &Reject,
    ) -> Option<Reject> {
        let is_it = |saying: &Saying| saying.sent_as == Some(n);
        let (topic, lane) =
            self.lanes.iter_mut().find(|(_, lane)| lane.sayings.iter().any(is_it))?;
        let at = lane.sayings.iter().position(is_it)?;
        let is_newest = at + 1 == lane.sayings.len();
        let saying = lane.sayings.get_mut(at)?;
        let may_mend = matches!(
            reject,
            Reject::StaleEpoch { .. }
                | Reject::NoSuchGroup
                | Reject::TooFast
                | Reject::NotAdmitted
                | Reject::Internal
        );
        lane.not_before = Some(now + REFUSED_PAUSE);
        if is_state(*topic) && (!is_newest || !may_mend || saying.n_tries >= TRIES_MAX) {
            lane.sayings.remove(at);
            return None;
        }
        if !may_mend || saying.n_tries >= TRIES_MAX {
            lane.sayings.remove(at);
            return Some(reject.clone());
        }
        saying.sent_as = None;
        saying.sealed = None;
        None
    }

    /// The WebSocket broke: of a state the newest, and every message, goes again.
    pub(crate) fn connection_lost(&mut self) {
        for (topic, lane) in &mut self.lanes {
            while is_state(*topic) && lane.sayings.len() > 1 {
                lane.sayings.pop_front();
            }
            for saying in &mut lane.sayings {
                saying.sent_as = None;
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        let due = self.lanes.values().filter_map(|lane| {
            let waits = lane.sayings.iter().any(|saying| saying.sent_as.is_none());
            lane.not_before.filter(|_| waits)
        });
        due.min()
    }
}

/// A saying that came.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) from: ParticipantId,
    pub(crate) topic: Topic,
    pub(crate) text: String,
}

/// What was heard of one sender on one topic.
struct Ear {
    counter: u64,
    /// When a whole burst may come again.
    rested_at: Timestamp,
    /// The newest state, while it is too early to show it.
    waiting: Option<String>,
}

/// What comes in.  Counters belong to one group: [`clear`](Self::clear) it with a new one.
#[derive(Default)]
pub(crate) struct Ears {
    ears: BTreeMap<(ParticipantId, Topic), Ear>,
}

impl Ears {
    /// Somebody said something: what to show at once, or why nothing is shown now.
    pub(crate) fn hear(
        &mut self,
        now: Timestamp,
        counter: u64,
        heard: Heard,
    ) -> Result<Option<Heard>, TooOldOrTooMuch> {
        let interval = interval(heard.topic);
        let known = self.ears.get(&(heard.from, heard.topic));
        if known.is_some_and(|ear| ear.counter >= counter) {
            return Err(TooOldOrTooMuch);
        }
        let ear = self.ears.entry((heard.from, heard.topic)).or_insert(Ear {
            counter,
            rested_at: now,
            waiting: None,
        });
        ear.counter = counter;
        let rested_at = ear.rested_at.max(now) + interval;
        if rested_at.since(now) <= interval.saturating_mul(HEARD_BURST_MAX) {
            ear.rested_at = rested_at;
            ear.waiting = None;
            return Ok(Some(heard));
        }
        if !is_state(heard.topic) {
            return Err(TooOldOrTooMuch);
        }
        ear.waiting = Some(heard.text);
        Ok(None)
    }

    /// The next state that had to wait, once its time has come.
    pub(crate) fn next_due(&mut self, now: Timestamp) -> Option<Heard> {
        let ((from, topic), ear) = self
            .ears
            .iter_mut()
            .find(|(key, ear)| ear.due(key.1).is_some_and(|at| now >= at))?;
        let text = ear.waiting.take()?;
        ear.rested_at = ear.rested_at.max(now) + interval(*topic);
        Some(Heard { from: *from, topic: *topic, text })
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        self.ears.iter().filter_map(|((_, topic), ear)| ear.due(*topic)).min()
    }

    /// Forgets whoever is no member any more.
    pub(crate) fn keep_only(&mut self, members: &BTreeSet<ParticipantId>) {
        self.ears.retain(|(from, _), _| members.contains(from));
    }

    /// A new group, in which counters begin again.
    pub(crate) fn clear(&mut self) {
        self.ears.clear();
    }
}

impl Ear {
    fn due(&self, topic: Topic) -> Option<Timestamp> {
        self.waiting.as_ref()?;
        let burst = interval(topic).saturating_mul(HEARD_BURST_MAX.saturating_sub(1));
        let since_start = self.rested_at.since_start().saturating_sub(burst);
        Some(Timestamp::from_start(since_start))
    }
}

/// Nothing to show: an older saying than the last, or one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooOldOrTooMuch;

#[cfg(test)]
mod tests {
    use super::*;

    const BEN: ParticipantId = ParticipantId::from_raw(2);

    #[test]
    fn of_a_state_only_the_newest_is_sent_and_never_faster_than_its_pace() {
        let mut mouth = Mouth::default();
        for text in ["h", "he", "hel"] {
            mouth.add(Topic::Live, text.to_owned()).unwrap();
        }
        assert_eq!(pump(&mut mouth, at(0), 2), ["hel"]);
        mouth.add(Topic::Live, "hell".to_owned()).unwrap();
        mouth.add(Topic::Live, "hello".to_owned()).unwrap();
        assert!(pump(&mut mouth, at(333), 3).is_empty());
        assert_eq!(mouth.poll_timeout(), Some(at(334)));
        assert_eq!(pump(&mut mouth, at(334), 3), ["hello"]);
    }

    #[test]
    fn every_message_is_sent_in_order_and_too_many_are_refused() {
        let mut mouth = Mouth::default();
        for n in 0..WAITING_MAX {
            mouth.add(Topic::Place, n.to_string()).unwrap();
        }
        assert_eq!(mouth.add(Topic::Place, "more".to_owned()), Err(Reject::TooMany));
        let long = "x".repeat(SAYING_TEXT_BYTES_MAX + 1);
        assert_eq!(mouth.add(Topic::Live, long), Err(Reject::TooLarge));
        let sent: Vec<String> =
            (0..20).flat_map(|n| pump(&mut mouth, at(u64::from(n) * 1000), n)).collect();
        let expected: Vec<String> = (0..WAITING_MAX).map(|n| n.to_string()).collect();
        assert_eq!(sent, expected);
    }

    #[test]
    fn all_topics_together_stay_below_the_pace_the_server_allows() {
        let mut mouth = Mouth::default();
        let mut n_sent = 0;
        for ms in 0..10_000 {
            for topic in Topic::ALL {
                // Too many: that is what is tried.
                let _ = mouth.add(topic, "x".to_owned());
            }
            let sent = pump(&mut mouth, at(ms), u32::try_from(ms).unwrap());
            n_sent += sent.len();
            mouth.done(u32::try_from(ms).unwrap());
        }
        assert!((70..=86).contains(&n_sent), "{n_sent}");
    }

    #[test]
    fn what_had_no_answer_goes_again_of_a_state_the_newest() {
        let mut mouth = Mouth::default();
        mouth.add(Topic::Consent, "one".to_owned()).unwrap();
        mouth.add(Topic::Live, "old".to_owned()).unwrap();
        assert_eq!(pump(&mut mouth, at(0), 2).len(), 2);
        mouth.add(Topic::Live, "new".to_owned()).unwrap();
        mouth.connection_lost();
        assert_eq!(pump(&mut mouth, at(2000), 2), ["new", "one"]);
    }

    #[test]
    fn a_refused_message_is_told_in_the_end_and_a_refused_state_is_not() {
        let mut mouth = Mouth::default();
        mouth.add(Topic::Mismatch, "x".to_owned()).unwrap();
        mouth.add(Topic::Live, "y".to_owned()).unwrap();
        let mut told = Vec::new();
        for second in 0..40 {
            let n = u32::try_from(second).unwrap() * 2;
            let mut next = n;
            mouth.pump(at(second * 1000), |_| {
                next += 1;
                Some(next)
            });
            for n in [n + 1, n + 2] {
                told.extend(mouth.rejected(at(second * 1000), n, &Reject::Internal));
            }
        }
        assert_eq!(told, [Reject::Internal]);
        assert_eq!(mouth.poll_timeout(), None, "nothing is tried for ever");
    }

    #[test]
    fn older_and_repeated_sayings_are_not_heard() {
        let mut ears = Ears::default();
        assert!(ears.hear(at(0), 5, heard(Topic::Live, "five")).is_ok());
        for counter in [5, 4] {
            let again = ears.hear(at(0), counter, heard(Topic::Live, "again"));
            assert!(again == Err(TooOldOrTooMuch));
        }
        assert!(ears.hear(at(0), 4, heard(Topic::Place, "other topic")).is_ok());
    }

    #[test]
    fn a_flood_is_shown_at_a_bearable_pace_and_its_last_state_in_the_end() {
        let mut ears = Ears::default();
        let (mut shown, mut last) = (0, String::new());
        for n in 0..1000_u64 {
            let now = at(n);
            let said = ears.hear(now, n, heard(Topic::Live, &n.to_string())).unwrap();
            for one in said.into_iter().chain(ears.next_due(now)) {
                shown += 1;
                last = one.text;
            }
        }
        assert!(shown <= 8 + 3, "{shown}");
        let due = ears.poll_timeout().unwrap();
        assert!(due <= at(1000) + Duration::from_millis(334));
        last = ears.next_due(due).map_or(last, |one| one.text);
        assert_eq!(last, "999");
        assert_eq!(ears.poll_timeout(), None);
    }

    #[test]
    fn a_flood_of_messages_is_cut_and_members_who_left_are_forgotten() {
        let mut ears = Ears::default();
        let heard = (0..100).filter(|n| ears.hear(at(0), *n, heard(Topic::Place, "x")).is_ok());
        assert_eq!(heard.count(), 8);
        ears.keep_only(&BTreeSet::new());
        assert!(ears.ears.is_empty());
    }

    fn heard(topic: Topic, text: &str) -> Heard {
        Heard { from: BEN, topic, text: text.to_owned() }
    }

    fn pump(mouth: &mut Mouth, now: Timestamp, n: u32) -> Vec<String> {
        let mut sent = Vec::new();
        mouth.pump(now, |saying| {
            sent.push(saying.text.clone());
            Some(n)
        });
        sent
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }
}
