//! A client of the media plane as small as can be: STUN, DTLS, SRTP, all by webrtc-rs's crates,
//! so that what the shard does is understood by somebody else's code.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use media::MediaHandle;
use protocol::id::{ParticipantId, RoomId};
use protocol::media::{Mid, OfferedSlot, OfferedTrack, TrackKind};
use rtc_crypto::{HashAlgorithm, RTCCryptoProvider};
use rtc_dtls::config::{ConfigBuilder, ExtendedMasterSecretType};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Message, Setter, TransactionId};
use rtc_stun::textattrs::TextAttribute;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The moment.
#[expect(clippy::disallowed_methods, reason = "tests have no clock.rs")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Payload types and extension numbers of one client: each has its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) opus: u8,
    pub(crate) vp8: u8,
    pub(crate) rtx: u8,
    pub(crate) mid: u8,
    pub(crate) twcc: u8,
}

/// Like Chromium.
pub(crate) const CHROMIUM: Numbers = Numbers { opus: 111, vp8: 96, rtx: 97, mid: 4, twcc: 3 };
/// Like Firefox.
pub(crate) const FIREFOX: Numbers = Numbers { opus: 109, vp8: 120, rtx: 124, mid: 3, twcc: 7 };

/// A client.
pub(crate) struct Client {
    pub(crate) name: ParticipantId,
    pub(crate) numbers: Numbers,
    pub(crate) socket: UdpSocket,
    pub(crate) server: SocketAddr,
    pub(crate) provider: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    /// Sources of sound, of pictures, and of pictures sent again.
    pub(crate) ssrcs: [u32; 3],
    answer: String,
    dtls: Option<Endpoint>,
    srtp: Option<Mutex<(Context, Context)>>,
    n_transactions: u8,
}

/// An open RTP packet.
pub(crate) type Rtp = rtc_rtp::packet::Packet;

impl Client {
    pub(crate) fn new(name: u64, numbers: Numbers, handle: &MediaHandle) -> Self {
        let provider = rtc_crypto::default_provider().unwrap();
        let certificate =
            Certificate::generate_self_signed(vec!["client".to_owned()], provider.crypto())
                .unwrap();
        let base = u32::try_from(name).unwrap() * 1000;
        Self {
            name: ParticipantId::from_raw(name),
            numbers,
            socket: socket(),
            server: handle.local_addr(),
            provider,
            certificate,
            ssrcs: [base + 1, base + 2, base + 3],
            answer: String::new(),
            dtls: None,
            srtp: None,
            n_transactions: 0,
        }
    }

    pub(crate) fn tracks() -> Vec<OfferedTrack> {
        vec![
            OfferedTrack { mid: mid("0"), kind: TrackKind::Microphone },
            OfferedTrack { mid: mid("1"), kind: TrackKind::Camera },
        ]
    }

    pub(crate) fn slots() -> Vec<OfferedSlot> {
        vec![
            OfferedSlot { mid: mid("2"), audio: true },
            OfferedSlot { mid: mid("3"), audio: false },
        ]
    }

