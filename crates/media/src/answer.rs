//! What we answer to an offer, and what the forwarding tables learn from both.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use forward::{PeerSpec, SlotSpec, TrackSpec};
use protocol::id::{ParticipantId, RoomId};
use protocol::media::{Mid, OfferedSlot, OfferedTrack};

use crate::chance;
use crate::dtls::Fingerprint;
use crate::offer::{BadOffer, Codec, Line, MID_URI, Offer, TWCC_URI};

/// Opus with packets of one size: their lengths would tell what is said (RFC 6562; E2EE.md 1.8).
const OPUS_PARAMETERS: &str =
    "minptime=10;useinbandfec=1;cbr=1;usedtx=0;stereo=0;maxaveragebitrate=32000";

/// What a camera may send, in bits a second.
const VIDEO_BITS_PER_SECOND: u32 = 2_500_000;

/// What every answer has in common.
#[derive(Clone, Debug)]
pub(crate) struct Ours {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) candidates: Vec<SocketAddr>,
}

/// An answer and what follows from it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) text: String,
    pub(crate) ufrag: String,
    pub(crate) password: String,
    pub(crate) their_ufrag: String,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) spec: PeerSpec,
}

/// What becomes of an m-line.
enum Use<'a> {
    Track(&'a OfferedTrack),
    Slot(SlotSpec, String),
    Rejected,
}

/// Host candidates for our one port.
pub(crate) fn candidates(advertise: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    advertise.iter().map(|&ip| SocketAddr::new(ip, port)).collect()
}

/// Answers an offer.
pub(crate) fn answer(
    (room, participant): (RoomId, ParticipantId),
    offer: &str,
    tracks: &[OfferedTrack],
    slots: &[OfferedSlot],
    ours: &Ours,
) -> Result<Answered, BadOffer> {
    let offer = Offer::parse(offer)?;
    let mut uses = Vec::with_capacity(offer.lines.len());
    let (mut n_tracks, mut n_sound, mut n_pictures) = (0, 0, 0);
    for line in &offer.lines {
        let named = |mid: &Mid| line.mid.as_ref() == Some(mid);
        let track = tracks.iter().find(|track| named(&track.mid));
        let slot = slots.iter().find(|slot| named(&slot.mid));
        uses.push(match (track, slot) {
            (Some(track), None) if fits(line, track.kind.is_audio()) && line.sends => {
                n_tracks += 1;
                Use::Track(track)
            }
            (None, Some(slot)) if fits(line, slot.audio) && line.receives => {
                let n = if slot.audio { &mut n_sound } else { &mut n_pictures };
                *n += 1;
                // The nth slot for sound and the nth for pictures are shown together.
                let pair = format!("pair-{n}");
                Use::Slot(slot_spec(slot, line, &pair)?, pair)
            }
            (Some(_), _) | (_, Some(_)) => return Err(BadOffer::NoMedia),
            (None, None) => Use::Rejected,
        });
    }
    if n_tracks != tracks.len() || n_sound + n_pictures != slots.len() {
        return Err(BadOffer::NoMedia);
    }
    let (ufrag, password) = (chance::text::<8>(), chance::text::<32>());
    let text = write(&offer, &uses, ours, (&ufrag, &password));
    let spec = peer_spec(room, participant, &offer, uses);
    let Offer { ufrag: their_ufrag, fingerprint, lines: _ } = offer;
    Ok(Answered { text, ufrag, password, their_ufrag, fingerprint, spec })
}

fn fits(line: &Line, audio: bool) -> bool {
    line.is_usable && line.media == if audio { "audio" } else { "video" }
}

fn slot_spec(slot: &OfferedSlot, line: &Line, pair: &str) -> Result<SlotSpec, BadOffer> {
    let codec = line.codec.ok_or(BadOffer::NoMedia)?;
    let [a, b] = chance::bytes();
    Ok(SlotSpec {
        mid: slot.mid.clone(),
        audio: slot.audio,
        payload_type: codec.payload_type,
        rtx_payload_type: codec.rtx_payload_type.filter(|_| !slot.audio && codec.nack),
        ssrc: chance::number(),
        rtx_ssrc: chance::number(),
        mid_extension: line.mid_extension,
        first_sequence: u16::from_be_bytes([a & 0x3f, b]),
        first_timestamp: chance::number(),
        cname: pair.to_owned(),
    })
}

