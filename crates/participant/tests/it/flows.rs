//! Calls over an honest server.

use std::time::Duration;

use e2ee::link::{InviteKeys, RoomSecret};
use e2ee::random::Randomness;
use participant::Input;
use participant::input::Topic;
use participant::output::{EndReason, Phase};
use protocol::client::{ClientEnvelope, ClientMessage};
use protocol::limits::{EPOCH_AGE_MAX, REKEY_INTERVAL};
use protocol::media::TrackKind;
use protocol::reject::{FarewellReason, Reject};
use protocol::secret::Secret;
use protocol::server::{Relayed, ServerMessage};

use crate::world::{ANA, BEN, CEM, ROOM, ROOM_SECRET, World, link};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn somebody_knocks_is_admitted_and_both_are_in_the_call() {
    let mut world = World::new(1);
    world.settle();
    assert_eq!(world.phase(ANA), Phase::InCall, "her camera is offered before anybody comes");

    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();
    assert_eq!(world.phase(BEN), Phase::Waiting);
    let waiting = &world.state(ANA).waiting;
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].name.as_str(), waiting[0].invite_number), ("Ben", 0));
    assert!(world.state(BEN).others.is_empty(), "who waits sees nobody");

    // No time passes between the button and the call.
    world.admit_all();
    assert_eq!(world.phase(BEN), Phase::InCall);
    assert!(world.state(ANA).waiting.is_empty());
    assert_eq!(world.state(BEN).counsellor.as_deref(), Some("Ana Counsellor"));
    assert_eq!(world.state(ANA).others[0].name.as_deref(), Some("Ben"));
    assert_eq!(world.state(BEN).others[0].name.as_deref(), Some("Ana Counsellor"));
    assert!(world.state(ANA).others[0].leaf.is_some());
    assert!(world.hears(ANA, BEN));
    assert!(world.hears(BEN, ANA));
}

#[test]
fn both_see_the_same_code_and_everybody_confirmed() {
    let world = World::in_call(2);

    let code = world.state(ANA).safety_code.clone().unwrap();
    assert_eq!(world.state(BEN).safety_code.as_ref(), Some(&code));
    assert_eq!(code.len(), 4);
    for who in [ANA, BEN] {
        assert_eq!((world.state(who).n_members, world.state(who).n_confirmed), (2, 2));
    }
}

#[test]
fn chat_crosses_both_ways_and_is_own_once_the_server_has_it() {
    let mut world = World::in_call(3);
    world.tell(BEN, Input::SendChat { text: "a heron on the roof".to_owned() });
    world.settle();
    world.tell(ANA, Input::SendChat { text: "welcome".to_owned() });
    world.settle();

    let line = |name: &str, text: &str, own| (name.to_owned(), text.to_owned(), own);
    assert_eq!(
        world.people[BEN].chats,
        [line("Ben", "a heron on the roof", true), line("Ana Counsellor", "welcome", false)]
    );
    assert_eq!(
        world.people[ANA].chats,
        [line("Ben", "a heron on the roof", false), line("Ana Counsellor", "welcome", true)]
    );
    let sent = world.people.iter().flat_map(|person| &person.sent);
    assert!(sent.clone().all(|text| !text.contains("heron") && !text.contains("Counsellor")));
}

