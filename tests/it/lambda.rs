//! The Lambda function: an event of API Gateway, its response, and a real put (contract 3.12, 4.1). The program under test
//! is built with the features of the shipped one.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memory_s3::embedded::BUCKET;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::app::vectors;
use crate::exchange::JSON_API;
use crate::folder::stored;
use crate::message::{ARGUMENTS, request};
use crate::record::records;
use crate::socket::{s3, serve};

/// Lambda's Runtime API, as far as one function needs it
/// (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).
#[derive(Clone)]
struct RuntimeApi {
    /// Each with the time that the function has for it, in milliseconds.
    events: Arc<Mutex<VecDeque<(String, u64)>>>,
    /// Each answer, how long after its event it came, and when.
    answers: mpsc::UnboundedSender<(Value, Duration, Instant)>,
    handed_out: Arc<Mutex<Instant>>,
}

pub(crate) const REQUEST_ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";

async fn runtime_api(State(api): State<RuntimeApi>, request: Request) -> Response {
    if request.uri().path().ends_with("/invocation/next") {
        let next = api.events.lock().unwrap().pop_front();
        let Some((event, lives_ms)) = next else {
            return std::future::pending().await;
        };
        *api.handed_out.lock().unwrap() = Instant::now();
        let deadline = SystemTime::now() + Duration::from_millis(lives_ms);
        let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let headers = [
            ("lambda-runtime-aws-request-id", REQUEST_ID.to_owned()),
            ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-central-1:123456789012:function:m".to_owned(),
            ),
        ];
        return (headers, [(header::CONTENT_TYPE, "application/json")], event).into_response();
    }
    let bytes = axum::body::to_bytes(request.into_body(), usize::MAX)
        .await
        .unwrap();
    let answer = serde_json::from_slice(&bytes).unwrap();
    let at = Instant::now();
    let took = at - *api.handed_out.lock().unwrap();
    api.answers.send((answer, took, at)).unwrap();
    StatusCode::ACCEPTED.into_response()
}

