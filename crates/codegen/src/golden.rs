//! One message of each kind, as it looks on the wire.
//!
//! The matches at the end have no wildcard: a new kind of message does not compile until it
//! has an example here.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use protocol::client::{
    Added, Application, ClientEnvelope, ClientMessage, Commit, Decline, DoorstepNote, Hello,
    Knock, Offer, OpenGroup, Right,
};
use protocol::id::{Epoch, Generation, GroupId, InviteId, LeafIndex, ParticipantId, RoomId};
use protocol::media::{Mid, OfferedSlot, OfferedTrack, SlotBinding, TrackKind, TrackState};
use protocol::opaque::Opaque;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{
    Answer, Committed, DoorstepNoted, Entered, GroupOpened, GroupState, Knocked, Place,
    Presence, Relayed, Role, ServerMessage, Welcomed,
};
use serde_json::{Value, json};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

/// The golden messages as one JSON document.
pub(crate) fn json() -> Result<String> {
    let client = client()?;
    let server = server()?;
    let kinds: BTreeSet<_> = client.iter().map(|message| client_kind(&message.body)).collect();
    ensure!(kinds.len() == N_CLIENT_KINDS, "a kind of client message has no example");
    let kinds: BTreeSet<_> = server.iter().map(server_kind).collect();
    ensure!(kinds.len() == N_SERVER_KINDS, "a kind of server message has no example");
    let client: Vec<Value> =
        client.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    let server: Vec<Value> =
        server.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    Ok(serde_json::to_string_pretty(&json!({ "client": client, "server": server }))? + "\n")
}

fn client() -> Result<Vec<ClientEnvelope>> {
    let rights = [
        Right::Invite { invite: invite(), server_auth: bytes(32)?, device: bytes(16)? },
        Right::Ticket { ticket: bytes(32)? },
        Right::Resume { resume: bytes(32)?, after: 41 },
    ];
    let mut bodies: Vec<ClientMessage> =
        rights.into_iter().map(|right| ClientMessage::Hello(Hello { right })).collect();
    bodies.extend([
        ClientMessage::Knock(knock()?),
        ClientMessage::Spare(knock()?),
        ClientMessage::OpenGroup(OpenGroup { group: group(), generation: Generation(1) }),
        ClientMessage::Commit(Commit {
            group: group(),
            epoch: Epoch(3),
            message: bytes(24)?,
            welcome: Some(bytes(40)?),
            added: vec![added()],
            removed: vec![],
        }),
        ClientMessage::Commit(Commit {
            group: group(),
            epoch: Epoch(4),
            message: bytes(24)?,
            welcome: None,
            added: vec![],
            removed: vec![ben()],
        }),
        ClientMessage::Application(Application {
            group: group(),
            epoch: Epoch(4),
            message: bytes(20)?,
            fleeting: true,
        }),
        ClientMessage::DoorstepNote(DoorstepNote {
            participant: Some(ben()),
            sealed: bytes(28)?,
        }),
        ClientMessage::DoorstepNote(DoorstepNote { participant: None, sealed: bytes(29)? }),
        ClientMessage::Decline(Decline { participant: ben() }),
        ClientMessage::Offer(offer()),
        ClientMessage::Track(TrackState { kind: TrackKind::Camera, on: false }),
        ClientMessage::Leave,
        ClientMessage::EndRoom,
        ClientMessage::Ping,
    ]);
    Ok(bodies.into_iter().zip(1..).map(|(body, n)| ClientEnvelope { n, body }).collect())
}

fn server() -> Result<Vec<ServerMessage>> {
    Ok(vec![
        ServerMessage::Entered(entered()?),
        ServerMessage::Done { n: 1 },
        ServerMessage::Rejected { n: Some(2), reject: Reject::NotModerator },
        ServerMessage::Rejected { n: None, reject: Reject::Malformed },
        ServerMessage::Rejected {
            n: Some(3),
            reject: Reject::StaleEpoch { got: Epoch(3), current: Epoch(4) },
        },
        ServerMessage::Knocked(knocked()?),
        ServerMessage::Unknocked { participant: ben() },
        ServerMessage::DoorstepNote(DoorstepNoted { participant: ben(), sealed: bytes(30)? }),
        ServerMessage::Present(presence()),
        ServerMessage::Gone { participant: ben(), reason: FarewellReason::Left },
        ServerMessage::GroupOpened(GroupOpened {
            seq: 1,
            group: group(),
            generation: Generation(1),
            by: ana(),
        }),
        ServerMessage::Committed(Committed {
            seq: 2,
            group: group(),
            epoch: Epoch(3),
            by: ana(),
            message: bytes(24)?,
            added: vec![added()],
            removed: vec![],
        }),
        ServerMessage::Welcomed(Welcomed {
            seq: 2,
            group: group(),
            generation: Generation(1),
            epoch: Epoch(4),
            by: ana(),
            message: bytes(40)?,
            wrapped_room_secret: bytes(60)?,
            present: vec![presence()],
        }),
        ServerMessage::Relayed(Relayed {
            seq: 3,
            group: group(),
            epoch: Epoch(4),
            by: ben(),
            message: bytes(20)?,
        }),
        ServerMessage::Answer(Answer { sdp: SDP.to_owned() }),
        ServerMessage::Slots {
            bindings: mid("2")
                .map(|mid| SlotBinding { mid, publisher: ben(), kind: TrackKind::Camera })
                .collect(),
        },
        ServerMessage::MediaLost,
        ServerMessage::Farewell { reason: FarewellReason::ServerStopping },
    ])
}

