//! What people do: come, wait, talk, lose the connection, go.

use std::time::Duration;

use media::MediaOrder;
use protocol::client::{ClientMessage, Right};
use protocol::id::{AccountId, Generation, InviteId, LeafIndex};
use protocol::limits::{RESUME_PATIENCE, ROOM_IDLE_PATIENCE, TICKET_LIFETIME};
use protocol::media::{Mid, SlotBinding, TrackKind};
use protocol::opaque::Opaque;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{Place, Role, ServerMessage};
use protocol::time::UnixSeconds;
use store::Store;

use crate::stage::{
    OWNER, ROOM, Stage, adds, invite, knock, offer, open_group, removes, right, says, until,
};

#[tokio::test]
async fn somebody_knocks_is_let_in_is_heard_and_leaves() {
    let stage = Stage::new().await;
    let mut moderator = stage.moderator().await;
    assert_eq!(
        (moderator.entered.role, moderator.entered.place),
        (Role::Moderator, Place::Room)
    );
    moderator.ask(open_group(0)).await.unwrap();

    let mut attendee = stage.visitor(1, 1).await;
    assert_eq!(
        (attendee.entered.role, attendee.entered.place),
        (Role::Attendee, Place::Waiting)
    );
    assert_eq!(attendee.ask(says(0)).await, Err(Reject::NotAdmitted));
    attendee.ask(ClientMessage::Knock(knock())).await.unwrap();
    let knocked = moderator.knocked().await;
    assert!(!knocked.returning && !knocked.other_device);
    assert_eq!(stage.switchboard.occupancy(ROOM).n_waiting, 1);

    moderator.ask(adds(0, &[knocked.participant])).await.unwrap();
    let welcomed = attendee.welcomed().await;
    assert_eq!(welcomed.wrapped_room_secret.as_slice(), [1; 60]);
    assert_eq!(welcomed.present.len(), 1);
    assert_eq!(stage.switchboard.occupancy(ROOM).n_waiting, 0);

    attendee.ask(says(1)).await.unwrap();
    moderator.relayed().await;

    attendee.ask(ClientMessage::Leave).await.unwrap();
    assert_eq!(attendee.farewell().await, FarewellReason::Left);
    let reason = FarewellReason::Left;
    moderator.wait_for(ServerMessage::Gone { participant: attendee.who(), reason }).await;

    let invite = stage.store.invite(InviteId::from_bytes([1; 16])).await.unwrap().unwrap();
    assert!(invite.device_hash.is_some(), "the device is pinned");
    let counters = stage.switchboard.counters();
    assert_eq!((counters.rooms, counters.members, counters.commits_accepted), (1, 1, 1));
    assert_eq!(counters.rejects.get("not_admitted"), Some(&1));
}

#[tokio::test]
async fn media_is_offered_answered_bound_and_closed_by_removal() {
    let stage = Stage::new().await;
    let (mut moderator, mut attendee) = stage.pair().await;
    for guest in [&mut moderator, &mut attendee] {
        let n = guest.say(offer()).await;
        let opened = |order: &MediaOrder| matches!(order, MediaOrder::OpenPeer { peer, .. } if *peer == guest.who());
        until("the offer is handed on", || stage.media.orders().iter().any(opened)).await;
        stage.opened(guest).await;
        guest.answer_to(n).await.unwrap();
    }

    let binding = SlotBinding {
        mid: Mid::new("1").unwrap(),
        publisher: moderator.who(),
        kind: TrackKind::Microphone,
    };
    let bindings = vec![binding.clone()];
    attendee.wait_for(ServerMessage::Slots { bindings }).await;
    let subscriber = attendee.who();
    assert!(stage.media.orders().contains(&MediaOrder::BindSlot { subscriber, binding }));
    let leaf = MediaOrder::SetLeaf { peer: subscriber, leaf: LeafIndex(1) };
    assert!(stage.media.orders().contains(&leaf));

    moderator.ask(removes(1, &[subscriber])).await.unwrap();
    assert_eq!(attendee.farewell().await, FarewellReason::Removed);
    let closed = MediaOrder::ClosePeer { peer: subscriber };
    until("the media is closed", || stage.media.orders().contains(&closed)).await;
    let commits = attendee.leftovers();
    assert!(!commits.iter().any(|one| matches!(one, ServerMessage::Committed(_))));
}

#[tokio::test]
async fn whoever_comes_back_in_time_is_sent_what_they_missed() {
    let stage = Stage::new().await;
    let (mut moderator, attendee) = stage.pair().await;
    let (who, resume) = (attendee.who(), attendee.resume(2));
    drop(attendee);
    moderator
        .find(|message| {
            let ServerMessage::Present(presence) = message else { return None };
            (presence.participant == who && !presence.connected).then_some(())
        })
        .await;
    for _ in 0..3 {
        moderator.ask(says(1)).await.unwrap();
    }

    let mut back = stage.hello(resume.clone()).await.unwrap();
    assert!(back.entered.resumed);
    assert_eq!((back.who(), back.entered.place), (who, Place::Room));
    for seq in 3..6 {
        assert_eq!(back.relayed().await, seq);
    }
    assert_eq!(stage.hello(resume).await.err(), Some(Reject::NoSuchRight), "good once");
    back.ask(says(1)).await.unwrap();
    moderator.relayed().await;
}

