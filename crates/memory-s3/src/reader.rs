//! Reading the log: list keys, get objects, and prove that each is the memory that its key names.
//!
//! Reads change nothing, so the SDK may repeat them; a write is never repeated. What a listing
//! returns is complete or an error, never silently partial. The module must not know how memories
//! are shown.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use futures_util::future;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use memory_log::object::{Object, ObjectError};
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use crate::aws::chain;

mod selection;

pub use selection::Selection;

/// Objects that are fetched and proved at once. Their order stays the order of keys.
const FETCHES_AT_ONCE: usize = 64;
/// Bytes of these objects, by their listed sizes: 16 of the largest memories. A proof needs some times as
/// much for a moment. An object of this size or more is not a memory, and is not fetched.
const BYTES_AT_ONCE: u32 = 64 * 1024 * 1024;

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

    /// Every entry of a selection in key order, read and proved. Keys that are not keys of the log are
    /// among them. Fetches and proofs are tasks of their own, so they use every thread of the runtime.
    ///
    /// # Errors
    /// [`ReadError`] comes after the entries before it, and ends the stream.
    pub fn entries(
        &self,
        selection: &Selection,
    ) -> impl Stream<Item = Result<Entry, ReadError>> + use<> {
        let reader = self.clone();
        let room = Arc::new(Semaphore::new(BYTES_AT_ONCE as usize));
        let with_room = move |listed: Result<Listed, ReadError>| {
            let room = Arc::clone(&room);
            async move {
                let listed = listed?;
                // The semaphore is never closed. The permit is dropped when the entry is taken.
                let permit = room.acquire_many_owned(listed.bytes).await.ok();
                Ok((listed, permit))
            }
        };
        let fetch = move |listed: Result<(Listed, _), ReadError>| {
            let reader = reader.clone();
            async move {
                let (listed, permit) = listed?;
                Ok((reader.fetched(listed).await?, permit))
            }
        };
        let entries = self.listed(selection).then(with_room).map(fetch);
        let entries = entries.buffered(FETCHES_AT_ONCE);
        entries
            .map_ok(|(entry, _permit)| entry)
            .scan(false, |has_failed, entry| {
                let is_next = !*has_failed;
                *has_failed |= entry.is_err();
                future::ready(is_next.then_some(entry))
            })
    }

    /// Gets and proves a listed object in a task of its own, which ends with this future.
    async fn fetched(&self, Listed { key, bytes }: Listed) -> Result<Entry, ReadError> {
        if bytes == BYTES_AT_ONCE {
            let why = BadEntry::NotProved(ObjectError::NotAMemory);
            return Ok(Entry::Bad { key, why });
        }
        let (reader, wanted) = (self.clone(), key.clone());
        let task = tokio::spawn(async move { reader.entry(wanted).await });
        match AbortOnDropHandle::new(task).await {
            Ok(entry) => entry,
            Err(error) => Err(ReadError::Get {
                key,
                what: error.to_string(),
            }),
        }
    }

    /// The objects of a selection in key order. The next page is fetched while one is read.
    fn listed(
        &self,
        selection: &Selection,
    ) -> impl Stream<Item = Result<Listed, ReadError>> + use<> {
        let (reader, selection) = (self.clone(), selection.clone());
        let fetch = move |token| {
            let (reader, selection) = (reader.clone(), selection.clone());
            let task = tokio::spawn(async move { reader.page(&selection, token).await });
            AbortOnDropHandle::new(task)
        };
        let pages = stream::unfold(NextPage::First, move |next| {
            let fetch = fetch.clone();
            async move {
                let page = match next {
                    NextPage::First => fetch(None),
                    NextPage::Begun(page) => page,
                    NextPage::None => return None,
                };
                // A task that panicked must not look like the end.
                let page = page.await;
                let page = page.unwrap_or_else(|error| Err(ReadError::List(error.to_string())));
                Some(match page {
                    Ok(page) => {
                        let next = page
                            .next
                            .map_or(NextPage::None, |token| NextPage::Begun(fetch(Some(token))));
                        (Ok(page.listed), next)
                    }
                    Err(error) => (Err(error), NextPage::None),
                })
            }
        });
        pages
            .map_ok(|listed| stream::iter(listed.into_iter().map(Ok)))
            .try_flatten()
    }

    /// The page of a selection that this token names, or the first one.
    async fn page(&self, selection: &Selection, token: Option<String>) -> Result<Page, ReadError> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(selection.prefix())
            .set_start_after(selection.start_after())
            .set_continuation_token(token.clone())
            // The only encoding that can carry every key in XML.
            .encoding_type(EncodingType::Url);
        let page = request.send().await;
        let page = page.map_err(|error| ReadError::List(chain(&error)))?;
        let next = page
            .next_continuation_token()
            .filter(|next| !next.is_empty());
        let next = match (page.is_truncated(), next) {
            (Some(false), None) => None,
            (Some(true), Some(next)) if Some(next) != token.as_deref() => Some(next.to_owned()),
            (is_truncated, next) => {
                return Err(ReadError::List(format!(
                    "a page does not say whether it is the last (IsTruncated: {is_truncated:?}, NextContinuationToken: {next:?})"
                )));
            }
        };
        let Some(listed) = listed_in(&page) else {
            let what = "a page has an object without a key";
            return Err(ReadError::List(what.to_owned()));
        };
        let wanted = listed
            .into_iter()
            .filter(|listed| selection.has(&listed.key));
        Ok(Page {
            listed: wanted.collect(),
            next,
        })
    }

    /// Gets one object and proves it.
    ///
    /// # Errors
    /// [`ReadError::Get`] if there was no whole response.
    pub async fn entry(&self, key: String) -> Result<Entry, ReadError> {
        let why = match self.get(&key).await? {
            Err(said) => BadEntry::Refused(said),
            Ok(body) => match Object::read(&key, &body) {
                Ok(stored) => return Ok(Entry::Memory(stored.object)),
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

/// The page of a listing that comes next.
enum NextPage {
    First,
    /// It is being fetched.
    Begun(AbortOnDropHandle<Result<Page, ReadError>>),
    None,
}

struct Page {
    listed: Vec<Listed>,
    /// The token of the next page, if there is one.
    next: Option<String>,
}

/// An object of a listing.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    key: String,
    /// Its size, at most [`BYTES_AT_ONCE`].
    bytes: u32,
}

/// The objects of a page, with keys that are decoded if S3 encoded them. `None` if one has no key.
fn listed_in(page: &ListObjectsV2Output) -> Option<Vec<Listed>> {
    let is_encoded = page.encoding_type().is_some();
    let listed = page.contents().iter().map(|object| {
        let key = object.key()?;
        let bytes = u32::try_from(object.size().unwrap_or_default()).unwrap_or(u32::MAX);
        Some(Listed {
            key: match is_encoded {
                true => decoded(key),
                false => key.to_owned(),
            },
            bytes: bytes.min(BYTES_AT_ONCE),
        })
    });
    listed.collect()
}

/// A key as `encoding-type=url` spells it: percent-encoded, and a space as a plus sign.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types;

    use super::*;

    fn page(encoding: Option<EncodingType>, keys: &[&str]) -> ListObjectsV2Output {
        let listed = keys
            .iter()
            .map(|key| types::Object::builder().key(*key).build());
        ListObjectsV2Output::builder()
            .set_encoding_type(encoding)
            .set_contents(Some(listed.collect()))
            .build()
    }

    #[test]
    fn a_key_is_decoded_only_where_s3_encoded_it() {
        let spelled = ["a%252F+b", "c%2Bd", "e%C3%BC"];
        let keys_of = |page: &_| -> Vec<_> {
            listed_in(page)
                .unwrap()
                .into_iter()
                .map(|object| object.key)
                .collect()
        };
        assert_eq!(
            keys_of(&page(Some(EncodingType::Url), &spelled)),
            ["a%2F b", "c+d", "eü"]
        );
        assert_eq!(keys_of(&page(None, &spelled)), spelled);
    }

    #[test]
    fn the_size_of_a_listed_object_fits_the_room_for_all() {
        let bytes_of = |size| {
            let object = types::Object::builder().key("k").set_size(size).build();
            let page = ListObjectsV2Output::builder().contents(object).build();
            listed_in(&page).unwrap()[0].bytes
        };
        assert_eq!(bytes_of(Some(7)), 7);
        assert_eq!(bytes_of(None), 0);
        for huge in [i64::from(BYTES_AT_ONCE) + 1, i64::MAX, -1] {
            assert_eq!(bytes_of(Some(huge)), BYTES_AT_ONCE, "{huge}");
        }
    }

    #[test]
    fn an_entry_says_why_it_is_not_a_memory() {
        let refused = BadEntry::Refused("NoSuchKey gone".to_owned());
        assert_eq!(refused.to_string(), "it cannot be read: NoSuchKey gone");
        let foreign = BadEntry::NotProved(ObjectError::NotAMemory);
        assert_eq!(foreign.to_string(), ObjectError::NotAMemory.to_string());
    }
}
