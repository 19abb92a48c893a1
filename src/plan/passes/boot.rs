//! Replaces containers: start, healthcheck, route, drain, stop; the canary first, then in groups.

use crate::action::{Action, Poll, Probe, Run, Write};
use crate::config::model::Limit;
use crate::docker::container;
use crate::docker::names::{LABEL_CREATE, LABEL_HEALTHCHECK, LABEL_VERSION, NETWORK, TRAEFIK};
use crate::facts::model::HostFacts;
use crate::name::{Sha256Hex, StepId};
use crate::plan::draft::{Draft, QUICK, StepBuilder, step_id};
use crate::plan::model::{Barrier, Reason, StepKind, Travel};
use crate::plan::predicate::Predicate;
use crate::plan::situation::{Placement, Situation};
use crate::traefik;

/// Length of one attempt of the health check: seven of them are as long as the original's seven with their growing pauses.
const HEALTH_ATTEMPT_MS: u32 = 4_000;

/// Seconds that Traefik has to load a routing file.
const ROUTE_SECONDS: u32 = 20;

/// Adds the switch of every placement that does not run what is wanted.
pub fn run(draft: &mut Draft) {
    let mut pending: Vec<Placement> = Vec::new();
    for placement in draft.placements.clone() {
        if placement.situation == Situation::Runs {
            let reason = format!("{} runs, is healthy and alone", placement.name);
            draft.unchanged(Some(placement.host), placement.role.name.as_str(), reason);
        } else {
            pending.push(placement);
        }
    }
    let Some(canary) = take_canary(&mut pending) else {
        return;
    };
    let switched = switch(draft, &canary, None);
    let mut gate = None;
    if !pending.is_empty() {
        let why = Reason::NeededBy {
            what: format!(
                "no other container starts before {} is healthy and routed",
                canary.name
            ),
        };
        gate = Some(barrier(
            draft,
            "canary",
            vec![switched.live.clone()],
            0,
            why,
        ));
    }
    for (index, role) in draft.config.roles.iter().enumerate() {
        let placements: Vec<&Placement> = pending
            .iter()
            .filter(|p| p.role.name == role.name)
            .collect();
        let mut before = gate.clone();
        let size = group_size(draft, role.hosts.len());
        for (number, group) in placements.chunks(size).enumerate() {
            let ends: Vec<StepId> = group
                .iter()
                .map(|placement| switch(draft, placement, before.clone()).last)
                .collect();
            if (number + 1) * size < placements.len() {
                let wait = draft.config.boot.wait;
                let subject = format!("{index}-{}-group-{}", role.name, number + 1);
                let why = Reason::NeededBy {
                    what: format!("at most {size} hosts of {} switch at a time", role.name),
                };
                before = Some(barrier(draft, &subject, ends, wait, why));
            }
        }
    }
}

/// Takes out the placement that goes first: of the first Traefik role that changes, else the first.
fn take_canary<'a>(pending: &mut Vec<Placement<'a>>) -> Option<Placement<'a>> {
    if pending.is_empty() {
        return None;
    }
    let index = pending
        .iter()
        .position(|placement| placement.role.traefik)
        .unwrap_or(0);
    Some(pending.remove(index))
}

fn group_size(draft: &Draft, hosts: usize) -> usize {
    match draft.config.boot.limit {
        None => usize::MAX,
        Some(Limit::Hosts(hosts)) => hosts as usize,
        Some(Limit::Percent(percent)) => hosts * percent as usize / 100,
    }
    .max(1)
}

fn barrier(
    draft: &mut Draft,
    subject: &str,
    needs: Vec<StepId>,
    wait_seconds: u32,
    why: Reason,
) -> StepId {
    let step = StepBuilder::new(
        step_id(None, "barrier", subject, "open"),
        StepKind::Barrier,
        None,
        format!("Wait for {} switched", needs.len()),
        why,
    )
    .needs(needs)
    .opens(Barrier {
        at_most_failed: 0,
        wait_seconds,
    })
    .build();
    draft.add(step)
}

/// The ends of a switch.
struct Switched {
    /// The step after which the new container is healthy and, for a Traefik role, routed.
    live: StepId,
    /// The last step.
    last: StepId,
}

