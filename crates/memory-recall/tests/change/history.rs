//! Changers and readers at once, over an S3 that loses, refuses and delays puts: every read sees what
//! was confirmed before it began, and every request is told the truth.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use memory_log::event::{Actor, Status};
use memory_recall::change::precondition::IfMatch;
use memory_recall::change::{ChangeError, Request, Statuses};
use memory_recall::find::{Filters, Order, Recall, RecallError};
use memory_s3::changer;

use crate::verdict::{Told, check};
use crate::world::{Fault, World, deadline, request, scopes, target};

/// Changers at once, each a process of its own.
const CHANGERS: u64 = 8;
/// Requests of each, one after another.
const REQUESTS: u64 = 5;

/// Numbers that look random and depend on the seed alone.
struct Lot(u64);

impl Lot {
    fn draw(&mut self, below: u64) -> u64 {
        // Source: Knuth, MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn fault(&mut self) -> Fault {
        match self.draw(10) {
            0 => Fault::Lost,
            1 => Fault::Answered(409, "ConditionalRequestConflict"),
            2 => Fault::Answered(503, "SlowDown"),
            3 => Fault::Answered(500, "InternalError"),
            _ => Fault::None,
        }
    }

    fn status(&mut self) -> Status {
        Status::ALL[usize::try_from(self.draw(4)).unwrap()]
    }
}

/// The status and the number of the highest event, as a read shows them.
async fn seen(recall: &Recall) -> (Status, u8) {
    let scopes = [scopes().0];
    let got = recall.get(&scopes, target().memory_id, None, 0, deadline());
    match got.await {
        Ok((memory, _)) => {
            assert_ne!(memory.status, Status::Deleted, "what is deleted is shown");
            (memory.status, memory.seq)
        }
        Err(RecallError::Deleted { event, .. }) => (Status::Deleted, event.seq().get()),
        Err(error) => panic!("{error}"),
    }
}

/// One request after another, each repeated until it is told what it came to.
async fn changes(world: &World, mut lot: Lot, changer: u64, confirmed: &AtomicU8) -> Vec<Told> {
    let faults = (0..100).map(|_| lot.fault()).collect();
    let statuses = world.scripted(faults);
    let statuses = Statuses {
        changer: statuses.changer.clone().of_a_folder(),
        pause: || Duration::from_millis(1),
        ..statuses
    };
    let mut all = Vec::new();
    for number in 0..REQUESTS {
        let (from, seq) = seen(&statuses.recall).await;
        // Without some that undo it, a deletion would be the end.
        let to = match (from, lot.draw(2)) {
            (Status::Deleted, 0) => Status::Unverified,
            (Status::Locked, 0) => Status::Verified,
            _ => lot.status(),
        };
        let is_seen = to == Status::Unverified || lot.draw(2) == 0;
        let tag = is_seen.then(|| format!("\"{seq}-1j\""));
        let request = Request {
            actor: Actor::new(&format!("actor-{changer}-{number}")),
            if_match: tag.as_deref().map(IfMatch::parse),
            others: Vec::new(),
            ..request(to)
        };
        let mut unknown = 0;
        let last = loop {
            match world.change(&statuses, &request).await {
                Err(ChangeError::Put(changer::ChangeError::Unknown(_))) => unknown += 1,
                Err(ChangeError::Put(changer::ChangeError::Unavailable(_))) => {}
                last => break last,
            }
        };
        if let Ok(receipt) = &last {
            confirmed.fetch_max(receipt.seq(), Ordering::AcqRel);
        }
        all.push(Told {
            request,
            unknown,
            last,
        });
    }
    all
}

/// Reads until the changers are done; how often.
async fn reads(world: &World, confirmed: &AtomicU8, is_done: &AtomicBool) -> usize {
    let recall = world.statuses().recall;
    let mut reads = 0;
    while !is_done.load(Ordering::Acquire) {
        let floor = confirmed.load(Ordering::Acquire);
        assert!(
            seen(&recall).await.1 >= floor,
            "a confirmed change is not seen"
        );
        let floor = confirmed.load(Ordering::Acquire);
        let (scopes, filters) = ([scopes().0], Filters::default());
        let page = recall.list(&scopes, &filters, Order::Newest, None, 10, deadline());
        for memory in page.await.unwrap().memories {
            assert!(memory.seq >= floor, "a confirmed change is not listed");
            assert_ne!(memory.status, Status::Deleted);
        }
        reads += 1;
    }
    reads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_read_sees_what_was_confirmed_before_it_and_every_request_is_told_the_truth() {
    let mut made = 0;
    for seed in 1..=3 {
        let world = Arc::new(World::with(&[]).await);
        let (confirmed, is_done) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicBool::new(false)));
        let readers = (0..2).map(|_| {
            let (world, confirmed, is_done) = (
                Arc::clone(&world),
                Arc::clone(&confirmed),
                Arc::clone(&is_done),
            );
            tokio::spawn(async move { reads(&world, &confirmed, &is_done).await })
        });
        let readers: Vec<_> = readers.collect();
        let changers = (0..CHANGERS).map(|changer| {
            let (world, confirmed) = (Arc::clone(&world), Arc::clone(&confirmed));
            let lot = Lot(seed * CHANGERS + changer);
            tokio::spawn(async move { changes(&world, lot, changer, &confirmed).await })
        });
        let told = join_all(changers).await.into_iter().map(Result::unwrap);
        let told: Vec<_> = told.flatten().collect();
        is_done.store(true, Ordering::Release);
        let reads = join_all(readers).await.into_iter().map(Result::unwrap);
        let events = world.events();
        check(&events, &told);
        assert!(
            reads.sum::<usize>() > 0,
            "seed {seed}: nobody read anything"
        );
        made += events.len();
    }
    assert!(made > 12, "{made} changes are too few to prove anything");
}
