//! A connection's way into its room.

use std::sync::Arc;

use protocol::client::ClientMessage;
use room::{ConnectionId, Request};
use tokio::sync::{mpsc, watch};

use crate::room_task::Mail;

/// A connection's way into its room.  Dropping it means that the connection is lost.
#[derive(Debug)]
pub struct Line {
    connection: ConnectionId,
    mailbox: mpsc::Sender<Mail>,
    _counted: Counted,
}

/// The room no longer listens to this line: the connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the room no longer listens to this line")]
pub struct LineClosed;

impl Line {
    pub(crate) fn new(
        connection: ConnectionId,
        mailbox: mpsc::Sender<Mail>,
        lines: Arc<watch::Sender<usize>>,
    ) -> Self {
        Self { connection, mailbox, _counted: Counted::new(lines) }
    }

    /// Hands the room a message of the client.  Waits while the room has too much to do, which
    /// holds up this connection and no other.
    ///
    /// # Errors
    ///
    /// [`LineClosed`] when the room has ended; the outbox says why.
    pub async fn send(&self, n: u32, message: ClientMessage) -> Result<(), LineClosed> {
        let request = Request { connection: self.connection, n };
        let mail = Mail::Said { request, message };
        self.mailbox.send(mail).await.map_err(|_| LineClosed)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mail = Mail::Hung { connection: self.connection };
        if let Err(mpsc::error::TrySendError::Full(mail)) = self.mailbox.try_send(mail) {
            let mailbox = self.mailbox.clone();
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                // One task for each connection that ended, and only until the room has read.
                runtime.spawn(async move {
                    // A room that has ended meanwhile needs no telling.
                    let _ = mailbox.send(mail).await;
                });
            }
        }
    }
}

/// Keeps the number of lines that exist.
#[derive(Debug)]
struct Counted {
    lines: Arc<watch::Sender<usize>>,
}

impl Counted {
    fn new(lines: Arc<watch::Sender<usize>>) -> Self {
        lines.send_modify(|n| *n += 1);
        Self { lines }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.lines.send_modify(|n| *n -= 1);
    }
}
