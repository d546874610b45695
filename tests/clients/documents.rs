//! The OpenAPI documents by programs that judge documents, and the service by what its document says.

use std::process::Command;

use serde_json::json;

use crate::installed::{node, python};
use crate::places::{done, file, root};
use crate::process::{Server, command, text};

const VALIDATOR: &str = "openapi-spec-validator==0.9.0";
const LINTERS: [&str; 2] = ["@redocly/cli@2.77.0", "@stoplight/spectral-cli@6.16.3"];
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

const REPOSITORY: &str = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";

const DOCUMENTS: [&str; 4] = [
    "openapi/openapi.json",
    "openapi/ingress.json",
    "openapi/jsonapi.json",
    "openapi/tool.json",
];

#[test]
fn the_documents_are_valid_by_the_specification() {
    let validator = python(&[VALIDATOR]).join("openapi-spec-validator");
    let mut command = Command::new(validator);
    done(
        "openapi-spec-validator",
        command.args(DOCUMENTS).current_dir(root()),
    );
}

#[test]
fn the_documents_are_clean_by_two_linters() {
    let programs = node("linters", &LINTERS).join("node_modules/.bin");
    let mut redocly = Command::new(programs.join("redocly"));
    redocly
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .args(["lint", "--config"])
        .arg(file("redocly.yaml"));
    done("redocly", redocly.args(DOCUMENTS).current_dir(root()));
    let mut spectral = Command::new(programs.join("spectral"));
    spectral
        .args(["lint", "--fail-severity", "hint", "--ruleset"])
        .arg(file("spectral.yaml"));
    done("spectral", spectral.args(DOCUMENTS).current_dir(root()));
}

#[test]
fn the_ingress_does_what_its_document_says_of_sound_and_unsound_requests() {
    let data = tempfile::tempdir().unwrap();
    let mut serve = command();
    serve
        .args(["serve", "--write-only", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path());
    let server = Server::spawn(serve);
    passes(ask("openapi/ingress.json", "schemathesis.toml", &server));
}

#[tokio::test]
async fn the_whole_service_does_what_its_document_says_of_memories_that_there_are() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let mut ids = Vec::new();
    for number in 1..=9 {
        let attributes = json!({
            "content": format!("Round half up, in note {number}."),
            "repository_id": REPOSITORY,
            "memory_type": "rule",
            "tags": ["tax"],
            "timestamp": format!("2026-01-0{number}T00:00:00Z"),
        });
        let body = json!({"data": {"type": "memories", "attributes": attributes}});
        let key = server.store(&body.to_string()).await;
        let (_, id) = key.rsplit_once('_').unwrap();
        ids.push(id.trim_end_matches(".json").to_owned());
    }
    let mut asked = ask("openapi/openapi.json", "schemathesis_whole.toml", &server);
    asked
        .env("MEMORY_IDS", ids.join(","))
        .env("MEMORY_SCOPE", REPOSITORY);
    passes(asked);
    // Some requests met a memory, and changed it.
    let mut events = command();
    events
        .args(["replay", "--events", "--data"])
        .arg(data.path());
    let events = text(&events.output().unwrap().stdout);
    for status in ["verified", "locked", "deleted"] {
        let made = format!("\"status\":\"{status}\"");
        assert!(
            events.contains(&made),
            "no memory became {status}: {events}"
        );
    }
}

/// Has schemathesis ask a service what a document says.
fn ask(document: &str, settings: &str, server: &Server) -> Command {
    let mut schemathesis = Command::new(python(&[SCHEMATHESIS]).join("schemathesis"));
    schemathesis
        .env("SCHEMATHESIS_HOOKS", file("schemathesis_hooks.py"))
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .arg("--config-file")
        .arg(file(settings))
        .arg("run")
        .arg(root().join(document))
        .args(["--url", &server.url]);
    schemathesis
}

fn passes(mut schemathesis: Command) {
    let said = done("schemathesis", &mut schemathesis);
    assert!(said.contains("No issues found"), "{said}");
}
