//! One participant's side of a call: join, publish, subscribe, reconnect.
//!
//! A *shell* (the browser page with its vault worker, or `headless`) brings [`Input`]s and
//! carries out [`Output`]s; everything between is decided here, so that browser and headless
//! cannot drift apart.  Drain [`Output`]s to `None` after every input, and bring
//! [`Input::Tick`] when `poll_timeout` says.
//!
//! Keys and membership are the work of `e2ee`; this crate decides when to use it, and never
//! takes the server's word where the group can prove or disprove it.

mod admission;
mod attending;
mod chat;
mod connection;
mod consent;
mod doorstep;
pub mod frames;
mod group_life;
pub mod input;
mod knocking;
mod media_life;
mod moderating;
pub mod output;
mod participant;
mod pulse;
mod random;
mod received;
mod sayings;
mod speaking;
mod start;
mod view;

pub use e2ee::random::Randomness;
pub use frames::{OpenRefused, Opened, SealRefused};
pub use input::Input;
pub use output::{CallState, Output};
pub use participant::Participant;
pub use start::{
    AttendeeStart, Code, InviteMaterials, ModeratorDraft, ModeratorStart, Refusal, link_rights,
    link_secrets, open_card, randomness, room_id, seal_card, verify_receipt,
};
