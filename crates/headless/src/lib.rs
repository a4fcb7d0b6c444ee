//! A participant without a screen.
//!
//! The same `participant` core that a browser runs, in a shell of tokio tasks: a WebSocket, a
//! peer connection of the `webrtc` crate, files or made-up frames for a camera, and a sink for
//! what arrives.  Tests and load use it as the other side of a call; `headless` is also a
//! program of its own.

pub mod assembler;
pub mod clock;
mod keyframe_tap;
pub mod peer;
pub mod vp8;
