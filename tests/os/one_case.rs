//! A disk that takes `A` and `a` for one name, as the default disk of a Mac does (contract 7.6).
//!
//! `one_case.c` stands for such a disk, because few kernels of Linux have one.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::folder::stored;
use crate::process::{Server, command};
use crate::tool::tool;

/// A data folder on such a disk.
struct Folder {
    folder: TempDir,
    library: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("one_case.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/os/one_case.c");
        let mut cc: Command = tool("cc", "gcc");
        cc.args(["-Wall", "-Werror", "-shared", "-fPIC", "-o"]);
        let compiled = cc.arg(&library).arg(source).arg("-ldl").status();
        assert!(compiled.unwrap().success(), "{cc:?}");
        Self { folder, library }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A service over it. `folded` names the folder below which names have one case.
    fn serve(&self, folded: &str) -> Server {
        let mut command = command();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .env("LD_PRELOAD", &self.library)
            .env("FOLDED", self.folder.path().join(folded));
        Server::spawn(command)
    }
}

async fn store(server: &Server, domain: &str, entity_id: &str) -> (u16, Value) {
    let memory = json!({
        "domain": domain,
        "entity_id": entity_id,
        "content": "Rob prefers mornings.",
        "timestamp": "2026-01-27T03:14:22Z",
    });
    let response = server.post(memory.to_string()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

async fn matches(server: &Server, domain: &str, entity_id: &str) -> Value {
    let query =
        format!("filter[query]=mornings&filter[domain]={domain}&filter[entity_id]={entity_id}");
    let request = server
        .client
        .get(format!("{}/memory/search?{query}", server.url))
        .header("accept", "application/json");
    let body = request.send().await.unwrap().text().await.unwrap();
    let found: Value = serde_json::from_str(&body).unwrap();
    found["matches"].clone()
}

#[tokio::test]
async fn names_that_differ_in_case_only_are_kept_apart_by_a_refusal() {
    let folder = Folder::new();
    let long = "x".repeat(75) + &"é".repeat(37);
    let mut server = folder.serve("data");
    for restarted in [false, true] {
        if restarted {
            drop(server);
            server = folder.serve("data");
        }
        for (domain, entity_id) in [
            ("work", "rob"),
            ("work", "eve"),
            ("home", "rob"),
            ("work", &*long),
        ] {
            let (status, receipt) = store(&server, domain, entity_id).await;
            assert_eq!(status, 201, "{domain} {entity_id}: {receipt}");
        }
        for (domain, entity_id, names) in [
            ("Work", "rob", ["\"Work\"", "\"work\""]),
            ("WORK", "new", ["\"WORK\"", "\"work\""]),
            ("work", "Rob", ["\"Rob\"", "\"rob\""]),
            ("work", "roB", ["\"roB\"", "\"rob\""]),
        ] {
            let (status, refused) = store(&server, domain, entity_id).await;
            assert_eq!(status, 409, "{refused}");
            let error = refused["error"].as_str().unwrap();
            assert!(names.iter().all(|name| error.contains(name)), "{error}");
        }
        let (status, refused) = store(&server, "work", &long.replacen('x', "X", 1)).await;
        assert_eq!(status, 409, "{refused}");
        let (status, refused) = store(&server, "work", &long.replace('é', "É")).await;
        assert_eq!(status, 201, "another letter, not another case: {refused}");
    }
    assert_eq!(stored(&folder.data()).len(), 5);
    assert_eq!(matches(&server, "work", "rob").await, 1);
    for (domain, entity_id) in [("work", "Rob"), ("Work", "rob"), ("work", "ROB")] {
        assert_eq!(
            matches(&server, domain, entity_id).await,
            0,
            "{domain} {entity_id}"
        );
    }
    assert_eq!(
        matches(&server, "work", "rob").await,
        1,
        "its view is its own"
    );
}

#[tokio::test]
async fn on_a_disk_with_two_cases_both_names_are_stored() {
    let folder = Folder::new();
    let server = folder.serve("elsewhere");
    for entity_id in ["rob", "Rob", "ROB"] {
        assert_eq!(store(&server, "work", entity_id).await.0, 201);
    }
    assert_eq!(stored(&folder.data()).len(), 3);
}
