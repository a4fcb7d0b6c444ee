//! A server in fifty rules: admits, orders commits, relays.  Honest unless a test reaches in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::client::{
    ClientEnvelope, ClientMessage, Commit, DoorstepNote, Hello, Knock, Right,
};
use protocol::id::{Epoch, InviteId, ParticipantId, RoomId};
use protocol::limits::WRAPPED_SECRET_BYTES_MAX;
use protocol::media::TrackState;
use protocol::opaque::Opaque;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{
    Answer, Committed, DoorstepNoted, Entered, GroupOpened, GroupState, Knocked, Place,
    Presence, Relayed, Role, ServerMessage, Welcomed,
};

/// One WebSocket, as the server sees it.
pub(crate) type Line = u32;

pub(crate) type Wrapped = Opaque<WRAPPED_SECRET_BYTES_MAX>;

/// Somebody the server knows.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) role: Role,
    pub(crate) place: Place,
    pub(crate) invite: Option<InviteId>,
    pub(crate) device: Opaque<16>,
    pub(crate) knock: Option<Knock>,
    pub(crate) line: Option<Line>,
    pub(crate) tracks: Vec<TrackState>,
    pub(crate) returning: bool,
}

/// The whole server of one room.
pub(crate) struct Server {
    pub(crate) room: RoomId,
    pub(crate) wrapped: BTreeMap<InviteId, Wrapped>,
    pub(crate) guests: BTreeMap<ParticipantId, Guest>,
    pub(crate) group: Option<GroupState>,
    pub(crate) pinned: BTreeSet<(InviteId, Opaque<16>)>,
    /// What was said to whom; a test may look for what it needs.
    pub(crate) said: Vec<(Line, ServerMessage)>,
    /// What is on its way.
    pub(crate) outbox: VecDeque<(Line, ServerMessage)>,
    /// Commits the server has accepted, for tests that replay them.
    pub(crate) commits: Vec<Committed>,
    pub(crate) seq: u64,
    backlog: Vec<(u64, ParticipantId, ServerMessage)>,
    lines: BTreeMap<Line, ParticipantId>,
    next_id: u64,
}

impl Server {
    pub(crate) fn new(room: RoomId) -> Self {
        Self {
            room,
            wrapped: BTreeMap::new(),
            guests: BTreeMap::new(),
            group: None,
            pinned: BTreeSet::new(),
            said: Vec::new(),
            outbox: VecDeque::new(),
            commits: Vec::new(),
            seq: 0,
            backlog: Vec::new(),
            lines: BTreeMap::new(),
            next_id: 1,
        }
    }

    pub(crate) fn say(&mut self, line: Line, message: ServerMessage) {
        self.said.push((line, message.clone()));
        self.outbox.push_back((line, message));
    }

    pub(crate) fn tell(&mut self, who: ParticipantId, message: ServerMessage) {
        if let Some(line) = self.guests.get(&who).and_then(|guest| guest.line) {
            self.say(line, message);
        }
    }

    /// Delivers something with a place in the order, at once or when they come back.
    pub(crate) fn deliver(&mut self, who: ParticipantId, message: ServerMessage) {
        self.backlog.push((self.seq, who, message.clone()));
        self.tell(who, message);
    }

    pub(crate) fn in_room(&self) -> Vec<ParticipantId> {
        let room = self.guests.iter().filter(|(_, guest)| guest.place == Place::Room);
        room.map(|(id, _)| *id).collect()
    }

    pub(crate) fn by_role(&self, role: Role) -> Vec<ParticipantId> {
        let guests = self.guests.iter().filter(|(_, guest)| guest.role == role);
        guests.map(|(id, _)| *id).collect()
    }

    fn presence(&self, who: ParticipantId) -> Presence {
        let guest = &self.guests[&who];
        Presence {
            participant: who,
            role: guest.role,
            connected: guest.line.is_some(),
            tracks: guest.tracks.clone(),
        }
    }

