//! Changes of status over HTTP and MCP (contract 9.1, 9.2, 9.3 and 9.4).

use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::Client;
use axum::Extension;
use memory_ingress::joined::Log;
use memory_ingress::remember::Ingress;
use memory_log::scope::{Claims, ReadScopes, WriteScopes};
use memory_log::steward::Stewards;
use memory_recall::access::Access;
use memory_recall::find::Recall;
use memory_s3::changer::Changer;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::reader::Reader;
use memory_s3::writer::Writer;
use memory_web::guard::Guard;
use memory_web::http::router;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::App;
use crate::exchange::{Answer, Asked, JSON, JSON_API, ask, mcp};

/// A service, the folder of its log, and a memory in it.
pub(crate) struct World {
    app: App,
    pub(crate) log: Log,
    /// A path of the memory, with its scope.
    pub(crate) target: String,
    pub(crate) id: String,
    pub(crate) folder: TempDir,
}

/// Who asks, and what the settings are.
struct Setting {
    sub: &'static str,
    role: &'static str,
    read: &'static str,
    write: &'static str,
}

const STEWARD: Setting = Setting {
    sub: "alice",
    role: "admin",
    read: "*/*",
    write: "*/*",
};

impl World {
    async fn new(setting: Setting) -> Self {
        Self::over(setting, |folder| {
            embedded::client(Disk::create(folder).unwrap())
        })
        .await
    }

    /// A steward's, over another client of the folder's S3.
    pub(crate) async fn steward_over(client: impl FnOnce(&Path) -> Client) -> Self {
        Self::over(STEWARD, client).await
    }

    async fn over(setting: Setting, client: impl FnOnce(&Path) -> Client) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = client(folder.path());
        let writes = WriteScopes::parse(setting.write).unwrap();
        let reader = Reader::new(client.clone(), BUCKET);
        let access = Access::new(
            Recall::new(reader.clone()),
            ReadScopes::parse(setting.read).unwrap(),
            Stewards::parse("role=admin").unwrap(),
        );
        let changer = Changer::new(client.clone(), BUCKET).of_a_folder();
        let access = access.with_changes(reader, changer, writes);
        let everywhere = WriteScopes::Everywhere;
        let log = Log {
            ingress: Arc::new(Ingress::new(Writer::new(client, BUCKET), everywhere)),
            access: Arc::new(access),
        };
        let token = [("sub", setting.sub), ("role", setting.role)];
        let claims = Claims {
            token: token
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into(),
            ..Claims::default()
        };
        let router = router(log.endpoints(), Guard::default());
        let app = App::of(router.layer(Extension(claims)));
        let body = r#"{"entity_id":"rob","domain":"work","content":"Mornings.","timestamp":"2026-01-27T03:14:22Z"}"#;
        let stored = ask("POST", "/memory").header("content-type", JSON);
        let stored = app.send(stored.header("accept", JSON).body(body)).await;
        let id = stored.json()["memory_id"].as_str().unwrap().to_owned();
        Self {
            app,
            log,
            target: format!("/memory/{id}?filter[domain]=work&filter[entity_id]=rob"),
            id,
            folder,
        }
    }

    async fn steward() -> Self {
        Self::new(STEWARD).await
    }

    pub(crate) async fn send(&self, asked: Asked) -> Answer {
        self.app.send_raw(asked.build()).await
    }

    fn patch(&self, attributes: &Value, reason: &str) -> Asked {
        let body = json!({
            "data": {"type": "memories", "id": self.id, "attributes": attributes},
            "meta": {"reason": reason},
        });
        let asked = ask("PATCH", &self.target).header("content-type", JSON_API);
        asked.body(body.to_string())
    }

    async fn becomes(&self, status: &str) -> Answer {
        self.send(self.patch(&json!({"status": status}), "r")).await
    }

    /// The codes of a request for a status, with its HTTP status.
    async fn refused(&self, asked: Asked) -> (u16, Vec<String>) {
        let answer = self.send(asked).await;
        (answer.status.as_u16(), answer.faults())
    }

    pub(crate) async fn get(&self) -> Answer {
        self.send(ask("GET", &self.target)).await
    }

    /// How many memories a list shows.
    async fn listed(&self) -> usize {
        let list = ask("GET", "/memories?filter[domain]=work&filter[entity_id]=rob");
        let listed = self.send(list).await;
        listed.json()["data"].as_array().unwrap().len()
    }
}

