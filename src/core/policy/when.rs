//! When a rule holds: times of day and days of the week in a named zone, and how often something
//! was let through lately.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Serialize;
use serde::ser::SerializeMap as _;
use time::{Duration, OffsetDateTime};

use super::Match;
use super::condition::ClassSet;
use super::history::History;
use super::query::Subject;

/// Minutes of a day.
pub const DAY_MINUTES: u16 = 24 * 60;

/// When a rule holds: all that is set must.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// The times of day and days, in a zone.
    pub schedule: Option<Schedule>,
    /// How often something was let through lately.
    pub rate: Option<Rate>,
}

/// Times of day and days of the week in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The zone.
    pub zone: Zone,
    /// Only within this window.
    pub inside: Option<Window>,
    /// Only without this window.
    pub outside: Option<Window>,
    /// Only on these days; empty for all.
    pub days: Vec<Weekday>,
}

/// A time zone of the IANA database that the program carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of that name. The database is built in, so that no variable and no file of the
    /// machine's moves a window.
    pub fn parse(name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        // What has no name of the database's is the stand-in for a zone that nobody knows.
        zone.iana_name().is_some().then_some(Self(zone))
    }

    /// The names of all zones.
    pub fn names() -> Vec<String> {
        let database = TimeZoneDatabase::bundled();
        database.available().map(|name| name.to_string()).collect()
    }

    /// The zone's name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or_default()
    }

    /// The day and the minute of the day that a clock there shows; none for a moment that no
    /// calendar has.
    pub fn local(&self, moment: OffsetDateTime) -> Option<(Weekday, u16)> {
        let moment = jiff::Timestamp::from_second(moment.unix_timestamp()).ok()?;
        let local = self.0.to_datetime(moment);
        let minute =
            u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).ok()?;
        Some((local.weekday(), minute))
    }

    /// By how many seconds the zone's clocks are ahead of UTC at a moment.
    pub(super) fn ahead(&self, moment: OffsetDateTime) -> i64 {
        let moment = jiff::Timestamp::from_second(moment.unix_timestamp());
        moment.map_or(0, |moment| i64::from(self.0.to_offset(moment).seconds()))
    }

    /// When, after one moment and before another, the zone's clocks are set to another time.
    pub(super) fn shifts(
        &self,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Vec<OffsetDateTime> {
        let Ok(start) = jiff::Timestamp::from_second(since.unix_timestamp()) else {
            return Vec::new();
        };
        let shifts = self.0.following(start).map(|shift| shift.timestamp().as_second());
        let shifts = shifts.filter_map(|second| OffsetDateTime::from_unix_timestamp(second).ok());
        shifts.take_while(|shift| *shift < until).collect()
    }
}

/// A part of the day in minutes since midnight, with its beginning and without its end. One that
/// ends before it begins goes over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: u16,
    to: u16,
}

impl Window {
    /// Reads `HH:MM-HH:MM`; none for what is no such window, or an empty one. `24:00` is an end.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let window = Self { from: minute(from)?, to: minute(to)? };
        (window.from < DAY_MINUTES && window.from != window.to).then_some(window)
    }

    /// Whether a minute of the day lies within.
    pub const fn contains(self, minute: u16) -> bool {
        if self.from < self.to {
            self.from <= minute && minute < self.to
        } else {
            self.from <= minute || minute < self.to
        }
    }

    /// Whether it goes over midnight, into a day that is another day of the week.
    pub const fn wraps(self) -> bool {
        self.from > self.to && self.to > 0
    }

    /// Its beginning and its end, in minutes since midnight.
    pub const fn bounds(self) -> [u16; 2] {
        [self.from, self.to]
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= DAY_MINUTES).then_some(total)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to] = self.bounds();
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl Schedule {
    /// Whether it holds at a moment. A moment that no calendar has may be within or without.
    pub fn holds(&self, moment: OffsetDateTime) -> Match {
        match self.zone.local(moment) {
            None => Match::May,
            Some((day, minute)) if self.admits(day, minute) => Match::Matches,
            Some(_) => Match::Cannot,
        }
    }

    /// Whether it holds when a clock of its zone shows this.
    pub fn admits(&self, day: Weekday, minute: u16) -> bool {
        self.inside.is_none_or(|window| window.contains(minute))
            && self.outside.is_none_or(|window| !window.contains(minute))
            && (self.days.is_empty() || self.days.contains(&day))
    }
}

