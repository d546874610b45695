//! The contract in `docs/contract.md` is cited, its citations resolve, and its table of failures is
//! that of the code (contract 3.8).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use memory_web::problem::Code;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn contract() -> String {
    fs::read_to_string(root().join("docs/contract.md")).unwrap()
}

/// The numbers of the sections, such as `3.5`.
fn sections() -> BTreeSet<String> {
    let contract = contract();
    let headings = contract
        .lines()
        .filter_map(|line| line.strip_prefix("### "));
    let numbers = headings.map(|heading| heading.split(' ').next().unwrap().to_owned());
    numbers.collect()
}

/// Every source and test with its text.
fn files() -> Vec<(String, String)> {
    let mut folders: Vec<PathBuf> = ["src", "crates", "tests", "fuzz/invariants"]
        .map(|folder| root().join(folder))
        .into();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

/// The sections that a text cites: after the word `contract`, numbers separated by commas or `and`.
fn citations(text: &str) -> BTreeSet<String> {
    // A citation may go on in the next line of a comment.
    let words = text.replace("//!", " ").replace("//", " ").to_lowercase();
    let words: Vec<_> = words.split_whitespace().collect();
    let is_part = |part: &str| part.parse::<u8>().is_ok();
    let is_section =
        |number: &str| matches!(number.split_once('.'), Some((a, b)) if is_part(a) && is_part(b));
    let mut cited = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        if word.trim_start_matches('(') != "contract" {
            continue;
        }
        let mut rest = words.iter().skip(at + 1).peekable();
        while let Some(word) = rest.next() {
            let number = word.trim_end_matches([',', ')', '.', ':', ';']);
            if !is_section(number) {
                break;
            }
            cited.insert(number.to_owned());
            match rest.peek() {
                Some(&&"and") => drop(rest.next()),
                _ if word.ends_with(',') => {}
                _ => break,
            }
        }
    }
    cited
}

#[test]
fn a_citation_is_a_word_and_its_numbers() {
    let of = |text: &str| citations(text).into_iter().collect::<Vec<_>>();
    assert_eq!(of("/// The key (contract 2.5)."), ["2.5"]);
    assert_eq!(
        of("//! (contract 1.1, 1.2 and\n//! 7.6)."),
        ["1.1", "1.2", "7.6"]
    );
    assert_eq!(of("// the contract says 3.5 things"), [""; 0]);
    assert_eq!(of("// contract, section 3"), [""; 0]);
}

#[test]
fn every_section_is_cited_and_every_citation_is_a_section() {
    let mut cited = BTreeMap::<String, Vec<String>>::new();
    for (file, text) in files() {
        for number in citations(&text) {
            cited.entry(number).or_default().push(file.clone());
        }
    }
    let sections = sections();
    for (number, by) in &cited {
        assert!(sections.contains(number), "{by:?} cite contract {number}");
    }
    let silent: Vec<_> = sections
        .iter()
        .filter(|number| {
            let by = cited.get(*number).into_iter().flatten();
            by.filter(|file| *file != "tests/it/contract.rs").count() == 0
        })
        .collect();
    assert!(silent.is_empty(), "no test or source cites {silent:?}");
}

#[test]
fn no_citation_is_left_in_an_older_form() {
    for (file, text) in files() {
        let is_own = file == "tests/it/contract.rs";
        assert!(is_own || !text.contains("contract, section"), "{file}");
    }
}

#[test]
fn the_table_of_failures_has_each_code_with_its_status_and_title() {
    let contract = contract();
    let table = contract.split("### 3.8").nth(1).unwrap();
    let table = table.split("### 3.9").next().unwrap();
    let rows: BTreeSet<_> = table
        .lines()
        .filter(|line| line.starts_with("| 4") || line.starts_with("| 5"))
        .map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            format!("{} {} {}", cells[1], cells[2], cells[3])
        })
        .collect();
    let codes: BTreeSet<_> = Code::ALL
        .iter()
        .map(|code| format!("{} `{}` {}", code.status(), code.name(), code.title()))
        .collect();
    assert_eq!(rows, codes);
}
