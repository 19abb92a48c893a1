//! The Traefik that the configuration describes.

use super::facts::user_arguments;
use crate::docker::container::{self, Create};
use crate::plan::compile::draft::{Draft, HostView};
use crate::traefik;

/// Returns Traefik's command line, or notes why there is none.
pub fn arguments(draft: &mut Draft) -> Option<Vec<String>> {
    traefik::command_line(&user_arguments(draft.config))
        .map_err(|errors| draft.refuse_labels("traefik argument", errors))
        .ok()
}

/// Returns the command that creates its container on `host`.
pub fn create(draft: &Draft, host: &HostView, args: &[String]) -> Create {
    container::create_traefik(
        draft.config,
        args,
        &host.facts.routing_directory,
        traefik::ROUTES_DIR,
        &host.facts.home,
    )
}
