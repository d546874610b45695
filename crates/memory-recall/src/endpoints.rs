//! The endpoints of recall: search, list, one memory, its status, and the tools of agents
//! (contract 8.2, 9.1).
//!
//! The checks before them are [`memory_web::http`]'s. The module must not know S3.

use std::fmt::Write;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use memory_log::event::Status;
use memory_web::body::declared_type;
use memory_web::http::{
    Called, Endpoint, Exchange, Handled, IDEMPOTENT_REPLAYED, Kind, MEMORIES, RequestError,
    messages, of_type,
};
use memory_web::media_type::Representation;
use memory_web::problem::Code;

use crate::access::{Access, ChangeQuestion, not_found};
use crate::change::precondition::{IfMatch, is_any, tags};
use crate::change::{Did, Receipt};
use crate::counted::Counted;
use crate::documents;
use crate::find::memory_id;
use crate::question::{self, AFTER};
use crate::tools::{self, Call};

const SEARCH: &[&str] = &[
    "/api/v1/mcp/memory/search",
    "/api/v1/mcp/memories/search",
    "/memory/search",
    "/memories/search",
];
const ONE: &[&str] = &[
    "/api/v1/mcp/memory/{id}",
    "/api/v1/mcp/memories/{id}",
    "/memory/{id}",
    "/memories/{id}",
];
/// Where messages of MCP are sent: the last two are for agents that may also forget.
pub const MESSAGES: &[&str] = &[
    "/api/v1/mcp/recall",
    "/mcp/recall",
    "/api/v1/mcp/recall/changes",
    "/mcp/recall/changes",
];
const MCP: &[&str] = MESSAGES.split_at(2).0;
const MCP_CHANGES: &[&str] = MESSAGES.split_at(2).1;
const HEALTH: &[&str] = &["/api/v1/mcp/recall/health", "/mcp/recall/health"];
const READ: &str = "GET, HEAD";

/// The version of the representations. It is part of the entity tag, because a client must not keep the
/// form of another version.
const FORMAT: u8 = 1;
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// A memory's status may change at any time, and only its reader may keep it.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Every endpoint of recall.
#[must_use]
pub fn endpoints(access: &Arc<Access>) -> Vec<Endpoint> {
    let mut endpoints = of_documents(access);
    let access = Arc::clone(access);
    let changes = access.changes();
    let mut agents = vec![(MCP, tools::toolset(tools::reading()))];
    if changes {
        agents.push((MCP_CHANGES, tools::toolset(tools::all())));
    }
    for (paths, tools) in agents {
        let access = Arc::clone(&access);
        endpoints.push(messages(
            Kind::RecallMessage,
            paths,
            tools,
            move |call: Call, exchange| {
                let access = Arc::clone(&access);
                Box::pin(async move { call_tool(&access, call, exchange).await })
            },
        ));
    }
    endpoints.push(Endpoint::health(HEALTH, env!("CARGO_PKG_VERSION")));
    endpoints
}

/// The endpoints that answer with documents.
#[must_use]
pub fn of_documents(access: &Arc<Access>) -> Vec<Endpoint> {
    let (searched, listed, got) = (Arc::clone(access), Arc::clone(access), Arc::clone(access));
    let mut endpoints = vec![
        Endpoint::new(Kind::Recall, SEARCH, READ, move |exchange| {
            let access = Arc::clone(&searched);
            Box::pin(async move { search(&access, exchange).await })
        }),
        Endpoint::new(Kind::Recall, MEMORIES, READ, move |exchange| {
            let access = Arc::clone(&listed);
            Box::pin(async move { list(&access, exchange).await })
        }),
        Endpoint::new(Kind::Recall, ONE, READ, move |exchange| {
            let access = Arc::clone(&got);
            Box::pin(async move { get(&access, exchange).await })
        }),
    ];
    if access.changes() {
        let access = Arc::clone(access);
        endpoints.push(Endpoint::new(
            Kind::Recall,
            ONE,
            "PATCH, DELETE",
            move |exchange| {
                let access = Arc::clone(&access);
                Box::pin(async move { change(&access, exchange).await })
            },
        ));
    }
    endpoints
}

/// Makes a call of a tool.
///
/// # Errors
/// What the caller is told, as the result of the call.
pub async fn call_tool(
    access: &Access,
    call: Call,
    exchange: &mut Exchange,
) -> Result<Called, RequestError> {
    let counted = Counted::of(&exchange.record);
    let asker = counted.asker(exchange.caller(), exchange.deadline);
    let result = tools::run(access, call, asker).await?;
    result.did.noted_in(&exchange.record);
    let mut headers = HeaderMap::new();
    if let tools::Did::Changed(receipt) = &result.did {
        headers.extend(replayed(receipt));
    }
    Ok(Called {
        flat: result.flat,
        headers,
    })
}

