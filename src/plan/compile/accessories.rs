//! Boots accessories: those that do not exist are created and started, and no other is touched.

use crate::action::{Action, Poll, Probe, Run, Upload};
use crate::config::model::Accessory;
use crate::diagnostic::Diagnostic;
use crate::docker::container::{self, Create};
use crate::docker::image;
use crate::docker::names::{self, LABEL_CREATE};
use crate::facts::model::{ContainerFacts, ContainerState};
use crate::name::StepId;
use crate::plan::compile::draft::{Draft, HostView};
use crate::plan::compile::step::{SILENCE, StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::{Barrier, Reason, Travel};
use crate::plan::predicate::Predicate;

/// Seconds for which a new accessory has to go on running before what depends on it may start.
const STEADY_SECONDS: u32 = 3;

/// Adds a start for every selected accessory that does not exist. The rest of the app waits for all of them.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        for accessory in &draft.config.accessories {
            if !accessory.hosts.contains(host.name()) {
                continue;
            }
            let name = names::accessory(draft.config, accessory);
            if host.facts.containers.contains_key(&name) {
                keep(draft, &host, accessory, &name);
            } else if is_booted(draft, &host, accessory) {
                boot(draft, &host, accessory, &name);
            } else {
                let warning = format!(
                    "host {}: accessory {accessory} does not exist; `mrsk accessory boot {accessory}` starts it",
                    host.name(),
                    accessory = accessory.name
                );
                draft.warnings.push(warning);
            }
        }
    }
    gate(draft);
}

/// Returns whether the operation starts `accessory` on `host`, where it does not exist.
pub fn is_booted(draft: &Draft, host: &HostView, accessory: &Accessory) -> bool {
    let wanted = draft.operation.boots(accessory);
    let missing = !host
        .facts
        .containers
        .contains_key(&names::accessory(draft.config, accessory));
    wanted && missing && accessory.hosts.contains(host.name())
}

/// Notes that an accessory stays as it is, and warns where that is not what the configuration says.
fn keep(draft: &mut Draft, host: &HostView, accessory: &Accessory, name: &str) {
    let Some(existing) = host.facts.containers.get(name) else {
        return;
    };
    let wanted = container::create_accessory(draft.config, accessory, &host.facts.home);
    let mut warn = |problem: String| {
        draft.warnings.push(format!(
            "host {}: accessory {} {problem}; mrsk leaves it as it is",
            host.name(),
            accessory.name
        ));
    };
    if !existing.state.is_up() {
        warn(format!("is not running ({})", existing.state.as_str()));
    }
    if let Some(problem) = difference(&wanted, existing) {
        warn(problem);
    }
    draft.unchanged(
        Some(host.name()),
        &accessory.name,
        format!("{name} exists; an accessory is never replaced"),
    );
}

/// Returns how a container differs from the one that the configuration describes.
fn difference(wanted: &Create, existing: &ContainerFacts) -> Option<String> {
    match existing.labels.get(LABEL_CREATE) {
        None => Some(
            "was not started by this version of mrsk: cannot tell whether it matches deploy.yml"
                .into(),
        ),
        Some(digest) if *digest == wanted.digest.as_str() => None,
        Some(_) => {
            let recorded = existing.labels.get(names::LABEL_SETTINGS);
            let parts = recorded.map_or_else(Vec::new, |text| wanted.changed_settings(text));
            let parts = match parts.is_empty() {
                true => String::new(),
                false => format!(": {}", parts.join(", ")),
            };
            Some(format!("differs from deploy.yml{parts}"))
        }
    }
}

fn boot(draft: &mut Draft, host: &HostView, accessory: &Accessory, name: &str) {
    check_port(draft, host, accessory);
    let wanted = container::create_accessory(draft.config, accessory, &host.facts.home);
    let base = container::accessory_directory(draft.config, accessory, &host.facts.home);
    let uploads = uploads(draft, accessory, &base);
    let leftovers = format!("label={LABEL_CREATE}={}", wanted.digest);
    let templates = uploads.iter().any(|upload| upload.template);
    let via_file: &[String] = if templates {
        &accessory.env.secret
    } else {
        &[]
    };
    let step = StepBuilder::new(
        step_id(Some(host.name()), "accessory", &accessory.name, "start"),
        StepKind::Start,
        Some(host.name()),
        format!("Start accessory {}", accessory.name),
        Reason::Missing {
            what: name.to_owned(),
        },
    )
    .accessory(&accessory.name)
    .needs(draft.find(Some(host.name()), StepKind::InstallDocker))
    .needs(draft.find(Some(host.name()), StepKind::RegistryLogin))
    .runs(directories(accessory, &base, &host.facts.home))
    .does_all(uploads.into_iter().map(Action::Upload))
    .runs([
        image::pull_reference(&accessory.image),
        container::prune(&[leftovers]),
    ])
    .does(Action::Run(wanted.run.clone()))
    .runs([container::start(name)])
    .does(Action::Poll(steady(name)))
    .secrets(&accessory.env.secret, Travel::Env)
    .secrets(via_file, Travel::File)
    .done_when(vec![
        Predicate::eq(&["containers", name, "state"], ContainerState::Running),
        Predicate::eq(
            &["containers", name, "labels", LABEL_CREATE],
            wanted.digest.as_str(),
        ),
    ])
    .on_failure(
        vec![container::logs(name)],
        vec![Action::Run(container::remove(name))],
    )
    .silence(SILENCE)
    .build();
    let id = draft.add(step);
    draft.rely(
        host.name(),
        Predicate::absent(&["containers", name]),
        vec![id],
    );
}

