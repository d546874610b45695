//! `erase` with a bucket: its printed commands are run by the AWS CLI, over versions, markers and Object Lock
//! (contract 7.8).

use std::path::Path;
use std::process::{Command, Output};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    BucketVersioningStatus, DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled,
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetentionMode,
    ObjectLockRule, VersioningConfiguration,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memory_log::event::{Event, EventKey, Status};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::erasure::{plan, run_plan};
use crate::installed::python;
use crate::moto::Moto;
use crate::process::{Server, text};
use crate::s3_client::on_aws;

const AWS_CLI: &str = "awscli==1.46.3";
const AT: &str = "2026-01-27T03:14:22Z";
const LOG: &str = "memories-of-a-test";
const VIEWS: &str = "views-of-a-test";
/// What must be nowhere afterwards.
const SECRET: &str = "the-secret-word";

/// A bucket of the log with its service, and one of views.
struct World {
    moto: Moto,
    client: Client,
    server: Server,
}

impl World {
    /// With Object Lock, which needs versions, every object is retained for a day. Somebody has given versions
    /// to the views as well, which the module does not.
    async fn with_locks() -> Self {
        let (moto, client) = Self::of_moto().await;
        let bucket = client.create_bucket().bucket(LOG);
        let bucket = bucket.object_lock_enabled_for_bucket(true);
        bucket.send().await.unwrap();
        let retention = DefaultRetention::builder()
            .mode(ObjectLockRetentionMode::Governance)
            .days(1);
        let rule = ObjectLockRule::builder().default_retention(retention.build());
        let configuration = ObjectLockConfiguration::builder()
            .object_lock_enabled(ObjectLockEnabled::Enabled)
            .rule(rule.build());
        let put = client.put_object_lock_configuration().bucket(LOG);
        let put = put.object_lock_configuration(configuration.build());
        put.send().await.unwrap();
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let put = client.put_bucket_versioning().bucket(VIEWS);
        let put = put.versioning_configuration(enabled.build());
        put.send().await.unwrap();
        Self::serving(moto, client)
    }

    async fn without_versions() -> Self {
        let (moto, client) = Self::of_moto().await;
        client.create_bucket().bucket(LOG).send().await.unwrap();
        Self::serving(moto, client)
    }

    async fn of_moto() -> (Moto, Client) {
        let moto = Moto::with_locks();
        let client = moto.client().await;
        client.create_bucket().bucket(VIEWS).send().await.unwrap();
        (moto, client)
    }

    fn serving(moto: Moto, client: Client) -> Self {
        let mut serve = on_moto(&moto);
        serve.args(["--listen", "127.0.0.1:0", "--bucket", LOG]);
        let server = Server::spawn(serve);
        Self {
            moto,
            client,
            server,
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.server.url);
        let request = self.server.client.request(method, url);
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => request,
        };
        let answer = request.header("accept", "application/json").send();
        let answer = answer.await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// The id and the key of a memory that is stored now.
    async fn store(&self, entity_id: &str, content: &str) -> (String, String) {
        let memory =
            json!({"domain": "work", "entity_id": entity_id, "content": content, "timestamp": AT});
        let (status, stored) = self.send(Method::POST, "/memory", Some(memory)).await;
        assert_eq!(status, 201, "{stored}");
        let text = |name: &str| stored[name].as_str().unwrap().to_owned();
        (text("memory_id"), text("s3_key"))
    }

    async fn delete(&self, id: &str, reason: &str) {
        let body = Some(json!({"meta": {"reason": reason}}));
        let (status, told) = self
            .send(Method::DELETE, &of_rob(&format!("/{id}"), ""), body)
            .await;
        assert_eq!(status, 200, "{told}");
    }

    /// The status of a get by id.
    async fn get(&self, id: &str) -> u16 {
        self.send(Method::GET, &of_rob(&format!("/{id}"), ""), None)
            .await
            .0
    }

