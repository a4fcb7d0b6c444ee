//! Is this ID token for us, from our provider, about this sign-in, and from just now?  Every
//! check of OpenID Connect Core 1.0 section 3.1.3.7 that concerns the code flow.
//!
//! The time is given; nothing here asks for anything.

use protocol::limits::PROVIDER_PATIENCE;
use protocol::opaque::decode_base64url;
use protocol::time::UnixSeconds;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::keys::{Algorithm, Keys, Unsigned};

/// How far the provider's clock may be from ours.
const LEEWAY_SECS: u64 = 60;

/// Longest `sub` (Core section 2).
const SUBJECT_BYTES_MAX: usize = 255;

/// What the token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: UnixSeconds,
    /// Before when nobody may have signed in there, where they are to do it anew.
    pub(super) signed_in_since: Option<UnixSeconds>,
}

/// Why it does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    /// Not a signed token, or with words that we would have to understand (`crit`).
    #[error("it is no signed token")]
    Unreadable,
    /// Unsigned, signed with a secret, or in a way that we do not know.
    #[error("it is not signed by RS256, ES256 or EdDSA")]
    Algorithm,
    /// No key of the provider can have made the signature, or more than one.
    #[error("it is signed with a key that the provider does not list")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// It is from somebody else.
    #[error("it is from another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("it is for another client")]
    Audience,
    /// Somebody else asked for it.
    #[error("another client asked for it")]
    AuthorizedParty,
    /// It is over.
    #[error("it is over")]
    Expired,
    /// It is from the future: one of the clocks is wrong.
    #[error("it is from the future")]
    Future,
    /// It was made before anybody began to sign in here.
    #[error("it is old")]
    Old,
    /// Nobody signed in there anew: whoever sits there used what somebody left open.
    #[error("it does not say that somebody signed in anew (auth_time)")]
    NotAnew,
    /// It belongs to another sign-in.
    #[error("it belongs to another sign-in")]
    Nonce,
    /// It does not say who somebody is.
    #[error("it names nobody")]
    Subject,
}

impl From<Unsigned> for TokenFault {
    fn from(unsigned: Unsigned) -> Self {
        match unsigned {
            Unsigned::UnknownKey => Self::UnknownKey,
            Unsigned::Wrong => Self::Signature,
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: u64,
    iat: u64,
    nbf: Option<u64>,
    auth_time: Option<u64>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Who the provider says it is (`sub`), if everything holds.
pub(super) fn check(
    token: &str,
    keys: &Keys,
    expected: &Expected<'_>,
) -> Result<String, TokenFault> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Unreadable)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenFault::Unreadable)?;
    let signature = decode_base64url(signature).ok_or(TokenFault::Unreadable)?;
    let header: Header = words(header)?;
    let is_token = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if !is_token || header.crit.is_some() {
        return Err(TokenFault::Unreadable);
    }
    let algorithm = Algorithm::read(&header.alg).ok_or(TokenFault::Algorithm)?;
    keys.verify(algorithm, header.kid.as_deref(), signed.as_bytes(), &signature)?;
    let claims: Claims = words(claims)?;
    check_parties(&claims, expected)?;
    check_times(&claims, expected.now.0)?;
    if let Some(since) = expected.signed_in_since {
        let signed_in_at = claims.auth_time.ok_or(TokenFault::NotAnew)?;
        if signed_in_at.saturating_add(LEEWAY_SECS) < since.0 {
            return Err(TokenFault::NotAnew);
        }
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(TokenFault::Nonce);
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_BYTES_MAX {
        return Err(TokenFault::Subject);
    }
    Ok(claims.sub)
}

fn check_parties(claims: &Claims, expected: &Expected<'_>) -> Result<(), TokenFault> {
    if claims.iss != expected.issuer {
        return Err(TokenFault::Issuer);
    }
    let audiences = match &claims.aud {
        Audience::One(one) => std::slice::from_ref(one),
        Audience::Many(many) => many,
    };
    if !audiences.iter().any(|audience| audience == expected.client_id) {
        return Err(TokenFault::Audience);
    }
    let is_ours = match &claims.azp {
        Some(azp) => azp == expected.client_id,
        None => audiences.len() == 1,
    };
    if is_ours { Ok(()) } else { Err(TokenFault::AuthorizedParty) }
}

fn check_times(claims: &Claims, now: u64) -> Result<(), TokenFault> {
    if claims.exp.saturating_add(LEEWAY_SECS) <= now {
        return Err(TokenFault::Expired);
    }
    let ahead = now.saturating_add(LEEWAY_SECS);
    if claims.iat > ahead || claims.nbf.is_some_and(|nbf| nbf > ahead) {
        return Err(TokenFault::Future);
    }
    let oldest = PROVIDER_PATIENCE.as_secs().saturating_add(LEEWAY_SECS);
    if now.saturating_sub(claims.iat) > oldest {
        return Err(TokenFault::Old);
    }
    Ok(())
}

fn words<T: DeserializeOwned>(part: &str) -> Result<T, TokenFault> {
    let bytes = decode_base64url(part).ok_or(TokenFault::Unreadable)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenFault::Unreadable)
}

