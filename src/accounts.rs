//! The system's list of accounts.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use crate::core::text;

const LIST: &str = "/etc/passwd";

/// How much of it is read, in bytes.
const LIST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// An account, as the list has it. One user can have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its home folder, an absolute path.
    pub home: Option<PathBuf>,
}

/// The accounts of this user. None where there is no list, or the user is not in it.
pub fn of(uid: u32) -> Vec<Account> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(LIST) {
        // What could be read of it counts.
        drop(file.take(LIST_BYTES_MAX).read_to_end(&mut bytes));
    }
    listed(&String::from_utf8_lossy(&bytes), uid)
}

fn listed(list: &str, uid: u32) -> Vec<Account> {
    let account = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let is_it = fields.nth(1)?.parse() == Ok(uid);
        let home = fields.nth(2).filter(|home| home.starts_with('/')).map(PathBuf::from);
        is_it.then_some(Account { name, home })
    };
    list.lines().filter_map(account).collect()
}

/// A user for people: `alice (uid 1000)`, or `uid 1000` where the list has no name for it.
pub fn shown(uid: u32) -> String {
    match of(uid).first() {
        Some(account) => format!("{} (uid {uid})", text::name(&account.name)),
        None => format!("uid {uid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_of_a_user_is_found() {
        let list = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n\
                    bob:x:1001:1001::/home/bob:\nalso:x:1000:1000::/srv/alice:/bin/sh\nbad:x:1000\n\
                    none:x:1002:1000:::\nodd:x:1002:1::home:\n:\n\u{fffd}:x:-1:1::/:\n";
        let of = |uid| -> Vec<_> {
            let home = |account: Account| account.home.map(|home| home.display().to_string());
            let found = listed(list, uid).into_iter();
            found.map(|account| (account.name.clone(), home(account))).collect()
        };
        let at = |name: &str, home: &str| (name.to_owned(), Some(home.to_owned()));
        assert_eq!(
            of(1000),
            [at("alice", "/home/alice"), at("also", "/srv/alice"), ("bad".into(), None)]
        );
        assert_eq!(of(0), [at("root", "/root")]);
        assert_eq!(of(1002), [("none".into(), None), ("odd".into(), None)]);
        assert_eq!(of(7), []);
        assert_eq!(shown(0), "root (uid 0)");
        assert_eq!(shown(4_000_000_000), "uid 4000000000");
    }
}