fn entered() -> Result<Entered> {
    Ok(Entered {
        room: RoomId::from_bytes([1; 16]),
        participant: ana(),
        role: Role::Moderator,
        place: Place::Room,
        resume: bytes(32)?,
        resumed: false,
        group: Some(GroupState { group: group(), generation: Generation(1), epoch: Epoch(4) }),
        last_generation: Some(Generation(1)),
        present: vec![presence()],
        knocks: vec![knocked()?],
    })
}

fn knocked() -> Result<Knocked> {
    Ok(Knocked {
        participant: ben(),
        invite: invite(),
        place: Place::Waiting,
        other_device: false,
        returning: false,
        waited_ms: 1500,
        knock: knock()?,
    })
}

fn knock() -> Result<Knock> {
    Ok(Knock {
        key_package: bytes(48)?,
        spare_key_package: bytes(49)?,
        nonce: bytes(16)?,
        mac: bytes(32)?,
        sealed_name: bytes(30)?,
    })
}

fn offer() -> Offer {
    Offer {
        sdp: SDP.to_owned(),
        tracks: mid("0").map(|mid| OfferedTrack { mid, kind: TrackKind::Microphone }).collect(),
        slots: mid("2").map(|mid| OfferedSlot { mid, audio: false }).collect(),
    }
}

fn presence() -> Presence {
    Presence {
        participant: ben(),
        role: Role::Attendee,
        connected: true,
        tracks: vec![TrackState { kind: TrackKind::Microphone, on: true }],
    }
}

fn added() -> Added {
    Added { participant: ben(), leaf: LeafIndex(1) }
}

fn ana() -> ParticipantId {
    ParticipantId::from_raw(7)
}

/// Beyond what a JavaScript number can hold.
fn ben() -> ParticipantId {
    ParticipantId::from_raw(u64::MAX - 1)
}

fn group() -> GroupId {
    GroupId::from_bytes([2; 32])
}

fn invite() -> InviteId {
    InviteId::from_bytes([3; 16])
}

fn mid(text: &str) -> impl Iterator<Item = Mid> {
    Mid::new(text).into_iter()
}

/// `n` bytes that use the whole alphabet of base64url.
fn bytes<const MAX: usize>(n: u8) -> Result<Opaque<MAX>> {
    Ok(Opaque::new((0..n).map(|i| i.wrapping_mul(37).wrapping_add(250)).collect())?)
}

const N_CLIENT_KINDS: usize = 13;
const N_SERVER_KINDS: usize = 16;

/// Numbers the kinds from 0; the last one plus one is [`N_CLIENT_KINDS`].
fn client_kind(message: &ClientMessage) -> usize {
    match message {
        ClientMessage::Hello(_) => 0,
        ClientMessage::Knock(_) => 1,
        ClientMessage::Spare(_) => 2,
        ClientMessage::OpenGroup(_) => 3,
        ClientMessage::Commit(_) => 4,
        ClientMessage::Application(_) => 5,
        ClientMessage::Decline(_) => 6,
        ClientMessage::Offer(_) => 7,
        ClientMessage::Track(_) => 8,
        ClientMessage::Leave => 9,
        ClientMessage::EndRoom => 10,
        ClientMessage::Ping => 11,
        ClientMessage::DoorstepNote(_) => 12,
    }
}

/// The same for [`N_SERVER_KINDS`].
fn server_kind(message: &ServerMessage) -> usize {
    match message {
        ServerMessage::Entered(_) => 0,
        ServerMessage::Done { .. } => 1,
        ServerMessage::Rejected { .. } => 2,
        ServerMessage::Knocked(_) => 3,
        ServerMessage::Unknocked { .. } => 4,
        ServerMessage::Present(_) => 5,
        ServerMessage::Gone { .. } => 6,
        ServerMessage::GroupOpened(_) => 7,
        ServerMessage::Committed(_) => 8,
        ServerMessage::Welcomed(_) => 9,
        ServerMessage::Relayed(_) => 10,
        ServerMessage::Answer(_) => 11,
        ServerMessage::Slots { .. } => 12,
        ServerMessage::MediaLost => 13,
        ServerMessage::Farewell { .. } => 14,
        ServerMessage::DoorstepNote(_) => 15,
    }
}
