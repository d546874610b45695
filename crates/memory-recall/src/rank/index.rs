//! The words of memories, each with the memories that have it.

use std::collections::HashMap;
use std::fmt;

use memory_log::memory::Memory;
use memory_log::object::Prefix;
use memory_log::timestamp::Timestamp;
use uuid::Uuid;

use crate::words::{LANGUAGES, Stemmers, forms, forms_beside};

/// Most bytes that the words of an index take, as they count below. 256 MiB of notes, the most that
/// is searched, need about 400 MiB. A hostile text of words that occur once needs 30 times its own bytes.
pub const WORDS_BYTES_MAX: usize = 512 * 1024 * 1024;
/// What a new form costs besides its own bytes: its term, its place in the table, and two allocations.
const TERM_BYTES: usize = 150;
/// What a memory costs that has a form, in a list that grows by doubling.
const POSTING_BYTES: usize = 12;

/// The index of some memories. Each has a number, in the order of adding, from 0.
pub struct Index {
    /// The most bytes that its words may take.
    room: usize,
    words_bytes: usize,
    is_whole: bool,
    numbers: HashMap<Box<str>, u32>,
    terms: Vec<Term>,
    docs: Vec<Doc>,
    /// The forms of each memory: in its content, and in its metadata and date.
    lengths: Vec<(u32, u32)>,
    /// The numbers of the memories in the order of their places.
    by_key: Vec<u32>,
    entities: HashMap<Box<str>, u32>,
    prefixes: Vec<Box<str>>,
    stemmers: Stemmers,
}

/// A word, a form of an identifier, or a stem.
struct Term {
    postings: Vec<Posting>,
    /// For each language, the first word that has this term as its stem.
    with_stem: [u32; LANGUAGES],
    /// For each language, the next word that has the same stem as this one.
    next_with_stem: [u32; LANGUAGES],
}

/// The end of a list of words.
const NONE: u32 = u32::MAX;

impl Default for Term {
    fn default() -> Self {
        Self {
            postings: Vec::new(),
            with_stem: [NONE; LANGUAGES],
            next_with_stem: [NONE; LANGUAGES],
        }
    }
}

/// How often a memory has a word.
#[derive(Clone, Copy)]
pub(super) struct Posting {
    pub(super) doc: u32,
    /// In its content. Numbers too great for this are held at its end.
    pub(super) content: u16,
    /// In its metadata and its date.
    pub(super) beside: u16,
}

impl Posting {
    /// Adds what the same memory has of another word.
    pub(super) fn add(&mut self, other: &Self) {
        self.content = self.content.saturating_add(other.content);
        self.beside = self.beside.saturating_add(other.beside);
    }
}

/// A memory of the index.
#[derive(Clone, Copy)]
pub(super) struct Doc {
    pub(super) entity: u32,
    pub(super) timestamp: Timestamp,
    pub(super) memory_id: Uuid,
}

/// A place among the memories of an index: within an entity, the order of places is that of keys.
pub(super) type Place = (u32, Timestamp, Uuid);

impl Doc {
    pub(super) fn place(&self) -> Place {
        (self.entity, self.timestamp, self.memory_id)
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::with_room(WORDS_BYTES_MAX)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("docs", &self.docs.len())
            .field("terms", &self.terms.len())
            .finish()
    }
}

