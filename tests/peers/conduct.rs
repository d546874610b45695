//! S3 as others implement it, and a real bucket, behave as S3 does.

use crate::moto::Moto;
use crate::s3_suite::{Conduct, LOG, Target, VIEWS, run};

#[tokio::test]
async fn moto_conducts_itself_as_s3_but_where_it_is_known_to_be_weaker() {
    let moto = Moto::start();
    let client = moto.client().await;
    let bucket = "conduct";
    client.create_bucket().bucket(bucket).send().await.unwrap();
    let weaker = [
        "the_checksum_of_a_put_is_echoed",
        "a_wrong_checksum_is_400_and_stores_nothing",
        "a_malformed_checksum_is_400_and_stores_nothing",
        "a_wrong_secret_is_403_and_stores_nothing",
        "an_unknown_access_key_is_403",
        "an_object_is_read_back_with_its_checksum",
        "a_key_of_1025_bytes_is_400",
        "a_wrong_continuation_token_is_400",
    ];
    run(LOG, &Target::new(client.clone(), bucket), &weaker).await;
    let weaker = ["a_wrong_checksum_of_a_view_is_400_and_replaces_nothing"];
    run(VIEWS, &Target::new(client, bucket), &weaker).await;
}

/// The suite on the bucket that a variable names.
async fn on_a_real_bucket(suite: &[Conduct], variable: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests have settings of their own"
    )]
    let bucket = std::env::var(variable).unwrap_or_else(|_| panic!("set {variable}"));
    let client = memory_s3::aws::client(&memory_s3::aws::sdk_config().await);
    run(suite, &Target::new(client, &bucket), &[]).await;
}

#[tokio::test]
#[ignore = "needs MEMORY_CONDUCT_BUCKET and AWS credentials"]
async fn a_real_bucket_conducts_itself_as_s3() {
    on_a_real_bucket(LOG, "MEMORY_CONDUCT_BUCKET").await;
}

#[tokio::test]
#[ignore = "needs MEMORY_CONDUCT_VIEWS_BUCKET and AWS credentials"]
async fn a_real_bucket_replaces_views_as_s3_does() {
    on_a_real_bucket(VIEWS, "MEMORY_CONDUCT_VIEWS_BUCKET").await;
}
