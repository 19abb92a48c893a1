//! Hostile plans: each is sealed with a right digest, and does something on the machine that applies it that no compiler would
//! plan. No lab, no network.

mod programs;

use std::path::PathBuf;

use assert_cmd::Command;
use mrsk::plan::{Plan, trust, wire};
use serde_json::{Value, json};

const DEPLOY: &str = "\
service: shop
image: acme/shop
servers: [192.0.2.1]
registry: {server: registry.example.com, username: robot, password: [MRSK_REGISTRY_PASSWORD]}
builder: {multiarch: false}
";

/// A run that is trusted fails for its secret, before any host is reached.
const TRUSTED: i32 = 78;

/// Changes a plan.
type Edit = Box<dyn Fn(&mut Value)>;

/// A repository, and the plan of its first deploy.
struct Runner {
    dir: tempfile::TempDir,
    plan: Value,
}

impl Runner {
    fn new() -> Self {
        let mut runner = Self {
            dir: tempfile::tempdir().unwrap(),
            plan: Value::Null,
        };
        for (file, text) in [("deploy.yml", DEPLOY), ("Dockerfile", "FROM scratch\n")] {
            std::fs::write(runner.path(file), text).unwrap();
        }
        let plan = [
            "plan",
            "--fresh",
            "--no-secrets",
            "-c",
            "deploy.yml",
            "--version",
            "1",
        ];
        let output = runner.command(&plan).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        runner.plan = serde_json::from_slice(&output.stdout).unwrap();
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mrsk"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .timeout(std::time::Duration::from_secs(60));
        command
    }

    /// Writes the plan with an edit, sealed again, and returns it.
    fn seal(&self, edit: impl FnOnce(&mut Value)) -> Plan {
        let mut plan = self.plan.clone();
        edit(&mut plan);
        let plan = wire::seal(serde_json::from_value(plan).unwrap()).unwrap();
        std::fs::write(self.path("plan.json"), wire::to_json(&plan).unwrap()).unwrap();
        plan
    }

    #[track_caller]
    fn apply(&self, options: &[&str], variables: &[(&str, &str)], code: i32) -> String {
        let output = self
            .command(&[&["apply", "plan.json"], options].concat())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{options:?}: {said}");
        said
    }
}

/// Returns the first step of a kind that runs on the machine that applies the plan.
fn local<'a>(plan: &'a mut Value, kind: &str) -> &'a mut Value {
    let steps = plan["steps"].as_array_mut().unwrap().iter_mut();
    let mut found = steps.filter(|step| step["kind"] == kind && step["host"].is_null());
    found.next().unwrap()
}

/// Returns the first step on a host that runs a command.
fn on_host(plan: &mut Value) -> &mut Value {
    let steps = plan["steps"].as_array_mut().unwrap().iter_mut();
    let mut found = steps.filter(|step| step["kind"] == "start");
    found.next().unwrap()
}

fn host(plan: &mut Value) -> &mut Value {
    plan["hosts"]
        .as_object_mut()
        .unwrap()
        .values_mut()
        .next()
        .unwrap()
}

