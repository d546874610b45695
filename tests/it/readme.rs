//! The README's requests are answered as it says, and its figures are the code's.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::agent::Agent;
use crate::process::{Server, run, text};

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The fenced blocks of a text: what stands after the fence, and what in it.
fn blocks(text: &str) -> Vec<(String, String)> {
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
    let mut request = server.client.post(url).header("accept", "*/*");
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        request = match option {
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
    let answer = request.send().await.unwrap();
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

#[tokio::test]
async fn every_request_is_answered_as_the_readme_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let blocks = blocks(&file("README.md"));
    let mut answered = 0;
    for ((_, command), (info, expected)) in blocks
        .iter()
        .zip(blocks.iter().skip(1))
        .filter(|((_, command), _)| command.starts_with("curl"))
    {
        let (status, id, answer) = curl(&server, command).await;
        let expected: Value = serde_json::from_str(&expected.replace("<request id>", &id)).unwrap();
        assert_eq!(
            (format!("json {status}"), &answer),
            (info.clone(), &expected),
            "{command}"
        );
        answered += 1;
    }
    assert_eq!(answered, 4);
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

/// The arguments of each server that the README tells an agent to start.
fn servers_of_agents(readme: &str) -> Vec<Vec<String>> {
    let mut servers = Vec::new();
    for (info, body) in blocks(readme) {
        if info == "json agent" {
            let block: Value = serde_json::from_str(&body).unwrap();
            let named = block.get("mcpServers").or(block.get("servers")).unwrap();
            assert_eq!(named["memory"]["command"], "memory-ingress");
            servers.push(serde_json::from_value(named["memory"]["args"].clone()).unwrap());
        } else if let Some((_, args)) = body.split_once(" -- memory-ingress ") {
            servers.push(args.split_whitespace().map(str::to_owned).collect());
        }
    }
    servers
}

#[test]
fn every_block_for_an_agent_starts_a_server_that_answers() {
    let servers = servers_of_agents(&file("README.md"));
    assert_eq!(servers.len(), 6);
    for args in servers {
        let folder = tempfile::tempdir().unwrap();
        let mut args: Vec<_> = args.iter().map(String::as_str).collect();
        if let Some(at) = args.iter().position(|arg| *arg == "--data") {
            args[at + 1] = folder.path().to_str().unwrap();
        }
        assert_eq!(args[0], "mcp");
        let mut agent = Agent::start(&args[1..]);
        agent.send(r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#);
        assert_eq!(
            agent.receive()["result"]["serverInfo"]["name"],
            "memory-ingress"
        );
        let (status, _, stderr) = agent.end();
        assert!(status.success() && stderr.is_empty(), "{args:?}: {stderr}");
    }
}

#[test]
fn the_readme_s_figures_and_commands_are_the_code_s() {
    use memory_ingress::{http, memory, problem, store};

    let readme = file("README.md");
    for figure in [
        "| body | 4,194,304 bytes |".to_owned(),
        format!("| {} bytes of UTF-8 |", memory::NAME_BYTES_MAX),
        format!(
            "| {} levels, itself the first |",
            memory::METADATA_DEPTH_MAX
        ),
        format!(
            "| {}, and how many more there are |",
            memory::VIOLATIONS_LISTED_MAX
        ),
        format!(
            "| {} s, on Lambda 0.5 s less than the function has left |",
            http::REQUEST_TIME_MAX.as_secs()
        ),
        format!(
            "| connecting to S3 | {} s |",
            store::CONNECT_TIMEOUT.as_secs()
        ),
    ] {
        assert!(readme.contains(&figure), "{figure}");
    }
    assert_eq!(problem::BODY_BYTES_MAX, 4_194_304);
    let test = "cargo test --all-features --locked";
    assert!(
        blocks(&readme)
            .iter()
            .any(|(info, command)| info == "sh" && command.trim() == test)
    );
    assert!(file(".ci/run").contains(&format!("step {test}\n")));
}
