//! Reading the log: list keys, get objects, and prove that each is the memory that its key names.
//!
//! Reads change nothing, so the SDK may repeat them; a write is never repeated. What a listing
//! returns is complete or an error, never silently partial. The module must not know how memories
//! are shown.

use std::error::Error;
use std::fmt;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use memory_log::object::{Object, ObjectError};
use percent_encoding::percent_decode_str;

use crate::aws::chain;

mod selection;

pub use selection::Selection;

/// Objects that are fetched at once. Their order stays the order of keys.
const FETCHES_AT_ONCE: usize = 16;

/// Reads memories from one bucket. It has no way to put anything.
#[derive(Debug, Clone)]
pub struct Reader {
    client: Client,
    bucket: String,
}

/// Why the log could not be read completely. The text can name the bucket and the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// The bucket could not be listed.
    List(String),
    /// There was no whole response for this object.
    Get {
        /// The object's key.
        key: String,
        /// What happened.
        what: String,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(what) => write!(f, "the bucket cannot be listed: {what}"),
            Self::Get { key, what } => write!(f, "{key} cannot be read: {what}"),
        }
    }
}

impl Error for ReadError {}

/// What lies under one listed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A memory, proved to be the one that the key names.
    Memory(Object),
    /// Something else, or an object that S3 refuses to give.
    Bad {
        /// The key.
        key: String,
        /// Why it is not a memory.
        why: BadEntry,
    },
}

/// Why an entry is not a memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadEntry {
    /// S3 refused to give the object: its code and message.
    Refused(String),
    /// The bytes are not the memory that the key names.
    NotProved(ObjectError),
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(said) => write!(f, "it cannot be read: {said}"),
            Self::NotProved(error) => error.fmt(f),
        }
    }
}

impl Reader {
    /// A reader of this bucket.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
        }
    }

    /// The same reader, which repeats failed reads as the SDK's standard mode does: for a bucket
    /// behind a network.
    #[must_use]
    pub fn with_retries(self) -> Self {
        let settings = self.client.config().to_builder();
        let settings = settings.retry_config(RetryConfig::standard());
        Self {
            client: Client::from_conf(settings.build()),
            ..self
        }
    }

    /// Every entry of a selection in key order, read and proved.
    ///
    /// # Errors
    /// [`ReadError`] ends the stream.
    pub fn entries(&self, selection: &Selection) -> impl Stream<Item = Result<Entry, ReadError>> {
        let entry = async |key: Result<String, ReadError>| self.entry(key?).await;
        self.keys(selection).map(entry).buffered(FETCHES_AT_ONCE)
    }

    /// The keys of a selection, in key order. Keys that are not keys of the log are among them.
    ///
    /// # Errors
    /// [`ReadError::List`] ends the stream.
    pub fn keys(&self, selection: &Selection) -> impl Stream<Item = Result<String, ReadError>> {
        let pages = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(selection.prefix())
            .set_start_after(selection.start_after())
            // The only encoding that can carry every key in XML.
            .encoding_type(EncodingType::Url)
            .into_paginator()
            .send();
        let pages = stream::unfold(pages, async |mut pages| {
            let page = pages.next().await?;
            Some((page, pages))
        });
        pages
            .map(|page| page.map_err(|error| ReadError::List(chain(&error))))
            .map_ok(|page| {
                let keys = keys_of(&page).into_iter();
                let wanted: Vec<_> = keys.filter(|key| selection.has(key)).collect();
                stream::iter(wanted.into_iter().map(Ok))
            })
            .try_flatten()
    }

    /// Gets one object and proves it.
    ///
    /// # Errors
    /// [`ReadError::Get`] if there was no whole response.
    pub async fn entry(&self, key: String) -> Result<Entry, ReadError> {
        let why = match self.get(&key).await? {
            Err(said) => BadEntry::Refused(said),
            Ok(body) => match Object::read(&key, &body) {
                Ok(object) => return Ok(Entry::Memory(object)),
                Err(error) => BadEntry::NotProved(error),
            },
        };
        Ok(Entry::Bad { key, why })
    }

    /// An object's bytes, or S3's code and message where it refuses to give them.
    async fn get(&self, key: &str) -> Result<Result<Vec<u8>, String>, ReadError> {
        let failed = |error: &(dyn Error + 'static)| ReadError::Get {
            key: key.to_owned(),
            what: chain(error),
        };
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        match request.send().await {
            Ok(object) => match object.body.collect().await {
                Ok(body) => Ok(Ok(body.to_vec())),
                Err(error) => Err(failed(&error)),
            },
            Err(SdkError::ServiceError(response)) => {
                let code = response.err().code().unwrap_or("no code");
                let message = response.err().message().unwrap_or_default();
                Ok(Err(format!("{code} {message}").trim_end().to_owned()))
            }
            Err(error) => Err(failed(&error)),
        }
    }
}

/// The keys of a page, decoded if S3 encoded them.
fn keys_of(page: &ListObjectsV2Output) -> Vec<String> {
    let is_encoded = page.encoding_type().is_some();
    let keys = page.contents().iter().filter_map(|object| object.key());
    keys.map(|key| match is_encoded {
        true => decoded(key),
        false => key.to_owned(),
    })
    .collect()
}

/// A key as `encoding-type=url` spells it: percent-encoded, and a space as a plus sign.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::Object as Listed;

    use super::*;

    fn page(encoding: Option<EncodingType>, keys: &[&str]) -> ListObjectsV2Output {
        let listed = keys.iter().map(|key| Listed::builder().key(*key).build());
        ListObjectsV2Output::builder()
            .set_encoding_type(encoding)
            .set_contents(Some(listed.collect()))
            .build()
    }

    #[test]
    fn a_key_is_decoded_only_where_s3_encoded_it() {
        let spelled = ["a%252F+b", "c%2Bd", "e%C3%BC"];
        assert_eq!(
            keys_of(&page(Some(EncodingType::Url), &spelled)),
            ["a%2F b", "c+d", "eü"]
        );
        assert_eq!(keys_of(&page(None, &spelled)), spelled);
    }

    #[test]
    fn an_entry_says_why_it_is_not_a_memory() {
        let refused = BadEntry::Refused("NoSuchKey gone".to_owned());
        assert_eq!(refused.to_string(), "it cannot be read: NoSuchKey gone");
        let foreign = BadEntry::NotProved(ObjectError::NotAMemory);
        assert_eq!(foreign.to_string(), ObjectError::NotAMemory.to_string());
    }
}
