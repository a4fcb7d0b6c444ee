//! What is on its way, and when it arrives.
//!
//! Each WebSocket keeps its own order, as TCP does; between two of them everything may
//! overtake.  When one breaks, what was on its way in it is lost, and its two ends notice at
//! different times, or one of them not at all.

use std::collections::BTreeMap;

use protocol::id::ParticipantId;
use room::MediaNews;

use crate::dice::Dice;

/// One WebSocket.
pub type Line = u64;

/// Something that will happen.
#[derive(Clone, Debug)]
pub enum Event {
    /// A text arrives at the server.
    ToServer {
        /// On which line.
        line: Line,
        /// The text.
        text: String,
    },
    /// A text arrives at a client.
    ToClient {
        /// On which line.
        line: Line,
        /// The text.
        text: String,
    },
    /// A client's line is open.
    Opened {
        /// Which.
        line: Line,
    },
    /// A client notices that its line broke.
    ClientNotices {
        /// Which.
        line: Line,
    },
    /// The server notices that a line broke.
    ServerNotices {
        /// Which.
        line: Line,
    },
    /// A shell has a ticket.
    Ticket {
        /// Whose.
        who: usize,
        /// For which of their cores.
        life: u32,
    },
    /// A peer connection came up.
    MediaUp {
        /// Whose.
        who: usize,
        /// For which of their cores.
        life: u32,
    },
    /// The media plane has news.
    Media {
        /// Of whom.
        peer: ParticipantId,
        /// What.
        news: MediaNews,
    },
    /// A person does something.
    Act(Act),
}

/// What a person, or fate, does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Opens the page.
    Come(usize),
    /// Writes something.
    Write(usize),
    /// The counsellor lets everybody in who waits.
    AdmitAll,
    /// The counsellor removes somebody.
    Remove(usize),
    /// Leaves for good.
    Leave(usize),
    /// Loads the page again.
    Reload(usize),
    /// The line breaks.
    Cut(usize),
    /// The peer connection breaks.
    LoseMedia(usize),
    /// The server starts anew.
    Restart,
}

struct State {
    owner: (usize, u32),
    is_alive: bool,
    up_at: u64,
    down_at: u64,
}

/// Everything that is on its way, by the millisecond it arrives.
#[derive(Default)]
pub struct Network {
    events: BTreeMap<(u64, u64), Event>,
    lines: BTreeMap<Line, State>,
    n_events: u64,
    last_line: Line,
    /// Whether messages are doubled and slow, and lines break.
    pub is_bad: bool,
}

impl Network {
    /// The next event that is due by `end`, and when it is.
    pub fn next(&mut self, end: u64) -> Option<(u64, Event)> {
        let entry = self.events.first_entry()?;
        let at = entry.key().0;
        (at <= end).then(|| (at, entry.remove()))
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.events.keys().next().map(|(at, _)| *at)
    }

    /// Something will happen.
    pub fn schedule(&mut self, at: u64, event: Event) {
        self.n_events += 1;
        self.events.insert((at, self.n_events), event);
    }

    /// A client dials; the line opens a little later.
    pub fn dial(&mut self, now: u64, who: usize, life: u32, dice: &mut Dice) -> Line {
        self.last_line += 1;
        let line = self.last_line;
        let at = now + self.delay(dice);
        let state = State { owner: (who, life), is_alive: true, up_at: at, down_at: at };
        self.lines.insert(line, state);
        self.schedule(at, Event::Opened { line });
        line
    }

    /// Whose line it is, if it is alive.
    #[must_use]
    pub fn owner(&self, line: Line) -> Option<(usize, u32)> {
        self.lines.get(&line).filter(|state| state.is_alive).map(|state| state.owner)
    }

    /// Whose line it is or was.
    #[must_use]
    pub fn former_owner(&self, line: Line) -> Option<(usize, u32)> {
        self.lines.get(&line).map(|state| state.owner)
    }

    /// A client sends.
    pub fn send_up(&mut self, now: u64, line: Line, text: String, dice: &mut Dice) {
        let delay = self.delay(dice);
        let twice = self.is_bad && dice.happens(1);
        let Some(state) = self.lines.get_mut(&line).filter(|state| state.is_alive) else {
            return;
        };
        state.up_at = state.up_at.max(now + delay);
        let at = state.up_at;
        if twice {
            self.schedule(at, Event::ToServer { line, text: text.clone() });
        }
        self.schedule(at, Event::ToServer { line, text });
    }

    /// The server sends.
    pub fn send_down(&mut self, now: u64, line: Line, text: String, dice: &mut Dice) {
        let delay = self.delay(dice);
        let twice = self.is_bad && dice.happens(2);
        let Some(state) = self.lines.get_mut(&line).filter(|state| state.is_alive) else {
            return;
        };
        state.down_at = state.down_at.max(now + delay);
        let at = state.down_at;
        if twice {
            self.schedule(at, Event::ToClient { line, text: text.clone() });
        }
        self.schedule(at, Event::ToClient { line, text });
    }

    /// One end closes in good order: what was sent before still arrives.
    pub fn close(&mut self, now: u64, line: Line, by_client: bool) {
        let Some(state) = self.lines.get(&line).filter(|state| state.is_alive) else {
            return;
        };
        if by_client {
            let at = state.up_at.max(now) + 1;
            self.schedule(at, Event::ServerNotices { line });
        } else {
            let at = state.down_at.max(now) + 1;
            self.schedule(at, Event::ClientNotices { line });
            self.schedule(at, Event::ServerNotices { line });
        }
    }

    /// A line is over for good.
    pub fn forget(&mut self, line: Line) {
        if let Some(state) = self.lines.get_mut(&line) {
            state.is_alive = false;
        }
    }

    /// A line breaks: what is on its way in it is lost.
    pub fn cut(&mut self, now: u64, line: Line, dice: &mut Dice) {
        if self.owner(line).is_none() {
            return;
        }
        self.forget(line);
        self.events.retain(|_, event| match event {
            Event::ToServer { line: of, .. }
            | Event::ToClient { line: of, .. }
            | Event::Opened { line: of } => *of != line,
            Event::ClientNotices { .. }
            | Event::ServerNotices { .. }
            | Event::Ticket { .. }
            | Event::MediaUp { .. }
            | Event::Media { .. }
            | Event::Act(_) => true,
        });
        // One in four ends has to find out by silence.
        if !dice.happens(25) {
            let at = now + dice.roll(3000);
            self.schedule(at, Event::ClientNotices { line });
        }
        let silence = if dice.happens(25) { 35_000 } else { 0 };
        let at = now + silence + dice.roll(3000);
        self.schedule(at, Event::ServerNotices { line });
    }

    fn delay(&self, dice: &mut Dice) -> u64 {
        let slow = self.is_bad && dice.happens(3);
        if slow { dice.between(200, 4000) } else { dice.between(2, 120) }
    }
}
