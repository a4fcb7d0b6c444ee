//! What members say to each other: sealed for the group, once each, and by whom.

use std::collections::BTreeMap;

use openmls::prelude::{ApplicationMessage, ContentType, ProcessedMessageContent, Sender};
use protocol::id::{Epoch, LeafIndex, ParticipantId};
use protocol::limits::APPLICATION_BYTES_MAX;
use protocol::opaque::Opaque;
use protocol::time::UnixSeconds;
use tls_codec::Serialize as _;

use super::{CannotOpen, CannotSeal, Group, Opened, private_message};
use crate::identity::Claim;
use crate::kdf;
use crate::message::{Heartbeat, Message, Payload};

/// The beats of one epoch: each names the one before it, so that none can be left out unseen.
#[derive(Default)]
pub(super) struct Chains {
    epoch: Epoch,
    own: [u8; 16],
    heard: BTreeMap<ParticipantId, [u8; 16]>,
}

impl Chains {
    fn enter(&mut self, epoch: Epoch) {
        if self.epoch != epoch {
            *self = Self { epoch, ..Self::default() };
        }
    }
}

fn chain(beat: &Heartbeat) -> [u8; 16] {
    half(kdf::hash(&[b"aman/beat/v1", &beat.bytes()]))
}

fn half(hash: [u8; 32]) -> [u8; 16] {
    let (half, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *half
}

impl Group {
    /// Seals a message for the others.
    ///
    /// # Errors
    ///
    /// [`CannotSeal`].
    pub fn seal_application(
        &mut self,
        message: &Message,
    ) -> Result<Opaque<APPLICATION_BYTES_MAX>, CannotSeal> {
        if !self.is_sound {
            return Err(CannotSeal::Closed);
        }
        let mac = match message {
            Message::Chat { .. } | Message::Saying { .. } | Message::Heartbeat(_) => None,
            Message::EpochAck { epoch } => Some(self.ack_mac(self.own_leaf(), *epoch)),
        };
        let payload = Payload { counter: self.sent, message: message.clone(), mac };
        let bytes = payload.encode().ok_or(CannotSeal::BadMessage)?;
        self.sent += 1;
        let sealed = self
            .mls
            .create_message(&self.provider, &self.key, &bytes)
            .ok()
            .and_then(|message| message.tls_serialize_detached().ok())
            .ok_or(CannotSeal::Failed)?;
        Opaque::new(sealed).map_err(|_| CannotSeal::BadMessage)
    }

    /// "I am in this epoch", for [`seal_application`](Self::seal_application).
    #[must_use]
    pub fn epoch_ack(&self) -> Message {
        Message::EpochAck { epoch: self.epoch() }
    }

    /// Where we are, for [`seal_application`](Self::seal_application).  `heard` are members we
    /// hear.  Each beat names the one before it, so it is made once and sealed once.
    pub fn heartbeat(&mut self, now: UnixSeconds, heard: &[ParticipantId]) -> Message {
        self.chains.enter(self.epoch());
        let is_heard = |claim: &Claim| heard.contains(&claim.participant());
        let leaves = self.members.iter().filter(|(_, claim)| is_heard(claim));
        let bits = leaves.map(|(leaf, _)| 1_u64.checked_shl(leaf.0).unwrap_or(0));
        let beat = Heartbeat {
            epoch: self.epoch(),
            transcript: self.transcript(),
            before: self.chains.own,
            heard: bits.fold(0, |all, bit| all | bit),
            at: now,
        };
        self.chains.own = chain(&beat);
        Message::Heartbeat(beat)
    }

    /// Half of the hash of the epoch's authenticator, which stands for all that led to it
    /// (RFC 9420 section 8.7).
    fn transcript(&self) -> [u8; 16] {
        let authenticator = self.mls.epoch_authenticator().as_slice();
        half(kdf::hash(&[b"aman/transcript/v1", authenticator]))
    }

    /// Whether a beat is of our epoch and follows the one before it; from one that does not,
    /// a new chain begins.
    fn beat_is_good(&mut self, from: ParticipantId, beat: &Heartbeat) -> bool {
        if beat.epoch != self.epoch() || beat.transcript != self.transcript() {
            return false;
        }
        self.chains.enter(self.epoch());
        let before = self.chains.heard.insert(from, chain(beat)).unwrap_or_default();
        before == beat.before
    }

    /// Opens a message.  What cannot be opened changes nothing.
    ///
    /// # Errors
    ///
    /// [`CannotOpen`].
    pub fn open_application(&mut self, bytes: &[u8]) -> Result<Opened, CannotOpen> {
        if !self.is_sound {
            return Err(CannotOpen::Closed);
        }
        let message = private_message(bytes).map_err(|_| CannotOpen::NotAuthentic)?;
        if message.content_type() != ContentType::Application {
            return Err(CannotOpen::NotAuthentic);
        }
        if message.group_id().as_slice() != self.id().as_bytes()
            || message.epoch() > self.mls.epoch()
        {
            return Err(CannotOpen::OtherEpoch);
        }
        let processed = self
            .mls
            .process_message(&self.provider, message)
            .map_err(|_| CannotOpen::NotAuthentic)?;
        let Sender::Member(leaf) = processed.sender() else {
            return Err(CannotOpen::NotAuthentic);
        };
        let leaf = LeafIndex(leaf.u32());
        let claim = Claim::of(processed.credential()).ok_or(CannotOpen::NotAuthentic)?;
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => {
                self.take_payload(leaf, claim.participant(), message)
            }
            ProcessedMessageContent::OwnPrivateMessage => Err(CannotOpen::Own),
            ProcessedMessageContent::ProposalMessage(_)
            | ProcessedMessageContent::ExternalJoinProposalMessage(_)
            | ProcessedMessageContent::StagedCommitMessage(_)
            | ProcessedMessageContent::OwnPendingCommit => Err(CannotOpen::NotAuthentic),
        }
    }

    fn take_payload(
        &mut self,
        leaf: LeafIndex,
        participant: ParticipantId,
        message: ApplicationMessage,
    ) -> Result<Opened, CannotOpen> {
        let payload = Payload::decode(&message.into_bytes()).ok_or(CannotOpen::NotOurs)?;
        if self.member_at(leaf).is_none_or(|member| member.participant != participant) {
            // The last words of somebody who is out already.
            return Err(CannotOpen::OtherEpoch);
        }
        let seen = self.seen.entry(participant).or_default();
        if !seen.is_fresh(payload.counter) {
            return Err(CannotOpen::Replayed);
        }
        seen.accept(payload.counter);
        if let (Message::EpochAck { epoch }, Some(mac)) = (&payload.message, &payload.mac) {
            let good = *epoch == self.epoch() && self.ack_is_good(leaf, *epoch, mac);
            if !good {
                return Err(CannotOpen::BadAck);
            }
        }
        if let Message::Heartbeat(beat) = &payload.message
            && !self.beat_is_good(participant, beat)
        {
            return Err(CannotOpen::BadBeat);
        }
        Ok(Opened { leaf, participant, counter: payload.counter, message: payload.message })
    }

    /// HMAC(epoch authenticator, "aman/ack/v1" || epoch || leaf).
    fn ack_mac(&self, leaf: LeafIndex, epoch: Epoch) -> [u8; 32] {
        let key = self.mls.epoch_authenticator().as_slice();
        kdf::hmac(key, &[b"aman/ack/v1", &epoch.0.to_be_bytes(), &leaf.0.to_be_bytes()])
    }

    fn ack_is_good(&self, leaf: LeafIndex, epoch: Epoch, mac: &[u8]) -> bool {
        let key = self.mls.epoch_authenticator().as_slice();
        let parts: [&[u8]; 3] = [b"aman/ack/v1", &epoch.0.to_be_bytes(), &leaf.0.to_be_bytes()];
        kdf::hmac_is_good(key, &parts, mac)
    }
}
