//! An undo: the serials that it follows, and the steps that are not needed.

use serde_json::json;

use super::bench::{Bench, acquired};
use super::plans::two_switches;
use crate::apply::state::*;
use crate::facts::model::HostFacts;
use crate::name::PlanDigest;
use crate::plan::Plan;
use crate::plan::predicate::Predicate;

const FIRST: &str = "sha256:first";

/// An undo of a plan that saw serial 4 on both hosts.
fn undo() -> Plan {
    let mut plan = two_switches();
    let operation = json!({"name": "undo", "undoes": FIRST});
    plan.operation = serde_json::from_value(operation).unwrap();
    for host in plan.hosts.values_mut() {
        host.serial = 5;
    }
    plan
}

fn at(number: u64, plan: &str) -> HostFacts {
    let mut facts = HostFacts::default();
    facts.serial.number = number;
    facts.serial.plan = Some(PlanDigest::from(plan));
    facts
}

#[test]
fn an_undo_follows_its_plan_or_what_that_followed() {
    let ours = "sha256:1";
    for (a, b, fences) in [
        (at(5, FIRST), at(5, FIRST), Some([5, 5])),
        // It never began on host b.
        (at(5, FIRST), at(4, "sha256:before"), Some([5, 4])),
        (at(4, "sha256:before"), at(4, "sha256:before"), Some([4, 4])),
        // It is resumed.
        (at(6, ours), at(5, ours), Some([5, 4])),
        (at(6, ours), at(5, FIRST), Some([5, 5])),
        // Another plan began in place of it, after it, or long before.
        (at(5, FIRST), at(5, "sha256:other"), None),
        (at(5, FIRST), at(6, "sha256:other"), None),
        (at(5, FIRST), at(3, "sha256:other"), None),
        (at(6, FIRST), at(5, FIRST), None),
    ] {
        let shown = format!("{:?} {:?}", a.serial, b.serial);
        let mut bench = Bench::new(undo());
        bench.facts = [("a".into(), a), ("b".into(), b)].into();
        let bench = bench.begin();
        match fences {
            Some(fences) => assert_eq!(
                (bench.fences, bench.outcome),
                (fences.into(), Some(Outcome::Done)),
                "{shown}"
            ),
            None => {
                let is_superseded = matches!(bench.outcome, Some(Outcome::Superseded(..)));
                assert!(is_superseded && bench.fences.is_empty(), "{shown}");
            }
        }
    }
}

#[test]
fn what_is_not_needed_is_done_and_a_host_that_is_gone_is_left_out() {
    let mut plan = undo();
    for step in &mut plan.steps {
        step.unless = vec![Predicate::absent(&["files", "/new"])];
    }
    let mut bench = Bench::new(plan.clone());
    bench.facts = [("a".into(), at(5, FIRST)), ("b".into(), at(5, FIRST))].into();
    let mut begun = at(5, FIRST);
    begun.files.insert("/new".into(), Default::default());
    bench.facts.insert("b".into(), begun);
    let bench = bench.begin();
    assert_eq!(bench.outcome, Some(Outcome::Done));
    let ran = bench.ran();
    assert!(ran.iter().all(|step| step.starts_with("b/")), "{ran:?}");
    assert_eq!(ran.len(), 4);

    let mut bench = Bench::with(plan, |options| options.keep_going = true);
    bench.facts = [("a".into(), at(5, FIRST))].into();
    bench.state.handle(Millis(0), Event::Begin);
    bench.state.handle(Millis(0), acquired());
    bench.tell(Event::Unreachable("b".into(), "no route".into()));
    bench.tell(Event::Others("a".into(), Vec::new()));
    assert_eq!(bench.outcome, Some(Outcome::Failed(Vec::new())));
    assert!(bench.ran().is_empty());
}
