//! Error answers in the format of S3 and the event bus.

use hyper::{Method, Response, StatusCode, header::CONTENT_TYPE, http::request};
use serde_json::{Value, json};

use super::request_kind::is_put_events;
use crate::server::{Body, whole};

/// An error answer of S3 or the event bus.
pub(super) fn refusal(head: &request::Parts, status: u16) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap();
    let code = match status {
        StatusCode::FORBIDDEN => "AccessDenied",
        StatusCode::CONFLICT => "ConditionalRequestConflict",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "SlowDown",
        _ => "InternalError",
    };
    if is_put_events(head) {
        let code = match status {
            StatusCode::BAD_REQUEST => "Throttling",
            _ => code,
        };
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

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    response_of(status, "application/x-amz-json-1.1", body.to_string())
}

fn response_of(status: StatusCode, content_type: &str, body: String) -> Response<Body> {
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type);
    response.body(whole(body)).unwrap()
}
