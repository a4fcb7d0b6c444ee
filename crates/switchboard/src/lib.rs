//! Opens, finds and runs rooms.
//!
//! The *switchboard* finds the *room* behind a right to enter and hands out a *line* to it.  One
//! task owns each room with both of its cores ([`room`] decides who may, [`delivery`] in which
//! order); this crate carries their orders out, to clients, media plane and store, and has no
//! opinion of its own.
//!
//! ```text
//!   gateway ── hello ──► Switchboard ── Mail ──► room task ── MediaOrder ──► media plane
//!      ▲                     ▲                      │  ▲                         │
//!      └──── outbox ─────────┼──────────────────────┘  └────── MediaFact ────────┘
//!                            └── store: rooms, invites, pinned devices
//! ```

mod clock;
mod cores;
mod counters;
mod line;
mod news;
mod random;
mod registry;
mod rights;
mod room_task;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::store::{InviteRecord, RoomRecord, Store};
use media::{Busy, MediaFact, MediaHandle, MediaOrder};
use protocol::client::Right;
use protocol::id::{AccountId, InviteId, RoomId};
use protocol::limits::ROOM_MAILBOX_MAX;
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::{Place, ServerMessage};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::counters::{Counters, Gauge, count, read};
use crate::news::NEWS_MAX;
use crate::random::{Token, sha256};
use crate::registry::{Registry, Running};
use crate::rights::{has_ended, store_failed};
use crate::room_task::{Mail, RoomTask};

pub use crate::counters::CountersSnapshot;
pub use crate::line::{Line, LineClosed};
pub use crate::news::{News, What};

/// How often to look for a room that ended just as somebody wanted in.
const TRIES: usize = 3;

/// How long the news of one room may hold up the news of others.
const FACT_PATIENCE: Duration = Duration::from_millis(100);

/// The media plane, as far as rooms need it.
pub trait MediaPlane: Send + Sync + 'static {
    /// Hands an order over.
    ///
    /// # Errors
    ///
    /// [`Busy`] when too many orders wait already, or the media plane has stopped.
    fn order(&self, order: MediaOrder) -> Result<(), Busy>;
}

impl MediaPlane for MediaHandle {
    fn order(&self, order: MediaOrder) -> Result<(), Busy> {
        Self::order(self, order)
    }
}

/// Opens, finds and runs rooms.  Cheap to clone; all clones are one switchboard.
#[derive(Clone)]
pub struct Switchboard {
    shared: Arc<Shared>,
}

/// What all rooms share.
pub(crate) struct Shared {
    store: Arc<dyn Store>,
    media: Box<dyn MediaPlane>,
    clock: Clock,
    registry: Registry,
    counters: Counters,
    /// How many lines exist.
    lines: Arc<watch::Sender<usize>>,
    news: broadcast::Sender<News>,
    stopping: watch::Sender<bool>,
}

/// How many are where, for the desk's list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// How many knocked and wait.
    pub n_waiting: u32,
    /// Whether somebody is in the room.
    pub live: bool,
}

