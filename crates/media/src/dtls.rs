//! How a peer connection gets its media keys: DTLS 1.2 as the server, and nothing but the
//! handshake (RFC 5764).  The adapter to `rtc-dtls`, behind the [`Door`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::BytesMut;
use rtc_crypto::{
    CryptoError, HashAlgorithm, HmacAlgorithm, RTCCrypto, RTCCryptoProvider, RTCRandom,
};
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{
    ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig,
};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error as RtcError;

use crate::door::{COOKIE_BYTES, Door, Stage, Verdict};
use crate::srtp::Keys;

/// SHA-256 of a certificate.
pub(crate) type Fingerprint = [u8; 32];

/// How soon a flight is sent again.
const FLIGHT_INTERVAL: Duration = Duration::from_secs(1);
/// How long a handshake may take from its first hello on.  One that was spoilt unnoticed ends
/// so, and the client may offer again (T-DTLS-5).
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How often the answer to a hello is repeated on demand.
const REPEATS_MAX: u8 = 5;

/// The certificate of this process, made at start.
pub(crate) struct Identity {
    certificate: Certificate,
    provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
}

impl Identity {
    /// Makes a certificate that nobody but our answers vouches for.
    ///
    /// # Errors
    ///
    /// When the crypto provider cannot.
    pub(crate) fn generate() -> anyhow::Result<Self> {
        let provider = rtc_crypto::default_provider().context("no crypto provider")?;
        let certificate =
            Certificate::generate_self_signed(vec!["aman".to_owned()], provider.crypto())
                .context("cannot make a certificate")?;
        let der = certificate.certificate.first().context("no certificate")?;
        let fingerprint =
            sha256(provider.crypto(), der).context("cannot hash the certificate")?;
        Ok(Self { certificate, provider, fingerprint })
    }

    pub(crate) const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(crate) fn crypto(&self) -> &dyn RTCCrypto {
        self.provider.crypto()
    }
}

fn sha256(crypto: &dyn RTCCrypto, bytes: &[u8]) -> Option<Fingerprint> {
    crypto.hash(HashAlgorithm::Sha256, bytes).ok()?.try_into().ok()
}

/// What came of a datagram.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Datagrams to send back.
    pub(crate) transmits: Vec<Vec<u8>>,
    /// What it means.
    pub(crate) news: Option<News>,
    /// Whether a handshake was spoilt or begun anew.
    pub(crate) restarted: bool,
}

/// A turn of the handshake.
pub(crate) enum News {
    /// It is over: these are the keys.
    Keys(Box<Keys>),
    /// The client said goodbye.
    Closed,
    /// There will be none: another certificate than the offer's, or too many attempts.
    Failed,
}

/// The handshake of one peer connection.
pub(crate) struct Dtls {
    identity: Arc<Identity>,
    expected: Fingerprint,
    /// Of cookies.
    secret: [u8; 32],
    door: Door,
    handshake: Option<Handshake>,
    first_begun_at: Option<Instant>,
}

struct Handshake {
    endpoint: Endpoint,
    is_complete: bool,
    is_imposter: Arc<AtomicBool>,
    /// The answer to the hello, for those who lost it.
    answer: Vec<Vec<u8>>,
    n_repeats: u8,
}

/// Addresses mean nothing to a handshake: the shard knows where its datagrams belong.
fn somewhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

impl Dtls {
    /// Waits for a client whose certificate has the fingerprint `expected`.
    pub(crate) fn new(identity: Arc<Identity>, expected: Fingerprint) -> Self {
        let secret = crate::chance::bytes();
        Self {
            identity,
            expected,
            secret,
            door: Door::default(),
            handshake: None,
            first_begun_at: None,
        }
    }

    fn stage(&self) -> Stage {
        let Some(handshake) = &self.handshake else { return Stage::None };
        let state = handshake.endpoint.get_connection_state(somewhere());
        let is_keyed = state
            .and_then(|state| state.cipher_suite())
            .is_some_and(|suite| suite.is_initialized());
        match (handshake.is_complete, is_keyed) {
            (true, _) => Stage::Complete,
            (false, true) => Stage::Keyed,
            (false, false) => Stage::Clear,
        }
    }

