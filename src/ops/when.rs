//! Moments: as arguments name them, as engines write them, as answers tell them.

use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset};

use crate::core::reason::Fault;
pub use crate::core::record::second;
use crate::core::text;

/// A stretch of time, open where it has no end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Not before.
    pub since: Option<OffsetDateTime>,
    /// Not after.
    pub until: Option<OffsetDateTime>,
}

impl Window {
    /// Reads the arguments `since` and `until`, relative ones as of `now`.
    ///
    /// # Errors
    /// `invalid_argument` for a form that is none, and if `since` is after `until`.
    pub fn parse(
        since: Option<&str>,
        until: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        let since = since.map(|given| moment("since", given, now)).transpose()?;
        let until = until.map(|given| moment("until", given, now)).transpose()?;
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            return Err(Fault::invalid(format!(
                "`since` ({}) is after `until` ({}), so nothing can lie between them. Exchange \
                 them, or leave one out.",
                second(since),
                second(until)
            )));
        }
        Ok(Self { since, until })
    }

    /// Whether a moment lies in it.
    pub fn holds(&self, at: OffsetDateTime) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at <= until)
    }
}

/// Reads the argument `name`: a moment, or a time before `now`.
///
/// # Errors
/// `invalid_argument` for a form that is none.
pub(super) fn moment(
    name: &str,
    given: &str,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, Fault> {
    before(given, now).or_else(|| read(given)).ok_or_else(|| {
        Fault::invalid(format!(
            "`{name}` is `{}`, which is no moment. Use RFC 3339 such as `2026-01-31T08:00:00Z`, or \
             a time before now such as `30s`, `10m`, `2h` or `3d`.",
            text::line(given, 64)
        ))
    })
}

/// `10m` and the like, as a moment before `now`.
fn before(given: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let unit = given.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = given.strip_suffix(unit).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    let count: i64 = digits.parse().ok()?;
    now.checked_sub(Duration::seconds(count.checked_mul(seconds)?))
}

/// A moment as engines write it.
pub(super) fn read(written: &str) -> Option<OffsetDateTime> {
    // With its offset a moment can lie beyond the last year that UTC can name.
    let read = || OffsetDateTime::parse(written, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC);
    usual(written.as_bytes()).or_else(read)
}

/// The form that engines do write, `2026-01-31T08:00:00.123456789Z`, read by its fixed places: a
/// log has one a line.
fn usual(written: &[u8]) -> Option<OffsetDateTime> {
    let (second, fraction) = written.strip_suffix(b"Z")?.split_at_checked(19)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] =
        *<&[u8; 19]>::try_from(second).ok()?
    else {
        return None;
    };
    let two = |a, b| number(&[a, b]).and_then(|n| u8::try_from(n).ok());
    let nanosecond = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => {
            number(digits)? * 10_u32.pow(9 - u32::try_from(digits.len()).ok()?)
        }
        _ => return None,
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let month = Month::try_from(two(m1, m2)?).ok()?;
    let date = Date::from_calendar_date(year, month, two(d1, d2)?).ok()?;
    let time = Time::from_hms_nano(two(h1, h2)?, two(n1, n2)?, two(s1, s2)?, nanosecond).ok()?;
    Some(date.with_time(time).assume_utc())
}

/// At most nine digits as a number.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

/// A moment that an engine wrote, to the second and with its age: `2026-01-31T08:00:00Z (2 h ago)`.
pub(super) fn aged(written: &str, now: OffsetDateTime) -> String {
    match read(written) {
        Some(at) => format!("{} ({})", second(at), ago(at, now)),
        None => text::line(written, 64),
    }
}

/// How long before `now` a moment lies.
pub fn ago(at: OffsetDateTime, now: OffsetDateTime) -> String {
    if at > now { "in the future".to_owned() } else { format!("{} ago", span(at, now)) }
}

