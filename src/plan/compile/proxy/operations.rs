//! Operations on Traefik itself: boot, start, stop, restart, reboot and removal.

use std::collections::BTreeSet;

use super::{network, start, takeover};
use crate::action::{Poll, Probe};
use crate::diagnostic::Diagnostic;
use crate::docker::container;
use crate::docker::names::TRAEFIK;
use crate::facts::model::{ContainerFacts, ContainerState};
use crate::name::StepId;
use crate::plan::compile::hooks::group::{Group, gate_from};
use crate::plan::compile::step::QUICK;
use crate::plan::compile::{Draft, HostView, bootstrap, removal};
use crate::plan::hook::Hook;
use crate::plan::operation::{Rolling, TraefikVerb};
use crate::plan::{Predicate, Reason, Step, StepKind};
use crate::text::list_up_to;
use crate::traefik::{self, Intercepted};

/// Seconds for which Traefik has to go on running after its start.
const STEADY_SECONDS: u32 = 3;

/// Names of services that a warning shows.
const SHOWN: usize = 4;

/// Adds the steps of `verb` on every selected host.
pub fn run(draft: &mut Draft, verb: TraefikVerb) {
    match verb {
        TraefikVerb::Boot => return boot(draft),
        TraefikVerb::Reboot(rolling) => return reboot(draft, rolling),
        _ => bootstrap::check_engine(draft),
    }
    for host in draft.hosts.clone() {
        let before = draft.steps.len();
        let existing = host.facts.containers.get(TRAEFIK);
        match verb {
            TraefikVerb::Start | TraefikVerb::Restart if existing.is_none() => {
                let problem = format!("host {}: Traefik does not exist", host.name());
                draft.refuse(Diagnostic::error(problem).help("run `mrsk traefik boot`"));
            }
            TraefikVerb::Start => {
                if let Some(down) = existing.filter(|container| !container.state.is_up()) {
                    start_again(draft, &host, down, None);
                }
            }
            TraefikVerb::Restart => {
                if let Some(existing) = existing {
                    let stopped = stop(draft, &host, existing, Vec::new());
                    start_again(draft, &host, existing, stopped);
                }
            }
            TraefikVerb::Remove => {
                remove(draft, &host, Vec::new());
            }
            TraefikVerb::RemoveContainer => remove_container(draft, &host, existing),
            TraefikVerb::RemoveImage if existing.is_some() => {
                let problem = format!("host {}: container {TRAEFIK} uses the image", host.name());
                draft.refuse(Diagnostic::error(problem).help(
                    "run `mrsk traefik remove_container` first, or remove both with `mrsk traefik remove`",
                ));
            }
            TraefikVerb::RemoveImage => {
                remove_image(draft, &host, None);
            }
            _ => {
                existing.and_then(|existing| stop(draft, &host, existing, Vec::new()));
            }
        }
        if draft.steps.len() == before {
            draft.unchanged(Some(host.name()), "traefik", nothing(existing));
        }
    }
}

/// Returns why there is nothing to do.
fn nothing(existing: Option<&ContainerFacts>) -> &'static str {
    match existing {
        None => "it does not exist",
        Some(container) if container.state.is_up() => "it is running",
        Some(_) => "it is not running",
    }
}

fn boot(draft: &mut Draft) {
    bootstrap::run(draft);
    network::run(draft);
    start::run(draft);
}

/// Adds the replacement on every host: at once, or on each after the one before.
fn reboot(draft: &mut Draft, rolling: Rolling) {
    bootstrap::run(draft);
    network::run(draft);
    let hosts = draft.hosts.clone();
    let size = match rolling {
        Rolling::OneByOne => 1,
        Rolling::AllAtOnce => hosts.len().max(1),
    };
    let mut gate: Option<StepId> = None;
    for (number, members) in hosts.chunks(size).enumerate() {
        let group = Group {
            name: match hosts.len() > size {
                true => (number + 1).to_string(),
                false => String::new(),
            },
            hosts: members.iter().map(HostView::name).collect(),
        };
        let from = draft.steps.len();
        gate = group.open(draft, Hook::PreTraefikReboot, gate);
        let ends = members
            .iter()
            .filter_map(|host| replace(draft, host, gate.clone()));
        let ends: Vec<StepId> = ends.collect();
        if let Some(gate) = &gate {
            gate_from(draft, from, gate);
        }
        let is_last = (number + 1) * size >= hosts.len();
        let ends = group.close(draft, Hook::PostTraefikReboot, ends);
        if let ([host], false, false) = (members, ends.is_empty(), is_last) {
            let subject = format!("traefik-{}", number + 1);
            let why = Reason::needed_by("Traefik is replaced on one host at a time");
            let step = Step::new(None, StepKind::Barrier, ["barrier", &subject, "open"])
                .because(format!("Wait for Traefik on {}", host.name()), why)
                .needs(ends)
                .opens_after(0);
            gate = Some(draft.add(step));
        }
    }
}

/// Adds the replacement on a host, after `gate`. Returns its last step.
fn replace(draft: &mut Draft, host: &HostView, gate: Option<StepId>) -> Option<StepId> {
    match host.facts.traefik {
        Some(_) => takeover::reboot(draft, host, gate),
        None => {
            start::run_on(draft, host);
            draft.find(Some(host.name()), StepKind::Traefik)
        }
    }
}

/// Returns a step that changes what services share.
fn shared(host: &HostView, kind: StepKind, verb: &str) -> Step {
    let mut step = host.step(kind, ["traefik", TRAEFIK, verb]);
    step.shared_lock = true;
    step
}

