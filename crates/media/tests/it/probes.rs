//! Trying the way of sound and picture before being let in, and what strangers may try with it
//! (ADR 7).

use std::net::UdpSocket;
use std::time::Duration;

use protocol::media::{Probe, TrackKind};
use rtc_stun::attributes::ATTR_USERNAME;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, Setter, TransactionId,
};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;

use crate::client::{CHROMIUM, PATIENCE, now, room, socket};
use crate::stage::Stage;

/// A Binding as browsers send one.
fn binding(probe: &Probe, password: &str, transaction: u8) -> Vec<u8> {
    let provider = rtc_crypto::default_provider().unwrap();
    let name = format!("{}:them", probe.ufrag);
    let setters: Vec<Box<dyn Setter + '_>> = vec![
        Box::new(BINDING_REQUEST),
        Box::new(TransactionId([transaction; 12])),
        Box::new(TextAttribute::new(ATTR_USERNAME, name)),
        Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
            password.to_owned(),
            provider.crypto(),
        )),
        Box::new(FINGERPRINT),
    ];
    let mut message = Message::new();
    message.build(&setters).unwrap();
    message.raw
}

fn receive(socket: &UdpSocket, patience: Duration) -> Option<Vec<u8>> {
    socket.set_read_timeout(Some(patience)).unwrap();
    let mut bytes = [0; 2048];
    let length = socket.recv(&mut bytes).ok()?;
    Some(bytes[..length].to_vec())
}

/// All answers that are there.  Loopback has delivered them by the time they are counted.
fn answers(socket: &UdpSocket) -> usize {
    std::iter::from_fn(|| receive(socket, Duration::from_millis(20))).count()
}

#[test]
fn whoever_holds_a_probe_hears_that_datagrams_come_through() {
    let stage = Stage::new();
    let probe = stage.handle.probe();
    let [candidate] = probe.candidates[..] else { panic!("{:?}", probe.candidates) };
    assert_eq!((candidate.ip, candidate.port), {
        let local = stage.handle.local_addr();
        (local.ip(), local.port())
    });
    let browser = socket();
    let asked = binding(&probe, &probe.password, 7);
    browser.send_to(&asked, stage.handle.local_addr()).unwrap();
    let answered = receive(&browser, PATIENCE).expect("an answer");
    assert!(answered.len() <= asked.len(), "{} for {}", answered.len(), asked.len());

    let mut message = Message::new();
    message.unmarshal_binary(&answered).unwrap();
    assert_eq!((message.typ, message.transaction_id.0), (BINDING_SUCCESS, [7; 12]));
    let provider = rtc_crypto::default_provider().unwrap();
    let password = probe.password.as_bytes();
    MessageIntegrity::check(&mut message, password, provider.crypto()).unwrap();
    let mut seen = XorMappedAddress::default();
    seen.get_from(&message).unwrap();
    assert_eq!((seen.ip, seen.port), {
        let own = browser.local_addr().unwrap();
        (own.ip(), own.port())
    });
    stage.counted("it is counted", |counters| counters.probes_answered == 1);
}

#[test]
fn what_is_no_good_probe_is_met_with_silence() {
    let stage = Stage::new();
    let probe = stage.handle.probe();
    let foreign = Stage::new().handle.probe();
    let good = binding(&probe, &probe.password, 1);
    let bent = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut of_a_peer = stage.handle.probe();
    of_a_peer.ufrag.truncate(8);
    let mut long = good.clone();
    long.extend([0; 600]);
    let mut nameless = binding(&probe, &probe.password, 1);
    nameless.drain(20..);
    let bad = [
        binding(&foreign, &foreign.password, 1),
        binding(&probe, &foreign.password, 1),
        binding(&probe, "", 1),
        binding(&of_a_peer, &probe.password, 1),
        // The name, its end, the integrity.
        bent(24),
        bent(40),
        bent(good.len() - 20),
        good[..40].to_vec(),
        good[..good.len() - 32].to_vec(),
        long,
        nameless,
    ];
    let stranger = socket();
    for datagram in &bad {
        stranger.send_to(datagram, stage.handle.local_addr()).unwrap();
    }
    let n = bad.len() as u64;
    stage.counted("they are dropped", |counters| counters.dropped_stun == n);
    assert_eq!(answers(&stranger), 0, "a stranger was answered");
    assert_eq!(stage.handle.counters().probes_answered, 0);
    stranger.send_to(&good, stage.handle.local_addr()).unwrap();
    assert!(receive(&stranger, PATIENCE).is_some(), "the good one was good");
}

