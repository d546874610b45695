//! The use case of a change: who may ask, what is there, the protocol, and the event that makes the
//! change.
//!
//! S3's conditional put decides every race. This module only looks, asks `protocol` what to do, and
//! does it. The time and the pauses enter by arguments. The module must not know requests and
//! responses of ours.

use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use memory_log::event::{Actor, CHANGES_MAX, Change, Event, Reason, Status};
use memory_log::scope::{ChangeScope, Claims, Outside, ReadScope, WriteScopes};
use memory_log::steward::{self, Caller, Stewards};
use memory_log::timestamp::{Timestamp, unix_micros};
use memory_s3::changer::{self, Changer, Put};
use memory_s3::reader::Reader;
use memory_s3::tally::Tally;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::find::{Located, Recall, RecallError, by, seq_of, status_of};
use crate::line::Line;
use crate::log::{Changes, Log};
use crate::shown::is_stored;

pub mod precondition;
mod protocol;

pub use protocol::End;

use precondition::IfMatch;
use protocol::{Attempt, Next, Standing};

/// How long a request waits before it looks again, in milliseconds: requests that met once should not
/// meet again.
const PAUSE_MILLIS: RangeInclusive<u64> = 20..=200;

/// A random pause before a request looks again.
#[must_use]
pub fn random_pause() -> Duration {
    let (shortest, longest) = (*PAUSE_MILLIS.start(), *PAUSE_MILLIS.end());
    // The keys of each new state are other ones.
    let drawn = RandomState::new().hash_one(());
    Duration::from_millis(shortest + drawn % (longest - shortest + 1))
}

/// The time of the wall clock, to the microsecond.
#[must_use]
pub fn wall_clock() -> Timestamp {
    Timestamp::from_unix_micros(unix_micros(SystemTime::now()))
}

/// Changes the statuses of the memories of one log.
#[derive(Debug, Clone)]
pub struct Statuses {
    /// Finds the memories.
    pub recall: Recall,
    /// Reads what is found.
    pub reader: Reader,
    /// Puts the events.
    pub changer: Changer,
    /// Where callers may write.
    pub write_scopes: WriteScopes,
    /// Who may do more than delete.
    pub stewards: Stewards,
    /// The time: [`wall_clock`].
    pub now: fn() -> Timestamp,
    /// How long to wait before another look: [`random_pause`].
    pub pause: fn() -> Duration,
}

/// Which memory is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it lies, which the caller may read.
    pub scope: ReadScope,
    /// Its id.
    pub memory_id: Uuid,
    /// Its timestamp, if the caller knows it.
    pub created_at: Option<Timestamp>,
}

/// A request for a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The status that the memory shall have.
    pub to: Status,
    /// Who asks.
    pub actor: Actor,
    /// Why, in the actor's words.
    pub reason: Option<Reason>,
    /// What the actor has seen.
    pub if_match: Option<IfMatch>,
    /// Attributes that must be the stored ones: their names and JSON texts.
    pub others: Vec<(String, String)>,
}

/// The proof that a memory has the status that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// The memory.
    pub line: Arc<Line>,
    /// Its status.
    pub status: Status,
    /// The event that made it; `None` for a memory without events.
    pub event: Option<Arc<Event>>,
    /// What this request did.
    pub did: Did,
}

impl Receipt {
    /// The number of the highest event; 0 for a memory without events.
    #[must_use]
    pub fn seq(&self) -> u8 {
        seq_of(self.event.as_deref())
    }
}

/// What a request did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It made the change.
    Change,
    /// Nothing: it, or one like it, had made the change before.
    Repeat,
    /// Nothing: the memory had the status.
    Nothing,
}

