//! T-GHOST 1 to 6 (TESTPLAN.md 3.3), seen by whole clients: a malicious delivery service tries to
//! get somebody into a call who has no business there.  What the group refuses and why is tested
//! in `e2ee`; here is what becomes of the call: the person is warned at once, nothing more is
//! sent, and no key is left.

use e2ee::identity::CounsellorKey;
use e2ee::link::{CounsellorPin, RoomSecret};
use e2ee::policy;
use participant::Input;
use participant::output::Phase;
use protocol::client::Knock;
use protocol::id::{Epoch, Generation, InviteId, ParticipantId};
use protocol::media::{Mid, SlotBinding, TrackKind};
use protocol::opaque::Opaque;
use protocol::server::{Committed, Knocked, Place, Role, ServerMessage, Welcomed};
use std::time::Duration;

use crate::raw::{self, Evil, Raw};
use crate::server::{Line, Server};
use crate::world::{ANA, BEN, CEM, ROOM, ROOM_SECRET, World, desk, identity, link};

/// Runs of the random server: enough to meet every trick many times, within seconds.
const N_RUNS: u8 = 50;

#[test]
fn ghost_1_a_swapped_knock_is_not_shown_and_nobody_is_let_in_by_it() {
    let mut world = World::new(1);
    world.mangle = Some(Box::new(|_, _, mut message| {
        if let ServerMessage::Knocked(knocked) = &mut message {
            knocked.knock = swapped(knocked);
        }
        vec![message]
    }));
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();

    assert!(world.state(ANA).waiting.is_empty());
    let participant = world.id(BEN);
    world.tell(ANA, Input::Admit { participant });
    world.advance(Duration::from_secs(5));
    assert_eq!(world.state(ANA).n_members, 1);
    assert_eq!(world.phase(BEN), Phase::Waiting);
}

#[test]
fn ghost_1_a_fresh_page_lets_nobody_in_whom_the_server_says_it_let_in() {
    let mut world = waiting(9);
    let ben = world.id(BEN);
    world.server.guests.get_mut(&ben).unwrap().place = Place::Room;
    // Not a reload: the page has no note of anybody.
    world.cut(ANA);
    world.people[ANA].core = world.moderator_core();
    world.tell(ANA, Input::Start);
    world.advance(Duration::from_secs(5));
    assert_eq!(world.state(ANA).n_members, 1);
    assert_eq!(world.state(ANA).waiting.len(), 1, "has to ask like anybody");
}

#[test]
fn nothing_is_sealed_for_somebody_the_counsellor_removed_though_the_server_stalls() {
    let mut world = World::in_call(8);
    // The server keeps every commit to itself from here on.
    world.mangle = Some(Box::new(|_, _, message| {
        if matches!(message, ServerMessage::Committed(_)) { Vec::new() } else { vec![message] }
    }));
    assert!(world.hears(ANA, BEN));
    let participant = world.id(BEN);
    world.tell(ANA, Input::Remove { participant });
    world.settle();
    assert_eq!(world.seal(ANA, b"sound"), Err("no_key".to_owned()));
}

#[test]
fn the_server_cannot_call_off_a_removal() {
    let mut world = World::in_call(7);
    let participant = world.id(BEN);
    // A renewal of keys is on its way; its echo says that Ben is out already.
    world.mangle = Some(Box::new(move |_, _, mut message| {
        if let ServerMessage::Committed(committed) = &mut message {
            committed.removed = vec![participant];
        }
        vec![message]
    }));
    world.now = world.now + protocol::limits::REKEY_INTERVAL;
    world.tell(ANA, Input::Tick);
    world.tell(ANA, Input::Remove { participant });
    world.advance(Duration::from_secs(5));
    assert_eq!(world.state(ANA).n_members, 1, "{:?}", world.state(ANA));
}

#[test]
fn slots_that_are_two_things_at_once_are_not_bound() {
    let mut world = World::in_call(6);
    let bind = |mid: &str, publisher| SlotBinding {
        mid: Mid::new(mid).unwrap(),
        publisher: id(publisher),
        kind: TrackKind::Camera,
    };
    let good = vec![bind("3", 1), bind("5", 2)];
    for bad in [vec![bind("3", 1), bind("3", 2)], vec![bind("3", 1), bind("5", 1)]] {
        for bindings in [good.clone(), bad] {
            let to = world.id(BEN);
            world.server.tell(to, ServerMessage::Slots { bindings });
        }
        world.settle();
        assert_eq!(world.people[BEN].bindings, good);
    }
}

