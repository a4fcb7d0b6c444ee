//! Does a store keep its promises?  Every store has to pass [`check`].
//!
//! It wants an empty store and leaves its rows in it.

use protocol::api::RoomKind;
use protocol::id::{AccountId, Generation, InviteId, RoomId};
use protocol::time::UnixSeconds;

use crate::{
    Created, ENDED_ROOM_KEPT, InviteRecord, RoomChange, RoomRecord, Store, StoreError,
    accounts, programs,
};

const ANA: AccountId = AccountId::from_bytes([1; 16]);
const BEN: AccountId = AccountId::from_bytes([2; 16]);

/// Goes through every promise of [`Store`].
///
/// # Errors
///
/// When the store fails.
///
/// # Panics
///
/// When it breaks a promise.
pub async fn check(store: &dyn Store) -> Result<(), StoreError> {
    accounts::contract::check(store).await?;
    rooms_are_listed_until_they_end(store).await?;
    invites_belong_to_open_rooms(store).await?;
    the_first_device_holds_an_invite(store).await?;
    revoked_invites_keep_nothing(store).await?;
    generations_only_rise(store).await?;
    rooms_change_and_their_links_follow(store).await?;
    programs::contract::check(store, ANA).await?;
    purging_forgets_what_is_over(store).await
}

async fn rooms_are_listed_until_they_end(store: &dyn Store) -> Result<(), StoreError> {
    assert_eq!(store.rooms_of(ANA).await?, []);
    assert_eq!(store.create_room(room(2, 20), 2).await?, Created::Done);
    assert_eq!(store.create_room(room(1, 10), 2).await?, Created::Done);
    assert_eq!(store.create_room(room(2, 30), 9).await?, Created::Exists);
    assert_eq!(store.create_room(room(3, 30), 2).await?, Created::Full);

    assert_eq!(store.rooms_of(ANA).await?, [room(1, 10), room(2, 20)], "oldest first");
    assert_eq!(store.rooms_of(BEN).await?, []);

    let secret = invite(50, 1, 0);
    assert_eq!(store.create_invite(secret.clone(), 9).await?, Created::Done);
    assert!(store.end_room(room(1, 10).id, UnixSeconds(40)).await?);
    assert!(!store.end_room(room(1, 10).id, UnixSeconds(50)).await?, "it has ended before");
    assert!(!store.end_room(room(7, 0).id, UnixSeconds(50)).await?);

    assert_eq!(store.rooms_of(ANA).await?, [room(2, 20)]);
    let ended = store.room(room(1, 10).id).await?.expect("an ended room is still known");
    assert_eq!(ended.ended_at, Some(UnixSeconds(40)));
    assert!(ended.sealed_title.is_empty());
    let wiped = store.invite(secret.id).await?.expect("its invites are still known");
    assert!(wiped.wrapped_room_secret.is_empty());
    assert_eq!(wiped.server_auth_hash, secret.server_auth_hash);
    assert_eq!(
        store.create_room(room(3, 30), 2).await?,
        Created::Done,
        "ended rooms do not count"
    );
    Ok(())
}

async fn invites_belong_to_open_rooms(store: &dyn Store) -> Result<(), StoreError> {
    assert_eq!(store.create_invite(invite(1, 7, 0), 9).await?, Created::NoRoom);
    assert_eq!(store.create_invite(invite(1, 1, 1), 9).await?, Created::NoRoom, "it has ended");

    assert_eq!(store.create_invite(invite(1, 2, 1), 2).await?, Created::Done);
    assert_eq!(store.create_invite(invite(1, 3, 5), 2).await?, Created::Exists);
    assert_eq!(store.create_invite(invite(9, 2, 1), 2).await?, Created::Exists, "same number");
    assert_eq!(store.create_invite(invite(2, 2, 0), 2).await?, Created::Done);
    assert_eq!(store.create_invite(invite(3, 2, 2), 2).await?, Created::Full);

    assert_eq!(store.invite(invite(1, 2, 1).id).await?, Some(invite(1, 2, 1)));
    assert_eq!(store.invite(invite(3, 2, 2).id).await?, None);
    assert_eq!(store.invites_of(room(2, 20).id).await?, [invite(2, 2, 0), invite(1, 2, 1)]);
    Ok(())
}

