//! DTLS hellos from strangers (Enable Security ES2023-03, RECIPES B.6).

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Hellos that are being sent, some thousand a second.
pub(crate) struct Spray {
    stop: Arc<AtomicBool>,
    n_sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Spray {
    /// Sends to `server` from many addresses of the loopback network but the usual one.
    pub(crate) fn begin(server: SocketAddr) -> Self {
        let (stop, n_sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, sent) = (Arc::clone(&stop), Arc::clone(&n_sent));
        let thread = std::thread::spawn(move || {
            let sockets: Vec<UdpSocket> = (2..34)
                .map(|host| UdpSocket::bind((format!("127.0.0.{host}"), 0)).unwrap())
                .collect();
            let mut random = 0_u8;
            while !stopped.load(Ordering::Relaxed) {
                for socket in &sockets {
                    random = random.wrapping_add(1);
                    // Two of three are well-formed; a whole suite list and a null cipher.
                    let suites: &[u16] =
                        if random.is_multiple_of(3) { &[0x0002] } else { &[0xc02b, 0xc02f] };
                    let _ = socket.send_to(&client_hello(random, suites), server);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                // A pace, not a wait for something: about 3,000 a second.
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Self { stop, n_sent, thread: Some(thread) }
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
