//! Waits until the new container is healthy.

use crate::action::{Action, Poll, Probe, When};
use crate::config::model::Config;
use crate::docker::container;
use crate::docker::names::TRAEFIK;
use crate::facts::model::{ContainerState, HostFacts};
use crate::name::StepId;
use crate::plan::compile::placement::Readiness;
use crate::plan::compile::proxy::{proof, reach::Users, trial::trial};
use crate::plan::compile::step::QUICK;
use crate::plan::compile::{Draft, Placement, emergency};
use crate::plan::{Predicate, Reason, StepKind};

/// Adds the step that waits until the new container is healthy, and Traefik would take its routes.
pub fn healthcheck(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    (after, users): (Option<StepId>, Option<&Users>),
) -> StepId {
    let name = &placement.name;
    let mut waits = waits(draft, placement);
    let mut cleanup = Vec::new();
    let mut actions: Vec<Action> = vec![waits.poll.into()];
    let mut diagnose = vec![placement.logs(draft.config)];
    let mut traefik = None;
    let trial = placement
        .role
        .traefik
        .then(|| trial(draft, placement, facts));
    if let Some(trial) = trial.flatten() {
        waits
            .summary
            .push_str(", and for Traefik to accept its routes");
        actions.splice(0..0, trial.actions);
        cleanup.push(trial.remove);
        diagnose.insert(0, container::logs(TRAEFIK));
        traefik = draft.find(Some(placement.host), StepKind::Traefik);
        waits.seconds = waits.seconds.saturating_add(proof::TRIAL_SECONDS);
    }
    let users = users.filter(|_| !emergency::skips_health(draft));
    let before = users.and_then(|users| users.ask(placement, When::Before));
    actions.splice(0..0, before.map(Action::from));
    let undo = placement.undo_start(draft.config.stop_wait_time_of(&placement.role.name));
    let begins = undo.is_none();
    cleanup.extend(undo.map(Action::from));
    let mut step = placement
        .step(StepKind::Healthcheck, name, "healthcheck")
        .because(waits.summary, Reason::needed_by(waits.what))
        .needs(after)
        .needs(traefik)
        .does(actions)
        .done_when([waits.done])
        .on_failure(diagnose, cleanup)
        .timeout(waits.seconds.saturating_mul(2).saturating_add(QUICK));
    if !begins {
        step = step.within_switch();
    }
    draft.add(step)
}

/// What a health check waits for.
pub struct Waits {
    /// What is asked.
    pub poll: Poll,
    /// The same for people.
    pub summary: String,
    /// What it makes possible.
    what: &'static str,
    /// Whether it is so.
    pub done: Predicate,
    /// The longest that it takes.
    pub seconds: u32,
}

/// Returns what the health check of a placement's container waits for.
pub fn waits(draft: &Draft, placement: &Placement) -> Waits {
    let (config, name) = (draft.config, &placement.name);
    if emergency::skips_health(draft) {
        return Waits {
            poll: Poll {
                restarts: restarts(placement),
                ..Poll::new(Probe::Running, name, 1)
            },
            summary: format!("Wait for {name} to run, without its health check"),
            what: match placement.role.traefik {
                true => "a container that does not run gets no requests",
                false => "nothing is stopped before the new container runs",
            },
            done: Predicate::eq(&["containers", name, "state"], ContainerState::Running),
            seconds: 1,
        };
    }
    let (port, path) = placement.health;
    let what = match placement.role.traefik {
        true => "no request is sent to a container that is not ready",
        false => "nothing is stopped before the new container is ready",
    };
    let seconds = config
        .patience(config.healthcheck_of(placement.role))
        .seconds();
    match placement.readiness {
        Readiness::Answers => {
            return Waits {
                poll: healthy(config, placement),
                summary: format!("Wait for {name} to answer 200 at :{port}{path}"),
                what,
                done: Predicate::eq(&["containers", name, "healthy"], true),
                seconds,
            };
        }
        Readiness::Healthy => {
            return Waits {
                poll: healthy(config, placement),
                summary: format!("Wait for {name} to pass its health check"),
                what,
                done: Predicate::eq(&["containers", name, "health"], "healthy"),
                seconds,
            };
        }
        Readiness::Runs => {}
    }
    let delay = config.readiness_delay;
    Waits {
        // Looks whether it goes on running, or its image's own health check passes.
        poll: Poll {
            restarts: restarts(placement),
            ..Poll::new(Probe::Running, name, delay)
        },
        summary: format!(
            "Wait for {name} to run for {delay} s, or to pass its image's health check"
        ),
        what,
        done: Predicate::eq(&["containers", name, "state"], ContainerState::Running),
        seconds: delay,
    }
}

/// Asks until the container answers its health check, or passes docker's.
fn healthy(config: &Config, placement: &Placement) -> Poll {
    let (port, path) = placement.health;
    let patience = config.patience(config.healthcheck_of(placement.role));
    let poll = |probe| Poll {
        restarts: restarts(placement),
        interval_ms: patience.attempt_ms,
        ..Poll::new(probe, &placement.name, patience.attempts)
    };
    if placement.readiness == Readiness::Healthy {
        return poll(Probe::Running);
    }
    Poll {
        port: Some(port),
        path: Some(path.to_owned()),
        host: Some("localhost".into()),
        ..poll(Probe::Http)
    }
}

/// Asks whether the container, which was healthy and has requests, still answers its health check; `None` if nobody asked before.
pub fn still_healthy(draft: &Draft, placement: &Placement) -> Option<Poll> {
    (!emergency::skips_health(draft)).then(|| Poll {
        interval_ms: 1000,
        attempts: 2,
        ..healthy(draft.config, placement)
    })
}

/// A container that this plan starts has no restart behind it: what died meanwhile is not healthy,
/// however it is now. One that returns may not have stopped.
pub fn restarts(placement: &Placement) -> Option<u32> {
    let starts = placement.undo_start(0).is_some() && placement.returns.is_none();
    starts.then_some(0)
}
