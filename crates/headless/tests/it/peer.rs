//! The peer connection, end to end over loopback.

use std::time::Duration;

use bytes::Bytes;
use headless::peer::{Peer, PeerEvent, PeerSettings};
use headless::vp8;
use protocol::media::TrackKind;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::answerer::Answerer;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_sendonly_and_recvonly_with_gcm_and_without_mdns() {
    let (peer, offered) = Peer::open(&on_loopback(), mpsc::channel(64).0).await.unwrap();

    let kinds: Vec<TrackKind> = offered.tracks.iter().map(|track| track.kind).collect();
    assert_eq!(kinds, [TrackKind::Microphone, TrackKind::Camera]);
    let slots: Vec<bool> = offered.slots.iter().map(|slot| slot.audio).collect();
    assert_eq!(slots, [true, true, false, false]);
    assert_eq!(offered.sdp.matches("a=sendonly").count(), 2, "{}", offered.sdp);
    assert_eq!(offered.sdp.matches("a=recvonly").count(), 4, "{}", offered.sdp);
    assert!(offered.sdp.contains("a=candidate:"), "{}", offered.sdp);
    assert!(!offered.sdp.contains(".local"), "{}", offered.sdp);
    for track in &offered.tracks {
        assert!(offered.sdp.contains(&format!("a=mid:{}", track.mid.as_str())));
    }
    peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_cross_both_ways() {
    let (events_in, mut events) = mpsc::channel(64);
    let (peer, offered) = Peer::open(&on_loopback(), events_in).await.unwrap();
    let (mut answerer, answer) = Answerer::answer(offered.sdp.clone()).await;
    peer.take_answer(answer).await.unwrap();
    let connected = timeout(PATIENCE, events.recv()).await.unwrap();
    assert!(matches!(connected, Some(PeerEvent::Connected)), "{connected:?}");
    timeout(PATIENCE, answerer.connected()).await.unwrap();

    let frame = Bytes::from(pattern(2500));
    peer.send(TrackKind::Camera, 3000, &frame).await.unwrap();
    peer.send(TrackKind::Microphone, 960, &Bytes::from_static(b"one opus frame"))
        .await
        .unwrap();
    let mut picture = Vec::new();
    let mut sound = Vec::new();
    while picture.len() < frame.len() || sound.is_empty() {
        match timeout(PATIENCE, answerer.payloads.recv()).await.unwrap().unwrap() {
            (96, payload) => picture.extend(vp8::strip_descriptor(&payload).unwrap().bytes),
            (_, payload) => sound.extend(payload),
        }
    }
    assert_eq!(picture, frame);
    assert_eq!(sound, b"one opus frame");

    answerer.send_video(100, &pattern(5000)).await;
    answerer.send_audio(200, b"another").await;
    let (mut pictures, mut sounds) = (0, 0);
    while pictures == 0 || sounds == 0 {
        match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            PeerEvent::Frame { mid, audio: true, bytes } => {
                assert!(offered.slots.iter().any(|slot| slot.audio && slot.mid == mid));
                assert_eq!(&bytes[..], b"another");
                sounds += 1;
            }
            PeerEvent::Frame { mid, audio: false, bytes } => {
                assert!(offered.slots.iter().any(|slot| !slot.audio && slot.mid == mid));
                assert_eq!(&bytes[..], pattern(5000));
                pictures += 1;
            }
            other @ (PeerEvent::Connected | PeerEvent::Failed | PeerEvent::KeyframeWanted) => {
                panic!("{other:?}")
            }
        }
    }
    answerer.close().await;
    peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_key_frame_is_heard() {
    let (events_in, mut events) = mpsc::channel(64);
    let (peer, offered) = Peer::open(&on_loopback(), events_in).await.unwrap();
    let (mut answerer, answer) = Answerer::answer(offered.sdp).await;
    peer.take_answer(answer).await.unwrap();
    let connected = timeout(PATIENCE, events.recv()).await.unwrap();
    assert!(matches!(connected, Some(PeerEvent::Connected)), "{connected:?}");
    timeout(PATIENCE, answerer.connected()).await.unwrap();

    peer.send(TrackKind::Camera, 3000, &Bytes::from(pattern(500))).await.unwrap();
    timeout(PATIENCE, answerer.ask_for_keyframe()).await.unwrap();

    let heard = timeout(PATIENCE, events.recv()).await.unwrap();
    assert!(matches!(heard, Some(PeerEvent::KeyframeWanted)), "{heard:?}");
    answerer.close().await;
    peer.close().await;
}

fn on_loopback() -> PeerSettings {
    PeerSettings { bind: vec!["127.0.0.1:0".to_owned()], ..PeerSettings::default() }
}

fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|nth| u8::try_from(nth % 251).unwrap()).collect()
}
