//! The store in one SQLite file that an operator can copy and inspect.
//!
//! One thread owns the connection; operations reach it through a bounded queue and wait for
//! their answer, so nothing async ever blocks on the disk.  The file is readable by its owner
//! only, and its folder is made so.
//!
//! What is deleted is overwritten (`secure_delete`) and the journal is emptied after each wipe;
//! an SSD or a copying file system below may still keep old blocks.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use async_trait::async_trait;
use protocol::id::{AccountId, Generation, InviteId, RoomId};
use protocol::time::UnixSeconds;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Created, Hash, InviteRecord, RoomChange, RoomRecord, Store, StoreError, rows, schema,
};

/// Name of the file in the data folder.
pub const FILE_NAME: &str = "aman.sqlite3";

/// Operations that may wait for the disk.  Callers over it wait to be let into the queue.
const JOBS_MAX: usize = 64;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A store in one file.
#[derive(Clone, Debug)]
pub struct Embedded {
    jobs: mpsc::Sender<Job>,
}

/// The file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the data file {}", path.display())]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Embedded {
    /// Opens the file in `folder`, and makes both if they are missing.
    ///
    /// # Errors
    ///
    /// When the folder or file cannot be made, is no store, or is of a newer version.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE_NAME);
        let connection = connect(folder, &path)
            .map_err(|source| OpenError { path: path.clone(), source })?;
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        thread::Builder::new()
            .name("store".into())
            .spawn(move || work(connection, queue))
            .map_err(|source| OpenError { path, source: source.into() })?;
        Ok(Self { jobs })
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may be gone by now; what they asked for is done all the same.
            let _ = reply.send(job(connection));
        });
        self.jobs.send(job).await.map_err(|_| StoreError::new("the store has stopped"))?;
        match answer.await {
            Ok(outcome) => outcome.map_err(StoreError::new),
            Err(_) => Err(StoreError::new("the store has stopped")),
        }
    }
}

fn connect(
    folder: &Path,
    path: &Path,
) -> Result<Connection, Box<dyn std::error::Error + Send + Sync>> {
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // SQLite gives its journal the mode of the file, so the file must have it from the start.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => (),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
        Err(error) => return Err(error.into()),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    schema::prepare(&mut connection)?;
    Ok(connection)
}

/// Runs until every [`Embedded`] is dropped.
fn work(mut connection: Connection, mut queue: mpsc::Receiver<Job>) {
    while let Some(job) = queue.blocking_recv() {
        job(&mut connection);
    }
}

#[async_trait]
impl Store for Embedded {
    async fn create_room(
        &self,
        room: RoomRecord,
        open_max: usize,
    ) -> Result<Created, StoreError> {
        self.run(move |db| rows::create_room(db, &room, open_max)).await
    }

    async fn room(&self, id: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        self.run(move |db| rows::room(db, id)).await
    }

    async fn rooms_of(&self, owner: AccountId) -> Result<Vec<RoomRecord>, StoreError> {
        self.run(move |db| rows::rooms_of(db, owner)).await
    }

    async fn change_room(
        &self,
        id: RoomId,
        change: RoomChange,
    ) -> Result<Option<RoomRecord>, StoreError> {
        self.run(move |db| rows::change_room(db, id, change)).await
    }

    async fn raise_generation(
        &self,
        id: RoomId,
        generation: Generation,
    ) -> Result<(), StoreError> {
        self.run(move |db| rows::raise_generation(db, id, generation)).await
    }

    async fn end_room(&self, id: RoomId, at: UnixSeconds) -> Result<bool, StoreError> {
        self.run(move |db| rows::end_room(db, id, at)).await
    }

    async fn create_invite(
        &self,
        invite: InviteRecord,
        max: usize,
    ) -> Result<Created, StoreError> {
        self.run(move |db| rows::create_invite(db, &invite, max)).await
    }

    async fn invite(&self, id: InviteId) -> Result<Option<InviteRecord>, StoreError> {
        self.run(move |db| rows::invite(db, id)).await
    }

    async fn invites_of(&self, room: RoomId) -> Result<Vec<InviteRecord>, StoreError> {
        self.run(move |db| rows::invites_of(db, room)).await
    }

    async fn pin_device(
        &self,
        invite: InviteId,
        device_hash: Hash,
    ) -> Result<Option<Hash>, StoreError> {
        self.run(move |db| rows::pin_device(db, invite, &device_hash)).await
    }

    async fn open_invite(&self, invite: InviteId) -> Result<(), StoreError> {
        self.run(move |db| rows::open_invite(db, invite)).await
    }

    async fn use_up_invite(&self, invite: InviteId) -> Result<(), StoreError> {
        self.run(move |db| rows::use_up_invite(db, invite)).await
    }

    async fn revoke_invite(&self, invite: InviteId) -> Result<bool, StoreError> {
        self.run(move |db| rows::revoke_invite(db, invite)).await
    }

    async fn purge_expired(&self, now: UnixSeconds) -> Result<(), StoreError> {
        self.run(move |db| rows::purge_expired(db, now)).await
    }
}
