//! AWS Signature Version 4 for calls to a deployed service
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>).
//!
//! Credentials are looked for when the first call needs them, kept while they are good, and looked
//! for again once the endpoint says that they are not.

use std::time::{Duration, SystemTime};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use axum::http::{HeaderValue, Request, header};
use memory_ingress::store;
use tokio::sync::Mutex;

use crate::credentials;

/// How long before their end credentials are renewed: a request must arrive with them.
const RENEWAL: Duration = Duration::from_secs(60);

/// Signs requests for one service.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) service: String,
    /// Where it is; the SDK's own chain tells it otherwise.
    pub(crate) region: Option<String>,
    pub(crate) profile: Option<String>,
    kept: Mutex<Option<Identity>>,
}

/// Who signs, and where.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) sdk: SdkConfig,
    pub(crate) credentials: Credentials,
    pub(crate) region: String,
}

impl Signature {
    pub(crate) fn new(service: String, region: Option<String>, profile: Option<String>) -> Self {
        Self {
            service,
            region,
            profile,
            kept: Mutex::new(None),
        }
    }

    /// Who signs now.
    ///
    /// # Errors
    /// Why nobody does, in words.
    pub(crate) async fn identity(&self) -> Result<Identity, String> {
        let mut kept = self.kept.lock().await;
        let latest = SystemTime::now() + RENEWAL;
        if let Some(identity) = &*kept
            && identity
                .credentials
                .expiry()
                .is_none_or(|expiry| expiry > latest)
        {
            return Ok(identity.clone());
        }
        let identity = self.look_for_identity().await?;
        Ok(kept.insert(identity).clone())
    }

    /// Forgets these credentials, which the endpoint does not take any more; not those that another
    /// call has found since.
    pub(crate) async fn forget(&self, credentials: &Credentials) {
        self.kept
            .lock()
            .await
            .take_if(|kept| kept.credentials == *credentials);
    }

    async fn look_for_identity(&self) -> Result<Identity, String> {
        let mut loader = store::sdk_loader();
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
            .ok_or("No region is known: name the endpoint's with --region.")?;
        let credentials = credentials(&sdk).await?;
        Ok(Identity {
            sdk,
            credentials,
            region,
        })
    }

    /// Signs a request with all the header fields that it has.
    ///
    /// # Errors
    /// What keeps it from being signed, in words.
    pub(crate) fn sign(
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
                .ok_or("a header field is no ASCII")?;
            let signable = SignableRequest::new(
                request.method().as_str(),
                request.uri().to_string(),
                fields.into_iter(),
                SignableBody::Bytes(request.body()),
            )
            .map_err(|error| store::chain(&error))?;
            sign(signable, &parameters)
                .map_err(|error| store::chain(&error))?
                .into_parts()
                .0
        };
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}
