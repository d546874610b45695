//! The instant that a memory is about: RFC 3339 in, UTC to the nanosecond out.
//!
//! In a key every value has the same width, so that the order of keys is the order of time. The
//! module must not read a clock.
//! Source: RFC 3339, section 5.6 (<https://www.rfc-editor.org/rfc/rfc3339#section-5.6>).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// An instant from 1970-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z, to the nanosecond.
///
/// `Display` is the normal form (contract 2.1): UTC, `Z`, and 0, 3, 6 or 9 fraction digits, the
/// fewest that lose nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

/// What a wall clock shows, in microseconds since 1970-01-01T00:00:00Z, from which on it counts.
#[must_use]
pub fn unix_micros(wall: SystemTime) -> i64 {
    let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

/// The last second of the year 9999, the last year with four digits.
const LAST_SECOND: i64 = 253_402_300_799;
/// A nanosecond has nine digits; a tenth digit could not be stored.
const FRACTION_DIGITS_MAX: usize = 9;

/// Why a text is not a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampError {
    /// The text is empty.
    Empty,
    /// A date without a time of day.
    DateOnly,
    /// A date and a time of day without an offset, so the instant is not known.
    NoOffset,
    /// The second 60, which has no place in the order of POSIX time.
    LeapSecond,
    /// More than nine fraction digits.
    TooPrecise,
    /// Not RFC 3339 in some other way, or a day or hour that does not exist.
    NotRfc3339,
    /// A timestamp, but before 1970 or after 9999 in UTC.
    OutOfRange,
}

impl Timestamp {
    /// Reads RFC 3339 with an offset.
    ///
    /// # Errors
    /// [`TimestampError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        if text.is_empty() {
            return Err(TimestampError::Empty);
        }
        let instant = rfc3339(text).ok_or_else(|| reason_of_refusal(text))?;
        if fraction_digits(text) > FRACTION_DIGITS_MAX {
            return Err(TimestampError::TooPrecise);
        }
        let nanos = instant.timestamp_subsec_nanos();
        if nanos >= 1_000_000_000 {
            return Err(TimestampError::LeapSecond);
        }
        Self::at(instant.timestamp(), nanos).ok_or(TimestampError::OutOfRange)
    }

    /// The instant this many microseconds after 1970-01-01T00:00:00Z, or the nearest one in range.
    #[must_use]
    pub fn from_unix_micros(micros: i64) -> Self {
        let micros = micros.clamp(0, LAST_SECOND * 1_000_000 + 999_999);
        Self(DateTime::from_timestamp_micros(micros).unwrap_or_default())
    }

    /// The time since an earlier instant; zero if that one is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }

    /// The whole microseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    fn at(seconds: i64, nanos: u32) -> Option<Self> {
        let in_range = (0..=LAST_SECOND).contains(&seconds);
        DateTime::from_timestamp(seconds, nanos)
            .filter(|_| in_range)
            .map(Self)
    }

    /// The path in a key: `yyyy/mm/dd/yyyy-mm-ddThh-mm-ss.fffffffffZ`, always nine fraction digits.
    pub(crate) fn in_key(self) -> String {
        // A format of chrono's own would be read again for each key.
        let instant = self.0.to_rfc3339_opts(SecondsFormat::Nanos, true);
        let instant = instant.replace(':', "-");
        let (day, _) = instant.split_once('T').unwrap_or_default();
        format!("{}/{instant}", day.replace('-', "/"))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// `chrono` also accepts a Unicode minus sign in the offset; RFC 3339 is ASCII.
fn rfc3339(text: &str) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    text.is_ascii().then(|| instant.to_utc())
}

fn fraction_digits(text: &str) -> usize {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    fraction.bytes().take_while(u8::is_ascii_digit).count()
}

