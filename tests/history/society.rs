//! Writers, changers and readers at once. Every answer is judged when it comes: it misses nothing that was
//! confirmed before its request, and shows nothing that is not in the log.
//!
//! The log that an answer is held against is read from the disk after the answer, so it has all that the
//! answer can know.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{Extension, Router};
use memory_ingress::http::endpoints;
use memory_ingress::joined::Log;
use memory_ingress::remember::Ingress;
use memory_log::event::{Event, EventKey, Status};
use memory_log::scope::{Claims, ReadScopes, WriteScopes};
use memory_log::steward::Stewards;
use memory_recall::access::Access;
use memory_recall::find::Recall;
use memory_s3::changer::Changer;
use memory_s3::embedded::{self, BUCKET, Disk, VIEWS_BUCKET};
use memory_s3::reader::Reader;
use memory_s3::views::Views;
use memory_web::guard::Guard;
use memory_web::http::{Deadline, router};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::events::{Asked, agrees, contradictions, statuses};
use crate::exchange::{Answer, JSON, JSON_API, ask, send_unchecked};
use crate::faulty;
use crate::life::{faults, random};
use crate::surface::{Surface, Told};
use crate::{ATTEMPT_TIME_MAX, replay};

/// Entities that all of them share.
const ENTITIES: u64 = 6;
/// Workers of each kind.
const AT_ONCE: usize = 8;
/// Most attempts of a writer or a changer for one request.
const ATTEMPTS_MAX: usize = 12;
/// Time for a change or a read: some puts, each with a pause before it.
const TIME_MAX: Duration = Duration::from_secs(2);

/// A memory that a writer was told is stored.
struct Fact {
    entity: String,
    id: String,
    key: String,
    /// The highest event that anybody was told of.
    confirmed: AtomicU8,
    asked: Mutex<Vec<Asked>>,
}

struct Society {
    folder: PathBuf,
    entities: Vec<String>,
    seed: u64,
    writes: Router,
    log: Log,
    facts: Mutex<Vec<Arc<Fact>>>,
    steps: AtomicUsize,
    /// How many reads and changes were answered, and not put off.
    reads: AtomicUsize,
    changes: AtomicUsize,
    found: Mutex<Vec<String>>,
}

/// What all of them were told, and does not agree with the log.
pub(crate) async fn violations(folder: &Path, seed: u64, steps: usize) -> Vec<String> {
    let society = Arc::new(Society::new(folder, seed, steps));
    let mut workers = JoinSet::new();
    for number in 0..3 * AT_ONCE {
        let society = Arc::clone(&society);
        workers.spawn(async move { society.work(number).await });
    }
    workers.join_all().await;
    // What was given up may still land.
    tokio::time::sleep(4 * ATTEMPT_TIME_MAX).await;
    society.judge();
    let (reads, changes) = (&society.reads, &society.changes);
    let [reads, changes] = [reads, changes].map(|count| count.load(Ordering::SeqCst));
    let facts = society.facts.lock().unwrap().len();
    println!("history: {facts} memories, {changes} changes and {reads} reads at once");
    assert!(facts > 0 && changes > 0 && reads > 0, "too little to judge");
    std::mem::take(&mut society.found.lock().unwrap())
}

impl Society {
    fn new(folder: &Path, seed: u64, steps: usize) -> Self {
        let plain = embedded::client(Disk::create(folder).unwrap());
        let reader = Reader::new(plain.clone(), BUCKET);
        let recall = Recall::new(reader.clone()).with_views(Views::new(plain, VIEWS_BUCKET));
        let stewards = Stewards::parse("role=admin").unwrap();
        let access = Access::new(recall, ReadScopes::everywhere(), stewards);
        let failing = faulty::faulty_client(folder, faults(seed.wrapping_add(1)));
        let changer = Changer::new(failing, BUCKET).of_a_folder();
        let access = access.with_changes(reader, changer, WriteScopes::Everywhere);
        let store = || faulty::faulty_store(folder, faults(seed));
        let ingress = || Ingress::new(store(), WriteScopes::Everywhere);
        let entity =
            |number| Uuid::from_u128(random(seed, ("entity", number)).u128(..)).to_string();
        Self {
            folder: folder.to_owned(),
            entities: (0..ENTITIES).map(entity).collect(),
            seed,
            writes: router(endpoints(ingress()), Guard::default()),
            log: Log {
                ingress: Arc::new(ingress()),
                access: Arc::new(access),
            },
            facts: Mutex::default(),
            steps: AtomicUsize::new(steps),
            reads: AtomicUsize::new(0),
            changes: AtomicUsize::new(0),
            found: Mutex::default(),
        }
    }

