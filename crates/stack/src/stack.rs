//! Starts the servers over one store and one bus, and stops them.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use hyper::service::service_fn;

use crate::bus::Bus;
use crate::credentials::Credentials;
use crate::eventbridge;
use crate::ids::RandomError;
use crate::s3;
use crate::server::Server;
use crate::store::{ETags, Store, StoreError};

/// The AWS side of the system on ports of the kernel's choosing; stops when dropped, or in order by
/// [`stop`](Stack::stop).
pub struct Stack {
    credentials: Credentials,
    s3: Server,
    eventbridge: Server,
    store: OpenStore,
    bus: Bus,
}

/// Closes the store when the stack is dropped, whoever else has a handle on it.
struct OpenStore(Store);

impl Drop for OpenStore {
    fn drop(&mut self) {
        self.0.close_now();
    }
}

/// Why the stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The data directory cannot be opened.
    #[error("open the object store: {0}")]
    Store(StoreError),
    /// A port cannot be had.
    #[error("listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: IpAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// No access key can be made.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl Stack {
    /// Starts both servers on loopback. Bodies and the metadata database are kept in `data_dir`, which is made
    /// if it is missing and opened again if it is not; one process has it at a time.
    ///
    /// # Errors
    /// The directory cannot be opened, or no port can be had.
    pub async fn start(data_dir: &Path) -> Result<Self, StackError> {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), data_dir).await
    }

    /// The same with other ETags.
    ///
    /// # Errors
    /// The directory cannot be opened, or no port can be had.
    pub async fn start_with(etags: ETags, data_dir: &Path) -> Result<Self, StackError> {
        Self::serve(Ipv4Addr::LOCALHOST.into(), data_dir, etags).await
    }

    /// The same on another address of this machine, one that a container reaches. Whoever else
    /// reaches it needs the [`credentials`](Self::credentials).
    ///
    /// # Errors
    /// The directory cannot be opened, or no port can be had.
    pub async fn start_on(address: IpAddr, data_dir: &Path) -> Result<Self, StackError> {
        Self::serve(address, data_dir, ETags::Md5).await
    }

    async fn serve(address: IpAddr, data_dir: &Path, etags: ETags) -> Result<Self, StackError> {
        let no_port = |reason| StackError::Listen { address, reason };
        let bus = Bus::default();
        let credentials = Credentials::random()?;
        let store = Store::open(data_dir, bus.clone(), etags).await;
        let store = OpenStore(store.map_err(StackError::Store)?);
        let s3 = Server::start(address, s3::service(store.0.clone(), &credentials))
            .await
            .map_err(no_port)?;
        let access_key_id: Arc<str> = credentials.access_key_id.as_str().into();
        let events = bus.clone();
        let eventbridge = Server::start(
            address,
            service_fn(move |request| {
                let (bus, access_key_id) = (events.clone(), access_key_id.clone());
                async move {
                    Ok::<_, Infallible>(eventbridge::answer(&bus, &access_key_id, request).await)
                }
            }),
        )
        .await
        .map_err(no_port)?;
        Ok(Self {
            credentials,
            s3,
            eventbridge,
            store,
            bus,
        })
    }

    /// `http://ADDRESS:PORT` of the S3 server; clients use path-style addressing.
    pub fn s3_endpoint(&self) -> String {
        self.s3.endpoint()
    }

    /// `http://ADDRESS:PORT` of the EventBridge endpoint.
    pub fn eventbridge_endpoint(&self) -> String {
        self.eventbridge.endpoint()
    }

    /// The key pair that both servers accept. Any region will do; events say `us-east-1`.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The object store behind the S3 server.
    pub fn store(&self) -> &Store {
        &self.store.0
    }

    /// The event bus behind the EventBridge endpoint.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Lets the requests under way end (for up to five seconds), then closes the store. Handles
    /// on the store that are left answer [`StoreError::Closed`].
    pub async fn stop(self) {
        let Self {
            s3,
            eventbridge,
            store,
            ..
        } = self;
        tokio::join!(s3.stop(), eventbridge.stop());
        store.0.close().await;
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("s3", &self.s3_endpoint())
            .field("eventbridge", &self.eventbridge_endpoint())
            .field("store", self.store())
            .finish_non_exhaustive()
    }
}
