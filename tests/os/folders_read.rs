//! A replay reads the folders that it needs, each once (contract 7.5 and 7.7).

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::process::{BINARY, clean, text};
use crate::tool::strace;

/// Replays a data folder, and gives the folders of its bucket that were opened, each time.
fn replay(data: &Path, selection: &[&str]) -> (Output, Vec<String>) {
    let trace = data.join("trace");
    let mut command = clean(strace());
    command
        .args(["-f", "-qq", "-e", "trace=openat", "-o"])
        .arg(&trace);
    command.args([BINARY, "replay", "--data"]).arg(data);
    let output = command.args(selection).output().unwrap();
    let bucket = format!("\"{}/memory/", data.display());
    let trace = fs::read_to_string(trace).unwrap();
    let opened = trace.lines().filter(|line| line.contains("O_DIRECTORY"));
    let opened = opened.filter_map(|line| line.split(&bucket).nth(1)?.split('"').next());
    let opened = opened.map(str::to_owned).collect();
    (output, opened)
}

fn add(data: &Path, key: &str) {
    let file = data.join("memory").join(key);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, "").unwrap();
}

#[test]
fn a_long_replay_reads_a_folder_once_and_not_once_for_each_page() {
    let folder = tempfile::tempdir().unwrap();
    (0..5_500).for_each(|number| add(folder.path(), &format!("a/{number:05}")));
    let (output, opened) = replay(folder.path(), &[]);
    // They are foreign objects, and reported.
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr).lines().count(), 5_500);
    assert_eq!(opened, ["a"]);
}

#[test]
fn a_replay_of_an_entity_reads_no_folder_of_another() {
    let folder = tempfile::tempdir().unwrap();
    for key in [
        "a/b",
        "memories/domain=home/entity=rob/x",
        "memories/domain=work/entity=eve/x",
    ] {
        add(folder.path(), key);
    }
    let (output, opened) = replay(folder.path(), &["--domain", "work", "--entity", "rob"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(opened, ["memories", "memories/domain=work"]);
}
