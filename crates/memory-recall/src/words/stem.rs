//! Snowball's stems of a word, in the two languages of the memories.

use frostem::{Algorithm, Stemmer};

/// How many languages there are: each word has so many stems.
pub const LANGUAGES: usize = 2;

/// The stemmers of English and Indonesian.
#[derive(Clone, Copy)]
pub struct Stemmers([Stemmer; LANGUAGES]);

impl Default for Stemmers {
    fn default() -> Self {
        Self([Algorithm::English, Algorithm::Indonesian].map(Stemmer::new))
    }
}

impl std::fmt::Debug for Stemmers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stemmers")
    }
}

impl Stemmers {
    /// The stems of a folded word, one of each language; `None` for what is not a word of letters alone.
    #[must_use]
    pub fn of(&self, word: &str) -> Option<[String; LANGUAGES]> {
        let is_of_letters = word.chars().all(|c| c.is_alphabetic() || c == '\'');
        let stem = |stemmer: Stemmer| stemmer.stem(word).into_owned();
        is_of_letters.then(|| self.0.map(stem))
    }
}
