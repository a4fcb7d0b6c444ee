//! When the shell must make a peer connection, and what becomes of its offer.
//!
//! ```text
//!  Off ─want─► Due ─MakeOffer─► Making ─offered─► Ready ─send─► Offering ─answer─► Answered
//!               ▲                                                                     │
//!               └──────────── failed | lost | refused | no answer (after a pause) ◄── Connected
//! ```
//!
//! The server answers offers and may lose the media path whenever it likes; the worst it
//! gains is a new offer after a pause that grows to two seconds.
//!
//! # Invariants
//!
//! - One offer at a time: an answer is taken only for the offer that was sent last.
//! - Pauses between attempts grow to 2 s, unless the last one carried media for a while.
//! - A broken WebSocket alone never ends media that flows.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::client::{ClientMessage, Offer};
use protocol::limits::{M_LINES_MAX, SDP_BYTES_MAX};
use protocol::time::Timestamp;

use crate::connection::Connection;
use crate::output::Output;

/// How long the shell may take to make an offer: a person may be asked for the camera.
const MAKING_PATIENCE: Duration = Duration::from_secs(60);

/// How long the server may take to answer.  It gives up on an offer after ten seconds itself, so
/// later than that it is the connection that is broken.
const ANSWER_PATIENCE: Duration = Duration::from_secs(12);

/// How long ICE and DTLS may take.
const CONNECTING_PATIENCE: Duration = Duration::from_secs(12);

/// First pause; each failure doubles it.
const PAUSE_FIRST: Duration = Duration::from_millis(500);

/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Media that flowed this long was good: the next attempt comes at once.
const LASTED: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
enum State {
    #[default]
    Off,
    Due {
        at: Timestamp,
    },
    Making {
        deadline: Timestamp,
    },
    Ready {
        offer: Offer,
    },
    Offering {
        offer: Offer,
        n: u32,
        deadline: Timestamp,
    },
    Answered {
        deadline: Timestamp,
    },
    Connected {
        since: Timestamp,
    },
}

/// The life of the peer connection.
#[derive(Debug, Default)]
pub(crate) struct MediaLife {
    state: State,
    n_failures: u32,
    has_connected: bool,
}

impl MediaLife {
    /// Media are wanted from here on.
    pub(crate) fn want(&mut self, now: Timestamp) {
        if matches!(self.state, State::Off) {
            self.state = State::Due { at: now };
        }
    }

    /// Media are not wanted any more.
    pub(crate) fn stop(&mut self, out: &mut VecDeque<Output>) {
        match std::mem::take(&mut self.state) {
            State::Off | State::Due { .. } => (),
            State::Making { .. }
            | State::Ready { .. }
            | State::Offering { .. }
            | State::Answered { .. }
            | State::Connected { .. } => out.push_back(Output::CloseMedia),
        }
        self.has_connected = false;
    }

    /// The shell made an offer.
    pub(crate) fn offered(&mut self, now: Timestamp, offer: Offer) {
        let fits = offer.sdp.len() <= SDP_BYTES_MAX
            && offer.tracks.len() + offer.slots.len() <= M_LINES_MAX;
        match self.state {
            State::Making { .. } if fits => self.state = State::Ready { offer },
            State::Making { .. } => self.fail(now),
            State::Off
            | State::Due { .. }
            | State::Ready { .. }
            | State::Offering { .. }
            | State::Answered { .. }
            | State::Connected { .. } => (),
        }
    }

    /// The server's answer: `true` if it is to ours and goes to the shell.
    pub(crate) fn answered(&mut self, now: Timestamp) -> bool {
        let is_ours = matches!(self.state, State::Offering { .. });
        if is_ours {
            self.state = State::Answered { deadline: now + CONNECTING_PATIENCE };
        }
        is_ours
    }

    /// Whether request `n` was our offer; if so it was refused.
    pub(crate) fn rejected(&mut self, now: Timestamp, n: u32) -> bool {
        let is_ours = matches!(self.state, State::Offering { n: ours, .. } if ours == n);
        if is_ours {
            self.fail(now);
        }
        is_ours
    }

    /// The peer connection works.
    pub(crate) fn connected(&mut self, now: Timestamp) {
        if matches!(self.state, State::Answered { .. }) {
            self.state = State::Connected { since: now };
            self.has_connected = true;
        }
    }