async fn the_first_device_holds_an_invite(store: &dyn Store) -> Result<(), StoreError> {
    let id = invite(1, 2, 1).id;
    assert_eq!(store.pin_device(id, [5; 32]).await?, Some([5; 32]));
    assert_eq!(store.pin_device(id, [6; 32]).await?, Some([5; 32]));
    assert_eq!(store.pin_device(id, [5; 32]).await?, Some([5; 32]));
    assert_eq!(store.pin_device(invite(9, 2, 9).id, [5; 32]).await?, None);
    let pinned = store.invite(id).await?.and_then(|invite| invite.device_hash);
    assert_eq!(pinned, Some([5; 32]));
    Ok(())
}

async fn revoked_invites_keep_nothing(store: &dyn Store) -> Result<(), StoreError> {
    let id = invite(2, 2, 0).id;
    assert!(store.revoke_invite(id).await?);
    assert!(!store.revoke_invite(id).await?);
    assert!(!store.revoke_invite(invite(9, 2, 9).id).await?);

    let revoked = store.invite(id).await?.expect("a revoked invite is still known");
    assert!(revoked.revoked);
    assert_eq!(revoked.server_auth_hash, [0; 32]);
    assert!(revoked.wrapped_room_secret.is_empty());
    assert_eq!(store.pin_device(id, [5; 32]).await?, None);
    assert_eq!(store.create_invite(invite(2, 2, 9), 9).await?, Created::Exists);
    assert_eq!(store.create_invite(invite(8, 2, 0), 9).await?, Created::Exists);
    Ok(())
}

async fn generations_only_rise(store: &dyn Store) -> Result<(), StoreError> {
    let open = room(4, 50);
    assert_eq!(store.create_room(open.clone(), 9).await?, Created::Done);
    for (raised, kept) in [(0, 0), (3, 3), (2, 3), (3, 3), (u32::MAX, u32::MAX)] {
        store.raise_generation(open.id, Generation(raised)).await?;
        let expected = RoomRecord { last_generation: Some(Generation(kept)), ..open.clone() };
        assert_eq!(store.room(open.id).await?, Some(expected), "nothing else changes");
    }

    let ended = room(1, 10).id;
    store.raise_generation(ended, Generation(7)).await?;
    store.raise_generation(room(9, 0).id, Generation(7)).await?;
    assert_eq!(store.room(ended).await?.and_then(|room| room.last_generation), None);
    assert_eq!(store.room(room(9, 0).id).await?, None);
    assert!(store.end_room(open.id, UnixSeconds(60)).await?);
    Ok(())
}

