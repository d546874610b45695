//! Agents that log in: clients that others wrote have only a URL, learn from the service where to log in, do so at an
//! authorization server that others wrote, and append a memory (contract 3.13). The person's browser is `browser.py`.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use reqwest::Client;
use serde_json::Value;

use crate::agent::Agent;
use crate::folder::stored;
use crate::gateway;
use crate::installed::{node, python};
use crate::mcp_clients::CONFORMANCE;
use crate::process::{self, Server, text};

/// The server needs Node 22, which is there for the conformance suite.
const AUTHORIZATION_SERVER: [&str; 1] = ["oidc-provider@9.13.3"];
const MCP_REMOTE: [&str; 1] = ["mcp-remote@0.15.1"];
const PYTHON: [&[&str]; 2] = [&["mcp==1.30.0"], &["mcp==2.3.0"]];

const MEMORY: &str = r#"{"entity_id":"rob","domain":"user","content":"Rob logged in.","timestamp":"2026-01-27T03:14:22Z"}"#;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/peers")
        .join(name)
}

/// An authorization server. It runs until it is dropped.
struct AuthorizationServer {
    process: Child,
    /// It would end if what it prints went nowhere.
    _stdout: BufReader<ChildStdout>,
    url: String,
}

impl AuthorizationServer {
    fn start() -> Self {
        let node_22 = node("conformance", &CONFORMANCE).join("node_modules/node/bin/node");
        let installed = node("authorization-server", &AUTHORIZATION_SERVER);
        let mut process = Command::new(node_22)
            .arg(file("authorization_server.mjs"))
            .arg(installed)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{url:?}");
        Self {
            process,
            _stdout: stdout,
            url,
        }
    }
}

impl Drop for AuthorizationServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A `serve` that accepts the tokens of this issuer for its own `/mcp`, and that URL. The audience must be said before
/// the port is taken.
fn serve(issuer: &str, folder: &Path) -> (Server, String) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let url = format!("http://{address}/mcp");
    let mut command = process::command();
    command
        .args(["serve", "--write-only", "--listen", &address, "--data"])
        .arg(folder)
        .args(["--jwt-issuer", issuer, "--jwt-audience", &url])
        .env("MEMORY_WRITE_SCOPES", "user/{sub}");
    (Server::spawn(command), url)
}

/// The challenge of a door to an agent without a token.
async fn challenge(url: &str) -> String {
    let refused = Client::new().post(url).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let challenge = &refused.headers()["www-authenticate"];
    challenge.to_str().unwrap().to_owned()
}

fn with_mcp_remote(url: &str, home: &Path) -> Value {
    let installed = node("mcp-remote", &MCP_REMOTE);
    let mut command = Command::new("node");
    command
        .arg(installed.join("node_modules/mcp-remote/dist/proxy.js"))
        .arg(url)
        .env("BROWSER", file("browser.py"))
        .env("MCP_REMOTE_CONFIG_DIR", home);
    // The opener of a desktop would take its own browser.
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP"] {
        command.env_remove(name);
    }
    let mut agent = Agent::spawn(command);
    agent.send(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#);
    assert_eq!(agent.receive()["id"], 1);
    agent.call(MEMORY).unwrap()
}

/// Logs in, after it tried the token that it kept, if it kept one.
fn with_python(packages: &[&str], url: &str, kept: Option<&str>) -> Value {
    let mut command = Command::new(python(packages).join("python"));
    command.arg(file("login_client.py")).arg(url).args(kept);
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success(), "{packages:?}: {said}");
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

/// Every client logs in at this door, and stores a memory, the same one.
fn log_in_and_append(url: &str, folder: &Path) {
    let first = with_python(PYTHON[0], url, None);
    let keys: Vec<_> = stored(folder).into_keys().collect();
    assert_eq!(keys, [first["s3_key"].as_str().unwrap()]);
    assert_eq!(with_python(PYTHON[1], url, None), first);
    for packages in PYTHON {
        assert_eq!(with_python(packages, url, Some("expired")), first);
    }
    let home = tempfile::tempdir().unwrap();
    assert_eq!(with_mcp_remote(url, home.path()), first);
    assert_eq!(stored(folder).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_log_in_behind_a_gateway_whose_401_does_not_say_where() {
    let authority = AuthorizationServer::start();
    let folder = tempfile::tempdir().unwrap();
    let url = gateway::start(&authority.url, folder.path()).await;
    assert_eq!(challenge(&url).await, "Bearer");
    tokio::task::spawn_blocking(move || log_in_and_append(&url, folder.path()))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_log_in_to_serve_which_says_where() {
    let authority = AuthorizationServer::start();
    let folder = tempfile::tempdir().unwrap();
    let (_server, url) = serve(&authority.url, folder.path());
    let place = url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp");
    let expected = format!("Bearer resource_metadata=\"{place}\"");
    assert_eq!(challenge(&url).await, expected);
    tokio::task::spawn_blocking(move || log_in_and_append(&url, folder.path()))
        .await
        .unwrap();
}
