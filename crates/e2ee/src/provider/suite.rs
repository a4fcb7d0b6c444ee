//! Which cryptography OpenMLS gets from us: that of suite 0x0001, and no other (RFC 9420 17.1).
//!
//! Every function is told by OpenMLS which algorithm it wants.  We compare, refuse what is not
//! of our suite, and go on without asking again: so no other algorithm is compiled in, and a
//! message that names one gets nowhere.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes128Gcm, KeyInit as _, Nonce};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hpke_rs::{HpkeError, HpkePrivateKey};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig,
    HpkeKeyPair, KemOutput, SignatureScheme,
};
use rand_core::{OsRng, RngCore as _};
use sha2::Sha256;
use tls_codec::SecretVLBytes;
use zeroize::Zeroizing;

use super::hpke;
use crate::kdf;
use crate::policy::SUITE;

/// Bytes of a nonce of AES-GCM.
const NONCE_BYTES: usize = 12;

/// See the module.
pub(crate) struct OneSuite;

fn expect_hash(hash: HashType) -> Result<(), CryptoError> {
    if hash == HashType::Sha2_256 { Ok(()) } else { Err(CryptoError::UnsupportedHashAlgorithm) }
}

fn expect_signature(scheme: SignatureScheme) -> Result<(), CryptoError> {
    if scheme == SignatureScheme::ED25519 {
        Ok(())
    } else {
        Err(CryptoError::UnsupportedSignatureScheme)
    }
}

/// The cipher, if it is ours and everything has its length.
fn cipher<'n>(
    aead: AeadType,
    key: &[u8],
    nonce: &'n [u8],
) -> Result<(Aes128Gcm, &'n [u8; NONCE_BYTES]), CryptoError> {
    if aead != AeadType::Aes128Gcm {
        return Err(CryptoError::UnsupportedAeadAlgorithm);
    }
    let cipher = Aes128Gcm::new_from_slice(key).map_err(|_| CryptoError::InvalidLength)?;
    let nonce = nonce.try_into().map_err(|_| CryptoError::InvalidLength)?;
    Ok((cipher, nonce))
}

impl OpenMlsCrypto for OneSuite {
    fn supports(&self, suite: Ciphersuite) -> Result<(), CryptoError> {
        if suite == SUITE { Ok(()) } else { Err(CryptoError::UnsupportedCiphersuite) }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![SUITE]
    }

    fn hkdf_extract(
        &self,
        hash: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        expect_hash(hash)?;
        Ok(Hkdf::<Sha256>::extract(Some(salt), ikm).0.to_vec().into())
    }

    fn hmac(
        &self,
        hash: HashType,
        key: &[u8],
        message: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        expect_hash(hash)?;
        Ok(kdf::hmac(key, &[message]).to_vec().into())
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        expect_hash(hash)?;
        let okm =
            kdf::expand(prk, info, okm_len).ok_or(CryptoError::HkdfOutputLengthInvalid)?;
        Ok(okm.into())
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        expect_hash(hash)?;
        Ok(kdf::hash(&[data]).to_vec())
    }

    fn aead_encrypt(
        &self,
        aead: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (cipher, nonce) = cipher(aead, key, nonce)?;
        cipher
            .encrypt(Nonce::from_slice(nonce), Payload { msg: data, aad })
            .map_err(|_| CryptoError::CryptoLibraryError)
    }

    fn aead_decrypt(
        &self,
        aead: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (cipher, nonce) = cipher(aead, key, nonce)?;
        cipher
            .decrypt(Nonce::from_slice(nonce), Payload { msg: ct_tag, aad })
            .map_err(|_| CryptoError::AeadDecryptionError)
    }

