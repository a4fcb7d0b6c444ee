//! What is said over HTTP about an account: its factors, its sign-ins, the way into it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::api::{Me, Password};
use crate::id::{AccountId, PairingId, PasskeyId, SignInId};
use crate::limits::{
    CREDENTIAL_BYTES_MAX, PAIRING_BYTES_MAX, PASSKEY_WORDS_BYTES_MAX, SEALED_TOTP_BYTES_MAX,
    SIGNATURE_BYTES_MAX,
};
use crate::opaque::Opaque;
use crate::time::UnixSeconds;

/// What an account may do beside its own rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum AccountRole {
    /// Nothing.
    Counsellor,
    /// What concerns the whole server; never the rooms of others.
    Admin,
}

/// What has to come next before a sign-in opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum SignInStep {
    /// Nothing: it is whole.
    Done,
    /// The second factor.
    SecondFactor,
    /// A second factor has to be set up first.
    SetUpFactor,
}

/// `POST /api/sign-in/code`: the second step of a sign-in, by a code of the app or a recovery
/// code.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct SignInCode {
    /// As it was typed.
    pub code: Password,
}

/// Answer to `POST /api/sign-in/passkey-challenge`.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct PasskeyChallenge {
    /// What the authenticator signs.
    #[ts(type = "string")]
    pub challenge: Opaque<64>,
    /// The relying party: the name of this server.
    pub rp: String,
}

/// `POST /api/sign-in/passkey`: what the authenticator answered (WebAuthn section 7.2).
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct PasskeyProof {
    /// Which passkey.
    #[ts(type = "string")]
    pub credential: Opaque<CREDENTIAL_BYTES_MAX>,
    /// `clientDataJSON`.
    #[ts(type = "string")]
    pub client_data: Opaque<PASSKEY_WORDS_BYTES_MAX>,
    /// `authenticatorData`.
    #[ts(type = "string")]
    pub authenticator_data: Opaque<PASSKEY_WORDS_BYTES_MAX>,
    /// The signature over both.
    #[ts(type = "string")]
    pub signature: Opaque<SIGNATURE_BYTES_MAX>,
    /// `userHandle`, if the authenticator says it.
    pub account: Option<AccountId>,
}

/// `POST /api/sign-in/provider`: begins to sign in at the agency's own provider (OpenID
/// Connect).
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct BeginProvider {
    /// The operator's link, if it is taken up this way.
    pub invitation: Option<ProviderInvitation>,
}

/// The operator's link, taken up with the provider instead of a password.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct ProviderInvitation {
    /// From the fragment of the link: 32 bytes.
    #[ts(type = "string")]
    pub token: Opaque<32>,
    /// Name of the account; ignored where there is one already.
    pub name: String,
}

/// Answer to `POST /api/sign-in/provider` and `POST /api/account/provider`: where to go.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct ProviderAddress {
    /// Of the provider's page.
    pub address: String,
}

/// `POST /api/sign-in/provider/answer`: what the provider sent the browser back with.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct ProviderAnswer {
    /// Which sign-in it belongs to.
    pub state: String,
    /// For the server to change into a proof, once.
    pub code: String,
    /// Who says so (RFC 9207), if the provider said that.
    pub iss: Option<String>,
}

/// Answer to `POST /api/account/passkey-challenge`.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct NewPasskeyChallenge {
    /// What the browser repeats.
    #[ts(type = "string")]
    pub challenge: Opaque<64>,
    /// The relying party: the name of this server.
    pub rp: String,
    /// The user handle.
    pub account: AccountId,
    /// The name shown when a passkey is chosen.
    pub name: String,
    /// Credentials that are there already.
    #[ts(type = "string[]")]
    pub known: Vec<Opaque<CREDENTIAL_BYTES_MAX>>,
}

/// `POST /api/account/passkeys`: what the authenticator made (WebAuthn section 7.1).
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct NewPasskey {
    /// `clientDataJSON`.
    #[ts(type = "string")]
    pub client_data: Opaque<PASSKEY_WORDS_BYTES_MAX>,
    /// `authenticatorData`, with the new public key in it.
    #[ts(type = "string")]
    pub authenticator_data: Opaque<PASSKEY_WORDS_BYTES_MAX>,
}

/// Answer to `POST /api/account/totp`: a secret for an app, to be confirmed with a code.
#[derive(Clone, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct TotpOffer {
    /// The secret, to type (base32).
    pub secret: String,
    /// The same with the rest, for a QR code (`otpauth:`).
    pub uri: String,
    /// The secret, sealed for the server, to come back with the first code.
    #[ts(type = "string")]
    pub sealed: Opaque<SEALED_TOTP_BYTES_MAX>,
}

