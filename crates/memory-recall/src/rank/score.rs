//! The score of each candidate by its own words.

use std::borrow::Cow;
use std::ptr;

use super::index::{Candidates, Posting};
use super::{Hit, Weights};
use crate::words::{Stemmers, Word};

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
    sheets: Sheets,
}

/// Room for the work on one word in one set. It is kept, because a system call for each word would cost more than the
/// word.
#[derive(Default)]
struct Sheets {
    best: Sheet,
    parts: Sheet,
    part: Sheet,
    places: Vec<u32>,
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
            searched: searched as f64,
            base: weights.k1 * (1.0 - weights.b),
            slope: weights.k1 * weights.b / average,
            totals: sets.iter().map(|set| vec![0.0; set.index.len()]).collect(),
            stemmers: Stemmers::default(),
            sheets: Sheets {
                best: Sheet::of(docs),
                parts: Sheet::of(docs),
                part: Sheet::of(docs),
                places: vec![0; docs],
            },
        }
    }

    /// Adds the score of a word to every candidate that has it. Whether there is one.
    pub(super) fn add(&mut self, word: &Word) -> bool {
        let mut sheets = std::mem::take(&mut self.sheets);
        let (forms, parts) = if word.parts.is_empty() {
            let forms = word
                .forms
                .iter()
                .flat_map(|form| self.variants(form, &mut sheets.places));
            (forms.collect::<Vec<_>>(), Vec::new())
        } else {
            let forms = word
                .forms
                .iter()
                .filter_map(|form| self.exact(form, &mut sheets.places));
            let forms = forms.collect();
            let parts = word
                .parts
                .iter()
                .map(|part| self.variants(part, &mut sheets.places));
            (forms, parts.collect())
        };
        let mut is_matched = false;
        for set in 0..self.sets.len() {
            is_matched |= self.add_in(set, &forms, &parts, &mut sheets);
        }
        self.sheets = sheets;
        is_matched
    }

    /// Adds a word's score in one set: the best of its forms, or of all its parts together.
    fn add_in(
        &mut self,
        at: usize,
        forms: &[Form<'s>],
        parts: &[Vec<Form<'s>>],
        sheets: &mut Sheets,
    ) -> bool {
        let Sheets {
            best,
            parts: together,
            part,
            ..
        } = sheets;
        for form in forms {
            self.score(at, form, best);
        }
        for forms in parts {
            for form in forms {
                self.score(at, form, part);
            }
            for (doc, score) in part.drain() {
                together.change(doc, |sum| sum + score);
            }
        }
        for (doc, score) in together.drain() {
            best.change(doc, |best| best.max(self.weights.parts * score));
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
    fn variants(&self, word: &str, places: &mut [u32]) -> Vec<Form<'s>> {
        let exact: Vec<_> = self
            .sets
            .iter()
            .map(|set| vec![set.index.postings(word)])
            .collect();
        let mut known = vec![exact];
        let stems = self.stemmers.of(word).filter(|_| self.weights.stem > 0.0);
        for (language, stem) in stems.into_iter().flatten().enumerate() {
            let with_stem = |set: &'s Candidates<'s>| {
                let mut words: Vec<_> = set.index.with_stem(language, &stem).collect();
                words.sort_by_key(|postings| postings.as_ptr());
                words
            };
            let words: Vec<_> = self.sets.iter().map(with_stem).collect();
            // A stem that no other word has is the word again, for less.
            if !known.iter().any(|known| are_same(known, &words)) {
                known.push(words);
            }
        }
        let weights = std::iter::once(1.0).chain(std::iter::repeat(self.weights.stem));
        let forms = known.into_iter().zip(weights);
        forms
            .filter_map(|(words, weight)| self.form(&words, weight, places))
            .collect()
    }

    /// A form that counts by itself alone.
    fn exact(&self, form: &str, places: &mut [u32]) -> Option<Form<'s>> {
        let words: Vec<_> = self
            .sets
            .iter()
            .map(|set| vec![set.index.postings(form)])
            .collect();
        self.form(&words, 1.0, places)
    }

    /// A form of the words of each set, unless no candidate has it.
    fn form(
        &self,
        words: &[Vec<&'s [Posting]>],
        weight: f64,
        places: &mut [u32],
    ) -> Option<Form<'s>> {
        let postings: Vec<_> = words.iter().map(|words| merged(words, places)).collect();
        let of_candidates = |(postings, set): (&Cow<'_, [Posting]>, &Candidates<'_>)| {
            postings
                .iter()
                .filter(|posting| set.has(posting.doc))
                .count()
        };
        let having = postings
            .iter()
            .zip(self.sets)
            .map(of_candidates)
            .sum::<usize>() as f64;
        let rarity = (1.0 + (self.searched - having + 0.5) / (having + 0.5)).ln();
        let weight = weight * rarity * (self.weights.k1 + 1.0);
        (having > 0.0).then_some(Form { postings, weight })
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

/// Whether two lists have the same words, in each set.
fn are_same(a: &[Vec<&[Posting]>], b: &[Vec<&[Posting]>]) -> bool {
    let same = |a: &&[Posting], b: &&[Posting]| ptr::eq(*a, *b) || a.is_empty() && b.is_empty();
    let mut sets = a.iter().zip(b);
    sets.all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)))
}

/// The postings of several words as those of one. `places` is 0 for each memory, before and after.
fn merged<'s>(words: &[&'s [Posting]], places: &mut [u32]) -> Cow<'s, [Posting]> {
    if let [] | [_] = words {
        return Cow::Borrowed(words.first().copied().unwrap_or_default());
    }
    // The place of a memory in `all`, plus 1.
    let mut all = Vec::<Posting>::new();
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
    for posting in &all {
        if let Some(place) = places.get_mut(posting.doc as usize) {
            *place = 0;
        }
    }
    Cow::Owned(all)
}
