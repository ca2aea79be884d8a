//! What S3 said instead of doing what it was asked, and what to do about it.
//!
//! Of an error's body only the code and the message are taken. Other fields echo parts of the request,
//! the signature among them.

use std::error::Error;

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::error_chain::with_causes;

/// The header with the region that a bucket is in.
const BUCKET_REGION: &str = "x-amz-bucket-region";

/// Longest message that is quoted, in characters. IAM's, which name role, action and resource, have
/// some 300.
const LONGEST_MESSAGE: usize = 400;

/// What S3 answered, if it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; `None` if there was no answer.
    pub status: Option<u16>,
    /// S3's code, if there was a body: `AccessDenied`, …
    pub code: Option<String>,
    /// S3's message.
    pub message: Option<String>,
    /// The region that S3 says the bucket is in.
    pub region: Option<String>,
    /// What the SDK says.
    said: String,
}

impl Refusal {
    /// From an error of the SDK's.
    pub fn of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> Self {
        let answer = error.raw_response();
        let region = answer.and_then(|answer| answer.headers().get(BUCKET_REGION));
        // To an error without a body, as HEAD's, the SDK has nothing to add.
        let is_empty = answer.is_some_and(|answer| {
            !answer.status().is_success() && answer.body().bytes().is_some_and(<[u8]>::is_empty)
        });
        Self {
            status: answer.map(|answer| answer.status().as_u16()),
            code: error.code().map(quoted),
            message: error.message().and_then(message),
            region: region.map(quoted),
            said: if is_empty {
                String::new()
            } else {
                with_causes(error)
            },
        }
    }

    /// From an answer to a presigned request, with as much of its body as was read.
    pub fn of_answer(status: u16, region: Option<&str>, body: &str) -> Self {
        Self {
            status: Some(status),
            code: element(body, "Code").map(|code| quoted(&code)),
            message: element(body, "Message").and_then(|said| message(&said)),
            region: region.map(quoted),
            said: String::new(),
        }
    }

    /// Whether S3 says that there is no such bucket.
    pub fn is_of_bucket(&self) -> bool {
        self.code.as_deref() == Some("NoSuchBucket")
    }

    /// One sentence for people: what came back, and what to do. `right` is the action that was
    /// needed, such as `s3:GetObject`, and `own_region` the client's.
    pub fn words(&self, right: &str, own_region: Option<&str>) -> String {
        let Some(status) = self.status else {
            return self.said.clone();
        };
        let mut words = format!("S3 answers {status}");
        for (before, part) in [(" ", &self.code), (": ", &self.message)] {
            if let Some(part) = part {
                words = words + before + part.trim_end_matches('.');
            }
        }
        // An answer of success that the SDK cannot use, say, or a body that is no error of S3's.
        if self.code.is_none()
            && self.message.is_none()
            && let Some(said) = message(&self.said)
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

/// The refusal of a HEAD of an object, whose answer has no body: one GET of the first byte tells more.
/// What a HEAD is refused for and a GET is not is left as it is.
pub async fn explained(s3: &Client, bucket: &str, key: &str, head: Refusal) -> Refusal {
    if !matches!(head.status, Some(301 | 400 | 403)) {
        return head;
    }
    let get = s3.get_object().bucket(bucket).key(key).range("bytes=0-0");
    match get.send().await {
        Ok(_) => head,
        Err(error) => {
            let got = Refusal::of(&error);
            // The object may be gone since.
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

/// Whether S3 says that there is no bucket of this name. That it may not be asked is no such proof.
pub async fn bucket_is_missing(s3: &Client, bucket: &str) -> bool {
    let answer = s3.head_bucket().bucket(bucket).send().await;
    let status = answer.err().and_then(|error| Refusal::of(&error).status);
    status == Some(404)
}

/// The content of the first element of this name.
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

/// A message as it may be quoted; `None` if it echoes a signed request.
fn message(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let is_secret = ["x-amz-", "signature=", "://"]
        .iter()
        .any(|sign| lower.contains(sign));
    (!is_secret && !text.trim().is_empty()).then(|| quoted(text))
}

/// A text of the server's in one line, without control characters, and not too long.
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
