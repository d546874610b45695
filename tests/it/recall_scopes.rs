//! Who may read where, and that nobody learns of what lies elsewhere (contract 8.6, 8.7).

use memory_log::event::Status;
use memory_log::object::Object;
use memory_log::scope::ReadScopes;
use serde_json::json;

use crate::exchange::{Answer, JSON, JSON_API};
use crate::reader::{Field, encoded, memory};

const OWN: &str = "0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21";
const OTHER: &str = "6b1f5a52-98c7-4d0e-8a34-0c9be6d2f713";
const UNKNOWN: &str = "00000000-0000-8000-8000-000000000000";

/// A service whose callers may read what their claims name.
fn field() -> Field {
    Field::within(ReadScopes::parse("repository/{repositories} user/{sub}").unwrap())
}

fn of(domain: &str, entity_id: &str) -> String {
    let (domain, entity_id) = (encoded(domain), encoded(entity_id));
    format!("filter[domain]={domain}&filter[entity_id]={entity_id}")
}

/// The bytes of an answer, but for the request id.
fn bytes(answer: &Answer) -> String {
    let id = answer.header("x-request-id");
    let mut fields: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    fields.sort();
    let whole = format!(
        "{}\n{}\n{}",
        answer.status,
        fields.join("\n"),
        answer.text()
    );
    whole.replace(id, "<id>")
}

#[tokio::test]
async fn an_unknown_id_and_a_foreign_scope_are_told_alike_to_the_byte() {
    let field = field();
    let place = |entity_id| json!({"domain": "repository", "entity_id": entity_id});
    field.lay(&memory(&place(OWN)));
    let foreign = memory(&place(OTHER));
    let (deleted, damaged) = (
        memory(&json!({"domain": "repository", "entity_id": OTHER, "content": "deleted"})),
        memory(&json!({"domain": "repository", "entity_id": OTHER, "content": "damaged"})),
    );
    let ids = [&foreign, &deleted, &damaged].map(|memory| field.lay(memory));
    field.change(&foreign, 1, Status::Locked);
    field.change(&deleted, 1, Status::Deleted);
    field.put(&Object::of(&damaged).key, b"{}");
    let rob = field.called_by(&[("sub", "rob"), ("repositories", OWN)]);
    for accept in [JSON_API, JSON] {
        let ask = async |id: &str, scope: &str| {
            let target = format!("/memory/{id}?{scope}");
            bytes(&rob.ask("GET", &target, &[("accept", accept)]).await)
        };
        let unknown = ask(UNKNOWN, &format!("filter[repository_id]={OWN}")).await;
        assert!(unknown.starts_with("404"), "{unknown}");
        for id in ids
            .iter()
            .map(String::as_str)
            .chain([UNKNOWN, "x", "SEARCH"])
        {
            for scope in [
                format!("filter[repository_id]={OTHER}"),
                format!("filter[repository_id]={OWN}"),
                of("repository", OTHER),
                of("user", "eve"),
                of("user", "rob2"),
                of("nowhere", "rob"),
                format!("filter[repository_id]={OTHER}&filter[created_at]=2026-01-19T14:00:00Z"),
            ] {
                assert_eq!(ask(id, &scope).await, unknown, "{id} {scope}");
            }
        }
    }
    let eve = field.called_by(&[("sub", "eve"), ("repositories", OTHER)]);
    for (id, status) in ids.iter().zip([200, 410, 500]) {
        let target = format!("/memory/{id}?filter[repository_id]={OTHER}");
        assert_eq!(eve.get(&target).await.status, status);
    }
}

#[tokio::test]
async fn a_search_or_a_list_outside_the_claims_is_forbidden_whether_or_not_anything_is_there() {
    let field = field();
    field.lay(&memory(&json!({"domain": "user", "entity_id": "eve"})));
    let rob = field.called_by(&[("sub", "rob"), ("repositories", OWN)]);
    for scope in [
        of("user", "eve"),
        of("user", "nobody"),
        of("user", "Rob"),
        of("user", "rob2"),
        of("user", "ro"),
        of("user", "rob/"),
        of("user", "*"),
        of("user", "{sub}"),
        of("users", "rob"),
        of("USER", "rob"),
        of("repository", &OWN.to_uppercase()),
        format!("filter[repository_id]={OTHER}"),
    ] {
        for route in ["/memories?", "/memory/search?filter[query]=note&"] {
            let refused = rob.get(&format!("{route}{scope}")).await;
            assert_eq!(refused.status, 403, "{scope}");
            assert_eq!(refused.faults(), ["forbidden"], "{scope}");
        }
    }
    for scope in [
        of("user", "rob"),
        of("repository", OWN),
        format!("filter[repository_id]={}", OWN.to_uppercase()),
    ] {
        assert_eq!(rob.get(&format!("/memories?{scope}")).await.status, 200);
    }
}

