//! `mcp`: a server of the Model Context Protocol on stdin and stdout, for one agent.
//!
//! A message a line (<https://modelcontextprotocol.io/specification/2026-07-28/basic/transports>).
//! Calls run beside each other, and every write that was begun is answered before the process ends.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::process::ExitCode;
use std::sync::Arc;

use memory_ingress::config::Config;
use memory_ingress::http::REQUEST_TIME_MAX;
use memory_ingress::mcp::{self, Answer, Step};
use memory_ingress::memory::Draft;
use memory_ingress::problem::{BODY_BYTES_MAX, Problem};
use memory_ingress::remember::Ingress;
use memory_ingress::tool::{self, Told};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::{Location, Stop, open, print};

mod check;
mod endpoint;
mod gateway;
mod options;
mod signature;
mod target;

use endpoint::Endpoint;
use options::Remote;

/// Longest line that is read to its end, so that a message over the limit can be answered by its
/// id.
const LINE_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;
/// Calls in flight: more wait for their turn.
const CALLS_AT_ONCE: usize = 64;
/// Messages without an answer: an agent waits for its answers, so more are a mistake, and stdin is
/// read no faster.
const MESSAGES_AT_ONCE: usize = 1024;

const HELP: &str = "\
Without --url memories are written to --data or --bucket directly. With it the same tool is served here, and each call \
is sent to the endpoint as one request: signed with AWS SigV4, or with the key in MEMORY_API_KEY, or with an \
Authorization of your own in --header. To sign beside a key, name --profile, --region or --service. Nothing is asked of \
the network, and no credentials are looked for, before the first call.

Examples:
  memory-ingress mcp --data ~/memories                an agent's memories as files
  memory-ingress mcp --url https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live
  memory-ingress mcp --url https://memory.example.com --region eu-central-1 --profile work
  memory-ingress mcp --check --url https://…          show who you are there, and try a call";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Options {
    #[command(flatten)]
    location: Location,
    #[command(flatten)]
    remote: Remote,
    /// Print who calls which endpoint, send it one request that stores nothing, and end
    #[arg(long, requires = "url")]
    check: bool,
}

pub(crate) async fn run(options: Options, config: Config) -> Result<ExitCode, Stop> {
    let Options {
        location,
        remote,
        check,
    } = options;
    let endpoint = Endpoint::of(remote, config.api_key.clone()).map_err(Stop::Usage)?;
    let destination = match endpoint {
        Some(endpoint) if check => return check::run(&endpoint).await,
        Some(endpoint) => Destination::Endpoint(Box::new(endpoint)),
        None => Destination::Log(Ingress::new(open(location, &config).await?.store)),
    };
    serve(destination).await
}

/// Where calls go.
enum Destination {
    Log(Ingress),
    Endpoint(Box<Endpoint>),
}

impl Destination {
    async fn append(&self, draft: Draft) -> Told {
        match self {
            Self::Endpoint(endpoint) => endpoint.append(draft).await,
            Self::Log(ingress) => {
                let deadline = Instant::now() + REQUEST_TIME_MAX;
                let receipt = ingress.remember(draft, deadline).await;
                receipt
                    .map(|receipt| tool::success(&receipt))
                    .map_err(|failure| {
                        if let Some(why) = failure.log() {
                            tracing::warn!(why, "a memory was not proved to be stored");
                        }
                        tool::failure(&Problem::of(&failure, tool::locate))
                    })
            }
        }
    }
}

async fn serve(destination: Destination) -> Result<ExitCode, Stop> {
    let destination = Arc::new(destination);
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let mut lines = lines()?;
    let (answers, mut written) = writer();
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
            Some(Err(error)) => break Err(Stop::Failed(format!("stdin cannot be read ({error})"))),
            Some(Ok(Line::Whole(message))) => step(&message),
            Some(Ok(Line::TooLong)) => {
                Some(Step::Answer(Answer::to_unread(&[Problem::too_large()])))
            }
        };
        let (destination, answers) = (Arc::clone(&destination), answers.clone());
        let free = Arc::clone(&free);
        tasks.spawn(async move {
            let answer = match step {
                None => return,
                Some(Step::Answer(answer)) => answer,
                Some(Step::Call(draft, reply)) => {
                    let _one_of = free.acquire().await;
                    reply.told(&destination.append(draft).await)
                }
            };
            // An agent that is gone needs no answer; its writes still end.
            let _ = answers.send(answer).await;
        });
    };
    drop(answers);
    // Whoever asks a second time does not want to wait for the writes in flight.
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} let _ = (&mut written).await; } => {
            ended.map(|()| ExitCode::SUCCESS)
        }
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
    }
}

/// Writes each answer on a line of its own, in a thread that the process need not wait for; tells
/// when the last is written.
fn writer() -> (mpsc::Sender<Answer>, oneshot::Receiver<()>) {
    let (sender, mut answers) = mpsc::channel::<Answer>(1);
    let (done, written) = oneshot::channel();
    std::thread::spawn(move || {
        while let Some(answer) = answers.blocking_recv() {
            let Some(mut line) = answer.message else {
                continue;
            };
            line.push('\n');
            if let Err(error) = print(line.as_bytes()) {
                tracing::warn!(%error, "an answer could not be written");
            }
        }
        let _ = done.send(());
    });
    (sender, written)
}

/// What a line comes to; nothing where it is blank.
fn step(line: &[u8]) -> Option<Step> {
    let message = line.trim_ascii();
    if message.is_empty() {
        return None;
    }
    Some(match mcp::dispatch(None, message) {
        Step::Call(_, reply) if message.len() > BODY_BYTES_MAX => {
            Step::Answer(reply.told(&Err(tool::failure(&[Problem::too_large()]))))
        }
        step @ (Step::Call(..) | Step::Answer(_)) => step,
    })
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// The lines of stdin, read by a thread that the process need not wait for.
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

/// Stdin for this process alone: a program of the user's that gives credentials inherits an empty
/// one, else it would read the agent's messages, and wait for their end.
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

    #[test]
    fn a_line_over_the_limit_is_passed_over_and_the_next_is_read() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let mut input = io::Cursor::new(format!("first\n{long}\nlast"));
        let mut read = || next_line(&mut input).unwrap();
        assert!(matches!(read(), Some(Line::Whole(line)) if line == b"first\n"));
        assert!(matches!(read(), Some(Line::TooLong)));
        assert!(matches!(read(), Some(Line::Whole(line)) if line == b"last"));
        assert!(read().is_none());
    }
}