#[test]
fn sayings_cross_sealed_in_order_and_are_no_chat() {
    let mut world = World::in_call(31);
    let say = |topic, text: &str| Input::Say { topic, text: text.to_owned() };
    for text in ["w", "we", "web", "webs"] {
        world.tell(BEN, say(Topic::Live, text));
    }
    world.tell(BEN, say(Topic::Place, "a heron"));
    world.tell(BEN, say(Topic::Place, "on the roof"));
    world.advance(SECOND);
    world.tell(ANA, say(Topic::Step, "audio"));
    world.settle();

    let ben = world.id(BEN);
    let said = |topic, text: &str| (ben, topic, text.to_owned());
    let place = |text| said(Topic::Place, text);
    let heard = &world.people[ANA].said;
    // The first letter went at once; of what followed only the newest counts.
    assert_eq!(
        heard.iter().filter(|(_, topic, _)| *topic == Topic::Live).collect::<Vec<_>>(),
        [&said(Topic::Live, "w"), &said(Topic::Live, "webs")]
    );
    assert_eq!(
        heard.iter().filter(|(_, topic, _)| *topic == Topic::Place).collect::<Vec<_>>(),
        [&place("a heron"), &place("on the roof")]
    );
    assert_eq!(world.people[BEN].said, [(world.id(ANA), Topic::Step, "audio".to_owned())]);
    assert!(world.people.iter().all(|person| person.chats.is_empty()));
    let sent = world.people.iter().flat_map(|person| &person.sent);
    assert!(sent.clone().all(|text| !text.contains("heron") && !text.contains("webs")));
}

#[test]
fn a_message_said_during_an_outage_arrives_once_and_a_state_as_its_newest() {
    let mut world = World::in_call(32);
    world.people[BEN].is_online = false;
    world.cut(BEN);
    for n in 0..5 {
        world.tell(BEN, Input::Say { topic: Topic::Line, text: n.to_string() });
    }
    world.tell(BEN, Input::Say { topic: Topic::Mismatch, text: "{}".to_owned() });
    world.advance(5 * SECOND);
    assert!(world.people[ANA].said.is_empty());
    world.people[BEN].is_online = true;
    world.advance(30 * SECOND);
    let ben = world.id(BEN);
    let expected =
        [(ben, Topic::Line, "4".to_owned()), (ben, Topic::Mismatch, "{}".to_owned())];
    assert_eq!(world.people[ANA].said, expected);
}

#[test]
fn a_server_that_brings_sayings_again_is_not_believed() {
    let mut world = World::in_call(33);
    world.mangle = Some(Box::new(|_, _, message| {
        let mut messages = vec![message.clone()];
        if let ServerMessage::Relayed(relayed) = message {
            let seq = relayed.seq + 1000;
            messages.push(ServerMessage::Relayed(Relayed { seq, ..relayed }));
        }
        messages
    }));
    world.tell(BEN, Input::Say { topic: Topic::Place, text: "here".to_owned() });
    world.settle();
    assert_eq!(world.people[ANA].said, [(world.id(BEN), Topic::Place, "here".to_owned())]);
}

#[test]
fn nothing_is_said_from_the_waiting_room() {
    let mut world = World::new(34);
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();
    world.tell(BEN, Input::Say { topic: Topic::Live, text: "x".to_owned() });
    world.settle();
    assert_eq!(world.people[BEN].refused, [Reject::NotAdmitted]);
}

#[test]
fn nobody_writes_from_the_waiting_room() {
    let mut world = World::new(4);
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();
    world.tell(BEN, Input::SendChat { text: "hello".to_owned() });
    world.settle();
    assert_eq!(world.people[BEN].refused, [Reject::NotAdmitted]);
    assert_eq!(world.seal(BEN, b"sound"), Err("no_key".to_owned()));
}

#[test]
fn the_declined_are_told_and_do_not_come_back_by_themselves() {
    let mut world = World::new(5);
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();
    let participant = world.state(ANA).waiting[0].participant;
    world.tell(ANA, Input::Decline { participant });
    world.advance(30 * SECOND);

    assert_eq!(world.phase(BEN), ended(FarewellReason::Declined));
    assert!(world.state(ANA).waiting.is_empty());
}

#[test]
fn the_removed_are_out_at_once_and_their_link_opens_nothing() {
    let mut world = World::in_call(6);
    let before = world.seal(ANA, b"before").unwrap();
    let participant = world.id(BEN);
    world.tell(ANA, Input::Remove { participant });
    world.settle();

    assert_eq!(world.phase(BEN), ended(FarewellReason::Removed));
    assert!(world.open(BEN, &before).is_err(), "every key is gone");
    assert_eq!(world.state(ANA).n_members, 1);
    let after = world.seal(ANA, b"after").unwrap();
    assert!(world.open(BEN, &after).is_err());

    let again = world.attendee_core(1, "Ben", 1);
    world.reload(BEN, again);
    world.advance(5 * SECOND);
    assert_eq!(world.phase(BEN), ended(FarewellReason::Declined));
    assert!(world.state(ANA).waiting.is_empty());
}

