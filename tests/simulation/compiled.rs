//! Plans that the compiler makes of random configurations, for hosts on which a real engine would do what their steps say. People make
//! further plans while others are half applied: of an older version, of a newer one, and of the same.

use mrsk::config::model::Config;
use mrsk::facts::model::{ContainerState, Facts, HostFacts};
use mrsk::name::{HostName, StepId};
use mrsk::plan::compile::compile;
use mrsk::plan::predicate::Predicate;
use mrsk::plan::{Check, Operation, Plan, Step, StepKind};
use serde_json::{Value, json};

use super::courses::{Course, PlanIndex};
use super::engine::{aliases_of, carry_out};
use super::plan_support;
use super::plans::Scenario;
use super::rng::Rng;
use super::world::{Item, Mutant, World};

/// What a plan was compiled from.
#[derive(Debug, Clone)]
pub struct Source {
    config: Config,
    facts: Facts,
    operation: Operation,
}

/// A commit for each version.
fn version(number: u64) -> String {
    number.to_string().repeat(40)
}

fn operation(name: &str, number: u64) -> Operation {
    let text = match name {
        "rollback" => json!({"name": name, "version": version(number)}),
        _ => json!({"name": name, "version": version(number), "skip_push": false}),
    };
    serde_json::from_value(text).expect("an operation")
}

/// A configuration of one to three hosts, with what the switch of a container depends on.
fn configuration(rng: &mut Rng) -> String {
    let hosts = rng.range(1, 3);
    let names: Vec<String> = (1..=hosts)
        .map(|at| format!("app{at}.example.com"))
        .collect();
    let mut text = format!(
        "service: hey\nimage: team/hey\nservers:\n  web:\n    hosts: [{}]\n",
        names.join(", ")
    );
    if rng.chance(400) {
        text += &format!("    replicas: {}\n", rng.range(2, 3));
    }
    if rng.chance(400) {
        text += &format!("  job:\n    hosts: [{}]\n    cmd: bin/jobs\n", names[0]);
        if rng.chance(300) {
            text += "    replicas: 2\n";
        }
    }
    if hosts > 1 && rng.chance(400) {
        text += &format!(
            "boot:\n  limit: {}\n  wait: {}\n",
            rng.range(1, 2),
            rng.range(0, 5)
        );
    }
    if rng.chance(300) {
        text += "retain_containers: 1\n";
    }
    text + "builder:\n  multiarch: false\nregistry:\n  server: registry.example.com\n  username: [REGISTRY_USER]\n  password: [REGISTRY_PASSWORD]\n"
}

/// Hosts with an engine and Traefik, and nothing of the app.
fn bare(config: &Config) -> Facts {
    let mut facts = plan_support::scenario("second-version").facts;
    let roles = config.roles.iter();
    let names: Vec<&HostName> = roles.flat_map(|role| &role.hosts).collect();
    facts.hosts.retain(|name, _| names.contains(&name));
    for host in facts.hosts.values_mut() {
        host.containers.retain(|name, _| name == "traefik");
        host.files.clear();
        host.images
            .retain(|reference, _| !reference.contains("team/hey"));
        host.serial = Default::default();
        host.finished.clear();
    }
    facts
}

fn holds(check: Option<&Check>, facts: &HostFacts) -> bool {
    let facts = serde_json::to_value(facts).unwrap_or(Value::Null);
    match check {
        Some(Check::Facts(predicates)) => {
            predicates.iter().all(|one: &Predicate| one.holds(&facts))
        }
        _ => true,
    }
}

/// Whether an engine does what the parts of a step of this kind say. Of others the check says what they do.
fn is_interpreted(step: &Step) -> bool {
    use StepKind::{Drain, Healthcheck, Rename, Route, Start, Stop};
    let kinds = [Start, Healthcheck, Route, Drain, Stop, Rename];
    kinds.contains(&step.kind) && step.accessory.is_none()
}

