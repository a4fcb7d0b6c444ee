//! What a call needs: packets arrive, rewritten so that nobody notices who is on a slot.

use std::time::Duration;

use media::{MediaFact, MediaOrder};
use protocol::id::LeafIndex;
use protocol::media::{SlotBinding, TrackKind};

use crate::client::{CHROMIUM, FIREFOX, PATIENCE, delta, keyframe, mid, now, room, socket};
use crate::stage::Stage;

const SOUND: TrackKind = TrackKind::Microphone;
const PICTURES: TrackKind = TrackKind::Camera;

#[test]
fn sound_and_pictures_arrive_with_the_numbers_of_the_subscriber() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let ada = stage.join(room(1), 2, FIREFOX);
    stage.bind(ada.name, ben.name);
    let (mut sound, mut pictures) = (vec![], vec![]);
    for number in 0..20u16 {
        ben.publish(SOUND, 65_530u16.wrapping_add(number), &[number as u8; 80]);
        let frame = if number == 0 { keyframe(&[0; 900]) } else { delta(&[number as u8; 500]) };
        ben.publish(PICTURES, 65_530u16.wrapping_add(number), &frame);
        for (kind, which) in [(SOUND, 0), (PICTURES, 1)] {
            let ssrc = ada.slot_ssrc(which);
            let packet = ada.next_rtp(|packet| packet.header.ssrc == ssrc, now() + PATIENCE);
            let packet = packet.unwrap_or_else(|| panic!("{kind:?} {number} is missing"));
            if kind == SOUND { &mut sound } else { &mut pictures }.push(packet);
        }
    }
    for (packets, payload_type, step) in [(&sound, 109, 960), (&pictures, 120, 3000)] {
        for (before, after) in packets.iter().zip(&packets[1..]) {
            assert_eq!(after.header.payload_type, payload_type);
            let n = before.header.sequence_number.wrapping_add(1);
            assert_eq!(after.header.sequence_number, n);
            // The publisher's own numbers wrap here: 65535 * step → 0.
            let time = after.header.timestamp.wrapping_sub(before.header.timestamp);
            assert!(time == step || time == 0u32.wrapping_sub(65_535 * step), "{time}");
        }
    }
    assert_eq!(sound[7].payload[..], [7; 80]);
    assert_eq!(pictures[0].payload[..], keyframe(&[0; 900])[..]);
    assert_eq!(&pictures[0].header.get_extension(FIREFOX.mid).unwrap()[..], b"3");
    assert_eq!(pictures[0].header.get_extension(FIREFOX.twcc), None);
}

#[test]
fn a_slot_that_is_bound_anew_goes_on_with_the_next_number_and_a_keyframe() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let eve = stage.join(room(1), 2, FIREFOX);
    let ada = stage.join(room(1), 3, CHROMIUM);
    let on_slot = |packet: &crate::client::Rtp| packet.header.ssrc == ada.slot_ssrc(1);
    stage.bind(ada.name, ben.name);
    ben.publish(PICTURES, 500, &delta(&[1; 50]));
    ben.publish(PICTURES, 501, &keyframe(&[2; 50]));
    let first = ada.next_rtp(on_slot, now() + PATIENCE).unwrap();
    assert_eq!(first.payload[..], keyframe(&[2; 50])[..], "nothing before the keyframe");

    stage.bind(ada.name, eve.name);
    let asked = eve.next_rtcp::<rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication>(
        now() + PATIENCE,
    );
    assert_eq!(asked.expect("a keyframe is asked for").media_ssrc, eve.ssrcs[1]);
    ben.publish(PICTURES, 502, &delta(&[3; 50]));
    eve.publish(PICTURES, 9_000, &delta(&[4; 50]));
    eve.publish(PICTURES, 9_001, &keyframe(&[5; 50]));
    let next = ada.next_rtp(on_slot, now() + PATIENCE).unwrap();
    assert_eq!(next.payload[..], keyframe(&[5; 50])[..]);
    assert_eq!(next.header.sequence_number, first.header.sequence_number.wrapping_add(1));
    let later = next.header.timestamp.wrapping_sub(first.header.timestamp);
    assert!((1..10 * 90_000).contains(&later), "{later}");
}

#[test]
fn nothing_crosses_from_one_room_to_another() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let eve = stage.join(room(2), 2, CHROMIUM);
    stage.bind(eve.name, ben.name);
    ben.publish(SOUND, 1, &[7; 80]);
    stage.counted("the packet is taken", |counters| counters.media_in == 1);
    assert_eq!(stage.handle.counters().media_out, 0);
}

#[test]
fn a_held_track_is_silent_and_goes_on_when_let_go() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let ada = stage.join(room(1), 2, CHROMIUM);
    stage.bind(ada.name, ben.name);
    stage.order(MediaOrder::HoldTrack { publisher: ben.name, kind: SOUND, held: true });
    stage.settle();
    ben.publish(SOUND, 1, &[1; 80]);
    stage.counted("the packet is taken", |counters| counters.media_in == 1);
    assert_eq!(stage.handle.counters().media_out, 0);
    stage.order(MediaOrder::HoldTrack { publisher: ben.name, kind: SOUND, held: false });
    stage.settle();
    ben.publish(SOUND, 2, &[2; 80]);
    let packet = ada.next_rtp(|_| true, now() + PATIENCE).unwrap();
    assert_eq!(packet.payload[..], [2; 80]);
}

