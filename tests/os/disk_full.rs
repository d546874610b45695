//! A write to a full disk is an error and never confirmed (contract 1.1, 7.7).

use std::path::Path;
use std::process::Command;

use memory_log::object::Object;

use crate::folder::{memory, stored};
use crate::local::run;
use crate::notice::say;
use crate::process::{Server, text};
use crate::receipt::key;
use crate::tool::tool;

/// A small file system in memory, mounted until it is dropped.
struct SmallDisk<'f>(&'f Path);

impl<'f> SmallDisk<'f> {
    /// Returns None if this user may not mount.
    fn mount(folder: &'f Path) -> Option<Self> {
        let mount = tool("mount", "mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(folder)
            .output();
        let is_mounted = mount.is_ok_and(|mount| mount.status.success());
        is_mounted.then_some(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_never_answered_with_yes_and_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(folder.path()) else {
        say("NOT RUN: the test of a full disk needs the right to mount a tmpfs");
        return;
    };
    let data = folder.path().join("data");
    let mut server = Server::start(&data);
    let (mut acknowledged, mut refused, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..200 {
        // Large and small memories in turn: if a large one has no room, a small one may still have.
        let content = format!(
            "{number} {}",
            "x".repeat(if number % 2 == 0 { 60_000 } else { 500 })
        );
        let body = memory("e", &content, &format!("2026-01-27T03:14:22.{number:03}Z"));
        let answer = server.post(body.clone()).await.unwrap();
        match answer.status().as_u16() {
            201 => {
                acknowledged.push(key(&answer.bytes().await.unwrap()));
                repeated.push(body);
            }
            503 => {
                assert!(text(&answer.bytes().await.unwrap()).contains("was not stored"));
                refused.push(body);
            }
            other => panic!("{other}"),
        }
    }
    assert!(!acknowledged.is_empty() && !refused.is_empty());
    let objects = stored(&data);
    for key in &acknowledged {
        Object::read(key, &objects[key]).unwrap_or_else(|defect| panic!("{key}: {defect}"));
    }
    for (key, body) in &objects {
        Object::read(key, body).unwrap_or_else(|defect| panic!("{key}: {defect}"));
    }
    let replay = run(&["replay", "--data", data.to_str().unwrap()]);
    assert!(replay.status.success(), "{}", text(&replay.stderr));

    // What is stored needs no room to be confirmed again, on a disk that nobody may write either.
    let remount = |options: &str| {
        let mut mount = Command::new("mount");
        let mount = mount.args(["-o", &format!("remount,{options}")]);
        assert!(mount.arg(folder.path()).status().unwrap().success());
    };
    for options in ["rw", "ro"] {
        remount(options);
        for body in &repeated {
            let answer = server.post(body.clone()).await.unwrap();
            assert_eq!((answer.status().as_u16(), options), (201, options));
            assert_eq!(answer.headers()["idempotent-replayed"], "true");
        }
        let answer = server.post(refused[0].clone()).await.unwrap();
        assert_eq!((answer.status().as_u16(), options), (503, options));
    }
    assert_eq!(stored(&data), objects);

    // With room again, what was refused is stored by the same service.
    remount("rw,size=64m");
    for body in refused {
        acknowledged.push(server.store(body).await);
    }
    assert_eq!((acknowledged.len(), stored(&data).len()), (200, 200));
    assert!(server.stop().success());
}
