mod bench;
mod hostile;
mod interrupt;
mod links;
mod living;
mod plans;
mod records;
mod undo;

use std::sync::Arc;

use super::*;
use crate::docker::names::{LABEL_SERVICE, LABEL_STATE};
use crate::facts::model::{ContainerFacts, HostFacts};
use crate::name::{HostName, PlanDigest, RunId, StepId};
use crate::plan::predicate::Predicate;
use crate::plan::{OnFailure, Reliance, StepKind};
use crate::record::{AttemptState, Ending, LockAnswer, PollAttempt, Serial};
use bench::{Bench, attempt, details, receipt};
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
fn a_held_lock_is_waited_for_as_long_as_asked() {
    let held = || {
        Event::Lock(LockAnswer::Held {
            details: details(),
            beat_age: 1,
        })
    };
    for (wait, retries) in [(0, 0), (5, 3)] {
        let plan = Arc::new(plan(switch("a")));
        let options = Options {
            lock_wait_seconds: wait,
            ..Options::new(RunId::from("r"))
        };
        let mut state = State::new(plan, options).unwrap();
        state.handle(Millis(0), Event::Begin);
        let mut actions = state.handle(Millis(0), held());
        let mut asked = 0;
        while let Some(at) = state.deadline() {
            asked += 1;
            assert!(state.handle(at, Event::Tick).contains(&Action::TakeLock));
            actions = state.handle(at, held());
        }
        assert_eq!(asked, retries);
        let refused = Outcome::LockHeld {
            details: details(),
            beat_age: 1,
        };
        assert_eq!(refused.exit_code().code(), 4);
        assert_eq!(actions.last(), Some(&Action::Exit(refused)));
        assert!(!actions.contains(&Action::Release));
    }
}

#[test]
fn what_the_hosts_show_decides_before_anything_changes() {
    let other = Some(PlanDigest::from("sha256:other"));
    let relying = || {
        let mut plan = two_switches();
        let predicate = Predicate::eq(&["files", "x", "sha256"], "1");
        let reliance = Reliance::new(predicate, vec![StepId::from("b/pull")]);
        let host = plan.hosts.get_mut("b").unwrap();
        host.relies_on.push(reliance);
        plan
    };
    let mut finished = HostFacts::default();
    finished.finished.insert(PlanDigest::from("sha256:1"));
    let mut bench = Bench::new(relying());
    bench.facts = [("a".into(), finished.clone()), ("b".into(), finished)].into();
    assert_eq!(bench.begin().outcome, Some(Outcome::AlreadyApplied));

    let mut superseded = HostFacts::default();
    superseded.serial.number = 1;
    superseded.serial.plan = other.clone();
    let mut bench = Bench::new(relying());
    bench.facts = [("b".into(), superseded)].into();
    let bench = bench.begin();
    let host = HostName::from("b");
    assert_eq!(bench.outcome, Some(Outcome::Superseded(host, other)));

    let mut plan = two_switches();
    plan.hosts.get_mut("b").unwrap().state_dir = Some("/home/app/.mrsk".into());
    let labels = [
        (LABEL_STATE, "/var/lib/mrsk"),
        (LABEL_SERVICE, &plan.service),
    ];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut by_root = HostFacts::default();
    let container = ContainerFacts {
        labels: labels.into(),
        ..ContainerFacts::default()
    };
    by_root.containers.insert("app-web-9".into(), container);
    let mut bench = Bench::new(plan);
    bench.facts = [("b".into(), by_root)].into();
    let outcome = Some(Outcome::Stale {
        host: "b".into(),
        fact: "/containers/app-web-9/labels/mrsk.state".into(),
        then: r#"absent or "/home/app/.mrsk""#.into(),
        now: r#""/var/lib/mrsk""#.into(),
        serial_moved: false,
    });
    assert_eq!(bench.begin().outcome, outcome);

    let bench = Bench::new(relying()).begin();
    let stale = Outcome::Stale {
        host: "b".into(),
        fact: "/files/x/sha256".into(),
        then: "\"1\"".into(),
        now: "absent".into(),
        serial_moved: false,
    };
    assert_eq!(bench.outcome, Some(stale));
    assert_eq!((bench.ran().len(), bench.released), (0, 1));

    let mut bench = Bench::new(relying());
    let done = AttemptState::Ended(receipt(Ending::Succeeded, &bench.run));
    bench.attempts = [("b".into(), vec![attempt("b/pull", done)])].into();
    assert_eq!(bench.begin().outcome, Some(Outcome::Done));
}

