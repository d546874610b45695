//! A data folder: who may read it, and what is known when it cannot be written
//! (contract 7.6, 7.7).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use memory_log::scope::{Claims, WriteScopes};
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::{WriteError, Writer};
use memory_web::http::REQUEST_TIME_MAX;
use tempfile::TempDir;

use crate::app::{App, tool_for_document};
use crate::exchange::Answer;
use crate::folder::{memory, stored};
use crate::local::run;
use crate::process::{BINARY, Server, command, text};

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

/// The service in this process over a data folder with one memory in it.
struct Stored {
    folder: TempDir,
    app: App,
}

impl Stored {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = embedded::client(Disk::create(folder.path()).unwrap());
        let app = App::over(Writer::new(client, BUCKET));
        let stored = Self { folder, app };
        assert_eq!(stored.post("first").await.status, 201);
        stored
    }

    async fn post(&self, content: &str) -> Answer {
        let body = memory("e", content, DAY);
        self.app.send(tool_for_document(body)).await
    }

    fn uncommitted(&self) -> PathBuf {
        self.folder.path().join("uncommitted")
    }
}

fn assert_not_written(answer: &Answer) {
    assert_eq!(answer.status, 503);
    assert_eq!(answer.faults(), ["storage_unavailable"]);
    let error = &answer.json()["errors"][0];
    assert_eq!(error["meta"]["written"], "not_written");
}

#[tokio::test]
async fn a_missing_folder_of_temporary_files_is_made_again() {
    let stored = Stored::new().await;
    fs::remove_dir(stored.uncommitted()).unwrap();
    assert_eq!(stored.post("second").await.status, 201);
    assert_eq!(mode(&stored.uncommitted()), 0o700);
    assert_eq!(fs::read_dir(stored.uncommitted()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_failure_before_the_link_is_not_written_and_a_repeat_of_what_is_stored_is_a_receipt() {
    let stored = Stored::new().await;
    // Without a place for temporary files nothing can be linked.
    fs::remove_dir(stored.uncommitted()).unwrap();
    fs::write(stored.uncommitted(), "").unwrap();
    assert_not_written(&stored.post("second").await);
    let repeat = stored.post("first").await;
    assert_eq!(repeat.status, 201);
    assert_eq!(repeat.header("idempotent-replayed"), "true");
    fs::remove_file(stored.uncommitted()).unwrap();
    let second = stored.post("second").await;
    assert_eq!(
        (second.status.as_u16(), second.header("idempotent-replayed")),
        (201, "")
    );
    // Nor without the bucket, or the whole folder.
    fs::remove_dir_all(stored.folder.path().join(BUCKET)).unwrap();
    assert_not_written(&stored.post("first").await);
    fs::remove_dir_all(stored.folder.path()).unwrap();
    assert_not_written(&stored.post("first").await);
}

#[tokio::test]
async fn an_unreadable_object_is_not_taken_for_stored() {
    let stored = Stored::new().await;
    let [key] = self::stored(stored.folder.path())
        .into_keys()
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let file = stored.folder.path().join(BUCKET).join(&key);
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/null", &file).unwrap();
    let answer = stored.post("first").await;
    assert_eq!(answer.faults(), ["storage_refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_file_descriptors_a_write_is_not_written_and_none_is_half() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.store(memory("e", "first", DAY)).await;
    let pid = server.pid();
    let limit = |descriptors: usize| {
        let limits = format!("--nofile={descriptors}:");
        let set = Command::new("prlimit")
            .args([format!("--pid={pid}"), limits])
            .status();
        assert!(set.unwrap().success());
    };
    // The next descriptor is the smallest that is free.
    let is_free = |number: &usize| !Path::new(&format!("/proc/{pid}/fd/{number}")).exists();
    let free = (0..).find(is_free).unwrap();
    limit(free);
    let refused = server.post(memory("e", "second", DAY)).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(stored(folder.path()).len(), 1);
    limit(free + 100);
    server.store(memory("e", "second", DAY)).await;
    assert_eq!(stored(folder.path()).len(), 2);
    let replay = run(&["replay", "--data", folder.path().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", text(&replay.stderr));
}

#[tokio::test]
async fn the_writer_calls_a_failure_before_the_link_unavailable() {
    let stored = Stored::new().await;
    let client = embedded::client(Disk::create(stored.folder.path()).unwrap());
    fs::remove_dir(stored.uncommitted()).unwrap();
    fs::write(stored.uncommitted(), "").unwrap();
    let body = memory("e", "second", DAY);
    let json = memory_log::json::Json::parse(body.as_bytes()).unwrap();
    let draft = memory_ingress::tool::draft(json.root()).unwrap();
    let now = memory_log::timestamp::Timestamp::from_unix_micros(0);
    let memory = memory_log::memory::Memory::new(draft, now).unwrap();
    let object = memory_log::object::Object::of(&memory);
    let scope = WriteScopes::Everywhere
        .permit(&Claims::default(), &memory)
        .unwrap();
    let deadline = tokio::time::Instant::now() + REQUEST_TIME_MAX;
    let put = Writer::new(client, BUCKET)
        .put(&object, &scope, deadline)
        .await;
    let Err(WriteError::Unavailable(why)) = put else {
        panic!("{put:?}");
    };
    assert!(why.what.contains("503 SlowDown"), "{why}");
}
