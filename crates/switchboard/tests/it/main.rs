//! Does the switchboard carry out what its cores decide: over real tasks and channels, with a
//! store in memory and a media plane that only takes notes?

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod calls;
mod faults;
mod links;
mod stage;
