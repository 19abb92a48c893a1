//! Undos of compiled plans, from hosts that any part of the first plan has changed: what served before serves again.

use std::collections::{BTreeMap, BTreeSet};

use mrsk::facts::model::{ContainerFacts, ContainerState, HostFacts};
use mrsk::name::{HostName, PlanDigest, Sha256Hex};
use mrsk::plan::compile::undo;
use mrsk::plan::effect::effects;
use mrsk::plan::predicate::Predicate;
use mrsk::plan::{Check, Plan, Step, StepKind};

use super::plan_support::{self, Scenario as Compiled};
use super::plans::{Scenario, Switch};
use super::rng::Rng;
use super::world::{Mutant, World};

/// Deploys of another version, of a changed environment under the same one, in groups, of two roles, and of several containers on a
/// host.
const PLANS: [&str; 5] = [
    "second-version",
    "changed-env",
    "boot-in-groups",
    "two-roles",
    "replicas",
];

/// A container that served before, and what it served by.
#[derive(Debug, Clone)]
pub struct Served {
    host: HostName,
    id: String,
    file: Option<(String, String)>,
}

/// Returns what each role of the undo has on each of its hosts before the first plan.
fn served(compiled: &Compiled, undo: &Plan) -> Vec<Served> {
    let routes = |step: &&Step| step.kind == StepKind::Start;
    let starts = undo.steps.iter().filter(routes).map(|step| {
        let host = step.host.clone().unwrap();
        let facts = &compiled.facts.hosts[&host];
        let role = step.role.as_ref().unwrap().as_str();
        let of_role = |one: &&ContainerFacts| {
            let is_of_role = one.labels.get("role").is_some_and(|name| name == role);
            is_of_role && one.state == ContainerState::Running
        };
        // One that the first plan renames is the only one of its role.
        let name = step.id.as_str().split('/').nth(2).unwrap();
        let named = facts.containers.get(name).filter(of_role);
        let running = named.or_else(|| facts.containers.values().find(of_role));
        let file = facts
            .files
            .iter()
            .find(|(path, _)| path.ends_with(&format!("@{role}.yml")));
        Served {
            id: running.unwrap().id.clone(),
            file: file.map(|(path, file)| (path.clone(), file.sha256.clone())),
            host,
        }
    });
    starts.collect()
}

/// Returns the facts of a host after the first of the steps of `plan` there.
fn after(compiled: &Compiled, plan: &Plan, host: &HostName, count: usize) -> HostFacts {
    let mut facts = compiled.facts.hosts[host].clone();
    let steps = plan
        .steps
        .iter()
        .filter(|step| step.host.as_ref() == Some(host));
    for step in steps.take(count) {
        let before = facts.files.clone();
        facts = effects(&[step], &facts);
        for (path, file) in &mut facts.files {
            let former = before
                .get(path)
                .filter(|former| former.sha256 != file.sha256);
            if let Some(former) = former {
                let text = plan.contents.get(&Sha256Hex::from(file.sha256.as_str()));
                file.aliases.retain(|alias| match text {
                    Some(text) => text.contains(alias.as_str()),
                    None => !former.aliases.contains(alias),
                });
            }
        }
        let name = step.id.as_str().split('/').nth(2).unwrap();
        if let (StepKind::Start, Some(new)) = (step.kind, facts.containers.get_mut(name)) {
            let role = step.role.as_ref().unwrap().to_string();
            new.labels.insert("role".into(), role);
            new.id = "new".into();
        }
    }
    facts
}