#[test]
fn what_is_not_of_the_list_needs_an_approval() {
    let runner = Runner::new();
    let argv = |line: &str| json!({ "run": { "argv": line.split(' ').collect::<Vec<_>>() } });
    let rows: Vec<(&str, Edit, &str)> = vec![
        (
            "commands",
            Box::new(move |plan| {
                local(plan, "build")["action"] = json!([argv("docker run -v /:/h acme/shop:1")]);
            }),
            "docker run -v /:/h",
        ),
        (
            "commands",
            Box::new(|plan| {
                let words = local(plan, "build")["action"][0]["run"]["argv"]
                    .as_array_mut()
                    .unwrap();
                words.insert(2, json!("--output=dest=/"));
            }),
            "--output=dest=/",
        ),
        (
            "commands",
            Box::new(|plan| {
                let words = local(plan, "build")["action"][0]["run"]["argv"]
                    .as_array_mut()
                    .unwrap();
                let at = words.len() - 3;
                words.insert(at, json!("--output=dest=/"));
            }),
            "docker build",
        ),
        (
            "commands",
            Box::new(|plan| {
                local(plan, "push")["check"] = json!({ "argv": ["sh", "-c", "id"] });
            }),
            "sh -c id",
        ),
        (
            "commands",
            Box::new(|plan| {
                let words = local(plan, "build")["action"][0]["run"]["argv"]
                    .as_array_mut()
                    .unwrap();
                let at = words.len() - 3;
                words.splice(
                    at..at,
                    [json!("--secret"), json!("id=k,src=/root/.ssh/id_ed25519")],
                );
            }),
            "src=/root/.ssh/id_ed25519",
        ),
        (
            "proxy-command",
            Box::new(|plan| {
                host(plan)["ssh"]["proxy_command"] = json!("sh -c 'touch /tmp/x'; nc %h %p");
            }),
            "touch /tmp/x",
        ),
        (
            "state-directory",
            Box::new(|plan| {
                host(plan)["state_dir"] = json!("/etc/cron.d");
            }),
            "/etc/cron.d",
        ),
        (
            "host-keys",
            Box::new(|plan| {
                host(plan)["host_keys"] = json!(["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ"]);
            }),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ",
        ),
    ];
    for (subject, edit, shown) in rows {
        let plan = runner.seal(edit);
        let said = runner.apply(&[], &[], 5).replace(['\n', '│'], " ");
        assert!(
            said.contains(&format!("--allow {subject}")),
            "{subject}: {said}"
        );
        let joined = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(joined.contains(shown), "{shown}: {joined}");
        let others = ["commands", "proxy-command", "state-directory", "host-keys"];
        let others: Vec<&str> = others.into_iter().filter(|name| *name != subject).collect();
        runner.apply(&["--allow", &others.join(",")], &[], 5);
        runner.apply(&["--allow", subject], &[], TRUSTED);
        for format in ["table", "markdown"] {
            let shown_at_review = runner.command(&["show", "plan.json", "--format", format]);
            let review = String::from_utf8({ shown_at_review }.output().unwrap().stdout).unwrap();
            let top: String = review.lines().take(6).collect();
            let is_on_top = top.to_lowercase().contains("needs approval");
            assert!(is_on_top, "{review}");
        }
        runner.apply(&["--expect", plan.digest.as_str()], &[], TRUSTED);
    }
}