#[test]
fn ghost_2_a_session_of_somebody_else_is_refused_and_shown() {
    let (real, other) = (RoomSecret::from_bytes(ROOM_SECRET), RoomSecret::from_bytes([1; 32]));
    let stranger = CounsellorKey::from_bytes(&[66; 32]);
    // The server founds a group of its own; in the end it even knows the room secret.
    for (idc, secret) in [(&stranger, &other), (&stranger, &real), (&identity(), &other)] {
        let mut world = waiting(2);
        let psk = policy::psk_id(ROOM);
        let welcome = forged_welcome(&world, idc, &[(psk, secret)]);
        assert_warned_and_silent(&mut world, welcome);
    }
    let mut world = waiting(2);
    let psk = policy::psk_id(ROOM);
    let welcome = forged_welcome(&world, &identity(), &[(psk, &real)]);
    bring(&mut world, welcome);
    assert_eq!(world.unsafe_code(BEN), None, "control: the one who may is followed");
    assert_eq!(world.state(BEN).n_members, 2);
}

#[test]
fn ghost_2_a_room_secret_of_the_servers_making_is_refused() {
    let mut world = World::in_call(3);
    let ben = world.attendee_core(2, "Ben", 4);
    let cem = world.add(ben);
    world.settle();
    world.mangle = Some(Box::new(|_, _, mut message| {
        if let ServerMessage::Welcomed(welcomed) = &mut message {
            welcomed.wrapped_room_secret = Opaque::new(vec![7; 60]).unwrap();
        }
        vec![message]
    }));
    world.admit_all();
    assert_eq!(world.unsafe_code(cem).as_deref(), Some("E31"));
}

#[test]
fn ghost_3_a_welcome_without_the_room_secret_is_refused_and_shown() {
    let mut world = waiting(4);
    let welcome = forged_welcome(&world, &identity(), &[]);
    assert_warned_and_silent(&mut world, welcome);
}

#[test]
fn ghost_3_and_6_whoever_is_no_moderator_adds_nobody() {
    for with_secret in [false, true] {
        let mut world = World::in_call(5);
        let mut insider = raw_attendee(&mut world);
        let ghost = Raw::new(|_| raw::attendee_claim(id(999), InviteId::from_bytes([9; 16])));
        let adds = vec![ghost.key_package(raw::short(world.unix()))];
        let psks = if with_secret { vec![policy::psk_id(ROOM)] } else { Vec::new() };
        let (commit, _) = insider.commit(Evil { adds, psks, ..Evil::default() });
        let before = (world.people[ANA].sent.len(), world.people[BEN].sent.len());
        bring_commit(&mut world, &commit);

        for who in [ANA, BEN] {
            assert_eq!(world.unsafe_code(who).as_deref(), Some("E06"), "{who}");
            assert_eq!(world.seal(who, b"sound"), Err("no_key".to_owned()));
        }
        assert_eq!((world.people[ANA].sent.len(), world.people[BEN].sent.len()), before);
    }
}

#[test]
fn ghost_4_what_is_not_sealed_for_the_group_is_refused_and_shown() {
    let mut world = World::in_call(6);
    // A KeyPackage, a Welcome, and bytes without meaning stand for every message that
    // outsiders can make: external commits among them come unsealed, or not at all.
    let knock = world.server.guests[&world.id(BEN)].knock.clone().unwrap();
    bring_commit(&mut world, knock.key_package.as_slice());
    assert!(world.unsafe_code(BEN).is_some());
    assert!(world.unsafe_code(ANA).is_some());
}

#[test]
fn ghost_5_old_groups_knocks_and_commits_lead_nowhere() {
    let mut world = World::in_call(7);
    let old: Vec<ServerMessage> = world
        .server
        .said
        .iter()
        .map(|(_, message)| message.clone())
        .filter(|message| {
            matches!(message, ServerMessage::Welcomed(_) | ServerMessage::Committed(_))
        })
        .collect();
    let again = world.moderator_core();
    world.reload(ANA, again);
    world.advance(Duration::from_secs(5));
    let generation = world.server.group.unwrap().generation;
    assert!(generation > Generation(0));

    let before = world.state(BEN).clone();
    for message in old {
        for to in [ANA, BEN] {
            world.server.seq += 1;
            let message = with_seq(message.clone(), world.server.seq);
            let to = world.id(to);
            world.server.tell(to, message);
        }
    }
    world.settle();
    assert_eq!(world.state(BEN), &before);
    assert!(world.hears(ANA, BEN) && world.hears(BEN, ANA));
}

