//! One participant's call: the shell around the [`Participant`] core.
//!
//! A shell has no opinions.  It brings inputs to the core, carries its outputs out, and wakes
//! it when it asked to be woken.  One task owns the core; sockets, peer connections and files
//! live in tasks of their own and talk to it over bounded channels.  News of a socket or peer
//! connection that was replaced in the meantime carry an old number and are dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use participant::output::Other;
use participant::{Code as _, Input, Output, Participant};
use protocol::media::{Mid, SlotBinding, TrackKind};
use protocol::time::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::desk::{NoTicket, Tickets};
use crate::held::{Arrived, Held};
use crate::peer::{Offered, Peer, PeerEvent, PeerSettings};
use crate::server::Server;
use crate::sink::{Opened, Sink};
use crate::socket::{Socket, SocketEvent};
use crate::source::Source;
use crate::status::{ChatLine, DoorstepNote, Said, Status};

/// News that may wait: more would mean that the participant is stuck.
const NEWS_MAX: usize = 256;

/// Events of a peer connection that may wait: one second of two tracks.
const PEER_EVENTS_MAX: usize = 256;

/// The one refusal to open a frame that is worth waiting for.
const NO_KEY_YET: &str = "unknown_key";

/// What the person, or a test, does.
#[derive(Debug)]
pub(crate) enum Command {
    /// Goes to the core as it is.
    Input(Input),
    /// Ends the WebSocket without a word, as a lost network does.
    CutSocket,
    /// Tries to open a frame that came another way.
    TryOpen { audio: bool, frame: Bytes, answer: oneshot::Sender<Result<(), &'static str>> },
}

/// A frame on its way out, as the server will see it.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// On which track.
    pub kind: TrackKind,
    /// The sealed frame.
    pub bytes: Bytes,
    /// When it was sealed.
    pub at: Timestamp,
}

/// What came back from the tasks of the shell.
enum News {
    Socket(u64, SocketEvent),
    Ticket(Result<String, NoTicket>),
    Offered(u64, Option<Box<(Peer, Offered)>>),
    AnswerRefused(u64),
}

/// What a call is made of.
pub(crate) struct Parts {
    pub(crate) clock: Clock,
    pub(crate) participant: Participant,
    pub(crate) server: Server,
    pub(crate) tickets: Option<Tickets>,
    pub(crate) sources: Vec<Source>,
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) tap: Option<mpsc::Sender<Sealed>>,
    pub(crate) peer_settings: PeerSettings,
    pub(crate) status: watch::Sender<Status>,
}

/// A call that runs.
pub(crate) struct Call {
    parts: Parts,
    news_in: mpsc::Sender<News>,
    news: mpsc::Receiver<News>,
    socket: Option<Socket>,
    socket_number: u64,
    peer: Option<Arc<Peer>>,
    peer_number: u64,
    peer_events: Option<mpsc::Receiver<PeerEvent>>,
    media_flows: bool,
    bindings: BTreeMap<Mid, SlotBinding>,
    others: Vec<Other>,
    held: Held,
}

/// Runs until `commands` is closed.
pub(crate) async fn run(parts: Parts, mut commands: mpsc::Receiver<Command>) {
    let (news_in, news) = mpsc::channel(NEWS_MAX);
    let mut call = Call {
        parts,
        news_in,
        news,
        socket: None,
        socket_number: 0,
        peer: None,
        peer_number: 0,
        peer_events: None,
        media_flows: false,
        bindings: BTreeMap::new(),
        others: Vec::new(),
        held: Held::default(),
    };
    call.input(Input::Start).await;
    for kind in [TrackKind::Microphone, TrackKind::Camera] {
        let on = call.parts.sources.iter().any(|source| source.kind() == kind);
        call.input(Input::SetTrack { kind, on }).await;
    }
    while call.step(&mut commands).await {}
    call.close_media().await;
}

