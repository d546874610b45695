//! What was sent is in no line of the log and in no span, whatever the filter. Only who called is, and in the log alone.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::agent::{self, Agent};
use crate::collector::Collector;
use crate::exchange::{JSON, JSON_API};
use crate::record::{Logged, records};

/// In every field and header of the requests below.
const SECRET: &str = "xylo7phone";

const LOUD: &str = "trace,memory_web=trace,memory_trace=trace,memory_spans=trace,hyper=trace,hyper_util=trace,opentelemetry=trace,\
                    opentelemetry_otlp=trace,aws_sigv4=trace,aws_smithy_runtime=trace,s3s=trace";

/// Fails if a secret is in what was exported.
fn assert_untraced(collector: &Collector, requests: usize) {
    for arrived in collector.requests() {
        let bytes = String::from_utf8_lossy(&arrived.body).to_lowercase();
        assert!(
            !bytes.contains(&SECRET.to_lowercase()) && !bytes.contains("thekey8"),
            "{bytes}"
        );
    }
    let spans = collector.spans();
    let servers = spans.iter().filter(|span| span.kind == "server");
    assert_eq!(servers.count(), requests);
    assert!(spans.iter().any(|span| span.name == "S3/PutObject"));
}

/// Fields that a client can send, each with the secret.
fn with_secrets(request: RequestBuilder) -> RequestBuilder {
    let secret = |before: &str| format!("{before}{SECRET}");
    let fields = [
        ("authorization", secret("Bearer ")),
        ("cookie", secret("a=")),
        ("user-agent", secret("")),
        ("referer", secret("http://")),
        ("x-request-id", secret("")),
        (
            "traceparent",
            secret("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"),
        ),
        ("tracestate", secret("a=")),
        ("baggage", secret("a=")),
        ("x-amzn-trace-id", secret("Root=1-67891233-")),
        ("x-forwarded-for", secret("")),
        ("x-amz-security-token", secret("")),
        ("idempotency-key", secret("")),
        ("if-match", secret("\"")),
        ("if-none-match", secret("\"")),
        ("mcp-session-id", secret("")),
        (SECRET, secret("")),
    ];
    fields.into_iter().fold(request, |request, (name, value)| {
        request.header(name, value)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_sent_is_logged_at_any_level_but_who_called() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=theKey8"),
        ("RUST_LOG", LOUD),
        ("MEMORY_LOG_HASH_NAMES", "true"),
        ("MEMORY_API_KEY", "theKey8"),
    ];
    let service = Logged::start(folder.path(), &settings);
    let scope = format!("filter[domain]={SECRET}&filter[entity_id]={SECRET}");
    let memory = json!({
        "domain": SECRET, "entity_id": SECRET, "content": SECRET, "timestamp": "2026-01-27T03:14:22Z",
        "metadata": {"tags": [SECRET], "source": SECRET, "memory_type": SECRET, SECRET: SECRET},
    });
    let unknown = json!({"domain": SECRET, "entity_id": SECRET, "content": SECRET, SECRET: SECRET, "timestamp": SECRET});
    let envelope = json!({"data": {"type": SECRET, "attributes": {"content": SECRET, SECRET: 1}}, "meta": {SECRET: SECRET}});
    let arguments = json!({"domain": SECRET, "entity_id": SECRET, "query": SECRET}).to_string();
    let message = |method: &str, name: &str, arguments: &str| {
        json!({"jsonrpc": "2.0", "id": SECRET, "method": method, "params": {"name": name, "arguments": arguments}}).to_string()
    };
    let id = {
        let asked = service
            .ask("POST", "/memory")
            .header("content-type", JSON)
            .header("accept", JSON)
            .header("x-api-key", "theKey8");
        let stored = with_secrets(asked)
            .body(memory.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(stored.status(), 201);
        stored.json::<Value>().await.unwrap()["memory_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let reason = json!({"data": {"type": "memories", "id": id, "attributes": {"status": "verified"}}, "meta": {"reason": SECRET}});
    let asked = [
        ("POST", "/memory".to_owned(), JSON, memory.to_string()),
        (
            "POST",
            format!("/memory?{SECRET}={SECRET}"),
            JSON,
            memory.to_string(),
        ),
        ("POST", "/memory".to_owned(), JSON, unknown.to_string()),
        ("POST", "/memory".to_owned(), JSON, format!("{{\"{SECRET}")),
        ("POST", "/memory".to_owned(), JSON_API, envelope.to_string()),
        (
            "POST",
            "/memory".to_owned(),
            "application/vnd.api+json; ext=xylo7phone",
            envelope.to_string(),
        ),
        (
            "POST",
            "/mcp".to_owned(),
            JSON,
            message("tools/call", "append_memory", &memory.to_string()),
        ),
        (
            "POST",
            "/mcp".to_owned(),
            JSON,
            message("tools/call", SECRET, &arguments),
        ),
        (
            "POST",
            "/mcp".to_owned(),
            JSON,
            message(SECRET, SECRET, &arguments),
        ),
        (
            "POST",
            "/mcp/recall".to_owned(),
            JSON,
            message("tools/call", "search_memory", &arguments),
        ),
        (
            "GET",
            format!("/memory/search?{scope}&filter[query]={SECRET}"),
            JSON,
            String::new(),
        ),
        (
            "GET",
            format!("/memory/search?{scope}&filter[{SECRET}]={SECRET}"),
            JSON,
            String::new(),
        ),
        (
            "GET",
            format!("/memories?{scope}&filter[tags]={SECRET}&page[after]={SECRET}"),
            JSON,
            String::new(),
        ),
        (
            "GET",
            format!("/memories?{scope}&filter[tags]={SECRET}"),
            JSON,
            String::new(),
        ),
        ("GET", format!("/memory/{id}?{scope}"), JSON, String::new()),
        (
            "GET",
            format!("/memory/{SECRET}?{scope}"),
            JSON,
            String::new(),
        ),
        ("GET", format!("/{SECRET}"), JSON, String::new()),
        (SECRET, "/memory".to_owned(), JSON, String::new()),
        (
            "PATCH",
            format!("/memory/{id}?{scope}"),
            JSON_API,
            reason.to_string(),
        ),
        (
            "DELETE",
            format!("/memory/{id}?{scope}"),
            JSON,
            json!({"meta": {"reason": SECRET}}).to_string(),
        ),
    ];
    let count = asked.len();
    for key in ["theKey8", SECRET] {
        for (method, target, media_type, body) in &asked {
            let request = service.ask(method, target).header("x-api-key", key);
            let request = with_secrets(
                request
                    .header("content-type", *media_type)
                    .body(body.clone()),
            );
            request.send().await.unwrap();
        }
    }
    let log = service.log();
    assert_eq!(records(&log).len(), 1 + 2 * count);
    assert_untraced(&collector, 1 + 2 * count);
    for secret in [SECRET, "theKey8"] {
        let found = log
            .lines()
            .find(|line| line.to_lowercase().contains(&secret.to_lowercase()));
        assert_eq!(found, None, "{secret}");
    }
    let records = records(&log);
    assert!(
        records[0]["domain"]
            .as_str()
            .unwrap()
            .starts_with("sha256:"),
        "{}",
        records[0]
    );
    let (admitted, refused) = records.split_at(count + 1);
    for record in admitted {
        // What has no path is answered before anybody is asked for a key.
        let expected = record["route"].as_str().map(|_| "key");
        assert_eq!(record["caller"].as_str(), expected, "{record}");
    }
    for record in refused {
        assert_eq!(
            record["caller"],
            Value::Null,
            "who is not admitted has no name: {record}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_sent_over_a_pipe_is_logged_or_exported_either() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let mut command = agent::command(&["--data", folder.path().to_str().unwrap()]);
    command
        .env("RUST_LOG", LOUD)
        .env("MEMORY_LOG_HASH_NAMES", "true")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=theKey8");
    let memory = json!({
        "domain": SECRET, "entity_id": SECRET, "content": SECRET, "timestamp": "2026-01-27T03:14:22Z",
        "metadata": {"tags": [SECRET], "source": SECRET, "memory_type": SECRET, SECRET: SECRET},
    });
    let scope = json!({"domain": SECRET, "entity_id": SECRET});
    let with = |more: Value| {
        let mut arguments = scope.clone();
        let members = more.as_object().unwrap().clone();
        arguments.as_object_mut().unwrap().extend(members);
        arguments
    };
    let meta = json!({
        "traceparent": format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{SECRET}"),
        "tracestate": format!("a={SECRET}"), "baggage": format!("a={SECRET}"), "progressToken": SECRET, SECRET: SECRET,
    });
    let message = |method: &str, name: &str, arguments: &Value| {
        let params = json!({"name": name, "arguments": arguments, "_meta": meta, SECRET: SECRET});
        json!({"jsonrpc": "2.0", "id": SECRET, "method": method, "params": params}).to_string()
    };
    let call = |name: &str, arguments: Value| message("tools/call", name, &arguments);
    let asked = [
        call("append_memory", memory.clone()),
        call("append_memory", memory.clone()),
        call(
            "append_memory",
            with(json!({SECRET: SECRET, "timestamp": SECRET})),
        ),
        call("append_memory", json!(memory.to_string())),
        call("search_memory", with(json!({"query": SECRET}))),
        call(
            "search_memory",
            with(json!({"query": SECRET, "tags": [SECRET], SECRET: SECRET})),
        ),
        call("get_memory", with(json!({"memory_id": SECRET}))),
        call(
            "forget_memory",
            with(json!({"memory_id": SECRET, "reason": SECRET})),
        ),
        call(SECRET, memory),
        message(SECRET, SECRET, &scope),
        format!("{{\"{SECRET}"),
        format!("\"{SECRET}\""),
    ];
    let count = asked.len();
    let spoken = tokio::task::spawn_blocking(move || {
        let mut agent = Agent::spawn(command);
        let answers: Vec<_> = asked
            .iter()
            .map(|message| {
                agent.send(message);
                agent.receive()
            })
            .collect();
        (answers, agent.end().2)
    });
    let (answers, log) = spoken.await.unwrap();
    assert_eq!(answers[0]["result"]["isError"], false, "{}", answers[0]);
    assert_eq!(answers[4]["result"]["isError"], false, "{}", answers[4]);
    assert_eq!(records(&log).len(), count);
    assert_untraced(&collector, count);
    for secret in [SECRET, "theKey8"] {
        let has = |line: &&str| line.to_lowercase().contains(&secret.to_lowercase());
        assert_eq!(log.lines().find(has), None, "{secret}");
    }
}
