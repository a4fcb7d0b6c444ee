//! Notes before admission: what was written, what still has to go, what came.
//!
//! ```text
//!  write ─► own notes ─one at a time─► sent ─done─► next …
//!              ▲                         │
//!              └── hello of the other end, connection lost: from the first on
//! ```
//!
//! The server keeps nothing and tells nobody that a note did not arrive.  So each end says
//! *hello* when it comes (back), and the other sends all its notes again; numbers tell which of
//! them are new (`e2ee::doorstep`).  The server can drop notes, and no more.
//!
//! # Invariants
//!
//! - Notes are written to people who wait and by people who wait, and to nobody else.
//! - Each note is shown once; at most [`DOORSTEP_NOTES_MAX`] are written to or by one person.
//! - One note at a time is on its way to each person.
//! - However often the other ends ask for all of it again, no more is sent than a connection may
//!   bear, and everybody gets their turn: who waits cannot have a moderator's connection closed.

use std::collections::BTreeMap;
use std::time::Duration;

use e2ee::doorstep::{DoorstepLine, Note, Read, Way, Words};
use e2ee::random::Randomness;
use protocol::id::ParticipantId;
use protocol::limits::{DOORSTEP_NOTE_BYTES_MAX, DOORSTEP_NOTES_MAX, DOORSTEP_TEXT_BYTES_MAX};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::time::Timestamp;

/// How long to wait after the server said that notes come too fast.
const TOO_FAST_PAUSE: Duration = Duration::from_secs(1);

/// Notes that may go at once, and how long it takes until one more may: with everything else we
/// say, well below what the server lets a connection say.
const BURST_MAX: u32 = 16;
const INTERVAL: Duration = Duration::from_millis(250);

/// A sealed note.
pub(crate) type Sealed = Opaque<DOORSTEP_NOTE_BYTES_MAX>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Hello,
    Text,
}

/// What passes between the moderators and one person who waits.
#[derive(Default)]
struct Letters {
    line: Option<DoorstepLine>,
    own: Vec<String>,
    /// The first of them that must (still) go.
    next: usize,
    hello_due: bool,
    n_hellos: u32,
    on_its_way: Option<(u32, Sending)>,
    read: Read,
}

/// One end of the notes: the moderator's, with everybody who waits, or an attendee's, with the
/// moderators under the attendee's own id.
pub(crate) struct Doorstep {
    way: Way,
    sitting: [u8; 8],
    random: Randomness,
    letters: BTreeMap<ParticipantId, Letters>,
    preset: Option<String>,
    not_before: Option<Timestamp>,
    /// When a whole burst may go again.
    rested_at: Timestamp,
    /// To whom the last one went.
    last: Option<ParticipantId>,
}

impl Doorstep {
    /// One page's end.  `way` is that of what it writes.
    pub(crate) fn new(way: Way, random: Randomness) -> Self {
        let sitting = random.bytes();
        Self {
            way,
            sitting,
            random,
            letters: BTreeMap::new(),
            preset: None,
            not_before: None,
            rested_at: Timestamp::default(),
            last: None,
        }
    }

    /// What everybody who waits is told first.
    pub(crate) fn preset(&mut self, text: Option<String>) -> Result<(), Reject> {
        if let Some(text) = &text {
            fits(text)?;
        }
        self.preset = text.filter(|text| !text.is_empty());
        Ok(())
    }

    /// Somebody waits (again): says hello, and to somebody new what was set beforehand.  What
    /// is returned should be shown as written.
    pub(crate) fn meet(
        &mut self,
        who: ParticipantId,
        line: Option<DoorstepLine>,
    ) -> Option<String> {
        let is_new = !self.letters.contains_key(&who);
        let letters = self.letters.entry(who).or_default();
        letters.line = line;
        letters.hello_due = true;
        let preset = self.preset.clone().filter(|_| is_new)?;
        letters.own.push(preset.clone());
        Some(preset)
    }

    /// We are `who` from here on: what was written goes along.
    pub(crate) fn become_somebody(&mut self, who: ParticipantId) {
        let letters = std::mem::take(&mut self.letters).into_values().next();
        let own = letters.map(|letters| letters.own).unwrap_or_default();
        self.letters.insert(who, Letters { own, ..Letters::default() });
    }

    /// The line is that of another knock from here on.
    pub(crate) fn bind(&mut self, who: ParticipantId, line: Option<DoorstepLine>) {
        if let Some(letters) = self.letters.get_mut(&who) {
            letters.line = line;
        }
    }

