//! What templates and claims give, and every trick that must not widen a scope.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::template::Why;
use super::*;
use crate::fault::Violations;
use crate::json::Json;
use crate::memory::Draft;
use crate::object::{KeyClaim, Object};
use crate::timestamp::Timestamp;

const A: &str = "0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21";
const B: &str = "6b1f5a52-98c7-4d0e-8a34-0c9be6d2f713";

fn memory(domain: &str, entity_id: &str) -> Memory {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let body = format!(
        r#"{{"domain":{},"entity_id":{},"content":"c"}}"#,
        quoted(domain),
        quoted(entity_id)
    );
    let json = Json::parse(body.as_bytes()).unwrap();
    let draft = Draft::of_fields(json.root(), Violations::default());
    Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap()
}

/// Whether a caller with this claim, named `c`, may write there.
fn allows(template: &str, claim: Option<&str>, domain: &str, entity_id: &str) -> bool {
    let token = claim.map(|text| ("c".to_owned(), text.to_owned()));
    let claims = Claims {
        token: token.into_iter().collect(),
        ..Claims::default()
    };
    let scopes = WriteScopes::parse(template).unwrap();
    scopes.permit(&claims, &memory(domain, entity_id)).is_ok()
}

#[test]
fn no_trick_widens_a_scope() {
    for (template, claim, domain, entity_id) in [
        // Case, spaces, look-alikes.
        ("work/{c}", Some("rob"), "work", "Rob"),
        ("work/{c}", Some("rob"), "Work", "rob"),
        ("work/{c}", Some("rob"), "work", "rob "),
        ("work/{c}", Some("rob"), "work", "rоb"),
        ("work/{c}", Some("é"), "work", "e\u{301}"),
        // A part of a name, and more than one.
        ("work/{c}", Some("rob"), "work", "rob2"),
        ("work/{c}", Some("rob2"), "work", "rob"),
        ("work/{c}", Some("rob"), "work", "rob/x"),
        ("work/{c}", Some("rob/.."), "work", "rob"),
        // A claim is not a template, and not percent-encoded.
        ("work/{c}", Some("*"), "work", "rob"),
        ("work/{c}", Some("{d}"), "work", "rob"),
        ("work/{c}", Some("%72ob"), "work", "rob"),
        ("work/{c}", Some("%2A"), "work", "*"),
        ("{c}/*", Some("*"), "work", "rob"),
        // Missing, empty, ambiguous.
        ("work/{c}", None, "work", "rob"),
        ("work/{c}", Some(""), "work", "rob"),
        ("work/{c}", Some("null"), "work", "null"),
        ("work/{c}", Some("<nil>"), "work", "<nil>"),
        ("work/{c}", Some("[[rob] eve]"), "work", "eve"),
        ("work/{c}", Some("[rob]"), "work", "rob"),
        ("work/{c}", Some("[rob]"), "work", "[rob]"),
        ("work/{c}", Some("[rob eve]"), "work", "eve"),
        ("work/{c}", Some("rob,eve"), "work", "eve"),
        ("work/{c}", Some("{\"a\":1}"), "work", "{\"a\":1}"),
        ("work/{c}", Some("1e9"), "work", "1000000000"),
        ("work/{c}", Some("1.5E+09"), "work", "1.5E+09"),
        // Lists that are not only UUIDs, or are not spelled as a gateway spells them.
        ("work/{c}", Some("[]"), "work", "[]"),
        (
            "work/{c}",
            Some("[0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21 rob]"),
            "work",
            A,
        ),
        (
            "work/{c}",
            Some("0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21,rob"),
            "work",
            A,
        ),
        (
            "work/{c}",
            Some("0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21 rob"),
            "work",
            A,
        ),
        (
            "work/{c}",
            Some("{0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21}"),
            "work",
            A,
        ),
        (
            "work/{c}",
            Some("0d8a1c1e6a4f4b629d1b1f0a5c3e7b21"),
            "work",
            A,
        ),
        // Only repositories are in lower case.
        (
            "work/{c}",
            Some("0D8A1C1E-6A4F-4B62-9D1B-1F0A5C3E7B21"),
            "work",
            A,
        ),
        // Another domain, and an asterisk that is a name.
        ("work/*", None, "home", "rob"),
        ("work/%2A", None, "work", "rob"),
        ("", Some("rob"), "work", "rob"),
    ] {
        assert!(
            !allows(template, claim, domain, entity_id),
            "{template} {claim:?} {domain}/{entity_id}"
        );
    }
}

