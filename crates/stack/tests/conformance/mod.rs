//! A conformance suite: what gifgen expects of any S3 server.
//!
//! Each check is `async fn(&Client, &str)`. It takes an SDK client (path style, with full rights)
//! and an existing bucket. Its keys start with its own name, so checks may share a bucket. It
//! panics on failure.
//!
//! From the integration tests of another crate:
//!
//! ```ignore
//! #[path = "../../stack/tests/conformance/mod.rs"]
//! mod conformance;
//! conformance::conformance(&client, "films", &["a_wrong_signature_is_refused"]).await;
//! ```
//!
//! That needs the dev-dependencies `aws-sdk-s3`, `bytes`, `futures`, `http-body-util`, `hyper` and
//! `hyper-util` (with `client-legacy`, `http1`) from the workspace.

#![allow(dead_code)] // Each test program uses a part of it.

pub mod conditions;
pub mod errors;
pub mod keys;
pub mod lists;
pub mod multipart;
pub mod objects;
pub mod presigned;
pub mod ranges;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

/// Calls the macro `$callback` with all checks, by module.
#[macro_export]
macro_rules! each_check {
    ($callback:ident) => {
        $callback! {
            objects: what_was_put_comes_back_with_its_headers,
                an_empty_object_is_an_object,
                an_object_is_replaced_whole,
                a_large_body_streams_both_ways,
                a_file_streams_in_chunks,
                a_body_that_does_not_match_its_digest_is_refused,
                a_body_that_does_not_match_its_crc_is_refused,
                a_checksum_is_kept_and_told_to_who_asks,
                a_body_that_does_not_match_its_sha_256_is_refused,
                a_copy_is_an_object_of_its_own,
                deleted_objects_are_gone;
            ranges: ranges_give_the_bytes_that_they_name,
                a_range_behind_the_end_is_refused;
            conditions: a_read_with_if_match_or_if_none_match_is_conditional,
                an_etag_may_come_without_quotes,
                a_read_with_a_date_is_conditional,
                only_one_of_sixteen_racing_creators_wins,
                only_one_of_sixteen_racing_replacers_wins,
                a_delete_with_if_match_spares_what_was_replaced,
                a_put_if_none_match_fails_when_the_object_exists;
            errors: what_is_missing_is_not_found;
            keys: awkward_keys_are_stored_and_listed,
                a_key_with_a_newline_is_stored,
                keys_of_1024_bytes_are_stored_and_longer_ones_refused;
            lists: pages_follow_each_other_without_gaps,
                a_delimiter_rolls_up_what_is_below,
                start_after_is_exclusive,
                a_listing_can_be_url_encoded,
                the_first_version_of_the_list_call_works_too;
            multipart: parts_become_one_object,
                a_part_can_be_replaced_before_the_end,
                a_single_small_part_is_enough,
                wrong_parts_are_refused,
                an_aborted_upload_is_gone,
                a_multipart_upload_can_be_conditional;
            presigned: a_presigned_url_gives_ranges_without_credentials,
                an_expired_url_is_refused,
                a_wrong_signature_is_refused;
        }
    };
}

/// Runs all checks in sequence, except those named in `skip`.
pub async fn conformance(client: &Client, bucket: &str, skip: &[&str]) {
    macro_rules! run {
        ($($module:ident: $($check:ident),+;)+) => {$($(
            if !skip.contains(&stringify!($check)) {
                println!("{}", stringify!($check));
                $module::$check(client, bucket).await;
            }
        )+)+};
    }
    each_check!(run);
}

/// A path-style client for an endpoint on this machine.
pub fn client(endpoint: &str, access_key_id: &str, secret_access_key: &str) -> Client {
    let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "test");
    Client::from_conf(
        aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .credentials_provider(credentials)
            .region(Region::new("us-east-1"))
            .force_path_style(true)
            .build(),
    )
}

/// Puts a small object, and returns the server's ETag.
pub async fn put(client: &Client, bucket: &str, key: &str, body: &[u8]) -> String {
    let put = client.put_object().bucket(bucket).key(key);
    let put = put.body(ByteStream::from(body.to_vec())).send().await;
    put.unwrap().e_tag.unwrap()
}

pub async fn get(client: &Client, bucket: &str, key: &str) -> Bytes {
    let got = client.get_object().bucket(bucket).key(key).send().await;
    got.unwrap().body.collect().await.unwrap().into_bytes()
}

/// The HTTP status and error code of a call that must have failed.
pub fn failure<T, E>(result: Result<T, SdkError<E>>) -> (u16, String)
where
    E: ProvideErrorMetadata,
{
    let error = result.err().expect("the call should have failed");
    let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
    (status, error.code().unwrap_or_default().to_owned())
}

/// Bytes without a period, so that a shifted range is detected.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length as u64)
        .map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
        .collect()
}
