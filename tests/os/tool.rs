//! Programs of the operating system that the tests run.

use std::process::{Command, Stdio};

/// Returns a command of a program. Panics with the name of its Debian package if it is not installed.
pub(crate) fn tool(program: &str, package: &str) -> Command {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    assert!(
        found.unwrap().success(),
        "this test needs {program} (Debian: apt-get install {package})"
    );
    Command::new(program)
}

/// Returns the command `strace`.
pub(crate) fn strace() -> Command {
    tool("strace", "strace")
}
