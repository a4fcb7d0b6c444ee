//! A switchboard with people at its lines.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use media::{Busy, MediaFact, MediaOrder};
use protocol::client::{
    Added, Application, ClientMessage, Commit, Knock, Offer, OpenGroup, Right,
};
use protocol::id::{
    AccountId, Epoch, Generation, GroupId, InviteId, LeafIndex, ParticipantId, RoomId,
};
use protocol::media::{Mid, OfferedSlot, OfferedTrack, TrackKind};
use protocol::opaque::Opaque;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{Entered, Knocked, ServerMessage, Welcomed};
use protocol::time::UnixSeconds;
use sha2::{Digest, Sha256};
use store::memory::Memory;
use store::{InviteRecord, RoomRecord, Store};
use switchboard::{Line, MediaPlane, Switchboard};
use tokio::sync::mpsc;

pub(crate) const OWNER: AccountId = AccountId::from_bytes([1; 16]);
pub(crate) const ROOM: RoomId = RoomId::from_bytes([2; 16]);
pub(crate) const GROUP: GroupId = GroupId::from_bytes([3; 32]);
pub(crate) const FAR_AWAY: UnixSeconds = UnixSeconds(u64::MAX);

/// How long a test waits for anything before it calls it missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A switchboard and what surrounds it.
pub(crate) struct Stage {
    pub(crate) switchboard: Switchboard,
    pub(crate) store: Arc<Memory>,
    pub(crate) media: Notes,
    pub(crate) facts: mpsc::Sender<MediaFact>,
}

/// A media plane that only takes notes.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    orders: Arc<Mutex<Vec<MediaOrder>>>,
    pub(crate) is_busy: Arc<AtomicBool>,
    pub(crate) panics: Arc<AtomicBool>,
}

impl MediaPlane for Notes {
    fn order(&self, order: MediaOrder) -> Result<(), Busy> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "as the test wants it");
        if self.is_busy.load(Ordering::SeqCst) {
            return Err(Busy);
        }
        self.orders.lock().unwrap().push(order);
        Ok(())
    }
}

impl Notes {
    pub(crate) fn orders(&self) -> Vec<MediaOrder> {
        self.orders.lock().unwrap().clone()
    }
}

/// One connection, as its client sees it.
pub(crate) struct Guest {
    pub(crate) line: Line,
    pub(crate) entered: Entered,
    outbox: mpsc::Receiver<ServerMessage>,
    /// What came and was not asked for yet.
    heard: VecDeque<ServerMessage>,
    n: AtomicU32,
}

impl Stage {
    /// A switchboard with one room and invites 1, 2 and 3.
    pub(crate) async fn new() -> Self {
        let store = Arc::new(Memory::default());
        let room = RoomRecord {
            id: ROOM,
            owner: OWNER,
            sealed_title: vec![],
            created_at: UnixSeconds(0),
            ended_at: None,
            last_generation: None,
            starts_at: None,
            minutes: None,
            kind: protocol::api::RoomKind::Video,
            reusable: true,
        };
        store.create_room(room, 10).await.unwrap();
        for n in 1..=3 {
            store.create_invite(invite(n, FAR_AWAY), 10).await.unwrap();
        }
        let media = Notes::default();
        let (facts, from_media) = mpsc::channel(16);
        let seen: Arc<dyn Store> = Arc::<Memory>::clone(&store);
        let switchboard = Switchboard::new(seen, media.clone(), from_media);
        Self { switchboard, store, media, facts }
    }

    pub(crate) async fn hello(&self, right: Right) -> Result<Guest, Reject> {
        self.hello_with_outbox(right, 512).await
    }