/// Adds the steps of one placement.
fn switch(draft: &mut Draft, placement: &Placement, gate: Option<StepId>) -> Switched {
    let Some(facts) = draft.facts.hosts.get(placement.host) else {
        // `compile` has refused hosts without facts.
        return nothing(placement);
    };
    let (mut live, route) = match &placement.situation {
        Situation::Runs => return nothing(placement),
        Situation::Complete { route, .. } => (None, *route),
        Situation::Replace { rename_to, .. } => {
            let renamed = rename_to
                .as_ref()
                .map(|to| rename(draft, placement, facts, to, gate.clone()));
            (Some(start(draft, placement, gate.clone(), renamed)), true)
        }
    };
    if route {
        live = Some(healthcheck(draft, placement, live.or_else(|| gate.clone())));
        if placement.role.traefik {
            live = route_step(draft, placement, facts, live.clone()).or(live);
        }
    }
    let mut last = live.clone().or(gate);
    for old in &placement.old {
        if placement.role.traefik {
            last = Some(drain(draft, placement, facts, old, last));
        }
        last = Some(stop(draft, placement, old, last));
    }
    match (live, last) {
        (Some(live), Some(last)) => Switched { live, last },
        (None, Some(last)) => Switched {
            live: last.clone(),
            last,
        },
        _ => nothing(placement),
    }
}

/// Returns the ends of a switch without steps: never reached, since such a placement has no pending part.
fn nothing(placement: &Placement) -> Switched {
    let id = step_id(
        Some(placement.host),
        placement.role.name.as_str(),
        &placement.name,
        "start",
    );
    Switched {
        live: id.clone(),
        last: id,
    }
}

fn id_of(placement: &Placement, subject: &str, verb: &str) -> StepId {
    step_id(
        Some(placement.host),
        placement.role.name.as_str(),
        subject,
        verb,
    )
}

fn why(placement: &Placement) -> Reason {
    match &placement.situation {
        Situation::Replace { why, .. } => why.clone(),
        Situation::Complete { missing, .. } => Reason::Incomplete {
            what: missing.clone(),
        },
        Situation::Runs => Reason::Requested,
    }
}

fn rename(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    to: &str,
    gate: Option<StepId>,
) -> StepId {
    let id = facts.containers.get(&placement.name).map(|c| c.id.clone());
    let step = StepBuilder::new(
        id_of(placement, &placement.name, "rename"),
        StepKind::Rename,
        Some(placement.host),
        format!("Rename {} to {to}", placement.name),
        Reason::NeededBy {
            what: "the new container takes its name".into(),
        },
    )
    .role(&placement.role.name)
    .needs(gate)
    .needs(draft.find(Some(placement.host), StepKind::Pull))
    .runs([Run::literal(["docker", "rename", &placement.name, to])])
    .done_when(vec![
        Predicate::eq(&["containers", to, "id"], id.unwrap_or_default()),
        Predicate::eq(&["containers", to, "state"], "running"),
        Predicate::absent(&["containers", &placement.name]),
    ])
    .build();
    draft.add(step)
}

