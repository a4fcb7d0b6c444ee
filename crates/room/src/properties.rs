//! Do the invariants in the crate's header hold whatever anybody sends?
//!
//! Some are asserted by the [`Stage`] itself: nothing of the room to whoever waits, nothing
//! after a farewell, one answer for each request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use protocol::client::{Added, Application, Decline, DoorstepNote, Hello, Right};
use protocol::id::{Epoch, GroupId, InviteId, LeafIndex};
use protocol::limits::{RESUME_PATIENCE, ROOM_MEMBERS_MAX, WAITING_MAX};
use protocol::media::{Mid, TrackKind};
use protocol::opaque::Opaque;

use super::*;
use crate::participant::Path;
use crate::stage::{Guest, Stage, knock, offer, open_group};

/// One thing somebody does.
#[derive(Clone, Debug)]
enum Act {
    Visit {
        invite: u8,
        device: u8,
    },
    Moderate,
    Resume(Index),
    HangUp(Index),
    Say(Index, Words),
    /// Knocks, and is let in by the moderator if there is one.
    ComeIn(Index),
    /// Offers media, and the media plane says yes.
    Connect(Index),
    News(Index, MediaNews),
    Revoke(u8),
    Wait(u64),
    Kept {
        ended: bool,
    },
}

/// What somebody says; people are meant by their place in the list of all who ever came.
#[derive(Clone, Debug)]
enum Words {
    Plain(ClientMessage),
    Commit { added: Vec<(Index, u32)>, removed: Vec<Index>, stale: bool },
    Decline(Index),
}

/// What the media plane was told, and what follows for who hears whom.
#[derive(Default)]
struct Ears {
    peers: BTreeSet<ParticipantId>,
    carried: BTreeMap<(ParticipantId, Mid), ParticipantId>,
    n_seen: usize,
}

impl Ears {
    fn listen(&mut self, steps: &[MediaStep]) {
        for step in &steps[self.n_seen..] {
            match step {
                MediaStep::OpenPeer { peer, .. } => {
                    self.peers.insert(*peer);
                    self.carried.retain(|(subscriber, _), _| subscriber != peer);
                }
                MediaStep::ClosePeer { peer } => {
                    self.peers.remove(peer);
                    self.carried.retain(|(subscriber, _), _| subscriber != peer);
                }
                MediaStep::BindSlot { subscriber, binding } => {
                    self.carried.insert((*subscriber, binding.mid.clone()), binding.publisher);
                }
                MediaStep::UnbindSlot { subscriber, mid } => {
                    self.carried.remove(&(*subscriber, mid.clone()));
                }
                MediaStep::HoldTrack { .. } | MediaStep::SetLeaf { .. } => {}
            }
        }
        self.n_seen = steps.len();
    }
}

proptest! {
    #[test]
    fn the_invariants_hold_for_anything_anybody_does(
        acts in proptest::collection::vec(any_act(), 1..150),
    ) {
        let mut stage = Stage::new();
        let mut ears = Ears::default();
        let mut guests: Vec<Guest> = Vec::new();
        let mut requests: Vec<(Guest, u32)> = Vec::new();
        for act in &acts {
            perform(&mut stage, &mut guests, &mut requests, act);
            check(&stage, &mut ears)?;
        }

        settle(&mut stage, &guests);
        check(&stage, &mut ears)?;
        for (guest, n) in requests {
            let lives = stage.room.connections.contains_key(&guest.line);
            let answer = stage.answer_to(guest, n);
            prop_assert!(!lives || answer.is_some(), "every request is answered: {}", n);
        }

        for guest in &guests {
            stage.hang_up(*guest);
        }
        stage.wait(RESUME_PATIENCE);
        stage.wait(ROOM_IDLE_PATIENCE);
        check(&stage, &mut ears)?;
        prop_assert!(ears.peers.is_empty());
        let n_finished = stage.other.iter().filter(|one| **one == Output::Finished).count();
        prop_assert_eq!(n_finished, 1, "when everybody is gone, the room finishes");
        prop_assert_eq!(stage.room.poll_timeout(), None);
    }
}