#[test]
fn a_removal_is_not_forgotten_by_a_page_loaded_again_before_the_server_took_it() {
    let mut world = World::in_call(61);
    world.people[ANA].is_online = false;
    world.cut(ANA);
    let ben = world.id(BEN);
    world.tell(ANA, Input::Remove { participant: ben });
    let ana = world.moderator_core();
    world.people[ANA].is_online = true;
    world.reload(ANA, ana);
    world.advance(10 * SECOND);
    assert_eq!(world.phase(BEN), ended(FarewellReason::Removed));
    assert_eq!(world.state(ANA).n_members, 1);
}

#[test]
fn whoever_is_inside_and_unknown_is_put_out_when_she_says_no() {
    let mut world = World::in_call(62);
    // A page without a note knows nobody, and the server says that Ben is in the room.
    let ana = world.moderator_core();
    world.cut(ANA);
    world.people[ANA].core = ana;
    world.people[ANA].state = None;
    world.people[ANA].restart(world.now);
    world.tell(ANA, Input::Start);
    world.advance(SECOND);
    let participant = world.state(ANA).waiting[0].participant;
    world.tell(ANA, Input::Decline { participant });
    world.advance(5 * SECOND);
    assert_eq!(world.phase(BEN), ended(FarewellReason::Removed));
    assert!(world.people[ANA].refused.is_empty());
}

#[test]
fn a_call_is_back_soon_after_an_outage_and_after_a_new_server() {
    for seconds in [15, 45] {
        let mut world = World::in_call(63);
        world.people[BEN].is_online = false;
        world.people[BEN].has_media = false;
        world.cut(BEN);
        world.tell(BEN, Input::MediaFailed);
        world.advance(seconds * SECOND);
        world.people[BEN].is_online = true;
        world.people[BEN].has_media = true;
        world.advance(3 * SECOND);
        assert_eq!(world.phase(BEN), Phase::InCall);
        world.advance(SECOND);
        assert!(world.hears(BEN, ANA) && world.hears(ANA, BEN), "after {seconds} s");
    }
    let mut world = World::in_call(64);
    for who in [ANA, BEN] {
        world.people[who].is_online = false;
    }
    world.restart_server();
    world.advance(40 * SECOND);
    for who in [ANA, BEN] {
        world.people[who].is_online = true;
    }
    world.advance(5 * SECOND);
    assert_eq!(world.phase(BEN), Phase::InCall);
    assert!(world.hears(BEN, ANA) && world.hears(ANA, BEN));
}

#[test]
fn a_companion_is_let_in_by_a_link_made_during_the_call() {
    let mut world = World::in_call(66);
    let secret = Secret::from_bytes(*link(3).expose());
    let keys = InviteKeys::derive(&link(3));
    let room_secret = RoomSecret::from_bytes(ROOM_SECRET);
    let random = Randomness::from_seed([1; 32]);
    let wrapped = keys.wrap_room_secret(ROOM, &room_secret, &random);
    world.server.wrapped.insert(keys.invite, wrapped);
    let cem = world.attendee_core(3, "Cem", 3);
    world.add(cem);
    world.settle();
    assert!(world.state(ANA).waiting.is_empty(), "no link of hers, as far as she knows");
    world.people[ANA].core.add_invite(2, &secret);
    let cem = world.attendee_core(3, "Cem", 3);
    world.reload(CEM, cem);
    world.settle();
    world.admit_all();
    world.advance(3 * SECOND);
    for who in [ANA, BEN, CEM] {
        assert_eq!((world.state(who).n_members, world.state(who).n_confirmed), (3, 3));
        assert!(world.state(who).safety_code.is_none(), "the code is for two");
    }
    assert!(world.hears(CEM, ANA) && world.hears(CEM, BEN) && world.hears(BEN, CEM));
}

