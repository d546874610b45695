//! A second reader of RFC 3339, which shares no code with `chrono`.

/// The last second of the year 9999, the last year with four digits.
const LAST_SECOND: i64 = 253_402_300_799;

/// Seconds since 1970 and nanoseconds of a timestamp that the service accepts; `None` for any other
/// text.
pub(crate) fn instant(text: &str) -> Option<(i64, u32)> {
    let mut rest = text.as_bytes();
    let year = digits(&mut rest, 4)?;
    one_of(&mut rest, b"-")?;
    let month = digits(&mut rest, 2)?;
    one_of(&mut rest, b"-")?;
    let day = digits(&mut rest, 2)?;
    one_of(&mut rest, b"Tt ")?;
    let hour = digits(&mut rest, 2)?;
    one_of(&mut rest, b":")?;
    let minute = digits(&mut rest, 2)?;
    one_of(&mut rest, b":")?;
    let second = digits(&mut rest, 2)?;
    let mut nanos = 0;
    if one_of(&mut rest, b".").is_some() {
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let places = u32::try_from(length)
            .ok()
            .filter(|places| (1..=9).contains(places))?;
        nanos = digits(&mut rest, length)? * 10_i64.pow(9 - places);
    }
    let mut offset = 0;
    if one_of(&mut rest, b"Zz").is_none() {
        let sign = if one_of(&mut rest, b"+-")? == b'-' {
            -1
        } else {
            1
        };
        let (hours, _, minutes) = (
            digits(&mut rest, 2)?,
            one_of(&mut rest, b":")?,
            digits(&mut rest, 2)?,
        );
        if hours > 23 || minutes > 59 {
            return None;
        }
        offset = sign * (hours * 3_600 + minutes * 60);
    }
    let is_real = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = (0..month - 1).fold(days_before(year), |days, earlier| {
        days + days_of(year, earlier + 1)
    });
    let seconds = (days + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    (is_real && rest.is_empty() && (0..=LAST_SECOND).contains(&seconds))
        .then_some((seconds, u32::try_from(nanos).ok()?))
}

/// The fraction of a second in 0, 3, 6 or 9 digits, the fewest that lose nothing, after a point.
pub(crate) fn fraction(nanos: u32) -> String {
    match nanos {
        0 => String::new(),
        _ if nanos.is_multiple_of(1_000_000) => format!(".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => format!(".{:06}", nanos / 1_000),
        _ => format!(".{nanos:09}"),
    }
}

/// Days from 1970-01-01 to the first day of a year.
fn days_before(year: i64) -> i64 {
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let (digits, after) = rest.split_at_checked(count)?;
    *rest = after;
    digits.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + i64::from(byte - b'0'))
    })
}

fn one_of(rest: &mut &[u8], wanted: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    if !wanted.contains(first) {
        return None;
    }
    *rest = after;
    Some(*first)
}
