//! Is an invite good, at this moment, for the one who shows it?

use protocol::reject::Reject;
use protocol::time::UnixSeconds;

use crate::input::Hash;

/// What the server knows of an invite and its room.
#[derive(Clone, Copy, Debug)]
pub struct InviteFacts<'a> {
    /// SHA-256 of the invite's `server-auth`.
    pub server_auth_hash: &'a Hash,
    /// From when on it is refused.
    pub expires_at: UnixSeconds,
    /// Whether the counsellor took it back.
    pub revoked: bool,
    /// Whether its room has ended (or is gone).
    pub room_ended: bool,
    /// Whether the session it was good for is over, or it is for sole use and another device
    /// has it.
    pub used_up: bool,
}

/// Checks an invite that was found by its id.
///
/// What became of an invite is told only to those who hold its secret: to anybody else it
/// might as well not exist.
///
/// # Errors
///
/// [`Reject::NoSuchRight`] for a wrong secret or a revoked invite, then
/// [`Reject::RoomEnded`], then [`Reject::NoSuchRight`] for one that is used up, then
/// [`Reject::Expired`].
pub fn check_invite(
    facts: InviteFacts<'_>,
    shown: &Hash,
    now: UnixSeconds,
) -> Result<(), Reject> {
    if !is_same(shown, facts.server_auth_hash) || facts.revoked {
        return Err(Reject::NoSuchRight);
    }
    if facts.room_ended {
        return Err(Reject::RoomEnded);
    }
    if facts.used_up {
        return Err(Reject::NoSuchRight);
    }
    if facts.expires_at <= now {
        return Err(Reject::Expired);
    }
    Ok(())
}

/// Looks at every byte, whatever the first ones are.  Timing would tell little anyhow: whoever
/// can choose the secret cannot choose its hash.
fn is_same(one: &Hash, other: &Hash) -> bool {
    one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: Hash = [1; 32];
    const WRONG: Hash = [2; 32];

    #[test]
    fn an_invite_is_good_for_its_holder_until_it_is_over() {
        let good = InviteFacts {
            server_auth_hash: &HASH,
            expires_at: UnixSeconds(10),
            revoked: false,
            room_ended: false,
            used_up: false,
        };
        let used = InviteFacts { used_up: true, ..good };
        let revoked = InviteFacts { revoked: true, ..good };
        let ended = InviteFacts { room_ended: true, ..good };

        let cases = [
            (good, HASH, 9, Ok(())),
            (good, HASH, 10, Err(Reject::Expired)),
            (used, HASH, 9, Err(Reject::NoSuchRight)),
            (used, WRONG, 9, Err(Reject::NoSuchRight)),
            (InviteFacts { room_ended: true, ..used }, HASH, 9, Err(Reject::RoomEnded)),
            (good, WRONG, 9, Err(Reject::NoSuchRight)),
            (good, WRONG, 10, Err(Reject::NoSuchRight)),
            (revoked, HASH, 9, Err(Reject::NoSuchRight)),
            (ended, HASH, 9, Err(Reject::RoomEnded)),
            (ended, WRONG, 9, Err(Reject::NoSuchRight)),
            (ended, HASH, 10, Err(Reject::RoomEnded)),
        ];
        for (facts, shown, now, expected) in cases {
            assert_eq!(check_invite(facts, &shown, UnixSeconds(now)), expected, "{facts:?}");
        }
    }
}
