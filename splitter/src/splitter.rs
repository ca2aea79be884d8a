//! The splitter and its connections. `handle.rs` has the way of one event through it.

use gifgen_ledger::Ledger;
use gifgen_reader::{Http, NoTls};
use gifgen_shared::Settings;
use tokio::sync::Mutex;

/// The splitter, with its settings and clients.
#[derive(Debug)]
pub struct Splitter {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) http: Http,
    pub(crate) ledger: Ledger,
    pub(crate) settings: Settings,
    /// Held while ffprobe runs, because ffprobe may use all remaining memory.
    pub(crate) probing: Mutex<()>,
}

impl Splitter {
    /// Creates a splitter that reads sources through `s3` and sends events through `bus`.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(
        s3: aws_sdk_s3::Client,
        bus: aws_sdk_eventbridge::Client,
        settings: Settings,
    ) -> Result<Self, NoTls> {
        let ledger = Ledger::new(
            s3.clone(),
            &settings.destination_bucket,
            bus,
            &settings.event_bus_name,
        );
        Ok(Self {
            s3,
            http: Http::new()?,
            ledger,
            settings,
            probing: Mutex::new(()),
        })
    }
}