#[test]
fn hosts_out_of_reach_are_reported_together_or_left_out() {
    for keep_going in [false, true] {
        let plan = Arc::new(two_switches());
        let options = Options {
            keep_going,
            ..Options::new(RunId::from("r"))
        };
        let mut bench = Bench::with(two_switches(), |_| {});
        bench.state = State::new(plan, options).unwrap();
        bench.state.handle(Millis(0), Event::Begin);
        let lock = LockAnswer::Acquired {
            generation: 1,
            taken_from: None,
        };
        bench.state.handle(Millis(0), Event::Lock(lock));
        bench.tell(Event::Unreachable("b".into(), "no route".into()));
        bench.tell(Event::Others("a".into(), Vec::new()));
        let expected = if keep_going {
            (Some(1), 4)
        } else {
            (Some(69), 0)
        };
        assert_eq!((bench.code(), bench.ran().len()), expected);
        assert_eq!(bench.released, 1);
    }
}

#[test]
fn a_host_that_answers_with_an_error_is_not_unreachable_and_keeps_no_lock() {
    let full = || "cannot write x: No space left on device".to_owned();
    for failed in ["a", "b"] {
        let mut bench = Bench::new(two_switches());
        bench.state.handle(Millis(0), Event::Begin);
        let lock = LockAnswer::Acquired {
            generation: 1,
            taken_from: None,
        };
        bench.state.handle(Millis(0), Event::Lock(lock));
        bench.tell(Event::HostFailed(failed.into(), full()));
        let other = if failed == "a" { "b" } else { "a" };
        bench.tell(Event::Others(other.into(), Vec::new()));
        bench.tell(Event::Reconnected(failed.into()));
        let outcome = Outcome::HostFailed(vec![(failed.into(), full())]);
        assert_eq!((bench.code(), bench.released), (Some(1), 1), "{failed}");
        assert_eq!(bench.outcome, Some(outcome));
    }
    let mut bench = Bench::new(plan(switch("a"))).holds("a/start").begin();
    bench.tell(Event::HostFailed("a".into(), full()));
    assert_eq!(
        (bench.status("a/start"), bench.released),
        (StepStatus::Lost, 0)
    );
    bench.tell(Event::Reconnected("a".into()));
    assert_eq!((bench.code(), bench.released), (Some(1), 1));
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
fn a_fence_that_another_plan_holds_is_superseded() {
    let mut state =
        State::new(Arc::new(plan(switch("a"))), Options::new(RunId::from("r"))).unwrap();
    state.handle(Millis(0), Event::Begin);
    let lock = LockAnswer::Acquired {
        generation: 1,
        taken_from: None,
    };
    state.handle(Millis(0), Event::Lock(lock));
    state.handle(Millis(0), Event::Others("a".into(), Vec::new()));
    state.handle(
        Millis(0),
        Event::Inspected(
            "a".into(),
            Box::default(),
            crate::record::Listing::default(),
        ),
    );
    state.handle(Millis(0), Event::Beaten { held: true });
    let serial = Serial {
        number: 2,
        plan: Some(PlanDigest::from("sha256:other")),
    };
    let host = HostName::from("a");
    let actions = state.handle(Millis(0), Event::FenceRefused(host, serial));
    assert!(actions.contains(&Action::Release));
    let actions = state.handle(Millis(0), Event::Released);
    assert!(matches!(
        actions.last(),
        Some(Action::Exit(Outcome::Superseded { .. }))
    ));
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
