//! Every setting, its default and its source; read once, when the program starts.
//!
//! A flag goes over the environment, the environment over files, files over the default, except
//! that `read_only` is sticky: true anywhere wins. Of the files, the project's can only narrow.

mod asks;
mod audit_dir;
mod cases;
mod conditions;
mod document;
mod durations;
mod environment;
mod file;
mod files;
mod forms;
mod found;
mod given;
mod guard;
mod read;
mod rules;
mod schedule;
mod seen;
mod settings;
mod stack;
mod stamp;
mod syntax;
mod table;
mod takes;
mod unmet;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use asks::{Asks, Via};
pub use document::{Error, Position, Problem, shown};
pub use environment::Environment;
use file::File;
pub use files::Files;
pub use found::Source;
pub use given::given;
pub use stack::{Alone, Stack, alone};
pub use unmet::{TrustLook, unmet};

use read::Text;
use seen::Seen;
use stack::build;

use settings::Settings;

use crate::core::operation::Spec;
use crate::core::policy::{Policy, Ran, Vocabulary};

/// The names of all toolsets.
pub const TOOLSETS: [&str; 8] = [
    "core",
    "containers",
    "containers-admin",
    "images",
    "volumes",
    "networks",
    "projects",
    "system",
];

/// What `default` stands for.
pub const TOOLSETS_DEFAULT: [&str; 3] = ["core", "containers", "projects"];

/// How long a confirm token works unless told otherwise, in seconds.
const TOKEN_TTL_SECONDS: u32 = 120;

/// How long it works at least.
const TOKEN_TTL_SECONDS_MIN: u32 = 10;

/// How many requests run at the same time unless told otherwise.
const CONCURRENT_CALLS: u32 = 32;

/// How many can run at the same time, at most.
const CONCURRENT_CALLS_MAX: u32 = 1024;

/// The flags of `mcp`, `call` and whatever else looks at the same settings.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// The project's configuration file [env: COUNTERSIGN_CONFIG] [default: ./countersign.toml]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// A further file of the project's that can only narrow [env: COUNTERSIGN_POLICY]
    #[arg(long, value_name = "FILE", global = true)]
    pub policy: Option<PathBuf>,
    /// Toolsets to offer: names, `all` or `default` [env: COUNTERSIGN_TOOLSETS]
    #[arg(long, value_name = "A,B", value_delimiter = ',', global = true)]
    pub toolsets: Vec<String>,
    /// Offer and permit no changes [env: COUNTERSIGN_READ_ONLY]
    #[arg(long, global = true)]
    pub read_only: bool,
    /// The engine's address [env: DOCKER_HOST]
    #[arg(long, value_name = "URL", global = true)]
    pub host: Option<String>,
    /// The Docker context that names the engine [env: DOCKER_CONTEXT]
    #[arg(long, value_name = "NAME", global = true, conflicts_with = "host")]
    pub context: Option<String>,
    /// The folder of the audit log [env: AUDIT_DIR]
    #[arg(long, value_name = "DIR", global = true)]
    pub audit_dir: Option<PathBuf>,
    /// How much to say on standard error [env: COUNTERSIGN_LOG] [default: warn]
    #[arg(long, value_name = "LEVEL", global = true)]
    pub log_level: Option<Level>,
    /// Write the program's own messages to a file instead of standard error
    #[arg(long, value_name = "FILE", global = true)]
    pub log_file: Option<PathBuf>,
    /// Say only errors on standard error
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// How much the program says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// What went wrong.
    Error,
    /// And what is odd.
    Warn,
    /// And what happens.
    Info,
    /// And how.
    Debug,
}

/// A value with where it came from, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from: a flag, a variable, a file or the default.
    pub source: String,
}

impl<T> Setting<T> {
    fn new(value: T, source: impl fmt::Display) -> Self {
        Self { value, source: source.to_string() }
    }
}

/// Which records are synced to disk before anything goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Every one.
    All,
    /// Those of changes.
    Mutate,
}

/// Where settings come from, beside the files.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// What the command line says.
    pub flags: Flags,
    /// What the environment says.
    pub env: Environment,
    /// The working folder.
    pub cwd: PathBuf,
    /// What rules can speak of.
    pub vocabulary: Vocabulary,
    /// Looks whose signatures count; none where nobody can say.
    pub trust: Option<TrustLook>,
}

