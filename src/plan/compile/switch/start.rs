//! The switch of a role on a host: start, healthcheck, and then the [`handover`](super::route) from the old containers.

use std::collections::BTreeMap;

use super::{health as polls, route as handover};
use crate::action::Action;
use crate::docker::container;
use crate::docker::names::{LABEL_CREATE, LABEL_HEALTHCHECK, LABEL_VERSION, NETWORK, TRAEFIK};
use crate::facts::model::{ContainerState, HostFacts};
use crate::name::{HostName, StepId};
use crate::plan::compile::draft::{Draft, HostView, QUICK, StepBuilder, step_id};
use crate::plan::compile::placement::{Placement, Situation};
use crate::plan::compile::proxy::start as traefik;
use crate::plan::kinds::StepKind;
use crate::plan::model::{Reason, Travel};
use crate::plan::predicate::Predicate;

/// The ends of a switch.
pub(in crate::plan::compile) struct Switched {
    /// The step after which the new container is healthy and, for a Traefik role, routed; `None` where it is so already.
    pub live: Option<StepId>,
    /// The last step.
    pub last: Option<StepId>,
}

/// Adds the steps of one placement. The first of them waits for `gate`.
pub(in crate::plan::compile) fn switch(
    draft: &mut Draft,
    hosts: &BTreeMap<&HostName, HostView>,
    placement: &Placement,
    gate: Option<StepId>,
) -> Switched {
    let Some(host) = hosts.get(placement.host) else {
        return Switched {
            live: None,
            last: None,
        };
    };
    // A Traefik that is told its routes by labels would send requests to the new container before it is ready.
    let gate = match placement.role.traefik {
        true => traefik::replace(draft, host, gate.clone()).or(gate),
        false => gate,
    };
    let begun = match &placement.situation {
        Situation::Runs | Situation::Complete { .. } => None,
        Situation::Replace { rename_to, .. } => {
            let renamed = rename_to
                .as_ref()
                .map(|to| rename(draft, placement, host.facts, to, gate.clone()));
            Some(start(draft, placement, gate.clone(), renamed))
        }
    };
    let is_live = matches!(
        placement.situation,
        Situation::Runs | Situation::Complete { route: false, .. }
    );
    let mut live = None;
    let mut cleanup = Vec::new();
    if !is_live {
        let healthy = healthcheck(draft, placement, host.facts, begun.or_else(|| gate.clone()));
        live = Some(if placement.role.traefik {
            cleanup = handover::return_requests(draft, placement, host.facts);
            handover::route(draft, placement, host.facts, &healthy).unwrap_or(healthy)
        } else {
            healthy
        });
    }
    let mut last = live.clone();
    // The one that serves goes last: until then requests can return to it.
    for old in placement.old.iter().rev() {
        let begins = last.is_none();
        let mut after = last.or_else(|| gate.clone());
        if placement.role.traefik {
            after = Some(handover::drain(
                draft,
                placement,
                host.facts,
                old,
                after,
                begins,
                cleanup.clone(),
            ));
        }
        let begins = begins && !placement.role.traefik;
        last = Some(handover::stop(draft, placement, old, after, begins));
    }
    Switched { live, last }
}

/// Makes the id of a step of `placement`.
pub(in crate::plan::compile) fn id_of(placement: &Placement, subject: &str, verb: &str) -> StepId {
    step_id(
        Some(placement.host),
        placement.role.name.as_str(),
        subject,
        verb,
    )
}

/// Returns why `placement` changes.
pub(in crate::plan::compile) fn why(placement: &Placement) -> Reason {
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
    let id = facts
        .containers
        .get(&placement.name)
        .map(|container| container.id.clone());
    let step = StepBuilder::new(
        id_of(placement, &placement.name, "rename"),
        StepKind::Rename,
        Some(placement.host),
        format!("Rename {} to {to}", placement.name),
        Reason::NeededBy {
            what: "the new container can take its name".into(),
        },
    )
    .role(&placement.role.name)
    .needs(gate)
    .needs(draft.find(Some(placement.host), StepKind::Pull))
    .runs([container::rename(&placement.name, to)])
    .done_when(vec![
        Predicate::eq(&["containers", to, "id"], id.unwrap_or_default()),
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
    let destination = match &draft.config.destination {
        Some(destination) => format!("label=destination={destination}"),
        None => "label!=destination".to_owned(),
    };
    let leftovers = [
        format!("label=service={}", draft.config.service),
        format!("label=role={}", role.name),
        destination,
        format!("label={LABEL_VERSION}={}", draft.version),
    ];
    let mut first = vec![container::prune(&leftovers)];
    if let Situation::Replace {
        remove_first: true, ..
    } = placement.situation
    {
        first.push(container::remove(name));
    }
    let mut done = vec![
        Predicate::eq(&["containers", name, "state"], ContainerState::Running),
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
    .begins(renamed.is_none())
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

fn healthcheck(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    after: Option<StepId>,
) -> StepId {
    let is_new = matches!(placement.situation, Situation::Replace { .. });
    let check = &draft.config.healthcheck;
    let name = &placement.name;
    let (poll, summary, reason, done, seconds) = if placement.role.traefik {
        (
            polls::healthy(draft.config, placement),
            format!(
                "Wait until {name} answers 200 at :{}{}",
                check.port, check.path
            ),
            "no request is sent to a container that is not ready",
            Predicate::eq(&["containers", name, "healthy"], true),
            check
                .max_attempts
                .saturating_mul(polls::HEALTH_ATTEMPT_MS / 1000),
        )
    } else {
        let delay = draft.config.readiness_delay;
        (
            polls::running(draft.config, placement),
            format!("Wait until {name} has run for {delay} s, or its image's health check passes"),
            "nothing is stopped before the new container is ready",
            Predicate::eq(&["containers", name, "state"], ContainerState::Running),
            delay,
        )
    };
    let trial = match placement.role.traefik {
        true => handover::trial(draft, placement, facts),
        false => None,
    };
    let mut cleanup = Vec::new();
    let mut actions = vec![Action::Poll(poll)];
    let mut diagnose = vec![container::logs(name)];
    let mut summary = summary;
    let mut traefik = None;
    let mut seconds = seconds;
    if let Some(trial) = trial {
        summary.push_str(", and Traefik takes its routes");
        actions.splice(0..0, trial.actions);
        cleanup.push(trial.remove);
        diagnose.insert(0, container::logs(TRAEFIK));
        traefik = draft.find(Some(placement.host), StepKind::Traefik);
        seconds = seconds.saturating_add(polls::TRIAL_SECONDS);
    }
    if is_new {
        cleanup.push(Action::Run(container::remove(name)));
    }
    let step = StepBuilder::new(
        id_of(placement, name, "healthcheck"),
        StepKind::Healthcheck,
        Some(placement.host),
        summary,
        Reason::NeededBy {
            what: reason.into(),
        },
    )
    .role(&placement.role.name)
    .needs(after)
    .needs(traefik);
    let step = actions
        .into_iter()
        .fold(step, StepBuilder::does)
        .done_when(vec![done])
        .on_failure(diagnose, cleanup)
        .timeout(seconds.saturating_mul(2).saturating_add(QUICK))
        .begins(!is_new)
        .build();
    draft.add(step)
}
