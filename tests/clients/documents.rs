//! The OpenAPI documents by programs that judge documents, and the service by what its document says.

use std::process::Command;

use crate::installed::{node, python};
use crate::places::{done, file, root};
use crate::process::{Server, command};

const VALIDATOR: &str = "openapi-spec-validator==0.9.0";
const LINTERS: [&str; 2] = ["@redocly/cli@2.77.0", "@stoplight/spectral-cli@6.16.3"];
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

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
    let mut schemathesis = Command::new(python(&[SCHEMATHESIS]).join("schemathesis"));
    schemathesis
        .env("SCHEMATHESIS_HOOKS", file("schemathesis_hooks.py"))
        .arg("--config-file")
        .arg(file("schemathesis.toml"))
        .arg("run")
        .arg(root().join("openapi/ingress.json"))
        .args(["--url", &server.url]);
    let said = done("schemathesis", schemathesis.current_dir(data.path()));
    assert!(said.contains("No issues found"), "{said}");
}
