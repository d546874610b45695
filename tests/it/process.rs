//! The real binary: started on a free port of 127.0.0.1, stopped by its own id.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Response};
use serde_json::Value;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_memory-ingress");

/// The command line with an environment of its own.
pub(crate) fn command() -> Command {
    clean(Command::new(BINARY))
}

fn clean(mut command: Command) -> Command {
    for name in [
        "MEMORY_BUCKET",
        "MEMORY_ALLOWED_ORIGINS",
        "MEMORY_API_KEY",
        "RUST_LOG",
        "AWS_ENDPOINT_URL_S3",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs the command line to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    command().args(args).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A service that runs until it is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
    pub(crate) client: Client,
}

impl Server {
    pub(crate) fn start(data: &Path) -> Self {
        let mut command = command();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data);
        Self::spawn(command)
    }

    /// The service under strace, which writes what it sees to a file.
    pub(crate) fn traced(data: &Path, trace: &Path, options: &[&str]) -> Self {
        let mut command = clean(Command::new("strace"));
        command
            .args(["-f", "-qq", "-y", "-s", "65535", "-o"])
            .arg(trace)
            .args(options)
            .arg(BINARY);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data);
        Self::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        command.env("RUST_LOG", "error");
        let (server, mut stderr) = Self::spawn_with_log(command);
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        server
    }

    /// Starts a service whose log the caller reads, or does not.
    pub(crate) fn spawn_with_log(mut command: Command) -> (Self, ChildStderr) {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| {
            panic!("{command:?}: {error}; the tests need strace (Debian: apt-get install strace)")
        });
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let mut stderr = process.stderr.take().unwrap();
        let Some(url) = line.trim().strip_prefix("listening on ").map(str::to_owned) else {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            panic!("{command:?} did not start: {line}{said}");
        };
        (
            Self {
                process,
                url,
                client: Client::new(),
            },
            stderr,
        )
    }

    pub(crate) async fn post(&self, body: impl Into<String>) -> reqwest::Result<Response> {
        let request = self
            .client
            .post(format!("{}/memory", self.url))
            .header("content-type", "application/json");
        request
            .header("accept", "application/json")
            .body(body.into())
            .send()
            .await
    }

    /// Stores one memory and gives its key.
    pub(crate) async fn store(&self, body: impl Into<String>) -> String {
        let answer = self.post(body).await.unwrap();
        assert_eq!(answer.status(), 201);
        key(&answer.bytes().await.unwrap())
    }

    /// The id of the service's own process, also where strace stands before it.
    fn pid(&self) -> u32 {
        let own = self.process.id();
        let children =
            std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        children
            .split_whitespace()
            .next()
            .map_or(own, |child| child.parse().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Asks the service to end, and waits until it has.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the service does not end"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.try_wait().unwrap().is_none() {
            self.signal("KILL");
            let _ = self.process.wait();
        }
    }
}

/// The key in a flat answer.
pub(crate) fn key(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    answer["s3_key"].as_str().unwrap().to_owned()
}

/// The tool's body of one entity's memory.
pub(crate) fn memory(entity_id: &str, content: &str, timestamp: &str) -> String {
    serde_json::json!({"entity_id": entity_id, "domain": "work", "content": content, "timestamp": timestamp}).to_string()
}

/// The path of an object's file, where no component of its key is long.
pub(crate) fn path_of(data: &Path, key: &str) -> PathBuf {
    data.join("memory").join(key)
}
