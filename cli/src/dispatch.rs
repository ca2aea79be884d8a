//! Hands events to the functions as Lambda does: several at once, each with a deadline, failed
//! ones again.

use std::{num::NonZero, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use gifgen_shared::{Backoff, Deadline, JobEvent, JobId, SliceEvent, job::JobKind};
use gifgen_splitter::{Outcome, Splitter, Summary};
use gifgen_worker::{Answer, Invocation, Worker};
use serde_json::{Value, json};
use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::JoinSet,
};

use crate::here::{FILE_CHANGED, transient, without_bucket};

/// Time for one invocation. Lambda's 900 seconds would cut off long slices on a slow laptop; a
/// presigned URL lives as long.
pub const INVOCATION: Duration = Duration::from_secs(43_200);

/// Lambda delivers an event of an asynchronous invocation three times at most. It waits one and two
/// minutes for its fleet; one machine recovers sooner. Pauses have no jitter: nobody else waits.
const REDELIVERY: Backoff = Backoff {
    attempts: 3,
    first: Duration::from_secs(1),
    longest: Duration::from_secs(2),
};

/// The two functions, and how many workers run at once.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    /// The splitter.
    pub splitter: Arc<Splitter>,
    /// The worker.
    pub worker: Arc<Worker>,
    concurrency: NonZero<u32>,
}

/// What happened to an event.
#[derive(Debug)]
pub enum PipelineEvent {
    /// The splitter is through with an object.
    Source(Outcome),
    /// The splitter failed for good on an event that names this key.
    SplitFailed {
        /// Key of the source.
        key: String,
        /// Why.
        message: String,
    },
    /// A slice or another job is uploaded.
    JobDone {
        /// Key of the source.
        key: String,
        /// Which job.
        job: JobId,
    },
    /// A slice or another job failed for good.
    JobFailed {
        /// Key of the source.
        key: String,
        /// Which job.
        job: JobId,
        /// Why.
        message: String,
    },
}

/// The running functions; dropping it stops them, their FFmpeg processes included.
#[derive(Debug)]
pub struct Running {
    happenings: UnboundedReceiver<PipelineEvent>,
    _tasks: JoinSet<()>,
}

impl Running {
    /// The next thing that happens.
    pub async fn next(&mut self) -> Option<PipelineEvent> {
        self.happenings.recv().await
    }
}

impl Dispatcher {
    /// A dispatcher that runs at most `concurrency` workers at once.
    pub fn new(splitter: Splitter, worker: Worker, concurrency: NonZero<u32>) -> Self {
        Self {
            splitter: Arc::new(splitter),
            worker: Arc::new(worker),
            concurrency,
        }
    }

    /// Hands `created` objects to the splitter and `jobs` to workers until the result is
    /// dropped.
    pub fn start(
        &self,
        created: UnboundedReceiver<Value>,
        jobs: UnboundedReceiver<Value>,
    ) -> Running {
        let (sender, happenings) = unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(split_all(self.splitter.clone(), created, sender.clone()));
        tasks.spawn(render_all(
            self.worker.clone(),
            self.concurrency,
            jobs,
            sender,
        ));
        Running {
            happenings,
            _tasks: tasks,
        }
    }
}

async fn split_all(
    splitter: Arc<Splitter>,
    mut created: UnboundedReceiver<Value>,
    sender: UnboundedSender<PipelineEvent>,
) {
    while let Some(event) = created.recv().await {
        let split = || async {
            let handling = splitter.handle(&event, Deadline::after(INVOCATION));
            handling.await.map_err(|error| transient(&error))
        };
        let key = event["detail"]["object"]["key"]
            .as_str()
            .unwrap_or_default();
        let happenings = match attempts(split).await {
            Ok(Summary {
                sources,
                error: None,
            }) => sources.into_iter().map(PipelineEvent::Source).collect(),
            Ok(Summary {
                error: Some(message),
                ..
            })
            | Err(message) => {
                vec![PipelineEvent::SplitFailed {
                    key: key.to_owned(),
                    message,
                }]
            }
        };
        for happening in happenings {
            if sender.send(happening).is_err() {
                return;
            }
        }
    }
}