    fn knocked(&self, who: ParticipantId) -> Option<Knocked> {
        let guest = &self.guests[&who];
        let invite = guest.invite?;
        Some(Knocked {
            participant: who,
            invite,
            place: guest.place,
            other_device: !guest.returning && self.pinned.iter().any(|(i, _)| *i == invite),
            returning: guest.returning,
            waited_ms: 0,
            knock: guest.knock.clone()?,
        })
    }

    fn others(&self, me: ParticipantId) -> Vec<ParticipantId> {
        self.in_room().into_iter().filter(|id| *id != me).collect()
    }

    fn tell_others(&mut self, me: ParticipantId, message: &ServerMessage) {
        for other in self.others(me) {
            self.tell(other, message.clone());
        }
    }

    pub(crate) fn moderators(&self) -> Vec<ParticipantId> {
        self.by_role(Role::Moderator)
    }

    pub(crate) fn received(&mut self, line: Line, text: &str) {
        let envelope = ClientEnvelope::decode(text).expect("our clients speak the protocol");
        let n = envelope.n;
        if let ClientMessage::Hello(hello) = envelope.body {
            if let Err(reject) = self.hello(line, hello) {
                self.say(line, ServerMessage::Rejected { n: Some(n), reject });
            }
            return;
        }
        let Some(who) = self.lines.get(&line).copied() else {
            return;
        };
        let answer = match self.act(who, envelope.body) {
            Ok(()) => ServerMessage::Done { n },
            Err(reject) => ServerMessage::Rejected { n: Some(n), reject },
        };
        self.say(line, answer);
    }

    fn hello(&mut self, line: Line, Hello { right }: Hello) -> Result<(), Reject> {
        match right {
            Right::Invite { invite, device, .. } => {
                if !self.wrapped.contains_key(&invite) {
                    return Err(Reject::NoSuchRight);
                }
                let returning = self.pinned.contains(&(invite, device.clone()));
                let guest = Guest {
                    role: Role::Attendee,
                    place: Place::Waiting,
                    invite: Some(invite),
                    device,
                    knock: None,
                    line: Some(line),
                    tracks: Vec::new(),
                    returning,
                };
                self.enter(line, guest, false);
            }
            Right::Ticket { .. } => {
                for old in self.moderators() {
                    self.remove(old, FarewellReason::Replaced);
                }
                let guest = Guest {
                    role: Role::Moderator,
                    place: Place::Room,
                    invite: None,
                    device: Opaque::default(),
                    knock: None,
                    line: Some(line),
                    tracks: Vec::new(),
                    returning: false,
                };
                self.enter(line, guest, true);
            }
            Right::Resume { resume, after } => {
                let raw: [u8; 8] = resume.as_slice()[..8].try_into().unwrap();
                let who = ParticipantId::from_raw(u64::from_be_bytes(raw));
                let Some(guest) = self.guests.get_mut(&who) else {
                    return Err(Reject::NoSuchRight);
                };
                guest.line = Some(line);
                self.lines.insert(line, who);
                self.say_entered(line, who, true);
                let missed: Vec<ServerMessage> = self
                    .backlog
                    .iter()
                    .filter(|(seq, to, _)| *to == who && *seq > after)
                    .map(|(_, _, message)| message.clone())
                    .collect();
                for message in missed {
                    self.say(line, message);
                }
                let present = ServerMessage::Present(self.presence(who));
                self.tell_others(who, &present);
            }
        }
        Ok(())
    }

    fn enter(&mut self, line: Line, guest: Guest, announce: bool) {
        let who = ParticipantId::from_raw(self.next_id);
        self.next_id += 1;
        self.guests.insert(who, guest);
        self.lines.insert(line, who);
        self.say_entered(line, who, false);
        if announce {
            let present = ServerMessage::Present(self.presence(who));
            self.tell_others(who, &present);
        }
    }