    /// A datagram came from `from`.
    pub(crate) fn read(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Outcome {
        let mut outcome = Outcome::default();
        let stage = self.stage();
        let (identity, secret) = (Arc::clone(&self.identity), self.secret);
        let cookie = |random: &[u8; 32]| cookie(identity.crypto(), &secret, from, random);
        for verdict in self.door.look(datagram, stage, cookie) {
            match verdict {
                Verdict::SayAgain(record) => outcome.transmits.push(record),
                Verdict::Begin { first, second } => {
                    outcome.restarted = self.handshake.is_some();
                    self.begin(now, &first, &second, &mut outcome);
                }
                Verdict::Repeat => self.repeat(&mut outcome),
                Verdict::Pass(datagram) => self.pass(now, &datagram, &mut outcome),
            }
        }
        outcome
    }

    fn begin(&mut self, now: Instant, first: &[u8], second: &[u8], outcome: &mut Outcome) {
        self.first_begun_at.get_or_insert(now);
        let is_imposter = Arc::new(AtomicBool::new(false));
        let Some(cookie) = cookie_in(second) else { return };
        let config = match self.config(cookie, Arc::clone(&is_imposter)) {
            Ok(config) => Arc::new(config),
            Err(error) => {
                tracing::error!(%error, "the DTLS settings are not usable");
                return;
            }
        };
        let mut endpoint = Endpoint::new(somewhere(), TransportProtocol::UDP, Some(config));
        // The stack asks for a cookie itself.  It gets the one the client has already brought.
        let asked = endpoint.read(now, somewhere(), None, BytesMut::from(first));
        while endpoint.poll_transmit().is_some() {}
        if asked.is_err() {
            tracing::debug!("a hello cannot be used");
            self.door.failed();
            return;
        }
        self.handshake = Some(Handshake {
            endpoint,
            is_complete: false,
            is_imposter,
            answer: Vec::new(),
            n_repeats: 0,
        });
        let n_before = outcome.transmits.len();
        self.pass(now, second, outcome);
        if let Some(handshake) = &mut self.handshake {
            handshake.answer = outcome.transmits.get(n_before..).unwrap_or_default().to_vec();
        }
    }

    fn repeat(&mut self, outcome: &mut Outcome) {
        let Some(handshake) = &mut self.handshake else { return };
        if handshake.n_repeats < REPEATS_MAX {
            handshake.n_repeats += 1;
            outcome.transmits.extend(handshake.answer.iter().cloned());
        }
    }

    fn pass(&mut self, now: Instant, datagram: &[u8], outcome: &mut Outcome) {
        let Some(handshake) = &mut self.handshake else { return };
        let result = handshake.endpoint.read(now, somewhere(), None, BytesMut::from(datagram));
        match result {
            Ok(events) => {
                for event in events {
                    self.on_event(&event, outcome);
                }
            }
            Err(error) if self.stage() != Stage::Complete => {
                tracing::debug!(%error, "a handshake failed");
                self.give_up(outcome);
                return;
            }
            // After the handshake nothing a stranger sends may end it.
            Err(error) => tracing::trace!(%error, "a DTLS record was refused"),
        }
        self.drain(outcome);
    }

    fn on_event(&mut self, event: &EndpointEvent, outcome: &mut Outcome) {
        match event {
            EndpointEvent::HandshakeComplete => {
                outcome.news = Some(match self.keys() {
                    Some(keys) => News::Keys(Box::new(keys)),
                    None => News::Failed,
                });
                if let Some(handshake) = &mut self.handshake {
                    handshake.is_complete = true;
                }
            }
            EndpointEvent::PeerClosed => outcome.news = Some(News::Closed),
            // Data channels are not offered.
            EndpointEvent::ApplicationData(_) => {}
            _ => {}
        }
    }

    fn drain(&mut self, outcome: &mut Outcome) {
        let Some(handshake) = &mut self.handshake else { return };
        while let Some(transmit) = handshake.endpoint.poll_transmit() {
            outcome.transmits.push(transmit.message.to_vec());
        }
    }

    /// The handshake is spoilt.  A client that begins again gets a fresh one.
    fn give_up(&mut self, outcome: &mut Outcome) {
        self.drain(outcome);
        let is_imposter = self
            .handshake
            .take()
            .is_some_and(|handshake| handshake.is_imposter.load(Ordering::Relaxed));
        self.door.failed();
        outcome.restarted = true;
        if is_imposter || self.door.is_worn_out() {
            outcome.news = Some(News::Failed);
        }
    }

    /// Whether the handshake has taken too long.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        let is_complete =
            self.handshake.as_ref().is_some_and(|handshake| handshake.is_complete);
        let begun_at = self.first_begun_at.filter(|_| !is_complete);
        begun_at.is_some_and(|at| now.saturating_duration_since(at) >= HANDSHAKE_PATIENCE)
    }

