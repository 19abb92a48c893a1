//! What a switch waits for: that the new container is healthy, that Traefik sends requests to it, and that the old one has none left.

use std::collections::BTreeSet;

use crate::action::{Poll, Probe};
use crate::config::model::Config;
use crate::docker::names::{LABEL_HEALTHCHECK, TRAEFIK};
use crate::facts::model::{ContainerFacts, HostFacts};
use crate::plan::compile::placement::{Placement, Situation};
use crate::traefik;

/// Length of one attempt of the health check: seven of them are as long as the original's seven with their growing pauses.
pub(in crate::plan::compile) const HEALTH_ATTEMPT_MS: u32 = 4_000;

/// Seconds that Traefik has to take a trial file.
pub(in crate::plan::compile) const TRIAL_SECONDS: u32 = 10;

/// Seconds that Traefik has to load a routing file.
const ROUTE_SECONDS: u32 = 20;

/// A container that this plan starts has no restart behind it: what died meanwhile is not healthy, however it is now.
fn restarts(placement: &Placement) -> Option<u32> {
    matches!(placement.situation, Situation::Replace { .. }).then_some(0)
}

/// Asks until the container answers its health check.
pub(in crate::plan::compile) fn healthy(config: &Config, placement: &Placement) -> Poll {
    let check = &config.healthcheck;
    Poll {
        probe: Probe::Http,
        container: placement.name.clone(),
        port: Some(check.port),
        path: Some(check.path.clone()),
        host: Some("localhost".into()),
        expect: None,
        restarts: restarts(placement),
        interval_ms: HEALTH_ATTEMPT_MS,
        attempts: check.max_attempts,
    }
}

/// Asks whether the container, which was healthy and has requests, still answers its health check.
pub(in crate::plan::compile) fn still_healthy(config: &Config, placement: &Placement) -> Poll {
    Poll {
        interval_ms: 1000,
        attempts: 2,
        ..healthy(config, placement)
    }
}

/// Looks whether the container goes on running for the readiness delay, or its image's own health check passes.
pub(in crate::plan::compile) fn running(config: &Config, placement: &Placement) -> Poll {
    Poll {
        probe: Probe::Running,
        container: placement.name.clone(),
        port: None,
        path: None,
        host: None,
        expect: None,
        restarts: restarts(placement),
        interval_ms: 1000,
        attempts: config.readiness_delay,
    }
}

/// Asks Traefik for proof that it sends requests to the new container.
pub(in crate::plan::compile) fn routed(placement: &Placement) -> Poll {
    routed_by(TRAEFIK, &placement.alias, &placement.name)
}

/// Asks the Traefik in container `by` for proof that it has loaded the routing file of `container`, which is known by `alias`.
pub(in crate::plan::compile) fn routed_by(by: &str, alias: &str, container: &str) -> Poll {
    Poll {
        probe: Probe::Route,
        container: by.to_owned(),
        port: Some(traefik::PROBE_PORT),
        path: Some("/".into()),
        host: Some(traefik::probe_host(alias)),
        expect: Some(container.to_owned()),
        restarts: None,
        interval_ms: 1000,
        attempts: ROUTE_SECONDS,
    }
}

/// Asks Traefik for proof that it takes the rules and middlewares of the new container's routes.
pub(in crate::plan::compile) fn tried(placement: &Placement) -> Poll {
    Poll {
        host: Some(traefik::trial_host(&placement.alias)),
        attempts: TRIAL_SECONDS,
        ..routed(placement)
    }
}

/// Looks, for each port that `old` serves, whether a request is in flight.
pub(in crate::plan::compile) fn idle(
    config: &Config,
    placement: &Placement,
    facts: &HostFacts,
    old: &str,
) -> Vec<Poll> {
    let container = facts
        .containers
        .get(old)
        .or_else(|| facts.containers.get(&placement.name));
    let mut ports = container.map_or_else(BTreeSet::new, served_ports);
    if ports.is_empty() {
        ports.insert(config.healthcheck.port);
    }
    let look = |port| Poll {
        probe: Probe::Idle,
        container: old.to_owned(),
        port: Some(port),
        path: None,
        host: None,
        expect: Some(placement.name.clone()),
        restarts: restarts(placement),
        interval_ms: 1000,
        attempts: config.drain_timeout,
    };
    ports.into_iter().map(look).collect()
}

/// Returns the TCP ports on which a container serves requests: those that its labels name, else that of its health check.
fn served_ports(container: &ContainerFacts) -> BTreeSet<u16> {
    let is_port = |key: &str| {
        let key = key.to_lowercase();
        key.starts_with("traefik.") && key.ends_with(".loadbalancer.server.port")
    };
    let named: BTreeSet<u16> = container
        .labels
        .iter()
        .filter(|(key, _)| is_port(key))
        .filter_map(|(_, value)| value.trim().parse().ok())
        .collect();
    if !named.is_empty() {
        return named;
    }
    let label = container.labels.get(LABEL_HEALTHCHECK);
    let port = label.and_then(|label| label.split(' ').next()?.parse().ok());
    port.into_iter().collect()
}
