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
}

#[test]
fn a_query_without_words_finds_nothing_and_says_what_was_searched() {
    let nothing = ranked(&apart(&["tax", "rate"]), "???");
    assert_eq!(
        (nothing.hits, nothing.matches, nothing.searched),
        (Vec::new(), 0, 2)
    );
}

#[test]
fn a_rare_word_counts_more_than_a_frequent_one() {
    let index = apart(&["rate one", "rate two", "rate three", "tax four"]);
    assert_eq!(found(&index, "rate tax")[0], 3);
}

#[test]
fn a_short_memory_is_better_than_a_long_one_with_the_same_word() {
    let index = apart(&["tax and a long story about many other things", "tax story"]);
    assert_eq!(found(&index, "tax"), [1, 0]);
}

#[test]
fn the_score_is_bm25_with_k1_of_0_9_and_b_of_0_4() {
    // Two memories, one with the word: ln(1 + 1.5 / 1.5) · 2 · 1.9 / (2 + 0.9 · (0.6 + 0.4 · 2 / 1.5)).
    let score = |weights: &Weights| {
        let index = apart(&["tax tax", "x"]);
        let query = Query::parse("tax").unwrap();
        search_with(weights, &[index.candidates(|_| true)], &query, 1).hits[0].score
    };
    let content_alone = Weights {
        beside: 0.0,
        ..Weights::CHOSEN
    };
    let expected = 2.0_f64.ln() * 3.8 / (2.0 + 0.9 * (0.6 + 0.4 * 2.0 / 1.5));
    assert!(
        (score(&content_alone) - expected).abs() < 1e-12,
        "{}",
        score(&content_alone)
    );
}

