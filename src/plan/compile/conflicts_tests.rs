use serde_json::json;

use super::run;
use crate::plan::compile::testing::{case, web};

fn notes(config: &str, host: serde_json::Value) -> Vec<String> {
    case(config).a(host).after(&[run]).notes
}

#[test]
fn what_the_old_container_holds_is_refused() {
    let job = |options: &str| {
        format!("servers: {{job: {{hosts: [a], traefik: false, options: {{{options}}}}}}}")
    };
    let mut old = web("1");
    old["labels"]["role"] = json!("job");
    let host = |ports: serde_json::Value| json!({"containers": {"app-job-1": old}, "ports": ports});
    for (options, ports, expected) in [
        (
            "publish: '3000:3000'",
            json!({"3000": {"holder": "container app-job-1"}}),
            Some("port 3000:3000 of role job is held by app-job-1"),
        ),
        (
            "publish: '127.0.0.1:3000:3000'",
            json!({"3000": {"holder": "container app-job-1"}}),
            Some("held by app-job-1"),
        ),
        (
            "publish: '3000:3000'",
            json!({"3000": {"holder": "process"}}),
            Some("port 3000 for role job is already in use (process)"),
        ),
        ("publish: '3000:3000'", json!({}), None),
        ("publish: '3000'", json!({}), None),
        ("publish: '53:53/udp'", json!({}), Some("held by app-job-1")),
        (
            "publish: '90-91:90-91'",
            json!({}),
            Some("held by app-job-1"),
        ),
        (
            "network: mrsk, ip: 172.20.0.5",
            json!({}),
            Some("address 172.20.0.5 of role job is held by app-job-1"),
        ),
        (
            "network: 'name=mrsk,ip=172.20.0.5'",
            json!({}),
            Some("address 172.20.0.5 of role job is held by app-job-1"),
        ),
        (
            "mac-address: '02:42:ac:11:00:02'",
            json!({}),
            Some("address 02:42:ac:11:00:02 of role job is held by app-job-1"),
        ),
        ("network: 'name=mrsk,alias=x'", json!({}), None),
        (
            "network: host",
            json!({}),
            Some("warning: host a: role job uses the host's network"),
        ),
        ("memory: 1g", json!({}), None),
    ] {
        let notes = notes(&job(options), host(ports));
        match expected {
            None => assert!(notes.is_empty(), "{options}: {notes:?}"),
            Some(text) => assert!(
                notes.len() == 1 && notes[0].contains(text),
                "{options}: {notes:?}"
            ),
        }
    }
    let stopped = json!({"containers": {"app-job-1": {"state": "exited", "labels": {"service": "app", "role": "job"}}}});
    assert!(notes(&job("publish: '53:53/udp'"), stopped).is_empty());
}

#[test]
fn networks_that_do_not_exist_are_refused() {
    let role = "servers: {web: {hosts: [a], options: {network: NAME}}}";
    for (name, refused) in [
        ("private", true),
        ("'name=private,alias=x'", true),
        ("mrsk", false),
        ("bridge", false),
        ("there", false),
    ] {
        let host = json!({"networks": ["mrsk", "there"]});
        let notes = notes(&role.replace("NAME", name), host);
        assert_eq!(
            notes
                .iter()
                .any(|note| note.contains("network `private` of role web does not exist")),
            refused,
            "{name}: {notes:?}"
        );
    }
    let bare = json!({"docker": {"installed": false, "answers": false}, "networks": []});
    let notes = notes(&role.replace("NAME", "private"), bare);
    assert!(
        notes[0].starts_with("warning: host a: role web needs network `private`"),
        "{notes:?}"
    );
}
