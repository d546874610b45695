//! The tools of a deployed service for an agent here: which there are, and where each call is sent.
//!
//! The service is asked once, before the agent is served. What it has no tool for is not offered, and
//! neither is what this caller may not use: the gateway answers the same question as it would a call.
//! The module must not know what a tool's arguments mean.

use std::sync::Arc;
use std::time::Duration;

use memory_log::memory::Draft;
use memory_recall::tools;
use memory_web::flat::Flat;
use memory_web::mcp::Toolset;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::target::Route;
use super::verdict::CallError;
use crate::{joined, tool};

/// Longest wait for the answer, which keeps the agent waiting: a cold start of a function, and a login.
const ASK_TIME_MAX: Duration = Duration::from_secs(5);

/// A call of one of the tools.
#[derive(Debug)]
pub enum Call {
    /// Store this memory.
    Append(Draft),
    /// Send these arguments to a tool of recall.
    Recall {
        /// Where the tool is.
        route: Route,
        /// Its name.
        name: &'static str,
        /// Its arguments as they were written, which the tool accepts.
        arguments: String,
    },
}

/// The tool that stores memories alone: nothing is asked.
#[must_use]
pub fn write_only() -> Toolset<Call> {
    offered(&[], &[])
}

/// The tools that there are, with the one that stores memories first.
pub async fn toolset(endpoint: &Endpoint) -> Toolset<Call> {
    let (reading, changing) = tokio::join!(
        listed(endpoint, Route::Recall),
        listed(endpoint, Route::Changes)
    );
    offered(&reading, &changing)
}

/// Of the tools that this program knows, those that the routes list.
fn offered(reading: &[String], changing: &[String]) -> Toolset<Call> {
    let route_of = |name: &str| {
        let is_there = |there: &[String]| there.iter().any(|there| there == name);
        match (is_there(reading), is_there(changing)) {
            (true, _) => Some(Route::Recall),
            (false, true) => Some(Route::Changes),
            (false, false) => None,
        }
    };
    let mut tools = vec![tool::tool().map(Call::Append)];
    for known in tools::all() {
        if let Some(route) = route_of(known.name()) {
            tools.push(known.passed_on(move |name, arguments| Call::Recall {
                route,
                name,
                arguments,
            }));
        }
    }
    let instructions = match tools.len() {
        1 => tool::INSTRUCTIONS,
        _ => joined::INSTRUCTIONS,
    };
    Toolset::new(tool::SERVER, instructions, tools)
}

/// The names of the tools at a route; none if they cannot be known in time.
async fn listed(endpoint: &Endpoint, route: Route) -> Vec<String> {
    let deadline = Instant::now() + ASK_TIME_MAX;
    match endpoint.tools(route, deadline).await {
        Ok(names) => names,
        // A service without recall is no news.
        Err(CallError {
            status: Some(404 | 405),
            ..
        }) => Vec::new(),
        Err(error) => {
            let (why, path) = (error.what(), endpoint.target.at(route).path());
            tracing::info!(why, "the tools of {path} are not offered");
            Vec::new()
        }
    }
}

/// Makes a call.
pub async fn call(endpoint: &Arc<Endpoint>, call: Call) -> Flat {
    match call {
        Call::Append(draft) => endpoint.append(draft).await.flat(),
        Call::Recall {
            route,
            name,
            arguments,
        } => {
            let message = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}"#
            );
            endpoint.call(route, message.as_bytes()).await
        }
    }
}
