//! The durable write: one object, one attempt, one outcome: stored, certainly not stored, or unknown.
//!
//! A put counts as written only if S3 answers 200, gives an `ETag` and echoes the SHA-256 that we
//! computed. Everything else is classified by its kind, status and S3 code, never by its text. The
//! module must not know memories or our HTTP responses, and must not retry.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>.

use std::fmt;

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memory_log::object::{CONTENT_TYPE, Object};
use memory_log::scope::WriteScope;
use tokio::time::{Instant, timeout_at};

use crate::aws::chain;
use crate::witness::Witness;

/// Puts memories into one bucket. It has no way to get or list them.
#[derive(Debug, Clone)]
pub struct Writer {
    client: Client,
    bucket: String,
}

/// The outcome of a put that proves the object durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The key was free: the object is new.
    Written,
    /// The key was taken. It is derived from the memory, so this same memory is already durable.
    AlreadyThere,
}

/// Why there is no proof that the object is stored, and what is known about it. The text is for the
/// log only, because S3's messages can name the bucket and the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// S3 certainly did not store it, and a repeat may succeed.
    Unavailable(String),
    /// S3 certainly did not store it, and a repeat will not help.
    Refused(String),
    /// The embedded S3 did not store it, because other bytes are under its key.
    Damaged(String),
    /// The request had begun, and nothing proves whether the object was stored.
    Unknown(String),
}

/// The code of the embedded S3, and of no other, for a put whose key has other bytes. Its status is
/// 409.
pub const OBJECT_DAMAGED: &str = "ObjectDamaged";

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(what) => write!(f, "not written, try again: {what}"),
            Self::Refused(what) => write!(f, "not written, refused: {what}"),
            Self::Damaged(what) => write!(f, "not written, the log is damaged: {what}"),
            Self::Unknown(what) => write!(f, "outcome unknown: {what}"),
        }
    }
}

impl std::error::Error for WriteError {}

impl Writer {
    /// A writer of this bucket.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
        }
    }

    /// Puts the object under its key if the key is free, in one attempt that ends at the deadline. The
    /// scope is the right of the caller to write there.
    ///
    /// # Errors
    /// [`WriteError`] says what is known about an object that is not proved to be stored.
    pub async fn put(
        &self,
        object: &Object,
        scope: &WriteScope,
        deadline: Instant,
    ) -> Result<Put, WriteError> {
        if !scope.covers(&object.key) {
            let what = "the scope is that of another entity";
            return Err(WriteError::Refused(what.to_owned()));
        }
        let digest = BASE64_STANDARD.encode(object.sha256);
        let witness = Witness::default();
        // `timeout_at` would begin the put before it looks at the time.
        if deadline <= Instant::now() {
            return Err(without_response(&witness, "the deadline had passed"));
        }
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&object.key)
            .if_none_match("*")
            .checksum_sha256(&digest)
            .content_type(CONTENT_TYPE)
            .body(ByteStream::from(object.body.clone()))
            .customize()
            .interceptor(witness.clone())
            .interceptor(SignedDigest(object.sha256))
            .send();
        match timeout_at(deadline, put).await {
            Ok(Ok(output)) => proof(&output, &digest, &witness),
            Ok(Err(error)) => classify(&error, &witness),
            Err(_) => Err(without_response(&witness, "the deadline passed")),
        }
    }
}

/// Gives the signature the digest that the object already has. Without it the SDK would hash the body
/// once more, for the same header field.
#[derive(Debug)]
struct SignedDigest([u8; 32]);

impl Intercept for SignedDigest {
    fn name(&self) -> &'static str {
        "SignedDigest"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
        let digest = PayloadSigningOverride::Precomputed(digits.collect());
        config.interceptor_state().store_put(digest);
        Ok(())
    }
}

/// The error of a put that ended without a response from S3.
fn without_response(witness: &Witness, what: &str) -> WriteError {
    if witness.give_up() {
        WriteError::Unavailable(format!("the request was never begun: {what}"))
    } else {
        WriteError::Unknown(format!("no answer after the request had begun: {what}"))
    }
}

/// Only a 200 with an `ETag` and our own digest proves the write: the SDK takes any 2xx as success.
fn proof(output: &PutObjectOutput, digest: &str, witness: &Witness) -> Result<Put, WriteError> {
    let status = witness.status();
    let etag = output
        .e_tag()
        .is_some_and(|etag| !etag.trim_matches('"').is_empty());
    let echoed = output.checksum_sha256() == Some(digest);
    if status == 200 && etag && echoed {
        return Ok(Put::Written);
    }
    Err(WriteError::Unknown(format!(
        "a {status} that proves nothing (ETag given: {etag}, our SHA-256 echoed: {echoed}, S3's request id: {})",
        output.request_id().unwrap_or("none"),
    )))
}