#[test]
fn ghost_random_tricks_let_nobody_in() {
    for seed in 0..N_RUNS {
        for half in [0, 1] {
            run_of_tricks(u64::from(seed) * 2 + half);
        }
    }
}

#[test]
fn ghost_control_whoever_has_a_link_and_is_admitted_does_get_in() {
    let mut world = World::in_call(9);
    let cem = world.attendee_core(2, "Cem", 2);
    world.add(cem);
    world.settle();
    world.admit_all();
    let sealed = world.seal(ANA, b"sound").unwrap();
    assert!(world.open(CEM, &sealed).is_ok());
}

/// One call over a server that plays tricks with every message, for a ghost it lets in.
fn run_of_tricks(seed: u64) {
    let mut world = World::new(u8::try_from(seed % 251).unwrap());
    let ghost_link = 66;
    let mut random = Dice(seed);
    world.settle();
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();
    // The server lets the ghost wait, by an invite of the server's own making.
    let keys = e2ee::link::InviteKeys::derive(&link(ghost_link));
    let wrapped = world.server.wrapped.values().next().unwrap().clone();
    world.server.wrapped.insert(keys.invite, wrapped);
    let core = world.attendee_core(ghost_link, "Ghost", 66);
    let ghost = world.add(core);
    world.settle();
    let ghost_id = world.id(ghost);
    let mut tricks = Tricks { dice: Dice(seed ^ 0x5eed), ghost_id, pool: Vec::new() };
    world.mangle =
        Some(Box::new(move |server, line, message| tricks.play(server, line, message)));

    for _ in 0..6 {
        match random.roll(6) {
            0 => {
                let again = world.attendee_core(1, "Ben", 1);
                world.reload(BEN, again);
            }
            1 => {
                let again = world.moderator_core();
                world.reload(ANA, again);
            }
            2 => world.cut(BEN),
            3 => world.tell(BEN, Input::SendChat { text: "hello".to_owned() }),
            _ => {
                world.settle();
                world.admit_all();
            }
        }
        world.advance(Duration::from_secs(random.roll(20)));
        let ghosts: Vec<ParticipantId> = world
            .server
            .guests
            .iter()
            .filter(|(_, guest)| guest.invite == Some(keys.invite))
            .map(|(id, _)| *id)
            .chain([ghost_id])
            .collect();
        for who in [ANA, BEN] {
            let Some(state) = world.people[who].state.clone() else { continue };
            let has_ghost = |id: &ParticipantId| ghosts.contains(id);
            let members = state.others.iter().filter(|other| other.leaf.is_some());
            let ids: Vec<ParticipantId> = members.map(|other| other.participant).collect();
            assert!(!ids.iter().any(has_ghost), "seed {seed}: a ghost is a member");
            if let Ok(sealed) = world.seal(who, b"for those inside") {
                assert!(world.open(ghost, &sealed).is_err(), "seed {seed}: the ghost hears");
            }
        }
        let n_members = world.people[ghost].state.as_ref().map_or(0, |state| state.n_members);
        assert_eq!(n_members, 0, "seed {seed}: the ghost is in a group");
    }
}

/// A server that plays tricks.
struct Tricks {
    dice: Dice,
    ghost_id: ParticipantId,
    pool: Vec<ServerMessage>,
}

impl Tricks {
    fn play(
        &mut self,
        server: &mut Server,
        _line: Line,
        message: ServerMessage,
    ) -> Vec<ServerMessage> {
        if self.pool.len() < 400 {
            self.pool.push(message.clone());
        }
        if self.dice.roll(4) != 0 {
            return vec![message];
        }
        let old = self.pool[self.dice.below(self.pool.len())].clone();
        match self.dice.roll(7) {
            0 => Vec::new(),
            1 => vec![message.clone(), message],
            2 => {
                server.seq += 1;
                vec![message, with_seq(old, server.seq)]
            }
            3 => vec![self.crossed(message, &old)],
            4 => vec![self.bent(message)],
            5 => vec![self.relabelled(message)],
            _ => {
                let ghost = server.guests.get(&self.ghost_id).and_then(|g| g.knock.clone());
                let invite = *server.wrapped.keys().next().unwrap();
                let knocked = ghost.map(|knock| {
                    ServerMessage::Knocked(Knocked {
                        participant: self.ghost_id,
                        invite,
                        place: if self.dice.roll(2) == 0 {
                            Place::Room
                        } else {
                            Place::Waiting
                        },
                        other_device: false,
                        returning: true,
                        waited_ms: 0,
                        knock,
                    })
                });
                [Some(message), knocked].into_iter().flatten().collect()
            }
        }
    }

