use serde_json::json;

use super::{login, logout, pull, run};
use crate::action::OwnConfig;
use crate::docker::image;
use crate::plan::compile::testing::{Case, case};
use crate::plan::compile::{bootstrap, build, pull as image_pull, reliance};
use crate::plan::{Check, Predicate, Travel};
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
    let elsewhere = json!({"logins": ["other.example"]});
    for (config, facts, image, expected) in [
        ("", json!({}), "r.example/app:1", Some(LOGIN)),
        ("", json!({}), "r.example:5000/app:1", None),
        ("", json!({}), "app:1", None),
        ("", helper, "r.example/app:1", None),
        ("", elsewhere, "r.example/app:1", Some(LOGIN)),
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
            let temporary = Some(OwnConfig::Temporary);
            let own = pull.runs.iter().all(|run| run.own_config == temporary);
            (lines, own, pull.secrets)
        });
        let line = format!("docker pull {image}");
        let lines_expected: Vec<&str> = expected.into_iter().chain([line.as_str()]).collect();
        assert_eq!(lines, lines_expected, "{config} {facts} {image}");
        assert_eq!(own, expected.is_some());
        assert_eq!(secrets.is_empty(), expected.is_none());
    }
}

#[test]
fn what_is_pulled_from_the_registry_uses_the_login_that_is_kept() {
    let kept = json!({"logins": ["r.example"]});
    let case = case("").a(kept).operation(json!({"skip_push": true}));
    let made = case.after(&[image_pull::run]);
    let pull = made.step("pull");
    let lines = made.actions("pull");
    assert_eq!(
        lines[0],
        "docker pull r.example/team/app:2  # with the kept login"
    );
    assert!(pull.secrets.is_empty());
    let relies_on = case.look(&[image_pull::run, reliance::run], |draft| {
        Vec::from_iter(draft.relies_on.values().flatten().cloned())
    });
    let wanted = Predicate::contains(&["logins"], "r.example");
    let relied = relies_on
        .iter()
        .find(|reliance| reliance.fact == wanted.fact);
    assert_eq!(relied.unwrap().steps, std::slice::from_ref(&pull.id));
    for image in ["other.example/app:1", "app:1"] {
        let foreign = case.look(&[], |draft| {
            let host = draft.hosts[0];
            super::pull(draft, &host, image, vec![image::pull_reference(image)])
        });
        assert!(foreign.runs.iter().all(|run| run.own_config.is_none()));
    }
}

fn registry(operation: &str, config: &str) -> Case {
    let accessory = format!("accessories: {{db: {{image: db, host: b}}}}\n{config}");
    case(&accessory).operation(json!({"name": operation, "version": null, "skip_push": null}))
}

#[test]
fn a_login_is_kept_on_each_host_that_has_none() {
    let bare = json!({"docker": {"answers": false}});
    for (facts, expected, note) in [
        (json!({}), Some(""), None),
        (json!({"logins": ["other.example"]}), Some(""), None),
        (bare, Some(" <- a/docker/engine/install"), None),
        (
            json!({"logins": ["r.example"]}),
            None,
            Some("= registry: it keeps a login at r.example"),
        ),
        (
            json!({"docker": {"helpers": ["r.example"]}}),
            None,
            Some("= registry: docker's credential helper logs in"),
        ),
    ] {
        let made = registry("registry login", "").a(facts.clone());
        let made = made.after(&[bootstrap::run, login]);
        let id = "a/registry/r.example/login";
        let ids = made.ids();
        let found = ids.iter().find_map(|line| line.strip_prefix(id));
        assert_eq!(found, expected, "{facts}");
        assert!(ids.contains(&"b/registry/r.example/login".to_owned()));
        assert!(note.is_none_or(|note| made.notes.contains(&note.to_owned())));
    }
    let made = registry("registry login", "").after(&[login]);
    let step = made.step("a/registry/r.example/login");
    let actions = made.actions("a/registry/r.example/login");
    assert_eq!(actions, [format!("{LOGIN}  # the login is kept")]);
    assert_eq!(step.secrets[0].via, Travel::Stdin);
    let cleanup: Vec<String> = step.cleanup.iter().map(action_line).collect();
    assert_eq!(cleanup, ["rm -rf /s/app@/docker"]);
}

#[test]
fn a_login_that_is_kept_needs_credentials() {
    let public = "registry: {server: r.example}";
    let made = registry("registry login", public).after(&[login]);
    let problem = "error: the registry has no credentials to log in with";
    assert_eq!(made.notes, [problem]);
    assert!(made.steps.is_empty());
}

#[test]
fn a_logout_removes_what_a_host_keeps_whatever_it_is() {
    for logins in [json!(["r.example"]), json!(["other.example"])] {
        let made = registry("registry logout", "").a(json!({"logins": logins}));
        let made = made.after(&[logout]);
        assert_eq!(made.ids(), ["a/registry/r.example/logout"]);
        assert_eq!(made.actions("logout"), ["rm -rf /s/app@/docker"]);
        assert_eq!(made.notes, ["= registry: no login is kept"]);
    }
}
