//! A deployed service as the way into the log: each call is one memory, sent as one signed POST.
//!
//! The memory is judged here first, and given a timestamp if it has none, so that whatever is sent
//! again for it is stored once. Credentials, content and header values are never logged.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use axum::body::Bytes;
use axum::http::uri::Scheme;
use axum::http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use memory_ingress::accept::JSON;
use memory_ingress::guard::{API_KEY, ApiKey};
use memory_ingress::memory::{Draft, Memory};
use memory_ingress::problem::Problem;
use memory_ingress::remember::Clock;
use memory_ingress::store::chain;
use memory_ingress::timestamp::Timestamp;
use memory_ingress::tool::{self, Told};
use tokio::time::{Instant, sleep, timeout_at};

use super::gateway::{Attempt, Failed, Known, Next, judge};
use super::signature::Signature;
use super::target::Target;

/// Longest wait for a connection; the rest of the time is the call's.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next call: less than the idle time-outs of gateways.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer that is read: a receipt has a kilobyte, a gateway's page of excuses more.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Longest pause before the first retry; it doubles with each. The pause is random up to that.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Debug, clap::Args)]
pub(crate) struct Remote {
    /// Send memories to this deployed service, by https
    #[arg(long, value_parser = Target::parse, conflicts_with_all = ["data", "bucket"])]
    url: Option<Target>,
    /// Sign for this service [default: what the host tells, else execute-api]
    #[arg(long, value_name = "NAME", requires = "url")]
    service: Option<String>,
    /// Sign for this region [default: what the host tells, else the profile's or `AWS_REGION`]
    #[arg(long, value_name = "NAME", requires = "url")]
    region: Option<String>,
    /// Sign with this profile of the AWS configuration
    #[arg(long, value_name = "NAME", requires = "url")]
    profile: Option<String>,
    /// Seconds for a call and its retries
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=900), requires = "url")]
    timeout: u64,
    /// How often a call is sent again where that may help; it is stored once
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=2), requires = "url")]
    retries: u32,
    /// Send this header field, signed if the request is; may be given again
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = field, requires = "url")]
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Header fields that this program sets itself, or that are the connection's.
const OWN_FIELDS: [HeaderName; 7] = [
    header::ACCEPT,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::CONTENT_ENCODING,
];

fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let at = text.find(['=', ':']).ok_or("write it as NAME=VALUE")?;
    let (name, value) = (text.get(..at), text.get(at + 1..));
    let name: HeaderName = name
        .unwrap_or_default()
        .trim()
        .parse()
        .map_err(|_| "its name is no header field's".to_owned())?;
    if OWN_FIELDS.contains(&name) || name.as_str().starts_with("x-amz-") {
        return Err(format!("{name} is set by this program"));
    }
    let value = value.unwrap_or_default().trim();
    let mut value = HeaderValue::from_str(value)
        .ok()
        .filter(|value| value.to_str().is_ok())
        .ok_or("its value has a character that no header can carry")?;
    // It may be a token.
    value.set_sensitive(true);
    Ok((name, value))
}

/// A deployed service, and how it is called.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) target: Target,
    pub(crate) signature: Option<Signature>,
    key: Option<ApiKey>,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
    retries: u32,
    clock: Clock,
    connector: Connector,
}

/// By what the endpoint knows its caller.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_authorization = self
            .headers
            .iter()
            .any(|(name, _)| *name == header::AUTHORIZATION);
        let proofs = [
            self.signature.is_some().then_some("a signature (SigV4)"),
            self.key.is_some().then_some("the key in MEMORY_API_KEY"),
            has_authorization.then_some("the header authorization"),
        ];
        let proofs: Vec<_> = proofs.into_iter().flatten().collect();
        match proofs.as_slice() {
            [] => f.write_str("nothing: the endpoint is this machine's own"),
            _ => f.write_str(&proofs.join(" and ")),
        }
    }
}

impl Endpoint {
    /// The endpoint that a command line names, if it names one.
    pub(crate) fn of(options: Remote, key: Option<ApiKey>) -> Option<Self> {
        let target = options.url?;
        let has_authorization = options
            .headers
            .iter()
            .any(|(name, _)| *name == header::AUTHORIZATION);
        let is_asked_for = [&options.service, &options.region, &options.profile]
            .iter()
            .any(|option| option.is_some());
        let has_another_proof = key.is_some() || has_authorization;
        let is_signed =
            !has_authorization && (is_asked_for || !has_another_proof && !target.is_loopback());
        let signature = is_signed.then(|| {
            let (service, region) = target.inferred.clone().unzip();
            let service = options.service.or(service.map(str::to_owned));
            Signature::new(
                service.unwrap_or_else(|| "execute-api".to_owned()),
                options.region.or(region),
                options.profile,
            )
        });
        let connector = connector(&target);
        Some(Self {
            target,
            signature,
            key,
            headers: options.headers,
            timeout: Duration::from_secs(options.timeout),
            retries: options.retries,
            clock: Clock::default(),
            connector,
        })
    }

