//! How a participant comes into being: from a link, or from a draft the identity key signed.

use e2ee::identity::{ModeratorDraft as LeafDraft, ModeratorIdentity};
use e2ee::link::{
    self, CounsellorPin, InviteKeys, LinkSecret, RoomSecret, format_fragment, parse_fragment,
};
use e2ee::random::Randomness;
use e2ee::receipt::Receipt;
use protocol::id::{InviteId, RoomId};
use protocol::limits::{INVITES_PER_ROOM_MAX, NAME_BYTES_MAX, WRAPPED_SECRET_BYTES_MAX};
use protocol::opaque::{Opaque, decode_base64url, encode_base64url};
use protocol::secret::Secret;
use protocol::time::UnixSeconds;
use serde::Serialize;

use crate::participant::Participant;

/// A refusal with a stable `snake_case` code, for shells that can only throw strings.
pub trait Code {
    /// The code.
    fn code(&self) -> &'static str;
}

/// Why something could not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The fragment is not one of ours: cut off, mistyped, or of a later version.
    #[error("not a link of this version")]
    BadLink,
    /// The name is empty or too long.
    #[error("the name is empty or too long")]
    BadName,
    /// The room's id cannot be read.
    #[error("not a room's id")]
    BadRoom,
    /// A key or secret does not have its length.
    #[error("wrong length")]
    BadLength,
    /// The signature is not the identity key's over the draft.
    #[error("not the identity key's signature")]
    BadSignature,
    /// Text that is not what it should be.
    #[error("not an input")]
    BadInput,
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    NoRandomness,
}

impl Code for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::BadLink => "bad_link",
            Self::BadName => "bad_name",
            Self::BadRoom => "bad_room",
            Self::BadLength => "bad_length",
            Self::BadSignature => "bad_signature",
            Self::BadInput => "bad_input",
            Self::NoRandomness => "no_randomness",
        }
    }
}

/// What an attendee begins with.
pub struct AttendeeStart<'a> {
    /// The fragment of the link, with or without `#`.
    pub fragment: &'a str,
    /// The name the person gave.
    pub name: String,
    /// 16 random bytes this device keeps for this link, and shows to nobody.
    pub device: [u8; 16],
    /// The time at construction.
    pub unix: UnixSeconds,
    /// Where keys and nonces come from.
    pub random: Randomness,
}

/// What a moderator begins with.
pub struct ModeratorStart {
    /// The room.
    pub room: RoomId,
    /// The counsellor's name, which attendees see once they are in.
    pub name: String,
    /// The room's secret.
    pub room_secret: Secret<32>,
    /// The public half of the identity key.
    pub idc_public: [u8; 32],
    /// The secrets of the room's links, each at the place of its invite's number.
    pub link_secrets: Vec<Secret<32>>,
    /// The time at construction.
    pub unix: UnixSeconds,
    /// Where keys and nonces come from.
    pub random: Randomness,
}

/// A moderator whose leaf key the identity key has not signed yet.
pub struct ModeratorDraft {
    draft: LeafDraft,
    to_sign: Vec<u8>,
    parts: ModeratorParts,
}

/// What a moderator's core is made of, beside its identity.
pub(crate) struct ModeratorParts {
    pub(crate) room: RoomId,
    pub(crate) room_secret: RoomSecret,
    pub(crate) invites: Vec<(u32, InviteKeys)>,
    pub(crate) unix: UnixSeconds,
    pub(crate) random: Randomness,
}

impl ModeratorDraft {
    /// Makes the leaf key of this sitting.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadName`] if the name is empty or too long; [`Refusal::BadLength`] if there
    /// are more links than a room can have.
    pub fn new(start: ModeratorStart) -> Result<Self, Refusal> {
        let ModeratorStart { room, name, room_secret, idc_public, link_secrets, unix, random } =
            start;
        if link_secrets.len() > INVITES_PER_ROOM_MAX {
            return Err(Refusal::BadLength);
        }
        let draft = LeafDraft::new(room, idc_public, &name, unix, &random)
            .map_err(|_| Refusal::BadName)?;
        let keys = link_secrets
            .iter()
            .map(|secret| InviteKeys::derive(&LinkSecret::from_bytes(*secret.expose())));
        let invites = (0..).zip(keys).collect();
        let room_secret = RoomSecret::from_bytes(*room_secret.expose());
        let to_sign = draft.to_sign();
        let parts = ModeratorParts { room, room_secret, invites, unix, random };
        Ok(Self { draft, to_sign, parts })
    }

    /// What the identity key has to sign.
    #[must_use]
    pub fn to_sign(&self) -> &[u8] {
        &self.to_sign
    }

    /// Completes it.  Time zero of the participant is this moment.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadSignature`] if it is not the identity key's over this draft.
    pub fn finish(self, signature: [u8; 64]) -> Result<Participant, Refusal> {
        let identity: ModeratorIdentity =
            self.draft.finish(&signature).map_err(|_| Refusal::BadSignature)?;
        Ok(Participant::new_moderator(identity, self.parts))
    }
}

impl std::fmt::Debug for ModeratorDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ModeratorDraft({:?})", self.parts.room)
    }
}

/// What the desk needs for a new invite.
#[derive(Serialize)]
pub struct InviteMaterials {
    /// For the server: which invite.
    pub invite: InviteId,
    /// For the server: SHA-256 of what will be shown to knock.
    pub server_auth_hash: Opaque<32>,
    /// For the server: the room secret, sealed under the invite's key.
    pub wrapped_room_secret: Opaque<WRAPPED_SECRET_BYTES_MAX>,
    /// For the link alone, `#` included: never for the server.
    pub fragment: String,
}

