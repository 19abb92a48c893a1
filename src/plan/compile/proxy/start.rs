//! Starts Traefik if it does not run, and decides whether one that runs stays.

use std::collections::BTreeSet;

use super::facts::{self, is_connected, stays};
use super::{carried, created, network, takeover};
use crate::diagnostic::Diagnostic;
use crate::docker::container;
use crate::docker::names::{KAMAL_PROXY, LABEL_CREATE, LABEL_SETTINGS, TRAEFIK};
use crate::name::HostName;
use crate::plan::compile::step::SILENCE;
use crate::plan::compile::{Draft, HostView};
use crate::plan::{OperationKind, Reason, StepKind, Travel};
use crate::text::list;

/// Adds Traefik if a role needs it. If one runs that is to be replaced and a switch follows, its
/// replacement is part of that switch, which adds it by [`takeover::run`].
pub fn run(draft: &mut Draft) {
    let Some(args) = facts::arguments(draft) else {
        return;
    };
    let switched: BTreeSet<&HostName> = draft
        .placements
        .iter()
        .filter(|placement| placement.role.traefik && placement.changes())
        .filter(|_| !matches!(draft.operation.kind, OperationKind::Traefik(_)))
        .map(|placement| placement.host)
        .collect();
    for host in draft.hosts.clone().iter().filter(|host| host.traefik) {
        if stays(host.facts) {
            keep(draft, host, &args);
        } else if is_prepared(draft, host) {
            let is_replaced = host.facts.traefik.is_some()
                || carried::replaces(draft.config, host.facts).is_some();
            if !is_replaced {
                create(draft, host, &args);
            } else if !switched.contains(host.name()) {
                takeover::run(draft, host, None);
            }
        }
    }
}

/// Adds the start of Traefik on a host where none runs.
pub fn run_on(draft: &mut Draft, host: &HostView) {
    if let Some(args) = facts::arguments(draft)
        && is_prepared(draft, host)
    {
        match carried::replaces(draft.config, host.facts) {
            Some(_) => drop(takeover::run(draft, host, None)),
            None => create(draft, host, &args),
        }
    }
}

/// Returns whether the operation starts Traefik where it is missing, and notes what stands in its way.
fn is_prepared(draft: &mut Draft, host: &HostView) -> bool {
    if !draft.operation.kind.prepares_hosts() {
        let what = match &host.facts.traefik {
            None => "Traefik is not running",
            Some(_) => "its Traefik cannot switch requests without downtime",
        };
        draft.refuse_unprepared(host, what);
        return false;
    }
    let replaced = carried::replaces(draft.config, host.facts).map(|_| KAMAL_PROXY);
    for port in draft.config.traefik.published_ports() {
        let taken = host.facts.ports.get(&port.to_string());
        let holder = taken.and_then(|taken| taken.holder.strip_prefix("container "));
        if holder.is_some() && holder == replaced {
            continue;
        }
        let remedy = match port == draft.config.traefik.host_port {
            true => "set `traefik: {host_port: N}`",
            false => "change `traefik: {options: {publish: …}}`",
        };
        draft.check_port(host, port, ("Traefik", TRAEFIK), remedy);
    }
    true
}

fn keep(draft: &mut Draft, host: &HostView, args: &[String]) {
    let wanted = facts::create(draft, host, args);
    warn_of_differences(draft, host, &wanted);
    if let Some(running) = &host.facts.traefik
        && !running.writable
    {
        let (name, user, directory) = (host.name(), &host.facts.user, &running.directory);
        draft.refuse(
            Diagnostic::error(format!(
                "host {name}: user {user} cannot write to {directory}, which Traefik watches"
            ))
            .help("give that user write access, or deploy as root"),
        );
    }
    if !is_connected(host) {
        return network::connect(draft, host, None);
    }
    let reason = "it is running and watches its routing files";
    draft.unchanged(Some(host.name()), "traefik", reason);
}

/// Warns if a Traefik that stays was started with other settings, or by another tenant, and if that
/// leaves a port of the configuration without an answer.
fn warn_of_differences(draft: &mut Draft, host: &HostView, wanted: &container::Create) {
    let labels = host.facts.containers.get(TRAEFIK).map(|c| &c.labels);
    let label = |name: &str| labels.and_then(|labels| labels.get(name));
    if label(LABEL_CREATE).is_none_or(|label| *label == wanted.digest.as_str()) {
        return;
    }
    let mut parts = label(LABEL_SETTINGS)
        .map(|recorded| wanted.changed_settings(recorded).join(", "))
        .unwrap_or_default();
    if !parts.is_empty() {
        parts = format!(": {parts}");
    }
    draft.warn(format!(
        "host {}: Traefik differs from deploy.yml{parts}; deploy leaves it as it is",
        host.name()
    ));
    let holder = format!("container {TRAEFIK}");
    let ports = draft.config.traefik.published_ports().into_iter();
    let closed: Vec<String> = ports
        .map(|port| port.to_string())
        .filter(|port| {
            let taken = host.facts.ports.get(port);
            taken.is_none_or(|taken| taken.holder != holder)
        })
        .collect();
    if !closed.is_empty() {
        draft.warn(format!(
            "host {}: that Traefik does not publish port {} of deploy.yml: requests to it fail",
            host.name(),
            list(&closed)
        ));
    }
}

fn create(draft: &mut Draft, host: &HostView, args: &[String]) {
    let created = created::created(draft, host, args);
    let (summary, why) = match host.facts.containers.get(TRAEFIK) {
        Some(_) => {
            let what = "Traefik's container is not running".into();
            ("Replace Traefik", Reason::Incomplete { what })
        }
        None => ("Start Traefik", Reason::missing("Traefik")),
    };
    let before = [StepKind::InstallDocker, StepKind::Network];
    let mut step = host
        .step(StepKind::Traefik, ["traefik", TRAEFIK, "start"])
        .because(summary, why)
        .needs(draft.find_each(host.name(), &before))
        .does(created.runs)
        .does([container::start(TRAEFIK)])
        .secrets(&created.secrets, Travel::Stdin)
        .secrets(&draft.config.traefik.env.secret_names(), Travel::Env)
        .done_when(created.done)
        .silence(SILENCE);
    step.diagnose = vec![container::logs(TRAEFIK)];
    draft.add(step);
}
