//! A call between two people, from the first knock to the end.

use headless::{Headless, Media};
use participant::Input;
use participant::output::{EndReason, Phase};
use protocol::media::TrackKind;
use protocol::reject::FarewellReason;

use crate::scene::{Call, Devices, Office, PATIENCE, on_loopback};

#[tokio::test(flavor = "multi_thread")]
async fn frames_and_chat_cross_both_ways_and_the_codes_agree() {
    let mut call = Call::begin().await;

    let sides = [
        (&call.moderator_devices, &call.attendee_devices),
        (&call.attendee_devices, &call.moderator_devices),
    ];
    for (here, there) in sides {
        let sent: Vec<_> = there.clips.iter().flat_map(|clip| clip.frames()).collect();
        let seen = here.seen.frames();
        assert!(seen.iter().all(|frame| sent.contains(&&frame.bytes)), "a frame was changed");
        assert!(seen.iter().any(|frame| frame.kind == TrackKind::Camera));
        assert!(seen.iter().any(|frame| frame.kind == TrackKind::Microphone));
    }

    call.moderator.chat("How are you today?").await;
    call.attendee.chat("أفضل قليلاً، شكراً").await;
    for (who, other, text) in [
        (&mut call.attendee, "Dr Example", "How are you today?"),
        (&mut call.moderator, "Ben", "أفضل قليلاً، شكراً"),
    ] {
        who.wait_for(PATIENCE, "the other's line", |status| {
            status.chat.iter().any(|line| !line.own && line.name == other && line.text == text)
        })
        .await
        .unwrap();
    }

    let theirs = call
        .attendee
        .wait_for(PATIENCE, "a safety code", |status| status.safety_code().is_some())
        .await
        .unwrap();
    let ours = call
        .moderator
        .wait_for(PATIENCE, "a safety code", |status| status.safety_code().is_some())
        .await
        .unwrap();
    assert_eq!(ours.safety_code(), theirs.safety_code());
    let counsellor = theirs.call.unwrap().counsellor;
    assert_eq!(counsellor.as_deref(), Some("Dr Example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_moderator_ends_it_for_both() {
    let mut call = Call::begin().await;

    call.moderator.input(Input::EndRoom).await;

    for who in [&mut call.attendee, &mut call.moderator] {
        assert_eq!(farewell(who).await, FarewellReason::RoomEnded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_leaves_is_gone_for_the_other() {
    let mut call = Call::begin().await;

    call.attendee.input(Input::Leave).await;

    assert_eq!(farewell(&mut call.attendee).await, FarewellReason::Left);
    call.moderator
        .wait_for(PATIENCE, "an empty room", |status| {
            status.call.as_ref().is_some_and(|call| call.others.is_empty())
        })
        .await
        .unwrap();
    assert!(matches!(call.moderator.status().phase(), Some(Phase::InCall)));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_declined_hears_so_and_sees_nothing() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;
    let mut moderator = office.moderator(room, Media::default());
    let devices = Devices::showing(b"somebody");
    let mut attendee = Headless::attendee(&invite.link, "Eve", devices.media()).unwrap();

    let participant = moderator.first_waiting(PATIENCE).await.unwrap();
    let name = moderator.status().call.unwrap().waiting.remove(0).name;
    moderator.input(Input::Decline { participant }).await;

    assert_eq!(name, "Eve");
    assert_eq!(farewell(&mut attendee).await, FarewellReason::Declined);
    assert!(devices.seen.frames().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_camera_works_for_the_one_who_has_none() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;
    let devices = Devices::showing(b"counsellor");
    let mut moderator = office.moderator(room, devices.media());
    let media = Media { peer: on_loopback(), ..Media::default() };
    let mut attendee = Headless::attendee(&invite.link, "Ben", media).unwrap();

    moderator.admit_next(PATIENCE).await.unwrap();

    crate::scene::sees_more(&mut attendee).await;
    let others = moderator.status().call.unwrap().others;
    assert!(others.iter().all(|other| other.tracks.iter().all(|track| !track.on)));
}

/// Why it is over for somebody.
pub(crate) async fn farewell(who: &mut Headless) -> FarewellReason {
    let status =
        who.wait_for(PATIENCE, "the end", |status| status.ended().is_some()).await.unwrap();
    match status.ended().unwrap() {
        EndReason::Farewell { reason } => *reason,
        other @ (EndReason::Refused { .. }
        | EndReason::Unsafe { .. }
        | EndReason::SignedOut) => {
            panic!("{other:?}")
        }
    }
}
