//! Steps that outlive their run, on the lab, while another plan is applied.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::lab_project::{Machine, Project, Users, eventually};
use crate::lab_support::planned::{Planned, SECRET};
use crate::lab_support::{Elsewhere, PlanFile, Runner, age_lock};

const HOST: &str = "172.30.0.12";
const SIBLINGS: &str = "172.30.0.19";
const BESIDE: [&str; 2] = ["172.30.0.12", "172.30.0.13"];

/// A request that is in flight as long as this lives, for 100 s at most.
fn hold_request(machine: &Machine) -> TcpStream {
    let mut stream = TcpStream::connect((machine.ip.as_str(), 80)).unwrap();
    write!(
        stream,
        "GET /sleep/100000 HTTP/1.1\r\nHost: {}\r\n\r\n",
        machine.ip
    )
    .unwrap();
    stream
}

fn routing_files(project: &Project) -> Vec<String> {
    project.each(Machine::routing_files)
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_drain_whose_run_is_gone_is_ended_by_the_next_plan_and_undoes_nothing() {
    let project = Project::new("lab-living", &[HOST]);
    project.configure("drain_timeout: 20\n");
    project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    let users = Users::of(&project.machines);

    project.commit("APP_VERSION=two\n");
    let plan = PlanFile::make(&project, "two.json");
    let held = hold_request(&project.machines[0]);
    // The drain follows the route at once.
    let route = plan.step(HOST, "route");
    let mut runner = Runner::apply(&project, &plan, &[]);
    runner.until("ended", &route);
    std::thread::sleep(Duration::from_millis(300));
    runner.kill();
    let killed = Instant::now();
    age_lock(&project.machines[0]);

    project.commit("APP_VERSION=three\n");
    // What is planned now has seen the drain alive.
    let next = PlanFile::make(&project, "three.json");
    let said = project.mrsk(&["apply", next.arg()]).expect(3);
    said.says(&[
        "ending a running step of another plan",
        plan.digest()[7..19].as_ref(),
        "made progress on",
    ]);
    project.mrsk(&["deploy"]).expect(0);
    let switched = routing_files(&project);
    assert_eq!(project.each(Machine::version), ["three"]);

    // The drain that was ended would have seen its new container fall, or would have been over, by now.
    let over = Duration::from_secs(30);
    std::thread::sleep(over.saturating_sub(killed.elapsed()));
    assert_eq!(routing_files(&project), switched);
    assert_eq!(project.each(Machine::version), ["three"]);
    users.were_all_served();
    drop(held);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_plan_that_began_no_step_on_its_hosts_supersedes_none_that_is_half_applied() {
    let planned = Planned::new("lab-sibling", &[SIBLINGS]);
    let project = &planned.project;
    let kill = |plan: &PlanFile, (host, kind): (&str, &str)| {
        let mut runner = Runner::apply(project, plan, &[]);
        runner.until("started", &plan.step(host, kind));
        runner.kill();
        age_lock(&project.machines[0]);
    };
    kill(&planned.plan, (SIBLINGS, "healthcheck"));

    // What goes on without its run would make the next plan stale.
    let has_ended = "cd /var/lib/mrsk/lab-sibling@/runs && for claim in */*/*/claim; do [ -e ${claim%claim}receipt ] || exit 1; done";
    eventually(60, || project.machines[0].try_sh(has_ended).code == 0);

    // Its fence is written, and it builds.
    let three = project.commit("APP_VERSION=three\n");
    let next = PlanFile::make(project, "three.json");
    kill(&next, ("", "build"));
    let fence = project.machines[0].sh("cat /var/lib/mrsk/lab-sibling@/fence");
    let entered = project.machines[0].serial(project.service);
    assert!(entered.contains(&next.digest()[7..]), "{entered}, {fence}");

    project.check_out(&planned.commits[1]);
    Elsewhere::of(project, &[SECRET])
        .apply(&planned.plan, &[])
        .expect(0);
    planned.all_serve("two");
    planned.nothing_was_done_twice();
    project.check_out(&three);
    project
        .mrsk(&["apply", next.arg()])
        .expect(3)
        .says(&["stale: plan ", " made progress on "]);
}

/// A project of two hosts whose plan of version `two` was cut off when the first one served it, and the plan of version `three` that was made
/// then.
fn made_beside(service: &'static str) -> (Planned, PlanFile) {
    let planned = Planned::new(service, &BESIDE);
    let project = &planned.project;
    let mut runner = Runner::apply(project, &planned.plan, &[]);
    runner.until("ended", &planned.plan.step(BESIDE[0], "route"));
    runner.kill();
    age_lock(&project.machines[0]);
    // What was handed over comes to its end.
    let receipts = "ls /var/lib/mrsk/*@/runs/*/*/*/receipt | wc -l";
    let claims = "ls /var/lib/mrsk/*@/runs/*/*/*/claim | wc -l";
    let first = &project.machines[0];
    let is_stopped = || {
        !first
            .sh("docker ps --format '{{.Names}}'")
            .contains(&planned.old)
    };
    eventually(60, || {
        is_stopped() && first.sh(receipts) == first.sh(claims)
    });
    assert_eq!(project.each(Machine::version), ["two", "one"]);
    project.commit("APP_BOOT_MS=700\nAPP_VERSION=three\n");
    let next = PlanFile::make(project, "three.json");
    for host in next.plan["hosts"].as_object().unwrap().values() {
        assert_eq!(host["unfinished"]["plan"], planned.plan.digest());
    }
    (planned, next)
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_plan_made_beside_one_that_is_half_applied_is_stale_once_that_made_progress() {
    let (planned, next) = made_beside("lab-beside");
    let project = &planned.project;
    project.check_out(&planned.commits[1]);
    Elsewhere::of(project, &[SECRET])
        .apply(&planned.plan, &[])
        .expect(0);
    planned.all_serve("two");
    planned.nothing_was_done_twice();

    project.check_out("-");
    let before = planned.end_states();
    let said = project.mrsk(&["apply", next.arg()]).expect(3);
    said.says(&["stale", "made progress on", &planned.plan.digest()[7..19]]);
    assert_eq!(planned.end_states(), before);
    planned.all_serve("two");
    let again = PlanFile::make(project, "again.json");
    project.mrsk(&["apply", again.arg()]).expect(0);
    planned.all_serve("three");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_plan_made_beside_one_that_is_half_applied_follows_it() {
    let (planned, next) = made_beside("lab-follows");
    planned.project.mrsk(&["apply", next.arg()]).expect(0);
    planned.all_serve("three");
    let project = &planned.project;
    project.check_out(&planned.commits[1]);
    let said = project.mrsk(&["apply", planned.plan.arg()]).expect(3);
    said.says(&["superseded", next.digest()]);
    planned.all_serve("three");
}
