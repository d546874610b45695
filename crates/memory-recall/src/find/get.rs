//! One memory by its id.

use std::sync::Arc;

use futures_util::future::{join, try_join, try_join_all};
use memory_log::event::Status;
use memory_log::object::KeyClaim;
use memory_log::scope::ReadScope;
use memory_log::timestamp::Timestamp;
use memory_s3::reader::Range;
use tokio::time::Instant;
use uuid::Uuid;

use super::{History, Recall, RecallError, Recalled, by, status_of};
use crate::line::Place;
use crate::log::Changes;

/// A memory that is listed, and its changes.
#[derive(Debug, Clone)]
pub struct Located {
    /// The entity that has it.
    pub entity: ReadScope,
    /// Where it lies.
    pub place: Place,
    /// Its events.
    pub changes: Changes,
}

impl Recall {
    /// Gets a memory in full, with as many of its newest events as are wanted. A hint of its timestamp
    /// saves the listing of the scope.
    ///
    /// # Errors
    /// [`RecallError::NotFound`] if the scopes have no such memory, [`RecallError::Deleted`] if it is
    /// deleted, or another one.
    pub async fn get(
        &self,
        scopes: &[ReadScope],
        memory_id: Uuid,
        created_at: Option<Timestamp>,
        events: usize,
        deadline: Instant,
    ) -> Result<(Recalled, History), RecallError> {
        by(deadline, async {
            let located = self.located(scopes, memory_id, created_at).await?;
            let Located {
                entity,
                place,
                changes,
            } = located.ok_or(RecallError::NotFound)?;
            let highest = self.log.highest(&entity, &changes, memory_id);
            let kept = self.kept.lines(&entity).line(&place.key);
            let line = async {
                match kept {
                    Some(line) => Ok(Some(line)),
                    None => Ok(self.log.line(&entity, &place).await?.map(Arc::new)),
                }
            };
            let (event, line) = join(highest, line).await;
            let event = event?;
            let newest = self.log.newest(&entity, &changes, memory_id, events);
            let history = History {
                events: changes.count(memory_id),
                newest: newest.await?,
            };
            if let Some(event) = event
                .clone()
                .filter(|event| status_of(Some(event)) == Status::Deleted)
            {
                // Nothing of the object is looked at: a tombstone hides a damaged one as well.
                return Err(RecallError::Deleted { event, history });
            }
            let line: Result<_, RecallError> = line;
            let line = line?.ok_or(RecallError::NotFound)?;
            Ok((Recalled::new(line, event.as_deref()), history))
        })
        .await
    }

    /// Finds where a memory lies, and lists its changes; `None` if the scopes have no such memory.
    ///
    /// # Errors
    /// [`RecallError::Log`] if the log does not say.
    pub async fn located(
        &self,
        scopes: &[ReadScope],
        memory_id: Uuid,
        created_at: Option<Timestamp>,
    ) -> Result<Option<Located>, RecallError> {
        let located = scopes
            .iter()
            .map(|scope| self.located_in(scope, memory_id, created_at));
        let located = try_join_all(located).await?;
        Ok(located.into_iter().flatten().next())
    }

    async fn located_in(
        &self,
        scope: &ReadScope,
        memory_id: Uuid,
        created_at: Option<Timestamp>,
    ) -> Result<Option<Located>, RecallError> {
        let place = self.place(scope, memory_id, created_at);
        let changes = async {
            match scope.entity_id() {
                Some(_) => Ok(Some(self.log.changes_of(scope, memory_id).await?)),
                None => Ok(None),
            }
        };
        let (place, changes) = try_join(place, changes).await?;
        let Some(place) = place else {
            return Ok(None);
        };
        let claim = KeyClaim::parse(&place.key);
        let Some(entity) = claim.and_then(|claim| scope.entity_of(&claim)) else {
            return Ok(None);
        };
        let changes = match changes {
            Some(changes) => changes,
            None => self.log.changes_of(&entity, memory_id).await?,
        };
        Ok(Some(Located {
            entity,
            place,
            changes,
        }))
    }

    /// Where a memory lies in a scope. Its key is known from its time, or because this process has read
    /// it. Else the scope is listed until the id is found.
    async fn place(
        &self,
        scope: &ReadScope,
        memory_id: Uuid,
        created_at: Option<Timestamp>,
    ) -> Result<Option<Place>, RecallError> {
        let kept = self.kept.lines(scope);
        let key = match created_at {
            Some(timestamp) => key_of(scope, timestamp, memory_id),
            None => kept.key_of(memory_id),
        };
        let is_it = |place: &Place| place.memory_id == memory_id;
        if let Some(key) = key {
            let (memories, _) = self.log.first_memories(scope, &Range::under(key)).await?;
            let found = memories.places.into_iter().find(is_it);
            if found.is_some() {
                return Ok(found);
            }
        }
        let whole = Range::under(scope.memories());
        let cuts = kept.cuts();
        let listed = self.log.memories(scope, &whole, &cuts, usize::MAX);
        let mut places = listed.await?.unwrap_or_default().places.into_iter();
        Ok(places.find(is_it))
    }
}

/// The key of a memory of an entity.
fn key_of(scope: &ReadScope, timestamp: Timestamp, memory_id: Uuid) -> Option<String> {
    let claim = KeyClaim {
        domain: scope.domain()?.to_owned(),
        entity_id: scope.entity_id()?.to_owned(),
        timestamp,
        memory_id,
    };
    Some(claim.to_string())
}
