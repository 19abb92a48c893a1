//! The user stops a run.

use super::bench::{Bench, acquired, attempt, receipt};
use super::plans::{plan, step, switch, two_switches, whole_switch};
use crate::apply::state::*;
use crate::name::{HostName, StepId};
use crate::plan::{Plan, StepKind};
use crate::record::{AttemptState, Ending, Listing, LockDetails, StopRequest, WhenStopping};

const STOPPING: StepStatus = StepStatus::Skipped {
    reason: SkipReason::Stopping,
};

fn one_switch() -> Plan {
    plan(whole_switch("a"))
}

/// Ends steps of host `a` with success.
fn succeed(bench: &mut Bench, steps: &[&str]) {
    for step in steps {
        bench.end(&format!("a/{step}"), Ending::Succeeded);
    }
}

fn orderly() -> Option<Outcome> {
    Some(Outcome::Interrupted(Vec::new()))
}

#[test]
fn what_has_begun_comes_to_its_end_and_only_quitting_leaves_it() {
    let run = || {
        Bench::new(two_switches())
            .holds("a/start")
            .holds("b/pull")
            .begin()
    };
    let mut bench = run();
    bench.tell(Event::Interrupt);
    bench.tell(Event::Interrupt);
    assert_eq!(bench.outcome, None);
    assert_eq!(bench.halted, ["a", "b"].map(HostName::from));
    bench.end("b/pull", Ending::Succeeded);
    bench.end("a/start", Ending::Succeeded);
    bench.end("a/route", Ending::Refused);
    assert_eq!(bench.outcome, orderly());
    assert!(!bench.ran().contains(&"b/start"));
    assert_eq!(bench.released, 1);

    let mut bench = run();
    bench.tell(Event::Interrupt);
    bench.tell(Event::Quit);
    let in_doubt = ["a/start", "a/route", "a/stop", "b/pull"].map(StepId::from);
    let in_doubt = in_doubt.to_vec();
    assert_eq!(bench.outcome, Some(Outcome::Interrupted(in_doubt)));
    assert_eq!(bench.released, 0);
}

#[test]
fn a_host_is_told_what_becomes_of_each_step() {
    let mut jobs = whole_switch("b");
    jobs.retain(|step| !matches!(step.kind, StepKind::Route | StepKind::Drain));
    jobs.last_mut().unwrap().needs = vec![crate::plan::Need {
        step: "b/healthcheck".into(),
        on: crate::plan::NeedOn::Success,
    }];
    let mut traefik = vec![step("c/replace", &[]), step("c/remove", &["c/replace"])];
    for step in &mut traefik {
        step.kind = StepKind::Traefik;
    }
    traefik[1].safe_point = false;
    let mut steps = whole_switch("a");
    steps.extend(jobs);
    steps.extend(traefik);
    let mut state = Bench::new(plan(steps)).state;
    let mut told = Vec::new();
    let mut events = std::collections::VecDeque::from([Event::Begin]);
    let mut bench = Bench::new(one_switch());
    while let Some(event) = events.pop_front() {
        for action in state.handle(Millis(0), event) {
            if let Action::Start(_, steps) = &action {
                told.extend(steps.clone());
            }
            bench.answer(action, &mut events);
        }
    }
    let of = |id: &str| {
        let start = told.iter().find(|start| start.step.as_str() == id);
        start.map(|start| start.when_stopping)
    };
    for (id, what) in [
        ("a/pull", WhenStopping::End),
        ("a/start", WhenStopping::Refuse),
        ("a/healthcheck", WhenStopping::End),
        ("a/route", WhenStopping::Undo),
        ("a/drain", WhenStopping::Begin),
        ("a/stop", WhenStopping::Begin),
        ("b/healthcheck", WhenStopping::End),
        ("b/stop", WhenStopping::Begin),
        ("c/replace", WhenStopping::Refuse),
        ("c/remove", WhenStopping::Begin),
    ] {
        assert_eq!(of(id), Some(what), "{id}");
    }
}

#[test]
fn a_health_check_is_ended_and_nothing_behind_it_begins() {
    let mut bench = Bench::new(one_switch()).holds("a/healthcheck").begin();
    bench.holds_halts = true;
    bench.tell(Event::Interrupt);
    assert_eq!(bench.halted, [HostName::from("a")]);
    bench.end("a/healthcheck", Ending::Stopped);
    assert_eq!(bench.status("a/healthcheck"), StepStatus::Stopped);
    for step in ["a/route", "a/drain", "a/stop"] {
        assert_eq!(bench.status(step), STOPPING, "{step}");
    }
    assert_eq!((bench.outcome.clone(), bench.released), (None, 0));
    bench.tell(Event::Halted("a".into()));
    assert_eq!((bench.outcome, bench.released), (orderly(), 1));
}

