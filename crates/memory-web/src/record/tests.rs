//! The lines of records, as CloudWatch and a person read them.

use serde_json::Value;

use super::*;
use crate::telemetry::Form;

const TOOK: Duration = Duration::from_micros(12_345);

fn members() -> Members {
    Members {
        at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_769_483_662_007),
        request_id: "r-1".to_owned(),
        method: Some("POST"),
        route: Some("/memory"),
        ..Members::begin(Surface::Http, Trace::default())
    }
}

fn stored() -> Members {
    Members {
        caller: Some("rob".to_owned()),
        status: Some(201),
        outcome: Some(Outcome::Stored),
        about: About {
            domain: Some("work".to_owned()),
            entity: Some("rob \"b\"".to_owned()),
            memory_id: Some(Uuid::nil()),
            key: Some("memories/domain=work/entity=rob%20%22b%22/k.json".to_owned()),
            bytes: Some(300),
            status: None,
        },
        bytes_in: Some(120),
        storage: Storage {
            time: Some(Duration::from_millis(9)),
            connecting: Some(Duration::from_micros(30)),
            request_id: Some("S3-1".to_owned()),
            puts: 1,
            ..Storage::default()
        },
        ..members()
    }
}

fn line(members: &Members, form: &Form) -> String {
    line::of(members, TOOK, form, false)
}

fn on_aws(members: &Members) -> Value {
    let function = "writer".to_owned();
    serde_json::from_str(&line(members, &Form::Metrics { function })).unwrap()
}

/// The names of the metrics, and with how many dimensions each is.
fn metrics(record: &Value) -> Vec<(String, usize)> {
    let directives = record["_aws"]["CloudWatchMetrics"].as_array();
    let mut found = Vec::new();
    for directive in directives.into_iter().flatten() {
        let dimensions = directive["Dimensions"][0].as_array().unwrap();
        for name in dimensions {
            assert!(record[name.as_str().unwrap()].is_string(), "{record}");
        }
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            assert!(record[name].is_number(), "{name} in {record}");
            found.push((name.to_owned(), dimensions.len()));
        }
    }
    found
}

