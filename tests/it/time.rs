//! One deadline for a request, and a clock that never stands still (contract 4.1, 4.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::future::join_all;
use futures_util::stream;
use http_body_util::BodyExt;
use memory_log::timestamp::Timestamp;
use memory_s3::embedded::BUCKET;
use memory_s3::writer::Writer;
use memory_web::http::{Deadline, REQUEST_TIME_MAX};
use tokio::time::Instant;

use crate::app::{App, tool_for_document};
use crate::exchange::JSON;
use crate::faulty::client_with;
use crate::surface::tool;

const BODY: &str =
    r#"{"entity_id":"e","domain":"d","content":"c","timestamp":"2026-01-27T03:14:22Z"}"#;

/// Takes the request, or does not even begin to, and never answers.
#[derive(Debug)]
enum Hangs {
    BeforeTheFirstByte,
    AfterTheRequest,
}

#[derive(Debug)]
struct Silent(Arc<Hangs>);

impl HttpConnector for Silent {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let hangs = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            if matches!(*hangs, Hangs::AfterTheRequest) {
                let _ = request.take_body().collect().await;
            }
            std::future::pending().await
        })
    }
}

fn over(hangs: Hangs) -> App {
    let (folder, hangs) = (tempfile::tempdir().unwrap(), Arc::new(hangs));
    let client = client_with(folder.path(), move |_| Silent(Arc::clone(&hangs)));
    App::over(Writer::new(client, BUCKET))
}

#[tokio::test(start_paused = true)]
async fn a_write_is_given_up_at_the_deadline_and_says_whether_it_had_begun() {
    for (hangs, status, written) in [
        (Hangs::BeforeTheFirstByte, 503, "not_written"),
        (Hangs::AfterTheRequest, 504, "unknown"),
    ] {
        let (app, began) = (over(hangs), Instant::now());
        let answer = app.send(tool_for_document(BODY)).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()["errors"][0]["meta"]["written"], written);
        assert_eq!(began.elapsed().as_secs(), REQUEST_TIME_MAX.as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn the_platform_s_deadline_may_be_earlier_and_is_never_later() {
    for (granted, given) in [(3, 3), (0, 0), (600, 10)] {
        let (app, began) = (over(Hangs::AfterTheRequest), Instant::now());
        let deadline = Deadline(began + Duration::from_secs(granted));
        let answer = app
            .send(tool_for_document(BODY).with_deadline(deadline))
            .await;
        assert_eq!(answer.status, if granted == 0 { 503 } else { 504 });
        assert_eq!(began.elapsed().as_secs(), given, "{granted}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_in_time_is_not_written() {
    let (app, began) = (App::new(), Instant::now());
    let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let request = Request::post("/memory")
        .header("content-type", JSON)
        .body(body)
        .unwrap();
    let answer = app.send_raw(request).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), "2");
    let meta = answer.json()["errors"][0]["meta"].clone();
    assert_eq!(
        meta,
        serde_json::json!({"written": "not_written"}),
        "nothing was normalised"
    );
    assert_eq!(began.elapsed().as_secs(), REQUEST_TIME_MAX.as_secs());
    app.assert_nothing_stored();
}

#[tokio::test]
async fn a_body_that_breaks_off_is_malformed() {
    let app = App::new();
    let broken = std::io::Error::other("the connection broke");
    let parts = [Ok(Bytes::from_static(b"{\"entity_id\":")), Err(broken)];
    let body = Body::from_stream(stream::iter(parts));
    let request = Request::post("/memory")
        .header("content-type", JSON)
        .body(body)
        .unwrap();
    let answer = app.send_raw(request).await;
    assert_eq!(answer.faults(), ["malformed_json"]);
    app.assert_nothing_stored();
}

#[tokio::test]
async fn memories_without_a_timestamp_are_about_now_and_no_two_at_one_instant() {
    let app = App::new();
    let wall = || i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap();
    let before = Timestamp::from_unix_micros(wall());
    let without = r#"{"entity_id":"e","domain":"d","content":"c"}"#;
    let answers = join_all((0..100).map(|_| app.send(tool_for_document(without)))).await;
    let after = Timestamp::from_unix_micros(wall() + 100);
    let mut instants: Vec<_> = answers
        .iter()
        .map(|answer| {
            answer.json()["data"]["attributes"]["created_at"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert!(
        instants
            .iter()
            .all(|instant| instant.len() <= "2026-01-27T03:14:22.123456Z".len())
    );
    assert!(
        instants
            .iter()
            .all(|instant| (before..after).contains(&Timestamp::parse(instant).unwrap()))
    );
    instants.sort();
    instants.dedup();
    assert_eq!((instants.len(), app.stored().len()), (100, 100));
    let null = r#"{"entity_id":"e","domain":"d","content":"c","timestamp":null,"metadata":null}"#;
    assert_eq!(app.send(tool(null)).await.status, 201);
}
