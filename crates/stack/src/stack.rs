//! Starts and stops the servers over one store and one bus.

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

/// The S3 server and the EventBridge endpoint, each on a free port. Stops when dropped;
/// [`stop`](Stack::stop) lets running requests finish.
pub struct Stack {
    credentials: Credentials,
    s3: Server,
    eventbridge: Server,
    store: OpenStore,
    bus: Bus,
}

/// Closes the store on drop, even if other handles exist.
struct OpenStore(Store);

impl Drop for OpenStore {
    fn drop(&mut self) {
        self.0.close_now();
    }
}

/// The stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The data directory cannot be opened.
    #[error("open the object store: {0}")]
    Store(StoreError),
    /// No port is available.
    #[error("listen on {address}: {reason}")]
    Listen {
        /// Address to listen on.
        address: IpAddr,
        /// The system's error.
        reason: io::Error,
    },
    /// No access key could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl Stack {
    /// Starts both servers on loopback. `data_dir` holds bodies and the metadata database; it is
    /// created if missing and reopened if not. Only one process can have it open.
    ///
    /// # Errors
    /// The directory cannot be opened, or no port is available.
    pub async fn start(data_dir: &Path) -> Result<Self, StackError> {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), data_dir).await
    }

    /// Like [`start`](Self::start), with the given kind of ETags.
    ///
    /// # Errors
    /// The directory cannot be opened, or no port is available.
    pub async fn start_with(etags: ETags, data_dir: &Path) -> Result<Self, StackError> {
        Self::serve(Ipv4Addr::LOCALHOST.into(), data_dir, etags).await
    }

    /// Like [`start`](Self::start), on another address of this machine that containers can reach.
    /// Other clients that reach it need the [`credentials`](Self::credentials).
    ///
    /// # Errors
    /// The directory cannot be opened, or no port is available.
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

    /// `http://ADDRESS:PORT` of the S3 server. Clients must use path-style addressing.
    pub fn s3_endpoint(&self) -> String {
        self.s3.endpoint()
    }

    /// `http://ADDRESS:PORT` of the EventBridge endpoint.
    pub fn eventbridge_endpoint(&self) -> String {
        self.eventbridge.endpoint()
    }

    /// The key pair that both servers accept, with any region. Events say `us-east-1`.
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

    /// Waits up to five seconds for running requests, then closes the store. Remaining handles on
    /// it return [`StoreError::Closed`].
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
