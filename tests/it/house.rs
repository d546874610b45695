//! The architecture rules that no compiler checks: who may import whom, and what the Lambda must not carry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::visit::{self, Visit};

/// Every room of the house and what it may import, from the ground up. A room is a module of a crate
/// with everything inside it, or a binary. It may import only rooms that stand above it in this list,
/// so there can be no circle.
const ROOMS: &[(&str, &[&str])] = &[
    ("memory_log::json", &[]),
    ("memory_log::timestamp", &[]),
    ("memory_log::fault", &["json", "timestamp"]),
    ("memory_log::metadata", &["fault", "json"]),
    ("memory_log::memory", &["fault", "metadata", "timestamp"]),
    (
        "memory_log::object",
        &["fault", "json", "memory", "metadata", "timestamp"],
    ),
    ("memory_s3::aws", &[]),
    ("memory_s3::witness", &[]),
    ("memory_s3::writer", &["aws", "object", "witness"]),
    ("memory_s3::reader", &["aws", "object", "timestamp"]),
    ("memory_s3::embedded", &["aws", "object"]),
    ("memory_ingress::clock", &["timestamp"]),
    ("memory_ingress::telemetry", &[]),
    ("memory_ingress::caller", &[]),
    ("memory_ingress::media_type", &[]),
    ("memory_ingress::origin", &[]),
    ("memory_ingress::config", &["caller", "origin"]),
    (
        "memory_ingress::problem",
        &[
            "fault",
            "json",
            "media_type",
            "memory",
            "metadata",
            "timestamp",
        ],
    ),
    ("memory_ingress::guard", &["caller", "origin", "problem"]),
    (
        "memory_ingress::remember",
        &[
            "clock",
            "fault",
            "memory",
            "object",
            "problem",
            "timestamp",
            "writer",
        ],
    ),
    (
        "memory_ingress::jsonapi",
        &["fault", "json", "memory", "metadata", "problem", "remember"],
    ),
    (
        "memory_ingress::tool",
        &["fault", "json", "memory", "metadata", "problem", "remember"],
    ),
    (
        "memory_ingress::mcp",
        &["json", "memory", "problem", "tool"],
    ),
    (
        "memory_ingress::http",
        &[
            "fault",
            "guard",
            "json",
            "jsonapi",
            "mcp",
            "media_type",
            "memory",
            "problem",
            "remember",
            "tool",
        ],
    ),
    ("memory_ingress::lambda", &["http"]),
    (
        "memory_ingress::stdio",
        &["http", "mcp", "memory", "problem", "tool"],
    ),
    (
        "memory_ingress::client",
        &[
            "aws",
            "caller",
            "clock",
            "media_type",
            "memory",
            "object",
            "problem",
            "timestamp",
            "tool",
            "witness",
        ],
    ),
    (
        "memory_ingress::openapi",
        &[
            "caller",
            "guard",
            "http",
            "jsonapi",
            "mcp",
            "media_type",
            "memory",
            "object",
            "problem",
            "remember",
            "timestamp",
            "tool",
            "writer",
        ],
    ),
    (
        "bin::bootstrap",
        &[
            "aws",
            "caller",
            "config",
            "guard",
            "http",
            "lambda",
            "remember",
            "telemetry",
            "writer",
        ],
    ),
    (
        "bin::memory-ingress",
        &[
            "aws",
            "caller",
            "client",
            "config",
            "embedded",
            "guard",
            "http",
            "memory",
            "openapi",
            "reader",
            "remember",
            "stdio",
            "telemetry",
            "timestamp",
            "tool",
            "writer",
        ],
    ),
];

/// The folders of sources: the crate that is compiled from each, as its own files name it.
const CRATES: &[(&str, &str)] = &[
    ("crates/memory-log/src", "memory_log"),
    ("crates/memory-s3/src", "memory_s3"),
    ("src", "memory_ingress"),
];

