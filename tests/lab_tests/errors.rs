//! What goes wrong before or early in a deploy, on the lab: each is told with its place and what to do, and nothing is half done.

use std::path::PathBuf;
use std::process::Command;

use crate::lab_project::{Machine, Project, Said, lab, run};

const UNREACHABLE: i32 = 69;
const CONFIGURATION: i32 = 78;

/// Writes an ssh configuration like the lab's, with the lines that begin with `key` replaced.
fn ssh_config(project: &Project, key: &str, value: &str) -> PathBuf {
    let text = std::fs::read_to_string(lab("LAB_SSH_CONFIG")).unwrap();
    let lines = text.lines().map(|line| match line.trim().split_once(' ') {
        Some((first, _)) if first == key => format!("    {key} {value}\n"),
        _ => format!("{line}\n"),
    });
    let path = project.beside("ssh_config");
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    path
}

/// Fails where anything was begun on the hosts.
#[track_caller]
fn assert_untouched(project: &Project) {
    for machine in &project.machines {
        assert_eq!(machine.serial(project.service), "", "{}", machine.ip);
        assert_eq!(machine.containers(), Vec::<String>::new(), "{}", machine.ip);
        assert!(!machine.is_locked(), "{}", machine.ip);
    }
    assert!(!project.directory.join(".mrsk").exists());
}

fn hosts(addresses: &[&str]) -> String {
    addresses.iter().map(|ip| format!("  - {ip}\n")).collect()
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn hosts_out_of_reach_are_told_together() {
    let project = Project::new("lab-reach", &["172.30.0.14"]);
    project.configure_servers(&hosts(&["172.30.0.14", "172.30.0.98", "172.30.0.99"]), "");
    project.commit("");
    let said = project.mrsk(&["deploy"]).expect(UNREACHABLE);
    said.says(&[
        "172.30.0.98 cannot be reached: connect to host 172.30.0.98 port 22: No route to host",
        "172.30.0.99 cannot be reached: connect to host 172.30.0.99 port 22: No route to host",
        "help: check its name and port",
    ]);
    said.says(&["go on without such hosts: `mrsk deploy --hosts 172.30.0.14`"]);
    assert!(!said.err.contains("172.30.0.14 cannot"), "{}", said.err);
    assert_eq!(said.out, "");

    project.configure("ssh:\n  port: 2299\n");
    let said = project.mrsk(&["deploy"]).expect(UNREACHABLE);
    said.says(&[
        "172.30.0.14 cannot be reached: connect to host 172.30.0.14 port 2299: Connection refused",
    ]);

    project.configure_servers(&hosts(&["no-such-host.invalid"]), "");
    let said = project.mrsk(&["deploy"]).expect(UNREACHABLE);
    said.says(&["no-such-host.invalid cannot be reached: Could not resolve hostname"]);
    assert_untouched(&project);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn keys_that_are_not_known_are_refused_on_both_sides() {
    let project = Project::new("lab-keys", &["172.30.0.14", "172.30.0.15"]);
    project.configure("");
    project.commit("");

    let key = project.beside("id");
    let made = run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key));
    assert_eq!(made.code, 0, "{}", made.err);
    let config = ssh_config(&project, "IdentityFile", key.to_str().unwrap());
    project
        .mrsk_over(&config, &["deploy"])
        .expect(UNREACHABLE)
        .says(&[
            "172.30.0.14 refuses the login of root: root@172.30.0.14: Permission denied",
            "172.30.0.15 refuses the login of root",
            "help: check `ssh.user`, and that ssh-agent or ~/.ssh has a key for root",
        ]);

    let known = project.beside("known_hosts");
    std::fs::write(&known, "").unwrap();
    let config = ssh_config(&project, "UserKnownHostsFile", known.to_str().unwrap());
    project.mrsk_over(&config, &["deploy"]).expect(UNREACHABLE).says(&[
        "the host key of 172.30.0.14 is not known",
        "the host key of 172.30.0.15 is not known",
        "help: connect once with `ssh root@172.30.0.14` and compare it, or pass --accept-new-host-keys",
    ]);
    assert_eq!(std::fs::read_to_string(&known).unwrap(), "");

    let text = std::fs::read_to_string(lab("LAB_KNOWN_HOSTS")).unwrap();
    let swapped: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("172.30.0.16 "))
        .map(|key| format!("172.30.0.14 {key}\n"))
        .collect();
    std::fs::write(&known, swapped).unwrap();
    for options in [&["deploy"][..], &["deploy", "--accept-new-host-keys"]] {
        let said = project.mrsk_over(&config, options).expect(UNREACHABLE);
        said.says(&[
            "the host key of 172.30.0.14 has changed, line ",
            &format!("of {} has", known.display()),
            &format!("ssh-keygen -f {} -R '172.30.0.14'", known.display()),
        ]);
    }
    assert_untouched(&project);

    std::fs::write(&known, "").unwrap();
    project
        .mrsk_over(&config, &["plan", "--accept-new-host-keys"])
        .expect(0);
    let known = std::fs::read_to_string(&known).unwrap();
    assert!(
        known.contains("172.30.0.14 ssh-") && known.contains("172.30.0.15 ssh-"),
        "{known}"
    );
    let plan = project.mrsk_over(&config, &["plan"]).expect(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    let keys = plan["hosts"]["172.30.0.14"]["host_keys"]
        .as_array()
        .unwrap();
    assert!(!keys.is_empty(), "{plan}");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_host_that_shows_another_key_than_the_plan_pins_is_refused() {
    let project = Project::new("lab-pins", &["172.30.0.14"]);
    project.commit("");
    let plan = project.mrsk(&["plan"]).expect(0);
    let other = std::fs::read_to_string(lab("LAB_KNOWN_HOSTS")).unwrap();
    let others: Vec<String> = other
        .lines()
        .filter_map(|line| line.strip_prefix("172.30.0.16 "))
        .map(str::to_owned)
        .collect();
    let mut document: mrsk::plan::Plan = mrsk::plan::wire::read_strict(&plan.out).unwrap();
    for host in document.hosts.values_mut() {
        host.host_keys = others.clone();
    }
    let document = mrsk::plan::wire::seal(document).unwrap();
    let path = project.beside("plan.json");
    std::fs::write(&path, mrsk::plan::wire::to_json(&document).unwrap()).unwrap();
    let said = project
        .mrsk(&["apply", path.to_str().unwrap(), "--allow", "host-keys"])
        .expect(UNREACHABLE);
    said.says(&[
        "the host key of 172.30.0.14 has changed, the plan names another one",
        "plan again",
    ]);
    assert!(!project.machines[0].is_locked());
    assert_eq!(project.machines[0].serial(project.service), "");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_wrong_registry_password_fails_the_login_and_changes_nothing() {
    let mut project = Project::new("lab-registry", &["172.30.0.14", "172.30.0.15"]);
    project.commit("APP_VERSION=v1\n");
    project
        .variables
        .insert("LAB_REGISTRY_PASSWORD".into(), "not-the-password".into());
    let said = project.mrsk(&["deploy"]).expect(1);
    said.says(&[
        "failed: `Log in to 172.30.0.2:5000`",
        "401 Unauthorized",
        "check the user in `registry`, and LAB_REGISTRY_PASSWORD in the environment or in .env",
        "mrsk apply",
    ]);
    assert!(!said.err.contains("not-the-password"), "{}", said.err);
    for machine in &project.machines {
        assert!(
            !machine
                .containers()
                .iter()
                .any(|name| name.starts_with("lab-registry"))
        );
        assert_eq!(machine.routing_files(), "");
        assert!(!machine.is_locked());
    }
    let resume = said
        .err
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("mrsk apply "));
    let plan = resume.expect("the command to resume").to_owned();
    project.variables.clear();
    project.mrsk(&["apply", &plan]).expect(0);
    assert_eq!(project.each(Machine::version), ["v1", "v1"]);
}

/// One way to get the configuration wrong.
struct Case {
    name: &'static str,
    break_it: fn(&Project),
    says: &'static [&'static str],
}

