//! What is on a host beside the containers that the plan switches: what a role that left the configuration has left behind, and
//! routing files of others whose rules equal those of this plan.

use std::collections::{BTreeMap, BTreeSet};

use super::begin::by_host;
use super::placement::of_service;
use super::proxy::facts::command_line;
use super::proxy::trial::spec;
use super::{Draft, HostView, Placement};
use crate::facts::model::FileFacts;
use crate::name::HostName;
use crate::text::list;
use crate::traefik::{self, RouterRule};

/// Warns of what is left on the selected hosts, and of rules that two routing files share.
pub fn run(draft: &mut Draft) {
    let placements = draft.placements.clone();
    let by_host = by_host(&placements);
    let roles = draft.config.roles.iter();
    let configured: Configured = roles
        .flat_map(|role| role.hosts.iter().map(|host| (host, role.name.as_str())))
        .collect();
    for host in draft.hosts.clone() {
        for (role, left) in &left_behind(draft, &host, &configured) {
            warn_of_left(draft, &host, role, left);
        }
        let here = by_host.get(host.name()).map_or(&[][..], Vec::as_slice);
        warn_of_equal(draft, &host, here);
    }
}

/// The hosts of roles, each with the role.
type Configured<'a> = BTreeSet<(&'a HostName, &'a str)>;

/// What a role has left on a host.
#[derive(Default)]
struct Left<'a> {
    /// Running containers.
    containers: Vec<&'a String>,
    /// The path of its routing file.
    file: Option<&'a String>,
}

/// Returns what roles of this service and destination have on `host` though the configuration does not put them there.
fn left_behind<'a>(
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

fn warn_of_left(draft: &mut Draft, host: &HostView, role: &str, left: &Left) {
    let name = host.name();
    let mut what: Vec<String> = left.containers.iter().map(|name| (*name).clone()).collect();
    let mut commands: Vec<String> = left.file.iter().map(|path| format!("rm {path}")).collect();
    commands.extend(what.iter().map(|name| format!("docker stop {name}")));
    what.extend(left.file.map(|path| format!("routing file {path}")));
    draft.warn(format!(
        "host {name}: role {role} is not in deploy.yml for this host, but its {} {} there: requests may \
         still be answered by the old version; remove them after the deploy: `{}`",
        list(&what),
        if what.len() == 1 { "is" } else { "are" },
        commands.join(" && ")
    ));
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

/// Warns of rules that a role shares with another of the plan, or with a routing file that is there.
fn warn_of_equal(draft: &mut Draft, host: &HostView, here: &[&Placement]) {
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
            if let Some(rule) = rule {
                tell(draft, host, one.placement, (rule, path));
            }
        }
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