/// Carries out a part of a step; after the last one its effect is there.
pub fn part(plan: &Plan, step: &Step, at: usize, facts: &mut HostFacts) -> Result<(), String> {
    if let Some(action) = step.action.get(at) {
        carry_out(plan, action, facts)?;
    }
    if at + 1 < step.action.len() {
        return Ok(());
    }
    if !is_interpreted(step) {
        *facts = mrsk::plan::effect::effects(&[step], facts);
    }
    match holds(step.check.as_ref(), facts) {
        true => Ok(()),
        false => Err(format!("CHECK of {} does not hold after it", step.id)),
    }
}

/// Hosts after all steps of a plan.
fn deployed(plan: &Plan, facts: &mut Facts) {
    for step in &plan.steps {
        let Some(host) = step
            .host
            .as_ref()
            .and_then(|host| facts.hosts.get_mut(host))
        else {
            continue;
        };
        for at in 0..step.action.len() {
            part(plan, step, at, host).unwrap_or_else(|error| panic!("{}: {error}", step.id));
        }
    }
    for host in facts.hosts.values_mut() {
        host.serial.number += 1;
        host.serial.plan = Some(plan.digest.clone());
        host.finished.insert(plan.digest.clone());
    }
}

impl Source {
    fn plan(&self) -> Option<Plan> {
        let commit = &self.operation.kind.version().map(str::to_owned);
        let mut facts = self.facts.clone();
        if let Some(source) = &mut facts.source {
            source.commit = commit.clone().or(source.commit.take());
        }
        compile(&self.config, &facts, &self.operation).ok()
    }

    fn course(self) -> Option<Course> {
        let plan = self.plan().filter(|plan| !plan.steps.is_empty())?;
        let facts = self.facts.hosts.iter();
        let facts = facts.map(|(name, facts)| (name.clone(), facts.clone()));
        let mut course = Course::new(Scenario {
            plan,
            facts: facts.collect(),
            switches: Vec::new(),
        });
        // What is there already, such as an image, is believed to be pulled where a power cut may have taken the claim.
        for step in course
            .plan
            .steps
            .iter()
            .filter(|step| !is_interpreted(step))
        {
            let facts = step.host.as_ref().map(|host| &course.initial[host]);
            if facts.is_some_and(|facts| holds(step.check.as_ref(), facts)) {
                course.truth.held.insert(course.index[&step.id]);
            }
        }
        // The registry has the first version since its deploy.
        course.pushed = self.operation.kind.version() == Some(&version(1));
        course.source = Some(self);
        Some(course)
    }
}

impl World {
    /// A deploy of the second version, or of the first one again, and what people plan beside it.
    pub fn with_compiled(seed: u64, mutant: Mutant) -> Self {
        let mut rng = Rng::new(seed);
        let config = plan_support::config(&configuration(&mut rng), None);
        let facts = bare(&config);
        let mut source = Source {
            facts,
            config,
            operation: operation("deploy", 1),
        };
        let first = source.plan().expect("a first plan");
        deployed(&first, &mut source.facts);
        source.operation = match rng.chance(200) {
            true => operation("redeploy", 1),
            false => operation("deploy", 2),
        };
        let course = source.course().expect("a second plan");
        let mut world = Self::of(rng, mutant, course);
        for _ in 0..world.rng.range(0, 2) {
            let time = world.rng.range(0, 200_000);
            world.later(time, Item::MakePlan);
        }
        world
    }

    /// A run of the plan that acts is dead, or stops: perhaps a person makes another plan meanwhile.
    pub(super) fn plan_beside(&mut self) {
        if self.course.source.is_some() && self.rng.chance(400) {
            let delay = self.rng.range(100, 60_000);
            self.after(delay, Item::MakePlan);
        }
    }

