//! A participant without a screen.
//!
//! The same [`participant`] core that a browser runs, in a shell of tokio tasks: a WebSocket, a
//! peer connection of the `webrtc` crate, files or made-up frames for a camera, and a sink for
//! what arrives.  Tests and load use [`Headless`] as either side of a call, with a
//! [`Desk`](desk::Desk) for what a counsellor does before it; `headless` is also a program.

pub mod assembler;
mod call;
pub mod clock;
pub mod desk;
mod held;
pub mod http;
pub mod ivf;
mod keyframe_tap;
pub mod ogg;
pub mod peer;
mod running;
pub mod server;
pub mod sink;
pub mod socket;
pub mod source;
pub mod status;
pub mod vp8;

pub use call::Sealed;
pub use running::{Headless, Media, TookTooLong};
