use super::*;

fn said(status: u16, region: Option<&str>, body: &str) -> String {
    Refusal::of_answer(status, region, body).words("s3:GetObject", Some("eu-central-1"))
}

fn body(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <StringToSign>AWS4-HMAC-SHA256 secret</StringToSign></Error>"
    )
}

#[test]
fn a_refused_right_is_named() {
    let said = said(403, None, &body("AccessDenied", "Access Denied"));
    assert!(
        said.starts_with("S3 answers 403 AccessDenied: Access Denied; grant the role s3:GetObject")
    );
    assert!(
        said.contains("s3:ListBucket") && said.contains("kms:Decrypt"),
        "{said}"
    );
}

#[test]
fn the_advice_is_about_the_right_that_is_needed() {
    let refusal = Refusal::of_answer(403, None, "");
    let words = |right| refusal.words(right, None);
    let put = words("s3:PutObject");
    assert!(put.contains("kms:GenerateDataKey") && !put.contains("s3:ListBucket"));
    let list = words("s3:ListBucket");
    assert_eq!(
        list,
        "S3 answers 403; grant the role s3:ListBucket on the bucket"
    );
    let delete = words("s3:DeleteObject");
    assert_eq!(
        delete,
        "S3 answers 403; grant the role s3:DeleteObject there"
    );
}

#[test]
fn what_the_sdk_says_is_told_where_s3_says_nothing() {
    let of = |status, said: &str| Refusal {
        sdk_message: said.into(),
        ..Refusal::of_answer(status, None, "")
    };
    let words = |status, said| of(status, said).words("s3:GetObject", None);
    let said = "response error: failed to parse the ETag";
    assert_eq!(words(200, said), format!("S3 answers 200: {said}"));
    assert_eq!(words(502, "no XML"), "S3 answers 502: no XML");
    assert_eq!(
        words(502, "bad: https://a/b?X-Amz-Signature=5e"),
        "S3 answers 502"
    );
}

#[test]
fn a_denied_key_is_told_from_a_denied_object() {
    let message = "User: arn:aws:sts::1:assumed-role/worker is not authorized to perform: \
                   kms:Decrypt on resource: arn:aws:kms:eu-central-1:1:key/2";
    let denied = said(403, None, &body("AccessDenied", message));
    assert!(denied.contains(message), "{denied}");
    assert!(
        denied.ends_with(
            "; grant the role kms:Decrypt and kms:GenerateDataKey on the bucket's KMS key"
        )
    );
    let disabled = said(
        400,
        None,
        &body("KMS.DisabledException", "the key is disabled"),
    );
    assert!(
        disabled.contains("; check the bucket's KMS key"),
        "{disabled}"
    );
    let denied = format!("{message} with an explicit deny in a resource-based policy");
    let denied = said(403, None, &body("AccessDenied", &denied));
    assert!(denied.ends_with("; a policy denies it"), "{denied}");
}

#[test]
fn another_region_is_named() {
    let remedy = "; the bucket is in us-west-2: set AWS_REGION to that";
    for status in [301, 400, 403] {
        let said = said(status, Some("us-west-2"), "");
        assert_eq!(said, format!("S3 answers {status}{remedy}"));
    }
    // Its own region comes with other refusals.
    assert!(!said(403, Some("eu-central-1"), "").contains("AWS_REGION"));
    assert!(said(301, None, "").contains("in another region"));
}

#[test]
fn a_bad_request_without_a_body_may_be_an_unknown_key() {
    assert!(said(400, None, "").contains("SSE-C"));
    let message = "The object was stored using a form of Server Side Encryption.";
    assert!(said(400, None, &body("InvalidRequest", message)).contains("SSE-C"));
    assert!(!said(400, None, &body("InvalidArgument", "no")).contains("SSE-C"));
}

#[test]
fn what_echoes_a_signed_request_is_not_quoted() {
    for message in [
        "no such path: /a?X-Amz-Signature=5ec2e7",
        "no such path: /a?x-amz-credential=AKIA",
        "cannot parse https://films.s3.amazonaws.com/a?b",
        "?Signature=5ec2e7",
    ] {
        let said = said(403, None, &body("SignatureDoesNotMatch", message));
        assert_eq!(
            said,
            "S3 answers 403 SignatureDoesNotMatch; check the credentials"
        );
    }
}

#[test]
fn a_long_or_hostile_message_fits_in_a_line() {
    let message = format!("\u{1b}[31mred\r\n{}", "x".repeat(10_000));
    let said = said(418, None, &body("Teapot", &message));
    assert!(said.chars().count() < 450, "{said}");
    assert!(!said.contains(char::is_control), "{said:?}");
    assert!(said.ends_with('…'));
}

#[test]
fn entities_are_read_once() {
    let said = said(418, None, &body("Teapot", "a &amp;lt; b &lt; c"));
    assert_eq!(said, "S3 answers 418 Teapot: a &lt; b < c");
}

#[test]
fn a_body_that_is_no_error_is_not_quoted() {
    for body in ["", "<html>nginx</html>", "<Code>half", "</Code><Code>"] {
        assert_eq!(said(502, None, body), "S3 answers 502");
    }
}
