//! Reading the log: list keys, get objects, and prove that each is the memory that its key names.
//!
//! Reads change nothing, so the SDK may repeat them; a write is never repeated. What a listing
//! returns is complete or an error, never silently partial. Every call takes a [`ReadScope`] and
//! refuses what lies outside of it. A call has no deadline of its own: to drop its future ends its
//! requests. The module must not know how memories are shown.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use memory_log::scope::ReadScope;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use crate::aws::chain;
use crate::bucket::Bucket;
#[cfg(feature = "embedded")]
use crate::embedded::{self, Disk};
use crate::failure::Failure;
use crate::tally::{Kind, Tally};

mod entries;
mod listing;
mod selection;

pub use entries::{BadEntry, Entry};
pub(crate) use listing::decoded;
pub use listing::{Listed, Page, Range};
pub use selection::Selection;

/// Objects of a folder that are fetched and proved at once. More would need more file descriptors than
/// a process has by default on some systems.
const FETCHES_AT_ONCE: usize = 64;
/// The same for a bucket behind a network.
const FETCHES_AT_ONCE_REMOTE: usize = 256;
/// Bytes of these objects, by their listed sizes: 16 of the largest memories. A proof needs some times as
/// much for a moment. An object of this size or more is not a memory.
pub const BYTES_AT_ONCE: u32 = 64 * 1024 * 1024;

/// Reads memories from one bucket. It has no way to put anything.
#[derive(Debug, Clone)]
pub struct Reader {
    bucket: Bucket,
    /// Behind a network a request is little more than waiting, so many are made at once.
    is_remote: bool,
    /// The disk of an embedded S3, whose objects are read from their files.
    #[cfg(feature = "embedded")]
    disk: Option<Arc<Disk>>,
}

/// Why the log could not be read completely. The failure can name the bucket and the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// S3 gave no whole response, or asks to come back later: a repeat may succeed.
    Unavailable(Failure),
    /// S3 refuses, or the scope does: a repeat will not help.
    Refused(Failure),
}

impl ReadError {
    /// Why the call failed.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Unavailable(failure) | Self::Refused(failure) => failure,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(what) | Self::Refused(what) => what.fmt(f),
        }
    }
}

impl Error for ReadError {}

/// What lies under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got<T = Bytes> {
    /// The whole object, or what was made of it.
    Whole(T),
    /// Nothing.
    Gone,
}

impl Reader {
    /// A reader of this bucket.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            bucket: Bucket::new(client, bucket),
            is_remote: false,
            #[cfg(feature = "embedded")]
            disk: None,
        }
    }

    /// The same reader, whose calls this tally counts.
    #[must_use]
    pub fn counted(&self, tally: &Tally) -> Self {
        let mut counted = self.clone();
        counted.bucket = self.bucket.counted(tally);
        counted
    }

    /// What counts its calls.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.bucket.tally
    }

    /// The same reader for a bucket behind a network: it repeats failed reads as the SDK's standard mode
    /// does, and makes more requests at once.
    #[must_use]
    pub fn with_retries(mut self) -> Self {
        self.bucket = self.bucket.with_retries();
        self.is_remote = true;
        self
    }

    /// The same reader for an embedded S3 over this disk: it reads objects from their files, which takes
    /// a tenth of the time of a request. It still lists by requests, because one lists many objects.
    #[cfg(feature = "embedded")]
    #[must_use]
    pub fn of_files(mut self, disk: Arc<Disk>) -> Self {
        self.disk = Some(disk);
        self
    }

    /// Gets an object. One request; a second one, a listing of the key, if S3 answers 403, as it does
    /// for a missing key where the role may not list the bucket without a prefix.
    ///
    /// # Errors
    /// [`ReadError`] if S3 gives no whole object, and does not say that there is none.
    pub async fn get(&self, scope: &ReadScope, key: &str) -> Result<Got, ReadError> {
        covered(scope, key)?;
        let failed = match self.object(key).await {
            Ok(body) => return Ok(Got::Whole(body)),
            Err(failed) => failed,
        };
        let is_gone = match (failed.status, failed.code()) {
            (Some(404), Some("NoSuchKey")) => true,
            (Some(403), Some("AccessDenied")) => !self.is_listed(scope, key).await?,
            _ => false,
        };
        match is_gone {
            true => Ok(Got::Gone),
            false => Err(failed.named(&format!("{key} cannot be read"))),
        }
    }

    /// Gets listed objects, many at once within a budget of bytes, and reads each in a task of its own.
    /// They come in any order. One that is gone is listed once more before it is given as gone.
    ///
    /// # Errors
    /// [`ReadError`], after which the caller can stop: dropping the stream ends its requests.
    pub fn fetch<T, Read>(
        &self,
        scope: &ReadScope,
        listed: Vec<Listed>,
        read: Read,
    ) -> impl Stream<Item = Result<(Listed, Got<T>), ReadError>> + use<T, Read>
    where
        T: Send + 'static,
        Read: Fn(&str, Bytes) -> T + Clone + Send + 'static,
    {
        let (reader, scope) = (self.clone(), scope.clone());
        let fetch = move |listed: Listed| {
            let (reader, scope, read) = (reader.clone(), scope.clone(), read.clone());
            async move {
                let got = match reader.get_listed(&scope, &listed.key).await? {
                    Got::Whole(body) => Got::Whole(read(&listed.key, body)),
                    Got::Gone => Got::Gone,
                };
                Ok((listed, got))
            }
        };
        let listed = stream::iter(listed.into_iter().map(Ok));
        let fetches = in_tasks(listed, fetch);
        let at_once = match self.is_remote {
            true => FETCHES_AT_ONCE_REMOTE,
            false => FETCHES_AT_ONCE,
        };
        let fetched = fetches.buffer_unordered(at_once);
        fetched.map_ok(|(fetched, _room)| fetched)
    }

    /// Gets an object that was listed. What is gone is listed once more: gone there too, it was erased
    /// in between, and if it is there, it was restored.
    ///
    /// # Errors
    /// [`ReadError`] if S3 gives no whole object, and there is not certainly none.
    pub async fn get_listed(&self, scope: &ReadScope, key: &str) -> Result<Got, ReadError> {
        let got = self.get(scope, key).await?;
        if got != Got::Gone || !self.is_listed(scope, key).await? {
            return Ok(got);
        }
        match self.get(scope, key).await? {
            Got::Whole(body) => Ok(Got::Whole(body)),
            Got::Gone => Err(ReadError::Unavailable(
                format!("{key} cannot be read: it is listed, and there is no object").into(),
            )),
        }
    }

    /// The whole bytes of an object.
    async fn object(&self, key: &str) -> Result<Bytes, Failed> {
        let call = self.bucket.tally.begin(Kind::Get, &self.bucket.name);
        let read = self.bytes(key).await;
        read.inspect_err(|failed| call.failed(failed.failure.code.as_deref()))
    }

    async fn bytes(&self, key: &str) -> Result<Bytes, Failed> {
        #[cfg(feature = "embedded")]
        if let Some(disk) = &self.disk {
            let read = embedded::get(disk, key).await;
            return read.map_err(|(status, failure)| Failed {
                status: Some(status),
                failure,
            });
        }
        let request = self.bucket.client.get_object();
        let request = request.bucket(&self.bucket.name).key(key);
        let object = request.send().await.map_err(|error| Failed::of(&error))?;
        let body = object.body.collect().await.map_err(|error| Failed {
            status: None,
            failure: chain(&error).into(),
        })?;
        Ok(body.into_bytes())
    }
}

