//! Commands for containers beside those of the app: that of the release command, and those in which a health check is tried.

use std::collections::BTreeMap;

use super::container::{env, logging, mounts, options, prune};
use super::image::{each, pairs};
use super::names::{LABEL_SERVICE, LABEL_VERSION};
use super::once::is_shared;
use crate::action::Run;
use crate::config::is_read_at_start;
use crate::config::model::{Config, DockerOption, Env, Role};

/// A container beside those of the app.
#[derive(Debug, Clone, Copy)]
pub struct Apart<'a> {
    /// Its name.
    pub name: &'a str,
    /// What runs in it; empty: the image's command.
    pub cmd: &'a [String],
    /// The role whose options it has.
    pub role: &'a Role,
    /// The role's environment on the host.
    pub env: &'a Env,
    /// The version.
    pub version: &'a str,
    /// The image of the version.
    pub image: &'a str,
    /// The label that tells what it is for, and what tells this start from every other.
    pub start: (&'a str, &'a str),
    /// Home of the SSH user on the host.
    pub home: &'a str,
}

/// Returns the command that creates the container, with the environment, volumes and options of the role. The image must be there, and
/// nothing starts the container again. It has no label of a role, so that nothing that looks for containers of the app finds it.
pub fn create(config: &Config, apart: &Apart<'_>, own: Vec<String>) -> Run {
    let (label, start) = apart.start;
    let mut labels = BTreeMap::from([
        ("service".to_owned(), config.service.clone()),
        (LABEL_SERVICE.to_owned(), config.service.clone()),
        (LABEL_VERSION.to_owned(), apart.version.to_owned()),
        (label.to_owned(), start.to_owned()),
        // Neither this Traefik nor one of the original sends requests to it.
        ("traefik.enable".to_owned(), "false".to_owned()),
    ]);
    if let Some(destination) = &config.destination {
        labels.insert("destination".to_owned(), destination.clone());
    }
    let shared = apart.role.options.iter().filter(|option| is_shared(option));
    let shared: Vec<DockerOption> = shared.cloned().collect();
    let begin = ["docker", "create", "--name", apart.name, "--pull", "never"];
    let mut argv: Vec<String> = begin.map(str::to_owned).into();
    argv.extend(env(apart.env, apart.name));
    argv.extend(logging(
        apart.role.logging.as_ref().unwrap_or(&config.logging),
    ));
    argv.extend(each("--volume", mounts(config, apart.role, apart.home)));
    argv.extend(pairs("--label", &labels));
    argv.extend(own);
    argv.extend(options(&shared, apart.home));
    argv.push(apart.image.to_owned());
    argv.extend(apart.cmd.iter().cloned());
    let mut create = Run::literal(argv);
    let secrets = apart.env.secret.iter().cloned();
    (create.env_file, create.env) = secrets.partition(|variable| is_read_at_start(&variable.name));
    create
}

/// Returns the command that removes those with `label` that earlier runs for `version` have left, unless they run.
pub fn remove_earlier(config: &Config, label: &str, version: &str) -> Run {
    let destination = match &config.destination {
        Some(destination) => format!("label=destination={destination}"),
        None => "label!=destination".to_owned(),
    };
    prune(&[
        format!("label=service={}", config.service),
        format!("label={label}"),
        destination,
        format!("label={LABEL_VERSION}={version}"),
    ])
}
