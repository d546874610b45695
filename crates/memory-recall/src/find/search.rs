//! Search: list the scopes, get what this process has not, and rank.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{try_join, try_join_all};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use memory_log::event::{Event, Status};
use memory_log::scope::ReadScope;
use memory_s3::reader::{Range, ReadError};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::{
    BYTES_MAX, Filters, MEMORIES_MAX, Recall, RecallError, Recalled, by, entities, failed,
    status_of,
};
use crate::kept::{Lines, Match, Set};
use crate::line::{Line, Place};
use crate::log::{Changes, Memories};
use crate::rank;
use crate::words::Query;

/// Events that are fetched at once. Each is small.
const EVENTS_AT_ONCE: usize = 256;

/// The best answers to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The best memories, best first.
    pub hits: Vec<Recalled>,
    /// How many memories have a word of the query.
    pub matches: usize,
    /// How many memories there were: listed, not deleted, and wanted by the filters.
    pub searched: usize,
    /// The words of the query that none of them has.
    pub unmatched_terms: Vec<String>,
    /// How many keys under the prefixes are no keys of the log.
    pub aliens: usize,
}

/// What is listed of an entity.
pub(super) struct Survey {
    pub(super) scope: ReadScope,
    pub(super) memories: Memories,
    pub(super) changes: Changes,
    /// What this process had before the listing began.
    pub(super) kept: Lines,
}

impl Survey {
    pub(super) fn aliens(&self) -> usize {
        self.memories.aliens + self.changes.aliens
    }
}

/// All that a search knows of an entity.
struct Read {
    /// The highest event of each changed place, by the place's number.
    events: HashMap<usize, Arc<Event>>,
    lines: Lines,
    matched: Match,
    aliens: usize,
}

impl Read {
    fn event(&self, place: usize) -> Option<&Event> {
        self.events.get(&place).map(|event| &**event)
    }
}

impl Recall {
    /// Finds the memories of these entities that answer a query best: at most `limit`, best first.
    ///
    /// # Errors
    /// [`RecallError`] if not every memory of the scopes could be taken into account.
    pub async fn search(
        &self,
        scopes: &[ReadScope],
        query: &Query,
        filters: &Filters,
        limit: usize,
        deadline: Instant,
    ) -> Result<Found, RecallError> {
        let begun = Instant::now();
        // The rest of the time is for the index of what was read.
        let read_until = begun + deadline.saturating_duration_since(begun) / 3 * 2;
        by(deadline, async {
            let surveys = self.surveys(scopes, |scope| {
                Range::memories(scope, filters.since, filters.until)
            });
            let reads = surveys
                .await?
                .into_iter()
                .map(|survey| self.read(survey, filters, read_until));
            let reads = try_join_all(reads).await?;
            let (query, filters) = (query.clone(), filters.clone());
            let ranked = spawn_blocking(move || ranked(&reads, &query, &filters, limit));
            ranked.await.map_err(|error| failed(&error))
        })
        .await
    }

    /// Lists entities, the memories of a range and all changes, within the limits for all together.
    pub(super) async fn surveys(
        &self,
        scopes: &[ReadScope],
        range: impl Fn(&ReadScope) -> Range,
    ) -> Result<Vec<Survey>, RecallError> {
        let survey = |scope: &ReadScope| {
            let (scope, range) = (scope.clone(), range(scope));
            async move {
                let kept = self.kept.lines(&scope);
                let cuts = kept.cuts();
                let memories = self.log.memories(&scope, &range, &cuts, MEMORIES_MAX);
                let (memories, changes) = try_join(memories, self.log.changes(&scope)).await?;
                Ok::<_, RecallError>(Survey {
                    memories: memories.ok_or(RecallError::TooLarge)?,
                    changes,
                    kept,
                    scope,
                })
            }
        };
        let surveys = try_join_all(entities(scopes)?.into_iter().map(survey)).await?;
        let places = || surveys.iter().flat_map(|survey| &survey.memories.places);
        let bytes = places().fold(0_u64, |sum, place| sum.saturating_add(place.bytes));
        match places().count() <= MEMORIES_MAX && bytes <= BYTES_MAX {
            true => Ok(surveys),
            false => Err(RecallError::TooLarge),
        }
    }

    /// Gets what this process has not of an entity, and keeps it.
    async fn read(
        &self,
        survey: Survey,
        filters: &Filters,
        until: Instant,
    ) -> Result<Read, RecallError> {
        let aliens = survey.aliens();
        let Survey {
            scope,
            memories: Memories { places, .. },
            changes,
            kept,
        } = survey;
        let matched = kept.matched(&places);
        let is_missing = |number: &usize| matches!(matched.line_of.get(*number), Some(None));
        let (changed, unchanged): (Vec<_>, Vec<_>) = (0..places.len()).partition(|number| {
            places
                .get(*number)
                .is_some_and(|place| !changes.has_none(place.memory_id))
        });

        let gained = Gained::default();
        let unchanged = unchanged.into_iter().filter(is_missing);
        let get_unchanged = self.get_lines(&scope, &places, unchanged.collect(), &gained);
        let get_changed = async {
            let events = self.highest(&scope, &places, &changes, &changed).await?;
            let is_live = |number: &usize| !is_deleted(&events, *number);
            let live = changed.iter().copied().filter(is_missing).filter(is_live);
            let erased = self
                .get_lines(&scope, &places, live.collect(), &gained)
                .await?;
            Ok((events, erased))
        };
        let outcome = timeout_at(until, try_join(get_unchanged, get_changed)).await;

        let gained = gained.take();
        let got = gained.len();
        let lines = self.keep(&scope, kept, &matched, filters, gained).await?;
        let matched = lines.matched(&places);
        let (events, erased) = match outcome {
            Ok(outcome) => {
                let (unchanged, (events, changed)) = outcome?;
                (events, unchanged + changed)
            }
            Err(_) if got == 0 => return Err(RecallError::Late),
            Err(_) => {
                let known = matched.line_of.iter().flatten().count();
                #[expect(clippy::cast_precision_loss, reason = "a share of at most 100,000")]
                let progress = known as f64 / places.len() as f64;
                return Err(RecallError::Building { progress });
            }
        };
        let lines_of = matched.line_of.iter().enumerate();
        let absent =
            lines_of.filter(|(number, line)| line.is_none() && !is_deleted(&events, *number));
        match absent.count() == erased {
            true => Ok(Read {
                events,
                lines,
                matched,
                aliens,
            }),
            false => Err(ReadError::Unavailable("a listed memory was not read".to_owned()).into()),
        }
    }

