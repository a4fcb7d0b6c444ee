//! Which codes does a person type?  One-time codes of an app (RFC 6238) and recovery codes.
//!
//! One-time codes are SHA-1, six digits, thirty seconds: the only kind every app knows.  The
//! hash comes from `ring`, which is in the tree for TLS; the rest is the few lines below.
//!
//! # Invariants
//!
//! - A code is good for its own time step and the one before and after it.
//! - No step at or before the last one used is good again.

use protocol::limits::RECOVERY_CODES;
use protocol::time::UnixSeconds;
use ring::hmac;
use store::records::Hash;

use crate::random::{self, NoRandom, sha256};

/// Bytes of a shared secret: as many as the hash has (RFC 4226 section 4, R6).
pub(crate) const SECRET_BYTES: usize = 20;

const STEP_SECONDS: u64 = 30;

/// Steps a clock may be off, either way (RFC 6238 section 5.2).
const STEPS_OFF_MAX: u64 = 1;

/// RFC 4648 section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The time step whose code this is, if it is newer than the last one used.
pub(crate) fn fitting_step(
    secret: &[u8],
    typed: &str,
    now: UnixSeconds,
    last_step: u64,
) -> Option<u64> {
    let typed = digits(typed)?;
    let current = now.0 / STEP_SECONDS;
    let steps = current.saturating_sub(STEPS_OFF_MAX)..=current.saturating_add(STEPS_OFF_MAX);
    // All are compared, so that time does not tell which one was near.
    let mut found = None;
    for step in steps {
        let fits = same(code(secret, step).as_bytes(), typed.as_bytes());
        if fits && step > last_step {
            found = Some(step);
        }
    }
    found
}

/// Whether it looks like a one-time code: six digits, in any script the keyboard has.
pub(crate) fn digits(typed: &str) -> Option<String> {
    let digits: String =
        typed.chars().filter(|c| !c.is_whitespace()).map(western).collect::<Option<_>>()?;
    (digits.len() == 6).then_some(digits)
}

/// Arabic-Indic, Persian and full-width digits are typed too.
fn western(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => '0',
        '٠'..='٩' => '٠',
        '۰'..='۹' => '۰',
        '０'..='９' => '０',
        _ => return None,
    };
    char::from_digit(u32::from(c).checked_sub(u32::from(zero))?, 10)
}

/// HOTP of the step (RFC 4226 section 5.3).
fn code(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let offset = tag.as_ref().last().map_or(0, |last| usize::from(last & 0xf));
    let four = tag.as_ref().iter().skip(offset).take(4);
    let number = four.fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// Looks at every byte, wherever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// What an app reads from a QR code.
pub(crate) fn uri(secret: &[u8], name: &str) -> String {
    let name: String = name.bytes().map(escaped).collect();
    let secret = base32(secret);
    format!("otpauth://totp/Aman:{name}?secret={secret}&issuer=Aman")
}

/// RFC 3986 section 2.3.
fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// RFC 4648 section 6, without padding.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1)).collect();
    bits.chunks(5)
        .filter_map(|five| {
            let number = (0..5).fold(0, |sum, n| sum << 1 | five.get(n).copied().unwrap_or(0));
            BASE32.get(usize::from(number)).map(|letter| char::from(*letter))
        })
        .collect()
}

/// New recovery codes of 80 bits each, as they are shown, and their hashes.
pub(crate) fn recovery_codes() -> Result<(Vec<String>, Vec<Hash>), NoRandom> {
    let mut shown = Vec::new();
    let mut hashes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let text = base32(&random::bytes::<10>()?);
        hashes.push(sha256(text.as_bytes()));
        let letters: Vec<char> = text.chars().collect();
        let groups = letters.chunks(4).map(|four| four.iter().collect::<String>());
        shown.push(groups.collect::<Vec<_>>().join("-"));
    }
    Ok((shown, hashes))
}

/// The hash of a recovery code as it was typed.  They are random, so a fast hash is enough.
pub(crate) fn recovery_hash(typed: &str) -> Hash {
    let letters = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    // Digits that the alphabet does not have, because they look like its letters.
    let text: String = letters
        .map(|c| match c.to_ascii_uppercase() {
            '0' => 'O',
            '1' => 'I',
            '8' => 'B',
            other => other,
        })
        .collect();
    sha256(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, cut to six digits.
    const SECRET: &[u8; 20] = b"12345678901234567890";
    const CODES: [(u64, &str); 5] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (20_000_000_000, "353130"),
    ];

    #[test]
    fn makes_the_codes_of_the_standard() {
        for (at, expected) in CODES {
            assert_eq!(code(SECRET, at / STEP_SECONDS), expected, "{at}");
        }
    }

    #[test]
    fn a_code_is_good_for_its_own_step_and_one_either_side() {
        let (at, typed) = CODES[2];
        let step = at / STEP_SECONDS;
        for (off, fits) in [(-60_i64, false), (-30, true), (0, true), (30, true), (60, false)] {
            let now = UnixSeconds(at.checked_add_signed(off).unwrap());
            let found = fitting_step(SECRET, typed, now, 0);
            assert_eq!(found, fits.then_some(step), "{off} s");
        }
    }

    #[test]
    fn a_step_that_was_used_is_not_good_again() {
        let (at, typed) = CODES[2];
        let step = at / STEP_SECONDS;
        let now = UnixSeconds(at);
        assert_eq!(fitting_step(SECRET, typed, now, step - 1), Some(step));
        assert_eq!(fitting_step(SECRET, typed, now, step), None);
        assert_eq!(fitting_step(SECRET, typed, now, step + 1), None);
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let now = UnixSeconds(59);
        for typed in ["287082", " 287 082 ", "٢٨٧٠٨٢", "۲۸۷۰۸۲", "２８７０８２"]
        {
            assert_eq!(fitting_step(SECRET, typed, now, 0), Some(1), "{typed}");
        }
        for typed in ["", "28708", "2870821", "28708x", "287-082", "-28708", "٢٨٧٠٨"] {
            assert_eq!(fitting_step(SECRET, typed, now, 0), None, "{typed}");
        }
    }

    #[test]
    fn writes_base32_of_the_standard() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_name_cannot_add_to_the_uri() {
        let uri = uri(b"foobar", "a&secret=x ن");
        assert_eq!(
            uri,
            "otpauth://totp/Aman:a%26secret%3Dx%20%D9%86?secret=MZXW6YTBOI&issuer=Aman"
        );
    }

    #[test]
    fn a_recovery_code_fits_its_hash_as_it_is_typed() {
        let (shown, hashes) = recovery_codes().unwrap();
        assert_eq!((shown.len(), hashes.len()), (RECOVERY_CODES, RECOVERY_CODES));
        for (text, hash) in shown.iter().zip(hashes) {
            assert_eq!(text.len(), 19, "80 bits in four groups");
            assert_eq!(recovery_hash(text), hash);
            assert_eq!(recovery_hash(&format!(" {} ", text.to_lowercase())), hash);
            let misread = text.replace('O', "0").replace('I', "1").replace('B', "8");
            assert_eq!(recovery_hash(&misread.replace('-', "")), hash);
            assert_ne!(recovery_hash(&text[1..]), hash);
        }
    }
}
