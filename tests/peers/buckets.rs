//! `serve` and `replay` with a bucket of another S3 (contract 7.1, 7.5).

use serde_json::{Value, json};

use crate::folder::memory;
use crate::moto::Moto;
use crate::process::{Server, text};
use crate::s3_client::on_aws;

const AT: &str = "2026-01-27T03:14:22Z";

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_another_endpoint_is_written_and_replayed() {
    let moto = Moto::start();
    moto.client()
        .await
        .create_bucket()
        .bucket("memories-of-a-test")
        .send()
        .await
        .unwrap();
    // A name and not an address: a bucket's own host name would not resolve.
    let endpoint = moto.endpoint.replace("127.0.0.1", "localhost");
    let with_credentials = || {
        let mut command = on_aws(&endpoint);
        command
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        command
    };
    let mut serve = with_credentials();
    serve.args(["--listen", "127.0.0.1:0", "--bucket", "memories-of-a-test"]);
    let server = Server::spawn(serve);
    // moto returns no checksum, so its 200 proves nothing. Its 412 on the repeat does.
    assert_eq!(
        server
            .post(memory("rob", "one", AT))
            .await
            .unwrap()
            .status(),
        504
    );
    let repeat = server.post(memory("rob", "one", AT)).await.unwrap();
    assert_eq!(
        (
            repeat.status().as_u16(),
            repeat.headers()["idempotent-replayed"].as_bytes()
        ),
        (201, &b"true"[..])
    );
    let replayed = with_credentials()
        .args(["replay", "--bucket", "memories-of-a-test"])
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&replayed.stdout).unwrap();
    assert_eq!(
        (replayed.status.code(), &found["content"]),
        (Some(0), &json!("one"))
    );

    let mut missing = with_credentials();
    missing
        .args(["--listen", "127.0.0.1:0"])
        .env("MEMORY_BUCKET", "no-such-bucket");
    let answer = Server::spawn(missing)
        .post(memory("rob", "one", AT))
        .await
        .unwrap();
    assert_eq!(answer.status(), 500);
    assert!(!text(&answer.bytes().await.unwrap()).contains("no-such-bucket"));
}
