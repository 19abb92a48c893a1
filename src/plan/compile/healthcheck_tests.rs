use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running};
use crate::plan::{Plan, StepKind};
use crate::text::action_line;

const KEYS: &str = "env: {clear: {A: b}, secret: [KEY]}\nvolumes: ['~/data:/data']\nhealthcheck: {path: /up, port: 4000, max_attempts: 5}";

/// Returns a trial of version 2 on a host that serves version 1, and has what `more` says besides.
fn trial(more: Value) -> Case {
    let mut containers = json!({"app-web-1": running("1", 10)});
    for (name, container) in more.as_object().unwrap() {
        containers[name] = container.clone();
    }
    let operation = json!({"name": "healthcheck perform", "version": "2", "skip_push": true});
    case(KEYS)
        .a(json!({"containers": containers, "files": routes("1")}))
        .asks_for(operation)
}

fn lines(plan: &Plan, id: &str) -> Vec<String> {
    let step = plan.steps.iter().find(|step| step.id.as_str() == id);
    let actions = step.unwrap_or_else(|| panic!("no {id}")).action.iter();
    actions.map(action_line).collect()
}

#[test]
fn a_version_is_started_asked_and_removed_and_nothing_else_changes() {
    let plan = trial(json!({})).plan().unwrap();
    let kinds: Vec<StepKind> = plan.steps.iter().map(|step| step.kind).collect();
    assert_eq!(
        kinds,
        [
            StepKind::Pull,
            StepKind::Start,
            StepKind::Healthcheck,
            StepKind::Remove
        ]
    );
    let name = "healthcheck-app-web-2";
    let start = lines(&plan, "a/web/trial/start");
    assert!(
        start[0].contains(&format!("docker create --name {name} --pull never")),
        "{start:?}"
    );
    for part in [
        "--env 'A=b'",
        "--volume /root/data:/data",
        "mrsk.healthcheck=4000 /up",
        "traefik.enable=false",
    ] {
        assert!(start[0].contains(part), "{part}: {start:?}");
    }
    assert!(!start[0].contains("role="), "{start:?}");
    assert_eq!(
        start[1..],
        [
            format!("docker network connect mrsk {name}"),
            format!("docker start {name}")
        ]
    );
    let asks = lines(&plan, "a/web/trial/healthcheck");
    assert!(asks[0].contains(":4000/up"), "{asks:?}");
    assert_eq!(
        lines(&plan, "a/web/trial/remove"),
        [format!("docker rm --force {name}")]
    );
    let health = plan
        .steps
        .iter()
        .find(|step| step.kind == StepKind::Healthcheck);
    let cleanup = health.unwrap().cleanup.iter().map(action_line);
    assert_eq!(
        cleanup.collect::<Vec<_>>(),
        [format!("docker rm --force {name}")]
    );
}

#[test]
fn what_an_earlier_attempt_left_is_replaced_and_removed_with_the_app() {
    let mut left = running("2", 20);
    let labels = left["labels"].as_object_mut().unwrap();
    labels.remove("role");
    labels.insert("mrsk.trial".to_owned(), "0".into());
    let left = json!({"healthcheck-app-web-2": left});
    let plan = trial(left.clone()).plan().unwrap();
    assert_eq!(
        lines(&plan, "a/web/trial/start")[0],
        "docker rm --force healthcheck-app-web-2"
    );
    let removal = trial(left).asks_for(json!({"name": "app remove"}));
    let removal = removal.plan().unwrap();
    assert_eq!(
        lines(&removal, "a/trial/healthcheck-app-web-2/remove"),
        ["docker rm --force healthcheck-app-web-2"]
    );
}

#[test]
fn without_the_network_it_is_started_outside_of_it() {
    let bare = trial(json!({})).a(json!({"networks": []}));
    let plan = bare.plan().unwrap();
    let start = lines(&plan, "a/web/trial/start");
    assert_eq!(start.len(), 2, "{start:?}");
    let relies = plan.hosts.values().flat_map(|host| &host.relies_on);
    let facts = relies.map(|reliance| reliance.fact.as_str());
    assert!(facts.clone().all(|fact| fact != "/networks"));
    assert!(facts.clone().count() > 0);
}
