//! What is kept of those who sign in: accounts, their factors, their sign-ins, invitations.
//!
//! Passwords come as argon2id, cookies, codes and links as SHA-256, the secrets of one-time
//! codes sealed under a key that is not in the store.

pub(crate) mod contract;
mod embedded;
pub(crate) mod memory;
pub mod records;
pub(crate) mod rows;

use async_trait::async_trait;
use protocol::id::{AccountId, InvitationId, PasskeyId, SignInId};
use protocol::time::UnixSeconds;

use crate::accounts::records::{
    Account, Hash, InvitationRecord, PasskeyRecord, SignInRecord, TotpRecord,
};
use crate::{Created, StoreError};

/// How the first account came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetUp {
    /// It is made, and the setup token is used up.
    Done,
    /// There is an account already, or the token is not the one that was put.
    Refused,
}

/// How accepting an invitation came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The account is there, and the invitation is used up.
    Done,
    /// There is no such invitation, or it is over, or used.
    Refused,
    /// Somebody else has that name.
    NameTaken,
    /// Somebody else is that person at the agency's own sign-in.
    IdentityTaken,
    /// There are as many accounts as there may be.
    Full,
}

/// Everything about those who sign in.
///
/// The same promises as [`Store`](crate::Store): each operation is atomic, what it reports as
/// done survives a crash, and readers tell the time themselves.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Replaces the hash of the one-time setup token.
    async fn put_setup_token(&self, token_hash: Hash) -> Result<(), StoreError>;

    /// Whether this is the setup token, still unused.
    async fn is_setup_token(&self, token_hash: Hash) -> Result<bool, StoreError>;

    /// Makes the first account and uses up the setup token, both or neither.
    async fn create_first_account(
        &self,
        token_hash: Hash,
        account: Account,
    ) -> Result<SetUp, StoreError>;

    /// Whether there is any account.
    async fn has_account(&self) -> Result<bool, StoreError>;

    /// The account of that name, exactly as spelled.
    async fn account_by_name(&self, name: &str) -> Result<Option<Account>, StoreError>;

    /// The account.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// The account of somebody at the agency's own sign-in.
    async fn account_by_identity(&self, identity: Hash) -> Result<Option<Account>, StoreError>;

    /// Says who an account is at the agency's own sign-in.  Returns false, and changes nothing,
    /// if another account is that person, or if it is to be done `by` a sign-in that has ended.
    async fn put_identity(
        &self,
        account: AccountId,
        identity: Option<Hash>,
        by: Option<Hash>,
    ) -> Result<bool, StoreError>;

    /// Every account, oldest first.
    async fn accounts(&self) -> Result<Vec<Account>, StoreError>;

    /// Replaces the password of an account.  Returns false, and changes nothing, unless it is
    /// still `before`: whoever knew the old one undoes nothing that came between.
    async fn put_password(
        &self,
        account: AccountId,
        before: &str,
        password_hash: &str,
    ) -> Result<bool, StoreError>;

    /// Shuts an account out, or lets it in again.  Whoever is shut out is signed out
    /// everywhere.  Returns whether there is such an account.
    async fn set_disabled(
        &self,
        account: AccountId,
        is_disabled: bool,
    ) -> Result<bool, StoreError>;

    /// Keeps that somebody signed in.  If the account has `max` sign-ins, the one unused for
    /// longest goes.  Those that only know the password are counted apart: a thief of it could
    /// put its owner out with them.
    async fn put_sign_in(&self, sign_in: SignInRecord, max: usize) -> Result<(), StoreError>;

    /// Who signed in with the token of this hash; `None` if the account is shut out.
    async fn sign_in(&self, token_hash: Hash) -> Result<Option<SignInRecord>, StoreError>;

    /// The sign-ins of an account, newest first.
    async fn sign_ins_of(&self, account: AccountId) -> Result<Vec<SignInRecord>, StoreError>;

    /// Keeps when somebody was there last.  Nothing happens if they were there later.
    async fn touch_sign_in(&self, token_hash: Hash, at: UnixSeconds) -> Result<(), StoreError>;

    /// Keeps that somebody signed in proved it once more.  Returns whether the sign-in is still
    /// there: what was ended meanwhile stays so.
    async fn renew_sign_in(
        &self,
        token_hash: Hash,
        at: UnixSeconds,
    ) -> Result<bool, StoreError>;

    /// Forgets it.  Nothing happens if it is not there.
    async fn delete_sign_in(&self, token_hash: Hash) -> Result<(), StoreError>;

    /// Ends one sign-in of an account, by its name.  Returns whether it was there.
    async fn delete_sign_in_by_id(
        &self,
        account: AccountId,
        id: SignInId,
    ) -> Result<bool, StoreError>;

    /// Ends all sign-ins of an account, except perhaps one.
    async fn delete_sign_ins_of(
        &self,
        account: AccountId,
        except: Option<Hash>,
    ) -> Result<(), StoreError>;

    /// Keeps the secret of an account's one-time codes, in place of any before.  Returns false,
    /// and changes nothing, if it is to be done `by` a sign-in that has ended.
    async fn put_totp(
        &self,
        account: AccountId,
        totp: TotpRecord,
        by: Option<Hash>,
    ) -> Result<bool, StoreError>;

    /// The secret of an account's one-time codes.
    async fn totp(&self, account: AccountId) -> Result<Option<TotpRecord>, StoreError>;

    /// Uses up a time step and all before it.  Returns false if it was used up before, or if
    /// there are no one-time codes.
    async fn use_totp_step(&self, account: AccountId, step: u64) -> Result<bool, StoreError>;

    /// Forgets the secret of an account's one-time codes.
    async fn delete_totp(&self, account: AccountId) -> Result<(), StoreError>;

    /// Replaces the recovery codes of an account.
    async fn put_recovery_codes(
        &self,
        account: AccountId,
        hashes: Vec<Hash>,
    ) -> Result<(), StoreError>;

    /// How many recovery codes an account has left.
    async fn n_recovery_codes(&self, account: AccountId) -> Result<usize, StoreError>;

    /// Uses a recovery code up.  Returns whether it was there.
    async fn use_recovery_code(
        &self,
        account: AccountId,
        hash: Hash,
    ) -> Result<bool, StoreError>;

    /// Keeps a passkey, unless the account has `max` of them, or it is to be done `by` a sign-in
    /// that has ended ([`Created::NoRoom`]).
    async fn create_passkey(
        &self,
        passkey: PasskeyRecord,
        max: usize,
        by: Option<Hash>,
    ) -> Result<Created, StoreError>;

    /// The passkey with the id its authenticator gave it.
    async fn passkey(&self, credential: &[u8]) -> Result<Option<PasskeyRecord>, StoreError>;

    /// The passkeys of an account, oldest first.
    async fn passkeys_of(&self, account: AccountId) -> Result<Vec<PasskeyRecord>, StoreError>;

    /// Keeps that a passkey was used.  Returns false, and changes nothing, unless its counter
    /// rose or both are zero: an older one comes from a copy.
    async fn use_passkey(
        &self,
        id: PasskeyId,
        n_signatures: u32,
        at: UnixSeconds,
    ) -> Result<bool, StoreError>;

    /// Forgets a passkey of an account.  Returns whether it was there.
    async fn delete_passkey(
        &self,
        account: AccountId,
        id: PasskeyId,
    ) -> Result<bool, StoreError>;

    /// Keeps an invitation.  One that leads to the same account is forgotten.
    async fn put_invitation(&self, invitation: InvitationRecord) -> Result<(), StoreError>;

    /// The invitation with the token of this hash, used or not.
    async fn invitation(
        &self,
        token_hash: Hash,
    ) -> Result<Option<InvitationRecord>, StoreError>;

    /// Every invitation that was not used, oldest first.
    async fn invitations(&self) -> Result<Vec<InvitationRecord>, StoreError>;

    /// Takes an invitation back.  Returns whether it was there, unused.
    async fn delete_invitation(&self, id: InvitationId) -> Result<bool, StoreError>;

    /// Uses an invitation up.  One to a new account makes `account`, unless there are `max`.
    /// One that leads back to an account gives that account the password and the identity of
    /// `account`, takes its factors, keys and webhooks away and ends its sign-ins: somebody else
    /// may have had it.
    async fn accept_invitation(
        &self,
        token_hash: Hash,
        account: Account,
        max: usize,
        now: UnixSeconds,
    ) -> Result<Accepted, StoreError>;

    /// Deletes sign-ins and invitations that are over.
    async fn purge_accounts(&self, now: UnixSeconds) -> Result<(), StoreError>;
}
