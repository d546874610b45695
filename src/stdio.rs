//! The stdio transport of MCP: one message a line, for one agent (contract 7.3,
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports>).
//!
//! Calls run side by side, and every write that was begun is answered before the process ends. The
//! module must not know where memories are stored.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use memory_web::body::BODY_BYTES_MAX;
use memory_web::flat::Flat;
use memory_web::mcp::{self, Response, Sender, Step, Toolset};
use memory_web::problem::Problem;
use memory_web::record::{Outcome, Record, STATE_BYTES_MAX, TRACEPARENT, TRACESTATE, Trace};

/// Longest line that is read to its end, so that the response to a message over the limit can have
/// its id.
const LINE_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;
/// Calls in flight. More calls wait for their turn.
const CALLS_AT_ONCE: usize = 64;
/// Messages without a response yet. An agent waits for its responses, so more are a mistake, and
/// stdin is not read any faster.
const MESSAGES_AT_ONCE: usize = 1024;

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every call in flight was answered.
    Finished,
    /// A second signal ended it before that.
    Interrupted,
}

/// Serves one agent with these tools until stdin ends or a signal arrives; `call` makes one call, and is
/// told which header fields name its sender in a trace.
///
/// # Errors
/// Stdin cannot be read, or signals cannot be received.
pub async fn serve<T, C, F>(tools: Toolset<T>, call: C) -> io::Result<Ended>
where
    T: Send + 'static,
    C: Fn(T, Record, HeaderMap) -> F + Send + Sync + 'static,
    F: Future<Output = Flat> + Send,
{
    let call = Arc::new(call);
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let mut lines = lines()?;
    let (responses, mut written) = writer();
    let free = Arc::new(Semaphore::new(CALLS_AT_ONCE));
    let mut tasks = JoinSet::new();
    let ended = loop {
        let line = tokio::select! {
            _ = interrupt.recv() => break Ok(()),
            _ = terminate.recv() => break Ok(()),
            Some(_) = tasks.join_next() => continue,
            line = lines.recv(), if tasks.len() < MESSAGES_AT_ONCE => line,
        };
        let step = match line {
            None => break Ok(()),
            Some(Err(error)) => {
                let what = format!("stdin cannot be read ({error})");
                break Err(io::Error::new(error.kind(), what));
            }
            Some(Ok(Line::Whole(message))) => {
                let sender = sender(&message);
                let record = Record::of_stdio(&sender);
                record.fill(|members| members.bytes_in = Some(message.len()));
                step(&tools, &message).map(|step| (step, record, sender))
            }
            Some(Ok(Line::TooLong)) => {
                let problem = Problem::too_large(BODY_BYTES_MAX);
                let step = Step::Respond(Response::to_unread(&[problem]));
                let nobody = HeaderMap::new();
                Some((step, Record::of_stdio(&nobody), nobody))
            }
        };
        let (call, responses) = (Arc::clone(&call), responses.clone());
        let free = Arc::clone(&free);
        tasks.spawn(async move {
            let response = match step {
                None => return,
                Some((Step::Respond(response), record, _)) => {
                    record.responded(&response);
                    response
                }
                Some((Step::Call(made, reply), record, sender)) => {
                    let _turn = free.acquire().await;
                    record.fill(|members| members.tool = reply.tool());
                    let result = call(made, record.clone(), record.handed_on(sender)).await;
                    record.ended(match result.is_error() {
                        true => Outcome::Failed,
                        false => Outcome::Answered,
                    });
                    reply.result_of_call(&result)
                }
            };
            // An agent that has gone needs no response; its writes still finish.
            let _ = responses.send(response).await;
        });
    };
    drop(responses);
    // A second signal means: do not wait for the writes in flight.
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} let _ = (&mut written).await; } => {
            ended.map(|()| Ended::Finished)
        }
        _ = interrupt.recv() => Ok(Ended::Interrupted),
        _ = terminate.recv() => Ok(Ended::Interrupted),
    }
}

/// Writes each response on a line of its own, in a thread that the process does not have to wait for.
/// The receiver hears when the last one is written.
fn writer() -> (mpsc::Sender<Response>, oneshot::Receiver<()>) {
    let (sender, mut responses) = mpsc::channel::<Response>(1);
    let (done, written) = oneshot::channel();
    std::thread::spawn(move || {
        while let Some(response) = responses.blocking_recv() {
            let Some(mut line) = response.message else {
                continue;
            };
            line.push('\n');
            let mut out = io::stdout().lock();
            match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    tracing::warn!(%error, "a response could not be written");
                }
                Ok(()) | Err(_) => {}
            }
        }
        let _ = done.send(());
    });
    (sender, written)
}

/// What to do after a line; nothing if it is blank.
fn step<T>(tools: &Toolset<T>, line: &[u8]) -> Option<Step<T>> {
    let message = line.trim_ascii();
    if message.is_empty() {
        return None;
    }
    Some(match mcp::dispatch(tools, Sender::Any, None, message) {
        Step::Call(_, reply) if message.len() > BODY_BYTES_MAX => {
            let problem = Problem::too_large(BODY_BYTES_MAX);
            Step::Respond(reply.refuse_call(&[problem]))
        }
        step @ (Step::Call(..) | Step::Respond(_)) => step,
    })
}

