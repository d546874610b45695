//! Where a caller may read. A [`ReadScope`] is made here alone, and every read of S3 takes one.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use super::template::{self, ScopeError, Template};
use super::{Claims, Outside};
use crate::memory::name_faults;
use crate::object::{KeyClaim, Prefix};

/// The right to read the memories of one entity, and their events. The command line alone has wider
/// ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadScope {
    domain: Option<String>,
    entity_id: Option<String>,
    memories: String,
    events: String,
}

impl ReadScope {
    fn of(prefix: Prefix<'_>) -> Self {
        let (domain, entity_id) = match prefix {
            Prefix::All => (None, None),
            Prefix::Domain(domain) => (Some(domain), None),
            Prefix::Entity { domain, entity_id } => (Some(domain), Some(entity_id)),
        };
        Self {
            domain: domain.map(str::to_owned),
            entity_id: entity_id.map(str::to_owned),
            memories: prefix.of_memories(),
            events: prefix.of_events(),
        }
    }

    /// The domain; `None` for the whole log.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// The entity; `None` for a domain or the whole log.
    #[must_use]
    pub fn entity_id(&self) -> Option<&str> {
        self.entity_id.as_deref()
    }

    /// The prefix of the keys of all its memories, to list them.
    #[must_use]
    pub fn memories(&self) -> &str {
        &self.memories
    }

    /// The prefix of the keys of all its events, to list them.
    #[must_use]
    pub fn events(&self) -> &str {
        &self.events
    }

    /// Whether this key, or every key with this prefix, may be read. The whole log has also what is
    /// neither under `memories/` nor under `events/`, so that it can be reported.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        self.domain.is_none() || key.starts_with(&self.memories) || key.starts_with(&self.events)
    }

    /// The right to read the entity of this key, if this scope has it.
    #[must_use]
    pub fn entity_of(&self, claim: &KeyClaim) -> Option<Self> {
        let is = |own: Option<&str>, name: &str| own.is_none_or(|own| own == name);
        let (domain, entity_id) = (&*claim.domain, &*claim.entity_id);
        let is_within = is(self.domain(), domain) && is(self.entity_id(), entity_id);
        is_within.then(|| Self::of(Prefix::Entity { domain, entity_id }))
    }
}

/// Where callers may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadScopes {
    /// `None`: everywhere, for everyone who is admitted.
    templates: Option<Vec<Template>>,
    /// Read with the scope that is asked for.
    shared: Vec<Template>,
}

/// Shared scopes, in the setting and of a caller: a search reads each of them in full.
pub const SHARED_MAX: usize = 4;

impl ReadScopes {
    /// Everywhere, for everyone who is admitted.
    #[must_use]
    pub fn everywhere() -> Self {
        Self {
            templates: None,
            shared: Vec::new(),
        }
    }

    /// Nowhere, for nobody.
    #[must_use]
    pub fn nowhere() -> Self {
        Self {
            templates: Some(Vec::new()),
            shared: Vec::new(),
        }
    }

