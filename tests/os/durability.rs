//! A confirmed memory is durable: the order of the syncs before each response (contract 1.1, 7.7). A kill keeps the page
//! cache, so it does not show this.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use futures_util::future::join_all;

use crate::folder::memory;
use crate::local::path_of;
use crate::process::Server;
use crate::tool::strace;
use crate::trace::{Call, calls};

struct Trace(Vec<Call>);

impl Trace {
    fn read(path: &Path) -> Self {
        Self(calls(path))
    }

    /// Whether a file or folder was synced after one line and before another.
    fn synced(&self, path: &Path, after: usize, before: usize) -> bool {
        let file = format!("<{}>", path.display());
        self.0.iter().any(|call| {
            call.name == "fsync"
                && call.args.contains(&file)
                && call.succeeded
                && call.began >= after
                && call.ended < before
        })
    }

    /// Checks every answer 201 by the calls before it, and counts them by whether their object was
    /// new.
    fn check(&self, data: &Path) -> (usize, usize) {
        let (mut new, mut taken) = (0, 0);
        for answer in self
            .0
            .iter()
            .filter(|call| call.args.contains("HTTP/1.1 201"))
        {
            let key = answer
                .args
                .split(r#"s3_key\":\""#)
                .nth(1)
                .unwrap()
                .split(r#"\""#)
                .next()
                .unwrap();
            let file = path_of(data, key);
            let quoted = format!("\"{}\"", file.display());
            let link = || {
                let mut links = self.0.iter().rev().filter(|call| call.succeeded);
                links.find(|call| {
                    call.name.starts_with("link")
                        && call.args.contains(&quoted)
                        && call.ended < answer.began
                })
            };
            let replayed = answer.args.contains("idempotent-replayed");
            // A repeat reads the file to compare its bytes, which shows that its name was there.
            let reading = || {
                let mut opened = self.0.iter().rev();
                opened.find(|call| {
                    call.name == "openat"
                        && call.succeeded
                        && call.args.contains(&format!("{quoted}, O_RDONLY"))
                        && call.ended < answer.began
                })
            };
            let link = if replayed { reading() } else { link() }
                .unwrap_or_else(|| panic!("no link of {key} before its answer"));
            *(if replayed { &mut taken } else { &mut new }) += 1;

            if !replayed {
                let temporary = PathBuf::from(link.args.split('"').nth(1).unwrap());
                assert!(
                    self.synced(&temporary, 0, link.began),
                    "{key} was linked before its file was synced"
                );
            }
            let folder = file.parent().unwrap();
            assert!(
                self.synced(folder, link.ended, answer.began),
                "{key} was answered before its entry was synced"
            );
            for folder in folder
                .ancestors()
                .take_while(|folder| *folder != data.join("memory"))
            {
                let made = format!("\"{}\"", folder.display());
                let makings = self
                    .0
                    .iter()
                    .filter(|call| call.name.starts_with("mkdir") && call.args.contains(&made));
                let made = makings
                    .filter(|call| call.succeeded && call.ended < answer.began)
                    .map(|call| call.ended)
                    .max();
                let parent = folder.parent().unwrap();
                let synced = self.synced(parent, made.unwrap_or_default(), answer.began);
                assert!(
                    synced,
                    "{key} was answered before the entry of {} was synced",
                    folder.display()
                );
            }
        }
        (new, taken)
    }
}

const TRACED: &str =
    "trace=mkdir,mkdirat,openat,link,linkat,fsync,fdatasync,write,writev,sendto,sendmsg";

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_comes_after_the_syncs_that_make_it_true() {
    let folder = tempfile::tempdir().unwrap();
    let (data, trace) = (folder.path().join("data"), folder.path().join("trace"));
    let mut server = Server::traced(&data, &trace, &["-e", TRACED]);

    // New folders, then known ones, then a repeat.
    for content in ["a", "b", "b"] {
        server
            .store(memory("one", content, "2026-01-27T03:14:22Z"))
            .await;
    }
    // A folder that another process has made, and not synced.
    let other_day = "2026-01-28T03:14:22Z";
    fs::create_dir_all(data.join("memory/memories/domain=work/entity=two/2026/01/28")).unwrap();
    server.store(memory("two", "c", other_day)).await;
    // An object that another process has put, and whose folders it has not synced.
    let elsewhere = tempfile::tempdir().unwrap();
    let key = Server::start(elsewhere.path())
        .store(memory("three", "d", other_day))
        .await;
    fs::create_dir_all(path_of(&data, &key).parent().unwrap()).unwrap();
    fs::copy(path_of(elsewhere.path(), &key), path_of(&data, &key)).unwrap();
    server.store(memory("three", "d", other_day)).await;
    // A folder that this process has made and synced, and that was removed with all that was in it.
    let removed = data.join("memory/memories/domain=work/entity=one");
    fs::remove_dir_all(&removed).unwrap();
    server
        .store(memory("one", "e", "2026-01-27T03:14:22Z"))
        .await;
    // Writers that need the same new folders at once, and one key.
    let server_ref = &server;
    join_all((0..24).map(|number| async move {
        server_ref
            .store(memory(
                "many",
                &format!("{}", number / 2),
                "2027-01-01T00:00:00Z",
            ))
            .await
    }))
    .await;

    assert!(server.stop().success());
    let (new, taken) = Trace::read(&trace).check(&data);
    assert_eq!((new, taken), (2 + 1 + 1 + 12, 1 + 1 + 12));
}

/// Lets one sync of each thread of a running service fail, until it is dropped.
struct FailingSyncs(Child);

impl FailingSyncs {
    /// `which` counts from 1, in each thread, from now on.
    fn attach(server: &Server, which: usize) -> Self {
        let mut strace = strace()
            .args([
                "-f",
                "-p",
                &server.pid().to_string(),
                "-e",
                "trace=fsync",
                "-e",
            ])
            .arg(format!("inject=fsync:error=EIO:when={which}"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(strace.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.contains("attached"), "{line}");
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self(strace)
    }
}

impl Drop for FailingSyncs {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_is_never_answered_with_yes_then_or_later() {
    // The first sync of a write is its file's, the second that of the folder with its name, and the
    // rest those of the folders above.
    for failing in [1, 2, 3, 7] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(folder.path());
        let failing = FailingSyncs::attach(&server, failing);
        for _ in 0..3 {
            // The kernel tells of a lost page once: no later success proves anything.
            let answer = server
                .post(memory("e", "c", "2026-01-27T03:14:22Z"))
                .await
                .unwrap();
            assert_eq!(answer.status(), 504);
        }
        drop(failing);
        assert!(server.stop().success());
        let mut restarted = Server::start(folder.path());
        restarted
            .store(memory("e", "c", "2026-01-27T03:14:22Z"))
            .await;
        assert!(restarted.stop().success());
    }
}
