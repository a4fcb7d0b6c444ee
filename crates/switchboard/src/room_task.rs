//! Runs one room against real time.
//!
//! One task owns both cores; everything reaches it through one bounded mailbox.  When a core
//! panics the room is over: its people are told ([`FarewellReason::Internal`]), their media is
//! closed, and no other room notices.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use media::{MediaFact, MediaOrder};
use protocol::client::ClientMessage;
use protocol::id::{Generation, InviteId, ParticipantId, RoomId};
use protocol::limits::MEDIA_ORDERS_MAX;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::ServerMessage;
use protocol::time::Timestamp;
use room::{ConnectionId, Input, Request};
use store::{Hash, StoreError};
use tokio::sync::{mpsc, oneshot, watch};

use crate::cores::{Cores, Effect, Want};
use crate::counters::{Gauge, count, gauge};
use crate::line::Line;
use crate::news::{self, What};
use crate::random::Token;
use crate::{Clock, Shared};

/// How long the room waits for the store.  Everybody in the room waits with it.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// When to try again after the media plane took no more orders.
const MEDIA_RETRY: Duration = Duration::from_millis(20);

/// What a room is told.
#[derive(Debug)]
pub(crate) enum Mail {
    /// A connection wants in.  No reply means that the room ended: look for it again.
    Enter {
        want: Want,
        outbox: mpsc::Sender<ServerMessage>,
        reply: oneshot::Sender<Result<Line, Reject>>,
    },
    /// A client said something.
    Said { request: Request, message: ClientMessage },
    /// A connection is gone.
    Hung { connection: ConnectionId },
    /// News from the media plane.
    Fact(MediaFact),
    /// An invite was taken back.
    Revoked(InviteId),
    /// The store has it: the room has ended.
    Ended,
}

/// The task of one room.
pub(crate) struct RoomTask {
    id: RoomId,
    life: u64,
    shared: Arc<Shared>,
    gauge: Arc<Gauge>,
    mailbox: mpsc::Receiver<Mail>,
    /// For the lines.
    mail: mpsc::WeakSender<Mail>,
    cores: Cores,
    connections: BTreeMap<ConnectionId, Connection>,
    n_connections: u64,
    /// The hash of each participant's resume token.
    tokens: BTreeMap<ParticipantId, Hash>,
    /// Orders the media plane has not taken yet.
    orders: VecDeque<MediaOrder>,
    retry_at: Option<Timestamp>,
    /// Participants the media plane may have something of.
    peers: BTreeSet<ParticipantId>,
    is_finished: bool,
}

struct Connection {
    outbox: mpsc::Sender<ServerMessage>,
    /// Until the room has decided whether to let it in.
    entering: Option<Entering>,
}

struct Entering {
    reply: oneshot::Sender<Result<Line, Reject>>,
    token_hash: Hash,
}

/// A core panicked, or can no longer be obeyed.
struct Broken;

impl RoomTask {
    pub(crate) fn new(
        id: RoomId,
        life: u64,
        shared: Arc<Shared>,
        gauge: Arc<Gauge>,
        mailbox: mpsc::Receiver<Mail>,
        mail: mpsc::WeakSender<Mail>,
    ) -> Self {
        let cores = Cores::new(id, shared.clock.now());
        Self {
            id,
            life,
            shared,
            gauge,
            mailbox,
            mail,
            cores,
            connections: BTreeMap::new(),
            n_connections: 0,
            tokens: BTreeMap::new(),
            orders: VecDeque::new(),
            retry_at: None,
            peers: BTreeSet::new(),
            is_finished: false,
        }
    }

