//! Compares the labels of what is to be routed with the Traefik that will read them.

use super::begin::by_host;
use super::proxy::facts::{command_line, stays};
use super::proxy::trial::spec;
use super::{Draft, HostView, Placement};
use crate::config::PortMapping;
use crate::diagnostic::{Diagnostic, Severity};
use crate::traefik;

/// The port of Traefik's container that is published as `traefik.host_port`.
const WEB_PORT: u16 = 80;

/// Refuses routers that Traefik would drop, since a switch to them loses every request, and warns
/// of what is allowed and seldom meant.
pub fn run(draft: &mut Draft) {
    let placements = draft.placements.clone();
    let by_host = by_host(&placements);
    for host in draft.hosts.clone() {
        port(draft, &host);
        let here = by_host.get(host.name()).into_iter().flatten();
        for placement in here.filter(|placement| placement.role.traefik && placement.changes()) {
            entrypoints(draft, &host, placement);
            resolvers(draft, &host, placement);
            unpublished(draft, &host, placement);
            remarks(draft, placement);
        }
    }
}

/// Warns if nothing leads from the published port to the Traefik that is to be started.
fn port(draft: &mut Draft, host: &HostView) {
    let config = draft.config;
    if !host.traefik
        || !config.traefik.publish
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
                "it has {listed}; name an entrypoint of it, or {REBOOT}"
            ))
        } else {
            let message = format!("label `{label}`: Traefik will have no entrypoint `{name}`");
            let help = format!(
                "it will have {listed}; name an entrypoint of it, or declare it with \
                     `traefik: {{args: {{entrypoints.{name}.address: \":PORT\"}}}}`{SHARED}"
            );
            lacks(draft, host, message, help)
        };
        report(draft, error.about(label));
    }
}

/// What is said of a Traefik that was started with other arguments.
const REBOOT: &str = "declare it in `traefik: {args: …}` (`proxy.ssl` does so) and run `mrsk traefik reboot`, which starts Traefik with the arguments of \
                      this configuration: requests to the host fail until it listens again";

/// What is said of a Traefik that may be another one than this configuration starts.
const SHARED: &str = "; if another service's deploy.yml starts Traefik on this host, plan with facts of the \
                      host, not with `--fresh`";

/// Returns the problem of a Traefik that lacks something. Without facts of the host it is a warning: another service may start
/// Traefik there.
fn lacks(draft: &Draft, host: &HostView, message: String, help: String) -> Diagnostic {
    let is_asked = !host.facts.machine_id.is_empty() || host.facts.docker.answers;
    match is_asked || !draft.config.traefik.args.is_empty() {
        true => Diagnostic::error(message).help(help),
        false => Diagnostic::warning(message).help(help),
    }
}

fn report(draft: &mut Draft, problem: Diagnostic) {
    if problem.severity == Severity::Error {
        return draft.refuse(problem);
    }
    let help = problem.help.map(|help| format!(": {help}"));
    draft.warn(format!("{}{}", problem.message, help.unwrap_or_default()));
}

/// Refuses certificate resolvers that Traefik does not have: it would serve its own certificate, which no client trusts.
fn resolvers(draft: &mut Draft, host: &HostView, placement: &Placement) {
    let arguments = command_line(draft.config, host.facts);
    for (label, name, known) in traefik::unknown_resolvers(&placement.role.labels, &arguments) {
        let has = match known.is_empty() {
            true => "no certificate resolver".to_owned(),
            false => format!("the certificate resolver `{}`", known.join("`, `")),
        };
        let problem = if stays(host.facts) {
            let message = format!(
                "host {}: label `{label}`: the running Traefik has no certificate resolver `{name}`",
                host.name()
            );
            Diagnostic::error(message)
                .help(format!("it has {has}; name one that it has, or {REBOOT}"))
        } else {
            let message =
                format!("label `{label}`: Traefik will have no certificate resolver `{name}`");
            let help = format!(
                "it will have {has}; declare it with \
                 `traefik: {{args: {{certificatesResolvers.{name}.acme.email: …}}}}`{SHARED}"
            );
            lacks(draft, host, message, help)
        };
        report(draft, problem.about(label));
    }
}

/// Warns of entrypoints of the Traefik that is to be started which no client reaches.
fn unpublished(draft: &mut Draft, host: &HostView, placement: &Placement) {
    if stays(host.facts) || !draft.config.traefik.publish {
        return;
    }
    let options = &draft.config.traefik.options;
    let on_host = options
        .iter()
        .any(|option| option.name == "network" && option.value.as_deref() == Some("host"));
    let all = options.iter().any(|option| option.name == "publish-all");
    let mappings: Vec<PortMapping> = options
        .iter()
        .filter(|option| option.name == "publish")
        .filter_map(|option| PortMapping::parse(option.value.as_deref()?))
        .collect();
    let published = |port: u16| {
        on_host || all || port == WEB_PORT || mappings.iter().any(|one| one.publishes(port))
    };
    let arguments = command_line(draft.config, host.facts);
    let hidden = traefik::unpublished_entrypoints(&placement.role.labels, &arguments, &published);
    for (label, name, port) in hidden {
        draft.warn(format!(
            "label `{label}`: entrypoint `{name}` listens on port {port} of Traefik's container, which is \
             not published; add `traefik: {{options: {{publish: [\"{port}:{port}\"]}}}}`"
        ));
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
