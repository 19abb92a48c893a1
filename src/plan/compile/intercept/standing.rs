//! What stays answered with 503 while containers are switched.

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
    let placements = draft.placements.clone();
    for placement in placements.iter().filter(|one| one.role.traefik) {
        let mut views = draft.hosts.iter();
        let Some(host) = views.find(|host| host.name() == placement.host).copied() else {
            continue;
        };
        for (whose, intercept) in standing(draft, placement, &host) {
            let subject = still::subject(whose.purpose.name(), &whose.role);
            draft.unchanged(Some(host.name()), &subject, reason::of(&intercept));
        }
    }
}

/// Returns what is answered in place of a role on a host: what is there, and a maintenance of the role that other hosts have.
fn standing(
    draft: &Draft,
    placement: &Placement,
    host: &HostView,
) -> Vec<(Intercepted, Intercept)> {
    let role = placement.role.name.as_str();
    let here = found(draft, host);
    let maintenance = of_role(&here, role, Purpose::Maintenance).cloned();
    let maintenance = maintenance.or_else(|| elsewhere(draft, role));
    let drain = of_role(&here, role, Purpose::Drain).cloned();
    let found = maintenance.into_iter().chain(drain);
    found
        .filter_map(|found| Some((found.whose, found.intercept?)))
        .collect()
}

/// Returns the maintenance of `role` that another host has.
fn elsewhere<'a>(draft: &Draft<'a>, role: &str) -> Option<Found<'a>> {
    let mut hosts = draft.hosts.iter();
    hosts.find_map(|host| {
        let found = found(draft, host);
        of_role(&found, role, Purpose::Maintenance).cloned()
    })
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
