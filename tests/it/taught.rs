//! What the command line teaches: its help, its completions, its pages, and spans of time (contract 7.1, 7.5, 7.7).

use std::net::TcpListener;

use crate::folder::memory;
use crate::local::run;
use crate::process::{Server, command, text};

#[test]
fn help_names_settings_and_examples_and_openapi_prints_the_document() {
    let help = text(&run(&["--help"]).stdout);
    for taught in [
        "Examples:",
        "serve",
        "replay",
        "openapi",
        "completions",
        "--listen",
        "--data",
        "--bucket",
        "[env: MEMORY_API_KEY]",
    ] {
        assert!(help.contains(taught), "{taught}");
    }
    assert!(text(&run(&["replay", "--help"]).stdout).contains("--since"));
    assert_eq!(
        text(&run(&["openapi"]).stdout),
        memory_ingress::openapi::document().as_str()
    );
}

#[test]
fn completions_and_pages_need_no_settings() {
    for args in [
        &["completions", "bash"][..],
        &["completions", "zsh"],
        &["man"],
        &["man", "replay"],
    ] {
        let mut command = command();
        let output = command
            .args(args)
            .env("MEMORY_BUCKET", "No_Bucket")
            .output();
        let output = output.unwrap();
        assert!(
            output.status.success(),
            "{args:?}: {}",
            text(&output.stderr)
        );
        assert!(text(&output.stdout).contains("memory"), "{args:?}");
    }
    let unknown = run(&["man", "nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("There is no such command"));
}

#[tokio::test]
async fn a_span_of_time_is_written_as_people_write_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server
        .store(memory("rob", "old", "2026-01-27T23:59:59Z"))
        .await;
    server
        .store(memory("rob", "next", "2026-01-28T00:00:00Z"))
        .await;
    server
        .store(r#"{"entity_id":"rob","domain":"work","content":"now"}"#.to_owned())
        .await;
    let data = folder.path().to_str().unwrap();
    for (args, expected) in [
        (&["--since", "2026-01-28"][..], &["next", "now"][..]),
        (&["--until", "2026-01-28"], &["old"]),
        (&["--since", "1h"], &["now"]),
        (&["--until", "1h"], &["old", "next"]),
        (&["--limit", "2"], &["old", "next"]),
        (&["--limit", "9"], &["old", "next", "now"]),
    ] {
        let replay = run(&[&["replay", "--data", data], args].concat());
        assert!(replay.status.success(), "{}", text(&replay.stderr));
        let lines = text(&replay.stdout);
        let contents: Vec<_> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["content"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(contents, expected, "{args:?}");
        assert_eq!(text(&replay.stderr), "", "{args:?}");
    }
    let found = run(&["search", "--data", data, "--since", "1h", "now", "old"]);
    assert_eq!(text(&found.stdout).lines().count(), 1);
}

#[test]
fn a_span_that_contradicts_itself_is_a_wrong_command_line() {
    for command in ["replay", "search"] {
        for (since, until) in [
            ("2026-01-02", "2026-01-01"),
            ("1h", "1d"),
            ("2026-01-01", "2026-01-01"),
        ] {
            let output = run(&[
                command, "--since", since, "--until", until, "--data", "/nowhere",
            ]
            .iter()
            .copied()
            .chain((command == "search").then_some("words"))
            .collect::<Vec<_>>());
            assert_eq!(output.status.code(), Some(2), "{command}");
            assert!(text(&output.stderr).contains("--until is not after --since"));
        }
    }
    let limit = run(&["replay", "--limit", "0"]);
    assert_eq!(limit.status.code(), Some(2));
    let time = run(&["replay", "--since", "yesterday"]);
    assert!(text(&time.stderr).contains("7d"), "{}", text(&time.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_up_only_while_a_service_answers() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command();
    command
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .env("MEMORY_API_KEY", "secret");
    let mut server = Server::spawn(command);
    let ask = |url: &str| {
        let output = run(&["health", "--url", url]);
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    for url in [server.url.clone(), format!("{}/health", server.url)] {
        assert_eq!(
            ask(&url),
            (Some(0), "up\n".to_owned(), String::new()),
            "{url}"
        );
    }
    let elsewhere = ask(&format!("{}/no/such/stage", server.url));
    assert_eq!((elsewhere.0, &*elsewhere.1), (Some(1), ""));
    assert!(elsewhere.2.contains("HTTP 404"), "{}", elsewhere.2);
    assert!(server.stop().success());
    assert_eq!(ask(&server.url).0, Some(1));
    // It accepts, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = ask(&format!("http://{}", silent.local_addr().unwrap()));
    assert_eq!(silent.0, Some(1));
    assert!(silent.2.contains("did not answer"), "{}", silent.2);
    assert_eq!(ask("http://memory.example.com").0, Some(2));
}
