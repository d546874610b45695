//! The score of each candidate by its own words.

use super::candidates::Candidates;
use super::variants::{Form, Variants};
use super::{Hit, Weights};
use crate::words::Word;

/// The scores of the candidates of all sets. Each word of the query adds to them, in its order.
pub(super) struct Scores<'s> {
    weights: &'s Weights,
    sets: &'s [Candidates<'s>],
    variants: Variants<'s>,
    bm25: Bm25<'s>,
    /// By set and number of the memory; 0 without a match.
    totals: Vec<Vec<f64>>,
    /// Kept between words, because a system call for each would cost more than the word.
    best: Sheet,
    parts: Sheet,
    one: Sheet,
}

/// The forms of one word of the query that candidates have. A memory is scored by its best.
#[derive(Default)]
struct Forms<'s> {
    /// A plain word with its stems, or the segments of an identifier.
    best: Vec<Form<'s>>,
    whole: Option<Form<'s>>,
    /// Each part of an identifier with its stems; they count together.
    parts: Vec<Vec<Form<'s>>>,
}

/// The memories of a set that have a word, each with a score.
#[derive(Default)]
struct Sheet {
    scores: Vec<f64>,
    scored: Vec<u32>,
}

impl Sheet {
    fn of(docs: usize) -> Self {
        Self {
            scores: vec![0.0; docs],
            scored: Vec::new(),
        }
    }

    /// Changes the score of a memory, which is 0 at first.
    fn change(&mut self, doc: u32, to: impl FnOnce(f64) -> f64) {
        if let Some(score) = self.scores.get_mut(doc as usize) {
            if *score == 0.0 {
                self.scored.push(doc);
            }
            *score = to(*score);
        }
    }

    fn of_doc(&self, doc: u32) -> f64 {
        self.scores.get(doc as usize).copied().unwrap_or_default()
    }

    /// Takes all scores out.
    fn drain(&mut self) -> impl Iterator<Item = (u32, f64)> {
        let scores = &mut self.scores;
        self.scored.drain(..).map(|doc| {
            (
                doc,
                scores.get_mut(doc as usize).map_or(0.0, std::mem::take),
            )
        })
    }
}

impl<'s> Scores<'s> {
    pub(super) fn new(weights: &'s Weights, sets: &'s [Candidates<'s>]) -> Self {
        let searched: usize = sets.iter().map(Candidates::len).sum();
        let lengths = sets.iter().map(Candidates::lengths);
        let (content, beside) = lengths.fold((0, 0), |all, set| (all.0 + set.0, all.1 + set.1));
        let length = content as f64 + weights.beside * beside as f64;
        let average = if length > 0.0 {
            length / searched as f64
        } else {
            1.0
        };
        let docs = sets
            .iter()
            .map(|set| set.index.len())
            .max()
            .unwrap_or_default();
        Self {
            weights,
            sets,
            variants: Variants::new(weights, sets),
            bm25: Bm25 {
                weights,
                base: weights.k1 * (1.0 - weights.b),
                slope: weights.k1 * weights.b / average,
            },
            totals: sets.iter().map(|set| vec![0.0; set.index.len()]).collect(),
            best: Sheet::of(docs),
            parts: Sheet::of(docs),
            one: Sheet::of(docs),
        }
    }

    /// Adds the score of a word to every candidate that has it. Whether there is one.
    pub(super) fn add(&mut self, word: &Word) -> bool {
        let variants = &mut self.variants;
        let forms = match word {
            Word::Plain { folded, .. } => Forms {
                best: variants.of(folded),
                ..Forms::default()
            },
            Word::Identifier {
                whole,
                segments,
                parts,
                ..
            } => Forms {
                whole: variants.exact(whole),
                best: segments
                    .iter()
                    .filter_map(|segment| variants.exact(segment))
                    .collect(),
                parts: parts.iter().map(|part| variants.of(part)).collect(),
            },
        };
        let mut is_matched = false;
        for set in 0..self.sets.len() {
            is_matched |= self.add_in(set, &forms);
        }
        is_matched
    }

    /// Adds a word's score in one set: the best that a memory has.
    fn add_in(&mut self, at: usize, forms: &Forms<'s>) -> bool {
        let (Some(set), Some(totals)) = (self.sets.get(at), self.totals.get_mut(at)) else {
            return false;
        };
        for part in &forms.parts {
            for form in part {
                self.bm25.note(set, form, at, &mut self.one);
            }
            for (doc, score) in self.one.drain() {
                self.parts.change(doc, |sum| sum + score);
            }
        }
        // A memory that has the identifier has its parts, at their full weight.
        if let Some(form) = &forms.whole {
            self.bm25.note(set, form, at, &mut self.one);
        }
        for (doc, score) in self.one.drain() {
            let parts = self.parts.of_doc(doc);
            self.best.change(doc, |best| best.max(score).max(parts));
        }
        for form in &forms.best {
            self.bm25.note(set, form, at, &mut self.best);
        }
        for (doc, score) in self.parts.drain() {
            self.best
                .change(doc, |best| best.max(self.weights.parts * score));
        }
        let is_matched = !self.best.scored.is_empty();
        for (doc, score) in self.best.drain() {
            if let Some(total) = totals.get_mut(doc as usize) {
                *total += score;
            }
        }
        is_matched
    }

    /// The score of a memory; 0 if no word of the query is in it.
    pub(super) fn of(&self, set: usize, doc: usize) -> f64 {
        let score = self.totals.get(set).and_then(|totals| totals.get(doc));
        score.copied().unwrap_or_default()
    }

    /// The memories that have a score.
    pub(super) fn scored(&self) -> impl Iterator<Item = Hit> {
        self.totals.iter().enumerate().flat_map(|(set, totals)| {
            let hits = totals
                .iter()
                .enumerate()
                .map(move |(doc, &score)| Hit { set, doc, score });
            hits.filter(|hit| hit.score > 0.0)
        })
    }
}

/// The formula, of which each candidate has its own occurrences and length.
#[derive(Clone, Copy)]
struct Bm25<'s> {
    weights: &'s Weights,
    /// What it adds to the occurrences of a word: to each memory's, and for each form that the memory has.
    base: f64,
    slope: f64,
}

impl Bm25<'_> {
    /// Notes the score of one form where it is the best that a candidate has.
    fn note(&self, set: &Candidates<'_>, form: &Form<'_>, at: usize, best: &mut Sheet) {
        for posting in form
            .postings
            .get(at)
            .into_iter()
            .flat_map(|postings| postings.iter())
        {
            let occurrences = self
                .weights
                .occurrences(posting.content.into(), posting.beside.into());
            if occurrences > 0.0 && set.has(posting.doc) {
                let (content, beside) = set.index.lengths(posting.doc);
                let length = self.weights.occurrences(content, beside);
                let score =
                    form.weight * (occurrences / (occurrences + self.base + self.slope * length));
                best.change(posting.doc, |best| best.max(score));
            }
        }
    }
}
