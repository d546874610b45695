//! A list is walked by its links: every memory once, in order, whatever is written meanwhile (contract 8.3).

use memory_log::event::Status;
use memory_log::memory::Memory;
use memory_log::object::Object;
use serde_json::{Value, json};

use crate::exchange::JSON;
use crate::reader::{Field, SCOPE, encoded, memory};

/// More than two pages of the largest size.
const MEMORIES: usize = 450;
/// Memories of one timestamp: more than a page of the walks.
const AT_ONCE: usize = 30;

/// Memories of which 30 each have the same timestamp.
fn memories() -> Vec<Memory> {
    let at = |number: usize| format!("2026-01-19T14:00:{:02}Z", number / AT_ONCE);
    let numbers = 0..MEMORIES;
    let body = |number| json!({"content": format!("note {number}"), "timestamp": at(number)});
    numbers.map(|number| memory(&body(number))).collect()
}

/// Ids in the order of a list, oldest first.
fn ordered(memories: &[Memory]) -> Vec<String> {
    let mut places: Vec<_> = memories
        .iter()
        .map(|memory| {
            let object = Object::of(memory);
            (memory.timestamp(), object.key, object.memory_id.to_string())
        })
        .collect();
    places.sort();
    places.into_iter().map(|(_, _, id)| id).collect()
}

/// Follows `links.next` from a page to the last one; says what each page has.
async fn walk(field: &Field, first: &str, mut between: impl FnMut(usize)) -> Vec<Vec<String>> {
    let (path, _) = first.split_once('?').unwrap();
    let (mut pages, mut target) = (Vec::new(), first.to_owned());
    loop {
        let page = field.get(&target).await;
        assert_eq!(page.status, 200, "{target}");
        pages.push(page.ids());
        between(pages.len());
        let document = page.json();
        let Some(next) = document["links"]["next"].as_str() else {
            return pages;
        };
        target = format!("{path}{next}");
    }
}

#[tokio::test]
async fn every_memory_is_on_exactly_one_page_in_order_and_in_reverse() {
    let field = Field::new();
    let memories = memories();
    memories.iter().for_each(|memory| drop(field.lay(memory)));
    let oldest = ordered(&memories);
    let newest: Vec<_> = oldest.iter().rev().cloned().collect();
    for (sort, expected) in [
        ("&sort=timestamp", &oldest),
        ("&sort=-timestamp", &newest),
        ("", &newest),
    ] {
        for limit in [200, 90] {
            let first = format!("/memories?{SCOPE}{sort}&page[limit]={limit}");
            let pages = walk(&field, &first, |_| ()).await;
            assert_eq!(pages.len(), MEMORIES.div_ceil(limit), "{first}");
            assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit));
            assert!(pages.concat() == *expected, "{first}");
        }
    }
    assert_eq!(
        field.get(&format!("/memories?{SCOPE}")).await.ids(),
        newest[..50]
    );
    // The cursor of the flat form is the one of the link.
    let first = format!("/memories?{SCOPE}&page[limit]=200");
    let cursor = field.get_flat(&first).await["next"]
        .as_str()
        .unwrap()
        .to_owned();
    let second = field.get(&format!("{first}&page[after]={cursor}")).await;
    assert_eq!(second.ids(), newest[200..400]);
    let link = field.get(&first).await.json()["links"]["next"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        link.ends_with(&format!("page%5Bafter%5D={cursor}")),
        "{link}"
    );
    // A last page that is full has no next.
    let whole = field
        .get(&format!(
            "/memories?{SCOPE}&page[limit]=50&filter[since]=2026-01-19T14:00:14Z"
        ))
        .await;
    assert_eq!(
        (whole.ids().len(), whole.json().get("links")),
        (AT_ONCE, None)
    );
    let exact = field
        .get(&format!(
            "/memories?{SCOPE}&page[limit]=30&filter[since]=2026-01-19T14:00:14Z"
        ))
        .await;
    assert_eq!(
        (exact.ids().len(), exact.json().get("links")),
        (AT_ONCE, None)
    );
}