    pub(crate) async fn hello_with_outbox(
        &self,
        right: Right,
        capacity: usize,
    ) -> Result<Guest, Reject> {
        let (sender, mut outbox) = mpsc::channel(capacity);
        let line = self.switchboard.hello(right, sender).await?;
        let first = tokio::time::timeout(PATIENCE, outbox.recv()).await.unwrap().unwrap();
        let ServerMessage::Entered(entered) = first else { panic!("not entered: {first:?}") };
        Ok(Guest { line, entered, outbox, heard: VecDeque::new(), n: AtomicU32::new(1) })
    }

    pub(crate) async fn moderator(&self) -> Guest {
        let ticket = self.switchboard.ticket(OWNER, ROOM).await.unwrap();
        self.hello(Right::Ticket { ticket }).await.unwrap()
    }

    pub(crate) async fn visitor(&self, invite: u8, device: u8) -> Guest {
        self.hello(right(invite, device)).await.unwrap()
    }

    /// A moderator and an attendee who was let in and welcomed.
    pub(crate) async fn pair(&self) -> (Guest, Guest) {
        let mut moderator = self.moderator().await;
        moderator.ask(open_group(0)).await.unwrap();
        let mut attendee = self.visitor(1, 1).await;
        attendee.ask(ClientMessage::Knock(knock())).await.unwrap();
        let knocked = moderator.knocked().await;
        moderator.ask(adds(0, &[knocked.participant])).await.unwrap();
        attendee.welcomed().await;
        (moderator, attendee)
    }

    pub(crate) async fn opened(&self, guest: &Guest) {
        let peer = guest.entered.participant;
        let fact = MediaFact::Opened { room: ROOM, peer, answer: "v=0 answer".to_owned() };
        self.facts.send(fact).await.unwrap();
    }
}

impl Guest {
    pub(crate) fn who(&self) -> ParticipantId {
        self.entered.participant
    }

    pub(crate) async fn say(&self, message: ClientMessage) -> u32 {
        let n = self.n.fetch_add(1, Ordering::SeqCst);
        self.line.send(n, message).await.unwrap();
        n
    }

    pub(crate) async fn ask(&mut self, message: ClientMessage) -> Result<(), Reject> {
        let n = self.say(message).await;
        self.answer_to(n).await
    }

    pub(crate) async fn answer_to(&mut self, n: u32) -> Result<(), Reject> {
        self.find(move |message| {
            if let ServerMessage::Done { n: answered } = message {
                return (*answered == n).then_some(Ok(()));
            }
            if let ServerMessage::Rejected { n: answered, reject } = message {
                return (*answered == Some(n)).then(|| Err(reject.clone()));
            }
            None
        })
        .await
    }

    pub(crate) async fn knocked(&mut self) -> Knocked {
        self.find(|message| match_knocked(message).cloned()).await
    }

    pub(crate) async fn welcomed(&mut self) -> Welcomed {
        self.find(|message| {
            let ServerMessage::Welcomed(welcomed) = message else { return None };
            Some(welcomed.clone())
        })
        .await
    }

    pub(crate) async fn relayed(&mut self) -> u64 {
        self.find(|message| {
            let ServerMessage::Relayed(relayed) = message else { return None };
            Some(relayed.seq)
        })
        .await
    }

    pub(crate) async fn wait_for(&mut self, expected: ServerMessage) {
        self.find(|message| (*message == expected).then_some(())).await;
    }

    /// Waits for the farewell, and for the end of the outbox right after it.
    pub(crate) async fn farewell(&mut self) -> FarewellReason {
        let reason = self
            .find(|message| {
                let ServerMessage::Farewell { reason } = message else { return None };
                Some(*reason)
            })
            .await;
        let next = tokio::time::timeout(PATIENCE, self.outbox.recv()).await;
        assert_eq!(next.expect("the outbox is closed"), None, "nothing follows a farewell");
        reason
    }

