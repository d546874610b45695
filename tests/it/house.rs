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
    (
        "memory_log::memory",
        &["fault", "json", "metadata", "timestamp"],
    ),
    (
        "memory_log::object",
        &["fault", "json", "memory", "timestamp"],
    ),
    ("memory_log::event", &["json", "object", "timestamp"]),
    ("memory_log::scope", &["memory", "object"]),
    ("memory_log::steward", &["event", "scope"]),
    ("memory_trace::settings", &[]),
    ("memory_trace::span", &[]),
    ("memory_trace::collector", &[]),
    (
        "memory_trace::export",
        &["collector", "memory_trace::span", "settings"],
    ),
    ("memory_s3::aws", &[]),
    ("memory_s3::witness", &[]),
    ("memory_s3::failure", &[]),
    ("memory_s3::tally", &["memory_trace::span"]),
    ("memory_s3::bucket", &["tally"]),
    (
        "memory_s3::put",
        &["aws", "bucket", "failure", "object", "tally", "witness"],
    ),
    (
        "memory_s3::writer",
        &["failure", "object", "put", "scope", "tally"],
    ),
    (
        "memory_s3::changer",
        &["event", "failure", "put", "scope", "tally"],
    ),
    (
        "memory_s3::views",
        &["aws", "bucket", "failure", "scope", "tally"],
    ),
    (
        "memory_s3::embedded",
        &["aws", "failure", "object", "put", "views"],
    ),
    (
        "memory_s3::reader",
        &[
            "aws",
            "bucket",
            "embedded",
            "event",
            "failure",
            "object",
            "scope",
            "tally",
            "timestamp",
        ],
    ),
    (
        "memory_s3::versions",
        &["bucket", "reader", "scope", "timestamp", "views"],
    ),
    ("memory_recall::view", &["object", "scope", "views"]),
    ("memory_recall::words", &["json", "memory", "timestamp"]),
    (
        "memory_recall::rank",
        &["memory", "object", "timestamp", "words"],
    ),
    (
        "memory_recall::line",
        &["json", "memory", "object", "reader", "timestamp"],
    ),
    (
        "memory_recall::log",
        &[
            "event",
            "line",
            "object",
            "reader",
            "scope",
            "tally",
            "timestamp",
        ],
    ),
    ("memory_recall::kept", &["line", "rank", "scope", "views"]),
    (
        "memory_recall::find",
        &[
            "event",
            "kept",
            "line",
            "log",
            "memory",
            "object",
            "rank",
            "reader",
            "scope",
            "tally",
            "timestamp",
            "view",
            "views",
            "words",
        ],
    ),
    ("memory_recall::events", &["event", "reader", "scope"]),
    ("memory_web::allocator", &[]),
    ("memory_web::caller", &["scope", "steward"]),
    ("memory_web::media_type", &[]),
    ("memory_web::origin", &[]),
    (
        "memory_web::problem",
        &[
            "fault",
            "json",
            "media_type",
            "memory",
            "metadata",
            "timestamp",
        ],
    ),
    (
        "memory_web::telemetry",
        &["export", "memory_trace::span", "problem", "settings"],
    ),
    ("memory_web::terminal", &[]),
    ("memory_web::login", &["json", "origin"]),
    (
        "memory_web::config",
        &[
            "caller",
            "login",
            "origin",
            "scope",
            "settings",
            "steward",
            "telemetry",
        ],
    ),
    ("memory_web::body", &["media_type", "problem"]),
    ("memory_web::guard", &["caller", "origin", "problem"]),
    ("memory_web::query", &["json", "problem"]),
    ("memory_web::documents", &["json", "problem"]),
    ("memory_web::flat", &["problem"]),
    ("memory_web::mcp", &["flat", "json", "problem"]),
    (
        "memory_web::record",
        &[
            "json",
            "mcp",
            "memory_trace::span",
            "problem",
            "steward",
            "telemetry",
            "terminal",
            "timestamp",
        ],
    ),
    (
        "memory_web::http",
        &[
            "body",
            "caller",
            "flat",
            "guard",
            "login",
            "mcp",
            "media_type",
            "memory_web::documents",
            "origin",
            "problem",
            "record",
            "steward",
        ],
    ),
    (
        "memory_web::lambda",
        &[
            "config",
            "export",
            "memory_web::http",
            "scope",
            "settings",
            "telemetry",
        ],
    ),
    ("memory_ingress::clock", &["timestamp"]),
    (
        "memory_ingress::remember",
        &[
            "clock",
            "fault",
            "memory",
            "object",
            "problem",
            "record",
            "scope",
            "tally",
            "timestamp",
            "writer",
        ],
    ),
    (
        "memory_ingress::jsonapi",
        &[
            "fault",
            "flat",
            "json",
            "memory",
            "memory_web::documents",
            "metadata",
            "problem",
            "remember",
        ],
    ),
    (
        "memory_ingress::tool",
        &[
            "fault", "flat", "json", "mcp", "memory", "problem", "remember",
        ],
    ),
    (
        "memory_ingress::shape",
        &[
            "fault",
            "json",
            "jsonapi",
            "media_type",
            "memory",
            "problem",
            "tool",
        ],
    ),
    (
        "memory_ingress::http",
        &[
            "body",
            "jsonapi",
            "media_type",
            "memory",
            "memory_web::http",
            "query",
            "remember",
            "shape",
            "tool",
        ],
    ),
    ("memory_ingress::server", &["memory_web::http", "record"]),
    (
        "memory_ingress::stdio",
        &["body", "flat", "mcp", "problem", "record"],
    ),
    (
        "bin::bootstrap",
        &[
            "aws",
            "caller",
            "config",
            "guard",
            "lambda",
            "memory_ingress::http",
            "memory_web::http",
            "remember",
            "writer",
        ],
    ),
    ("memory_recall::shown", &["event", "find", "json", "line"]),
    (
        "memory_recall::change",
        &[
            "changer",
            "event",
            "find",
            "line",
            "log",
            "reader",
            "scope",
            "shown",
            "steward",
            "tally",
            "timestamp",
        ],
    ),
    (
        "memory_recall::question",
        &[
            "event",
            "find",
            "json",
            "memory",
            "problem",
            "query",
            "shown",
            "timestamp",
            "words",
        ],
    ),
    (
        "memory_recall::documents",
        &[
            "change",
            "event",
            "find",
            "flat",
            "json",
            "memory_web::documents",
            "problem",
            "shown",
        ],
    ),
    ("memory_recall::counted", &["record", "steward", "tally"]),
    (
        "memory_recall::access",
        &[
            "change",
            "changer",
            "counted",
            "event",
            "failure",
            "find",
            "json",
            "log",
            "memory_recall::documents",
            "memory_web::http",
            "problem",
            "question",
            "reader",
            "record",
            "scope",
            "steward",
        ],
    ),
    (
        "memory_recall::tools",
        &[
            "access",
            "change",
            "counted",
            "event",
            "find",
            "flat",
            "json",
            "mcp",
            "memory_recall::documents",
            "memory_web::http",
            "question",
            "rank",
            "record",
            "scope",
            "shown",
            "words",
        ],
    ),
    (
        "memory_recall::endpoints",
        &[
            "access",
            "body",
            "change",
            "counted",
            "event",
            "find",
            "media_type",
            "memory_recall::documents",
            "memory_web::http",
            "problem",
            "question",
            "tools",
        ],
    ),
    (
        "memory_ingress::joined",
        &[
            "access",
            "counted",
            "endpoints",
            "flat",
            "mcp",
            "memory",
            "memory_ingress::http",
            "memory_web::http",
            "record",
            "remember",
            "steward",
            "tool",
            "tools",
        ],
    ),
    (
        "memory_ingress::client",
        &[
            "aws",
            "caller",
            "clock",
            "flat",
            "joined",
            "mcp",
            "media_type",
            "memory",
            "object",
            "problem",
            "timestamp",
            "tool",
            "tools",
            "witness",
        ],
    ),
    ("memory_ingress::issuer", &["caller", "client", "scope"]),
    (
        "memory_recall::bin",
        &[
            "access",
            "aws",
            "caller",
            "changer",
            "config",
            "endpoints",
            "find",
            "guard",
            "lambda",
            "memory_web::http",
            "reader",
            "views",
        ],
    ),
    (
        "memory_ingress::hits",
        &["find", "rank", "terminal", "timestamp", "words"],
    ),
    (
        "memory_ingress::options",
        &[
            "client",
            "config",
            "event",
            "find",
            "issuer",
            "timestamp",
            "words",
        ],
    ),
    ("memory_ingress::manual", &["options"]),
    ("memory_ingress::progress", &[]),
    (
        "memory_ingress::erase",
        &[
            "embedded",
            "event",
            "object",
            "reader",
            "scope",
            "terminal",
            "timestamp",
            "versions",
            "views",
        ],
    ),
    (
        "memory_ingress::replayed",
        &["event", "events", "reader", "scope", "terminal"],
    ),
    (
        "memory_recall::described",
        &[
            "access",
            "body",
            "change",
            "changer",
            "endpoints",
            "event",
            "find",
            "flat",
            "line",
            "log",
            "media_type",
            "memory",
            "memory_recall::documents",
            "object",
            "problem",
            "question",
            "rank",
            "reader",
            "scope",
            "timestamp",
            "tools",
            "words",
        ],
    ),
    (
        "memory_ingress::openapi",
        &[
            "body",
            "caller",
            "described",
            "event",
            "flat",
            "guard",
            "jsonapi",
            "mcp",
            "media_type",
            "memory",
            "memory_web::documents",
            "memory_web::http",
            "object",
            "problem",
            "query",
            "remember",
            "shape",
            "timestamp",
            "tool",
            "tools",
            "writer",
        ],
    ),
    ("memory_recall::entities", &["object", "reader", "scope"]),
    (
        "bin::memory-ingress",
        &[
            "access",
            "aws",
            "caller",
            "change",
            "changer",
            "client",
            "config",
            "embedded",
            "entities",
            "erase",
            "find",
            "flat",
            "guard",
            "hits",
            "issuer",
            "joined",
            "login",
            "manual",
            "mcp",
            "memory_ingress::http",
            "memory_web::http",
            "openapi",
            "options",
            "progress",
            "reader",
            "record",
            "remember",
            "replayed",
            "scope",
            "server",
            "shown",
            "stdio",
            "tally",
            "telemetry",
            "terminal",
            "tool",
            "versions",
            "views",
            "writer",
        ],
    ),
];

