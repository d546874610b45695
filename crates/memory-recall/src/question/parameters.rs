//! The parameters of a read (contract 8.3).

use std::collections::{BTreeMap, BTreeSet};

use memory_log::event::Status;
use memory_log::json::quoted;
use memory_web::problem::{Code, Faults, Problem, Source, did_you_mean};
use memory_web::query::{Parameter, parameters};

use super::{
    CONTRADICTORY, Fault, GetQuestion, HITS, HITS_MAX, ListQuestion, PAGE, PAGE_MAX, Place,
    SearchQuestion, each_once, instant, is_contradictory, name, place, query, repository, status,
};
use crate::find::{Cursor, Filters, Order};

pub(crate) const REPOSITORY_ID: &str = "filter[repository_id]";
pub(crate) const DOMAIN: &str = "filter[domain]";
pub(crate) const ENTITY_ID: &str = "filter[entity_id]";
pub(crate) const CREATED_AT: &str = "filter[created_at]";
pub(crate) const QUERY: &str = "filter[query]";
pub(crate) const TAGS: &str = "filter[tags]";
pub(crate) const MEMORY_TYPE: &str = "filter[memory_type]";
pub(crate) const STATUS: &str = "filter[status]";
pub(crate) const SINCE: &str = "filter[since]";
pub(crate) const UNTIL: &str = "filter[until]";
pub(crate) const LIMIT: &str = "page[limit]";
/// The cursor of a list.
pub(crate) const AFTER: &str = "page[after]";
pub(crate) const SORT: &str = "sort";

const OF_A_PLACE: [&str; 3] = [REPOSITORY_ID, DOMAIN, ENTITY_ID];
const OF_FILTERS: [&str; 5] = [TAGS, MEMORY_TYPE, STATUS, SINCE, UNTIL];

/// Reads the parameters of a search.
///
/// # Errors
/// Every fault.
pub fn search(raw: &str) -> Result<SearchQuestion, Vec<Problem>> {
    let known = [&OF_A_PLACE[..], &OF_FILTERS, &[QUERY, LIMIT]].concat();
    let mut given = Given::read(raw, &known);
    let place = given.place();
    let filters = given.filters();
    let limit = given.limit(HITS, HITS_MAX);
    if !given.has(QUERY) {
        given.refuse(
            QUERY,
            "is required: give the words that the memory may contain",
        );
    }
    let query = given.take(QUERY, query);
    given.unless_any_fault(query.map(|query| SearchQuestion {
        place,
        query,
        filters,
        limit,
    }))
}

/// Reads the parameters of a list.
///
/// # Errors
/// Every fault.
pub fn list(raw: &str) -> Result<ListQuestion, Vec<Problem>> {
    let known = [&OF_A_PLACE[..], &OF_FILTERS, &[LIMIT, AFTER, SORT]].concat();
    let mut given = Given::read(raw, &known);
    let question = ListQuestion {
        place: given.place(),
        filters: given.filters(),
        order: given.take(SORT, order).unwrap_or(Order::Newest),
        after: given.take(AFTER, cursor),
        limit: given.limit(PAGE, PAGE_MAX),
    };
    given.unless_any_fault(Some(question))
}

/// Reads the parameters of a request for one memory.
///
/// # Errors
/// Every fault.
pub fn get(raw: &str) -> Result<GetQuestion, Vec<Problem>> {
    let mut given = Given::read(raw, &[&OF_A_PLACE[..], &[CREATED_AT]].concat());
    let question = GetQuestion {
        place: given.place(),
        created_at: given.take(CREATED_AT, instant),
    };
    given.unless_any_fault(Some(question))
}

fn order(text: &str) -> Result<Order, Fault> {
    match text {
        "timestamp" => Ok(Order::Oldest),
        "-timestamp" => Ok(Order::Newest),
        _ => Err("must be timestamp (oldest first) or -timestamp (newest first)".to_owned()),
    }
}

/// The text of a cursor that is not one of the list.
pub(crate) const OTHER_QUERY: &str =
    "is not a cursor of this list: follow links.next, and do not change the other parameters";

fn cursor(text: &str) -> Result<Cursor, Fault> {
    Cursor::parse(text).ok_or_else(|| OTHER_QUERY.to_owned())
}

/// The problem of one parameter.
pub(crate) fn invalid(name: &str, fault: &str) -> Problem {
    let detail = format!("The query parameter {} {fault}.", quoted(name));
    Problem::new(
        Code::InvalidParameter,
        Source::Parameter(name.to_owned()),
        detail,
    )
}

/// The elements of a list with commas. A comma of an element is `\,`; any other backslash stands for
/// itself.
fn elements(text: &str) -> Result<Vec<String>, Fault> {
    let mut elements = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, elements.last_mut()) {
            (',', _) | (_, None) => elements.push(String::new()),
            ('\\', Some(last)) if characters.next_if_eq(&',').is_some() => last.push(','),
            (character, Some(last)) => last.push(character),
        }
    }
    match elements.iter().any(String::is_empty) {
        true => Err("has an empty element: separate elements by one comma".to_owned()),
        false => each_once(elements),
    }
}

