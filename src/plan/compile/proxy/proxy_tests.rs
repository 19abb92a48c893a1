use serde_json::{Value, json};

use super::{facts, network, start};
use crate::plan::compile::testing::{Case, case, web};
use crate::plan::compile::{bootstrap, switch};

/// Returns a host whose Traefik reads labels only and serves version 1.
fn original(config: &str) -> Case {
    let mut served = web("1");
    served["labels"]["mrsk.service"] = Value::Null;
    served["labels"]
        .as_object_mut()
        .unwrap()
        .shift_remove("mrsk.service");
    served["networks"] = json!({"bridge": {}});
    case(config)
        .a(json!({
            "traefik": {"directory": "", "image": "traefik:v2.9", "args": ["--accesslog"]},
            "containers": {"app-web-1": served},
        }))
        .a(json!({"containers": {"traefik": {"networks": null}}}))
        .a(json!({"containers": {"traefik": {"networks": {"bridge": {}, "shop": {}}}}}))
        .a(json!({"networks": ["bridge", "shop"]}))
}

#[test]
fn the_network_is_created_if_a_role_needs_it() {
    let none = json!({"networks": [], "docker": {"answers": false}});
    let job = "servers: {job: {hosts: [a]}}";
    for (config, facts, ids, notes) in [
        (
            "",
            none.clone(),
            vec!["a/network/mrsk/create <- a/docker/engine/install"],
            vec![],
        ),
        ("", json!({}), vec![], vec!["= network mrsk: it exists"]),
        (job, none, vec![], vec![]),
    ] {
        let made = case(config).a(facts).after(&[bootstrap::run, network::run]);
        let ids_of_network: Vec<String> = made
            .ids()
            .into_iter()
            .filter(|id| id.contains("/network/"))
            .collect();
        let mut noted = made.notes;
        noted.retain(|note| note.starts_with("= network"));
        assert_eq!(ids_of_network, ids, "{config}");
        assert_eq!(noted, notes, "{config}");
    }
}

#[test]
fn traefik_stays_only_if_it_can_switch() {
    let watches = |directory: &str, probe: &str| json!({"traefik": {"directory": directory, "args": [format!("--EntryPoints.{probe}.address=:1")]}});
    for (patch, expected) in [
        (json!({}), true),
        (json!({"traefik": null}), false),
        (watches("/s/traefik", "mrsk-probe"), true),
        (watches("/s/traefik", "web"), false),
        (watches("", "mrsk-probe"), false),
    ] {
        let stays = case("")
            .a(patch.clone())
            .look(&[], |draft| facts::stays(draft.hosts[0].facts));
        assert_eq!(stays, expected, "{patch}");
    }
}

#[test]
fn networks_of_others_are_joined() {
    let joined = |config: &str| {
        let found = |draft: &mut super::super::Draft| {
            let networks = facts::foreign_networks(draft.config, draft.hosts[0].facts);
            networks
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<String>>()
        };
        original(config).look(&[], found)
    };
    assert_eq!(joined(""), ["shop"]);
    assert!(joined("traefik: {options: {network: shop}}").is_empty());
    assert!(joined("traefik: {options: {network: 'name=shop,alias=x'}}").is_empty());
}

#[test]
fn a_traefik_that_stays_is_left_alone_and_compared() {
    let stays = "= traefik: it is running and watches its routing files";
    let other = json!({"containers": {"traefik": {"labels": {"mrsk.create": "x"}}}});
    let differs = "warning: host a: Traefik differs from deploy.yml; deploy leaves it as it is";
    let closed =
        "warning: host a: that Traefik does not publish port 80 of deploy.yml: requests to it fail";
    let read_only = json!({"traefik": {"writable": false}});
    let denied = "error: host a: user root cannot write to /s/traefik, which Traefik watches";
    for (patch, notes) in [
        (json!({}), vec![stays]),
        (other, vec![stays, differs, closed]),
        (read_only, vec![stays, denied]),
    ] {
        let made = case("").a(patch).after(&[start::run]);
        assert_eq!(made.notes, notes);
        assert!(made.steps.is_empty());
    }
    let apart = case("").a(json!({"containers": {"traefik": {"networks": null}}}));
    assert_eq!(
        apart.after(&[start::run]).ids(),
        ["a/traefik/traefik/connect"]
    );
}

#[test]
fn a_missing_traefik_is_started() {
    let made = case("")
        .a(json!({"traefik": null, "networks": [], "containers": {"traefik": null}}))
        .after(&[network::run, start::run]);
    assert_eq!(
        made.ids()[1],
        "a/traefik/traefik/start <- a/network/mrsk/create"
    );
    let actions = made.actions("traefik/start");
    assert_eq!(
        actions[..2],
        ["mkdir -p /s/traefik", "docker pull traefik:v3.3"]
    );
    assert!(
        actions[3].starts_with("docker create --name traefik "),
        "{actions:?}"
    );
    assert_eq!(
        actions[4..],
        [
            "docker network connect mrsk traefik",
            "docker start traefik"
        ]
    );

    let dead = case("").a(json!({"traefik": null, "containers": {"traefik": {"state": "exited"}}}));
    let made = dead.after(&[start::run]);
    assert_eq!(made.step("start").summary, "Replace Traefik");
    assert!(
        made.actions("start")
            .contains(&"docker rm --force traefik".to_owned())
    );

    for (patch, operation, error) in [
        (
            json!({"ports": {"80": {"holder": "process"}}}),
            json!({}),
            "error: host a: port 80 for Traefik is already in use (process)",
        ),
        (
            json!({}),
            json!({"name": "redeploy"}),
            "error: host a: Traefik is not running",
        ),
    ] {
        let case = case("")
            .a(json!({"traefik": null}))
            .a(patch)
            .operation(operation);
        assert_eq!(case.after(&[start::run]).notes, [error]);
    }
    let own = json!({"traefik": null, "ports": {"80": {"holder": "container traefik"}}});
    assert!(case("").a(own).after(&[start::run]).notes.is_empty());
}

#[test]
fn a_traefik_that_reads_labels_is_taken_over_within_the_switch() {
    let made = original("").after(&[network::run, start::run, switch::run]);
    let takeover: Vec<String> = made.ids().into_iter().take(8).collect();
    assert_eq!(
        takeover,
        [
            "a/network/mrsk/create",
            "a/traefik/traefik/connect <- a/network/mrsk/create",
            "a/web/app-web-1/connect <- a/network/mrsk/create, a/traefik/traefik/connect",
            "a/web/app-web-1/adopt <- a/web/app-web-1/connect",
            "a/traefik/traefik/replace <- a/web/app-web-1/connect, a/traefik/traefik/connect, a/web/app-web-1/adopt",
            "a/traefik/traefik/remove <- a/traefik/traefik/replace",
            "a/traefik/traefik_new/rename <- a/traefik/traefik/remove",
            "a/web/app-web-2/start <- a/traefik/traefik_new/rename, a/web/app-web-1/connect",
        ]
    );
    let replace = made.actions("replace");
    assert!(replace.contains(&"docker network connect shop traefik_new".to_owned()));
    let stop = replace
        .iter()
        .position(|line| line == "docker stop --time 2 traefik")
        .unwrap();
    assert_eq!(replace[stop + 1], "docker start traefik_new");
    let step = made.step("replace");
    assert_eq!(step.cleanup.len(), 2);
    let warnings = made.notes.join("\n");
    for part in [
        "has no file provider and is replaced",
        "traefik:v2.9 is replaced",
        "lacks: --accesslog",
    ] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
}
