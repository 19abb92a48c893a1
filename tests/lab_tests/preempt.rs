//! A rollback that does not wait for a deploy, on the lab.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::lab_project::{Machine, Project, Users, eventually, lab, run};
use crate::lab_support::{PlanFile, Runner, mrsk};

/// Returns the project with these versions deployed one after the other.
fn deployed(service: &'static str, addresses: &[&str], versions: &[&str]) -> Project {
    let project = Project::new(service, addresses);
    for version in versions {
        project.commit(&format!("APP_VERSION={version}\n"));
        project.mrsk(&["deploy"]).expect(0);
    }
    project
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_rollback_preempts_a_deploy_and_holds_the_lock_behind_it() {
    let addresses = ["172.30.0.16", "172.30.0.17"];
    let project = deployed("lab-preempt", &addresses, &["v1", "v2"]);
    project.configure("healthcheck:\n  max_attempts: 60\n");
    project.commit("APP_VERSION=v3\nAPP_HEALTH=never\n");
    let plan = PlanFile::make(&project, "plan.json");
    let mut deploy = Runner::apply(&project, &plan, &[]);
    deploy.until("started", &plan.step(addresses[0], "healthcheck"));

    let users = Users::of(&project.machines);
    let rollback = project
        .mrsk(&[
            "rollback",
            "--yes",
            "--preempt",
            "--hold",
            "v3 never answers",
        ])
        .expect(0);
    users.were_all_served();
    rollback.says(&[
        "asked the run that holds the deploy lock to stop",
        "Lab Author",
        "the deploy lock stays",
    ]);
    assert_eq!(project.each(Machine::version), ["v1", "v1"]);
    let stopped = deploy.wait().expect(130);
    stopped.says(&[
        "Lab Author asked this run to stop: `mrsk rollback` needs the deploy lock",
        "interrupted: waits ended",
    ]);

    // Nothing is deployed over it until somebody says so.
    let refused = project.mrsk(&["deploy"]).expect(4);
    refused.says(&["v3 never answers"]);
    let status = project.mrsk(&["lock", "status"]).expect(0).out;
    assert!(status.contains("v3 never answers"), "{status}");
    project.mrsk(&["lock", "release"]).expect(0);
    project.commit("APP_VERSION=v4\n");
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(project.each(Machine::version), ["v4", "v4"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_switch_that_has_begun_is_finished_before_the_lock_is_given_away() {
    let project = deployed("lab-asked", &["172.30.0.16"], &["v1"]);
    let free = project.mrsk(&["lock", "request-stop", "-m", "why not"]);
    assert!(free.expect(0).out.contains("the deploy lock is free"));
    project.commit("APP_VERSION=v2\n");
    let plan = PlanFile::make(&project, "plan.json");
    // A request that takes 20 s keeps the old container draining.
    let machine = project.machines[0].clone();
    let slow = std::thread::spawn(move || machine.slow_answer());
    let mut deploy = Runner::apply(&project, &plan, &[]);
    deploy.until("ended", &plan.step("172.30.0.16", "route"));
    let asked = project
        .mrsk(&["lock", "request-stop", "-m", "the database is full"])
        .expect(0);
    assert!(
        asked.out.contains("asked this run to stop"),
        "{}",
        asked.out
    );
    let said = deploy.wait();
    let answer = slow.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // Nothing was left out, so that the plan is finished all the same.
    said.expect(0)
        .says(&["Lab Author asked this run to stop: the database is full"]);
    assert_eq!(project.each(Machine::version), ["v2"]);
    assert!(!project.machines[0].is_locked());
}

/// There is nothing to do on the hosts; but what was stopped is not to be resumed.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_rollback_to_what_serves_ends_what_was_stopped() {
    let project = deployed("lab-stopped", &["172.30.0.16"], &["v1"]);
    let serves = project.commit("APP_VERSION=v2\n");
    project.mrsk(&["deploy"]).expect(0);
    project.configure("healthcheck:\n  max_attempts: 60\n");
    project.commit("APP_VERSION=v3\nAPP_HEALTH=never\n");
    let plan = PlanFile::make(&project, "plan.json");
    let mut deploy = Runner::apply(&project, &plan, &[]);
    deploy.until("started", &plan.step("172.30.0.16", "healthcheck"));
    let asked = ["lock", "request-stop", "-m", "it never answers"];
    project.mrsk(&asked).expect(0);
    deploy.wait().expect(130);
    let status = project.mrsk(&["status"]).expect(0).out;
    assert!(status.contains("is not finished: resume it"), "{status}");

    let back = project.mrsk(&["rollback", &serves, "--yes"]).expect(0);
    back.says(&["nothing to do"]);
    assert_eq!(project.each(Machine::version), ["v2"]);
    let status = project.mrsk(&["status"]).expect(0).out;
    assert!(status.contains("next: nothing"), "{status}");
    let resumed = project.mrsk(&["apply", plan.arg()]).expect(3);
    resumed.says(&["superseded"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_rollback_that_is_interrupted_while_it_plans_releases_the_lock() {
    let addresses = ["172.30.0.16", "172.30.0.17"];
    let project = deployed("lab-given-up", &addresses, &["v1", "v2"]);
    // It does not answer, so that the hosts are looked at until somebody interrupts that.
    project.machines[1].power("pause");
    let mut rollback = mrsk();
    rollback.args(["rollback", "--yes", "--preempt"]);
    let config = lab("LAB_SSH_CONFIG");
    let rollback = project
        .in_its_environment(&mut rollback, Path::new(&config))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually(60, || project.machines[0].is_locked());
    let id = rollback.id().to_string();
    run(Command::new("kill").args(["-INT", &id])).expect(0);
    let ended = rollback.wait_with_output().unwrap();
    project.machines[1].power("unpause");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("the deploy lock is released"), "{said}");
    assert!(!project.machines[0].is_locked());
    assert_eq!(project.each(Machine::version), ["v2", "v2"]);
}
