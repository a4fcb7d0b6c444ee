//! What does the server seal and sign for itself?
//!
//! One key of 32 bytes, in a file of the data folder and not in the SQLite file: a copy of the
//! database alone gives nobody the secrets of one-time codes.  Each use has a key of its own,
//! derived with HMAC-SHA-256.
//!
//! Challenges for passkeys are not kept anywhere: they carry their time and a tag, and only
//! those that were answered are remembered until they are over.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use protocol::id::AccountId;
use protocol::limits::CHALLENGE_LIFETIME;
use protocol::secret::Secret;
use protocol::time::UnixSeconds;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use store::records::Hash;

use crate::random::{self, NoRandom};

/// Name of the file in the data folder.
const FILE_NAME: &str = "server.key";

/// Bytes of a challenge before its tag: 16 random ones and the time.
const CHALLENGE_BODY_BYTES: usize = 24;

/// The server's own key.
#[derive(Clone)]
pub struct ServerKey(Secret<32>);

/// Never shown.
impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey")
    }
}

/// What something is sealed or signed for.  Nothing made for one is taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The secret of one-time codes, at rest.
    TotpAtRest,
    /// The same, offered and not yet confirmed.
    TotpOffer,
    /// A passkey to sign in with.
    SignInChallenge,
    /// A new passkey.
    NewPasskeyChallenge,
    /// A sign-in at the agency's own provider that is under way.
    ProviderFlow,
    /// Who somebody is there.
    Identity,
    /// The secret of a webhook, at rest.
    WebhookAtRest,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::TotpAtRest => b"aman/totp/v1",
            Self::TotpOffer => b"aman/totp-offer/v1",
            Self::SignInChallenge => b"aman/passkey-sign-in/v1",
            Self::NewPasskeyChallenge => b"aman/passkey-new/v1",
            Self::ProviderFlow => b"aman/provider-flow/v1",
            Self::Identity => b"aman/provider-identity/v1",
            Self::WebhookAtRest => b"aman/webhook/v1",
        }
    }
}

impl ServerKey {
    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// Reads the key of a data folder, or makes one that only its owner can read.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or made, or is no key.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE_NAME);
        let made = random::bytes::<32>()?;
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                let written = file.write_all(&made).and_then(|()| file.sync_all());
                written.with_context(|| format!("cannot write {}", path.display()))?;
                Ok(Self::from_bytes(made))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let bytes = fs::read(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let bytes = bytes.try_into().map_err(|_| {
                    anyhow::anyhow!("{} is not 32 bytes: bring it back", path.display())
                })?;
                Ok(Self::from_bytes(bytes))
            }
            Err(error) => Err(error).with_context(|| format!("cannot make {}", path.display())),
        }
    }

    /// Seals `plain` for one account: nonce, ciphertext, tag.
    pub(crate) fn seal(
        &self,
        purpose: Purpose,
        account: AccountId,
        plain: &[u8],
    ) -> Result<Vec<u8>, NoRandom> {
        let nonce = random::bytes::<NONCE_LEN>()?;
        let mut bytes = plain.to_vec();
        let key = self.sealing_key(purpose).ok_or(NoRandom)?;
        let whole = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(whole, Aad::from(account.as_bytes()), &mut bytes)
            .map_err(|_| NoRandom)?;
        Ok([nonce.as_slice(), &bytes].concat())
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose and account.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        account: AccountId,
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = rest.to_vec();
        let key = self.sealing_key(purpose)?;
        let plain = key.open_in_place(nonce, Aad::from(account.as_bytes()), &mut bytes).ok()?;
        Some(plain.to_vec())
    }

    /// A challenge nobody can foresee, good until [`CHALLENGE_LIFETIME`] is over.
    pub(crate) fn challenge(
        &self,
        purpose: Purpose,
        account: Option<AccountId>,
        now: UnixSeconds,
    ) -> Result<Vec<u8>, NoRandom> {
        let random = random::bytes::<16>()?;
        let until = now.plus(CHALLENGE_LIFETIME.as_secs()).0.to_be_bytes();
        let body = [random.as_slice(), &until].concat();
        let tag = hmac::sign(&self.signing_key(purpose), &signed(account, &body));
        Ok([body.as_slice(), tag.as_ref()].concat())
    }

    /// Whether we made this challenge for this purpose and account.  Returns until when it is
    /// good; it is not good any more at that moment.
    pub(crate) fn made_challenge(
        &self,
        purpose: Purpose,
        account: Option<AccountId>,
        challenge: &[u8],
    ) -> Option<UnixSeconds> {
        let (body, tag) = challenge.split_at_checked(CHALLENGE_BODY_BYTES)?;
        hmac::verify(&self.signing_key(purpose), &signed(account, body), tag).ok()?;
        let until = body.get(16..)?.try_into().ok()?;
        Some(UnixSeconds(u64::from_be_bytes(until)))
    }

    /// A mark of `parts` that says nothing about them without the key.
    pub(crate) fn mark(&self, purpose: Purpose, parts: &[&[u8]]) -> Hash {
        let mut context = hmac::Context::with_key(&self.signing_key(purpose));
        for part in parts {
            // With their lengths, so that no two lists of parts are one.
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let mut mark = [0; 32];
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }

    fn sealing_key(&self, purpose: Purpose) -> Option<LessSafeKey> {
        let derived = self.derived(purpose);
        UnboundKey::new(&AES_256_GCM, derived.as_ref()).ok().map(LessSafeKey::new)
    }

    fn signing_key(&self, purpose: Purpose) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.derived(purpose).as_ref())
    }

    fn derived(&self, purpose: Purpose) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.expose()), purpose.label())
    }
}

