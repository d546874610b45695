//! Tests of what a view may do to an answer: nothing. What is decoded is always a part of the true lines.

use std::collections::BTreeSet;

use memory_log::fault::Violations;
use memory_log::json::Json;
use memory_log::memory::{Draft, Memory};
use memory_log::scope::{Claims, ReadScopes};
use memory_log::timestamp::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn entity(entity_id: &str) -> ReadScope {
    let everywhere = ReadScopes::everywhere();
    everywhere
        .permit(&Claims::default(), "work", entity_id)
        .unwrap()
}

fn rob() -> ReadScope {
    entity("rob/")
}

/// The object of a memory of this entity, written in this second.
fn object(entity_id: &str, second: usize, content: &str) -> Object {
    let request = format!(r#"{{"domain":"work","entity_id":"{entity_id}","content":"{content}"}}"#);
    let json = Json::parse(request.as_bytes()).unwrap();
    let draft = Draft::of_fields(json.root(), Violations::default());
    let at = Timestamp::from_unix_micros(1_000_000 * i64::try_from(second).unwrap());
    Object::of(&Memory::new(draft, at).unwrap())
}

/// Memories of an entity with these contents, in the order of their keys.
fn objects_of(entity_id: &str, contents: &[impl AsRef<str>]) -> Vec<Object> {
    let contents = contents.iter().enumerate();
    contents
        .map(|(second, content)| object(entity_id, second, content.as_ref()))
        .collect()
}

fn objects(contents: &[impl AsRef<str>]) -> Vec<Object> {
    objects_of("rob/", contents)
}

fn encoded(scope: &ReadScope, objects: &[Object]) -> Vec<u8> {
    encode(scope, objects.iter().map(|object| &*object.body)).unwrap()
}

fn bytes_of(objects: &[Object]) -> u64 {
    objects.iter().map(|object| object.body.len() as u64).sum()
}

/// What is decoded for rob, where these objects are listed.
fn decoded(view: &[u8], listed: &[Object]) -> Vec<Object> {
    let keys: BTreeSet<_> = listed.iter().map(|object| &*object.key).collect();
    let scope = rob();
    decode(&scope, view, bytes_of(listed), |key| keys.contains(key))
        .map(|stored| stored.object)
        .collect()
}

fn newest_first(objects: &[Object]) -> Vec<Object> {
    objects.iter().rev().cloned().collect()
}

fn compressed(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), LEVEL).unwrap()
}

/// The view that has these lines, whatever they are.
fn forged(lines: &[&str]) -> Vec<u8> {
    compressed(&format!("{}{}\n", header(&rob()), lines.join("\n")))
}

fn text(object: &Object) -> &str {
    std::str::from_utf8(&object.body).unwrap()
}

#[test]
fn a_view_is_a_header_and_the_lines_of_the_log_with_the_newest_first() {
    let one = objects(&["one", "two"]);
    let view = zstd::decode_all(&*encoded(&rob(), &one)).unwrap();
    let expected = format!(
        "{{\"view\":1,\"prefix\":\"memories/domain=work/entity=rob%2F/\"}}\n{}\n{}\n",
        text(&one[1]),
        text(&one[0])
    );
    assert_eq!(String::from_utf8(view).unwrap(), expected);
}

#[test]
fn a_listing_of_the_newest_memories_finds_them_within_its_own_size() {
    let all = objects(&["one", "two", "three"]);
    let view = encoded(&rob(), &all);
    for from in 0..=all.len() {
        let newest = &all[from..];
        assert_eq!(decoded(&view, newest), newest_first(newest));
    }
}

#[test]
fn a_view_of_no_memories_has_none() {
    assert_eq!(decoded(&encoded(&rob(), &[]), &[]), []);
    assert_eq!(decoded(b"", &objects(&["one"])), []);
}

