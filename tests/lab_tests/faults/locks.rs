//! Runs beside each other, and the lock between them.

use std::time::Duration;

use super::spoiled::Spoiled;
use super::trial::{HIT, HOSTS, Trial};
use crate::lab_project::Machine;
use crate::lab_support::planned::{SECRET, WITH_SECRET};
use crate::lab_support::{Elsewhere, PlanFile, Runner};

/// The lock is taken on the host that is no canary, so that the other one has something to do without it.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_lock_host_is_dead() {
    let mut trial = Trial::new("lab-fault-lock-host");
    let elsewhere = ["plan", "--lock-host", HOSTS[HIT]];
    trial.planned.plan = PlanFile::of(trial.project(), "elsewhere.json", &elsewhere);
    let users = trial.users();
    let run = trial.begin_until_boot(0, &[]);
    let lock_host = trial.machine(HIT);
    let power = Spoiled::until(|| lock_host.power("start"));
    lock_host.power("kill");
    let said = run.wait();
    said.expect(1);
    let refused = trial.apply(&[]);
    refused.expect(69).says(&[HOSTS[HIT], "(lock host)"]);
    let without = trial.apply(&["--keep-going", "--lock-host", HOSTS[0]]);
    without.expect(1).says(&["unreachable"]);
    assert_eq!(trial.machine(0).version(), "two");
    users.lost_only_on(HIT);
    power.heal();
    let users = trial.users();
    trial.apply(&["--lock-wait", "90"]).expect(0);
    users.lost_nothing();
    trial.is_finished();
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_same_plan_is_applied_twice_at_once() {
    let trial = Trial::new("lab-fault-twice");
    let users = trial.users();
    let runs = [trial.begin(&[]), trial.begin(&[])];
    let mut ended = runs.map(Runner::wait);
    ended.sort_by_key(|said| said.code);
    let codes = ended.each_ref().map(|said| said.code);
    assert_eq!(codes, [0, 4], "{}{}", ended[0].err, ended[1].err);
    ended[1].says(&[
        "locked: another run holds the deploy lock; this run changed nothing",
        "Lab Author",
    ]);
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}

/// The first one fails half-way, the second one is applied, and the first one is applied again.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn another_plan_is_applied_over_one_that_failed_half_way() {
    let trial = Trial::new("lab-fault-over");
    let users = trial.users();
    let registry = Spoiled::by(
        trial.machine(HIT),
        "iptables -I OUTPUT -d 172.30.0.2 -p tcp -j REJECT --reject-with tcp-reset",
        "iptables -F OUTPUT",
    );
    trial.apply(&["--keep-going"]).expect(1);
    let half = trial.project().each(Machine::version);
    assert_eq!(half, ["two", "one"]);
    registry.heal();
    let three = trial.planned.commit("three");
    trial.project().check_out(&three);
    let other = PlanFile::make(trial.project(), "other.json");
    trial.project().mrsk(&["apply", other.arg()]).expect(0);
    trial.project().check_out(&trial.planned.commits[1]);
    let superseded = trial.apply(&[]).expect(3);
    superseded.says(&[
        "superseded: another plan was started since this one was made; this run changed nothing",
        other.digest(),
    ]);
    users.lost_nothing();
    trial.planned.all_serve("three");
    trial.planned.only_runs(&trial.project().container(&three));
}

/// By hand, although it lives.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_lock_of_a_living_run_is_released() {
    let mut trial = Trial::new("lab-fault-released");
    trial.plan_slow_boot(12_000);
    let users = trial.users();
    let run = trial.begin_until_boot(0, &[]);
    let refused = trial.project().mrsk(&["lock", "release"]);
    assert_ne!(refused.code, 0, "{}", refused.out);
    refused.says(&["--force"]);
    let forced = ["lock", "release", "--force"];
    trial.project().mrsk(&forced).expect(0);
    let said = run.wait();
    said.expect(1)
        .says(&["Lab Author released the deploy lock"]);
    assert_eq!(trial.machine(HIT).version(), "one");
    trial.apply(&[]).expect(0);
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}

/// For longer than a lock may be silent, as by a laptop that sleeps. Somebody else finishes the plan meanwhile.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_run_stands_still() {
    let trial = Trial::new("lab-fault-stopped");
    let users = trial.users();
    let mut run = trial.begin_until_boot(0, &[]);
    run.signal("STOP");
    let elsewhere = Elsewhere::of(trial.project(), &[SECRET]);
    elsewhere
        .apply(&trial.planned.plan, &[])
        .expect(4)
        .says(&["another run holds the deploy lock"]);
    let taken = elsewhere.apply(&trial.planned.plan, &["--lock-wait", "90"]);
    taken.expect(0);
    std::thread::sleep(Duration::from_secs(5));
    run.signal("CONT");
    let said = run.wait();
    said.expect(1)
        .says(&["taken over: another run holds the deploy lock now; this run stopped"]);
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}

/// The winner is held by a container that boots slowly.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn of_twelve_plans_one_is_applied() {
    const OTHERS: usize = 11;
    let settings = "healthcheck:\n  max_attempts: 60\n";
    let mut trial = Trial::configured("lab-fault-twelve", &HOSTS, settings);
    trial.plan_slow_boot(20_000);
    let settings = format!("{WITH_SECRET}{settings}");
    let project = trial.project();
    let others: Vec<PlanFile> = (0..=OTHERS)
        .map(|number| {
            project.configure(&format!("{settings}labels:\n  plan: number-{number}\n"));
            let plan = [
                "plan",
                "--skip-push",
                "--version",
                &trial.planned.commits[0],
            ];
            PlanFile::of(project, &format!("{number}.json"), &plan)
        })
        .collect();
    project.configure(&settings);
    let users = trial.users();
    let run = trial.begin_until_boot(0, &[]);
    let before = trial.planned.end_states();
    std::thread::scope(|scope| {
        let waits =
            scope.spawn(|| project.mrsk(&["apply", others[OTHERS].arg(), "--lock-wait", "200"]));
        let beside: Vec<_> = others[..OTHERS]
            .iter()
            .map(|plan| scope.spawn(|| project.mrsk(&["apply", plan.arg()])))
            .collect();
        for said in beside {
            let said = said.join().unwrap().expect(4);
            said.says(&[
                "locked: another run holds the deploy lock; this run changed nothing",
                "Lab Author",
                trial.planned.plan.version(),
            ]);
        }
        assert_eq!(trial.planned.end_states(), before);
        run.wait().expect(0);
        let stale = waits.join().unwrap();
        stale
            .expect(3)
            .says(&["superseded", trial.planned.plan.digest()]);
    });
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}
