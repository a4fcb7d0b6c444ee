//! What OpenMLS stands on: RustCrypto, memory that dies with the group, and our randomness.
//!
//! Each KeyPackage and each group has a provider of its own, so that no secret is shared by
//! accident and all of them go when their owner goes.

use openmls_rust_crypto::{MemoryStorage, RustCrypto};
use openmls_traits::OpenMlsProvider;

use crate::random::Randomness;

/// See the module.
pub(crate) struct Provider {
    crypto: RustCrypto,
    random: Randomness,
    storage: MemoryStorage,
}

impl Provider {
    /// Empty.
    pub(crate) fn new(random: Randomness) -> Self {
        Self { crypto: RustCrypto::default(), random, storage: MemoryStorage::default() }
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = Randomness;
    type StorageProvider = MemoryStorage;

    fn storage(&self) -> &Self::StorageProvider {
        &self.storage
    }

    fn crypto(&self) -> &Self::CryptoProvider {
        &self.crypto
    }

    fn rand(&self) -> &Self::RandProvider {
        &self.random
    }
}