    fn signature_key_gen(
        &self,
        scheme: SignatureScheme,
    ) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        expect_signature(scheme)?;
        let mut seed = Zeroizing::new([0; 32]);
        OsRng
            .try_fill_bytes(seed.as_mut_slice())
            .map_err(|_| CryptoError::InsufficientRandomness)?;
        let public = SigningKey::from_bytes(&seed).verifying_key();
        Ok((seed.to_vec(), public.to_bytes().to_vec()))
    }

    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        expect_signature(scheme)?;
        let key = VerifyingKey::try_from(pk).map_err(|_| CryptoError::InvalidPublicKey)?;
        let signature =
            Signature::from_slice(signature).map_err(|_| CryptoError::InvalidSignature)?;
        key.verify_strict(data, &signature).map_err(|_| CryptoError::InvalidSignature)
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        data: &[u8],
        key: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        expect_signature(scheme)?;
        let key = SigningKey::try_from(key).map_err(|_| CryptoError::InvalidLength)?;
        Ok(key.sign(data).to_bytes().to_vec())
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let (kem_output, ciphertext) = hpke::of(&config)?
            .seal(&pk_r.into(), info, aad, ptxt, None, None, None)
            .map_err(|error| of_hpke(&error))?;
        Ok(HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() })
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (enc, ciphertext) = (input.kem_output.as_slice(), input.ciphertext.as_slice());
        hpke::of(&config)?
            .open(enc, &sk_r.into(), info, aad, ciphertext, None, None, None)
            .map_err(|_| CryptoError::HpkeDecryptionError)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let (kem_output, context) = hpke::of(&config)?
            .setup_sender(&pk_r.into(), info, None, None, None)
            .map_err(|_| CryptoError::SenderSetupError)?;
        let exported = context
            .export(exporter_context, exporter_length)
            .map_err(|_| CryptoError::ExporterError)?;
        Ok((kem_output, exported.into()))
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        let exported = hpke::of(&config)?
            .setup_receiver(enc, &sk_r.into(), info, None, None, None)
            .map_err(|_| CryptoError::ReceiverSetupError)?
            .export(exporter_context, exporter_length)
            .map_err(|_| CryptoError::ExporterError)?;
        Ok(exported.into())
    }

    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        let pair = hpke::of(&config)?.derive_key_pair(ikm).map_err(|error| of_hpke(&error))?;
        let private = HpkePrivateKey::as_slice(pair.private_key()).into();
        Ok(HpkeKeyPair { private, public: pair.public_key().as_slice().into() })
    }
}

fn of_hpke(error: &HpkeError) -> CryptoError {
    if *error == HpkeError::InvalidInput {
        CryptoError::InvalidLength
    } else {
        CryptoError::CryptoLibraryError
    }
}

#[cfg(test)]
mod tests {
    use openmls_rust_crypto::RustCrypto;

    use super::*;

    #[test]
    fn one_suite_is_supported() {
        let theirs = RustCrypto::default();
        assert_eq!(OneSuite.supported_ciphersuites(), [SUITE]);
        for suite in theirs.supported_ciphersuites() {
            assert_eq!(OneSuite.supports(suite).is_ok(), suite == SUITE, "{suite:?}");
        }
    }

    #[test]
    fn every_other_algorithm_is_refused() {
        for hash in [HashType::Sha2_384, HashType::Sha2_512] {
            let refusal = Some(CryptoError::UnsupportedHashAlgorithm);
            assert_eq!(OneSuite.hash(hash, b"").err(), refusal);
            assert_eq!(OneSuite.hmac(hash, b"", b"").err(), refusal);
            assert_eq!(OneSuite.hkdf_extract(hash, b"", b"").err(), refusal);
            assert_eq!(OneSuite.hkdf_expand(hash, &[1; 32], b"", 16).err(), refusal);
        }
        for aead in [AeadType::Aes256Gcm, AeadType::ChaCha20Poly1305] {
            let refusal = Some(CryptoError::UnsupportedAeadAlgorithm);
            let (key, nonce) = ([1; 32], [2; NONCE_BYTES]);
            assert_eq!(OneSuite.aead_encrypt(aead, &key, b"", &nonce, b"").err(), refusal);
            assert_eq!(OneSuite.aead_decrypt(aead, &key, b"", &nonce, b"").err(), refusal);
        }
        for scheme in [SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::ED448] {
            let refusal = Some(CryptoError::UnsupportedSignatureScheme);
            assert_eq!(OneSuite.signature_key_gen(scheme).err(), refusal);
            assert_eq!(OneSuite.sign(scheme, b"", &[1; 32]).err(), refusal);
            assert_eq!(
                OneSuite.verify_signature(scheme, b"", &[1; 32], &[1; 64]).err(),
                refusal
            );
        }
    }

