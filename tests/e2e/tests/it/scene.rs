//! A server, a counsellor's desk, and a call between two headless participants.

use std::time::Duration;

use e2e::{AmanProcess, Options};
use headless::clock::Clock;
use headless::desk::{Desk, Invite, LINK_LIFETIME};
use headless::peer::PeerSettings;
use headless::server::Server;
use headless::sink::Collector;
use headless::source::Clip;
use headless::{Headless, Media, Sealed};
use protocol::id::RoomId;
use protocol::media::TrackKind;
use protocol::opaque::Opaque;
use tokio::sync::mpsc;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const COUNSELLOR: &str = "counsellor";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// What the moderator's and the attendee's cameras show, as far as bytes go.
pub(crate) const MODERATOR_MARK: &[u8] = b"picture of the moderator.";
pub(crate) const ATTENDEE_MARK: &[u8] = b"picture of the attendee.";

/// A server that was set up, and its counsellor.
pub(crate) struct Office {
    pub(crate) aman: AmanProcess,
    pub(crate) desk: Desk,
}

impl Office {
    pub(crate) async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    pub(crate) async fn open_with(options: Options) -> Self {
        let aman = AmanProcess::start(options).await.unwrap();
        let mut desk = Desk::new(Server::parse(aman.origin()).unwrap()).unwrap();
        let setup_link = aman.setup_link().expect("a new server prints a setup link");
        desk.set_up(&setup_link, COUNSELLOR, PASSWORD).await.unwrap();
        Self { aman, desk }
    }

    pub(crate) async fn new_room(&mut self) -> RoomId {
        self.desk.new_room(Opaque::default()).await.unwrap()
    }

    pub(crate) async fn invite(&mut self, room: RoomId) -> Invite {
        let expires_at = Clock::new().unix().plus(LINK_LIFETIME.as_secs());
        self.desk.invite(room, expires_at).await.unwrap()
    }

    pub(crate) async fn invite_with_card(&mut self, room: RoomId, card: &str) -> Invite {
        let expires_at = Clock::new().unix().plus(LINK_LIFETIME.as_secs());
        self.desk.invite_with(room, expires_at, Some(card)).await.unwrap()
    }

    pub(crate) fn moderator(&self, room: RoomId, media: Media) -> Headless {
        Headless::moderator(&self.desk, room, "Dr Example", media).unwrap()
    }
}

/// A camera, a microphone, and a memory for what arrives.
pub(crate) struct Devices {
    pub(crate) clips: Vec<Clip>,
    pub(crate) seen: Collector,
    pub(crate) sealed: Option<mpsc::Receiver<Sealed>>,
}

impl Devices {
    pub(crate) fn showing(mark: &[u8]) -> Self {
        let clips = vec![Clip::pictures_of(mark, 15, 2_000), Clip::sound_of(mark, 80)];
        Self { clips, seen: Collector::default(), sealed: None }
    }

    /// The media of a participant with these devices.
    pub(crate) fn media(&self) -> Media {
        Media {
            clips: self.clips.clone(),
            sink: Box::new(self.seen.clone()),
            tap: None,
            peer: on_loopback(),
        }
    }

    /// The same, keeping a copy of every sealed frame.
    pub(crate) fn tapped_media(&mut self) -> Media {
        let (tap, sealed) = mpsc::channel(20_000);
        self.sealed = Some(sealed);
        Media { tap: Some(tap), ..self.media() }
    }
}

pub(crate) fn on_loopback() -> PeerSettings {
    PeerSettings { bind: vec!["127.0.0.1:0".to_owned()], ..PeerSettings::default() }
}

/// Two people in a call, seeing and hearing each other.
pub(crate) struct Call {
    pub(crate) office: Office,
    pub(crate) room: RoomId,
    pub(crate) moderator: Headless,
    pub(crate) moderator_devices: Devices,
    pub(crate) attendee: Headless,
    pub(crate) attendee_devices: Devices,
}

impl Call {
    pub(crate) async fn begin() -> Self {
        Self::begin_in(Office::open().await).await
    }

    pub(crate) async fn begin_in(mut office: Office) -> Self {
        let room = office.new_room().await;
        let invite = office.invite(room).await;
        let mut moderator_devices = Devices::showing(MODERATOR_MARK);
        let mut attendee_devices = Devices::showing(ATTENDEE_MARK);
        let mut moderator = office.moderator(room, moderator_devices.tapped_media());
        let media = attendee_devices.tapped_media();
        let attendee = Headless::attendee(&invite.link, "Ben", media).unwrap();
        moderator.admit_next(PATIENCE).await.unwrap();
        let mut call =
            Self { office, room, moderator, moderator_devices, attendee, attendee_devices };
        call.media_flows_both_ways().await;
        call
    }

    /// Waits until both open new frames of the other, of both kinds.
    pub(crate) async fn media_flows_both_ways(&mut self) {
        sees_more(&mut self.attendee).await;
        sees_more(&mut self.moderator).await;
    }
}

/// Waits until more frames of both kinds were opened than there were.
pub(crate) async fn sees_more(who: &mut Headless) {
    let before = who.status().counters;
    let kinds = [TrackKind::Camera, TrackKind::Microphone];
    who.wait_for(PATIENCE, "more frames of both kinds", |status| {
        kinds.iter().all(|kind| status.counters.opened_of(*kind) >= before.opened_of(*kind) + 5)
    })
    .await
    .unwrap();
}