#[test]
fn whoever_probed_stays_a_stranger() {
    let stage = Stage::new();
    let probe = stage.handle.probe();
    let browser = socket();
    let server = stage.handle.local_addr();
    browser.send_to(&binding(&probe, &probe.password, 1), server).unwrap();
    assert!(receive(&browser, PATIENCE).is_some());
    // A hello, sound, and a report, as if it were a peer.
    let hello = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60][..], &[1; 60]].concat();
    let sound = [&[0x80, 111, 0, 1][..], &[1; 80]].concat();
    let report = [&[0x80, 201, 0, 1][..], &[1; 40]].concat();
    for datagram in [&hello, &sound, &report] {
        browser.send_to(datagram, server).unwrap();
    }
    stage.counted("all are dropped", |counters| counters.dropped_unknown_source == 3);
    assert_eq!(answers(&browser), 0);
    assert_eq!(stage.handle.counters().peers, 0);
}

/// Somebody who holds one probe and sends it from wherever they like, which is also what
/// somebody does who watched the path of another's.
#[test]
fn a_probe_used_without_end_is_answered_within_its_bound_and_hinders_nobody() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let ada = stage.join(room(1), 2, CHROMIUM);
    stage.bind(ada.name, ben.name);
    let probe = stage.handle.probe();
    let greedy: Vec<_> = (0..8).map(|_| socket()).collect();
    let server = stage.handle.local_addr();
    let before = stage.handle.counters();
    let begun = now();
    let n = 4000u64;
    let mut bytes_asked = 0;
    for number in 0..n {
        let asked = binding(&probe, &probe.password, number as u8);
        bytes_asked += asked.len() as u64;
        greedy[number as usize % greedy.len()].send_to(&asked, server).unwrap();
        if number % 50 == 0 {
            let wanted = before.packets_in + number * 9 / 10;
            stage.counted("the flood is taken", |counters| counters.packets_in >= wanted);
        }
    }
    let counters = stage.handle.counters();
    let seconds = (now() - begun).as_secs() + 1;
    let most = 48 + 8 * seconds;
    assert!((48..=most).contains(&counters.probes_answered), "{counters:?} in {seconds} s");
    let bytes_sent = counters.bytes_out - before.bytes_out;
    assert!(bytes_sent < bytes_asked / 2, "{bytes_sent} for {bytes_asked}");

    ben.publish(TrackKind::Microphone, 1, &[1; 80]);
    let packet = ada.next_rtp(|_| true, now() + PATIENCE).expect("the call goes on");
    assert_eq!(packet.payload[..], [1; 80]);
    // Another's probe, unless it is one of the few that are counted in the same place.
    let others = std::iter::repeat_with(|| stage.handle.probe()).take(4);
    let other = socket();
    for probe in others {
        other.send_to(&binding(&probe, &probe.password, 1), server).unwrap();
    }
    assert!(receive(&other, PATIENCE).is_some(), "others are answered");
}

#[test]
fn a_member_can_probe_beside_its_call() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let probe = stage.handle.probe();
    ben.send(&binding(&probe, &probe.password, 1));
    stage.counted("it is answered", |counters| counters.probes_answered == 1);
    ben.publish(TrackKind::Microphone, 1, &[1; 80]);
    stage.counted("and still a member", |counters| counters.media_in == 1);
}
