//! An event bus that fails chosen entries, as a healthy EventBridge never does.

use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use hyper::{Request, Response, body::Incoming};
use serde_json::{Value, json};

use crate::{
    clients,
    server::{Body, Broken, Server, whole},
};

/// The result of one entry.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// Accepted.
    Take,
    /// Failed, with this error code.
    Fail(&'static str),
}

/// Stops when dropped.
#[derive(Debug)]
pub struct FailingBus {
    server: Server,
    requests: Arc<Mutex<Vec<Vec<Value>>>>,
}

impl FailingBus {
    /// Starts a bus. `judge` decides each entry from its detail and from how often that detail was
    /// sent before.
    pub async fn start(judge: impl Fn(&Value, usize) -> Verdict + Send + Sync + 'static) -> Self {
        let requests = Arc::<Mutex<Vec<Vec<Value>>>>::default();
        let (log, judge) = (requests.clone(), Arc::new(judge));
        let server =
            Server::start(move |request| answer(request, log.clone(), judge.clone())).await;
        Self { server, requests }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// A client for this bus.
    pub fn client(&self) -> aws_sdk_eventbridge::Client {
        clients::event_bridge(&self.endpoint(), "test", "test")
    }

    /// The details of each request's entries so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Vec<Value>> {
        self.requests.lock().unwrap().clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<Vec<Value>>>>,
    judge: Arc<impl Fn(&Value, usize) -> Verdict>,
) -> Result<Response<Body>, Broken> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let details: Vec<Value> = body["Entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap())
        .collect();
    let mut log = log.lock().unwrap();
    let verdicts = details.iter().map(|detail| {
        let before = log.iter().flatten().filter(|sent| *sent == detail).count();
        judge(detail, before)
    });
    let results: Vec<Value> = verdicts
        .enumerate()
        .map(|(place, verdict)| match verdict {
            Verdict::Take => json!({"EventId": format!("event-{}-{place}", log.len())}),
            Verdict::Fail(code) => json!({"ErrorCode": code, "ErrorMessage": "on purpose"}),
        })
        .collect();
    log.push(details);
    let failed = results
        .iter()
        .filter(|result| result["ErrorCode"].is_string())
        .count();
    let answer = json!({"FailedEntryCount": failed, "Entries": results});
    Ok(Response::builder()
        .header("content-type", "application/x-amz-json-1.1")
        .body(whole(answer.to_string()))
        .unwrap())
}
