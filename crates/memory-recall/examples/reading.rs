//! `cargo run -p memory-recall --release --example reading [SIZE…]`: how long a search takes, cold, with a view and warm,
//! against the calls to S3 that it makes. Each is timed five times, and the median counts; 100,000 memories once. Then the
//! memory of a process of its own, which makes one cold search and one warm one. `reading --store FOLDER SIZE` only stores
//! the memories, so that `memory-ingress replay --data FOLDER` can be timed.
//!
//! The S3 is the embedded one, which does all that S3 does on this machine: alone, where objects are read from their files,
//! and behind a network where a LIST takes 150 ms and a GET 25 ms. The calls alone are the same requests by the same
//! reader, and what they return is dropped.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program for people, over data of its own"
)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::HttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use futures_util::TryStreamExt;
use futures_util::future::{join, try_join};
use memory_log::fault::Violations;
use memory_log::json::{Json, spell};
use memory_log::memory::{Draft, Memory};
use memory_log::object::Object;
use memory_log::scope::{Claims, ReadScope, ReadScopes};
use memory_log::timestamp::Timestamp;
use memory_recall::find::{Filters, Order, Recall};
use memory_recall::log::Log;
use memory_recall::words::Query;
use memory_s3::embedded::{self, BUCKET, Disk, VIEWS_BUCKET};
use memory_s3::reader::{Range, Reader};
use memory_s3::views::Views;

const SIZES: [usize; 2] = [1_000, 10_000];
const REPEATS: usize = 5;
/// As many memories take minutes.
const ONCE_FROM: usize = 100_000;
/// A turn of a conversation, by median.
const CONTENT_BYTES: usize = 300;
const LIST: Duration = Duration::from_millis(150);
const GET: Duration = Duration::from_millis(25);

/// Passes requests on after the time that S3 takes behind a network.
#[derive(Debug)]
struct Network(SharedHttpConnector);

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let pause = match request.uri().contains("list-type=2") {
            true => LIST,
            false => GET,
        };
        let answer = self.0.clone();
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(pause).await;
            answer.call(request).await
        })
    }
}

/// One of the two kinds of S3.
struct Place<'f> {
    folder: &'f Path,
    is_remote: bool,
}

impl Place<'_> {
    fn disk(&self) -> Arc<Disk> {
        Arc::new(Disk::create(self.folder).unwrap())
    }

    fn client(&self) -> Client {
        let client = embedded::client(self.disk());
        if !self.is_remote {
            return client;
        }
        let behind = client.config().http_client().unwrap();
        let http = http_client_fn(move |settings, components| {
            SharedHttpConnector::new(Network(behind.http_connector(settings, components)))
        });
        Client::from_conf(client.config().to_builder().http_client(http).build())
    }

    fn reader(&self) -> Reader {
        let reader = Reader::new(self.client(), BUCKET);
        match self.is_remote {
            true => reader.with_retries(),
            false => reader.of_files(self.disk()),
        }
    }

    fn views(&self) -> Views {
        Views::new(self.client(), VIEWS_BUCKET)
    }
}

/// A memory of a conversation of many days: one in seven minutes.
fn memory(number: usize) -> Memory {
    let seconds = 1_767_225_600 + 420 * number as i64;
    let timestamp = Timestamp::from_unix_micros(seconds * 1_000_000);
    let mut state = number as u64 + 1;
    let mut content = String::new();
    while content.len() < CONTENT_BYTES {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let word = (state >> 33) % (1 + (state >> 40) % 20_000);
        content.push_str(&format!("w{word} "));
    }
    let text = format!(
        r#"{{"domain":"bench","entity_id":"e","timestamp":"{timestamp}","content":{},"metadata":{{"tags":["t{}"]}}}}"#,
        spell(&content),
        number % 9
    );
    let json = Json::parse(text.as_bytes()).unwrap();
    Memory::new(
        Draft::of_fields(json.root(), Violations::default()),
        timestamp,
    )
    .unwrap()
}

fn store(folder: &Path, memory: &Memory) {
    let object = Object::of(memory);
    let file = folder.join(BUCKET).join(object.key);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, object.body).unwrap();
}

/// What the process of its own is started with, before the folder.
const ALONE: &str = "--alone";
/// Before a folder and a size: only the memories are stored, for `memory-ingress replay`.
const STORE: &str = "--store";

/// Searches a folder twice, cold and warm, and prints the memory that this process has then, and had at most.
async fn alone(folder: &Path, scope: &ReadScope) {
    let place = Place {
        folder,
        is_remote: false,
    };
    let recall = Recall::new(place.reader()).with_views(place.views());
    search(&recall, scope).await;
    search(&recall, scope).await;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let megabytes = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.map_or("?".to_owned(), |kilobytes| {
            (kilobytes * 1_024 / 1_000_000).to_string()
        })
    };
    println!("{} MB | {} MB |", megabytes("VmRSS:"), megabytes("VmHWM:"));
}

