//! What the counsellor's desk and the server say to each other over HTTP, as JSON.
//!
//! Refusals are a [`Reject`](crate::reject::Reject) with a 4xx or 5xx status.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use ts_rs::TS;

use crate::account::{AccountRole, SignInStep};
use crate::id::{AccountId, InviteId, KeyId, RoomId, WebhookId};
use crate::limits::{
    PASSWORD_BYTES_MAX, SEALED_CARD_BYTES_MAX, SEALED_TITLE_BYTES_MAX, WRAPPED_SECRET_BYTES_MAX,
};
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
    /// What it may do beside its own rooms.
    pub role: AccountRole,
    /// What has to come next before anything else is open.
    pub step: SignInStep,
}

/// `GET /api/state`: what a page needs to know before anybody signed in.  All but the first is
/// what the operator set.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct ServerState {
    /// Whether the server still waits for its first account.
    pub needs_setup: bool,
    /// Where *quick exit* leads: an https page that nobody wonders about.
    #[serde(default)]
    pub exit_url: String,
    /// Name of the agency; may be empty.
    #[serde(default)]
    pub agency: String,
    /// Whether being seen on this site is dangerous for those who come: pages then keep quiet
    /// about what they are.
    #[serde(default)]
    pub sensitive: bool,
    /// Where help is to be had at once, by language (`en`, `ar`, `zh`).
    #[serde(default)]
    pub crisis: BTreeMap<String, Vec<CrisisLine>>,
    /// Minutes without anybody doing anything after which the desk signs itself out; 0: never.
    #[serde(default)]
    pub idle_minutes: u16,
    /// What the agency's own sign-in (OpenID Connect) is called, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub provider: Option<String>,
}

/// Somebody to call in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct CrisisLine {
    /// Who that is.
    pub name: String,
    /// A telephone number or an address on the web.
    pub contact: String,
    /// When they can be reached, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hours: Option<String>,
}

/// How people speak in a room at first.  It limits nothing: they can agree on another way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum RoomKind {
    /// With cameras.
    #[default]
    Video,
    /// With microphones.
    Audio,
    /// In writing.
    Text,
}

/// `POST /api/rooms`: a new one-to-one room.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct NewRoom {
    /// The title, sealed for the counsellor alone.
    #[ts(type = "string")]
    pub sealed_title: Opaque<SEALED_TITLE_BYTES_MAX>,
    /// When the session begins; without it the room is open until it is ended.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub starts_at: Option<UnixSeconds>,
    /// How long it is to last.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub minutes: Option<u16>,
    /// How people speak at first.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub kind: RoomKind,
    /// Whether an attendee who left may come back by the same link, on the same device, until
    /// the room ends.  Otherwise the link is used up.
    #[serde(default = "yes")]
    #[ts(optional = nullable)]
    pub reusable: bool,
}

impl NewRoom {
    /// A room without a date, in which people may come and go.
    #[must_use]
    pub fn titled(sealed_title: Opaque<SEALED_TITLE_BYTES_MAX>) -> Self {
        let (starts_at, minutes, kind) = (None, None, RoomKind::default());
        Self { sealed_title, starts_at, minutes, kind, reusable: yes() }
    }
}

const fn yes() -> bool {
    true
}

/// `PATCH /api/rooms/{room}`: what is named changes, everything else stays.  `null` takes the
/// date or the length away.
#[derive(Clone, Debug, Default, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct ChangeRoom {
    /// Another title, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub sealed_title: Option<Opaque<SEALED_TITLE_BYTES_MAX>>,
    /// Another date.  Links that were to die with the old one now die with the new one.
    #[serde(default, deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number | null")]
    pub starts_at: Option<Option<UnixSeconds>>,
    /// Another length.
    #[serde(default, deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number | null")]
    pub minutes: Option<Option<u16>>,
    /// Another way to speak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub kind: Option<RoomKind>,
    /// Whether whoever left may come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reusable: Option<bool>,
}

/// Tells `null` from nothing.
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
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
    /// When the session begins.
    #[serde(default)]
    pub starts_at: Option<UnixSeconds>,
    /// How long it is to last.
    #[serde(default)]
    pub minutes: Option<u16>,
    /// How people speak at first.
    #[serde(default)]
    pub kind: RoomKind,
    /// Whether an attendee who left may come back by the same link.
    #[serde(default = "yes")]
    pub reusable: bool,
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
    /// From when on the server refuses it; 12 h after the planned end at the latest.
    pub expires_at: UnixSeconds,
    /// What the attendee's page shows before they are let in, sealed under the link.  May be
    /// empty.
    #[serde(default)]
    #[ts(optional = nullable, type = "string")]
    pub sealed_card: Opaque<SEALED_CARD_BYTES_MAX>,
}

