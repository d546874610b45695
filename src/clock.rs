//! The clock of memories that have no timestamp. Each call returns a later time than the one before,
//! in microseconds.
//!
//! The wall clock enters by an argument. The module must not know what a timestamp is used for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use memory_log::timestamp::{Timestamp, unix_micros};

/// A clock that never gives the same instant twice within a process (contract 4.2).
#[derive(Debug, Default)]
pub struct Clock {
    last_micros: AtomicI64,
}

impl Clock {
    /// The timestamp of a memory that has none, by the wall clock.
    pub fn now(&self, wall: SystemTime) -> Timestamp {
        let wall_micros = unix_micros(wall);
        let later = |last: i64| wall_micros.max(last.saturating_add(1));
        let order = Ordering::AcqRel;
        let last = self
            .last_micros
            .fetch_update(order, Ordering::Acquire, |last| Some(later(last)));
        Timestamp::from_unix_micros(later(last.unwrap_or_else(|last| last)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_clock_never_gives_one_instant_twice_even_when_it_is_set_back() {
        let clock = Clock::default();
        let at = |micros| UNIX_EPOCH + Duration::from_micros(micros);
        let ticks: Vec<_> = [5, 5, 3, 6, 9]
            .map(|micros| clock.now(at(micros)).to_string())
            .into();
        let expected = [5, 6, 7, 8, 9].map(|micros| format!("1970-01-01T00:00:00.00000{micros}Z"));
        assert_eq!(ticks, expected);
    }

    #[test]
    fn a_wall_clock_before_1970_starts_at_1970() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        let first = Clock::default().now(before);
        assert_eq!(first.to_string(), "1970-01-01T00:00:00.000001Z");
    }
}
