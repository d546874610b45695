//! What a request may see of an index, and the order of what it sees.

use std::cmp::{Ordering, Reverse};

use super::Hit;
use super::index::{Index, Place};

/// The place of a memory that is not a candidate.
const NONE: u32 = u32::MAX;

impl Index {
    /// The memories that a request may see, by their numbers.
    #[must_use]
    pub fn candidates(&self, is_candidate: impl Fn(usize) -> bool) -> Candidates<'_> {
        let by_key = self.by_key().iter().copied();
        let by_key: Vec<_> = by_key.filter(|doc| is_candidate(*doc as usize)).collect();
        let mut candidates = Candidates {
            index: self,
            places: vec![NONE; self.len()],
            content: 0,
            beside: 0,
            by_key,
        };
        for (place, doc) in (0..).zip(&candidates.by_key) {
            let (content, beside) = self.lengths(*doc);
            candidates.content += u64::from(content);
            candidates.beside += u64::from(beside);
            if let Some(known) = candidates.places.get_mut(*doc as usize) {
                *known = place;
            }
        }
        candidates
    }
}

/// The memories of an index that a request may see.
#[derive(Debug)]
pub struct Candidates<'i> {
    pub(super) index: &'i Index,
    /// Their numbers, in the order of their places.
    by_key: Vec<u32>,
    /// Where each memory of the index is in that list; [`NONE`] for one that is not a candidate.
    places: Vec<u32>,
    /// The forms of all candidates together.
    content: u64,
    beside: u64,
}

impl Candidates<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(super) fn has(&self, doc: u32) -> bool {
        self.places
            .get(doc as usize)
            .is_some_and(|place| *place != NONE)
    }

    /// The forms of all candidates together: in their contents, and beside them.
    pub(super) fn lengths(&self) -> (u64, u64) {
        (self.content, self.beside)
    }

    /// The candidates on both sides of one of them, by their keys.
    pub(super) fn sides(&self, doc: usize) -> (Option<u32>, Option<u32>) {
        match self.places.get(doc) {
            Some(place) if *place != NONE => {
                let place = *place as usize;
                (self.at(place.checked_sub(1)), self.at(place.checked_add(1)))
            }
            _ => (None, None),
        }
    }

    /// The candidates on both sides of the place of a memory of another set.
    pub(super) fn around(&self, place: Place) -> (Option<u32>, Option<u32>) {
        let after = self
            .by_key
            .partition_point(|doc| self.index.place(*doc) < Some(place));
        (self.at(after.checked_sub(1)), self.at(Some(after)))
    }

    fn at(&self, place: Option<usize>) -> Option<u32> {
        self.by_key.get(place?).copied()
    }
}

/// The newer first, then the smaller key.
pub(super) fn order(sets: &[Candidates<'_>], a: &Hit, b: &Hit) -> Ordering {
    let of = |hit: &Hit| {
        let index = sets.get(hit.set)?.index;
        let doc = index.doc(hit.doc)?;
        Some((
            Reverse(doc.timestamp),
            index.prefix(doc.entity),
            doc.memory_id,
        ))
    };
    of(a).cmp(&of(b))
}
