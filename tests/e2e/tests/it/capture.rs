//! What an observer of the network sees: a capture of loopback, taken apart.
//!
//! Clients mask what they send over a WebSocket (RFC 6455 section 5.3), so a search of the raw
//! packets alone would find nothing there, whatever was sent.  So TCP streams are put together
//! and their WebSocket frames unmasked before anything is looked for.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::{Folder, Signal, send};

use crate::scene::PATIENCE;

/// A capture that runs.
pub(crate) struct Capture {
    tcpdump: Child,
    file: PathBuf,
    udp: u16,
    _folder: Folder,
}

/// What was captured.
pub(crate) struct Captured {
    /// Each packet as it was.
    pub(crate) packets: Vec<u8>,
    /// Each direction of each TCP connection, put together.
    pub(crate) streams: Vec<u8>,
    /// What clients sent over WebSockets, unmasked.
    pub(crate) messages: Vec<u8>,
    /// How many datagrams there were.
    pub(crate) n_datagrams: usize,
}

impl Capture {
    /// Captures what passes these ports of loopback.
    pub(crate) fn begin(tcp: u16, udp: u16) -> Self {
        let folder = Folder::new().unwrap();
        let file = folder.path().join("loopback.pcap");
        let filter = format!("tcp port {tcp} or udp port {udp}");
        let mut tcpdump = Command::new("tcpdump")
            .args(["-i", "lo", "-U", "-s", "0", "-B", "65536", "-Z", "root", "-w"])
            .arg(&file)
            .arg(filter)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump is needed, and the right to use it: install tcpdump, run as root");
        let stderr = BufReader::new(tcpdump.stderr.take().unwrap());
        let mut lines = stderr.lines().map_while(Result::ok);
        let is_listening = lines.any(|line| line.contains("listening on"));
        assert!(is_listening, "tcpdump does not listen: it needs the right to capture");
        std::thread::spawn(move || lines.for_each(drop));
        Self { tcpdump, file, udp, _folder: folder }
    }

    /// Ends it.
    pub(crate) async fn end(mut self) -> Captured {
        // What was sent before this datagram is in the file when the datagram is.
        const LAST: &[u8] = b"this is the last packet of the capture";
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(LAST, ("127.0.0.1", self.udp)).unwrap();
        let written = async {
            while memchr::memmem::find(&std::fs::read(&self.file).unwrap(), LAST).is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, written).await.expect("tcpdump writes what it sees");
        send(Signal::SIGINT, &self.tcpdump).unwrap();
        self.tcpdump.wait().unwrap();
        take_apart(&std::fs::read(&self.file).unwrap())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

/// One direction of one connection: source and target port.
type Flow = (u16, u16);

fn take_apart(pcap: &[u8]) -> Captured {
    let mut packets = Vec::new();
    let mut flows: BTreeMap<Flow, BTreeMap<u32, Vec<u8>>> = BTreeMap::new();
    let mut n_datagrams = 0;
    assert_eq!(pcap[..4], [0xd4, 0xc3, 0xb2, 0xa1], "not a little-endian pcap file");
    let mut rest = &pcap[24..];
    while rest.len() >= 16 {
        let bytes = u32::from_le_bytes(rest[8..12].try_into().unwrap());
        let bytes = usize::try_from(bytes).unwrap();
        let Some(packet) = rest.get(16..16 + bytes) else { break };
        rest = &rest[16 + bytes..];
        packets.extend_from_slice(packet);
        // Ethernet, then IPv4.
        let ip = &packet[14..];
        let (header, protocol) = (usize::from(ip[0] & 15) * 4, ip[9]);
        let segment = &ip[header..];
        let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
        match protocol {
            17 => n_datagrams += 1,
            6 => {
                let sequence = u32::from_be_bytes(segment[4..8].try_into().unwrap());
                let payload = &segment[usize::from(segment[12] >> 4) * 4..];
                if !payload.is_empty() {
                    let flow = flows.entry((port(0), port(2))).or_default();
                    flow.entry(sequence).or_insert_with(|| payload.to_vec());
                }
            }
            _ => (),
        }
    }
    let (mut streams, mut messages) = (Vec::new(), Vec::new());
    for segments in flows.into_values() {
        let stream = put_together(segments);
        messages.extend(unmask(&stream));
        streams.extend(stream);
        streams.push(0);
    }
    Captured { packets, streams, messages, n_datagrams }
}

/// Segments in order, repeats left out.  (Sequence numbers that wrap within a test would come
/// out in the wrong order; what is looked for fits one segment.)
fn put_together(segments: BTreeMap<u32, Vec<u8>>) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut next = None;
    for (sequence, payload) in segments {
        let repeated = next.map_or(0, |next: u32| next.saturating_sub(sequence));
        let repeated = usize::try_from(repeated).unwrap();
        stream.extend_from_slice(payload.get(repeated..).unwrap_or_default());
        let end = sequence.wrapping_add(u32::try_from(payload.len()).unwrap());
        next = Some(next.map_or(end, |next| next.max(end)));
    }
    stream
}

/// The payloads of masked WebSocket frames behind an upgrade (RFC 6455 section 5.2).
fn unmask(stream: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    if !stream.starts_with(b"GET /ws") {
        return messages;
    }
    let Some(end) = stream.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return messages;
    };
    let mut rest = &stream[end + 4..];
    while rest.len() >= 2 {
        let (is_masked, short) = (rest[1] & 0x80 != 0, usize::from(rest[1] & 0x7f));
        let (length, header) = match short {
            126 if rest.len() >= 4 => (usize::from(u16::from_be_bytes([rest[2], rest[3]])), 4),
            127 if rest.len() >= 10 => {
                let length = u64::from_be_bytes(rest[2..10].try_into().unwrap());
                (usize::try_from(length).unwrap(), 10)
            }
            126 | 127 => break,
            short => (short, 2),
        };
        let Some(key) = rest.get(header..header + 4).filter(|_| is_masked) else { break };
        let payload = rest.get(header + 4..).unwrap_or_default();
        let payload = &payload[..length.min(payload.len())];
        messages.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        messages.push(0);
        let Some(behind) = rest.get(header + 4 + length..) else { break };
        rest = behind;
    }
    messages
}

#[test]
fn masked_frames_are_read() {
    let mut stream = b"GET /ws HTTP/1.1\r\n\r\n".to_vec();
    for text in [&b"hello"[..], &[b'x'; 300]] {
        stream.push(0x81);
        if text.len() < 126 {
            stream.push(0x80 | u8::try_from(text.len()).unwrap());
        } else {
            stream.push(0x80 | 126);
            stream.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        }
        let key = [1, 2, 3, 4];
        stream.extend(key);
        stream.extend(text.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
    let messages = unmask(&stream);
    assert!(messages.starts_with(b"hello\0xxx"));
    assert_eq!(messages.len(), 6 + 301);
}