#[test]
fn a_switch_whose_route_has_begun_is_finished() {
    for held in ["a/route", "a/drain"] {
        let mut steps = whole_switch("a");
        steps.push(step("b/other", &["a/stop"]));
        let mut bench = Bench::new(plan(steps)).holds(held).begin();
        bench.tell(Event::Interrupt);
        let left = match held {
            "a/route" => &["route", "drain", "stop"][..],
            _ => &["drain", "stop"],
        };
        succeed(&mut bench, left);
        assert_eq!(bench.status("a/stop"), StepStatus::Succeeded);
        assert_eq!(bench.status("b/other"), STOPPING);
        assert_eq!(bench.outcome, orderly());
    }
}

#[test]
fn a_switch_is_finished_also_after_its_session_broke() {
    let mut bench = Bench::new(one_switch()).holds("a/route").begin();
    let done = || AttemptState::Ended(receipt(Ending::Succeeded, &"r".into()));
    let attempts =
        ["pull", "start", "healthcheck", "route"].map(|name| attempt(&format!("a/{name}"), done()));
    bench.attempts.insert("a".into(), attempts.to_vec());
    bench.held.clear();
    bench.tell(Event::ChannelLost("a".into(), "broken pipe".into()));
    bench.tell(Event::Interrupt);
    bench.pass(1);
    bench.tell(Event::Reconnected("a".into()));
    assert_eq!(bench.batches.last().unwrap().len(), 2);
    assert_eq!(bench.outcome, Some(Outcome::Done));
}

#[test]
fn what_was_handed_over_before_the_session_broke_does_not_begin() {
    let mut bench = Bench::new(one_switch()).holds("a/start").begin();
    bench.holds_halts = true;
    bench.tell(Event::ChannelLost("a".into(), "broken pipe".into()));
    bench.tell(Event::Interrupt);
    bench.pass(1);
    bench.tell(Event::Reconnected("a".into()));
    assert_eq!(bench.halted, [HostName::from("a")]);
    assert_eq!(bench.listed, 0, "what it lists now may begin afterwards");
    let done = || AttemptState::Ended(receipt(Ending::Succeeded, &"r".into()));
    let attempts = ["pull", "start"].map(|name| attempt(&format!("a/{name}"), done()));
    bench.attempts.insert("a".into(), attempts.to_vec());
    let begun = bench.ran().len();
    bench.tell(Event::Halted("a".into()));
    assert_eq!(bench.listed, 1);
    assert_eq!(bench.status("a/start"), StepStatus::Succeeded);
    assert_eq!(bench.status("a/healthcheck"), STOPPING);
    assert_eq!(bench.ran().len(), begun);
    assert_eq!(bench.outcome, orderly());
}

#[test]
fn a_list_from_before_the_host_knew_is_asked_for_again() {
    let mut bench = Bench::new(one_switch()).holds("a/start").begin();
    bench.tell(Event::ChannelLost("a".into(), "broken pipe".into()));
    bench.pass(1);
    let asked = bench
        .state
        .handle(Millis(bench.now), Event::Reconnected("a".into()));
    assert!(asked.contains(&Action::List("a".into())));
    bench.holds_halts = true;
    bench.tell(Event::Interrupt);
    bench.tell(Event::Listed("a".into(), Listing::default()));
    assert!(
        !bench.batches[2..]
            .iter()
            .flatten()
            .any(|id| id.as_str() == "a/pull")
    );
    assert_eq!(bench.outcome, None);
    let ended = AttemptState::Ended(receipt(Ending::Succeeded, &"r".into()));
    let shown = vec![attempt("a/start", ended)];
    bench.attempts.insert("a".into(), shown);
    bench.tell(Event::Halted("a".into()));
    assert_eq!(bench.status("a/start"), StepStatus::Succeeded);
    assert_eq!(bench.outcome, orderly());
}