/// Crates of AWS, and the only rooms that may name them.
const MAY_NAME_AWS: &[&str] = &[
    "memory_s3::aws",
    "memory_s3::witness",
    "memory_s3::writer",
    "memory_s3::reader",
    "memory_s3::embedded",
    "memory_ingress::client",
    "bin::memory-ingress",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder: its path from the root, and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
                files.push((name.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// The room that a file is in: a top-level module with its children, or a binary.
fn room_of(file: &str) -> String {
    if let Some(file) = file.strip_prefix("src/bin/") {
        return format!("bin::{}", file.split(['/', '.']).next().unwrap());
    }
    let (folder, name) = CRATES
        .iter()
        .find(|(folder, _)| file.starts_with(&format!("{folder}/")))
        .unwrap();
    let module = file[folder.len() + 1..].split(['/', '.']).next().unwrap();
    format!("{name}::{module}")
}

/// Every path that a file names outside its tests, as its first two segments.
#[derive(Default)]
struct Paths(BTreeSet<(String, String)>);

impl Paths {
    fn of(text: &str) -> Self {
        let mut paths = Self::default();
        paths.visit_file(&syn::parse_file(text).unwrap());
        paths
    }

    fn add(&mut self, segments: &[String]) {
        if let [first, rest @ ..] = segments {
            let second = rest.first().cloned().unwrap_or_default();
            self.0.insert((first.clone(), second));
        }
    }

    /// Walks a `use` tree, however it is nested.
    fn add_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            syn::UseTree::Path(path) => {
                self.add_tree(&with(path.ident.to_string()), &path.tree);
            }
            syn::UseTree::Name(name) => self.add(&with(name.ident.to_string())),
            syn::UseTree::Rename(name) => self.add(&with(name.ident.to_string())),
            syn::UseTree::Glob(_) => self.add(&with("*".to_owned())),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(before, tree);
                }
            }
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let test = |ident: syn::Ident| ident == "test";
        attribute.path().is_ident("cfg") && attribute.parse_args().is_ok_and(test)
    })
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        self.add(&segments);
        visit::visit_path(self, path);
    }

    /// The arguments of a macro are tokens, not syntax; its paths are found by their text.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let text = item.tokens.to_string().replace(' ', "");
        for (_, name) in CRATES.iter().chain(&[("", "crate")]) {
            for rest in text.split(&format!("{name}::")).skip(1) {
                let module = rest.split(|c: char| !c.is_alphanumeric() && c != '_');
                let module = module.into_iter().next().unwrap().to_owned();
                self.add(&[(*name).to_owned(), module]);
            }
        }
        visit::visit_macro(self, item);
    }
}

/// The rooms that a file imports.
fn imports(file: &str, text: &str) -> BTreeSet<String> {
    let own = room_of(file);
    let own_crate = own.split("::").next().unwrap().to_owned();
    let mut imports = BTreeSet::new();
    for (first, second) in Paths::of(text).0 {
        // `pub(crate)` is a path as well.
        if second.is_empty() {
            continue;
        }
        let of = match first.as_str() {
            "crate" if own_crate == "bin" => continue,
            "crate" => own_crate.as_str(),
            name if CRATES.iter().any(|(_, known)| *known == name) => name,
            _ => continue,
        };
        imports.insert(format!("{of}::{second}"));
    }
    imports.remove(&own);
    imports
}

/// Every file of the crates and binaries with its room and its text, without the roots of libraries,
/// which only list modules, and without files of tests.
fn rooms() -> Vec<(String, String, String)> {
    let files = CRATES.iter().flat_map(|(folder, _)| sources(folder));
    let is_left_out = |file: &str| file.ends_with("src/lib.rs") || file.ends_with("/tests.rs");
    let files = files.filter(|(file, _)| !is_left_out(file));
    files
        .map(|(file, text)| (room_of(&file), file, text))
        .collect()
}

#[test]
fn every_module_and_binary_is_in_the_list_and_the_list_has_no_other() {
    let listed: BTreeSet<_> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    let built: BTreeSet<_> = rooms().into_iter().map(|(room, ..)| room).collect();
    assert_eq!(built, listed);
}

