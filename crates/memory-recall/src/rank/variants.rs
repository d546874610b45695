//! The forms in which the candidates have a word: itself, and other words with one of its stems.

use std::borrow::Cow;
use std::ptr;

use super::Weights;
use super::candidates::Candidates;
use super::index::Posting;
use crate::words::Stemmers;

/// A form that counts for a word of the query: its postings in each set, and the most that it can add to a score.
pub(super) struct Form<'s> {
    pub(super) postings: Vec<Cow<'s, [Posting]>>,
    pub(super) weight: f64,
}

/// Finds the forms of words.
pub(super) struct Variants<'s> {
    weights: &'s Weights,
    sets: &'s [Candidates<'s>],
    stemmers: Stemmers,
    searched: f64,
    /// For [`merged`], kept between words.
    places: Vec<u32>,
}

impl<'s> Variants<'s> {
    pub(super) fn new(weights: &'s Weights, sets: &'s [Candidates<'s>]) -> Self {
        let searched: usize = sets.iter().map(Candidates::len).sum();
        let docs = sets.iter().map(|set| set.index.len()).max();
        Self {
            weights,
            sets,
            stemmers: Stemmers::default(),
            searched: searched as f64,
            places: vec![0; docs.unwrap_or_default()],
        }
    }

    /// The forms of a word: itself, and the words that have one of its stems.
    pub(super) fn of(&mut self, word: &str) -> Vec<Form<'s>> {
        let mut known = vec![self.word(word)];
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
            .filter_map(|(words, weight)| self.form(&words, weight))
            .collect()
    }

    /// A form that counts by itself alone.
    pub(super) fn exact(&mut self, form: &str) -> Option<Form<'s>> {
        self.form(&self.word(form), 1.0)
    }

    /// A word by itself, in each set.
    fn word(&self, word: &str) -> Vec<Vec<&'s [Posting]>> {
        let sets = self.sets.iter();
        sets.map(|set| vec![set.index.postings(word)]).collect()
    }

    /// A form of the words of each set, unless no candidate has it.
    fn form(&mut self, words: &[Vec<&'s [Posting]>], weight: f64) -> Option<Form<'s>> {
        let postings: Vec<_> = words
            .iter()
            .map(|words| merged(words, &mut self.places))
            .collect();
        let (weights, mut having) = (self.weights, 0.0);
        for (postings, set) in postings.iter().zip(self.sets) {
            let counts = |posting: &&Posting| {
                let occurrences =
                    weights.occurrences(posting.content.into(), posting.beside.into());
                occurrences > 0.0 && set.has(posting.doc)
            };
            having += postings.iter().filter(counts).count() as f64;
        }
        let rarity = (1.0 + (self.searched - having + 0.5) / (having + 0.5)).ln();
        let weight = weight * rarity * (self.weights.k1 + 1.0);
        (having > 0.0).then_some(Form { postings, weight })
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
