use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running};

/// Role `web`, which serves, was renamed to `api`.
fn renamed(operation: Value, labels: &str) -> Case {
    case(&format!("servers: {{api: {{hosts: [a], traefik: true{labels}}}}}"))
        .asks_for(operation)
        .a(json!({
            "containers": {"app-web-1": running("1", 10)}, "files": routes("1"),
            "images": {"r.example/team/app:1": {"id": "i1", "digests": [format!("sha256:{}", "1".repeat(64))]}},
        }))
        .a(json!({"files": {"/s/traefik/mrsk-app@web.yml": {
            "text": "http: {routers: {x: {rule: 'PathPrefix(`/`)'}}}",
        }}}))
}

fn deploy(more: Value) -> Value {
    let mut operation = json!({"name": "deploy", "version": "2", "skip_push": false});
    let more = more.as_object().unwrap().clone();
    operation.as_object_mut().unwrap().extend(more);
    operation
}

#[test]
fn an_orphan_with_the_same_rule_is_refused_until_it_is_removed() {
    let problems = renamed(deploy(json!({})), "").plan().unwrap_err();
    assert_eq!(
        problems,
        [
            "host a: role api would serve beside role web, which is not in deploy.yml for this host, with the same \
          rule (pass --remove-orphans, which removes role web once api serves, or give api a rule of its own)"
        ]
    );
    let own = ", labels: {traefik.http.routers.app-api.rule: Host(`a.example`)}";
    let text = json!({"files": {"/s/traefik/mrsk-app@web.yml": {
        "text": "http: {routers: {x: {rule: 'Host(`b.example`)'}}}",
    }}});
    let plan = renamed(deploy(json!({})), own).a(text).plan().unwrap();
    assert!(
        plan.warnings[0].ends_with("`mrsk deploy --remove-orphans` removes them"),
        "{:?}",
        plan.warnings
    );
}

#[test]
fn an_orphan_goes_when_the_new_role_serves() {
    let case = renamed(deploy(json!({"remove_orphans": true})), "");
    let plan = case.plan().unwrap();
    let ids = case.plan_ids();
    let from = ids.iter().position(|id| id.ends_with("unroute")).unwrap();
    assert_eq!(
        ids[from..],
        [
            "a/web/web/unroute",
            "a/web/app-web-1/drain",
            "a/web/app-web-1/stop",
            "a/container/app-web-1/remove",
        ]
    );
    let step = |end: &str| {
        let found = plan
            .steps
            .iter()
            .find(|step| step.id.as_str().ends_with(end));
        found.unwrap()
    };
    let needs: Vec<&str> = step("unroute")
        .needs
        .iter()
        .map(|need| need.step.as_str())
        .collect();
    assert_eq!(needs, ["a/api/app-api-2/route"]);
    assert!(plan.warnings.iter().all(|text| !text.contains("orphans")));
    let mut stopped = running("0", 5);
    stopped["state"] = "exited".into();
    let both = renamed(deploy(json!({"remove_orphans": true})), "");
    let ids = both
        .a(json!({"containers": {"app-web-0": stopped}}))
        .plan_ids();
    assert!(
        ids.contains(&"a/container/app-web-0/remove".to_owned()),
        "{ids:?}"
    );
    let again = case.a(json!({"containers": {"app-web-1": null}, "files": null}));
    assert!(again.plan_ids().iter().all(|id| !id.contains("web")));
    let unchanged = again.plan().unwrap().unchanged;
    assert!(unchanged.iter().any(|item| item.subject == "orphans"));
}

#[test]
fn only_a_deploy_removes_orphans() {
    let operation =
        json!({"name": "redeploy", "version": "2", "skip_push": false, "remove_orphans": true});
    let read: Result<crate::plan::Operation, _> = serde_json::from_value(operation);
    assert!(
        read.unwrap_err()
            .to_string()
            .contains("takes no `remove_orphans`")
    );
}
