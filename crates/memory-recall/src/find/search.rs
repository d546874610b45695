//! Search: list the scopes, get what this process has not, and rank.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{try_join, try_join_all, try_join3};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use memory_log::event::{Event, Status};
use memory_log::scope::ReadScope;
use memory_s3::reader::{Range, ReadError};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::base::{Answer, put_time};
use super::read::{Gained, Read};
use super::{
    BYTES_MAX, Filters, MEMORIES_MAX, Recall, RecallError, Recalled, by, entities, failed,
    status_of,
};
use crate::kept::{Known, Lines, Set};
use crate::line::{Line, Place};
use crate::log::{Changes, Memories};
use crate::rank::{self, WORDS_BYTES_MAX};
use crate::words::Query;

/// Events that are fetched at once. Each is small.
const EVENTS_AT_ONCE: usize = 256;
/// What is left of the time after a view was put, for the answer.
const PUT_MARGIN: Duration = Duration::from_millis(500);

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
    /// What this process knew before the listing began.
    pub(super) kept: Known,
    /// What it learned of the view.
    pub(super) view: Answer,
}

impl Survey {
    pub(super) fn aliens(&self) -> usize {
        self.memories.aliens + self.changes.aliens
    }
}

/// The parts of the time of a search.
pub(super) struct Times {
    /// Until when a view is waited for.
    pub(super) view: Instant,
    /// Until when objects are fetched.
    pub(super) reading: Instant,
    /// Until when a new view is put: the answer is there, and must not be late for it.
    put: Instant,
}

impl Times {
    pub(super) fn until(deadline: Instant) -> Self {
        let begun = Instant::now();
        let left = deadline.saturating_duration_since(begun);
        Self {
            view: begun + left / 3,
            // The rest of the time is for the index of what was read.
            reading: begun + left / 3 * 2,
            put: deadline.checked_sub(PUT_MARGIN).unwrap_or(begun),
        }
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
        let times = Times::until(deadline);
        by(deadline, async {
            let surveys = self.surveys(scopes, Some(times.view), |scope| {
                Range::memories(scope, filters.since, filters.until)
            });
            let reads = surveys
                .await?
                .into_iter()
                .map(|survey| self.read(survey, filters, &times));
            let reads = Arc::new(try_join_all(reads).await?);
            if !have_all_words(&reads, WORDS_BYTES_MAX) {
                return Err(RecallError::TooLarge);
            }
            let (query, filters) = (query.clone(), filters.clone());
            let ranked = {
                let reads = Arc::clone(&reads);
                spawn_blocking(move || ranked(&reads, &query, &filters, limit))
            };
            let found = ranked.await.map_err(|error| failed(&error))?;
            for read in reads.iter() {
                let until = times.put.min(Instant::now() + put_time(begun.elapsed()));
                self.put_view(read, until).await;
            }
            Ok(found)
        })
        .await
    }

