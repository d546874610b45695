//! The folder around a data folder is synced at the start, because it may have got a new entry
//! (contract 7.6).

use std::fs;

use crate::process::{BINARY, clean, text};
use crate::tool::strace;

#[test]
fn a_folder_around_that_cannot_be_opened_matters_if_the_data_folder_is_new() {
    for (error, is_new, starts) in [
        ("EACCES", false, true),
        ("EACCES", true, false),
        ("EMFILE", false, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let around = folder.path().join("around");
        let data = around.join("data");
        fs::create_dir_all(if is_new { &around } else { &data }).unwrap();
        let mut command = clean(strace());
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-P"])
            .arg(&around);
        command.args([
            "-e",
            "trace=openat",
            "-e",
            &format!("inject=openat:error={error}"),
        ]);
        // An agent's server ends with its input.
        let output = command.args([BINARY, "mcp", "--data"]).arg(&data).output();
        let output = output.unwrap();
        let said = text(&output.stderr);
        let code = if starts { 0 } else { 78 };
        assert_eq!(output.status.code(), Some(code), "{error} {is_new}: {said}");
        assert_eq!(said.contains("cannot be written"), !starts, "{said}");
    }
}
