//! What stays answered with 503 while containers are switched.

use super::file::{Found, found, of_role, whose};
use super::reason;
use super::step::{is, load};
use crate::action::Action;
use crate::plan::compile::{Draft, HostView, Placement};
use crate::plan::{Predicate, still};
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

/// Returns what has to be done before `text` becomes the routing file of a role, so that its requests stay answered with 503, and
/// what then holds.
pub fn stays_in_place(
    draft: &mut Draft,
    placement: &Placement,
    host: &HostView,
    text: &str,
) -> (Vec<Action>, Vec<Predicate>) {
    let (mut actions, mut holds) = (Vec::new(), Vec::new());
    let live = host.facts.files.get(&placement.routing_path);
    let live = live.map(|file| file.text.as_str());
    let files: Vec<&str> = live.into_iter().chain([text]).collect();
    for (of, intercept) in standing(draft, placement, host) {
        let whose = whose(draft, placement.role, of.purpose);
        let path = format!("{}/{}", host.facts.routing_directory, whose.file_name());
        let Some(file) = intercept.file(&whose, &files) else {
            continue;
        };
        let there = host.facts.files.get(&path).map(|file| &file.text);
        if there != Some(&file.text) {
            actions.extend(load(draft, &path, &file));
            holds.push(is(&path, &file));
        }
    }
    (actions, holds)
}