    /// Reads templates that are separated by spaces.
    ///
    /// # Errors
    /// [`ScopeError`] names the first template that is not accepted.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let templates = template::parse(text)?;
        Ok(Self {
            templates: Some(templates),
            ..Self::everywhere()
        })
    }

    /// The same scopes with shared ones, which are read as well: at most four templates, without `*`.
    ///
    /// # Errors
    /// [`ScopeError`] names the first template that is not accepted.
    pub fn with_shared(self, text: &str) -> Result<Self, ScopeError> {
        let shared = template::parse_shared(text, SHARED_MAX)?;
        Ok(Self { shared, ..self })
    }

    /// Whether whoever is admitted reads everywhere.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.templates.is_none()
    }

    /// Whether some scopes are shared.
    #[must_use]
    pub fn has_shared(&self) -> bool {
        !self.shared.is_empty()
    }

    /// The right to read this entity, if a template gives it to a caller with these claims. What is
    /// shared may be read by its name too, so that what a search shows can be fetched.
    ///
    /// # Errors
    /// [`Outside`]: the name that no template allows, or that no memory can have.
    pub fn permit(
        &self,
        claims: &Claims,
        domain: &str,
        entity_id: &str,
    ) -> Result<ReadScope, Outside> {
        if !name_faults(domain).is_empty() {
            return Err(Outside::Domain);
        }
        if !name_faults(entity_id).is_empty() {
            return Err(Outside::Entity);
        }
        if let Some(templates) = &self.templates {
            let readable = templates.iter().chain(&self.shared);
            template::judge(readable, claims, domain, entity_id)?;
        }
        Ok(ReadScope::of(Prefix::Entity { domain, entity_id }))
    }

    /// The one scope that the claims name: of the templates with a claim and without `*`, all together
    /// must give exactly one.
    ///
    /// # Errors
    /// [`NoSingleScope`] if they name none, or several.
    pub fn own(&self, claims: &Claims) -> Result<ReadScope, NoSingleScope> {
        let templates = self.templates.as_deref().unwrap_or_default();
        let by_claims = templates.iter().filter(|template| template.has_claim());
        let mut scopes = scopes_of(by_claims, claims).into_iter();
        match (scopes.next(), scopes.next()) {
            (Some(scope), None) => Ok(scope),
            (None, _) => Err(NoSingleScope::None),
            (Some(_), Some(_)) => Err(NoSingleScope::Several),
        }
    }

    /// The shared scopes of a caller with these claims, in the order of their names.
    ///
    /// # Errors
    /// [`TooManyShared`]: a claim is a list that names more than four. Some of them alone would be an
    /// incomplete search.
    pub fn shared(&self, claims: &Claims) -> Result<Vec<ReadScope>, TooManyShared> {
        let scopes = scopes_of(&self.shared, claims);
        match scopes.len() {
            0..=SHARED_MAX => Ok(scopes.into_iter().collect()),
            scopes => Err(TooManyShared { scopes }),
        }
    }
}

/// The scopes that these templates name for a caller; a `*` names none.
fn scopes_of<'a>(
    templates: impl IntoIterator<Item = &'a Template>,
    claims: &Claims,
) -> BTreeSet<ReadScope> {
    let names = templates
        .into_iter()
        .flat_map(|template| template.names(claims));
    let possible = names.filter(|(domain, entity_id)| {
        name_faults(domain).is_empty() && name_faults(entity_id).is_empty()
    });
    possible
        .map(|(domain, entity_id)| {
            ReadScope::of(Prefix::Entity {
                domain: &domain,
                entity_id: &entity_id,
            })
        })
        .collect()
}

/// Why claims do not say which scope is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSingleScope {
    /// They name no scope.
    None,
    /// They name more than one.
    Several,
}

impl fmt::Display for NoSingleScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "the caller's claims name no scope",
            Self::Several => "the caller's claims name more than one scope",
        })
    }
}

impl Error for NoSingleScope {}

/// A caller whose claims name more shared scopes than a search reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyShared {
    /// How many they name.
    pub scopes: usize,
}

impl fmt::Display for TooManyShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scopes } = self;
        write!(
            f,
            "the caller's claims name {scopes} shared scopes, and at most {SHARED_MAX} are read"
        )
    }
}

impl Error for TooManyShared {}

/// The one who runs the command line, and may read all that its credentials may read.
#[derive(Debug, Clone, Copy)]
pub struct Operator(());

/// The operator of the command line. Binaries alone may name this function.
#[must_use]
pub fn operator() -> Operator {
    Operator(())
}

impl Operator {
    /// The right to read the whole bucket.
    #[must_use]
    pub fn everything(self) -> ReadScope {
        ReadScope::of(Prefix::All)
    }

    /// The right to read a domain.
    #[must_use]
    pub fn domain(self, domain: &str) -> ReadScope {
        ReadScope::of(Prefix::Domain(domain))
    }

    /// The right to read an entity.
    #[must_use]
    pub fn entity(self, domain: &str, entity_id: &str) -> ReadScope {
        ReadScope::of(Prefix::Entity { domain, entity_id })
    }
}
