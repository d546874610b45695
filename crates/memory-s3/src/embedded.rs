//! The embedded S3: the part of S3 that the log and its views rely on, with its protocol and its
//! errors, over a folder (contract 7.6, 7.7).
//!
//! It stands under the SDK, so the real client signs, sends and reads as it does with S3. A request
//! that it could not honor as S3 would is refused with 501 `NotImplemented`, never ignored.
//! `tests/it/conduct.rs` compares it with S3's behavior. `disk.rs` makes objects durable, and
//! replaces views. The module must not know what an object means.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::auth::SimpleAuth;
use s3s::dto::{
    ETag, EncodingType, GetObjectInput, GetObjectOutput, ListObjectsV2Input, ListObjectsV2Output,
    Object, PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::failure::Failure;
use crate::put::{NAME_COLLISION, OBJECT_DAMAGED};

mod bucket;
mod client;
mod disk;
mod headers;
mod key;
mod listing;
mod permissions;

pub use bucket::{BUCKET, VIEWS_BUCKET};
pub use client::client;
pub use disk::{DataFolderError, Disk, UNCOMMITTED};
pub use permissions::OpenFolder;

use bucket::Bucket;
use disk::{LinkError, Linked, Replaced, Stat};
use headers::{expected, judge_digest, refuse_unsupported};
use key::Key;
use listing::Continuation;

/// S3's own limit of keys in a page.
const PAGE_KEYS_MAX: i32 = 1_000;

/// The path of an object's file in a data folder, or that of the folder that has every key with a prefix
/// which ends with a slash. `None` if no file can have it.
#[must_use]
pub fn path(bucket: &str, key: &str) -> Option<PathBuf> {
    let key = Key::parse(key.strip_suffix('/').unwrap_or(key))?;
    Some(key.path(Path::new(bucket)))
}

/// The embedded S3 as an HTTP service.
#[derive(Debug, Clone)]
pub struct Service(S3Service);

impl Service {
    /// A service that accepts requests signed with this key.
    #[must_use]
    pub fn new(disk: impl Into<Arc<Disk>>, access_key: &str, secret_key: &str) -> Self {
        let mut builder = S3ServiceBuilder::new(LocalS3 { disk: disk.into() });
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        Self(builder.build())
    }

    /// Handles a request. Every response has a request id, as S3's responses have.
    ///
    /// # Errors
    /// The request's body broke off, or the response could not be made.
    pub async fn call(
        &self,
        request: s3s::HttpRequest,
    ) -> Result<s3s::HttpResponse, s3s::HttpError> {
        let mut response = self.0.call(request).await?;
        let id = Uuid::new_v4().simple().to_string().to_uppercase();
        if let Ok(id) = id.parse() {
            response.headers_mut().insert("x-amz-request-id", id);
        }
        Ok(response)
    }
}

struct LocalS3 {
    disk: Arc<Disk>,
}

#[async_trait::async_trait]
impl S3 for LocalS3 {
    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let bucket = known_bucket(&request.input.bucket)?;
        let expected = expected(bucket, &request)?;
        let input = request.input;
        let key = known_key(&input.key)?;
        let body = whole(input.body, bucket.bytes_max()).await?;
        let sha256 = Sha256::digest(&body);
        judge_digest(input.checksum_sha256.as_deref(), &sha256)?;

        let disk = Arc::clone(&self.disk);
        let stat = match bucket {
            Bucket::Log => match blocking(move || disk.link(&key, &body), link_failed).await? {
                Linked::New(stat) => stat,
                Linked::Unstorable => return Err(unstorable()),
                Linked::Collides(there) => return Err(conflict(NAME_COLLISION, there)),
                Linked::Damaged => return Err(damaged(&input.key)),
                Linked::Taken => return Err(precondition_failed()),
            },
            Bucket::Views => {
                let replace = move || disk.replace(&key, &body, &expected);
                match blocking(replace, failed).await? {
                    Replaced::New(stat) => stat,
                    Replaced::Missing => return Err(no_such_key()),
                    Replaced::Unexpected => return Err(precondition_failed()),
                }
            }
        };
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(stat.etag)),
            checksum_sha256: input.checksum_sha256,
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        refuse_unsupported(&request, &["x-amz-checksum-mode"], &[])?;
        let input = request.input;
        let bucket = known_bucket(&input.bucket)?;
        let (body, stat) = object(&self.disk, bucket, &input.key).await?;
        let checksum_sha256 = input
            .checksum_mode
            .map(|_| BASE64_STANDARD.encode(Sha256::digest(&body)));
        Ok(S3Response::new(GetObjectOutput {
            content_length: i64::try_from(body.len()).ok(),
            content_type: bucket.content_type().parse().ok(),
            e_tag: Some(ETag::Strong(stat.etag)),
            last_modified: Some(stat.modified.into()),
            checksum_sha256,
            body: Some(StreamingBlob::from(s3s::Body::from(body))),
            ..GetObjectOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let params = [
            "list-type",
            "prefix",
            "start-after",
            "continuation-token",
            "max-keys",
            "encoding-type",
        ];
        refuse_unsupported(&request, &[], &params)?;
        let input = request.input;
        match known_bucket(&input.bucket)? {
            Bucket::Log => {}
            Bucket::Views => return Err(s3_error!(NotImplemented, "views are not listed")),
        }
        let continuation = match &input.continuation_token {
            Some(token) => {
                let text = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
                let text = text.and_then(|text| String::from_utf8(text).ok());
                let continuation = text.and_then(|text| Continuation::parse(&text));
                Some(continuation.ok_or_else(|| {
                    s3_error!(
                        InvalidArgument,
                        "The continuation token provided is incorrect"
                    )
                })?)
            }
            None => None,
        };
        let max_keys = input.max_keys.unwrap_or(PAGE_KEYS_MAX);
        let limit = usize::try_from(max_keys.min(PAGE_KEYS_MAX))
            .map_err(|_| s3_error!(InvalidArgument, "max-keys must not be negative"))?;

        let disk = Arc::clone(&self.disk);
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.start_after.clone();
        let list = move || match continuation {
            Some(from) => disk.list_on(&prefix, &from, limit),
            None => disk.list(&prefix, after.as_deref(), limit),
        };
        let page = blocking(list, failed).await?;
        let is_url = input
            .encoding_type
            .as_ref()
            .is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
        // XML cannot carry some characters that a key may have.
        let spelled = |key: String| match is_url {
            true => utf8_percent_encode(&key, UNSAFE_IN_A_LISTING).to_string(),
            false => key,
        };
        let objects = page.objects.into_iter().map(|(key, stat)| Object {
            e_tag: Some(ETag::Strong(stat.etag)),
            key: Some(spelled(key)),
            last_modified: Some(stat.modified.into()),
            size: i64::try_from(stat.bytes).ok(),
            ..Object::default()
        });
        let contents: Vec<_> = objects.collect();
        Ok(S3Response::new(ListObjectsV2Output {
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page
                .next
                .map(|next| BASE64_URL_SAFE_NO_PAD.encode(next.to_string())),
            key_count: i32::try_from(contents.len()).ok(),
            max_keys: Some(max_keys.min(PAGE_KEYS_MAX)),
            name: Some(input.bucket),
            prefix: input.prefix.map(spelled),
            start_after: input.start_after.map(spelled),
            continuation_token: input.continuation_token,
            encoding_type: input.encoding_type,
            contents: Some(contents),
            ..ListObjectsV2Output::default()
        }))
    }
}

/// The bytes of an object.
async fn object(disk: &Arc<Disk>, bucket: Bucket, key: &str) -> S3Result<(Vec<u8>, Stat)> {
    let (disk, key) = (Arc::clone(disk), known_key(key)?);
    let read = blocking(move || disk.read(bucket, &key), failed).await?;
    read.ok_or_else(no_such_key)
}

/// The bytes of an object of the log, without the protocol of S3: that takes ten times as long as the file.
/// An error has the status of S3's response.
pub(crate) async fn get(disk: &Arc<Disk>, key: &str) -> Result<Bytes, (u16, Failure)> {
    let read = object(disk, Bucket::Log, key).await;
    let (body, _) = read.map_err(|error| {
        let (code, message) = (error.code().as_str(), error.message().unwrap_or_default());
        let failure = Failure {
            code: Some(code.to_owned()),
            ..Failure::from(format!("{code} {message}"))
        };
        let status = error.status_code().unwrap_or_default();
        (status.as_u16(), failure)
    })?;
    Ok(body.into())
}

/// The characters that `encoding-type=url` encodes: all except S3's safe characters and the slash.
const UNSAFE_IN_A_LISTING: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'/')
    .remove(b'*');

fn known_bucket(name: &str) -> S3Result<Bucket> {
    let bucket = Bucket::named(name);
    bucket.ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
}

fn known_key(key: &str) -> S3Result<Key> {
    Key::parse(key).ok_or_else(unstorable)
}

fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

fn precondition_failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}

