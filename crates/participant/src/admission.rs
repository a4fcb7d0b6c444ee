//! The moderator's door: who waits, who may come back by themself, who is to be added and
//! removed next.
//!
//! The server brings knocks and says who is connected; it can repeat, withhold and invent
//! both.  What it invents fails the check of the door and is dropped; what it repeats was used
//! up.  What it says about devices is shown, and lets nobody in: that takes the proof of the
//! device in the knock.  The worst it gains is that somebody waits, or is shown as gone.
//!
//! # Invariants
//!
//! - Nobody is shown or planned whose knock the door did not verify.
//! - Nobody is added whom the moderator did not let in: by hand, or earlier in this sitting by
//!   the same invite on a device that proves to be the same, with nobody else connected by it.
//! - Who was let in is what a moderator's page did, or noted before it was reloaded; never what
//!   the server says.
//! - An invite whose participant was removed lets nobody in any more.
//! - At most [`WAITING_MAX`] wait and [`ROOM_MEMBERS_MAX`] spares are kept; what is over is
//!   dropped and counted.

use std::collections::{BTreeMap, BTreeSet};

use e2ee::door::{Device, Door, VerifiedKnock};
use e2ee::doorstep::DoorstepLine;
use e2ee::link::InviteKeys;
use protocol::id::{InviteId, ParticipantId};
use protocol::limits::{COMMIT_ADDS_MAX, ROOM_MEMBERS_MAX, WAITING_MAX};
use protocol::opaque::Opaque;
use protocol::server::{Knocked, Place};
use protocol::time::{Timestamp, UnixSeconds};

use crate::output::Waiting;

/// A knock the door verified, and what tells it from another one of the same person.
#[derive(Clone, Debug)]
struct Checked {
    knock: VerifiedKnock,
    mac: Opaque<32>,
}

/// Somebody at the door.
struct Knocker {
    checked: Checked,
    other_device: bool,
    returning: bool,
    waited_ms: u64,
    since: Timestamp,
    is_admitted: bool,
    /// In the room already, says the server, though this sitting let nobody in on that device.
    is_inside: bool,
}

/// Who was let in last by an invite.
#[derive(Clone, Copy)]
struct LetIn {
    /// `None` after a reload, until they are back.
    who: Option<ParticipantId>,
    device: Option<Device>,
}

/// Bytes of one invite in a note of who was let in.
const NOTE_BYTES: usize = 16 + 32;

/// In place of a device: the invite was taken back.  No device proves to have such a key.
const TAKEN_BACK: [u8; 32] = [0; 32];

/// What the next commit should do.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Whom to add.
    pub(crate) adds: Vec<VerifiedKnock>,
    /// Whose part is over.
    pub(crate) removes: BTreeSet<ParticipantId>,
}

/// See the module.
pub(crate) struct Admission {
    door: Door,
    numbers: BTreeMap<InviteId, u32>,
    waiting: BTreeMap<ParticipantId, Knocker>,
    spares: BTreeMap<ParticipantId, Checked>,
    /// Whom to add by the spare KeyPackage, because the group is new.
    to_refound: BTreeSet<ParticipantId>,
    to_remove: BTreeSet<ParticipantId>,
    /// Invites somebody was let in by, and who last.
    let_in: BTreeMap<InviteId, LetIn>,
    /// Knocks whose KeyPackage is marked as used by a commit that has not won: it may be made
    /// again with the same one.
    used_up: BTreeMap<ParticipantId, Opaque<32>>,
    refused: BTreeSet<InviteId>,
    n_dropped: u64,
}

impl Admission {
    /// A door that knows these invites, by their numbers.
    pub(crate) fn new(mut door: Door, invites: Vec<(u32, InviteKeys)>) -> Self {
        let mut numbers = BTreeMap::new();
        for (number, keys) in invites {
            numbers.insert(keys.invite, number);
            door.add_invite(keys);
        }
        Self {
            door,
            numbers,
            waiting: BTreeMap::new(),
            spares: BTreeMap::new(),
            to_refound: BTreeSet::new(),
            to_remove: BTreeSet::new(),
            let_in: BTreeMap::new(),
            used_up: BTreeMap::new(),
            refused: BTreeSet::new(),
            n_dropped: 0,
        }
    }

    /// A link that was made during this sitting.
    pub(crate) fn add_invite(&mut self, number: u32, keys: InviteKeys) {
        let former = self.numbers.iter().find(|(_, other)| **other == number);
        if let Some(former) = former.map(|(invite, _)| *invite) {
            self.numbers.remove(&former);
            self.door.forget_invite(former);
        }
        self.numbers.insert(keys.invite, number);
        self.door.add_invite(keys);
    }

