//! One participant's side of a call: join, publish, subscribe, reconnect.
//!
//! A *shell* (the browser page with its vault worker, or `headless`) brings [`Input`]s and
//! carries out [`Output`]s; everything between is decided here, so that browser and headless
//! cannot drift apart.  Drain [`Output`]s to `None` after every input, and bring
//! [`Input::Tick`] when `poll_timeout` says.

pub mod input;
pub mod output;

pub use input::Input;
pub use output::{CallState, Output};
