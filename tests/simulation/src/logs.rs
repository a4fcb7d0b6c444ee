//! Listens to every log line of a run and remembers those that say too much.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What names and texts of a run contain, and nothing else does.
pub const CANARY: &str = "canary";

/// Lines that hold a name or a text.
#[derive(Clone, Debug, Default)]
pub struct Leaks(Arc<Mutex<Vec<String>>>);

impl Leaks {
    /// The lines.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().map(|lines| lines.clone()).unwrap_or_default()
    }
}

/// A subscriber that fills [`Leaks`].
#[derive(Debug)]
pub struct Listener(Leaks);

impl Listener {
    /// Listens for `leaks`.
    #[must_use]
    pub const fn new(leaks: Leaks) -> Self {
        Self(leaks)
    }

    fn take(&self, line: String) {
        if line.contains(CANARY)
            && let Ok(mut lines) = self.0.0.lock()
        {
            lines.push(line);
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(span.metadata().name().to_owned());
        span.record(&mut line);
        self.take(line.0);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        self.take(line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.take(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_says_too_much_is_heard() {
        let leaks = Leaks::default();
        tracing::subscriber::with_default(Listener::new(leaks.clone()), || {
            tracing::info!(n = 1, "harmless");
            tracing::warn!(name = "Ben canary", "not harmless");
        });
        assert_eq!(leaks.lines().len(), 1);
    }
}