#[test]
fn a_host_key_that_this_machine_knows_is_no_concern_of_a_review() {
    let runner = Runner::new();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ";
    runner.seal(|plan| host(plan)["host_keys"] = json!([key]));
    let known_hosts = runner.path("known_hosts");
    let config = runner.path("ssh_config");
    let line = format!("UserKnownHostsFile {}\n", known_hosts.display());
    std::fs::write(&config, line).unwrap();
    let review = || {
        let show = ["show", "plan.json", "--ssh-config", "ssh_config"];
        let out = { runner.command(&show) }.output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    std::fs::write(&known_hosts, "192.0.2.1 ssh-ed25519 AAAAOTHER\n").unwrap();
    assert!(review().contains("needs approval: accepts the host key"));
    std::fs::write(&known_hosts, format!("192.0.2.1 {key}\n")).unwrap();
    assert!(!review().contains("needs approval"));
}

#[test]
fn the_runner_allows_a_value_and_no_other() {
    let runner = Runner::new();
    let directory =
        |path: &'static str| move |plan: &mut Value| host(plan)["state_dir"] = json!(path);
    runner.seal(directory("/srv/mrsk"));
    let allow = [(
        "MRSK_ALLOW",
        "proxy-command=x\n state-directory=/srv/mrsk\n",
    )];
    runner.apply(&[], &allow, TRUSTED);
    let config = runner.path(".config/mrsk/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::write(&config, "[allow]\nstate-directory = [\"/srv/mrsk\"]\n").unwrap();
    runner.apply(&[], &[], TRUSTED);
    runner.seal(directory("/srv/mrsk2"));
    runner.apply(&[], &allow, 5);
    std::fs::write(&config, "[allow]\nstate_directory = []\n").unwrap();
    let said = runner.apply(&[], &[], 78);
    assert!(
        said.contains("config.toml") && said.contains("state_directory"),
        "{said}"
    );
    std::fs::remove_file(&config).unwrap();
    let said = runner.apply(&[], &[("MRSK_ALLOW", "all")], 64);
    assert!(said.contains("invalid line in MRSK_ALLOW"), "{said}");
}

#[test]
fn what_no_plan_may_do_is_refused_even_if_it_was_approved() {
    let runner = Runner::new();
    let upload = |source: &str| json!({ "upload": { "source": source, "sha256": "0".repeat(64), "path": "/x", "mode": "0600" } });
    let rows: Vec<(Edit, &str)> = vec![
        (
            Box::new(move |plan| {
                on_host(plan)["action"]
                    .as_array_mut()
                    .unwrap()
                    .push(upload("../../etc/passwd"));
            }),
            "not below the repository",
        ),
        (
            Box::new(move |plan| {
                on_host(plan)["action"]
                    .as_array_mut()
                    .unwrap()
                    .push(upload("/etc/passwd"));
            }),
            "not below the repository",
        ),
        (
            Box::new(|plan| {
                let secret = json!({ "name": "DOCKER_HOST", "travels": ["env"] });
                plan["secrets"].as_array_mut().unwrap().push(secret);
                let run = json!({ "run": { "argv": ["docker", "ps"], "env": ["DOCKER_HOST"] } });
                on_host(plan)["action"].as_array_mut().unwrap().push(run);
            }),
            "exports DOCKER_HOST",
        ),
        (
            Box::new(|plan| {
                let run =
                    json!({ "run": { "argv": ["echo", { "from_env": "AWS_SECRET_ACCESS_KEY" }] } });
                on_host(plan)["action"].as_array_mut().unwrap().push(run);
            }),
            "passes a variable of this machine",
        ),
        (
            Box::new(|plan| {
                let run = json!({ "argv": ["echo", { "from_env": "AWS_SECRET_ACCESS_KEY" }] });
                on_host(plan)["diagnose"] = json!([run]);
            }),
            "passes a variable of this machine",
        ),
        (
            Box::new(move |plan| {
                local(plan, "build")["action"]
                    .as_array_mut()
                    .unwrap()
                    .push(upload("Dockerfile"));
            }),
            "not a command",
        ),
        (
            Box::new(|plan| {
                let argv = &mut local(plan, "build")["action"][0]["run"]["argv"];
                *argv.as_array_mut().unwrap().last_mut().unwrap() = json!("link-to-etc");
            }),
            "not the planned source",
        ),
        (
            Box::new(|plan| {
                let secret = json!({ "name": "X;id", "travels": ["env"] });
                plan["secrets"].as_array_mut().unwrap().push(secret);
            }),
            "not a valid secret name",
        ),
        (
            Box::new(|plan| {
                let secret = json!({ "name": "MRSK_CLAIM", "travels": ["env"] });
                plan["secrets"].as_array_mut().unwrap().push(secret);
            }),
            "not a valid secret name",
        ),
        (
            Box::new(|plan| plan["operation"]["destination"] = json!("x/../../y")),
            "not a valid name",
        ),
        (
            Box::new(|plan| plan["service"] = json!("../shop")),
            "not a valid name",
        ),
    ];
    for (edit, expected) in rows {
        let plan = runner.seal(edit);
        let said = runner.apply(&["--expect", plan.digest.as_str()], &[], 5);
        let joined = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(joined.contains(expected), "{expected}: {joined}");
    }
}

#[test]
fn plans_of_the_compiler_need_no_approval() {
    let plans = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/plans");
    let mut seen = 0;
    for entry in std::fs::read_dir(plans).unwrap() {
        let path = entry.unwrap().path().join("plan.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let plan = wire::read_strict(&text).unwrap();
        let concerns = trust::concerns(&plan);
        assert!(concerns.is_empty(), "{}: {concerns:?}", path.display());
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
    let runner = Runner::new();
    runner.seal(|_| {});
    runner.apply(&[], &[], TRUSTED);
}
