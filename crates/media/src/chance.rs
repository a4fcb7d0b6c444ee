//! Random bytes: names of peer connections, keys of cookies, first numbers of streams.

/// `N` random bytes.
///
/// # Panics
///
/// When the operating system has no randomness: nothing secret could be made then.
#[expect(clippy::expect_used, reason = "without randomness nothing may go on")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A random number.
pub(crate) fn number() -> u32 {
    u32::from_be_bytes(bytes())
}

/// Random text of `N` characters, six bits each, of those ICE allows (RFC 8445 section 5.3).
pub(crate) fn text<const N: usize>() -> String {
    letters(&bytes::<N>())
}

/// A character for each byte: six bits of it, of those ICE allows.
pub(crate) fn letters(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .iter()
        .filter_map(|byte| {
            ALPHABET.get(usize::from(byte & 63)).map(|&letter| char::from(letter))
        })
        .collect()
}
