//! The words of a text: how a memory is indexed and how a query is read.
//!
//! Words are found by Unicode's rules (UAX #29), normalized (NFKC) and case-folded. An identifier, such as
//! `src/http.rs`, is kept whole, by its segments and by its parts. Stems stand next to a word and never replace it.
//! Memories and queries pass through the same functions, so that they meet. The module must not know scores.
//! Source: UAX #29, section 4 (<https://www.unicode.org/reports/tr29/#Word_Boundaries>).

use std::borrow::Cow;

use caseless::Caseless;
use memory_log::json::{Json, Kind, Value};
use memory_log::memory::Memory;
use memory_log::timestamp::Timestamp;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

mod identifier;
mod query;
mod stem;
mod stop;

use identifier::{is_joint, parts, segments, trimmed};
pub use query::{QUERY_BYTES_MAX, QUERY_WORDS_MAX, Query, QueryError, Word};
pub use stem::{LANGUAGES, Stemmers};

/// Longest word that is indexed, in bytes after folding. A query has at most as many bytes, so that no longer word
/// could be asked for, and a hostile text of 4 MiB without a space costs nothing.
const WORD_BYTES_MAX: usize = QUERY_BYTES_MAX;

/// A word or an identifier as a text has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<'t> {
    /// Where it begins, in bytes.
    pub start: usize,
    /// Its own spelling.
    pub text: &'t str,
}

/// The words and identifiers of a text, in their order.
pub fn written(text: &str) -> impl Iterator<Item = Written<'_>> {
    let mut words = text.unicode_word_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = words.next()?;
        let mut end = start + first.len();
        while let Some((next, word)) =
            words.next_if(|(next, _)| text.get(end..*next).is_some_and(is_joint))
        {
            end = next + word.len();
        }
        Some(Written {
            start,
            text: text.get(start..end)?,
        })
    })
}

/// Calls `each` with every form of a text's words: words, and of identifiers the whole, the segments and the parts.
pub fn forms(text: &str, mut each: impl FnMut(&str)) {
    let mut folded = String::new();
    // Normalized before it is cut, because normalization can change where a word ends.
    let normal = normal(text);
    for word in written(&normal) {
        if is_plain(word.text) {
            each(word.text);
            continue;
        }
        let mut emit = |form: &str| {
            if let Some(folded) = fold(form, &mut folded) {
                each(folded);
            }
        };
        let mut several = 0;
        for segment in segments(word.text) {
            if parts(segment).map(&mut emit).count() > 1 {
                emit(segment);
            }
            several += 1;
        }
        if several > 1 {
            emit(trimmed(word.text));
        }
    }
}

/// Whether a word is its own only form, as most are.
fn is_plain(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    word.len() <= WORD_BYTES_MAX && word.bytes().all(is_plain)
}

/// Calls `each` with every form of what a memory has besides its content: the string values of its metadata, at any
/// depth (tags, type and source are among them), and its date in UTC.
pub fn forms_beside(memory: &Memory, mut each: impl FnMut(&str)) {
    if let Ok(metadata) = Json::grammatical(memory.metadata().as_bytes()) {
        strings(metadata.root(), &mut |text| forms(text, &mut each));
    }
    forms(&date(memory.timestamp()), each);
}

/// Calls `each` with every string below a value. The depth is limited by the rules for metadata.
fn strings(value: Value<'_>, each: &mut impl FnMut(&str)) {
    match value.kind() {
        Kind::String => each(&value.text().unwrap_or_default()),
        Kind::Array => value.elements().for_each(|element| strings(element, each)),
        Kind::Object => value
            .members()
            .for_each(|(_, member)| strings(member, each)),
        Kind::Null | Kind::Boolean | Kind::Number => {}
    }
}

/// The months in English and Indonesian, which spell four of them alike.
const MONTHS: [&[&str]; 12] = [
    &["January", "Januari"],
    &["February", "Februari"],
    &["March", "Maret"],
    &["April"],
    &["May", "Mei"],
    &["June", "Juni"],
    &["July", "Juli"],
    &["August", "Agustus"],
    &["September"],
    &["October", "Oktober"],
    &["November"],
    &["December", "Desember"],
];

/// A date as people write it: `2026-01-19 19 January Januari`.
fn date(timestamp: Timestamp) -> String {
    let normal = timestamp.to_string();
    let date = normal.get(..10).unwrap_or_default();
    let number = |text: Option<&str>| {
        text.and_then(|text| text.parse::<usize>().ok())
            .unwrap_or_default()
    };
    let month = number(date.get(5..7));
    let names = MONTHS
        .get(month.wrapping_sub(1))
        .copied()
        .unwrap_or_default();
    // The parts of the date are words already, and only a day below 10 is also written in another way.
    let day = number(date.get(8..10));
    let short = if day < 10 {
        format!(" {day}")
    } else {
        String::new()
    };
    format!("{date}{short} {}", names.join(" "))
}

/// A text in the normalization form NFKC, and with a plain apostrophe for the typographic one.
fn normal(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let plain = |c| if c == '\u{2019}' { '\'' } else { c };
    Cow::Owned(text.nfkc().map(plain).collect())
}

/// A form in full case folding, which can undo the normalization, so that it is normalized again. `None` if it is
/// empty or too long to be a word.
fn fold<'b>(form: &str, buffer: &'b mut String) -> Option<&'b str> {
    // Folding can make a text shorter, but by less than this factor.
    if form.len() > 4 * WORD_BYTES_MAX {
        return None;
    }
    buffer.clear();
    if form.is_ascii() {
        buffer.push_str(form);
        buffer.make_ascii_lowercase();
    } else {
        buffer.extend(form.chars().default_case_fold().nfkc());
    }
    (1..=WORD_BYTES_MAX)
        .contains(&buffer.len())
        .then_some(buffer.as_str())
}

/// A form as the index has it.
fn folded(form: &str) -> Option<String> {
    let mut buffer = String::new();
    fold(form, &mut buffer)?;
    Some(buffer)
}

#[cfg(test)]
mod tests;
