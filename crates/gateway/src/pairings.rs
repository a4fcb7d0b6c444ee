//! How far did the keys of a counsellor get on their way to a second device?
//!
//! Two sign-ins of one account leave each other three things here: the public key of the new
//! device, that of the old one, and the sealed keys.  None of them says anything to whoever
//! does not have the secret that went from screen to camera.  Memory only.
//!
//! ```text
//! waiting ─hello─► claimed ─answer─► answered ─parcel─► released ─fetch─► fetched
//!          new              old                old                new
//! ```
//!
//! # Invariants
//!
//! - An account has one at a time; a new one takes the place of the one before.
//! - One device claims it, which is not the one that began, and only that one fetches, once.
//! - After its time nothing of it is told to anybody, and whoever asks for any clears it away.
//! - It goes with either of its sign-ins.

use std::collections::BTreeMap;

use protocol::account::{PairingState, PairingStep, PairingView};
use protocol::id::{AccountId, PairingId};
use protocol::limits::{PAIRING_BYTES_MAX, PAIRING_LIFETIME, PAIRINGS_MAX};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::time::UnixSeconds;
use store::records::Hash;

/// Every pairing that is under way.
#[derive(Debug, Default)]
pub(crate) struct Pairings {
    by_account: BTreeMap<AccountId, Pairing>,
}

#[derive(Debug)]
struct Pairing {
    id: PairingId,
    expires_at: UnixSeconds,
    /// The sign-in that began.
    old: Hash,
    /// The sign-in that came.
    new: Option<Hash>,
    state: PairingState,
    hello: Option<Opaque<PAIRING_BYTES_MAX>>,
    answer: Option<Opaque<PAIRING_BYTES_MAX>>,
    parcel: Option<Opaque<PAIRING_BYTES_MAX>>,
}

/// Who asks about which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks {
    /// Whose it is.
    pub(crate) account: AccountId,
    /// The sign-in that asks.
    pub(crate) sign_in: Hash,
    /// Which.
    pub(crate) pairing: PairingId,
    /// When.
    pub(crate) now: UnixSeconds,
}

impl Pairings {
    /// Begins one.
    pub(crate) fn begin(&mut self, asks: Asks) -> Result<PairingView, Reject> {
        self.by_account.retain(|account, pairing| {
            *account != asks.account && pairing.expires_at > asks.now
        });
        if self.by_account.len() >= PAIRINGS_MAX {
            return Err(Reject::TooMany);
        }
        let pairing = Pairing {
            id: asks.pairing,
            expires_at: asks.now.plus(PAIRING_LIFETIME.as_secs()),
            old: asks.sign_in,
            new: None,
            state: PairingState::Waiting,
            hello: None,
            answer: None,
            parcel: None,
        };
        let view = pairing.view();
        self.by_account.insert(asks.account, pairing);
        Ok(view)
    }

    /// How it stands.
    pub(crate) fn view(&mut self, asks: Asks) -> Result<PairingView, Reject> {
        self.find(asks).map(|pairing| pairing.view())
    }

    /// The sign-in that began it.
    pub(crate) fn begun_by(&mut self, asks: Asks) -> Result<Hash, Reject> {
        self.find(asks).map(|pairing| pairing.old)
    }

    /// One device brings something for the other.
    pub(crate) fn say(
        &mut self,
        asks: Asks,
        step: PairingStep,
        bytes: Opaque<PAIRING_BYTES_MAX>,
    ) -> Result<PairingView, Reject> {
        let pairing = self.find(asks)?;
        if bytes.as_slice().is_empty() {
            return Err(Reject::Malformed);
        }
        let by_old = pairing.old == asks.sign_in;
        match (step, pairing.state, by_old) {
            (PairingStep::Hello, PairingState::Waiting, false) => {
                pairing.new = Some(asks.sign_in);
                pairing.hello = Some(bytes);
                pairing.state = PairingState::Claimed;
            }
            (PairingStep::Answer, PairingState::Claimed, true) => {
                pairing.answer = Some(bytes);
                pairing.state = PairingState::Answered;
            }
            (PairingStep::Parcel, PairingState::Answered, true) => {
                pairing.parcel = Some(bytes);
                pairing.state = PairingState::Released;
            }
            (PairingStep::Hello | PairingStep::Answer | PairingStep::Parcel, _, _) => {
                return Err(Reject::OutOfOrder);
            }
        }
        Ok(pairing.view())
    }

