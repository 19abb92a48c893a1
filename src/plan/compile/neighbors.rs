//! What is on a host beside the containers that the plan switches: what a role that left the configuration has left behind, and
//! routing files of others whose rules equal those of this plan.

use std::collections::{BTreeMap, BTreeSet};

use super::begin::by_host;
use super::proxy::facts::command_line;
use super::proxy::trial::spec;
use super::{Draft, HostView, Placement, last_route, orphans};
use crate::diagnostic::Diagnostic;
use crate::facts::model::FileFacts;
use crate::plan::operation::{OperationKind, Orphans};
use crate::traefik::{self, RouterRule};

/// Warns of what is left on the selected hosts, and of rules that two routing files share.
pub fn run(draft: &mut Draft) {
    let placements = draft.placements.clone();
    let by_host = by_host(&placements);
    let configured = orphans::configured(draft);
    for host in draft.hosts.clone() {
        let left = orphans::left_behind(draft, &host, &configured);
        for (role, left) in &left {
            if !last_route::check(draft, &host, role, left) {
                orphans::warn(draft, &host, role, left);
            }
        }
        let left: BTreeMap<&String, String> = left
            .into_iter()
            .filter_map(|(role, left)| Some((left.file?, role)))
            .collect();
        // All containers of a role have the same rules.
        let here = by_host.get(host.name()).into_iter().flatten().copied();
        let here: Vec<&Placement> = here.filter(|placement| placement.index == 0).collect();
        warn_of_equal(draft, &host, &here, &left);
    }
}

/// The rules of a role that is routed on a host.
struct Routed<'p, 'a> {
    placement: &'p Placement<'a>,
    rules: BTreeSet<RouterRule>,
}

/// Returns the rules of the roles that are routed on `host`. Labels that Traefik would refuse are reported elsewhere.
fn rules<'p, 'a: 'p>(
    draft: &Draft<'_>,
    host: &HostView,
    routed: impl Iterator<Item = &'p &'p Placement<'a>>,
) -> Vec<Routed<'p, 'a>> {
    let arguments = command_line(draft.config, host.facts);
    routed
        .map(|placement| {
            let spec = spec(draft.config, placement, &arguments, &[]);
            let text = draft.renderer.routing_file(&spec).unwrap_or_default();
            Routed {
                placement,
                rules: traefik::router_rules(&text),
            }
        })
        .collect()
}

/// Warns of rules that a role shares with another of the plan, or with a routing file that is there. One that a role has `left` is refused,
/// unless the plan removes it.
fn warn_of_equal(
    draft: &mut Draft,
    host: &HostView,
    here: &[&Placement],
    left: &BTreeMap<&String, String>,
) {
    let own: BTreeSet<&String> = here.iter().map(|one| &one.routing_path).collect();
    let is_of_mrsk = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        traefik::owner_of_file(name).is_some()
    };
    let files = host.facts.files.iter();
    let others: Vec<(&String, &FileFacts)> = files
        .filter(|(path, _)| !own.contains(path) && is_of_mrsk(path))
        .collect();
    let routed = here.iter().filter(|placement| placement.role.traefik);
    if routed.clone().count() < 2 && others.is_empty() {
        return;
    }
    let routed = rules(draft, host, routed);
    for (at, one) in routed.iter().enumerate() {
        if !one.placement.changes() {
            continue;
        }
        for other in routed.iter().skip(at + 1) {
            if let Some(rule) = shared(&one.rules, &other.rules) {
                let other = format!("role {}", other.placement.role.name);
                tell(draft, host, one.placement, (rule, &other));
            }
        }
        for (path, file) in &others {
            let rule = match file.text.is_empty() {
                // Its rules are not known.
                true => one.rules.iter().find(|rule| rule.takes_all()),
                false => shared(&one.rules, &traefik::router_rules(&file.text)),
            };
            match (rule, left.get(path)) {
                (None, _) => {}
                (Some(rule), None) => tell(draft, host, one.placement, (rule, path)),
                (Some(_), Some(orphan)) => refuse(draft, host, one.placement, orphan),
            }
        }
    }
}

/// Refuses a deploy that would leave two versions answering; what takes a version back, or only starts it, is told of it.
fn refuse(draft: &mut Draft, host: &HostView, placement: &Placement, orphan: &str) {
    if draft.operation.orphans == Orphans::Removed {
        return;
    }
    let (name, role) = (host.name(), &placement.role.name);
    let beside = format!(
        "host {name}: role {role} would serve beside role {orphan}, which is not in deploy.yml for this host, with \
         the same rule"
    );
    match draft.operation.kind {
        OperationKind::Deploy(_) => draft.refuse(Diagnostic::error(beside).help(format!(
            "pass --remove-orphans, which removes role {orphan} once {role} serves, or give {role} a rule of its own"
        ))),
        OperationKind::Redeploy(_) | OperationKind::Setup(_) => {
            draft.refuse(Diagnostic::error(beside).help(format!(
                "run `mrsk deploy --remove-orphans`, which removes role {orphan} once {role} serves, or give {role} \
                 a rule of its own"
            )));
        }
        _ => draft.warn_first(format!(
            "{beside}: Traefik may send a request to either; {} removes role {orphan} afterwards",
            orphans::command(draft)
        )),
    }
}

fn tell(
    draft: &mut Draft,
    host: &HostView,
    placement: &Placement,
    (rule, other): (&RouterRule, &str),
) {
    let (name, role) = (host.name(), &placement.role.name);
    let service = &draft.config.service;
    let what = match rule.takes_all() {
        true => "takes every request (the default rule)",
        false => "has the same rule",
    };
    draft.warn(format!(
        "host {name}: role {role} {what}, and {other} routes requests there too: Traefik may send a \
         request to either; give each a rule of its own: label \
         `traefik.http.routers.{service}-{role}.rule: Host(`…`)`"
    ));
}

/// Returns a rule that both have for the same requests.
fn shared<'r>(
    one: &'r BTreeSet<RouterRule>,
    other: &BTreeSet<RouterRule>,
) -> Option<&'r RouterRule> {
    one.iter()
        .find(|rule| other.iter().any(|other| rule.competes_with(other)))
}

#[cfg(test)]
#[path = "neighbors_tests.rs"]
mod tests;
