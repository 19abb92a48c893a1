//! The project in the current directory: its configuration, environment, and git repository.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::args::{HostArgs, ProjectArgs, SelectionArgs};
use super::exit::{self, Failure};
use super::world::Machine;
use crate::apply::preflight::{self, Runner};
use crate::config::dotenv::Environment;
use crate::config::model::{Config, Host, Ssh};
use crate::config::{self, Loaded, Places, secrets};
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::facts::model::{LocalFile, SourceFacts};
use crate::facts::source;
use crate::name::{HostName, Sha256Hex};
use crate::plan::{Accessories, Operation, OperationKind, Release, SshRoute, compile};
use crate::record::Ending;
use crate::secret::{Secret, Secrets};
use crate::text::one_line;
use crate::transport::Target;
use crate::transport::local::{self, LocalCommand};

/// A configuration with the values of its secrets.
pub(super) struct Project {
    /// The configuration.
    pub config: Config,
    /// What it refers to, by name. Empty where only names are asked for.
    pub secrets: Secrets,
    /// Where the configuration has each label of a role and each argument of Traefik.
    routing: Places,
    /// The environment that templates of accessories see. Empty where only names are asked for.
    environment: Environment,
}

/// Whether the values of secrets are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Values {
    /// Those of the app are, and all must be there.
    Needed,
    /// Those of the accessories of these names are; those of the app only where that is said.
    Accessories {
        /// Which.
        accessories: Accessories,
        /// Whether the app's are needed as well.
        app: bool,
    },
    /// Only their names are.
    NamesOnly,
}

/// Reads the configuration and prints its warnings. Its templates see the environment that secrets are taken from.
pub(super) fn load_config(args: &ProjectArgs) -> Result<Loaded, Failure> {
    let destination = args.destination.as_deref();
    let mut machine = Machine::new(variables(args.env_file.as_deref(), destination));
    let loaded = config::load(&args.config, destination, &mut machine)
        .map_err(|diagnostics| Failure::of(ExitCode::Configuration, diagnostics))?;
    exit::warn(&loaded.warnings);
    Ok(loaded)
}

/// Reads the configuration and, where they are needed, the values of its secrets.
pub(super) fn load(args: &ProjectArgs, values: Values) -> Result<Project, Failure> {
    let loaded = load_config(args)?;
    let names = needed(&loaded.config, values);
    let (secrets, environment) = match names {
        None => (Secrets::new(), Environment::default()),
        Some(names) => {
            let environment = environment(args.env_file.as_deref(), args.destination.as_deref())?;
            let secrets = secrets::resolve_names(
                &names,
                &loaded.config,
                &environment,
                &loaded.literal_secrets,
                &loaded.places,
            )
            .map_err(|diagnostics| Failure::of(ExitCode::Configuration, diagnostics))?;
            (secrets, environment)
        }
    };
    Ok(Project {
        config: loaded.config,
        routing: loaded.routing,
        secrets,
        environment,
    })
}

/// Returns the names of the variables whose values are needed; `None` where none is.
fn needed(config: &Config, values: Values) -> Option<secrets::Names> {
    let (accessories, app) = match values {
        Values::NamesOnly => return None,
        Values::Needed => return Some(secrets::secret_names(config)),
        Values::Accessories { accessories, app } => (accessories, app),
    };
    let booted = config.accessories.iter();
    let booted = booted.filter(|accessory| accessories.contain(accessory));
    let mut names = secrets::accessory_secret_names(config, booted);
    if app {
        for (name, purposes) in secrets::secret_names(config) {
            names.entry(name).or_default().extend(purposes);
        }
    }
    Some(names)
}

/// Reads the environment: the process's own, then `.env.DEST`, then `.env`.
pub(super) fn environment(
    file: Option<&Path>,
    destination: Option<&str>,
) -> Result<Environment, Failure> {
    variables(file, destination)
        .map_err(|diagnostics| Failure::of(ExitCode::Configuration, diagnostics))
}

fn variables(
    file: Option<&Path>,
    destination: Option<&str>,
) -> Result<Environment, Vec<Diagnostic>> {
    Environment::load(Path::new("."), destination, file, process())
}

/// Returns the variables of this process, but those that are not UTF-8.
pub(super) fn process() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