#[test]
fn a_refusal_of_a_host_that_was_told_to_stop_is_no_lost_lock() {
    let mut bench = Bench::new(one_switch()).holds("a/start").begin();
    bench.holds_halts = true;
    bench.tell(Event::Interrupt);
    bench.end("a/start", Ending::Refused);
    assert_eq!(bench.status("a/start"), STOPPING);
    bench.tell(Event::Halted("a".into()));
    assert_eq!(bench.outcome, orderly());

    let mut bench = Bench::new(one_switch()).holds("a/start").begin();
    bench.holds_halts = true;
    bench.tell(Event::Interrupt);
    bench.lock_lost = true;
    bench.tell(Event::Refused("a".into()));
    assert_eq!(bench.outcome, Some(Outcome::LockLost));
}

#[test]
fn a_drain_that_was_refused_to_an_earlier_run_is_begun_again() {
    let mut bench = Bench::new(one_switch());
    let done = |ending| AttemptState::Ended(receipt(ending, &"earlier".into()));
    let mut attempts = ["pull", "start", "healthcheck"]
        .map(|name| attempt(&format!("a/{name}"), done(Ending::Succeeded)))
        .to_vec();
    attempts.push(attempt("a/route", AttemptState::Running));
    attempts.push(attempt("a/drain", AttemptState::Running));
    bench.attempts.insert("a".into(), attempts);
    let mut bench = bench.begin();
    bench.tell(Event::Interrupt);
    let attached = |step: &str, ending| Event::Attached("a".into(), step.into(), 1, done(ending));
    bench.tell(attached("a/route", Ending::Succeeded));
    bench.tell(attached("a/drain", Ending::Refused));
    assert_eq!(bench.ran(), ["a/drain", "a/stop"]);
    assert_eq!(bench.outcome, Some(Outcome::Done));
}

#[test]
fn a_journal_that_fails_as_well_stops_the_switch_too() {
    for journal_first in [true, false] {
        let mut bench = Bench::new(one_switch()).holds("a/route").begin();
        if journal_first {
            bench.journal_breaks();
        }
        bench.tell(Event::Interrupt);
        if !journal_first {
            bench.journal_breaks();
        }
        bench.end("a/route", Ending::Failed { code: 1 });
        assert_eq!(
            bench.outcome,
            Some(Outcome::JournalFailed("disk full".into()))
        );
        assert_eq!(bench.halted, [HostName::from("a")]);
    }
}

#[test]
fn an_attempt_that_its_own_run_stopped_counts_as_failed_for_another() {
    let mut bench = Bench::new(one_switch()).holds("a/healthcheck").begin();
    bench.end("a/healthcheck", Ending::Stopped);
    let failed = StepStatus::Failed {
        ending: Ending::Stopped,
    };
    assert_eq!(bench.status("a/healthcheck"), failed);
    assert_eq!(bench.code(), Some(1));
}

#[test]
fn a_step_of_this_machine_is_ended_unless_no_check_could_tell_its_effect() {
    let mut steps = vec![step("local/build", &[]), step("local/tell", &[])];
    steps[1].check = None;
    steps.push(step("a/pull", &["local/build"]));
    let bench = Bench::new(plan(steps)).holds("local/build");
    let mut bench = bench.holds("local/tell").begin();
    let ended = |step: &str, ending: Ending| Event::LocalEnded {
        step: step.into(),
        attempt: 1,
        ending,
        value: None,
        diagnosis: String::new(),
    };
    bench.tell(Event::Interrupt);
    assert_eq!(bench.stopped, [StepId::from("local/build")]);
    bench.tell(ended("local/build", Ending::Stopped));
    assert_eq!(bench.outcome, None);
    bench.tell(ended("local/tell", Ending::Succeeded));
    assert_eq!(bench.status("local/build"), StepStatus::Stopped);
    assert_eq!(bench.status("local/tell"), StepStatus::Succeeded);
    assert_eq!(bench.status("a/pull"), STOPPING);
    assert_eq!((bench.outcome, bench.released), (orderly(), 1));
}

#[test]
fn a_hook_is_ended_if_it_may_run_again() {
    let mut steps = vec![step("local/pre", &[]), step("local/post", &[])];
    for (step, kind) in steps
        .iter_mut()
        .zip([StepKind::PreHook, StepKind::PostHook])
    {
        step.check = None;
        step.kind = kind;
    }
    let bench = Bench::new(plan(steps)).holds("local/pre");
    let mut bench = bench.holds("local/post").begin();
    bench.tell(Event::Interrupt);
    assert_eq!(bench.stopped, [StepId::from("local/pre")]);
    for (step, ending) in [
        ("local/pre", Ending::Stopped),
        ("local/post", Ending::Succeeded),
    ] {
        bench.tell(Event::LocalEnded {
            step: step.into(),
            attempt: 1,
            ending,
            value: None,
            diagnosis: String::new(),
        });
    }
    assert_eq!(bench.status("local/pre"), StepStatus::Stopped);
    assert_eq!(bench.status("local/post"), StepStatus::Succeeded);
}

