//! T-REMOVE: somebody removed, with all keys they ever had and every packet that flows on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headless::Headless;
use participant::Input;
use protocol::media::TrackKind;

use crate::call::farewell;
use crate::proxy::Proxy;
use crate::scene::{Call, Devices, Office, PATIENCE, sees_more};

/// Frames sent later than this after the removal must stay closed (TESTPLAN 3.3).
const OUTER_BOUND: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn somebody_removed_hears_so_and_gets_nothing_more() {
    let mut call = Call::begin().await;
    let participant = call.attendee.status().call.unwrap().me.unwrap();

    call.moderator.input(Input::Remove { participant }).await;

    let reason = farewell(&mut call.attendee).await;
    assert_eq!(reason, protocol::reject::FarewellReason::Removed);
    call.moderator
        .wait_for(PATIENCE, "an empty room", |status| {
            status.call.as_ref().is_some_and(|call| call.others.is_empty())
        })
        .await
        .unwrap();
}

/// The one removed never hears of it, keeps every key, and is given every frame.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_removed_who_keeps_the_keys_opens_nothing_sent_later() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;
    let is_deaf = Arc::new(AtomicBool::new(false));
    let deaf = Arc::clone(&is_deaf);
    let proxy = Proxy::before(office.aman.origin(), move |said| {
        if deaf.load(Ordering::SeqCst) { Vec::new() } else { vec![said] }
    })
    .await;
    let mut devices = Devices::showing(b"the moderator");
    let mut moderator = office.moderator(room, devices.tapped_media());
    let mut sealed = devices.sealed.take().unwrap();
    let link = proxy.bend(&invite.link);
    let media = Devices::showing(b"the one removed").media();
    let mut attendee = Headless::attendee(&link, "Eve", media).unwrap();
    let participant = moderator.admit_next(PATIENCE).await.unwrap();
    sees_more(&mut attendee).await;

    is_deaf.store(true, Ordering::SeqCst);
    while sealed.try_recv().is_ok() {}
    let control = sealed.recv().await.unwrap();
    moderator.input(Input::Remove { participant }).await;
    moderator
        .wait_for(PATIENCE, "the removal", |status| {
            status.call.as_ref().is_some_and(|call| call.others.is_empty())
        })
        .await
        .unwrap();
    let removed_at = moderator.clock().now();

    // The key of the control is still there: the frame is refused only as seen before, or not
    // at all.
    let audio = control.kind == TrackKind::Microphone;
    let opened = attendee.try_open(audio, control.bytes).await;
    assert!(matches!(opened, Ok(()) | Err("replayed")), "{opened:?}");

    let mut n_tried = 0;
    while n_tried < 50 {
        let frame = sealed.recv().await.unwrap();
        if frame.at < removed_at + OUTER_BOUND {
            continue;
        }
        let audio = frame.kind == TrackKind::Microphone;
        let opened = attendee.try_open(audio, frame.bytes).await;
        let late = frame.at - removed_at;
        assert_eq!(opened, Err("unknown_key"), "sent {late:?} after the removal");
        n_tried += 1;
    }
}
