//! T-GHOST 1 to 6 (TESTPLAN.md 3.3): a malicious delivery service tries to get somebody into a
//! group who has no business there.
//!
//! Each attack is run twice: against our devices, which must refuse it, and as a control against
//! a device that runs OpenMLS as it is, or against ours with the one missing piece put right, so
//! that every test is seen to be able to fail.

use e2ee::door::{AttendeeIdentity, DeviceSecret, KnockRefused};
use e2ee::group::{CommitOutcome, Group};
use e2ee::identity::CounsellorKey;
use e2ee::link::RoomSecret;
use e2ee::message::Message;
use e2ee::policy::{self, Refused};
use e2ee::random::Randomness;
use e2ee::welcome::Expect;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    Extension, ExternalSender, KeyPackage, Lifetime, MlsGroup, MlsMessageIn, OpenMlsProvider,
    RequiredCapabilitiesExtension,
};
use proptest::prelude::*;
use protocol::client::Knock;
use protocol::id::{Generation, InviteId, LeafIndex, ParticipantId};
use protocol::opaque::Opaque;

use crate::raw::{self, Evil, Raw};
use crate::world::{COUNSELLOR, World, participant};

// ---- 1: the KeyPackage of a knock is swapped ---------------------------------------------

#[test]
fn ghost_1_a_swapped_key_package_is_not_shown_to_the_counsellor() {
    let mut world = World::new(20);
    let mut person = world.attendee(1);
    let invite = person.keys().invite;
    let honest = person.knock(world.now).unwrap();
    let ghost = ghost_package(&world, participant(1), invite);
    let check = |knock: &Knock| world.door.check(participant(1), invite, knock, world.now);

    let swapped = Knock { key_package: bytes_of(&ghost), ..honest.clone() };
    assert_eq!(check(&swapped).unwrap_err(), KnockRefused::Forged);
    let swapped = Knock { spare_key_package: bytes_of(&ghost), ..honest.clone() };
    assert_eq!(check(&swapped).unwrap_err(), KnockRefused::Forged);
    let exchanged = Knock {
        key_package: honest.spare_key_package.clone(),
        spare_key_package: honest.key_package.clone(),
        ..honest.clone()
    };
    assert_eq!(check(&exchanged).unwrap_err(), KnockRefused::Forged);

    assert!(check(&honest).is_ok(), "control: the untouched one is shown");
    let by_hand = made_with_the_link(&world, person.keys(), &ghost);
    assert!(check(&by_hand).is_ok(), "control: the MAC is what makes the difference");
}

