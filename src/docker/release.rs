//! Commands for the container of the release command.

use std::collections::BTreeMap;

use super::container::{env, logging, on_host, options, prune};
use super::image::{each, pairs};
use super::names::{self, LABEL_RELEASE, LABEL_SERVICE, LABEL_VERSION};
use super::once::is_shared;
use crate::action::Run;
use crate::config::is_read_at_start;
use crate::config::model::{Config, DockerOption, Env, ReleaseCommand, Role};

/// A run of the release command.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseRun<'a> {
    /// The command.
    pub command: &'a ReleaseCommand,
    /// Its role.
    pub role: &'a Role,
    /// The role's environment on the host.
    pub env: &'a Env,
    /// The version.
    pub version: &'a str,
    /// The image of the version.
    pub image: &'a str,
    /// What tells this run from every other.
    pub start: &'a str,
    /// Home of the SSH user on the host.
    pub home: &'a str,
}

/// Returns the command that creates the container, with the environment, volumes and options of the role. The image must be there, and
/// nothing starts the container again. It has no label of a role, so that nothing that looks for containers of the app finds it.
pub fn create(config: &Config, run: &ReleaseRun<'_>) -> Run {
    let name = names::release(config, run.version);
    let mut labels = BTreeMap::from([
        ("service".to_owned(), config.service.clone()),
        (LABEL_SERVICE.to_owned(), config.service.clone()),
        (LABEL_VERSION.to_owned(), run.version.to_owned()),
        (LABEL_RELEASE.to_owned(), run.start.to_owned()),
        // Neither this Traefik nor one of the original sends requests to it.
        ("traefik.enable".to_owned(), "false".to_owned()),
    ]);
    if let Some(destination) = &config.destination {
        labels.insert("destination".to_owned(), destination.clone());
    }
    let volumes = config.volumes.iter();
    let volumes = volumes.map(|volume| on_host(volume, run.home));
    let own = run.role.options.iter().filter(|option| is_shared(option));
    let own: Vec<DockerOption> = own.cloned().collect();
    let begin = ["docker", "create", "--name", &name, "--pull", "never"];
    let mut argv: Vec<String> = begin.map(str::to_owned).into();
    argv.extend(env(run.env, &name));
    argv.extend(logging(config));
    argv.extend(each("--volume", volumes));
    argv.extend(pairs("--label", &labels));
    argv.extend(options(&own, run.home));
    argv.push(run.image.to_owned());
    argv.extend(run.command.cmd.iter().cloned());
    let mut create = Run::literal(argv);
    let secrets = run.env.secret.iter().cloned();
    (create.env_file, create.env) = secrets.partition(|variable| is_read_at_start(&variable.name));
    create
}

/// Returns the command that removes what earlier runs of the release command of `version` have left, unless it runs.
pub fn remove_earlier(config: &Config, version: &str) -> Run {
    let destination = match &config.destination {
        Some(destination) => format!("label=destination={destination}"),
        None => "label!=destination".to_owned(),
    };
    prune(&[
        format!("label=service={}", config.service),
        format!("label={LABEL_RELEASE}"),
        destination,
        format!("label={LABEL_VERSION}={version}"),
    ])
}
