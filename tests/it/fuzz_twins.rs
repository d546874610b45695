//! The checks of the fuzz targets without libFuzzer: on their corpus, on mangled copies of it, and on
//! generated inputs of the right form.

use std::fs;
use std::path::Path;

use lambda_http::request::LambdaRequest;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

#[path = "../../fuzz/invariants/mod.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets use it as a crate")]
mod invariants;

/// The committed files of a target. Files that libFuzzer adds to the folder have no extension.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let entries = fs::read_dir(folder.join(target)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some());
    files.sort();
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A file of the corpus with some bits flipped, and some bytes inserted, removed or copied from another
/// file.
fn mangled(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let files = corpus(target);
    let token = select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\\u00", " ", "\n", "-", "1e9", "null", "\"\"",
        "\"a\":1,", "\u{85}", ";q=0", "\0",
    ]);
    let edit = (0..6, any::<Index>(), any::<Index>(), 1..24_usize, token);
    let edits = prop::collection::vec(edit, 1..7);
    (select(files.clone()), select(files), edits).prop_map(|(mut file, other, edits)| {
        for (kind, at, from, length, token) in edits {
            let at = at.index(file.len() + 1);
            let end = (at + length).min(file.len());
            let piece = other.iter().skip(from.index(other.len() + 1)).take(length);
            match kind {
                0 => file
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte ^= 1 << (length % 8)),
                1 | 2 => drop(file.splice(at..at, token.bytes())),
                3 => drop(file.drain(at..end)),
                4 => drop(file.splice(at..at, piece.copied())),
                _ => drop(file.splice(at..end, piece.copied())),
            }
        }
        file
    })
}

/// A JSON value of any kind.
fn value() -> impl Strategy<Value = String> {
    let known = select(vec![
        "null",
        "true",
        "0",
        "-0.0e5",
        "1E0",
        "1e400",
        "7.5",
        "\"\"",
        "\" \\t\"",
        "\"x\"",
        "\"\\u0007\"",
        "\"\\ud83d\"",
        "[]",
        "[\"a\", 1, null]",
        "{}",
        "{\"a\":{ \"b\" :[1.0]}}",
        "\"2026-01-27T03:14:22.5+07:00\"",
        "\"2026-01-27\"",
        "\"2026-01-27T03:14:22\u{2212}08:00\"",
        "\"2026-01-27T03:14:22.1234567890Z\"",
        "\"\u{3000}\\u00a0\"",
        "\"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d\"",
    ]);
    prop_oneof![
        3 => known.prop_map(str::to_owned),
        1 => prop::collection::vec(any::<char>(), 0..160).prop_map(|text| json!(String::from_iter(text)).to_string()),
        1 => (0..70_usize).prop_map(|levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels)).replace("[]", "[{}]")),
    ]
}

/// An object of some of these members, most of them with the value given here.
fn object(members: &'static [(&'static str, &'static str)]) -> impl Strategy<Value = String> {
    let spaces = select(vec!["", "", " ", "\n\t"]);
    let kept = (0..30, value()).prop_map(|(choice, value)| match choice {
        0 => None,
        1 | 2 => Some(Some(value)),
        _ => Some(None),
    });
    let kept = prop::collection::vec(kept, members.len());
    let more = (select(vec!["x", "@a", "m/~n", "data", "content"]), value());
    (kept, prop::option::weighted(0.08, more), spaces).prop_map(move |(kept, more, space)| {
        let spelled = |name: &str, value: &str| format!("{space}\"{name}\"{space}:{space}{value}");
        let kept = members.iter().zip(&kept);
        let mut written: Vec<_> = kept
            .filter_map(|((name, usual), kept)| {
                Some(spelled(name, kept.as_ref()?.as_deref().unwrap_or(usual)))
            })
            .collect();
        written.extend(more.iter().map(|(name, value)| spelled(name, value)));
        format!("{{{}{space}}}", written.join(","))
    })
}

fn tool_body() -> impl Strategy<Value = String> {
    let metadata = object(&[
        ("tags", "[\"a\"]"),
        ("source", "\"s\""),
        ("confidence", "1.0e0"),
        ("n", "[ 1.50, {} ]"),
    ]);
    let fields = object(&[
        ("entity_id", "\"rob\""),
        ("domain", "\"w/ö\""),
        ("content", "\"c \\u00e9\""),
        ("timestamp", "\"2026-01-27T03:14:22.000001Z\""),
        ("metadata", "METADATA"),
    ]);
    (fields, metadata).prop_map(|(fields, metadata)| fields.replace("METADATA", &metadata))
}