impl Switchboard {
    /// Starts with no room open.  Must be called on a tokio runtime: it spawns the task that
    /// brings media facts to their rooms.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        media: impl MediaPlane,
        facts: mpsc::Receiver<MediaFact>,
    ) -> Self {
        let shared = Arc::new(Shared {
            store,
            media: Box::new(media),
            clock: Clock::start(),
            registry: Registry::default(),
            counters: Counters::default(),
            lines: Arc::new(watch::Sender::new(0)),
            news: broadcast::Sender::new(NEWS_MAX),
            stopping: watch::Sender::new(false),
        });
        tokio::spawn(bring_facts(Arc::clone(&shared), facts));
        Self { shared }
    }

    /// Lets a connection in by its right.  The room answers
    /// [`Entered`](ServerMessage::Entered) through `outbox`, and nothing else answers the
    /// `hello`.  When the room drops the outbox's sender, the connection is over: send what
    /// is still in it, then close.
    ///
    /// # Errors
    ///
    /// Why the client cannot enter; it may try another right on the same connection.
    pub async fn hello(
        &self,
        right: Right,
        outbox: mpsc::Sender<ServerMessage>,
    ) -> Result<Line, Reject> {
        let entered = self.enter(&right, outbox).await;
        if let Err(reject) = &entered {
            self.shared.counters.count_reject(reject);
        }
        entered
    }

    /// Makes a ticket: the right to enter a room of `account` as its moderator, once, within
    /// [`TICKET_LIFETIME`](protocol::limits::TICKET_LIFETIME).
    ///
    /// # Errors
    ///
    /// [`Reject::NoSuchRight`] for a room of somebody else or none, [`Reject::RoomEnded`].
    pub async fn ticket(&self, account: AccountId, room: RoomId) -> Result<Opaque<32>, Reject> {
        if self.check_owner(account, room).await? {
            return Err(Reject::RoomEnded);
        }
        let ticket = Token::random()?;
        self.shared.registry.put_ticket(ticket.hash, room, self.shared.clock.now())?;
        Ok(ticket.secret)
    }

    /// Ends a room of `account` for good and for everybody.  Done again, it changes nothing.
    ///
    /// # Errors
    ///
    /// [`Reject::NoSuchRight`] for a room of somebody else or none.
    pub async fn end_room(&self, account: AccountId, room: RoomId) -> Result<(), Reject> {
        self.check_owner(account, room).await?;
        let at = Clock::unix_now();
        let ended = self.shared.store.end_room(room, at).await.map_err(store_failed)?;
        if ended {
            self.shared.tell_news(room, What::Ended);
        }
        self.tell(room, Mail::Ended).await;
        Ok(())
    }

    /// Takes an invite of a room of `account` back, and says farewell to whoever came by it.
    /// Done again, it changes nothing.
    ///
    /// # Errors
    ///
    /// [`Reject::NoSuchRight`] for an invite of somebody else or none.
    pub async fn revoke_invite(
        &self,
        account: AccountId,
        invite: InviteId,
    ) -> Result<(), Reject> {
        let record = self.shared.store.invite(invite).await.map_err(store_failed)?;
        let room = record.ok_or(Reject::NoSuchRight)?.room;
        self.check_owner(account, room).await?;
        self.shared.store.revoke_invite(invite).await.map_err(store_failed)?;
        self.tell(room, Mail::Revoked(invite)).await;
        Ok(())
    }

    /// How many are where.
    #[must_use]
    pub fn occupancy(&self, room: RoomId) -> Occupancy {
        let Some(running) = self.shared.registry.find(room) else {
            return Occupancy::default();
        };
        let n_waiting = u32::try_from(read(&running.gauge.n_waiting)).unwrap_or(u32::MAX);
        Occupancy { n_waiting, live: read(&running.gauge.n_in_room) > 0 }
    }

    /// By which invites of a room people wait or are in it.
    #[must_use]
    pub fn invite_places(&self, room: RoomId) -> BTreeMap<InviteId, Place> {
        let running = self.shared.registry.find(room);
        running.map(|running| running.gauge.places()).unwrap_or_default()
    }

    /// Opens the page of an invite for whoever knows its `server-auth`, and keeps that it was
    /// opened.  Returns it with its room.
    ///
    /// # Errors
    ///
    /// [`Reject::NoSuchRight`] unless it is good, [`Reject::RoomEnded`], [`Reject::Expired`].
    pub async fn open_invite(
        &self,
        invite: InviteId,
        server_auth: &[u8],
    ) -> Result<(InviteRecord, RoomRecord), Reject> {
        let auth = sha256(server_auth);
        let (record, room) = self.shared.look_up(invite, &auth, None).await?;
        if !record.opened {
            self.shared.store.open_invite(invite).await.map_err(store_failed)?;
        }
        Ok((InviteRecord { opened: true, ..record }, room))
    }

    /// What happens in rooms, from now on.  Who is slow to listen misses the oldest.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.shared.news.subscribe()
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> CountersSnapshot {
        let running = self.shared.registry.running();
        let sum = |gauge: fn(&Gauge) -> u64| running.iter().map(|one| gauge(&one.gauge)).sum();
        CountersSnapshot {
            rooms: u64::try_from(running.len()).unwrap_or(u64::MAX),
            waiting: sum(|gauge| read(&gauge.n_waiting)),
            members: sum(|gauge| read(&gauge.n_in_room)),
            connections: u64::try_from(*self.shared.lines.borrow()).unwrap_or(u64::MAX),
            ..self.shared.counters.snapshot()
        }
    }

    /// Says farewell to everybody ([`ServerStopping`]) and lets nobody in any more; then waits
    /// until every [`Line`] is dropped, but no longer than `patience`.
    ///
    /// [`ServerStopping`]: protocol::reject::FarewellReason::ServerStopping
    pub async fn shut_down(&self, patience: Duration) {
        self.shared.registry.close();
        self.shared.stopping.send_replace(true);
        let mut lines = self.shared.lines.subscribe();
        if tokio::time::timeout(patience, lines.wait_for(|n| *n == 0)).await.is_err() {
            tracing::warn!("Some connections did not end in time");
        }
    }

    async fn enter(
        &self,
        right: &Right,
        outbox: mpsc::Sender<ServerMessage>,
    ) -> Result<Line, Reject> {
        let mut found = self.shared.find_right(right).await?;
        for _ in 0..TRIES {
            let running = self.open(found.room)?;
            found = self.shared.find_right_again(right, found).await?;
            let (reply, answer) = oneshot::channel();
            let want = found.want.clone();
            let mail = Mail::Enter { want, outbox: outbox.clone(), reply };
            if running.mailbox.send(mail).await.is_err() {
                // The room ended this moment; the next look opens it afresh.
                tokio::task::yield_now().await;
                continue;
            }
            if let Ok(answer) = answer.await {
                return answer;
            }
        }
        Err(Reject::Internal)
    }

    /// The running room, started if need be.
    fn open(&self, room: RoomId) -> Result<Running, Reject> {
        let shared = &self.shared;
        shared.registry.find_or_open(room, |life| {
            count(&shared.counters.rooms_opened);
            let (mailbox, mail) = mpsc::channel(ROOM_MAILBOX_MAX);
            let gauge = Arc::<Gauge>::default();
            let task = RoomTask::new(
                room,
                life,
                Arc::clone(shared),
                Arc::clone(&gauge),
                mail,
                mailbox.downgrade(),
            );
            tokio::spawn(task.run(shared.stopping.subscribe()));
            Running { life, mailbox, gauge }
        })
    }

    /// Returns whether the room has ended.
    async fn check_owner(&self, account: AccountId, room: RoomId) -> Result<bool, Reject> {
        let record = self.shared.store.room(room).await.map_err(store_failed)?;
        let record = record.filter(|record| record.owner == account);
        let record = record.ok_or(Reject::NoSuchRight)?;
        Ok(has_ended(Some(&record)))
    }

    async fn tell(&self, room: RoomId, mail: Mail) {
        if let Some(running) = self.shared.registry.find(room) {
            // A room that ended meanwhile holds nobody who would have to know.
            let _ = running.mailbox.send(mail).await;
        }
    }
}

/// Brings each fact to the mailbox of its room.
async fn bring_facts(shared: Arc<Shared>, mut facts: mpsc::Receiver<MediaFact>) {
    while let Some(fact) = facts.recv().await {
        let room = match &fact {
            MediaFact::Opened { room, .. }
            | MediaFact::Refused { room, .. }
            | MediaFact::Connected { room, .. }
            | MediaFact::Lost { room, .. } => *room,
        };
        // A room that ended had its peer connections closed.
        let Some(running) = shared.registry.find(room) else { continue };
        if running.mailbox.send_timeout(Mail::Fact(fact), FACT_PATIENCE).await.is_err() {
            tracing::warn!(?room, "The room takes no news of its media");
        }
    }
}
