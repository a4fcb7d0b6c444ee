//! Notes between the counsellor and people who wait.

use std::time::Duration;

use participant::Input;
use protocol::client::{ClientEnvelope, ClientMessage};
use protocol::id::ParticipantId;
use protocol::limits::{DOORSTEP_NOTES_MAX, DOORSTEP_TEXT_BYTES_MAX};
use protocol::reject::Reject;
use protocol::server::{DoorstepNoted, ServerMessage};

use crate::world::{ANA, BEN, CEM, World};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn notes_pass_both_ways_sealed_before_anybody_is_let_in() {
    let mut world = waiting(1);
    let ben = world.id(BEN);
    assert!(world.state(BEN).is_seen, "her device said hello");
    world.tell(BEN, to_moderators("is anybody there"));
    world.tell(ANA, to(ben, "one moment"));
    world.settle();

    assert_eq!(world.people[BEN].notes, [own("is anybody there"), theirs("one moment")]);
    assert_eq!(world.people[ANA].notes, [own("one moment"), theirs("is anybody there")]);
    let sent = world.people.iter().flat_map(|person| &person.sent);
    assert!(sent.clone().all(|text| !text.contains("anybody") && !text.contains("moment")));
}

#[test]
fn what_was_set_beforehand_is_the_first_note_to_everybody_who_waits() {
    let mut world = World::new(2);
    world.settle();
    world.tell(ANA, Input::PresetNote { text: Some("back at ten".to_owned()) });
    for (number, name) in [(1, "Ben"), (2, "Cem")] {
        let core = world.attendee_core(number, name, number);
        world.add(core);
        world.settle();
    }
    for who in [BEN, CEM] {
        assert_eq!(world.people[who].notes, [theirs("back at ten")]);
    }
    assert_eq!(world.people[ANA].notes, [own("back at ten"), own("back at ten")]);
}

#[test]
fn what_was_written_while_she_was_away_is_there_when_she_comes() {
    let mut world = World::new(3);
    world.people[ANA].is_online = false;
    world.cut(ANA);
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();
    world.tell(BEN, to_moderators("first"));
    world.tell(BEN, to_moderators("second"));
    world.advance(30 * SECOND);
    assert!(!world.state(BEN).is_seen);

    world.people[ANA].is_online = true;
    world.advance(30 * SECOND);
    assert_eq!(world.people[ANA].notes, [theirs("first"), theirs("second")]);
    assert!(world.state(BEN).is_seen);
    assert!(world.people[BEN].refused.is_empty());
}

#[test]
fn a_page_loaded_again_gets_the_notes_again_and_nobody_sees_one_twice() {
    let mut world = waiting(4);
    world.tell(BEN, to_moderators("from ben"));
    world.advance(SECOND);
    let ana = world.moderator_core();
    world.people[ANA].notes.clear();
    world.reload(ANA, ana);
    world.advance(5 * SECOND);
    assert_eq!(world.people[ANA].notes, [theirs("from ben")]);

    let ben = world.id(BEN);
    world.tell(ANA, to(ben, "from ana"));
    world.advance(5 * SECOND);
    world.cut(ANA);
    world.advance(20 * SECOND);
    assert_eq!(world.people[BEN].notes, [own("from ben"), theirs("from ana")]);
    assert_eq!(world.people[ANA].notes, [theirs("from ben"), own("from ana")]);
}

