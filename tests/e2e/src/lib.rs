//! The server as a process of its own, for tests and load.
//!
//! [`AmanProcess`] starts the real binary on free ports with a data folder of its own, waits
//! for its ready line, keeps what it logs, and ends it by its process id when dropped.

mod folder;
mod process;

pub use folder::Folder;
pub use process::{AmanProcess, Options, Signal, send};
