//! The places of open connections, and which connection gives its place up for a new one.
//!
//! One place is more than there may be requests in flight. So there is always a connection that only
//! waits, and the one that has waited longest makes room. The module must not know HTTP.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::Limits;

/// How long a connection that must make room gets to close, before the next one must as well: its
/// task only has to run once.
const EVICTION_TIME: Duration = Duration::from_millis(10);

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No byte of a next request has arrived since then.
    Idle(Instant),
    /// The first byte of a request arrived then. Its head is not complete, or there is no room for it.
    Head(Instant),
    /// A request is being handled.
    InFlight,
    /// It must close.
    Evicted,
}

impl Phase {
    /// Since when the connection has waited for its client, unless it has a request in flight.
    fn waits_since(self) -> Option<Instant> {
        match self {
            Self::Idle(since) | Self::Head(since) => Some(since),
            Self::InFlight | Self::Evicted => None,
        }
    }
}

/// All places of a server.
pub(super) struct Places {
    /// One permit for each place.
    free: Arc<Semaphore>,
    /// One permit for each request that may be in flight.
    requests: Arc<Semaphore>,
    taken: Vec<Weak<watch::Sender<Phase>>>,
}

impl Places {
    /// Places for this many connections. With fewer than two none could ever have a request.
    pub(super) fn new(connections: usize) -> Self {
        let connections = connections.max(2);
        Self {
            free: Arc::new(Semaphore::new(connections)),
            requests: Arc::new(Semaphore::new(connections - 1)),
            taken: Vec::new(),
        }
    }

    /// Takes a place for a new connection. If none is free, the connection that has waited longest is
    /// closed.
    pub(super) async fn take(&mut self) -> Place {
        loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                return self.place(permit);
            }
            self.evict();
            let freed = timeout(EVICTION_TIME, Arc::clone(&self.free).acquire_owned()).await;
            if let Ok(Ok(permit)) = freed {
                return self.place(permit);
            }
        }
    }

    fn place(&mut self, permit: OwnedSemaphorePermit) -> Place {
        let phase = Arc::new(watch::Sender::new(Phase::Idle(Instant::now())));
        self.taken.retain(|taken| taken.strong_count() > 0);
        self.taken.push(Arc::downgrade(&phase));
        let requests = Arc::clone(&self.requests);
        Place {
            progress: Progress { phase, requests },
            _permit: permit,
        }
    }

    fn evict(&self) {
        let taken = self.taken.iter().filter_map(Weak::upgrade);
        let waiting = taken.filter_map(|phase| {
            let seen = *phase.borrow();
            Some((seen.waits_since()?, seen, phase))
        });
        if let Some((_, seen, phase)) = waiting.min_by_key(|(since, ..)| *since) {
            // Unless it has gone on meanwhile.
            phase.send_if_modified(|phase| {
                let waits = *phase == seen;
                if waits {
                    *phase = Phase::Evicted;
                }
                waits
            });
        }
    }
}

/// The place of one connection. It is free again when this is dropped, so it must outlive the socket.
pub(super) struct Place {
    pub(super) progress: Progress,
    _permit: OwnedSemaphorePermit,
}

/// What one connection is doing, as its socket and its requests report it.
#[derive(Clone)]
pub(super) struct Progress {
    phase: Arc<watch::Sender<Phase>>,
    requests: Arc<Semaphore>,
}

impl Progress {
    /// Some bytes arrived.
    pub(super) fn read(&self) {
        self.phase.send_if_modified(|phase| {
            let is_first = matches!(phase, Phase::Idle(_));
            if is_first {
                *phase = Phase::Head(Instant::now());
            }
            is_first
        });
    }

    /// The head of a request is complete. It is in flight until the result is dropped.
    pub(super) fn begin(&self) -> Turn {
        let permit = Arc::clone(&self.requests).try_acquire_owned().ok();
        let mut in_flight = false;
        self.phase.send_if_modified(|phase| {
            in_flight = permit.is_some() && *phase != Phase::Evicted;
            if in_flight {
                *phase = Phase::InFlight;
            }
            in_flight
        });
        Turn {
            permit: permit.filter(|_| in_flight),
            progress: self.clone(),
        }
    }

