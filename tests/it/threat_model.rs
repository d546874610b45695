//! The threat model names what holds each thing that an attacker cannot do, and each of these exists.
//!
//! A proof is spelled `FILE::NAME`. What it is depends on the file: a test, a run of `terraform test`, a
//! statement of a policy or a resource, or a caller in the table of the policy simulator.

use std::fs;
use std::path::Path;

fn file(name: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).ok()
}

fn page() -> String {
    file("docs/threat-model.md").unwrap()
}

/// The proofs that a text names in backticks: the file and the name. `FILE` stands for any file.
fn proofs(text: &str) -> Vec<(&str, &str)> {
    let spans = text.split('`').skip(1).step_by(2);
    let named = spans.filter_map(|span| span.split_once("::"));
    named.filter(|(file, _)| *file != "FILE").collect()
}

/// The rows of all tables whose first column is headed `cannot`.
fn rows(page: &str) -> Vec<&str> {
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        is_inside = line.starts_with("| cannot |") || is_inside && line.starts_with('|');
        if is_inside && !line.starts_with("| cannot |") && !line.starts_with("|---") {
            rows.push(line);
        }
    }
    rows
}

/// Whether a text has a test of this name, and not only a function.
fn has_test(text: &str, name: &str) -> bool {
    let signature = format!("fn {name}(");
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| line.contains(&signature)) else {
        return false;
    };
    let above = lines[..at].iter().rev();
    above
        .take_while(|line| !line.is_empty() && **line != "}")
        .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

/// Whether a configuration has a resource `TYPE.NAME`, or a statement with this `Sid`.
fn has_statement(text: &str, name: &str) -> bool {
    if let Some((kind, name)) = name.split_once('.') {
        return text.contains(&format!("resource \"{kind}\" \"{name}\" {{"));
    }
    let id = format!("\"{name}\"");
    text.lines().any(|line| {
        let line = line.trim().to_lowercase();
        line.starts_with("sid ") && line.ends_with(&id.to_lowercase())
    })
}

fn has(path: &str, text: &str, name: &str) -> bool {
    let extension = Path::new(path).extension();
    match extension.and_then(|extension| extension.to_str()) {
        Some("rs") => has_test(text, name),
        Some("hcl") => text.contains(&format!("run \"{name}\" {{")),
        Some("tf") => has_statement(text, name),
        // The second member of a row.
        Some("mjs") => text.contains(&format!("\", \"{name}\", \"")),
        _ => false,
    }
}

#[test]
fn every_proof_of_the_threat_model_exists() {
    let page = page();
    let proofs = proofs(&page);
    assert!(proofs.len() > 100, "{}", proofs.len());
    let missing: Vec<_> = proofs
        .into_iter()
        .filter(|(path, name)| !file(path).is_some_and(|text| has(path, &text, name)))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn everything_that_a_position_cannot_do_is_held_by_something() {
    let page = page();
    let rows = rows(&page);
    assert!(rows.len() > 50, "{}", rows.len());
    let bare: Vec<_> = rows
        .into_iter()
        .filter(|row| proofs(row).is_empty())
        .collect();
    assert!(bare.is_empty(), "{bare:#?}");
}

#[test]
fn a_proof_is_more_than_a_name() {
    let rust =
        "#[test]\nfn a_test() {}\n\nfn a_helper() {}\n\n#[tokio::test]\nasync fn another() {}\n";
    for (name, is_a_test) in [
        ("a_test", true),
        ("another", true),
        ("a_helper", false),
        ("a_tes", false),
        ("a_test_", false),
    ] {
        assert_eq!(has("a.rs", rust, name), is_a_test, "{name}");
    }
    let terraform =
        "  Sid    = \"DenyReads\"\n  # \"DenyPuts\"\nresource \"aws_iam_role\" \"one\" {\n";
    for (name, is_there) in [
        ("DenyReads", true),
        ("DenyRead", false),
        ("DenyPuts", false),
        ("aws_iam_role.one", true),
        ("aws_iam_role.on", false),
    ] {
        assert_eq!(has("a.tf", terraform, name), is_there, "{name}");
    }
    assert!(has("a.tftest.hcl", "run \"a_run\" {\n", "a_run"));
    assert!(!has("a.tftest.hcl", "run \"a_run\" {\n", "run"));
    let table = "[\"default\", \"writer\", \"s3:PutObject\", MEMORY, NEW, YES],";
    assert!(has("a.mjs", table, "writer"));
    assert!(!has("a.mjs", table, "default") && !has("a.mjs", table, "write"));
    assert!(!has("a.py", "def a_function(): pass", "a_function"));
    let text = "a `x.rs::y` and `FILE::NAME`\n\n| cannot | held by |\n|---|---|\n| fly | it |\n\n| a | b |\n";
    assert_eq!(proofs(text), [("x.rs", "y")]);
    assert_eq!(rows(text), ["| fly | it |"]);
}