#[tokio::test]
async fn a_second_connection_of_the_same_participant_replaces_the_first() {
    let stage = Stage::new().await;
    let (_moderator, mut attendee) = stage.pair().await;

    let mut second = stage.hello(attendee.resume(2)).await.unwrap();

    assert_eq!(attendee.farewell().await, FarewellReason::Replaced);
    drop(attendee);
    second.ask(ClientMessage::Ping).await.unwrap();
    assert_eq!(stage.switchboard.counters().connections, 2);
}

#[tokio::test(start_paused = true)]
async fn a_place_is_kept_for_a_while_and_then_the_room_is_let_go() {
    let stage = Stage::new().await;
    let (mut moderator, attendee) = stage.pair().await;
    let (who, resume) = (attendee.who(), attendee.resume(2));
    drop(attendee);

    // The clock of the test runs when everybody waits.
    tokio::time::sleep(RESUME_PATIENCE / 2).await;
    assert!(!moderator.leftovers().iter().any(|one| matches!(one, ServerMessage::Gone { .. })));
    tokio::time::sleep(RESUME_PATIENCE).await;
    let reason = FarewellReason::Lost;
    moderator.wait_for(ServerMessage::Gone { participant: who, reason }).await;
    assert_eq!(stage.hello(resume).await.err(), Some(Reject::NoSuchRight));

    moderator.ask(ClientMessage::Leave).await.unwrap();
    drop(moderator);
    tokio::time::sleep(ROOM_IDLE_PATIENCE * 2).await;
    assert_eq!(stage.switchboard.counters().rooms, 0);
    assert!(!stage.switchboard.occupancy(ROOM).live);

    let again = stage.moderator().await;
    assert_eq!(again.entered.group, None, "nothing is remembered");
    assert_eq!(stage.switchboard.counters().rooms_opened, 2);
}

#[tokio::test]
async fn a_newer_moderator_replaces_the_older_and_finds_every_knock() {
    let stage = Stage::new().await;
    let (mut first, mut attendee) = stage.pair().await;
    let mut waiting = stage.visitor(2, 2).await;
    waiting.ask(ClientMessage::Knock(knock())).await.unwrap();

    let mut second = stage.moderator().await;

    assert_eq!(first.farewell().await, FarewellReason::Replaced);
    let places: Vec<_> =
        second.entered.knocks.iter().map(|one| (one.participant, one.place)).collect();
    assert!(places.contains(&(attendee.who(), Place::Room)));
    assert!(places.contains(&(waiting.who(), Place::Waiting)));
    assert_eq!(second.entered.group.map(|group| group.epoch.0), Some(1));

    // The group is founded again, and takes over whoever is in the room.
    assert_eq!(second.ask(open_group(0)).await, Err(Reject::StaleGeneration));
    let group = protocol::client::OpenGroup {
        group: protocol::id::GroupId::from_bytes([9; 32]),
        generation: Generation(1),
    };
    second.ask(ClientMessage::OpenGroup(group)).await.unwrap();
    let ClientMessage::Commit(commit) = adds(0, &[attendee.who()]) else { unreachable!() };
    let commit = protocol::client::Commit { group: group_id(9), ..commit };
    second.ask(ClientMessage::Commit(commit)).await.unwrap();
    assert_eq!(attendee.welcomed().await.generation.0, 1);
}

#[tokio::test]
async fn the_same_device_returns_and_another_is_told_apart() {
    let stage = Stage::new().await;
    let (mut moderator, mut attendee) = stage.pair().await;

    let mut other = stage.visitor(1, 9).await;
    other.ask(ClientMessage::Knock(knock())).await.unwrap();
    let knocked = moderator.knocked().await;
    assert!(knocked.other_device && !knocked.returning);

    let mut same = stage.visitor(1, 1).await;
    assert_eq!(attendee.farewell().await, FarewellReason::Replaced);
    same.ask(ClientMessage::Knock(knock())).await.unwrap();
    let knocked = moderator.knocked().await;
    assert!(knocked.returning && !knocked.other_device);
    assert_eq!(knocked.participant, same.who());
}

