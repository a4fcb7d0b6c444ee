//! Many participants and the server's cores in virtual time, over a network that fails.
//!
//! A *run* is made from one seed and nothing else: who comes when, what people press, how long
//! each message takes, which connections break and what is lost with them, when a page is
//! loaded again and when the server starts anew.  For a while things go wrong; then the network
//! is quiet, and what must hold then is checked, beside what must hold all the time:
//!
//! - Members converge on one epoch: everybody in the call hears everybody.
//! - One commit per epoch: nobody is ever brought two different ones.
//! - Who was removed opens nothing that is sealed afterwards.
//! - Nobody waits for ever: in the end everybody is in the call, or told why not.
//! - Who waits is sent nothing of the room.
//! - What somebody wrote is shown as sent or as not sent; it never just disappears.
//! - No log line holds a name or a text.
//!
//! A run that fails prints its seed; `SIMULATION_SEED=… cargo test -p simulation` runs that one
//! again, exactly as it was.

pub mod dice;
pub mod logs;
pub mod network;
pub mod people;
pub mod server;
mod verdict;
pub mod world;

pub use world::run;