#[test]
fn a_server_that_repeats_reflects_or_swaps_notes_gets_nothing_shown() {
    let mut world = waiting(5);
    let cem = world.attendee_core(2, "Cem", 2);
    world.add(cem);
    world.settle();
    let (ben, cem) = (world.id(BEN), world.id(CEM));
    world.mangle = Some(Box::new(move |_, _, message| {
        let ServerMessage::DoorstepNote(DoorstepNoted { participant, sealed }) = message else {
            return vec![message];
        };
        // Again, back to where it came from, and in the name of somebody else.
        let as_if = |participant| {
            ServerMessage::DoorstepNote(DoorstepNoted { participant, sealed: sealed.clone() })
        };
        let named = [participant, participant, ben, cem, ParticipantId::from_raw(99)];
        named.into_iter().map(as_if).collect()
    }));
    world.tell(BEN, to_moderators("of ben"));
    world.settle();
    world.tell(ANA, to(cem, "for cem"));
    world.settle();
    assert_eq!(world.people[ANA].notes, [theirs("of ben"), own("for cem")]);
    assert_eq!(world.people[CEM].notes, [theirs("for cem")]);
    assert_eq!(world.people[BEN].notes, [own("of ben")]);

    // What Ana's device sealed for Ben comes back to her under his name.
    let sealed = notes_sent_by(&world, ANA).pop().unwrap();
    let back =
        ServerMessage::DoorstepNote(DoorstepNoted { participant: cem, sealed: sealed.clone() });
    let before = world.people[ANA].notes.len();
    world.tell(ANA, Input::Received { text: back.encode() });
    world.settle();
    assert_eq!(world.people[ANA].notes.len(), before);
    let elsewhere = ServerMessage::DoorstepNote(DoorstepNoted { participant: ben, sealed });
    world.tell(BEN, Input::Received { text: elsewhere.encode() });
    world.settle();
    assert_eq!(world.people[BEN].notes, [own("of ben")], "sealed for another invite");
}

#[test]
fn a_note_of_an_earlier_wait_is_not_believed() {
    let mut world = waiting(6);
    let ben = world.id(BEN);
    world.tell(ANA, to(ben, "not today"));
    world.settle();
    let old = notes_sent_by(&world, ANA);
    let again = world.attendee_core(1, "Ben", 1);
    world.people[BEN].notes.clear();
    world.reload(BEN, again);
    world.settle();
    for sealed in old {
        let note = ServerMessage::DoorstepNote(DoorstepNoted { participant: ben, sealed });
        world.tell(BEN, Input::Received { text: note.encode() });
        world.settle();
    }
    assert!(world.people[BEN].notes.is_empty());
}

#[test]
fn notes_are_bounded_and_end_with_the_wait() {
    let mut world = waiting(7);
    let ben = world.id(BEN);
    world.tell(BEN, to_moderators(&"x".repeat(DOORSTEP_TEXT_BYTES_MAX + 1)));
    for n in 0..=DOORSTEP_NOTES_MAX {
        world.tell(BEN, to_moderators(&n.to_string()));
    }
    world.advance(60 * SECOND);
    assert_eq!(world.people[BEN].refused, [Reject::TooLarge, Reject::TooMany]);
    assert_eq!(world.people[ANA].notes.len(), DOORSTEP_NOTES_MAX);

    world.admit_all();
    world.tell(BEN, to_moderators("too late"));
    world.tell(ANA, to(ben, "too late"));
    world.settle();
    assert_eq!(world.people[BEN].refused.last(), Some(&Reject::NoSuchParticipant));
    assert_eq!(world.people[ANA].refused, [Reject::NoSuchParticipant]);
    assert_eq!(world.people[ANA].notes.len(), DOORSTEP_NOTES_MAX);
}

fn waiting(seed: u8) -> World {
    let mut world = World::new(seed);
    world.settle();
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();
    world
}

fn notes_sent_by(
    world: &World,
    who: usize,
) -> Vec<protocol::opaque::Opaque<{ protocol::limits::DOORSTEP_NOTE_BYTES_MAX }>> {
    let sent = world.people[who].sent.iter().map(|text| ClientEnvelope::decode(text).unwrap());
    let notes = sent.filter_map(|envelope| {
        if let ClientMessage::DoorstepNote(note) = envelope.body {
            Some(note.sealed)
        } else {
            None
        }
    });
    notes.collect()
}

fn to(participant: ParticipantId, text: &str) -> Input {
    Input::TellDoorstep { participant: Some(participant), text: text.to_owned() }
}

fn to_moderators(text: &str) -> Input {
    Input::TellDoorstep { participant: None, text: text.to_owned() }
}

fn own(text: &str) -> (bool, String) {
    (true, text.to_owned())
}

fn theirs(text: &str) -> (bool, String) {
    (false, text.to_owned())
}
