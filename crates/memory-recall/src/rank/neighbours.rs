//! What the turns before and after a memory add to its score.
//!
//! In a conversation the question has the words, and the answer stands next to it.

use std::time::Duration;

use memory_log::timestamp::Timestamp;
use uuid::Uuid;

use super::index::{Candidates, Doc};
use super::score::Scores;
use super::{Hit, Weights};

/// How far apart two turns of one conversation are at most.
const REACH: Duration = Duration::from_secs(5 * 60);
/// What rounding can change in a sum of three numbers, and more.
const ROUNDING: f64 = 1e-9;

/// The memories with a score of their own that can be among the best `limit`, with the scores of their neighbours.
pub(super) fn hits(
    weights: &Weights,
    sets: &[Candidates<'_>],
    scores: &Scores<'_>,
    limit: usize,
) -> Vec<Hit> {
    let scored: Vec<_> = scores.scored().collect();
    let mut own: Vec<_> = scored.iter().map(|(.., score)| *score).collect();
    let best = own.iter().copied().fold(0.0, f64::max);
    // The last of the best by their own scores: with both neighbours, others must reach it.
    let last = match limit.checked_sub(1) {
        None => return Vec::new(),
        Some(last) if last < own.len() => {
            *own.select_nth_unstable_by(last, |a, b| b.total_cmp(a)).1
        }
        Some(_) => 0.0,
    };
    let can_reach = |own: f64| own + 2.0 * weights.neighbour * best >= last * (1.0 - ROUNDING);
    let reaching = scored.into_iter().filter(|(.., own)| can_reach(*own));
    let hit = |(set, doc, own)| {
        let gained = if weights.neighbour > 0.0 {
            of_neighbours(sets, scores, set, doc)
        } else {
            0.0
        };
        Hit {
            set,
            doc,
            score: own + weights.neighbour * gained,
        }
    };
    reaching.map(hit).collect()
}

/// The scores of both neighbours of a memory together.
fn of_neighbours(sets: &[Candidates<'_>], scores: &Scores<'_>, set: usize, doc: usize) -> f64 {
    let Some(index) = sets.get(set).map(|set| set.index) else {
        return 0.0;
    };
    let Some(itself) = index.doc(doc) else {
        return 0.0;
    };
    let prefix = index.prefix(itself.entity);
    // Each set has its own nearest memories; the nearest of all sets is the neighbour.
    let (mut before, mut after) = (None, None);
    for (at, set) in sets.iter().enumerate() {
        let Some(entity) = set.index.entity_of(prefix) else {
            continue;
        };
        let itself = Doc { entity, ..*itself };
        let (smaller, greater) = set.index.around(itself.place());
        let neighbour = |(number, doc): (u32, &Doc)| Neighbour {
            key: (doc.timestamp, doc.memory_id),
            score: scores.of(at, number as usize),
        };
        let nearest = first(set, &itself, smaller.iter().rev()).map(neighbour);
        before = nearer(before, nearest, |new, known| new > known);
        let nearest = first(set, &itself, greater.iter()).map(neighbour);
        after = nearer(after, nearest, |new, known| new < known);
    }
    let score = |neighbour: Option<Neighbour>| neighbour.map_or(0.0, |neighbour| neighbour.score);
    score(before) + score(after)
}

/// The first candidate of these memories, if it is of the same entity and close enough.
fn first<'s>(
    set: &Candidates<'s>,
    itself: &Doc,
    docs: impl Iterator<Item = &'s u32>,
) -> Option<(u32, &'s Doc)> {
    let distance = |doc: &Doc| {
        doc.timestamp
            .since(itself.timestamp)
            .max(itself.timestamp.since(doc.timestamp))
    };
    let is_close = |doc: &Doc| doc.entity == itself.entity && distance(doc) <= REACH;
    let docs = docs.map_while(|number| Some((*number, set.index.doc(*number as usize)?)));
    let mut close = docs.take_while(|(_, doc)| is_close(doc));
    close.find(|(number, _)| set.has(*number))
}

/// A candidate close to a memory, with the order of its key in their entity.
struct Neighbour {
    key: (Timestamp, Uuid),
    score: f64,
}

fn nearer(
    known: Option<Neighbour>,
    new: Option<Neighbour>,
    is_nearer: fn((Timestamp, Uuid), (Timestamp, Uuid)) -> bool,
) -> Option<Neighbour> {
    match (known, new) {
        (Some(known), Some(new)) => Some(if is_nearer(new.key, known.key) {
            new
        } else {
            known
        }),
        (known, new) => known.or(new),
    }
}
