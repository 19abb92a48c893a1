use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case};

const DB: &str = "accessories: {db: {image: db:1, host: a}}";

/// The operation `name`, on a host whose container of the accessory has these labels.
fn asked(operation: Value, labels: Value) -> Case {
    let container = json!({"id": "d", "state": "running", "labels": labels});
    case(DB).asks_for(operation).a(json!({
        "containers": {"app-db": container},
        "images": {"db:1": {"id": "i3"}},
        "directories": {"/root/app-db": {}},
    }))
}

fn accessory(verb: &str) -> Value {
    json!({"name": format!("accessory {verb}"), "accessories": ["db"]})
}

#[test]
fn what_is_of_somebody_else_is_not_touched() {
    let others = [
        (json!({"mrsk.service": "shop"}), "service shop"),
        (
            json!({"mrsk.service": "app", "mrsk.destination": "staging"}),
            "destination staging",
        ),
    ];
    let verbs = [
        "start",
        "stop",
        "restart",
        "reboot",
        "remove",
        "remove_container",
        "remove_image",
        "remove_service_directory",
    ];
    for (labels, owner) in others {
        for verb in verbs {
            let error = asked(accessory(verb), labels.clone()).plan().unwrap_err();
            let expected = format!("host a: container app-db is of {owner}");
            assert!(
                format!("{error:?}").contains(&expected),
                "{verb}: {error:?}"
            );
        }
        let plan = asked(json!({"name": "remove"}), labels).plan().unwrap();
        let text = serde_json::to_string(&plan.steps).unwrap();
        assert!(!text.contains("app-db"), "{text}");
        let kept = plan.unchanged.iter().find(|item| item.subject == "db");
        let reason = format!("it stays: app-db is of {owner}");
        assert_eq!(kept.map(|item| item.reason.as_str()), Some(reason.as_str()));
    }
}

#[test]
fn what_is_ours_or_says_nothing_is_removed() {
    for labels in [
        json!({}),
        json!({"mrsk.service": "app", "mrsk.destination": ""}),
    ] {
        let ids = asked(json!({"name": "remove"}), labels).plan_ids();
        assert!(ids.contains(&"a/accessory/db/stop".to_owned()), "{ids:?}");
    }
}

#[test]
fn a_deploy_does_not_take_the_container_of_another_service_for_its_accessory() {
    let container = json!({"id": "d", "state": "running", "labels": {"mrsk.service": "shop"}});
    let deploy = case(DB).a(json!({"containers": {"app-db": container}}));
    let error = format!("{:?}", deploy.plan().unwrap_err());
    assert!(
        error.contains("container app-db is of service shop"),
        "{error}"
    );
}
