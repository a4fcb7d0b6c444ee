//! The one place in this crate where random numbers come from, and how secrets are hashed.

use protocol::id::ParticipantId;
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use sha2::{Digest, Sha256};
use store::Hash;

/// A secret to give away, and the hash to keep.
pub(crate) struct Token {
    pub(crate) secret: Opaque<32>,
    pub(crate) hash: Hash,
}

impl Token {
    /// 32 random bytes.
    pub(crate) fn random() -> Result<Self, Reject> {
        let bytes = random_bytes::<32>()?;
        let hash = sha256(&bytes);
        let secret = Opaque::new(bytes.to_vec()).map_err(|_| Reject::Internal)?;
        Ok(Self { secret, hash })
    }
}

/// An id nobody can guess and nobody had before.
pub(crate) fn participant_id() -> Result<ParticipantId, Reject> {
    random_bytes::<8>().map(|bytes| ParticipantId::from_raw(u64::from_be_bytes(bytes)))
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Reject> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "The system gives no random numbers");
        Reject::Internal
    })?;
    Ok(bytes)
}
