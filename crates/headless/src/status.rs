//! What can be seen of a headless participant from outside, at any moment.

use std::collections::{BTreeMap, VecDeque};

use participant::CallState;
use participant::input::Topic;
use participant::output::{EndReason, Phase};
use protocol::id::ParticipantId;
use protocol::media::TrackKind;
use protocol::reject::Reject;
use protocol::time::Timestamp;

/// Most chat lines and refusals kept.
const KEPT_MAX: usize = 256;

/// Everything there is to see.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// What a view would draw; `None` before the core said anything.
    pub call: Option<CallState>,
    /// Chat, oldest first.
    pub chat: VecDeque<ChatLine>,
    /// What devices of others told, oldest first.
    pub said: VecDeque<Said>,
    /// Notes before admission, oldest first.
    pub notes: VecDeque<DoorstepNote>,
    /// Consent receipts as JSON, oldest first.
    pub receipts: VecDeque<String>,
    /// Requests refused, oldest first.
    pub refused: VecDeque<Reject>,
    /// Counts.
    pub counters: Counters,
}

/// One line of chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatLine {
    /// Who.
    pub from: ParticipantId,
    /// Their name.
    pub name: String,
    /// Whether it is the participant's own.
    pub own: bool,
    /// The text.
    pub text: String,
    /// When it was shown.
    pub at: Timestamp,
}

/// Something the device of somebody else told.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub from: ParticipantId,
    /// About what.
    pub topic: Topic,
    /// What.
    pub text: String,
}

/// Not what was said.
impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Said({:?} {:?})", self.from, self.topic)
    }
}

/// A note before admission.
#[derive(Clone, PartialEq, Eq)]
pub struct DoorstepNote {
    /// The person who waits, or whoever wrote to them.
    pub participant: ParticipantId,
    /// Whether it is the participant's own.
    pub own: bool,
    /// What.
    pub text: String,
}

/// Not what was written.
impl std::fmt::Debug for DoorstepNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DoorstepNote({:?}, own: {})", self.participant, self.own)
    }
}

/// What happened how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// WebSockets opened.
    pub sockets: u64,
    /// Peer connections that came to work.
    pub media_connections: u64,
    /// Frames sealed and sent, by track.
    pub sealed: BTreeMap<TrackKind, u64>,
    /// Frames that could not be sealed, and so were not sent.
    pub not_sealed: u64,
    /// Frames opened, by sender and track.
    pub opened: BTreeMap<(ParticipantId, TrackKind), u64>,
    /// Frames that came and could not be opened, by why (a stable code).
    pub not_opened: BTreeMap<&'static str, u64>,
    /// Frames that came on a slot bound to nobody, or sealed by somebody else than the slot says.
    pub not_expected: u64,
    /// Key frames that somebody asked for.
    pub keyframes_wanted: u64,
    /// When the first frame was opened.
    pub first_opened_at: Option<Timestamp>,
}

impl Counters {
    /// Frames opened on tracks of this kind, over all senders.
    #[must_use]
    pub fn opened_of(&self, kind: TrackKind) -> u64 {
        self.opened.iter().filter(|((_, of), _)| *of == kind).map(|(_, n)| n).sum()
    }
}

impl Status {
    /// Where the participant is in the journey.
    #[must_use]
    pub fn phase(&self) -> Option<&Phase> {
        self.call.as_ref().map(|call| &call.phase)
    }

    /// Whether the participant is in the call.
    #[must_use]
    pub fn is_in_call(&self) -> bool {
        matches!(self.phase(), Some(Phase::InCall))
    }

    /// Whether the participant waits to be let in.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.phase(), Some(Phase::Waiting))
    }

    /// Why it is over, if it is.
    #[must_use]
    pub fn ended(&self) -> Option<&EndReason> {
        match self.phase() {
            Some(Phase::Ended { reason }) => Some(reason),
            Some(
                Phase::Connecting
                | Phase::Waiting
                | Phase::Joining
                | Phase::InCall
                | Phase::Reconnecting { .. },
            )
            | None => None,
        }
    }

    /// The safety code, its groups joined.
    #[must_use]
    pub fn safety_code(&self) -> Option<String> {
        self.call.as_ref()?.safety_code.as_ref().map(|groups| groups.join(" "))
    }

    pub(crate) fn keep_chat(&mut self, line: ChatLine) {
        keep(&mut self.chat, line);
    }

    pub(crate) fn keep_said(&mut self, said: Said) {
        keep(&mut self.said, said);
    }

    pub(crate) fn keep_note(&mut self, note: DoorstepNote) {
        keep(&mut self.notes, note);
    }

    pub(crate) fn keep_receipt(&mut self, receipt: String) {
        keep(&mut self.receipts, receipt);
    }

    pub(crate) fn keep_refusal(&mut self, reject: Reject) {
        keep(&mut self.refused, reject);
    }
}

fn keep<T>(kept: &mut VecDeque<T>, new: T) {
    if kept.len() == KEPT_MAX {
        kept.pop_front();
    }
    kept.push_back(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_lines_are_kept() {
        let mut status = Status::default();
        for _ in 0..KEPT_MAX + 5 {
            status.keep_refusal(Reject::TooFast);
        }
        assert_eq!(status.refused.len(), KEPT_MAX);
    }

    #[test]
    fn nothing_is_claimed_before_the_core_spoke() {
        let status = Status::default();
        assert!(!status.is_in_call() && !status.is_waiting());
        assert_eq!((status.ended(), status.safety_code()), (None, None));
    }
}
