use serde_json::json;

use super::{gate_roles, run};
use crate::plan::compile::switch;
use crate::plan::compile::testing::case;

const DB: &str =
    "accessories: {db: {image: db:1, host: a, port: '5432:5432', files: ['init.sql:/i/init.sql']}}";

#[test]
fn an_accessory_is_started_only_if_it_is_asked_for_and_missing() {
    let setup = json!({"name": "setup"});
    let boot = json!({
        "name": "accessory boot", "version": null, "skip_push": null, "accessories": ["db"],
    });
    let source =
        json!({"source": {"files": {"init.sql": {"path": "init.sql", "sha256": "a".repeat(64)}}}});
    let up = json!({"containers": {"app-db": {"id": "d", "state": "running"}}});
    let exists = "= db: app-db exists; an accessory is never replaced";
    let unknown = "warning: host a: accessory db was not started by this version of mrsk: cannot tell \
        whether it matches deploy.yml; mrsk leaves it as it is";
    let (start, gate) = (
        "a/accessory/db/start",
        "local/barrier/accessories/wait <- a/accessory/db/start",
    );
    let taken = json!({"ports": {"5432": {"holder": "process"}}});
    for (operation, facts, ids, notes) in [
        (setup.clone(), json!({}), vec![start, gate], vec![]),
        (boot, json!({}), vec![start], vec![]),
        (
            json!({}),
            json!({}),
            vec![],
            vec![
                "warning: host a: accessory db does not exist; `mrsk accessory boot db` starts it",
            ],
        ),
        (setup.clone(), up, vec![], vec![exists, unknown]),
        (
            setup,
            taken,
            vec![start, gate],
            vec!["error: host a: port 5432 for accessory db is already in use (process)"],
        ),
    ] {
        let made = case(DB)
            .facts(source.clone())
            .operation(operation)
            .a(facts)
            .after(&[run]);
        assert_eq!(made.ids(), ids);
        assert_eq!(made.notes, notes);
    }
}

#[test]
fn its_files_are_put_in_place_before_it_is_created() {
    let source =
        json!({"source": {"files": {"init.sql": {"path": "init.sql", "sha256": "a".repeat(64)}}}});
    let setup = json!({"name": "setup"});
    let made = case(DB)
        .operation(setup.clone())
        .facts(source)
        .after(&[run]);
    let actions = made.actions("db/start");
    let starts: Vec<String> = actions
        .iter()
        .map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        starts,
        [
            "mkdir -p -m",
            "chmod 0700 /root/app-db",
            "mkdir -p /root/app-db/i",
            "# upload init.sql",
            "docker pull db:1",
            "docker container prune",
            "docker create --name",
            "docker start app-db",
            "# wait until",
        ]
    );
    let made = case(DB).operation(setup).after(&[run]);
    assert_eq!(
        made.notes,
        ["error: accessory db: cannot read file init.sql"]
    );
}

#[test]
fn roles_start_after_the_accessories() {
    let config = "accessories: {db: {image: db:1, host: a}}";
    let gated = |operation| {
        let made = case(config)
            .operation(operation)
            .after(&[run, switch::run, gate_roles]);
        let step = made.step("web/app-web-2/start");
        step.needs
            .iter()
            .map(|need| need.step.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        gated(json!({"name": "setup"})),
        ["local/barrier/accessories/wait"]
    );
    assert!(gated(json!({})).is_empty());
}