/// Numbers of memories and words. A process that could hold 2^32 of them is not one that this crate runs in.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Index {
    /// An index whose words take at most this many bytes.
    pub(crate) fn with_room(room: usize) -> Self {
        Self {
            room,
            words_bytes: 0,
            is_whole: true,
            numbers: HashMap::new(),
            terms: Vec::new(),
            docs: Vec::new(),
            lengths: Vec::new(),
            by_key: Vec::new(),
            entities: HashMap::new(),
            prefixes: Vec::new(),
            stemmers: Stemmers::default(),
        }
    }

    /// Whether it has all words of its memories. If there was no room for one, no search may use the index.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// What its words take.
    #[must_use]
    pub fn words_bytes(&self) -> usize {
        self.words_bytes
    }

    /// Adds a memory and returns its number.
    pub fn add(&mut self, memory_id: Uuid, memory: &Memory) -> usize {
        let doc = number(self.docs.len());
        let (mut content, mut beside) = (0_u32, 0_u32);
        forms(memory.content(), |form| {
            content = content.saturating_add(1);
            self.count(form, doc, |posting| {
                posting.content = posting.content.saturating_add(1);
            });
        });
        forms_beside(memory, |form| {
            beside = beside.saturating_add(1);
            self.count(form, doc, |posting| {
                posting.beside = posting.beside.saturating_add(1);
            });
        });
        let entity = self.entity(memory);
        let added = Doc {
            entity,
            timestamp: memory.timestamp(),
            memory_id,
        };
        // Memories come nearly in the order of their keys, so that this insertion is at the end or close to it.
        let at = self
            .by_key
            .partition_point(|doc| self.place(*doc) < Some(added.place()));
        self.by_key.insert(at, doc);
        self.docs.push(added);
        self.lengths.push((content, beside));
        self.docs.len() - 1
    }

    /// How many memories it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.docs.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.docs.is_empty()
    }

    /// The numbers of the memories: those of an entity together, in the order of their keys.
    pub(super) fn by_key(&self) -> &[u32] {
        &self.by_key
    }

    pub(super) fn place(&self, doc: u32) -> Option<Place> {
        self.docs.get(doc as usize).map(Doc::place)
    }

    pub(super) fn doc(&self, doc: usize) -> Option<&Doc> {
        self.docs.get(doc)
    }

    /// The forms of a memory: in its content, and beside it.
    pub(super) fn lengths(&self, doc: u32) -> (u32, u32) {
        self.lengths.get(doc as usize).copied().unwrap_or_default()
    }

    pub(super) fn entity_of(&self, prefix: &str) -> Option<u32> {
        self.entities.get(prefix).copied()
    }

    pub(super) fn prefix(&self, entity: u32) -> &str {
        self.prefixes
            .get(entity as usize)
            .map_or("", |prefix| prefix)
    }

    fn entity(&mut self, memory: &Memory) -> u32 {
        let (domain, entity_id) = (memory.domain(), memory.entity_id());
        let prefix = Prefix::Entity { domain, entity_id }.to_string();
        if let Some(known) = self.entity_of(&prefix) {
            return known;
        }
        let entity = number(self.prefixes.len());
        self.prefixes.push(prefix.as_str().into());
        self.entities.insert(prefix.into(), entity);
        entity
    }

    /// Counts a form of the memory that is being added.
    fn count(&mut self, form: &str, doc: u32, add: impl Fn(&mut Posting)) {
        let Some(term) = self.numbered(form) else {
            return;
        };
        if self.term(term).is_none_or(|term| term.postings.is_empty()) {
            self.enter_under_stems(form, term);
        }
        let last = |index: &Self| index.term(term)?.postings.last().map(|last| last.doc);
        if last(self) != Some(doc) && !self.takes(POSTING_BYTES) {
            return;
        }
        let Some(Term { postings, .. }) = self.terms.get_mut(term as usize) else {
            return;
        };
        match postings.last_mut() {
            Some(last) if last.doc == doc => add(last),
            _ => {
                let mut posting = Posting {
                    doc,
                    content: 0,
                    beside: 0,
                };
                add(&mut posting);
                postings.push(posting);
            }
        }
    }

    /// The number of a form; `None` if it is new and there is no room for it.
    fn numbered(&mut self, form: &str) -> Option<u32> {
        if let Some(known) = self.numbers.get(form) {
            return Some(*known);
        }
        if !self.takes(TERM_BYTES + form.len()) {
            return None;
        }
        let term = number(self.terms.len());
        self.numbers.insert(form.into(), term);
        self.terms.push(Term::default());
        Some(term)
    }

    /// Takes this much of the room, if it is there.
    fn takes(&mut self, bytes: usize) -> bool {
        self.is_whole &= self.words_bytes + bytes <= self.room;
        self.words_bytes += if self.is_whole { bytes } else { 0 };
        self.is_whole
    }

    /// Puts a word into the list of each of its stems.
    fn enter_under_stems(&mut self, form: &str, term: u32) {
        let stems = self.stemmers.of(form).into_iter().flatten();
        for (language, stem) in stems.enumerate() {
            let Some(stem) = self.numbered(&stem) else {
                return;
            };
            let first = self
                .terms
                .get_mut(stem as usize)
                .map(|stem| &mut stem.with_stem);
            let first = first.and_then(|first| first.get_mut(language));
            let next = first.map_or(NONE, |first| std::mem::replace(first, term));
            let word = self
                .terms
                .get_mut(term as usize)
                .map(|word| &mut word.next_with_stem);
            if let Some(place) = word.and_then(|word| word.get_mut(language)) {
                *place = next;
            }
        }
    }

    fn term(&self, term: u32) -> Option<&Term> {
        self.terms.get(term as usize)
    }

    /// The memories that have a form.
    pub(super) fn postings(&self, form: &str) -> &[Posting] {
        let term = self.numbers.get(form).and_then(|term| self.term(*term));
        term.map_or(&[], |term| &term.postings)
    }

    /// The postings of each word with a stem.
    pub(super) fn with_stem(
        &self,
        language: usize,
        stem: &str,
    ) -> impl Iterator<Item = &[Posting]> {
        let first = self
            .numbers
            .get(stem)
            .and_then(|stem| self.term(*stem)?.with_stem.get(language));
        let next = move |word: &u32| self.term(*word)?.next_with_stem.get(language).copied();
        let words = std::iter::successors(first.copied(), next).take_while(|word| *word != NONE);
        words.filter_map(|word| Some(self.term(word)?.postings.as_slice()))
    }
}
