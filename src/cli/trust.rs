//! What a plan needs an approval for before it is applied on this machine, and who gave it: the approval of the plan, an option,
//! the variable `MRSK_ALLOW`, or this machine's own configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;

use super::approval::Approved;
use super::connections;
use super::failure::Failure;
use super::options::LinkOptions;
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::name::HostName;
use crate::plan::Plan;
use crate::plan::trust::{self, Concern, Subject};
use crate::secret::Secrets;
use crate::text;

/// The variable that allows values, a line each: `state-directory=/srv/mrsk`.
const VARIABLE: &str = "MRSK_ALLOW";

/// The most hosts whose keys a review compares: each takes two programs.
const MOST_COMPARED: usize = 200;

/// What a run may do without an approval of its plan.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TrustOptions {
    /// Allow what otherwise needs an approval of the plan
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    allow: Vec<Allow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Allow {
    /// Commands that ssh runs on this machine to reach hosts
    ProxyCommand,
    /// Host keys that known_hosts does not have
    HostKeys,
    /// State directories that mrsk would not choose
    StateDirectory,
    /// Any command on this machine
    Commands,
}

/// The file `mrsk/config.toml` in the user's configuration directory.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunnerConfig {
    #[serde(default)]
    allow: Values,
}

/// Values that are allowed, by subject.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Values {
    proxy_command: Vec<String>,
    host_keys: Vec<String>,
    state_directory: Vec<String>,
    commands: Vec<String>,
}

impl Values {
    fn of(&mut self, subject: Subject) -> &mut Vec<String> {
        match subject {
            Subject::ProxyCommand => &mut self.proxy_command,
            Subject::HostKeys => &mut self.host_keys,
            Subject::StateDirectory => &mut self.state_directory,
            Subject::Commands => &mut self.commands,
        }
    }
}

impl TrustOptions {
    fn allows(&self, subject: Subject) -> bool {
        self.allow.iter().any(|allowed| {
            subject
                == match allowed {
                    Allow::ProxyCommand => Subject::ProxyCommand,
                    Allow::HostKeys => Subject::HostKeys,
                    Allow::StateDirectory => Subject::StateDirectory,
                    Allow::Commands => Subject::Commands,
                }
        })
    }

    /// Returns these options as arguments of `mrsk apply`.
    pub fn arguments(&self) -> Vec<String> {
        let names = Subject::ALL.iter().filter(|subject| self.allows(**subject));
        let names: Vec<&str> = names.map(|subject| subject.name()).collect();
        match names.is_empty() {
            true => Vec::new(),
            false => vec!["--allow".to_owned(), names.join(",")],
        }
    }
}

/// Refuses a plan that does on this machine what nobody approved or allowed. Returns the host keys to pin for each host: those of
/// the plan, without those that this machine has otherwise.
pub async fn check(
    plan: &Plan,
    approved: &Approved,
    options: &TrustOptions,
    link: &LinkOptions,
) -> Result<BTreeMap<HostName, Vec<String>>, Failure> {
    let mut pins = pins(plan);
    if approved.is_given() {
        return Ok(pins);
    }
    let mut concerns = trust::concerns(plan);
    if !options.allows(Subject::HostKeys) {
        concerns.extend(unknown_keys(plan, link, &mut pins).await?);
        concerns.sort();
    }
    let mut values = allowed_values()?;
    concerns.retain(|concern| {
        !options.allows(concern.subject) && !values.of(concern.subject).contains(&concern.value)
    });
    match concerns.is_empty() {
        true => Ok(pins),
        false => Err(refuse(&concerns)),
    }
}

/// Returns what a review is to show on top: what the plan itself shows to need an approval, and host keys that this machine does not
/// know, of at most [`MOST_COMPARED`] hosts; and a warning if these could not be compared.
pub async fn concerns(plan: &Plan, link: &LinkOptions) -> (Vec<Concern>, Option<Diagnostic>) {
    let mut concerns = trust::concerns(plan);
    let mut pins = pins(plan);
    pins.retain(|_, keys| !keys.is_empty());
    let not_compared = |why: &str| {
        let message = format!("host keys were not compared with known_hosts: {why}");
        Diagnostic::warning(message).help("`mrsk apply` compares them where it runs")
    };
    if pins.len() > MOST_COMPARED {
        let why = format!("the plan has those of more than {MOST_COMPARED} hosts");
        return (concerns, Some(not_compared(&why)));
    }
    match unknown_keys(plan, link, &mut pins).await {
        Ok(unknown) => {
            concerns.extend(unknown);
            concerns.sort();
            (concerns, None)
        }
        Err(failure) => {
            let why = failure.diagnostics.first();
            let why = why.map_or("", |diagnostic| diagnostic.message.as_str());
            (concerns, Some(not_compared(why)))
        }
    }
}

