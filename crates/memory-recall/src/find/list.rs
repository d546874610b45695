//! Lists in the order of time. Only what a page shows is fetched, and what a filter must look at.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::{try_join, try_join_all};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use memory_log::event::Event;
use memory_log::object::{Prefix, earliest_key};
use memory_log::scope::ReadScope;
use memory_s3::reader::Range;
use tokio::time::Instant;

use super::cursor::{Cursor, ListId};
use super::{Filters, Recall, RecallError, Recalled, by, entities, status_of};
use crate::kept::Lines;
use crate::line::{Line, Place};
use crate::log::{Changes, Log};

/// Bytes of the objects of a page, the last one not counted: what shows it is not much longer than 1 MiB.
const PAGE_BYTES_MAX: u64 = 1024 * 1024;
/// Memories that are looked at at once.
const LOOKS_AT_ONCE: usize = 64;
/// Memories that a filter looks at in its first round. Each further round has twice as many.
const ROUND_MIN: usize = 64;
/// Most memories of a round.
const ROUND_MAX: usize = 4_096;
/// Bytes of a round, the last memory not counted.
const ROUND_BYTES_MAX: u64 = 64 * PAGE_BYTES_MAX;
/// Greater than what follows the instant in a key.
const AFTER_EVERY_ID: char = '~';

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Oldest first: by timestamp, then by key. It is listed no further than it is shown.
    Oldest,
    /// The exact reverse, for which everything must be listed.
    Newest,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its memories, in the order of the list.
    pub memories: Vec<Recalled>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<Cursor>,
    /// How many keys were listed that are no keys of the log.
    pub aliens: usize,
    list: ListId,
}

impl Page {
    /// A page of a list of this entity, newest first: one memory, and more after it.
    pub(crate) fn of_one(memory: Recalled, scope: &ReadScope) -> Self {
        let list = ListId::of(&[scope], &Filters::default(), Order::Newest);
        Self {
            next: Some(Cursor::after(&memory.line.place, list)),
            memories: vec![memory],
            aliens: 0,
            list,
        }
    }

    /// Ends the page before the memory with this number, so that the next one begins with it.
    pub fn end_before(&mut self, number: usize) {
        if number < self.memories.len() {
            self.memories.truncate(number);
            let last = self.memories.last();
            self.next = last.map(|last| Cursor::after(&last.line.place, self.list));
        }
    }
}