    /// Whether the server has closed the outbox, after everything in it was read.
    pub(crate) async fn is_cut_off(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, async { while self.outbox.recv().await.is_some() {} })
            .await
            .is_ok()
    }

    /// Waits for a message, and keeps what came before it for later questions.
    pub(crate) async fn find<T>(
        &mut self,
        mut what: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> T {
        let known = self.heard.iter().enumerate().find_map(|(at, one)| Some((at, what(one)?)));
        if let Some((at, found)) = known {
            self.heard.remove(at);
            return found;
        }
        let search = async {
            loop {
                let Some(message) = self.outbox.recv().await else {
                    panic!("the outbox is closed; before: {:?}", self.heard);
                };
                if let Some(found) = what(&message) {
                    return found;
                }
                self.heard.push_back(message);
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("it does not come; instead: {:?}", self.heard))
    }

    /// Everything that came so far and was not asked for.
    pub(crate) fn leftovers(&mut self) -> Vec<ServerMessage> {
        while let Ok(message) = self.outbox.try_recv() {
            self.heard.push_back(message);
        }
        self.heard.drain(..).collect()
    }

    pub(crate) fn resume(&self, after: u64) -> Right {
        Right::Resume { resume: self.entered.resume.clone(), after }
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "it is never so: {what}");
}

fn match_knocked(message: &ServerMessage) -> Option<&Knocked> {
    let ServerMessage::Knocked(knocked) = message else { return None };
    Some(knocked)
}

pub(crate) fn right(invite: u8, device: u8) -> Right {
    Right::Invite {
        invite: InviteId::from_bytes([invite; 16]),
        server_auth: Opaque::new(vec![invite; 32]).unwrap(),
        device: Opaque::new(vec![device; 16]).unwrap(),
    }
}

pub(crate) fn invite(n: u8, expires_at: UnixSeconds) -> InviteRecord {
    InviteRecord {
        id: InviteId::from_bytes([n; 16]),
        room: ROOM,
        number: n.into(),
        server_auth_hash: Sha256::digest([n; 32]).into(),
        wrapped_room_secret: vec![n; 60],
        expires_at,
        revoked: false,
        device_hash: None,
        sealed_card: Vec::new(),
        opened: false,
        used_up: false,
    }
}

pub(crate) fn knock() -> Knock {
    Knock {
        key_package: Opaque::default(),
        spare_key_package: Opaque::default(),
        nonce: Opaque::default(),
        mac: Opaque::default(),
        sealed_name: Opaque::default(),
    }
}

pub(crate) fn open_group(generation: u32) -> ClientMessage {
    ClientMessage::OpenGroup(OpenGroup { group: GROUP, generation: Generation(generation) })
}

pub(crate) fn adds(epoch: u64, who: &[ParticipantId]) -> ClientMessage {
    let added = (1..).zip(who);
    let added = added.map(|(leaf, who)| Added { participant: *who, leaf: LeafIndex(leaf) });
    ClientMessage::Commit(Commit {
        welcome: Some(Opaque::new(vec![7]).unwrap()),
        added: added.collect(),
        ..commit(epoch)
    })
}

pub(crate) fn removes(epoch: u64, who: &[ParticipantId]) -> ClientMessage {
    ClientMessage::Commit(Commit { removed: who.to_vec(), ..commit(epoch) })
}

pub(crate) fn says(epoch: u64) -> ClientMessage {
    let message = Opaque::new(vec![5]).unwrap();
    let epoch = Epoch(epoch);
    ClientMessage::Application(Application { group: GROUP, epoch, message, fleeting: false })
}

pub(crate) fn offer() -> ClientMessage {
    let mid = |text| Mid::new(text).unwrap();
    ClientMessage::Offer(Offer {
        sdp: "v=0 offer".to_owned(),
        tracks: vec![OfferedTrack { mid: mid("0"), kind: TrackKind::Microphone }],
        slots: vec![OfferedSlot { mid: mid("1"), audio: true }],
    })
}

fn commit(epoch: u64) -> Commit {
    Commit {
        group: GROUP,
        epoch: Epoch(epoch),
        message: Opaque::new(vec![6]).unwrap(),
        welcome: None,
        added: vec![],
        removed: vec![],
    }
}
