//! What S3 can do to a put, what is known then, and what the caller is told (contract 1.4, 3.9, 4.1).
//!
//! The server here misbehaves on a real socket, under the real SDK. Each row names one misbehavior.

use std::convert::Infallible;
use std::task::Poll;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use axum::body::{Body, Bytes};
use axum::http::Request;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use futures_util::stream;
use memory_ingress::tool;
use memory_log::json::Json;
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::scope::{Claims, WriteScope, WriteScopes};
use memory_log::timestamp::Timestamp;
use memory_s3::embedded::BUCKET;
use memory_s3::writer::{Put, WriteError, Writer};
use tokio::time::Instant;

use crate::app::{App, tool_for_document};
use crate::exchange::{Answer, JSON};
use crate::faulty::client_with;
use crate::misbehaving::{Does, Misbehaving, answer};
use crate::s3_client::client_of;
use crate::surface::tool as ask_tool;

pub(crate) const BODY: &str =
    r#"{"entity_id":"e","domain":"d","content":"c","timestamp":"2026-01-27T03:14:22Z"}"#;

/// Longer than any answer takes on a busy machine: only what hangs waits for its end.
const PATIENCE: Duration = Duration::from_secs(8);

/// The memory of [`BODY`].
fn memory() -> Memory {
    let json = Json::parse(BODY.as_bytes()).unwrap();
    let draft = tool::draft(json.root()).unwrap();
    Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap()
}

/// Its object.
pub(crate) fn object() -> Object {
    Object::of(&memory())
}

/// The right to write it.
pub(crate) fn scope() -> WriteScope {
    let everywhere = WriteScopes::Everywhere;
    everywhere.permit(&Claims::default(), &memory()).unwrap()
}

/// The log in a bucket of this server's.
async fn store(server: &Misbehaving) -> Writer {
    Writer::new(client_of(&server.endpoint).await, "memories-of-a-test")
}

/// S3's error document.
fn coded(status: &str, code: &str) -> Does {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>arn:aws:s3:::secret-bucket</Message>\
         <RequestId>S3REQUEST</RequestId></Error>"
    );
    answer(
        status,
        "content-type: application/xml\r\nx-amz-request-id: S3REQUEST\r\n",
        &body,
    )
}

const ETAG: &str = "ETag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\n";

fn checksum() -> String {
    format!(
        "x-amz-checksum-sha256: {}\r\n",
        BASE64_STANDARD.encode(object().sha256)
    )
}

#[derive(Debug, PartialEq, Eq)]
enum Known {
    Written,
    AlreadyThere,
    Unavailable,
    Refused,
    Damaged,
    Collides,
    Unknown,
}

fn known(result: &Result<Put, WriteError>) -> Known {
    match result {
        Ok(Put::Written) => Known::Written,
        Ok(Put::AlreadyThere) => Known::AlreadyThere,
        Err(WriteError::Unavailable(_)) => Known::Unavailable,
        Err(WriteError::Refused(_)) => Known::Refused,
        Err(WriteError::Damaged(_)) => Known::Damaged,
        Err(WriteError::Collides { .. }) => Known::Collides,
        Err(WriteError::Unknown(_)) => Known::Unknown,
    }
}