    /// The envelope of one with the content of another.
    fn crossed(&mut self, message: ServerMessage, old: &ServerMessage) -> ServerMessage {
        use ServerMessage as M;
        if let (M::Welcomed(new), M::Welcomed(old)) = (&message, old) {
            return M::Welcomed(Welcomed { message: old.message.clone(), ..new.clone() });
        }
        if let (M::Committed(new), M::Committed(old)) = (&message, old) {
            return M::Committed(Committed { message: old.message.clone(), ..new.clone() });
        }
        if let (M::Knocked(new), M::Knocked(old)) = (&message, old) {
            let knock = match self.dice.roll(3) {
                0 => old.knock.clone(),
                1 => Knock { key_package: old.knock.key_package.clone(), ..new.knock.clone() },
                _ => Knock { mac: old.knock.mac.clone(), ..new.knock.clone() },
            };
            return M::Knocked(Knocked { knock, ..new.clone() });
        }
        message
    }

    /// One bit of the content turned.
    fn bent(&mut self, mut message: ServerMessage) -> ServerMessage {
        if let ServerMessage::Welcomed(welcomed) = &mut message {
            welcomed.message = self.bend(&welcomed.message);
        } else if let ServerMessage::Committed(committed) = &mut message {
            committed.message = self.bend(&committed.message);
        } else if let ServerMessage::Relayed(relayed) = &mut message {
            relayed.message = self.bend(&relayed.message);
        } else if let ServerMessage::Knocked(knocked) = &mut message {
            knocked.knock.key_package = self.bend(&knocked.knock.key_package);
        }
        message
    }

    fn bend<const MAX: usize>(&mut self, bytes: &Opaque<MAX>) -> Opaque<MAX> {
        let mut bytes = bytes.as_slice().to_vec();
        if !bytes.is_empty() {
            let at = self.dice.below(bytes.len());
            bytes[at] ^= 1 << self.dice.roll(8);
        }
        Opaque::new(bytes).unwrap()
    }

