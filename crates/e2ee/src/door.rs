//! Who knocks: KeyPackages bound to a link on one side, recognised on the other (E2EE.md 1.4).
//!
//! An attendee's device makes two KeyPackages and binds them to its link with a MAC
//! ([`AttendeeIdentity`]).  The counsellor's device checks the MAC with the keys of the invite
//! ([`Door`]) before anybody is shown or added: the server can neither make nor change a knock.
//! What it can do is bring an old one again; so a door remembers what it let in, and refuses
//! invites that were revoked.
//!
//! Two people may have one link, and one of them the server's help.  So a knock also proves
//! which [`Device`] made it: by a signature whose key never leaves the device, sealed beside the
//! name.  Only a device that was let in by hand may come back without asking.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use openmls::prelude::{KeyPackage, KeyPackageIn, ProtocolVersion, Welcome};
use openmls_traits::OpenMlsProvider;
use protocol::client::Knock;
use protocol::id::{InviteId, ParticipantId, RoomId};
use protocol::limits::{INVITES_PER_ROOM_MAX, NAME_BYTES_MAX};
use protocol::opaque::Opaque;
use protocol::secret::Secret;
use protocol::time::UnixSeconds;
use tls_codec::{Deserialize as _, Serialize as _};

use crate::doorstep::DoorstepLine;
use crate::identity::{Claim, LeafKey};
use crate::kdf;
use crate::link::{BadName, CounsellorPin, InviteKeys, legible};
use crate::policy::{self, Rules, SUITE};
use crate::provider::Provider;
use crate::random::Randomness;

/// How long before its end a KeyPackage is replaced, in seconds.
const RENEW_BEFORE_SECONDS: u64 = 10 * 60;

/// Most packages a door remembers.  Over it, it lets nobody in.
const REMEMBERED_MAX: usize = 4096;

/// Sixteen random bytes a device keeps for one link, and never shows to anybody.
#[derive(Clone, Debug)]
pub struct DeviceSecret(Secret<16>);

/// Salt of everything derived from a [`DeviceSecret`].
const DEVICE_SALT: &[u8] = b"aman-device-v1";

impl DeviceSecret {
    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// What the server may know the device by.  It proves nothing.
    #[must_use]
    pub fn id(&self, invite: InviteId) -> [u8; 16] {
        *kdf::hkdf::<16>(self.0.expose(), DEVICE_SALT, &Self::info(b"id", invite)).expose()
    }

    fn key(&self, invite: InviteId) -> SigningKey {
        let info = Self::info(b"key", invite);
        SigningKey::from_bytes(kdf::hkdf(self.0.expose(), DEVICE_SALT, &info).expose())
    }

    fn info(label: &[u8], invite: InviteId) -> Vec<u8> {
        [label, invite.as_bytes()].concat()
    }
}

/// Which device knocked: the public key it proved to have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device([u8; 32]);

impl Device {
    /// Takes the bytes as they are: from a note of one's own.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the proof behind a name: public key and signature.
    fn proven(proof: &[u8], statement: &[u8]) -> Option<Self> {
        let (public, signature) = proof.split_first_chunk::<32>()?;
        let signature = Signature::from_slice(signature).ok()?;
        let key = VerifyingKey::from_bytes(public).ok()?;
        key.verify_strict(&device_statement(statement), &signature).ok()?;
        Some(Self(*public))
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[device]")
    }
}

/// One KeyPackage with the secrets behind it.
pub(crate) struct Seat {
    pub(crate) provider: Provider,
    pub(crate) key: LeafKey,
    package: KeyPackage,
    bytes: Vec<u8>,
}

impl Seat {
    fn new(claim: &Claim, now: UnixSeconds, random: &Randomness) -> Option<Self> {
        let provider = Provider::new(random.fork());
        let key = LeafKey::new(random);
        let bundle = KeyPackage::builder()
            .key_package_lifetime(policy::lifetime(now))
            .leaf_node_capabilities(policy::capabilities())
            .build(SUITE, &provider, &key, key.with_claim(claim))
            .ok()?;
        let package = bundle.key_package().clone();
        let bytes = package.tls_serialize_detached().ok()?;
        Some(Self { provider, key, package, bytes })
    }

