//! The handle on a store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use redb::{Database, ReadableDatabase as _};

use super::StoreError;
use super::blocking::blocking;
use super::etags::ETags;
use super::open;
use super::tables::{ReadTables, WriteTables};
use super::writer::{Changed, Writer};
use crate::bus::Bus;

/// The object store of a stack. A clone is another handle on the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    bodies: PathBuf,
    etags: ETags,
    /// `None` once closed.
    open: RwLock<Option<Open>>,
    writer_thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone)]
struct Open {
    database: Arc<Database>,
    writer: Writer,
}

impl Store {
    /// Opens the data directory. Events about new objects go to `bus`.
    pub(crate) async fn open(data_dir: &Path, bus: Bus, etags: ETags) -> Result<Self, StoreError> {
        let data_dir = data_dir.to_owned();
        // Clients get absolute paths of bodies, since their working directory may differ.
        let (database, bodies) = blocking(move || {
            let data_dir =
                std::path::absolute(&data_dir).map_err(StoreError::io("resolve", &data_dir))?;
            let bodies = data_dir.join("bodies");
            Ok((open::open(&data_dir, &bodies)?, bodies))
        })
        .await?;
        let database = Arc::new(database);
        let (writer, thread) = Writer::start(Arc::clone(&database), bus)
            .map_err(StoreError::io("start the writer of", &bodies))?;
        Ok(Self {
            inner: Arc::new(Inner {
                bodies,
                etags,
                open: RwLock::new(Some(Open { database, writer })),
                writer_thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// Closes the store after committing pending changes.
    pub(crate) async fn close(&self) {
        let store = self.clone();
        let closed = blocking(move || {
            store.close_now();
            Ok(())
        });
        if let Err(error) = closed.await {
            tracing::error!(error = &error as &dyn std::error::Error, "close the store");
        }
    }

    /// Like [`close`](Self::close), but blocks during a commit.
    pub(crate) fn close_now(&self) {
        let open = (self.inner.open.write())
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(open);
        let thread = (self.inner.writer_thread.lock())
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's writer had panicked");
        }
    }

    pub(crate) fn bodies(&self) -> &Path {
        &self.inner.bodies
    }

    pub(crate) fn etags(&self) -> ETags {
        self.inner.etags
    }

    fn opened(&self) -> Result<Open, StoreError> {
        let open = self.inner.open.read();
        let open = open.unwrap_or_else(PoisonError::into_inner);
        open.clone().ok_or(StoreError::Closed)
    }

    /// Reads one consistent state of the metadata, on a blocking thread.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTables) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let open = self.opened()?;
        blocking(move || {
            let transaction = open.database.begin_read()?;
            read(&ReadTables::open(&transaction)?)
        })
        .await
    }

    /// Changes the metadata; returns once committed. See [`Writer::submit`].
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut WriteTables<'_>) -> Result<Changed<T>, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // The writer is not held while waiting. Closing the store waits until the last writer is
        // dropped, maybe on the very thread that must poll this future.
        let receiver = self.opened()?.writer.submit(change)?;
        receiver.await.map_err(|_| StoreError::TaskDied)?
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("bodies", &self.inner.bodies)
            .finish_non_exhaustive()
    }
}
