//! The options of a line of signers: what its key may sign, and when.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use time::OffsetDateTime;

use crate::core::policy::Glob;
use crate::core::text;

/// What the options of a line that counts say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// From when its key counts.
    pub(super) valid_after: Option<OffsetDateTime>,
    /// Until when.
    pub(super) valid_before: Option<OffsetDateTime>,
}

/// Reads the options that `line` begins with, and gives what follows them.
///
/// # Errors
/// For what is not wholly understood, and for a key that may not sign in this namespace, in a clause.
pub(super) fn parse<'a>(
    line: &'a str,
    namespace: &str,
    zone: Option<&TimeZone>,
) -> Result<(Options, &'a str), String> {
    let mut options = Options::default();
    let (mut namespaces, mut rest) = (None, line);
    loop {
        let end = rest.find(['=', ',', ' ', '\t']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let name = name.to_ascii_lowercase();
        let value = match after.strip_prefix('=') {
            Some(quoted) => {
                let (value, left) = dequote(quoted)?;
                rest = left;
                Some(value)
            }
            None => {
                rest = after;
                None
            }
        };
        match (name.as_str(), value) {
            ("cert-authority", None) => {
                return Err("it trusts an authority, and certificates are not read".into());
            }
            ("namespaces", Some(list)) => once(&mut namespaces, list, "namespaces")?,
            ("valid-after", Some(time)) => {
                once(&mut options.valid_after, moment(&time, zone)?, "valid-after")?;
            }
            ("valid-before", Some(time)) => {
                once(&mut options.valid_before, moment(&time, zone)?, "valid-before")?;
            }
            _ => {
                let name = text::name(&name);
                return Err(format!("`{name}` is neither a key nor an option that is read"));
            }
        }
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.starts_with([' ', '\t']) => break,
            None if rest.is_empty() => return Err("it has no key".into()),
            None => return Err(format!("something follows the end of its `{name}`")),
        }
    }
    if namespaces.is_some_and(|list| !admits(&list, namespace)) {
        return Err(format!("its `namespaces` do not admit `{namespace}`"));
    }
    if let (Some(after), Some(before)) = (options.valid_after, options.valid_before)
        && before <= after
    {
        return Err("its `valid-before` is not after its `valid-after`".into());
    }
    Ok((options, rest.trim_start_matches([' ', '\t'])))
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("it has `{name}` twice")),
    }
}

/// Reads a value in quotes, in which `\"` is a quote, and gives what follows it.
fn dequote(text: &str) -> Result<(String, &str), String> {
    let no_end = || "a quote of its options does not end".to_owned();
    let mut rest = text.strip_prefix('"').ok_or("the value of an option has to be quoted")?;
    let mut value = String::new();
    loop {
        let (part, after) = rest.split_once('"').ok_or_else(no_end)?;
        rest = after;
        match part.strip_suffix('\\') {
            Some(part) => value.extend([part, "\""]),
            None => {
                value.push_str(part);
                return Ok((value, rest));
            }
        }
    }
}

/// Whether a list of patterns has one that matches, and no `!` one that does.
fn admits(list: &str, namespace: &str) -> bool {
    let mut admitted = false;
    for pattern in list.split(',') {
        let (negated, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        // What means something else to OpenSSH, or may, admits nothing.
        let matches = match Glob::parse(pattern) {
            Ok(glob) if !pattern.contains('\\') => glob.matches(namespace),
            _ => return false,
        };
        if matches && negated {
            return false;
        }
        admitted |= matches;
    }
    admitted
}

/// Reads `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, in UTC with a `Z`, else of the zone.
fn moment(text: &str, zone: Option<&TimeZone>) -> Result<OffsetDateTime, String> {
    let unreadable = || {
        let text = text::name(text);
        format!("`{text}` is no time that exists; write YYYYMMDD[Z] or YYYYMMDDHHMM[SS][Z]")
    };
    let (digits, utc) = match text.strip_suffix(['Z', 'z']) {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let part = |from: usize, to: usize| -> Option<i8> { digits.get(from..to)?.parse().ok() };
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let (hour, minute, second) = match digits.len() {
        8 => (Some(0), Some(0), Some(0)),
        12 => (part(8, 10), part(10, 12), Some(0)),
        14 => (part(8, 10), part(10, 12), part(12, 14)),
        _ => (None, None, None),
    };
    let date = || {
        let year = digits.get(..4)?.parse().ok()?;
        DateTime::new(year, part(4, 6)?, part(6, 8)?, hour?, minute?, second?, 0).ok()
    };
    let date = date().filter(|_| whole).ok_or_else(unreadable)?;
    let zone = match zone {
        _ if utc => &TimeZone::UTC,
        Some(zone) => zone,
        None => return Err("this machine's time zone cannot be read; end its times with Z".into()),
    };
    let second = zone
        .to_ambiguous_timestamp(date)
        .unambiguous()
        .map_err(|_| "clocks show its time twice or never; end it with Z".to_owned())?
        .as_second();
    // To OpenSSH, the beginning of time is no time.
    let moment = OffsetDateTime::from_unix_timestamp(second).ok().filter(|_| second > 0);
    moment.ok_or_else(unreadable)
}