#[test]
fn a_network_that_is_back_is_tried_at_once() {
    let mut world = World::in_call(65);
    world.people[BEN].is_online = false;
    world.cut(BEN);
    world.advance(60 * SECOND);
    world.people[BEN].is_online = true;
    world.tell(BEN, Input::Woke);
    world.settle();
    assert!(!matches!(world.phase(BEN), Phase::Reconnecting { .. }));
}

#[test]
fn whoever_leaves_is_gone_from_the_group() {
    let mut world = World::in_call(7);
    world.tell(BEN, Input::Leave);
    world.settle();
    assert_eq!(world.phase(BEN), ended(FarewellReason::Left));
    assert_eq!(world.state(ANA).n_members, 1);
    assert!(world.state(ANA).others.is_empty());
}

#[test]
fn the_moderator_ends_the_room_for_everybody() {
    let mut world = World::in_call(8);
    world.tell(ANA, Input::EndRoom);
    world.settle();
    for who in [ANA, BEN] {
        assert_eq!(world.phase(who), ended(FarewellReason::RoomEnded));
        assert_eq!(world.people[who].core.poll_timeout(), None);
    }
}

#[test]
fn a_broken_websocket_comes_back_without_a_change_of_keys() {
    let mut world = World::in_call(9);
    let offers = world.people[BEN].n_offers;
    world.cut(BEN);
    world.settle();
    assert!(matches!(world.phase(BEN), Phase::Reconnecting { .. }));
    assert!(world.hears(ANA, BEN), "media flow on");
    world.tell(ANA, Input::SendChat { text: "are you there?".to_owned() });
    world.tell(BEN, Input::SendChat { text: "just a tunnel".to_owned() });
    world.advance(2 * SECOND);

    assert_eq!(world.phase(BEN), Phase::InCall);
    assert_eq!(world.people[BEN].n_offers, offers);
    assert_eq!(world.people[BEN].chats.len(), 2);
    assert_eq!(world.people[ANA].chats.len(), 2);
}

#[test]
fn what_was_missed_is_caught_up_commits_included() {
    let mut world = World::in_call(10);
    world.people[BEN].is_online = false;
    world.cut(BEN);
    let cem = world.attendee_core(2, "Cem", 2);
    world.add(cem);
    world.settle();
    world.admit_all();
    world.advance(5 * SECOND);
    world.people[BEN].is_online = true;
    world.advance(12 * SECOND);

    assert_eq!(world.phase(BEN), Phase::InCall);
    assert_eq!(world.state(BEN).n_members, 3);
    assert!(world.hears(CEM, BEN));
    assert!(world.hears(BEN, CEM));
    assert!((ANA..=CEM).all(|who| world.state(who).n_confirmed == 3));
}

#[test]
fn a_reloaded_attendee_is_let_in_again_without_asking() {
    let mut world = World::in_call(11);
    let old = world.id(BEN);
    let again = world.attendee_core(1, "Ben", 1);
    world.reload(BEN, again);
    world.advance(3 * SECOND);

    assert_eq!(world.phase(BEN), Phase::InCall);
    assert_ne!(world.id(BEN), old);
    assert_eq!(world.state(ANA).n_members, 2);
    assert_eq!(world.state(ANA).others.len(), 1);
    assert!(world.hears(ANA, BEN) && world.hears(BEN, ANA));
}

#[test]
fn another_device_with_the_same_link_has_to_ask() {
    let mut world = World::in_call(12);
    let thief = world.attendee_core(1, "Ben", 9);
    world.add(thief);
    world.advance(5 * SECOND);
    assert_eq!(world.phase(CEM), Phase::Waiting);
    let waiting = &world.state(ANA).waiting;
    assert!(waiting.len() == 1 && waiting[0].other_device, "{waiting:?}");
}

