//! The words of texts and of queries, by example.

use memory_log::fault::Violations;
use memory_log::json::Json;
use memory_log::memory::{Draft, Memory};
use memory_log::timestamp::Timestamp;

use proptest::prelude::*;

use super::*;

fn forms_of(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    forms(text, |form| all.push(form.to_owned()));
    all
}

fn words_of(query: &str) -> Vec<String> {
    let query = Query::parse(query).unwrap();
    let words = query.words().iter();
    words.map(|word| word.folded().to_owned()).collect()
}

#[test]
fn a_word_is_normalized_and_case_folded() {
    assert_eq!(
        forms_of("Die STRASSE, straße!"),
        ["die", "strasse", "strasse"]
    );
    assert_eq!(forms_of("ﬁle Ａ１ e\u{301}"), ["file", "a1", "é"]);
    assert_eq!(
        forms_of("one¸a"),
        forms_of("one \u{327}a"),
        "normalized before it is cut"
    );
    assert_eq!(forms_of("don’t don't"), ["don't", "don't"]);
    assert_eq!(forms_of("??? — \u{200b}"), [""; 0]);
}

#[test]
fn an_identifier_is_a_word_whole_by_its_segments_and_by_its_parts() {
    for (text, expected) in [
        (
            "src/http.rs",
            &["src", "http", "rs", "http.rs", "src/http.rs"][..],
        ),
        (
            "PHP_ROUND_HALF_UP",
            &["php", "round", "half", "up", "php_round_half_up"],
        ),
        ("getUserById", &["get", "user", "by", "id", "getuserbyid"]),
        ("v1.2.3", &["v1", "2", "3", "v1.2.3"]),
        ("E0277", &["e0277"]),
        ("HTTPServer", &["http", "server", "httpserver"]),
        ("URLs", &["urls"]),
        ("__init__", &["init"]),
        ("2026-01-19", &["2026", "01", "19", "2026-01-19"]),
        (
            "memory_log::scope",
            &["memory", "log", "memory_log", "scope", "memory_log::scope"],
        ),
        ("a@b.org", &["a", "b", "org", "b.org", "a@b.org"]),
        ("C:\\x", &["c", "x", "c:\\x"]),
    ] {
        assert_eq!(forms_of(text), expected, "{text}");
    }
}

#[test]
fn punctuation_between_words_makes_no_identifier() {
    for text in [
        "one, two",
        "one...two",
        "one--two",
        "one (two)",
        "one; two",
        "one . two",
    ] {
        assert_eq!(forms_of(text), ["one", "two"], "{text}");
    }
}

#[test]
fn stop_words_of_both_languages_leave_a_query_that_has_other_words() {
    assert_eq!(words_of("what is the rounding mode"), ["rounding", "mode"]);
    assert_eq!(
        words_of("apa yang dipakai untuk pajak"),
        ["dipakai", "pajak"]
    );
    assert_eq!(words_of("What’s this?"), ["what's", "this"]);
    assert_eq!(words_of("to be or not to be"), ["not"]);
}

#[test]
fn a_negation_is_never_a_stop_word() {
    for negation in [
        "not", "no", "never", "don't", "without", "tidak", "jangan", "bukan", "tanpa", "belum",
    ] {
        assert_eq!(
            words_of(&format!("the {negation} tabs")),
            [negation, "tabs"]
        );
    }
}

#[test]
fn a_word_in_capitals_or_beside_a_number_is_not_a_stop_word() {
    assert_eq!(words_of("who does IT support"), ["it", "support"]);
    assert_eq!(words_of("may of 2025 budget"), ["of", "2025", "budget"]);
    assert_eq!(words_of("budget may 2025"), ["budget", "may", "2025"]);
    assert_eq!(words_of("should I use A"), ["use"]);
}