fn unstorable() -> S3Error {
    s3_error!(
        NotImplemented,
        "this key cannot be stored as the path of a file"
    )
}

/// An error of our own: S3 never looks at the bytes under a taken key.
fn damaged(key: &str) -> S3Error {
    let message = format!("the object {key} has other bytes, and was left as it is");
    conflict(OBJECT_DAMAGED, message)
}

/// A 409 that S3 does not have.
fn conflict(code: &'static str, message: String) -> S3Error {
    let mut conflict = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    conflict.set_status_code(StatusCode::CONFLICT);
    conflict
}

async fn whole(body: Option<StreamingBlob>, bytes_max: usize) -> S3Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(body) = body else { return Ok(bytes) };
    let mut body = s3s::Body::from(body);
    while let Some(frame) = body.frame().await {
        // s3s compares the digest that was signed, and reports it as a body that broke off.
        let frame = frame.map_err(|_| {
            s3_error!(
                IncompleteBody,
                "the body ended before its Content-Length, or is not the one that was signed"
            )
        })?;
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > bytes_max {
            return Err(s3_error!(
                EntityTooLarge,
                "Your proposed upload exceeds the maximum allowed size"
            ));
        }
    }
    Ok(bytes)
}

/// Runs work on files outside the async threads; `failure` says what its error is in S3.
async fn blocking<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
    failure: fn(E) -> S3Error,
) -> S3Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(failure),
        Err(_) => Err(s3_error!(InternalError, "the data folder's thread failed")),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is passed on as the error of a result"
)]
fn failed(error: std::io::Error) -> S3Error {
    s3_error!(InternalError, "the data folder failed: {error}")
}

/// What is certainly not stored is S3's request to come back later; anything else is its 500.
fn link_failed(error: LinkError) -> S3Error {
    match error {
        LinkError::BeforeLink(error) => s3_error!(
            SlowDown,
            "the data folder failed before the object was linked: {error}"
        ),
        LinkError::InDoubt(error) => failed(error),
    }
}

#[cfg(test)]
mod tests;
