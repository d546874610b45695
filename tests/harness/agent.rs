//! The server that an agent starts: the real binary on a pipe. It ends when its input ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::process;

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Agent {
    pub(crate) process: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

/// `memory-ingress mcp` with these arguments, without the credentials and proxies of the environment, and
/// with records of failures alone.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = process::command();
    command.arg("mcp").args(args);
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command
        .env("RUST_LOG", "info,memory_web::record=error")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nowhere")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    command
}

impl Agent {
    pub(crate) fn spawn(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut stderr = process.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Self {
            stdin: process.stdin.take(),
            process,
            lines,
            stderr: Some(stderr),
        }
    }

    pub(crate) fn send(&mut self, message: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{message}").unwrap();
        stdin.flush().unwrap();
    }

    /// The next line, which is a message.
    pub(crate) fn receive(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("an answer");
        serde_json::from_str(&line).expect("a line is a message")
    }

    /// The flat result of a call with these arguments, or the flat error.
    pub(crate) fn call(&mut self, arguments: &str) -> Result<Value, String> {
        self.send(&format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"append_memory","arguments":{arguments}}}}}"#
        ));
        let message = self.receive();
        assert_eq!(message["id"], 7);
        let flat = message["result"]["structuredContent"].clone();
        match message["result"]["isError"].as_bool().expect("a result") {
            false => Ok(flat),
            true => Err(flat["error"].as_str().unwrap().to_owned()),
        }
    }

    /// Ends the input, and waits for the process: its status, the lines it still wrote, and its
    /// stderr.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>, String) {
        self.stdin = None;
        self.wait()
    }

    /// Waits for the process, whose input goes on.
    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>, String) {
        let status = self.process.wait().unwrap();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        (status, self.lines.iter().collect(), stderr)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
