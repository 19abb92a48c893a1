//! Hooks on the lab: each takes effect once through runs that are killed and resumed, those before a change stop it, and one that fails
//! after it is all that is repeated.

use std::os::unix::fs::PermissionsExt;

use crate::lab_project::{Project, eventually, lab};
use crate::lab_support::{PlanFile, Runner, age_lock};

const HOSTS: [&str; 2] = ["172.30.0.16", "172.30.0.17"];

/// The hooks that write down each of their runs.
const HOOKS: [&str; 5] = [
    "pre-build",
    "pre-deploy",
    "pre-app-boot",
    "post-app-boot",
    "post-deploy",
];

/// Makes a project that serves version `one`, with hooks that fail while there is a file `fail-NAME`, and wait while there is a file
/// `wait-NAME`.
fn project(service: &'static str) -> Project {
    let project = Project::new(service, &HOSTS);
    project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    for name in HOOKS {
        let here = project.beside("").display().to_string();
        let text = format!(
            "#!/bin/sh\necho \"{name} $KAMAL_COMMAND $KAMAL_HOSTS\" >>'{here}/log'\n\
             while [ -e '{here}/wait-{name}' ]; do sleep 0.2; done\n\
             if [ -e '{here}/fail-{name}' ]; then echo '{name} says no'; exit 3; fi\n"
        );
        hook(&project, name, &text);
    }
    project.commit("APP_VERSION=two\n");
    project
}

fn hook(project: &Project, name: &str, text: &str) {
    let path = format!(".kamal/hooks/{name}");
    project.write(&path, text);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.directory.join(path), executable).unwrap();
}

fn set(project: &Project, file: &str) {
    std::fs::write(project.beside(file), "").unwrap();
}

fn unset(project: &Project, file: &str) {
    std::fs::remove_file(project.beside(file)).unwrap();
}

