//! One room: who waits, who is in, who may do what.
//!
//! A *participant* comes by a *right* to the waiting room (invite) or into the room (ticket of
//! the desk), publishes *tracks*, and is bound to the tracks of others by *slots*:
//!
//! ```text
//!           invite                 commit accepted, `added`            leave, `removed`, replaced,
//!   (out) ─────────► waiting room ─────────────────────────► room ────────────────────────────► (out)
//!     ▲                  │                                     ▲       revoked, lost, ended
//!     ├── declined, leave, lost, replaced, revoked             │
//!     └────────────────────────────────────────────────────────┘ ticket (the moderator)
//! ```
//!
//! The room decides *who may*; the delivery service decides *which commit comes first*.  Nobody
//! is let in or put out but by a commit that won, and its effect on doors and media is carried
//! out in the same step.  A malicious server can of course skip all of this: what keeps a
//! stranger from hearing anything is the group's keys, not this crate.
//!
//! Sans-IO.  Call [`handle_input`], then [`poll_output`] until it returns `None`; give it
//! [`Input::Tick`] no later than [`poll_timeout`].
//!
//! # Invariants
//!
//! - A waiting participant never receives anything of the room.
//! - Nobody comes into the room by an invite but through a commit that won and names them.
//! - Whoever was removed, declined, replaced or left is sent a farewell last, then nothing
//!   more, and their media is closed in the same step.
//! - A slot never carries one's own track, nor that of somebody not in the room.
//! - At most one moderator is in the room; a newer one replaces the older.
//! - Every request is answered once, by `done` or `rejected`, while its connection lives.
//! - A participant has one connection at most, and only the newest resume token goes on.
//! - Generations only rise, also over restarts of the server.
//! - An invite that was taken back leads nowhere, whoever looked at it before.
//! - Nobody is shown more knocks than the pace of each invite allows.
//! - People, knocks and offers kept are within their limits.
//! - When everybody is gone, the room finishes.
//!
//! [`handle_input`]: Room::handle_input
//! [`poll_output`]: Room::poll_output
//! [`poll_timeout`]: Room::poll_timeout

mod admission;
mod door;
mod doorstep;
mod farewell;
pub mod input;
mod media;
pub mod output;
mod pace;
mod participant;
#[cfg(test)]
mod properties;
pub mod right;
mod slots;
#[cfg(test)]
mod stage;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::client::ClientMessage;
use protocol::id::{Generation, InviteId, ParticipantId, RoomId};
use protocol::limits::ROOM_IDLE_PATIENCE;
use protocol::media::TrackState;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{GroupState, Knocked, Place, Presence, Role, ServerMessage, Welcomed};
use protocol::time::Timestamp;

pub use crate::input::{
    By, ConnectionId, Decision, Enter, Hash, Input, MediaNews, Request, Visit,
};
pub use crate::output::{MediaStep, Output, Step};
use crate::pace::Pace;
use crate::participant::Participant;

/// One room, from the first who enters until everybody is gone.
#[derive(Debug)]
pub struct Room {
    id: RoomId,
    participants: BTreeMap<ParticipantId, Participant>,
    connections: BTreeMap<ConnectionId, ParticipantId>,
    /// What the delivery service said last.
    group: Option<GroupState>,
    /// The highest generation asked for, ever.
    last_generation: Option<Generation>,
    /// Invites that were taken back while the room ran.
    revoked: BTreeSet<InviteId>,
    knock_pace: Pace,
    note_pace: Pace,
    life: Life,
    outputs: VecDeque<Output>,
}

/// Whether the room goes on.
#[derive(Debug)]
enum Life {
    /// Somebody is here.
    Lived,
    /// Nobody is here; over at the deadline.
    Empty { until: Timestamp },
    /// A moderator ends it; the store is keeping that.
    Ending { request: Request },
    /// Over.  What comes now is refused with this.
    Over { refusal: Reject },
}

/// How a request is answered.
enum Answer {
    /// `done`, when everything it caused is on its way.
    Done,
    /// Later, or not at all because the connection is closed.
    Later,
}