fn envelope() -> impl Strategy<Value = String> {
    let attributes = object(&[
        ("content", "\"c\""),
        ("repository_id", "\"9B1DEB4D-3b7d-4bad-9bdd-2b0d7b3dcb6d\""),
        ("memory_type", "\"fact\\u2028\""),
        ("tags", "[\"\\u00e9\", \"\"]"),
        ("timestamp", "\"2026-01-27t03:14:22z\""),
    ]);
    let data = object(&[
        ("type", "\"memories\""),
        ("attributes", "ATTRIBUTES"),
        ("id", "null"),
        ("relationships", "{}"),
        ("meta", "{}"),
        ("lid", "\"l\""),
    ]);
    let document = object(&[
        ("data", "DATA"),
        ("jsonapi", "{\"version\":\"1.1\"}"),
        ("links", "{}"),
    ]);
    (document, data, attributes).prop_map(|(document, data, attributes)| {
        document
            .replace("DATA", &data)
            .replace("ATTRIBUTES", &attributes)
    })
}

fn accept() -> impl Strategy<Value = String> {
    let range = select(vec![
        "*/*",
        "application/*",
        "application/json",
        "Application/vnd.api+json",
        "text/html",
        "*/json",
        "json",
        "",
    ]);
    let parameter = select(vec![
        "",
        "",
        ";q=0",
        ";q=0.001",
        "; Q=1.000",
        " ;q=0.5",
        ";q=2",
        ";profile=\"a,b\\\"\"",
        ";ext=x",
        ";charset=utf-8",
        ";a=\"b",
    ]);
    let separator = select(vec![",", ", ", "\t,\t", "\n", ",,"]);
    let entry = (range, parameter.clone(), parameter, separator)
        .prop_map(|(range, one, other, separator)| format!("{range}{one}{other}{separator}"));
    prop::collection::vec(entry, 0..6).prop_map(|entries| entries.concat())
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let request = object(&[
        ("jsonrpc", "\"2.0\""),
        ("id", "ID"),
        ("method", "METHOD"),
        ("params", "PARAMS"),
    ]);
    let params = object(&[
        ("name", "\"append_memory\""),
        ("arguments", "ARGUMENTS"),
        ("_meta", "META"),
    ]);
    let meta = object(&[
        ("io.modelcontextprotocol/protocolVersion", "\"2026-07-28\""),
        ("io.modelcontextprotocol/clientCapabilities", "{}"),
    ]);
    let id = prop_oneof![
        value(),
        Just("-1.50e2".to_owned()),
        Just("\"\\u0061\"".to_owned())
    ];
    let methods = [
        "tools/call",
        "tools/call",
        "tools/call",
        "tools/list",
        "initialize",
        "ping",
        "server/discover",
        "notifications/x",
        "x\\ud83d",
    ];
    let arguments = (tool_body(), 0..4).prop_map(|(body, choice)| {
        if choice == 0 {
            json!(body).to_string()
        } else {
            body
        }
    });
    let arrival = select(b"sb12mMwxr".to_vec());
    (
        request,
        params,
        (meta, 0..3),
        id,
        select(methods.to_vec()),
        arguments,
        arrival,
    )
        .prop_map(
            |(request, params, (meta, choice), id, method, arguments, arrival)| {
                let meta = if choice == 0 { meta } else { "{}".to_owned() };
                let message = request
                    .replace("PARAMS", &params)
                    .replace("META", &meta)
                    .replace("METHOD", &format!("\"{method}\""))
                    .replace("ARGUMENTS", &arguments)
                    .replace("ID", &id);
                [vec![arrival], message.into_bytes()].concat()
            },
        )
}