#[tokio::test]
async fn what_is_written_changed_or_erased_meanwhile_moves_no_other_memory() {
    for sort in ["timestamp", "-timestamp"] {
        let field = Field::new();
        let memories = memories();
        memories.iter().for_each(|memory| drop(field.lay(memory)));
        let mut expected = ordered(&memories);
        if sort == "-timestamp" {
            expected.reverse();
        }
        let mut written = Vec::new();
        let (mut deleted, mut erased) = (Vec::new(), Vec::new());
        let first = format!("/memories?{SCOPE}&sort={sort}&page[limit]=40");
        let pages = walk(&field, &first, |page| {
            // Before, among and after those that are shown, and with a timestamp that others have.
            for timestamp in [
                "2026-01-18T00:00:00Z",
                "2026-01-19T14:00:07Z",
                "2026-01-20T00:00:00Z",
            ] {
                let body = json!({"content": format!("new note {page}"), "timestamp": timestamp});
                written.push(field.lay(&memory(&body)));
            }
            // One that was shown, one that may not have been, and the one at the cursor.
            let numbered = |number: usize| {
                let id = &expected[number];
                let mut all = memories.iter();
                let found = all.find(|memory| Object::of(memory).memory_id.to_string() == *id);
                found.unwrap()
            };
            match page {
                2 => {
                    field.change(numbered(0), 1, Status::Deleted);
                    field.change(numbered(300), 1, Status::Deleted);
                    deleted.push(expected[300].clone());
                }
                4 => {
                    field.erase(numbered(1));
                    field.erase(numbered(400));
                    erased.push(expected[400].clone());
                }
                _ => {}
            }
        })
        .await;
        let shown = pages.concat();
        let mut once = shown.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), shown.len(), "{sort}: a memory is shown twice");
        let old: Vec<_> = shown
            .into_iter()
            .filter(|id| !written.contains(id))
            .collect();
        expected.retain(|id| !deleted.contains(id) && !erased.contains(id));
        assert!(
            old == expected,
            "{sort}: {} of {}",
            old.len(),
            expected.len()
        );
    }
}

#[tokio::test]
async fn a_page_goes_on_after_the_memory_of_its_cursor_was_erased_or_deleted() {
    for sort in ["timestamp", "-timestamp"] {
        for is_erased in [true, false] {
            let field = Field::new();
            let memories: Vec<_> = memories().into_iter().take(5).collect();
            memories.iter().for_each(|memory| drop(field.lay(memory)));
            let mut expected = ordered(&memories);
            if sort == "-timestamp" {
                expected.reverse();
            }
            let first = format!("/memories?{SCOPE}&sort={sort}&page[limit]=2");
            let pages = walk(&field, &first, |page| {
                let id = &expected[1];
                let mut all = memories.iter();
                let at = all.find(|memory| Object::of(memory).memory_id.to_string() == *id);
                match (page, is_erased) {
                    (1, true) => field.erase(at.unwrap()),
                    (1, false) => drop(field.change(at.unwrap(), 1, Status::Deleted)),
                    _ => {}
                }
            });
            assert_eq!(pages.await.concat(), expected, "{sort} {is_erased}");
        }
    }
}

