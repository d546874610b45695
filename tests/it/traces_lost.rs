//! Traces whose collector refuses, hangs or fails, and those of a function: no memory waits for them or is lost.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::collector::Collector;
use crate::folder::stored;
use crate::lambda::{Function, REQUEST_ID, rest_event};
use crate::misbehaving::{Does, Misbehaving};
use crate::record::{Logged, records};
use crate::traces::{ENDPOINT, MEMORY, post};

/// Longer than any client waits.
const HANGS: Duration = Duration::from_secs(600);
/// How long the client of a collector waits. So what takes less does not wait for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Spans that do not wait for more of them.
const AT_ONCE: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "50");

/// Collectors that take nothing, each with words of the line about it.
async fn dead() -> Vec<(String, &'static str)> {
    let absent = Misbehaving::start("http", Does::IsNotThere).await;
    let silent = Misbehaving::start("http", Does::IsSilent).await;
    let resets = Misbehaving::start("http", Does::ResetsLate).await;
    let fails = Collector::start_with(StatusCode::INTERNAL_SERVER_ERROR, Duration::ZERO).await;
    let busy = Collector::start_with(StatusCode::SERVICE_UNAVAILABLE, Duration::ZERO).await;
    let found = vec![
        (absent.endpoint.clone(), "refused"),
        (silent.endpoint.clone(), "no response"),
        (resets.endpoint.clone(), "reset"),
        (fails.endpoint, "500"),
        (busy.endpoint, "503"),
    ];
    std::mem::forget([absent, silent, resets]);
    found
}