#[test]
fn a_template_gives_what_it_says() {
    for (template, claim, domain, entity_id) in [
        ("*/*", None, "work", "rob"),
        ("work/*", None, "work", "a/b*c"),
        ("work/%2A", None, "work", "*"),
        ("work/b%C3%BCro%2F1", None, "work", "büro/1"),
        ("work/{c}", Some("rob"), "work", "rob"),
        ("work/{c}", Some("auth0|a b"), "work", "auth0|a b"),
        ("work/{c}", Some("*"), "work", "*"),
        ("work/{c}", Some("rob,eve"), "work", "rob,eve"),
        ("work/{c}", Some("1000000000"), "work", "1000000000"),
        ("{c}/*", Some("work"), "work", "rob"),
        ("home/x   work/{c} ", Some("rob"), "work", "rob"),
        ("work/{c}", Some(A), "work", A),
        (
            "work/{c}",
            Some("0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21,6b1f5a52-98c7-4d0e-8a34-0c9be6d2f713"),
            "work",
            B,
        ),
        (
            "repository/{c}",
            Some("[0D8A1C1E-6A4F-4B62-9D1B-1F0A5C3E7B21 6b1f5a52-98c7-4d0e-8a34-0c9be6d2f713]"),
            "repository",
            A,
        ),
    ] {
        assert!(
            allows(template, claim, domain, entity_id),
            "{template} {claim:?} {domain}/{entity_id}"
        );
    }
}

#[test]
fn a_name_of_the_gateway_is_never_a_claim_and_the_reverse() {
    let claims = Claims {
        token: [("aws:accountId", "1"), ("https://a.example/org id", "acme")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        account_id: Some("123456789012".to_owned()),
        role_arn: Some("arn:aws:sts::123456789012:assumed-role/writer".to_owned()),
        // Not a claim that a gateway flattened, so it is compared whole.
        api_key_id: Some("12e4567890".to_owned()),
        user_arn: None,
    };
    let permits = |template: &str, entity_id: &str| {
        let scopes = WriteScopes::parse(template).unwrap();
        scopes.permit(&claims, &memory("d", entity_id))
    };
    assert!(permits("d/{aws:accountId}", "123456789012").is_ok());
    assert!(permits("d/{aws:accountId}", "1").is_err());
    assert!(permits("d/{aws:apiKeyId}", "12e4567890").is_ok());
    let role = "arn:aws:sts::123456789012:assumed-role/writer";
    assert!(permits("d/{aws:roleArn}", role).is_ok());
    assert!(permits("d/{accountId}", "123456789012").is_err());
    assert!(permits("x/y d/{https://a.example/org id}", "acme").is_ok());
    assert_eq!(permits("x/{sub} y/*", "acme"), Err(Outside::Domain));
    assert_eq!(permits("x/* d/{sub}", "acme"), Err(Outside::Entity));
}

#[test]
fn a_template_that_could_mean_something_else_is_refused() {
    for (template, why) in [
        ("work", Why::NotTwoParts),
        ("a/b/c", Why::NotTwoParts),
        ("{a/b", Why::NotTwoParts),
        ("user-{sub}/*", Why::MixedPart),
        ("work/{}", Why::MixedPart),
        ("work/{ sub }", Why::MixedPart),
        ("work/{a}{b}", Why::MixedPart),
        ("work/a*", Why::MixedPart),
        ("work/**", Why::MixedPart),
        ("work/{aws:userArn}", Why::SessionName),
        ("work/{aws:RoleArn}", Why::UnknownOfGateway),
    ] {
        let error = WriteScopes::parse(template).unwrap_err();
        assert_eq!((error.template.as_str(), error.why), (template, why));
    }
    for (template, spelled) in [
        ("work/a%2fb", "a%2Fb"),
        ("work/%61", "a"),
        ("work/bü", "b%C3%BC"),
    ] {
        let why = Why::NotAName {
            spelled: spelled.to_owned(),
        };
        assert_eq!(
            WriteScopes::parse(template).unwrap_err().why,
            why,
            "{template}"
        );
    }
    for blank in ["work/", "/rob", "work/%20", "work/%00"] {
        let why = WriteScopes::parse(blank).unwrap_err().why;
        assert!(matches!(why, Why::NotAName { .. }), "{blank}");
    }
}

#[test]
fn the_right_covers_the_objects_of_its_entity_alone() {
    let scope = WriteScopes::Everywhere.permit(&Claims::default(), &memory("d", "rob"));
    let scope = scope.unwrap();
    assert!(scope.covers("memories/domain=d/entity=rob/2026/01/27/x.json"));
    for other in [
        "memories/domain=d/entity=rob2/2026/01/27/x.json",
        "memories/domain=d2/entity=rob/2026/01/27/x.json",
        "events/domain=d/entity=rob/2026/01/27/x.json",
        "memories/domain=d/entity=rob",
    ] {
        assert!(!scope.covers(other), "{other}");
    }
}

/// A claim's text, and the names that it gives.
fn claim() -> impl Strategy<Value = (String, Vec<String>)> {
    let one = |text: &str| (text.to_owned(), vec![text.to_owned()]);
    let none = |text: &str| (text.to_owned(), Vec::new());
    let uuids = vec![A.to_owned(), B.to_owned()];
    select(vec![
        one("rob"),
        one("rob/x"),
        one("*"),
        one("%72ob"),
        one("rob,eve"),
        one(A),
        none(""),
        none("[rob]"),
        none("{rob}"),
        none("1e9"),
        none(&format!("[{A} rob]")),
        (format!("[{A} {B}]"), uuids.clone()),
        (format!("{A},{B}"), uuids),
    ])
}

fn name() -> impl Strategy<Value = &'static str> {
    select(vec![
        "rob",
        "rob/x",
        "rob,eve",
        "*",
        "%72ob",
        "eve",
        "1e9",
        "1000000000",
        "[rob]",
        A,
        B,
    ])
}

