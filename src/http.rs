//! The endpoints of the ingress: memories from either shape, messages of MCP, and what the service
//! says about itself.
//!
//! The checks before a body counts as a request are [`memory_web::http`]'s. The module must not know
//! AWS or read the environment.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use memory_log::memory::Draft;
use memory_web::body::declared_type;
use memory_web::http::{
    Called, Endpoint, Exchange, Handled, IDEMPOTENT_REPLAYED, Kind, MEMORIES, RequestError,
    messages, of_type,
};
use memory_web::media_type::{JSON, Representation};
use memory_web::query::unsupported_parameters;

use crate::jsonapi;
use crate::remember::{Ingress, Receipt};
use crate::shape::{self, Shape};
use crate::tool::{self, ToolOutcome};

/// The OpenAPI document of the ingress alone. A test compares it with what `openapi` generates from the code.
const OPENAPI: &str = include_str!("../openapi/ingress.json");

/// Where messages of MCP are sent.
pub const MCP: &[&str] = &["/api/v1/mcp", "/mcp"];

/// Every endpoint of the ingress (contract 3.1).
#[must_use]
pub fn endpoints(ingress: Ingress) -> Vec<Endpoint> {
    let ingress = Arc::new(ingress);
    let mut endpoints = of_documents(&ingress, OPENAPI);
    endpoints.push(messages(
        Kind::Message,
        MCP,
        tool::toolset(),
        move |draft, exchange| {
            let ingress = Arc::clone(&ingress);
            Box::pin(async move { append(&ingress, draft, exchange).await })
        },
    ));
    endpoints
}

/// The endpoints of the ingress but for MCP. `openapi` is the document of the whole service.
#[must_use]
pub fn of_documents(ingress: &Arc<Ingress>, openapi: &'static str) -> Vec<Endpoint> {
    let ingress = Arc::clone(ingress);
    vec![
        Endpoint::new(Kind::Document, MEMORIES, "POST", move |exchange| {
            let ingress = Arc::clone(&ingress);
            Box::pin(async move { remember_body(&ingress, exchange).await })
        }),
        Endpoint::health(&["/health"], env!("CARGO_PKG_VERSION")),
        Endpoint::new(Kind::Constant, &["/openapi.json"], "GET, HEAD", move |_| {
            Box::pin(async move { Ok(of_type(StatusCode::OK, JSON, openapi)) })
        }),
    ]
}

async fn remember_body(ingress: &Ingress, exchange: &mut Exchange) -> Handled {
    let body = exchange.body().await?;
    let body_type = declared_type(&exchange.head.headers)?;
    let representation = exchange.style.representation()?;
    let unsupported = unsupported_parameters(exchange.head.uri.query().unwrap_or_default());
    if !unsupported.is_empty() {
        return Err(unsupported.into());
    }
    let (draft, shape) = shape::read(&body, body_type)?;
    let receipt = remember(ingress, draft, shape, exchange).await?;
    Ok(created(&receipt, representation))
}

/// Stores the memory of a call of the tool.
///
/// # Errors
/// What the caller is told, as the result of the call.
pub async fn append(
    ingress: &Ingress,
    draft: Draft,
    exchange: &mut Exchange,
) -> Result<Called, RequestError> {
    let receipt = remember(ingress, draft, Shape::ToolBody, exchange).await?;
    Ok(Called {
        flat: ToolOutcome::of(&receipt).flat(),
        headers: replayed(&receipt),
    })
}

async fn remember(
    ingress: &Ingress,
    draft: Draft,
    shape: Shape,
    exchange: &mut Exchange,
) -> Result<Receipt, RequestError> {
    let remembered = ingress
        .remember(
            draft,
            exchange.caller().claims(),
            exchange.deadline,
            &exchange.record,
        )
        .await;
    remembered.map_err(|error| error.problems(|place| shape.locate(place)).into())
}

/// The response to a memory that is durable.
fn created(receipt: &Receipt, representation: Representation) -> Response {
    let body = match representation {
        Representation::JsonApi => jsonapi::success(receipt),
        Representation::Json => ToolOutcome::of(receipt).flat().document().to_owned(),
    };
    let mut response = of_type(StatusCode::CREATED, representation.media_type(), body);
    response.headers_mut().extend(replayed(receipt));
    response
}

/// The header field that says that the memory was already durable.
fn replayed(receipt: &Receipt) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if receipt.is_replayed() {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    headers
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use memory_log::timestamp::Timestamp;
    use memory_s3::writer::Put;
    use uuid::Uuid;

    use super::*;

    fn receipt(put: Put) -> Receipt {
        Receipt {
            memory_id: Uuid::nil(),
            timestamp: Timestamp::from_unix_micros(0),
            key: "k".to_owned(),
            put,
        }
    }

    fn field<'r>(response: &'r Response, name: &str) -> &'r str {
        let value = response.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    async fn text(response: Response) -> String {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_receipt_is_in_the_representation_that_was_chosen() {
        for (representation, begins) in [
            (Representation::JsonApi, r#"{"jsonapi""#),
            (Representation::Json, r#"{"status":"ok""#),
        ] {
            let response = created(&receipt(Put::Written), representation);
            assert_eq!(response.status(), StatusCode::CREATED);
            assert_eq!(
                field(&response, "content-type"),
                representation.media_type()
            );
            assert_eq!(field(&response, "location"), "");
            assert!(text(response).await.starts_with(begins));
        }
    }

    #[tokio::test]
    async fn only_a_repeat_says_that_it_is_one() {
        let respond = |put| created(&receipt(put), Representation::JsonApi);
        let (first, repeat) = (respond(Put::Written), respond(Put::AlreadyThere));
        assert_eq!(field(&first, "idempotent-replayed"), "");
        assert_eq!(field(&repeat, "idempotent-replayed"), "true");
        assert_eq!(text(first).await, text(repeat).await);
    }
}
