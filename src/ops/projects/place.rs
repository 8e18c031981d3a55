//! A container's place in its project, by its labels alone, and the order that follows from it:
//! what a service depends on comes before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::text;
use crate::ops::containers::peers::{DEPENDS_ON, is_one_off};
use crate::ops::containers::target::SERVICE;
use crate::ops::units::listed;
use crate::ports::engine::Container;

/// The label that numbers the containers of a service.
const NUMBER: &str = "com.docker.compose.container-number";

/// Names in a note, at most.
const LISTED_MAX: usize = 8;

/// A container's place in its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its service; where no label says so, its own name.
    pub(super) service: String,
    /// Which one of the service's containers it is.
    pub(super) number: u64,
    /// Whether it was made for one command, beside the service.
    pub(super) one_off: bool,
    /// The services that have to be there before it.
    pub(super) needs: BTreeSet<String>,
}

impl Place {
    /// The place of a container with these labels and this name.
    pub(super) fn of(labels: &BTreeMap<String, String>, name: &str) -> Self {
        let label = |key| labels.get(key).map(String::as_str);
        // Each entry is `service:condition:restart`, of which older versions wrote less.
        let needs = label(DEPENDS_ON).unwrap_or_default().split(',');
        let needs = needs.filter_map(|entry| entry.trim().split(':').next());
        Self {
            service: label(SERVICE).filter(|s| !s.is_empty()).unwrap_or(name).to_owned(),
            number: label(NUMBER).and_then(|number| number.parse().ok()).unwrap_or(0),
            one_off: is_one_off(labels),
            needs: needs.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        }
    }

    /// The service, and where it has several containers, which one of them.
    pub(super) fn label(&self, several: bool) -> String {
        let service = text::line(&self.service, 40);
        if several { format!("{service}-{}", self.number) } else { service }
    }
}

/// The places of containers that were looked at one by one: who lives in another one's namespace
/// also needs that one, whatever the labels say.
pub(super) fn places(containers: &[Container]) -> Vec<Place> {
    let own = |c: &Container| Place::of(&c.labels, &c.name);
    let mut places: Vec<Place> = containers.iter().map(own).collect();
    let services: BTreeMap<&str, String> = containers
        .iter()
        .map(|c| c.id.as_str())
        .zip(places.iter().map(|p| p.service.clone()))
        .collect();
    for (place, container) in places.iter_mut().zip(containers) {
        for mode in [&container.network_mode, &container.pid_mode, &container.ipc_mode] {
            let other = mode.strip_prefix("container:").and_then(|id| services.get(id));
            place.needs.extend(other.filter(|service| **service != place.service).cloned());
        }
    }
    places
}

/// The order of these places, as their indices: first what others need; within a service by number;
/// last what was made for one command. Services that need each other in a circle go by name among
/// themselves; that, and what is needed and is not there, is said in words.
pub(super) fn order(places: &[Place]) -> (Vec<usize>, Vec<String>) {
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for place in places.iter().filter(|place| !place.one_off) {
        let of_service = needs.entry(&place.service).or_default();
        let others = place.needs.iter().filter(|needed| **needed != place.service);
        of_service.extend(others.map(String::as_str));
    }
    let mut notes = Vec::new();
    let there: BTreeSet<&str> = needs.keys().copied().collect();
    let missing: BTreeSet<&str> =
        needs.values().flatten().copied().filter(|n| !there.contains(n)).collect();
    if !missing.is_empty() {
        notes.push(format!("without {}, which has no container here", names(&missing)));
    }
    let mut ranks = BTreeMap::new();
    loop {
        let ready = |(service, needed): &(&&str, &BTreeSet<&str>)| {
            let met = |n: &&str| ranks.contains_key(n) || !there.contains(n);
            !ranks.contains_key(**service) && needed.iter().all(met)
        };
        if let Some(next) = needs.iter().find(ready).map(|(service, _)| *service) {
            ranks.insert(next, ranks.len());
            continue;
        }
        let left = needs.iter().filter(|(service, _)| !ranks.contains_key(**service));
        let Some(circle) = circle(&left.map(|(s, needed)| (*s, needed)).collect()) else { break };
        notes.push(format!("{} by name, since they need each other in a circle", names(&circle)));
        for service in circle {
            ranks.insert(service, ranks.len());
        }
    }
    let mut indices: Vec<usize> = (0..places.len()).collect();
    indices.sort_by_key(|index| {
        places.get(*index).map(|place| {
            let rank = ranks.get(place.service.as_str()).copied().unwrap_or(usize::MAX);
            (place.one_off, rank, &place.service, place.number)
        })
    });
    (indices, notes)
}