    fn say_entered(&mut self, line: Line, who: ParticipantId, resumed: bool) {
        let guest = &self.guests[&who];
        let is_moderator = guest.role == Role::Moderator;
        let mut resume = who.raw().to_be_bytes().to_vec();
        resume.resize(32, 7);
        let others = self.others(who);
        let entered = Entered {
            room: self.room,
            participant: who,
            role: guest.role,
            place: guest.place,
            resume: Opaque::new(resume).unwrap(),
            resumed,
            group: self.group,
            last_generation: self.group.map(|group| group.generation),
            present: if guest.place == Place::Room {
                others.iter().map(|id| self.presence(*id)).collect()
            } else {
                Vec::new()
            },
            knocks: if is_moderator {
                self.guests.keys().filter_map(|id| self.knocked(*id)).collect()
            } else {
                Vec::new()
            },
        };
        self.say(line, ServerMessage::Entered(entered));
    }

    fn act(&mut self, who: ParticipantId, message: ClientMessage) -> Result<(), Reject> {
        match message {
            ClientMessage::Hello(_) => return Err(Reject::OutOfOrder),
            ClientMessage::Knock(knock) | ClientMessage::Spare(knock) => {
                self.guests.get_mut(&who).unwrap().knock = Some(knock);
                if let Some(knocked) = self.knocked(who) {
                    for moderator in self.moderators() {
                        self.tell(moderator, ServerMessage::Knocked(knocked.clone()));
                    }
                }
            }
            ClientMessage::OpenGroup(open) => {
                if self.group.is_some_and(|group| group.generation >= open.generation) {
                    return Err(Reject::StaleGeneration);
                }
                let (group, generation) = (open.group, open.generation);
                self.group = Some(GroupState { group, generation, epoch: Epoch(0) });
                self.seq += 1;
                let opened = GroupOpened { seq: self.seq, group, generation, by: who };
                for id in self.in_room() {
                    self.deliver(id, ServerMessage::GroupOpened(opened.clone()));
                }
            }
            ClientMessage::Commit(commit) => return self.commit(who, commit),
            ClientMessage::Application(application) => {
                let group = self.group.ok_or(Reject::NoSuchGroup)?;
                if application.group != group.group {
                    return Err(Reject::NoSuchGroup);
                }
                if application.epoch.0 + 1 < group.epoch.0 {
                    return Err(Reject::StaleEpoch {
                        got: application.epoch,
                        current: group.epoch,
                    });
                }
                self.seq += 1;
                let relayed = Relayed {
                    seq: self.seq,
                    group: application.group,
                    epoch: application.epoch,
                    by: who,
                    message: application.message,
                };
                for other in self.others(who) {
                    if application.fleeting {
                        self.tell(other, ServerMessage::Relayed(relayed.clone()));
                    } else {
                        self.deliver(other, ServerMessage::Relayed(relayed.clone()));
                    }
                }
            }
            ClientMessage::DoorstepNote(note) => return self.doorstep_note(who, note),
            ClientMessage::Decline(decline) => {
                self.remove(decline.participant, FarewellReason::Declined);
            }
            ClientMessage::Offer(_) => {
                self.tell(who, ServerMessage::Answer(Answer { sdp: "v=0".to_owned() }));
            }
            ClientMessage::Track(track) => {
                let guest = self.guests.get_mut(&who).unwrap();
                guest.tracks.retain(|t| t.kind != track.kind);
                guest.tracks.push(track);
                let present = ServerMessage::Present(self.presence(who));
                self.tell_others(who, &present);
            }
            ClientMessage::Leave => self.remove(who, FarewellReason::Left),
            ClientMessage::EndRoom => {
                for id in self.guests.keys().copied().collect::<Vec<_>>() {
                    self.remove(id, FarewellReason::RoomEnded);
                }
            }
            ClientMessage::Ping => (),
        }
        Ok(())
    }