#[test]
fn a_word_in_content_counts_more_than_one_in_tags_type_source_or_other_metadata() {
    for metadata in [
        r#"{"tags":["tax"]}"#,
        r#"{"memory_type":"tax"}"#,
        r#"{"source":"tax"}"#,
        r#"{"more":{"who":["Tax"]}}"#,
    ] {
        let index = index(&[
            with_metadata("rob", 0, "filler", metadata),
            with_metadata("rob", 7200, "tax", r#"{"more":"filler"}"#),
            memory("rob", 14_400, "nothing"),
        ]);
        assert_eq!(found(&index, "tax"), [1, 0], "{metadata}");
    }
}

#[test]
fn a_memory_is_found_by_its_date_in_both_languages() {
    let index = index(&[memory("rob", 0, "one"), memory("rob", 7200, "two")]);
    for query in [
        "2026-01-19",
        "January 2026",
        "Januari 2026",
        "19 january",
        "2026",
    ] {
        assert_eq!(found(&index, query), [1, 0], "{query}");
    }
    for query in ["2026-01-18", "2025-01-20", "February", "Maret"] {
        let unmatched = ranked(&index, query).unmatched_terms;
        let is_whole = unmatched == [query] || query.contains('-');
        assert!(is_whole, "{query}: {unmatched:?}");
    }
    // The parts of another date are words of this one, but its whole form counts more.
    let whole = ranked(&index, "2026-01-19").hits[0].score;
    assert!(ranked(&index, "2026-01-18").hits[0].score < whole);
}

#[test]
fn an_exact_word_counts_more_than_one_with_its_stem_and_both_are_found() {
    let english = apart(&["rounded values", "rounding values", "values"]);
    assert_eq!(found(&english, "rounding"), [1, 0]);
    let indonesian = apart(&["dibulatkan ke bawah", "pembulatan ke bawah", "ke bawah"]);
    assert_eq!(found(&indonesian, "pembulatan"), [1, 0]);
    assert_eq!(found(&indonesian, "membulatkan"), [1, 0]);
}

#[test]
fn a_word_counts_by_its_best_variant_and_never_by_their_sum() {
    // "bulat" is itself in both languages; a sum would count it two or three times.
    let alone = ranked(&apart(&["bulat", "x"]), "bulat").hits[0].score;
    let with_stems = ranked(&apart(&["bulat", "x"]), "bulat pembulatan").hits[0].score;
    assert!(with_stems < 2.0 * alone);
    let weights = Weights {
        stem: 0.0,
        ..Weights::CHOSEN
    };
    let index = apart(&["bulat", "x"]);
    let query = Query::parse("bulat").unwrap();
    let exact = search_with(&weights, &[index.candidates(|_| true)], &query, 1);
    assert_eq!(exact.hits[0].score.to_bits(), alone.to_bits());
}

#[test]
fn an_identifier_is_found_whole_by_a_segment_and_by_its_parts() {
    let index = apart(&[
        "see src/http.rs for that",
        "see http.rs for that",
        "src and http and rs for that",
        "see nothing for that",
    ]);
    assert_eq!(found(&index, "src/http.rs")[0], 0);
    assert_eq!(found(&index, "src/http.rs").len(), 3);
    assert_eq!(found(&index, "http.rs"), [1, 0, 2]);
    assert_eq!(found(&index, "http").len(), 3);
    let index = apart(&[
        "PHP_ROUND_HALF_UP",
        "php round half up",
        "PHP_ROUND_DOWN",
        "UP",
    ]);
    assert_eq!(found(&index, "PHP_ROUND_HALF_UP")[0], 0);
    assert_eq!(
        found(&index, "php_round_half_up"),
        found(&index, "PHP_ROUND_HALF_UP")
    );
    let index = apart(&["calls getUserById here", "the user by id", "E0277", "E0278"]);
    assert_eq!(found(&index, "getUserById"), [0, 1]);
    assert_eq!(found(&index, "E0277"), [2]);
}

#[test]
fn the_parts_of_an_identifier_never_count_beside_its_whole_form() {
    let index = apart(&["getUserById", "x"]);
    let whole = ranked(&index, "getUserById").hits[0].score;
    // All its forms have one rarity, so that its three parts that are no stop words are its best variant.
    let part = ranked(&index, "user").hits[0].score;
    assert!((whole - 3.0 * part).abs() < 1e-12, "{whole} {part}");
}

const MINUTE: u64 = 60;

fn scores(memories: &[Memory], query: &str) -> Vec<f64> {
    let index = index(memories);
    let hits = ranked(&index, query).hits;
    let score = |doc| {
        hits.iter()
            .find(|hit| hit.doc == doc)
            .map_or(0.0, |hit| hit.score)
    };
    (0..memories.len()).map(score).collect()
}

#[test]
fn a_memory_gains_three_tenths_of_the_scores_before_and_after_it_within_five_minutes_inclusive() {
    let apart = |gap| {
        let contents = ["tax one", "tax two", "tax six"];
        let times = [0, gap, 2 * gap];
        let memories = contents
            .iter()
            .zip(times)
            .map(|(content, at)| memory("rob", at, content));
        scores(&memories.collect::<Vec<_>>(), "tax")
    };
    let alone = apart(5 * MINUTE + 1);
    assert_eq!(alone[0], alone[1]);
    let close = apart(5 * MINUTE);
    let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
    assert!(
        near(close[0], 1.3 * alone[0])
            && near(close[1], 1.6 * alone[0])
            && near(close[2], close[0])
    );
}

#[test]
fn a_weak_memory_between_two_good_ones_can_be_the_best_of_all() {
    let long = format!("tax {}", "x ".repeat(70));
    let memories = [
        memory("rob", 0, "tax"),
        memory("rob", 60, &long),
        memory("rob", 120, "tax"),
    ];
    let index = index(&memories);
    let query = Query::parse("tax").unwrap();
    let best =
        |weights: &Weights| search_with(weights, &[index.candidates(|_| true)], &query, 1).hits[0];
    let alone = best(&Weights {
        neighbour: 0.0,
        ..Weights::CHOSEN
    });
    assert_ne!(alone.doc, 1);
    assert_eq!(best(&Weights::CHOSEN).doc, 1);
}

#[test]
fn a_neighbour_gives_its_own_score_and_not_what_it_gained() {
    let memories = [
        memory("rob", 0, "x tax"),
        memory("rob", 60, "tax y"),
        memory("rob", 120, "z a"),
    ];
    let scores = scores(&memories, "tax");
    assert_eq!(scores[0], scores[1]);
}

#[test]
fn a_memory_without_a_score_of_its_own_is_found_by_no_neighbour() {
    let memories = [
        memory("rob", 0, "tax?"),
        memory("rob", 60, "eleven percent"),
        memory("rob", 120, "tax!"),
    ];
    let index = index(&memories);
    let ranked = ranked(&index, "tax");
    assert_eq!((ranked.hits.len(), ranked.matches), (2, 2));
    // The memory between them keeps them apart.
    assert_eq!(
        ranked.hits[0].score,
        scores(&memories[..1], "tax")[0].max(ranked.hits[1].score)
    );
}

#[test]
fn neighbours_are_of_one_entity_and_of_the_candidates_alone() {
    let tax = |entity, at| memory(entity, at, "tax");
    let alone = scores(&[tax("rob", 0), tax("eve", 7200)], "tax")[0];
    assert_eq!(
        scores(&[tax("rob", 0), tax("eve", 60)], "tax")[0],
        alone,
        "two entities"
    );
    let memories = [
        tax("rob", 0),
        memory("rob", 60, "between"),
        tax("rob", 120),
        tax("rob", 7200),
    ];
    let index = index(&memories);
    let query = Query::parse("tax").unwrap();
    let with =
        |is_candidate: fn(usize) -> bool| search(&[index.candidates(is_candidate)], &query, 9).hits;
    assert_eq!(
        with(|_| true)[0].score,
        with(|_| true)[1].score,
        "one is between them"
    );
    assert_eq!(
        with(|doc| doc != 1)[0].doc,
        2,
        "it is gone, and they are neighbours"
    );
}

#[test]
fn ties_go_to_the_newer_and_then_to_the_smaller_key() {
    let index = apart(&["tax", "tax", "tax"]);
    assert_eq!(found(&index, "tax"), [2, 1, 0]);
    let memories = ["b", "c", "a"].map(|entity| memory(entity, 0, "tax"));
    assert_eq!(found(&super::tests::index(&memories), "tax"), [2, 0, 1]);
    let contents = ["tax a", "tax b", "tax c", "tax d"].map(|content| memory("rob", 0, content));
    let weights = Weights {
        neighbour: 0.0,
        ..Weights::CHOSEN
    };
    let index = super::tests::index(&contents);
    let query = Query::parse("tax").unwrap();
    let hits = search_with(&weights, &[index.candidates(|_| true)], &query, 9).hits;
    let keys: Vec<_> = hits
        .iter()
        .map(|hit| Object::of(&contents[hit.doc]).key)
        .collect();
    assert!(keys.is_sorted() && keys.len() == 4, "{keys:?}");
}

#[test]
fn statistics_are_over_the_candidates_of_all_sets_together() {
    let (rob, eve) = (
        apart(&["tax rate", "tax", "secret"]),
        apart(&["tax", "rate rate"]),
    );
    let query = Query::parse("tax secret nowhere").unwrap();
    let sets = [rob.candidates(|doc| doc != 2), eve.candidates(|_| true)];
    let ranked = search(&sets, &query, 1);
    assert_eq!(
        (ranked.hits.len(), ranked.matches, ranked.searched),
        (1, 3, 4)
    );
    assert_eq!(ranked.unmatched_terms, ["secret", "nowhere"]);
}

#[test]
fn unmatched_terms_are_spelled_as_in_the_query_and_have_no_stop_words() {
    let index = apart(&["tax"]);
    let unmatched = |query| ranked(&index, query).unmatched_terms;
    assert_eq!(
        unmatched("What is the Pembulatan of src/Http.rs"),
        ["Pembulatan", "src/Http.rs"]
    );
    assert_eq!(unmatched("taxes"), [""; 0], "the stem is there");
}

#[test]
fn a_limit_keeps_the_best_and_counts_all() {
    let contents: Vec<_> = (0..20).map(|n| format!("tax {}", "x ".repeat(n))).collect();
    let index = apart(&contents.iter().map(String::as_str).collect::<Vec<_>>());
    let query = Query::parse("tax").unwrap();
    let all = ranked(&index, "tax");
    for limit in [0, 1, 7, 20, 21] {
        let some = search(&[index.candidates(|_| true)], &query, limit);
        assert_eq!(some.hits, all.hits[..limit.min(20)]);
        assert_eq!(some.matches, 20);
    }
}

fn passage_of<'t>(text: &'t str, query: &str, characters: usize) -> &'t str {
    passage(text, &Query::parse(query).unwrap(), characters)
}

