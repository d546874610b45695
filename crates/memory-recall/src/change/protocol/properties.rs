//! An exhaustive model of the protocol: every interleaving of a few requests for changes, their
//! repeats, what S3 can do to a put, and an erasure. The decisions are those of [`Attempt`] itself.
//!
//! One step of the model is one call that S3 makes atomic: a listing, or a conditional put. A put may
//! be answered, lost before or after it landed, still under way when its request has ended, or refused
//! because another is under way. The file is over 400 lines long because the model and what it checks
//! are read together.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use super::super::precondition::Tag;
use super::*;

/// Highest event of the model. A run that would exceed it is not followed: no rule depends on numbers
/// but by their order.
const LAST: usize = 7;

fn seq(number: usize) -> Option<Seq> {
    Seq::new(u8::try_from(number).unwrap())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Recorded {
    status: Status,
    /// The client's place; none of a tombstone and of what was there before.
    by: Option<u8>,
}

/// The log, as far as one memory is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Log {
    /// The event of each number, from 1.
    events: [Option<Recorded>; LAST],
    memory_is_erased: bool,
}

impl Log {
    const EMPTY: Self = Self {
        events: [None; LAST],
        memory_is_erased: false,
    };

    fn with(statuses: &[Status]) -> Self {
        let mut log = Self::EMPTY;
        for (event, &status) in log.events.iter_mut().zip(statuses) {
            *event = Some(Recorded { status, by: None });
        }
        log
    }

    fn highest(&self) -> usize {
        let last = self.events.iter().rposition(Option::is_some);
        last.map_or(0, |at| at + 1)
    }

    fn status(&self) -> Status {
        let event = self.highest().checked_sub(1).and_then(|at| self.events[at]);
        event.map_or(Status::Unverified, |event| event.status)
    }

    fn standing(&self, client: usize) -> Standing {
        let event = self.highest().checked_sub(1).and_then(|at| self.events[at]);
        Standing {
            status: self.status(),
            highest: seq(self.highest()),
            is_of_this_request: event.is_some_and(|event| event.by == u8::try_from(client).ok()),
        }
    }
}

/// In one number, because most of the time of a run goes into hashes.
impl Hash for Log {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let code = |event: &Recorded| {
            1 + (event.status as u64) + 4 * event.by.map_or(0, |by| 1 + u64::from(by))
        };
        let codes = self
            .events
            .iter()
            .map(|event| event.as_ref().map_or(0, code));
        let all = codes.fold(u64::from(self.memory_is_erased), |all, code| {
            all << 8 | code
        });
        state.write_u64(all);
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ask {
    to: Status,
    if_match: Option<IfMatch>,
}

/// A put that a request has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Sent {
    /// The request's place among the asks of the model.
    ask: usize,
    number: usize,
    /// The status that the request's first look saw.
    meant: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase<'r> {
    Idle,
    /// The next step is a look.
    Looks {
        ask: usize,
        attempt: Attempt<'r>,
        meant: Option<Status>,
    },
    /// The next step is the put.
    Puts(Attempt<'r>, Sent),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Client<'r> {
    phase: Phase<'r>,
    requests_left: u8,
    /// A put of an ended request that is still under way.
    late: Option<Sent>,
}

/// How far an erasure has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Erasure {
    Never,
    NotBegun {
        /// Whether it waits until every request has ended that began before.
        is_patient: bool,
    },
    /// The tombstone is there.
    Hidden {
        tombstone: usize,
        is_patient: bool,
    },
    /// The memory's versions are gone.
    Waits {
        tombstone: usize,
        is_patient: bool,
    },
    /// The events below the tombstone are gone.
    Done(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World<'r, const CLIENTS: usize> {
    log: Log,
    clients: [Client<'r>; CLIENTS],
    erasure: Erasure,
    faults_left: u8,
    /// The asks, by their bits, that have unlocked or restored.
    undone: u32,
}

/// What the requests came to, to see that the model reaches it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reached {
    changed: bool,
    held: bool,
    replayed: bool,
    ends: HashSet<End>,
    late_landed: bool,
    late_taken: bool,
    erased: bool,
    disturbed: bool,
    restored_after: bool,
}

/// Where every run begins, and what may happen.
#[derive(Debug, Clone, Copy)]
struct Begin {
    log: Log,
    erasure: Erasure,
    /// Requests of each client.
    requests: u8,
    /// Puts, of all clients together, that are not simply answered.
    faults: u8,
}

struct Model<'r, const CLIENTS: usize> {
    asks: &'r [Ask],
    seen: HashSet<World<'r, CLIENTS>>,
    open: Vec<World<'r, CLIENTS>>,
    reached: Reached,
}

impl<'r, const CLIENTS: usize> Model<'r, CLIENTS> {
    /// Follows every run in which each request is any of these asks.
    fn run(asks: &'r [Ask], begin: Begin, reached: &mut Reached) {
        let client = Client {
            phase: Phase::Idle,
            requests_left: begin.requests,
            late: None,
        };
        let world = World {
            log: begin.log,
            clients: [client; CLIENTS],
            erasure: begin.erasure,
            faults_left: begin.faults,
            undone: 0,
        };
        let mut model = Self {
            asks,
            seen: HashSet::from([world]),
            open: vec![world],
            reached: std::mem::take(reached),
        };
        while let Some(world) = model.open.pop() {
            for at in 0..CLIENTS {
                model.step_client(world, at);
            }
            model.step_erasure(world);
        }
        *reached = model.reached;
    }