    #[test]
    fn the_algorithms_of_the_suite_are_those_of_openmls() {
        let theirs = RustCrypto::default();
        let hash = HashType::Sha2_256;
        assert_eq!(OneSuite.hash(hash, b"aman"), theirs.hash(hash, b"aman"));
        assert_eq!(OneSuite.hmac(hash, b"k", b"m"), theirs.hmac(hash, b"k", b"m"));
        assert_eq!(
            OneSuite.hkdf_extract(hash, b"s", b"ikm"),
            theirs.hkdf_extract(hash, b"s", b"ikm")
        );
        assert_eq!(
            OneSuite.hkdf_expand(hash, &[1; 32], b"info", 77),
            theirs.hkdf_expand(hash, &[1; 32], b"info", 77)
        );
        let aead = AeadType::Aes128Gcm;
        let sealed = OneSuite.aead_encrypt(aead, &[1; 16], b"text", &[2; 12], b"aad").unwrap();
        assert_eq!(
            theirs.aead_encrypt(aead, &[1; 16], b"text", &[2; 12], b"aad").unwrap(),
            sealed
        );
        let opened = OneSuite.aead_decrypt(aead, &[1; 16], &sealed, &[2; 12], b"aad").unwrap();
        assert_eq!(opened, b"text");
    }

    #[test]
    fn signatures_are_those_of_openmls() {
        let theirs = RustCrypto::default();
        let scheme = SignatureScheme::ED25519;
        let (secret, public) = OneSuite.signature_key_gen(scheme).unwrap();
        let signature = OneSuite.sign(scheme, b"text", &secret).unwrap();
        theirs.verify_signature(scheme, b"text", &public, &signature).unwrap();
        OneSuite.verify_signature(scheme, b"text", &public, &signature).unwrap();
        let refused = OneSuite.verify_signature(scheme, b"tex", &public, &signature);
        assert_eq!(refused, Err(CryptoError::InvalidSignature));
    }

    #[test]
    fn keys_nonces_and_signatures_of_odd_lengths_are_errors() {
        let aead = AeadType::Aes128Gcm;
        let invalid = Err(CryptoError::InvalidLength);
        assert_eq!(OneSuite.aead_encrypt(aead, &[1; 15], b"", &[2; 12], b""), invalid);
        assert_eq!(OneSuite.aead_encrypt(aead, &[1; 16], b"", &[2; 11], b""), invalid);
        assert_eq!(OneSuite.aead_decrypt(aead, &[1; 16], b"", &[], b""), invalid);
        assert!(OneSuite.aead_decrypt(aead, &[1; 16], b"short", &[2; 12], b"").is_err());
        assert!(OneSuite.hkdf_expand(HashType::Sha2_256, &[1; 31], b"", 16).is_err());
        assert!(OneSuite.hkdf_expand(HashType::Sha2_256, &[1; 32], b"", 256 * 32).is_err());
        let scheme = SignatureScheme::ED25519;
        assert!(OneSuite.sign(scheme, b"", &[1; 31]).is_err());
        assert!(OneSuite.verify_signature(scheme, b"", &[1; 31], &[1; 64]).is_err());
        assert!(OneSuite.verify_signature(scheme, b"", &[1; 32], &[1; 63]).is_err());
    }
}
