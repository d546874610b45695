//! `memory-ingress mcp` for an agent on this machine: memories written directly, one message a line (contract 7.3).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::agent::{Agent, command};
use crate::folder::stored;
use crate::local::run;
use crate::message::{ARGUMENTS, request};
use crate::misbehaving::{Does, Misbehaving, answer};
use crate::process::{BINARY, kill, text};

fn agent(folder: &Path) -> Agent {
    // One that others may use is reported on stderr.
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(folder, private).unwrap();
    Agent::spawn(command(&["--data", folder.to_str().unwrap()]))
}

/// An agent's server that writes to a bucket of this endpoint.
fn over_bucket(endpoint: &str) -> Agent {
    let mut command = command(&["--bucket", "memories-of-a-test"]);
    command
        .env("AWS_ENDPOINT_URL_S3", endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b");
    Agent::spawn(command)
}

fn modern(method: &str, members: &str) -> String {
    request(
        method,
        &format!(
            r#"{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}{members}}}"#
        ),
    )
}

#[test]
fn an_agent_of_either_era_lists_the_tool_and_stores_a_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut older = agent(folder.path());
    older.send(&request(
        "initialize",
        r#"{"protocolVersion":"2025-06-18"}"#,
    ));
    assert_eq!(older.receive()["result"]["protocolVersion"], "2025-06-18");
    older.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    older.send(&request("tools/list", "{}"));
    assert_eq!(
        older.receive()["result"]["tools"][0]["name"],
        "append_memory"
    );
    let receipt = older.call(ARGUMENTS).unwrap();
    assert_eq!(receipt["status"], "ok");

    let mut newer = agent(folder.path());
    newer.send(&modern("server/discover", ""));
    assert_eq!(
        newer.receive()["result"]["supportedVersions"][0],
        "2026-07-28"
    );
    newer.send(&modern(
        "tools/call",
        &format!(r#","name":"append_memory","arguments":{ARGUMENTS}"#),
    ));
    let answer = newer.receive();
    assert_eq!(answer["result"]["resultType"], "complete");
    assert_eq!(
        answer["result"]["structuredContent"], receipt,
        "it is one memory"
    );

    for agent in [older, newer] {
        let (status, lines, stderr) = agent.end();
        assert_eq!(
            (status.code(), lines, stderr.as_str()),
            (Some(0), vec![], "")
        );
    }
    let keys: Vec<_> = stored(folder.path()).into_keys().collect();
    assert_eq!(keys, [receipt["s3_key"].as_str().unwrap()]);
    let replayed = run(&["replay", "--data", folder.path().to_str().unwrap()]);
    assert!(replayed.status.success() && text(&replayed.stdout).lines().count() == 1);
}

#[test]
fn every_line_is_answered_on_a_line_and_a_blank_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = agent(folder.path());
    for line in [
        "",
        "   ",
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#,
    ] {
        agent.send(line);
    }
    agent.send("{broken");
    assert_eq!(agent.receive()["error"]["code"], -32700);
    agent.send(&format!("\t{}\r", request("ping", "{}")));
    assert_eq!(
        agent.receive(),
        json!({"jsonrpc": "2.0", "id": 1, "result": {}})
    );
    let refused = agent.call(r#"{"entity_id":"e"}"#).unwrap_err();
    assert!(refused.contains("\"content\" is required"), "{refused}");
    let text =
        agent.call(r#"{"entity_id":"e","domain":"d","content":"two\nlines and \u2028 one"}"#);
    assert_eq!(text.unwrap()["status"], "ok");
    assert_eq!(stored(folder.path()).len(), 1);
}

#[test]
fn a_message_over_the_limit_is_answered_by_its_id_and_the_next_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = agent(folder.path());
    let content = "x".repeat(4 * 1024 * 1024);
    let arguments = format!(r#"{{"entity_id":"e","domain":"d","content":"{content}"}}"#);
    let refused = agent.call(&arguments).unwrap_err();
    assert!(refused.contains("4194304 bytes"), "{refused}");
    agent.send(&content.repeat(5));
    let answer = agent.receive();
    assert_eq!(
        (&answer["error"]["code"], answer.get("id")),
        (&json!(-32600), None)
    );
    assert_eq!(agent.call(ARGUMENTS).unwrap()["status"], "ok");
    assert_eq!(stored(folder.path()).len(), 1);
}

#[test]
fn at_the_end_of_its_input_every_write_in_flight_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = agent(folder.path());
    for number in 0..200 {
        let arguments = format!(r#"{{"entity_id":"e","domain":"d","content":"{number}"}}"#);
        let params = format!(r#"{{"name":"append_memory","arguments":{arguments}}}"#);
        agent.send(&request("tools/call", &params));
    }
    let (status, lines, stderr) = agent.end();
    assert_eq!(
        (status.code(), lines.len(), stderr.as_str()),
        (Some(0), 200, "")
    );
    let answers = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(
        answers
            .clone()
            .all(|answer| answer["result"]["isError"] == false)
    );
    assert_eq!(stored(folder.path()).len(), 200);
}

#[tokio::test]
async fn a_signal_lets_the_writes_in_flight_end_and_a_second_does_not_wait() {
    let slow = Misbehaving::start("http", Does::AnswersAndHangs(Vec::new())).await;
    let mut agent = over_bucket(&slow.endpoint);
    let params = format!(r#"{{"name":"append_memory","arguments":{ARGUMENTS}}}"#);
    agent.send(&request("tools/call", &params));
    while slow.seen().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let terminate = || kill("TERM", agent.process.id());
    terminate();
    // It waits for the write: the process is still there, and takes the second signal.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    terminate();
    let (status, lines, _) = tokio::task::spawn_blocking(|| agent.wait()).await.unwrap();
    assert_eq!((status.code(), lines.len()), (Some(1), 0));
}

#[tokio::test]
async fn a_failing_bucket_is_a_result_for_the_model_and_a_line_for_the_operator() {
    let denied = "<Error><Code>AccessDenied</Code><Message>arn:aws:s3:::secret</Message></Error>";
    let server = Misbehaving::start("http", answer("403 Forbidden", "", denied)).await;
    let mut agent = over_bucket(&server.endpoint);
    let (said, (status, _, stderr)) =
        tokio::task::spawn_blocking(move || (agent.call(ARGUMENTS).unwrap_err(), agent.end()))
            .await
            .unwrap();
    assert!(
        said.starts_with("The memory was not stored: the storage refused it"),
        "{said}"
    );
    assert!(said.contains("\"timestamp\":\"2026-01-27T03:14:22Z\"") && !said.contains("secret"));
    assert_eq!(status.code(), Some(0));
    assert!(
        stderr.contains("AccessDenied") && !stderr.contains("mornings"),
        "{stderr}"
    );
}

#[test]
fn credentials_are_not_looked_for_before_the_first_call() {
    let mut command = command(&["--bucket", "memories-of-a-test"]);
    command.env("AWS_REGION", "us-east-1");
    let mut agent = Agent::spawn(command);
    agent.send(&request("initialize", "{}"));
    assert!(agent.receive()["result"].is_object());
    let said = agent.call(ARGUMENTS).unwrap_err();
    assert!(said.contains("was not stored"), "{said}");
}

#[test]
fn what_prevents_the_start_is_said_on_stderr_alone() {
    for (args, code, words) in [
        (
            &["mcp", "--data", "/nowhere/at/all"][..],
            78,
            "name another with --data",
        ),
        (&["mcp", "--check"], 2, "--url"),
        (&["mcp", "--region", "x"], 2, "--url"),
        (
            &["mcp", "--url", "http://memory.example.com"],
            2,
            "by https only",
        ),
        (
            &["mcp", "--url", "https://u:secret@memory.example.com"],
            2,
            "a name or a password",
        ),
        (
            &["mcp", "--url", "https://x.test", "--data", "d"],
            2,
            "cannot be used with",
        ),
        (
            &["mcp", "--url", "https://x.test", "--retries", "3"],
            2,
            "0..=2",
        ),
        (
            &["mcp", "--url", "https://x.test", "--timeout", "0"],
            2,
            "1..=900",
        ),
        (
            &[
                "mcp",
                "--url",
                "https://x.test",
                "--header",
                "nonsense secret",
            ],
            2,
            "NAME=VALUE",
        ),
        (
            &["mcp", "--url", "https://x.test/?token=secret"],
            2,
            "it has a query",
        ),
        (
            &["mcp", "--url", "https://x.test", "--region", "eu west"],
            2,
            "letters, digits and hyphens",
        ),
        (
            &[
                "mcp",
                "--url",
                "https://x.test",
                "--header",
                "x-api-key=secret",
            ],
            2,
            "MEMORY_API_KEY",
        ),
        (
            &[
                "mcp",
                "--url",
                "https://x.test",
                "--header",
                "host=evil.test",
            ],
            2,
            "is set by this program",
        ),
        (
            &["mcp", "--url", "https://x.test", "--header", "x-amz-date=1"],
            2,
            "is set by this program",
        ),
        (
            &["mcp", "--url", "https://x.test", "--header", "x=\u{7f}"],
            2,
            "no header can carry",
        ),
    ] {
        let output = Command::new(BINARY).args(args).output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(
            stderr.contains(words) && !stderr.contains("secret") && output.stdout.is_empty(),
            "{args:?}: {stderr}"
        );
    }
}

#[test]
fn a_server_whose_answers_nobody_reads_still_ends_by_signals() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = command(&["--data", folder.path().to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let ping = request("ping", "{}") + "\n";
    stdin.write_all(ping.as_bytes()).unwrap();
    // The server is there once it answers. From then on nobody reads.
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    // More than a pipe holds; the writer gets no further than that.
    let written = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&written);
    let writer = std::thread::spawn(move || {
        while stdin.write_all(ping.as_bytes()).is_ok() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut before = 0;
    while written.load(Ordering::Relaxed) != before || before == 0 {
        before = written.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(500));
    }
    // Two signals that come at once are one.
    let mut signals = 0;
    let ended = loop {
        if let Some(ended) = process.try_wait().unwrap() {
            break ended;
        }
        signals += 1;
        assert!(signals < 100, "it goes on");
        kill("TERM", process.id());
        std::thread::sleep(Duration::from_millis(300));
    };
    assert_eq!(ended.code(), Some(1));
    writer.join().unwrap();
}

#[test]
fn a_write_ends_though_its_answer_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut process = command(&["--data", folder.path().to_str().unwrap()])
        .env("RUST_LOG", "warn")
        .stdin(Stdio::piped())
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    for number in 0..20 {
        let arguments = format!(r#"{{"entity_id":"e","domain":"d","content":"{number}"}}"#);
        let params = format!(r#"{{"name":"append_memory","arguments":{arguments}}}"#);
        writeln!(stdin, "{}", request("tools/call", &params)).unwrap();
    }
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    assert!(text(&output.stderr).contains("could not be written"));
    assert_eq!(stored(folder.path()).len(), 20);
}
