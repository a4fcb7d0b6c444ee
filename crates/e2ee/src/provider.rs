//! What OpenMLS stands on: one cipher suite, memory that dies with the group, our randomness.
//!
//! Each KeyPackage and each group has a provider of its own, so that no secret is shared by
//! accident and all of them go when their owner goes.  Why the provider is ours: ADR 5.

mod hpke;
mod storage;
mod suite;

use openmls_traits::OpenMlsProvider;

use self::storage::KeyStorage;
use self::suite::OneSuite;
use crate::random::Randomness;

/// See the module.
pub(crate) struct Provider {
    random: Randomness,
    storage: KeyStorage,
}

impl Provider {
    /// Empty.
    pub(crate) fn new(random: Randomness) -> Self {
        Self { random, storage: KeyStorage::default() }
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = OneSuite;
    type RandProvider = Randomness;
    type StorageProvider = KeyStorage;

    fn storage(&self) -> &Self::StorageProvider {
        &self.storage
    }

    fn crypto(&self) -> &Self::CryptoProvider {
        &OneSuite
    }

    fn rand(&self) -> &Self::RandProvider {
        &self.random
    }
}
