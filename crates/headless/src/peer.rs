//! What a peer connection is to a participant: tracks out, slots in, one offer, one answer.
//!
//! The one file that knows the types of the `webrtc` and `rtc` crates (with
//! [`keyframe_tap`](crate::keyframe_tap), which their chain needs).  A [`Peer`] is made for one
//! offer and closed when another takes its place; it is never negotiated again, so the defects
//! of renegotiation in 0.21.1 (RECIPES B.2) cannot bite.
//!
//! ```text
//! m-lines    sendonly audio (Opus) · sendonly video (VP8) · recvonly audio slots · recvonly video slots
//! SRTP       AES-128-GCM only        ICE    host candidates, all in the offer        mDNS   off
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use protocol::media::{Mid, OfferedSlot, OfferedTrack, TrackKind};
use rtc::interceptor::{Registry, Slot as ChainSlot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::{
    configure_nack, configure_rtcp_reports,
};
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpRtxParameters, RtpCodecKind,
};
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_local::{TrackLocal, TrackLocalEvent};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCConfigurationBuilder, RTCIceGatheringState, RTCPeerConnectionState,
    RTCSessionDescription, SettingEngineBuilder, SrtpProtectionProfile,
};
use webrtc::rtp_transceiver::{
    RTCRtpTransceiverDirection, RTCRtpTransceiverInit, RtpTransceiver,
};

use crate::assembler::{Assembler, Packet};
use crate::keyframe_tap::{KeyframeTap, asks_for_keyframe};
use crate::vp8;

/// Payload types of the offer: those Chromium uses.
const OPUS: u8 = 111;
const VP8: u8 = 96;
const VP8_RTX: u8 = 97;

/// How long host candidates may take to gather.  They need no network.
const GATHERING_PATIENCE: Duration = Duration::from_secs(5);

/// How a peer connection is made.
#[derive(Clone, Debug)]
pub struct PeerSettings {
    /// Local addresses to bind, each `ip:0`.  `0.0.0.0:0` means every interface but loopback.
    pub bind: Vec<String>,
    /// Slots for sound.
    pub n_audio_slots: usize,
    /// Slots for pictures.
    pub n_video_slots: usize,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            bind: vec!["127.0.0.1:0".to_owned(), "0.0.0.0:0".to_owned()],
            n_audio_slots: 2,
            n_video_slots: 2,
        }
    }
}

/// The offer, in the words of the protocol.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The session description.
    pub sdp: String,
    /// Its sendonly m-lines.
    pub tracks: Vec<OfferedTrack>,
    /// Its recvonly m-lines.
    pub slots: Vec<OfferedSlot>,
}

/// What a peer connection tells its participant.
#[derive(Clone, Debug)]
pub enum PeerEvent {
    /// Packets can flow.
    Connected,
    /// It failed, was lost or closed.
    Failed,
    /// A whole frame came, still sealed.
    Frame {
        /// On which slot.
        mid: Mid,
        /// Whether the slot takes sound.
        audio: bool,
        /// The frame.
        bytes: Bytes,
    },
    /// Somebody needs a key frame of our pictures.
    KeyframeWanted,
}

/// One peer connection.
pub struct Peer {
    connection: Arc<dyn PeerConnection>,
    microphone: Outgoing,
    camera: Outgoing,
}

struct Outgoing {
    track: Arc<TrackLocalStaticRTP>,
    transceiver: Arc<dyn RtpTransceiver>,
    ssrc: u32,
    payload_type: u8,
    sequence: AtomicU16,
    picture_id: AtomicU16,
}