    fn reach(&mut self, world: World<'r, CLIENTS>) {
        if self.seen.insert(world) {
            self.open.push(world);
        }
    }

    fn step_client(&mut self, world: World<'r, CLIENTS>, at: usize) {
        let client = world.clients[at];
        if let Some(sent) = client.late {
            let mut landed = world;
            landed.clients[at].late = None;
            let has_landed = self.land(&mut landed, at, sent);
            self.reached.late_landed |= has_landed;
            self.reached.late_taken |= !has_landed;
            self.reach(landed);
        }
        match client.phase {
            Phase::Idle if client.requests_left > 0 => {
                let mut begun = world;
                begun.clients[at].requests_left -= 1;
                for (ask, asked) in self.asks.iter().enumerate() {
                    let attempt = Attempt::new(asked.to, asked.if_match.as_ref());
                    begun.clients[at].phase = Phase::Looks {
                        ask,
                        attempt,
                        meant: None,
                    };
                    self.reach(begun);
                }
            }
            Phase::Idle => {}
            Phase::Looks {
                ask,
                attempt,
                meant,
            } => self.look(world, at, (ask, meant), attempt),
            Phase::Puts(attempt, sent) => self.put(world, at, attempt, sent),
        }
    }

    /// A look, which lists the memory and then its events. The memory never comes back within a request,
    /// so both are one step.
    fn look(
        &mut self,
        mut world: World<'r, CLIENTS>,
        at: usize,
        (ask, meant): (usize, Option<Status>),
        mut attempt: Attempt<'r>,
    ) {
        let (log, to) = (world.log, self.asks[ask].to);
        world.clients[at].phase = Phase::Idle;
        if log.memory_is_erased {
            return self.reach(world);
        }
        match attempt.looked(log.standing(at)) {
            Next::Put if log.highest() == LAST => return,
            Next::Put => {
                let sent = Sent {
                    ask,
                    number: log.highest() + 1,
                    meant: meant.unwrap_or(log.status()),
                };
                world.clients[at].phase = Phase::Puts(attempt, sent);
            }
            Next::Holds { is_replayed } => {
                assert_eq!(log.status(), to, "a success that does not hold: {world:?}");
                self.reached.held |= !is_replayed;
                self.reached.replayed |= is_replayed;
            }
            Next::End(end) => {
                assert_ne!(log.status(), to, "a failure of what holds: {world:?}");
                self.reached.ends.insert(end);
            }
        }
        self.reach(world);
    }

