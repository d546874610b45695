//! The lines that this process keeps between requests, with their index.
//!
//! They are a cache: a request uses a line only where its own listing has the key, and nothing is judged
//! by age. Lines come in sets. A set is built once and then shared, so that a request which needs a few
//! new lines indexes these alone. The module must not know S3, or the status of a memory.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memory_log::scope::ReadScope;
use memory_s3::views::ETag;
use uuid::Uuid;

use crate::line::{Line, Place};
use crate::rank::{Index, WORDS_BYTES_MAX};

/// Bytes of all kept lines and their words: as much as the largest search needs, 256 MiB of objects and their index.
/// The lines count by the sizes of their objects, which are about half of what they take in memory.
const BYTES_MAX: u64 = 256 * 1024 * 1024 + WORDS_BYTES_MAX as u64;
/// Sets of one entity. Each costs a search a look-up for every word.
const SETS_MAX: usize = 16;
/// Known keys from one cut of a listing to the next: less than a page, so that a part to which something
/// was added is still one page.
const CUT_EVERY: usize = 900;

/// Lines with one index, in the order of their keys.
pub struct Set {
    lines: Vec<Arc<Line>>,
    index: Index,
    bytes: u64,
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set")
            .field("lines", &self.lines.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Set {
    /// The set of these lines. Costs some microseconds of the processor for each word.
    #[must_use]
    pub fn of(lines: Vec<Arc<Line>>) -> Self {
        Self::within(WORDS_BYTES_MAX, lines)
    }

    /// The set of these lines, with this much room for their words.
    pub(crate) fn within(room: usize, mut lines: Vec<Arc<Line>>) -> Self {
        lines.sort_unstable_by(|a, b| a.place.key.cmp(&b.place.key));
        lines.dedup_by(|a, b| a.place.key == b.place.key);
        let mut index = Index::with_room(room);
        for line in &lines {
            index.add(line.place.memory_id, &line.memory);
        }
        let bytes: u64 = lines.iter().map(|line| line.place.bytes).sum();
        Self {
            bytes: bytes + index.words_bytes() as u64,
            lines,
            index,
        }
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[Arc<Line>] {
        &self.lines
    }

    /// Its index, in which each line has the number of its position.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }
}

/// The lines of one entity that a process has. No line is in two of its sets.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    sets: Vec<Arc<Set>>,
}

/// Which of the listed places these lines have, and which lines are not listed.
#[derive(Debug)]
pub struct Match {
    /// For each set and each of its lines, the number of the place.
    pub place_of: Vec<Vec<Option<usize>>>,
    /// For each place, its set and line.
    pub line_of: Vec<Option<(usize, usize)>>,
}

impl Lines {
    /// The sets.
    #[must_use]
    pub fn sets(&self) -> &[Arc<Set>] {
        &self.sets
    }

    /// The same lines and one more set, which has none of theirs.
    #[must_use]
    pub fn with(&self, set: Set) -> Self {
        let mut sets = self.sets.clone();
        if !set.lines.is_empty() {
            sets.push(Arc::new(set));
        }
        if sets.len() > SETS_MAX {
            // The smaller half becomes one set, so that a line is seldom indexed again.
            sets.sort_by_key(|set| std::cmp::Reverse(set.lines.len()));
            let smaller = sets.split_off(SETS_MAX / 2);
            let lines = smaller.iter().flat_map(|set| set.lines.iter().cloned());
            sets.push(Arc::new(Set::of(lines.collect())));
        }
        Self { sets }
    }

    /// Compares these lines with what is listed, in the order of keys.
    #[must_use]
    pub fn matched(&self, places: &[Place]) -> Match {
        let mut line_of = vec![None; places.len()];
        let of_set = |(number, set): (usize, &Arc<Set>)| {
            let found = found(&set.lines, places);
            for (line, place) in found.iter().enumerate() {
                if let Some(line_of) = place.and_then(|place| line_of.get_mut(place)) {
                    *line_of = Some((number, line));
                }
            }
            found
        };
        let place_of = self.sets.iter().enumerate().map(of_set).collect();
        Match { place_of, line_of }
    }

    /// The keys of lines that are not listed, although their places are in what was listed.
    #[must_use]
    pub fn unlisted(
        &self,
        matched: &Match,
        is_in_range: impl Fn(&Place) -> bool,
    ) -> HashSet<String> {
        let sets = self.sets.iter().zip(&matched.place_of);
        let lines = sets.flat_map(|(set, places)| set.lines.iter().zip(places));
        let unlisted = lines.filter(|(line, place)| place.is_none() && is_in_range(&line.place));
        unlisted.map(|(line, _)| line.place.key.clone()).collect()
    }

    /// The same lines without those for which this is true: each must be known to be erased.
    #[must_use]
    pub fn without(&self, is_gone: impl Fn(&Line) -> bool) -> Self {
        let kept = |set: &Arc<Set>| match set.lines.iter().any(|line| is_gone(line)) {
            false => Arc::clone(set),
            true => {
                let lines = set.lines.iter().filter(|line| !is_gone(line));
                Arc::new(Set::of(lines.cloned().collect()))
            }
        };
        Self {
            sets: self.sets.iter().map(kept).collect(),
        }
    }

    /// The line of a place.
    #[must_use]
    pub fn line(&self, key: &str) -> Option<Arc<Line>> {
        let of_set = |set: &Arc<Set>| {
            let at = set
                .lines
                .binary_search_by(|line| line.place.key.as_str().cmp(key));
            set.lines.get(at.ok()?).cloned()
        };
        self.sets.iter().find_map(of_set)
    }

    /// The key of the memory with this id.
    #[must_use]
    pub fn key_of(&self, memory_id: Uuid) -> Option<String> {
        let lines = self.sets.iter().flat_map(|set| &set.lines);
        let mut places = lines.map(|line| &line.place);
        let place = places.find(|place| place.memory_id == memory_id)?;
        Some(place.key.clone())
    }

    /// Known keys between which a listing can be cut.
    #[must_use]
    pub fn cuts(&self) -> Vec<String> {
        let largest = self.sets.iter().max_by_key(|set| set.lines.len());
        let lines = largest.into_iter().flat_map(|set| &set.lines);
        let cuts = lines.skip(CUT_EVERY).step_by(CUT_EVERY);
        cuts.map(|line| line.place.key.clone()).collect()
    }

    /// Whether these are the very same sets.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let mut pairs = self.sets.iter().zip(&other.sets);
        self.sets.len() == other.sets.len() && pairs.all(|(a, b)| Arc::ptr_eq(a, b))
    }

    fn bytes(&self) -> u64 {
        self.sets.iter().map(|set| set.bytes).sum()
    }
}

/// For each line, the number of its place. Both are in the order of keys.
fn found(lines: &[Arc<Line>], places: &[Place]) -> Vec<Option<usize>> {
    let mut at = 0;
    let of_line = |line: &Arc<Line>| {
        let rest = places.get(at..).unwrap_or_default();
        let key = &line.place.key;
        // The next place is often the one. Else it is searched for, so that a set of a few lines costs
        // little among many places.
        let skipped = match rest.first() {
            Some(next) if next.key < *key => rest.partition_point(|place| place.key < *key),
            Some(_) | None => 0,
        };
        at += skipped;
        let is_it = rest.get(skipped).is_some_and(|place| place.key == *key);
        let place = at;
        at += usize::from(is_it);
        is_it.then_some(place)
    };
    lines.iter().map(of_line).collect()
}

/// What this process knows of an entity: lines, and the view that is in S3.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The lines.
    pub lines: Lines,
    /// The view; `None` if it must be asked for.
    pub view: Option<View>,
}

