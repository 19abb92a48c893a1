use serde_json::{Value, json};

use super::run;
use crate::plan::compile::testing::{case, web};

fn file(text: &str) -> Value {
    json!({"sha256": "0".repeat(64), "text": text})
}

fn notes(config: &str, host: Value) -> Vec<String> {
    case(config).a(host).after(&[run]).notes
}

#[test]
fn what_a_role_left_is_named() {
    let config = "servers: {api: {hosts: [a], traefik: true}}";
    let files = json!({"/s/traefik/mrsk-app@web.yml": file("")});
    let left = json!({"containers": {"app-web-1": web("1")}, "files": files});
    let all = notes(config, left);
    let first = "warning: host a: role web is not in deploy.yml for this host, but its app-web-1 and routing file \
                 /s/traefik/mrsk-app@web.yml are there";
    assert!(all[0].starts_with(first), "{all:?}");
    assert!(all[0].ends_with("`mrsk deploy --remove-orphans` removes them"));
    assert!(
        all[1].starts_with("error: host a: role api would serve beside role web"),
        "{all:?}"
    );
    assert_eq!(all.len(), 2);
    let mut stopped = web("1");
    stopped["state"] = json!("exited");
    let mut other = web("1");
    other["labels"]["destination"] = json!("staging");
    let quiet = json!({"containers": {"app-web-1": stopped, "app-web-staging-1": other}});
    assert!(notes(config, quiet).is_empty());
}

#[test]
fn equal_rules_are_warned_of() {
    let other = |text: &str| json!({"files": {"/s/traefik/mrsk-other@web.yml": file(text)}});
    let rule = |rule: &str| format!("http: {{routers: {{x: {{rule: '{rule}'}}}}}}");
    let own = "labels: {traefik.http.routers.app-web.rule: Host(`a.example`)}";
    for (config, text, warned) in [
        ("", String::new(), true),
        ("", rule("PathPrefix(`/`)"), true),
        ("", rule("Host(`b.example`)"), false),
        (own, String::new(), false),
        (own, rule("Host(`a.example`)"), true),
        (own, rule("Host(`b.example`)"), false),
    ] {
        let notes = notes(config, other(&text));
        assert_eq!(
            notes.len(),
            usize::from(warned),
            "{config} {text}: {notes:?}"
        );
    }
    let both = "servers: {web: [a], api: {hosts: [a], traefik: true}}";
    let notes = notes(both, json!({}));
    assert!(
        notes[0].contains("role web takes every request (the default rule), and role api routes"),
        "{notes:?}"
    );
}
