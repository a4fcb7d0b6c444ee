//! The whole of it: the real server as a process, headless participants, loopback.
//!
//! Modules are named by the kind of test, so that `cargo nextest run -p e2e leak::` runs one.
//! Nothing waits for a time: everything waits for a condition, with a deadline.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]
#![expect(
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it is"
)]
#![expect(clippy::print_stdout, reason = "figures are printed for whoever collects them")]

mod attack;
mod call;
mod capture;
mod door;
mod ghost;
mod hello;
mod leak;
mod needle;
mod program;
mod proxy;
mod raw;
mod reconnect;
mod removal;
mod scene;
mod words;
