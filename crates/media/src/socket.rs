//! The one UDP socket of a shard: many datagrams in and out with one system call each.  The
//! adapter to `quinn-udp` and `mio`.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// What we ask of the kernel, for both directions.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Receive buffers filled by one system call; each may hold many datagrams of one sender.
const BUFFERS: usize = 16;
const BUFFER_BYTES: usize = 65_536;
/// Most datagrams in one send: what Linux takes.
const SEGMENTS_MAX: usize = 64;

/// Where datagrams go to and come from: their address, and which of ours they use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) theirs: SocketAddr,
    pub(crate) ours: Option<IpAddr>,
}

/// The socket.
pub(crate) struct Socket {
    udp: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

/// Memory for one round of receiving.
pub(crate) struct Buffers {
    bytes: Vec<u8>,
    meta: [RecvMeta; BUFFERS],
}

impl Default for Buffers {
    fn default() -> Self {
        Self { bytes: vec![0; BUFFERS * BUFFER_BYTES], meta: [RecvMeta::default(); BUFFERS] }
    }
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    /// The kernel has no room at this moment.
    Full,
    /// The batch cannot be sent in one go, but may one by one.
    NoBatches,
    /// It cannot be sent there.
    Refused,
}

impl Socket {
    /// Binds and prepares the socket.
    ///
    /// # Errors
    ///
    /// When the port is not to be had.
    pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let udp = std::net::UdpSocket::bind(address).context("cannot bind the media port")?;
        udp.set_nonblocking(true)?;
        let local = udp.local_addr()?;
        let udp = UdpSocket::from_std(udp);
        let state = UdpSocketState::new(UdpSockRef::from(&udp))?;
        let socket = UdpSockRef::from(&udp);
        // The kernel may grant less (net.core.rmem_max) or count double; neither is an error.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&udp), SOCKET_BUFFER_BYTES);
        let _ = state.set_send_buffer_size(UdpSockRef::from(&udp), SOCKET_BUFFER_BYTES);
        tracing::info!(
            port = local.port(),
            asked_bytes = SOCKET_BUFFER_BYTES,
            receive_bytes = state.recv_buffer_size(socket).unwrap_or(0),
            send_bytes = state.send_buffer_size(UdpSockRef::from(&udp)).unwrap_or(0),
            segments_out = state.max_gso_segments(),
            segments_in = state.gro_segments(),
            "media socket is open"
        );
        Ok(Self { udp, state, local })
    }

    pub(crate) const fn local(&self) -> SocketAddr {
        self.local
    }

    pub(crate) const fn source(&mut self) -> &mut UdpSocket {
        &mut self.udp
    }

    /// Receives what is there and hands out every datagram with the path it came by.  `false`
    /// when there was nothing.
    pub(crate) fn receive(
        &self,
        buffers: &mut Buffers,
        mut each: impl FnMut(Path, &mut [u8]),
    ) -> io::Result<bool> {
        let n = {
            let mut chunks = buffers.bytes.chunks_exact_mut(BUFFER_BYTES);
            let mut slices: [IoSliceMut<'_>; BUFFERS] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            match self.state.recv(UdpSockRef::from(&self.udp), &mut slices, &mut buffers.meta) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        };
        let chunks = buffers.bytes.chunks_exact_mut(BUFFER_BYTES);
        for (meta, bytes) in buffers.meta.iter().zip(chunks).take(n) {
            let path = Path { theirs: meta.addr, ours: meta.dst_ip };
            let Some(bytes) = bytes.get_mut(..meta.len) else { continue };
            if meta.stride == 0 {
                continue;
            }
            for datagram in bytes.chunks_mut(meta.stride) {
                each(path, datagram);
            }
        }
        Ok(n > 0)
    }

    /// Most datagrams one [`send`](Self::send) may hold.
    pub(crate) fn segments_max(&self) -> usize {
        self.state.max_gso_segments().clamp(1, SEGMENTS_MAX)
    }

    /// Sends datagrams of `segment` bytes each (the last may be shorter).
    pub(crate) fn send(
        &self,
        path: Path,
        bytes: &[u8],
        segment: usize,
    ) -> Result<(), SendError> {
        let is_batch = bytes.len() > segment;
        let transmit = Transmit {
            destination: path.theirs,
            ecn: None,
            contents: bytes,
            segment_size: is_batch.then_some(segment),
            src_ip: path.ours,
        };
        match self.state.try_send(UdpSockRef::from(&self.udp), &transmit) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(SendError::Full),
            Err(_) if is_batch => Err(SendError::NoBatches),
            Err(_) => Err(SendError::Refused),
        }
    }
}
