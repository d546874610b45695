//! What a request demands of the embedded S3, by its headers and parameters. What could not be honored
//! as S3 would is refused. The module must not touch the disk.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use s3s::dto::{ETag, ETagCondition, PutObjectInput};
use s3s::{S3Request, S3Result, s3_error};

use super::bucket::Bucket;
use super::disk::Expected;

/// The headers of a put that are honored, as well as those of its transport.
const PUT_HEADERS: &[&str] = &[
    "if-none-match",
    "x-amz-checksum-sha256",
    "x-amz-sdk-checksum-algorithm",
    "content-type",
];
/// The headers of a put of a view.
const VIEW_HEADERS: &[&str] = &[
    "if-match",
    "if-none-match",
    "x-amz-checksum-sha256",
    "x-amz-sdk-checksum-algorithm",
    "content-type",
];
/// Headers of the transport and the signature, which say nothing about the object.
const TRANSPORT_HEADERS: &[&str] = &[
    "content-length",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-user-agent",
];

/// Refuses a header or parameter that S3 would honor and this store does not.
pub(super) fn refuse_unsupported<T>(
    request: &S3Request<T>,
    headers: &[&str],
    params: &[&str],
) -> S3Result<()> {
    let meant_for_s3 = |name: &&str| {
        ["x-amz-", "if-", "content-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || ["range", "cache-control", "expires"].contains(name)
    };
    let honored = |name: &&str| headers.contains(name) || TRANSPORT_HEADERS.contains(name);
    let mut names = request
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(meant_for_s3);
    if let Some(name) = names.find(|name| !honored(name)) {
        return Err(s3_error!(
            NotImplemented,
            "the header {name} is not implemented"
        ));
    }
    let query = request
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty());
    let mut names = query.map(|pair| pair.split('=').next().unwrap_or_default());
    if let Some(name) = names.find(|name| !params.contains(name) && *name != "x-id") {
        return Err(s3_error!(
            NotImplemented,
            "the parameter {name} is not implemented"
        ));
    }
    Ok(())
}

/// What a put expects under its key. As a bucket policy does, a put without a condition is denied.
pub(super) fn expected(bucket: Bucket, request: &S3Request<PutObjectInput>) -> S3Result<Expected> {
    let headers = match bucket {
        Bucket::Log => PUT_HEADERS,
        Bucket::Views => VIEW_HEADERS,
    };
    refuse_unsupported(request, headers, &[])?;
    let input = &request.input;
    let given = input.content_type.as_deref();
    if given.is_some_and(|given| given != bucket.content_type()) {
        return Err(s3_error!(
            NotImplemented,
            "objects of this bucket are stored as {} only",
            bucket.content_type()
        ));
    }
    match (&input.if_match, &input.if_none_match) {
        (None, Some(ETagCondition::Any)) => Ok(Expected::Nothing),
        (Some(ETagCondition::ETag(ETag::Strong(etag))), None) => Ok(Expected::Etag(etag.clone())),
        (None, None) => Err(s3_error!(
            AccessDenied,
            "a put without a condition is denied by the bucket policy"
        )),
        _ => Err(s3_error!(
            NotImplemented,
            "a put takes If-None-Match: * or a strong If-Match, and not both"
        )),
    }
}

/// Compares the SHA-256 that a put declares with that of its body.
pub(super) fn judge_digest(declared: Option<&str>, computed: &[u8]) -> S3Result<()> {
    let Some(declared) = declared else {
        return Ok(());
    };
    let digest = BASE64_STANDARD
        .decode(declared)
        .ok()
        .filter(|digest| digest.len() == computed.len());
    match digest {
        Some(digest) if digest == computed => Ok(()),
        Some(_) => Err(s3_error!(
            BadDigest,
            "The SHA256 you specified did not match what we received."
        )),
        None => Err(s3_error!(
            InvalidRequest,
            "Value for x-amz-checksum-sha256 header is invalid."
        )),
    }
}