    fn is_welcomed_by(&self, welcome: &Welcome) -> bool {
        let Ok(reference) = self.package.hash_ref(self.provider.crypto()) else {
            return false;
        };
        welcome.secrets().iter().any(|secret| secret.new_member() == reference)
    }

    /// Whether it can be used for a while yet.
    fn is_fresh(&self, now: UnixSeconds) -> bool {
        now.plus(RENEW_BEFORE_SECONDS).0 < self.package.life_time().not_after()
    }
}

/// KeyPackages could not be made: the system lacks something OpenMLS needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("KeyPackages could not be made")]
pub struct CannotKnock;

/// An attendee's device, as one participant in one room.
pub struct AttendeeIdentity {
    keys: InviteKeys,
    room: RoomId,
    participant: ParticipantId,
    name: String,
    random: Randomness,
    device: SigningKey,
    seats: [Option<Seat>; 2],
    /// The nonce of the last knock.
    nonce: Option<[u8; 16]>,
}

impl AttendeeIdentity {
    /// Begins.  `participant` is what the server calls this device.  Unless it is told
    /// [`on_device`](Self::on_device), it is one nobody has seen before.
    ///
    /// # Errors
    ///
    /// [`BadName`] if the name is empty or too long.
    pub fn new(
        keys: InviteKeys,
        room: RoomId,
        participant: ParticipantId,
        name: &str,
        random: &Randomness,
    ) -> Result<Self, BadName> {
        let name = legible(name);
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(BadName);
        }
        let random = random.fork();
        let device = DeviceSecret(random.secret()).key(keys.invite);
        Ok(Self {
            keys,
            room,
            participant,
            name,
            random,
            device,
            seats: [None, None],
            nonce: None,
        })
    }

    /// On a device that may have been let in before.
    #[must_use]
    pub fn on_device(mut self, device: &DeviceSecret) -> Self {
        self.device = device.key(self.keys.invite);
        self
    }

    /// The keys of the invite.
    #[must_use]
    pub const fn keys(&self) -> &InviteKeys {
        &self.keys
    }

    /// The room.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// The name the person gave.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks to be let in: KeyPackages that are still good are named again, used or old ones
    /// are replaced.
    ///
    /// # Errors
    ///
    /// [`CannotKnock`] when OpenMLS cannot make KeyPackages at all.
    pub fn knock(&mut self, now: UnixSeconds) -> Result<Knock, CannotKnock> {
        let claim = Claim::attendee(self.participant, self.keys.invite);
        for seat in &mut self.seats {
            if !seat.as_ref().is_some_and(|seat| seat.is_fresh(now)) {
                *seat = Seat::new(&claim, now, &self.random);
            }
        }
        let [Some(first), Some(spare)] = &self.seats else {
            return Err(CannotKnock);
        };
        let nonce: [u8; 16] = self.random.bytes();
        self.nonce = Some(nonce);
        let statement = knock_statement(self.room, &first.bytes, &spare.bytes, &nonce);
        let mac = kdf::hmac(self.keys.join_mac_key().expose(), &[&statement]);
        let signature = self.device.sign(&device_statement(&statement)).to_bytes();
        let proof = [self.device.verifying_key().as_bytes().as_slice(), &signature].concat();
        let sealed_name = self
            .keys
            .seal_name_with(self.room, &self.name, &proof, &self.random)
            .map_err(|_| CannotKnock)?;
        Ok(Knock {
            key_package: Opaque::new(first.bytes.clone()).map_err(|_| CannotKnock)?,
            spare_key_package: Opaque::new(spare.bytes.clone()).map_err(|_| CannotKnock)?,
            nonce: Opaque::new(nonce.to_vec()).map_err(|_| CannotKnock)?,
            mac: Opaque::new(mac.to_vec()).map_err(|_| CannotKnock)?,
            sealed_name,
        })
    }

    /// The line for notes to the moderators who have the last knock.
    #[must_use]
    pub fn doorstep_line(&self) -> Option<DoorstepLine> {
        let device = Device(self.device.verifying_key().to_bytes());
        let nonce = self.nonce.as_ref()?;
        Some(DoorstepLine::new(&self.keys, self.room, self.participant, device, nonce))
    }

    /// Whether [`knock`](Self::knock) would bring new KeyPackages: one was used or grows old.
    #[must_use]
    pub fn needs_new_packages(&self, now: UnixSeconds) -> bool {
        !self.seats.iter().all(|seat| seat.as_ref().is_some_and(|seat| seat.is_fresh(now)))
    }

    pub(crate) const fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// Takes out the KeyPackage a Welcome is for; it is used up by that.
    pub(crate) fn take_seat(&mut self, welcome: &Welcome) -> Option<Seat> {
        self.seats
            .iter_mut()
            .find(|seat| seat.as_ref().is_some_and(|s| s.is_welcomed_by(welcome)))?
            .take()
    }
}

