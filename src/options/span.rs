//! The span of time that a command is about: instants, days, and times before now.
//!
//! The module must not know what o'clock it is: now enters by an argument.

use std::time::Duration;

use memory_log::timestamp::Timestamp;

/// Which time is meant.
#[derive(Debug, Clone, clap::Args)]
pub struct Span {
    /// Only memories at this time or later: RFC 3339, a day in UTC (2026-05-01), or a time before now (12h, 7d)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Time>,
    /// Only memories before this time, which is written in the same ways
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Time>,
}

/// A time as a person writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    At(Timestamp),
    Ago(Duration),
}

/// The units of a time before now, in seconds.
const UNITS: [(char, u64); 5] = [
    ('s', 1),
    ('m', 60),
    ('h', 60 * 60),
    ('d', 24 * 60 * 60),
    ('w', 7 * 24 * 60 * 60),
];

impl Span {
    /// The first instant of the span, and the first one after it.
    ///
    /// # Errors
    /// No memory can lie in it, in a sentence.
    pub fn at(
        &self,
        now: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), &'static str> {
        let [since, until] = [self.since, self.until].map(|time| time.map(|time| time.at(now)));
        match since.zip(until) {
            Some((since, until)) if since >= until => {
                Err("--until is not after --since, so no memory can lie between.")
            }
            Some(_) | None => Ok((since, until)),
        }
    }
}

impl Time {
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(instant) => instant,
            Self::Ago(span) => {
                let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_unix_micros(now.unix_micros().saturating_sub(span))
            }
        }
    }
}

fn time(text: &str) -> Result<Time, &'static str> {
    let instant = || Timestamp::parse(text).ok();
    let day = || Timestamp::parse(&format!("{text}T00:00:00Z")).ok();
    let found = instant().or_else(day).map(Time::At);
    found.or_else(|| ago(text).map(Time::Ago)).ok_or(
        "write 2026-01-19T14:00:00Z, a day (2026-01-19), or a time before now: a number with s, m, h, d or w (7d)",
    )
}

/// A number with a unit.
fn ago(text: &str) -> Option<Duration> {
    let (_, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let number = text.strip_suffix(|_: char| true)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = number.parse().ok().filter(|_| is_number)?;
    Some(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-03-01T12:00:00Z";

    fn instant(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_time_is_an_instant_a_day_or_a_time_before_now() {
        for (text, expected) in [
            ("2026-01-19T14:00:00+01:00", "2026-01-19T13:00:00Z"),
            ("2026-02-28", "2026-02-28T00:00:00Z"),
            ("90s", "2026-03-01T11:58:30Z"),
            ("30m", "2026-03-01T11:30:00Z"),
            ("13h", "2026-02-28T23:00:00Z"),
            ("1d", "2026-02-28T12:00:00Z"),
            ("2w", "2026-02-15T12:00:00Z"),
            ("0d", NOW),
            ("4294967295w", "1970-01-01T00:00:00Z"),
        ] {
            let found = time(text).map(|time| time.at(instant(NOW)));
            assert_eq!(found, Ok(instant(expected)), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_times_means_none() {
        for text in [
            "7",
            "d",
            "",
            "-7d",
            "+7d",
            "7 d",
            "7D",
            "1.5d",
            "7y",
            "7d12h",
            "٧d",
            "4294967296w",
            "2026-02-29",
            "26-01-19",
            "2026-1-9",
            "2026-01",
            "2026-01-19T14:00:00",
            "yesterday",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_in_which_no_memory_can_lie_is_refused() {
        let span = |since: &str, until: &str| Span {
            since: Some(time(since).unwrap()),
            until: Some(time(until).unwrap()),
        };
        let found = span("2d", "2026-03-01").at(instant(NOW)).unwrap();
        let expected = ["2026-02-27T12:00:00Z", "2026-03-01T00:00:00Z"].map(instant);
        assert_eq!(found, (Some(expected[0]), Some(expected[1])));
        for (since, until) in [
            ("2026-03-01", "2026-03-01"),
            ("2026-03-02", "2026-03-01"),
            ("1d", "7d"),
            ("2026-04-01", "1h"),
        ] {
            assert!(
                span(since, until).at(instant(NOW)).is_err(),
                "{since} {until}"
            );
        }
    }
}