fn start(
    draft: &mut Draft,
    placement: &Placement,
    gate: Option<StepId>,
    renamed: Option<StepId>,
) -> StepId {
    let name = &placement.name;
    let role = placement.role;
    let mut leftovers = vec![
        "docker".to_owned(),
        "container".into(),
        "prune".into(),
        "--force".into(),
    ];
    let destination = match &draft.config.destination {
        Some(destination) => format!("label=destination={destination}"),
        None => "label!=destination".to_owned(),
    };
    for filter in [
        format!("label=service={}", draft.config.service),
        format!("label=role={}", role.name),
        destination,
        format!("label={LABEL_VERSION}={}", draft.operation.version),
    ] {
        leftovers.extend(["--filter".into(), filter]);
    }
    let mut first = vec![Run::literal(leftovers)];
    if let Situation::Replace {
        remove_first: true, ..
    } = placement.situation
    {
        first.push(container::remove(name));
    }
    let mut done = vec![
        Predicate::eq(&["containers", name, "state"], "running"),
        Predicate::eq(
            &["containers", name, "labels", LABEL_CREATE],
            placement.create.digest.as_str(),
        ),
    ];
    let mut connects = Vec::new();
    if role.traefik {
        connects.push(container::connect(name, Some(&placement.alias)));
        done.push(Predicate::contains(
            &["containers", name, "networks", NETWORK, "aliases"],
            placement.alias.as_str(),
        ));
        let check = &draft.config.healthcheck;
        done.push(Predicate::eq(
            &["containers", name, "labels", LABEL_HEALTHCHECK],
            format!("{} {}", check.port, check.path),
        ));
    }
    let step = StepBuilder::new(
        id_of(placement, name, "start"),
        StepKind::Start,
        Some(placement.host),
        format!("Start {name}"),
        why(placement),
    )
    .role(&role.name)
    .needs(gate)
    .needs(renamed)
    .needs(draft.find(Some(placement.host), StepKind::InstallDocker))
    .needs(draft.find(Some(placement.host), StepKind::Pull))
    .needs(
        role.traefik
            .then(|| draft.find(Some(placement.host), StepKind::Network))
            .flatten(),
    )
    .runs(first)
    .does(Action::Run(placement.create.run.clone()))
    .runs(connects)
    .runs([container::start(name)])
    .secrets(&role.env.secret, Travel::Env)
    .done_when(done)
    .on_failure(
        vec![container::logs(name)],
        vec![Action::Run(container::remove(name))],
    )
    .build();
    draft.add(step)
}

fn healthcheck(draft: &mut Draft, placement: &Placement, after: Option<StepId>) -> StepId {
    let check = &draft.config.healthcheck;
    let name = &placement.name;
    let (poll, summary, done, seconds) = if placement.role.traefik {
        let poll = Poll {
            probe: Probe::Http,
            container: name.clone(),
            port: Some(check.port),
            path: Some(check.path.clone()),
            host: Some("localhost".into()),
            expect: None,
            interval_ms: HEALTH_ATTEMPT_MS,
            attempts: check.max_attempts,
        };
        (
            poll,
            format!(
                "Wait until {name} answers 200 at :{}{}",
                check.port, check.path
            ),
            Predicate::eq(&["containers", name, "healthy"], true),
            check.max_attempts.saturating_mul(HEALTH_ATTEMPT_MS / 1000),
        )
    } else {
        let delay = draft.config.readiness_delay;
        let poll = Poll {
            probe: Probe::Running,
            container: name.clone(),
            port: None,
            path: None,
            host: None,
            expect: None,
            interval_ms: 1000,
            attempts: delay,
        };
        (
            poll,
            format!(
                "Wait until {name} has run for {delay} s, or its own health check says healthy"
            ),
            Predicate::eq(&["containers", name, "state"], "running"),
            delay,
        )
    };
    let mut cleanup = Vec::new();
    if matches!(placement.situation, Situation::Replace { .. }) {
        cleanup.push(Action::Run(container::remove(name)));
    }
    let step = StepBuilder::new(
        id_of(placement, name, "healthcheck"),
        StepKind::Healthcheck,
        Some(placement.host),
        summary,
        Reason::NeededBy {
            what: "nothing is sent to a container that is not ready".into(),
        },
    )
    .role(&placement.role.name)
    .needs(after)
    .does(Action::Poll(poll))
    .done_when(vec![done])
    .on_failure(vec![container::logs(name)], cleanup)
    .timeout(seconds.saturating_mul(2).saturating_add(QUICK))
    .in_switch()
    .build();
    draft.add(step)
}

