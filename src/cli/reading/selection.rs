//! What the options of a command that reads select: hosts with roles, with Traefik, or with an accessory.

use std::collections::BTreeSet;

use crate::cli::failure::Failure;
use crate::cli::options::HostOptions;
use crate::config::model::{Accessory, Config, Role};
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::name::HostName;

/// Stands for every accessory where accessories are named.
const ALL: &str = "all";

/// A role on a host.
pub type Placement<'a> = (&'a HostName, &'a Role);

/// Returns the selected roles on the selected hosts, by host in the order of the configuration.
pub fn roles<'a>(options: &HostOptions, config: &'a Config) -> Result<Vec<Placement<'a>>, Failure> {
    check_names(options, config)?;
    let selected = placements(options, config);
    not_empty(selected, "no host has one of the selected roles", || {
        "compare --hosts and --roles with `servers` in deploy.yml".to_owned()
    })
}

/// Returns the selected hosts with a role that Traefik is in front of, in the order of the configuration.
pub fn traefik_hosts<'a>(
    options: &HostOptions,
    config: &'a Config,
) -> Result<Vec<&'a HostName>, Failure> {
    check_names(options, config)?;
    let mut hosts: Vec<&HostName> = placements(options, config)
        .into_iter()
        .filter(|(_, role)| role.traefik)
        .map(|(host, _)| host)
        .collect();
    hosts.dedup();
    not_empty(hosts, "no selected host has a role with Traefik", || {
        let roles = config.roles.iter().filter(|role| role.traefik);
        let names: Vec<&str> = roles.map(|role| role.name.as_str()).collect();
        format!("roles with Traefik: {}", names.join(", "))
    })
}

/// Returns the accessories of this name, or all, each with the selected ones of its hosts.
pub fn accessories<'a>(
    name: &str,
    options: &HostOptions,
    config: &'a Config,
) -> Result<Vec<(&'a HostName, &'a Accessory)>, Failure> {
    check_names(options, config)?;
    let named = config.accessories.iter();
    let named: Vec<&Accessory> = named
        .filter(|accessory| name == ALL || accessory.name == name)
        .collect();
    if named.is_empty() {
        let names: Vec<&str> = config
            .accessories
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        return Err(match names.is_empty() {
            true => usage("the configuration has no accessories")
                .help("add one under `accessories` in deploy.yml"),
            false => usage(&format!("unknown accessory `{name}`"))
                .help(format!("known names: {}, {ALL}", names.join(", "))),
        });
    }
    let hosts_of =
        |accessory: &'a Accessory| accessory.hosts.iter().map(move |host| (host, accessory));
    let selected = named.iter().flat_map(|accessory| hosts_of(accessory));
    let selected: Vec<_> = selected
        .filter(|(host, _)| is_selected(host, options, config))
        .collect();
    not_empty(selected, "no selected host has the accessory", || {
        let hosts: BTreeSet<&str> = named
            .iter()
            .flat_map(|accessory| &accessory.hosts)
            .map(HostName::as_str)
            .collect();
        format!("its hosts: {}", Vec::from_iter(hosts).join(", "))
    })
}

fn placements<'a>(options: &HostOptions, config: &'a Config) -> Vec<Placement<'a>> {
    let is_role = |role: &Role| options.roles.is_empty() || options.roles.contains(&role.name);
    let hosts = config.hosts.iter().map(|host| &host.name);
    hosts
        .filter(|host| is_named(host, options, config))
        .flat_map(|host| {
            let roles = config.roles.iter();
            let roles = roles.filter(move |role| is_role(role) && role.hosts.contains(host));
            roles.map(move |role| (host, role))
        })
        .collect()
}

/// Whether `--hosts` or `--primary` let a host through.
fn is_named(host: &HostName, options: &HostOptions, config: &Config) -> bool {
    match options.primary {
        true => config.primary_host() == Some(host),
        false => options.hosts.is_empty() || options.hosts.contains(host),
    }
}

/// The same, and `--roles`.
fn is_selected(host: &HostName, options: &HostOptions, config: &Config) -> bool {
    let mut roles = config.roles.iter();
    is_named(host, options, config)
        && (options.roles.is_empty()
            || roles.any(|role| options.roles.contains(&role.name) && role.hosts.contains(host)))
}

/// Fails with every selected name that the configuration does not have.
fn check_names(options: &HostOptions, config: &Config) -> Result<(), Failure> {
    let hosts = config.hosts.iter().map(|host| host.name.as_str());
    let roles = config.roles.iter().map(|role| role.name.as_str());
    let (hosts, roles): (Vec<&str>, Vec<&str>) = (hosts.collect(), roles.collect());
    let wanted_hosts = options
        .hosts
        .iter()
        .map(|host| ("host", host.as_str(), &hosts));
    let wanted_roles = options
        .roles
        .iter()
        .map(|role| ("role", role.as_str(), &roles));
    let unknown = wanted_roles
        .chain(wanted_hosts)
        .filter(|(_, name, known)| !known.contains(name));
    let problems: Vec<Diagnostic> = unknown
        .map(|(kind, name, known)| match name {
            "" => Diagnostic::error(format!("empty name of a {kind}")).help("name one"),
            name => Diagnostic::error(format!("unknown {kind} `{name}`"))
                .help(format!("known names: {}", known.join(", "))),
        })
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::of(ExitCode::Usage, problems)),
    }
}

fn not_empty<T>(
    selected: Vec<T>,
    problem: &str,
    help: impl FnOnce() -> String,
) -> Result<Vec<T>, Failure> {
    match selected.is_empty() {
        true => Err(usage(problem).help(help())),
        false => Ok(selected),
    }
}

fn usage(problem: &str) -> Failure {
    Failure::new(ExitCode::Usage, problem)
}
