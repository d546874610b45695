//! Every answer is that of a naive reading of every object, whatever this process has read before; and
//! every request lies inside the scopes.

use std::collections::BTreeMap;

use memory_log::event::Status;
use memory_log::memory::Memory;
use memory_log::object::{KeyClaim, Object};
use memory_log::scope::ReadScope;
use memory_recall::find::{Cursor, Filters, Found, Order, Recall, RecallError, Recalled};
use memory_recall::rank::{self, Index};
use memory_recall::view::encode;
use memory_recall::words::Query;
use proptest::prelude::*;
use proptest::sample::{Index as Pick, select};
use tokio::runtime::Builder;

use crate::world::{World, at, later, memory, scope};

/// What was done to the log.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Store {
        entity_id: &'static str,
        timestamp: String,
        content: &'static str,
        metadata: &'static str,
    },
    Change(Pick, Status),
    Erase(Pick),
    Foreign(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    let store = (
        // The second is a prefix of the others.
        select(vec!["rob", "ro", "rob2", "rob"]),
        0_u8..8,
        select(vec![
            "tax is 11 percent",
            "round half up",
            "tax of http.rs",
            "note",
            "tax",
        ]),
        select(vec![
            "{}",
            r#"{"tags":["a"]}"#,
            r#"{"tags":["a","b"],"memory_type":"rule"}"#,
            r#"{"memory_type":"rule"}"#,
        ]),
    );
    prop_oneof![
        8 => store.prop_map(|(entity_id, second, content, metadata)| Deed::Store { entity_id, timestamp: format!("2026-01-01T00:00:0{second}Z"), content, metadata }),
        4 => (any::<Pick>(), select(Status::ALL.to_vec())).prop_map(|(pick, status)| Deed::Change(pick, status)),
        1 => any::<Pick>().prop_map(Deed::Erase),
        1 => any::<u8>().prop_map(Deed::Foreign),
    ]
}

/// The log as it should be.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) memories: BTreeMap<String, Memory>,
    /// The events of each memory, which outlive it.
    events: BTreeMap<String, Vec<Status>>,
    foreign: BTreeMap<String, ()>,
    /// Every memory that was stored, also if it was erased.
    ever: BTreeMap<String, Memory>,
}

impl Model {
    pub(crate) fn do_to(&mut self, world: &World, deed: &Deed) {
        let picked = |model: &Self, pick: &Pick| {
            let keys: Vec<_> = model.memories.keys().cloned().collect();
            (!keys.is_empty()).then(|| pick.get(&keys).clone())
        };
        match deed {
            Deed::Store {
                entity_id,
                timestamp,
                content,
                metadata,
            } => {
                let memory = memory(entity_id, timestamp, content, metadata);
                let object = world.store(&memory);
                self.ever.insert(object.key.clone(), memory.clone());
                self.memories.insert(object.key, memory);
            }
            Deed::Change(pick, status) => {
                let Some(key) = picked(self, pick) else {
                    return;
                };
                self.change(world, &key, *status);
            }
            Deed::Erase(pick) => {
                let Some(key) = picked(self, pick) else {
                    return;
                };
                world.erase(&key);
                self.memories.remove(&key);
            }
            Deed::Foreign(number) => {
                let key = match number % 3 {
                    0 => format!("memories/domain=work/entity=rob/zzz{number}"),
                    1 => format!("events/domain=work/entity=rob/x/{number}.json"),
                    _ => format!("memories/domain=work/entity=rob2/{number}"),
                };
                world.put(&key, b"mine");
                self.foreign.insert(key, ());
            }
        }
    }

    pub(crate) fn change(&mut self, world: &World, key: &str, status: Status) {
        let memory = &self.memories[key];
        let events = self.events.entry(key.to_owned()).or_default();
        events.push(status);
        world.change(memory, u8::try_from(events.len()).unwrap(), status);
    }

    pub(crate) fn state(&self, key: &str) -> (Status, u8) {
        let events = self.events.get(key).map_or(&[][..], Vec::as_slice);
        let status = events.last().copied().unwrap_or(Status::Unverified);
        (status, u8::try_from(events.len()).unwrap())
    }

