//! Inputs that no honest server or shell would bring: nothing may panic, nothing may spin.

use std::time::Duration;

use participant::input::Topic;
use participant::output::Phase;
use participant::{Input, Output, Participant};
use proptest::prelude::*;
use protocol::client::{Added, Knock};
use protocol::id::{Epoch, Generation, GroupId, InviteId, LeafIndex, ParticipantId, RoomId};
use protocol::media::{Mid, SlotBinding, TrackKind, TrackState};
use protocol::opaque::{Opaque, encode_base64url};
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{
    Answer, Committed, DoorstepNoted, Entered, GroupOpened, GroupState, Knocked, Place,
    Presence, Relayed, Role, ServerMessage, Welcomed,
};
use protocol::time::Timestamp;

use crate::world::{ANA, BEN, ROOM, World, offered};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever the server says and the shell does, from the very beginning.
    #[test]
    fn nothing_panics_and_nothing_spins(
        inputs in proptest::collection::vec((any_input(), 0_u64..3000), 0..80),
        is_moderator in any::<bool>(),
    ) {
        let world = World::new(1);
        let core = if is_moderator {
            world.moderator_core()
        } else {
            world.attendee_core(1, "Ben", 1)
        };
        feed(core, Timestamp::default(), inputs)?;
    }

    /// The same, in the middle of a call, where there are keys to lose.
    #[test]
    fn a_call_survives_any_server(
        inputs in proptest::collection::vec((any_input(), 0_u64..3000), 0..60),
        who in ANA..=BEN,
    ) {
        let mut world = World::in_call(2);
        let now = world.now;
        let person = world.people.remove(who);
        feed(person.core, now, inputs)?;
    }
}

#[test]
fn garbage_is_counted_and_changes_nothing() {
    let mut world = World::in_call(3);
    for text in
        ["", "{", "null", "{\"type\":\"done\"}", "{\"type\":\"gone\",\"participant\":\"x\"}"]
    {
        world.tell(BEN, Input::Received { text: text.to_owned() });
    }
    world.settle();
    assert_eq!(world.people[BEN].core.n_ignored(), 5);
    assert_eq!(world.phase(BEN), Phase::InCall);
}

fn feed(
    mut core: Participant,
    start: Timestamp,
    inputs: Vec<(Input, u64)>,
) -> Result<(), TestCaseError> {
    let mut now = start;
    let mut has_ended = false;
    for (input, pause_ms) in inputs {
        now = now + Duration::from_millis(pause_ms);
        core.handle_input(now, input);
        let mut n_outputs = 0;
        while let Some(output) = core.poll_output() {
            n_outputs += 1;
            prop_assert!(!has_ended, "{output:?} after the end");
            if let Output::Show { state } = output {
                has_ended = matches!(state.phase, Phase::Ended { .. });
            }
        }
        prop_assert!(n_outputs < 200, "{n_outputs} outputs for one input");
        // Woken when it asked to be, it never asks for the same moment for ever.
        for round in 0.. {
            let Some(due) = core.poll_timeout().filter(|due| *due <= now) else { break };
            prop_assert!(round < 10, "asks again and again for {due:?} at {now:?}");
            core.handle_input(now, Input::Tick);
            while core.poll_output().is_some() {}
        }
        let mut out = Vec::new();
        let _ = core.open_frame(now, true, &[7; 40], &mut out);
        prop_assert!(out.is_empty());
    }
    Ok(())
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        1 => Just(Input::Start),
        1 => ".{0,8}".prop_map(|ticket| Input::Ticket { ticket }),
        1 => Just(Input::Ticket { ticket: encode_base64url(&[1; 32]) }),
        1 => any::<bool>().prop_map(|retry| Input::NoTicket { retry }),
        3 => Just(Input::Opened),
        12 => any_message().prop_map(|m| Input::Received { text: m.encode() }),
        1 => ".{0,40}".prop_map(|text| Input::Received { text }),
        1 => Just(Input::Closed { code: 1006 }),
        1 => any_id().prop_map(|participant| Input::Admit { participant }),
        1 => any_id().prop_map(|participant| Input::Decline { participant }),
        1 => any_id().prop_map(|participant| Input::Remove { participant }),
        1 => ".{0,20}".prop_map(|text| Input::SendChat { text }),
        1 => ".{0,20}".prop_map(|text| Input::Say { topic: Topic::Live, text }),
        1 => ".{0,20}".prop_map(|text| Input::Say { topic: Topic::Place, text }),
        1 => ".{0,20}".prop_map(|text| Input::TellDoorstep { participant: None, text }),
        1 => Just(Input::Withdraw),
        1 => any::<bool>().prop_map(|on| Input::SetTrack { kind: TrackKind::Camera, on }),
        1 => Just(offered()),
        1 => Just(Input::MediaConnected),
        1 => Just(Input::MediaFailed),
        4 => Just(Input::Tick),
    ]
}

fn any_id() -> impl Strategy<Value = ParticipantId> {
    (0_u64..5).prop_map(ParticipantId::from_raw)
}

fn any_opaque<const MAX: usize>() -> impl Strategy<Value = Opaque<MAX>> {
    proptest::collection::vec(any::<u8>(), 0..MAX.min(80))
        .prop_map(|bytes| Opaque::new(bytes).unwrap())
}

fn any_group() -> impl Strategy<Value = GroupId> {
    prop_oneof![
        (0_u32..3).prop_map(|g| e2ee::policy::group_id(ROOM, Generation(g))),
        Just(GroupId::from_bytes([3; 32])),
    ]
}

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..40, Just(u64::MAX), any::<u64>()]
}