    /// Forgets everybody who does not wait any more.
    pub(crate) fn keep_only(&mut self, waits: impl Fn(ParticipantId) -> bool) {
        self.letters.retain(|who, _| waits(*who));
    }

    /// Something to write.
    ///
    /// # Errors
    ///
    /// What to tell the person.
    pub(crate) fn write(&mut self, who: ParticipantId, text: String) -> Result<(), Reject> {
        fits(&text)?;
        let letters = self.letters.get_mut(&who).ok_or(Reject::NoSuchParticipant)?;
        if letters.own.len() >= DOORSTEP_NOTES_MAX {
            return Err(Reject::TooMany);
        }
        letters.own.push(text);
        Ok(())
    }

    /// Opens what came from, or for, `who`; `None` if it is not for us or was read before.
    pub(crate) fn read(&mut self, who: ParticipantId, sealed: &Sealed) -> Option<Words> {
        let way = match self.way {
            Way::ToWaiting => Way::ToModerators,
            Way::ToModerators => Way::ToWaiting,
        };
        let letters = self.letters.get_mut(&who)?;
        let note = letters.line.as_ref()?.open(way, sealed)?;
        if !letters.read.take(&note) {
            return None;
        }
        if note.words == Words::Hello {
            letters.next = 0;
        }
        Some(note.words)
    }

    /// Sends what is due; `send` gives the number of the request, or `None` while that cannot
    /// be.
    pub(crate) fn pump(
        &mut self,
        now: Timestamp,
        mut send: impl FnMut(ParticipantId, Sealed) -> Option<u32>,
    ) {
        self.not_before.take_if(|at| now >= *at);
        if self.not_before.is_some() {
            return;
        }
        for who in self.in_turn() {
            let Some(letters) = self.letters.get_mut(&who) else {
                continue;
            };
            let Some((sending, note)) = letters.due(self.sitting) else {
                continue;
            };
            let rested_at = self.rested_at.max(now) + INTERVAL;
            let early = rested_at.since(now).saturating_sub(INTERVAL.saturating_mul(BURST_MAX));
            if !early.is_zero() {
                self.not_before = Some(now + early);
                return;
            }
            let line = letters.line.as_ref();
            let sealed = line.and_then(|line| line.seal(self.way, &note, &self.random));
            let Some(n) = sealed.and_then(|sealed| send(who, sealed)) else {
                continue;
            };
            letters.on_its_way = Some((n, sending));
            self.rested_at = rested_at;
            self.last = Some(who);
        }
    }

    /// Everybody, beginning after whoever had the last turn.
    fn in_turn(&self) -> Vec<ParticipantId> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for who in self.letters.keys() {
            let side = if self.last.is_some_and(|last| *who <= last) {
                &mut before
            } else {
                &mut after
            };
            side.push(*who);
        }
        after.append(&mut before);
        after
    }

    /// The server has request `n`.
    pub(crate) fn done(&mut self, n: u32) {
        self.answered(n, |letters, sending| match sending {
            Sending::Hello => letters.said_hello(),
            Sending::Text => letters.next += 1,
        });
    }

    /// The server refused request `n`.
    pub(crate) fn rejected(&mut self, now: Timestamp, n: u32, reject: &Reject) {
        let is_too_fast = matches!(reject, Reject::TooFast | Reject::Internal);
        let is_ours = self.answered(n, |letters, sending| match sending {
            _ if is_too_fast => (),
            // Nobody is there: their hello begins it all again.
            Sending::Hello => letters.said_hello(),
            Sending::Text => letters.next = letters.own.len(),
        });
        if is_ours && is_too_fast {
            self.not_before = Some(now + TOO_FAST_PAUSE);
        }
    }

    /// The WebSocket broke.  Once it is back, whatever may have been missed goes again.
    pub(crate) fn connection_lost(&mut self) {
        for letters in self.letters.values_mut() {
            letters.on_its_way = None;
            letters.next = 0;
            letters.hello_due = true;
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        let waits = self.letters.values().any(|letters| letters.due(self.sitting).is_some());
        self.not_before.filter(|_| waits)
    }

    fn answered(&mut self, n: u32, what: impl FnOnce(&mut Letters, Sending)) -> bool {
        let letters = self
            .letters
            .values_mut()
            .find(|letters| letters.on_its_way.is_some_and(|(ours, _)| ours == n));
        let Some(letters) = letters else {
            return false;
        };
        if let Some((_, sending)) = letters.on_its_way.take() {
            what(letters, sending);
        }
        true
    }
}

