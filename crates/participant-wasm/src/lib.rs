//! The participant core, for the browser's vault worker.  No logic: it turns JavaScript values
//! into arguments and refusals into stable `snake_case` codes, which are thrown as strings.
//!
//! Times are milliseconds of one clock of the page (`performance.now()`); [`Participant`]
//! counts them from its construction, as the core wants it.

use std::time::Duration;

use participant::{AttendeeStart, ModeratorStart, frames::track_kind};
use protocol::secret::Secret;
use protocol::time::{Timestamp, UnixSeconds};
use wasm_bindgen::prelude::wasm_bindgen;

/// What is thrown.
type Thrown = wasm_bindgen::JsValue;

/// One participant's side of a call.
#[wasm_bindgen]
pub struct Participant {
    core: participant::Participant,
    start_ms: f64,
    last_opened_leaf: Option<u32>,
}

#[wasm_bindgen]
impl Participant {
    /// Somebody who opened a link.
    ///
    /// # Errors
    ///
    /// Throws `bad_link`, `bad_name`, `bad_length` or `no_randomness`.
    pub fn attendee(
        fragment: &str,
        name: String,
        device: &[u8],
        now_ms: f64,
        unix_seconds: f64,
    ) -> Result<Participant, Thrown> {
        let start = AttendeeStart {
            fragment,
            name,
            device: exactly(device)?,
            unix: unix(unix_seconds),
            random: participant::randomness().map_err(thrown)?,
        };
        let core = participant::Participant::attendee(start).map_err(thrown)?;
        Ok(Self { core, start_ms: now_ms, last_opened_leaf: None })
    }

    /// The counsellor, once the identity key has signed the draft.
    ///
    /// # Errors
    ///
    /// Throws `bad_length` or `bad_signature`.
    pub fn moderator(
        draft: ModeratorDraft,
        signature: &[u8],
        now_ms: f64,
    ) -> Result<Participant, Thrown> {
        let core = draft.0.finish(exactly(signature)?).map_err(thrown)?;
        Ok(Self { core, start_ms: now_ms, last_opened_leaf: None })
    }

    /// Brings one `Input`, as JSON.
    ///
    /// # Errors
    ///
    /// Throws `bad_input` if it is not one.
    #[wasm_bindgen(js_name = handleInput)]
    pub fn handle_input(&mut self, now_ms: f64, json: &str) -> Result<(), Thrown> {
        let now = self.at(now_ms);
        self.core.handle_json(now, json).map_err(thrown)
    }

    /// The next `Output`, as JSON.  Drain to `undefined` after every input.
    #[wasm_bindgen(js_name = pollOutput)]
    pub fn poll_output(&mut self) -> Option<String> {
        self.core.poll_json()
    }

    /// When `tick` is next due, on the clock of `nowMs`.
    #[must_use]
    #[wasm_bindgen(js_name = pollTimeout)]
    pub fn poll_timeout(&self) -> Option<f64> {
        let due = self.core.poll_timeout()?;
        Some(self.start_ms + due.since_start().as_secs_f64() * 1000.0)
    }

    /// Whom a moderator let in, for the page after this one; empty for attendees.
    #[must_use]
    pub fn note(&self) -> Vec<u8> {
        self.core.note()
    }

    /// Brings the note of the page before this one, before `start`.
    pub fn recall(&mut self, note: &[u8]) {
        self.core.recall(note);
    }

    /// To a moderator: a link that was made during this sitting, by its number in the room.
    ///
    /// # Errors
    ///
    /// Throws `bad_length`.
    #[wasm_bindgen(js_name = addInvite)]
    pub fn add_invite(&mut self, number: u32, link_secret: &[u8]) -> Result<(), Thrown> {
        self.core.add_invite(number, &Secret::from_bytes(exactly(link_secret)?));
        Ok(())
    }

    /// Seals one encoded frame of `"microphone"` or `"camera"`.
    ///
    /// # Errors
    ///
    /// Throws a code; the frame must be dropped then, never sent as it is.
    #[wasm_bindgen(js_name = sealFrame)]
    pub fn seal_frame(
        &mut self,
        now_ms: f64,
        kind: &str,
        frame: &[u8],
    ) -> Result<Vec<u8>, Thrown> {
        let now = self.at(now_ms);
        let mut sealed = Vec::new();
        let kind = track_kind(kind).map_err(thrown)?;
        self.core.seal_frame(now, kind, frame, &mut sealed).map_err(thrown)?;
        Ok(sealed)
    }

    /// Opens one sealed frame.
    ///
    /// # Errors
    ///
    /// Throws a code; the frame must be dropped then, never played as it is.
    #[wasm_bindgen(js_name = openFrame)]
    pub fn open_frame(
        &mut self,
        now_ms: f64,
        audio: bool,
        frame: &[u8],
    ) -> Result<Vec<u8>, Thrown> {
        let now = self.at(now_ms);
        let mut opened = Vec::new();
        let who = self.core.open_frame(now, audio, frame, &mut opened).map_err(thrown)?;
        self.last_opened_leaf = Some(who.leaf.0);
        Ok(opened)
    }