    fn put(&mut self, world: World<'r, CLIENTS>, at: usize, attempt: Attempt<'r>, sent: Sent) {
        let looks = Phase::Looks {
            ask: sent.ask,
            attempt,
            meant: Some(sent.meant),
        };
        let mut landed = world;
        if self.land(&mut landed, at, sent) {
            landed.clients[at].phase = Phase::Idle;
            self.reached.changed = true;
        } else {
            landed.clients[at].phase = looks;
        }
        self.reach(landed);
        if world.faults_left == 0 {
            return;
        }
        let mut faulty = world;
        faulty.faults_left -= 1;
        // Another put of this number is under way, and may fail.
        faulty.clients[at].phase = looks;
        self.reach(faulty);
        // It is lost, or certainly not stored.
        faulty.clients[at].phase = Phase::Idle;
        self.reach(faulty);
        // It landed, and its answer is lost.
        let mut lost = faulty;
        self.land(&mut lost, at, sent);
        self.reach(lost);
        // The request ends, and the put lands at some time, or at none.
        if faulty.clients[at].late.is_none() {
            faulty.clients[at].late = Some(sent);
            self.reach(faulty);
        }
    }

    /// A put reaches S3. True if its number was free.
    fn land(&self, world: &mut World<'r, CLIENTS>, at: usize, sent: Sent) -> bool {
        let (highest, from) = (world.log.highest(), world.log.status());
        if world.log.events[sent.number - 1].is_some() {
            return false;
        }
        let ask = &self.asks[sent.ask];
        assert_eq!(sent.number, highest + 1, "below another event: {world:?}");
        assert_eq!(sent.meant, from, "another step than was meant: {world:?}");
        match step(from, ask.to) {
            Step::Free => {}
            Step::Seen => {
                let has_seen = judge(ask.if_match.as_ref(), Step::Seen, seq(highest));
                assert_eq!(has_seen, Ok(()), "undone by who has not seen it: {world:?}");
                let bit = 1 << sent.ask;
                assert_eq!(world.undone & bit, 0, "undone by a repeat: {world:?}");
                world.undone |= bit;
            }
            Step::Holds | Step::Locked | Step::Deleted => {
                panic!("a step that the table does not allow: {world:?}")
            }
        }
        world.log.events[sent.number - 1] = Some(Recorded {
            status: ask.to,
            by: u8::try_from(at).ok(),
        });
        true
    }

