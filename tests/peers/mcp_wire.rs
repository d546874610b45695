//! Every method of the Model Context Protocol in each version, by the protocol's own schemas.

use std::path::Path;
use std::process::Command;

use memory_ingress::http::endpoints;
use memory_ingress::remember::Ingress;
use memory_log::scope::WriteScopes;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::guard::Guard;
use memory_web::http::router;
use serde_json::{Value, json};

use crate::exchange::send;
use crate::installed::node;
use crate::mcp_clients::{CONFORMANCE, versions_of_the_suite};
use crate::wire::{Exchange, exchanges};

#[tokio::test]
async fn every_answer_is_valid_by_the_protocols_own_schemas() {
    let folder = node("conformance", &CONFORMANCE);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/wire_schemas.mjs");
    let printed = Command::new("node")
        .arg(script)
        .arg(&folder)
        .output()
        .unwrap();
    assert!(
        printed.status.success(),
        "{}",
        String::from_utf8_lossy(&printed.stderr)
    );
    let schemas: Value = serde_json::from_slice(&printed.stdout).unwrap();
    for version in versions_of_the_suite() {
        let schema = &schemas[version];
        let definitions = if schema.get("$defs").is_some() {
            "$defs"
        } else {
            "definitions"
        };
        let valid = |about: &str, name: &str, instance: &Value| {
            let whole = json!({
                "$schema": schema["$schema"],
                "$ref": format!("#/{definitions}/{name}"),
                definitions: schema[definitions],
            });
            let validator = jsonschema::validator_for(&whole).unwrap();
            if let Err(error) = validator.validate(instance) {
                panic!("{version}, {about}: {instance} is not a {name}: {error}");
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let store = Writer::new(
            embedded::client(Disk::create(folder.path()).unwrap()),
            BUCKET,
        );
        let router = router(
            endpoints(Ingress::new(store, WriteScopes::Everywhere)),
            Guard::default(),
        );
        for Exchange {
            about,
            asked,
            shown,
            result,
        } in exchanges(version)
        {
            let about = format!("{about}, {shown}");
            let answer = send(&router, asked).await.json();
            valid(&about, "JSONRPCMessage", &answer);
            match result {
                Some(name) => valid(&about, name, &answer["result"]),
                None => assert!(answer["error"].is_object(), "{about}"),
            }
        }
    }
}
