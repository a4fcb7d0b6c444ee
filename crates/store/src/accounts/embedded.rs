//! Accounts in the SQLite file: each operation is one job of the thread that owns it.

use async_trait::async_trait;
use protocol::id::{AccountId, InvitationId, PasskeyId, SignInId};
use protocol::time::UnixSeconds;

use crate::accounts::records::{
    Account, Hash, InvitationRecord, PasskeyRecord, SignInRecord, TotpRecord,
};
use crate::accounts::{Accepted, AccountStore, SetUp, rows};
use crate::embedded::Embedded;
use crate::{Created, StoreError};

#[async_trait]
impl AccountStore for Embedded {
    async fn put_setup_token(&self, token_hash: Hash) -> Result<(), StoreError> {
        self.run(move |db| rows::put_setup_token(db, &token_hash)).await
    }

    async fn is_setup_token(&self, token_hash: Hash) -> Result<bool, StoreError> {
        self.run(move |db| rows::is_setup_token(db, &token_hash)).await
    }

    async fn create_first_account(
        &self,
        token_hash: Hash,
        account: Account,
    ) -> Result<SetUp, StoreError> {
        self.run(move |db| rows::create_first_account(db, &token_hash, &account)).await
    }

    async fn has_account(&self) -> Result<bool, StoreError> {
        self.run(|db| rows::has_account(db)).await
    }

    async fn account_by_name(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let name = name.to_owned();
        self.run(move |db| rows::account_by_name(db, &name)).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.run(move |db| rows::account(db, id)).await
    }

    async fn account_by_identity(&self, identity: Hash) -> Result<Option<Account>, StoreError> {
        self.run(move |db| rows::account_by_identity(db, &identity)).await
    }

    async fn put_identity(
        &self,
        account: AccountId,
        identity: Option<Hash>,
        by: Option<Hash>,
    ) -> Result<bool, StoreError> {
        self.run(move |db| rows::put_identity(db, account, identity, by)).await
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.run(|db| rows::accounts(db)).await
    }

    async fn put_password(
        &self,
        account: AccountId,
        before: &str,
        password_hash: &str,
    ) -> Result<bool, StoreError> {
        let (before, password_hash) = (before.to_owned(), password_hash.to_owned());
        self.run(move |db| rows::put_password(db, account, &before, &password_hash)).await
    }

    async fn set_disabled(
        &self,
        account: AccountId,
        is_disabled: bool,
    ) -> Result<bool, StoreError> {
        self.run(move |db| rows::set_disabled(db, account, is_disabled)).await
    }

    async fn put_sign_in(&self, sign_in: SignInRecord, max: usize) -> Result<(), StoreError> {
        self.run(move |db| rows::put_sign_in(db, &sign_in, max)).await
    }

    async fn sign_in(&self, token_hash: Hash) -> Result<Option<SignInRecord>, StoreError> {
        self.run(move |db| rows::sign_in(db, &token_hash)).await
    }

    async fn sign_ins_of(&self, account: AccountId) -> Result<Vec<SignInRecord>, StoreError> {
        self.run(move |db| rows::sign_ins_of(db, account)).await
    }

    async fn touch_sign_in(&self, token_hash: Hash, at: UnixSeconds) -> Result<(), StoreError> {
        self.run(move |db| rows::touch_sign_in(db, &token_hash, at)).await
    }

    async fn renew_sign_in(
        &self,
        token_hash: Hash,
        at: UnixSeconds,
    ) -> Result<bool, StoreError> {
        self.run(move |db| rows::renew_sign_in(db, &token_hash, at)).await
    }

    async fn delete_sign_in(&self, token_hash: Hash) -> Result<(), StoreError> {
        self.run(move |db| rows::delete_sign_in(db, &token_hash)).await
    }

    async fn delete_sign_in_by_id(
        &self,
        account: AccountId,
        id: SignInId,
    ) -> Result<bool, StoreError> {
        self.run(move |db| rows::delete_sign_in_by_id(db, account, id)).await
    }