/// Over what a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// What was let through to the same target.
    Target,
    /// Everything that this log knows of.
    Host,
}

impl Scope {
    /// The scope as it stands in policy files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Host => "host",
        }
    }
}

/// At least so many requests within so long, up to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub least: u32,
    /// Within how many seconds.
    pub seconds: u32,
    /// Over what.
    pub scope: Scope,
    /// Which operations count, and which effective classes of each.
    pub counted: BTreeMap<String, ClassSet>,
}

impl Rate {
    /// Whether it is reached now. What acts on nothing has no target by which it could be told from
    /// other requests, and is counted with all of them.
    pub(super) fn holds(
        &self,
        history: &History,
        now: OffsetDateTime,
        subject: Subject<'_>,
    ) -> Match {
        let since = now.saturating_sub(Duration::seconds(i64::from(self.seconds)));
        let target = match (self.scope, subject) {
            (Scope::Target, Subject::Target(target)) => Some(target.into()),
            _ => None,
        };
        match history.reaches(self.least, &self.counted, since, target) {
            false => Match::Cannot,
            // Those may have been other targets.
            true if matches!((self.scope, subject), (Scope::Target, Subject::Unknown)) => {
                Match::May
            }
            true => Match::Matches,
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { least, seconds, .. } = self;
        match seconds {
            s if s % 86_400 == 0 => write!(f, "{least} per {}d", s / 86_400),
            s if s % 3_600 == 0 => write!(f, "{least} per {}h", s / 3_600),
            s if s % 60 == 0 => write!(f, "{least} per {}m", s / 60),
            s => write!(f, "{least} per {s}s"),
        }
    }
}

/// A day of the week as it stands in policy files.
pub const fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}

/// As a policy file says it.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pairs = Vec::new();
        if let Some(Schedule { zone, inside, outside, days }) = &self.schedule {
            let windows = [("inside", inside), ("outside", outside)];
            let set = windows.into_iter().filter_map(|(key, window)| Some((key, (*window)?)));
            pairs.extend(set.map(|(key, window)| format!("{key} = \"{window}\"")));
            if !days.is_empty() {
                let names: Vec<_> = days.iter().map(|day| day_name(*day)).collect();
                pairs.push(format!("days = {names:?}"));
            }
            pairs.push(format!("timezone = \"{}\"", zone.name()));
        }
        if let Some(rate) = &self.rate {
            pairs.push(format!("at_least = \"{rate}\", scope = \"{}\"", rate.scope.as_str()));
        }
        f.write_str(&pairs.join(", "))
    }
}