#[tokio::test]
async fn a_caller_without_its_claim_reads_nothing() {
    let field = field();
    field.lay(&memory(&json!({"domain": "user", "entity_id": "rob"})));
    for claims in [
        &[][..],
        &[("sub", "")],
        &[("Sub", "rob")],
        &[("sub", "[rob eve]")],
        &[("sub", "*")],
        &[("sub", "eve")],
        &[("aws:sub", "rob")],
    ] {
        let caller = field.called_by(claims);
        let refused = caller
            .get(&format!("/memories?{}", of("user", "rob")))
            .await;
        assert_eq!(refused.status, 403, "{claims:?}");
    }
    // Nothing that a caller writes is a claim.
    let headers = [("sub", "rob"), ("x-amzn-oidc-identity", "rob")];
    let target = format!("/memories?{}&Sub=rob", of("user", "rob"));
    assert_eq!(field.ask("GET", &target, &headers).await.status, 403);
}

#[tokio::test]
async fn the_faults_of_the_parameters_come_before_the_scope() {
    let rob = field().called_by(&[("sub", "rob")]);
    let foreign = of("user", "eve");
    let target = format!("/memories?{foreign}&page[limit]=0");
    assert_eq!(
        rob.get(&target).await.faults(),
        ["invalid_parameter \"page[limit]\""]
    );
    let target = format!("/memory/x?{foreign}&include=a");
    assert_eq!(
        rob.get(&target).await.faults(),
        ["invalid_parameter \"include\""]
    );
}

#[tokio::test]
async fn without_a_scope_the_one_that_the_claims_name_is_read() {
    let field = field();
    let note = memory(&json!({"domain": "user", "entity_id": "rob"}));
    let id = field.lay(&note);
    let routes = [
        "/memories".to_owned(),
        "/memory/search?filter[query]=note".to_owned(),
        format!("/memory/{id}"),
    ];
    for (claims, status) in [
        (&[("sub", "rob")][..], 200),
        (&[("sub", "rob"), ("repositories", "")], 200),
        (&[("sub", "rob"), ("repositories", OWN)], 400),
        (&[("repositories", &*format!("[{OWN} {OTHER}]"))], 400),
        (&[], 400),
    ] {
        let caller = field.called_by(claims);
        for target in &routes {
            let answer = caller.get(target).await;
            assert_eq!(answer.status, status, "{claims:?} {target}");
            if status == 400 {
                assert_eq!(answer.faults(), ["scope_required"], "{claims:?} {target}");
            }
        }
    }
    // Where everybody may read everywhere, nobody is the owner of a scope.
    let open = Field::new().called_by(&[("sub", "rob")]);
    assert_eq!(open.get("/memories").await.faults(), ["scope_required"]);
}

#[tokio::test]
async fn a_search_reads_the_shared_scopes_too_and_what_it_shows_can_be_fetched() {
    let scopes = ReadScopes::parse("user/{sub}").unwrap();
    let scopes = scopes.with_shared("organization/acme team/{team}").unwrap();
    let field = Field::within(scopes);
    let place = |domain, entity_id| {
        memory(&json!({"domain": domain, "entity_id": entity_id, "content": "rounding note"}))
    };
    let own = field.lay(&place("user", "rob"));
    let shared = field.lay(&place("organization", "acme"));
    let team = field.lay(&place("team", "red"));
    let hidden = [("organization", "acme2"), ("team", "blue"), ("user", "eve")];
    for (domain, entity_id) in hidden {
        field.lay(&place(domain, entity_id));
    }
    let rob = field.called_by(&[("sub", "rob"), ("team", "red")]);
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    let found = rob.get("/memory/search?filter[query]=rounding").await;
    assert_eq!(
        sorted(found.ids()),
        sorted(vec![own.clone(), shared.clone(), team.clone()])
    );
    assert_eq!(found.json()["meta"]["searched"], 3);
    for resource in found.json()["data"].as_array().unwrap() {
        let target = resource["links"]["self"].as_str().unwrap();
        assert_eq!(rob.get(target).await.status, 200, "{target}");
    }
    // A list is of one scope.
    assert_eq!(rob.get("/memories").await.ids(), std::slice::from_ref(&own));
    // To ask for a shared scope searches it once.
    let target = format!(
        "/memory/search?filter[query]=rounding&{}",
        of("organization", "acme")
    );
    assert_eq!(
        sorted(rob.get(&target).await.ids()),
        sorted(vec![shared.clone(), team])
    );
    // Without its claim a template that is shared names nothing.
    let other = field.called_by(&[("sub", "rob")]);
    let found = other.get("/memory/search?filter[query]=rounding").await;
    assert_eq!(sorted(found.ids()), sorted(vec![own, shared]));
}

#[tokio::test]
async fn an_entity_is_never_reached_through_another_whose_name_it_begins_with() {
    let field = Field::new();
    for (domain, entity_id) in [
        ("user", "rob2"),
        ("user", "rob/x"),
        ("user2", "rob"),
        ("user", "rob%2Fx"),
    ] {
        field.lay(&memory(&json!({"domain": domain, "entity_id": entity_id})));
    }
    for (domain, entity_id) in [
        ("user", "rob"),
        ("use", "rob"),
        ("user", "r"),
        ("user", "rob/"),
        ("..", ".."),
    ] {
        let scope = of(domain, entity_id);
        let listed = field.get(&format!("/memories?{scope}")).await;
        assert!(listed.ids().is_empty(), "{scope} {}", listed.text());
        let found = field
            .get(&format!("/memory/search?{scope}&filter[query]=note"))
            .await;
        assert_eq!(found.json()["meta"]["searched"], 0, "{scope}");
    }
}
