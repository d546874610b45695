//! The arguments of the tools (contract 8.9). They mean what the parameters of the same names mean.

use std::borrow::Cow;

use memory_log::event::Reason;
use memory_log::json::{Kind, Value, quoted};
use memory_web::problem::{Code, Faults, Problem, did_you_mean};
use uuid::Uuid;

use super::{
    CONTRADICTORY, Fault, HITS, Place, each_once, instant, is_contradictory, name, place, query,
    repository, status,
};
use crate::find::{Filters, memory_id};
use crate::words::Query;

/// Most hits of a call: a model reads them all.
const HITS_MAX: usize = 10;

/// The arguments of `search_memory`.
#[derive(Debug, Clone)]
pub struct SearchArguments {
    /// Where.
    pub place: Place,
    /// What for; the newest memories without it.
    pub query: Option<Query>,
    /// Which memories.
    pub filters: Filters,
    /// How many hits at most.
    pub limit: usize,
}

/// The arguments of `get_memory`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetArguments {
    /// Where.
    pub place: Place,
    /// Which memory.
    pub memory_id: Uuid,
    /// How many characters of its content are left out.
    pub offset: usize,
}

/// The arguments of `forget_memory`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgetArguments {
    /// Where.
    pub place: Place,
    /// Which memory.
    pub memory_id: Uuid,
    /// Why.
    pub reason: Reason,
}

impl SearchArguments {
    /// Reads them.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(root: Value<'_>) -> Result<Self, Vec<Problem>> {
        let mut given = Given::read(
            root,
            &[
                "query",
                "repository_id",
                "domain",
                "entity_id",
                "tags",
                "type",
                "status",
                "since",
                "until",
                "limit",
            ],
        )?;
        let filters = Filters {
            tags: given.texts("tags", |tag| Ok(tag.to_owned())),
            memory_types: given.texts("type", |text| Ok(text.to_owned())),
            statuses: given.texts("status", status),
            since: given.text("since", instant),
            until: given.text("until", instant),
        };
        if is_contradictory(&filters) {
            given.refuse("until", CONTRADICTORY);
        }
        let arguments = Self {
            place: given.place(),
            query: given.text("query", query),
            filters,
            limit: given.number("limit", 1..=HITS_MAX).unwrap_or(HITS),
        };
        given.unless_any_fault(Some(arguments))
    }
}

impl GetArguments {
    /// Reads them.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(root: Value<'_>) -> Result<Self, Vec<Problem>> {
        let known = [
            "memory_id",
            "repository_id",
            "domain",
            "entity_id",
            "offset",
        ];
        let mut given = Given::read(root, &known)?;
        let place = given.place();
        let offset = given.number("offset", 0..=usize::MAX).unwrap_or_default();
        let memory_id = given.required("memory_id", id);
        given.unless_any_fault(memory_id.map(|memory_id| Self {
            place,
            memory_id,
            offset,
        }))
    }
}

impl ForgetArguments {
    /// Reads them.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(root: Value<'_>) -> Result<Self, Vec<Problem>> {
        let known = [
            "memory_id",
            "reason",
            "repository_id",
            "domain",
            "entity_id",
        ];
        let mut given = Given::read(root, &known)?;
        let place = given.place();
        let memory_id = given.required("memory_id", id);
        let reason = given.required("reason", reason);
        let both = memory_id.zip(reason);
        given.unless_any_fault(both.map(|(memory_id, reason)| Self {
            place,
            memory_id,
            reason,
        }))
    }
}

fn id(text: &str) -> Result<Uuid, Fault> {
    memory_id(text).ok_or_else(|| "is not the id of a memory, as a search shows it".to_owned())
}

/// A reason as a tool takes it: an agent has one, so it is not blank.
fn reason(text: &str) -> Result<Reason, Fault> {
    let long = || "is longer than 1,000 bytes: shorten it".to_owned();
    match text.trim().is_empty() {
        true => Err("is blank: say why".to_owned()),
        false => Reason::new(text).ok_or_else(long),
    }
}

/// Arguments, and what is wrong with them.
struct Given<'v> {
    root: Value<'v>,
    faults: Faults,
}

impl<'v> Given<'v> {
    fn read(root: Value<'v>, known: &[&str]) -> Result<Self, Vec<Problem>> {
        if root.kind() != Kind::Object {
            let detail = format!(
                "The arguments are {}; they must be an object with the members {}.",
                root.kind(),
                known.join(", ")
            );
            return Err(vec![Problem::at(Code::InvalidDocument, &[], detail)]);
        }
        let mut given = Self {
            root,
            faults: Faults::default(),
        };
        for (name, _) in root.members().filter(|(name, _)| !known.contains(&&**name)) {
            given.faults.push(|| {
                let (guess, known) = (did_you_mean(&name, known), known.join(", "));
                refused(
                    &name,
                    &format!("is not a known argument.{guess} Known: {known}"),
                )
            });
        }
        Ok(given)
    }

