//! Links for sole use, where people are by their links, and the news of it.

use std::collections::BTreeMap;

use protocol::client::ClientMessage;
use protocol::id::InviteId;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::Place;
use store::{RoomChange, Store};
use switchboard::What;

use crate::stage::{OWNER, ROOM, Stage, adds, knock, open_group, right};

const FIRST: InviteId = InviteId::from_bytes([1; 16]);

#[tokio::test]
async fn a_link_for_sole_use_is_good_for_one_device_and_one_session() {
    let stage = sole_use().await;
    let mut moderator = stage.moderator().await;
    moderator.ask(open_group(0)).await.unwrap();
    let mut attendee = stage.visitor(1, 1).await;
    attendee.ask(ClientMessage::Knock(knock())).await.unwrap();
    let knocked = moderator.knocked().await;
    let mut other = stage.visitor(1, 2).await;
    other.ask(ClientMessage::Knock(knock())).await.unwrap();
    assert_eq!(moderator.knocked().await.participant, other.who());

    moderator.ask(adds(0, &[knocked.participant])).await.unwrap();

    attendee.welcomed().await;
    assert_eq!(other.farewell().await, FarewellReason::Revoked, "somebody was let in by it");
    let refused = Some(Reject::NoSuchRight);
    assert_eq!(stage.hello(right(1, 2)).await.err(), refused, "another device, ever");
    assert!(stage.hello(right(1, 1)).await.is_ok(), "the same one may load its page again");

    let mut attendee = stage.visitor(1, 1).await;
    attendee.ask(ClientMessage::Knock(knock())).await.unwrap();
    let knocked = moderator.knocked().await;
    moderator.ask(adds(1, &[knocked.participant])).await.unwrap();
    attendee.welcomed().await;
    attendee.ask(ClientMessage::Leave).await.unwrap();
    assert_eq!(attendee.farewell().await, FarewellReason::Left);

    assert_eq!(stage.hello(right(1, 1)).await.err(), refused, "its session is over");
    moderator.ask(ClientMessage::Ping).await.unwrap();
    let kept = stage.store.invite(FIRST).await.unwrap().unwrap();
    assert!(kept.used_up && kept.wrapped_room_secret.is_empty(), "also after a restart");
    let opened = stage.switchboard.open_invite(FIRST, &[1; 32]).await;
    assert_eq!(opened.err(), refused);
}

#[tokio::test]
async fn a_link_that_may_be_used_again_leads_its_person_back() {
    let stage = Stage::new().await;
    let (_moderator, mut attendee) = stage.pair().await;
    attendee.ask(ClientMessage::Leave).await.unwrap();
    assert_eq!(attendee.farewell().await, FarewellReason::Left);
    assert!(stage.hello(right(1, 1)).await.is_ok());
    assert!(stage.hello(right(1, 2)).await.is_ok(), "the moderator is told of another device");
}

#[tokio::test]
async fn it_is_known_where_people_are_by_their_links_and_told_once() {
    let stage = Stage::new().await;
    let mut news = stage.switchboard.news();
    let mut moderator = stage.moderator().await;
    moderator.ask(open_group(0)).await.unwrap();
    let mut attendee = stage.visitor(1, 1).await;
    assert_eq!(stage.switchboard.invite_places(ROOM), BTreeMap::new(), "no knock yet");
    attendee.ask(ClientMessage::Knock(knock())).await.unwrap();
    moderator.ask(ClientMessage::Ping).await.unwrap();
    let places = stage.switchboard.invite_places(ROOM);
    assert_eq!(places, BTreeMap::from([(FIRST, Place::Waiting)]));

    let knocked = moderator.knocked().await;
    moderator.ask(adds(0, &[knocked.participant])).await.unwrap();
    attendee.welcomed().await;
    moderator.ask(ClientMessage::Ping).await.unwrap();
    let places = stage.switchboard.invite_places(ROOM);
    assert_eq!(places, BTreeMap::from([(FIRST, Place::Room)]));
    stage.switchboard.end_room(OWNER, ROOM).await.unwrap();
    stage.switchboard.end_room(OWNER, ROOM).await.unwrap();

    for what in [What::Knocked(FIRST), What::InviteUsed(FIRST), What::Started, What::Ended] {
        let one = news.recv().await.unwrap();
        assert_eq!((one.room, one.what), (ROOM, what));
    }
    assert!(news.try_recv().is_err());
}

async fn sole_use() -> Stage {
    let stage = Stage::new().await;
    let change = RoomChange { reusable: Some(false), ..RoomChange::default() };
    stage.store.change_room(ROOM, change).await.unwrap().unwrap();
    stage
}
