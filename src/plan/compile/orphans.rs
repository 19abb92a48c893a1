//! Roles that left the configuration: what they have left on a host, and its removal once what is configured serves.

use std::collections::{BTreeMap, BTreeSet};

use super::app::remove;
use super::draft::ends;
use super::placement::of_service;
use super::{Draft, HostView};
use crate::name::{HostName, RoleName, StepId};
use crate::plan::StepKind;
use crate::plan::operation::{OperationKind, Orphans};
use crate::text::list;
use crate::traefik;

/// The hosts of roles, each with the role.
pub(super) type Configured<'a> = BTreeSet<(&'a HostName, &'a str)>;

/// What a role has left on a host.
#[derive(Default)]
pub(super) struct Left<'a> {
    /// Running containers.
    pub containers: Vec<&'a String>,
    /// The path of its routing file.
    pub file: Option<&'a String>,
}

/// Returns where roles are configured.
pub(super) fn configured<'a>(draft: &Draft<'a>) -> Configured<'a> {
    let roles = draft.config.roles.iter();
    roles
        .flat_map(|role| role.hosts.iter().map(|host| (host, role.name.as_str())))
        .collect()
}

/// Returns what roles of this service and destination have on `host` though the configuration does not put them there.
pub(super) fn left_behind<'a>(
    draft: &Draft<'a>,
    host: &HostView<'a>,
    configured: &Configured<'a>,
) -> BTreeMap<String, Left<'a>> {
    let config = draft.config;
    let belongs_here = |name: &str| configured.contains(&(host.name(), name));
    let mut left: BTreeMap<String, Left<'a>> = BTreeMap::new();
    for (name, container) in &host.facts.containers {
        let Some(role) = container.labels.get("role") else {
            continue;
        };
        if of_service(config, container) && container.state.is_up() && !belongs_here(role) {
            let entry = left.entry(role.clone()).or_default();
            entry.containers.push(name);
        }
    }
    let destination = config.destination.as_deref();
    for path in host.facts.files.keys() {
        let file = path.rsplit('/').next().unwrap_or(path);
        let owner = traefik::owner_of_file(file);
        let Some((service, role, of)) = owner else {
            continue;
        };
        let is_ours = service == config.service && of.as_deref() == destination;
        if is_ours && !belongs_here(&role) {
            left.entry(role).or_default().file = Some(path);
        }
    }
    left
}

/// Names what `role` has left on `host`, unless the plan removes it.
pub(super) fn warn(draft: &mut Draft, host: &HostView, role: &str, left: &Left) {
    if draft.operation.orphans == Orphans::Removed {
        return;
    }
    let name = host.name();
    let mut what: Vec<String> = left.containers.iter().map(|name| (*name).clone()).collect();
    what.extend(left.file.map(|path| format!("routing file {path}")));
    draft.warn(format!(
        "host {name}: role {role} is not in deploy.yml for this host, but its {} {} there: requests may \
         still be answered by the old version; {} removes them",
        list(&what),
        if what.len() == 1 { "is" } else { "are" },
        command(draft)
    ));
}

/// Returns the command that removes what roles have left, and deploys no other version than the plan.
pub(super) fn command(draft: &Draft) -> String {
    match (&draft.operation.kind, draft.version) {
        (OperationKind::Rollback(_) | OperationKind::App(_), version) if !version.is_empty() => {
            format!("`mrsk deploy --skip-push --version {version} --remove-orphans`")
        }
        _ => "`mrsk deploy --remove-orphans`".to_owned(),
    }
}

/// Removes what roles have left, after all else on its host: their routes, then each container, when its requests have ended.
pub fn run(draft: &mut Draft) {
    if draft.operation.orphans == Orphans::Named {
        return;
    }
    let configured = configured(draft);
    let planned = draft.steps.len();
    for host in draft.hosts.clone() {
        let before = ends(draft.steps_on(Some(host.name())));
        let before: Vec<StepId> = before.iter().map(|step| step.id.clone()).collect();
        for role in left_behind(draft, &host, &configured).into_keys() {
            let first = draft.steps.len();
            remove::of_role(draft, &host, &RoleName::from(role.as_str()));
            for step in draft.steps.iter_mut().skip(first) {
                if step.kind == StepKind::Unroute {
                    step.summary = format!("Remove the routes of {role}, which left deploy.yml");
                }
                if step.needs.is_empty() {
                    *step = step.clone().needs(before.clone());
                }
            }
        }
    }
    if draft.steps.len() == planned {
        let reason = "no role that left deploy.yml has anything on the selected hosts";
        draft.unchanged(None, "orphans", reason);
    }
}

#[cfg(test)]
#[path = "orphans_tests.rs"]
mod tests;