/// A part of a template: its text, and the names that it allows, or every name.
fn part() -> impl Strategy<Value = (String, Option<Vec<String>>, BTreeMap<String, String>)> {
    prop_oneof![
        Just(("*".to_owned(), None, BTreeMap::new())),
        name().prop_map(|name| {
            // Every byte that is not a letter or a digit has its two hexadecimal digits.
            let spelled = |byte: u8| match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            };
            let text = name.bytes().map(spelled).collect();
            (text, Some(vec![name.to_owned()]), BTreeMap::new())
        }),
        (claim(), select(vec!["c", "https://a.example/c"])).prop_map(|((text, names), claim)| {
            let claims = [(claim.to_owned(), text)].into();
            (format!("{{{claim}}}"), Some(names), claims)
        }),
        Just(("{missing}".to_owned(), Some(Vec::new()), BTreeMap::new())),
    ]
}

proptest! {
    /// The oracle compares strings: each part says which names it allows.
    #[test]
    fn what_is_permitted_is_what_a_template_allows(
        (domain_text, domains, domain_claims) in part(),
        (entity_text, entities, entity_claims) in part(),
        domain in name(),
        entity_id in name(),
    ) {
        // The same claim cannot have two texts.
        let both = domain_claims.iter().chain(&entity_claims);
        prop_assume!(domain_claims.keys().all(|name| !entity_claims.contains_key(name)));
        let claims = Claims {
            token: both.map(|(name, text)| (name.clone(), text.clone())).collect(),
            ..Claims::default()
        };
        let in_it = |names: &Option<Vec<String>>, name: &str| {
            names.as_ref().is_none_or(|names| names.iter().any(|own| own == name))
        };
        let expected = in_it(&domains, domain) && in_it(&entities, entity_id);
        let scopes = WriteScopes::parse(&format!("never/used {domain_text}/{entity_text}")).unwrap();
        let permitted = scopes.permit(&claims, &memory(domain, entity_id));
        prop_assert_eq!(permitted.is_ok(), expected);
        if let Ok(scope) = permitted {
            prop_assert!(scope.covers(&Object::of(&memory(domain, entity_id)).key));
        }
    }
    /// A template gives reading as it gives writing, and the right covers this entity alone.
    #[test]
    fn what_may_be_read_and_changed_is_what_a_template_allows(
        (domain_text, domains, domain_claims) in part(),
        (entity_text, entities, entity_claims) in part(),
        domain in name(),
        entity_id in name(),
        is_shared in any::<bool>(),
    ) {
        prop_assume!(domain_claims.keys().all(|name| !entity_claims.contains_key(name)));
        let claims = Claims {
            token: domain_claims.clone().into_iter().chain(entity_claims.clone()).collect(),
            ..Claims::default()
        };
        let template = format!("{domain_text}/{entity_text}");
        let own = ReadScopes::parse("never/used").unwrap();
        let read = match is_shared {
            true => own.with_shared(&template),
            false => ReadScopes::parse(&format!("never/used {template}")),
        };
        prop_assert_eq!(read.is_err(), is_shared && template.split('/').any(|part| part == "*"));
        prop_assume!(read.is_ok());
        let read = read.unwrap();

        let in_it = |names: &Option<Vec<String>>, name: &str| {
            names.as_ref().is_none_or(|names| names.iter().any(|own| own == name))
        };
        let expected = in_it(&domains, domain) && in_it(&entities, entity_id);
        let permitted = read.permit(&claims, domain, entity_id);
        prop_assert_eq!(permitted.is_ok(), expected);
        if let Ok(scope) = &permitted {
            let object = Object::of(&memory(domain, entity_id));
            let claim = KeyClaim::parse(&object.key).unwrap();
            prop_assert!(scope.covers(&object.key));
            prop_assert!(object.key.starts_with(scope.memories()));
            prop_assert_eq!((scope.domain(), scope.entity_id()), (Some(domain), Some(entity_id)));
            prop_assert_eq!(scope.entity_of(&claim), Some(scope.clone()));
            let write = WriteScopes::parse(&template).unwrap();
            let change = write.permit_change(&claims, scope).unwrap();
            let event = object.key.replacen("memories/", "events/", 1);
            prop_assert!(change.covers(&event) && scope.covers(&event));
            prop_assert!(!change.covers(&object.key));
            let nowhere = WriteScopes::parse("never/used").unwrap();
            prop_assert!(nowhere.permit_change(&claims, scope).is_err());
        }

        // What the claims name: every pair of names, where a claim takes part and no part is `*`.
        let by_claim = domain_text.starts_with('{') || entity_text.starts_with('{');
        let pairs = domains.unwrap_or_default().len() * entities.unwrap_or_default().len();
        let named = if by_claim && !is_shared { pairs } else { 0 };
        match read.own(&claims) {
            Ok(scope) => {
                prop_assert_eq!(named, 1);
                prop_assert_eq!(permitted.as_ref() == Ok(&scope), expected);
            }
            Err(NoSingleScope::None) => prop_assert_eq!(named, 0),
            Err(NoSingleScope::Several) => prop_assert!(named > 1),
        }
        let shared = read.shared(&claims).unwrap();
        prop_assert_eq!(shared.len(), if is_shared { pairs } else { 0 });
        if is_shared {
            prop_assert_eq!(permitted.is_ok_and(|scope| shared.contains(&scope)), expected);
        }
    }
}