/// Returns the keys of each host that the plan has.
fn pins(plan: &Plan) -> BTreeMap<HostName, Vec<String>> {
    let hosts = plan.hosts.iter();
    hosts
        .map(|(name, host)| (name.clone(), host.host_keys.clone()))
        .collect()
}

/// Returns the keys of the plan that this machine does not know for their hosts. If it knows some of a host's keys, only these
/// are pinned, and none is a concern.
async fn unknown_keys(
    plan: &Plan,
    link: &LinkOptions,
    pins: &mut BTreeMap<HostName, Vec<String>>,
) -> Result<Vec<Concern>, Failure> {
    pins.retain(|_, keys| !keys.is_empty());
    let links = connections::to_planned(link, plan, &BTreeMap::new(), &Secrets::new())?;
    let hosts = pins.keys().cloned().collect();
    let (known, problems) = connections::ask_all(hosts, |host| {
        let links = links.clone();
        async move { Ok(links.host_keys(&host).await?) }
    })
    .await;
    links.close();
    if !problems.is_empty() {
        return Err(problems.failure());
    }
    let mut concerns = Vec::new();
    for (host, keys) in pins {
        let known: BTreeSet<&String> = known.get(host).into_iter().flatten().collect();
        if known.is_empty() && link.accept_new_host_keys {
            continue;
        }
        match keys.iter().any(|key| known.contains(key)) {
            true => keys.retain(|key| known.contains(key)),
            false => concerns.extend(keys.iter().map(|key| Concern {
                subject: Subject::HostKeys,
                host: Some(host.clone()),
                value: key.clone(),
            })),
        }
    }
    Ok(concerns)
}

/// Returns what the runner's configuration and `MRSK_ALLOW` allow.
fn allowed_values() -> Result<Values, Failure> {
    let mut values = read_config()?.allow;
    let lines = std::env::var(VARIABLE).unwrap_or_default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let named = line.split_once('=').and_then(|(name, value)| {
            let subject = Subject::ALL
                .into_iter()
                .find(|subject| subject.name() == name)?;
            Some((subject, value))
        });
        let Some((subject, value)) = named else {
            let message = format!("invalid line in {VARIABLE}: {}", text::quote(line));
            let names = Subject::ALL.map(Subject::name);
            let help = format!(
                "write NAME=VALUE, with one of these names: {}",
                text::list(&names)
            );
            return Err(Failure::new(ExitCode::Usage, message).help(help));
        };
        values.of(subject).push(value.to_owned());
    }
    Ok(values)
}

fn read_config() -> Result<RunnerConfig, Failure> {
    let directory = match std::env::var_os("XDG_CONFIG_HOME") {
        Some(directory) => Some(PathBuf::from(directory)),
        None => std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")),
    };
    let Some(file) = directory.map(|directory| directory.join("mrsk/config.toml")) else {
        return Ok(RunnerConfig::default());
    };
    let invalid = |problem: String| {
        let message = format!("{}: {problem}", file.display());
        Failure::new(ExitCode::Configuration, message)
    };
    match std::fs::read_to_string(&file) {
        Ok(text) => toml::from_str(&text).map_err(|error| invalid(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(RunnerConfig::default()),
        Err(error) => Err(invalid(error.to_string())),
    }
}

fn refuse(concerns: &[Concern]) -> Failure {
    let mut diagnostics: Vec<Diagnostic> = concerns
        .iter()
        .map(|concern| {
            Diagnostic::error(format!("the plan {}", text::one_line(&concern.to_string())))
        })
        .collect();
    let names: BTreeSet<&str> = concerns
        .iter()
        .map(|concern| concern.subject.name())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    if let Some(last) = diagnostics.pop() {
        diagnostics.push(last.help(format!(
            "review the plan with `mrsk show`, then approve it with --expect or a signature, or allow this with --allow {}",
            names.join(",")
        )));
    }
    Failure::of(ExitCode::Damaged, diagnostics)
}
