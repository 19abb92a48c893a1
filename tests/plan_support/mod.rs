//! What the tests of plans share: reading a scenario, and the rules that every plan keeps.

#![allow(
    dead_code,
    reason = "each test file is a crate of its own and uses a part of this"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mrsk::action::{Action, Arg};
use mrsk::config::Destination;
use mrsk::config::model::Config;
use mrsk::facts::model::Facts;
use mrsk::name::StepId;
use mrsk::plan::{Check, Operation, Plan, Step, StepKind};

/// What a plan is compiled from.
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub directory: PathBuf,
    /// The configuration.
    pub config: Config,
    /// The facts.
    pub facts: Facts,
    /// What is asked for.
    pub operation: Operation,
}

/// Returns the directory of the scenarios.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plans")
}

/// Returns all scenarios by name.
pub fn scenarios() -> Vec<Scenario> {
    let mut names: Vec<String> = std::fs::read_dir(directory())
        .expect("the scenarios are there")
        .map(|entry| entry.expect("an entry is readable").file_name())
        .map(|name| name.into_string().expect("a name is text"))
        .collect();
    names.sort();
    names.iter().map(|name| scenario(name)).collect()
}

/// Returns the scenario `name`.
pub fn scenario(name: &str) -> Scenario {
    let directory = directory().join(name);
    let text = |file: &str| {
        let path = directory.join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let operation: Operation = serde_json::from_str(&text("operation.json")).expect(name);
    let over = operation.destination.as_ref().map(|destination| {
        let file = format!("deploy.{destination}.yml");
        (destination, format!("config/{file}"), text(&file))
    });
    let destination = over
        .as_ref()
        .map(|(name, path, text)| Destination { name, path, text });
    Scenario {
        name: name.to_owned(),
        config: config(&text("deploy.yml"), destination),
        facts: mrsk::facts::document::read(&text("facts.json")).expect(name),
        operation,
        directory,
    }
}

/// Reads a configuration.
pub fn config(text: &str, destination: Option<Destination<'_>>) -> Config {
    mrsk::config::parse("config/deploy.yml", text, destination)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .config
}

impl Scenario {
    /// Returns its plan.
    pub fn plan(&self) -> Plan {
        mrsk::plan::compile::compile(&self.config, &self.facts, &self.operation)
            .unwrap_or_else(|problems| panic!("{}: {problems:?}", self.name))
    }
}

/// Returns the ids of all steps that `step` waits for.
pub fn ancestors<'a>(plan: &'a Plan, step: &'a Step) -> BTreeSet<&'a StepId> {
    let by_id: BTreeMap<&StepId, &Step> = plan.steps.iter().map(|step| (&step.id, step)).collect();
    let mut found = BTreeSet::new();
    let mut work = vec![step];
    while let Some(step) = work.pop() {
        for need in &step.needs {
            if found.insert(&need.step) {
                work.push(by_id[&need.step]);
            }
        }
    }
    found
}

/// Asserts what is so for every plan that is compiled.
pub fn assert_rules(plan: &Plan) {
    let text = mrsk::plan::wire::to_json(plan).expect("a plan is JSON");
    let read = mrsk::plan::wire::read_strict(&text);
    assert_eq!(read.as_ref(), Ok(plan));
    let shape = mrsk::plan::shape::Shape::new(plan);
    assert!(shape.is_ok(), "{shape:?}");
    for step in &plan.steps {
        assert_step(plan, step);
    }
    for (host, entry) in &plan.hosts {
        for reliance in &entry.relies_on {
            assert!(!reliance.steps.is_empty(), "{host} {}", reliance.fact);
            assert!(reliance.fact.starts_with('/'), "{host} {}", reliance.fact);
        }
    }
}

fn assert_step(plan: &Plan, step: &Step) {
    let id = &step.id;
    match step.kind {
        StepKind::Barrier => {
            assert!(step.barrier.is_some() && step.host.is_none(), "{id}");
            assert!(step.action.is_empty() && !step.needs.is_empty(), "{id}");
        }
        StepKind::Broadcast => {}
        StepKind::PreHook | StepKind::PostHook => {
            assert!(step.check.is_none() && step.host.is_none(), "{id}");
            assert!(!step.action.is_empty(), "{id}");
        }
        _ => {
            assert!(!step.action.is_empty(), "{id}");
            match (&step.check, &step.host) {
                (Some(Check::Facts(facts)), Some(_)) => assert!(!facts.is_empty(), "{id}"),
                (Some(Check::Argv(argv)), None) => assert!(!argv.is_empty(), "{id}"),
                (Some(Check::Registry(commands)), None) => assert!(!commands.is_empty(), "{id}"),
                (check, _) => panic!("{id} has check {check:?}"),
            }
            assert!(
                // A migration takes as long as it takes.
                step.timeout_seconds > 0
                    || step.idle_timeout_seconds > 0
                    || step.kind == StepKind::Release,
                "{id}"
            );
        }
    }
    assert!(
        step.summary.len() < 160 && !step.summary.ends_with('.'),
        "{id}: {}",
        step.summary
    );
    assert!(!step.summary.contains('\n'), "{id}");
    let named: BTreeSet<&String> = plan.secrets.iter().map(|secret| &secret.name).collect();
    let own: BTreeSet<&String> = step.secrets.iter().map(|secret| &secret.name).collect();
    assert!(own.is_subset(&named), "{id}");
    for action in step.action.iter().chain(&step.cleanup) {
        match action {
            Action::Run(run) => {
                assert!(run.argv.first().is_some_and(is_text), "{id}");
                for name in run.secrets() {
                    assert!(own.contains(name), "{id} {name}");
                }
            }
            Action::Write(write) => {
                assert!(plan.contents.contains_key(&write.content), "{id}");
                assert!(write.path.starts_with('/'), "{id} {}", write.path);
            }
            Action::Poll(poll) => assert!(poll.attempts > 0 && poll.interval_ms > 0, "{id}"),
            Action::Reach(reach) => {
                if let Some(since) = &reach.since {
                    assert!(ancestors(plan, step).contains(since), "{id} {since}");
                }
            }
            Action::Upload(_) | Action::VerifyImage(_) | Action::Complete(_) | Action::Merge(_) => {
            }
        }
    }
}

fn is_text(arg: &Arg) -> bool {
    matches!(arg, Arg::Literal(text) if !text.is_empty())
}
