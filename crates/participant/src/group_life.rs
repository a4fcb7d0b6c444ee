//! The keys of the group: who has confirmed the epoch, from when on we seal with it, when old
//! keys go, when an encoder must start afresh.
//!
//! The server relays acknowledgements and may hold them back; it cannot make them up.  The worst
//! it gains is that we go on with the old keys for [`KEY_SWITCH_PATIENCE`], and never after a
//! removal.
//!
//! # Invariants
//!
//! - Without a key, or with one older than [`EPOCH_AGE_MAX`], nothing is sealed; nor between
//!   the moderator's word that somebody must go and the commit that removes them.
//! - Members count as confirmed in the epoch they proved to be in, and in no other.
//! - A key frame is asked for at most once a second, and after every key switch and newcomer.
//!
//! [`KEY_SWITCH_PATIENCE`]: protocol::limits::KEY_SWITCH_PATIENCE

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use e2ee::frames::{FrameOpener, FrameSealer, SealingEpoch};
use e2ee::group::Group;
use e2ee::key_switch::{Input as SwitchInput, KeyEpoch, KeySwitch, Output as SwitchOutput};
use protocol::client::{Application, ClientMessage};
use protocol::id::ParticipantId;
use protocol::limits::{EPOCH_AGE_MAX, REKEY_INTERVAL};
use protocol::media::TrackKind;
use protocol::time::{Timestamp, UnixSeconds};

use crate::connection::Connection;
use crate::output::Output;

/// When the keys of messages of past epochs are forgotten; a little after e2ee allows it.
const PAST_MESSAGES_PATIENCE: Duration = Duration::from_secs(32);

/// Least time between two requests for a key frame.
const KEY_FRAME_INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait before an acknowledgement that was refused is sent again.
const ACK_PAUSE: Duration = Duration::from_secs(2);

/// How a new epoch came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Began {
    /// The group is a new one for us: founded, or joined.
    NewGroup,
    /// A commit that removed somebody.
    Removal,
    /// Any other commit.
    Commit,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Ack {
    #[default]
    Settled,
    Due {
        at: Timestamp,
    },
    Sent {
        n: u32,
    },
}

/// See the module.
#[derive(Default)]
pub(crate) struct Keys {
    switch: KeySwitch,
    pub(crate) sealer: FrameSealer,
    pub(crate) opener: FrameOpener,
    next: Option<SealingEpoch>,
    epoch: Option<KeyEpoch>,
    epoch_at: Timestamp,
    others: BTreeSet<ParticipantId>,
    confirmed: BTreeSet<ParticipantId>,
    newcomers: BTreeSet<ParticipantId>,
    ack: Ack,
    forget_at: Option<Timestamp>,
    /// Who must not hear another word: nothing is sealed until they are out.
    leaving: BTreeSet<ParticipantId>,
    key_frame_due: bool,
    key_frame_at: Option<Timestamp>,
}

impl Keys {
    /// The group is in a new epoch.
    pub(crate) fn begin(
        &mut self,
        now: Timestamp,
        group: &mut Group,
        began: Began,
        is_connected: impl Fn(ParticipantId) -> bool,
    ) {
        let Some(frame_epoch) = group.frame_epoch() else {
            return;
        };
        let members = group.members().into_iter().filter(|member| !member.own);
        let others: BTreeSet<ParticipantId> =
            members.map(|member| member.participant).collect();
        // Nobody could open what was sealed before: no reason to wait.
        let was_alone = self.others.is_empty();
        let at_once = was_alone || began != Began::Commit;
        self.newcomers.retain(|who| others.contains(who));
        self.newcomers.extend(others.difference(&self.others).copied());

        self.leaving.retain(|who| others.contains(who));
        let epoch = frame_epoch.epoch();
        let (sealing, opening) = frame_epoch.split();
        self.opener.add_epoch(now, opening, began != Began::Commit);
        self.next = Some(sealing);
        self.epoch = Some(epoch);
        self.epoch_at = now;
        self.confirmed.clear();
        self.ack = if others.is_empty() { Ack::Settled } else { Ack::Due { at: now } };
        self.forget_at = Some(now + PAST_MESSAGES_PATIENCE);
        let waited_for = others.iter().copied().filter(|who| is_connected(*who)).collect();
        self.others = others;
        let begin = SwitchInput::Begin { epoch, others: waited_for, at_once };
        self.switch.handle_input(now, begin);
        self.carry_out();
    }

    /// A member proved to be in the epoch we are in.
    pub(crate) fn confirmed(&mut self, now: Timestamp, from: ParticipantId) {
        let Some(epoch) = self.epoch.filter(|_| self.others.contains(&from)) else {
            return;
        };
        self.confirmed.insert(from);
        self.switch.handle_input(now, SwitchInput::Ready { from, epoch });
        if self.newcomers.remove(&from) {
            self.key_frame_due = true;
        }
        self.carry_out();
    }