impl Recall {
    /// Lists the memories of these entities that the filters want, after the one of a cursor: at most
    /// `limit`, and fewer where they are long.
    ///
    /// # Errors
    /// [`RecallError`] if the page could not be read whole.
    pub async fn list(
        &self,
        scopes: &[ReadScope],
        filters: &Filters,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Page, RecallError> {
        let entities = entities(scopes)?;
        let list = ListId::of(&entities, filters, order);
        if after.is_some_and(|cursor| !cursor.is_of(list, &entities)) {
            return Err(RecallError::OtherQuery);
        }
        let after = after.map(|cursor| &cursor.last);
        by(deadline, async {
            let mut places = match order {
                Order::Oldest => self.oldest(&entities, filters, after).await?,
                Order::Newest => self.newest(scopes, filters, after).await?,
            };
            let (memories, more_after) = self.shown(&mut places, filters, limit).await?;
            let next = more_after.map(|last| Cursor::after(&last, list));
            Ok(Page {
                memories,
                next,
                aliens: places.aliens,
                list,
            })
        })
        .await
    }

    /// The places of these entities from the oldest on, which are listed when they are needed.
    async fn oldest(
        &self,
        scopes: &[&ReadScope],
        filters: &Filters,
        after: Option<&Place>,
    ) -> Result<Places, RecallError> {
        let entity = |scope: &ReadScope| {
            let mut range = Range::memories(scope, filters.since, filters.until);
            // Keys of the cursor's instant can still come, in the entities with greater keys.
            let start = after.and_then(|after| at(scope, after));
            range.after = range.after.max(start);
            let scope = scope.clone();
            async move {
                let first = self.log.first_memories(&scope, &range);
                let (first, changes) = try_join(first, self.log.changes_if_few(&scope)).await?;
                let (memories, rest) = first;
                Ok::<_, RecallError>((memories, rest, changes, scope))
            }
        };
        let entities = try_join_all(scopes.iter().map(|scope| entity(scope))).await?;
        let mut places = Places {
            after: after.cloned(),
            ..Places::default()
        };
        for (memories, rest, changes, scope) in entities {
            places.aliens += memories.aliens + changes.aliens;
            places.entities.push(Entity {
                ready: memories.places.into(),
                rest,
                changes,
                lines: self.kept.lines(&scope),
                scope,
            });
        }
        Ok(places)
    }

    /// The places of these entities from the newest on.
    async fn newest(
        &self,
        scopes: &[ReadScope],
        filters: &Filters,
        after: Option<&Place>,
    ) -> Result<Places, RecallError> {
        let surveys = self.surveys(scopes, None, |scope| {
            let mut range = Range::memories(scope, filters.since, filters.until);
            let end =
                after.and_then(|after| Some(format!("{}{AFTER_EVERY_ID}", at(scope, after)?)));
            range.through = match (range.through, end) {
                (Some(until), Some(end)) => Some(until.min(end)),
                (until, end) => until.or(end),
            };
            range
        });
        let mut places = Places {
            after: after.cloned(),
            is_reverse: true,
            ..Places::default()
        };
        for survey in surveys.await? {
            places.aliens += survey.aliens();
            let mut ready = survey.memories.places;
            // Within an entity the order of keys is the order of time.
            ready.reverse();
            places.entities.push(Entity {
                ready: ready.into(),
                rest: None,
                changes: survey.changes,
                lines: survey.kept.lines,
                scope: survey.scope,
            });
        }
        Ok(places)
    }

    /// The next memories that are shown, and whether others come after them.
    async fn shown(
        &self,
        places: &mut Places,
        filters: &Filters,
        limit: usize,
    ) -> Result<(Vec<Recalled>, Option<Place>), RecallError> {
        let mut chosen = Vec::new();
        let mut bytes = 0;
        let mut round = ROUND_MIN;
        let has_more = 'page: loop {
            // Statuses cost little, and one memory more says whether there is another page.
            let most = match filters.need_lines() {
                true => round,
                false => limit + 1 - chosen.len(),
            };
            let next = places.take(&self.log, most, ROUND_BYTES_MAX).await?;
            if next.is_empty() {
                break false;
            }
            for look in self.looks(places, filters, next).await? {
                if chosen.len() == limit || bytes >= PAGE_BYTES_MAX {
                    break 'page true;
                }
                bytes += look.place.bytes;
                chosen.push(look);
            }
            round = ROUND_MAX.min(round * 2);
        };
        // Also where the last one is erased meanwhile, and not shown.
        let last = chosen.last().filter(|_| has_more);
        let last = last.map(|look| look.place.clone());
        let shown = stream::iter(chosen)
            .map(async |mut look| {
                self.read_line(places, &mut look).await?;
                let event = look.event.as_deref();
                Ok::<_, RecallError>(look.line.map(|line| Recalled::new(line, event)))
            })
            .buffered(LOOKS_AT_ONCE)
            .try_filter_map(|shown| async { Ok(shown) });
        Ok((shown.try_collect().await?, last))
    }

    /// Those of these memories that are wanted, in their order. Their lines are read only if a filter
    /// needs them.
    async fn looks(
        &self,
        places: &Places,
        filters: &Filters,
        next: Vec<Look>,
    ) -> Result<Vec<Look>, RecallError> {
        let looks = stream::iter(next).map(async |mut look| {
            look.event = self.event(places, &look).await?;
            if !filters.want_status(status_of(look.event.as_deref())) {
                return Ok(None);
            }
            if filters.need_lines() {
                self.read_line(places, &mut look).await?;
                let line = look.line.as_ref();
                if !line.is_some_and(|line| filters.want(line)) {
                    return Ok(None);
                }
            }
            Ok::<_, RecallError>(Some(look))
        });
        let looks = looks.buffered(LOOKS_AT_ONCE);
        looks
            .try_filter_map(|look| async { Ok(look) })
            .try_collect()
            .await
    }

