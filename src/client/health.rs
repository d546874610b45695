//! Whether a service is up: one `GET /health`, for a container's health check and for scripts.
//!
//! It sends no key and no signature, because the route needs none. The module must not print.

use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use axum::http::{Request, StatusCode, header};
use tokio::time::timeout;

use super::endpoint::{RESPONSE_BYTES_MAX, connector, exchange};
use super::target::{Route, Target};
use memory_web::media_type::JSON;

/// Longest wait for the response. The route does not use the storage, so a service that needs longer is
/// not well.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);

/// Asks the service of this URL whether it is up.
///
/// # Errors
/// It is not, in a sentence.
pub async fn ask(target: &Target) -> Result<(), String> {
    let request = Request::get(target.at(Route::Health).clone())
        .header(header::ACCEPT, JSON)
        .body(SdkBody::empty())
        .map_err(|error| format!("The request cannot be made: {error}."))?;
    let connector = connector(&target.url);
    let exchanged = exchange(&connector, request, RESPONSE_BYTES_MAX);
    match timeout(ANSWER_TIME_MAX, exchanged).await {
        Ok(Ok(response)) if response.status() == StatusCode::OK => Ok(()),
        Ok(Ok(response)) => Err(format!(
            "The service answered HTTP {}.",
            response.status().as_u16()
        )),
        Ok(Err(why)) => Err(why.to_string()),
        Err(_) => Err(format!(
            "The service did not answer within {} s.",
            ANSWER_TIME_MAX.as_secs()
        )),
    }
}
