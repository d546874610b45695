//! Each rule of ranking, by example.

use memory_log::fault::Violations;
use memory_log::json::{Json, spell};
use memory_log::memory::{Draft, Memory};
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;

use super::*;

/// A memory of an entity, so many seconds after midnight of 2026-01-19.
pub(super) fn memory(entity_id: &str, seconds: u64, content: &str) -> Memory {
    with_metadata(entity_id, seconds, content, "{}")
}

pub(super) fn with_metadata(
    entity_id: &str,
    seconds: u64,
    content: &str,
    metadata: &str,
) -> Memory {
    let time = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    let text = format!(
        r#"{{"domain":"work","entity_id":"{entity_id}","content":{},"timestamp":"2026-01-19T{time}Z","metadata":{metadata}}}"#,
        spell(content)
    );
    let json = Json::parse(text.as_bytes()).unwrap();
    let draft = Draft::of_fields(json.root(), Violations::default());
    Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap()
}

pub(super) fn index<'m>(memories: impl IntoIterator<Item = &'m Memory>) -> Index {
    let mut index = Index::default();
    for memory in memories {
        index.add(Object::of(memory).memory_id, memory);
    }
    index
}

/// Memories of one entity, an hour apart, so that none is another's neighbour.
fn apart(contents: &[&str]) -> Index {
    let numbered = contents.iter().zip(0..);
    let memories: Vec<_> = numbered
        .map(|(content, hour)| memory("rob", hour * 3600, content))
        .collect();
    index(&memories)
}

fn ranked(index: &Index, query: &str) -> Ranked {
    let query = Query::parse(query).unwrap();
    search(&[index.candidates(|_| true)], &query, 50)
}

/// The numbers of the memories that are found, best first.
fn found(index: &Index, query: &str) -> Vec<usize> {
    ranked(index, query)
        .hits
        .iter()
        .map(|hit| hit.doc)
        .collect()
}

#[test]
fn one_word_of_the_query_is_enough_and_more_words_are_better() {
    let index = apart(&["tax rate", "the rate", "nothing"]);
    assert_eq!(found(&index, "tax rate"), [0, 1]);
    assert_eq!(
        ranked(&index, "tax unknown Rate").unmatched_terms,
        ["unknown"]
    );
    let ranked = ranked(&index, "???");
    assert_eq!(
        (ranked.hits.len(), ranked.matches, ranked.searched),
        (0, 0, 3)
    );
}