fn event() -> impl Strategy<Value = Vec<u8>> {
    let paths = [
        "/memory",
        "/mcp",
        "/memories/",
        "/api/v1/mcp",
        "/health",
        "/openapi.json",
        "/Memory",
        "/prod/memory b%2f\u{e9}",
    ];
    let paths = prop_oneof![3 => select(paths[..4].to_vec()), 1 => select(paths.to_vec())];
    let methods = prop_oneof![8 => Just("POST"), 1 => select(vec!["GET", "HEAD", "OPTIONS", "X"])];
    let kinds = [
        "application/json",
        "application/vnd.api+json",
        "application/vnd.api+json;ext=x",
        "text/plain",
        "",
    ];
    let kinds = prop_oneof![6 => Just(kinds[0]), 1 => select(kinds.to_vec())];
    let queries = prop_oneof![8 => Just(""), 1 => select(vec!["include=a&b[=\u{fc}", "dryRun=1"])];
    let origins = prop_oneof![4 => Just(""), 1 => select(vec!["https://app.example.com", "null"])];
    let accepts = prop_oneof![2 => Just("*/*".to_owned()), 1 => accept()];
    let body = prop_oneof![
        tool_body(),
        envelope(),
        message().prop_map(|bytes| String::from_utf8_lossy(&bytes[1..]).into_owned())
    ];
    let head = (paths, methods, kinds, queries, origins);
    (head, body, accepts, any::<bool>()).prop_map(|((path, method, kind, query, origin), body, accept, is_rest)| {
        let mut headers = json!({"host": "api.test", "accept": accept.replace(['\n', '\t'], " "), "access-control-request-method": "POST"});
        for (name, value) in [("content-type", kind), ("origin", origin)] {
            if !value.is_empty() {
                headers[name] = json!(value);
            }
        }
        let event = if is_rest {
            let query = query.split('&').filter_map(|pair| pair.split_once('='));
            let query: serde_json::Map<_, _> = query.map(|(name, value)| (name.to_owned(), json!(value))).collect();
            json!({"path": path, "httpMethod": method, "headers": headers, "multiValueHeaders": null, "queryStringParameters": query,
                "requestContext": {"stage": "prod", "httpMethod": method}, "body": body, "isBase64Encoded": false})
        } else {
            json!({"version": "2.0", "rawPath": path, "rawQueryString": query, "headers": headers,
                "requestContext": {"stage": "$default", "http": {"method": method}}, "body": body, "isBase64Encoded": false})
        };
        event.to_string().into_bytes()
    })
}

fn response() -> impl Strategy<Value = String> {
    let statuses = prop_oneof![
        4 => Just("201"),
        6 => select(vec!["400", "403", "408", "413", "429", "500", "502", "503", "504"]),
        1 => select(vec!["200", "307", "404", "418", "999", "20", ""]),
    ];
    let pauses = [
        "2",
        "86401",
        "18446744073709551616",
        "Tue, 27 Jan 2026 03:15:22 GMT",
        "Tuesday, 27-Jan-26 03:15:22 GMT",
        "Fri Dec 31 23:59:59 9999",
        "-1",
        "soon",
        "",
    ];
    let fields = prop_oneof![
        select(pauses.to_vec()).prop_map(|pause| format!("Retry-After: {pause}\n")),
        select(vec![
            "x-request-id: r-1\n",
            "x-amzn-RequestId: \t\n",
            "x-amzn-ErrorType: ExpiredTokenException:http://x\n",
            "location: https://x.test/\n",
            "location: \u{e9}\n",
            "no field\n",
        ])
        .prop_map(str::to_owned),
    ];
    let fields = prop::collection::vec(fields, 0..4).prop_map(|fields| fields.concat());
    let receipt = object(&[
        ("status", "\"ok\""),
        ("memory_id", "\"3801baa2-1063-86b6-b294-c22f1c2f081e\""),
        ("s3_key", "\"memories/k\""),
    ]);
    let error = object(&[
        ("status", "\"error\""),
        (
            "error",
            "\"The memory was not stored. Repeat it with \\\"timestamp\\\":\"",
        ),
    ]);
    let gateway = object(&[
        ("message", "\"Missing Authentication Token.\""),
        ("code", "\"ns#UnrecognizedClient:x\""),
        ("__type", "\"\\u0085\""),
    ]);
    let long = (0..2_000_usize).prop_map(|length| json!({"message": "K\n".repeat(length)}));
    let body = prop_oneof![
        4 => receipt,
        4 => error,
        4 => gateway,
        1 => long.prop_map(|body| body.to_string()),
        1 => Just("<html>\n\n<body>Sign in</body></html>".to_owned()),
    ];
    (statuses, fields, body)
        .prop_map(|(status, fields, body)| format!("{status}\n{fields}\n{body}"))
}

