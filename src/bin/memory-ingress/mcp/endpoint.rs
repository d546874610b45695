//! A deployed service as the way into the log: each call is one memory, sent as one POST.
//!
//! The memory is judged here first, and given a timestamp if it has none, so that whatever is sent
//! again for it is stored once. Credentials, content and header values are never logged.

use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use axum::http::uri::Scheme;
use axum::http::{HeaderName, HeaderValue, Request, Response, header};
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use memory_ingress::accept::JSON;
use memory_ingress::guard::{API_KEY, ApiKey};
use memory_ingress::memory::{Draft, Memory};
use memory_ingress::problem::{Problem, Written};
use memory_ingress::remember::Clock;
use memory_ingress::store::{Witness, chain};
use memory_ingress::tool::{self, Told};
use tokio::time::{Instant, sleep, timeout_at};

use super::gateway::{Attempt, Failed, Next, judge};
use super::options::{Remote, field};
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

const USER_AGENT: &str = concat!("memory-ingress/", env!("CARGO_PKG_VERSION"));

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
        let proofs = [
            self.signature.is_some().then_some("a signature (SigV4)"),
            self.key.is_some().then_some("the key in MEMORY_API_KEY"),
            is_authorized(&self.headers).then_some("the header authorization"),
        ];
        let proofs: Vec<_> = proofs.into_iter().flatten().collect();
        match proofs.as_slice() {
            [] => f.write_str("nothing: the endpoint is this machine's own"),
            _ => f.write_str(&proofs.join(" and ")),
        }
    }
}

fn is_authorized(headers: &[(HeaderName, HeaderValue)]) -> bool {
    headers
        .iter()
        .any(|(name, _)| *name == header::AUTHORIZATION)
}

impl Endpoint {
    /// The endpoint that a command line names, if it names one.
    ///
    /// # Errors
    /// What is wrong with it, in words that show no secret.
    pub(crate) fn of(options: Remote, key: Option<ApiKey>) -> Result<Option<Self>, String> {
        let Some(url) = options.url else {
            return Ok(None);
        };
        let target =
            Target::parse(&url).map_err(|why| format!("The --url is not taken: {why}."))?;
        let headers = options.headers.iter().map(|text| field(text));
        let headers: Vec<_> = headers.collect::<Result<_, _>>()?;
        let is_asked_for = [&options.service, &options.region, &options.profile]
            .iter()
            .any(|option| option.is_some());
        let has_another_proof = key.is_some() || is_authorized(&headers);
        let is_signed = !is_authorized(&headers)
            && (is_asked_for || !has_another_proof && !target.is_loopback());
        let signature = is_signed.then(|| {
            let (service, region) = target.inferred.clone().unzip();
            let service = options.service.or(service.map(str::to_owned));
            Signature::new(
                service.unwrap_or_else(|| "execute-api".to_owned()),
                options.region.or(region),
                options.profile,
            )
        });
        Ok(Some(Self {
            connector: connector(&target),
            target,
            signature,
            key,
            headers,
            timeout: Duration::from_secs(options.timeout),
            retries: options.retries,
            clock: Clock::default(),
        }))
    }

    /// By when a call that begins now is answered.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Stores one memory by the endpoint.
    pub(crate) async fn append(&self, draft: Draft) -> Told {
        let memory = Memory::new(draft, self.clock.now(SystemTime::now()))
            .map_err(|faults| tool::failure(&Problem::of_violations(&faults, tool::locate)))?;
        let stored = AssertUnwindSafe(self.store(&memory)).catch_unwind().await;
        stored.unwrap_or_else(|_| {
            let what = "This program failed, and the fault is its own.";
            let failed = Failed::unheard(what, Written::Unknown, Next::GiveUp);
            Err(tool::failure_in_words(
                failed.told(Written::Unknown, memory.timestamp()),
            ))
        })
    }

