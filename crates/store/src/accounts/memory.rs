//! Accounts when there is no disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::id::{AccountId, InvitationId, PasskeyId, SignInId};
use protocol::time::UnixSeconds;

use crate::accounts::records::{
    Account, Hash, InvitationRecord, PasskeyRecord, SignInRecord, Stage, TotpRecord,
};
use crate::accounts::{Accepted, AccountStore, SetUp};
use crate::memory::Memory;
use crate::{Created, StoreError};

/// The rows about accounts.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    setup_token: Option<Hash>,
    accounts: BTreeMap<AccountId, Account>,
    sign_ins: BTreeMap<Hash, SignInRecord>,
    totps: BTreeMap<AccountId, TotpRecord>,
    recovery_codes: BTreeSet<(AccountId, Hash)>,
    passkeys: BTreeMap<PasskeyId, PasskeyRecord>,
    invitations: BTreeMap<Hash, InvitationRecord>,
}

impl Accounts {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing below panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AccountStore for Memory {
    async fn put_setup_token(&self, token_hash: Hash) -> Result<(), StoreError> {
        self.accounts.rows().setup_token = Some(token_hash);
        Ok(())
    }

    async fn is_setup_token(&self, token_hash: Hash) -> Result<bool, StoreError> {
        Ok(self.accounts.rows().setup_token == Some(token_hash))
    }

    async fn create_first_account(
        &self,
        token_hash: Hash,
        account: Account,
    ) -> Result<SetUp, StoreError> {
        let mut rows = self.accounts.rows();
        if !rows.accounts.is_empty() || rows.setup_token != Some(token_hash) {
            return Ok(SetUp::Refused);
        }
        rows.setup_token = None;
        rows.accounts.insert(account.id, account);
        Ok(SetUp::Done)
    }

    async fn has_account(&self) -> Result<bool, StoreError> {
        Ok(!self.accounts.rows().accounts.is_empty())
    }

