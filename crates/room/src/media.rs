//! What a participant offers, and what the others see of it.
//!
//! ```text
//!            offer               opened
//!   None ────────────► Opening ──────────► Open ──────────► Lost ──► Opening …
//!                       │    ▲              │      lost      ▲  offer
//!                       │    └── offer ─────┘                │
//!                       └────────────────────────────────────┘ refused, given up
//! ```
//!
//! The media plane looks at one offer of a participant at a time; a newer one waits for it, and
//! the newest wins (an overtaken one is refused as `too_fast`).  A track is on from its offer until its owner says otherwise.

use std::collections::BTreeSet;

use protocol::client::Offer;
use protocol::id::ParticipantId;
use protocol::limits::{M_LINES_MAX, OFFER_PATIENCE};
use protocol::media::TrackKind;
use protocol::reject::Reject;
use protocol::server::{Answer as MediaAnswer, ServerMessage};
use protocol::time::Timestamp;

use crate::input::{MediaNews, Request};
use crate::participant::{Open, Opening, Participant, Path};
use crate::slots::{self, Bindings, Change, Publication};
use crate::{Answer, MediaStep, Room};

impl Path {
    /// Whether the media plane may have something of it.
    pub(crate) fn is_known_to_media(&self) -> bool {
        match self {
            Self::Opening(_) | Self::Open(_) => true,
            Self::None | Self::Lost { .. } => false,
        }
    }
}

impl Room {
    /// A member offers its media, answered when the media plane has looked at it.
    pub(crate) fn offer(
        &mut self,
        now: Timestamp,
        who: ParticipantId,
        request: Request,
        offer: Offer,
    ) -> Result<Answer, Reject> {
        self.require_room(who)?;
        check_offer(&offer)?;
        let path = self.participants.get_mut(&who).map(|one| &mut one.path);
        if let Some(Path::Opening(opening)) = path {
            if let Some((overtaken, _)) = opening.next.replace((request, offer)) {
                self.answer(overtaken, Err(Reject::TooFast));
            }
        } else {
            self.open_peer(now, who, request, offer);
        }
        Ok(Answer::Later)
    }

    pub(crate) fn media_news(&mut self, now: Timestamp, who: ParticipantId, news: MediaNews) {
        match news {
            MediaNews::Opened { answer } => self.peer_opened(now, who, answer),
            MediaNews::Refused => self.peer_refused(now, who),
            MediaNews::Connected => {}
            MediaNews::Lost => self.peer_lost(who),
        }
    }

    /// The media plane should have answered by now.
    pub(crate) fn give_up_late_offers(&mut self, now: Timestamp) {
        let is_late = |one: &Participant| match &one.path {
            Path::Opening(opening) => opening.deadline <= now,
            Path::None | Path::Open(_) | Path::Lost { .. } => false,
        };
        for who in self.those(is_late) {
            self.order(MediaStep::ClosePeer { peer: who });
            self.close_offer(now, who, Path::Lost { told: false }, &Reject::Internal);
            self.tell_media_lost(who);
        }
    }

    /// Says again what a connection missed that broke.
    pub(crate) fn catch_up_media(&mut self, who: ParticipantId) {
        self.tell_media_lost(who);
        let Some(Path::Open(open)) = self.participants.get(&who).map(|one| &one.path) else {
            return;
        };
        let bindings = slots::describe(&open.bindings);
        self.send(who, ServerMessage::Slots { bindings });
    }

