//! The record of a request: one line for each, whatever became of it, and nothing in it that was sent.

use std::io::Read;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::agent::{self, Agent};
use crate::exchange::{JSON, JSON_API};
use crate::lambda::{Function, REQUEST_ID, rest_event};
use crate::message::{ARGUMENTS, request};
use crate::process::{Server, command};
use crate::reader::SCOPE;
use crate::socket::serve;

const MEMORY: &str = r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z"}"#;
const KEY: &str = "memories/domain=work/entity=rob/2026/01/27/2026-01-27T03-14-22.000000000Z_";

/// A service and what it logs.
pub(crate) struct Logged {
    server: Server,
    log: JoinHandle<String>,
}

impl Logged {
    pub(crate) fn start(data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = command();
        command
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data);
        command.envs(settings.iter().copied());
        Self::spawn(command)
    }

    fn spawn(command: std::process::Command) -> Self {
        let (server, mut stderr) = Server::spawn_with_log(command);
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        Self { server, log }
    }

    pub(crate) fn ask(&self, method: &str, target: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let client = &self.server.client;
        client.request(method, format!("{}{target}", self.server.url))
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        self.server.url.strip_prefix("http://").unwrap()
    }

    /// All that was logged, once the service has ended.
    pub(crate) fn log(mut self) -> String {
        self.server.stop();
        self.log.join().unwrap()
    }

    fn records(self) -> Vec<Value> {
        records(&self.log())
    }
}

/// The records among the lines of a log.
pub(crate) fn records(log: &str) -> Vec<Value> {
    let lines = log.lines().filter(|line| line.starts_with('{'));
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message"] == "request").collect()
}