    /// Whose frame [`open_frame`](Self::open_frame) opened last.
    #[must_use]
    #[wasm_bindgen(js_name = lastOpenedLeaf)]
    pub fn last_opened_leaf(&self) -> Option<u32> {
        self.last_opened_leaf
    }

    fn at(&self, now_ms: f64) -> Timestamp {
        let since_ms = (now_ms - self.start_ms).max(0.0);
        let since = Duration::try_from_secs_f64(since_ms / 1000.0).unwrap_or_default();
        Timestamp::from_start(since)
    }
}

/// A counsellor's side before the identity key has vouched for it.
#[wasm_bindgen]
pub struct ModeratorDraft(participant::ModeratorDraft);

#[wasm_bindgen]
impl ModeratorDraft {
    /// Makes the keys of one sitting.  `linkSecrets` is one 32-byte secret after the other, in
    /// the order of the invites' numbers.
    ///
    /// # Errors
    ///
    /// Throws `bad_room`, `bad_name`, `bad_length` or `no_randomness`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        room: &str,
        name: String,
        room_secret: &[u8],
        idc_public: &[u8],
        link_secrets: &[u8],
        _now_ms: f64,
        unix_seconds: f64,
    ) -> Result<ModeratorDraft, Thrown> {
        let start = ModeratorStart {
            room: participant::room_id(room).map_err(thrown)?,
            name,
            room_secret: Secret::from_bytes(exactly(room_secret)?),
            idc_public: exactly(idc_public)?,
            link_secrets: participant::link_secrets(link_secrets).map_err(thrown)?,
            unix: unix(unix_seconds),
            random: participant::randomness().map_err(thrown)?,
        };
        participant::ModeratorDraft::new(start).map(Self).map_err(thrown)
    }

    /// What the identity key has to sign.
    #[must_use]
    #[wasm_bindgen(js_name = toSign)]
    pub fn to_sign(&self) -> Vec<u8> {
        self.0.to_sign().to_vec()
    }
}

/// What the desk needs for a new invite: JSON with `invite`, `server_auth_hash` and
/// `wrapped_room_secret` for the server, and `fragment` for the link alone.
///
/// # Errors
///
/// Throws `bad_room`, `bad_length` or `no_randomness`.
#[wasm_bindgen(js_name = inviteMaterials)]
pub fn invite_materials(
    room: &str,
    link_secret: &[u8],
    room_secret: &[u8],
    idc_public: &[u8],
) -> Result<String, Thrown> {
    let materials = participant::InviteMaterials::make(
        participant::room_id(room).map_err(thrown)?,
        &Secret::from_bytes(exactly(link_secret)?),
        &Secret::from_bytes(exactly(room_secret)?),
        &exactly(idc_public)?,
        &participant::randomness().map_err(thrown)?,
    );
    Ok(materials.to_json())
}

/// What the server must see of a link, as JSON with `invite` and `server_auth`.
///
/// # Errors
///
/// Throws `bad_link`.
#[wasm_bindgen(js_name = linkRights)]
pub fn link_rights(fragment: &str) -> Result<String, Thrown> {
    participant::link_rights(fragment).map_err(thrown)
}

/// Seals the card of an invite, to base64url for the server.
///
/// # Errors
///
/// Throws `bad_length` or `no_randomness`.
#[wasm_bindgen(js_name = sealCard)]
pub fn seal_card(link_secret: &[u8], card: &str) -> Result<String, Thrown> {
    let random = participant::randomness().map_err(thrown)?;
    let link_secret = Secret::from_bytes(exactly(link_secret)?);
    participant::seal_card(&link_secret, card, &random).map_err(thrown)
}

/// Opens the card of the invite a link is for; `undefined` if it was not sealed for it.
///
/// # Errors
///
/// Throws `bad_link`.
#[wasm_bindgen(js_name = openCard)]
pub fn open_card(fragment: &str, sealed: &str) -> Result<Option<String>, Thrown> {
    participant::open_card(fragment, sealed).map_err(thrown)
}

/// Whether both signatures of a consent receipt hold.
#[must_use]
#[wasm_bindgen(js_name = verifyReceipt)]
pub fn verify_receipt(receipt: &str) -> bool {
    participant::verify_receipt(receipt)
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Thrown> {
    bytes.try_into().map_err(|_| thrown(participant::Refusal::BadLength))
}

fn unix(seconds: f64) -> UnixSeconds {
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    UnixSeconds(since.as_secs())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn thrown<E: participant::Code>(error: E) -> Thrown {
    Thrown::from_str(error.code())
}