impl Peer {
    /// Makes a peer connection and its offer; tells of everything later on `events`.
    ///
    /// # Errors
    ///
    /// When no socket can be had or the `webrtc` crate refuses.
    pub async fn open(
        settings: &PeerSettings,
        events: mpsc::Sender<PeerEvent>,
    ) -> anyhow::Result<(Self, Offered)> {
        let (gathered, mut gathering) = mpsc::channel(1);
        let (opened, tracks) = mpsc::channel(settings.n_audio_slots + settings.n_video_slots);
        let handler = Handler { gathered, opened, events: events.clone() };
        let connection = connect(settings, handler).await?;

        let microphone = Outgoing::add(&*connection, TrackKind::Microphone).await?;
        let camera = Outgoing::add(&*connection, TrackKind::Camera).await?;
        for nth in 0..settings.n_audio_slots + settings.n_video_slots {
            let audio = nth < settings.n_audio_slots;
            let kind = if audio { RtpCodecKind::Audio } else { RtpCodecKind::Video };
            let init = init(RTCRtpTransceiverDirection::Recvonly);
            connection.add_transceiver_from_kind(kind, Some(init)).await?;
        }

        let offer = connection.create_offer(None).await?;
        connection.set_local_description(offer).await?;
        tokio::time::timeout(GATHERING_PATIENCE, gathering.recv())
            .await
            .context("no local address could be gathered")?;
        let offer = connection.local_description().await.context("there is no offer")?;

        let peer = Self { connection, microphone, camera };
        let offered = peer.describe(offer.sdp, settings).await?;
        let slots = peer.slots(&offered).await?;
        tokio::spawn(hear_requests(Arc::clone(&peer.camera.track), events.clone()));
        tokio::spawn(receive(tracks, slots, events));
        Ok((peer, offered))
    }

    /// Gives the connection its answer.
    ///
    /// # Errors
    ///
    /// When the answer does not fit the offer.
    pub async fn take_answer(&self, sdp: String) -> anyhow::Result<()> {
        let answer = RTCSessionDescription::answer(sdp).context("not an answer")?;
        self.connection.set_remote_description(answer).await.context("answer refused")
    }

    /// Sends one sealed frame.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub async fn send(
        &self,
        kind: TrackKind,
        timestamp: u32,
        frame: &Bytes,
    ) -> anyhow::Result<()> {
        match kind {
            TrackKind::Microphone => {
                self.microphone.write(timestamp, frame.clone(), false).await
            }
            TrackKind::Camera => {
                let picture_id = self.camera.picture_id.fetch_add(1, Ordering::Relaxed);
                let mut payloads = vp8::packetize(frame, picture_id).peekable();
                while let Some(payload) = payloads.next() {
                    let ends_frame = payloads.peek().is_none();
                    self.camera.write(timestamp, payload, ends_frame).await?;
                }
                Ok(())
            }
        }
    }

    /// Closes it.  Nothing more comes out of it.
    pub async fn close(&self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "Peer connection did not close cleanly");
        }
    }

    async fn describe(&self, sdp: String, settings: &PeerSettings) -> anyhow::Result<Offered> {
        let mut tracks = Vec::new();
        for (outgoing, kind) in
            [(&self.microphone, TrackKind::Microphone), (&self.camera, TrackKind::Camera)]
        {
            tracks.push(OfferedTrack { mid: mid_of(&*outgoing.transceiver).await?, kind });
        }
        let mut slots = Vec::new();
        for transceiver in self.receivers().await? {
            let audio = slots.len() < settings.n_audio_slots;
            slots.push(OfferedSlot { mid: mid_of(&*transceiver).await?, audio });
        }
        Ok(Offered { sdp, tracks, slots })
    }

    /// The recvonly transceivers, in the order they were added.
    async fn receivers(&self) -> anyhow::Result<Vec<Arc<dyn RtpTransceiver>>> {
        let mut receivers = BTreeMap::new();
        for transceiver in self.connection.get_transceivers().await {
            if transceiver.direction().await? == RTCRtpTransceiverDirection::Recvonly {
                receivers.insert(transceiver.id(), transceiver);
            }
        }
        Ok(receivers.into_values().collect())
    }

    async fn slots(&self, offered: &Offered) -> anyhow::Result<Slots> {
        let mut slots = Slots::new();
        for (transceiver, slot) in self.receivers().await?.into_iter().zip(&offered.slots) {
            slots.insert(transceiver.id(), slot.clone());
        }
        if slots.len() != offered.slots.len() {
            bail!("a slot has no transceiver");
        }
        Ok(slots)
    }
}

