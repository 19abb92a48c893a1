use serde_json::json;

use super::run;
use crate::plan::compile::testing::{case, web};
use crate::plan::compile::{bootstrap, build};
use crate::plan::{Check, Travel};

#[test]
fn there_is_a_login_exactly_where_something_is_pushed_or_pulled() {
    let pinned = json!({"images": {"r.example/team/app:2": {"id": "i", "digests": ["sha256:1"]}}});
    let registry = json!({"registry": {"r.example/team/app:2": "sha256:1"}});
    let skip = json!({"skip_push": true});
    let no_traefik = json!({"traefik": null});
    let (here, there) = (
        "local/registry/r.example/login",
        "a/registry/r.example/login",
    );
    let boot = json!({
        "name": "accessory boot", "version": null, "skip_push": null, "accessories": ["all"],
    });
    for (config, operation, facts, expected) in [
        ("", json!({}), json!({}), vec![here, there]),
        ("", skip.clone(), json!({}), vec![there]),
        ("", skip.clone(), pinned.clone(), vec![]),
        (
            "traefik: {image: r.example/traefik}",
            skip.clone(),
            no_traefik.clone(),
            vec![there],
        ),
        ("", skip.clone(), no_traefik, vec![there]),
        (
            "accessories: {db: {image: db, host: a}}",
            boot.clone(),
            json!({}),
            vec![],
        ),
        (
            "accessories: {db: {image: r.example/db, host: a}}",
            boot,
            json!({}),
            vec![there],
        ),
    ] {
        let case = case(config)
            .operation(operation.clone())
            .facts(registry.clone())
            .a(facts.clone());
        assert_eq!(
            case.after(&[run]).ids(),
            expected,
            "{config} {operation} {facts}"
        );
    }
}

#[test]
fn a_login_waits_for_docker_and_gets_the_password_on_its_input() {
    let bare = json!({"docker": {"answers": false}, "containers": {"app-web-1": web("1")}});
    let made = case("").a(bare).after(&[bootstrap::run, run, build::run]);
    assert_eq!(
        made.ids()[2],
        "a/registry/r.example/login <- a/docker/engine/install"
    );
    let login = made.step("local/registry/r.example/login");
    assert_eq!(
        made.actions("login")[0],
        "printf %s \"$P\" | docker login --username u --password-stdin r.example"
    );
    assert_eq!(login.secrets[0].via, Travel::Stdin);
    assert!(matches!(login.check, Some(Check::Argv(_))));
}