#[test]
fn a_view_of_another_entity_or_version_or_of_none_has_nothing() {
    let one = objects(&["one"]);
    for other in ["rob", "rob/2", "rob%2F", "Rob/"] {
        assert_eq!(decoded(&encoded(&entity(other), &one), &one), [], "{other}");
    }
    let line = text(&one[0]);
    let own = header(&rob());
    for header in [
        &*own.replace("1", "2"),
        &own.replace(":1", ":10"),
        &own.replace("view", "vieW"),
        own.trim_end(),
        &format!(" {own}"),
        &format!("\n{own}"),
        "",
    ] {
        let view = compressed(&format!("{header}{line}\n"));
        assert_eq!(decoded(&view, &one), [], "{header}");
    }
    assert_eq!(decoded(&compressed(&format!("{own}{line}")), &one), one);
}

#[test]
fn a_line_that_is_not_listed_not_proved_or_there_twice_is_left_out() {
    let all = objects(&["one", "two", "three"]);
    let foreign = objects_of("ann", &["one"]);
    let changed = text(&all[0]).replace("one", "ONE");
    let spaced = format!("{} ", text(&all[1]));
    let view = forged(&[
        text(&all[1]),
        text(&foreign[0]),
        "x",
        &changed,
        &spaced,
        text(&all[2]),
        text(&all[1]),
        text(&all[0]),
    ]);
    let listed = |names: &[usize]| {
        let keys: Vec<_> = names.iter().map(|at| &*all[*at].key).collect();
        let scope = rob();
        let decoded = decode(&scope, &view, 1 << 20, |key| keys.contains(&key));
        let objects = decoded.map(|stored| stored.object);
        objects.collect::<Vec<_>>()
    };
    let in_its_order = [1, 2, 0].map(|at| all[at].clone());
    assert_eq!(listed(&[0, 1, 2]), in_its_order);
    assert_eq!(listed(&[0]), all[..1]);
    assert_eq!(listed(&[]), []);
    // A listing that has every key cannot widen the scope.
    let scope = rob();
    let decoded = decode(&scope, &view, 1 << 20, |_| true);
    assert!(decoded.map(|stored| stored.object).eq(in_its_order));
}

#[test]
fn a_proved_line_comes_with_its_memory() {
    let one = objects(&["one"]);
    let scope = rob();
    let view = encoded(&scope, &one);
    let stored = decode(&scope, &view, 1 << 20, |_| true).next().unwrap();
    assert_eq!(stored.memory.content(), "one");
    assert_eq!(Object::of(&stored.memory), stored.object);
}

#[test]
fn views_that_follow_each_other_are_read_as_one() {
    let all = objects(&["one", "two", "three"]);
    let views = [encoded(&rob(), &all[1..]), encoded(&rob(), &all[..2])].concat();
    let scope = rob();
    let decoded = decode(&scope, &views, 1 << 20, |_| true);
    let decoded: Vec<_> = decoded.map(|stored| stored.object).collect();
    assert_eq!(decoded, newest_first(&all));
}

#[test]
fn a_view_that_demands_a_larger_window_is_not_read() {
    let one = objects(&["one"]);
    let with_window = |log: u32| {
        let mut view = Encoder::new(Vec::new(), LEVEL).unwrap();
        view.window_log(log).unwrap();
        writeln!(view, "{}{}", header(&rob()), text(&one[0])).unwrap();
        view.finish().unwrap()
    };
    assert_eq!(decoded(&with_window(WINDOW_LOG), &one), one);
    for log in [WINDOW_LOG + 1, 27] {
        assert_eq!(decoded(&with_window(log), &one), [], "{log}");
    }
}

#[test]
fn a_bomb_is_not_read_further_than_the_sizes_that_are_listed() {
    const BOMB: usize = 16 * 1024 * 1024;
    const LIMIT: u64 = 100_000;
    let one = objects(&["one"]);
    for (piece, most) in [("\n", 1), ("x\n", 2), ("x", 1), ("\0", 1), ("{\"a\":[", 1)] {
        let bomb = format!("{}\n{}", text(&one[0]), piece.repeat(BOMB / piece.len()));
        let view = forged(&[&bomb]);
        assert!(view.len() < BOMB / 1_000, "it is a bomb");
        let mut lines = lines(&rob(), &view).unwrap();
        let (mut line, mut left) = (Vec::new(), LIMIT);
        while next(&mut lines, &mut line, &mut left) {}
        let mut rest = Vec::new();
        lines.read_to_end(&mut rest).unwrap();
        let read = bomb.len() + 1 - rest.len();
        assert!(read as u64 <= most * LIMIT + 1, "{piece:?}: {read}");
        assert!(line.capacity() as u64 <= 2 * LIMIT, "{piece:?}");
        let scope = rob();
        let decoded = decode(&scope, &view, LIMIT, |_| true);
        assert!(decoded.map(|stored| stored.object).eq(one.clone()));
    }
}

