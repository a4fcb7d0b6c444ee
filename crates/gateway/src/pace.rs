//! How fast may one stranger, or one account, ask things over HTTP?
//!
//! Sign-ins cost a hash each and have paces of their own: from one address, under one name
//! from there, under one name, and over all.  All must have room before any is charged,
//! so that somebody who is slowed down cannot use up what others need: one address alone keeps
//! nobody from signing in elsewhere, not even under the same name.
//!
//! # Invariants
//!
//! - A refused attempt costs nothing.
//! - Nobody's pace depends on what an account does, but that account's.
//! - What one address does slows others down only once many addresses do it.

use std::net::IpAddr;
use std::time::Duration;

use protocol::id::{AccountId, KeyId};
use protocol::time::Timestamp;
use store::records::Hash;

use crate::bucket::{Bucket, Buckets};
use crate::limits::Limits;

/// Keys that are followed at a time.
const KEYS_MAX: usize = 4096;

/// Test calls of webhooks that one account may ask for at once.
const HOOK_TESTS_MAX: u32 = 5;

/// How long it takes until it may ask for one more.
const HOOK_TEST_INTERVAL: Duration = Duration::from_secs(10);

/// The paces of everybody.
#[derive(Debug)]
pub(crate) struct Paces {
    by_account: Buckets<AccountId>,
    by_key: Buckets<KeyId>,
    by_address: Buckets<IpAddr>,
    sign_ins_by_address: Buckets<IpAddr>,
    sign_ins_by_name: Buckets<Hash>,
    sign_ins_by_name_there: Buckets<(Hash, Option<IpAddr>)>,
    codes_by_account: Buckets<AccountId>,
    hook_tests_by_account: Buckets<AccountId>,
    sign_ins: Bucket,
}

impl Paces {
    pub(crate) fn new(limits: &Limits) -> Self {
        let buckets = Bucket::new;
        let account =
            buckets(limits.requests_per_account_max, limits.request_per_account_interval);
        let address =
            buckets(limits.requests_per_address_max, limits.request_per_address_interval);
        let sign_ins =
            buckets(limits.sign_ins_per_address_max, limits.sign_in_per_address_interval);
        let name = buckets(
            limits.sign_ins_per_name_anywhere_max,
            limits.sign_in_per_name_anywhere_interval,
        );
        let name_there =
            buckets(limits.sign_ins_per_name_max, limits.sign_in_per_name_interval);
        Self {
            by_account: Buckets::new(account, KEYS_MAX),
            by_key: Buckets::new(account, KEYS_MAX),
            by_address: Buckets::new(address, KEYS_MAX),
            sign_ins_by_address: Buckets::new(sign_ins, KEYS_MAX),
            sign_ins_by_name: Buckets::new(name, KEYS_MAX),
            sign_ins_by_name_there: Buckets::new(name_there, KEYS_MAX),
            codes_by_account: Buckets::new(
                buckets(limits.codes_per_account_max, limits.code_per_account_interval),
                KEYS_MAX,
            ),
            hook_tests_by_account: Buckets::new(
                buckets(HOOK_TESTS_MAX, HOOK_TEST_INTERVAL),
                KEYS_MAX,
            ),
            sign_ins: buckets(limits.sign_ins_max, limits.sign_in_interval),
        }
    }

    /// Whether somebody signed in may ask one more thing.
    pub(crate) fn account(&mut self, now: Timestamp, account: AccountId) -> bool {
        self.by_account.take(now, account)
    }

    /// Whether somebody signed in may have a webhook called.
    pub(crate) fn hook_test(&mut self, now: Timestamp, account: AccountId) -> bool {
        self.hook_tests_by_account.take(now, account)
    }

    /// Whether a program may: a key that went astray must not stop its owner, least of all from
    /// revoking it.
    pub(crate) fn key(&mut self, now: Timestamp, key: KeyId) -> bool {
        self.by_key.take(now, key)
    }

    /// Whether somebody who is not may.  No address: not counted.
    pub(crate) fn stranger(&mut self, now: Timestamp, address: Option<IpAddr>) -> bool {
        address.is_none_or(|address| self.by_address.take(now, address))
    }

