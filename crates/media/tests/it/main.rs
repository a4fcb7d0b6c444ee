//! A real shard over loopback, with clients made of other hands' crates.

mod attacks;
mod calls;
mod client;
mod recovery;
mod stage;