/// What becomes of the bytes of a view.
#[derive(Debug, Clone)]
enum Damage {
    Cut(Index),
    Flip(Index, u8),
    Swap(Index, Index),
    Put(Index, Vec<u8>),
    Repeat(Index),
}

impl Damage {
    fn done_to(&self, view: &[u8]) -> Vec<u8> {
        let mut view = view.to_vec();
        let all = view.len();
        match self {
            Self::Cut(at) => view.truncate(at.index(all)),
            Self::Flip(at, bit) => view[at.index(all)] ^= 1 << bit,
            Self::Swap(a, b) => view.swap(a.index(all), b.index(all)),
            Self::Put(at, bytes) => {
                let at = at.index(all);
                view.splice(at..at, bytes.iter().copied());
            }
            Self::Repeat(at) => view.extend_from_within(at.index(all)..),
        }
        view
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    let bytes = prop::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        at().prop_map(Damage::Cut),
        (at(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (at(), at()).prop_map(|(a, b)| Damage::Swap(a, b)),
        (at(), bytes).prop_map(|(at, bytes)| Damage::Put(at, bytes)),
        at().prop_map(Damage::Repeat),
    ]
}

/// Contents that compress well, and contents that do not.
fn contents() -> impl Strategy<Value = Vec<String>> {
    let content = prop_oneof![
        "[a-z]{1,9}( [a-z]{1,9}){0,9}",
        "[!#-\\[\\]-~]{1,400}",
        "é{1,300}"
    ];
    prop::collection::vec(content, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_encoded_is_decoded(contents in contents()) {
        let all = objects(&contents);
        prop_assert_eq!(decoded(&encoded(&rob(), &all), &all), newest_first(&all));
    }

    #[test]
    fn of_a_view_that_was_cut_the_lines_before_the_cut_stay(contents in contents(), at in any::<Index>()) {
        let all = objects(&contents);
        let view = encoded(&rob(), &all);
        let found = decoded(&view[..at.index(view.len())], &all);
        prop_assert!(newest_first(&all).starts_with(&found));
    }

    #[test]
    fn a_damaged_view_has_a_part_of_the_true_lines_and_each_once(
        contents in contents(), damages in prop::collection::vec(damage(), 1..4), limit in 0..9_000_u64,
    ) {
        let all = objects(&contents);
        let mut view = encoded(&rob(), &all);
        for damage in damages {
            view = damage.done_to(&view);
            if view.is_empty() {
                break;
            }
        }
        let scope = rob();
        let found: Vec<_> = decode(&scope, &view, limit, |_| true).map(|stored| stored.object).collect();
        prop_assert!(bytes_of(&found) <= limit);
        let keys: BTreeSet<_> = found.iter().map(|object| &object.key).collect();
        prop_assert_eq!(keys.len(), found.len());
        prop_assert!(found.iter().all(|object| all.contains(object)));
    }

    #[test]
    fn lines_in_any_order_among_any_others_are_found(
        contents in contents(), order in any::<Index>(), noise in "[^\n]{1,60}", at in any::<Index>(),
    ) {
        let all = objects(&contents);
        let mut lines: Vec<_> = all.iter().map(text).collect();
        lines.rotate_left(order.index(all.len()));
        lines.insert(at.index(all.len()), &noise);
        let scope = rob();
        let view = forged(&lines);
        let found: BTreeSet<_> = decode(&scope, &view, 1 << 20, |_| true).map(|stored| stored.object.key).collect();
        let expected: BTreeSet<_> = all.iter().map(|object| object.key.clone()).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_bytes_are_a_view_of_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let one = objects(&["one"]);
        prop_assert_eq!(decoded(&bytes, &one), []);
        let inside = zstd::encode_all(&*[header(&rob()).as_bytes(), &bytes].concat(), LEVEL).unwrap();
        prop_assert_eq!(decoded(&inside, &one), []);
    }
}
