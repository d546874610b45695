//! Which memories answer a query best: BM25 over the words of memories, in memory (contract 8.5).
//!
//! An [`Index`] holds memories; what a request may see of it are its [`Candidates`]. Everything that is counted is
//! counted over the candidates of one request alone, so that a memory that was deleted, filtered out or lies elsewhere
//! changes no answer, not in its last bit. Every sum is made in one order, of the query. The module must not know S3,
//! scopes or the status of a memory.
//! Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), section 3.

use crate::words::{Query, Word};

mod candidates;
mod index;
mod neighbours;
mod passage;
mod score;
mod variants;

pub use candidates::Candidates;
pub use index::{Index, WORDS_BYTES_MAX};
pub(crate) use passage::byte_of;
pub use passage::{marked, passage};
use score::Scores;

/// How much each kind of evidence counts. Requests use [`Weights::CHOSEN`]; the others exist to be measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// How soon more occurrences of a word stop to count.
    pub k1: f64,
    /// How much a long memory is held back.
    pub b: f64,
    /// An occurrence outside the content: in metadata, or as the date.
    pub beside: f64,
    /// A word with the same stem, against the exact word.
    pub stem: f64,
    /// The parts of an identifier together, where they do not stand as that identifier.
    pub parts: f64,
    /// A neighbour's score.
    pub neighbour: f64,
}

impl Weights {
    /// The weights of every request. Memories are short, so k1 and b are lower than for documents.
    pub const CHOSEN: Self = Self {
        k1: 0.9,
        b: 0.4,
        beside: 0.7,
        stem: 0.8,
        parts: 0.7,
        neighbour: 0.3,
    };

    /// How often something occurs in content and beside it, weighted.
    fn occurrences(&self, content: u32, beside: u32) -> f64 {
        f64::from(content) + self.beside * f64::from(beside)
    }
}

/// The best candidates for a query, and what was counted on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// The best candidates, best first.
    pub hits: Vec<Hit>,
    /// How many candidates have a word of the query.
    pub matches: usize,
    /// How many candidates there were.
    pub searched: usize,
    /// The words of the query that no candidate has, as the query spells them.
    pub unmatched_terms: Vec<String>,
}

/// A candidate that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Which of the candidates' sets it is in.
    pub set: usize,
    /// Its number in the index of that set.
    pub doc: usize,
    /// The greater, the better. To be compared within one answer only.
    pub score: f64,
}

/// Finds the best candidates for a query: at most `limit`, best first. Ties go to the newer, then to the smaller key.
/// The sets are one corpus, for example the base and the tail of each scope; no memory may be in two of them.
#[must_use]
pub fn search(sets: &[Candidates<'_>], query: &Query, limit: usize) -> Ranked {
    search_with(&Weights::CHOSEN, sets, query, limit)
}

/// The same with other weights, to measure them.
#[must_use]
pub fn search_with(
    weights: &Weights,
    sets: &[Candidates<'_>],
    query: &Query,
    limit: usize,
) -> Ranked {
    let mut scores = Scores::new(weights, sets);
    let has_match = |word: &&Word| !scores.add(word);
    let unmatched = query
        .words()
        .iter()
        .filter(has_match)
        .map(|word| word.written().to_owned())
        .collect();
    let (mut hits, matches) = neighbours::hits(weights, sets, &scores, limit);
    let order = |a: &Hit, b: &Hit| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| candidates::order(sets, a, b))
    };
    if limit < hits.len() {
        hits.select_nth_unstable_by(limit, order);
        hits.truncate(limit);
    }
    hits.sort_unstable_by(order);
    Ranked {
        hits,
        matches,
        searched: sets.iter().map(Candidates::len).sum(),
        unmatched_terms: unmatched,
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
