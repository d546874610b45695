//! The examples store one memory once, however often an answer is lost, take nothing but a receipt
//! for a success, and repeat no request that is at fault.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use crate::places::{Places, root};
use crate::unreliable::{Fate, Sent, THROTTLED, way};

/// What a repeat helps against; first what asks for a pause, while the random one is short.
const PASSING: &[Fate] = &[Fate::Dated, THROTTLED, Fate::Lost, Fate::Cut];
/// What it does not help against, and what is no receipt.
const FINAL: &[Fate] = &[
    Fate::Answered("302 Found\r\nLocation: /elsewhere", ""),
    Fate::Answered("307 Temporary Redirect\r\nLocation: /memory", ""),
    Fate::Answered("200 OK", "{\"page\":\"Sign in\"}"),
    Fate::Answered("201 Created", "{}"),
    Fate::Answered("201 Created", "null"),
    Fate::Answered("403 Forbidden", "null"),
    Fate::Answered("403 Forbidden", "{\"errors\":\"no\"}"),
    Fate::Answered("403 Forbidden", "{\"errors\":[null]}"),
    Fate::Answered("500 Internal Server Error", "<html>"),
    Fate::Answered("503 Service Unavailable\r\nRetry-After: 31", "{}"),
];
/// As files and shells like to hold it; no header may hold it so.
const KEY: &str = " k-1\n";

