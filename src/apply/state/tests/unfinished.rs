//! A plan that was made while another one was half applied: it follows that one only as far as it saw it.

use serde_json::json;

use super::bench::{Bench, acquired};
use super::plans::two_switches;
use crate::apply::state::*;
use crate::facts::model::HostFacts;
use crate::name::PlanDigest;
use crate::plan::Plan;
use crate::record::living::{AttemptName, LivingAttempt, Stage};
use crate::record::{Listing, Unfinished};

const BEFORE: &str = "sha256:before";

fn far(attempts: u64, checksum: u64) -> Option<Unfinished> {
    Some(Unfinished {
        plan: PlanDigest::from(BEFORE),
        attempts,
        checksum,
    })
}

/// A plan that saw serial 4 on both hosts, and on host b a plan that was half applied.
fn following() -> Plan {
    let mut plan = two_switches();
    for host in plan.hosts.values_mut() {
        host.serial = 4;
    }
    plan.hosts.get_mut("b").unwrap().unfinished = far(5, 77);
    plan
}

fn at(number: u64, plan: &str, unfinished: Option<Unfinished>) -> HostFacts {
    let mut facts = HostFacts::default();
    facts.serial.number = number;
    facts.serial.plan = Some(PlanDigest::from(plan));
    facts.serial.unfinished = unfinished;
    facts
}

/// Returns a run of the plan on these hosts: on `a` the plan before has finished.
fn bench(plan: Plan, b: HostFacts) -> Bench {
    let mut bench = Bench::new(plan);
    bench.facts = [("a".into(), at(4, BEFORE, None)), ("b".into(), b)].into();
    bench
}

fn stale(now: Option<Unfinished>) -> Outcome {
    let json = |unfinished| serde_json::to_string(&unfinished).unwrap();
    Outcome::Stale {
        host: "b".into(),
        fact: "/serial/unfinished".into(),
        then: json(far(5, 77).unwrap()),
        now: now.map_or("absent".into(), json),
    }
}

#[test]
fn a_plan_follows_one_that_is_as_far_as_it_was() {
    let ours = "sha256:1";
    let other = Some(Unfinished {
        plan: PlanDigest::from("sha256:other"),
        ..far(5, 77).unwrap()
    });
    for (b, outcome) in [
        (at(4, BEFORE, far(5, 77)), Outcome::Done),
        (at(4, BEFORE, far(6, 77)), stale(far(6, 77))),
        (at(4, BEFORE, far(4, 77)), stale(far(4, 77))),
        (at(4, BEFORE, far(5, 78)), stale(far(5, 78))),
        (at(4, BEFORE, None), stale(None)),
        // The one that it saw has begun nothing after all, and this one has its place.
        (at(4, "sha256:other", other.clone()), stale(other)),
        // It is resumed itself, whatever it has done.
        (at(5, ours, far(1, 2)), Outcome::Done),
    ] {
        let shown = format!("{:?}", b.serial);
        let bench = bench(following(), b).begin();
        assert_eq!(bench.outcome.as_ref(), Some(&outcome), "{shown}");
        let is_done = outcome == Outcome::Done;
        assert_eq!(
            (bench.fences.len(), bench.released),
            (2 * usize::from(is_done), 1)
        );
        assert!(is_done || bench.code() == Some(3) && bench.ran().is_empty());
    }
    // A plan that saw none half applied does not care.
    let mut bench = bench(two_switches(), at(0, BEFORE, far(1, 2)));
    bench.facts.remove("a");
    assert_eq!(bench.begin().outcome, Some(Outcome::Done));
}

#[test]
fn an_undo_compares_only_where_its_plan_never_began() {
    let undo = || {
        let mut plan = following();
        let operation = json!({"name": "undo", "undoes": "sha256:first"});
        plan.operation = serde_json::from_value(operation).unwrap();
        for host in plan.hosts.values_mut() {
            host.serial = 5;
        }
        plan
    };
    for (b, outcome) in [
        (at(5, "sha256:first", far(1, 2)), Outcome::Done),
        (at(5, "sha256:first", None), Outcome::Done),
        (at(4, BEFORE, far(5, 77)), Outcome::Done),
        (at(4, BEFORE, far(5, 78)), stale(far(5, 78))),
    ] {
        let shown = format!("{:?}", b.serial);
        assert_eq!(bench(undo(), b).begin().outcome, Some(outcome), "{shown}");
    }
}

#[test]
fn a_fence_tells_that_the_plan_before_went_on() {
    let mut state = State::new(following().into(), Options::new("r".into())).unwrap();
    let mut handle = |event| state.handle(Millis(0), event);
    handle(Event::Begin);
    handle(acquired());
    for host in ["a", "b"] {
        handle(Event::Others(host.into(), Vec::new()));
    }
    for (host, unfinished) in [("a", None), ("b", far(5, 77))] {
        let facts = Box::new(at(4, BEFORE, unfinished));
        handle(Event::Inspected(host.into(), facts, Listing::default()));
    }
    let actions = handle(Event::Beaten { held: true });
    let seen = actions.iter().filter_map(|action| match action {
        Action::Fence { host, seen } => Some((host.as_str(), seen.serial, seen.unfinished.clone())),
        _ => None,
    });
    assert_eq!(Vec::from_iter(seen), [("a", 4, None), ("b", 4, far(5, 77))]);
    handle(Event::Fenced("a".into(), Listing::default(), Vec::new()));
    let actions = handle(Event::WentOn("b".into(), far(6, 1).unwrap()));
    assert!(actions.contains(&Action::Release));
    let actions = handle(Event::Released);
    assert_eq!(actions.last(), Some(&Action::Exit(stale(far(6, 1)))));
}

/// A step of the plan before was alive at the fence.
#[test]
fn what_ends_after_the_fence_is_compared_again() {
    let attempt = LivingAttempt {
        name: AttemptName {
            digits: "0f".repeat(32),
            step: "12".repeat(16),
            number: 1,
        },
        stage: Stage::Acts,
        told: None,
    };
    let mut bench = bench(following(), at(4, BEFORE, far(5, 77)));
    bench.after_fence = [("b".into(), vec![attempt.clone()])].into();
    bench.living = [("b".into(), vec![vec![], vec![attempt], vec![]])].into();
    let mut bench = bench.begin();
    assert_eq!(bench.outcome, None);
    let now = at(4, BEFORE, far(5, 78));
    bench.facts.insert("b".into(), now);
    bench.pass(10);
    assert_eq!(bench.outcome, Some(stale(far(5, 78))));
    assert!(bench.ran().is_empty());
}
