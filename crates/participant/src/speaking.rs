//! What the person and their device say to the other members, and what they hear of them.

use e2ee::doorstep::{DoorstepLine, Words};
use e2ee::group::Group;
use e2ee::message::Message;
use protocol::client::{Application, ClientMessage, DoorstepNote};
use protocol::id::ParticipantId;
use protocol::reject::Reject;
use protocol::server::{DoorstepNoted, Place, Role};
use protocol::time::Timestamp;

use crate::input::Topic;
use crate::output::Output;
use crate::participant::{Participant, Side};
use crate::sayings::{Heard, is_state};

/// Whether a sealed message may go again as it is.
fn is_good(sealed: Option<&Application>, group: &Group) -> bool {
    sealed.is_some_and(|sealed| {
        sealed.group == group.id() && sealed.epoch.0.saturating_add(1) >= group.epoch().0
    })
}

/// Seals for the group, unless it is sealed well already.
fn seal(
    group: &mut Group,
    sealed: &mut Option<Application>,
    fleeting: bool,
    message: impl FnOnce() -> Message,
) -> Option<Application> {
    if !is_good(sealed.as_ref(), group) {
        let message = group.seal_application(&message()).ok()?;
        let (group, epoch) = (group.id(), group.epoch());
        *sealed = Some(Application { group, epoch, message, fleeting });
    }
    sealed.clone()
}

impl Participant {
    /// The person wrote a line of chat.
    pub(crate) fn send_chat(&mut self, text: String) {
        let outcome = match self.place {
            Place::Waiting => Err(Reject::NotAdmitted),
            Place::Room => self.chat.add(text),
        };
        if let Err(reject) = outcome {
            self.refuse(reject);
        }
    }

    /// The device has something to tell the others.
    pub(crate) fn say(&mut self, topic: Topic, text: String) {
        let outcome = match self.place {
            Place::Waiting => Err(Reject::NotAdmitted),
            Place::Room => self.mouth.add(topic.into(), text),
        };
        if let Err(reject) = outcome {
            self.refuse(reject);
        }
    }

    /// Sends what is due, while it may be sent.
    pub(crate) fn pump_speech(&mut self, now: Timestamp) {
        while let Some(heard) = self.ears.next_due(now) {
            self.show_said(heard);
        }
        let may_send = self.connection.is_entered()
            && !self.keys.is_too_old(now)
            && !self.keys.is_withheld();
        let (connection, out) = (&mut self.connection, &mut self.out);
        let mut group = self.group.as_mut().filter(|group| may_send && group.is_sound());
        self.chat.pump(now, |line| {
            let group = group.as_deref_mut()?;
            let text = &line.text;
            let sealed =
                seal(group, &mut line.sealed, false, || Message::Chat { text: text.clone() })?;
            connection.request(ClientMessage::Application(sealed), out)
        });
        self.mouth.pump(now, |saying| {
            let group = group.as_deref_mut()?;
            let (topic, text) = (saying.topic, &saying.text);
            let message = || Message::Saying { topic, text: text.clone() };
            let sealed = seal(group, &mut saying.sealed, is_state(topic), message)?;
            connection.request(ClientMessage::Application(sealed), out)
        });
    }

    /// A member told us something.
    pub(crate) fn heard(
        &mut self,
        now: Timestamp,
        from: ParticipantId,
        counter: u64,
        topic: e2ee::message::Topic,
        text: String,
    ) {
        match self.ears.hear(now, counter, Heard { from, topic, text }) {
            Ok(Some(Heard { topic: e2ee::message::Topic::Consent, text, .. })) => {
                self.heard_consent(from, &text);
            }
            Ok(Some(heard)) => self.show_said(heard),
            Ok(None) => (),
            Err(_) => self.ignore(),
        }
    }

    fn show_said(&mut self, heard: Heard) {
        let Heard { from, topic, text } = heard;
        self.out.push_back(Output::Said { from, topic: topic.into(), text });
    }
}

