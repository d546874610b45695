//! Equal inputs give equal bytes: whatever the order of adding, the cut into sets, and what else an index has.

use std::collections::BTreeMap;

use memory_log::memory::Memory;
use memory_log::object::Object;
use proptest::prelude::*;

use super::tests::{index, with_metadata};
use super::*;

const WORDS: [&str; 12] = [
    "tax",
    "taxes",
    "round",
    "rounding",
    "bulat",
    "pembulatan",
    "src/http.rs",
    "http.rs",
    "getUserById",
    "user",
    "not",
    "January",
];

fn text() -> impl Strategy<Value = String> {
    let words = proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 1..6);
    words.prop_map(|words| words.join(" "))
}

/// Memories of two entities at few instants, so that many are neighbours and some have one timestamp.
fn memories() -> impl Strategy<Value = Vec<Memory>> {
    let one = (
        text(),
        proptest::sample::select(vec!["rob", "rob2"]),
        0..12_u64,
        text(),
    );
    proptest::collection::vec(one, 1..24).prop_map(|all| {
        let made = all.into_iter().map(|(content, entity, minutes, tag)| {
            let memory = with_metadata(
                entity,
                minutes * 150,
                &content,
                &format!(r#"{{"tags":["{tag}"]}}"#),
            );
            (Object::of(&memory).key, memory)
        });
        // Equal memories are one memory.
        made.collect::<BTreeMap<_, _>>().into_values().collect()
    })
}

/// An answer to the byte: each hit's key and the bits of its score, and everything that was counted.
#[derive(Debug, PartialEq)]
struct Answer {
    hits: Vec<(String, u64)>,
    matches: usize,
    searched: usize,
    unmatched_terms: Vec<String>,
}

/// Answers from sets of candidates; `held` are the memories of each index in the order of its numbers.
fn answer(sets: &[Candidates<'_>], held: &[Vec<&Memory>], query: &str, limit: usize) -> Answer {
    let ranked = search(sets, &Query::parse(query).unwrap(), limit);
    let hits = ranked.hits.iter().map(|hit| {
        let key = Object::of(held[hit.set][hit.doc]).key;
        (key, hit.score.to_bits())
    });
    Answer {
        hits: hits.collect(),
        matches: ranked.matches,
        searched: ranked.searched,
        unmatched_terms: ranked.unmatched_terms,
    }
}

/// Answers from one index of these memories, all candidates.
fn whole(memories: &[&Memory], query: &str, limit: usize) -> Answer {
    let index = index(memories.iter().copied());
    answer(
        &[index.candidates(|_| true)],
        &[memories.to_vec()],
        query,
        limit,
    )
}

/// An order of so many things, from a number.
fn shuffled<T>(mut things: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed | 1;
    for at in (1..things.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        things.swap(at, (state >> 33) as usize % (at + 1));
    }
    things
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_order_of_adding_changes_nothing(memories in memories(), query in text(), limit in 1..30_usize, seed in any::<u64>()) {
        let in_order: Vec<_> = memories.iter().collect();
        let expected = whole(&in_order, &query, limit);
        prop_assert_eq!(whole(&shuffled(in_order, seed), &query, limit), expected);
    }

    #[test]
    fn the_cut_into_base_and_tail_changes_nothing(
        memories in memories(), query in text(), limit in 1..30_usize, cuts in any::<u64>(), seed in any::<u64>(),
    ) {
        let in_order: Vec<_> = memories.iter().collect();
        let expected = whole(&in_order, &query, limit);
        let mut held = vec![Vec::new(); 3];
        for (at, memory) in shuffled(in_order, seed).into_iter().enumerate() {
            held[(cuts >> (2 * (at % 32)) & 3) as usize % 3].push(memory);
        }
        let indices: Vec<_> = held.iter().map(|held| index(held.iter().copied())).collect();
        let sets: Vec<_> = indices.iter().map(|index| index.candidates(|_| true)).collect();
        prop_assert_eq!(answer(&sets, &held, &query, limit), expected);
    }

    #[test]
    fn a_memory_that_is_not_a_candidate_changes_nothing(
        memories in memories(), query in text(), limit in 1..30_usize, mask in any::<u64>(), cut in 0..24_usize,
    ) {
        let is_candidate = |at: usize| mask >> (at % 64) & 1 == 1;
        let of = |numbers: &[usize]| numbers.iter().map(|at| &memories[*at]).collect::<Vec<_>>();
        let (base, tail): (Vec<_>, Vec<_>) = (0..memories.len()).partition(|at| *at < cut);
        let kept: Vec<_> = (0..memories.len()).filter(|at| is_candidate(*at)).collect();
        let expected = whole(&of(&kept), &query, limit);
        let held = [of(&base), of(&tail)];
        let indices = [index(held[0].iter().copied()), index(held[1].iter().copied())];
        let sets = [
            indices[0].candidates(|doc| is_candidate(base[doc])),
            indices[1].candidates(|doc| is_candidate(tail[doc])),
        ];
        prop_assert_eq!(answer(&sets, &held, &query, limit), expected);
    }

    #[test]
    fn the_best_are_the_first_of_all_by_score_then_age_then_key(memories in memories(), query in text(), limit in 1..30_usize) {
        let in_order: Vec<_> = memories.iter().collect();
        let all = whole(&in_order, &query, usize::MAX);
        let some = whole(&in_order, &query, limit);
        prop_assert_eq!(&some.hits[..], &all.hits[..limit.min(all.hits.len())]);
        prop_assert_eq!(all.hits.len(), all.matches);
        let timestamp = |key: &str| memories.iter().find(|memory| Object::of(memory).key == key).unwrap().timestamp();
        for pair in all.hits.windows(2) {
            let of = |(key, score): &(String, u64)| (std::cmp::Reverse((*score, timestamp(key))), key.clone());
            prop_assert!(of(&pair[0]) < of(&pair[1]));
        }
    }

    #[test]
    fn a_passage_has_exactly_as_many_characters_as_asked_for_and_cuts_none(
        words in proptest::collection::vec("[a-c\u{e9}\u{1f9fe}\u{6771}]{1,6}", 0..60), query in "[a-c]{1,3} [a-c]{1,2}", characters in 1..80_usize,
    ) {
        let text = words.join(" ");
        let found = passage(&text, &Query::parse(&query).unwrap(), characters);
        prop_assert!(text.contains(found));
        prop_assert_eq!(found.chars().count(), characters.min(text.chars().count()));
    }
}
