//! An endpoint of MCP: a message in, a response or the result of a call out.

use std::sync::Arc;

use axum::http::HeaderMap;
use futures_util::future::BoxFuture;

use super::endpoint::Endpoint;
use super::exchange::Exchange;
use super::kind::Kind;
use super::response::{self, Handled, RequestError};
use crate::body::check_message_type;
use crate::flat::Flat;
use crate::mcp::{self, Sender, Step, Toolset};

/// The result of a call.
pub struct Called {
    /// What the tool returns.
    pub flat: Flat,
    /// Header fields of the response that carries it.
    pub headers: HeaderMap,
}

/// The endpoint at these paths for calls of these tools. The failure of a call is a result as well.
pub fn messages<T, C>(
    kind: Kind,
    paths: &'static [&'static str],
    tools: Toolset<T>,
    call: C,
) -> Endpoint
where
    T: Send + 'static,
    C: for<'e> Fn(T, &'e mut Exchange) -> BoxFuture<'e, Result<Called, RequestError>>
        + Send
        + Sync
        + 'static,
{
    let service = Arc::new((tools, call));
    Endpoint::new(kind, paths, "POST", move |exchange| {
        let service = Arc::clone(&service);
        Box::pin(async move {
            let (tools, call) = &*service;
            handle(tools, call, exchange).await
        })
    })
}

/// Handles a message. Its sender may leave the type out, and the response is JSON whatever `Accept`
/// says (contract 5.1).
async fn handle<T, C>(tools: &Toolset<T>, call: &C, exchange: &mut Exchange) -> Handled
where
    C: for<'e> Fn(T, &'e mut Exchange) -> BoxFuture<'e, Result<Called, RequestError>>,
{
    let message = exchange.body().await?;
    check_message_type(&exchange.head.headers)?;
    let sender = match exchange.reader {
        Ok(_) => Sender::Any,
        Err(_) => Sender::ForeignPage,
    };
    let headers = Some(&exchange.head.headers);
    let (made, reply) = match mcp::dispatch(tools, sender, headers, &message) {
        Step::Respond(response) => {
            exchange.record.responded(&response);
            return Ok(response::message(response));
        }
        Step::Call(made, reply) => (made, reply),
    };
    exchange.record.fill(|members| members.tool = reply.tool());
    // The message is not needed while the call waits for the storage.
    drop(message);
    Ok(match call(made, exchange).await {
        Ok(Called { flat, headers }) => {
            let mut response = response::message(reply.result_of_call(&flat));
            response.headers_mut().extend(headers);
            response
        }
        Err(error) => {
            let flat = Flat::failure(&error.problems);
            exchange.failed(error);
            response::message(reply.result_of_call(&flat))
        }
    })
}