#[test]
fn ghost_1_a_knock_is_good_for_its_invite_and_participant_alone() {
    let mut world = World::new(21);
    let mut person = world.attendee(1);
    let other = world.link(2).invite;
    let invite = person.keys().invite;
    let knock = person.knock(world.now).unwrap();
    let check = |p, i| world.door.check(p, i, &knock, world.now);

    assert_eq!(check(participant(1), other).unwrap_err(), KnockRefused::Forged);
    assert_eq!(check(participant(2), invite).unwrap_err(), KnockRefused::WrongParticipant);
    let unknown = InviteId::from_bytes([1; 16]);
    assert_eq!(check(participant(1), unknown).unwrap_err(), KnockRefused::NoSuchInvite);
    assert!(check(participant(1), invite).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever single bit of a knock the server turns.
    #[test]
    fn ghost_1_any_turned_bit_of_a_knock_is_noticed(part in 0..5_usize, at: usize, bit in 0..8_u8) {
        thread_local! {
            static HONEST: (World, Knock, InviteId) = {
                let mut world = World::new(22);
                let mut person = world.attendee(1);
                let knock = person.knock(world.now).unwrap();
                (world, knock, person.keys().invite)
            };
        }
        HONEST.with(|(world, honest, invite)| {
            let mut knock = honest.clone();
            match part {
                0 => turn(&mut knock.key_package, at, bit),
                1 => turn(&mut knock.spare_key_package, at, bit),
                2 => turn(&mut knock.nonce, at, bit),
                3 => turn(&mut knock.mac, at, bit),
                _ => turn(&mut knock.sealed_name, at, bit),
            }
            let outcome = world.door.check(participant(1), *invite, &knock, world.now);
            prop_assert_eq!(outcome.unwrap_err(), KnockRefused::Forged);
            Ok(())
        })?;
    }
}

#[test]
fn ghost_1_an_add_with_the_room_secret_shuts_out_who_does_not_know_it() {
    let world = World::new(23);
    let mut moderator = genuine(&world);
    let psk = policy::psk_id(world.room);
    let mut ghost =
        Raw::new(|_| raw::attendee_claim(participant(9), InviteId::from_bytes([9; 16])));
    let adds = vec![ghost.key_package(raw::short(world.now))];
    let (_, welcome) = moderator.commit(Evil { adds, psks: vec![psk], ..Evil::default() });
    assert!(ghost.join(&welcome.unwrap()).is_err(), "the PSK itself stops it");

    // Control: without the PSK the same ghost is in.  That is why members refuse such commits.
    moderator
        .group
        .as_mut()
        .unwrap()
        .clear_pending_commit(moderator.provider.storage())
        .unwrap();
    let adds = vec![ghost.key_package(raw::short(world.now))];
    let (_, welcome) = moderator.commit(Evil { adds, ..Evil::default() });
    moderator.merge_own();
    ghost.join(&welcome.unwrap()).unwrap();
    assert_eq!(ghost.base_key(), moderator.base_key());
}

// ---- 2: the server makes a session of its own --------------------------------------------

#[test]
fn ghost_2_a_session_of_somebody_else_is_refused() {
    let mut world = World::new(24);
    let other_idc = CounsellorKey::from_bytes(&[7; 32]);
    let other_secret = RoomSecret::from_bytes([7; 32]);
    let pin = *world.pin().as_bytes();
    let their_pin = *other_idc.pin().as_bytes();
    let impostor = |world: &World, owner: &[u8; 16]| {
        let mut raw = moderator_with(world, &other_idc);
        let policy = raw::policy_bytes(world.room, 0, owner);
        raw.found(world.room, 0, raw::extensions_of(policy));
        raw
    };

    // They know neither the room secret nor the identity key.
    let alone = impostor(&world, &their_pin);
    alone.know_psk(&policy::psk_id(world.room), &other_secret);
    assert_eq!(welcomed_by(&mut world, alone, 1), Err(Refused::CannotOpen));

    // Somebody of the group told them the room secret.
    let secret = world.secret();
    for owner in [their_pin, pin] {
        let helped = impostor(&world, &owner);
        helped.know_psk(&policy::psk_id(world.room), &secret);
        assert_eq!(welcomed_by(&mut world, helped, 1), Err(Refused::NotTheCounsellor));
    }

    // Control: the genuine counsellor, by the same means.
    let counsellor = genuine(&world);
    assert_eq!(welcomed_by(&mut world, counsellor, 1), Ok(()));
}

#[test]
fn ghost_2_a_counsellor_is_vouched_for_in_one_room_and_for_a_time() {
    let mut world = World::new(25);
    let other_room = protocol::id::RoomId::from_bytes([1; 16]);
    let day_after_tomorrow = world.now.plus(48 * 3600);
    let cases = [
        (other_room, world.now.plus(3600), Refused::BadClaim),
        (world.room, world.now, Refused::BadClaim),
        (world.room, day_after_tomorrow, Refused::BadClaim),
    ];
    for (room, not_after, refused) in cases {
        let (idc, secret) = (world.idc.clone(), world.secret());
        let mut raw =
            Raw::new(|leaf| raw::counsellor_claim(&idc, COUNSELLOR, room, leaf, not_after));
        raw.know_psk(&policy::psk_id(world.room), &secret);
        raw.found(world.room, 0, policy_of(&world, 0));
        assert_eq!(welcomed_by(&mut world, raw, 1), Err(refused));
    }
}

#[test]
fn ghost_2_a_group_with_another_context_is_refused() {
    let mut world = World::new(26);
    let pin = *world.pin().as_bytes();
    let good = raw::policy_bytes(world.room, 0, &pin);
    let mut locked = good.clone();
    let at = good.len() - 11;
    locked[at] = 1;
    let mut sframe_bits = good.clone();
    sframe_bits[at + 1] = 5;
    let longer = [good.as_slice(), &[0]].concat();
    let other_room = raw::policy_bytes(protocol::id::RoomId::from_bytes([1; 16]), 0, &pin);
    for bad in [locked, sframe_bits, longer, other_room, Vec::new()] {
        let raw = genuine_with(&world, raw::extensions_of(bad));
        assert_eq!(welcomed_by(&mut world, raw, 1), Err(Refused::WrongContext));
    }
    let control = genuine_with(&world, raw::extensions_of(good));
    assert_eq!(welcomed_by(&mut world, control, 1), Ok(()));
}

#[test]
fn ghost_2_a_second_counsellor_or_double_in_the_group_is_refused() {
    let mut world = World::new(27);
    let psk = policy::psk_id(world.room);
    for double in [COUNSELLOR, participant(1)] {
        let mut moderator = genuine(&world);
        let lurker = ghost_package(&world, double, InviteId::from_bytes([5; 16]));
        moderator.commit(Evil {
            adds: vec![lurker],
            psks: vec![psk.clone()],
            ..Evil::default()
        });
        moderator.merge_own();
        assert_eq!(welcomed_by(&mut world, moderator, 1), Err(Refused::Duplicate));
    }
}

// ---- 3: an Add without the room secret ---------------------------------------------------

#[test]
fn ghost_3_a_staged_add_without_the_room_secret_is_refused() {
    let mut world = World::new(28);
    let (mut moderator, mut person, mut naive) = three(&mut world);
    let mut ghost =
        Raw::new(|_| raw::attendee_claim(participant(9), InviteId::from_bytes([9; 16])));
    let adds = vec![ghost.key_package(raw::short(world.now))];
    let (commit, welcome) = moderator.commit(Evil { adds, ..Evil::default() });
    moderator.merge_own();

    let before = person.members();
    let outcome = person.handle_commit(world.now, &commit);
    assert_eq!(outcome, CommitOutcome::Refused(Refused::NoRoomSecret));
    assert_eq!(person.members(), before);
    assert!(person.frame_epoch().is_none() && person.seal_application(&chat()).is_err());

    naive.accept(&commit).expect("control: OpenMLS alone accepts it");
    ghost.join(&welcome.unwrap()).unwrap();
    assert_eq!(ghost.base_key(), naive.base_key(), "control: and the ghost hears everything");
}

#[test]
fn ghost_3_a_welcome_without_the_room_secret_is_refused() {
    let mut world = World::new(29);
    let mut moderator = genuine(&world);
    let mut person = world.attendee(1);
    let package = raw::package_of(&person.knock(world.now).unwrap());
    let (_, welcome) = moderator.commit(Evil { adds: vec![package], ..Evil::default() });
    let joined = Group::join(&mut person, &welcome.unwrap(), &world.expect(0), world.now);
    assert_eq!(joined.unwrap_err(), Refused::NoRoomSecret);
}

#[test]
fn ghost_3_no_other_secret_takes_its_place() {
    let mut world = World::new(30);
    let psk = policy::psk_id(world.room);
    let other = b"aman/other/r1".to_vec();
    for psks in [vec![other.clone()], vec![psk.clone(), other.clone()]] {
        let mut moderator = genuine(&world);
        moderator.know_psk(&other, &RoomSecret::from_bytes([3; 32]));
        let mut person = world.attendee(1);
        let package = raw::package_of(&person.knock(world.now).unwrap());
        let evil = Evil { adds: vec![package], psks, ..Evil::default() };
        let (_, welcome) = moderator.commit(evil);
        let joined = Group::join(&mut person, &welcome.unwrap(), &world.expect(0), world.now);
        assert_eq!(joined.unwrap_err(), Refused::CannotOpen);
    }

    let (mut moderator, mut person, _) = three(&mut world);
    let (commit, _) = moderator.commit(Evil { psks: vec![psk], ..Evil::default() });
    let outcome = person.handle_commit(world.now, &commit);
    assert_eq!(outcome, CommitOutcome::Refused(Refused::WrongSecret), "no add, no secret");
}

// ---- 4: an external commit ---------------------------------------------------------------

#[test]
fn ghost_4_external_commits_are_refused_whatever_secret_they_carry() {
    let mut world = World::new(31);
    let wrong = RoomSecret::from_bytes([1; 32]);
    for (secret, openmls_accepts) in
        [(None, true), (Some(wrong), false), (Some(world.secret()), true)]
    {
        let (moderator, mut person, mut naive) = three(&mut world);
        let commit =
            external_commit(&world, moderator.group.as_ref().unwrap(), &moderator, secret);

        let outcome = person.handle_commit(world.now, &commit);
        assert_eq!(outcome, CommitOutcome::Refused(Refused::NotPrivate));
        let control = naive.accept(&commit);
        assert_eq!(control.is_ok(), openmls_accepts, "{control:?}");
    }
}

// ---- 5: something old again --------------------------------------------------------------

#[test]
fn ghost_5_nobody_is_let_in_by_the_same_key_package_twice() {
    let mut world = World::new(32);
    let mut person = world.attendee(1);
    let knock = world.let_in(&mut person, 1);

    assert_eq!(world.door.use_up(&knock), Ok(()));
    assert_eq!(world.door.use_up(&knock), Err(KnockRefused::Replayed));
    assert_eq!(
        world.door.use_up(&knock.clone().by_spare()),
        Ok(()),
        "the spare is another one"
    );
}

#[test]
fn ghost_5_a_device_is_proven_by_the_knock_and_not_by_the_link() {
    let mut world = World::new(35);
    let device = |byte| DeviceSecret::from_bytes([byte; 16]);
    let mut on = |device: &DeviceSecret| {
        let mut person = world.attendee(1).on_device(device);
        world.let_in(&mut person, 1).device
    };
    let first = on(&device(1));
    assert!(first.is_some());
    assert_eq!(on(&device(1)), first, "after a reload, with new KeyPackages");
    assert_ne!(on(&device(2)), first);
    assert_ne!(world.attendee(1).keys().invite, world.attendee(2).keys().invite);
    let mut elsewhere = world.attendee(2).on_device(&device(1));
    assert_ne!(
        world.let_in(&mut elsewhere, 2).device,
        first,
        "links cannot be told to be one's"
    );

    // Whoever else has the link reads the proof; it is good for those KeyPackages alone.
    let mut person = world.attendee(1).on_device(&device(1));
    let honest = person.knock(world.now).unwrap();
    let keys = person.keys().clone();
    let package = ghost_package(&world, participant(1), keys.invite);
    let mut stolen = made_with_the_link(&world, &keys, &package);
    stolen.sealed_name = honest.sealed_name;
    let stolen = world.door.check(participant(1), keys.invite, &stolen, world.now).unwrap();
    assert_eq!(stolen.device, None);
}

#[test]
fn ghost_5_a_revoked_or_expired_knock_is_refused() {
    let mut world = World::new(33);
    let mut person = world.attendee(1);
    let invite = person.keys().invite;
    let knock = person.knock(world.now).unwrap();
    let later = world.now.plus(2 * 3600);
    let check = |world: &World, now| world.door.check(participant(1), invite, &knock, now);

    assert_eq!(check(&world, later).unwrap_err(), KnockRefused::BadKeyPackage);
    assert!(check(&world, world.now).is_ok());
    world.door.revoke(invite);
    assert_eq!(check(&world, world.now).unwrap_err(), KnockRefused::NoSuchInvite);
}

#[test]
fn ghost_5_key_packages_that_live_too_long_are_refused_everywhere() {
    let mut world = World::new(34);
    let keys = world.link(1);
    let raw = Raw::new(|_| raw::attendee_claim(participant(1), keys.invite));
    let three_months = Lifetime::init(world.now.0 - 900, world.now.0 + 84 * 24 * 3600);
    let long = raw.key_package(three_months);
    let knock = made_with_the_link(&world, &keys, &long);
    let checked = world.door.check(participant(1), keys.invite, &knock, world.now);
    assert_eq!(checked.unwrap_err(), KnockRefused::BadKeyPackage);

    let (mut moderator, mut person, mut naive) = three(&mut world);
    let psks = vec![policy::psk_id(world.room)];
    let (commit, _) = moderator.commit(Evil { adds: vec![long], psks, ..Evil::default() });
    let outcome = person.handle_commit(world.now, &commit);
    assert_eq!(outcome, CommitOutcome::Refused(Refused::BadKeyPackage));
    naive.accept(&commit).expect("control: OpenMLS alone takes it");
}

#[test]
fn ghost_5_an_older_group_is_not_joined_again() {
    let mut world = World::new(35);
    let mut person = world.attendee(1);
    for (newest, said, refused) in [
        (Some(1), 1, Some(Refused::WrongGroup)),
        (Some(2), 1, Some(Refused::WrongGroup)),
        (None, 2, Some(Refused::WrongGroup)),
        (Some(0), 1, None),
    ] {
        let knock = world.let_in(&mut person, 1);
        let mut counsellor = world.found(1);
        let welcome = counsellor.add(world.now, &[knock]).unwrap().welcome.unwrap();
        let expect = Expect { newer_than: newest.map(Generation), ..world.expect(said) };
        let joined = Group::join(&mut person, welcome.as_slice(), &expect, world.now);
        assert_eq!(joined.err(), refused, "in {newest:?}, said to be {said}");
    }
}

#[test]
fn ghost_5_a_welcome_is_used_once() {
    let mut world = World::new(36);
    let mut person = world.attendee(1);
    let knock = world.let_in(&mut person, 1);
    let pending = world.found(0).add(world.now, &[knock]).unwrap();
    assert!(world.join(&mut person, &pending).is_ok());
    assert_eq!(world.join(&mut person, &pending).unwrap_err(), Refused::NotForUs);
}

// ---- 6: somebody who may not commits or proposes -----------------------------------------

#[test]
fn ghost_6_a_participants_commit_is_refused() {
    let mut world = World::new(37);
    let (mut counsellor, mut attendee) = with_raw_attendee(&mut world);
    let (commit, _) = attendee.commit(Evil::default());
    let outcome = counsellor.handle_commit(world.now, &commit);
    assert_eq!(outcome, CommitOutcome::Refused(Refused::NotModerator));

    let (mut counsellor, mut attendee) = with_raw_attendee(&mut world);
    let (commit, _) = attendee.commit(Evil { removes: vec![0], ..Evil::default() });
    let outcome = counsellor.handle_commit(world.now, &commit);
    assert_eq!(outcome, CommitOutcome::Refused(Refused::NotModerator));
}

#[test]
fn ghost_6_a_participants_proposal_is_refused() {
    let mut world = World::new(38);
    let (mut counsellor, mut attendee) = with_raw_attendee(&mut world);
    let group = attendee.group.as_mut().unwrap();
    let (proposal, _) = group
        .propose_remove_member(
            &attendee.provider,
            &attendee.signer,
            openmls::prelude::LeafNodeIndex::new(0),
        )
        .unwrap();
    let proposal = proposal.tls_serialize_detached().unwrap();
    assert!(counsellor.open_application(&proposal).is_err());
    let outcome = counsellor.handle_commit(world.now, &proposal);
    assert_eq!(outcome, CommitOutcome::Refused(Refused::WrongKind));
}

#[test]
fn ghost_6_a_group_that_lets_the_server_propose_is_refused() {
    let mut world = World::new(39);
    let server = Raw::new(|_| b"server".to_vec());
    let sender = ExternalSender::new(
        server.signer.public().into(),
        server.credential.credential.clone(),
    );
    let mut extensions = policy_of(&world, 0);
    extensions.add(Extension::ExternalSenders(vec![sender])).unwrap();

    let joining = genuine_with(&world, extensions.clone());
    assert_eq!(welcomed_by(&mut world, joining, 1), Err(Refused::WrongContext));

    let needed = RequiredCapabilitiesExtension::new(&[raw::POLICY_TYPE], &[], &[]);
    extensions.add(Extension::RequiredCapabilities(needed)).unwrap();
    let (mut moderator, mut person, mut naive) = three(&mut world);
    let (commit, _) = moderator.commit(Evil { context: Some(extensions), ..Evil::default() });
    let outcome = person.handle_commit(world.now, &commit);
    assert_eq!(outcome, CommitOutcome::Refused(Refused::ForbiddenProposal));
    naive.accept(&commit).expect("control: OpenMLS alone takes it");
}

#[test]
fn ghost_6_even_a_moderator_may_not_do_everything() {
    type Make = fn(&World) -> Evil;
    let cases: [(Make, Refused); 4] = [
        (
            |w| Evil {
                adds: (0..9)
                    .map(|n| {
                        ghost_package(w, participant(20 + n), InviteId::from_bytes([4; 16]))
                    })
                    .collect(),
                psks: vec![policy::psk_id(w.room)],
                ..Evil::default()
            },
            Refused::TooMany,
        ),
        (
            |w| Evil {
                adds: vec![ghost_package(w, participant(1), InviteId::from_bytes([4; 16]))],
                psks: vec![policy::psk_id(w.room)],
                ..Evil::default()
            },
            Refused::Duplicate,
        ),
        (
            |w| {
                let second = moderator_with(w, &w.idc);
                Evil {
                    adds: vec![second.key_package(raw::short(w.now))],
                    psks: vec![policy::psk_id(w.room)],
                    ..Evil::default()
                }
            },
            Refused::BadClaim,
        ),
        (
            |_| Evil {
                new_claim: Some(raw::attendee_claim(COUNSELLOR, InviteId::from_bytes([4; 16]))),
                ..Evil::default()
            },
            Refused::IdentityChanged,
        ),
    ];
    for (make, refused) in cases {
        let mut world = World::new(40);
        let (mut moderator, mut person, mut naive) = three(&mut world);
        let (commit, _) = moderator.commit(make(&world));
        let outcome = person.handle_commit(world.now, &commit);
        assert_eq!(outcome, CommitOutcome::Refused(refused));
        naive.accept(&commit).expect("control: OpenMLS alone takes it");
    }
}

#[test]
fn ghost_6_the_same_moderator_may_do_what_is_allowed() {
    let mut world = World::new(41);
    let (mut moderator, mut person, _) = three(&mut world);
    let adds = vec![ghost_package(&world, participant(8), InviteId::from_bytes([8; 16]))];
    let psks = vec![policy::psk_id(world.room)];
    let (commit, _) =
        moderator.commit(Evil { adds, psks, removes: vec![2], ..Evil::default() });
    let outcome = person.handle_commit(world.now, &commit);
    let CommitOutcome::Accepted(change) = outcome else { panic!("{outcome:?}") };
    assert_eq!(change.added[0].leaf, LeafIndex(2));
    assert_eq!(change.removed[0].participant, participant(2));
}

// ---- removed members, and anything at all ------------------------------------------------

#[test]
fn a_removed_device_that_keeps_everything_gets_no_newer_key() {
    let mut world = World::new(42);
    let (mut counsellor, mut gone) = with_raw_attendee(&mut world);
    let shared = gone.base_key();
    let pending = counsellor.remove(world.now, &[LeafIndex(1)]).unwrap();
    counsellor.confirm_own(world.now).unwrap();
    let sealed = counsellor.seal_application(&chat()).unwrap();

    let mut keeps = |message: &[u8]| {
        let message = MlsMessageIn::tls_deserialize_exact(message).unwrap();
        let group = gone.group.as_mut().unwrap();
        let message = message.try_into_protocol_message().unwrap();
        group.process_message(&gone.provider, message).map(|_| ())
    };
    assert!(keeps(pending.commit.as_slice()).is_ok(), "they see that they are out");
    assert!(keeps(sealed.as_slice()).is_err(), "and no more than that");
    assert_eq!(gone.base_key(), shared, "their newest key is the old one");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// Whatever the server makes of a commit: refused or ignored, never half done.
    #[test]
    fn any_damage_to_a_commit_is_refused_or_ignored(at: usize, bit in 0..8_u8, cut in any::<bool>()) {
        let mut world = World::new(43);
        let (mut counsellor, mut person) = world.call();
        let mut bytes = counsellor.rekey(world.now).unwrap().commit.into_vec();
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        let outcome = person.handle_commit(world.now, &bytes);
        let harmless = matches!(outcome, CommitOutcome::Refused(_) | CommitOutcome::Ignored(_));
        prop_assert!(harmless, "{outcome:?}");
        prop_assert_eq!(person.epoch(), counsellor.epoch());
    }

    /// Whatever bytes are brought as a commit, a message or a Welcome.
    #[test]
    fn any_bytes_are_refused_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut world = World::new(44);
        let (mut counsellor, _) = world.call();
        prop_assert!(counsellor.open_application(&bytes).is_err());
        let mut person = world.attendee(2);
        prop_assert!(Group::join(&mut person, &bytes, &world.expect(0), world.now).is_err());
        let outcome = counsellor.handle_commit(world.now, &bytes);
        prop_assert!(matches!(outcome, CommitOutcome::Refused(_)), "{outcome:?}");
    }
}