    /// Puts the view of rob.
    fn build_view(&self) {
        let mut views = on_moto(&self.moto);
        views.args([
            "views", "--bucket", LOG, "--domain", "work", "--entity", "rob",
        ]);
        let built = views.output().unwrap();
        assert!(built.status.success(), "{}", text(&built.stderr));
    }

    /// How many memories a search finds.
    async fn found(&self, query: &str) -> u64 {
        let path = of_rob("/search", &format!("&filter[query]={query}"));
        let (status, found) = self.send(Method::GET, &path, None).await;
        assert_eq!(status, 200, "{found}");
        found["matches"].as_u64().unwrap()
    }

    async fn put(&self, bucket: &str, key: &str, body: &str) {
        let put = self.client.put_object().bucket(bucket).key(key);
        let put = put.checksum_sha256(digest(body.as_bytes()));
        let put = put.body(ByteStream::from(body.as_bytes().to_vec()));
        put.send().await.unwrap();
    }

    /// Every version and marker of a bucket, with the bytes of each version.
    async fn everything(&self, bucket: &str) -> Vec<(String, Option<Vec<u8>>)> {
        let mut all = Vec::new();
        let pages = self.client.list_object_versions().bucket(bucket);
        let page = pages.max_keys(1_000).send().await.unwrap();
        assert_eq!(page.is_truncated(), Some(false));
        for marker in page.delete_markers() {
            all.push((marker.key().unwrap().to_owned(), None));
        }
        for version in page.versions() {
            let key = version.key().unwrap();
            let get = self.client.get_object().bucket(bucket).key(key);
            let get = match version.version_id().unwrap() {
                "null" => get,
                id => get.version_id(id),
            };
            let body = get.send().await.unwrap().body.collect().await.unwrap();
            all.push((key.to_owned(), Some(body.to_vec())));
        }
        all.sort();
        all
    }

    async fn keys(&self, bucket: &str) -> Vec<String> {
        let all = self.everything(bucket).await.into_iter();
        all.map(|(key, _)| key).collect()
    }

    /// The keys of what has this text, in both buckets.
    async fn holding(&self, what: &str) -> Vec<String> {
        let mut all = self.everything(LOG).await;
        all.extend(self.everything(VIEWS).await);
        let holding = all.into_iter().filter(|(_, body)| {
            let body = body.as_deref().unwrap_or_default();
            text(body).contains(what)
        });
        holding.map(|(key, _)| key).collect()
    }

    fn plan(&self, args: &[&str]) -> String {
        let mut erase = on_moto(&self.moto);
        erase.args(["erase", "--bucket", LOG, "--domain", "work"]);
        plan(erase.args(args))
    }

    fn run(&self, plan: &str, meanwhile: &str) -> Output {
        let programs = python(&[AWS_CLI]);
        let environment = [
            ("PROGRAMS", programs.to_str().unwrap()),
            ("AWS_ENDPOINT_URL_S3", &self.moto.endpoint),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("HOME", "/nonexistent"),
        ];
        run_plan(plan, &environment, meanwhile)
    }

    fn is_erased(&self, args: &[&str], meanwhile: &str) {
        let ended = self.run(&self.plan(args), meanwhile);
        let (out, err) = (text(&ended.stdout), text(&ended.stderr));
        assert!(ended.status.success(), "{out}{err}");
        assert!(
            out.ends_with("Erased: only the tombstones are left.\n"),
            "{out}"
        );
    }
}

fn on_moto(moto: &Moto) -> Command {
    let mut command = on_aws(&moto.endpoint);
    command
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("MEMORY_VIEWS_BUCKET", VIEWS);
    command
}

fn of_rob(path: &str, more: &str) -> String {
    format!("/memory{path}?filter[domain]=work&filter[entity_id]=rob{more}")
}

/// A retained object is put with a digest.
fn digest(body: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(body))
}