    /// The highest event of a memory.
    async fn event(&self, places: &Places, look: &Look) -> Result<Option<Arc<Event>>, RecallError> {
        let memory_id = look.place.memory_id;
        match places.entities.get(look.entity) {
            Some(Entity { scope, changes, .. }) if !changes.has_none(memory_id) => {
                Ok(self.log.highest(scope, changes, memory_id).await?)
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Reads the line of a memory, unless it was read or erased.
    async fn read_line(&self, places: &Places, look: &mut Look) -> Result<(), RecallError> {
        let entity = places.entities.get(look.entity);
        if let Some(Entity { scope, lines, .. }) = entity.filter(|_| look.line.is_none()) {
            look.line = match lines.line(&look.place.key) {
                Some(line) => Some(line),
                None => self.log.line(scope, &look.place).await?.map(Arc::new),
            };
        }
        Ok(())
    }
}

/// The key at which the memories of an instant begin in another entity.
fn at(scope: &ReadScope, place: &Place) -> Option<String> {
    let (domain, entity_id) = (scope.domain()?, scope.entity_id()?);
    Some(earliest_key(
        Prefix::Entity { domain, entity_id },
        place.timestamp,
    ))
}

/// The listed memories of all entities of a list, in its order.
#[derive(Default)]
struct Places {
    entities: Vec<Entity>,
    /// Those that are not after this place were on pages before.
    after: Option<Place>,
    is_reverse: bool,
    aliens: usize,
}

struct Entity {
    scope: ReadScope,
    /// The next memories.
    ready: VecDeque<Place>,
    /// What is not listed yet.
    rest: Option<Range>,
    changes: Changes,
    lines: Lines,
}

/// A memory of a list, and what is known of it.
struct Look {
    entity: usize,
    place: Place,
    event: Option<Arc<Event>>,
    line: Option<Arc<Line>>,
}

impl Places {
    /// The next places: at most this many, and none after those that have this many bytes.
    async fn take(
        &mut self,
        log: &Log,
        most: usize,
        bytes_max: u64,
    ) -> Result<Vec<Look>, RecallError> {
        let mut taken = Vec::new();
        let mut bytes = 0_u64;
        while taken.len() < most && bytes < bytes_max {
            self.list_on(log).await?;
            let Some(next) = self.next() else { break };
            let is_after = self
                .after
                .as_ref()
                .is_none_or(|after| match self.is_reverse {
                    true => next.place.order() < after.order(),
                    false => next.place.order() > after.order(),
                });
            if is_after {
                bytes = bytes.saturating_add(next.place.bytes);
                taken.push(next);
            }
        }
        Ok(taken)
    }

    /// Lists the next page of each entity that has none left: without it the next place is not known.
    async fn list_on(&mut self, log: &Log) -> Result<(), RecallError> {
        let empty = self
            .entities
            .iter_mut()
            .filter(|entity| entity.ready.is_empty());
        let pages = empty.filter_map(|entity| Some((entity.rest.take()?, entity)));
        let pages = pages.map(|(rest, entity)| async move {
            // A page can be empty, or have foreign keys alone.
            let mut rest = Some(rest);
            let mut aliens = 0;
            while let Some(range) = rest.take().filter(|_| entity.ready.is_empty()) {
                let (page, after) = log.first_memories(&entity.scope, &range).await?;
                entity.ready = page.places.into();
                aliens += page.aliens;
                rest = after;
            }
            entity.rest = rest;
            Ok::<_, RecallError>(aliens)
        });
        let aliens = try_join_all(pages).await?;
        self.aliens += aliens.into_iter().sum::<usize>();
        Ok(())
    }

    fn next(&mut self) -> Option<Look> {
        let heads = self.entities.iter().enumerate();
        let heads =
            heads.filter_map(|(number, entity)| Some((entity.ready.front()?.order(), number)));
        let (_, entity) = match self.is_reverse {
            true => heads.max()?,
            false => heads.min()?,
        };
        let place = self.entities.get_mut(entity)?.ready.pop_front()?;
        Some(Look {
            entity,
            place,
            event: None,
            line: None,
        })
    }
}
