//! Runs that may not begin, or go on: the journal, the lock, other plans, approval.

use super::*;

#[test]
fn the_journal_fails() {
    let mut run = to_second_host();
    let message = "no space left on device".to_owned();
    run.tell(Progress::Stopping(StopReason::JournalFailed(
        message.clone(),
    )));
    skip_rest(&mut run, SkipReason::Stopping);
    check("journal_failed.txt", &run, &Outcome::JournalFailed(message));
}

#[test]
fn the_lock_is_lost() {
    let mut run = to_second_host();
    run.tell(Progress::Suspended);
    run.wait(30_000);
    run.tell(Progress::Stopping(StopReason::LockLost));
    check("lock_lost.txt", &run, &Outcome::LockLost);
}

#[test]
fn steps_of_another_plan_are_running() {
    let mut run = Run::new();
    run.tell(Progress::Phase(Phase::Locking));
    run.wait(200);
    run.tell(Progress::Phase(Phase::Settling));
    let stop = OtherStep {
        host: "app1".into(),
        plan: PlanDigest::from_digits(&"77aa".repeat(16)),
        step: Some("app1/web/app-web-1/stop".into()),
        summary: "Stop app-web-1".into(),
        user: "Ada".into(),
        since: Some(1_679_651_343),
    };
    let drain = OtherStep {
        summary: "Drain app-web-1 (up to 30 s)".into(),
        ..stop.clone()
    };
    let unknown = OtherStep {
        host: "app2".into(),
        step: None,
        summary: String::new(),
        user: String::new(),
        since: None,
        ..stop.clone()
    };
    run.wait(50);
    run.tell(Progress::OtherStep(drain, WhenSuperseded::End));
    for step in [&stop, &unknown] {
        run.tell(Progress::OtherStep(step.clone(), WhenSuperseded::WaitFor));
    }
    run.wait(300_000);
    let outcome = Outcome::StepsRunning(vec![stop, unknown]);
    check("steps_running.txt", &run, &outcome);
    let mut out = Vec::new();
    run.play(&mut Json::new(view(Verbosity::Normal), &mut out), &outcome);
    golden("steps_running.jsonl", &String::from_utf8(out).unwrap());
}

#[test]
fn a_plan_that_may_not_be_applied() {
    let run = Run::looking();
    let host = HostName::from("app1");
    let stale = Outcome::Stale {
        host: host.clone(),
        fact: "/containers/app-web-1/state".into(),
        then: "\"running\"".into(),
        now: "\"exited\"".into(),
    };
    check("stale.txt", &run, &stale);
    // A command that plans again by itself asks for nothing.
    let resume = Resume {
        planner: Planner::Command,
        ..Resume::from("plan.json")
    };
    let view = View::new(Arc::new(plan()), resume, Styling::Plain, Verbosity::Normal);
    let mut out = Vec::new();
    run.play(&mut Lines::new(view, &mut out), &stale);
    golden("planned_again.txt", &String::from_utf8(out).unwrap());
    let far = |attempts| {
        let digits = "5b".repeat(32);
        format!(r#"{{"plan":"sha256:{digits}","attempts":{attempts},"checksum":77}}"#)
    };
    let went_on = |now: String| Outcome::Stale {
        host: host.clone(),
        fact: "/serial/unfinished".into(),
        then: far(5),
        now,
    };
    check("went_on.txt", &run, &went_on(far(6)));
    check("went_on_to_its_end.txt", &run, &went_on("absent".into()));
    let superseded = Outcome::Superseded(host, Some(PlanDigest::from("sha256:77aa")));
    check("superseded.txt", &run, &superseded);
    check("already_applied.txt", &run, &Outcome::AlreadyApplied(None));
    let undone = LaterPlan {
        plan: PlanDigest::from("sha256:88bb"),
        operation: "undo".to_owned(),
        by: "Ann".to_owned(),
        at: 1_764_000_000,
    };
    let undone = Outcome::AlreadyApplied(Some(undone));
    check("already_applied_undone.txt", &run, &undone);
    let unreachable = Outcome::Unreachable(vec![(
        HostName::from("app2"),
        "connect to app2 port 22: connection refused".into(),
    )]);
    check("unreachable.txt", &run, &unreachable);
    let lock_host = Outcome::Unreachable(vec![("app1".into(), "timed out".into())]);
    check("unreachable_lock_host.txt", &run, &lock_host);
    let full = Outcome::HostFailed(vec![(HostName::from("app2"), FULL.into())]);
    check("host_failed.txt", &run, &full);
}

#[test]
fn a_lock_that_is_held() {
    let details = LockDetails {
        locked_by: "Ada at work".into(),
        at: "2023-03-24 09:49:03 UTC".into(),
        version: "77f45c".into(),
        message: "Automatic deploy lock".into(),
        run: Some("0123".into()),
        generation: 1,
        ..LockDetails::default()
    };
    let mut run = Run::new();
    run.tell(Progress::Phase(Phase::Locking));
    for _ in 0..3 {
        run.tell(Progress::LockWaiting(details.render()));
        run.wait(2_000);
    }
    let held = Outcome::LockHeld {
        details: details.clone(),
        beat_age: 3,
    };
    check("lock_held.txt", &run, &held);
    let open = OtherStep {
        host: HostName::from("app1"),
        plan: PlanDigest::from(format!("sha256:{}", "77aa".repeat(16))),
        step: Some("app1/release/2/run".into()),
        summary: "Run bin/rails db:migrate".into(),
        user: "Ada".into(),
        since: Some(1_679_651_343),
    };
    let left_open = Outcome::LeftOpen {
        details: details.clone(),
        beat_age: 75,
        open: vec![open.clone()],
    };
    let mut dead = Run::new();
    dead.tell(Progress::Phase(Phase::Locking));
    check("lock_left_open.txt", &dead, &left_open);
    let released = Outcome::LockReleased("Ann".into());
    check("lock_released.txt", &dead, &released);
    dead.tell(Progress::LockTakenOver(details, vec![open]));
    check("lock_taken_over.txt", &dead, &Outcome::LockLost);
    let foreign = Outcome::LockForeign(
        "Locked by: Bob at 2023-03-24 09:49:03 UTC\nVersion: 77f4\nMessage: \u{1b}[2Jmigrating\n"
            .into(),
    );
    let mut run = Run::new();
    run.tell(Progress::Phase(Phase::Locking));
    check("lock_foreign.txt", &run, &foreign);
    check("lock_queued.txt", &run, &Outcome::LockQueued(2));
}
