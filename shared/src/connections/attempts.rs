//! Sets the timeout of each attempt and the number of attempts, and classifies transient S3 errors.

use std::time::Duration;

use aws_sdk_s3::config::{
    ConfigBag, Intercept, RuntimeComponents,
    retry::{ClassifyRetry, RetryAction, RetryConfig},
    timeout::TimeoutConfig,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::context::{
            BeforeTransmitInterceptorContextMut, FinalizerInterceptorContextRef, InterceptorContext,
        },
        retries::RequestAttempts,
    },
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::{
    backoff::{Backoff, attempt_timeout},
    deadline::Deadline,
};

const CONFLICT: u16 = 409;

const TOO_MANY_REQUESTS: u16 = 429;

#[derive(Clone, Copy, Debug)]
struct UploadSize(u64);

impl Storable for UploadSize {
    type Storer = StoreReplace<Self>;
}

/// The retries of an operation before the deadline limits them.
#[derive(Clone, Debug)]
struct Retries(RetryConfig);

impl Storable for Retries {
    type Storer = StoreReplace<Self>;
}

/// Sets the timeout of each attempt, and decides whether another one follows, from the invocation's
/// deadline and the upload's size. So the client itself ends the attempts, and its error tells the
/// server's last answer. A timeout around the client would lose that answer.
#[derive(Debug)]
pub(super) struct AttemptLimits;

impl Intercept for AttemptLimits {
    fn name(&self) -> &'static str {
        "AttemptLimits"
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
        let usual = config.load::<RetryConfig>().cloned();
        let usual = usual.unwrap_or_else(RetryConfig::disabled);
        let retries = if Deadline::is_persisted() && usual.has_retry() {
            usual.with_max_attempts(Backoff::UNTIL_THE_DEADLINE.attempts)
        } else {
            usual
        };
        config.interceptor_state().store_put(retries.clone());
        config.interceptor_state().store_put(Retries(retries));
        set_timeout(config, Deadline::governing().map(Deadline::left));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let failures = config.load::<RequestAttempts>();
        let failures = failures.map_or(1, |attempts| attempts.attempts());
        let left = Deadline::governing().map(Deadline::left);
        let retries = config.load::<Retries>().cloned();
        let rest = match (left, retries) {
            (Some(left), Some(Retries(retries))) => {
                let rule = Backoff {
                    attempts: retries.max_attempts(),
                    first: retries.initial_backoff(),
                    longest: retries.max_backoff(),
                };
                let rule = rule.within(left);
                let retries = match rule {
                    Some(rule) => retries.with_max_backoff(rule.longest),
                    // Allows no further attempt.
                    None => retries.with_max_attempts(failures),
                };
                config.interceptor_state().store_put(retries);
                // The next pause is not drawn yet, so this assumes the longest.
                rule.map(|rule| left - rule.bound(failures))
            }
            (left, _) => left,
        };
        set_timeout(config, rest);
        Ok(())
    }
}

/// Sets the timeout of the next attempt when `left` remains until the deadline.
fn set_timeout(config: &mut ConfigBag, left: Option<Duration>) {
    let bytes = config.load::<UploadSize>().map_or(0, |size| size.0);
    let timeouts = config.load::<TimeoutConfig>().cloned();
    let timeouts = timeouts
        .unwrap_or_else(TimeoutConfig::disabled)
        .to_builder();
    let timeout = attempt_timeout(left, bytes);
    let timeouts = timeouts.operation_attempt_timeout(timeout).build();
    config.interceptor_state().store_put(timeouts);
}

/// Classifies as transient what the SDK does not:
///
/// - 409, a conflict: another write of the object is under way (`ConditionalRequestConflict`,
///   `OperationAborted`). S3 asks to send the request again. It does not prove that the precondition
///   failed. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
/// - 429: S3 servers other than AWS throttle with it.
#[derive(Debug)]
pub(super) struct TransientErrors;

impl ClassifyRetry for TransientErrors {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let status = context.response().map(|answer| answer.status().as_u16());
        if matches!(status, Some(CONFLICT | TOO_MANY_REQUESTS)) {
            RetryAction::throttling_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "TransientErrors"
    }
}
