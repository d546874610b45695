//! Everything in a part of the log, in key order, each proved or reported: what `replay` prints.

use std::fmt;

use futures_util::future;
use futures_util::stream::{Stream, StreamExt, TryStreamExt};
use memory_log::object::{Object, ObjectError};
use memory_log::scope::ReadScope;

use super::listing::Listed;
use super::selection::Selection;
use super::{BYTES_AT_ONCE, FETCHES_AT_ONCE, ReadError, Reader, covered, in_tasks};

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
    /// Every entry of a selection in key order, read and proved. Keys that are not keys of the log are
    /// among them.
    ///
    /// # Errors
    /// [`ReadError`] comes after the entries before it, and ends the stream.
    pub fn entries(
        &self,
        scope: &ReadScope,
        selection: &Selection,
    ) -> impl Stream<Item = Result<Entry, ReadError>> + use<> {
        let (reader, scope, selection) = (self.clone(), scope.clone(), selection.clone());
        let range = selection.range();
        let outside = covered(&scope, &range.prefix).err();
        let listed = match outside {
            None => self.listed(&range).left_stream(),
            Some(error) => futures_util::stream::iter([Err(error)]).right_stream(),
        };
        let selected = move |listed: &Listed| future::ready(selection.has(&listed.key));
        let fetch = move |listed| {
            let (reader, scope) = (reader.clone(), scope.clone());
            async move { reader.listed_entry(&scope, listed).await }
        };
        let entries = in_tasks(listed.try_filter(selected), fetch).buffered(FETCHES_AT_ONCE);
        entries
            .map_ok(|(entry, _room)| entry)
            .scan(false, |has_failed, entry| {
                let is_next = !*has_failed;
                *has_failed |= entry.is_err();
                future::ready(is_next.then_some(entry))
            })
    }

    async fn listed_entry(&self, scope: &ReadScope, listed: Listed) -> Result<Entry, ReadError> {
        let Listed { key, bytes, .. } = listed;
        if bytes >= BYTES_AT_ONCE.into() {
            let why = BadEntry::NotProved(ObjectError::NotAMemory);
            return Ok(Entry::Bad { key, why });
        }
        self.entry(scope, key).await
    }

    /// Gets one object and proves it.
    ///
    /// # Errors
    /// [`ReadError`] if there was no whole response.
    pub async fn entry(&self, scope: &ReadScope, key: String) -> Result<Entry, ReadError> {
        covered(scope, &key)?;
        let why = match self.object(&key).await {
            Ok(body) => match Object::read(&key, &body) {
                Ok(stored) => return Ok(Entry::Memory(stored.object)),
                Err(error) => BadEntry::NotProved(error),
            },
            Err(failed) if failed.status.is_some() => BadEntry::Refused(failed.failure.what),
            Err(failed) => return Err(failed.named(&format!("{key} cannot be read"))),
        };
        Ok(Entry::Bad { key, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_why_it_is_not_a_memory() {
        let refused = BadEntry::Refused("NoSuchKey gone".to_owned());
        assert_eq!(refused.to_string(), "it cannot be read: NoSuchKey gone");
        let foreign = BadEntry::NotProved(ObjectError::NotAMemory);
        assert_eq!(foreign.to_string(), ObjectError::NotAMemory.to_string());
    }
}
