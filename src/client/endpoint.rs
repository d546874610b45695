//! A deployed service as the way into the log and out of it: each call is sent as one POST.
//!
//! A memory is checked here first, and gets a timestamp if it has none. So every repeat of a call
//! is stored only once. Credentials, content and header values are never logged.

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
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use memory_log::memory::{Draft, Memory};
use memory_log::object::Object;
use memory_s3::aws::chain;
use memory_s3::witness::Witness;
use tokio::time::{Instant, sleep, timeout_at};

use super::field;
use super::signer::Signer;
use super::target::{Route, Target};
use super::verdict::{self, CallError, Next};
use crate::clock::Clock;
use crate::tool::{self, ToolOutcome};
use memory_web::caller::{API_KEY, ApiKey, Token};
use memory_web::flat::Flat;
use memory_web::media_type::JSON;
use memory_web::problem::{Problem, Written};

/// Longest wait for a connection. The rest of the time belongs to the call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next call: shorter than the idle time-outs of gateways.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest response that is read: a receipt has a kilobyte, a gateway's error page more.
pub(super) const RESPONSE_BYTES_MAX: usize = 1024 * 1024;
/// Longest pause before the first retry. It doubles with each retry, and the pause is random up to it.
const PAUSE: Duration = Duration::from_millis(250);

const USER_AGENT: &str = concat!("memory-ingress/", env!("CARGO_PKG_VERSION"));

/// What a response means.
type Judge<T> = fn(&Response<Vec<u8>>, SystemTime) -> Result<T, CallError>;

tokio::task_local! {
    static HANDED_ON: HeaderMap;
}

/// Makes a call whose requests have these header fields as well. They name a sender in a trace.
pub async fn handing_on<T>(fields: HeaderMap, call: impl Future<Output = T>) -> T {
    HANDED_ON.scope(fields, call).await
}

/// What a user says about a deployed service.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// Its URL, with or without one of its routes.
    pub url: String,
    /// The service to sign for, instead of the one that the host name shows.
    pub service: Option<String>,
    /// The region to sign for, instead of the one that the host name shows.
    pub region: Option<String>,
    /// The profile of the AWS configuration to sign with.
    pub profile: Option<String>,
    /// The time for a call and its retries.
    pub timeout: Duration,
    /// How often a call is repeated at most.
    pub retries: u32,
    /// Header fields to send, each `NAME=VALUE`.
    pub fields: Vec<String>,
    /// The key to send.
    pub key: Option<ApiKey>,
    /// The token to send, unless a field of the user's is an `Authorization`.
    pub token: Option<Token>,
}

/// A deployed service, and how it is called.
#[derive(Debug)]
pub struct Endpoint {
    /// Where calls are sent.
    pub target: Target,
    /// Signs the calls, if they are signed.
    pub signer: Option<Signer>,
    key: Option<ApiKey>,
    token: Option<Token>,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
    retries: u32,
    clock: Clock,
    connector: Connector,
}

/// How the endpoint recognizes the caller.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proofs = [
            self.signer.is_some().then_some("a signature (SigV4)"),
            self.key.is_some().then_some("the key in MEMORY_API_KEY"),
            self.token.is_some().then_some("the token in MEMORY_TOKEN"),
            is_authorized(&self.headers).then_some("the header authorization"),
        ];
        let proofs: Vec<_> = proofs.into_iter().flatten().collect();
        match proofs.as_slice() {
            [] => f.write_str("nothing: the endpoint is on this machine"),
            _ => f.write_str(&proofs.join(" and ")),
        }
    }
}

fn is_authorized(headers: &[(HeaderName, HeaderValue)]) -> bool {
    headers
        .iter()
        .any(|(name, _)| *name == header::AUTHORIZATION)
}

/// The pause before a retry: what the endpoint asks for, and this part of our own longest pause.
fn pause(least: Duration, retries: u32, part: f64) -> Duration {
    let most = PAUSE * 2_u32.pow(retries);
    least + most.mul_f64(part)
}

