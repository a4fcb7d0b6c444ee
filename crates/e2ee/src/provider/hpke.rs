//! What HPKE is made of in our suite: X25519, HKDF-SHA-256 and AES-128-GCM (RFC 9180).
//!
//! `hpke-rs` has the protocol and asks for the primitives.  It gets those of our suite only;
//! the KEMs it would also serve (NIST's curves, ML-KEM) have nothing behind them here.

use std::convert::Infallible;

use hkdf::Hkdf;
use hpke_rs::{Hpke, Mode};
use hpke_rs_crypto::error::Error;
use hpke_rs_crypto::types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs_crypto::{HpkeCrypto, HpkeTestRng, TryCryptoRng, TryRng};
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::{
    AeadType, CryptoError, HpkeAeadType, HpkeConfig, HpkeKdfType, HpkeKemType,
};
use rand_core::{OsRng, RngCore as _};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroize;

use super::suite::OneSuite;
use crate::kdf;

/// HPKE in base mode, if `config` is the one of our suite.
pub(super) fn of(config: &HpkeConfig) -> Result<Hpke<Primitives>, CryptoError> {
    let HpkeConfig(HpkeKemType::DhKem25519, HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128) =
        config
    else {
        return Err(CryptoError::UnsupportedCiphersuite);
    };
    Ok(Hpke::new(
        Mode::Base,
        KemAlgorithm::DhKem25519,
        KdfAlgorithm::HkdfSha256,
        AeadAlgorithm::Aes128Gcm,
    ))
}

/// See the module.
#[derive(Debug)]
pub(super) struct Primitives;

impl HpkeCrypto for Primitives {
    type HpkePrng = SystemRandomness;

    fn name() -> String {
        "DHKEM(X25519), HKDF-SHA-256, AES-128-GCM".to_owned()
    }

    fn supports_kdf(kdf: KdfAlgorithm) -> Result<(), Error> {
        if kdf == KdfAlgorithm::HkdfSha256 { Ok(()) } else { Err(Error::UnknownKdfAlgorithm) }
    }

    fn supports_kem(kem: KemAlgorithm) -> Result<(), Error> {
        if kem == KemAlgorithm::DhKem25519 { Ok(()) } else { Err(Error::UnknownKemAlgorithm) }
    }

    fn supports_aead(aead: AeadAlgorithm) -> Result<(), Error> {
        if aead == AeadAlgorithm::Aes128Gcm { Ok(()) } else { Err(Error::UnknownAeadAlgorithm) }
    }

    fn prng() -> Self::HpkePrng {
        SystemRandomness
    }

    fn kdf_extract(kdf: KdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_kdf(kdf)?;
        Ok(Hkdf::<Sha256>::extract(Some(salt), ikm).0.to_vec())
    }

    fn kdf_expand(
        kdf: KdfAlgorithm,
        prk: &[u8],
        info: &[u8],
        output_size: usize,
    ) -> Result<Vec<u8>, Error> {
        Self::supports_kdf(kdf)?;
        kdf::expand(prk, info, output_size).ok_or(Error::HpkeInvalidOutputLength)
    }

    fn dh(kem: KemAlgorithm, pk: &[u8], sk: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_kem(kem)?;
        let theirs: [u8; 32] = pk.try_into().map_err(|_| Error::KemInvalidPublicKey)?;
        let shared = secret(sk)?.diffie_hellman(&PublicKey::from(theirs));
        // A point of small order gives zeros, whatever our key is (RFC 9180 7.1.4).
        if shared.was_contributory() {
            Ok(shared.as_bytes().to_vec())
        } else {
            Err(Error::KemInvalidPublicKey)
        }
    }

    fn secret_to_public(kem: KemAlgorithm, sk: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_kem(kem)?;
        Ok(PublicKey::from(&secret(sk)?).as_bytes().to_vec())
    }

