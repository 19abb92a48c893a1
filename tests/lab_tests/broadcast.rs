//! Broadcasts on the lab: people are told once, after all else, and a command that fails is no failure of the deploy.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::lab_project::{Project, eventually, lab};

const HOST: &str = "172.30.0.12";

/// Makes the project's command: it writes down its arguments, a line of `ARG|` each, and goes on as `then` says.
fn project(service: &'static str, then: &str) -> Project {
    let project = Project::new(service, &[HOST]);
    let told = project.beside("told");
    project.write(
        "bin/tell",
        &format!(
            "#!/bin/sh\nprintf '%s|' \"$@\" >>'{0}'\necho >>'{0}'\n{then}\n",
            told.display()
        ),
    );
    let script = project.directory.join("bin/tell");
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    project.configure("audit_broadcast_cmd:\n  bin/tell --room 'the ops'\n");
    project
}

fn told(project: &Project) -> Vec<String> {
    let text = std::fs::read_to_string(project.beside("told")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs the lab"]
fn people_are_told_once_and_what_changes_nothing_is_not_told() {
    let project = project("lab-told", "");
    let version = project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    let lines = told(&project);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (words, line) = lines[0].split_at("--room|the ops|".len());
    assert_eq!(words, "--room|the ops|");
    assert!(line.starts_with('['), "{line}");
    assert!(
        line.ends_with(&format!("] Deployed version {version}|")),
        "{line}"
    );
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(told(&project), lines);
    project.mrsk(&["redeploy"]).expect(0);
    let again = told(&project);
    assert_eq!(again.len(), 2, "{again:?}");
    assert!(again[1].contains("] Redeployed version "), "{again:?}");
}

#[test]
#[ignore = "needs the lab"]
fn a_command_that_fails_is_a_warning() {
    let project = project("lab-untold", "echo nobody listens >&2; exit 7");
    project.commit("APP_VERSION=one\n");
    let said = project.mrsk(&["deploy"]).expect(0);
    said.says(&["failed (tolerated)", "exit status 7", "nobody listens"]);
    assert_eq!(project.machines[0].version(), "one");
    assert_eq!(told(&project).len(), 1);
}

#[test]
#[ignore = "needs the lab"]
fn a_run_that_died_while_it_told_does_not_tell_again() {
    let project = project("lab-killed", "sleep 60");
    project.commit("APP_VERSION=one\n");
    let out = std::fs::File::create(project.beside("plan.json")).unwrap();
    let config = lab("LAB_SSH_CONFIG");
    let mut plan = Command::new(env!("CARGO_BIN_EXE_mrsk"));
    let planned = project
        .in_its_environment(plan.arg("plan"), config.as_ref())
        .stdout(out)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(planned.success());
    let file = project.beside("plan.json").display().to_string();
    let mut apply = Command::new(env!("CARGO_BIN_EXE_mrsk"));
    let mut runner = project
        .in_its_environment(
            apply.args(["apply", "--allow", "commands", &file]),
            config.as_ref(),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually(120, || told(&project).len() == 1);
    runner.kill().unwrap();
    runner.wait().unwrap();
    // Its lock is taken over when its beat has stopped for a minute.
    std::thread::sleep(Duration::from_secs(1));
    let said = project
        .mrsk(&["apply", "--allow", "commands", "--lock-wait", "120", &file])
        .expect(0);
    said.says(&["in doubt: cannot tell whether", "nothing needs to be done"]);
    let again = project
        .mrsk(&["apply", "--allow", "commands", &file])
        .expect(0);
    again.says(&["already applied"]);
    assert_eq!(told(&project).len(), 1);
    assert_eq!(project.machines[0].version(), "one");
}
