//! The record of one request: filled on its way by whoever knows something, and written once.
//!
//! Copies share the members, and the line is written when the last copy is dropped. So a request whose
//! caller hung up is recorded when its put has ended, with what became of the memory. A record has who,
//! where, how long and with what result. It never has content, metadata, tags, queries, reasons, tokens
//! or keys of an API: no member can hold them. The module must not know what a request does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::http::{HeaderMap, HeaderValue};
use memory_log::steward::Caller;
use memory_trace::span::Span;
use uuid::Uuid;

use crate::mcp::Response;
use crate::problem::{Problem, Severity, Written};
use crate::telemetry;

mod line;
mod metrics;
mod names;
mod object;
mod span;
mod trace;

pub use trace::{STATE_BYTES_MAX, TRACEPARENT, TRACESTATE, Trace};

/// One request, as the log will have it. Copies are of the same request.
#[derive(Debug, Clone)]
pub struct Record(Arc<Open>);

#[derive(Debug)]
struct Open {
    members: Mutex<Members>,
    /// The same request as a span, which ends with the record.
    span: Span,
}

/// The way in that a request took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The server of this process.
    Http,
    /// An event of Lambda.
    Lambda,
    /// The pipe of an agent.
    Stdio,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The memory is durable, and was not there before.
    Stored,
    /// What was asked for had been done before: the memory was durable, or the change made.
    Repeated,
    /// The caller made a mistake, or may not.
    Refused,
    /// The memory, or the change of its status, was certainly not stored.
    NotWritten,
    /// It is not known whether it was stored.
    Unknown,
    /// Memories were read.
    Read,
    /// The status of a memory was changed.
    Changed,
    /// The memory had the status already.
    Unchanged,
    /// The service or its storage failed, and there was nothing to store.
    Failed,
    /// There was a response that is none of these, such as that of a health check.
    Answered,
    /// The caller hung up, and nothing had been begun that could be stored.
    Abandoned,
}

/// Why a request failed, for the log alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Why {
    /// In words, which can have S3's own message.
    pub what: String,
    /// The code of S3's response.
    pub s3_code: Option<String>,
    /// S3's own id of the request that failed.
    pub s3_request_id: Option<String>,
}

impl From<String> for Why {
    fn from(what: String) -> Self {
        Self {
            what,
            ..Self::default()
        }
    }
}

/// The memory that a request is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Its domain.
    pub domain: Option<String>,
    /// Its entity.
    pub entity: Option<String>,
    /// Its id.
    pub memory_id: Option<Uuid>,
    /// The key of the object that the request puts: a memory or an event.
    pub key: Option<String>,
    /// The bytes of this object.
    pub bytes: Option<usize>,
    /// The status that the memory has now.
    pub status: Option<&'static str>,
}

/// What a read looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The prefixes of the scopes, separated by spaces.
    pub scopes: String,
    /// How many memories the response has.
    pub memories: usize,
}

/// The calls to S3 of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "`docs/operations.md` says what each member counts"
)]
pub struct Storage {
    pub time: Option<Duration>,
    pub connecting: Option<Duration>,
    pub request_id: Option<String>,
    pub lists: usize,
    pub keys: usize,
    pub gets: usize,
    pub puts: usize,
    pub view_hits: usize,
    pub view_misses: usize,
    pub views_built: usize,
    /// What was odd, in words.
    pub remarks: Vec<String>,
}

/// The members of a record.
#[derive(Debug)]
#[expect(missing_docs, reason = "`docs/operations.md` says what each member is")]
pub struct Members {
    at: SystemTime,
    begun: Instant,
    is_cold: bool,
    pub surface: Surface,
    pub request_id: String,
    pub trace: Trace,
    pub caller: Option<String>,
    /// The method, if it is a known one.
    pub method: Option<&'static str>,
    /// The template of the path.
    pub route: Option<&'static str>,
    /// Whether its route is open to everybody. Then it counts in no metric: no alarm rests on who is unknown.
    pub is_open: bool,
    pub tool: Option<&'static str>,
    pub status: Option<u16>,
    /// The code of each fault, each once.
    pub codes: Vec<&'static str>,
    severity: Severity,
    pub outcome: Option<Outcome>,
    pub bytes_in: Option<usize>,
    pub about: About,
    pub shown: Option<Shown>,
    pub storage: Storage,
    pub why: Option<Why>,
}

/// Longest name of a caller, in bytes. A `sub` has at most 255 characters of ASCII (`OpenID` Connect Core,
/// section 2), and the ARN of an assumed role fewer than 200.
const CALLER_BYTES_MAX: usize = 256;

