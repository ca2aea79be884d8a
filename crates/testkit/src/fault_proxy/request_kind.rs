//! Names of requests in the counts: the operation and its object.

use hyper::{Method, http::request::Parts};
use percent_encoding::percent_decode_str;

use crate::test_env::FILMS;

/// `PutEvents`, or S3's operation and the kind of object, such as `PUT gifs` or `ListObjectsV2
/// receipts`.
pub(super) fn request_kind(head: &Parts) -> String {
    if is_put_events(head) {
        return "PutEvents".into();
    }
    let query = head.uri.query().unwrap_or_default();
    let path = head.uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let prefix =
        value(query, "prefix").map(|prefix| percent_decode_str(prefix).decode_utf8_lossy());
    let part = part(bucket, prefix.as_deref().unwrap_or(key));
    format!("{} {part}", operation(&head.method, query))
}

pub(super) fn is_put_events(head: &Parts) -> bool {
    let target = head.headers.get("x-amz-target");
    target.is_some_and(|target| target == "AWSEvents.PutEvents")
}

fn operation<'a>(method: &'a Method, query: &str) -> &'a str {
    let has = |name| value(query, name).is_some();
    match method.as_str() {
        "GET" if value(query, "list-type") == Some("2") => "ListObjectsV2",
        "POST" if has("uploads") => "CreateMultipartUpload",
        "PUT" if has("partNumber") => "UploadPart",
        "POST" if has("uploadId") => "CompleteMultipartUpload",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "GET" if has("uploadId") => "ListParts",
        "GET" if has("uploads") => "ListMultipartUploads",
        "POST" if has("delete") => "DeleteObjects",
        other => other,
    }
}

/// The value of a query parameter; empty if missing.
fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find_map(|(n, value)| (n == name).then_some(value))
}

/// The kind of object that a key, or a prefix of keys, belongs to.
fn part<'a>(bucket: &str, key: &'a str) -> &'a str {
    let mut parts = key.rsplit('/');
    let mut next = || parts.next().unwrap_or_default();
    match (next(), next(), next()) {
        (name @ ("manifest.json" | "run.json"), ..) => name,
        (_, folder @ ("gifs" | "frames" | "storyboards" | "overview" | "receipts"), _) => folder,
        (_, _, "receipts") => "receipts",
        _ if bucket == FILMS => "source",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn requests_are_called_by_operation_and_part() {
        for (method, uri, kind) in [
            ("GET", "/films/a%20b.mp4?x-id=GetObject", "GET source"),
            ("HEAD", "/films/a/b.mp4", "HEAD source"),
            ("PUT", "/previews/a.mp4/gifs/000000.gif", "PUT gifs"),
            ("PUT", "/previews/a.mp4/frames/000000.jpg", "PUT frames"),
            (
                "PUT",
                "/previews/a/storyboards/000030.jpg",
                "PUT storyboards",
            ),
            ("PUT", "/previews/a.mp4/overview/0000.jpg", "PUT overview"),
            (
                "PUT",
                "/previews/a.mp4/receipts/run/000000.json",
                "PUT receipts",
            ),
            (
                "GET",
                "/previews/a.mp4/receipts/run/run.json",
                "GET run.json",
            ),
            (
                "DELETE",
                "/previews/a.mp4/manifest.json",
                "DELETE manifest.json",
            ),
            ("GET", "/previews/a.mp4/storyboard.vtt", "GET other"),
            (
                "GET",
                "/previews?list-type=2&prefix=a.mp4%2Freceipts%2Frun%2F",
                "ListObjectsV2 receipts",
            ),
            ("GET", "/films/?list-type=2", "ListObjectsV2 source"),
            (
                "POST",
                "/previews/a/gifs/0.gif?uploads",
                "CreateMultipartUpload gifs",
            ),
            (
                "PUT",
                "/films/a?partNumber=1&uploadId=x",
                "UploadPart source",
            ),
            (
                "POST",
                "/films/a?uploadId=x",
                "CompleteMultipartUpload source",
            ),
            (
                "DELETE",
                "/films/a?uploadId=x",
                "AbortMultipartUpload source",
            ),
        ] {
            let request = Request::builder().method(method).uri(uri).body(()).unwrap();
            assert_eq!(
                request_kind(&request.into_parts().0),
                kind,
                "{method} {uri}"
            );
        }
    }

    #[test]
    fn the_event_bus_is_known_by_its_header() {
        let request = Request::post("/").header("x-amz-target", "AWSEvents.PutEvents");
        assert_eq!(
            request_kind(&request.body(()).unwrap().into_parts().0),
            "PutEvents"
        );
    }
}
