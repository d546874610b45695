//! The parameters of each operation (contract 8.3). `question` decides what is accepted.
//!
//! Each is described by its whole name, brackets included, and each value is a plain text or number:
//! generators disagree about deep objects and lists. Instants are texts as well, because generated
//! clients would cut the digits of a date.

use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};

use super::Operation;
use crate::question::parameters::{
    AFTER, CREATED_AT, DOMAIN, ENTITY_ID, LIMIT, MEMORY_TYPE, QUERY, REPOSITORY_ID, SINCE, SORT,
    STATUS, TAGS, UNTIL,
};
use crate::question::{HITS, HITS_MAX, PAGE, PAGE_MAX};

/// Longest name of a domain or an entity, in characters: a byte is at least one.
const NAME_MAX: usize = memory_log::memory::NAME_BYTES_MAX;
/// Longest query.
const QUERY_MAX: usize = 1_000;
/// Something other than white space. It is anchored, because some programs match from the start of a
/// text and others search in it.
pub const NOT_BLANK: &str = r"^[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[^\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";
/// The same, without control characters.
pub const NAME: &str = r"^[\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\u0000-\u001f\u007f-\u009f]*$";
/// RFC 3339 with an offset.
const INSTANT: &str =
    r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$";
const IF_NONE_MATCH: &str = "If-None-Match";
/// Some statuses, separated by commas.
const STATUSES: &str = "^(unverified|verified|locked)(,(unverified|verified|locked))*$";

/// Every parameter of an operation.
#[must_use]
pub fn parameters(operation: Operation) -> Vec<Parameter> {
    let scope = [
        query(
            REPOSITORY_ID,
            uuid(),
            "The scope: the memories of this repository.",
        ),
        query(
            DOMAIN,
            name(),
            "The scope, together with `filter[entity_id]`: the memories of an entity of any domain.",
        ),
        query(
            ENTITY_ID,
            name(),
            "The scope, together with `filter[domain]`.",
        ),
    ];
    let filters = [
        query(
            TAGS,
            text().min_length(Some(1)),
            "Only memories that have all of these tags, separated by commas. A comma in a tag is `\\,`.",
        ),
        query(
            MEMORY_TYPE,
            text().min_length(Some(1)),
            "Only memories of one of these types, separated by commas.",
        ),
        query(
            STATUS,
            text().pattern(Some(STATUSES)),
            "Only memories with one of these statuses, separated by commas: `unverified`, `verified`, `locked`.",
        ),
        query(
            SINCE,
            instant(),
            "Only memories at this instant or later: RFC 3339 with an offset.",
        ),
        query(UNTIL, instant(), "Only memories before this instant."),
    ];
    let mut parameters = match operation {
        Operation::Search => vec![required(query(
            QUERY,
            text()
                .min_length(Some(1))
                .max_length(Some(QUERY_MAX))
                .pattern(Some(NOT_BLANK)),
            "Words that the memory may contain: at most 1,000 bytes and 64 distinct words, of which one is enough.",
        ))],
        Operation::List => Vec::new(),
        Operation::Get => vec![id()],
    };
    parameters.extend(scope);
    match operation {
        Operation::Search => {
            parameters.extend(filters);
            let most = "The most memories that are wanted.";
            parameters.push(query(LIMIT, number(HITS, HITS_MAX), most));
        }
        Operation::List => {
            parameters.extend(filters);
            let order = text()
                .title(Some("SortOrder"))
                .enum_values(Some(["-timestamp", "timestamp"]))
                .default(Some("-timestamp".into()));
            parameters.push(query(
                SORT,
                order,
                "`-timestamp`: newest first. `timestamp`: oldest first.",
            ));
            let most = "The most memories of a page.";
            parameters.push(query(LIMIT, number(PAGE, PAGE_MAX), most));
            let cursor = "Where the page begins: the cursor of the page before, with the same other parameters.";
            parameters.push(query(AFTER, text(), cursor));
        }
        Operation::Get => {
            let hint = "The memory's timestamp: a hint that makes it cheaper to find. It is in every `self` link.";
            parameters.push(query(CREATED_AT, instant(), hint));
            let known =
                "The `ETag` that the caller has: the response is 304 if it is still the same.";
            parameters.push(header(IF_NONE_MATCH, known));
        }
    }
    parameters
}

/// Every parameter of a change of status: those of a request for the memory, with another condition.
#[must_use]
pub fn of_a_change() -> Vec<Parameter> {
    let seen = "The `ETag` of the memory that the caller has seen: nothing is changed if it is another one by now (412). \
                Required to unlock and to restore a memory.";
    let mut parameters = parameters(Operation::Get);
    parameters.retain(|parameter| parameter.name != IF_NONE_MATCH);
    parameters.push(header("If-Match", seen));
    parameters
}

fn query(name: &str, schema: impl Into<Object>, description: &str) -> Parameter {
    parameter(ParameterIn::Query, name, schema.into(), description)
}

fn parameter(place: ParameterIn, name: &str, schema: Object, description: &str) -> Parameter {
    ParameterBuilder::new()
        .parameter_in(place)
        .name(name)
        .required(Required::False)
        .schema(Some(schema))
        .description(Some(description))
        .build()
}

fn required(mut parameter: Parameter) -> Parameter {
    parameter.required = Required::True;
    parameter
}

fn id() -> Parameter {
    let id = parameter(
        ParameterIn::Path,
        "id",
        uuid().into(),
        "The memory's id, in lower case.",
    );
    required(id)
}

fn header(name: &str, description: &str) -> Parameter {
    parameter(ParameterIn::Header, name, text().into(), description)
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn name() -> ObjectBuilder {
    text()
        .min_length(Some(1))
        .max_length(Some(NAME_MAX))
        .pattern(Some(NAME))
}

fn uuid() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

fn instant() -> ObjectBuilder {
    text().pattern(Some(INSTANT))
}

fn number(default: usize, most: usize) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(most as f64))
        .default(Some(default.into()))
}