/// Which slot a transceiver is.
type Slots = BTreeMap<rtc::rtp_transceiver::RTCRtpTransceiverId, OfferedSlot>;

impl Outgoing {
    async fn add(connection: &dyn PeerConnection, kind: TrackKind) -> anyhow::Result<Self> {
        let ssrc = fresh_ssrc();
        let (label, codec_kind, codec, payload_type) = match kind {
            TrackKind::Microphone => ("microphone", RtpCodecKind::Audio, opus(), OPUS),
            TrackKind::Camera => ("camera", RtpCodecKind::Video, vp8_codec(), VP8),
        };
        let coding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                rtx: (kind == TrackKind::Camera)
                    .then(|| RTCRtpRtxParameters { ssrc: fresh_ssrc() }),
                ..RTCRtpCodingParameters::default()
            },
            codec: codec.rtp_codec,
            ..RTCRtpEncodingParameters::default()
        };
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "aman".to_owned(),
            label.to_owned(),
            label.to_owned(),
            codec_kind,
            vec![coding.clone()],
        )));
        let mut init = init(RTCRtpTransceiverDirection::Sendonly);
        init.send_encodings = vec![coding];
        let transceiver = connection
            .add_transceiver_from_track(Arc::clone(&track) as Arc<dyn TrackLocal>, Some(init))
            .await?;
        let sequence = AtomicU16::new(1);
        let picture_id = AtomicU16::new(0);
        Ok(Self { track, transceiver, ssrc, payload_type, sequence, picture_id })
    }

    async fn write(&self, timestamp: u32, payload: Bytes, marker: bool) -> anyhow::Result<()> {
        let header = rtc::rtp::Header {
            version: 2,
            marker,
            payload_type: self.payload_type,
            sequence_number: self.sequence.fetch_add(1, Ordering::Relaxed),
            timestamp,
            ssrc: self.ssrc,
            ..rtc::rtp::Header::default()
        };
        self.track
            .write_rtp(rtc::rtp::Packet { header, payload })
            .await
            .context("the peer connection is gone")
    }
}

/// Brings what happens on the connection to where it is waited for.
struct Handler {
    gathered: mpsc::Sender<()>,
    opened: mpsc::Sender<Arc<dyn TrackRemote>>,
    events: mpsc::Sender<PeerEvent>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.try_send(());
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let event = if state == RTCPeerConnectionState::Connected {
            PeerEvent::Connected
        } else if matches!(
            state,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
        ) {
            PeerEvent::Failed
        } else {
            return;
        };
        // The driver of the connection runs this: it must not wait for a slow participant.
        if self.events.try_send(event).is_err() {
            tracing::warn!(
                "A change of the peer connection was lost: its participant is stuck"
            );
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let _ = self.opened.try_send(track);
    }
}

/// Starts one task for each slot that begins to carry something.
async fn receive(
    mut opened: mpsc::Receiver<Arc<dyn TrackRemote>>,
    slots: Slots,
    events: mpsc::Sender<PeerEvent>,
) {
    while let Some(track) = opened.recv().await {
        tokio::spawn(receive_slot(track, slots.clone(), events.clone()));
    }
}

/// Makes frames of the packets of one slot, until the connection closes.
async fn receive_slot(
    track: Arc<dyn TrackRemote>,
    slots: Slots,
    events: mpsc::Sender<PeerEvent>,
) {
    let mut slot = None;
    let mut assembler = Assembler::default();
    while let Some(event) = track.poll().await {
        if let TrackRemoteEvent::OnOpen(init) = event {
            slot = slots.get(&init.receiver_id.into()).cloned();
        } else if let TrackRemoteEvent::OnRtpPacket(packet) = event
            && let Some(slot) = &slot
        {
            for bytes in frames(slot.audio, packet, &mut assembler) {
                let frame =
                    PeerEvent::Frame { mid: slot.mid.clone(), audio: slot.audio, bytes };
                if events.send(frame).await.is_err() {
                    return;
                }
            }
        }
    }
    tracing::debug!(n_lost = assembler.n_lost(), "A slot ended");
}

