//! The command line as a user meets it: help, streams, exit codes and messages. No lab, no network, nothing of the user's.

mod aliases;
#[path = "../ended/mod.rs"]
mod ended;
mod mistakes;
mod names;
mod plans;
mod project;
mod secrets;

use project::{DEPLOY, Project};

#[test]
fn every_command_has_help() {
    let project = Project::new(DEPLOY);
    let commands = [
        "init",
        "plan",
        "apply",
        "deploy",
        "redeploy",
        "setup",
        "show",
        "inspect",
        "audit",
        "status",
        "details",
        "app",
        "accessory",
        "traefik",
        "build",
        "config",
        "envify",
        "lock",
        "completions",
        "man",
        "version",
    ];
    let all = project.mrsk(&["--help"]).expect(0);
    for command in commands {
        assert!(all.stdout.contains(&format!("\n  {command} ")), "{command}");
        let help = project.mrsk(&[command, "--help"]).expect(0);
        assert!(
            help.stdout.contains(&format!("Usage: mrsk {command}")),
            "{}",
            help.stdout
        );
        let first = help.stdout.lines().next().unwrap();
        assert!(
            first.starts_with(char::is_uppercase) && !first.ends_with('.'),
            "{first}"
        );
        assert_eq!(help.stderr, "");
    }
}

#[test]
fn options_are_described_without_full_stop() {
    let project = Project::new(DEPLOY);
    for command in [
        "plan", "apply", "deploy", "show", "inspect", "audit", "config", "lock",
    ] {
        let help = project.mrsk(&[command, "-h"]).expect(0).stdout;
        let options = help.lines().skip_while(|line| *line != "Options:").skip(1);
        for line in options {
            let text = line.rsplit("  ").next().unwrap().trim();
            let is_first = line.starts_with("  -") || line.starts_with("      --");
            assert!(
                !is_first || text.starts_with(|c: char| c.is_uppercase() || "`-".contains(c)),
                "{command}: {line}"
            );
            let width = line.chars().count();
            assert!(!line.ends_with('.') && width <= 80, "{command}: {line}");
        }
    }
}

