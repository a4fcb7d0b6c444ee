//! A server that lies about who is there: nobody is let in, shown or heard by its word alone.

use headless::{Headless, Media};
use participant::output::Phase;
use protocol::client::{Commit, Knock};
use protocol::id::{Epoch, GroupId, ParticipantId};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::{Presence, Role, ServerMessage};

use crate::proxy::Proxy;
use crate::raw::{Heard, Raw};
use crate::scene::{Call, Devices, Office, PATIENCE, on_loopback, sees_more};

/// T-GHOST-1 over the wire: the KeyPackage of a knock is swapped for one the link's keys did
/// not vouch for.
#[tokio::test(flavor = "multi_thread")]
async fn a_knock_the_server_changed_is_never_shown() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let (eve, ben) = (office.invite(room).await, office.invite(room).await);
    let swapped = eve.invite;
    let proxy = Proxy::before(office.aman.origin(), move |mut said| {
        if let ServerMessage::Knocked(knocked) = &mut said
            && knocked.invite == swapped
        {
            // The spare is a KeyPackage as good as the other, only not the one MAC'd here.
            knocked.knock.key_package = knocked.knock.spare_key_package.clone();
        }
        vec![said]
    })
    .await;
    let mut moderator = moderator_via(&proxy, &office, room, Media::default());
    moderator.wait_for(PATIENCE, "the room", |status| status.is_in_call()).await.unwrap();

    let mut first = Headless::attendee(&eve.link, "Eve", Media::default()).unwrap();
    first.wait_for(PATIENCE, "the waiting room", |status| status.is_waiting()).await.unwrap();
    let _second = Headless::attendee(&ben.link, "Ben", Media::default()).unwrap();

    // Knocks come in order: once the second is shown, the first was judged.
    moderator.first_waiting(PATIENCE).await.unwrap();
    let waiting = moderator.status().call.unwrap().waiting;
    assert_eq!(waiting.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Ben"]);
}

/// T-GHOST-2 over the wire: a Welcome that is not the moderator's leads nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_the_server_changed_ends_it_before_anything_is_sent() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;
    let proxy = Proxy::before(office.aman.origin(), |mut said| {
        if let ServerMessage::Welcomed(welcomed) = &mut said {
            let mut bytes = welcomed.message.as_slice().to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            welcomed.message = Opaque::new(bytes).unwrap();
        }
        vec![said]
    })
    .await;
    let mut moderator = office.moderator(room, Media::default());
    let devices = Devices::showing(b"never to be seen");
    let mut attendee =
        Headless::attendee(&proxy.bend(&invite.link), "Ben", devices.media()).unwrap();

    moderator.admit_next(PATIENCE).await.unwrap();

    let status = attendee
        .wait_for(PATIENCE, "the end", |status| status.ended().is_some())
        .await
        .unwrap();
    let Some(Phase::Ended { reason }) = status.phase() else { panic!("not ended") };
    assert!(matches!(reason, participant::output::EndReason::Unsafe { .. }), "{reason:?}");
    assert!(status.counters.sealed.is_empty());
}

/// The server says that somebody is there whom the group does not know, and puts the other's
/// frames under that name.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_the_group_does_not_know_is_neither_named_nor_played() {
    const GHOST: ParticipantId = ParticipantId::from_raw(0x6057);
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;
    let proxy = Proxy::before(office.aman.origin(), |mut said| {
        if let ServerMessage::Slots { bindings } = &mut said {
            for binding in bindings {
                binding.publisher = GHOST;
            }
        }
        if matches!(said, ServerMessage::Welcomed(_)) {
            let (role, tracks) = (Role::Moderator, Vec::new());
            let ghost = Presence { participant: GHOST, role, connected: true, tracks };
            return vec![said, ServerMessage::Present(ghost)];
        }
        vec![said]
    })
    .await;
    let moderator_devices = Devices::showing(b"the real one");
    let mut moderator = office.moderator(room, moderator_devices.media());
    let devices = Devices::showing(b"Ben");
    let mut attendee =
        Headless::attendee(&proxy.bend(&invite.link), "Ben", devices.media()).unwrap();

    moderator.admit_next(PATIENCE).await.unwrap();

    let status = attendee
        .wait_for(PATIENCE, "frames under a false name", |status| {
            status.counters.not_expected > 10
        })
        .await
        .unwrap();
    assert_eq!(devices.seen.frames().len(), 0);
    let others = status.call.unwrap().others;
    let ghost = others.iter().find(|other| other.participant == GHOST);
    assert!(ghost.is_none_or(|ghost| ghost.name.is_none() && ghost.leaf.is_none()));
}

