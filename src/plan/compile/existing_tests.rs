use serde_json::{Value, json};

use super::Decision;
use crate::plan::compile::testing::{Case, case, routes, running, stopped, web};

/// Returns the decision for role `web` on host `a`.
fn decision(case: &Case) -> String {
    case.look(&[], |draft| {
        let placement = &draft.placements[0];
        let decision = match &placement.decision {
            Decision::Keep => "keep",
            Decision::Complete { route: true, .. } => "complete and route",
            Decision::Complete { route: false, .. } => "complete",
            Decision::Replace { .. } => "create",
            Decision::StartExisting { .. } => "start",
        };
        let line = format!("{decision} {} {}", placement.name, placement.old.join(" "));
        line.trim_end().to_owned()
    })
}

fn rollback(patch: Value) -> Case {
    case("")
        .a(patch)
        .asks_for(json!({"name": "rollback", "version": "1"}))
}

#[test]
fn a_version_runs_in_its_container_if_it_has_one() {
    let serving = json!({"containers": {"app-web-2": running("2", 20)}, "files": routes("2")});
    let with = |patch: Value| rollback(serving.clone()).a(patch);
    let there = json!({"containers": {"app-web-1": stopped("1", [10, 20])}});
    assert_eq!(decision(&with(there)), "start app-web-1 app-web-2");
    let renamed = json!({"containers": {"app-web-1_replaced_4": stopped("1", [10, 20])}});
    assert_eq!(
        decision(&with(renamed)),
        "start app-web-1_replaced_4 app-web-2"
    );
    let image = json!({"images": {"r.example/team/app:1": {}}});
    assert_eq!(decision(&with(image.clone())), "create app-web-1 app-web-2");
    // What the original tool started is created anew: its Traefik would serve it before it is healthy.
    let mut original = stopped("1", [10, 20]);
    original["labels"] = json!({"service": "app", "role": "web"});
    original["networks"] = json!({"bridge": {}});
    let original = json!({"containers": {"app-web-1": original}});
    assert_eq!(
        decision(&with(image).a(original)),
        "create app-web-1 app-web-2"
    );
}

#[test]
fn a_version_that_serves_stays() {
    let serving = json!({"containers": {"app-web-1": running("1", 10)}, "files": routes("1")});
    assert_eq!(decision(&rollback(serving.clone())), "keep app-web-1");
    let other = json!({"containers": {"app-web-2": web("2")}});
    assert_eq!(
        decision(&rollback(serving.clone()).a(other)),
        "complete app-web-1 app-web-2"
    );
    let unrouted = json!({"files": {"/s/traefik/mrsk-app@web.yml": null}});
    assert_eq!(
        decision(&rollback(serving).a(unrouted)),
        "complete and route app-web-1"
    );
}

#[test]
fn what_ran_last_is_started() {
    let start = |patch: Value| case("").a(patch).asks_for(json!({"name": "app start"}));
    let both = json!({"containers": {
        "app-web-1": stopped("1", [10, 20]), "app-web-2": stopped("2", [20, 30]),
    }});
    assert_eq!(decision(&start(both.clone())), "start app-web-2");
    let later = json!({"containers": {"app-web-1": stopped("1", [10, 40])}});
    assert_eq!(decision(&start(both.clone()).a(later)), "start app-web-1");
    let up = json!({"containers": {"app-web-1": running("1", 10)}, "files": routes("1")});
    assert_eq!(decision(&start(both.clone()).a(up)), "keep app-web-1");
    let never = json!({"containers": {"app-web-3": stopped("3", [50, 0])}});
    assert_eq!(decision(&start(both).a(never)), "start app-web-2");
    assert_eq!(
        start(json!({})).plan().unwrap_err(),
        ["host a: role web has no container to start (run `mrsk deploy`)"]
    );
}

/// A container that exists keeps the routes and the health check that it was started with.
#[test]
fn a_container_that_exists_is_asked_and_routed_as_it_was() {
    let mut old = stopped("1", [10, 20]);
    old["labels"]["mrsk.healthcheck"] = "81 /old".into();
    old["labels"]["traefik.http.routers.app.rule"] = "Host(`old.example`)".into();
    let case = rollback(json!({
        "containers": {"app-web-2": running("2", 20), "app-web-1": old}, "files": routes("2"),
    }));
    let plan = case.plan().unwrap();
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "a/web/app-web-1/start",
            "a/web/app-web-1/healthcheck",
            "a/web/app-web-1/route",
            "a/web/app-web-2/drain",
            "a/web/app-web-2/stop",
        ]
    );
    let lines = |at: usize| {
        let step = &plan.steps[at];
        let lines = step
            .action
            .iter()
            .chain(&step.cleanup)
            .map(crate::text::action_line);
        Vec::from_iter(lines)
    };
    assert_eq!(
        lines(0),
        ["docker start app-web-1", "docker stop --time 10 app-web-1"]
    );
    assert!(plan.steps[1].summary.contains("answer 200 at :81/old"));
    // A failure stops it again, and takes nothing away that could be rolled back to.
    assert_eq!(lines(1).last().unwrap(), "docker stop --time 10 app-web-1");
    assert!(
        plan.contents
            .values()
            .any(|text| text.contains("old.example"))
    );
    assert!(plan.secrets.is_empty());
}

#[test]
fn secrets_that_differ_in_containers_that_start_again_are_named() {
    let mut old = stopped("1", [10, 20]);
    old["secrets_differ"] = json!(["KEY", "TOKEN"]);
    let facts = json!({"containers": {"app-web-2": running("2", 20), "app-web-1": old}, "files": routes("2")});
    let case = case("env: {secret: [KEY, TOKEN]}")
        .asks_for(json!({"name": "rollback", "version": "1"}))
        .a(facts);
    let compared = case.facts(json!({"secrets_compared": true}));
    let plan = compared.plan().unwrap();
    assert_eq!(
        plan.warnings,
        [
            "role web on a: the value of secrets KEY and TOKEN differs from the local one, and stays; `--fresh-env` \
             starts the version with the local values"
        ]
    );
    let unknown = compared.facts(json!({
        "secrets_compared": false,
        "hosts": {"a": {"containers": {"app-web-1": {"secrets_differ": null}}}},
    }));
    let plan = unknown.plan().unwrap();
    let note = plan.unchanged.iter().find(|item| item.subject == "secrets");
    assert_eq!(
        note.unwrap().reason,
        "those of the containers that start again were not compared with the local ones"
    );
}
