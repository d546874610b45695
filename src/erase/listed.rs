//! What there is: every version, marker and file, and the events that a reader finds.
//!
//! It is whole, or an error: a plan must not miss anything.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use memory_log::event::{EVENT_BYTES_MAX, Event, EventError, EventKey};
use memory_s3::embedded::{self, Disk};
use memory_s3::reader::{Got, Listed, Range, ReadError, Reader};
use memory_s3::versions::{Kind, Lock, Version, Versions};
use memory_s3::views;

use super::{Found, Kept, Meant, file};

/// Requests for locks at once.
const LOCKS_AT_ONCE: usize = 64;

impl Found {
    /// Everything in a bucket: all versions, and what Object Lock holds of them.
    ///
    /// # Errors
    /// [`ReadError`] if S3 does not answer one of the questions whole.
    pub async fn in_bucket(
        reader: &Reader,
        versions: &Versions,
        of_views: Option<Versions>,
        meant: Meant,
    ) -> Result<Self, ReadError> {
        let scope = meant.scope();
        let memories = versions.under(scope, scope.memories()).await?;
        let (memories, foreign) = meant.of_memories(memories);
        let events = versions.under(scope, &meant.events()).await?;
        let view = match of_views {
            Some(views) => views.of_view(scope).await?,
            None => Vec::new(),
        };
        let has_locks = versions.has_locks().await?;
        let locked = |found: Vec<Version>| async {
            let locks = stream::iter(found).map(|version| async move {
                let lock = match version.kind {
                    Kind::Object { .. } if has_locks => versions.lock(scope, &version).await?,
                    Kind::Object { .. } | Kind::Marker => Lock::default(),
                };
                Ok::<_, ReadError>(Kept { version, lock })
            });
            locks.buffered(LOCKS_AT_ONCE).try_collect::<Vec<_>>().await
        };
        let (memories, events) = (locked(memories).await?, locked(events).await?);
        let history = history(reader, &meant).await?;
        Ok(Self {
            meant,
            memories,
            events,
            history,
            view,
            foreign,
        })
    }

    /// Everything in a data folder, which keeps no versions.
    ///
    /// # Errors
    /// [`ReadError`] if a part of the folder cannot be read.
    pub async fn in_folder(disk: Disk, meant: Meant, view: &str) -> Result<Self, ReadError> {
        let client = embedded::client(disk);
        let reader = Reader::new(client.clone(), embedded::BUCKET);
        let scope = meant.scope();
        let listed = |prefix: String| async {
            let listed = list(&reader, &meant, prefix).await?.into_iter();
            let files = listed.map(|Listed { key, bytes, .. }| file(key, bytes));
            Ok::<Vec<_>, ReadError>(files.collect())
        };
        let (memories, foreign) = meant.of_memories(listed(scope.memories().to_owned()).await?);
        let events = listed(meant.events()).await?;
        let cached = views::Views::new(client, embedded::VIEWS_BUCKET)
            .get(scope)
            .await;
        let cached = cached.map_err(|error| ReadError::Refused(error.to_string().into()))?;
        let view = cached.map(|cached| file(view.to_owned(), cached.bytes.len() as u64));
        let history = history(&reader, &meant).await?;
        let free = |found: Vec<Version>| -> Vec<_> {
            let lock = Lock::default();
            let found = found.into_iter();
            found.map(|version| Kept { version, lock }).collect()
        };
        Ok(Self {
            memories: free(memories),
            events: free(events),
            history,
            view: view.into_iter().collect(),
            foreign,
            meant,
        })
    }
}

async fn list(reader: &Reader, meant: &Meant, prefix: String) -> Result<Vec<Listed>, ReadError> {
    let range = Range::under(prefix);
    let all = reader.list(meant.scope(), &range, &[], |_| Vec::new(), usize::MAX);
    Ok(all.await?.unwrap_or_default())
}

/// The events that a reader finds, in the order of their keys, each proved.
async fn history(
    reader: &Reader,
    meant: &Meant,
) -> Result<Vec<(EventKey, Result<Event, EventError>)>, ReadError> {
    let mut listed = list(reader, meant, meant.events()).await?;
    listed.retain(|listed| listed.bytes <= EVENT_BYTES_MAX as u64);
    let fetched = reader.fetch(meant.scope(), listed, |key, body| {
        EventKey::parse(key).map(|key| (key.clone(), Event::read(key, &body)))
    });
    let events = fetched.try_filter_map(|(_, got)| async move {
        Ok(match got {
            Got::Whole(read) => read,
            Got::Gone => None,
        })
    });
    let mut events: Vec<_> = events.try_collect().await?;
    events.sort_by_key(|(key, _)| key.to_string());
    Ok(events)
}
