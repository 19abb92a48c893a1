use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running, stopped};

/// Returns a host that serves version 2, with a stopped version 1, a container of destination `staging`, and images.
fn host(operation: Value) -> Case {
    let mut other = stopped("1", [10, 20]);
    other["labels"]["destination"] = "staging".into();
    other["image"] = "r.example/team/app:staging".into();
    case("").asks_for(operation).a(json!({
        "containers": {
            "app-web-2": running("2", 20), "app-web-1": stopped("1", [10, 20]),
            "app-web-staging-1": other,
        },
        "files": routes("2"),
        "images": {
            "r.example/team/app:1": {"id": "i1"}, "r.example/team/app:2": {"id": "i2"},
            "r.example/team/app:old": {"id": "i0"}, "r.example/team/app:staging": {"id": "i3"},
            "r.example/team/app-other:1": {"id": "i4"}, "redis:7": {"id": "i5"},
        },
    }))
}

fn unchanged(case: &Case) -> Vec<String> {
    let plan = case.plan().unwrap();
    let items = plan.unchanged.iter();
    items
        .map(|item| format!("{}: {}", item.subject, item.reason))
        .collect()
}

#[test]
fn all_of_the_app_goes_and_nothing_of_others() {
    let case = host(json!({"name": "app remove"}));
    assert_eq!(
        case.plan_ids(),
        [
            "a/web/web/unroute",
            "a/container/app-web-1/remove",
            "a/web/app-web-2/drain",
            "a/web/app-web-2/stop",
            "a/container/app-web-2/remove",
            "a/image/r.example%2Fteam%2Fapp:1/remove",
            "a/image/r.example%2Fteam%2Fapp:2/remove",
            "a/image/r.example%2Fteam%2Fapp:old/remove",
        ]
    );
    let plan = case.plan().unwrap();
    let images = plan
        .steps
        .iter()
        .filter(|step| step.id.as_str().contains("/image/"));
    for image in images {
        let needs: Vec<&str> = image.needs.iter().map(|need| need.step.as_str()).collect();
        assert_eq!(
            needs,
            [
                "a/container/app-web-1/remove",
                "a/container/app-web-2/remove"
            ]
        );
    }
    let again = case.a(json!({
        "containers": {"app-web-1": null, "app-web-2": null}, "files": null,
        "images": {
            "r.example/team/app:1": null, "r.example/team/app:2": null, "r.example/team/app:old": null,
        },
    }));
    assert!(again.plan_ids().is_empty());
    assert_eq!(unchanged(&again), ["app: no containers and no images"]);
}

#[test]
fn containers_of_a_role_that_left_the_configuration_go_too() {
    let mut job = running("2", 20);
    job["labels"]["role"] = "job".into();
    let old = json!({"containers": {"app-job-2": job}});
    let ids = host(json!({"name": "app remove"}))
        .a(old.clone())
        .plan_ids();
    assert!(ids.contains(&"a/job/app-job-2/stop".to_owned()), "{ids:?}");
    let only = json!({"name": "app remove", "roles": ["web"]});
    let ids = host(only).a(old).plan_ids();
    assert!(!ids.iter().any(|id| id.contains("job")), "{ids:?}");
}

#[test]
fn what_runs_is_not_removed() {
    let case = host(json!({"name": "app remove_containers"}));
    assert_eq!(case.plan_ids(), ["a/container/app-web-1/remove"]);
    assert_eq!(
        unchanged(&case),
        ["web: app-web-2 is running; `mrsk app stop` stops it"]
    );
    let of = |version: &str| host(json!({"name": "app remove_container", "version": version}));
    assert_eq!(of("1").plan_ids(), ["a/container/app-web-1/remove"]);
    assert_eq!(
        of("2").plan().unwrap_err(),
        [
            "host a: container app-web-2 is running (deploy or roll back to another version, or run `mrsk app \
          stop` first)"
        ]
    );
    assert_eq!(unchanged(&of("3")), ["containers: none to remove"]);
    let relied = of("1").plan().unwrap();
    let relied = relied.hosts.values().flat_map(|host| &host.relies_on);
    assert!(
        relied
            .into_iter()
            .any(|one| one.fact == "/containers/app-web-1/id")
    );
}

#[test]
fn images_with_a_container_stay() {
    let case = host(json!({"name": "app remove_images"}));
    assert_eq!(
        case.plan_ids(),
        ["a/image/r.example%2Fteam%2Fapp:old/remove"]
    );
    let made = case.plan().unwrap();
    assert_eq!(made.steps[0].on_failure, crate::plan::OnFailure::Tolerate);
}

#[test]
fn what_runs_beside_the_one_that_serves_is_stale() {
    let second = json!({"containers": {"app-web-0": running("0", 40)}});
    let show = host(json!({"name": "app stale_containers"})).a(second.clone());
    assert!(show.plan_ids().is_empty());
    assert_eq!(
        unchanged(&show),
        ["web: app-web-0 is stale; `mrsk app stale_containers --stop` stops it"]
    );
    let stop = host(json!({"name": "app stale_containers", "stop": true}));
    assert_eq!(unchanged(&stop), ["containers: no stale containers"]);
    assert_eq!(
        stop.a(second).plan_ids(),
        ["a/web/app-web-0/drain", "a/web/app-web-0/stop"]
    );
}
