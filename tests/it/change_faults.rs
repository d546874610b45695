//! Every call to S3 of a change fails, in every way and over every surface: each is told truthfully (contract 9.4).

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use memory_ingress::joined::Call;
use memory_log::json::Json;
use memory_recall::question::ForgetArguments;
use memory_recall::tools;
use memory_web::record::Record;
use serde_json::json;
use tokio::time::Instant;

use crate::changes::World;
use crate::exchange::{JSON, JSON_API, ask, mcp};
use crate::faulty::{Choice, Fault, error, faulty_client};

/// A way in which a memory can be deleted.
#[derive(Debug, Clone, Copy)]
enum Surface {
    Patch(&'static str),
    Delete(&'static str),
    Mcp,
    Stdio,
}

const SURFACES: [Surface; 6] = [
    Surface::Patch(JSON_API),
    Surface::Patch(JSON),
    Surface::Delete(JSON_API),
    Surface::Delete(JSON),
    Surface::Mcp,
    Surface::Stdio,
];

/// What the caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Done,
    /// Certainly not done, or not even begun.
    NotDone,
    Unknown,
}

/// Deletes the memory over a surface.
async fn delete(world: &World, surface: Surface) -> (Told, String) {
    let (is_done, text) = match surface {
        Surface::Patch(form) | Surface::Delete(form) => {
            let asked = match surface {
                Surface::Patch(_) => ask("PATCH", &world.target).body(
                    json!({"data": {"type": "memories", "id": world.id, "attributes": {"status": "deleted"}}}).to_string(),
                ),
                Surface::Delete(_) | Surface::Mcp | Surface::Stdio => ask("DELETE", &world.target).body(r#"{"meta":{"reason":"r"}}"#),
            };
            let asked = asked.header("content-type", JSON_API);
            let answer = world.send(asked.header("accept", form)).await;
            (answer.status == 200, answer.text().to_owned())
        }
        Surface::Mcp => {
            let arguments = arguments(world);
            let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                              "params": {"name": "forget_memory", "arguments": arguments}});
            let result = world.send(mcp(call.to_string())).await.json()["result"].clone();
            (result["isError"] != true, result.to_string())
        }
        Surface::Stdio => {
            let text = arguments(world).to_string();
            let json = Json::parse(text.as_bytes()).unwrap();
            let arguments = ForgetArguments::read(json.root()).unwrap();
            let call = Call::Recall(tools::Call::Forget(arguments));
            let deadline = Instant::now() + Duration::from_secs(10);
            let flat = world
                .log
                .call(
                    call,
                    deadline,
                    &Record::of_stdio(&axum::http::HeaderMap::new()),
                )
                .await;
            (!flat.is_error(), flat.document().to_owned())
        }
    };
    let told = match (is_done, text.contains("It is not known whether")) {
        (true, false) => Told::Done,
        (false, true) => Told::Unknown,
        (false, false) => Told::NotDone,
        (true, true) => panic!("{text}"),
    };
    (told, text)
}

fn arguments(world: &World) -> serde_json::Value {
    json!({"memory_id": world.id, "reason": "r", "domain": "work", "entity_id": "rob"})
}

/// How many events there are.
fn events(folder: &Path) -> usize {
    let mut folders = vec![folder.join("memory/events")];
    let mut events = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => events += 1,
            }
        }
    }
    events
}

/// A world whose S3 answers the call with this number, from 0, with a fault, and a count of the calls.
async fn world(number: usize, fault: &Fault) -> (World, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(usize::MAX / 2));
    let (counted, fault) = (Arc::clone(&calls), fault.clone());
    let choice: Choice =
        Arc::new(
            move |_| match counted.fetch_add(1, Ordering::Relaxed) == number {
                true => fault.clone(),
                false => Fault::None,
            },
        );
    let world = World::steward_over(|folder| faulty_client(folder, choice)).await;
    calls.store(0, Ordering::Relaxed);
    (world, calls)
}

#[tokio::test]
async fn a_fault_of_any_call_is_told_truthfully_over_every_surface() {
    let faults = [
        Fault::Refused(403, error("AccessDenied")),
        Fault::Answered(503, error("SlowDown")),
        Fault::Answered(200, "<ListBucketResult><IsTruncated>fal".to_owned()),
        Fault::Dropped,
        Fault::Lost,
        Fault::StoredAnd(500, error("InternalError")),
    ];
    for surface in SURFACES {
        let (whole, calls) = world(usize::MAX, &Fault::None).await;
        assert_eq!(delete(&whole, surface).await.0, Told::Done, "{surface:?}");
        let needed = calls.load(Ordering::Relaxed);
        assert!((4..10).contains(&needed), "{surface:?}: {needed}");
        let mut unknown = 0;
        for (number, fault) in (0..needed).flat_map(|n| faults.iter().map(move |fault| (n, fault)))
        {
            let (world, _) = world(number, fault).await;
            let (told, text) = delete(&world, surface).await;
            let about = format!("{surface:?}, call {number}, {fault:?}: {text}");
            assert!(!text.contains("secret-bucket"), "{about}");
            match told {
                Told::Done => assert_eq!(events(world.folder.path()), 1, "{about}"),
                Told::NotDone => assert_eq!(events(world.folder.path()), 0, "{about}"),
                Told::Unknown => unknown += 1,
            }
            let (told, text) = delete(&world, surface).await;
            assert_eq!(told, Told::Done, "a repeat, {about}: {text}");
            assert_eq!(events(world.folder.path()), 1, "{about}");
            assert_eq!(world.get().await.status, 410, "{about}");
        }
        assert!(
            unknown >= 2,
            "{surface:?}: a lost answer is not known to be good"
        );
    }
}