    /// A person looks at the hosts, and makes a plan, which is applied at once or later.
    pub(super) fn make_plan(&mut self) {
        let is_well = |name: &HostName| {
            let sim = &self.hosts[name];
            sim.up && !sim.is_silent(self.now)
        };
        let Some(source) = self.course.source.clone() else {
            return;
        };
        if !source.facts.hosts.keys().all(is_well) {
            return self.after(5_000, Item::MakePlan);
        }
        let operation = match self.rng.range(0, 9) {
            0..=2 => operation("rollback", 1),
            3 | 4 => operation("deploy", 2),
            5 => operation("redeploy", 2),
            _ => operation("deploy", 3),
        };
        let name = format!("{} {:?}", operation.kind.name(), operation.kind.version());
        let Some(mut course) = self.looked(&source, operation).course() else {
            return self.note(format!("nothing to plan for {name}"));
        };
        let all = self.others().chain([&self.course]);
        let of_same = |other: &&Course| other.plan.image == course.plan.image;
        course.pushed |= all.filter(of_same).any(|other| other.pushed);
        let hosts = course.plan.hosts.values();
        let beside = hosts.filter(|host| host.unfinished.is_some()).count();
        let digest = &course.plan.digest;
        let mut kept = self.hosts.values().flat_map(|sim| &sim.kept);
        let same = kept.find(|(_, kept)| kept.digest == *digest);
        let plan = match same.map(|(plan, _)| *plan) {
            Some(plan) => plan,
            None => self.add_course(course),
        };
        self.note(format!(
            "plan {plan} is made: {name}, beside one that is half applied on {beside} hosts"
        ));
        let delay = match self.rng.chance(500) {
            true => self.rng.range(100, 2_000),
            false => self.rng.range(2_000, 90_000),
        };
        self.after(delay, Item::Launch { plan });
    }

    fn looked(&self, source: &Source, operation: Operation) -> Source {
        let mut source = Source {
            operation,
            ..source.clone()
        };
        for (name, facts) in &mut source.facts.hosts {
            *facts = self.hosts[name].look(self.now);
        }
        source
    }

    /// Whether another plan has begun a step on a host of the plan that acts: hosts differ with reason from what it was made for.
    pub(super) fn is_overtaken(&self) -> bool {
        self.hosts.values().any(|sim| {
            let mut others = sim.kept.iter().filter(|(plan, _)| **plan != self.at);
            others.any(|(_, kept)| sim.counts(kept))
        })
    }

    /// Nobody applies the plan that acts any more. If no other is left to be applied, a person makes one.
    pub(super) fn give_up_plan(&mut self) {
        self.course.finished = true;
        if self.is_over() {
            self.after(1_000, Item::MakePlan);
        }
    }

    /// What routing files name runs, and is healthy, at every moment.
    pub(super) fn check_routes(&mut self, host: &HostName) {
        let facts = &self.hosts[host].facts;
        let named = facts.files.values().flat_map(|file| &file.aliases);
        let serves = |alias: &String| {
            facts.containers.values().any(|container| {
                let is_asked = container.labels.contains_key("mrsk.healthcheck");
                let is_well = container.state == ContainerState::Running;
                is_well
                    && (container.healthy || !is_asked)
                    && aliases_of(container).any(|one| one == alias)
            })
        };
        let dead = named.into_iter().find(|alias| !serves(alias)).cloned();
        if let Some(alias) = dead {
            self.fail(format!(
                "requests on {host} go to {alias}, which does not serve"
            ));
        }
    }

    /// Carries out a part of a step of the plan that acts.
    pub(super) fn do_part(
        &mut self,
        host: &HostName,
        step: &Step,
        at: usize,
    ) -> Result<(), String> {
        let plan = self.course.plan.clone();
        let index = self.course.index[&step.id];
        if at == 0 && self.course.truth.has_taken_effect(index) {
            self.fail(format!("{} takes effect twice", step.id));
        }
        let Some(sim) = self.hosts.get_mut(host) else {
            return Ok(());
        };
        let done = part(&plan, step, at, &mut sim.facts);
        if let Err(error) = &done {
            self.note(format!("{} part {at}: {error}", step.id));
            if error.starts_with("CHECK") {
                self.fail(error.clone());
            }
        }
        self.note(format!("{} does part {at}", step.id));
        self.note_effects(host, &step.id);
        self.check_routes(host);
        done
    }

