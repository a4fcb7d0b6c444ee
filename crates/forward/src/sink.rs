//! Where packets go that leave the core.

/// A peer connection, as the core and its shell name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub u32);

/// An RTP packet to be sealed and sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The source, as in the header.
    pub ssrc: u32,
    /// The SRTP packet index.  Never the same twice for one source.
    pub index: u64,
    /// The header.
    pub header: &'a [u8],
    /// What comes before the payload: the original number of a packet sent again.
    pub prefix: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// A packet of a track came, and it was new.
    Taken,
    /// A packet came for the second time.
    Duplicate,
    /// A packet of no offered track.
    Unmapped,
    /// A packet that cannot be read.
    Malformed,
    /// A packet over the sender's share.
    Policed,
    /// A packet that does not look sealed by its publisher.
    Unsealed,
    /// A keyframe request to a publisher.
    KeyframeRequest,
    /// A packet asked for again.
    Asked,
    /// A packet a subscriber asked for again.
    AskedFor,
    /// A packet sent again to a subscriber.
    SentAgain,
    /// A packet a publisher sent again.
    CameAgain,
}

/// Takes packets and counts, in order.
pub trait Sink {
    /// Seal and send an RTP packet.
    fn rtp(&mut self, to: PeerKey, packet: Outgoing<'_>);
    /// Seal and send an RTCP packet.
    fn rtcp(&mut self, to: PeerKey, packet: &[u8]);
    /// Count.
    fn count(&mut self, what: Counted, n: u64);
}
