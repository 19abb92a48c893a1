//! Compares the labels of what is to be routed with the Traefik that will read them.

use super::proxy::facts::{command_line, stays};
use crate::diagnostic::Diagnostic;
use crate::plan::compile::draft::{Draft, HostView};
use crate::plan::compile::placement::Placement;
use crate::traefik;

/// The port of Traefik's container that is published as `traefik.host_port`.
const WEB_PORT: u16 = 80;

/// Refuses routers that Traefik would drop, since a switch to them loses every request, and warns of what is allowed and
/// seldom meant.
pub fn run(draft: &mut Draft) {
    let pending: Vec<Placement> = draft
        .placements
        .iter()
        .filter(|placement| placement.role.traefik && placement.changes())
        .cloned()
        .collect();
    for host in draft.hosts.clone() {
        let here = pending
            .iter()
            .filter(|placement| placement.host == host.name());
        port(draft, &host);
        for placement in here {
            entrypoints(draft, &host, placement);
            remarks(draft, placement);
        }
    }
}

/// Warns where a Traefik is to be started to which nothing leads from the published port.
fn port(draft: &mut Draft, host: &HostView) {
    let config = draft.config;
    if !host.traefik
        || stays(host.facts)
        || traefik::listens(&command_line(config, host.facts), WEB_PORT)
    {
        return;
    }
    let warning = format!(
        "no entrypoint of Traefik listens on port {WEB_PORT} of its container, which is published as port {} of the host; \
         publish those of `traefik: {{args: …}}` with `traefik: {{options: {{publish: …}}}}`",
        config.traefik.host_port
    );
    if !draft.warnings.contains(&warning) {
        draft.warnings.push(warning);
    }
}

fn entrypoints(draft: &mut Draft, host: &HostView, placement: &Placement) {
    let known = traefik::entrypoints(&command_line(draft.config, host.facts));
    let listed = known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    for (label, name) in traefik::unknown_entrypoints(&placement.role.labels, &known) {
        let error = if stays(host.facts) {
            Diagnostic::error(format!(
                "host {}: label `{label}`: the running Traefik has no entrypoint `{name}`",
                host.name()
            ))
            .help(format!(
                "it has {listed}, and deploy leaves it as it is; name one of these, or remove the container `traefik` there: the \
                 next deploy then starts it with the arguments of this configuration, and requests to the host fail until then"
            ))
        } else {
            Diagnostic::error(format!(
                "label `{label}`: Traefik will have no entrypoint `{name}`"
            ))
            .help(format!(
                "it will have {listed}; name one of these, or declare it with \
                 `traefik: {{args: {{entrypoints.{name}.address: \":PORT\"}}}}`"
            ))
        };
        let error = error.about(label);
        if !draft.errors.contains(&error) {
            draft.errors.push(error);
        }
    }
}

fn remarks(draft: &mut Draft, placement: &Placement) {
    let spec = traefik::RouteSpec {
        service: &draft.config.service,
        destination: draft.config.destination.as_deref(),
        role: placement.role.name.as_str(),
        labels: &placement.role.labels,
        arguments: &[],
        port: draft.config.healthcheck.port,
        alias: &placement.alias,
        container: &placement.name,
        outranks: &[],
    };
    for remark in traefik::remarks(&spec) {
        let help = remark.help.map(|help| format!(": {help}"));
        let warning = format!(
            "label `{}`: {}{}",
            remark.label,
            remark.message,
            help.unwrap_or_default()
        );
        if !draft.warnings.contains(&warning) {
            draft.warnings.push(warning);
        }
    }
}