    /// Notes a step whose check holds now, and those that follow it whose checks hold before they begin: a new container that
    /// nobody asks is as healthy as it will be.
    fn note_effects(&mut self, host: &HostName, step: &StepId) {
        let facts = self.hosts[host].facts.clone();
        let plan = self.course.plan.clone();
        let course = &mut self.course;
        for other in plan
            .steps
            .iter()
            .filter(|other| other.host.as_ref() == Some(host))
        {
            let index = course.index[&other.id];
            let is_there = |need: &mrsk::plan::Need| {
                let need = course.index[&need.step];
                let is_here = plan[need].host.as_ref() == Some(host);
                !is_here || course.truth.has_taken_effect(need) || course.truth.held.contains(&need)
            };
            if course.truth.has_taken_effect(index) || !holds(other.check.as_ref(), &facts) {
                continue;
            }
            if other.id == *step {
                let taken = course.truth.take_effect(index);
                taken.expect("it was not there before");
            } else if other.needs.iter().all(is_there) {
                course.truth.held.insert(index);
            }
        }
    }

    /// Notes what is there by whatever plan: where a power cut may have taken a claim, its step's check is believed.
    pub(super) fn note_there(&mut self, host: &HostName) {
        let facts = &self.hosts[host].facts;
        let steps = self.course.plan.steps.iter();
        let steps = steps.filter(|step| step.host.as_ref() == Some(host) && !is_interpreted(step));
        for step in steps.filter(|step| holds(step.check.as_ref(), facts)) {
            self.course.truth.held.insert(self.course.index[&step.id]);
        }
    }

    /// Carries out a part of a cleanup, and notes what is undone by it.
    pub(super) fn undo_part(&mut self, host: &HostName, step: &Step, at: usize) {
        let plan = self.course.plan.clone();
        let Some(sim) = self.hosts.get_mut(host) else {
            return;
        };
        let before = sim.facts.clone();
        if let Err(error) = carry_out(&plan, &step.cleanup[at], &mut sim.facts) {
            self.note(format!("cleanup {at} of {}: {error}", step.id));
        }
        self.note(format!("{} undoes part {at}", step.id));
        let after = &self.hosts[host].facts;
        let is_undone = |other: &&Step| {
            let is_of_same = other.host.as_ref() == Some(host) && other.role == step.role;
            let check = other.check.as_ref();
            is_of_same && holds(check, &before) && !holds(check, after)
        };
        for other in plan.steps.iter().filter(is_undone) {
            self.course.truth.take_back(self.course.index[&other.id]);
        }
        self.check_routes(host);
    }

    /// A plan has come to its end, and no other has begun anything since: there is nothing left to do.
    pub(super) fn judge_settled(&mut self, plan: PlanIndex) {
        let Some(source) = self.course.source.clone() else {
            return;
        };
        let digest = &self.course.plan.digest;
        let is_last = |name: &HostName| self.hosts[name].serial().plan.as_ref() == Some(digest);
        let is_well = |name: &HostName| {
            let sim = &self.hosts[name];
            sim.up && !sim.is_silent(self.now)
        };
        if !self
            .course
            .plan
            .hosts
            .keys()
            .all(|name| is_last(name) && is_well(name))
        {
            return;
        }
        if source.operation.kind.name() == "redeploy" {
            return;
        }
        let operation = source.operation.clone();
        let again = self.looked(&source, operation).plan();
        let left: Vec<String> = again.map_or_else(Vec::new, |plan| {
            let steps = plan.steps.iter().filter(|step| {
                let is_old = matches!(step.kind, StepKind::Prune | StepKind::Remove);
                step.host.is_some() && !is_old
            });
            steps.map(|step| step.id.to_string()).collect()
        });
        if !left.is_empty() {
            self.fail(format!(
                "plan {plan} is finished, and leaves {left:?} to do"
            ));
        }
    }
}