// ---- the attacker's tools ----------------------------------------------------------------

fn chat() -> Message {
    Message::Chat { text: "between us".into() }
}

fn turn<const MAX: usize>(bytes: &mut Opaque<MAX>, at: usize, bit: u8) {
    let mut turned = bytes.as_slice().to_vec();
    let at = at % turned.len();
    turned[at] ^= 1 << bit;
    *bytes = Opaque::new(turned).unwrap();
}

fn bytes_of<const MAX: usize>(package: &KeyPackage) -> Opaque<MAX> {
    Opaque::new(package.tls_serialize_detached().unwrap()).unwrap()
}

fn ghost_package(world: &World, participant: ParticipantId, invite: InviteId) -> KeyPackage {
    Raw::new(|_| raw::attendee_claim(participant, invite)).key_package(raw::short(world.now))
}

/// A knock around `package` by somebody who has the first link.
fn made_with_the_link(
    world: &World,
    keys: &e2ee::link::InviteKeys,
    package: &KeyPackage,
) -> Knock {
    let name = keys.seal_name(world.room, "Ghost", &Randomness::from_seed([1; 32])).unwrap();
    raw::knock(&world.desk, world.room, 1, [package, package], name.into_vec())
}

fn policy_of(
    world: &World,
    generation: u32,
) -> openmls::prelude::Extensions<openmls::prelude::GroupContext> {
    let pin = *world.pin().as_bytes();
    raw::extensions_of(raw::policy_bytes(world.room, generation, &pin))
}

