//! Where random bytes come from, and what is kept of them.

use protocol::opaque::encode_base64url;
use protocol::secret::Secret;
use sha2::{Digest, Sha256};
use store::records::Hash;

/// The operating system gave no random bytes.  Nothing secret can be made without them.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandom;

/// `N` bytes from the operating system.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

/// A secret from the operating system.
pub(crate) fn secret<const N: usize>() -> Result<Secret<N>, NoRandom> {
    bytes().map(Secret::from_bytes)
}

/// What a one-time link carries, and what is kept of it.
pub struct OneTimeToken {
    /// For the fragment of the link.  It is said once and kept nowhere.
    pub text: String,
    /// SHA-256 of the 32 bytes, to be kept.
    pub hash: Hash,
    /// A name for it that opens nothing.
    pub id: [u8; 16],
}

/// Makes what a one-time link carries.
///
/// # Errors
///
/// When the operating system gives no random bytes.
pub fn one_time_token() -> Result<OneTimeToken, NoRandom> {
    let token = secret::<32>()?;
    Ok(OneTimeToken {
        text: encode_base64url(token.expose()),
        hash: sha256(token.expose()),
        id: bytes()?,
    })
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}
