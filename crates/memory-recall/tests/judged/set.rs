//! The judged queries, and how well a ranking answers them.

use memory_log::fault::Violations;
use memory_log::json::Json;
use memory_log::memory::{Draft, Memory};
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use memory_recall::rank::{Index, Weights, search_with};
use memory_recall::words::Query;
use serde_json::Value;

/// The memories and the queries of this folder.
pub(crate) struct Judged {
    memories: Vec<Memory>,
    queries: Vec<Value>,
}

/// How a query is answered.
pub(crate) struct Setup {
    pub(crate) weights: Weights,
    pub(crate) with_stop_words: bool,
    /// The third of the queries that nothing is tuned with, or the others.
    pub(crate) held_out: bool,
}

/// Shares of the queries: of those with an answer at the top and among the first five; and the mean of 1 ÷ the rank of
/// the first answer.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    pub(crate) queries: usize,
    pub(crate) first: f64,
    pub(crate) five: f64,
    pub(crate) reciprocal: f64,
}

fn memory(line: &str) -> Memory {
    let json = Json::parse(line.as_bytes()).unwrap();
    let draft = Draft::of_fields(json.root(), Violations::default());
    Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap()
}

impl Judged {
    pub(crate) fn read() -> Self {
        Self {
            memories: include_str!("memories.jsonl").lines().map(memory).collect(),
            queries: include_str!("queries.jsonl")
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        }
    }

    /// Answers each query of a setting over the memories of that setting.
    pub(crate) fn measure(&self, setup: &Setup, setting: &str) -> Measures {
        let mut measures = Measures::default();
        for rank in self.ranks(setup, setting) {
            measures.queries += 1;
            measures.first += f64::from(u8::from(rank == Some(1)));
            measures.five += f64::from(u8::from(rank.is_some_and(|rank| rank <= 5)));
            measures.reciprocal += rank.map_or(0.0, |rank| 1.0 / rank as f64);
        }
        let queries = measures.queries as f64;
        for sum in [
            &mut measures.first,
            &mut measures.five,
            &mut measures.reciprocal,
        ] {
            *sum /= queries;
        }
        measures
    }

    /// The rank of the first memory that answers, for each query.
    fn ranks(&self, setup: &Setup, setting: &str) -> Vec<Option<usize>> {
        let mut index = Index::default();
        for memory in &self.memories {
            index.add(Object::of(memory).memory_id, memory);
        }
        let is_of_setting = |doc: usize| {
            (self.memories[doc].domain() == "conversation") == (setting == "conversation")
        };
        let sets = [index.candidates(is_of_setting)];
        let queries = self
            .queries
            .iter()
            .filter(|query| query["setting"] == setting && query["held_out"] == setup.held_out);
        let ranked = queries.map(|query| {
            let text = query["query"].as_str().unwrap();
            let parsed = if setup.with_stop_words {
                Query::parse_with_stop_words(text)
            } else {
                Query::parse(text)
            };
            let ranked = search_with(&setup.weights, &sets, &parsed.unwrap(), usize::MAX);
            let answers = |doc: usize| {
                let mut relevant = query["relevant"].as_array().unwrap().iter();
                relevant.any(|one| one["memory"] == doc + 1 && one["grade"] == 2)
            };
            let place = ranked.hits.iter().position(|hit| answers(hit.doc));
            place.map(|place| place + 1)
        });
        ranked.collect()
    }
}
