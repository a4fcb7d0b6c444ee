//! One WebSocket after the other: by what right we enter, when we try again, when we give up.
//!
//! ```text
//!           attendee, or a resume token        opened             entered
//!  Idle ──┬──────────────────────────► Dialing ──────► Greeting ──────────► Entered
//!         └─► Ticketing ──ticket──────►   │               │                    │
//!                 ▲                       └───── closed, silent, refused ──────┘
//!                 └──────────────────── Pausing ◄─────────┘
//! ```
//!
//! The server may close, stall or refuse at any point.  The worst it gains is that we come
//! back later: never faster than the pauses below, and never with a right it has refused.
//!
//! # Invariants
//!
//! - Requests go out only while entered, numbered 1, 2, 3, … on each connection.
//! - Pauses lie between 0.3 s and 3 s, and grow until a connection has lasted.
//! - A resume token that was refused is never offered again.
//! - After [`Connection::end`] nothing is sent, dialled or fetched any more.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::client::{ClientEnvelope, ClientMessage, Hello, Right};
use protocol::id::InviteId;
use protocol::limits::{HELLO_PATIENCE, PING_INTERVAL, SILENCE_PATIENCE};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::time::Timestamp;

use crate::output::Output;
use crate::random::Jitter;

/// First pause at its longest; each failure doubles it.
const PAUSE_FIRST: Duration = Duration::from_millis(600);

/// Longest pause.  Whoever waits for a server that starts again is back 6 s after it at the
/// latest; less would have many rooms knock at it at once.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// How long the shell may take to open a WebSocket or to fetch a ticket: TCP, TLS and HTTP over
/// a very slow line.  What was dialled into a dead network is not waited for longer.
const DIAL_PATIENCE: Duration = Duration::from_secs(8);

/// A dial that is younger than this when the network is said to be back may still succeed.
const DIAL_YOUNG: Duration = Duration::from_secs(2);

/// A connection that lasted this long was a good one: the next pause is short again.
const LASTED: Duration = Duration::from_secs(10);

/// How many fresh tickets in a row may be refused before we believe it.
const TICKETS_REFUSED_MAX: u32 = 3;

/// By what right we enter when there is nothing to resume.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// By a link.
    Invite {
        /// Which invite.
        invite: InviteId,
        /// What the server knows the hash of.
        server_auth: Opaque<32>,
        /// This device, for this invite.
        device: Opaque<16>,
    },
    /// By a ticket the shell fetches each time.
    Ticket,
}

/// What became of the connection, for the layers above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing they need to know.
    Same,
    /// It was lost after we had entered; all requests without an answer are in doubt.
    Lost,
    /// We are not let in, for good.
    Refused(Reject),
    /// The moderator's sign-in is over.
    SignedOut,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Ticketing { deadline: Timestamp },
    Dialing { ticket: Option<Opaque<32>>, deadline: Timestamp },
    Greeting { resuming: bool, deadline: Timestamp },
    Entered { since: Timestamp, pinged_at: Timestamp },
    Pausing { until: Timestamp, pause: Duration },
    Over,
}

/// The way to the server.
#[derive(Debug)]
pub(crate) struct Connection {
    state: State,
    entry: Entry,
    resume: Option<Opaque<32>>,
    last_seq: u64,
    last_n: u32,
    /// When the ping was sent that nothing has come after.
    unanswered_at: Option<Timestamp>,
    n_failures: u32,
    n_tickets_refused: u32,
    jitter: Jitter,
}

impl Connection {
    pub(crate) fn new(entry: Entry, jitter: Jitter) -> Self {
        Self {
            state: State::Idle,
            entry,
            resume: None,
            last_seq: 0,
            last_n: 0,
            unanswered_at: None,
            n_failures: 0,
            n_tickets_refused: 0,
            jitter,
        }
    }

    pub(crate) fn start(&mut self, now: Timestamp, out: &mut VecDeque<Output>) {
        if self.state == State::Idle {
            self.dial(now, out);
        }
    }

