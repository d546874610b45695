//! A server for MCP clients that others wrote, over HTTP or over stdio.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::folder::stored;
use crate::process::{BINARY, Server};

/// A server that agents call, and its data folder.
pub(crate) struct Place {
    _server: Option<Server>,
    data: TempDir,
    pub(crate) target: Vec<String>,
}

/// A service that agents call by HTTP.
pub(crate) fn over_http() -> Place {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let target = vec![format!("{}/mcp", server.url)];
    Place {
        _server: Some(server),
        data,
        target,
    }
}

/// A server that agents start and call by stdio.
pub(crate) fn over_stdio() -> Place {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let target = [BINARY, "mcp", "--data", folder].map(str::to_owned).into();
    Place {
        _server: None,
        data,
        target,
    }
}

/// Checks that an agent saw what every agent must see.
pub(crate) fn check(name: &str, place: &Place, seen: &Value, version: Option<&str>) {
    if let Some(version) = version {
        assert_eq!(seen["version"], version, "{name}");
    }
    assert_eq!(seen["tool"], "append_memory", "{name}");
    assert_eq!(
        (&seen["is_error"], &seen["receipt"]["status"]),
        (&json!(false), &json!("ok")),
        "{name}"
    );
    let forgotten = &seen["forgotten"];
    assert_eq!(forgotten["memory_status"], "deleted", "{name}: {forgotten}");
    let keys: Vec<_> = stored(place.data.path()).into_keys().collect();
    assert_eq!(
        keys,
        [forgotten, &seen["receipt"]].map(|told| told["s3_key"].as_str().unwrap()),
        "{name}"
    );
    let hits = seen["found"]["memories"].as_array().unwrap();
    let ids: Vec<_> = hits.iter().map(|hit| &hit["memory_id"]).collect();
    assert_eq!(ids, [&seen["receipt"]["memory_id"]], "{name}");
    let after = seen["found_after"]["memories"].as_array().unwrap();
    assert!(after.is_empty(), "{name}: {after:?}");
    assert_eq!(seen["refused_is_error"], true, "{name}");
    let words = seen["refused_text"].as_str().unwrap();
    assert!(
        words.contains("is blank; it must have more than white space."),
        "{name}: {words}"
    );
}
