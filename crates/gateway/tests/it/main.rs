//! Does the door hold, with a real server on a real port?

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop there"
)]

mod accounts;
mod api;
mod appointments;
mod authority;
mod http;
mod oidc;
mod pages;
mod pairing;
mod porch;
mod privacy;
mod probe;
mod programs;
mod server;
mod sockets;
mod thieves;
mod tls;