    pub(crate) fn ticket(
        &mut self,
        now: Timestamp,
        ticket: Opaque<32>,
        out: &mut VecDeque<Output>,
    ) {
        if matches!(self.state, State::Ticketing { .. }) {
            self.state = State::Dialing { ticket: Some(ticket), deadline: now + DIAL_PATIENCE };
            out.push_back(Output::Connect);
        }
    }

    pub(crate) fn no_ticket(&mut self, now: Timestamp, retry: bool) -> Fate {
        if !matches!(self.state, State::Ticketing { .. }) {
            return Fate::Same;
        }
        if !retry {
            return Fate::SignedOut;
        }
        self.pause(now);
        Fate::Same
    }

    /// The WebSocket is open: says hello.
    pub(crate) fn opened(&mut self, now: Timestamp, out: &mut VecDeque<Output>) {
        let State::Dialing { ticket, .. } = &mut self.state else {
            return;
        };
        let resuming = self.resume.is_some();
        let right = match (&self.resume, &self.entry, ticket.take()) {
            (Some(resume), _, _) => {
                Right::Resume { resume: resume.clone(), after: self.last_seq }
            }
            (None, Entry::Invite { invite, server_auth, device }, _) => Right::Invite {
                invite: *invite,
                server_auth: server_auth.clone(),
                device: device.clone(),
            },
            (None, Entry::Ticket, Some(ticket)) => Right::Ticket { ticket },
            // The resume token was given up while dialling: get a ticket after all.
            (None, Entry::Ticket, None) => {
                out.push_back(Output::Disconnect);
                self.pause(now);
                return;
            }
        };
        self.state = State::Greeting { resuming, deadline: now + HELLO_PATIENCE };
        self.unanswered_at = None;
        self.last_n = 0;
        self.send(ClientMessage::Hello(Hello { right }), out);
    }

    /// The server let us in.  `false` if we had not asked.
    pub(crate) fn entered(
        &mut self,
        now: Timestamp,
        resume: Opaque<32>,
        resumed: bool,
    ) -> bool {
        let State::Greeting { .. } = self.state else {
            return false;
        };
        self.state = State::Entered { since: now, pinged_at: now };
        self.resume = Some(resume);
        self.n_tickets_refused = 0;
        if !resumed {
            self.last_seq = 0;
        }
        true
    }

    /// The server said no to request `n`; was it our hello?
    pub(crate) fn rejected(
        &mut self,
        now: Timestamp,
        n: Option<u32>,
        reject: &Reject,
        out: &mut VecDeque<Output>,
    ) -> Fate {
        let State::Greeting { resuming, .. } = self.state else {
            return Fate::Same;
        };
        if n.is_some_and(|n| n != 1) {
            return Fate::Same;
        }
        out.push_back(Output::Disconnect);
        let again = matches!(reject, Reject::TooFast | Reject::Internal);
        if resuming && !again && *reject != Reject::RoomEnded {
            // The server is there and has forgotten us: it was started again.  A token is
            // refused once, so this cannot go on.
            self.resume = None;
            self.pause_for(now, PAUSE_FIRST);
            return Fate::Same;
        }
        if again {
            self.pause(now);
            return Fate::Same;
        }
        if matches!(self.entry, Entry::Ticket) && *reject == Reject::NoSuchRight {
            self.n_tickets_refused += 1;
            if self.n_tickets_refused < TICKETS_REFUSED_MAX {
                self.pause(now);
                return Fate::Same;
            }
        }
        Fate::Refused(reject.clone())
    }

    /// The WebSocket closed, or could not be opened.
    pub(crate) fn closed(&mut self, now: Timestamp) -> Fate {
        match self.state {
            State::Dialing { .. } | State::Greeting { .. } => {
                self.pause(now);
                Fate::Same
            }
            State::Entered { .. } => {
                self.pause(now);
                Fate::Lost
            }
            State::Idle | State::Ticketing { .. } | State::Pausing { .. } | State::Over => {
                Fate::Same
            }
        }
    }

