//! The AWS Lambda function of recall: its routes behind API Gateway or a function URL.

use std::sync::Arc;

use axum::Router;
use memory_recall::access::Access;
use memory_recall::endpoints::{MESSAGES, endpoints};
use memory_recall::find::Recall;
use memory_s3::aws::{self, Invocations};
use memory_s3::changer::Changer;
use memory_s3::reader::Reader;
use memory_s3::views::Views;
use memory_web::caller::Callers;
use memory_web::config::{Config, ConfigError};
use memory_web::guard::Guard;
use memory_web::http::router;
use memory_web::lambda;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let invocations = Invocations::default();
    let of_s3 = invocations.clone();
    let begin = move |deadline| invocations.begin(deadline);
    lambda::run(MESSAGES, begin, |config, bucket| {
        start(config, bucket, of_s3)
    })
    .await
}

async fn start(
    config: Config,
    bucket: String,
    invocations: Invocations,
) -> Result<Router, ConfigError> {
    let sdk = aws::sdk_loader(invocations).load().await;
    let client = aws::s3_client(&sdk, config.s3_endpoint.as_deref());
    let client = client.map_err(|error| ConfigError(vec![error.to_string()]))?;
    let may_change = config.may_change();
    let reader = Reader::new(client.clone(), bucket.clone()).with_retries();
    let views = config.views_bucket;
    let views = views.map(|bucket| Views::new(client.clone(), bucket));
    let recall = Recall::new(reader.clone()).with_views(views);
    let access = Access::new(recall, config.read_scopes, config.stewards);
    // Whether a change reaches this function is the gateway's decision, and whether its event may be put
    // is IAM's.
    let access = match may_change {
        true => {
            let changer = Changer::new(client, bucket);
            access.with_changes(reader, changer, config.write_scopes)
        }
        false => {
            let why = "MEMORY_SHARED_SCOPES is set and MEMORY_WRITE_SCOPES is not";
            tracing::warn!(why, "no status can be changed");
            access
        }
    };
    let access = Arc::new(access);
    let guard = Guard {
        callers: Callers::Gateway,
        allowed_origins: config.allowed_origins,
    };
    Ok(router(endpoints(&access), guard))
}
