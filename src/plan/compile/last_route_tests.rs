use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running, stopped};

const REMOVED: &str =
    "host a: role web, which is not in deploy.yml for this host, has the only routes of app there";

/// Role `web`, which serves, was renamed, so that the roles are `servers`.
fn renamed(servers: &str, operation: Value) -> Case {
    let host = json!({
        "containers": {"app-web-1": running("1", 10)}, "files": routes("1"),
        "images": {"r.example/team/app:1": {"id": "i1", "digests": [format!("sha256:{}", "1".repeat(64))]}},
    });
    let case = case(&format!("servers: {{{servers}}}")).asks_for(operation);
    case.a(host)
        .a(json!({"files": {"/s/traefik/mrsk-app@web.yml": {
            "text": "http: {routers: {x: {rule: 'PathPrefix(`/`)'}}}",
        }}}))
}

fn deploy(remove_orphans: bool) -> Value {
    json!({"name": "deploy", "version": "2", "skip_push": false, "remove_orphans": remove_orphans})
}

#[test]
fn the_only_routes_of_a_service_are_not_removed() {
    let problems = renamed("www: [a]", deploy(true)).plan().unwrap_err();
    assert_eq!(
        problems,
        [format!(
            "{REMOVED}, and no role has Traefik: without them every request is answered with 404 (write `traefik: true` \
             for role www in deploy.yml; if nothing is to be served any more, run `mrsk app remove` first)"
        )]
    );
    // A stopped container loses nothing.
    let stopped = json!({"containers": {"app-web-1": stopped("1", [10, 20])}});
    assert!(renamed("www: [a]", deploy(true)).a(stopped).plan().is_ok());
}

#[test]
fn a_deploy_says_how_the_new_role_is_routed_and_does_not_offer_to_remove_the_old_one() {
    let plan = renamed("www: [a]", deploy(false)).plan().unwrap();
    assert_eq!(
        plan.warnings[0],
        format!(
            "{REMOVED}: requests are still answered by the old version; write `traefik: true` for role www in deploy.yml"
        )
    );
    let text = plan.warnings.join("\n");
    assert!(!text.contains("remove-orphans"), "{text}");
}

#[test]
fn the_last_routes_of_one_host_of_several_are_removed_with_a_warning_on_top() {
    let roles = "job: [a], front: {hosts: [b], traefik: true}";
    let plan = renamed(roles, deploy(true)).plan().unwrap();
    assert_eq!(
        plan.warnings[0],
        format!(
            "{REMOVED}: --remove-orphans removes them, and requests to this host are answered with 404; if it is to \
             serve, write `traefik: true` for role job in deploy.yml"
        )
    );
}

#[test]
fn a_container_that_traefik_finds_by_its_labels_counts() {
    let mut original = running("1", 10);
    for label in ["mrsk.service", "mrsk.version", "mrsk.healthcheck"] {
        original["labels"][label] = Value::Null;
    }
    original["labels"]["traefik.http.routers.app-web.rule"] = "PathPrefix(`/`)".into();
    original["networks"] = Value::Null;
    let case = renamed("www: [a]", deploy(true)).a(json!({"files": null}));
    let case = case.a(json!({"containers": {"app-web-1": original}}));
    let problems = case.plan().unwrap_err();
    assert!(problems[0].starts_with(REMOVED), "{problems:?}");
}

#[test]
fn a_rollback_under_a_new_name_is_careful_and_says_that_the_old_role_serves_too() {
    let back = json!({"name": "rollback", "version": "1"});
    let servers = "api: {hosts: [a, b], traefik: true}";
    let image = json!({"images": {"r.example/team/app:1": {"id": "i1"}}});
    let case = renamed(servers, back).facts(json!({"hosts": {"b": image}}));
    let plan = case.plan().unwrap();
    assert_eq!(
        plan.warnings,
        [
            "host a: role api would serve beside role web, which is not in deploy.yml for this host, with the same rule: \
             Traefik may send a request to either; `mrsk deploy --skip-push --version 1 --remove-orphans` \
             removes role web afterwards",
            "host a: role web is not in deploy.yml for this host, but its app-web-1 and routing file \
             /s/traefik/mrsk-app@web.yml are there: requests may still be answered by the old version; `mrsk deploy \
             --skip-push --version 1 --remove-orphans` removes them",
        ]
    );
    let ids = case.plan_ids();
    assert!(
        ids.iter().any(|id| id.contains("barrier/canary")),
        "{ids:?}"
    );
    // What answers nobody needs no care.
    let ill = json!({"containers": {"app-web-1": {"healthy": false}}});
    let plan = case.a(ill).plan().unwrap();
    assert!(
        plan.warnings[0].starts_with("no container of the app answers now"),
        "{:?}",
        plan.warnings
    );
}
