//! What a user pastes or clicks in `docs/agents.md` besides the blocks that start a program: HTTP, and links.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::agent::{self, Agent};
use crate::process::{Server, command};
use crate::readme::{blocks, file};

/// The service of the examples, and how their configurations name its key.
const SERVICE: &str = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live";
const KEYS: [&str; 3] = [
    "${env:MEMORY_API_KEY}",
    "${input:memory-api-key}",
    "$MEMORY_API_KEY",
];

/// The URL and the header of every configuration that needs no program, as the agent would fill it in.
fn of_http(page: &str, key: &str) -> Vec<(String, String, String)> {
    let filled = |text: &str| {
        KEYS.iter()
            .fold(text.to_owned(), |text, name| text.replace(name, key))
    };
    let of_block = |(info, body): (String, String)| {
        if info == "json http" {
            let block: Value = serde_json::from_str(&body).unwrap();
            let named = &block.get("mcpServers").or(block.get("servers")).unwrap()["memory"];
            let headers = named["headers"].as_object().unwrap();
            assert_eq!(headers.len(), 1);
            let (name, value) = headers.iter().next().unwrap();
            let url = named["url"].as_str().unwrap().to_owned();
            return Some((url, name.clone(), filled(value.as_str().unwrap())));
        }
        let (_, line) = body.split_once("--transport http memory ")?;
        let (url, header) = line.trim().split_once(" --header ").unwrap();
        let (name, value) = header.trim_matches('"').split_once(": ").unwrap();
        Some((url.to_owned(), name.to_owned(), filled(value)))
    };
    blocks(page).into_iter().filter_map(of_block).collect()
}

#[tokio::test]
async fn every_block_for_http_reaches_a_service_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = command();
    serve
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .env("MEMORY_API_KEY", "the key");
    let server = Server::spawn(serve);
    let page = file("docs/agents.md");
    let configured = of_http(&page, "the key");
    assert_eq!(configured.len(), 3);
    for (url, name, value) in configured {
        let path = url.strip_prefix(SERVICE).unwrap();
        assert_eq!((path, &*name), ("/mcp", "x-api-key"));
        let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize"}).to_string();
        let post = || {
            let post = server.client.post(format!("{}{path}", server.url));
            post.header("content-type", "application/json")
                .body(initialize.clone())
        };
        let answer = post().header(&name, &value).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url} {value}");
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(answer["result"]["serverInfo"]["name"], "memory-ingress");
        assert_eq!(
            post().send().await.unwrap().status(),
            403,
            "the key matters"
        );
    }
}

/// The parameters of a link after this text.
fn link(page: &str, begins: &str) -> Vec<(String, String)> {
    let (_, rest) = page.split_once(begins).unwrap();
    let query = rest.split(')').next().unwrap();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        let value = percent_decode_str(value).decode_utf8().unwrap();
        (name.to_owned(), value.into_owned())
    };
    query.split('&').map(pair).collect()
}

#[test]
fn the_links_install_what_the_readme_has_for_a_folder() {
    let page = file("docs/agents.md");
    let cursor = link(&page, "https://cursor.com/en/install-mcp?");
    let code = link(&page, "https://vscode.dev/redirect/mcp/install?");
    let readme = blocks(&file("README.md"));
    let of_code = readme
        .iter()
        .find(|(_, body)| body.contains("\"servers\""))
        .unwrap();
    let of_code: Value = serde_json::from_str(&of_code.1).unwrap();
    let mut of_code = of_code["servers"]["memory"].clone();
    for (found, config) in [
        (&code, code[1].1.clone()),
        (
            &cursor,
            String::from_utf8(STANDARD.decode(&cursor[1].1).unwrap()).unwrap(),
        ),
    ] {
        assert_eq!(
            (&*found[0].0, &*found[0].1, &*found[1].0),
            ("name", "memory", "config")
        );
        assert_eq!(serde_json::from_str::<Value>(&config).unwrap(), of_code);
        // Cursor knows by the command that it is a program.
        of_code.as_object_mut().unwrap().remove("type");
    }

    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    let args: Vec<String> = serde_json::from_value(of_code["args"].clone()).unwrap();
    let args: Vec<_> = args
        .iter()
        .map(|arg| arg.replace("${userHome}", home))
        .collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    assert_eq!(
        (&of_code["command"], args[0]),
        (&json!("memory-ingress"), "mcp")
    );
    let mut agent = Agent::spawn(agent::command(&args[1..]));
    agent
        .call(r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings."}"#)
        .unwrap();
    assert!(agent.end().0.success());
    assert!(folder.path().join("memories/memory").is_dir());
}