fn tag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_change_answers_what_a_get_shows_and_the_receipt_of_its_event() {
    let world = World::steward().await;
    let changed = world.becomes("verified").await;
    assert_eq!(
        (changed.status.as_u16(), tag(&changed)),
        (200, "\"1-1j\"".to_owned())
    );
    let (changed, got) = (changed.json(), world.get().await);
    assert_eq!(tag(&got), "\"1-1j\"");
    assert_eq!(changed["data"], got.json()["data"]);
    assert_eq!(changed["data"]["attributes"]["status"], "verified");
    let key = format!("events/domain=work/entity=rob/{}/0000000001.json", world.id);
    let meta = &changed["meta"];
    assert_eq!(
        (
            &meta["memory_id"],
            &meta["status"],
            &meta["seq"],
            &meta["s3_key"]
        ),
        (&json!(world.id), &json!("verified"), &json!(1), &json!(key))
    );
    assert!(meta["changed_at"].is_string() && meta["unchanged"].is_null());
    let history = &got.json()["meta"];
    assert_eq!(history["events"], 1);
    assert_eq!(history["history"][0]["actor"], "alice");
    assert_eq!(history["history"][0]["reason"], "r");
}

#[tokio::test]
async fn a_repeat_is_told_apart_from_a_status_that_another_request_made() {
    let world = World::steward().await;
    world.becomes("verified").await;
    let repeat = world.becomes("verified").await;
    assert_eq!(repeat.headers["idempotent-replayed"], "true");
    assert_eq!(repeat.json()["meta"]["seq"], 1);
    let other = world.patch(&json!({"status": "verified"}), "another reason");
    let other = world.send(other.header("if-match", "\"9-1j\"")).await;
    assert!(!other.headers.contains_key("idempotent-replayed"));
    assert_eq!(
        (other.status.as_u16(), &other.json()["meta"]["unchanged"]),
        (200, &json!(true))
    );
}

#[tokio::test]
async fn a_deleted_memory_is_gone_at_once_and_comes_back_with_the_tag_of_its_deletion() {
    let world = World::steward().await;
    assert_eq!(world.listed().await, 1);
    let reason = ask("DELETE", &world.target).header("content-type", JSON);
    let deleted = world
        .send(reason.body(r#"{"meta":{"reason":"old"}}"#))
        .await;
    assert_eq!(deleted.status, 200);
    assert!(deleted.json()["data"].is_null(), "nothing of it is shown");
    assert_eq!(world.listed().await, 0);
    let gone = world.get().await;
    assert_eq!(
        (gone.status.as_u16(), gone.faults()),
        (410, vec!["deleted".to_owned()])
    );
    let meta = gone.json()["errors"][0]["meta"].clone();
    assert_eq!(
        (&meta["seq"], &meta["status"]),
        (&json!(1), &json!("deleted"))
    );
    assert!(meta["deleted_at"].is_string());

    let restore = || world.patch(&json!({"status": "unverified"}), "back");
    let required = (428, vec!["precondition_required \"If-Match\"".to_owned()]);
    assert_eq!(world.refused(restore()).await, required);
    for near in ["*", "W/\"1-1j\"", "1-1j"] {
        let asked = restore().header("if-match", near);
        assert_eq!(world.refused(asked).await, required, "{near}");
    }
    let other = world
        .refused(restore().header("if-match", "\"2-1j\""))
        .await;
    assert_eq!(
        other,
        (412, vec!["precondition_failed \"If-Match\"".to_owned()])
    );
    let verified = world
        .patch(&json!({"status": "verified"}), "")
        .header("if-match", tag(&gone));
    assert_eq!(
        world.refused(verified).await,
        (410, vec!["deleted".to_owned()])
    );
    let restored = world
        .send(restore().header("if-match", format!("\"7-1j\", {}", tag(&gone))))
        .await;
    assert_eq!(
        (restored.status.as_u16(), tag(&restored)),
        (200, "\"2-1j\"".to_owned())
    );
    assert_eq!(world.listed().await, 1);
}

#[tokio::test]
async fn a_locked_memory_is_not_deleted_over_any_surface() {
    let world = World::steward().await;
    world.becomes("locked").await;
    let locked = (403, vec!["locked".to_owned()]);
    assert_eq!(world.refused(ask("DELETE", &world.target)).await, locked);
    let unverified = world.patch(&json!({"status": "unverified"}), "");
    assert_eq!(world.refused(unverified).await, locked);
    for path in ["/mcp", "/mcp/recall/changes"] {
        let arguments =
            json!({"memory_id": world.id, "reason": "x", "domain": "work", "entity_id": "rob"});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "forget_memory", "arguments": arguments}});
        let told = world.send(mcp(call.to_string()).to(path)).await.json();
        assert_eq!(told["result"]["isError"], true, "{path}");
    }
    assert_eq!(world.listed().await, 1);
}