fn weigh(folder: &Path, size: usize) {
    println!("\n| memories | read | resident | at most |\n|---|---|---|---|");
    let views = folder.join(VIEWS_BUCKET);
    let _ = fs::remove_dir_all(&views);
    // The first of them writes the view of the second.
    for what in ["cold, without a view", "cold, with a view"] {
        print!("| {size} | {what} | ");
        std::io::stdout().flush().unwrap();
        let program = std::env::current_exe().unwrap();
        let mut program = Command::new(program);
        let status = program.arg(ALONE).arg(folder).status().unwrap();
        assert!(status.success());
    }
}

fn fill(folder: &Path, size: usize) {
    Disk::create(folder).unwrap();
    (0..size).for_each(|number| store(folder, &memory(number)));
}

/// The median time of some work.
async fn median(size: usize, mut work: impl AsyncFnMut()) -> Duration {
    let repeats = if size < ONCE_FROM { REPEATS } else { 1 };
    let mut times = Vec::new();
    for _ in 0..repeats {
        let begun = Instant::now();
        work().await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[repeats / 2]
}

fn deadline() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(600)
}

async fn search(recall: &Recall, scope: &ReadScope) {
    let query = Query::parse("w17 w401 w12007").unwrap();
    let (scopes, filters) = ([scope.clone()], Filters::default());
    let found = recall.search(&scopes, &query, &filters, 5, deadline());
    assert!(found.await.unwrap().searched > 0);
}

fn row(what: &str, size: usize, ours: Duration, alone: Duration) {
    let ratio = ours.as_secs_f64() / alone.as_secs_f64();
    println!(
        "| {size} | {what} | {:.0} ms | {:.0} ms | {ratio:.2} |",
        ours.as_secs_f64() * 1_000.0,
        alone.as_secs_f64() * 1_000.0,
    );
}

async fn measure(place: &Place<'_>, scope: &ReadScope, size: usize) {
    let whole = Range::under(scope.memories());
    let views = place.folder.join(VIEWS_BUCKET);
    let listed = async |log: &Log, cuts: &[String]| {
        let memories = log.memories(scope, &whole, cuts, usize::MAX);
        try_join(memories, log.changes(scope))
            .await
            .unwrap()
            .0
            .unwrap()
    };
    let reader = place.reader();
    let log = Log::new(reader.clone());

    let cold = median(size, async || {
        let _ = fs::remove_dir_all(&views);
        search(&Recall::new(place.reader()), scope).await;
    });
    let cold = cold.await;
    let alone = median(size, async || {
        let memories = listed(&log, &[]).await;
        let wanted = memories
            .places
            .iter()
            .map(memory_recall::line::Place::listed)
            .collect();
        let got = reader.fetch(scope, wanted, |_, body| body.len());
        assert_eq!(got.try_collect::<Vec<_>>().await.unwrap().len(), size);
    });
    row("cold, without a view", size, cold, alone.await);

    let recall = || Recall::new(place.reader()).with_views(place.views());
    search(&recall(), scope).await;
    let with_view = median(size, async || search(&recall(), scope).await).await;
    let alone = median(size, async || {
        let view = async { place.views().get(scope).await.unwrap().unwrap() };
        join(listed(&log, &[]), view).await;
    });
    row("cold, with a view", size, with_view, alone.await);

    let recall = recall();
    search(&recall, scope).await;
    let warm = median(size, async || search(&recall, scope).await).await;
    let memories = listed(&log, &[]).await;
    let cuts = memories.places.iter().skip(900).step_by(900);
    let cuts: Vec<_> = cuts.map(|place| place.key.clone()).collect();
    let alone = median(size, async || drop(listed(&log, &cuts).await)).await;
    row("warm", size, warm, alone);

    let (scopes, filters) = ([scope.clone()], Filters::default());
    for (what, order) in [
        ("the newest 50", Order::Newest),
        ("the oldest 50", Order::Oldest),
    ] {
        let page = median(size, async || {
            let page = recall.list(&scopes, &filters, order, None, 50, deadline());
            assert_eq!(page.await.unwrap().memories.len(), 50);
        });
        row(&format!("{what}, warm"), size, page.await, alone);
    }
    let place = &memories.places[size / 2];
    let get = median(size, async || {
        let hint = Some(place.timestamp);
        recall
            .get(&scopes, place.memory_id, hint, 0, deadline())
            .await
            .unwrap();
    });
    row("by id, with its time, warm", size, get.await, alone);
}

#[tokio::main]
async fn main() {
    let scope = ReadScopes::everywhere().permit(&Claims::default(), "bench", "e");
    let scope = scope.unwrap();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [first, folder] if first == ALONE => return alone(Path::new(folder), &scope).await,
        [first, folder, size] if first == STORE => {
            return fill(Path::new(folder), size.parse().unwrap());
        }
        _ => (),
    }
    let sizes: Vec<usize> = match arguments.is_empty() {
        true => SIZES.to_vec(),
        false => arguments.iter().map(|size| size.parse().unwrap()).collect(),
    };
    for size in sizes {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), size);
        for is_remote in [false, true] {
            let kind = if is_remote {
                "LIST 150 ms, GET 25 ms"
            } else {
                "a folder"
            };
            println!(
                "\n{kind}\n\n| memories | read | time | its calls to S3 alone | ratio |\n|---|---|---|---|---|"
            );
            let folder = folder.path();
            measure(&Place { folder, is_remote }, &scope, size).await;
        }
        weigh(folder.path(), size);
    }
}