    /// Lies about who, where and which.
    fn relabelled(&mut self, mut message: ServerMessage) -> ServerMessage {
        let number = self.dice.roll(4);
        if let ServerMessage::Welcomed(welcomed) = &mut message {
            welcomed.generation = Generation(u32::try_from(number).unwrap());
        } else if let ServerMessage::Committed(committed) = &mut message {
            committed.epoch = Epoch(number);
            for added in &mut committed.added {
                added.participant = self.ghost_id;
            }
        } else if let ServerMessage::Knocked(knocked) = &mut message {
            knocked.place = Place::Room;
            knocked.returning = true;
            if number == 0 {
                knocked.participant = self.ghost_id;
            }
        } else if let ServerMessage::Present(presence) = &mut message {
            presence.participant = self.ghost_id;
            presence.role = Role::Moderator;
        } else if let ServerMessage::GroupOpened(opened) = &mut message {
            opened.generation = Generation(u32::try_from(number).unwrap());
        }
        message
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn below(&mut self, len: usize) -> usize {
        usize::try_from(self.roll(u64::try_from(len).unwrap())).unwrap()
    }
}

/// Ana in the room, Ben at the door.
fn waiting(seed: u8) -> World {
    let mut world = World::new(seed);
    world.settle();
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();
    assert_eq!(world.phase(BEN), Phase::Waiting);
    world
}

/// A Welcome for Ben, by a device that runs OpenMLS without our rules.
fn forged_welcome(
    world: &World,
    idc: &CounsellorKey,
    psks: &[(Vec<u8>, &RoomSecret)],
) -> Vec<u8> {
    let not_after = world.unix().plus(3600);
    let by = id(1);
    let mut moderator = Raw::new(|leaf| raw::counsellor_claim(idc, by, ROOM, leaf, not_after));
    for (id, secret) in psks {
        moderator.know_psk(id, secret);
    }
    let owner = CounsellorPin::of(&idc.public());
    let policy = raw::policy_bytes(ROOM, 0, owner.as_bytes());
    moderator.found(ROOM, 0, raw::extensions_of(policy));
    let knock = world.server.guests[&world.id(BEN)].knock.clone().unwrap();
    let adds = vec![raw::package_of(&knock)];
    let psks = psks.iter().map(|(id, _)| id.clone()).collect();
    let (_, welcome) = moderator.commit(Evil { adds, psks, ..Evil::default() });
    welcome.unwrap()
}

fn bring(world: &mut World, welcome: Vec<u8>) {
    let ben = world.id(BEN);
    world.server.seq += 1;
    let invite = world.server.guests[&ben].invite.unwrap();
    let welcomed = Welcomed {
        seq: world.server.seq,
        group: policy::group_id(ROOM, Generation(0)),
        generation: Generation(0),
        epoch: Epoch(1),
        by: id(1),
        message: Opaque::new(welcome).unwrap(),
        wrapped_room_secret: world.server.wrapped[&invite].clone(),
        present: Vec::new(),
    };
    world.server.tell(ben, ServerMessage::Welcomed(welcomed));
    world.settle();
}

fn bring_commit(world: &mut World, commit: &[u8]) {
    let group = world.server.group.unwrap();
    for to in [ANA, BEN] {
        let to = world.id(to);
        world.server.seq += 1;
        let committed = Committed {
            seq: world.server.seq,
            group: group.group,
            epoch: group.epoch,
            by: id(1),
            message: Opaque::new(commit.to_vec()).unwrap(),
            added: Vec::new(),
            removed: Vec::new(),
        };
        world.server.tell(to, ServerMessage::Committed(committed));
    }
    world.settle();
}

fn assert_warned_and_silent(world: &mut World, welcome: Vec<u8>) {
    let n_sent = world.people[BEN].sent.len();
    bring(world, welcome);
    assert!(world.unsafe_code(BEN).is_some(), "{:?}", world.phase(BEN));
    world.advance(Duration::from_secs(60));
    assert_eq!(world.people[BEN].sent.len(), n_sent, "nothing was sent after it");
    assert_eq!(world.people[BEN].line, None);
    assert_eq!(world.seal(BEN, b"sound"), Err("no_key".to_owned()));
}

/// Somebody with a link, let in by hand, who runs OpenMLS without our rules.
fn raw_attendee(world: &mut World) -> Raw {
    let cem = world.attendee_core(2, "Cem", 2);
    let cem = world.add(cem);
    world.settle();
    let who = world.id(cem);
    let invite = world.server.guests[&who].invite.unwrap();
    let mut insider = Raw::new(|_| raw::attendee_claim(who, invite));
    insider.know_psk(&policy::psk_id(ROOM), &RoomSecret::from_bytes(ROOM_SECRET));
    let package = insider.key_package(raw::short(world.unix()));
    let spare = insider.key_package(raw::short(world.unix()));
    let name = world.server.guests[&who].knock.clone().unwrap().sealed_name;
    let knock = raw::knock(&desk(), ROOM, 2, [&package, &spare], name.into_vec());
    // Its own knock takes the place of the honest client's, which goes off the line.
    world.people[cem].line = None;
    world.people[cem].is_online = false;
    world.server.guests.get_mut(&who).unwrap().knock = Some(knock.clone());
    let ana = world.id(ANA);
    let knocked = Knocked {
        participant: who,
        invite,
        place: Place::Waiting,
        other_device: false,
        returning: false,
        waited_ms: 0,
        knock,
    };
    world.server.tell(ana, ServerMessage::Knocked(knocked));
    world.settle();
    world.admit_all();
    let welcome = world.server.said.iter().rev().find_map(|(_, message)| {
        let ServerMessage::Welcomed(welcomed) = message else { return None };
        Some(welcomed.message.clone())
    });
    insider.join(welcome.unwrap().as_slice()).unwrap();
    assert_eq!(world.state(BEN).n_members, 3);
    insider
}

fn swapped(knocked: &Knocked) -> Knock {
    let ghost = Raw::new(|_| raw::attendee_claim(knocked.participant, knocked.invite));
    let now = raw::package_of(&knocked.knock).life_time().not_before() + 900;
    let package = ghost.key_package(raw::short(protocol::time::UnixSeconds(now)));
    use openmls::prelude::tls_codec::Serialize as _;
    let key_package = Opaque::new(package.tls_serialize_detached().unwrap()).unwrap();
    Knock { key_package, ..knocked.knock.clone() }
}

fn with_seq(mut message: ServerMessage, seq: u64) -> ServerMessage {
    if let ServerMessage::GroupOpened(opened) = &mut message {
        opened.seq = seq;
    } else if let ServerMessage::Committed(committed) = &mut message {
        committed.seq = seq;
    } else if let ServerMessage::Welcomed(welcomed) = &mut message {
        welcomed.seq = seq;
    } else if let ServerMessage::Relayed(relayed) = &mut message {
        relayed.seq = seq;
    }
    message
}

fn id(raw: u64) -> ParticipantId {
    ParticipantId::from_raw(raw)
}
