//! The durable put: one object, one attempt, and what is known about it afterwards.
//!
//! A put counts as written only if S3 answers 200, gives an `ETag` and echoes the SHA-256 that we
//! computed. Everything else is classified by its kind, status and S3 code, never by its text. The
//! module is private: who may put what is decided by the types around it. It must not know memories,
//! events or our HTTP responses, and must not retry.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>.

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use memory_log::object::CONTENT_TYPE;
use tokio::time::{Instant, timeout_at};

use crate::aws::chain;
use crate::bucket::Bucket;
use crate::failure::{Failure, code};
use crate::tally::{Kind, Tally};
use crate::witness::Witness;

/// The code of the embedded S3, and of no other, for a put whose key has other bytes. Its status is
/// 409.
pub(crate) const OBJECT_DAMAGED: &str = "ObjectDamaged";

/// The code of the embedded S3, and of no other, for a put into the folder of another name, which differs
/// in case only. Its status is 409, and its message is the beginning of the keys that are there.
pub(crate) const NAME_COLLISION: &str = "NameCollision";

/// An object that the bucket may not have yet.
pub(crate) struct NewObject<'a> {
    pub(crate) key: &'a str,
    pub(crate) body: &'a Bytes,
    pub(crate) sha256: [u8; 32],
}

/// What is known after a put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The key was free. The object is durable.
    Written,
    /// The key was taken, and nothing was written.
    Taken,
    /// The embedded S3 wrote nothing, because the key was taken by other bytes.
    TakenByOthers(Failure),
    /// The embedded S3 wrote nothing, because its disk takes the key for one with this beginning.
    Collides(Failure),
    /// Another put of this key was under way, and nothing was written.
    Conflict(Failure),
    /// Certainly nothing was written, and a repeat may succeed.
    Unavailable(Failure),
    /// Certainly nothing was written, and a repeat will not help.
    Refused(Failure),
    /// The request had begun, and nothing proves whether the object was written.
    Unknown(Failure),
}

/// A bucket for puts alone: its client watches each of them on the wire.
///
/// The interceptor belongs to the client. With one of each call, the SDK merges the settings of the call and
/// boxes its future once more, which takes 3 % of a write.
#[derive(Debug, Clone)]
pub(crate) struct PutBucket(Bucket);

impl PutBucket {
    pub(crate) fn new(client: Client, name: impl Into<String>) -> Self {
        let bucket = Bucket::new(client, name);
        let settings = bucket.client.config().to_builder().interceptor(Watch);
        Self(Bucket {
            client: Client::from_conf(settings.build()),
            ..bucket
        })
    }

    /// The same bucket, whose puts this tally counts.
    pub(crate) fn counted(&self, tally: &Tally) -> Self {
        Self(self.0.counted(tally))
    }

    /// Puts the object if its key is free, in one attempt that ends at the deadline.
    pub(crate) async fn put(&self, object: NewObject<'_>, deadline: Instant) -> Outcome {
        let digest = BASE64_STANDARD.encode(object.sha256);
        let witness = Witness::default();
        // `timeout_at` would begin the put before it looks at the time.
        if deadline <= Instant::now() {
            return without_response(&witness, "the deadline had passed");
        }
        let Self(bucket) = self;
        let call = bucket.tally.begin(Kind::Put, &bucket.name);
        let put = bucket
            .client
            .put_object()
            .bucket(&bucket.name)
            .key(object.key)
            .if_none_match("*")
            .checksum_sha256(&digest)
            .content_type(CONTENT_TYPE)
            .body(ByteStream::from(object.body.clone()))
            .send();
        // Of 10 kB, and moved by every layer around it.
        let put = Box::pin(put);
        let attempt = Attempt {
            witness: witness.clone(),
            sha256: object.sha256,
        };
        let put = timeout_at(deadline, ATTEMPT.scope(attempt, put)).await;
        let span = call.span();
        drop(call);
        let id = put.as_ref().ok().and_then(|put| match put {
            Ok(output) => output.request_id(),
            Err(error) => error.as_service_error().and_then(RequestId::request_id),
        });
        bucket.tally.add(|counts| {
            counts.connecting = witness.connecting();
            counts.request_id = id.map(str::to_owned);
        });
        span.fill(|span| {
            span.name_of_memory("aws.s3.key", object.key);
            if let Some(id) = id {
                span.text("aws.request_id", id);
            }
        });
        let outcome = match put {
            Ok(Ok(output)) => proof(&output, &digest, &witness),
            Ok(Err(error)) => classify(&error, &witness),
            Err(_) => without_response(&witness, "the deadline passed"),
        };
        span.fill(|span| match &outcome {
            Outcome::Written | Outcome::Taken => {}
            Outcome::TakenByOthers(why)
            | Outcome::Collides(why)
            | Outcome::Conflict(why)
            | Outcome::Unavailable(why)
            | Outcome::Refused(why)
            | Outcome::Unknown(why) => span.failed(why.code.as_deref()),
        });
        outcome
    }
}

