//! Connections break and servers stop; calls go on.

use participant::output::Phase;
use protocol::reject::FarewellReason;

use crate::scene::{Call, Office, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_websocket_is_resumed_and_media_never_stops() {
    let mut call = Call::begin().await;
    let before = call.attendee.status();
    let me = before.call.as_ref().unwrap().me;

    call.attendee.cut_socket().await;
    call.moderator.chat("Are you still there?").await;

    let status = call
        .attendee
        .wait_for(PATIENCE, "a second WebSocket, and what was missed", |status| {
            status.counters.sockets == before.counters.sockets + 1
                && status.is_in_call()
                && status.chat.iter().any(|line| line.text == "Are you still there?")
        })
        .await
        .unwrap();
    assert_eq!(status.call.as_ref().unwrap().me, me, "the same participant goes on");
    assert_eq!(status.safety_code(), before.safety_code(), "the same group goes on");
    assert_eq!(status.counters.media_connections, 1, "media was not made anew");
    call.media_flows_both_ways().await;
    let lines = call.attendee.status().chat;
    assert_eq!(lines.iter().filter(|line| line.text == "Are you still there?").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_moderators_cut_websocket_is_resumed_too() {
    let mut call = Call::begin().await;
    let before = call.moderator.status();

    call.moderator.cut_socket().await;

    call.moderator
        .wait_for(PATIENCE, "a second WebSocket", |status| {
            status.counters.sockets == before.counters.sockets + 1 && status.is_in_call()
        })
        .await
        .unwrap();
    call.moderator.chat("Back.").await;
    call.attendee
        .wait_for(PATIENCE, "the moderator's line", |status| {
            status.chat.iter().any(|line| line.text == "Back.")
        })
        .await
        .unwrap();
    call.media_flows_both_ways().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_come_back_when_the_server_was_killed_and_started_again() {
    let mut call = Call::begin().await;
    let code = call.attendee.status().safety_code();

    call.office.aman.kill().await;
    for who in [&mut call.moderator, &mut call.attendee] {
        who.wait_for(PATIENCE, "reconnecting", |status| {
            matches!(status.phase(), Some(Phase::Reconnecting { .. } | Phase::Connecting))
        })
        .await
        .unwrap();
    }
    call.office.aman.start_again().await.unwrap();

    for who in [&mut call.moderator, &mut call.attendee] {
        who.wait_for(2 * PATIENCE, "the call again", |status| {
            status.is_in_call() && status.safety_code().is_some()
        })
        .await
        .unwrap();
    }
    call.media_flows_both_ways().await;
    assert_ne!(call.attendee.status().safety_code(), code, "the group was founded anew");
    assert_eq!(call.attendee.status().safety_code(), call.moderator.status().safety_code());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_farewell_and_is_waited_for() {
    let mut call = Call::begin().await;

    let stopped = call.office.aman.stop().await.unwrap();

    assert!(stopped.success(), "{stopped:?}");
    assert!(FarewellReason::ServerStopping.may_reconnect());
    for who in [&mut call.moderator, &mut call.attendee] {
        who.wait_for(PATIENCE, "reconnecting", |status| {
            matches!(status.phase(), Some(Phase::Reconnecting { .. } | Phase::Connecting))
        })
        .await
        .unwrap();
        assert_eq!(who.status().ended(), None);
    }
    call.office.aman.start_again().await.unwrap();
    call.media_flows_both_ways().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_and_links_outlive_the_server() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;

    office.aman.stop().await.unwrap();
    office.aman.start_again().await.unwrap();

    let rooms = office.desk.rooms().await.unwrap();
    assert_eq!(rooms.iter().map(|view| view.room).collect::<Vec<_>>(), [room]);
    assert_eq!(rooms[0].invites[0].invite, invite.invite);
}
