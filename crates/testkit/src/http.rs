//! Sends one HTTP request to a server on this machine.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::{
    client::legacy::{Client, Error},
    rt::TokioExecutor,
};

/// Posts `body` to `url`. Returns the answer's body, whatever the status.
///
/// # Errors
/// There is no server, or the connection breaks.
pub(crate) async fn post(
    url: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Result<String, Error> {
    let mut request = Request::post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await?;
    let body = answer.into_body().collect().await;
    let body = body.map_or_else(|error| error.to_string().into(), |body| body.to_bytes());
    Ok(String::from_utf8_lossy(&body).into_owned())
}