#[test]
fn a_reloaded_moderator_founds_the_group_again_with_everybody() {
    let mut world = World::in_call(13);
    world.advance(5 * SECOND);
    for round in 0..3 {
        let again = world.moderator_core();
        world.reload(ANA, again);
        world.advance(5 * SECOND);
        assert_eq!(world.phase(ANA), Phase::InCall, "round {round}");
        assert_eq!(world.phase(BEN), Phase::InCall, "round {round}");
        assert_eq!(world.state(ANA).n_members, 2, "round {round}");
        assert_eq!(world.state(ANA).others[0].name.as_deref(), Some("Ben"));
        assert!(world.hears(ANA, BEN) && world.hears(BEN, ANA), "round {round}");
        assert_eq!(world.state(ANA).safety_code, world.state(BEN).safety_code);
    }
}

#[test]
fn the_server_restarts_and_everybody_is_back_by_themselves() {
    let mut world = World::in_call(14);
    world.tell(BEN, Input::SendChat { text: "before".to_owned() });
    world.settle();
    world.restart_server();
    world.tell(BEN, Input::SendChat { text: "meanwhile".to_owned() });
    world.advance(30 * SECOND);

    assert_eq!(world.phase(ANA), Phase::InCall);
    assert_eq!(world.phase(BEN), Phase::InCall);
    assert!(world.hears(ANA, BEN) && world.hears(BEN, ANA));
    let texts: Vec<&str> = world.people[ANA].chats.iter().map(|c| c.1.as_str()).collect();
    assert_eq!(texts, ["before", "meanwhile"]);
}

#[test]
fn somebody_lost_for_good_leaves_the_group() {
    let mut world = World::in_call(15);
    world.people[BEN].is_online = false;
    world.cut(BEN);
    let ben = world.id(BEN);
    world.server.remove(ben, FarewellReason::Lost);
    world.settle();
    assert_eq!(world.state(ANA).n_members, 1);

    world.people[BEN].is_online = true;
    world.advance(30 * SECOND);
    assert_eq!(world.phase(BEN), Phase::InCall, "back by the invite");
}

#[test]
fn somebody_gone_before_the_echo_of_their_commit_leaves_the_group() {
    let mut world = World::new(24);
    world.settle();
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.settle();
    let ana = world.people[ANA].line.unwrap();
    world.mangle = Some(Box::new(
        move |_, line, message| if line == ana { vec![] } else { vec![message] },
    ));
    world.admit_all();
    world.mangle = None;
    world.people[BEN].is_online = false;
    world.cut(BEN);
    let ben = world.id(BEN);
    world.server.remove(ben, FarewellReason::Lost);
    world.cut(ANA);
    world.advance(2 * SECOND);
    assert_eq!(world.state(ANA).n_members, 2, "the echo came");
    world.advance(6 * SECOND);
    assert_eq!(world.state(ANA).n_members, 1);
}

#[test]
fn keys_are_renewed_in_a_quiet_group_and_old_frames_stay_open_a_while() {
    let mut world = World::in_call(16);
    let epoch = world.server.group.unwrap().epoch;
    let old = world.seal(ANA, b"late").unwrap();
    world.advance(REKEY_INTERVAL + SECOND);
    assert!(world.server.group.unwrap().epoch > epoch);
    assert_eq!(world.open(BEN, &old), Ok(b"late".to_vec()));
    assert!(world.hears(ANA, BEN));
    assert!((ANA..=BEN).all(|who| world.state(who).n_confirmed == 2));
}

#[test]
fn nothing_is_sealed_in_an_epoch_that_is_too_old() {
    let mut world = World::in_call(17);
    world.people[BEN].is_online = false;
    world.cut(BEN);
    world.advance(25 * SECOND);
    assert!(world.seal(BEN, b"sound").is_ok());
    world.advance(EPOCH_AGE_MAX);
    assert_eq!(world.seal(BEN, b"sound"), Err("epoch_too_old".to_owned()));
}

