//! The embedded S3 behaves as S3 does (contract 1.2, 7.7).

use aws_sdk_s3::Client;
use memory_s3::embedded::{self, BUCKET, Disk, VIEWS_BUCKET};
use tempfile::TempDir;

use crate::s3_suite::{LOG, Target, VIEWS, run};

fn embedded() -> (Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    (embedded::client(disk), folder)
}

#[tokio::test]
async fn the_embedded_s3_conducts_itself_as_s3() {
    let (client, _folder) = embedded();
    // It is stricter: it says that the bytes are others (`damaged_object.rs`).
    let other = ["other_bytes_for_a_taken_key_are_412"];
    run(LOG, &Target::new(client, BUCKET), &other).await;
}

#[tokio::test]
async fn the_embedded_s3_replaces_views_as_s3_does() {
    let (client, _folder) = embedded();
    run(VIEWS, &Target::new(client, VIEWS_BUCKET), &[]).await;
}
