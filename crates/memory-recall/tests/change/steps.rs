//! What a request comes to, when nothing comes in between.

use std::fs;

use memory_log::event::{Actor, Reason, Status, Step, step};
use memory_log::scope::{Claims, Outside, WriteScopes, operator};
use memory_log::steward::{Caller, Stewards};
use memory_recall::change::precondition::Unmet;
use memory_recall::change::{ChangeError, Did, End, Request, Statuses, Target};
use memory_recall::find::RecallError;
use memory_recall::log::LogError;
use memory_s3::changer::Changer;
use memory_s3::embedded::BUCKET;

use crate::world::{
    World, client, deadline, end, event, memory, now, on_the_way_to, request, scopes, seen, target,
};

#[tokio::test]
async fn every_step_of_the_table_is_made_or_refused() {
    for (from, to) in Status::ALL
        .into_iter()
        .flat_map(|from| Status::ALL.map(|to| (from, to)))
    {
        let before = on_the_way_to(from);
        let world = World::with(before).await;
        let result = world.change(&world.statuses(), &request(to)).await;
        let number = u8::try_from(before.len()).unwrap();
        match step(from, to) {
            Step::Free => {
                let receipt = result.unwrap();
                assert_eq!(
                    (receipt.status, receipt.seq(), receipt.did),
                    (to, number + 1, Did::Change)
                );
                let events = world.events();
                let event = &events[&(number + 1)];
                assert_eq!(receipt.event.as_deref(), Some(event), "{from} to {to}");
                let change = event.change();
                assert_eq!(
                    (change.status, change.actor.as_str(), change.timestamp),
                    (to, "alice", now())
                );
                assert_eq!(change.reason, Reason::new("why"));
                continue;
            }
            Step::Holds => {
                let receipt = result.unwrap();
                assert_eq!(
                    (receipt.status, receipt.seq(), receipt.did),
                    (to, number, Did::Nothing)
                );
            }
            Step::Seen => {
                let unmet = End::Precondition(Unmet::Required);
                assert_eq!(end(result), (unmet, from, number), "{from} to {to}");
            }
            Step::Locked => assert_eq!(end(result), (End::Locked, from, number)),
            Step::Deleted => assert_eq!(end(result), (End::Deleted, from, number)),
        }
        assert_eq!(world.events().len(), before.len(), "{from} to {to}");
    }
}

#[tokio::test]
async fn to_unlock_and_to_restore_take_a_tag_of_the_highest_event() {
    for (from, to) in [
        (Status::Locked, Status::Verified),
        (Status::Deleted, Status::Unverified),
    ] {
        let world = World::with(on_the_way_to(from)).await;
        let statuses = world.statuses();
        let failed = End::Precondition(Unmet::Failed);
        for near in ["\"0-1j\"", "\"2-1j\""] {
            let result = world.change(&statuses, &seen(to, near)).await;
            assert_eq!(end(result), (failed, from, 1), "{near}");
        }
        let receipt = world
            .change(&statuses, &seen(to, "\"1-1j\""))
            .await
            .unwrap();
        assert_eq!((receipt.status, receipt.seq()), (to, 2));
        // Its repeat finds its own event, and does not undo the next decision.
        let receipt = world
            .change(&statuses, &seen(to, "\"1-1j\""))
            .await
            .unwrap();
        assert_eq!((receipt.seq(), receipt.did), (2, Did::Repeat));
        world
            .change(&statuses, &request(Status::Deleted))
            .await
            .unwrap();
        let restore = seen(Status::Unverified, "\"1-1j\"");
        let result = world.change(&statuses, &restore).await;
        assert_eq!(end(result), (failed, Status::Deleted, 3));
    }
}

#[tokio::test]
async fn a_repeat_is_told_apart_by_its_actor_and_its_reason() {
    let world = World::with(&[]).await;
    let statuses = world.statuses();
    let delete = request(Status::Deleted);
    let first = world.change(&statuses, &delete).await.unwrap();
    let again = world.change(&statuses, &delete).await.unwrap();
    assert_eq!((again.event, again.did), (first.event, Did::Repeat));
    for other in [
        Request {
            actor: Actor::new("bob"),
            ..delete.clone()
        },
        Request {
            reason: None,
            ..delete.clone()
        },
        Request {
            reason: Reason::new("other"),
            ..delete.clone()
        },
    ] {
        let receipt = world.change(&statuses, &other).await.unwrap();
        assert_eq!((receipt.seq(), receipt.did), (1, Did::Nothing));
    }
    assert_eq!(world.events().len(), 1);
}