fn statuses(text: &str) -> Result<Vec<Status>, Fault> {
    elements(text)?.iter().map(|text| status(text)).collect()
}

/// The parameters of a request, and what is wrong with them.
struct Given {
    values: BTreeMap<String, String>,
    /// Those that are given and were refused before their values were looked at.
    refused: BTreeSet<String>,
    faults: Faults,
}

impl Given {
    fn read(raw: &str, known: &[&str]) -> Self {
        let mut given = Self {
            values: BTreeMap::new(),
            refused: BTreeSet::new(),
            faults: Faults::default(),
        };
        for Parameter { name, value } in parameters(raw) {
            let fault = match value {
                _ if !known.contains(&&*name) => Refusal::Unknown,
                None => Refusal::NotText,
                Some(value) => match given.values.insert(name.clone(), value) {
                    None => continue,
                    Some(_) => Refusal::Repeated,
                },
            };
            given.values.remove(&name);
            if given.refused.contains(&name) {
                continue;
            }
            given.faults.push(|| match fault {
                Refusal::Unknown => {
                    let (guess, known) = (did_you_mean(&name, known), known.join(", "));
                    let fault = format!("is not supported here.{guess} Supported: {known}");
                    invalid(&name, &fault)
                }
                Refusal::NotText => invalid(&name, "is not UTF-8"),
                Refusal::Repeated => invalid(&name, "appears more than once"),
            });
            given.refused.insert(name);
        }
        let refused = &given.refused;
        given.values.retain(|name, _| !refused.contains(name));
        given
    }

    fn refuse(&mut self, name: &str, fault: &str) {
        self.faults.push(|| invalid(name, fault));
    }

    /// Whether a parameter is given, whatever its value: one that was refused is not missing as well.
    fn has(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.refused.contains(name)
    }

    /// A parameter's value, if it is given and sound.
    fn take<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        let parsed = parse(self.values.get(name)?);
        parsed.map_err(|fault| self.refuse(name, &fault)).ok()
    }

    fn place(&mut self) -> Place {
        let (place, faults) = place(
            (
                self.has(REPOSITORY_ID),
                self.take(REPOSITORY_ID, repository),
            ),
            (self.has(DOMAIN), self.take(DOMAIN, name)),
            (self.has(ENTITY_ID), self.take(ENTITY_ID, name)),
        );
        for (name, fault) in [DOMAIN, ENTITY_ID].into_iter().zip(faults) {
            fault.into_iter().for_each(|fault| self.refuse(name, fault));
        }
        place
    }

    fn filters(&mut self) -> Filters {
        let filters = Filters {
            tags: self.take(TAGS, elements).unwrap_or_default(),
            memory_types: self.take(MEMORY_TYPE, elements).unwrap_or_default(),
            statuses: self.take(STATUS, statuses).unwrap_or_default(),
            since: self.take(SINCE, instant),
            until: self.take(UNTIL, instant),
        };
        if is_contradictory(&filters) {
            self.refuse(UNTIL, CONTRADICTORY);
        }
        filters
    }

    fn limit(&mut self, default: usize, most: usize) -> usize {
        let limit = self.take(LIMIT, |text| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| is_number);
            let within = number.filter(|number| (1..=most).contains(number));
            within.ok_or_else(|| format!("must be a number from 1 to {most}"))
        });
        limit.unwrap_or(default)
    }

    fn unless_any_fault<T>(self, read: Option<T>) -> Result<T, Vec<Problem>> {
        self.faults.unless_any(read)
    }
}

/// Why a parameter is refused before its value is looked at.
enum Refusal {
    Unknown,
    NotText,
    Repeated,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9B1DEB4D-3b7d-4bad-9bdd-2b0d7b3dcb6d";

    /// The parameters at fault, with the beginning of what is said of each.
    fn faults<T>(read: Result<T, Vec<Problem>>) -> Vec<String> {
        let problems = read.err().unwrap_or_default();
        let name = |problem: &Problem| match &problem.source {
            Source::Parameter(name) => name.clone(),
            other @ (Source::None | Source::Pointer(_) | Source::Header(_)) => {
                panic!("{other:?}")
            }
        };
        problems.iter().map(name).collect()
    }

    #[test]
    fn a_search_has_a_query_and_the_limits_of_a_search() {
        let question = search("filter%5Bquery%5D=rounding+mode").unwrap();
        assert_eq!((question.place, question.limit), (Place::Own, 5));
        assert_eq!(search("filter[query]=a&page[limit]=50").unwrap().limit, 50);
        for limit in ["0", "51", "", "+5", "5 ", "-1", "x", "99999999999999999999"] {
            let raw = format!("filter[query]=a&page[limit]={}", limit.replace('+', "%2B"));
            assert_eq!(faults(search(&raw)), ["page[limit]"], "{limit}");
        }
        assert_eq!(faults(search("")), ["filter[query]"]);
        assert_eq!(faults(search("filter[query]=+")), ["filter[query]"]);
        let long = format!("filter[query]={}", "a".repeat(1_001));
        assert_eq!(faults(search(&long)), ["filter[query]"]);
        assert!(search("filter[query]=???").is_ok(), "no word is no fault");
    }