fn moderator_with(world: &World, idc: &CounsellorKey) -> Raw {
    let not_after = world.now.plus(3600);
    Raw::new(|leaf| raw::counsellor_claim(idc, COUNSELLOR, world.room, leaf, not_after))
}

/// The counsellor with all their keys, but without our rules.
fn genuine(world: &World) -> Raw {
    genuine_with(world, policy_of(world, 0))
}

fn genuine_with(
    world: &World,
    extensions: openmls::prelude::Extensions<openmls::prelude::GroupContext>,
) -> Raw {
    let mut raw = moderator_with(world, &world.idc);
    raw.know_psk(&policy::psk_id(world.room), &world.secret());
    raw.found(world.room, 0, extensions);
    raw
}

/// What the person with the first link makes of a Welcome by `moderator`.
fn welcomed_by(world: &mut World, mut moderator: Raw, number: u32) -> Result<(), Refused> {
    let mut person: AttendeeIdentity = world.attendee(number);
    let package = raw::package_of(&person.knock(world.now).unwrap());
    let psks = vec![policy::psk_id(world.room)];
    let (_, welcome) = moderator.commit(Evil { adds: vec![package], psks, ..Evil::default() });
    Group::join(&mut person, &welcome.unwrap(), &world.expect(0), world.now).map(|_| ())
}