fn check(stage: &Stage, ears: &mut Ears) -> Result<(), TestCaseError> {
    let room = &stage.room;
    ears.listen(&stage.media);
    let is_in_room =
        |who: &ParticipantId| room.participants.get(who).is_some_and(Participant::is_in_room);

    for ((subscriber, _), publisher) in &ears.carried {
        prop_assert!(subscriber != publisher, "a slot never carries one's own track");
        prop_assert!(is_in_room(subscriber) && is_in_room(publisher), "nor of somebody gone");
    }
    prop_assert!(ears.peers.iter().all(is_in_room), "media of whoever is out is closed");
    let n_moderators = room.in_room().filter(|(_, one)| one.role() == Role::Moderator).count();
    prop_assert!(n_moderators <= 1);
    for (who, one) in room.in_room() {
        let by_commit = one.role() == Role::Moderator || stage.added.contains(&who);
        prop_assert!(by_commit, "nobody comes in but through a commit");
    }
    for (connection, who) in &room.connections {
        prop_assert_eq!(room.connection_of(*who), Some(*connection), "one connection at most");
    }
    let n_connected = room.participants.values().filter(|one| one.connection().is_some());
    prop_assert_eq!(n_connected.count(), room.connections.len());
    prop_assert!(room.n_in_room() <= ROOM_MEMBERS_MAX);
    prop_assert!(room.participants.len() - room.n_in_room() <= WAITING_MAX);
    let forgotten = stage.other.iter().filter(|one| matches!(one, Output::Forget { .. }));
    let accepted = stage.other.iter().filter_map(|one| match one {
        Output::Accept { participant, .. } => Some(*participant),
        Output::Refuse { .. }
        | Output::Send { .. }
        | Output::Close { .. }
        | Output::Deliver { .. }
        | Output::Replay { .. }
        | Output::Forget { .. }
        | Output::Media(_)
        | Output::PinDevice { .. }
        | Output::UseUp { .. }
        | Output::KeepGeneration { .. }
        | Output::KeepEnded
        | Output::Finished => None,
    });
    let ever: BTreeSet<_> = accepted.collect();
    prop_assert_eq!(ever.len(), room.participants.len() + forgotten.count());
    Ok(())
}

fn perform(
    stage: &mut Stage,
    guests: &mut Vec<Guest>,
    requests: &mut Vec<(Guest, u32)>,
    act: &Act,
) {
    let pick = |index: &Index| (!guests.is_empty()).then(|| guests[index.index(guests.len())]);
    match act {
        Act::Visit { invite, device } => {
            let is_sole = *invite >= 3;
            let came = if is_sole {
                stage.sole_visitor(*invite, *device)
            } else {
                stage.visitor(*invite, *device)
            };
            guests.extend(came.ok());
        }
        Act::Moderate => {
            let participant = ParticipantId::from_raw(1_000_000 + guests.len() as u64);
            guests.extend(stage.enter(By::Ticket { participant, last_generation: None }).ok());
        }
        Act::Resume(index) => {
            let back = pick(index).and_then(|guest| stage.resume(guest, 0).ok());
            guests.extend(back);
        }
        Act::HangUp(index) => {
            if let Some(guest) = pick(index) {
                stage.hang_up(guest);
            }
        }
        Act::Say(index, words) => {
            let id = |index: &Index| {
                pick(index).map_or(ParticipantId::from_raw(u64::MAX), |guest| guest.who)
            };
            let message = speak(stage, words, id);
            if let Some(guest) = pick(index) {
                let n = stage.say(guest, message);
                requests.push((guest, n));
            }
        }
        Act::ComeIn(index) => {
            if let Some(guest) = pick(index) {
                come_in(stage, guests, guest);
            }
        }
        Act::Connect(index) => {
            if let Some(guest) = pick(index) {
                let n = stage.say(guest, offer(2));
                requests.push((guest, n));
                stage.media_says(guest, MediaNews::Opened { answer: String::new() });
            }
        }
        Act::News(index, news) => {
            if let Some(guest) = pick(index) {
                stage.media_says(guest, news.clone());
            }
        }
        Act::Revoke(invite) => {
            stage.step(Input::Revoked { invite: InviteId::from_bytes([*invite; 16]) });
        }
        Act::Wait(seconds) => stage.wait(Duration::from_secs(*seconds)),
        Act::Kept { ended } => {
            // The store answers only what it was asked.
            if matches!(stage.room.life, Life::Ending { .. }) {
                stage.step(if *ended { Input::Ended } else { Input::EndFailed });
            }
        }
    }
}

/// The way it should go, so that the room fills at all.
fn come_in(stage: &mut Stage, guests: &[Guest], guest: Guest) {
    stage.say(guest, ClientMessage::Knock(knock(1)));
    let moderator = guests.iter().rev().find(|one| {
        let role = stage.room.participants.get(&one.who).map(Participant::role);
        role == Some(Role::Moderator)
    });
    if let Some(moderator) = moderator {
        stage.say(*moderator, open_group(0));
        let added = Added { participant: guest.who, leaf: LeafIndex(1) };
        let commit = stage.commit(vec![added], Vec::new());
        stage.say(*moderator, commit);
    }
}

