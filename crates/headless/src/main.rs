//! The program: joins a call by a link, or hosts one, and tells what happens as JSON lines.
//!
//! Links and passwords come from files or standard input, never from the command line, where
//! every process of the machine could read them.  Nothing printed is a secret.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use headless::clock::Clock;
use headless::desk::{Desk, LINK_LIFETIME, Link};
use headless::server::Server;
use headless::sink::{Nowhere, Recorder, Sink};
use headless::source::Clip;
use headless::status::Status;
use headless::{Headless, Media};
use participant::Input;
use participant::output::{EndReason, Phase};
use protocol::media::TrackKind;
use protocol::opaque::Opaque;
use serde_json::json;

/// How often the counters are told.
const COUNTERS_EVERY: Duration = Duration::from_secs(1);

/// A participant without a screen.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Joins by a link, read from standard input or a file.
    Join(Join),
    /// Hosts: makes account, room and link as needed, and lets in whoever knocks.
    Host(Host),
}

#[derive(Args)]
struct Join {
    /// File with the link; standard input when it is left out.
    #[arg(long)]
    link_file: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Host {
    /// Address of the server, `http://host:port`.
    #[arg(long)]
    server: String,
    /// File with the one-time setup link, for a new server.
    #[arg(long)]
    setup_link_file: Option<PathBuf>,
    /// Account to sign in with.
    #[arg(long, default_value = "headless")]
    account: String,
    /// File with its password.
    #[arg(long)]
    password_file: PathBuf,
    /// File to write the attendee's link to.
    #[arg(long)]
    link_file: PathBuf,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Common {
    /// VP8 in IVF, played round and round.
    #[arg(long)]
    video: Option<PathBuf>,
    /// Opus in Ogg, played round and round.
    #[arg(long)]
    audio: Option<PathBuf>,
    /// Line of chat to write once in the call.
    #[arg(long)]
    chat: Option<String>,
    /// Name to show.
    #[arg(long, default_value = "Headless")]
    name: String,
    /// Leaves after this many seconds in the call.
    #[arg(long)]
    seconds: Option<u64>,
    /// Folder to record what arrives into.
    #[arg(long)]
    record: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match Cli::parse().command {
        Command::Join(join) => run_join(join).await,
        Command::Host(host) => run_host(host).await,
    }
}

async fn run_join(join: Join) -> anyhow::Result<()> {
    let link = match &join.link_file {
        Some(path) => read_secret(path)?,
        None => {
            let mut text = String::new();
            std::io::stdin().take(4096).read_to_string(&mut text)?;
            text
        }
    };
    let media = join.common.media()?;
    let headless = Headless::attendee(&Link::new(link), &join.common.name, media)?;
    follow(headless, &join.common, false).await
}

async fn run_host(host: Host) -> anyhow::Result<()> {
    let password = read_secret(&host.password_file)?;
    let password = password.trim_end_matches(['\r', '\n']);
    let mut desk = Desk::new(Server::parse(&host.server)?)?;
    if desk.server_state().await?.needs_setup {
        let path = host.setup_link_file.as_deref();
        let link = read_secret(path.context("a new server needs --setup-link-file")?)?;
        desk.set_up(&link, &host.account, password).await?;
    } else {
        desk.sign_in(&host.account, password).await?;
    }
    let room = desk.new_room(Opaque::default()).await?;
    let clock = Clock::new();
    let expires_at = clock.unix().plus(LINK_LIFETIME.as_secs());
    let invite = desk.invite(room, expires_at).await?;
    write_secret(&host.link_file, invite.link.expose())?;
    say(&json!({ "event": "link_written" }))?;

    let headless = Headless::moderator(&desk, room, &host.common.name, host.common.media()?)?;
    follow(headless, &host.common, true).await
}

impl Common {
    fn media(&self) -> anyhow::Result<Media> {
        let mut clips = Vec::new();
        if let Some(path) = &self.video {
            clips.push(Clip::from_ivf(path).context("--video")?);
        }
        if let Some(path) = &self.audio {
            clips.push(Clip::from_ogg(path).context("--audio")?);
        }
        let sink: Box<dyn Sink> = match &self.record {
            Some(folder) => Box::new(Recorder::new(folder).context("--record")?),
            None => Box::new(Nowhere),
        };
        Ok(Media { clips, sink, ..Media::default() })
    }
}

/// Tells what happens until the call is over.
async fn follow(mut headless: Headless, common: &Common, admits: bool) -> anyhow::Result<()> {
    let mut seen = Seen::default();
    let mut left_at = None;
    let clock = headless.clock();
    loop {
        let status = headless.status();
        seen.tell(&status)?;
        if let Some(reason) = status.ended() {
            return if is_good_end(reason) { Ok(()) } else { bail!("ended: {reason:?}") };
        }
        if status.is_in_call() && left_at.is_none() {
            if let Some(text) = &common.chat {
                headless.chat(text).await;
            }
            let patience = common.seconds.map_or(Duration::MAX, Duration::from_secs);
            left_at = Some(clock.now() + patience);
        }
        if left_at.is_some_and(|at| clock.now() >= at) {
            let bye = if admits { Input::EndRoom } else { Input::Leave };
            headless.input(bye).await;
            left_at = Some(clock.now() + Duration::from_secs(5));
        }
        if admits {
            admit_all(&headless, &status).await;
        }
        // Wakes for the next change, and each second for the counters.
        let before = seen.summary(&status);
        let _ = headless
            .wait_for(COUNTERS_EVERY, "something new", |status| seen.summary(status) != before)
            .await;
    }
}

async fn admit_all(headless: &Headless, status: &Status) {
    for waiting in status.call.iter().flat_map(|call| &call.waiting) {
        headless.input(Input::Admit { participant: waiting.participant }).await;
    }
}

fn is_good_end(reason: &EndReason) -> bool {
    match reason {
        EndReason::Farewell { reason } => {
            use protocol::reject::FarewellReason as Why;
            matches!(reason, Why::Left | Why::RoomEnded)
        }
        EndReason::Refused { .. } | EndReason::Unsafe { .. } | EndReason::SignedOut => false,
    }
}

/// What was told already.
#[derive(Default)]
struct Seen {
    phase: Option<&'static str>,
    n_chat: usize,
    told_at: Option<u64>,
}

impl Seen {
    /// What a change of wakes the teller at once.
    fn summary(&self, status: &Status) -> (Option<&'static str>, usize, usize) {
        let n_waiting = status.call.as_ref().map_or(0, |call| call.waiting.len());
        (phase_name(status), status.chat.len(), n_waiting)
    }

    fn tell(&mut self, status: &Status) -> anyhow::Result<()> {
        let phase = phase_name(status);
        if phase != self.phase {
            self.phase = phase;
            say(&json!({ "event": phase }))?;
        }
        for line in status.chat.iter().skip(self.n_chat) {
            say(&json!({ "event": "chat", "own": line.own, "text": line.text }))?;
        }
        self.n_chat = status.chat.len();
        let counters = &status.counters;
        let opened: u64 = counters.opened.values().sum();
        if self.told_at != Some(opened) {
            self.told_at = Some(opened);
            say(&json!({
                "event": "media",
                "sealed": counters.sealed.values().sum::<u64>(),
                "not_sealed": counters.not_sealed,
                "opened_audio": counters.opened_of(TrackKind::Microphone),
                "opened_video": counters.opened_of(TrackKind::Camera),
                "not_opened": counters.not_opened.values().sum::<u64>(),
                "not_expected": counters.not_expected,
            }))?;
        }
        Ok(())
    }
}

fn phase_name(status: &Status) -> Option<&'static str> {
    Some(match status.phase()? {
        Phase::Connecting => "connecting",
        Phase::Waiting => "waiting",
        Phase::Joining => "admitted",
        Phase::InCall => "joined",
        Phase::Reconnecting { .. } => "reconnecting",
        Phase::Ended { .. } => "ended",
    })
}

fn say(line: &serde_json::Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn read_secret(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file that only its owner can read, whole or not at all: somebody may wait for it.
fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let part = path.with_extension("part");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .with_context(|| format!("cannot write {}", part.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(std::fs::rename(&part, path)?)
}