    /// We entered as somebody new: what the server said before is void.
    pub(crate) fn start_over(&mut self) {
        self.waiting.clear();
        self.spares.clear();
        self.to_refound.clear();
        self.to_remove.clear();
    }

    /// What a page must remember of this sitting: which devices were let in, and which invites
    /// were taken back.
    pub(crate) fn note(&self) -> Vec<u8> {
        let mut note = Vec::new();
        for invite in &self.refused {
            note.extend_from_slice(invite.as_bytes());
            note.extend_from_slice(&TAKEN_BACK);
        }
        for (invite, let_in) in &self.let_in {
            if let Some(device) = let_in.device {
                note.extend_from_slice(invite.as_bytes());
                note.extend_from_slice(device.as_bytes());
            }
        }
        note
    }

    /// Takes the note of the page before the reload.
    pub(crate) fn recall(&mut self, note: &[u8]) {
        let (entries, _) = note.as_chunks::<NOTE_BYTES>();
        for entry in entries {
            let Some((invite, device)) = entry.split_first_chunk::<16>() else {
                continue;
            };
            let invite = InviteId::from_bytes(*invite);
            if !self.numbers.contains_key(&invite) {
                continue;
            }
            if device == TAKEN_BACK {
                self.door.revoke(invite);
                self.refused.insert(invite);
            } else if let Ok(device) = device.try_into() {
                let device = Some(Device::from_bytes(device));
                self.let_in.entry(invite).or_insert(LetIn { who: None, device });
            }
        }
    }

    /// Somebody knocks.  `true` if they should be told no: their invite was taken back.
    ///
    /// Whether somebody is in the room already is the server's word.  It counts for devices let
    /// in during this sitting.
    pub(crate) fn knocked(
        &mut self,
        now: Timestamp,
        unix: UnixSeconds,
        knocked: &Knocked,
    ) -> bool {
        let Knocked { participant, invite, place, .. } = *knocked;
        let Ok(knock) = self.door.check(participant, invite, &knocked.knock, unix) else {
            self.n_dropped = self.n_dropped.saturating_add(1);
            let is_refused = self.refused.contains(&invite);
            if place == Place::Room && is_refused {
                // Put out by the page before this one, and the server never heard of it.
                self.want_removed(participant);
            }
            return place == Place::Waiting && is_refused;
        };
        let checked = Checked { knock, mac: knocked.knock.mac.clone() };
        match place {
            Place::Room if self.is_let_in(&checked.knock) => self.keep_spare(checked),
            Place::Room | Place::Waiting => self.wait(now, checked, knocked),
        }
        false
    }

    /// The server named everybody who knocks: whoever it did not name has gone.
    pub(crate) fn keep_only(&mut self, knocks: &BTreeSet<ParticipantId>) {
        self.waiting.retain(|who, _| knocks.contains(who));
        self.spares.retain(|who, _| knocks.contains(who));
    }

    /// Whether somebody waits whose knock the door verified.
    pub(crate) fn waits(&self, participant: ParticipantId) -> bool {
        self.waiting.contains_key(&participant)
    }

    /// Whether somebody who knocks is in the room already, says the server.
    pub(crate) fn is_inside(&self, participant: ParticipantId) -> bool {
        self.waiting.get(&participant).is_some_and(|knocker| knocker.is_inside)
    }

    /// The line for notes to somebody who waits.
    pub(crate) fn doorstep_line(&self, participant: ParticipantId) -> Option<DoorstepLine> {
        self.door.doorstep_line(&self.waiting.get(&participant)?.checked.knock)
    }

    /// Somebody who waited has gone, or was told no.
    pub(crate) fn unknocked(&mut self, participant: ParticipantId) {
        self.waiting.remove(&participant);
        self.used_up.remove(&participant);
    }

    /// The moderator lets somebody in.  `false` if nobody of that name waits.
    pub(crate) fn admit(&mut self, participant: ParticipantId) -> bool {
        let knocker = self.waiting.get_mut(&participant);
        knocker.map(|knocker| knocker.is_admitted = true).is_some()
    }