/// Services that need each other and, of these services, no others; none where there are none.
fn circle<'a>(needs: &BTreeMap<&'a str, &BTreeSet<&'a str>>) -> Option<BTreeSet<&'a str>> {
    let reached = |service: &'a str| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![service]);
        while let Some(service) = next.pop() {
            let needed = needs.get(service).copied().into_iter().flatten().copied();
            next.extend(needed.filter(|s| needs.contains_key(s) && reached.insert(*s)));
        }
        reached
    };
    // Whoever reaches the fewest reaches none but those that reach it.
    needs.keys().map(|service| reached(service)).min_by_key(BTreeSet::len)
}

fn names(services: &BTreeSet<&str>) -> String {
    let names: Vec<String> = services.iter().map(|service| text::line(service, 40)).collect();
    listed(&names, LISTED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(service: &str, number: u64, needs: &[&str]) -> Place {
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        Place { service: service.into(), number, one_off: false, needs }
    }

    fn ordered(places: &[Place]) -> (String, Vec<String>) {
        let (indices, notes) = order(places);
        let label = |index: &usize| format!("{}{}", places[*index].service, places[*index].number);
        (indices.iter().map(label).collect::<Vec<_>>().join(" "), notes)
    }

    #[test]
    fn what_is_needed_comes_first() {
        let places = [
            place("web", 2, &["api"]),
            place("web", 10, &[]),
            place("api", 1, &["db", "cache"]),
            place("db", 1, &[]),
            place("cache", 1, &[]),
            Place { one_off: true, ..place("db", 0, &["web"]) },
        ];
        assert_eq!(ordered(&places), ("cache1 db1 api1 web2 web10 db0".into(), vec![]));
        assert_eq!(ordered(&[]), (String::new(), vec![]));
    }

    #[test]
    fn a_circle_goes_by_name_and_says_so() {
        let places = [place("b", 1, &["a"]), place("a", 1, &["b"]), place("c", 1, &["c"])];
        let (order, notes) = ordered(&places);
        assert_eq!(order, "c1 a1 b1");
        assert_eq!(notes, ["a, b by name, since they need each other in a circle"]);
    }

    #[test]
    fn a_circle_moves_nothing_but_itself() {
        let places = [
            place("api", 1, &["db"]),
            place("db", 1, &["zoo"]),
            place("zoo", 1, &[]),
            place("x", 1, &["y", "db"]),
            place("y", 1, &["x"]),
            place("a", 1, &["x"]),
            place("m", 1, &["n"]),
            place("n", 1, &["m", "y"]),
        ];
        let (order, notes) = ordered(&places);
        assert_eq!(order, "zoo1 db1 api1 x1 y1 a1 m1 n1");
        assert_eq!(
            notes,
            ["x, y", "m, n"]
                .map(|names| format!("{names} by name, since they need each other in a circle"))
        );
    }

    #[test]
    fn what_is_needed_and_missing_is_said() {
        let places = [place("web", 1, &["db", "gone"]), place("db", 1, &[])];
        let (order, notes) = ordered(&places);
        assert_eq!((order.as_str(), notes.len()), ("db1 web1", 1));
        assert!(notes[0].contains("gone"), "{notes:?}");
    }

    #[test]
    fn labels_are_read_leniently() {
        let labels = |words: &[(&str, &str)]| {
            words
                .iter()
                .map(|(k, v)| (format!("com.docker.compose.{k}"), (*v).to_owned()))
                .collect()
        };
        let full = labels(&[
            ("service", "web"),
            ("container-number", "3"),
            ("oneoff", "False"),
            ("depends_on", "db:service_healthy:false, cache:service_started,api,"),
        ]);
        assert_eq!(Place::of(&full, "x"), place("web", 3, &["db", "cache", "api"]));
        let odd = labels(&[("service", ""), ("container-number", "-1"), ("oneoff", "True")]);
        assert_eq!(Place::of(&odd, "x"), Place { one_off: true, ..place("x", 0, &[]) });
    }
}
