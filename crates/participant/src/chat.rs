//! What the person wrote, until the server has it.
//!
//! ```text
//!  add ─► Queued ─sealed, sent─► Sent ─done─► shown as own
//!            ▲                    │
//!            └── connection lost, epoch over, too fast
//! ```
//!
//! The server can hold lines back or drop them; then they show as not sent.  It cannot show
//! one twice: a line that had no answer is sent again under the same seal, which others open
//! once.  Only when that seal is too old is the line sealed anew.
//!
//! # Invariants
//!
//! - A line that was taken is shown as own or refused in the end; it is never lost silently.
//! - Lines leave in the order they were written.
//! - At most [`LINES_MAX`] lines wait.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::client::Application;
use protocol::limits::CHAT_TEXT_BYTES_MAX;
use protocol::reject::Reject;
use protocol::time::Timestamp;

/// Most lines that wait for the server.
const LINES_MAX: usize = 32;

/// How often one line is sent before it is given up.
const TRIES_MAX: u32 = 16;

/// How long to wait after the server refused a line.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// One text of the person's.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// The line as it was sent last.
    pub(crate) sealed: Option<Application>,
    sent_as: Option<u32>,
    n_tries: u32,
}

/// The lines on their way.
#[derive(Default)]
pub(crate) struct Chat {
    lines: VecDeque<Line>,
    not_before: Option<Timestamp>,
}

impl Chat {
    /// The person wrote something.
    ///
    /// # Errors
    ///
    /// What to tell the person: too long, or too much at once.
    pub(crate) fn add(&mut self, text: String) -> Result<(), Reject> {
        if text.len() > CHAT_TEXT_BYTES_MAX {
            return Err(Reject::TooLarge);
        }
        if self.lines.len() >= LINES_MAX {
            return Err(Reject::TooMany);
        }
        if !text.is_empty() {
            self.lines.push_back(Line { text, sealed: None, sent_as: None, n_tries: 0 });
        }
        Ok(())
    }

    /// Sends what is queued.  `send` seals one line, if it must, and gives the number of the
    /// request, or `None` while that cannot be.
    pub(crate) fn pump(
        &mut self,
        now: Timestamp,
        mut send: impl FnMut(&mut Line) -> Option<u32>,
    ) {
        self.not_before.take_if(|at| now >= *at);
        if self.not_before.is_some() {
            return;
        }
        for line in self.lines.iter_mut().filter(|line| line.sent_as.is_none()) {
            let Some(n) = send(line) else {
                return;
            };
            line.sent_as = Some(n);
            line.n_tries += 1;
        }
    }

    /// The server has request `n`: the text, if it was one of ours.
    pub(crate) fn done(&mut self, n: u32) -> Option<String> {
        let at = self.lines.iter().position(|line| line.sent_as == Some(n))?;
        self.lines.remove(at).map(|line| line.text)
    }

    /// The server refused request `n`: what to tell the person, if it was one of ours and
    /// cannot be mended by sealing it again.
    pub(crate) fn rejected(
        &mut self,
        now: Timestamp,
        n: u32,
        reject: &Reject,
    ) -> Option<Reject> {
        let at = self.lines.iter().position(|line| line.sent_as == Some(n))?;
        let may_mend = matches!(
            reject,
            Reject::StaleEpoch { .. }
                | Reject::NoSuchGroup
                | Reject::TooFast
                | Reject::NotAdmitted
                | Reject::Internal
        );
        let line = self.lines.get_mut(at)?;
        if !may_mend || line.n_tries >= TRIES_MAX {
            self.lines.remove(at);
            return Some(reject.clone());
        }
        line.sent_as = None;
        line.sealed = None;
        self.not_before = Some(now + REFUSED_PAUSE);
        None
    }

    /// The WebSocket broke: what had no answer goes again, under the same seal.
    pub(crate) fn connection_lost(&mut self) {
        for line in &mut self.lines {
            line.sent_as = None;
        }
    }