    /// The moderator removes somebody, and with them their invite.
    pub(crate) fn remove(&mut self, participant: ParticipantId) {
        let invite = self.spares.get(&participant).map(|spare| spare.knock.invite);
        let by_hand = self.let_in.iter().find(|(_, let_in)| let_in.who == Some(participant));
        if let Some(invite) = invite.or(by_hand.map(|(invite, _)| *invite)) {
            self.door.revoke(invite);
            self.refused.insert(invite);
            self.let_in.remove(&invite);
            self.waiting.retain(|_, knocker| knocker.checked.knock.invite != invite);
            // A new group before the commit that removes them must not bring them back.
            self.spares.retain(|_, spare| spare.knock.invite != invite);
        }
        self.want_removed(participant);
    }

    /// Somebody's part is over; their leaf must go.
    pub(crate) fn want_removed(&mut self, participant: ParticipantId) {
        if self.to_remove.len() < ROOM_MEMBERS_MAX {
            self.to_remove.insert(participant);
        }
        self.to_refound.remove(&participant);
    }

    /// The server says that somebody is no longer in the room.
    pub(crate) fn gone(&mut self, participant: ParticipantId) {
        self.spares.remove(&participant);
        self.to_refound.remove(&participant);
        self.unknocked(participant);
    }

    /// A new group begins: everybody in the room is to be added again, by their spares.
    pub(crate) fn refound(&mut self) {
        self.to_refound = self.spares.keys().copied().collect();
        // Whoever must go is no member of it, but may be in the room still.
        self.to_remove.retain(|who| !self.to_refound.contains(who));
    }

    /// What the next commit should do.  `is_connected` tells of members of the room.
    pub(crate) fn plan(
        &mut self,
        members: &BTreeSet<ParticipantId>,
        is_connected: impl Fn(ParticipantId) -> bool,
    ) -> Plan {
        let mut plan = Plan::default();
        plan.removes.extend(self.to_remove.iter().copied());
        self.plan_refounding(members, &mut plan);
        self.admit_the_returning(members, &is_connected);
        let admitted: Vec<Checked> = self
            .waiting
            .values()
            .filter(|knocker| knocker.is_admitted)
            .map(|knocker| knocker.checked.clone())
            .collect();
        for Checked { knock, mac } in admitted {
            if plan.adds.len() >= COMMIT_ADDS_MAX {
                break;
            }
            let who = knock.participant;
            // One person by one invite: whoever was let in by it before makes room.
            let before = self.let_in.get(&knock.invite).and_then(|let_in| let_in.who);
            if !self.use_up(&knock, mac) {
                self.unknocked(who);
                continue;
            }
            plan.removes.extend(before.filter(|old| *old != who && members.contains(old)));
            plan.adds.push(knock);
        }
        plan
    }

    /// Somebody is out already, or never was in.
    pub(crate) fn is_removed(&mut self, participant: ParticipantId) {
        self.to_remove.remove(&participant);
    }

    /// The plan cannot be carried out: whoever was to be added is shown as waiting again.
    pub(crate) fn give_up(&mut self) {
        self.to_refound.clear();
        for knocker in self.waiting.values_mut() {
            knocker.is_admitted = false;
            knocker.returning = false;
        }
    }

    /// The commit of a plan has won.
    pub(crate) fn carried_out(
        &mut self,
        added: &BTreeSet<ParticipantId>,
        removed: &BTreeSet<ParticipantId>,
    ) {
        for who in added {
            if let Some(knocker) = self.waiting.remove(who) {
                self.keep_spare(knocker.checked);
            }
            self.to_refound.remove(who);
            self.used_up.remove(who);
        }
        for who in removed {
            self.to_remove.remove(who);
            self.spares.remove(who);
        }
    }

    /// Who waits, for the moderator to see.
    pub(crate) fn waiting(&self, now: Timestamp) -> Vec<Waiting> {
        let waiting = self.waiting.values().filter(|knocker| !knocker.is_admitted);
        waiting
            .map(|knocker| {
                let since_ms = now.since(knocker.since).as_millis();
                Waiting {
                    participant: knocker.checked.knock.participant,
                    name: knocker.checked.knock.name.clone(),
                    invite_number: self.number(knocker.checked.knock.invite),
                    other_device: knocker.other_device
                        || self.is_other_device(&knocker.checked.knock),
                    waited_ms: knocker
                        .waited_ms
                        .saturating_add(u64::try_from(since_ms).unwrap_or(u64::MAX)),
                }
            })
            .collect()
    }

    fn number(&self, invite: InviteId) -> u32 {
        self.numbers.get(&invite).copied().unwrap_or_default()
    }

