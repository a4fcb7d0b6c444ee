//! Can a browser reach us at all?  Bindings for nobody's peer connection, so that somebody can
//! try the way of sound and picture before being let in (ADR 7).
//!
//! ```text
//!   name = when it ends (8 hex digits), nonce (8), tag (16: HMAC of what stands before)
//!   password = another HMAC of the name
//! ```
//!
//! # Invariants
//!
//! - Nothing is kept of a probe, neither when it is made nor when it is used.
//! - No more answers than [`ANSWERS_AT_ONCE`] and [`ANSWERS_PER_SECOND`] for one probe, however
//!   many addresses use it, and [`ANSWERS_PER_SECOND_ALL`] for all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use forward::police::Bucket;
use protocol::media::{Probe, ProbeCandidate};
use protocol::time::Timestamp;
use rtc_crypto::{HmacAlgorithm, constant_time_eq};
use zeroize::Zeroizing;

use crate::chance;
use crate::clock::Clock;
use crate::dtls::Identity;

/// How long a probe is good for.  A page takes up to 8 s.
const LIFETIME: Duration = Duration::from_secs(30);

const EXPIRY_CHARS: usize = 8;
const NONCE_CHARS: usize = 8;
const TAG_CHARS: usize = 16;
const CLAIM_CHARS: usize = EXPIRY_CHARS + NONCE_CHARS;
/// No peer connection has a name of this length.
const NAME_CHARS: usize = CLAIM_CHARS + TAG_CHARS;

/// Answers to one probe at once.  A browser with three addresses asks some twenty times.
const ANSWERS_AT_ONCE: u32 = 48;
/// Answers to one probe in a second, for long.
const ANSWERS_PER_SECOND: u32 = 8;
/// Answers to all probes in a second: some hundredths of a thread.
const ANSWERS_PER_SECOND_ALL: u32 = 2000;
/// Places where answers are counted.  Probes that meet in one share it.
const PLACES: usize = 512;

const NAME: &[u8] = b"aman/probe/name/v1";
const PASSWORD: &[u8] = b"aman/probe/password/v1";

/// Makes probes, and knows its own.
pub(crate) struct Key {
    identity: Arc<Identity>,
    secret: Zeroizing<[u8; 32]>,
}

impl Key {
    /// A new one.  Probes made by another are nothing to it.
    pub(crate) fn generate(identity: Arc<Identity>) -> Self {
        Self { identity, secret: Zeroizing::new(chance::bytes()) }
    }

    fn make(&self, now: Timestamp) -> (String, String) {
        let ends_at = u32::try_from((now + LIFETIME).since_start().as_secs());
        let claim = format!(
            "{:0width$x}{}",
            ends_at.unwrap_or(u32::MAX),
            chance::text::<NONCE_CHARS>(),
            width = EXPIRY_CHARS
        );
        let tag = chance::letters(&self.hash(NAME, &claim));
        let tag = tag.get(..TAG_CHARS).unwrap_or_default();
        let name = format!("{claim}{tag}");
        let password = self.password(&name);
        (name, password)
    }

    /// Whether the name is one of ours and still good; then, where it is counted.
    fn place(&self, now: Timestamp, name: &str) -> Option<usize> {
        let (claim, tag) = name.split_at_checked(CLAIM_CHARS)?;
        let ends_at = u64::from_str_radix(claim.get(..EXPIRY_CHARS)?, 16).ok()?;
        if tag.len() != TAG_CHARS || ends_at <= now.since_start().as_secs() {
            return None;
        }
        let hash = self.hash(NAME, claim);
        let expected = chance::letters(&hash);
        if !constant_time_eq(tag.as_bytes(), expected.get(..TAG_CHARS)?.as_bytes()) {
            return None;
        }
        let number = u16::from_be_bytes(*hash.last_chunk()?);
        Some(usize::from(number) % PLACES)
    }

    fn password(&self, name: &str) -> String {
        chance::letters(&self.hash(PASSWORD, name))
    }

    fn hash(&self, purpose: &[u8], text: &str) -> [u8; 32] {
        let mut tag = [0; 32];
        let crypto = self.identity.crypto();
        let signed = crypto
            .new_hmac(HmacAlgorithm::Sha256, self.secret.as_slice())
            .and_then(|mut mac| mac.sign(&[purpose, &[0], text.as_bytes()], &mut tag));
        debug_assert!(signed.is_ok(), "the provider has HMAC-SHA-256");
        tag
    }
}

/// Makes probes for whoever may have one.
pub(crate) struct Issuer {
    key: Arc<Key>,
    clock: Clock,
    candidates: Vec<SocketAddr>,
}

impl Issuer {
    pub(crate) const fn new(key: Arc<Key>, clock: Clock, candidates: Vec<SocketAddr>) -> Self {
        Self { key, clock, candidates }
    }