/// Why there is no proof that a memory has the status that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeError {
    /// The caller may read there and not write.
    Outside(Outside),
    /// The caller may delete there and is no steward.
    NotASteward,
    /// The memory is not found, or the log does not say which status it has. Nothing is changed.
    Recall(RecallError),
    /// The change is not made.
    Ended {
        /// Why.
        end: End,
        /// The memory's status.
        status: Status,
        /// The event that made it; `None` for a memory without events.
        event: Option<Arc<Event>>,
    },
    /// The actor sends attributes with these names that are not the stored ones.
    Immutable(Vec<String>),
    /// The memory has had as many changes as a memory can have. Nothing is changed.
    TooManyChanges,
    /// S3 did not prove that the event is stored.
    Put(changer::ChangeError),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside(_) => f.write_str("the caller may not write there"),
            Self::NotASteward => f.write_str("the caller is not a steward"),
            Self::Recall(error) => error.fmt(f),
            Self::Ended { end, status, event } => {
                let seq = seq_of(event.as_deref());
                write!(f, "{end} (the status is {status}, the event {seq})")
            }
            Self::Immutable(names) => write!(f, "{} other attributes", names.len()),
            Self::TooManyChanges => write!(f, "the memory has had {CHANGES_MAX} changes"),
            Self::Put(error) => error.fmt(f),
        }
    }
}

impl Error for ChangeError {}

impl From<Outside> for ChangeError {
    fn from(outside: Outside) -> Self {
        Self::Outside(outside)
    }
}

impl From<RecallError> for ChangeError {
    fn from(error: RecallError) -> Self {
        Self::Recall(error)
    }
}

impl From<changer::ChangeError> for ChangeError {
    fn from(error: changer::ChangeError) -> Self {
        Self::Put(error)
    }
}

impl Statuses {
    /// The same, with calls that this tally counts.
    #[must_use]
    pub fn counted(&self, tally: &Tally) -> Self {
        Self {
            recall: self.recall.counted(tally),
            reader: self.reader.counted(tally),
            changer: self.changer.counted(tally),
            ..self.clone()
        }
    }

    /// Gives a memory a status, before the deadline: judges the caller, finds and proves the memory, and
    /// follows the protocol.
    ///
    /// # Errors
    /// [`ChangeError`] says why not, and what is known.
    pub async fn change(
        &self,
        caller: Caller<'_>,
        target: &Target,
        request: &Request,
        deadline: Instant,
    ) -> Result<Receipt, ChangeError> {
        self.permit(caller, target, request.to)?;
        // Another event can lie under a key whose event was erased, so what this process has read
        // before must not decide.
        let log = Log::new(self.reader.clone());
        let (located, line) = by(deadline, self.found(&log, target)).await?;
        let scope = self.permit_in(caller, &located.entity)?;
        self.follow(&log, (located, line), (&scope, deadline), request)
            .await
    }

    /// Judges the caller, before anything is read.
    fn permit(&self, caller: Caller<'_>, target: &Target, to: Status) -> Result<(), ChangeError> {
        // A scope that is wider than an entity is judged once the memory's entity is known.
        if target.scope.entity_id().is_some() {
            self.permit_in(caller, &target.scope)?;
        }
        match steward::is_needed_for(to) && !self.stewards.have(caller) {
            true => Err(ChangeError::NotASteward),
            false => Ok(()),
        }
    }

    fn permit_in(&self, caller: Caller<'_>, entity: &ReadScope) -> Result<ChangeScope, Outside> {
        match caller {
            Caller::Verified(claims) => self.write_scopes.permit_change(claims, entity),
            Caller::Key | Caller::Local => {
                self.write_scopes.permit_change(&Claims::default(), entity)
            }
        }
    }

    /// Finds the memory, and proves it.
    async fn found(&self, log: &Log, target: &Target) -> Result<(Located, Line), RecallError> {
        let Target {
            scope,
            memory_id,
            created_at,
        } = target;
        let scopes = std::slice::from_ref(scope);
        let located = self.recall.located(scopes, *memory_id, *created_at).await?;
        let located = located.ok_or(RecallError::NotFound)?;
        let line = log.line(&located.entity, &located.place).await?;
        Ok((located, line.ok_or(RecallError::NotFound)?))
    }

