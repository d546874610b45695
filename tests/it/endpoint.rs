//! `memory-ingress mcp --url`: an agent's calls sent to a deployed service, signed and repeated (contract 7.4).

use memory_ingress::tool;
use memory_log::json::Json;
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::agent::{self, Agent};
use crate::message::{ARGUMENTS, request};
use crate::misbehaving::{Does, Misbehaving, answer, bytes_of};

const NO_TIMESTAMP: &str =
    r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings."}"#;

/// `mcp` with these arguments, which asks the endpoint for nothing but its calls.
fn command(args: &[&str]) -> std::process::Command {
    agent::command(&[args, &["--write-only"]].concat())
}

/// The flat receipt of the memory in a tool body.
fn receipt_of(body: &str) -> Value {
    let draft = tool::draft(Json::parse(body.as_bytes()).unwrap().root()).unwrap();
    let memory = Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap();
    let object = Object::of(&memory);
    json!({"status": "ok", "memory_id": object.memory_id.to_string(), "s3_key": object.key})
}

/// The receipt of the memory that was sent.
fn receipt() -> Does {
    Does::AnswersTo(|body| {
        let json = "content-type: application/json\r\n";
        bytes_of("201 Created", json, &receipt_of(body).to_string())
    })
}

/// What an agent is told by a server that does these things, one after another, and the bodies
/// that reached it.
async fn told(
    script: Vec<Does>,
    arguments: &str,
    options: &[&str],
) -> (Result<Value, String>, Vec<Value>) {
    let server = Misbehaving::start_with("http", script).await;
    let args = [&["--url", &*server.endpoint], options].concat();
    let mut agent = Agent::spawn(command(&args));
    let arguments = arguments.to_owned();
    let told = spawn_blocking(move || {
        let told = agent.call(&arguments);
        let (status, _, stderr) = agent.end();
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
        told
    });
    let told = told.await.unwrap();
    let bodies = server.seen().into_iter().map(|request| {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_default()
    });
    (told, bodies.collect())
}

