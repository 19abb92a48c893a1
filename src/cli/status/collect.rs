//! Asks the hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::model::{HostStatus, Known, LastRun, Lock, RoleStatus, Run, Service, Status};
use crate::cli::options::HostOptions;
use crate::cli::reading::Reading;
use crate::config::model::{Config, Role};
use crate::docker::names;
use crate::facts::model::{ContainerFacts, ContainerState, Health, HostFacts, SerialFacts};
use crate::facts::routed::RoutedFacts;
use crate::journal::PlanStore;
use crate::name::{HostName, PlanDigest, RoleName};
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
    let facts_of = reading.facts(hosts.clone()).await;
    let mut statuses = Vec::new();
    let mut copies = BTreeMap::new();
    for host in hosts {
        let status = match facts_of.get(host) {
            None => HostStatus::Silent,
            Some(facts) => {
                let mut known = known(config, host, options, (facts, &facts_of));
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

/// The facts of all hosts that answer.
type All = BTreeMap<HostName, HostFacts>;

fn known(
    config: &Config,
    host: &HostName,
    options: &HostOptions,
    (facts, all): (&HostFacts, &All),
) -> Known {
    let wanted = |role: &&Role| options.roles.is_empty() || options.roles.contains(&role.name);
    let roles = config.roles.iter().filter(|role| role.hosts.contains(host));
    let roles: Vec<&Role> = roles.filter(wanted).collect();
    let accessories = config.accessories.iter();
    let accessories = accessories.filter(|accessory| accessory.hosts.contains(host));
    let accessories = accessories.map(|accessory| {
        let container = facts.containers.get(&names::accessory(config, accessory));
        (accessory.name.clone(), service(container))
    });
    let traefik = || match &facts.traefik {
        Some(traefik) => Service::Runs(traefik.image.clone()),
        None => service(facts.containers.get(names::TRAEFIK)),
    };
    Known {
        traefik: roles.iter().any(|role| role.traefik).then(traefik),
        roles: roles
            .iter()
            .map(|role| role_status(config, role, facts, all))
            .collect(),
        accessories: accessories.collect(),
        free_bytes: facts.free_bytes,
        runs: Vec::new(),
    }
}

fn service(container: Option<&ContainerFacts>) -> Service {
    match container {
        None => Service::Missing,
        Some(container) if container.state.is_up() => Service::Runs(container.image.clone()),
        Some(_) => Service::Stopped,
    }
}

fn role_status(config: &Config, role: &Role, facts: &HostFacts, all: &All) -> RoleStatus {
    let name = role.name.to_string();
    let containers = compile::containers(config, role, facts).into_iter();
    let (stopped, running): (Vec<Serving>, Vec<Serving>) =
        containers.partition(|serving| serving.standing == Standing::Stopped);
    let mut running = running.into_iter();
    let answered = compile::answered(config, role, facts);
    let Some(serving) = running.next() else {
        return RoleStatus {
            name,
            answered,
            health: "stopped",
            replicas: (0, role.replicas),
            last: last_run(stopped),
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
    let (since, brought) = brought(role, &serving, facts, all);
    RoleStatus {
        name,
        last: None,
        since,
        brought,
        health: worse.fold(own, |_, health| health),
        routed: role.traefik.then_some(serving.standing == Standing::Routed),
        replicas: (count_of(indexes.len()), role.replicas),
        answered,
        others: others.into_iter().map(|other| other.version).collect(),
        version: Some(serving.version),
    }
}

/// Returns what `app start` starts.
fn last_run(stopped: Vec<Serving>) -> Option<LastRun> {
    let ran = stopped.into_iter();
    let ran = ran.filter(|serving| serving.container.stopped_at > 0);
    let last = ran.max_by_key(|serving| serving.container.stopped_at)?;
    Some(LastRun {
        version: last.version,
        stopped_at: last.container.stopped_at,
    })
}

/// Returns since when a version serves, and what brought it: by the routes of the role, or, as a role without Traefik has none, by the last
/// ones of that version anywhere.
fn brought(role: &Role, serving: &Serving, facts: &HostFacts, all: &All) -> (u64, String) {
    let created = serving.container.created_at;
    let own = first_of_last(facts, &role.name, &serving.version);
    let route = match role.traefik {
        true => own.filter(|_| serving.standing == Standing::Routed),
        false => all
            .values()
            .flat_map(|host| &host.routed)
            .filter(|route| route.version == serving.version)
            .max_by_key(|route| route.at),
    };
    let Some(route) = route else {
        return (created, String::new());
    };
    let brought = match (route.operation.as_str(), route.by.as_str()) {
        ("", _) | (_, "") => String::new(),
        (operation, by) => format!("{operation} by {by}"),
    };
    match role.traefik {
        true => (route.at, brought),
        false => (route.at.max(created), brought),
    }
}

/// Returns the first of the last routes of `role` if these, without another in between, are of `version`. A version that was stopped serves
/// since it was started; one that an unfinished plan routed, and another plan again, may not have served in between.
fn first_of_last<'f>(
    facts: &'f HostFacts,
    role: &RoleName,
    version: &str,
) -> Option<&'f RoutedFacts> {
    let routes = facts.routed.iter().rev();
    let of_role = routes.filter(|route| route.role == role.as_str());
    let is_finished = |route: &RoutedFacts| {
        let plan = route.plan.as_ref();
        plan.is_none_or(|plan| facts.finished.contains(plan))
    };
    let mut later: Option<&RoutedFacts> = None;
    let since_then = of_role.take_while(|route| {
        let later = later.replace(route);
        let is_new = later.is_some_and(|later| {
            later.operation == "app start" || later.plan != route.plan && !is_finished(route)
        });
        route.version == version && !is_new
    });
    since_then.last()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::model::NetworkFacts;

    fn route(role: &str, version: &str, at: u64, operation: &str, by: &str) -> RoutedFacts {
        RoutedFacts {
            role: role.into(),
            version: version.into(),
            at,
            operation: operation.into(),
            by: by.into(),
            ..RoutedFacts::default()
        }
    }

    fn container(role: &str, version: &str, created_at: u64) -> (String, ContainerFacts) {
        let labels = [
            ("service", "app"),
            ("role", role),
            ("mrsk.version", version),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let alias = "m-0123456789abcdef".to_owned();
        let network = NetworkFacts {
            aliases: [alias].into(),
        };
        let container = ContainerFacts {
            state: ContainerState::Running,
            created_at,
            labels: labels.into(),
            networks: [("mrsk".to_owned(), network)].into(),
            ..ContainerFacts::default()
        };
        (format!("app-{role}-{version}"), container)
    }

    #[test]
    fn who_brought_a_version_and_when_is_told_by_its_routes() {
        let text = "service: app\nimage: team/app\nregistry: {server: r.example}\n\
                    servers: {web: [a], job: {hosts: [a], cmd: work}}\n";
        let config = crate::config::parse("deploy.yml", text, None)
            .unwrap()
            .config;
        let [web, job] = ["web", "job"].map(|name| {
            let mut roles = config.roles.iter();
            roles.find(|role| role.name.as_str() == name).unwrap()
        });
        let deploy = |version, at| route("web", version, at, "deploy", "Ada");
        let back = || route("web", "v1", 30, "rollback", "Bob");
        let boot = || route("web", "v1", 40, "app boot", "Cem");
        let unnamed = || route("web", "v1", 30, "", "");
        let planned = |at, plan: &str| RoutedFacts {
            plan: Some(plan.into()),
            ..route("web", "v1", at, "rollback", "Bob")
        };
        for (role, created, routes, expected) in [
            (web, 10, vec![deploy("v1", 12)], (12, "deploy by Ada")),
            (
                web,
                10,
                vec![deploy("v1", 12), deploy("v2", 20), back()],
                (30, "rollback by Bob"),
            ),
            // A new container of the same version.
            (
                web,
                39,
                vec![deploy("v2", 20), back(), boot()],
                (30, "rollback by Bob"),
            ),
            // It did not serve until it was started again.
            (
                web,
                10,
                vec![
                    deploy("v1", 12),
                    route("web", "v1", 50, "app start", "Eve"),
                    boot(),
                ],
                (50, "app start by Eve"),
            ),
            // The first switch was taken back, and its plan is not finished.
            (
                web,
                10,
                vec![planned(20, "sha256:no"), planned(30, "sha256:done")],
                (30, "rollback by Bob"),
            ),
            (
                web,
                10,
                vec![planned(20, "sha256:done"), planned(30, "sha256:other")],
                (20, "rollback by Bob"),
            ),
            // What routed it last is not known.
            (web, 10, vec![deploy("v1", 12), deploy("v2", 20)], (10, "")),
            (web, 10, vec![unnamed()], (30, "")),
            (web, 10, vec![], (10, "")),
            // A worker is not routed.
            (job, 10, vec![deploy("v1", 12)], (12, "deploy by Ada")),
            (
                job,
                15,
                vec![deploy("v1", 12), deploy("v2", 20)],
                (15, "deploy by Ada"),
            ),
            (job, 15, vec![deploy("v2", 20)], (15, "")),
        ] {
            let facts = HostFacts {
                containers: [container(role.name.as_str(), "v1", created)].into(),
                routed: routes,
                finished: ["sha256:done".into()].into(),
                ..HostFacts::default()
            };
            let all = All::from([(HostName::from("a"), facts)]);
            let facts = &all["a"];
            let mut serving = compile::containers(&config, role, facts).remove(0);
            if role.traefik {
                serving.standing = Standing::Routed;
            }
            let (since, brought) = brought(role, &serving, facts, &all);
            assert_eq!(
                (since, brought.as_str()),
                expected,
                "{} {created}",
                role.name
            );
        }
    }
}
