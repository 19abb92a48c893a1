//! What stays answered with 503 while containers are switched.

use std::collections::BTreeMap;

use super::file::{Found, found, of_role, whose};
use super::reason;
use super::step::{is, load};
use crate::action::Action;
use crate::docker::container;
use crate::docker::names::TRAEFIK;
use crate::name::{Sha256Hex, StepId};
use crate::plan::compile::switch::route::routing_file;
use crate::plan::compile::{Draft, HostView, Placement};
use crate::plan::{Predicate, Reason, StepKind, still};
use crate::traefik::{Intercept, Intercepted, Purpose};

/// Notes what is answered with 503 on the selected hosts before and after the plan.
pub fn note(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let placements = draft.placements_on(host.name());
        let routed = placements.filter(|placement| placement.role.traefik);
        let answered: Vec<_> = routed
            .flat_map(|placement| standing(draft, placement, &host))
            .collect();
        for (whose, intercept) in answered {
            let subject = still::subject(whose.purpose.name(), &whose.role);
            draft.unchanged(Some(host.name()), &subject, reason::of(&intercept));
        }
    }
}

/// Returns what is answered in place of a role on a host: what is there, and on a host that never had the role a maintenance of it that
/// other hosts have. Of hosts that have it, some may be in maintenance alone.
fn standing(
    draft: &Draft,
    placement: &Placement,
    host: &HostView,
) -> Vec<(Intercepted, Intercept)> {
    let role = placement.role.name.as_str();
    let here = found(draft, host);
    let maintenance = of_role(&here, role, Purpose::Maintenance).cloned();
    let maintenance = maintenance.or_else(|| match is_new(placement, host) {
        true => elsewhere(draft, role),
        false => None,
    });
    let drain = of_role(&here, role, Purpose::Drain).cloned();
    let found = maintenance.into_iter().chain(drain);
    found
        .filter_map(|found| Some((found.whose, found.intercept?)))
        .collect()
}

/// Returns whether the host never had the role.
fn is_new(placement: &Placement, host: &HostView) -> bool {
    let facts = host.facts;
    let mut routed = facts.routed.iter();
    placement.old.is_empty()
        && !facts.containers.contains_key(&placement.name)
        && !facts.files.contains_key(&placement.routing_path)
        && !routed.any(|route| route.role == placement.role.name.as_str())
}

/// Returns the maintenance of `role` that another host has.
fn elsewhere<'a>(draft: &Draft<'a>, role: &str) -> Option<Found<'a>> {
    let maintained = draft.maintained.get_or_init(|| maintained(draft));
    let host = draft.hosts.get(*maintained.get(role)?)?;
    of_role(&found(draft, host), role, Purpose::Maintenance).cloned()
}

/// Returns the first host that has a maintenance of a role, by role.
fn maintained(draft: &Draft) -> BTreeMap<String, usize> {
    let mut maintained = BTreeMap::new();
    for (at, host) in draft.hosts.iter().enumerate() {
        for found in found(draft, host) {
            if found.whose.purpose == Purpose::Maintenance {
                maintained.entry(found.whose.role).or_insert(at);
            }
        }
    }
    maintained
}

/// Adds the steps after which requests stay answered with 503 once the role has its new routing file: its rules may differ from
/// those of now, or the host is new. They wait for `gate`. Returns the last of them.
pub fn cover(
    draft: &mut Draft,
    host: &HostView,
    placement: &Placement,
    gate: Option<StepId>,
) -> Option<StepId> {
    let answered = match placement.role.traefik {
        true => standing(draft, placement, host),
        false => Vec::new(),
    };
    let mut last = None;
    for (of, intercept) in answered {
        let text = routing_file(draft, placement, host.facts)?;
        let live = host.facts.files.get(&placement.routing_path);
        let live = live.map(|file| file.text.as_str());
        let files: Vec<&str> = live.into_iter().chain([text.as_str()]).collect();
        let whose = whose(draft, placement.role, of.purpose);
        let path = format!("{}/{}", host.facts.routing_directory, whose.file_name());
        let Some(file) = intercept.file(&whose, &files) else {
            continue;
        };
        let hash = Sha256Hex::of(file.text.as_bytes());
        let there = host.facts.files.get(&path);
        if there.is_some_and(|there| there.sha256 == hash.as_str()) {
            continue;
        }
        let role = &placement.role.name;
        let actions = load(draft, &path, &file);
        let step = placement
            .step(StepKind::Intercept, of.purpose.name(), "cover")
            .because(
                format!("Answer the rules that {role} will have with 503, too"),
                Reason::needed_by("no request reaches the app that is answered with 503 now"),
            )
            .needs(last.clone().or_else(|| gate.clone()))
            .needs(draft.find(Some(host.name()), StepKind::Traefik))
            .does(actions)
            .done_when([is(&path, &file)])
            .on_failure([container::logs(TRAEFIK)], Vec::<Action>::new());
        let id = draft.add(step);
        let is_still = match there {
            Some(there) => Predicate::eq(&["files", &path, "sha256"], there.sha256.as_str()),
            None => Predicate::absent(&["files", &path]),
        };
        draft.rely(host.name(), is_still, vec![id.clone()]);
        last = Some(id);
    }
    last
}