#[test]
fn a_scope_ends_where_its_names_end() {
    let rob = operator().entity("work", "rob");
    assert_eq!(rob.memories(), "memories/domain=work/entity=rob/");
    assert_eq!(rob.events(), "events/domain=work/entity=rob/");
    for key in [
        "memories/domain=work/entity=rob/",
        "memories/domain=work/entity=rob/x",
        "events/domain=work/entity=rob/x/0000000001.json",
    ] {
        assert!(rob.covers(key), "{key}");
    }
    for key in [
        "",
        "memories/",
        "memories/domain=work/entity=rob",
        "memories/domain=work/entity=rob2/x",
        "memories/domain=work/entity=ro/x",
        "memories/domain=work2/entity=rob/x",
        "memories/domain=Work/entity=rob/x",
        "events/domain=work/entity=rob2/x",
        "event/domain=work/entity=rob/x",
        "views/domain=work/entity=rob/",
        "/memories/domain=work/entity=rob/x",
    ] {
        assert!(!rob.covers(key), "{key}");
    }
}

#[test]
fn a_name_that_no_memory_can_have_is_outside_of_every_scope() {
    let long = "x".repeat(151);
    for name in ["", " ", "a\n", &long] {
        let read = |domain, entity_id| {
            ReadScopes::everywhere().permit(&Claims::default(), domain, entity_id)
        };
        assert_eq!(read(name, "rob"), Err(Outside::Domain));
        assert_eq!(read("work", name), Err(Outside::Entity));
        let token = [("c".to_owned(), name.to_owned())].into();
        let claims = Claims {
            token,
            ..Claims::default()
        };
        let own = ReadScopes::parse("work/{c}").unwrap();
        assert_eq!(own.own(&claims), Err(NoSingleScope::None));
        let shared = own.with_shared("work/{c}").unwrap();
        assert_eq!(shared.shared(&claims), Ok(Vec::new()));
    }
}

fn of_sub(sub: &str) -> Claims {
    Claims {
        token: [("sub".to_owned(), sub.to_owned())].into(),
        ..Claims::default()
    }
}