/// The time between two moments, in the largest unit that fits.
pub(super) fn span(from: OffsetDateTime, to: OffsetDateTime) -> String {
    let seconds = (to - from).whole_seconds().max(0);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::core::reason::Reason;

    const NOW: OffsetDateTime = datetime!(2026-01-31 12:00:00 UTC);

    #[test]
    fn moments_are_read() {
        for (given, expected) in [
            ("30s", Some(datetime!(2026-01-31 11:59:30 UTC))),
            ("10m", Some(datetime!(2026-01-31 11:50:00 UTC))),
            ("2h", Some(datetime!(2026-01-31 10:00:00 UTC))),
            ("3d", Some(datetime!(2026-01-28 12:00:00 UTC))),
            ("0m", Some(NOW)),
            ("2026-01-31T08:00:00Z", Some(datetime!(2026-01-31 08:00:00 UTC))),
            ("2026-01-31T08:00:00.5+01:00", Some(datetime!(2026-01-31 07:00:00.5 UTC))),
            ("", None),
            ("m", None),
            ("-5m", None),
            ("+5m", None),
            ("5", None),
            ("5 m", None),
            ("5w", None),
            ("5mm", None),
            ("99999999999999999999d", None),
            ("9999999999999d", None),
            ("2026-01-31", None),
            ("2026-02-30T08:00:00Z", None),
            ("yesterday", None),
            ("5\u{1b}m", None),
            ("9999-12-31T23:59:59Z", Some(datetime!(9999-12-31 23:59:59 UTC))),
            ("9999-12-31T23:59:59-01:00", None),
        ] {
            let read = Window::parse(Some(given), None, NOW);
            assert_eq!(read.as_ref().ok().and_then(|w| w.since), expected, "{given}");
            if let Err(fault) = read {
                assert_eq!(fault.reason, Reason::InvalidArgument);
                assert!(fault.message.contains("`10m`") && !fault.message.contains('\u{1b}'));
            }
        }
    }

    #[test]
    fn a_window_has_its_ends_in_order() {
        assert!(Window::parse(Some("1h"), Some("1h"), NOW).is_ok());
        let turned = Window::parse(Some("1h"), Some("2h"), NOW).unwrap_err();
        assert_eq!(turned.reason, Reason::InvalidArgument);
        let window = Window::parse(Some("2h"), Some("1h"), NOW).unwrap();
        for (at, inside) in [
            (datetime!(2026-01-31 10:00:00 UTC), true),
            (datetime!(2026-01-31 09:59:59 UTC), false),
            (datetime!(2026-01-31 11:00:00 UTC), true),
            (datetime!(2026-01-31 11:00:01 UTC), false),
        ] {
            assert_eq!(window.holds(at), inside, "{at}");
        }
    }

    proptest! {
        #[test]
        fn the_usual_form_is_read_as_the_general_one(
            seconds in -62_167_219_200_i64..253_402_300_799,
            nanosecond in 0_u32..1_000_000_000,
            spoilt in proptest::option::of((0_usize..30, any::<u8>())),
        ) {
            let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let at = at.replace_nanosecond(nanosecond).unwrap();
            let mut written = at.format(&Rfc3339).unwrap().into_bytes();
            prop_assert_eq!(usual(&written), Some(at));
            if let Some((place, byte)) = spoilt {
                let place = place % written.len();
                written[place] = byte % 128;
            }
            let written = String::from_utf8(written).unwrap();
            let general = OffsetDateTime::parse(&written, &Rfc3339).ok();
            prop_assert_eq!(read(&written), general, "{}", written);
            let usual = usual(written.as_bytes());
            prop_assert!(usual.is_none() || usual == general);
        }
    }

    #[test]
    fn ages_are_short() {
        for (before, expected) in [
            (-1, "in the future"),
            (0, "0 s ago"),
            (119, "119 s ago"),
            (120, "2 min ago"),
            (7200, "2 h ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(NOW - Duration::seconds(before), NOW), expected);
        }
        assert_eq!(aged("2026-01-31T10:00:00.123Z", NOW), "2026-01-31T10:00:00Z (119 min ago)");
        assert_eq!(aged("odd\u{1b}", NOW), "odd\\u{1b}");
        assert_eq!(aged("9999-12-31T23:59:59-01:00", NOW), "9999-12-31T23:59:59-01:00");
        let last = datetime!(9999-12-31 23:59:59 -1);
        assert_eq!(
            (second(last), ago(last, NOW)),
            ("9999-12-31T23:59:59-01:00".into(), "in the future".into())
        );
    }
}