#[tokio::test]
async fn every_answer_of_s3_is_classified_by_what_it_proves() {
    use Known::*;
    let (good, html) = (format!("{ETAG}{}", checksum()), "<html>no</html>");
    let other_checksum = format!(
        "{ETAG}x-amz-checksum-sha256: {}\r\n",
        BASE64_STANDARD.encode([0; 32])
    );
    let error = "<Error><Code>InternalError</Code></Error>";
    let slow_down = "<Error><Code>SlowDown</Code></Error>";
    let cut = |text: &str| Does::Answers(text.as_bytes().to_vec());
    let hangs = |text: &str| Does::AnswersAndHangs(text.as_bytes().to_vec());
    let rows = [
        ("a proved write", answer("200 OK", &good, ""), Written),
        ("no ETag", answer("200 OK", &checksum(), ""), Unknown),
        (
            "an empty ETag",
            answer("200 OK", &format!("ETag: \"\"\r\n{}", checksum()), ""),
            Unknown,
        ),
        ("no checksum", answer("200 OK", ETAG, ""), Unknown),
        (
            "another checksum",
            answer("200 OK", &other_checksum, ""),
            Unknown,
        ),
        ("a 204", answer("204 No Content", &good, ""), Unknown),
        ("a 201", answer("201 Created", &good, ""), Unknown),
        ("an error in a 200", answer("200 OK", &good, error), Unknown),
        (
            "a SlowDown in a 200",
            answer("200 OK", "", slow_down),
            Unknown,
        ),
        (
            "412",
            coded("412 Precondition Failed", "PreconditionFailed"),
            AlreadyThere,
        ),
        (
            "412 without a code",
            answer("412 Precondition Failed", "", ""),
            Unknown,
        ),
        (
            "412 of a proxy",
            answer("412 Precondition Failed", "", html),
            Unknown,
        ),
        (
            "412 with another code",
            coded("412 Precondition Failed", "Other"),
            Refused,
        ),
        (
            "PreconditionFailed in a 400",
            coded("400 Bad Request", "PreconditionFailed"),
            Refused,
        ),
        (
            "409",
            coded("409 Conflict", "ConditionalRequestConflict"),
            Unavailable,
        ),
        (
            "another 409",
            coded("409 Conflict", "OperationAborted"),
            Refused,
        ),
        ("SlowDown", coded("503 Slow Down", "SlowDown"), Unavailable),
        (
            "RequestTimeout",
            coded("400 Bad Request", "RequestTimeout"),
            Unavailable,
        ),
        (
            "RequestTimeTooSkewed",
            coded("403 Forbidden", "RequestTimeTooSkewed"),
            Unavailable,
        ),
        (
            "ExpiredToken",
            coded("400 Bad Request", "ExpiredToken"),
            Unavailable,
        ),
        (
            "AccessDenied",
            coded("403 Forbidden", "AccessDenied"),
            Refused,
        ),
        (
            "NoSuchBucket",
            coded("404 Not Found", "NoSuchBucket"),
            Refused,
        ),
        (
            "ObjectDamaged",
            coded("409 Conflict", "ObjectDamaged"),
            Damaged,
        ),
        (
            "ObjectDamaged in a 400",
            coded("400 Bad Request", "ObjectDamaged"),
            Refused,
        ),
        ("BadDigest", coded("400 Bad Request", "BadDigest"), Refused),
        (
            "NotImplemented",
            coded("501 Not Implemented", "NotImplemented"),
            Refused,
        ),
        (
            "a redirect",
            coded("301 Moved Permanently", "PermanentRedirect"),
            Refused,
        ),
        (
            "a temporary redirect",
            coded("307 Temporary Redirect", "TemporaryRedirect"),
            Refused,
        ),
        (
            "a redirect without a code",
            answer("302 Found", "location: http://127.0.0.1:1/\r\n", ""),
            Unknown,
        ),
        (
            "InternalError",
            coded("500 Internal Server Error", "InternalError"),
            Unknown,
        ),
        (
            "ServiceUnavailable",
            coded("503 Service Unavailable", "ServiceUnavailable"),
            Unknown,
        ),
        (
            "503 without a code",
            answer("503 Service Unavailable", "", ""),
            Unknown,
        ),
        (
            "501 without a code",
            answer("501 Not Implemented", "", ""),
            Unknown,
        ),
        (
            "403 of a proxy",
            answer("403 Forbidden", "content-type: text/html\r\n", html),
            Unknown,
        ),
        (
            "502 of a proxy",
            answer("502 Bad Gateway", "content-type: text/html\r\n", html),
            Unknown,
        ),
        (
            "garbage XML",
            answer("500 Internal Server Error", "", "<Error><Code>Slow"),
            Unknown,
        ),
        (
            "garbage XML in a 403",
            answer("403 Forbidden", "", "<Error><Code>Slow"),
            Unknown,
        ),
        ("not HTTP", cut("SSH-2.0-OpenSSH_9.2\r\n"), Unknown),
        ("nothing, then the end", cut(""), Unknown),
        ("a cut status line", cut("HTTP/1.1 20"), Unknown),
        ("cut headers", cut("HTTP/1.1 200 OK\r\nETag: \"x"), Unknown),
        (
            "a cut body",
            cut(&format!(
                "HTTP/1.1 200 OK\r\n{good}content-length: 9\r\n\r\nabc"
            )),
            Unknown,
        ),
        ("a reset in the request", Does::ResetsEarly, Unknown),
        ("a reset after the request", Does::ResetsLate, Unknown),
        ("no answer", hangs(""), Unknown),
        (
            "headers, then silence",
            hangs("HTTP/1.1 200 OK\r\n"),
            Unknown,
        ),
        (
            "half a body, then silence",
            hangs(&format!(
                "HTTP/1.1 200 OK\r\n{good}content-length: 9\r\n\r\nabc"
            )),
            Unknown,
        ),
        ("nobody there", Does::IsNotThere, Unavailable),
    ];
    let rows = Vec::from(rows)
        .into_iter()
        .map(|(name, does, expected)| async move {
            let server = Misbehaving::start("http", does.clone()).await;
            let result = store(&server)
                .await
                .put(&object(), &scope(), Instant::now() + PATIENCE)
                .await;
            assert_eq!(known(&result), expected, "{name}: {result:?}");
            let reached = server.seen().len();
            assert_eq!(
                reached,
                usize::from(!matches!(does, Does::IsNotThere)),
                "{name}: one request, one attempt"
            );
        });
    // On the heap: the SDK's futures are large, and these are many.
    join_all(rows.map(Box::pin)).await;
}

