//! The other side of a peer connection, made with the same crate: answers, counts, sends back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headless::vp8;
use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::configure_nack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription,
};

/// Answers one offer and keeps what arrives.
pub(crate) struct Answerer {
    connection: Arc<dyn PeerConnection>,
    audio: Arc<TrackLocalStaticRTP>,
    video: Arc<TrackLocalStaticRTP>,
    /// RTP payloads that arrived, with the payload type.
    pub(crate) payloads: mpsc::Receiver<(u8, Bytes)>,
    video_ssrc: mpsc::Receiver<(Arc<dyn TrackRemote>, u32)>,
    connecting: mpsc::Receiver<()>,
}

struct Handler {
    gathered: mpsc::Sender<()>,
    connected: mpsc::Sender<()>,
    payloads: mpsc::Sender<(u8, Bytes)>,
    video: mpsc::Sender<(Arc<dyn TrackRemote>, u32)>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.try_send(());
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected {
            let _ = self.connected.try_send(());
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let (payloads, video) = (self.payloads.clone(), self.video.clone());
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    if packet.header.payload_type == 96 {
                        let _ = video.try_send((Arc::clone(&track), packet.header.ssrc));
                    }
                    let _ = payloads.send((packet.header.payload_type, packet.payload)).await;
                }
            }
        });
    }
}

impl Answerer {
    /// Takes the offer; returns the answer too.
    pub(crate) async fn answer(offer: String) -> (Self, String) {
        let (gathered, mut gathering) = mpsc::channel(1);
        let (connected, connecting) = mpsc::channel(1);
        let (payloads_in, payloads) = mpsc::channel(1000);
        let (video_in, video_ssrc) = mpsc::channel(1);
        let mut media = MediaEngine::default();
        media.register_default_codecs().unwrap();
        let registry = configure_nack(Registry::new(), &mut media);
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(media)
                .with_interceptor_registry(registry)
                .with_handler(Arc::new(Handler {
                    gathered,
                    connected,
                    payloads: payloads_in,
                    video: video_in,
                }))
                .with_udp_addrs(vec!["127.0.0.1:0"])
                .build()
                .await
                .unwrap(),
        );
        let offer = RTCSessionDescription::offer(offer).unwrap();
        connection.set_remote_description(offer).await.unwrap();
        let audio = track(RtpCodecKind::Audio, "audio/opus", 48_000, 2, 7001);
        let video = track(RtpCodecKind::Video, "video/VP8", 90_000, 0, 7002);
        // `add_track` takes the first m-line of the kind that has no sender, whichever way it
        // was offered: fill those on which the other side sends.
        for unused in [
            track(RtpCodecKind::Audio, "audio/opus", 48_000, 2, 6001),
            track(RtpCodecKind::Video, "video/VP8", 90_000, 0, 6002),
        ] {
            connection.add_track(unused as Arc<dyn TrackLocal>).await.unwrap();
        }
        connection.add_track(Arc::clone(&audio) as Arc<dyn TrackLocal>).await.unwrap();
        connection.add_track(Arc::clone(&video) as Arc<dyn TrackLocal>).await.unwrap();
        let answer = connection.create_answer(None).await.unwrap();
        connection.set_local_description(answer).await.unwrap();
        tokio::time::timeout(Duration::from_secs(5), gathering.recv()).await.unwrap();
        let answer = connection.local_description().await.unwrap().sdp;
        (Self { connection, audio, video, payloads, video_ssrc, connecting }, answer)
    }

    /// Waits until this side can open media as well.
    ///
    /// The DTLS server has its keys before the client has its Finished message: what it sends
    /// in between is lost on the client, as it would be on any line.
    pub(crate) async fn connected(&mut self) {
        self.connecting.recv().await.unwrap();
    }

    /// Sends one Opus frame.
    pub(crate) async fn send_audio(&self, sequence_number: u16, payload: &[u8]) {
        let payload = Bytes::copy_from_slice(payload);
        write(&self.audio, 111, 7001, sequence_number, 960, true, payload).await;
    }

    /// Sends one VP8 frame.
    pub(crate) async fn send_video(&self, first: u16, frame: &[u8]) {
        let payloads: Vec<Bytes> = vp8::packetize(frame, 1).collect();
        let n = payloads.len();
        for (nth, payload) in payloads.into_iter().enumerate() {
            let sequence = first + u16::try_from(nth).unwrap();
            write(&self.video, 96, 7002, sequence, 3000, nth + 1 == n, payload).await;
        }
    }

    /// Asks for a key frame of the pictures that arrive.
    pub(crate) async fn ask_for_keyframe(&mut self) {
        use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
        let (track, media_ssrc) = self.video_ssrc.recv().await.unwrap();
        let request = PictureLossIndication { sender_ssrc: 0, media_ssrc };
        track.write_rtcp(vec![Box::new(request)]).await.unwrap();
    }

    /// Ends it.
    pub(crate) async fn close(&self) {
        self.connection.close().await.unwrap();
    }
}

async fn write(
    track: &TrackLocalStaticRTP,
    payload_type: u8,
    ssrc: u32,
    sequence_number: u16,
    timestamp: u32,
    marker: bool,
    payload: Bytes,
) {
    let header = rtc::rtp::Header {
        version: 2,
        marker,
        payload_type,
        sequence_number,
        timestamp,
        ssrc,
        ..rtc::rtp::Header::default()
    };
    track.write_rtp(rtc::rtp::Packet { header, payload }).await.unwrap();
}

fn track(
    kind: RtpCodecKind,
    mime_type: &str,
    clock_rate: u32,
    channels: u16,
    ssrc: u32,
) -> Arc<TrackLocalStaticRTP> {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..RTCRtpCodingParameters::default()
        },
        codec: RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate,
            channels,
            sdp_fmtp_line: String::new(),
            rtcp_feedback: Vec::new(),
        },
        ..RTCRtpEncodingParameters::default()
    };
    Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
        "other".to_owned(),
        format!("other-{kind}"),
        format!("other-{kind}"),
        kind,
        vec![coding],
    )))
}
