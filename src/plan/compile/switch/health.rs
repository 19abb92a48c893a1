//! Waits until the new container is healthy.

use crate::action::{Action, Poll, Probe, When};
use crate::config::model::Config;
use crate::docker::container;
use crate::docker::names::TRAEFIK;
use crate::facts::model::{ContainerState, HostFacts};
use crate::name::StepId;
use crate::plan::compile::proxy::{proof, reach::Users, trial::trial};
use crate::plan::compile::step::QUICK;
use crate::plan::compile::{Draft, Placement};
use crate::plan::{Predicate, Reason, StepKind};

/// Length of one attempt of the health check: seven of them are as long as the original's seven
/// with their growing pauses.
const HEALTH_ATTEMPT_MS: u32 = 4_000;

/// Adds the step that waits until the new container is healthy, and Traefik would take its routes.
pub fn healthcheck(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    (after, users): (Option<StepId>, Option<&Users>),
) -> StepId {
    let name = &placement.name;
    let mut waits = waits(draft.config, placement);
    let mut cleanup = Vec::new();
    let mut actions: Vec<Action> = vec![waits.poll.into()];
    let mut diagnose = vec![container::logs(name)];
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
    let before = users.and_then(|users| users.ask(placement, When::Before));
    actions.splice(0..0, before.map(Action::from));
    let undo = placement.undo_start(draft.config.stop_wait_time);
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
struct Waits {
    poll: Poll,
    summary: String,
    what: &'static str,
    done: Predicate,
    seconds: u32,
}

fn waits(config: &Config, placement: &Placement) -> Waits {
    let name = &placement.name;
    let (port, path) = placement.health;
    if placement.role.traefik {
        return Waits {
            poll: healthy(config, placement),
            summary: format!("Wait for {name} to answer 200 at :{port}{path}"),
            what: "no request is sent to a container that is not ready",
            done: Predicate::eq(&["containers", name, "healthy"], true),
            seconds: config
                .healthcheck
                .max_attempts
                .saturating_mul(HEALTH_ATTEMPT_MS / 1000),
        };
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
        what: "nothing is stopped before the new container is ready",
        done: Predicate::eq(&["containers", name, "state"], ContainerState::Running),
        seconds: delay,
    }
}

/// Asks until the container answers its health check.
fn healthy(config: &Config, placement: &Placement) -> Poll {
    let (port, path) = placement.health;
    Poll {
        port: Some(port),
        path: Some(path.to_owned()),
        host: Some("localhost".into()),
        restarts: restarts(placement),
        interval_ms: HEALTH_ATTEMPT_MS,
        ..Poll::new(
            Probe::Http,
            &placement.name,
            config.healthcheck.max_attempts,
        )
    }
}

/// Returns what asks a container that is there for its health check alone, and the longest that this takes in seconds.
pub fn asked_alone(config: &Config, name: &str) -> (Poll, u32) {
    let check = &config.healthcheck;
    let poll = Poll {
        port: Some(check.port),
        path: Some(check.path.clone()),
        host: Some("localhost".into()),
        restarts: Some(0),
        interval_ms: HEALTH_ATTEMPT_MS,
        ..Poll::new(Probe::Http, name, check.max_attempts)
    };
    let seconds = check.max_attempts.saturating_mul(HEALTH_ATTEMPT_MS / 1000);
    (poll, seconds)
}

/// Asks whether the container, which was healthy and has requests, still answers its health check.
pub fn still_healthy(config: &Config, placement: &Placement) -> Poll {
    Poll {
        interval_ms: 1000,
        attempts: 2,
        ..healthy(config, placement)
    }
}

/// A container that this plan starts has no restart behind it: what died meanwhile is not healthy,
/// however it is now.
pub fn restarts(placement: &Placement) -> Option<u32> {
    placement.undo_start(0).is_some().then_some(0)
}
