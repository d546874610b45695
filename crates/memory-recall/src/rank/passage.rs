//! The part of a long text that answers a query best.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use crate::words::{Query, Stemmers, Word, forms, written};

/// A word of the text that the query has: its place in characters, and the words of the query, one bit each.
struct Found {
    start: usize,
    end: usize,
    words: u64,
}

/// The part of a text with the most words of a query, of exactly this many characters, or the whole of a shorter text.
/// Among equals the first. It begins with a word if it can.
#[must_use]
pub fn passage<'t>(text: &'t str, query: &Query, characters: usize) -> &'t str {
    let byte = |character| byte_of(text, character);
    if byte(characters) == text.len() {
        return text;
    }
    let last_start = text.chars().count() - characters;
    let (from, to) = best(&found(text, query), characters);
    // What is found stands in the middle, with what was said around it.
    let earliest = from.saturating_sub(characters.saturating_sub(to - from) / 2);
    let starts = places(text).map(|(start, ..)| start);
    let start = match earliest {
        0 => 0,
        _ => starts
            .take_while(|start| *start <= from)
            .find(|start| *start >= earliest)
            .unwrap_or(from),
    };
    let start = start.min(last_start);
    text.get(byte(start)..byte(start + characters))
        .unwrap_or_default()
}

/// Where a character begins, in bytes; the end of the text, if it has no so many.
pub(crate) fn byte_of(text: &str, character: usize) -> usize {
    let at = text.char_indices().nth(character);
    at.map_or(text.len(), |(at, _)| at)
}

/// The words of a text that a query has, each as its bytes in the text, in their order.
#[must_use]
pub fn marked(text: &str, query: &Query) -> Vec<Range<usize>> {
    let bytes: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
    let byte = |character: usize| bytes.get(character).copied().unwrap_or(text.len());
    let found = found(text, query).into_iter();
    found
        .map(|found| byte(found.start)..byte(found.end))
        .collect()
}

/// The words of a text with their places in characters.
fn places(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    let (mut bytes, mut characters) = (0, 0);
    written(text).map(move |word| {
        let between = text.get(bytes..word.start).unwrap_or_default();
        let start = characters + between.chars().count();
        characters = start + word.text.chars().count();
        bytes = word.start + word.text.len();
        (start, characters, word.text)
    })
}

fn found(text: &str, query: &Query) -> Vec<Found> {
    let stemmers = Stemmers::default();
    let stems = |form: &str| {
        let stems = stemmers.of(form).into_iter().flatten().enumerate();
        stems.map(|(language, stem)| format!("{language} {stem}"))
    };
    let mut wanted = HashMap::<String, u64>::new();
    for (number, word) in query.words().iter().enumerate() {
        let forms: Vec<_> = match word {
            Word::Plain { folded, .. } => vec![folded],
            Word::Identifier {
                whole,
                segments,
                parts,
                ..
            } => [whole].into_iter().chain(segments).chain(parts).collect(),
        };
        for form in forms {
            for key in stems(form).chain([form.clone()]) {
                *wanted.entry(key).or_default() |=
                    1_u64.checked_shl(number as u32).unwrap_or_default();
            }
        }
    }
    let words_of = |text: &str| {
        let mut words = 0;
        forms(text, |form| {
            let keys = stems(form).chain([form.to_owned()]);
            words |= keys
                .filter_map(|key| wanted.get(&key))
                .fold(0, |all, some| all | some);
        });
        words
    };
    let found = places(text).map(|(start, end, word)| Found {
        start,
        end,
        words: words_of(word),
    });
    found.filter(|found| found.words != 0).collect()
}

/// The stretch of at most this many characters with the most different words of the query, then with the most words.
fn best(found: &[Found], characters: usize) -> (usize, usize) {
    let mut best = ((0, 0), (0, 0));
    let mut counts = [0_usize; u64::BITS as usize];
    let mut within = VecDeque::new();
    for last in found {
        count(&mut counts, last, |count| *count += 1);
        within.push_back(last);
        while let Some(first) = within
            .front()
            .filter(|first| last.end - first.start > characters)
        {
            count(&mut counts, first, |count| *count -= 1);
            within.pop_front();
        }
        let different = counts.iter().filter(|count| **count > 0).count();
        if let Some(first) = within
            .front()
            .filter(|_| (different, within.len()) > best.0)
        {
            best = ((different, within.len()), (first.start, last.end));
        }
    }
    best.1
}

fn count(counts: &mut [usize], found: &Found, change: fn(&mut usize)) {
    for (number, count) in counts.iter_mut().enumerate() {
        if found.words >> number & 1 == 1 {
            change(count);
        }
    }
}