/// A genuine counsellor without rules, an honest person, and a device that runs OpenMLS alone.
fn three(world: &mut World) -> (Raw, Group, Raw) {
    let mut moderator = genuine(world);
    let mut person = world.attendee(1);
    let mut naive =
        Raw::new(|_| raw::attendee_claim(participant(2), InviteId::from_bytes([2; 16])));
    naive.know_psk(&policy::psk_id(world.room), &world.secret());
    let adds = vec![
        raw::package_of(&person.knock(world.now).unwrap()),
        naive.key_package(raw::short(world.now)),
    ];
    let psks = vec![policy::psk_id(world.room)];
    let (_, welcome) = moderator.commit(Evil { adds, psks, ..Evil::default() });
    moderator.merge_own();
    let welcome = welcome.unwrap();
    naive.join(&welcome).unwrap();
    let person = Group::join(&mut person, &welcome, &world.expect(0), world.now).unwrap();
    (moderator, person, naive)
}

/// An honest counsellor, and a person whose device runs OpenMLS alone.
fn with_raw_attendee(world: &mut World) -> (Group, Raw) {
    let keys = world.link(1);
    let mut attendee = Raw::new(|_| raw::attendee_claim(participant(1), keys.invite));
    attendee.know_psk(&policy::psk_id(world.room), &world.secret());
    let package = attendee.key_package(raw::short(world.now));
    let knock = made_with_the_link(world, &keys, &package);
    let knock = world.door.check(participant(1), keys.invite, &knock, world.now).unwrap();
    let mut counsellor = world.found(0);
    let pending = counsellor.add(world.now, &[knock]).unwrap();
    counsellor.confirm_own(world.now).unwrap();
    attendee.join(pending.welcome.unwrap().as_slice()).unwrap();
    (counsellor, attendee)
}

