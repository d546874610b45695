//! AWS Signature Version 4 for calls to a deployed service
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>).
//!
//! Credentials are loaded when the first call needs them, kept while they are valid, and loaded again
//! once the endpoint says that they are not. The module must not know what a request means.

use std::time::{Duration, SystemTime};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use axum::http::{HeaderValue, Request, header};
use memory_s3::aws::{self, chain};
use tokio::sync::Mutex;

/// How long before their expiry credentials are renewed: a request must still arrive with them.
const RENEWAL: Duration = Duration::from_secs(60);

/// Signs requests to one service.
#[derive(Debug)]
pub struct Signer {
    /// The name of the service to sign for, such as `execute-api`.
    pub service: String,
    /// Its region; by default that of the SDK's own chain.
    pub region: Option<String>,
    profile: Option<String>,
    kept: Mutex<Option<Identity>>,
}

/// The credentials and the region of a signature.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The SDK's settings that they came from.
    pub sdk: SdkConfig,
    /// The credentials.
    pub credentials: Credentials,
    /// The region to sign for.
    pub region: String,
}

/// Whether these credentials are not to be renewed now.
fn is_valid(credentials: &Credentials, now: SystemTime) -> bool {
    let expiry = credentials.expiry();
    expiry.is_none_or(|expiry| expiry > now + RENEWAL)
}

impl Signer {
    /// A signer for this service. Nothing is loaded before the first signature.
    #[must_use]
    pub fn new(service: String, region: Option<String>, profile: Option<String>) -> Self {
        Self {
            service,
            region,
            profile,
            kept: Mutex::new(None),
        }
    }

    /// The current credentials.
    ///
    /// # Errors
    /// Why there are none, in words.
    pub async fn identity(&self) -> Result<Identity, String> {
        let mut kept = self.kept.lock().await;
        if let Some(identity) = &*kept
            && is_valid(&identity.credentials, SystemTime::now())
        {
            return Ok(identity.clone());
        }
        let identity = self.load_identity().await?;
        Ok(kept.insert(identity).clone())
    }

    /// Forgets these credentials, which the endpoint does not accept any more. Credentials that another
    /// call has loaded since are kept.
    pub async fn forget(&self, credentials: &Credentials) {
        self.kept
            .lock()
            .await
            .take_if(|kept| kept.credentials == *credentials);
    }

    async fn load_identity(&self) -> Result<Identity, String> {
        let mut loader = aws::sdk_loader(aws::Invocations::default());
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let sdk = loader.load().await;
        let region = sdk
            .region()
            .map(ToString::to_string)
            .filter(|region| !region.is_empty())
            .ok_or("No region is known: give the endpoint's region with --region.")?;
        let credentials = aws::credentials(&sdk).await;
        let credentials = credentials.map_err(|error| error.to_string())?;
        Ok(Identity {
            sdk,
            credentials,
            region,
        })
    }

    /// Signs a request with all its header fields.
    ///
    /// # Errors
    /// Why it cannot be signed, in words.
    pub fn sign(
        &self,
        identity: &Identity,
        request: &mut Request<Vec<u8>>,
        now: SystemTime,
    ) -> Result<(), String> {
        let host = request.uri().authority().map(ToString::to_string);
        let host =
            HeaderValue::from_str(&host.unwrap_or_default()).map_err(|error| error.to_string())?;
        request.headers_mut().insert(header::HOST, host);
        let signer = identity.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&signer)
            .region(&identity.region)
            .name(&self.service)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let instructions = {
            let fields = request.headers().iter();
            let fields = fields.map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
            let fields: Vec<_> = fields
                .collect::<Option<_>>()
                .ok_or("a header field is not ASCII")?;
            let signable = SignableRequest::new(
                request.method().as_str(),
                request.uri().to_string(),
                fields.into_iter(),
                SignableBody::Bytes(request.body()),
            )
            .map_err(|error| chain(&error))?;
            sign(signable, &parameters)
                .map_err(|error| chain(&error))?
                .into_parts()
                .0
        };
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(credentials: Credentials) -> Identity {
        Identity {
            sdk: SdkConfig::builder().build(),
            credentials,
            region: "eu-central-1".to_owned(),
        }
    }

    fn credentials(key: &str, expiry: Option<SystemTime>) -> Credentials {
        Credentials::new(key, "secret", Some("token".to_owned()), expiry, "test")
    }

    #[test]
    fn a_signature_covers_the_host_the_token_and_the_users_fields() {
        let signer = Signer::new("execute-api".to_owned(), None, None);
        let mut request = Request::post("https://x.test/memory")
            .header("x-team", "memory")
            .body(b"{}".to_vec())
            .unwrap();
        let identity = identity(credentials("AKIA", None));
        signer
            .sign(&identity, &mut request, SystemTime::UNIX_EPOCH)
            .unwrap();
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert!(
            authorization
                .contains("Credential=AKIA/19700101/eu-central-1/execute-api/aws4_request"),
            "{authorization}"
        );
        assert!(
            authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token;x-team"),
            "{authorization}"
        );
        assert_eq!(request.headers()["x-amz-security-token"], "token");
    }

    #[test]
    fn credentials_are_valid_until_a_minute_before_they_expire() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let is_valid = |expiry| is_valid(&credentials("KEY", expiry), now);
        assert!(is_valid(None));
        for (seconds, valid) in [(0, false), (59, false), (60, false), (61, true)] {
            let expiry = now + Duration::from_secs(seconds);
            assert_eq!(is_valid(Some(expiry)), valid, "{seconds}");
        }
        assert!(!is_valid(Some(now - Duration::from_secs(61))));
    }

    #[tokio::test]
    async fn valid_credentials_are_kept() {
        let signer = Signer::new("execute-api".to_owned(), None, None);
        let kept = credentials("FIRST", None);
        *signer.kept.lock().await = Some(identity(kept.clone()));
        let current = signer.identity().await.unwrap();
        assert_eq!(current.credentials, kept);
    }

    #[tokio::test]
    async fn only_the_credentials_that_were_refused_are_forgotten() {
        let signer = Signer::new("execute-api".to_owned(), None, None);
        let (refused, newer) = (credentials("OLD", None), credentials("NEW", None));
        *signer.kept.lock().await = Some(identity(newer.clone()));
        signer.forget(&refused).await;
        assert!(signer.kept.lock().await.is_some());
        signer.forget(&newer).await;
        assert!(signer.kept.lock().await.is_none());
    }
}
