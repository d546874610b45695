//! The real binary: started on a free port of 127.0.0.1, stopped by its process id.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use reqwest::{Client, Response};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_memory-ingress");

/// The command line, without the settings of the environment.
pub(crate) fn command() -> Command {
    clean(Command::new(BINARY))
}

/// Removes the settings of the environment.
pub(crate) fn clean(mut command: Command) -> Command {
    for name in [
        "MEMORY_BUCKET",
        "MEMORY_ALLOWED_ORIGINS",
        "MEMORY_API_KEY",
        "MEMORY_TOKEN",
        "MEMORY_OAUTH_SERVERS",
        "MEMORY_OAUTH_SCOPES",
        "MEMORY_LOG_HASH_NAMES",
        "RUST_LOG",
        "AWS_ENDPOINT_URL_S3",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Sends a signal to a process. The shell has `kill`; a program of this name is missing on small systems.
pub(crate) fn kill(signal: &str, pid: u32) {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("kill -{signal} {pid}")]);
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// A service that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) process: Child,
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

    pub(crate) fn spawn(mut command: Command) -> Self {
        command.env("RUST_LOG", "error");
        let (server, mut stderr) = Self::spawn_with_log(command);
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        server
    }

    /// Starts a service and returns its log with it.
    pub(crate) fn spawn_with_log(mut command: Command) -> (Self, ChildStderr) {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = command.spawn();
        let mut process = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
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

    /// The process id of the service. If strace runs the service, it is strace's child.
    pub(crate) fn pid(&self) -> u32 {
        let own = self.process.id();
        let children =
            std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        children
            .split_whitespace()
            .next()
            .map_or(own, |child| child.parse().unwrap())
    }

    pub(crate) fn signal(&self, name: &str) {
        kill(name, self.pid());
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
