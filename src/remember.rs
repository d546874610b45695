//! The use case: a draft becomes a memory, the memory an object, and the object durable.
//!
//! Every failure after the memory is normalized names the timestamp with which the request may be
//! repeated. The module must not know HTTP or the shape of a request.

use std::time::SystemTime;

use memory_log::fault::{Place, Violations};
use memory_log::memory::{Draft, Memory};
use memory_log::object::Object;
use memory_log::scope::{Claims, Outside, WriteScopes};
use memory_log::timestamp::Timestamp;
use memory_s3::tally::Tally;
use memory_s3::writer::{Put, WriteError, Writer};
use percent_encoding::percent_decode_str;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Clock;
use memory_web::problem::{Problem, StorageFailure};
use memory_web::record::{About, Outcome, Record, Storage, Why};

/// The way into the log.
#[derive(Debug)]
pub struct Ingress {
    writer: Writer,
    scopes: WriteScopes,
    clock: Clock,
}

/// The proof that a memory is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The memory's id.
    pub memory_id: Uuid,
    /// The memory's timestamp: the caller's, or the one that the service chose.
    pub timestamp: Timestamp,
    /// The key of its object.
    pub key: String,
    /// Whether this request wrote it.
    pub put: Put,
}

/// Why there is no receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RememberError {
    /// The draft is not a memory. Nothing was sent to S3.
    Invalid(Violations),
    /// The caller may not write memories of this domain or entity. Nothing was sent to S3.
    Outside(Outside),
    /// The put gave no proof.
    Write {
        /// What is known about the object.
        error: WriteError,
        /// The timestamp with which a repeat cannot store it twice.
        retry: Timestamp,
    },
    /// The put itself crashed, so nothing is known about the object.
    Crashed {
        /// The timestamp with which a repeat cannot store it twice.
        retry: Timestamp,
    },
}

impl Receipt {
    /// Whether the memory was already durable before this request.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.put == Put::AlreadyThere
    }
}

impl Ingress {
    /// The way into the log of this writer, for callers who may write in these scopes.
    #[must_use]
    pub fn new(writer: Writer, scopes: WriteScopes) -> Self {
        Self {
            writer,
            scopes,
            clock: Clock::default(),
        }
    }

    /// Stores one memory of a caller with these claims. Returns when it is durable, or when the
    /// deadline has passed. The record of the request is filled, also where the caller of this has gone.
    ///
    /// # Errors
    /// [`RememberError`] says what is known.
    pub async fn remember(
        &self,
        draft: Draft,
        claims: &Claims,
        deadline: Instant,
        record: &Record,
    ) -> Result<Receipt, RememberError> {
        let now = self.clock.now(SystemTime::now());
        let memory = Memory::new(draft, now).map_err(RememberError::Invalid)?;
        record.fill(|members| {
            members.about.domain = Some(memory.domain().to_owned());
            members.about.entity = Some(memory.entity_id().to_owned());
        });
        let scope = self.scopes.permit(claims, &memory);
        let scope = scope.map_err(RememberError::Outside)?;
        let object = Object::of(&memory);
        let (memory_id, key, timestamp) =
            (object.memory_id, object.key.clone(), memory.timestamp());
        record.fill(|members| {
            members.about = About {
                memory_id: Some(memory_id),
                key: Some(key.clone()),
                bytes: Some(object.body.len()),
                ..std::mem::take(&mut members.about)
            };
            // Until the put has ended, as where it panics.
            members.outcome = Some(Outcome::Unknown);
        });
        let tally = Tally::of(record.span());
        let (writer, its_record) = (self.writer.counted(&tally), record.clone());
        // A task of its own: a caller that hangs up does not cancel the put, and a panic in it is
        // known to be one.
        let put = tokio::spawn(async move {
            let put = writer.put(&object, &scope, deadline).await;
            let put = put.map_err(|error| RememberError::Write {
                error,
                retry: timestamp,
            });
            put_ended(&its_record, &put, &tally);
            put
        });
        match put.await {
            Ok(Ok(put)) => Ok(Receipt {
                memory_id,
                timestamp,
                key,
                put,
            }),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let why = "the put panicked".to_owned();
                record.fill(|members| members.why = Some(Why::from(why)));
                Err(RememberError::Crashed { retry: timestamp })
            }
        }
    }
}