impl Record {
    /// Begins the record of a request with these header fields.
    #[must_use]
    pub fn begin(surface: Surface, headers: &HeaderMap) -> Self {
        let mut trace = Trace::of(headers);
        let span = Span::of_request(|| trace.sender(headers));
        trace.trace_id = span.trace_id().or(trace.trace_id);
        let members = Mutex::new(Members::begin(surface, trace));
        Self(Arc::new(Open { members, span }))
    }

    /// The record of a call over the pipe of an agent, with header fields that its message has.
    #[must_use]
    pub fn of_stdio(headers: &HeaderMap) -> Self {
        let record = Self::begin(Surface::Stdio, headers);
        record.fill(|members| members.request_id = Uuid::new_v4().to_string());
        record.called_by(Caller::Local);
        record
    }

    /// Fills some members.
    pub fn fill(&self, fill: impl FnOnce(&mut Members)) {
        fill(&mut self.0.members());
    }

    /// What a request that this one makes says about its sender, in header fields: its span, or else what
    /// these fields of its own sender say.
    #[must_use]
    pub fn handed_on(&self, mut headers: HeaderMap) -> HeaderMap {
        let own = self.0.span.traceparent();
        if let Some(own) = own.and_then(|own| HeaderValue::try_from(own).ok()) {
            headers.insert(TRACEPARENT, own);
        }
        headers
    }

    /// The span of the request.
    #[must_use]
    pub fn span(&self) -> Span {
        self.0.span.clone()
    }

    /// Says who called, once the caller is admitted.
    pub fn called_by(&self, caller: Caller<'_>) {
        let name = caller.name();
        let end = name.floor_char_boundary(CALLER_BYTES_MAX);
        let name = name.get(..end).unwrap_or_default().to_owned();
        self.fill(|members| members.caller = Some(name));
    }

    /// Says which problems the caller is told, what became of the request by them, and for the log alone
    /// why, if that is known.
    pub fn refused(&self, problems: &[Problem], why: Option<Why>) {
        self.fill(|members| {
            members.why = why.or(members.why.take());
            for problem in problems {
                members.add_code(problem.code.name());
            }
            let Some(first) = problems.first() else {
                return;
            };
            members.severity = first.code.severity();
            let outcome = match first.storage.map(|storage| storage.written) {
                Some(Written::NotWritten) => Outcome::NotWritten,
                Some(Written::Unknown) => Outcome::Unknown,
                None if first.code.status() < 500 => Outcome::Refused,
                None => Outcome::Failed,
            };
            members.outcome = Some(outcome);
        });
    }

    /// Says what a message of MCP without a call came to.
    pub fn responded(&self, response: &Response) {
        self.fill(|members| {
            members.tool = response.tool;
            for code in &response.codes {
                members.add_code(code);
            }
        });
        self.ended(match response.codes.is_empty() {
            true => Outcome::Answered,
            false => Outcome::Refused,
        });
    }

    /// Says what became of the request, unless that is known already.
    pub fn ended(&self, outcome: Outcome) {
        self.fill(|members| {
            members.outcome.get_or_insert(outcome);
        });
    }
}

impl Open {
    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    fn begin(surface: Surface, trace: Trace) -> Self {
        static IS_WARM: AtomicBool = AtomicBool::new(false);
        let is_cold = surface == Surface::Lambda && !IS_WARM.swap(true, Ordering::Relaxed);
        Self {
            at: SystemTime::now(),
            begun: Instant::now(),
            is_cold,
            surface,
            request_id: String::new(),
            trace,
            caller: None,
            method: None,
            route: None,
            is_open: false,
            tool: None,
            status: None,
            codes: Vec::new(),
            severity: Severity::Info,
            outcome: None,
            bytes_in: None,
            about: About::default(),
            shown: None,
            storage: Storage::default(),
            why: None,
        }
    }

    fn add_code(&mut self, code: &'static str) {
        if !self.codes.contains(&code) {
            self.codes.push(code);
        }
    }

    fn outcome(&self) -> Outcome {
        self.outcome.unwrap_or(Outcome::Abandoned)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.span.fill(|span| span::fill(span, &self.members()));
        if let Some(log) = telemetry::log() {
            let members = self.members();
            if log.shows(members.severity) {
                let took = members.begun.elapsed();
                telemetry::write(&line::of(&members, took, &log.form, log.hashes_names));
            }
        }
    }
}

#[cfg(test)]
mod tests;