impl Participant {
    /// A note to somebody who waits, or, from there, to the moderators.
    pub(crate) fn tell_doorstep(&mut self, participant: Option<ParticipantId>, text: String) {
        let who = match self.role() {
            Role::Moderator => participant,
            Role::Attendee => self.me.filter(|_| participant.is_none()),
        };
        let may = self.role() == Role::Moderator || self.place == Place::Waiting;
        let outcome = match who.filter(|_| may) {
            Some(who) => self.doorstep.write(who, text.clone()).map(|()| who),
            None => Err(Reject::NoSuchParticipant),
        };
        match outcome {
            Ok(participant) => self.show_note(participant, true, text),
            Err(reject) => self.refuse(reject),
        }
    }

    /// What everybody who waits is told first, from here on.
    pub(crate) fn preset_note(&mut self, text: Option<String>) {
        let outcome = match self.role() {
            Role::Moderator => self.doorstep.preset(text),
            Role::Attendee => Err(Reject::NotModerator),
        };
        if let Err(reject) = outcome {
            self.refuse(reject);
        }
    }

    /// A verified knock: there is a line to somebody who waits.
    pub(crate) fn meet_in_doorstep(&mut self, who: ParticipantId, line: Option<DoorstepLine>) {
        if let Some(text) = self.doorstep.meet(who, line) {
            self.show_note(who, true, text);
        }
    }

    /// Sends the notes that are due, to whoever still waits.
    pub(crate) fn pump_doorstep(&mut self, now: Timestamp) {
        let (me, place) = (self.me, self.place);
        let to: fn(ParticipantId) -> Option<ParticipantId> = match &self.side {
            Side::Moderator(side) => {
                self.doorstep.keep_only(|who| side.admission.waits(who));
                Some
            }
            Side::Attendee(_) => {
                self.doorstep.keep_only(|who| Some(who) == me && place == Place::Waiting);
                |_| None
            }
        };
        let (connection, out) = (&mut self.connection, &mut self.out);
        self.doorstep.pump(now, |who, sealed| {
            let note = DoorstepNote { participant: to(who), sealed };
            connection.request(ClientMessage::DoorstepNote(note), out)
        });
    }

    /// A note came.
    pub(crate) fn doorstep_noted(&mut self, noted: &DoorstepNoted) {
        let who = match self.role() {
            Role::Moderator => Some(noted.participant),
            Role::Attendee => self.me,
        };
        let words = who.and_then(|who| self.doorstep.read(who, &noted.sealed));
        match words {
            Some(Words::Text(text)) => self.show_note(noted.participant, false, text),
            Some(Words::Hello) => (),
            None => return self.ignore(),
        }
        self.is_seen = true;
    }

    fn show_note(&mut self, participant: ParticipantId, own: bool, text: String) {
        self.out.push_back(Output::DoorstepNote { participant, own, text });
    }
}

impl Participant {
    /// Says where we are, when it is time.
    pub(crate) fn pump_pulse(&mut self, now: Timestamp) {
        if self.pulse.is_back(now, self.role()) {
            self.keys.want_key_frame();
        }
        let unix = self.unix_at(now);
        let may_send = self.connection.is_entered() && !self.keys.is_withheld();
        let (connection, out) = (&mut self.connection, &mut self.out);
        let mut group = self.group.as_mut().filter(|group| may_send && group.is_sound());
        self.pulse.pump(now, |sealed, heard| {
            let group = group.as_deref_mut()?;
            if !is_good(sealed.as_ref(), group) {
                let beat = group.heartbeat(unix, heard);
                *sealed = seal(group, &mut None, false, || beat);
            }
            connection.request(ClientMessage::Application(sealed.clone()?), out)
        });
    }

    /// The group is in a new epoch: everybody is to be heard in it.
    pub(crate) fn begin_pulse(&mut self, now: Timestamp) {
        let members = self.group.as_ref().map(Group::members).unwrap_or_default();
        let others = members.into_iter().filter(|member| !member.own);
        self.pulse.begin(now, others.map(|member| (member.participant, member.role)));
    }
}

impl Participant {
    /// Offers media when it is time.  An offer nobody answers means a broken WebSocket.
    pub(crate) fn pump_media(&mut self, now: Timestamp) {
        if self.media.is_unanswered(now) && self.connection.is_entered() {
            self.connection.come_back(now, &mut self.out);
            self.connection_lost(now);
        }
        self.media.pump(now, &mut self.connection, &mut self.out);
    }
}
