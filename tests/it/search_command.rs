//! `search`, `views` and `replay --events` as a person at a terminal uses them (contract 7.5, 8.11).

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Output, Stdio};

use memory_log::event::{Actor, Change, Event, Reason, Status};
use memory_log::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::folder::stored;
use crate::local::{path_of, run};
use crate::process::{Server, command, text};

const AT: &str = "2026-01-27T03:14:22Z";

/// The key of a memory that is stored now.
async fn store(server: &Server, entity_id: &str, content: &str, metadata: Value) -> String {
    let body = json!({"domain": "work", "entity_id": entity_id, "content": content, "timestamp": AT, "metadata": metadata});
    server.store(body.to_string()).await
}

fn of_folder(folder: &Path, subcommand: &str, args: &[&str]) -> Output {
    let data = folder.to_str().unwrap();
    run(&[&[subcommand, "--data", data], args].concat())
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines = text(&output.stdout);
    let parsed = lines.lines().map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().unwrap()
}

fn contents(output: &Output) -> Vec<String> {
    let content = |line: Value| line["content"].as_str().unwrap().to_owned();
    lines(output).into_iter().map(content).collect()
}

#[tokio::test]
async fn a_search_finds_in_every_entity_or_in_the_one_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    store(
        &server,
        "rob",
        "Rob prefers mornings.",
        json!({"tags": ["habit"]}),
    )
    .await;
    store(
        &server,
        "eve",
        "Eve hates mornings in the office.",
        json!({}),
    )
    .await;
    store(&server, "eve", "Eve likes tea.", json!({})).await;
    let search = |args: &[&str]| of_folder(folder.path(), "search", args);
    for is_running in [true, false] {
        if !is_running {
            assert!(server.stop().success());
        }
        for (args, expected) in [
            (
                &["mornings"][..],
                &["Rob prefers mornings.", "Eve hates mornings in the office."][..],
            ),
            (&["morning", "tea", "--limit", "1"], &["Eve likes tea."]),
            (
                &["--entity", "eve", "mornings"],
                &["Eve hates mornings in the office."],
            ),
            (
                &["--domain", "work", "--entity", "rob", "mornings"],
                &["Rob prefers mornings."],
            ),
            (&["--tag", "habit", "mornings"], &["Rob prefers mornings."]),
            (&["--status", "verified,locked", "mornings"], &[]),
            (
                &["--since", "2026-01-27T03:14:22.000000001Z", "mornings"],
                &[],
            ),
            (&["--domain", "home", "mornings"], &[]),
            (&["quetzal"], &[]),
        ] {
            let found = search(args);
            assert_eq!(contents(&found), expected, "{args:?}");
            assert_eq!(text(&found.stderr), "", "nobody watches");
        }
    }
    let line = &lines(&search(&["mornings", "--limit", "1"]))[0];
    assert_eq!(
        (&line["memory_status"], &line["entity_id"], &line["tags"]),
        (&json!("unverified"), &json!("rob"), &json!(["habit"]))
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::start(folder.path()));
    assert_eq!(
        contents(&of_folder(folder.path(), "search", &["x"])),
        [""; 0],
        "an empty log"
    );
    for (args, code, sentence) in [
        (&[" "][..], 2, "the query is blank"),
        (&["--limit", "51", "x"], 2, "1..=50"),
        (
            &["--status", "deleted", "x"],
            2,
            "unverified, verified and locked",
        ),
        (
            &["--since", AT, "--until", AT, "x"],
            2,
            "no memory can lie between",
        ),
    ] {
        let output = of_folder(folder.path(), "search", args);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        assert!(told.contains(sentence), "{told}");
    }
    let missing = folder.path().join("missing");
    for (subcommand, args) in [
        ("search", &["x"][..]),
        ("views", &["--domain", "work", "--entity", "rob"]),
        ("replay", &["--events"]),
    ] {
        let output = of_folder(&missing, subcommand, args);
        assert_eq!(output.status.code(), Some(78), "{subcommand}");
        assert!(text(&output.stderr).contains("There is no data folder"));
    }
    assert!(!missing.exists());
    let help = text(&run(&["search", "--help"]).stdout);
    assert!(help.contains("memory-ingress search mornings"), "{help}");
}