async fn search(access: &Access, exchange: &mut Exchange) -> Handled {
    let representation = exchange.style.representation()?;
    let question = question::search(exchange.head.uri.query().unwrap_or_default())?;
    let counted = Counted::of(&exchange.record);
    let asker = counted.asker(exchange.caller(), exchange.deadline);
    let (found, scopes) = access.search(&question, asker).await?;
    tools::read(&exchange.record, &scopes, found.hits.len());
    let body = match representation {
        Representation::JsonApi => documents::found(&found, collection(exchange, Some("/search"))),
        Representation::Json => documents::found_flat(&found),
    };
    Ok(shown(representation, body, NO_STORE))
}

async fn list(access: &Access, exchange: &mut Exchange) -> Handled {
    let representation = exchange.style.representation()?;
    let raw = exchange.head.uri.query().unwrap_or_default();
    let question = question::list(raw)?;
    let counted = Counted::of(&exchange.record);
    let asker = counted.asker(exchange.caller(), exchange.deadline);
    let (mut page, scopes) = access.list(&question, asker).await?;
    let body = match representation {
        Representation::JsonApi => {
            documents::page(&mut page, collection(exchange, None), |cursor| {
                next_link(raw, cursor)
            })
        }
        Representation::Json => documents::page_flat(&mut page),
    };
    tools::read(&exchange.record, &scopes, page.memories.len());
    Ok(shown(representation, body, NO_STORE))
}

async fn get(access: &Access, exchange: &mut Exchange) -> Handled {
    let representation = exchange.style.representation()?;
    let question = question::get(exchange.head.uri.query().unwrap_or_default())?;
    let id = exchange.id.clone().unwrap_or_default();
    let memory_id = memory_id(&id).ok_or_else(not_found)?;
    let counted = Counted::of(&exchange.record);
    let asker = counted.asker(exchange.caller(), exchange.deadline);
    let asked = access.get(&question, memory_id, asker);
    let asked = asked.await.map_err(|error| with_tag(error, representation));
    let ((recalled, past), scopes) = asked?;
    tools::read(&exchange.record, &scopes, 1);
    exchange.record.fill(|members| {
        members.about.memory_id = Some(memory_id);
    });
    let tag = entity_tag(recalled.seq, representation);
    let body = || match representation {
        Representation::JsonApi => {
            documents::one(&recalled, collection(exchange, Some(&id)), past.as_ref())
        }
        Representation::Json => documents::one_flat(&recalled, past.as_ref()),
    };
    let mut response = match has_it(&exchange.head.headers, &tag) {
        true => not_modified(),
        false => shown(representation, body(), ASK_AGAIN),
    };
    response.headers_mut().extend(tag_field(&tag));
    Ok(response)
}

/// Handles a PATCH or a DELETE.
async fn change(access: &Access, exchange: &mut Exchange) -> Handled {
    let is_patch = exchange.head.method == Method::PATCH;
    let body = exchange.body().await?;
    if is_patch || !body.is_empty() {
        declared_type(&exchange.head.headers)?;
    }
    let representation = exchange.style.representation()?;
    let target = question::get(exchange.head.uri.query().unwrap_or_default())?;
    let id = exchange.id.clone().unwrap_or_default();
    let memory_id = memory_id(&id).ok_or_else(not_found)?;
    let (to, others, given) = match is_patch {
        true => {
            let patch = question::patch(&body, memory_id)?;
            (patch.to, patch.others, patch.change)
        }
        false => (Status::Deleted, Vec::new(), question::delete(&body)?),
    };
    let question = ChangeQuestion {
        target: question::placed(target, given.place)?,
        memory_id,
        to,
        reason: given.reason,
        if_match: if_match(&exchange.head.headers),
        others,
    };
    let counted = Counted::of(&exchange.record);
    let asker = counted.asker(exchange.caller(), exchange.deadline);
    let asked = access.change(question, asker);
    let asked = asked.await.map_err(|error| with_tag(error, representation));
    let receipt = asked?;
    tools::changed(&exchange.record, &receipt);
    let body = match representation {
        Representation::JsonApi => {
            let collection = collection(exchange, Some(&id));
            documents::changed(&receipt, is_patch.then_some(collection))
        }
        Representation::Json => documents::changed_flat(&receipt).document().to_owned(),
    };
    let mut response = shown(representation, body, NO_STORE);
    let tag = entity_tag(receipt.seq(), representation);
    response.headers_mut().extend(tag_field(&tag));
    response.headers_mut().extend(replayed(&receipt));
    Ok(response)
}

