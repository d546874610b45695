//! The use case: a draft becomes a memory, the memory an object, the object durable.
//!
//! Every failure after the memory is normalised names the timestamp with which the request may be
//! repeated. The module knows neither HTTP nor a request's shape.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use uuid::Uuid;

use crate::memory::{Draft, Memory, Violations};
use crate::object::Object;
use crate::store::{Put, Store, WriteError};
use crate::timestamp::Timestamp;

/// The door to the log.
#[derive(Debug)]
pub struct Ingress {
    store: Store,
    clock: Clock,
}

/// The proof that a memory is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The memory's id.
    pub memory_id: Uuid,
    /// The memory's timestamp: the caller's, or the one it was given.
    pub timestamp: Timestamp,
    /// The key of its object.
    pub key: String,
    /// Whether this request wrote it.
    pub put: Put,
}

/// Why there is no receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The draft is no memory: nothing was tried.
    Invalid(Violations),
    /// The put gave no proof.
    Write {
        /// What is known of the object.
        error: WriteError,
        /// The timestamp with which a repeat cannot store it twice.
        retry: Timestamp,
    },
    /// The put itself crashed, so nothing is known of the object.
    Crashed {
        /// The timestamp with which a repeat cannot store it twice.
        retry: Timestamp,
    },
}

impl Ingress {
    /// A door to this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            clock: Clock::default(),
        }
    }

    /// Stores one memory, and answers when it is durable or the deadline has passed.
    ///
    /// # Errors
    /// [`Failure`] says what is known.
    pub async fn remember(&self, draft: Draft, deadline: Instant) -> Result<Receipt, Failure> {
        let memory =
            Memory::new(draft, self.clock.now(SystemTime::now())).map_err(Failure::Invalid)?;
        let object = Object::of(&memory);
        let (memory_id, key, timestamp) =
            (object.memory_id, object.key.clone(), memory.timestamp());
        let store = self.store.clone();
        // A task of its own: a caller that hangs up does not cut the put off, and a crash in it is
        // known to be one.
        let put = tokio::spawn(async move { store.put(&object, deadline).await });
        match put.await {
            Ok(Ok(put)) => Ok(Receipt {
                memory_id,
                timestamp,
                key,
                put,
            }),
            Ok(Err(error)) => Err(Failure::Write {
                error,
                retry: timestamp,
            }),
            Err(_) => Err(Failure::Crashed { retry: timestamp }),
        }
    }
}

impl Failure {
    /// What the log says of it, and no caller sees; nothing of a draft that was no memory.
    #[must_use]
    pub fn log(&self) -> Option<String> {
        match self {
            Self::Invalid(_) => None,
            Self::Write { error, .. } => Some(error.to_string()),
            Self::Crashed { .. } => Some("the put panicked".to_owned()),
        }
    }
}

/// Now, to the microsecond, and later at every call.
#[derive(Debug, Default)]
pub struct Clock {
    last_micros: AtomicI64,
}

impl Clock {
    /// The timestamp of a memory that gives none, by the wall clock.
    pub fn now(&self, wall: SystemTime) -> Timestamp {
        let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall_micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX - 1);
        let later = |last: i64| wall_micros.max(last.saturating_add(1));
        let order = Ordering::AcqRel;
        let last = self
            .last_micros
            .fetch_update(order, Ordering::Acquire, |last| Some(later(last)));
        Timestamp::from_unix_micros(later(last.unwrap_or_else(|last| last)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_never_gives_one_instant_twice_even_when_it_is_set_back() {
        let clock = Clock::default();
        let at = |micros| UNIX_EPOCH + Duration::from_micros(micros);
        let ticks: Vec<_> = [5, 5, 3, 6, 9]
            .map(|micros| clock.now(at(micros)).to_string())
            .into();
        let expected = [5, 6, 7, 8, 9].map(|micros| format!("1970-01-01T00:00:00.00000{micros}Z"));
        assert_eq!(ticks, expected);
    }
}
