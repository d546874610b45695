//! The AWS Lambda function: the service's routes behind API Gateway or a function URL.

use axum::Router;
use memory_ingress::http::{MCP, endpoints};
use memory_ingress::remember::Ingress;
use memory_s3::aws::{self, Invocations};
use memory_s3::writer::Writer;
use memory_web::caller::Callers;
use memory_web::config::{Config, ConfigError};
use memory_web::guard::Guard;
use memory_web::http::{Endpoint, router};
use memory_web::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let invocations = Invocations::default();
    let of_s3 = invocations.clone();
    let begin = move |deadline| invocations.begin(deadline);
    lambda::run(MCP, begin, |config, bucket| start(config, bucket, of_s3)).await
}

async fn start(
    config: Config,
    bucket: String,
    invocations: Invocations,
) -> Result<Router, ConfigError> {
    let sdk = aws::sdk_loader(invocations).load().await;
    let client = aws::s3_client(&sdk, config.s3_endpoint.as_deref());
    let client = client.map_err(|error| ConfigError(vec![error.to_string()]))?;
    let guard = Guard {
        callers: Callers::Gateway,
        allowed_origins: config.allowed_origins,
    };
    let ingress = Ingress::new(Writer::new(client, bucket), config.write_scopes);
    let mut endpoints = endpoints(ingress);
    endpoints.extend(Endpoint::login(config.login));
    Ok(router(endpoints, guard))
}
