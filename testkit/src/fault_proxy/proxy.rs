//! The proxy, and what each fault does to an exchange.

use std::{
    collections::BTreeMap,
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RANGE},
    http::{request, response, uri::Authority},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use super::{
    entries,
    faults::{Dealer, Dealt, Fault, Faults, Kind},
    request_kind::{is_put_events, request_kind},
    stop::{Step, Stop},
};
use crate::server::{Body, Broken, Server, broken_off, whole};

/// A proxy before one endpoint; it stops when it is dropped.
///
/// Requests go through as they are, the `Host` header included: clients and presigned URLs name
/// the proxy, and their signatures hold. What upstream has begun to handle it handles to the end,
/// also if the client goes away.
pub struct FaultProxy {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: Authority,
    client: Client<HttpConnector, Full<Bytes>>,
    dealer: Mutex<Dealer>,
    stop: Option<Stop>,
    healed: AtomicBool,
    requests: Mutex<BTreeMap<String, usize>>,
    lost: Arc<AtomicUsize>,
}

/// What upstream answered.
struct Answer {
    head: response::Parts,
    body: Bytes,
    acknowledgement: Acknowledgement,
}

/// The word on accepted completion events. It counts as lost unless it is delivered, whoever
/// drops it on the way.
struct Acknowledgement {
    completions: usize,
    lost: Arc<AtomicUsize>,
}

impl FaultProxy {
    /// Starts a proxy for `upstream` (`http://127.0.0.1:PORT`).
    pub async fn start(upstream: &str, faults: Faults) -> Self {
        Self::with(upstream, faults, None).await
    }

    /// Starts a proxy for `upstream` that deals no faults, but stops with `stop`.
    pub async fn stopping(upstream: &str, stop: Stop) -> Self {
        let fair = Faults {
            seed: 0,
            rate: 0.0,
            kinds: &[],
            most_per_target: 0,
        };
        Self::with(upstream, fair, Some(stop)).await
    }

