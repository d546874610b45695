//! The bundles of MCP: valid by their own tool, and started as their manifests say.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::agent::Agent;
use crate::installed::node;
use crate::process::text;
use crate::programs::{X86_64, built, root, run};

/// A bundle, unpacked by its own tool, and its manifest.
fn bundle(kind: &str) -> (tempfile::TempDir, Value) {
    let tool = node("mcpb", &["@anthropic-ai/mcpb@2.1.2"]);
    let mcpb = || Command::new(tool.join("node_modules/.bin/mcpb"));
    let packed = built(X86_64).join(format!("memory-ingress-{kind}-{X86_64}.mcpb"));
    let folder = tempfile::tempdir().unwrap();
    run(mcpb().arg("unpack").arg(packed).arg(folder.path()));
    let manifest = folder.path().join("manifest.json");
    run(mcpb().arg("validate").arg(&manifest));
    let manifest = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    (folder, manifest)
}

/// The server of a bundle, with what a user has typed in.
fn server(folder: &Path, manifest: &Value, typed: &[(&str, &str)]) -> Command {
    let config = &manifest["server"]["mcp_config"];
    let filled = |text: &Value| {
        let text = text
            .as_str()
            .unwrap()
            .replace("${__dirname}", folder.to_str().unwrap());
        let names = manifest["user_config"].as_object().unwrap().keys();
        assert!(
            names.eq(typed.iter().map(|(name, _)| *name)),
            "every field is typed in"
        );
        let text = typed.iter().fold(text, |text, (name, value)| {
            text.replace(&format!("${{user_config.{name}}}"), value)
        });
        assert!(!text.contains("${"), "{text}");
        text
    };
    let mut command = Command::new(filled(&config["command"]));
    command.args(config["args"].as_array().unwrap().iter().map(filled));
    // As an agent starts it: with its own environment alone.
    command
        .env_clear()
        .env("HOME", folder)
        .env("AWS_EC2_METADATA_DISABLED", "true");
    if let Some(env) = config["env"].as_object() {
        command.envs(env.iter().map(|(name, value)| (name, filled(value))));
    }
    command
}

const MEMORY: &str = r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z"}"#;

#[test]
fn the_bundle_for_a_folder_stores_in_the_folder_that_was_picked() {
    let (folder, manifest) = bundle("folder");
    let picked = folder.path().join("picked");
    let picked = picked.to_str().unwrap();
    let mut agent = Agent::spawn(server(folder.path(), &manifest, &[("folder", picked)]));
    assert_eq!(agent.call(MEMORY).unwrap()["status"], "ok");
    assert!(agent.end().0.success());
    assert!(
        Path::new(picked)
            .join("memory/memories/domain=work")
            .is_dir()
    );
    assert_eq!(manifest["user_config"]["folder"]["type"], "directory");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_bundle_for_a_service_sends_the_key_that_was_typed_in_and_hides_it() {
    let (folder, manifest) = bundle("service");
    assert_eq!(manifest["user_config"]["key"]["sensitive"], true);
    assert!(
        !manifest["server"]["mcp_config"]["args"]
            .to_string()
            .contains("key")
    );
    let data = folder.path().join("data");
    let mut serve = crate::process::command();
    serve
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .env("MEMORY_API_KEY", "secret");
    let service = crate::process::Server::spawn(serve);
    for (key, is_right) in [("secret", true), ("other", false)] {
        let typed = [("url", &*service.url), ("key", key)];
        let mut agent = Agent::spawn(server(folder.path(), &manifest, &typed));
        let told = agent.call(MEMORY);
        assert_eq!(told.is_ok(), is_right, "{told:?}");
        agent.end();
    }
}

/// What is wrong with a bundle is said by the tool that the tests rely on.
#[test]
fn the_tool_refuses_a_manifest_with_another_field() {
    let (folder, mut manifest) = bundle("folder");
    manifest["server"]["type"] = "shell".into();
    let wrong = folder.path().join("wrong.json");
    std::fs::write(&wrong, manifest.to_string()).unwrap();
    let tool = node("mcpb", &["@anthropic-ai/mcpb@2.1.2"]);
    let validated = Command::new(tool.join("node_modules/.bin/mcpb"))
        .arg("validate")
        .arg(wrong)
        .output();
    assert!(!validated.unwrap().status.success());
}

#[test]
fn the_entry_of_the_registry_is_valid_and_names_the_bundles_that_are_built() {
    let skillsaw = crate::installed::python(&["skillsaw==0.22.0"]).join("skillsaw");
    let checked = |server: &Value| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("server.json"), server.to_string()).unwrap();
        let mut command = Command::new(&skillsaw);
        let output = command.arg("lint").arg(folder.path()).output().unwrap();
        (output.status.success(), text(&output.stdout))
    };
    let server = std::fs::read(root().join("release/server.json")).unwrap();
    let mut server: Value = serde_json::from_slice(&server).unwrap();
    let (is_valid, told) = checked(&server);
    assert!(is_valid, "{told}");
    let identifier = |package: &Value| package["identifier"].as_str().unwrap().to_owned();
    let named: Vec<_> = server["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(identifier)
        .collect();
    assert_eq!(named.len(), 4);
    assert!(
        named
            .iter()
            .any(|url| url.ends_with(&format!("/memory-ingress-folder-{X86_64}.mcpb")))
    );
    server["packages"][0]["transport"] = "stdio".into();
    assert!(!checked(&server).0, "the check is one");
}