    pub(crate) fn make(&self) -> Probe {
        let (ufrag, password) = self.key.make(self.clock.now());
        let candidates = self
            .candidates
            .iter()
            .map(|at| ProbeCandidate { ip: at.ip(), port: at.port() })
            .collect();
        Probe { ufrag, password, candidates }
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").finish_non_exhaustive()
    }
}

/// The shard's side: which probes are answered.
pub(crate) struct Probes {
    key: Arc<Key>,
    each: Box<[Bucket]>,
    all: Bucket,
}

impl Probes {
    pub(crate) fn new(now: Timestamp, key: Arc<Key>) -> Self {
        let each = vec![Bucket::new(now, ANSWERS_PER_SECOND, ANSWERS_AT_ONCE); PLACES];
        let all = Bucket::new(now, ANSWERS_PER_SECOND_ALL, ANSWERS_PER_SECOND_ALL);
        Self { key, each: each.into_boxed_slice(), all }
    }

    /// The password of a probe, if one more Binding of it may be looked at.
    pub(crate) fn admit(&mut self, now: Timestamp, name: &str) -> Option<String> {
        if name.len() != NAME_CHARS {
            return None;
        }
        let place = self.key.place(now, name)?;
        let may_pass = self.each.get_mut(place)?.take(now, 1) && self.all.take(now, 1);
        may_pass.then(|| self.key.password(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Arc<Key> {
        Arc::new(Key::generate(Arc::new(Identity::generate().unwrap())))
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_secs(secs))
    }

    #[test]
    fn a_probe_is_good_for_its_time_and_no_longer() {
        let key = key();
        let mut probes = Probes::new(at(0), Arc::clone(&key));
        let (name, password) = key.make(at(100));
        for good in [100, 115, 129] {
            assert_eq!(probes.admit(at(good), &name).as_ref(), Some(&password));
        }
        for late in [130, 131, 100_000] {
            assert_eq!(probes.admit(at(late), &name), None, "{late}");
        }
    }

    #[test]
    fn a_probe_has_what_ice_asks_of_a_name_and_a_password() {
        // RFC 8445 section 5.3: ice-char, at least 4 and 22 of them.
        let (name, password) = key().make(at(u64::from(u32::MAX) * 2));
        assert_eq!((name.len(), password.len()), (NAME_CHARS, 32));
        let is_ice = |letter: char| letter.is_ascii_alphanumeric() || "+/".contains(letter);
        assert!(name.chars().chain(password.chars()).all(is_ice), "{name} {password}");
    }

    #[test]
    fn what_is_bent_cut_or_made_by_another_is_nothing() {
        let key = key();
        let mut probes = Probes::new(at(0), Arc::clone(&key));
        let (name, _) = key.make(at(1));
        for n in 0..NAME_CHARS {
            let mut bent = name.clone().into_bytes();
            bent[n] = if bent[n] == b'f' { b'e' } else { b'f' };
            assert_eq!(probes.admit(at(1), std::str::from_utf8(&bent).unwrap()), None);
            assert_eq!(probes.admit(at(1), &name[..n]), None);
        }
        let (foreign, _) = self::key().make(at(1));
        let long = format!("{name}a");
        // As long as a name, and cut within a letter.
        let wide = "é".repeat(NAME_CHARS / 2);
        let odd = format!("a{}b", "é".repeat(NAME_CHARS / 2 - 1));
        for text in ["", &foreign, &long, &wide, &odd] {
            assert_eq!(probes.admit(at(1), text), None, "{text}");
        }
        assert!(probes.admit(at(1), &name).is_some());
    }

    #[test]
    fn one_probe_is_answered_so_often_and_leaves_others_theirs() {
        let key = key();
        let mut probes = Probes::new(at(0), Arc::clone(&key));
        let (greedy, _) = key.make(at(10));
        let answers = |probes: &mut Probes, second, name: &str| {
            (0..10_000).filter(|_| probes.admit(at(second), name).is_some()).count()
        };
        assert_eq!(answers(&mut probes, 10, &greedy), ANSWERS_AT_ONCE as usize);
        assert_eq!(answers(&mut probes, 11, &greedy), ANSWERS_PER_SECOND as usize);
        let elsewhere = std::iter::repeat_with(|| key.make(at(10)).0)
            .find(|other| key.place(at(10), other) != key.place(at(10), &greedy));
        assert!(probes.admit(at(11), &elsewhere.unwrap()).is_some());
    }

    #[test]
    fn all_probes_together_are_answered_so_often() {
        let key = key();
        let mut probes = Probes::new(at(0), Arc::clone(&key));
        let answers = (0..200)
            .map(|_| key.make(at(1)).0)
            .flat_map(|name| std::iter::repeat_n(name, 48))
            .filter(|name| probes.admit(at(1), name).is_some())
            .count();
        assert_eq!(answers, ANSWERS_PER_SECOND_ALL as usize);
    }
}
