//! A stub server: the test writes its answers. For answers that no S3 on this machine gives.

use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use hyper::{Request, Response, StatusCode, body::Incoming, header::CONTENT_LENGTH};

use crate::server::{Body, Broken, Server, whole};

/// An HTTP answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Omitted from answers to HEAD.
    pub body: String,
}

/// A received request.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// Method and target, such as `GET /bucket/key?query`.
    pub line: String,
    /// One header per line, with names in lower case.
    pub headers: String,
    /// Size of the body in bytes.
    pub bytes: usize,
}

/// Stops when dropped.
#[derive(Debug)]
pub struct StubServer {
    server: Server,
    asked: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl Answer {
    /// An S3 error with this code and message.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            body: format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
            ..Self::default()
        }
    }
}

impl StubServer {
    /// Starts a server; `answer` gets the method and target of each request.
    pub async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let asked = Arc::<Mutex<Vec<ReceivedRequest>>>::default();
        let (log, answer) = (asked.clone(), Arc::new(answer));
        let server = Server::start(move |request| say(request, log.clone(), answer.clone())).await;
        Self { server, asked }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<ReceivedRequest> {
        self.asked.lock().unwrap().clone()
    }
}

async fn say(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<ReceivedRequest>>>,
    answer: Arc<impl Fn(&str) -> Answer>,
) -> Result<Response<Body>, Broken> {
    let line = format!("{} {}", request.method(), request.uri());
    let headers = (request.headers().iter())
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let is_head = line.starts_with("HEAD ");
    let body = request.into_body().collect().await;
    let bytes = body.map_err(|_| Broken::Closed)?.to_bytes().len();
    let answer = answer(&line);
    log.lock().unwrap().push(ReceivedRequest {
        line,
        headers,
        bytes,
    });
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status).unwrap());
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = if is_head { String::new() } else { answer.body };
    if is_head {
        response = response.header(CONTENT_LENGTH, 0);
    }
    Ok(response.body(whole(body)).unwrap())
}