/// The folders of sources: the crate that is compiled from each, as its own files name it.
const CRATES: &[(&str, &str)] = &[
    ("crates/memory-log/src", "memory_log"),
    ("crates/memory-recall/src", "memory_recall"),
    ("crates/memory-s3/src", "memory_s3"),
    ("crates/memory-trace/src", "memory_trace"),
    ("crates/memory-web/src", "memory_web"),
    ("src", "memory_ingress"),
];

/// Crates of AWS, and the only rooms that may name them.
const MAY_NAME_AWS: &[&str] = &[
    "memory_s3::aws",
    "memory_s3::witness",
    "memory_s3::failure",
    "memory_s3::bucket",
    "memory_s3::put",
    "memory_s3::writer",
    "memory_s3::changer",
    "memory_s3::reader",
    "memory_s3::views",
    "memory_s3::versions",
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

/// The paths that a file names outside its tests, each with all its segments.
#[derive(Default)]
struct Paths {
    named: BTreeSet<Vec<String>>,
    /// Those of `pub use`.
    handed_on: BTreeSet<Vec<String>>,
    /// Roots of crates that get another name here, under which no rule would see them.
    renamed_roots: BTreeSet<String>,
}

impl Paths {
    fn of(text: &str) -> Self {
        let mut paths = Self::default();
        paths.visit_file(&syn::parse_file(text).unwrap());
        paths
    }

    /// The paths of a `use` tree, however it is nested.
    fn of_tree(&mut self, before: &[String], tree: &syn::UseTree, found: &mut Vec<Vec<String>>) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            syn::UseTree::Path(path) => {
                self.of_tree(&with(path.ident.to_string()), &path.tree, found);
            }
            syn::UseTree::Name(name) => found.push(with(name.ident.to_string())),
            syn::UseTree::Rename(name) => {
                let path = with(name.ident.to_string());
                if path.len() == 1 || path.last().is_some_and(|last| last == "self") {
                    self.renamed_roots.insert(path.join("::"));
                }
                found.push(path);
            }
            syn::UseTree::Glob(_) => found.push(with("*".to_owned())),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.of_tree(before, tree, found);
                }
            }
        }
    }

    /// Whether two neighboring segments of a path are these.
    fn has(&self, first: &str, second: &str) -> bool {
        let mut pairs = self.named.iter().flat_map(|path| path.windows(2));
        pairs.any(|pair| pair[0] == first && pair[1] == second)
    }
}