/// A view as this process saw it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its name; `None` if there was no view.
    pub etag: Option<ETag>,
    /// How many of its lines are listed.
    pub lines: usize,
}

/// What this process knows of each entity that it read last.
#[derive(Debug, Default)]
pub struct Kept {
    of: Mutex<Entities>,
}

#[derive(Debug, Default)]
struct Entities {
    known: HashMap<ReadScope, (Known, u64)>,
    /// Counts uses, so that the one of longest ago is known.
    uses: u64,
}

impl Kept {
    /// What is known of a scope; nothing if it was not read, or was forgotten.
    #[must_use]
    pub fn known(&self, scope: &ReadScope) -> Known {
        let mut of = self.entities();
        of.uses += 1;
        let uses = of.uses;
        let entity = of.known.get_mut(scope).map(|(known, used)| {
            *used = uses;
            known.clone()
        });
        entity.unwrap_or_default()
    }

    /// The lines of a scope.
    #[must_use]
    pub fn lines(&self, scope: &ReadScope) -> Lines {
        self.known(scope).lines
    }

    /// Keeps the lines of a scope, if nobody has kept others since `before` was taken and they are within
    /// the budget. The entities that were used longest ago are forgotten where all are not.
    pub fn replace(&self, scope: &ReadScope, before: &Lines, lines: &Lines) {
        if lines.bytes() > BYTES_MAX {
            return;
        }
        let mut of = self.entities();
        of.uses += 1;
        let uses = of.uses;
        let (known, used) = of.known.entry(scope.clone()).or_default();
        *used = uses;
        if known.lines.is_same(before) {
            known.lines = lines.clone();
        }
        while of
            .known
            .values()
            .map(|(known, _)| known.lines.bytes())
            .sum::<u64>()
            > BYTES_MAX
        {
            let others = of.known.iter().filter(|(other, _)| *other != scope);
            let oldest = others.min_by_key(|(_, (_, used))| *used);
            match oldest.map(|(oldest, _)| oldest.clone()) {
                Some(oldest) => of.known.remove(&oldest),
                None => break,
            };
        }
    }

