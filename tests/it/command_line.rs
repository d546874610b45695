//! `serve`, `replay` and `openapi` as a person at a terminal uses them (contract 6.1, 6.2, 7.1, 7.2, 7.5).

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::folder::{memory, stored};
use crate::local::{path_of, run};
use crate::process::{BINARY, Server, command, text};
use crate::s3_client::on_aws;

const AT: &str = "2026-01-27T03:14:22Z";

fn replay(data: &Path, args: &[&str]) -> Output {
    let data = data.to_str().unwrap();
    run(&[&["replay", "--data", data], args].concat())
}

/// The contents that a replay prints, in its order.
fn contents(output: &Output) -> Vec<String> {
    let lines = text(&output.stdout);
    let content = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["content"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    lines.lines().map(content).collect()
}

#[tokio::test]
async fn what_is_stored_survives_a_restart_and_is_replayed_beside_a_running_service() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new");
    let mut server = Server::start(&data);
    let key = server.store(memory("rob", "one", AT)).await;
    assert!(path_of(&data, &key).is_file());
    assert!(server.stop().success());

    let server = Server::start(&data);
    let again = server.post(memory("rob", "one", AT)).await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    server
        .store(memory("rob", "two", "2026-01-27T03:14:22.000000001Z"))
        .await;
    let replay = replay(&data, &[]);
    assert!(replay.status.success());
    assert_eq!(contents(&replay), ["one", "two"]);
    assert_eq!(text(&replay.stderr), "", "no progress where nobody watches");
    let line = text(&replay.stdout).lines().next().unwrap().to_owned();
    assert_eq!(line.as_bytes(), fs::read(path_of(&data, &key)).unwrap());
}

#[tokio::test]
async fn replay_prints_a_domain_an_entity_or_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let long = "ü".repeat(75);
    for (domain, entity, content, timestamp) in [
        ("work", "rob", "w1", "2026-01-01T00:00:00Z"),
        ("work", "rob", "w2", "2026-01-02T00:00:00Z"),
        ("work", "rob", "w3", "2026-01-03T00:00:00.000000001Z"),
        ("work", "eve", "w4", "2026-01-02T00:00:00Z"),
        ("home/..", "rob", "h1", "2026-01-02T00:00:00Z"),
        (&long, &long, "l1", "2026-01-02T00:00:00Z"),
    ] {
        let body = serde_json::json!({"domain": domain, "entity_id": entity, "content": content, "timestamp": timestamp});
        server.store(body.to_string()).await;
    }
    for (args, expected) in [
        (&[][..], &["l1", "h1", "w4", "w1", "w2", "w3"][..]),
        (&["--domain", "work"], &["w4", "w1", "w2", "w3"]),
        (&["--entity", "rob"], &["h1", "w1", "w2", "w3"]),
        (&["--domain", "home/..", "--entity", "rob"], &["h1"]),
        (&["--domain", &long, "--entity", &long], &["l1"]),
        (&["--domain", "wor"], &[]),
        (
            &[
                "--domain",
                "work",
                "--entity",
                "rob",
                "--since",
                "2026-01-02T00:00:00Z",
            ],
            &["w2", "w3"],
        ),
        (
            &[
                "--domain",
                "work",
                "--entity",
                "rob",
                "--until",
                "2026-01-03T00:00:00.000000001Z",
            ],
            &["w1", "w2"],
        ),
        (
            &[
                "--since",
                "2026-01-01T12:00:00+12:00",
                "--until",
                "2026-01-02T00:00:00Z",
            ],
            &["w1"],
        ),
        (&["--since", "2026-01-03T00:00:00.000000001Z"], &["w3"]),
        (&["--since", "2026-01-03T00:00:00.000000002Z"], &[]),
    ] {
        let replay = replay(folder.path(), args);
        assert!(replay.status.success(), "{}", text(&replay.stderr));
        assert_eq!(contents(&replay), expected, "{args:?}");
    }
}

