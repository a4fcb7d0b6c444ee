//! Many calls between two people at the same time.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use e2e::{AmanProcess, Options};
use headless::clock::Clock;
use headless::desk::{Desk, LINK_LIFETIME};
use headless::http::Http;
use headless::peer::PeerSettings;
use headless::server::Server;
use headless::source::Clip;
use headless::{Headless, Media};
use protocol::media::TrackKind;
use protocol::opaque::Opaque;

use crate::clock::Stopwatch;
use crate::floor;
use crate::process::{cpu_time, resident_mib, sum};
use crate::report::{Figure, Report, median_ms};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many lines of chat go back and forth.
const CHAT_ROUNDS: u32 = 10;

/// How much of it.
#[derive(Args)]
pub(crate) struct Size {
    /// Calls at the same time.
    #[arg(long, default_value_t = 10)]
    rooms: u32,
    /// Seconds to measure for.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Pictures a second.
    #[arg(long, default_value_t = 30)]
    fps: u32,
    /// Bytes of a picture.
    #[arg(long, default_value_t = 2000)]
    frame_bytes: usize,
}

struct Pair {
    moderator: Headless,
    attendee: Headless,
    /// From *Admit* to the first frame opened.
    joined_in: Duration,
}

/// Runs it.
pub(crate) async fn run(size: &Size) -> anyhow::Result<Report> {
    let floor = floor::measure()?;
    let aman = AmanProcess::start(Options::default()).await?;
    let server = Server::parse(aman.origin())?;
    let mut http = Http::new(server.clone());
    let mut desk = Desk::new(server)?;
    let setup_link = aman.setup_link().context("no setup link")?;
    desk.set_up(&setup_link, "load", "a password for load tests").await?;
    let idle_mib = resident_mib(aman.pid())?;

    let mut pairs = Vec::new();
    for _ in 0..size.rooms {
        pairs.push(begin_call(&mut desk, size).await?);
    }
    let in_call_mib = resident_mib(aman.pid())?;

    let before = Moment::now(&aman, &mut http).await?;
    // The measurement itself: this is how long it lasts.
    tokio::time::sleep(Duration::from_secs(size.seconds)).await;
    let after = Moment::now(&aman, &mut http).await?;

    let chat = match pairs.first_mut() {
        Some(pair) => chat_round_trips(pair).await?,
        None => Vec::new(),
    };
    let joined: Vec<Duration> = pairs.iter().map(|pair| pair.joined_in).collect();
    let opened: u64 = pairs.iter().map(opened_of).sum();
    let n_participants = f64::from(size.rooms) * 2.0;
    let forwarded = after.forwarded.saturating_sub(before.forwarded) as f64;
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    let us_per_packet = cpu * 1e6 / forwarded;

    let mut figures = vec![
        Figure::new("server_idle_memory", idle_mib, "MiB").at_most(40.0),
        Figure::new(
            "server_memory_per_participant",
            (in_call_mib - idle_mib) / n_participants,
            "MiB",
        )
        .at_most(1.0),
        Figure::new("headless_join_to_first_frame", median_ms(&joined), "ms"),
        Figure::new("chat_round_trip", median_ms(&chat), "ms").at_most(100.0),
        Figure::new("forwarded", forwarded / after.at_least_seconds(&before), "packets/s"),
        Figure::new("server_cpu", 100.0 * cpu / after.at_least_seconds(&before), "% of a core"),
        Figure::new("server_cpu_per_packet", us_per_packet, "us"),
        Figure::new(
            "server_cpu_over_floor",
            us_per_packet * 1000.0 / floor.seal_and_send_ns,
            "times",
        ),
        Figure::new("frames_opened", opened as f64, "frames"),
    ];
    figures.extend(floor::figures(&floor));
    for pair in pairs {
        pair.moderator.stop().await;
        pair.attendee.stop().await;
    }
    Ok(Report { scenario: "one-to-one", figures })
}

async fn begin_call(desk: &mut Desk, size: &Size) -> anyhow::Result<Pair> {
    let room = desk.new_room(Opaque::default()).await?;
    let expires_at = Clock::new().unix().plus(LINK_LIFETIME.as_secs());
    let link = desk.invite(room, expires_at).await?.link;
    let mut moderator = Headless::moderator(desk, room, "Moderator", media(size))?;
    let mut attendee = Headless::attendee(&link, "Attendee", media(size))?;
    moderator.first_waiting(PATIENCE).await?;
    let watch = Stopwatch::begin();
    moderator.admit_next(PATIENCE).await?;
    attendee
        .wait_for(PATIENCE, "a frame", |status| status.counters.first_opened_at.is_some())
        .await?;
    let joined_in = watch.elapsed();
    moderator
        .wait_for(PATIENCE, "a frame", |status| status.counters.first_opened_at.is_some())
        .await?;
    Ok(Pair { moderator, attendee, joined_in })
}

fn media(size: &Size) -> Media {
    let clips = vec![
        Clip::pictures_of(b"load", size.fps, size.frame_bytes),
        Clip::sound_of(b"load", 80),
    ];
    let bind = vec!["127.0.0.1:0".to_owned()];
    let peer = PeerSettings { bind, n_audio_slots: 1, n_video_slots: 1 };
    Media { clips, peer, ..Media::default() }
}

/// How long a line takes to the other side, and one back.
async fn chat_round_trips(pair: &mut Pair) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for nth in 0..CHAT_ROUNDS {
        let (there, back) = (format!("there {nth}"), format!("back {nth}"));
        let watch = Stopwatch::begin();
        pair.moderator.chat(&there).await;
        hears(&mut pair.attendee, &there).await?;
        pair.attendee.chat(&back).await;
        hears(&mut pair.moderator, &back).await?;
        times.push(watch.elapsed());
    }
    Ok(times)
}

async fn hears(who: &mut Headless, text: &str) -> anyhow::Result<()> {
    who.wait_for(PATIENCE, "a line of chat", |status| {
        status.chat.iter().any(|line| !line.own && line.text == text)
    })
    .await?;
    Ok(())
}

fn opened_of(pair: &Pair) -> u64 {
    [&pair.moderator, &pair.attendee]
        .map(|who| {
            let counters = who.status().counters;
            counters.opened_of(TrackKind::Camera) + counters.opened_of(TrackKind::Microphone)
        })
        .iter()
        .sum()
}

/// What the server had done by some moment.
struct Moment {
    watch: Stopwatch,
    cpu: Duration,
    forwarded: u64,
}

impl Moment {
    async fn now(aman: &AmanProcess, http: &mut Http) -> anyhow::Result<Self> {
        let metrics = http.text("/metrics").await?;
        let forwarded = sum(&metrics, "aman_media_media_out")?;
        Ok(Self { watch: Stopwatch::begin(), cpu: cpu_time(aman.pid())?, forwarded })
    }

    /// Seconds since `earlier`, as seen from this moment on.
    fn at_least_seconds(&self, earlier: &Self) -> f64 {
        earlier.watch.elapsed().saturating_sub(self.watch.elapsed()).as_secs_f64()
    }
}
