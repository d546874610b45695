//! Small documents that this process reads from other servers, such as the keys of an issuer of tokens.
//!
//! A server that hangs, redirects or sends without end must not hold this one. The module must not know
//! what a document says.

use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use axum::http::uri::Scheme;
use axum::http::{Request, StatusCode, Uri, header};
use tokio::time::timeout;

use super::endpoint::{Broken, connector, exchange};
use super::target::is_loopback;
use memory_web::media_type::JSON;

/// Longest time for a document, its connection included: a request waits for it.
const TIME_MAX: Duration = Duration::from_secs(5);
/// Largest document: the keys of an issuer have a few kilobytes, its metadata too.
const BYTES_MAX: usize = 256 * 1024;

/// Reads a URL from which a document may be fetched: by HTTPS, or by HTTP from this machine.
///
/// # Errors
/// What is wrong with it.
pub fn url(text: &str) -> Result<Uri, &'static str> {
    const ABSOLUTE: &str = "it is not an absolute URL such as https://issuer.example.com";
    let url: Uri = text.parse().map_err(|_| ABSOLUTE)?;
    let (Some(scheme), Some(authority)) = (url.scheme(), url.authority()) else {
        return Err(ABSOLUTE);
    };
    if authority.host().is_empty() || authority.as_str().contains('@') {
        return Err("its host is missing, or it carries a name or a password");
    }
    if text.contains('#') {
        return Err("it has a fragment");
    }
    match *scheme == Scheme::HTTPS || *scheme == Scheme::HTTP && is_loopback(authority.host()) {
        true => Ok(url),
        false => Err("it is not https; http is for this machine only"),
    }
}

/// Fetches a document, without following redirects.
///
/// # Errors
/// Why there is none, in words for the log.
pub async fn get(url: &Uri) -> Result<Vec<u8>, String> {
    let late = |_| format!("{url} did not answer within {} s", TIME_MAX.as_secs());
    timeout(TIME_MAX, get_in_any_time(url))
        .await
        .map_err(late)?
}

async fn get_in_any_time(url: &Uri) -> Result<Vec<u8>, String> {
    let request = Request::get(url).header(header::ACCEPT, JSON);
    let request = request.body(SdkBody::empty());
    let request = request.map_err(|error| format!("{url}: {error}"))?;
    let response = exchange(&connector(url), request, BYTES_MAX).await;
    let response = response.map_err(|broken| match broken {
        Broken::Connection(why) => format!("{url}: {why}"),
        Broken::TooLong => format!("{url} sent more than {BYTES_MAX} bytes"),
    })?;
    match response.status() {
        StatusCode::OK => Ok(response.into_body()),
        status => Err(format!("{url} answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_by_https_or_from_this_machine() {
        for text in [
            "https://issuer.example.com",
            "https://issuer.example.com/tenant/?p=policy",
            "http://127.0.0.1:8080/keys",
            "http://localhost/keys",
        ] {
            assert!(url(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "issuer.example.com",
            "/keys",
            "http://issuer.example.com",
            "http://127.0.0.1.evil.test",
            "ftp://issuer.example.com",
            "https://user:password@issuer.example.com",
            "https://issuer.example.com/#keys",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }
}