impl Serialize for When {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(Schedule { zone, inside, outside, days }) = &self.schedule {
            map.serialize_entry("timezone", zone.name())?;
            for (key, window) in [("inside", inside), ("outside", outside)] {
                if let Some(window) = window {
                    map.serialize_entry(key, &window.to_string())?;
                }
            }
            if !days.is_empty() {
                let names: Vec<_> = days.iter().map(|day| day_name(*day)).collect();
                map.serialize_entry("days", &names)?;
            }
        }
        if let Some(rate) = &self.rate {
            map.serialize_entry("at_least", &rate.to_string())?;
            map.serialize_entry("scope", &rate.scope)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use time::format_description::well_known::Rfc3339;

    use super::*;

    fn moment(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    }

    #[test]
    fn windows_are_read_or_refused() {
        for good in ["09:00-17:00", "22:00-06:00", "00:00-24:00", "18:00-00:00"] {
            assert_eq!(Window::parse(good).unwrap().to_string(), good);
        }
        for bad in ["9:00-17:00", "09:00", "09:00-09:00", "24:00-01:00", "09:60-10:00", "a:bb-c:dd"]
        {
            assert_eq!(Window::parse(bad), None, "{bad}");
        }
        assert_eq!(Window::parse("09:00-25:00"), None);
        assert!(Window::parse("22:00-06:00").unwrap().wraps());
        assert!(!Window::parse("18:00-00:00").unwrap().wraps());
    }

    /// Clocks in Berlin go back on 2026-10-25 at 01:00 UTC (02:30 comes twice) and forward on
    /// 2026-03-29 at 01:00 UTC (02:30 never comes). Lord Howe goes by half an hour.
    #[test]
    fn windows_follow_the_clock_on_the_wall() {
        for (zone, window, utc, within) in [
            ("Europe/Berlin", "02:15-02:45", "2026-10-25T00:30:00Z", true),
            ("Europe/Berlin", "02:15-02:45", "2026-10-25T01:30:00Z", true),
            ("Europe/Berlin", "02:15-02:45", "2026-10-25T02:30:00Z", false),
            ("Europe/Berlin", "02:15-02:45", "2026-03-29T00:59:59Z", false),
            ("Europe/Berlin", "02:15-02:45", "2026-03-29T01:00:00Z", false),
            ("Europe/Berlin", "01:00-03:30", "2026-03-29T01:15:00Z", true),
            ("Europe/Berlin", "09:00-17:00", "2026-07-01T07:00:00Z", true),
            ("Europe/Berlin", "09:00-17:00", "2026-07-01T06:59:59Z", false),
            ("Europe/Berlin", "09:00-17:00", "2026-12-01T07:30:00Z", false),
            ("Europe/Berlin", "09:00-17:00", "2026-12-01T16:00:00Z", false),
            ("America/New_York", "22:00-06:00", "2026-11-01T05:30:00Z", true),
            ("America/New_York", "22:00-06:00", "2026-11-01T11:00:00Z", false),
            ("Australia/Lord_Howe", "01:30-02:00", "2026-04-04T14:45:00Z", true),
            ("Australia/Lord_Howe", "01:30-02:00", "2026-04-04T15:15:00Z", true),
            ("Asia/Kathmandu", "05:45-05:46", "2026-01-01T00:00:30Z", true),
            ("UTC", "00:00-24:00", "2026-01-01T23:59:59Z", true),
        ] {
            let schedule = Schedule {
                zone: Zone::parse(zone).unwrap(),
                inside: Window::parse(window),
                outside: None,
                days: Vec::new(),
            };
            let expected = if within { Match::Matches } else { Match::Cannot };
            assert_eq!(schedule.holds(moment(utc)), expected, "{zone} {window} {utc}");
            let opposite = Schedule { outside: schedule.inside, inside: None, ..schedule };
            let other = if within { Match::Cannot } else { Match::Matches };
            assert_eq!(opposite.holds(moment(utc)), other, "outside {zone} {window} {utc}");
        }
    }

    #[test]
    fn it_is_told_as_a_file_says_it() {
        let schedule = Schedule {
            zone: Zone::parse("Europe/Berlin").unwrap(),
            inside: Window::parse("09:00-17:00"),
            outside: Window::parse("12:00-13:00"),
            days: vec![Weekday::Monday, Weekday::Friday],
        };
        let rate =
            Rate { least: 5, seconds: 5400, scope: Scope::Host, counted: BTreeMap::default() };
        let when = When { schedule: Some(schedule), rate: Some(rate) };
        assert_eq!(
            when.to_string(),
            "inside = \"09:00-17:00\", outside = \"12:00-13:00\", days = [\"mon\", \"fri\"], \
             timezone = \"Europe/Berlin\", at_least = \"5 per 90m\", scope = \"host\""
        );
        assert_eq!(When::default().to_string(), "");
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let schedule = Schedule {
            zone: Zone::parse("Pacific/Auckland").unwrap(),
            inside: None,
            outside: None,
            days: vec![Weekday::Saturday],
        };
        assert_eq!(schedule.holds(moment("2026-11-20T12:00:00Z")), Match::Matches);
        assert_eq!(schedule.holds(moment("2026-11-20T10:30:00Z")), Match::Cannot);
        assert_eq!(schedule.holds(moment("2026-11-21T12:00:00Z")), Match::Cannot);
    }

    #[test]
    fn zones_come_from_the_program() {
        assert_eq!(Zone::parse("Europe/Berlin").unwrap().name(), "Europe/Berlin");
        for unknown in ["Europe/Berln", "Etc/Unknown", ""] {
            assert_eq!(Zone::parse(unknown), None, "{unknown}");
        }
        assert!(Zone::names().len() > 400);
    }
}
