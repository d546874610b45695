//! What is stored is found: searches, lists and single memories over HTTP, in either form (contract 8.2, 8.4).

use memory_ingress::http::endpoints;
use memory_ingress::remember::Ingress;
use memory_log::event::Status;
use memory_log::object::Object;
use memory_log::scope::WriteScopes;
use memory_log::steward::Stewards;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::guard::Guard;
use memory_web::http::router;
use serde_json::json;

use crate::app::App;
use crate::exchange::{JSON, JSON_API};
use crate::reader::{Field, SCOPE, Settings, body, encoded, memory};

const REPOSITORY: &str = "0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21";
const MIB: usize = 1024 * 1024;

/// Every route that shows memories, with parameters that it accepts.
fn routes(id: &str) -> [String; 3] {
    [
        format!("/memory/search?{SCOPE}&filter[query]=note"),
        format!("/memories?{SCOPE}"),
        format!("/memory/{id}?{SCOPE}"),
    ]
}

#[tokio::test]
async fn what_was_stored_is_found_at_once_whatever_shape_it_had() {
    let field = Field::new();
    let tool = json!({"domain": "repository", "entity_id": REPOSITORY, "content": "round half up", "timestamp": "2026-01-19T14:00:00Z"});
    let attributes = json!({"repository_id": REPOSITORY, "content": "round to even"});
    let envelope = json!({"data": {"type": "memories", "attributes": attributes}}).to_string();
    let scope = format!("filter[repository_id]={}", REPOSITORY.to_uppercase());
    for (number, (media_type, body)) in [(JSON, tool.to_string()), (JSON_API, envelope)]
        .iter()
        .enumerate()
    {
        let fields = [("content-type", *media_type), ("accept", JSON)];
        let stored = field.ask_anything("POST", "/memory", &fields, body).await;
        assert_eq!(stored.status, 201);
        let id = stored.json()["memory_id"].as_str().unwrap().to_owned();
        let search = format!("/memory/search?{scope}&filter[query]=round");
        for target in [search, format!("/memories?{scope}")] {
            let found = field.get(&target).await.ids();
            assert_eq!(found.len(), number + 1, "{target}");
            assert!(found.contains(&id), "{target}");
        }
        let got = field.get(&format!("/memory/{id}?{scope}")).await;
        assert_eq!(got.json()["data"]["id"], id);
    }
}