    /// Lists entities, the memories of a range and all changes, within the limits for all together. Until
    /// a time, where there is one, it also waits for the views that this process does not know.
    pub(super) async fn surveys(
        &self,
        scopes: &[ReadScope],
        view_until: Option<Instant>,
        range: impl Fn(&ReadScope) -> Range,
    ) -> Result<Vec<Survey>, RecallError> {
        let survey = |scope: &ReadScope| {
            let (scope, range) = (scope.clone(), range(scope));
            async move {
                let kept = self.kept.known(&scope);
                let cuts = kept.lines.cuts();
                let memories = self.log.memories(&scope, &range, &cuts, MEMORIES_MAX);
                let view_until = view_until.filter(|_| kept.view.is_none());
                let view = async {
                    let until = view_until?;
                    self.ask_view(&scope, until).await
                };
                let view = async { Ok(view.await) };
                let (memories, changes, view) =
                    try_join3(memories, self.log.changes(&scope), view).await?;
                Ok::<_, RecallError>(Survey {
                    memories: memories.ok_or(RecallError::TooLarge)?,
                    changes,
                    kept,
                    view,
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
    pub(super) async fn read(
        &self,
        survey: Survey,
        filters: &Filters,
        times: &Times,
    ) -> Result<Read, RecallError> {
        let aliens = survey.aliens();
        let Survey {
            scope,
            memories: Memories { places, .. },
            changes,
            kept: Known {
                lines: before,
                view,
            },
            view: answer,
        } = survey;
        // The lines were listed once, so those that are not listed now were erased.
        let matched = before.matched(&places);
        let gone = before.unlisted(&matched, |place| filters.span(place.timestamp));
        let (places, lines, matched, view) = match answer {
            Some(answer) => {
                let (places, lines, view) = self
                    .with_view(&scope, places, before.clone(), answer)
                    .await?;
                let matched = lines.matched(&places);
                (places, lines, matched, Some(view))
            }
            None => (places, before.clone(), matched, view),
        };
        let is_missing = |number: &usize| matches!(matched.line_of.get(*number), Some(None));
        let (changed, unchanged): (Vec<_>, Vec<_>) = (0..places.len()).partition(|number| {
            let place = places.get(*number);
            place.is_some_and(|place| !changes.has_none(place.memory_id))
        });

        let gained = Gained::default();
        let unchanged = unchanged.into_iter().filter(is_missing);
        let unchanged = unchanged.filter_map(|number| places.get(number));
        let get_unchanged = self.get_lines(&scope, unchanged.collect(), &gained);
        let get_changed = async {
            let events = self.highest(&scope, &places, &changes, &changed).await?;
            let is_live = |number: &usize| !is_deleted(&events, *number);
            let live = changed.iter().copied().filter(is_missing).filter(is_live);
            let live = live.filter_map(|number| places.get(number));
            let erased = self.get_lines(&scope, live.collect(), &gained).await?;
            Ok((events, erased))
        };
        let outcome = timeout_at(times.reading, try_join(get_unchanged, get_changed)).await;

        let gained = gained.take();
        let got = gained.len();
        let is_as_before = gained.is_empty() && gone.is_empty() && lines.is_same(&before);
        let (lines, matched) = match is_as_before {
            true => (lines, matched),
            false => {
                let lines = self.keep(&scope, before, lines, gone, gained).await?;
                let matched = lines.matched(&places);
                (lines, matched)
            }
        };
        // A listing from one time to another would take from a view what lies outside of it.
        let is_whole = filters.since.is_none() && filters.until.is_none();
        self.kept.set_view(&scope, view.clone());
        let mut read = Read {
            matched,
            lines,
            events: HashMap::new(),
            hidden: changed.into_iter().collect(),
            view: view.filter(|view| is_whole || view.etag.is_none()),
            scope,
            aliens,
        };
        let Ok(outcome) = outcome else {
            if got == 0 {
                return Err(RecallError::Late);
            }
            self.put_view(&read, times.put).await;
            let known = read.matched.line_of.iter().flatten().count();
            #[expect(clippy::cast_precision_loss, reason = "a share of at most 100,000")]
            let progress = known as f64 / places.len() as f64;
            return Err(RecallError::Building { progress });
        };
        let (unchanged, (events, changed)) = outcome?;
        read.hidden.retain(|number| is_deleted(&events, *number));
        read.events = events;
        let absent = (0..places.len()).filter(|number| {
            matches!(read.matched.line_of.get(*number), Some(None)) && !read.hidden.contains(number)
        });
        match absent.count() == unchanged + changed {
            true => Ok(read),
            false => Err(ReadError::Unavailable("a listed memory was not read".into()).into()),
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
    pub(super) async fn get_lines(
        &self,
        scope: &ReadScope,
        wanted: Vec<&Place>,
        gained: &Gained,
    ) -> Result<usize, RecallError> {
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
    pub(super) async fn keep(
        &self,
        scope: &ReadScope,
        before: Lines,
        lines: Lines,
        gone: HashSet<String>,
        gained: Vec<Arc<Line>>,
    ) -> Result<Lines, RecallError> {
        let (kept, scope) = (Arc::clone(&self.kept), scope.clone());
        let work = spawn_blocking(move || {
            let lines = lines.without(|line| gone.contains(&line.place.key));
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

/// Whether every word of what was read is in an index, and all of them take at most this many bytes.
fn have_all_words(reads: &[Read], most: usize) -> bool {
    let sets = || reads.iter().flat_map(|read| read.lines.sets());
    let bytes: usize = sets().map(|set| set.index().words_bytes()).sum();
    bytes <= most && sets().all(|set| set.index().is_whole())
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

#[cfg(test)]
mod tests {
    use memory_log::fault::Violations;
    use memory_log::json::Json;
    use memory_log::memory::{Draft, Memory};
    use memory_log::object::{Object, Stored};
    use memory_log::scope::operator;
    use memory_log::timestamp::Timestamp;

    use super::*;

    /// What a request has read of an entity, with this much room for the words of each set.
    fn read(room: usize, contents: &[&str]) -> Read {
        let line = |content: &&str| {
            let text = format!(r#"{{"domain":"d","entity_id":"e","content":"{content}"}}"#);
            let json = Json::parse(text.as_bytes()).unwrap();
            let draft = Draft::of_fields(json.root(), Violations::default());
            let memory = Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap();
            let object = Object::of(&memory);
            Arc::new(Line::of(Stored { memory, object }))
        };
        let sets = contents
            .iter()
            .map(|content| Set::within(room, vec![line(content)]));
        let lines = sets.fold(Lines::default(), |lines, set| lines.with(set));
        Read {
            matched: lines.matched(&[]),
            lines,
            events: HashMap::new(),
            hidden: HashSet::new(),
            view: None,
            scope: operator().entity("d", "e"),
            aliens: 0,
        }
    }

    #[test]
    fn a_search_is_refused_where_a_word_is_missing_or_all_words_take_too_much() {
        let reads = [
            read(usize::MAX, &["one", "two"]),
            read(usize::MAX, &["three"]),
        ];
        let sets = reads.iter().flat_map(|read| read.lines.sets());
        let bytes: usize = sets.map(|set| set.index().words_bytes()).sum();
        assert!(have_all_words(&reads, bytes));
        assert!(!have_all_words(&reads, bytes - 1));
        let cut = [read(usize::MAX, &["one"]), read(200, &["two", "three"])];
        assert!(!have_all_words(&cut, usize::MAX));
    }
}