impl Project {
    /// Gives problems with labels and arguments of Traefik the places where these stand.
    pub(super) fn placed(&self, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut placed = Vec::new();
        for problem in problems {
            let about = problem.about.as_ref();
            match about.and_then(|name| self.routing.get(&**name)) {
                Some(places) => {
                    placed.extend(places.iter().map(|place| problem.clone().at(place.clone())));
                }
                None => placed.push(problem),
            }
        }
        let files: BTreeSet<String> = placed
            .iter()
            .filter_map(|problem| Some(problem.place.as_ref()?.file.clone()))
            .collect();
        for file in files {
            if let Ok(text) = std::fs::read_to_string(&file) {
                config::hide_secret_lines(&file, &text, &mut placed);
            }
        }
        placed.sort_by(|left, right| left.place.cmp(&right.place));
        placed
    }
}

impl Runner for Project {
    fn variable(&self, name: &str) -> Option<Secret> {
        let found = self.secrets.get(name).cloned();
        found.or_else(|| self.environment.get(name))
    }

    fn render(&self, path: &str, template: &str, own: &Secrets) -> Result<String, Vec<Diagnostic>> {
        self.environment.render(path, template, own)
    }
}

/// Returns how each host of the configuration is reached.
pub(super) fn targets(config: &Config) -> BTreeMap<HostName, Target> {
    config
        .hosts
        .iter()
        .map(|host| (host.name.clone(), target(host, &config.ssh)))
        .collect()
}

fn target(host: &Host, ssh: &Ssh) -> Target {
    Target {
        host: host.name.to_string(),
        user: host.user.clone(),
        port: host.port,
        proxy: ssh.proxy.clone(),
        proxy_command: ssh.proxy_command.clone(),
        host_keys: Vec::new(),
    }
}

/// Returns how a host of a plan is reached.
pub(super) fn planned_target(host: &HostName, route: &SshRoute, host_keys: &[String]) -> Target {
    Target {
        host: host.to_string(),
        user: route.user.clone(),
        port: route.port,
        proxy: route.proxy.clone(),
        proxy_command: route.proxy_command.clone(),
        host_keys: host_keys.to_vec(),
    }
}

/// Returns the directory that paths of a plan are relative to: the git root, else the current directory.
pub(super) async fn root() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().map_err(|error| {
        Failure::new(
            ExitCode::Failed,
            format!("the current directory is gone: {error}"),
        )
    })?;
    let top = git(&["rev-parse", "--show-toplevel"]).await;
    Ok(top.map_or(here, PathBuf::from))
}

/// Returns the first line that a git command prints, or nothing where it fails.
async fn git(arguments: &[&str]) -> Option<String> {
    let command = LocalCommand {
        argv: std::iter::once("git")
            .chain(arguments.iter().copied())
            .map(String::from)
            .collect(),
        ..LocalCommand::default()
    };
    let outcome = local::run(&command, |_| {}).await.ok()?;
    let line = outcome.stdout.lines().next()?.to_owned();
    (outcome.ending == Ending::Succeeded && !line.is_empty()).then_some(line)
}

/// Returns who runs this: git's `user.name`, else the login name.
pub(super) async fn who() -> String {
    match git(&["config", "user.name"]).await {
        Some(name) => name,
        None => std::env::var("USER").unwrap_or_else(|_| "unknown".into()),
    }
}

/// Returns what the image would be built from, with paths relative to `root`.
pub(super) async fn source(config: &Config, root: &Path) -> Result<SourceFacts, Failure> {
    let here = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    let context = relative(&here, &config.builder.context, root)?;
    let dockerfile = relative(&here, &config.builder.dockerfile, root)?;
    let answers = preflight::ask_git(root, &context).await;
    let printed = printed_to(root);
    let known: Vec<&str> = printed.as_deref().into_iter().collect();
    let facts = source::read(&answers, &known)
        .map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
    let hash = std::fs::read(root.join(&dockerfile))
        .ok()
        .map(|bytes| Sha256Hex::of(&bytes));
    let mut facts = facts.unwrap_or_default();
    facts.untracked.retain(|path| !is_ours(&root.join(path)));
    Ok(SourceFacts {
        context,
        dockerfile,
        dockerfile_sha256: hash,
        files: accessory_files(config, &here, root),
        ..facts
    })
}