async fn rooms_change_and_their_links_follow(store: &dyn Store) -> Result<(), StoreError> {
    let planned = RoomRecord {
        starts_at: Some(UnixSeconds(5_000)),
        minutes: Some(50),
        kind: RoomKind::Text,
        reusable: false,
        ..room(60, 60)
    };
    let end = planned.links_end().expect("it has a date");
    assert_eq!(end, UnixSeconds(5_000 + 50 * 60 + 12 * 3600));
    assert_eq!(store.create_room(planned.clone(), 9).await?, Created::Done);
    assert_eq!(store.room(planned.id).await?, Some(planned.clone()));
    let first = store.rooms_of(ANA).await?.pop().expect("there are rooms");
    assert_eq!(first.id, planned.id, "its date is the latest");

    let with_room = InviteRecord { expires_at: end, ..invite(61, 60, 0) };
    let earlier = InviteRecord { expires_at: UnixSeconds(4_000), ..invite(62, 60, 1) };
    for one in [&with_room, &earlier] {
        assert_eq!(store.create_invite(one.clone(), 9).await?, Created::Done);
    }
    let later =
        RoomChange { starts_at: Some(Some(UnixSeconds(90_000))), ..RoomChange::default() };
    let changed = RoomRecord { starts_at: Some(UnixSeconds(90_000)), ..planned.clone() };
    assert_eq!(store.change_room(planned.id, later).await?, Some(changed.clone()));
    let ends = store.invites_of(planned.id).await?;
    let ends: Vec<_> = ends.iter().map(|invite| invite.expires_at).collect();
    assert_eq!(ends, [changed.links_end().expect("a date"), UnixSeconds(4_000)]);

    let all = RoomChange {
        sealed_title: Some(vec![1]),
        starts_at: Some(None),
        minutes: Some(None),
        kind: Some(RoomKind::Audio),
        reusable: Some(true),
    };
    let changed = store.change_room(planned.id, all).await?.expect("the room");
    assert_eq!((changed.starts_at, changed.minutes), (None, None));
    assert_eq!(store.room(planned.id).await?, Some(changed));

    store.open_invite(with_room.id).await?;
    store.open_invite(with_room.id).await?;
    assert!(store.invite(with_room.id).await?.is_some_and(|invite| invite.opened));
    store.use_up_invite(with_room.id).await?;
    let used = store.invite(with_room.id).await?.expect("a used invite is still known");
    assert!(used.used_up && used.wrapped_room_secret.is_empty() && used.sealed_card.is_empty());

    assert!(store.end_room(planned.id, UnixSeconds(70)).await?);
    assert_eq!(store.change_room(planned.id, RoomChange::default()).await?, None, "it ended");
    let ended = store.room(planned.id).await?.expect("an ended room is still known");
    assert_eq!(ended.starts_at, None);
    let card = store.invite(earlier.id).await?.map(|invite| invite.sealed_card);
    assert_eq!(card, Some(vec![]));
    Ok(())
}

async fn purging_forgets_what_is_over(store: &dyn Store) -> Result<(), StoreError> {
    let short = InviteRecord { expires_at: UnixSeconds(100), ..invite(4, 2, 4) };
    assert_eq!(store.create_invite(short.clone(), 9).await?, Created::Done);

    store.purge_expired(UnixSeconds(100)).await?;
    let expired = store.invite(short.id).await?.expect("an expired invite is still known");
    assert!(expired.wrapped_room_secret.is_empty());
    let current = store.invite(invite(1, 2, 1).id).await?.expect("an invite stays");
    assert!(!current.wrapped_room_secret.is_empty());
    assert!(store.room(room(1, 10).id).await?.is_some());

    let kept = ENDED_ROOM_KEPT.as_secs();
    store.purge_expired(UnixSeconds(40 + kept - 1)).await?;
    assert!(store.room(room(1, 10).id).await?.is_some());
    store.purge_expired(UnixSeconds(40 + kept)).await?;
    assert_eq!(store.room(room(1, 10).id).await?, None);
    assert_eq!(store.invites_of(room(1, 10).id).await?, []);
    assert_eq!(store.rooms_of(ANA).await?, [room(2, 20), room(3, 30)], "open rooms stay");
    Ok(())
}

fn room(n: u8, created_at: u64) -> RoomRecord {
    RoomRecord {
        id: RoomId::from_bytes([n; 16]),
        owner: ANA,
        sealed_title: vec![n, 0, 255],
        created_at: UnixSeconds(created_at),
        ended_at: None,
        last_generation: None,
        starts_at: None,
        minutes: None,
        kind: RoomKind::Video,
        reusable: true,
    }
}

fn invite(n: u8, of_room: u8, number: u32) -> InviteRecord {
    InviteRecord {
        id: InviteId::from_bytes([n; 16]),
        room: room(of_room, 0).id,
        number,
        server_auth_hash: [n; 32],
        wrapped_room_secret: vec![n; 60],
        expires_at: UnixSeconds(10_000_000_000),
        revoked: false,
        device_hash: None,
        sealed_card: vec![n; 40],
        opened: false,
        used_up: false,
    }
}
