//! Runs that are killed at every step, on the lab: the same plan, applied from another clone, finishes what is left and repeats nothing.

use std::time::{Duration, Instant};

use crate::lab_project::{Users, sample};
use crate::lab_support::planned::{Planned, SECRET};
use crate::lab_support::{Elsewhere, Runner, age_lock};

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_killed_run_is_finished_from_another_clone_with_nothing_done_twice() {
    let mut planned = Planned::new("lab-killed", &["172.30.0.19", "172.30.0.20"]);
    Runner::apply(&planned.project, &planned.plan, &[])
        .wait()
        .expect(0);
    planned.nothing_was_done_twice();
    let undisturbed = planned.end_states();

    let (canary, other) = ("172.30.0.19", "172.30.0.20");
    // What a batch of steps starts, the journal says at once; an end it says when it came.
    let points = [
        ("started", "", "build", 100),
        ("started", "", "push", 20),
        ("started", canary, "pull", 50),
        ("started", canary, "start", 200),
        ("ended", canary, "start", 200),
        ("ended", canary, "healthcheck", 30),
        ("ended", canary, "route", 0),
        ("ended", canary, "drain", 100),
        ("ended", other, "start", 0),
        ("ended", other, "drain", 0),
    ];
    for (entry, host, kind, delay) in sample(&points, 6) {
        let begun = Instant::now();
        planned.again();
        let step = planned.plan.step(host, kind);
        let users = Users::of(&planned.project.machines);
        let mut runner = Runner::apply(&planned.project, &planned.plan, &[]);
        runner.until(entry, &step);
        std::thread::sleep(Duration::from_millis(delay));
        runner.kill();
        age_lock(&planned.project.machines[0]);

        let elsewhere = Elsewhere::of(&planned.project, &[SECRET]);
        let said = elsewhere.apply(&planned.plan, &[]);
        let place = format!("killed {delay} ms after {entry} {step}");
        eprintln!("{place}: {:.1} s", begun.elapsed().as_secs_f32());
        assert_eq!(said.code, 0, "{place}\n{}", said.err);
        users.were_all_served();
        planned.all_serve("two");
        assert_eq!(planned.end_states(), undisturbed, "{place}");
        planned.nothing_was_done_twice();
    }
}
