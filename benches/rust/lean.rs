//! The same function as `parts.rs`, but its put is one signed request over hyper, without the SDK.
//! `benches/write.py` measures what the SDK costs by the difference.
//!
//! It has no retries, no error model, no credential chain and no checks, so it is not a proposal.

use std::io::Cursor;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn};
use sha2::{Digest, Sha256};

type Content = Full<Cursor<Vec<u8>>>;
type Https = Client<HttpsConnector<HttpConnector>, Content>;

/// Where and as whom the function writes.
#[derive(Clone)]
struct Bucket {
    client: Https,
    endpoint: String,
    region: String,
    credentials: Credentials,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let https = HttpsConnectorBuilder::new()
        .with_native_roots()?
        .https_or_http()
        .enable_http1()
        .build();
    let bucket = Bucket {
        client: Client::builder(TokioExecutor::new()).build(https),
        endpoint: setting("AWS_ENDPOINT_URL_S3")?,
        region: setting("AWS_REGION")?,
        credentials: Credentials::new(
            setting("AWS_ACCESS_KEY_ID")?,
            setting("AWS_SECRET_ACCESS_KEY")?,
            None,
            None,
            "environment",
        ),
    };
    run(service_fn(move |request| put(bucket.clone(), request))).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark that has no configuration"
)]
fn setting(name: &str) -> Result<String, Error> {
    Ok(std::env::var(name)?)
}

async fn put(bucket: Bucket, request: Request) -> Result<Response<String>, Error> {
    let key = request.lambda_context().request_id;
    let body = match request.into_body() {
        Body::Binary(bytes) => bytes,
        Body::Text(text) => text.into_bytes(),
        Body::Empty | _ => Vec::new(),
    };
    let request = signed(&bucket, &key, body)?;
    let response = bucket.client.request(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    match status.is_success() {
        true => Ok(Response::builder().status(201).body(key)?),
        false => Err(format!("the storage answered {status}").into()),
    }
}

fn signed(bucket: &Bucket, key: &str, body: Vec<u8>) -> Result<http::Request<Content>, Error> {
    let digest: [u8; 32] = Sha256::digest(&body).into();
    let digest = digest.map(|byte| format!("{byte:02x}")).concat();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = bucket.credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&bucket.region)
        .name("s3")
        .time(SystemTime::now())
        .settings(settings)
        .build()?;
    let mut request = http::Request::put(format!("{}/benchmark/{key}", bucket.endpoint))
        .header("content-type", "application/json")
        .body(Full::new(Cursor::new(body)))?;
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new(
        "PUT",
        request.uri().to_string(),
        headers,
        SignableBody::Precomputed(digest),
    )?;
    let (instructions, _) = sign(signable, &params.into())?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}
