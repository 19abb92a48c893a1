//! Logins at the registry: whose they are, and what is left of them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::lab_project::{Machine, Project, lab};

const HOSTS: [&str; 2] = ["172.30.0.16", "172.30.0.17"];

/// Gives docker on this machine a configuration with `text`.
fn docker_config(project: &mut Project, text: &str) -> PathBuf {
    let directory = project.beside("docker");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("config.json"), text).unwrap();
    let value = directory.to_str().unwrap().to_owned();
    project.variables.insert("DOCKER_CONFIG".into(), value);
    directory
}

fn with_pull_user(project: &Project) {
    project.configure("");
    let path = project.directory.join("config/deploy.yml");
    let text = std::fs::read_to_string(&path).unwrap();
    let password = "  password: [LAB_REGISTRY_PASSWORD]\n";
    let pull = format!("{password}  pull: {{username: lab, password: [PULL_PASSWORD]}}\n");
    std::fs::write(&path, text.replace(password, &pull)).unwrap();
}

fn set_pull_password(project: &mut Project, password: &str) {
    let name = "PULL_PASSWORD".to_owned();
    project.variables.insert(name, password.to_owned());
}

/// Returns what the login directories and the state directories of hosts hold of docker's configuration.
fn leftovers(machine: &Machine) -> String {
    machine.sh(
        "cat /root/.docker/config.json 2>/dev/null; find /var/lib/mrsk -name docker -o -name config.json; :",
    )
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn no_login_stays_and_hosts_log_in_with_what_pulls() {
    let mut project = Project::new("lab-logins", &HOSTS);
    with_pull_user(&project);
    project.commit("APP_VERSION=v1\n");
    let config = r#"{"auths": {"other.example": {"auth": "eDp5"}}}"#;
    let docker = docker_config(&mut project, config);
    set_pull_password(&mut project, "not-the-password");
    project.each(|machine| machine.sh("rm -rf /root/.docker"));

    let said = project.mrsk(&["deploy"]).expect(1);
    said.says(&[
        "Push lab-logins",
        // Whichever step pulls first.
        "failed: `",
        "401 Unauthorized",
        "PULL_PASSWORD in the environment or in .env",
    ]);
    assert_eq!(project.each(leftovers), ["", ""]);

    set_pull_password(&mut project, &lab("LAB_REGISTRY_PASSWORD"));
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(project.each(Machine::version), ["v1", "v1"]);
    assert_eq!(project.each(leftovers), ["", ""]);
    let kept = std::fs::read_to_string(docker.join("config.json")).unwrap();
    assert_eq!(kept, config);
    assert_eq!(names_in(&docker), ["config.json"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_login_is_kept_from_registry_login_to_registry_logout() {
    let mut project = Project::new("lab-kept-login", &HOSTS);
    with_pull_user(&project);
    project.commit("APP_VERSION=v1\n");
    project.each(|machine| machine.sh("rm -rf /root/.docker"));
    let directory = "/var/lib/mrsk/lab-kept-login@/docker";

    set_pull_password(&mut project, "not-the-password");
    let said = project.mrsk(&["registry", "login"]).expect(1);
    said.says(&["failed: `Log in to", "PULL_PASSWORD in the environment"]);
    assert_eq!(project.each(leftovers), ["", ""]);

    set_pull_password(&mut project, &lab("LAB_REGISTRY_PASSWORD"));
    project.mrsk(&["registry", "login"]).expect(0);
    let look =
        format!("stat -c %a {directory} {directory}/config.json; ls -d /root/.docker 2>&1 || :");
    for seen in project.each(|machine| machine.sh(&look)) {
        assert!(
            seen.starts_with("700\n600\n") && seen.contains("No such file"),
            "{seen}"
        );
    }
    let said = project.mrsk(&["registry", "login"]).expect(0);
    said.says(&["it keeps a login at", "nothing to do"]);

    // Pulls make no login: the password is not asked for.
    set_pull_password(&mut project, "not-the-password");
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(project.each(Machine::version), ["v1", "v1"]);

    let one = ["registry", "logout", "--hosts", HOSTS[0]];
    project.mrsk(&one).expect(0);
    let left = project.each(leftovers);
    assert_eq!(left[0], "");
    assert!(left[1].contains(directory), "{}", left[1]);
    project.mrsk(&["registry", "logout"]).expect(0);
    assert_eq!(project.each(leftovers), ["", ""]);
    let said = project.mrsk(&["registry", "logout"]).expect(0);
    said.says(&["no login is kept", "nothing to do"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_credential_helper_is_asked_instead_of_a_login() {
    let mut project = Project::new("lab-helper", &HOSTS[..1]);
    project.commit("APP_VERSION=v1\n");
    let registry = lab("LAB_REGISTRY");
    let config = serde_json::json!({ "credHelpers": { registry.as_str(): "lab" } });
    docker_config(&mut project, &config.to_string());
    let programs = project.beside("programs");
    std::fs::create_dir(&programs).unwrap();
    let helper = programs.join("docker-credential-lab");
    let answer = serde_json::json!({
        "ServerURL": registry,
        "Username": lab("LAB_REGISTRY_USER"),
        "Secret": lab("LAB_REGISTRY_PASSWORD"),
    });
    let script = format!("#!/bin/sh\n[ \"$1\" = get ] || exit 1\ncat <<'END'\n{answer}\nEND\n");
    std::fs::write(&helper, script).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", programs.display());
    project.variables.insert("PATH".into(), path);

    let said = project.mrsk(&["deploy"]).expect(0);
    said.says(&["docker's credential helper lab logs in"]);
    assert!(!said.err.contains("Log in to"), "{}", said.err);
    assert_eq!(project.machines[0].version(), "v1");
}
