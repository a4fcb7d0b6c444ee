//! A delivery service that does anything at all: what honest devices believe stays true.
//!
//! `PROPTEST_CASES=10000` makes it the 10,000 randomised runs of T-GHOST.

use std::collections::{BTreeMap, BTreeSet};

use e2ee::door::AttendeeIdentity;
use e2ee::group::{Group, Pending};
use openmls::prelude::tls_codec::Serialize as _;
use proptest::prelude::*;
use protocol::client::Knock;
use protocol::id::ParticipantId;
use protocol::opaque::Opaque;

use crate::raw::{self, Raw};
use crate::world::{COUNSELLOR, World, participant};

const N_PEOPLE: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody knocks; the server may put its own KeyPackage in.
    Knock { who: u32, swap: bool },
    /// The counsellor renews keys.
    Rekey,
    /// The counsellor removes somebody.
    Remove { who: u32 },
    /// The server answers the counsellor's commit, truly or not.
    Answer { accept: bool },
    /// The server brings somebody any commit ever made, whole or damaged.
    Bring { commit: usize, who: u32, damage: Option<(usize, u8)> },
    /// The server brings somebody any Welcome ever made.
    Welcome { commit: usize, who: u32, damage: Option<(usize, u8)> },
    /// The server brings the counsellor any commit ever made.
    BringBack { commit: usize, damage: Option<(usize, u8)> },
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = 1..=N_PEOPLE;
    let damage = prop::option::weighted(0.2, (any::<usize>(), 0..8_u8));
    prop_oneof![
        3 => (who.clone(), prop::bool::weighted(0.3)).prop_map(|(who, swap)| Step::Knock { who, swap }),
        1 => Just(Step::Rekey),
        1 => who.clone().prop_map(|who| Step::Remove { who }),
        4 => prop::bool::weighted(0.8).prop_map(|accept| Step::Answer { accept }),
        6 => (any::<usize>(), who.clone(), damage.clone())
            .prop_map(|(commit, who, damage)| Step::Bring { commit, who, damage }),
        4 => (any::<usize>(), who, damage.clone())
            .prop_map(|(commit, who, damage)| Step::Welcome { commit, who, damage }),
        1 => (any::<usize>(), damage).prop_map(|(commit, damage)| Step::BringBack { commit, damage }),
    ]
}

struct Chaos {
    world: World,
    counsellor: Group,
    identities: BTreeMap<u32, AttendeeIdentity>,
    groups: BTreeMap<u32, Group>,
    commits: Vec<Pending>,
    /// Whom the counsellor ever let in.
    let_in: BTreeSet<ParticipantId>,
}

impl Chaos {
    fn new() -> Self {
        let mut world = World::new(50);
        let counsellor = world.found(0);
        let identities = (1..=N_PEOPLE).map(|n| (n, world.attendee(n))).collect();
        let let_in = BTreeSet::from([COUNSELLOR]);
        let (groups, commits) = (BTreeMap::new(), Vec::new());
        Self { world, counsellor, identities, groups, commits, let_in }
    }

    fn step(&mut self, step: Step) {
        let now = self.world.now;
        match step {
            Step::Knock { who, swap } => self.knock(who, swap),
            Step::Rekey => self.commits.extend(self.counsellor.rekey(now)),
            Step::Remove { who } => {
                let members = self.counsellor.members();
                let leaf = members.iter().find(|m| m.participant == participant(who));
                if let Some(member) = leaf {
                    self.commits.extend(self.counsellor.remove(now, &[member.leaf]));
                }
            }
            Step::Answer { accept: true } => drop(self.counsellor.confirm_own(now)),
            Step::Answer { accept: false } => self.counsellor.discard_own(),
            Step::Bring { commit, who, damage } => {
                if let (Some(pending), Some(group)) =
                    (pick(&self.commits, commit), self.groups.get_mut(&who))
                {
                    group.handle_commit(now, &damaged(pending.commit.as_slice(), damage));
                }
            }
            Step::Welcome { commit, who, damage } => self.welcome(commit, who, damage),
            Step::BringBack { commit, damage } => {
                if let Some(pending) = pick(&self.commits, commit) {
                    let bytes = damaged(pending.commit.as_slice(), damage);
                    self.counsellor.handle_commit(now, &bytes);
                }
            }
        }
    }