fn view(entity_id: &str) -> String {
    format!("views/1/domain=work/entity={entity_id}.zst")
}

/// A command of the shell that puts a view, as a reader does that has listed before the erasure.
fn puts_view(folder: &Path) -> String {
    let stale = folder.join("stale");
    std::fs::write(&stale, SECRET).unwrap();
    format!(
        "aws s3api put-object --bucket {VIEWS} --key '{}' --body '{}' > /dev/null",
        view("rob"),
        stale.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_memory_no_version_is_left_but_a_tombstone_that_hides_a_repeat() {
    let world = World::with_locks().await;
    let (id, key) = world.store("rob", SECRET).await;
    let (other, other_key) = world.store("rob", "mornings").await;
    world.put(VIEWS, &view("rob"), SECRET).await;
    let marker = world.client.delete_object().bucket(VIEWS);
    marker.key(view("rob")).send().await.unwrap();
    world.build_view();
    world.delete(&id, &format!("it names {SECRET}")).await;
    // Older versions and a marker, keys that begin with those of the memory, and views whose keys do.
    world.put(LOG, &key, SECRET).await;
    let marker = world.client.delete_object().bucket(LOG).key(&key);
    marker.send().await.unwrap();
    let foreign = [
        format!("{key}.bak"),
        format!("events/domain=work/entity=rob/{id}x/1.json"),
    ];
    for key in &foreign {
        world.put(LOG, key, "foreign").await;
    }
    world
        .put(VIEWS, &view("rob.zst"), "of another entity")
        .await;
    let printed = world.plan(&["--entity", "rob", "--id", &id]);
    for line in [
        "# 3 versions of memories\n",
        "a delete marker\n",
        "(GOVERNANCE)\n",
        &format!("by \"local\": \"it names {SECRET}\"\n"),
        "# 3 versions of the entity's view",
        &format!("#   {key}.bak\n"),
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    let folder = tempfile::tempdir().unwrap();
    let ended = world.run(&printed, &puts_view(folder.path()));
    assert!(ended.status.success(), "{}", text(&ended.stderr));

    assert_eq!(world.holding(SECRET).await, Vec::<String>::new());
    assert_eq!(world.keys(VIEWS).await, [view("rob.zst")]);
    let tombstone = format!("events/domain=work/entity=rob/{id}/0000000002.json");
    let mut left = [&[tombstone.clone(), other_key][..], &foreign].concat();
    left.sort();
    assert_eq!(world.keys(LOG).await, left);
    let all = world.everything(LOG).await.into_iter();
    let body = all
        .into_iter()
        .find(|(key, _)| *key == tombstone)
        .unwrap()
        .1;
    let tombstone = EventKey::parse(&tombstone).unwrap();
    let tombstone = Event::read(tombstone, &body.unwrap()).unwrap();
    assert_eq!(tombstone.change().status, Status::Deleted);
    assert_eq!(tombstone.change().reason, None);

    // A repeat is confirmed, because it is durable, and it stays hidden.
    assert_eq!((world.get(&id).await, world.get(&other).await), (404, 200));
    assert_eq!(world.store("rob", SECRET).await.0, id);
    assert_eq!(world.get(&id).await, 410);
    assert_eq!(world.found(SECRET).await, 0);
    world.is_erased(&["--entity", "rob", "--id", &id], "");
    assert_eq!(world.holding(SECRET).await, Vec::<String>::new());
    assert_eq!(world.keys(LOG).await, left);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_entity_nothing_is_left_in_a_bucket_without_versions() {
    let world = World::without_versions().await;
    let mut ids = Vec::new();
    for content in ["one", "two", "three", "four"] {
        ids.push(world.store("rob", &format!("{content} {SECRET}")).await.0);
    }
    ids.sort();
    world.delete(&ids[0], SECRET).await;
    let mut others = Vec::new();
    for other in ["rob2", "ro", "rob/x", "it's \"rob\""] {
        others.push(world.store(other, "kept").await.1);
    }
    // Whatever lies under the entity's prefixes goes, also what XML cannot carry.
    for key in ["x", "it's", "a\rb", "$(touch oops)", "<&>", "é \u{2028}"] {
        world
            .put(
                LOG,
                &format!("memories/domain=work/entity=rob/{key}"),
                SECRET,
            )
            .await;
        world
            .put(LOG, &format!("events/domain=work/entity=rob/{key}"), SECRET)
            .await;
    }
    world.build_view();
    let folder = tempfile::tempdir().unwrap();
    world.is_erased(&["--entity", "rob"], &puts_view(folder.path()));
    assert_eq!(world.holding(SECRET).await, Vec::<String>::new());
    assert_eq!(world.keys(VIEWS).await, Vec::<String>::new());
    let seq = |id: &String| if *id == ids[0] { 2 } else { 1 };
    let tombstone = |id| format!("events/domain=work/entity=rob/{id}/{:010}.json", seq(id));
    let mut left: Vec<_> = ids.iter().map(tombstone).chain(others).collect();
    left.sort();
    assert_eq!(world.keys(LOG).await, left);
    for content in ["one", "two", "three", "four"] {
        let (id, _) = world.store("rob", &format!("{content} {SECRET}")).await;
        assert_eq!(world.get(&id).await, 410);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_object_lock_holds_stays_and_the_plan_and_its_end_say_so() {
    let world = World::with_locks().await;
    let (id, key) = world.store("rob", SECRET).await;
    let day = 24 * 60 * 60;
    let until = std::time::SystemTime::now() + std::time::Duration::from_secs(10 * day);
    let retained = world.client.put_object().bucket(LOG).key(&key);
    let retained = retained
        .checksum_sha256(digest(b"compliance"))
        .object_lock_mode(ObjectLockMode::Compliance)
        .object_lock_retain_until_date(DateTime::from(until));
    let retained = retained.body(ByteStream::from_static(b"compliance"));
    retained.send().await.unwrap();
    let (held, held_key) = world.store("rob", "held").await;
    let hold = ObjectLockLegalHold::builder().status(ObjectLockLegalHoldStatus::On);
    let put = world
        .client
        .put_object_legal_hold()
        .bucket(LOG)
        .key(&held_key);
    put.legal_hold(hold.build()).send().await.unwrap();

    let printed = world.plan(&["--entity", "rob"]);
    for line in [
        "What stays is 2 versions:",
        "(COMPLIANCE)\n",
        "under a legal hold\n",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    let ended = world.run(&printed, "");
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        text(&ended.stderr).starts_with("NOT ERASED"),
        "{}",
        text(&ended.stderr)
    );
    for key in [&key, &held_key] {
        assert!(text(&ended.stdout).contains(&format!("< {key}\n")));
    }
    assert_eq!(world.holding(SECRET).await, Vec::<String>::new());
    let tombstone = |id: &str| format!("events/domain=work/entity=rob/{id}/0000000001.json");
    let mut left = vec![key, held_key, tombstone(&id), tombstone(&held)];
    left.sort();
    assert_eq!(world.keys(LOG).await, left, "and both are hidden");
    assert_eq!((world.get(&id).await, world.get(&held).await), (410, 410));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_after_the_plan_stops_it_before_anything_is_deleted() {
    let world = World::with_locks().await;
    let (id, _) = world.store("rob", SECRET).await;
    let printed = world.plan(&["--entity", "rob", "--id", &id]);
    world.delete(&id, "x").await;
    let before = world.everything(LOG).await;
    let ended = world.run(&printed, "");
    assert!(!ended.status.success());
    assert!(
        text(&ended.stderr).contains("PreconditionFailed"),
        "{}",
        text(&ended.stderr)
    );
    assert_eq!(world.everything(LOG).await, before);
}