    /// Somebody is not connected any more: not waited for.
    pub(crate) fn left(&mut self, now: Timestamp, who: ParticipantId) {
        self.switch.handle_input(now, SwitchInput::Left { who });
        self.carry_out();
    }

    /// The server has request `n`.
    pub(crate) fn done(&mut self, n: u32) {
        if self.ack == (Ack::Sent { n }) {
            self.ack = Ack::Settled;
        }
    }

    /// The server refused request `n`.
    pub(crate) fn rejected(&mut self, now: Timestamp, n: u32) {
        if self.ack == (Ack::Sent { n }) {
            self.ack = Ack::Due { at: now + ACK_PAUSE };
        }
    }

    /// The WebSocket broke: an acknowledgement without an answer is sent again.
    pub(crate) fn connection_lost(&mut self, now: Timestamp) {
        if matches!(self.ack, Ack::Sent { .. }) {
            self.ack = Ack::Due { at: now };
        }
    }

    /// Somebody can open our frames again, from the next key frame on.
    pub(crate) fn want_key_frame(&mut self) {
        self.key_frame_due = true;
    }

    /// Seals nothing more before `who`, a member, is out.
    pub(crate) fn withhold_from(&mut self, who: ParticipantId) {
        if self.others.contains(&who) {
            self.leaving.insert(who);
        }
    }

    /// Whether nothing may be sealed before somebody is out.
    pub(crate) fn is_withheld(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Forgets every key.
    pub(crate) fn close(&mut self) {
        *self = Self::default();
    }

    /// Switches keys, acknowledges, forgets and asks for key frames, each when it is due.
    pub(crate) fn pump(
        &mut self,
        now: Timestamp,
        unix: UnixSeconds,
        group: Option<&mut Group>,
        connection: &mut Connection,
        out: &mut VecDeque<Output>,
    ) {
        self.switch.handle_input(now, SwitchInput::Tick);
        self.carry_out();
        self.opener.forget_old(now);
        if let Some(group) = group {
            if self.forget_at.take_if(|at| now >= *at).is_some() {
                group.forget_past(unix);
            }
            self.acknowledge(now, group, connection, out);
        }
        let may_ask = self.key_frame_at.is_none_or(|at| now >= at + KEY_FRAME_INTERVAL);
        if self.key_frame_due && may_ask {
            self.key_frame_due = false;
            self.key_frame_at = Some(now);
            out.push_back(Output::ForceKeyFrame { kind: TrackKind::Camera });
        }
    }

    /// Whether the epoch is too old to send in.
    pub(crate) fn is_too_old(&self, now: Timestamp) -> bool {
        now.since(self.epoch_at) >= EPOCH_AGE_MAX
    }

    /// When a moderator renews the keys of this epoch.
    pub(crate) fn rekey_at(&self) -> Option<Timestamp> {
        self.epoch.map(|_| self.epoch_at + REKEY_INTERVAL)
    }

    /// Members who have confirmed the epoch, ourselves included.
    pub(crate) fn n_confirmed(&self) -> usize {
        usize::from(self.epoch.is_some()) + self.confirmed.len()
    }

    pub(crate) fn poll_timeout(&self, is_entered: bool) -> Option<Timestamp> {
        let ack = match self.ack {
            Ack::Due { at } if is_entered => Some(at),
            Ack::Due { .. } | Ack::Settled | Ack::Sent { .. } => None,
        };
        let key_frame =
            self.key_frame_at.filter(|_| self.key_frame_due).map(|at| at + KEY_FRAME_INTERVAL);
        let others = [ack, key_frame, self.forget_at];
        let own = [self.switch.poll_timeout(), self.opener.poll_timeout()];
        others.into_iter().chain(own).flatten().min()
    }

    fn acknowledge(
        &mut self,
        now: Timestamp,
        group: &mut Group,
        connection: &mut Connection,
        out: &mut VecDeque<Output>,
    ) {
        match self.ack {
            Ack::Due { at } if now >= at && connection.is_entered() => (),
            Ack::Due { .. } | Ack::Settled | Ack::Sent { .. } => return,
        }
        let ack = group.epoch_ack();
        let Ok(message) = group.seal_application(&ack) else {
            self.ack = Ack::Settled;
            return;
        };
        let (id, epoch) = (group.id(), group.epoch());
        let application = Application { group: id, epoch, message, fleeting: false };
        if let Some(n) = connection.request(ClientMessage::Application(application), out) {
            self.ack = Ack::Sent { n };
        }
    }

    fn carry_out(&mut self) {
        while let Some(SwitchOutput::SealWith { epoch, not_ready: _ }) =
            self.switch.poll_output()
        {
            if let Some(next) = self.next.take_if(|next| next.epoch() == epoch) {
                self.sealer.use_epoch(next);
                self.key_frame_due = true;
            }
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({:?}, {} confirmed)", self.epoch, self.confirmed.len())
    }
}