fn peer_spec(
    room: RoomId,
    participant: ParticipantId,
    offer: &Offer,
    uses: Vec<Use<'_>>,
) -> PeerSpec {
    let mut spec = PeerSpec {
        room,
        participant,
        tracks: Vec::new(),
        slots: Vec::new(),
        twcc_extension: None,
        mid_extension: None,
        rtcp_ssrc: chance::number(),
    };
    for (line, used) in offer.lines.iter().zip(uses) {
        match (used, line.codec) {
            (Use::Track(track), Some(codec)) => {
                spec.twcc_extension = spec.twcc_extension.or(line.twcc_extension);
                spec.mid_extension = spec.mid_extension.or(line.mid_extension);
                let repeats = !track.kind.is_audio() && codec.nack;
                spec.tracks.push(TrackSpec {
                    mid: track.mid.clone(),
                    kind: track.kind,
                    payload_type: codec.payload_type,
                    rtx_payload_type: codec.rtx_payload_type.filter(|_| repeats),
                    ssrc: line.ssrc,
                    rtx_ssrc: line.rtx_ssrc.filter(|_| repeats),
                });
            }
            (Use::Slot(slot, _), _) => spec.slots.push(slot),
            (Use::Track(_), None) | (Use::Rejected, _) => {}
        }
    }
    spec
}

/// Appends lines; writing to a `String` cannot fail.
macro_rules! lines {
    ($text:expr, $($($part:expr),+;)+) => {
        $({ let _ = write!($text, "{}\r\n", format_args!($($part),+)); })+
    };
}

