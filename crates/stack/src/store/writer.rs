//! The only thread that changes the metadata. It makes all waiting changes in one transaction,
//! commits, and then answers each: a group commit. So
//! - conditional writes never interleave: each sees all earlier changes;
//! - an acknowledged write is in the file (redb keeps commits without durability in the process's
//!   memory, where a kill would lose them);
//! - many small writes share one `fdatasync`.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;

use redb::Database;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::StoreError;
use super::bodies::{self, NewBody};
use super::created::Created;
use super::tables::WriteTables;
use crate::bus::Bus;

/// Most changes per commit. Bounds how long the first waits for the last.
const MAX_BATCH: usize = 512;

/// The result of a change, and the follow-up work after its commit.
pub(crate) struct Changed<T> {
    pub(crate) value: T,
    pub(crate) after: AfterCommit,
}

#[derive(Default)]
pub(crate) struct AfterCommit {
    /// Bodies that the metadata now refers to.
    pub(crate) keep: Vec<NewBody>,
    /// Files that it no longer refers to.
    pub(crate) unlink: Vec<PathBuf>,
    /// The object to announce.
    pub(crate) created: Option<Created>,
}

/// A change, with the channel for its result.
type Job = Box<dyn FnOnce(&mut WriteTables<'_>) -> Result<Pending, Failed> + Send>;

/// A change that waits for its commit.
struct Pending {
    after: AfterCommit,
    answer: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

/// A failed change. `Database` means that the database failed halfway, so the transaction must be
/// discarded.
enum Failed {
    Answered,
    Database(Arc<redb::Error>),
}

/// Sends changes to the thread, which ends when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(crate) fn start(
        database: Arc<Database>,
        bus: Bus,
    ) -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (jobs, waiting) = mpsc::channel();
        let runtime = Handle::current();
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&database, &bus, &runtime, &waiting))?;
        Ok((Self { jobs }, thread))
    }

    /// Submits a change; the receiver gets the result after the commit. A change that returns an
    /// error must not have written anything. It is made even if the receiver is dropped.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut WriteTables<'_>) -> Result<Changed<T>, StoreError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move |tables: &mut WriteTables<'_>| match change(tables) {
            Ok(Changed { value, after }) => Ok(Pending {
                after,
                answer: Box::new(move |committed| {
                    // The receiver may be gone.
                    sender.send(committed.map(|()| value)).ok();
                }),
            }),
            Err(error) => {
                let failed = match &error {
                    StoreError::Database(error) => Failed::Database(Arc::clone(error)),
                    _ => Failed::Answered,
                };
                sender.send(Err(error)).ok();
                Err(failed)
            }
        });
        self.jobs.send(job).map_err(|_| StoreError::Closed)?;
        Ok(receiver)
    }
}

fn run(database: &Database, bus: &Bus, runtime: &Handle, waiting: &mpsc::Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut pending = Vec::new();
        let jobs = std::iter::once(first).chain(waiting.try_iter().take(MAX_BATCH - 1));
        let committed = transact(database, jobs, &mut pending);
        let mut unlink = Vec::new();
        for Pending { after, answer } in pending {
            match &committed {
                Ok(()) => {
                    after.keep.into_iter().for_each(NewBody::keep);
                    unlink.extend(after.unlink);
                    if let Some(created) = after.created {
                        created.announce(bus);
                    }
                    answer(Ok(()));
                }
                Err(error) => answer(Err(StoreError::Database(Arc::clone(error)))),
            }
        }
        if !unlink.is_empty() {
            // Freeing the blocks of gigabytes takes a while, and nobody waits for it.
            runtime.spawn_blocking(move || unlink.iter().for_each(|path| bodies::unlink(path)));
        }
    }
}

fn transact(
    database: &Database,
    jobs: impl Iterator<Item = Job>,
    pending: &mut Vec<Pending>,
) -> Result<(), Arc<redb::Error>> {
    fn shared(error: impl Into<redb::Error>) -> Arc<redb::Error> {
        Arc::new(error.into())
    }
    let transaction = database.begin_write().map_err(shared)?;
    let mut tables = WriteTables::open(&transaction).map_err(shared)?;
    for job in jobs {
        match job(&mut tables) {
            Ok(change) => pending.push(change),
            Err(Failed::Answered) => {}
            // Dropping the transaction rolls back the whole batch.
            Err(Failed::Database(error)) => return Err(error),
        }
    }
    drop(tables);
    if pending.is_empty() {
        return transaction.abort().map_err(shared);
    }
    transaction.commit().map_err(shared)
}
