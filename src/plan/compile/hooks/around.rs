//! Hooks around what an operation does as a whole: `pre-build`, `docker-setup`, `pre-deploy` and `post-deploy`.

use std::collections::HashSet;

use super::first;
use super::step::{Call, step};
use crate::name::{HostName, StepId};
use crate::plan::compile::draft::needs_of_ends;
use crate::plan::compile::step::makes_room;
use crate::plan::compile::{Draft, HostView, Placement};
use crate::plan::hook::Hook;
use crate::plan::{Need, NeedOn, OperationKind, Reason, Step, StepKind};
use crate::text::list;

/// Where a reader finds the names.
const NAMES: &str = "docs/hooks.md has the names of hooks";

/// Adds the hooks of the operation.
pub fn run(draft: &mut Draft) {
    if !draft.operation.kind.runs_hooks() {
        return;
    }
    warn_of_others(draft);
    first::note(draft);
    docker_setup(draft);
    let is_deploy =
        draft.operation.deploys() || matches!(draft.operation.kind, OperationKind::Rollback(_));
    if is_deploy && draft.placements.iter().any(Placement::changes) {
        pre_deploy(draft);
        post_deploy(draft);
    }
    pre_build(draft);
}

/// Warns of files beside the hooks that look like some and are not run.
fn warn_of_others(draft: &mut Draft) {
    let source = draft.facts.source.as_ref();
    let files: Vec<&String> = source.map_or_else(Vec::new, |source| source.hooks.keys().collect());
    let name_of = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let unknown = files
        .iter()
        .filter(|path| Hook::of_file(path).is_none() && !name_of(path).contains('.'));
    let unknown: Vec<&str> = unknown.map(|path| path.as_str()).collect();
    if !unknown.is_empty() {
        draft.warn(format!("not run as hooks: {}; {NAMES}", list(&unknown)));
    }
    if let (Some(path), true) = (&draft.config.hooks.path, files.is_empty()) {
        draft.warn(format!("no hooks in {path}, which `hooks_path` names"));
    }
}

/// Adds the hook that runs once the engine was installed, before anything else happens on these hosts.
fn docker_setup(draft: &mut Draft) {
    let is_install = |step: &Step| step.kind == StepKind::InstallDocker;
    let installs = draft.steps.iter().filter(|step| is_install(step));
    let installed: HashSet<HostName> = installs.filter_map(|step| step.host.clone()).collect();
    let hosts: Vec<&HostName> = draft.hosts.iter().map(HostView::name).collect();
    let hosts: Vec<&HostName> = hosts
        .into_iter()
        .filter(|host| installed.contains(*host))
        .collect();
    if hosts.is_empty() {
        return;
    }
    let call = Call {
        hook: Hook::DockerSetup,
        group: "",
        hosts,
        why: Reason::Requested,
    };
    if let Some(step) = step(draft, call) {
        insert(draft, step, is_install, |step, earlier| {
            let mut needs = step.needs.iter();
            needs.any(|need| earlier.contains(&need.step))
        });
    }
}

/// Adds the gate that everything waits for but what brings the image to the hosts.
fn pre_deploy(draft: &mut Draft) {
    let why = Reason::needed_by("nothing that runs changes unless the hook succeeds");
    let call = of_all(draft, Hook::PreDeploy, why);
    if let Some(step) = step(draft, call) {
        insert(draft, step, brings_image, |step, earlier| {
            let mut needs = step.needs.iter();
            needs.all(|need| earlier.contains(&need.step))
        });
    }
}

/// Returns whether a step prepares a deploy, and changes nothing that runs.
fn brings_image(step: &Step) -> bool {
    match step.kind {
        StepKind::InstallDocker
        | StepKind::RegistryLogin
        | StepKind::Builder
        | StepKind::Build
        | StepKind::Push
        | StepKind::Pull
        | StepKind::Assets
        | StepKind::PostHook => true,
        StepKind::Prune => makes_room(step),
        StepKind::RegistryLogout
        | StepKind::Release
        | StepKind::Network
        | StepKind::Traefik
        | StepKind::Start
        | StepKind::Healthcheck
        | StepKind::Route
        | StepKind::Unroute
        | StepKind::Intercept
        | StepKind::Drain
        | StepKind::Stop
        | StepKind::Remove
        | StepKind::Upload
        | StepKind::Rename
        | StepKind::Barrier
        | StepKind::Broadcast
        | StepKind::PreHook
        | StepKind::Unknown => false,
    }
}

/// Adds the hook that goes last, beside the broadcast.
fn post_deploy(draft: &mut Draft) {
    let call = of_all(draft, Hook::PostDeploy, Reason::Requested);
    if let Some(mut step) = step(draft, call) {
        let steps = draft.steps.iter();
        step.needs = needs_of_ends(steps.filter(|step| step.kind != StepKind::Broadcast));
        draft.add(step);
    }
}

/// Adds the gate before the image is built.
fn pre_build(draft: &mut Draft) {
    let builds = |step: &Step| {
        matches!(
            step.kind,
            StepKind::Builder | StepKind::Build | StepKind::Push
        )
    };
    if !draft.steps.iter().any(|step| step.kind == StepKind::Push) {
        return;
    }
    let why = Reason::needed_by("no image is built unless the hook succeeds");
    let call = of_all(draft, Hook::PreBuild, why);
    let Some(step) = step(draft, call) else {
        return;
    };
    let building: HashSet<StepId> = draft
        .steps
        .iter()
        .filter(|step| builds(step))
        .map(|step| step.id.clone())
        .collect();
    insert(
        draft,
        step,
        |_| false,
        |step, _| {
            let mut needs = step.needs.iter();
            builds(step) && !needs.any(|need| building.contains(&need.step))
        },
    );
}

/// Returns the run of a hook that is told every selected host.
fn of_all<'a>(draft: &Draft<'a>, hook: Hook, why: Reason) -> Call<'a> {
    Call {
        hook,
        group: "",
        hosts: draft.hosts.iter().map(HostView::name).collect(),
        why,
    }
}

/// Inserts a step behind those that `is_earlier` says, and whose needs are such steps too. It needs the last of them; of the others,
/// those need it that `waits` says, which is told the ids of the earlier ones.
fn insert(
    draft: &mut Draft,
    mut step: Step,
    is_earlier: impl Fn(&Step) -> bool,
    waits: impl Fn(&Step, &HashSet<StepId>) -> bool,
) {
    let mut ids = HashSet::new();
    let (mut earlier, mut later) = (Vec::new(), Vec::new());
    draft.places.clear();
    for step in std::mem::take(&mut draft.steps) {
        let mut needs = step.needs.iter();
        match is_earlier(&step) && needs.all(|need| ids.contains(&need.step)) {
            true => {
                ids.insert(step.id.clone());
                earlier.push(step);
            }
            false => later.push(step),
        }
    }
    step.needs = needs_of_ends(earlier.iter());
    for step in earlier {
        draft.add(step);
    }
    let gate = draft.add(step);
    for mut step in later {
        if waits(&step, &ids) {
            step.needs.push(Need {
                step: gate.clone(),
                on: NeedOn::Success,
            });
        }
        draft.add(step);
    }
}

#[cfg(test)]
#[path = "around_tests.rs"]
mod tests;
