//! The last routes of a service on a host: those of a role that left the configuration, if no role that is configured there is
//! routed to. Without them every request is answered with 404.

use super::orphans::Left;
use super::placement::routing_path;
use super::proxy::facts::is_routed;
use super::{Draft, HostView};
use crate::config::model::Role;
use crate::diagnostic::Diagnostic;
use crate::plan::operation::Orphans;
use crate::text::list;

/// Says that what is left of `orphan` has the only routes of the service on `host`, or refuses to remove them if the service has no
/// others anywhere. Returns whether it is so.
pub(super) fn check(draft: &mut Draft, host: &HostView, orphan: &str, left: &Left) -> bool {
    let path = left.file.map_or("", String::as_str);
    let containers = left.containers.iter();
    let mut containers = containers.filter_map(|name| host.facts.containers.get(*name));
    let answers = containers.any(|container| is_routed(host.facts, path, container));
    if !answers || is_routed_otherwise(draft, host) {
        return false;
    }
    let name = host.name();
    let here = draft.config.roles.iter();
    let here = here.filter(|role| !role.traefik && role.hosts.contains(name));
    let here = Vec::from_iter(here.map(|role| role.name.as_str()));
    let remedy = match here.as_slice() {
        [role] => format!("write `traefik: true` for role {role} in deploy.yml"),
        roles => format!(
            "write `traefik: true` in deploy.yml for the role that serves now ({})",
            list(roles)
        ),
    };
    let only = format!(
        "host {name}: role {orphan}, which is not in deploy.yml for this host, has the only routes of {} there",
        draft.config.service
    );
    match draft.operation.orphans {
        Orphans::Named => draft.warn_first(format!(
            "{only}: requests are still answered by the old version; {remedy}"
        )),
        Orphans::Removed if draft.config.roles.iter().any(|role| role.traefik) => {
            draft.warn_first(format!(
                "{only}: --remove-orphans removes them, and requests to this host are answered with 404; if \
                 it is to serve, {remedy}"
            ));
        }
        Orphans::Removed => draft.refuse(
            Diagnostic::error(format!(
                "{only}, and no role has Traefik: without them every request is answered with 404"
            ))
            .help(format!(
                "{remedy}; if nothing is to be served any more, run `mrsk app remove` first"
            )),
        ),
    }
    true
}

/// Returns whether a configured role is routed to on `host` in the end: by the plan, or already.
fn is_routed_otherwise(draft: &Draft, host: &HostView) -> bool {
    let is_deployed = |role: &Role| {
        let mut placements = draft.placements_on(host.name());
        placements.any(|placement| placement.role.name == role.name)
    };
    let mut roles = draft.config.roles.iter();
    roles.any(|role| {
        let path = routing_path(draft.config, role, host.facts);
        role.traefik
            && role.hosts.contains(host.name())
            && (is_deployed(role) || host.facts.files.contains_key(&path))
    })
}

#[cfg(test)]
#[path = "last_route_tests.rs"]
mod tests;