const CASES: [Case; 7] = [
    Case {
        name: "no Dockerfile",
        break_it: |project| std::fs::remove_file(project.directory.join("Dockerfile")).unwrap(),
        says: &["Dockerfile does not exist", "help: create it"],
    },
    Case {
        name: "another Dockerfile that is not there",
        break_it: |project| project.configure("  dockerfile: docker/Dockerfile.web\n"),
        says: &["docker/Dockerfile.web does not exist"],
    },
    Case {
        name: "no registry password",
        break_it: |project| project.write(".env", ""),
        says: &[
            "secret `LAB_REGISTRY_PASSWORD` is not set",
            "config/deploy.yml:8:14",
            "help: add `LAB_REGISTRY_PASSWORD=…` to .env, or set it in the environment",
        ],
    },
    Case {
        name: "two secrets missing",
        break_it: |project| project.configure("env:\n  secret:\n    - ONE\n    - TWO\n"),
        says: &[
            "secret `ONE` is not set",
            "secret `TWO` is not set",
            "config/deploy.yml:15:7",
            "config/deploy.yml:16:7",
        ],
    },
    Case {
        name: "unknown key",
        break_it: |project| project.configure("helthcheck:\n  path: /\n"),
        says: &[
            "unknown key `helthcheck`",
            "config/deploy.yml:13:1",
            "did you mean `healthcheck`?",
        ],
    },
    Case {
        name: "broken YAML",
        break_it: |project| project.configure("labels: {a: [b\n"),
        says: &["invalid YAML", "config/deploy.yml:1", "help:"],
    },
    Case {
        name: "no configuration",
        break_it: |project| {
            std::fs::remove_file(project.directory.join("config/deploy.yml")).unwrap()
        },
        says: &[
            "configuration file config/deploy.yml does not exist",
            "help:",
        ],
    },
];

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_wrong_configuration_is_told_with_its_place_and_no_host_is_touched() {
    let project = Project::new("lab-config", &["172.30.0.14"]);
    project.commit("");
    for case in CASES {
        project.secret_file(&[]);
        project.configure("");
        let dockerfile = project.directory.join("Dockerfile");
        let kept = std::fs::read(&dockerfile).unwrap();
        (case.break_it)(&project);
        for command in ["deploy", "plan"] {
            let Said { code, out, err } = project.mrsk(&[command]);
            assert_eq!(code, CONFIGURATION, "{}: {err}", case.name);
            assert_eq!(out, "", "{}", case.name);
            for text in case.says {
                assert!(err.contains(text), "{}: {text:?} not in:\n{err}", case.name);
            }
        }
        std::fs::write(&dockerfile, kept).unwrap();
    }
    project.configure("");
    let wrong = project.beside("no-such-file");
    project
        .mrsk_over(&wrong, &["deploy"])
        .expect(64)
        .says(&["ssh configuration", "no-such-file"]);
    assert_untouched(&project);
}
