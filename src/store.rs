//! The durable write: one object, one attempt, one honest answer.
//!
//! A put is written only when S3 says 200, gives an `ETag` and echoes the SHA-256 we computed.
//! Everything else is classified from kind, status and S3's code, never from text. The module knows
//! no memory and no HTTP answer of ours; it must not retry.

use std::fmt;
use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::time::Instant;

use crate::object::{CONTENT_TYPE, Object};

mod witness;

pub use witness::Witness;

/// Longest wait for a connection: S3 in the region answers a handshake in milliseconds, and the
/// rest of the deadline is the write's.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The log: a bucket, and the client that writes to it.
#[derive(Debug, Clone)]
pub struct Store {
    client: aws_sdk_s3::Client,
    bucket: String,
}

/// What a proved put found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The key was free: the object is new.
    Written,
    /// The key was taken: since it is derived from the memory, this very memory is already durable.
    AlreadyThere,
}

/// Why there is no proof that the object is stored, and what is known. The text is for the log
/// alone: what S3 says may name the bucket and the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// S3 certainly did not store it; a repeat may succeed.
    Unavailable(String),
    /// S3 certainly did not store it; a repeat will not help.
    Refused(String),
    /// The request had begun, and nothing proves that it was stored or was not.
    Unknown(String),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(what) => write!(f, "not written, try again: {what}"),
            Self::Refused(what) => write!(f, "not written, refused: {what}"),
            Self::Unknown(what) => write!(f, "outcome unknown: {what}"),
        }
    }
}

impl std::error::Error for WriteError {}

impl Store {
    /// The bucket of this name, by this client.
    #[must_use]
    pub fn new(client: aws_sdk_s3::Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
        }
    }

    /// Puts the object under its key if nothing is there, in one attempt that ends at the deadline.
    ///
    /// # Errors
    /// [`WriteError`]: what is known of an object that is not proved to be stored.
    pub async fn put(&self, object: &Object, deadline: Instant) -> Result<Put, WriteError> {
        let digest = BASE64_STANDARD.encode(object.sha256);
        let witness = Witness::default();
        // `timeout_at` would begin the put before it looks at the time.
        if deadline <= Instant::now() {
            return Err(witness.no_answer("the deadline had passed"));
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
            .send();
        match tokio::time::timeout_at(deadline, put).await {
            Ok(Ok(output)) => proof(&output, &digest, &witness),
            Ok(Err(error)) => classify(&error, &witness),
            Err(_) => Err(witness.no_answer("the deadline passed")),
        }
    }
}

/// Only a 200 with an `ETag` and our own digest proves the write: the SDK takes any 2xx for
/// success.
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
    let SdkError::ServiceError(answer) = error else {
        return Err(witness.no_answer(&chain(error)));
    };
    let status = answer.raw().status().as_u16();
    // The SDK reads the code of a document that was cut off in the middle of it.
    let is_whole = answer
        .raw()
        .body()
        .bytes()
        .is_some_and(|body| body.trim_ascii_end().ends_with(b"</Error>"));
    let code = answer
        .err()
        .code()
        .filter(|code| is_whole && !code.is_empty());
    let what = format!(
        "S3 answered {status} {}: {} (S3's request id: {})",
        code.unwrap_or("without a code"),
        answer.err().message().unwrap_or("no message"),
        answer.err().request_id().unwrap_or("none"),
    );
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
        (300..=499 | 501, Some(_)) => WriteError::Refused(what),
        (_, Some(_)) => WriteError::Unknown(what),
    })
}

/// An error's own words and its sources', which the SDK's `Display` leaves out.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |text, source| {
        format!("{text}: {source}")
    })
}

/// A client for the log, from the SDK's own settings: one attempt, no reused connection, no
/// checksum but ours.
///
/// A pooled connection may have died unseen while the function was frozen, and its reset would make
/// a write unknown that never left; a fresh one costs a handshake.
#[must_use]
pub fn client(sdk: &SdkConfig) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(settings(sdk).build())
}

fn settings(sdk: &SdkConfig) -> aws_sdk_s3::config::Builder {
    let connecting = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
    aws_sdk_s3::config::Builder::from(sdk)
        .retry_config(RetryConfig::disabled())
        .timeout_config(connecting.build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
}

/// A client of Amazon S3, or of another endpoint; that one is addressed by path, for its names
/// seldom resolve with a bucket before them.
///
/// # Errors
/// Nothing names a region, so no request could be signed.
pub fn aws_client(sdk: &SdkConfig, endpoint: Option<&str>) -> Result<aws_sdk_s3::Client, NoRegion> {
    if sdk.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(NoRegion);
    }
    let settings = match endpoint {
        None => settings(sdk),
        Some(url) => settings(sdk).endpoint_url(url).force_path_style(true),
    };
    Ok(aws_sdk_s3::Client::from_conf(settings.build()))
}

/// No region is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRegion;

impl fmt::Display for NoRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("No region is set: set AWS_REGION to the bucket's, or a profile that has it.")
    }
}

impl std::error::Error for NoRegion {}

/// The SDK's settings by its own chain: environment, profiles, roles. Nothing is asked of the
/// network before the first request needs credentials.
pub async fn sdk_config() -> SdkConfig {
    sdk_loader().load().await
}

/// The same, still to be told what a user says otherwise.
#[must_use]
pub fn sdk_loader() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest()).http_client(https())
}

/// TLS by ring: aws-lc gathers entropy for 30 ms of CPU in the first request of a cold start.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .pool_max_idle_per_host(0)
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https()
}
