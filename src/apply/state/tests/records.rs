//! What is recorded for others than the run: ends of local steps, audit logs; and that nothing starts that the journal does not hold.

use super::bench::{Bench, attempt, receipt};
use super::plans::{plan, step, switch, two_switches};
use crate::apply::state::*;
use crate::facts::model::HostFacts;
use crate::name::StepId;
use crate::plan::{OnFailure, Plan, StepKind};
use crate::record::{Attempt, AttemptState, Ending};

/// A build, a push, the switch of host b, and a broadcast whose failure is tolerated. The lock host is a.
fn deploy() -> Plan {
    let mut steps = vec![
        step("local/build", &[]),
        step("local/push", &["local/build"]),
        step("a/pull", &["local/push"]),
    ];
    steps[0].retry = 1;
    steps[1].kind = StepKind::Push;
    let mut tell = step("local/tell", &["a/pull"]);
    tell.kind = StepKind::Broadcast;
    tell.check = None;
    tell.on_failure = OnFailure::Tolerate;
    steps.push(tell);
    plan(steps)
}

fn recorded(bench: &Bench) -> Vec<(&str, Option<Ending>)> {
    let recorded = bench.recorded.iter();
    recorded
        .map(|(step, ending)| (step.as_str(), *ending))
        .collect()
}

#[test]
fn every_end_of_a_local_step_is_recorded_on_the_lock_host() {
    let failed = Some(Ending::Failed { code: 1 });
    let succeeded = Some(Ending::Succeeded);
    let bench = Bench::new(deploy())
        .fails("local/build", 1)
        .fails("local/tell", 1)
        .begin();
    let expected = [
        ("local/build", failed),
        ("local/build", succeeded),
        ("local/push", succeeded),
        ("local/tell", None),
        ("local/tell", failed),
    ];
    assert_eq!(recorded(&bench), expected);
    assert_eq!(bench.code(), Some(0));
    assert_eq!(bench.finished, 1);
}

#[test]
fn a_lock_host_that_has_finished_the_plan_still_tells_of_what_is_recorded_there() {
    let mut tell = step("local/tell", &["b/pull"]);
    tell.kind = StepKind::Broadcast;
    tell.check = None;
    tell.on_failure = OnFailure::Tolerate;
    let plan = plan(vec![step("a/pull", &[]), step("b/pull", &[]), tell]);
    let digest = plan.digest.clone();
    let mut bench = Bench::new(plan);
    for (host, finished) in [("a", true), ("b", false)] {
        let mut facts = HostFacts::default();
        facts.serial.number = 1;
        facts.serial.plan = Some(digest.clone());
        facts.finished = finished.then(|| digest.clone()).into_iter().collect();
        bench.facts.insert(host.into(), facts);
    }
    let bench = bench.begin();
    let recorded = recorded(&bench);
    assert_eq!(
        recorded.last(),
        Some(&("local/tell", Some(Ending::Succeeded)))
    );
    assert_eq!((bench.code(), bench.finished), (Some(0), 2));
}

#[test]
fn completion_waits_until_the_ends_of_local_steps_are_recorded() {
    let mut steps = vec![step("a/pull", &[]), step("local/tell", &["a/pull"])];
    steps[1].on_failure = OnFailure::Tolerate;
    let mut bench = Bench::new(plan(steps))
        .fails("local/tell", 1)
        .records_late();
    bench.tell(Event::Begin);
    assert_eq!((bench.finished, bench.recorded.len()), (0, 1));
    let failed = Some(Ending::Failed { code: 1 });
    let other = Some(Ending::Succeeded);
    bench.tell(Event::Recorded("local/tell".into(), 1, other));
    assert_eq!(bench.finished, 0, "another answer");
    bench.tell(Event::Recorded("local/tell".into(), 1, failed));
    assert_eq!((bench.finished, bench.code()), (1, Some(0)));
}

#[test]
fn a_run_that_does_not_finish_its_plan_has_the_audit_logs_written() {
    let bench = Bench::new(two_switches()).fails("b/pull", 1).begin();
    assert_eq!(bench.code(), Some(1));
    assert_eq!(bench.audited, ["a".into(), "b".into()]);
    let done = Bench::new(two_switches()).begin();
    assert_eq!(done.audited, [], "with the plan's completion");
}

#[test]
fn the_audit_logs_of_others_are_written_when_the_lock_host_is_gone() {
    let mut bench = Bench::new(two_switches()).holds("a/pull").begin();
    let message = "gone".to_owned();
    bench.tell(Event::ChannelLost("a".into(), message.clone()));
    for _ in 0..20 {
        bench.pass(10);
        bench.tell(Event::Unreachable("a".into(), message.clone()));
    }
    assert!(bench.outcome.is_some());
    assert_eq!(bench.audited, ["b".into()]);
}

