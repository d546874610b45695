//! `replay` on a terminal (contract 7.5).

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