fn route_step(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    after: Option<StepId>,
) -> Option<StepId> {
    let config = draft.config;
    let text = match traefik::routing_file(&traefik::RouteSpec {
        service: &config.service,
        destination: config.destination.as_deref(),
        role: placement.role.name.as_str(),
        labels: &placement.role.labels,
        port: config.healthcheck.port,
        alias: &placement.alias,
        container: &placement.name,
    }) {
        Ok(text) => text,
        Err(errors) => {
            draft.refuse_labels("label", errors);
            return None;
        }
    };
    let hash = Sha256Hex::of(text.as_bytes());
    let write = write(draft, &placement.routing_path, text);
    let mut cleanup = vec![match facts.files.get(&placement.routing_path) {
        Some(old) => Action::Write(write_of(draft, &placement.routing_path, old.text.clone())),
        None => Action::Run(Run::literal(["rm", "-f", &placement.routing_path])),
    }];
    if matches!(placement.situation, Situation::Replace { .. }) {
        cleanup.push(Action::Run(container::remove(&placement.name)));
    }
    let step = StepBuilder::new(
        id_of(placement, &placement.name, "route"),
        StepKind::Route,
        Some(placement.host),
        format!("Send requests to {}", placement.name),
        why(placement),
    )
    .role(&placement.role.name)
    .needs(after)
    .needs(draft.find(Some(placement.host), StepKind::Traefik))
    .does(write)
    .does(Action::Poll(probe(placement)))
    .done_when(vec![
        Predicate::eq(&["files", &placement.routing_path, "sha256"], hash.as_str()),
        Predicate::contains(
            &["files", &placement.routing_path, "aliases"],
            placement.alias.as_str(),
        ),
    ])
    .on_failure(
        vec![container::logs(TRAEFIK), container::logs(&placement.name)],
        cleanup,
    )
    .in_switch()
    .build();
    Some(draft.add(step))
}

fn write(draft: &mut Draft, path: &str, text: String) -> Action {
    Action::Write(write_of(draft, path, text))
}

fn write_of(draft: &mut Draft, path: &str, text: String) -> Write {
    Write {
        path: path.to_owned(),
        content: draft.content(text),
        mode: "0644".into(),
    }
}

/// Returns the poll that proves that Traefik sends requests to the new container.
fn probe(placement: &Placement) -> Poll {
    Poll {
        probe: Probe::Route,
        container: TRAEFIK.into(),
        port: Some(traefik::PROBE_PORT),
        path: Some("/".into()),
        host: Some(traefik::probe_host(&placement.alias)),
        expect: Some(placement.name.clone()),
        interval_ms: 1000,
        attempts: ROUTE_SECONDS,
    }
}

fn drain(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    old: &str,
    after: Option<StepId>,
) -> StepId {
    let seconds = draft.config.drain_timeout;
    let port = facts
        .containers
        .get(old)
        .or_else(|| facts.containers.get(&placement.name))
        .and_then(|container| container.labels.get(LABEL_HEALTHCHECK))
        .and_then(|label| label.split(' ').next()?.parse().ok())
        .unwrap_or(draft.config.healthcheck.port);
    let step = StepBuilder::new(
        id_of(placement, old, "drain"),
        StepKind::Drain,
        Some(placement.host),
        format!("Wait until {old} has no request in flight, at most {seconds} s"),
        Reason::Replaced {
            what: old.to_owned(),
        },
    )
    .role(&placement.role.name)
    .needs(after)
    .does(Action::Poll(probe(placement)))
    .does(Action::Poll(Poll {
        probe: Probe::Idle,
        container: old.to_owned(),
        port: Some(port),
        path: None,
        host: None,
        expect: None,
        interval_ms: 1000,
        attempts: seconds,
    }))
    .done_when(vec![Predicate::eq(&["containers", old, "in_flight"], 0)])
    .timeout(seconds.saturating_add(QUICK))
    .in_switch()
    .build();
    draft.add(step)
}

fn stop(draft: &mut Draft, placement: &Placement, old: &str, after: Option<StepId>) -> StepId {
    let seconds = draft.config.stop_wait_time;
    let step = StepBuilder::new(
        id_of(placement, old, "stop"),
        StepKind::Stop,
        Some(placement.host),
        format!("Stop {old}"),
        Reason::Replaced {
            what: old.to_owned(),
        },
    )
    .role(&placement.role.name)
    .needs(after)
    .runs([container::stop(old, seconds)])
    .done_when(vec![Predicate::eq(&["containers", old, "state"], "exited")])
    .timeout(seconds.saturating_add(QUICK))
    .in_switch()
    .build();
    draft.add(step)
}
