//! Lists in the order of time. Only what a page shows is fetched, and what a filter must look at.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::{try_join, try_join_all};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use memory_log::event::Event;
use memory_log::object::{Prefix, earliest_key};
use memory_log::scope::ReadScope;
use memory_s3::reader::Range;
use tokio::time::Instant;

use super::cursor::{Cursor, ListId};
use super::places::{Entity, Look, Places};
use super::read::Gained;
use super::search::Times;
use super::{Filters, Recall, RecallError, Recalled, by, entities, status_of};
use crate::line::Place;

/// Bytes of the objects of a page, the last one not counted: what shows it is not much longer than 1 MiB.
const PAGE_BYTES_MAX: u64 = 1024 * 1024;
/// Memories of a page that are got at once, and events.
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
        let times = Times::until(deadline);
        let until = match filters.need_lines() {
            true => times.reading,
            false => deadline,
        };
        let mut places = by(until, async {
            match order {
                Order::Oldest => self.oldest(&entities, filters, after).await,
                Order::Newest => self.newest(scopes, filters, after, times.view).await,
            }
        })
        .await?;
        let shown = by(until, self.shown(&mut places, filters, limit)).await;
        let (aliens, progress) = (places.aliens, places.progress());
        let has_gained = by(deadline, self.keep_gained(places)).await?;
        let (memories, more_after) = match shown {
            Err(RecallError::Late) if has_gained => return Err(RecallError::Building { progress }),
            shown => shown?,
        };
        Ok(Page {
            memories,
            next: more_after.map(|last| Cursor::after(&last, list)),
            aliens,
            list,
        })
    }

    /// Keeps what a filter had to get, so that a repeat gets further. Returns whether there was anything.
    async fn keep_gained(&self, places: Places) -> Result<bool, RecallError> {
        let mut has_gained = false;
        for entity in places.entities {
            let (lines, gained) = (entity.lines, entity.gained.take());
            if gained.is_empty() && lines.is_same(&entity.before) {
                continue;
            }
            has_gained = true;
            let keep = self.keep(&entity.scope, entity.before, lines, HashSet::new(), gained);
            keep.await?;
        }
        Ok(has_gained)
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
            let aliens = memories.aliens + changes.aliens;
            let lines = self.kept.lines(&scope);
            let entity = Entity {
                ready: memories.places.into(),
                rest,
                changes,
                before: lines.clone(),
                lines,
                gained: Gained::default(),
                scope,
            };
            places.push(entity, aliens);
        }
        Ok(places)
    }

    /// The places of these entities from the newest on. Where a filter needs lines, views are waited for
    /// until this time.
    async fn newest(
        &self,
        scopes: &[ReadScope],
        filters: &Filters,
        after: Option<&Place>,
        view_until: Instant,
    ) -> Result<Places, RecallError> {
        let view_until = Some(view_until).filter(|_| filters.need_lines());
        let surveys = self.surveys(scopes, view_until, |scope| {
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
            let aliens = survey.aliens();
            let before = survey.kept.lines;
            let (mut ready, lines) = match survey.view {
                Some(view) => {
                    let (scope, places) = (&survey.scope, survey.memories.places);
                    let (places, lines, view) =
                        self.with_view(scope, places, before.clone(), view).await?;
                    self.kept.set_view(scope, Some(view));
                    (places, lines)
                }
                None => (survey.memories.places, before.clone()),
            };
            // Within an entity the order of keys is the order of time.
            ready.reverse();
            let entity = Entity {
                ready: ready.into(),
                rest: None,
                changes: survey.changes,
                before,
                lines,
                gained: Gained::default(),
                scope: survey.scope,
            };
            places.push(entity, aliens);
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
        let count = next.len();
        let looks = stream::iter(next).map(async |mut look| {
            look.event = self.event(places, &look).await?;
            let is_wanted = filters.want_status(status_of(look.event.as_deref()));
            Ok::<_, RecallError>(is_wanted.then_some(look))
        });
        let looks = looks.buffered(LOOKS_AT_ONCE);
        let looks = looks.try_filter_map(|look| async { Ok(look) });
        let mut looks: Vec<_> = looks.try_collect().await?;
        if filters.need_lines() {
            places
                .looked
                .fetch_add(count - looks.len(), Ordering::Relaxed);
            self.read_lines(places, &mut looks).await?;
            looks.retain(|look| look.line.as_ref().is_some_and(|line| filters.want(line)));
        }
        Ok(looks)
    }

    /// Reads the lines of memories. Those that were erased have none.
    async fn read_lines(&self, places: &Places, looks: &mut [Look]) -> Result<(), RecallError> {
        for look in looks.iter_mut() {
            let entity = places.entities.get(look.entity);
            look.line = entity.and_then(|entity| entity.lines.line(&look.place.key));
        }
        let known = looks.iter().filter(|look| look.line.is_some()).count();
        places.looked.fetch_add(known, Ordering::Relaxed);
        let gets = places.entities.iter().enumerate().map(|(number, entity)| {
            let of_entity = looks.iter().filter(|look| look.entity == number);
            let missing = of_entity.filter(|look| look.line.is_none());
            let missing: Vec<_> = missing.map(|look| &look.place).collect();
            self.get_lines(&entity.scope, missing, &entity.gained)
        });
        try_join_all(gets).await?;
        for look in looks.iter_mut().filter(|look| look.line.is_none()) {
            let entity = places.entities.get(look.entity);
            look.line = entity.and_then(|entity| entity.gained.line(look.place.memory_id));
        }
        Ok(())
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