#[tokio::test]
async fn replay_reports_what_is_bad_or_alien_by_key_and_prints_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut keys = Vec::new();
    for content in ["one", "two", "three", "four"] {
        keys.push(server.store(memory("rob", content, AT)).await);
    }
    // One flipped bit in the content; a file under another's key; two files of somebody else's.
    let path = path_of(folder.path(), &keys[0]);
    let mut bytes = fs::read(&path).unwrap();
    let at = text(&bytes).find("one").unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let moved = keys[1].replace("entity=rob", "entity=eve");
    fs::create_dir_all(path_of(folder.path(), &moved).parent().unwrap()).unwrap();
    fs::rename(
        path_of(folder.path(), &keys[1]),
        path_of(folder.path(), &moved),
    )
    .unwrap();
    fs::write(folder.path().join("memory/notes.txt"), "mine").unwrap();
    fs::write(folder.path().join("memory/memories/domain=work/x+"), "mine").unwrap();

    let replay = replay(folder.path(), &[]);
    assert_eq!(replay.status.code(), Some(1));
    let mut left = contents(&replay);
    left.sort();
    assert_eq!(left, ["four", "three"]);
    let told = text(&replay.stderr);
    assert_eq!(told.lines().count(), 4, "{told}");
    for key in [&keys[0], &moved, "notes.txt", "memories/domain=work/x+"] {
        assert!(told.contains(&format!("bad: {key}: ")), "{key}: {told}");
    }
}

