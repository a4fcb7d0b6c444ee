//! Words beside the chat, over the real server: before admission, in the call, on paper; and a
//! companion who comes by a link of their own.

use headless::Headless;
use participant::Input;
use participant::input::{AgreedItem, Topic};

use crate::scene::{Call, Devices, Office, PATIENCE, sees_more};

#[tokio::test(flavor = "multi_thread")]
async fn notes_pass_before_admission_and_the_first_was_set_beforehand() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;
    let mut moderator = office.moderator(room, Devices::showing(b"Ana").media());
    moderator.input(Input::PresetNote { text: Some("set beforehand".to_owned()) }).await;
    let media = Devices::showing(b"Ben").media();
    let mut attendee = Headless::attendee(&invite.link, "Ben", media).unwrap();
    note_comes(&mut attendee, "set beforehand").await;
    attendee
        .input(Input::TellDoorstep { participant: None, text: "thank you".to_owned() })
        .await;
    note_comes(&mut moderator, "thank you").await;
    let is_seen = attendee.status().call.unwrap().is_seen;
    assert!(is_seen);

    // The line breaks while somebody waits: what is said then comes after.
    moderator.cut_socket().await;
    attendee
        .input(Input::TellDoorstep { participant: None, text: "still here".to_owned() })
        .await;
    note_comes(&mut moderator, "still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sayings_and_receipts_cross_and_both_keep_the_same_paper() {
    let mut call = Call::begin().await;
    call.attendee.say(Topic::Live, "{\"text\":\"hel\"}").await;
    call.moderator
        .wait_for(PATIENCE, "a saying", |status| {
            status.said.iter().any(|said| said.topic == Topic::Live)
        })
        .await
        .unwrap();
    let items = vec![AgreedItem { name: "counselling".to_owned(), agreed: true }];
    let (version, language) = ("1".to_owned(), "zh".to_owned());
    call.attendee.input(Input::Agree { version, language, items }).await;
    let mut papers = Vec::new();
    for who in [&mut call.attendee, &mut call.moderator] {
        let status = who.wait_for(PATIENCE, "a receipt", |s| !s.receipts.is_empty()).await;
        papers.push(status.unwrap().receipts);
    }
    assert_eq!(papers[0], papers[1]);
    assert!(participant::verify_receipt(&papers[0][0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companion_comes_by_a_further_link_and_all_three_see_each_other() {
    let mut call = Call::begin().await;
    let link = call.office.invite(call.room).await.link;
    // The moderator's device knows the links of its room from the beginning of its sitting.
    call.moderator.input(Input::Leave).await;
    let devices = Devices::showing(b"Ana again");
    let mut moderator = call.office.moderator(call.room, devices.media());
    moderator.admit_next(PATIENCE).await.unwrap();
    // Until then the attendee is still among those who wait, and would be admitted twice.
    let is_in = |status: &headless::status::Status| {
        status.call.as_ref().is_some_and(|call| call.n_members == 2 && call.waiting.is_empty())
    };
    moderator.wait_for(PATIENCE, "the attendee is back", is_in).await.unwrap();
    let media = Devices::showing(b"the interpreter").media();
    let mut companion = Headless::attendee(&link, "Interpreter", media).unwrap();
    moderator.admit_next(PATIENCE).await.unwrap();
    for who in [&mut companion, &mut moderator, &mut call.attendee] {
        let everybody = |status: &headless::status::Status| {
            status
                .call
                .as_ref()
                .is_some_and(|call| call.n_members == 3 && call.others.len() == 2)
                && status.counters.opened.keys().filter(|(_, kind)| is_camera(*kind)).count()
                    >= 2
        };
        who.wait_for(PATIENCE, "two other pictures", everybody).await.unwrap();
        sees_more(who).await;
    }
    companion.chat("hello, both of you").await;
    for who in [&mut moderator, &mut call.attendee] {
        let heard =
            |status: &headless::status::Status| status.chat.iter().any(|line| !line.own);
        who.wait_for(PATIENCE, "the companion's line", heard).await.unwrap();
    }
}

fn is_camera(kind: protocol::media::TrackKind) -> bool {
    kind == protocol::media::TrackKind::Camera
}

async fn note_comes(who: &mut Headless, text: &str) {
    who.wait_for(PATIENCE, "a note", |status| {
        status.notes.iter().any(|note| !note.own && note.text == text)
    })
    .await
    .unwrap();
}
