//! What each message of the server changes.
//!
//! The server is believed about places, presence and order, and about nothing else: names,
//! members and keys come from the group.  What does not fit the moment is counted and changes
//! nothing.

use std::collections::BTreeSet;

use e2ee::group::{CommitOutcome, Ignored, Opened};
use e2ee::message::Message;
use protocol::id::ParticipantId;
use protocol::limits::M_LINES_MAX;
use protocol::media::SlotBinding;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{Committed, Entered, GroupOpened, Place, Relayed, ServerMessage};
use protocol::time::Timestamp;

use crate::connection::Fate;
use crate::group_life::Began;
use crate::output::Output;
use crate::participant::{Participant, Side};
use crate::view;

/// Largest message taken from the server: what it says on entry grows with the room.
const RECEIVED_BYTES_MAX: usize = 1024 * 1024;

/// The moderator's page was brought to another room than it asked for.
const WRONG_ROOM: &str = "E30";

impl Participant {
    /// A text frame came.
    pub(crate) fn received(&mut self, now: Timestamp, text: &str) {
        self.connection.heard();
        if text.len() > RECEIVED_BYTES_MAX {
            return self.ignore();
        }
        let Ok(message) = ServerMessage::decode(text) else {
            return self.ignore();
        };
        match message {
            ServerMessage::Entered(entered) => self.entered(now, &entered),
            ServerMessage::Rejected { n, reject } => self.rejected(now, n, &reject),
            ServerMessage::Farewell { reason } => self.farewell(now, reason),
            _ if !self.connection.is_entered() => self.ignore(),
            ServerMessage::Done { n } => self.done(now, n),
            ServerMessage::Knocked(knocked) => self.knocked(now, &knocked),
            ServerMessage::Unknocked { participant } => match &mut self.side {
                Side::Moderator(side) => side.admission.unknocked(participant),
                Side::Attendee(_) => self.ignore(),
            },
            ServerMessage::DoorstepNote(noted) => self.doorstep_noted(&noted),
            ServerMessage::Present(presence) => {
                if !presence.connected {
                    self.keys.left(now, presence.participant);
                } else if self.is_away(presence.participant) {
                    self.pulse.hurry(now);
                }
                self.note_present(presence);
            }
            ServerMessage::Gone { participant, reason: _ } => self.gone(now, participant),
            ServerMessage::GroupOpened(opened) => self.group_opened(now, &opened),
            ServerMessage::Committed(committed) => self.committed(now, &committed),
            ServerMessage::Welcomed(welcomed) => self.welcomed(now, welcomed),
            ServerMessage::Relayed(relayed) => self.relayed(now, &relayed),
            ServerMessage::Answer(answer) => {
                if self.media.answered(now) {
                    self.out.push_back(Output::TakeAnswer { sdp: answer.sdp });
                } else {
                    self.ignore();
                }
            }
            ServerMessage::Slots { bindings } => self.slots(bindings),
            ServerMessage::MediaLost => self.media.lost(now),
        }
    }

    fn entered(&mut self, now: Timestamp, entered: &Entered) {
        if entered.role != self.role()
            || !self.connection.entered(now, entered.resume.clone(), entered.resumed)
        {
            return self.ignore();
        }
        let is_same = entered.resumed && self.me == Some(entered.participant);
        if let Side::Moderator(side) = &self.side
            && entered.room != side.room()
        {
            return self.end_unsafe(WRONG_ROOM);
        }
        let is_same = is_same && self.own_room() == Some(entered.room);
        self.has_entered = true;
        self.me = Some(entered.participant);
        self.place = entered.place;
        self.present.clear();
        for presence in entered.present.iter().cloned() {
            self.note_present(presence);
        }
        if !is_same {
            self.start_over(now, entered);
        }
        self.pulse.hurry(now);
        self.media.hurry(now);
        match &mut self.side {
            Side::Attendee(side) => {
                if self.place == Place::Room && self.group.is_none() {
                    side.left_out(now);
                }
            }
            Side::Moderator(_) => self.catch_up(now, entered),
        }
    }

    /// We are somebody new: nothing of the former participant counts.
    fn start_over(&mut self, now: Timestamp, entered: &Entered) {
        self.group = None;
        self.ears.clear();
        self.pulse.close();
        self.keys.close();
        self.media.stop(&mut self.out);
        self.tracks_told.clear();
        match &mut self.side {
            Side::Attendee(side) => {
                side.start_over(now, entered.room, entered.participant);
                self.doorstep.become_somebody(entered.participant);
            }
            Side::Moderator(side) => side.start_over(),
        }
    }

    fn done(&mut self, now: Timestamp, n: u32) {
        if let Some(text) = self.chat.done(n)
            && let Some(me) = self.me
        {
            let name = self.own_name();
            self.out.push_back(Output::Chat { from: me, name, own: true, text });
        }
        self.mouth.done(n);
        self.doorstep.done(n);
        self.pulse.done(n);
        self.keys.done(n);
        match &mut self.side {
            Side::Attendee(side) => side.done(now, n),
            Side::Moderator(_) => self.moderator_done(now, n),
        }
    }

    fn rejected(&mut self, now: Timestamp, n: Option<u32>, reject: &Reject) {
        let fate = self.connection.rejected(now, n, reject, &mut self.out);
        if fate != Fate::Same {
            return self.take_fate(now, fate);
        }
        let Some(n) = n.filter(|_| self.connection.is_entered()) else {
            return;
        };
        let chat = self.chat.rejected(now, n, reject);
        if let Some(reject) = chat.or(self.mouth.rejected(now, n, reject)) {
            self.refuse(reject);
        }
        self.doorstep.rejected(now, n, reject);
        self.pulse.rejected(now, n);
        self.keys.rejected(now, n);
        if self.media.rejected(now, n) && *reject == Reject::BadOffer {
            self.refuse(Reject::BadOffer);
        }
        match &mut self.side {
            Side::Attendee(side) => side.rejected(now, n),
            Side::Moderator(_) => self.moderator_rejected(now, n, reject),
        }
    }

