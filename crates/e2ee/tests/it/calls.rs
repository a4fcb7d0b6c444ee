//! Honest groups: joining, talking, leaving, coming back.

use e2ee::frames::{FrameOpener, FrameSealer, OpenError, OpeningEpoch};
use e2ee::group::{CannotCommit, CannotOpen, CannotSeal, CommitOutcome, Group, Ignored};
use e2ee::message::Message;
use protocol::id::{Epoch, LeafIndex};
use protocol::media::TrackKind;
use protocol::server::Role;
use protocol::time::Timestamp;

use crate::world::{COUNSELLOR, World, participant};

#[test]
fn two_people_meet_and_see_who_is_there() {
    let mut world = World::new(1);
    let (counsellor, person) = world.call();

    assert_eq!(counsellor.epoch(), Epoch(1));
    assert_eq!(person.epoch(), Epoch(1));
    assert_eq!(counsellor.id(), person.id());
    let names = |group: &Group| -> Vec<_> {
        group.members().into_iter().map(|m| (m.participant, m.role, m.name.unwrap())).collect()
    };
    let expected = [
        (COUNSELLOR, Role::Moderator, "Dr Ana".to_owned()),
        (participant(1), Role::Attendee, "Person 1".to_owned()),
    ];
    assert_eq!(names(&counsellor), expected);
    assert_eq!(names(&person), expected);
    assert!(person.member_at(person.own_leaf()).unwrap().own);
}

#[test]
fn both_read_the_same_safety_code_and_it_outlives_a_rekey() {
    let mut world = World::new(2);
    let (mut counsellor, mut person) = world.call();
    let code = counsellor.safety_code().unwrap().clone();
    assert_eq!(person.safety_code(), Some(&code));
    assert!(code.iter().all(|g| g.len() == 5 && g.bytes().all(|b| b.is_ascii_digit())));

    let pending = counsellor.rekey(world.now).unwrap();
    world.deliver(&mut counsellor, &pending, &mut [&mut person]);
    assert_eq!(counsellor.safety_code(), Some(&code));
    assert_eq!(person.safety_code(), Some(&code));

    assert_ne!(World::new(3).call().0.safety_code(), Some(&code));
}

#[test]
fn chat_crosses_both_ways_once() {
    let mut world = World::new(4);
    let (mut counsellor, mut person) = world.call();
    let hello = Message::Chat { text: "hello".into() };

    let sealed = counsellor.seal_application(&hello).unwrap();
    let opened = person.open_application(sealed.as_slice()).unwrap();
    assert_eq!((opened.participant, opened.message), (COUNSELLOR, hello.clone()));
    assert_eq!(person.open_application(sealed.as_slice()), Err(CannotOpen::NotAuthentic));
    assert_eq!(counsellor.open_application(sealed.as_slice()), Err(CannotOpen::Own));

    let sealed = person.seal_application(&hello).unwrap();
    let opened = counsellor.open_application(sealed.as_slice()).unwrap();
    assert_eq!((opened.leaf, opened.participant), (LeafIndex(1), participant(1)));
}

#[test]
fn chat_sealed_before_a_rekey_is_opened_after_it_for_a_while() {
    let mut world = World::new(5);
    let (mut counsellor, mut person) = world.call();
    let chat = |text: &str| Message::Chat { text: text.into() };
    let late = person.seal_application(&chat("late")).unwrap();
    let too_late = person.seal_application(&chat("too late")).unwrap();
    let pending = counsellor.rekey(world.now).unwrap();
    world.deliver(&mut counsellor, &pending, &mut [&mut person]);

    counsellor.forget_past(world.now.plus(29));
    assert_eq!(counsellor.open_application(late.as_slice()).unwrap().message, chat("late"));
    counsellor.forget_past(world.now.plus(30));
    assert!(counsellor.open_application(too_late.as_slice()).is_err());
}

#[test]
fn an_acknowledgement_proves_the_epoch() {
    let mut world = World::new(6);
    let (mut counsellor, mut person) = world.call();

    let ack = person.epoch_ack();
    let sealed = person.seal_application(&ack).unwrap();
    let opened = counsellor.open_application(sealed.as_slice()).unwrap();
    assert_eq!(opened.message, Message::EpochAck { epoch: Epoch(1) });

    let wrong = Message::EpochAck { epoch: Epoch(2) };
    let sealed = person.seal_application(&wrong).unwrap();
    assert_eq!(counsellor.open_application(sealed.as_slice()), Err(CannotOpen::BadAck));
}