#[tokio::test]
async fn an_entity_is_found_behind_a_page_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let key = store(&server, "rob", "Rob prefers mornings.", json!({})).await;
    for entity in 0..101 {
        let day = path_of(folder.path(), &key).parent().unwrap().to_owned();
        let day = day
            .to_str()
            .unwrap()
            .replace("entity=rob", &format!("entity=e{entity:03}"));
        fs::create_dir_all(&day).unwrap();
        let id = "3801baa2-1063-86b6-b294-c22f1c2f081e";
        for number in 0..11 {
            let name = format!("2026-01-27T03-14-22.0000000{number:02}Z_{id}.json");
            fs::write(Path::new(&day).join(name), "").unwrap();
        }
    }
    let found = of_folder(
        folder.path(),
        "search",
        &["--domain", "work", "--entity", "rob", "mornings"],
    );
    assert_eq!(contents(&found).len(), 1);
    let found = of_folder(folder.path(), "search", &["--entity", "rob", "mornings"]);
    assert_eq!(contents(&found).len(), 1, "two pages show them all");
}

#[tokio::test]
async fn a_search_ends_quietly_when_its_reader_has_enough() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for number in 0..20 {
        let content = format!("note {number} {}", "x ".repeat(20_000));
        store(&server, "rob", &content, json!({})).await;
    }
    let mut search = command();
    search
        .args(["search", "--limit", "50", "note", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut search = search.spawn().unwrap();
    let mut first = [0; 100];
    let mut stdout = search.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = search.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new())
    );
}

#[tokio::test]
async fn a_damaged_memory_fails_the_search_of_its_entity_and_names_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let key = store(&server, "rob", "Rob prefers mornings.", json!({})).await;
    store(&server, "eve", "Eve hates mornings.", json!({})).await;
    fs::write(path_of(folder.path(), &key), "{}").unwrap();
    let found = of_folder(folder.path(), "search", &["mornings"]);
    let told = text(&found.stderr);
    assert_eq!(
        (found.status.code(), text(&found.stdout)),
        (Some(1), String::new())
    );
    assert!(told.contains(&key) && told.lines().count() == 1, "{told}");
    assert_eq!(
        contents(&of_folder(
            folder.path(),
            "search",
            &["--entity", "eve", "mornings"]
        ))
        .len(),
        1
    );
}

#[tokio::test]
async fn a_view_is_built_before_anybody_searches_and_shows_the_lines_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for number in 0..3 {
        store(&server, "rob", &format!("note {number}"), json!({})).await;
    }
    let views = || {
        of_folder(
            folder.path(),
            "views",
            &["--domain", "work", "--entity", "rob"],
        )
    };
    let built = views();
    assert!(built.status.success(), "{}", text(&built.stderr));
    assert_eq!(text(&built.stdout), "the view has 3 memories\n");
    let files = || walk(&folder.path().join("views"));
    assert_eq!(files().len(), 1);
    let before = fs::read(&files()[0]).unwrap();
    assert_eq!(text(&views().stdout), "the view has 3 memories\n");
    assert_eq!(
        fs::read(&files()[0]).unwrap(),
        before,
        "nothing was missing"
    );
    store(&server, "rob", "note 3", json!({})).await;
    assert_eq!(text(&views().stdout), "the view has 4 memories\n");
    assert_ne!(fs::read(&files()[0]).unwrap(), before);
    assert_eq!(
        contents(&of_folder(
            folder.path(),
            "search",
            &["note", "--limit", "9"]
        ))
        .len(),
        4
    );
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files
}

/// Puts the event with this number for the memory of this key. Returns its own key.
fn change(folder: &Path, memory: &str, seq: u8, status: Status) -> String {
    let claim = memory_log::object::KeyClaim::parse(memory).unwrap();
    let change = Change {
        status,
        actor: Actor::new("tester"),
        reason: Reason::new("a\u{1b}[2J"),
        timestamp: Timestamp::parse(AT).unwrap(),
    };
    let before = memory_log::event::Seq::new(seq - 1);
    let event = Event::next(
        &claim.domain,
        &claim.entity_id,
        claim.memory_id,
        before,
        change,
    );
    let event = event.unwrap().object();
    let path = path_of(folder, &event.key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, event.body).unwrap();
    event.key
}

