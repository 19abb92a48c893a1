use serde_json::{Value, json};

use crate::name::Sha256Hex;
use crate::plan::Plan;
use crate::plan::compile::testing::{Case, case, running};

const ROUTES: &str = "/s/traefik/mrsk-app@web.yml";
const MAINTENANCE: &str = "/s/traefik/mrsk-app@web@@maintenance.yml";
const DRAIN: &str = "/s/traefik/mrsk-app@web@@drain.yml";

/// Returns a host that serves version 2.
fn serving(operation: Value) -> Case {
    let text = "http: {routers: {a: {rule: 'Host(`a`)', service: app}}}";
    case("").asks_for(operation).a(json!({
        "containers": {"app-web-2": running("2", 20)},
        "files": {ROUTES: file(text, "2")},
    }))
}

fn file(text: &str, version: &str) -> Value {
    let alias = Sha256Hex::of(version.as_bytes());
    json!({
        "sha256": Sha256Hex::of(text.as_bytes()).as_str(), "text": text,
        "aliases": [format!("m-{}", &alias.as_str()[..16])],
    })
}

/// Returns the text that the plan writes to `path`.
fn written(plan: &Plan, path: &str) -> String {
    let mut actions = plan.steps.iter().flat_map(|step| &step.action);
    let write = actions.find_map(|action| match action {
        crate::action::Action::Write(write) if write.path == path => Some(write),
        _ => None,
    });
    plan.contents[&write.unwrap().content].clone()
}

/// Returns `case` after `operation`, which writes `path`.
fn after(case: Case, path: &str) -> Case {
    let text = written(&case.plan().unwrap(), path);
    let mut file = file(&text, "2");
    file["aliases"] = json!([]);
    case.a(json!({"files": {path: file}}))
}

fn told(case: &Case) -> Vec<String> {
    let plan = case.plan().unwrap();
    let items = plan.unchanged.iter();
    let lines = items.map(|item| format!("{}: {}", item.subject, item.reason));
    lines.collect()
}

fn maintenance() -> Value {
    json!({
        "name": "app maintenance", "by": "Ann", "message": "Back soon", "allow": ["10.0.0.0/8"],
        "except": ["/up"],
    })
}

#[test]
fn a_maintenance_is_on_until_it_is_ended() {
    let off = serving(maintenance()).facts(json!({"taken_at": 1_764_000_000}));
    assert_eq!(off.plan_ids(), ["a/web/maintenance/begin"]);
    let plan = off.plan().unwrap();
    assert_eq!(
        plan.steps[0].summary,
        "Answer requests to web with 503, except /up and those from 10.0.0.0/8"
    );
    let relied = plan.hosts.values().flat_map(|host| &host.relies_on);
    let relied: Vec<&str> = relied.map(|reliance| reliance.fact.as_str()).collect();
    for path in [ROUTES, MAINTENANCE] {
        let fact = format!("/files/{}", path.replace('/', "~1"));
        assert!(
            relied.iter().any(|one| one.starts_with(&fact)),
            "{relied:?}"
        );
    }
    let text = written(&plan, MAINTENANCE);
    assert!(
        text.contains("(Host(`a`)) && !ClientIP(`10.0.0.0/8`) && !Path(`/up`)"),
        "{text}"
    );

    let on = after(off, MAINTENANCE).facts(json!({"taken_at": 1_764_000_999}));
    assert!(on.plan_ids().is_empty());
    let since = "maintenance of web: 503 since 2025-11-24 16:00 UTC by Ann: Back soon";
    assert_eq!(told(&on), [since]);
    // Since when it is on stays the same if it is changed.
    let changed = on.operation(json!({"message": "Back at 5", "by": "Bob"}));
    assert_eq!(changed.plan_ids(), ["a/web/maintenance/begin"]);
    let on = after(changed, MAINTENANCE);
    assert_eq!(
        told(&on),
        [since.replace("Ann: Back soon", "Bob: Back at 5")]
    );

    let live = on.asks_for(json!({"name": "app live"}));
    assert_eq!(live.plan_ids(), ["a/web/maintenance/end"]);
    let none = live.a(json!({"files": {MAINTENANCE: null}}));
    assert!(none.plan_ids().is_empty());
    assert_eq!(told(&none), ["maintenance: is not on"]);
}

#[test]
fn a_maintenance_begins_before_the_first_deploy() {
    let case = case("").asks_for(maintenance());
    let text = written(&case.plan().unwrap(), MAINTENANCE);
    assert!(text.contains("(PathPrefix(`/`)) && "), "{text}");
}