#[test]
fn commits_that_come_twice_late_or_early_change_nothing() {
    let mut world = World::new(7);
    let (mut counsellor, mut person) = world.call();
    let first = counsellor.rekey(world.now).unwrap();
    counsellor.confirm_own(world.now).unwrap();
    let second = counsellor.rekey(world.now).unwrap();
    counsellor.confirm_own(world.now).unwrap();

    let mut bring = |commit: &[u8]| person.handle_commit(world.now, commit);
    let early = bring(second.commit.as_slice());
    assert_eq!(early, CommitOutcome::Ignored(Ignored::Future));
    assert!(matches!(bring(first.commit.as_slice()), CommitOutcome::Accepted(_)));
    assert!(matches!(bring(second.commit.as_slice()), CommitOutcome::Accepted(_)));
    assert_eq!(bring(second.commit.as_slice()), CommitOutcome::Ignored(Ignored::Past));
    let own_again = counsellor.handle_commit(world.now, second.commit.as_slice());
    assert_eq!(own_again, CommitOutcome::Ignored(Ignored::Past));
    assert!(person.is_sound() && counsellor.is_sound());
}

#[test]
fn a_discarded_commit_leaves_the_group_as_it_was() {
    let mut world = World::new(8);
    let (mut counsellor, mut person) = world.call();
    counsellor.rekey(world.now).unwrap();
    assert_eq!(counsellor.rekey(world.now), Err(CannotCommit::Busy));
    counsellor.discard_own();
    assert_eq!(counsellor.epoch(), Epoch(1));

    let pending = counsellor.rekey(world.now).unwrap();
    world.deliver(&mut counsellor, &pending, &mut [&mut person]);
}

#[test]
fn only_a_moderator_commits_and_only_about_members() {
    let mut world = World::new(9);
    let (mut counsellor, mut person) = world.call();
    assert_eq!(person.rekey(world.now), Err(CannotCommit::NotModerator));
    let nobody = [LeafIndex(9)];
    assert_eq!(counsellor.remove(world.now, &nobody), Err(CannotCommit::NoSuchMember));
    let own = [counsellor.own_leaf()];
    assert!(counsellor.remove(world.now, &own).is_err(), "not oneself");
    assert!(!counsellor.has_pending() && counsellor.is_sound());
}

#[test]
fn a_device_that_was_reloaded_takes_its_old_place() {
    let mut world = World::new(10);
    let (mut counsellor, old) = world.call();
    let mut reloaded = world.attendee(1);
    let knock = world.let_in(&mut reloaded, 1);

    let code = counsellor.safety_code().cloned();
    let pending = counsellor.replace(world.now, &[old.own_leaf()], &[knock]).unwrap();
    let change = counsellor.confirm_own(world.now).unwrap();
    let joined = world.join(&mut reloaded, &pending).unwrap();

    assert_eq!(pending.added, [(participant(1), LeafIndex(1))]);
    assert_eq!(pending.removed, [participant(1)]);
    assert_eq!((change.added.len(), change.removed.len()), (1, 1));
    assert_eq!(joined.own_leaf(), LeafIndex(1));
    assert_eq!(counsellor.member_at(LeafIndex(1)).unwrap().name.unwrap(), "Person 1");
    assert_ne!(counsellor.safety_code().cloned(), code);
    assert_eq!(counsellor.safety_code(), joined.safety_code());
}

#[test]
fn a_refounded_group_takes_everybody_in_by_their_spare() {
    let mut world = World::new(11);
    let mut person = world.attendee(1);
    let knock = world.let_in(&mut person, 1);
    let mut first = world.found(0);
    let pending = first.add(world.now, std::slice::from_ref(&knock)).unwrap();
    world.join(&mut person, &pending).unwrap();
    assert!(person.needs_new_packages(world.now));

    let mut second = world.found(1);
    let pending = second.add(world.now, &[knock.by_spare()]).unwrap();
    second.confirm_own(world.now).unwrap();
    let mut expect = world.expect(1);
    expect.newer_than = Some(protocol::id::Generation(0));
    let welcome = pending.welcome.unwrap();
    let joined = Group::join(&mut person, welcome.as_slice(), &expect, world.now).unwrap();
    assert_eq!(joined.id(), second.id());
    assert_ne!(joined.id(), first.id());
}

