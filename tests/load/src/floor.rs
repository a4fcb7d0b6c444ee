//! The least a forwarded packet can cost: AES-128-GCM over it, and its share of one batched
//! send.  Measured with the same packets and batches as a call makes.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use quinn_udp::{Transmit, UdpSocketState};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::clock::Stopwatch;
use crate::process::cpu_time;
use crate::report::{Figure, Report};

/// Bytes of an RTP header with one extension.
const HEADER_BYTES: usize = 20;
/// Bytes of a full video payload and of an Opus payload, sealed frames both.
const PACKET_BYTES: [usize; 2] = [1104, 100];
/// Packets of one video frame: what one batch holds in a one-to-one call.
const BATCH_PACKETS: usize = 2;
/// How many packets are measured.
const PACKETS: usize = 200_000;

/// Nanoseconds of processor time for one packet.
pub(crate) struct Floor {
    pub(crate) seal_ns: f64,
    pub(crate) seal_and_send_ns: f64,
}

/// Measures it; takes about a second.
pub(crate) fn measure() -> anyhow::Result<Floor> {
    let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).map_err(|_| anyhow!("no AES"))?;
    let mut bench = Bench::new(LessSafeKey::new(key))?;
    let seal = bench.run(false)?;
    let both = bench.run(true)?;
    let per_packet = |time: Duration| time.as_secs_f64() * 1e9 / PACKETS as f64;
    Ok(Floor { seal_ns: per_packet(seal), seal_and_send_ns: per_packet(both) })
}

/// Only the floor, as a scenario of its own.
pub(crate) fn report() -> anyhow::Result<Report> {
    let floor = measure()?;
    let figures = figures(&floor);
    Ok(Report { scenario: "floor", figures })
}

pub(crate) fn figures(floor: &Floor) -> Vec<Figure> {
    vec![
        Figure::new("floor_seal", floor.seal_ns / 1000.0, "us/packet"),
        Figure::new("floor_seal_and_send", floor.seal_and_send_ns / 1000.0, "us/packet"),
    ]
}

struct Bench {
    key: LessSafeKey,
    socket: UdpSocket,
    state: UdpSocketState,
    /// Takes what is sent; nobody reads it, the kernel drops what does not fit.
    sink: UdpSocket,
    counter: u64,
}

impl Bench {
    fn new(key: LessSafeKey) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let state = UdpSocketState::new((&socket).into()).context("no batched sending")?;
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        Ok(Self { key, socket, state, sink, counter: 0 })
    }

    /// Processor time of this process for all packets.
    fn run(&mut self, send: bool) -> anyhow::Result<Duration> {
        let pid = std::process::id();
        let before = cpu_time(pid)?;
        let watch = Stopwatch::begin();
        for nth in 0..PACKETS / BATCH_PACKETS {
            let payload = PACKET_BYTES.get(nth % 2).copied().unwrap_or_default();
            let batch = self.seal_batch(payload)?;
            if send {
                self.send(&batch)?;
            }
        }
        // Where the kernel keeps no thread times, elapsed time is the next best.
        let spent = cpu_time(pid)?.saturating_sub(before);
        Ok(if spent.is_zero() { watch.elapsed() } else { spent })
    }

    fn seal_batch(&mut self, payload: usize) -> anyhow::Result<Vec<u8>> {
        let segment = HEADER_BYTES + payload + AES_128_GCM.tag_len();
        let mut batch = vec![0; segment * BATCH_PACKETS];
        for packet in batch.chunks_exact_mut(segment) {
            self.counter += 1;
            let mut nonce = [0; 12];
            nonce.get_mut(4..).unwrap_or_default().copy_from_slice(&self.counter.to_be_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let (header, rest) = packet.split_at_mut(HEADER_BYTES);
            let (body, tag_place) = rest.split_at_mut(payload);
            let tag = self
                .key
                .seal_in_place_separate_tag(nonce, Aad::from(&*header), body)
                .map_err(|_| anyhow!("not sealed"))?;
            tag_place.copy_from_slice(tag.as_ref());
        }
        Ok(batch)
    }

    fn send(&self, batch: &[u8]) -> anyhow::Result<()> {
        let transmit = Transmit {
            destination: self.sink.local_addr()?,
            ecn: None,
            contents: batch,
            segment_size: Some(batch.len() / BATCH_PACKETS),
            src_ip: None,
        };
        loop {
            match self.state.try_send((&self.socket).into(), &transmit) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => (),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sending_costs_more_than_sealing_alone() {
        let floor = measure().unwrap();
        assert!(floor.seal_ns > 0.0);
        assert!(floor.seal_and_send_ns > floor.seal_ns);
    }
}