    /// Keeps what is known of the view of a scope.
    pub fn set_view(&self, scope: &ReadScope, view: Option<View>) {
        let mut of = self.entities();
        match of.known.get_mut(scope) {
            Some((known, _)) => known.view = view,
            // Nothing is worth a place that only says that there is no view.
            None if view.is_none() => {}
            None => {
                let known = Known {
                    view,
                    ..Known::default()
                };
                of.known.insert(scope.clone(), (known, 0));
            }
        }
    }

    fn entities(&self) -> MutexGuard<'_, Entities> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The line of a memory with this number, which is in the order of keys.
    fn line(number: usize) -> Arc<Line> {
        let text = format!(
            r#"{{"domain":"d","entity_id":"e","content":"note","timestamp":"2026-01-01T{:02}:{:02}:{:02}Z"}}"#,
            number / 3_600,
            number / 60 % 60,
            number % 60,
        );
        let json = Json::parse(text.as_bytes()).unwrap();
        let draft = Draft::of_fields(json.root(), Violations::default());
        let memory = Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap();
        let object = Object::of(&memory);
        Arc::new(Line::of(Stored { memory, object }))
    }

    fn lines(numbers: impl IntoIterator<Item = usize>) -> Vec<Arc<Line>> {
        numbers.into_iter().map(line).collect()
    }

    fn places(numbers: impl IntoIterator<Item = usize>) -> Vec<Place> {
        let lines = lines(numbers).into_iter();
        lines.map(|line| line.place.clone()).collect()
    }

    fn with(sets: &[&[usize]]) -> Lines {
        let add = |lines: Lines, set: &&[usize]| {
            // Lines come in any order, and none counts twice.
            let numbers = set.iter().rev().chain(*set);
            lines.with(Set::of(self::lines(numbers.copied())))
        };
        sets.iter().fold(Lines::default(), add)
    }

