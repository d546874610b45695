//! `serve` under clients that hold connections, send slowly, or speak another HTTP (contract 3.10,
//! 3.11 and 7.2).

use std::fs;
use std::future::pending;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use axum::Extension;
use memory_ingress::http::endpoints;
use memory_ingress::remember::Ingress;
use memory_ingress::server::{self, HEAD_BYTES_MAX, HEAD_TIME_MAX, Limits};
use memory_log::scope::WriteScopes;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::body::{BODIES_BYTES_MAX, BODY_BYTES_MAX};
use memory_web::guard::Guard;
use memory_web::http::{Crowded, router};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{App, tool_for_document};
use crate::exchange::{Answer, ask};
use crate::folder::{memory, stored};
use crate::process::{BINARY, Server, text};

const AT: &str = "2026-01-27T03:14:22Z";

/// A service that has no room for any request.
fn crowded() -> App {
    let folder = tempfile::tempdir().unwrap();
    let client = embedded::client(Disk::create(folder.path()).unwrap());
    let router = router(
        endpoints(Ingress::new(
            Writer::new(client, BUCKET),
            WriteScopes::Everywhere,
        )),
        Guard::default(),
    );
    App::of(router.layer(Extension(Crowded)))
}

pub(crate) async fn overloaded(body: &str) -> Answer {
    crowded().send(tool_for_document(body)).await
}

/// A connection to the real binary or to a server of this process.
async fn connect(url: &str) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap_or(url);
    TcpStream::connect(address).await.unwrap()
}

