//! The command line as a user meets it: help, streams, exit codes and messages. No lab, no network, nothing of the user's.

use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;

const DEPLOY: &str = "\
service: shop
image: acme/shop
servers:
  web:
    hosts:
      - 192.0.2.1
      - 192.0.2.2
  jobs:
    hosts:
      - 192.0.2.3
    cmd: bin/jobs
registry:
  server: registry.example.com
  username: robot
  password:
    - MRSK_REGISTRY_PASSWORD
env:
  secret:
    - DATABASE_URL
builder:
  multiarch: false
";

/// A project in a directory of its own, which is also the home directory.
struct Project {
    dir: tempfile::TempDir,
}

/// What a command printed, and its exit code.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Checks that standard error has all of these.
    #[track_caller]
    fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "`{text}` is not in:\n{}",
                self.stderr
            );
        }
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout))
    }
}

impl Project {
    /// Returns a git repository with this configuration, a Dockerfile and one commit.
    fn new(deploy: &str) -> Self {
        let project = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        project.write("config/deploy.yml", deploy);
        project.write("Dockerfile", "FROM scratch\n");
        for args in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["commit", "-q", "-m", "First"],
        ] {
            project.command("git").args(args).assert().success();
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "A")
            .env("GIT_AUTHOR_EMAIL", "a@example.com")
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_NAME", "A")
            .env("GIT_COMMITTER_EMAIL", "a@example.com")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z");
        command
    }

    fn mrsk(&self, args: &[&str]) -> Ended {
        self.mrsk_with(args, &[], "")
    }

    fn mrsk_with(&self, args: &[&str], env: &[(&str, &str)], stdin: &str) -> Ended {
        let output = self
            .command(env!("CARGO_BIN_EXE_mrsk"))
            .args(args)
            .envs(env.iter().copied())
            .write_stdin(stdin)
            .timeout(std::time::Duration::from_secs(60))
            .output()
            .unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns the text of a plan for bare hosts.
    fn fresh_plan(&self) -> String {
        self.mrsk(&["plan", "--fresh", "--no-secrets"])
            .expect(0)
            .stdout
    }
}

