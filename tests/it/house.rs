//! The house rules that no compiler keeps: who may import whom, and what the Lambda must not carry.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, by its path from the root, with its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

/// Whether a file is a module's or that of a module inside it.
fn belongs_to(file: &str, module: &str) -> bool {
    file.strip_prefix("src/")
        .and_then(|file| file.strip_prefix(module))
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The modules of this crate that a file names outside its tests.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut imports = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        let names = match part.strip_prefix('{') {
            Some(list) => list
                .split('}')
                .next()
                .unwrap()
                .split(',')
                .map(str::trim)
                .collect(),
            None => vec![part],
        };
        for name in names {
            let name: String = name
                .chars()
                .take_while(|character| character.is_alphanumeric() || *character == '_')
                .collect();
            imports.insert(name);
        }
    }
    imports
}

#[test]
fn a_module_imports_only_what_stands_before_it_on_the_way() {
    // What each may name; a module of several files counts as one.
    let allowed: &[(&str, &[&str])] = &[
        ("json", &[]),
        ("timestamp", &[]),
        ("accept", &[]),
        ("memory", &["json", "metadata", "timestamp"]),
        ("metadata", &["json", "memory"]),
        ("object", &["json", "memory", "metadata", "timestamp"]),
        ("store", &["object"]),
        ("remember", &["memory", "object", "store", "timestamp"]),
        (
            "problem",
            &["accept", "json", "memory", "remember", "store", "timestamp"],
        ),
        (
            "tool",
            &["json", "memory", "metadata", "problem", "remember"],
        ),
        (
            "jsonapi",
            &["json", "memory", "metadata", "problem", "remember"],
        ),
        (
            "shape",
            &["accept", "json", "jsonapi", "memory", "problem", "tool"],
        ),
        ("mcp", &["json", "memory", "problem", "tool"]),
        ("body", &["accept", "problem"]),
        ("query", &["json", "memory", "problem"]),
        ("config", &["guard"]),
        ("guard", &["config", "problem"]),
        ("telemetry", &[]),
        ("lambda", &["http"]),
        ("local_s3", &["object", "store"]),
    ];
    for (module, allowed) in allowed {
        for (name, text) in sources("src") {
            if belongs_to(&name, module) {
                let foreign: Vec<_> = imports(&text)
                    .into_iter()
                    .filter(|name| !allowed.contains(&&**name))
                    .collect();
                assert!(foreign.is_empty(), "{name} must not know {foreign:?}");
            }
        }
    }
}

#[test]
fn the_meaning_knows_no_http_no_aws_no_clock_and_no_environment() {
    for (name, text) in sources("src") {
        let code = text.split("#[cfg(test)]").next().unwrap();
        let names = |words: &[&str]| words.iter().any(|word| code.contains(word));
        let is = |modules: &[&str]| modules.iter().any(|module| belongs_to(&name, module));
        if is(&["memory", "metadata", "timestamp", "object", "json"]) {
            assert!(
                !names(&[
                    "http",
                    "aws_",
                    "tokio",
                    "async ",
                    "now()",
                    "std::env",
                    "derive(Serialize"
                ]),
                "{name}"
            );
        }
        let may_name_aws = is(&["store", "local_s3"]) || name.starts_with("src/bin/");
        assert!(
            may_name_aws
                || !names(&[
                    "aws_sdk_s3::",
                    "aws_config::",
                    "aws_smithy_http_client::",
                    "aws_smithy_runtime_api::"
                ]),
            "{name} names an AWS crate"
        );
        assert!(
            is(&["config"]) || !names(&["std::env::", "env::var"]),
            "{name} reads the environment"
        );
    }
}

#[test]
fn every_file_is_a_noun_of_this_domain_and_opens_with_what_it_is_for() {
    for (name, text) in [sources("src"), sources("tests")].concat() {
        for word in ["utils", "helpers", "service", "manager", "models", "types"] {
            assert!(!name.contains(word), "{name}");
        }
        assert!(
            text.starts_with("//! "),
            "{name} does not say what it is for"
        );
    }
}

#[test]
fn the_lambda_carries_no_embedded_s3_and_no_second_tls() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--no-default-features",
            "--features",
            "lambda",
            "--edges",
            "normal",
        ])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("lambda_http v"));
    for unwanted in [
        "s3s v",
        "clap v",
        "indicatif v",
        "aws-lc-sys v",
        "openssl-sys v",
        "hyper v0",
        "aws-sdk-sso v",
    ] {
        assert!(
            !tree.lines().any(|line| line.starts_with(unwanted)),
            "{unwanted} is in the Lambda"
        );
    }
}
