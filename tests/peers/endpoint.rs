//! `memory-ingress mcp --url` in front of a verifier of signatures that we did not write.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::agent::{Agent, command};
use crate::folder::stored;
use crate::installed::python;
use crate::message::{ARGUMENTS, request};
use crate::moto::{MOTO, Moto};
use crate::process::{Server, text};

/// A gateway that verifies signatures, in front of a service.
struct Gateway {
    process: Child,
    url: String,
}

impl Gateway {
    fn start(upstream: &str, token: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/sigv4_gateway.py");
        let mut process = Command::new(python(&[MOTO]).join("python"))
            .arg(script)
            .args([
                upstream,
                "execute-api",
                "eu-central-1",
                "AKIATEST",
                "secret/of+a=test",
            ])
            .args(token)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        let url = url.trim().to_owned();
        Self { process, url }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const SIGNED: [&str; 4] = ["--service", "execute-api", "--region", "eu-central-1"];

fn signing(url: &str, environment: &[(&str, &str)], more: &[&str]) -> Command {
    let mut command = command(&[&["--url", url, "--write-only"], &SIGNED[..], more].concat());
    command.envs(environment.iter().copied());
    command
}

const CREDENTIALS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIATEST"),
    ("AWS_SECRET_ACCESS_KEY", "secret/of+a=test"),
    ("AWS_SESSION_TOKEN", "token/of+a==test"),
];

#[tokio::test]
async fn a_signature_is_valid_by_an_independent_verifier() {
    let folder = tempfile::tempdir().unwrap();
    let service = Server::start(folder.path());
    let gateway = Gateway::start(&service.url, &["token/of+a==test"]);
    let url = gateway.url.clone();
    spawn_blocking(move || {
        // A session token, a body in UTF-8, a stage in the path, a header field of the user's.
        let mut agent = Agent::spawn(signing(&url, &CREDENTIALS, &["--header", "X-Team=  memory   and more "]));
        let receipt = agent.call(r#"{"entity_id":"ŕob","domain":"wörk","content":"\u2603 „snow“ 雪 \\ \n"}"#);
        assert_eq!(receipt.unwrap()["status"], "ok");
        // The same by a route that the URL names, and by the same connection again.
        let mut agent = Agent::spawn(signing(&format!("{url}/mcp"), &CREDENTIALS, &[]));
        let receipt = agent.call(ARGUMENTS).unwrap();
        assert_eq!(agent.call(ARGUMENTS).unwrap(), receipt);
        for (name, value, words) in [
            ("AWS_SECRET_ACCESS_KEY", "wrong", "The request signature we calculated does not match"),
            ("AWS_SESSION_TOKEN", "wrong", "HTTP 403 ExpiredTokenException: The security token included in the request is expired."),
            ("AWS_ACCESS_KEY_ID", "AKIAOTHER", "HTTP 403 UnrecognizedClientException"),
        ] {
            let mut agent = Agent::spawn(signing(&url, &[&CREDENTIALS[..], &[(name, value)]].concat(), &[]));
            let said = agent.call(ARGUMENTS).unwrap_err();
            assert!(said.contains(words) && said.contains("The memory was not stored."), "{said}");
        }
    })
    .await
    .unwrap();
    assert_eq!(stored(folder.path()).len(), 2);
}

/// A program of the user that prints credentials. The first time their token is expired. Later it is the one in a file
/// next to the program.
struct CredentialProcess {
    folder: TempDir,
}

impl CredentialProcess {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"cat > "$0.stdin"; echo once >> "$0.count"; sleep 0.2
[ "$(wc -l < "$0.count")" = 1 ] && token=expired || token=$(cat "$0.token")
echo "{\"Version\":1,\"AccessKeyId\":\"AKIATEST\",\"SecretAccessKey\":\"secret/of+a=test\",\"SessionToken\":\"$token\"}""#;
        let process = folder.path().join("process.sh");
        std::fs::write(&process, script).unwrap();
        let profile = format!(
            "[profile work]\ncredential_process = sh {}\n",
            process.display()
        );
        std::fs::write(folder.path().join("config"), profile).unwrap();
        Self { folder }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.folder.path().join(format!("process.sh.{suffix}"))
    }

    fn gives(&self, token: &str) {
        let _ = std::fs::remove_file(self.beside("count"));
        std::fs::write(self.beside("token"), token).unwrap();
    }

    fn count(&self) -> usize {
        std::fs::read_to_string(self.beside("count"))
            .unwrap()
            .lines()
            .count()
    }

    fn agent(&self, url: &str) -> Agent {
        let mut command = signing(url, &[], &["--profile", "work", "--retries", "0"]);
        command.env("AWS_CONFIG_FILE", self.folder.path().join("config"));
        Agent::spawn(command)
    }
}

#[tokio::test]
async fn expired_credentials_are_looked_for_again_once() {
    let folder = tempfile::tempdir().unwrap();
    let service = Server::start(folder.path());
    let gateway = Gateway::start(&service.url, &["good"]);
    let process = CredentialProcess::new();

    process.gives("good");
    let mut served = process.agent(&gateway.url);
    spawn_blocking(move || {
        assert_eq!(served.call(ARGUMENTS).unwrap()["status"], "ok");
        assert_eq!(served.call(ARGUMENTS).unwrap()["status"], "ok");
    })
    .await
    .unwrap();
    assert_eq!(process.count(), 2, "kept for the second call");
    assert_eq!(
        std::fs::read(process.beside("stdin")).unwrap(),
        b"",
        "its input is empty"
    );

    // Many calls that find them expired at once ask for new ones once.
    process.gives("good");
    let mut many = process.agent(&gateway.url);
    for _ in 0..20 {
        let params = format!(r#"{{"name":"append_memory","arguments":{ARGUMENTS}}}"#);
        many.send(&request("tools/call", &params));
    }
    let (_, lines, _) = spawn_blocking(|| many.end()).await.unwrap();
    assert!(lines.len() == 20 && lines.iter().all(|line| line.contains("\"isError\":false")));
    assert_eq!(process.count(), 2);

    process.gives("still expired");
    let mut refused = process.agent(&gateway.url);
    let said = spawn_blocking(move || refused.call(ARGUMENTS))
        .await
        .unwrap();
    assert!(said.unwrap_err().contains("ExpiredTokenException"));
    assert_eq!(process.count(), 2, "once again and no more");
}

#[tokio::test]
async fn a_check_shows_who_calls_and_whether_a_call_gets_through() {
    let folder = tempfile::tempdir().unwrap();
    let service = Server::start(folder.path());
    let gateway = Gateway::start(&service.url, &["token/of+a==test"]);
    let moto = Moto::start();
    let check = |environment: &[(&str, &str)]| {
        let mut command = signing(
            &gateway.url,
            &[&CREDENTIALS[..], environment].concat(),
            &["--check"],
        );
        command.env("AWS_ENDPOINT_URL_STS", &moto.endpoint);
        command.output().unwrap()
    };
    let good = check(&[]);
    let lines = text(&good.stdout);
    assert_eq!(good.status.code(), Some(0), "{lines}{}", text(&good.stderr));
    for line in [
        &*format!("endpoint   {}/api/v1/mcp/memory\n", gateway.url),
        "called by  a signature (SigV4)\n",
        "service    execute-api\n",
        "region     eu-central-1\n",
        "identity   arn:aws:sts::123456789012:user/moto (key AKIATEST)\n",
        "request    ok, HTTP 422 in ",
    ] {
        assert!(lines.contains(line), "{lines}");
    }
    assert_eq!(text(&good.stderr), "");
    let bad = check(&[("AWS_SECRET_ACCESS_KEY", "wrong")]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stdout).ends_with("request    failed\n"));
    assert!(
        text(&bad.stderr).contains("Check --service and --region"),
        "{}",
        text(&bad.stderr)
    );
    assert!(stored(folder.path()).is_empty());
}
