//! How the parts of a headless participant behave against real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod answerer;
mod peer;
