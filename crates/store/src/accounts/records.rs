//! What a store keeps of those who sign in, row by row.

use std::fmt;

use protocol::id::{AccountId, InvitationId, PasskeyId, SignInId};
use protocol::time::UnixSeconds;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What an account may do beside its own rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountRole {
    /// Nothing.
    Counsellor,
    /// What concerns the whole server.  Rooms of others are not among it.
    Admin,
}

/// A counsellor's account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Random.
    pub id: AccountId,
    /// What they sign in with; unique.
    pub name: String,
    /// PHC string of argon2id; empty if there is no password.
    pub password_hash: String,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// What it may do beside its own rooms.
    pub role: AccountRole,
    /// Whether the operator shut it out.
    pub is_disabled: bool,
    /// Whether a password alone lets it do nothing but set up a second factor.
    pub needs_second_factor: bool,
    /// Who it is at the agency's own sign-in: a keyed hash; unique.
    pub identity: Option<Hash>,
}

/// Neither the name nor the hash is for logs.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How far a sign-in got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The password was right, the second factor is awaited.
    Password,
    /// The account has to set up a second factor before anything else.
    Bare,
    /// Everything was right.
    Whole,
}

/// Somebody is signed in, by a cookie that the server knows only as a hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SignInRecord {
    /// SHA-256 of the cookie's 32 random bytes.
    pub token_hash: Hash,
    /// Its name in the list of sign-ins; random.
    pub id: SignInId,
    /// Who.
    pub account: AccountId,
    /// How far it got.
    pub stage: Stage,
    /// When it began.
    pub created_at: UnixSeconds,
    /// When it was used last, roughly.
    pub last_seen_at: UnixSeconds,
    /// From when on the cookie is worth nothing.
    pub expires_at: UnixSeconds,
}

/// Hashes name a browser; they are not for logs.
impl fmt::Debug for SignInRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInRecord")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

/// What one-time codes are made of (RFC 6238).
#[derive(Clone, PartialEq, Eq)]
pub struct TotpRecord {
    /// The shared secret, sealed under a key that is not in the store.
    pub sealed_secret: Vec<u8>,
    /// The last time step whose code was used.
    pub last_step: u64,
}

/// Even sealed it is not for logs.
impl fmt::Debug for TotpRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TotpRecord").finish_non_exhaustive()
    }
}

/// A passkey: the public half of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// Its name in the list of passkeys; random.
    pub id: PasskeyId,
    /// Whose it is.
    pub account: AccountId,
    /// The id its authenticator gave it.
    pub credential: Vec<u8>,
    /// Its public key, as COSE (RFC 9053).
    pub public_key: Vec<u8>,
    /// How many signatures it has made, if it counts.
    pub n_signatures: u32,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// When it was used last.
    pub last_used_at: Option<UnixSeconds>,
}

/// Ids and keys of authenticators name a device; they are not for logs.
impl fmt::Debug for PasskeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasskeyRecord")
            .field("id", &self.id)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// The operator's one-time link for a counsellor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvitationRecord {
    /// Its name in the operator's list; random.
    pub id: InvitationId,
    /// SHA-256 of the 32 random bytes in the link.
    pub token_hash: Hash,
    /// What the new account may do.
    pub role: AccountRole,
    /// The account it leads back to; `None` makes a new one.
    pub account: Option<AccountId>,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// From when on it is refused.
    pub expires_at: UnixSeconds,
    /// When it was used.
    pub used_at: Option<UnixSeconds>,
}

/// The hash stays out.
impl fmt::Debug for InvitationRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationRecord")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("account", &self.account)
            .field("expires_at", &self.expires_at)
            .field("used_at", &self.used_at)
            .finish_non_exhaustive()
    }
}
