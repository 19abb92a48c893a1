//! The plan of each scenario in `fixtures/plans`, whole and as it is shown. `MRSK_BLESS=1` rewrites what is expected.

mod plan_support;

use std::collections::BTreeSet;

use mrsk::plan::{Plan, Step, StepKind, wire};
use mrsk::show::{self, Colour, Look};
use plan_support::{ancestors, assert_golden, assert_rules, scenario, scenarios};

#[test]
fn every_scenario_gives_the_recorded_plan() {
    for scenario in scenarios() {
        let plan = scenario.plan();
        let text = wire::to_json(&plan).expect("a plan is JSON");
        assert_golden(&scenario.directory.join("plan.json"), &text);
        let look = Look {
            colour: Colour::Never,
            width: None,
        };
        let mut table = Vec::new();
        show::table(&plan, look, &mut table).expect("writing to memory succeeds");
        let table = String::from_utf8(table).expect("a table is text");
        assert_golden(&scenario.directory.join("show.txt"), &table);
    }
}

#[test]
fn every_plan_keeps_the_rules() {
    for scenario in scenarios() {
        assert_rules(&scenario.plan());
    }
}

#[test]
fn every_recorded_plan_can_be_applied() {
    for scenario in scenarios() {
        let path = scenario.directory.join("plan.json");
        let text = std::fs::read_to_string(&path).expect("the plan is recorded");
        let read = wire::read_strict(&text);
        assert!(read.is_ok(), "{}: {read:?}", scenario.name);
    }
}
