//! Parses, wires the concrete parts, runs. The only file that names them all.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use countersign::accounts;
use countersign::audit::{AuditLog, AuditLogs, Settings as AuditSettings};
use countersign::cli::{
    self, Across, Cli, Desk, Installation, Output, PersonVerb, PolicyVerb, Trusting, Verb,
};
use countersign::config::{Config, Environment, Files, Flags, Level, Origin, Sync, TrustLook};
use countersign::core::approval::Trusted;
use countersign::core::reason::{Fault, Reason};
use countersign::core::text;
use countersign::docker::DockerEngine;
use countersign::docker::endpoint::{self, Sources};
use countersign::gate::{Approvals, Gate, Parts, People, Registry, Settings, Turns};
use countersign::host::{HostClock, HostEntropy, NotifyCommand};
use countersign::ops;
use countersign::ports::asks::Trust as _;
use countersign::ports::{Clock as _, random_id};
use countersign::store::{MemoryGrants, SqliteAsks};
use countersign::trust::{self, Places, TrustFiles};

fn main() -> ExitCode {
    keep_to_itself();
    let Cli { flags, verb } = Cli::parse();
    let env = Environment::read();
    let out = Output::new(env.no_color);
    let code = match verb {
        Verb::Completions { shell } => cli::completions(shell, out),
        Verb::Man { verb } => cli::man(verb.as_deref(), out),
        verb => start(verb, flags, env, out).unwrap_or_else(|why| {
            out.message(format!("countersign: {why}"));
            cli::exit::USAGE
        }),
    };
    code.into()
}

/// Lets no other process of this account read what this one holds: handles, keys of seals, what is typed.
/// Where that cannot be had, it is as with any other program.
fn keep_to_itself() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
    }
}

fn start(verb: Verb, flags: Flags, env: Environment, out: Output) -> Result<u8, String> {
    let (us, rights) = (rustix::process::getuid(), rustix::process::geteuid());
    if us != rights {
        return Err(format!(
            "this runs as user {us} with the rights of user {rights}, and whose asks these would be is not \
             clear: take the set-user-ID bit from the program"
        ));
    }
    let cwd =
        std::env::current_dir().map_err(|error| format!("there is no folder here: {error}"))?;
    let vocabulary = Registry::new(ops::ALL, |_| true).vocabulary();
    let files = trust(&env);
    let trust_look = Some(TrustLook::new(move || trusted(&files)));
    let origin = Origin { flags, env, cwd, vocabulary, trust: trust_look };
    match (verb, origin.named_audit_dir()) {
        (Verb::Init, _) => Ok(cli::init(&origin.cwd, std::env::current_exe(), out)),
        // Whom to trust is decided whatever the policy says, or fails to say.
        (Verb::Trust(verb), _) => {
            let trust = trust(&origin.env);
            Ok(with_runtime(cli::trust(verb, &trust, HostClock.now(), out)))
        }
        // Another account's policy and state are not this one's.
        (Verb::Person(PersonVerb::Approve(args)), _) if args.is_across() => {
            let (env, registry) = (&origin.env, Registry::new(ops::ALL, |_| true));
            let (trust, home) = (&trust(env), env.home.as_deref());
            let across = Across { trust, registry: &registry, home, clock: &HostClock };
            Ok(with_runtime(cli::give(&across, args, out)))
        }
        // A person decides on asks whatever a project's files say, or fail to say.
        (Verb::Person(verb), _) => Ok(with_runtime(decide(verb, &origin.env, out))),
        (Verb::Policy(verb), _) => Ok(with_runtime(policy(verb, &origin, out))),
        // A log that is named can be read whatever the files say, and wherever it comes from.
        (Verb::Audit(verb), Some(dir)) => {
            Ok(with_runtime(cli::audit(&dir, verb, HostClock.now(), out)))
        }
        (verb, _) => {
            let config = Config::load(&origin).map_err(|error| error.to_string())?;
            trace(&config)?;
            Ok(with_runtime(run(verb, config, origin, out)))
        }
    }
}

/// Starts the program's own messages. What the libraries say of requests stays out: it holds bodies.
fn trace(config: &Config) -> Result<(), String> {
    let level = match config.log_level.value {
        Level::Error => tracing::Level::ERROR,
        Level::Warn => tracing::Level::WARN,
        Level::Info => tracing::Level::INFO,
        Level::Debug => tracing::Level::DEBUG,
    };
    let ours = tracing_subscriber::filter::Targets::new()
        .with_target("countersign", level)
        .with_default(tracing::Level::ERROR);
    let registry = tracing_subscriber::registry().with(ours);
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_target(false);
    match &config.log_file {
        None => registry.with(layer.with_writer(std::io::stderr)).init(),
        Some(path) => {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
            registry.with(layer.with_writer(file)).init();
        }
    }
    Ok(())
}