    /// By when a call that begins now is answered.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Stores one memory by the endpoint.
    pub(crate) async fn append(&self, draft: Draft) -> Told {
        let memory = Memory::new(draft, self.clock.now(SystemTime::now()))
            .map_err(|faults| tool::failure(&Problem::of_violations(&faults, tool::locate)))?;
        let body = tool::body(&memory);
        let deadline = self.deadline();
        let mut known = Known::NotWritten;
        let (mut retries, mut has_new_credentials) = (0, false);
        loop {
            let failed = match self.attempt(&body, deadline).await {
                Attempt::Stored(receipt) => return Ok(receipt),
                Attempt::Failed(failed) => failed,
            };
            let pause = match failed.next {
                Next::Repeat(least) if retries < self.retries => {
                    let most = PAUSE * 2_u32.pow(retries);
                    retries += 1;
                    Some(least + most.mul_f64(fastrand::f64()))
                }
                Next::NewCredentials if !has_new_credentials && self.signature.is_some() => {
                    has_new_credentials = true;
                    if let Some(signature) = &self.signature {
                        signature.forget().await;
                    }
                    Some(Duration::ZERO)
                }
                Next::Repeat(_) | Next::NewCredentials | Next::Nothing => None,
            };
            let pause = pause.filter(|pause| Instant::now() + *pause < deadline);
            let Some(pause) = pause else {
                let words = words(&failed, known, memory.timestamp());
                return Err(tool::failure_in_words(words));
            };
            known = known.max(failed.known);
            sleep(pause).await;
        }
    }

    async fn attempt(&self, body: &[u8], deadline: Instant) -> Attempt {
        match self.send(body, deadline).await {
            Ok(answer) => judge(&answer, SystemTime::now()),
            Err(failed) => Attempt::Failed(failed),
        }
    }

    /// Sends one request, and reads its whole answer.
    pub(crate) async fn send(
        &self,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Response<Vec<u8>>, Failed> {
        let seconds = self.timeout.as_secs();
        let unsent = |what: String| Failed {
            next: Next::Nothing,
            ..Failed::unheard(what, Known::NotWritten)
        };
        let request = match timeout_at(deadline, self.request(body)).await {
            Ok(request) => request.map_err(unsent)?,
            Err(_) => {
                return Err(unsent(format!(
                    "AWS credentials were not given within {seconds} s."
                )));
            }
        };
        match timeout_at(deadline, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => {
                let what = format!("The endpoint did not answer within {seconds} s.");
                Err(Failed::unheard(what, Known::Nothing))
            }
        }
    }

    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Failed> {
        // A body is asked for only when a connection stands.
        let is_begun = Arc::new(AtomicBool::new(false));
        let request = request.map({
            let is_begun = Arc::clone(&is_begun);
            move |body| {
                let body = Full::new(Bytes::from(body)).map_frame(move |frame| {
                    is_begun.store(true, Ordering::Release);
                    frame
                });
                SdkBody::from_body_1_x(body)
            }
        });
        let request = HttpRequest::try_from(request).map_err(|error| {
            let what = format!("The request cannot be sent: {error}.");
            Failed::unheard(what, Known::NotWritten)
        })?;
        let lost = |error: &(dyn Error + 'static)| {
            let known = match is_begun.load(Ordering::Acquire) {
                true => Known::Nothing,
                false => Known::NotWritten,
            };
            let what = format!("The connection to the endpoint failed: {}.", chain(error));
            Failed::unheard(what, known)
        };
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|error| lost(&error))?;
        let answer = answer.try_into_http1x().map_err(|error| lost(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| lost(&*error))?;
        Ok(Response::from_parts(head, body.to_bytes().to_vec()))
    }

    async fn request(&self, body: &[u8]) -> Result<Request<Vec<u8>>, String> {
        let mut request = Request::post(self.target.url.clone())
            .header(header::CONTENT_TYPE, JSON)
            .body(body.to_vec())
            .map_err(|error| error.to_string())?;
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        if let Some(key) = &self.key {
            let mut key = HeaderValue::from_str(key.secret())
                .map_err(|_| "MEMORY_API_KEY cannot be sent in a header.")?;
            key.set_sensitive(true);
            request.headers_mut().insert(API_KEY, key);
        }
        if let Some(signature) = &self.signature {
            let identity = signature.identity().await?;
            signature
                .sign(&identity, &mut request, SystemTime::now())
                .map_err(|why| format!("The request cannot be signed: {why}."))?;
        }
        // Not signed: a proxy on the way may change them.
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static(JSON));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        Ok(request)
    }
}

const USER_AGENT: &str = concat!("memory-ingress/", env!("CARGO_PKG_VERSION"));

/// One for the process, which follows no redirect: HTTPS by ring as everywhere here, through a proxy
/// where the environment names one; plain HTTP on this machine.
fn connector(target: &Target) -> Connector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .pool_idle_timeout(IDLE_TIMEOUT);
    if target.url.scheme() == Some(&Scheme::HTTP) {
        return connector.proxy_config(ProxyConfig::disabled()).build_http();
    }
    connector
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build()
}

/// What a model is told of a call that is given up, `earlier` being known from attempts before the
/// last.
fn words(failed: &Failed, earlier: Known, timestamp: Timestamp) -> String {
    let Failed {
        what,
        is_whole,
        known,
        next,
    } = failed;
    if *is_whole && earlier == Known::NotWritten {
        return what.clone();
    }
    let stored = match earlier.max(*known) {
        Known::NotWritten => "The memory was not stored.",
        Known::Nothing => "Whether the memory was stored is not known.",
    };
    let when = match next {
        Next::Repeat(_) => "Repeat",
        Next::NewCredentials | Next::Nothing => "When that is mended, repeat",
    };
    format!(
        "{what} {stored} {when} the same call with \"timestamp\":\"{timestamp}\": however often it is sent, it is \
         stored once."
    )
}