fn classify(error: &SdkError<PutObjectError>, witness: &Witness) -> Result<Put, WriteError> {
    let SdkError::ServiceError(response) = error else {
        return Err(without_response(witness, &chain(error)));
    };
    let status = response.raw().status().as_u16();
    // The SDK reads the code even of a document that was cut off after it.
    let is_whole = response
        .raw()
        .body()
        .bytes()
        .is_some_and(|body| body.trim_ascii_end().ends_with(b"</Error>"));
    let code = response
        .err()
        .code()
        .filter(|code| is_whole && !code.is_empty());
    let what = format!(
        "S3 answered {status} {}: {} (S3's request id: {})",
        code.unwrap_or("without a code"),
        response.err().message().unwrap_or("no message"),
        response.err().request_id().unwrap_or("none"),
    );
    outcome(status, code, what)
}

/// What S3's status and code say about the object (contract 3.9).
fn outcome(status: u16, code: Option<&str>, what: String) -> Result<Put, WriteError> {
    Err(match (status, code) {
        (412, Some("PreconditionFailed")) => return Ok(Put::AlreadyThere),
        (200..=299, _) | (_, None) => WriteError::Unknown(what),
        (
            _,
            Some(
                "SlowDown"
                | "ConditionalRequestConflict"
                | "RequestTimeout"
                | "RequestTimeTooSkewed"
                | "ExpiredToken",
            ),
        ) => WriteError::Unavailable(what),
        (409, Some(OBJECT_DAMAGED)) => WriteError::Damaged(what),
        (300..=499 | 501, Some(_)) => WriteError::Refused(what),
        (_, Some(_)) => WriteError::Unknown(what),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Known {
        Stored,
        Unavailable,
        Refused,
        Damaged,
        Unknown,
    }

    fn known(status: u16, code: Option<&str>) -> Known {
        match outcome(status, code, String::new()) {
            Ok(_) => Known::Stored,
            Err(WriteError::Unavailable(_)) => Known::Unavailable,
            Err(WriteError::Refused(_)) => Known::Refused,
            Err(WriteError::Damaged(_)) => Known::Damaged,
            Err(WriteError::Unknown(_)) => Known::Unknown,
        }
    }

    #[test]
    fn only_a_412_with_its_code_says_that_the_memory_is_already_there() {
        assert_eq!(known(412, Some("PreconditionFailed")), Known::Stored);
        assert_eq!(known(412, None), Known::Unknown);
        assert_eq!(known(412, Some("preconditionfailed")), Known::Refused);
        assert_eq!(known(409, Some("PreconditionFailed")), Known::Refused);
        assert_eq!(known(200, Some("PreconditionFailed")), Known::Unknown);
    }

    #[test]
    fn a_code_that_asks_for_a_repeat_is_unavailable_at_every_status_but_a_success() {
        for code in [
            "SlowDown",
            "ConditionalRequestConflict",
            "RequestTimeout",
            "RequestTimeTooSkewed",
            "ExpiredToken",
        ] {
            for status in [400, 403, 409, 500, 503] {
                assert_eq!(
                    known(status, Some(code)),
                    Known::Unavailable,
                    "{status} {code}"
                );
            }
            assert_eq!(known(200, Some(code)), Known::Unknown, "200 {code}");
        }
    }

    #[test]
    fn only_a_coded_redirect_client_error_or_501_is_a_refusal() {
        for status in [301, 307, 400, 403, 404, 405, 499, 501] {
            assert_eq!(
                known(status, Some("AccessDenied")),
                Known::Refused,
                "{status}"
            );
            assert_eq!(
                known(status, None),
                Known::Unknown,
                "{status} without a code"
            );
        }
        for status in [199, 200, 204, 299, 500, 502, 503, 504] {
            assert_eq!(
                known(status, Some("InternalError")),
                Known::Unknown,
                "{status}"
            );
        }
    }

    #[test]
    fn only_a_409_with_its_code_says_that_the_log_is_damaged() {
        assert_eq!(known(409, Some(OBJECT_DAMAGED)), Known::Damaged);
        assert_eq!(known(409, Some("OperationAborted")), Known::Refused);
        assert_eq!(known(400, Some(OBJECT_DAMAGED)), Known::Refused);
        assert_eq!(known(412, Some(OBJECT_DAMAGED)), Known::Refused);
        assert_eq!(known(200, Some(OBJECT_DAMAGED)), Known::Unknown);
        assert_eq!(known(500, Some(OBJECT_DAMAGED)), Known::Unknown);
    }

    #[test]
    fn an_error_says_what_is_known_before_what_was_said() {
        for (error, text) in [
            (
                WriteError::Unavailable("x".into()),
                "not written, try again: x",
            ),
            (WriteError::Refused("x".into()), "not written, refused: x"),
            (
                WriteError::Damaged("x".into()),
                "not written, the log is damaged: x",
            ),
            (WriteError::Unknown("x".into()), "outcome unknown: x"),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn a_put_that_never_began_is_unavailable() {
        let error = without_response(&Witness::default(), "late");
        assert!(matches!(error, WriteError::Unavailable(_)), "{error}");
    }

    #[tokio::test]
    async fn a_put_without_a_response_is_unknown_once_its_body_was_polled() {
        let witness = Witness::default();
        let body = ByteStream::new(witness.watch("{}".into()));
        body.collect().await.unwrap();
        let error = without_response(&witness, "late");
        assert!(matches!(error, WriteError::Unknown(_)), "{error}");
    }
}
