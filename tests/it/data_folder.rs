//! A data folder: who may read it, and what is known when it cannot be written
//! (contract, sections 7.6 and 7.7).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use memory_s3::embedded::Disk;

use crate::process::{BINARY, Server, command, memory, text};

const DAY: &str = "2026-01-27T03:14:22Z";

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A folder, and everything below it.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut paths = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => paths.extend(everything(&path)),
            false => paths.push(path),
        }
    }
    paths
}

/// The service of a shell with this umask.
fn server_with_umask(umask: &str, data: &Path) -> Server {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!(
        "umask {umask} && exec {BINARY} serve --listen 127.0.0.1:0 --data \"$0\""
    ));
    shell.arg(data).env_remove("MEMORY_API_KEY");
    Server::spawn(shell)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_may_read_what_is_stored_whatever_the_umask() {
    for umask in ["0000", "0022", "0077", "0277", "0777"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut server = server_with_umask(umask, &data);
        let long = "/".repeat(150);
        for entity in ["one", &*long] {
            server.store(memory(entity, "c", DAY)).await;
        }
        assert!(server.stop().success());
        let made = everything(&data);
        assert_eq!(made.iter().filter(|path| path.is_file()).count(), 2);
        for path in made {
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), expected, "umask {umask}: {}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_others_may_use_keeps_its_mode_and_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let opened = |mode: u32| {
        fs::set_permissions(&data, Permissions::from_mode(mode)).unwrap();
        let found = Disk::create(&data).unwrap().open_to_others();
        assert_eq!(self::mode(&data), mode);
        found.map(|open| open.to_string())
    };
    for open in [0o755, 0o750, 0o701, 0o710, 0o720, 0o777] {
        let said = opened(open).unwrap_or_else(|| panic!("{open:o}"));
        assert!(said.contains(&format!("{open:04o}")), "{said}");
    }
    for closed in [0o700, 0o1700] {
        assert_eq!(opened(closed), None, "{closed:o}");
    }
    opened(0o755);
    // An agent's server ends with its input.
    let mcp = command()
        .args(["mcp", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(mcp.status.success());
    let shown = data.display();
    let said = text(&mcp.stderr);
    let sentence = format!(
        "The data folder {shown} is open to other users of this machine (its mode is 0755): close it with chmod 700 {shown}"
    );
    assert_eq!(said.lines().filter(|line| **line == sentence).count(), 1);
    let chmod = sentence.rsplit_once("with ").unwrap().1;
    let closed = Command::new("sh").args(["-c", chmod]).status();
    assert!(closed.unwrap().success());
    let mcp = command()
        .args(["mcp", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert_eq!(text(&mcp.stderr), "");
}
