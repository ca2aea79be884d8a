//! The queue of asynchronous invocations: delays, duplicates, retries, and the on-failure queue.

use std::{
    future::pending,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use serde_json::Value;
use tokio::{
    sync::{Semaphore, watch},
    time::sleep,
};

use super::{
    destination,
    environment::{Environment, Outcome},
    policy::Policy,
};
use crate::{process::Process, seed::generator};

/// The test fails when the on-failure queue has delivered a message this often.
const MOST_RECEIVES: usize = 10;

/// The results of all events so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Successful answers of the function, including those to on-failure messages.
    pub answers: Vec<Value>,
    /// Errors of all other invocations, from the function or, if it died, from Lambda.
    pub errors: Vec<Value>,
    /// Number of killed invocations, without those that timed out.
    pub kills: usize,
    /// Number of invocations that were retried after a failure.
    pub retries: usize,
    /// Number of events that were delivered twice.
    pub duplicates: usize,
    /// Records that were sent to the on-failure destination.
    pub failed: Vec<Value>,
}

/// Progress of all work.
#[derive(Clone, Default)]
pub(super) struct Progress {
    /// Unfinished events and on-failure messages.
    pub(super) outstanding: usize,
    /// Why the test cannot succeed any more.
    pub(super) gave_up: Option<String>,
}

pub(super) struct Dispatcher {
    binary: PathBuf,
    variables: Vec<(String, String)>,
    policy: Policy,
    events: AtomicU64,
    /// Due deliveries, in the order in which they became due.
    waiting: Mutex<Vec<Delivery>>,
    /// One permit per waiting delivery.
    due: Semaphore,
    processes: Mutex<Vec<Arc<Process>>>,
    report: Mutex<Report>,
    pub(super) progress: watch::Sender<Progress>,
}

/// An event or message on its way to a process.
struct Delivery {
    request_id: String,
    payload: Payload,
    /// From 1.
    attempt: usize,
    /// With `reorder`, the lowest rank is delivered next.
    rank: u32,
    dice: Rng,
}

enum Payload {
    Event(Value),
    /// The record of a discarded event, in a queue message.
    Failed {
        message_id: String,
        record: Value,
    },
}

impl Dispatcher {
    pub(super) fn new(binary: PathBuf, variables: Vec<(String, String)>, policy: Policy) -> Self {
        Self {
            binary,
            variables,
            policy,
            events: AtomicU64::new(0),
            waiting: Mutex::default(),
            due: Semaphore::new(0),
            processes: Mutex::default(),
            report: Mutex::default(),
            progress: watch::Sender::default(),
        }
    }

    /// The results of all events so far.
    pub(super) fn report(&self) -> Report {
        self.report.lock().unwrap().clone()
    }

    /// All processes so far, running or not.
    pub(super) fn processes(&self) -> Vec<Arc<Process>> {
        self.processes.lock().unwrap().clone()
    }

    /// Accepts an event.
    pub(super) fn enqueue(self: &Arc<Self>, event: Value) {
        let nth = self.events.fetch_add(1, Ordering::SeqCst);
        let mut dice = generator(self.policy.seed, nth);
        let delay = self.policy.delay(&mut dice);
        let again = self.policy.delay(&mut dice);
        if self.policy.duplicates(&mut dice) {
            self.report.lock().unwrap().duplicates += 1;
            let second = Delivery::first(Payload::Event(event.clone()), dice.fork());
            self.add(delay + again, second);
        }
        self.add(delay, Delivery::first(Payload::Event(event), dice));
    }

    /// Serves deliveries one by one, in a process that is replaced when it dies.
    pub(super) async fn serve(self: Arc<Self>) {
        let mut environment = None;
        loop {
            let mut delivery = self.take().await;
            let current = match &mut environment {
                Some(current) => current,
                none => none.insert(self.start_environment().await),
            };
            let kill = self.kill_after(self.policy.kill_after(&mut delivery.dice));
            let (id, event) = (&delivery.request_id, delivery.event());
            let timeout = self.policy.timeout;
            let outcome = current.invoke(id, &event, timeout, kill).await;
            if matches!(outcome, Outcome::Dead(_)) {
                environment = None;
            } else if self.policy.freeze {
                current.process().freeze();
            }
            self.settle(delivery, outcome);
        }
    }