impl Endpoint {
    /// The endpoint of these settings. It signs calls unless they carry another proof, or go to this
    /// machine; and where the user names a profile, region or service.
    ///
    /// # Errors
    /// What is wrong with the settings, in words that show no secret.
    pub fn new(settings: EndpointSettings) -> Result<Self, String> {
        let target = Target::parse(&settings.url)
            .map_err(|why| format!("The --url is not accepted: {why}."))?;
        let headers = settings.fields.iter().map(|text| field::parse(text));
        let headers: Vec<_> = headers.collect::<Result<_, _>>()?;
        let is_requested = [&settings.service, &settings.region, &settings.profile]
            .iter()
            .any(|option| option.is_some());
        let token = settings.token.filter(|_| !is_authorized(&headers));
        if token.is_some() && is_requested {
            return Err("A request has either a token or a signature: unset MEMORY_TOKEN, or leave --profile, --region and \
                        --service out."
                .to_owned());
        }
        let has_another_proof =
            settings.key.is_some() || token.is_some() || is_authorized(&headers);
        let is_signed = !is_authorized(&headers)
            && (is_requested || !has_another_proof && !target.is_loopback());
        let signer = is_signed.then(|| {
            let (service, region) = target.inferred.clone().unzip();
            let service = settings.service.or(service.map(str::to_owned));
            Signer::new(
                service.unwrap_or_else(|| "execute-api".to_owned()),
                settings.region.or(region),
                settings.profile,
            )
        });
        Ok(Self {
            connector: connector(&target.url),
            target,
            signer,
            key: settings.key,
            token,
            headers,
            timeout: settings.timeout,
            retries: settings.retries,
            clock: Clock::default(),
        })
    }

    /// The deadline of a call that begins now.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Stores one memory through the endpoint.
    pub async fn append(&self, draft: Draft) -> ToolOutcome {
        let memory = match Memory::new(draft, self.clock.now(SystemTime::now())) {
            Ok(memory) => memory,
            Err(violations) => {
                let problems = Problem::of_violations(&violations, tool::locate);
                return ToolOutcome::refused(&problems);
            }
        };
        let stored = AssertUnwindSafe(self.store(&memory)).catch_unwind().await;
        stored.unwrap_or_else(|_| {
            let what = "This program failed because of a fault of its own.";
            let error = CallError::without_response(what, Written::Unknown, Next::GiveUp);
            ToolOutcome::failed(error.advice(Written::Unknown, memory.timestamp()))
        })
    }

    async fn store(&self, memory: &Memory) -> ToolOutcome {
        let body = tool::body(memory).into_bytes();
        let object = Object::of(memory);
        let receipt_of_this = ToolOutcome::stored(object.memory_id, object.key);
        let stored = self.repeated(|deadline| {
            let (body, receipt_of_this) = (&body, &receipt_of_this);
            Box::pin(async move {
                match self.attempt(body, deadline).await? {
                    receipt if receipt == *receipt_of_this => Ok(receipt),
                    _ => Err(CallError::without_response(
                        "The endpoint sent the receipt of another memory.",
                        Written::Unknown,
                        Next::GiveUp,
                    )),
                }
            })
        });
        stored.await.unwrap_or_else(|(error, written)| {
            ToolOutcome::failed(error.advice(written, memory.timestamp()))
        })
    }

    /// Sends a message with a call of a tool of recall. All of them may be repeated: they read, or a
    /// repeat finds that what it asks for is done.
    pub async fn call(&self, route: Route, message: &[u8]) -> Flat {
        let called = self
            .repeated(|deadline| Box::pin(self.post(route, message, deadline, verdict::result)));
        let called = called.await;
        called.unwrap_or_else(|(error, _)| Flat::failed(error.advice_of_recall()))
    }

    /// Asks which tools a route has. It is asked once.
    ///
    /// # Errors
    /// [`CallError`] if the response does not list them.
    pub async fn tools(&self, route: Route, deadline: Instant) -> Result<Vec<String>, CallError> {
        let question = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        self.post(route, question, deadline, verdict::tools).await
    }

