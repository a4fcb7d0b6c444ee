//! What a store keeps of programs, row by row.

use std::fmt;

use protocol::api::{HookEvent, KeyScope};
use protocol::id::{AccountId, KeyId, WebhookId};
use protocol::time::UnixSeconds;

use crate::Hash;

/// A key of the API.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Random.
    pub id: KeyId,
    /// Whose.
    pub account: AccountId,
    /// What the counsellor calls it.
    pub label: String,
    /// SHA-256 of the key.
    pub secret_hash: Hash,
    /// What it may be used for.
    pub scopes: Vec<KeyScope>,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// From when on it is refused.
    pub expires_at: Option<UnixSeconds>,
    /// When it was used last, roughly.
    pub used_at: Option<UnixSeconds>,
}

/// Neither hash nor label is for logs.
impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Length of a secret of a webhook before secrets were sealed; a sealed one is longer.
pub const UNSEALED_BYTES: usize = 32;

/// Where a program wants to be told what happens.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Random.
    pub id: WebhookId,
    /// Whose.
    pub account: AccountId,
    /// Where to.
    pub url: String,
    /// Key of the signatures, sealed with the server's own key.  One of
    /// [`UNSEALED_BYTES`] is not sealed yet.
    pub sealed_secret: Vec<u8>,
    /// What to tell.
    pub events: Vec<HookEvent>,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// When something arrived last.
    pub delivered_at: Option<UnixSeconds>,
    /// When something could not be delivered last.
    pub failed_at: Option<UnixSeconds>,
}

/// Neither address nor secret is for logs.
impl fmt::Debug for WebhookRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRecord").field("id", &self.id).finish_non_exhaustive()
    }
}
