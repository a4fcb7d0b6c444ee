//! Which publication goes to which slot of one subscriber?
//!
//! Pure.  A binding that can stay stays; a publication that is new takes the first free slot
//! of its kind, in the order of the offer.  When there are more publications than slots, those
//! that came later wait for a slot (choosing by who speaks comes with support groups).
//!
//! # Invariants
//!
//! - A publication is on one slot at most, and a slot carries one publication at most.
//! - Sound goes to sound slots, pictures to picture slots.
//! - Nothing is bound that is not published.
//! - What was bound and is still published does not move.
//! - No slot stays free while a publication of its kind waits.

use std::collections::{BTreeMap, BTreeSet};

use protocol::id::ParticipantId;
use protocol::media::{Mid, OfferedSlot, SlotBinding, TrackKind};

/// A track somebody offers to the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Publication {
    pub(crate) publisher: ParticipantId,
    pub(crate) kind: TrackKind,
}

/// What the slots of one subscriber carry.
pub(crate) type Bindings = BTreeMap<Mid, Publication>;

/// One change of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It carries this from here on.
    Bind(SlotBinding),
    /// It carries nothing from here on.
    Unbind(Mid),
}

/// Chooses what the slots carry from here on.
pub(crate) fn plan(
    slots: &[OfferedSlot],
    current: &Bindings,
    publications: &BTreeSet<Publication>,
) -> Bindings {
    let mut next: Bindings = current
        .iter()
        .filter(|(_, publication)| publications.contains(publication))
        .map(|(mid, publication)| (mid.clone(), *publication))
        .collect();
    let bound: BTreeSet<_> = next.values().copied().collect();
    for publication in publications.difference(&bound) {
        let free = slots.iter().find(|slot| {
            slot.audio == publication.kind.is_audio() && !next.contains_key(&slot.mid)
        });
        if let Some(slot) = free {
            next.insert(slot.mid.clone(), *publication);
        }
    }
    next
}

/// What to change to get from one plan to the next.
pub(crate) fn changes(current: &Bindings, next: &Bindings) -> Vec<Change> {
    let emptied = current.keys().filter(|mid| !next.contains_key(*mid));
    let filled =
        next.iter().filter(|(mid, publication)| current.get(*mid) != Some(publication));
    emptied
        .map(|mid| Change::Unbind(mid.clone()))
        .chain(filled.map(|(mid, publication)| Change::Bind(binding(mid, *publication))))
        .collect()
}

/// The words for all bindings.
pub(crate) fn describe(bindings: &Bindings) -> Vec<SlotBinding> {
    bindings.iter().map(|(mid, publication)| binding(mid, *publication)).collect()
}

fn binding(mid: &Mid, publication: Publication) -> SlotBinding {
    let Publication { publisher, kind } = publication;
    SlotBinding { mid: mid.clone(), publisher, kind }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_track_takes_the_first_free_slot_of_its_kind() {
        let slots = [slot(0, true), slot(1, false), slot(2, true)];
        let published = BTreeSet::from([
            publication(7, TrackKind::Microphone),
            publication(7, TrackKind::Camera),
            publication(8, TrackKind::Microphone),
        ]);

        let plan = plan(&slots, &Bindings::new(), &published);

        let expected = [
            (mid(0), publication(7, TrackKind::Microphone)),
            (mid(1), publication(7, TrackKind::Camera)),
            (mid(2), publication(8, TrackKind::Microphone)),
        ];
        assert_eq!(plan, Bindings::from(expected));
    }

    #[test]
    fn changes_name_only_what_changed() {
        let camera = publication(7, TrackKind::Camera);
        let other = publication(8, TrackKind::Camera);
        let current = Bindings::from([(mid(0), camera), (mid(1), other)]);
        let next = Bindings::from([(mid(0), camera), (mid(2), other)]);

        assert_eq!(
            changes(&current, &next),
            [Change::Unbind(mid(1)), Change::Bind(binding(&mid(2), other))]
        );
    }

    proptest! {
        #[test]
        fn the_invariants_hold_for_any_coming_and_going(
            slots in proptest::collection::vec(any::<bool>(), 0..8),
            rounds in proptest::collection::vec(any_publications(), 1..8),
        ) {
            let slots: Vec<_> = (0_u8..).zip(slots).map(|(n, audio)| slot(n, audio)).collect();
            let mut current = Bindings::new();
            for published in rounds {
                let next = plan(&slots, &current, &published);

                let once: BTreeSet<_> = next.values().collect();
                prop_assert_eq!(once.len(), next.len(), "on one slot at most");
                for (mid, publication) in &next {
                    let slot = slots.iter().find(|slot| slot.mid == *mid).unwrap();
                    prop_assert_eq!(slot.audio, publication.kind.is_audio());
                    prop_assert!(published.contains(publication));
                }
                for (mid, publication) in &current {
                    let stays = next.get(mid) == Some(publication);
                    prop_assert!(stays || !published.contains(publication), "does not move");
                }
                for waiting in published.iter().filter(|one| !once.contains(one)) {
                    let free = slots.iter().any(|slot| {
                        slot.audio == waiting.kind.is_audio() && !next.contains_key(&slot.mid)
                    });
                    prop_assert!(!free, "no slot stays free");
                }
                let mut carried = current.clone();
                for change in changes(&current, &next) {
                    match change {
                        Change::Bind(SlotBinding { mid, publisher, kind }) => {
                            carried.insert(mid, Publication { publisher, kind });
                        }
                        Change::Unbind(mid) => {
                            carried.remove(&mid);
                        }
                    }
                }
                prop_assert_eq!(&carried, &next, "the changes lead from one to the other");
                current = next;
            }
        }
    }

    fn any_publications() -> impl Strategy<Value = BTreeSet<Publication>> {
        let kind = prop_oneof![Just(TrackKind::Microphone), Just(TrackKind::Camera)];
        proptest::collection::btree_set(
            (0..6_u64, kind).prop_map(|(who, kind)| publication(who, kind)),
            0..8,
        )
    }

    fn publication(who: u64, kind: TrackKind) -> Publication {
        Publication { publisher: ParticipantId::from_raw(who), kind }
    }

    fn slot(n: u8, audio: bool) -> OfferedSlot {
        OfferedSlot { mid: mid(n), audio }
    }

    fn mid(n: u8) -> Mid {
        Mid::new(&n.to_string()).unwrap()
    }
}