    /// The page woke up, or the network is said to be back: no reason to wait any longer.
    pub(crate) fn hurry(&mut self, now: Timestamp, out: &mut VecDeque<Output>) {
        match &self.state {
            State::Pausing { .. } => self.dial(now, out),
            State::Dialing { deadline, .. }
                if deadline.since(now) + DIAL_YOUNG <= DIAL_PATIENCE =>
            {
                out.push_back(Output::Disconnect);
                self.dial(now, out);
            }
            State::Entered { since, .. } => {
                self.state = State::Entered { since: *since, pinged_at: now };
                self.unanswered_at.get_or_insert(now);
                self.send(ClientMessage::Ping, out);
            }
            State::Idle
            | State::Ticketing { .. }
            | State::Dialing { .. }
            | State::Greeting { .. }
            | State::Over => (),
        }
    }

    /// Something came from the server.
    pub(crate) fn heard(&mut self) {
        self.unanswered_at = None;
    }

    /// Takes note of a place in the room's order; `false` if we have been there.
    pub(crate) fn take_seq(&mut self, seq: u64) -> bool {
        let is_new = seq > self.last_seq;
        self.last_seq = self.last_seq.max(seq);
        is_new
    }

    /// Sends a request; its number, or `None` while there is no way to the server.
    pub(crate) fn request(
        &mut self,
        body: ClientMessage,
        out: &mut VecDeque<Output>,
    ) -> Option<u32> {
        self.is_entered().then(|| self.send(body, out))
    }

    /// Leaves this connection and comes back as somebody new.
    pub(crate) fn enter_anew(&mut self, now: Timestamp, out: &mut VecDeque<Output>) {
        self.resume = None;
        match self.state {
            State::Dialing { .. } | State::Greeting { .. } | State::Entered { .. } => {
                out.push_back(Output::Disconnect);
                self.pause(now);
            }
            State::Idle | State::Ticketing { .. } | State::Pausing { .. } | State::Over => (),
        }
    }

    /// Leaves this connection and comes back as the same participant.
    pub(crate) fn come_back(&mut self, now: Timestamp, out: &mut VecDeque<Output>) {
        if self.is_entered() {
            out.push_back(Output::Disconnect);
            self.pause(now);
        }
    }

    /// Leaves for good.
    pub(crate) fn end(&mut self, out: &mut VecDeque<Output>) {
        match self.state {
            State::Dialing { .. } | State::Greeting { .. } | State::Entered { .. } => {
                out.push_back(Output::Disconnect);
            }
            State::Idle | State::Ticketing { .. } | State::Pausing { .. } | State::Over => (),
        }
        self.state = State::Over;
        self.resume = None;
    }

    /// Pings, gives up on silence, tries again.
    pub(crate) fn tick(&mut self, now: Timestamp, out: &mut VecDeque<Output>) -> Fate {
        match &self.state {
            State::Ticketing { deadline } if now >= *deadline => self.pause(now),
            State::Dialing { deadline, .. } | State::Greeting { deadline, .. }
                if now >= *deadline =>
            {
                out.push_back(Output::Disconnect);
                self.pause(now);
            }
            State::Entered { .. } if self.silent_at().is_some_and(|at| now >= at) => {
                out.push_back(Output::Disconnect);
                self.pause(now);
                return Fate::Lost;
            }
            State::Entered { since, pinged_at } if now >= *pinged_at + PING_INTERVAL => {
                self.state = State::Entered { since: *since, pinged_at: now };
                self.unanswered_at.get_or_insert(now);
                self.send(ClientMessage::Ping, out);
            }
            State::Pausing { until, .. } if now >= *until => self.dial(now, out),
            State::Idle
            | State::Ticketing { .. }
            | State::Dialing { .. }
            | State::Greeting { .. }
            | State::Entered { .. }
            | State::Pausing { .. }
            | State::Over => (),
        }
        Fate::Same
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        match &self.state {
            State::Idle | State::Over => None,
            State::Ticketing { deadline }
            | State::Dialing { deadline, .. }
            | State::Greeting { deadline, .. } => Some(*deadline),
            State::Entered { pinged_at, .. } => {
                let ping_at = *pinged_at + PING_INTERVAL;
                Some(self.silent_at().map_or(ping_at, |silent_at| silent_at.min(ping_at)))
            }
            State::Pausing { until, .. } => Some(*until),
        }
    }

