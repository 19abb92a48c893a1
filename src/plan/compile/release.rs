//! The release command: it runs once for each version on the primary host, before its first container starts.

use super::placement::{of_service, version_of};
use super::{Draft, HostView, removal};
use crate::action::{Action, Complete};
use crate::config::model::{Config, ReleaseCommand, Role};
use crate::diagnostic::Diagnostic;
use crate::docker::apart::{self, Apart};
use crate::docker::names::{self, LABEL_RELEASE, NETWORK};
use crate::docker::{container, image};
use crate::facts::model::{ContainerFacts, ContainerState, HostFacts};
use crate::name::StepId;
use crate::plan::operation::ReleaseRuns;
use crate::plan::{OnFailure, Predicate, Reason, Step, StepKind, Travel};
use crate::text::{command_line, list};

/// What the notes of a plan call it.
const SUBJECT: &str = "release";

/// The most characters of the command that a summary has.
const MOST_SHOWN: usize = 60;

/// The release command, if it is to run.
pub struct Due<'a> {
    host: HostView<'a>,
    command: &'a ReleaseCommand,
    role: &'a Role,
}

/// Finds out whether the release command is to run. If so, its host gets the image.
pub fn find<'a>(draft: &mut Draft<'a>) -> Option<Due<'a>> {
    let again = draft.operation.release_runs == ReleaseRuns::Again;
    let Some(command) = &draft.config.release else {
        if again {
            let help = "set `release: {cmd: …}` in deploy.yml, or omit `--release`";
            draft.refuse(Diagnostic::error("no release command is configured").help(help));
        }
        return None;
    };
    let primary = draft.config.primary_host()?;
    let name = names::release(draft.config, draft.version);
    let facts = draft.facts.hosts.get(primary);
    let earlier = facts.and_then(|facts| facts.containers.get(&name));
    let has_run = earlier.is_some_and(has_succeeded);
    let changes = draft.placements.iter().any(|one| one.changes());
    let reason = match (again, has_run, changes) {
        (true, ..) | (false, false, true) if is_partial(draft) => {
            let problem = format!("the release command is not run: {}", shown(command));
            let why = "only a part of the hosts or roles is selected";
            match again {
                true => draft.refuse(Diagnostic::error(problem).help(format!("{why}: select all"))),
                false => draft.warn(format!("{problem}; {why}")),
            }
            return None;
        }
        (true, ..) | (false, false, true) => {
            let host = draft.hosts.iter_mut().find(|host| host.name() == primary)?;
            host.changes = true;
            let host = *host;
            check_running(draft, &host);
            let mut roles = draft.config.roles.iter();
            let role = roles.find(|role| role.name == command.role)?;
            return Some(Due {
                host,
                command,
                role,
            });
        }
        (false, true, _) => format!("`{}` has run for this version", shown(command)),
        (false, false, false) => "no container changes".to_owned(),
    };
    draft.unchanged(Some(primary), SUBJECT, reason);
    None
}

/// Returns whether a role is left out on one of its hosts.
fn is_partial(draft: &Draft) -> bool {
    let mut all = draft.config.roles.iter().flat_map(|role| {
        let hosts = role.hosts.iter();
        hosts.map(move |host| (&role.name, host))
    });
    all.any(|(role, host)| {
        let mut selected = draft.slots.iter();
        !selected.any(|slot| slot.role.name == *role && slot.host == host)
    })
}

/// Returns the command for people, cut off if it is long.
fn shown(command: &ReleaseCommand) -> String {
    let line = command_line(&command.cmd);
    match line.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

fn has_succeeded(container: &ContainerFacts) -> bool {
    container.state == ContainerState::Exited && container.exit_code == Some(0)
}

/// Returns the containers of release commands of the service and destination on a host, by name.
fn containers<'f>(
    config: &'f Config,
    facts: &'f HostFacts,
) -> impl Iterator<Item = (&'f String, &'f ContainerFacts)> {
    facts.containers.iter().filter(|(_, container)| {
        of_service(config, container) && container.labels.contains_key(LABEL_RELEASE)
    })
}

/// Refuses to run anything beside a release command that runs: that of a run that was given up.
fn check_running(draft: &mut Draft, host: &HostView) {
    let mut found = containers(draft.config, host.facts);
    if let Some((name, _)) = found.find(|(_, container)| container.state.is_up()) {
        let problem = format!(
            "host {}: release command {name} is still running",
            host.name()
        );
        let help = format!(
            "wait until it ends (`docker logs -f {name}` on the host), or stop it with `docker stop {name}`"
        );
        draft.refuse(Diagnostic::error(problem).help(help));
    }
}

/// Adds the run of the release command, and the barrier that containers wait for. Returns the barrier.
pub fn run(draft: &mut Draft, due: &Due) -> StepId {
    let Due { host, role, .. } = due;
    let version = draft.version;
    let name = names::release(draft.config, version);
    let start = names::start_apart(draft.config, host.name(), version, host.facts.serial.number);
    let label = ["containers", name.as_str(), "labels", LABEL_RELEASE];
    let is_this = Predicate::eq(&label, start.as_str());
    let created = draft.add(create(draft, due, (&name, &start), is_this.clone()));
    let still = match host.facts.containers.get(&name) {
        Some(earlier) => Predicate::eq(&["containers", &name, "id"], earlier.id.as_str()),
        None => Predicate::absent(&["containers", &name]),
    };
    draft.rely(host.name(), still, vec![created.clone()]);
    let seconds = draft.config.stop_wait_time_of(&role.name);
    let complete = Complete {
        container: name.clone(),
    };
    let cleanup = [container::stop(&name, seconds), container::remove(&name)];
    let finish = step(due, (version, "run"))
        .because(format!("Run {}", shown(due.command)), Reason::Requested)
        .needs([created])
        .does([complete])
        .done_when([
            is_this,
            Predicate::eq(&["containers", &name, "state"], ContainerState::Exited),
            Predicate::eq(&["containers", &name, "exit_code"], 0),
        ])
        .on_failure([], cleanup)
        .timeout(due.command.timeout.unwrap_or(0));
    let finish = draft.add(finish);
    let why = Reason::needed_by("no container starts before the release command has succeeded");
    let gate = Step::new(None, StepKind::Barrier, ["barrier", SUBJECT, "open"])
        .because("Wait for the release command", why)
        .needs([finish])
        .opens_after(0);
    draft.add(gate)
}

