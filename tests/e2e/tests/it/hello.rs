//! Packets from strangers: DTLS hellos (Enable Security ES2023-03, RECIPES B.6), and everything
//! else a media port may be sent.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Packets that are being sent, some thousand a second.
pub(crate) struct Spray {
    stop: Arc<AtomicBool>,
    n_sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Spray {
    /// Sends to `server` from many addresses of the loopback network but the usual one; `make`
    /// is given a number that changes each time.
    pub(crate) fn begin(server: SocketAddr, make: fn(u8) -> Vec<u8>) -> Self {
        let (stop, n_sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, sent) = (Arc::clone(&stop), Arc::clone(&n_sent));
        let thread = std::thread::spawn(move || {
            let sockets: Vec<UdpSocket> = (2..34)
                .map(|host| UdpSocket::bind((format!("127.0.0.{host}"), 0)).unwrap())
                .collect();
            let mut number = 0_u8;
            while !stopped.load(Ordering::Relaxed) {
                for socket in &sockets {
                    number = number.wrapping_add(1);
                    let _ = socket.send_to(&make(number), server);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                // A pace, not a wait for something: about 3,000 a second.
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Self { stop, n_sent, thread: Some(thread) }
    }

    /// How many were sent so far.
    pub(crate) fn n_sent(&self) -> u64 {
        self.n_sent.load(Ordering::Relaxed)
    }

    /// Ends it; how many were sent.
    pub(crate) fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        self.n_sent.load(Ordering::Relaxed)
    }
}

impl Drop for Spray {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Hellos, two of three well-formed, the others with a null cipher.
pub(crate) fn hellos(number: u8) -> Vec<u8> {
    let suites: &[u16] = if number.is_multiple_of(3) { &[0x0002] } else { &[0xc02b, 0xc02f] };
    client_hello(number, suites)
}

/// One of everything: what looks like media, like a binding request, like DTLS, like nothing.
pub(crate) fn everything(number: u8) -> Vec<u8> {
    match number % 8 {
        0 => hellos(number),
        // RTP and RTCP, as far as their first bytes go (RFC 7983 section 7).
        1 => [&[0x80, 96, 0, number][..], &[number; 1100]].concat(),
        2 => [&[0x80, 201, 0, 7][..], &[number; 40]].concat(),
        // A binding request without anything, and one cut short (RFC 8489 section 5).
        3 => [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[number; 12]].concat(),
        4 => vec![0, 1, 0, 200, 0x21, 0x12, 0xa4, 0x42],
        // A record of the epoch after the handshake, and a fatal alert in clear.
        5 => {
            [&[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, number, 4, 0][..], &[number; 1024]].concat()
        }
        6 => vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, number, 0, 2, 2, 40],
        _ => vec![number; usize::from(number)],
    }
}

/// A DTLS 1.2 ClientHello in one record (RFC 6347 section 4.2.2, RFC 5246 section 7.4.1.2).
pub(crate) fn client_hello(random: u8, suites: &[u16]) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend([random; 32]);
    body.extend([0, 0]); // no session id, no cookie
    body.extend(u16::try_from(suites.len() * 2).unwrap().to_be_bytes());
    for suite in suites {
        body.extend(suite.to_be_bytes());
    }
    body.extend([1, 0]); // no compression
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();

    // Handshake header: client_hello, length, message 0, fragment from 0, all of it.
    let mut handshake =
        vec![1, 0, length[0], length[1], 0, 0, 0, 0, 0, 0, length[0], length[1]];
    handshake.extend(body);

    // Record header: handshake, DTLS 1.0, epoch 0, sequence number 0, length.
    let mut record = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
    record.extend(u16::try_from(handshake.len()).unwrap().to_be_bytes());
    record.extend(handshake);
    record
}