#[test]
fn every_command_has_help() {
    let project = Project::new(DEPLOY);
    let commands = [
        "init", "plan", "apply", "deploy", "redeploy", "setup", "show", "inspect", "audit",
        "config", "envify", "lock", "version",
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
        for line in help
            .lines()
            .filter(|line| line.trim_start().starts_with('-'))
        {
            let text = line.rsplit("  ").next().unwrap().trim();
            assert!(
                text.starts_with(|c: char| c.is_uppercase() || c == '`'),
                "{command}: {line}"
            );
            assert!(!text.ends_with('.'), "{command}: {line}");
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
        (&["pln"], "'plan'"),
        (&["plan", "--hots", "a"], "'--hosts'"),
        (
            &["plan", "--fresh", "--facts", "-"],
            "cannot be used with `--facts`",
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
        (&["plan", "stup"], "'setup'"),
        (
            &["plan", "accessory", "boot"],
            "mrsk plan accessory boot <NAME>",
        ),
        (&["accessory", "boot"], "mrsk accessory boot <NAME>"),
        (
            &["plan", "--version", "v1", "setup"],
            "must follow its name",
        ),
        (&["apply"], "<PLAN>"),
        (&["apply", "plan.json", "--version", "v1"], "'--version'"),
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
fn options_of_plan_may_stand_on_both_sides_of_the_operation() {
    let project = Project::new(DEPLOY);
    let deploy = project.fresh_plan();
    for args in [
        ["plan", "deploy", "--fresh", "--no-secrets"],
        ["plan", "--fresh", "deploy", "--no-secrets"],
        ["plan", "--fresh", "--no-secrets", "deploy"],
    ] {
        assert_eq!(project.mrsk(&args).expect(0).stdout, deploy);
    }
    let args = [
        "plan",
        "setup",
        "--fresh",
        "--no-secrets",
        "--version",
        "v1",
    ];
    let plan = project.mrsk(&args).expect(0).json();
    assert_eq!(plan["operation"]["name"], "setup");
    assert_eq!(plan["version"], "v1");
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
fn a_plan_without_network_is_json_alone_and_the_same_each_time() {
    let project = Project::new(DEPLOY);
    let one = project.mrsk(&["plan", "--fresh", "--no-secrets"]).expect(0);
    let plan = one.json();
    assert_eq!(plan["format_version"], "1.0");
    assert_eq!(plan["lock_host"], "192.0.2.1");
    assert!(one.stderr.contains("Plan: deploy shop"), "{}", one.stderr);
    assert!(!one.stdout.contains(project.dir.path().to_str().unwrap()));
    let other = project.fresh_plan();
    assert_eq!(one.stdout, other);
    project
        .mrsk(&["plan", "--fresh", "--no-secrets", "--detailed-exitcode"])
        .expect(2);
}

#[test]
fn a_plan_in_the_work_tree_is_no_reason_for_a_warning() {
    let project = Project::new(DEPLOY);
    let script = "\"$0\" plan --fresh --no-secrets > one.json && \"$0\" plan --fresh --no-secrets > two.json";
    let mut shell = project.command("sh");
    shell
        .args(["-c", script, env!("CARGO_BIN_EXE_mrsk")])
        .assert()
        .success();
    let one = std::fs::read_to_string(project.path("one.json")).unwrap();
    assert_eq!(
        one,
        std::fs::read_to_string(project.path("two.json")).unwrap()
    );
    assert!(!one.contains("untracked"));
    project.write("notes.json", "{}");
    assert!(
        project
            .fresh_plan()
            .contains("untracked files are built into the image: notes.json")
    );
}

#[test]
fn a_selection_narrows_the_plan() {
    let project = Project::new(DEPLOY);
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
        (&["--hosts", "192.0.2.2"], &["192.0.2.2"]),
        (&["--roles", "jobs"], &["192.0.2.3"]),
        (&["--primary"], &["192.0.2.1"]),
        (
            &["--hosts", "192.0.2.2,192.0.2.3", "--roles", "jobs"],
            &["192.0.2.3"],
        ),
    ];
    for (args, hosts) in cases {
        let args = [&["plan", "--fresh", "--no-secrets"], *args].concat();
        let plan = project.mrsk(&args).expect(0).json();
        let mut touched: Vec<&str> = plan["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|step| step["host"].as_str())
            .collect();
        touched.sort_unstable();
        touched.dedup();
        assert_eq!(&touched, hosts, "{args:?}");
    }
}

#[test]
fn facts_may_come_from_standard_input() {
    let project = Project::new(&DEPLOY.replace(
        "  web:\n    hosts:\n      - 192.0.2.1\n      - 192.0.2.2\n  jobs:\n    hosts:\n      - 192.0.2.3\n    cmd: bin/jobs\n",
        "  - 192.0.2.1\n",
    ));
    let facts = include_str!("../fixtures/facts/bare.json").replace("\"bare\"", "\"192.0.2.1\"");
    let args = ["plan", "--facts", "-", "--version", "v1", "--skip-push"];
    let plan = project.mrsk_with(&args, &[], &facts).expect(0).json();
    assert_eq!(plan["version"], "v1");
    assert!(plan["steps"].as_array().unwrap().len() > 4);
    project
        .mrsk_with(&args, &[], "{\"format_version\": \"1.0\", \"hosts\": 3}")
        .expect(78)
        .says(&["mrsk inspect", "expected a map", "line 1"]);
}

#[test]
fn a_plan_that_was_changed_is_refused() {
    let project = Project::new(DEPLOY);
    let plan = project.fresh_plan();
    let newer = plan.replacen("\"1.0\"", "\"1.1\"", 1);
    let other = plan.replacen("\"1.0\"", "\"2.0\"", 1);
    let edited = plan.replacen("bin/jobs", "bin/evil", 1);
    let half = &plan[..plan.len() / 2];
    let twice = plan.replacen("\"service\":", "\"service\": \"x\",\n  \"service\":", 1);
    let field = plan.replacen("\"service\":", "\"surprise\": 1,\n  \"service\":", 1);
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "edited",
            &edited,
            &["the plan was changed after it was made"],
        ),
        ("half", half, &["cannot read the plan"]),
        ("twice", &twice, &["service"]),
        ("field", &field, &["surprise"]),
        ("newer", &newer, &["1.1"]),
        ("other", &other, &["2.0"]),
        ("empty", "", &["cannot read the plan"]),
        ("no plan", "{}", &["is this a plan?"]),
    ];
    for (name, text, says) in cases {
        assert_ne!(*text, plan, "{name}");
        let ended = project
            .mrsk_with(&["apply", "-"], &[], text)
            .expect(5)
            .says(says);
        assert_eq!(ended.stdout, "", "{name}");
        assert!(!project.path(".mrsk").exists(), "{name}");
    }
}

#[test]
fn a_plan_is_shown_in_every_format() {
    let project = Project::new(DEPLOY);
    let plan = project.fresh_plan();
    project.write("plan.json", &plan);
    let cases = [
        ("table", "Plan: deploy shop"),
        ("markdown", "<details>"),
        ("mermaid", "flowchart"),
        ("dot", "digraph"),
        ("commands", "docker create"),
    ];
    for (format, text) in cases {
        let shown = project
            .mrsk(&["show", "plan.json", "--format", format])
            .expect(0);
        assert!(shown.stdout.contains(text), "{format}:\n{}", shown.stdout);
        assert_eq!(shown.stderr, "", "{format}");
        assert!(!shown.stdout.contains('\u{1b}'), "{format}");
    }
    let shown = project.mrsk_with(&["show", "-"], &[], &plan).expect(0);
    assert!(shown.stdout.contains("Plan: deploy shop"));
    project.mrsk_with(&["show", "-"], &[], "{}").expect(5);
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
    let readme = include_str!("../README.md");
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
