//! What the files said when they were last read, and whether they may say something else now.

use std::path::PathBuf;

use time::OffsetDateTime;

use super::found::{Source, sources};
use super::read::{Text, read};
use super::stamp::Stamp;
use super::{Error, Origin};
use crate::core::plan::Digest;
use crate::core::policy::Level;

/// A file that was looked for, with what it says if it is there.
pub(super) type Found = (Source, Result<Option<Text>, Error>);

/// What the files said when they were last read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    stamps: Vec<(PathBuf, Stamp)>,
    /// The digest of all that they said.
    pub(super) said: Digest,
    /// That of what the system's and the user's said.
    pub(super) trusted: Digest,
    /// Each file, in the order of their trust.
    pub(super) found: Vec<Found>,
}

impl Seen {
    /// Looks for every file and reads those that are there.
    ///
    /// # Errors
    /// If it cannot be said where the files are.
    pub(super) fn look(origin: &Origin) -> Result<Self, Error> {
        let Origin { flags, env, cwd, .. } = origin;
        let read = |source: Source| {
            let text = read(&source, cwd);
            (source, text)
        };
        let found: Vec<Found> = sources(flags, env, cwd)?.into_iter().map(read).collect();
        let (mut said, mut trusted) = (Vec::new(), Vec::new());
        let mut stamps = Vec::new();
        for (source, text) in &found {
            let (mark, words, stamp) = match text {
                Ok(Some(Text { text, stamp })) => (1, text.clone(), *stamp),
                Ok(None) => (2, String::new(), Stamp::Missing),
                Err(why) => (3, why.to_string(), Stamp::of(&source.path)),
            };
            let digest = Digest::of(&[&[mark], words.as_bytes()]);
            said.extend_from_slice(digest.as_bytes());
            if source.level.is_trusted() {
                trusted.extend_from_slice(digest.as_bytes());
            }
            stamps.push((source.path.clone(), stamp));
        }
        Ok(Self { stamps, said: Digest::of(&[&said]), trusted: Digest::of(&[&trusted]), found })
    }

    /// Whether the files may say something else now.
    pub(super) fn may_differ(&self, now: OffsetDateTime) -> bool {
        self.stamps.iter().any(|(path, stamp)| Stamp::of(path) != *stamp || !stamp.is_settled(now))
    }

    /// The same with the projects' files as they were `before`.
    pub(super) fn with_projects_of(&self, before: &Self) -> Self {
        let trusted = self.found.iter().filter(|(source, _)| source.level.is_trusted());
        let projects = before.found.iter().filter(|(source, _)| !source.level.is_trusted());
        Self { found: trusted.chain(projects).cloned().collect(), ..self.clone() }
    }

    /// Checks that a user has one file. Where the account's own is not the one that the environment
    /// leads to, nobody can say which of the two is meant.
    pub(super) fn one_user(&self) -> Result<(), Error> {
        let there =
            |(source, text): &&Found| source.level == Level::User && !matches!(text, Ok(None));
        let mut users = self.found.iter().filter(there).map(|(source, _)| source.path.display());
        match (users.next(), users.next()) {
            (Some(named), Some(own)) => Err(Error::new(format!(
                "There are two files of the user's: {named}, which HOME or XDG_CONFIG_HOME leads \
                 to, and {own}, the account's own. Leave one of them; a project may have set these \
                 variables."
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_one_file() {
        let file = |path: &str, there: bool| {
            let text = Text { text: String::new(), stamp: Stamp::Missing };
            let source = Source { path: path.into(), level: Level::User, named: false };
            (source, Ok(there.then_some(text)))
        };
        for (named, own, one) in
            [(false, false, true), (true, false, true), (false, true, true), (true, true, false)]
        {
            let found = vec![file("/evil", named), file("/home/me/.config", own)];
            let (stamps, said, trusted) = (Vec::new(), Digest::ZERO, Digest::ZERO);
            let seen = Seen { stamps, said, trusted, found };
            assert_eq!(seen.one_user().is_ok(), one, "{named} {own}");
        }
    }
}
