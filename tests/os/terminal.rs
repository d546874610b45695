//! `replay` and `search` on a terminal (contract 7.5, 8.11).

use std::process::Stdio;

use crate::folder::memory;
use crate::process::{BINARY, Server, text};
use crate::tool::tool;

const AT: &str = "2026-01-27T03:14:22Z";

#[tokio::test]
async fn replay_counts_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    Server::start(folder.path())
        .store(memory("rob", "one", AT))
        .await;
    let replay = format!("{BINARY} replay --data {}", folder.path().display());
    let terminal = tool("script", "bsdutils")
        .args(["-qec", &replay, "/dev/null"])
        .stdin(Stdio::null())
        .output();
    let seen = terminal.unwrap();
    assert!(
        text(&seen.stdout).contains("memories proved"),
        "{}",
        text(&seen.stdout)
    );
}

#[tokio::test]
async fn a_search_on_a_terminal_is_for_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "Rob prefers mornings.\u{1b}[2J\nx";
    Server::start(folder.path())
        .store(memory("rob", hostile, AT))
        .await;
    let search = format!(
        "{BINARY} search --data {} mornings",
        folder.path().display()
    );
    for (no_color, marked) in [
        ("", "\u{1b}[1mmornings\u{1b}[0m"),
        ("1", "prefers mornings."),
    ] {
        let terminal = tool("script", "bsdutils")
            .args(["-qec", &search, "/dev/null"])
            .env("TERM", "xterm")
            .env("NO_COLOR", no_color)
            .stdin(Stdio::null())
            .output();
        let seen = text(&terminal.unwrap().stdout);
        for shown in [
            marked,
            "work/rob · 2026-01-27, ",
            " · unverified · ",
            "1 found, of 1 memories",
        ] {
            assert!(seen.contains(shown), "{shown}: {seen}");
        }
        assert!(!seen.contains("\u{1b}[2J"), "{seen:?}");
    }
}