/// `PUT /api/account/totp`: the first code shows that the app has the secret.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct ConfirmTotp {
    /// From the offer.
    #[ts(type = "string")]
    pub sealed: Opaque<SEALED_TOTP_BYTES_MAX>,
    /// As it was typed.
    pub code: Password,
}

/// Answer when a factor was set up.
#[derive(Clone, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct FactorAdded {
    /// Who, and what comes next.
    pub me: Me,
    /// Recovery codes, if there were none before.  They are shown once.
    pub recovery_codes: Option<Vec<String>>,
}

/// Answer to `POST /api/account/recovery-codes`.
#[derive(Clone, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct RecoveryCodes {
    /// They are shown once, and any before are worth nothing.
    pub codes: Vec<String>,
}

/// `POST /api/account/confirm`: the password once more, before something that matters.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct ConfirmPassword {
    /// The password of whoever is signed in.
    pub password: Password,
}

/// `POST /api/account/password`.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct ChangePassword {
    /// The one there is.
    pub current: Password,
    /// The one to be.
    pub new: Password,
}

/// One passkey.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct PasskeyView {
    /// Its name for the server.
    pub passkey: PasskeyId,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// When it was used last.
    pub last_used_at: Option<UnixSeconds>,
}

/// One browser that is signed in.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct SignInView {
    /// Its name for the server.
    pub sign_in: SignInId,
    /// When it began.
    pub created_at: UnixSeconds,
    /// When it was used last, roughly.
    pub last_seen_at: UnixSeconds,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// `GET /api/account`.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct AccountView {
    /// Whether there is an app with one-time codes.
    pub has_totp: bool,
    /// How many recovery codes are left.
    pub n_recovery_codes: u32,
    /// Passkeys, oldest first.
    pub passkeys: Vec<PasskeyView>,
    /// Sign-ins, newest first.
    pub sign_ins: Vec<SignInView>,
    /// Whether the last second factor has to stay.
    pub needs_second_factor: bool,
    /// Whether there is a password.
    pub has_password: bool,
    /// Whether it is linked to somebody at the agency's own sign-in.
    pub has_provider: bool,
}

/// `POST /api/pairing`: a device that has the keys begins to hand them to another.
#[derive(Clone, Copy, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct NewPairing {
    /// Derived from a secret that goes from screen to camera.
    pub pairing: PairingId,
}

/// How far a pairing got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum PairingState {
    /// No other device came yet.
    Waiting,
    /// One did.
    Claimed,
    /// And was answered: people compare numbers.
    Answered,
    /// They were the same, the keys can be fetched.
    Released,
    /// And were.
    Fetched,
}

/// How a pairing stands, for both devices.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct PairingView {
    /// How far it got.
    pub state: PairingState,
    /// When it is over.
    pub expires_at: UnixSeconds,
    /// What the new device said.
    #[ts(type = "string | null")]
    pub hello: Option<Opaque<PAIRING_BYTES_MAX>>,
    /// What the old one answered.
    #[ts(type = "string | null")]
    pub answer: Option<Opaque<PAIRING_BYTES_MAX>>,
}

/// What one device brings for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum PairingStep {
    /// The new one's public key.
    Hello,
    /// The old one's.
    Answer,
    /// The keys, sealed.
    Parcel,
}

/// `POST /api/pairing/{pairing}`.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct PairingWords {
    /// What it is.
    pub step: PairingStep,
    /// The server cannot read it.
    #[ts(type = "string")]
    pub bytes: Opaque<PAIRING_BYTES_MAX>,
}

/// Answer to `POST /api/pairing/{pairing}/fetch`, once.
#[derive(Clone, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct PairingParcel {
    /// The keys, sealed.
    #[ts(type = "string")]
    pub parcel: Opaque<PAIRING_BYTES_MAX>,
}

/// `POST /api/invitation`: where does this link lead?
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct OpenInvitation {
    /// From the fragment of the link: 32 bytes.
    #[ts(type = "string")]
    pub token: Opaque<32>,
}

/// Answer to `POST /api/invitation`.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct InvitationView {
    /// The name of the account it leads back to; `null` makes a new one.
    pub name: Option<String>,
}

/// `POST /api/invitation/accept`.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct AcceptInvitation {
    /// From the fragment of the link: 32 bytes.
    #[ts(type = "string")]
    pub token: Opaque<32>,
    /// Name to sign in with; ignored where there is one already.
    pub name: String,
    /// The password to be.
    pub password: Password,
}
