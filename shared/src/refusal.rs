//! Explains an S3 refusal: what S3 answered and what to do about it.
//!
//! Only the code and the message of an error's body are used. Other fields echo parts of the request,
//! its signature among them.

use std::error::Error;

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::error_chain::with_causes;

/// Header that names the bucket's region.
const BUCKET_REGION: &str = "x-amz-bucket-region";

/// Limit of a quoted message, in characters. IAM's messages name role, action and resource and take some
/// 300.
const LONGEST_MESSAGE: usize = 400;

/// The error answer of S3, as far as there was one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status; `None` without an answer.
    pub status: Option<u16>,
    /// S3's error code, such as `AccessDenied`; `None` without a body.
    pub code: Option<String>,
    /// S3's error message, shortened to one printable line.
    pub message: Option<String>,
    /// The bucket's region according to S3.
    pub region: Option<String>,
    /// The SDK's message.
    sdk_message: String,
}

impl Refusal {
    /// Reads a refusal from an SDK error.
    pub fn of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> Self {
        let answer = error.raw_response();
        let region = answer.and_then(|answer| answer.headers().get(BUCKET_REGION));
        // The SDK adds nothing to an error without a body, such as a HEAD's.
        let is_empty = answer.is_some_and(|answer| {
            !answer.status().is_success() && answer.body().bytes().is_some_and(<[u8]>::is_empty)
        });
        Self {
            status: answer.map(|answer| answer.status().as_u16()),
            code: error.code().map(quoted),
            message: error.message().and_then(message),
            region: region.map(quoted),
            sdk_message: if is_empty {
                String::new()
            } else {
                with_causes(error)
            },
        }
    }

    /// Reads a refusal from the answer to a presigned request. `body` may be incomplete.
    pub fn of_answer(status: u16, region: Option<&str>, body: &str) -> Self {
        Self {
            status: Some(status),
            code: element(body, "Code").map(|code| quoted(&code)),
            message: element(body, "Message").and_then(|said| message(&said)),
            region: region.map(quoted),
            sdk_message: String::new(),
        }
    }

    /// Whether S3 reports that the bucket does not exist.
    pub fn is_of_bucket(&self) -> bool {
        self.code.as_deref() == Some("NoSuchBucket")
    }

    /// One sentence for people: what S3 answered and what to do. `right` is the action that was needed,
    /// such as `s3:GetObject`; `own_region` is the client's region.
    pub fn words(&self, right: &str, own_region: Option<&str>) -> String {
        let Some(status) = self.status else {
            return self.sdk_message.clone();
        };
        let mut words = format!("S3 answers {status}");
        for (before, part) in [(" ", &self.code), (": ", &self.message)] {
            if let Some(part) = part {
                words = words + before + part.trim_end_matches('.');
            }
        }
        // For example an answer of 200 that the SDK cannot parse, or a body that is not an S3 error.
        if self.code.is_none()
            && self.message.is_none()
            && let Some(said) = message(&self.sdk_message)
        {
            words = words + ": " + &said;
        }
        match self.remedy(status, right, own_region) {
            Some(remedy) => format!("{words}; {remedy}"),
            None => words,
        }
    }

    fn remedy(&self, status: u16, right: &str, own_region: Option<&str>) -> Option<String> {
        if let Some(region) = &self.region
            && own_region.is_some_and(|own| own != region)
            && matches!(status, 301 | 307 | 400 | 403)
        {
            return Some(format!("the bucket is in {region}: set AWS_REGION to that"));
        }
        let code = self.code.as_deref().unwrap_or_default();
        let said = self.message.as_deref().unwrap_or_default();
        let remedy = match (status, code) {
            (301, _) => "the bucket is in another region: set AWS_REGION to its own",
            (_, "NoSuchBucket") => "there is no such bucket: check its name",
            (_, "InvalidObjectState") => "the object is archived: restore it",
            (_, "ExpiredToken" | "TokenRefreshRequired") => "log in again",
            (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken") => {
                "check the credentials"
            }
            (_, "RequestTimeTooSkewed") => "set the clock",
            (_, code) if code.starts_with("KMS.") => {
                "check the bucket's KMS key: S3 cannot use it, for it is disabled or deleted, say"
            }
            (403, _) if said.contains("explicit deny") => "a policy denies it",
            (403, _) if said.contains("not authorized to perform: kms:") => {
                "grant the role kms:Decrypt and kms:GenerateDataKey on the bucket's KMS key"
            }
            (400, _) if code.is_empty() || said.contains("Server Side Encryption") => {
                "the object may be encrypted with a key that S3 does not keep (SSE-C), which cannot be \
                 read: upload it without one"
            }
            (403, _) => {
                let more = match right {
                    "s3:GetObject" => {
                        "there, and s3:ListBucket on the bucket, for without that S3 answers 403 where \
                         there is nothing, too; if it is encrypted with KMS, also grant kms:Decrypt on \
                         the key"
                    }
                    "s3:PutObject" => {
                        "there; if the bucket encrypts with KMS, also grant kms:GenerateDataKey and \
                         kms:Decrypt on the key"
                    }
                    "s3:ListBucket" => "on the bucket",
                    _ => "there",
                };
                return Some(format!("grant the role {right} {more}"));
            }
            _ => return None,
        };
        Some(remedy.to_owned())
    }
}

/// Explains a refused HEAD, whose answer has no body, by a GET of the first byte. If that GET is not
/// refused with the same status, `head` is returned unchanged.
pub async fn explained(s3: &Client, bucket: &str, key: &str, head: Refusal) -> Refusal {
    if !matches!(head.status, Some(301 | 400 | 403)) {
        return head;
    }
    let get = s3.get_object().bucket(bucket).key(key).range("bytes=0-0");
    match get.send().await {
        Ok(_) => head,
        Err(error) => {
            let got = Refusal::of(&error);
            // The object may have been deleted since the HEAD.
            if got.status == head.status {
                Refusal {
                    region: got.region.or(head.region),
                    ..got
                }
            } else {
                head
            }
        }
    }
}

/// Whether S3 reports that the bucket `bucket` does not exist. A refusal of this question does not prove
/// it.
pub async fn bucket_is_missing(s3: &Client, bucket: &str) -> bool {
    let answer = s3.head_bucket().bucket(bucket).send().await;
    let status = answer.err().and_then(|error| Refusal::of(&error).status);
    status == Some(404)
}

/// Content of the first XML element `name`.
fn element(body: &str, name: &str) -> Option<String> {
    let (_, after) = body.split_once(&format!("<{name}>"))?;
    let (content, _) = after.split_once(&format!("</{name}>"))?;
    let plain = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    Some(
        plain
            .iter()
            .fold(content.to_owned(), |text, (entity, plain)| {
                text.replace(entity, plain)
            }),
    )
}

/// A message that may be quoted; `None` if it echoes a signed request.
fn message(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let is_secret = ["x-amz-", "signature=", "://"]
        .iter()
        .any(|sign| lower.contains(sign));
    (!is_secret && !text.trim().is_empty()).then(|| quoted(text))
}

/// Shortens a text from the server to one line without control characters.
fn quoted(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = text
        .trim()
        .chars()
        .map(plain)
        .take(LONGEST_MESSAGE)
        .collect();
    if text.trim().chars().nth(LONGEST_MESSAGE).is_some() {
        line + "…"
    } else {
        line
    }
}

#[cfg(test)]
mod tests;