    /// The peer connection failed here, or the server lost it.
    pub(crate) fn lost(&mut self, now: Timestamp) {
        match self.state {
            State::Answered { .. } | State::Connected { .. } => self.fail(now),
            // The server may speak of the connection before this one.
            State::Off
            | State::Due { .. }
            | State::Making { .. }
            | State::Ready { .. }
            | State::Offering { .. } => (),
        }
    }

    /// Whether the offer has had no answer for too long: then the WebSocket is to be given up,
    /// which sends it again.
    pub(crate) fn is_unanswered(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Offering { deadline, .. } if now >= deadline)
    }

    /// The way to the server is there again: what failed without it is tried at once.
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        self.n_failures = 0;
        if let State::Due { at } = &mut self.state {
            *at = now.min(*at);
        }
    }

    /// The WebSocket broke: an offer without an answer is sent again later.
    pub(crate) fn connection_lost(&mut self) {
        self.state = match std::mem::take(&mut self.state) {
            State::Offering { offer, .. } => State::Ready { offer },
            other @ (State::Off
            | State::Due { .. }
            | State::Making { .. }
            | State::Ready { .. }
            | State::Answered { .. }
            | State::Connected { .. }) => other,
        };
    }

    /// Sends and asks for what is due.  `true` when an offer went out.
    pub(crate) fn pump(
        &mut self,
        now: Timestamp,
        connection: &mut Connection,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let is_late = self.deadline().is_some_and(|deadline| now >= deadline);
        if is_late && !self.is_unanswered(now) {
            self.fail(now);
        }
        match &self.state {
            State::Due { at } if now >= *at => {
                self.state = State::Making { deadline: now + MAKING_PATIENCE };
                out.push_back(Output::MakeOffer);
                false
            }
            State::Ready { offer } => {
                let offer = offer.clone();
                let Some(n) = connection.request(ClientMessage::Offer(offer.clone()), out)
                else {
                    return false;
                };
                let deadline = now + ANSWER_PATIENCE;
                self.state = State::Offering { offer, n, deadline };
                true
            }
            State::Off
            | State::Due { .. }
            | State::Making { .. }
            | State::Offering { .. }
            | State::Answered { .. }
            | State::Connected { .. } => false,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        match &self.state {
            State::Due { at } => Some(*at),
            State::Making { .. }
            | State::Offering { .. }
            | State::Answered { .. }
            | State::Off
            | State::Ready { .. }
            | State::Connected { .. } => self.deadline(),
        }
    }

    /// Whether the server took the offer.
    pub(crate) const fn is_answered(&self) -> bool {
        matches!(self.state, State::Answered { .. } | State::Connected { .. })
    }

    /// Whether media have flowed since they were wanted.
    pub(crate) const fn has_connected(&self) -> bool {
        self.has_connected
    }

    /// When this attempt has taken too long.
    fn deadline(&self) -> Option<Timestamp> {
        match &self.state {
            State::Making { deadline }
            | State::Offering { deadline, .. }
            | State::Answered { deadline } => Some(*deadline),
            State::Off | State::Due { .. } | State::Ready { .. } | State::Connected { .. } => {
                None
            }
        }
    }

    fn fail(&mut self, now: Timestamp) {
        if let State::Connected { since } = self.state
            && now.since(since) >= LASTED
        {
            self.n_failures = 0;
        }
        let pause = match self.n_failures {
            0 => Duration::ZERO,
            n => PAUSE_FIRST.saturating_mul(1 << n.saturating_sub(1).min(8)).min(PAUSE_MAX),
        };
        self.n_failures = self.n_failures.saturating_add(1);
        self.state = State::Due { at: now + pause };
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::InviteId;
    use protocol::opaque::Opaque;

    use super::*;
    use crate::connection::Entry;

    #[test]
    fn an_offer_is_made_sent_answered_and_carries_media() {
        let mut call = Call::new();
        call.media.want(at(0));
        assert_eq!(call.pump(at(0)), [Output::MakeOffer]);
        call.media.offered(at(5), offer());
        assert!(matches!(call.pump(at(5))[..], [Output::Send { .. }]));

        assert!(call.media.answered(at(9)));
        assert!(!call.media.answered(at(9)), "an answer counts once");
        assert!(!call.media.has_connected());
        call.media.connected(at(50));
        assert!(call.media.has_connected());
        assert_eq!(call.media.poll_timeout(), None);
    }

    #[test]
    fn an_answer_nobody_asked_for_is_not_taken() {
        let mut media = MediaLife::default();
        assert!(!media.answered(at(0)));
        media.want(at(0));
        assert!(!media.answered(at(0)));
        media.connected(at(0));
        assert!(!media.has_connected());
    }

    #[test]
    fn pauses_between_attempts_grow_to_two_seconds_and_good_media_resets_them() {
        let mut call = Call::new();
        call.media.want(at(0));
        let mut now = at(0);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            call.connect(now);
            call.media.lost(now);
            let due = call.media.poll_timeout().unwrap();
            pauses.push(due - now);
            now = due;
        }
        assert_eq!(pauses.first(), Some(&Duration::ZERO));
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&PAUSE_MAX));

        call.connect(now);
        now = now + LASTED;
        call.media.lost(now);
        assert_eq!(call.media.poll_timeout(), Some(now));
    }

    #[test]
    fn a_broken_websocket_sends_the_offer_again_and_leaves_media_alone() {
        let mut call = Call::new();
        call.media.want(at(0));
        call.pump(at(0));
        call.media.offered(at(1), offer());
        assert_eq!(call.pump(at(1)).len(), 1);
        call.media.connection_lost();
        assert_eq!(call.pump(at(2)).len(), 1, "sent again");

        call.media.answered(at(3));
        call.media.connected(at(4));
        call.media.connection_lost();
        assert_eq!(call.pump(at(5)), []);
        assert!(call.media.has_connected());
    }

    #[test]
    fn no_answer_and_no_media_lead_to_another_offer() {
        let mut call = Call::new();
        call.media.want(at(0));
        call.pump(at(0));
        call.media.offered(at(0), offer());
        call.pump(at(0));
        let deadline = call.media.poll_timeout().unwrap();
        assert!(!call.media.is_unanswered(at(0)) && call.media.is_unanswered(deadline));
        assert_eq!(call.pump(deadline), [], "whoever asks gives the WebSocket up");
        call.media.connection_lost();
        assert!(matches!(call.pump(deadline)[..], [Output::Send { .. }]), "the same again");
        assert!(call.media.answered(deadline));
        let deadline = call.media.poll_timeout().unwrap();
        assert_eq!(call.pump(deadline), [Output::MakeOffer]);
    }

    #[test]
    fn what_failed_while_there_was_no_way_to_the_server_is_tried_at_once() {
        let mut call = Call::new();
        call.media.want(at(0));
        let mut now = at(0);
        for _ in 0..5 {
            call.connect(now);
            call.media.lost(now);
            now = call.media.poll_timeout().unwrap();
        }
        call.connect(now);
        call.media.lost(now);
        assert!(call.media.poll_timeout().unwrap() > now);
        call.media.hurry(now);
        assert_eq!(call.pump(now), [Output::MakeOffer]);
    }

    #[test]
    fn an_offer_over_the_limits_is_not_sent() {
        let mut call = Call::new();
        call.media.want(at(0));
        call.pump(at(0));
        call.media.offered(at(0), Offer { sdp: "x".repeat(SDP_BYTES_MAX + 1), ..offer() });
        assert_eq!(call.pump(at(0)), [Output::MakeOffer]);
    }

    struct Call {
        media: MediaLife,
        connection: Connection,
    }

    impl Call {
        fn new() -> Self {
            let entry = Entry::Invite {
                invite: InviteId::from_bytes([1; 16]),
                server_auth: Opaque::default(),
                device: Opaque::default(),
            };
            let mut connection = Connection::new(entry, crate::random::Jitter::new(1));
            let mut out = VecDeque::new();
            connection.start(at(0), &mut out);
            connection.opened(at(0), &mut out);
            connection.entered(at(0), Opaque::default(), false);
            Self { media: MediaLife::default(), connection }
        }

        fn pump(&mut self, now: Timestamp) -> Vec<Output> {
            let mut out = VecDeque::new();
            self.media.pump(now, &mut self.connection, &mut out);
            out.into()
        }

        fn connect(&mut self, now: Timestamp) {
            self.pump(now);
            self.media.offered(now, offer());
            self.pump(now);
            assert!(self.media.answered(now));
            self.media.connected(now);
        }
    }

    fn offer() -> Offer {
        Offer { sdp: "v=0".to_owned(), tracks: Vec::new(), slots: Vec::new() }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }
}