#[test]
fn a_key_frame_is_asked_for_when_somebody_joins_and_never_twice_a_second() {
    let mut world = World::in_call(18);
    let before = world.people[ANA].n_key_frames;
    let cem = world.attendee_core(2, "Cem", 2);
    world.add(cem);
    world.settle();
    world.admit_all();
    assert!(world.people[ANA].n_key_frames <= before + 1);
    world.advance(3 * SECOND);
    let after = world.people[ANA].n_key_frames;
    assert!((before + 1..=before + 3).contains(&after), "{before} {after}");
}

#[test]
fn media_that_fail_are_offered_again_with_growing_pauses() {
    let mut world = World::in_call(19);
    let before = world.people[BEN].n_offers;
    world.people[BEN].has_media = false;
    world.tell(BEN, Input::MediaFailed);
    world.advance(60 * SECOND);
    let n_offers = world.people[BEN].n_offers - before;
    assert!((20..=40).contains(&n_offers), "{n_offers}");
}

#[test]
fn tracks_are_told_once_and_again_to_a_server_that_forgot() {
    let mut world = World::in_call(20);
    assert!(world.state(ANA).others[0].tracks.iter().all(|track| track.on));
    world.tell(BEN, Input::SetTrack { kind: TrackKind::Camera, on: false });
    world.settle();
    let camera = |world: &World| {
        let tracks = &world.state(ANA).others[0].tracks;
        tracks.iter().find(|track| track.kind == TrackKind::Camera).map(|track| track.on)
    };
    assert_eq!(camera(&world), Some(false));
    world.restart_server();
    world.advance(30 * SECOND);
    assert_eq!(camera(&world), Some(false));
}

#[test]
fn a_long_wait_brings_fresh_key_packages() {
    let mut world = World::new(21);
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    world.advance(Duration::from_secs(3 * 60 * 60));
    let knocks = world.people[BEN].sent.iter().filter(|text| {
        matches!(ClientEnvelope::decode(text).unwrap().body, ClientMessage::Knock(_))
    });
    assert!((2..=4).contains(&knocks.count()));
    assert_eq!(world.state(ANA).waiting.len(), 1);
}

#[test]
fn a_participant_does_not_show_names_or_texts_to_a_log() {
    let mut world = World::in_call(22);
    world.people[BEN].is_online = false;
    world.cut(BEN);
    world.tell(BEN, Input::SendChat { text: "a heron".to_owned() });
    for who in [ANA, BEN] {
        let text = format!("{:?}", world.people[who].core);
        assert!(!["heron", "Ben", "Counsellor"].iter().any(|word| text.contains(word)));
    }
}

#[test]
fn a_line_refused_for_the_moment_waits_without_spinning() {
    let mut world = World::in_call(23);
    world.server.group = None;
    world.tell(BEN, Input::SendChat { text: "a heron".to_owned() });
    world.settle();
    world.cut(BEN);
    let ben = world.id(BEN);
    world.server.remove(ben, FarewellReason::Lost);
    // In the waiting room again, with a line that may not be sent yet.
    world.advance(30 * SECOND);
    assert_eq!(world.people[ANA].chats.len(), 1, "and in the end it arrives");
}

#[test]
fn a_bad_link_or_name_is_refused_at_once() {
    use e2ee::random::Randomness;
    use participant::{AttendeeStart, Code, Participant, Refusal};
    use protocol::time::UnixSeconds;

    let start = |fragment, name: &str| {
        Participant::attendee(AttendeeStart {
            fragment,
            name: name.to_owned(),
            device: [0; 16],
            unix: UnixSeconds(0),
            random: Randomness::from_seed([0; 32]),
        })
        .err()
    };
    assert_eq!(start("#1.nonsense", "Ben"), Some(Refusal::BadLink));
    let good = e2ee::link::format_fragment(&link(1), &e2ee::link::CounsellorPin::of(&[1; 32]));
    assert_eq!(start(&good, ""), Some(Refusal::BadName));
    assert_eq!(Refusal::BadName.code(), "bad_name");
}

fn ended(reason: FarewellReason) -> Phase {
    Phase::Ended { reason: EndReason::Farewell { reason } }
}