    fn refuse(&mut self, name: &str, fault: &str) {
        self.faults.push(|| refused(name, fault));
    }

    /// A value, if it is given and sound. Some models send null for what they leave out.
    fn value<T>(&mut self, name: &str, parse: impl Fn(Value<'v>) -> Result<T, Fault>) -> Option<T> {
        let parsed = parse(self.root.given(name)?);
        parsed.map_err(|fault| self.refuse(name, &fault)).ok()
    }

    fn text<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        self.value(name, |value| parse(&text(value)?))
    }

    fn required<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        if self.root.given(name).is_none() {
            self.refuse(name, "is required");
        }
        self.text(name, parse)
    }

    /// A list of strings, or one string.
    fn texts<T: Clone + Ord>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Vec<T> {
        let texts = self.value(name, |value| match value.kind() {
            Kind::Array => {
                let elements = value.elements().map(|of| parse(&text(of)?));
                each_once(elements.collect::<Result<_, _>>()?)
            }
            Kind::String | Kind::Null | Kind::Boolean | Kind::Number | Kind::Object => {
                parse(&text(value)?).map(|one| vec![one])
            }
        });
        texts.unwrap_or_default()
    }

    fn number(&mut self, name: &str, within: std::ops::RangeInclusive<usize>) -> Option<usize> {
        self.value(name, |value| {
            let number = value.raw().parse().ok();
            let number = number.filter(|number| within.contains(number));
            number.ok_or_else(|| match *within.end() {
                usize::MAX => "must be a whole number from 0".to_owned(),
                most => format!("must be a whole number from {} to {most}", within.start()),
            })
        })
    }

    fn place(&mut self) -> Place {
        let has = |name: &str| self.root.given(name).is_some();
        let [by_id, by_domain, by_entity] = ["repository_id", "domain", "entity_id"].map(has);
        let (place, faults) = place(
            (by_id, self.text("repository_id", repository)),
            (by_domain, self.text("domain", name)),
            (by_entity, self.text("entity_id", name)),
        );
        for (name, fault) in ["domain", "entity_id"].into_iter().zip(faults) {
            fault.into_iter().for_each(|fault| self.refuse(name, fault));
        }
        place
    }

    fn unless_any_fault<T>(self, read: Option<T>) -> Result<T, Vec<Problem>> {
        self.faults.unless_any(read)
    }
}

/// The problem of one argument.
fn refused(name: &str, fault: &str) -> Problem {
    let detail = format!("{} {fault}.", quoted(name));
    Problem::at(Code::InvalidParameter, &[name.to_owned()], detail)
}

fn text(value: Value<'_>) -> Result<Cow<'_, str>, Fault> {
    let kind = value.kind();
    value
        .text()
        .ok_or_else(|| format!("is {kind}; it must be a string"))
}

#[cfg(test)]
mod tests {
    use memory_log::json::Json;

    use super::*;

    fn faults<T>(read: impl Fn(Value<'_>) -> Result<T, Vec<Problem>>, text: &str) -> Vec<String> {
        let json = Json::parse(text.as_bytes()).unwrap();
        let problems = read(json.root()).err().unwrap_or_default();
        problems.into_iter().map(|problem| problem.detail).collect()
    }

    #[test]
    fn a_search_without_arguments_asks_for_the_newest() {
        let json = Json::parse(b"{}").unwrap();
        let arguments = SearchArguments::read(json.root()).unwrap();
        assert_eq!((arguments.place, arguments.limit), (Place::Own, 5));
        assert!(arguments.query.is_none());
    }

    #[test]
    fn one_word_is_a_list_and_null_is_nothing() {
        let text = br#"{"tags":"a,b","type":["x","y"],"status":null,"limit":10}"#;
        let json = Json::parse(text).unwrap();
        let arguments = SearchArguments::read(json.root()).unwrap();
        assert_eq!(arguments.filters.tags, ["a,b"]);
        assert_eq!(arguments.filters.memory_types, ["x", "y"]);
        assert!(arguments.filters.statuses.is_empty());
    }

    #[test]
    fn every_fault_of_the_arguments_is_named_at_once() {
        let search = r#"{"Query":"x","query":7,"limit":11,"status":["deleted"],"since":"today","tags":[1],"domain":"a"}"#;
        let found = faults(SearchArguments::read, search);
        assert_eq!(found.len(), 7, "{found:#?}");
        assert!(found[0].contains("Did you mean \"query\"?"), "{found:#?}");
        assert!(
            found.iter().all(|detail| detail.ends_with('.')),
            "{found:#?}"
        );
        assert_eq!(faults(SearchArguments::read, "[]").len(), 1);
        let get = r#"{"memory_id":"9B1DEB4D-3b7d-4bad-9bdd-2b0d7b3dcb6d","offset":-1}"#;
        assert_eq!(faults(GetArguments::read, get).len(), 2);
        assert_eq!(faults(GetArguments::read, "{}").len(), 1);
        assert_eq!(faults(ForgetArguments::read, r#"{"reason":" "}"#).len(), 2);
    }
}
