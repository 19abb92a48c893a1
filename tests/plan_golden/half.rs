//! What if a step ran half: of every plan, by the facts before and after it.

use mrsk::plan::effect::effect_on;
use mrsk::plan::resume::{Answer, answer};
use mrsk::plan::{Check, StepKind};

use crate::plan_support::{Scenario, scenarios};

/// Kinds whose check may hold before they run: what they wait for may be so already, and a container that was drained may have no
/// request to begin with.
const WAITS: [StepKind; 2] = [StepKind::Healthcheck, StepKind::Drain];

fn operations() -> Vec<Scenario> {
    let is_new = |scenario: &Scenario| {
        let name = scenario.operation.name();
        ["app", "accessory", "traefik", "rollback", "remove"]
            .iter()
            .any(|group| name.starts_with(group))
            || scenario.name == "release"
    };
    let scenarios = scenarios().into_iter().filter(is_new).collect::<Vec<_>>();
    assert!(scenarios.len() > 8);
    scenarios
}

/// A step that was cut off is found to have had its effect, or is begun again; never both, and never neither.
#[test]
fn a_check_says_no_before_its_step_and_yes_after_it() {
    for scenario in operations() {
        let plan = scenario.plan();
        for (host, facts) in &scenario.facts.hosts {
            let mut facts = serde_json::to_value(facts).expect("facts are JSON");
            let steps = plan
                .steps
                .iter()
                .filter(|step| step.host.as_ref() == Some(host));
            for step in steps {
                let Some(check @ Check::Facts(_)) = &step.check else {
                    continue;
                };
                let before = answer(Some(check), &facts);
                if !WAITS.contains(&step.kind) && !step.id.as_str().ends_with("/pull") {
                    assert_eq!(before, Answer::No, "{}: {}", scenario.name, step.id);
                }
                effect_on(step, &mut facts);
                let after = answer(Some(check), &facts);
                assert_eq!(after, Answer::Yes, "{}: {}", scenario.name, step.id);
            }
        }
    }
}

/// After the whole plan the same operation has nothing to do; those that promise to do something again do so.
#[test]
fn a_second_run_changes_nothing() {
    for mut scenario in operations() {
        let name = scenario.operation.name().to_owned();
        let again = [
            "app boot",
            "accessory reboot",
            "accessory restart",
            "traefik reboot",
        ];
        if again.contains(&name.as_str()) {
            continue;
        }
        let plan = scenario.plan();
        for (host, facts) in &mut scenario.facts.hosts {
            let mut value = serde_json::to_value(&*facts).expect("facts are JSON");
            let steps = plan
                .steps
                .iter()
                .filter(|step| step.host.as_ref() == Some(host));
            for step in steps {
                effect_on(step, &mut value);
            }
            *facts = serde_json::from_value(value).expect("facts are facts");
            // What the host says of what it runs, and a plan's checks do not.
            for container in facts.containers.values_mut() {
                container.healthy = container.state.is_up();
                if !container.state.is_up() && container.stopped_at == 0 {
                    container.stopped_at = scenario.facts.taken_at;
                }
            }
        }
        let second = scenario.plan();
        assert_eq!(
            second
                .steps
                .iter()
                .map(|step| step.id.as_str())
                .collect::<Vec<_>>(),
            [""; 0],
            "{name}"
        );
    }
}