/// One thread runs every request: they mostly wait for the engine or the client, and waking another
/// thread for each piece of an answer costs more than it brings. The log has a thread of its own.
fn with_runtime(run: impl Future<Output = u8>) -> u8 {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(run);
            // A read of standard input that nobody waits for any more must not keep us.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            tracing::error!("the runtime cannot be started: {error}");
            cli::exit::FAILED
        }
    }
}

/// Whether the effective policy can be read at all is up to the verb.
async fn policy(verb: PolicyVerb, origin: &Origin, out: Output) -> u8 {
    let parts = |config: &Config| {
        let engine = engine(config, origin);
        parts(config, origin.clone(), &engine).map(|(parts, _)| parts)
    };
    let now = HostClock.now();
    cli::policy(&Desk { origin, now, parts: &parts }, verb, out).await
}

fn engine(config: &Config, origin: &Origin) -> Arc<DockerEngine> {
    Arc::new(DockerEngine::new(endpoint::resolve(&sources(config, origin))))
}

async fn run(verb: Verb, config: Config, origin: Origin, out: Output) -> u8 {
    let engine = engine(&config, &origin);
    match verb {
        Verb::Mcp => match gate(&config, origin, &engine) {
            Ok(wired) => {
                finish(wired, |gate| cli::serve(gate, config.confirm_via.value, out)).await
            }
            Err(fault) => refuse(&fault, out),
        },
        Verb::Call(call) => match gate(&config, origin, &engine) {
            Ok(wired) => {
                finish(wired, |gate| async move { cli::call(&gate, call, out).await }).await
            }
            Err(fault) => refuse(&fault, out),
        },
        Verb::Tools(args) => {
            let all = Registry::new(ops::ALL, |_| true);
            cli::tools(&all, &config, HostClock.now(), args, out)
        }
        Verb::Audit(verb) => cli::audit(&config.audit_dir.value, verb, HostClock.now(), out).await,
        Verb::Doctor(flag) => doctor(&config, &origin, &engine, flag.json, out).await,
        Verb::Person(_)
        | Verb::Policy(_)
        | Verb::Trust(_)
        | Verb::Init
        | Verb::Completions { .. }
        | Verb::Man { .. } => cli::exit::DONE,
    }
}

async fn doctor(
    config: &Config,
    origin: &Origin,
    engine: &DockerEngine,
    json: bool,
    out: Output,
) -> u8 {
    let endpoint = engine.endpoint();
    let socket = endpoint.as_ref().ok().map(|endpoint| endpoint.socket.clone());
    let usual = endpoint::usual_sockets(&sources(config, origin));
    let state = origin.env.state_file();
    let installation = Installation {
        config,
        vocabulary: &origin.vocabulary,
        look: engine,
        endpoint: endpoint.map(|e| (e.address.clone(), e.source.clone())),
        direct_access: direct_access(socket.into_iter().chain(usual)),
        trusting: Trusting {
            trust: &trust(&origin.env),
            asks: &SqliteAsks::new(state.clone()),
            state: state.as_deref(),
            home: origin.env.home.as_deref(),
            cwd: &origin.cwd,
            now: HostClock.now(),
        },
    };
    cli::doctor(&installation, json, out).await
}

fn refuse(fault: &Fault, out: Output) -> u8 {
    out.message(format!("countersign: {}", fault.message));
    fault.reason.exit_code()
}

/// Lets a person decide on asks.
///
/// Each ask is on record in the log that its document names; the one of this process stays unused.
async fn decide(verb: PersonVerb, env: &Environment, out: Output) -> u8 {
    let unused = env.state_file().unwrap_or_default().with_file_name("audit");
    let (audit, settings) = match log(unused, false) {
        Ok(log) => log,
        Err(fault) => return refuse(&fault, out),
    };
    let session = settings.session.clone();
    let People { asks, trust, logs, notifier: _ } = people(Vec::new(), env, &audit, settings);
    let turns = Turns { asks, logs, clock: Arc::new(HostClock), session };
    let registry = Registry::new(ops::ALL, |_| true);
    let approvals = Approvals { turns, trust, registry, caller: cli::caller(), kept: kept(env) };
    let code = cli::decide(&approvals, verb, env.home.as_deref(), out).await;
    audit.close();
    code
}

/// Whose asks a person at a shell decides on, and where they are.
fn kept(env: &Environment) -> String {
    let account = accounts::shown(rustix::process::geteuid().as_raw());
    let state = env.state_file().map(|file| format!(" in {}", file.display()));
    text::line(&format!("{account}{}", state.unwrap_or_default()), text::LINE_CHARS_MAX)
}

/// Runs a face, then lets the audit log write what waits.
async fn finish<F: Future<Output = u8>>(
    (gate, audit): (Arc<Gate>, Arc<AuditLog>),
    face: impl FnOnce(Arc<Gate>) -> F,
) -> u8 {
    let code = face(gate).await;
    audit.close();
    code
}

