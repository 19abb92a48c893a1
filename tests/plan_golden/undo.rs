//! Undos: the recorded ones, and that what served serves again, whatever part of the first plan was applied.

use std::collections::{BTreeMap, BTreeSet};

use mrsk::action::{Action, Arg};
use mrsk::facts::model::HostFacts;
use mrsk::name::HostName;
use mrsk::plan::compile::undo;
use mrsk::plan::effect::effect_on;
use mrsk::plan::resume::{Evidence, Status, resume};
use mrsk::plan::shape::Shape;
use mrsk::plan::trust::concerns;
use mrsk::plan::{Plan, Step, StepKind, wire};
use mrsk::show::{self, Look};
use mrsk::text::Styling;
use serde_json::Value;

use super::golden::Golden;
use super::plan_support::{Scenario, assert_rules, scenario, scenarios};

/// Scenarios whose undo is recorded beside their plan.
const RECORDED: [&str; 5] = [
    "changed-env",
    "release",
    "retain-containers",
    "second-version",
    "two-roles-first-deploy",
];

fn undo_of(scenario: &Scenario, plan: &Plan) -> Result<Plan, Vec<String>> {
    undo(&scenario.config, &scenario.facts, plan)
        .map_err(|problems| problems.into_iter().map(|one| one.message).collect())
}