    fn doorstep_note(&mut self, who: ParticipantId, note: DoorstepNote) -> Result<(), Reject> {
        let DoorstepNote { participant: to, sealed } = note;
        let message = ServerMessage::DoorstepNote(DoorstepNoted { participant: who, sealed });
        let to: Vec<ParticipantId> = match to {
            Some(to) => vec![to],
            None => self.moderators(),
        };
        let is_there = |who: &ParticipantId| {
            self.guests.get(who).is_some_and(|guest| {
                let waits = guest.place == Place::Waiting;
                guest.line.is_some() && (waits || guest.role == Role::Moderator)
            })
        };
        let to: Vec<ParticipantId> = to.into_iter().filter(is_there).collect();
        for who in &to {
            self.tell(*who, message.clone());
        }
        if to.is_empty() { Err(Reject::NoSuchParticipant) } else { Ok(()) }
    }

    fn commit(&mut self, who: ParticipantId, commit: Commit) -> Result<(), Reject> {
        let group = self.group.as_mut().ok_or(Reject::NoSuchGroup)?;
        if commit.group != group.group {
            return Err(Reject::NoSuchGroup);
        }
        if commit.epoch != group.epoch {
            return Err(Reject::StaleEpoch { got: commit.epoch, current: group.epoch });
        }
        group.epoch.0 += 1;
        let GroupState { group, generation, epoch } = *group;
        let old: Vec<ParticipantId> = self.in_room();
        self.seq += 1;
        let committed = Committed {
            seq: self.seq,
            group,
            epoch: commit.epoch,
            by: who,
            message: commit.message,
            added: commit.added.clone(),
            removed: commit.removed.clone(),
        };
        self.commits.push(committed.clone());
        let added: BTreeSet<ParticipantId> =
            commit.added.iter().map(|added| added.participant).collect();
        for id in old.into_iter().filter(|id| !added.contains(id)) {
            self.deliver(id, ServerMessage::Committed(committed.clone()));
        }
        for id in commit.removed {
            self.remove(id, FarewellReason::Removed);
        }
        for id in added {
            let Some(guest) = self.guests.get_mut(&id) else { continue };
            guest.place = Place::Room;
            let invite = guest.invite.unwrap();
            self.pinned.insert((invite, guest.device.clone()));
            let welcomed = Welcomed {
                seq: self.seq,
                group,
                generation,
                epoch,
                by: who,
                message: commit.welcome.clone().unwrap_or_default(),
                wrapped_room_secret: self.wrapped[&invite].clone(),
                present: self.others(id).iter().map(|id| self.presence(*id)).collect(),
            };
            self.deliver(id, ServerMessage::Welcomed(welcomed));
            let present = ServerMessage::Present(self.presence(id));
            self.tell_others(id, &present);
        }
        Ok(())
    }

    /// Somebody's part is over.
    pub(crate) fn remove(&mut self, who: ParticipantId, reason: FarewellReason) {
        let Some(guest) = self.guests.get(&who) else { return };
        let was_in_room = guest.place == Place::Room;
        self.tell(who, ServerMessage::Farewell { reason });
        self.guests.remove(&who);
        self.lines.retain(|_, id| *id != who);
        if was_in_room {
            self.tell_others(who, &ServerMessage::Gone { participant: who, reason });
        } else {
            for moderator in self.moderators() {
                self.tell(moderator, ServerMessage::Unknocked { participant: who });
            }
        }
    }

    /// A WebSocket broke; somebody who only waited is gone with it.
    pub(crate) fn closed(&mut self, line: Line) {
        self.outbox.retain(|(to, _)| *to != line);
        let Some(who) = self.lines.remove(&line) else { return };
        let Some(guest) = self.guests.get_mut(&who) else { return };
        if guest.line != Some(line) {
            return;
        }
        guest.line = None;
        if guest.place == Place::Room {
            let present = ServerMessage::Present(self.presence(who));
            self.tell_others(who, &present);
        } else {
            self.guests.remove(&who);
            for moderator in self.moderators() {
                self.tell(moderator, ServerMessage::Unknocked { participant: who });
            }
        }
    }

    /// The process died and a new one took its place: only what is stored is left.
    pub(crate) fn restart(&mut self) {
        let mut fresh = Self::new(self.room);
        fresh.wrapped = self.wrapped.clone();
        fresh.pinned = self.pinned.clone();
        fresh.next_id = 1000 + self.next_id;
        *self = fresh;
    }
}