#[test]
fn a_room_of_twenty_stays_in_step() {
    let mut world = World::new(12);
    let mut counsellor = world.found(0);
    let mut others = Vec::new();
    for batch in 0..4 {
        let mut people: Vec<_> = (0..5).map(|n| world.attendee(batch * 4 + n)).collect();
        people.truncate(4);
        let knocks: Vec<_> = (0..4)
            .zip(&mut people)
            .map(|(n, person)| world.let_in(person, batch * 4 + n))
            .collect();
        let pending = counsellor.add(world.now, &knocks).unwrap();
        let mut there: Vec<&mut Group> = others.iter_mut().collect();
        world.deliver(&mut counsellor, &pending, &mut there);
        for person in &mut people {
            others.push(world.join(person, &pending).unwrap());
        }
    }
    assert_eq!(counsellor.members().len(), 17);
    assert_eq!(counsellor.safety_code(), None);
    let leaves = |g: &Group| g.members().iter().map(|m| m.leaf).collect::<Vec<_>>();
    assert!(others.iter().all(|other| leaves(other) == leaves(&counsellor)));
}

#[test]
fn the_removed_open_nothing_newer_and_late_joiners_nothing_older() {
    let mut world = World::new(13);
    let (mut counsellor, mut first) = world.call();
    let mut sealer = FrameSealer::default();
    let mut first_opener = FrameOpener::default();
    switch(&mut counsellor, &mut sealer);
    first_opener.add_epoch(T0, opening(&mut first), false);

    let early_frame = sealed_frame(&mut sealer);
    let early_chat = counsellor.seal_application(&chat()).unwrap();
    assert!(opens(&mut first_opener, &early_frame).is_ok());

    let mut second = world.attendee(2);
    let knock = world.let_in(&mut second, 2);
    let gone = first.own_leaf();
    let pending = counsellor.replace(world.now, &[gone], &[knock]).unwrap();
    counsellor.confirm_own(world.now).unwrap();
    let outcome = first.handle_commit(world.now, pending.commit.as_slice());
    assert_eq!(outcome, CommitOutcome::Evicted);
    let mut second = world.join(&mut second, &pending).unwrap();
    let mut second_opener = FrameOpener::default();
    second_opener.add_epoch(T0, opening(&mut second), false);
    switch(&mut counsellor, &mut sealer);
    let new_frame = sealed_frame(&mut sealer);
    let new_chat = counsellor.seal_application(&chat()).unwrap();

    assert_eq!(opens(&mut first_opener, &new_frame), Err(OpenError::UnknownEpoch));
    assert_eq!(first.open_application(new_chat.as_slice()), Err(CannotOpen::Closed));
    assert_eq!(first.seal_application(&chat()), Err(CannotSeal::Closed));
    assert!(first.frame_epoch().is_none());
    assert_eq!(opens(&mut second_opener, &early_frame), Err(OpenError::UnknownEpoch));
    assert!(second.open_application(early_chat.as_slice()).is_err());
    assert!(opens(&mut second_opener, &new_frame).is_ok());
    assert!(second.open_application(new_chat.as_slice()).is_ok());
}

#[test]
fn frame_keys_of_an_epoch_are_given_out_once() {
    let mut world = World::new(14);
    let (mut counsellor, _) = world.call();
    assert!(counsellor.frame_epoch().is_some());
    assert!(counsellor.frame_epoch().is_none());
    counsellor.rekey(world.now).unwrap();
    counsellor.confirm_own(world.now).unwrap();
    assert!(counsellor.frame_epoch().is_some());
}

/// One task owns a participant, and tasks move between threads.
#[test]
fn what_a_participant_owns_can_be_sent_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Group>();
    is_send::<e2ee::door::Door>();
    is_send::<e2ee::door::AttendeeIdentity>();
    is_send::<(FrameSealer, FrameOpener, e2ee::frames::FrameEpoch)>();
}

const T0: Timestamp = Timestamp::from_start(std::time::Duration::ZERO);

fn chat() -> Message {
    Message::Chat { text: "between us".into() }
}

fn switch(group: &mut Group, sealer: &mut FrameSealer) {
    sealer.use_epoch(group.frame_epoch().unwrap().split().0);
}

fn opening(group: &mut Group) -> OpeningEpoch {
    group.frame_epoch().unwrap().split().1
}

fn sealed_frame(sealer: &mut FrameSealer) -> Vec<u8> {
    let mut out = Vec::new();
    sealer.seal(TrackKind::Microphone, b"sound", &mut out).unwrap();
    out
}

fn opens(opener: &mut FrameOpener, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut out = Vec::new();
    opener.open(T0, TrackKind::Microphone, sealed, &mut out).map(|_| out)
}