#[test]
fn an_unbound_slot_and_a_closed_publisher_are_silent() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let ada = stage.join(room(1), 2, CHROMIUM);
    stage.bind(ada.name, ben.name);
    stage.order(MediaOrder::UnbindSlot { subscriber: ada.name, mid: mid("2") });
    stage.settle();
    ben.publish(SOUND, 1, &[1; 80]);
    stage.counted("the packet is taken", |counters| counters.media_in == 1);
    assert_eq!(stage.handle.counters().media_out, 0);
    stage.order(MediaOrder::ClosePeer { peer: ben.name });
    stage.settle();
    ben.publish(SOUND, 2, &[1; 80]);
    stage.counted("nobody knows it", |counters| counters.dropped_unknown_source == 1);
    assert_eq!(stage.handle.counters().peers, 1);
}

#[test]
fn a_slot_may_be_bound_before_the_publisher_is_there() {
    let mut stage = Stage::new();
    let ada = stage.join(room(1), 2, CHROMIUM);
    let binding = SlotBinding {
        mid: mid("2"),
        publisher: protocol::id::ParticipantId::from_raw(1),
        kind: SOUND,
    };
    stage.order(MediaOrder::BindSlot { subscriber: ada.name, binding });
    let ben = stage.join(room(1), 1, CHROMIUM);
    ben.publish(SOUND, 1, &[1; 80]);
    assert!(ada.next_rtp(|_| true, now() + PATIENCE).is_some());
}

#[test]
fn frames_that_claim_another_leaf_or_none_are_dropped() {
    let mut stage = Stage::new();
    let ada = stage.join(room(1), 2, CHROMIUM);
    let ben = stage.join(room(1), 1, CHROMIUM);
    stage.order(MediaOrder::SetLeaf { peer: ben.name, leaf: LeafIndex(5) });
    stage.bind(ada.name, ben.name);
    let sealed = |leaf: u8| [&[0x88, leaf << 4 | 3, 1][..], &[0; 40]].concat();
    ben.publish(SOUND, 1, &sealed(6));
    ben.publish(SOUND, 2, b"in clear");
    ben.publish(SOUND, 3, &sealed(5));
    let packet = ada.next_rtp(|_| true, now() + PATIENCE).unwrap();
    assert_eq!(packet.payload[..], sealed(5)[..]);
    assert_eq!(stage.handle.counters().dropped_unsealed, 2);
}

#[test]
fn a_client_that_moves_is_followed_once_it_has_proven_its_new_address() {
    let mut stage = Stage::new();
    let mut ben = stage.join(room(1), 1, CHROMIUM);
    let mut ada = stage.join(room(1), 2, CHROMIUM);
    stage.bind(ada.name, ben.name);
    ben.publish(SOUND, 1, &[1; 80]);
    assert!(ada.next_rtp(|_| true, now() + PATIENCE).is_some());

    // Media from an address that was not proven moves nobody.
    ben.socket = socket();
    ben.publish(SOUND, 2, &[2; 80]);
    stage.counted("it is dropped", |counters| counters.dropped_unknown_source == 1);
    ben.bind_path();
    ben.publish(SOUND, 3, &[3; 80]);
    let packet = ada.next_rtp(|_| true, now() + PATIENCE).unwrap();
    assert_eq!(packet.payload[..], [3; 80]);

    let old = std::mem::replace(&mut ada.socket, socket());
    ada.bind_path();
    ben.publish(SOUND, 4, &[4; 80]);
    let packet = ada.next_rtp(|_| true, now() + PATIENCE).unwrap();
    assert_eq!(packet.payload[..], [4; 80]);
    old.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut bytes = [0; 2000];
    while let Ok(n) = old.recv(&mut bytes) {
        assert!(!(128..192).contains(&bytes[0]) || (192..224).contains(&bytes[1]), "{n} bytes");
    }
}

#[test]
fn an_offer_that_cannot_be_used_is_refused() {
    let mut stage = Stage::new();
    let peer = protocol::id::ParticipantId::from_raw(1);
    stage.order(MediaOrder::OpenPeer {
        room: room(1),
        peer,
        offer: "v=0\r\n".to_owned(),
        tracks: vec![],
        slots: vec![],
    });
    assert_eq!(stage.fact(PATIENCE), Some(MediaFact::Refused { room: room(1), peer }));
}

#[test]
fn a_publisher_that_reconnects_is_on_the_slots_again() {
    let mut stage = Stage::new();
    let ben = stage.join(room(1), 1, CHROMIUM);
    let ada = stage.join(room(1), 2, CHROMIUM);
    stage.bind(ada.name, ben.name);
    stage.order(MediaOrder::HoldTrack { publisher: ben.name, kind: SOUND, held: true });
    let ben = stage.join(room(1), 1, FIREFOX);
    ben.publish(SOUND, 1, &[1; 80]);
    let packet = ada.next_rtp(|_| true, now() + PATIENCE).expect("nothing is held any more");
    assert_eq!(packet.header.payload_type, CHROMIUM.opus);
}

#[test]
fn whoever_waits_for_its_end_learns_of_it() {
    let stage = Stage::new();
    let handle = stage.handle.clone();
    let waits = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(handle.ended());
    });
    assert!(!waits.is_finished(), "it ended by itself");
    stage.handle.stop();
    waits.join().unwrap();
}
