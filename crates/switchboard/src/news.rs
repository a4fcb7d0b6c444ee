//! What happens in rooms that somebody outside may want to know: ids and times.
//!
//! Telling never waits: who is slow to listen misses the oldest news, and no room notices.

use std::collections::BTreeMap;

use protocol::id::{InviteId, RoomId};
use protocol::server::Place;
use protocol::time::UnixSeconds;

use crate::{Clock, Shared};

/// News kept for a listener who is slow.
pub(crate) const NEWS_MAX: usize = 256;

/// Something happened in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Where.
    pub room: RoomId,
    /// When.
    pub at: UnixSeconds,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Somebody knocked by an invite.
    Knocked(InviteId),
    /// An attendee is in the room, and none was before.
    Started,
    /// An invite let somebody in for the first time.
    InviteUsed(InviteId),
    /// The room was ended for good.
    Ended,
}

impl Shared {
    pub(crate) fn tell_news(&self, room: RoomId, what: What) {
        // Nobody listens: then nobody wants to know.
        let _ = self.news.send(News { room, at: Clock::unix_now(), what });
    }
}

/// What happened, going by where the invites of a room were and are.
pub(crate) fn between(
    before: &BTreeMap<InviteId, Place>,
    after: &BTreeMap<InviteId, Place>,
) -> Vec<What> {
    let is_on = |places: &BTreeMap<_, _>| places.values().any(|place| *place == Place::Room);
    let knocked = after.iter().filter(|(invite, place)| {
        **place == Place::Waiting && before.get(*invite) != Some(&Place::Waiting)
    });
    let mut news: Vec<_> = knocked.map(|(invite, _)| What::Knocked(*invite)).collect();
    if is_on(after) && !is_on(before) {
        news.push(What::Started);
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_come_once_and_in_order() {
        let id = |n| InviteId::from_bytes([n; 16]);
        let nobody = BTreeMap::new();
        let waits = BTreeMap::from([(id(1), Place::Waiting)]);
        let talks = BTreeMap::from([(id(1), Place::Room)]);
        let both = BTreeMap::from([(id(1), Place::Room), (id(2), Place::Room)]);

        assert_eq!(between(&nobody, &waits), [What::Knocked(id(1))]);
        assert_eq!(between(&waits, &waits), []);
        assert_eq!(between(&waits, &talks), [What::Started]);
        assert_eq!(between(&talks, &both), []);
        assert_eq!(between(&both, &nobody), []);
    }
}
