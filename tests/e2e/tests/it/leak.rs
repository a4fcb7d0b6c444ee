//! T-LEAK: what was said, shown, named and shared as a link is nowhere outside the two ends.
//!
//! Looked through: everything the server printed (at its most talkative), its data folder, its
//! counters, its memory, and all traffic.  A second test puts every canary where each search
//! looks and expects it to be found: a search that finds nothing proves nothing otherwise.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use e2e::{AmanProcess, Options};
use e2ee::link::DeskSecret;
use e2ee::random::Randomness;
use headless::Headless;
use headless::server::Server;
use participant::Input;
use participant::input::{AgreedItem, Topic};
use protocol::client::{Application, ClientMessage};
use protocol::id::{Epoch, GroupId};
use protocol::opaque::Opaque;

use crate::call::farewell;
use crate::capture::Capture;
use crate::needle::{Hit, Needles};
use crate::raw::Raw;
use crate::scene::{Devices, Office, PATIENCE, sees_more};

/// One of a kind, and easy to recognise by eye.
struct Canaries {
    chat: String,
    reply: String,
    name: String,
    counsellor: String,
    title: String,
    picture: String,
    /// Beside the chat: in the call, before admission both ways, on the card, agreed to.
    saying: String,
    note: String,
    answer: String,
    card: String,
    consent: String,
}

impl Canaries {
    fn new() -> Self {
        let random = Randomness::from_os().unwrap();
        let make = |what: &str| {
            let bytes: [u8; 12] = random.bytes();
            let tail: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("canary-{what}-{tail}")
        };
        Self {
            chat: make("chat"),
            reply: make("reply"),
            name: make("name"),
            counsellor: make("counsellor"),
            title: make("title"),
            picture: make("picture"),
            saying: make("saying"),
            note: make("note"),
            answer: make("answer"),
            card: make("card"),
            consent: make("consent"),
        }
    }

