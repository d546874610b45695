//! tantivy as the oracle of the ranking: fed with the same words, it must give the same scores.
//!
//! tantivy's k1 and b are constants, and its lengths above 40 words are rounded to one byte, so the memories here are
//! short and the weights are tantivy's. What tantivy does not know, which is neighbours, is switched off.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use memory_log::fault::Violations;
use memory_log::json::{Json, spell};
use memory_log::memory::{Draft, Memory};
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use memory_recall::rank::{Index, Weights, search_with};
use memory_recall::words::{Query, Stemmers, Word, forms, forms_beside};
use proptest::prelude::*;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{TantivyDocument, Term};

/// tantivy's constants; and metadata counts as much as content, because it lies in the same field there.
const WEIGHTS: Weights = Weights {
    k1: 1.2,
    b: 0.75,
    beside: 1.0,
    neighbour: 0.0,
    ..Weights::CHOSEN
};

/// tantivy calculates in `f32`.
const TOLERANCE: f64 = 1e-4;

/// Up to this length, tantivy's lengths are exact.
const EXACT_LENGTH_MAX: usize = 40;

fn memory(content: &str, tag: &str, hour: usize) -> Memory {
    let text = format!(
        r#"{{"domain":"work","entity_id":"rob","content":{},"timestamp":"2026-01-19T{hour:02}:00:00Z","metadata":{{"tags":[{}]}}}}"#,
        spell(content),
        spell(tag)
    );
    let json = Json::parse(text.as_bytes()).unwrap();
    let draft = Draft::of_fields(json.root(), Violations::default());
    Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap()
}

/// An index of tantivy with three fields of one length each: the words, and their stems in each language.
struct Oracle {
    index: tantivy::Index,
    words: Field,
    stems: [Field; 2],
    stemmers: Stemmers,
}

impl Oracle {
    fn of(memories: &[Memory]) -> Self {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs);
        let options = TextOptions::default().set_indexing_options(indexing);
        let words = schema.add_text_field("words", options.clone());
        let stems =
            ["english", "indonesian"].map(|name| schema.add_text_field(name, options.clone()));
        let index = tantivy::Index::create_in_ram(schema.build());
        let oracle = Self {
            index,
            words,
            stems,
            stemmers: Stemmers::default(),
        };
        let mut writer = oracle
            .index
            .writer_with_num_threads::<TantivyDocument>(1, 15_000_000)
            .unwrap();
        for memory in memories {
            writer.add_document(oracle.document(memory)).unwrap();
        }
        writer.commit().unwrap();
        oracle
    }

    fn document(&self, memory: &Memory) -> TantivyDocument {
        let mut all = Vec::new();
        forms(memory.content(), |form| all.push(form.to_owned()));
        forms_beside(memory, |form| all.push(form.to_owned()));
        assert!(all.len() <= EXACT_LENGTH_MAX, "{} forms", all.len());
        let mut document = TantivyDocument::new();
        document.add_pre_tokenized_text(self.words, tokens(&all));
        for (language, field) in self.stems.into_iter().enumerate() {
            // What has no stem takes its place, so that the field has the same length.
            let stem = |form: &String| {
                self.stemmers
                    .of(form)
                    .map_or("-".to_owned(), |stems| stems[language].clone())
            };
            document
                .add_pre_tokenized_text(field, tokens(&all.iter().map(stem).collect::<Vec<_>>()));
        }
        document
    }

    fn term(&self, field: Field, text: &str) -> Box<dyn tantivy::query::Query> {
        let term = Term::from_field_text(field, text);
        Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
    }

    /// The best of a word and its stems.
    fn variants(&self, word: &str) -> Box<dyn tantivy::query::Query> {
        let mut variants = vec![self.term(self.words, word)];
        for (field, stem) in self
            .stems
            .into_iter()
            .zip(self.stemmers.of(word).into_iter().flatten())
        {
            variants.push(boosted(self.term(field, &stem), WEIGHTS.stem));
        }
        Box::new(DisjunctionMaxQuery::new(variants))
    }

    fn query(&self, query: &Query) -> Box<dyn tantivy::query::Query> {
        let words = query.words().iter().map(|word| match word {
            Word::Plain { folded, .. } => self.variants(folded),
            Word::Identifier {
                whole,
                segments,
                parts,
                ..
            } => {
                let parts: Vec<_> = parts.iter().map(|part| self.variants(part)).collect();
                let all_parts = || -> Box<dyn tantivy::query::Query> {
                    Box::new(BooleanQuery::union(
                        parts.iter().map(|part| part.box_clone()).collect(),
                    ))
                };
                // The parts at their full weight where the whole is.
                let of_whole = vec![
                    (Occur::Must, boosted(self.term(self.words, whole), 0.0)),
                    (Occur::Should, all_parts()),
                ];
                let mut best: Vec<_> = segments
                    .iter()
                    .map(|segment| self.term(self.words, segment))
                    .collect();
                best.push(self.term(self.words, whole));
                best.push(Box::new(BooleanQuery::new(of_whole)));
                best.push(boosted(all_parts(), WEIGHTS.parts));
                Box::new(DisjunctionMaxQuery::new(best))
            }
        });
        Box::new(BooleanQuery::union(words.collect()))
    }

    /// The score of each memory that is found, best first.
    fn search(&self, query: &Query) -> Vec<(usize, f64)> {
        let searcher = self.index.reader().unwrap().searcher();
        assert_eq!(searcher.segment_readers().len(), 1);
        let limit = TopDocs::with_limit(1_000).order_by_score();
        let found = searcher.search(&*self.query(query), &limit).unwrap();
        found
            .into_iter()
            .map(|(score, at)| (at.doc_id as usize, f64::from(score)))
            .collect()
    }
}

