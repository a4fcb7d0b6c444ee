//! Upper bounds of the media plane.  Every queue, table and rate has one, and it is named here.

use std::time::Duration;

/// Packets of one video track kept for subscribers that missed some.  At 130 packets a second
/// this is four seconds; nobody waits longer for a retransmission.
pub const RING_PACKETS_MAX: usize = 512;

/// Bytes of one video track kept for subscribers that missed some: 1.5 s at 1.4 Mbit/s.
pub const RING_BYTES_MAX: usize = 256 * 1024;

/// Largest media payload we carry.  Browsers stay below 1200 bytes with the header.
pub const PAYLOAD_BYTES_MAX: usize = 1400;

/// How far back a publisher's packet may come and still be forwarded, in words of 64 packets.
pub const SEEN_WORDS: usize = 16;

/// Packets of one track that may be missing at a time.  More is not loss but a break: a
/// keyframe mends it sooner than retransmissions.
pub const MISSING_MAX: usize = 192;

/// How often one missing packet is asked for.
pub const NACK_TRIES_MAX: u8 = 5;

/// After how long a missing packet is given up.
pub const NACK_PATIENCE: Duration = Duration::from_millis(1200);

/// How long a missing packet may still be merely late.
pub const REORDER_PATIENCE: Duration = Duration::from_millis(10);

/// Packets asked for in one go, and in one second, from one track.  Without the second bound
/// a lossy uplink is filled with retransmissions (RECIPES.md B.2).
pub const NACKS_PER_ROUND_MAX: usize = 32;
/// See [`NACKS_PER_ROUND_MAX`].
pub const NACKS_PER_SECOND_MAX: u32 = 100;

/// Least time between two keyframe requests to one publisher's track.
pub const KEYFRAME_INTERVAL: Duration = Duration::from_secs(1);

/// Least time when a slot was bound in between: new viewers should not wait a second.
pub const KEYFRAME_INTERVAL_ON_BIND: Duration = Duration::from_millis(150);

/// How often publishers hear how their packets arrived (transport-wide feedback).
pub const TWCC_INTERVAL: Duration = Duration::from_millis(50);

/// How often publishers hear of loss and jitter (receiver reports).
pub const REPORT_INTERVAL: Duration = Duration::from_millis(1000);

/// Sources (SSRCs) one peer connection may use, all tracks together.
pub const SOURCES_PER_PEER_MAX: usize = 16;

/// Packets a participant may send in a second, and at once.  A 2.5 Mbit/s camera sends about
/// 280, bandwidth probes double that for moments.
pub const PACKETS_PER_SECOND_MAX: u32 = 1_200;
/// See [`PACKETS_PER_SECOND_MAX`].
pub const PACKETS_BURST_MAX: u32 = 600;

/// Bytes a participant may send in a second, and at once.
pub const BYTES_PER_SECOND_MAX: u32 = 750_000;
/// See [`BYTES_PER_SECOND_MAX`].
pub const BYTES_BURST_MAX: u32 = 500_000;

/// RTCP packets a participant may send in a second, and at once.
pub const RTCP_PER_SECOND_MAX: u32 = 150;
/// See [`RTCP_PER_SECOND_MAX`].
pub const RTCP_BURST_MAX: u32 = 150;

/// Bytes sent again to one subscriber in a second, and at once.
pub const RTX_BYTES_PER_SECOND_MAX: u32 = 125_000;
/// See [`RTX_BYTES_PER_SECOND_MAX`].
pub const RTX_BYTES_BURST_MAX: u32 = 100_000;

/// Packets of a slot that carry the mid.  Answers name the SSRCs, so this only helps
/// receivers that lost track.
pub const MID_PACKETS: u64 = 64;

/// How long frames of a participant's former leaf are still taken for theirs.
pub const OLD_LEAF_PATIENCE: Duration = Duration::from_secs(10);