/// Only moderators change the group; and nobody speaks from the waiting room.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_takes_commits_from_moderators_alone() {
    let mut call = Call::begin().await;
    let link = call.office.invite(call.room).await.link;
    let (_, fragment) = link.expose().split_once('#').unwrap();
    let (secret, _) = e2ee::link::parse_fragment(fragment).unwrap();
    let keys = e2ee::link::InviteKeys::derive(&secret);
    let mut raw = Raw::open(call.office.aman.origin()).await;
    raw.say(protocol::client::ClientMessage::Hello(protocol::client::Hello {
        right: protocol::client::Right::Invite {
            invite: keys.invite,
            server_auth: keys.server_auth().to_wire(),
            device: Opaque::new(vec![9; 16]).unwrap(),
        },
    }))
    .await;

    let group = GroupId::from_bytes([1; 32]);
    let commit = Commit {
        group,
        epoch: Epoch(1),
        message: Opaque::new(vec![1; 100]).unwrap(),
        welcome: None,
        added: Vec::new(),
        removed: Vec::new(),
    };
    raw.say(protocol::client::ClientMessage::Commit(commit)).await;
    raw.say(protocol::client::ClientMessage::Application(protocol::client::Application {
        group,
        epoch: Epoch(1),
        message: Opaque::new(vec![1; 100]).unwrap(),
        fleeting: false,
    }))
    .await;

    let mut refused = Vec::new();
    while refused.len() < 2 {
        match raw.hear().await {
            Heard::Said(message) => {
                if let ServerMessage::Rejected { reject, .. } = *message {
                    refused.push(reject);
                }
            }
            closed @ Heard::Closed(_) => panic!("{closed:?}"),
        }
    }
    for reject in refused {
        assert!(matches!(reject, Reject::NotModerator | Reject::NotAdmitted), "{reject:?}");
    }
    call.media_flows_both_ways().await;
}

/// A knock can be sent twice; a made-up one is carried to the moderator and dies there.
#[tokio::test(flavor = "multi_thread")]
async fn a_knock_without_the_links_keys_is_never_shown() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let (eve, ben) = (office.invite(room).await, office.invite(room).await);
    let mut moderator = office.moderator(room, Media::default());
    moderator.wait_for(PATIENCE, "the room", |status| status.is_in_call()).await.unwrap();
    let (_, fragment) = eve.link.expose().split_once('#').unwrap();
    let (secret, _) = e2ee::link::parse_fragment(fragment).unwrap();
    let keys = e2ee::link::InviteKeys::derive(&secret);
    let mut raw = Raw::open(office.aman.origin()).await;
    raw.say(protocol::client::ClientMessage::Hello(protocol::client::Hello {
        right: protocol::client::Right::Invite {
            invite: keys.invite,
            server_auth: keys.server_auth().to_wire(),
            device: Opaque::new(vec![9; 16]).unwrap(),
        },
    }))
    .await;
    raw.say(protocol::client::ClientMessage::Knock(Knock {
        key_package: Opaque::new(vec![1; 300]).unwrap(),
        spare_key_package: Opaque::new(vec![2; 300]).unwrap(),
        nonce: Opaque::new(vec![3; 16]).unwrap(),
        mac: Opaque::new(vec![4; 32]).unwrap(),
        sealed_name: Opaque::new(vec![5; 157]).unwrap(),
    }))
    .await;
    loop {
        if let Heard::Said(message) = raw.hear().await
            && matches!(*message, ServerMessage::Done { n: 2 })
        {
            break;
        }
    }

    let media = Media { peer: on_loopback(), ..Media::default() };
    let _ben = Headless::attendee(&ben.link, "Ben", media).unwrap();
    moderator.first_waiting(PATIENCE).await.unwrap();

    let waiting = moderator.status().call.unwrap().waiting;
    assert_eq!(waiting.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Ben"]);
}

/// The harness itself: a proxy that tells the truth changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_truthful_proxy_is_not_noticed() {
    let mut office = Office::open().await;
    let room = office.new_room().await;
    let invite = office.invite(room).await;
    let proxy = Proxy::before(office.aman.origin(), |said| vec![said]).await;
    let (here, there) = (Devices::showing(b"one"), Devices::showing(b"two"));
    let mut moderator = moderator_via(&proxy, &office, room, here.media());
    let mut attendee =
        Headless::attendee(&proxy.bend(&invite.link), "Ben", there.media()).unwrap();
    moderator.admit_next(PATIENCE).await.unwrap();
    sees_more(&mut attendee).await;
    sees_more(&mut moderator).await;
}

fn moderator_via(
    proxy: &Proxy,
    office: &Office,
    room: protocol::id::RoomId,
    media: Media,
) -> Headless {
    Headless::moderator_via(proxy.server(), &office.desk, room, "Dr Example", media).unwrap()
}
