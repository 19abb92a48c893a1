use serde_json::json;

use crate::plan::compile::testing::{Case, case};
use crate::text::action_line;

const CONFIG: &str = "servers: {web: {hosts: [a], options: {publish: '8080:80', memory: 1g}}, jobs: {hosts: [a], cmd: work}}
env: {secret: [KEY]}
labels: {a.b: c}";

fn perform(config: &str) -> Case {
    case(config).asks_for(json!({"name": "healthcheck perform", "version": "2"}))
}

#[test]
fn a_container_that_gets_no_request_is_started_asked_and_removed() {
    let plan = perform(CONFIG).plan().unwrap();
    let steps = plan.steps.iter().skip(1);
    let ids: Vec<&str> = steps.clone().map(|step| step.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "a/web/app-web.healthcheck-2/start",
            "a/web/app-web.healthcheck-2/healthcheck",
            "a/web/app-web.healthcheck-2/remove",
        ]
    );
    let lines: Vec<String> = steps
        .flat_map(|step| &step.action)
        .map(action_line)
        .collect();
    let create = &lines[0];
    for word in [
        " --label role=web.healthcheck ",
        " --label traefik.enable=false ",
        " --memory=1g ",
        " --env KEY ",
    ] {
        assert!(create.contains(word), "{word} is not in {create}");
    }
    assert!(
        !create.contains("publish") && !create.contains("a.b"),
        "{create}"
    );
    assert_eq!(
        lines[1..],
        [
            "docker network connect mrsk app-web.healthcheck-2",
            "docker start app-web.healthcheck-2",
            "# wait until app-web.healthcheck-2:3000/up answers 200: 7 attempts of 4.0s",
            "docker stop --time 10 app-web.healthcheck-2",
            "docker rm --force app-web.healthcheck-2",
        ]
    );
    // Whatever comes of it, reports tell nothing of what serves.
    assert!(plan.steps.iter().all(|step| step.role.is_none()));
}

#[test]
fn what_an_earlier_check_left_is_removed_first() {
    let left = json!({"containers": {"app-web.healthcheck-2": {"id": "x", "state": "running"}}});
    let plan = perform("").a(left).plan().unwrap();
    let start = plan
        .steps
        .iter()
        .find(|step| step.id.as_str().ends_with("/start"));
    let line = action_line(&start.unwrap().action[0]);
    assert_eq!(line, "docker rm --force app-web.healthcheck-2");
}

#[test]
fn an_image_that_the_host_has_is_not_pulled() {
    let has = json!({"images": {"r.example/team/app:2": {"digests": ["sha256:1"]}}});
    let ids = perform("").a(has).plan_ids();
    assert_eq!(ids.len(), 3, "{ids:?}");
}

#[test]
fn a_selection_without_traefik_is_refused() {
    let operation = json!({"name": "healthcheck perform", "version": "2", "roles": ["jobs"]});
    let problems = case(CONFIG).asks_for(operation).plan().unwrap_err();
    assert_eq!(problems[0], "no selected host has a role with Traefik");
}
