//! A media plane with clients on it.

use std::time::Duration;

use media::{CountersSnapshot, MediaFact, MediaHandle, MediaOrder, MediaSettings};
use protocol::id::{ParticipantId, RoomId};
use protocol::media::{SlotBinding, TrackKind};
use tokio::sync::mpsc;

use crate::client::{Client, Numbers, PATIENCE, mid, now};

/// A media plane of its own, stopped with the test.
pub(crate) struct Stage {
    pub(crate) handle: MediaHandle,
    facts: mpsc::Receiver<MediaFact>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        let settings = MediaSettings {
            bind: "127.0.0.1:0".parse().unwrap(),
            advertise: vec!["127.0.0.1".parse().unwrap()],
        };
        let (handle, facts) = media::start(settings).unwrap();
        Self { handle, facts }
    }

    pub(crate) fn order(&self, order: MediaOrder) {
        self.handle.order(order).unwrap();
    }

    /// The next fact, if one comes in time.
    pub(crate) fn fact(&mut self, patience: Duration) -> Option<MediaFact> {
        let until = now() + patience;
        while now() < until {
            if let Ok(fact) = self.facts.try_recv() {
                return Some(fact);
            }
            std::thread::yield_now();
        }
        None
    }

    /// Waits until the counters satisfy `wanted`.
    pub(crate) fn counted(&self, what: &str, wanted: impl Fn(&CountersSnapshot) -> bool) {
        let until = now() + PATIENCE;
        while !wanted(&self.handle.counters()) {
            assert!(now() < until, "{what}: {:?}", self.handle.counters());
            std::thread::yield_now();
        }
    }

    /// Opens a client's peer connection, up to the answer.
    pub(crate) fn open(&mut self, room: RoomId, client: &mut Client, offer: String) {
        let peer = client.name;
        let (tracks, slots) = (Client::tracks(), Client::slots());
        self.order(MediaOrder::OpenPeer { room, peer, offer, tracks, slots });
        match self.fact(PATIENCE) {
            Some(MediaFact::Opened { peer: opened, answer, .. }) if opened == peer => {
                client.take_answer(answer);
            }
            other => panic!("not opened: {other:?}"),
        }
    }

    /// A client that is connected.
    pub(crate) fn join(&mut self, room: RoomId, name: u64, numbers: Numbers) -> Client {
        let mut client = Client::new(name, numbers, &self.handle);
        let offer = client.offer(None);
        self.open(room, &mut client, offer);
        client.bind_path();
        client.start_handshake();
        assert!(client.finish_handshake(now() + PATIENCE), "no handshake");
        let expected = MediaFact::Connected { room, peer: client.name };
        assert_eq!(self.fact(PATIENCE), Some(expected));
        client
    }

    /// Both tracks of `publisher` go onto the slots of `subscriber`.
    pub(crate) fn bind(&self, subscriber: ParticipantId, publisher: ParticipantId) {
        for (slot, kind) in [("2", TrackKind::Microphone), ("3", TrackKind::Camera)] {
            let binding = SlotBinding { mid: mid(slot), publisher, kind };
            self.order(MediaOrder::BindSlot { subscriber, binding });
        }
        self.settle();
    }

    /// Waits until all orders given so far are carried out: an offer that cannot be used comes
    /// back refused, and orders keep their order.
    pub(crate) fn settle(&self) {
        // No fact is drained here that a test may wait for: a counter tells.
        let before = self.handle.counters().orders;
        self.order(MediaOrder::ClosePeer { peer: ParticipantId::from_raw(u64::MAX) });
        self.counted("orders are carried out", |counters| counters.orders > before);
    }
}