/// Returns the step `[release, version, verb]` for the role: what fails stops the run.
fn step(due: &Due, (version, verb): (&str, &str)) -> Step {
    let mut step = due.host.step(StepKind::Release, [SUBJECT, version, verb]);
    step.role = Some(due.role.name.clone());
    step.on_failure = OnFailure::StopRun;
    step
}

/// Returns the step that creates the container, in place of one that an earlier run has left.
fn create(draft: &Draft, due: &Due, (name, start): (&str, &str), is_this: Predicate) -> Step {
    let Due {
        host,
        command,
        role,
    } = due;
    let config = draft.config;
    let apart = Apart {
        name,
        cmd: &command.cmd,
        role,
        env: role.env_of(host.name()),
        version: draft.version,
        image: &image::reference(config, draft.version),
        start: (LABEL_RELEASE, start),
        home: &host.facts.home,
    };
    let created = apart::create(config, &apart, Vec::new());
    let mut runs = vec![
        apart::remove_earlier(config, LABEL_RELEASE, draft.version),
        created,
    ];
    let mut done = vec![is_this];
    let mut before = vec![StepKind::InstallDocker, StepKind::Pull];
    // The container is where those of its role are.
    if role.traefik && (host.traefik || host.facts.networks.contains(NETWORK)) {
        runs.push(container::connect(name, None));
        done.push(Predicate::contains(
            &["containers", name, "networks"],
            NETWORK,
        ));
        before.push(StepKind::Network);
    }
    let actions = runs.into_iter().map(Action::from);
    step(due, (draft.version, "create"))
        .because(
            format!("Create {name}"),
            Reason::needed_by(format!("`{}` runs before the app starts", shown(command))),
        )
        .needs(draft.find_each(host.name(), &before))
        .does(actions)
        .secrets(&role.env_of(host.name()).secret_names(), Travel::Env)
        .done_when(done)
        // Without force: one that runs is of somebody else.
        .on_failure([], [container::remove_stopped(&[name.to_owned()])])
}

/// Warns of what a rollback does not take back: the release commands that have run since its version, as far as that is known.
pub fn warn_of_later(draft: &mut Draft) {
    let config = draft.config;
    let primary = config.primary_host();
    let Some(facts) = primary.and_then(|host| draft.facts.hosts.get(host)) else {
        return;
    };
    let own = facts.containers.get(&names::release(config, draft.version));
    let of_roles = facts.containers.values().filter(|container| {
        of_service(config, container)
            && container.labels.contains_key("role")
            && version_of(container) == draft.version
    });
    let first = of_roles.map(|container| container.created_at).min();
    let Some(since) = own.map(|container| container.created_at).or(first) else {
        return;
    };
    let mut later: Vec<(u64, String)> = containers(config, facts)
        .filter(|(_, container)| {
            container.created_at > since && version_of(container) != draft.version
        })
        .map(|(_, container)| (container.created_at, version_of(container)))
        .collect();
    later.sort();
    if !later.is_empty() {
        let versions: Vec<String> = later.into_iter().map(|(_, version)| version).collect();
        let versions = list(&versions);
        draft.warn(format!(
            "a rollback does not undo the release command, which has run since for {versions}"
        ));
    }
}

/// Returns the containers of release commands on `host` whose version has no other container there, and whose end is before `limit`.
pub fn expired(draft: &Draft, host: &HostView, removed: &[String], limit: u64) -> Vec<String> {
    let has_others = |version: &str| {
        let mut others = host.facts.containers.iter();
        others.any(|(name, container)| {
            of_service(draft.config, container)
                && container.labels.contains_key("role")
                && version_of(container) == version
                && !removed.contains(name)
        })
    };
    let found = containers(draft.config, host.facts).filter(|(_, container)| {
        let version = version_of(container);
        !container.state.is_up()
            && version != draft.version
            && container.created_at.max(container.stopped_at) < limit
            && !has_others(&version)
    });
    found.map(|(name, _)| name.clone()).collect()
}

/// Returns the names of the containers of release commands on `host`.
pub fn container_names<'a>(
    draft: &Draft<'a>,
    host: &HostView<'a>,
) -> impl Iterator<Item = &'a str> {
    containers(draft.config, host.facts).map(|(name, _)| name.as_str())
}

/// Adds the removal of the containers of release commands on `host`: all of them, or those of `version`. Returns the steps.
pub fn remove(draft: &mut Draft, host: &HostView, version: Option<&str>) -> Vec<StepId> {
    let found = containers(draft.config, host.facts)
        .filter(|(_, container)| version.is_none_or(|version| version_of(container) == version));
    let found: Vec<_> = found.collect();
    check_running(draft, host);
    let stopped = found
        .into_iter()
        .filter(|(_, container)| !container.state.is_up());
    stopped
        .map(|(name, container)| {
            removal::container(draft, host, (name, container), |step| step, None)
        })
        .collect()
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