#[tokio::test]
async fn rights_that_are_not_good_lead_nowhere() {
    let stage = Stage::new().await;
    stage.store.create_invite(invite(8, UnixSeconds(1)), 10).await.unwrap();
    stage.store.revoke_invite(InviteId::from_bytes([3; 16])).await.unwrap();
    let Right::Invite { invite, device, .. } = right(1, 1) else { unreachable!() };
    let wrong = Right::Invite { invite, server_auth: Opaque::default(), device };
    let random = Opaque::new(vec![9; 32]).unwrap();

    for (right, reject) in [
        (wrong, Reject::NoSuchRight),
        (right(77, 1), Reject::NoSuchRight),
        (right(3, 1), Reject::NoSuchRight),
        (right(8, 1), Reject::Expired),
        (Right::Ticket { ticket: random.clone() }, Reject::NoSuchRight),
        (Right::Resume { resume: random, after: 0 }, Reject::NoSuchRight),
    ] {
        assert_eq!(stage.hello(right.clone()).await.err(), Some(reject), "{right:?}");
    }
    let stranger = AccountId::from_bytes([7; 16]);
    assert_eq!(stage.switchboard.ticket(stranger, ROOM).await, Err(Reject::NoSuchRight));
    assert_eq!(stage.switchboard.end_room(stranger, ROOM).await, Err(Reject::NoSuchRight));
    let invite = InviteId::from_bytes([1; 16]);
    assert_eq!(
        stage.switchboard.revoke_invite(stranger, invite).await,
        Err(Reject::NoSuchRight)
    );
    assert_eq!(stage.switchboard.counters().rooms, 0, "no room runs for a stranger");
}

#[tokio::test(start_paused = true)]
async fn a_ticket_is_good_once_and_not_for_long() {
    let stage = Stage::new().await;
    let ticket = stage.switchboard.ticket(OWNER, ROOM).await.unwrap();
    let late = stage.switchboard.ticket(OWNER, ROOM).await.unwrap();
    let right = Right::Ticket { ticket };

    assert!(stage.hello(right.clone()).await.is_ok());
    assert_eq!(stage.hello(right).await.err(), Some(Reject::NoSuchRight));
    tokio::time::sleep(TICKET_LIFETIME + Duration::from_secs(1)).await;
    let late = stage.hello(Right::Ticket { ticket: late }).await;
    assert_eq!(late.err(), Some(Reject::NoSuchRight));
}

#[tokio::test]
async fn a_room_ends_for_everybody_and_for_good() {
    let stage = Stage::new().await;
    let (mut moderator, mut attendee) = stage.pair().await;
    let mut waiting = stage.visitor(2, 2).await;
    assert_eq!(attendee.ask(ClientMessage::EndRoom).await, Err(Reject::NotModerator));

    moderator.ask(ClientMessage::EndRoom).await.unwrap();

    for guest in [&mut moderator, &mut attendee, &mut waiting] {
        assert_eq!(guest.farewell().await, FarewellReason::RoomEnded);
    }
    assert!(stage.store.room(ROOM).await.unwrap().unwrap().ended_at.is_some());
    assert_eq!(stage.hello(right(1, 1)).await.err(), Some(Reject::RoomEnded));
    assert_eq!(stage.switchboard.ticket(OWNER, ROOM).await, Err(Reject::RoomEnded));
    assert_eq!(stage.switchboard.end_room(OWNER, ROOM).await, Ok(()));
}

#[tokio::test]
async fn the_desk_ends_a_room_and_takes_an_invite_back() {
    let stage = Stage::new().await;
    let (mut moderator, mut attendee) = stage.pair().await;
    let mut waiting = stage.visitor(2, 2).await;

    let invite = InviteId::from_bytes([1; 16]);
    stage.switchboard.revoke_invite(OWNER, invite).await.unwrap();
    assert_eq!(attendee.farewell().await, FarewellReason::Revoked);
    let reason = FarewellReason::Revoked;
    moderator.wait_for(ServerMessage::Gone { participant: attendee.who(), reason }).await;
    assert_eq!(stage.hello(right(1, 1)).await.err(), Some(Reject::NoSuchRight));

    stage.switchboard.end_room(OWNER, ROOM).await.unwrap();
    for guest in [&mut moderator, &mut waiting] {
        assert_eq!(guest.farewell().await, FarewellReason::RoomEnded);
    }
}

#[tokio::test(start_paused = true)]
async fn generations_rise_even_when_the_room_begins_anew() {
    let stage = Stage::new().await;
    let mut first = stage.moderator().await;
    assert_eq!(first.entered.last_generation, None);
    first.ask(open_group(3)).await.unwrap();
    let kept = stage.store.room(ROOM).await.unwrap().unwrap().last_generation;
    assert_eq!(kept, Some(Generation(3)), "kept before the opener hears of it");
    first.ask(ClientMessage::Leave).await.unwrap();
    drop(first);
    tokio::time::sleep(ROOM_IDLE_PATIENCE * 2).await;
    assert_eq!(stage.switchboard.counters().rooms, 0);

    let mut second = stage.moderator().await;
    assert_eq!(second.entered.group, None);
    assert_eq!(second.entered.last_generation, Some(Generation(3)));
    assert_eq!(second.ask(open_group(3)).await, Err(Reject::StaleGeneration));
    second.ask(open_group(4)).await.unwrap();
}

fn group_id(seed: u8) -> protocol::id::GroupId {
    protocol::id::GroupId::from_bytes([seed; 32])
}
