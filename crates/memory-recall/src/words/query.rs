//! What is asked for: the words of a query that count, each with the forms in which a memory may have it.

use std::collections::HashSet;

use super::identifier::{parts, segments, trimmed};
use super::{folded, normal, stop, written};

/// Longest query, in bytes.
pub const QUERY_BYTES_MAX: usize = 1_000;
/// Most distinct words of a query: each costs a pass over the memories that have it.
pub const QUERY_WORDS_MAX: usize = 64;

/// The words that a memory is searched for. One of them is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
}

/// One word of a query. `written` is how the query spells it; all else is folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// A word that has no parts.
    Plain {
        /// As the query has it.
        written: String,
        /// As memories are indexed.
        folded: String,
    },
    /// An identifier.
    Identifier {
        /// As the query has it.
        written: String,
        /// Its whole form.
        whole: String,
        /// Its segments, where it has several.
        segments: Vec<String>,
        /// Its parts, for memories that have neither.
        parts: Vec<String>,
    },
}

/// Why a text is not a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryError {
    /// It has nothing but white space.
    Blank,
    /// It is longer than [`QUERY_BYTES_MAX`].
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It has more distinct words than [`QUERY_WORDS_MAX`].
    TooManyWords {
        /// Their number, without stop words.
        words: usize,
    },
}

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blank => f.write_str("the query is blank"),
            Self::TooLong { bytes } => {
                write!(
                    f,
                    "the query has {bytes} bytes, and at most {QUERY_BYTES_MAX} are allowed"
                )
            }
            Self::TooManyWords { words } => {
                write!(
                    f,
                    "the query has {words} different words, and at most {QUERY_WORDS_MAX} are allowed"
                )
            }
        }
    }
}

impl std::error::Error for QueryError {}

impl Query {
    /// Reads a query. A text without any word, such as `???`, is a query that finds nothing.
    ///
    /// # Errors
    /// [`QueryError`] if it is blank, too long or has too many words.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Self::with(text, stop::leave)
    }

    /// The same query with its stop words, to measure what they cost.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub fn parse_with_stop_words(text: &str) -> Result<Self, QueryError> {
        Self::with(text, |_| {})
    }

    fn with(text: &str, leave: fn(&mut Vec<&str>)) -> Result<Self, QueryError> {
        if text.chars().all(char::is_whitespace) {
            return Err(QueryError::Blank);
        }
        if text.len() > QUERY_BYTES_MAX {
            return Err(QueryError::TooLong { bytes: text.len() });
        }
        let normal = normal(text);
        let mut words: Vec<_> = written(&normal).map(|word| word.text).collect();
        leave(&mut words);
        let mut known = HashSet::new();
        let words = words
            .into_iter()
            .filter_map(|written| Word::of(written, leave));
        let words: Vec<_> = words
            .filter(|word| known.insert(word.folded().to_owned()))
            .collect();
        if words.len() > QUERY_WORDS_MAX {
            return Err(QueryError::TooManyWords { words: words.len() });
        }
        Ok(Self { words })
    }

    /// Its distinct words, in their order.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }
}

impl Word {
    /// The word as the query has it.
    #[must_use]
    pub fn written(&self) -> &str {
        match self {
            Self::Plain { written, .. } | Self::Identifier { written, .. } => written,
        }
    }

    /// The folded word, by which two are the same.
    #[must_use]
    pub fn folded(&self) -> &str {
        match self {
            Self::Plain { folded, .. } => folded,
            Self::Identifier { whole, .. } => whole,
        }
    }

    /// `None` for what is too long for any memory to have it.
    fn of(written: &str, leave: fn(&mut Vec<&str>)) -> Option<Self> {
        let segments = || segments(written);
        let mut parts: Vec<_> = segments().flat_map(parts).collect();
        let (whole, written) = (trimmed(written), written.to_owned());
        let folded = folded(whole)?;
        if parts.len() < 2 {
            return Some(Self::Plain { written, folded });
        }
        leave(&mut parts);
        Some(Self::Identifier {
            segments: distinct(segments().filter(|segment| *segment != whole)),
            parts: distinct(parts.into_iter()),
            whole: folded,
            written,
        })
    }
}

/// Folded texts, each once, in the order of their first.
fn distinct<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut known = HashSet::new();
    texts
        .filter_map(folded)
        .filter(|text| known.insert(text.clone()))
        .collect()
}