#[tokio::test]
async fn nothing_in_the_folder_keeps_replay_from_the_memories_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.store(memory("rob", "one", AT)).await;
    let replaced = server.store(memory("rob", "gone", AT)).await;
    let bucket = folder.path().join("memory");
    let beside = bucket.join("memories/domain=work");
    fs::remove_file(path_of(folder.path(), &replaced)).unwrap();
    std::os::unix::fs::symlink("nowhere", path_of(folder.path(), &replaced)).unwrap();
    std::os::unix::fs::symlink(".", bucket.join("loop")).unwrap();
    let forged = "{\"schema_version\":[\n\"bad: memories/forged: x\",\"\u{9b}31m\"]}";
    fs::write(bucket.join("forged.json"), forged).unwrap();
    fs::write(beside.join("x\nbad: forged.json: y\u{1b}[2J"), "mine").unwrap();
    fs::create_dir_all(beside.join("entity=rob")).unwrap();
    fs::write(beside.join("entity=rob/zzz_x.json"), "mine").unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(bucket.join("fifo"))
            .status()
            .unwrap()
            .success()
    );
    fs::File::create(bucket.join("huge"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    for number in 0..1_001 {
        std::os::unix::fs::symlink("nowhere", bucket.join(format!("dangling{number:04}"))).unwrap();
    }

    let all = replay(folder.path(), &[]);
    assert_eq!(
        (all.status.code(), contents(&all)),
        (Some(1), vec!["one".to_owned()])
    );
    let told = text(&all.stderr);
    assert_eq!(
        told.lines()
            .filter(|line| line.starts_with("bad: "))
            .count(),
        1_001 + 7,
        "{told}"
    );
    assert!(
        told.contains("bad: memories/domain=work/x\\nbad: forged.json: y\\u{1b}[2J: "),
        "{told}"
    );
    // A filter by time hides no file that only looks like a memory.
    let filtered = replay(
        folder.path(),
        &[
            "--domain",
            "work",
            "--entity",
            "rob",
            "--until",
            "2027-01-01T00:00:00Z",
        ],
    );
    assert!(text(&filtered.stderr).contains("bad: memories/domain=work/entity=rob/zzz_x.json: "));
    assert_eq!(contents(&filtered), ["one"]);
    // What is no file under a memory's key is not that memory.
    assert_eq!(
        server
            .post(memory("rob", "gone", AT))
            .await
            .unwrap()
            .status(),
        500
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_never_looks_like_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let long = "ü".repeat(75);
    for domain in ["work", &long] {
        let body = serde_json::json!({"domain": domain, "entity_id": "e", "content": domain, "timestamp": AT});
        server.store(body.to_string()).await;
    }
    let memories = folder.path().join("memory/memories");
    let cut = fs::read_dir(&memories)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_str().unwrap().ends_with('+'));
    let closed = |path: &Path, is_closed: bool| {
        fs::set_permissions(
            path,
            fs::Permissions::from_mode(if is_closed { 0 } else { 0o755 }),
        )
        .unwrap();
    };
    // The superuser reads everything, so the user `nobody` replays.
    let opened = Command::new("chmod")
        .args(["-R", "u=rwX,go=rX"])
        .arg(folder.path())
        .status();
    assert!(opened.unwrap().success());
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let replay = |args: &[&str]| {
        let mut command = if is_root {
            let copy = folder.path().join("memory-ingress");
            if !copy.exists() {
                fs::copy(BINARY, &copy).unwrap();
            }
            let mut command = Command::new(copy);
            command.uid(65534).gid(65534);
            command
        } else {
            command()
        };
        command
            .args(["replay", "--data"])
            .arg(folder.path())
            .args(args)
            .output()
            .unwrap()
    };
    assert_eq!(contents(&replay(&[])), [&*long, "work"]);

    let cut = cut.unwrap();
    closed(&cut, true);
    assert_eq!(
        (replay(&[]).status.code(), contents(&replay(&[]))),
        (Some(1), vec!["work".to_owned()])
    );
    assert_eq!(replay(&["--domain", &long]).status.code(), Some(1));
    let other = replay(&["--domain", "work"]);
    assert_eq!(
        (other.status.code(), contents(&other)),
        (Some(0), vec!["work".to_owned()])
    );
    closed(&cut, false);
    for inside in [
        "domain=work",
        "domain=work/entity=e",
        "domain=work/entity=e/2026",
    ] {
        closed(&memories.join(inside), true);
        for args in [
            &[][..],
            &["--domain", "work"],
            &["--domain", "work", "--entity", "e", "--since", AT],
        ] {
            assert_eq!(replay(args).status.code(), Some(1), "{inside} {args:?}");
        }
        closed(&memories.join(inside), false);
    }
    closed(&memories, true);
    assert_eq!(replay(&["--domain", "work"]).status.code(), Some(1));
    closed(&memories, false);
}

#[tokio::test]
async fn a_name_of_dots_at_a_cut_stays_where_its_key_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let name = format!("{}a..", "ü".repeat(41));
    let body =
        serde_json::json!({"domain": name, "entity_id": name, "content": "here", "timestamp": AT});
    let key = server.store(body.to_string()).await;
    assert_eq!(stored(folder.path()).into_keys().collect::<Vec<_>>(), [key]);
    let found = replay(folder.path(), &["--domain", &name, "--entity", &name]);
    assert_eq!(
        (found.status.code(), contents(&found)),
        (Some(0), vec!["here".to_owned()])
    );
}

