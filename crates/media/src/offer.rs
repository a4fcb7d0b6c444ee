//! What a client offers: its session description, boiled down to what we use.  The adapter to
//! `rtc-sdp`.

use protocol::limits::{M_LINES_MAX, SDP_BYTES_MAX};
use protocol::media::Mid;
use rtc_sdp::description::common::Attribute;
use rtc_sdp::description::media::MediaDescription;
use rtc_sdp::description::session::SessionDescription;

use crate::dtls::Fingerprint;

/// Attributes of one m-line.  Browsers have about 140 on a video m-line.
const ATTRIBUTES_MAX: usize = 200;
/// Longest ICE ufrag and password (RFC 8839 section 5.4).
const ICE_TEXT_BYTES_MAX: usize = 256;

/// The header extension that names the m-line.
pub(crate) const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// The header extension with the transport-wide number.
pub(crate) const TWCC_URI: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The offer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadOffer {
    TooLarge,
    Unreadable,
    NoIce,
    NoFingerprint,
    NotActive,
    NoMedia,
}

/// A session description of a client.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) ufrag: String,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) lines: Vec<Line>,
}

/// One m-line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// `audio`, `video`, `application`.
    pub(crate) media: String,
    pub(crate) protocol: String,
    pub(crate) formats: Vec<String>,
    pub(crate) mid: Option<Mid>,
    /// Whether it can be accepted at all.
    pub(crate) is_usable: bool,
    pub(crate) sends: bool,
    pub(crate) receives: bool,
    /// Opus on audio lines, VP8 on video lines.
    pub(crate) codec: Option<Codec>,
    pub(crate) mid_extension: Option<u8>,
    pub(crate) twcc_extension: Option<u8>,
    /// The sources named: of packets as first sent, and of packets sent again.
    pub(crate) ssrc: Option<u32>,
    pub(crate) rtx_ssrc: Option<u32>,
}

/// The codec we take, as the client numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Codec {
    pub(crate) payload_type: u8,
    pub(crate) rtx_payload_type: Option<u8>,
    pub(crate) nack: bool,
    pub(crate) nack_pli: bool,
    pub(crate) ccm_fir: bool,
    pub(crate) transport_cc: bool,
}

impl Offer {
    /// Reads a session description.
    pub(crate) fn parse(text: &str) -> Result<Self, BadOffer> {
        check_size(text)?;
        let session =
            SessionDescription::try_from(text.to_owned()).map_err(|_| BadOffer::Unreadable)?;
        let lines: Vec<Line> = session.media_descriptions.iter().map(line).collect();
        // All lines share the transport of the first that is used (RFC 8843 section 7.2.1).
        let first = session
            .media_descriptions
            .iter()
            .zip(&lines)
            .find(|(_, line)| line.is_usable)
            .ok_or(BadOffer::NoMedia)?
            .0;
        let shared = |key: &str| {
            value(&first.attributes, key).or_else(|| value(&session.attributes, key))
        };
        let is_fit =
            |text: &&str| (1..=ICE_TEXT_BYTES_MAX).contains(&text.len()) && text.is_ascii();
        let ufrag = shared("ice-ufrag").filter(is_fit).ok_or(BadOffer::NoIce)?;
        shared("ice-pwd").filter(is_fit).ok_or(BadOffer::NoIce)?;
        let all = first.attributes.iter().chain(&session.attributes);
        let fingerprint = all
            .filter(|attribute| attribute.key == "fingerprint")
            .find_map(|attribute| fingerprint(attribute.value.as_deref()?))
            .ok_or(BadOffer::NoFingerprint)?;
        if !matches!(shared("setup"), Some("actpass" | "active")) {
            return Err(BadOffer::NotActive);
        }
        Ok(Self { ufrag: ufrag.to_owned(), fingerprint, lines })
    }
}

/// Refuses what would be costly to read.
fn check_size(text: &str) -> Result<(), BadOffer> {
    let (mut n_lines, mut n_attributes) = (0, 0);
    for line in text.lines() {
        if line.starts_with("m=") {
            n_lines += 1;
            n_attributes = 0;
        } else if line.starts_with("a=") {
            n_attributes += 1;
        }
        if n_attributes > ATTRIBUTES_MAX {
            return Err(BadOffer::TooLarge);
        }
    }
    if n_lines > M_LINES_MAX || text.len() > SDP_BYTES_MAX {
        return Err(BadOffer::TooLarge);
    }
    Ok(())
}