#[test]
fn a_record_is_one_line_of_json() {
    insta::assert_snapshot!(line(&stored(), &Form::Json).trim_end(), @r#"{"timestamp":"2026-01-27T03:14:22.007Z","level":"INFO","message":"request","request_id":"r-1","caller":"rob","surface":"http","method":"POST","route":"/memory","status":201,"outcome":"stored","domain":"work","entity":"rob \"b\"","memory_id":"00000000-0000-0000-0000-000000000000","key":"memories/domain=work/entity=rob%20%22b%22/k.json","bytes_in":120,"bytes_stored":300,"ms":12.345,"s3_ms":9.000,"connect_ms":0.030,"s3_puts":1,"s3_request_id":"S3-1"}"#);
    let odd = Members {
        why: Some(Why::from("two\nlines \"and\" a\u{1b}[2J".to_owned())),
        caller: Some("a\nb\u{202e}".to_owned()),
        ..members()
    };
    assert!(!line(&odd, &Form::Text).contains('\u{202e}'));
    for form in [Form::Json, Form::Text] {
        let line = line(&odd, &form);
        let ends: Vec<_> = line.match_indices(|c: char| c.is_control()).collect();
        assert_eq!(ends, [(line.len() - 1, "\n")], "{line}");
    }
}

#[test]
fn a_person_reads_what_was_asked_what_became_of_it_and_how_long_it_took() {
    insta::assert_snapshot!(line(&stored(), &Form::Text).trim_end(), @"2026-01-27T03:14:22.007Z INFO  stored POST /memory 201 in 12.345 ms (S3 9.000 ms) memories/domain=work/entity=rob%20%22b%22/k.json by rob request_id=r-1");
    let failed = Members {
        outcome: Some(Outcome::Failed),
        severity: Severity::Warning,
        codes: vec!["view_building"],
        status: Some(503),
        shown: Some(Shown {
            scopes: "memories/domain=work/entity=rob/".to_owned(),
            memories: 3,
        }),
        why: Some(Why::from("5 % are read".to_owned())),
        ..members()
    };
    insta::assert_snapshot!(line(&failed, &Form::Text).trim_end(), @"2026-01-27T03:14:22.007Z WARN  failed POST /memory 503 view_building in 12.345 ms 3 of memories/domain=work/entity=rob/ request_id=r-1: 5 % are read");
}

#[test]
fn no_name_is_in_a_line_where_names_are_hashed() {
    let members = Members {
        shown: Some(Shown {
            scopes: "memories/domain=work/entity=rob/".to_owned(),
            memories: 1,
        }),
        why: Some(Why::from(
            "events/domain=work/entity=rob/1.json: bad".to_owned(),
        )),
        caller: None,
        storage: Storage {
            remarks: vec!["no view: views/1/domain=work/entity=rob.zst".to_owned()],
            ..Storage::default()
        },
        ..stored()
    };
    for form in [Form::Json, Form::Text] {
        let line = line::of(&members, TOOK, &form, true);
        assert!(!line.contains("work") && !line.contains("rob"), "{line}");
        assert!(line.contains("sha256:"));
    }
}

#[test]
fn metrics_are_members_of_the_record_with_few_dimensions() {
    let found = on_aws(&stored());
    let expected = ["Requests", "Stored", "Latency", "S3Latency"].map(|name| (name.to_owned(), 1));
    assert_eq!(metrics(&found), expected);
    assert_eq!(found["_aws"]["Timestamp"], 1_769_483_662_007_i64);
    assert_eq!(
        found["_aws"]["CloudWatchMetrics"][0]["Namespace"],
        "MemoryIngress"
    );
    let refused = Members {
        outcome: Some(Outcome::Refused),
        codes: vec!["blank", "required"],
        ..members()
    };
    let refused = on_aws(&refused);
    let (once, by_code) = (("Refused".to_owned(), 1), ("Refused".to_owned(), 2));
    assert_eq!(metrics(&refused)[1..], [once, by_code]);
    assert_eq!(
        (&refused["code"], &refused["codes"]),
        (&"blank".into(), &"blank,required".into())
    );
    let unknown = Members {
        outcome: Some(Outcome::Unknown),
        codes: vec!["storage_outcome_unknown"],
        ..members()
    };
    let names: Vec<_> = metrics(&on_aws(&unknown));
    assert!(
        names.contains(&("Unknown".to_owned(), 1)) && names.contains(&("Failures".to_owned(), 2))
    );
    assert!(
        !line(&stored(), &Form::Json).contains("_aws"),
        "elsewhere nobody reads them"
    );
}

#[test]
fn a_health_check_has_no_metrics_but_a_cold_start() {
    let health = |is_cold| Members {
        is_open: true,
        is_cold,
        ..members()
    };
    assert_eq!(
        metrics(&on_aws(&health(true))),
        [("ColdStarts".to_owned(), 1)]
    );
    assert!(on_aws(&health(false)).get("_aws").is_none());
}

#[test]
fn what_became_of_a_request_follows_from_its_problems_unless_it_is_known() {
    let ended = |problems: &[Problem]| {
        let record = Record::begin(Surface::Http, &HeaderMap::new());
        record.refused(problems, None);
        record.ended(Outcome::Answered);
        let mut found = None;
        record.fill(|members| found = Some((members.outcome(), members.codes.len())));
        found.unwrap()
    };
    assert_eq!(ended(&[Problem::overloaded()]), (Outcome::NotWritten, 1));
    let unknown = Problem::internal().written(Written::Unknown);
    assert_eq!(ended(&[unknown]), (Outcome::Unknown, 1));
    assert_eq!(ended(&[Problem::internal()]), (Outcome::Failed, 1));
    let twice = [Problem::not_found(), Problem::not_found()];
    assert_eq!(ended(&twice), (Outcome::Refused, 1));
    assert_eq!(ended(&[]), (Outcome::Answered, 0));
    let nothing = Record::begin(Surface::Http, &HeaderMap::new());
    nothing.fill(|members| assert_eq!(members.outcome(), Outcome::Abandoned));
}

#[test]
fn the_name_of_a_caller_is_bounded() {
    let claims = memory_log::scope::Claims {
        user_arn: Some("ä".repeat(200)),
        ..memory_log::scope::Claims::default()
    };
    let record = Record::begin(Surface::Lambda, &HeaderMap::new());
    record.called_by(Caller::Verified(&claims));
    record.fill(|members| assert_eq!(members.caller, Some("ä".repeat(128))));
}
