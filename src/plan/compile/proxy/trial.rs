//! The routing file of a container as it would be, and its trial by Traefik.

use std::collections::BTreeMap;

use super::{facts::command_line, proof};
use crate::action::{Action, Run};
use crate::config::model::Config;
use crate::facts::model::HostFacts;
use crate::plan::compile::{Draft, Placement};
use crate::traefik;

/// Returns what the routing file of a new container is made from.
pub fn spec<'a>(
    config: &'a Config,
    placement: &'a Placement,
    arguments: &'a [String],
    outranks: &'a [&'a BTreeMap<String, String>],
) -> traefik::RouteSpec<'a> {
    traefik::RouteSpec {
        service: &config.service,
        destination: config.destination.as_deref(),
        role: placement.role.name.as_str(),
        labels: placement.labels,
        arguments,
        port: placement.health.0,
        alias: &placement.alias,
        container: &placement.name,
        beside: &[],
        outranks,
        response_timeout: placement.role.proxy.response_timeout,
        has_certificate: placement.role.proxy.certificate.is_some(),
    }
}

/// A look at what Traefik thinks of the routes, before they are those of users.
pub struct Trial {
    /// What is done.
    pub actions: Vec<Action>,
    /// What removes it.
    pub remove: Action,
}

/// Returns the trial of the routes that the labels define. Traefik leaves out each router that it
/// cannot make, while the file as such is loaded: users would get 404 until it is taken back. The
/// trial stays until the routes are loaded, since Traefik looks less soon after a change that
/// follows another.
pub fn trial(draft: &mut Draft, placement: &Placement, facts: &HostFacts) -> Option<Trial> {
    let config = draft.config;
    let arguments = command_line(config, facts);
    let text = draft
        .renderer
        .trial_file(&spec(config, placement, &arguments, &[]))?;
    let (directory, _) = placement.routing_path.rsplit_once('/')?;
    let destination = config.destination.as_deref();
    let role = placement.role.name.as_str();
    let name = traefik::trial_file_name(&config.service, destination, role);
    let path = format!("{directory}/{name}");
    let write = draft.write(&path, text);
    Some(Trial {
        actions: vec![write, proof::tried(placement).into()],
        remove: Run::literal(["rm", "-f", &path]).into(),
    })
}
