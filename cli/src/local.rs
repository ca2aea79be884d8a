//! The pipeline on this machine: stack, splitter and worker, connected as in `template.yaml`.

use std::{
    fs, io,
    net::IpAddr,
    num::NonZero,
    path::{Path, PathBuf},
    thread::available_parallelism,
};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use gifgen_ledger::LedgerError;
use gifgen_reader::NoTls;
use gifgen_shared::{PreviewSettings, Settings, SettingsError, WorkDir, work_dir::sweep};
use gifgen_splitter::Splitter;
use gifgen_stack::{BusError, Stack, StackError, StoreError};
use gifgen_worker::{TransientError, Worker};

use crate::{
    dispatch::Dispatcher,
    export::{ExportError, Exported, export},
    options::SettingFlags,
};

/// Bucket of the videos in the embedded store.
pub const SOURCE_BUCKET: &str = "videos";

/// Bucket of the previews in the embedded store.
pub const DESTINATION_BUCKET: &str = "previews";

/// Region of the embedded servers, which accept any.
pub const REGION: &str = "us-east-1";

/// Settings of the functions that no flag changes. Slow machines may take long for a slice, so presigned
/// URLs get the longest lifetime.
pub const SETTINGS: [(&str, &str); 4] = [
    ("SOURCE_BUCKET", SOURCE_BUCKET),
    ("DESTINATION_BUCKET", DESTINATION_BUCKET),
    ("EVENT_BUS_NAME", "default"),
    ("URL_EXPIRY_SECONDS", "43200"),
];

/// The running pipeline. Its data is in a folder that is removed with it.
#[derive(Debug)]
pub struct Local {
    /// The embedded S3 server and event bus.
    pub stack: Stack,
    /// Invokes splitter and worker.
    pub dispatcher: Dispatcher,
    /// Path of `ffmpeg`.
    pub ffmpeg: PathBuf,
    /// What the worker makes.
    pub previews: PreviewSettings,
    folder: WorkDir,
}

/// Why the pipeline does not start or end.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A setting is out of its range, or FFmpeg is missing.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The output folder cannot be written to.
    #[error("failed to write to {}: {reason}; choose another folder with --out", folder.display())]
    Folder {
        /// Path of the folder.
        folder: PathBuf,
        /// Error of the operating system.
        reason: io::Error,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] NoTls),
    /// The embedded servers do not start.
    #[error("failed to start the embedded servers")]
    Stack(#[from] StackError),
    /// The embedded store fails.
    #[error("the embedded S3 store failed")]
    Store(#[from] StoreError),
    /// The embedded bus refuses a rule.
    #[error("the embedded event bus failed")]
    Bus(#[from] BusError),
    /// The previews cannot be written.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// What an earlier run has written cannot be used.
    #[error("failed to take over what an earlier run has written")]
    Earlier(#[source] LedgerError),
    /// What the run has made cannot be read.
    #[error("failed to read what the run has made")]
    Manifest(#[source] LedgerError),
    /// The worker does not start.
    #[error(transparent)]
    Worker(#[from] TransientError),
}

impl Local {
    /// Starts the pipeline, with its servers on `address`. Its data is in a hidden folder inside of
    /// `out`. Both are on the same file system, so previews are moved and not copied.
    ///
    /// # Errors
    /// If a setting is wrong, FFmpeg is missing, or `out` cannot be written to.
    pub async fn start(
        address: IpAddr,
        out: &Path,
        flags: &SettingFlags,
        concurrency: NonZero<u32>,
    ) -> Result<Self, LocalError> {
        let settings = flags.settings(&SETTINGS)?;
        let failed = |reason| LocalError::Folder {
            folder: out.to_owned(),
            reason,
        };
        fs::create_dir_all(out).map_err(failed)?;
        // FFmpeg runs in another directory, so paths must be absolute.
        let out = fs::canonicalize(out).map_err(failed)?;
        sweep(&out).map_err(failed)?;
        let folder = WorkDir::create(&out).map_err(failed)?;
        let temporary = folder.path().join("tmp");
        fs::create_dir(&temporary).map_err(failed)?;
        let stack = Stack::start_on(address, &folder.path().join("s3")).await?;
        stack.store().create_bucket(SOURCE_BUCKET).await?;
        stack.store().create_bucket(DESTINATION_BUCKET).await?;
        let (ffmpeg, previews) = (settings.ffmpeg.clone(), settings.previews);
        let dispatcher = dispatcher(&stack, settings, concurrency, temporary)?;
        Ok(Self {
            stack,
            dispatcher,
            ffmpeg,
            previews,
            folder,
        })
    }

    /// Folder of everything but the previews.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client of the embedded S3 server.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        s3_client(&self.stack)
    }

    /// Moves the previews into the folder `out`.
    ///
    /// # Errors
    /// If the store cannot be read, or a file cannot be written.
    pub async fn export(&self, out: &Path) -> Result<Exported, LocalError> {
        let previews = self.stack.store().list(DESTINATION_BUCKET, "").await?;
        Ok(export(&previews, out, self.previews.keep_old)?)
    }

    /// Stops the servers and removes their data.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub async fn stop(self) -> Result<(), LocalError> {
        drop(self.dispatcher);
        self.stack.stop().await;
        let folder = self.folder.path().to_owned();
        self.folder
            .remove()
            .map_err(|reason| LocalError::Folder { folder, reason })
    }
}

/// Number of cores, which is the default number of concurrent slices.
pub fn cores() -> NonZero<u32> {
    available_parallelism()
        .ok()
        .and_then(|cores| NonZero::<u32>::try_from(cores).ok())
        .unwrap_or(NonZero::<u32>::MIN)
}

fn dispatcher(
    stack: &Stack,
    settings: Settings,
    concurrency: NonZero<u32>,
    temporary: PathBuf,
) -> Result<Dispatcher, LocalError> {
    // More threads than cores would cost CPU time and save none.
    let threads = NonZero::new(cores().get() / concurrency).unwrap_or(NonZero::<u32>::MIN);
    let splitter = Splitter::new(s3_client(stack), bus_client(stack), settings.clone())?;
    let (s3, bus) = (s3_client(stack), bus_client(stack));
    let worker = Worker::start(s3, bus, settings, threads, temporary)?;
    Ok(Dispatcher::new(splitter, worker, concurrency))
}

fn credentials(stack: &Stack) -> Credentials {
    let credentials = stack.credentials();
    Credentials::new(
        &credentials.access_key_id,
        &credentials.secret_access_key,
        None,
        None,
        "gifgen",
    )
}

fn s3_client(stack: &Stack) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(stack.s3_endpoint())
            .force_path_style(true)
            .credentials_provider(credentials(stack))
            .build(),
    )
}

fn bus_client(stack: &Stack) -> aws_sdk_eventbridge::Client {
    aws_sdk_eventbridge::Client::from_conf(
        aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(stack.eventbridge_endpoint())
            .credentials_provider(credentials(stack))
            .build(),
    )
}
