//! Starts the new container of a placement.

use crate::action::Action;
use crate::docker::container;
use crate::docker::names::{LABEL_CREATE, LABEL_HEALTHCHECK, LABEL_VERSION, NETWORK};
use crate::facts::model::{ContainerState, HostFacts};
use crate::name::StepId;
use crate::plan::compile::draft::Draft;
use crate::plan::compile::placement::{Decision, Placement};
use crate::plan::compile::step::StepBuilder;
use crate::plan::kinds::StepKind;
use crate::plan::model::{Reason, Travel};
use crate::plan::predicate::Predicate;

/// Adds the step that gives the running container another name, so that the new one can take it.
pub fn rename(
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
        placement.step_id(&placement.name, "rename"),
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
    let leftovers = [
        format!("label=service={}", draft.config.service),
        format!("label=role={}", role.name),
        destination,
        format!("label={LABEL_VERSION}={}", draft.version),
    ];
    let mut first = vec![container::prune(&leftovers)];
    if let Decision::Replace {
        remove_first: true, ..
    } = placement.decision
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
    let begins = renamed.is_none();
    let step = StepBuilder::new(
        placement.step_id(name, "start"),
        StepKind::Start,
        Some(placement.host),
        format!("Start {name}"),
        placement.why(),
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
    );
    let step = match begins {
        true => step,
        false => step.within_switch(),
    };
    draft.add(step.build())
}
