mod bench;
mod engine;
mod hostile;
mod interrupt;
mod links;
mod living;
mod opening;
mod plans;
mod records;
mod undo;
mod unfinished;

use std::sync::Arc;

use super::*;
use crate::facts::model::HostFacts;
use crate::name::{HostName, PlanDigest, RunId, StepId};
use crate::plan::predicate::Predicate;
use crate::plan::{OnFailure, Reliance, StepKind};
use crate::record::{AttemptState, Ending, PollAttempt};
use bench::{Bench, attempt, receipt};
use plans::{barrier, plan, step, switch, two_switches};

#[test]
fn a_chain_shares_a_session_up_to_the_next_safe_point() {
    let bench = Bench::new(two_switches()).begin();
    let batches: Vec<usize> = bench.batches.iter().map(Vec::len).collect();
    assert_eq!(batches, [1, 1, 3, 3]);
    assert_eq!(bench.outcome, Some(Outcome::Done));
    assert_eq!((bench.finished, bench.released), (2, 1));
}

#[test]
fn a_poll_attempt_is_reported_and_changes_nothing() {
    let mut bench = Bench::new(two_switches()).holds("a/start").begin();
    let before = format!("{:?}", bench.state);
    let mut poll = |step: &str| {
        let (attempt, of, status) = (3, 7, "503".to_owned());
        let poll = PollAttempt {
            attempt,
            of,
            status,
        };
        bench
            .state
            .handle(Millis(0), Event::PollAttempt("a".into(), step.into(), poll))
    };
    let [Action::Report(Progress::PollAttempt(step, seen))] = &poll("a/start")[..] else {
        panic!("not reported")
    };
    assert_eq!(step.as_str(), "a/start");
    assert_eq!((seen.attempt, seen.of, seen.status.as_str()), (3, 7, "503"));
    for late in ["a/pull", "a/route"] {
        assert_eq!(poll(late), [], "{late}");
    }
    assert_eq!(format!("{:?}", bench.state), before);
}

#[test]
fn a_failure_stops_other_hosts_at_their_safe_points() {
    let mut bench = Bench::new(two_switches())
        .fails("b/start", 1)
        .holds("a/start")
        .begin();
    assert_eq!(bench.outcome, None);
    bench.end("a/start", Ending::Succeeded);
    bench.end("a/route", Ending::Succeeded);
    bench.end("a/stop", Ending::Succeeded);
    let failed = vec![StepId::from("b/start")];
    assert_eq!(bench.outcome, Some(Outcome::Failed(failed)));
    let blocked = StepStatus::Skipped {
        reason: SkipReason::Blocked,
    };
    assert_eq!(bench.status("b/route"), blocked);

    let bench = Bench::new(two_switches()).fails("a/pull", 1).begin();
    let stopping = StepStatus::Skipped {
        reason: SkipReason::Stopping,
    };
    assert_eq!(bench.status("b/start"), stopping);
    assert_eq!(bench.status("b/pull"), StepStatus::Succeeded);
}

#[test]
fn keep_going_and_max_failures_bound_what_a_failure_stops() {
    let hosts = ["a", "b", "c", "d"];
    for (keep_going, max_failures, done) in [
        (false, None, 0),
        (true, None, 2),
        (true, Some(2), 0),
        (false, Some(3), 2),
    ] {
        let steps = hosts.iter().flat_map(|host| switch(host)).collect();
        let bench = Bench::with(plan(steps), |options| {
            options.keep_going = keep_going;
            options.max_failures = max_failures;
            options.parallel = 1;
        });
        let bench = bench.fails("a/pull", 1).fails("b/pull", 1).begin();
        let stopped = bench.ran().iter().filter(|id| id.ends_with("stop")).count();
        assert_eq!(stopped, done, "{keep_going} {max_failures:?}");
        assert_eq!(bench.code(), Some(1));
    }
}

#[test]
fn a_run_goes_on_past_as_many_failed_hosts_as_its_plan_says() {
    let hosts = ["a", "b", "c", "d"];
    for (of_plan, of_options, done) in [(1, None, 0), (2, None, 2), (2, Some(1), 0)] {
        let steps = hosts.iter().flat_map(|host| switch(host)).collect();
        let mut plan = plan(steps);
        plan.max_failures = of_plan;
        let bench = Bench::with(plan, |options| {
            options.max_failures = of_options;
            options.parallel = 1;
        });
        let bench = bench.fails("a/pull", 1).fails("b/pull", 1).begin();
        let stopped = bench.ran().iter().filter(|id| id.ends_with("stop")).count();
        assert_eq!(stopped, done, "{of_plan} {of_options:?}");
        assert_eq!(bench.code(), Some(1));
    }
}