    /// Waits until the connection must close: its client took too long, or another needs the place.
    pub(super) async fn ended(&self, limits: &Limits) {
        let mut phases = self.phase.subscribe();
        loop {
            let phase = *phases.borrow_and_update();
            let latest = match phase {
                Phase::Idle(since) => since + limits.idle_time,
                Phase::Head(since) => since + limits.head_time,
                Phase::InFlight => {
                    let _ = phases.changed().await;
                    continue;
                }
                Phase::Evicted => return,
            };
            if timeout_at(latest, phases.changed()).await.is_err() {
                return;
            }
        }
    }
}

/// The time in which a connection handles a request.
pub(super) struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    progress: Progress,
}

impl Turn {
    /// Whether as many requests as possible were in flight, so that there is no room for this one.
    pub(super) fn is_crowded(&self) -> bool {
        self.permit.is_none()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.progress.phase.send_if_modified(|phase| {
            let goes_on = *phase != Phase::Evicted;
            if goes_on {
                *phase = Phase::Idle(Instant::now());
            }
            goes_on
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connections: 3,
        head_time: Duration::from_secs(10),
        idle_time: Duration::from_secs(60),
    };

    /// Whether a connection must close within this time.
    async fn ends_within(place: &Place, time: Duration) -> bool {
        timeout(time, place.progress.ended(&LIMITS)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_has_60_seconds_and_a_head_10_from_its_first_byte() {
        let (second, ms) = (Duration::from_secs(1), Duration::from_millis(1));
        let mut places = Places::new(3);
        let place = places.take().await;
        assert!(!ends_within(&place, 60 * second - ms).await);
        place.progress.read();
        assert!(!ends_within(&place, 9 * second).await);
        place.progress.read();
        assert!(!ends_within(&place, second - ms).await, "a later byte");
        let turn = place.progress.begin();
        assert!(!ends_within(&place, 1000 * second).await, "in flight");
        place.progress.read();
        drop(turn);
        assert!(!ends_within(&place, 60 * second - ms).await);
        assert!(ends_within(&place, 2 * ms).await);
        let dripping = places.take().await;
        dripping.progress.read();
        assert!(!ends_within(&dripping, 10 * second - ms).await);
        dripping.progress.read();
        assert!(ends_within(&dripping, 2 * ms).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_waited_longest_makes_room_and_never_one_with_a_request() {
        let mut places = Places::new(3);
        let pause = || tokio::time::sleep(Duration::from_secs(1));
        let busy = places.take().await;
        let turn = busy.progress.begin();
        pause().await;
        let oldest = places.take().await;
        oldest.progress.read();
        pause().await;
        let idle = places.take().await;
        let soon = Duration::from_millis(1);

        let evicted = async {
            oldest.progress.ended(&LIMITS).await;
            assert!(!ends_within(&idle, soon).await && !ends_within(&busy, soon).await);
            drop(oldest);
        };
        let (_new, ()) = tokio::join!(places.take(), evicted);
        // A request that was in flight only counts as waiting from its response.
        drop(turn);
        let evicted = async {
            idle.progress.ended(&LIMITS).await;
            assert!(!ends_within(&busy, soon).await);
            assert!(idle.progress.begin().is_crowded(), "it is closing");
            drop(idle);
        };
        let (_newest, ()) = tokio::join!(places.take(), evicted);
    }

    #[tokio::test]
    async fn one_place_is_kept_from_requests() {
        let mut places = Places::new(3);
        let connections = [
            places.take().await,
            places.take().await,
            places.take().await,
        ];
        let [first, second, third] = connections.each_ref().map(|place| place.progress.begin());
        assert!(!first.is_crowded() && !second.is_crowded() && third.is_crowded());
        drop(first);
        assert!(!connections[2].progress.begin().is_crowded());
    }
}