impl std::fmt::Debug for AttendeeIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AttendeeIdentity({:?} in {:?})", self.participant, self.room)
    }
}

/// The message of a knock's MAC: "aman/join/v1" || room || role || H(KeyPackage) || H(spare) ||
/// nonce (E2EE.md 1.4, step 2).
fn knock_statement(room: RoomId, package: &[u8], spare: &[u8], nonce: &[u8]) -> Vec<u8> {
    let (package, spare) = (kdf::hash(&[package]), kdf::hash(&[spare]));
    [b"aman/join/v1".as_slice(), room.as_bytes(), b"attendee", &package, &spare, nonce].concat()
}

/// What a device signs of its knock: "aman/device/v1" || the message of the MAC.
fn device_statement(knock_statement: &[u8]) -> Vec<u8> {
    [b"aman/device/v1".as_slice(), knock_statement].concat()
}

/// Why a knock is not shown to the counsellor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnockRefused {
    /// The invite is not one of this room, or was revoked.
    #[error("no such invite")]
    NoSuchInvite,
    /// It was not made with the invite's link, or was changed on the way.
    #[error("not made with the invite's link")]
    Forged,
    /// Its KeyPackages cannot be used: expired, or oddly made.  A new knock may do.
    #[error("the KeyPackages cannot be used")]
    BadKeyPackage,
    /// It is for another participant than it is brought for.
    #[error("made for another participant")]
    WrongParticipant,
    /// One of its KeyPackages was used before.
    #[error("used before")]
    Replayed,
    /// The door remembers as much as it can.
    #[error("too many knocks in this room")]
    TooMany,
}

/// A knock whose maker has the invite's link.
#[derive(Clone)]
pub struct VerifiedKnock {
    /// Who.
    pub participant: ParticipantId,
    /// By which invite.
    pub invite: InviteId,
    /// The name they gave.
    pub name: String,
    /// On which device, if the knock proves it.
    pub device: Option<Device>,
    pub(crate) package: KeyPackage,
    pub(crate) spare: KeyPackage,
    nonce: Vec<u8>,
}

impl VerifiedKnock {
    /// The same knock, to be let in by the spare KeyPackage: after a group was re-founded.
    #[must_use]
    pub fn by_spare(mut self) -> Self {
        std::mem::swap(&mut self.package, &mut self.spare);
        self
    }
}

/// Neither name nor keys.
impl std::fmt::Debug for VerifiedKnock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifiedKnock({:?} by {:?})", self.participant, self.invite)
    }
}

/// The counsellor's side of the waiting room.
#[derive(Debug)]
pub struct Door {
    rules: Rules,
    invites: BTreeMap<InviteId, InviteKeys>,
    revoked: BTreeSet<InviteId>,
    used: BTreeSet<[u8; 32]>,
    provider: ProviderForChecks,
}

/// A provider whose storage stays empty.
struct ProviderForChecks(Provider);

impl std::fmt::Debug for ProviderForChecks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[provider]")
    }
}

impl Door {
    /// A door of `room`, kept by the counsellor named by `pin`.
    #[must_use]
    pub fn new(room: RoomId, pin: CounsellorPin, random: &Randomness) -> Self {
        Self {
            rules: Rules { room, generation: protocol::id::Generation(0), owner: pin },
            invites: BTreeMap::new(),
            revoked: BTreeSet::new(),
            used: BTreeSet::new(),
            provider: ProviderForChecks(Provider::new(random.fork())),
        }
    }

