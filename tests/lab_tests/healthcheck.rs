//! `mrsk healthcheck perform` on the lab: a version that was pushed is tried beside what serves.

use crate::lab_project::{Machine, Project, Users};
use crate::lab_support::{PlanFile, Runner, age_lock};

const HOST: &str = "172.30.0.18";

/// Makes a project that serves version `one`, with version `two` in the registry.
fn project(service: &'static str, behaviour: &str) -> (Project, String) {
    let project = Project::new(service, &[HOST]);
    project.configure("healthcheck: {max_attempts: 20}\n");
    project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    let version = project.commit(&format!("APP_VERSION=two\n{behaviour}"));
    project.mrsk(&["build", "push"]).expect(0);
    (project, version)
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_version_is_tried_through_a_kill_and_leaves_nothing() {
    let (project, version) = project("lab-tried", "APP_BOOT_MS=6000\n");
    let host = &project.machines[0];
    let before = host.containers();
    let users = Users::of(&project.machines);
    let name = format!("healthcheck-lab-tried-web-{version}");

    let since = host.now();
    let plan = PlanFile::of(&project, "trial.json", &["plan", "healthcheck", "perform"]);
    let mut runner = Runner::apply(&project, &plan, &[]);
    runner.until("started", &plan.step(HOST, "healthcheck"));
    runner.kill();
    assert!(host.containers().contains(&name), "{:?}", host.containers());
    age_lock(host);
    project.mrsk(&["apply", plan.arg()]).expect(0);
    assert_eq!(host.containers(), before);
    let started = host.events("start", &since);
    assert_eq!(started, [name.as_str()], "once, and nothing else");

    // It does what it says once more.
    project.mrsk(&["healthcheck", "perform"]).expect(0);
    assert_eq!(host.containers(), before);
    assert_eq!(host.events("start", &since).len(), 2);
    assert_eq!(project.each(Machine::version), ["one"]);
    users.were_all_served();
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_version_that_never_gets_healthy_says_so_and_leaves_nothing() {
    let (project, _) = project("lab-untried", "APP_HEALTH=never\n");
    let host = &project.machines[0];
    let before = host.containers();
    let said = project.mrsk(&["healthcheck", "perform"]).expect(1);
    said.says(&["503", "healthcheck-lab-untried-web-"]);
    assert_eq!(host.containers(), before);
    assert_eq!(project.each(Machine::version), ["one"]);
    let said = project.mrsk(&["healthcheck", "perform", "--roles", "jobs"]);
    said.expect(64).says(&["unknown role `jobs`"]);
}