    /// OpenMLS derives every key pair from randomness of ours.
    fn kem_key_gen(
        _: KemAlgorithm,
        _: &mut Self::HpkePrng,
    ) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Err(Error::UnsupportedKemOperation)
    }

    /// For KEMs that are no Diffie-Hellman.
    fn kem_key_gen_derand(_: KemAlgorithm, _: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Err(Error::UnsupportedKemOperation)
    }

    /// For KEMs that are no Diffie-Hellman.
    fn kem_encaps(
        _: KemAlgorithm,
        _: &[u8],
        _: &mut Self::HpkePrng,
    ) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Err(Error::UnsupportedKemOperation)
    }

    /// For KEMs that are no Diffie-Hellman.
    fn kem_decaps(_: KemAlgorithm, _: &[u8], _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(Error::UnsupportedKemOperation)
    }

    /// For NIST's curves.
    fn dh_validate_sk(_: KemAlgorithm, _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(Error::UnsupportedKemOperation)
    }

    fn aead_seal(
        aead: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, Error> {
        Self::supports_aead(aead)?;
        OneSuite
            .aead_encrypt(AeadType::Aes128Gcm, key, msg, nonce, aad)
            .map_err(|_| Error::AeadInvalidNonce)
    }

    fn aead_open(
        aead: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, Error> {
        Self::supports_aead(aead)?;
        OneSuite
            .aead_decrypt(AeadType::Aes128Gcm, key, msg, nonce, aad)
            .map_err(|_| Error::AeadOpenError)
    }
}

fn secret(sk: &[u8]) -> Result<StaticSecret, Error> {
    <[u8; 32]>::try_from(sk).map(StaticSecret::from).map_err(|_| Error::KemInvalidSecretKey)
}

/// The operating system's randomness, as `hpke-rs` wants to see it.  HPKE has no place for a
/// generator that its caller brings.
#[derive(Debug)]
pub(super) struct SystemRandomness;

impl TryRng for SystemRandomness {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(OsRng.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(OsRng.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        OsRng.fill_bytes(bytes);
        Ok(())
    }
}

impl TryCryptoRng for SystemRandomness {}

impl HpkeTestRng for SystemRandomness {
    type Error = Infallible;

    fn try_fill_test_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.try_fill_bytes(bytes)
    }

    /// The system takes no seed.
    fn seed(&mut self, _: &[u8]) {}
}

impl Zeroize for SystemRandomness {
    /// It keeps nothing.
    fn zeroize(&mut self) {}
}

#[cfg(test)]
mod tests {
    use openmls_rust_crypto::RustCrypto;
    use openmls_traits::types::HpkeCiphertext;

    use super::*;

    fn config() -> HpkeConfig {
        HpkeConfig(HpkeKemType::DhKem25519, HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128)
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
    }

    /// RFC 9180, appendix A.1.1 (DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base).
    #[test]
    fn the_vectors_of_the_standard_open() {
        let ikm = "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037";
        let recipient = OneSuite.derive_hpke_keypair(config(), &bytes(ikm)).unwrap();
        let public = "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d";
        assert_eq!(recipient.public, bytes(public));

        let info = bytes("4f6465206f6e2061204772656369616e2055726e");
        let input = HpkeCiphertext {
            kem_output: bytes(
                "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
            )
            .into(),
            ciphertext: bytes(
                "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
            )
            .into(),
        };
        let aad = bytes("436f756e742d30");
        let opened =
            OneSuite.hpke_open(config(), &input, &recipient.private, &info, &aad).unwrap();
        assert_eq!(opened, b"Beauty is truth, truth beauty");
    }

    #[test]
    fn openmls_opens_what_we_seal_and_we_what_it_seals() {
        let theirs = RustCrypto::default();
        let pair = OneSuite.derive_hpke_keypair(config(), &[7; 32]).unwrap();
        let sealed = OneSuite.hpke_seal(config(), &pair.public, b"i", b"a", b"text").unwrap();
        let opened = theirs.hpke_open(config(), &sealed, &pair.private, b"i", b"a").unwrap();
        assert_eq!(opened, b"text");

        let sealed = theirs.hpke_seal(config(), &pair.public, b"i", b"a", b"back").unwrap();
        let opened = OneSuite.hpke_open(config(), &sealed, &pair.private, b"i", b"a").unwrap();
        assert_eq!(opened, b"back");
        let refused = OneSuite.hpke_open(config(), &sealed, &pair.private, b"i", b"b");
        assert_eq!(refused, Err(CryptoError::HpkeDecryptionError));
    }

    #[test]
    fn both_sides_export_the_same_secret() {
        let theirs = RustCrypto::default();
        let pair = OneSuite.derive_hpke_keypair(config(), &[7; 32]).unwrap();
        let (enc, ours) = OneSuite
            .hpke_setup_sender_and_export(config(), &pair.public, b"i", b"context", 32)
            .unwrap();
        for crypto in [&OneSuite as &dyn openmls_traits::crypto::OpenMlsCrypto, &theirs] {
            let same = crypto
                .hpke_setup_receiver_and_export(
                    config(),
                    &enc,
                    &pair.private,
                    b"i",
                    b"context",
                    32,
                )
                .unwrap();
            assert_eq!(*same, *ours);
        }
    }

    #[test]
    fn other_configurations_are_refused() {
        let kem = HpkeConfig(
            HpkeKemType::DhKemP256,
            HpkeKdfType::HkdfSha256,
            HpkeAeadType::AesGcm128,
        );
        let kdf = HpkeConfig(
            HpkeKemType::DhKem25519,
            HpkeKdfType::HkdfSha512,
            HpkeAeadType::AesGcm128,
        );
        let aead =
            HpkeConfig(HpkeKemType::DhKem25519, HpkeKdfType::HkdfSha256, HpkeAeadType::Export);
        for config in [kem, kdf, aead] {
            let refused = OneSuite.derive_hpke_keypair(config, &[7; 32]).err();
            assert_eq!(refused, Some(CryptoError::UnsupportedCiphersuite));
        }
    }

    #[test]
    fn a_key_of_small_order_or_of_an_odd_length_is_refused() {
        let seal = |pk: &[u8]| OneSuite.hpke_seal(config(), pk, b"", b"", b"text");
        assert!(seal(&[0; 32]).is_err());
        assert!(seal(&[9; 31]).is_err());
        assert!(seal(&[9; 33]).is_err());
        assert!(seal(&[9; 32]).is_ok());
    }
}
