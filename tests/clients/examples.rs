//! The examples store one memory once, however often an answer is lost, and repeat no request that
//! is at fault.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::{Value, json};

use crate::places::{Places, root};
use crate::unreliable::{Fate, way};

const FATES: &[Fate] = &[Fate::Lost, Fate::Throttled, Fate::Broken, Fate::Cut];

fn example(program: &str, name: &str, url: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg(root().join("examples").join(name))
        .env("MEMORY_URL", url)
        .env_remove("MEMORY_API_KEY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

fn line(process: &mut Child) -> String {
    let mut line = String::new();
    let stdout = process.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    line
}

/// The agent's answer to one call.
fn call(url: &str, arguments: &Value) -> Value {
    let mut agent = example("python3", "agent.py", url).spawn().unwrap();
    let mut stdin = agent.stdin.take().unwrap();
    writeln!(stdin, "{arguments}").unwrap();
    drop(stdin);
    let result = line(&mut agent);
    assert!(agent.wait().unwrap().success());
    serde_json::from_str(&result).unwrap()
}

#[test]
fn the_agent_repeats_what_may_be_repeated_and_stores_it_once() {
    let places = Places::start();
    let (url, bodies) = way(&places.sound.url, FATES);
    let memory = json!({"entity_id": "rob", "domain": "work", "content": "Rob prefers mornings."});
    let result = call(&url, &memory);
    assert_eq!(result["status"], "ok", "{result}");
    places.has_stored_once(result["memory_id"].as_str().unwrap());
    let sent: Vec<_> = bodies.try_iter().collect();
    assert_eq!(sent.len(), FATES.len() + 1);
    assert!(sent.iter().all(|body| *body == sent[0]));

    let refused = call(
        &url,
        &json!({"entity_id": "rob", "domain": "work", "content": " "}),
    );
    assert!(refused["error"].as_str().unwrap().contains("is blank"));
    assert_eq!(bodies.try_iter().count(), 1);
    places.has_stored(1);
}

/// A backend that runs until it is dropped.
struct Backend(Child);

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_backend_repeats_what_may_be_repeated_and_stores_it_once() {
    let places = Places::start();
    let (url, bodies) = way(&places.sound.url, FATES);
    let mut backend = example("node", "backend.mjs", &url);
    let mut backend = Backend(backend.env("PORT", "0").spawn().unwrap());
    let decisions = format!("{}/decisions", line(&mut backend.0).trim());
    let decide = async |decision: Value| {
        let request = Client::new().post(&decisions).body(decision.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        (status, body)
    };
    let decision = json!({
        "repository_id": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "decision": "Round half up.",
        "decided_at": "2026-01-19T14:00:00Z",
    });
    let (status, body) = decide(decision.clone()).await;
    assert_eq!(status, 201, "{body}");
    places.has_stored_once(body["memory_id"].as_str().unwrap());
    let sent: Vec<_> = bodies.try_iter().collect();
    assert_eq!(sent.len(), FATES.len() + 1);
    assert!(sent.iter().all(|body| *body == sent[0]));

    // Its own caller may repeat, too.
    assert_eq!(decide(decision).await, (201, body));
    let (status, body) = decide(json!({"repository_id": "42"})).await;
    assert_eq!(status, 422);
    assert!(body["error"].as_str().unwrap().contains("is no UUID"));
    assert_eq!(bodies.try_iter().count(), 2);
    places.has_stored(1);
}
