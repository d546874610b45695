//! Runs the examples of the README and of `docs/`, and compares their figures with the code.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::agent::{self, Agent};
use crate::local::run;
use crate::process::{Server, text};

pub(crate) fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The README and every page of `docs/`, by path, the README first.
fn pages() -> BTreeMap<String, String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut names = vec!["README.md".to_owned()];
    for entry in fs::read_dir(docs).unwrap() {
        let name = entry.unwrap().file_name();
        names.push(format!("docs/{}", name.to_str().unwrap()));
    }
    names.retain(|name| name.ends_with(".md"));
    names
        .into_iter()
        .map(|name| (name.clone(), file(&name)))
        .collect()
}

/// The fenced blocks of a text: the text after the fence, and the text inside it.
pub(crate) fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut parts = text.split("```");
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        let (info, body) = block.split_once('\n').unwrap();
        blocks.push((info.to_owned(), body.to_owned()));
    }
    blocks
}

/// The words of a shell command with single quotes and continued lines.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (part, quoted) in command
        .replace("\\\n", " ")
        .split('\'')
        .zip([false, true].into_iter().cycle())
    {
        if quoted {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Sends what a curl command would, and gives the status, the request id and the body.
async fn curl(server: &Server, command: &str) -> (u16, String, Value) {
    let words = words(command);
    let mut words = words.iter().map(String::as_str);
    assert_eq!(words.next(), Some("curl"));
    let url = words
        .next()
        .unwrap()
        .replace("http://127.0.0.1:8080", &server.url);
    let mut words = words.peekable();
    let is_get = words.next_if_eq(&"-G").is_some();
    let mut request = match is_get {
        true => server.client.get(&url),
        false => server.client.post(&url),
    };
    request = request.header("accept", "*/*");
    let mut query = Vec::new();
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        request = match option {
            "--data-urlencode" => {
                let (name, value) = value.split_once('=').unwrap();
                let encoded = utf8_percent_encode(value, NON_ALPHANUMERIC);
                query.push(format!("{name}={encoded}"));
                request
            }
            "-H" => {
                let (name, value) = value.split_once(": ").unwrap();
                let mut headers = reqwest::header::HeaderMap::new();
                headers.insert(
                    reqwest::header::HeaderName::try_from(name).unwrap(),
                    value.parse().unwrap(),
                );
                request.headers(headers)
            }
            "-d" => request.body(value.to_owned()),
            _ => panic!("{option} is no option that this test knows"),
        };
    }
    let (client, request) = request.build_split();
    let mut request = request.unwrap();
    request.url_mut().set_query(
        Some(&query.join("&"))
            .filter(|_| is_get)
            .map(String::as_str),
    );
    let answer = client.execute(request).await.unwrap();
    let (status, id) = (
        answer.status().as_u16(),
        answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned(),
    );
    (
        status,
        id,
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap(),
    )
}

/// Requests to the service of `cargo run`; other examples call a deployed service.
const LOCAL_REQUEST: &str = "curl http://127.0.0.1:8080/";

#[tokio::test]
async fn every_request_is_answered_as_the_documents_say() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let pages = pages();
    let mut answered = BTreeMap::new();
    for (page, text) in &pages {
        let blocks = blocks(text);
        for (at, (_, command)) in blocks.iter().enumerate() {
            if !command.starts_with(LOCAL_REQUEST) {
                continue;
            }
            let (info, expected) = blocks
                .get(at + 1)
                .unwrap_or_else(|| panic!("{page} has no response to {command}"));
            let (status, id, answer) = curl(&server, command).await;
            assert_eq!(&format!("json {status}"), info, "{page}: {command}{answer}");
            let expected: Value =
                serde_json::from_str(&expected.replace("<request id>", &id)).unwrap();
            assert_eq!(answer, expected, "{page}: {command}");
            *answered.entry(page.as_str()).or_insert(0) += 1;
        }
    }
    assert_eq!((answered["README.md"], answered["docs/agents.md"]), (4, 3));

    // It prints a memory that a request above has stored.
    let blocks = blocks(&pages["docs/replay.md"]);
    let (command, expected) = blocks
        .iter()
        .zip(blocks.iter().skip(1))
        .find(|(_, (info, _))| info == "json replay")
        .map(|((_, command), (_, expected))| (command.clone(), expected.clone()))
        .unwrap();
    let args = words(command.strip_prefix("cargo run -- ").unwrap());
    let mut args: Vec<_> = args.iter().map(String::as_str).collect();
    args.extend(["--data", folder.path().to_str().unwrap()]);
    let replay = run(&args);
    assert_eq!(text(&replay.stdout), expected, "{}", text(&replay.stderr));
}

/// A server that a page tells an agent to start.
#[derive(Debug)]
struct ServerOfAgent {
    args: Vec<String>,
    env: BTreeMap<String, String>,
}