    /// The sealed keys, for the device that claimed them, once.
    pub(crate) fn fetch(&mut self, asks: Asks) -> Result<Opaque<PAIRING_BYTES_MAX>, Reject> {
        let pairing = self.find(asks)?;
        if pairing.new != Some(asks.sign_in) {
            return Err(Reject::OutOfOrder);
        }
        let parcel = pairing.parcel.take().ok_or(Reject::OutOfOrder)?;
        pairing.state = PairingState::Fetched;
        Ok(parcel)
    }

    /// Calls it off.
    pub(crate) fn forget(&mut self, asks: Asks) -> Result<(), Reject> {
        self.find(asks)?;
        self.by_account.remove(&asks.account);
        Ok(())
    }

    /// A sign-in has ended.
    pub(crate) fn sign_in_ended(&mut self, sign_in: Hash) {
        self.by_account.retain(|_, found| found.old != sign_in && found.new != Some(sign_in));
    }

    /// Sign-ins of an account have ended.
    pub(crate) fn sign_ins_ended(&mut self, account: AccountId) {
        self.by_account.remove(&account);
    }

    /// Forgets what is over.
    pub(crate) fn purge(&mut self, now: UnixSeconds) {
        self.by_account.retain(|_, found| found.expires_at > now);
    }

    fn find(&mut self, asks: Asks) -> Result<&mut Pairing, Reject> {
        let found = self.by_account.get(&asks.account);
        let was_there = found.is_some_and(|found| found.id == asks.pairing);
        self.purge(asks.now);
        let found = self.by_account.get_mut(&asks.account);
        match found.filter(|found| found.id == asks.pairing) {
            Some(found) => Ok(found),
            None if was_there => Err(Reject::Expired),
            None => Err(Reject::NoSuchRight),
        }
    }
}