    fn named(&self) -> Vec<(&'static str, Vec<u8>)> {
        [
            ("chat", &self.chat),
            ("reply", &self.reply),
            ("name", &self.name),
            ("counsellor", &self.counsellor),
            ("title", &self.title),
            ("picture", &self.picture),
            ("saying", &self.saying),
            ("note", &self.note),
            ("answer", &self.answer),
            ("card", &self.card),
            ("consent", &self.consent),
        ]
        .map(|(name, text)| (name, text.clone().into_bytes()))
        .to_vec()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_said_shown_or_named_leaves_the_two_ends() {
    let canaries = Canaries::new();
    let options = Options { log_level: "trace", ..Options::default() };
    let mut office = Office::open_with(options).await;
    let capture = Capture::begin(web_port(&office.aman), office.aman.media().port());
    let random = Randomness::from_os().unwrap();
    let desk_secret = DeskSecret::from_bytes(random.bytes());
    let title = desk_secret.seal_title(&canaries.title, &random).unwrap();
    let room = office.desk.new_room(title).await.unwrap();
    let invite = office.invite_with_card(room, &canaries.card).await;
    let (_, fragment) = invite.link.expose().split_once('#').unwrap();
    let (link_secret, _) = e2ee::link::parse_fragment(fragment).unwrap();
    let mut secrets = canaries.named();
    secrets.push(("link secret", link_secret.expose().to_vec()));
    let needles = Needles::new(&secrets);

    let here = Devices::showing(canaries.picture.as_bytes());
    let there = Devices::showing(canaries.picture.as_bytes());
    let mut moderator =
        Headless::moderator(&office.desk, room, &canaries.counsellor, here.media()).unwrap();
    let mut attendee = Headless::attendee(&invite.link, &canaries.name, there.media()).unwrap();
    let waiting = moderator.first_waiting(PATIENCE).await.unwrap();
    let to = Some(waiting);
    moderator.input(Input::TellDoorstep { participant: to, text: canaries.note.clone() }).await;
    attendee
        .input(Input::TellDoorstep { participant: None, text: canaries.answer.clone() })
        .await;
    notes(&mut attendee, &canaries.note).await;
    notes(&mut moderator, &canaries.answer).await;
    moderator.admit_next(PATIENCE).await.unwrap();
    sees_more(&mut attendee).await;
    sees_more(&mut moderator).await;
    for (from, to, text) in [(&moderator, &mut attendee, &canaries.chat)] {
        from.chat(text).await;
        hears(to, text).await;
    }
    attendee.chat(&canaries.reply).await;
    hears(&mut moderator, &canaries.reply).await;
    attendee.say(Topic::Place, &canaries.saying).await;
    moderator
        .wait_for(PATIENCE, "a saying", |status| {
            status.said.iter().any(|said| said.text == canaries.saying)
        })
        .await
        .unwrap();
    let items = vec![AgreedItem { name: canaries.consent.clone(), agreed: true }];
    let (version, language) = (canaries.consent.clone(), "en".to_owned());
    attendee.input(Input::Agree { version, language, items }).await;
    for who in [&mut attendee, &mut moderator] {
        who.wait_for(PATIENCE, "a receipt", |status| !status.receipts.is_empty())
            .await
            .unwrap();
    }

    let mut hits = look_everywhere(&mut office, &needles).await;
    moderator.input(Input::EndRoom).await;
    farewell(&mut attendee).await;
    hits.extend(look_everywhere(&mut office, &needles).await);
    office.aman.kill().await;
    hits.extend(look_at_rest(&office.aman, &needles));
    let captured = capture.end().await;
    hits.extend(needles.find("packets", &captured.packets));
    hits.extend(needles.find("streams", &captured.streams));
    hits.extend(needles.find("messages", &captured.messages));

    hits.sort();
    hits.dedup();
    println!("figure: leak_hits = {} (goal <= 0)", hits.len());
    assert!(captured.n_datagrams > 100, "no media was captured");
    assert!(!captured.messages.is_empty(), "no messages were captured");
    assert_eq!(hits, []);
    let marked = here.seen.frames();
    let picture = canaries.picture.as_bytes();
    let is_marked = |bytes: &[u8]| bytes.windows(picture.len()).any(|part| part == picture);
    assert!(marked.iter().all(|frame| is_marked(&frame.bytes)), "the canary was not sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_finds_what_is_put_in_its_way() {
    let canaries = Canaries::new();
    let named = canaries.named();
    let needles = Needles::new(&named);
    let office = Office::open().await;
    let capture = Capture::begin(web_port(&office.aman), office.aman.media().port());

    // What a client that forgot to seal would send.
    let mut raw = Raw::open(office.aman.origin()).await;
    for (_, canary) in &named {
        let message = Opaque::new(canary.clone()).unwrap();
        let group = GroupId::from_bytes([1; 32]);
        let (epoch, fleeting) = (Epoch(0), false);
        let application = Application { group, epoch, message, fleeting };
        raw.say(ClientMessage::Application(application)).await;
        raw.hear().await;
    }
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for (_, canary) in &named {
        socket.send_to(canary, office.aman.media()).unwrap();
    }
    let mut http = headless::http::Http::new(Server::parse(office.aman.origin()).unwrap());
    for (_, canary) in &named {
        let path = format!("/{}", String::from_utf8(canary.clone()).unwrap());
        let _ = http.text(&path).await;
    }
    let hex: Vec<String> = named
        .iter()
        .map(|(_, canary)| canary.iter().map(|byte| format!("{byte:02X}")).collect())
        .collect();
    fs::write(office.aman.data().join("control.txt"), hex.join("\n")).unwrap();

    let captured = capture.end().await;
    let own_memory = look_into_memory("self", &needles);
    for (place, hits) in [
        ("packets", needles.find("packets", &captured.packets)),
        ("streams", needles.find("streams", &captured.streams)),
        ("messages", needles.find("messages", &captured.messages)),
        ("files", look_at_files(&office.aman.data(), &needles)),
        ("memory", own_memory),
    ] {
        for (name, _) in &named {
            let is_found = hits.iter().any(|hit| hit.name.starts_with(&format!("{name} (")));
            assert!(is_found, "{name} was not found in {place}");
        }
    }
}

async fn hears(who: &mut Headless, text: &str) {
    who.wait_for(PATIENCE, "a line of chat", |status| {
        status.chat.iter().any(|line| !line.own && line.text == text)
    })
    .await
    .unwrap();
}

async fn notes(who: &mut Headless, text: &str) {
    who.wait_for(PATIENCE, "a note", |status| {
        status.notes.iter().any(|note| !note.own && note.text == text)
    })
    .await
    .unwrap();
}

async fn look_everywhere(office: &mut Office, needles: &Needles) -> Vec<Hit> {
    let mut hits = look_at_rest(&office.aman, needles);
    let metrics = office.desk.metrics().await.unwrap();
    assert!(metrics.contains("aman_media_packets_in"), "no counters: {metrics}");
    hits.extend(needles.find("/metrics", metrics.as_bytes()));
    hits.extend(look_into_memory(&office.aman.pid().to_string(), needles));
    hits
}

fn look_at_rest(aman: &AmanProcess, needles: &Needles) -> Vec<Hit> {
    let printed = aman.printed();
    assert!(!printed.is_empty(), "the server printed nothing");
    let mut hits = needles.find("log", &printed);
    hits.extend(look_at_files(&aman.data(), needles));
    hits
}

fn look_at_files(folder: &Path, needles: &Needles) -> Vec<Hit> {
    let mut hits = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            hits.extend(look_at_files(&path, needles));
        } else {
            hits.extend(needles.find("files", &fs::read(&path).unwrap()));
        }
    }
    hits
}

/// Everything a process could write to: heap, stacks, buffers.
fn look_into_memory(pid: &str, needles: &Needles) -> Vec<Hit> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{pid}/mem"))
        .expect("the memory of another process can be read by root alone");
    let mut hits = Vec::new();
    let mut n_bytes = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split_whitespace().next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let from = u64::from_str_radix(from, 16).unwrap();
        let to = u64::from_str_radix(to, 16).unwrap();
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // Regions may vanish between the list and the reading.
        if let Ok(n) = memory.read_at(&mut bytes, from) {
            n_bytes += n;
            hits.extend(needles.find("memory", &bytes[..n]));
        }
    }
    assert!(n_bytes > 100_000, "only {n_bytes} bytes of memory were read");
    hits
}

fn web_port(aman: &AmanProcess) -> u16 {
    aman.origin().rsplit_once(':').unwrap().1.parse().unwrap()
}