    /// Makes attempts until one succeeds or none may help. An error comes with what is known from the
    /// attempts before it.
    async fn repeated<'a, T>(
        &self,
        attempt: impl Fn(Instant) -> BoxFuture<'a, Result<T, CallError>>,
    ) -> Result<T, (CallError, Written)> {
        let deadline = self.deadline();
        let mut written = Written::NotWritten;
        let mut retries = 0;
        loop {
            let error = match attempt(deadline).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let pause = match error.next {
                Next::Repeat(least) if retries < self.retries => {
                    Some(pause(least, retries, fastrand::f64()))
                }
                Next::Repeat(_) | Next::NewCredentials | Next::GiveUp => None,
            };
            let Some(pause) = pause.filter(|pause| Instant::now() + *pause < deadline) else {
                return Err((error, written));
            };
            retries += 1;
            written = written.max(error.written);
            sleep(pause).await;
        }
    }

    /// Sends a memory and judges the response.
    ///
    /// # Errors
    /// [`CallError`] unless the response is the service's receipt.
    pub async fn attempt(&self, body: &[u8], deadline: Instant) -> Result<ToolOutcome, CallError> {
        self.post(Route::Memory, body, deadline, verdict::judge)
            .await
    }

    /// Sends a request and judges its response; sends it once more if its credentials had expired.
    async fn post<T>(
        &self,
        route: Route,
        body: &[u8],
        deadline: Instant,
        judge: Judge<T>,
    ) -> Result<T, CallError> {
        let (result, credentials) = self.send(route, body, deadline, judge).await;
        match (&result, &self.signer, credentials) {
            (Err(error), Some(signer), Some(credentials)) if error.next == Next::NewCredentials => {
                signer.forget(&credentials).await;
                self.send(route, body, deadline, judge).await.0
            }
            _ => result,
        }
    }

    /// Sends one request and judges its whole response. Also returns the credentials that signed it.
    async fn send<T>(
        &self,
        route: Route,
        body: &[u8],
        deadline: Instant,
        judge: Judge<T>,
    ) -> (Result<T, CallError>, Option<Credentials>) {
        let seconds = self.timeout.as_secs();
        let unsent = |what: String| {
            let error = CallError::without_response(what, Written::NotWritten, Next::GiveUp);
            (Err(error), None)
        };
        let (request, credentials) = match timeout_at(deadline, self.request(route, body)).await {
            Ok(Ok(request)) => request,
            Ok(Err(what)) => return unsent(what),
            Err(_) => return unsent(format!("AWS gave no credentials within {seconds} s.")),
        };
        let witness = Witness::default();
        let request = request.map(|body| witness.watch(SdkBody::from(body)));
        let began = Instant::now();
        let exchanged = exchange(&self.connector, request, RESPONSE_BYTES_MAX);
        let response = timeout_at(deadline, exchanged).await;
        let (path, ms) = (self.target.at(route).path(), began.elapsed().as_millis());
        match &response {
            Ok(Ok(response)) => {
                let status = response.status().as_u16();
                tracing::debug!(path, status, ms, "a request was answered");
            }
            Ok(Err(why)) => tracing::debug!(path, ms, %why, "a request was not answered"),
            Err(_) => tracing::debug!(path, ms, "a request was not answered in time"),
        }
        let lost = |what: String| {
            let written = match witness.give_up() {
                true => Written::NotWritten,
                false => Written::Unknown,
            };
            CallError::without_response(what, written, Next::Repeat(Duration::ZERO))
        };
        let result = match response {
            Ok(Ok(response)) => judge(&response, SystemTime::now()),
            Ok(Err(why)) => Err(lost(why.to_string())),
            Err(_) => Err(lost(format!(
                "The endpoint did not answer within {seconds} s."
            ))),
        };
        (result, credentials)
    }

    /// A request with everything that proves its sender, and the credentials that signed it.
    async fn request(
        &self,
        route: Route,
        body: &[u8],
    ) -> Result<(Request<Vec<u8>>, Option<Credentials>), String> {
        let mut request = Request::post(self.target.at(route).clone())
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
        if let Some(token) = &self.token {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
                .map_err(|_| "MEMORY_TOKEN cannot be sent in a header.")?;
            bearer.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, bearer);
        }
        let mut credentials = None;
        if let Some(signer) = &self.signer {
            let identity = signer.identity().await?;
            signer
                .sign(&identity, &mut request, SystemTime::now())
                .map_err(|why| format!("The request cannot be signed: {why}."))?;
            credentials = Some(identity.credentials);
        }
        // These are not signed, because a proxy may change them.
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static(JSON));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let _ = HANDED_ON.try_with(|fields| headers.extend(fields.clone()));
        Ok((request, credentials))
    }
}

/// Why there is no whole response.
#[derive(Debug)]
pub(super) enum Broken {
    /// What the connection says.
    Connection(String),
    /// The response is longer than it may be.
    TooLong,
}

/// What the user of an endpoint is told.
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(why) => write!(f, "The connection to the endpoint failed: {why}."),
            Self::TooLong => {
                f.write_str("The endpoint's response is longer than any response of the service.")
            }
        }
    }
}

/// Sends one request and reads its whole response, of at most so many bytes.
pub(super) async fn exchange(
    connector: &Connector,
    request: Request<SdkBody>,
    bytes_max: usize,
) -> Result<Response<Vec<u8>>, Broken> {
    let broken = |error: &(dyn Error + 'static)| Broken::Connection(chain(error));
    let request = HttpRequest::try_from(request).map_err(|error| broken(&error))?;
    let response = connector.call(request).await;
    let response = response.map_err(|error| broken(&error))?;
    let response = response.try_into_http1x().map_err(|error| broken(&error))?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, bytes_max).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => Broken::TooLong,
        false => broken(&*error),
    })?;
    Ok(Response::from_parts(head, body.to_bytes().to_vec()))
}

/// A connector, which follows no redirects: HTTPS by ring as everywhere here, through
/// a proxy if the environment names one; plain HTTP on this machine.
pub(super) fn connector(url: &Uri) -> Connector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .pool_idle_timeout(IDLE_TIMEOUT);
    if url.scheme() == Some(&Scheme::HTTP) {
        return connector.proxy_config(ProxyConfig::disabled()).build_http();
    }
    connector
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build()
}

#[cfg(test)]
mod tests;