/// What the interceptor has to know about a put.
struct Attempt {
    witness: Witness,
    sha256: [u8; 32],
}

tokio::task_local! {
    /// The put that this task is making. The SDK calls interceptors while it is polled, and gives them nothing
    /// else of the call.
    static ATTEMPT: Attempt;
}

/// Lets the witness of a put see it, and gives the signature the digest that the object already has.
/// Without it the SDK would hash the body once more, for the same header field. A call that is not a put of
/// this module fails before it is sent.
#[derive(Debug)]
struct Watch;

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let sha256 = ATTEMPT.try_with(|attempt| attempt.sha256)?;
        let digits = sha256.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        // Always a digit. The length is known, so the text is allocated once.
        let digits = digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default());
        let digest = PayloadSigningOverride::Precomputed(digits.collect());
        config.interceptor_state().store_put(digest);
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request_mut().body_mut();
        ATTEMPT.try_with(|attempt| attempt.witness.watch_sent(body))?;
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let status = context.response().status().as_u16();
        ATTEMPT.try_with(|attempt| attempt.witness.answered(status))?;
        Ok(())
    }
}

/// What is known after a put that ended without a response from S3.
fn without_response(witness: &Witness, what: &str) -> Outcome {
    if witness.give_up() {
        Outcome::Unavailable(format!("the request was never begun: {what}").into())
    } else {
        Outcome::Unknown(format!("no answer after the request had begun: {what}").into())
    }
}

/// Only a 200 with an `ETag` and our own digest proves the write: the SDK takes any 2xx as success.
fn proof(output: &PutObjectOutput, digest: &str, witness: &Witness) -> Outcome {
    let status = witness.status();
    let etag = output
        .e_tag()
        .is_some_and(|etag| !etag.trim_matches('"').is_empty());
    let echoed = output.checksum_sha256() == Some(digest);
    if status == 200 && etag && echoed {
        return Outcome::Written;
    }
    Outcome::Unknown(Failure {
        what: format!(
            "a {status} that proves nothing (ETag given: {etag}, our SHA-256 echoed: {echoed})"
        ),
        code: None,
        request_id: output.request_id().map(str::to_owned),
    })
}

fn classify(error: &SdkError<PutObjectError>, witness: &Witness) -> Outcome {
    let SdkError::ServiceError(response) = error else {
        return without_response(witness, &chain(error));
    };
    let status = response.raw().status().as_u16();
    let code = code(error);
    if let (409, Some(NAME_COLLISION), Some(there)) = (status, code, response.err().message()) {
        return Outcome::Collides(there.into());
    }
    let what = format!(
        "S3 answered {status} {}: {}",
        code.unwrap_or("without a code"),
        response.err().message().unwrap_or("no message"),
    );
    outcome(status, code, Failure::of(error, what))
}