    /// Whether one more sign-in may be tried; under no name, it is the setup.
    pub(crate) fn sign_in(
        &mut self,
        now: Timestamp,
        address: Option<IpAddr>,
        name: Option<Hash>,
    ) -> bool {
        let fits = address.is_none_or(|key| self.sign_ins_by_address.has(now, &key))
            && name.is_none_or(|key| {
                self.sign_ins_by_name.has(now, &key)
                    && self.sign_ins_by_name_there.has(now, &(key, address))
            })
            && self.sign_ins.take(now);
        if !fits {
            return false;
        }
        if let Some(address) = address {
            self.sign_ins_by_address.take(now, address);
        }
        if let Some(name) = name {
            self.sign_ins_by_name.take(now, name);
            self.sign_ins_by_name_there.take(now, (name, address));
        }
        true
    }

    /// Whether one more code, or password once more, may be tried for this account, by somebody
    /// who knew its password or is signed in.
    pub(crate) fn code(&mut self, now: Timestamp, account: AccountId) -> bool {
        self.codes_by_account.take(now, account)
    }

    /// The code was right.
    pub(crate) fn forgive_codes(&mut self, account: AccountId) {
        self.codes_by_account.forgive(&account);
    }

    /// Somebody there knew the password of this name.
    pub(crate) fn forgive(&mut self, address: Option<IpAddr>, name: Hash) {
        self.sign_ins_by_name.forgive(&name);
        self.sign_ins_by_name_there.forgive(&(name, address));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_start(Duration::from_secs(1));
    const HER_NAME: Hash = [1; 32];

    #[test]
    fn one_address_cannot_keep_everybody_from_signing_in() {
        let mut paces = Paces::new(&Limits::default());
        let attacker = address(1);
        let tried = (0..1000_u16).filter(|n| {
            let mut name = [9; 32];
            name[..2].copy_from_slice(&n.to_be_bytes());
            paces.sign_in(NOW, attacker, Some(name))
        });
        assert!(tried.count() < 20);
        assert!(!paces.sign_in(NOW, attacker, None), "nor the setup");

        assert!(paces.sign_in(NOW, address(2), Some(HER_NAME)));
        assert!(paces.sign_in(NOW, address(2), None));
    }

    #[test]
    fn names_that_are_refused_do_not_fill_the_table() {
        let limits = Limits { sign_ins_max: 3, ..Limits::default() };
        let mut paces = Paces::new(&limits);
        for n in 0..2 * KEYS_MAX {
            let mut name = [9; 32];
            name[..8].copy_from_slice(&n.to_be_bytes());
            paces.sign_in(NOW, None, Some(name));
        }

        let soon = NOW + limits.sign_in_interval;
        assert!(paces.sign_in(soon, None, Some(HER_NAME)));
    }

    #[test]
    fn guesses_under_one_name_leave_the_others_theirs() {
        let limits = Limits { sign_ins_max: 1000, ..Limits::default() };
        let mut paces = Paces::new(&limits);
        let tried = (0..200).filter(|n| paces.sign_in(NOW, address(*n), Some(HER_NAME)));
        assert_eq!(tried.count(), 20, "from wherever");
        assert!(paces.sign_in(NOW, address(1), Some([2; 32])));
        paces.forgive(address(1), HER_NAME);
        assert!(paces.sign_in(NOW, address(1), Some(HER_NAME)));
    }

    #[test]
    fn one_address_cannot_lock_a_name_everywhere() {
        let mut paces = Paces::new(&Limits::default());
        let attacker = address(1);
        for second in 0..3600 {
            paces.sign_in(NOW + Duration::from_secs(second), attacker, Some(HER_NAME));
        }
        let then = NOW + Duration::from_secs(3600);
        assert!(paces.sign_in(then, address(2), Some(HER_NAME)));
    }

    #[test]
    fn accounts_and_strangers_have_a_pace_each() {
        let limits = Limits {
            requests_per_account_max: 3,
            requests_per_address_max: 2,
            ..Limits::default()
        };
        let mut paces = Paces::new(&limits);
        let (ana, ben) = (AccountId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));

        assert_eq!([(); 4].map(|()| paces.account(NOW, ana)), [true, true, true, false]);
        assert!(paces.account(NOW, ben));
        assert_eq!([(); 3].map(|()| paces.stranger(NOW, address(1))), [true, true, false]);
        assert!(paces.stranger(NOW, address(2)));
        assert!((0..100).all(|_| paces.stranger(NOW, None)), "a reverse proxy is not counted");
    }

    fn address(n: u8) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)))
    }
}
