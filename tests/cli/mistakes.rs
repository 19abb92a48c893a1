//! What is typed by mistake, and what the answer is.

use crate::project::{DEPLOY, Project};

#[test]
fn unknown_names_are_told_before_anything_is_read_or_reached() {
    let project = Project::new(DEPLOY);
    // No secret is set, and no host can be reached.
    for (args, texts) in [
        (
            &["accessory", "start", "nope"][..],
            &[
                "unknown accessory `nope`",
                "the configuration has no accessory",
            ][..],
        ),
        (
            &["deploy", "--roles", "nope"],
            &["unknown role `nope`", "known names: jobs, web"],
        ),
        (
            &["plan", "--hosts", "10.9.9.9"],
            &["unknown host `10.9.9.9`"],
        ),
        (
            &["traefik", "reboot", "-r", "jobs", "-y"],
            &[
                "no selected host has a role with Traefik",
                "roles with Traefik: web",
            ],
        ),
        (
            &["deploy", "--lock-host", "10.9.9.9"],
            &[
                "--lock-host: 10.9.9.9 is not a host of the operation",
                "its hosts: 192.0.2.1, 192.0.2.2",
            ],
        ),
    ] {
        project.mrsk(args).expect(64).says(texts);
    }
}

#[test]
fn unknown_commands_are_answered_alike_behind_help() {
    let project = Project::new(DEPLOY);
    let answer = |args: &[&str]| project.mrsk(args).expect(64).stderr;
    assert_eq!(answer(&["help", "nope"]), answer(&["nope"]));
    assert_eq!(answer(&["help", "app", "nope"]), answer(&["app", "nope"]));
    assert!(answer(&["help", "destroy"]).contains("use `mrsk remove`"));
}

#[test]
fn numbers_say_what_is_expected() {
    let project = Project::new(DEPLOY);
    for (args, text) in [
        (
            ["deploy", "--max-failures", "x"],
            "`x` is not a valid value of `--max-failures`: expected a whole number",
        ),
        (
            ["deploy", "--max-failures", "0"],
            "`0` is not a valid value of `--max-failures`: expected a whole number of at least 1",
        ),
        (
            ["deploy", "--parallel", "70000"],
            "`70000` is not a valid value of `--parallel`: expected a whole number from 1 to 65535",
        ),
        (
            ["app", "logs", "--lines=1.5"],
            "`1.5` is not a valid value of `--lines`: expected a whole number",
        ),
    ] {
        project.mrsk(&args).expect(64).says(&[text]);
    }
}

#[test]
fn options_that_exclude_each_other_say_which_to_omit() {
    let project = Project::new(DEPLOY);
    let args = ["plan", "--facts", "facts.json", "--no-secrets"];
    project.mrsk(&args).expect(64).says(&[
        "`--facts` cannot be used with `--no-secrets`",
        "omit `--no-secrets`: with recorded facts no secret is read",
    ]);
}

#[test]
fn a_configuration_is_not_a_plan() {
    let project = Project::new(DEPLOY);
    let shown = project.mrsk(&["show", "config/deploy.yml"]).expect(5);
    shown.says(&[
        "config/deploy.yml is YAML, not a plan",
        "make a plan of it with `mrsk plan > plan.json`",
    ]);
}

#[test]
fn an_error_says_that_a_tag_printed_nothing() {
    let project = Project::new(&DEPLOY.replace("service: shop", "service: <%= ENV['NOPE'] %>"));
    project.mrsk(&["config"]).expect(78).says(&[
        "`service` has no value",
        "a tag on this line printed nothing: what it reads is not set",
    ]);
    let project = Project::new(&DEPLOY.replace("service: shop", "service:"));
    let shown = project.mrsk(&["config"]).expect(78).stderr;
    assert!(!shown.contains("a tag on this line"), "{shown}");
}

#[test]
fn keys_at_the_wrong_place_are_answered_with_the_right_one() {
    let deploy = DEPLOY.replace("  secret:\n", "  secrets:\n");
    let project = Project::new(&deploy);
    project
        .mrsk(&["config"])
        .expect(78)
        .says(&["unknown key `env.secrets`", "did you mean `secret`?"]);
    let registry = DEPLOY.find("registry:").unwrap();
    let env = DEPLOY.find("env:").unwrap();
    let deploy = format!(
        "{}registry: ghcr.io\n{}",
        &DEPLOY[..registry],
        &DEPLOY[env..]
    );
    let project = Project::new(&deploy);
    project.mrsk(&["config"]).expect(78).says(&[
        "`registry` must be a map, not a single value",
        "write its keys below it, indented, one per line: `server`, `username`",
    ]);
}

#[test]
fn manual_pages_are_written_into_a_new_directory() {
    let project = Project::new(DEPLOY);
    project.mrsk(&["man", "--directory", "new/man"]).expect(0);
    let page = |name: &str| std::fs::read_to_string(project.path("new/man").join(name));
    assert!(page("mrsk.1").unwrap().contains(".SH EXIT STATUS"));
    let logs = page("mrsk-app-logs.1").unwrap();
    assert!(
        logs.contains(".SH SYNOPSIS\nmrsk app logs [OPTIONS]\n"),
        "{logs}"
    );
    assert!(page("mrsk-help.1").is_err());
    assert_eq!(project.mrsk(&["man", "app", "logs"]).stdout, logs);
}

#[test]
fn the_resolved_configuration_shows_only_what_can_be_set() {
    let project = Project::new(DEPLOY);
    let shown = project.mrsk(&["config"]).expect(0).stdout;
    assert!(!shown.contains("retain_days"), "{shown}");
}
