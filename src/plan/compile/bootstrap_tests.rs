use serde_json::json;

use super::run;
use crate::plan::compile::testing::case;

const INSTALL: &str = "env 'DEBIAN_FRONTEND=noninteractive' apt-get -o 'DPkg::Lock::Timeout=300' install \
    --yes --no-install-recommends --quiet";

#[test]
fn a_host_gets_what_it_lacks() {
    let update = "apt-get -o 'DPkg::Lock::Timeout=300' --quiet update";
    let ping = "curl --silent --show-error --fail --retry 60 --retry-delay 1 --retry-all-errors \
        --unix-socket /var/run/docker.sock http://localhost/_ping";
    let start = "systemctl enable --now docker";
    let ask = "docker --version";
    let [curl, docker, both] = [
        "curl ca-certificates",
        "docker.io",
        "curl ca-certificates docker.io",
    ]
    .map(|packages| format!("{INSTALL} {packages}"));
    let missing = |what: &str| format!(r#"{{"missing":{{"what":"{what}"}}}}"#);
    let stopped = r#"{"incomplete":{"what":"Docker is not running"}}"#.to_owned();
    let no_docker = json!({"docker": {"installed": false, "answers": false}});
    let table = [
        (
            json!({"curl": {"installed": false}}),
            missing("curl"),
            vec![update, &curl],
        ),
        (
            no_docker.clone(),
            missing("Docker"),
            vec![update, &docker, start, ping, ask],
        ),
        (
            json!({"docker": {"installed": false, "answers": false}, "curl": {"installed": false}}),
            missing("curl and Docker"),
            vec![update, &both, start, ping, ask],
        ),
        (
            json!({"docker": {"answers": false}}),
            stopped.clone(),
            vec![start, ping, ask],
        ),
        (
            json!({"docker": {"answers": false}, "service_manager": "service"}),
            stopped,
            vec!["service docker start", ping, ask],
        ),
    ];
    for (patch, why, actions) in table {
        let made = case("").a(patch).after(&[run]);
        assert_eq!(made.ids(), ["a/docker/engine/install"]);
        assert_eq!(made.why("install"), why);
        assert_eq!(made.actions("install"), actions);
    }
}

#[test]
fn a_user_who_is_not_root_joins_the_group() {
    let patch = json!({"user": "app", "privilege": "sudo", "docker": {"answers": false}});
    let made = case("").a(patch).after(&[run]);
    let join = "sudo -n usermod --append --groups docker app".to_owned();
    assert!(made.actions("install").contains(&join));
}

#[test]
fn a_host_that_does_not_say_what_runs_is_refused() {
    for patch in [
        json!({"user": "app", "privilege": "sudo", "docker": {"answers": false, "denied": true}}),
        json!({"serial": {"number": 2}, "docker": {"answers": false}}),
    ] {
        let notes = case("").a(patch).after(&[run]).notes;
        assert!(
            notes.iter().any(|note| note.starts_with("error: host a: ")
                && note.contains("mrsk cannot see what runs there")),
            "{notes:?}"
        );
    }
}

#[test]
fn other_hosts_get_a_note() {
    let redeploy = json!({"name": "redeploy"});
    for (operation, patch, note) in [
        (
            json!({}),
            json!({}),
            "= docker: curl is installed and Docker is running",
        ),
        (
            redeploy.clone(),
            json!({"curl": {"installed": false}}),
            "error: host a: curl is missing",
        ),
        (
            redeploy.clone(),
            json!({"curl": {"installed": false}, "docker": {"installed": false, "answers": false}}),
            "error: host a: curl and Docker are missing",
        ),
        (
            redeploy,
            json!({"docker": {"answers": false}}),
            "error: host a: Docker is not running",
        ),
        (
            json!({}),
            json!({"docker": {"unsupported": "it is rootless"}}),
            "error: host a: unsupported Docker: it is rootless",
        ),
    ] {
        let made = case("").operation(operation).a(patch).after(&[run]);
        assert!(made.notes.contains(&note.to_owned()), "{:?}", made.notes);
        assert!(made.steps.is_empty());
    }
}