    /// The highest events of changed places, by the numbers of the places.
    async fn highest(
        &self,
        scope: &ReadScope,
        places: &[Place],
        changes: &Changes,
        changed: &[usize],
    ) -> Result<HashMap<usize, Arc<Event>>, RecallError> {
        let places = changed
            .iter()
            .filter_map(|number| Some((*number, places.get(*number)?)));
        let highest = places.map(|(number, place)| async move {
            let event = self.log.highest(scope, changes, place.memory_id).await?;
            Ok::<_, RecallError>(event.map(|event| (number, event)))
        });
        // A list of futures and no closure is kept while they run, so that a request can be one task.
        let highest: Vec<_> = highest.collect();
        let events = stream::iter(highest).buffer_unordered(EVENTS_AT_ONCE);
        events
            .try_filter_map(|event| async { Ok(event) })
            .try_collect()
            .await
    }

    /// Gets lines, many at once, and says how many were erased. Those that came before an error or the
    /// end of the time are not lost.
    async fn get_lines(
        &self,
        scope: &ReadScope,
        places: &[Place],
        wanted: Vec<usize>,
        gained: &Gained,
    ) -> Result<usize, RecallError> {
        let wanted: Vec<_> = wanted
            .iter()
            .filter_map(|number| places.get(*number))
            .collect();
        let mut lines = pin!(self.log.lines(scope, &wanted)?);
        let mut erased = wanted.len();
        while let Some(line) = lines.try_next().await? {
            gained.add(line);
            erased -= 1;
        }
        Ok(erased)
    }

    /// Adds lines to what this process keeps of an entity, and forgets what was erased. The work goes on
    /// where the request ends before it, so that a repeat gets further.
    async fn keep(
        &self,
        scope: &ReadScope,
        before: Lines,
        matched: &Match,
        filters: &Filters,
        gained: Vec<Arc<Line>>,
    ) -> Result<Lines, RecallError> {
        // The lines were listed once, so those that are not listed now were erased.
        let sets = before.sets().iter().zip(&matched.place_of);
        let lines = sets.flat_map(|(set, places)| set.lines().iter().zip(places));
        let gone =
            lines.filter(|(line, place)| place.is_none() && filters.span(line.place.timestamp));
        let gone: HashSet<_> = gone.map(|(line, _)| line.place.key.clone()).collect();
        if gained.is_empty() && gone.is_empty() {
            return Ok(before);
        }
        let (kept, scope) = (Arc::clone(&self.kept), scope.clone());
        let work = spawn_blocking(move || {
            let lines = before.without(|line| gone.contains(&line.place.key));
            let lines = lines.with(Set::of(gained));
            kept.replace(&scope, &before, &lines);
            lines
        });
        work.await.map_err(|error| failed(&error))
    }
}

fn is_deleted(events: &HashMap<usize, Arc<Event>>, number: usize) -> bool {
    let event = events.get(&number);
    status_of(event.map(|event| &**event)) == Status::Deleted
}

/// Lines that were got so far.
#[derive(Default)]
struct Gained(Mutex<Vec<Arc<Line>>>);

impl Gained {
    fn add(&self, line: Line) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(Arc::new(line));
    }

    fn take(self) -> Vec<Arc<Line>> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ranks what was read. All that is counted is counted over the candidates alone.
fn ranked(reads: &[Read], query: &Query, filters: &Filters, limit: usize) -> Found {
    let sets = reads.iter().flat_map(|read| {
        let sets = read.lines.sets().iter().zip(&read.matched.place_of);
        sets.map(move |(set, place_of)| (read, set, place_of))
    });
    let sets: Vec<_> = sets.collect();
    let candidates = sets.iter().map(|(read, set, place_of)| {
        set.index().candidates(|line| {
            let place = place_of.get(line).copied().flatten();
            let line = set.lines().get(line);
            place.is_some_and(|place| filters.want_status(status_of(read.event(place))))
                && line.is_some_and(|line| filters.want(line))
        })
    });
    let ranked = rank::search(&candidates.collect::<Vec<_>>(), query, limit);
    let hits = ranked.hits.iter().filter_map(|hit| {
        let (read, set, place_of) = sets.get(hit.set)?;
        let place = (*place_of.get(hit.doc)?)?;
        Some(Recalled {
            score: Some(hit.score),
            ..Recalled::new(Arc::clone(set.lines().get(hit.doc)?), read.event(place))
        })
    });
    Found {
        hits: hits.collect(),
        matches: ranked.matches,
        searched: ranked.searched,
        unmatched_terms: ranked.unmatched_terms,
        aliens: reads.iter().map(|read| read.aliens).sum(),
    }
}