    fn farewell(&mut self, now: Timestamp, reason: FarewellReason) {
        if !self.connection.is_entered() {
            return self.ignore();
        }
        if reason.may_reconnect() {
            self.connection.come_back(now, &mut self.out);
            self.connection_lost(now);
        } else {
            self.end(view::farewell(reason));
        }
    }

    fn gone(&mut self, now: Timestamp, participant: ParticipantId) {
        self.present.remove(&participant);
        self.keys.left(now, participant);
        let is_member = self.leaf_of(participant).is_some();
        if let Side::Moderator(side) = &mut self.side {
            side.admission.gone(participant);
            if is_member {
                side.admission.want_removed(participant);
            }
        }
    }

    fn group_opened(&mut self, now: Timestamp, opened: &GroupOpened) {
        if !self.connection.take_seq(opened.seq) {
            return self.ignore();
        }
        match &mut self.side {
            Side::Attendee(side) => {
                let is_newer = self
                    .group
                    .as_ref()
                    .is_none_or(|group| opened.generation > group.generation());
                if is_newer {
                    side.left_out(now);
                }
            }
            Side::Moderator(_) => self.own_group_opened(now, opened),
        }
    }

    fn committed(&mut self, now: Timestamp, committed: &Committed) {
        if !self.connection.take_seq(committed.seq) {
            return self.ignore();
        }
        let unix = self.unix_at(now);
        let members = self.members();
        let Some(group) = self.group.as_mut().filter(|group| group.id() == committed.group)
        else {
            return self.ignore();
        };
        match group.handle_commit(unix, committed.message.as_slice()) {
            CommitOutcome::Accepted(change) => {
                let removed: BTreeSet<ParticipantId> =
                    change.removed.iter().map(|member| member.participant).collect();
                let added: BTreeSet<ParticipantId> =
                    change.added.iter().map(|member| member.participant).collect();
                let began = if removed.is_empty() { Began::Commit } else { Began::Removal };
                let is_connected = |who: ParticipantId| {
                    // Somebody just added may not have been announced yet.
                    added.contains(&who)
                        || self.present.get(&who).is_some_and(|other| other.connected)
                };
                self.keys.begin(now, group, began, is_connected);
                if !removed.is_empty() {
                    let members = group.members().into_iter();
                    self.ears.keep_only(&members.map(|member| member.participant).collect());
                }
                if let Side::Moderator(side) = &mut self.side {
                    // Of members the commit tells; the server is asked about doors alone.
                    let told = committed.removed.iter().copied();
                    let told = told.filter(|who| !members.contains(who));
                    side.commit_won(&added, &removed.into_iter().chain(told).collect());
                }
                self.begin_pulse(now);
            }
            CommitOutcome::Evicted => self.end(view::farewell(FarewellReason::Removed)),
            CommitOutcome::Ignored(Ignored::Future) => self.enter_anew(now),
            CommitOutcome::Ignored(Ignored::Past | Ignored::OtherGroup | Ignored::Closed) => {
                self.ignore();
            }
            CommitOutcome::Refused(refused) => self.end_unsafe(refused.code()),
        }
    }

    fn relayed(&mut self, now: Timestamp, relayed: &Relayed) {
        if !self.connection.take_seq(relayed.seq) {
            return self.ignore();
        }
        let Some(group) = self.group.as_mut().filter(|group| group.id() == relayed.group)
        else {
            return self.ignore();
        };
        let Ok(Opened { leaf, participant, counter, message }) =
            group.open_application(relayed.message.as_slice())
        else {
            return self.ignore();
        };
        match message {
            Message::EpochAck { epoch: _ } => {
                self.pulse.heard(now, participant, false);
                self.keys.confirmed(now, participant);
            }
            Message::Heartbeat(beat) => {
                let hears_us = beat.hears(group.own_leaf());
                self.pulse.heard(now, participant, hears_us);
            }
            Message::Saying { topic, text } => {
                self.heard(now, participant, counter, topic, text);
            }
            Message::Chat { text } => {
                let name = group.member_at(leaf).and_then(|member| member.name);
                self.out.push_back(Output::Chat {
                    from: participant,
                    name: name.unwrap_or_default(),
                    own: false,
                    text,
                });
            }
        }
    }

    fn is_away(&self, who: ParticipantId) -> bool {
        self.present.get(&who).is_some_and(|other| !other.connected)
    }

    fn slots(&mut self, bindings: Vec<SlotBinding>) {
        // A slot with two tracks, or a track on two slots, could put somebody's picture under
        // the name of somebody else.
        let (mut mids, mut tracks) = (BTreeSet::new(), BTreeSet::new());
        let is_plain = bindings.iter().all(|SlotBinding { mid, publisher, kind }| {
            mids.insert(mid) && tracks.insert((publisher, kind))
        });
        if bindings.len() > M_LINES_MAX || !is_plain {
            return self.ignore();
        }
        self.out.push_back(Output::BindSlots { bindings });
    }

    pub(crate) fn leaf_of(
        &self,
        participant: ParticipantId,
    ) -> Option<protocol::id::LeafIndex> {
        let members = self.group.as_ref()?.members();
        members
            .into_iter()
            .find(|member| member.participant == participant && !member.own)
            .map(|member| member.leaf)
    }

    fn own_name(&self) -> String {
        let members = self.group.as_ref().map(e2ee::group::Group::members).unwrap_or_default();
        members.into_iter().find(|member| member.own).and_then(|m| m.name).unwrap_or_default()
    }
}
