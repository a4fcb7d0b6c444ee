//! A real shard over loopback, with clients made of other hands' crates.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on should stop there, and its numbers are small"
)]

mod attacks;
mod calls;
mod client;
mod probes;
mod recovery;
mod stage;
