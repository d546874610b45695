//! `memory-ingress mcp --url`: the tools of recall of a deployed service (contract 7.4, 8.9).

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::agent::{Agent, command};
use crate::message::{ARGUMENTS, request};
use crate::misbehaving::{Does, Misbehaving, answer, bytes_of};
use crate::process::Server;

const SEARCH: &str = r#"{"domain":"work","entity_id":"rob","query":"mornings"}"#;

/// The names of the tools that an agent is shown.
fn tools(agent: &mut Agent) -> Vec<String> {
    agent.send(&request("tools/list", "{}"));
    let listed = agent.receive();
    let tools = listed["result"]["tools"].as_array().unwrap();
    let name = |tool: &Value| tool["name"].as_str().unwrap().to_owned();
    tools.iter().map(name).collect()
}

/// Whether an agent is told at its start to search.
fn is_told_to_search(agent: &mut Agent) -> bool {
    let params = r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}"#;
    agent.send(&request("initialize", params));
    let started = agent.receive();
    let instructions = started["result"]["instructions"].as_str().unwrap();
    instructions.contains("search_memory")
}

/// The result of a call of a tool.
fn call(agent: &mut Agent, tool: &str, arguments: &str) -> Value {
    let params = format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#);
    agent.send(&request("tools/call", &params));
    agent.receive()["result"].clone()
}

fn listed() -> Vec<u8> {
    let tools = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "search_memory"}, {"name": "no_such_tool"}]}});
    bytes_of(
        "200 OK",
        "content-type: application/json\r\n",
        &tools.to_string(),
    )
}

fn found() -> Vec<u8> {
    let flat = json!({"status": "ok", "memories": [], "matches": 0, "searched": 1});
    let result = json!({"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": flat, "content": [], "isError": false}});
    bytes_of(
        "200 OK",
        "content-type: application/json\r\n",
        &result.to_string(),
    )
}

#[tokio::test]
async fn what_a_deployed_service_finds_an_agent_here_finds() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut agent = Agent::spawn(command(&["--url", &server.url]));
    let (here, there) = spawn_blocking(move || {
        assert!(is_told_to_search(&mut agent));
        let names = tools(&mut agent);
        assert_eq!(
            names,
            [
                "append_memory",
                "search_memory",
                "get_memory",
                "forget_memory"
            ]
        );
        let stored = call(&mut agent, "append_memory", ARGUMENTS);
        let found = call(&mut agent, "search_memory", SEARCH);
        assert_eq!(found["isError"], false);
        let memory = &found["structuredContent"]["memories"][0];
        assert_eq!(
            memory["memory_id"],
            stored["structuredContent"]["memory_id"]
        );
        let id = memory["memory_id"].as_str().unwrap();
        let one = format!(r#"{{"domain":"work","entity_id":"rob","memory_id":"{id}"}}"#);
        let got = call(&mut agent, "get_memory", &one);
        assert_eq!(got["structuredContent"]["memory"]["memory_id"], *id);
        let text = got["content"][0]["text"].as_str().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(text).unwrap(),
            got["structuredContent"]
        );
        let missing = one.replace(id, "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d");
        let missing = call(&mut agent, "get_memory", &missing);
        assert_eq!(missing["isError"], true);
        assert!(
            missing["structuredContent"]["error"]
                .as_str()
                .unwrap()
                .contains("no memory")
        );
        let other = call(
            &mut agent,
            "append_memory",
            &ARGUMENTS.replace("Rob", "Robert"),
        );
        let id = other["structuredContent"]["memory_id"].as_str().unwrap();
        let forget = format!(
            r#"{{"domain":"work","entity_id":"rob","memory_id":"{id}","reason":"asked for"}}"#
        );
        for _ in 0..2 {
            let forgotten = call(&mut agent, "forget_memory", &forget);
            assert_eq!(forgotten["structuredContent"]["memory_status"], "deleted");
        }
        let again = call(&mut agent, "search_memory", SEARCH);
        assert_eq!(again, found, "as if it had never been there");
        let (status, _, stderr) = agent.end();
        assert!(status.success(), "{stderr}");
        (found, one)
    })
    .await
    .unwrap();
    assert!(there.contains("work"));
    let message = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"search_memory","arguments":{SEARCH}}}}}"#
    );
    let post = server.client.post(format!("{}/mcp/recall", server.url));
    let sent = post
        .header("content-type", "application/json")
        .body(message);
    let bytes = sent.send().await.unwrap().bytes().await.unwrap();
    let direct: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        here["structuredContent"],
        direct["result"]["structuredContent"]
    );
}

