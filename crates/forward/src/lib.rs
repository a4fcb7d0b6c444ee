//! Which packet goes to whom.
//!
//! A *track* is what a publisher sends; a *slot* is an unchanging place at a subscriber; the
//! [`Forwarder`] holds which track is on which slot and carries each packet there: rewritten
//! so that the receiver sees one stream whatever is bound, and sent again when it got lost.
//! What reaches it is authenticated and open; what leaves it goes to a [`Sink`], which seals.
//!
//! It reads no clock and owns no socket.  The payload is sealed end to end: all it looks at
//! are RTP headers, the VP8 descriptor and the clear prefix of a frame.

pub mod flow;
pub mod forwarder;
pub mod keyframe;
pub mod layer;
pub mod limits;
pub mod missing;
pub mod police;
pub mod reception;
pub mod rewrite;
pub mod ring;
pub mod rtcp;
pub mod rtp;
pub mod sealed;
pub mod sequence;
mod sink;
mod slab;
pub mod slot;
pub mod track;
pub mod twcc;
pub mod vp8;
mod wire;

pub use forwarder::{BindError, Forwarder, PeerSpec};
pub use sink::{Counted, Outgoing, PeerKey, Sink};
pub use slot::SlotSpec;
pub use track::TrackSpec;