#[test]
fn a_step_is_tried_again_as_often_as_it_says() {
    for (failures, code, tries) in [(1, 0, 2), (2, 0, 3), (3, 1, 3)] {
        let mut steps = switch("a");
        steps[0].retry = 2;
        let bench = Bench::new(plan(steps)).fails("a/pull", failures).begin();
        let pulls = bench.ran().iter().filter(|id| **id == "a/pull").count();
        assert_eq!((bench.code(), pulls), (Some(code), tries));
    }
}

#[test]
fn a_tolerated_failure_satisfies_only_what_wants_it_settled() {
    let mut steps = vec![
        step("a/drain", &[]),
        step("a/stop", &["~a/drain"]),
        step("a/other", &["a/drain"]),
    ];
    steps[0].on_failure = OnFailure::Tolerate;
    let bench = Bench::new(plan(steps)).fails("a/drain", 1).begin();
    assert_eq!(bench.status("a/stop"), StepStatus::Succeeded);
    assert_ne!(bench.status("a/other"), StepStatus::Succeeded);
}

#[test]
fn a_barrier_waits_and_lets_as_many_failures_pass_as_it_says() {
    let steps = |at_most_failed| {
        vec![
            step("a/x", &[]),
            step("b/x", &[]),
            barrier("local/some", &["a/x", "b/x"], at_most_failed, 7),
            step("c/x", &["local/some"]),
        ]
    };
    for (at_most_failed, reached) in [(0, false), (1, true)] {
        let going = |options: &mut Options| options.keep_going = true;
        let bench = Bench::with(plan(steps(at_most_failed)), going);
        let mut bench = bench.fails("b/x", 1).begin();
        bench.pass(6);
        assert!(!bench.ran().contains(&"c/x"));
        bench.pass(2);
        assert_eq!(bench.ran().contains(&"c/x"), reached);
        assert_eq!(bench.code(), Some(1));
    }
}

#[test]
fn a_journal_that_cannot_be_written_stops_new_steps() {
    let mut bench = Bench::new(two_switches()).holds("a/pull").begin();
    let ran = bench.ran().len();
    bench.journal_fails = true;
    bench.end("a/pull", Ending::Succeeded);
    let message = "disk full".to_owned();
    assert_eq!(bench.outcome, Some(Outcome::JournalFailed(message)));
    assert_eq!(bench.ran().len(), ran);
}

#[test]
fn a_receipt_that_says_refused_ends_the_run_if_the_lock_is_lost_too() {
    let mut bench = Bench::new(two_switches()).holds("a/pull").begin();
    bench.lock_lost = true;
    bench.end("a/pull", Ending::Refused);
    assert_eq!(bench.outcome, Some(Outcome::LockLost));

    let mut bench = Bench::new(two_switches());
    let refused = AttemptState::Ended(receipt(Ending::Refused, &RunId::from("other")));
    bench.attempts = [("a".into(), vec![attempt("a/pull", refused)])].into();
    assert_eq!(bench.begin().outcome, Some(Outcome::Done));
}

#[test]
fn a_lost_lock_ends_the_run_without_a_release() {
    let mut bench = Bench::new(two_switches()).holds("a/pull").begin();
    let mut state = bench.state.clone();
    state.handle(Millis(6_000), Event::Tick);
    let actions = state.handle(Millis(6_100), Event::Beaten { held: false });
    assert_eq!(actions.last(), Some(&Action::Exit(Outcome::LockLost)));
    assert!(!actions.contains(&Action::Release));
    let mut state = bench.state.clone();
    state.handle(Millis(6_000), Event::Tick);
    let actions = state.handle(Millis(6_100), Event::LockReleased("Ann".into()));
    let released = Outcome::LockReleased("Ann".into());
    assert_eq!(actions.last(), Some(&Action::Exit(released)));
    assert!(!actions.contains(&Action::Release));
    bench.pass(30);
    assert_eq!(bench.outcome, None);
}

#[test]
fn nothing_starts_while_the_lock_cannot_be_confirmed() {
    let mut bench = Bench::new(two_switches()).holds("a/pull").begin();
    let before = bench.ran().len();
    bench.state.handle(Millis(5_000), Event::Tick);
    bench.now = 50_000;
    bench.end("a/pull", Ending::Succeeded);
    assert_eq!(bench.ran().len(), before);
    bench.tell(Event::Beaten { held: true });
    assert_eq!(bench.outcome, Some(Outcome::Done));
}

