use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case};

const TWO: &str = "accessories: {db: {image: db:1, host: a, directories: ['data:/data', '/srv/x:/x']}, \
                   other: {image: db:1, host: a}}";

fn asked(verb: &str, facts: Value) -> Case {
    let operation = json!({"name": format!("accessory {verb}"), "accessories": ["db"]});
    case(TWO).asks_for(operation).a(facts)
}

fn facts(state: &str) -> Value {
    json!({
        "containers": {"app-db": {"id": "d1", "state": state}},
        "images": {"db:1": {"id": "i1"}},
        "directories": {"/root/app-db": {"entries": 2}, "/srv/x": {"entries": 1}},
    })
}

#[test]
fn all_of_it_goes_and_each_part_is_named() {
    let case = asked("remove", facts("running"));
    let plan = case.plan().unwrap();
    let summaries: Vec<&str> = plan
        .steps
        .iter()
        .map(|step| step.summary.as_str())
        .collect();
    assert_eq!(
        summaries,
        [
            "Stop accessory db",
            "Remove container app-db",
            "Remove image db:1",
            "Remove directory /root/app-db and the data in it (2 entries)",
        ]
    );
    let kept = &plan.unchanged[0].reason;
    assert_eq!(kept, "/srv/x is not below /root/app-db, and stays");
    let lines = plan.steps[3].action.iter().map(crate::text::action_line);
    assert_eq!(Vec::from_iter(lines), ["rm -rf /root/app-db"]);
    let again = asked("remove", json!({}));
    assert!(again.plan_ids().is_empty());
}

#[test]
fn each_part_goes_alone() {
    for (verb, ids) in [
        ("remove_container", "a/container/app-db/remove"),
        ("remove_image", "a/image/db:1/remove"),
        (
            "remove_service_directory",
            "a/directory/%2Froot%2Fapp-db/remove",
        ),
    ] {
        let gone = json!({"containers": {"app-db": null}});
        let case = match verb {
            "remove_image" => asked(verb, facts("exited")).a(gone),
            _ => asked(verb, facts("exited")),
        };
        assert_eq!(case.plan_ids(), [ids]);
        assert!(asked(verb, json!({})).plan_ids().is_empty(), "{verb}");
    }
    for state in ["running", "exited"] {
        let problems = asked("remove_image", facts(state)).plan().unwrap_err();
        let expected =
            "host a: container app-db uses db:1 (run `mrsk accessory remove_container db` first, ";
        assert!(problems[0].starts_with(expected), "{problems:?}");
    }
    for verb in ["remove_container", "remove_service_directory"] {
        let problems = asked(verb, facts("running")).plan().unwrap_err();
        assert_eq!(
            problems,
            [
                "host a: app-db is running (run `mrsk accessory stop db` first, or remove all of it with \
              `mrsk accessory remove db`)"
            ]
        );
    }
}

#[test]
fn an_image_that_another_accessory_runs_stays() {
    let other = json!({"containers": {"app-other": {"id": "o", "state": "running"}}});
    let ids = asked("remove", facts("exited")).a(other).plan_ids();
    assert!(!ids.iter().any(|id| id.contains("/image/")), "{ids:?}");
    let operation = json!({"name": "accessory remove", "accessories": ["all"]});
    let all = case(TWO).asks_for(operation).a(facts("exited"));
    let ids = all.plan_ids();
    let images = ids.iter().filter(|id| id.contains("/image/")).count();
    assert_eq!(images, 1, "{ids:?}");
}