/// The module of a file: its crate and the names on the way to it.
fn module_of(file: &str) -> Vec<String> {
    let room = room_of(file);
    if room.starts_with("bin::") {
        return room.split("::").map(str::to_owned).collect();
    }
    let (folder, name) = CRATES
        .iter()
        .find(|(folder, _)| file.starts_with(&format!("{folder}/")))
        .unwrap();
    let path = file[folder.len() + 1..].trim_end_matches(".rs");
    let names = path.split('/').filter(|name| *name != "lib");
    std::iter::once(*name)
        .chain(names)
        .map(str::to_owned)
        .collect()
}

/// A path from the root of its crate; `None` if it names neither this crate nor another of ours.
fn absolute(path: &[String], module: &[String]) -> Option<Vec<String>> {
    let mut at = module.to_vec();
    let mut rest = path.iter();
    match path.first()?.as_str() {
        "crate" => {
            at.truncate(if at[0] == "bin" { 2 } else { 1 });
            rest.next();
        }
        "self" => drop(rest.next()),
        "super" => {
            while rest.as_slice().first().is_some_and(|name| name == "super") {
                at.pop();
                rest.next();
            }
        }
        name if CRATES.iter().any(|(_, known)| *known == name) => at.clear(),
        _ => return None,
    }
    at.extend(rest.cloned());
    Some(at)
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
        let mut found = Vec::new();
        self.of_tree(&[], &item.tree, &mut found);
        if !matches!(item.vis, syn::Visibility::Inherited) {
            self.handed_on.extend(found.iter().cloned());
        }
        self.named.extend(found);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        self.named
            .insert(segments.map(|part| part.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    /// The arguments of a macro or an attribute are tokens, not syntax; paths in them are found by
    /// their text.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.add_tokens(&item.tokens.to_string());
        visit::visit_macro(self, item);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.add_tokens(&list.tokens.to_string());
        visit::visit_meta_list(self, list);
    }
}

impl Paths {
    fn add_tokens(&mut self, tokens: &str) {
        let text = tokens.replace(' ', "");
        for (_, name) in CRATES.iter().chain(&[("", "crate")]) {
            for rest in text.split(&format!("{name}::")).skip(1) {
                let is_end = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
                let path = rest.split(is_end).next().unwrap();
                assert!(!path.is_empty(), "write {name}::{{…}} out in {tokens}");
                let path = path.split("::").filter(|part| !part.is_empty());
                let path = std::iter::once(*name).chain(path);
                self.named.insert(path.map(str::to_owned).collect());
            }
        }
    }
}

/// The modules of ours that a file names, from their roots, without those inside its own.
fn modules_named(file: &str, paths: &BTreeSet<Vec<String>>) -> BTreeSet<Vec<String>> {
    let own = module_of(file);
    let absolute = paths.iter().filter_map(|path| absolute(path, &own));
    absolute.filter(|path| path.len() > 1).collect()
}

/// The rooms that a file imports.
fn imports(file: &str, text: &str) -> BTreeSet<String> {
    let named = modules_named(file, &Paths::of(text).named);
    let rooms = named.iter().map(|path| format!("{}::{}", path[0], path[1]));
    rooms.filter(|room| *room != room_of(file)).collect()
}

/// Every file of the crates and binaries with its room and its text, without the roots of libraries,
/// which only list modules, and without files of tests.
fn rooms() -> Vec<(String, String, String)> {
    let files = CRATES.iter().flat_map(|(folder, _)| sources(folder));
    let is_left_out = |file: &str| {
        let left_out = ["src/lib.rs", "/tests.rs", "/properties.rs"];
        left_out.iter().any(|end| file.ends_with(end))
    };
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
    // Two crates have a room of the same name: there a row says which crate.
    let full_name = |name: &str| {
        let rooms = ROOMS.iter().map(|(room, _)| *room);
        let is_it = |room: &&str| *room == name || room.split("::").last() == Some(name);
        let found: Vec<_> = rooms.filter(is_it).collect();
        match found.as_slice() {
            [room] => (*room).to_owned(),
            _ => panic!("{name} is not one room but {found:?}"),
        }
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
        use super::lambda::handle;
        use self::inner::X;
        fn f() { let _ = crate::guard::X; g::<crate::tool::T>(); println!(\"{}\", crate::mcp::Y); }
        #[serde(with = \"x\", into = crate::origin::Z)] struct S;
        mod inner { use memory_s3::{aws}; }
        pub(crate) fn p() {}
        /// crate::stdio::in_a_comment
        #[cfg(test)] mod tests { use crate::stdio::Z; }
    ";
    let seen = imports("src/shape.rs", text);
    let expected = [
        "memory_ingress::config",
        "memory_ingress::guard",
        "memory_ingress::http",
        "memory_ingress::lambda",
        "memory_ingress::mcp",
        "memory_ingress::origin",
        "memory_ingress::tool",
        "memory_s3::aws",
    ];
    assert_eq!(
        seen.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
    let deep = imports(
        "crates/memory-web/src/problem/code.rs",
        "use super::super::guard::X; use super::Y;",
    );
    assert_eq!(deep.into_iter().collect::<Vec<_>>(), ["memory_web::guard"]);
}

#[test]
fn no_room_hands_on_another_and_no_crate_gets_another_name() {
    for (room, file, text) in rooms() {
        let paths = Paths::of(&text);
        let handed_on = modules_named(&file, &paths.handed_on);
        let foreign = |path: &&Vec<String>| format!("{}::{}", path[0], path[1]) != room;
        assert_eq!(handed_on.iter().find(foreign), None, "{file}");
        let ours = |root: &&String| {
            let root = root.trim_end_matches("::self");
            root == "crate" || CRATES.iter().any(|(_, known)| *known == root)
        };
        assert_eq!(paths.renamed_roots.iter().find(ours), None, "{file}");
    }
}

#[test]
fn the_root_of_a_library_only_lists_its_modules() {
    for (folder, _) in CRATES {
        let file = format!("{folder}/lib.rs");
        let text = fs::read_to_string(root().join(&file)).unwrap();
        for item in syn::parse_file(&text).unwrap().items {
            let is_list = matches!(&item, syn::Item::Mod(item) if item.content.is_none());
            assert!(is_list, "{file} has more than a list of modules");
        }
    }
}

/// A parent and its children are one module, so a child may name its parent.
#[test]
fn the_files_of_a_room_import_each_other_without_a_circle() {
    let mut edges = BTreeMap::<Vec<String>, BTreeSet<Vec<String>>>::new();
    for (_, file, text) in rooms() {
        let named = modules_named(&file, &Paths::of(&text).named);
        edges.insert(module_of(&file), named);
    }
    let files: BTreeSet<_> = edges.keys().cloned().collect();
    for (file, named) in &mut edges {
        let of_file = |path: &Vec<String>| {
            let mut prefixes = (1..=path.len()).rev().map(|length| path[..length].to_vec());
            prefixes.find(|prefix| files.contains(prefix))
        };
        let is_kin = |other: &Vec<String>| file.starts_with(other) || other.starts_with(file);
        *named = named
            .iter()
            .filter_map(of_file)
            .filter(|other| !is_kin(other))
            .collect();
    }
    for file in edges.keys() {
        let (mut reached, mut open) = (BTreeSet::new(), vec![file.clone()]);
        while let Some(next) = open.pop() {
            for other in &edges[&next] {
                assert_ne!(other, file, "a circle of files through {next:?}");
                if reached.insert(other.clone()) {
                    open.push(other.clone());
                }
            }
        }
    }
}

#[test]
fn memory_log_is_pure_and_only_few_rooms_name_aws_or_the_environment() {
    const PURE: &[&str] = &[
        "bytes",
        "chrono",
        "percent_encoding",
        "serde",
        "serde_json",
        "sha2",
        "uuid",
    ];
    for (room, file, text) in rooms() {
        let paths = Paths::of(&text);
        if room.starts_with("memory_log::") {
            for (of, what) in [
                ("Instant", "now"),
                ("SystemTime", "now"),
                ("Utc", "now"),
                ("Local", "now"),
                ("Uuid", "new_v4"),
                ("Uuid", "now_v7"),
                ("std", "fs"),
                ("std", "net"),
                ("std", "process"),
                ("std", "thread"),
            ] {
                assert!(!paths.has(of, what), "{file} names {of}::{what}");
            }
            for item in syn::parse_file(&text).unwrap().items {
                let syn::Item::Use(item) = item else { continue };
                let mut found = Vec::new();
                Paths::default().of_tree(&[], &item.tree, &mut found);
                for path in found {
                    let first = path[0].as_str();
                    let is_own = ["crate", "self", "super", "std"].contains(&first);
                    let is_child = text.contains(&format!("mod {first};"));
                    assert!(
                        is_own || is_child || PURE.contains(&first),
                        "{file} uses {path:?}"
                    );
                }
            }
            assert!(!text.contains("async "), "{file} is async");
            for wire in ["Serialize", "Deserialize"] {
                let derives = |line: &str| line.contains("derive(") && line.contains(wire);
                assert!(!text.lines().any(derives), "{file} is a wire type");
            }
        }
        let of_aws = |path: &&Vec<String>| path[0].starts_with("aws_");
        if let Some(path) = paths.named.iter().find(of_aws) {
            assert!(
                MAY_NAME_AWS.contains(&room.as_str()),
                "{file} names {path:?}"
            );
        }
        let reads_environment = paths.has("std", "env") || paths.has("env", "var");
        assert!(
            !reads_environment || room == "memory_web::config",
            "{file} reads the environment"
        );
    }
}

/// Everything else must be given a scope that was judged by a caller's claims.
#[test]
fn the_scope_of_the_operator_is_named_in_binaries_alone() {
    let of_operator = |path: &&Vec<String>| {
        let is_glob = |pair: &[String]| pair[0] == "scope" && pair[1] == "*";
        path.iter().any(|name| name == "operator") || path.windows(2).any(is_glob)
    };
    for (room, file, text) in rooms() {
        let is_named = Paths::of(&text).named.iter().find(of_operator).cloned();
        let may_name = room.starts_with("bin::") || room == "memory_log::scope";
        assert!(may_name || is_named.is_none(), "{file} names {is_named:?}");
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
        "jsonwebtoken v",
        "aws-lc-sys v",
        "openssl-sys v",
        "hyper v0",
        "aws-sdk-sso v",
        "opentelemetry v",
        "tracing-opentelemetry v",
        "prost v",
    ] {
        assert!(
            !tree.lines().any(|line| line.starts_with(unwanted)),
            "{unwanted} is in the Lambda"
        );
    }
}
