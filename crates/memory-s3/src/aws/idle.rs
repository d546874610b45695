//! How long a connection was idle, by the clock that moved most.
//!
//! Lambda freezes a function between two requests. AWS does not say whether the clocks inside the
//! sandbox move meanwhile, and a paused microVM can stop all of them. The deadline of an invocation is
//! set outside the sandbox, so the difference of two deadlines shows a pause that no clock inside
//! shows. The module must not know connections.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hyper::rt::{Sleep, Timer};
use hyper_util::rt::TokioTimer;

/// The invocations of a Lambda function. Elsewhere there are none.
#[derive(Debug, Clone, Default)]
pub struct Invocations {
    /// The deadline of the newest one, in milliseconds since 1970.
    deadline: Arc<AtomicU64>,
}

impl Invocations {
    /// Records that an invocation began, with this deadline in milliseconds since 1970
    /// (`Lambda-Runtime-Deadline-Ms`,
    /// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).
    pub fn begin(&self, deadline: u64) {
        self.deadline.store(deadline, Ordering::Release);
    }
}

/// The longest step of the clock: longer than any connection is kept. A wrong deadline must not overflow
/// the `Instant`.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// What the clocks show: each the time since some moment of its own.
type Clocks = [Duration; 3];

/// A clock that moves, between two readings, as far as the fastest of three: `CLOCK_BOOTTIME`, the wall
/// clock, and the deadlines of the invocations. It never goes back.
#[derive(Debug, Clone)]
pub(super) struct IdleClock {
    invocations: Invocations,
    shown: Arc<Mutex<(Clocks, Instant)>>,
}

impl IdleClock {
    pub(super) fn new(invocations: Invocations) -> Self {
        let shown = (clocks(&invocations), Instant::now());
        Self {
            invocations,
            shown: Arc::new(Mutex::new(shown)),
        }
    }

    fn advance(&self, now: Clocks) -> Instant {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, instant) = *shown;
        let moved = now.iter().zip(before);
        let moved = moved.map(|(now, before)| now.saturating_sub(before)).max();
        let instant = instant + moved.unwrap_or_default().min(LONGEST);
        *shown = (now, instant);
        instant
    }
}

fn clocks(invocations: &Invocations) -> Clocks {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let deadline = invocations.deadline.load(Ordering::Acquire);
    [
        since_boot(),
        wall.unwrap_or_default(),
        Duration::from_millis(deadline),
    ]
}

/// The time since the start of the system, with the time that it slept.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

/// The time since the first call. Only the wall clock shows how long this system slept.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static FIRST: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    FIRST.elapsed()
}

impl Timer for IdleClock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep(duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        self.advance(clocks(&self.invocations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How far the clock moves from these clocks to those.
    fn moved(from: [u64; 3], to: [u64; 3]) -> Duration {
        let clock = IdleClock::new(Invocations::default());
        clock.shown.lock().unwrap().0 = from.map(Duration::from_secs);
        let before = clock.shown.lock().unwrap().1;
        clock.advance(to.map(Duration::from_secs)) - before
    }

    #[test]
    fn the_clock_that_moved_most_counts() {
        for to in [[9, 5, 5], [5, 9, 5], [5, 5, 9], [9, 6, 7], [9, 0, 0]] {
            assert_eq!(moved([5, 5, 5], to), 4 * SECOND, "{to:?}");
        }
        assert_eq!(moved([5, 5, 5], [5, 5, 5]), Duration::ZERO);
        assert_eq!(
            moved([5, 5, 5], [4, 0, 3]),
            Duration::ZERO,
            "it never goes back"
        );
    }

    #[test]
    fn what_one_clock_moved_is_not_taken_back_by_another() {
        let clock = IdleClock::new(Invocations::default());
        let at = |clocks: [u64; 3]| clock.advance(clocks.map(|seconds| SECOND * seconds as u32));
        let start = at([10, 10, 10]);
        // The wall clock is set forward and back again. Meanwhile the function is frozen.
        at([10, 100, 10]);
        assert_eq!(at([13, 13, 10]) - start, 93 * SECOND);
    }

    #[test]
    fn the_first_deadline_and_one_of_1970_are_only_far_away() {
        let invocations = Invocations::default();
        let clock = IdleClock::new(invocations.clone());
        let start = clock.now();
        invocations.begin(1_769_483_662_000);
        let first = clock.now();
        assert!(first - start > 60 * SECOND);
        invocations.begin(u64::MAX);
        let last = clock.now();
        assert!(last - first > 60 * SECOND);
        invocations.begin(0);
        assert!(
            clock.now() - last < 60 * SECOND,
            "it has only stopped counting"
        );
        invocations.begin(u64::MAX);
        assert!(clock.now() - last > 60 * SECOND);
    }

    #[test]
    fn the_clocks_of_this_system_move() {
        let clock = IdleClock::new(Invocations::default());
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(20));
        assert!(clock.now() - before >= Duration::from_millis(20));
        let [boot, wall, deadline] = clocks(&Invocations::default());
        std::thread::sleep(Duration::from_millis(20));
        let now = clocks(&Invocations::default());
        assert!(now[0] > boot && now[1] > wall && now[2] == deadline);
    }
}