fn gate(
    config: &Config,
    origin: Origin,
    engine: &Arc<DockerEngine>,
) -> Result<(Arc<Gate>, Arc<AuditLog>), Fault> {
    let (parts, audit) = parts(config, origin, engine)?;
    Ok((Arc::new(Gate::new(parts)), audit))
}

fn parts(
    config: &Config,
    origin: Origin,
    engine: &Arc<DockerEngine>,
) -> Result<(Parts, Arc<AuditLog>), Fault> {
    let sync_all = config.audit_sync.value == Sync::All;
    // An ask's document names the folder of its log, and is text.
    let named = config.audit_dir.value.to_str().map(str::to_owned).ok_or_else(|| {
        Fault::new(
            Reason::AuditUnavailable,
            format!(
                "The name of the audit log's folder is no UTF-8: {}. Name another with --audit-dir.",
                config.audit_dir.value.display()
            ),
        )
    })?;
    let (audit, settings) = log(config.audit_dir.value.clone(), sync_all)?;
    let session = settings.session.clone();
    let notify = config.asks.notify.value.clone();
    let people = people(notify, &origin.env, &audit, settings);
    let parts = Parts {
        registry: Registry::new(ops::ALL, |spec| config.offers(spec)),
        policies: Arc::new(Files::new(config, origin, Arc::new(HostClock))),
        look: engine.clone(),
        act: engine.clone(),
        audit: audit.clone(),
        grants: Arc::new(MemoryGrants::default()),
        people,
        clock: Arc::new(HostClock),
        entropy: Arc::new(HostEntropy),
        settings: Settings {
            read_only: config.read_only.value,
            token_ttl: config.token_ttl.value,
            concurrent_calls: config.concurrent_calls.value,
            session,
            log: named,
            account: accounts::shown(rustix::process::geteuid().as_raw()),
            terms: config.asks.terms(),
        },
    };
    Ok((parts, audit))
}

/// Whose signatures count now.
fn trusted(files: &TrustFiles) -> Result<Trusted, Fault> {
    let requester = rustix::process::geteuid().as_raw();
    let known = files.read(requester)?;
    let apart = files.apart(requester);
    Ok(Trusted { signers: known.signers, requester, apart, now: HostClock.now() })
}

/// Whose signatures count on this host.
fn trust(env: &Environment) -> TrustFiles {
    let user = env.config_home().map(|folder| folder.join("countersign").join("allowed_signers"));
    let places = Places {
        system: trust::SYSTEM.into(),
        user,
        home: env.home.clone(),
        auth_sock: env.ssh_auth_sock.clone(),
        runtime_dir: env.xdg_runtime_dir.clone(),
        approvals: trust::APPROVALS.into(),
    };
    TrustFiles::new(places)
}

/// The audit log of this process.
fn log(dir: PathBuf, sync_all: bool) -> Result<(Arc<AuditLog>, AuditSettings), Fault> {
    let settings = AuditSettings { dir, sync_all, session: random_id(&HostEntropy)? };
    Ok((Arc::new(AuditLog::new(settings.clone(), Arc::new(HostClock))), settings))
}

/// Where asks wait, and whose word counts.
fn people(
    notify: Vec<String>,
    env: &Environment,
    audit: &Arc<AuditLog>,
    settings: AuditSettings,
) -> People {
    People {
        asks: Arc::new(SqliteAsks::new(env.state_file())),
        trust: Arc::new(trust(env)),
        logs: Arc::new(AuditLogs::new(Arc::clone(audit), settings, Arc::new(HostClock))),
        notifier: Arc::new(NotifyCommand::new(notify)),
    }
}

fn sources(config: &Config, Origin { flags, env, .. }: &Origin) -> Sources {
    let from_file = |setting: &Option<countersign::config::Setting<String>>| {
        setting.as_ref().map(|setting| setting.value.clone())
    };
    Sources {
        flag_host: flags.host.clone(),
        flag_context: flags.context.clone(),
        env_docker_host: env.docker_host.clone(),
        env_docker_context: env.docker_context.clone(),
        env_docker_config: env.docker_config.clone(),
        env_docker_tls_verify: env.docker_tls_verify.clone(),
        env_home: env.home.clone(),
        env_xdg_runtime_dir: env.xdg_runtime_dir.clone(),
        file_host: from_file(&config.engine_host),
        file_context: from_file(&config.engine_context),
    }
}

/// How this account reaches an engine by itself, if it can: by the first of these sockets.
fn direct_access(mut sockets: impl Iterator<Item = PathBuf>) -> Option<String> {
    let access = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
    let socket = sockets.find(|socket| rustix::fs::access(socket, access).is_ok())?;
    Some(format!("it can open {}", socket.display()))
}