#[tokio::test]
async fn a_log_that_nobody_reads_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command();
    command
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path());
    let (mut server, log) = Server::spawn_with_log(command);
    drop(log);
    for number in 0..5 {
        server.store(memory("rob", &number.to_string(), AT)).await;
    }
    assert!(server.stop().success());
    let mut openapi = crate::process::command();
    let mut openapi = openapi
        .arg("openapi")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(openapi.stdout.take());
    let output = openapi.wait_with_output().unwrap();
    assert_eq!(
        (output.status.success(), text(&output.stderr)),
        (true, String::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_filter_shows_a_memory_or_a_credential_and_a_failure_is_told_once() {
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
    let body = serde_json::json!({
        "entity_id": "e", "domain": "d", "content": "Xylophone", "timestamp": AT, "metadata": {"source": "Zeppelin"},
    });
    let key = server.store(body.to_string()).await;
    let path = path_of(folder.path(), &key);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let failed = server.post(body.to_string()).await.unwrap();
    assert_eq!(failed.status(), 500);
    let id = failed.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    server.post("{\"content\":\"Xylophone").await.unwrap();
    for (target, status) in [
        ("/memory?quetzal=1", 400),
        ("/memory?x_token=quetzal", 201),
        ("/api/v1/mcp/memories/?a[quetzal]=", 400),
        ("/mcp?token=quetzal", 200),
        ("/health?token=quetzal", 405),
        ("/nothing?token=quetzal", 404),
    ] {
        let post = server.client.post(format!("{}{target}", server.url));
        let post = post.header("content-type", "application/json");
        let other = body.to_string().replace("Xylophone", "Xylophones");
        let answer = post.body(other).send().await.unwrap();
        assert_eq!(answer.status(), status, "{target}");
    }
    assert!(server.stop().success());
    let log = reader.join().unwrap();
    let log = log.split_once("listening").map_or(&*log, |(_, log)| log);
    for secret in [
        "Xylophone",
        "Zeppelin",
        "quetzal",
        "Signature=",
        "AWS4-HMAC",
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
    // It has a line of each of these requests, and of a known path its template.
    for path in ["/api/v1/mcp/memories", "/health"] {
        assert!(log.contains(&format!("\"route\":\"{path}\"")), "{path}");
    }
    assert!(!log.contains("/nothing"));
    let told: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains(&id) && told[0].contains("NotImplemented"),
        "{told:?}"
    );
}

#[test]
fn a_bucket_without_a_region_or_credentials_prevents_the_start() {
    for (region, sentence) in [
        (None, "No region is set"),
        (Some(""), "No region is set"),
        (Some("eu-central-1"), "No AWS credentials were found"),
    ] {
        let mut command = on_aws("http://127.0.0.1:1");
        command
            .args(["--listen", "127.0.0.1:0", "--bucket", "memories-of-a-test"])
            .envs(region.map(|region| ("AWS_REGION", region)));
        let output = command.output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{told}");
        assert!(
            told.contains(sentence) && told.lines().count() == 1,
            "{told}"
        );
    }
}

#[tokio::test]
async fn replay_ends_quietly_when_its_reader_has_enough() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for number in 0..200 {
        server
            .store(memory(
                "rob",
                &format!("{number} {}", "x".repeat(10_000)),
                AT,
            ))
            .await;
    }
    let mut replay = command();
    replay
        .args(["replay", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut replay = replay.spawn().unwrap();
    drop(replay.stdout.take());
    let output = replay.wait_with_output().unwrap();
    assert_eq!(
        (output.status.success(), text(&output.stderr)),
        (true, String::new())
    );
}

#[test]
fn what_prevents_the_start_is_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("file"), "").unwrap();
    fs::create_dir(path("empty")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    for (args, sentence) in [
        (
            vec!["serve", "--data", &path("missing/data")],
            "the folder around it does not exist",
        ),
        (vec!["serve", "--data", &path("file")], "is a file"),
        (
            vec!["serve", "--data", "/sys/memory-data"],
            "cannot be written",
        ),
        (
            vec!["serve", "--listen", &taken, "--data", &path("data")],
            "cannot listen on",
        ),
        (
            vec!["serve", "--listen", "0.0.0.0:0", "--data", &path("data")],
            "set MEMORY_API_KEY",
        ),
        (vec!["serve", "--listen", "[::]:0"], "set MEMORY_API_KEY"),
        (vec!["--listen", free, "--data", &path("file")], "is a file"),
        (
            vec!["replay", "--data", &path("missing")],
            "There is no data folder",
        ),
        (
            vec!["replay", "--data", &path("empty")],
            "There is no data folder",
        ),
    ] {
        let output = run(&args);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{args:?}: {told}");
        assert!(
            told.starts_with("memory-ingress: ")
                && told.contains(sentence)
                && told.lines().count() == 1,
            "{told}"
        );
        assert_eq!(text(&output.stdout), "");
    }
    assert!(!folder.path().join("missing").exists());
}

#[test]
fn every_wrong_setting_is_named_in_one_message() {
    let mut command = command();
    command
        .env("MEMORY_BUCKET", "No_Bucket")
        .env("MEMORY_API_KEY", "")
        .env("RUST_LOG", "=nonsense=");
    command
        .env("AWS_ENDPOINT_URL_S3", "nowhere")
        .env("MEMORY_ALLOWED_ORIGINS", "example.com");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let told = text(&output.stderr);
    for name in [
        "MEMORY_BUCKET",
        "MEMORY_API_KEY",
        "RUST_LOG",
        "AWS_ENDPOINT_URL_S3",
        "MEMORY_ALLOWED_ORIGINS",
    ] {
        assert!(told.contains(name), "{told}");
    }
    let bucket = run(&["serve", "--bucket", "X"]);
    assert_eq!(bucket.status.code(), Some(2));
    assert!(text(&bucket.stderr).contains("3 to 63 characters"));
}

#[tokio::test]
async fn with_a_key_other_machines_may_be_listened_to_and_the_key_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command();
    command
        .args(["--listen", "0.0.0.0:0", "--data"])
        .arg(folder.path())
        .env("MEMORY_API_KEY", "secret");
    let mut server = Server::spawn(command);
    server.url = server.url.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(
        server.post(memory("e", "c", AT)).await.unwrap().status(),
        403
    );
    let health = server
        .client
        .get(format!("{}/health", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(health.status(), 200);
    let post = server
        .client
        .post(format!("{}/memory", server.url))
        .header("content-type", "application/json");
    let answer = post
        .header("x-api-key", "secret")
        .body(memory("e", "c", AT))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused_by_the_real_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for (name, value) in [("host", "evil.test"), ("origin", "http://evil.test")] {
        let post = server
            .client
            .post(format!("{}/memory", server.url))
            .header("content-type", "application/json");
        let answer = post
            .header(name, value)
            .body(memory("e", "c", AT))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403, "{name}");
    }
    assert!(stored(folder.path()).is_empty());
}

/// A request written byte by byte: its head, and what is left of it.
async fn half_sent(server: &Server, body: &str) -> (TcpStream, String) {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (first, rest) = body.split_at(body.len() / 2);
    let head = format!(
        "POST /memory HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    (socket, rest.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_in_flight_is_finished_before_the_service_ends() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(folder.path());
        let (mut socket, rest) = half_sent(&server, &memory("e", "c", AT)).await;
        server.signal(signal);
        tokio::time::sleep(Duration::from_millis(200)).await;
        socket.write_all(rest.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        assert!(
            text(&answer).starts_with("HTTP/1.1 201 "),
            "{}",
            text(&answer)
        );
        assert!(server.wait().success(), "{signal}");
        assert_eq!(stored(folder.path()).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_its_sender_though_nobody_wants_the_body() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let large = || vec![b' '; 4_000_000];
    let send = |request: reqwest::RequestBuilder| async {
        request
            .body(large())
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    for _ in 0..5 {
        assert_eq!(
            send(server.client.post(format!("{}/nothing", server.url))).await,
            404
        );
        assert_eq!(
            send(server.client.put(format!("{}/memory", server.url))).await,
            405
        );
        let foreign = server
            .client
            .post(format!("{}/memory", server.url))
            .header("origin", "http://evil.test");
        assert_eq!(send(foreign).await, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_answered_while_it_is_still_being_sent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (declared, chunked) = (4 * 1024 * 1024 + 1, 9 * 1024 * 1024);
    let post = || {
        server
            .client
            .post(format!("{}/memory", server.url))
            .header("content-type", "application/json")
    };
    let answer = post().body(vec![b' '; declared]).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    let address = server.url.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = "POST /memory HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..chunked / 65_536 {
        socket.write_all(b"10000\r\n").await.unwrap();
        socket.write_all(&[b' '; 65_536]).await.unwrap();
        socket.write_all(b"\r\n").await.unwrap();
    }
    socket.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    assert!(
        text(&answer).starts_with("HTTP/1.1 413 "),
        "{}",
        text(&answer)
    );

    let mut waiting = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /memory HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: {declared}\r\n\r\n"
    );
    waiting.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    waiting.read_exact(&mut answer).await.unwrap();
    assert_eq!(text(&answer), "HTTP/1.1 413");
    assert!(stored(folder.path()).is_empty());
}