impl Pairing {
    fn view(&self) -> PairingView {
        PairingView {
            state: self.state,
            expires_at: self.expires_at,
            hello: self.hello.clone(),
            answer: self.answer.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Hash = [1; 32];
    const NEW: Hash = [2; 32];

    #[test]
    fn each_step_is_taken_once_in_its_order_by_its_device() {
        let steps = [PairingStep::Hello, PairingStep::Answer, PairingStep::Parcel];
        let mut pairings = Pairings::default();
        pairings.begin(asks(OLD, 0)).unwrap();
        for (done, right) in [NEW, OLD, OLD].into_iter().enumerate() {
            for (n, step) in steps.into_iter().enumerate() {
                for device in [OLD, NEW, [3; 32]] {
                    let by_new = n == 0 && device != OLD;
                    if n == done && (device == right || by_new) {
                        continue;
                    }
                    let refused = pairings.say(asks(device, 1), step, some(9));
                    assert_eq!(refused.err(), Some(Reject::OutOfOrder), "{done} {step:?}");
                }
            }
            assert_eq!(pairings.fetch(asks(NEW, 1)).err(), Some(Reject::OutOfOrder));
            pairings.say(asks(right, 1), steps[done], some(5)).unwrap();
        }

        assert_eq!(pairings.fetch(asks(OLD, 1)).err(), Some(Reject::OutOfOrder));
        assert_eq!(pairings.fetch(asks([3; 32], 1)).err(), Some(Reject::OutOfOrder));
        assert_eq!(pairings.fetch(asks(NEW, 1)), Ok(some(5)));
        assert_eq!(pairings.fetch(asks(NEW, 1)).err(), Some(Reject::OutOfOrder));
        assert_eq!(pairings.view(asks(OLD, 1)).unwrap().state, PairingState::Fetched);
    }

    #[test]
    fn it_is_over_in_time_when_called_off_and_when_another_begins() {
        let mut pairings = Pairings::default();
        let life = PAIRING_LIFETIME.as_secs();
        pairings.begin(asks(OLD, 0)).unwrap();
        assert!(pairings.view(asks(NEW, life - 1)).is_ok());
        assert_eq!(pairings.view(asks(NEW, life)).err(), Some(Reject::Expired));
        assert_eq!(pairings.view(asks(NEW, 1)).err(), Some(Reject::NoSuchRight));

        pairings.begin(asks(OLD, 0)).unwrap();
        pairings.forget(asks(NEW, 1)).unwrap();
        assert_eq!(pairings.view(asks(OLD, 1)).err(), Some(Reject::NoSuchRight));

        pairings.begin(asks(OLD, 0)).unwrap();
        let other = PairingId::from_bytes([8; 16]);
        pairings.begin(Asks { pairing: other, ..asks(OLD, 0) }).unwrap();
        assert_eq!(pairings.view(asks(OLD, 1)).err(), Some(Reject::NoSuchRight));
    }

    #[test]
    fn there_are_only_so_many_and_what_is_over_makes_room() {
        let mut pairings = Pairings::default();
        let of = |n: usize, now| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            Asks { account: AccountId::from_bytes(id), ..asks(OLD, now) }
        };
        for n in 0..PAIRINGS_MAX {
            pairings.begin(of(n, 0)).unwrap();
        }
        assert_eq!(pairings.begin(of(PAIRINGS_MAX, 1)).err(), Some(Reject::TooMany));
        assert!(pairings.begin(of(0, 1)).is_ok(), "in the place of its own");

        let late = PAIRING_LIFETIME.as_secs();
        assert!(pairings.begin(of(PAIRINGS_MAX, late)).is_ok());
        assert_eq!(pairings.by_account.len(), 2);
    }

    #[test]
    fn what_is_over_goes_when_anybody_asks_and_with_either_sign_in() {
        let other = |now| Asks { account: AccountId::from_bytes([8; 16]), ..asks(OLD, now) };
        let mut pairings = Pairings::default();
        pairings.begin(asks(OLD, 0)).unwrap();
        let late = PAIRING_LIFETIME.as_secs();
        assert_eq!(pairings.view(other(late)).err(), Some(Reject::NoSuchRight));
        assert_eq!(pairings.by_account.len(), 0);

        for ended in [OLD, NEW] {
            pairings.begin(asks(OLD, 0)).unwrap();
            pairings.say(asks(NEW, 1), PairingStep::Hello, some(1)).unwrap();
            pairings.sign_in_ended([3; 32]);
            assert_eq!(pairings.by_account.len(), 1, "somebody else's");
            pairings.sign_in_ended(ended);
            assert_eq!(pairings.by_account.len(), 0);
        }
        pairings.begin(asks(OLD, 0)).unwrap();
        pairings.sign_ins_ended(other(0).account);
        assert_eq!(pairings.by_account.len(), 1, "another account's");
        pairings.sign_ins_ended(asks(OLD, 0).account);
        assert_eq!(pairings.by_account.len(), 0);
    }

    fn asks(sign_in: Hash, now: u64) -> Asks {
        Asks {
            account: AccountId::from_bytes([7; 16]),
            sign_in,
            pairing: PairingId::from_bytes([7; 16]),
            now: UnixSeconds(now),
        }
    }

    fn some(n: u8) -> Opaque<PAIRING_BYTES_MAX> {
        Opaque::new(vec![n; 3]).unwrap()
    }
}
