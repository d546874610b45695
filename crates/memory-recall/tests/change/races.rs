//! What a request comes to, when other requests come in between.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use memory_log::event::{Actor, Status};
use memory_recall::change::precondition::Unmet;
use memory_recall::change::{Did, End, Request, Statuses};

use crate::verdict::{Told, check};
use crate::world::{Fault, World, end, event, request, seen, tombstone};

#[tokio::test]
async fn of_a_delete_and_a_lock_at_the_same_number_the_first_wins_and_the_other_is_told() {
    for (mine, theirs) in [
        (Status::Deleted, Status::Locked),
        (Status::Locked, Status::Deleted),
        (Status::Verified, Status::Deleted),
    ] {
        let world = World::with(&[]).await;
        let statuses = world.scripted(vec![Fault::After(vec![event(0, theirs, "bob")])]);
        let result = world.change(&statuses, &request(mine)).await;
        assert_eq!(end(result), (End::ChangedMeanwhile, theirs, 1));
        assert_eq!(world.events().len(), 1);
    }
}

#[tokio::test]
async fn who_lost_a_race_finds_the_status_or_makes_the_same_step_or_is_told() {
    use Status::{Deleted, Unverified, Verified};
    let world = World::with(&[]).await;
    let statuses = world.scripted(vec![Fault::After(vec![event(0, Deleted, "bob")])]);
    let receipt = world.change(&statuses, &request(Deleted)).await.unwrap();
    assert_eq!((receipt.seq(), receipt.did), (1, Did::Nothing));

    let both = vec![event(0, Verified, "bob"), event(1, Unverified, "bob")];
    let world = World::with(&[]).await;
    let statuses = world.scripted(vec![Fault::After(both.clone())]);
    let receipt = world.change(&statuses, &request(Deleted)).await.unwrap();
    assert_eq!((receipt.seq(), receipt.did), (3, Did::Change));

    let world = World::with(&[]).await;
    let statuses = world.scripted(vec![Fault::After(both)]);
    let result = world.change(&statuses, &seen(Deleted, "\"0-1j\"")).await;
    let failed = End::Precondition(Unmet::Failed);
    assert_eq!(end(result), (failed, Unverified, 2));
    assert_eq!(world.events().len(), 2);
}

#[tokio::test]
async fn after_four_conflicts_a_request_gives_up_and_nothing_is_stored() {
    let conflict = Fault::Answered(409, "ConditionalRequestConflict");
    let world = World::with(&[]).await;
    let statuses = world.scripted(vec![conflict.clone(); 9]);
    let result = world.change(&statuses, &request(Status::Deleted)).await;
    assert_eq!(end(result), (End::Contended, Status::Unverified, 0));
    assert_eq!((world.puts(), world.events().len()), (4, 0));

    let world = World::with(&[]).await;
    let statuses = world.scripted(vec![conflict; 3]);
    let receipt = world
        .change(&statuses, &request(Status::Deleted))
        .await
        .unwrap();
    assert_eq!((receipt.seq(), world.puts()), (1, 4));
}

#[tokio::test]
async fn a_request_that_meets_an_erasure_puts_nothing_below_or_above_the_tombstone() {
    use Status::{Deleted, Locked, Unverified, Verified};
    for (to, is_told_that_it_holds) in [(Deleted, true), (Locked, false), (Verified, false)] {
        let world = World::with(&[Verified, Unverified]).await;
        let tombstone = tombstone(2);
        let statuses = world.scripted(vec![Fault::After(vec![tombstone.clone()])]);
        let result = world.change(&statuses, &request(to)).await;
        match is_told_that_it_holds {
            true => assert_eq!(result.unwrap().event.as_deref(), Some(&tombstone)),
            false => assert_eq!(end(result), (End::ChangedMeanwhile, Deleted, 3)),
        }
        assert_eq!(world.events().len(), 3, "{to}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_changers_at_once_make_only_allowed_steps_and_are_told_the_truth() {
    for round in 0..4 {
        let world = Arc::new(World::with(&[]).await);
        let requests = (0..24).map(|at| {
            let to = Status::ALL[(at * 7 + round * 3 + at / 4) % 4];
            let tag = format!("\"{}-1j\"", at % 6);
            Request {
                actor: Actor::new(&format!("actor-{at}")),
                ..if at % 3 == 0 {
                    seen(to, &tag)
                } else {
                    request(to)
                }
            }
        });
        let tasks = requests.map(|request| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                // A process of its own: its own client, disk and cache.
                let statuses = world.statuses();
                let changer = statuses.changer.clone().of_a_folder();
                let statuses = Statuses {
                    changer,
                    pause: || Duration::from_millis(1),
                    ..statuses
                };
                let last = world.change(&statuses, &request).await;
                let unknown = 0;
                Told {
                    request,
                    unknown,
                    last,
                }
            })
        });
        let told: Vec<_> = join_all(tasks)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let events = world.events();
        check(&events, &told);
        assert!(!events.is_empty(), "round {round}: nobody changed anything");
    }
}