#[test]
fn after_a_lost_channel_the_list_decides() {
    let lost = |bench: &mut Bench| {
        bench.tell(Event::ChannelLost("b".into(), "broken pipe".into()));
        bench.pass(1);
        let host = HostName::from("b");
        bench.tell(Event::Reconnected(host));
    };
    let run = || Bench::new(two_switches()).holds("b/start").begin();
    let set = |bench: &mut Bench, state: AttemptState| {
        bench.held.clear();
        let pulled = AttemptState::Ended(receipt(Ending::Succeeded, &bench.run));
        let attempts = vec![attempt("b/pull", pulled), attempt("b/start", state)];
        bench.attempts.insert("b".into(), attempts);
    };
    let mut bench = run();
    set(&mut bench, AttemptState::Running);
    lost(&mut bench);
    assert_eq!(bench.attached, [StepId::from("b/start")]);

    let mut bench = run();
    let ended = AttemptState::Ended(receipt(Ending::Succeeded, &bench.run));
    set(&mut bench, ended);
    lost(&mut bench);
    assert_eq!(bench.outcome, Some(Outcome::Done));

    let mut bench = run();
    set(&mut bench, AttemptState::Lost);
    lost(&mut bench);
    assert_eq!(bench.outcome, Some(Outcome::Done));
    let starts = bench.ran().iter().filter(|id| **id == "b/start").count();
    assert_eq!(starts, 2);

    // A power cut took the claim: what the step may have done is asked for, and it is not taken for one that never began.
    let mut bench = run();
    bench.held.clear();
    let pulled = AttemptState::Ended(receipt(Ending::Succeeded, &bench.run));
    let attempts = vec![attempt("b/pull", pulled)];
    bench.attempts.insert("b".into(), attempts);
    bench.restarted.insert("b".into());
    lost(&mut bench);
    assert_eq!(bench.outcome, Some(Outcome::Done));
}

#[test]
fn a_host_that_stays_away_is_given_up_and_the_others_finish_their_switch() {
    let mut bench = Bench::new(two_switches())
        .holds("b/start")
        .holds("a/start")
        .begin();
    let host = HostName::from("b");
    let message = "no route".to_owned();
    bench.tell(Event::ChannelLost(host.clone(), message.clone()));
    for _ in 0..20 {
        bench.pass(8);
        bench.tell(Event::Unreachable(host.clone(), message.clone()));
    }
    for step in ["a/start", "a/route", "a/stop"] {
        bench.end(step, Ending::Succeeded);
    }
    assert_eq!(bench.status("a/stop"), StepStatus::Succeeded);
    assert_eq!(bench.status("b/start"), StepStatus::Lost);
    assert_eq!(bench.code(), Some(1));
    assert_eq!(bench.released, 1);
}

#[test]
fn a_push_is_recorded_before_anything_builds_on_it() {
    let mut steps = vec![step("local/push", &[]), step("a/pull", &["local/push"])];
    steps[0].kind = StepKind::Push;
    let bench = Bench::new(plan(steps)).begin();
    let push = StepId::from("local/push");
    assert_eq!(bench.recorded, [(push, Some(Ending::Succeeded))]);
    assert_eq!(bench.outcome, Some(Outcome::Done));
}

#[test]
fn the_summary_counts_by_host() {
    let bench = Bench::new(two_switches()).fails("b/route", 1).begin();
    let summary = bench.state.summary();
    let line = |host: &str| {
        let found = summary
            .hosts
            .iter()
            .find(|line| line.host.as_ref().is_some_and(|name| name.as_str() == host));
        found.map(|line| (line.ran, line.skipped, line.failed, line.in_doubt))
    };
    assert_eq!(line("b"), Some((2, 1, 1, 0)));
    assert_eq!(line("a"), Some((4, 0, 0, 0)));
}

#[test]
fn a_hundred_thousand_steps_take_seconds_and_not_hours() {
    let mut steps = Vec::new();
    let mut ends = Vec::new();
    for host in 0..10_000 {
        let name = if host == 0 {
            "a".to_owned()
        } else {
            format!("h{host}")
        };
        steps.extend(switch(&name));
        ends.push(format!("{name}/stop"));
    }
    let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
    steps.push(barrier("local/all", &ends, 0, 0));
    for host in 1..10_000 {
        for part in 0..6 {
            steps.push(step(&format!("h{host}/after{part}"), &["local/all"]));
        }
    }
    let count = steps.len();
    let before = std::time::Instant::now();
    let plan = plan(steps);
    let bench = Bench::new(plan).begin();
    assert_eq!(bench.outcome, Some(Outcome::Done));
    assert_eq!(bench.ran().len(), count - 1);
    assert!(before.elapsed().as_secs() < 60);
}