    /// Follows the protocol to its end.
    async fn follow(
        &self,
        log: &Log,
        (mut located, line): (Located, Line),
        (scope, deadline): (&ChangeScope, Instant),
        request: &Request,
    ) -> Result<Receipt, ChangeError> {
        let line = Arc::new(line);
        let mut attempt = Attempt::new(request.to, request.if_match.as_ref());
        loop {
            let event = by(deadline, highest(log, &located)).await?;
            let standing = request.standing(event.as_deref());
            // What is deleted is not compared: nobody may learn what it was.
            if standing.status != Status::Deleted {
                request.check_others(&line)?;
            }
            let next = attempt.looked(standing);
            if let (Next::Holds { .. } | Next::End(_), Some(event)) = (next, &event) {
                self.changer.confirm(event, scope, deadline).await?;
            }
            let receipt = |event, did| Receipt {
                line: Arc::clone(&line),
                status: request.to,
                event,
                did,
            };
            match next {
                Next::Put => {
                    let event = self.next_event(&located, request, standing)?;
                    match self.changer.put(&event, scope, deadline).await? {
                        Put::Written => return Ok(receipt(Some(event.into()), Did::Change)),
                        Put::Taken => {
                            located.changes = self.changes_later(log, &located, deadline).await?;
                        }
                    }
                }
                Next::Holds { is_replayed: true } => return Ok(receipt(event, Did::Repeat)),
                Next::Holds { is_replayed: false } => return Ok(receipt(event, Did::Nothing)),
                Next::End(end) => {
                    let status = standing.status;
                    return Err(ChangeError::Ended { end, status, event });
                }
            }
        }
    }

    /// The event that makes the change.
    fn next_event(
        &self,
        Located { entity, place, .. }: &Located,
        request: &Request,
        standing: Standing,
    ) -> Result<Event, ChangeError> {
        let change = Change {
            status: request.to,
            actor: request.actor.clone(),
            reason: request.reason.clone(),
            timestamp: (self.now)(),
        };
        // What is located lies in one entity.
        let (domain, entity_id) = (entity.domain(), entity.entity_id());
        let (domain, entity_id) = (domain.unwrap_or_default(), entity_id.unwrap_or_default());
        let event = Event::next(domain, entity_id, place.memory_id, standing.highest, change);
        event.ok_or(ChangeError::TooManyChanges)
    }

    /// Lists the changes of a memory again, after a pause that ends before the deadline.
    async fn changes_later(
        &self,
        log: &Log,
        Located { entity, place, .. }: &Located,
        deadline: Instant,
    ) -> Result<Changes, RecallError> {
        let until = Instant::now() + (self.pause)();
        if until >= deadline {
            return Err(RecallError::Late);
        }
        sleep_until(until).await;
        let changes = async { Ok(log.changes_of(entity, place.memory_id).await?) };
        by(deadline, changes).await
    }
}

/// The highest event of a memory that is located.
async fn highest(log: &Log, located: &Located) -> Result<Option<Arc<Event>>, RecallError> {
    let Located {
        entity,
        place,
        changes,
    } = located;
    Ok(log.highest(entity, changes, place.memory_id).await?)
}

impl Request {
    /// Checks that the attributes that it repeats are the stored ones.
    fn check_others(&self, line: &Line) -> Result<(), ChangeError> {
        let others = self.others.iter();
        let changed = others.filter(|(name, text)| !is_stored(line, name, text));
        let names: Vec<_> = changed.map(|(name, _)| name.clone()).collect();
        match names.is_empty() {
            true => Ok(()),
            false => Err(ChangeError::Immutable(names)),
        }
    }

    /// What this request sees in the highest event of a memory.
    fn standing(&self, highest: Option<&Event>) -> Standing {
        let change = highest.map(Event::change);
        Standing {
            status: status_of(highest),
            highest: highest.map(Event::seq),
            is_of_this_request: change.is_some_and(|change| {
                (&change.actor, &change.reason) == (&self.actor, &self.reason)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pauses_lie_in_their_range_and_are_not_all_the_same() {
        let pauses: BTreeSet<_> = (0..200).map(|_| random_pause()).collect();
        let (first, last) = (pauses.first().unwrap(), pauses.last().unwrap());
        assert!(*first >= Duration::from_millis(20) && *last <= Duration::from_millis(200));
        // Of 200 draws from 181, some 120 are different; 50 would be a very bad source.
        assert!(pauses.len() > 50, "{pauses:?}");
    }
}