    /// The memories that are wanted, oldest first.
    pub(crate) fn wanted(
        &self,
        scopes: &[ReadScope],
        filters: &Filters,
    ) -> Vec<(&String, &Memory)> {
        let is_wanted = |key: &str, memory: &Memory| {
            let (status, _) = self.state(key);
            let metadata = memory.metadata();
            let has = |text: &str| metadata.contains(&format!("{text:?}"));
            scopes.iter().any(|scope| scope.covers(key))
                && status != Status::Deleted
                && (filters.statuses.is_empty() || filters.statuses.contains(&status))
                && filters.tags.iter().all(|tag| has(tag))
                && (filters.memory_types.is_empty()
                    || filters.memory_types.iter().any(|of| has(of)))
                && filters
                    .since
                    .is_none_or(|since| memory.timestamp() >= since)
                && filters.until.is_none_or(|until| memory.timestamp() < until)
        };
        let mut wanted: Vec<_> = self
            .memories
            .iter()
            .filter(|(key, memory)| is_wanted(key, memory))
            .collect();
        wanted.sort_by_key(|(key, memory)| (memory.timestamp(), (*key).clone()));
        wanted
    }
}

pub(crate) type Shown = (String, Memory, Status, u8);

pub(crate) fn shown(recalled: &Recalled) -> Shown {
    let Recalled {
        line, status, seq, ..
    } = recalled;
    (line.place.key.clone(), line.memory.clone(), *status, *seq)
}

fn scopes() -> impl Strategy<Value = Vec<ReadScope>> {
    select(vec![
        vec!["rob"],
        vec!["ro"],
        vec!["rob", "rob2"],
        vec!["rob", "ro", "rob"],
        vec!["eve"],
    ])
    .prop_map(|entities| entities.into_iter().map(scope).collect())
}

fn filters() -> impl Strategy<Value = Filters> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    (
        select(vec![
            texts(&[]),
            texts(&[]),
            texts(&["a"]),
            texts(&["b", "a"]),
        ]),
        select(vec![texts(&[]), texts(&[]), texts(&["rule", "x"])]),
        select(vec![
            vec![],
            vec![],
            vec![Status::Verified],
            vec![Status::Unverified, Status::Locked],
        ]),
        select(vec![None, None, Some("2026-01-01T00:00:02Z")]),
        select(vec![None, None, Some("2026-01-01T00:00:05Z")]),
    )
        .prop_map(|(tags, memory_types, statuses, since, until)| Filters {
            tags,
            memory_types,
            statuses,
            since: since.map(at),
            until: until.map(at),
        })
}

/// Compares what was found with what an index of the candidates alone finds.
pub(crate) fn assert_found(
    found: &Found,
    model: &Model,
    scopes: &[ReadScope],
    query: &Query,
    filters: &Filters,
) {
    let candidates = model.wanted(scopes, filters);
    let mut index = Index::default();
    for (_, memory) in &candidates {
        index.add(Object::of(memory).memory_id, memory);
    }
    let ranked = rank::search(&[index.candidates(|_| true)], query, 5);
    let expected = ranked.hits.iter().map(|hit| {
        let (key, memory) = candidates[hit.doc];
        let (status, seq) = model.state(key);
        ((key.clone(), memory.clone(), status, seq), Some(hit.score))
    });
    let hits = found.hits.iter().map(|hit| (shown(hit), hit.score));
    assert_eq!(hits.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!(found.matches, ranked.matches);
    assert_eq!(found.searched, candidates.len());
    assert_eq!(found.unmatched_terms, ranked.unmatched_terms);
}

/// All pages of a list.
pub(crate) async fn listed(
    recall: &Recall,
    scopes: &[ReadScope],
    filters: &Filters,
    order: Order,
    limit: usize,
) -> Vec<Shown> {
    let mut all = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = recall
            .list(scopes, filters, order, after.as_ref(), limit, later())
            .await
            .unwrap();
        assert!(page.memories.len() <= limit);
        assert!(
            page.next.is_none() || page.memories.len() == limit,
            "a short page is the last"
        );
        all.extend(page.memories.iter().map(shown));
        match page.next {
            // A caller has it as text.
            Some(next) => after = Some(Cursor::parse(&next.to_string()).unwrap()),
            None => return all,
        }
        assert!(!page.memories.is_empty());
    }
}

