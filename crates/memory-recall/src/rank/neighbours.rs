//! What the turns before and after a memory add to its score.
//!
//! In a conversation the question has the words, and the answer stands next to it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use memory_log::timestamp::Timestamp;
use uuid::Uuid;

use super::candidates::Candidates;
use super::index::Doc;
use super::score::Scores;
use super::{Hit, Weights};

/// How far apart two turns of one conversation are at most.
const REACH: Duration = Duration::from_secs(5 * 60);
/// What rounding can change in a sum of three numbers, and more.
const ROUNDING: f64 = 1e-9;

/// The memories with a score of their own that can be among the best `limit`, with the scores of their neighbours; and
/// how many have a score of their own.
pub(super) fn hits(
    weights: &Weights,
    sets: &[Candidates<'_>],
    scores: &Scores<'_>,
    limit: usize,
) -> (Vec<Hit>, usize) {
    // The best by their own scores, the least on top. Scores are positive, so their bits are in their order.
    let mut best = BinaryHeap::new();
    let (mut greatest, mut matches) = (0.0, 0);
    for hit in scores.scored() {
        matches += 1;
        greatest = f64::max(greatest, hit.score);
        let bits = Reverse(hit.score.to_bits());
        if best.len() < limit {
            best.push(bits);
        } else if best.peek().is_some_and(|least| bits < *least) {
            best.pop();
            best.push(bits);
        }
    }
    // With both neighbours, another must reach the last of the best.
    let last = best
        .peek()
        .filter(|_| best.len() == limit)
        .map_or(0.0, |least| f64::from_bits(least.0));
    let needed = last * (1.0 - ROUNDING) - 2.0 * weights.neighbour * greatest;
    let reaching = scores
        .scored()
        .filter(|hit| hit.score >= needed && limit > 0);
    let with_neighbours = |hit: Hit| match weights.neighbour > 0.0 {
        true => Hit {
            score: hit.score + weights.neighbour * of_neighbours(sets, scores, &hit),
            ..hit
        },
        false => hit,
    };
    (reaching.map(with_neighbours).collect(), matches)
}

/// The scores of both neighbours of a memory together.
fn of_neighbours(sets: &[Candidates<'_>], scores: &Scores<'_>, hit: &Hit) -> f64 {
    let Some(index) = sets.get(hit.set).map(|set| set.index) else {
        return 0.0;
    };
    let Some(itself) = index.doc(hit.doc) else {
        return 0.0;
    };
    // Each set has its own nearest candidates; the nearest of all sets are the neighbours.
    let (mut before, mut after) = (None, None);
    for (at, set) in sets.iter().enumerate() {
        let (entity, found) = if at == hit.set {
            (itself.entity, set.sides(hit.doc))
        } else {
            let Some(entity) = set.index.entity_of(index.prefix(itself.entity)) else {
                continue;
            };
            (entity, set.around(Doc { entity, ..*itself }.place()))
        };
        let close = |doc: Option<u32>| {
            let number = doc? as usize;
            let doc = set
                .index
                .doc(number)
                .filter(|doc| doc.entity == entity && is_close(doc, itself))?;
            Some(Neighbour {
                key: (doc.timestamp, doc.memory_id),
                score: scores.of(at, number),
            })
        };
        before = nearer(before, close(found.0), |new, known| new > known);
        after = nearer(after, close(found.1), |new, known| new < known);
    }
    let score = |neighbour: Option<Neighbour>| neighbour.map_or(0.0, |neighbour| neighbour.score);
    score(before) + score(after)
}

fn is_close(a: &Doc, b: &Doc) -> bool {
    a.timestamp
        .since(b.timestamp)
        .max(b.timestamp.since(a.timestamp))
        <= REACH
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
