//! The runtime API of one process: hands out invocations and receives answers.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http_body_util::BodyExt as _;
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use serde_json::{Value, json};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

use crate::server::{Body, Broken, Server, whole};

pub(super) const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:function";

/// Prefix of all paths.
const VERSION: &str = "/2018-06-01/runtime/";

/// Stops when dropped.
pub(super) struct RuntimeApi {
    server: Server,
    invocations: UnboundedSender<Invocation>,
}

/// An invocation for the process.
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) payload: String,
    pub(super) timeout: Duration,
    /// Signalled when the process takes it.
    pub(super) taken: oneshot::Sender<()>,
    /// Receives the process's answer.
    pub(super) answer: oneshot::Sender<FunctionResult>,
}

/// A function's response, or its error with type and message.
pub(super) type FunctionResult = Result<Value, Value>;

/// State shared by the process's requests.
struct Desk {
    waiting: tokio::sync::Mutex<UnboundedReceiver<Invocation>>,
    under_way: Mutex<Option<(String, oneshot::Sender<FunctionResult>)>>,
}

impl RuntimeApi {
    pub(super) async fn start() -> Self {
        let (invocations, waiting) = unbounded_channel();
        let desk = Arc::new(Desk {
            waiting: waiting.into(),
            under_way: Mutex::default(),
        });
        let server = Server::start(move |request| desk.clone().answer(request)).await;
        Self {
            server,
            invocations,
        }
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn authority(&self) -> String {
        self.server.authority()
    }

    /// Queues `invocation` until the process asks for it.
    pub(super) fn hand_over(&self, invocation: Invocation) {
        // If the server is gone, the sender is dropped with it.
        self.invocations.send(invocation).ok();
    }
}

impl Desk {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Broken::Closed)?.to_bytes();
        let payload = || {
            serde_json::from_slice(&body)
                .unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into())
        };
        let path = head.uri.path().strip_prefix(VERSION).unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        match (&head.method, parts.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => Ok(self.take(id, Ok(payload()))),
            (&Method::POST, ["invocation", id, "error"]) => Ok(self.take(id, Err(payload()))),
            // The process ends itself after that, which is what counts. Its log says why.
            (&Method::POST, ["init", "error"]) => Ok(status(StatusCode::ACCEPTED)),
            _ => Ok(status(StatusCode::NOT_FOUND)),
        }
    }

    async fn next(&self) -> Result<Response<Body>, Broken> {
        let invocation = self.waiting.lock().await.recv().await;
        let invocation = invocation.ok_or(Broken::Closed)?;
        let deadline = (SystemTime::now() + invocation.timeout)
            .duration_since(UNIX_EPOCH)
            .unwrap();
        let response = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", &invocation.request_id)
            .header(
                "lambda-runtime-deadline-ms",
                deadline.as_millis().to_string(),
            )
            .header("lambda-runtime-invoked-function-arn", FUNCTION_ARN)
            .header(
                "lambda-runtime-trace-id",
                "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0",
            )
            .body(whole(invocation.payload))
            .unwrap();
        *self.under_way.lock().unwrap() = Some((invocation.request_id, invocation.answer));
        invocation.taken.send(()).ok();
        Ok(response)
    }

    fn take(&self, request_id: &str, result: FunctionResult) -> Response<Body> {
        let mut under_way = self.under_way.lock().unwrap();
        match under_way.take_if(|(id, _)| id == request_id) {
            Some((_, answer)) => {
                answer.send(result).ok();
                status(StatusCode::ACCEPTED)
            }
            None => status(StatusCode::BAD_REQUEST),
        }
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let body = json!({"status": status.canonical_reason()}).to_string();
    let response = Response::builder().status(status);
    response.body(whole(body)).unwrap()
}
