//! The Model Context Protocol by programs that others wrote: the official conformance suite, and the official clients
//! over HTTP and over stdio. They are installed from their registries, in these versions.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::installed::{node, python};
use crate::place::{Place, check, over_http, over_stdio};
use crate::process::{Server, text};

/// The suite needs Node 22, which npm has as a package.
pub(crate) const CONFORMANCE: [&str; 2] = [
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "node@22",
];
const TYPESCRIPT: [&str; 2] = [
    "@modelcontextprotocol/sdk@1.32.2",
    "@modelcontextprotocol/client@2.4.0",
];
/// From before structured results, and from before the version header.
const TYPESCRIPT_OLD: [&str; 1] = ["@modelcontextprotocol/sdk@1.12.0"];
const PYTHON_OLD: &[&str] = &["mcp==1.9.4", "pydantic==2.11.4"];
const PYTHON_1: &[&str] = &["mcp==1.30.0"];
const PYTHON_2: &[&str] = &["mcp==2.3.0"];

/// The versions that the suite knows. It has no schema of 2024-11-05.
pub(crate) fn versions_of_the_suite() -> impl Iterator<Item = &'static str> {
    let versions = memory_web::mcp::VERSIONS.into_iter();
    versions.filter(|version| *version != "2024-11-05")
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/peers")
        .join(name)
}

#[test]
fn the_official_conformance_suite_finds_no_failure_but_the_ones_argued() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let installed = node("conformance", &CONFORMANCE).join("node_modules");
    for version in versions_of_the_suite() {
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

/// Returns the same command with the place as its last arguments.
fn command_of(command: &Command, place: &Place) -> Command {
    let mut with_place = Command::new(command.get_program());
    with_place.args(command.get_args()).args(&place.target);
    with_place
}

#[test]
fn the_python_clients_of_both_major_versions_and_an_old_one_store_find_and_forget_a_memory() {
    for (packages, mode, version) in [
        (PYTHON_OLD, "legacy", "2025-03-26"),
        (PYTHON_1, "legacy", "2025-11-25"),
        (PYTHON_2, "legacy", "2025-11-25"),
        (PYTHON_2, "auto", "2026-07-28"),
    ] {
        let mut command = Command::new(python(packages).join("python"));
        command.arg(file("mcp_client.py")).arg(mode);
        run(&format!("{packages:?} {mode}"), &mut command, Some(version));
    }
}

#[test]
fn the_typescript_clients_of_both_major_versions_and_an_old_one_store_find_and_forget_a_memory() {
    let newest = node("clients", &TYPESCRIPT);
    let old = node("old-clients", &TYPESCRIPT_OLD);
    for (installed, flavour, version) in [
        // These two know their version only over HTTP, or not at all.
        (&old, "sdk", None),
        (&newest, "sdk", None),
        (&newest, "client", Some("2025-11-25")),
        (&newest, "client-auto", Some("2026-07-28")),
    ] {
        let mut command = Command::new("node");
        command
            .arg(file("mcp_client.mjs"))
            .arg(flavour)
            .arg(installed);
        run(flavour, &mut command, version);
    }
}
