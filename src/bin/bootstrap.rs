//! The AWS Lambda function: the service's routes behind API Gateway or a function URL. Wiring only.

use axum::Router;
use lambda_http::{lambda_runtime, service_fn};
use memory_ingress::config::{Config, Mistakes};
use memory_ingress::guard::{Callers, Guard};
use memory_ingress::remember::Ingress;
use memory_ingress::store::{self, Store};
use memory_ingress::{http, lambda, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let settings = Config::from_env_with_bucket();
    let filter = settings
        .as_ref()
        .map_or("info", |(config, _)| &config.log_filter);
    telemetry::init(telemetry::Format::Json, filter);
    let router = match start(settings).await {
        Ok(router) => router,
        Err(mistakes) => {
            tracing::error!(%mistakes, "the settings are wrong: every request is answered 500");
            http::router_of_a_service_without_settings()
        }
    };
    lambda_runtime::run(service_fn(move |event| {
        lambda::answer(router.clone(), event)
    }))
    .await
}

async fn start(settings: Result<(Config, String), Mistakes>) -> Result<Router, Mistakes> {
    let (config, bucket) = settings?;
    let sdk = store::sdk_config().await;
    let client = store::aws_client(&sdk, config.s3_endpoint.as_deref());
    let client = client.map_err(|no_region| Mistakes(vec![no_region.to_string()]))?;
    let guard = Guard {
        callers: Callers::Gateway,
        allowed_origins: config.allowed_origins,
    };
    Ok(http::router(
        Ingress::new(Store::new(client, bucket)),
        guard,
    ))
}
