//! The container of a Traefik that is to be started under its own name.

use super::facts::{self, foreign_networks};
use super::storage::storage_files;
use crate::action::Run;
use crate::docker::container;
use crate::docker::image;
use crate::docker::names::{LABEL_CREATE, NETWORK, TRAEFIK};
use crate::plan::Predicate;
use crate::plan::compile::{Draft, HostView, predicates, registry};

/// A container of Traefik that is created, and not started.
pub struct Created {
    /// What creates it.
    pub runs: Vec<Run>,
    /// The secrets of the registry.
    pub secrets: Vec<String>,
    /// What holds once it runs.
    pub done: Vec<Predicate>,
}

/// Returns what creates Traefik's container on `host` under its own name, in place of one that does not run.
pub fn created(draft: &mut Draft, host: &HostView, args: &[String]) -> Created {
    let wanted = facts::create(draft, host, args);
    let directory = host.facts.routing_directory.clone();
    let existing = host.facts.containers.get(TRAEFIK);
    let leftovers = format!("label={LABEL_CREATE}={}", wanted.digest);
    let image = &draft.config.traefik.image;
    let pull = registry::pull(draft, host, image, vec![image::pull_reference(image)]);
    let mut runs = vec![Run::literal(["mkdir", "-p", &directory])];
    runs.extend(storage_files(draft, host));
    runs.extend(pull.runs);
    runs.push(container::prune(&[leftovers]));
    if existing.is_some_and(|container| {
        container.labels.get(LABEL_CREATE) != Some(&wanted.digest.to_string())
            || container.state.is_up()
    }) {
        runs.push(container::remove(TRAEFIK));
    }
    let networks = foreign_networks(draft.config, host.facts);
    let mut done = Vec::from(predicates::runs(TRAEFIK, &wanted));
    done.extend(
        [NETWORK]
            .iter()
            .chain(&networks)
            .map(|name| predicates::is_in_network(TRAEFIK, name)),
    );
    runs.extend([wanted.run, container::connect(TRAEFIK, None)]);
    runs.extend(
        networks
            .iter()
            .map(|network| container::connect_to(network, TRAEFIK)),
    );
    Created {
        runs,
        secrets: pull.secrets,
        done,
    }
}
