//! moto, an implementation of S3 from the package index of Python. It runs on a free port until it is dropped.

use std::io::{BufRead, BufReader};
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
        let mut process = Command::new(python(&[MOTO]).join("moto_server"))
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
