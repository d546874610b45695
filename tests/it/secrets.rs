//! Secrets of `mcp --url`: where they come from, and what is said where one is missing (contract 7.4).

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::agent::{self, Agent};
use crate::message::ARGUMENTS;
use crate::misbehaving::{Misbehaving, answer};
use crate::process::{Server, command};

/// What reaches a server of a call with these options and variables, and what is said on stderr.
async fn sent(options: &[&str], variables: &[(&str, &str)]) -> (String, String) {
    let refusal = answer("403 Forbidden", "", r#"{"message":"Forbidden"}"#);
    let server = Misbehaving::start("http", refusal).await;
    let mut command =
        agent::command(&[&["--write-only", "--url", &server.endpoint], options].concat());
    command.envs(variables.iter().copied());
    let mut agent = Agent::spawn(command);
    let ended = spawn_blocking(move || {
        agent.call(ARGUMENTS).unwrap_err();
        agent.end()
    });
    let (status, _, stderr) = ended.await.unwrap();
    assert!(status.success(), "{stderr}");
    let seen = server.seen().remove(0).to_ascii_lowercase();
    (seen, stderr)
}

#[tokio::test]
async fn a_header_takes_its_value_from_the_environment() {
    let team = [("TEAM_LOGIN", "Bearer s3cret")];
    let (seen, _) = sent(&["--header-env", "Authorization=TEAM_LOGIN"], &team).await;
    assert!(seen.contains("authorization: bearer s3cret\r\n"), "{seen}");
    let (seen, _) = sent(
        &["--header-env", "x-team=TEAM", "--header", "x-b=c"],
        &[("TEAM", "a\n")],
    )
    .await;
    assert!(
        seen.contains("x-team: a\r\n") && seen.contains("x-b: c\r\n"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_token_of_the_environment_is_a_bearer_unless_the_command_line_has_an_authorization() {
    let token = [("MEMORY_TOKEN", "s3cret")];
    let (seen, _) = sent(&[], &token).await;
    assert!(seen.contains("authorization: bearer s3cret\r\n"), "{seen}");
    let (seen, _) = sent(&["--header", "Authorization=Basic b3RoZXI="], &token).await;
    assert!(
        seen.contains("authorization: basic b3rozxi=\r\n") && !seen.contains("s3cret"),
        "{seen}"
    );
}

#[test]
fn a_secret_that_is_missing_or_of_no_use_prevents_the_start_and_is_not_shown() {
    let url = "https://memory.example.com";
    for (options, variable, code, sentence) in [
        (
            &["--header-env", "x-team=s3cret"][..],
            None,
            2,
            "is not a variable of the environment that is set",
        ),
        (&["--header-env", "x-team"], None, 2, "NAME=VARIABLE"),
        (
            &["--profile", "work"],
            Some("s3cret"),
            2,
            "either a token or a signature",
        ),
        (&[], Some("Bearer s3cret"), 78, "without the word Bearer"),
        (&[], Some(""), 78, "MEMORY_TOKEN is empty"),
    ] {
        let mut command = agent::command(&[&["--url", url], options].concat());
        command.envs(variable.map(|token| ("MEMORY_TOKEN", token)));
        let (status, _, stderr) = Agent::spawn(command).wait();
        assert_eq!(status.code(), Some(code), "{stderr}");
        assert!(
            stderr.contains(sentence) && !stderr.contains("s3cret"),
            "{stderr}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_an_agent_reads_that_nothing_was_stored_and_what_sets_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = command();
    serve
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .env("MEMORY_API_KEY", "secret");
    let server = Server::spawn(serve);
    for key in [None, Some("other")] {
        let mut command = agent::command(&["--write-only", "--url", &server.url]);
        command.envs(key.map(|key| ("MEMORY_API_KEY", key)));
        let mut agent = Agent::spawn(command);
        let told = spawn_blocking(move || agent.call(ARGUMENTS).unwrap_err())
            .await
            .unwrap();
        for part in [
            "x-api-key",
            "Set MEMORY_API_KEY",
            "The memory was not stored.",
            "\"timestamp\":\"2026-01-27T03:14:22Z\"",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("other"), "{told}");
    }
    let mut command = agent::command(&["--write-only", "--url", &server.url]);
    command.env("MEMORY_API_KEY", "secret");
    let mut agent = Agent::spawn(command);
    let stored: Value = spawn_blocking(move || agent.call(ARGUMENTS).unwrap())
        .await
        .unwrap();
    assert_eq!(stored["status"], "ok");
}

#[tokio::test]
async fn verbose_tells_each_request_and_neither_content_nor_secrets() {
    let variables = [("MEMORY_API_KEY", "s3cret"), ("RUST_LOG", "off")];
    let (_, silent) = sent(&[], &variables[..1]).await;
    assert_eq!(silent, "");
    for variables in [&variables[..1], &variables] {
        let (_, told) = sent(&["--verbose"], variables).await;
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(
            told.contains("/api/v1/mcp/memory") && told.contains("403"),
            "{told}"
        );
        assert!(
            !told.contains("s3cret") && !told.contains("mornings"),
            "{told}"
        );
    }
}
