//! How an attendee's device gets into a group, and when it does not (E2EE.md 1.4, step 5).
//!
//! A Welcome is accepted only if all of this holds: it opens with a KeyPackage of ours and the
//! room secret, and with no other PSK; it leads into the room's group of the generation named,
//! newer than any before; the group's context is the one our rules make; it is signed by the
//! leaf of the counsellor whom the link's pin names; every other leaf's claim is proven and no
//! two claim one participant; our own leaf is as we made it.  The KeyPackage is used up either
//! way.

use openmls::prelude::{
    JoinBuilder, LeafNode, MlsMessageBodyIn, MlsMessageIn, ProcessedWelcome, StagedWelcome,
};
use protocol::id::{Generation, LeafIndex};
use protocol::limits::ROOM_MEMBERS_MAX;
use protocol::time::UnixSeconds;
use tls_codec::Deserialize as _;

use crate::door::{AttendeeIdentity, Seat};
use crate::group::{self, Group};
use crate::identity::Claim;
use crate::link::{CounsellorPin, RoomSecret};
use crate::policy::{self, Members, Refused, Rules, SUITE};

/// What the joiner knows before it looks inside.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Which group of the room it is said to be.  The group's id proves it.
    pub generation: Generation,
    /// The newest group this device was in, if any: only newer ones will do.
    pub newer_than: Option<Generation>,
    /// The room's secret, unwrapped with the invite's keys.
    pub room_secret: RoomSecret,
    /// Whom the link names.
    pub pin: CounsellorPin,
}

impl Group {
    /// Joins by a Welcome.
    ///
    /// # Errors
    ///
    /// [`Refused`]: it leads nowhere we want to be.
    pub fn join(
        identity: &mut AttendeeIdentity,
        welcome: &[u8],
        expect: &Expect,
        now: UnixSeconds,
    ) -> Result<Self, Refused> {
        if expect.newer_than.is_some_and(|newest| expect.generation <= newest) {
            return Err(Refused::WrongGroup);
        }
        let message =
            MlsMessageIn::tls_deserialize_exact(welcome).map_err(|_| Refused::Unreadable)?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            return Err(Refused::WrongKind);
        };
        if welcome.ciphersuite() != SUITE {
            return Err(Refused::WrongContext);
        }
        let rules =
            Rules { room: identity.room(), generation: expect.generation, owner: expect.pin };
        let seat = identity.take_seat(&welcome).ok_or(Refused::NotForUs)?;
        group::store_room_secret(&seat.provider, rules.room, &expect.room_secret)
            .ok_or(Refused::CannotOpen)?;

        let processed =
            ProcessedWelcome::new_from_welcome(&seat.provider, &group::config(), welcome)
                .map_err(|_| Refused::CannotOpen)?;
        rules.judge_psks(processed.psks())?;
        // Lifetimes of leaves are judged by us: those of members who have been here for long
        // may be over, and that is no reason to keep somebody out.
        let staged = JoinBuilder::new(&seat.provider, processed)
            .skip_lifetime_validation()
            .build()
            .map_err(|_| Refused::CannotOpen)?;
        let own = Claim::attendee(identity.participant(), identity.keys().invite);
        let members = judge_welcome(&rules, &staged, &seat, &own, now)?;
        let own_leaf = LeafIndex(staged.own_leaf_index().u32());
        let Seat { provider, key, .. } = seat;
        let mls = staged.into_group(&provider).map_err(|_| Refused::CannotOpen)?;

        let mut group = Self::new(mls, provider, key, rules, members);
        group.names.insert(own.participant(), identity.name().to_owned());
        group.compute_safety_code(own_leaf);
        Ok(group)
    }
}

/// Everything about the group that OpenMLS does not know.
fn judge_welcome(
    rules: &Rules,
    staged: &StagedWelcome,
    seat: &Seat,
    own: &Claim,
    now: UnixSeconds,
) -> Result<Members, Refused> {
    rules.judge_context(staged.group_context())?;
    let sender = staged.welcome_sender().map_err(|_| Refused::CannotOpen)?;
    let sender =
        rules.judge_leaf(sender.credential(), sender.signature_key().as_slice(), now)?;
    let Claim::Counsellor(_) = sender else {
        return Err(Refused::NotModerator);
    };
    let mut members = Members::new();
    for member in staged.members() {
        let claim = rules.judge_leaf(&member.credential, &member.signature_key, now)?;
        if members.values().any(|m: &Claim| m.participant() == claim.participant()) {
            return Err(Refused::Duplicate);
        }
        members.insert(LeafIndex(member.index.u32()), claim);
    }
    if members.len() > ROOM_MEMBERS_MAX
        || members
            .keys()
            .any(|leaf| usize::try_from(leaf.0).is_ok_and(|n| n >= ROOM_MEMBERS_MAX))
    {
        return Err(Refused::TooMany);
    }
    let ours = |leaf: &LeafNode| {
        leaf.signature_key().as_slice() == seat.key.public()
            && Claim::of(leaf.credential()).as_ref() == Some(own)
            && policy::came_by_short_lifetime(leaf)
    };
    if staged.own_leaf_node().is_some_and(ours) {
        Ok(members)
    } else {
        Err(Refused::NotOurLeaf)
    }
}