    /// Holds what is off and lets go what is on: `kind`, or every track of theirs.
    pub(crate) fn hold_tracks(&mut self, who: ParticipantId, kind: Option<TrackKind>) {
        let Some(participant) = self.participants.get(&who) else { return };
        let offered = match &participant.path {
            Path::Open(open) => &open.tracks,
            Path::Opening(opening) => &opening.open.tracks,
            Path::None | Path::Lost { .. } => return,
        };
        let meant = offered.iter().filter(|offered| kind.is_none_or(|kind| kind == **offered));
        // A fresh peer connection holds nothing, so only what is off needs an order then.
        let steps: Vec<_> = meant
            .map(|offered| (*offered, participant.tracks.get(offered) == Some(&false)))
            .filter(|(_, held)| *held || kind.is_some())
            .map(|(kind, held)| MediaStep::HoldTrack { publisher: who, kind, held })
            .collect();
        for step in steps {
            self.order(step);
        }
    }

    /// Brings every slot in line with who is in the room and publishes.
    pub(crate) fn replan_slots(&mut self) {
        let published: BTreeSet<_> = self
            .in_room()
            .filter_map(|(who, one)| one.path.open().map(|open| (who, open)))
            .flat_map(|(publisher, open)| {
                open.tracks.iter().map(move |kind| Publication { publisher, kind: *kind })
            })
            .collect();
        let subscribers: Vec<_> = self.in_room().map(|(who, _)| who).collect();
        for subscriber in subscribers {
            self.replan_slots_of(subscriber, &published);
        }
    }

    fn replan_slots_of(
        &mut self,
        subscriber: ParticipantId,
        published: &BTreeSet<Publication>,
    ) {
        let participant = self.participants.get_mut(&subscriber);
        let Some(open) = participant.and_then(|one| one.path.open_mut()) else { return };
        let by_others =
            published.iter().filter(|one| one.publisher != subscriber).copied().collect();
        let next = slots::plan(&open.slots, &open.bindings, &by_others);
        let changes = slots::changes(&open.bindings, &next);
        if changes.is_empty() {
            return;
        }
        let bindings = slots::describe(&next);
        open.bindings = next;
        for change in changes {
            self.order(match change {
                Change::Bind(binding) => MediaStep::BindSlot { subscriber, binding },
                Change::Unbind(mid) => MediaStep::UnbindSlot { subscriber, mid },
            });
        }
        self.send(subscriber, ServerMessage::Slots { bindings });
    }

    fn open_peer(
        &mut self,
        now: Timestamp,
        who: ParticipantId,
        request: Request,
        offer: Offer,
    ) {
        let Some(participant) = self.participants.get_mut(&who) else { return };
        let open = Open {
            tracks: offer.tracks.iter().map(|track| track.kind).collect(),
            slots: offer.slots.clone(),
            bindings: Bindings::new(),
        };
        for kind in &open.tracks {
            participant.tracks.entry(*kind).or_insert(true);
        }
        let leaf = participant.leaf;
        let deadline = now + OFFER_PATIENCE;
        participant.path =
            Path::Opening(Box::new(Opening { request, open, deadline, next: None }));
        self.order(MediaStep::OpenPeer { peer: who, offer });
        if let Some(leaf) = leaf {
            self.order(MediaStep::SetLeaf { peer: who, leaf });
        }
        self.hold_tracks(who, None);
        // The older peer connection took its tracks and slots with it.
        self.replan_slots();
    }

    fn peer_opened(&mut self, now: Timestamp, who: ParticipantId, answer: String) {
        let Some(participant) = self.participants.get_mut(&who) else { return };
        let path = std::mem::replace(&mut participant.path, Path::None);
        let Path::Opening(opening) = path else {
            // Late: the room had given the offer up.
            participant.path = path;
            return;
        };
        let Opening { request, open, deadline: _, next } = *opening;
        let reached = participant.connection() == Some(request.connection);
        if let Some((request_next, offer)) = next {
            self.answer(request, Err(Reject::TooFast));
            self.open_peer(now, who, request_next, offer);
            return;
        }
        if !reached {
            // The connection that wanted the answer is gone, and an answer fits one offer only.
            participant.path = Path::Lost { told: false };
            self.order(MediaStep::ClosePeer { peer: who });
            self.tell_media_lost(who);
            return;
        }
        participant.path = Path::Open(open);
        self.send(who, ServerMessage::Answer(MediaAnswer { sdp: answer }));
        self.replan_slots();
        self.answer(request, Ok(()));
        self.tell_presence(who);
    }

