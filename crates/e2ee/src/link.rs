//! What a link carries, and the keys that come from it (E2EE.md 1.2).
//!
//! ```text
//!   https://…/j#1.<base64url(L)>.<base64url(fp)>
//!                     │               └─ CounsellorPin: who must be in the room
//!                     └─ LinkSecret ──HKDF──► invite-id    the server finds the room by it
//!                                             server-auth  lets knock; the server has its hash
//!                                             join-mac     binds KeyPackages to the link
//!                                             wrap         seals the room secret and the name
//!                                             doorstep        seals notes before admission
//!                                             card         seals what the page shows before it
//! ```
//!
//! The server never has `L`, `join-mac`, `wrap`, `doorstep`, `card` or the room secret `R`.
//!
//! A counsellor's device keeps one [`DeskSecret`]; links and room secrets are derived from it,
//! so that none of them need be stored.

use protocol::id::{InviteId, RoomId};
use protocol::limits::{
    NAME_BYTES_MAX, SEALED_NAME_BYTES_MAX, SEALED_TITLE_BYTES_MAX, WRAPPED_SECRET_BYTES_MAX,
};
use protocol::opaque::{Opaque, decode_base64url, encode_base64url};
use protocol::secret::Secret;

use crate::kdf;
use crate::random::Randomness;

/// The version of the fragment's layout.
const FRAGMENT_VERSION: &str = "1";

/// The fragment is not one of ours: cut off, mistyped, or of a later version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a link of this version")]
pub struct BadLink;

/// `L`: the root of everything one invite can do.  It travels in the link's fragment alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSecret(Secret<32>);

impl LinkSecret {
    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// `fp`: the first 16 bytes of the hash of the counsellor's identity key.  Not secret, but it
/// must come by a way the server cannot change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounsellorPin([u8; 16]);

impl CounsellorPin {
    /// The pin of an identity key.
    #[must_use]
    pub fn of(idc_public: &[u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] =
            kdf::hash(&[b"aman/fp/v1", idc_public]);
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }

    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Reads a fragment, `#` or no `#` in front.
///
/// # Errors
///
/// [`BadLink`] unless it is exactly of our layout.
pub fn parse_fragment(fragment: &str) -> Result<(LinkSecret, CounsellorPin), BadLink> {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    let mut parts = fragment.split('.');
    let (Some(FRAGMENT_VERSION), Some(secret), Some(pin), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(BadLink);
    };
    let secret = decode_base64url(secret).ok_or(BadLink)?.try_into().map_err(|_| BadLink)?;
    let pin = decode_base64url(pin).ok_or(BadLink)?.try_into().map_err(|_| BadLink)?;
    Ok((LinkSecret::from_bytes(secret), CounsellorPin(pin)))
}

/// Writes a fragment, `#` included.
#[must_use]
pub fn format_fragment(secret: &LinkSecret, pin: &CounsellorPin) -> String {
    let secret = encode_base64url(secret.expose());
    let pin = encode_base64url(&pin.0);
    format!("#{FRAGMENT_VERSION}.{secret}.{pin}")
}

/// `R`: what every commit that adds somebody must prove to know.  One per room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSecret(Secret<32>);

impl RoomSecret {
    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// `LM`: what a counsellor's device keeps to derive its links and room secrets from.
///
/// In the browser it is a WebCrypto HKDF key that cannot be taken out; there the same bytes
/// come from `deriveBits` with the salt and infos of the methods below.
#[derive(Clone, Debug)]
pub struct DeskSecret(Secret<32>);

/// Salt of everything derived from a [`DeskSecret`].
pub const DESK_SALT: &[u8] = b"aman-desk-v1";

impl DeskSecret {
    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// The secret of the room's `number`th link: info `link || room || number` (big-endian).
    #[must_use]
    pub fn link(&self, room: RoomId, number: u32) -> LinkSecret {
        let info = [b"link".as_slice(), room.as_bytes(), &number.to_be_bytes()].concat();
        LinkSecret(kdf::hkdf(self.0.expose(), DESK_SALT, &info))
    }

    /// The room's secret: info `room || room id`.
    #[must_use]
    pub fn room_secret(&self, room: RoomId) -> RoomSecret {
        let info = [b"room".as_slice(), room.as_bytes()].concat();
        RoomSecret(kdf::hkdf(self.0.expose(), DESK_SALT, &info))
    }

