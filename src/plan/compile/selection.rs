//! Which hosts, roles and accessories an operation is about.

use std::collections::BTreeSet;

use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::name::HostName;
use crate::plan::operation::{Accessories, Operation};

/// Returns the hosts that `operation` selects, in the order of the configuration.
///
/// # Errors
/// Names that the configuration does not have, and a selection without a host.
pub fn selected_hosts(
    config: &Config,
    operation: &Operation,
) -> Result<Vec<HostName>, Vec<Diagnostic>> {
    let selection = select(config, operation)?;
    let names = config.hosts.iter().map(|host| &host.name);
    Ok(names
        .filter(|name| selection.hosts.contains(*name))
        .cloned()
        .collect())
}

/// A container of a role on one of its hosts.
pub(super) struct Selected {
    /// The role, by its place in the configuration.
    pub role: usize,
    /// The host.
    pub host: HostName,
    /// Which of the role's containers on that host. There is one as yet.
    pub index: u32,
}

/// What an operation is about.
pub(super) struct Selection {
    /// The roles on their hosts.
    pub roles: Vec<Selected>,
    /// The hosts of roles and of accessories that are started.
    pub hosts: BTreeSet<HostName>,
}

/// Selects what `operation` names.
///
/// # Errors
/// As [`selected_hosts`].
pub(super) fn select(config: &Config, operation: &Operation) -> Result<Selection, Vec<Diagnostic>> {
    let errors = unknown_names(config, operation);
    if !errors.is_empty() {
        return Err(errors);
    }
    let is_wanted = |host: &HostName| operation.hosts.is_empty() || operation.hosts.contains(host);
    let roles: Vec<Selected> = config
        .roles
        .iter()
        .enumerate()
        .filter(|_| operation.deploys())
        .filter(|(_, role)| operation.roles.is_empty() || operation.roles.contains(&role.name))
        .flat_map(|(at, role)| {
            let hosts = role.hosts.iter().filter(|host| is_wanted(host));
            hosts.map(move |host| Selected {
                role: at,
                host: host.clone(),
                index: 0,
            })
        })
        .collect();
    let of_roles: BTreeSet<HostName> = roles.iter().map(|selected| selected.host.clone()).collect();
    let booted = config
        .accessories
        .iter()
        .filter(|accessory| operation.boots(accessory))
        .flat_map(|accessory| &accessory.hosts)
        .filter(|host| is_wanted(host))
        .filter(|host| operation.roles.is_empty() || of_roles.contains(*host));
    let hosts: BTreeSet<HostName> = of_roles.iter().chain(booted).cloned().collect();
    if hosts.is_empty() {
        let (what, keys) = match operation.deploys() {
            true => ("roles", "--hosts and --roles with `servers`"),
            false => ("accessories", "--hosts with the hosts of `accessories`"),
        };
        return Err(vec![
            Diagnostic::error(format!("no host has one of the selected {what}"))
                .help(format!("compare {keys} in deploy.yml")),
        ]);
    }
    Ok(Selection { roles, hosts })
}

/// Returns an error for each name of the operation that the configuration does not have.
fn unknown_names(config: &Config, operation: &Operation) -> Vec<Diagnostic> {
    let roles: BTreeSet<&str> = config.roles.iter().map(|role| role.name.as_str()).collect();
    let of_roles = config.roles.iter().flat_map(|role| &role.hosts);
    let of_accessories = config
        .accessories
        .iter()
        .filter(|accessory| operation.boots(accessory))
        .flat_map(|accessory| &accessory.hosts);
    let of_roles = of_roles.filter(|_| operation.deploys());
    let hosts: BTreeSet<&str> = of_roles
        .chain(of_accessories)
        .map(HostName::as_str)
        .collect();
    let accessories = config.accessories.iter();
    let accessories: BTreeSet<&str> = accessories
        .map(|accessory| accessory.name.as_str())
        .collect();
    let mut errors = Vec::new();
    let mut check = |kind: &str, name: &str, known: &BTreeSet<&str>| {
        if !known.contains(name) {
            errors.push(unknown(kind, name, known.iter().copied()));
        }
    };
    if let Some(Accessories::Named(names)) = operation.kind.booted() {
        for name in names {
            check("accessory", name, &accessories);
        }
    }
    for role in &operation.roles {
        check("role", role.as_str(), &roles);
    }
    for host in &operation.hosts {
        check("host", host.as_str(), &hosts);
    }
    if errors.is_empty() && !operation.deploys() && accessories.is_empty() {
        let problem = Diagnostic::error("the configuration has no accessories");
        errors.push(problem.help("add one under `accessories`"));
    }
    errors
}

fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let problem = Diagnostic::error(format!("unknown {kind} `{name}`"));
    match known.is_empty() {
        true => problem.help(format!(
            "this operation has no {kind}: check `accessories` in deploy.yml"
        )),
        false => problem.help(format!("deploy.yml has: {}", known.join(", "))),
    }
}
