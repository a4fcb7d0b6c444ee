//! The moderator's work on the group: opens it, makes commits, merges them on their echo.
//!
//! ```text
//!  entered anew ─► open_group ─done─► live ─plan─► commit on its way ─echo─► live
//!                     │ stale            ▲               │ refused, or connection lost
//!                     └─ next generation └── discarded ◄─┘
//! ```
//!
//! # Invariants
//!
//! - One commit at a time; it is merged on its echo and on nothing else.
//! - Each group opened has a higher generation than any known before.
//! - A commit that was refused is made anew after a pause, and given up after a few.
//! - Whoever is not in the room does not stay in the group.

use std::collections::BTreeSet;
use std::time::Duration;

use e2ee::group::{Founding, Group};
use e2ee::identity::ModeratorIdentity;
use e2ee::link::{InviteKeys, LinkSecret, RoomSecret};
use protocol::client::{Added, ClientMessage, Commit, Decline, OpenGroup};
use protocol::id::{Generation, LeafIndex, ParticipantId, RoomId};
use protocol::reject::{FarewellReason, Reject};
use protocol::secret::Secret;
use protocol::server::{Entered, GroupOpened, Knocked};
use protocol::time::Timestamp;

use crate::admission::Admission;
use crate::group_life::Began;
use crate::participant::{Participant, Side};
use crate::view;

/// How long to wait after a refusal.
const REFUSED_PAUSE: Duration = Duration::from_millis(500);

/// How long a member may be in the group and, says the server, not in the room: presence comes
/// a little after the commit, or not at all.
const ABSENT_PATIENCE: Duration = Duration::from_secs(5);

/// Refusals in a row after which the people to be added are shown as waiting again.
const REFUSED_MAX: u32 = 4;

/// A group that the server has not opened yet.
struct Opening {
    n: Option<u32>,
    group: Group,
}

/// See the module.
pub(crate) struct Moderating {
    pub(crate) admission: Admission,
    identity: ModeratorIdentity,
    room_secret: RoomSecret,
    opening: Option<Opening>,
    commit_n: Option<u32>,
    end_n: Option<u32>,
    not_before: Option<Timestamp>,
    n_refused: u32,
    newest: Option<Generation>,
    /// Since when somebody has been a member without being in the room.
    absent_since: Option<Timestamp>,
    pub(crate) wants_end: bool,
}

impl Moderating {
    pub(crate) fn new(
        admission: Admission,
        identity: ModeratorIdentity,
        room_secret: RoomSecret,
    ) -> Self {
        Self {
            admission,
            identity,
            room_secret,
            opening: None,
            commit_n: None,
            end_n: None,
            not_before: None,
            n_refused: 0,
            newest: None,
            absent_since: None,
            wants_end: false,
        }
    }

    pub(crate) fn room(&self) -> RoomId {
        self.identity.room()
    }

    /// We entered as somebody new.
    pub(crate) fn start_over(&mut self) {
        self.opening = None;
        self.n_refused = 0;
        self.not_before = None;
        self.admission.start_over();
    }

    /// Requests without an answer are in doubt; what the server says on entry settles them.
    pub(crate) fn connection_lost(&mut self) {
        self.commit_n = None;
        self.end_n = None;
        if let Some(opening) = &mut self.opening {
            opening.n = None;
        }
    }

    /// A commit of the group was merged.
    pub(crate) fn commit_won(
        &mut self,
        added: &BTreeSet<ParticipantId>,
        removed: &BTreeSet<ParticipantId>,
    ) {
        self.commit_n = None;
        self.n_refused = 0;
        self.admission.carried_out(added, removed);
    }

    pub(crate) fn poll_timeout(
        &self,
        is_entered: bool,
        rekey_at: Option<Timestamp>,
    ) -> Option<Timestamp> {
        if !is_entered || self.commit_n.is_some() {
            return None;
        }
        match self.not_before {
            Some(at) => Some(at),
            None => {
                let absent_at = self.absent_since.map(|since| since + ABSENT_PATIENCE);
                [rekey_at, absent_at].into_iter().flatten().min()
            }
        }
    }

    fn refused(&mut self, now: Timestamp) {
        self.not_before = Some(now + REFUSED_PAUSE);
        self.n_refused = self.n_refused.saturating_add(1);
        if self.n_refused >= REFUSED_MAX {
            self.n_refused = 0;
            self.admission.give_up();
        }
    }
}

impl std::fmt::Debug for Moderating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Moderating({:?}, {:?})", self.identity.room(), self.newest)
    }
}

impl Participant {
    /// To a moderator: a link that was made during this sitting, by its number in the room.
    pub fn add_invite(&mut self, number: u32, link_secret: &Secret<32>) {
        if let Side::Moderator(side) = &mut self.side {
            let link = LinkSecret::from_bytes(*link_secret.expose());
            side.admission.add_invite(number, InviteKeys::derive(&link));
        }
    }