fn servers_of_agents(page: &str) -> Vec<ServerOfAgent> {
    let mut servers = Vec::new();
    for (info, body) in blocks(page) {
        if info == "json agent" {
            let block: Value = serde_json::from_str(&body).unwrap();
            let named = block.get("mcpServers").or(block.get("servers")).unwrap();
            let named = &named["memory"];
            assert_eq!(named["command"], "memory-ingress");
            let env = named.get("env").cloned();
            servers.push(ServerOfAgent {
                args: serde_json::from_value(named["args"].clone()).unwrap(),
                env: env.map_or_else(BTreeMap::new, |env| serde_json::from_value(env).unwrap()),
            });
        } else if let Some((_, args)) = body.split_once(" -- memory-ingress ") {
            servers.push(ServerOfAgent {
                args: args.split_whitespace().map(str::to_owned).collect(),
                env: BTreeMap::new(),
            });
        }
    }
    servers
}

#[test]
fn every_block_for_an_agent_starts_a_server_that_answers() {
    let mut servers = servers_of_agents(&file("README.md"));
    assert_eq!(servers.len(), 4);
    servers.extend(servers_of_agents(&file("docs/agents.md")));
    assert_eq!(servers.len(), 10);
    for ServerOfAgent { args, env } in servers {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut args: Vec<_> = args.iter().map(String::as_str).collect();
        if let Some(at) = args.iter().position(|arg| *arg == "--data") {
            args[at + 1] = data.to_str().unwrap();
        }
        assert_eq!(args[0], "mcp");
        let mut command = agent::command(&args[1..]);
        // Nothing leaves this machine: a deployed service is asked for its tools, and is not there.
        command.envs(env).env("HTTPS_PROXY", "http://127.0.0.1:1");
        let mut agent = Agent::spawn(command);
        agent.send(r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#);
        assert_eq!(
            agent.receive()["result"]["serverInfo"]["name"],
            "memory-ingress"
        );
        let (status, _, stderr) = agent.end();
        let is_remote = args.contains(&"--url");
        assert!(status.success(), "{args:?}: {stderr}");
        assert_eq!(
            stderr.contains("are not offered"),
            is_remote,
            "{args:?}: {stderr}"
        );
        assert!(is_remote || stderr.is_empty(), "{args:?}: {stderr}");
    }
}

#[test]
fn the_figures_and_commands_in_the_documents_are_those_of_the_code() {
    use memory_ingress::server;
    use memory_log::{fault, memory, metadata};
    use memory_s3::aws;
    use memory_web::body::{BODIES_BYTES_MAX, BODY_BYTES_MAX};
    use memory_web::http::REQUEST_TIME_MAX;

    let settings = file("docs/settings.md");
    for figure in [
        "| body | 4,194,304 bytes |".to_owned(),
        format!("| {} bytes of UTF-8 |", memory::NAME_BYTES_MAX),
        format!(
            "| {} levels, counting `metadata` as level 1 |",
            metadata::METADATA_DEPTH_MAX
        ),
        format!(
            "| {}, and how many more there are |",
            fault::VIOLATIONS_LISTED_MAX
        ),
        format!(
            "| {} s; on Lambda the function's remaining time minus 0.5 s, if that is less |",
            REQUEST_TIME_MAX.as_secs()
        ),
        format!(
            "| connecting to S3 | {} s |",
            aws::CONNECT_TIMEOUT.as_secs()
        ),
    ] {
        assert!(settings.contains(&figure), "{figure}");
    }
    assert_eq!(BODY_BYTES_MAX, 4_194_304);
    for figure in [
        "| 268,435,456 bytes; one of unknown length counts as 4,194,304 |".to_owned(),
        "| a third of the descriptors (`ulimit -n`) over 32, at most 1,024 |".to_owned(),
        "| 65,536 bytes, 100 fields |".to_owned(),
        format!(
            "| {} s from its first byte |",
            server::HEAD_TIME_MAX.as_secs()
        ),
        format!(
            "| `serve`: idle connection | {} s |",
            server::IDLE_TIME_MAX.as_secs()
        ),
    ] {
        assert!(settings.contains(&figure), "{figure}");
    }
    assert_eq!(BODIES_BYTES_MAX, 268_435_456);
    assert_eq!(
        (server::HEAD_BYTES_MAX, server::CONNECTIONS_MAX),
        (65_536, 1_024)
    );
    assert_eq!(
        (
            server::DESCRIPTORS_OF_A_CONNECTION,
            server::DESCRIPTORS_KEPT
        ),
        (3, 32)
    );
    let readme = file("README.md");
    for command in ["cargo run", "cargo test"] {
        assert!(
            blocks(&readme)
                .iter()
                .any(|(info, block)| info == "sh" && block.trim() == command),
            "{command}"
        );
    }
    let ci = file(".ci/run");
    assert!(
        ci.lines()
            .any(|line| line.trim() == "step cargo test --locked")
    );
    assert!(readme.lines().count() <= 200, "the README is too long");
}