#[test]
fn a_passage_is_where_most_different_words_of_the_query_stand() {
    let filler = "lorem ipsum ".repeat(100);
    let text = format!("tax tax tax {filler}the tax rates are round {filler}rate");
    let found = passage_of(&text, "rounding tax rate", 60);
    assert!(found.contains("tax rates are round"), "{found}");
    assert!(
        !found.starts_with("the"),
        "it stands in the middle: {found}"
    );
    assert_eq!(passage_of(&text, "tax", 20), "tax tax tax lorem ip");
    assert_eq!(passage_of(&text, "tax round", 19), "tax rates are round");
    assert!(
        passage_of(&text, "rate", 30).contains("tax rates"),
        "the first among equals"
    );
}

#[test]
fn a_passage_knows_identifiers_and_stems() {
    let filler = "lorem ipsum ".repeat(100);
    let text = format!("{filler}see src/http.rs {filler}pembulatan {filler}");
    assert!(passage_of(&text, "http.rs", 40).contains("src/http.rs"));
    assert!(passage_of(&text, "dibulatkan", 40).contains("pembulatan"));
}

#[test]
fn a_short_text_is_its_own_passage_and_one_without_a_match_begins_at_its_start() {
    assert_eq!(passage_of("tax rate", "tax", 8), "tax rate");
    assert_eq!(passage_of("tax rate", "tax", 9), "tax rate");
    assert_eq!(passage_of("tax rate and more", "nothing", 8), "tax rate");
    assert_eq!(passage_of("tax rate and more", "???", 8), "tax rate");
    assert_eq!(passage_of("tax rate", "tax", 0), "");
}