async fn render_all(
    worker: Arc<Worker>,
    concurrency: NonZero<u32>,
    mut jobs: UnboundedReceiver<Value>,
    sender: UnboundedSender<PipelineEvent>,
) {
    let places = Arc::new(Semaphore::new(concurrency.get() as usize));
    let mut workers = JoinSet::new();
    while let Some(event) = jobs.recv().await {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        while workers.try_join_next().is_some() {}
        let (worker, sender) = (worker.clone(), sender.clone());
        workers.spawn(async move {
            let happening = render(&worker, &event).await;
            drop(place);
            // Nobody listens any more once the run was interrupted.
            sender.send(happening).ok();
        });
    }
    while workers.join_next().await.is_some() {}
}

async fn render(worker: &Worker, event: &Value) -> PipelineEvent {
    let (key, job) = job_of(event).unwrap_or((String::new(), JobId::Slice(0)));
    // The platform's own id of the event is that of its invocations too.
    let invocation = Invocation {
        id: event["id"].as_str().unwrap_or(&key).to_owned(),
        memory_megabytes: None,
        deadline: Deadline::after(INVOCATION),
    };
    let handle = || async {
        let handling = worker.handle(event, &invocation);
        handling.await.map_err(|error| transient(&error))
    };
    let message = match attempts(handle).await {
        Ok(Answer::Done(_)) => return PipelineEvent::JobDone { key, job },
        Ok(Answer::Failed(failure)) => without_bucket(&failure.message),
        // Each run of `gifgen` has its own store, so no other run can have begun.
        Ok(Answer::Superseded) => FILE_CHANGED.into(),
        Ok(Answer::GivenUp(_)) => "it was given up".into(),
        Err(message) => {
            let failure = given_up(event, &invocation, &message);
            match attempts(|| async { record(worker, &failure, &invocation).await }).await {
                Ok(()) => message,
                Err(error) => format!("{message}; that could not be recorded: {error}"),
            }
        }
    };
    PipelineEvent::JobFailed { key, job, message }
}

/// The source's key and the job that `event` names.
fn job_of(event: &Value) -> Option<(String, JobId)> {
    if JobEvent::is_meant(event) {
        let event = JobEvent::parse(event).ok()?;
        return match event.job.kind {
            JobKind::Overview => Some((event.key.to_string(), JobId::Overview(event.job.index))),
            JobKind::Slice => None,
        };
    }
    let event = SliceEvent::parse(event).ok()?;
    Some((event.key.to_string(), JobId::Slice(event.start)))
}

/// What Lambda sends to the failure queue when its retries are exhausted.
fn given_up(event: &Value, invocation: &Invocation, message: &str) -> Value {
    let record = json!({
        "requestContext": {"requestId": invocation.id, "condition": "RetriesExhausted",
                           "approximateInvokeCount": REDELIVERY.attempts},
        "requestPayload": event,
        "responsePayload": {"errorMessage": message},
    });
    json!({"Records": [{"messageId": invocation.id, "eventSource": "aws:sqs",
                        "body": record.to_string()}]})
}

/// Has the worker record a slice that was given up.
async fn record(worker: &Worker, failure: &Value, invocation: &Invocation) -> Result<(), String> {
    match worker.handle(failure, invocation).await {
        Ok(Answer::GivenUp(answer)) if answer.batch_item_failures.is_empty() => Ok(()),
        Ok(_) => Err("the worker left it in the queue".into()),
        Err(error) => Err(transient(&error)),
    }
}

/// Invokes a function until it succeeds, as often as [`REDELIVERY`] allows. A panic counts as a
/// failure, as it does on Lambda.
async fn attempts<T, F>(mut invoke: impl FnMut() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, String>>,
{
    let mut attempt = 1;
    loop {
        let result = AssertUnwindSafe(invoke()).catch_unwind().await;
        match result.unwrap_or_else(|_| Err("the function panicked; this is a bug".into())) {
            Err(_) if attempt < REDELIVERY.attempts => {
                tokio::time::sleep(REDELIVERY.bound(attempt)).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}
