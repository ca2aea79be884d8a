//! The EventBridge endpoint: AWS JSON 1.1 over HTTP, with PutEvents as the only operation.

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Request, Response, StatusCode};
use s3s::Body;

use crate::bus::Bus;
use crate::ids::random_uuid;
use crate::put_events::{PutEventsRequest, put_events};

/// Limit of a request body, in bytes: 256 KB of entries, with room for escaping.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// An AWS JSON error: type name and message.
struct Fault {
    status: StatusCode,
    name: &'static str,
    message: String,
}

impl Fault {
    fn bad_request(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            name,
            message: message.into(),
        }
    }
}

/// Answers one HTTP request.
pub(crate) async fn answer(
    bus: &Bus,
    access_key_id: &str,
    request: Request<Incoming>,
) -> Response<Body> {
    match handle(bus, access_key_id, request).await {
        Ok(body) => json_response(StatusCode::OK, body),
        Err(fault) => {
            tracing::debug!(
                name = fault.name,
                message = fault.message,
                "PutEvents refused"
            );
            let body = serde_json::json!({"__type": fault.name, "message": fault.message});
            json_response(fault.status, body.to_string())
        }
    }
}

async fn handle(
    bus: &Bus,
    access_key_id: &str,
    request: Request<Incoming>,
) -> Result<String, Fault> {
    if !is_ours(request.headers(), access_key_id) {
        return Err(Fault {
            status: StatusCode::FORBIDDEN,
            name: "UnrecognizedClientException",
            message: "The security token included in the request is invalid.".into(),
        });
    }
    let target = request.headers().get("x-amz-target");
    if target.map(HeaderValue::as_bytes) != Some(b"AWSEvents.PutEvents") {
        return Err(Fault::bad_request(
            "UnknownOperationException",
            format!("the operation {target:?} is not available here: PutEvents is"),
        ));
    }
    let body = Limited::new(request.into_body(), MAX_BODY_BYTES)
        .collect()
        .await
        .map_err(|error| Fault::bad_request("ValidationException", error.to_string()))?
        .to_bytes();
    publish(bus, &body)
}

/// Handles the body of a PutEvents request.
fn publish(bus: &Bus, body: &[u8]) -> Result<String, Fault> {
    let request: PutEventsRequest = serde_json::from_slice(body)
        .map_err(|error| Fault::bad_request("SerializationException", error.to_string()))?;
    let response = put_events(bus, request)
        .map_err(|invalid| Fault::bad_request("ValidationException", invalid.to_string()))?;
    serde_json::to_string(&response).map_err(|error| Fault {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        name: "InternalException",
        message: error.to_string(),
    })
}

/// For the fuzzer: returns the bus's answer or error to a PutEvents body.
#[cfg(fuzzing)]
pub(crate) fn answer_to_body(body: &[u8]) -> String {
    match publish(&Bus::default(), body) {
        Ok(answer) => answer,
        Err(fault) => serde_json::json!({"__type": fault.name}).to_string(),
    }
}

/// Whether the request names our access key. The signature is not checked: the key id is random for
/// each stack, which suffices against strangers on the port.
fn is_ours(headers: &HeaderMap, access_key_id: &str) -> bool {
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once("Credential="))
        .and_then(|(_, scope)| scope.split('/').next())
        .is_some_and(|id| id == access_key_id)
}

fn json_response(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.1"),
    );
    if let Some(id) = random_uuid()
        .ok()
        .and_then(|id| HeaderValue::try_from(id).ok())
    {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