    /// Knows another invite from here on.  Over [`INVITES_PER_ROOM_MAX`] it is not taken, and
    /// its knocks are refused.
    pub fn add_invite(&mut self, keys: InviteKeys) {
        if self.invites.len() < INVITES_PER_ROOM_MAX {
            self.invites.insert(keys.invite, keys);
        }
    }

    /// Forgets an invite that was never handed out.
    pub fn forget_invite(&mut self, invite: InviteId) {
        self.invites.remove(&invite);
    }

    /// The keys of an invite this door knows.
    #[must_use]
    pub fn invite(&self, invite: InviteId) -> Option<&InviteKeys> {
        self.invites.get(&invite)
    }

    /// The line for notes to whoever knocked; `None` unless the knock proves its device.
    #[must_use]
    pub fn doorstep_line(&self, knock: &VerifiedKnock) -> Option<DoorstepLine> {
        let keys = self.invites.get(&knock.invite)?;
        let room = self.rules.room;
        Some(DoorstepLine::new(keys, room, knock.participant, knock.device?, &knock.nonce))
    }

    /// Refuses an invite from here on, whatever the server says.
    pub fn revoke(&mut self, invite: InviteId) {
        self.revoked.insert(invite);
    }

    /// Checks a knock.  Nothing is used up by it: knocks come again while somebody waits.
    ///
    /// # Errors
    ///
    /// [`KnockRefused`]: it is not shown, and nobody is added by it.
    pub fn check(
        &self,
        participant: ParticipantId,
        invite: InviteId,
        knock: &Knock,
        now: UnixSeconds,
    ) -> Result<VerifiedKnock, KnockRefused> {
        let keys = self.invites.get(&invite).ok_or(KnockRefused::NoSuchInvite)?;
        if self.revoked.contains(&invite) {
            return Err(KnockRefused::NoSuchInvite);
        }
        let package = knock.key_package.as_slice();
        let spare = knock.spare_key_package.as_slice();
        let nonce = knock.nonce.as_slice();
        let statement = knock_statement(self.rules.room, package, spare, nonce);
        let key = keys.join_mac_key().expose();
        if !kdf::hmac_is_good(key, &[&statement], knock.mac.as_slice()) {
            return Err(KnockRefused::Forged);
        }
        let (name, proof) = keys
            .open_name_with(self.rules.room, &knock.sealed_name)
            .map_err(|_| KnockRefused::Forged)?;
        let claim = Claim::attendee(participant, invite);
        Ok(VerifiedKnock {
            participant,
            invite,
            name,
            device: Device::proven(&proof, &statement),
            nonce: nonce.to_vec(),
            package: self.check_package(package, &claim, now)?,
            spare: self.check_package(spare, &claim, now)?,
        })
    }

    /// Uses up the KeyPackage a knock is let in by.  Called when the commit is made, so that
    /// nobody is let in by the same one twice.
    ///
    /// # Errors
    ///
    /// [`KnockRefused::Replayed`] if it was used before.
    pub fn use_up(&mut self, knock: &VerifiedKnock) -> Result<(), KnockRefused> {
        if self.used.len() >= REMEMBERED_MAX {
            return Err(KnockRefused::TooMany);
        }
        let bytes =
            knock.package.tls_serialize_detached().map_err(|_| KnockRefused::BadKeyPackage)?;
        if self.used.insert(kdf::hash(&[&bytes])) {
            Ok(())
        } else {
            Err(KnockRefused::Replayed)
        }
    }

    fn check_package(
        &self,
        bytes: &[u8],
        claim: &Claim,
        now: UnixSeconds,
    ) -> Result<KeyPackage, KnockRefused> {
        let package = KeyPackageIn::tls_deserialize_exact(bytes)
            .ok()
            .and_then(|p| p.validate(self.provider.0.crypto(), ProtocolVersion::Mls10).ok())
            .ok_or(KnockRefused::BadKeyPackage)?;
        let made_for = self
            .rules
            .judge_key_package(&package, now)
            .map_err(|_| KnockRefused::BadKeyPackage)?;
        if made_for == *claim { Ok(package) } else { Err(KnockRefused::WrongParticipant) }
    }
}
