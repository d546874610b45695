//! Who may write where: templates of scopes, and what was verified about a caller.
//!
//! A scope is a domain and an entity. This judgement is the only maker of a [`WriteScope`]. A claim
//! that is missing, empty or ambiguous gives no scope, and never a wider one. The module must not
//! know how a caller was verified.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::memory::{Memory, name_faults};
use crate::object::{Prefix, encoded};

/// The domain whose entities are UUIDs in lower case, as in the JSON:API envelope.
const REPOSITORY: &str = "repository";
/// Names in braces that begin so are the gateway's, and not a claim's.
const GATEWAY: &str = "aws:";

/// What was verified about a caller. Nothing in it can be set by a header, a query or a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The claims of the verified token, each as the text that the gateway hands over.
    pub token: HashMap<String, String>,
    /// `aws:roleArn`: the ARN of an IAM user, or of an assumed role without its session.
    pub role_arn: Option<String>,
    /// `aws:accountId`: the caller's account.
    pub account_id: Option<String>,
    /// `aws:apiKeyId`: the id of the API key, which is not the key.
    pub api_key_id: Option<String>,
}

/// Where callers may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteScopes {
    /// Everywhere, for everyone who is admitted.
    Everywhere,
    /// Where one of these templates allows it.
    Of(Vec<Template>),
}

/// A domain and an entity, each a name, a claim, or every name: `user/{sub}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    domain: Part,
    entity: Part,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Name(String),
    Claim(Claim),
    Every,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Claim {
    Token(String),
    RoleArn,
    AccountId,
    ApiKeyId,
}

/// The right to write memories of one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteScope {
    prefix: String,
}

impl WriteScope {
    /// Whether the object with this key is one of the entity's memories.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        key.starts_with(&self.prefix)
    }
}

/// The member of a memory that lies outside of a caller's scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// No template has this domain.
    Domain,
    /// A template has the domain, and none with it has this entity.
    Entity,
}

impl WriteScopes {
    /// Reads templates that are separated by spaces.
    ///
    /// # Errors
    /// [`ScopeError`] names the first template that is not accepted.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let words = split(text, ' ').into_iter().filter(|word| !word.is_empty());
        let templates = words.map(Template::parse);
        Ok(Self::Of(templates.collect::<Result<_, _>>()?))
    }

    /// The right to write this memory, if a template gives it to a caller with these claims.
    ///
    /// # Errors
    /// [`Outside`]: the member of the memory that no template allows.
    pub fn permit(&self, claims: &Claims, memory: &Memory) -> Result<WriteScope, Outside> {
        let (domain, entity_id) = (memory.domain(), memory.entity_id());
        if let Self::Of(templates) = self {
            let mut of_domain = templates
                .iter()
                .filter(|template| template.domain.allows(domain, claims, false))
                .peekable();
            if of_domain.peek().is_none() {
                return Err(Outside::Domain);
            }
            let in_lower_case = domain == REPOSITORY;
            if !of_domain.any(|template| template.entity.allows(entity_id, claims, in_lower_case)) {
                return Err(Outside::Entity);
            }
        }
        let prefix = Prefix::Entity { domain, entity_id }.to_string();
        Ok(WriteScope { prefix })
    }
}

/// The pieces of a text between separators. The name of a claim can be a URL, so what is within braces
/// separates nothing.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut is_within = false;
    let separates = |character| {
        match character {
            '{' => is_within = true,
            '}' => is_within = false,
            _ => {}
        }
        !is_within && character == separator
    };
    text.split(separates).collect()
}

