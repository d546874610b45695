//! `memory-ingress mcp --url`: an agent's calls sent to a deployed service, signed and retried.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::agent::{Agent, command};
use crate::app::stored;
use crate::installed::python;
use crate::mcp::{ARGUMENTS, request};
use crate::misbehaving::{Does, Misbehaving, answer};
use crate::peer::MOTO;
use crate::process::{Server, text};

const RECEIPT: &str =
    r#"{"status":"ok","memory_id":"3801baa2-1063-86b6-b294-c22f1c2f081e","s3_key":"k"}"#;
const NO_TIMESTAMP: &str =
    r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings."}"#;

fn receipt() -> Does {
    answer("201 Created", "content-type: application/json\r\n", RECEIPT)
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
    let mut agent = Agent::start(&args);
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
    let mut agent = Agent::start(&[
        "--url",
        &format!("{}/prod/mcp", server.endpoint),
        "--header",
        "X-Team: memory",
    ]);
    let told = spawn_blocking(move || agent.call(arguments)).await.unwrap();
    assert_eq!(
        told.unwrap(),
        serde_json::from_str::<Value>(RECEIPT).unwrap()
    );
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
    let mut agent = Agent::start(&["--url", &server.endpoint]);
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
    let pretty = RECEIPT.replace(',', ",\n  ") + "\n";
    let (told, _) = told(vec![answer("201 Created", "", &pretty)], ARGUMENTS, &[]).await;
    assert_eq!(
        told.unwrap(),
        serde_json::from_str::<Value>(RECEIPT).unwrap()
    );
}