#[tokio::test]
async fn a_call_is_one_post_of_the_whole_memory_with_its_timestamp() {
    let arguments = r#"{"domain":"work","entity_id":"rob","content":"„é“ \u0041","timestamp":"2026-01-27T04:14:22+01:00","metadata":{"b" : 1.50, "a":"\u00e9"}}"#;
    let server = Misbehaving::start("http", receipt()).await;
    let mut agent = Agent::spawn(command(&[
        "--url",
        &format!("{}/prod/mcp", server.endpoint),
        "--header",
        "X-Team: memory",
    ]));
    let told = spawn_blocking(move || agent.call(arguments)).await.unwrap();
    assert_eq!(told.unwrap(), receipt_of(arguments));
    let seen = server.seen();
    let (head, body) = seen[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        body,
        r#"{"entity_id":"rob","domain":"work","content":"„é“ A","timestamp":"2026-01-27T03:14:22Z","metadata":{"b":1.50,"a":"\u00e9"}}"#
    );
    let head = head.to_ascii_lowercase();
    for line in [
        "post /prod/api/v1/mcp/memory http/1.1",
        "content-type: application/json",
        "accept: application/json",
        "x-team: memory",
        concat!("user-agent: memory-ingress/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert!(!head.contains("authorization") && !head.contains("transfer-encoding"));
}

#[tokio::test]
async fn what_may_help_is_repeated_with_the_same_timestamp() {
    let unavailable = || {
        answer(
            "503 Service Unavailable",
            "retry-after: 0\r\n",
            r#"{"message":"Service Unavailable"}"#,
        )
    };
    let throttled = || {
        answer(
            "429 Too Many Requests",
            "",
            r#"{"message":"Too Many Requests"}"#,
        )
    };
    let cut_off = || {
        Does::Answers(
            b"HTTP/1.1 201 Created\r\ncontent-length: 400\r\n\r\n{\"status\":\"ok\"".to_vec(),
        )
    };
    for (name, script) in [
        (
            "reset before the body was read",
            vec![Does::ResetsEarly, receipt()],
        ),
        ("reset after it", vec![Does::ResetsLate, receipt()]),
        ("an answer cut off", vec![cut_off(), receipt()]),
        ("503 twice", vec![unavailable(), unavailable(), receipt()]),
        (
            "429, then a reset",
            vec![throttled(), Does::ResetsLate, receipt()],
        ),
        ("502", vec![answer("502 Bad Gateway", "", ""), receipt()]),
        (
            "504",
            vec![
                answer(
                    "504 Gateway Timeout",
                    "",
                    r#"{"message":"Endpoint request timed out"}"#,
                ),
                receipt(),
            ],
        ),
    ] {
        let attempts = script.len();
        let (told, bodies) = told(script, NO_TIMESTAMP, &[]).await;
        assert_eq!(told.unwrap()["status"], "ok", "{name}");
        assert_eq!(bodies.len(), attempts, "{name}");
        let timestamps: std::collections::BTreeSet<_> = bodies
            .iter()
            .filter_map(|body| body["timestamp"].as_str())
            .collect();
        // A request that was reset early may have been read in part.
        assert_eq!(timestamps.len(), 1, "{name}: {bodies:?}");
    }
}

#[tokio::test]
async fn two_calls_without_a_timestamp_are_two_memories() {
    let server = Misbehaving::start("http", receipt()).await;
    let mut agent = Agent::spawn(command(&["--url", &server.endpoint]));
    spawn_blocking(move || {
        (
            agent.call(NO_TIMESTAMP).unwrap(),
            agent.call(NO_TIMESTAMP).unwrap(),
        )
    })
    .await
    .unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_ne!(
        seen[0].split_once("\r\n\r\n"),
        seen[1].split_once("\r\n\r\n")
    );
}

#[tokio::test]
async fn retries_end_after_two_and_none_are_made_where_they_are_turned_off() {
    let unavailable = || {
        answer(
            "503 Service Unavailable",
            "",
            r#"{"message":"Service Unavailable"}"#,
        )
    };
    for (options, attempts) in [
        (&[][..], 3),
        (&["--retries", "1"], 2),
        (&["--retries", "0"], 1),
    ] {
        let (told, bodies) = told(vec![unavailable()], NO_TIMESTAMP, options).await;
        let said = told.unwrap_err();
        assert_eq!(bodies.len(), attempts);
        let timestamp = bodies[0]["timestamp"].as_str().unwrap();
        assert_eq!(
            said,
            format!(
                "The endpoint answered HTTP 503: Service Unavailable. It is not known whether the memory was stored. Repeat \
                     the same call with \"timestamp\":\"{timestamp}\": it is stored only once, however often it is sent."
            )
        );
    }
}

#[tokio::test]
async fn what_a_repeat_cannot_help_is_told_at_once() {
    let own = |status: &str, words: &str| {
        answer(
            status,
            "content-type: application/json\r\n",
            &json!({"status": "error", "error": words}).to_string(),
        )
    };
    for (does, words, stored) in [
        (
            own("422 Unprocessable Content", "Send less."),
            "Send less.",
            "",
        ),
        (
            own(
                "500 Internal Server Error",
                "The memory was not stored: the storage refused it.",
            ),
            "The memory was not stored: the storage refused it.",
            "",
        ),
        (
            answer(
                "403 Forbidden",
                "x-amzn-errortype: AccessDeniedException\r\n",
                r#"{"message":"User: arn:aws:iam::1:user/rob is not authorized"}"#,
            ),
            "HTTP 403 AccessDeniedException: User: arn:aws:iam::1:user/rob is not authorized.",
            "was not stored",
        ),
        (
            answer(
                "403 Forbidden",
                "",
                r#"{"message":"Missing Authentication Token"}"#,
            ),
            "check the URL",
            "was not stored",
        ),
        (
            answer("401 Unauthorized", "", r#"{"message":"Unauthorized"}"#),
            "HTTP 401: Unauthorized",
            "was not stored",
        ),
        (
            answer(
                "413 Payload Too Large",
                "",
                r#"{"message":"Request Too Long"}"#,
            ),
            "Request Too Long",
            "was not stored",
        ),
        (
            answer(
                "307 Temporary Redirect",
                "location: https://evil.test/\r\n",
                "",
            ),
            "it redirects to https://evil.test/",
            "not known",
        ),
        (
            answer(
                "200 OK",
                "content-type: text/html\r\n",
                "<html>Sign in</html>",
            ),
            "HTTP 200: it sent no receipt",
            "not known",
        ),
        (
            answer("201 Created", "", r#"{"status":"ok"}"#),
            "HTTP 201: it sent no receipt",
            "not known",
        ),
    ] {
        let (told, bodies) = told(vec![does], ARGUMENTS, &[]).await;
        let said = told.unwrap_err();
        assert!(said.contains(words) && said.contains(stored), "{said}");
        assert_eq!(bodies.len(), 1, "{said}");
    }
}

#[tokio::test]
async fn a_refusal_after_an_unknown_attempt_does_not_say_that_nothing_was_stored() {
    let not_written = r#"{"status":"error","error":"The memory was not stored: the storage could not take it now."}"#;
    let script = vec![
        Does::ResetsLate,
        answer("503 Service Unavailable", "", not_written),
    ];
    let (told, bodies) = told(script, ARGUMENTS, &[]).await;
    assert_eq!(bodies.len(), 3);
    assert_eq!(
        told.unwrap_err(),
        "The endpoint answered HTTP 503. It is not known whether the memory was stored. Repeat the same call with \
         \"timestamp\":\"2026-01-27T03:14:22Z\": it is stored only once, however often it is sent."
    );
}

#[tokio::test]
async fn a_pause_longer_than_any_clock_is_told_and_not_waited_for() {
    for pause in ["18446744073709551615", "9223372036854775807", "100000"] {
        let later = answer(
            "503 Service Unavailable",
            &format!("retry-after: {pause}\r\n"),
            "",
        );
        let (told, bodies) = told(vec![later], ARGUMENTS, &[]).await;
        let said = told.unwrap_err();
        assert_eq!(bodies.len(), 1);
        assert!(said.contains("was stored. After 86400 s, repeat the same call with \"timestamp\":\"2026-01-27T03:14:22Z\""), "{said}");
    }
}

#[tokio::test]
async fn an_answer_of_many_lines_is_one_line_to_the_agent() {
    let pretty =
        Does::AnswersTo(|body| bytes_of("201 Created", "", &format!("{:#}\n", receipt_of(body))));
    let (told, _) = told(vec![pretty], ARGUMENTS, &[]).await;
    assert_eq!(told.unwrap(), receipt_of(ARGUMENTS));
}

#[tokio::test]
async fn a_page_of_1_mib_is_read_and_a_longer_one_proves_nothing() {
    const MIB: usize = 1024 * 1024;
    for (length, said) in [
        (
            MIB,
            "The endpoint answered HTTP 400: Bad Request. The memory was not stored.",
        ),
        (
            MIB + 1,
            "longer than any response of the service. It is not known whether",
        ),
    ] {
        let page = answer("400 Bad Request", "", &"x".repeat(length));
        let (told, _) = told(vec![page], ARGUMENTS, &["--retries", "0"]).await;
        let told = told.unwrap_err();
        assert!(told.contains(said), "{length}: {told}");
    }
}

#[tokio::test]
async fn the_receipt_of_another_memory_leaves_the_outcome_unknown() {
    let other_id = |body: &str| {
        let mut receipt = receipt_of(body);
        receipt["memory_id"] = json!("3801baa2-1063-86b6-b294-c22f1c2f081f");
        bytes_of("201 Created", "", &receipt.to_string())
    };
    let other_key = |body: &str| {
        let mut receipt = receipt_of(body);
        receipt["s3_key"] = json!(format!("{}2", receipt["s3_key"].as_str().unwrap()));
        bytes_of("201 Created", "", &receipt.to_string())
    };
    let of_another = |body: &str| {
        let other = body.replace("\"content\":\"", "\"content\":\"x");
        bytes_of("201 Created", "", &receipt_of(&other).to_string())
    };
    for make in [other_id as fn(&str) -> Vec<u8>, other_key, of_another] {
        let (told, bodies) = told(vec![Does::AnswersTo(make)], ARGUMENTS, &[]).await;
        assert_eq!(
            told.unwrap_err(),
            "The endpoint sent the receipt of another memory. It is not known whether the memory was stored. When that is \
             fixed, repeat the same call with \"timestamp\":\"2026-01-27T03:14:22Z\": it is stored only once, however often \
             it is sent."
        );
        assert_eq!(bodies.len(), 1, "it is not repeated");
    }
}

#[tokio::test]
async fn a_connection_that_never_stood_within_the_time_stored_nothing() {
    let silent = Misbehaving::start("https", Does::IsSilent).await;
    let mut agent = Agent::spawn(command(&["--url", &silent.endpoint, "--timeout", "1"]));
    let said = spawn_blocking(move || agent.call(ARGUMENTS))
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        said.starts_with(
            "The endpoint did not answer within 1 s. The memory was not stored. Repeat"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn nothing_for_this_machine_goes_through_a_proxy() {
    let server = Misbehaving::start("http", receipt()).await;
    let mut command = command(&["--url", &server.endpoint]);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:1");
    }
    let mut agent = Agent::spawn(command);
    assert!(
        spawn_blocking(move || agent.call(ARGUMENTS))
            .await
            .unwrap()
            .is_ok()
    );
}

#[tokio::test]
async fn a_call_ends_within_its_time() {
    let (told_hanging, bodies) = told(
        vec![Does::AnswersAndHangs(Vec::new())],
        ARGUMENTS,
        &["--timeout", "1"],
    )
    .await;
    let said = told_hanging.unwrap_err();
    assert!(
        said.starts_with(
            "The endpoint did not answer within 1 s. It is not known whether the memory was stored."
        ),
        "{said}"
    );
    assert_eq!(bodies.len(), 1);
    // A pause that would go over it is not begun.
    let later = answer("503 Service Unavailable", "retry-after: 30\r\n", "");
    let (told_later, bodies) = told(vec![later], ARGUMENTS, &["--timeout", "5"]).await;
    assert!(told_later.unwrap_err().contains("After 30 s, repeat"));
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn a_connection_that_was_never_made_stored_nothing() {
    let (told, _) = told(vec![Does::IsNotThere], ARGUMENTS, &[]).await;
    let said = told.unwrap_err();
    assert!(
        said.contains("Connection refused") && said.contains("The memory was not stored. Repeat"),
        "{said}"
    );
}

#[tokio::test]
async fn a_models_mistake_never_leaves_the_machine() {
    let (told, bodies) = told(
        vec![receipt()],
        r#"{"entity_id":"e","domain":"d","content":" ","extra":1}"#,
        &[],
    )
    .await;
    let said = told.unwrap_err();
    assert!(
        said.contains("\"content\" is blank") && said.contains("\"extra\" is not a known member"),
        "{said}"
    );
    assert!(bodies.is_empty());
}

#[tokio::test]
async fn everything_but_a_call_is_served_without_the_endpoint_and_without_credentials() {
    let mut agent = Agent::spawn(command(&[
        "--url",
        "https://a1.execute-api.eu-central-1.amazonaws.com/prod",
    ]));
    spawn_blocking(move || {
        for method in ["initialize", "tools/list", "ping"] {
            agent.send(&request(method, "{}"));
            assert!(agent.receive()["result"].is_object(), "{method}");
        }
        let said = agent.call(ARGUMENTS).unwrap_err();
        assert!(said.starts_with("No AWS credentials were found"), "{said}");
        assert!(
            said.contains("The memory was not stored. When that is fixed, repeat"),
            "{said}"
        );
        let (status, _, stderr) = agent.end();
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn at_the_end_of_its_input_the_call_in_flight_is_answered() {
    let slow = answer("503 Service Unavailable", "retry-after: 1\r\n", "");
    let server = Misbehaving::start_with("http", vec![slow, receipt()]).await;
    let mut agent = Agent::spawn(command(&["--url", &server.endpoint]));
    let params = format!(r#"{{"name":"append_memory","arguments":{ARGUMENTS}}}"#);
    agent.send(&request("tools/call", &params));
    let (status, lines, _) = spawn_blocking(|| agent.end()).await.unwrap();
    assert_eq!((status.code(), lines.len()), (Some(0), 1));
    assert!(lines[0].contains("\"isError\":false"), "{lines:?}");
}

#[tokio::test]
async fn a_key_is_sent_and_signs_nothing_unless_it_is_asked_for() {
    let server = Misbehaving::start("http", receipt()).await;
    let with_key = |options: &[&str]| {
        let mut command = command(&[&["--url", &*server.endpoint], options].concat());
        command
            .env("MEMORY_API_KEY", "key-of-a-test")
            .env("AWS_ACCESS_KEY_ID", "a")
            .env("AWS_SECRET_ACCESS_KEY", "b");
        Agent::spawn(command)
    };
    for (options, is_signed) in [
        (&[][..], false),
        (&["--region", "eu-central-1"], true),
        (
            &[
                "--header",
                "Authorization=Bearer token",
                "--region",
                "eu-central-1",
            ],
            false,
        ),
    ] {
        let mut agent = with_key(options);
        spawn_blocking(move || agent.call(ARGUMENTS))
            .await
            .unwrap()
            .unwrap();
        let head = server.seen().last().unwrap().to_ascii_lowercase();
        assert!(head.contains("x-api-key: key-of-a-test"), "{head}");
        assert_eq!(
            head.contains("authorization: aws4-hmac-sha256"),
            is_signed,
            "{head}"
        );
        // A key is signed with the rest.
        assert_eq!(head.contains(";x-api-key"), is_signed, "{head}");
    }
}

#[tokio::test]
async fn a_call_is_sent_once_more_if_its_credentials_had_expired() {
    let expired = answer(
        "403 Forbidden",
        "x-amzn-errortype: ExpiredTokenException\r\n",
        "{}",
    );
    let denied = answer("403 Forbidden", "", "{}");
    for (script, options, requests, is_stored) in [
        (
            vec![expired.clone(), receipt()],
            &["--region", "eu-central-1"][..],
            2,
            true,
        ),
        (
            vec![expired.clone()],
            &["--region", "eu-central-1"],
            2,
            false,
        ),
        (vec![denied], &["--region", "eu-central-1"], 1, false),
        (vec![expired], &[], 1, false),
    ] {
        let server = Misbehaving::start_with("http", script).await;
        let mut command = command(&[&["--url", &*server.endpoint], options].concat());
        command
            .env("AWS_ACCESS_KEY_ID", "a")
            .env("AWS_SECRET_ACCESS_KEY", "b");
        let mut agent = Agent::spawn(command);
        let told = spawn_blocking(move || agent.call(ARGUMENTS)).await.unwrap();
        assert_eq!(told.is_ok(), is_stored, "{told:?}");
        assert_eq!(server.seen().len(), requests, "{options:?} {told:?}");
    }
}