#[test]
fn a_deploy_leaves_the_maintenance_on_and_covers_its_new_rules() {
    let on = after(serving(maintenance()), MAINTENANCE);
    let deploy = on.asks_for(json!({"name": "deploy", "version": "3"}));
    let plan = deploy.plan().unwrap();
    let told: Vec<&str> = crate::plan::still::told(&plan)
        .map(|item| item.reason.as_str())
        .collect();
    assert_eq!(told, ["503 since 1970-01-01 00:00 UTC by Ann: Back soon"]);
    // The configuration has the default rule, and the routes that are there have another one.
    let text = written(&plan, MAINTENANCE);
    for rule in ["(PathPrefix(`/`)) && ", "(Host(`a`)) && "] {
        assert!(text.contains(rule), "{text}");
    }
    let needs = |id: &str| {
        let mut steps = plan.steps.iter();
        let step = steps.find(|step| step.id.as_str() == id).unwrap();
        let needs = step.needs.iter().map(|need| need.step.to_string());
        needs.collect::<Vec<_>>()
    };
    let cover = "a/web/maintenance/cover".to_owned();
    assert!(!needs(&cover).iter().any(|id| id.starts_with("a/web/")));
    let start = needs("a/web/app-web-3/start");
    assert!(start.contains(&cover), "{start:?}");
    // With the rules that it has there is nothing to cover.
    let same = serving(maintenance()).a(json!({"files": {ROUTES: null}}));
    let same = after(same, MAINTENANCE).asks_for(json!({"name": "deploy", "version": "3"}));
    let ids = same.plan_ids();
    assert!(!ids.contains(&cover), "{ids:?}");
}

#[test]
fn a_host_that_is_added_in_a_maintenance_has_it_too() {
    let text = written(&serving(maintenance()).plan().unwrap(), MAINTENANCE);
    let file = file(&text, "2");
    let two = case("servers: [a, b]")
        .a(json!({"files": {MAINTENANCE: file}}))
        .plan()
        .unwrap();
    let writes = two.steps.iter().flat_map(|step| {
        let host = step.host.as_ref().map(ToString::to_string);
        let actions = step.action.iter();
        actions.filter_map(move |action| match action {
            crate::action::Action::Write(write) if write.path == MAINTENANCE => host.clone(),
            _ => None,
        })
    });
    let writes: Vec<String> = writes.collect();
    assert_eq!(writes, ["a", "b"]);
}

#[test]
fn a_host_that_serves_beside_a_maintenance_of_others_goes_on_serving() {
    let text = written(&serving(maintenance()).plan().unwrap(), MAINTENANCE);
    let maintained = file(&text, "2");
    let routed = json!({"role": "web", "version": "1", "container": "app-web-1", "at": 1});
    let text = "http: {routers: {a: {rule: 'Host(`a`)', service: app}}}";
    for had in [
        json!({"files": {ROUTES: file(text, "1")}, "containers": {"app-web-1": running("1", 10)}}),
        // As `app stop` leaves it.
        json!({"routed": [routed]}),
    ] {
        let plan = case("servers: [a, b]")
            .a(json!({"files": {MAINTENANCE: maintained.clone()}}))
            .facts(json!({"hosts": {"b": had}}))
            .plan()
            .unwrap();
        let covers = plan.steps.iter().filter(|step| {
            step.host.as_ref().is_some_and(|host| host.as_str() == "b")
                && step.id.as_str().contains("/maintenance/")
        });
        assert_eq!(covers.count(), 0);
        let told = crate::plan::still::told(&plan);
        let hosts: Vec<_> = told
            .map(|item| item.host.as_ref().unwrap().as_str())
            .collect();
        assert_eq!(hosts, ["a"]);
    }
}

#[test]
fn a_drained_host_serves_all_but_its_health_check() {
    let drain = serving(json!({"name": "host drain", "by": "Ann", "hosts": ["a"]}));
    assert_eq!(drain.plan_ids(), ["a/web/drain/begin"]);
    let text = written(&drain.plan().unwrap(), DRAIN);
    assert!(text.contains("(Host(`a`)) && Path(`/up`)"), "{text}");
    let drained = after(drain, DRAIN);
    assert!(drained.plan_ids().is_empty());
    assert_eq!(
        told(&drained),
        ["drain of web: /up is answered with 503 since 1970-01-01 00:00 UTC by Ann"]
    );
    let undrain = drained.asks_for(json!({"name": "host undrain", "hosts": ["a"]}));
    assert_eq!(undrain.plan_ids(), ["a/web/drain/end"]);
    let none = undrain.a(json!({"files": {DRAIN: null}}));
    assert_eq!(told(&none), ["host: is not drained"]);
}

#[test]
fn what_answers_in_place_of_the_app_is_removed_with_it() {
    let on = after(serving(maintenance()), MAINTENANCE);
    let mut case = on;
    for name in ["app remove", "remove"] {
        case = case.asks_for(json!({"name": name}));
        let ids = case.plan_ids();
        assert!(ids.contains(&"a/web/maintenance/end".to_owned()), "{ids:?}");
        assert_eq!(
            ids.iter().any(|id| id.ends_with("traefik/remove")),
            name == "remove",
            "{ids:?}"
        );
    }
}

#[test]
fn without_a_traefik_of_mrsk_nothing_can_be_answered() {
    let case = serving(maintenance());
    let dead = case.a(json!({"traefik": null}));
    assert_eq!(
        dead.plan().unwrap_err(),
        ["host a: Traefik does not run (run `mrsk deploy`, or `mrsk traefik boot`, first)"]
    );
    let foreign = dead.a(json!({"traefik": {"args": [], "directory": ""}}));
    let problems = foreign.plan().unwrap_err();
    assert!(
        problems[0].contains("was not started by mrsk"),
        "{problems:?}"
    );
}