/// The shipped program: `bootstrap` with only the feature `lambda`. The tests have more features, so the `bootstrap` that
/// cargo builds for them is another one.
static BOOTSTRAP: LazyLock<PathBuf> = LazyLock::new(|| {
    // Cargo sets these for a test. Build scripts of the dependencies read some of them, and would run again each time.
    const OF_THE_TEST: [&str; 3] = ["CARGO_BIN_EXE_", "CARGO_MANIFEST_", "CARGO_PKG_"];
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--locked", "--package", "memory-ingress"])
        .args(["--no-default-features", "--features", "lambda"])
        .args(["--bin", "bootstrap"])
        .arg("--message-format=json-render-diagnostics")
        .arg("--target-dir")
        .arg(target.with_file_name("lean"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit());
    for (name, _) in std::env::vars_os() {
        let is_of_the_test = |prefix| name.to_string_lossy().starts_with(prefix);
        if OF_THE_TEST.into_iter().any(is_of_the_test) {
            build.env_remove(name);
        }
    }
    let built = build.output().unwrap();
    assert!(built.status.success(), "{build:?}");
    let messages = built.stdout.split(|byte| *byte == b'\n');
    let mut programs = messages.filter_map(|message| {
        let message: Value = serde_json::from_slice(message).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    programs.next_back().expect("cargo names the program")
});

/// The function. It runs until it is dropped.
pub(crate) struct Function {
    process: Child,
    answers: mpsc::UnboundedReceiver<(Value, Duration, Instant)>,
    log: NamedTempFile,
}

impl Function {
    /// A function over an embedded S3 in this folder. It has more time for each event than any test takes.
    pub(crate) async fn over(folder: &Path, events: &[Value], more: &[(&str, &str)]) -> Self {
        let endpoint = format!("http://{}", s3(folder, "AKIATEST", "secret").await);
        let own = [
            ("MEMORY_BUCKET", BUCKET),
            ("AWS_ENDPOINT_URL_S3", &endpoint),
        ];
        Self::start(events, &[&own, more].concat(), 60_000).await
    }

    pub(crate) async fn start(events: &[Value], settings: &[(&str, &str)], lives_ms: u64) -> Self {
        let events: Vec<_> = events.iter().map(|event| (event, lives_ms)).collect();
        Self::start_with(&events, settings).await
    }

    /// A function with traces, over an embedded S3 in this folder.
    pub(crate) async fn traced(folder: &Path, events: &[Value], more: &[(&str, &str)]) -> Self {
        let endpoint = format!("http://{}", s3(folder, "AKIATEST", "secret").await);
        let own = [
            ("MEMORY_BUCKET", BUCKET),
            ("AWS_ENDPOINT_URL_S3", &endpoint),
        ];
        let events: Vec<_> = events.iter().map(|event| (event, 60_000)).collect();
        // Built with the features of the tests, which have traces.
        let program = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
        Self::start_program(program, &events, &[&own, more].concat()).await
    }

    /// The function has for each event its own time, in milliseconds.
    pub(crate) async fn start_with(events: &[(&Value, u64)], settings: &[(&str, &str)]) -> Self {
        // Its time begins after the build.
        Self::start_program(BOOTSTRAP.as_path(), events, settings).await
    }

    async fn start_program(
        program: &Path,
        events: &[(&Value, u64)],
        settings: &[(&str, &str)],
    ) -> Self {
        let (answers, received) = mpsc::unbounded_channel();
        let events = events.iter();
        let events = events.map(|(event, lives_ms)| (event.to_string(), *lives_ms));
        let api = Router::new().fallback(runtime_api).with_state(RuntimeApi {
            events: Arc::new(Mutex::new(events.collect())),
            answers,
            handed_out: Arc::new(Mutex::new(Instant::now())),
        });
        let log = NamedTempFile::new().unwrap();
        let process = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", serve(api).await)
            .env("AWS_LAMBDA_FUNCTION_NAME", "m")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "AKIATEST")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        Self {
            process,
            answers: received,
            log,
        }
    }

    /// The lines of its log. Each is a JSON object, as CloudWatch Logs keeps it.
    pub(crate) fn log(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.log.path()).unwrap();
        let lines = log.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }

    pub(crate) async fn answer(&mut self) -> Value {
        self.answer_and_time().await.0
    }

    async fn answer_and_time(&mut self) -> (Value, Duration) {
        let (answer, took, _) = self.next().await;
        (answer, took)
    }

    /// The next answer, how long after its event it came, and when.
    pub(crate) async fn next(&mut self) -> (Value, Duration, Instant) {
        tokio::time::timeout(Duration::from_secs(20), self.answers.recv())
            .await
            .expect("an answer")
            .unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An event of a REST API as API Gateway sends it, binary media types on.
pub(crate) fn rest_event(path: &str, body: &str) -> Value {
    json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": "POST",
        "headers": {"Content-Type": JSON_API, "Accept": JSON_API, "Host": "abc123.execute-api.eu-central-1.amazonaws.com"},
        "multiValueHeaders": {
            "Content-Type": [JSON_API], "Accept": [JSON_API], "Host": ["abc123.execute-api.eu-central-1.amazonaws.com"],
        },
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "pathParameters": {"proxy": "memory"}, "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abc123", "stage": "prod", "protocol": "HTTP/1.1", "httpMethod": "POST",
            "path": format!("/prod{path}"), "resourcePath": "/{proxy+}", "resourceId": "r1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "requestTimeEpoch": 1_769_483_662_000_u64,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "test"},
        },
        "body": BASE64_STANDARD.encode(body), "isBase64Encoded": true,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_event_becomes_a_durable_memory_and_its_repeat_the_same_answer() {
    let folder = tempfile::tempdir().unwrap();
    let vector = vectors("envelope.json")[0].clone();
    let event = rest_event("/memory", vector["request"].as_str().unwrap());
    let events = [event.clone(), event, rest_event("/nothing", "{}")];
    let mut function = Function::over(folder.path(), &events, &[]).await;

    let (first, repeat, unknown) = (
        function.answer().await,
        function.answer().await,
        function.answer().await,
    );
    assert_eq!(first["statusCode"], 201, "{first}");
    assert_eq!(
        (&first["body"], first["isBase64Encoded"].as_bool()),
        (&repeat["body"], Some(false))
    );
    let header = |answer: &Value, name: &str| {
        answer["multiValueHeaders"][name][0]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(header(&first, "content-type"), JSON_API);
    assert_eq!(header(&first, "x-request-id"), REQUEST_ID);
    assert_eq!(header(&repeat, "idempotent-replayed"), "true");
    assert_eq!(unknown["statusCode"], 404);
    assert!(
        unknown["body"]
            .as_str()
            .unwrap()
            .contains(&format!("{REQUEST_ID}-1"))
    );

    let expected = (
        vector["s3_key"].as_str().unwrap().to_owned(),
        vector["object"].as_str().unwrap().as_bytes().to_vec(),
    );
    assert_eq!(
        stored(folder.path()).into_iter().collect::<Vec<_>>(),
        [expected]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_message_reaches_the_same_log_and_a_foreign_page_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("MEMORY_ALLOWED_ORIGINS", "https://app.example.com")];
    let params = format!(r#"{{"name":"append_memory","arguments":{ARGUMENTS}}}"#);
    let event = |origin: &str| {
        let mut event = rest_event("/mcp", &request("tools/call", &params));
        event["multiValueHeaders"]["Origin"] = json!([origin]);
        event["headers"]["Content-Type"] = json!("application/json");
        event["multiValueHeaders"]["Content-Type"] = json!(["application/json"]);
        event
    };
    let events = [event("https://evil.test"), event("https://app.example.com")];
    let mut function = Function::over(folder.path(), &events, &settings).await;
    let (foreign, own) = (function.answer().await, function.answer().await);
    assert_eq!(
        (&foreign["statusCode"], &own["statusCode"]),
        (&json!(403), &json!(200))
    );
    let allowed = &own["multiValueHeaders"]["access-control-allow-origin"];
    assert_eq!(*allowed, json!(["https://app.example.com"]));
    let message: Value = serde_json::from_str(own["body"].as_str().unwrap()).unwrap();
    let key = message["result"]["structuredContent"]["s3_key"]
        .as_str()
        .unwrap();
    assert_eq!(stored(folder.path()).into_keys().collect::<Vec<_>>(), [key]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_its_settings_answers_every_request_with_an_error_document() {
    let events = [rest_event("/memory", "{}"), rest_event("/health", "")];
    let mut function = Function::start(&events, &[("MEMORY_API_KEY", "")], 15_000).await;
    for _ in &events {
        let answer = function.answer().await;
        assert_eq!(answer["statusCode"], 500);
        let document: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(document["errors"][0]["code"], "internal");
    }
    let log = function.log();
    let mistakes = log[0]["mistakes"].as_str().unwrap();
    assert_eq!(log[0]["level"], "ERROR");
    for name in ["MEMORY_BUCKET", "MEMORY_API_KEY"] {
        assert!(mistakes.contains(name), "{mistakes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_asks_nothing_of_the_storage_and_each_write_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let storage = Router::new().fallback(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { StatusCode::SERVICE_UNAVAILABLE }
    });
    let endpoint = format!("http://{}", serve(storage).await);
    let settings = [
        ("MEMORY_BUCKET", BUCKET),
        ("AWS_ENDPOINT_URL_S3", &*endpoint),
    ];
    let mut health = rest_event("/health", "");
    health["httpMethod"] = json!("GET");
    let request = vectors("envelope.json")[0]["request"].clone();
    let write = rest_event("/memory", request.as_str().unwrap());
    let mut function = Function::start(&[health], &settings, 15_000).await;
    assert_eq!(function.answer().await["statusCode"], 200);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let mut function = Function::start(&[write.clone(), write], &settings, 15_000).await;
    for _ in 0..2 {
        assert_eq!(function.answer().await["statusCode"], 504);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// The alarms of `terraform/observability.tf` rest on this metric.
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_stored_is_counted_where_an_alarm_looks_for_it() {
    let settings = [
        ("MEMORY_BUCKET", BUCKET),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"),
    ];
    let request = vectors("envelope.json")[0]["request"].clone();
    let events = [
        rest_event("/memory", "{}"),
        rest_event("/memory", request.as_str().unwrap()),
    ];
    let mut function = Function::start(&events, &settings, 15_000).await;
    assert_eq!(function.answer().await["statusCode"], 422);
    assert_eq!(function.answer().await["statusCode"], 503);
    let log = function.log();
    let alarming: Vec<_> = log.iter().filter(|line| line["Failures"] == 1).collect();
    assert_eq!(alarming.len(), 1, "{log:?}");
    assert_eq!(alarming[0]["code"], "storage_unavailable");
    assert_eq!(alarming[0]["request_id"], REQUEST_ID);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_given_up_half_a_second_before_the_function_is_killed() {
    // A storage that takes requests and never answers.
    let silent = serve(Router::new().fallback(std::future::pending::<()>)).await;
    let endpoint = format!("http://{silent}");
    let settings = [
        ("MEMORY_BUCKET", BUCKET),
        ("AWS_ENDPOINT_URL_S3", &*endpoint),
    ];
    let event = rest_event(
        "/memory",
        vectors("envelope.json")[0]["request"].as_str().unwrap(),
    );
    let events = [event.clone(), event.clone(), event];
    let mut function = Function::start(&events, &settings, 1_500).await;
    let (given_up, killed) = (Duration::from_millis(1_000), Duration::from_millis(1_500));
    let mut times = Vec::new();
    for _ in &events {
        let (answer, time) = function.answer_and_time().await;
        assert_eq!(answer["statusCode"], 504, "{answer}");
        let body = answer["body"].as_str().unwrap();
        assert!(body.contains("\"written\":\"unknown\""), "{body}");
        times.push(time);
    }
    // A busy machine may once be half a second late; without the margin every answer would be.
    assert!(times.iter().all(|time| *time >= given_up), "{times:?}");
    assert!(times.iter().any(|time| *time < killed), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_function_never_shows_a_memory_or_a_query() {
    let folder = tempfile::tempdir().unwrap();
    let loudest = "trace,lambda_http=trace,lambda_runtime=trace,lambda_runtime_api_client=trace";
    let memory = |content: &str| {
        let attributes = json!({"repository_id": REQUEST_ID, "content": content});
        json!({"data": {"type": "memories", "attributes": attributes}}).to_string()
    };
    let of_rest = |parameter: &str| {
        let mut event = rest_event("/memory", &memory("Xylophone"));
        event["multiValueQueryStringParameters"] = json!({parameter: ["quetzal"]});
        event["queryStringParameters"] = json!({parameter: "quetzal"});
        event
    };
    let of_http = |query: &str, body: &str| {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/memory", "rawQueryString": query,
            "headers": {"content-type": JSON_API, "accept": JSON_API},
            "requestContext": {
                "accountId": "123456789012", "apiId": "abc123", "domainName": "abc123.test", "domainPrefix": "abc123",
                "http": {
                    "method": "POST", "path": "/memory", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                    "userAgent": "test",
                },
                "requestId": "r", "routeKey": "$default", "stage": "$default", "time": "27/Jan/2026:03:14:22 +0000",
                "timeEpoch": 1_769_483_662_000_u64,
            },
            "body": body, "isBase64Encoded": false,
        })
    };
    let (rest, http) = (
        of_rest("x_token"),
        of_http("x_token=quetzal", &memory("Xylophone")),
    );
    let refused = of_http("quetzal=1", "{\"Xylophone\"");
    let events = [
        (rest, 201),
        (of_rest("token"), 400),
        (http, 201),
        (refused, 400),
    ];
    let asked: Vec<_> = events.iter().map(|(event, _)| event.clone()).collect();
    let mut function = Function::over(folder.path(), &asked, &[("RUST_LOG", loudest)]).await;
    for (event, status) in &events {
        let answer = function.answer().await;
        assert_eq!(answer["statusCode"], *status, "{event} {answer}");
    }
    let log = std::fs::read_to_string(function.log.path()).unwrap();
    assert_eq!(records(&log).len(), events.len(), "{log}");
    // Nor the memory in the base64 of its event.
    for secret in [
        "Xylophone",
        "WHlsb3Bob25l",
        "lsb3Bob2",
        "5bG9waG9u",
        "quetzal",
    ] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