impl Letters {
    fn due(&self, sitting: [u8; 8]) -> Option<(Sending, Note)> {
        if self.on_its_way.is_some() || self.line.is_none() {
            return None;
        }
        if self.hello_due {
            let note = Note { sitting, number: self.n_hellos, words: Words::Hello };
            return Some((Sending::Hello, note));
        }
        let text = self.own.get(self.next)?;
        let number = u32::try_from(self.next).ok()?;
        Some((Sending::Text, Note { sitting, number, words: Words::Text(text.clone()) }))
    }

    fn said_hello(&mut self) {
        self.hello_due = false;
        self.n_hellos = self.n_hellos.saturating_add(1);
    }
}

fn fits(text: &str) -> Result<(), Reject> {
    if text.len() > DOORSTEP_TEXT_BYTES_MAX { Err(Reject::TooLarge) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use e2ee::door::AttendeeIdentity;
    use e2ee::link::{InviteKeys, LinkSecret};
    use protocol::id::RoomId;
    use protocol::time::UnixSeconds;

    use super::*;

    const BEN: ParticipantId = ParticipantId::from_raw(2);
    const CEM: ParticipantId = ParticipantId::from_raw(3);

    #[test]
    fn whoever_asks_for_all_of_it_again_and_again_gets_it_at_a_pace() {
        let mut door = Door::with(&[BEN]);
        door.write(BEN, 20);
        let sent = (0..1000).map(|n| door.second_hundredth(n, BEN).len()).sum::<usize>();
        // A burst, and four a second for ten seconds.
        assert!((30..=16 + 40).contains(&sent), "{sent}");
    }

    #[test]
    fn whoever_asks_again_and_again_leaves_the_others_their_turn() {
        let mut door = Door::with(&[BEN, CEM]);
        door.write(BEN, 20);
        for n in 0..500 {
            door.second_hundredth(n, BEN);
        }
        door.write(CEM, 1);
        let to: Vec<ParticipantId> =
            (500..600).flat_map(|n| door.second_hundredth(n, BEN)).collect();
        assert!(to.contains(&CEM), "{to:?}");
    }

    #[test]
    fn what_has_to_wait_for_its_pace_says_when() {
        let mut door = Door::with(&[BEN]);
        door.write(BEN, 20);
        while !door.pump(at(0)).is_empty() {}
        let due = door.doorstep.poll_timeout().unwrap();
        assert_eq!(due, at(250));
        assert_eq!(door.pump(due), [BEN]);
    }

    struct Door {
        doorstep: Doorstep,
        lines: BTreeMap<ParticipantId, DoorstepLine>,
        random: Randomness,
        n: u32,
    }

    impl Door {
        fn with(waiting: &[ParticipantId]) -> Self {
            let random = Randomness::from_seed([1; 32]);
            let mut doorstep = Doorstep::new(Way::ToWaiting, random.fork());
            let mut lines = BTreeMap::new();
            for who in waiting {
                let keys = InviteKeys::derive(&LinkSecret::from_bytes([1; 32]));
                let room = RoomId::from_bytes([7; 16]);
                let mut identity =
                    AttendeeIdentity::new(keys, room, *who, "Ben", &random).unwrap();
                identity.knock(UnixSeconds(1_800_000_000)).unwrap();
                let line = identity.doorstep_line().unwrap();
                doorstep.meet(*who, Some(line.clone()));
                lines.insert(*who, line);
            }
            Self { doorstep, lines, random, n: 0 }
        }

        fn write(&mut self, who: ParticipantId, n: u32) {
            for n in 0..n {
                self.doorstep.write(who, n.to_string()).unwrap();
            }
        }

        /// Sends what is due, and has it answered.  Returns to whom it went.
        fn pump(&mut self, now: Timestamp) -> Vec<ParticipantId> {
            let mut sent = Vec::new();
            self.doorstep.pump(now, |who, _| {
                self.n += 1;
                sent.push((who, self.n));
                Some(self.n)
            });
            for (_, n) in &sent {
                self.doorstep.done(*n);
            }
            sent.into_iter().map(|(who, _)| who).collect()
        }

        /// A hundredth of a second, in which `who` asks for all of it again.
        fn second_hundredth(&mut self, n: u32, who: ParticipantId) -> Vec<ParticipantId> {
            let hello = Note { sitting: [1; 8], number: n, words: Words::Hello };
            let line = self.lines.get(&who).unwrap();
            let sealed = line.seal(Way::ToModerators, &hello, &self.random).unwrap();
            assert_eq!(self.doorstep.read(who, &sealed), Some(Words::Hello));
            self.pump(at(u64::from(n) * 10))
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }
}
