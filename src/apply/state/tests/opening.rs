//! From the lock to the first step.

use std::sync::Arc;

use super::super::*;
use super::bench::{Bench, acquired, attempt, details, receipt};
use super::plans::{plan, switch, two_switches};
use crate::docker::names::{LABEL_SERVICE, LABEL_STATE};

use crate::facts::model::{ContainerFacts, HostFacts};
use crate::facts::routed::RoutedFacts;
use crate::name::{HostName, PlanDigest, RunId, StepId};
use crate::plan::predicate::Predicate;
use crate::plan::{Plan, Reliance};
use crate::record::living::{About, Told};
use crate::record::{AttemptState, Ending, LockAnswer, Serial};

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
fn what_a_dead_run_left_open_is_told_and_nothing_is_waited_for() {
    let mut bench = Bench::with(plan(switch("a")), |options| options.lock_wait_seconds = 90);
    bench.state.handle(Millis(0), Event::Begin);
    let told = Told {
        about: About {
            kind: "release".into(),
            step: "a/release/2/run".into(),
            summary: "Migrate".into(),
            user: "Ada".into(),
        },
        started: 5,
        deadline: None,
    };
    bench.tell(Event::Lock(LockAnswer::Open {
        details: details(),
        beat_age: 70,
        open: vec![told],
    }));
    let Some(Outcome::LeftOpen {
        beat_age: 70, open, ..
    }) = &bench.outcome
    else {
        panic!("{:?}", bench.outcome)
    };
    assert_eq!(
        (open[0].host.as_str(), open[0].summary.as_str()),
        ("a", "Migrate")
    );
    assert_eq!((bench.code(), bench.released), (Some(4), 0));
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
    bench.facts = [
        ("a".into(), finished.clone()),
        ("b".into(), finished.clone()),
    ]
    .into();
    assert_eq!(bench.begin().outcome, Some(Outcome::AlreadyApplied(None)));

    // Its undo began on one host, and has changed a route there.
    let mut undone = finished.clone();
    undone.serial.plan = other.clone();
    undone.routed = [("deploy", None, 5), ("undo", other.clone(), 9)]
        .map(|(operation, plan, at)| RoutedFacts {
            plan,
            operation: operation.to_owned(),
            by: "Ann".to_owned(),
            at,
            ..RoutedFacts::default()
        })
        .into();
    let mut bench = Bench::new(relying());
    bench.facts = [("a".into(), finished), ("b".into(), undone)].into();
    let later = LaterPlan {
        plan: other.clone().unwrap(),
        operation: "undo".to_owned(),
        by: "Ann".to_owned(),
        at: 9,
    };
    let outcome = Some(Outcome::AlreadyApplied(Some(later)));
    assert_eq!(bench.begin().outcome, outcome);

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
    });
    assert_eq!(bench.begin().outcome, outcome);

    let bench = Bench::new(relying()).begin();
    let stale = Outcome::Stale {
        host: "b".into(),
        fact: "/files/x/sha256".into(),
        then: "\"1\"".into(),
        now: "absent".into(),
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
    for (keep_going, max_failures) in [(false, 0), (true, 0), (false, 1)] {
        let plan = Arc::new(Plan {
            max_failures,
            ..two_switches()
        });
        let options = Options {
            keep_going,
            ..Options::new(RunId::from("r"))
        };
        let mut bench = Bench::with(two_switches(), |_| {});
        bench.state = State::new(plan, options).unwrap();
        bench.state.handle(Millis(0), Event::Begin);
        bench.state.handle(Millis(0), acquired());
        bench.tell(Event::Unreachable("b".into(), "no route".into()));
        bench.tell(Event::Others("a".into(), Vec::new()));
        let expected = match (keep_going, max_failures) {
            (false, 0) => (Some(69), 0),
            _ => (Some(1), 4),
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
        bench.state.handle(Millis(0), acquired());
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
fn a_fence_that_another_plan_holds_is_superseded() {
    let mut state =
        State::new(Arc::new(plan(switch("a"))), Options::new(RunId::from("r"))).unwrap();
    state.handle(Millis(0), Event::Begin);
    state.handle(Millis(0), acquired());
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

/// Returns what a run does first that has looked at its hosts under the lock, if that is answered like this.
fn first_after(answers: &[LockAnswer]) -> Vec<Action> {
    let options = Options {
        lock_wait_seconds: 60,
        ..Options::new(RunId::from("r"))
    };
    let mut state = State::new(Arc::new(two_switches()), options).unwrap();
    let facts = ["a", "b"].map(|host| (HostName::from(host), HostFacts::default()));
    state.handle(Millis(0), Event::BeginLooked(facts.into()));
    let mut actions = Vec::new();
    for answer in answers {
        if let Some(at) = state.deadline() {
            state.handle(at, Event::Tick);
        }
        actions = state.handle(Millis(0), Event::Lock(answer.clone()));
    }
    actions.retain(|action| !matches!(action, Action::Report(_)));
    actions
}

#[test]
fn hosts_that_were_looked_at_under_the_lock_are_not_looked_at_again() {
    let own = || LockAnswer::Acquired {
        generation: 1,
        taken_from: None,
        open: Vec::new(),
    };
    let held = LockAnswer::Held {
        details: details(),
        beat_age: 1,
    };
    let dead = LockAnswer::Acquired {
        generation: 2,
        taken_from: Some(details()),
        open: Vec::new(),
    };
    let others = ["a", "b"].map(|host| Action::Others(host.into(), Vec::new()));
    assert_eq!(first_after(&[own()]), [Action::Beat]);
    // Whoever had the lock meanwhile may have changed them.
    assert_eq!(first_after(&[dead]), others);
    assert_eq!(first_after(&[held, own()]), others);
}

#[test]
fn a_plan_that_is_made_under_the_lock_is_applied_whole() {
    let mut bench = Bench::new(two_switches());
    let facts = ["a", "b"].map(|host| (HostName::from(host), HostFacts::default()));
    bench.tell(Event::BeginLooked(facts.into()));
    assert_eq!((bench.code(), bench.released), (Some(0), 1));
    let whole = Bench::new(two_switches()).begin();
    assert_eq!(bench.ran(), whole.ran());
}