    /// The moderator lets somebody in.
    pub(crate) fn admit(&mut self, participant: ParticipantId) {
        let is_known = match &mut self.side {
            Side::Moderator(side) => side.admission.admit(participant),
            Side::Attendee(_) => return self.refuse(Reject::NotModerator),
        };
        if !is_known {
            self.refuse(Reject::NoSuchParticipant);
        }
    }

    /// The moderator does not let somebody in.
    pub(crate) fn decline(&mut self, participant: ParticipantId) {
        let Side::Moderator(side) = &mut self.side else {
            return self.refuse(Reject::NotModerator);
        };
        // Let in already, says the server, but not by us: out they go all the same.
        if side.admission.is_inside(participant) {
            return self.remove(participant);
        }
        let decline = ClientMessage::Decline(Decline { participant });
        if self.connection.request(decline, &mut self.out).is_some() {
            side.admission.unknocked(participant);
        } else {
            self.refuse(Reject::Internal);
        }
    }

    /// The moderator puts somebody out.
    pub(crate) fn remove(&mut self, participant: ParticipantId) {
        match &mut self.side {
            Side::Moderator(side) => side.admission.remove(participant),
            Side::Attendee(_) => return self.refuse(Reject::NotModerator),
        }
        // Not one more word for them, also if the server holds the commit back.
        self.keys.withhold_from(participant);
    }

    /// Settles, on entry, what the server knows and what was in doubt.
    pub(crate) fn catch_up(&mut self, now: Timestamp, entered: &Entered) {
        let members = self.members();
        let Side::Moderator(side) = &mut self.side else {
            return;
        };
        side.newest = side.newest.max(entered.last_generation);
        if let Some(group) = &entered.group {
            side.newest = side.newest.max(Some(group.generation));
        }
        let is_known = |id| entered.group.as_ref().filter(|group| group.group == id);
        if let Some(group) = &mut self.group {
            match is_known(group.id()) {
                // Our commit has not won: it is planned anew.
                Some(theirs) if theirs.epoch == group.epoch() => {
                    if group.has_pending() {
                        group.discard_own();
                    }
                }
                // Its echo, or another commit, follows.
                Some(_) => (),
                // The server knows another group, or none.
                None => {
                    self.group = None;
                    self.keys.close();
                }
            }
        }
        let opening = side.opening.take();
        if let Some(opening) = opening.filter(|o| is_known(o.group.id()).is_some()) {
            side.opening = Some(opening);
            self.opened(now);
        }
        self.take_knocks(now, &entered.knocks);
        let Side::Moderator(side) = &mut self.side else {
            return;
        };
        for member in members.difference(&self.present.keys().copied().collect()) {
            side.admission.want_removed(*member);
        }
    }

    fn take_knocks(&mut self, now: Timestamp, knocks: &[Knocked]) {
        let named = knocks.iter().map(|knocked| knocked.participant).collect();
        if let Side::Moderator(side) = &mut self.side {
            side.admission.keep_only(&named);
        }
        for knocked in knocks {
            self.knocked(now, knocked);
        }
    }

    /// Somebody knocks.
    pub(crate) fn knocked(&mut self, now: Timestamp, knocked: &Knocked) {
        let unix = self.unix_at(now);
        let Side::Moderator(side) = &mut self.side else {
            return self.ignore();
        };
        if side.admission.knocked(now, unix, knocked) {
            let decline = Decline { participant: knocked.participant };
            self.connection.request(ClientMessage::Decline(decline), &mut self.out);
        } else if side.admission.waits(knocked.participant) {
            let line = side.admission.doorstep_line(knocked.participant);
            self.meet_in_doorstep(knocked.participant, line);
        }
    }

    /// The server opened a group.
    pub(crate) fn own_group_opened(&mut self, now: Timestamp, opened: &GroupOpened) {
        let Side::Moderator(side) = &mut self.side else {
            return self.ignore();
        };
        side.newest = side.newest.max(Some(opened.generation));
        let is_ours = side.opening.as_ref().is_some_and(|o| o.group.id() == opened.group);
        if is_ours && Some(opened.by) == self.me { self.opened(now) } else { self.ignore() }
    }

    /// The group we offered is the room's from here on.
    fn opened(&mut self, now: Timestamp) {
        let Side::Moderator(side) = &mut self.side else {
            return;
        };
        let Some(Opening { mut group, .. }) = side.opening.take() else {
            return;
        };
        side.n_refused = 0;
        side.admission.refound();
        self.keys.begin(now, &mut group, Began::NewGroup, |_| true);
        self.group = Some(group);
        self.ears.clear();
        self.begin_pulse(now);
        self.media.want(now);
    }

    /// The server has request `n`.
    pub(crate) fn moderator_done(&mut self, now: Timestamp, n: u32) {
        let Side::Moderator(side) = &mut self.side else {
            return;
        };
        if side.end_n == Some(n) {
            return self.end(view::farewell(FarewellReason::RoomEnded));
        }
        if side.opening.as_ref().is_some_and(|opening| opening.n == Some(n)) {
            return self.opened(now);
        }
        // Done, and no echo before it: whatever the server did, we have not merged it.
        if side.commit_n == Some(n) {
            self.moderator_rejected(now, n, &Reject::Internal);
        }
    }

