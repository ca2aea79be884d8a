//! The worker and its connections. `handle.rs` has the way of one event through it.

use std::{num::NonZero, path::PathBuf};

use gifgen_function::TransientError;
use gifgen_ledger::Ledger;
use gifgen_reader::Http;
use gifgen_shared::{Settings, work_dir::sweep};

use crate::{renderer::Renderer, sources::Sources};

/// The worker with its connections.
#[derive(Debug)]
pub struct Worker {
    pub(crate) sources: Sources,
    pub(crate) ledger: Ledger,
    pub(crate) renderer: Renderer,
    pub(crate) settings: Settings,
}

impl Worker {
    /// A worker that reads and writes through `s3`, announces completed runs on `bus`, decodes with
    /// `threads` threads, and makes its work directories in `temporary`. It removes the work
    /// directories that killed workers left there.
    ///
    /// # Errors
    /// If `temporary` cannot be read, or TLS cannot be set up.
    pub fn start(
        s3: aws_sdk_s3::Client,
        bus: aws_sdk_eventbridge::Client,
        settings: Settings,
        threads: NonZero<u32>,
        temporary: PathBuf,
    ) -> Result<Self, TransientError> {
        let swept = sweep(&temporary).map_err(|source| TransientError::WorkDir {
            action: "sweep",
            source,
        })?;
        if swept > 0 {
            tracing::warn!(swept, "removed what killed workers left behind");
        }
        let bucket = &settings.destination_bucket;
        Ok(Self {
            ledger: Ledger::new(s3.clone(), bucket, bus, &settings.event_bus_name),
            sources: Sources {
                s3,
                http: Http::new()?,
                url_expiry: settings.url_expiry,
            },
            renderer: Renderer {
                ffmpeg: settings.ffmpeg.clone(),
                ffprobe: settings.ffprobe.clone(),
                threads,
                temporary,
            },
            settings,
        })
    }
}
