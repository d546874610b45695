//! The system calls of a service, as strace writes them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::process::{BINARY, Server, clean};
use crate::tool::strace;

impl Server {
    /// Starts the service under strace, which writes the system calls to a file.
    pub(crate) fn traced(data: &Path, trace: &Path, options: &[&str]) -> Self {
        let mut command = clean(strace());
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
}

/// A system call. Its begin and its end are numbers of lines in the trace.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) began: usize,
    pub(crate) ended: usize,
    pub(crate) name: String,
    pub(crate) args: String,
    pub(crate) succeeded: bool,
}

/// Reads the lines of strace, and joins the two parts of an interrupted call.
pub(crate) fn calls(trace: &Path) -> Vec<Call> {
    let text = fs::read_to_string(trace).unwrap();
    let mut pending = HashMap::new();
    let mut calls = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            pending.insert(thread.to_owned(), (at, begun.to_owned()));
            continue;
        }
        let (began, whole) = match rest
            .strip_prefix("<... ")
            .and_then(|rest| rest.split_once(" resumed>"))
        {
            Some((_, end)) => match pending.remove(thread) {
                Some((began, beginning)) => (began, format!("{beginning}{end}")),
                None => continue,
            },
            None => (at, rest.to_owned()),
        };
        let (Some((name, args)), Some((_, result))) =
            (whole.split_once('('), whole.rsplit_once(" = "))
        else {
            continue;
        };
        let succeeded = !result.trim_start().starts_with('-');
        calls.push(Call {
            began,
            ended: at,
            name: name.to_owned(),
            args: args.to_owned(),
            succeeded,
        });
    }
    calls
}
