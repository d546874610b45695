//! A history checker: many writers, a store that fails before and after it stores, and at the end
//! the log replayed and held against what every writer was told. Then writers, changers and readers at
//! once, over the same store, and every answer is held against what was confirmed before it.
//!
//! `cargo test --test history -- --attempts 1000000 --seed 7` makes any
//! number of attempts; what they are is decided by the seed alone, which is printed. (When they meet
//! is the machine's affair, so a failing seed may need more than one run.)
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says how it went"
)]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use memory_ingress::http::endpoints;
use memory_ingress::remember::Ingress;
use memory_log::scope::WriteScopes;
use memory_web::guard::Guard;
use memory_web::http::router;
use tokio::task::JoinSet;

mod events;
#[path = "../harness/exchange.rs"]
mod exchange;
#[path = "../harness/faulty.rs"]
mod faulty;
mod life;
mod society;
#[path = "../harness/surface.rs"]
mod surface;
mod verdict;

use life::Life;
use verdict::{Replayed, violations};

/// Longest time for one attempt: what hangs, hangs that long.
pub(crate) const ATTEMPT_TIME_MAX: Duration = Duration::from_millis(300);
/// Attempts of writers alone for each step of the others: a step is read, judged, and often repeated.
const ATTEMPTS_PER_STEP: usize = 10;

#[derive(Debug, Parser)]
#[command(about = "Holds a log against what its writers were told")]
struct Options {
    /// How many attempts to store a memory are made
    #[arg(long, default_value_t = 10_000)]
    attempts: usize,
    /// What is attempted, and what fails [default: by the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// How many write at once
    #[arg(long, default_value_t = 32)]
    writers: usize,
    /// What `cargo test` says to all tests, a filter for one
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options
        .rest
        .iter()
        .any(|word| !word.starts_with('-') && !"history".contains(word.as_str()))
    {
        return ExitCode::SUCCESS;
    }
    verdict::proves_to_bite();
    events::proves_to_bite();
    let by_clock = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .subsec_nanos()
            .into()
    };
    let seed = options.seed.unwrap_or_else(by_clock);
    println!(
        "history: seed {seed}, {} attempts, {} writers",
        options.attempts, options.writers
    );
    // Not a disk where there is another place: what is judged here is who was told what, and syncs
    // have tests of their own.
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    let folder = folder.unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lives = runtime.block_on(write(&options, seed, &folder.path().join("lives")));
    let replayed = replay(&folder.path().join("lives"), &[]);
    let replayed: Vec<_> = replayed.lines().map(Replayed::read).collect();
    let mut found = violations(&lives, &replayed);
    println!("history: {}", verdict::summary(&lives, &replayed));
    let steps = options.attempts / ATTEMPTS_PER_STEP;
    let society = folder.path().join("society");
    found.extend(runtime.block_on(society::violations(&society, seed, steps)));
    if found.is_empty() {
        println!("history: ok");
        return ExitCode::SUCCESS;
    }
    println!("{}", found.join("\n"));
    println!(
        "history: FAILED, {} violations; again by --seed {seed} --attempts {}",
        found.len(),
        options.attempts
    );
    ExitCode::FAILURE
}

async fn write(options: &Options, seed: u64, folder: &Path) -> Vec<Life> {
    let store = faulty::faulty_store(folder, life::faults(seed));
    let router = router(
        endpoints(Ingress::new(store, WriteScopes::Everywhere)),
        Guard::default(),
    );
    let (attempts, next) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut writers = JoinSet::new();
    for _ in 0..options.writers {
        let (router, attempts, next) = (router.clone(), Arc::clone(&attempts), Arc::clone(&next));
        let most = options.attempts;
        writers.spawn(async move {
            let mut lives = Vec::new();
            while attempts.load(Ordering::SeqCst) < most {
                let life = Life::live(&router, seed, next.fetch_add(1, Ordering::SeqCst)).await;
                attempts.fetch_add(life.attempts.len(), Ordering::SeqCst);
                lives.push(life);
            }
            lives
        });
    }
    let lives = writers.join_all().await.into_iter().flatten().collect();
    // What was given up may still land.
    tokio::time::sleep(4 * ATTEMPT_TIME_MAX).await;
    lives
}

/// The log as the command line replays it, each line proved.
pub(crate) fn replay(folder: &Path, more: &[&str]) -> String {
    let replay = Command::new(env!("CARGO_BIN_EXE_memory-ingress"))
        .args(["replay", "--data"])
        .arg(folder)
        .args(more)
        .output()
        .unwrap();
    assert!(
        replay.status.success(),
        "{}",
        String::from_utf8_lossy(&replay.stderr)
    );
    String::from_utf8(replay.stdout).unwrap()
}