/// What S3's status and code say about the object (contract 3.9).
fn outcome(status: u16, code: Option<&str>, what: Failure) -> Outcome {
    match (status, code) {
        (412, Some("PreconditionFailed")) => Outcome::Taken,
        (200..=299, _) | (_, None) => Outcome::Unknown(what),
        (_, Some("ConditionalRequestConflict")) => Outcome::Conflict(what),
        (_, Some("SlowDown" | "RequestTimeout" | "RequestTimeTooSkewed" | "ExpiredToken")) => {
            Outcome::Unavailable(what)
        }
        (409, Some(OBJECT_DAMAGED)) => Outcome::TakenByOthers(what),
        (300..=499 | 501, Some(_)) => Outcome::Refused(what),
        (_, Some(_)) => Outcome::Unknown(what),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::config::BehaviorVersion;

    use super::*;

    #[tokio::test]
    async fn a_call_of_its_client_that_is_not_a_put_fails_before_it_is_sent() {
        let settings = aws_sdk_s3::Config::builder().behavior_version(BehaviorVersion::latest());
        let PutBucket(bucket) = PutBucket::new(Client::from_conf(settings.build()), "b");
        let call = bucket.client.put_object().bucket("b").key("k").send().await;
        assert!(
            matches!(call, Err(SdkError::ConstructionFailure(_))),
            "{call:?}"
        );
    }

    #[derive(Debug, PartialEq)]
    enum Known {
        Written,
        Taken,
        TakenByOthers,
        Conflict,
        Unavailable,
        Refused,
        Unknown,
    }

    fn known(status: u16, code: Option<&str>) -> Known {
        match outcome(status, code, Failure::default()) {
            Outcome::Written => Known::Written,
            Outcome::Taken => Known::Taken,
            Outcome::TakenByOthers(_) => Known::TakenByOthers,
            Outcome::Collides(_) => unreachable!("its message decides"),
            Outcome::Conflict(_) => Known::Conflict,
            Outcome::Unavailable(_) => Known::Unavailable,
            Outcome::Refused(_) => Known::Refused,
            Outcome::Unknown(_) => Known::Unknown,
        }
    }

    #[test]
    fn only_a_412_with_its_code_says_that_the_key_was_taken() {
        assert_eq!(known(412, Some("PreconditionFailed")), Known::Taken);
        assert_eq!(known(412, None), Known::Unknown);
        assert_eq!(known(412, Some("preconditionfailed")), Known::Refused);
        assert_eq!(known(409, Some("PreconditionFailed")), Known::Refused);
        assert_eq!(known(200, Some("PreconditionFailed")), Known::Unknown);
    }

    #[test]
    fn a_code_that_asks_for_a_repeat_is_unavailable_at_every_status_but_a_success() {
        for code in [
            "SlowDown",
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
        let conflict = Some("ConditionalRequestConflict");
        for status in [400, 403, 409, 500, 503] {
            assert_eq!(known(status, conflict), Known::Conflict, "{status}");
        }
        assert_eq!(known(200, conflict), Known::Unknown);
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
    fn only_a_409_with_its_code_says_that_other_bytes_are_there() {
        assert_eq!(known(409, Some(OBJECT_DAMAGED)), Known::TakenByOthers);
        assert_eq!(known(409, Some("OperationAborted")), Known::Refused);
        assert_eq!(known(400, Some(OBJECT_DAMAGED)), Known::Refused);
        assert_eq!(known(412, Some(OBJECT_DAMAGED)), Known::Refused);
        assert_eq!(known(200, Some(OBJECT_DAMAGED)), Known::Unknown);
        assert_eq!(known(500, Some(OBJECT_DAMAGED)), Known::Unknown);
    }

    #[test]
    fn a_put_that_never_began_is_unavailable() {
        let outcome = without_response(&Witness::default(), "late");
        assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_put_without_a_response_is_unknown_once_its_body_was_polled() {
        let witness = Witness::default();
        let body = ByteStream::new(witness.watch("{}".into()));
        body.collect().await.unwrap();
        let outcome = without_response(&witness, "late");
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    }
}