#[tokio::test]
async fn a_service_without_recall_is_one_that_stores() {
    let refused =
        |status: &str, body: &str| answer(status, "content-type: application/json\r\n", body);
    for (does, is_told) in [
        (
            refused("404 Not Found", r#"{"status":"error","error":"x"}"#),
            false,
        ),
        (refused("405 Method Not Allowed", ""), false),
        (refused("403 Forbidden", r#"{"message":"Forbidden"}"#), true),
        (refused("200 OK", "<html>"), true),
        (
            refused(
                "200 OK",
                r#"{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}"#,
            ),
            true,
        ),
        (Does::ResetsLate, true),
        (Does::IsNotThere, true),
        (Does::IsSilent, true),
    ] {
        let server = Misbehaving::start("http", does.clone()).await;
        let mut agent = Agent::spawn(command(&["--url", &server.endpoint]));
        spawn_blocking(move || {
            assert!(!is_told_to_search(&mut agent), "{does:?}");
            assert_eq!(tools(&mut agent), ["append_memory"], "{does:?}");
            let (status, _, stderr) = agent.end();
            assert!(status.success(), "{does:?}: {stderr}");
            assert_eq!(
                stderr.contains("are not offered"),
                is_told,
                "{does:?}: {stderr}"
            );
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn each_call_goes_to_its_own_path_with_every_proof_of_the_caller() {
    let does = Does::AnswersTo(|body| match body.contains("tools/list") {
        true => listed(),
        false => found(),
    });
    let server = Misbehaving::start("http", does).await;
    let url = format!("{}/prod", server.endpoint);
    let mut command = command(&[
        "--url",
        &url,
        "--region",
        "eu-central-1",
        "--header",
        "x-team=memory",
    ]);
    command
        .env("MEMORY_API_KEY", "key-of-a-test")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b");
    let mut agent = Agent::spawn(command);
    let arguments = r#"{"domain":"work", "entity_id":"rob","query":"„é“ \u0041"}"#;
    spawn_blocking(move || {
        assert_eq!(tools(&mut agent), ["append_memory", "search_memory"]);
        let mistake = call(&mut agent, "search_memory", r#"{"query":7}"#);
        assert_eq!(mistake["isError"], true);
        assert_eq!(
            call(&mut agent, "search_memory", arguments)["isError"],
            false
        );
    })
    .await
    .unwrap();
    let seen = server.seen();
    assert_eq!(
        seen.len(),
        3,
        "two questions and one call: a mistake never leaves the machine"
    );
    for request in &seen {
        let head = request.to_ascii_lowercase();
        for proof in [
            "x-api-key: key-of-a-test",
            "authorization: aws4-hmac-sha256",
            "x-team: memory",
        ] {
            assert!(head.contains(proof), "{head}");
        }
    }
    assert!(
        seen[2].starts_with("POST /prod/api/v1/mcp/recall HTTP/1.1"),
        "{}",
        seen[2]
    );
    assert!(
        seen[2].contains(&format!(r#""arguments":{arguments}"#)),
        "{}",
        seen[2]
    );
}

#[tokio::test]
async fn a_read_is_repeated_and_says_nothing_about_storing() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let does = Does::AnswersTo(|body| {
        if body.contains("tools/list") {
            return listed();
        }
        let json = "content-type: application/json\r\nretry-after: 0\r\n";
        match CALLS.fetch_add(1, Ordering::Relaxed) {
            0 => bytes_of(
                "503 Service Unavailable",
                json,
                r#"{"message":"Service Unavailable"}"#,
            ),
            1 => b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{".to_vec(),
            2 => found(),
            3 => bytes_of("403 Forbidden", json, r#"{"message":"Forbidden"}"#),
            4 => bytes_of(
                "200 OK",
                json,
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"There is no tool search_memory."}}"#,
            ),
            _ => bytes_of("200 OK", json, "{}"),
        }
    });
    let server = Misbehaving::start("http", does).await;
    let mut agent = Agent::spawn(command(&["--url", &server.endpoint]));
    spawn_blocking(move || {
        assert_eq!(call(&mut agent, "search_memory", SEARCH)["isError"], false);
        for told in [
            "HTTP 403: Forbidden.",
            "HTTP 200: There is no tool search_memory.",
            "HTTP 200: it sent no result of a tool.",
        ] {
            let failed = call(&mut agent, "search_memory", SEARCH);
            let said = failed["structuredContent"]["error"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(said.contains(told), "{said}");
            assert!(
                said.ends_with("repeat the same call: to repeat it is safe."),
                "{said}"
            );
            assert!(!said.contains("stored"), "{said}");
        }
    })
    .await
    .unwrap();
    assert_eq!(server.seen().len(), 2 + 3 + 3);
}
