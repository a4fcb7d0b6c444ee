//! What the person and their device say to the other members, and what they hear of them.

use e2ee::group::Group;
use e2ee::message::Message;
use protocol::client::{Application, ClientMessage};
use protocol::id::ParticipantId;
use protocol::reject::Reject;
use protocol::server::Place;
use protocol::time::Timestamp;

use crate::input::Topic;
use crate::output::Output;
use crate::participant::Participant;
use crate::sayings::Heard;

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
    message: impl FnOnce() -> Message,
) -> Option<Application> {
    if !is_good(sealed.as_ref(), group) {
        let message = group.seal_application(&message()).ok()?;
        let (group, epoch) = (group.id(), group.epoch());
        *sealed = Some(Application { group, epoch, message });
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
                seal(group, &mut line.sealed, || Message::Chat { text: text.clone() })?;
            connection.request(ClientMessage::Application(sealed), out)
        });
        self.mouth.pump(now, |saying| {
            let group = group.as_deref_mut()?;
            let (topic, text) = (saying.topic, &saying.text);
            let message = || Message::Saying { topic, text: text.clone() };
            let sealed = seal(group, &mut saying.sealed, message)?;
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
