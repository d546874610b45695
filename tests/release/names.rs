//! The names of a release in its workflow, in the formula, in the entry of the registry, and for cargo-binstall.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::process::text;
use crate::programs::{root, run};

const TARGETS: [&str; 4] = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-unknown-linux-musl",
];

fn file(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The names of files of a release in a text, without what is before and after them.
fn files_in<'a>(text: &'a str, end: &str) -> BTreeSet<&'a str> {
    let until = text
        .match_indices(end)
        .map(|(at, _)| &text[..at + end.len()]);
    until
        .map(|text| text.rsplit(['/', '"', ' ']).next().unwrap())
        .collect()
}

/// The same files, as `release/published.py` writes them with these checksums.
fn written(sums: Option<&str>) -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    for name in ["Cargo.toml", "release/published.py"] {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::copy(root().join(name), folder.path().join(name)).unwrap();
    }
    let mut command = Command::new("python3");
    command.arg(folder.path().join("release/published.py"));
    if let Some(sums) = sums {
        fs::write(folder.path().join("SHA256SUMS"), sums).unwrap();
        command.arg(folder.path().join("SHA256SUMS"));
    }
    run(&mut command);
    ["Formula/memory-ingress.rb", "release/server.json"]
        .map(|name| fs::read_to_string(folder.path().join(name)).unwrap())
}

/// Every checksum of a text, as zeros.
fn without_sums(text: &str) -> String {
    let is_sum =
        |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('"')
        .filter(is_sum)
        .fold(text.to_owned(), |text, sum| {
            text.replace(sum, &"0".repeat(64))
        })
}

#[test]
fn the_formula_and_the_entry_of_the_registry_are_those_of_cargo_toml() {
    let [formula, server] = written(None);
    assert_eq!(without_sums(&file("Formula/memory-ingress.rb")), formula);
    assert_eq!(without_sums(&file("release/server.json")), server);
    run(Command::new("ruby")
        .args(["-wc", "Formula/memory-ingress.rb"])
        .current_dir(root()));
}

#[test]
fn a_release_puts_its_checksums_into_both_and_a_missing_one_is_an_error() {
    let sum = |number: usize| format!("{number:064x}");
    let archives = TARGETS.map(|target| format!("memory-ingress-{target}.tar.gz"));
    let bundles = TARGETS.map(|target| format!("memory-ingress-folder-{target}.mcpb"));
    let names = [archives.clone(), bundles.clone()].concat();
    let lines = names
        .iter()
        .enumerate()
        .map(|(at, name)| format!("{}  {name}\n", sum(at + 1)));
    let sums: String = lines.collect();
    let [formula, server] = written(Some(&sums));
    for (at, name) in names.iter().enumerate() {
        let text = if at < 4 { &formula } else { &server };
        let (_, after) = text.split_once(&**name).unwrap();
        let next = after.split('"').find(|word| word.len() == 64).unwrap();
        assert_eq!(next, sum(at + 1), "{name}");
    }
    assert!(formula.contains("sha256") && !formula.contains(&"0".repeat(64)));

    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("SHA256SUMS"),
        sums.lines().next().unwrap(),
    )
    .unwrap();
    let missing = Command::new("python3")
        .arg(root().join("release/published.py"))
        .arg(folder.path().join("SHA256SUMS"))
        .output()
        .unwrap();
    assert!(!missing.status.success() && text(&missing.stderr).contains("has no checksum of"));
}

#[test]
fn the_workflow_builds_every_program_that_is_named_elsewhere() {
    let workflow = file(".github/workflows/release.yml");
    let built = workflow
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- target: "));
    assert_eq!(built.collect::<BTreeSet<_>>(), BTreeSet::from(TARGETS));
    let archives: BTreeSet<_> = TARGETS
        .iter()
        .map(|target| format!("memory-ingress-{target}.tar.gz"))
        .collect();
    let of_formula = file("Formula/memory-ingress.rb");
    let of_formula = files_in(&of_formula, ".tar.gz");
    assert!(
        of_formula
            .iter()
            .copied()
            .eq(archives.iter().map(String::as_str)),
        "{of_formula:?}"
    );
    // cargo-binstall fills in the name, the repository and the target.
    let manifest = file("Cargo.toml");
    let url = "{ repo }/releases/download/v{ version }/";
    assert!(manifest.contains(&format!(
        "pkg-url = \"{url}{{ name }}-{{ target }}.tar.gz\""
    )));
    for processor in ["x86_64", "aarch64"] {
        let line = format!(
            "{processor}-unknown-linux-gnu = {{ pkg-url = \"{url}{{ name }}-{processor}-unknown-linux-musl.tar.gz\" }}"
        );
        assert!(manifest.contains(&line), "{line}");
    }
    let program = file("release/program.py");
    for target in TARGETS {
        assert!(program.contains(&format!("\"{target}\": ")), "{target}");
    }
    for files in ["*.tar.gz", "*.mcpb", "*.cdx.json"] {
        assert!(workflow.contains(files), "{files}");
    }
}

/// Cargo.toml alone names the repository, in what is built or published. Documents speak of `OWNER/NAME`.
#[test]
fn the_repository_is_named_in_one_place() {
    let repository = file("Cargo.toml");
    let repository = repository
        .lines()
        .find_map(|line| line.strip_prefix("repository = \"https://github.com/"));
    let repository = repository.unwrap().trim_end_matches('"').to_owned();
    for name in [
        "release/program.py",
        "release/published.py",
        ".github/workflows/release.yml",
        "Dockerfile",
        "compose.yaml",
    ] {
        assert!(!file(name).contains(&repository), "{name}");
    }
    for name in ["Formula/memory-ingress.rb", "release/server.json"] {
        assert!(
            file(name).contains(&format!(
                "https://github.com/{repository}/releases/download/v"
            )),
            "{name}"
        );
    }
}
