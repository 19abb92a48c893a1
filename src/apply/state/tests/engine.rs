use super::super::{Event, StepStatus};
use super::bench::{Bench, attempt};
use super::plans::{plan, switch};
use crate::facts::model::HostFacts;
use crate::plan::Check;
use crate::plan::predicate::Predicate;
use crate::record::AttemptState;

fn silent() -> HostFacts {
    let mut facts = HostFacts::default();
    facts.docker.installed = true;
    facts
}

fn pulled() -> HostFacts {
    let mut facts = silent();
    facts.docker.answers = true;
    facts.images.insert("app:2".into(), Default::default());
    facts
}

/// A plan whose pull left no receipt on a host whose engine does not answer yet.
fn bench() -> Bench {
    let mut steps = switch("a");
    let image = Predicate::contains(&["images"], "app:2");
    steps[0].check = Some(Check::Facts(vec![image]));
    let mut bench = Bench::new(plan(steps));
    bench.facts.insert("a".into(), silent());
    bench
}

fn lost() -> (crate::name::HostName, Vec<crate::record::Attempt>) {
    ("a".into(), vec![attempt("a/pull", AttemptState::Lost)])
}

#[test]
fn an_engine_that_starts_is_waited_for_before_a_step_is_in_doubt() {
    let mut bench = bench();
    bench.attempts = [lost()].into();
    let mut bench = bench.begin();
    bench.pass(20);
    assert_eq!(bench.outcome, None);
    bench.facts.insert("a".into(), pulled());
    bench.pass(3);
    assert_eq!(bench.status("a/pull"), StepStatus::AlreadyDone);
    assert_eq!(bench.code(), Some(0));
}

#[test]
fn an_engine_that_never_starts_is_waited_for_a_minute() {
    let mut bench = bench();
    bench.attempts = [lost()].into();
    let mut bench = bench.begin();
    bench.pass(50);
    assert_eq!(bench.outcome, None);
    bench.pass(20);
    assert_eq!(bench.status("a/pull"), StepStatus::InDoubt);
    assert_eq!(bench.code(), Some(6));
}

#[test]
fn of_a_step_that_is_lost_during_a_run_its_engine_is_waited_for_too() {
    let mut bench = bench().holds("a/pull").begin();
    bench.attempts = [lost()].into();
    bench.tell(Event::ChannelLost("a".into(), "broken pipe".into()));
    bench.tell(Event::Reconnected("a".into()));
    bench.pass(20);
    assert_eq!(bench.outcome, None);
    bench.facts.insert("a".into(), pulled());
    bench.pass(3);
    assert_eq!(bench.status("a/pull"), StepStatus::Succeeded);
    assert_eq!(bench.code(), Some(0));
}
