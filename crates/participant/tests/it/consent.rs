//! Consent receipts between two devices.

use std::time::Duration;

use e2ee::receipt::{Kind, Receipt};
use participant::Input;
use participant::input::{AgreedItem, Topic};
use protocol::reject::Reject;
use protocol::server::ServerMessage;

use crate::world::{ANA, BEN, World};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn both_keep_the_same_receipt_with_two_signatures_and_the_server_none() {
    let mut world = World::new(1);
    world.settle();
    let ben = world.attendee_core(1, "Ben", 1);
    world.add(ben);
    // Consent is asked for before anybody is let in.
    world.tell(BEN, agree());
    world.settle();
    assert!(world.people[BEN].receipts.is_empty() && world.people[BEN].refused.is_empty());
    world.admit_all();
    world.advance(3 * SECOND);

    let [receipt] = &receipts(&world, BEN)[..] else { panic!("one receipt") };
    assert_eq!(receipt.verify(), Ok(()));
    assert_eq!(receipt.statement.version, "2026-11");
    assert!(receipt.statement.items[0].agreed && !receipt.statement.items[1].agreed);
    assert_eq!(world.people[ANA].receipts, world.people[BEN].receipts);
    assert!(world.people[ANA].said.is_empty(), "the exchange is not for the page");
    let sent = world.people.iter().flat_map(|person| &person.sent);
    assert!(sent.clone().all(|text| !text.contains("recording")));
}

#[test]
fn what_was_agreed_is_taken_back_by_a_statement_of_its_own() {
    let mut world = World::in_call(2);
    world.tell(BEN, Input::Withdraw);
    assert_eq!(drain(&mut world), [Reject::OutOfOrder], "there is nothing to take back");
    world.tell(BEN, agree());
    world.advance(3 * SECOND);
    world.tell(BEN, Input::Withdraw);
    world.advance(3 * SECOND);

    let [agreed, withdrawn] = &receipts(&world, ANA)[..] else { panic!("two receipts") };
    assert_eq!(
        (agreed.statement.kind, withdrawn.statement.kind),
        (Kind::Agreed, Kind::Withdrawn)
    );
    assert_eq!(agreed.statement.id, withdrawn.statement.id);
    assert!(withdrawn.statement.items.iter().all(|item| !item.agreed));
    assert_eq!(withdrawn.verify(), Ok(()));
    assert_eq!(world.people[BEN].receipts, world.people[ANA].receipts);
}

#[test]
fn a_statement_that_was_lost_with_its_group_is_said_again_in_the_next() {
    let mut world = World::in_call(3);
    // The server keeps the counsellor from hearing anything.
    world.mangle = Some(Box::new(|_, _, message| {
        let is_held = matches!(message, ServerMessage::Relayed(_));
        if is_held { Vec::new() } else { vec![message] }
    }));
    world.tell(BEN, agree());
    world.advance(5 * SECOND);
    assert!(world.people[BEN].receipts.is_empty());
    world.mangle = None;
    let ana = world.moderator_core();
    world.reload(ANA, ana);
    world.advance(10 * SECOND);
    assert_eq!(receipts(&world, BEN).len(), 1);
    assert_eq!(world.people[ANA].receipts, world.people[BEN].receipts);
}

#[test]
fn nobody_signs_or_keeps_what_is_forged() {
    let mut world = World::in_call(4);
    world.tell(BEN, agree());
    world.advance(3 * SECOND);
    let good = world.people[BEN].receipts[0].clone();
    world.people[ANA].receipts.clear();
    let changed = good.replace("\"agreed\":false", "\"agreed\":true");
    assert_ne!(changed, good);
    let unsigned: Receipt = serde_json::from_str(&changed).unwrap();
    let unsigned = Receipt { counsellor: None, ..unsigned };
    let unsigned = serde_json::to_string(&unsigned).unwrap();
    for text in [unsigned, changed.clone(), good, "{}".to_owned(), "not json".to_owned()] {
        world.tell(BEN, Input::Say { topic: Topic::Consent, text });
        world.advance(2 * SECOND);
    }
    assert!(world.people[ANA].receipts.is_empty());
    world.people[BEN].receipts.clear();
    world.tell(ANA, Input::Say { topic: Topic::Consent, text: changed });
    world.advance(2 * SECOND);
    assert!(world.people[BEN].receipts.is_empty());
}

#[test]
fn only_attendees_agree_and_only_within_the_limits() {
    let mut world = World::in_call(5);
    world.tell(ANA, agree());
    world.settle();
    assert_eq!(world.people[ANA].refused, [Reject::OutOfOrder]);
    let long = "x".repeat(49);
    let Input::Agree { version, items, .. } = agree() else { unreachable!() };
    world.tell(BEN, Input::Agree { version, language: long, items });
    assert_eq!(drain(&mut world), [Reject::TooLarge]);
}

fn agree() -> Input {
    let item = |name: &str, agreed| AgreedItem { name: name.to_owned(), agreed };
    Input::Agree {
        version: "2026-11".to_owned(),
        language: "ar".to_owned(),
        items: vec![item("counselling", true), item("recording", false)],
    }
}

fn receipts(world: &World, who: usize) -> Vec<Receipt> {
    let receipts = world.people[who].receipts.iter();
    receipts.map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn drain(world: &mut World) -> Vec<Reject> {
    world.settle();
    std::mem::take(&mut world.people[BEN].refused)
}