    /// Seals a room's title for this device alone (key: info `title`).
    ///
    /// `None` when the title is too long.
    #[must_use]
    pub fn seal_title(
        &self,
        title: &str,
        random: &Randomness,
    ) -> Option<Opaque<SEALED_TITLE_BYTES_MAX>> {
        Opaque::new(kdf::seal(&self.title_key(), b"aman/title/v1", title.as_bytes(), random))
            .ok()
    }

    /// Opens a room's title; `None` if this device did not seal it.
    #[must_use]
    pub fn open_title(&self, sealed: &Opaque<SEALED_TITLE_BYTES_MAX>) -> Option<String> {
        let title = kdf::open(&self.title_key(), b"aman/title/v1", sealed.as_slice())?;
        String::from_utf8(title).ok()
    }

    fn title_key(&self) -> Secret<32> {
        kdf::hkdf(self.0.expose(), DESK_SALT, b"title")
    }
}

/// Something sealed for an invite does not open with its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sealed for this invite")]
pub struct NotForThisInvite;

/// The name is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name is empty or too long")]
pub struct BadName;

/// The keys of one invite.
#[derive(Clone, Debug)]
pub struct InviteKeys {
    /// How the server knows the invite.
    pub invite: InviteId,
    server_auth: Secret<32>,
    join_mac: Secret<32>,
    wrap: Secret<32>,
    doorstep: Secret<32>,
    card: Secret<32>,
}

impl InviteKeys {
    /// Derives them: HKDF-SHA-256(L, salt "aman-link-v1").
    #[must_use]
    pub fn derive(link: &LinkSecret) -> Self {
        let invite: Secret<16> = kdf::hkdf(link.expose(), LINK_SALT, b"invite-id");
        Self {
            invite: InviteId::from_bytes(*invite.expose()),
            server_auth: kdf::hkdf(link.expose(), LINK_SALT, b"server-auth"),
            join_mac: kdf::hkdf(link.expose(), LINK_SALT, b"join-mac"),
            wrap: kdf::hkdf(link.expose(), LINK_SALT, b"wrap"),
            doorstep: kdf::hkdf(link.expose(), LINK_SALT, b"doorstep"),
            card: kdf::hkdf(link.expose(), LINK_SALT, b"card"),
        }
    }

    /// What is shown to the server to knock.
    #[must_use]
    pub const fn server_auth(&self) -> &Secret<32> {
        &self.server_auth
    }

    /// What the server keeps of it: SHA-256.
    #[must_use]
    pub fn server_auth_hash(&self) -> [u8; 32] {
        kdf::hash(&[self.server_auth.expose()])
    }

    /// Seals the room secret for this invite.
    #[must_use]
    pub fn wrap_room_secret(
        &self,
        room: RoomId,
        secret: &RoomSecret,
        random: &Randomness,
    ) -> Opaque<WRAPPED_SECRET_BYTES_MAX> {
        let sealed =
            kdf::seal(&self.wrap, &self.aad(b"aman/wrap/v1", room), secret.expose(), random);
        Opaque::new(sealed).expect("nonce, 32 bytes and tag fit")
    }

    /// Opens the room secret.
    ///
    /// # Errors
    ///
    /// [`NotForThisInvite`] if it was sealed for another invite or room, or changed.
    pub fn unwrap_room_secret(
        &self,
        room: RoomId,
        wrapped: &Opaque<WRAPPED_SECRET_BYTES_MAX>,
    ) -> Result<RoomSecret, NotForThisInvite> {
        let aad = self.aad(b"aman/wrap/v1", room);
        let secret = kdf::open(&self.wrap, &aad, wrapped.as_slice()).ok_or(NotForThisInvite)?;
        secret.try_into().map(RoomSecret::from_bytes).map_err(|_| NotForThisInvite)
    }

    /// Seals a name for the counsellor.  All names come out equally long.
    ///
    /// # Errors
    ///
    /// [`BadName`] if it is empty or over [`NAME_BYTES_MAX`].
    pub fn seal_name(
        &self,
        room: RoomId,
        name: &str,
        random: &Randomness,
    ) -> Result<Opaque<SEALED_NAME_BYTES_MAX>, BadName> {
        self.seal_name_with(room, name, &[], random)
    }