/// Returns the names of the hooks that have run, in their order.
fn log(project: &Project) -> Vec<String> {
    let text = std::fs::read_to_string(project.beside("log")).unwrap_or_default();
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn each_takes_effect_once_through_runs_that_are_killed_and_resumed() {
    let project = project("lab-hooks");
    let plan = PlanFile::make(&project, "two.json");

    // Killed in a gate: it runs again.
    set(&project, "wait-pre-deploy");
    let runner = Runner::apply(&project, &plan, &[]);
    eventually(120, || log(&project) == HOOKS[..2]);
    runner.kill();
    unset(&project, "wait-pre-deploy");
    age_lock(&project.machines[0]);
    assert_eq!(project.each(|host| host.version()), ["one", "one"]);

    // Killed within the switch: what has run does not run again.
    let mut runner = Runner::apply(&project, &plan, &[]);
    let start = format!(
        "{}/web/{}/start",
        HOSTS[0],
        project.container(plan.version())
    );
    runner.until("started", &start);
    runner.kill();
    age_lock(&project.machines[0]);
    let expected = ["pre-build", "pre-deploy", "pre-deploy", "pre-app-boot"];
    assert_eq!(log(&project), expected);

    // Killed in one that follows: nobody can tell, and a person says so.
    set(&project, "wait-post-deploy");
    let runner = Runner::apply(&project, &plan, &[]);
    eventually(180, || log(&project).contains(&"post-deploy".to_owned()));
    runner.kill();
    unset(&project, "wait-post-deploy");
    age_lock(&project.machines[0]);
    let said = project.mrsk(&["apply", plan.arg()]).expect(6);
    said.says(&["in doubt", "local/hook/post-deploy/run"]);
    let resolve = ["resolve", plan.arg(), "local/hook/post-deploy/run"];
    let done = ["--done", "-m", "it had begun"];
    project.mrsk(&[&resolve[..], &done].concat()).expect(0);
    project.mrsk(&["apply", plan.arg()]).expect(0);
    let all = [&expected[..], &["post-app-boot", "post-deploy"]].concat();
    assert_eq!(log(&project), all);
    assert_eq!(project.each(|host| host.version()), ["two", "two"]);

    // Nothing changes, so nothing runs; a changed hook makes a plan stale.
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(log(&project), all);
    let plan = PlanFile::of(&project, "again.json", &["plan", "redeploy"]);
    hook(&project, "post-deploy", "#!/bin/sh\nexit 0\n");
    let said = project.mrsk(&["apply", plan.arg()]).expect(3);
    said.says(&[".kamal/hooks/post-deploy: differs from the plan"]);
    assert_eq!(log(&project), all);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn one_that_fails_before_stops_the_run_and_one_after_is_repeated_alone() {
    let project = project("lab-hooked");
    let plan = PlanFile::make(&project, "two.json");
    set(&project, "fail-pre-deploy");
    let said = project.mrsk(&["apply", plan.arg()]).expect(1);
    said.says(&["pre-deploy says no", "exit status 3"]);
    assert_eq!(project.each(|host| host.version()), ["one", "one"]);
    let is_new = |name: &String| name.contains(plan.version());
    for machine in &project.machines {
        assert!(!machine.containers().iter().any(is_new));
    }
    unset(&project, "fail-pre-deploy");

    set(&project, "fail-post-deploy");
    let said = project.mrsk(&["apply", plan.arg()]).expect(1);
    said.says(&["post-deploy says no"]);
    assert_eq!(project.each(|host| host.version()), ["two", "two"]);
    let before = project.each(|host| host.container_ids());
    unset(&project, "fail-post-deploy");
    let ran = log(&project);
    project.mrsk(&["apply", plan.arg()]).expect(0);
    assert_eq!(log(&project)[ran.len()..], ["post-deploy"]);
    assert_eq!(project.each(|host| host.container_ids()), before);
    let expected = [
        "pre-build",
        "pre-deploy",
        "pre-deploy",
        "pre-app-boot",
        "post-app-boot",
        "post-deploy",
    ];
    assert_eq!(ran, expected);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn one_may_call_mrsk_to_read_and_to_run_something_once() {
    let project = project("lab-nested");
    let (log, mrsk) = (project.beside("nested"), env!("CARGO_BIN_EXE_mrsk"));
    let text = format!(
        "#!/bin/sh\nsay() {{ \"{mrsk}\" \"$@\" >/dev/null 2>&1; echo \"$1 $?\" >>'{}'; }}\n\
         say details\nsay app exec --reuse --primary 'true'\nsay redeploy --yes\n\
         say traefik reboot --yes\nexit 0\n",
        log.display()
    );
    hook(&project, "pre-deploy", &text);
    hook(
        &project,
        "post-deploy",
        "#!/bin/sh\nenv >\"$HOME/environment\"\n",
    );
    project.configure("hook_secrets: [SLACK_URL]\n");
    project.secret_file(&[("SLACK_URL", "https://example.com/h00k")]);
    let version = project.commit("APP_VERSION=two\n");
    project.mrsk(&["deploy"]).expect(0);
    let nested = std::fs::read_to_string(&log).unwrap();
    assert_eq!(nested, "details 0\napp 0\nredeploy 4\ntraefik 4\n");
    let environment = std::fs::read_to_string(project.beside("environment")).unwrap();
    for line in [
        format!("KAMAL_VERSION={version}"),
        format!("MRSK_HOSTS={}", HOSTS.join(",")),
        "KAMAL_COMMAND=deploy".to_owned(),
        "SLACK_URL=https://example.com/h00k".to_owned(),
    ] {
        assert!(environment.lines().any(|one| one == line), "{line}");
    }
    for begin in ["KAMAL_RECORDED_AT=20", "KAMAL_RUNTIME=", "KAMAL_PERFORMER="] {
        let mut lines = environment.lines();
        assert!(lines.any(|line| line.starts_with(begin) && line != begin));
    }
    assert!(!environment.contains(&lab("LAB_REGISTRY_PASSWORD")));
    project.mrsk(&["redeploy", "--skip-hooks"]).expect(0);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), nested);
}
