//! Plans of erasures: what `erase` prints, and a shell that runs it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::process::text;

/// The plan that a command prints.
pub(crate) fn plan(command: &mut Command) -> String {
    let printed = command.output().unwrap();
    assert!(printed.status.success(), "{}", text(&printed.stderr));
    text(&printed.stdout)
}

/// Runs a plan with sh, from a folder that is not the log's. A stand-in for `sleep` waits for nothing, and does
/// meanwhile what a slow request would do. `PROGRAMS` of the environment is a folder of more programs.
pub(crate) fn run_plan(plan: &str, environment: &[(&str, &str)], meanwhile: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("erase.sh");
    fs::write(&script, plan).unwrap();
    program(
        &folder.path().join("bin/sleep"),
        &format!(
            "echo \"$@\" >> {}/slept\nif [ \"$1\" = 10 ]; then exit; fi\n{meanwhile}\n",
            folder.path().display()
        ),
    );
    let mut sh = Command::new("sh");
    sh.args(["-c", "PATH=\"$PWD/bin:$PROGRAMS:$PATH\" exec sh erase.sh"]);
    sh.current_dir(folder.path()).env("PROGRAMS", "/bin");
    sh.envs(environment.iter().copied());
    let ended = sh.output().unwrap();
    let slept = fs::read_to_string(folder.path().join("slept")).unwrap_or_default();
    assert!(["", "30\n", "30\n10\n"].contains(&&*slept), "{slept}");
    assert!(
        !ended.status.success() || !slept.is_empty(),
        "it did not wait"
    );
    ended
}

fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\nset -e\n{script}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}
