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

#[test]
fn what_another_destination_configures_on_the_host_stays_unless_it_says_whose_it_is() {
    let shared = |operation: Value, labels: Value| {
        let mut case = asked(operation, labels);
        let sharers = &mut case.config_mut().sharers;
        sharers.add("db", &"a".into(), Some("production"));
        // On another host, and another accessory.
        sharers.add("db", &"b".into(), Some("east"));
        sharers.add("cache", &"a".into(), Some("west"));
        case
    };
    let claim =
        "if only this destination uses it, run `mrsk accessory reboot db` first, which labels it";
    for verb in [
        "remove",
        "remove_container",
        "remove_image",
        "remove_service_directory",
    ] {
        let errors = shared(accessory(verb), json!({})).plan().unwrap_err();
        let expected = format!(
            "host a: accessory db says of no destination that it is its own: destination production has it on this \
             host, too ({claim})"
        );
        assert_eq!(errors, [expected], "{verb}");
    }
    let kept = |case: Case| {
        let plan = case.plan().unwrap();
        let text = serde_json::to_string(&plan.steps).unwrap();
        let is_kept = !text.contains("app-db") && !text.contains("db:1");
        let found = plan.unchanged.into_iter();
        let mut found = found.filter(|item| item.subject == "db");
        (is_kept, found.next().map(|item| item.reason))
    };
    let remove = || json!({"name": "remove"});
    let reason = format!("it stays: destination production has it on this host, too; {claim}");
    assert_eq!(
        kept(shared(remove(), json!({}))),
        (true, Some(reason.clone()))
    );
    // Its data without its container.
    let gone = shared(remove(), json!({})).a(json!({"containers": {"app-db": null}}));
    assert_eq!(kept(gone), (true, Some(reason)));
    let own = json!({"mrsk.service": "app", "mrsk.destination": ""});
    assert_eq!(kept(shared(remove(), own.clone())), (false, None));
    assert!(shared(accessory("remove"), own).plan().is_ok());
}