fn write(offer: &Offer, uses: &[Use<'_>], ours: &Ours, ice: (&str, &str)) -> String {
    let mut text = String::with_capacity(4096);
    let session = u64::from(chance::number());
    lines! { text,
        "v=0";
        "o=- {session} 1 IN IP4 0.0.0.0";
        "s=-";
        "t=0 0";
        "a=ice-lite";
    }
    text.push_str("a=group:BUNDLE");
    for (line, used) in offer.lines.iter().zip(uses) {
        if let (Some(mid), Use::Track(_) | Use::Slot(..)) = (&line.mid, used) {
            text.push(' ');
            text.push_str(mid.as_str());
        }
    }
    lines! { text, ""; "a=msid-semantic: WMS *"; }
    let mut is_first = true;
    for (line, used) in offer.lines.iter().zip(uses) {
        match (used, &line.mid, line.codec) {
            (Use::Track(_) | Use::Slot(..), Some(mid), Some(codec)) => {
                write_transport(&mut text, line, mid, codec, ours, ice, is_first);
                is_first = false;
                match used {
                    Use::Track(_) => write_track(&mut text, line, codec),
                    Use::Slot(slot, pair) => write_slot(&mut text, line, codec, slot, pair),
                    Use::Rejected => {}
                }
            }
            _ => write_rejected(&mut text, line),
        }
    }
    text
}

fn write_transport(
    text: &mut String,
    line: &Line,
    mid: &Mid,
    codec: Codec,
    ours: &Ours,
    (ufrag, password): (&str, &str),
    is_first: bool,
) {
    let mid = mid.as_str();
    let formats = match codec.rtx_payload_type.filter(|_| line.media == "video" && codec.nack) {
        Some(rtx) => format!("{} {rtx}", codec.payload_type),
        None => codec.payload_type.to_string(),
    };
    lines! { text,
        "m={} 9 UDP/TLS/RTP/SAVPF {formats}", line.media;
        "c=IN IP4 0.0.0.0";
    }
    if line.media == "video" && line.sends {
        lines! { text,
            "b=AS:{}", VIDEO_BITS_PER_SECOND / 1000;
            "b=TIAS:{VIDEO_BITS_PER_SECOND}";
        }
    }
    lines! { text,
        "a=mid:{mid}";
        "a=ice-ufrag:{ufrag}";
        "a=ice-pwd:{password}";
    }
    text.push_str("a=fingerprint:sha-256 ");
    for (n, byte) in ours.fingerprint.iter().enumerate() {
        let separator = if n == 0 { "" } else { ":" };
        let _ = write!(text, "{separator}{byte:02X}");
    }
    lines! { text,
        "";
        "a=setup:passive";
        "a=rtcp-mux";
        "a=rtcp-rsize";
    }
    if is_first {
        for (n, address) in (1u32..).zip(&ours.candidates) {
            // RFC 8445 section 5.1.2.1: host candidates, the first the best.
            let priority = 126 << 24 | (65_536 - n.min(65_535)) << 8 | 255;
            lines! { text,
                "a=candidate:{n} 1 udp {priority} {} {} typ host", address.ip(), address.port();
            }
        }
        lines! { text, "a=end-of-candidates"; }
    }
}

fn write_codec(text: &mut String, line: &Line, codec: Codec) {
    let number = codec.payload_type;
    if line.media == "audio" {
        lines! { text,
            "a=rtpmap:{number} opus/48000/2";
            "a=fmtp:{number} {OPUS_PARAMETERS}";
        }
        return;
    }
    lines! { text, "a=rtpmap:{number} VP8/90000"; }
    let feedback = [
        (codec.ccm_fir, "ccm fir"),
        (codec.nack, "nack"),
        (codec.nack && codec.nack_pli, "nack pli"),
    ];
    for (_, name) in feedback.iter().filter(|(agreed, _)| *agreed) {
        lines! { text, "a=rtcp-fb:{number} {name}"; }
    }
    if let Some(rtx) = codec.rtx_payload_type.filter(|_| codec.nack) {
        lines! { text,
            "a=rtpmap:{rtx} rtx/90000";
            "a=fmtp:{rtx} apt={number}";
        }
    }
}

fn write_track(text: &mut String, line: &Line, codec: Codec) {
    lines! { text, "a=recvonly"; }
    if let Some(number) = line.mid_extension {
        lines! { text, "a=extmap:{number} {MID_URI}"; }
    }
    if let Some(number) = line.twcc_extension {
        lines! { text, "a=extmap:{number} {TWCC_URI}"; }
    }
    write_codec(text, line, codec);
    if codec.transport_cc {
        lines! { text, "a=rtcp-fb:{} transport-cc", codec.payload_type; }
    }
}

fn write_slot(text: &mut String, line: &Line, codec: Codec, slot: &SlotSpec, pair: &str) {
    let track = format!("slot-{}", slot.mid.as_str());
    lines! { text,
        "a=sendonly";
        "a=msid:{pair} {track}";
    }
    if let Some(number) = line.mid_extension {
        lines! { text, "a=extmap:{number} {MID_URI}"; }
    }
    write_codec(text, line, codec);
    let (ssrc, rtx_ssrc, cname) = (slot.ssrc, slot.rtx_ssrc, &slot.cname);
    if slot.rtx_payload_type.is_some() {
        lines! { text, "a=ssrc-group:FID {ssrc} {rtx_ssrc}"; }
    }
    lines! { text,
        "a=ssrc:{ssrc} cname:{cname}";
        "a=ssrc:{ssrc} msid:{pair} {track}";
    }
    if slot.rtx_payload_type.is_some() {
        lines! { text,
            "a=ssrc:{rtx_ssrc} cname:{cname}";
            "a=ssrc:{rtx_ssrc} msid:{pair} {track}";
        }
    }
}

fn write_rejected(text: &mut String, line: &Line) {
    let formats = if line.formats.is_empty() { "0".to_owned() } else { line.formats.join(" ") };
    lines! { text,
        "m={} 0 {} {formats}", line.media, line.protocol;
        "c=IN IP4 0.0.0.0";
    }
    if let Some(mid) = &line.mid {
        lines! { text, "a=mid:{}", mid.as_str(); }
    }
    lines! { text, "a=inactive"; }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::limits::SDP_BYTES_MAX;
    use protocol::media::TrackKind;

    use super::*;

    /// An offer of Chromium 156 with a microphone, a camera and two slots; its candidates and
    /// credentials are taken out.
    const CHROMIUM: &str = include_str!("../tests/offers/chromium.sdp");
    /// The same of Firefox 153.
    const FIREFOX: &str = include_str!("../tests/offers/firefox.sdp");

    fn mid(text: &str) -> Mid {
        Mid::new(text).unwrap()
    }

    fn tracks() -> Vec<OfferedTrack> {
        vec![
            OfferedTrack { mid: mid("0"), kind: TrackKind::Microphone },
            OfferedTrack { mid: mid("1"), kind: TrackKind::Camera },
        ]
    }

    fn slots() -> Vec<OfferedSlot> {
        vec![
            OfferedSlot { mid: mid("2"), audio: true },
            OfferedSlot { mid: mid("3"), audio: false },
        ]
    }

    fn ours() -> Ours {
        let advertise = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        Ours { fingerprint: [0xab; 32], candidates: candidates(&advertise, 4000) }
    }

    fn answer_to(offer: &str) -> Result<Answered, BadOffer> {
        let names = (RoomId::from_bytes([1; 16]), ParticipantId::from_raw(2));
        answer(names, offer, &tracks(), &slots(), &ours())
    }

    fn m_line(text: &str, n: usize) -> &str {
        text.split("m=").nth(n + 1).unwrap()
    }

    #[test]
    fn an_offer_of_chromium_is_answered_line_by_line() {
        let answered = answer_to(CHROMIUM).unwrap();
        let text = &answered.text;
        assert!(text.contains("a=ice-lite\r\n"));
        assert!(text.contains("a=group:BUNDLE 0 1 2 3\r\n"));
        assert_eq!(text.matches("a=setup:passive\r\n").count(), 4);
        assert!(text.contains(" 192.0.2.7 4000 typ host\r\n"));
        assert!(text.contains(" 2001:db8::7 4000 typ host\r\na=end-of-candidates\r\n"));
        assert!(m_line(text, 0).starts_with("audio 9 UDP/TLS/RTP/SAVPF 111\r\n"));
        assert!(m_line(text, 0).contains(&format!("a=fmtp:111 {OPUS_PARAMETERS}\r\n")));
        assert!(m_line(text, 0).contains("a=recvonly\r\n"));
        assert!(m_line(text, 1).starts_with("video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"));
        for feedback in ["nack", "nack pli", "ccm fir", "transport-cc"] {
            assert!(m_line(text, 1).contains(&format!("a=rtcp-fb:96 {feedback}\r\n")));
        }
        assert!(m_line(text, 1).contains("a=fmtp:97 apt=96\r\n"));
        assert!(m_line(text, 3).contains("a=sendonly\r\na=msid:pair-1 slot-3\r\n"));
        assert!(m_line(text, 3).contains("a=ssrc-group:FID "));
        let spec = &answered.spec;
        assert_eq!((spec.tracks.len(), spec.slots.len()), (2, 2));
        assert!(spec.tracks[1].ssrc.is_some() && spec.tracks[1].rtx_ssrc.is_some());
        assert_eq!(spec.slots[0].cname, spec.slots[1].cname);
        assert!(spec.twcc_extension.is_some() && spec.mid_extension.is_some());
        assert_eq!(answered.their_ufrag, "Hx1a");
    }

    #[test]
    fn an_offer_of_firefox_is_answered_with_its_own_numbers() {
        let answered = answer_to(FIREFOX).unwrap();
        assert!(m_line(&answered.text, 0).starts_with("audio 9 UDP/TLS/RTP/SAVPF 109\r\n"));
        assert!(m_line(&answered.text, 1).starts_with("video 9 UDP/TLS/RTP/SAVPF 120 124\r\n"));
        assert_eq!(answered.spec.tracks[1].payload_type, 120);
        assert_eq!(answered.fingerprint[0], 0x6c);
    }

    #[test]
    fn lines_of_no_track_and_no_slot_are_rejected() {
        let extra = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:9\r\na=sctp-port:5000\r\n";
        let text = answer_to(&format!("{CHROMIUM}{extra}")).unwrap().text;
        assert!(
            m_line(&text, 4).starts_with("application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n")
        );
        assert!(text.contains("a=group:BUNDLE 0 1 2 3\r\n"));
    }

    #[test]
    fn offers_that_cannot_be_used_are_refused() {
        let refused = |offer: &str| answer_to(offer).expect_err("refused");
        assert_eq!(refused(""), BadOffer::Unreadable);
        assert_eq!(refused(&"a".repeat(SDP_BYTES_MAX + 1)), BadOffer::TooLarge);
        assert_eq!(
            refused(&format!("{CHROMIUM}{}", "a=x\r\n".repeat(201))),
            BadOffer::TooLarge
        );
        assert_eq!(refused(&format!("{CHROMIUM}{}", "m=x\r\n".repeat(64))), BadOffer::TooLarge);
        assert_eq!(refused(&CHROMIUM.replace("sha-256", "sha-1")), BadOffer::NoFingerprint);
        assert_eq!(refused(&CHROMIUM.replace("actpass", "passive")), BadOffer::NotActive);
        assert_eq!(refused(&CHROMIUM.replace("VP8", "H264")), BadOffer::NoMedia);
        assert_eq!(refused(&CHROMIUM.replace("a=mid:3", "a=mid:7")), BadOffer::NoMedia);
        assert_eq!(refused(&CHROMIUM.replace("sendonly", "recvonly")), BadOffer::NoMedia);
        assert_eq!(refused(&CHROMIUM.replace("ice-ufrag", "no-ufrag")), BadOffer::NoIce);
    }

    proptest! {
        #[test]
        fn spoilt_offers_do_no_harm(at in 0usize..8000, cut in 0usize..60, put in "[ -~\r\n]{0,40}", firefox: bool) {
            let mut offer = if firefox { FIREFOX } else { CHROMIUM }.to_owned();
            let at = at % offer.len();
            let end = (at + cut).min(offer.len());
            offer.replace_range(at..end, &put);
            if let Ok(answered) = answer_to(&offer) {
                prop_assert!(answered.text.lines().all(|line| line.as_bytes().get(1) == Some(&b'=')));
            }
        }
    }
}
