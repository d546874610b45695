//! A disk that does not distinguish `A` from `a` in names is refused at the start (contract 7.6).
//!
//! `one_case.c` stands for such a disk, because few kernels of Linux have one.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{command, text};
use crate::tool::tool;

/// Compiles the disk, as a library that is loaded before libc.
fn library(folder: &Path) -> PathBuf {
    let library = folder.join("one_case.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/os/one_case.c");
    let mut cc: Command = tool("cc", "gcc");
    cc.args(["-Wall", "-Werror", "-shared", "-fPIC", "-o"]);
    let compiled = cc.arg(&library).arg(source).arg("-ldl").status();
    assert!(compiled.unwrap().success(), "{cc:?}");
    library
}

#[test]
fn a_disk_with_one_name_for_two_cases_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(folder.path());
    let on_disk = |args: &[&str], name: &str, folded: &str| {
        let data = folder.path().join(name);
        let mut command = command();
        command.args(args).arg("--data").arg(&data);
        command.env("LD_PRELOAD", &library);
        command.env("FOLDED", folder.path().join(folded));
        (command.output().unwrap(), data)
    };
    // A taken port, so that a service that does not look at its disk ends as well.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for (args, name) in [
        (&["serve", "--listen", &taken][..], "served"),
        (&["mcp"], "piped"),
    ] {
        let (output, data) = on_disk(args, name, name);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains("does not distinguish A from a"), "{said}");
        let left =
            ["memory", "uncommitted"].map(|name| data.join(name).read_dir().unwrap().count());
        assert_eq!(left, [0, 0], "the probe is removed");
    }
    // The same library is harmless to a folder on another disk. An agent's server ends with its input.
    let (output, _) = on_disk(&["mcp"], "other", "elsewhere");
    assert!(output.status.success(), "{}", text(&output.stderr));
}
