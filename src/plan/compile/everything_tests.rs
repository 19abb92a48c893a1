use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running};

fn remove(facts: Value) -> Case {
    case("accessories: {db: {image: db:1, host: a}}")
        .asks_for(json!({"name": "remove"}))
        .a(json!({
            "containers": {
                "app-web-2": running("2", 20), "app-db": {"id": "d", "state": "running"},
            },
            "files": routes("2"),
            "images": {"r.example/team/app:2": {"id": "i2"}, "db:1": {"id": "i3"}, "traefik:v3.3": {"id": "t"}},
            "directories": {"/root/app-db": {}},
            "logins": ["r.example"],
        }))
        .a(facts)
}

#[test]
fn a_host_is_left_clean() {
    assert_eq!(
        remove(json!({})).plan_ids(),
        [
            "a/web/web/unroute",
            "a/web/app-web-2/drain",
            "a/web/app-web-2/stop",
            "a/container/app-web-2/remove",
            "a/image/r.example%2Fteam%2Fapp:2/remove",
            "a/accessory/db/stop",
            "a/container/app-db/remove",
            "a/image/db:1/remove",
            "a/directory/%2Froot%2Fapp-db/remove",
            "a/traefik/traefik/stop",
            "a/container/traefik/remove",
            "a/image/traefik:v3.3/remove",
            "a/network/mrsk/remove",
            "a/registry/r.example/logout",
        ]
    );
}

#[test]
fn traefik_serves_until_the_app_is_gone() {
    let plan = remove(json!({})).plan().unwrap();
    let needs = |id: &str| {
        let step = plan.steps.iter().find(|step| step.id.as_str() == id);
        let needs = step.unwrap().needs.iter();
        needs.map(|need| need.step.to_string()).collect::<Vec<_>>()
    };
    assert!(needs("a/traefik/traefik/stop").contains(&"a/container/app-web-2/remove".to_owned()));
    // An image that others use is no reason to leave the network.
    let network = needs("a/network/mrsk/remove");
    assert!(
        !network.iter().any(|id| id.contains("/image/")),
        "{network:?}"
    );
}

#[test]
fn what_others_use_stays() {
    let file = json!({"files": {"/s/traefik/mrsk-shop@web.yml": {"sha256": "a".repeat(64)}}});
    let plan = remove(file).plan().unwrap();
    let text = serde_json::to_string(&plan.steps).unwrap();
    assert!(
        !text.contains("traefik/traefik") && !text.contains("/network/"),
        "{text}"
    );
    let kept = |subject: &str, plan: &crate::plan::Plan| {
        let found = plan.unchanged.iter().find(|item| item.subject == subject);
        found.map(|item| item.reason.clone()).unwrap_or_default()
    };
    assert_eq!(kept("traefik", &plan), "it stays: it also serves shop@web");
    let mut staging = running("3", 30);
    staging["labels"]["destination"] = "staging".into();
    let plan = remove(json!({"containers": {"app-web-staging-3": staging}}))
        .plan()
        .unwrap();
    assert_eq!(
        kept("db", &plan),
        "it stays: destination staging may use it"
    );
    let text = serde_json::to_string(&plan.steps).unwrap();
    assert!(
        !text.contains("app-db") && !text.contains("staging"),
        "{text}"
    );
}

#[test]
fn a_clean_host_stays_as_it_is() {
    let clean = case("accessories: {db: {image: db:1, host: a}}")
        .asks_for(json!({"name": "remove"}))
        .a(json!({"containers": null, "traefik": null, "networks": []}));
    assert!(clean.plan_ids().is_empty());
}

#[test]
fn a_service_that_came_after_the_plan_makes_it_stale() {
    let plan = remove(json!({})).plan().unwrap();
    let reliances = plan.hosts.values().flat_map(|host| &host.relies_on);
    let others = reliances
        .filter(|reliance| reliance.predicate().fact == "/routing_files")
        .collect::<Vec<_>>();
    let [others] = others.as_slice() else {
        panic!("{others:?}");
    };
    let steps: Vec<&str> = others.steps.iter().map(|step| step.as_str()).collect();
    assert!(steps.contains(&"a/traefik/traefik/stop") && steps.contains(&"a/network/mrsk/remove"));
    for (files, holds) in [
        (json!(["mrsk-app@web.yml"]), true),
        (json!([]), true),
        (json!(["mrsk-app@web.yml", "mrsk-blog@web.yml"]), false),
        (json!(["blog.yml"]), false),
    ] {
        let facts = json!({"routing_files": files});
        assert_eq!(others.predicate().holds(&facts), holds, "{files}");
    }
}

#[test]
fn a_file_by_hand_keeps_traefik_and_the_routes_of_a_former_role_do_not() {
    let file = |name: &str| {
        let mut files = routes("2");
        files[format!("/s/traefik/{name}")] = json!({"sha256": "a".repeat(64)});
        remove(json!({"files": files, "routing_files": ["mrsk-app@web.yml", name]}))
    };
    let ids = file("mrsk-app@old.yml").plan_ids();
    for step in ["a/old/old/unroute", "a/traefik/traefik/stop"] {
        assert!(ids.contains(&step.to_owned()), "{ids:?}");
    }
    let by_hand = remove(json!({"routing_files": ["blog.yml"]}));
    let plan = by_hand.plan().unwrap();
    let kept = plan.unchanged.iter().find(|item| item.subject == "traefik");
    assert_eq!(
        kept.map(|item| item.reason.as_str()),
        Some("it stays: it also serves blog.yml")
    );
}
