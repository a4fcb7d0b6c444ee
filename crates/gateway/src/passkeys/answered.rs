//! Which challenges were answered already?  None is taken twice.

use std::collections::BTreeMap;

use protocol::limits::ANSWERED_CHALLENGES_MAX;
use protocol::time::UnixSeconds;
use store::records::Hash;

use crate::random::sha256;

/// Challenges that were answered and are not over yet.
#[derive(Debug, Default)]
pub(crate) struct Answered(BTreeMap<Hash, UnixSeconds>);

impl Answered {
    /// Takes a challenge that is good until `until`; false if it is over or was taken before,
    /// or if there are more than we follow.
    pub(crate) fn take(
        &mut self,
        challenge: &[u8],
        until: UnixSeconds,
        now: UnixSeconds,
    ) -> bool {
        if self.0.len() >= ANSWERED_CHALLENGES_MAX {
            self.0.retain(|_, until| *until > now);
        }
        let fits = until > now && self.0.len() < ANSWERED_CHALLENGES_MAX;
        fits && self.0.insert(sha256(challenge), until).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_000);

    #[test]
    fn a_challenge_is_taken_once_and_in_time() {
        let mut answered = Answered::default();
        assert!(answered.take(b"one", NOW.plus(1), NOW));
        assert!(!answered.take(b"one", NOW.plus(1), NOW));
        assert!(!answered.take(b"two", NOW, NOW));
        assert!(answered.take(b"two", NOW.plus(1), NOW));
    }

    #[test]
    fn follows_no_more_than_its_bound() {
        let mut answered = Answered::default();
        for n in 0..ANSWERED_CHALLENGES_MAX {
            assert!(answered.take(&n.to_be_bytes(), NOW.plus(9), NOW));
        }
        assert!(!answered.take(b"one more", NOW.plus(9), NOW));
        assert!(answered.take(b"one more", NOW.plus(19), NOW.plus(9)), "those are over");
    }
}
