//! Which hosts, roles and accessories an operation is about.

use std::collections::BTreeSet;

use super::Result;
use super::slot::Slot;
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::name::HostName;
use crate::plan::operation::{Accessories, Operation, OperationKind};

/// Returns the hosts that `operation` selects, in the order of the configuration.
///
/// # Errors
/// Names that the configuration does not have, and a selection without a host.
pub fn selected_hosts(config: &Config, operation: &Operation) -> Result<Vec<HostName>> {
    let selection = select(config, operation)?;
    let names = config.hosts.iter().map(|host| &host.name);
    let selected = names.filter(|name| selection.hosts.contains(*name));
    Ok(selected.cloned().collect())
}

/// What an operation is about.
pub(super) struct Selection<'a> {
    /// The roles on their hosts, each by its first slot there.
    pub roles: Vec<Slot<'a>>,
    /// The hosts of roles and of accessories that are started, or every host.
    pub hosts: BTreeSet<&'a HostName>,
}

/// Selects what `operation` names.
///
/// # Errors
/// As [`selected_hosts`].
pub(super) fn select<'a>(config: &'a Config, operation: &Operation) -> Result<Selection<'a>> {
    let errors = unknown_names(config, operation);
    if !errors.is_empty() {
        return Err(errors);
    }
    let is_wanted = |host: &HostName| operation.hosts.is_empty() || operation.hosts.contains(host);
    let roles: Vec<Slot> = config
        .roles
        .iter()
        .filter(|_| operation.kind.is_about_roles())
        .filter(|role| role.traefik || !operation.kind.is_about_routes())
        .filter(|role| operation.roles.is_empty() || operation.roles.contains(&role.name))
        .flat_map(|role| {
            let hosts = role.hosts.iter().filter(|host| is_wanted(host));
            hosts.map(move |host| Slot {
                role,
                host,
                index: 0,
            })
        })
        .collect();
    let of_roles: BTreeSet<&HostName> = roles.iter().map(|slot| slot.host).collect();
    let others = other_hosts(config, operation)
        .filter(|host| is_wanted(host))
        .filter(|host| operation.roles.is_empty() || of_roles.contains(host));
    let hosts: BTreeSet<&HostName> = of_roles.iter().copied().chain(others).collect();
    if hosts.is_empty() && !operation.kind.is_local() {
        if operation.kind.is_about_routes() {
            return Err(vec![no_traefik(config)]);
        }
        let (what, keys) = match operation.kind.is_about_roles() {
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

fn no_traefik(config: &Config) -> Diagnostic {
    let roles = config.roles.iter().filter(|role| role.traefik);
    let names: Vec<&str> = roles.map(|role| role.name.as_str()).collect();
    let problem = Diagnostic::error("no selected host has a role with Traefik");
    problem.help(match names.is_empty() {
        true => "set `traefik: true` for a role under `servers`".to_owned(),
        false => format!("roles with Traefik: {}", names.join(", ")),
    })
}

/// Returns the hosts of the accessories that are started; every host if the operation is about hosts.
fn other_hosts<'a>(
    config: &'a Config,
    operation: &Operation,
) -> impl Iterator<Item = &'a HostName> {
    let every = config.hosts.iter().map(|host| &host.name);
    let every = every.filter(|_| operation.kind.is_about_hosts());
    let accessories = config.accessories.iter();
    let named = operation.kind.accessories();
    accessories
        .filter(move |accessory| named.is_some_and(|named| named.contain(accessory)))
        .flat_map(|accessory| &accessory.hosts)
        .chain(every)
}

/// Returns an error for each name of the operation that the configuration does not have.
fn unknown_names(config: &Config, operation: &Operation) -> Vec<Diagnostic> {
    let roles: BTreeSet<&str> = config.roles.iter().map(|role| role.name.as_str()).collect();
    let of_roles = config.roles.iter().flat_map(|role| &role.hosts);
    let of_roles = of_roles.filter(|_| operation.kind.is_about_roles());
    let hosts = of_roles.chain(other_hosts(config, operation));
    let hosts: BTreeSet<&str> = hosts.map(HostName::as_str).collect();
    let accessories = config.accessories.iter();
    let accessories: BTreeSet<&str> = accessories
        .map(|accessory| accessory.name.as_str())
        .collect();
    let mut errors = Vec::new();
    let mut check = |kind: &str, name: &str, known: &BTreeSet<&str>| {
        if name.is_empty() {
            errors.push(Diagnostic::error(format!("empty name of a {kind}")).help("name one"));
        } else if !known.contains(name) {
            let names = Vec::from_iter(known.iter().copied()).join(", ");
            errors.push(Diagnostic::error(format!("unknown {kind} `{name}`")).help(
                match known.is_empty() {
                    true => format!("the configuration has no {kind}"),
                    false => format!("known names: {names}"),
                },
            ));
        }
    };
    if let Some(Accessories::Named(names)) = operation.kind.accessories() {
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
    let is_about_them = matches!(operation.kind, OperationKind::Accessory(..));
    if errors.is_empty() && is_about_them && accessories.is_empty() {
        let problem = Diagnostic::error("the configuration has no accessories");
        errors.push(problem.help("add one under `accessories`"));
    }
    errors
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
