//! How Traefik proves that it sends requests to a container.

use crate::action::{Poll, Probe};
use crate::docker::names::TRAEFIK;
use crate::plan::compile::Placement;
use crate::traefik;

/// Seconds that Traefik has to take a trial file.
pub const TRIAL_SECONDS: u32 = 10;

/// Seconds that Traefik has to load a routing file.
const ROUTE_SECONDS: u32 = 20;

/// Asks Traefik for proof that it sends requests to the new container.
pub fn routed(placement: &Placement) -> Poll {
    routed_by(TRAEFIK, &placement.alias, &placement.name)
}

/// Asks the Traefik in container `by` for proof that it has loaded the routing file of `container`,
/// which is known by `alias`.
pub fn routed_by(by: &str, alias: &str, container: &str) -> Poll {
    Poll {
        port: Some(traefik::PROBE_PORT),
        path: Some("/".into()),
        host: Some(traefik::probe_host(alias)),
        expect: Some(container.to_owned()),
        ..Poll::new(Probe::Route, by, ROUTE_SECONDS)
    }
}

/// Asks Traefik for proof that it takes the rules and middlewares of the new container's routes.
pub fn tried(placement: &Placement) -> Poll {
    Poll {
        host: Some(traefik::trial_host(&placement.alias)),
        attempts: TRIAL_SECONDS,
        ..routed(placement)
    }
}