fn reason_of_refusal(text: &str) -> TimestampError {
    if NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() && text.len() == "yyyy-mm-dd".len() {
        TimestampError::DateOnly
    } else if rfc3339(&format!("{text}Z")).is_some() {
        TimestampError::NoOffset
    } else {
        TimestampError::NotRfc3339
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refusal_says_why() {
        use TimestampError::*;
        for (text, reason) in [
            ("", Empty),
            ("2026-01-27", DateOnly),
            ("2026-01-27T03:14:22", NoOffset),
            ("2026-01-27T23:59:60Z", LeapSecond),
            ("2026-01-27T10:00:60Z", LeapSecond),
            ("2026-01-27T03:14:22.1234567890Z", TooPrecise),
            ("2026-01-27T03:14:22\u{2212}08:00", NotRfc3339),
            ("2026-01-27T03:14:22+0700", NotRfc3339),
            ("yesterday", NotRfc3339),
            ("27.01.2026", NotRfc3339),
            ("2026-1-27", NotRfc3339),
            ("1969-12-31T23:59:59.999999999Z", OutOfRange),
            ("0000-01-01T00:00:00Z", OutOfRange),
            ("9999-12-31T23:59:59-00:01", OutOfRange),
        ] {
            assert_eq!(Timestamp::parse(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_wall_clock_counts_whole_microseconds_from_1970_on() {
        let wall = UNIX_EPOCH + Duration::from_nanos(1_500_000_999);
        assert_eq!(unix_micros(wall), 1_500_000);
        assert_eq!(unix_micros(UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(
            Timestamp::from_unix_micros(1_500_000).unix_micros(),
            1_500_000
        );
    }

    #[test]
    fn a_fraction_takes_the_fewest_digits_that_lose_nothing() {
        for (given, normal) in [
            ("2026-01-27T03:14:22.000000000Z", "2026-01-27T03:14:22Z"),
            ("2026-01-27T03:14:22.5Z", "2026-01-27T03:14:22.500Z"),
            ("2026-01-27T03:14:22.000100Z", "2026-01-27T03:14:22.000100Z"),
            (
                "2026-01-27T03:14:22.0000001Z",
                "2026-01-27T03:14:22.000000100Z",
            ),
        ] {
            assert_eq!(Timestamp::parse(given).unwrap().to_string(), normal);
        }
    }

    #[test]
    fn the_time_since_an_instant_is_exact_and_never_negative() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let (early, late) = (
            at("2026-01-27T03:14:22.1Z"),
            at("2026-01-27T04:19:22.100000001+01:00"),
        );
        assert_eq!(late.since(early), Duration::new(5 * 60, 1));
        assert_eq!(early.since(late), Duration::ZERO);
        let (first, last) = (
            at("1970-01-01T00:00:00Z"),
            at("9999-12-31T23:59:59.999999999Z"),
        );
        assert_eq!(
            last.since(first),
            Duration::new(LAST_SECOND.unsigned_abs(), 999_999_999)
        );
    }

    #[test]
    fn a_clock_outside_the_range_is_held_at_its_edge() {
        assert_eq!(
            Timestamp::from_unix_micros(-1).to_string(),
            "1970-01-01T00:00:00Z"
        );
        assert_eq!(
            Timestamp::from_unix_micros(i64::MAX).to_string(),
            "9999-12-31T23:59:59.999999Z"
        );
    }

    #[test]
    fn every_worked_timestamp_is_kept_or_refused() {
        let file = include_str!("../../../tests/vectors/timestamps.json");
        let worked: serde_json::Value = serde_json::from_str(file).unwrap();
        for accepted in worked["accepted"].as_array().unwrap() {
            let text = |name: &str| accepted[name].as_str().unwrap().to_owned();
            let normal = Timestamp::parse(&text("given")).unwrap().to_string();
            assert_eq!(normal, text("stored"));
        }
        for refused in worked["refused"].as_array().unwrap() {
            let text = refused.as_str().unwrap();
            assert!(Timestamp::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_range_has_its_first_and_its_last_nanosecond() {
        for edge in ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"] {
            assert_eq!(Timestamp::parse(edge).unwrap().to_string(), edge);
        }
        for beyond in [
            "1969-12-31T23:59:59.999999999Z",
            "1970-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59.999999999-00:01",
        ] {
            assert_eq!(Timestamp::parse(beyond), Err(TimestampError::OutOfRange));
        }
    }

    /// Days since 1970-01-01 of a date of the Gregorian calendar, counted year by year and month by
    /// month.
    fn days(year: u64, month: u64, day: u64) -> u64 {
        let is_leap = |year: u64| match (year % 4, year % 100, year % 400) {
            (_, _, 0) => true,
            (_, 0, _) => false,
            (of_four, _, _) => of_four == 0,
        };
        let of_year = |year| 365 + u64::from(is_leap(year));
        let of_month = |month| match month {
            2 => 28 + u64::from(is_leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let years: u64 = (1970..year).map(of_year).sum();
        let months: u64 = (1..month).map(of_month).sum();
        years + months + day - 1
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_date_and_a_time_with_an_offset_are_the_instant_of_the_calendar(
            (year, month, day) in (1971..9999_u64, 1..=12_u64, 1..=28_u64), (hour, minute, second) in (0..24_u64, 0..60_u64, 0..60_u64),
            micros in 0..1_000_000_u64, east in any::<bool>(), offset in 0..24 * 60_u64,
        ) {
            let sign = if east { '+' } else { '-' };
            let text = format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}{sign}{:02}:{:02}",
                offset / 60, offset % 60,
            );
            let local = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
            let seconds = if east { local - offset * 60 } else { local + offset * 60 };
            let expected = Timestamp::from_unix_micros((seconds * 1_000_000 + micros).try_into().unwrap());
            prop_assert_eq!(Timestamp::parse(&text), Ok(expected));
        }

        #[test]
        fn the_normal_form_is_read_back_and_has_the_fewest_digits(seconds in 0..=LAST_SECOND, nanos in 0..1_000_000_000_u32, zeros in 0..10_u32) {
            let nanos = nanos / 10_u32.pow(zeros) * 10_u32.pow(zeros);
            let timestamp = Timestamp::at(seconds, nanos).unwrap();
            let text = timestamp.to_string();
            prop_assert_eq!(Timestamp::parse(&text), Ok(timestamp));
            let digits = fraction_digits(&text);
            prop_assert!([0, 3, 6, 9].contains(&digits));
            prop_assert!(digits == 0 || !text.ends_with("000Z"), "{}", text);
        }

        #[test]
        fn the_path_in_a_key_has_one_width_and_sorts_by_time(
            a in (0..=LAST_SECOND, 0..1_000_000_000_u32), b in (0..=LAST_SECOND, 0..1_000_000_000_u32),
        ) {
            let at = |(seconds, nanos)| Timestamp::at(seconds, nanos).unwrap();
            let (a, b) = (at(a), at(b));
            let (path_a, path_b) = (a.in_key(), b.in_key());
            prop_assert_eq!(path_a.len(), "yyyy/mm/dd/yyyy-mm-ddThh-mm-ss.fffffffffZ".len());
            prop_assert_eq!(path_a.cmp(&path_b), a.cmp(&b));
        }
    }
}