/// An external commit into `group`, whose public state the server somehow has.
fn external_commit(
    world: &World,
    group: &MlsGroup,
    moderator: &Raw,
    secret: Option<RoomSecret>,
) -> Vec<u8> {
    let info = group
        .export_group_info(moderator.provider.crypto(), &moderator.signer, true)
        .unwrap()
        .tls_serialize_detached()
        .unwrap();
    let info = MlsMessageIn::tls_deserialize_exact(info).unwrap();
    let openmls::prelude::MlsMessageBodyIn::GroupInfo(info) = info.extract() else {
        panic!("not a GroupInfo")
    };
    let server =
        Raw::new(|_| raw::attendee_claim(participant(7), InviteId::from_bytes([7; 16])));
    let mut builder = MlsGroup::external_commit_builder()
        .build_group(&server.provider, info, server.credential.clone())
        .unwrap()
        .leaf_node_parameters(
            openmls::prelude::LeafNodeParameters::builder()
                .with_capabilities(raw::capabilities())
                .build(),
        );
    if let Some(secret) = secret {
        let id = policy::psk_id(world.room);
        server.know_psk(&id, &secret);
        builder = builder.add_psk_proposal(openmls::prelude::PreSharedKeyProposal::new(
            openmls::schedule::PreSharedKeyId::external(id, vec![2; 32]),
        ));
    }
    let (_, bundle) = builder
        .load_psks(server.provider.storage())
        .unwrap()
        .build(server.provider.rand(), server.provider.crypto(), &server.signer, |_| true)
        .unwrap()
        .finalize(&server.provider)
        .unwrap();
    bundle.commit().tls_serialize_detached().unwrap()
}