/// The account has a fixed length, so that no two pairs read the same.
fn signed(account: Option<AccountId>, body: &[u8]) -> Vec<u8> {
    let account = account.map_or([0; 16], |account| *account.as_bytes());
    [account.as_slice(), body].concat()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ANA: AccountId = AccountId::from_bytes([1; 16]);
    const BEN: AccountId = AccountId::from_bytes([2; 16]);
    const NOW: UnixSeconds = UnixSeconds(1_000);

    #[test]
    fn what_is_sealed_opens_for_the_same_account_and_purpose_only() {
        let key = ServerKey::from_bytes([7; 32]);
        let sealed = key.seal(Purpose::TotpAtRest, ANA, b"twenty bytes, secret").unwrap();
        assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));

        let open = |purpose, account, sealed: &[u8]| key.open(purpose, account, sealed);
        assert_eq!(
            open(Purpose::TotpAtRest, ANA, &sealed).unwrap(),
            b"twenty bytes, secret".as_slice()
        );
        assert_eq!(open(Purpose::TotpAtRest, BEN, &sealed), None);
        assert_eq!(open(Purpose::TotpOffer, ANA, &sealed), None);
        let other = ServerKey::from_bytes([8; 32]);
        assert_eq!(other.open(Purpose::TotpAtRest, ANA, &sealed), None);
        for n in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[n] ^= 1;
            assert_eq!(open(Purpose::TotpAtRest, ANA, &bent), None, "{n}");
            assert_eq!(open(Purpose::TotpAtRest, ANA, &sealed[..n]), None, "{n}");
        }
    }

    #[test]
    fn a_challenge_is_known_again_for_what_it_was_made() {
        let key = ServerKey::from_bytes([7; 32]);
        let made = key.challenge(Purpose::NewPasskeyChallenge, Some(ANA), NOW).unwrap();
        assert_ne!(made, key.challenge(Purpose::NewPasskeyChallenge, Some(ANA), NOW).unwrap());

        let known = |purpose, account| key.made_challenge(purpose, account, &made);
        let until = NOW.plus(CHALLENGE_LIFETIME.as_secs());
        assert_eq!(known(Purpose::NewPasskeyChallenge, Some(ANA)), Some(until));
        assert_eq!(known(Purpose::NewPasskeyChallenge, Some(BEN)), None);
        assert_eq!(known(Purpose::NewPasskeyChallenge, None), None);
        assert_eq!(known(Purpose::SignInChallenge, Some(ANA)), None);
        for n in 0..made.len() {
            let mut bent = made.clone();
            bent[n] ^= 1;
            let bent = key.made_challenge(Purpose::NewPasskeyChallenge, Some(ANA), &bent);
            assert_eq!(bent, None, "{n}");
        }
    }

    #[test]
    fn the_key_of_a_folder_stays_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let first = ServerKey::load(folder.path()).unwrap();
        let again = ServerKey::load(folder.path()).unwrap();
        assert_eq!(first.0.expose(), again.0.expose());

        let path = folder.path().join(FILE_NAME);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        fs::write(&path, "short").unwrap();
        assert!(ServerKey::load(folder.path()).is_err(), "a broken one is not replaced");
    }
}