    async fn work(&self, number: usize) {
        let mut random = random(self.seed, ("worker", number));
        let token = [("sub", format!("s{number}")), ("role", "admin".to_owned())];
        let claims = Claims {
            token: token.map(|(name, text)| (name.to_owned(), text)).into(),
            ..Claims::default()
        };
        let router = router(self.log.clone().endpoints(), Guard::default());
        let router = router.layer(Extension(claims));
        let one_less = |steps: usize| steps.checked_sub(1);
        let order = Ordering::SeqCst;
        for step in 0.. {
            if self.steps.fetch_update(order, order, one_less).is_err() {
                return;
            }
            let name = format!("{number}-{step}");
            match number % 3 {
                0 => self.write(&mut random, name).await,
                1 => self.change(&router, &mut random, name).await,
                _ => self.read(&router, &mut random).await,
            }
        }
    }

    fn violated(&self, what: String) {
        self.found.lock().unwrap().push(what);
    }

    /// A memory that is chosen by lot; after a while, if there is none yet.
    async fn any_fact(&self, random: &mut fastrand::Rng) -> Option<Arc<Fact>> {
        let chosen = {
            let facts = self.facts.lock().unwrap();
            // The newest are changed most, so that some get many changes.
            let newest = facts.len().saturating_sub(1 + random.usize(..40));
            facts.get(newest).cloned()
        };
        if chosen.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        chosen
    }

    async fn write(&self, random: &mut fastrand::Rng, name: String) {
        let entity = &self.entities[random.usize(..self.entities.len())];
        let surface = Surface::ALL[random.usize(..Surface::ALL.len())];
        let timestamp = format!("2026-{:02}-27T03:14:22Z", random.u8(1..=12));
        for _ in 0..ATTEMPTS_MAX {
            let asked = surface.ask(entity, &format!("word {name}"), Some(&timestamp));
            let asked = asked.with_deadline(Deadline(Instant::now() + ATTEMPT_TIME_MAX));
            let answer = send_unchecked(&self.writes, asked.build()).await;
            if let Told::Stored { key } = surface.told(&answer.json()) {
                let (_, id) = key.rsplit_once('_').unwrap();
                let fact = Fact {
                    entity: entity.clone(),
                    id: id.trim_end_matches(".json").to_owned(),
                    key,
                    confirmed: AtomicU8::new(0),
                    asked: Mutex::default(),
                };
                return self.facts.lock().unwrap().push(Arc::new(fact));
            }
        }
    }

    async fn change(&self, router: &Router, random: &mut fastrand::Rng, reason: String) {
        let Some(fact) = self.any_fact(random).await else {
            return;
        };
        let Some((status, seq)) = self.get(router, &fact).await else {
            return;
        };
        // Without some that undo it, a deletion would be the end.
        let to = match (status, random.bool()) {
            (Status::Deleted, true) => Status::Unverified,
            (Status::Locked, true) => Status::Verified,
            _ => Status::ALL[random.usize(..Status::ALL.len())],
        };
        let seen = random.bool().then_some(seq);
        let mut asked = Asked {
            reason,
            to,
            seen,
            unknown: 0,
            is_made: false,
        };
        let data =
            json!({"type": "memories", "id": fact.id, "attributes": {"status": to.as_str()}});
        let body = json!({"data": data, "meta": {"reason": asked.reason}}).to_string();
        for _ in 0..ATTEMPTS_MAX {
            let request = ask("PATCH", &target(&fact)).header("content-type", JSON_API);
            let request = match seen {
                Some(seq) => request.header("if-match", format!("\"{seq}-1f\"")),
                None => request,
            };
            let answer = answered(router, request.header("accept", JSON).body(body.clone())).await;
            match answer.status.as_u16() {
                200 => {
                    asked.is_made = self.confirmed(&fact, &asked, &answer);
                    break;
                }
                504 => asked.unknown += 1,
                503 => {}
                // S3 refused it, as it does where a policy denies it.
                500 if answer.json()["error"]
                    .as_str()
                    .is_some_and(|error| error.contains("refused")) =>
                {
                    break;
                }
                403 | 409 | 410 | 412 | 422 | 428 => break,
                _ => self.violated(format!("{answer:?} for {asked:?}")),
            }
        }
        self.changes.fetch_add(1, Ordering::SeqCst);
        fact.asked.lock().unwrap().push(asked);
    }