impl Room {
    /// An empty room.
    #[must_use]
    pub fn new(id: RoomId, now: Timestamp) -> Self {
        Self {
            id,
            participants: BTreeMap::new(),
            connections: BTreeMap::new(),
            group: None,
            last_generation: None,
            revoked: BTreeSet::new(),
            knock_pace: Pace::of_knocks(),
            note_pace: Pace::of_notes(),
            life: Life::Empty { until: now + ROOM_IDLE_PATIENCE },
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened.  Never fails: what must not be is refused, and what is late is
    /// ignored.
    pub fn handle_input(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Enter(enter) => self.enter(now, enter),
            Input::Said { request, message } => self.said(now, request, message),
            Input::Hung { connection } => self.hung(now, connection),
            Input::Decided { request, decision } => self.decided(now, request, decision),
            Input::Media { peer, news } => self.media_news(now, peer, news),
            Input::Revoked { invite } => self.revoked(invite),
            Input::Ended => self.ended(),
            Input::EndFailed => self.end_failed(),
            Input::Stop { reason } => self.stop(reason, Reject::Internal),
            Input::Tick => self.tick(now),
        }
        self.note_whether_empty(now);
    }

    /// The next thing to do.  Drain to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is next needed, if at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let empty = match self.life {
            Life::Empty { until } => Some(until),
            Life::Lived | Life::Ending { .. } | Life::Over { .. } => None,
        };
        self.participants.values().filter_map(Participant::deadline).chain(empty).min()
    }

    /// Where to send what is for a participant, if they are connected.
    #[must_use]
    pub fn connection_of(&self, who: ParticipantId) -> Option<ConnectionId> {
        self.participants.get(&who).and_then(Participant::connection)
    }

    /// Completes a Welcome with what its receiver must know; `None` unless they are in the room.
    #[must_use]
    pub fn complete_welcome(&self, to: ParticipantId, welcome: Welcomed) -> Option<Welcomed> {
        let receiver = self.participants.get(&to).filter(|receiver| receiver.is_in_room())?;
        let wrapped_room_secret = receiver
            .visitor()
            .map(|visitor| visitor.wrapped_room_secret.clone())
            .unwrap_or_default();
        Some(Welcomed { wrapped_room_secret, present: self.others_in_room(to), ..welcome })
    }

    /// How many knocked and wait.
    #[must_use]
    pub fn n_waiting(&self) -> usize {
        self.participants.values().filter(|one| !one.is_in_room() && one.has_knocked()).count()
    }

    /// By which invites people wait or are in the room.
    #[must_use]
    pub fn invite_places(&self) -> BTreeMap<InviteId, Place> {
        let mut places = BTreeMap::new();
        for one in self.participants.values() {
            let Some(visitor) = one.visitor() else { continue };
            if one.is_in_room() {
                places.insert(visitor.invite, Place::Room);
            } else if visitor.knock.is_some() {
                places.entry(visitor.invite).or_insert(Place::Waiting);
            }
        }
        places
    }

    /// How many are in the room.
    #[must_use]
    pub fn n_in_room(&self) -> usize {
        self.participants.values().filter(|one| one.is_in_room()).count()
    }

    fn said(&mut self, now: Timestamp, request: Request, message: ClientMessage) {
        // A connection that was closed may still have had something to say.
        let Some(who) = self.connections.get(&request.connection).copied() else { return };
        let outcome = match message {
            ClientMessage::Hello(_) => Err(Reject::OutOfOrder),
            ClientMessage::Knock(knock) => self.knock(now, who, knock),
            ClientMessage::Spare(knock) => self.spare(now, who, knock),
            ClientMessage::OpenGroup(open) => {
                self.raise_generation(who, open.generation).and_then(|()| {
                    self.propose(request, who, |role, others| Step::Open {
                        by: who,
                        role,
                        open,
                        others,
                    })
                })
            }
            ClientMessage::Commit(commit) => self.check_commit(who, &commit).and_then(|()| {
                self.propose(request, who, |role, _| Step::Commit { by: who, role, commit })
            }),
            ClientMessage::Application(application) => self.require_room(who).map(|()| {
                let step = Step::Application { by: who, application };
                self.outputs.push_back(Output::Deliver { request, step });
                Answer::Later
            }),
            ClientMessage::DoorstepNote(note) => self.doorstep_note(now, who, note),
            ClientMessage::Decline(decline) => self.decline(who, decline.participant),
            ClientMessage::Offer(offer) => self.offer(now, who, request, offer),
            ClientMessage::Track(track) => self.track(who, track),
            ClientMessage::Leave => {
                self.answer(request, Ok(()));
                self.dismiss(who, FarewellReason::Left);
                Ok(Answer::Later)
            }
            ClientMessage::EndRoom => self.end(who, request),
            ClientMessage::Ping => Ok(Answer::Done),
        };
        match outcome {
            Ok(Answer::Done) => self.answer(request, Ok(())),
            Ok(Answer::Later) => {}
            Err(reject) => self.answer(request, Err(reject)),
        }
    }

    /// Members know generations apart that this process has never seen, so the highest is kept
    /// before they hear of it.  One that is kept and then not opened is merely left out.
    fn raise_generation(
        &mut self,
        by: ParticipantId,
        generation: Generation,
    ) -> Result<(), Reject> {
        self.require_moderator(by)?;
        if self.last_generation.is_some_and(|last| generation <= last) {
            return Err(Reject::StaleGeneration);
        }
        self.last_generation = Some(generation);
        self.outputs.push_back(Output::KeepGeneration { generation });
        Ok(())
    }

    /// Asks the delivery service for something only a moderator may do.
    fn propose(
        &mut self,
        request: Request,
        by: ParticipantId,
        step: impl FnOnce(Role, BTreeSet<ParticipantId>) -> Step,
    ) -> Result<Answer, Reject> {
        self.require_moderator(by)?;
        let others = self.in_room().map(|(who, _)| who).filter(|who| *who != by).collect();
        let step = step(Role::Moderator, others);
        self.outputs.push_back(Output::Deliver { request, step });
        Ok(Answer::Later)
    }

    fn decided(&mut self, now: Timestamp, request: Request, decision: Decision) {
        let answer = match decision {
            Decision::Refused(reject) => Err(reject),
            Decision::Opened { by, group } => {
                self.group = Some(group);
                self.opened(by);
                Ok(())
            }
            Decision::Advanced { group, added, removed } => {
                self.group = Some(group);
                self.advanced(now, &added, &removed);
                Ok(())
            }
            Decision::Relayed => Ok(()),
        };
        self.answer(request, answer);
    }

    /// One's own track went on or off; the server holds back what is off.
    fn track(&mut self, who: ParticipantId, track: TrackState) -> Result<Answer, Reject> {
        self.require_room(who)?;
        if let Some(participant) = self.participants.get_mut(&who) {
            participant.tracks.insert(track.kind, track.on);
        }
        self.hold_tracks(who, Some(track.kind));
        self.tell_presence(who);
        Ok(Answer::Done)
    }

    fn tick(&mut self, now: Timestamp) {
        self.let_go_of_the_lost(now);
        self.give_up_late_offers(now);
        if matches!(self.life, Life::Empty { until } if until <= now) {
            self.finish(Reject::Internal);
        }
    }

    fn note_whether_empty(&mut self, now: Timestamp) {
        self.life = match (&self.life, self.participants.is_empty()) {
            (Life::Lived, true) => Life::Empty { until: now + ROOM_IDLE_PATIENCE },
            (Life::Empty { .. }, false) => Life::Lived,
            (Life::Lived | Life::Empty { .. } | Life::Ending { .. } | Life::Over { .. }, _) => {
                return;
            }
        };
    }

    fn require_room(&self, who: ParticipantId) -> Result<(), Reject> {
        match self.participants.get(&who).map(|one| one.place) {
            Some(Place::Room) => Ok(()),
            Some(Place::Waiting) | None => Err(Reject::NotAdmitted),
        }
    }

    fn require_moderator(&self, who: ParticipantId) -> Result<(), Reject> {
        self.require_room(who)?;
        match self.participants.get(&who).map(Participant::role) {
            Some(Role::Moderator) => Ok(()),
            Some(Role::Attendee) | None => Err(Reject::NotModerator),
        }
    }

    fn in_room(&self) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.participants
            .iter()
            .filter(|(_, one)| one.is_in_room())
            .map(|(who, one)| (*who, one))
    }

    fn others_in_room(&self, than: ParticipantId) -> Vec<Presence> {
        self.in_room()
            .filter(|(who, _)| *who != than)
            .map(|(who, one)| one.describe(who))
            .collect()
    }

    fn send(&mut self, to: ParticipantId, message: ServerMessage) {
        if let Some(to) = self.connection_of(to) {
            self.outputs.push_back(Output::Send { to, message });
        }
    }

    /// Sends something to everybody in the room whom `is_meant` lets through.
    fn tell(
        &mut self,
        message: &ServerMessage,
        is_meant: impl Fn(ParticipantId, &Participant) -> bool,
    ) {
        let outputs: Vec<_> = self
            .in_room()
            .filter(|(who, one)| is_meant(*who, one))
            .filter_map(|(_, one)| one.connection())
            .map(|to| Output::Send { to, message: message.clone() })
            .collect();
        self.outputs.extend(outputs);
    }

    /// Tells the others in the room how somebody in the room is.
    fn tell_presence(&mut self, who: ParticipantId) {
        let Some(one) = self.participants.get(&who).filter(|one| one.is_in_room()) else {
            return;
        };
        let message = ServerMessage::Present(one.describe(who));
        self.tell(&message, |other, _| other != who);
    }

    fn tell_moderators(&mut self, message: &ServerMessage) {
        self.tell(message, |_, one| one.role() == Role::Moderator);
    }

    fn answer(&mut self, request: Request, answer: Result<(), Reject>) {
        let Request { connection: to, n } = request;
        if !self.connections.contains_key(&to) {
            return;
        }
        let message = match answer {
            Ok(()) => ServerMessage::Done { n },
            Err(reject) => ServerMessage::Rejected { n: Some(n), reject },
        };
        self.outputs.push_back(Output::Send { to, message });
    }

    fn order(&mut self, step: MediaStep) {
        self.outputs.push_back(Output::Media(step));
    }

    /// Somebody's knock, as moderators see it; `None` if there is none.
    fn knocked(&self, now: Timestamp, who: ParticipantId) -> Option<Knocked> {
        let participant = self.participants.get(&who)?;
        let visitor = participant.visitor()?;
        let knock = visitor.knock.clone()?;
        let other_device = match visitor.pinned {
            Some(pinned) => pinned != visitor.device,
            None => visitor.came_second,
        };
        let waited = now - visitor.came_at;
        Some(Knocked {
            participant: who,
            invite: visitor.invite,
            place: participant.place,
            other_device,
            returning: visitor.pinned == Some(visitor.device),
            waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            knock,
        })
    }
}
