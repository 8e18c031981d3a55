//! Moments that stand for all moments: what schedules say changes only where a window begins or ends,
//! a day does, or a clock is set to another time.

use std::collections::{BTreeMap, BTreeSet};

use time::{Duration, OffsetDateTime};

use super::{Budget, Spent};
use crate::core::policy::{DAY_MINUTES, Schedule, Zone};

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

/// For how long clocks of several zones are followed, since these change beside one another.
const SPAN: Duration = Duration::days(731);

/// One moment for each combination of schedules that hold together.
#[derive(Debug)]
pub(super) struct Moments(Vec<Moment>);

#[derive(Debug)]
struct Moment {
    at: OffsetDateTime,
    /// Which of the schedules hold.
    holds: Vec<bool>,
}

/// The clocks of a zone, with the minutes of the day at which something may change.
struct Clock<'a> {
    zone: &'a Zone,
    bounds: BTreeSet<u16>,
}

impl Moments {
    /// The moments that matter to these schedules, beginning with `since` itself.
    pub(super) fn of(
        schedules: &[&Schedule],
        since: OffsetDateTime,
        budget: &mut Budget,
    ) -> Result<Self, Spent> {
        let clocks = clocks(schedules);
        let mut seen = BTreeMap::new();
        for second in seconds(&clocks, since) {
            budget.spend(clocks.len() + schedules.len())?;
            let Ok(at) = OffsetDateTime::from_unix_timestamp(second) else { continue };
            let local: Vec<_> = clocks.iter().map(|clock| clock.zone.local(at)).collect();
            let holds: Vec<bool> = schedules
                .iter()
                .map(|schedule| {
                    let mut places = clocks.iter().zip(&local);
                    let here = places.find(|(clock, _)| *clock.zone == schedule.zone);
                    let here = here.and_then(|(_, local)| *local);
                    here.is_some_and(|(day, minute)| schedule.admits(day, minute))
                })
                .collect();
            seen.entry(holds).or_insert(at);
        }
        let mut moments: Vec<Moment> =
            seen.into_iter().map(|(holds, at)| Moment { at, holds }).collect();
        moments.sort_by_key(|moment| moment.at);
        Ok(Self(moments))
    }

    /// The first at which every schedule of the list holds or does not, as it is said there.
    pub(super) fn find(&self, needs: &[(usize, bool)]) -> Option<usize> {
        let fits = |moment: &Moment| {
            needs.iter().all(|(schedule, holds)| moment.holds.get(*schedule) == Some(holds))
        };
        self.0.iter().position(fits)
    }

    pub(super) fn holds(&self, moment: usize, schedule: usize) -> bool {
        self.0.get(moment).and_then(|moment| moment.holds.get(schedule)) == Some(&true)
    }

    pub(super) fn at(&self, moment: usize) -> Option<OffsetDateTime> {
        self.0.get(moment).map(|moment| moment.at)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn clocks<'a>(schedules: &[&'a Schedule]) -> Vec<Clock<'a>> {
    let mut clocks: Vec<Clock<'a>> = Vec::new();
    for schedule in schedules {
        let windows = schedule.inside.iter().chain(&schedule.outside);
        let bounds = windows.flat_map(|window| window.bounds()).chain([0]);
        match clocks.iter_mut().find(|clock| *clock.zone == schedule.zone) {
            Some(clock) => clock.bounds.extend(bounds),
            None => clocks.push(Clock { zone: &schedule.zone, bounds: bounds.collect() }),
        }
    }
    clocks
}

/// Every moment at which something may change: over a week of each combination of offsets.
fn seconds(clocks: &[Clock<'_>], since: OffsetDateTime) -> BTreeSet<i64> {
    let until = since.checked_add(SPAN).unwrap_or(since);
    let shifts = clocks.iter().flat_map(|clock| clock.zone.shifts(since, until));
    let mut cuts: Vec<OffsetDateTime> = [since, until].into_iter().chain(shifts).collect();
    cuts.sort();
    let spans = cuts.windows(2).filter_map(|cut| match cut {
        [from, to] => Some((*from, from.unix_timestamp(), to.unix_timestamp())),
        _ => None,
    });
    let mut spans: Vec<_> = spans.collect();
    let is_week = |(_, from, to): &&(OffsetDateTime, i64, i64)| to - from >= WEEK;
    // The clocks of a single zone show every minute of the week within any one week.
    if let ([_], Some(week)) = (clocks, spans.iter().find(is_week)) {
        spans = vec![*week];
    }
    let mut seconds = BTreeSet::from([since.unix_timestamp()]);
    let mut whole = BTreeSet::new();
    for (moment, from, to) in spans {
        let ahead: Vec<i64> = clocks.iter().map(|clock| clock.zone.ahead(moment)).collect();
        if whole.contains(&ahead) {
            continue;
        }
        let end = to.min(from.saturating_add(WEEK));
        seconds.insert(from);
        for (clock, ahead) in clocks.iter().zip(&ahead) {
            seconds.extend(changes(clock, *ahead, from, end));
        }
        if to - from >= WEEK {
            whole.insert(ahead);
        }
    }
    seconds
}

fn changes(clock: &Clock<'_>, ahead: i64, from: i64, to: i64) -> impl Iterator<Item = i64> {
    let midnight = (from + ahead).div_euclid(DAY) * DAY - ahead;
    let days = (0..=WEEK / DAY).map(move |day| midnight + day * DAY);
    days.flat_map(|day| {
        let bounds = clock.bounds.iter().filter(|minute| **minute < DAY_MINUTES);
        bounds.map(move |minute| day + i64::from(*minute) * 60)
    })
    .filter(move |second| (from..to).contains(second))
}