    /// The same, with something behind the name that is always equally long.
    pub(crate) fn seal_name_with(
        &self,
        room: RoomId,
        name: &str,
        rest: &[u8],
        random: &Randomness,
    ) -> Result<Opaque<SEALED_NAME_BYTES_MAX>, BadName> {
        let length = u8::try_from(name.len()).map_err(|_| BadName)?;
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(BadName);
        }
        let mut padded = vec![length];
        padded.extend_from_slice(name.as_bytes());
        padded.resize(1 + NAME_BYTES_MAX, 0);
        padded.extend_from_slice(rest);
        let sealed = kdf::seal(&self.wrap, &self.aad(b"aman/name/v1", room), &padded, random);
        Opaque::new(sealed).map_err(|_| BadName)
    }

    /// Opens a name.
    ///
    /// # Errors
    ///
    /// [`NotForThisInvite`] if it was sealed for another invite or room, or changed.
    pub fn open_name(
        &self,
        room: RoomId,
        sealed: &Opaque<SEALED_NAME_BYTES_MAX>,
    ) -> Result<String, NotForThisInvite> {
        self.open_name_with(room, sealed).map(|(name, _)| name)
    }

    /// Opens a name and what stands behind it.
    pub(crate) fn open_name_with(
        &self,
        room: RoomId,
        sealed: &Opaque<SEALED_NAME_BYTES_MAX>,
    ) -> Result<(String, Vec<u8>), NotForThisInvite> {
        let aad = self.aad(b"aman/name/v1", room);
        let padded = kdf::open(&self.wrap, &aad, sealed.as_slice()).ok_or(NotForThisInvite)?;
        let (length, padded) = padded.split_first().ok_or(NotForThisInvite)?;
        let (name, rest) = padded.split_at_checked(NAME_BYTES_MAX).ok_or(NotForThisInvite)?;
        let name = name.get(..usize::from(*length)).ok_or(NotForThisInvite)?;
        let name = std::str::from_utf8(name).map_err(|_| NotForThisInvite)?;
        match legible(name) {
            name if name.is_empty() => Err(NotForThisInvite),
            name => Ok((name, rest.to_vec())),
        }
    }

    /// The key under which KeyPackages are bound to the link.
    pub(crate) const fn join_mac_key(&self) -> &Secret<32> {
        &self.join_mac
    }

    /// The key of notes before admission.
    pub(crate) const fn doorstep_key(&self) -> &Secret<32> {
        &self.doorstep
    }

    /// The key of the invite's card.
    pub(crate) const fn card_key(&self) -> &Secret<32> {
        &self.card
    }

    fn aad(&self, label: &[u8], room: RoomId) -> Vec<u8> {
        [label, room.as_bytes(), self.invite.as_bytes()].concat()
    }
}

/// A name as it may be shown: without control characters, and without the characters that turn
/// the order of the text around them.  Whoever has a link writes what the counsellor reads.
#[must_use]
pub fn legible(name: &str) -> String {
    let shown: String = name.chars().filter(|c| !c.is_control() && !is_blank(*c)).collect();
    // Persian words and many emoji need joiners; alone they show nothing.
    let is_seen =
        shown.chars().any(|c| !c.is_whitespace() && !matches!(c, '\u{200c}' | '\u{200d}'));
    if is_seen { shown.trim().to_owned() } else { String::new() }
}

/// Characters that turn the direction of what follows, or that take no ink: two names that
/// differ in these alone look the same, and one of nothing else looks like nobody.
const fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'
            | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
    )
}

