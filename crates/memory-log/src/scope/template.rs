//! Templates of scopes: how they are spelled, and which names each gives to a caller.
//!
//! A claim that is missing, empty or ambiguous gives no name, and never a wider one. A claim is never
//! read as a template.

use std::error::Error;
use std::fmt;

use percent_encoding::percent_decode_str;

use super::{Claims, Outside};
use crate::memory::{REPOSITORY, hyphenated, name_faults};
use crate::object::encoded;

/// Names in braces that begin so are the gateway's, and not a claim's.
const GATEWAY: &str = "aws:";

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

/// Reads templates that are separated by spaces.
pub(super) fn parse(text: &str) -> Result<Vec<Template>, ScopeError> {
    let words = split(text, ' ').into_iter().filter(|word| !word.is_empty());
    words.map(Template::parse).collect()
}

/// Reads templates that name their scopes, without `*`, and at most this many.
pub(super) fn parse_shared(text: &str, most: usize) -> Result<Vec<Template>, ScopeError> {
    let templates = parse(text)?;
    let words = split(text, ' ').into_iter().filter(|word| !word.is_empty());
    for (number, (template, word)) in templates.iter().zip(words).enumerate() {
        let error = |why| ScopeError {
            template: word.to_owned(),
            why,
        };
        if [&template.domain, &template.entity].contains(&&Part::Every) {
            return Err(error(Why::EveryShared));
        }
        if number == most {
            return Err(error(Why::TooManyShared { most }));
        }
    }
    Ok(templates)
}

/// Whether one of these templates has this domain and this entity for a caller with these claims.
pub(super) fn judge<'a>(
    templates: impl IntoIterator<Item = &'a Template>,
    claims: &Claims,
    domain: &str,
    entity_id: &str,
) -> Result<(), Outside> {
    let has = |names: Option<Vec<String>>, name: &str| {
        names.is_none_or(|names| names.iter().any(|own| own == name))
    };
    let mut of_domain = templates
        .into_iter()
        .filter(|template| has(template.domain.names(claims, false), domain))
        .peekable();
    if of_domain.peek().is_none() {
        return Err(Outside::Domain);
    }
    let in_lower_case = domain == REPOSITORY;
    match of_domain.any(|template| has(template.entity.names(claims, in_lower_case), entity_id)) {
        true => Ok(()),
        false => Err(Outside::Entity),
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

    /// Whether a claim is a part of it.
    pub(super) fn has_claim(&self) -> bool {
        let parts = [&self.domain, &self.entity];
        parts.iter().any(|part| matches!(part, Part::Claim(_)))
    }

    /// Each domain and entity that it names for a caller with these claims; none where it has a `*`.
    pub(super) fn names(&self, claims: &Claims) -> Vec<(String, String)> {
        let domains = self.domain.names(claims, false).unwrap_or_default();
        let pairs = domains.into_iter().flat_map(|domain| {
            let in_lower_case = domain == REPOSITORY;
            let entities = self.entity.names(claims, in_lower_case).unwrap_or_default();
            let pair = move |entity_id| (domain.clone(), entity_id);
            entities.into_iter().map(pair)
        });
        pairs.collect()
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

    /// The names that this part has for a caller with these claims; `None` for every name.
    fn names(&self, claims: &Claims, in_lower_case: bool) -> Option<Vec<String>> {
        let one = |name: &Option<String>| name.iter().cloned().collect();
        Some(match self {
            Self::Every => return None,
            Self::Name(own) => vec![own.clone()],
            Self::Claim(Claim::Token(claim)) => {
                let text = claims.token.get(claim).map(String::as_str);
                names(text.unwrap_or_default(), in_lower_case)
            }
            Self::Claim(Claim::RoleArn) => one(&claims.role_arn),
            Self::Claim(Claim::AccountId) => one(&claims.account_id),
            Self::Claim(Claim::ApiKeyId) => one(&claims.api_key_id),
        })
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
    let is_uuid = |text: &&str| hyphenated(text).is_some();
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
    pub(super) why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    NotTwoParts,
    MixedPart,
    NotAName { spelled: String },
    SessionName,
    UnknownOfGateway,
    EveryShared,
    TooManyShared { most: usize },
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
            Why::EveryShared => f.write_str(
                "a shared scope is read with every search, so it names what it is, without *",
            ),
            Why::TooManyShared { most } => {
                write!(
                    f,
                    "at most {most} shared scopes can be read with every search"
                )
            }
        }
    }
}

impl Error for ScopeError {}