/// Refuses a key or a prefix that lies outside of a scope.
pub(crate) fn covered(scope: &ReadScope, key: &str) -> Result<(), ReadError> {
    match scope.covers(key) {
        true => Ok(()),
        false => Err(ReadError::Refused(
            format!("{key:?} lies outside of the scope").into(),
        )),
    }
}

/// Fetches each listed object in a task of its own, which ends with its future, so that proofs use every
/// thread of the runtime. Each waits for room for its bytes, and keeps the room until it is dropped.
fn in_tasks<T, Fetch>(
    listed: impl Stream<Item = Result<Listed, ReadError>>,
    fetch: impl Fn(Listed) -> Fetch,
) -> impl Stream<Item = impl Future<Output = Result<(T, impl Sized), ReadError>>>
where
    T: Send + 'static,
    Fetch: Future<Output = Result<T, ReadError>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(BYTES_AT_ONCE as usize));
    let with_room = move |listed: Result<Listed, ReadError>| {
        let room = Arc::clone(&room);
        async move {
            let listed = listed?;
            let bytes = u32::try_from(listed.bytes).unwrap_or(u32::MAX);
            // The semaphore is never closed.
            let permit = room.acquire_many_owned(bytes.min(BYTES_AT_ONCE)).await.ok();
            Ok((listed, permit))
        }
    };
    listed.then(with_room).map(move |listed| {
        let begun = listed.map(|(listed, permit)| {
            let key = listed.key.clone();
            let task = tokio::spawn(fetch(listed));
            (key, AbortOnDropHandle::new(task), permit)
        });
        async move {
            let (key, task, permit) = begun?;
            match task.await {
                Ok(fetched) => Ok((fetched?, permit)),
                Err(error) => Err(ReadError::Unavailable(
                    format!("{key} cannot be read: {error}").into(),
                )),
            }
        }
    })
}

/// A request to S3 that failed.
pub(crate) struct Failed {
    /// The status of S3's response, if there was one.
    status: Option<u16>,
    failure: Failure,
}

impl Failed {
    pub(crate) fn of<E>(error: &SdkError<E>) -> Self
    where
        E: Error + ProvideErrorMetadata + RequestId + 'static,
    {
        let SdkError::ServiceError(response) = error else {
            let failure = chain(error).into();
            return Self {
                status: None,
                failure,
            };
        };
        let said = response.err().code().unwrap_or("no code");
        let message = response.err().message().unwrap_or_default();
        let what = format!("{said} {message}").trim_end().to_owned();
        Self {
            status: Some(response.raw().status().as_u16()),
            failure: Failure::of(error, what),
        }
    }

    /// The code of S3's response, if there was one.
    pub(crate) fn code(&self) -> Option<&str> {
        self.failure.code.as_deref()
    }

    /// The error of the read: what S3 refuses by status and code, a repeat will not get either.
    pub(crate) fn named(self, what: &str) -> ReadError {
        let failure = self.failure.after(what);
        match (self.status, failure.code.as_deref()) {
            (
                _,
                Some("SlowDown" | "RequestTimeout" | "RequestTimeTooSkewed" | "ExpiredToken")
                | None,
            ) => ReadError::Unavailable(failure),
            (Some(300..=499 | 501), Some(_)) => ReadError::Refused(failure),
            (_, Some(_)) => ReadError::Unavailable(failure),
        }
    }
}