#[test]
fn what_changed_nothing_writes_no_audit_log() {
    let mut finished = crate::facts::model::HostFacts::default();
    finished.finished.insert("sha256:1".into());
    let mut bench = Bench::new(plan(switch("a")));
    bench.facts = [("a".into(), finished)].into();
    let bench = bench.begin();
    assert_eq!(bench.outcome, Some(Outcome::AlreadyApplied(None)));
    assert_eq!(bench.audited, []);
}

#[test]
fn what_the_journal_does_not_hold_does_not_start() {
    let mut bench = Bench::new(two_switches());
    bench.journal_fails = true;
    bench.tell(Event::Begin);
    let message = "disk full".to_owned();
    assert_eq!(bench.outcome, Some(Outcome::JournalFailed(message)));
    assert_eq!(bench.ran(), [""; 0]);
    let reason = SkipReason::Stopping;
    assert_eq!(bench.status("a/pull"), StepStatus::Skipped { reason });
    assert_eq!(bench.state.summary().steps[0].started, None);
    assert_eq!(bench.released, 1);
}

#[test]
fn a_local_step_that_the_journal_does_not_hold_is_not_reported_as_begun() {
    for (before, expected) in [
        (0, vec![]),
        // It was claimed, and did not run: it is not in doubt.
        (
            3,
            vec![("local/tell", None), ("local/tell", Some(Ending::Refused))],
        ),
    ] {
        let mut bench = Bench::new(deploy());
        if before == 0 {
            bench.journal_fails = true;
        } else {
            bench = bench.holds("a/pull");
        }
        bench.tell(Event::Begin);
        if before > 0 {
            bench.recorded.clear();
            bench.journal_takes = Some(1);
            bench.end("a/pull", Ending::Succeeded);
        }
        assert_eq!(bench.ran().len(), before);
        assert_eq!(bench.started.len(), before);
        assert_eq!(recorded(&bench), expected);
        assert!(matches!(bench.outcome, Some(Outcome::JournalFailed(_))));
    }
}

#[test]
fn of_a_session_that_broke_and_cannot_be_journaled_again_a_check_tells_the_next_run() {
    for (has_check, expected) in [(true, StepStatus::Lost), (false, StepStatus::InDoubt)] {
        let mut steps = switch("a");
        if !has_check {
            steps[0].check = None;
        }
        let mut bench = Bench::new(plan(steps)).holds("a/pull");
        bench.claims = false;
        bench.tell(Event::Begin);
        let message = "broken pipe".to_owned();
        bench.tell(Event::ChannelLost("a".into(), message));
        bench.journal_fails = true;
        bench.tell(Event::Reconnected("a".into()));
        assert_eq!(bench.ran(), ["a/pull"]);
        assert_eq!(bench.status("a/pull"), expected);
        assert!(matches!(bench.outcome, Some(Outcome::JournalFailed(_))));
    }
}

#[test]
fn a_tolerated_doubt_does_not_change_how_a_finished_plan_ends() {
    let lost = |number| Attempt {
        step: StepId::from("local/tell").hash(),
        number,
        state: AttemptState::Lost,
    };
    let mut bench = Bench::new(deploy());
    bench.attempts = [("a".into(), vec![lost(1)])].into();
    let bench = bench.begin();
    assert_eq!(bench.status("local/tell"), StepStatus::InDoubt);
    assert_eq!(bench.outcome, Some(Outcome::Done));
    assert_eq!(bench.finished, 1);
}

/// Its check says each time that it had no effect.
#[test]
fn a_step_whose_script_always_dies_is_begun_a_few_times_and_fails() {
    let mut bench = Bench::new(two_switches()).holds("b/start").begin();
    for number in 1..10 {
        let pulled = AttemptState::Ended(receipt(Ending::Succeeded, &bench.run));
        let mut died = attempt("b/start", AttemptState::Lost);
        died.number = number;
        let attempts = vec![attempt("b/pull", pulled), died];
        bench.attempts.insert("b".into(), attempts);
        bench.tell(Event::ChannelLost("b".into(), "broken pipe".into()));
        bench.tell(Event::Reconnected("b".into()));
    }
    let starts = bench.ran().iter().filter(|id| **id == "b/start").count();
    assert_eq!(starts, 4);
    let ending = Ending::Failed { code: 137 };
    assert_eq!(bench.status("b/start"), StepStatus::Failed { ending });
    assert!(
        bench.diagnoses[0].contains("died 4 times"),
        "{:?}",
        bench.diagnoses
    );
    assert_eq!(bench.code(), Some(1));
    assert_eq!(bench.status("a/stop"), StepStatus::Succeeded);
    assert!(bench.gone.is_empty(), "{:?}", bench.gone);
}
