use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running, stopped};

/// Returns three hosts in groups of one, each with version 2 in state `current`, and version 1 stopped.
fn hosts(current: Value, operation: Value) -> Case {
    let host = json!({
        "containers": {"app-web-2": current, "app-web-1": stopped("1", [10, 20])},
        "files": routes("2"),
    });
    case("servers: [a, b, c]\nboot: {limit: 1}\ndrain_timeout: 20")
        .facts(json!({"hosts": {"a": host.clone(), "b": host.clone(), "c": host}}))
        .asks_for(operation)
}

fn barriers(case: &Case) -> usize {
    let ids = case.plan_ids();
    ids.iter().filter(|id| id.contains("barrier")).count()
}

fn warnings(case: &Case) -> Vec<String> {
    case.plan().unwrap().warnings
}

const BACK: fn(Value) -> Value = |more| {
    let mut operation = json!({"name": "rollback", "version": "1"});
    let more = more.as_object().unwrap().clone();
    operation.as_object_mut().unwrap().extend(more);
    operation
};

#[test]
fn all_at_once_has_no_barrier() {
    let careful = hosts(running("2", 20), BACK(json!({})));
    assert_eq!(barriers(&careful), 2);
    assert!(warnings(&careful).is_empty());
    let case = hosts(running("2", 20), BACK(json!({"all_at_once": true})));
    assert_eq!(barriers(&case), 0);
    assert_eq!(warnings(&case), ["break glass: all hosts at once"]);
    let deploy = json!({"name": "deploy", "version": "3", "all_at_once": true});
    assert_eq!(barriers(&hosts(running("2", 20), deploy)), 0);
}

#[test]
fn a_drain_takes_as_long_as_it_is_given() {
    let summary = |operation| {
        let plan = hosts(running("2", 20), operation).plan().unwrap();
        let drain = plan
            .steps
            .iter()
            .find(|step| step.id.as_str().ends_with("drain"));
        drain.unwrap().summary.clone()
    };
    assert_eq!(summary(BACK(json!({}))), "Drain app-web-2 (up to 20 s)");
    let two = BACK(json!({"drain_timeout": 2}));
    assert_eq!(summary(two), "Drain app-web-2 (up to 2 s)");
}

#[test]
fn without_a_health_check_the_container_only_has_to_run() {
    let probes = |operation| {
        let plan = hosts(running("2", 20), operation).plan().unwrap();
        let text = serde_json::to_string(&plan.steps).unwrap();
        (
            text.contains(r#""probe":"http""#),
            text.contains(r#""reach""#),
        )
    };
    assert_eq!(probes(BACK(json!({}))), (true, true));
    let case = || {
        hosts(
            running("2", 20),
            BACK(json!({"skip_healthcheck": "/up is broken"})),
        )
    };
    assert_eq!(
        probes(BACK(json!({"skip_healthcheck": "/up is broken"}))),
        (false, false)
    );
    assert_eq!(
        warnings(&case()),
        ["break glass: no health check (/up is broken)"]
    );
    let plan = case().plan().unwrap();
    let check = plan
        .steps
        .iter()
        .find(|step| step.id.as_str().ends_with("healthcheck"));
    assert_eq!(
        check.unwrap().summary,
        "Wait for app-web-1 to run, without its health check"
    );
    let why = |servers: &str| {
        let deploy = json!({"name": "deploy", "version": "3", "skip_healthcheck": "none"});
        let made = crate::plan::compile::testing::case(servers)
            .asks_for(deploy)
            .plan()
            .unwrap();
        let mut steps = made.steps.into_iter();
        let check = steps.find(|step| step.id.as_str().ends_with("healthcheck"));
        serde_json::to_string(&check.unwrap().why).unwrap()
    };
    assert!(why("servers: {web: {hosts: [a]}}").contains("gets no requests"));
    assert!(why("servers: {job: {hosts: [a]}}").contains("nothing is stopped before"));
}

#[test]
fn a_rollback_from_what_serves_nowhere_waits_for_nothing() {
    let mut ill = running("2", 20);
    ill["healthy"] = false.into();
    for current in [ill.clone(), stopped("2", [20, 30])] {
        let case = hosts(current, BACK(json!({})));
        assert_eq!(barriers(&case), 0);
        assert_eq!(
            warnings(&case),
            [
                "no container of the app answers now: all hosts roll back at once, without waiting for requests"
            ]
        );
    }
    // One that answers is enough to be careful.
    let one = json!({"hosts": {"c": {"containers": {"app-web-2": {"healthy": true}}}}});
    assert_eq!(barriers(&hosts(ill.clone(), BACK(json!({}))).facts(one)), 2);
    // A deploy of something new is careful in any case.
    let deploy = json!({"name": "deploy", "version": "3"});
    assert_eq!(barriers(&hosts(ill, deploy)), 2);
}
