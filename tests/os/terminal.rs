//! `replay` and `search` on a terminal (contract 7.5, 8.11).

use std::process::Stdio;
use std::time::Instant;

use crate::folder::memory;
use crate::process::{BINARY, Server, text};
use crate::tool::tool;

const AT: &str = "2026-01-27T03:14:22Z";

/// What a person sees who runs this line of a shell at a terminal without a keyboard.
fn seen(line: &str) -> String {
    let terminal = tool("script", "bsdutils")
        .args(["-qec", line, "/dev/null"])
        .stdin(Stdio::null())
        .output();
    text(&terminal.unwrap().stdout)
}

#[tokio::test]
async fn replay_on_a_terminal_ends_with_how_many_were_proved() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let replay = format!("{BINARY} replay --data {}", folder.path().display());
    server.store(memory("rob", "one", AT)).await;
    assert!(seen(&replay).ends_with("1 memory, proved\r\n"));
    server.store(memory("rob", "two", AT)).await;
    assert!(seen(&replay).ends_with("2 memories, all proved\r\n"));
    let limited = seen(&format!("{replay} --limit 1"));
    assert!(
        limited.ends_with("1 memory, proved; stopped by --limit\r\n"),
        "{limited}"
    );
    assert!(seen(&format!("{replay} --domain other")).ends_with("0 memories\r\n"));
    std::fs::write(folder.path().join("memory/notes.txt"), "mine").unwrap();
    let bad = seen(&format!("{replay} > {}/out", folder.path().display()));
    assert!(
        bad.ends_with("2 memories proved, and 1 fault reported above\r\n"),
        "{bad}"
    );
}

#[tokio::test]
async fn replay_into_a_file_draws_by_the_clock_and_not_for_each_line() {
    const FOREIGN: usize = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.store(memory("rob", "one", AT)).await;
    for number in 0..FOREIGN {
        std::fs::write(folder.path().join(format!("memory/{number:04}")), "x").unwrap();
    }
    let folder = folder.path().display();
    let began = Instant::now();
    let seen = seen(&format!("{BINARY} replay --data {folder} > {folder}/out"));
    let drawn = seen.matches("memories, ").count();
    assert!(
        drawn <= 2 + began.elapsed().as_millis() as usize / 100,
        "{drawn} times"
    );
    assert_eq!(seen.matches("bad: ").count(), FOREIGN);
    let whole = |line: &str| !line.contains("bad: ") || line.split("bad: ").count() == 2;
    assert!(seen.lines().all(whole), "every complaint has its own line");
}

#[test]
fn an_mcp_server_at_a_terminal_says_what_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let mcp = format!("{BINARY} mcp --data {}/new", folder.path().display());
    assert!(seen(&mcp).contains("waiting for an agent's messages on stdin"));
    assert!(!seen(&format!("{mcp} < /dev/null")).contains("waiting"));
}

/// The record of a request, which is JSON everywhere else.
#[test]
fn a_request_logged_at_a_terminal_is_one_line_for_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!(
        r#"{{"entity_id":"a\\u202eb","domain":"work","content":"the-secret-word","timestamp":"{AT}"}}"#
    );
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"append_memory","arguments":{arguments}}}}}"#
    );
    let folder = folder.path().display();
    let seen = seen(&format!(
        "printf '{call}\\n' | {BINARY} mcp --data {folder} > {folder}/responses"
    ));
    let logged = |line: &&str| line.contains("append_memory");
    let [line] = seen.lines().filter(logged).collect::<Vec<_>>()[..] else {
        panic!("{seen}");
    };
    let told = line.split_once(" stored append_memory in ");
    let (begin, end) = told.unwrap_or_else(|| panic!("{line}"));
    assert!(begin.ends_with("Z INFO "), "{line}");
    let key = "memories/domain=work/entity=a%E2%80%AEb/2026/01/27/";
    assert!(end.contains(" ms (S3 ") && end.contains(key), "{line}");
    assert!(!seen.contains("the-secret-word") && !seen.contains('\u{202e}'));
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
