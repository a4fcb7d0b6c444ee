//! Who gets as far as the waiting room.

use std::time::Duration;

use headless::clock::Clock;
use headless::desk::Link;
use headless::{Headless, Media};
use participant::Input;
use participant::output::EndReason;
use protocol::reject::{FarewellReason, Reject};

use crate::call::farewell;
use crate::scene::{Office, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_nobody_made_is_refused() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let link = office.invite(room).await.link;
    let (before, after) = link.expose().split_once("#1.").unwrap();
    let (_, pin) = after.split_once('.').unwrap();
    let made_up = Link::new(format!("{before}#1.{}.{pin}", "A".repeat(43)));

    let mut stranger = Headless::attendee(&made_up, "Eve", Media::default()).unwrap();

    assert_eq!(refusal(&mut stranger).await, Reject::NoSuchRight);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_link_is_refused_before_and_while_waiting() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let unused = office.invite(room).await;
    let used = office.invite(room).await;
    let mut moderator = office.moderator(room, Media::default());
    let mut waiting = Headless::attendee(&used.link, "Ben", Media::default()).unwrap();
    moderator.first_waiting(PATIENCE).await.unwrap();

    office.desk.revoke(unused.invite).await.unwrap();
    office.desk.revoke(used.invite).await.unwrap();
    let mut late = Headless::attendee(&unused.link, "Eve", Media::default()).unwrap();

    assert_eq!(farewell(&mut waiting).await, FarewellReason::Revoked);
    assert_eq!(refusal(&mut late).await, Reject::NoSuchRight);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_link_says_so() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let expires_at = Clock::new().unix().plus(2);
    let invite = office.desk.invite(room, expires_at).await.unwrap();
    // The condition waited for is the wall clock itself: that second must have begun.
    while Clock::new().unix() <= expires_at {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let mut late = Headless::attendee(&invite.link, "Ben", Media::default()).unwrap();

    assert_eq!(refusal(&mut late).await, Reject::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_room_that_ended_says_so() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;
    office.desk.end_room(room).await.unwrap();

    let mut late = Headless::attendee(&invite.link, "Ben", Media::default()).unwrap();

    let refused = refusal(&mut late).await;
    assert!(matches!(refused, Reject::RoomEnded | Reject::NoSuchRight), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_device_is_flagged_and_not_let_in_by_itself() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;
    let mut moderator = office.moderator(room, Media::default());
    let mut first =
        Headless::attendee_on([1; 16], &invite.link, "Ben", Media::default()).unwrap();
    let admitted = moderator.admit_next(PATIENCE).await.unwrap();
    first.wait_for(PATIENCE, "the call", |status| status.is_in_call()).await.unwrap();

    let mut second =
        Headless::attendee_on([2; 16], &invite.link, "Ben?", Media::default()).unwrap();

    let status = moderator
        .wait_for(PATIENCE, "a second knock", |status| {
            status.call.as_ref().is_some_and(|call| {
                call.waiting.iter().any(|waiting| waiting.participant != admitted)
            })
        })
        .await
        .unwrap();
    let waiting = &status.call.unwrap().waiting[0];
    assert!(waiting.other_device);
    assert!(second.status().is_waiting(), "{:?}", second.status().phase());
    moderator.input(Input::Decline { participant: waiting.participant }).await;
    assert_eq!(farewell(&mut second).await, FarewellReason::Declined);
    assert!(first.status().is_in_call());
}

/// Why the server did not let somebody in at all.
async fn refusal(who: &mut Headless) -> Reject {
    let status =
        who.wait_for(PATIENCE, "a refusal", |status| status.ended().is_some()).await.unwrap();
    match status.ended().unwrap() {
        EndReason::Refused { reject } => reject.clone(),
        other @ (EndReason::Farewell { .. }
        | EndReason::Unsafe { .. }
        | EndReason::SignedOut) => {
            panic!("{other:?}")
        }
    }
}
