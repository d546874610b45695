//! The options of `serve` for callers who send tokens.

use crate::issuer::{Issuer, IssuerSettings};

/// Whose tokens are accepted.
#[derive(Debug, Clone, clap::Args)]
pub struct Jwt {
    /// Accept the tokens of this issuer: callers send them as `Authorization: Bearer`
    #[arg(long, value_name = "URL", requires = "jwt_audience")]
    jwt_issuer: Option<String>,
    /// The audience of the tokens, in `aud`, or in `client_id` if they have no `aud`; may be repeated
    #[arg(long, value_name = "NAME", requires = "jwt_issuer")]
    jwt_audience: Vec<String>,
    /// The keys of the issuer [default: the ones that its metadata names]
    #[arg(long, value_name = "URL", requires = "jwt_issuer")]
    jwt_jwks_url: Option<String>,
}

impl Jwt {
    /// The issuer, if callers send tokens.
    ///
    /// # Errors
    /// What is wrong with the options.
    pub fn issuer(self) -> Result<Option<Issuer>, String> {
        let Self {
            jwt_issuer: Some(url),
            jwt_audience: audiences,
            jwt_jwks_url: jwks_url,
        } = self
        else {
            return Ok(None);
        };
        let settings = IssuerSettings {
            url,
            audiences,
            jwks_url,
        };
        Issuer::new(settings).map(Some)
    }
}