/// Looks whether the container goes on running.
fn steady(name: &str) -> Poll {
    Poll {
        probe: Probe::Running,
        container: name.to_owned(),
        port: None,
        path: None,
        host: None,
        expect: None,
        restarts: Some(0),
        interval_ms: 1000,
        attempts: STEADY_SECONDS,
    }
}

/// Returns the commands that make what files and directories are put into. The accessory's own directory is for the SSH user
/// alone; what is mounted from it can be read by whatever user the container has.
fn directories(accessory: &Accessory, base: &str, home: &str) -> Vec<Run> {
    if accessory.files.is_empty() && accessory.directories.is_empty() {
        return Vec::new();
    }
    let mut runs = vec![Run::literal(["mkdir", "-p", "-m", "0700", base])];
    let mut parents: Vec<String> = accessory
        .files
        .iter()
        .filter_map(|file| {
            Some(
                container::file_on_host(base, file)
                    .rsplit_once('/')?
                    .0
                    .to_owned(),
            )
        })
        .filter(|parent| parent != base)
        .collect();
    parents.sort_unstable();
    parents.dedup();
    runs.extend(
        parents
            .iter()
            .map(|parent| Run::literal(["mkdir", "-p", parent])),
    );
    runs.extend(accessory.directories.iter().map(|directory| {
        let path = container::directory_on_host(base, directory, home);
        Run::literal(["mkdir", "-p", "-m", "0755", &path])
    }));
    runs
}

/// Returns the uploads of an accessory's files, and notes those that are not there.
fn uploads(draft: &mut Draft, accessory: &Accessory, base: &str) -> Vec<Upload> {
    let mut uploads = Vec::new();
    for file in &accessory.files {
        let known = draft.facts.source.as_ref();
        let Some(local) = known.and_then(|source| source.files.get(&file.local)) else {
            let problem = Diagnostic::error(format!(
                "accessory {}: cannot read file {}",
                accessory.name, file.local
            ))
            .help(
                "paths in `files` are relative to the current directory and must lie in the repository",
            );
            if !draft.errors.contains(&problem) {
                draft.errors.push(problem);
            }
            continue;
        };
        let template = file.local.ends_with(".erb");
        uploads.push(Upload {
            source: local.path.clone(),
            sha256: local.sha256.clone(),
            path: container::file_on_host(base, file),
            mode: "0644".into(),
            template,
            env: if template {
                accessory.env.clear.clone()
            } else {
                Default::default()
            },
        });
    }
    uploads
}

fn check_port(draft: &mut Draft, host: &HostView, accessory: &Accessory) {
    let Some(port) = accessory.published_port() else {
        return;
    };
    if let Some(taken) = host.facts.ports.get(&port.to_string()) {
        draft.errors.push(
            Diagnostic::error(format!(
                "host {}: port {port} for accessory {} is already in use ({})",
                host.name(),
                accessory.name,
                taken.holder
            ))
            .help("stop it, or change the accessory's `port`"),
        );
    }
}

/// Adds the barrier that the app's first start waits for.
fn gate(draft: &mut Draft) {
    let booted: Vec<StepId> = draft
        .steps
        .iter()
        .filter(|step| step.accessory.is_some())
        .map(|step| step.id.clone())
        .collect();
    if booted.is_empty() || draft.placements.is_empty() {
        return;
    }
    let step = StepBuilder::new(
        step_id(None, "barrier", "accessories", "wait"),
        StepKind::Barrier,
        None,
        "Wait for the accessories to run",
        Reason::NeededBy {
            what: "the app finds its accessories when it starts".into(),
        },
    )
    .needs(booted)
    .opens(Barrier {
        at_most_failed: 0,
        wait_seconds: 0,
    })
    .build();
    draft.add(step);
}

/// Lets every start of a role wait for the accessories.
pub fn gate_roles(draft: &mut Draft) {
    let gate = step_id(None, "barrier", "accessories", "wait");
    if !draft.steps.iter().any(|step| step.id == gate) {
        return;
    }
    for step in &mut draft.steps {
        if step.kind == StepKind::Start && step.role.is_some() {
            step.needs.push(crate::plan::model::Need {
                step: gate.clone(),
                on: crate::plan::model::NeedOn::Success,
            });
        }
    }
}
