//! Traces: one server span for each request, one client span for each call to S3, and the trace of the sender.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::agent::{self, Agent};
use crate::collector::{Collector, Span};
use crate::exchange::JSON;
use crate::message::{ARGUMENTS, request};
use crate::misbehaving::{Misbehaving, answer};
use crate::process::command;
use crate::reader::SCOPE;
use crate::record::{Logged, over_bucket, records, slow_bucket};
use crate::socket::serve;

pub(crate) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
pub(crate) const MEMORY: &str = r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z"}"#;

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// A service over this folder, whose spans go to this collector.
fn traced(data: &std::path::Path, collector: &Collector, more: &[(&str, &str)]) -> Logged {
    Logged::start(data, &[&[(ENDPOINT, &*collector.endpoint)], more].concat())
}

pub(crate) fn post(service: &Logged, body: &str) -> reqwest::RequestBuilder {
    let asked = service.ask("POST", "/memory").header("content-type", JSON);
    asked.header("accept", JSON).body(body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_memory_is_a_server_span_below_its_sender_with_a_client_span_for_the_put() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let service = traced(
        folder.path(),
        &collector,
        &[
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=s3cret"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=test",
            ),
        ],
    );
    let asked = post(&service, MEMORY)
        .header("traceparent", traceparent("01"))
        .header("tracestate", "vendor=1")
        .header("tracestate", "other=2");
    let stored: Value = asked.send().await.unwrap().json().await.unwrap();
    // The last spans leave with the process.
    let log = service.log();
    let record = &records(&log)[0];
    let [server, put] = &collector.spans()[..] else {
        panic!("{:?}", collector.spans());
    };
    assert_eq!((&*server.name, server.kind), ("POST /memory", "server"));
    assert_eq!((&*server.trace, &*server.parent), (TRACE, PARENT));
    assert_eq!(server.state, "vendor=1,other=2");
    assert!(!server.failed && !put.failed);
    let request_id = &record["request_id"];
    assert_eq!(
        server.attributes,
        json!({
            "http.request.method": "POST", "http.response.status_code": 201, "http.route": "/memory", "url.path": "/memory",
            "url.scheme": "http", "memory.id": stored["memory_id"], "memory.outcome": "stored",
            "memory.request_id": request_id, "memory.s3.puts": 1,
        })
    );
    assert_eq!((&*put.name, put.kind), ("S3/PutObject", "client"));
    assert_eq!((&put.trace, &put.parent), (&server.trace, &server.id));
    assert!(server.begun <= put.begun && put.begun < put.ended && put.ended <= server.ended);
    let mut attributes = put.attributes.clone();
    attributes.as_object_mut().unwrap().remove("aws.request_id");
    assert_eq!(
        attributes,
        json!({
            "rpc.system.name": "aws-api", "rpc.method": "S3/PutObject", "aws.s3.bucket": "memory",
            "aws.s3.key": stored["s3_key"],
        })
    );
    let resource = &server.resource;
    assert_eq!(resource["service.name"], "memory-ingress");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(resource["deployment.environment.name"], "test");
    let arrived = &collector.requests()[0];
    assert_eq!(arrived.path, "/v1/traces");
    assert_eq!(arrived.headers["x-team"], "s3cret");
    assert_eq!(arrived.headers["content-type"], "application/x-protobuf");
    assert_eq!(
        (&record["trace_id"], &record["parent_id"]),
        (&json!(TRACE), &json!(PARENT))
    );
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_has_the_trace_of_its_span_also_where_the_sender_names_none() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let service = traced(folder.path(), &collector, &[("OTEL_SERVICE_NAME", "mine")]);
    let state = format!("a={}", "x".repeat(60_000));
    let parents = [
        "garbage",
        "00-0-0-01",
        &format!("ff-{TRACE}-{PARENT}-01"),
        "",
    ];
    for parent in parents {
        let asked = post(&service, MEMORY).header("traceparent", parent);
        assert_eq!(asked.send().await.unwrap().status(), 201, "{parent}");
    }
    let asked = post(&service, MEMORY).header("traceparent", traceparent("01"));
    let asked = asked.header("tracestate", &state).send().await.unwrap();
    assert_eq!(asked.status(), 201);
    let records = records(&service.log());
    let spans = collector.spans();
    let servers: Vec<_> = spans.iter().filter(|span| span.kind == "server").collect();
    assert_eq!((records.len(), servers.len()), (5, 5));
    for (record, span) in records.iter().zip(&servers) {
        assert_eq!(record["trace_id"], span.trace);
        assert_eq!(span.resource["service.name"], "mine");
        assert_eq!(span.state, "", "a state that is too long");
    }
    let [new @ .., of_sender] = &servers[..] else {
        panic!()
    };
    assert!(
        new.iter()
            .all(|span| span.parent.is_empty() && span.trace != TRACE)
    );
    assert_eq!((&*of_sender.trace, &*of_sender.parent), (TRACE, PARENT));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_exported_of_a_trace_that_is_not_sampled_and_the_record_names_it() {
    let collector = Collector::start().await;
    for (parent, more) in [
        (Some(traceparent("00")), &[][..]),
        (None, &[("OTEL_TRACES_SAMPLER", "always_off")]),
        (Some(traceparent("01")), &[("OTEL_SDK_DISABLED", "true")]),
        (Some(traceparent("01")), &[("OTEL_TRACES_EXPORTER", "none")]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let service = traced(folder.path(), &collector, more);
        let mut asked = post(&service, MEMORY);
        if let Some(parent) = &parent {
            asked = asked.header("traceparent", parent);
        }
        assert_eq!(asked.send().await.unwrap().status(), 201);
        let record = &records(&service.log())[0];
        if parent.is_some() {
            assert_eq!(record["trace_id"], TRACE);
        }
    }
    assert!(collector.requests().is_empty());
}

/// What a span says of a request.
fn summary(span: &Span) -> String {
    let of = |name: &str| {
        let value = span.attributes.get(name);
        let text = value.map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
        text.unwrap_or_else(|| "-".to_owned())
    };
    let failed = if span.failed { "failed" } else { "-" };
    let (status, path) = (of("http.response.status_code"), of("url.path"));
    format!(
        "{} {} {path} {status} {} {} {failed}",
        span.kind,
        span.name,
        of("memory.code"),
        of("error.type")
    )
}

fn summaries(collector: &Collector) -> Vec<String> {
    collector.spans().iter().map(summary).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_no_failure_of_the_server_and_its_path_is_not_shown() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let service = traced(folder.path(), &collector, &[]);
    post(&service, "{}").send().await.unwrap();
    for (method, target) in [
        ("GET", "/nothing?a=b"),
        ("BREW", "/memory"),
        ("GET", "/health"),
        ("GET", "/memory/x?filter[domain]=work&filter[entity_id]=rob"),
    ] {
        service.ask(method, target).send().await.unwrap();
    }
    drop(service.log());
    assert_eq!(
        summaries(&collector),
        [
            "server POST /memory /memory 422 required - -",
            "server GET - 404 not_found - -",
            "server HTTP /memory /memory 405 method_not_allowed - -",
            "server GET /health /health 200 - - -",
            "server GET /memory/{id} - 404 not_found - -",
        ]
    );
    assert_eq!(
        collector.spans()[2].attributes["http.request.method"],
        "_OTHER"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_fails_fails_its_span_and_that_of_its_request() {
    let collector = Collector::start().await;
    let denied = "<Error><Code>AccessDenied</Code><Message>not you, rob</Message></Error>";
    let refuse = move |_: Request| async move {
        let id = [("x-amz-request-id", "S3REQUEST")];
        (StatusCode::FORBIDDEN, id, denied).into_response()
    };
    let bucket = format!("http://{}", serve(Router::new().fallback(refuse)).await);
    let service = over_bucket(&bucket, &[(ENDPOINT, &collector.endpoint)]);
    assert_eq!(post(&service, MEMORY).send().await.unwrap().status(), 500);
    drop(service.log());
    assert_eq!(
        summaries(&collector),
        [
            "server POST /memory /memory 500 storage_refused storage_refused failed",
            "client S3/PutObject - - - AccessDenied failed",
        ]
    );
    assert_eq!(
        collector.spans()[1].attributes["aws.request_id"],
        "S3REQUEST"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_span_of_who_hangs_up_ends_with_the_put() {
    let collector = Collector::start().await;
    let bucket = slow_bucket(Duration::from_millis(600)).await;
    let service = over_bucket(&bucket, &[(ENDPOINT, &collector.endpoint)]);
    let address = service.address();
    let head = format!(
        "POST /memory HTTP/1.1\r\nhost: {address}\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\n\r\n{MEMORY}",
        MEMORY.len()
    );
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(socket);
    tokio::time::sleep(Duration::from_millis(900)).await;
    drop(service.log());
    let spans = collector.spans();
    let [server, put] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(summary(server), "server POST /memory /memory - - - -");
    assert_eq!(server.attributes["memory.outcome"], "stored");
    assert_eq!(put.attributes["aws.request_id"], "S3REQUEST");
    assert!(put.ended - put.begun >= 600_000_000 && put.ended <= server.ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_has_a_span_for_each_call_to_s3_up_to_a_limit() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let service = traced(folder.path(), &collector, &[]);
    for number in 0..100 {
        let memory = format!(
            r#"{{"entity_id":"rob","domain":"work","content":"morning {number}","timestamp":"2026-01-27T03:14:22Z"}}"#
        );
        assert_eq!(post(&service, &memory).send().await.unwrap().status(), 201);
    }
    let search = format!("/memory/search?{SCOPE}&filter[query]=morning");
    let found = service.ask("GET", &search).send().await.unwrap();
    assert_eq!(found.status(), 200);
    drop(service.log());
    let spans = collector.spans();
    let search = spans.iter().find(|span| span.name == "GET /memory/search");
    let search = search.unwrap();
    assert_eq!(search.attributes["memory.outcome"], "read");
    let gets = search.attributes["memory.s3.gets"].as_u64().unwrap();
    assert!(gets >= 100, "{gets}");
    let calls: Vec<_> = spans
        .iter()
        .filter(|span| span.parent == search.id)
        .collect();
    let count = |name: &str| calls.iter().filter(|span| span.name == name).count();
    let lists = search.attributes["memory.s3.lists"].as_u64();
    assert_eq!(
        count("S3/ListObjectsV2"),
        usize::try_from(lists.unwrap()).unwrap()
    );
    assert!(
        (32..=70).contains(&count("S3/GetObject")),
        "{}",
        calls.len()
    );
    assert!(
        calls
            .iter()
            .all(|span| span.kind == "client" && !span.name.contains("rob"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_names_are_hashed_in_the_log_no_span_has_one() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let service = traced(
        folder.path(),
        &collector,
        &[("MEMORY_LOG_HASH_NAMES", "true")],
    );
    assert_eq!(post(&service, MEMORY).send().await.unwrap().status(), 201);
    drop(service.log());
    let put = &collector.spans()[1];
    assert_eq!(put.attributes["aws.s3.bucket"], "memory");
    assert_eq!(put.attributes.get("aws.s3.key"), None);
}

/// What an agent sends for a memory, with its place in a trace.
fn call(flags: &str) -> String {
    let meta = json!({"traceparent": traceparent(flags), "tracestate": "vendor=1"});
    request(
        "tools/call",
        &format!(r#"{{"name":"append_memory","arguments":{ARGUMENTS},"_meta":{meta}}}"#),
    )
}

/// Sends these messages to an agent's server with these arguments.
async fn over_a_pipe(args: &[&str], settings: &[(&str, &str)], messages: Vec<String>) -> String {
    let mut command = agent::command(args);
    command
        .env_remove("RUST_LOG")
        .envs(settings.iter().copied());
    let spoken = tokio::task::spawn_blocking(move || {
        let mut agent = Agent::spawn(command);
        for message in messages {
            agent.send(&message);
            agent.receive();
        }
        agent.end().2
    });
    spoken.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_a_pipe_is_a_span_below_what_its_message_names() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let data = ["--data", folder.path().to_str().unwrap()];
    let refused = request("tools/call", r#"{"name":"append_memory","arguments":{}}"#);
    let messages = vec![call("01"), request("ping", "{}"), refused];
    let log = over_a_pipe(&data, &[(ENDPOINT, &collector.endpoint)], messages).await;
    let spans = collector.spans();
    let [called, put, ping, refused] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(
        (&*called.name, called.kind),
        ("tools/call append_memory", "server")
    );
    assert_eq!((&*called.trace, &*called.parent), (TRACE, PARENT));
    assert_eq!(called.attributes["gen_ai.tool.name"], "append_memory");
    assert_eq!(called.attributes["mcp.method.name"], "tools/call");
    assert_eq!((&put.parent, &*ping.name), (&called.id, "message"));
    assert_eq!(
        summary(refused),
        "server tools/call append_memory - - required - -"
    );
    assert_eq!(records(&log)[0]["trace_id"], TRACE);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_a_deployed_service_hands_the_trace_on() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let service = traced(folder.path(), &collector, &[]);
    let url = format!("http://{}", service.address());
    let args = ["--write-only", "--url", &url];
    over_a_pipe(&args, &[(ENDPOINT, &collector.endpoint)], vec![call("01")]).await;
    drop(service.log());
    let spans = collector.spans();
    let [agent, server, put] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!((&*agent.trace, &*agent.parent), (TRACE, PARENT));
    assert_eq!(
        (&*server.name, &server.parent),
        ("POST /api/v1/mcp/memory", &agent.id)
    );
    assert_eq!((&*server.state, &put.parent), ("vendor=1", &server.id));
    assert!([server, put].iter().all(|span| span.trace == TRACE));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_what_the_agent_said_is_handed_on_as_it_is() {
    let refusal = answer("403 Forbidden", "", r#"{"message":"Forbidden"}"#);
    let server = Misbehaving::start("http", refusal).await;
    let args = ["--write-only", "--url", &server.endpoint];
    over_a_pipe(&args, &[], vec![call("00"), request("ping", "{}")]).await;
    let seen = server.seen().remove(0).to_ascii_lowercase();
    let field = format!("traceparent: {}\r\n", traceparent("00"));
    assert!(
        seen.contains(&field) && seen.contains("tracestate: vendor=1\r\n"),
        "{seen}"
    );
}

#[test]
fn a_wrong_collector_prevents_the_start_and_its_secrets_are_not_shown() {
    for (name, value, part) in [
        (ENDPOINT, "127.0.0.1:4318", "http://127.0.0.1:4318"),
        (
            ENDPOINT,
            "http://user:s3cret@collector",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "s3cret",
            "http://127.0.0.1:4318",
        ),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "4318"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "unset it"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "key: s3cret", "name=value"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "9999999999", "65536"),
    ] {
        let mut serve = command();
        serve.args(["serve", "--listen", "127.0.0.1:0"]);
        if !name.ends_with("ENDPOINT") {
            serve.env(ENDPOINT, "http://127.0.0.1:4318");
        }
        let ended = serve.env(name, value).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(78), "{said}");
        assert!(said.contains(name) && said.contains(part), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn a_command_that_exports_nothing_does_not_look_at_the_collector() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("memory")).unwrap();
    for args in [
        &["replay"][..],
        &["search", "mornings"],
        &["views", "--domain", "work", "--entity", "rob"],
        &["erase", "--domain", "work", "--entity", "rob"],
    ] {
        let mut ended = command();
        ended.args(args).arg("--data").arg(folder.path());
        ended.env(ENDPOINT, "http://127.0.0.1:4318");
        ended.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let ended = ended.output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_ne!(ended.status.code(), Some(78), "{args:?}: {said}");
        assert!(!said.contains("OTEL"), "{args:?}: {said}");
    }
}