#[test]
fn a_room_imports_only_rooms_above_it_that_its_row_names() {
    let full_name = |name: &str| {
        let mut rooms = ROOMS.iter().map(|(room, _)| *room);
        let found = rooms.find(|room| room.split("::").last() == Some(name));
        found
            .unwrap_or_else(|| panic!("{name} is not a room"))
            .to_owned()
    };
    let mut above = BTreeSet::new();
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for (room, file, text) in rooms() {
        found.entry(room).or_default().extend(imports(&file, &text));
    }
    for (room, may_import) in ROOMS {
        let allowed: BTreeSet<_> = may_import.iter().map(|name| full_name(name)).collect();
        let not_above: Vec<_> = allowed.difference(&above).collect();
        assert!(not_above.is_empty(), "{room}: {not_above:?} stand below it");
        assert_eq!(found[*room], allowed, "{room} imports other rooms");
        above.insert((*room).to_owned());
    }
}

#[test]
fn an_import_is_seen_wherever_it_stands() {
    let text = "
        use crate::{http::{self, shape::{Shape}}, config as settings};
        fn f() { let _ = crate::guard::X; g::<crate::tool::T>(); println!(\"{}\", crate::mcp::Y); }
        mod inner { use memory_s3::{aws}; }
        /// crate::lambda::in_a_comment
        #[cfg(test)] mod tests { use crate::stdio::Z; }
    ";
    let seen = imports("src/problem.rs", text);
    let expected = [
        "memory_ingress::config",
        "memory_ingress::guard",
        "memory_ingress::http",
        "memory_ingress::mcp",
        "memory_ingress::tool",
        "memory_s3::aws",
    ];
    assert_eq!(
        seen.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn the_files_of_a_room_import_each_other_without_a_circle() {
    let mut edges = BTreeMap::<(String, String), BTreeSet<String>>::new();
    for (room, file, text) in rooms() {
        let stem = Path::new(&file).file_stem().unwrap().to_str().unwrap();
        // A child names a sibling through `super`.
        let siblings = Paths::of(&text).0.into_iter();
        let siblings = siblings.filter(|(first, _)| first == "super");
        let siblings = siblings.map(|(_, second)| second);
        edges.insert((room, stem.to_owned()), siblings.collect());
    }
    for (room, file) in edges.keys() {
        let mut reached = BTreeSet::new();
        let mut open = vec![file.clone()];
        while let Some(next) = open.pop() {
            for sibling in edges.get(&(room.clone(), next)).into_iter().flatten() {
                assert!(sibling != file, "{room}: {file} imports itself");
                if edges.contains_key(&(room.clone(), sibling.clone()))
                    && reached.insert(sibling.clone())
                {
                    open.push(sibling.clone());
                }
            }
        }
    }
}

#[test]
fn memory_log_is_pure_and_only_few_rooms_name_aws_or_the_environment() {
    for (room, file, text) in rooms() {
        let paths = Paths::of(&text).0;
        let names = |first: &str, second: &str| {
            let mut paths = paths.iter();
            paths.any(|path| path.0 == first && (second.is_empty() || path.1 == second))
        };
        if room.starts_with("memory_log::") {
            for impure in ["tokio", "axum", "http", "tracing"] {
                assert!(!names(impure, ""), "{file} names {impure}");
            }
            for (of, what) in [("Instant", "now"), ("SystemTime", "now"), ("Utc", "now")] {
                assert!(!names(of, what), "{file} reads a clock");
            }
            assert!(!names("Uuid", "new_v4"), "{file} makes random ids");
            assert!(!text.contains("async "), "{file} is async");
            assert!(!text.contains("derive(Serialize"), "{file} is a wire type");
        }
        let of_aws = |path: &&(String, String)| path.0.starts_with("aws_");
        if let Some(path) = paths.iter().find(of_aws) {
            assert!(
                MAY_NAME_AWS.contains(&room.as_str()),
                "{file} names {path:?}"
            );
        }
        let reads_environment = names("std", "env") || names("env", "var");
        assert!(
            !reads_environment || room == "memory_ingress::config",
            "{file} reads the environment"
        );
    }
}

#[test]
fn binaries_have_less_than_900_lines_together() {
    let lines = |(_, text): &(String, String)| text.lines().count();
    let total: usize = sources("src/bin").iter().map(lines).sum();
    assert!(total < 900, "{total} lines");
}

#[test]
fn every_file_is_a_noun_of_this_domain_and_opens_with_what_it_is_for() {
    for (name, text) in [sources("src"), sources("crates"), sources("tests")].concat() {
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
            "--package",
            "memory-ingress",
        ])
        .args(["--no-default-features", "--features", "lambda"])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
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
