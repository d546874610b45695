//! Views: one compressed object for each entity, which holds lines of the log. A cache, and no more.
//!
//! A view is replaced only by someone who has seen the one before, so that progress is not undone. A
//! get or a put that fails costs time and never an answer. [`Views`] sees one bucket, and can get and
//! put views alone. The module must not know what is in a view.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>.

use std::error::Error;
use std::fmt;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use memory_log::scope::ReadScope;
use sha2::{Digest, Sha256};

use crate::aws::chain;
use crate::bucket::Bucket;
use crate::failure::code;
use crate::tally::{Kind, Tally};

/// The version of views, in their keys and in each view. Another form of a view is another object.
pub const VERSION: u32 = 1;
/// The media type of a view: RFC 8878, section 7.1.
pub const CONTENT_TYPE: &str = "application/zstd";
/// Largest view, in bytes. Entities with over 256 MiB are not searched, and zstd adds less than 1 %
/// to what it cannot compress.
pub const VIEW_BYTES_MAX: usize = 260 * 1024 * 1024;

/// Gets and puts views in one bucket. It has no way to get or put anything else.
#[derive(Debug, Clone)]
pub struct Views(Bucket);

/// A view as S3 gave it. Nothing about its bytes is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// The bytes; none if there are more than [`VIEW_BYTES_MAX`].
    pub bytes: Bytes,
    /// The name of these bytes, with which they can be replaced.
    pub etag: ETag,
}

/// S3's name for the bytes of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

/// The outcome of a put that was not a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The view is there, under this name.
    Replaced(ETag),
    /// Another view was put first, or the one before was deleted. That one stays.
    Lost,
}

/// Why a view was not read or replaced. The text is for the log only, because S3's messages can name
/// the bucket and the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewError(String);

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ViewError {}

impl Views {
    /// The views of this bucket.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self(Bucket::new(client, bucket))
    }

    /// The same views, whose use this tally counts.
    #[must_use]
    pub fn counted(&self, tally: &Tally) -> Self {
        Self(self.0.counted(tally))
    }

    /// What counts their use.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// Gets the view of the scope's entity, if there is one.
    ///
    /// # Errors
    /// [`ViewError`] if the scope is not of one entity, or there was no whole response.
    pub async fn get(&self, scope: &ReadScope) -> Result<Option<Cached>, ViewError> {
        let key = key(scope)?;
        let call = self.0.tally.begin(Kind::GetView, &self.0.name);
        // A get that is given up asked in vain.
        self.0.tally.add(|counts| counts.view_misses += 1);
        let request = self.0.client.get_object();
        let request = request.bucket(&self.0.name).key(&key);
        let view = match request.send().await {
            Ok(view) => view,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => {
                call.failed(code(&error));
                return Err(failed("got", &key, &error));
            }
        };
        let etag = given(view.e_tag()).ok_or_else(|| without_etag(&key))?;
        let is_too_large = view
            .content_length()
            .and_then(|bytes| usize::try_from(bytes).ok())
            .is_none_or(|bytes| bytes > VIEW_BYTES_MAX);
        let bytes = match is_too_large {
            true => Bytes::new(),
            false => {
                let body = view.body.collect().await;
                body.map_err(|error| failed("got", &key, &error))?
                    .into_bytes()
            }
        };
        self.0.tally.add(|counts| {
            counts.view_misses -= 1;
            counts.view_hits += 1;
        });
        Ok(Some(Cached { bytes, etag }))
    }

    /// Puts a view of the scope's entity in the place of the one with this name, or where there is none,
    /// in one attempt.
    ///
    /// # Errors
    /// [`ViewError`] if the scope is not of one entity, or nothing proves that the view is there.
    pub async fn put(
        &self,
        scope: &ReadScope,
        view: Bytes,
        replaces: Option<&ETag>,
    ) -> Result<Put, ViewError> {
        let key = key(scope)?;
        let call = self.0.tally.begin(Kind::PutView, &self.0.name);
        let request = self
            .0
            .client
            .put_object()
            .bucket(&self.0.name)
            .key(&key)
            .content_type(CONTENT_TYPE)
            .checksum_sha256(BASE64_STANDARD.encode(Sha256::digest(&view)));
        let request = match replaces {
            Some(ETag(etag)) => request.if_match(etag),
            None => request.if_none_match("*"),
        };
        match request.body(ByteStream::from(view)).send().await {
            Ok(put) => {
                let etag = given(put.e_tag()).ok_or_else(|| without_etag(&key))?;
                self.0.tally.add(|counts| counts.views_built += 1);
                Ok(Put::Replaced(etag))
            }
            Err(SdkError::ServiceError(response)) if is_lost(response.err().code()) => {
                Ok(Put::Lost)
            }
            Err(error) => {
                call.failed(code(&error));
                Err(failed("put", &key, &error))
            }
        }
    }
}

/// The key of an entity's view: its names are spelled as in the keys of its memories.
///
/// # Errors
/// [`ViewError`] if the scope is not of one entity.
pub fn key(scope: &ReadScope) -> Result<String, ViewError> {
    let prefix = scope.memories();
    let names = prefix
        .strip_prefix("memories/")
        .and_then(|names| names.strip_suffix('/'))
        .filter(|_| scope.entity_id().is_some());
    let names = names.ok_or_else(|| ViewError("a view is of one entity".to_owned()))?;
    Ok(format!("views/{VERSION}/{names}.zst"))
}

fn given(etag: Option<&str>) -> Option<ETag> {
    let etag = etag.filter(|etag| !etag.trim_matches('"').is_empty());
    etag.map(|etag| ETag(etag.to_owned()))
}

fn is_missing(error: &SdkError<GetObjectError>) -> bool {
    error
        .as_service_error()
        .is_some_and(GetObjectError::is_no_such_key)
}

/// Whether S3's code says that what was to be replaced is not there any more.
fn is_lost(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey")
    )
}

fn failed(what: &str, key: &str, error: &(dyn Error + 'static)) -> ViewError {
    ViewError(format!("{key} was not {what}: {}", chain(error)))
}

fn without_etag(key: &str) -> ViewError {
    ViewError(format!("{key} was answered without an ETag"))
}
