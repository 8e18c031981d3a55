//! The homes of an account.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use super::{Places, is_us};

/// The system's list of accounts.
const ACCOUNTS: &str = "/etc/passwd";

/// How much of it is read, in bytes.
const ACCOUNTS_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Where an account is at home: as the system's list says, and as the environment says of our own.
pub(super) fn homes(places: &Places, uid: u32) -> Vec<PathBuf> {
    let mut text = String::new();
    // Without a list, or with names in it that are no text, there is what the environment says.
    if let Ok(file) = File::open(ACCOUNTS) {
        drop(file.take(ACCOUNTS_BYTES_MAX).read_to_string(&mut text));
    }
    let mut homes = listed(&text, uid);
    homes.extend(places.home.clone().filter(|home| is_us(uid) && !homes.contains(home)));
    homes
}

fn listed(text: &str, uid: u32) -> Vec<PathBuf> {
    let home = |line: &str| {
        let mut fields = line.split(':');
        let of = fields.nth(2)?.parse::<u32>().ok()?;
        let home = fields.nth(2).filter(|home| home.starts_with('/'))?;
        (of == uid).then(|| PathBuf::from(home))
    };
    let mut homes: Vec<PathBuf> = text.lines().filter_map(home).collect();
    homes.dedup();
    homes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_home_of_an_account_counts() {
        let text = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n\
                    bob:x:1001:1001::/home/bob:\nalso:x:1000:1000::/srv/alice:/bin/sh\nbad:x:1000\n\
                    none:x:1000:1000:::\n";
        let of = |uid| listed(text, uid);
        assert_eq!(of(1000), [PathBuf::from("/home/alice"), PathBuf::from("/srv/alice")]);
        assert_eq!(of(0), [PathBuf::from("/root")]);
        assert_eq!(of(7), Vec::<PathBuf>::new());
        let us = rustix::process::geteuid().as_raw();
        let places = Places { home: Some("/elsewhere".into()), ..Places::default() };
        assert!(homes(&places, us).contains(&"/elsewhere".into()));
        assert!(!homes(&places, us + 1).contains(&"/elsewhere".into()));
    }
}