    /// Runs until the room is over.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let clock = self.shared.clock;
        while !self.is_finished {
            let deadline = self.cores.poll_timeout().into_iter().chain(self.retry_at).min();
            // Stopping comes first, then what is due, then what is new.
            let outcome = tokio::select! {
                biased;
                () = until_stopping(&mut stopping) => self.stop().await,
                () = clock.sleep_until(deadline) => self.tick().await,
                mail = self.mailbox.recv() => match mail {
                    Some(mail) => self.take(mail).await,
                    None => self.stop().await,
                },
            };
            if outcome.is_err() {
                self.break_down();
            }
        }
        self.shared.registry.remove(self.id, self.life);
        // Whoever waits for a reply finds it dropped, and looks for the room again.
        self.mailbox.close();
        while self.mailbox.try_recv().is_ok() {}
        self.flush_orders_at_the_end().await;
        tracing::debug!(room = ?self.id, "The room is closed");
    }

    async fn stop(&mut self) -> Result<(), Broken> {
        let reason = FarewellReason::ServerStopping;
        self.run_cores(|cores, now| cores.handle_input(now, Input::Stop { reason })).await
    }

    async fn tick(&mut self) -> Result<(), Broken> {
        self.retry_at = None;
        self.run_cores(Cores::tick).await
    }

    async fn take(&mut self, mail: Mail) -> Result<(), Broken> {
        match mail {
            Mail::Enter { want, outbox, reply } => self.enter(want, outbox, reply).await,
            Mail::Said { request, message } => {
                self.input(Input::Said { request, message }).await
            }
            Mail::Hung { connection } => {
                self.connections.remove(&connection);
                self.input(Input::Hung { connection }).await
            }
            Mail::Fact(fact) => self.run_cores(|cores, now| cores.fact(now, fact)).await,
            Mail::Revoked(invite) => self.input(Input::Revoked { invite }).await,
            Mail::Ended => self.input(Input::Ended).await,
        }
    }

    async fn enter(
        &mut self,
        want: Want,
        outbox: mpsc::Sender<ServerMessage>,
        reply: oneshot::Sender<Result<Line, Reject>>,
    ) -> Result<(), Broken> {
        let token = match Token::random() {
            Ok(token) => token,
            Err(reject) => {
                // The caller may be gone, which is as good as being told.
                let _ = reply.send(Err(reject));
                return Ok(());
            }
        };
        self.n_connections += 1;
        let connection = ConnectionId(self.n_connections);
        let entering = Some(Entering { reply, token_hash: token.hash });
        self.connections.insert(connection, Connection { outbox, entering });
        self.run_cores(|cores, now| cores.enter(now, connection, token, want)).await
    }

    async fn input(&mut self, input: Input) -> Result<(), Broken> {
        self.run_cores(|cores, now| cores.handle_input(now, input)).await
    }

    /// Lets the cores do something, and carries everything out that comes of it.
    async fn run_cores(
        &mut self,
        what: impl FnOnce(&mut Cores, Timestamp),
    ) -> Result<(), Broken> {
        let now = self.shared.clock.now();
        guarded(|| what(&mut self.cores, now))?;
        let mut hung = VecDeque::new();
        loop {
            while let Some(effect) = self.cores.poll_effect() {
                self.carry_out(effect, &mut hung).await?;
            }
            let Some(connection) = hung.pop_front() else { break };
            guarded(|| self.cores.handle_input(now, Input::Hung { connection }))?;
        }
        self.place_orders()?;
        gauge(&self.gauge.n_waiting, self.cores.n_waiting());
        gauge(&self.gauge.n_in_room, self.cores.n_in_room());
        let places = self.cores.invite_places();
        let before = self.gauge.set_places(places.clone());
        for what in news::between(&before, &places) {
            self.shared.tell_news(self.id, what);
        }
        Ok(())
    }

    async fn carry_out(
        &mut self,
        effect: Effect,
        hung: &mut VecDeque<ConnectionId>,
    ) -> Result<(), Broken> {
        match effect {
            Effect::Accept { connection, participant } => self.accept(connection, participant),
            Effect::Refuse { connection, reject } => self.refuse(connection, reject),
            Effect::Send { to, message } => {
                if !self.send(to, message) {
                    hung.push_back(to);
                }
            }
            Effect::Close { connection } => {
                self.connections.remove(&connection);
            }
            Effect::Order(order) => self.orders.push_back(order),
            Effect::Forget { who } => {
                if let Some(token) = self.tokens.remove(&who) {
                    self.shared.registry.drop_token(&token);
                }
            }
            Effect::PinDevice { invite, device } => self.pin_device(invite, device).await,
            Effect::UseUp { invite } => self.use_up(invite).await,
            Effect::KeepGeneration { generation } => self.keep_generation(generation).await,
            Effect::KeepEnded => {
                // What was said before must not wait for the store; media orders neither.
                self.place_orders()?;
                let input =
                    if self.keep_ended().await { Input::Ended } else { Input::EndFailed };
                let now = self.shared.clock.now();
                guarded(|| self.cores.handle_input(now, input))?;
            }
            Effect::CommitAccepted => count(&self.shared.counters.commits_accepted),
            Effect::Finished => self.is_finished = true,
        }
        Ok(())
    }

    fn accept(&mut self, connection: ConnectionId, participant: ParticipantId) {
        let entering =
            self.connections.get_mut(&connection).and_then(|one| one.entering.take());
        let (Some(entering), Some(mailbox)) = (entering, self.mail.upgrade()) else { return };
        let hash = entering.token_hash;
        let older = self.tokens.insert(participant, hash);
        self.shared.registry.put_token(hash, older, self.id, participant);
        let line = Line::new(connection, mailbox, Arc::clone(&self.shared.lines));
        // A caller who is gone drops the line, and the room is told so.
        let _ = entering.reply.send(Ok(line));
    }

    fn refuse(&mut self, connection: ConnectionId, reject: Reject) {
        let refused = self.connections.remove(&connection);
        if let Some(entering) = refused.and_then(|one| one.entering) {
            // As above.
            let _ = entering.reply.send(Err(reject));
        }
    }

    /// Returns whether the connection can go on.
    fn send(&mut self, to: ConnectionId, message: ServerMessage) -> bool {
        if let ServerMessage::Rejected { reject, .. } = &message {
            self.shared.counters.count_reject(reject);
        }
        let Some(connection) = self.connections.get(&to) else { return true };
        match connection.outbox.try_send(message) {
            Ok(()) => true,
            // It hears no more, but what it said before may still lie in the mailbox: that it
            // leaves, above all.  That it has hung up comes after that, from its line.
            Err(mpsc::error::TrySendError::Closed(_)) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                count(&self.shared.counters.outboxes_overflowed);
                tracing::debug!(room = ?self.id, "A connection that does not read is given up");
                self.connections.remove(&to);
                false
            }
        }
    }

    /// Hands over what the media plane takes; the rest waits, in order.
    fn place_orders(&mut self) -> Result<(), Broken> {
        while let Some(order) = self.orders.front() {
            let taken = guarded(|| self.shared.media.order(order.clone()))?;
            if taken.is_err() {
                count(&self.shared.counters.media_busy);
                self.retry_at = Some(self.shared.clock.now() + MEDIA_RETRY);
                break;
            }
            match self.orders.pop_front() {
                Some(MediaOrder::OpenPeer { peer, .. }) => {
                    self.peers.insert(peer);
                }
                Some(MediaOrder::ClosePeer { peer }) => {
                    self.peers.remove(&peer);
                }
                Some(
                    MediaOrder::BindSlot { .. }
                    | MediaOrder::UnbindSlot { .. }
                    | MediaOrder::HoldTrack { .. }
                    | MediaOrder::SetLeaf { .. },
                )
                | None => {}
            }
        }
        // Going on without obeying would forward media to somebody who is out.
        if self.orders.len() > MEDIA_ORDERS_MAX { Err(Broken) } else { Ok(()) }
    }

    async fn pin_device(&self, invite: InviteId, device: Hash) {
        let store = Arc::clone(&self.shared.store);
        let pinned =
            self.ask_store(async move { store.pin_device(invite, device).await }).await;
        if pinned.as_ref().is_some_and(|holder| *holder == Some(device)) {
            self.shared.tell_news(self.id, What::InviteUsed(invite));
        }
        if pinned.is_none() {
            // They will have to ask again when they come back: safe, and they can.
            tracing::warn!(room = ?self.id, "The device could not be pinned");
        }
    }

    async fn use_up(&self, invite: InviteId) {
        let store = Arc::clone(&self.shared.store);
        let kept = self.ask_store(async move { store.use_up_invite(invite).await }).await;
        if kept.is_none() {
            // The room remembers as long as it runs, and the device stays pinned.
            tracing::warn!(room = ?self.id, "That an invite is used up could not be kept");
        }
    }

    async fn keep_generation(&self, generation: Generation) {
        let (store, id) = (Arc::clone(&self.shared.store), self.id);
        let kept =
            self.ask_store(async move { store.raise_generation(id, generation).await }).await;
        if kept.is_none() {
            // After a restart a moderator may have to try twice.
            tracing::warn!(room = ?self.id, "The generation could not be kept");
        }
    }

    async fn keep_ended(&self) -> bool {
        let (store, id) = (Arc::clone(&self.shared.store), self.id);
        let at = Clock::unix_now();
        let ended = self.ask_store(async move { store.end_room(id, at).await }).await;
        if ended == Some(true) {
            self.shared.tell_news(self.id, What::Ended);
        }
        ended.is_some()
    }

    /// In a task of its own: a store that panics or hangs must not take the room along.
    async fn ask_store<T: Send + 'static>(
        &self,
        question: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Option<T> {
        let answer = tokio::time::timeout(STORE_PATIENCE, tokio::spawn(question)).await;
        match answer {
            Ok(Ok(Ok(answer))) => Some(answer),
            Ok(Ok(Err(error))) => {
                tracing::error!(room = ?self.id, %error, "The store failed");
                None
            }
            Ok(Err(_)) | Err(_) => {
                tracing::error!(room = ?self.id, "The store did not answer");
                None
            }
        }
    }

    /// The last thing a broken room does, without its cores.
    fn break_down(&mut self) {
        count(&self.shared.counters.rooms_broken);
        tracing::error!(room = ?self.id, "The room broke; its people are told");
        let reason = FarewellReason::Internal;
        for (_, connection) in std::mem::take(&mut self.connections) {
            if connection.entering.is_none() {
                // A full outbox closes all the same.
                let _ = connection.outbox.try_send(ServerMessage::Farewell { reason });
            }
        }
        self.orders = std::mem::take(&mut self.peers)
            .into_iter()
            .map(|peer| MediaOrder::ClosePeer { peer })
            .collect();
        self.is_finished = true;
    }

    /// Tries for a while to have the media of those who were here closed.
    async fn flush_orders_at_the_end(&mut self) {
        const TRIES: u32 = 250;
        for _ in 0..TRIES {
            if self.place_orders().is_err() {
                // The media plane broke on the first order; it may yet take the others.
                self.orders.pop_front();
            }
            if self.orders.is_empty() {
                return;
            }
            tokio::time::sleep(MEDIA_RETRY).await;
        }
        tracing::error!(room = ?self.id, "The media plane did not take the room's last orders");
    }
}

async fn until_stopping(stopping: &mut watch::Receiver<bool>) {
    // A switchboard that is gone stops its rooms too.
    let _ = stopping.wait_for(|stopping| *stopping).await.map(|_| ());
}

fn guarded<T>(what: impl FnOnce() -> T) -> Result<T, Broken> {
    // What a panic leaves behind is never looked at again: the room is over.
    catch_unwind(AssertUnwindSafe(what)).map_err(|_| Broken)
}
