//! The AWS Lambda function: the service's routes behind API Gateway or a function URL. Wiring only.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use lambda_http::{Context, RequestExt};
use memory_ingress::config::{Config, Mistakes};
use memory_ingress::guard::{Callers, Guard};
use memory_ingress::http::{self, Deadline, PlatformRequestId};
use memory_ingress::remember::Ingress;
use memory_ingress::store::{self, Store};
use memory_ingress::telemetry;
use tokio::time::Instant;
use tower::ServiceExt;

/// What of the function's time is left for the answer to travel.
const MARGIN: Duration = Duration::from_millis(500);
/// An emulator may send a deadline of 1970; one that long past is no deadline.
const DEADLINE_AGE_MAX: Duration = Duration::from_secs(60 * 60);

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
    lambda_http::run(tower::service_fn(move |request: lambda_http::Request| {
        invoke(router.clone(), request)
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

async fn invoke(
    router: Router,
    request: lambda_http::Request,
) -> Result<axum::response::Response, std::convert::Infallible> {
    let context = request.lambda_context_ref().cloned();
    let path = without_stage(&request);
    let mut request: Request = request.map(axum::body::Body::new);
    *request.uri_mut() = path;
    if let Some(context) = context {
        if let Some(deadline) = deadline(&context, SystemTime::now()) {
            request.extensions_mut().insert(Deadline(deadline));
        }
        request
            .extensions_mut()
            .insert(PlatformRequestId(context.request_id));
    }
    router.oneshot(request).await
}

/// The URI as the caller's route names it: `lambda_http` puts the stage of a REST API before the
/// path.
fn without_stage(request: &lambda_http::Request) -> Uri {
    let path_and_query = match request.uri().query() {
        Some(query) => format!("{}?{query}", request.raw_http_path()),
        None => request.raw_http_path().to_owned(),
    };
    path_and_query
        .parse()
        .unwrap_or_else(|_| request.uri().clone())
}

/// The function's own deadline less the margin; none where it is no deadline.
fn deadline(context: &Context, now: SystemTime) -> Option<Instant> {
    match context.deadline().duration_since(now) {
        Ok(remaining) => Some(Instant::now() + remaining.saturating_sub(MARGIN)),
        Err(past) if past.duration() > DEADLINE_AGE_MAX => None,
        Err(_) => Some(Instant::now()),
    }
}
