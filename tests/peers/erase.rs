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
use sha2::{Digest, Sha256};

use crate::erasure::{Memories, plan, run_plan};
use crate::installed::python;
use crate::moto::Moto;
use crate::process::{Server, text};
use crate::s3_client::on_aws;

const AWS_CLI: &str = "awscli==1.46.3";
const LOG: &str = "memories-of-a-test";
const VIEWS: &str = "views-of-a-test";
/// What must be nowhere afterwards.
const SECRET: &str = "the-secret-word";

/// A bucket of the log with its service, and one of views.
struct World {
    moto: Moto,
    client: Client,
    memories: Memories,
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
        let memories = Memories(Server::spawn(serve));
        Self {
            moto,
            client,
            memories,
        }
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
    let (id, key) = world.memories.store("rob", SECRET).await;
    let (other, other_key) = world.memories.store("rob", "mornings").await;
    world.put(VIEWS, &view("rob"), SECRET).await;
    let marker = world.client.delete_object().bucket(VIEWS);
    marker.key(view("rob")).send().await.unwrap();
    world.build_view();
    world
        .memories
        .delete(&id, "rob", &format!("it names {SECRET}"))
        .await;
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
    assert_eq!(
        (
            world.memories.get(&id, "rob").await,
            world.memories.get(&other, "rob").await
        ),
        (404, 200)
    );
    assert_eq!(world.memories.store("rob", SECRET).await.0, id);
    assert_eq!(world.memories.get(&id, "rob").await, 410);
    assert_eq!(world.memories.found("rob", SECRET).await, 0);
    world.is_erased(&["--entity", "rob", "--id", &id], "");
    assert_eq!(world.holding(SECRET).await, Vec::<String>::new());
    assert_eq!(world.keys(LOG).await, left);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_entity_nothing_is_left_in_a_bucket_without_versions() {
    let world = World::without_versions().await;
    let mut ids = Vec::new();
    for content in ["one", "two", "three", "four"] {
        ids.push(
            world
                .memories
                .store("rob", &format!("{content} {SECRET}"))
                .await
                .0,
        );
    }
    ids.sort();
    world.memories.delete(&ids[0], "rob", SECRET).await;
    let mut others = Vec::new();
    for other in ["rob2", "ro", "rob/x", "it's \"rob\""] {
        others.push(world.memories.store(other, "kept").await.1);
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
        let (id, _) = world
            .memories
            .store("rob", &format!("{content} {SECRET}"))
            .await;
        assert_eq!(world.memories.get(&id, "rob").await, 410);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_object_lock_holds_stays_and_the_plan_and_its_end_say_so() {
    let world = World::with_locks().await;
    let (id, key) = world.memories.store("rob", SECRET).await;
    let day = 24 * 60 * 60;
    let until = std::time::SystemTime::now() + std::time::Duration::from_secs(10 * day);
    let retained = world.client.put_object().bucket(LOG).key(&key);
    let retained = retained
        .checksum_sha256(digest(b"compliance"))
        .object_lock_mode(ObjectLockMode::Compliance)
        .object_lock_retain_until_date(DateTime::from(until));
    let retained = retained.body(ByteStream::from_static(b"compliance"));
    retained.send().await.unwrap();
    let (held, held_key) = world.memories.store("rob", "held").await;
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
    assert_eq!(
        (
            world.memories.get(&id, "rob").await,
            world.memories.get(&held, "rob").await
        ),
        (410, 410)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_after_the_plan_stops_it_before_anything_is_deleted() {
    let world = World::with_locks().await;
    let (id, _) = world.memories.store("rob", SECRET).await;
    let printed = world.plan(&["--entity", "rob", "--id", &id]);
    world.memories.delete(&id, "rob", "x").await;
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
