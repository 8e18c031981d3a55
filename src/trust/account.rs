//! The homes of an account.

use std::path::PathBuf;

use super::{Places, is_us};
use crate::accounts;

/// Where an account is at home: as the system's list says, and as the environment says of our own.
pub(super) fn homes(places: &Places, uid: u32) -> Vec<PathBuf> {
    let listed = accounts::of(uid).into_iter().filter_map(|account| account.home);
    let mut homes: Vec<PathBuf> = listed.collect();
    homes.dedup();
    homes.extend(places.home.clone().filter(|home| is_us(uid) && !homes.contains(home)));
    homes
}

/// Why not every home of an account is known, in a clause, if that is so. What the environment says of
/// our own is no answer: whoever starts a process sets it.
pub(super) fn homeless(uid: u32) -> Option<String> {
    let known = accounts::of(uid).iter().any(|account| account.home.is_some());
    (!known).then(|| format!("/etc/passwd does not say where user {uid} keeps its keys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_home_of_an_account_counts() {
        let us = rustix::process::geteuid().as_raw();
        let places = Places { home: Some("/elsewhere".into()), ..Places::default() };
        for home in accounts::of(us).into_iter().filter_map(|account| account.home) {
            assert!(homes(&places, us).contains(&home), "{}", home.display());
        }
        assert!(homes(&places, us).contains(&"/elsewhere".into()));
        assert!(!homes(&places, us + 1).contains(&"/elsewhere".into()));
    }

    #[test]
    fn a_home_that_only_the_environment_knows_is_not_known() {
        assert_eq!(homeless(0), None);
        let why = homeless(4_000_000_000).unwrap();
        assert!(why.contains("user 4000000000"), "{why}");
    }
}