    fn peer_refused(&mut self, now: Timestamp, who: ParticipantId) {
        // The rejection tells it.  Whatever is left of it is closed when they go.
        self.close_offer(now, who, Path::Lost { told: true }, &Reject::BadOffer);
    }

    /// Nothing comes of the offer; the next one has its turn.
    fn close_offer(&mut self, now: Timestamp, who: ParticipantId, path: Path, reject: &Reject) {
        let Some(participant) = self.participants.get_mut(&who) else { return };
        if !matches!(participant.path, Path::Opening(_)) {
            return;
        }
        let Path::Opening(opening) = std::mem::replace(&mut participant.path, path) else {
            return;
        };
        self.answer(opening.request, Err(reject.clone()));
        if let Some((request, offer)) = opening.next {
            self.open_peer(now, who, request, offer);
        }
    }

    fn peer_lost(&mut self, who: ParticipantId) {
        let Some(participant) = self.participants.get_mut(&who) else { return };
        match participant.path {
            Path::Open(_) => participant.path = Path::Lost { told: false },
            // The one that was lost had been replaced, or the client knows.
            Path::None | Path::Opening(_) | Path::Lost { .. } => return,
        }
        // It is gone there; saying so makes sure that both sides mean the same.
        self.order(MediaStep::ClosePeer { peer: who });
        self.replan_slots();
        self.tell_media_lost(who);
    }

    fn tell_media_lost(&mut self, who: ParticipantId) {
        let Some(participant) = self.participants.get_mut(&who) else { return };
        let is_connected = participant.connection().is_some();
        match &mut participant.path {
            Path::Lost { told } if !*told && is_connected => *told = true,
            Path::None | Path::Opening(_) | Path::Open(_) | Path::Lost { .. } => return,
        }
        self.send(who, ServerMessage::MediaLost);
    }
}

impl Path {
    fn open(&self) -> Option<&Open> {
        match self {
            Self::Open(open) => Some(open),
            Self::None | Self::Opening(_) | Self::Lost { .. } => None,
        }
    }

    fn open_mut(&mut self) -> Option<&mut Open> {
        match self {
            Self::Open(open) => Some(open),
            Self::None | Self::Opening(_) | Self::Lost { .. } => None,
        }
    }
}

/// Each kind of track once, each m-line once, not too many.
fn check_offer(offer: &Offer) -> Result<(), Reject> {
    let kinds: BTreeSet<_> = offer.tracks.iter().map(|track| track.kind).collect();
    let of_tracks = offer.tracks.iter().map(|track| &track.mid);
    let mids: BTreeSet<_> = of_tracks.chain(offer.slots.iter().map(|slot| &slot.mid)).collect();
    let n_lines = offer.tracks.len() + offer.slots.len();
    let is_good =
        kinds.len() == offer.tracks.len() && mids.len() == n_lines && n_lines <= M_LINES_MAX;
    if is_good { Ok(()) } else { Err(Reject::BadOffer) }
}

#[cfg(test)]
mod tests {
    use protocol::client::ClientMessage;
    use protocol::id::LeafIndex;
    use protocol::media::{OfferedTrack, SlotBinding, TrackState};

    use super::*;
    use crate::stage::{Guest, Stage, mid, offer};

    #[test]
    fn an_offer_is_answered_when_the_media_plane_has_looked_at_it() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();

        let n = stage.say(attendee, offer(1));
        assert_eq!(stage.answer_to(attendee, n), None);
        let orders: Vec<_> = stage.media.iter().map(name).collect();
        assert_eq!(orders, ["open", "leaf"], "the leaf is known before the first packet");

