//! Operations on the app's own containers and images.

pub mod remove;
pub mod stop;

use super::{
    Draft, bootstrap, broadcast, existing, intercept, labels, neighbors, proxy, pull, release,
    switch,
};
use crate::plan::operation::{AppOperation, StaleContainers};

/// Adds the steps of an operation on the app.
pub fn run(draft: &mut Draft, operation: &AppOperation) {
    match operation {
        AppOperation::Boot(_) => boot(draft),
        AppOperation::Start => start(draft),
        AppOperation::Stop => looked_at(draft, stop::run),
        AppOperation::Remove => looked_at(draft, remove::all),
        AppOperation::RemoveContainer(version) => {
            looked_at(draft, |draft| remove::version(draft, version));
        }
        AppOperation::RemoveContainers => looked_at(draft, remove::containers),
        AppOperation::RemoveImages => looked_at(draft, remove::images),
        AppOperation::Maintenance(maintenance) => {
            looked_at(draft, |draft| {
                intercept::maintenance::maintenance(draft, maintenance)
            });
        }
        AppOperation::Live => looked_at(draft, intercept::maintenance::live),
        AppOperation::StaleContainers(StaleContainers::Stop) => looked_at(draft, stop_stale),
        AppOperation::StaleContainers(StaleContainers::Show) => looked_at(draft, show_stale),
    }
}

/// Adds the steps of a pass that needs to know what runs.
fn looked_at(draft: &mut Draft, pass: impl FnOnce(&mut Draft)) {
    bootstrap::check_engine(draft);
    pass(draft);
}

fn stop_stale(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        if stop::stale(draft, &host).is_empty() {
            draft.unchanged(Some(host.name()), "containers", "no stale containers");
        }
    }
}

/// Names the containers that run beside the one that serves.
fn show_stale(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let mut found = 0;
        for role in stop::selected_roles(draft, &host) {
            for (name, _) in stop::stale_of(draft, &host, &role) {
                found += 1;
                let reason =
                    format!("{name} is stale; `mrsk app stale_containers --stop` stops it");
                draft.unchanged(Some(host.name()), role.as_str(), reason);
            }
        }
        if found == 0 {
            draft.unchanged(Some(host.name()), "containers", "no stale containers");
        }
    }
}

/// Replaces every container by one of the same image, which is pulled only where it is missing.
fn boot(draft: &mut Draft) {
    bootstrap::run(draft);
    pull::missing(draft);
    route(draft);
    broadcast::run(draft);
}

/// Starts containers that exist.
pub fn start(draft: &mut Draft) {
    bootstrap::run(draft);
    route(draft);
}

/// Runs an earlier version again: by its containers, where they are gone by its image, which is pulled only where that is gone, too.
pub fn roll_back(draft: &mut Draft) {
    bootstrap::run(draft);
    pull::missing(draft);
    existing::compare_secrets(draft);
    release::warn_of_later(draft);
    route(draft);
}

fn route(draft: &mut Draft) {
    proxy::network::run(draft);
    proxy::start::run(draft);
    labels::run(draft);
    neighbors::run(draft);
    switch::run(draft);
    intercept::standing::note(draft);
}
