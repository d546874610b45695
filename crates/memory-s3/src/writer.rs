//! The durable write of a memory: stored, certainly not stored, or unknown.
//!
//! The key of a memory is derived from it, so a key that is taken holds this very memory. The module
//! must not know events or our HTTP responses, and must not retry.

use std::fmt;

use aws_sdk_s3::Client;
use memory_log::object::Object;
use memory_log::scope::WriteScope;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::put::{NewObject, Outcome, PutBucket};
use crate::tally::Tally;

/// Puts memories into one bucket. It has no way to get or list them.
#[derive(Debug, Clone)]
pub struct Writer(PutBucket);

/// The outcome of a put that proves the object durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The key was free: the object is new.
    Written,
    /// The key was taken. It is derived from the memory, so this same memory is already durable.
    AlreadyThere,
}

/// Why there is no proof that the object is stored, and what is known about it. The failure is for the
/// log only, because S3's messages can name the bucket and the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// S3 certainly did not store it, and a repeat may succeed.
    Unavailable(Failure),
    /// S3 certainly did not store it, and a repeat will not help.
    Refused(Failure),
    /// The embedded S3 did not store it, because other bytes are under its key.
    Damaged(Failure),
    /// The embedded S3 did not store it: its disk takes the folder of this key for that of another name,
    /// which differs in case only, and whose keys begin so.
    Collides {
        /// The key that was to be stored.
        key: String,
        /// The beginning of the keys that are there.
        there: String,
    },
    /// The request had begun, and nothing proves whether the object was stored.
    Unknown(Failure),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(what) => write!(f, "not written, try again: {what}"),
            Self::Refused(what) => write!(f, "not written, refused: {what}"),
            Self::Damaged(what) => write!(f, "not written, the log is damaged: {what}"),
            Self::Collides { key, there } => {
                write!(f, "not written, {key} is for the disk below {there}")
            }
            Self::Unknown(what) => write!(f, "outcome unknown: {what}"),
        }
    }
}

impl std::error::Error for WriteError {}

impl WriteError {
    /// Why the call failed, if its keys do not say it.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Unavailable(failure)
            | Self::Refused(failure)
            | Self::Damaged(failure)
            | Self::Unknown(failure) => Some(failure),
            Self::Collides { .. } => None,
        }
    }
}

impl Writer {
    /// A writer of this bucket.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self(PutBucket::new(client, bucket))
    }

    /// The same writer, whose puts this tally counts.
    #[must_use]
    pub fn counted(&self, tally: &Tally) -> Self {
        Self(self.0.counted(tally))
    }

    /// Puts the object under its key if the key is free, in one attempt that ends at the deadline. The
    /// scope is the right of the caller to write there.
    ///
    /// # Errors
    /// [`WriteError`] says what is known about an object that is not proved to be stored.
    pub async fn put(
        &self,
        object: &Object,
        scope: &WriteScope,
        deadline: Instant,
    ) -> Result<Put, WriteError> {
        if !scope.covers(&object.key) {
            let what = "the scope is that of another entity";
            return Err(WriteError::Refused(what.into()));
        }
        let key = &object.key;
        let object = NewObject {
            key,
            body: &object.body,
            sha256: object.sha256,
        };
        match self.0.put(object, deadline).await {
            Outcome::Written => Ok(Put::Written),
            Outcome::Taken => Ok(Put::AlreadyThere),
            Outcome::TakenByOthers(what) => Err(WriteError::Damaged(what)),
            Outcome::Collides(Failure { what: there, .. }) => {
                let key = key.clone();
                Err(WriteError::Collides { key, there })
            }
            Outcome::Conflict(what) | Outcome::Unavailable(what) => {
                Err(WriteError::Unavailable(what))
            }
            Outcome::Refused(what) => Err(WriteError::Refused(what)),
            Outcome::Unknown(what) => Err(WriteError::Unknown(what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_is_known_before_what_was_said() {
        for (error, text) in [
            (
                WriteError::Unavailable("x".into()),
                "not written, try again: x",
            ),
            (WriteError::Refused("x".into()), "not written, refused: x"),
            (
                WriteError::Damaged("x".into()),
                "not written, the log is damaged: x",
            ),
            (WriteError::Unknown("x".into()), "outcome unknown: x"),
        ] {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.failure().unwrap().what, "x");
        }
    }
}
