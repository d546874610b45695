//! An object whose bytes are not the memory's: a repeat over it is an error and changes nothing
//! (contract 3.9, 7.7).

use std::fs;
use std::path::PathBuf;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::future::join_all;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::{Put, WriteError, Writer};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::app::{App, tool_for_document};
use crate::exchange::{Answer, mcp};
use crate::message::request;
use crate::outcomes::{BODY, object, scope};
use crate::s3_suite::status_and_code;
use crate::surface::tool as ask_tool;

/// A data folder in which the file of [`object`] has these bytes.
struct Folder {
    folder: TempDir,
    file: PathBuf,
}

impl Folder {
    fn with(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Disk::create(folder.path()).unwrap();
        let file = folder.path().join(BUCKET).join(object().key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, bytes).unwrap();
        Self { folder, file }
    }

    fn client(&self) -> Client {
        embedded::client(Disk::create(self.folder.path()).unwrap())
    }

    fn writer(&self) -> Writer {
        Writer::new(self.client(), BUCKET)
    }

    fn app(&self) -> App {
        App::over(self.writer())
    }
}

/// Near misses of the object's bytes, each by a name.
fn near_misses() -> Vec<(&'static str, Vec<u8>)> {
    let body = object().body.to_vec();
    let flipped = |at: usize| {
        let mut bytes = body.clone();
        bytes[at] ^= 1;
        bytes
    };
    vec![
        ("nothing", Vec::new()),
        ("half of it", body[..body.len() / 2].to_vec()),
        ("all except its last byte", body[..body.len() - 1].to_vec()),
        ("a newline more", [body.as_slice(), b"\n"].concat()),
        ("its first bit flipped", flipped(0)),
        ("its last bit flipped", flipped(body.len() - 1)),
        ("zeros of its length", vec![0; body.len()]),
    ]
}

fn assert_damaged(answer: &Answer) {
    assert_eq!(answer.status, 500);
    assert_eq!(answer.faults(), ["log_damaged"]);
    let error = &answer.json()["errors"][0];
    assert_eq!(error["title"], "Log damaged");
    let expected = serde_json::json!({"written": "not_written", "retry": {"timestamp": "2026-01-27T03:14:22Z"}});
    assert_eq!(error["meta"], expected);
    for said in ["other bytes", "nothing was written", "operator"] {
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{detail}");
    }
}

#[tokio::test]
async fn a_repeat_over_other_bytes_is_an_error_and_leaves_them_as_they_are() {
    for (name, bytes) in near_misses() {
        let folder = Folder::with(&bytes);
        let app = folder.app();
        for _ in 0..2 {
            assert_damaged(&app.send(tool_for_document(BODY)).await);
            let flat = app.send(ask_tool(BODY)).await;
            assert_eq!(flat.status, 500, "{name}");
            let call = format!(r#"{{"name":"append_memory","arguments":{BODY}}}"#);
            let message = app.send(mcp(request("tools/call", &call))).await.json();
            assert_eq!(message["result"]["isError"], true, "{name}");
            assert_eq!(message["result"]["structuredContent"], flat.json());
            assert_eq!(fs::read(&folder.file).unwrap(), bytes, "{name}");
        }
    }
}

#[tokio::test]
async fn a_repeat_over_the_same_bytes_is_a_receipt() {
    let folder = Folder::with(&object().body);
    let answer = folder.app().send(tool_for_document(BODY)).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn the_log_names_the_key_of_a_damaged_object() {
    let folder = Folder::with(b"{}");
    let (writer, object, scope) = (folder.writer(), object(), scope());
    let put = writer.put(
        &object,
        &scope,
        Instant::now() + memory_web::http::REQUEST_TIME_MAX,
    );
    let error = put.await.unwrap_err();
    assert!(matches!(error, WriteError::Damaged(_)), "{error}");
    assert!(error.to_string().contains(&object.key), "{error}");
    fs::write(&folder.file, &object.body).unwrap();
    let put = writer.put(
        &object,
        &scope,
        Instant::now() + memory_web::http::REQUEST_TIME_MAX,
    );
    assert_eq!(put.await, Ok(Put::AlreadyThere), "once it is repaired");
}

#[tokio::test]
async fn other_bytes_under_a_key_are_object_damaged_on_the_wire_also_in_a_race() {
    let folder = Folder::with(b"{}");
    let client = folder.client();
    let put = |body: String| {
        let put = client.put_object().bucket(BUCKET).key("contended.json");
        let put = put.if_none_match("*").content_type("application/json");
        put.body(ByteStream::from(body.into_bytes())).send()
    };
    let puts = join_all((0..32).map(|number| put(format!("{}", number / 2)))).await;
    let said = puts.into_iter().map(|put| match put {
        Ok(_) => (200, String::new()),
        Err(error) => status_and_code(error),
    });
    let mut said: Vec<_> = said.collect();
    said.sort();
    // The winner, its twin, and the writers of other bytes.
    assert_eq!(said[0], (200, String::new()));
    assert_eq!(said[31], (412, "PreconditionFailed".to_owned()));
    assert!(
        said[1..31]
            .iter()
            .all(|said| *said == (409, "ObjectDamaged".to_owned())),
        "{said:?}"
    );
}