    /// When [`timeout`](Self::timeout) is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let handshake = self.handshake.as_ref().filter(|handshake| !handshake.is_complete)?;
        handshake.endpoint.poll_timeout(&somewhere())
    }

    /// Time passed: flights are sent again.
    pub(crate) fn timeout(&mut self, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        if let Some(handshake) = &mut self.handshake
            && handshake.endpoint.handle_timeout(somewhere(), now).is_err()
        {
            self.give_up(&mut outcome);
        }
        self.drain(&mut outcome);
        outcome
    }

    /// Our goodbye, if there is anybody to say it to.
    pub(crate) fn close(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut outcome = Outcome::default();
        if let Some(handshake) = &mut self.handshake
            && handshake.is_complete
            && handshake.endpoint.close(now).is_ok()
        {
            self.drain(&mut outcome);
        }
        outcome.transmits
    }

    fn keys(&self) -> Option<Keys> {
        let state = self.handshake.as_ref()?.endpoint.get_connection_state(somewhere())?;
        if state.srtp_protection_profile() != SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm {
            return None;
        }
        let certificate = state.peer_certificates.first()?;
        if sha256(self.identity.crypto(), certificate) != Some(self.expected) {
            return None;
        }
        let material = state
            .export_keying_material("EXTRACTOR-dtls_srtp", &[], Keys::MATERIAL_BYTES)
            .ok()?;
        Keys::from_material(material.as_ref())
    }

    fn config(
        &self,
        cookie: [u8; COOKIE_BYTES],
        is_imposter: Arc<AtomicBool>,
    ) -> Result<HandshakeConfig, RtcError> {
        let (identity, expected) = (Arc::clone(&self.identity), self.expected);
        let provider =
            Arc::new(CookieProvider { inner: Arc::clone(&identity.provider), cookie });
        ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![identity.certificate.clone()])
            .with_cipher_suites(vec![
                CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
                CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
            ])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(FLIGHT_INTERVAL)
            // No certificate chains here: the fingerprint decides, below.
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(move |chain, _| {
                let presented = chain.first().and_then(|der| sha256(identity.crypto(), der));
                if presented == Some(expected) {
                    return Ok(());
                }
                is_imposter.store(true, Ordering::Relaxed);
                Err(RtcError::Other("not the certificate of the offer".to_owned()))
            })))
            .build(false, None)
    }
}

/// The cookie for an address and a random: nobody else can make it, nothing need be kept.
fn cookie(
    crypto: &dyn RTCCrypto,
    secret: &[u8; 32],
    from: SocketAddr,
    random: &[u8; 32],
) -> [u8; COOKIE_BYTES] {
    let ip = match from.ip() {
        std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        std::net::IpAddr::V6(ip) => ip,
    };
    let mut tag = [0; 32];
    let signed = crypto.new_hmac(HmacAlgorithm::Sha256, secret).and_then(|mut mac| {
        mac.sign(&[&ip.octets(), &from.port().to_be_bytes(), random], &mut tag)
    });
    debug_assert!(signed.is_ok(), "the provider has HMAC-SHA-256");
    let mut cookie = [0; COOKIE_BYTES];
    for (to, from) in cookie.iter_mut().zip(tag) {
        *to = from;
    }
    cookie
}

/// The cookie in a record with a whole ClientHello: behind headers, version, random and the
/// empty session.
fn cookie_in(record: &[u8]) -> Option<[u8; COOKIE_BYTES]> {
    record.get(13 + 12 + 2 + 32 + 1 + 1..)?.first_chunk().copied()
}

/// Gives the stack the cookie it would otherwise roll.  Everything else is truly random.
struct CookieProvider {
    inner: Arc<dyn RTCCryptoProvider>,
    cookie: [u8; COOKIE_BYTES],
}

impl RTCCryptoProvider for CookieProvider {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn crypto(&self) -> &dyn RTCCrypto {
        self.inner.crypto()
    }

    fn random(&self) -> &dyn RTCRandom {
        self
    }
}

impl RTCRandom for CookieProvider {
    fn fill(&self, output: &mut [u8]) -> Result<(), CryptoError> {
        // Flight 0 is the only one to ask for so many bytes (rtc-dtls 0.21.1 flight0.rs).
        if output.len() == COOKIE_BYTES {
            output.copy_from_slice(&self.cookie);
            return Ok(());
        }
        self.inner.random().fill(output)
    }
}