impl Template {
    fn parse(text: &str) -> Result<Self, ScopeError> {
        let error = |why| ScopeError {
            template: text.to_owned(),
            why,
        };
        match split(text, '/').as_slice() {
            [domain, entity] => Ok(Self {
                domain: Part::parse(domain).map_err(error)?,
                entity: Part::parse(entity).map_err(error)?,
            }),
            _ => Err(error(Why::NotTwoParts)),
        }
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, Why> {
        if text == "*" {
            return Ok(Self::Every);
        }
        let claim = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'));
        if let Some(name) = claim.filter(|name| !name.contains(['{', '}'])) {
            return Claim::parse(name).map(Self::Claim);
        }
        if text.contains(['{', '}', '*']) {
            return Err(Why::MixedPart);
        }
        let name = percent_decode_str(text).decode_utf8_lossy().into_owned();
        let spelled = encoded(&name).to_string();
        match name_faults(&name).is_empty() && spelled == text {
            true => Ok(Self::Name(name)),
            false => Err(Why::NotAName { spelled }),
        }
    }

    fn allows(&self, name: &str, claims: &Claims, in_lower_case: bool) -> bool {
        match self {
            Self::Every => true,
            Self::Name(own) => own == name,
            Self::Claim(Claim::Token(claim)) => {
                let text = claims.token.get(claim).map(String::as_str);
                let names = names(text.unwrap_or_default(), in_lower_case);
                names.iter().any(|own| own == name)
            }
            Self::Claim(Claim::RoleArn) => claims.role_arn.as_deref() == Some(name),
            Self::Claim(Claim::AccountId) => claims.account_id.as_deref() == Some(name),
            Self::Claim(Claim::ApiKeyId) => claims.api_key_id.as_deref() == Some(name),
        }
    }
}

impl Claim {
    fn parse(name: &str) -> Result<Self, Why> {
        match name.strip_prefix(GATEWAY) {
            None if name.trim() != name || name.is_empty() => Err(Why::MixedPart),
            None => Ok(Self::Token(name.to_owned())),
            Some("roleArn") => Ok(Self::RoleArn),
            Some("accountId") => Ok(Self::AccountId),
            Some("apiKeyId") => Ok(Self::ApiKeyId),
            Some("userArn") => Err(Why::SessionName),
            Some(_) => Err(Why::UnknownOfGateway),
        }
    }
}

/// The names that a claim's text gives: the whole text, or each UUID of a list.
///
/// Gateways flatten a list to `[a b]` or `a,b`, a number can come with an exponent, and what is null
/// with a word for it. Only a list of UUIDs can be told from a text that contains these characters.
fn names(text: &str, in_lower_case: bool) -> Vec<String> {
    let within = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let elements: Vec<_> = match within {
        Some(list) => list.split(' ').collect(),
        None => text.split(',').collect(),
    };
    let is_uuid = |text: &&str| text.len() == 36 && Uuid::try_parse(text).is_ok();
    if elements.iter().all(is_uuid) {
        let spelled = |uuid: &str| match in_lower_case {
            true => uuid.to_ascii_lowercase(),
            false => uuid.to_owned(),
        };
        return elements.into_iter().map(spelled).collect();
    }
    let is_with_exponent = text.contains(['e', 'E']) && text.parse::<f64>().is_ok();
    let is_nothing = matches!(text, "" | "null" | "<nil>");
    match is_nothing || text.contains(['[', '{']) || is_with_exponent {
        true => Vec::new(),
        false => vec![text.to_owned()],
    }
}

/// A template that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeError {
    /// The template.
    pub template: String,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    NotTwoParts,
    MixedPart,
    NotAName { spelled: String },
    SessionName,
    UnknownOfGateway,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the scope {} is not accepted: ", self.template)?;
        match &self.why {
            Why::NotTwoParts => f.write_str("it must be a domain, a slash and an entity"),
            Why::MixedPart => f.write_str(
                "a domain or an entity is a name, or a claim in braces, or *, and nothing with it",
            ),
            Why::NotAName { spelled } => write!(
                f,
                "write a name percent-encoded, as it is in a key, such as {spelled}"
            ),
            Why::SessionName => f.write_str(
                "callers choose the session name in aws:userArn themselves; use aws:roleArn",
            ),
            Why::UnknownOfGateway => {
                f.write_str("the gateway knows aws:roleArn, aws:accountId and aws:apiKeyId")
            }
        }
    }
}

impl Error for ScopeError {}

#[cfg(test)]
mod tests;