#[tokio::test]
async fn a_memory_has_200_changes_and_no_more() {
    let world = World::with(&[]).await;
    let changer = Changer::new(client(world.folder.path()), BUCKET);
    // The ones below are gone, which changes nothing.
    let event = event(198, Status::Verified, "bob");
    changer.put(&event, &scopes().1, deadline()).await.unwrap();
    let statuses = world.statuses();
    let receipt = world
        .change(&statuses, &request(Status::Unverified))
        .await
        .unwrap();
    assert_eq!(receipt.seq(), 200);
    let result = world.change(&statuses, &request(Status::Verified)).await;
    assert_eq!(result, Err(ChangeError::TooManyChanges));
    let receipt = world
        .change(&statuses, &request(Status::Unverified))
        .await
        .unwrap();
    assert_eq!((receipt.seq(), receipt.did), (200, Did::Repeat));
}

#[tokio::test]
async fn scope_and_steward_are_judged_before_anything_is_read() {
    // Nothing is at this folder, so a request that reads finds no memory.
    let world = World::with(&[]).await;
    fs::remove_dir_all(world.folder.path().join(BUCKET).join("memories")).unwrap();
    let of = |sub: &str| Claims {
        token: [
            ("sub".to_owned(), sub.to_owned()),
            ("role".to_owned(), "steward".to_owned()),
        ]
        .into(),
        ..Claims::default()
    };
    let (rob, bob) = (of("rob"), of("bob"));
    let strict = |stewards| Statuses {
        write_scopes: WriteScopes::parse("work/{sub}").unwrap(),
        stewards,
        ..world.statuses()
    };
    let named = Stewards::parse("role=steward").unwrap();
    let not_found = Err(ChangeError::Recall(RecallError::NotFound));
    let outside = Err(ChangeError::Outside(Outside::Entity));
    for (stewards, caller, to, expected) in [
        (&named, &rob, Status::Locked, &not_found),
        (&named, &rob, Status::Deleted, &not_found),
        (&named, &bob, Status::Locked, &outside),
        (&named, &bob, Status::Deleted, &outside),
        (&Stewards::Unnamed, &rob, Status::Deleted, &not_found),
        (
            &Stewards::Unnamed,
            &rob,
            Status::Locked,
            &Err(ChangeError::NotASteward),
        ),
        (
            &Stewards::Unnamed,
            &rob,
            Status::Verified,
            &Err(ChangeError::NotASteward),
        ),
        (
            &Stewards::Unnamed,
            &rob,
            Status::Unverified,
            &Err(ChangeError::NotASteward),
        ),
        (&Stewards::Unnamed, &bob, Status::Locked, &outside),
    ] {
        let statuses = strict(stewards.clone());
        let caller = Caller::Verified(caller);
        let result = statuses
            .change(caller, &target(), &request(to), deadline())
            .await;
        assert_eq!(result, *expected, "{to}");
    }
    let key = strict(Stewards::Unnamed);
    let result = key
        .change(
            Caller::Key,
            &target(),
            &request(Status::Deleted),
            deadline(),
        )
        .await;
    assert_eq!(result, outside, "a claim is not a key's");
}

#[tokio::test]
async fn in_the_whole_log_the_entity_of_the_memory_that_is_found_is_judged() {
    let world = World::with(&[]).await;
    let whole = Target {
        scope: operator().everything(),
        ..target()
    };
    let strict = Statuses {
        write_scopes: WriteScopes::parse("work/bob").unwrap(),
        ..world.statuses()
    };
    let delete = request(Status::Deleted);
    let result = strict
        .change(Caller::Local, &whole, &delete, deadline())
        .await;
    assert_eq!(result, Err(ChangeError::Outside(Outside::Entity)));
    assert_eq!(world.puts(), 0);
    let receipt = world
        .statuses()
        .change(Caller::Local, &whole, &delete, deadline())
        .await;
    assert_eq!(receipt.unwrap().seq(), 1);
}

#[tokio::test]
async fn a_memory_that_is_not_there_or_not_proved_is_not_changed() {
    let world = World::with(&[]).await;
    let other = Target {
        memory_id: "3801baa2-1063-86b6-b294-c22f1c2f081e".parse().unwrap(),
        ..target()
    };
    let delete = request(Status::Deleted);
    let statuses = world.statuses();
    let result = statuses
        .change(Caller::Local, &other, &delete, deadline())
        .await;
    assert_eq!(result, Err(ChangeError::Recall(RecallError::NotFound)));
    let file = world.folder.path().join(BUCKET).join(memory().object.key);
    fs::write(&file, "{}").unwrap();
    let damaged = world.change(&world.statuses(), &delete).await;
    assert!(matches!(
        damaged,
        Err(ChangeError::Recall(RecallError::Log(
            LogError::Damaged { .. }
        )))
    ));
    fs::remove_file(&file).unwrap();
    let erased = world.change(&statuses, &delete).await;
    assert_eq!(erased, Err(ChangeError::Recall(RecallError::NotFound)));
    assert_eq!((world.puts(), world.events().len()), (0, 0));
}
