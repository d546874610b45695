//! An S3 that fails in a named way, in process under the real SDK, before the embedded one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::HttpClient;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use axum::http::Response;
use http_body_util::BodyExt;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;

/// What becomes of one put.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing: it is stored and answered.
    None,
    /// Refused before any of it is read, with this status and document.
    Refused(u16, String),
    /// Read, not stored, and answered with this status and document.
    Answered(u16, String),
    /// Read, not stored, and the connection breaks.
    Dropped,
    /// Stored, and the answer is lost.
    Lost,
    /// Stored, and answered with this status and document.
    StoredAnd(u16, String),
    /// Stored, and its proof has another digest.
    OtherDigest,
    /// Stored, and its proof has no `ETag`.
    NoEtag,
    /// Stored after this time, and then answered.
    Late(Duration),
    /// Stored, and answered after this time.
    AnsweredLate(Duration),
    /// Not even asked for its body, for ever.
    HangsAtOnce,
    /// Read, and not answered for ever.
    HangsAfterIt,
}

/// S3's error document of this code.
pub(crate) fn error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>arn:aws:s3:::secret-bucket</Message>\
         <RequestId>S3REQUEST</RequestId></Error>"
    )
}

/// Says what becomes of a put, by its URL, which has the object's key; so no body need be asked for.
pub(crate) type Choice = Arc<dyn Fn(&str) -> Fault + Send + Sync>;

struct Faulty {
    behind: SharedHttpConnector,
    choice: Choice,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

impl HttpConnector for Faulty {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (behind, choice) = (self.behind.clone(), Arc::clone(&self.choice));
        // A task of its own, as a request on the wire is: its sender may give up, and it still lands.
        let answer = tokio::spawn(async move {
            let fault = choice(request.uri());
            if let Fault::Refused(status, document) = fault {
                return Ok(answer(status, document));
            }
            if matches!(fault, Fault::HangsAtOnce) {
                return std::future::pending().await;
            }
            let body = request.take_body().collect().await;
            let body = body.map_err(ConnectorError::io)?.to_bytes();
            *request.body_mut() = SdkBody::from(body);
            let store = |request| behind.call(request);
            let broken = || ConnectorError::io("the connection broke".into());
            match fault {
                Fault::None => store(request).await,
                Fault::Answered(status, document) => Ok(answer(status, document)),
                Fault::Dropped => Err(broken()),
                Fault::Lost => store(request).await.and(Err(broken())),
                Fault::StoredAnd(status, document) => {
                    store(request).await.map(|_| answer(status, document))
                }
                Fault::OtherDigest => store(request).await.map(|mut stored| {
                    let headers = stored.headers_mut();
                    headers.insert(
                        "x-amz-checksum-sha256",
                        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                    );
                    stored
                }),
                Fault::NoEtag => store(request).await.map(|mut stored| {
                    stored.headers_mut().remove("etag");
                    stored
                }),
                Fault::Late(pause) => {
                    tokio::time::sleep(pause).await;
                    store(request).await
                }
                Fault::AnsweredLate(pause) => {
                    let stored = store(request).await;
                    tokio::time::sleep(pause).await;
                    stored
                }
                Fault::HangsAfterIt => std::future::pending().await,
                Fault::Refused(..) | Fault::HangsAtOnce => unreachable!("they were before"),
            }
        });
        HttpConnectorFuture::new(async move { answer.await.unwrap() })
    }
}

fn answer(status: u16, document: String) -> HttpResponse {
    let answer = Response::builder()
        .status(status)
        .body(SdkBody::from(document));
    HttpResponse::try_from(answer.unwrap()).unwrap()
}

/// A client of an embedded S3 with another connector before it.
pub(crate) fn client_with<C: HttpConnector + 'static>(
    folder: &Path,
    connector: impl Fn(SharedHttpConnector) -> C + Send + Sync + 'static,
) -> Client {
    let client = embedded::client(Disk::create(folder).unwrap());
    let behind = client.config().http_client().unwrap();
    let http = http_client_fn(move |settings, components| {
        SharedHttpConnector::new(connector(behind.http_connector(settings, components)))
    });
    Client::from_conf(client.config().to_builder().http_client(http).build())
}

/// A client of an embedded S3 whose requests fail by choice.
pub(crate) fn faulty_client(folder: &Path, choice: Choice) -> Client {
    client_with(folder, move |behind| Faulty {
        behind,
        choice: Arc::clone(&choice),
    })
}

/// The log in an embedded S3 before which puts fail by choice.
pub(crate) fn faulty_store(folder: &Path, choice: Choice) -> Writer {
    Writer::new(faulty_client(folder, choice), BUCKET)
}