/// The frames that are whole now that `packet` came.
fn frames(audio: bool, packet: rtc::rtp::Packet, assembler: &mut Assembler) -> Vec<Bytes> {
    if audio {
        // One packet is one Opus frame; frames do not lean on each other.
        return vec![packet.payload];
    }
    let Some(piece) = vp8::strip_descriptor(&packet.payload) else { return Vec::new() };
    assembler.push(Packet {
        sequence: packet.header.sequence_number,
        timestamp: packet.header.timestamp,
        ends_frame: packet.header.marker,
        begins_frame: piece.begins_frame,
        bytes: piece.bytes,
    });
    std::iter::from_fn(|| assembler.poll_frame()).map(|frame| frame.bytes).collect()
}

/// Passes requests for key frames on.
async fn hear_requests(camera: Arc<TrackLocalStaticRTP>, events: mpsc::Sender<PeerEvent>) {
    while let Some(event) = camera.poll().await {
        if let TrackLocalEvent::OnRtcpPacket(packets) = event
            && packets.iter().any(|packet| asks_for_keyframe(packet.as_ref()))
            && events.send(PeerEvent::KeyframeWanted).await.is_err()
        {
            return;
        }
    }
}

async fn connect(
    settings: &PeerSettings,
    handler: Handler,
) -> anyhow::Result<Arc<dyn PeerConnection>> {
    let mut media = MediaEngine::default();
    media.register_codec(opus(), RtpCodecKind::Audio)?;
    media.register_codec(vp8_codec(), RtpCodecKind::Video)?;
    media.register_codec(rtx(), RtpCodecKind::Video)?;
    let registry = configure_rtcp_reports(configure_nack(Registry::new(), &mut media))
        .with(ChainSlot::from(14_000), KeyframeTap::default());
    let engine = SettingEngineBuilder::new()
        .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
        .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(true)
        .build();
    let connection = PeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::default().build())
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(engine)
        .with_handler(Arc::new(handler))
        .with_udp_addrs(settings.bind.clone())
        .build()
        .await
        .context("no peer connection")?;
    Ok(Arc::new(connection))
}

fn init(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit { direction, streams: Vec::new(), send_encodings: Vec::new() }
}

async fn mid_of(transceiver: &dyn RtpTransceiver) -> anyhow::Result<Mid> {
    let mid = transceiver.mid().await?.context("an m-line has no mid")?;
    Mid::new(&mid).context("a mid of the webrtc crate is none of ours")
}

fn codec(
    mime_type: &str,
    clock_rate: u32,
    channels: u16,
    fmtp: &str,
    payload_type: u8,
) -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate,
            channels,
            sdp_fmtp_line: fmtp.to_owned(),
            rtcp_feedback: Vec::new(),
        },
        payload_type,
    }
}

fn opus() -> RTCRtpCodecParameters {
    // Constant bitrate, no silence suppression: sizes must not tell what is said (RFC 6562).
    codec(MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1;cbr=1;usedtx=0", OPUS)
}

fn vp8_codec() -> RTCRtpCodecParameters {
    codec(MIME_TYPE_VP8, 90_000, 0, "", VP8)
}

fn rtx() -> RTCRtpCodecParameters {
    codec(MIME_TYPE_RTX, 90_000, 0, "apt=96", VP8_RTX)
}

/// A synchronisation source: only has to differ from the others on the same connection.
fn fresh_ssrc() -> u32 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    u32::try_from(random >> 32).unwrap_or(1).max(1)
}