impl Call {
    /// Waits for one thing and deals with it; `false` when it is over.
    async fn step(&mut self, commands: &mut mpsc::Receiver<Command>) -> bool {
        let clock = self.parts.clock;
        let frame_due = self
            .media_flows
            .then(|| self.parts.sources.iter().map(Source::poll_timeout).min())
            .flatten();
        tokio::select! {
            biased;
            // Priority 1: the person.  Rare, and never behind a flood.
            command = commands.recv() => match command {
                Some(command) => self.obey(command).await,
                None => return false,
            },
            // Priority 2: timers of the core.
            () = clock.sleep_until(self.parts.participant.poll_timeout()) => {
                self.input(Input::Tick).await;
            }
            // Priority 3: keys and signalling, so that frames find their keys.
            news = self.news.recv() => {
                if let Some(news) = news {
                    self.hear(news).await;
                }
            }
            // Priority 4: own frames; few, and late ones are heard as gaps.
            () = clock.sleep_until(frame_due) => self.send_frames().await,
            // Priority 5: what arrives.
            event = next_event(&mut self.peer_events) => match event {
                Some(event) => self.hear_peer(event).await,
                None => self.peer_events = None,
            },
        }
        true
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Input(input) => self.input(input).await,
            Command::CutSocket => {
                if let Some(socket) = self.socket.take() {
                    socket.cut();
                    self.socket_number += 1;
                    self.input(Input::Closed { code: crate::socket::CLOSED_WITHOUT_CODE })
                        .await;
                }
            }
            Command::TryOpen { audio, frame, answer } => {
                let now = self.parts.clock.now();
                let opened =
                    self.parts.participant.open_frame(now, audio, &frame, &mut Vec::new());
                let _ = answer.send(opened.map(drop).map_err(|error| error.code()));
            }
        }
    }

    /// Brings an input to the core and carries out everything it wants.
    async fn input(&mut self, input: Input) {
        self.parts.participant.handle_input(self.parts.clock.now(), input);
        while let Some(output) = self.parts.participant.poll_output() {
            self.carry_out(output).await;
        }
    }

    async fn carry_out(&mut self, output: Output) {
        match output {
            Output::FetchTicket => self.fetch_ticket(),
            Output::Connect => self.connect(),
            Output::Send { text } => self.send_text(text),
            Output::Disconnect => self.socket = None,
            Output::MakeOffer => self.make_offer().await,
            Output::TakeAnswer { sdp } => self.take_answer(sdp),
            Output::CloseMedia => self.close_media().await,
            Output::BindSlots { bindings } => {
                self.bindings = bindings
                    .into_iter()
                    .map(|binding| (binding.mid.clone(), binding))
                    .collect();
            }
            Output::ForceKeyFrame { kind } => self.jump_to_keyframe(kind),
            Output::Chat { from, name, own, text } => {
                let at = self.parts.clock.now();
                let line = ChatLine { from, name, own, text, at };
                self.parts.status.send_modify(|status| status.keep_chat(line));
            }
            Output::Said { from, topic, text } => {
                self.parts.status.send_modify(|s| s.keep_said(Said { from, topic, text }));
            }
            Output::DoorstepNote { participant, own, text } => {
                let note = DoorstepNote { participant, own, text };
                self.parts.status.send_modify(|status| status.keep_note(note));
            }
            Output::Receipt { participant: _, receipt } => {
                self.parts.status.send_modify(|status| status.keep_receipt(receipt));
            }
            Output::Refused { reject } => {
                self.parts.status.send_modify(|status| status.keep_refusal(reject));
            }
            Output::Show { state } => {
                self.others.clone_from(&state.others);
                self.parts.status.send_modify(|status| status.call = Some(state));
            }
        }
    }

    fn fetch_ticket(&self) {
        let (tickets, news) = (self.parts.tickets.clone(), self.news_in.clone());
        tokio::spawn(async move {
            let ticket = match tickets {
                Some(mut tickets) => tickets.fetch().await,
                None => Err(NoTicket { retry: false }),
            };
            let _ = news.send(News::Ticket(ticket)).await;
        });
    }

    fn connect(&mut self) {
        self.socket_number += 1;
        let (number, news) = (self.socket_number, self.news_in.clone());
        self.socket = Some(Socket::open(&self.parts.server, move |event| {
            let news = news.clone();
            async move { news.send(News::Socket(number, event)).await.is_ok() }
        }));
    }

    fn send_text(&mut self, text: String) {
        let sent = self.socket.as_ref().is_some_and(|socket| socket.send(text).is_ok());
        if !sent {
            // A full queue means that nothing gets through: the core hears of it as a close.
            tracing::debug!("A message could not be sent");
            if let Some(socket) = self.socket.take() {
                socket.cut();
                let code = crate::socket::CLOSED_WITHOUT_CODE;
                let closed = News::Socket(self.socket_number, SocketEvent::Closed(code));
                let _ = self.news_in.try_send(closed);
            }
        }
    }

    async fn make_offer(&mut self) {
        self.close_media().await;
        let (events_in, events) = mpsc::channel(PEER_EVENTS_MAX);
        self.peer_events = Some(events);
        let (number, news) = (self.peer_number, self.news_in.clone());
        let settings = self.parts.peer_settings.clone();
        tokio::spawn(async move {
            let opened = match Peer::open(&settings, events_in).await {
                Ok(opened) => Some(Box::new(opened)),
                Err(error) => {
                    tracing::warn!(%error, "No offer could be made");
                    None
                }
            };
            let _ = news.send(News::Offered(number, opened)).await;
        });
    }

    fn take_answer(&self, sdp: String) {
        let Some(peer) = self.peer.clone() else { return };
        let (number, news) = (self.peer_number, self.news_in.clone());
        tokio::spawn(async move {
            if let Err(error) = peer.take_answer(sdp).await {
                tracing::warn!(error = format!("{error:#}"), "The answer cannot be used");
                let _ = news.send(News::AnswerRefused(number)).await;
            }
        });
    }

    async fn close_media(&mut self) {
        self.peer_number += 1;
        self.peer_events = None;
        self.media_flows = false;
        if let Some(peer) = self.peer.take() {
            peer.close().await;
        }
    }

    fn jump_to_keyframe(&mut self, kind: TrackKind) {
        for source in &mut self.parts.sources {
            if source.kind() == kind {
                source.jump_to_keyframe();
            }
        }
    }

    async fn hear(&mut self, news: News) {
        match news {
            News::Socket(number, event) if number == self.socket_number => match event {
                SocketEvent::Opened => {
                    self.parts.status.send_modify(|status| status.counters.sockets += 1);
                    self.input(Input::Opened).await;
                }
                SocketEvent::Text(text) => {
                    self.input(Input::Received { text }).await;
                    self.open_held();
                }
                SocketEvent::Closed(code) => {
                    self.socket = None;
                    self.input(Input::Closed { code }).await;
                }
            },
            News::Ticket(Ok(ticket)) => self.input(Input::Ticket { ticket }).await,
            News::Ticket(Err(NoTicket { retry })) => {
                self.input(Input::NoTicket { retry }).await;
            }
            News::Offered(number, opened) if number == self.peer_number => match opened {
                Some(opened) => {
                    let (peer, Offered { sdp, tracks, slots }) = *opened;
                    self.peer = Some(Arc::new(peer));
                    self.input(Input::Offered { sdp, tracks, slots }).await;
                }
                None => self.input(Input::MediaFailed).await,
            },
            News::AnswerRefused(number) if number == self.peer_number => {
                self.input(Input::MediaFailed).await;
            }
            News::Offered(_, Some(opened)) => opened.0.close().await,
            News::Socket(..) | News::Offered(_, None) | News::AnswerRefused(_) => (),
        }
    }

    async fn hear_peer(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::Connected => {
                self.media_flows = true;
                self.parts.status.send_modify(|s| s.counters.media_connections += 1);
                self.input(Input::MediaConnected).await;
            }
            PeerEvent::Failed => {
                self.media_flows = false;
                self.input(Input::MediaFailed).await;
            }
            PeerEvent::Frame { mid, audio, bytes } => {
                let at = self.parts.clock.now();
                self.open(Arrived { mid, audio, bytes, at });
            }
            PeerEvent::KeyframeWanted => {
                self.parts.status.send_modify(|s| s.counters.keyframes_wanted += 1);
                self.jump_to_keyframe(TrackKind::Camera);
            }
        }
    }

    /// Tries those again that waited for a key.
    fn open_held(&mut self) {
        let (frames, n_late) = self.held.take(self.parts.clock.now());
        for _ in 0..n_late {
            self.count_not_opened(NO_KEY_YET);
        }
        for frame in frames {
            self.open(frame);
        }
    }

    fn count_not_opened(&self, code: &'static str) {
        self.parts.status.send_modify(|status| {
            *status.counters.not_opened.entry(code).or_default() += 1;
        });
    }

    /// Opens a frame and hands it over, if it is from the one whose track the slot carries.
    fn open(&mut self, arrived: Arrived) {
        let now = self.parts.clock.now();
        let Arrived { mid, audio, bytes, .. } = &arrived;
        let mut frame = Vec::new();
        let opened = match self.parts.participant.open_frame(now, *audio, bytes, &mut frame) {
            Ok(opened) => opened,
            Err(error) if error.code() == NO_KEY_YET => {
                if self.held.hold(arrived).is_some() {
                    self.count_not_opened(NO_KEY_YET);
                }
                return;
            }
            Err(error) => {
                self.count_not_opened(error.code());
                return;
            }
        };
        let binding = self.bindings.get(mid);
        let expected = binding.filter(|binding| {
            let publisher =
                self.others.iter().find(|other| other.participant == binding.publisher);
            opened.kind == binding.kind
                && publisher.is_some_and(|other| other.leaf == Some(opened.leaf))
        });
        let Some(binding) = expected else {
            self.parts.status.send_modify(|status| status.counters.not_expected += 1);
            return;
        };
        let (from, kind) = (binding.publisher, binding.kind);
        self.parts.sink.take(&Opened { from, kind, bytes: frame.into(), at: now });
        self.parts.status.send_modify(|status| {
            *status.counters.opened.entry((from, kind)).or_default() += 1;
            status.counters.first_opened_at.get_or_insert(now);
        });
    }

    /// Seals and sends every frame that is due.
    async fn send_frames(&mut self) {
        let now = self.parts.clock.now();
        let Some(peer) = self.peer.clone() else { return };
        for source in &mut self.parts.sources {
            let Some((timestamp, frame)) = source.poll_frame(now) else { continue };
            let kind = source.kind();
            let mut sealed = Vec::new();
            let done = self.parts.participant.seal_frame(now, kind, &frame, &mut sealed);
            if done.is_err() {
                self.parts.status.send_modify(|status| status.counters.not_sealed += 1);
                continue;
            }
            let sealed = Bytes::from(sealed);
            if let Some(tap) = &self.parts.tap {
                let _ = tap.try_send(Sealed { kind, bytes: sealed.clone(), at: now });
            }
            if let Err(error) = peer.send(kind, timestamp, &sealed).await {
                tracing::debug!(%error, "A frame was not sent");
                continue;
            }
            self.parts.status.send_modify(|status| {
                *status.counters.sealed.entry(kind).or_default() += 1;
            });
        }
    }
}

/// The next event of the peer connection; waits for ever when there is none.
async fn next_event(events: &mut Option<mpsc::Receiver<PeerEvent>>) -> Option<PeerEvent> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}
