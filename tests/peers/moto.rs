//! moto, an implementation of S3 from the package index of Python. It runs on a free port until it is dropped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aws_sdk_s3::Client;

use crate::installed::python;
use crate::s3_client::client_of;

pub(crate) const MOTO: &str = "moto[server]==5.2.5";

pub(crate) struct Moto {
    process: Child,
    pub(crate) endpoint: String,
}

impl Moto {
    pub(crate) fn start() -> Self {
        Self::run(Command::new(python(&[MOTO]).join("moto_server")))
    }

    /// A moto that tells the retention of a version, and lists three keys in a page.
    pub(crate) fn with_locks() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/moto_with_locks.py");
        let mut command = Command::new(python(&[MOTO]).join("python"));
        command.arg(script).env("MOTO_S3_DEFAULT_MAX_KEYS", "3");
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let mut process = command
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto_server starts");
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let endpoint = lines.find_map(|line| {
            line.split_once("Running on ")
                .map(|(_, endpoint)| endpoint.to_owned())
        });
        // Its log is read to the end, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            endpoint: endpoint.expect("moto_server says where it runs"),
        }
    }

    pub(crate) async fn client(&self) -> Client {
        client_of(&self.endpoint).await
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
