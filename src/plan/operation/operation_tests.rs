use super::*;
use serde_json::{Value, json};

#[test]
fn each_operation_is_written_flat_and_read_again() {
    let table = [
        json!({"name": "deploy", "version": "1", "skip_push": false}),
        json!({"name": "deploy", "version": "1", "skip_push": false, "all_at_once": true}),
        json!({"name": "deploy", "version": "1", "skip_push": false, "remove_orphans": true}),
        json!({"name": "redeploy", "version": "1", "destination": "staging", "skip_push": true}),
        json!({"name": "setup", "version": "1", "hosts": ["a"], "roles": ["web"], "skip_push": false}),
        json!({"name": "rollback"}),
        json!({"name": "rollback", "version": "1"}),
        json!({"name": "rollback", "version": "1", "fresh_env": true}),
        json!({
            "name": "rollback", "all_at_once": true, "drain_timeout": 0, "skip_healthcheck": "broken",
        }),
        json!({"name": "undo", "version": "1", "undoes": "sha256:ab"}),
        json!({"name": "app boot"}),
        json!({"name": "app boot", "version": "1", "roles": ["web"]}),
        json!({"name": "app start"}),
        json!({"name": "app stop", "hosts": ["a"]}),
        json!({"name": "app remove"}),
        json!({"name": "app remove_container", "version": "1"}),
        json!({"name": "app remove_containers"}),
        json!({"name": "app remove_images"}),
        json!({"name": "app stale_containers"}),
        json!({"name": "app stale_containers", "stop": true}),
        json!({"name": "app maintenance", "by": "Ann"}),
        json!({
            "name": "app maintenance", "hosts": ["a"], "by": "Ann", "message": "Back at 10", "retry_after": 60,
            "page": "/503.html", "allow": ["10.0.0.0/8"], "except": ["/up"],
        }),
        json!({"name": "app live", "roles": ["web"]}),
        json!({"name": "host drain", "hosts": ["a"], "by": "Ann"}),
        json!({"name": "host undrain", "hosts": ["a"]}),
        json!({"name": "accessory boot", "accessories": ["all"]}),
        json!({"name": "accessory boot", "hosts": ["a"], "accessories": ["db", "redis"]}),
        json!({"name": "accessory boot", "accessories": ["db"], "skip_broadcast": true}),
        json!({"name": "accessory start", "accessories": ["db"]}),
        json!({"name": "accessory stop", "accessories": ["db"]}),
        json!({"name": "accessory restart", "accessories": ["db"]}),
        json!({"name": "accessory reboot", "accessories": ["db"]}),
        json!({"name": "accessory upload", "accessories": ["db"]}),
        json!({"name": "accessory directories", "accessories": ["db"]}),
        json!({"name": "accessory remove", "accessories": ["db"]}),
        json!({"name": "accessory remove_container", "accessories": ["db"]}),
        json!({"name": "accessory remove_image", "accessories": ["db"]}),
        json!({"name": "accessory remove_service_directory", "accessories": ["db"]}),
        json!({"name": "traefik boot"}),
        json!({"name": "traefik start"}),
        json!({"name": "traefik stop"}),
        json!({"name": "traefik restart"}),
        json!({"name": "traefik reboot"}),
        json!({"name": "traefik reboot", "rolling": true}),
        json!({"name": "traefik remove"}),
        json!({"name": "traefik remove_container"}),
        json!({"name": "traefik remove_image"}),
        json!({"name": "build deliver", "version": "1", "skip_push": false}),
        json!({"name": "build push", "version": "1", "skip_push": false}),
        json!({"name": "build pull", "version": "1", "skip_push": true}),
        json!({"name": "build create"}),
        json!({"name": "build remove"}),
        json!({"name": "healthcheck perform", "version": "1", "skip_push": true}),
        json!({"name": "prune all"}),
        json!({"name": "prune containers"}),
        json!({"name": "prune images"}),
        json!({"name": "remove"}),
        json!({"name": "server bootstrap"}),
        json!({"name": "registry login", "hosts": ["a"]}),
        json!({"name": "registry logout"}),
    ];
    let mut names = Vec::new();
    for flat in table {
        let operation: Operation = serde_json::from_value(flat.clone()).unwrap();
        names.push(operation.name().to_owned());
        assert_eq!(serde_json::to_value(&operation).unwrap(), flat);
    }
    names.dedup();
    assert_eq!(names, OperationKind::NAMES);
}

#[test]
fn an_operation_has_the_arguments_that_it_takes() {
    let table: [(Value, &str); 7] = [
        (json!({"name": "destroy"}), "unknown operation `destroy`"),
        (
            json!({"name": "deploy"}),
            "operation `deploy` needs `version`",
        ),
        (
            json!({"name": "deploy", "version": "1", "accessories": ["db"]}),
            "operation `deploy` takes no `accessories`",
        ),
        (
            json!({"name": "accessory boot"}),
            "operation `accessory boot` needs `accessories`",
        ),
        (
            json!({"name": "accessory boot", "accessories": ["db"], "version": "1"}),
            "operation `accessory boot` takes no `version`",
        ),
        (
            json!({"name": "accessory boot", "accessories": ["db"], "skip_push": false}),
            "operation `accessory boot` takes no `skip_push`",
        ),
        (
            json!({"name": "registry login", "version": "1"}),
            "operation `registry login` takes no `version`",
        ),
    ];
    for (flat, message) in table {
        let read: Result<Operation, _> = serde_json::from_value(flat);
        assert_eq!(read.unwrap_err().to_string(), message);
    }
}
