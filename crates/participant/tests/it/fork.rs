//! T-FORK: a server that splits the group, or keeps it from hearing one another.

use std::time::Duration;

use participant::Input;
use protocol::server::ServerMessage;

use crate::world::{ANA, BEN, World};

const SECOND: Duration = Duration::from_secs(1);

/// A server that holds back what one message in its outbox would do.
fn withhold(
    world: &mut World,
    from: usize,
    is_held: impl Fn(&ServerMessage) -> bool + 'static,
) {
    let line = world.people[from].line.unwrap();
    world.mangle = Some(Box::new(move |_, to, message| {
        if to == line && is_held(&message) { Vec::new() } else { vec![message] }
    }));
}

#[test]
fn in_an_honest_call_nobody_is_ever_unheard_and_media_flow() {
    let mut world = World::in_call(1);
    for _ in 0..120 {
        world.advance(5 * SECOND);
        for who in [ANA, BEN] {
            assert!(world.state(who).unheard.is_empty(), "at {:?}", world.now);
        }
        assert!(world.hears(ANA, BEN) && world.hears(BEN, ANA));
    }
}

#[test]
fn a_member_kept_in_an_old_epoch_sees_it_in_twenty_seconds_and_sends_nothing_after_thirty() {
    let mut world = World::in_call(2);
    // The moderator goes on alone: Ben learns of no commit and of no beat in the new epoch.
    withhold(&mut world, BEN, |message| {
        matches!(message, ServerMessage::Committed(_) | ServerMessage::Relayed(_))
    });
    world.advance(20 * SECOND);
    assert_eq!(world.state(BEN).unheard, [world.id(ANA)]);
    world.advance(10 * SECOND);
    assert_eq!(world.seal(BEN, b"sound"), Err("unconfirmed".to_owned()));

    // Once the server is honest again, the call goes on by itself, with a whole picture.
    let n_key_frames = world.people[BEN].n_key_frames;
    world.mangle = None;
    world.cut(BEN);
    world.advance(5 * SECOND);
    assert!(world.state(BEN).unheard.is_empty());
    assert!(world.hears(BEN, ANA) && world.hears(ANA, BEN));
    assert!(world.people[BEN].n_key_frames > n_key_frames);
}

#[test]
fn both_see_it_when_the_server_holds_back_what_one_of_them_says() {
    let mut world = World::in_call(3);
    withhold(&mut world, ANA, |message| matches!(message, ServerMessage::Relayed(_)));
    world.advance(20 * SECOND);
    assert_eq!(world.state(ANA).unheard, [world.id(BEN)]);
    // Ana goes on to speak; that she does not hear him is what her beats tell.
    world.advance(20 * SECOND);
    assert_eq!(world.state(BEN).unheard, [world.id(ANA)]);
    for who in [ANA, BEN] {
        world.advance(10 * SECOND);
        assert_eq!(world.seal(who, b"sound"), Err("unconfirmed".to_owned()));
    }
}

#[test]
fn a_server_that_says_nobody_is_connected_hides_nothing() {
    let mut world = World::in_call(4);
    let ana = world.id(ANA);
    withhold(&mut world, BEN, |message| matches!(message, ServerMessage::Relayed(_)));
    let presence = protocol::server::Presence {
        participant: ana,
        role: protocol::server::Role::Moderator,
        connected: false,
        tracks: Vec::new(),
    };
    world.tell(BEN, Input::Received { text: ServerMessage::Present(presence).encode() });
    world.advance(20 * SECOND);
    assert_eq!(world.state(BEN).unheard, [ana]);
}

#[test]
fn beats_that_are_left_out_are_noticed_though_later_ones_arrive() {
    let mut world = World::in_call(5);
    let line = world.people[BEN].line.unwrap();
    let mut n = 0;
    world.mangle = Some(Box::new(move |_, to, message| {
        let is_beat = to == line && matches!(message, ServerMessage::Relayed(_));
        n += u32::from(is_beat);
        if is_beat && n % 2 == 0 { Vec::new() } else { vec![message] }
    }));
    world.advance(40 * SECOND);
    assert_eq!(world.state(BEN).unheard, [world.id(ANA)]);
}

#[test]
fn an_outage_of_fifteen_seconds_stops_no_media() {
    let mut world = World::in_call(6);
    world.people[BEN].is_online = false;
    world.cut(BEN);
    world.advance(15 * SECOND);
    assert!(world.hears(BEN, ANA) && world.hears(ANA, BEN));
    world.people[BEN].is_online = true;
    world.advance(15 * SECOND);
    assert!(world.state(ANA).unheard.is_empty() && world.state(BEN).unheard.is_empty());
}