#[test]
fn the_own_scope_is_the_one_that_the_claims_name() {
    let own = |templates: &str, sub: &str| {
        let own = ReadScopes::parse(templates).unwrap().own(&of_sub(sub));
        own.map(|scope| format!("{}/{}", scope.domain().unwrap(), scope.entity_id().unwrap()))
    };
    assert_eq!(own("user/{sub}", "rob").unwrap(), "user/rob");
    // A literal scope and a `*` are not named by claims, and the same scope twice is one.
    assert_eq!(own("*/* team/core user/{sub}", "rob").unwrap(), "user/rob");
    assert_eq!(own("user/{sub} user/{sub}", "rob").unwrap(), "user/rob");
    let twice = format!("{A},{}", A.to_uppercase());
    let repository = own("repository/{sub}", &twice).unwrap();
    assert_eq!(repository, format!("repository/{A}"));
    assert_eq!(own("user/{sub}", &twice), Err(NoSingleScope::Several));
    assert_eq!(
        own("user/{sub} team/{sub}", "rob"),
        Err(NoSingleScope::Several)
    );
    for templates in ["", "*/*", "team/core", "user/{other}", "{sub}/*", "*/{sub}"] {
        assert_eq!(
            own(templates, "rob"),
            Err(NoSingleScope::None),
            "{templates}"
        );
    }
    assert_eq!(own("user/{sub}", "[rob]"), Err(NoSingleScope::None));
    let everywhere = ReadScopes::everywhere().own(&of_sub("rob"));
    assert_eq!(everywhere, Err(NoSingleScope::None));
    assert!(NoSingleScope::None.to_string().ends_with("name no scope"));
    assert!(NoSingleScope::Several.to_string().contains("more than one"));
}

#[test]
fn scopes_know_whether_they_are_everywhere_and_whether_some_are_shared() {
    let (everywhere, nowhere) = (ReadScopes::everywhere(), ReadScopes::nowhere());
    assert!(everywhere.is_everywhere() && !nowhere.is_everywhere());
    assert!(!everywhere.has_shared() && !nowhere.has_shared());
    let shared = nowhere.with_shared("team/core").unwrap();
    assert!(shared.has_shared() && !shared.is_everywhere());
}

#[test]
fn shared_scopes_are_at_most_four_and_without_every_name() {
    let shared = |text: &str| ReadScopes::everywhere().with_shared(text);
    assert!(shared("a/1 a/2 a/3 {c}/4").is_ok());
    for (text, template, why) in [
        ("a/1 a/*", "a/*", Why::EveryShared),
        ("*/1", "*/1", Why::EveryShared),
        (
            "a/1  a/2 a/3 a/4 a/5",
            "a/5",
            Why::TooManyShared { most: 4 },
        ),
        ("a/1 a", "a", Why::NotTwoParts),
    ] {
        let error = shared(text).unwrap_err();
        assert_eq!((error.template.as_str(), &error.why), (template, &why));
        assert!(error.to_string().contains(&format!(" {template} ")));
    }
    let list = |count: u128| {
        let uuids = (1..=count).map(|number| Uuid::from_u128(number).to_string());
        of_sub(&uuids.collect::<Vec<_>>().join(","))
    };
    let by_list = shared("organization/{sub}").unwrap();
    assert_eq!(by_list.shared(&list(4)).unwrap().len(), 4);
    let too_many = by_list.shared(&list(5)).unwrap_err();
    assert_eq!(too_many, TooManyShared { scopes: 5 });
    assert!(too_many.to_string().contains("name 5 shared scopes"));
}

#[test]
fn the_operator_reads_what_is_named_and_a_part_of_it_is_an_entity() {
    let object = Object::of(&memory("work", "rob"));
    let claim = KeyClaim::parse(&object.key).unwrap();
    let entity = operator().entity("work", "rob");
    for scope in [
        operator().everything(),
        operator().domain("work"),
        entity.clone(),
    ] {
        assert!(scope.covers(&object.key));
        assert_eq!(scope.entity_of(&claim), Some(entity.clone()));
    }
    for other in [
        operator().domain("home"),
        operator().entity("work", "rob2"),
        operator().entity("home", "rob"),
    ] {
        assert!(!other.covers(&object.key));
        assert_eq!(other.entity_of(&claim), None);
    }
    let everything = operator().everything();
    assert_eq!(
        (everything.memories(), everything.events()),
        ("memories/", "events/")
    );
    assert!(everything.covers("") && everything.covers(".DS_Store"));
    assert!(!operator().domain("work").covers("memories/"));
    let wide = WriteScopes::Everywhere;
    let change = |scope| wide.permit_change(&Claims::default(), &scope);
    assert_eq!(change(everything), Err(Outside::Domain));
    assert_eq!(change(operator().domain("work")), Err(Outside::Entity));
}