    async fn start_environment(&self) -> Environment {
        let environment = Environment::start(&self.binary, &self.variables).await;
        let process = environment.process().clone();
        self.processes.lock().unwrap().push(process);
        environment
    }

    /// Returns when the invocation is to be killed; pending if never.
    async fn kill_after(&self, moment: Option<Duration>) {
        let Some(moment) = moment else {
            return pending().await;
        };
        sleep(moment).await;
        let may = {
            let mut report = self.report.lock().unwrap();
            let may = report.kills < self.policy.most_kills;
            report.kills += usize::from(may);
            may
        };
        if !may {
            pending().await
        }
    }

    fn settle(self: &Arc<Self>, delivery: Delivery, outcome: Outcome) {
        let answer = match outcome {
            Outcome::Answer(answer) => Ok(answer),
            Outcome::Error(error) | Outcome::Dead(error) => Err(error),
        };
        let mut report = self.report.lock().unwrap();
        match &answer {
            Ok(answer) => report.answers.push(answer.clone()),
            Err(error) => report.errors.push(error.clone()),
        }
        match (&delivery.payload, &answer) {
            (Payload::Event(_), Ok(_)) => {}
            (Payload::Event(_), Err(_)) if delivery.attempt <= self.policy.retries => {
                report.retries += 1;
                self.add(self.policy.retry_pause, delivery.again());
            }
            (Payload::Event(event), Err(error)) => {
                let (id, invocations) = (&delivery.request_id, delivery.attempt);
                let record = destination::record(id, event, invocations, error);
                report.failed.push(record.clone());
                self.add(Duration::ZERO, delivery.given_up(record));
            }
            (Payload::Failed { .. }, Ok(answer)) if destination::is_taken(answer) => {}
            (Payload::Failed { .. }, _) if delivery.attempt < MOST_RECEIVES => {
                self.add(self.policy.retry_pause, delivery.received_again());
            }
            (Payload::Failed { record, .. }, last) => {
                let why = format!(
                    "{MOST_RECEIVES} times the function did not take {record}, at last with {last:?}"
                );
                self.progress.send_modify(|p| p.gave_up = Some(why));
            }
        }
        // Only after adding the follow-up delivery: in between, all work would seem finished.
        self.progress.send_modify(|p| p.outstanding -= 1);
    }

    fn add(self: &Arc<Self>, pause: Duration, delivery: Delivery) {
        self.progress.send_modify(|p| p.outstanding += 1);
        if pause.is_zero() {
            // Timers of the same instant have no order.
            return self.make_due(delivery);
        }
        let this = self.clone();
        tokio::spawn(async move {
            sleep(pause).await;
            this.make_due(delivery);
        });
    }

    fn make_due(&self, delivery: Delivery) {
        self.waiting.lock().unwrap().push(delivery);
        self.due.add_permits(1);
    }

    /// Waits for a due delivery.
    async fn take(&self) -> Delivery {
        self.due.acquire().await.unwrap().forget();
        let mut waiting = self.waiting.lock().unwrap();
        let next = waiting
            .iter()
            .enumerate()
            // The first one if the order is kept.
            .min_by_key(|(_, delivery)| self.policy.reorder.then_some(delivery.rank));
        let place = next.unwrap().0;
        waiting.remove(place)
    }
}

impl Delivery {
    fn first(payload: Payload, mut dice: Rng) -> Self {
        Self {
            request_id: uuid(&mut dice),
            payload,
            attempt: 1,
            rank: dice.u32(..),
            dice,
        }
    }

    /// Retries the same invocation.
    fn again(self) -> Self {
        let attempt = self.attempt + 1;
        Self { attempt, ..self }
    }

    /// The message with the record of the discarded event.
    fn given_up(mut self, record: Value) -> Self {
        let message_id = uuid(&mut self.dice);
        Self::first(Payload::Failed { message_id, record }, self.dice)
    }

    /// The same message again, as a new invocation.
    fn received_again(mut self) -> Self {
        let request_id = uuid(&mut self.dice);
        Self {
            request_id,
            ..self.again()
        }
    }

    /// The event that the function receives.
    fn event(&self) -> Value {
        match &self.payload {
            Payload::Event(event) => event.clone(),
            Payload::Failed { message_id, record } => {
                destination::sqs_event(message_id, record, self.attempt)
            }
        }
    }
}

fn uuid(dice: &mut Rng) -> String {
    let bytes = dice.u128(..).to_be_bytes();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}