    async fn account_by_name(&self, name: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.accounts.rows().by_name(name).cloned())
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.accounts.rows().accounts.get(&id).cloned())
    }

    async fn account_by_identity(&self, identity: Hash) -> Result<Option<Account>, StoreError> {
        Ok(self.accounts.rows().by_identity(Some(identity)).cloned())
    }

    async fn put_identity(
        &self,
        account: AccountId,
        identity: Option<Hash>,
        by: Option<Hash>,
    ) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        if !rows.is_there(account, by) {
            return Ok(false);
        }
        if rows.by_identity(identity).is_some_and(|other| other.id != account) {
            return Ok(false);
        }
        if let Some(account) = rows.accounts.get_mut(&account) {
            account.identity = identity;
        }
        Ok(true)
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let mut all: Vec<_> = self.accounts.rows().accounts.values().cloned().collect();
        all.sort_by_key(|account| (account.created_at, account.id));
        Ok(all)
    }

    async fn put_password(
        &self,
        account: AccountId,
        before: &str,
        password_hash: &str,
    ) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        let found = rows.accounts.get_mut(&account);
        let Some(found) = found.filter(|found| found.password_hash == before) else {
            return Ok(false);
        };
        password_hash.clone_into(&mut found.password_hash);
        Ok(true)
    }

    async fn set_disabled(
        &self,
        account: AccountId,
        is_disabled: bool,
    ) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        let Some(found) = rows.accounts.get_mut(&account) else { return Ok(false) };
        found.is_disabled = is_disabled;
        if is_disabled {
            rows.sign_ins.retain(|_, sign_in| sign_in.account != account);
        }
        Ok(true)
    }

    async fn put_sign_in(&self, sign_in: SignInRecord, max: usize) -> Result<(), StoreError> {
        let mut rows = self.accounts.rows();
        let is_half = |one: &SignInRecord| one.stage == Stage::Password;
        let others = rows.sign_ins_of(sign_in.account).copied();
        let mut others: Vec<_> =
            others.filter(|other| is_half(other) == is_half(&sign_in)).collect();
        others.sort_by_key(|other| (other.last_seen_at, other.created_at));
        let n_over = (others.len() + 1).saturating_sub(max);
        for over in others.iter().take(n_over) {
            rows.sign_ins.remove(&over.token_hash);
        }
        rows.sign_ins.insert(sign_in.token_hash, sign_in);
        Ok(())
    }

    async fn sign_in(&self, token_hash: Hash) -> Result<Option<SignInRecord>, StoreError> {
        let rows = self.accounts.rows();
        let found = rows.sign_ins.get(&token_hash).copied();
        let is_shut_out =
            |id: &AccountId| rows.accounts.get(id).is_some_and(|account| account.is_disabled);
        Ok(found.filter(|sign_in| !is_shut_out(&sign_in.account)))
    }

    async fn sign_ins_of(&self, account: AccountId) -> Result<Vec<SignInRecord>, StoreError> {
        let mut all: Vec<_> = self.accounts.rows().sign_ins_of(account).copied().collect();
        all.sort_by_key(|sign_in| (std::cmp::Reverse(sign_in.created_at), sign_in.id));
        Ok(all)
    }

    async fn touch_sign_in(&self, token_hash: Hash, at: UnixSeconds) -> Result<(), StoreError> {
        if let Some(sign_in) = self.accounts.rows().sign_ins.get_mut(&token_hash) {
            sign_in.last_seen_at = sign_in.last_seen_at.max(at);
        }
        Ok(())
    }

    async fn renew_sign_in(
        &self,
        token_hash: Hash,
        at: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        let found = rows.sign_ins.get_mut(&token_hash);
        Ok(found.map(|sign_in| sign_in.created_at = at).is_some())
    }

    async fn delete_sign_in(&self, token_hash: Hash) -> Result<(), StoreError> {
        self.accounts.rows().sign_ins.remove(&token_hash);
        Ok(())
    }

    async fn delete_sign_in_by_id(
        &self,
        account: AccountId,
        id: SignInId,
    ) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        let before = rows.sign_ins.len();
        rows.sign_ins.retain(|_, sign_in| sign_in.account != account || sign_in.id != id);
        Ok(rows.sign_ins.len() < before)
    }

    async fn delete_sign_ins_of(
        &self,
        account: AccountId,
        except: Option<Hash>,
    ) -> Result<(), StoreError> {
        self.accounts
            .rows()
            .sign_ins
            .retain(|hash, sign_in| sign_in.account != account || Some(*hash) == except);
        Ok(())
    }

    async fn put_totp(
        &self,
        account: AccountId,
        totp: TotpRecord,
        by: Option<Hash>,
    ) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        if !rows.is_there(account, by) {
            return Ok(false);
        }
        rows.totps.insert(account, totp);
        Ok(true)
    }

    async fn totp(&self, account: AccountId) -> Result<Option<TotpRecord>, StoreError> {
        Ok(self.accounts.rows().totps.get(&account).cloned())
    }

    async fn use_totp_step(&self, account: AccountId, step: u64) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        let totp = rows.totps.get_mut(&account).filter(|totp| totp.last_step < step);
        let Some(totp) = totp else { return Ok(false) };
        totp.last_step = step;
        Ok(true)
    }

    async fn delete_totp(&self, account: AccountId) -> Result<(), StoreError> {
        self.accounts.rows().totps.remove(&account);
        Ok(())
    }

    async fn put_recovery_codes(
        &self,
        account: AccountId,
        hashes: Vec<Hash>,
    ) -> Result<(), StoreError> {
        let mut rows = self.accounts.rows();
        rows.recovery_codes.retain(|(owner, _)| *owner != account);
        rows.recovery_codes.extend(hashes.into_iter().map(|hash| (account, hash)));
        Ok(())
    }

    async fn n_recovery_codes(&self, account: AccountId) -> Result<usize, StoreError> {
        let rows = self.accounts.rows();
        Ok(rows.recovery_codes.iter().filter(|(owner, _)| *owner == account).count())
    }

    async fn use_recovery_code(
        &self,
        account: AccountId,
        hash: Hash,
    ) -> Result<bool, StoreError> {
        Ok(self.accounts.rows().recovery_codes.remove(&(account, hash)))
    }

    async fn create_passkey(
        &self,
        passkey: PasskeyRecord,
        max: usize,
        by: Option<Hash>,
    ) -> Result<Created, StoreError> {
        let mut rows = self.accounts.rows();
        if !rows.is_there(passkey.account, by) {
            return Ok(Created::NoRoom);
        }
        let is_there = rows.passkeys.contains_key(&passkey.id)
            || rows.passkeys.values().any(|other| other.credential == passkey.credential);
        if is_there {
            return Ok(Created::Exists);
        }
        let owner = passkey.account;
        if rows.passkeys.values().filter(|other| other.account == owner).count() >= max {
            return Ok(Created::Full);
        }
        rows.passkeys.insert(passkey.id, passkey);
        Ok(Created::Done)
    }

    async fn passkey(&self, credential: &[u8]) -> Result<Option<PasskeyRecord>, StoreError> {
        let rows = self.accounts.rows();
        Ok(rows.passkeys.values().find(|passkey| passkey.credential == credential).cloned())
    }

    async fn passkeys_of(&self, account: AccountId) -> Result<Vec<PasskeyRecord>, StoreError> {
        let rows = self.accounts.rows();
        let of_account = rows.passkeys.values().filter(|passkey| passkey.account == account);
        let mut all: Vec<_> = of_account.cloned().collect();
        all.sort_by_key(|passkey| (passkey.created_at, passkey.id));
        Ok(all)
    }

    async fn use_passkey(
        &self,
        id: PasskeyId,
        n_signatures: u32,
        at: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        let Some(passkey) = rows.passkeys.get_mut(&id) else { return Ok(false) };
        let before = passkey.n_signatures;
        if before >= n_signatures && (before, n_signatures) != (0, 0) {
            return Ok(false);
        }
        passkey.n_signatures = n_signatures;
        passkey.last_used_at = Some(at);
        Ok(true)
    }

    async fn delete_passkey(
        &self,
        account: AccountId,
        id: PasskeyId,
    ) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        let is_theirs = rows.passkeys.get(&id).is_some_and(|key| key.account == account);
        Ok(is_theirs && rows.passkeys.remove(&id).is_some())
    }

    async fn put_invitation(&self, invitation: InvitationRecord) -> Result<(), StoreError> {
        let mut rows = self.accounts.rows();
        if invitation.account.is_some() {
            rows.invitations.retain(|_, other| other.account != invitation.account);
        }
        rows.invitations.insert(invitation.token_hash, invitation);
        Ok(())
    }

    async fn invitation(
        &self,
        token_hash: Hash,
    ) -> Result<Option<InvitationRecord>, StoreError> {
        Ok(self.accounts.rows().invitations.get(&token_hash).copied())
    }

    async fn invitations(&self) -> Result<Vec<InvitationRecord>, StoreError> {
        let rows = self.accounts.rows();
        let unused = rows.invitations.values().filter(|one| one.used_at.is_none());
        let mut all: Vec<_> = unused.copied().collect();
        all.sort_by_key(|invitation| (invitation.created_at, invitation.id));
        Ok(all)
    }

    async fn delete_invitation(&self, id: InvitationId) -> Result<bool, StoreError> {
        let mut rows = self.accounts.rows();
        let before = rows.invitations.len();
        rows.invitations.retain(|_, one| one.id != id || one.used_at.is_some());
        Ok(rows.invitations.len() < before)
    }

    async fn accept_invitation(
        &self,
        token_hash: Hash,
        account: Account,
        max: usize,
        now: UnixSeconds,
    ) -> Result<Accepted, StoreError> {
        let mut rows = self.accounts.rows();
        let found = rows.invitations.get(&token_hash).copied();
        let found = found.filter(|one| one.used_at.is_none() && one.expires_at > now);
        let Some(found) = found else { return Ok(Accepted::Refused) };
        let same = rows.by_identity(account.identity).map(|same| same.id);
        if same.is_some() && same != found.account {
            return Ok(Accepted::IdentityTaken);
        }
        match found.account {
            None if rows.by_name(&account.name).is_some() => return Ok(Accepted::NameTaken),
            None if rows.accounts.len() >= max => return Ok(Accepted::Full),
            None => {
                rows.accounts.insert(account.id, account);
            }
            Some(id) => {
                rows.reset(id, &account);
                self.programs.forget(id);
            }
        }
        let used = InvitationRecord { used_at: Some(now), ..found };
        rows.invitations.insert(token_hash, used);
        Ok(Accepted::Done)
    }

    async fn purge_accounts(&self, now: UnixSeconds) -> Result<(), StoreError> {
        let mut rows = self.accounts.rows();
        rows.sign_ins.retain(|_, sign_in| sign_in.expires_at > now);
        rows.invitations.retain(|_, invitation| invitation.expires_at > now);
        Ok(())
    }
}

impl Rows {
    fn by_name(&self, name: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.name == name)
    }

    fn by_identity(&self, identity: Option<Hash>) -> Option<&Account> {
        let identity = identity?;
        self.accounts.values().find(|account| account.identity == Some(identity))
    }

    fn sign_ins_of(&self, account: AccountId) -> impl Iterator<Item = &SignInRecord> {
        self.sign_ins.values().filter(move |sign_in| sign_in.account == account)
    }

    /// Whether what is done `by` a sign-in may be done.
    fn is_there(&self, account: AccountId, by: Option<Hash>) -> bool {
        by.is_none_or(|by| self.sign_ins.get(&by).is_some_and(|one| one.account == account))
    }

    fn reset(&mut self, id: AccountId, given: &Account) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.password_hash.clone_from(&given.password_hash);
            account.identity = given.identity;
        }
        self.totps.remove(&id);
        self.recovery_codes.retain(|(owner, _)| *owner != id);
        self.passkeys.retain(|_, passkey| passkey.account != id);
        self.sign_ins.retain(|_, sign_in| sign_in.account != id);
    }
}