fn any_presence() -> impl Strategy<Value = Presence> {
    (any_id(), any::<bool>(), any::<bool>()).prop_map(|(participant, on, connected)| Presence {
        participant,
        role: if on { Role::Moderator } else { Role::Attendee },
        connected,
        tracks: vec![TrackState { kind: TrackKind::Camera, on }; 3],
    })
}

fn any_knocked() -> impl Strategy<Value = Knocked> {
    let knock = (any_opaque(), any_opaque(), any_opaque(), any_opaque(), any_opaque())
        .prop_map(|(key_package, spare_key_package, nonce, mac, sealed_name)| Knock {
            key_package,
            spare_key_package,
            nonce,
            mac,
            sealed_name,
        });
    (any_id(), any::<bool>(), any::<bool>(), knock, any::<bool>()).prop_map(
        |(participant, waits, returning, knock, known)| {
            let known_invite = e2ee::link::InviteKeys::derive(&crate::world::link(1)).invite;
            Knocked {
                participant,
                invite: if known { known_invite } else { InviteId::from_bytes([8; 16]) },
                place: if waits { Place::Waiting } else { Place::Room },
                other_device: !returning,
                returning,
                waited_ms: u64::MAX,
                knock,
            }
        },
    )
}

fn any_reject() -> impl Strategy<Value = Reject> {
    prop_oneof![
        Just(Reject::Internal),
        Just(Reject::NoSuchRight),
        Just(Reject::BacklogGone),
        Just(Reject::NoSuchGroup),
        Just(Reject::StaleGeneration),
        Just(Reject::TooFast),
        any_number().prop_map(|n| Reject::StaleEpoch { got: Epoch(n), current: Epoch(n / 2) }),
    ]
}

fn any_reason() -> impl Strategy<Value = FarewellReason> {
    prop_oneof![
        3 => Just(FarewellReason::ServerStopping),
        3 => Just(FarewellReason::Internal),
        3 => Just(FarewellReason::Lost),
        1 => Just(FarewellReason::Removed),
    ]
}

fn any_entered() -> impl Strategy<Value = ServerMessage> {
    let group = proptest::option::of((any_group(), 0_u32..4, any_number()));
    (
        (any::<bool>(), any_id(), any::<bool>(), any::<bool>(), any::<bool>()),
        group,
        proptest::collection::vec(any_presence(), 0..4),
        proptest::collection::vec(any_knocked(), 0..3),
    )
        .prop_map(
            |((ours, participant, moderates, waits, resumed), group, present, knocks)| {
                ServerMessage::Entered(Entered {
                    room: if ours { ROOM } else { RoomId::from_bytes([1; 16]) },
                    participant,
                    role: if moderates { Role::Moderator } else { Role::Attendee },
                    place: if waits { Place::Waiting } else { Place::Room },
                    resume: Opaque::default(),
                    resumed,
                    group: group.map(|(group, generation, epoch)| GroupState {
                        group,
                        generation: Generation(generation),
                        epoch: Epoch(epoch),
                    }),
                    last_generation: None,
                    present,
                    knocks,
                })
            },
        )
}

fn any_delivery() -> impl Strategy<Value = ServerMessage> {
    let head = (any_number(), any_group(), any_number(), any_id(), 0_u32..4);
    (head, any_opaque::<200>(), any_presence(), 0_u8..4, any_opaque()).prop_map(
        |((seq, group, epoch, by, generation), message, presence, kind, wrapped)| {
            let (epoch, generation) = (Epoch(epoch), Generation(generation));
            let bytes = message.into_vec();
            match kind {
                0 => ServerMessage::GroupOpened(GroupOpened { seq, group, generation, by }),
                1 => ServerMessage::Committed(Committed {
                    seq,
                    group,
                    epoch,
                    by,
                    message: Opaque::new(bytes).unwrap(),
                    added: vec![Added { participant: by, leaf: LeafIndex(generation.0) }],
                    removed: vec![by],
                }),
                2 => ServerMessage::Welcomed(Welcomed {
                    seq,
                    group,
                    generation,
                    epoch,
                    by,
                    message: Opaque::new(bytes).unwrap(),
                    wrapped_room_secret: wrapped,
                    present: vec![presence],
                }),
                _ => ServerMessage::Relayed(Relayed {
                    seq,
                    group,
                    epoch,
                    by,
                    message: Opaque::new(bytes).unwrap(),
                }),
            }
        },
    )
}

fn any_message() -> impl Strategy<Value = ServerMessage> {
    prop_oneof![
        4 => any_entered(),
        3 => (0_u32..12).prop_map(|n| ServerMessage::Done { n }),
        3 => (proptest::option::of(0_u32..12), any_reject())
            .prop_map(|(n, reject)| ServerMessage::Rejected { n, reject }),
        2 => any_knocked().prop_map(ServerMessage::Knocked),
        1 => any_id().prop_map(|participant| ServerMessage::Unknocked { participant }),
        1 => (any_id(), proptest::collection::vec(any::<u8>(), 0..300)).prop_map(
            |(participant, bytes)| {
                let sealed = Opaque::new(bytes).unwrap();
                ServerMessage::DoorstepNote(DoorstepNoted { participant, sealed })
            }
        ),
        2 => any_presence().prop_map(ServerMessage::Present),
        1 => (any_id(), any_reason())
            .prop_map(|(participant, reason)| ServerMessage::Gone { participant, reason }),
        4 => any_delivery(),
        1 => Just(ServerMessage::Answer(Answer { sdp: "v=0".to_owned() })),
        1 => any_id().prop_map(|publisher| ServerMessage::Slots {
            bindings: vec![SlotBinding {
                mid: Mid::new("0").unwrap(),
                publisher,
                kind: TrackKind::Camera,
            }],
        }),
        1 => Just(ServerMessage::MediaLost),
        1 => any_reason().prop_map(|reason| ServerMessage::Farewell { reason }),
    ]
}