/// Says in the record what became of a put, and what S3 said.
fn put_ended(record: &Record, put: &Result<Put, RememberError>, tally: &Tally) {
    let counts = tally.counts();
    let storage = Storage {
        time: counts.time,
        connecting: counts.connecting,
        request_id: counts.request_id,
        puts: counts.puts,
        ..Storage::default()
    };
    let outcome = match put {
        Ok(Put::Written) => Some(Outcome::Stored),
        Ok(Put::AlreadyThere) => Some(Outcome::Repeated),
        Err(_) => None,
    };
    record.fill(|members| {
        members.storage = storage;
        members.outcome = outcome.or(members.outcome);
    });
    if let Err(error) = put {
        record.refused(&error.problems(|_| Vec::new()), error.why());
    }
}

fn failure_of(error: &WriteError) -> StorageFailure {
    match error {
        WriteError::Unavailable(_) => StorageFailure::Unavailable,
        WriteError::Refused(_) | WriteError::Collides { .. } => StorageFailure::Refused,
        WriteError::Damaged(_) => StorageFailure::Damaged,
        WriteError::Unknown(_) => StorageFailure::OutcomeUnknown,
    }
}

impl RememberError {
    /// What a caller is told; `locate` gives each place its path in the request.
    #[must_use]
    pub fn problems(&self, locate: impl Fn(&Place) -> Vec<String>) -> Vec<Problem> {
        let (failure, retry) = match self {
            Self::Invalid(violations) => return Problem::of_violations(violations, locate),
            Self::Outside(outside) => {
                let place = match outside {
                    Outside::Domain => Place::Domain,
                    Outside::Entity => Place::EntityId,
                };
                return vec![Problem::outside(&locate(&place))];
            }
            Self::Write { error, retry } => {
                if let Some((place, wanted, there)) = collision(error) {
                    return vec![Problem::name_collision(&locate(&place), &wanted, &there)];
                }
                (failure_of(error), retry)
            }
            Self::Crashed { retry } => (StorageFailure::Crashed, retry),
        };
        vec![Problem::of_storage(failure, *retry)]
    }

    /// Why the put failed, for the log.
    fn why(&self) -> Option<Why> {
        let Self::Write { error, .. } = self else {
            return None;
        };
        let failure = error.failure();
        Some(Why {
            what: failure.map_or_else(|| error.to_string(), |failure| failure.what.clone()),
            s3_code: failure.and_then(|failure| failure.code.clone()),
            s3_request_id: failure.and_then(|failure| failure.request_id.clone()),
        })
    }
}

/// The name of a memory that a disk takes for another one: its place, the name, and the other one.
fn collision(error: &WriteError) -> Option<(Place, String, String)> {
    let WriteError::Collides { key, there } = error else {
        return None;
    };
    let wanted = key.split('/').zip(there.split('/')).last();
    let (wanted, there) = wanted.filter(|(wanted, there)| wanted != there)?;
    let ((kind, wanted), (_, there)) = (wanted.split_once('=')?, there.split_once('=')?);
    let place = match kind {
        "domain" => Place::Domain,
        "entity" => Place::EntityId,
        _ => return None,
    };
    let name = |encoded: &str| percent_decode_str(encoded).decode_utf8_lossy().into_owned();
    Some((place, name(wanted), name(there)))
}

#[cfg(test)]
mod tests {
    use memory_log::fault::Fault;

    use super::*;
    use memory_web::problem::{Code, Source, Written};

    const SECRET: &str = "arn:aws:iam::123456789012:role/writer";

    fn retry() -> Timestamp {
        Timestamp::parse("2026-01-27T03:14:22Z").unwrap()
    }

    fn of_write(error: WriteError) -> RememberError {
        let retry = retry();
        RememberError::Write { error, retry }
    }

