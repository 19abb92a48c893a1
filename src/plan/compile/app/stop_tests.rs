use serde_json::json;

use crate::plan::compile::testing::{case, routes, running, stopped};

#[test]
fn requests_end_before_their_container_does() {
    let case = case("").asks_for(json!({"name": "app stop"})).a(json!({
        "containers": {"app-web-2": running("2", 20), "app-web-1": stopped("1", [10, 20])},
        "files": routes("2"),
    }));
    let made = case.after(&[super::run]);
    assert_eq!(
        made.ids(),
        [
            "a/web/web/unroute",
            "a/web/app-web-2/drain <- a/web/web/unroute",
            "a/web/app-web-2/stop <- a/web/app-web-2/drain",
        ]
    );
    assert_eq!(
        made.actions("unroute"),
        ["rm -f /s/traefik/mrsk-app@web.yml", "sleep 1"]
    );
    assert_eq!(made.actions("stop"), ["docker stop --time 10 app-web-2"]);
    let safe: Vec<bool> = made.steps.iter().map(|step| step.safe_point).collect();
    assert_eq!(safe, [true, false, false]);
    let plan = case.plan().unwrap();
    let relied = plan.hosts.values().flat_map(|host| &host.relies_on);
    let relied: Vec<&str> = relied.map(|reliance| reliance.fact.as_str()).collect();
    assert!(relied.contains(&"/containers/app-web-2/id"), "{relied:?}");
}

#[test]
fn what_does_not_run_is_unchanged() {
    let stop = json!({"name": "app stop"});
    let none = case("").asks_for(stop.clone());
    let made = none.after(&[super::run]);
    assert_eq!(made.notes, ["= web: not running"]);
    assert!(made.steps.is_empty());
    let down = case("").asks_for(stop.clone()).a(json!({
        "containers": {"app-web-1": stopped("1", [10, 20])},
    }));
    assert!(down.plan_ids().is_empty());
    // Nothing can be running on a host without an engine, and nobody knows what does if it does not answer.
    let bare = json!({"docker": {"installed": false, "answers": false}, "containers": null});
    assert!(
        case("")
            .asks_for(stop.clone())
            .a(bare)
            .plan_ids()
            .is_empty()
    );
    let silent = json!({"docker": {"answers": false}, "containers": null});
    let problems = case("").asks_for(stop).a(silent).plan().unwrap_err();
    assert_eq!(
        problems,
        ["host a: Docker is not running (start it; nothing was changed)"]
    );
}

#[test]
fn other_destinations_and_roles_go_on() {
    let mut other = running("2", 20);
    other["labels"]["destination"] = "staging".into();
    let mut job = running("2", 20);
    job["labels"]["role"] = "job".into();
    let case = case("servers: {web: {hosts: [a]}, job: {hosts: [a]}}").a(json!({
        "containers": {"app-web-staging-2": other, "app-web-2": running("2", 20), "app-job-2": job},
    }));
    let web = case.asks_for(json!({"name": "app stop", "roles": ["web"]}));
    let made = web.after(&[super::run]);
    assert_eq!(
        made.ids(),
        [
            "a/web/app-web-2/drain",
            "a/web/app-web-2/stop <- a/web/app-web-2/drain"
        ]
    );
}
