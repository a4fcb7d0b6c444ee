//! The words against the page that documents them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod document;
