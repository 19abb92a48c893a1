//! Runs that are interrupted, lose a host, or leave a lock, on the lab: the same plan finishes what is left and repeats nothing.

use std::time::{Duration, Instant};

use crate::lab_project::Machine;
use crate::lab_support::planned::{Planned, SECRET};
use crate::lab_support::{Elsewhere, EndState, Runner, deeds};

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_lock_of_a_killed_run_is_taken_over_after_a_minute_and_not_before() {
    let planned = Planned::new("lab-takeover", &["172.30.0.11", "172.30.0.12"]);
    let canary = planned.plan.step("172.30.0.11", "healthcheck");
    let mut runner = Runner::apply(&planned.project, &planned.plan, &[]);
    runner.until("started", &canary);
    runner.kill();
    let killed = Instant::now();

    let elsewhere = Elsewhere::of(&planned.project, &[SECRET]);
    elsewhere
        .apply(&planned.plan, &[])
        .expect(4)
        .says(&["Lab Author"]);
    elsewhere
        .apply(&planned.plan, &["--lock-wait", "90"])
        .expect(0);
    let waited = killed.elapsed();
    eprintln!(
        "taken over and finished after {:.1} s",
        waited.as_secs_f32()
    );
    assert!(waited > Duration::from_secs(50), "{waited:?}");
    planned.all_serve("two");
    planned.nothing_was_done_twice();
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_host_that_dies_during_a_run_is_named_and_finished_when_it_is_back() {
    let planned = Planned::new("lab-lost", &["172.30.0.11", "172.30.0.12", "172.30.0.13"]);
    let lost = &planned.project.machines[1];
    let step = planned.plan.step(&lost.ip, "start");
    let mut runner = Runner::apply(&planned.project, &planned.plan, &["--keep-going"]);
    runner.until("ended", &step);
    let _power = PoweredAgain(lost);
    lost.power("kill");
    let said = runner.wait().expect(1);
    let rows: Vec<Vec<&str>> = ["local", "172.30.0.11", "172.30.0.12", "172.30.0.13"]
        .iter()
        .map(|host| row(&said.err, host))
        .collect();
    // Ran, already done, skipped, failed, in doubt; the lost host: pull, start and perhaps the health check ran.
    assert_eq!(rows[0], ["4", "-", "-", "-", "-"], "{}", said.err);
    assert_eq!(rows[1], ["6", "-", "-", "-", "-"], "{}", said.err);
    let ran: u32 = rows[2][0].parse().unwrap();
    assert!((2..=3).contains(&ran), "{}", said.err);
    let lost_steps = (6 - ran).to_string();
    assert_eq!(rows[2][1..], ["-", "-", &lost_steps, "-"], "{}", said.err);
    assert_eq!(rows[3], ["6", "-", "-", "-", "-"], "{}", said.err);
    said.says(&["unreachable: 172.30.0.12", "mrsk apply"]);
    for served in [0, 2] {
        assert_eq!(planned.project.machines[served].version(), "two");
        assert!(!planned.project.machines[served].is_locked());
    }

    let look = |at: usize| EndState::of(&planned.project.machines[at], planned.project.service);
    let untouched = [0, 2].map(look);
    lost.power("start");
    let since = lost.now();
    let said = Runner::apply(&planned.project, &planned.plan, &[])
        .wait()
        .expect(0);
    for host in ["172.30.0.11", "172.30.0.13"] {
        assert_eq!(row(&said.err, host)[..2], ["-", "6"], "{}", said.err);
    }
    let counts = row(&said.err, &lost.ip);
    let [ran, done] = [0, 1].map(|at| counts[at].parse::<u32>().unwrap());
    // A health check that nobody saw the end of is done where the container is healthy by now.
    assert!((3..=4).contains(&ran) && ran + done == 6, "{}", said.err);
    planned.all_serve("two");
    for (at, before) in [0, 2].into_iter().zip(untouched) {
        planned.nothing_was_done_twice_on(at);
        assert_eq!(look(at), before);
    }
    // The engine forgot its events with the power, and starts containers by itself when it is back.
    let mut done = deeds(lost, planned.project.service, &since);
    done.retain(|deed| !deed.starts_with("kill ") && !deed.starts_with("start "));
    done.sort();
    let rest = [
        format!("die {}", planned.old),
        format!("stop {}", planned.old),
    ];
    assert_eq!(done, rest);
}

/// Leaves the host running, also when the test fails.
struct PoweredAgain<'a>(&'a Machine);

