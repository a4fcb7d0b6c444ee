//! Does the program start, say where it is, keep to its limits, and stop when told?

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A running `aman` that dies with its test.
struct Aman {
    child: Child,
    /// What it said, up to the `ready` line.
    said: Vec<String>,
    web: String,
}

impl Aman {
    fn start(folder: &Path, flags: &[&str]) -> Self {
        let mut child = command(folder)
            .args(["--data", "data", "--listen", "127.0.0.1:0", "--media-bind", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut said: Vec<_> = Vec::new();
        for line in out.lines() {
            said.push(line.unwrap());
            if said.last().unwrap().starts_with("ready ") {
                break;
            }
        }
        let web = said.last().and_then(|line| line.split("://").nth(1));
        let web = web.unwrap_or_else(|| panic!("{said:?}")).split(' ').next().unwrap().into();
        Self { child, said, web }
    }

    fn request(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.web).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (host, n) = (&self.web, body.len());
        write!(
            stream,
            "{head} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\ncontent-type: \
             application/json\r\ncontent-length: {n}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn set_up(&self) {
        let link = self.said.iter().find(|line| line.starts_with("Counsellor's desk: "));
        let token = link.unwrap().split("/setup#").nth(1).expect("a setup link").to_owned();
        let json =
            format!(r#"{{"token":"{token}","name":"ruth","password":"lighthouse keeper"}}"#);
        let answer = self.request("POST /api/setup", &json);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    fn stop(mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Aman {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_says_where_it_is_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let ready_file = folder.path().join("ready");
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let aman = Aman::start(folder.path(), &["--ready-file", "ready"]);

        let ready = aman.said.last().unwrap().clone();
        assert!(ready.starts_with("ready http://127.0.0.1:"), "{ready}");
        assert!(ready.contains(" udp 127.0.0.1:") && !ready.ends_with(":0"), "{ready}");
        assert!(aman.request("GET /health", "").ends_with("\r\n\r\nok\n"));
        wait_for(&ready_file);
        assert_eq!(fs::read_to_string(&ready_file).unwrap(), format!("{ready}\n"));

        assert_eq!(aman.stop(signal), Some(0));
        fs::remove_file(&ready_file).unwrap();
    }
}

#[test]
fn the_setup_link_is_new_each_time_until_it_was_used() {
    let folder = tempfile::tempdir().unwrap();
    let first = Aman::start(folder.path(), &[]);
    let old_link = first.said.first().unwrap().clone();
    first.stop(Signal::SIGTERM);

    let second = Aman::start(folder.path(), &[]);
    assert_ne!(second.said.first().unwrap().split('#').nth(1), old_link.split('#').nth(1));
    let token = old_link.split('#').nth(1).unwrap();
    let json = format!(r#"{{"token":"{token}","name":"ruth","password":"lighthouse keeper"}}"#);
    assert!(second.request("POST /api/setup", &json).starts_with("HTTP/1.1 404"));
    second.set_up();
    second.stop(Signal::SIGTERM);

    let third = Aman::start(folder.path(), &[]);
    let desk = third.said.first().unwrap();
    assert!(desk.ends_with("/desk") && desk.contains("http://localhost:"), "{desk}");
    assert!(third.request("GET /api/state", "").contains(r#"{"needs_setup":false,"#));
}

#[test]
fn neither_the_log_nor_the_data_folder_holds_the_token_or_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let aman = Aman::start(folder.path(), &["--log-level", "trace", "--log-format", "json"]);
    let token = aman.said.first().unwrap().split('#').nth(1).unwrap().to_owned();
    aman.set_up();
    aman.stop(Signal::SIGTERM);

    let mut files = vec![folder.path().join("log")];
    let data = fs::read_dir(folder.path().join("data")).unwrap();
    files.extend(data.map(|entry| entry.unwrap().path()));
    let all: Vec<u8> = files.iter().flat_map(|path| fs::read(path).unwrap()).collect();
    let holds = |text: &str| all.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(
        holds("The server is set up") && holds("argon2id"),
        "the search finds what is there"
    );
    for secret in [&*token, "lighthouse keeper", "127.0.0.1"] {
        assert!(!holds(secret), "{secret}");
    }
}

#[test]
fn it_stays_small_and_leaves_no_core_behind() {
    let folder = tempfile::tempdir().unwrap();
    let aman = Aman::start(folder.path(), &[]);
    aman.set_up();

    let limits = aman.proc("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    let status = aman.proc("status");
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = rss.trim().split(' ').next().unwrap().parse().unwrap();
    assert!(kib <= 40 * 1024, "{kib} KiB after a sign-in");
    let mode = fs::metadata(folder.path().join("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn the_operator_invites_and_shuts_out_beside_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let early = user(folder.path(), &["invite"]);
    assert!(early.1.contains("start the server once"), "{early:?}");
    let aman = Aman::start(folder.path(), &[]);
    let refused = user(folder.path(), &["invite"]);
    assert!(refused.1.contains("first account"), "{refused:?}");
    aman.set_up();

    let (said, _) = user(folder.path(), &["invite", "--days", "3"]);
    let token = said.lines().next().unwrap().split("/setup#i.").nth(1).expect("a link");
    let (list, _) = user(folder.path(), &["list"]);
    assert!(list.starts_with("ruth  (admin, password only, since 20"), "{list}");
    assert!(list.contains("\ninvitation ") && !list.contains(token), "{list}");
    let words = format!(r#"{{"token":"{token}","name":"sun","password":"lighthouse keeper"}}"#);
    let accepted = aman.request("POST /api/invitation/accept", &words);
    assert!(accepted.contains(r#""step":"set_up_factor""#), "{accepted}");

    let sign_in = r#"{"name":"ruth","password":"lighthouse keeper"}"#;
    for (command, status) in [("disable", 401), ("enable", 200)] {
        user(folder.path(), &[command, "ruth"]);
        let answer = aman.request("POST /api/sign-in", sign_in);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{command}: {answer}");
    }
    let (_, nobody) = user(folder.path(), &["reset", "nobody"]);
    assert!(nobody.contains("nobody has that name"), "{nobody}");

    let (_, second) = (user(folder.path(), &["invite"]), user(folder.path(), &["list"]).0);
    let id = second.lines().find_map(|line| line.strip_prefix("invitation ")).unwrap();
    let id = id.split(' ').next().unwrap();
    let (withdrawn, why) = user(folder.path(), &["withdraw", id]);
    assert!(withdrawn.contains("worth nothing"), "{why}");
    assert!(!user(folder.path(), &["list"]).0.contains("invitation "));
}

#[test]
fn a_self_signed_server_says_https_and_its_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    let aman = Aman::start(folder.path(), &["--tls-self-signed", "--tls-name", "aman.test"]);

    assert!(
        aman.said[0].starts_with("Counsellor's desk: https://localhost:"),
        "{:?}",
        aman.said
    );
    let fingerprint = aman.said[1].strip_prefix("Certificate SHA-256: ").unwrap();
    assert_eq!(fingerprint.split(':').count(), 32);
    assert!(aman.said[2].starts_with("ready https://127.0.0.1:"), "{:?}", aman.said);
    for name in ["tls-self-signed.key", "tls-self-signed.pem"] {
        let file = folder.path().join("data").join(name);
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn wrong_settings_are_all_named_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("aman.toml"), "[web]\nlisten = 'x'\ncolour = 'teal'\n")
        .unwrap();
    let output = command(folder.path()).env("AMAN_MEDIA_BIND", "y").output().unwrap();

    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    for fault in ["web.listen", "web.colour", "AMAN_MEDIA_BIND"] {
        assert!(text.contains(fault), "{fault} in {text}");
    }
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_port_that_is_taken_is_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = command(folder.path())
        .args(["--data", "data", "--listen", &address, "--media-bind", "127.0.0.1:0"])
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&format!("aman cannot go on: cannot listen on {address}")), "{text}");
}

#[test]
fn the_reference_can_be_used_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path()).arg("config-reference").output().unwrap();
    assert!(output.status.success());
    fs::write(folder.path().join("aman.toml"), output.stdout).unwrap();

    let aman = Aman::start(folder.path(), &[]);
    assert_eq!(aman.stop(Signal::SIGTERM), Some(0));
}

/// What `aman user …` says, and what it complains about.
fn user(folder: &Path, words: &[&str]) -> (String, String) {
    let output = command(folder).args(["--data", "data", "user"]).args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aman"));
    command.current_dir(folder).env_clear();
    command
}

/// Waits for a file that is on its way.
fn wait_for(path: &Path) {
    for _ in 0..200 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{} did not come", path.display());
}
