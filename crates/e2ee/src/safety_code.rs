//! The code two people read to each other to know that nobody stands between them
//! (E2EE.md 1.10).
//!
//! It comes from the authenticator of the first epoch both share, which holds a secret of the
//! counsellor's that an attacker cannot know while choosing keys; so only a second preimage of
//! 66 bits would help them, within the delay of a join.  It stays the same until one of the
//! two is replaced.

use protocol::id::RoomId;
use protocol::secret::Secret;

use crate::kdf;

/// Four groups of five digits.
pub type SafetyCode = [String; 4];

/// The code of one counsellor and one attendee.
pub(crate) fn compute(
    epoch_authenticator: &[u8],
    room: RoomId,
    idc_public: &[u8; 32],
    attendee_leaf_public: &[u8],
) -> SafetyCode {
    let info = [room.as_bytes().as_slice(), idc_public, attendee_leaf_public].concat();
    let bytes: Secret<20> = kdf::hkdf(epoch_authenticator, b"aman/sas/v1", &info);
    let (groups, _) = bytes.expose().as_chunks::<5>();
    let mut code = SafetyCode::default();
    for (digits, group) in code.iter_mut().zip(groups) {
        *digits = five_digits(*group);
    }
    code
}

/// DAVE's display algorithm: a 40-bit number, modulo 10⁵.
fn five_digits([a, b, c, d, e]: [u8; 5]) -> String {
    let number = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    format!("{:05}", number % 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_the_big_endian_number_modulo_ten_to_the_fifth() {
        assert_eq!(five_digits([0, 0, 0, 0, 7]), "00007");
        assert_eq!(five_digits([0, 0, 1, 0x86, 0xa1]), "00001");
        assert_eq!(five_digits([0xff; 5]), "27775");
    }

    #[test]
    fn every_input_changes_the_code() {
        let room = RoomId::from_bytes([1; 16]);
        let code = compute(&[1; 32], room, &[2; 32], &[3; 32]);
        assert_ne!(code, compute(&[0; 32], room, &[2; 32], &[3; 32]));
        assert_ne!(code, compute(&[1; 32], RoomId::from_bytes([0; 16]), &[2; 32], &[3; 32]));
        assert_ne!(code, compute(&[1; 32], room, &[0; 32], &[3; 32]));
        assert_ne!(code, compute(&[1; 32], room, &[2; 32], &[0; 32]));
    }
}