#[test]
fn the_version_is_one_line() {
    let project = Project::new(DEPLOY);
    let version = project.mrsk(&["version"]).expect(0);
    assert_eq!(version.stdout, format!("{}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(version.stderr, "");
}

#[test]
fn a_wrong_command_line_is_64_with_a_hint() {
    let project = Project::new(DEPLOY);
    let cases: &[(&[&str], &str)] = &[
        (&["pln"], "`mrsk plan`"),
        (&["plan", "--hots", "a"], "`--hosts`"),
        (
            &["plan", "--fresh", "--facts", "-"],
            "cannot be used with `--facts`",
        ),
        (
            &["plan", "--facts", "-", "--no-secrets"],
            "`--facts` cannot be used with `--no-secrets`",
        ),
        (
            &["plan", "--primary", "--hosts", "192.0.2.1"],
            "cannot be used with",
        ),
        (
            &["plan", "--fresh", "setup", "--parallel", "3"],
            "`--parallel`",
        ),
        (&["plan", "--facts", "-", "deploy", "--fresh"], "`--facts`"),
        (&["plan", "setp"], "`mrsk plan setup`"),
        (
            &["plan", "accessory", "boot"],
            "mrsk plan accessory boot <NAME>",
        ),
        (&["accessory", "boot"], "mrsk accessory boot <NAME>"),
        (
            &["plan", "--version", "v1", "setup"],
            "`--version` must follow the name of the operation",
        ),
        (&["apply"], "<PLAN>"),
        (
            &["apply", "plan.json", "--version", "v1"],
            "unexpected argument `--version`",
        ),
        (&["apply", "plan.json", "--parallel", "0"], "--parallel"),
        (&["show", "plan.json", "--format", "html"], "markdown"),
        (
            &["plan", "--fresh", "--no-secrets", "--hosts", "192.0.2.9"],
            "192.0.2.9",
        ),
        (
            &["plan", "--fresh", "--no-secrets", "--roles", "wep"],
            "wep",
        ),
        (
            &["plan", "--fresh", "--no-secrets", "--version", "a/b"],
            "a/b",
        ),
        (&["inspect", "--hosts", "192.0.2.9"], "192.0.2.9"),
        (&["inspect", "--roles", "wep"], "wep"),
        (&["audit", "--hosts", "192.0.2.9"], "192.0.2.9"),
    ];
    for (args, text) in cases {
        let ended = project.mrsk(args);
        assert_eq!(ended.stdout, "", "{args:?}");
        assert_eq!(ended.code, 64, "{args:?}: {}", ended.stderr);
        ended.says(&[text]);
    }
}

#[test]
fn an_option_is_given_once() {
    let project = Project::new(DEPLOY);
    let cases: &[(&[&str], &str)] = &[
        (&["plan", "-c", "/nope", "deploy", "-c", "x"], "config-file"),
        (
            &["plan", "-d", "a", "accessory", "boot", "db", "-d", "b"],
            "destination",
        ),
        (&["plan", "--fresh", "setup", "--fresh"], "fresh"),
        (&["lock", "-c", "/nope", "status", "-c", "x"], "config-file"),
    ];
    for (args, option) in cases {
        let text = format!("`--{option}` is given twice");
        project.mrsk(args).expect(64).says(&[&text]);
    }
    let cases: &[(&[&str], &str)] = &[
        (&["deploy", "--fresh"], "it is an option of `mrsk plan`"),
        (
            &["rollback", "--version", "v2"],
            "give it without an option: `mrsk rollback VERSION`",
        ),
        (
            &["--verbose", "deploy"],
            "`--verbose` must follow the command",
        ),
    ];
    for (args, help) in cases {
        project
            .mrsk(args)
            .expect(64)
            .says(&["unexpected argument", help]);
    }
}

#[test]
fn a_named_file_of_secrets_must_exist() {
    let project = Project::new(DEPLOY);
    for command in [
        "config",
        "lock status",
        "audit",
        "plan --fresh --no-secrets",
    ] {
        let args: Vec<&str> = command.split(' ').chain(["--env-file", "nope"]).collect();
        project
            .mrsk(&args)
            .expect(78)
            .says(&["nope does not exist"]);
    }
}

#[test]
fn what_is_printed_cannot_steer_the_terminal() {
    let hostile = "a\u{9b}31m\u{202e}b\u{200b}c\u{fe0f}d\u{e0041}";
    let written = r#"  clear: {LOG_LEVEL: "a\x9b31m\u202eb\u200bc\ufe0fd\U000e0041"}"#;
    let project = Project::new(&DEPLOY.replace("  secret:", &format!("{written}\n  secret:")));
    let is_raw = |text: &str| text.chars().any(|c| hostile.contains(c) && !c.is_ascii());
    let cases: &[(&[&str], i32)] = &[
        (&["config"], 0),
        (&["config", "--format", "json"], 0),
        (&["plan", "--fresh", "--no-secrets"], 0),
        (&[hostile], 64),
        (&["plan", hostile], 64),
        (&["deploy", &format!("--{hostile}")], 64),
        (&["apply", "-", hostile], 64),
        (&["plan", "--parallel", hostile], 64),
        (&["show", "-", "--format", hostile], 64),
        (&["show", hostile], 78),
    ];
    for (args, code) in cases {
        let ended = project.mrsk(args).expect(*code);
        assert!(!is_raw(&ended.stdout), "{args:?}: {}", ended.stdout);
        assert!(!is_raw(&ended.stderr), "{args:?}: {}", ended.stderr);
    }
    let json = project
        .mrsk(&["config", "--format", "json"])
        .expect(0)
        .json();
    assert!(json.to_string().contains(hostile), "{json}");
}

#[test]
fn an_option_that_a_command_would_ignore_is_refused() {
    let project = Project::new(DEPLOY);
    let boot = &["plan", "accessory", "boot", "db"][..];
    let cases: &[(&[&str], &[&str])] = &[
        (&["init"], &["-v", "-d=x", "--env-file=x"]),
        (
            &["plan"],
            &["-v", "--lock-wait=1", "--keep-going", "--format=json"],
        ),
        (
            boot,
            &["--version=1", "--skip-push", "--roles=web", "--primary"],
        ),
        (
            &["accessory", "boot", "db"],
            &["--version=1", "--skip-push", "--fresh"],
        ),
        (
            &["registry", "login"],
            &["--version=1", "--roles=web", "--primary", "--fresh"],
        ),
        (
            &["plan", "registry", "logout"],
            &["--version=1", "--skip-push"],
        ),
        (
            &["deploy"],
            &["--fresh", "--no-secrets", "--detailed-exitcode"],
        ),
        (
            &["apply", "-"],
            &["-d=x", "-c=x", "--version=1", "--hosts=x"],
        ),
        (&["show", "-"], &["-v", "-d=x", "--env-file=x"]),
        (&["inspect"], &["-v", "--skip-push", "--no-secrets"]),
        (&["audit"], &["-v", "--version=1", "--skip-push"]),
        (&["config"], &["-v", "--hosts=x", "--parallel=1"]),
        (&["envify"], &["-v", "-c=x", "--env-file=x"]),
        (&["lock", "status"], &["-v", "--hosts=x", "--lock-wait=1"]),
        (&["version"], &["-v", "-d=x"]),
    ];
    for (command, options) in cases {
        for option in *options {
            let args = [*command, &[*option]].concat();
            project
                .mrsk(&args)
                .expect(64)
                .says(&["unexpected argument"]);
        }
    }
}

#[test]
fn problems_of_the_configuration_are_reported_together_with_their_places() {
    let deploy = DEPLOY.replace(
        "service: shop",
        "service: shop\nsevrers: []\nreadiness_delay: soon",
    );
    let project = Project::new(&deploy);
    for args in [
        &["config"][..],
        &["plan", "--fresh"],
        &["deploy"],
        &["audit"],
    ] {
        project.mrsk(args).expect(78).says(&[
            "config/deploy.yml:2:1",
            "sevrers",
            "servers",
            "config/deploy.yml:3:",
            "readiness_delay",
        ]);
    }
}

#[test]
fn what_is_missing_is_named() {
    let project = Project::new(DEPLOY);
    project
        .mrsk(&["config", "-c", "config/other.yml"])
        .expect(78)
        .says(&["config/other.yml"]);
    project
        .mrsk(&["plan", "--facts", "facts.json"])
        .expect(78)
        .says(&["facts.json"]);
    project
        .mrsk(&["apply", "plan.json"])
        .expect(78)
        .says(&["plan.json"]);
    project
        .mrsk(&["show", "plan.json"])
        .expect(78)
        .says(&["plan.json"]);
    std::fs::remove_file(project.path("Dockerfile")).unwrap();
    project
        .mrsk(&["plan", "--fresh", "--no-secrets"])
        .expect(78)
        .says(&["Dockerfile"]);
}

#[test]
fn missing_secrets_are_named_all_at_once() {
    let project = Project::new(DEPLOY);
    let ended = project
        .mrsk(&["plan", "--fresh"])
        .expect(78)
        .says(&["MRSK_REGISTRY_PASSWORD", "DATABASE_URL"]);
    assert_eq!(ended.stdout, "");
    project.mrsk(&["plan", "--fresh", "--no-secrets"]).expect(0);
    project.write(".env", "MRSK_REGISTRY_PASSWORD=hunter2-hunter2\n");
    project.write(".dockerignore", ".env\n");
    project
        .mrsk(&["plan", "--fresh"])
        .expect(78)
        .says(&["DATABASE_URL"]);
    let ended = project
        .mrsk_with(
            &["plan", "--fresh"],
            &[("DATABASE_URL", "postgres-sentinel")],
            "",
        )
        .expect(0);
    for secret in ["hunter2", "sentinel"] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret));
    }
}

