//! An event bus that fails the entries it is told to fail: the part of EventBridge's answers that
//! a bus in good health never gives.

use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use hyper::{Request, Response, body::Incoming};
use serde_json::{Value, json};

use crate::{
    clients,
    server::{Body, Broken, Server, whole},
};

/// What becomes of one entry.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// It is taken.
    Take,
    /// It fails, with this error code.
    Fail(&'static str),
}

/// The bus; it stops when it is dropped.
#[derive(Debug)]
pub struct FailingBus {
    server: Server,
    requests: Arc<Mutex<Vec<Vec<Value>>>>,
}

impl FailingBus {
    /// Starts a bus that asks `judge` about each entry: its detail, and how often an entry with
    /// that detail was sent before.
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

    /// A client for it.
    pub fn client(&self) -> aws_sdk_eventbridge::Client {
        clients::event_bridge(&self.endpoint(), "test", "test")
    }

    /// The details of the entries of each request so far, in the order of arrival.
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