    /// The session description, with our own fingerprint or another.
    pub(crate) fn offer(&self, fingerprint: Option<[u8; 32]>) -> String {
        let der = &self.certificate.certificate[0];
        let digest = self.provider.crypto().hash(HashAlgorithm::Sha256, der).unwrap();
        let digest = fingerprint.map_or(digest, |other| other.to_vec());
        let digest: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let Numbers { opus, vp8, rtx, mid, twcc } = self.numbers;
        let [sound, pictures, again] = self.ssrcs;
        let mut text = String::from("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n");
        text += "a=group:BUNDLE 0 1 2 3\n";
        for line in 0..4 {
            let is_audio = line % 2 == 0;
            let media = if is_audio {
                format!("m=audio 9 UDP/TLS/RTP/SAVPF {opus}\n")
            } else {
                format!("m=video 9 UDP/TLS/RTP/SAVPF {vp8} {rtx}\n")
            };
            text += &media;
            text +=
                "c=IN IP4 0.0.0.0\na=ice-ufrag:them\na=ice-pwd:twenty-four characters here\n";
            text += &format!("a=fingerprint:sha-256 {}\n", digest.join(":"));
            text += &format!("a=setup:actpass\na=mid:{line}\na=rtcp-mux\n");
            text += &format!("a=extmap:{mid} urn:ietf:params:rtp-hdrext:sdes:mid\n");
            text += &format!(
                "a=extmap:{twcc} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n"
            );
            text += if line < 2 { "a=sendonly\n" } else { "a=recvonly\n" };
            text += &if is_audio {
                format!("a=rtpmap:{opus} opus/48000/2\na=rtcp-fb:{opus} transport-cc\n")
            } else {
                format!(
                    "a=rtpmap:{vp8} VP8/90000\na=rtcp-fb:{vp8} nack\na=rtcp-fb:{vp8} nack pli\n\
                     a=rtcp-fb:{vp8} ccm fir\na=rtcp-fb:{vp8} transport-cc\n\
                     a=rtpmap:{rtx} rtx/90000\na=fmtp:{rtx} apt={vp8}\n"
                )
            };
            match line {
                0 => text += &format!("a=ssrc:{sound} cname:x\n"),
                1 => {
                    text += &format!("a=ssrc-group:FID {pictures} {again}\n");
                    text += &format!("a=ssrc:{pictures} cname:x\na=ssrc:{again} cname:x\n");
                }
                _ => {}
            }
        }
        text.replace('\n', "\r\n")
    }

    pub(crate) fn take_answer(&mut self, answer: String) {
        self.answer = answer;
    }

    /// The values of an attribute of the answer.
    pub(crate) fn answered(&self, key: &str) -> Vec<&str> {
        let prefix = format!("a={key}:");
        self.answer.lines().filter_map(|line| line.strip_prefix(prefix.as_str())).collect()
    }

    /// The source of a slot: 0 for sound, 1 for pictures, 2 for pictures sent again.
    pub(crate) fn slot_ssrc(&self, which: usize) -> u32 {
        let names = self.answered("ssrc");
        let mut ssrcs: Vec<u32> = Vec::new();
        for name in names {
            let ssrc = name.split(' ').next().unwrap().parse().unwrap();
            if !ssrcs.contains(&ssrc) {
                ssrcs.push(ssrc);
            }
        }
        ssrcs[which]
    }