    /// Whether this very device was let in by this invite.  The server has no say in it.
    fn is_let_in(&self, knock: &VerifiedKnock) -> bool {
        let let_in = self.let_in.get(&knock.invite);
        knock.device.is_some() && let_in.is_some_and(|let_in| let_in.device == knock.device)
    }

    /// Whether somebody was let in by the invite, and not on this device.
    fn is_other_device(&self, knock: &VerifiedKnock) -> bool {
        self.let_in.contains_key(&knock.invite) && !self.is_let_in(knock)
    }

    fn wait(&mut self, now: Timestamp, checked: Checked, knocked: &Knocked) {
        let who = checked.knock.participant;
        // The moderator let in whoever was shown, not whoever takes their place.
        let is_admitted = self.waiting.remove(&who).is_some_and(
            |Knocker { checked: before, is_admitted, .. }| {
                is_admitted
                    && before.knock.invite == checked.knock.invite
                    && before.knock.device == checked.knock.device
            },
        );
        if self.waiting.len() >= WAITING_MAX {
            self.n_dropped = self.n_dropped.saturating_add(1);
            return;
        }
        let knocker = Knocker {
            checked,
            other_device: knocked.other_device,
            returning: knocked.returning,
            waited_ms: knocked.waited_ms,
            since: now,
            is_admitted,
            is_inside: knocked.place == Place::Room,
        };
        self.waiting.insert(who, knocker);
    }

    fn keep_spare(&mut self, checked: Checked) {
        let who = checked.knock.participant;
        let VerifiedKnock { invite, device, .. } = checked.knock;
        // One person by one invite: a new group has no place for who they were before.
        self.spares.retain(|other, spare| *other == who || spare.knock.invite != invite);
        if self.spares.len() >= ROOM_MEMBERS_MAX && !self.spares.contains_key(&who) {
            self.n_dropped = self.n_dropped.saturating_add(1);
            return;
        }
        self.let_in.insert(invite, LetIn { who: Some(who), device });
        self.spares.insert(who, checked);
    }

    fn plan_refounding(&mut self, members: &BTreeSet<ParticipantId>, plan: &mut Plan) {
        let due: Vec<ParticipantId> = self.to_refound.iter().copied().collect();
        for who in due {
            let Some(Checked { knock, mac }) = self.spares.get(&who).cloned() else {
                self.to_refound.remove(&who);
                continue;
            };
            let knock = knock.by_spare();
            if plan.adds.len() >= COMMIT_ADDS_MAX {
                break;
            }
            if members.contains(&who) || !self.use_up(&knock, mac) {
                self.to_refound.remove(&who);
                continue;
            }
            plan.adds.push(knock);
        }
    }

    /// People who were let in before on the same device need not ask again, once nobody else
    /// is connected by their invite.
    fn admit_the_returning(
        &mut self,
        members: &BTreeSet<ParticipantId>,
        is_connected: &impl Fn(ParticipantId) -> bool,
    ) {
        for (who, knocker) in &mut self.waiting {
            let VerifiedKnock { invite, device, .. } = knocker.checked.knock;
            let Some(let_in) = self.let_in.get(&invite).filter(|_| device.is_some()) else {
                continue;
            };
            let is_free = let_in.who.is_none_or(|before| {
                before == *who || !members.contains(&before) || !is_connected(before)
            });
            if knocker.returning && let_in.device == device && is_free {
                knocker.is_admitted = true;
            }
        }
    }