#[test]
fn every_undo_is_as_recorded() {
    let mut golden = Golden::default();
    let look = Look {
        styling: Styling::Plain,
        width: None,
    };
    for name in RECORDED {
        let scenario = scenario(name);
        let undo = undo_of(&scenario, &scenario.plan()).unwrap();
        let text = wire::to_json(&undo).unwrap();
        golden.check(&scenario.directory.join("undo.json"), &text);
        let mut table = Vec::new();
        show::undo(&undo, "undo.json", look, &mut table).unwrap();
        table.push(b'\n');
        show::table(&undo, &concerns(&undo), look, &mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        golden.check(&scenario.directory.join("undo.txt"), &table);
    }
}

/// What a host has: the names of the running containers of roles by their ids, and the hashes of routing files.
type Serving = (BTreeSet<String>, BTreeMap<String, String>);

fn serving(facts: &Value) -> Serving {
    let facts: HostFacts = serde_json::from_value(facts.clone()).unwrap();
    let of_role = facts
        .containers
        .values()
        .filter(|container| container.labels.contains_key("role") && container.state.is_up());
    let files = facts
        .files
        .iter()
        .filter(|(path, _)| path.ends_with(".yml"));
    (
        of_role.map(|container| container.id.clone()).collect(),
        files
            .map(|(path, file)| (path.clone(), file.sha256.clone()))
            .collect(),
    )
}

/// Does what a step does: what it starts gets the labels of its role, and what docker is told about must be there.
fn carry_out(step: &Step, facts: &mut Value) {
    for action in &step.action {
        let Action::Run(run) = action else { continue };
        let words = run.argv.iter().map(|arg| match arg {
            Arg::Literal(text) => text.as_str(),
            Arg::FromEnv(_) | Arg::Pushed(_) => "",
        });
        let words: Vec<&str> = words.collect();
        if let ["docker", "start" | "stop", .., name] = words.as_slice() {
            let is_created = step.action.len() > 1;
            let is_there = facts["containers"].get(name).is_some();
            assert!(is_there || is_created, "{}: no container {name}", step.id);
        }
    }
    effect_on(step, facts);
    if let (StepKind::Start, Some(role)) = (step.kind, &step.role) {
        let name = step.id.as_str().split('/').nth(2).unwrap();
        let container = &mut facts["containers"][name];
        container["labels"]["role"] = role.as_str().into();
        if container["id"] == "" {
            container["id"] = "new".into();
        }
    }
}

/// Returns the facts of each host after the first `count` of its steps.
fn after(scenario: &Scenario, plan: &Plan, count: usize) -> BTreeMap<HostName, Value> {
    let mut after = BTreeMap::new();
    for name in plan.hosts.keys() {
        let mut facts = serde_json::to_value(&scenario.facts.hosts[name]).unwrap();
        let steps = plan
            .steps
            .iter()
            .filter(|step| step.host.as_ref() == Some(name));
        for step in steps.take(count) {
            carry_out(step, &mut facts);
        }
        after.insert(name.clone(), facts);
    }
    after
}

/// Checks that the hosts are not too far from what the undo relies on.
fn accepts(name: &str, undo: &Plan, facts: &BTreeMap<HostName, Value>) {
    for (host, entry) in &undo.hosts {
        for reliance in &entry.relies_on {
            let predicate = reliance.predicate();
            assert!(
                predicate.holds(&facts[host]),
                "{name}: {host} {predicate:?}"
            );
        }
    }
}

/// Applies the undo to what the hosts have. Returns the kinds of the steps that ran.
fn apply(name: &str, undo: &Plan, facts: &mut BTreeMap<HostName, Value>) -> BTreeSet<StepKind> {
    let evidence = Evidence {
        facts: facts.clone(),
        ..Evidence::default()
    };
    let shape = Shape::new(undo).unwrap();
    let statuses = resume(undo, &shape, &evidence);
    let mut ran = BTreeSet::new();
    for (step, status) in undo.steps.iter().zip(&statuses) {
        match (&step.host, status) {
            (Some(host), Status::Outstanding { attempt: 1 }) => {
                ran.insert(step.kind);
                carry_out(step, facts.get_mut(host).unwrap());
            }
            (_, Status::Done) | (None, _) => {}
            (_, other) => panic!("{name}: {} is {other:?}", step.id),
        }
    }
    ran
}

#[test]
fn what_served_serves_again_after_any_part_of_the_plan() {
    let mut undone = 0;
    for scenario in scenarios() {
        let name = &scenario.name;
        let plan = scenario.plan();
        let Ok(undo) = undo_of(&scenario, &plan) else {
            continue;
        };
        assert_rules(&undo);
        let longest = plan.hosts.keys().map(|host| {
            let steps = plan.steps.iter();
            steps
                .filter(|step| step.host.as_ref() == Some(host))
                .count()
        });
        let longest = longest.max().unwrap_or(0);
        let before = after(&scenario, &plan, 0);
        for count in 0..=longest {
            let mut facts = after(&scenario, &plan, count);
            accepts(name, &undo, &facts);
            let ran = apply(name, &undo, &mut facts);
            for step in undo.steps.iter().filter(|step| step.role.is_some()) {
                let host = step.host.as_ref().unwrap();
                let (mut now, then) = (serving(&facts[host]), serving(&before[host]));
                // Routes to nothing are not brought back.
                if then.0.is_empty() {
                    now.1.clone_from(&then.1);
                }
                assert_eq!(now, then, "{name}: {host} after {count} steps");
            }
            if count == 0 {
                assert!(ran.is_empty(), "{name}: nothing has begun, {ran:?}");
            }
            // What has stopped under the name of what served is stopped again.
            let again = apply(name, &undo, &mut facts);
            let ends = [StepKind::Drain, StepKind::Stop].into();
            assert!(again.is_subset(&ends), "{name}: a second time, {again:?}");
            undone += 1;
        }
    }
    assert!(undone > 100, "{undone}");
}

#[test]
fn an_undo_is_refused_where_there_is_none() {
    let mut refused = Vec::new();
    for scenario in scenarios() {
        let plan = scenario.plan();
        refused.extend(undo_of(&scenario, &plan).err().into_iter().flatten());
    }
    let taken_over = "there is no undo of the takeover of";
    assert!(
        refused.iter().any(|why| why.contains(taken_over)),
        "{refused:?}"
    );
    assert!(
        refused.contains(&"there is no undo of `prune all`".to_owned()),
        "{refused:?}"
    );
}