#[tokio::test]
async fn filters_narrow_a_list_before_it_is_cut_into_pages() {
    let field = Field::new();
    let mut wanted = Vec::new();
    for number in 0..60 {
        let metadata: Value = match number % 3 {
            0 => json!({"tags": ["a", "b,c"], "memory_type": "rule"}),
            1 => json!({"tags": ["a"], "memory_type": "rule"}),
            _ => json!({"tags": ["a", "b,c"]}),
        };
        let timestamp = format!("2026-01-19T14:00:{number:02}Z");
        let note = memory(
            &json!({"content": format!("note {number}"), "timestamp": timestamp, "metadata": metadata}),
        );
        let id = field.lay(&note);
        if number % 3 == 0 {
            field.change(&note, 1, Status::Verified);
            wanted.push(id);
        }
    }
    for filter in [
        format!(
            "filter[tags]=a,b{}&filter[memory_type]=rule",
            encoded("\\,") + "c"
        ),
        format!(
            "filter[tags]=b{}&filter[memory_type]=fact,rule",
            encoded("\\,") + "c"
        ),
        "filter[status]=locked,verified".to_owned(),
    ] {
        let first = format!("/memories?{SCOPE}&{filter}&sort=timestamp&page[limit]=6");
        let pages = walk(&field, &first, |_| ()).await;
        assert_eq!(pages.len(), 4, "{filter}");
        assert_eq!(pages.concat(), wanted, "{filter}");
    }
    let span = "filter[since]=2026-01-19T15:00:03%2B01:00&filter[until]=2026-01-19T14:00:09Z";
    let target = format!("/memories?{SCOPE}&{span}&filter[status]=verified&sort=timestamp");
    assert_eq!(field.get(&target).await.ids(), wanted[1..3]);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_alone() {
    let field = Field::new();
    for entity_id in ["rob", "eve"] {
        for second in 0..3 {
            let timestamp = format!("2026-01-19T14:00:0{second}Z");
            field.lay(&memory(&json!({"entity_id": entity_id, "timestamp": timestamp, "metadata": {"tags": ["a"]}})));
        }
    }
    let list = format!("/memories?{SCOPE}&filter[tags]=a&page[limit]=1");
    let flat = field.ask("GET", &list, &[("accept", JSON)]).await.json();
    let cursor = flat["next"].as_str().unwrap();
    // The order of the parameters, the limit, and what is not about the list do not matter.
    for same in [
        format!("/memories?page[after]={cursor}&filter[tags]=a&{SCOPE}"),
        format!(
            "/api/v1/mcp/memory/?{SCOPE}&filter[tags]=a&page[after]={cursor}&sort=-timestamp&traceId=1"
        ),
    ] {
        assert_eq!(field.get(&same).await.ids().len(), 2, "{same}");
    }
    let mut forged = cursor.to_owned();
    forged.replace_range(0..1, if cursor.starts_with('A') { "B" } else { "A" });
    for other in [
        format!("/memories?{SCOPE}&page[after]={cursor}"),
        format!("/memories?{SCOPE}&filter[tags]=b&page[after]={cursor}"),
        format!("/memories?{SCOPE}&filter[tags]=a,b&page[after]={cursor}"),
        format!("/memories?{SCOPE}&filter[memory_type]=a&page[after]={cursor}"),
        format!("/memories?{SCOPE}&filter[tags]=a&sort=timestamp&page[after]={cursor}"),
        format!(
            "/memories?{SCOPE}&filter[tags]=a&filter[since]=2026-01-01T00:00:00Z&page[after]={cursor}"
        ),
        format!("/memories?{SCOPE}&filter[tags]=a&filter[status]=locked&page[after]={cursor}"),
        format!(
            "/memories?filter[domain]=work&filter[entity_id]=eve&filter[tags]=a&page[after]={cursor}"
        ),
        format!("/memories?{SCOPE}&filter[tags]=a&page[after]={forged}"),
        format!("/memories?{SCOPE}&filter[tags]=a&page[after]={cursor}="),
        format!("/memories?{SCOPE}&filter[tags]=a&page[after]="),
        format!("/memories?{SCOPE}&filter[tags]=a&page[after]=0"),
    ] {
        let refused = field.get(&other).await;
        assert_eq!(refused.status, 400, "{other}");
        assert_eq!(
            refused.faults(),
            ["invalid_parameter \"page[after]\""],
            "{other}"
        );
    }
}