    fn knock(&mut self, who: u32, swap: bool) {
        let person = self.identities.get_mut(&who).unwrap();
        let invite = person.keys().invite;
        let mut knock = person.knock(self.world.now).unwrap();
        if swap {
            knock = swapped(&self.world, who, invite, &knock);
        }
        let checked = self.world.door.check(participant(who), invite, &knock, self.world.now);
        assert_eq!(checked.is_err(), swap, "the door tells whose package it is");
        let Ok(knock) = checked else { return };
        let inside = self.counsellor.members();
        let old = inside.iter().find(|m| m.participant == participant(who)).map(|m| m.leaf);
        let made = self.counsellor.replace(self.world.now, old.as_slice(), &[knock]);
        if let Ok(pending) = made {
            self.let_in.insert(participant(who));
            self.commits.push(pending);
        }
    }

    fn welcome(&mut self, commit: usize, who: u32, damage: Option<(usize, u8)>) {
        let Some(bytes) = pick(&self.commits, commit).and_then(|p| p.welcome.as_ref()) else {
            return;
        };
        let bytes = damaged(bytes.as_slice(), damage);
        let person = self.identities.get_mut(&who).unwrap();
        if let Ok(group) = Group::join(person, &bytes, &self.world.expect(0), self.world.now) {
            self.groups.insert(who, group);
        }
    }

    /// Nobody is seen inside whom the counsellor did not let in, and an acknowledgement that
    /// opens was made by somebody who sees the same members.
    fn check(&mut self) -> Result<(), TestCaseError> {
        for group in std::iter::once(&self.counsellor).chain(self.groups.values()) {
            for member in group.members() {
                prop_assert!(self.let_in.contains(&member.participant), "{member:?}");
            }
        }
        let ack = self.counsellor.epoch_ack();
        let Ok(ack) = self.counsellor.seal_application(&ack) else { return Ok(()) };
        for group in self.groups.values_mut() {
            if group.open_application(ack.as_slice()).is_ok() {
                let leaves = |g: &Group| -> Vec<_> {
                    g.members().into_iter().map(|m| (m.leaf, m.participant)).collect()
                };
                prop_assert_eq!(leaves(group), leaves(&self.counsellor));
                prop_assert_eq!(group.epoch(), self.counsellor.epoch());
            }
        }
        Ok(())
    }
}

fn pick(commits: &[Pending], at: usize) -> Option<&Pending> {
    // Mostly the newest ones: those are what attacks are about.
    let newest = commits.len().checked_sub(1 + at % 4);
    newest.or_else(|| at.checked_rem(commits.len())).and_then(|at| commits.get(at))
}

fn damaged(bytes: &[u8], damage: Option<(usize, u8)>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some((at, bit)) = damage {
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
    }
    bytes
}

fn swapped(world: &World, who: u32, invite: protocol::id::InviteId, knock: &Knock) -> Knock {
    let ghost = Raw::new(|_| raw::attendee_claim(participant(who), invite));
    let package = ghost.key_package(raw::short(world.now)).tls_serialize_detached().unwrap();
    Knock { key_package: Opaque::new(package).unwrap(), ..knock.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_server_does_nobody_is_inside_whom_the_counsellor_did_not_let_in(
        steps in prop::collection::vec(any_step(), 1..40)
    ) {
        let mut chaos = Chaos::new();
        for step in steps {
            chaos.step(step);
            chaos.check()?;
        }
    }
}

/// A few runs by default; as many as `PROPTEST_CASES` says when it says so.
fn cases() -> u32 {
    let (given, usual) = (ProptestConfig::default().cases, 256);
    if given == usual { 40 } else { given }
}

#[test]
fn an_honest_server_leads_everybody_in() {
    let mut chaos = Chaos::new();
    for who in 1..=N_PEOPLE {
        chaos.step(Step::Knock { who, swap: false });
        chaos.step(Step::Answer { accept: true });
        for present in 1..who {
            chaos.step(Step::Bring { commit: 0, who: present, damage: None });
        }
        chaos.step(Step::Welcome { commit: 0, who, damage: None });
    }
    assert!(chaos.check().is_ok());
    assert_eq!(chaos.groups.len(), 3, "the steps can do their work: the property is not empty");
    assert!(chaos.groups.values().all(|group| group.epoch() == chaos.counsellor.epoch()));
}
