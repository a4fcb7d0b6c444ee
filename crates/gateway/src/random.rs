//! Where random bytes come from, and what is kept of them.

use protocol::secret::Secret;
use sha2::{Digest, Sha256};
use store::records::Hash;

/// The operating system gave no random bytes.  Nothing secret can be made without them.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub(crate) struct NoRandom;

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

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}
