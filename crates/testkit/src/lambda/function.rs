//! The function: accepts events and reports results.

use std::{
    future::poll_fn,
    path::Path,
    sync::{Arc, Mutex},
    task::{Poll, ready},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinSet, time::timeout};

use super::{
    dispatcher::{Dispatcher, Report},
    policy::Policy,
};

/// A function, hosted as Lambda hosts it. Its processes are killed when it is dropped.
///
/// ```no_run
/// # use std::time::Duration;
/// # use gifgen_testkit::{test_env::TestEnv, lambda::{Lambda, Policy}};
/// # async fn example(env: TestEnv, worker: &str) {
/// let policy = Policy { kill: 0.2, kill_within: Duration::from_millis(300), ..Policy::default() };
/// let mut lambda = Lambda::start(worker, &env.environment(), policy);
/// lambda.feed(env.our_events());
/// lambda.idle(Duration::from_secs(60)).await;
/// assert!(lambda.report().failed.is_empty());
/// # }
/// ```
pub struct Lambda {
    dispatcher: Arc<Dispatcher>,
    feeds: Vec<Arc<Mutex<UnboundedReceiver<Value>>>>,
    tasks: JoinSet<()>,
}

impl Lambda {
    /// A function whose processes run `binary`. Their environment is `variables`, Lambda's own (as
    /// in [`Rie`](crate::rie::Rie)), and `PATH`. Processes start when events arrive.
    pub fn start<N: AsRef<str>, V: AsRef<str>>(
        binary: impl AsRef<Path>,
        variables: &[(N, V)],
        policy: Policy,
    ) -> Self {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()))
            .collect();
        let dispatcher = Dispatcher::new(binary.as_ref().into(), variables, policy);
        let dispatcher = Arc::new(dispatcher);
        let mut tasks = JoinSet::new();
        for _ in 0..policy.concurrency {
            tasks.spawn(dispatcher.clone().serve());
        }
        Self {
            dispatcher,
            feeds: Vec::new(),
            tasks,
        }
    }

    /// Invokes the function asynchronously.
    pub fn invoke(&self, event: Value) {
        self.dispatcher.enqueue(event);
    }

    /// Invokes the function with every event that a rule delivers from now on.
    pub fn feed(&mut self, events: UnboundedReceiver<Value>) {
        let feed = Arc::new(Mutex::new(events));
        self.feeds.push(feed.clone());
        let dispatcher = self.dispatcher.clone();
        self.tasks.spawn(poll_fn(move |context| {
            // Under one lock, so that an event is always either in the feed or outstanding.
            let mut events = feed.lock().unwrap();
            while let Some(event) = ready!(events.poll_recv(context)) {
                dispatcher.enqueue(event);
            }
            Poll::Ready(())
        }));
    }

    /// Waits until no event is waiting or in progress, and the function has accepted all messages
    /// of the on-failure destination.
    ///
    /// # Panics
    /// After `limit`, or if the function rejects an on-failure message ten times. Prints the logs
    /// of the processes.
    pub async fn idle(&self, limit: Duration) {
        if timeout(limit, self.all_done()).await.is_err() {
            let outstanding = self.dispatcher.progress.borrow().outstanding;
            panic!(
                "{outstanding} events are still outstanding after {limit:?}; {:#?}; logs:\n{}",
                self.report(),
                self.log()
            );
        }
    }

    /// The results of all events so far.
    pub fn report(&self) -> Report {
        self.dispatcher.report()
    }

    /// The output of all processes so far, one process after another.
    pub fn log(&self) -> String {
        let processes = self.dispatcher.processes();
        let logs: Vec<String> = processes.iter().map(|process| process.log()).collect();
        logs.join("\n---\n")
    }

    async fn all_done(&self) {
        let mut progress = self.dispatcher.progress.subscribe();
        loop {
            let now = progress.borrow_and_update().clone();
            if let Some(why) = now.gave_up {
                panic!("{why}; logs:\n{}", self.log());
            }
            // A process may have published an event after the first check and ended before the
            // second.
            let quiet = now.outstanding == 0 && self.feeds_are_empty();
            if quiet && !progress.has_changed().unwrap() {
                return;
            }
            progress.changed().await.unwrap();
        }
    }

    fn feeds_are_empty(&self) -> bool {
        let mut feeds = self.feeds.iter();
        feeds.all(|feed| feed.lock().unwrap().is_empty())
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.tasks.abort_all();
        for process in self.dispatcher.processes() {
            process.kill();
        }
    }
}
