//! The one thread that changes the metadata. It takes whatever changes are waiting, makes them in
//! one transaction, commits once, and only then answers each: a group commit. So
//! - two conditional writes never interleave: each sees all changes before it;
//! - an answered write is in the file (redb keeps commits without durability in the process's own
//!   memory, where a kill would lose them);
//! - many small writes share one `fdatasync`, instead of paying one each.

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

/// Most changes in one commit: bounds how long the first of them waits for the last.
const MAX_BATCH: usize = 512;

/// What a change came to, and what follows once it is committed.
pub(crate) struct Done<T> {
    pub(crate) value: T,
    pub(crate) then: Then,
}

/// What follows a commit.
#[derive(Default)]
pub(crate) struct Then {
    /// Bodies that the metadata names now.
    pub(crate) keep: Vec<NewBody>,
    /// Files that it names no longer.
    pub(crate) unlink: Vec<PathBuf>,
    /// The object to announce.
    pub(crate) created: Option<Created>,
}

/// A change with its way back to whoever asked for it.
type Job = Box<dyn FnOnce(&mut WriteTables<'_>) -> Result<Pending, Failed> + Send>;

/// A change that is made and waits for the commit.
struct Pending {
    then: Then,
    answer: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

/// A change that was not made. With an answer to give after the database failed in the middle of
/// it, the transaction is of no use any more.
enum Failed {
    Answered,
    Database(Arc<redb::Error>),
}

/// Hands changes to the thread. The thread ends when the last of these is dropped.
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

    /// Hands in a change, to be made and committed; the receiver gets what came of it. A change
    /// that returns an error must not have changed anything. It is made whether or not anybody
    /// waits for it.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut WriteTables<'_>) -> Result<Done<T>, StoreError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move |tables: &mut WriteTables<'_>| match change(tables) {
            Ok(Done { value, then }) => Ok(Pending {
                then,
                answer: Box::new(move |committed| {
                    // Nobody may be waiting any more.
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
        for Pending { then, answer } in pending {
            match &committed {
                Ok(()) => {
                    then.keep.into_iter().for_each(NewBody::keep);
                    unlink.extend(then.unlink);
                    if let Some(created) = then.created {
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
            // Dropping the transaction takes back the whole batch.
            Err(Failed::Database(error)) => return Err(error),
        }
    }
    drop(tables);
    if pending.is_empty() {
        return transaction.abort().map_err(shared);
    }
    transaction.commit().map_err(shared)
}