/// Salt of everything derived from a [`LinkSecret`].
const LINK_SALT: &[u8] = b"aman-link-v1";

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId::from_bytes([7; 16]);
    const OTHER_ROOM: RoomId = RoomId::from_bytes([8; 16]);

    fn keys(byte: u8) -> InviteKeys {
        InviteKeys::derive(&LinkSecret::from_bytes([byte; 32]))
    }

    fn random() -> Randomness {
        Randomness::from_seed([3; 32])
    }

    #[test]
    fn a_name_shows_what_it_is() {
        assert_eq!(legible(" A\u{202e}na\u{7} "), "Ana");
        assert_eq!(legible("B\u{200b}e\u{2060}n\u{feff}"), "Ben");
        assert_eq!(legible("می\u{200c}خواهم"), "می\u{200c}خواهم");
        for nobody in ["\u{200b}", "\u{3164}", "\u{200d}\u{200c} ", "\u{200f}\u{2800}"] {
            assert_eq!(legible(nobody), "");
        }
    }

    #[test]
    fn a_fragment_is_read_as_it_was_written() {
        let secret = LinkSecret::from_bytes([0xfb; 32]);
        let pin = CounsellorPin::of(&[1; 32]);
        let fragment = format_fragment(&secret, &pin);

        assert!(fragment.starts_with("#1."));
        assert_eq!(parse_fragment(&fragment), Ok((secret.clone(), pin)));
        assert_eq!(parse_fragment(&fragment[1..]), Ok((secret, pin)));
    }

    #[test]
    fn damaged_fragments_are_refused() {
        let good = format_fragment(&LinkSecret::from_bytes([9; 32]), &CounsellorPin([4; 16]));
        let cut = &good[..good.len() - 1];
        let more = format!("{good}.x");
        let newer = good.replacen("#1.", "#2.", 1);
        let spaced = good.replace('.', ". ");
        for bad in ["", "#", "#1", "#1..", "1.AA.BB", cut, &more, &newer, &spaced] {
            assert_eq!(parse_fragment(bad), Err(BadLink), "{bad}");
        }
    }

    #[test]
    fn the_room_secret_opens_for_its_invite_and_room_alone() {
        let secret = RoomSecret::from_bytes([5; 32]);
        let wrapped = keys(1).wrap_room_secret(ROOM, &secret, &random());

        assert_eq!(keys(1).unwrap_room_secret(ROOM, &wrapped), Ok(secret));
        assert_eq!(keys(1).unwrap_room_secret(OTHER_ROOM, &wrapped), Err(NotForThisInvite));
        assert_eq!(keys(2).unwrap_room_secret(ROOM, &wrapped), Err(NotForThisInvite));
    }

    #[test]
    fn names_open_for_their_invite_and_come_out_equally_long() {
        let short = keys(1).seal_name(ROOM, "Bo", &random()).unwrap();
        let long = keys(1).seal_name(ROOM, &"é".repeat(64), &random()).unwrap();

        assert_eq!(short.as_slice().len(), long.as_slice().len());
        assert_eq!(keys(1).open_name(ROOM, &short).unwrap(), "Bo");
        assert_eq!(keys(2).open_name(ROOM, &short), Err(NotForThisInvite));
        assert_eq!(keys(1).seal_name(ROOM, "", &random()), Err(BadName));
        assert_eq!(keys(1).seal_name(ROOM, &"a".repeat(129), &random()), Err(BadName));
    }

    #[test]
    fn a_name_comes_out_without_what_deceives_the_eye() {
        let open = |name: &str| {
            let sealed = keys(1).seal_name(ROOM, name, &random()).unwrap();
            keys(1).open_name(ROOM, &sealed)
        };
        assert_eq!(open("Bo\n\u{7}\u{202e}nnA\u{2066} ").as_deref(), Ok("BonnA"));
        assert_eq!(open("ليلى").as_deref(), Ok("ليلى"));
        assert_eq!(open(" \u{202e}\t"), Err(NotForThisInvite));
        let mut long = vec![200];
        long.resize(1 + 200, b'a');
        let aad = keys(1).aad(b"aman/name/v1", ROOM);
        let long = kdf::seal(&keys(1).wrap, &aad, &long, &random());
        let long = Opaque::new(long).unwrap();
        assert_eq!(keys(1).open_name(ROOM, &long), Err(NotForThisInvite));
    }

    #[test]
    fn a_wrapped_secret_is_not_taken_for_a_name() {
        let wrapped =
            keys(1).wrap_room_secret(ROOM, &RoomSecret::from_bytes([1; 32]), &random());
        let as_name = Opaque::new(wrapped.into_vec()).unwrap();
        assert_eq!(keys(1).open_name(ROOM, &as_name), Err(NotForThisInvite));
    }

    #[test]
    fn a_desk_derives_each_link_and_room_anew_and_differently() {
        let desk = DeskSecret::from_bytes([6; 32]);
        assert_eq!(desk.link(ROOM, 1), desk.link(ROOM, 1));
        assert_ne!(desk.link(ROOM, 1), desk.link(ROOM, 2));
        assert_ne!(desk.link(ROOM, 1), desk.link(OTHER_ROOM, 1));
        assert_ne!(desk.room_secret(ROOM), desk.room_secret(OTHER_ROOM));

        let sealed = desk.seal_title("Tuesday", &random()).unwrap();
        assert_eq!(desk.open_title(&sealed).as_deref(), Some("Tuesday"));
        assert_eq!(DeskSecret::from_bytes([0; 32]).open_title(&sealed), None);
        assert_eq!(desk.seal_title(&"x".repeat(512), &random()), None);
    }
}
