//! The durable write of an event: stored, its number taken, certainly not stored, or unknown.
//!
//! The key of an event holds a number, so whoever puts it first has made the change: S3's conditional
//! put decides every race. The module must not know memories or the table of changes, and must not
//! retry.

use std::error::Error;
use std::fmt;

use aws_sdk_s3::Client;
use memory_log::event::Event;
use memory_log::scope::ChangeScope;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::put::{NewObject, Outcome, PutBucket};
use crate::tally::Tally;

/// Puts events into one bucket. It has no way to put a memory, or to get or list anything.
#[derive(Debug, Clone)]
pub struct Changer {
    bucket: PutBucket,
    store: Store,
}

/// What a listing of the store proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    /// S3 lists what is durable.
    S3,
    /// A folder shows a file that another process has linked and not yet synced.
    Folder,
}

/// What a put did, if that is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The number was free. The event is durable.
    Written,
    /// Another event has the number, or was being put. This one is not stored.
    Taken,
}

/// Why there is no proof of what a put did, and what is known about it. The text is for the log only,
/// because S3's messages can name the bucket and the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeError {
    /// S3 certainly did not store it, and a repeat may succeed.
    Unavailable(Failure),
    /// S3 certainly did not store it, and a repeat will not help.
    Refused(Failure),
    /// The request had begun, and nothing proves whether the event was stored.
    Unknown(Failure),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(what) => write!(f, "not changed, try again: {what}"),
            Self::Refused(what) => write!(f, "not changed, refused: {what}"),
            Self::Unknown(what) => write!(f, "outcome unknown: {what}"),
        }
    }
}

impl Error for ChangeError {}

impl ChangeError {
    /// Why the call failed.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Unavailable(failure) | Self::Refused(failure) | Self::Unknown(failure) => failure,
        }
    }
}

impl Changer {
    /// A changer of this bucket.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            bucket: PutBucket::new(client, bucket),
            store: Store::S3,
        }
    }

    /// The same changer, whose puts this tally counts.
    #[must_use]
    pub fn counted(&self, tally: &Tally) -> Self {
        Self {
            bucket: self.bucket.counted(tally),
            store: self.store,
        }
    }

    /// The same changer of an embedded S3, which lists what may not be durable yet.
    #[must_use]
    pub fn of_a_folder(self) -> Self {
        Self {
            store: Store::Folder,
            ..self
        }
    }

    /// Puts an event if its number is free, in one attempt that ends at the deadline. The scope is the
    /// right of the caller to change memories there.
    ///
    /// # Errors
    /// [`ChangeError`] says what is known about an event that is not proved to be stored.
    pub async fn put(
        &self,
        event: &Event,
        scope: &ChangeScope,
        deadline: Instant,
    ) -> Result<Put, ChangeError> {
        match self.attempt(event, scope, deadline).await? {
            Outcome::Written => Ok(Put::Written),
            // The embedded S3 compares the bytes under a key, because those of a memory are derived
            // from it. Those of an event are not.
            Outcome::Taken | Outcome::TakenByOthers(_) | Outcome::Conflict(_) => Ok(Put::Taken),
            Outcome::Unavailable(what) => Err(ChangeError::Unavailable(what)),
            Outcome::Collides(what) | Outcome::Refused(what) => Err(ChangeError::Refused(what)),
            Outcome::Unknown(what) => Err(ChangeError::Unknown(what)),
        }
    }

    /// Makes sure that an event which was read is durable, before a response rests on it. In S3 it is.
    /// In a folder it is put again: a response to that, even that the key is taken, comes after its
    /// sync.
    ///
    /// # Errors
    /// [`ChangeError`]: there is no proof that the event is durable.
    pub async fn confirm(
        &self,
        event: &Event,
        scope: &ChangeScope,
        deadline: Instant,
    ) -> Result<(), ChangeError> {
        if self.store == Store::S3 {
            return Ok(());
        }
        match self.attempt(event, scope, deadline).await? {
            Outcome::Written | Outcome::Taken => Ok(()),
            Outcome::Conflict(what) | Outcome::Unavailable(what) => {
                Err(ChangeError::Unavailable(what))
            }
            Outcome::TakenByOthers(what) | Outcome::Collides(what) | Outcome::Refused(what) => {
                Err(ChangeError::Refused(what))
            }
            Outcome::Unknown(what) => Err(ChangeError::Unknown(what)),
        }
    }

    async fn attempt(
        &self,
        event: &Event,
        scope: &ChangeScope,
        deadline: Instant,
    ) -> Result<Outcome, ChangeError> {
        let object = event.object();
        if !scope.covers(&object.key) {
            let what = "the scope is that of another entity";
            return Err(ChangeError::Refused(what.into()));
        }
        let object = NewObject {
            key: &object.key,
            body: &object.body,
            sha256: object.sha256,
        };
        Ok(self.bucket.put(object, deadline).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_is_known_before_what_was_said() {
        for (error, text) in [
            (
                ChangeError::Unavailable("x".into()),
                "not changed, try again: x",
            ),
            (ChangeError::Refused("x".into()), "not changed, refused: x"),
            (ChangeError::Unknown("x".into()), "outcome unknown: x"),
        ] {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.failure().what, "x");
        }
    }
}