/// `POST /api/invites/{invite}/card` and `/probe`, by whoever holds the link.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct OpenCard {
    /// The link's `server-auth`.
    #[ts(type = "string")]
    pub server_auth: Opaque<32>,
}

/// Answer to [`OpenCard`]: all that a page may know before the counsellor lets anybody in.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Card {
    /// What the counsellor's browser sealed under the link; empty if it sealed nothing.
    #[ts(type = "string")]
    pub sealed_card: Opaque<SEALED_CARD_BYTES_MAX>,
    /// When the session begins.
    pub starts_at: Option<UnixSeconds>,
    /// How long it is to last.
    pub minutes: Option<u16>,
    /// How people speak at first.
    pub kind: RoomKind,
    /// How far the invite got.
    pub state: InviteState,
}

/// How far an invite got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum InviteState {
    /// The link was never opened.
    Unused,
    /// Its page was opened, and nobody was let in by it yet.
    Opened,
    /// Somebody waits by it at this moment.
    Waiting,
    /// Somebody is in the room by it at this moment.
    InSession,
    /// Somebody was let in by it, and is not there now.
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

/// What a key of the API may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub enum KeyScope {
    /// Read rooms and the states of their invites.
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// Make, change and end rooms.
    #[serde(rename = "sessions:write")]
    SessionsWrite,
    /// Register and revoke invites.
    #[serde(rename = "invites:write")]
    InvitesWrite,
    /// Read whose key it is.
    #[serde(rename = "accounts:read")]
    AccountsRead,
}

/// `POST /api/keys`: a key for a program of the counsellor's.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct NewKey {
    /// What the counsellor calls it, for the list.
    pub label: String,
    /// What it may be used for.
    pub scopes: Vec<KeyScope>,
    /// From when on it is refused; never without it.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub expires_at: Option<UnixSeconds>,
}

/// One key, as the account's page lists it.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct KeyView {
    /// Names it; opens nothing.
    pub key: KeyId,
    /// What the counsellor calls it.
    pub label: String,
    /// What it may be used for.
    pub scopes: Vec<KeyScope>,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// From when on it is refused.
    pub expires_at: Option<UnixSeconds>,
    /// The day it was used last, to the hour.
    pub used_at: Option<UnixSeconds>,
}

/// Answer to `POST /api/keys`.
#[derive(Clone, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct MadeKey {
    /// How the list shows it from here on.
    pub view: KeyView,
    /// For `Authorization: Bearer`.  Shown this once; the server keeps only its SHA-256.
    pub secret: String,
}

/// What a webhook can tell.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS,
)]
#[ts(export_to = "wire.ts")]
pub enum HookEvent {
    /// Somebody knocked.
    #[serde(rename = "session.knocked")]
    Knocked,
    /// The first attendee was let in.
    #[serde(rename = "session.started")]
    Started,
    /// The room was ended for good.
    #[serde(rename = "session.ended")]
    Ended,
    /// Somebody was let in by an invite for the first time.
    #[serde(rename = "invite.used")]
    InviteUsed,
}

/// `POST /api/webhooks`: tell a program of the counsellor's what happens.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct NewWebhook {
    /// Where to: `https`, a public address.
    pub url: String,
    /// What to tell.
    pub events: Vec<HookEvent>,
}

/// One webhook, as the account's page lists it.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct WebhookView {
    /// Names it.
    pub webhook: WebhookId,
    /// Where to.
    pub url: String,
    /// What it is told.
    pub events: Vec<HookEvent>,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// When something arrived last.
    pub delivered_at: Option<UnixSeconds>,
    /// When something could not be delivered last.
    pub failed_at: Option<UnixSeconds>,
}

/// Answer to `POST /api/webhooks`.
#[derive(Clone, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct MadeWebhook {
    /// How the list shows it from here on.
    pub view: WebhookView,
    /// Key of the signatures, shown this once.
    #[ts(type = "string")]
    pub secret: Opaque<32>,
}

/// What is sent to a webhook: ids and times, and nothing that anybody said or is called.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct HookCall {
    /// What happened.
    pub event: HookEvent,
    /// When.
    pub at: UnixSeconds,
    /// In which room.
    pub room: RoomId,
    /// By which invite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub invite: Option<InviteId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_knows_no_dates_makes_a_room_as_before() {
        let room: NewRoom = serde_json::from_str(r#"{"sealed_title":"AQID"}"#).unwrap();
        assert_eq!((room.starts_at, room.minutes, room.kind), (None, None, RoomKind::Video));
        assert!(room.reusable);
    }

    #[test]
    fn null_takes_a_date_away_and_silence_leaves_it() {
        let change: ChangeRoom = serde_json::from_str(r#"{"starts_at":null}"#).unwrap();
        assert_eq!(change.starts_at, Some(None));
        assert_eq!(change.minutes, None);
        let text = serde_json::to_string(&change).unwrap();
        assert_eq!(text, r#"{"starts_at":null}"#);
    }
}