    async fn delete_sign_ins_of(
        &self,
        account: AccountId,
        except: Option<Hash>,
    ) -> Result<(), StoreError> {
        self.run(move |db| rows::delete_sign_ins_of(db, account, except)).await
    }

    async fn put_totp(
        &self,
        account: AccountId,
        totp: TotpRecord,
        by: Option<Hash>,
    ) -> Result<bool, StoreError> {
        self.run(move |db| rows::put_totp(db, account, &totp, by)).await
    }

    async fn totp(&self, account: AccountId) -> Result<Option<TotpRecord>, StoreError> {
        self.run(move |db| rows::totp(db, account)).await
    }

    async fn use_totp_step(&self, account: AccountId, step: u64) -> Result<bool, StoreError> {
        self.run(move |db| rows::use_totp_step(db, account, step)).await
    }

    async fn delete_totp(&self, account: AccountId) -> Result<(), StoreError> {
        self.run(move |db| rows::delete_totp(db, account)).await
    }

    async fn put_recovery_codes(
        &self,
        account: AccountId,
        hashes: Vec<Hash>,
    ) -> Result<(), StoreError> {
        self.run(move |db| rows::put_recovery_codes(db, account, &hashes)).await
    }

    async fn n_recovery_codes(&self, account: AccountId) -> Result<usize, StoreError> {
        self.run(move |db| rows::n_recovery_codes(db, account)).await
    }

    async fn use_recovery_code(
        &self,
        account: AccountId,
        hash: Hash,
    ) -> Result<bool, StoreError> {
        self.run(move |db| rows::use_recovery_code(db, account, &hash)).await
    }

    async fn create_passkey(
        &self,
        passkey: PasskeyRecord,
        max: usize,
        by: Option<Hash>,
    ) -> Result<Created, StoreError> {
        self.run(move |db| rows::create_passkey(db, &passkey, max, by)).await
    }

    async fn passkey(&self, credential: &[u8]) -> Result<Option<PasskeyRecord>, StoreError> {
        let credential = credential.to_vec();
        self.run(move |db| rows::passkey(db, &credential)).await
    }

    async fn passkeys_of(&self, account: AccountId) -> Result<Vec<PasskeyRecord>, StoreError> {
        self.run(move |db| rows::passkeys_of(db, account)).await
    }

    async fn use_passkey(
        &self,
        id: PasskeyId,
        n_signatures: u32,
        at: UnixSeconds,
    ) -> Result<bool, StoreError> {
        self.run(move |db| rows::use_passkey(db, id, n_signatures, at)).await
    }

    async fn delete_passkey(
        &self,
        account: AccountId,
        id: PasskeyId,
    ) -> Result<bool, StoreError> {
        self.run(move |db| rows::delete_passkey(db, account, id)).await
    }

    async fn put_invitation(&self, invitation: InvitationRecord) -> Result<(), StoreError> {
        self.run(move |db| rows::put_invitation(db, &invitation)).await
    }

    async fn invitation(
        &self,
        token_hash: Hash,
    ) -> Result<Option<InvitationRecord>, StoreError> {
        self.run(move |db| rows::invitation(db, &token_hash)).await
    }

    async fn invitations(&self) -> Result<Vec<InvitationRecord>, StoreError> {
        self.run(|db| rows::invitations(db)).await
    }

    async fn delete_invitation(&self, id: InvitationId) -> Result<bool, StoreError> {
        self.run(move |db| rows::delete_invitation(db, id)).await
    }

    async fn accept_invitation(
        &self,
        token_hash: Hash,
        account: Account,
        max: usize,
        now: UnixSeconds,
    ) -> Result<Accepted, StoreError> {
        self.run(move |db| rows::accept_invitation(db, &token_hash, &account, max, now)).await
    }

    async fn purge_accounts(&self, now: UnixSeconds) -> Result<(), StoreError> {
        self.run(move |db| rows::purge(db, now)).await
    }
}
