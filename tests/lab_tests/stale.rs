//! Plans and the world they were made for, on the lab: the same world gives the same plan, another one is noticed before anything
//! is changed.

use std::process::Command;

use crate::lab_project::{Machine, Project, Said, eventually, lab, run};
use crate::lab_support::{EndState, PlanFile, Runner};

const HOSTS: [&str; 2] = ["172.30.0.12", "172.30.0.13"];

/// A project whose version `one` serves and whose version `two` is committed.
fn serving(service: &'static str) -> (Project, String) {
    let project = Project::new(service, &HOSTS);
    let one = project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    project.commit("APP_VERSION=two\n");
    let old = project.container(&one);
    (project, old)
}

fn end_states(project: &Project) -> Vec<EndState> {
    project.each(|machine| EndState::of(machine, project.service))
}

/// Applies a plan, which must end with this code and change nothing.
#[track_caller]
fn refused(project: &Project, plan: &str, code: i32) -> Said {
    let before = end_states(project);
    let said = project.mrsk(&["apply", plan]).expect(code);
    assert_eq!(end_states(project), before, "{}", said.err);
    for machine in &project.machines {
        assert!(!machine.is_locked());
    }
    said
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_same_world_gives_the_same_bytes_and_an_edited_plan_is_refused() {
    let (project, _) = serving("lab-same");
    let (first, second) = (
        project.mrsk(&["plan"]).expect(0),
        project.mrsk(&["plan"]).expect(0),
    );
    assert_eq!(first.out, second.out);

    let plan = PlanFile::make(&project, "plan.json");
    let image = plan.plan["image"]["reference"].as_str().unwrap();
    let edited = first.out.replace(image, &format!("{image}-evil"));
    assert_ne!(edited, first.out);
    let path = project.beside("edited.json");
    std::fs::write(&path, edited).unwrap();
    refused(&project, path.to_str().unwrap(), 5).says(&["digest"]);

    project.mrsk(&["apply", plan.arg()]).expect(0);
    refused(&project, plan.arg(), 0).says(&["already applied"]);
}

/// Whether the last commit has been built on this machine.
fn is_built(project: &Project) -> bool {
    let head = [
        "-C",
        project.directory.to_str().unwrap(),
        "rev-parse",
        "HEAD",
    ];
    let head = run(Command::new("git").args(head)).out;
    let image = format!(
        "{}/{}:{}",
        lab("LAB_REGISTRY"),
        project.service,
        head.trim()
    );
    run(Command::new("docker").args(["image", "inspect", &image])).code == 0
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_deploy_that_waited_while_a_host_changed_looks_under_the_lock() {
    let (project, old) = serving("lab-again");
    let other = &project.machines[1];
    project
        .mrsk(&["lock", "acquire", "-m", "by hand"])
        .expect(0);
    let said = std::thread::scope(|scope| {
        let deploy = scope.spawn(|| project.mrsk(&["deploy", "--lock-wait", "120"]));
        // It builds before it waits for the lock, and looks at the hosts once it has it.
        eventually(60, || is_built(&project));
        other.sh(&format!("docker stop {old}"));
        project.mrsk(&["lock", "release"]).expect(0);
        deploy.join().unwrap()
    });
    let said = said.expect(0);
    said.says(&["waiting up to 120 s for the deploy lock", "by hand"]);
    assert!(!said.err.contains("stale"), "{}", said.err);
    assert_eq!(project.each(Machine::version), ["two", "two"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_host_that_was_changed_by_hand_makes_a_plan_stale() {
    let (project, old) = serving("lab-stale");
    let plan = PlanFile::make(&project, "plan.json");
    let other = &project.machines[1];

    other.sh(&format!("docker stop {old}"));
    refused(&project, plan.arg(), 3).says(&[
        &other.ip,
        &format!("state of container {old}"),
        "running",
        "exited",
    ]);
    other.sh(&format!("docker start {old}"));

    let route = "/var/lib/mrsk/traefik/mrsk-lab-stale@web.yml";
    other.sh(&format!(
        "cp -p {route} /root/kept && echo '# by hand' >> {route}"
    ));
    let hash = |path: &str| {
        other
            .sh(&format!("sha256sum < {path} | cut -c1-64"))
            .trim()
            .to_owned()
    };
    refused(&project, plan.arg(), 3).says(&[
        &other.ip,
        &format!("sha256 of file {route}"),
        &hash("/root/kept")[..12],
        &hash(route)[..12],
    ]);
    other.sh(&format!("cp -p /root/kept {route} && rm /root/kept"));

    // What another service does is none of this plan's business.
    for machine in &project.machines {
        machine.sh("docker run -d --name other-service --label service=other --entrypoint /app $(docker ps --format '{{.Image}}' --filter label=service) > /dev/null");
    }
    project.machines[0].sh("docker stop -t 0 other-service");
    project.mrsk(&["apply", plan.arg()]).expect(0);
    assert_eq!(project.each(Machine::version), ["two", "two"]);
    for machine in &project.machines {
        assert!(machine.containers().contains(&"other-service".to_owned()));
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_plan_that_was_overtaken_by_another_is_superseded() {
    let (project, _) = serving("lab-overtaken");
    let first = PlanFile::make(&project, "first.json");
    project.commit("APP_VERSION=three\n");
    let second = PlanFile::make(&project, "second.json");
    project.mrsk(&["apply", second.arg()]).expect(0);
    project.check_out("HEAD~1");
    refused(&project, first.arg(), 3).says(&[second.digest()]);
    assert_eq!(project.each(Machine::version), ["three", "three"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn of_two_runs_at_once_one_is_told_who_holds_the_lock() {
    let (project, _) = serving("lab-both");
    let plan = PlanFile::make(&project, "plan.json");
    let mut first = Runner::apply(&project, &plan, &[]);
    first.until("started", &plan.step("", "build"));
    let second = project.mrsk(&["apply", plan.arg()]).expect(4);
    second.says(&["Lab Author", plan.version()]);
    first.wait().expect(0);
    assert_eq!(project.each(Machine::version), ["two", "two"]);

    project.commit("APP_VERSION=three\n");
    let plan = PlanFile::make(&project, "next.json");
    let mut runs = [
        Runner::apply(&project, &plan, &[]),
        Runner::apply(&project, &plan, &[]),
    ]
    .map(|run| run.wait().code);
    runs.sort_unstable();
    assert_eq!(runs, [0, 4]);
    assert_eq!(project.each(Machine::version), ["three", "three"]);
}
