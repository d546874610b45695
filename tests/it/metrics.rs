//! What operators rely on is in real records: the metrics of Terraform, and the fields of the runbook.
//!
//! A process has one log, so the requests are made in a process of their own, and its log is read here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::Request;
use axum::{Extension, Router};
use memory_ingress::joined;
use memory_ingress::remember::Ingress;
use memory_log::scope::{Claims, ReadScopes, WriteScopes};
use memory_log::steward::Stewards;
use memory_recall::access::Access;
use memory_recall::find::Recall;
use memory_s3::changer::Changer;
use memory_s3::embedded::{self, BUCKET, Disk, VIEWS_BUCKET};
use memory_s3::reader::Reader;
use memory_s3::views::Views;
use memory_s3::writer::Writer;
use memory_web::guard::Guard;
use memory_web::http::{PlatformRequestId, router};
use memory_web::problem::Code;
use memory_web::telemetry;
use serde_json::{Value, json};

use crate::exchange::{JSON, send_unchecked};
use crate::faulty::{Fault, error, faulty_store};
use crate::message::request;
use crate::reader::SCOPE;
use crate::record::records;

/// Memories of which a new view is put.
const MANY: usize = 70;

/// A function with both halves, over a folder. Each has read nothing yet.
fn function(folder: &Path, writer: Option<Writer>) -> Router {
    let client = embedded::client(Disk::create(folder).unwrap());
    let reader = Reader::new(client.clone(), BUCKET);
    let recall = Recall::new(reader.clone()).with_views(Views::new(client.clone(), VIEWS_BUCKET));
    let access = Access::new(recall, ReadScopes::everywhere(), Stewards::Unnamed);
    let changer = Changer::new(client.clone(), BUCKET).of_a_folder();
    let writer = writer.unwrap_or_else(|| Writer::new(client, BUCKET));
    let log = joined::Log {
        ingress: Arc::new(Ingress::new(writer, WriteScopes::Everywhere)),
        access: Arc::new(access.with_changes(reader, changer, WriteScopes::Everywhere)),
    };
    let claims = Claims {
        user_arn: Some("arn:aws:iam::123456789012:user/rob".to_owned()),
        ..Claims::default()
    };
    router(log.endpoints(), Guard::default())
        .layer(Extension(claims))
        .layer(Extension(PlatformRequestId("r-1".to_owned())))
}

async fn ask(function: &Router, method: &str, target: &str, body: &str) -> Value {
    let request = Request::builder().method(method).uri(target);
    let request = request.header("content-type", JSON).header("accept", JSON);
    let request = request
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .header(
            "x-amzn-trace-id",
            "Root=1-67891233-abcdef012345678912345678",
        );
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answer = send_unchecked(function, request).await;
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

fn memory(content: &str) -> String {
    json!({"domain": "work", "entity_id": "rob", "content": content, "timestamp": "2026-01-27T03:14:22Z"}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the tests below run it in a process of its own"]
async fn a_function_that_is_asked_for_everything() {
    let name = "f".to_owned();
    telemetry::init(
        telemetry::Reader::CloudWatch { function: name },
        "off",
        false,
        &memory_trace::settings::Settings::default(),
    );
    let folder = tempfile::tempdir().unwrap();
    let first = function(folder.path(), None);
    for number in 0..MANY {
        ask(
            &first,
            "POST",
            "/memory",
            &memory(&format!("note {number}")),
        )
        .await;
    }
    let repeat = ask(&first, "POST", "/memory", &memory("note 0")).await;
    ask(&first, "POST", "/memory", "{}").await;
    let call = format!(
        r#"{{"name":"append_memory","arguments":{}}}"#,
        memory("note 0")
    );
    ask(&first, "POST", "/mcp", &request("tools/call", &call)).await;
    let foreign = folder
        .path()
        .join("memory/memories/domain=work/entity=rob/foreign");
    fs::write(foreign, "").unwrap();
    let search = format!("/memory/search?{SCOPE}&filter[query]=note");
    ask(&first, "GET", &search, "").await;
    ask(&function(folder.path(), None), "GET", &search, "").await;
    let id = repeat["memory_id"].as_str().unwrap();
    ask(&first, "DELETE", &format!("/memory/{id}?{SCOPE}"), "").await;
    for fault in [Fault::Lost, Fault::Refused(403, error("AccessDenied"))] {
        let failing = faulty_store(folder.path(), Arc::new(move |_| fault.clone()));
        let failing = function(folder.path(), Some(failing));
        ask(&failing, "POST", "/memory", &memory("late")).await;
    }
}

/// The records of the function above.
static RECORDS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut asked = Command::new(std::env::current_exe().unwrap());
    asked.args([
        "--exact",
        "metrics::a_function_that_is_asked_for_everything",
    ]);
    let output = asked.args(["--ignored", "--nocapture"]).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    records(&log)
});

/// The names of all metrics that were logged.
fn metrics() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for record in RECORDS.iter() {
        let directives = record["_aws"]["CloudWatchMetrics"].as_array();
        for directive in directives.into_iter().flatten() {
            for metric in directive["Metrics"].as_array().unwrap() {
                names.insert(metric["Name"].as_str().unwrap().to_owned());
            }
        }
    }
    names
}

