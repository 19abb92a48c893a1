//! Hosts that another user deployed to: the lock and the records of that user are not seen, so that both could deploy at once.

use std::collections::BTreeSet;

use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::docker::owner::Deployer;
use crate::facts::model::{Facts, HostFacts};
use crate::name::HostName;
use crate::record::{Scope, state_directory};

/// Returns an error for each of `hosts` that another user deployed to, with both ways out. A host that has records of this user, too, is
/// right: they were taken along.
pub(super) fn refused(
    config: &Config,
    facts: &Facts,
    hosts: &BTreeSet<&HostName>,
) -> Vec<Diagnostic> {
    let found = hosts.iter().filter_map(|name| {
        let host = facts.hosts.get(*name)?;
        let (container, directory) = deployed_by_another(config, host)?;
        Some(refusal(config, (name, host), container, directory))
    });
    found.collect()
}

/// Returns a container that another user deployed, and that user's state directory.
fn deployed_by_another<'a>(config: &Config, facts: &'a HostFacts) -> Option<(&'a str, &'a str)> {
    let deployer = Deployer {
        service: &config.service,
        destination: config.destination.as_deref(),
        state_dir: &facts.state_dir,
    };
    if facts.serial.number > 0 {
        return None;
    }
    facts.containers.iter().find_map(|(name, container)| {
        let label = |name: &str| container.labels.get(name).map(String::as_str);
        Some((name.as_str(), deployer.other(label)?))
    })
}

fn refusal(
    config: &Config,
    (name, host): (&HostName, &HostFacts),
    container: &str,
    directory: &str,
) -> Diagnostic {
    let (user, own) = (&host.user, &host.state_dir);
    let scope = Scope {
        service: config.service.clone(),
        destination: config.destination.clone(),
    };
    let (other, home) = match directory.rsplit_once('/') {
        Some((home, _)) if directory != state_directory::OF_ROOT => {
            (format!("the user of {directory}"), home)
        }
        _ => ("root".to_owned(), "~root"),
    };
    let (records, log, to) = (scope.directory(), scope.audit_log(), &host.home);
    Diagnostic::error(format!(
        "host {name}: container {container} was deployed by {other}, whose lock and records are in {directory}; \
         {user} has its own in {own}, and both could deploy at once"
    ))
    .help(format!(
        "deploy as {other} (`ssh.user`), or move the records on the host, and deploy as {user} alone from then on: as \
         root, `mkdir -p -m 700 {own} && mv {directory}/{records} {own}/ && mv {home}/{log} {to}/ && chown -R {user}: \
         {own} {to}/{log}`"
    ))
}

#[cfg(test)]
#[path = "other_user_tests.rs"]
mod tests;
