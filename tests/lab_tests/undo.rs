//! Undos that were planned with a deploy, on the lab: what served before serves again, whatever part of the deploy was applied, and no
//! request is lost.

use std::time::Duration;

use crate::faults::spoiled::Spoiled;
use crate::lab_project::{Machine, Project, Said, Users, sample};
use crate::lab_support::{PlanFile, Runner, age_lock};

const HOSTS: [&str; 2] = ["172.30.0.16", "172.30.0.17"];

/// Slow enough to be caught in the act.
const BEHAVIOUR: &str = "APP_BOOT_MS=700\nAPP_VERSION=";

/// A project whose version `one` serves, and a deploy that was planned with its undo.
struct Undoable {
    project: Project,
    plan: PlanFile,
    undo: PlanFile,
}

impl Undoable {
    /// Deploys version `one`, and plans what `next` changes.
    fn new(service: &'static str, next: impl FnOnce(&Project)) -> Self {
        let project = Project::new(service, &HOSTS);
        project.commit(&format!("{BEHAVIOUR}one\n"));
        project.mrsk(&["deploy"]).expect(0);
        next(&project);
        let (plan, undo) = planned(&project, &[]);
        Self {
            project,
            plan,
            undo,
        }
    }

    #[track_caller]
    fn undo(&self, code: i32) -> Said {
        self.project.mrsk(&["apply", self.undo.arg()]).expect(code)
    }

    /// Fails unless version `one` serves everywhere, nothing else runs, and no lock is left.
    #[track_caller]
    fn is_back(&self, running: &[Vec<String>]) {
        for machine in &self.project.machines {
            assert_eq!(machine.version(), "one", "{}", machine.ip);
            assert!(!machine.is_locked(), "{}", machine.ip);
        }
        assert_eq!(self.running(), running);
    }

    /// The ids of the containers that run on each host.
    fn running(&self) -> Vec<Vec<String>> {
        let ids = |machine: &Machine| {
            let said = machine.sh("docker ps --no-trunc --quiet --filter label=service");
            let mut ids: Vec<String> = said.lines().map(str::to_owned).collect();
            ids.sort();
            ids
        };
        self.project.each(ids)
    }
}

/// Plans an operation with its undo; a deploy if none is named.
fn planned(project: &Project, operation: &[&str]) -> (PlanFile, PlanFile) {
    let undo = project.beside("undo.json");
    let command = [operation, &["--undo", undo.to_str().unwrap()]].concat();
    let plan = PlanFile::of(project, "plan.json", &[&["plan"], &command[..]].concat());
    let undo = PlanFile::read(undo);
    (plan, undo)
}