/// What a record says of what was asked and what became of it.
fn summary(record: &Value) -> String {
    let of = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
    let status = record["status"].as_u64().unwrap_or_default();
    let parts = [
        of("method"),
        of("route"),
        of("tool"),
        status.to_string(),
        of("outcome"),
        of("codes"),
    ];
    parts.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_a_server_has_one_record_under_the_id_of_its_response() {
    let folder = tempfile::tempdir().unwrap();
    let service = Logged::start(folder.path(), &[]);
    let call = |arguments: &str| {
        request(
            "tools/call",
            &format!(r#"{{"name":"append_memory","arguments":{arguments}}}"#),
        )
    };
    let search = format!("/memory/search?{SCOPE}&filter[query]=mornings");
    let post = |target: &str, media_type: &str, body: &str| {
        let asked = service
            .ask("POST", target)
            .header("content-type", media_type);
        asked.header("accept", JSON).body(body.to_owned())
    };
    let stored = post("/memory", JSON, MEMORY).send().await.unwrap();
    let id = stored.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let memory_id = stored.json::<Value>().await.unwrap()["memory_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let one = format!("/memory/{memory_id}?{SCOPE}");
    let locked = json!({"data": {"type": "memories", "id": memory_id, "attributes": {"status": "verified"}}}).to_string();
    let asked = [
        (
            post("/api/v1/mcp/memories/", JSON, MEMORY),
            "POST /api/v1/mcp/memories - 201 repeated -",
        ),
        (
            post("/memory", JSON, "{}"),
            "POST /memory - 422 refused required",
        ),
        (
            post("/memory", JSON_API, "{"),
            "POST /memory - 400 refused malformed_json",
        ),
        (
            post("/mcp", JSON, &call(ARGUMENTS)),
            "POST /mcp append_memory 200 repeated -",
        ),
        (
            post("/mcp", JSON, &call("{}")),
            "POST /mcp append_memory 200 refused required",
        ),
        (
            post("/mcp", JSON, &request("ping", "{}")),
            "POST /mcp - 200 answered -",
        ),
        (
            post("/mcp", JSON, &request("nothing", "{}")),
            "POST /mcp - 200 refused method_not_found",
        ),
        (
            service.ask("GET", "/health"),
            "GET /health - 200 answered -",
        ),
        (
            service.ask("HEAD", "/openapi.json"),
            "HEAD /openapi.json - 200 answered -",
        ),
        (
            service.ask("GET", "/nothing"),
            "GET - - 404 refused not_found",
        ),
        (
            service.ask("PUT", "/memory"),
            "PUT /memory - 405 refused method_not_allowed",
        ),
        (
            service.ask("BREW", "/memory"),
            "other /memory - 405 refused method_not_allowed",
        ),
        (
            service
                .ask("OPTIONS", "/mcp")
                .header("origin", "http://localhost:1")
                .header("access-control-request-method", "POST"),
            "OPTIONS /mcp - 204 answered -",
        ),
        (
            service.ask("GET", &search),
            "GET /memory/search - 200 read -",
        ),
        (
            service.ask("GET", &format!("/memories?{SCOPE}")),
            "GET /memories - 200 read -",
        ),
        (service.ask("GET", &one), "GET /memory/{id} - 200 read -"),
        (
            service.ask("GET", &format!("/memory/x?{SCOPE}")),
            "GET /memory/{id} - 404 refused not_found",
        ),
        (
            service.ask("GET", "/memory/search"),
            "GET /memory/search - 400 refused invalid_parameter",
        ),
        (
            service
                .ask("PATCH", &one)
                .header("content-type", JSON_API)
                .body(locked.clone()),
            "PATCH /memory/{id} - 200 changed -",
        ),
        (
            service
                .ask("PATCH", &one)
                .header("content-type", JSON_API)
                .body(locked),
            "PATCH /memory/{id} - 200 repeated -",
        ),
        (
            service.ask("DELETE", &one),
            "DELETE /memory/{id} - 200 changed -",
        ),
        (
            service.ask("GET", &one),
            "GET /memory/{id} - 410 refused deleted",
        ),
    ];
    let mut expected = vec![(id, "POST /memory - 201 stored -")];
    for (request, summary) in asked {
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap();
        expected.push((id.to_owned(), summary));
    }
    let records = service.records();
    assert_eq!(records.len(), expected.len(), "{records:#?}");
    for ((id, expected), record) in expected.iter().zip(&records) {
        assert_eq!(
            (&record["request_id"], &*summary(record)),
            (&json!(id), *expected)
        );
        assert_eq!(
            (&record["surface"], &record["caller"]),
            (&json!("http"), &record["caller"])
        );
        assert!(record["ms"].as_f64().unwrap() > 0.0 && record.get("_aws").is_none());
    }
    let stored = &records[0];
    assert_eq!(
        (&stored["domain"], &stored["entity"]),
        (&json!("work"), &json!("rob"))
    );
    assert!(stored["key"].as_str().unwrap().starts_with(KEY), "{stored}");
    assert_eq!(stored["memory_id"], memory_id);
    assert_eq!(stored["bytes_in"], MEMORY.len());
    assert!(stored["bytes_stored"].as_u64().unwrap() > 100);
    assert!(stored["s3_ms"].as_f64() <= stored["ms"].as_f64());
    assert_eq!(
        (&stored["s3_puts"], &stored["caller"]),
        (&json!(1), &json!("local"))
    );
    let search = &records[14];
    assert_eq!(search["scopes"], "memories/domain=work/entity=rob/");
    let counts = ["shown", "s3_lists", "s3_keys", "s3_gets", "view_misses"];
    assert_eq!(
        counts.map(|name| search[name].as_u64()),
        [Some(1), Some(2), Some(1), Some(1), Some(1)],
        "{search}"
    );
    let changed = &records[19];
    assert_eq!(changed["memory_status"], "verified");
    assert!(
        changed["key"]
            .as_str()
            .unwrap()
            .starts_with("events/domain=work/entity=rob/")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_a_pipe_has_a_record_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = agent::command(&["--data", folder.path().to_str().unwrap()]);
    command.env_remove("RUST_LOG");
    let log = tokio::task::spawn_blocking(move || {
        let mut agent = Agent::spawn(command);
        agent.call(ARGUMENTS).unwrap();
        agent.call("{}").unwrap_err();
        agent.send(&request("ping", "{}"));
        agent.receive();
        agent.send("{broken");
        agent.receive();
        let search = r#"{"name":"search_memory","arguments":{"domain":"work","entity_id":"rob","query":"mornings"}}"#;
        agent.send(&request("tools/call", search));
        agent.receive();
        agent.end().2
    });
    let records = records(&log.await.unwrap());
    let summaries: Vec<_> = records.iter().map(summary).collect();
    assert_eq!(
        summaries,
        [
            "- - append_memory 0 stored -",
            "- - append_memory 0 refused required",
            "- - - 0 answered -",
            "- - - 0 refused parse_error",
            "- - search_memory 0 read -",
        ]
    );
    assert!(
        records
            .iter()
            .all(|record| record["surface"] == "stdio" && record["caller"] == "local")
    );
    assert_eq!(records[4]["s3_keys"], 1);
}

/// A bucket whose answers come late: each put is proved.
pub(crate) async fn slow_bucket(pause: Duration) -> String {
    let answer = move |request: Request| async move {
        let digest = request.headers()["x-amz-checksum-sha256"].clone();
        tokio::time::sleep(pause).await;
        let proof = [
            ("etag", "\"e\"".parse().unwrap()),
            ("x-amz-checksum-sha256", digest),
        ];
        let id = [("x-amz-request-id", "S3REQUEST")];
        (StatusCode::OK, proof, id).into_response()
    };
    format!("http://{}", serve(Router::new().fallback(answer)).await)
}

pub(crate) fn over_bucket(endpoint: &str, settings: &[(&str, &str)]) -> Logged {
    let mut command = command();
    command
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--write-only",
            "--bucket",
            "memories-of-a-test",
        ])
        .env("AWS_ENDPOINT_URL_S3", endpoint)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("NO_PROXY", "127.0.0.1")
        .envs(settings.iter().copied());
    Logged::spawn(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_has_a_record_of_what_became_of_the_memory() {
    let service = over_bucket(&slow_bucket(Duration::from_millis(600)).await, &[]);
    let address = service.address();
    let head = format!(
        "POST /memory HTTP/1.1\r\nhost: {address}\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\n\r\n",
        MEMORY.len()
    );
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket
        .write_all(format!("{head}{MEMORY}").as_bytes())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(socket);
    // Half a request: nothing of it was begun.
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(socket);
    tokio::time::sleep(Duration::from_millis(900)).await;
    let records = service.records();
    let find = |outcome: &str| records.iter().find(|record| record["outcome"] == outcome);
    let stored = find("stored").expect("a record of the put");
    assert!(
        stored.get("status").is_none() && stored["key"].as_str().unwrap().starts_with(KEY),
        "{stored}"
    );
    assert_eq!(stored["s3_request_id"], "S3REQUEST");
    assert!(stored["s3_ms"].as_f64().unwrap() >= 600.0 && stored["connect_ms"].is_number());
    assert_eq!(records.len(), 2, "{records:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_s3_said_is_in_the_record_as_data() {
    let denied = "<Error><Code>AccessDenied</Code><Message>no</Message><RequestId>S3REQUEST</RequestId></Error>";
    let answer = (
        StatusCode::FORBIDDEN,
        [("x-amz-request-id", "S3REQUEST")],
        denied,
    );
    let refusing = serve(Router::new().fallback(move || async move { answer })).await;
    for (endpoint, expected) in [
        (
            format!("http://{refusing}"),
            json!([
                "ERROR",
                "not_written",
                "storage_refused",
                "AccessDenied",
                "S3REQUEST"
            ]),
        ),
        (
            "http://127.0.0.1:1".to_owned(),
            json!(["WARN", "not_written", "storage_unavailable", null, null]),
        ),
    ] {
        let service = over_bucket(&endpoint, &[]);
        service.server.post(MEMORY).await.unwrap();
        let records = service.records();
        let found = ["level", "outcome", "code", "s3_code", "s3_request_id"]
            .map(|name| records[0][name].clone());
        assert_eq!(json!(found), expected, "{records:?}");
        assert!(records[0]["why"].is_string() && records[0]["s3_ms"].is_number());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_lambda_has_a_record_with_metrics_and_its_trace() {
    let folder = tempfile::tempdir().unwrap();
    let memory = json!({"data": {"type": "memories", "attributes": {"repository_id": REQUEST_ID, "content": "c", "timestamp": "2026-01-27T03:14:22Z"}}});
    let mut traced = rest_event("/memory", &memory.to_string());
    traced["multiValueHeaders"]["X-Amzn-Trace-Id"] =
        json!(["Root=1-67891233-abcdef012345678912345678;Sampled=1"]);
    traced["multiValueHeaders"]["traceparent"] =
        json!(["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]);
    traced["requestContext"]["identity"]["userArn"] =
        json!("arn:aws:sts::123456789012:assumed-role/writer/rob");
    let mut health = rest_event("/health", "");
    health["httpMethod"] = json!("GET");
    let events = [traced.clone(), traced, rest_event("/memory", "{}"), health];
    // No filter hides what alarms rest on.
    let mut function = Function::over(folder.path(), &events, &[("RUST_LOG", "off")]).await;
    for _ in &events {
        function.answer().await;
    }
    let records = function.log();
    assert_eq!(records.len(), 4, "{records:#?}");
    let first = &records[0];
    assert_eq!(first["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(first["parent_id"], "00f067aa0ba902b7");
    assert_eq!(
        first["xray_trace_id"],
        "1-67891233-abcdef012345678912345678"
    );
    assert_eq!(
        first["caller"],
        "arn:aws:sts::123456789012:assumed-role/writer/rob"
    );
    assert_eq!(
        (&first["surface"], &first["request_id"]),
        (&json!("lambda"), &json!(REQUEST_ID))
    );
    assert_eq!(
        (&first["ColdStarts"], &first["Stored"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&records[1]["ColdStarts"], &records[1]["Repeated"]),
        (&Value::Null, &json!(1))
    );
    let by_code = &records[2]["_aws"]["CloudWatchMetrics"][1];
    assert_eq!(
        (&by_code["Dimensions"], &by_code["Metrics"][0]["Name"]),
        (&json!([["function", "code"]]), &json!("Refused"))
    );
    assert!(records[3].get("_aws").is_none());
}
