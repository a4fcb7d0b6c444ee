//! Which certificate do we show?  Files of the operator's, or one we sign ourselves.
//!
//! TLS 1.3, and 1.2 with AEAD suites (rustls has no others), HTTP/1.1 only.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
pub use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::clock::Clock;
use crate::random::sha256;

const CERTIFICATE: &str = "tls-self-signed.pem";
const KEY: &str = "tls-self-signed.key";
const NOTE: &str = "tls-self-signed.txt";

/// Days a certificate of ours is good for.  Browsers refuse more than 398 of anybody.
const DAYS: u64 = 365;

/// Days before its end at which a new one is made.
const DAYS_LEFT_MIN: u64 = 30;

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// A certificate we signed ourselves.
#[derive(Debug)]
pub struct SelfSigned {
    /// For the door.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate in hex pairs, as browsers show it.
    pub fingerprint: String,
}

/// Reads certificate chain and key from PEM files.
///
/// # Errors
///
/// When a file is missing or not what it should be, or the two do not belong together.
pub fn from_files(certificate: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read certificates from {}", certificate.display()))?;
    ensure!(!chain.is_empty(), "{} holds no certificate", certificate.display());
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read a private key from {}", key.display()))?;
    config(chain, key)
}

/// Makes a certificate for `names` (host names and addresses), or takes the one in `folder` if
/// it still fits.
///
/// # Errors
///
/// When the files cannot be written.
pub fn self_signed(folder: &Path, names: &[String]) -> anyhow::Result<SelfSigned> {
    let now = Clock::start().unix().0;
    if !is_good(folder, names, now) {
        make(folder, names, now).context("cannot make a certificate")?;
    }
    let certificate = CertificateDer::from_pem_file(folder.join(CERTIFICATE))
        .context("cannot read our certificate")?;
    let pairs: Vec<_> = sha256(&certificate).iter().map(|byte| format!("{byte:02X}")).collect();
    let config = from_files(&folder.join(CERTIFICATE), &folder.join(KEY))?;
    Ok(SelfSigned { config, fingerprint: pairs.join(":") })
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("certificate and key cannot be used together")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Whether the certificate in the folder is for these names and lasts; the note beside it
/// spares us a parser.
fn is_good(folder: &Path, names: &[String], now: u64) -> bool {
    let note = fs::read_to_string(folder.join(NOTE)).unwrap_or_default();
    let mut lines = note.lines();
    let ends_at = lines.next().and_then(|line| line.parse().ok()).unwrap_or(0);
    let same_names = lines.eq(names.iter().map(String::as_str));
    let files_exist = [CERTIFICATE, KEY].iter().all(|name| folder.join(name).is_file());
    files_exist && same_names && now + DAYS_LEFT_MIN * DAY_SECONDS < ends_at
}

fn make(folder: &Path, names: &[String], now: u64) -> anyhow::Result<()> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "Aman, self-signed");
    let ends_at = now + DAYS * DAY_SECONDS;
    params.not_before = calendar(now.saturating_sub(DAY_SECONDS))?;
    params.not_after = calendar(ends_at)?;
    let certificate = params.self_signed(&key)?;

    write(&folder.join(CERTIFICATE), &certificate.pem())?;
    write(&folder.join(KEY), &key.serialize_pem())?;
    write(&folder.join(NOTE), &format!("{ends_at}\n{}\n", names.join("\n")))
}

/// The day of a moment, as the certificate spells it.
fn calendar(seconds: u64) -> anyhow::Result<::time::OffsetDateTime> {
    Ok(::time::OffsetDateTime::from_unix_timestamp(i64::try_from(seconds)?)?)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    // A file that is there keeps its mode, so it must not be there.
    if path.exists() {
        fs::remove_file(path)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_kept_until_the_names_change() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned(), "192.0.2.7".to_owned()];

        let first = self_signed(folder.path(), &names).unwrap();
        let again = self_signed(folder.path(), &names).unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);

        let other = self_signed(folder.path(), &names[..1]).unwrap();
        assert_ne!(first.fingerprint, other.fingerprint);
    }

    #[test]
    fn a_certificate_near_its_end_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned()];
        self_signed(folder.path(), &names).unwrap();
        let now = Clock::start().unix().0;

        assert!(is_good(folder.path(), &names, now));
        assert!(!is_good(folder.path(), &names, now + (DAYS - DAYS_LEFT_MIN) * DAY_SECONDS));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = from_files(Path::new("/no/such.pem"), Path::new("/no/such.key"));
        assert!(error.unwrap_err().to_string().contains("/no/such.pem"));
    }
}
