//! Does forwarding take memory once it runs?  From the datagram that came to those that leave.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use forward::{Forwarder, PeerKey, PeerSpec, SlotSpec, TrackSpec};
use protocol::id::{LeafIndex, ParticipantId, RoomId};
use protocol::media::{Mid, SlotBinding, TrackKind};
use tokio::sync::mpsc;

use crate::answer::Ours;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::dtls::{Dtls, Identity};
use crate::facts::Facts;
use crate::peer::{Names, Peer};
use crate::probe::{Key, Probes};
use crate::shard::State;
use crate::socket::{Path, Socket};
use crate::srtp::{Keys, Srtp, TAG_BYTES};
use crate::stun::Binding;
use crate::table::Table;

thread_local! {
    /// How often this thread took memory.
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "only so can memory be counted")]
// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(at, layout) }
    }
}

fn taken_by(work: impl FnOnce()) -> u64 {
    let before = TAKEN.get();
    work();
    TAKEN.get() - before
}

fn keys() -> Keys {
    Keys::from_material(&[7; Keys::MATERIAL_BYTES]).unwrap()
}

fn mid(text: &str) -> Mid {
    Mid::new(text).unwrap()
}

fn state() -> State {
    let identity = Arc::new(Identity::generate().unwrap());
    let clock = Clock::start();
    State {
        clock,
        ours: Ours { fingerprint: [0; 32], candidates: vec![] },
        probes: Probes::new(clock.now(), Arc::new(Key::generate(Arc::clone(&identity)))),
        identity,
        forwarder: Forwarder::default(),
        peers: Table::default(),
        by_ufrag: HashMap::new(),
        by_address: HashMap::new(),
        waiting: Vec::new(),
        facts: Facts::new(mpsc::channel(1).0),
        counters: Arc::new(Counters::default()),
        tick_at: clock.now(),
    }
}

/// A connected peer with a camera and a slot for one.
fn join(state: &mut State, name: u64, address: SocketAddr) -> PeerKey {
    let (room, participant) = (RoomId::from_bytes([1; 16]), ParticipantId::from_raw(name));
    let ssrc = u32::try_from(name).unwrap();
    let spec = PeerSpec {
        room,
        participant,
        tracks: vec![TrackSpec {
            mid: mid("0"),
            kind: TrackKind::Camera,
            payload_type: 96,
            rtx_payload_type: Some(97),
            ssrc: Some(ssrc),
            rtx_ssrc: None,
        }],
        slots: vec![SlotSpec {
            mid: mid("1"),
            audio: false,
            payload_type: 96,
            rtx_payload_type: Some(97),
            ssrc: 1000 + ssrc,
            rtx_ssrc: 2000 + ssrc,
            mid_extension: Some(4),
            first_sequence: 1,
            first_timestamp: 1,
            cname: "pair-1".to_owned(),
        }],
        twcc_extension: Some(3),
        mid_extension: Some(4),
        rtcp_ssrc: 1,
    };
    let now = state.clock.now();
    let names = Names {
        room,
        participant,
        ufrag: name.to_string(),
        their_ufrag: String::new(),
        password: String::new(),
    };
    let key = state.forwarder.open(now, spec);
    let mut peer = Peer::new(now, names, Dtls::new(Arc::clone(&state.identity), [0; 32]));
    let path = Path { theirs: address, ours: None };
    peer.bound(now, path, &Binding { transaction: [1; 12], nominates: true }).unwrap();
    peer.srtp = Srtp::for_server(&keys(), state.identity.crypto());
    state.peers.insert(key, peer);
    state.by_address.insert(address, key);
    state.forwarder.connected(now, key);
    key
}

/// A packet of the camera with a transport-wide number, sealed.
fn packet(client: &mut Srtp, index: u16, keyframe: bool) -> Vec<u8> {
    let mut packet = vec![0x90, 96];
    packet.extend(index.to_be_bytes());
    packet.extend((u32::from(index) * 3000).to_be_bytes());
    packet.extend(1u32.to_be_bytes());
    packet.extend([0xbe, 0xde, 0, 1, 0x31]);
    packet.extend(index.to_be_bytes());
    packet.push(0);
    let header = packet.len();
    packet.extend([0x10, u8::from(!keyframe)]);
    packet.extend([0; 1000]);
    packet.extend([0; TAG_BYTES]);
    client.seal_rtp(1, u64::from(index), header, &mut packet).unwrap();
    packet
}

#[test]
fn forwarding_takes_no_memory_once_it_runs() {
    let mut state = state();
    let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut client = Srtp::for_client(&keys(), state.identity.crypto()).unwrap();
    let publisher: SocketAddr = "127.0.0.1:9".parse().unwrap();
    join(&mut state, 1, publisher);
    let now = state.clock.now();
    state.forwarder.set_leaf(now, ParticipantId::from_raw(1), LeafIndex(0));
    for name in 2..10 {
        join(&mut state, name, receiver.local_addr().unwrap());
        let binding = SlotBinding {
            mid: mid("1"),
            publisher: ParticipantId::from_raw(1),
            kind: TrackKind::Camera,
        };
        state.forwarder.bind(now, ParticipantId::from_raw(name), &binding).unwrap();
    }
    let path = Path { theirs: publisher, ours: None };
    let packets: Vec<Vec<u8>> =
        (0..600).map(|index| packet(&mut client, index, index == 0)).collect();
    let mut now = state.clock.now();
    let mut carry = |mut packet: Vec<u8>| {
        now = now + Duration::from_millis(5);
        taken_by(|| {
            state.datagram(now, &socket, path, &mut packet);
            let (forwarder, mut outbox) = state.outbox(&socket);
            forwarder.tick(now, &mut outbox);
            outbox.flush();
        })
    };
    // Long enough for every kind of report to have left once.
    let (warm_up, steady) = packets.split_at(250);
    warm_up.iter().cloned().for_each(|packet| {
        carry(packet);
    });
    // One is lost on the way, so that asking for it is part of this.
    let taken: u64 = steady
        .iter()
        .enumerate()
        .filter(|(n, _)| *n != 50)
        .map(|(_, packet)| carry(packet.clone()))
        .sum();
    let counters = state.counters.snapshot();
    assert_eq!(counters.media_out, (packets.len() as u64 - 1) * 8);
    assert!(counters.nacks_sent > 0);
    assert_eq!(taken, 0, "memory was taken {taken} times for {} packets", steady.len());
}