impl Drop for PoweredAgain<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.power("start");
        }
    }
}

/// Returns what the table says of a host: ran, already done, skipped, failed, in doubt.
#[track_caller]
fn row<'a>(text: &'a str, host: &str) -> Vec<&'a str> {
    let rows = text.lines().map(|line| line.split_whitespace().collect());
    let is_count = |word: &&str| *word == "-" || word.parse::<u32>().is_ok();
    let found = rows
        .into_iter()
        .find(|words: &Vec<&str>| {
            words.first() == Some(&host) && words.len() > 6 && words[1..6].iter().all(is_count)
        })
        .unwrap_or_else(|| panic!("no row of {host}:\n{text}"));
    found[1..6].to_vec()
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_run_that_is_stopped_before_the_switch_switches_nothing_frees_the_lock_and_resumes() {
    let mut planned = Planned::new("lab-stopped", &["172.30.0.11", "172.30.0.12"]);
    for signal in ["INT", "HUP"] {
        let step = planned.plan.step("172.30.0.11", "healthcheck");
        let mut runner = Runner::apply(&planned.project, &planned.plan, &[]);
        runner.until("started", &step);
        runner.signal(signal);
        let said = runner.wait().expect(130);
        said.says(&["mrsk apply", "no host has switched"]);
        // A switch that went on by itself would be over by then.
        std::thread::sleep(Duration::from_secs(10));
        planned.all_serve("one");
        for machine in &planned.project.machines {
            let containers = machine.containers();
            let is_new = |name: &String| name.contains(&planned.new);
            assert!(!containers.iter().any(is_new), "{signal}: {containers:?}");
        }
        let begun = deeds(
            &planned.project.machines[1],
            planned.project.service,
            &planned.since[1],
        );
        assert_eq!(begun, Vec::<String>::new());
        Elsewhere::of(&planned.project, &[SECRET])
            .apply(&planned.plan, &[])
            .expect(0);
        planned.all_serve("two");
        planned.nothing_was_done_twice_on(1);
        planned.again();
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_run_that_is_stopped_in_a_switch_finishes_it_and_begins_no_other() {
    let planned = Planned::new("lab-stopped-late", &["172.30.0.11", "172.30.0.12"]);
    let healthy = planned.plan.step("172.30.0.11", "healthcheck");
    let mut runner = Runner::apply(&planned.project, &planned.plan, &[]);
    runner.until("ended", &healthy);
    runner.signal("TERM");
    runner.signal("INT");
    let said = runner.wait();
    // The route follows the health check at once, and may or may not have begun.
    let served = planned.project.machines[0].version();
    assert_eq!(said.code, 130, "{}", said.err);
    let way_back = match served.as_str() {
        "two" => "mrsk deploy --version",
        _ => "no host has switched",
    };
    said.says(&["mrsk apply", way_back]);
    assert_eq!(planned.project.machines[1].version(), "one");
    for machine in &planned.project.machines {
        assert!(!machine.is_locked());
    }
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(planned.project.machines[0].version(), served);
    assert_eq!(planned.project.machines[1].version(), "one");
    Elsewhere::of(&planned.project, &[SECRET])
        .apply(&planned.plan, &[])
        .expect(0);
    planned.all_serve("two");
    planned.nothing_was_done_twice_on(1);
}