#[test]
fn before_the_first_step_nothing_is_told_to_any_host() {
    let mut bench = Bench::new(plan(switch("a")));
    bench.state.handle(Millis(0), Event::Begin);
    bench.state.handle(Millis(0), acquired());
    bench.tell(Event::Interrupt);
    assert_eq!((&bench.outcome, bench.released), (&orderly(), 1));
    assert_eq!(bench.halted, []);
}

fn note() -> StopRequest {
    StopRequest {
        person: "Ann".into(),
        message: "rollback of 7f3a".into(),
    }
}

#[test]
fn a_note_in_the_lock_stops_the_run_as_its_user_would() {
    let mut bench = Bench::new(one_switch()).holds("a/healthcheck").begin();
    bench.note = Some(note());
    bench.now = 6_000;
    bench.tell(Event::Tick);
    assert_eq!(bench.halted, [HostName::from("a")]);
    bench.end("a/healthcheck", Ending::Stopped);
    for step in ["a/route", "a/drain", "a/stop"] {
        assert_eq!(bench.status(step), STOPPING, "{step}");
    }
    let outcome = Outcome::StopRequested(note(), Vec::new());
    assert_eq!(outcome.exit_code().code(), 130);
    assert_eq!((bench.outcome, bench.released), (Some(outcome), 1));

    // A switch whose route has begun is finished.
    let mut bench = Bench::new(one_switch()).holds("a/route").begin();
    bench.note = Some(note());
    bench.now = 6_000;
    bench.tell(Event::Tick);
    succeed(&mut bench, &["route", "drain", "stop"]);
    assert_eq!(bench.outcome, Some(Outcome::Done));
}

#[test]
fn a_note_that_is_there_before_the_first_step_lets_none_begin() {
    let mut bench = Bench::new(one_switch());
    bench.note = Some(note());
    let mut bench = bench.begin();
    bench.now = 6_000;
    bench.tell(Event::Tick);
    let outcome = Outcome::StopRequested(note(), Vec::new());
    assert_eq!((bench.outcome.clone(), bench.released), (Some(outcome), 1));
    assert!(bench.ran().is_empty());
}

#[test]
fn a_lock_that_was_a_persons_becomes_that_persons_again() {
    let person = LockDetails {
        message: "hold until Monday".into(),
        ..LockDetails::default()
    };
    let done = Bench {
        taken_from: Some(person.clone()),
        ..Bench::new(one_switch())
    }
    .begin();
    assert_eq!((done.left, done.released), (1, 0));
    assert_eq!(done.left_to.as_ref(), Some(&person));

    let mut early = Bench {
        taken_from: Some(person.clone()),
        note: Some(note()),
        ..Bench::new(one_switch())
    }
    .begin();
    early.now = 6_000;
    early.tell(Event::Tick);
    assert_eq!((early.left, early.released), (1, 0));

    // Who says so anew, with a message of one's own, has that one.
    let holds = |options: &mut Options| options.at_end = AtEnd::Hold;
    let again = Bench {
        taken_from: Some(person),
        ..Bench::with(one_switch(), holds)
    }
    .begin();
    assert_eq!((again.left, again.left_to), (1, None));
}

#[test]
fn the_lock_is_left_to_a_person_by_a_run_that_came_to_its_steps() {
    let holds = |options: &mut Options| options.at_end = AtEnd::Hold;
    let done = Bench::with(one_switch(), holds).begin();
    assert_eq!((done.left, done.released), (1, 0));
    assert_eq!(done.outcome, Some(Outcome::Done));

    let failed = Bench::with(one_switch(), holds).fails("a/start", 1).begin();
    assert_eq!((failed.left, failed.released), (1, 0));

    let mut early = Bench::with(one_switch(), holds);
    early.note = Some(note());
    let mut early = early.begin();
    early.now = 6_000;
    early.tell(Event::Tick);
    assert_eq!((early.left, early.released), (0, 1));
}
