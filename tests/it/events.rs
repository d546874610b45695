//! Events as each kind of gateway sends them, and the whole responses of the shipped function (contract 3.12).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::folder::stored;
use crate::lambda::Function;

/// The events of `tests/events`, by name.
fn events() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events");
    let files = std::fs::read_dir(folder).unwrap();
    let event = |path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let event = std::fs::read_to_string(path).unwrap();
        (name, serde_json::from_str(&event).unwrap())
    };
    files.map(|file| event(&file.unwrap().path())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gateways_event_has_its_golden_answer() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("MEMORY_ALLOWED_ORIGINS", "https://app.example.com"),
        ("MEMORY_OAUTH_SERVERS", "https://issuer.example.com/"),
        ("MEMORY_OAUTH_SCOPES", "memory:read memory:write"),
    ];
    let events = events();
    let asked: Vec<_> = events.values().cloned().collect();
    let mut function = Function::over(folder.path(), &asked, &settings).await;
    for name in events.keys() {
        let mut answer = function.answer().await;
        // A document, in its order, instead of the string that holds it.
        if let Ok(document) = serde_json::from_str(answer["body"].as_str().unwrap_or_default()) {
            answer["body"] = document;
        }
        let answer = serde_json::to_string_pretty(&answer).unwrap();
        insta::assert_snapshot!(format!("event_{name}"), answer);
    }
    assert_eq!(stored(folder.path()).len(), 2);
}
