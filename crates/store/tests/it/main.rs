//! Do both stores keep the contract, and does the file keep its secrets?

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use protocol::id::{AccountId, InviteId, RoomId};
use protocol::time::UnixSeconds;
use store::embedded::{Embedded, FILE_NAME};
use store::memory::Memory;
use store::{
    Account, AccountRole, AccountStore, InviteRecord, RoomRecord, Store, TotpRecord, contract,
};

#[tokio::test]
async fn memory_keeps_the_contract() {
    contract::check(&Memory::default()).await.unwrap();
}

#[tokio::test]
async fn the_embedded_file_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::check(&Embedded::open(folder.path()).unwrap()).await.unwrap();
}

#[tokio::test]
async fn what_is_kept_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    fill(&Embedded::open(folder.path()).unwrap()).await;

    let again = Embedded::open(folder.path()).unwrap();

    assert_eq!(again.rooms_of(OWNER).await.unwrap().len(), 1);
    assert_eq!(again.invites_of(ROOM).await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_the_owner_can_read_the_folder_and_its_files() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let store = Embedded::open(&folder).unwrap();
    fill(&store).await;

    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_revoked_secret_is_in_no_file_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    fill(&store).await;
    assert!(folder_holds(folder.path(), SECRET), "the scan finds what is there");

    assert!(store.revoke_invite(INVITE).await.unwrap());
    assert!(!folder_holds(folder.path(), SECRET));

    assert!(store.end_room(ROOM, UnixSeconds(5)).await.unwrap());
    assert!(!folder_holds(folder.path(), TITLE));
}

#[tokio::test]
async fn a_secret_of_one_time_codes_is_in_no_file_once_it_was_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    fill(&store).await;
    let totp = |sealed: &[u8]| TotpRecord { sealed_secret: sealed.to_vec(), last_step: 0 };
    store.put_totp(OWNER, totp(SECRET), None).await.unwrap();
    store.revoke_invite(INVITE).await.unwrap();
    assert!(folder_holds(folder.path(), SECRET), "the scan finds what is there");

    store.put_totp(OWNER, totp(b"another"), None).await.unwrap();

    assert!(!folder_holds(folder.path(), SECRET));
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let text = b"these are somebody's notes, long enough to be taken for a header".repeat(40);
    std::fs::write(&path, &text).unwrap();

    let refused = Embedded::open(folder.path()).unwrap_err();

    assert_eq!(refused.path, path);
    assert_eq!(std::fs::read(&path).unwrap(), text);
}

#[tokio::test]
async fn an_operator_who_reads_the_file_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    fill(&store).await;
    let reader = rusqlite::Connection::open(folder.path().join(FILE_NAME)).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM room;").unwrap();

    // With the reader in the way the journal cannot be emptied.
    let soon = Duration::from_secs(3);
    let ended = tokio::time::timeout(soon, store.end_room(ROOM, UnixSeconds(5))).await;
    assert!(ended.expect("nobody waits for the reader").unwrap());

    drop(reader);
    store.purge_expired(UnixSeconds(6)).await.unwrap();
    assert!(!folder_holds(folder.path(), TITLE), "it is emptied the next time");
}

#[tokio::test]
async fn many_at_once_leave_one_winner() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path()).unwrap();
    fill(&store).await;

    let tasks: Vec<_> = (0..100_u8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.pin_device(INVITE, [n; 32]).await.unwrap() })
        })
        .collect();
    let mut holders = Vec::new();
    for task in tasks {
        holders.push(task.await.unwrap().expect("the invite is there"));
    }

    holders.dedup();
    assert_eq!(holders.len(), 1);
}

const OWNER: AccountId = AccountId::from_bytes([1; 16]);
const ROOM: RoomId = RoomId::from_bytes([2; 16]);
const INVITE: InviteId = InviteId::from_bytes([3; 16]);
const SECRET: &[u8] = b"canary: wrapped room secret of the invite";
const TITLE: &[u8] = b"canary: sealed title of the room";

async fn fill(store: &Embedded) {
    let account = Account {
        id: OWNER,
        name: "ana".into(),
        password_hash: "hash".into(),
        created_at: UnixSeconds(1),
        role: AccountRole::Admin,
        is_disabled: false,
        needs_second_factor: false,
        identity: None,
    };
    store.put_setup_token([0; 32]).await.unwrap();
    store.create_first_account([0; 32], account).await.unwrap();
    let room = RoomRecord {
        id: ROOM,
        owner: OWNER,
        sealed_title: TITLE.to_vec(),
        created_at: UnixSeconds(2),
        ended_at: None,
        last_generation: None,
        starts_at: None,
        minutes: None,
        kind: protocol::api::RoomKind::Video,
        reusable: true,
    };
    store.create_room(room, 10).await.unwrap();
    let invite = InviteRecord {
        id: INVITE,
        room: ROOM,
        number: 0,
        server_auth_hash: [4; 32],
        wrapped_room_secret: SECRET.to_vec(),
        expires_at: UnixSeconds(1_000),
        revoked: false,
        device_hash: None,
        sealed_card: Vec::new(),
        opened: false,
        used_up: false,
    };
    store.create_invite(invite, 10).await.unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn folder_holds(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}