fn to_two(project: &Project) {
    project.commit(&format!("{BEHAVIOUR}two\n"));
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_deploy_is_undone_once_and_not_after_another() {
    let undoable = Undoable::new("lab-undone", to_two);
    let project = &undoable.project;
    let before = undoable.running();
    let users = Users::of(&project.machines);
    project.mrsk(&["apply", undoable.plan.arg()]).expect(0);
    assert_eq!(project.each(Machine::version), ["two", "two"]);
    undoable.undo(0);
    undoable.is_back(&before);
    undoable.undo(0).says(&["already applied"]);
    undoable.is_back(&before);
    project.shows(&["undo by Lab Author), healthy, routed", "next: nothing\n"]);
    users.were_all_served();
    // A rollback knows what was undone.
    let said = project.mrsk(&["rollback", "--yes"]).expect(0);
    said.says(&["the last plan was undone ", " ago by Lab Author"]);
    let (plan, undo) = planned(project, &[]);
    project.mrsk(&["apply", plan.arg()]).expect(0);
    project.commit(&format!("{BEHAVIOUR}three\n"));
    project.mrsk(&["deploy"]).expect(0);
    let said = project.mrsk(&["apply", undo.arg()]).expect(3);
    said.says(&["another plan"]);
    assert_eq!(project.each(Machine::version), ["three", "three"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn an_undo_of_what_failed_or_was_never_applied_changes_nothing() {
    let undoable = Undoable::new("lab-unfit", |project| {
        project.configure("healthcheck: {max_attempts: 2}\n");
        project.commit("APP_VERSION=two\nAPP_HEALTH=never\n");
    });
    let project = &undoable.project;
    let before = undoable.running();
    let since = project.each(Machine::now);
    let users = Users::of(&project.machines);
    project.mrsk(&["apply", undoable.plan.arg()]).expect(1);
    undoable.undo(0).says(&["0 ran"]);
    undoable.is_back(&before);
    let said = project.mrsk(&["apply", undoable.plan.arg()]).expect(3);
    said.says(&["superseded"]);
    undoable.undo(0).says(&["already applied"]);
    project.shows(&["deploy by Lab Author), healthy, routed", "next: nothing\n"]);
    users.were_all_served();
    let touched = |machine: &Machine| machine.events("stop", &since[1]);
    assert_eq!(touched(&project.machines[1]), Vec::<String>::new());
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_deploy_that_was_killed_at_any_step_is_undone() {
    let mut undoable = Undoable::new("lab-cut", to_two);
    let [canary, other] = HOSTS;
    let points = [
        ("started", canary, "start", 200),
        ("ended", canary, "start", 200),
        ("ended", canary, "healthcheck", 30),
        ("ended", canary, "route", 0),
        ("ended", canary, "drain", 100),
        ("ended", canary, "stop", 0),
        ("ended", other, "start", 0),
        ("ended", other, "route", 0),
    ];
    for (entry, host, kind, delay) in sample(&points, 3) {
        let before = undoable.running();
        let step = undoable.plan.step(host, kind);
        eprintln!("killed {delay} ms after {entry} {step}");
        let users = Users::of(&undoable.project.machines);
        let mut runner = Runner::apply(&undoable.project, &undoable.plan, &[]);
        runner.until(entry, &step);
        std::thread::sleep(Duration::from_millis(delay));
        runner.kill();
        age_lock(&undoable.project.machines[0]);
        undoable.undo(0);
        undoable.is_back(&before);
        users.were_all_served();
        (undoable.plan, undoable.undo) = planned(&undoable.project, &[]);
    }
}

/// Makes `program` fail on a host where its arguments match a pattern of the shell.
fn fails<'m>(machine: &'m Machine, program: &str, pattern: &str) -> Spoiled<'m> {
    let script = format!(
        "cat > /usr/local/bin/{program} << 'END'\n#!/bin/sh\ncase \"$*\" in {pattern}) echo broken >&2; exit 9 ;; esac\nexec \
         /usr/bin/{program} \"$@\"\nEND\nchmod 755 /usr/local/bin/{program}"
    );
    let heal = "rm -f /usr/local/bin/docker /usr/local/bin/curl";
    Spoiled::by(machine, &script, heal)
}

/// Whether the canary has failed, or the host after it, half of the deploy is taken back.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_deploy_that_failed_at_any_step_is_undone() {
    let mut undoable = Undoable::new("lab-broken", to_two);
    let container = |named| {
        let project = &undoable.project;
        project.container(&project.revision(named))
    };
    let [one, two] = ["HEAD~1", "HEAD"].map(container);
    let points = [
        (0, "start", "Start ", "docker", "'start TWO'"),
        (0, "healthcheck", "to answer 200", "curl", "*:3000/up*"),
        (0, "route", "Route requests", "curl", "*mrsk.internal*"),
        (0, "stop", "Stop ", "docker", "stop*ONE"),
        (1, "route", "Route requests", "curl", "*mrsk.internal*"),
        (1, "stop", "Stop ", "docker", "stop*ONE"),
    ];
    for (host, kind, words, program, pattern) in sample(&points, 3) {
        let before = undoable.running();
        let machine = &undoable.project.machines[host];
        let step = undoable.plan.step(HOSTS[host], kind);
        eprintln!("failed at {step}");
        let users = Users::of(&undoable.project.machines);
        let broken = fails(
            machine,
            program,
            &pattern.replace("ONE", &one).replace("TWO", &two),
        );
        let applied = undoable.project.mrsk(&["apply", undoable.plan.arg()]);
        applied.expect(1).says(&["failed: `", words]);
        broken.heal();
        undoable.undo(0);
        undoable.is_back(&before);
        users.were_all_served();
        (undoable.plan, undoable.undo) = planned(&undoable.project, &[]);
    }
}

/// The new version dies while requests to the old one end: they go to the old one again.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_deploy_that_failed_while_it_drained_is_undone() {
    let undoable = Undoable::new("lab-drained", to_two);
    let before = undoable.running();
    let two = undoable
        .project
        .container(&undoable.project.revision("HEAD"));
    let machine = undoable.project.machines[0].clone();
    let slow = std::thread::spawn(move || machine.slow_answer());
    let mut runner = Runner::apply(&undoable.project, &undoable.plan, &[]);
    runner.until("ended", &undoable.plan.step(HOSTS[0], "route"));
    undoable.project.machines[0].sh(&format!("docker kill {two}"));
    let said = runner.wait().expect(1);
    said.says(&["drain"]);
    undoable.undo(0);
    undoable.is_back(&before);
    let answer = slow.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_container_that_was_replaced_by_one_of_its_version_returns() {
    let mut undoable = Undoable::new("lab-same-again", |project| {
        project.configure("env: {clear: {COLOR: red}}\n");
    });
    (undoable.plan, undoable.undo) = planned(&undoable.project, &["app", "boot"]);
    let before = undoable.running();
    let users = Users::of(&undoable.project.machines);
    let applied = |plan: &PlanFile| undoable.project.mrsk(&["apply", plan.arg()]);
    applied(&undoable.plan).expect(0);
    assert_ne!(undoable.running(), before);
    undoable.undo(0);
    undoable.is_back(&before);
    // The next deploy replaces it again, under the name that it has now.
    undoable.project.mrsk(&["deploy"]).expect(0);
    undoable
        .project
        .each(|machine| assert_eq!(machine.version(), "one"));
    users.were_all_served();
}