#[tokio::test]
async fn a_connection_that_never_stood_wrote_nothing() {
    let not_tls = Misbehaving::start("https", answer("200 OK", "", "")).await;
    let silent = Misbehaving::start("https", Does::IsSilent).await;
    for (server, longest) in [(not_tls, 1), (silent, 3)] {
        let began = Instant::now();
        let result = store(&server)
            .await
            .put(&object(), &scope(), began + Duration::from_secs(8))
            .await;
        assert_eq!(known(&result), Known::Unavailable, "{result:?}");
        assert!(
            began.elapsed() < Duration::from_secs(longest + 2),
            "connecting gets at most 2 s"
        );
    }
}

#[tokio::test]
async fn a_deadline_before_the_first_byte_is_not_written_and_one_after_it_unknown() {
    let silent = Misbehaving::start("https", Does::IsSilent).await;
    let passed = store(&silent)
        .await
        .put(&object(), &scope(), Instant::now())
        .await;
    assert_eq!(known(&passed), Known::Unavailable, "{passed:?}");
    let connecting = store(&silent)
        .await
        .put(
            &object(),
            &scope(),
            Instant::now() + Duration::from_millis(200),
        )
        .await;
    assert_eq!(known(&connecting), Known::Unavailable, "{connecting:?}");
    let hangs = Misbehaving::start("http", Does::AnswersAndHangs(Vec::new())).await;
    let waiting = store(&hangs)
        .await
        .put(&object(), &scope(), Instant::now() + Duration::from_secs(3))
        .await;
    assert_eq!(known(&waiting), Known::Unknown, "{waiting:?}");
}

#[tokio::test]
async fn a_put_is_conditional_signed_and_has_the_digest_that_we_computed() {
    let server = Misbehaving::start(
        "http",
        answer("200 OK", &format!("{ETAG}{}", checksum()), ""),
    )
    .await;
    store(&server)
        .await
        .put(&object(), &scope(), Instant::now() + PATIENCE)
        .await
        .unwrap();
    let seen = server.seen().concat();
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let found = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    };
    assert_eq!(body.as_bytes(), object().body);
    assert_eq!(header("if-none-match"), "*");
    assert_eq!(
        header("x-amz-checksum-sha256"),
        BASE64_STANDARD.encode(object().sha256)
    );
    let digits = object().sha256.map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(header("x-amz-content-sha256"), digits);
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("amz-sdk-request"), "attempt=1; max=1");
    assert_eq!(header("content-length"), object().body.len().to_string());
    for absent in [
        "expect",
        "transfer-encoding",
        "x-amz-trailer",
        "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm",
    ] {
        assert_eq!(header(absent), "", "{absent}");
    }
    let signed = header("authorization");
    assert!(
        [
            "if-none-match",
            "x-amz-checksum-sha256",
            "x-amz-content-sha256"
        ]
        .iter()
        .all(|name| signed.contains(name)),
        "{signed}"
    );
}

/// Sends one memory over a misbehaving S3, and gives the answers as a document and flat.
async fn told(does: Does) -> (Answer, Answer) {
    let server = Misbehaving::start("http", does).await;
    let app = App::over(store(&server).await);
    (
        app.send(tool_for_document(BODY)).await,
        app.send(ask_tool(BODY)).await,
    )
}