/// The header fields that a message has in its `_meta`, and that name its sender in a trace
/// (<https://modelcontextprotocol.io/specification/2026-07-28/basic>).
fn sender(message: &[u8]) -> HeaderMap {
    #[derive(Deserialize)]
    struct Message {
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "_meta")]
        meta: Meta,
    }
    /// A wrong state does not concern the parent, so both may be anything.
    #[derive(Deserialize)]
    struct Meta {
        traceparent: Value,
        #[serde(default)]
        tracestate: Value,
    }
    let mut headers = HeaderMap::new();
    let Ok(Message { params }) = serde_json::from_slice(message) else {
        return headers;
    };
    let Meta {
        traceparent,
        tracestate,
    } = &params.meta;
    for (name, value) in [(TRACEPARENT, traceparent), (TRACESTATE, tracestate)] {
        let value = value
            .as_str()
            .filter(|value| value.len() <= STATE_BYTES_MAX);
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            headers.insert(name, value);
        }
    }
    if Trace::of(&headers).trace_id.is_none() {
        headers.clear();
    }
    headers
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// The lines of stdin, read by a thread that the process does not have to wait for.
fn lines() -> io::Result<mpsc::Receiver<io::Result<Line>>> {
    let mut input = BufReader::new(own_input()?);
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        while let Some(line) = next_line(&mut input).transpose() {
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Stdin for this process only. A program of the user's that provides credentials inherits an empty
/// stdin; otherwise it would read the agent's messages, and wait for their end.
fn own_input() -> io::Result<File> {
    let own = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(own.into())
}

fn next_line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    if input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() < LINE_BYTES_MAX || line.ends_with(b"\n") {
        return Ok(Some(Line::Whole(line)));
    }
    input.skip_until(b'\n')?;
    Ok(Some(Line::TooLong))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::toolset;

    #[test]
    fn a_line_over_the_limit_is_skipped_and_the_next_is_read() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let mut input = io::Cursor::new(format!("first\n{long}\nlast"));
        let mut read = || next_line(&mut input).unwrap();
        assert!(matches!(read(), Some(Line::Whole(line)) if line == b"first\n"));
        assert!(matches!(read(), Some(Line::TooLong)));
        assert!(matches!(read(), Some(Line::Whole(line)) if line == b"last"));
        assert!(read().is_none());
    }

    #[test]
    fn a_message_names_its_sender_only_in_the_form_of_a_header() {
        const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let sender = |meta: &str| {
            let message = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{{}},"_meta":{meta}}}}}"#
            );
            sender(message.as_bytes())
        };
        let found = sender(&format!(
            r#"{{"traceparent":"{PARENT}","tracestate":"a=b","progressToken":1}}"#
        ));
        assert_eq!(
            (
                found["traceparent"].as_bytes(),
                found["tracestate"].as_bytes()
            ),
            (PARENT.as_bytes(), &b"a=b"[..])
        );
        let long = "x".repeat(STATE_BYTES_MAX);
        let found = sender(&format!(
            r#"{{"traceparent":"{PARENT}","tracestate":"a={long}"}}"#
        ));
        assert_eq!(found.len(), 1, "a state that is too long");
        for state in [r#"{"a":["b"]}"#, "7", "null", r#""\n""#] {
            let found = sender(&format!(
                r#"{{"tracestate":{state},"traceparent":"{PARENT}"}}"#
            ));
            assert_eq!(found.len(), 1, "a wrong state does not concern the parent");
        }
        let escaped = PARENT.replace('-', r"\u002d");
        let found = sender(&format!(
            r#"{{"traceparent":"{escaped}","tracestate":"a=b\/c"}}"#
        ));
        assert_eq!(found["traceparent"].as_bytes(), PARENT.as_bytes());
        assert_eq!(found["tracestate"].as_bytes(), b"a=b/c");
        for meta in [
            "{}".to_owned(),
            "null".to_owned(),
            r#"{"traceparent":null}"#.to_owned(),
            r#"{"tracestate":"a=b"}"#.to_owned(),
            format!(
                r#"{{"traceparent":"{PARENT}
"}}"#
            ),
            format!(r#"{{"traceparent":"{PARENT}-more","tracestate":"a=b"}}"#),
            format!(r#"{{"traceparent":["{PARENT}"]}}"#),
        ] {
            assert!(sender(&meta).is_empty(), "{meta}");
        }
    }

    #[test]
    fn a_blank_line_is_not_a_message() {
        assert!(step(&toolset(), b" \t\r\n").is_none());
        assert!(matches!(step(&toolset(), b"{}"), Some(Step::Respond(_))));
    }

    #[test]
    fn a_call_has_the_limit_of_a_body() {
        let call = |content: usize| {
            let content = "x".repeat(content);
            let arguments = format!(r#"{{"entity_id":"a","domain":"b","content":"{content}"}}"#);
            let call = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"append_memory","arguments":{arguments}}}}}"#
            );
            (call.len(), step(&toolset(), call.as_bytes()))
        };
        let (rest, _) = call(0);
        let (length, at_the_limit) = call(BODY_BYTES_MAX - rest);
        assert_eq!(length, BODY_BYTES_MAX);
        assert!(matches!(at_the_limit, Some(Step::Call(..))));
        let (_, over) = call(BODY_BYTES_MAX - rest + 1);
        let Some(Step::Respond(refused)) = over else {
            panic!("it is over the limit");
        };
        let logged = (refused.status, refused.tool, &*refused.codes);
        assert_eq!(logged, (200, Some("append_memory"), &["too_large"][..]));
    }
}