    #[test]
    fn each_line_has_its_place_and_each_place_its_line() {
        let known = with(&[&[1, 2, 5, 9], &[3], &[0, 4, 7]]);
        for listed in [&[1, 2, 3, 4, 5, 6][..], &[0, 7, 8, 9], &[], &[6, 8], &[5]] {
            let places = places(listed.iter().copied());
            let matched = known.matched(&places);
            for (place, line_of) in places.iter().zip(&matched.line_of) {
                let line = line_of.map(|(set, line)| &known.sets[set].lines[line].place.key);
                let expected = known.line(&place.key).map(|line| line.place.key.clone());
                assert_eq!(line, expected.as_ref());
            }
            for (set, place_of) in known.sets().iter().zip(&matched.place_of) {
                assert_eq!(set.lines().len(), place_of.len());
                for (line, place) in set.lines().iter().zip(place_of) {
                    let expected = places.iter().position(|place| *place == line.place);
                    assert_eq!(*place, expected);
                }
            }
            let unlisted = known.unlisted(&matched, |place| place.order() >= line(2).place.order());
            let expected: HashSet<_> = [2, 3, 4, 5, 7, 9]
                .into_iter()
                .filter(|number| !listed.contains(number))
                .map(|number| line(number).place.key.clone())
                .collect();
            assert_eq!(unlisted, expected);
        }
    }

    #[test]
    fn what_was_erased_leaves_no_line_and_no_word() {
        let known = with(&[&[1, 2], &[3]]);
        let left = known.without(|line| line.place == self::line(2).place);
        assert!(left.line(&line(2).place.key).is_none() && left.line(&line(1).place.key).is_some());
        assert_eq!(left.sets()[0].index().len(), 1);
        assert!(
            Arc::ptr_eq(&left.sets()[1], &known.sets()[1]),
            "it is not indexed again"
        );
        assert!(left.key_of(line(2).place.memory_id).is_none());
        assert_eq!(
            left.key_of(line(3).place.memory_id),
            Some(line(3).place.key.clone())
        );
    }

    #[test]
    fn many_small_sets_become_one_and_no_line_is_lost() {
        let mut known = Lines::default().with(Set::of(lines(0..50)));
        let largest = Arc::clone(&known.sets()[0]);
        for number in 50..150 {
            known = known.with(Set::of(lines([number])));
            assert!(known.sets().len() <= SETS_MAX);
        }
        let all = known.matched(&places(0..150));
        assert!(all.line_of.iter().all(Option::is_some));
        assert!(known.sets().iter().any(|set| Arc::ptr_eq(set, &largest)));
        assert_eq!(
            known.with(Set::of(Vec::new())).sets().len(),
            known.sets().len()
        );
    }

    #[test]
    fn a_listing_is_cut_at_known_keys_less_than_a_page_apart() {
        assert!(with(&[&[1, 2]]).cuts().is_empty());
        let many: Vec<_> = (0..2_000).collect();
        let cuts = with(&[&[9_000], &many]).cuts();
        let expected = [900, 1_800].map(|number| line(number).place.key.clone());
        assert_eq!(cuts, expected);
    }

    #[test]
    fn lines_are_kept_only_over_those_that_were_seen() {
        let (kept, scope) = (Kept::default(), operator().entity("d", "e"));
        let none = kept.lines(&scope);
        let (one, other) = (with(&[&[1]]), with(&[&[2]]));
        kept.replace(&scope, &none, &one);
        kept.replace(&scope, &none, &other);
        assert!(
            kept.lines(&scope).is_same(&one),
            "the second had not seen the first"
        );
        kept.replace(&scope, &one, &other);
        assert!(kept.lines(&scope).is_same(&other));
    }

    #[test]
    fn the_entity_of_longest_ago_is_forgotten_where_there_are_too_many_bytes() {
        let kept = Kept::default();
        let scope = |name: &str| operator().entity("d", name);
        let half = {
            let mut set = Set::of(lines([1]));
            set.bytes = BYTES_MAX / 2;
            Lines::default().with(set)
        };
        let known = |name: &str| kept.lines(&scope(name)).is_same(&half);
        kept.replace(&scope("a"), &Lines::default(), &half);
        kept.replace(&scope("b"), &Lines::default(), &half);
        assert!(known("b") && known("a"));
        kept.replace(&scope("c"), &Lines::default(), &half);
        assert!(known("a") && !known("b") && known("c"));
    }
}