    fn step_erasure(&mut self, mut world: World<'r, CLIENTS>) {
        match world.erasure {
            Erasure::Never => return,
            Erasure::NotBegun { is_patient } => {
                let highest = world.log.highest();
                if highest == LAST {
                    return;
                }
                world.log.events[highest] = Some(Recorded {
                    status: Status::Deleted,
                    by: None,
                });
                let tombstone = highest + 1;
                world.erasure = Erasure::Hidden {
                    tombstone,
                    is_patient,
                };
            }
            Erasure::Hidden {
                tombstone,
                is_patient,
            } => {
                world.log.memory_is_erased = true;
                world.erasure = Erasure::Waits {
                    tombstone,
                    is_patient,
                };
            }
            Erasure::Waits {
                tombstone,
                is_patient,
            } => {
                let is_from_before =
                    |client: &Client<'_>| client.late.is_some() || client.phase != Phase::Idle;
                if is_patient && world.clients.iter().any(is_from_before) {
                    return;
                }
                world.log.events[..tombstone - 1].fill(None);
                world.erasure = Erasure::Done(tombstone);
                self.reached.erased = true;
            }
            Erasure::Done(tombstone) => {
                let below = &world.log.events[..tombstone - 1];
                let is_empty = below.iter().all(Option::is_none);
                assert!(is_empty, "an event after its erasure: {world:?}");
                let is_hidden = world.log.status() == Status::Deleted;
                match (world.log.memory_is_erased, is_hidden) {
                    // The same memory is stored again, and nobody sees it.
                    (true, true) => world.log.memory_is_erased = false,
                    // Somebody restored what was being erased. The last listing shows it.
                    (true, false) => return self.reached.disturbed = true,
                    (false, _) => return self.reached.restored_after |= !is_hidden,
                }
            }
        }
        self.reach(world);
    }
}

/// Every status, without `If-Match` and with each of these numbers.
fn asks(numbers: &[u8]) -> Vec<Ask> {
    let tag = |&number| Some(IfMatch::Tags(vec![Tag::Of(number)]));
    let conditions: Vec<_> = [None].into_iter().chain(numbers.iter().map(tag)).collect();
    let of_status = |to| {
        let if_match = conditions.iter().cloned();
        if_match.map(move |if_match| Ask { to, if_match })
    };
    Status::ALL.into_iter().flat_map(of_status).collect()
}

fn logs() -> [Log; 4] {
    use Status::{Deleted, Locked, Verified};
    [&[][..], &[Verified], &[Verified, Locked], &[Deleted]].map(Log::with)
}

/// What the runs over each of the logs come to.
fn reached<const CLIENTS: usize>(asks: &[Ask], begin: Begin) -> Reached {
    let mut reached = Reached::default();
    for log in logs() {
        Model::<CLIENTS>::run(asks, Begin { log, ..begin }, &mut reached);
    }
    reached
}

const ONE_REQUEST: Begin = Begin {
    log: Log::EMPTY,
    erasure: Erasure::Never,
    requests: 1,
    faults: 0,
};

#[test]
fn one_client_over_failing_puts_comes_to_every_end() {
    let begin = Begin {
        faults: PUTS_MAX + 1,
        requests: 2,
        ..ONE_REQUEST
    };
    let reached = reached::<1>(&asks(&[1, 2, 3]), begin);
    assert!(reached.changed && reached.held && reached.replayed);
    let ends = [
        End::Locked,
        End::Deleted,
        End::Precondition(Unmet::Required),
        End::Precondition(Unmet::Failed),
        End::ChangedMeanwhile,
        End::Contended,
    ];
    assert_eq!(reached.ends, HashSet::from(ends));
}

#[test]
fn two_clients_with_repeats_and_lost_answers_make_only_steps_that_were_meant() {
    let begin = Begin {
        requests: 2,
        faults: 1,
        ..ONE_REQUEST
    };
    let reached = reached::<2>(&asks(&[1, 2]), begin);
    assert!(reached.changed && reached.held && reached.replayed);
    assert!(reached.late_landed && reached.late_taken);
}

#[test]
fn three_clients_and_a_lost_answer_make_only_steps_that_were_meant() {
    let begin = Begin {
        faults: 1,
        ..ONE_REQUEST
    };
    let reached = reached::<3>(&asks(&[1, 2]), begin);
    assert!(reached.late_landed && reached.ends.contains(&End::ChangedMeanwhile));
}

#[test]
fn four_clients_make_only_steps_that_were_meant() {
    let reached = reached::<4>(&asks(&[2]), ONE_REQUEST);
    assert!(reached.changed && reached.ends.contains(&End::ChangedMeanwhile));
}

#[test]
fn nothing_is_put_after_an_erasure_and_what_is_stored_again_stays_hidden_until_it_is_restored() {
    let begin = Begin {
        erasure: Erasure::NotBegun { is_patient: true },
        requests: 2,
        faults: 1,
        ..ONE_REQUEST
    };
    let reached = reached::<2>(&asks(&[1]), begin);
    assert!(reached.erased && reached.disturbed && reached.restored_after);
}

#[test]
#[should_panic(expected = "below another event")]
fn an_erasure_that_does_not_wait_for_slow_requests_is_found_out() {
    let begin = Begin {
        erasure: Erasure::NotBegun { is_patient: false },
        requests: 1,
        faults: 1,
        ..ONE_REQUEST
    };
    reached::<2>(&asks(&[1]), begin);
}