fn stop(
    draft: &mut Draft,
    host: &HostView,
    existing: &ContainerFacts,
    after: Vec<StepId>,
) -> Option<StepId> {
    if !existing.state.is_up() {
        return None;
    }
    warn_of_others(draft, host);
    let seconds = draft.config.stop_wait_time;
    let state = ["containers", TRAEFIK, "state"];
    let step = shared(host, StepKind::Stop, "stop")
        .because(
            "Stop Traefik: every request to this host is refused",
            Reason::Requested,
        )
        .needs(after)
        .does([container::stop(TRAEFIK, seconds)])
        .done_when([Predicate::eq(&state, ContainerState::Exited)])
        .timeout(seconds.saturating_add(QUICK));
    Some(add(draft, host, step, existing))
}

fn start_again(
    draft: &mut Draft,
    host: &HostView,
    existing: &ContainerFacts,
    after: Option<StepId>,
) {
    let state = ["containers", TRAEFIK, "state"];
    let mut step = shared(host, StepKind::Start, "start")
        .because("Start Traefik again", Reason::Requested)
        .needs(after)
        .does([container::start(TRAEFIK)])
        .does([Poll::new(Probe::Running, TRAEFIK, STEADY_SECONDS)])
        .done_when([Predicate::eq(&state, ContainerState::Running)]);
    step.diagnose = vec![container::logs(TRAEFIK)];
    add(draft, host, step, existing);
}

/// Adds a step that relies on the container being the same.
fn add(draft: &mut Draft, host: &HostView, step: Step, existing: &ContainerFacts) -> StepId {
    let id = draft.add(step);
    let is_still = Predicate::eq(&["containers", TRAEFIK, "id"], existing.id.as_str());
    draft.rely(host.name(), is_still, vec![id.clone()]);
    id
}

/// Adds the removal of Traefik with its image, `after` other steps. Returns the steps.
pub fn remove(draft: &mut Draft, host: &HostView, after: Vec<StepId>) -> Vec<StepId> {
    let mut gone = None;
    let mut steps = Vec::new();
    if let Some(existing) = host.facts.containers.get(TRAEFIK) {
        let stopped = stop(draft, host, existing, after);
        steps.extend(stopped.clone());
        gone = Some(removal::container(
            draft,
            host,
            (TRAEFIK, existing),
            of_all,
            stopped,
        ));
        steps.extend(gone.clone());
    }
    steps.extend(remove_image(draft, host, gone));
    steps
}

fn remove_container(draft: &mut Draft, host: &HostView, existing: Option<&ContainerFacts>) {
    match existing {
        Some(existing) if existing.state.is_up() => {
            let problem = format!("host {}: Traefik is running", host.name());
            draft.refuse(Diagnostic::error(problem).help(
                "run `mrsk traefik stop` first, or remove all of it with `mrsk traefik remove`",
            ));
        }
        Some(existing) => {
            removal::container(draft, host, (TRAEFIK, existing), of_all, None);
        }
        None => {}
    }
}

fn remove_image(draft: &mut Draft, host: &HostView, after: Option<StepId>) -> Option<StepId> {
    let image = &draft.config.traefik.image;
    let is_there = host.facts.images.contains_key(image);
    is_there.then(|| removal::image(draft, host, image, after.into_iter().collect()))
}

/// Marks a step that changes what services share.
fn of_all(mut step: Step) -> Step {
    step.shared_lock = true;
    step
}

/// Returns whom Traefik serves on `host` by a routing file beside this service and destination: `SERVICE@ROLE`, or the name of a file that
/// is not mrsk's.
pub fn others(draft: &Draft, host: &HostView) -> Vec<String> {
    let files = routing_files(host);
    let others = files.filter(|name| !is_own(draft, name)).map(|name| {
        match (traefik::owner_of_file(name), Intercepted::of_file(name)) {
            (None, Some(whose)) => format!("{}@{}", whose.service, whose.role),
            (None, None) => name.to_owned(),
            (Some(_), _) => {
                let bare = name.trim_start_matches("mrsk-");
                bare.trim_end_matches(".yml").to_owned()
            }
        }
    });
    others.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Lets `steps` rely on nobody else being served by a routing file.
pub fn rely_on_no_others(draft: &mut Draft, host: &HostView, steps: Vec<StepId>) {
    let own = routing_files(host).filter(|name| is_own(draft, name));
    let own: BTreeSet<String> = own.map(str::to_owned).collect();
    let predicate = Predicate::within(&["routing_files"], own.into_iter().collect());
    draft.rely(host.name(), predicate, steps);
}

/// Returns the names of the files that Traefik reads.
fn routing_files<'a>(host: &'a HostView) -> impl Iterator<Item = &'a str> {
    let directory = format!("{}/", host.facts.routing_directory);
    let files = host.facts.files.keys();
    let named = files.filter_map(move |path| path.strip_prefix(&directory));
    named.chain(host.facts.routing_files.iter().map(String::as_str))
}

/// Returns whether a routing file is of this service and destination, whatever its role; also one for a trial.
fn is_own(draft: &Draft, name: &str) -> bool {
    let owner = traefik::owner_of_file(name.strip_prefix("try-").unwrap_or(name));
    let owner = owner.map(|(service, _, destination)| (service, destination));
    let whose = || Intercepted::of_file(name).map(|whose| (whose.service, whose.destination));
    owner.or_else(whose).is_some_and(|(service, destination)| {
        service == draft.config.service && destination == draft.config.destination
    })
}

/// Names the other services whose requests go through the Traefik of `host`.
fn warn_of_others(draft: &mut Draft, host: &HostView) {
    let others = others(draft, host);
    if !others.is_empty() {
        draft.warn(format!(
            "host {}: that Traefik also serves {}",
            host.name(),
            list_up_to(SHOWN, &others)
        ));
    }
}

#[cfg(test)]
#[path = "operations_tests.rs"]
mod tests;
