//! Erasures: memories to erase, what `erase` prints, and a shell that runs it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use reqwest::Method;
use serde_json::{Value, json};

use crate::process::{Server, text};

const AT: &str = "2026-01-27T03:14:22Z";

/// The memories of the domain `work` in a service.
pub(crate) struct Memories(pub(crate) Server);

impl Memories {
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let Self(server) = self;
        let url = format!("{}{path}", server.url);
        let request = server.client.request(method, url);
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => request,
        };
        let answer = request.header("accept", "application/json").send();
        let answer = answer.await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// The id and the key of a memory that is stored now.
    pub(crate) async fn store(&self, entity_id: &str, content: &str) -> (String, String) {
        let memory =
            json!({"domain": "work", "entity_id": entity_id, "content": content, "timestamp": AT});
        let (status, stored) = self.send(Method::POST, "/memory", Some(memory)).await;
        assert_eq!(status, 201, "{stored}");
        let text = |name: &str| stored[name].as_str().unwrap().to_owned();
        (text("memory_id"), text("s3_key"))
    }

    pub(crate) async fn delete(&self, id: &str, entity_id: &str, reason: &str) {
        let body = Some(json!({"meta": {"reason": reason}}));
        let path = of(entity_id, &format!("/{id}"), "");
        let (status, told) = self.send(Method::DELETE, &path, body).await;
        assert_eq!(status, 200, "{told}");
    }

    /// The status of a get by id.
    pub(crate) async fn get(&self, id: &str, entity_id: &str) -> u16 {
        let path = of(entity_id, &format!("/{id}"), "");
        self.send(Method::GET, &path, None).await.0
    }

    /// How many memories a search finds.
    pub(crate) async fn found(&self, entity_id: &str, query: &str) -> u64 {
        let path = of(entity_id, "/search", &format!("&filter[query]={query}"));
        let (status, found) = self.send(Method::GET, &path, None).await;
        assert_eq!(status, 200, "{found}");
        found["matches"].as_u64().unwrap()
    }
}

/// The path of a read or a change in an entity.
pub(crate) fn of(entity_id: &str, route: &str, more: &str) -> String {
    format!("/memory{route}?filter[domain]=work&filter[entity_id]={entity_id}{more}")
}

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