    pub(crate) fn is_entered(&self) -> bool {
        matches!(self.state, State::Entered { .. })
    }

    /// How long the pause is that we are in; zero while trying.
    pub(crate) fn pause_ms(&self) -> u64 {
        match self.state {
            State::Pausing { pause, .. } => u64::try_from(pause.as_millis()).unwrap_or(0),
            State::Idle
            | State::Ticketing { .. }
            | State::Dialing { .. }
            | State::Greeting { .. }
            | State::Entered { .. }
            | State::Over => 0,
        }
    }

    /// When to believe that the other side is gone.  It counts from a ping that got no answer,
    /// not from the last word heard: a shell that was asleep must not blame the server.
    fn silent_at(&self) -> Option<Timestamp> {
        self.unanswered_at.map(|at| at + (SILENCE_PATIENCE - PING_INTERVAL))
    }

    fn dial(&mut self, now: Timestamp, out: &mut VecDeque<Output>) {
        let needs_ticket = self.resume.is_none() && matches!(self.entry, Entry::Ticket);
        let deadline = now + DIAL_PATIENCE;
        if needs_ticket {
            self.state = State::Ticketing { deadline };
            out.push_back(Output::FetchTicket);
        } else {
            self.state = State::Dialing { ticket: None, deadline };
            out.push_back(Output::Connect);
        }
    }

    fn pause(&mut self, now: Timestamp) {
        if let State::Entered { since, .. } = self.state
            && now.since(since) >= LASTED
        {
            self.n_failures = 0;
        }
        let whole = PAUSE_FIRST.saturating_mul(1 << self.n_failures.min(8)).min(PAUSE_MAX);
        self.n_failures = self.n_failures.saturating_add(1);
        self.pause_for(now, whole);
    }

    fn pause_for(&mut self, now: Timestamp, whole: Duration) {
        let pause = self.jitter.upper_half(whole);
        self.state = State::Pausing { until: now + pause, pause };
    }

