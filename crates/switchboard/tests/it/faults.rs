//! What goes wrong: a server that stops, a room that breaks, clients that do not read.

use std::sync::atomic::Ordering;
use std::time::Duration;

use media::MediaOrder;
use protocol::client::ClientMessage;
use protocol::id::RoomId;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::ServerMessage;
use protocol::time::UnixSeconds;
use store::{InviteRecord, RoomRecord, Store};

use crate::stage::{FAR_AWAY, OWNER, ROOM, Stage, invite, knock, offer, right, says, until};

#[tokio::test]
async fn a_server_that_stops_says_so_and_waits_for_its_connections() {
    let stage = Stage::new().await;
    let (mut moderator, mut attendee) = stage.pair().await;
    let (mut waiting, switchboard) = (stage.visitor(2, 2).await, stage.switchboard.clone());

    let stopped = tokio::spawn(async move {
        switchboard.shut_down(Duration::from_secs(60)).await;
    });
    for guest in [&mut moderator, &mut attendee, &mut waiting] {
        assert_eq!(guest.farewell().await, FarewellReason::ServerStopping);
    }
    assert!(!stopped.is_finished(), "three connections are still open");
    drop((moderator, attendee, waiting));
    stopped.await.unwrap();
    assert_eq!(stage.hello(right(1, 1)).await.err(), Some(Reject::Internal));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_does_not_wait_for_ever() {
    let stage = Stage::new().await;
    let _stays = stage.visitor(1, 1).await;

    stage.switchboard.shut_down(Duration::from_secs(5)).await;

    assert_eq!(stage.switchboard.counters().connections, 1);
}

#[tokio::test]
async fn a_room_that_breaks_tells_its_people_and_no_other_room_notices() {
    let stage = Stage::new().await;
    let quiet = second_room(&stage).await;
    let mut elsewhere = stage.hello(right(9, 9)).await.unwrap();
    let (mut moderator, mut attendee) = stage.pair().await;

    let n = attendee.say(offer()).await;
    until("the offer is handed on", || !stage.media.orders().is_empty()).await;
    stage.opened(&attendee).await;
    attendee.answer_to(n).await.unwrap();
    stage.media.panics.store(true, Ordering::SeqCst);
    moderator.say(offer()).await;

    for guest in [&mut moderator, &mut attendee] {
        assert_eq!(guest.farewell().await, FarewellReason::Internal);
    }
    let closed = MediaOrder::ClosePeer { peer: attendee.who() };
    until("the media is closed", || stage.media.orders().contains(&closed)).await;
    elsewhere.ask(ClientMessage::Ping).await.unwrap();
    assert_eq!(elsewhere.entered.room, quiet);
    let counters = stage.switchboard.counters();
    assert_eq!((counters.rooms_broken, counters.rooms), (1, 1));

    let mut again = stage.visitor(1, 1).await;
    again.ask(ClientMessage::Knock(knock())).await.unwrap();
}

#[tokio::test]
async fn whoever_does_not_read_is_cut_off_and_may_come_back() {
    let stage = Stage::new().await;
    let (mut moderator, attendee) = stage.pair().await;
    let mut slow = stage.hello_with_outbox(attendee.resume(2), 4).await.unwrap();
    for _ in 0..8 {
        moderator.ask(says(1)).await.unwrap();
    }

    moderator
        .find(|message| {
            let ServerMessage::Present(presence) = message else { return None };
            (presence.participant == slow.who() && !presence.connected).then_some(())
        })
        .await;
    assert!(slow.is_cut_off().await);
    assert_eq!(stage.switchboard.counters().outboxes_overflowed, 1);

    let mut back = stage.hello(slow.resume(2)).await.unwrap();
    for seq in 3..11 {
        assert_eq!(back.relayed().await, seq);
    }
}

#[tokio::test]
async fn orders_a_busy_media_plane_did_not_take_are_given_again_in_order() {
    let stage = Stage::new().await;
    let (mut moderator, attendee) = stage.pair().await;
    stage.media.is_busy.store(true, Ordering::SeqCst);
    moderator.say(offer()).await;
    attendee.say(offer()).await;
    moderator.ask(ClientMessage::Ping).await.unwrap();
    assert_eq!(stage.media.orders(), []);

    stage.media.is_busy.store(false, Ordering::SeqCst);
    until("all orders are taken", || stage.media.orders().len() == 4).await;

    let opened = |order: &MediaOrder| match order {
        MediaOrder::OpenPeer { peer, .. } => Some(*peer),
        MediaOrder::BindSlot { .. }
        | MediaOrder::UnbindSlot { .. }
        | MediaOrder::HoldTrack { .. }
        | MediaOrder::SetLeaf { .. }
        | MediaOrder::ClosePeer { .. } => None,
    };
    let peers: Vec<_> = stage.media.orders().iter().filter_map(opened).collect();
    assert_eq!(peers, [moderator.who(), attendee.who()]);
    assert!(stage.switchboard.counters().media_busy > 0);
}

#[tokio::test]
async fn a_room_that_ended_this_moment_is_opened_afresh_for_whoever_comes() {
    let stage = Stage::new().await;
    for _ in 0..50 {
        let moderator = stage.moderator().await;
        stage.media.panics.store(true, Ordering::SeqCst);
        moderator.say(offer()).await;
        // Whoever comes while the room breaks is let into it, or into one that works.
        let _next = stage.moderator().await;
        stage.media.panics.store(false, Ordering::SeqCst);
    }
    assert!(stage.moderator().await.ask(ClientMessage::Ping).await.is_ok());
}

/// Another room of the same owner, with invite 9.
async fn second_room(stage: &Stage) -> RoomId {
    let id = RoomId::from_bytes([8; 16]);
    let room = RoomRecord {
        id,
        owner: OWNER,
        sealed_title: vec![],
        created_at: UnixSeconds(0),
        ended_at: None,
        last_generation: None,
        starts_at: None,
        minutes: None,
        kind: protocol::api::RoomKind::Video,
        reusable: true,
    };
    stage.store.create_room(room, 10).await.unwrap();
    let record = InviteRecord { room: id, ..invite(9, FAR_AWAY) };
    stage.store.create_invite(record, 10).await.unwrap();
    assert_ne!(id, ROOM);
    id
}