    async fn store(&self, memory: &Memory) -> Told {
        let body = tool::body(memory).into_bytes();
        let deadline = self.deadline();
        let mut written = Written::NotWritten;
        let mut retries = 0;
        loop {
            let failed = match self.attempt(&body, deadline).await {
                Attempt::Stored(receipt) => return Ok(receipt),
                Attempt::Failed(failed) => failed,
            };
            let pause = match failed.next {
                Next::Repeat(least) if retries < self.retries => {
                    let most = PAUSE * 2_u32.pow(retries);
                    Some(least + most.mul_f64(fastrand::f64()))
                }
                Next::Repeat(_) | Next::NewCredentials | Next::GiveUp => None,
            };
            let Some(pause) = pause.filter(|pause| Instant::now() + *pause < deadline) else {
                let words = failed.told(written, memory.timestamp());
                return Err(tool::failure_in_words(words));
            };
            retries += 1;
            written = written.max(failed.written);
            sleep(pause).await;
        }
    }

    /// Sends a request and judges its answer; once more where its credentials had expired.
    pub(crate) async fn attempt(&self, body: &[u8], deadline: Instant) -> Attempt {
        let (attempt, credentials) = self.send(body, deadline).await;
        match (&attempt, &self.signature, credentials) {
            (Attempt::Failed(failed), Some(signature), Some(credentials))
                if failed.next == Next::NewCredentials =>
            {
                signature.forget(&credentials).await;
                self.send(body, deadline).await.0
            }
            _ => attempt,
        }
    }

    /// Sends one request, and judges its whole answer; by whose credentials it was signed.
    async fn send(&self, body: &[u8], deadline: Instant) -> (Attempt, Option<Credentials>) {
        let seconds = self.timeout.as_secs();
        let unsent = |what: String| {
            let failed = Failed::unheard(what, Written::NotWritten, Next::GiveUp);
            (Attempt::Failed(failed), None)
        };
        let (request, credentials) = match timeout_at(deadline, self.request(body)).await {
            Ok(Ok(request)) => request,
            Ok(Err(what)) => return unsent(what),
            Err(_) => return unsent(format!("AWS gave no credentials within {seconds} s.")),
        };
        let witness = Witness::default();
        let request = request.map(|body| witness.watch(SdkBody::from(body)));
        let answer = timeout_at(deadline, self.exchange(request)).await;
        let lost = |what: String| {
            let written = match witness.give_up() {
                true => Written::NotWritten,
                false => Written::Unknown,
            };
            Attempt::Failed(Failed::unheard(what, written, Next::Repeat(Duration::ZERO)))
        };
        let attempt = match answer {
            Ok(Ok(answer)) => judge(&answer, SystemTime::now()),
            Ok(Err(what)) => lost(what),
            Err(_) => lost(format!("The endpoint did not answer within {seconds} s.")),
        };
        (attempt, credentials)
    }

    async fn exchange(&self, request: Request<SdkBody>) -> Result<Response<Vec<u8>>, String> {
        let broken = |error: &(dyn Error + 'static)| {
            format!("The connection to the endpoint failed: {}.", chain(error))
        };
        let request = HttpRequest::try_from(request).map_err(|error| broken(&error))?;
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|error| broken(&error))?;
        let answer = answer.try_into_http1x().map_err(|error| broken(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => "The endpoint's answer is longer than any of the service's.".to_owned(),
            false => broken(&*error),
        })?;
        Ok(Response::from_parts(head, body.to_bytes().to_vec()))
    }

    /// A request with all that proves who sends it, and whose credentials signed it.
    async fn request(
        &self,
        body: &[u8],
    ) -> Result<(Request<Vec<u8>>, Option<Credentials>), String> {
        let mut request = Request::post(self.target.url.clone())
            .header(header::CONTENT_TYPE, JSON)
            .body(body.to_vec())
            .map_err(|error| format!("The request cannot be made: {error}."))?;
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        if let Some(key) = &self.key {
            let mut key = HeaderValue::from_str(key.secret())
                .map_err(|_| "MEMORY_API_KEY cannot be sent in a header.")?;
            key.set_sensitive(true);
            request.headers_mut().insert(API_KEY, key);
        }
        let mut credentials = None;
        if let Some(signature) = &self.signature {
            let identity = signature.identity().await?;
            signature
                .sign(&identity, &mut request, SystemTime::now())
                .map_err(|why| format!("The request cannot be signed: {why}."))?;
            credentials = Some(identity.credentials);
        }
        // Not signed: a proxy on the way may change them.
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static(JSON));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        Ok((request, credentials))
    }
}

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
