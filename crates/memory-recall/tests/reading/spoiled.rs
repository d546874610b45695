//! No view changes an answer, whatever is in its place, at any point of a log of three days.

use memory_log::event::Status;
use memory_log::object::Object;
use memory_log::scope::ReadScope;
use memory_recall::find::{Filters, Order};
use memory_recall::view::encode;
use memory_recall::words::Query;
use proptest::prelude::*;
use proptest::sample::Index as Pick;
use tokio::runtime::Builder;

use crate::naive::{Deed, Model, assert_found, assert_got, listed};
use crate::world::{World, later, memory, scope};

/// Memories of the log. Four of them have the same instant, two in each entity.
const COUNT: usize = 320;

/// Stores the memory with this number, and changes one that was stored before.
fn grow(world: &World, model: &mut Model, number: usize) {
    let instant = number / 4;
    let contents = [
        "tax is 11 percent",
        "round half up",
        "the tax of src/http.rs",
    ];
    let timestamp = format!(
        "2026-01-{:02}T{:02}:{:02}:00Z",
        1 + instant % 3,
        instant / 3 % 24,
        instant % 60
    );
    let metadata = ["{}", r#"{"n":1}"#, r#"{"tags":["tax"]}"#][number % 3];
    let store = Deed::Store {
        entity_id: ["rob", "rob2"][number % 2],
        timestamp,
        content: contents[number / 2 % 3],
        metadata,
    };
    model.do_to(world, &store);
    // The key of a memory stands in the order of time, so the one that is changed is any of them.
    let position = (number * 37) % model.memories.len();
    let key = model.memories.keys().nth(position).unwrap().clone();
    if number % 9 == 8 && model.state(&key).1 < 3 {
        model.change(world, &key, Status::ALL[number % 4]);
    }
}

/// What lies in the place of a view of these lines, which a sound one of them has.
fn spoiled(
    rob: &ReadScope,
    lines: &[bytes::Bytes],
    pick: &Pick,
) -> Vec<(&'static str, Option<Vec<u8>>)> {
    let sound = |lines: &[bytes::Bytes]| encode(rob, lines.iter()).unwrap();
    let whole = sound(lines);
    let flipped = {
        let mut view = whole.clone();
        let at = pick.index(view.len());
        view[at] ^= 0x10;
        view
    };
    let text = String::from_utf8(zstd::decode_all(&whole[..]).unwrap()).unwrap();
    let packed = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
    let never_stored = Object::of(&memory("rob", "2026-01-02T00:00:00Z", "tax tax tax", "{}")).body;
    let of_rob2 = Object::of(&memory("rob2", "2026-01-02T00:00:00Z", "tax tax tax", "{}")).body;
    let foreign = [
        never_stored.clone(),
        of_rob2,
        never_stored,
        "{}".into(),
        "\u{1}".into(),
    ];
    let twice = [lines, lines, &foreign].concat();
    let long = memory("rob", "2026-01-02T00:00:00Z", &"tax ".repeat(100_000), "{}");
    let too_large = [lines, &[Object::of(&long).body]].concat();
    vec![
        ("absent", None),
        ("whole", Some(whole.clone())),
        ("stale", Some(sound(&lines[..pick.index(lines.len() + 1)]))),
        (
            "truncated",
            Some(whole[..pick.index(whole.len() + 1)].to_vec()),
        ),
        ("corrupted", Some(flipped)),
        ("forged", Some(packed(&text.replace("percent", "per cent")))),
        ("with foreign lines", Some(sound(&twice))),
        ("too large", Some(sound(&too_large))),
        (
            "of another entity",
            Some(encode(&scope("rob2"), lines.iter()).unwrap()),
        ),
        (
            "of another version",
            Some(packed(&text.replacen("\"view\":1", "\"view\":2", 1))),
        ),
        ("no view", Some(b"{}".to_vec())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn every_answer_is_the_same_to_the_byte_whatever_lies_in_the_place_of_the_view(
        point in 0..=COUNT,
        pick in any::<Pick>(),
        then in 0_usize..3,
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (world, mut model) = (World::new(), Model::default());
            (0..point).for_each(|number| grow(&world, &mut model, number));
            let rob = scope("rob");
            let of_rob = model.memories.iter().filter(|(key, _)| rob.covers(key));
            let lines: Vec<_> = of_rob.map(|(_, memory)| Object::of(memory).body).collect();
            // The view is of this point, and the log may have gone on.
            (point..point + then).for_each(|number| grow(&world, &mut model, number));
            let scopes = [rob.clone(), scope("rob2")];
            let (query, filters) = (Query::parse("tax half zebra").unwrap(), Filters::default());
            let views = world.views();
            let mut first = None;
            for (kind, view) in spoiled(&rob, &lines, &pick) {
                if let Some(view) = view {
                    let before = views.get(&rob).await.unwrap();
                    let etag = before.map(|before| before.etag);
                    views.put(&rob, view.into(), etag.as_ref()).await.unwrap();
                }
                let recall = world.recall_with_views();
                let found = recall.search(&scopes, &query, &filters, 5, later()).await.unwrap();
                assert_found(&found, &model, &scopes, &query, &filters);
                let answer = format!("{found:?}");
                assert_eq!(first.get_or_insert(answer.clone()), &answer, "{kind}");
                if kind == "with foreign lines" {
                    let newest = listed(&recall, &scopes, &filters, Order::Newest, 100).await;
                    assert_eq!(newest.len(), found.searched);
                    for key in model.memories.keys().step_by(40) {
                        assert_got(&recall, &model, &scopes, key, false).await;
                    }
                }
            }
        });
    }
}
