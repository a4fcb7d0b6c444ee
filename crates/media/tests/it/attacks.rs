//! What strangers may try, and that it changes nothing (TESTPLAN.md 3.7).

use std::time::Duration;

use media::MediaFact;
use protocol::media::TrackKind;

use crate::client::{CHROMIUM, Client, PATIENCE, now, room, socket};
use crate::stage::Stage;

const SOUND: TrackKind = TrackKind::Microphone;

/// A well-formed ClientHello record with a random of `n` and one useless suite.
fn hello(n: u32) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend([n.to_be_bytes(); 8].concat());
    body.extend([0, 0, 0, 2, 0x13, 1, 1, 0, 0, 0]);
    handshake(1, 0, u64::from(n), &body)
}

fn handshake(kind: u8, number: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    let mut message = vec![kind];
    message.extend(&length[1..]);
    message.extend(number.to_be_bytes());
    message.extend([0, 0, 0]);
    message.extend(&length[1..]);
    message.extend(body);
    record(22, 0, sequence, &message)
}

fn record(kind: u8, epoch: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 0xfe, 0xfd];
    record.extend(epoch.to_be_bytes());
    record.extend(&sequence.to_be_bytes()[2..]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// T-DTLS-1.
#[test]
fn hellos_from_foreign_addresses_hinder_nobody_and_are_not_answered() {
    let mut stage = Stage::new();
    let stranger = socket();
    for n in 0..10u64 {
        for m in 0..200 {
            stranger.send_to(&hello(m), stage.handle.local_addr()).unwrap();
        }
        stage.join(room(1), n + 1, CHROMIUM);
    }
    stranger.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert!(stranger.recv(&mut [0; 100]).is_err(), "a stranger was answered");
    assert!(stage.handle.counters().dropped_unknown_source > 0);
}

/// T-DTLS-2: the same, from the client's own address, before and during the handshake.
#[test]
fn hellos_with_the_clients_own_address_do_not_spoil_its_handshake() {
    let mut stage = Stage::new();
    let mut client = Client::new(1, CHROMIUM, &stage.handle);
    let offer = client.offer(None);
    stage.open(room(1), &mut client, offer);
    client.bind_path();
    for n in 0..100 {
        client.send(&hello(n));
    }
    // What is answered to the forgeries, the client does not want.
    while client.receive(Duration::from_millis(50)).is_some() {}
    client.start_handshake();
    for n in 0..100 {
        client.send(&hello(1000 + n));
    }
    assert!(client.finish_handshake(now() + PATIENCE));
    assert!(matches!(stage.fact(PATIENCE), Some(MediaFact::Connected { .. })));
    // T-DTLS-3, afterwards: records in clear change nothing.
    for (n, kind) in (0..).zip([20, 21, 22, 23, 99]) {
        client.send(&record(kind, 0, 1_000_000 + n, &[1, 0]));
        client.send(&record(kind, 0, 2_000_000 + n, &[2, 40]));
    }
    for n in 0..50 {
        client.send(&hello(5000 + n));
    }
    client.publish(SOUND, 1, &[1; 80]);
    stage.counted("media still flows", |counters| counters.media_in == 1);
}

/// A handshake that somebody with the client's address spoilt in its midst is given up, and a
/// client that begins again succeeds.
#[test]
fn a_spoilt_handshake_can_be_begun_again() {
    let mut stage = Stage::new();
    let mut client = Client::new(1, CHROMIUM, &stage.handle);
    let offer = client.offer(None);
    stage.open(room(1), &mut client, offer);
    client.bind_path();
    for _ in 0..3 {
        client.start_handshake();
        client.step_handshake();
        assert!(client.receive(PATIENCE).is_some(), "the hello with its cookie is answered");
        for (number, kind) in (2..).zip([11, 16, 15]) {
            client.send(&handshake(kind, number, 900 + u64::from(number), &[0; 70]));
        }
        while client.receive(Duration::from_millis(20)).is_some() {}
    }
    client.start_handshake();
    assert!(client.finish_handshake(now() + PATIENCE));
    assert!(matches!(stage.fact(PATIENCE), Some(MediaFact::Connected { .. })));
    assert!(stage.handle.counters().dtls_restarts >= 3);
}

/// T-DTLS-4.
#[test]
fn sealed_records_before_the_handshake_take_no_memory() {
    let mut stage = Stage::new();
    let mut client = Client::new(1, CHROMIUM, &stage.handle);
    let offer = client.offer(None);
    stage.open(room(1), &mut client, offer);
    client.bind_path();
    client.start_handshake();
    let before = resident_kib();
    let n = 20_000;
    for n in 0..n {
        client.send(&record(23 - (n % 4) as u8, 1, 100 + n, &[7; 1200]));
        if n % 64 == 0 {
            let wanted = n / 2;
            stage.counted("the flood is taken", |counters| counters.packets_in >= wanted);
        }
        if n % 10 == 0 {
            client.send(&handshake(11, 3, 100 + n, &[7; 1000]));
        }
    }
    let after = resident_kib();
    assert!(after < before + 2048, "{before} KiB became {after} KiB");
}

#[test]
fn a_client_with_another_certificate_than_in_its_offer_is_not_connected() {
    let mut stage = Stage::new();
    let mut client = Client::new(1, CHROMIUM, &stage.handle);
    let offer = client.offer(Some([9; 32]));
    stage.open(room(1), &mut client, offer);
    client.bind_path();
    client.start_handshake();
    assert!(!client.finish_handshake(now() + Duration::from_secs(3)));
    let expected = MediaFact::Lost { room: room(1), peer: client.name };
    assert_eq!(stage.fact(PATIENCE), Some(expected));
}

/// T-RTPINJ.
#[test]
fn packets_with_a_bad_tag_and_replays_forward_nothing_and_end_nothing() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let ada = stage.join(room(1), 2, CHROMIUM);
    stage.bind(ada.name, ben.name);
    let good = ben.seal(&ben.packet(SOUND, 1, &[1; 80]));
    ben.send(&good);
    assert!(ada.next_rtp(|_| true, now() + PATIENCE).is_some());
    let stranger = socket();
    let mut forged = good.clone();
    let n = 3000u32;
    for number in 0..n {
        forged[2..4].copy_from_slice(&(number as u16).to_be_bytes());
        forged[8..12].copy_from_slice(&(number % 7).to_be_bytes());
        ben.send(&forged);
        ben.send(&good);
        stranger.send_to(&good, ben.server).unwrap();
        if number % 50 == 0 {
            let wanted = u64::from(number) * 2;
            stage.counted("the flood is taken", |counters| counters.packets_in > wanted);
        }
    }
    assert_eq!(stage.handle.counters().media_out, 1);
    ben.publish(SOUND, 2, &[2; 80]);
    let packet = ada.next_rtp(|_| true, now() + PATIENCE).unwrap();
    assert_eq!(packet.payload[..], [2; 80]);
    let counters = stage.handle.counters();
    assert!(counters.dropped_unauthentic > 0 && counters.dropped_replayed > 0);
    assert!(counters.dropped_unknown_source > 0);
    assert_eq!(counters.peers, 2);
}