    async fn with(upstream: &str, faults: Faults, stop: Option<Stop>) -> Self {
        let upstream: Uri = upstream.parse().unwrap();
        let shared = Arc::new(Shared {
            upstream: upstream.into_parts().authority.unwrap(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            dealer: Mutex::new(Dealer::new(faults)),
            stop,
            healed: AtomicBool::new(false),
            requests: Mutex::default(),
            lost: Arc::default(),
        });
        let answering = shared.clone();
        let server = Server::start(move |request| answering.clone().answer(request)).await;
        Self { server, shared }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// From now on all goes through.
    pub fn heal(&self) {
        self.shared.healed.store(true, Ordering::SeqCst);
    }

    /// How many requests came so far, by kind: `GET source`, `PUT gifs`, `ListObjectsV2 receipts`,
    /// `PutEvents`, … Those that got a fault count too.
    pub fn requests(&self) -> BTreeMap<String, usize> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// All faults so far, in the order of the requests.
    pub fn dealt(&self) -> Vec<Dealt> {
        self.shared.dealer.lock().unwrap().dealt().to_vec()
    }

    /// How many completion events upstream has accepted without the sender's hearing of it, by
    /// a fault or because it was gone: for each of them, a second one is right.
    pub fn lost_acknowledgements(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
        let fault = self.draw(&request);
        let (mut head, body) = request.into_parts();
        *self
            .requests
            .lock()
            .unwrap()
            .entry(request_kind(&head))
            .or_default() += 1;
        let body = match self.stop.as_ref().map(Stop::next) {
            None | Some(Step::Through) => body,
            Some(Step::Stopped) => return Err(Broken::Closed),
            Some(Step::LastUnanswered) => {
                let body = received(body).await?;
                self.forward(head, body).await?;
                return Err(Broken::Closed);
            }
        };
        let Some(Fault { kind, mut dice }) = fault else {
            let body = received(body).await?;
            return Ok(self.forward(head, body).await?.deliver());
        };
        if kind == Kind::CutRequest {
            return Err(Broken::Closed);
        }
        // Also where it is refused: a client that still writes would see a reset, no answer.
        let body = received(body).await?;
        match kind {
            Kind::Status(status) => return Ok(refusal(&head, status)),
            Kind::FailEntries if is_put_events(&head) => {
                return self.fail_entries(head, &body, &mut dice).await;
            }
            Kind::Latency => tokio::time::sleep(Duration::from_millis(dice.u64(5..200))).await,
            Kind::IgnoreRange if !signs_range(&head) => {
                head.headers.remove(RANGE);
            }
            _ => {}
        }
        let answer = self.forward(head, body).await?;
        match kind {
            Kind::LostAnswer => Err(Broken::Closed),
            Kind::CutAnswer => answer.cut(&mut dice, Broken::Reset),
            Kind::Truncate => answer.cut(&mut dice, Broken::Closed),
            _ => Ok(answer.deliver()),
        }
    }

    fn draw(&self, request: &Request<Incoming>) -> Option<Fault> {
        if self.healed.load(Ordering::SeqCst) {
            return None;
        }
        let target = format!("{} {}", request.method(), request.uri().path());
        self.dealer.lock().unwrap().deal(&target)
    }

    /// Has upstream answer, whether or not somebody still waits for it.
    async fn forward(
        self: &Arc<Self>,
        head: request::Parts,
        body: Bytes,
    ) -> Result<Answer, Broken> {
        let exchange = self.clone().exchange(head, body);
        tokio::spawn(exchange).await.unwrap_or(Err(Broken::Closed))
    }

    async fn exchange(
        self: Arc<Self>,
        mut head: request::Parts,
        body: Bytes,
    ) -> Result<Answer, Broken> {
        let sent = is_put_events(&head).then(|| json_of(&body));
        let mut uri = head.uri.into_parts();
        uri.scheme = Some("http".parse().unwrap());
        uri.authority = Some(self.upstream.clone());
        head.uri = Uri::from_parts(uri).unwrap();
        let request = Request::from_parts(head, Full::new(body));
        let answer = self.client.request(request).await;
        let (head, body) = answer.map_err(|_| Broken::Closed)?.into_parts();
        let body = received(body).await?;
        let completions = sent.map_or(0, |sent| entries::completions(&sent, &json_of(&body)));
        let acknowledgement = Acknowledgement {
            completions,
            lost: self.lost.clone(),
        };
        Ok(Answer {
            head,
            body,
            acknowledgement,
        })
    }

    async fn fail_entries(
        self: &Arc<Self>,
        mut head: request::Parts,
        body: &Bytes,
        dice: &mut Rng,
    ) -> Result<Response<Body>, Broken> {
        let split = entries::split(&json_of(body), dice);
        let Some(kept) = &split.kept else {
            return Ok(json_response(StatusCode::OK, &split.answer(&Value::Null)));
        };
        head.headers.remove(CONTENT_LENGTH);
        let mut answer = self.forward(head, kept.to_string().into()).await?;
        if answer.head.status == StatusCode::OK {
            answer.body = split.answer(&json_of(&answer.body)).to_string().into();
            answer.head.headers.remove(CONTENT_LENGTH);
        }
        Ok(answer.deliver())
    }
}

impl Answer {
    fn deliver(self) -> Response<Body> {
        self.acknowledgement.delivered();
        Response::from_parts(self.head, whole(self.body))
    }

    /// Only a part of it; nothing where there is no body to cut.
    fn cut(self, dice: &mut Rng, how: Broken) -> Result<Response<Body>, Broken> {
        if self.body.is_empty() {
            return Err(how);
        }
        let part = self.body.slice(..dice.usize(..self.body.len()));
        Ok(Response::from_parts(self.head, broken_off(part, how)))
    }
}

impl Acknowledgement {
    fn delivered(mut self) {
        self.completions = 0;
    }
}

impl Drop for Acknowledgement {
    fn drop(&mut self) {
        self.lost
            .fetch_add(mem::take(&mut self.completions), Ordering::SeqCst);
    }
}

/// All of a body, unless its sender goes away.
async fn received(body: Incoming) -> Result<Bytes, Broken> {
    let body = body.collect().await.map_err(|_| Broken::Closed)?;
    Ok(body.to_bytes())
}

fn json_of(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Whether the request would be refused without its `Range`.
fn signs_range(head: &request::Parts) -> bool {
    let header = head
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let signed = header.and_then(|header| header.split("SignedHeaders=").nth(1));
    let names = signed.and_then(|signed| signed.split(',').next());
    names.is_some_and(|names| names.split(';').any(|name| name == "range"))
}

/// An error answer of S3's or the event bus's.
fn refusal(head: &request::Parts, status: u16) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap();
    let code = match status {
        StatusCode::FORBIDDEN => "AccessDenied",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "SlowDown",
        _ => "InternalError",
    };
    if is_put_events(head) {
        let error = json!({"__type": format!("{code}Exception"), "message": "on purpose"});
        return json_response(status, &error);
    }
    let error = format!("<Error><Code>{code}</Code><Message>on purpose</Message></Error>");
    let body = if head.method == Method::HEAD {
        String::new()
    } else {
        error
    };
    response_of(status, "application/xml", body)
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    response_of(status, "application/x-amz-json-1.1", body.to_string())
}

fn response_of(status: StatusCode, content_type: &str, body: String) -> Response<Body> {
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type);
    response.body(whole(body)).unwrap()
}
