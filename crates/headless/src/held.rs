//! Sealed frames that wait for a key that may be on its way.
//!
//! A commit and the first frame sealed by its keys travel on different paths, so the frame can
//! be faster.  It is tried again when something was heard, and given up soon: a late picture is
//! of no use (E2EE.md 1.7; the browser's vault does the same).
//!
//! # Invariants
//!
//! - At most [`FRAMES_HELD_MAX`] frames wait, none longer than [`HELD_PATIENCE`].

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use protocol::limits::FRAMES_HELD_MAX;
use protocol::media::Mid;
use protocol::time::Timestamp;

/// How long a frame waits.
const HELD_PATIENCE: Duration = Duration::from_millis(200);

/// A frame that came on a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) mid: Mid,
    pub(crate) audio: bool,
    pub(crate) bytes: Bytes,
    pub(crate) at: Timestamp,
}

/// Those that wait, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Held(VecDeque<Arrived>);

impl Held {
    /// Lets a frame wait; returns the one that had to make room for it.
    pub(crate) fn hold(&mut self, frame: Arrived) -> Option<Arrived> {
        self.0.push_back(frame);
        if self.0.len() > FRAMES_HELD_MAX { self.0.pop_front() } else { None }
    }

    /// Takes all out: those to be tried again, and how many waited too long.
    pub(crate) fn take(&mut self, now: Timestamp) -> (Vec<Arrived>, usize) {
        let all = self.0.len();
        let fresh: Vec<Arrived> =
            self.0.drain(..).filter(|frame| now - frame.at <= HELD_PATIENCE).collect();
        let n_late = all - fresh.len();
        (fresh, n_late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(ms: u64) -> Arrived {
        let at = Timestamp::from_start(Duration::from_millis(ms));
        Arrived { mid: Mid::new("1").unwrap(), audio: false, bytes: Bytes::new(), at }
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut held = Held::default();
        for ms in 0..10 {
            assert_eq!(held.hold(frame(ms)), None);
        }
        assert_eq!(held.hold(frame(10)), Some(frame(0)));
    }

    #[test]
    fn what_waited_too_long_is_counted_and_gone() {
        let mut held = Held::default();
        held.hold(frame(0));
        held.hold(frame(150));
        let now = Timestamp::from_start(Duration::from_millis(300));
        assert_eq!(held.take(now), (vec![frame(150)], 1));
        assert_eq!(held.take(now), (vec![], 0));
    }
}
