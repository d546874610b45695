//! The JSON Schema of JSON:API 1.1, written from the specification, by which the harness judges every
//! document that it sees.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::app::vectors;
use crate::exchange::{JSON_API_SCHEMA, assert_json_api, strict};

static DOCUMENT: LazyLock<Validator> = LazyLock::new(|| strict(&JSON_API_SCHEMA));
/// What a client sends to create a resource.
static CREATE: LazyLock<Validator> =
    LazyLock::new(|| strict(&json!({"$ref": "#/$defs/create", "$defs": JSON_API_SCHEMA["$defs"]})));

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A document whose one resource has these members beside its type and id.
fn resource(members: &str) -> String {
    format!(r#"{{"data":{{"type":"a","id":"1",{members}}}}}"#)
}

/// A document whose one resource has one relationship.
fn related(members: &str) -> String {
    resource(&format!(r#""relationships":{{"b":{{{members}}}}}"#))
}

/// A document that includes a resource.
fn included(members: &str) -> String {
    format!(r#"{{"data":{{"type":"a","id":"1"}},"included":[{{"type":"b",{members}}}]}}"#)
}

fn error(members: &str) -> String {
    format!(r#"{{"errors":[{{{members}}}]}}"#)
}

#[test]
fn what_the_specification_allows_is_valid() {
    let whole = [
        r#"{"data":null}"#,
        r#"{"data":[]}"#,
        r#"{"data":{"type":"a","id":"1"}}"#,
        r#"{"data":[{"type":"a","id":"1"},{"type":"a","id":"2"}]}"#,
        r#"{"meta":{}}"#,
        r#"{"meta":{"any name":1,"a.b":{"@x":null}},"jsonapi":{"version":"1.1","ext":["https://e.test"],"profile":[],"meta":{}}}"#,
        r#"{"errors":[]}"#,
        r#"{"data":[],"links":{"self":"/a?page%5Bn%5D=1","next":null,"first":{"href":"https://e.test","rel":"x","title":"t","type":"text/html","hreflang":["en","de"],"describedby":"/d","meta":{}}}}"#,
        r#"{"data":[],"links":{"describedby":"https://e.test/schema"}}"#,
        r#"{"data":{"type":"a","id":"1"},"included":[{"type":"b","id":"1"}]}"#,
        r#"{"data":[],"@context":5}"#,
        r#"{"ext:member":1}"#,
    ]
    .map(str::to_owned);
    let resources = [
        r#""lid":"x""#,
        r#""attributes":{}"#,
        r#""attributes":{"a":null,"B9":{"links":1,"id":2},"long-name_x":[{}],"é":1,"a b":1,"@x":1}"#,
        r#""relationships":{}"#,
        r#""relationships":{"b":{"data":null},"c":{"data":{"type":"c","id":"1","meta":{}}},"d":{"data":[{"type":"d","id":"1","lid":"x"}]}}"#,
        r#""relationships":{"b":{"links":{"related":"/b"}},"c":{"meta":{}}}"#,
        r#""links":{"self":"https://e.test/a/1"},"meta":{"x":1}"#,
    ]
    .map(resource);
    let errors = [
        r#""id":"1""#,
        r#""status":"422","code":"c","title":"t","detail":"d","source":{"pointer":"/data/a~1b~0c/0"},"meta":{"field":"f"}"#,
        r#""source":{"pointer":""}"#,
        r#""source":{"parameter":"include"}"#,
        r#""source":{"header":"Accept"}"#,
        r#""links":{"about":"/e/1","type":{"href":"https://e.test"}}"#,
    ]
    .map(error);
    for document in whole.into_iter().chain(resources).chain(errors) {
        assert_json_api(&json(&document));
    }
}

#[test]
fn what_the_specification_forbids_is_not() {
    let whole = [
        "[]",
        "null",
        "{}",
        r#"{"jsonapi":{"version":"1.1"}}"#,
        r#"{"links":{"self":"/"}}"#,
        r#"{"@context":5}"#,
        r#"{"data":null,"errors":[]}"#,
        r#"{"data":null,"status":"ok"}"#,
        r#"{"status":"ok","memory_id":"1"}"#,
        r#"{"message":"Forbidden"}"#,
        r#"{"data":"1"}"#,
        r#"{"data":{"type":"a"}}"#,
        r#"{"data":{"id":"1"}}"#,
        r#"{"data":{"type":"a","id":1}}"#,
        r#"{"data":{"type":"a","id":null}}"#,
        r#"{"data":{"type":"","id":"1"}}"#,
        r#"{"data":{"type":"_a","id":"1"}}"#,
        r#"{"data":{"type":"a","lid":"1"},"included":[{"type":"b"}]}"#,
        r#"{"data":[null]}"#,
        r#"{"data":[],"links":{"next":1}}"#,
        r#"{"data":[],"links":{"next":{"rel":"x"}}}"#,
        r#"{"data":[],"links":{"other":"/"}}"#,
        r#"{"data":[],"links":[]}"#,
        r#"{"data":[],"meta":[]}"#,
        r#"{"data":[],"jsonapi":"1.1"}"#,
        r#"{"data":[],"jsonapi":{"version":1.1}}"#,
        r#"{"data":[],"jsonapi":{"name":"x"}}"#,
        r#"{"data":[],"jsonapi":{"ext":["no uri"]}}"#,
        r#"{"meta":{},"included":[]}"#,
        r#"{"data":[],"included":{}}"#,
        r#"{"data":[],"included":[{"type":"b","id":"1"},{"type":"b","id":"1"}]}"#,
        r#"{"errors":{}}"#,
        r#"{"errors":["no"]}"#,
        r#"{"errors":[{}]}"#,
    ]
    .map(str::to_owned);
    let resources = [
        r#""other":1"#,
        r#""attributes":[]"#,
        r#""attributes":null"#,
        r#""attributes":{"type":1}"#,
        r#""attributes":{"id":1}"#,
        r#""attributes":{"_a":1}"#,
        r#""attributes":{"a-":1}"#,
        r#""attributes":{"a.b":1}"#,
        r#""attributes":{"":1}"#,
        r#""relationships":{"b":{}}"#,
        r#""relationships":{"b":null}"#,
        r#""relationships":{"id":{"data":null}}"#,
        r#""relationships":{"b":{"data":{"type":"b"}}}"#,
        r#""relationships":{"b":{"data":{"type":"b","id":"1","attributes":{}}}}"#,
        r#""relationships":{"b":{"links":{}}}"#,
        r#""links":{"self":5}"#,
        r#""meta":1"#,
        r#""lid":1"#,
    ]
    .map(resource);
    let errors = [
        r#""status":422"#,
        r#""status":"4xx""#,
        r#""code":1"#,
        r#""id":null"#,
        r#""source":null"#,
        r#""source":{"pointer":"data"}"#,
        r#""source":{"pointer":"/a~2"}"#,
        r#""source":{"line":1}"#,
        r#""links":{"self":"/"}"#,
        r#""fault":"x""#,
        r#""meta":[]"#,
    ]
    .map(error);
    for document in whole.into_iter().chain(resources).chain(errors) {
        assert!(!DOCUMENT.is_valid(&json(&document)), "{document}");
    }
}

#[test]
fn a_request_to_create_needs_no_id_but_data_in_every_relationship() {
    for request in vectors("envelope.json").as_array().unwrap() {
        let document = json(request["request"].as_str().unwrap());
        assert!(CREATE.is_valid(&document), "{document}");
    }
    for valid in [
        r#"{"data":{"type":"a","relationships":{"b":{"data":null}}}}"#,
        r#"{"data":{"type":"a","id":"1","lid":"x"},"meta":{}}"#,
    ] {
        assert!(CREATE.is_valid(&json(valid)), "{valid}");
    }
    for invalid in [
        "{}",
        r#"{"data":null}"#,
        r#"{"data":[]}"#,
        r#"{"data":{"attributes":{}}}"#,
        r#"{"data":{"type":"a","relationships":{"b":{"meta":{}}}}}"#,
        r#"{"data":{"type":"a"},"errors":[]}"#,
    ] {
        assert!(!CREATE.is_valid(&json(invalid)), "{invalid}");
    }
}

#[test]
fn prefixed_names_and_local_ids_stand_only_where_they_may() {
    // Who may: a server that sends it, a client that creates by it.
    const NEITHER: (bool, bool) = (false, false);
    const SENT: (bool, bool) = (true, false);
    const CREATES: (bool, bool) = (false, true);
    const BOTH: (bool, bool) = (true, true);
    for ((sent, creates), document) in [
        // An @-member alone makes no error and no relationship; an extension's makes a relationship.
        (NEITHER, error(r#""@x":1"#)),
        (NEITHER, error(r#""ext:a":1"#)),
        (SENT, error(r#""@x":1,"ext:a":1,"code":"c""#)),
        (NEITHER, related(r#""@x":1"#)),
        (SENT, related(r#""@x":1,"ext:a":1"#)),
        (NEITHER, related(r#""links":{"@a:b":"/"}"#)),
        (NEITHER, related(r#""links":{"@a":"/"}"#)),
        (NEITHER, related(r#""links":{"first":"/y"}"#)),
        (SENT, related(r#""links":{"ext:a":"/x","first":"/y"}"#)),
        (SENT, related(r#""links":{"ext:a":"/x","@c":1}"#)),
        // Neither names a relationship.
        (BOTH, resource(r#""relationships":{"@x":{}}"#)),
        (
            BOTH,
            resource(r#""relationships":{"@x":{"data":{}},"ext:a":5}"#),
        ),
        // What follows the prefix is a name.
        (NEITHER, resource(r#""@":1"#)),
        (NEITHER, resource(r#""@a.b":1"#)),
        (NEITHER, resource(r#""@a:b":1"#)),
        (NEITHER, resource(r#""ext:":1"#)),
        (NEITHER, resource(r#""ext:a.b":1"#)),
        (NEITHER, resource(r#""ext:@a":1"#)),
        (NEITHER, resource(r#""e-x:a":1"#)),
        (BOTH, resource(r#""@a b":1,"ext:a-b":1,"E9:é":1"#)),
        (NEITHER, resource(r#""attributes":{"@":1}"#)),
        (NEITHER, resource(r#""attributes":{"ext:a.b":1}"#)),
        (NEITHER, resource(r#""relationships":{"ext:":1}"#)),
        (NEITHER, resource(r#""links":{"@a.b":1}"#)),
        (NEITHER, related(r#""data":null,"@":1"#)),
        (NEITHER, related(r#""data":{"type":"b","id":"1","ext:":1}"#)),
        (NEITHER, error(r#""id":"1","@":1"#)),
        (NEITHER, error(r#""source":{"@":1}"#)),
        (NEITHER, r#"{"data":null,"@":1}"#.into()),
        (NEITHER, r#"{"ext:":1}"#.into()),
        (
            NEITHER,
            r#"{"data":[],"links":{"self":{"href":"/","@":1}}}"#.into(),
        ),
        (NEITHER, r#"{"data":[],"jsonapi":{"ext:":1}}"#.into()),
        (NEITHER, r#"{"data":{"type":"ext:a","id":"1"}}"#.into()),
        // Names within meta and within an attribute's value are not judged.
        (
            BOTH,
            resource(r#""attributes":{"a":{"b.c":1,"@":1}},"meta":{"ext:":1}"#),
        ),
        // Only what a client creates is known by a local id.
        (CREATES, r#"{"data":{"type":"a","lid":"1"}}"#.into()),
        (NEITHER, r#"{"data":[{"type":"a","lid":"1"}]}"#.into()),
        (BOTH, resource(r#""lid":"1""#)),
        (CREATES, related(r#""data":{"type":"b","lid":"1"}"#)),
        (
            CREATES,
            related(r#""data":[{"type":"b","id":"1"},{"type":"b","lid":"1"}]"#),
        ),
        (NEITHER, related(r#""data":{"type":"b"}"#)),
        (CREATES, included(r#""lid":"1""#)),
        (NEITHER, included(r#""attributes":{}"#)),
        (
            BOTH,
            included(r#""id":"1","relationships":{"c":{"meta":{}}}"#),
        ),
    ] {
        let value = json(&document);
        assert_eq!(DOCUMENT.is_valid(&value), sent, "sent: {document}");
        assert_eq!(CREATE.is_valid(&value), creates, "creates: {document}");
    }
}
