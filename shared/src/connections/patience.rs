//! How long an attempt may take, how often a request is sent, and which errors of S3's pass.

use std::error::Error;

use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        retry::{ClassifyRetry, RetryAction, RetryConfig},
        timeout::TimeoutConfig,
    },
    error::ProvideErrorMetadata,
    operation::{delete_object::DeleteObjectError, put_object::PutObjectError},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::context::{
            BeforeTransmitInterceptorContextMut, FinalizerInterceptorContextRef, InterceptorContext,
        },
        orchestrator::Metadata,
    },
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::{
    backoff::{Backoff, attempt_timeout},
    deadline::Deadline,
};

/// S3's code for a conditional write that comes while another write of the object is under way.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
const CONFLICT: &str = "ConditionalRequestConflict";

const TOO_MANY_REQUESTS: u16 = 429;

/// How many bytes an operation uploads.
#[derive(Clone, Copy, Debug)]
struct UploadSize(u64);

impl Storable for UploadSize {
    type Storer = StoreReplace<Self>;
}

/// Derives the timeout of each attempt from the deadline of the invocation and from the size of what
/// is uploaded, and has uploads tried for longer than other requests.
#[derive(Debug)]
pub(super) struct Patience;

impl Intercept for Patience {
    fn name(&self) -> &'static str {
        "Patience"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.request().body().content_length();
        let size = UploadSize(bytes.unwrap_or_default());
        config.interceptor_state().store_put(size);
        set_timeout(config);
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        let is_governed = Deadline::governing().is_some();
        let retries = config.load::<RetryConfig>();
        if let Some(retries) = retries.and_then(|usual| persistent(operation, is_governed, usual)) {
            config.interceptor_state().store_put(retries);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        set_timeout(config);
        Ok(())
    }
}

/// The retries of an upload, in place of the `usual` ones: what is uploaded has been rendered.
/// Without a deadline, or where nothing is retried at all, the usual ones stay.
fn persistent(operation: &str, is_governed: bool, usual: &RetryConfig) -> Option<RetryConfig> {
    let is_wanted = operation == "PutObject" && is_governed && usual.has_retry();
    let attempts = Backoff::PERSISTENT.attempts;
    is_wanted.then(|| usual.clone().with_max_attempts(attempts))
}

/// Sets the timeout of the next attempt.
fn set_timeout(config: &mut ConfigBag) {
    let bytes = config.load::<UploadSize>().map_or(0, |size| size.0);
    let left = Deadline::governing().map(Deadline::left);
    let timeouts = config.load::<TimeoutConfig>().cloned();
    let timeouts = timeouts
        .unwrap_or_else(TimeoutConfig::disabled)
        .to_builder();
    let timeout = attempt_timeout(left, bytes);
    let timeouts = timeouts.operation_attempt_timeout(timeout).build();
    config.interceptor_state().store_put(timeouts);
}

/// Errors that pass, though the SDK does not know them:
///
/// - a conflict: S3 asks that the write be sent again. It is no proof that the write's condition does not
///   hold;
/// - 429, with which S3s other than AWS throttle.
#[derive(Debug)]
pub(super) struct Passing;

impl ClassifyRetry for Passing {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let status = context.response().map(|answer| answer.status().as_u16());
        let code =
            code_of::<PutObjectError>(context).or_else(|| code_of::<DeleteObjectError>(context));
        if status == Some(TOO_MANY_REQUESTS) || code == Some(CONFLICT) {
            RetryAction::throttling_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "Passing"
    }
}

/// The code of the error that an operation with errors `E` has ended with.
fn code_of<E: ProvideErrorMetadata + Error + Send + Sync + 'static>(
    context: &InterceptorContext,
) -> Option<&str> {
    let error = context.output_or_error()?.err()?.as_operation_error()?;
    error.downcast_ref::<E>()?.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uploads_with_a_deadline_are_tried_for_longer() {
        let usual = RetryConfig::standard().with_max_attempts(8);
        let attempts = |operation, is_governed| {
            persistent(operation, is_governed, &usual).map(|retries| retries.max_attempts())
        };
        assert_eq!(attempts("PutObject", true), Some(24));
        assert_eq!(attempts("PutObject", false), None);
        assert_eq!(attempts("GetObject", true), None);
        assert!(persistent("PutObject", true, &RetryConfig::disabled()).is_none());
    }
}
