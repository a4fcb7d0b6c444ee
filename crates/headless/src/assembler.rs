//! When the packets that arrived make a frame.
//!
//! A small jitter buffer: packets may come late, twice or not at all.  Frames leave it whole
//! and in order.  A frame with a hole is waited for until [`PACKETS_AHEAD_MAX`] packets after
//! the hole have come; then it is counted as lost and left out, because a receiver that waits
//! for ever shows nothing for ever.
//!
//! # Invariants
//!
//! - A frame that comes out is exactly what one sender cut into packets.
//! - Frames come out in the order they were sent, each at most once.
//! - At most [`PACKETS_HELD_MAX`] packets are held.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};

/// Most packets held at a time.  A 1 MiB frame has 950.
pub const PACKETS_HELD_MAX: usize = 1024;

/// How many packets may arrive behind a hole before it is given up.  At 130 packets a second
/// this is about half a second: a retransmission comes in a fraction of it.
pub const PACKETS_AHEAD_MAX: u64 = 64;

/// What is known of a packet once its payload descriptor is off.
#[derive(Clone, Debug)]
pub struct Packet {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker: the last packet of a frame.
    pub ends_frame: bool,
    /// Whether a frame begins with it.
    pub begins_frame: bool,
    /// Its part of the frame.
    pub bytes: Bytes,
}

/// A whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// RTP timestamp.
    pub timestamp: u32,
    /// The frame.
    pub bytes: Bytes,
}

/// Makes frames of the packets of one stream.
#[derive(Debug, Default)]
pub struct Assembler {
    held: BTreeMap<u64, Packet>,
    /// The next packet to leave, once the first has come.
    next: Option<u64>,
    newest: u64,
    frames: VecDeque<Frame>,
    n_lost: u64,
}

impl Assembler {
    /// Takes in a packet.
    pub fn push(&mut self, packet: Packet) {
        let index = self.extend(packet.sequence);
        let next = *self.next.get_or_insert(index);
        if index < next || self.held.len() >= PACKETS_HELD_MAX {
            return;
        }
        self.newest = self.newest.max(index);
        self.held.insert(index, packet);
        while self.take_frame() || self.skip_hole() {}
    }

    /// The next whole frame.  Drain to `None` after every packet.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }

    /// Packets given up so far.
    #[must_use]
    pub fn n_lost(&self) -> u64 {
        self.n_lost
    }

    /// The sequence number with the bits that RTP leaves out, chosen nearest to the newest.
    fn extend(&mut self, sequence: u16) -> u64 {
        if self.next.is_none() {
            self.newest = (1 << 32) | u64::from(sequence);
            return self.newest;
        }
        let [.., high, low] = self.newest.to_be_bytes();
        let forward = sequence.wrapping_sub(u16::from_be_bytes([high, low]));
        if forward < 0x8000 {
            self.newest + u64::from(forward)
        } else {
            self.newest.saturating_sub(u64::from(forward.wrapping_neg()))
        }
    }

    /// Moves the frame at the head out if it is whole.
    fn take_frame(&mut self) -> bool {
        let Some(start) = self.next else { return false };
        let mut end = start;
        let mut bytes = BytesMut::new();
        let mut timestamp = None;
        loop {
            let Some(packet) = self.held.get(&end) else { return false };
            let belongs = *timestamp.get_or_insert(packet.timestamp) == packet.timestamp
                && packet.begins_frame == (end == start);
            if !belongs {
                // A frame without its beginning or its end: leave it out up to here.
                let broken_until = if end == start { end + 1 } else { end };
                self.drop_until(broken_until);
                return true;
            }
            bytes.extend_from_slice(&packet.bytes);
            end += 1;
            if packet.ends_frame {
                break;
            }
        }
        self.held = self.held.split_off(&end);
        self.next = Some(end);
        let timestamp = timestamp.unwrap_or_default();
        self.frames.push_back(Frame { timestamp, bytes: bytes.freeze() });
        true
    }

    /// Gives up the head when enough has come behind the hole in it.
    fn skip_hole(&mut self) -> bool {
        let Some(start) = self.next else { return false };
        let hole = (start..).find(|index| !self.held.contains_key(index)).unwrap_or(start);
        if self.newest < hole + PACKETS_AHEAD_MAX && self.held.len() < PACKETS_HELD_MAX {
            return false;
        }
        let resume = self
            .held
            .range(hole..)
            .find(|(_, packet)| packet.begins_frame)
            .map_or(self.newest + 1, |(index, _)| *index);
        self.drop_until(resume);
        true
    }

    fn drop_until(&mut self, index: u64) {
        let start = self.next.unwrap_or(index);
        self.n_lost += index - start;
        self.held = self.held.split_off(&index);
        self.next = Some(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of frames with these numbers of packets; each frame's bytes are its number.
    fn packets(first: u16, sizes: &[u16]) -> Vec<Packet> {
        let mut sequence = first;
        let mut packets = Vec::new();
        for (frame, size) in (0_u32..).zip(sizes) {
            for nth in 0..*size {
                packets.push(Packet {
                    sequence,
                    timestamp: frame * 3000,
                    ends_frame: nth + 1 == *size,
                    begins_frame: nth == 0,
                    bytes: vec![u8::try_from(frame % 250).unwrap()].into(),
                });
                sequence = sequence.wrapping_add(1);
            }
        }
        packets
    }

    fn drain(assembler: &mut Assembler) -> Vec<(u32, usize)> {
        std::iter::from_fn(|| assembler.poll_frame())
            .map(|frame| (frame.timestamp / 3000, frame.bytes.len()))
            .collect()
    }

    #[test]
    fn frames_come_out_whole_across_the_wrap() {
        let mut assembler = Assembler::default();
        for packet in packets(u16::MAX - 2, &[2, 1, 4]) {
            assembler.push(packet);
        }
        assert_eq!(drain(&mut assembler), [(0, 2), (1, 1), (2, 4)]);
        assert_eq!(assembler.n_lost(), 0);
    }

    #[test]
    fn late_and_doubled_packets_are_put_right() {
        let mut assembler = Assembler::default();
        let sent = packets(10, &[1, 3, 2]);
        for nth in [0, 3, 2, 2, 5, 1, 4, 0] {
            assembler.push(sent[nth].clone());
        }
        assert_eq!(drain(&mut assembler), [(0, 1), (1, 3), (2, 2)]);
    }

    #[test]
    fn a_hole_costs_one_frame_and_no_more() {
        let mut assembler = Assembler::default();
        let sizes = [3; 60];
        for (nth, packet) in packets(0, &sizes).into_iter().enumerate() {
            if nth != 4 {
                assembler.push(packet);
            }
        }
        let frames = drain(&mut assembler);
        assert_eq!(frames.len(), 59);
        assert!(frames.iter().all(|(frame, n)| *frame != 1 && *n == 3));
        assert_eq!(assembler.n_lost(), 3);
    }

    #[test]
    fn joining_in_the_middle_of_a_frame_starts_with_the_next() {
        let mut assembler = Assembler::default();
        for packet in packets(0, &[3, 2]).into_iter().skip(1) {
            assembler.push(packet);
        }
        assert_eq!(drain(&mut assembler), [(1, 2)]);
    }

    #[test]
    fn at_most_so_many_packets_are_held() {
        let mut assembler = Assembler::default();
        let mut endless = packets(0, &[3000]);
        endless.remove(1);
        for packet in endless {
            assembler.push(packet);
            assert!(assembler.held.len() <= PACKETS_HELD_MAX);
        }
        assert_eq!(drain(&mut assembler), []);
    }
}
