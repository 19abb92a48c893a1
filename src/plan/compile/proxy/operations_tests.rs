use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running};

fn asked(operation: Value) -> Case {
    case("servers: {web: {hosts: [a, b]}, job: {hosts: [c]}}")
        .asks_for(operation)
        .facts(json!({"hosts": {"b": {"containers": {"traefik": {"id": "t2"}}}}}))
}

/// Returns the ids of host `a`, where Traefik is in `state`.
fn on_a(verb: &str, state: &str) -> Vec<String> {
    let change = match state {
        "running" => json!({}),
        "" => json!({"traefik": null, "containers": null}),
        state => json!({"traefik": null, "containers": {"traefik": {"state": state}}}),
    };
    let operation = json!({"name": format!("traefik {verb}"), "hosts": ["a"]});
    asked(operation).a(change).plan_ids()
}

#[test]
fn each_verb_changes_what_is_not_so_yet() {
    let (start, stop) = ("a/traefik/traefik/start", "a/traefik/traefik/stop");
    let remove = "a/container/traefik/remove";
    let reboot = [
        "a/traefik/traefik/replace",
        "a/traefik/traefik/remove",
        "a/traefik/traefik_new/rename",
    ];
    let table: [(&str, &str, &[&str]); 14] = [
        ("boot", "running", &[]),
        ("boot", "exited", &[start]),
        ("boot", "", &[start]),
        ("start", "running", &[]),
        ("start", "exited", &[start]),
        ("stop", "running", &[stop]),
        ("stop", "exited", &[]),
        ("stop", "", &[]),
        ("restart", "running", &[stop, start]),
        ("reboot", "running", &reboot),
        ("reboot", "", &[start]),
        ("remove", "running", &[stop, remove]),
        ("remove", "", &[]),
        ("remove_container", "exited", &[remove]),
    ];
    for (verb, state, expected) in table {
        assert_eq!(on_a(verb, state), expected, "{verb} {state}");
    }
    for (verb, change, problem) in [
        (
            "remove_container",
            json!({}),
            "host a: Traefik is running (run `mrsk traefik stop` first, or remove all of it with `mrsk traefik \
             remove`)",
        ),
        (
            "restart",
            json!({"traefik": null, "containers": null}),
            "host a: Traefik does not exist (run `mrsk traefik boot`)",
        ),
        (
            "start",
            json!({"traefik": null, "containers": null}),
            "host a: Traefik does not exist (run `mrsk traefik boot`)",
        ),
    ] {
        let operation = json!({"name": format!("traefik {verb}"), "hosts": ["a"]});
        assert_eq!(asked(operation).a(change).plan().unwrap_err(), [problem]);
    }
}

#[test]
fn what_services_share_is_changed_under_the_shared_lock() {
    for verb in ["stop", "restart", "reboot", "remove"] {
        let plan = asked(json!({"name": format!("traefik {verb}")}))
            .plan()
            .unwrap();
        assert!(plan.steps.iter().all(|step| step.shared_lock), "{verb}");
        let hosts: Vec<&str> = plan.hosts.keys().map(AsRef::as_ref).collect();
        assert_eq!(hosts, ["a", "b"], "only hosts of roles with Traefik");
    }
}

#[test]
fn a_rolling_reboot_goes_from_host_to_host() {
    let first = |operation: Value| {
        let plan = asked(operation).plan().unwrap();
        let b = plan
            .steps
            .iter()
            .find(|step| step.id.as_str() == "b/traefik/traefik/replace");
        let needs = b.unwrap().needs.iter();
        needs.map(|need| need.step.to_string()).collect::<Vec<_>>()
    };
    assert!(first(json!({"name": "traefik reboot"})).is_empty());
    let rolling = json!({"name": "traefik reboot", "rolling": true});
    assert_eq!(first(rolling), ["local/barrier/traefik-1/open"]);
}

#[test]
fn others_behind_traefik_are_named() {
    let file = json!({"files": {"/s/traefik/mrsk-shop@web.yml": {"sha256": "a".repeat(64)}}});
    let own = json!({"containers": {"app-web-1": running("1", 10)}, "files": routes("1")});
    let stop = json!({"name": "traefik stop", "hosts": ["a"]});
    let warnings = |facts: Value| asked(stop.clone()).a(facts).plan().unwrap().warnings;
    assert!(warnings(own).is_empty());
    assert_eq!(
        warnings(file),
        ["host a: that Traefik also serves shop@web"]
    );
}