    /// The server refused request `n`.
    pub(crate) fn moderator_rejected(&mut self, now: Timestamp, n: u32, reject: &Reject) {
        let Side::Moderator(side) = &mut self.side else {
            return;
        };
        if side.end_n == Some(n) {
            side.end_n = None;
            self.refuse(reject.clone());
        } else if side.opening.as_ref().is_some_and(|opening| opening.n == Some(n)) {
            side.opening = None;
            side.refused(now);
        } else if side.commit_n == Some(n) {
            side.commit_n = None;
            side.refused(now);
            if let Some(group) = self.group.as_mut().filter(|group| group.has_pending()) {
                group.discard_own();
            }
            if *reject == Reject::NoSuchGroup {
                self.group = None;
                self.keys.close();
            }
        }
    }

    /// Opens the group, or makes the next commit, when there is reason to.
    pub(crate) fn pump_moderator(&mut self, now: Timestamp) {
        let Side::Moderator(side) = &mut self.side else {
            return;
        };
        if !self.connection.is_entered() {
            return;
        }
        if side.wants_end {
            side.wants_end = false;
            side.end_n = self.connection.request(ClientMessage::EndRoom, &mut self.out);
        }
        side.not_before.take_if(|at| now >= *at);
        if side.not_before.is_some() {
            return;
        }
        if self.group.is_none() {
            side.absent_since = None;
            self.open_group(now);
        } else {
            self.make_commit(now);
        }
    }

    fn open_group(&mut self, now: Timestamp) {
        let unix = self.unix_at(now);
        let (Side::Moderator(side), Some(me)) = (&mut self.side, self.me) else {
            return;
        };
        if side.opening.is_some() {
            return;
        }
        let generation =
            side.newest.map_or(Generation(0), |newest| Generation(newest.0.saturating_add(1)));
        let founding = Founding {
            participant: me,
            generation,
            room_secret: side.room_secret.clone(),
            now: unix,
        };
        let Ok(group) = Group::found(&side.identity, &founding, &self.random) else {
            return side.refused(now);
        };
        let open = ClientMessage::OpenGroup(OpenGroup { group: group.id(), generation });
        let n = self.connection.request(open, &mut self.out);
        side.newest = Some(generation);
        side.opening = Some(Opening { n, group });
    }

    fn make_commit(&mut self, now: Timestamp) {
        let unix = self.unix_at(now);
        let members = self.members();
        self.miss_the_absent(now, &members);
        let (Side::Moderator(side), Some(group)) = (&mut self.side, &mut self.group) else {
            return;
        };
        if side.commit_n.is_some() || group.has_pending() || !group.is_sound() {
            return;
        }
        let present = &self.present;
        let plan = side
            .admission
            .plan(&members, |who| present.get(&who).is_some_and(|presence| presence.connected));
        let mut leaves: Vec<LeafIndex> = Vec::new();
        let mut outsiders: Vec<ParticipantId> = Vec::new();
        for who in plan.removes {
            let member = group.members().into_iter().find(|m| m.participant == who && !m.own);
            match member {
                Some(member) => leaves.push(member.leaf),
                // In the room, says the server, but no member: only its own doors can close.
                None if present.contains_key(&who) => outsiders.push(who),
                None => side.admission.is_removed(who),
            }
        }
        let is_rekey_due = self.keys.rekey_at().is_some_and(|at| now >= at);
        if leaves.is_empty() && outsiders.is_empty() && plan.adds.is_empty() && !is_rekey_due {
            return;
        }
        let Ok(pending) = group.replace(unix, &leaves, &plan.adds) else {
            return side.refused(now);
        };
        let added = pending
            .added
            .iter()
            .map(|(participant, leaf)| Added { participant: *participant, leaf: *leaf })
            .collect();
        let commit = ClientMessage::Commit(Commit {
            group: pending.group,
            epoch: pending.epoch,
            message: pending.commit,
            welcome: pending.welcome,
            added,
            removed: pending.removed.into_iter().chain(outsiders).collect(),
        });
        side.commit_n = self.connection.request(commit, &mut self.out);
    }

    /// Somebody may be gone before the commit that added them comes back to us: no message
    /// speaks of them any more, but their leaf is in the group.
    fn miss_the_absent(&mut self, now: Timestamp, members: &BTreeSet<ParticipantId>) {
        let Side::Moderator(side) = &mut self.side else {
            return;
        };
        let absent: Vec<ParticipantId> =
            members.iter().filter(|who| !self.present.contains_key(who)).copied().collect();
        if absent.is_empty() {
            side.absent_since = None;
        } else if now >= *side.absent_since.get_or_insert(now) + ABSENT_PATIENCE {
            side.absent_since = None;
            for who in absent {
                side.admission.want_removed(who);
            }
        }
    }

    /// The other members.
    pub(crate) fn members(&self) -> BTreeSet<ParticipantId> {
        let members = self.group.as_ref().map(Group::members).unwrap_or_default();
        members.into_iter().filter(|m| !m.own).map(|m| m.participant).collect()
    }
}