fn boosted(query: Box<dyn tantivy::query::Query>, weight: f64) -> Box<dyn tantivy::query::Query> {
    Box::new(BoostQuery::new(query, weight as f32))
}

fn tokens(words: &[String]) -> PreTokenizedString {
    let token = |(position, text): (usize, &String)| Token {
        position,
        text: text.clone(),
        ..Token::default()
    };
    PreTokenizedString {
        text: String::new(),
        tokens: words.iter().enumerate().map(token).collect(),
    }
}

/// Our scores are the oracle's, so that the order is the same wherever two scores differ by more than the tolerance.
fn agree(memories: &[Memory], query: &str) {
    let query = Query::parse(query).unwrap();
    let mut index = Index::default();
    for memory in memories {
        index.add(Object::of(memory).memory_id, memory);
    }
    let ranked = search_with(&WEIGHTS, &[index.candidates(|_| true)], &query, usize::MAX);
    let expected = Oracle::of(memories).search(&query);
    assert_eq!(ranked.matches, expected.len(), "{query:?}");
    let score_of = |doc| {
        expected
            .iter()
            .find(|(other, _)| *other == doc)
            .map(|(_, score)| *score)
    };
    for hit in &ranked.hits {
        let score = score_of(hit.doc).unwrap();
        assert!(
            (hit.score - score).abs() <= TOLERANCE * score,
            "{query:?}: {hit:?}, expected {score}"
        );
    }
    for (hit, next) in ranked
        .hits
        .iter()
        .zip(&ranked.hits[1.min(ranked.hits.len())..])
    {
        let (score, after) = (score_of(hit.doc).unwrap(), score_of(next.doc).unwrap());
        assert!(
            score >= after * (1.0 - TOLERANCE),
            "{query:?}: {hit:?} before {next:?}"
        );
    }
}

/// Words that share stems in one language or the other, identifiers that share segments and parts.
const VOCABULARY: [&str; 24] = [
    "round",
    "rounded",
    "rounding",
    "bulat",
    "pembulatan",
    "membulatkan",
    "dibulatkan",
    "tax",
    "taxes",
    "rate",
    "simpan",
    "disimpan",
    "penyimpanan",
    "src/http.rs",
    "src/main.rs",
    "http.rs",
    "getUserById",
    "user",
    "PHP_ROUND_HALF_UP",
    "PHP_ROUND_DOWN",
    "E0277",
    "v1.2.3",
    "2026-01-19",
    "half",
];

fn text(words: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(VOCABULARY.to_vec()), words)
        .prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scores_are_those_of_tantivy_over_the_same_words(
        contents in proptest::collection::vec((text(1..5), text(1..2)), 1..24), query in text(1..5),
    ) {
        let numbered = contents.iter().enumerate();
        let memories: Vec<_> = numbered.map(|(hour, (content, tag))| memory(content, tag, hour)).collect();
        agree(&memories, &query);
    }
}