fn speak(stage: &Stage, words: &Words, id: impl Fn(&Index) -> ParticipantId) -> ClientMessage {
    match words {
        Words::Plain(message) => message.clone(),
        Words::Decline(index) => ClientMessage::Decline(Decline { participant: id(index) }),
        Words::Commit { added, removed, stale } => {
            let added = added
                .iter()
                .map(|(index, leaf)| Added { participant: id(index), leaf: LeafIndex(*leaf) });
            let removed = removed.iter().map(&id).collect();
            let ClientMessage::Commit(mut commit) = stage.commit(added.collect(), removed)
            else {
                unreachable!()
            };
            if *stale {
                commit.epoch = Epoch(commit.epoch.0 + 1);
            }
            ClientMessage::Commit(commit)
        }
    }
}

/// The media plane and the store give every answer they owe.
fn settle(stage: &mut Stage, guests: &[Guest]) {
    if matches!(stage.room.life, Life::Ending { .. }) {
        stage.step(Input::EndFailed);
    }
    for guest in guests {
        let owes = |stage: &Stage| {
            let one = stage.room.participants.get(&guest.who);
            one.is_some_and(|one| matches!(one.path, Path::Opening(_)))
        };
        while owes(stage) {
            stage.media_says(*guest, MediaNews::Opened { answer: String::new() });
        }
    }
}

fn any_act() -> impl Strategy<Value = Act> {
    let who = any::<Index>;
    prop_oneof![
        6 => (0..5_u8, 0..3_u8).prop_map(|(invite, device)| Act::Visit { invite, device }),
        2 => Just(Act::Moderate),
        3 => who().prop_map(Act::Resume),
        3 => who().prop_map(Act::HangUp),
        25 => (who(), any_words()).prop_map(|(who, words)| Act::Say(who, words)),
        6 => who().prop_map(Act::ComeIn),
        8 => who().prop_map(Act::Connect),
        6 => (who(), any_news()).prop_map(|(who, news)| Act::News(who, news)),
        1 => (0..5_u8).prop_map(Act::Revoke),
        2 => (0..70_u64).prop_map(Act::Wait),
        1 => prop::bool::weighted(0.1).prop_map(|ended| Act::Kept { ended }),
    ]
}

fn any_news() -> impl Strategy<Value = MediaNews> {
    prop_oneof![
        4 => Just(MediaNews::Opened { answer: String::new() }),
        1 => Just(MediaNews::Refused),
        1 => Just(MediaNews::Connected),
        1 => Just(MediaNews::Lost),
    ]
}

fn any_words() -> impl Strategy<Value = Words> {
    let who = any::<Index>;
    let added = proptest::collection::vec((who(), 0..66_u32), 0..4);
    let removed = proptest::collection::vec(who(), 0..3);
    let plain = |message: ClientMessage| Just(Words::Plain(message));
    let track = |kind, on| ClientMessage::Track(TrackState { kind, on });
    let application = Application {
        group: GroupId::from_bytes([1; 32]),
        epoch: Epoch(1),
        message: Opaque::default(),
        fleeting: false,
    };
    let note = |participant| {
        let sealed = Opaque::default();
        ClientMessage::DoorstepNote(DoorstepNote { participant, sealed })
    };
    let hello = Right::Ticket { ticket: Opaque::default() };
    prop_oneof![
        6 => (0..9_u8).prop_map(|seed| Words::Plain(ClientMessage::Knock(knock(seed)))),
        1 => plain(ClientMessage::Spare(knock(7))),
        4 => (0..9_u32).prop_map(|generation| Words::Plain(open_group(generation))),
        12 => (added, removed, prop::bool::weighted(0.1)).prop_map(|(added, removed, stale)| {
            Words::Commit { added, removed, stale }
        }),
        2 => who().prop_map(Words::Decline),
        6 => (0..4_u8).prop_map(|slots| Words::Plain(offer(slots))),
        2 => any::<bool>().prop_map(move |on| Words::Plain(track(TrackKind::Camera, on))),
        1 => plain(ClientMessage::Application(application)),
        3 => plain(note(None)),
        3 => (0..20_u64).prop_map(move |raw| {
            Words::Plain(note(Some(ParticipantId::from_raw(raw))))
        }),
        1 => plain(ClientMessage::Hello(Hello { right: hello })),
        1 => plain(ClientMessage::Leave),
        1 => plain(ClientMessage::EndRoom),
        1 => plain(ClientMessage::Ping),
    ]
}