#[test]
fn an_index_that_lacks_a_word_says_so_and_grows_no_more() {
    let words = |from: usize, count: usize| -> String {
        let words = (from..from + count).map(|number| format!("w{number} "));
        words.collect()
    };
    let notes: Vec<_> = (0..20)
        .map(|hour| memory("rob", hour * 3_600, &words(hour as usize * 50, 50)))
        .collect();
    let of_room = |room: usize| {
        let mut index = Index::with_room(room);
        for note in &notes {
            index.add(Object::of(note).memory_id, note);
            assert!(index.words_bytes() <= room);
        }
        index
    };
    let needed = of_room(usize::MAX).words_bytes();
    let just_enough = of_room(needed);
    assert!(just_enough.is_whole());
    assert_eq!(found(&just_enough, "w999"), [19]);
    let short_of_a_byte = of_room(needed - 1);
    assert!(!short_of_a_byte.is_whole());
    assert_eq!(
        short_of_a_byte.len(),
        notes.len(),
        "numbers stay those of lines"
    );
    // A word that is there does not make up for one that is not.
    let mut small = of_room(needed / 10);
    let again = memory("rob", 90_000 - 4_000, &words(0, 1));
    small.add(Object::of(&again).memory_id, &again);
    assert!(!small.is_whole());
}