    fn send(&mut self, body: ClientMessage, out: &mut VecDeque<Output>) -> u32 {
        self.last_n = self.last_n.saturating_add(1);
        let envelope = ClientEnvelope { n: self.last_n, body };
        out.push_back(Output::Send { text: envelope.encode() });
        self.last_n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attendee_dials_says_hello_and_is_in() {
        let (mut connection, mut out) = (attendee(), VecDeque::new());

        connection.start(at(0), &mut out);
        assert_eq!(out.pop_front(), Some(Output::Connect));
        connection.opened(at(5), &mut out);
        let hello = sent(&mut out);

        assert_eq!(hello.n, 1);
        assert!(matches!(
            hello.body,
            ClientMessage::Hello(Hello { right: Right::Invite { .. } })
        ));
        assert!(connection.entered(at(9), token(), false));
        assert!(connection.is_entered());
    }

    #[test]
    fn requests_are_numbered_on_each_connection_and_wait_for_the_door() {
        let mut out = VecDeque::new();
        let mut connection = attendee();
        assert_eq!(connection.request(ClientMessage::Ping, &mut out), None);

        enter(&mut connection, at(0));
        assert_eq!(connection.request(ClientMessage::Ping, &mut out), Some(2));
        assert_eq!(connection.request(ClientMessage::Ping, &mut out), Some(3));
        assert_eq!(connection.closed(at(10)), Fate::Lost);
        assert_eq!(connection.request(ClientMessage::Ping, &mut out), None);
        let again = connection.poll_timeout().unwrap();
        connection.tick(again, &mut out);
        enter(&mut connection, again);
        assert_eq!(connection.request(ClientMessage::Ping, &mut out), Some(2));
    }

    #[test]
    fn a_forgotten_token_and_a_network_that_is_back_cost_no_long_pause() {
        let (mut connection, mut out) = (attendee(), VecDeque::new());
        enter(&mut connection, at(0));
        let mut now = at(1000);
        connection.closed(now);
        for _ in 0..6 {
            now = connection.poll_timeout().unwrap();
            connection.tick(now, &mut out);
            connection.closed(now);
        }
        now = connection.poll_timeout().unwrap();
        connection.tick(now, &mut out);
        connection.opened(now, &mut out);
        assert_eq!(
            connection.rejected(now, Some(1), &Reject::NoSuchRight, &mut out),
            Fate::Same
        );
        assert!(connection.poll_timeout().unwrap() - now <= PAUSE_FIRST);

        // A dial into a dead network is begun again, a young one is not.
        out.clear();
        connection.hurry(now, &mut out);
        assert_eq!(out.pop_back(), Some(Output::Connect));
        connection.hurry(now + DIAL_YOUNG / 2, &mut out);
        assert!(out.is_empty());
        connection.hurry(now + DIAL_YOUNG, &mut out);
        assert_eq!(out.pop_back(), Some(Output::Connect));
        connection.opened(now, &mut out);
        connection.entered(now, token(), false);
        out.clear();
        connection.hurry(now, &mut out);
        assert_eq!(sent(&mut out).body, ClientMessage::Ping);
    }

    #[test]
    fn pauses_grow_to_three_seconds_and_shrink_after_a_good_connection() {
        let mut connection = attendee();
        let mut out = VecDeque::new();
        let mut now = at(0);
        connection.start(now, &mut out);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert_eq!(connection.closed(now), Fate::Same);
            let until = connection.poll_timeout().unwrap();
            pauses.push(until - now);
            now = until;
            connection.tick(now, &mut out);
        }
        assert!(pauses.iter().all(|p| *p >= PAUSE_FIRST / 2 && *p <= PAUSE_MAX), "{pauses:?}");
        assert!(pauses.last().is_some_and(|p| *p >= PAUSE_MAX / 2));

        connection.opened(now, &mut out);
        connection.entered(now, token(), false);
        now = now + LASTED;
        assert_eq!(connection.closed(now), Fate::Lost);
        assert!(connection.poll_timeout().unwrap() - now <= PAUSE_FIRST);
    }

    #[test]
    fn a_refused_resume_token_is_never_offered_again() {
        for reject in [Reject::NoSuchRight, Reject::BacklogGone] {
            let mut connection = attendee();
            let mut out = VecDeque::new();
            enter(&mut connection, at(0));
            connection.take_seq(17);
            connection.closed(at(10));
            connection.tick(connection.poll_timeout().unwrap(), &mut out);
            out.clear();
            connection.opened(at(900), &mut out);
            assert!(matches!(
                sent(&mut out).body,
                ClientMessage::Hello(Hello { right: Right::Resume { after: 17, .. } })
            ));

            let fate = connection.rejected(at(910), Some(1), &reject, &mut out);
            assert_eq!(fate, Fate::Same);
            assert_eq!(out.pop_front(), Some(Output::Disconnect));
            let again = connection.poll_timeout().unwrap();
            connection.tick(again, &mut out);
            assert_eq!(out.pop_front(), Some(Output::Connect));
            connection.opened(again, &mut out);
            assert!(matches!(
                sent(&mut out).body,
                ClientMessage::Hello(Hello { right: Right::Invite { .. } })
            ));
        }
    }

    #[test]
    fn a_refused_invite_is_the_end_and_a_busy_server_is_not() {
        let mut connection = attendee();
        let mut out = VecDeque::new();
        connection.start(at(0), &mut out);
        connection.opened(at(1), &mut out);
        assert_eq!(
            connection.rejected(at(2), Some(1), &Reject::Internal, &mut out),
            Fate::Same
        );
        let again = connection.poll_timeout().unwrap();
        connection.tick(again, &mut out);
        connection.opened(again, &mut out);
        assert_eq!(
            connection.rejected(again, Some(1), &Reject::Expired, &mut out),
            Fate::Refused(Reject::Expired)
        );
    }

