use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, running};
use crate::text::action_line;

/// Returns a host of user `deploy` with version 1, whose container has these labels more, and with this serial.
fn host(labels: Value, serial: u64) -> Case {
    let mut container = running("1", 10);
    let all = container["labels"].as_object_mut().unwrap();
    all.extend(labels.as_object().unwrap().clone());
    case("").a(json!({
        "user": "deploy",
        "state_dir": "/home/deploy/.mrsk",
        "serial": {"number": serial},
        "containers": {"app-web-1": container},
    }))
}

#[test]
fn a_host_that_another_user_deployed_to_is_refused_with_both_ways_out() {
    let root = json!({"mrsk.state": "/var/lib/mrsk"});
    let errors = host(root.clone(), 0).plan().unwrap_err();
    assert_eq!(errors.len(), 1);
    for text in [
        "host a: container app-web-1 was deployed by root, whose lock and records are in /var/lib/mrsk",
        "deploy has its own in /home/deploy/.mrsk",
    ] {
        assert!(errors[0].contains(text), "{errors:?}");
    }
    assert!(host(root.clone(), 3).plan().is_ok(), "records were moved");
    let own = json!({"mrsk.state": "/home/deploy/.mrsk"});
    assert!(host(own, 0).plan().is_ok());
    assert!(
        host(json!({}), 0).plan().is_ok(),
        "a container without the label"
    );
    let mut other = root;
    other["destination"] = json!("staging");
    assert!(host(other, 0).plan().is_ok(), "another destination");
}

#[test]
fn each_container_says_where_its_records_are() {
    let case = case("").a(json!({"state_dir": "/srv/mrsk"}));
    let plan = case.plan().unwrap();
    let lines = plan
        .steps
        .iter()
        .flat_map(|step| &step.action)
        .map(action_line);
    let creates = Vec::from_iter(lines.filter(|line| line.starts_with("docker create")));
    let label = "--label 'mrsk.state=/srv/mrsk'";
    assert!(
        creates.iter().any(|line| line.contains(label)),
        "{creates:?}"
    );
}