impl Origin {
    /// The folder of the audit log that a flag or a variable names.
    pub fn named_audit_dir(&self) -> Option<PathBuf> {
        audit_dir::said(self).map(|dir| dir.value)
    }
}

/// The effective configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The engine's address, if a file names one.
    pub engine_host: Option<Setting<String>>,
    /// The engine's Docker context, if a file names one.
    pub engine_context: Option<Setting<String>>,
    /// The folder of the audit log.
    pub audit_dir: Setting<PathBuf>,
    /// Which records are synced.
    pub audit_sync: Setting<Sync>,
    /// The toolsets that are offered.
    pub toolsets: Setting<Vec<String>>,
    /// Whether changes are switched off.
    pub read_only: Setting<bool>,
    /// How long a grant works.
    pub token_ttl: Setting<Duration>,
    /// How many requests run at the same time.
    pub concurrent_calls: Setting<usize>,
    /// How people are asked.
    pub asks: Asks,
    /// How a confirmation comes about.
    pub confirm_via: Setting<Via>,
    /// How much to say.
    pub log_level: Setting<Level>,
    /// Where to say it, if not on standard error.
    pub log_file: Option<PathBuf>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// The files that were read, and those that were not there, in the order of their trust.
    pub sources: Vec<Source>,
    /// The effective policy. Each rule says where it is written.
    pub policy: Arc<Policy>,
    /// What came of the tests of every file. All passed.
    pub tests: Vec<Ran>,
    seen: Seen,
}

impl Config {
    /// Reads the files that flags and environment name, and works out every setting.
    ///
    /// # Errors
    /// For a file that cannot be read or says what it may not, for a test of a policy that fails, and
    /// for a value that does not exist.
    pub fn load(origin: &Origin) -> Result<Self, Error> {
        Self::of(Seen::look(origin)?, origin)
    }

    /// Works out every setting from files that were read.
    fn of(seen: Seen, origin: &Origin) -> Result<Self, Error> {
        let Origin { flags, env, vocabulary, .. } = origin;
        let files = parse(&seen, vocabulary)?;
        let sources = seen.found.iter().map(|(source, _)| source.clone()).collect();
        let Stack { policy, tests, .. } = build(&files, vocabulary)?.passed()?;
        unmet::check(&files, origin)?;
        Ok(Self {
            engine_host: from_file(&files, |s| s.engine_host.clone()),
            engine_context: from_file(&files, |s| s.engine_context.clone()),
            audit_dir: audit_dir::of(origin, &files, &policy)?,
            audit_sync: pick(&files, |s| s.audit_sync, Sync::Mutate),
            toolsets: toolsets(flags, env, &files)?,
            read_only: read_only(flags, env, &files)?,
            token_ttl: token_ttl(&files),
            concurrent_calls: concurrent_calls(&files),
            asks: Asks::of(&files),
            confirm_via: pick(&files, |s| s.confirm_via, Via::Auto),
            log_level: log_level(flags, env)?,
            log_file: flags.log_file.clone(),
            files: files.into_iter().map(|file| file.source.path).collect(),
            sources,
            policy,
            tests,
            seen,
        })
    }

    /// Whether an operation is offered under these settings.
    pub fn offers(&self, spec: &Spec) -> bool {
        self.toolsets.value.iter().any(|name| name == spec.toolset)
    }
}

/// The effective policy with what came of its tests, also where some fail.
///
/// # Errors
/// For a file that cannot be read or says what it may not.
pub fn stack(origin: &Origin) -> Result<Stack, Error> {
    build(&parse(&Seen::look(origin)?, &origin.vocabulary)?, &origin.vocabulary)
}

fn parse(seen: &Seen, vocabulary: &Vocabulary) -> Result<Vec<File>, Error> {
    seen.one_user()?;
    let mut files = Vec::new();
    for (source, text) in &seen.found {
        if let Some(Text { text, .. }) = text.clone()? {
            files.push(File::parse(source, text, vocabulary)?);
        }
    }
    Ok(files)
}

/// The value of the strongest file that sets it: the system's, then the user's, then the project's.
fn from_file<T>(files: &[File], get: impl Fn(&Settings) -> Option<T>) -> Option<Setting<T>> {
    // They stand in the order of their trust.
    files
        .iter()
        .find_map(|file| Some(Setting::new(get(&file.settings)?, file.source.path.display())))
}