fn value<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_deref()
}

fn values<'a>(attributes: &'a [Attribute], key: &'a str) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| attribute.key == key)
        .filter_map(|attribute| attribute.value.as_deref())
}

fn fingerprint(text: &str) -> Option<Fingerprint> {
    let (algorithm, hex) = text.split_once(' ')?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut bytes = [0; 32];
    let mut parts = hex.trim().split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

fn line(media: &MediaDescription) -> Line {
    let attributes = &media.attributes;
    let has = |key: &str| attributes.iter().any(|attribute| attribute.key == key);
    let name = &media.media_name;
    let codec = match name.media.as_str() {
        "audio" => codec(attributes, "opus/48000/2"),
        "video" => codec(attributes, "vp8/90000"),
        _ => None,
    };
    let mid = value(attributes, "mid").and_then(Mid::new);
    // Port 0 means "rejected", unless the line only ever lives in the bundle.
    let is_offered = name.port.value != 0 || has("bundle-only");
    let is_usable = is_offered && mid.is_some() && codec.is_some() && has("rtcp-mux");
    let (ssrc, rtx_ssrc) = sources(attributes);
    Line {
        media: name.media.clone(),
        protocol: name.protos.join("/"),
        formats: name.formats.clone(),
        mid,
        is_usable,
        sends: !has("recvonly") && !has("inactive"),
        receives: !has("sendonly") && !has("inactive"),
        codec,
        mid_extension: extension(attributes, MID_URI),
        twcc_extension: extension(attributes, TWCC_URI),
        ssrc,
        rtx_ssrc,
    }
}

/// The number of a header extension, if it fits the one-byte form.
fn extension(attributes: &[Attribute], uri: &str) -> Option<u8> {
    values(attributes, "extmap")
        .filter_map(|text| text.split_once(' '))
        .filter(|(_, rest)| rest.split(' ').next() == Some(uri))
        .find_map(|(number, _)| number.split('/').next()?.parse().ok())
        .filter(|number| (1..=14).contains(number))
}

fn codec(attributes: &[Attribute], wanted: &str) -> Option<Codec> {
    let payload_type = values(attributes, "rtpmap")
        .filter_map(|text| text.split_once(' '))
        .find(|(_, name)| name.trim().eq_ignore_ascii_case(wanted))
        .and_then(|(number, _)| number.parse().ok())
        .filter(|number| *number < 128)?;
    let is_rtx = |number: &str| {
        values(attributes, "rtpmap").filter_map(|text| text.split_once(' ')).any(
            |(other, name)| other == number && name.to_ascii_lowercase().starts_with("rtx/"),
        )
    };
    let rtx_payload_type = values(attributes, "fmtp")
        .filter_map(|text| text.split_once(' '))
        .filter(|(number, _)| is_rtx(number))
        .find(|(_, parameters)| {
            parameters.split(';').any(|parameter| {
                let apt = parameter.trim().strip_prefix("apt=");
                apt.and_then(|apt| apt.parse().ok()) == Some(payload_type)
            })
        })
        .and_then(|(number, _)| number.parse().ok())
        .filter(|number| *number < 128);
    let feedback = |wanted: &str| {
        values(attributes, "rtcp-fb").filter_map(|text| text.split_once(' ')).any(
            |(of, what)| (of == "*" || of.parse() == Ok(payload_type)) && what.trim() == wanted,
        )
    };
    Some(Codec {
        payload_type,
        rtx_payload_type,
        nack: feedback("nack"),
        nack_pli: feedback("nack pli"),
        ccm_fir: feedback("ccm fir"),
        transport_cc: feedback("transport-cc"),
    })
}

/// The first source, and the one that repeats it (RFC 5576 section 4.2, RFC 4588 section 8).
fn sources(attributes: &[Attribute]) -> (Option<u32>, Option<u32>) {
    let pair = values(attributes, "ssrc-group").find_map(|text| {
        let mut words = text.split_ascii_whitespace();
        if words.next()? != "FID" {
            return None;
        }
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    });
    if let Some((first, again)) = pair {
        return (Some(first), Some(again));
    }
    let first = values(attributes, "ssrc")
        .find_map(|text| text.split_ascii_whitespace().next()?.parse().ok());
    (first, None)
}