/// Sends bytes, and gives everything that comes back before the connection is closed.
async fn sent(url: &str, bytes: &str) -> String {
    let mut socket = connect(url).await;
    socket.write_all(bytes.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    // A reset is an end, too.
    let _ = socket.read_to_end(&mut response).await;
    text(&response)
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let settings = "\0\0\0\u{4}\0\0\0\0\0";
    let preface = format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{settings}");
    assert_eq!(sent(&server.url, &preface).await, "");
    // Nor after an upgrade of HTTP/1.1, which the server may ignore (RFC 9110, section 7.8).
    let upgrade = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close, upgrade, http2-settings\r\n\
                   upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    let response = sent(&server.url, upgrade).await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}

#[tokio::test]
async fn a_crowded_service_answers_what_needs_no_body_and_says_the_rest_was_not_written() {
    let answer = overloaded(&memory("rob", "one", AT)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (503, "2")
    );
    let error = &answer.json()["errors"][0];
    assert_eq!(error["code"], "overloaded");
    assert_eq!(error["meta"], serde_json::json!({"written": "not_written"}));
    for path in ["/health", "/openapi.json"] {
        assert_eq!(crowded().send(ask("GET", path)).await.status, 200, "{path}");
    }
    let message = ask("POST", "/mcp").body(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    let refused = crowded().send(message).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (503, "2")
    );
    assert_eq!(refused.json()["error"]["code"], -32603);
}

/// The head of a write whose body has this many bytes and does not follow.
fn head_of_write(bytes: usize) -> String {
    format!(
        "POST /memory HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {bytes}\r\n\r\n"
    )
}

/// A write whose head has arrived, and whose body does not follow: the server has asked for it.
async fn held(url: &str, bytes: usize) -> TcpStream {
    let mut socket = connect(url).await;
    let head = head_of_write(bytes).replacen("\r\n", "\r\nexpect: 100-continue\r\n", 1);
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut response = [0; 25];
    socket.read_exact(&mut response).await.unwrap();
    assert_eq!(text(&response), "HTTP/1.1 100 Continue\r\n\r\n");
    socket
}

/// Sends a request until its response has this status: the server first has to read what others sent.
async fn sent_until(url: &str, request: &str, status: &str) {
    let start = format!("HTTP/1.1 {status} ");
    let answered = async {
        while !sent(url, request).await.starts_with(&start) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answered = tokio::time::timeout(Duration::from_secs(8), answered).await;
    assert!(answered.is_ok(), "{request} is not answered {status}");
}

/// A whole write, on a connection of its own.
fn write(body: &str) -> String {
    let head = head_of_write(body.len()).replacen("\r\n", "\r\nconnection: close\r\n", 1);
    format!("{head}{body}")
}

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

async fn status(url: &str, request: &str) -> String {
    let response = sent(url, request).await;
    response.chars().skip("HTTP/1.1 ".len()).take(3).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_flight_have_room_together_and_one_more_byte_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let body = memory("rob", "one", AT);
    let mut all = Vec::new();
    let mut declared = vec![BODY_BYTES_MAX; BODIES_BYTES_MAX / BODY_BYTES_MAX];
    declared[0] -= body.len();
    for bytes in declared {
        all.push(held(&server.url, bytes).await);
    }
    // A body of unknown length counts as the largest.
    let chunked = "POST /memory HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
                   transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    assert_eq!(status(&server.url, chunked).await, "503");
    let longer = write(&format!(" {body}"));
    assert_eq!(status(&server.url, &longer).await, "503");
    assert!(stored(folder.path()).is_empty());
    assert_eq!(status(&server.url, HEALTH).await, "200");
    assert_eq!(status(&server.url, &write(&body)).await, "201");
    drop(all);
    sent_until(&server.url, chunked, "422").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_bodies_take_the_memory_of_their_room_and_no_more() {
    const CLIENTS: usize = 160;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let held = (0..CLIENTS).map(|_| async {
        let mut socket = connect(&server.url).await;
        let head = head_of_write(BODY_BYTES_MAX);
        let _ = socket.write_all(head.as_bytes()).await;
        let _ = socket.write_all(&vec![b' '; BODY_BYTES_MAX - 1]).await;
        socket
    });
    let held = futures_util::future::join_all(held).await;
    assert_eq!(status(&server.url, HEALTH).await, "200");
    sent_until(&server.url, &write(&memory("rob", "one", AT)), "503").await;
    let process = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let (_, most) = process.split_once("VmHWM:").unwrap();
    let kib: usize = most.split_whitespace().next().unwrap().parse().unwrap();
    let margin = 128 * 1024 * 1024;
    assert!(margin + BODIES_BYTES_MAX < CLIENTS * BODY_BYTES_MAX);
    assert!(kib * 1024 < BODIES_BYTES_MAX + margin, "{kib} KiB");
    drop(held);
}

/// The service with few descriptors, and the connections that it may have.
fn with_descriptors(limit: u64, data: &Path) -> (Server, usize) {
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            &format!("ulimit -n {limit}; exec \"$0\" \"$@\""),
            BINARY,
        ])
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env_clear();
    let connections = Limits::of_descriptors(Some(limit)).connections;
    (Server::spawn(command), connections)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_only_wait_starve_nobody() {
    for begun in ["", "POST /memory HTTP/1.1\r\nhost: localhost\r\nx-slow: "] {
        let folder = tempfile::tempdir().unwrap();
        let (server, connections) = with_descriptors(64, folder.path());
        let mut waiting = Vec::new();
        for _ in 0..100 {
            let mut socket = connect(&server.url).await;
            let _ = socket.write_all(begun.as_bytes()).await;
            waiting.push(socket);
        }
        for number in 0..20 {
            assert_eq!(status(&server.url, HEALTH).await, "200", "{begun}");
            let body = memory("rob", &number.to_string(), AT);
            assert_eq!(status(&server.url, &write(&body)).await, "201", "{begun}");
        }
        assert_eq!(stored(folder.path()).len(), 20);
        // The first gave their places up, and the last did not have to.
        let mut byte = [0];
        let first = waiting[0].read(&mut byte).await;
        assert!(matches!(first, Ok(0) | Err(_)), "{first:?}");
        let last = waiting.last_mut().unwrap().read(&mut byte);
        let last = tokio::time::timeout(Duration::from_millis(100), last).await;
        assert!(last.is_err(), "{last:?}");
        assert!(connections < 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_on_every_connection_but_one_leave_room_for_health_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (server, connections) = with_descriptors(64, folder.path());
    let mut all = Vec::new();
    for _ in 0..connections - 2 {
        all.push(held(&server.url, 100).await);
    }
    let first = write(&memory("rob", "one", AT));
    assert_eq!(status(&server.url, &first).await, "201");
    all.push(held(&server.url, 100).await);
    assert_eq!(status(&server.url, &first).await, "503");
    // Neither is starved by more of the same.
    for _ in 0..20 {
        let mut refused = connect(&server.url).await;
        let head = head_of_write(100);
        refused.write_all(head.as_bytes()).await.unwrap();
        all.push(refused);
    }
    for number in 0..20 {
        assert_eq!(status(&server.url, HEALTH).await, "200");
        let refused = sent(&server.url, &write(&memory("eve", &number.to_string(), AT))).await;
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        assert!(refused.contains(r#""code":"overloaded""#), "{refused}");
    }
    assert_eq!(stored(folder.path()).len(), 1);
    drop(all);
    sent_until(&server.url, &write(&memory("rob", "two", AT)), "201").await;
}

/// A server of this process whose clients must hurry.
async fn impatient(head_time: Duration, idle_time: Duration) -> (String, App) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app = App::new();
    let limits = Limits {
        connections: 10,
        head_time,
        idle_time,
    };
    tokio::spawn(server::serve(listener, app.router(), limits, pending()));
    (address, app)
}

/// The time until the server closes a connection, to which this is sent every 20 ms.
async fn lifetime(socket: TcpStream, drip: &str) -> Duration {
    let began = Instant::now();
    let (mut reader, mut writer) = socket.into_split();
    let dripping = async {
        while writer.write_all(drip.as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pending::<()>().await;
    };
    let mut rest = Vec::new();
    tokio::select! {
        _ = reader.read_to_end(&mut rest) => {}
        () = dripping => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("it lives for ever"),
    }
    assert_eq!(
        text(&rest),
        "",
        "a connection in time is closed without a word"
    );
    began.elapsed()
}

#[tokio::test]
async fn an_idle_connection_and_a_late_head_are_closed_each_in_its_time() {
    let (short, long) = (Duration::from_millis(400), Duration::from_millis(1200));
    let (address, app) = impatient(short, long).await;
    let lasted = lifetime(connect(&address).await, "").await;
    assert!(lasted >= long && lasted < 3 * long, "idle: {lasted:?}");
    let mut dripping = connect(&address).await;
    dripping
        .write_all(b"GET /health HTTP/1.1\r\nx: ")
        .await
        .unwrap();
    let lasted = lifetime(dripping, "x").await;
    assert!(lasted >= short && lasted < long, "a slow head: {lasted:?}");

    // The time is that of each request anew.
    let mut kept = connect(&address).await;
    let request = HEALTH.replace("connection: close\r\n", "");
    for _ in 0..3 {
        tokio::time::sleep(2 * short).await;
        kept.write_all(request.as_bytes()).await.unwrap();
        let mut start = [0; 4096];
        let bytes = kept.read(&mut start).await.unwrap();
        assert!(text(&start[..bytes]).starts_with("HTTP/1.1 200 "));
    }
    let lasted = lifetime(kept, "").await;
    assert!(lasted >= long && lasted < 3 * long, "idle: {lasted:?}");

    // A body has the time of its request.
    let body = memory("rob", "one", AT);
    let mut slow = connect(&address).await;
    let request = write(&body);
    let (most, last) = request.split_at(request.len() - 1);
    slow.write_all(most.as_bytes()).await.unwrap();
    tokio::time::sleep(2 * long).await;
    slow.write_all(last.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    slow.read_to_end(&mut response).await.unwrap();
    assert!(
        text(&response).starts_with("HTTP/1.1 201 "),
        "{}",
        text(&response)
    );
    assert_eq!(app.stored().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dripping_head_lives_ten_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut idle = connect(&server.url).await;
    let mut dripping = connect(&server.url).await;
    dripping
        .write_all(b"GET /health HTTP/1.1\r\nx: ")
        .await
        .unwrap();
    let lasted = lifetime(dripping, "x").await;
    let second = Duration::from_secs(1);
    assert!(
        lasted + second > HEAD_TIME_MAX && lasted < HEAD_TIME_MAX + 3 * second,
        "{lasted:?}"
    );
    // One that is idle for longer is still served.
    idle.write_all(HEALTH.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    idle.read_to_end(&mut response).await.unwrap();
    assert!(text(&response).starts_with("HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let fresh = connect(&server.url).await;
    server.store(memory("rob", "one", AT)).await;
    let began = Instant::now();
    assert!(server.stop().success());
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    drop(fresh);
}

#[tokio::test]
async fn a_head_over_64_kib_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let with = |bytes: usize| {
        let field = format!("x-long: {}\r\nconnection: close", "x".repeat(bytes));
        HEALTH.replace("connection: close", &field)
    };
    assert_eq!(
        status(&server.url, &with(HEAD_BYTES_MAX - 1000)).await,
        "200"
    );
    assert_eq!(status(&server.url, &with(HEAD_BYTES_MAX)).await, "431");
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let body = memory("rob", "one", AT);
    let of = |version: &str, hosts: &[&str]| {
        let hosts: String = hosts
            .iter()
            .map(|host| format!("host: {host}\r\n"))
            .collect();
        let request = write(&body).replace("host: localhost\r\n", &hosts);
        request.replace("HTTP/1.1", version)
    };
    for (version, hosts) in [
        ("HTTP/1.1", &[][..]),
        ("HTTP/1.1", &["localhost", "localhost"]),
        ("HTTP/1.0", &["localhost", "localhost"]),
    ] {
        let response = sent(&server.url, &of(version, hosts)).await;
        let (head, rest) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("{version} 400 ")), "{head}");
        assert!(
            head.contains("\r\nconnection: close") && rest.is_empty(),
            "{response}"
        );
    }
    assert!(stored(folder.path()).is_empty());
    for (version, hosts) in [
        ("HTTP/1.1", &["localhost"][..]),
        ("HTTP/1.0", &["localhost"]),
        ("HTTP/1.0", &[]),
    ] {
        let response = sent(&server.url, &of(version, hosts)).await;
        assert!(
            response.starts_with(&format!("{version} 201 ")),
            "{response}"
        );
    }
}