#[tokio::test]
async fn forgetting_is_a_tool_of_its_own_path_alone() {
    let world = World::steward().await;
    let names = async |path: &str| {
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let listed = world.send(mcp(list).to(path)).await.json();
        let tools = listed["result"]["tools"].as_array().unwrap().clone();
        let names = tools
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let reading = ["search_memory", "get_memory"];
    assert_eq!(names("/mcp/recall").await, reading);
    assert_eq!(
        names("/api/v1/mcp/recall/changes").await,
        [&reading[..], &["forget_memory"]].concat()
    );
    assert_eq!(
        names("/mcp").await,
        [&["append_memory"], &reading[..], &["forget_memory"]].concat()
    );
    let arguments =
        json!({"memory_id": world.id, "reason": "wrong", "domain": "work", "entity_id": "rob"});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "forget_memory", "arguments": arguments}});
    let first = world.send(mcp(call.to_string())).await;
    let told = &first.json()["result"]["structuredContent"];
    assert_eq!(
        (&told["status"], &told["memory_status"], &told["seq"]),
        (&json!("ok"), &json!("deleted"), &json!(1))
    );
    let repeat = world.send(mcp(call.to_string())).await;
    assert_eq!(repeat.headers["idempotent-replayed"], "true");
    assert_eq!(world.listed().await, 0);
}

#[tokio::test]
async fn attributes_that_are_stored_may_be_repeated_and_no_other_may_be_sent() {
    let world = World::steward().await;
    let got = world.get().await.json();
    let mut attributes = got["data"]["attributes"].clone();
    attributes["status"] = json!("verified");
    attributes
        .as_object_mut()
        .unwrap()
        .remove("reliability_score");
    let whole = world.send(world.patch(&attributes, "r")).await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    attributes["content"] = json!("Evenings.");
    attributes["color"] = json!("red");
    let (status, faults) = world.refused(world.patch(&attributes, "r")).await;
    assert_eq!(status, 403);
    assert_eq!(
        faults,
        [
            "immutable \"/data/attributes/content\"",
            "immutable \"/data/attributes/color\""
        ]
    );
}

#[tokio::test]
async fn the_body_and_the_path_name_the_same_memory_and_the_same_scope() {
    let world = World::steward().await;
    let other =
        json!({"data": {"type": "memories", "id": "x", "attributes": {"status": "verified"}}});
    let asked = ask("PATCH", &world.target)
        .header("content-type", JSON_API)
        .body(other.to_string());
    assert_eq!(
        world.refused(asked).await,
        (409, vec!["id_mismatch \"/data/id\"".to_owned()])
    );
    let repository = r#"{"meta":{"repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"}}"#;
    let two = ask("DELETE", &world.target)
        .header("content-type", JSON)
        .body(repository);
    let two = world.refused(two).await;
    assert_eq!(
        two,
        (
            400,
            vec!["invalid_parameter \"filter[repository_id]\"".to_owned()]
        )
    );
    let path = format!("/memory/{}", world.id);
    let one = ask("DELETE", &path)
        .header("content-type", JSON)
        .body(repository);
    assert_eq!(
        world.refused(one).await,
        (404, vec!["not_found".to_owned()])
    );
    let none = ask("DELETE", &world.target).body("{}");
    assert_eq!(world.refused(none).await.0, 415, "a body has a type");
}

#[tokio::test]
async fn only_a_steward_may_do_more_than_delete_and_only_where_the_caller_may_write() {
    let world = World::new(Setting {
        role: "Admin",
        ..STEWARD
    })
    .await;
    let forbidden = (403, vec!["forbidden".to_owned()]);
    for status in ["verified", "locked", "unverified"] {
        let asked = world.patch(&json!({"status": status}), "");
        assert_eq!(world.refused(asked).await, forbidden, "{status}");
    }
    let got = world.get().await.json();
    assert!(got["meta"].is_null(), "only stewards see the history");
    assert_eq!(world.send(ask("DELETE", &world.target)).await.status, 200);
    let gone = world.get().await.json();
    assert!(gone["errors"][0]["meta"]["history"].is_null());

    let world = World::new(Setting {
        write: "work/{sub}",
        ..STEWARD
    })
    .await;
    assert_eq!(world.refused(ask("DELETE", &world.target)).await, forbidden);
    let world = World::new(Setting {
        read: "work/{sub}",
        ..STEWARD
    })
    .await;
    let unknown = (404, vec!["not_found".to_owned()]);
    assert_eq!(world.refused(ask("DELETE", &world.target)).await, unknown);
}

