//! Runs of the real binary to their end, and the files that they leave.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output};
use std::time::{Duration, Instant};

use crate::process::{Server, command};

/// Runs the command line to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    command().args(args).output().unwrap()
}

impl Server {
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

/// The path of an object's file, if no component of its key is long.
pub(crate) fn path_of(data: &Path, key: &str) -> PathBuf {
    data.join("memory").join(key)
}