#[tokio::test]
async fn a_connection_that_never_stood_within_the_time_stored_nothing() {
    let silent = Misbehaving::start("https", Does::IsSilent).await;
    let mut agent = Agent::start(&["--url", &silent.endpoint, "--timeout", "1"]);
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
    let mut agent = Agent::start(&[
        "--url",
        "https://a1.execute-api.eu-central-1.amazonaws.com/prod",
    ]);
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
    let mut agent = Agent::start(&["--url", &server.endpoint]);
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

/// A gateway that verifies signatures, before a service of its own.
struct Gateway {
    process: Child,
    url: String,
}

impl Gateway {
    fn start(upstream: &str, token: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/sigv4_gateway.py");
        let mut process = Command::new(python(&[MOTO]).join("python"))
            .arg(script)
            .args([
                upstream,
                "execute-api",
                "eu-central-1",
                "AKIATEST",
                "secret/of+a=test",
            ])
            .args(token)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        let url = url.trim().to_owned();
        Self { process, url }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const SIGNED: [&str; 4] = ["--service", "execute-api", "--region", "eu-central-1"];

fn signing(url: &str, environment: &[(&str, &str)], more: &[&str]) -> Command {
    let mut command = command(&[&["--url", url], &SIGNED[..], more].concat());
    command.envs(environment.iter().copied());
    command
}

const CREDENTIALS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIATEST"),
    ("AWS_SECRET_ACCESS_KEY", "secret/of+a=test"),
    ("AWS_SESSION_TOKEN", "token/of+a==test"),
];

#[tokio::test]
async fn a_signature_is_valid_by_an_independent_verifier() {
    let folder = tempfile::tempdir().unwrap();
    let service = Server::start(folder.path());
    let gateway = Gateway::start(&service.url, &["token/of+a==test"]);
    let url = gateway.url.clone();
    spawn_blocking(move || {
        // A session token, a body in UTF-8, a stage in the path, a header field of the user's.
        let mut agent = Agent::spawn(signing(&url, &CREDENTIALS, &["--header", "X-Team=  memory   and more "]));
        let receipt = agent.call(r#"{"entity_id":"ŕob","domain":"wörk","content":"\u2603 „snow“ 雪 \\ \n"}"#);
        assert_eq!(receipt.unwrap()["status"], "ok");
        // The same by a route that the URL names, and by the same connection again.
        let mut agent = Agent::spawn(signing(&format!("{url}/mcp"), &CREDENTIALS, &[]));
        let receipt = agent.call(ARGUMENTS).unwrap();
        assert_eq!(agent.call(ARGUMENTS).unwrap(), receipt);
        for (name, value, words) in [
            ("AWS_SECRET_ACCESS_KEY", "wrong", "The request signature we calculated does not match"),
            ("AWS_SESSION_TOKEN", "wrong", "HTTP 403 ExpiredTokenException: The security token included in the request is expired."),
            ("AWS_ACCESS_KEY_ID", "AKIAOTHER", "HTTP 403 UnrecognizedClientException"),
        ] {
            let mut agent = Agent::spawn(signing(&url, &[&CREDENTIALS[..], &[(name, value)]].concat(), &[]));
            let said = agent.call(ARGUMENTS).unwrap_err();
            assert!(said.contains(words) && said.contains("The memory was not stored."), "{said}");
        }
    })
    .await
    .unwrap();
    assert_eq!(stored(folder.path()).len(), 2);
}

/// A program of the user's that gives credentials: the first time with an expired token, then with
/// what the file beside it has.
struct CredentialProcess {
    folder: TempDir,
}

impl CredentialProcess {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"cat > "$0.stdin"; echo once >> "$0.count"; sleep 0.2
[ "$(wc -l < "$0.count")" = 1 ] && token=expired || token=$(cat "$0.token")
echo "{\"Version\":1,\"AccessKeyId\":\"AKIATEST\",\"SecretAccessKey\":\"secret/of+a=test\",\"SessionToken\":\"$token\"}""#;
        let process = folder.path().join("process.sh");
        std::fs::write(&process, script).unwrap();
        let profile = format!(
            "[profile work]\ncredential_process = sh {}\n",
            process.display()
        );
        std::fs::write(folder.path().join("config"), profile).unwrap();
        Self { folder }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.folder.path().join(format!("process.sh.{suffix}"))
    }

    fn gives(&self, token: &str) {
        let _ = std::fs::remove_file(self.beside("count"));
        std::fs::write(self.beside("token"), token).unwrap();
    }

    fn count(&self) -> usize {
        std::fs::read_to_string(self.beside("count"))
            .unwrap()
            .lines()
            .count()
    }

    fn agent(&self, url: &str) -> Agent {
        let mut command = signing(url, &[], &["--profile", "work", "--retries", "0"]);
        command.env("AWS_CONFIG_FILE", self.folder.path().join("config"));
        Agent::spawn(command)
    }
}

#[tokio::test]
async fn expired_credentials_are_looked_for_again_once() {
    let folder = tempfile::tempdir().unwrap();
    let service = Server::start(folder.path());
    let gateway = Gateway::start(&service.url, &["good"]);
    let process = CredentialProcess::new();

    process.gives("good");
    let mut served = process.agent(&gateway.url);
    spawn_blocking(move || {
        assert_eq!(served.call(ARGUMENTS).unwrap()["status"], "ok");
        assert_eq!(served.call(ARGUMENTS).unwrap()["status"], "ok");
    })
    .await
    .unwrap();
    assert_eq!(process.count(), 2, "kept for the second call");
    assert_eq!(
        std::fs::read(process.beside("stdin")).unwrap(),
        b"",
        "its input is empty"
    );

    // Many calls that find them expired at once ask for new ones once.
    process.gives("good");
    let mut many = process.agent(&gateway.url);
    for _ in 0..20 {
        let params = format!(r#"{{"name":"append_memory","arguments":{ARGUMENTS}}}"#);
        many.send(&request("tools/call", &params));
    }
    let (_, lines, _) = spawn_blocking(|| many.end()).await.unwrap();
    assert!(lines.len() == 20 && lines.iter().all(|line| line.contains("\"isError\":false")));
    assert_eq!(process.count(), 2);

    process.gives("still expired");
    let mut refused = process.agent(&gateway.url);
    let said = spawn_blocking(move || refused.call(ARGUMENTS))
        .await
        .unwrap();
    assert!(said.unwrap_err().contains("ExpiredTokenException"));
    assert_eq!(process.count(), 2, "once again and no more");
}

#[tokio::test]
async fn a_check_shows_who_calls_and_whether_a_call_gets_through() {
    let folder = tempfile::tempdir().unwrap();
    let service = Server::start(folder.path());
    let gateway = Gateway::start(&service.url, &["token/of+a==test"]);
    let moto = crate::peer::Moto::start();
    let check = |environment: &[(&str, &str)]| {
        let mut command = signing(
            &gateway.url,
            &[&CREDENTIALS[..], environment].concat(),
            &["--check"],
        );
        command.env("AWS_ENDPOINT_URL_STS", &moto.endpoint);
        command.output().unwrap()
    };
    let good = check(&[]);
    let lines = text(&good.stdout);
    assert_eq!(good.status.code(), Some(0), "{lines}{}", text(&good.stderr));
    for line in [
        &*format!("endpoint   {}/api/v1/mcp/memory\n", gateway.url),
        "called by  a signature (SigV4)\n",
        "service    execute-api\n",
        "region     eu-central-1\n",
        "identity   arn:aws:sts::123456789012:user/moto (key AKIATEST)\n",
        "request    ok, HTTP 422 in ",
    ] {
        assert!(lines.contains(line), "{lines}");
    }
    assert_eq!(text(&good.stderr), "");
    let bad = check(&[("AWS_SECRET_ACCESS_KEY", "wrong")]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stdout).ends_with("request    failed\n"));
    assert!(
        text(&bad.stderr).contains("Check --service and --region"),
        "{}",
        text(&bad.stderr)
    );
    assert!(stored(folder.path()).is_empty());
}
