use serde_json::{Value, json};

use super::Decision;
use crate::plan::compile::testing::{case, web};

/// Returns the decision for role `web` on host `a`, and the old containers.
fn decision(config: &str, operation: &Value, patches: &[Value]) -> String {
    let mut case = case(config).operation(operation.clone());
    for patch in patches {
        case = case.a(patch.clone());
    }
    case.look(&[], |draft| {
        let placement = &draft.placements[0];
        let decision = match &placement.decision {
            Decision::Keep => "keep".into(),
            Decision::Complete {
                missing,
                route: true,
            } => format!("complete and route: {missing}"),
            Decision::Complete {
                missing,
                route: false,
            } => format!("complete: {missing}"),
            Decision::StartExisting { .. } => "start".into(),
            Decision::Replace {
                why,
                rename_to,
                remove_first,
            } => {
                let why = serde_json::to_value(why).unwrap();
                let why = why.as_object().map_or(why.to_string(), |why| {
                    let fields = why.values().next().unwrap().as_object().unwrap().values();
                    let words = fields.map(|field| field.as_str().unwrap().to_owned());
                    Vec::from_iter(words).join(" ")
                });
                let to = rename_to.as_ref().map(|to| format!("; rename to {to}"));
                let first = remove_first.then_some("; remove first");
                format!(
                    "replace: {why}{}{}",
                    to.unwrap_or_default(),
                    first.unwrap_or_default()
                )
            }
        };
        match placement.old.is_empty() {
            true => decision,
            false => format!("{decision}; old {}", placement.old.join(" ")),
        }
    })
}

/// Returns the wanted container, as it runs.
fn wanted(config: &str) -> Value {
    let digest = case(config).look(&[], |draft| draft.placements[0].create.digest.to_string());
    let mut wanted = web("2");
    wanted["labels"]["mrsk.create"] = digest.into();
    wanted
}

#[test]
fn a_container_stays_is_completed_or_is_replaced() {
    let deploy = json!({});
    let routed = json!({"files": {"/s/traefik/mrsk-app@web.yml": {
        "sha256": "", "aliases": ["m-0123456789abcdef"],
    }}});
    let two = || json!({"containers": {"app-web-2": wanted("")}});
    let change = |patch: Value| json!({"containers": {"app-web-2": patch}});
    let one = json!({"containers": {"app-web-1": web("1")}});
    let other = json!({"containers": {"app-web-1": {"networks": {"mrsk": {"aliases": []}}}}});
    let of_others = json!({"containers": {"app-web-1": {"labels": {"destination": "staging"}}}});
    let rename = "; rename to app-web-2_replaced_0; old app-web-2_replaced_0";
    let table: Vec<(&str, Vec<Value>, String)> = vec![
        ("nothing", vec![], "replace: 2".into()),
        (
            "an old one",
            vec![one.clone()],
            "replace: 1 2; old app-web-1".into(),
        ),
        (
            "one of another destination",
            vec![one.clone(), of_others],
            "replace: 2".into(),
        ),
        ("what is wanted", vec![two(), routed.clone()], "keep".into()),
        (
            "no route",
            vec![two()],
            "complete and route: no requests are routed to it".into(),
        ),
        (
            "not healthy",
            vec![two(), routed.clone(), change(json!({"healthy": false}))],
            "complete and route: it is not healthy".into(),
        ),
        (
            "an old one beside it",
            vec![two(), one.clone(), other, routed.clone()],
            "complete: an older container is still running; old app-web-1".into(),
        ),
        (
            "a stopped one",
            vec![two(), change(json!({"state": "exited"}))],
            "replace: 2".into(),
        ),
        (
            "a stopped one that is routed",
            vec![two(), routed.clone(), change(json!({"state": "exited"}))],
            "replace: its container is not running".into(),
        ),
        (
            "a stopped one of the original tool",
            vec![
                two(),
                change(json!({"state": "exited", "labels": {"mrsk.version": null}})),
            ],
            "replace: 2; remove first".into(),
        ),
        (
            "another configuration",
            vec![two(), change(json!({"labels": {"mrsk.create": "x"}}))],
            format!("replace: the configuration of its container{rename}"),
        ),
        (
            "other secrets",
            vec![two(), change(json!({"secrets_differ": ["A", "B"]}))],
            format!("replace: the value of secrets A and B{rename}"),
        ),
        (
            "no network",
            vec![two(), change(json!({"networks": null}))],
            format!("replace: its container is not in network mrsk{rename}"),
        ),
    ];
    for (name, patches, expected) in table {
        assert_eq!(decision("", &deploy, &patches), expected, "{name}");
    }
    let redeploy = json!({"name": "redeploy"});
    let again = decision("", &redeploy, &[two(), routed]);
    assert_eq!(again, format!("replace: \"requested\"{rename}"));
}

#[test]
fn a_role_with_a_command_is_as_healthy_as_docker_says() {
    let config = "healthcheck: {cmd: bin/check}";
    let mut container = wanted(config);
    container["healthy"] = false.into();
    let routed = json!({"files": {"/s/traefik/mrsk-app@web.yml": {
        "sha256": "0a85f7dae28e88a43ea2a4d4ed62bd3b1dbdbbd3f4f6b0a9bd1ba2f8d6ab6ca0",
        "text": "old", "aliases": ["m-0123456789abcdef"],
    }}});
    for (health, expected) in [
        ("healthy", "keep"),
        ("starting", "complete and route: it is not healthy"),
        ("unhealthy", "complete and route: it is not healthy"),
    ] {
        let mut container = container.clone();
        container["health"] = health.into();
        let patches = [
            json!({"containers": {"app-web-2": container}}),
            routed.clone(),
        ];
        assert_eq!(decision(config, &json!({}), &patches), expected, "{health}");
    }
}

#[test]
fn a_role_without_traefik_needs_no_route() {
    let config = "servers: {job: {hosts: [a]}}";
    let mut job = wanted(config);
    job["labels"]["role"] = "job".into();
    job["healthy"] = false.into();
    job["networks"] = json!({});
    let patch = json!({"containers": {"app-job-2": job}});
    assert_eq!(
        decision(config, &json!({}), std::slice::from_ref(&patch)),
        "keep"
    );
    let starting = json!({"containers": {"app-job-2": {"health": "starting"}}});
    let expected = "complete and route: it is not healthy";
    assert_eq!(decision(config, &json!({}), &[patch, starting]), expected);
}
