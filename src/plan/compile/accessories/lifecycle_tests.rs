use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case};

const DB: &str = "accessories: {db: {image: db:1, host: a, env: {secret: [DB_PASSWORD]}}}";

fn asked(verb: &str, containers: Value) -> Case {
    let operation = json!({"name": format!("accessory {verb}"), "accessories": ["db"]});
    case(DB)
        .asks_for(operation)
        .a(json!({"containers": containers}))
}

fn container(state: &str) -> Value {
    json!({"app-db": {"id": "d1", "state": state}})
}

#[test]
fn each_verb_changes_what_is_not_so_yet() {
    let (start, stop) = ("a/accessory/db/start", "a/accessory/db/stop");
    let reboot = ["a/accessory/db/pull", "a/accessory/db/remove", start];
    let table: [(&str, &str, &[&str]); 11] = [
        ("start", "running", &[]),
        ("start", "exited", &[start]),
        ("start", "", &[start]),
        ("stop", "running", &[stop]),
        ("stop", "exited", &[]),
        ("stop", "", &[]),
        ("restart", "running", &[stop, start]),
        ("restart", "exited", &[start]),
        ("reboot", "running", &reboot),
        ("reboot", "exited", &reboot),
        ("reboot", "", &[start]),
    ];
    for (verb, state, expected) in table {
        let containers = match state {
            "" => json!({}),
            state => container(state),
        };
        let ids = asked(verb, containers).plan_ids();
        assert_eq!(ids, expected, "{verb} {state}");
    }
}

#[test]
fn a_start_creates_only_what_does_not_exist() {
    let commands = |containers: Value| {
        let plan = asked("start", containers).plan().unwrap();
        let actions = plan.steps[0].action.iter().map(crate::text::action_line);
        let lines = Vec::from_iter(actions).join("\n");
        (lines.contains("docker create"), plan.secrets.len())
    };
    assert_eq!(commands(container("exited")), (false, 0));
    assert_eq!(commands(json!({})), (true, 1));
}

/// A new container that fails is removed, and nothing of what came before it has to be done again.
#[test]
fn a_reboot_relies_on_the_container_that_it_replaces() {
    let plan = asked("reboot", container("running")).plan().unwrap();
    let relied = plan.hosts.values().flat_map(|host| &host.relies_on);
    let relied = relied.filter(|reliance| reliance.fact.starts_with("/containers"));
    let relied: Vec<(&str, &str)> = relied
        .map(|reliance| (reliance.fact.as_str(), reliance.steps[0].as_str()))
        .collect();
    assert_eq!(relied, [("/containers/app-db/id", "a/accessory/db/remove")]);
    let lines = plan.steps[1].action.iter().map(crate::text::action_line);
    assert_eq!(
        Vec::from_iter(lines),
        ["docker stop --time 10 app-db", "docker rm app-db"]
    );
    assert_eq!(
        plan.steps[2].needs[0].step.as_str(),
        "a/accessory/db/remove"
    );
}

#[test]
fn a_name_that_is_not_configured_is_refused() {
    let operation = json!({"name": "accessory stop", "accessories": ["cache"]});
    let problems = case(DB).asks_for(operation).plan().unwrap_err();
    assert_eq!(problems, ["unknown accessory `cache` (known names: db)"]);
}
