//! Participants in calls: what they do together, over a server that is honest, broken or hostile.

// The attribute is what lets clippy see that the helpers are test code as well.
#[cfg(test)]
mod consent;
#[cfg(test)]
mod doorstep;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod fork;
#[cfg(test)]
mod ghost;
#[cfg(test)]
mod hostile;
/// What an attacker has: the same as the ghosts of `e2ee` have.
#[cfg(test)]
#[path = "../../../e2ee/tests/it/raw.rs"]
#[expect(dead_code, reason = "e2ee's own tests use the rest")]
mod raw;
#[cfg(test)]
mod server;
#[cfg(test)]
mod world;