#[test]
fn a_query_has_each_word_once_and_is_bounded() {
    assert_eq!(words_of("Tax tax TAX, rate"), ["tax", "rate"]);
    let many = |count: usize| {
        (0..count)
            .map(|n| format!("w{n}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(words_of(&many(64)).len(), 64);
    assert_eq!(
        Query::parse(&many(65)),
        Err(QueryError::TooManyWords { words: 65 })
    );
    assert!(Query::parse(&"x".repeat(1_000)).is_ok());
    assert_eq!(
        Query::parse(&"x".repeat(1_001)),
        Err(QueryError::TooLong { bytes: 1_001 })
    );
    assert_eq!(
        Query::parse(&"é".repeat(501)),
        Err(QueryError::TooLong { bytes: 1_002 })
    );
    assert_eq!(Query::parse(" \u{3000}\n"), Err(QueryError::Blank));
    assert_eq!(words_of("???"), [""; 0]);
}

fn memory(timestamp: &str, metadata: &str) -> Memory {
    let text = format!(
        r#"{{"domain":"work","entity_id":"rob","content":"x","timestamp":"{timestamp}","metadata":{metadata}}}"#
    );
    let json = Json::parse(text.as_bytes()).unwrap();
    let draft = Draft::of_fields(json.root(), Violations::default());
    Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap()
}

fn beside(memory: &Memory) -> Vec<String> {
    let mut all = Vec::new();
    forms_beside(memory, |form| all.push(form.to_owned()));
    all
}

#[test]
fn the_date_of_a_memory_is_words_of_utc_in_both_languages() {
    let late = memory("2026-01-20T01:30:00+07:00", "{}");
    assert_eq!(
        beside(&late),
        ["2026", "01", "19", "2026-01-19", "january", "januari"]
    );
    let early = memory("2026-04-05T00:00:00Z", "{}");
    assert_eq!(
        beside(&early),
        ["2026", "04", "05", "2026-04-05", "5", "april"]
    );
}

#[test]
fn every_string_value_of_metadata_is_words_and_no_name_or_number_is() {
    let metadata = r#"{"tags":["dark-mode"],"memory_type":"rule","source":"chat","confidence":0.5,"more":{"who":[{"name":"Sari"}]}}"#;
    let all = beside(&memory("2026-01-19T00:00:00Z", metadata));
    assert_eq!(
        all[..6],
        ["dark", "mode", "dark-mode", "rule", "chat", "sari"]
    );
    assert_eq!(all.len(), 12);
}

#[test]
fn both_languages_stem_a_word_of_letters_alone() {
    let stems = |word| Stemmers::default().of(word);
    assert_eq!(stems("rounding").unwrap()[0], "round");
    assert_eq!(stems("pembulatan").unwrap()[1], "bulat");
    assert_eq!(stems("membulatkan").unwrap()[1], "bulat");
    assert_eq!(stems("e0277"), None);
}

#[test]
fn a_word_that_no_query_can_ask_for_is_not_indexed_and_its_parts_are() {
    let long = format!("{}/x", "a".repeat(1_001));
    assert_eq!(forms_of(&long), ["x"]);
    assert_eq!(forms_of(&"a".repeat(1_000)).len(), 1);
    assert_eq!(forms_of(&"é".repeat(501)), [""; 0]);
}

proptest! {
    /// The library has a faster way for ASCII; the rest of a text must not change the words before it.
    #[test]
    fn words_do_not_depend_on_what_else_a_text_has(text in "[ -~]{0,60}") {
        let alone = forms_of(&text);
        let with_more = forms_of(&format!("{text} \u{6771}"));
        prop_assert_eq!(&with_more[..with_more.len() - 1], &alone[..]);
    }

    #[test]
    fn every_form_is_a_form_of_itself(text in "[ -~éÉßﬁ]{0,40}") {
        for form in forms_of(&text) {
            prop_assert!(forms_of(&form).contains(&form), "{:?} of {:?}", form, text);
        }
    }

    #[test]
    fn a_query_asks_for_forms_that_a_memory_of_the_same_text_has(text in "\\PC{1,60}") {
        let forms = forms_of(&text);
        if let Ok(query) = Query::parse(&text) {
            for word in query.words() {
                prop_assert!(forms.iter().any(|form| form == word.folded()), "{:?} of {:?}: {:?}", word, text, forms);
                if let Word::Identifier { segments, parts, .. } = word {
                    for form in segments.iter().chain(parts) {
                        prop_assert!(forms.contains(form), "{:?} of {:?}: {:?}", form, text, forms);
                    }
                }
            }
        }
    }
}
