//! How long do we wait for somebody who does not read?
//!
//! Two things every TCP connection gets here:
//!
//! - A write that cannot go on for [`write_patience`](crate::Limits::write_patience) breaks the
//!   connection, whatever protocol is on top.
//! - When the connection is dropped, what the peer still sends is read and thrown away for a
//!   moment.  Closing with unread input makes the kernel send a reset, and the reset can
//!   overtake our last words (a close frame, a 413).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep, timeout};

use crate::permits::Permit;

/// How long we listen to somebody we have said goodbye to.
const LINGER: Duration = Duration::from_secs(1);

/// How much we listen to them, in bytes.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// A TCP connection that is given up when its peer stops reading.
pub(crate) struct PatientIo {
    stream: Option<(TcpStream, Permit)>,
    patience: Duration,
    /// Set while a write cannot go on.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl PatientIo {
    pub(crate) fn new(stream: TcpStream, permit: Permit, patience: Duration) -> Self {
        Self { stream: Some((stream, permit)), patience, stuck: None }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        self.stream.as_mut().map(|(stream, _)| Pin::new(stream)).ok_or_else(gone)
    }

    fn wait<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PatientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for PatientIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write(cx, bytes);
        self.wait(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write_vectored(cx, slices);
        self.wait(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}

impl Drop for PatientIo {
    fn drop(&mut self) {
        let (Some((stream, permit)), Ok(runtime)) = (self.stream.take(), Handle::try_current())
        else {
            return;
        };
        // Somebody who did not read gets no more of our time.
        if self.stuck.is_none() {
            runtime.spawn(async move {
                let _ = timeout(LINGER, linger(stream)).await;
                drop(permit);
            });
        }
    }
}

async fn linger(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut thrown_away = [0; 4096];
    let mut n_bytes = 0;
    while n_bytes < LINGER_BYTES_MAX {
        match stream.read(&mut thrown_away).await? {
            0 => break,
            n => n_bytes += n,
        }
    }
    Ok(())
}
