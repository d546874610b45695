//! The parts of a write: an empty function of `lambda_http`, and one bare put of the SDK over a
//! connection that is kept. `benches/write.py` measures `bootstrap` against it.
//!
//! The put is the one that the contract demands: it does not overwrite, and S3 checks its SHA-256.
//! Else the function checks nothing, proves nothing and logs nothing.

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .load()
        .await;
    let settings = Builder::from(&sdk).force_path_style(true);
    let client = Client::from_conf(settings.build());
    run(service_fn(move |request| put(client.clone(), request))).await
}

async fn put(client: Client, request: Request) -> Result<Response<String>, Error> {
    let key = request.lambda_context().request_id;
    let body = match request.into_body() {
        Body::Binary(bytes) => ByteStream::from(bytes),
        Body::Text(text) => ByteStream::from(text.into_bytes()),
        Body::Empty | _ => ByteStream::default(),
    };
    let put = client.put_object().bucket("benchmark").key(&key).body(body);
    let put = put.if_none_match("*").content_type("application/json");
    put.checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await?;
    Ok(Response::builder().status(201).body(key)?)
}
