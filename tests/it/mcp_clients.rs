//! The Model Context Protocol by programs of others: the official conformance suite, and the
//! official clients over HTTP and over stdio. They are installed from their registries, in these
//! versions.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientLifecycleMode, ClientServiceExt};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::stored;
use crate::installed::{node, python};
use crate::process::{BINARY, Server, text};

/// The suite needs Node 22, which npm has as a package.
pub(crate) const CONFORMANCE: [&str; 2] = [
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "node@22",
];
const TYPESCRIPT: [&str; 2] = [
    "@modelcontextprotocol/sdk@1.32.2",
    "@modelcontextprotocol/client@2.4.0",
];
const PYTHON_1: &str = "mcp==1.30.0";
const PYTHON_2: &str = "mcp==2.3.0";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

#[test]
fn the_official_conformance_suite_finds_no_failure_but_the_ones_argued() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let installed = node("conformance", &CONFORMANCE).join("node_modules");
    for version in memory_ingress::mcp::VERSIONS {
        let output = Command::new(installed.join("node/bin/node"))
            .arg(installed.join("@modelcontextprotocol/conformance/dist/index.js"))
            .args(["server", "--suite", "all", "--spec-version", version])
            .args(["--url", &format!("{}/mcp", server.url)])
            .arg("--expected-failures")
            .arg(file("conformance.yml"))
            .arg("-o")
            .arg(data.path().join("results"))
            .output()
            .unwrap();
        let said = text(&output.stdout);
        assert!(
            output.status.success(),
            "{version}: {said}{}",
            text(&output.stderr)
        );
    }
}

/// A place that agents call, and the folder that it keeps memories in.
struct Place {
    _server: Option<Server>,
    data: TempDir,
    target: Vec<String>,
}

fn over_http() -> Place {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let target = vec![format!("{}/mcp", server.url)];
    Place {
        _server: Some(server),
        data,
        target,
    }
}

fn over_stdio() -> Place {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let target = [BINARY, "mcp", "--data", folder].map(str::to_owned).into();
    Place {
        _server: None,
        data,
        target,
    }
}

/// What an agent saw is what every agent must see.
fn check(name: &str, place: &Place, seen: &Value, version: Option<&str>) {
    if let Some(version) = version {
        assert_eq!(seen["version"], version, "{name}");
    }
    assert_eq!(seen["tool"], "append_memory", "{name}");
    assert_eq!(
        (&seen["is_error"], &seen["receipt"]["status"]),
        (&json!(false), &json!("ok")),
        "{name}"
    );
    let keys: Vec<_> = stored(place.data.path()).into_keys().collect();
    assert_eq!(
        keys,
        [seen["receipt"]["s3_key"].as_str().unwrap()],
        "{name}"
    );
    assert_eq!(seen["refused_is_error"], true, "{name}");
    let words = seen["refused_text"].as_str().unwrap();
    assert!(
        words.contains("is blank; it must have more than white space."),
        "{name}: {words}"
    );
}

fn run(name: &str, command: &mut Command, version: Option<&str>) {
    for place in [over_http(), over_stdio()] {
        let Output {
            status,
            stdout,
            stderr,
        } = command_of(command, &place).output().unwrap();
        assert!(
            status.success(),
            "{name}: {}{}",
            text(&stdout),
            text(&stderr)
        );
        let seen = serde_json::from_slice(&stdout).expect("one line of JSON");
        check(name, &place, &seen, version);
    }
}

/// The same command with the place at its end.
fn command_of(command: &Command, place: &Place) -> Command {
    let mut with_place = Command::new(command.get_program());
    with_place.args(command.get_args()).args(&place.target);
    with_place
}

#[test]
fn the_python_clients_of_both_major_versions_store_a_memory() {
    for (package, mode, version) in [
        (PYTHON_1, "legacy", "2025-11-25"),
        (PYTHON_2, "legacy", "2025-11-25"),
        (PYTHON_2, "auto", "2026-07-28"),
    ] {
        let mut command = Command::new(python(&[package]).join("python"));
        command.arg(file("mcp_client.py")).arg(mode);
        run(&format!("{package} {mode}"), &mut command, Some(version));
    }
}

#[test]
fn the_typescript_clients_of_both_major_versions_store_a_memory() {
    let installed = node("clients", &TYPESCRIPT);
    for (flavour, version) in [
        // The older client tells its version over HTTP alone.
        ("sdk", None),
        ("client", Some("2025-11-25")),
        ("client-auto", Some("2026-07-28")),
    ] {
        let mut command = Command::new("node");
        command
            .arg(file("mcp_client.mjs"))
            .arg(flavour)
            .arg(&installed);
        run(flavour, &mut command, version);
    }
}

#[tokio::test]
async fn the_rust_client_stores_a_memory_in_either_lifecycle() {
    let modern = || ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    };
    for (lifecycle, version) in [
        (modern(), "2026-07-28"),
        (ClientLifecycleMode::Initialize, "2025-11-25"),
    ] {
        for place in [over_http(), over_stdio()] {
            let client = match &place.target[..] {
                [url] => {
                    let transport = StreamableHttpClientTransport::from_uri(url.as_str());
                    ().serve_with_lifecycle(transport, lifecycle.clone())
                        .await
                        .unwrap()
                }
                [program, arguments @ ..] => {
                    let mut command = tokio::process::Command::new(program);
                    command.args(arguments);
                    let transport = TokioChildProcess::new(command).unwrap();
                    ().serve_with_lifecycle(transport, lifecycle.clone())
                        .await
                        .unwrap()
                }
                [] => unreachable!("a place has a target"),
            };
            let tools = client.list_all_tools().await.unwrap();
            let call = |content: &str| {
                let arguments = json!({"entity_id": "rob", "domain": "work", "content": content, "timestamp": "2026-01-27T03:14:22Z"});
                let arguments = arguments.as_object().unwrap().clone();
                client.call_tool(
                    CallToolRequestParams::new("append_memory").with_arguments(arguments),
                )
            };
            let (accepted, refused) = (call("„☃“").await.unwrap(), call(" ").await.unwrap());
            let refused = serde_json::to_value(refused).unwrap();
            let seen = json!({
                "tool": tools[0].name,
                "receipt": accepted.structured_content,
                "is_error": accepted.is_error,
                "refused_is_error": refused["isError"],
                "refused_text": refused["content"][0]["text"],
            });
            check(version, &place, &seen, None);
            client.cancel().await.unwrap();
        }
    }
}
