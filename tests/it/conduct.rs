//! The embedded S3 behaves as S3 does (contract 1.2, 7.7).

use memory_s3::embedded::{self, BUCKET, Disk};

use crate::s3_suite::{Target, run};

#[tokio::test]
async fn the_embedded_s3_conducts_itself_as_s3() {
    let folder = tempfile::tempdir().unwrap();
    let client = embedded::client(Disk::create(folder.path()).unwrap());
    // It is stricter: it says that the bytes are others (`damaged_object.rs`).
    run(
        &Target::new(client, BUCKET),
        &["other_bytes_for_a_taken_key_are_412"],
    )
    .await;
}