    /// Holds a receipt against the log, which must have its event by now. Whether this request made it.
    fn confirmed(&self, fact: &Fact, asked: &Asked, answer: &Answer) -> bool {
        let receipt = answer.json();
        let seq = u8::try_from(receipt["seq"].as_u64().unwrap()).unwrap();
        let log = statuses(&self.events(fact));
        if log.get(usize::from(seq)) != Some(&asked.to)
            || receipt["memory_status"] != asked.to.as_str()
        {
            self.violated(format!("{receipt} for {asked:?}, and the log has {log:?}"));
        }
        fact.confirmed.fetch_max(seq, Ordering::SeqCst);
        let is_own = self.events(fact).iter().any(|event| {
            let reason = event.change().reason.as_ref();
            event.seq().get() == seq && reason.is_some_and(|reason| reason.as_str() == asked.reason)
        });
        is_own && answer.header("idempotent-replayed").is_empty()
    }

    async fn read(&self, router: &Router, random: &mut fastrand::Rng) {
        let Some(fact) = self.any_fact(random).await else {
            return;
        };
        let (path, query) = match random.u8(..3) {
            0 => {
                self.get(router, &fact).await;
                return;
            }
            1 => ("/memories", "page[limit]=200"),
            _ => ("/memory/search", "page[limit]=50&filter[query]=word"),
        };
        self.list(router, &fact.entity, path, query).await;
    }

    /// The status and the number of a memory's highest event, as a read by id shows them.
    async fn get(&self, router: &Router, fact: &Fact) -> Option<(Status, u8)> {
        let floor = fact.confirmed.load(Ordering::SeqCst);
        let answer = answered(router, ask("GET", &target(fact)).header("accept", JSON)).await;
        let log = statuses(&self.events(fact));
        let number = answer
            .header("etag")
            .trim_start_matches('"')
            .split('-')
            .next();
        let number = number.and_then(|number| number.parse::<u8>().ok());
        let status = match answer.status.as_u16() {
            200 => Status::parse(answer.json()["memory"]["memory_status"].as_str().unwrap()),
            410 => Some(Status::Deleted),
            503 => return None,
            _ => None,
        };
        self.reads.fetch_add(1, Ordering::SeqCst);
        let (Some(status), Some(seq)) = (status, number) else {
            self.violated(format!("{} is stored, and answered {answer:?}", fact.key));
            return None;
        };
        if seq < floor || log.get(usize::from(seq)) != Some(&status) {
            let key = &fact.key;
            self.violated(format!("{key} is {status} by event {seq}, after {floor} was confirmed, and the log has {log:?}"));
        }
        Some((status, seq))
    }

