//! Starts the new container of a placement.

use crate::docker::container::{self, RestartPolicy};
use crate::docker::names::{LABEL_HEALTHCHECK, LABEL_REPLICA, LABEL_VERSION};
use crate::facts::model::{ContainerState, HostFacts};
use crate::name::StepId;
use crate::plan::compile::step::QUICK;
use crate::plan::compile::{Decision, Draft, Placement, predicates};
use crate::plan::{Predicate, Reason, StepKind, Travel};

/// Adds the step that gives the running container another name, so that the new one can take it.
pub fn rename(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    to: &str,
    gate: Option<StepId>,
) -> StepId {
    let name = &placement.name;
    let container = facts.containers.get(name);
    let id = container.map_or("", |container| container.id.as_str());
    let step = placement
        .step(StepKind::Rename, name, "rename")
        .because(
            format!("Rename {name} to {to}"),
            Reason::needed_by("the new container can take its name"),
        )
        .needs(gate)
        .needs(draft.find(Some(placement.host), StepKind::Pull))
        .does([container::rename(name, to)])
        // The old name is not asked for: the new container has it soon.
        .done_when([Predicate::eq(&["containers", to, "id"], id)]);
    draft.add(step)
}

/// Adds the step that starts a container again that exists; no request reaches it yet.
pub fn start_existing(draft: &mut Draft, placement: &Placement, gate: Option<StepId>) -> StepId {
    let name = &placement.name;
    let seconds = draft.config.stop_wait_time_of(&placement.role.name);
    let logs = placement.logs(draft.config);
    let state = ["containers", name.as_str(), "state"];
    let before = [StepKind::InstallDocker, StepKind::Network];
    // A worker that was told to take no more work was not to be restarted when it ended.
    let restarts = (!placement.role.traefik)
        .then(|| container::set_restart_policy(name, RestartPolicy::UnlessStopped));
    let step = placement
        .step(StepKind::Start, name, "start")
        .because(format!("Start {name} again"), placement.why())
        .needs(gate)
        .needs(draft.find_each(placement.host, &before))
        .does(restarts)
        .does([container::start(name)])
        .done_when([Predicate::eq(&state, ContainerState::Running)])
        .on_failure([logs], [container::stop(name, seconds)])
        .timeout(seconds.saturating_add(QUICK));
    draft.add(step)
}

/// Adds the step that creates and starts the new container; no request reaches it yet.
pub fn start(
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
    let mut leftovers = vec![
        format!("label=service={}", draft.config.service),
        format!("label=role={}", role.name),
        destination,
        format!("label={LABEL_VERSION}={}", draft.version),
    ];
    // Those beside it may have stopped in this plan. Docker spares only what has all labels of filters with `!=`, so that there may be
    // one of these at most.
    let number = (role.replicas > 1).then_some(placement.index);
    leftovers.extend(number.map(|number| format!("label={LABEL_REPLICA}={number}")));
    let mut runs = vec![container::prune(&leftovers)];
    if let Decision::Replace {
        remove_first: true, ..
    } = placement.decision
    {
        runs.push(container::remove(name));
    }
    runs.push(placement.create.run.clone());
    let mut done = predicates::runs(name, &placement.create).to_vec();
    let mut before = vec![StepKind::InstallDocker, StepKind::Pull];
    if role.traefik {
        runs.push(container::connect(name, Some(&placement.alias)));
        done.push(predicates::has_alias(name, &placement.alias));
        let check = draft.config.healthcheck_of(role);
        done.push(Predicate::eq(
            &["containers", name, "labels", LABEL_HEALTHCHECK],
            format!("{} {}", check.port, check.path),
        ));
        before.push(StepKind::Network);
    }
    runs.push(container::start(name));
    let begins = renamed.is_none();
    let step = placement
        .step(StepKind::Start, name, "start")
        .because(format!("Start {name}"), placement.why())
        .needs(gate)
        .needs(renamed)
        .needs(draft.find_each(placement.host, &before))
        .does(runs)
        .secrets(&placement.secrets(), Travel::Env)
        .done_when(done)
        .on_failure([placement.logs(draft.config)], [container::remove(name)]);
    draft.add(match begins {
        true => step,
        false => step.within_switch(),
    })
}