pub(crate) async fn assert_got(
    recall: &Recall,
    model: &Model,
    scopes: &[ReadScope],
    key: &str,
    has_hint: bool,
) {
    let KeyClaim {
        memory_id,
        timestamp,
        ..
    } = KeyClaim::parse(key).unwrap();
    let hint = has_hint.then_some(timestamp);
    let got = recall.get(scopes, memory_id, hint, 3, later()).await;
    let is_there = model.memories.contains_key(key) && scopes.iter().any(|scope| scope.covers(key));
    let (status, seq) = model.state(key);
    match got {
        Err(RecallError::NotFound) => assert!(!is_there, "{key}"),
        Err(RecallError::Deleted { event, history }) => {
            assert!(is_there && status == Status::Deleted, "{key}");
            assert_eq!((event.seq().get(), history.events), (seq, usize::from(seq)));
        }
        Ok((recalled, history)) => {
            assert!(is_there);
            let expected = (key.to_owned(), model.memories[key].clone(), status, seq);
            assert_eq!(shown(&recalled), expected);
            let newest: Vec<_> = history
                .newest
                .iter()
                .map(|event| event.seq().get())
                .collect();
            let expected: Vec<_> = (1..=seq).rev().take(3).collect();
            assert_eq!((history.events, newest), (usize::from(seq), expected));
        }
        Err(error) => panic!("{key}: {error}"),
    }
}

/// What lies where the view of `rob` should.
#[derive(Debug, Clone)]
enum InPlaceOfAView {
    Nothing,
    /// The view of every second memory, erased and deleted ones too.
    Lines,
    /// A part of it.
    Cut(Pick),
    /// The view of another entity.
    Other,
    /// Other bytes.
    Forged,
}

fn view() -> impl Strategy<Value = InPlaceOfAView> {
    use InPlaceOfAView::{Cut, Forged, Lines, Nothing, Other};
    prop_oneof![
        Just(Nothing),
        Just(Lines),
        any::<Pick>().prop_map(Cut),
        Just(Other),
        Just(Forged),
    ]
}

/// Puts this in the place of the view. The lines of erased memories stay in views of later rounds.
async fn spoil_views(world: &World, model: &Model, view: &InPlaceOfAView) {
    let rob = scope("rob");
    let lines: Vec<_> = model
        .ever
        .values()
        .step_by(2)
        .map(|memory| Object::of(memory).body)
        .collect();
    let encoded = |of: &ReadScope| encode(of, lines.iter()).unwrap();
    let bytes = match view {
        InPlaceOfAView::Nothing => return,
        InPlaceOfAView::Lines => encoded(&rob),
        InPlaceOfAView::Cut(pick) => {
            let mut view = encoded(&rob);
            view.truncate(pick.index(view.len()));
            view
        }
        InPlaceOfAView::Other => encoded(&scope("rob2")),
        InPlaceOfAView::Forged => b"{}".to_vec(),
    };
    let views = world.views();
    let before = views.get(&rob).await.unwrap();
    let etag = before.map(|before| before.etag);
    views.put(&rob, bytes.into(), etag.as_ref()).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_answer_is_that_of_a_naive_reading_and_every_request_lies_inside_the_scopes(
        deeds in prop::collection::vec(prop::collection::vec(deed(), 0..12), 1..4),
        scopes in scopes(),
        filters in filters(),
        query in select(vec!["tax", "half tax zebra", "???"]),
        limit in 1_usize..5,
        has_hint in any::<bool>(),
        view in view(),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (world, mut model) = (World::new(), Model::default());
            let query = Query::parse(query).unwrap();
            let long_running = world.recall();
            let mut keys = Vec::new();
            for deeds in &deeds {
                deeds.iter().for_each(|deed| model.do_to(&world, deed));
                keys.extend(model.memories.keys().cloned());
                spoil_views(&world, &model, &view).await;
                for recall in [&long_running, &world.remote_recall(), &world.recall_with_views()] {
                    world.requests();
                    let found = recall.search(&scopes, &query, &filters, 5, later()).await.unwrap();
                    assert_found(&found, &model, &scopes, &query, &filters);
                    if filters.since.or(filters.until).is_none() {
                        let is_foreign = |key: &&String| scopes.iter().any(|scope| scope.covers(key));
                        assert_eq!(found.aliens, model.foreign.keys().filter(is_foreign).count());
                    }

                    let mut expected: Vec<_> = model.wanted(&scopes, &filters).into_iter().map(|(key, memory)| {
                        let (status, seq) = model.state(key);
                        (key.clone(), memory.clone(), status, seq)
                    }).collect();
                    assert_eq!(listed(recall, &scopes, &filters, Order::Oldest, limit).await, expected);
                    expected.reverse();
                    assert_eq!(listed(recall, &scopes, &filters, Order::Newest, limit).await, expected);

                    for key in keys.iter().step_by(3) {
                        assert_got(recall, &model, &scopes, key, has_hint).await;
                    }
                    let requests = world.requests().into_iter();
                    for request in requests.filter(|request| !request.starts_with("VIEW")) {
                        let (_, key) = request.split_once(' ').unwrap();
                        assert!(scopes.iter().any(|scope| scope.covers(key)), "{request}");
                    }
                }
            }
        });
    }
}