    /// Lists or searches an entity. A search shows at most 50 of its matches, and says how many there are.
    async fn list(&self, router: &Router, entity: &str, path: &str, query: &str) {
        let known: Vec<_> = {
            let facts = self.facts.lock().unwrap();
            let own = facts.iter().filter(|fact| fact.entity == entity);
            own.map(|fact| (Arc::clone(fact), fact.confirmed.load(Ordering::SeqCst)))
                .collect()
        };
        let target = format!("{path}?filter[repository_id]={entity}&{query}");
        let answer = answered(router, ask("GET", &target).header("accept", JSON)).await;
        match answer.status.as_u16() {
            200 => {}
            503 => return,
            _ => return self.violated(format!("{target} is answered {answer:?}")),
        }
        self.reads.fetch_add(1, Ordering::SeqCst);
        let answer = answer.json();
        let memories = answer["memories"].as_array().unwrap().iter();
        let text = |memory: &Value, name: &str| memory[name].as_str().unwrap().to_owned();
        let shown =
            memories.map(|memory| (text(memory, "memory_id"), text(memory, "memory_status")));
        let shown: HashMap<_, _> = shown.collect();
        let objects = self.objects(entity);
        for (id, status) in &shown {
            let log = statuses(&self.events_of(entity, id));
            let status = Status::parse(status).unwrap();
            if !objects.contains(id) || !agrees(0, &log, status) || status == Status::Deleted {
                self.violated(format!(
                    "{target} shows {id} as {status}, and the log has {log:?}"
                ));
            }
        }
        let is_whole = answer["next"].is_null()
            && answer["matches"]
                .as_u64()
                .is_none_or(|matches| matches <= 50);
        let mut certain = 0;
        for (fact, floor) in known {
            let log = statuses(&self.events(&fact));
            let status = shown
                .get(&fact.id)
                .map_or(Status::Deleted, |status| Status::parse(status).unwrap());
            let is_judged = is_whole || shown.contains_key(&fact.id);
            if is_judged && !agrees(floor, &log, status) {
                let id = &fact.id;
                self.violated(format!("{target} has {id} as {status}, after {floor} was confirmed, and the log has {log:?}"));
            }
            certain += u64::from(!agrees(floor, &log, Status::Deleted));
        }
        if let Some(matches) = answer["matches"].as_u64()
            && !(certain..=objects.len() as u64).contains(&matches)
        {
            self.violated(format!(
                "{target} has {matches} matches, and {certain} to {} are there",
                objects.len()
            ));
        }
    }

    /// The folder of an entity's memories, or of its events.
    fn folder_of(&self, what: &str, entity: &str) -> PathBuf {
        let names = format!("{what}/domain=repository/entity={entity}");
        self.folder.join(BUCKET).join(names)
    }

    /// The ids of the memories that are there.
    fn objects(&self, entity: &str) -> Vec<String> {
        let mut folders = vec![self.folder_of("memories", entity)];
        let mut ids = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                match name
                    .strip_suffix(".json")
                    .and_then(|name| name.rsplit_once('_'))
                {
                    Some((_, id)) => ids.push(id.to_owned()),
                    None => folders.push(entry.path()),
                }
            }
        }
        ids
    }

    fn events(&self, fact: &Fact) -> Vec<Event> {
        self.events_of(&fact.entity, &fact.id)
    }

    /// The events of a memory that are there, each whole.
    fn events_of(&self, entity: &str, id: &str) -> Vec<Event> {
        let folder = self.folder_of("events", entity).join(id);
        let entries = fs::read_dir(folder).into_iter().flatten();
        let mut events: Vec<_> = entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let key = path.strip_prefix(self.folder.join(BUCKET)).unwrap();
                let key = EventKey::parse(key.to_str().unwrap()).unwrap();
                Event::read(key, &fs::read(path).unwrap()).unwrap()
            })
            .collect();
        events.sort_by_key(Event::seq);
        events
    }

    /// Holds the log as it is in the end against everything that was told.
    fn judge(&self) {
        let memories = replay(&self.folder, &[]);
        let events = replay(&self.folder, &["--events"]);
        let mut count = 0;
        for fact in &*self.facts.lock().unwrap() {
            if !memories.contains(&fact.id) {
                self.violated(format!("{} was confirmed, and is not there", fact.key));
            }
            let events = self.events(fact);
            count += events.len();
            for what in contradictions(&events, &fact.asked.lock().unwrap()) {
                self.violated(format!("{}: {what}", fact.key));
            }
        }
        if events.lines().count() != count {
            self.violated("there are events of memories that were not confirmed".to_owned());
        }
    }
}

fn target(fact: &Fact) -> String {
    format!("/memory/{}?filter[repository_id]={}", fact.id, fact.entity)
}

async fn answered(router: &Router, asked: crate::exchange::Asked) -> Answer {
    let asked = asked.with_deadline(Deadline(Instant::now() + TIME_MAX));
    send_unchecked(router, asked.build()).await
}
