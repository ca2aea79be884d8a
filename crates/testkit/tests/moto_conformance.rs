//! Runs the conformance suite against moto, to show that it describes S3 and not only our server.

#[path = "../../stack/tests/conformance/mod.rs"]
mod conformance;

use gifgen_testkit::{moto::Moto, test_env::FILMS};

/// Checks that moto fails although S3 passes them. Shorten this list when moto improves.
const MOTO_LACKS: [&str; 11] = [
    "a_body_that_does_not_match_its_digest_is_refused", // taken
    "a_body_that_does_not_match_its_crc_is_refused",    // taken
    "a_body_that_does_not_match_its_sha_256_is_refused", // taken
    "a_key_with_a_newline_is_stored",                   // 404
    "keys_of_1024_bytes_are_stored_and_longer_ones_refused", // longer ones are stored
    "the_first_version_of_the_list_call_works_too",     // a common prefix comes on two pages
    "parts_become_one_object",                          // ListParts answers XML of another name
    "wrong_parts_are_refused",                          // with another code
    "an_aborted_upload_is_gone",                        // 500
    "an_expired_url_is_refused",                        // expiry is not looked at
    "a_wrong_signature_is_refused",                     // signatures are not looked at
];

#[tokio::test]
async fn moto_passes_the_embedded_servers_suite_but_for_what_it_is_known_to_lack() {
    let moto = Moto::start().await;
    let mut failed = Vec::new();
    macro_rules! run {
        ($($module:ident: $($check:ident),+;)+) => {$($(
            let client = moto.s3().clone();
            let check = async move { conformance::$module::$check(&client, FILMS).await };
            // In its own task, so that a failure ends this check only.
            if tokio::spawn(check).await.is_err() {
                failed.push(stringify!($check));
            }
        )+)+};
    }
    each_check!(run);
    assert_eq!(failed, MOTO_LACKS);
}
