//! What a reader is told when S3 does not answer, and what the log says of every read (contract 8.1, 8.6).

use std::io::Read;
use std::sync::{Arc, Mutex};

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::json;

use crate::exchange::{JSON, JSON_API};
use crate::faulty::{client_with, error};
use crate::process::{Server, command};
use crate::reader::{Field, SCOPE, Settings, body, call, memory};
use crate::record::records;

/// What becomes of the requests whose URL has a text.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Answered(u16, &'static str),
    Dropped,
}

/// Answers in the place of S3, if its answer is to be a fault.
struct Between {
    behind: SharedHttpConnector,
    fault: Arc<Mutex<Option<(&'static str, Fault)>>>,
}

impl std::fmt::Debug for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Between")
    }
}

impl HttpConnector for Between {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let fault = *self.fault.lock().unwrap();
        let fault = fault.filter(|(part, _)| request.uri().contains(part));
        match fault {
            None => self.behind.call(request),
            Some((_, Fault::Dropped)) => {
                HttpConnectorFuture::ready(Err(ConnectorError::io("broken".into())))
            }
            Some((_, Fault::Answered(status, code))) => {
                let status = status.try_into().unwrap();
                let answer = HttpResponse::new(status, SdkBody::from(error(code)));
                HttpConnectorFuture::ready(Ok(answer))
            }
        }
    }
}

#[tokio::test]
async fn a_fault_of_s3_is_no_answer_and_says_nothing_of_s3() {
    let fault = Arc::new(Mutex::new(None));
    let between = Arc::clone(&fault);
    let field = Field::over(Settings::default(), move |folder| {
        client_with(folder, move |behind| Between {
            behind,
            fault: Arc::clone(&between),
        })
    });
    let (unavailable, refused) = ((503, "storage_unavailable"), (500, "storage_refused"));
    for (part, happened, (status, code)) in [
        // Either listing, or the object.
        (
            "prefix=memories",
            Fault::Answered(503, "SlowDown"),
            unavailable,
        ),
        (
            "prefix=events",
            Fault::Answered(503, "SlowDown"),
            unavailable,
        ),
        (
            "x-id=GetObject",
            Fault::Answered(500, "InternalError"),
            unavailable,
        ),
        ("prefix=memories", Fault::Dropped, unavailable),
        ("prefix=events", Fault::Dropped, unavailable),
        ("x-id=GetObject", Fault::Dropped, unavailable),
        (
            "prefix=memories",
            Fault::Answered(403, "AccessDenied"),
            refused,
        ),
        (
            "prefix=events",
            Fault::Answered(403, "AccessDenied"),
            refused,
        ),
        (
            "prefix=memories",
            Fault::Answered(404, "NoSuchBucket"),
            refused,
        ),
    ] {
        let content = format!("note of {part} {happened:?}");
        let id = field.lay(&memory(&json!({"content": content})));
        *fault.lock().unwrap() = Some((part, happened));
        let routes = [
            format!("/memory/search?{SCOPE}&filter[query]=note&page[limit]=50"),
            format!("/memories?{SCOPE}&sort=timestamp"),
            format!("/memories?{SCOPE}"),
            format!("/memory/{id}?{SCOPE}"),
        ];
        for target in &routes {
            for accept in [JSON_API, JSON] {
                let answer = field.ask("GET", target, &[("accept", accept)]).await;
                let about = format!("{target} {part} {happened:?} {}", answer.text());
                assert_eq!(answer.status, status, "{about}");
                assert!(!answer.text().contains("secret-bucket"), "{about}");
                if accept == JSON_API {
                    assert_eq!(answer.faults(), [code], "{about}");
                }
            }
        }
        let (is_error, told) = field
            .call(
                "search_memory",
                &json!({"domain": "work", "entity_id": "rob", "query": "note"}),
            )
            .await;
        assert!(is_error && told["error"].as_str().unwrap().contains("storage"));
        // Once S3 answers again, so does recall.
        *fault.lock().unwrap() = None;
        for target in &routes {
            let answer = field.get(target).await;
            assert!(answer.text().contains(&id), "{target}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_filter_shows_what_was_asked_or_what_was_read() {
    const LOUD: &str = "trace,aws_sigv4::http_request=trace,aws_smithy_runtime::client=trace,s3s::service=trace,\
                        aws_smithy_runtime_api=trace,aws_runtime::auth=trace";
    let folder = tempfile::tempdir().unwrap();
    let mut command = command();
    command
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .env("RUST_LOG", LOUD);
    let (mut server, mut log) = Server::spawn_with_log(command);
    let reader = std::thread::spawn(move || {
        let mut whole = String::new();
        log.read_to_string(&mut whole).unwrap();
        whole
    });
    let mut note = body("Xylophone", "2026-01-19T14:00:00Z");
    note["metadata"] = json!({"source": "Zeppelin", "tags": ["Wombat"]});
    let stored = server.post(note.to_string()).await.unwrap();
    let stored = stored.text().await.unwrap();
    let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
    let id = stored["memory_id"].as_str().unwrap();
    for (target, status) in [
        (
            format!("/memory/search?{SCOPE}&filter[query]=Xylophone+quetzal"),
            200,
        ),
        (
            format!("/memory/search?{SCOPE}&filter[query]=quetzal&page[limit]=quetzal"),
            400,
        ),
        (
            "/memory/search?filter[query]=quetzal&quetzal[x]=1".to_owned(),
            400,
        ),
        (
            format!("/memories?{SCOPE}&filter[tags]=quetzal,Wombat"),
            200,
        ),
        (format!("/memories?{SCOPE}&page[after]=quetzal"), 400),
        (format!("/memory/{id}?{SCOPE}"), 200),
        (format!("/memory/{id}?{SCOPE}&token=quetzal"), 400),
    ] {
        let asked = server.client.get(format!("{}{target}", server.url));
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), status, "{target}");
    }
    let arguments = json!({"domain": "work", "entity_id": "rob", "query": "Xylophone quetzal"});
    for arguments in [arguments, json!({"query": "quetzal"})] {
        let message = call("search_memory", &arguments).to_string();
        let asked = server.client.post(format!("{}/mcp/recall", server.url));
        let asked = asked.header("content-type", JSON).body(message);
        assert_eq!(asked.send().await.unwrap().status(), 200);
    }
    assert!(server.stop().success());
    let log = reader.join().unwrap();
    // What is said before the requests shows how to ask.
    let log = log.split_once("prevents it").map_or(&*log, |(_, log)| log);
    for secret in ["Xylophone", "Zeppelin", "Wombat", "quetzal"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
    let read: Vec<_> = records(log)
        .into_iter()
        .filter(|record| record["outcome"] == "read")
        .collect();
    assert_eq!(read.len(), 4, "{read:#?}");
    for record in read {
        assert_eq!(record["scopes"], "memories/domain=work/entity=rob/");
        assert!(record["shown"].is_number() && record["request_id"].is_string());
    }
}
