//! Compares the labels of what is to be routed with the Traefik that will read them.

use super::proxy::facts::{command_line, stays};
use super::proxy::trial::spec;
use super::{Draft, HostView, Placement};
use crate::diagnostic::Diagnostic;
use crate::traefik;

/// The port of Traefik's container that is published as `traefik.host_port`.
const WEB_PORT: u16 = 80;

/// Refuses routers that Traefik would drop, since a switch to them loses every request, and warns
/// of what is allowed and seldom meant.
pub fn run(draft: &mut Draft) {
    let mut pending = draft.placements.clone();
    pending.retain(|placement| placement.role.traefik && placement.changes());
    for host in draft.hosts.clone() {
        port(draft, &host);
        for placement in pending
            .iter()
            .filter(|placement| placement.host == host.name())
        {
            entrypoints(draft, &host, placement);
            remarks(draft, placement);
        }
    }
}

/// Warns if nothing leads from the published port to the Traefik that is to be started.
fn port(draft: &mut Draft, host: &HostView) {
    let config = draft.config;
    if !host.traefik
        || stays(host.facts)
        || traefik::listens(&command_line(config, host.facts), WEB_PORT)
    {
        return;
    }
    draft.warn(format!(
        "no entrypoint of Traefik listens on port {WEB_PORT} of its container, which is published as \
         port {} of the host; publish those of `traefik: {{args: …}}` with \
         `traefik: {{options: {{publish: …}}}}`",
        config.traefik.host_port
    ));
}

fn entrypoints(draft: &mut Draft, host: &HostView, placement: &Placement) {
    let known = traefik::entrypoints(&command_line(draft.config, host.facts));
    let listed: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    let listed = listed.join(", ");
    for (label, name) in traefik::unknown_entrypoints(placement.labels, &known) {
        let error = if stays(host.facts) {
            Diagnostic::error(format!(
                "host {}: label `{label}`: the running Traefik has no entrypoint `{name}`",
                host.name()
            ))
            .help(format!(
                "it has {listed}, and deploy leaves it as it is; name an entrypoint of it, or remove the \
                 container `traefik` there: the next deploy then starts it with the arguments of this \
                 configuration, and requests to the host fail until then"
            ))
        } else {
            Diagnostic::error(format!(
                "label `{label}`: Traefik will have no entrypoint `{name}`"
            ))
            .help(format!(
                "it will have {listed}; name an entrypoint of it, or declare it with \
                     `traefik: {{args: {{entrypoints.{name}.address: \":PORT\"}}}}`"
            ))
        };
        draft.refuse(error.about(label));
    }
}

fn remarks(draft: &mut Draft, placement: &Placement) {
    for remark in traefik::remarks(&spec(draft.config, placement, &[], &[])) {
        let help = remark
            .help
            .map(|help| format!(": {help}"))
            .unwrap_or_default();
        draft.warn(format!(
            "label `{}`: {}{help}",
            remark.label, remark.message
        ));
    }
}
