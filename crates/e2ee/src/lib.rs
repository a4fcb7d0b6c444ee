//! Membership and keys of one participant: nothing leaves it that others could open.
//!
//! Three nouns.  A [`link`] is the secret a counsellor hands to one person; from it come the
//! keys that let that person knock and the counsellor's device ([`door`]) recognise them.  A
//! [`group`] is one participant's view of the room's MLS group: it judges every change by one
//! [`policy`] and refuses what the policy does not allow.  [`frames`] are sealed and opened with
//! keys that each epoch of the group gives, and [`key_switch`] says from when on a sender uses
//! the newer ones.
//!
//! The server carries everything and is trusted with nothing but order (E2EE.md 1.3): every
//! byte that comes in here is hostile until a check named in `policy`, `door` or `group` says
//! otherwise.  Nothing panics on input, and a refused group or Welcome is never used again.
//!
//! The same code runs natively and in the browser.  Time and randomness are arguments, with two
//! exceptions inside OpenMLS: it compares KeyPackage lifetimes with the system's calendar as
//! well, and HPKE draws from the operating system.

pub mod card;
pub mod door;
pub mod doorstep;
pub mod frames;
pub mod group;
pub mod identity;
mod kdf;
pub mod key_switch;
pub mod link;
pub mod message;
pub mod policy;
mod provider;
pub mod random;
pub mod receipt;
mod replay;
pub mod safety_code;
pub mod sframe;
pub mod welcome;
