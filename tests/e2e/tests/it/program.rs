//! `headless` as a program: hosts and joins with real media, and keeps secrets to itself.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::{AmanProcess, Folder, Options};
use headless::source::Clip;

use crate::scene::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_hold_a_call_and_record_it() {
    let aman = AmanProcess::start(Options::default()).await.unwrap();
    let folder = Folder::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("setup"), aman.setup_link().unwrap()).unwrap();
    std::fs::write(at("password"), "a password for the program\n").unwrap();

    let host = Program::start(
        Command::new(headless())
            .args(["host", "--server", aman.origin(), "--seconds", "4", "--chat", "hello"])
            .args(["--setup-link-file", &text(&at("setup"))])
            .args(["--password-file", &text(&at("password"))])
            .args(["--link-file", &text(&at("link"))])
            .args(["--video", &text(&testdata("test.ivf"))]),
    );
    until_exists(&at("link")).await;
    let guest = Program::start(
        Command::new(headless())
            .args(["join", "--name", "Guest", "--chat", "hello to you"])
            .args(["--link-file", &text(&at("link"))])
            .args(["--audio", &text(&testdata("test.ogg"))])
            .args(["--record", &text(&at("record"))]),
    );
    let (host, guest) = (host.end(), guest.end());

    for (said, text) in [(&host, "hello to you"), (&guest, "hello")] {
        assert!(
            said.contains(&format!("\"event\":\"chat\",\"own\":false,\"text\":\"{text}\""))
        );
        assert!(said.contains("\"event\":\"joined\""), "{said}");
        assert!(said.contains("\"event\":\"ended\""), "{said}");
    }
    let link = std::fs::read_to_string(at("link")).unwrap();
    let (_, secret) = link.split_once("#1.").unwrap();
    let secret = secret.split('.').next().unwrap();
    assert!(!host.contains(secret) && !guest.contains(secret));
    let sent = Clip::from_ivf(&testdata("test.ivf")).unwrap();
    let recorded = Clip::from_ivf(&at("record").join("camera-1.ivf")).unwrap();
    assert!(recorded.frames().len() > 10, "{} frames", recorded.frames().len());
    assert!(recorded.frames().iter().all(|frame| sent.frames().contains(frame)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_link_is_one_clear_sentence() {
    let output = Command::new(headless()).arg("join").stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the link has no fragment"), "{said}");
}

struct Program {
    child: Child,
    said: std::thread::JoinHandle<String>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let said = std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).map(|line| line + "\n").collect()
        });
        Self { child, said }
    }

    /// Waits for its end; everything it said.
    fn end(mut self) -> String {
        let status = self.child.wait().unwrap();
        let said = self.said.join().unwrap();
        assert!(status.success(), "{said}");
        said
    }
}

async fn until_exists(path: &Path) {
    let existing = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, existing).await.expect("the link is written");
}

fn headless() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let path = this.ancestors().nth(2).unwrap().join("headless");
    assert!(path.is_file(), "headless is not built: run `cargo build -p headless` first");
    path
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/headless/testdata").join(name)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