/// The lines of a log that are not records.
fn others(log: &str) -> Vec<&str> {
    let others = log
        .lines()
        .filter(|line| line.starts_with('{') && !line.contains("\"request\""));
    others.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_collector_costs_no_memory_and_no_time_and_the_log_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    for (endpoint, why) in dead().await {
        let service = Logged::start(folder.path(), &[(ENDPOINT, &endpoint), AT_ONCE]);
        for _ in 0..20 {
            let began = Instant::now();
            assert_eq!(post(&service, MEMORY).send().await.unwrap().status(), 201);
            assert!(began.elapsed() < PATIENCE, "{endpoint}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let began = Instant::now();
        let log = service.log();
        assert!(began.elapsed() < PATIENCE, "{why}");
        assert_eq!(records(&log).len(), 20);
        let about: Vec<_> = others(&log)
            .into_iter()
            .filter(|line| line.contains("collector"))
            .collect();
        match why {
            // It ends before the client has waited long enough.
            "no response" => assert!(about.is_empty(), "{about:?}"),
            _ => assert!(
                about.len() == 1 && about[0].contains(why) && about[0].contains("WARN"),
                "{about:?}"
            ),
        }
    }
    assert_eq!(stored(folder.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_a_collector_refuses_are_counted_once_and_it_goes_on_taking_others() {
    let folder = tempfile::tempdir().unwrap();
    for (refused, said) in [(3, 1), (0, 0)] {
        let collector = Collector::refusing(refused, "rob's s3cret").await;
        let settings = [(ENDPOINT, &*collector.endpoint), AT_ONCE];
        let service = Logged::start(folder.path(), &settings);
        while collector.requests().len() < 2 {
            assert_eq!(post(&service, MEMORY).send().await.unwrap().status(), 201);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = service.log();
        let about = others(&log);
        let about: Vec<_> = about.iter().filter(|line| line.contains("WARN")).collect();
        assert_eq!(about.len(), said, "{about:?}");
        assert!(about.iter().all(|line| line.contains("\"refused\":3")));
        assert!(!log.contains("s3cret"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_take_the_time_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let hangs = Collector::start_with(StatusCode::OK, HANGS).await;
    let at_most = ("OTEL_EXPORTER_OTLP_TIMEOUT", "100");
    let service = Logged::start(folder.path(), &[(ENDPOINT, &hangs.endpoint), at_most]);
    assert_eq!(post(&service, MEMORY).send().await.unwrap().status(), 201);
    let log = service.log();
    assert!(log.contains("no response within 100 ms"), "{log}");
}

/// A memory of a request to the function.
fn event(content: &str) -> Value {
    let attributes = json!({"repository_id": REQUEST_ID, "content": content, "timestamp": "2026-01-27T03:14:22Z"});
    let memory = json!({"data": {"type": "memories", "attributes": attributes}});
    let mut event = rest_event("/memory", &memory.to_string());
    event["multiValueHeaders"]["traceparent"] =
        json!(["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]);
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_sends_its_spans_after_each_response_and_before_the_next_event() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let settings = [(ENDPOINT, &*collector.endpoint)];
    let events = [event("first"), event("second")];
    let mut function = Function::traced(folder.path(), &events, &settings).await;
    let mut answered = Vec::new();
    for _ in &events {
        let (answer, _, at) = function.next().await;
        assert_eq!(answer["statusCode"], 201, "{answer}");
        answered.push(at);
    }
    // The library's own time for a batch is 5 s.
    let began = Instant::now();
    while collector.spans().len() < 4 && began.elapsed() < Duration::from_secs(4) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let spans = collector.spans();
    assert_eq!(spans.len(), 4, "{spans:?}");
    let arrived: Vec<_> = collector
        .requests()
        .iter()
        .map(|arrived| arrived.at)
        .collect();
    let [sent_first, sent_second] = arrived[..] else {
        panic!("{arrived:?}")
    };
    assert!(answered[0] < sent_first && sent_first < answered[1] && answered[1] < sent_second);
    let [first, put, second, _] = &spans[..] else {
        panic!()
    };
    assert_eq!(first.attributes["faas.invocation_id"], REQUEST_ID);
    assert_eq!(first.attributes["faas.trigger"], "http");
    assert_eq!(first.attributes["url.scheme"], "https");
    let is_cold = [first, second].map(|span| span.attributes["faas.coldstart"].clone());
    assert_eq!(is_cold, [json!(true), json!(false)]);
    assert_eq!((&put.parent, &*put.name), (&first.id, "S3/PutObject"));
    let resource = &first.resource;
    for (name, value) in [
        ("service.name", "m"),
        ("faas.name", "m"),
        ("cloud.provider", "aws"),
        ("cloud.platform", "aws_lambda"),
    ] {
        assert_eq!(resource[name], value);
    }
    assert_eq!(function.log()[0]["trace_id"], first.trace);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_leaves_a_dead_collector_alone_and_answers_every_event() {
    let folder = tempfile::tempdir().unwrap();
    let hangs = Collector::start_with(StatusCode::OK, HANGS).await;
    let absent = Misbehaving::start("http", Does::IsNotThere).await;
    let fails = Collector::start_with(StatusCode::BAD_GATEWAY, Duration::ZERO).await;
    for (endpoint, collector) in [
        (&hangs.endpoint, Some(&hangs)),
        (&absent.endpoint, None),
        (&fails.endpoint, Some(&fails)),
    ] {
        let events: Vec<_> = (0..20).map(|number| event(&number.to_string())).collect();
        let mut function = Function::traced(folder.path(), &events, &[(ENDPOINT, endpoint)]).await;
        let began = Instant::now();
        for _ in &events {
            let answer = function.answer().await;
            assert_eq!(answer["statusCode"], 201, "{answer}");
        }
        // Once, and once more for each time that it was left alone.
        let most = 1 + began.elapsed().as_secs() / 10;
        let asked = collector.map_or(0, |collector| collector.requests().len());
        assert!(u64::try_from(asked).unwrap() <= most, "{endpoint}: {asked}");
        let log = function.log();
        let about = log.iter().filter(|line| line["message"] != "request");
        assert_eq!(about.count(), 1, "{log:#?}");
    }
    assert_eq!(stored(folder.path()).len(), 20);
}