    fn use_up(&mut self, knock: &VerifiedKnock, mac: Opaque<32>) -> bool {
        let who = knock.participant;
        let is_again = self.used_up.get(&who) == Some(&mac);
        let is_good = is_again || self.door.use_up(knock).is_ok();
        if is_good {
            self.used_up.insert(who, mac);
        } else {
            self.n_dropped = self.n_dropped.saturating_add(1);
        }
        is_good
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use e2ee::door::{AttendeeIdentity, DeviceSecret};
    use e2ee::link::{CounsellorPin, LinkSecret};
    use e2ee::random::Randomness;
    use protocol::id::RoomId;

    use super::*;

    const ROOM: RoomId = RoomId::from_bytes([7; 16]);
    const ANA: ParticipantId = ParticipantId::from_raw(1);
    const BEN: ParticipantId = ParticipantId::from_raw(2);

    #[test]
    fn whoever_has_a_link_is_shown_and_planned_once_admitted() {
        let mut door = open_door();
        assert!(!door.take(&knock(1, ANA)));
        assert_eq!(door.shown(), [ANA]);
        assert!(door.plan(&[]).adds.is_empty(), "nobody is added without a word");

        assert!(door.admission.admit(ANA));
        assert!(!door.admission.admit(BEN));
        assert!(door.shown().is_empty());
        assert_eq!(added(&door.plan(&[])), [ANA]);
    }

    #[test]
    fn what_the_door_cannot_verify_is_dropped_and_counted() {
        let mut door = open_door();
        let good = knock(1, ANA);
        let forged = Knocked { participant: BEN, ..good.clone() };
        let unknown = Knocked { invite: InviteId::from_bytes([9; 16]), ..good };
        assert!(!door.take(&forged));
        assert!(!door.take(&unknown));
        assert!(door.shown().is_empty());
        assert_eq!(door.admission.n_dropped, 2);
    }

    #[test]
    fn a_commit_that_lost_is_planned_again_with_the_same_knock_and_one_that_won_is_not() {
        let mut door = open_door();
        let knocked = knock(1, ANA);
        door.take(&knocked);
        door.admission.admit(ANA);
        assert_eq!(added(&door.plan(&[])), [ANA]);
        // The connection broke; the server names the same knock again.
        door.take(&knocked);
        assert_eq!(added(&door.plan(&[])), [ANA]);

        door.admission.carried_out(&BTreeSet::from([ANA]), &BTreeSet::new());
        assert!(door.plan(&[ANA]).adds.is_empty());
        door.take(&knocked);
        door.admission.admit(ANA);
        assert!(door.plan(&[]).adds.is_empty(), "a used KeyPackage lets nobody in");
    }

    #[test]
    fn the_same_device_comes_back_by_itself_once_its_older_self_is_gone() {
        let mut door = open_door();
        door.let_in(1, ANA);
        door.take(&Knocked { returning: true, ..knock(1, BEN) });
        assert!(door.plan_with(&[ANA], true).adds.is_empty(), "the older one is connected");
        assert_eq!(door.shown(), [BEN]);

        let plan = door.plan_with(&[ANA], false);
        assert_eq!(added(&plan), [BEN]);
        assert_eq!(plan.removes, BTreeSet::from([ANA]));
    }

    #[test]
    fn another_device_and_an_invite_nobody_was_let_in_by_have_to_ask() {
        let mut door = open_door();
        door.take(&Knocked { returning: true, ..knock(2, BEN) });
        assert!(door.plan(&[]).adds.is_empty(), "never let in during this sitting");
        door.let_in(1, ANA);
        door.take(&Knocked { returning: false, other_device: true, ..knock(1, BEN) });
        assert!(door.plan_with(&[ANA], false).adds.is_empty());
    }

    #[test]
    fn the_invite_of_somebody_removed_lets_nobody_in() {
        let mut door = open_door();
        door.let_in(1, ANA);
        door.admission.remove(ANA);
        assert_eq!(door.plan(&[ANA]).removes, BTreeSet::from([ANA]));
        assert!(door.take(&knock(1, BEN)), "told no");
        assert!(door.shown().is_empty());
        assert!(!door.take(&knock(2, BEN)), "another invite is another matter");
        assert_eq!(door.shown(), [BEN]);
    }

    #[test]
    fn a_new_group_does_not_bring_back_somebody_removed_in_between() {
        let mut door = open_door();
        door.let_in(1, ANA);
        door.admission.remove(ANA);
        // The server drops the group before it takes the commit.
        door.admission.refound();
        let plan = door.plan(&[]);
        assert!(plan.adds.is_empty());
        assert_eq!(
            plan.removes,
            BTreeSet::from([ANA]),
            "the server's doors are still to close"
        );
    }

    #[test]
    fn that_somebody_is_in_counts_after_a_reload_if_the_page_noted_it() {
        let mut door = open_door();
        door.take(&Knocked { place: Place::Room, ..knock(1, ANA) });
        assert_eq!(door.shown(), [ANA], "has to ask like anybody");

        let mut before = open_door();
        before.let_in(1, ANA);
        let note = before.admission.note();
        let mut door = open_door();
        door.admission.recall(&note);
        door.take(&Knocked { place: Place::Room, ..knock(1, ANA) });
        assert!(door.shown().is_empty());
        door.admission.refound();
        assert_eq!(added(&door.plan(&[])), [ANA]);
        assert_eq!(door.admission.note(), note);

        door.admission.remove(ANA);
        let note = door.admission.note();
        let mut door = open_door();
        door.admission.recall(&note);
        door.take(&Knocked { place: Place::Room, ..knock(1, ANA) });
        assert!(door.shown().is_empty(), "nor does she come back after the next");
        assert_eq!(door.plan(&[]).removes, BTreeSet::from([ANA]));
    }

    /// Two people have one link; one of them, Ben, has the server's help.
    #[test]
    fn the_server_cannot_let_in_another_device_whatever_it_says_about_it() {
        let ghost = || Knocked { returning: true, ..knock_on(1, BEN, 9) };
        let mut door = open_door();
        door.let_in(1, ANA);
        door.take(&ghost());
        assert!(door.plan_with(&[ANA], false).adds.is_empty(), "not as a device that returns");
        assert!(door.admission.waiting(at(0))[0].other_device, "flagged against its word");

        let mut door = open_door();
        door.let_in(1, ANA);
        door.take(&Knocked { place: Place::Room, ..ghost() });
        door.admission.refound();
        assert_eq!(added(&door.plan(&[])), [ANA], "not as somebody who is in the room already");

        let mut door = open_door();
        door.take(&knock(1, ANA));
        door.admission.admit(ANA);
        door.take(&Knocked { participant: ANA, ..knock_on(1, ANA, 9) });
        assert!(door.plan(&[]).adds.is_empty(), "not in the place of the one admitted");
        assert_eq!(door.shown(), [ANA], "but shown");
    }

    #[test]
    fn the_waiting_list_is_bounded() {
        let mut door = open_door();
        for n in 0..WAITING_MAX + 3 {
            let who = ParticipantId::from_raw(u64::try_from(n).unwrap());
            door.take(&knock(1, who));
        }
        assert_eq!(door.shown().len(), WAITING_MAX);
        assert_eq!(door.admission.n_dropped, 3);
    }

    #[test]
    fn a_plan_given_up_shows_people_as_waiting_again() {
        let mut door = open_door();
        door.take(&knock(1, ANA));
        door.admission.admit(ANA);
        door.plan(&[]);
        door.admission.give_up();
        assert_eq!(door.shown(), [ANA]);
    }

    struct Doorway {
        admission: Admission,
    }

    impl Doorway {
        fn take(&mut self, knocked: &Knocked) -> bool {
            self.admission.knocked(at(0), unix(), knocked)
        }

        fn let_in(&mut self, link: u8, who: ParticipantId) {
            self.take(&knock(link, who));
            self.admission.admit(who);
            self.plan(&[]);
            self.admission.carried_out(&BTreeSet::from([who]), &BTreeSet::new());
        }

        fn plan(&mut self, members: &[ParticipantId]) -> Plan {
            self.plan_with(members, true)
        }

        fn plan_with(&mut self, members: &[ParticipantId], connected: bool) -> Plan {
            self.admission.plan(&members.iter().copied().collect(), |_| connected)
        }

        fn shown(&self) -> Vec<ParticipantId> {
            self.admission.waiting(at(0)).into_iter().map(|w| w.participant).collect()
        }
    }

    fn open_door() -> Doorway {
        let random = Randomness::from_seed([1; 32]);
        let door = Door::new(ROOM, CounsellorPin::from_bytes([1; 16]), &random);
        Doorway { admission: Admission::new(door, vec![(0, keys(1)), (1, keys(2))]) }
    }

    fn keys(link: u8) -> InviteKeys {
        InviteKeys::derive(&LinkSecret::from_bytes([link; 32]))
    }

    fn knock(link: u8, who: ParticipantId) -> Knocked {
        knock_on(link, who, link)
    }

    fn knock_on(link: u8, who: ParticipantId, device: u8) -> Knocked {
        let random = Randomness::from_seed([device; 32]);
        let mut identity = AttendeeIdentity::new(keys(link), ROOM, who, "somebody", &random)
            .unwrap()
            .on_device(&DeviceSecret::from_bytes([device; 16]));
        Knocked {
            participant: who,
            invite: keys(link).invite,
            place: Place::Waiting,
            other_device: false,
            returning: false,
            waited_ms: 0,
            knock: identity.knock(unix()).unwrap(),
        }
    }

    fn added(plan: &Plan) -> Vec<ParticipantId> {
        plan.adds.iter().map(|knock| knock.participant).collect()
    }

    /// OpenMLS looks at the calendar when it judges a KeyPackage.
    #[expect(clippy::disallowed_methods, reason = "the calendar OpenMLS looks at")]
    fn unix() -> UnixSeconds {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixSeconds(since.unwrap().as_secs())
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }
}