#[cfg(test)]
mod tests {
    use protocol::opaque::encode_base64url;
    use ring::rand::SystemRandom;
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    };
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const EXPECTED: Expected<'static> = Expected {
        issuer: "https://id.example",
        client_id: "aman",
        nonce: "n-0S6_WzA2Mj",
        now: UnixSeconds(NOW),
        signed_in_since: Some(UnixSeconds(NOW - 300)),
    };

    #[test]
    fn a_good_token_says_who_it_is() {
        let signer = Signer::make();
        for changes in [
            json!({}),
            json!({ "aud": ["aman"] }),
            json!({ "aud": ["aman", "other"], "azp": "aman" }),
            json!({ "exp": NOW - LEEWAY_SECS + 1 }),
            json!({ "iat": NOW + LEEWAY_SECS, "nbf": NOW + LEEWAY_SECS }),
            json!({ "iat": NOW - 660 }),
            json!({ "auth_time": NOW - 360 }),
            json!({ "sub": "x".repeat(SUBJECT_BYTES_MAX), "email": "ruth@agency.example" }),
        ] {
            let claims = claims(&changes);
            let sub = claims["sub"].as_str().unwrap().to_owned();
            for header in [signer.es256(), signer.ed_dsa()] {
                let token = signer.sign(&header, &claims);
                let checked = check(&token, &signer.keys(), &EXPECTED);
                assert_eq!(checked.as_ref(), Ok(&sub), "{changes} {header}");
            }
        }
    }

    #[test]
    fn each_claim_that_is_wrong_alone_is_enough_to_refuse() {
        let signer = Signer::make();
        for (changes, fault) in [
            (json!({ "iss": "https://id.example/" }), TokenFault::Issuer),
            (json!({ "iss": "https://evil.example" }), TokenFault::Issuer),
            (json!({ "aud": "other" }), TokenFault::Audience),
            (json!({ "aud": [] }), TokenFault::Audience),
            (json!({ "aud": ["aman", "other"] }), TokenFault::AuthorizedParty),
            (json!({ "aud": ["aman", "other"], "azp": "other" }), TokenFault::AuthorizedParty),
            (json!({ "azp": "other" }), TokenFault::AuthorizedParty),
            (json!({ "exp": NOW - LEEWAY_SECS }), TokenFault::Expired),
            (json!({ "exp": 0 }), TokenFault::Expired),
            (json!({ "iat": NOW + LEEWAY_SECS + 1 }), TokenFault::Future),
            (json!({ "nbf": NOW + LEEWAY_SECS + 1 }), TokenFault::Future),
            (json!({ "iat": NOW - 661 }), TokenFault::Old),
            (json!({ "auth_time": NOW - 361 }), TokenFault::NotAnew),
            (json!({ "auth_time": null }), TokenFault::NotAnew),
            (json!({ "nonce": "another" }), TokenFault::Nonce),
            (json!({ "nonce": null }), TokenFault::Nonce),
            (json!({ "sub": "" }), TokenFault::Subject),
            (json!({ "sub": "x".repeat(SUBJECT_BYTES_MAX + 1) }), TokenFault::Subject),
            (json!({ "sub": null }), TokenFault::Unreadable),
            (json!({ "sub": 7 }), TokenFault::Unreadable),
            (json!({ "exp": null }), TokenFault::Unreadable),
            (json!({ "exp": -1 }), TokenFault::Unreadable),
            (json!({ "iat": null }), TokenFault::Unreadable),
            (json!({ "iat": "now" }), TokenFault::Unreadable),
        ] {
            let token = signer.sign(&signer.es256(), &claims(&changes));
            assert_eq!(check(&token, &signer.keys(), &EXPECTED), Err(fault), "{changes}");
        }
    }

    #[test]
    fn where_single_sign_on_is_allowed_it_may_be_long_ago() {
        let signer = Signer::make();
        let expected = Expected { signed_in_since: None, ..EXPECTED };
        for changes in [json!({ "auth_time": 1 }), json!({ "auth_time": null })] {
            let token = signer.sign(&signer.es256(), &claims(&changes));
            assert!(check(&token, &signer.keys(), &expected).is_ok(), "{changes}");
        }
    }

    #[test]
    fn each_header_that_is_wrong_is_refused_before_anything_is_believed() {
        let signer = Signer::make();
        for (header, fault) in [
            (json!({ "alg": "none" }), TokenFault::Algorithm),
            (json!({ "alg": "None", "kid": "p" }), TokenFault::Algorithm),
            (json!({ "alg": "HS256", "kid": "p" }), TokenFault::Algorithm),
            (json!({ "alg": "ES384", "kid": "p" }), TokenFault::Algorithm),
            (json!({ "alg": "EdDSA", "kid": "p" }), TokenFault::UnknownKey),
            (json!({ "alg": "RS256", "kid": "p" }), TokenFault::UnknownKey),
            (json!({ "alg": "ES256", "kid": "q" }), TokenFault::UnknownKey),
            (json!({ "alg": "ES256", "kid": "p", "crit": ["b64"] }), TokenFault::Unreadable),
            (json!({ "alg": "ES256", "kid": "p", "typ": "at+jwt" }), TokenFault::Unreadable),
            (json!({ "kid": "p" }), TokenFault::Unreadable),
        ] {
            let token = signer.sign(&header, &claims(&json!({})));
            assert_eq!(check(&token, &signer.keys(), &EXPECTED), Err(fault), "{header}");
        }
    }

    #[test]
    fn without_the_name_of_a_key_there_must_be_one_that_fits() {
        let signer = Signer::make();
        let token = signer.sign(&json!({ "alg": "ES256" }), &claims(&json!({})));
        assert!(check(&token, &signer.keys(), &EXPECTED).is_ok());

        let mut set = signer.key_set();
        let mut twin = set["keys"][0].clone();
        twin["kid"] = json!("twin");
        set["keys"].as_array_mut().unwrap().push(twin);
        let two = Keys::read(set.to_string().as_bytes()).unwrap();
        assert_eq!(check(&token, &two, &EXPECTED), Err(TokenFault::UnknownKey));
        let named = signer.sign(&signer.es256(), &claims(&json!({})));
        assert!(check(&named, &two, &EXPECTED).is_ok());
    }

    #[test]
    fn a_token_that_was_bent_anywhere_is_refused() {
        let signer = Signer::make();
        let good = signer.sign(&signer.es256(), &claims(&json!({})));
        for at in 0..good.len() {
            let mut bent = good.clone().into_bytes();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bent).unwrap();
            assert!(check(&bent, &signer.keys(), &EXPECTED).is_err(), "{at}");
        }
        let other = Signer::make();
        assert_eq!(check(&good, &other.keys(), &EXPECTED), Err(TokenFault::Signature));
        let (signed, _) = good.rsplit_once('.').unwrap();
        let unsigned = format!("{signed}.");
        assert_eq!(check(&unsigned, &signer.keys(), &EXPECTED), Err(TokenFault::Signature));
        for text in ["", ".", "..", "...", "a.b.c", &format!("{good}.x"), &format!("x.{good}")]
        {
            assert!(check(text, &signer.keys(), &EXPECTED).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_for_something_else_signs_nothing() {
        let signer = Signer::make();
        let token = signer.sign(&signer.es256(), &claims(&json!({})));
        for (name, value) in [
            ("use", "enc"),
            ("alg", "ES384"),
            ("alg", "HS256"),
            ("kty", "oct"),
            ("crv", "P-384"),
            ("x", "AAAA"),
            ("y", "!"),
        ] {
            let mut set = signer.key_set();
            set["keys"][0][name] = json!(value);
            let keys = Keys::read(set.to_string().as_bytes()).unwrap();
            let checked = check(&token, &keys, &EXPECTED);
            assert_eq!(checked, Err(TokenFault::UnknownKey), "{name}: {value}");
        }
        for bytes in [&b""[..], b"{}", br#"{"keys":7}"#] {
            assert!(Keys::read(bytes).is_none());
        }
    }

    #[test]
    fn rs256_is_taken_as_openssl_makes_it() {
        let set = json!({ "keys": [{ "kty": "RSA", "kid": "r", "e": "AQAB", "n": RSA_N }] });
        let keys = Keys::read(set.to_string().as_bytes()).unwrap();
        let signature = decode_base64url(RSA_SIGNATURE).unwrap();
        let verify = |signed: &[u8], signature: &[u8]| {
            keys.verify(Algorithm::Rs256, Some("r"), signed, signature)
        };
        assert_eq!(verify(b"aman", &signature), Ok(()));
        assert_eq!(verify(b"Aman", &signature), Err(Unsigned::Wrong));
        assert_eq!(verify(b"aman", &[0; 256]), Err(Unsigned::Wrong));
    }

    fn claims(changes: &Value) -> Value {
        let mut claims = json!({
            "iss": EXPECTED.issuer,
            "sub": "248289761001",
            "aud": EXPECTED.client_id,
            "exp": NOW + 300,
            "iat": NOW,
            "auth_time": NOW,
            "nonce": EXPECTED.nonce,
        });
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }

    /// A provider with a key of each kind that ring can make.
    struct Signer {
        p256: EcdsaKeyPair,
        ed25519: Ed25519KeyPair,
    }

    impl Signer {
        fn make() -> Self {
            let random = SystemRandom::new();
            let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let p256 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
            let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
            Self {
                p256: EcdsaKeyPair::from_pkcs8(kind, p256.as_ref(), &random).unwrap(),
                ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).unwrap(),
            }
        }

        fn es256(&self) -> Value {
            json!({ "alg": "ES256", "kid": "p", "typ": "JWT" })
        }

        fn ed_dsa(&self) -> Value {
            json!({ "alg": "EdDSA", "kid": "e" })
        }

        fn key_set(&self) -> Value {
            let point = self.p256.public_key().as_ref();
            let ed25519 = self.ed25519.public_key().as_ref();
            json!({ "keys": [
                {
                    "kty": "EC", "crv": "P-256", "kid": "p", "use": "sig", "alg": "ES256",
                    "x": encode_base64url(&point[1..33]), "y": encode_base64url(&point[33..]),
                },
                { "kty": "OKP", "crv": "Ed25519", "kid": "e", "x": encode_base64url(ed25519) },
                { "kty": "oct", "kid": "h", "k": "AAAA" },
            ] })
        }

        fn keys(&self) -> Keys {
            Keys::read(self.key_set().to_string().as_bytes()).unwrap()
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| encode_base64url(value.to_string().as_bytes());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = if header["alg"] == "EdDSA" {
                self.ed25519.sign(signed.as_bytes()).as_ref().to_vec()
            } else {
                let random = SystemRandom::new();
                self.p256.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec()
            };
            format!("{signed}.{}", encode_base64url(&signature))
        }
    }

    /// Of a key that was made for this test and thrown away.
    const RSA_N: &str = concat!(
        "xbmE-KnrIMwjpNx9Utyw8EuPm0Omc4BlTNYC_xtXDKXGyRLylBN2I-DsBHURGY62GOejRJZQwYsd",
        "Gn-Z8u1vtZV6jPzSEc7fusjBo6ke-ihSojE6bpqo7N3GzE5eLbl9toUODIdEuL0IMYAUL8Gkeokq",
        "0qJyL-sKJFjHj7ECGl3ELb62vnNropmSHquEX2UmnILxwlRYoOmJu-NTzMF5IlA2djE5Nfr5sxuR",
        "0bHFPQqHjiyLMaGnrWpesT2hdvDh8Bidn4HOAxyayguZdTQBatx_7ORRaI-h20Jq-4jHyck0rSzn",
        "kHzqT7seGsGfV4hbd2KGNxaPuxA7YMSCvm82SQ",
    );

    /// `printf aman | openssl dgst -sha256 -sign key.pem`.
    const RSA_SIGNATURE: &str = concat!(
        "iGeAh31YoZ2pTcCDrOZyoHBK5GmfCeRYm3dN3Rao1ZHu28xqmo0_hk7XQa1_dT3IZ8W50tO8RGB_",
        "kw31Xn3xSCZs-zNfL8rq8IoiQEfePZhKl3Du1CeNoGCMwLB15-BsutrCbZFrjTKelEPtzgzJFvla",
        "NmpQFXT_oFk6n95nkU9rW8S8_vgMmq2MiQRLYusjoi8T3gZFzjx4OD8uOm3QGDNbjCdEUhbo25AY",
        "zFQIBVt0Smm_h8nPLrD88Mw56_ogp7cYfocDHCXmgF-bXJukOlx4rHscLWemAE4STRT6Hij633jL",
        "8agTk5MaFgCzjuJ31oU2Y-VHf0BOAfTxZtFLAA",
    );
}
