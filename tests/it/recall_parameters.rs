//! The parameters of recall as a request spells them: every fault is told at once (contract 8.3).

use serde_json::json;

use crate::exchange::JSON;
use crate::reader::{Field, SCOPE, encoded, memory};

#[tokio::test]
async fn all_faults_of_a_query_are_told_at_once_and_each_parameter_once() {
    let field = Field::new();
    let id = "0d8a1c1e-6a4f-8b62-9d1b-1f0a5c3e7b21";
    for (target, expected) in [
        (
            "/memory/search?filter[domain]=work&filter[since]=today&filter[until]=2026-01-01&filter[status]=deleted&\
             page[limit]=51&sort=timestamp&page[after]=x&include=a&fields[memories]=content&filter[tags]=,",
            &[
                "fields[memories]",
                "filter[domain]",
                "filter[query]",
                "filter[since]",
                "filter[status]",
                "filter[tags]",
                "filter[until]",
                "include",
                "page[after]",
                "page[limit]",
                "sort",
            ][..],
        ),
        (
            "/memories?filter[query]=a&sort=up&page[limit]=0&page[limit]=1&filter[repository_id]=x&filter[domain]=a&\
             filter[entity_id]=b&filter[created_at]=2026-01-01T00:00:00Z&page[number]=1&filter=x&%FF=1",
            &[
                "filter",
                "filter[created_at]",
                "filter[domain]",
                "filter[entity_id]",
                "filter[query]",
                "filter[repository_id]",
                "page[limit]",
                "page[number]",
                "sort",
                "\u{FFFD}",
            ],
        ),
        (
            &format!(
                "/memory/{id}?filter[entity_id]=b&filter[created_at]=now&filter[tags]=a&page[limit]=1&sort=timestamp"
            ),
            &[
                "filter[created_at]",
                "filter[entity_id]",
                "filter[tags]",
                "page[limit]",
                "sort",
            ],
        ),
        // A value that cannot be read is one fault, and no second one for what is then missing.
        ("/memory/search?filter[query]=%FF", &["filter[query]"]),
        (
            "/memory/search?filter[query]=a&filter[query]=b",
            &["filter[query]"],
        ),
        (
            "/memories?filter[domain]=%FF&filter[entity_id]=rob",
            &["filter[domain]"],
        ),
        (
            "/memories?filter[domain]=a&filter[domain]=a&filter[entity_id]=rob",
            &["filter[domain]"],
        ),
        (
            "/memories?filter[domain]=work&filter[entity_id]=+",
            &["filter[entity_id]"],
        ),
    ] {
        let refused = field.get(target).await;
        assert_eq!(refused.status, 400, "{target}");
        let document = refused.json();
        let errors = document["errors"].as_array().unwrap().iter();
        let mut found: Vec<_> = errors
            .inspect(|error| assert_eq!(error["code"], "invalid_parameter", "{target}"))
            .map(|error| error["source"]["parameter"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{target}");
        let flat = field.get_flat(target).await;
        for parameter in expected.iter().filter(|name| name.is_ascii()) {
            let words = flat["error"].as_str().unwrap();
            assert!(words.contains(parameter), "{words}");
        }
    }
}

#[tokio::test]
async fn a_query_has_limits_and_one_without_a_word_finds_nothing() {
    let field = Field::new();
    field.lay(&memory(&json!({"content": "note a1"})));
    let words = |count: usize| {
        (0..count)
            .map(|word| format!("w{word} "))
            .collect::<String>()
    };
    for (query, status) in [
        ("a".repeat(1_000), 200),
        ("a".repeat(1_001), 400),
        ("\u{fc}".repeat(500), 200),
        (format!("{}a", "\u{fc}".repeat(500)), 400),
        (words(64), 200),
        (words(65), 400),
        ("a ".repeat(500), 200),
        ("???".to_owned(), 200),
        ("\u{1F980}".to_owned(), 200),
        (String::new(), 400),
        (" \t\n".to_owned(), 400),
        ("\u{3000}".to_owned(), 400),
        ("note\0".to_owned(), 200),
    ] {
        let target = format!("/memory/search?{SCOPE}&filter[query]={}", encoded(&query));
        let answer = field.get(&target).await;
        assert_eq!(answer.status, status, "{query:?} {}", answer.text());
    }
    let nothing = field
        .get(&format!("/memory/search?{SCOPE}&filter[query]=???"))
        .await;
    assert!(nothing.ids().is_empty());
    assert_eq!(nothing.json()["meta"], json!({"matches": 0, "searched": 1}));
}

#[tokio::test]
async fn names_of_the_callers_own_are_ignored_and_reserved_ones_are_not() {
    let field = Field::new();
    let id = field.lay(&memory(&json!({})));
    for path in ["/memories", "/memory/search", &format!("/memory/{id}")] {
        let query = if path.ends_with("search") {
            "&filter[query]=note"
        } else {
            ""
        };
        let target = format!("{path}?{SCOPE}{query}");
        for ignored in [
            "&utm_source=x",
            "&traceId=1&traceId=2",
            "&a+b=",
            "&&",
            "&camelCase[x]=1",
        ] {
            assert_eq!(
                field.get(&format!("{target}{ignored}")).await.status,
                200,
                "{ignored}"
            );
        }
        for reserved in [
            "include=",
            "fields[memories]=a",
            "filter[Query]=a",
            "filter[]=a",
            "page=1",
            "q=a",
            "limit=1",
            "filter%5Bquery=a",
        ] {
            let refused = field.get(&format!("{target}&{reserved}")).await;
            assert_eq!(refused.status, 400, "{path} {reserved}");
        }
    }
}

#[tokio::test]
async fn a_fault_is_told_in_the_form_that_is_accepted() {
    let field = Field::new();
    let target = "/memory/search?filter[query]=+&page[limit]=x";
    insta::assert_snapshot!(field.get_flat(target).await["error"].as_str().unwrap(), @r#"The query parameter "page[limit]" must be a number from 1 to 50. The query parameter "filter[query]" is blank: give the words that the memory may contain."#);
    let refused = field.ask("GET", target, &[("accept", JSON)]).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn the_hint_of_a_timestamp_may_be_wrong_or_spelled_otherwise() {
    let field = Field::new();
    let id = field.lay(&memory(&json!({"timestamp": "2026-01-19T14:00:00.5Z"})));
    for hint in [
        "2026-01-19T14:00:00.5Z",
        "2026-01-19T15:00:00.500000%2B01:00",
        "2026-01-19T14:00:00Z",
    ] {
        let got = field
            .get(&format!("/memory/{id}?{SCOPE}&filter[created_at]={hint}"))
            .await;
        assert_eq!(got.status, 200, "{hint} {}", got.text());
    }
}

#[tokio::test]
async fn an_id_that_is_none_or_is_spelled_otherwise_is_404() {
    let field = Field::new();
    let id = field.lay(&memory(&json!({})));
    let simple = id.replace('-', "");
    for other in [
        id.to_uppercase(),
        simple,
        format!("%7B{id}%7D"),
        format!("urn:uuid:{id}"),
        format!("{id}x"),
        id[1..].to_owned(),
        "x".to_owned(),
        "%00".to_owned(),
        "..".to_owned(),
        format!("%20{id}"),
        format!("{id}%2F"),
    ] {
        let answer = field.get(&format!("/memory/{other}?{SCOPE}")).await;
        assert_eq!(answer.faults(), ["not_found"], "{other}");
    }
}
