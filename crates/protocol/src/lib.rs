//! The words of Aman: ids, time, limits, refusals, and every message on the wire.
//!
//! A *client* (browser or headless) and the *server* share these definitions and nothing
//! else.  [`client::ClientMessage`] goes up, [`server::ServerMessage`] comes down, over one
//! WebSocket with the subprotocol [`SUBPROTOCOL`]; [`api`] holds what the counsellor's desk
//! says over HTTP.  What MLS seals travels as [`opaque::Opaque`] bytes: the words say who
//! may send it and when, never what is inside.
//!
//! Every message is described, with an example, in `docs/protocol.md`.

pub mod account;
pub mod api;
pub mod client;
pub mod id;
pub mod limits;
pub mod media;
pub mod opaque;
pub mod reject;
pub mod secret;
pub mod server;
pub mod time;

/// The WebSocket subprotocol that names this version of the language.
pub const SUBPROTOCOL: &str = "aman.v1";