#[tokio::test]
async fn a_memory_has_two_hundred_changes_and_no_more() {
    let world = World::steward().await;
    for round in 0..100 {
        for status in ["verified", "unverified"] {
            assert_eq!(world.becomes(status).await.status, 200, "{round}");
        }
    }
    let asked = world.patch(&json!({"status": "verified"}), "");
    assert_eq!(
        world.refused(asked).await,
        (422, vec!["too_many_changes".to_owned()])
    );
}

#[tokio::test]
async fn attributes_of_any_metadata_are_compared_and_not_those_of_a_deleted_memory() {
    let world = World::steward().await;
    // Longer than any number of 64 bits, and a name that appears in no other place.
    let body = r#"{"entity_id":"rob","domain":"work","content":"x","timestamp":"2026-01-28T00:00:00Z","metadata":{"n":1e999,"tags":["a"]}}"#;
    let stored = ask("POST", "/memory").header("content-type", JSON);
    let stored = stored.header("accept", JSON).body(body);
    let id = world.send(stored).await.json()["memory_id"].clone();
    let id = id.as_str().unwrap();
    let target = format!("/memory/{id}?filter[domain]=work&filter[entity_id]=rob");
    let patch = |attributes: &str| {
        let body =
            format!(r#"{{"data":{{"type":"memories","id":"{id}","attributes":{attributes}}}}}"#);
        let asked = ask("PATCH", &target).header("content-type", JSON_API);
        asked.body(body)
    };
    let same = r#"{"status":"verified","content":"x","tags":["a"],"metadata":{"n": 1e999, "tags": ["a"]},"domain":"work"}"#;
    assert_eq!(world.send(patch(same)).await.status, 200);
    let absent = r#"{"status":"verified","memory_type":null,"repository_id":null}"#;
    assert_eq!(world.send(patch(absent)).await.status, 200);
    for near in ["0", "false", "[]", r#""""#] {
        let near = format!(r#"{{"status":"verified","memory_type":{near}}}"#);
        let immutable = vec!["immutable \"/data/attributes/memory_type\"".to_owned()];
        assert_eq!(world.refused(patch(&near)).await, (403, immutable));
    }
    let other = r#"{"status":"verified","metadata":{"n":1e998}}"#;
    let refused = world.refused(patch(other)).await;
    let immutable = vec!["immutable \"/data/attributes/metadata\"".to_owned()];
    assert_eq!(refused, (403, immutable));
    let deleted = r#"{"status":"deleted"}"#;
    assert_eq!(world.send(patch(deleted)).await.status, 200);
    let guess = r#"{"status":"deleted","content":"a guess"}"#;
    assert_eq!(
        world.send(patch(guess)).await.status,
        200,
        "as without the guess"
    );
}

#[tokio::test]
async fn a_list_of_faults_is_bounded() {
    let world = World::steward().await;
    let many: Vec<_> = (0..1_000)
        .map(|number| format!("\"m{number}\":{{}}"))
        .collect();
    let body = format!(
        r#"{{"data":{{"type":"memories","id":"{}","attributes":{{"status":"verified"}},"relationships":{{{}}}}}}}"#,
        world.id,
        many.join(",")
    );
    let asked = ask("PATCH", &world.target).header("content-type", JSON_API);
    let (status, faults) = world.refused(asked.body(body)).await;
    assert_eq!((status, faults.len()), (422, 100));
    let arguments: Vec<_> = (0..1_000)
        .map(|number| format!("\"m{number}\":0"))
        .collect();
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"search_memory","arguments":{{{}}}}}}}"#,
        arguments.join(",")
    );
    let told = world.send(mcp(call)).await;
    assert!(told.text().contains("not listed: 900") && told.body.len() < 100_000);
}

#[tokio::test]
async fn a_reason_that_would_be_lost_is_refused() {
    let world = World::steward().await;
    for body in [
        r#"{"meta":"wrong customer"}"#,
        r#"{"meta":[{"reason":"x"}]}"#,
    ] {
        let asked = ask("DELETE", &world.target).header("content-type", JSON);
        let refused = world.refused(asked.body(body)).await;
        assert_eq!(
            refused,
            (422, vec!["invalid_type \"/meta\"".to_owned()]),
            "{body}"
        );
    }
    assert_eq!(world.listed().await, 1);
}
