//! A headless participant that runs: how to start one, steer it, and wait for what it sees.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use participant::input::Topic;
use participant::{AttendeeStart, Input, Participant, randomness};
use protocol::id::{ParticipantId, RoomId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::call::{Command, Parts, Sealed, run};
use crate::clock::Clock;
use crate::desk::{Desk, Link, Tickets};
use crate::peer::PeerSettings;
use crate::server::{Server, take_apart};
use crate::sink::{Nowhere, Sink};
use crate::source::{Clip, Source};
use crate::status::Status;

/// Commands that may wait.
const COMMANDS_MAX: usize = 64;

/// What a participant sends and what becomes of what it gets.
pub struct Media {
    /// What the camera and the microphone give.
    pub clips: Vec<Clip>,
    /// Where opened frames go.
    pub sink: Box<dyn Sink>,
    /// Where a copy of each sealed frame goes, for tests; lost when it is full.
    pub tap: Option<mpsc::Sender<Sealed>>,
    /// How peer connections are made.
    pub peer: PeerSettings,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            clips: Vec::new(),
            sink: Box::new(Nowhere),
            tap: None,
            peer: PeerSettings::default(),
        }
    }
}

/// A participant that runs until it is dropped.
#[derive(Debug)]
pub struct Headless {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
    clock: Clock,
    task: JoinHandle<()>,
}

/// What was waited for did not come in time.
#[derive(Debug)]
pub struct TookTooLong {
    /// What it was.
    pub what: &'static str,
    /// What there was instead.
    pub status: Box<Status>,
}

impl std::fmt::Display for TookTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let phase = self.status.phase();
        write!(f, "waited in vain: {}; phase {phase:?}, ", self.what)?;
        write!(f, "refused {:?}, {:?}", self.status.refused, self.status.counters)
    }
}

impl std::error::Error for TookTooLong {}

impl Headless {
    /// The person a link was made for.
    ///
    /// # Errors
    ///
    /// When the link or the name cannot be used.
    pub fn attendee(link: &Link, name: &str, media: Media) -> anyhow::Result<Self> {
        Self::attendee_on(randomness()?.bytes(), link, name, media)
    }

    /// The same, on a device that may have been here before.
    ///
    /// # Errors
    ///
    /// When the link or the name cannot be used.
    pub fn attendee_on(
        device: [u8; 16],
        link: &Link,
        name: &str,
        media: Media,
    ) -> anyhow::Result<Self> {
        let clock = Clock::new();
        let (server, fragment) = take_apart(link.expose())?;
        let participant = Participant::attendee(AttendeeStart {
            fragment: &fragment,
            name: name.to_owned(),
            device,
            unix: clock.unix(),
            random: randomness()?,
        })
        .context("the link or the name cannot be used")?;
        Ok(Self::start(clock, participant, server, None, media))
    }

    /// The counsellor, in a room of their desk.
    ///
    /// # Errors
    ///
    /// When the room is not one the desk made, or the name cannot be used.
    pub fn moderator(
        desk: &Desk,
        room: RoomId,
        name: &str,
        media: Media,
    ) -> anyhow::Result<Self> {
        let server = desk.tickets(room).server().clone();
        Self::moderator_via(server, desk, room, name, media)
    }

    /// The same, with its WebSocket to `server`, which may be something in between.
    ///
    /// # Errors
    ///
    /// When the room is not one the desk made, or the name cannot be used.
    pub fn moderator_via(
        server: Server,
        desk: &Desk,
        room: RoomId,
        name: &str,
        media: Media,
    ) -> anyhow::Result<Self> {
        let clock = Clock::new();
        let participant = desk.moderator(room, name, clock.unix())?;
        Ok(Self::start(clock, participant, server, Some(desk.tickets(room)), media))
    }

    fn start(
        clock: Clock,
        participant: Participant,
        server: Server,
        tickets: Option<Tickets>,
        media: Media,
    ) -> Self {
        let (commands, commands_out) = mpsc::channel(COMMANDS_MAX);
        let (status_in, status) = watch::channel(Status::default());
        let now = clock.now();
        let parts = Parts {
            clock,
            participant,
            server,
            tickets,
            sources: media.clips.into_iter().map(|clip| Source::new(clip, now)).collect(),
            sink: media.sink,
            tap: media.tap,
            peer_settings: media.peer,
            status: status_in,
        };
        let task = tokio::spawn(run(parts, commands_out));
        Self { commands, status, clock, task }
    }

    /// Its clock, by which all its timestamps are.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Lets the person do something.
    pub async fn input(&self, input: Input) {
        // A participant that stopped does nothing more; whoever waits for it will see.
        let _ = self.commands.send(Command::Input(input)).await;
    }

    /// Writes a line of chat.
    pub async fn chat(&self, text: &str) {
        self.input(Input::SendChat { text: text.to_owned() }).await;
    }

    /// Tells the others something, beside the chat.
    pub async fn say(&self, topic: Topic, text: &str) {
        self.input(Input::Say { topic, text: text.to_owned() }).await;
    }

    /// Waits until somebody knocks and lets them in.
    ///
    /// # Errors
    ///
    /// [`TookTooLong`].
    pub async fn admit_next(
        &mut self,
        patience: Duration,
    ) -> Result<ParticipantId, TookTooLong> {
        let waiting = self.first_waiting(patience).await?;
        self.input(Input::Admit { participant: waiting }).await;
        Ok(waiting)
    }

    /// Waits until somebody knocks.
    ///
    /// # Errors
    ///
    /// [`TookTooLong`].
    pub async fn first_waiting(
        &mut self,
        patience: Duration,
    ) -> Result<ParticipantId, TookTooLong> {
        let status = self
            .wait_for(patience, "a knock", |status| {
                status.call.as_ref().is_some_and(|call| !call.waiting.is_empty())
            })
            .await?;
        let first = status.call.as_ref().and_then(|call| call.waiting.first());
        first
            .map(|waiting| waiting.participant)
            .ok_or_else(|| TookTooLong { what: "a knock", status: Box::new(status.clone()) })
    }

    /// Ends the WebSocket without a word, as a lost network does.
    pub async fn cut_socket(&self) {
        let _ = self.commands.send(Command::CutSocket).await;
    }

    /// Opens a sealed frame that this participant got by another way.
    ///
    /// # Errors
    ///
    /// The stable code of why it cannot; `gone` when the participant stopped.
    pub async fn try_open(&self, audio: bool, frame: Bytes) -> Result<(), &'static str> {
        let (answer, answered) = oneshot::channel();
        let _ = self.commands.send(Command::TryOpen { audio, frame, answer }).await;
        answered.await.unwrap_or(Err("gone"))
    }

    /// What there is to see at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until `is_so`, and returns what there is to see then.
    ///
    /// # Errors
    ///
    /// [`TookTooLong`] when it does not become so within `patience`.
    pub async fn wait_for(
        &mut self,
        patience: Duration,
        what: &'static str,
        is_so: impl FnMut(&Status) -> bool,
    ) -> Result<Status, TookTooLong> {
        let waited = tokio::time::timeout(patience, self.status.wait_for(is_so)).await;
        let seen = waited.ok().and_then(Result::ok).map(|status| status.clone());
        seen.ok_or_else(|| TookTooLong { what, status: Box::new(self.status()) })
    }

    /// Ends it without leaving, as a closed browser does, and waits until everything is closed.
    pub async fn stop(self) {
        let Self { commands, task, .. } = self;
        drop(commands);
        let _ = task.await;
    }
}