/// Returns an undo, hosts on which each some part of the first plan was carried out, and what served there before it.
pub fn scenario(rng: &mut Rng) -> (Scenario, Vec<Served>) {
    let pick = rng.range(0, PLANS.len() as u64 - 1) as usize;
    let compiled = plan_support::scenario(PLANS[pick]);
    let plan = compiled.plan();
    let undo = undo(&compiled.config, &compiled.facts, &plan).unwrap();
    let mut facts = BTreeMap::new();
    for host in undo.hosts.keys() {
        let steps = plan
            .steps
            .iter()
            .filter(|step| step.host.as_ref() == Some(host));
        let count = rng.range(0, steps.count() as u64) as usize;
        let mut left = after(&compiled, &plan, host, count);
        for container in left.containers.values_mut() {
            let is_up = container.state == ContainerState::Running;
            container.in_flight = if is_up { 5 } else { 0 };
            container.healthy &= is_up;
        }
        if count > 0 || rng.chance(500) {
            left.serial.number += 1;
            left.serial.plan = Some(PlanDigest::clone(&plan.digest));
        }
        facts.insert(host.clone(), left);
    }
    let starts = undo
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Start);
    let switches = starts.map(|step| {
        let host = step.host.clone().unwrap();
        let role = step.role.clone().unwrap();
        let container = step.id.as_str().split('/').nth(2).unwrap().to_owned();
        Switch {
            host,
            role,
            container,
            route: None,
        }
    });
    let switches = switches.collect();
    let served = served(&compiled, &undo);
    let scenario = Scenario {
        plan: undo,
        facts,
        switches,
    };
    (scenario, served)
}

fn all_hold(predicates: &[Predicate], facts: &HostFacts) -> bool {
    let facts = serde_json::to_value(facts).unwrap();
    !predicates.is_empty() && predicates.iter().all(|one| one.holds(&facts))
}

impl World {
    /// An undo, after any part of the plan that it undoes.
    pub fn with_undo(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let (scenario, served) = scenario(&mut rng);
        let mut world = Self::with(rng, Mutant::None, scenario);
        world.course.served = Some(served);
        world.course.pushed = true;
        // What is not needed need not be done before what follows it.
        for step in &world.course.plan.clone().steps {
            let facts = step.host.as_ref().map(|host| &world.course.initial[host]);
            if facts.is_some_and(|facts| all_hold(&step.unless, facts)) {
                let taken = world.course.truth.take_effect(world.course.index[&step.id]);
                taken.expect("no step was done before");
            }
        }
        for host in Vec::from_iter(world.hosts.keys().cloned()) {
            world.note_held(&host);
        }
        world
    }

    /// Notes the steps of a host whose effect is there: where a restart may have taken claims, their checks are believed.
    pub(super) fn note_held(&mut self, host: &HostName) {
        let facts = &self.hosts[host].facts;
        for step in self.course.plan.steps.iter() {
            if let (true, Some(Check::Facts(predicates))) =
                (step.host.as_ref() == Some(host), &step.check)
                && all_hold(predicates, facts)
            {
                self.course.truth.held.insert(self.course.index[&step.id]);
            }
        }
    }

    /// What served before serves again, by its own routes, and alone in its role.
    pub(super) fn judge_served(&mut self, served: &[Served]) {
        for one in served {
            let facts = &self.hosts[&one.host].facts;
            let mut containers = facts.containers.values();
            let role = containers.find(|container| container.id == one.id);
            let role = role.and_then(|container| container.labels.get("role"));
            let running = facts.containers.values().filter(|container| {
                container.labels.get("role") == role && container.state == ContainerState::Running
            });
            let running: BTreeSet<&str> = running.map(|container| container.id.as_str()).collect();
            let all = served.iter().filter(|other| {
                let found = facts
                    .containers
                    .values()
                    .find(|container| container.id == other.id);
                let of_role = found.and_then(|container| container.labels.get("role"));
                other.host == one.host && of_role == role
            });
            let all: BTreeSet<&str> = all.map(|other| other.id.as_str()).collect();
            let is_routed = one.file.as_ref().is_none_or(|(path, sha256)| {
                facts
                    .files
                    .get(path)
                    .is_some_and(|file| file.sha256 == *sha256)
            });
            if running != all || !is_routed {
                let (host, id) = (&one.host, &one.id);
                let message = format!("{host}: {running:?} run, not {id}, or routed: {is_routed}");
                return self.fail(message);
            }
        }
    }
}