/// The members of all records but the metrics.
pub(crate) fn fields() -> BTreeSet<String> {
    let members = RECORDS
        .iter()
        .flat_map(|record| record.as_object().unwrap().keys());
    let names: BTreeSet<_> = members.cloned().collect();
    let metrics = metrics();
    let is_field = |name: &String| name != "_aws" && !metrics.contains(name);
    names.into_iter().filter(is_field).collect()
}

/// The files of Terraform as one line, with single spaces.
fn terraform() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "tf"));
    let texts: Vec<_> = files
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let words = texts.iter().flat_map(|text| text.split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}

/// The texts in quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// The metrics that a configuration names next to our namespace, each time that it names one.
fn named(configuration: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in configuration.match_indices("local.namespace") {
        let (before, after) = (
            &configuration[..at],
            &configuration[at + "local.namespace".len()..],
        );
        let list = || {
            before
                .rsplit("for name in [")
                .next()
                .unwrap()
                .split(']')
                .next()
                .unwrap()
        };
        let begins = [", name = \"", " metric_name = \"", ", \""];
        match begins.iter().find_map(|begin| after.strip_prefix(begin)) {
            Some(rest) => drop(found.insert(rest.split('"').next().unwrap().to_owned())),
            None => {
                let is_of_a_list =
                    after.starts_with(", name,") || after.starts_with("},function,code}");
                assert!(
                    is_of_a_list,
                    "which metric is meant? …{}",
                    &after[..60.min(after.len())]
                );
                found.extend(quoted(list()).map(str::to_owned));
            }
        }
    }
    found
}

#[test]
fn every_metric_of_terraform_is_in_a_record_and_every_metric_of_a_record_is_used() {
    let named = named(&terraform());
    assert!(
        named.contains("Failures") && named.contains("ViewHits"),
        "{named:?}"
    );
    assert_eq!(named, metrics());
    for record in RECORDS.iter().filter(|record| record.get("_aws").is_some()) {
        assert_eq!(
            record["_aws"]["CloudWatchMetrics"][0]["Namespace"],
            "MemoryIngress"
        );
    }
    assert!(terraform().contains("namespace = \"MemoryIngress\""));
}

#[test]
fn a_metric_is_found_however_terraform_names_it() {
    let of = |text: &str| named(text).into_iter().collect::<Vec<_>>();
    assert_eq!(
        of("{ namespace = local.namespace, name = \"A\", x = 1 }"),
        ["A"]
    );
    assert_eq!(of("namespace = local.namespace metric_name = \"B\""), ["B"]);
    assert_eq!(of("[[local.namespace, \"C\", \"function\", f]]"), ["C"]);
    assert_eq!(
        of("[for name in [\"D\", \"E\"] : [local.namespace, name, f]]"),
        ["D", "E"]
    );
}

#[test]
fn every_code_of_an_alarm_is_one_of_the_contract() {
    let terraform = terraform();
    let codes: BTreeSet<_> = terraform
        .split(".name, code = ")
        .skip(1)
        .filter_map(|rest| quoted(rest).next())
        .collect();
    assert_eq!(
        codes,
        BTreeSet::from(["log_damaged", "storage_refused", "view_building"])
    );
    for code in codes {
        assert!(Code::ALL.iter().any(|known| known.name() == code), "{code}");
    }
}

#[test]
fn the_page_for_operators_lists_every_member_of_a_record_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = fs::read_to_string(page).unwrap();
    let section = |title: &str| {
        let text = page.split(&format!("\n## {title}\n")).nth(1).unwrap();
        let rows = text
            .split("\n## ")
            .next()
            .unwrap()
            .lines()
            .filter(|line| line.starts_with("| `"));
        let names =
            rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert_eq!(section("The record of a request"), fields());
    assert_eq!(section("Metrics"), metrics());
}
