//! Asks the hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::model::{HostStatus, Known, Lock, RoleStatus, Run, Status};
use crate::cli::options::HostOptions;
use crate::cli::reading::Reading;
use crate::config::model::{Config, Role};
use crate::docker::names;
use crate::facts::model::{ContainerFacts, ContainerState, Health, HostFacts, SerialFacts};
use crate::journal::PlanStore;
use crate::name::{HostName, PlanDigest};
use crate::plan::compile::{self, Serving, Standing};
use crate::record::{Attempt, AttemptState};
use crate::transport::request::Place;

/// Returns what the hosts say, and the one with the lock.
pub async fn collect(
    reading: &mut Reading,
    config: &Config,
    options: &HostOptions,
    hosts: Vec<&HostName>,
) -> Status {
    let facts = reading.facts(hosts.clone()).await;
    let mut statuses = Vec::new();
    let mut copies = BTreeMap::new();
    for host in hosts {
        let status = match facts.get(host) {
            None => HostStatus::Silent,
            Some(facts) => {
                let mut known = known(config, host, options, facts);
                known.runs = runs(reading, host, facts).await;
                copies.extend(known.runs.iter().filter_map(copy_of));
                HostStatus::Known(known)
            }
        };
        statuses.push((host.clone(), status));
    }
    Status {
        service: config.service_with_destination(),
        options: reading.repeated_options(),
        lock: lock(reading, config).await,
        hosts: statuses,
        copies,
        now: u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0),
    }
}

async fn lock(reading: &mut Reading, config: &Config) -> Lock {
    let Some(host) = config.primary_host() else {
        return Lock::Free;
    };
    match reading.lock_status(host).await {
        None => Lock::Unknown(host.clone()),
        Some(None) => Lock::Free,
        Some(Some(state)) => Lock::Held(state),
    }
}

fn known(config: &Config, host: &HostName, options: &HostOptions, facts: &HostFacts) -> Known {
    let wanted = |role: &&Role| options.roles.is_empty() || options.roles.contains(&role.name);
    let roles = config.roles.iter().filter(|role| role.hosts.contains(host));
    let roles: Vec<&Role> = roles.filter(wanted).collect();
    let accessories = config.accessories.iter();
    let accessories = accessories.filter(|accessory| accessory.hosts.contains(host));
    let accessories = accessories.map(|accessory| {
        let container = facts.containers.get(&names::accessory(config, accessory));
        let running = container.filter(|container| container.state.is_up());
        let image = running.map(|container| container.image.clone());
        (accessory.name.clone(), image)
    });
    let traefik = facts.traefik.as_ref().map(|traefik| traefik.image.clone());
    Known {
        traefik: roles.iter().any(|role| role.traefik).then_some(traefik),
        roles: roles
            .iter()
            .map(|role| role_status(config, role, facts))
            .collect(),
        accessories: accessories.collect(),
        free_bytes: facts.free_bytes,
        runs: Vec::new(),
    }
}

fn role_status(config: &Config, role: &Role, facts: &HostFacts) -> RoleStatus {
    let name = role.name.to_string();
    let running = compile::containers(config, role, facts).into_iter();
    let mut running = running.filter(|serving| serving.standing != Standing::Stopped);
    let answered = compile::answered(config, role, facts);
    let Some(serving) = running.next() else {
        return RoleStatus {
            name,
            answered,
            health: "stopped",
            replicas: (0, role.replicas),
            ..RoleStatus::default()
        };
    };
    let (beside, others): (Vec<Serving>, Vec<Serving>) =
        running.partition(|other| role.replicas > 1 && serving.has_beside(other));
    let health = |serving: &Serving| health(config, role, serving.container);
    let own = health(&serving);
    let worse = beside.iter().map(health);
    let worse = worse.filter(|health| !matches!(*health, "healthy" | "running"));
    let indexes: BTreeSet<u32> = beside.iter().map(|other| other.index).collect();
    RoleStatus {
        name,
        since: serving.container.created_at,
        health: worse.fold(own, |_, health| health),
        routed: role.traefik.then_some(serving.standing == Standing::Routed),
        replicas: (count_of(indexes.len()), role.replicas),
        answered,
        others: others.into_iter().map(|other| other.version).collect(),
        version: Some(serving.version),
    }
}

/// Returns how many containers serve, with so many beside the first.
fn count_of(beside: usize) -> u32 {
    u32::try_from(beside).map_or(u32::MAX, |beside| beside.saturating_add(1))
}

fn health(config: &Config, role: &Role, container: &ContainerFacts) -> &'static str {
    let has_command = config.healthcheck_of(role).cmd.is_some() && container.health != Health::None;
    let is_asked = role.traefik && !has_command;
    match (container.state, is_asked, container.health) {
        (ContainerState::Restarting, _, _) => "restarting",
        (ContainerState::Paused, _, _) => "paused",
        (_, true, _) if container.healthy => "healthy",
        (_, true, _) => "unhealthy",
        (_, false, Health::None) => "running",
        (_, false, Health::Healthy) => "healthy",
        (_, false, Health::Starting) => "starting",
        (_, false, Health::Unhealthy) => "unhealthy",
    }
}

/// Returns the plans that are not finished: the last, and older ones with a step that runs or is in doubt.
async fn runs(reading: &mut Reading, host: &HostName, facts: &HostFacts) -> Vec<Run> {
    let mut runs = Vec::new();
    for plan in &facts.unfinished {
        let place = Place {
            scope: reading.scope(),
            state_dir: facts.state_dir.clone(),
            plan: plan.clone(),
        };
        let Some(attempts) = reading.attempts(host, &place).await else {
            break;
        };
        let run = run(plan, &facts.serial, &attempts);
        if run.is_last || run.running + run.in_doubt > 0 {
            runs.push(run);
        }
    }
    runs.sort_by_key(|run| !run.is_last);
    runs
}

/// Only the last attempt at a step counts.
fn run(plan: &PlanDigest, serial: &SerialFacts, attempts: &[Attempt]) -> Run {
    let mut last: BTreeMap<&str, &Attempt> = BTreeMap::new();
    for attempt in attempts {
        let known = last.entry(&attempt.step).or_insert(attempt);
        if known.number < attempt.number {
            *known = attempt;
        }
    }
    let count = |state: &AttemptState| last.values().filter(|one| one.state == *state).count();
    Run {
        plan: plan.clone(),
        is_last: serial.plan.as_ref() == Some(plan),
        running: count(&AttemptState::Running),
        in_doubt: count(&AttemptState::Lost),
    }
}

/// Returns the path of the plan's copy on this machine, if there is one.
fn copy_of(run: &Run) -> Option<(PlanDigest, String)> {
    let path = PlanStore::new(Path::new(""), &run.plan).ok()?.plan();
    let shown = path.display().to_string();
    path.is_file().then(|| (run.plan.clone(), shown))
}
