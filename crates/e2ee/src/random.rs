//! Where randomness comes from: the operating system once, or a seed in simulations.

use openmls_traits::random::OpenMlsRand;
use protocol::secret::Secret;
use rand_chacha::ChaCha20Rng;
use rand_core::{OsRng, RngCore, SeedableRng};
use std::cell::RefCell;

/// The system has no randomness to give.  Nothing can be done without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no randomness")]
pub struct NoRandomness;

/// A generator of secret bytes (ChaCha20).
pub struct Randomness(RefCell<ChaCha20Rng>);

impl Randomness {
    /// Starts from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when there is none.
    pub fn from_os() -> Result<Self, NoRandomness> {
        let mut seed = [0; 32];
        OsRng.try_fill_bytes(&mut seed).map_err(|_| NoRandomness)?;
        Ok(Self::from_seed(seed))
    }

    /// Starts from a seed, for simulations that must be repeatable.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(RefCell::new(ChaCha20Rng::from_seed(seed)))
    }

    /// The next `N` bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.borrow_mut().fill_bytes(&mut bytes);
        bytes
    }

    /// The next `N` bytes, as a secret.
    #[must_use]
    pub fn secret<const N: usize>(&self) -> Secret<N> {
        Secret::from_bytes(self.bytes())
    }

    /// An independent generator, for a part that keeps its own.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::from_seed(self.bytes())
    }
}

impl std::fmt::Debug for Randomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[randomness]")
    }
}

impl OpenMlsRand for Randomness {
    type Error = NoRandomness;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], Self::Error> {
        Ok(self.bytes())
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Self::Error> {
        let mut bytes = vec![0; len];
        self.0.borrow_mut().fill_bytes(&mut bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_a_fork_does_not() {
        let first = Randomness::from_seed([1; 32]);
        let again = Randomness::from_seed([1; 32]);
        assert_eq!(first.bytes::<16>(), again.bytes::<16>());
        assert_ne!(first.fork().bytes::<16>(), first.bytes::<16>());
    }

    #[test]
    fn the_system_gives_different_bytes_each_time() {
        let first = Randomness::from_os().unwrap().bytes::<16>();
        assert_ne!(first, Randomness::from_os().unwrap().bytes::<16>());
    }
}
