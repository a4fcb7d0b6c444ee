//! The attendee's way into the group.
//!
//! # Invariants
//!
//! - A Welcome is followed only into a newer group than any before, and only if every check of
//!   E2EE.md 1.4 (5) holds; otherwise nothing is sent any more.

use e2ee::group::Group;
use e2ee::policy::Refused;
use e2ee::welcome::Expect;
use protocol::server::{Place, Welcomed};
use protocol::time::Timestamp;

use crate::group_life::Began;
use crate::participant::{Participant, Side};

/// The room secret was not sealed for our link.
const WRONG_SECRET: &str = "E31";

impl Participant {
    /// The way into the group came.
    pub(crate) fn welcomed(&mut self, now: Timestamp, welcomed: Welcomed) {
        if !self.connection.take_seq(welcomed.seq) {
            return self.ignore();
        }
        let unix = self.unix_at(now);
        let newest = self.group.as_ref().map(Group::generation);
        let Side::Attendee(side) = &mut self.side else {
            return self.ignore();
        };
        let Some(identity) = side.identity.as_mut() else {
            return self.ignore();
        };
        if newest.is_some_and(|newest| welcomed.generation <= newest) {
            return self.ignore();
        }
        let secret =
            identity.keys().unwrap_room_secret(identity.room(), &welcomed.wrapped_room_secret);
        let Ok(room_secret) = secret else {
            return self.end_unsafe(WRONG_SECRET);
        };
        let expect = Expect {
            generation: welcomed.generation,
            newer_than: newest,
            room_secret,
            pin: side.pin,
        };
        match Group::join(identity, welcomed.message.as_slice(), &expect, unix) {
            Ok(group) => self.joined(now, group, welcomed),
            // For a KeyPackage that is gone: nobody is harmed, but nobody gets in by it either.
            Err(Refused::NotForUs) => self.enter_anew(now),
            Err(refused) => self.end_unsafe(refused.code()),
        }
    }

    fn joined(&mut self, now: Timestamp, mut group: Group, welcomed: Welcomed) {
        self.place = Place::Room;
        self.present.clear();
        for presence in welcomed.present {
            self.note_present(presence);
        }
        self.keys.begin(now, &mut group, Began::NewGroup, |_| true);
        self.group = Some(group);
        self.ears.clear();
        self.begin_pulse(now);
        self.media.want(now);
        if let Side::Attendee(side) = &mut self.side {
            side.welcomed(now);
        }
    }
}