impl InviteMaterials {
    /// Derives them.
    #[must_use]
    pub fn make(
        room: RoomId,
        link_secret: &Secret<32>,
        room_secret: &Secret<32>,
        idc_public: &[u8; 32],
        random: &Randomness,
    ) -> Self {
        let link = LinkSecret::from_bytes(*link_secret.expose());
        let keys = InviteKeys::derive(&link);
        let room_secret = RoomSecret::from_bytes(*room_secret.expose());
        Self {
            invite: keys.invite,
            server_auth_hash: Opaque::new(keys.server_auth_hash().to_vec()).unwrap_or_default(),
            wrapped_room_secret: keys.wrap_room_secret(room, &room_secret, random),
            fragment: format_fragment(&link, &CounsellorPin::of(idc_public)),
        }
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the server must see of a link, as JSON: `invite` and `server_auth`.  For the page that
/// asks for the card of its invite.
///
/// # Errors
///
/// [`Refusal::BadLink`].
pub fn link_rights(fragment: &str) -> Result<String, Refusal> {
    let keys = keys_of(fragment)?;
    let rights = LinkRights { invite: keys.invite, server_auth: keys.server_auth().to_wire() };
    Ok(serde_json::to_string(&rights).unwrap_or_default())
}

#[derive(Serialize)]
struct LinkRights {
    invite: InviteId,
    server_auth: Opaque<32>,
}

/// Seals the card of an invite; base64url.
///
/// # Errors
///
/// [`Refusal::BadLength`] if it is empty or too long.
pub fn seal_card(
    link_secret: &Secret<32>,
    card: &str,
    random: &Randomness,
) -> Result<String, Refusal> {
    let keys = InviteKeys::derive(&LinkSecret::from_bytes(*link_secret.expose()));
    let sealed = keys.seal_card(card, random).ok_or(Refusal::BadLength)?;
    Ok(encode_base64url(sealed.as_slice()))
}

/// Opens the card of the invite a link is for; `None` if it was not sealed for it.
///
/// # Errors
///
/// [`Refusal::BadLink`].
pub fn open_card(fragment: &str, sealed: &str) -> Result<Option<String>, Refusal> {
    let sealed = decode_base64url(sealed).and_then(|bytes| Opaque::new(bytes).ok());
    Ok(keys_of(fragment)?.open_card(&sealed.unwrap_or_default()))
}

/// Whether both signatures of a receipt (JSON) hold.
#[must_use]
pub fn verify_receipt(json: &str) -> bool {
    serde_json::from_str::<Receipt>(json).is_ok_and(|receipt| receipt.verify().is_ok())
}

/// Randomness of the operating system, or of the browser.
///
/// # Errors
///
/// [`Refusal::NoRandomness`] when there is none.
pub fn randomness() -> Result<Randomness, Refusal> {
    Randomness::from_os().map_err(|_| Refusal::NoRandomness)
}

/// Reads a room's id.
///
/// # Errors
///
/// [`Refusal::BadRoom`] if it is not one.
pub fn room_id(text: &str) -> Result<RoomId, Refusal> {
    RoomId::parse(text).map_err(|_| Refusal::BadRoom)
}

/// Cuts link secrets that stand one after the other.
///
/// # Errors
///
/// [`Refusal::BadLength`] unless they are whole.
pub fn link_secrets(bytes: &[u8]) -> Result<Vec<Secret<32>>, Refusal> {
    let (secrets, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(Refusal::BadLength);
    }
    Ok(secrets.iter().map(|secret| Secret::from_bytes(*secret)).collect())
}

/// Reads a link and checks a name.
pub(crate) fn attendee_keys(
    fragment: &str,
    name: &str,
) -> Result<(InviteKeys, CounsellorPin), Refusal> {
    let (secret, pin) = parse_fragment(fragment).map_err(|link::BadLink| Refusal::BadLink)?;
    if link::legible(name).is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Refusal::BadName);
    }
    Ok((InviteKeys::derive(&secret), pin))
}

fn keys_of(fragment: &str) -> Result<InviteKeys, Refusal> {
    let (secret, _) = parse_fragment(fragment).map_err(|link::BadLink| Refusal::BadLink)?;
    Ok(InviteKeys::derive(&secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_sealed_at_the_desk_and_opened_by_the_link() {
        let random = Randomness::from_seed([1; 32]);
        let link = Secret::from_bytes([4; 32]);
        let room = RoomId::from_bytes([7; 16]);
        let made = InviteMaterials::make(room, &link, &link, &[5; 32], &random);
        let sealed = seal_card(&link, "{\"name\":\"Samar\"}", &random).unwrap();
        let opened = open_card(&made.fragment, &sealed).unwrap();
        assert_eq!(opened.as_deref(), Some("{\"name\":\"Samar\"}"));
        assert_eq!(open_card(&made.fragment, "AAAA"), Ok(None));
        assert_eq!(open_card(&made.fragment, "no base64"), Ok(None));
        assert_eq!(open_card("#1.a.b", &sealed), Err(Refusal::BadLink));
        assert_eq!(seal_card(&link, "", &random), Err(Refusal::BadLength));

        let rights = link_rights(&made.fragment).unwrap();
        assert!(rights.contains(&made.invite.to_string()) && rights.contains("server_auth"));
        assert!(!made.fragment.contains(rights.split('"').nth(7).unwrap()));
    }

    #[test]
    fn what_is_no_receipt_does_not_hold() {
        for text in ["", "{}", "null", "[]"] {
            assert!(!verify_receipt(text));
        }
    }
}
