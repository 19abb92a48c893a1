//! Labels and arguments that Traefik would not take are named with their places. No lab, no network.

use std::fs;

use assert_cmd::Command;

const CONFIGURATION: &str = r#"service: shop
image: acme/shop
servers:
  web:
    hosts: [192.0.2.1]
    labels:
      traefik.http.routers.shop.entrypoints: nowhere
  api:
    hosts: [192.0.2.2]
    traefik: true
registry:
  server: registry.example.com
labels:
  traefik.foo: bar
  traefik.http.routers.shop.rule: Host(`<%= ENV["DOMAIN"] %>`
  traefik.http.middlewares.login.basicauth.bogus: "a:$apr1$hunter2"
traefik:
  args:
    providers.file.directory: /etc/mine
"#;

#[test]
fn what_traefik_would_not_take_has_a_place() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("config")).unwrap();
    fs::write(dir.path().join("config/deploy.yml"), CONFIGURATION).unwrap();
    let assert = Command::cargo_bin("mrsk")
        .unwrap()
        .current_dir(dir.path())
        .env_clear()
        .env("DOMAIN", "shop.example.com")
        .args(["plan", "--fresh", "--no-secrets", "--version", "v1"])
        .assert()
        .code(78);
    let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    for (message, name) in [
        ("label `traefik.foo`", "traefik.foo"),
        (
            "label `traefik.http.routers.shop.rule`",
            "traefik.http.routers.shop.rule",
        ),
        (
            "label `traefik.http.middlewares.login.basicauth.bogus`",
            "traefik.http.middlewares.login",
        ),
        (
            "Traefik will have no entrypoint `nowhere`",
            "traefik.http.routers.shop.entrypoints",
        ),
        ("`providers.file.directory`", "providers.file.directory"),
    ] {
        let lines = CONFIGURATION.lines().enumerate();
        let (index, line) = lines
            .into_iter()
            .find(|(_, line)| line.contains(name))
            .unwrap();
        let place = format!(
            "config/deploy.yml:{}:{}",
            index + 1,
            line.find(name).unwrap() + 1
        );
        let block = said
            .split("\n\n")
            .find(|block| block.contains(message))
            .unwrap_or_else(|| panic!("{message} is not said:\n{said}"));
        assert!(block.contains(&place), "{place}:\n{block}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    assert!(
        said.contains("traefik.foo: bar"),
        "the line is shown:\n{said}"
    );
}