    #[test]
    fn a_moderator_fetches_a_ticket_first_and_believes_the_third_refusal() {
        let mut connection = Connection::new(Entry::Ticket, Jitter::new(1));
        let mut out = VecDeque::new();
        let mut now = at(0);
        connection.start(now, &mut out);
        for round in 1..=TICKETS_REFUSED_MAX {
            assert_eq!(out.pop_front(), Some(Output::FetchTicket));
            connection.ticket(now, token(), &mut out);
            assert_eq!(out.pop_front(), Some(Output::Connect));
            connection.opened(now, &mut out);
            assert!(matches!(
                sent(&mut out).body,
                ClientMessage::Hello(Hello { right: Right::Ticket { .. } })
            ));
            let fate = connection.rejected(now, Some(1), &Reject::NoSuchRight, &mut out);
            assert_eq!(out.pop_front(), Some(Output::Disconnect));
            if round == TICKETS_REFUSED_MAX {
                assert_eq!(fate, Fate::Refused(Reject::NoSuchRight));
            } else {
                assert_eq!(fate, Fate::Same);
                now = connection.poll_timeout().unwrap();
                connection.tick(now, &mut out);
            }
        }
    }

    #[test]
    fn signed_out_is_told_and_a_hiccup_is_not() {
        let mut connection = Connection::new(Entry::Ticket, Jitter::new(1));
        let mut out = VecDeque::new();
        connection.start(at(0), &mut out);
        assert_eq!(connection.no_ticket(at(1), true), Fate::Same);
        connection.tick(connection.poll_timeout().unwrap(), &mut out);
        assert_eq!(connection.no_ticket(at(9000), false), Fate::SignedOut);
    }

    #[test]
    fn it_pings_and_gives_up_on_silence() {
        let mut connection = attendee();
        let mut out = VecDeque::new();
        enter(&mut connection, at(0));
        let mut now = at(0);
        let mut n_pings = 0;
        let fate = loop {
            now = connection.poll_timeout().unwrap().max(now);
            match connection.tick(now, &mut out) {
                Fate::Same => n_pings += 1,
                fate @ (Fate::Lost | Fate::Refused(_) | Fate::SignedOut) => break fate,
            }
        };
        assert_eq!(fate, Fate::Lost);
        assert_eq!(n_pings, 3);
        assert_eq!(now, at(0) + SILENCE_PATIENCE);
        assert_eq!(out.back(), Some(&Output::Disconnect));
    }

    #[test]
    fn nothing_happens_after_the_end() {
        let mut connection = attendee();
        let mut out = VecDeque::new();
        enter(&mut connection, at(0));
        connection.end(&mut out);
        assert_eq!(out.pop_front(), Some(Output::Disconnect));

        connection.start(at(1), &mut out);
        connection.opened(at(2), &mut out);
        connection.closed(at(3));
        connection.tick(at(100_000), &mut out);
        assert_eq!(connection.request(ClientMessage::Leave, &mut out), None);
        assert_eq!(connection.poll_timeout(), None);
        assert!(out.is_empty());
    }

    fn attendee() -> Connection {
        let entry = Entry::Invite {
            invite: InviteId::from_bytes([1; 16]),
            server_auth: token(),
            device: Opaque::default(),
        };
        Connection::new(entry, Jitter::new(1))
    }

    fn enter(connection: &mut Connection, now: Timestamp) {
        let mut out = VecDeque::new();
        connection.start(now, &mut out);
        connection.opened(now, &mut out);
        assert!(connection.entered(now, token(), false));
    }

    fn token() -> Opaque<32> {
        Opaque::new(vec![9; 32]).unwrap()
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }

    fn sent(out: &mut VecDeque<Output>) -> ClientEnvelope {
        match out.pop_front() {
            Some(Output::Send { text }) => ClientEnvelope::decode(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}