        let answer = "v=0 answer".to_owned();
        stage.media_says(attendee, MediaNews::Opened { answer: answer.clone() });
        assert_eq!(stage.answer_to(attendee, n), Some(Ok(())));
        let answer = ServerMessage::Answer(MediaAnswer { sdp: answer });
        assert!(stage.heard(attendee).contains(&answer));
    }

    #[test]
    fn an_offer_that_cannot_be_used_is_refused() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();
        let waiting = stage.knocking(2, 2);
        let ClientMessage::Offer(good) = offer(1) else { unreachable!() };
        let twice = |kind| OfferedTrack { mid: mid(9), kind };
        let mut same_kind = good.clone();
        same_kind.tracks.push(twice(TrackKind::Camera));
        let mut same_mid = good;
        same_mid.slots.extend(same_mid.slots.clone());

        for bad in [same_kind, same_mid] {
            assert_eq!(stage.ask(attendee, ClientMessage::Offer(bad)), Err(Reject::BadOffer));
        }
        assert_eq!(stage.ask(waiting, offer(1)), Err(Reject::NotAdmitted));
        assert_eq!(stage.media, []);

        let n = stage.say(attendee, offer(1));
        stage.media_says(attendee, MediaNews::Refused);
        assert_eq!(stage.answer_to(attendee, n), Some(Err(Reject::BadOffer)));
    }

    #[test]
    fn both_are_bound_to_each_other_once_both_are_open() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();

        stage.connect_media(attendee, 1);
        assert!(!stage.media.iter().any(|step| name(step) == "bind"), "nobody else yet");
        stage.connect_media(moderator, 1);

        for (who, other) in [(attendee, moderator), (moderator, attendee)] {
            let bindings = vec![
                binding(2, other, TrackKind::Microphone),
                binding(3, other, TrackKind::Camera),
            ];
            for binding in &bindings {
                let subscriber = who.who;
                let bind = MediaStep::BindSlot { subscriber, binding: binding.clone() };
                assert!(stage.media.contains(&bind));
            }
            assert!(stage.heard(who).contains(&ServerMessage::Slots { bindings }));
        }
    }

    #[test]
    fn whoever_goes_leaves_their_slots_empty() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        stage.connect_media(attendee, 1);
        stage.connect_media(moderator, 1);
        stage.forget_heard();

        stage.ask(attendee, ClientMessage::Leave).unwrap();

        let orders: Vec<_> = stage.media.iter().map(name).collect();
        assert_eq!(orders, ["close", "unbind", "unbind"]);
        assert!(stage.heard(moderator).contains(&ServerMessage::Slots { bindings: vec![] }));
    }

    #[test]
    fn a_newer_offer_waits_for_the_older_and_the_newest_wins() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();
        let offers = [1, 2, 3].map(|slots| stage.say(attendee, offer(slots)));
        assert_eq!(stage.answer_to(attendee, offers[1]), Some(Err(Reject::TooFast)));
        assert_eq!(stage.media.iter().filter(|step| name(step) == "open").count(), 1);

        stage.media_says(attendee, MediaNews::Opened { answer: "first".to_owned() });
        assert_eq!(stage.answer_to(attendee, offers[0]), Some(Err(Reject::TooFast)));
        stage.media_says(attendee, MediaNews::Opened { answer: "third".to_owned() });
        assert_eq!(stage.answer_to(attendee, offers[2]), Some(Ok(())));
        let answers: Vec<_> = stage
            .heard(attendee)
            .iter()
            .filter(|message| matches!(message, ServerMessage::Answer(_)))
            .collect();
        assert_eq!(answers.len(), 1, "an answer fits one offer only");
    }

    #[test]
    fn what_is_off_is_held_on_the_server_and_seen_by_the_others() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let camera = |on| ClientMessage::Track(TrackState { kind: TrackKind::Camera, on });
        assert_eq!(stage.ask(attendee, camera(false)), Ok(()));
        stage.connect_media(attendee, 1);

        let hold = |held| MediaStep::HoldTrack {
            publisher: attendee.who,
            kind: TrackKind::Camera,
            held,
        };
        assert!(stage.media.contains(&hold(true)), "said before the offer");
        stage.ask(attendee, camera(true)).unwrap();
        assert_eq!(stage.media.last(), Some(&hold(false)));
        let Some(ServerMessage::Present(present)) = stage.last_heard(moderator) else {
            panic!("the others are told");
        };
        assert!(present.tracks.iter().all(|track| track.on));
    }

    #[test]
    fn whoever_waits_has_no_tracks() {
        let mut stage = Stage::new();
        stage.pair();
        let waiting = stage.knocking(2, 2);
        let track = TrackState { kind: TrackKind::Camera, on: true };

        assert_eq!(stage.ask(waiting, ClientMessage::Track(track)), Err(Reject::NotAdmitted));
        assert!(stage.room.participants[&waiting.who].tracks.is_empty());
    }

    #[test]
    fn lost_media_is_told_at_once_or_on_return_and_once() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        stage.connect_media(attendee, 1);
        stage.connect_media(moderator, 1);
        stage.media_says(moderator, MediaNews::Lost);
        stage.hang_up(attendee);
        stage.media_says(attendee, MediaNews::Lost);

        let back = stage.resume(attendee, 0).unwrap();

        for guest in [moderator, back] {
            let told = stage.heard(guest).iter();
            assert_eq!(told.filter(|one| **one == ServerMessage::MediaLost).count(), 1);
        }
        stage.connect_media(back, 1);
    }

    #[test]
    fn the_loss_of_a_path_that_was_replaced_is_no_loss() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();
        stage.connect_media(attendee, 1);

        let n = stage.say(attendee, offer(2));
        stage.media_says(attendee, MediaNews::Lost);
        stage.media_says(attendee, MediaNews::Opened { answer: "v=0".to_owned() });

        assert_eq!(stage.answer_to(attendee, n), Some(Ok(())));
        assert!(!stage.heard(attendee).contains(&ServerMessage::MediaLost));
    }

    #[test]
    fn an_answer_for_a_connection_that_broke_asks_for_a_new_offer() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();
        stage.say(attendee, offer(1));
        stage.hang_up(attendee);
        let back = stage.resume(attendee, 0).unwrap();

        stage.media_says(back, MediaNews::Opened { answer: "v=0".to_owned() });

        assert_eq!(stage.last_heard(back), Some(&ServerMessage::MediaLost));
    }

    #[test]
    fn an_offer_the_media_plane_forgets_is_given_up() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();
        let n = stage.say(attendee, offer(1));

        stage.wait(OFFER_PATIENCE);

        assert_eq!(stage.answer_to(attendee, n), Some(Err(Reject::Internal)));
        assert_eq!(stage.last_heard(attendee), Some(&ServerMessage::MediaLost));
        assert!(stage.media.contains(&MediaStep::ClosePeer { peer: attendee.who }));
    }

    #[test]
    fn the_opener_of_a_group_has_the_first_leaf() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        stage.connect_media(moderator, 1);

        stage.open_group(moderator, 0);

        let leaf = MediaStep::SetLeaf { peer: moderator.who, leaf: LeafIndex(0) };
        assert_eq!(stage.media.last(), Some(&leaf));
    }

    fn binding(slot: u8, publisher: Guest, kind: TrackKind) -> SlotBinding {
        SlotBinding { mid: mid(slot), publisher: publisher.who, kind }
    }

    fn name(step: &MediaStep) -> &'static str {
        match step {
            MediaStep::OpenPeer { .. } => "open",
            MediaStep::BindSlot { .. } => "bind",
            MediaStep::UnbindSlot { .. } => "unbind",
            MediaStep::HoldTrack { .. } => "hold",
            MediaStep::SetLeaf { .. } => "leaf",
            MediaStep::ClosePeer { .. } => "close",
        }
    }
}
