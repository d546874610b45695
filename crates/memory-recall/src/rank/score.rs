//! The score of each candidate by its own words.

use std::borrow::Cow;
use std::ptr;

use super::Weights;
use super::index::{Candidates, Index, Posting};
use crate::words::{LANGUAGES, Stemmers, Word};

/// The scores of the candidates of all sets. Each word of the query adds to them, in its order.
pub(super) struct Scores<'s> {
    weights: &'s Weights,
    sets: &'s [Candidates<'s>],
    searched: f64,
    /// What BM25 adds to the occurrences of a word: to each memory's, and for each form that the memory has.
    base: f64,
    slope: f64,
    /// By set and number of the memory; 0 without a match.
    totals: Vec<Vec<f64>>,
    stemmers: Stemmers,
}

/// A form that counts for a word of the query: its postings in each set, and the most that it can add to a score.
struct Form<'s> {
    postings: Vec<Cow<'s, [Posting]>>,
    weight: f64,
}

/// The memories of a set that have a word, each with a score.
#[derive(Default)]
struct Sheet {
    scores: Vec<f64>,
    scored: Vec<u32>,
}

impl Sheet {
    fn of(set: &Candidates<'_>) -> Self {
        Self {
            scores: vec![0.0; set.index.len()],
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
        Self {
            weights,
            sets,
            searched: searched as f64,
            base: weights.k1 * (1.0 - weights.b),
            slope: weights.k1 * weights.b / average,
            totals: sets.iter().map(|set| vec![0.0; set.index.len()]).collect(),
            stemmers: Stemmers::default(),
        }
    }

    /// Adds the score of a word to every candidate that has it. Whether there is one.
    pub(super) fn add(&mut self, word: &Word) -> bool {
        let (forms, parts) = if word.parts.is_empty() {
            let forms = word.forms.iter().flat_map(|form| self.variants(form));
            (forms.collect::<Vec<_>>(), Vec::new())
        } else {
            let forms = word.forms.iter().filter_map(|form| self.exact(form));
            (
                forms.collect(),
                word.parts.iter().map(|part| self.variants(part)).collect(),
            )
        };
        let mut is_matched = false;
        for at in 0..self.sets.len() {
            is_matched |= self.add_in(at, &forms, &parts);
        }
        is_matched
    }

    /// Adds a word's score in one set: the best of its forms, or of all its parts together.
    fn add_in(&mut self, at: usize, forms: &[Form<'s>], parts: &[Vec<Form<'s>>]) -> bool {
        let Some(set) = self.sets.get(at) else {
            return false;
        };
        let mut best = Sheet::of(set);
        for form in forms {
            self.score(at, form, &mut best);
        }
        if !parts.is_empty() {
            let (mut together, mut part) = (Sheet::of(set), Sheet::of(set));
            for forms in parts {
                for form in forms {
                    self.score(at, form, &mut part);
                }
                for (doc, score) in part.drain() {
                    together.change(doc, |sum| sum + score);
                }
            }
            for (doc, score) in together.drain() {
                best.change(doc, |best| best.max(self.weights.parts * score));
            }
        }
        let is_matched = !best.scored.is_empty();
        let Some(totals) = self.totals.get_mut(at) else {
            return false;
        };
        for (doc, score) in best.drain() {
            if let Some(total) = totals.get_mut(doc as usize) {
                *total += score;
            }
        }
        is_matched
    }

    /// Notes the score of one form where it is the best that a candidate has.
    fn score(&self, at: usize, form: &Form<'_>, best: &mut Sheet) {
        let (Some(set), Some(postings)) = (self.sets.get(at), form.postings.get(at)) else {
            return;
        };
        for posting in postings.iter().filter(|posting| set.has(posting.doc)) {
            let (content, beside) = set.index.lengths(posting.doc);
            let length = f64::from(content) + self.weights.beside * f64::from(beside);
            let occurrences =
                f64::from(posting.content) + self.weights.beside * f64::from(posting.beside);
            let held_back = occurrences + self.base + self.slope * length;
            let score = form.weight * (occurrences / held_back);
            best.change(posting.doc, |best| best.max(score));
        }
    }

    /// The forms of a word: itself, and the words that have one of its stems.
    fn variants(&self, word: &str) -> Vec<Form<'s>> {
        let exact: Vec<_> = self
            .sets
            .iter()
            .map(|set| vec![set.index.postings(word)])
            .collect();
        let mut known = vec![exact];
        let stems = self.stemmers.of(word).filter(|_| self.weights.stem > 0.0);
        for (language, stem) in stems.into_iter().flatten().enumerate() {
            let with_stem = |index: &'s Index| {
                let mut words: Vec<_> = index.with_stem(language, &stem).collect();
                words.sort_by_key(|postings| postings.as_ptr());
                words
            };
            let words: Vec<_> = self.sets.iter().map(|set| with_stem(set.index)).collect();
            // A stem that no other word has is the word again, for less.
            if !known.iter().any(|known| are_same(known, &words)) {
                known.push(words);
            }
        }
        let weights = [1.0, self.weights.stem, self.weights.stem];
        debug_assert!(known.len() <= 1 + LANGUAGES);
        let forms = known
            .into_iter()
            .zip(weights)
            .filter_map(|(words, weight)| self.form(words, weight));
        forms.collect()
    }

    fn exact(&self, form: &str) -> Option<Form<'s>> {
        self.form(
            self.sets
                .iter()
                .map(|set| vec![set.index.postings(form)])
                .collect(),
            1.0,
        )
    }

    /// A form of one or more words, unless no candidate has it.
    fn form(&self, words: Vec<Vec<&'s [Posting]>>, weight: f64) -> Option<Form<'s>> {
        let postings = words
            .into_iter()
            .zip(self.sets)
            .map(|(words, set)| merged(&words, set.index.len()));
        let postings: Vec<_> = postings.collect();
        let in_set = |(postings, set): (&Cow<'_, [Posting]>, &Candidates<'_>)| {
            postings
                .iter()
                .filter(|posting| set.has(posting.doc))
                .count()
        };
        let having = postings.iter().zip(self.sets).map(in_set).sum::<usize>() as f64;
        let rarity = (1.0 + (self.searched - having + 0.5) / (having + 0.5)).ln();
        (having > 0.0).then_some(Form {
            postings,
            weight: weight * rarity * (self.weights.k1 + 1.0),
        })
    }

    /// The score of a memory; 0 if no word of the query is in it.
    pub(super) fn of(&self, set: usize, doc: usize) -> f64 {
        let score = self.totals.get(set).and_then(|totals| totals.get(doc));
        score.copied().unwrap_or_default()
    }

    /// The memories that have a score: set, number and score.
    pub(super) fn scored(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        let of_set = |(set, totals): (usize, &'_ Vec<f64>)| {
            let scored = totals
                .iter()
                .copied()
                .enumerate()
                .filter(|(_, score)| *score > 0.0);
            scored
                .map(move |(doc, score)| (set, doc, score))
                .collect::<Vec<_>>()
        };
        self.totals.iter().enumerate().flat_map(of_set)
    }
}

/// Whether two lists have the same words, in each set.
fn are_same(a: &[Vec<&[Posting]>], b: &[Vec<&[Posting]>]) -> bool {
    let same = |a: &&[Posting], b: &&[Posting]| ptr::eq(*a, *b) || a.is_empty() && b.is_empty();
    let mut sets = a.iter().zip(b);
    sets.all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)))
}

/// The postings of several words as those of one.
fn merged<'s>(words: &[&'s [Posting]], docs: usize) -> Cow<'s, [Posting]> {
    if let [] | [_] = words {
        return Cow::Borrowed(words.first().copied().unwrap_or_default());
    }
    let mut all = Vec::<Posting>::new();
    // Where a memory is in `all`, plus 1.
    let mut places = vec![0_u32; docs];
    for posting in words.iter().copied().flatten() {
        let Some(place) = places.get_mut(posting.doc as usize) else {
            continue;
        };
        match all.get_mut((*place as usize).wrapping_sub(1)) {
            Some(known) => known.add(posting),
            None => {
                all.push(*posting);
                *place = all.len().try_into().unwrap_or(u32::MAX);
            }
        }
    }
    Cow::Owned(all)
}