    /// It is over: how many lines were never sent.
    pub(crate) fn end(&mut self) -> usize {
        std::mem::take(&mut self.lines).len()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        self.not_before.filter(|_| self.lines.iter().any(|line| line.sent_as.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::{Epoch, GroupId};
    use protocol::opaque::Opaque;

    use super::*;

    const STALE: Reject = Reject::StaleEpoch { got: Epoch(1), current: Epoch(2) };

    #[test]
    fn a_line_is_own_once_the_server_has_it() {
        let mut chat = Chat::default();
        chat.add("hello".to_owned()).unwrap();
        assert_eq!(sent(&mut chat, at(0), 5), ["hello"]);
        assert!(sent(&mut chat, at(0), 6).is_empty());
        assert_eq!(chat.done(4), None);
        assert_eq!(chat.done(5).as_deref(), Some("hello"));
        assert_eq!(chat.end(), 0);
    }

    #[test]
    fn lines_wait_in_order_while_nothing_can_be_sent() {
        let mut chat = Chat::default();
        chat.add("one".to_owned()).unwrap();
        chat.add("two".to_owned()).unwrap();
        chat.pump(at(0), |_| None);
        assert_eq!(sent(&mut chat, at(1), 2), ["one", "two"]);
    }

    #[test]
    fn what_had_no_answer_goes_again_under_the_same_seal_and_the_refused_under_a_new_one() {
        let mut chat = Chat::default();
        chat.add("one".to_owned()).unwrap();
        chat.pump(at(0), |line| {
            line.sealed = Some(sealed());
            Some(2)
        });
        chat.connection_lost();
        chat.pump(at(1), |line| {
            assert_eq!(line.sealed, Some(sealed()));
            Some(2)
        });
        assert_eq!(chat.rejected(at(2), 2, &STALE), None);
        assert!(sent(&mut chat, at(2), 3).is_empty(), "not at once");
        assert_eq!(chat.poll_timeout(), Some(at(2) + REFUSED_PAUSE));
        chat.pump(at(2) + REFUSED_PAUSE, |line| {
            assert_eq!(line.sealed, None);
            Some(3)
        });
        assert_eq!(chat.poll_timeout(), None);
    }

    #[test]
    fn a_line_that_cannot_be_mended_is_refused_to_the_person() {
        let mut chat = Chat::default();
        chat.add("one".to_owned()).unwrap();
        sent(&mut chat, at(0), 2);
        assert_eq!(chat.rejected(at(0), 2, &Reject::TooLarge), Some(Reject::TooLarge));

        chat.add("two".to_owned()).unwrap();
        let mut now = at(0);
        let refused = (0..TRIES_MAX).find_map(|n| {
            sent(&mut chat, now, n);
            let refused = chat.rejected(now, n, &STALE);
            now = now + REFUSED_PAUSE;
            refused
        });
        assert_eq!(refused, Some(STALE));
        assert_eq!(chat.end(), 0);
    }

    #[test]
    fn too_long_and_too_many_are_refused_at_once() {
        let mut chat = Chat::default();
        let long = "x".repeat(CHAT_TEXT_BYTES_MAX + 1);
        assert_eq!(chat.add(long), Err(Reject::TooLarge));
        for _ in 0..LINES_MAX {
            chat.add("x".to_owned()).unwrap();
        }
        assert_eq!(chat.add("x".to_owned()), Err(Reject::TooMany));
        assert_eq!(chat.end(), LINES_MAX);
    }

    fn sent(chat: &mut Chat, now: Timestamp, n: u32) -> Vec<String> {
        let mut sent = Vec::new();
        chat.pump(now, |line| {
            sent.push(line.text.clone());
            Some(n)
        });
        sent
    }

    fn sealed() -> Application {
        let message = Opaque::new(vec![1]).unwrap();
        let (group, epoch) = (GroupId::from_bytes([1; 32]), Epoch(1));
        Application { group, epoch, message, fleeting: false }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }
}
