//! The proxy: applies faults to exchanges.

use std::{
    collections::BTreeMap,
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use fastrand::Rng;
use futures::future;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_LENGTH, IF_MATCH, IF_NONE_MATCH, RANGE},
    http::{request, response, uri::Authority},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use super::{
    entries,
    faults::{Dealer, Dealt, Fault, Faults, Kind},
    refusals::{json_response, refusal},
    request_kind::{is_put_events, request_kind},
    stop::{Step, Stop},
};
use crate::server::{Body, Broken, Server, broken_off, whole};

/// A proxy for one endpoint; stops when dropped.
///
/// Requests are forwarded unchanged, with their `Host` header: clients and presigned URLs name the
/// proxy, so signatures stay valid. Upstream finishes every request that it has begun, even if the
/// client disconnects.
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
    /// Until then, every request is answered with 503.
    outage: Mutex<Option<Instant>>,
    refused_in_outage: AtomicUsize,
    requests: Mutex<BTreeMap<String, usize>>,
    lost: Arc<AtomicUsize>,
}

/// Upstream's answer.
struct Answer {
    head: response::Parts,
    body: Bytes,
    acknowledgement: Acknowledgement,
}

/// The acknowledgement of accepted completion events. Counts as lost when dropped before delivery.
struct Acknowledgement {
    completions: usize,
    lost: Arc<AtomicUsize>,
}

impl FaultProxy {
    /// Starts a proxy for `upstream` (`http://127.0.0.1:PORT`).
    pub async fn start(upstream: &str, faults: Faults) -> Self {
        Self::with(upstream, faults, None).await
    }

    /// Starts a proxy for `upstream` that injects no faults, but stops with `stop`.
    pub async fn stopping(upstream: &str, stop: Stop) -> Self {
        Self::with(upstream, Faults::NONE, Some(stop)).await
    }

    async fn with(upstream: &str, faults: Faults, stop: Option<Stop>) -> Self {
        let upstream: Uri = upstream.parse().unwrap();
        let shared = Arc::new(Shared {
            upstream: upstream.into_parts().authority.unwrap(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            dealer: Mutex::new(Dealer::new(faults)),
            stop,
            healed: AtomicBool::new(false),
            outage: Mutex::default(),
            refused_in_outage: AtomicUsize::new(0),
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

    /// The next `times` requests whose kind (see [`Self::requests`]) starts with `of` get `kind`,
    /// regardless of the seed.
    pub fn deal_next(&self, of: &str, kind: Kind, times: usize) {
        self.shared.dealer.lock().unwrap().order(of, kind, times);
    }

    /// Answers every request with 503 for this long, as S3 does to a prefix that is written too
    /// fast.
    pub fn outage(&self, lasting: Duration) {
        *self.shared.outage.lock().unwrap() = Some(Instant::now() + lasting);
    }

    /// Number of requests during outages.
    pub fn refused_in_outage(&self) -> usize {
        self.shared.refused_in_outage.load(Ordering::SeqCst)
    }

    /// Stops injecting faults.
    pub fn heal(&self) {
        self.shared.healed.store(true, Ordering::SeqCst);
    }

    /// Number of requests so far, by kind: `GET source`, `PUT gifs`, `ListObjectsV2 receipts`,
    /// `PutEvents`, … Includes requests with faults.
    pub fn requests(&self) -> BTreeMap<String, usize> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// All faults so far, in the order of the requests.
    pub fn dealt(&self) -> Vec<Dealt> {
        self.shared.dealer.lock().unwrap().dealt().to_vec()
    }

    /// Number of completion events that upstream accepted without the sender learning of it,
    /// because of a fault or because it was gone. A second event is correct for each of them.
    pub fn lost_acknowledgements(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
        let (mut head, body) = request.into_parts();
        let of = request_kind(&head);
        let fault = self.draw(&head, &of);
        *self.requests.lock().unwrap().entry(of).or_default() += 1;
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
        // Read even if the request is refused: a client that still writes would see a reset instead
        // of the answer.
        let body = received(body).await?;
        match kind {
            Kind::Status(409) if !is_conditional_write(&head) => {}
            Kind::Status(status) => return Ok(refusal(&head, status)),
            Kind::Silence => {
                if dice.bool() {
                    self.forward(head, body).await?;
                }
                // Until the client disconnects.
                return future::pending().await;
            }
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

    fn draw(&self, head: &request::Parts, of: &str) -> Option<Fault> {
        let until = *self.outage.lock().unwrap();
        if until.is_some_and(|until| Instant::now() < until) {
            self.refused_in_outage.fetch_add(1, Ordering::SeqCst);
            let (kind, dice) = (Kind::Status(503), Rng::with_seed(0));
            return Some(Fault { kind, dice });
        }
        if self.healed.load(Ordering::SeqCst) {
            return None;
        }
        let target = format!("{} {}", head.method, head.uri.path());
        self.dealer.lock().unwrap().deal_to(&target, of)
    }

    /// Upstream handles the request even if the client disconnects.
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

    /// A part of the answer; nothing if it has no body.
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

/// The whole body, unless the sender disconnects.
async fn received(body: Incoming) -> Result<Bytes, Broken> {
    let body = body.collect().await.map_err(|_| Broken::Closed)?;
    Ok(body.to_bytes())
}

fn json_of(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Whether the signature covers `Range`, so that removing it would break the request.
fn signs_range(head: &request::Parts) -> bool {
    let header = head
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let signed = header.and_then(|header| header.split("SignedHeaders=").nth(1));
    let names = signed.and_then(|signed| signed.split(',').next());
    names.is_some_and(|names| names.split(';').any(|name| name == "range"))
}

fn is_conditional_write(head: &request::Parts) -> bool {
    let has_condition = |name| head.headers.contains_key(name);
    matches!(head.method, Method::PUT | Method::DELETE)
        && (has_condition(IF_MATCH) || has_condition(IF_NONE_MATCH))
}