/// T-STUN.
#[test]
fn bindings_of_unknown_or_false_names_are_not_answered() {
    let mut stage = Stage::new();
    let mut ben = stage.join(room(1), 1, CHROMIUM);
    let stranger = socket();
    let good = ben.binding(true);
    let mut unknown = good.clone();
    unknown[24] ^= 1;
    let mut unauthentic = good.clone();
    let at = unauthentic.len() - 20;
    unauthentic[at] ^= 1;
    for datagram in [&unknown, &unauthentic, &good[..40].to_vec()] {
        stranger.send_to(datagram, ben.server).unwrap();
    }
    stage.counted("they are dropped", |counters| counters.dropped_stun == 3);
    stranger.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert!(stranger.recv(&mut [0; 100]).is_err(), "a stranger was answered");
}

/// Somebody who may bind, and can forge the source of what they send.
#[test]
fn a_member_cannot_take_the_address_of_another() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let ada = stage.join(room(1), 2, CHROMIUM);
    let mut eve = stage.join(room(1), 3, CHROMIUM);
    stage.bind(ada.name, ben.name);
    let before = stage.handle.counters().dropped_stun;
    eve.socket = ada.socket.try_clone().unwrap();
    let forged = eve.binding(true);
    eve.send(&forged);
    stage.counted("the forged one is dropped", |counters| counters.dropped_stun == before + 1);
    ada.publish(SOUND, 1, &[1; 80]);
    ben.publish(SOUND, 1, &[2; 80]);
    let packet =
        ada.next_rtp(|_| true, now() + PATIENCE).expect("Ada is still heard and hears");
    assert_eq!(packet.payload[..], [2; 80]);
    assert_eq!(stage.handle.counters().dropped_unauthentic, 0);
}

/// T-RTP-OWN.
#[test]
fn a_member_who_floods_is_held_to_its_share() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let n = 3000u16;
    for number in 0..n {
        ben.publish(SOUND, number, &[1; 80]);
        if number % 50 == 0 {
            let wanted = u64::from(number) * 9 / 10;
            stage.counted("the flood is taken", |counters| counters.packets_in > wanted);
        }
    }
    stage.counted("some is dropped", |counters| counters.dropped_policed > 0);
}
