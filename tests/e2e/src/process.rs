//! The `aman` binary, running.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::Context as _;
pub use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::folder::Folder;

/// How long the server may take to be ready, or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a signal to a process of ours.
///
/// # Errors
///
/// When it is gone.
pub fn send(signal: Signal, to: &Child) -> anyhow::Result<()> {
    let pid = Pid::from_raw(to.id().try_into()?);
    nix::sys::signal::kill(pid, signal).context("the process is gone")
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// `error` … `trace`.
    pub log_level: &'static str,
    /// Addresses the server names in its answers; empty means that of its socket.
    pub advertise: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { log_level: "info", advertise: Vec::new() }
    }
}

/// A server.
#[derive(Debug)]
pub struct AmanProcess {
    options: Options,
    folder: Folder,
    running: Running,
    /// Everything printed by those that ran before in this folder.
    printed_before: Vec<u8>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    printed: Arc<Mutex<Vec<u8>>>,
    origin: String,
    media: SocketAddr,
    setup_link: Option<String>,
}

impl AmanProcess {
    /// Starts one on free ports of 127.0.0.1, with a new data folder.
    ///
    /// # Errors
    ///
    /// When the binary was not built, or does not get ready.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        let running = spawn(&options, folder.path(), "127.0.0.1:0", "127.0.0.1:0").await?;
        Ok(Self { options, folder, running, printed_before: Vec::new() })
    }

    /// Starts it again, in the same folder and on the same ports.
    ///
    /// # Errors
    ///
    /// When it does not get ready.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.printed_before.append(&mut self.running.take_printed());
        let listen = self.origin().trim_start_matches("http://").to_owned();
        let media = self.running.media.to_string();
        self.running = spawn(&self.options, self.folder.path(), &listen, &media).await?;
        Ok(())
    }

    /// Its origin: `http://127.0.0.1:port`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.running.origin
    }

    /// Where it takes media.
    #[must_use]
    pub fn media(&self) -> SocketAddr {
        self.running.media
    }

    /// The one-time setup link, if it printed one.
    #[must_use]
    pub fn setup_link(&self) -> Option<String> {
        self.running.setup_link.clone()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.child.id()
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Everything it printed, on both streams.
    #[must_use]
    pub fn printed(&self) -> Vec<u8> {
        let now = self.running.printed.lock().unwrap_or_else(PoisonError::into_inner);
        [self.printed_before.as_slice(), now.as_slice()].concat()
    }

    /// Ends it without warning.
    pub async fn kill(&mut self) {
        let _ = self.running.child.kill();
        let _ = self.stopped().await;
    }

    /// Asks it to stop and waits until it did.
    ///
    /// # Errors
    ///
    /// When it does not stop.
    pub async fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        send(Signal::SIGTERM, &self.running.child)?;
        self.stopped().await
    }

    async fn stopped(&mut self) -> anyhow::Result<ExitStatus> {
        let waiting = async {
            loop {
                if let Some(status) = self.running.child.try_wait()? {
                    return Ok::<_, std::io::Error>(status);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        Ok(tokio::time::timeout(PATIENCE, waiting).await.context("it does not stop")??)
    }
}

impl Running {
    fn take_printed(&self) -> Vec<u8> {
        std::mem::take(&mut *self.printed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn spawn(
    options: &Options,
    folder: &Path,
    listen: &str,
    media: &str,
) -> anyhow::Result<Running> {
    let mut command = Command::new(binary()?);
    command
        .current_dir(folder)
        .args(["--data", "data", "--listen", listen, "--media-bind", media])
        .args(["--log-format", "json", "--log-level", options.log_level])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for address in &options.advertise {
        command.args(["--advertise", address]);
    }
    let mut child = command.spawn().context("cannot start aman")?;
    let printed = Arc::new(Mutex::new(Vec::new()));
    let (lines, said) = mpsc::sync_channel(1024);
    if let Some(stderr) = child.stderr.take() {
        keep(stderr, Arc::clone(&printed), None);
    }
    if let Some(stdout) = child.stdout.take() {
        keep(stdout, Arc::clone(&printed), Some(lines));
    }
    let heard = tokio::task::spawn_blocking(move || hear_ready(&said)).await?;
    match heard {
        Ok((origin, media, setup_link)) => {
            Ok(Running { child, printed, origin, media, setup_link })
        }
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            let printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
            Err(error.context(String::from_utf8_lossy(&printed).into_owned()))
        }
    }
}

/// Waits for `ready http://… udp …`; remembers the setup link said before it.
fn hear_ready(
    said: &mpsc::Receiver<String>,
) -> anyhow::Result<(String, SocketAddr, Option<String>)> {
    let mut setup_link = None;
    loop {
        let line = said.recv_timeout(PATIENCE).context("aman did not get ready")?;
        if let Some(ready) = line.strip_prefix("ready ") {
            let (origin, media) = ready.split_once(" udp ").context("an odd ready line")?;
            return Ok((origin.to_owned(), media.trim().parse()?, setup_link));
        }
        setup_link = setup_link.or_else(|| {
            let link = line.split_whitespace().find(|word| word.contains("/setup#"))?;
            Some(link.to_owned())
        });
    }
}

/// Keeps everything that comes out of `stream`; passes lines on while somebody listens.
fn keep(
    stream: impl Read + Send + 'static,
    printed: Arc<Mutex<Vec<u8>>>,
    mut lines: Option<mpsc::SyncSender<String>>,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            {
                let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
                printed.extend_from_slice(line.as_bytes());
                printed.push(b'\n');
            }
            lines = lines.filter(|lines| lines.try_send(line).is_ok());
        }
    });
}

/// The binary built beside this one.
fn binary() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    // A test is in `target/debug/deps`, a program in `target/debug`.
    this.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("aman"))
        .find(|path| path.is_file())
        .context("aman is not built: run `cargo build -p aman` first")
}