#[tokio::test]
async fn replay_prints_events_in_key_order_and_reports_a_gap_and_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let rob = store(&server, "rob", "one", json!({})).await;
    let eve = store(&server, "eve", "two", json!({})).await;
    change(folder.path(), &rob, 1, Status::Verified);
    change(folder.path(), &rob, 2, Status::Locked);
    let of_eve = change(folder.path(), &eve, 1, Status::Verified);
    let replay = |args: &[&str]| of_folder(folder.path(), "replay", args);
    let statuses = |output: &Output| {
        let lines = text(&output.stdout);
        let status = |line: &str| serde_json::from_str::<Value>(line).unwrap()["status"].clone();
        lines.lines().map(status).collect::<Vec<_>>()
    };
    for (args, expected) in [
        (&["--events"][..], &["verified", "verified", "locked"][..]),
        (&["--events", "--entity", "rob"], &["verified", "locked"]),
        (
            &["--events", "--domain", "work", "--entity", "eve"],
            &["verified"],
        ),
        (&["--events", "--domain", "home"], &[]),
    ] {
        let replayed = replay(args);
        assert_eq!(
            (statuses(&replayed), replayed.status.code()),
            (expected.iter().map(|s| json!(s)).collect(), Some(0))
        );
        assert_eq!(text(&replayed.stderr), "");
    }
    let line = text(&replay(&["--events", "--entity", "eve"]).stdout);
    assert_eq!(line.trim_end().as_bytes(), stored(folder.path())[&of_eve]);
    let memories = replay(&[]);
    assert_eq!(
        (memories.status.code(), contents(&memories).len()),
        (Some(0), 2),
        "events are no memories"
    );

    let fourth = change(folder.path(), &rob, 4, Status::Verified);
    fs::write(path_of(folder.path(), &of_eve), "{}").unwrap();
    fs::write(path_of(folder.path(), "events/.DS_Store"), "").unwrap();
    let replayed = replay(&["--events"]);
    let told = text(&replayed.stderr);
    assert_eq!(replayed.status.code(), Some(1));
    assert_eq!(statuses(&replayed), ["verified", "locked", "verified"]);
    for complaint in [
        format!("bad: {fourth}: event 3 of its memory is missing"),
        format!("bad: {of_eve}: "),
        "bad: events/.DS_Store: it is not the key of an event".to_owned(),
    ] {
        assert!(told.contains(&complaint), "{complaint}: {told}");
    }
    assert_eq!(told.lines().count(), 3, "{told}");
    let told = replay(&["--events", "--entity", "rob"]);
    assert_eq!(
        text(&told.stderr).lines().count(),
        2,
        "an event of eve is not of rob"
    );
    let memories = replay(&[]);
    assert_eq!(memories.status.code(), Some(1));
    assert_eq!(
        text(&memories.stderr).lines().count(),
        1,
        "what is neither is foreign"
    );
    assert_eq!(replay(&["--events", "--since", AT]).status.code(), Some(2));
}

#[tokio::test]
async fn a_foreign_key_is_named_and_disturbs_no_search_and_no_view() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let key = store(&server, "rob", "Rob prefers mornings.", json!({})).await;
    assert!(server.stop().success());
    let memory = path_of(folder.path(), &key);
    fs::write(memory.with_file_name("notes.txt"), "mine").unwrap();
    let scope = ["--domain", "work", "--entity", "rob"];
    let found = of_folder(
        folder.path(),
        "search",
        &[&scope[..], &["mornings"]].concat(),
    );
    assert_eq!(contents(&found), ["Rob prefers mornings."]);
    let view = of_folder(folder.path(), "views", &scope);
    for output in [found, view] {
        assert!(output.status.success());
        let told = text(&output.stderr);
        assert!(told.contains("not a key of the log"), "{told}");
        assert!(told.contains("notes.txt"), "{told}");
    }
}
