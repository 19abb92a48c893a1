use serde_json::json;

use super::{pull, run};
use crate::docker::image;
use crate::plan::compile::testing::case;
use crate::plan::compile::{bootstrap, build};
use crate::plan::{Check, Travel};
use crate::text::action_line;

const HERE: &str = "local/registry/r.example/login";
const LOGIN: &str = "printf %s \"$P\" | docker login --username u --password-stdin r.example";

#[test]
fn this_machine_logs_in_exactly_where_it_pushes() {
    let pinned = json!({"registry": {"r.example/team/app:2": "sha256:1"}});
    let boot = json!({
        "name": "accessory boot", "version": null, "skip_push": null, "accessories": ["all"],
    });
    let helper = json!({"source": {"credential_helper": "ecr-login"}});
    for (operation, facts, expected) in [
        (json!({}), json!({}), vec![HERE]),
        (json!({"skip_push": true}), pinned, vec![]),
        (boot, json!({}), vec![]),
        (json!({}), helper.clone(), vec![]),
    ] {
        let accessories = "accessories: {db: {image: r.example/db, host: a}}";
        let case = case(accessories)
            .operation(operation.clone())
            .facts(facts.clone());
        assert_eq!(case.after(&[run]).ids(), expected, "{operation} {facts}");
    }
    let made = case("").facts(helper).after(&[run]);
    assert_eq!(
        made.notes,
        ["= registry: docker's credential helper ecr-login logs in"]
    );
}

#[test]
fn a_login_here_gets_the_password_on_its_input() {
    let made = case("").after(&[bootstrap::run, run, build::run]);
    let login = made.step(HERE);
    assert_eq!(made.actions("login"), [LOGIN]);
    assert_eq!(login.secrets[0].via, Travel::Stdin);
    assert!(matches!(login.check, Some(Check::Argv(_))));
}

#[test]
fn a_host_logs_in_for_the_pull_alone_and_only_where_the_registry_asks() {
    let pull_user = "registry: {server: r.example, username: u, password: [P], pull: {username: v, password: [Q]}}";
    let with_pull = "printf %s \"$Q\" | docker login --username v --password-stdin r.example";
    let helper = json!({"docker": {"helpers": ["r.example"]}});
    for (config, facts, image, expected) in [
        ("", json!({}), "r.example/app:1", Some(LOGIN)),
        ("", json!({}), "r.example:5000/app:1", None),
        ("", json!({}), "app:1", None),
        ("", helper, "r.example/app:1", None),
        (pull_user, json!({}), "r.example/app:1", Some(with_pull)),
    ] {
        let case = case(config).a(facts.clone());
        let (lines, own, secrets) = case.look(&[], |draft| {
            let host = draft.hosts[0];
            let pull = pull(draft, &host, image, vec![image::pull_reference(image)]);
            let lines: Vec<String> = pull
                .runs
                .iter()
                .map(|run| action_line(&run.clone().into()))
                .collect();
            let own = pull.runs.iter().all(|run| run.own_config);
            (lines, own, pull.secrets)
        });
        let line = format!("docker pull {image}");
        let lines_expected: Vec<&str> = expected.into_iter().chain([line.as_str()]).collect();
        assert_eq!(lines, lines_expected, "{config} {facts} {image}");
        assert_eq!(own, expected.is_some());
        assert_eq!(secrets.is_empty(), expected.is_none());
    }
}
