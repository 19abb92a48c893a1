//! From configuration, facts and operation to a plan, by a pure function: same input, same bytes.

mod accessories;
mod app;
mod assets;
mod begin;
mod bootstrap;
mod broadcast;
mod build;
mod conflicts;
mod disk;
mod draft;
mod emergency;
mod everything;
mod existing;
mod finish;
mod healthcheck;
mod hooks;
mod identity;
mod intercept;
mod labels;
mod last_route;
mod neighbors;
mod orphans;
mod other_user;
mod placement;
mod predicates;
mod proxy;
mod prune;
mod pull;
mod reduction;
mod registry;
mod release;
mod reliance;
mod removal;
mod room;
mod runs;
mod selection;
mod serving;
mod slot;
mod step;
mod switch;
mod tag;
mod target;
#[cfg(test)]
#[path = "testing_tests.rs"]
mod testing;
mod undo;

pub use self::accessories::owner::other_service;
pub use self::hooks::first::pre_connect;
pub use self::intercept::reason::{Answered, answered};
pub use self::selection::selected_hosts;
pub use self::serving::{Serving, Standing, containers};
pub use self::tag::{built_before, is_commit};
pub use self::target::missing_image;
pub use self::undo::{check_undo, undo};

use self::draft::{Draft, HostView, Result};
use self::placement::{Decision, Placement};
use super::{
    Accessories, AccessoryVerb, BuildVerb, HostOperation, Operation, OperationKind, Plan, Reason,
};
use crate::config::model::Config;
use crate::facts::model::Facts;

/// Compiles the plan of `operation`.
///
/// # Errors
/// Every reason at once why there can be no plan: unknown hosts or roles, hosts that mrsk cannot
/// support, a port that somebody else holds, labels that Traefik would not take.
pub fn compile(config: &Config, facts: &Facts, operation: &Operation) -> Result<Plan> {
    let selection = selection::select(config, operation)?;
    let target = target::resolve(config, facts, operation, &selection)?;
    let operation = &target.operation;
    let mut draft = begin::draft(config, facts, &target, selection)?;
    match &operation.kind {
        OperationKind::RegistryLogin => {
            bootstrap::run(&mut draft);
            registry::login(&mut draft);
        }
        OperationKind::RegistryLogout => registry::logout(&mut draft),
        OperationKind::Rollback(_) => {
            app::roll_back(&mut draft);
            broadcast::run(&mut draft);
        }
        // It is made from the plan that it undoes.
        OperationKind::Undo(_) => {}
        OperationKind::App(operation) => app::run(&mut draft, operation),
        OperationKind::Accessory(verb, named) => accessory(&mut draft, *verb, named),
        OperationKind::Host(operation) => {
            bootstrap::check_engine(&mut draft);
            match operation {
                HostOperation::Drain(by) => intercept::drain::drain(&mut draft, by),
                HostOperation::Undrain => intercept::drain::undrain(&mut draft),
            }
        }
        OperationKind::Traefik(verb) => proxy::operations::run(&mut draft, *verb),
        OperationKind::Build(verb) => image(&mut draft, verb),
        OperationKind::Healthcheck(_) => healthcheck::run(&mut draft),
        OperationKind::Prune(pruned) => prune::asked(&mut draft, *pruned),
        OperationKind::Remove => everything::run(&mut draft),
        OperationKind::ServerBootstrap => bootstrap::run(&mut draft),
        _ => start(&mut draft),
    }
    if let Some(note) = &target.note {
        draft.unchanged(None, operation.name(), note);
    }
    hooks::around::run(&mut draft);
    emergency::warn(&mut draft);
    reliance::run(&mut draft);
    reduction::run(&mut draft);
    finish::finish(draft)
}

/// Adds what is done to accessories.
fn accessory(draft: &mut Draft, verb: AccessoryVerb, named: &Accessories) {
    match verb {
        AccessoryVerb::Boot => {
            start(draft);
            broadcast::run(draft);
        }
        AccessoryVerb::Start | AccessoryVerb::Reboot => {
            bootstrap::run(draft);
            accessories::lifecycle::run(draft, verb, named);
        }
        AccessoryVerb::Upload => accessories::upload::files(draft, named),
        AccessoryVerb::Directories => accessories::upload::directories_of(draft, named),
        AccessoryVerb::Stop | AccessoryVerb::Restart => {
            bootstrap::check_engine(draft);
            accessories::lifecycle::run(draft, verb, named);
        }
        AccessoryVerb::Remove
        | AccessoryVerb::RemoveContainer
        | AccessoryVerb::RemoveImage
        | AccessoryVerb::RemoveDirectory => {
            bootstrap::check_engine(draft);
            accessories::remove::run(draft, verb, named);
        }
    }
}

/// Adds what is done about the image, without a container.
fn image(draft: &mut Draft, verb: &BuildVerb) {
    match verb {
        BuildVerb::Create => build::create_builder(draft),
        BuildVerb::Remove => build::remove_builder(draft),
        BuildVerb::Push(_) => push(draft),
        BuildVerb::Pull(_) | BuildVerb::Deliver(_) => {
            bootstrap::run(draft);
            if let BuildVerb::Deliver(_) = verb {
                push(draft);
            }
            for host in &mut draft.hosts {
                host.changes = true;
            }
            pull::run(draft);
        }
    }
}

/// Adds a build and a push, unless the image is used as it is.
fn push(draft: &mut Draft) {
    if !build::is_built_before(draft) {
        registry::log_in(draft);
        build::build(draft, Reason::Requested);
    }
}

/// Adds what starts containers.
fn start(draft: &mut Draft<'_>) {
    bootstrap::run(draft);
    registry::run(draft);
    conflicts::run(draft);
    accessories::run(draft);
    if draft.operation.deploys() {
        deploy(draft);
    }
    disk::run(draft);
}

/// Adds what brings a version to the selected roles.
fn deploy(draft: &mut Draft<'_>) {
    let release = release::find(draft);
    build::run(draft);
    pull::run(draft);
    proxy::network::run(draft);
    proxy::start::run(draft);
    labels::run(draft);
    neighbors::run(draft);
    let gate = release.map(|due| release::run(draft, &due));
    switch::run_after(draft, gate);
    intercept::standing::note(draft);
    orphans::run(draft);
    accessories::gate_roles(draft);
    if draft.operation.kind.prunes() {
        prune::run(draft);
    }
    broadcast::run(draft);
}
