//! How JSON spells a string: which bytes stand for themselves, what an escape means, and the one
//! spelling that this service writes.
//!
//! Text stands for itself in long runs, so it is read and copied in runs.

use std::fmt::Write;

/// How a string is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spelling {
    /// Every byte stands for itself.
    Plain,
    /// It has escapes.
    Escaped,
    /// It escapes one half of a surrogate pair, so it is not Unicode.
    NotUnicode,
}

/// How many bytes come before the next quotation mark, backslash or control character.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return index * size_of::<u64>() + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    let in_rest = rest.iter().position(is_special).unwrap_or(rest.len());
    bytes.len() - rest.len() + in_rest
}

/// The highest bit of the first byte that is special, and perhaps those of later bytes; 0 if none is.
/// Source: <https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let less = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word;
    let equal = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    (less(word, 0x20) | equal(b'"') | equal(b'\\')) & HIGHEST
}

/// An escape that the grammar allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Escape {
    /// The character; `None` for one half of a surrogate pair.
    pub(super) character: Option<char>,
    /// How many bytes spell it.
    pub(super) length: usize,
}

impl Escape {
    pub(super) fn spelling(self) -> Spelling {
        match self.character {
            Some(_) => Spelling::Escaped,
            None => Spelling::NotUnicode,
        }
    }
}

/// The escape at the beginning of these bytes, which is a backslash.
pub(super) fn escape(bytes: &[u8]) -> Option<Escape> {
    let character = match bytes.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return hexadecimal(bytes),
        _ => return None,
    };
    Some(Escape {
        character: Some(character),
        length: 2,
    })
}

/// `\u` and four digits, or two of these that are a surrogate pair.
fn hexadecimal(bytes: &[u8]) -> Option<Escape> {
    const LENGTH: usize = r"\u0000".len();
    let first = code_unit(bytes)?;
    let second = bytes.get(LENGTH..).and_then(code_unit);
    let pair = [first, second.unwrap_or_default()];
    let (character, length) = match char::decode_utf16(pair).next() {
        Some(Ok(character)) => (Some(character), LENGTH * character.len_utf16()),
        Some(Err(_)) | None => (None, LENGTH),
    };
    Some(Escape { character, length })
}

fn code_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(br"\u")?.first_chunk::<4>()?;
    let digit = |digit: u8| char::from(digit).to_digit(16);
    digits
        .iter()
        .try_fold(0, |unit, byte| Some(unit << 4 | digit(*byte)? as u16))
}

/// The text that is spelled between two quotation marks.
pub(super) fn unescaped(spelled: &str) -> String {
    let mut text = String::with_capacity(spelled.len());
    let mut rest = spelled;
    loop {
        let (plain, from_escape) = rest.split_at(plain_length(rest.as_bytes()));
        text.push_str(plain);
        let Some(escape) = escape(from_escape.as_bytes()) else {
            return text;
        };
        text.extend(escape.character);
        rest = from_escape.get(escape.length..).unwrap_or_default();
    }
}

/// Appends a text as a string literal in this service's spelling (see [`spell`](super::spell)).
pub fn spell_onto(to: &mut String, text: &str) {
    to.push('"');
    let mut rest = text;
    loop {
        let (plain, from_special) = rest.split_at(plain_length(rest.as_bytes()));
        to.push_str(plain);
        match from_special.as_bytes().first() {
            None => return to.push('"'),
            Some(b'"') => to.push_str("\\\""),
            Some(b'\\') => to.push_str("\\\\"),
            Some(0x08) => to.push_str("\\b"),
            Some(b'\t') => to.push_str("\\t"),
            Some(b'\n') => to.push_str("\\n"),
            Some(0x0c) => to.push_str("\\f"),
            Some(b'\r') => to.push_str("\\r"),
            Some(control) => {
                // Writing to a string cannot fail.
                let _ = write!(to, "\\u{control:04x}");
            }
        }
        rest = from_special.get(1..).unwrap_or_default();
    }
}