fn example(program: &str, name: &str, url: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg(root().join("examples").join(name))
        .env("MEMORY_URL", url)
        .env("MEMORY_API_KEY", KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// Each attempt sent the same, and none came before the time that it was asked to wait.
fn were_repeated(sent: &[Sent]) {
    assert_eq!(sent.len(), PASSING.len() + 1);
    assert!(sent.iter().all(|request| request.body == sent[0].body));
    for asked in [0, 1] {
        let pause = sent[asked + 1].at - sent[asked].at;
        assert!(pause >= Duration::from_secs(1), "{asked}: {pause:?}");
    }
}

/// The agent's answers to lines of arguments.
fn calls(url: &str, lines: &[u8]) -> Vec<Value> {
    let mut agent = example("python3", "agent.py", url).spawn().unwrap();
    agent.stdin.take().unwrap().write_all(lines).unwrap();
    let output = agent.wait_with_output().unwrap();
    assert!(output.status.success());
    let results = output.stdout.split_inclusive(|byte| *byte == b'\n');
    results
        .map(|result| serde_json::from_slice(result).unwrap())
        .collect()
}

fn call(url: &str, arguments: &Value) -> Value {
    calls(url, arguments.to_string().as_bytes()).remove(0)
}

fn memory() -> Value {
    json!({"entity_id": "rob", "domain": "work", "content": "Rob prefers mornings."})
}

#[test]
fn the_agent_repeats_what_may_be_repeated_and_stores_it_once() {
    let places = Places::start();
    let (url, requests) = way(&places.sound.url, PASSING);
    let result = call(&url, &memory());
    assert_eq!(result["status"], "ok", "{result}");
    places.has_stored_once(result["memory_id"].as_str().unwrap());
    were_repeated(&requests.try_iter().collect::<Vec<_>>());

    let refused = call(
        &url,
        &json!({"entity_id": "rob", "domain": "work", "content": " "}),
    );
    assert!(refused["error"].as_str().unwrap().contains("is blank"));
    assert_eq!(requests.try_iter().count(), 1);
    places.has_stored(1);
}

#[test]
fn the_agent_takes_nothing_but_a_receipt_and_asks_no_other_place() {
    let places = Places::start();
    for fate in FINAL {
        let (url, requests) = way(&places.sound.url, &[*fate]);
        let result = call(&url, &memory());
        assert_eq!(result["status"], "error", "{fate:?}: {result}");
        let words = result["error"].as_str().unwrap();
        assert!(words.contains("\"timestamp\":\"2"), "{fate:?}: {words}");
        assert!(!words.contains("k-1"), "{fate:?}: {words}");
        assert_eq!(requests.try_iter().count(), 1, "{fate:?}");
    }
    places.has_stored(0);
}

#[test]
fn the_agents_last_word_names_the_timestamp_that_stores_it_once() {
    let places = Places::start();
    let later = Fate::Answered("503 Service Unavailable\r\nRetry-After: 3600", "");
    let (url, _requests) = way(&places.sound.url, &[Fate::Lost, Fate::Broken, later]);
    let result = call(&url, &memory());
    let words = result["error"].as_str().unwrap();
    assert!(words.contains("stored is not known"), "{words}");
    assert!(words.ends_with("Wait 3600 s before."), "{words}");
    let (_, timestamp) = words.split_once("\"timestamp\":\"").unwrap();
    let (timestamp, _) = timestamp.split_once('"').unwrap();
    let mut again = memory();
    again["timestamp"] = timestamp.into();
    assert_eq!(call(&url, &again)["status"], "ok");
    places.has_stored(1);
}

#[test]
fn the_agent_answers_bad_lines_and_sends_good_ones_as_they_are_spelled() {
    let places = Places::start();
    let results = calls(
        &places.sound.url,
        b"nonsense\n\n[1]\n\xff\n\
        {\"domain\":\"work\",\"entity_id\":\"rob\",\"content\":\"a\",\"content\":\"b\"}\n\
        {\"entity_id\":\"rob\",\"domain\":\"work\",\"content\":\"c\",\"timestamp\":\"\"}\n\
        {\"metadata\":{\"timestamp\":null,\"confidence\":0.90},\"timestamp\" : null,\
        \"entity_id\":\"rob\",\"domain\":\"work\",\"content\":\"d\"}\n\
        {\"entity_id\":\"rob\",\"domain\":\"work\",\"content\":\"e\",\"metadata\":{\"x\":1e400}}\n",
    );
    let statuses: Vec<_> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(
        statuses,
        [
            "error", "error", "error", "error", "error", "error", "ok", "ok"
        ],
        "{results:?}"
    );
    places.has_stored_once("{\"timestamp\":null,\"confidence\":0.90}");
    places.has_stored_once("{\"x\":1e400}");
}

/// A backend that runs until it is dropped.
struct Backend {
    process: Child,
    url: String,
}

impl Backend {
    fn start(url: &str) -> Self {
        let mut backend = example("node", "backend.mjs", url);
        let mut process = backend.env("PORT", "0").spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = format!("{}/decisions", line.trim());
        Self { process, url }
    }

    async fn decide(&self, decision: impl ToString) -> (u16, Value) {
        let request = Client::new().post(&self.url).body(decision.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        (status, body)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn decision() -> Value {
    json!({
        "repository_id": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "decision": "Round half up.",
        "decided_at": "2026-01-19T14:00:00Z",
    })
}

#[tokio::test]
async fn the_backend_repeats_what_may_be_repeated_and_stores_it_once() {
    let places = Places::start();
    let (url, requests) = way(&places.sound.url, PASSING);
    let backend = Backend::start(&url);
    let (status, body) = backend.decide(decision()).await;
    assert_eq!(status, 201, "{body}");
    places.has_stored_once(body["memory_id"].as_str().unwrap());
    were_repeated(&requests.try_iter().collect::<Vec<_>>());

    // Its own caller may repeat, too.
    assert_eq!(backend.decide(decision()).await, (201, body));
    assert_eq!(requests.try_iter().count(), 1);
    places.has_stored(1);
}

#[tokio::test]
async fn the_backend_takes_nothing_but_a_receipt_and_asks_no_other_place() {
    let places = Places::start();
    for fate in FINAL {
        let (url, requests) = way(&places.sound.url, &[*fate]);
        let (status, body) = Backend::start(&url).decide(decision()).await;
        assert!([502, 503].contains(&status), "{fate:?}: {status} {body}");
        assert_eq!(requests.try_iter().count(), 1, "{fate:?}");
    }
    places.has_stored(0);
}

#[tokio::test]
async fn the_backend_tells_its_caller_the_callers_faults() {
    let places = Places::start();
    let (url, requests) = way(&places.sound.url, &[]);
    let backend = Backend::start(&url);
    let with = |member: &str, value: Value| {
        let mut decision = decision();
        decision[member] = value;
        decision.to_string()
    };
    let large = with("decision", "x".repeat(4 << 20).into());
    for (body, status, words) in [
        ("{".to_owned(), 400, "JSON"),
        ("null".to_owned(), 422, "object"),
        (
            with("decided_at", Value::Null),
            422,
            "\"decided_at\" is required",
        ),
        (with("author", "Rob".into()), 422, "\"author\" is unknown"),
        (large, 413, "at most 4194304 bytes"),
    ] {
        let (told, body) = backend.decide(body).await;
        assert_eq!(told, status, "{body}");
        assert!(body["error"].as_str().unwrap().contains(words), "{body}");
    }
    assert_eq!(requests.try_iter().count(), 0);

    // These the memory service finds.
    let surrogate = decision().to_string().replace("half", "\\ud800");
    let almost = with("decision", "x".repeat((4 << 20) - 150).into());
    for (body, status, words) in [
        (surrogate, 400, "surrogate"),
        (with("repository_id", "42".into()), 422, "must be a UUID"),
        (almost, 413, ""),
    ] {
        let (told, body) = backend.decide(body).await;
        assert_eq!(told, status, "{body}");
        assert!(body["error"].as_str().unwrap().contains(words), "{body}");
    }
    assert_eq!(requests.try_iter().count(), 3);
    places.has_stored(0);
}