#[tokio::test]
async fn a_search_a_list_and_a_memory_have_these_documents() {
    let field = Field::new();
    let rule = json!({
        "domain": "repository", "entity_id": REPOSITORY, "content": "VAT is rounded per line.",
        "metadata": {"memory_type": "business_rule", "tags": ["tax"], "source": "docs/vat.md", "confidence": 0.7, "n": null},
    });
    let rule = memory(&rule);
    let id = field.lay(&rule);
    field.lay(&memory(
        &json!({"domain": "repository", "entity_id": REPOSITORY}),
    ));
    field.change(&rule, 1, Status::Verified);
    let scope = format!("filter[repository_id]={REPOSITORY}");
    let search = format!("/memory/search?{scope}&filter[query]=vat+pembulatan");
    insta::assert_snapshot!(field.get(&search).await.text(), @r#"{"jsonapi":{"version":"1.1"},"data":[{"type":"memories","id":"4ee3f64a-4533-8bea-94c0-d9079499e940","attributes":{"content":"VAT is rounded per line.","memory_type":"business_rule","tags":["tax"],"source":"docs/vat.md","repository_id":"0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21","status":"verified","scope_badge":"Repository","reliability_score":0.95,"created_at":"2026-01-19T14:00:00Z","metadata":{"memory_type":"business_rule","tags":["tax"],"source":"docs/vat.md","confidence":0.7,"n":null}},"links":{"self":"/memory/4ee3f64a-4533-8bea-94c0-d9079499e940?filter%5Brepository_id%5D=0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21&filter%5Bcreated_at%5D=2026-01-19T14:00:00Z"},"meta":{"score":0.8055992497465321}}],"meta":{"matches":1,"searched":2,"unmatched_terms":["pembulatan"]}}"#);
    insta::assert_snapshot!(field.get_flat(&search).await, @r#"{"status":"ok","memories":[{"memory_id":"4ee3f64a-4533-8bea-94c0-d9079499e940","domain":"repository","entity_id":"0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21","content":"VAT is rounded per line.","type":"business_rule","tags":["tax"],"memory_status":"verified","scope_badge":"Repository","reliability_score":0.95,"timestamp":"2026-01-19T14:00:00Z","source":"docs/vat.md","score":0.8055992497465321}],"matches":1,"searched":2,"unmatched_terms":["pembulatan"]}"#);
    let list =
        format!("/api/v1/mcp/memories/?{scope}&page[limit]=1&sort=timestamp&filter[tags]=tax");
    insta::assert_snapshot!(field.get(&list).await.text(), @r#"{"jsonapi":{"version":"1.1"},"data":[{"type":"memories","id":"4ee3f64a-4533-8bea-94c0-d9079499e940","attributes":{"content":"VAT is rounded per line.","memory_type":"business_rule","tags":["tax"],"source":"docs/vat.md","repository_id":"0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21","status":"verified","scope_badge":"Repository","reliability_score":0.95,"created_at":"2026-01-19T14:00:00Z","metadata":{"memory_type":"business_rule","tags":["tax"],"source":"docs/vat.md","confidence":0.7,"n":null}},"links":{"self":"/api/v1/mcp/memories/4ee3f64a-4533-8bea-94c0-d9079499e940?filter%5Brepository_id%5D=0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21&filter%5Bcreated_at%5D=2026-01-19T14:00:00Z"}}]}"#);
    insta::assert_snapshot!(field.get_flat(&list).await, @r#"{"status":"ok","memories":[{"memory_id":"4ee3f64a-4533-8bea-94c0-d9079499e940","domain":"repository","entity_id":"0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21","content":"VAT is rounded per line.","type":"business_rule","tags":["tax"],"memory_status":"verified","scope_badge":"Repository","reliability_score":0.95,"timestamp":"2026-01-19T14:00:00Z","source":"docs/vat.md"}]}"#);
    let one = format!("/memories/{id}?{scope}");
    insta::assert_snapshot!(field.get(&one).await.text(), @r#"{"jsonapi":{"version":"1.1"},"data":{"type":"memories","id":"4ee3f64a-4533-8bea-94c0-d9079499e940","attributes":{"content":"VAT is rounded per line.","memory_type":"business_rule","tags":["tax"],"source":"docs/vat.md","repository_id":"0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21","status":"verified","scope_badge":"Repository","reliability_score":0.95,"created_at":"2026-01-19T14:00:00Z","metadata":{"memory_type":"business_rule","tags":["tax"],"source":"docs/vat.md","confidence":0.7,"n":null}},"links":{"self":"/memories/4ee3f64a-4533-8bea-94c0-d9079499e940?filter%5Brepository_id%5D=0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21&filter%5Bcreated_at%5D=2026-01-19T14:00:00Z"}}}"#);
    insta::assert_snapshot!(field.get_flat(&one).await, @r#"{"status":"ok","memory":{"memory_id":"4ee3f64a-4533-8bea-94c0-d9079499e940","domain":"repository","entity_id":"0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21","content":"VAT is rounded per line.","type":"business_rule","tags":["tax"],"memory_status":"verified","scope_badge":"Repository","reliability_score":0.95,"timestamp":"2026-01-19T14:00:00Z","source":"docs/vat.md","metadata":{"memory_type":"business_rule","tags":["tax"],"source":"docs/vat.md","confidence":0.7,"n":null}}}"#);
}

#[tokio::test]
async fn a_memory_that_says_nothing_of_itself_has_only_the_members_that_apply() {
    let field = Field::new();
    let id = field.lay(&memory(&json!({"domain": "übung", "entity_id": "a/b c"})));
    let scope = format!(
        "filter[domain]={}&filter[entity_id]={}",
        encoded("übung"),
        encoded("a/b c")
    );
    let one = field.get(&format!("/memory/{id}?{scope}")).await;
    insta::assert_snapshot!(one.text(), @r#"{"jsonapi":{"version":"1.1"},"data":{"type":"memories","id":"d93c2523-1b81-803d-a8c9-90cebffeaa07","attributes":{"content":"note","domain":"übung","entity_id":"a/b c","status":"unverified","scope_badge":"Übung","reliability_score":0.5,"created_at":"2026-01-19T14:00:00Z","metadata":{}},"links":{"self":"/memory/d93c2523-1b81-803d-a8c9-90cebffeaa07?filter%5Bdomain%5D=%C3%BCbung&filter%5Bentity_id%5D=a%2Fb%20c&filter%5Bcreated_at%5D=2026-01-19T14:00:00Z"}}}"#);
}

#[tokio::test]
async fn self_and_next_are_built_on_the_path_as_the_caller_spelled_it_and_can_be_fetched() {
    let field = Field::new();
    let names = json!({"domain": "a b", "entity_id": "ü/%&+=#?[]"});
    for second in 0..3 {
        let mut members = names.clone();
        members["timestamp"] = json!(format!("2026-01-19T14:00:0{second}.5+01:00"));
        field.lay(&memory(&members));
    }
    let scope = format!(
        "filter%5Bdomain%5D=a+b&filter[entity_id]={}",
        encoded("ü/%&+=#?[]")
    );
    for path in [
        "/memory",
        "/memories",
        "/memories/",
        "/api/v1/mcp/memory",
        "/api/v1/mcp/memories/",
        "/memory/search",
        "/api/v1/mcp/memories/search/",
    ] {
        let is_search = path.contains("search");
        let query = if is_search { "&filter[query]=note" } else { "" };
        let answer = field
            .get(&format!("{path}?{scope}{query}&page[limit]=2"))
            .await;
        let document = answer.json();
        let parent = path.trim_end_matches('/').trim_end_matches("/search");
        for resource in document["data"].as_array().unwrap() {
            let own = resource["links"]["self"].as_str().unwrap();
            assert!(own.starts_with(&format!("{parent}/")), "{own}");
            let got = field.get(own).await;
            assert_eq!(got.json()["data"]["id"], resource["id"], "{own}");
            assert_eq!(got.json()["data"]["links"]["self"], own);
        }
        if is_search {
            assert_eq!(document.get("links"), None);
            continue;
        }
        let next = document["links"]["next"].as_str().unwrap();
        assert!(next.starts_with('?'), "{next}");
        let last = field.get(&format!("{path}{next}")).await;
        assert_eq!(last.ids().len(), 1);
        assert_eq!(last.json().get("links"), None, "the last page has no next");
    }
}

#[tokio::test]
async fn every_route_has_every_spelling_and_answers_head_without_a_body() {
    let field = Field::new();
    let id = field.lay(&memory(&json!({})));
    for target in routes(&id) {
        let spellings = [
            target.clone(),
            target.replace("/memory", "/memories"),
            format!("/api/v1/mcp{target}"),
            format!("/api/v1/mcp{}", target.replace("/memory", "/memories")),
            target.replacen('?', "/?", 1),
            target.replace('[', "%5B").replace(']', "%5d"),
        ];
        for target in spellings {
            let got = field.get(&target).await;
            assert_eq!(got.status, 200, "{target}");
            let head = field.ask("HEAD", &target, &[]).await;
            assert_eq!(head.status, 200, "{target}");
            for name in ["content-type", "etag", "cache-control", "vary"] {
                assert_eq!(head.header(name), got.header(name), "{target} {name}");
            }
        }
    }
}

#[tokio::test]
async fn the_form_is_negotiated_on_every_route() {
    let field = Field::new();
    let id = field.lay(&memory(&json!({})));
    let unknown = "00000000-0000-8000-8000-000000000000";
    for (target, status) in
        routes(&id)
            .map(|target| (target, 200))
            .into_iter()
            .chain(routes(unknown).map(|target| {
                let status = if target.contains(unknown) { 404 } else { 200 };
                (target, status)
            }))
    {
        for (accept, form) in [
            ("", Some(JSON_API)),
            ("*/*", Some(JSON_API)),
            (JSON_API, Some(JSON_API)),
            (JSON, Some(JSON)),
            (
                "application/json;q=0.5, application/vnd.api+json;q=0.4",
                Some(JSON),
            ),
            ("text/html, application/*;q=0.1", Some(JSON_API)),
            ("application/vnd.api+json;ext=x", None),
            ("text/html", None),
            ("application/json;q=0, application/vnd.api+json;q=0", None),
        ] {
            let fields = [("accept", accept)];
            let fields = if accept.is_empty() { &[] } else { &fields[..] };
            let answer = field.ask("GET", &target, fields).await;
            match form {
                Some(form) => {
                    assert_eq!(answer.status, status, "{target} {accept}");
                    assert_eq!(answer.header("content-type"), form, "{target} {accept}");
                }
                None => {
                    assert_eq!(answer.status, 406, "{target} {accept}");
                    assert_eq!(answer.faults(), ["not_acceptable \"Accept\""]);
                }
            }
        }
    }
}

#[tokio::test]
async fn another_method_is_405_with_the_methods_of_the_path() {
    let field = Field::new();
    let id = field.lay(&memory(&json!({})));
    for (path, allow) in [
        ("/memory/search".to_owned(), "GET, HEAD"),
        ("/memories".to_owned(), "POST, GET, HEAD"),
        ("/mcp/recall".to_owned(), "POST"),
        ("/mcp/recall/health".to_owned(), "GET, HEAD"),
    ] {
        for method in ["PUT", "QUERY", "OPTIONS", "TRACE", "get"] {
            let answer = field.ask_anything(method, &path, &[], "").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), allow, "{method} {path}");
            assert!(!answer.header("x-request-id").is_empty());
        }
    }
    for method in ["PUT", "POST"] {
        let path = format!("/memory/{id}");
        let answer = field.ask(method, &path, &[]).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.header("allow").starts_with("GET, HEAD"));
    }
}

#[tokio::test]
async fn a_memory_is_known_by_its_tag_until_its_status_changes() {
    let field = Field::new();
    let note = memory(&json!({}));
    let target = format!("/memory/{}?{SCOPE}", field.lay(&note));
    for (seq, status) in [
        (0, None),
        (1, Some(Status::Verified)),
        (2, Some(Status::Unverified)),
    ] {
        if let Some(status) = status {
            field.change(&note, seq, status);
        }
        for (accept, form) in [(JSON_API, 'j'), (JSON, 'f')] {
            let tag = format!("\"{seq}-1{form}\"");
            let got = field.ask("GET", &target, &[("accept", accept)]).await;
            assert_eq!((got.status.as_u16(), got.header("etag")), (200, &*tag));
            assert_eq!(got.header("cache-control"), "private, no-cache");
            let weak = format!("W/{tag}, \"x\"");
            let other = format!("\"{}-1{form}\"", seq + 1);
            for (known, status) in [(&*tag, 304), ("*", 304), (&*weak, 304), (&*other, 200)] {
                for method in ["GET", "HEAD"] {
                    let fields = [("accept", accept), ("if-none-match", known)];
                    let answer = field.ask(method, &target, &fields).await;
                    assert_eq!(answer.status, status, "{method} {known}");
                    assert_eq!(answer.header("etag"), tag);
                    assert_eq!(answer.header("cache-control"), "private, no-cache");
                }
            }
        }
    }
    for target in [
        format!("/memories?{SCOPE}"),
        format!("/memory/search?{SCOPE}&filter[query]=note"),
    ] {
        let answer = field.ask("GET", &target, &[("if-none-match", "*")]).await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("etag"), "");
    }
}

#[tokio::test]
async fn the_status_is_that_of_the_highest_event_and_filters_and_trust_follow_it() {
    let field = Field::new();
    let note = memory(&json!({"metadata": {"confidence": 1}}));
    let id = field.lay(&note);
    // Gaps below the highest number are harmless.
    for (seq, status, trust) in [
        (0, Status::Unverified, 0.9),
        (1, Status::Verified, 0.95),
        (2, Status::Locked, 0.99),
        (9, Status::Unverified, 0.9),
        (200, Status::Verified, 0.95),
    ] {
        if seq > 0 {
            field.change(&note, seq, status);
        }
        for target in routes(&id) {
            let answer = field.get(&target).await;
            let resource = &answer.resources()[0];
            assert_eq!(
                resource["attributes"]["status"],
                status.as_str(),
                "{target}"
            );
            assert_eq!(
                resource["attributes"]["reliability_score"], trust,
                "{target}"
            );
            if answer.json()["data"].is_object() {
                continue;
            }
            for other in ["unverified", "verified", "locked"] {
                let found = field.get(&format!("{target}&filter[status]={other}")).await;
                let is_shown = !found.ids().is_empty();
                assert_eq!(is_shown, other == status.as_str(), "{target} {other}");
            }
        }
    }
}

#[tokio::test]
async fn a_deleted_memory_is_gone_from_searches_lists_and_counts_and_410_by_its_id() {
    let field = Field::new();
    let note = memory(&json!({"content": "note about quokkas"}));
    let id = field.lay(&note);
    field.lay(&memory(&json!({"content": "another note"})));
    field.change(&note, 1, Status::Verified);
    field.change(&note, 2, Status::Deleted);
    let search = format!("/memory/search?{SCOPE}&filter[query]=quokkas+note");
    let found = field.get(&search).await;
    assert_eq!(found.ids().len(), 1);
    assert_eq!(
        found.json()["meta"],
        json!({"matches": 1, "searched": 1, "unmatched_terms": ["quokkas"]})
    );
    assert_eq!(
        field.get(&format!("/memories?{SCOPE}")).await.ids().len(),
        1
    );
    let target = format!("/memory/{id}?{SCOPE}");
    for (accept, tag) in [(JSON_API, "\"2-1j\""), (JSON, "\"2-1f\"")] {
        let fields = [("accept", accept), ("if-none-match", "*")];
        let gone = field.ask("GET", &target, &fields).await;
        assert_eq!((gone.status.as_u16(), gone.header("etag")), (410, tag));
    }
    let gone = field.get(&target).await;
    assert_eq!(gone.faults(), ["deleted"]);
    let meta = json!({"status": "deleted", "seq": 2, "deleted_at": "2026-02-01T00:00:00Z"});
    assert_eq!(gone.json()["errors"][0]["meta"], meta);
    // The very same memory, stored again, stays hidden.
    assert_eq!(
        field
            .store(&body("note about quokkas", "2026-01-19T14:00:00Z"))
            .await,
        id
    );
    assert_eq!(field.get(&target).await.status, 410);
    field.change(&note, 3, Status::Unverified);
    assert_eq!(field.get(&target).await.status, 200);
    assert_eq!(field.get(&search).await.ids().len(), 2);
}

#[tokio::test]
async fn stewards_see_the_history_of_a_memory_and_nobody_else_does() {
    let field = Field::with(Settings {
        stewards: Stewards::parse("role=admin").unwrap(),
        ..Settings::default()
    });
    let note = memory(&json!({}));
    let target = format!("/memory/{}?{SCOPE}", field.lay(&note));
    let steward = field.called_by(&[("role", "admin")]);
    let other = field.called_by(&[("role", "administrator")]);
    assert_eq!(
        steward.get(&target).await.json()["meta"],
        json!({"events": 0, "history": []})
    );
    for seq in 1..=60 {
        let status = if seq % 2 == 0 {
            Status::Unverified
        } else {
            Status::Verified
        };
        field.change(&note, seq, status);
    }
    for form in [JSON_API, JSON] {
        let fields = [("accept", form)];
        let seen = steward.ask("GET", &target, &fields).await.json();
        let meta = if form == JSON { &seen } else { &seen["meta"] };
        assert_eq!(meta["events"], 60);
        let history = meta["history"].as_array().unwrap();
        let numbers: Vec<_> = history
            .iter()
            .map(|event| event["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (11..=60).rev().collect::<Vec<_>>());
        let newest = json!({
            "seq": 60, "status": "unverified", "actor": "arn:aws:iam::123456789012:user/steward",
            "reason": "reason 60", "timestamp": "2026-02-01T00:00:00Z",
        });
        assert_eq!(history[0], newest);
        let hidden = other.ask("GET", &target, &fields).await;
        assert!(!hidden.text().contains("reason"), "{}", hidden.text());
        assert!(!hidden.text().contains("history"), "{}", hidden.text());
    }
    field.change(&note, 61, Status::Deleted);
    let seen = steward.get(&target).await.json();
    let meta = &seen["errors"][0]["meta"];
    assert_eq!(
        (&meta["events"], &meta["history"][0]["reason"]),
        (&json!(61), &json!("reason 61"))
    );
    let hidden = other.get(&target).await;
    assert!(!hidden.text().contains("reason"), "{}", hidden.text());
}

#[tokio::test]
async fn a_damaged_object_stops_searches_and_lists_and_no_other_memory() {
    let field = Field::new();
    let (sound, damaged) = (
        memory(&json!({})),
        memory(&json!({"content": "damaged note"})),
    );
    let (sound, id) = (field.lay(&sound), field.lay(&damaged));
    let key = Object::of(&damaged).key;
    let whole = Object::of(&damaged).body;
    for bytes in [&b""[..], b"{}", &whole[..whole.len() - 1], b"\xff\xfe"] {
        field.put(&key, bytes);
        for (target, status) in routes(&id).into_iter().zip([500, 500, 500]) {
            let answer = field.get(&target).await;
            assert_eq!(answer.status, status, "{target}");
            assert_eq!(answer.faults(), ["log_damaged"], "{target}");
            assert!(!answer.text().contains("damaged note"), "{}", answer.text());
        }
        assert_eq!(
            field.get(&format!("/memory/{sound}?{SCOPE}")).await.status,
            200
        );
        let elsewhere = "/memories?filter[domain]=work&filter[entity_id]=rob2";
        assert_eq!(field.get(elsewhere).await.status, 200);
    }
    // What is deleted is not read, so a tombstone brings the others back.
    field.change(&damaged, 1, Status::Deleted);
    for (target, status) in routes(&id).into_iter().zip([200, 200, 410]) {
        assert_eq!(field.get(&target).await.status, status, "{target}");
    }
}

#[tokio::test]
async fn a_damaged_highest_event_is_never_passed_over() {
    let field = Field::new();
    let note = memory(&json!({}));
    let id = field.lay(&note);
    let key = field.change(&note, 1, Status::Deleted);
    field.put(&key.replace("0000000001", "0000000002"), b"{}");
    for target in routes(&id) {
        let answer = field.get(&target).await;
        assert_eq!(answer.faults(), ["log_damaged"], "{target}");
    }
    // A number that no event can have freezes nothing, and is counted.
    let other = memory(&json!({"entity_id": "eve"}));
    let id = field.lay(&other);
    let key = field.change(&other, 1, Status::Verified);
    field.put(&key.replace("0000000001", "9999999999"), b"{}");
    for target in routes(&id) {
        let target = target.replace("=rob", "=eve");
        let answer = field.get(&target).await;
        assert_eq!(answer.status, 200, "{target}");
        if answer.json()["data"].is_array() {
            assert_eq!(answer.json()["meta"]["alien"], 1, "{target}");
        }
    }
}

#[tokio::test]
async fn an_erased_memory_is_in_no_answer_from_the_next_request_on() {
    let field = Field::new();
    let note = memory(&json!({"content": "note to be erased"}));
    let id = field.lay(&note);
    field.lay(&memory(&json!({})));
    for target in routes(&id) {
        let answer = field.get(&target).await;
        assert!(answer.text().contains("to be erased"), "{target}");
    }
    field.erase(&note);
    for target in routes(&id) {
        let answer = field.get(&target).await;
        assert!(!answer.text().contains("to be erased"), "{target}");
        if target.contains(&id) {
            assert_eq!(answer.faults(), ["not_found"]);
        } else {
            assert_eq!(answer.ids().len(), 1, "{target}");
        }
    }
    // A tombstone without its memory says nothing of it.
    field.change(&note, 1, Status::Deleted);
    assert_eq!(field.get(&routes(&id)[2]).await.faults(), ["not_found"]);
}

#[tokio::test]
async fn a_search_and_a_page_end_before_a_mebibyte_and_say_so() {
    let field = Field::new();
    for second in 0..5 {
        let content = format!("note {second} {}", "x".repeat(MIB * 2 / 5));
        field.lay(&memory(
            &json!({"content": content, "timestamp": format!("2026-01-19T14:00:0{second}Z")}),
        ));
    }
    let [search, list, _] = routes("");
    let found = field.get(&search).await;
    assert!(found.body.len() < MIB, "{}", found.body.len());
    assert_eq!(found.ids().len(), 2);
    assert_eq!(found.json()["meta"]["truncated"], true);
    assert_eq!(found.json()["meta"]["matches"], 5);
    let flat = field.get_flat(&search).await;
    assert_eq!(
        (
            flat["memories"].as_array().unwrap().len(),
            &flat["truncated"]
        ),
        (2, &json!(true))
    );
    let (mut seen, mut target) = (Vec::new(), list.clone());
    loop {
        let page = field.get(&target).await;
        assert!(page.body.len() < MIB, "{}", page.body.len());
        seen.extend(page.ids());
        let document = page.json();
        let Some(next) = document["links"]["next"].as_str() else {
            break;
        };
        target = format!("/memories{next}");
    }
    let all: Vec<_> =
        field.get_flat(&format!("{list}&page[limit]=1")).await["memories"][0]["memory_id"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect();
    assert_eq!((seen.len(), &seen[..1]), (5, &all[..]));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn a_memory_of_four_mebibytes_is_shown_whole_on_every_route() {
    let field = Field::new();
    // Few words, which an unoptimized build takes its time for.
    let hard = "\u{1F980}\n\"\u{1}".repeat(1_000);
    let content = format!("note {hard}{}", "x".repeat(4 * MIB - 20_000));
    let id = field.lay(&memory(&json!({"content": content})));
    field.lay(&memory(&json!({"timestamp": "2026-01-18T00:00:00Z"})));
    for target in routes(&id) {
        let mut answer = field.get(&target).await;
        // A busy machine may need longer than a request has: a client repeats it then.
        for _ in 0..5 {
            if answer.status == 503 {
                answer = field.get(&target).await;
            }
        }
        let shown = answer.resources();
        let large = shown.iter().find(|resource| resource["id"] == id);
        let resource = large.expect("the first memory is never left out");
        assert!(resource["attributes"]["content"] == content, "{target}");
    }
}

#[tokio::test]
async fn a_service_that_writes_only_answers_as_it_did_before() {
    let folder = tempfile::tempdir().unwrap();
    let client = embedded::client(Disk::create(folder.path()).unwrap());
    let ingress = Ingress::new(Writer::new(client, BUCKET), WriteScopes::Everywhere);
    let app = App::of(router(endpoints(ingress), Guard::default()));
    let id = "0d8a1c1e-6a4f-8b62-9d1b-1f0a5c3e7b21";
    for (method, path, status) in [
        ("GET", "/memory".to_owned(), 405),
        ("GET", "/api/v1/mcp/memories/".to_owned(), 405),
        ("GET", "/memory/search".to_owned(), 404),
        ("GET", format!("/memory/{id}"), 404),
        ("POST", "/mcp/recall".to_owned(), 404),
        ("GET", "/mcp/recall/health".to_owned(), 404),
    ] {
        let answer = app.send(crate::exchange::ask(method, &path)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        if status == 405 {
            assert_eq!(answer.header("allow"), "POST");
        }
    }
}