fn key() -> impl Strategy<Value = String> {
    let names = || {
        select(vec![
            "work", "rob", "rob2", "a%2Fb", "a%2fb", "a/b", "%C3%B6", "ö", "%C3", "%41", "%+5",
            "%", "",
        ])
    };
    let days =
        prop_oneof![6 => Just("2026/01/27"), 1 => select(vec!["2026/01/28", "2026/1/27", ""])];
    let usual = "2026-01-27T03-14-22.000000000Z";
    let instants = [
        "2026-01-27T03-14-22.123456789Z",
        "2026-01-27T03-14-22.5Z",
        "2026-01-27T03-14-22Z",
        "2026-01-27T03:14:22.000000000Z",
        "2026-01-27t03-14-22.000000000z",
        "2026-01-27T03-14-60.000000000Z",
        "2026-01-27T03-14-22.000000000+00-00",
    ];
    let instants = prop_oneof![6 => Just(usual), 1 => select(instants.to_vec())];
    let id = "3801baa2-1063-86b6-b294-c22f1c2f081e";
    let ids = [
        "3801BAA2-1063-86B6-B294-C22F1C2F081E",
        "3801baa2106386b6b294c22f1c2f081e",
        "",
    ];
    let ids = prop_oneof![6 => Just(id), 1 => select(ids.to_vec())];
    let ends = prop_oneof![6 => Just(".json"), 1 => select(vec![".JSON", "", ".json/", ".json\n"])];
    (names(), names(), days, instants, (ids, ends)).prop_map(
        |(domain, entity_id, day, instant, (id, end))| {
            format!("memories/domain={domain}/entity={entity_id}/{day}/{instant}_{id}{end}")
        },
    )
}

#[test]
fn every_file_of_the_corpus_passes_the_checks_of_its_target() {
    for (target, check) in [
        ("envelope", invariants::envelope as fn(&[u8])),
        ("tool_body", invariants::tool_body),
        ("accept", invariants::accept),
        ("mcp_message", invariants::mcp_message),
        ("gateway_event", invariants::gateway_event),
        ("verdict", invariants::verdict),
        ("key", invariants::key),
    ] {
        assert!(corpus(target).len() >= 5, "{target}");
        corpus(target).iter().for_each(|input| check(input));
    }
    for input in corpus("gateway_event") {
        assert!(serde_json::from_slice::<LambdaRequest>(&input).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn an_envelope_is_stored_as_it_was_sent_or_refused_for_its_faults(made in envelope(), mangled in mangled("envelope")) {
        invariants::envelope(made.as_bytes());
        invariants::envelope(&mangled);
    }

    #[test]
    fn a_tool_body_is_stored_as_it_was_sent_or_refused_for_its_faults(made in tool_body(), mangled in mangled("tool_body")) {
        invariants::tool_body(made.as_bytes());
        invariants::tool_body(&mangled);
    }

    #[test]
    fn an_accept_field_is_read_by_the_rules_of_rfc_9110(made in accept(), mangled in mangled("accept")) {
        invariants::accept(made.as_bytes());
        invariants::accept(&mangled);
    }

    #[test]
    fn the_reply_to_a_message_is_one_line_with_its_id(made in message(), mangled in mangled("mcp_message")) {
        invariants::mcp_message(&made);
        invariants::mcp_message(&mangled);
    }

    #[test]
    fn a_response_is_a_success_only_if_it_is_a_receipt(made in response(), mangled in mangled("verdict")) {
        invariants::verdict(made.as_bytes());
        invariants::verdict(&mangled);
    }

    #[test]
    fn a_claim_is_read_only_from_a_key_of_the_log(made in key(), mangled in mangled("key")) {
        invariants::key(made.as_bytes());
        invariants::key(&mangled);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stored_for_an_event_is_what_its_response_says(made in event(), mangled in mangled("gateway_event")) {
        prop_assert!(serde_json::from_slice::<LambdaRequest>(&made).is_ok());
        invariants::gateway_event(&made);
        invariants::gateway_event(&mangled);
    }
}
