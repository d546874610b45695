//! Bad input always gets an error document, all faults at once, and stores nothing (contract 1.8, 2.1, 2.2, 2.3, 3.7).

use crate::app::{App, tool_for_document};
use crate::exchange::JSON_API;
use crate::surface::{envelope, tool};

async fn faults_of_tool(body: &str) -> Vec<String> {
    let app = App::new();
    let faults = app.send(tool_for_document(body)).await.faults();
    assert_eq!(app.send(tool(body)).await.json()["status"], "error");
    app.assert_nothing_stored();
    faults
}

async fn faults_of_envelope(body: &str) -> Vec<String> {
    let app = App::new();
    let faults = app.send(envelope(body)).await.faults();
    app.assert_nothing_stored();
    faults
}

/// An envelope with these members in `data`, whose attributes are sound.
fn data(members: &str) -> String {
    let sound =
        r#""attributes":{"content":"c","repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"}"#;
    format!(r#"{{"data":{{{members}{sound}}}}}"#)
}

/// An envelope with these attributes.
fn attributes(members: &str) -> String {
    format!(r#"{{"data":{{"type":"memories","attributes":{{{members}}}}}}}"#)
}

/// The tool's body with these members beside the required ones.
fn sound(members: &str) -> String {
    format!(r#"{{"entity_id":"e","domain":"d","content":"c"{members}}}"#)
}

#[tokio::test]
async fn a_name_that_differs_only_in_case_or_separators_is_told_the_one_that_was_meant() {
    let said = async |asked| {
        let answer = App::new().send(asked).await.json();
        let errors = answer["errors"].as_array().unwrap().iter();
        let details = errors.map(|error| error["detail"].as_str().unwrap());
        details.collect::<Vec<_>>().join(" ")
    };
    for (near, meant) in [
        ("repositoryId", "Did you mean \"repository_id\"?"),
        ("memory-type", "Did you mean \"memory_type\"?"),
        ("Tags", "Did you mean \"tags\"?"),
    ] {
        let body = attributes(&format!(r#""content":"c","{near}":"x""#));
        let told = said(envelope(body)).await;
        assert!(told.contains(meant), "{near}: {told}");
    }
    let told = said(tool_for_document(sound(r#","entityId":"e""#))).await;
    assert!(told.contains("Did you mean \"entity_id\"?"), "{told}");
    for far in ["repo", "author", "contents"] {
        let body = sound(&format!(r#","{far}":"x""#));
        let told = said(tool_for_document(body)).await;
        assert!(!told.contains("Did you mean"), "{far}: {told}");
    }
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    for body in [
        "",
        " ",
        "{",
        "nul",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\":\"\u{1}\"}",
        "{} {}",
        "\u{feff}{}",
        "{\"a\":01}",
        "{\"a\":+1}",
        r#"{"content":"\ud800"}"#,
        r#"{"content":"\udc00\ud800"}"#,
        r#"{"\ud83d":1}"#,
        r#"{"metadata":{"a":["\ud83dx"]}}"#,
        r#"{"content":"a","content":"a"}"#,
        r#"{"metadata":{"a":{"b":1,"\u0062":2}}}"#,
        r#"{"x":[{"y":1,"y":1}]}"#,
        r#"{"data":{"type":"memories","meta":{"deep":[{"z":1,"z":1}]}}}"#,
    ] {
        assert_eq!(faults_of_tool(body).await, ["malformed_json"], "{body}");
    }
    let app = App::new();
    let answer = app.send(envelope(&b"{\n \"data\": \"\xff\"}"[..])).await;
    assert_eq!(answer.faults(), ["malformed_json"]);
    let detail = answer.json()["errors"][0]["detail"].clone();
    assert_eq!(
        detail,
        "The text is not acceptable JSON: the bytes are not UTF-8, at line 2, column 11. Send one JSON object in UTF-8."
    );
}

#[tokio::test]
async fn a_root_that_is_no_object_is_no_document() {
    for body in ["[]", "null", "\"data\"", "1", "true"] {
        assert_eq!(
            faults_of_tool(body).await,
            ["invalid_document \"\""],
            "{body}"
        );
        assert_eq!(
            faults_of_envelope(body).await,
            ["invalid_document \"\""],
            "{body}"
        );
    }
    assert_eq!(faults_of_envelope("{}").await, ["invalid_document \"\""]);
    for body in [
        r#"{"data":null}"#,
        r#"{"data":[]}"#,
        r#"{"data":[{}]}"#,
        r#"{"data":"x"}"#,
    ] {
        assert_eq!(
            faults_of_envelope(body).await,
            ["invalid_document \"/data\""],
            "{body}"
        );
        assert_eq!(
            faults_of_tool(body).await,
            ["invalid_document \"/data\""],
            "{body}"
        );
    }
}

#[tokio::test]
async fn every_fault_of_the_tool_s_body_is_listed_in_the_order_of_the_fields() {
    let body = r#"{"x/y":1,"metadata":{"confidence":1.5,"source":7,"tags":["a",null,{}]},"timestamp":"now","content":" \n","domain":null,"z~":{}}"#;
    assert_eq!(
        faults_of_tool(body).await,
        [
            "required \"\" (domain)",
            "required \"\" (entity_id)",
            "blank \"/content\"",
            "invalid_timestamp \"/timestamp\"",
            "out_of_range \"/metadata/confidence\"",
            "invalid_type \"/metadata/source\"",
            "invalid_type \"/metadata/tags/1\"",
            "invalid_type \"/metadata/tags/2\"",
            "unknown_field \"/x~1y\"",
            "unknown_field \"/z~0\"",
        ]
    );
    let body = r#"{"entity_id":1,"domain":[],"content":{},"timestamp":1769483662,"metadata":"x"}"#;
    let expected = ["domain", "entity_id", "content", "timestamp", "metadata"];
    assert_eq!(
        faults_of_tool(body).await,
        expected.map(|field| format!("invalid_type \"/{field}\""))
    );
    let body = sound(r#","metadata":{"tags":"a","confidence":"1"}"#);
    assert_eq!(
        faults_of_tool(&body).await,
        [
            "invalid_type \"/metadata/tags\"",
            "invalid_type \"/metadata/confidence\""
        ]
    );
}

#[tokio::test]
async fn every_fault_of_the_envelope_is_listed_in_the_order_of_the_fields() {
    let body = r#"{"meta":[],"jsonapi":1,"data":{"relationships":{"author":{"data":null},"@x":1},"lid":5,"links":"x","attributes":
        {"author":"Rob","tags":[1],"memory_type":"\u0000","repository_id":"9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d","timestamp":""}}}"#;
    assert_eq!(
        faults_of_envelope(body).await,
        [
            "invalid_uuid \"/data/attributes/repository_id\"",
            "required \"/data/attributes\" (content)",
            "invalid_timestamp \"/data/attributes/timestamp\"",
            "invalid_character \"/data/attributes/memory_type\"",
            "invalid_type \"/data/attributes/tags/0\"",
            "required \"/data\" (type)",
            "invalid_type \"/jsonapi\"",
            "invalid_type \"/meta\"",
            "invalid_type \"/data/links\"",
            "invalid_type \"/data/lid\"",
            "unknown_field \"/data/relationships/author\"",
            "unknown_field \"/data/attributes/author\"",
        ]
    );
    let body = r#"{"data":{"type":5,"attributes":null}}"#;
    assert_eq!(
        faults_of_envelope(body).await,
        [
            "invalid_type \"/data/type\"",
            "required \"/data\" (attributes)"
        ]
    );
    let body = r#"{"data":{"type":"memories","attributes":[],"relationships":[]}}"#;
    assert_eq!(
        faults_of_envelope(body).await,
        [
            "invalid_type \"/data/relationships\"",
            "invalid_type \"/data/attributes\""
        ]
    );
}

#[tokio::test]
async fn the_type_then_the_id_are_judged_first_and_end_the_check() {
    assert_eq!(
        faults_of_envelope(r#"{"data":{"type":"memory","id":"1"}}"#).await,
        ["type_mismatch \"/data/type\""]
    );
    for id in ["\"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d\"", "7", "{}"] {
        let body = format!(r#"{{"data":{{"type":"memories","id":{id},"attributes":5}}}}"#);
        assert_eq!(
            faults_of_envelope(&body).await,
            ["client_id_unsupported \"/data/id\""]
        );
    }
    let app = App::new();
    assert_eq!(
        app.send(envelope(r#"{"data":{"type":"x"}}"#)).await.status,
        409
    );
    assert_eq!(
        app.send(envelope(r#"{"data":{"type":"memories","id":"x"}}"#))
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn what_json_api_lets_a_server_ignore_is_ignored() {
    let app = App::new();
    for body in [
        data(
            r#""type":"memories","id":null,"lid":"l1","relationships":{},"meta":{},"foo":1,"@x":[],"#,
        ),
        data(r#""type":"memories","relationships":{"@context":{}},"links":null,"#),
        data(r#""type":"memories","relationships":null,"#).replacen(
            '{',
            r#"{"jsonapi":{"ext":["https://u"]},"included":5,"foo":{},"@a":0,"#,
            1,
        ),
        attributes(
            r#""content":"c","repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d","@context":{},"tags":null,"memory_type":null,"timestamp":null"#,
        ),
    ] {
        let answer = app.send(envelope(body.as_str())).await;
        assert_eq!(answer.status, 201, "{body}: {}", answer.text());
    }
    assert!(
        app.stored()
            .values()
            .all(|object| object.ends_with(br#""metadata":{}}"#))
    );
}

#[tokio::test]
async fn an_empty_list_of_tags_is_given_and_kept() {
    let app = App::new();
    let id = r#""repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d""#;
    app.send(envelope(attributes(&format!(
        r#""tags":[],"memory_type":"a\"b","content":"c",{id}"#
    ))))
    .await;
    let object = app.stored().into_values().next().unwrap();
    assert!(object.ends_with(br#""metadata":{"memory_type":"a\"b","tags":[]}}"#));
}

#[tokio::test]
async fn a_name_is_1_to_150_bytes_without_control_characters() {
    let named = |name: &str| {
        serde_json::json!({"entity_id": name, "domain": name, "content": "c"}).to_string()
    };
    let both = |code: &str| {
        ["domain", "entity_id"]
            .map(|field| format!("{code} \"/{field}\""))
            .to_vec()
    };
    for blank in ["", " ", "\u{2003}\u{a0}"] {
        assert_eq!(
            faults_of_tool(&named(blank)).await,
            both("blank"),
            "{blank:?}"
        );
    }
    assert_eq!(
        faults_of_tool(&named(&"ü".repeat(76))).await,
        both("too_long")
    );
    for character in ["a\0", "a\u{7f}", "\u{9f}a"] {
        assert_eq!(
            faults_of_tool(&named(character)).await,
            both("invalid_character"),
            "{character:?}"
        );
    }
    let app = App::new();
    for name in [
        "ü".repeat(75),
        "😀".to_owned(),
        "..".to_owned(),
        "/".to_owned(),
        "%".repeat(150),
        "+".to_owned(),
    ] {
        let answer = app.send(tool(named(&name))).await;
        assert_eq!(answer.status, 201, "{name}");
        assert!(answer.json()["s3_key"].as_str().unwrap().len() <= 1024);
        assert!(
            app.stored()
                .contains_key(answer.json()["s3_key"].as_str().unwrap()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn metadata_nests_64_levels_and_no_depth_of_anything_else_is_a_fault() {
    let nested = |levels: usize| {
        format!(
            "{}{{}}{}",
            r#"{"a":"#.repeat(levels - 1),
            "}".repeat(levels - 1)
        )
    };
    let body = |levels| sound(&format!(r#","metadata":{}"#, nested(levels)));
    let app = App::new();
    assert_eq!(app.send(tool(body(64))).await.status, 201);
    for levels in [65, 129, 100_000] {
        assert_eq!(
            faults_of_tool(&body(levels)).await,
            ["too_deep \"/metadata\""]
        );
    }
    let brackets = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
    let ignored = data(&format!(
        r#""type":"memories","meta":{{"deep":{brackets}}},"#
    ));
    // The answer's own check reads no body this deep, so the service alone is asked.
    assert_eq!(app.send(envelope(ignored)).await.status, 201);
    assert_eq!(app.send(tool("[".repeat(4 << 20))).await.status, 400);
}

#[tokio::test]
async fn numbers_of_any_size_are_kept_as_they_are_spelled() {
    let app = App::new();
    let numbers = format!(
        r#"{{"a":{},"b":1e400,"c":-0.0E-999999999999999999999,"d":0.1{}}}"#,
        "9".repeat(10_000),
        "0".repeat(500)
    );
    let answer = app
        .send(tool(sound(&format!(r#","metadata":{numbers}"#))))
        .await;
    assert_eq!(answer.status, 201);
    let object = app.stored().into_values().next().unwrap();
    assert!(
        String::from_utf8(object)
            .unwrap()
            .ends_with(&format!(r#""metadata":{numbers}}}"#))
    );
    for (confidence, fault) in [
        ("1.00000000000000000001", true),
        ("-1e-400", true),
        ("1e-400", false),
        ("1.0", false),
    ] {
        let body = sound(&format!(r#","metadata":{{"confidence":{confidence}}}"#));
        assert_eq!(
            app.send(tool(body)).await.status == 422,
            fault,
            "{confidence}"
        );
    }
}

#[tokio::test]
async fn a_body_of_4_mib_is_stored_and_one_byte_more_is_too_large() {
    let app = App::new();
    let room = 4 * 1024 * 1024 - sound("").len() + 1;
    let whole = sound("").replace(r#""c""#, &format!("\"{}\"", "x".repeat(room)));
    assert_eq!(whole.len(), 4 * 1024 * 1024);
    let answer = app.send(tool(whole.as_str())).await;
    assert_eq!(answer.status, 201);
    assert_eq!(app.stored().len(), 1);
    let answer = app.send(tool_for_document(format!("{whole} "))).await;
    assert_eq!(
        (answer.status.as_u16(), answer.faults()),
        (413, vec!["too_large".to_owned()])
    );
    assert_eq!(app.stored().len(), 1);
}

#[tokio::test]
async fn hostile_faults_make_no_hostile_answer() {
    let app = App::new();
    let many: Vec<_> = (0..100_000)
        .map(|number| format!(r#""x{number}":1"#))
        .collect();
    let answer = app
        .send(tool_for_document(format!("{{{}}}", many.join(","))))
        .await;
    assert_eq!(answer.faults().len(), 100);
    let last = answer.json()["errors"][99]["detail"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        last.ends_with("More faults that are not listed: 99903."),
        "{last}"
    );
    let long = "n".repeat(1 << 20);
    let answer = app
        .send(tool_for_document(sound(&format!(r#","{long}":1"#))))
        .await;
    assert_eq!(answer.faults(), ["unknown_field \"\""]);
    assert!(answer.body.len() < 1_000);
    app.assert_nothing_stored();
}

#[tokio::test]
async fn the_flat_failure_is_every_detail_in_one_sentence_after_the_other() {
    let app = App::new();
    let body = r#"{"domain":"d","content":"","timestamp":"2026-01-27"}"#;
    let document = app
        .send(tool_for_document(body).header("accept", JSON_API))
        .await
        .json();
    let details: Vec<_> = document["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["detail"].as_str().unwrap())
        .collect();
    let flat = app.send(tool(body)).await;
    assert_eq!(flat.status, 422);
    assert_eq!(
        flat.json(),
        serde_json::json!({"status": "error", "error": details.join(" ")})
    );
    insta::assert_snapshot!(flat.text(), @r#"{"status":"error","error":"\"entity_id\" is required and must not be null. \"content\" is blank; it must have more than white space. \"timestamp\" is a date without a time of day. Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z, or leave it out to mean now."}"#);
}
