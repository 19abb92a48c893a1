//! The release command on the lab: it runs once, whatever happens to its run, and a failure leaves the old version.

use std::time::Duration;

use crate::lab_project::{Machine, Project, Users, eventually};
use crate::lab_support::{PlanFile, Runner, age_lock};

const HOSTS: [&str; 2] = ["172.30.0.16", "172.30.0.17"];

/// The file on the first host that each run of the release command adds a line to.
const LOG: &str = "/var/lib/mrsk-lab-release/log";

/// Makes a project that serves version `one`, with a release command of these words for a shell.
fn project(service: &'static str, command: &str) -> Project {
    let project = Project::new(service, &HOSTS);
    for machine in &project.machines {
        machine.sh("rm -rf /var/lib/mrsk-lab-release && mkdir /var/lib/mrsk-lab-release");
    }
    project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    configure(&project, command);
    project
}

fn configure(project: &Project, command: &str) {
    project.configure(&format!(
        "volumes: ['/var/lib/mrsk-lab-release:/data']\nrelease:\n  cmd: sh -c '{command}'\n"
    ));
}

fn log(project: &Project) -> Vec<String> {
    let text = project.machines[0].sh(&format!("cat {LOG} 2>/dev/null || true"));
    text.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn it_runs_once_through_a_run_that_is_killed_and_resumed() {
    let project = project(
        "lab-release",
        "echo begun >>/data/log; sleep 12; echo done >>/data/log",
    );
    let users = Users::of(&project.machines);
    project.commit("APP_VERSION=two\n");
    let plan = PlanFile::make(&project, "two.json");
    let run = format!("{}/release/{}/run", HOSTS[0], plan.version());
    let mut runner = Runner::apply(&project, &plan, &[]);
    runner.until("started", &run);
    eventually(60, || log(&project) == ["begun"]);
    runner.kill();
    // Even the script on the host is gone: the container goes on.
    project.machines[0].try_sh("pkill -9 -f 'docker logs --follow lab-release-release'; true");
    age_lock(&project.machines[0]);
    assert_eq!(project.each(Machine::version), ["one", "one"]);

    project.mrsk(&["apply", plan.arg()]).expect(0);
    assert_eq!(log(&project), ["begun", "done"]);
    assert_eq!(project.each(Machine::version), ["two", "two"]);
    let container = format!("lab-release-release-{}", plan.version());
    assert!(project.machines[0].containers().contains(&container));

    // A redeploy replaces the containers of the version, which it has run for.
    project.mrsk(&["redeploy"]).expect(0);
    assert_eq!(log(&project), ["begun", "done"]);
    project.mrsk(&["deploy", "--release"]).expect(0);
    assert_eq!(log(&project), ["begun", "done", "begun", "done"]);
    users.were_all_served();
    project.mrsk(&["remove", "--yes"]).expect(0);
    assert!(!project.machines[0].containers().contains(&container));
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_failure_leaves_the_old_version_and_is_begun_again() {
    let project = project(
        "lab-unreleased",
        "echo begun >>/data/log; echo no such table; exit 3",
    );
    let users = Users::of(&project.machines);
    project.commit("APP_VERSION=two\n");
    let plan = PlanFile::make(&project, "two.json");
    let said = project.mrsk(&["apply", plan.arg()]).expect(1);
    said.says(&["no such table", "has exited with status 3"]);
    assert_eq!(project.each(Machine::version), ["one", "one"]);
    let is_new = |name: &String| name.contains(plan.version());
    for machine in &project.machines {
        assert!(!machine.containers().iter().any(is_new));
    }
    // The command is of the plan: what it needs is mended on the host.
    project.mrsk(&["apply", plan.arg()]).expect(1);
    assert_eq!(log(&project), ["begun", "begun"]);
    users.were_all_served();
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_first_interruption_waits_for_its_end() {
    let project = project(
        "lab-releasing",
        "echo begun >>/data/log; sleep 8; echo done >>/data/log",
    );
    project.commit("APP_VERSION=two\n");
    let plan = PlanFile::make(&project, "two.json");
    let mut runner = Runner::apply(&project, &plan, &[]);
    runner.until(
        "started",
        &format!("{}/release/{}/run", HOSTS[0], plan.version()),
    );
    eventually(60, || log(&project) == ["begun"]);
    std::thread::sleep(Duration::from_secs(1));
    runner.signal("INT");
    runner.wait().expect(130);
    assert_eq!(log(&project), ["begun", "done"]);
    assert_eq!(project.each(Machine::version), ["one", "one"]);
    project.mrsk(&["apply", plan.arg()]).expect(0);
    assert_eq!(log(&project), ["begun", "done"]);
    assert_eq!(project.each(Machine::version), ["two", "two"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn another_plan_takes_over_the_lock_of_a_run_that_died_in_it_only_if_a_person_says_so() {
    let project = project(
        "lab-half-released",
        "echo begun >>/data/log; sleep 15; echo done >>/data/log",
    );
    project.commit("APP_VERSION=two\n");
    let plan = PlanFile::make(&project, "two.json");
    let mut runner = Runner::apply(&project, &plan, &[]);
    let run = format!("{}/release/{}/run", HOSTS[0], plan.version());
    runner.until("started", &run);
    eventually(60, || log(&project) == ["begun"]);
    runner.kill();
    // Even its script on the host is gone: nobody writes a receipt.
    project.machines[0].sh(
        "for claim in /var/lib/mrsk/lab-half-released@/runs/*/*/*/claim; do [ -e \"${claim%claim}receipt\" ] || \
         { read -r pid rest <\"$claim\"; kill -9 \"$pid\"; }; done",
    );
    age_lock(&project.machines[0]);

    configure(&project, "echo other >>/data/log");
    project.commit("APP_VERSION=three\n");
    let refuse = |command: &[&str], names: &str| {
        let said = project.mrsk(command).expect(4);
        said.says(&["a dead run holds the deploy lock", names, "--take-over"]);
    };
    refuse(&["rollback", "--preempt", "--yes"], "release");
    // Whoever plans now is told of the release command by docker, too.
    eventually(60, || log(&project) == ["begun", "done"]);
    let next = PlanFile::make(&project, "three.json");
    refuse(&["apply", next.arg()], "has not ended");
    assert_eq!(project.each(Machine::version), ["one", "one"]);
    let apply = ["apply", "--take-over", next.arg()];
    let said = project.mrsk(&apply).expect(0);
    said.says(&["it was begun and has not ended"]);
    assert_eq!(project.each(Machine::version), ["three", "three"]);
    assert_eq!(log(&project), ["begun", "done", "other"]);
}
