use serde_json::{Value, json};

use crate::plan::compile::step::makes_room;
use crate::plan::compile::testing::{Case, case, routes, running, stopped};
use crate::plan::{NeedOn, Plan, Step, StepKind};
use crate::text::action_line;

/// A deploy of version 2 beside 8, which serves, after 7; 5 and 6 are older. Each image takes 300 MiB.
fn nearly_full(free_mib: u64) -> Case {
    let route = |version: u64| {
        json!({
            "role": "web", "version": version.to_string(), "container": format!("app-web-{version}"), "at": version,
        })
    };
    let image = |version: u64| {
        let name = format!("r.example/team/app:{version}");
        (
            name,
            json!({"id": version.to_string(), "created_at": version, "bytes": 300 << 20}),
        )
    };
    let images: serde_json::Map<String, Value> = (5..=8).map(image).collect();
    case("retain_containers: 9")
        .operation(json!({"skip_push": true}))
        .a(json!({
            "free_bytes": free_mib << 20,
            "containers": {
                "app-web-8": running("8", 8), "app-web-7": stopped("7", [7, 8]),
                "app-web-6": stopped("6", [6, 7]), "app-web-5": stopped("5", [5, 6]),
            },
            "files": routes("8"), "images": images, "routed": [route(5), route(6), route(7), route(8)],
        }))
}

/// Returns what the removal before the pull does and why, if there is one.
fn room(plan: &Plan) -> Option<(String, String)> {
    let step = plan.steps.iter().find(|step| makes_room(step))?;
    let actions = step.action.iter().map(action_line);
    let pull = plan.steps.iter().find(|step| step.kind == StepKind::Pull);
    let needs = &pull.unwrap().needs;
    let waits = |step: &Step| {
        needs
            .iter()
            .any(|need| need.step == step.id && need.on == NeedOn::Settled)
    };
    assert!(waits(step), "{needs:?}");
    let why = serde_json::to_value(&step.why).unwrap();
    let why = why["needed_by"]["what"].as_str().unwrap().to_owned();
    Some((Vec::from_iter(actions).join("; "), why))
}

#[test]
fn what_a_rollback_does_not_need_goes_before_a_pull_that_does_not_fit() {
    let all = "docker rm app-web-5 app-web-6; \
               docker image rm r.example/team/app:5 r.example/team/app:6";
    let names = "app-web-5, app-web-6, r.example/team/app:5, r.example/team/app:6";
    let tag = "r.example/team/app:2";
    for (free_mib, layers_mib, expected) in [
        (0, None, None),
        (501, None, None),
        (499, None, Some("499 MiB free, about 500 MiB needed")),
        (499, Some(50), None),
        (299, Some(50), Some("299 MiB free, about 300 MiB needed")),
        (
            4099,
            Some(1000),
            Some("4099 MiB free, about 4100 MiB needed"),
        ),
    ] {
        let mut case = nearly_full(free_mib);
        if let Some(layers) = layers_mib {
            let known = json!({"registry_bytes": {tag: layers << 20}});
            case = case.facts(known);
        }
        let plan = case.plan().unwrap();
        let expected = expected.map(|shortage| {
            let why = format!("team/app:2 fits on the disk ({shortage}): {names}");
            (all.to_owned(), why)
        });
        assert_eq!(room(&plan), expected, "{free_mib} {layers_mib:?}");
        let warnings = plan
            .warnings
            .iter()
            .filter(|text| text.contains("MiB are free"));
        let warnings = Vec::from_iter(warnings);
        assert_eq!(
            warnings.len(),
            usize::from(expected.is_some()),
            "{warnings:?}"
        );
    }
}

#[test]
fn the_version_that_was_stopped_last_stays_with_the_target_of_a_rollback() {
    let stopped = json!({"containers": {"app-web-8": stopped("8", [8, 9])}});
    let plan = nearly_full(200).a(stopped).plan().unwrap();
    let (removed, _) = room(&plan).unwrap();
    let expected = "docker rm app-web-5 app-web-6; \
                    docker image rm r.example/team/app:5 r.example/team/app:6";
    assert_eq!(removed, expected);
}

#[test]
fn a_full_disk_is_refused_only_if_nothing_may_go() {
    let case = nearly_full(50);
    assert!(room(&case.plan().unwrap()).is_some());
    let none = json!({
        "containers": {"app-web-5": null, "app-web-6": null}, "images": {"r.example/team/app:5": null, "r.example/team/app:6": null},
    });
    let problems = nearly_full(50).a(none).plan().unwrap_err();
    assert!(problems[0].contains("the disk is full"), "{problems:?}");
}

#[test]
fn what_was_removed_before_the_pull_is_not_pruned_again() {
    let case = nearly_full(200);
    let plan = case.plan().unwrap();
    let prunes = plan
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Prune);
    assert_eq!(prunes.count(), 1);
}
