//! The programs for Linux: static, and packed with their checksums.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use crate::process::text;

pub(crate) const X86_64: &str = "x86_64-unknown-linux-musl";
const ARM64: &str = "aarch64-unknown-linux-musl";

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let told = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        told.0,
        told.1
    );
    output
}

/// Builds what a release has for a target, once in a process, and returns the folder of it.
pub(crate) fn built(target: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, ()>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    built.entry(target.to_owned()).or_insert_with(|| {
        // The program builds into the target folder of its sources.
        run(Command::new("python3")
            .arg(root().join("release/program.py"))
            .arg(target)
            .env_remove("CARGO_TARGET_DIR"));
    });
    root().join("target/release-files")
}

/// A folder with what the archive of a target has.
fn unpacked(target: &str) -> tempfile::TempDir {
    let files = built(target);
    run(Command::new("sha256sum")
        .args(["--check", "--strict"])
        .arg(format!("memory-ingress-{target}.sha256"))
        .current_dir(&files));
    let folder = tempfile::tempdir().unwrap();
    run(Command::new("tar")
        .arg("-xzf")
        .arg(files.join(format!("memory-ingress-{target}.tar.gz")))
        .arg("-C")
        .arg(folder.path()));
    folder
}

/// The program itself, from its archive.
pub(crate) fn program(target: &str) -> Vec<u8> {
    std::fs::read(unpacked(target).path().join("memory-ingress")).unwrap()
}

/// Whether a program asks for a loader, and so for libraries: it has a header `PT_INTERP` (elf(5)).
fn is_dynamic(program: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let number = |at: usize, size: usize| {
        let bytes = program[at..at + size].iter().rev();
        bytes.fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    assert_eq!(&program[..5], b"\x7fELF\x02", "a program of 64 bits");
    let (first, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|header| number(first + header * size, 4) == PT_INTERP as usize)
}

#[test]
fn the_program_for_x86_64_is_static_and_stores_and_proves() {
    let folder = unpacked(X86_64);
    assert!(folder.path().join("LICENSE").is_file());
    assert!(!is_dynamic(&program(X86_64)));
    assert!(
        is_dynamic(&std::fs::read("/bin/sh").unwrap()),
        "the check is one"
    );
    stores_and_proves(&folder, |program| Command::new(program));
}

#[test]
fn the_program_for_arm64_is_static_and_stores_and_proves() {
    let folder = unpacked(ARM64);
    assert!(!is_dynamic(&program(ARM64)));
    stores_and_proves(&folder, |program| {
        // Debian: qemu-user-static.
        let mut command = Command::new("qemu-aarch64-static");
        command.arg(program);
        command
    });
}

fn stores_and_proves(folder: &tempfile::TempDir, command: impl Fn(&Path) -> Command) {
    let start = |line: &str| {
        let program = folder.path().join("memory-ingress");
        let mut command = command(&program);
        command
            .args(line.split(' '))
            .arg("--data")
            .arg(folder.path().join("memories"));
        crate::process::clean(command)
    };
    let mut version = command(&folder.path().join("memory-ingress"));
    let version = run(version.arg("--version"));
    assert_eq!(
        text(&version.stdout).trim(),
        format!("memory-ingress {}", env!("CARGO_PKG_VERSION"))
    );
    let mut agent = crate::agent::Agent::spawn(start("mcp"));
    let stored =
        agent.call(r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings."}"#);
    assert_eq!(stored.unwrap()["status"], "ok");
    assert!(agent.end().0.success());
    let replay = run(&mut start("replay"));
    assert!(text(&replay.stdout).contains("Rob prefers mornings."));
}