fn pick<T>(files: &[File], get: impl Fn(&Settings) -> Option<T>, default: T) -> Setting<T> {
    from_file(files, get).unwrap_or_else(|| Setting::new(default, "default"))
}

fn toolsets(
    flags: &Flags,
    env: &Environment,
    files: &[File],
) -> Result<Setting<Vec<String>>, Error> {
    let words = env.toolsets.as_deref().map(|list| list.split(',').map(str::to_owned).collect());
    if !flags.toolsets.is_empty() {
        return expand(&flags.toolsets, "--toolsets");
    }
    if let Some(words) = words {
        let words: Vec<String> = words;
        return expand(&words, "COUNTERSIGN_TOOLSETS");
    }
    let mut effective = expand(&["default".to_owned()], "default")?;
    for file in files {
        let Some(words) = &file.settings.toolsets else { continue };
        let mut found = expand(words, &file.source.path.display().to_string())?;
        if !file.source.level.is_trusted() {
            found.value.retain(|name| effective.value.contains(name));
        }
        effective = found;
    }
    Ok(effective)
}

/// From `all`, `default` and names to names, in the order of [`TOOLSETS`].
fn expand(words: &[String], source: &str) -> Result<Setting<Vec<String>>, Error> {
    let words: Vec<&str> = words.iter().map(|word| word.trim()).filter(|w| !w.is_empty()).collect();
    let known = |word: &&str| TOOLSETS.contains(word) || ["all", "default"].contains(word);
    if let Some(unknown) = words.iter().find(|word| !known(word)) {
        return Err(Error::new(format!(
            "There is no toolset `{}` ({source}). There are {}, `all` and `default`.",
            crate::core::text::name(unknown),
            TOOLSETS.join(", ")
        )));
    }
    let chosen = |name: &&str| {
        words.contains(name)
            || words.contains(&"all")
            || (words.contains(&"default") && TOOLSETS_DEFAULT.contains(name))
    };
    let names = TOOLSETS.into_iter().filter(|name| chosen(name)).map(str::to_owned).collect();
    Ok(Setting::new(names, source))
}

fn read_only(flags: &Flags, env: &Environment, files: &[File]) -> Result<Setting<bool>, Error> {
    if flags.read_only {
        return Ok(Setting::new(true, "--read-only"));
    }
    match env.read_only.as_deref() {
        Some("1" | "true" | "yes") => return Ok(Setting::new(true, "COUNTERSIGN_READ_ONLY")),
        None | Some("" | "0" | "false" | "no") => {}
        Some(other) => {
            return Err(Error::new(format!(
                "COUNTERSIGN_READ_ONLY is `{}`; it can be true or false.",
                crate::core::text::name(other)
            )));
        }
    }
    let sets = |file: &&File| file.settings.read_only == Some(true);
    Ok(match files.iter().find(sets) {
        Some(file) => Setting::new(true, file.source.path.display()),
        None => Setting::new(false, "default"),
    })
}

fn token_ttl(files: &[File]) -> Setting<Duration> {
    let Setting { value, source } = pick(files, |s| s.token_ttl_seconds, TOKEN_TTL_SECONDS);
    Setting { value: Duration::from_secs(value.into()), source }
}

fn concurrent_calls(files: &[File]) -> Setting<usize> {
    let Setting { value, source } = pick(files, |s| s.concurrent_calls, CONCURRENT_CALLS);
    Setting { value: usize::try_from(value).unwrap_or(usize::MAX), source }
}

fn log_level(flags: &Flags, env: &Environment) -> Result<Setting<Level>, Error> {
    if flags.quiet {
        return Ok(Setting::new(Level::Error, "-q"));
    }
    if let Some(level) = flags.log_level {
        return Ok(Setting::new(level, "--log-level"));
    }
    let Some(word) = &env.log else { return Ok(Setting::new(Level::Warn, "default")) };
    let level = <Level as clap::ValueEnum>::from_str(word, true).map_err(|_| {
        Error::new(format!(
            "COUNTERSIGN_LOG is `{}`; it can be error, warn, info or debug.",
            crate::core::text::name(word)
        ))
    })?;
    Ok(Setting::new(level, "COUNTERSIGN_LOG"))
}

#[cfg(test)]
mod tests;
