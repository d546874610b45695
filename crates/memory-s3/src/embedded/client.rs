//! The embedded S3 under the SDK's client, without a socket.

use std::sync::Arc;

use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use http::header::{HOST, HeaderValue};

use super::{Disk, Service};
use crate::aws;

/// A client of the embedded S3 over this disk, with the settings of every client. Nothing listens on
/// a port.
#[must_use]
pub fn client(disk: impl Into<Arc<Disk>>) -> aws_sdk_s3::Client {
    const OWN: &str = "embedded";
    let connector = SharedHttpConnector::new(InProcess(Service::new(disk, OWN, OWN)));
    let http: SharedHttpClient = http_client_fn(move |_, _| connector.clone());
    let credentials = Credentials::new(OWN, OWN, None, None, OWN);
    let sdk = aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://127.0.0.1")
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .build();
    aws::client(&sdk)
}

/// Passes the SDK's requests to the service without a socket.
#[derive(Debug)]
struct InProcess(Service);

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = self.0.clone();
        HttpConnectorFuture::new(async move {
            let mut request = request
                .try_into_http1x()
                .map_err(|error| failed(error.into()))?;
            if let Some(host) = request.uri().authority().map(ToString::to_string) {
                let host = HeaderValue::from_str(&host).map_err(|error| failed(error.into()))?;
                request.headers_mut().insert(HOST, host);
            }
            let request = request.map(s3s::Body::http_body);
            let response = service
                .call(request)
                .await
                .map_err(|error| failed(error.into()))?;
            let response = response.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| failed(error.into()))
        })
    }
}

fn failed(error: s3s::StdError) -> ConnectorError {
    ConnectorError::other(error, None)
}
