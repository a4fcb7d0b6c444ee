//! What is lost comes again, in both directions, and the reports say so.

use std::time::Duration;

use protocol::media::TrackKind;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use rtc_shared::marshal::Marshal;

use crate::client::{CHROMIUM, Client, FIREFOX, PATIENCE, delta, keyframe, now, room};
use crate::stage::Stage;

const PICTURES: TrackKind = TrackKind::Camera;

fn call(stage: &mut Stage) -> (Client, Client) {
    let ben = stage.join(room(1), 1, CHROMIUM);
    let ada = stage.join(room(1), 2, FIREFOX);
    stage.bind(ada.name, ben.name);
    (ben, ada)
}

#[test]
fn a_subscriber_that_asks_gets_the_packet_again() {
    let mut stage = Stage::new();
    let (ben, ada) = call(&mut stage);
    ben.publish(PICTURES, 100, &keyframe(&[0; 300]));
    for number in 101..110u16 {
        ben.publish(PICTURES, number, &delta(&[number as u8; 300]));
    }
    let slot = ada.slot_ssrc(1);
    let first = ada.next_rtp(|packet| packet.header.ssrc == slot, now() + PATIENCE).unwrap();
    let lost = first.header.sequence_number.wrapping_add(4);
    let nack = TransportLayerNack {
        sender_ssrc: 1,
        media_ssrc: slot,
        nacks: vec![NackPair::new(lost)],
    };
    let nack = nack.marshal().unwrap();
    stage.counted("all are carried", |counters| counters.media_out == 10);
    for _ in 0..20 {
        ada.send_rtcp(&nack);
    }
    let again = ada.slot_ssrc(2);
    let packet = ada.next_rtp(|packet| packet.header.ssrc == again, now() + PATIENCE).unwrap();
    assert_eq!(packet.header.payload_type, FIREFOX.rtx);
    assert_eq!(packet.header.timestamp, first.header.timestamp.wrapping_add(4 * 3000));
    assert_eq!(packet.payload[..2], lost.to_be_bytes());
    assert_eq!(packet.payload[2..], delta(&[104; 300])[..]);
    stage.counted("all are heard", |counters| counters.nacks_received == 20);
    let n = stage.handle.counters().rtx_sent;
    assert!(n <= 5, "{n} answers to one loss");
}

#[test]
fn what_a_publisher_lost_is_asked_for_and_carried_when_it_comes() {
    let mut stage = Stage::new();
    let (ben, ada) = call(&mut stage);
    ben.publish(PICTURES, 100, &keyframe(&[0; 300]));
    ben.publish(PICTURES, 101, &delta(&[1; 300]));
    ben.publish(PICTURES, 103, &delta(&[3; 300]));
    let nack = ben.next_rtcp::<TransportLayerNack>(now() + PATIENCE).expect("a request");
    assert_eq!(nack.media_ssrc, ben.ssrcs[1]);
    assert_eq!(nack.nacks[0].packet_id, 102);

    let mut again = ben.packet(PICTURES, 102, &[]);
    again[1] = CHROMIUM.rtx;
    again[2..4].copy_from_slice(&7u16.to_be_bytes());
    again[8..12].copy_from_slice(&ben.ssrcs[2].to_be_bytes());
    again.extend(102u16.to_be_bytes());
    again.extend(delta(&[2; 300]));
    ben.send(&ben.seal(&again));
    let slot = ada.slot_ssrc(1);
    let mut numbers = vec![];
    for _ in 0..4 {
        let packet =
            ada.next_rtp(|packet| packet.header.ssrc == slot, now() + PATIENCE).unwrap();
        numbers.push((packet.header.sequence_number, packet.payload[3]));
    }
    let first = numbers[0].0;
    let order: Vec<_> = numbers.iter().map(|(n, _)| n.wrapping_sub(first)).collect();
    assert_eq!(order, [0, 1, 3, 2]);
    assert_eq!(numbers[3].1, 2);
    assert_eq!(stage.handle.counters().rtx_received, 1);
    // It is not asked for any more.
    let until = now() + Duration::from_millis(400);
    assert!(ben.next_rtcp::<TransportLayerNack>(until).is_none());
    assert_eq!(stage.handle.counters().nacks_sent, 1);
}

#[test]
fn many_keyframe_requests_become_few() {
    let mut stage = Stage::new();
    let (ben, ada) = call(&mut stage);
    ben.publish(PICTURES, 100, &keyframe(&[0; 300]));
    assert!(ada.next_rtp(|_| true, now() + PATIENCE).is_some());
    let before = stage.handle.counters().keyframe_requests;
    let request = PictureLossIndication { sender_ssrc: 1, media_ssrc: ada.slot_ssrc(1) };
    let request = request.marshal().unwrap();
    let until = now() + Duration::from_millis(1500);
    while now() < until {
        ada.send_rtcp(&request);
        ben.receive(Duration::from_millis(5));
    }
    let n = stage.handle.counters().keyframe_requests - before;
    assert!((1..=2).contains(&n), "{n} requests in 1.5 s");
}

#[test]
fn publishers_hear_how_their_packets_arrive() {
    let mut stage = Stage::new();
    let (ben, _ada) = call(&mut stage);
    for number in 0..30 {
        if number != 7 {
            ben.publish(PICTURES, 100 + number, &delta(&[0; 300]));
        }
    }
    let feedback = ben.next_rtcp::<TransportLayerCc>(now() + PATIENCE).expect("feedback");
    assert_eq!(feedback.base_sequence_number, 100);
    assert!(feedback.packet_status_count <= 30);
    let report = loop {
        let report = ben.next_rtcp::<ReceiverReport>(now() + PATIENCE).expect("a report");
        if !report.reports.is_empty() {
            break report;
        }
    };
    assert_eq!(report.reports[0].ssrc, ben.ssrcs[1]);
    assert_eq!(report.reports[0].total_lost, 1);
}

#[test]
fn sender_reports_are_told_in_terms_of_the_slot() {
    let mut stage = Stage::new();
    let (ben, ada) = call(&mut stage);
    ben.publish(PICTURES, 100, &keyframe(&[0; 300]));
    let slot = ada.slot_ssrc(1);
    let packet = ada.next_rtp(|packet| packet.header.ssrc == slot, now() + PATIENCE).unwrap();
    let report = SenderReport {
        ssrc: ben.ssrcs[1],
        ntp_time: 0x0102_0304_0506_0708,
        rtp_time: 100 * 3000 + 90,
        packet_count: 77,
        octet_count: 7777,
        ..SenderReport::default()
    };
    ben.send_rtcp(&report.marshal().unwrap());
    let told = ada.next_rtcp::<SenderReport>(now() + PATIENCE).expect("a report");
    assert_eq!((told.ssrc, told.ntp_time), (slot, 0x0102_0304_0506_0708));
    assert_eq!(told.rtp_time, packet.header.timestamp.wrapping_add(90));
    assert_eq!((told.packet_count, told.octet_count), (1, 311));
}