    #[test]
    fn what_belongs_to_another_route_is_refused_and_what_is_the_callers_own_is_ignored() {
        let other = "filter[query]=a&sort=timestamp&page[after]=x&filter[created_at]=x&include=a&fields[memories]=a";
        assert_eq!(
            faults(search(other)),
            [
                "sort",
                "page[after]",
                "filter[created_at]",
                "include",
                "fields[memories]"
            ]
        );
        assert_eq!(faults(list("filter[query]=a")), ["filter[query]"]);
        assert_eq!(faults(get("page[limit]=1")), ["page[limit]"]);
        assert!(get("dryRun=1&utm_source=x").is_ok());
    }

    #[test]
    fn a_parameter_that_differs_only_in_case_or_separators_is_told_the_one_that_was_meant() {
        let said = |raw: &str| list(raw).unwrap_err()[0].detail.clone();
        for near in [
            "filter[repositoryId]",
            "filter[repository-id]",
            "filter.repository_id",
        ] {
            let told = said(&format!("{near}={ID}"));
            let meant = "Did you mean \"filter[repository_id]\"?";
            assert!(told.contains(meant), "{near}: {told}");
        }
        for far in ["filter[repo]", "filter[query]", "include"] {
            let told = said(&format!("{far}=x"));
            assert!(!told.contains("Did you mean"), "{far}: {told}");
        }
    }

    #[test]
    fn a_place_is_named_in_one_way_or_not_at_all() {
        let place = |raw: &str| get(raw).map(|question| question.place);
        assert_eq!(place(""), Ok(Place::Own));
        let entity = |domain: &str, entity_id: &str| {
            Ok(Place::Entity {
                domain: domain.to_owned(),
                entity_id: entity_id.to_owned(),
            })
        };
        let by_id = place(&format!("filter[repository_id]={ID}"));
        assert_eq!(by_id, entity("repository", &ID.to_lowercase()));
        let by_names = place("filter[domain]=work&filter[entity_id]=r%2Fb");
        assert_eq!(by_names, entity("work", "r/b"));
        let faults = |raw: String| faults(get(&raw));
        assert_eq!(faults("filter[domain]=a".to_owned()), ["filter[domain]"]);
        assert_eq!(
            faults("filter[entity_id]=a".to_owned()),
            ["filter[entity_id]"]
        );
        assert_eq!(
            faults(format!(
                "filter[repository_id]={ID}&filter[domain]=a&filter[entity_id]=b"
            )),
            ["filter[domain]", "filter[entity_id]"]
        );
        let simple = ID.replace('-', "");
        assert_eq!(
            faults(format!("filter[repository_id]={simple}")),
            ["filter[repository_id]"]
        );
        assert_eq!(
            faults("filter[domain]=+&filter[entity_id]=%00".to_owned()),
            ["filter[domain]", "filter[entity_id]"]
        );
    }

    #[test]
    fn every_fault_is_named_at_once_and_a_repeat_is_one() {
        let raw = "sort=up&filter[since]=today&filter[until]=2026-01-01&filter[status]=deleted&page[after]=!&\
                   page[limit]=0&filter[tags]=a&filter[tags]=a&x=1&filter[memory_type]=%FF";
        let mut found = faults(list(raw));
        found.sort();
        assert_eq!(
            found,
            [
                "filter[memory_type]",
                "filter[since]",
                "filter[status]",
                "filter[tags]",
                "filter[until]",
                "page[after]",
                "page[limit]",
                "sort",
                "x"
            ]
        );
    }

    #[test]
    fn a_span_has_a_beginning_before_its_end() {
        let span = |since: &str, until: &str| {
            faults(list(&format!(
                "filter[since]={since}&filter[until]={until}"
            )))
        };
        assert_eq!(
            span("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000001Z"),
            [""; 0]
        );
        let same = "2026-01-01T00:00:00Z";
        assert_eq!(span(same, same), ["filter[until]"]);
        assert_eq!(span(same, "2026-01-01T00:59:59%2B01:00"), ["filter[until]"]);
    }

    #[test]
    fn a_comma_separates_unless_a_backslash_is_before_it() {
        let split = |text: &str| elements(text).unwrap();
        assert_eq!(split("a,b"), ["a", "b"]);
        assert_eq!(split(r"a\,b,c"), ["a,b", "c"]);
        assert_eq!(split(r"a\b"), [r"a\b"]);
        assert_eq!(split(r"a\\,b"), [r"a\,b"]);
        for empty in ["", ",", "a,", ",a", "a,,b"] {
            assert!(elements(empty).is_err(), "{empty}");
        }
    }
}