/// Returns the files of accessories that can be read. An operation that needs another one says so; most need none.
fn accessory_files(config: &Config, here: &Path, root: &Path) -> BTreeMap<String, LocalFile> {
    let files = config
        .accessories
        .iter()
        .flat_map(|accessory| &accessory.files);
    let read = |local: &String| {
        let path = relative(here, local, root).ok()?;
        let sha256 = Sha256Hex::of(&std::fs::read(root.join(&path)).ok()?);
        Some((local.clone(), LocalFile { path, sha256 }))
    };
    files.filter_map(|file| read(&file.local)).collect()
}

/// Returns the file below `root` that standard output is written to: `mrsk plan > plan.json` is no stray file.
fn printed_to(root: &Path) -> Option<String> {
    let file = std::fs::read_link("/proc/self/fd/1").ok()?;
    Some(file.strip_prefix(root).ok()?.to_str()?.to_owned())
}

/// Returns whether a file holds a plan or facts: those that were printed earlier are to be no reason for a warning either, and the
/// same plan printed to another file has the same bytes.
fn is_ours(path: &Path) -> bool {
    let mut start = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(64).read_to_end(&mut start).map(drop));
    start.retain(|byte: &u8| !byte.is_ascii_whitespace());
    read.is_ok() && start.starts_with(b"{\"format_version\":\"")
}

/// Returns `path`, which is relative to `here`, relative to `root`.
fn relative(here: &Path, path: &str, root: &Path) -> Result<String, Failure> {
    let mut whole = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            std::path::Component::ParentDir => {
                whole.pop();
            }
            std::path::Component::CurDir => {}
            part => whole.push(part),
        }
    }
    let below = whole.strip_prefix(root).map_err(|_| {
        Failure::new(
            ExitCode::Configuration,
            format!("{path} lies outside of {}", root.display()),
        )
        .help("a plan names files relative to the git root, so that another clone can apply it")
    })?;
    let text = below.to_string_lossy().replace('\\', "/");
    Ok(if text.is_empty() { ".".into() } else { text })
}

/// Returns what the options ask to be deployed.
pub(super) fn release(args: &SelectionArgs, source: &SourceFacts) -> Result<Release, Failure> {
    let asked = args
        .version
        .clone()
        .or_else(|| std::env::var("VERSION").ok());
    let version = asked
        .filter(|version| !version.is_empty())
        .or_else(|| source::default_version(source))
        .ok_or_else(|| {
            Failure::new(
                ExitCode::Configuration,
                "there is no version: this is no git repository with a commit",
            )
            .help("commit, or name one with `--version VERSION`")
        })?;
    if !is_tag(&version) {
        return Err(Failure::new(
            ExitCode::Usage,
            format!("`{}` cannot be a version", one_line(&version)),
        )
        .help("a version is the tag of an image: letters, digits, `_`, `.` and `-`, at most 128"));
    }
    Ok(Release {
        version,
        skip_push: args.skip_push,
    })
}

/// Returns the operation that starts `accessories` on those of `hosts` that have them.
pub(super) fn accessory_boot(
    config: &Config,
    accessories: Accessories,
    hosts: &[HostName],
) -> Operation {
    Operation {
        kind: OperationKind::AccessoryBoot(accessories),
        destination: config.destination.clone(),
        hosts: hosts.to_vec(),
        roles: Vec::new(),
    }
}

/// Returns the hosts that the options select.
pub(super) fn selected(config: &Config, args: &HostArgs) -> Result<Vec<HostName>, Failure> {
    let kind = OperationKind::Deploy(Release {
        version: String::new(),
        skip_push: false,
    });
    compile::selected_hosts(config, &operation(config, args, kind))
        .map_err(|diagnostics| Failure::of(ExitCode::Usage, diagnostics))
}

/// Returns the operation of `kind` on what the options select.
pub(super) fn operation(config: &Config, args: &HostArgs, kind: OperationKind) -> Operation {
    let hosts = match (args.primary, config.primary_host()) {
        (true, Some(primary)) => vec![primary.clone()],
        _ => args.hosts.clone(),
    };
    Operation {
        kind,
        destination: config.destination.clone(),
        hosts,
        roles: args.roles.clone(),
    }
}

/// Returns whether `text` can be the tag of an image.
fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text
            .bytes()
            .all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

/// Prints to standard output. A reader that has gone away is no failure of ours to report in detail.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| {
            Failure::new(
                ExitCode::Failed,
                format!("standard output cannot be written: {error}"),
            )
        })
}