    fn problem(error: &RememberError) -> Problem {
        let mut problems = error.problems(|_| panic!("a failed write has no place"));
        assert_eq!(problems.len(), 1);
        problems.remove(0)
    }

    #[test]
    fn a_failed_write_says_what_is_known_and_how_to_repeat_it() {
        use Written::{NotWritten, Unknown};
        let said = SECRET.to_owned();
        for (error, code, written) in [
            (
                of_write(WriteError::Unavailable(said.clone().into())),
                Code::StorageUnavailable,
                NotWritten,
            ),
            (
                of_write(WriteError::Refused(said.clone().into())),
                Code::StorageRefused,
                NotWritten,
            ),
            (
                of_write(WriteError::Unknown(said.into())),
                Code::StorageOutcomeUnknown,
                Unknown,
            ),
            (
                RememberError::Crashed { retry: retry() },
                Code::Internal,
                Unknown,
            ),
        ] {
            let problem = problem(&error);
            assert_eq!(problem.code, code);
            let storage = problem.storage.unwrap();
            assert_eq!((storage.written, storage.retry), (written, Some(retry())));
        }
    }

    #[test]
    fn a_name_that_the_disk_takes_for_another_is_named_with_it_at_its_member() {
        const KEY: &str = "memories/domain=a%20B/entity=Rob/2026/01/27/x.json";
        let collides = |there: &str| {
            of_write(WriteError::Collides {
                key: KEY.to_owned(),
                there: there.to_owned(),
            })
        };
        let problem = |there: &str| {
            let located = |place: &Place| vec![format!("{place:?}")];
            collides(there).problems(located).remove(0)
        };
        for (there, pointer, both) in [
            ("memories/domain=A%20b", "/Domain", ["\"a B\"", "\"A b\""]),
            (
                "memories/domain=a%20B/entity=rob",
                "/EntityId",
                ["\"Rob\"", "\"rob\""],
            ),
        ] {
            let problem = problem(there);
            assert_eq!(problem.code, Code::NameCollision);
            assert_eq!(problem.source, Source::Pointer(pointer.to_owned()));
            assert!(
                both.iter().all(|name| problem.detail.contains(name)),
                "{}",
                problem.detail
            );
            assert_eq!(problem.storage.unwrap().written, Written::NotWritten);
        }
        for other in ["", "x", "Memories", SECRET, "memories/domain=a%20B"] {
            let problem = problem(other);
            assert_eq!(problem.code, Code::StorageRefused, "{other}");
            assert!(!problem.detail.contains(SECRET));
        }
    }

    #[test]
    fn what_s3_said_is_never_in_a_problem() {
        for error in [
            WriteError::Unavailable,
            WriteError::Refused,
            WriteError::Unknown,
        ] {
            let error = of_write(error(SECRET.into()));
            assert!(!format!("{:?}", problem(&error)).contains(SECRET));
        }
    }

    #[test]
    fn a_draft_that_is_not_a_memory_is_located_in_the_request() {
        let mut violations = Violations::one(Place::Content, Fault::Blank);
        violations.push(Place::Domain, Fault::Required);
        let error = RememberError::Invalid(violations);
        let problems = error.problems(|place| match *place == Place::Content {
            true => vec!["a".to_owned(), "b".to_owned()],
            false => vec!["c".to_owned()],
        });
        let sources = [
            Source::Pointer("/a/b".to_owned()),
            Source::Pointer(String::new()),
        ];
        let found: Vec<_> = problems
            .iter()
            .map(|problem| problem.source.clone())
            .collect();
        assert_eq!(found, sources);
        assert!(problems.iter().all(|problem| problem.storage.is_none()));
    }

    #[test]
    fn only_a_memory_that_was_already_there_is_a_replay() {
        let receipt = |put| Receipt {
            memory_id: Uuid::nil(),
            timestamp: retry(),
            key: String::new(),
            put,
        };
        assert!(receipt(Put::AlreadyThere).is_replayed());
        assert!(!receipt(Put::Written).is_replayed());
    }
}