#[test]
fn a_configuration_prints_secrets_as_names() {
    let project = Project::new(DEPLOY);
    project.write(
        ".env",
        "MRSK_REGISTRY_PASSWORD=hunter2\nDATABASE_URL=hunter2\n",
    );
    let text = project.mrsk(&["config"]).expect(0);
    assert!(text.stdout.contains("DATABASE_URL") && !text.stdout.contains("hunter2"));
    let json = project
        .mrsk(&["config", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(json["roles"][1]["cmd"][0], "bin/jobs");
    assert_eq!(json["stop_wait_time"], 10);
}

#[test]
fn hosts_out_of_reach_are_all_named() {
    // A port that was free a moment ago: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let deploy = DEPLOY
        .replace("192.0.2.1", "127.0.0.1")
        .replace("192.0.2.2", "127.0.0.2")
        .replace("      - 192.0.2.3", "      - 127.0.0.3")
        + &format!("ssh:\n  port: {port}\n");
    let project = Project::new(&deploy);
    let secrets = [
        ("MRSK_REGISTRY_PASSWORD", "hunter2-hunter2"),
        ("DATABASE_URL", "x"),
    ];
    for args in [&["plan"][..], &["deploy"], &["inspect"], &["audit"]] {
        let ended = project.mrsk_with(args, &secrets, "").expect(69).says(&[
            "127.0.0.1",
            "127.0.0.2",
            "127.0.0.3",
            "refused",
        ]);
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(!ended.stderr.contains("hunter2"));
    }
    project
        .mrsk(&["lock", "status"])
        .expect(69)
        .says(&["127.0.0.1"]);
}

#[test]
fn the_configuration_of_the_readme_works_when_pasted() {
    let readme = include_str!("../../README.md");
    let deploy = readme
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let project = Project::new(deploy);
    let plan = project.fresh_plan();
    assert!(plan.contains("192.0.2.3"));
    project.mrsk(&["config"]).expect(0);
}