    /// A Binding request of ours.
    pub(crate) fn binding(&mut self, nominate: bool) -> Vec<u8> {
        self.n_transactions += 1;
        let ufrag = self.answered("ice-ufrag")[0].to_owned();
        let password = self.answered("ice-pwd")[0].to_owned();
        let crypto = self.provider.crypto();
        let mut setters: Vec<Box<dyn Setter + '_>> = vec![
            Box::new(BINDING_REQUEST),
            Box::new(TransactionId([self.n_transactions; 12])),
            Box::new(TextAttribute::new(ATTR_USERNAME, format!("{ufrag}:them"))),
        ];
        if nominate {
            setters.push(Box::new(Nominate));
        }
        setters.push(Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
            password, crypto,
        )));
        setters.push(Box::new(FINGERPRINT));
        let mut message = Message::new();
        message.build(&setters).unwrap();
        message.raw
    }

    pub(crate) fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.server).unwrap();
    }

    /// The next datagram, if one comes within `patience`.
    pub(crate) fn receive(&self, patience: Duration) -> Option<Vec<u8>> {
        self.socket.set_read_timeout(Some(patience.max(Duration::from_millis(1)))).unwrap();
        let mut bytes = [0; 2048];
        let n = self.socket.recv(&mut bytes).ok()?;
        Some(bytes[..n].to_vec())
    }

    /// Proves the address and waits for the answer.
    pub(crate) fn bind_path(&mut self) {
        let request = self.binding(true);
        self.send(&request);
        let until = now() + PATIENCE;
        loop {
            assert!(now() < until, "no answer to a Binding");
            if let Some(datagram) = self.receive(Duration::from_millis(100))
                && datagram[0] == 1
                && datagram[8..20] == request[8..20]
            {
                return;
            }
        }
    }

    /// Says hello.
    pub(crate) fn start_handshake(&mut self) {
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&self.provider))
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(vec![
                SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
                SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            ])
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_insecure_skip_verify(true)
            .with_flight_interval(Duration::from_millis(200))
            .build(true, Some(self.server))
            .unwrap();
        let mut endpoint =
            Endpoint::new(self.socket.local_addr().unwrap(), TransportProtocol::UDP, None);
        endpoint.connect(now(), self.server, Arc::new(config), None).unwrap();
        self.dtls = Some(endpoint);
        self.flush_handshake();
    }

    /// Sends what the handshake wants sent; returns it too.
    pub(crate) fn flush_handshake(&mut self) -> Vec<Vec<u8>> {
        let mut sent = vec![];
        while let Some(transmit) = self.dtls.as_mut().unwrap().poll_transmit() {
            sent.push(transmit.message.to_vec());
        }
        for datagram in &sent {
            self.send(datagram);
        }
        sent
    }

    /// Takes one answer and goes on with the handshake by one flight.
    pub(crate) fn step_handshake(&mut self) {
        let datagram = self.receive(PATIENCE).expect("an answer to the hello");
        let (server, endpoint) = (self.server, self.dtls.as_mut().unwrap());
        endpoint.read(now(), server, None, BytesMut::from(&datagram[..])).unwrap();
        self.flush_handshake();
    }

    /// Goes on with the handshake until it is over, or `until`.
    pub(crate) fn finish_handshake(&mut self, until: Instant) -> bool {
        while now() < until {
            let server = self.server;
            let datagram = self.receive(Duration::from_millis(20));
            let endpoint = self.dtls.as_mut().unwrap();
            let mut is_complete = false;
            if let Some(datagram) = datagram.filter(|datagram| (20..=63).contains(&datagram[0]))
            {
                let bytes = BytesMut::from(&datagram[..]);
                if let Ok(events) = endpoint.read(now(), server, None, bytes) {
                    is_complete = events
                        .iter()
                        .any(|event| matches!(event, EndpointEvent::HandshakeComplete));
                }
            } else if endpoint.handle_timeout(server, now()).is_err() {
                return false;
            }
            self.flush_handshake();
            if is_complete {
                self.take_keys();
                return true;
            }
        }
        false
    }

    fn take_keys(&mut self) {
        let state = self.dtls.as_ref().unwrap().get_connection_state(self.server).unwrap();
        assert_eq!(
            state.srtp_protection_profile(),
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            "nothing but GCM"
        );
        let material = state.export_keying_material("EXTRACTOR-dtls_srtp", &[], 56).unwrap();
        let material = material.as_ref();
        let context = |key: std::ops::Range<usize>, salt: std::ops::Range<usize>| {
            let profile = ProtectionProfile::AeadAes128Gcm;
            let crypto = self.provider.crypto();
            Context::new(&material[key], &material[salt], profile, None, None, crypto).unwrap()
        };
        self.srtp = Some(Mutex::new((context(0..16, 32..44), context(16..32, 44..56))));
    }

    /// Seals a packet of ours.
    pub(crate) fn seal(&self, packet: &[u8]) -> Vec<u8> {
        let mut srtp = self.srtp.as_ref().unwrap().lock().unwrap();
        srtp.0.encrypt_rtp(packet).unwrap().to_vec()
    }

    /// Seals and sends RTCP.
    pub(crate) fn send_rtcp(&self, packet: &[u8]) {
        let sealed = {
            let mut srtp = self.srtp.as_ref().unwrap().lock().unwrap();
            srtp.0.encrypt_rtcp(packet).unwrap().to_vec()
        };
        self.send(&sealed);
    }

    /// A packet of ours, with its mid and transport-wide number.
    pub(crate) fn packet(&self, kind: TrackKind, number: u16, payload: &[u8]) -> Vec<u8> {
        let (payload_type, ssrc, mid, step) = match kind {
            TrackKind::Microphone => (self.numbers.opus, self.ssrcs[0], b'0', 960),
            TrackKind::Camera => (self.numbers.vp8, self.ssrcs[1], b'1', 3000),
        };
        let mut bytes = vec![0x90, payload_type];
        bytes.extend(number.to_be_bytes());
        bytes.extend((u32::from(number) * step).to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
        bytes.extend([
            0xbe,
            0xde,
            0,
            2,
            self.numbers.mid << 4,
            mid,
            self.numbers.twcc << 4 | 1,
        ]);
        bytes.extend(number.to_be_bytes());
        bytes.extend([0, 0, 0]);
        bytes.extend(payload);
        bytes
    }

    /// Seals and sends a packet of ours.
    pub(crate) fn publish(&self, kind: TrackKind, number: u16, payload: &[u8]) {
        self.send(&self.seal(&self.packet(kind, number, payload)));
    }

    /// The next media packet that satisfies `wanted`, opened; others are dropped.
    pub(crate) fn next_rtp(
        &self,
        wanted: impl Fn(&Rtp) -> bool,
        until: Instant,
    ) -> Option<Rtp> {
        while now() < until {
            let Some(datagram) = self.receive(Duration::from_millis(20)) else { continue };
            if let Some(packet) = self.open_rtp(&datagram)
                && wanted(&packet)
            {
                return Some(packet);
            }
        }
        None
    }

    fn open_rtp(&self, datagram: &[u8]) -> Option<Rtp> {
        if !(128..=191).contains(&datagram[0]) || (192..=223).contains(&datagram[1]) {
            return None;
        }
        let mut srtp = self.srtp.as_ref().unwrap().lock().unwrap();
        let opened = srtp.1.decrypt_rtp(datagram).expect("what the shard sends is authentic");
        let mut opened = opened.freeze();
        Some(rtc_shared::marshal::Unmarshal::unmarshal(&mut opened).unwrap())
    }

    /// The next RTCP packet of a kind, opened.
    pub(crate) fn next_rtcp<T: Clone + 'static>(&self, until: Instant) -> Option<T> {
        while now() < until {
            let Some(datagram) = self.receive(Duration::from_millis(20)) else { continue };
            if !(128..=191).contains(&datagram[0]) || !(192..=223).contains(&datagram[1]) {
                continue;
            }
            let mut srtp = self.srtp.as_ref().unwrap().lock().unwrap();
            let mut opened = srtp.1.decrypt_rtcp(&datagram).unwrap().freeze();
            let packets = rtc_rtcp::packet::unmarshal(&mut opened).unwrap();
            for packet in packets {
                if let Some(found) = packet.as_any().downcast_ref::<T>() {
                    return Some(found.clone());
                }
            }
        }
        None
    }
}

struct Nominate;

impl Setter for Nominate {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        message.add(ATTR_USE_CANDIDATE, &[]);
        Ok(())
    }
}

pub(crate) fn mid(text: &str) -> Mid {
    Mid::new(text).unwrap()
}

pub(crate) fn room(n: u8) -> RoomId {
    RoomId::from_bytes([n; 16])
}

pub(crate) fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

/// A packet of a VP8 keyframe, and one of another frame.
pub(crate) fn keyframe(tail: &[u8]) -> Vec<u8> {
    [&[0x10, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], tail].concat()
}

/// See [`keyframe`].
pub(crate) fn delta(tail: &[u8]) -> Vec<u8> {
    [&[0x10, 0x01][..], tail].concat()
}
