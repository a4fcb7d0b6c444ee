//! What the counsellor's desk and the server say to each other over HTTP, as JSON.
//!
//! Refusals are a [`Reject`](crate::reject::Reject) with a 4xx or 5xx status.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::id::{AccountId, InviteId, RoomId};
use crate::limits::{PASSWORD_BYTES_MAX, SEALED_TITLE_BYTES_MAX, WRAPPED_SECRET_BYTES_MAX};
use crate::opaque::Opaque;
use crate::time::UnixSeconds;

/// `POST /api/setup`: makes the first account of a new server.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct Setup {
    /// From the fragment of the one-time link that `aman` printed: 32 bytes.
    #[ts(type = "string")]
    pub token: Opaque<32>,
    /// Name to sign in with.
    pub name: String,
    /// Its password.
    pub password: Password,
}

/// `POST /api/sign-in`.  Sets the cookie.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct SignIn {
    /// Name of the account.
    pub name: String,
    /// Its password.
    pub password: Password,
}

/// A password on its way to be hashed.
#[derive(
    Clone, PartialEq, Eq, Serialize, Deserialize, TS, zeroize::ZeroizeOnDrop, zeroize::Zeroize,
)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct Password(String);

impl Password {
    /// Takes the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one who hashes it; `None` if it is longer than anyone types.
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        (self.0.len() <= PASSWORD_BYTES_MAX).then_some(&*self.0)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// `GET /api/me`, and the answer to setup and sign-in.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Me {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
}

/// `GET /api/state`: what a page needs to know before anybody signed in.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct ServerState {
    /// Whether the server still waits for its first account.
    pub needs_setup: bool,
}

/// `POST /api/rooms`: a new one-to-one room.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct NewRoom {
    /// The title, sealed for the counsellor alone.
    #[ts(type = "string")]
    pub sealed_title: Opaque<SEALED_TITLE_BYTES_MAX>,
}

/// One room, as the desk lists it (`GET /api/rooms`, answer to `POST /api/rooms`).
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct RoomView {
    /// The room.
    pub room: RoomId,
    /// The title, sealed.
    #[ts(type = "string")]
    pub sealed_title: Opaque<SEALED_TITLE_BYTES_MAX>,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// How many are waiting at this moment.
    pub n_waiting: u32,
    /// Whether somebody is in it at this moment.
    pub live: bool,
    /// Its invites.
    pub invites: Vec<InviteView>,
}

/// `POST /api/rooms/{room}/invites`: a link was made; this much of it the server knows.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct NewInvite {
    /// Which invite.
    pub invite: InviteId,
    /// Counts the invites of a room, so that the counsellor's browser can derive the link again.
    pub number: u32,
    /// SHA-256 of the invite's `server-auth`.
    #[ts(type = "string")]
    pub server_auth_hash: Opaque<32>,
    /// The room secret, sealed under the invite's `wrap` key.
    #[ts(type = "string")]
    pub wrapped_room_secret: Opaque<WRAPPED_SECRET_BYTES_MAX>,
    /// From when on the server refuses it.
    pub expires_at: UnixSeconds,
}

/// How far an invite got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum InviteState {
    /// Nobody came by it.
    Unused,
    /// Somebody was let in by it.
    Used,
    /// The counsellor took it back.
    Revoked,
    /// Its time is over.
    Expired,
}

/// One invite, as the desk lists it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct InviteView {
    /// Which invite.
    pub invite: InviteId,
    /// Its number in the room.
    pub number: u32,
    /// How far it got.
    pub state: InviteState,
    /// From when on the server refuses it.
    pub expires_at: UnixSeconds,
}

/// Answer to `POST /api/rooms/{room}/ticket`.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Ticket {
    /// For [`Right::Ticket`](crate::client::Right::Ticket).
    #[ts(type = "string")]
    pub ticket: Opaque<32>,
}