#[tokio::test]
async fn the_caller_is_told_what_is_known_and_never_what_s3_said() {
    for (does, status, code, written) in [
        (
            coded("503 Slow Down", "SlowDown"),
            503,
            "storage_unavailable",
            "not_written",
        ),
        (Does::IsNotThere, 503, "storage_unavailable", "not_written"),
        (
            coded("403 Forbidden", "AccessDenied"),
            500,
            "storage_refused",
            "not_written",
        ),
        (
            coded("500 Internal Server Error", "InternalError"),
            504,
            "storage_outcome_unknown",
            "unknown",
        ),
        (Does::ResetsLate, 504, "storage_outcome_unknown", "unknown"),
    ] {
        let (document, flat) = told(does).await;
        assert_eq!(
            (document.status.as_u16(), flat.status.as_u16()),
            (status, status)
        );
        let error = &document.json()["errors"][0];
        assert_eq!(error["code"], code);
        assert_eq!(error["meta"]["written"], written);
        assert_eq!(error["meta"]["retry"]["timestamp"], "2026-01-27T03:14:22Z");
        assert!(flat.text().contains("2026-01-27T03:14:22Z"));
        for secret in [
            "secret-bucket",
            "memories-of-a-test",
            "S3REQUEST",
            "InternalError",
            "AccessDenied",
        ] {
            assert!(
                !document.text().contains(secret) && !flat.text().contains(secret),
                "{secret}"
            );
        }
    }
    let (document, flat) = told(Does::ResetsLate).await;
    let id = document.header("x-request-id");
    insta::assert_snapshot!(document.text().replace(id, "<id>"), @r#"{"jsonapi":{"version":"1.1"},"errors":[{"id":"<id>-1","status":"504","code":"storage_outcome_unknown","title":"Outcome unknown","detail":"It is not known whether the memory was stored: the storage sent no proof. Repeat the same request with \"timestamp\":\"2026-01-27T03:14:22Z\": it is stored only once, however often it is sent.","meta":{"written":"unknown","retry":{"timestamp":"2026-01-27T03:14:22Z"}}}]}"#);
    insta::assert_snapshot!(flat.text(), @r#"{"status":"error","error":"It is not known whether the memory was stored: the storage sent no proof. Repeat the same request with \"timestamp\":\"2026-01-27T03:14:22Z\": it is stored only once, however often it is sent."}"#);
}

/// Sends a body to a service whose S3 refuses, cannot, or does not tell.
async fn document_over(does: Does, body: &str) -> Answer {
    let server = Misbehaving::start("http", does).await;
    App::over(store(&server).await)
        .send(tool_for_document(body))
        .await
}

pub(crate) async fn refused(body: &str) -> Answer {
    document_over(coded("403 Forbidden", "AccessDenied"), body).await
}

pub(crate) async fn damaged(body: &str) -> Answer {
    document_over(coded("409 Conflict", "ObjectDamaged"), body).await
}

/// `there` is the beginning of the keys that a disk takes for that of the memory.
pub(crate) async fn colliding(body: &str, there: &str) -> Answer {
    let error = format!("<Error><Code>NameCollision</Code><Message>{there}</Message></Error>");
    document_over(answer("409 Conflict", "", &error), body).await
}

pub(crate) async fn unavailable(body: &str) -> Answer {
    document_over(coded("503 Slow Down", "SlowDown"), body).await
}

pub(crate) async fn unknown(body: &str) -> Answer {
    document_over(Does::ResetsLate, body).await
}

/// A bug in the way to S3.
#[derive(Debug)]
struct Panics;

impl HttpConnector for Panics {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        panic!("a bug");
    }
}

#[tokio::test]
async fn a_bug_during_a_put_is_internal_and_says_that_the_outcome_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::over(Writer::new(client_with(folder.path(), |_| Panics), BUCKET));
    let answer = app.send(tool_for_document(BODY)).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.faults(), ["internal"]);
    let meta = answer.json()["errors"][0]["meta"].clone();
    let expected =
        serde_json::json!({"written": "unknown", "retry": {"timestamp": "2026-01-27T03:14:22Z"}});
    assert_eq!(meta, expected);
}

#[tokio::test]
async fn a_bug_while_a_request_is_handled_is_internal_and_the_next_request_is_served() {
    let app = App::new();
    for path in ["/memory", "/mcp"] {
        let mut has_panicked = false;
        let body = stream::poll_fn(move |_| -> Poll<Option<Result<Bytes, Infallible>>> {
            assert!(
                std::mem::replace(&mut has_panicked, true),
                "a bug in a handler"
            );
            Poll::Ready(None)
        });
        let request = Request::post(path).header("content-type", JSON);
        let request = request.body(Body::from_stream(body)).unwrap();
        let answer = app.send_raw(request).await;
        assert_eq!(answer.status, 500, "{path}");
        assert!(!answer.header("x-request-id").is_empty());
        assert!(!answer.text().contains("a bug in a handler"));
        match path {
            "/mcp" => assert_eq!(answer.json()["error"]["code"], -32603),
            _ => assert_eq!(answer.faults(), ["internal"]),
        }
    }
    app.assert_nothing_stored();
    assert_eq!(app.send(ask_tool(BODY)).await.status, 201);
}