/// The header field of a request that had been made before.
fn replayed(receipt: &Receipt) -> Option<(HeaderName, HeaderValue)> {
    let field = (IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    (receipt.did == Did::Repeat).then_some(field)
}

/// What the caller has seen: every line of the field together.
fn if_match(headers: &HeaderMap) -> Option<IfMatch> {
    let lines = headers.get_all(header::IF_MATCH).iter();
    let lines: Vec<_> = lines
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    (!lines.is_empty()).then(|| IfMatch::parse(&lines.join(",")))
}

/// The error of a deleted memory, with its entity tag, with which it can be restored.
fn with_tag(mut error: RequestError, representation: Representation) -> RequestError {
    let found = error
        .problems
        .first()
        .filter(|problem| problem.code == Code::Deleted);
    let seq = found.and_then(|problem| problem.found.as_ref()?.seq);
    if let Some(seq) = seq {
        error
            .headers
            .extend(tag_field(&entity_tag(seq, representation)));
    }
    error
}

/// The entity tag of a memory in a form: a memory never changes, and its status changes with its number
/// (RFC 9110, section 8.8.3).
pub(crate) fn entity_tag(seq: u8, representation: Representation) -> String {
    let form = match representation {
        Representation::JsonApi => 'j',
        Representation::Json => 'f',
    };
    format!("\"{seq}-{FORMAT}{form}\"")
}

fn tag_field(tag: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((header::ETAG, HeaderValue::from_str(tag).ok()?))
}

/// Whether the caller has this representation already: by the weak comparison, and any by `*`
/// (RFC 9110, section 13.1.2).
fn has_it(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter();
    let lines: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
    let field = lines.join(",");
    is_any(&field) || tags(&field).any(|(_, given)| given == tag)
}

fn not_modified() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, ASK_AGAIN);
    response
}

fn shown(representation: Representation, body: String, caching: HeaderValue) -> Response {
    let mut response = of_type(StatusCode::OK, representation.media_type(), body);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, caching);
    response
}

/// The collection's path as the caller spelled it, without what comes after it.
fn collection<'e>(exchange: &'e Exchange, after: Option<&str>) -> &'e str {
    let path = exchange.spelled_path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let rest = after.map(|after| after.trim_start_matches('/'));
    let own = rest.and_then(|rest| path.strip_suffix(rest)?.strip_suffix('/'));
    own.unwrap_or(path)
}

/// A reference to the next page: the query of this one with another cursor.
pub(crate) fn next_link(raw: &str, cursor: &str) -> String {
    let is_cursor = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        percent_encoding::percent_decode_str(name).eq(AFTER.bytes())
    };
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    let mut link = String::from("?");
    for pair in pairs.filter(|pair| !is_cursor(pair)) {
        // Writing to a string cannot fail. A URI has no brackets in its query (RFC 3986, section 3.4).
        let _ = write!(link, "{}&", pair.replace('[', "%5B").replace(']', "%5D"));
    }
    link + "page%5Bafter%5D=" + cursor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_has_the_same_query_and_another_cursor() {
        assert_eq!(next_link("", "c"), "?page%5Bafter%5D=c");
        assert_eq!(
            next_link("filter[tags]=a%26b&page[after]=old&sort=timestamp", "c"),
            "?filter%5Btags%5D=a%26b&sort=timestamp&page%5Bafter%5D=c"
        );
        assert_eq!(
            next_link("page%5Bafter%5D=old&&x", "c"),
            "?x&page%5Bafter%5D=c"
        );
    }

    #[test]
    fn a_representation_is_known_by_its_number_its_version_and_its_form() {
        assert_eq!(entity_tag(0, Representation::JsonApi), "\"0-1j\"");
        assert_eq!(entity_tag(12, Representation::Json), "\"12-1f\"");
    }

    #[test]
    fn a_known_tag_matches_whole_and_also_weakly() {
        let has = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(line));
            }
            has_it(&headers, "\"1-1j\"")
        };
        for known in [
            &["\"1-1j\""][..],
            &["W/\"1-1j\""],
            &["*"],
            &["\"0-1j\", \"1-1j\""],
            &["\"x\"", "\"1-1j\""],
            &["\"a,b\",W/\"1-1j\""],
        ] {
            assert!(has(known), "{known:?}");
        }
        for other in [
            &[][..],
            &["1-1j"],
            &["\"1-1f\""],
            &["w/\"1-1j\""],
            &["\"11-1j\""],
            &["\"x,*,y\""],
            &["\"x\", *"],
        ] {
            assert!(!has(other), "{other:?}");
        }
    }
}
