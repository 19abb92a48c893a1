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

/// Returns what `plan` does on `host`, as kinds and roles in the order of the plan.
fn on<'a>(plan: &'a Plan, host: &str) -> Vec<(StepKind, &'a str)> {
    plan.steps
        .iter()
        .filter(|step| step.host.as_ref().is_some_and(|name| name.as_str() == host))
        .map(|step| {
            (
                step.kind,
                step.role.as_ref().map_or("", |role| role.as_str()),
            )
        })
        .collect()
}

fn find<'a>(plan: &'a Plan, host: &str, kind: StepKind) -> &'a Step {
    plan.steps
        .iter()
        .find(|step| {
            step.kind == kind && step.host.as_ref().is_some_and(|name| name.as_str() == host)
        })
        .unwrap_or_else(|| panic!("{host} has no {kind:?}"))
}

#[test]
fn what_runs_needs_no_step() {
    for name in ["nothing-to-do", "nothing-to-do-from-recorded-facts"] {
        let plan = scenario(name).plan();
        assert!(plan.steps.is_empty(), "{name}");
        assert!(plan.hosts.values().all(|host| host.relies_on.is_empty()));
    }
    let recorded = scenario("nothing-to-do-from-recorded-facts").plan();
    let web = recorded.unchanged.iter().find(|item| item.subject == "web");
    let reason = &web.expect("web was looked at").reason;
    assert!(reason.contains("was not asked"), "{reason}");
}

#[test]
fn nothing_starts_before_the_canary_serves() {
    let starts = [StepKind::Start, StepKind::Rename];
    for scenario in scenarios() {
        let plan = scenario.plan();
        let Some(canary) = plan.steps.iter().find(|step| starts.contains(&step.kind)) else {
            continue;
        };
        let proof = if canary
            .role
            .as_ref()
            .is_some_and(|role| role.as_str() == "web")
        {
            StepKind::Route
        } else {
            StepKind::Healthcheck
        };
        let first = plan.steps.iter().find(|step| step.kind == proof);
        let live = &first.expect("the canary is proven").id;
        let later = plan
            .steps
            .iter()
            .filter(|step| starts.contains(&step.kind))
            .filter(|step| (&step.host, &step.role) != (&canary.host, &canary.role));
        for step in later {
            let name = &scenario.name;
            assert!(ancestors(&plan, step).contains(live), "{name}: {}", step.id);
        }
    }
}

#[test]
fn a_switch_goes_from_start_to_stop_and_prunes_last() {
    use StepKind::{Drain, Healthcheck, Prune, Pull, RegistryLogin, Rename, Route, Start, Stop};
    let login = (RegistryLogin, "");
    let switch = [Start, Healthcheck, Route, Drain, Stop].map(|kind| (kind, "web"));
    let plan = scenario("prune").plan();
    let mut expected = vec![login, (Pull, "")];
    expected.extend(switch);
    expected.push((Prune, ""));
    assert_eq!(on(&plan, "app1.example.com"), expected);
    let prune = find(&plan, "app1.example.com", Prune);
    let done = ancestors(&plan, prune);
    for kind in [Stop, Drain, Route, Start] {
        assert!(done.contains(&find(&plan, "app1.example.com", kind).id));
    }
    for name in ["changed-env", "changed-secret"] {
        let plan = scenario(name).plan();
        let mut expected = vec![login, (Pull, ""), (Rename, "web")];
        expected.extend(switch);
        assert_eq!(on(&plan, "app2.example.com"), expected, "{name}");
    }
}

#[test]
fn groups_include_the_canary_and_wait_for_whole_switches() {
    for (name, sizes) in [
        ("boot-in-groups", vec![2, 2]),
        ("boot-one-by-one", vec![1; 4]),
    ] {
        let plan = scenario(name).plan();
        let groups: Vec<&Step> = plan
            .steps
            .iter()
            .filter(|step| step.id.as_str().contains("-group-"))
            .collect();
        let needs: Vec<usize> = groups.iter().map(|group| group.needs.len()).collect();
        assert_eq!(needs, sizes, "{name}");
        for group in groups {
            let barrier = group.barrier.as_ref().expect("it is a barrier");
            assert_eq!((barrier.at_most_failed, barrier.wait_seconds), (0, 10));
            assert!(
                group
                    .needs
                    .iter()
                    .all(|need| need.step.as_str().ends_with("/stop"))
            );
        }
    }
}

#[test]
fn a_pinned_image_that_is_there_is_neither_pulled_nor_logged_in_for() {
    let plan = scenario("skip-push-there").plan();
    let kinds: BTreeSet<StepKind> = plan.steps.iter().map(|step| step.kind).collect();
    assert!(!kinds.contains(&StepKind::Pull) && !kinds.contains(&StepKind::RegistryLogin));
    let host = &plan.hosts["app1.example.com"];
    assert!(
        host.relies_on
            .iter()
            .any(|item| item.fact.ends_with("/digests"))
    );
}

#[test]
fn a_traefik_that_serves_is_replaced_only_within_the_switch_of_its_host() {
    let plan = scenario("original-traefik").plan();
    let gate = plan
        .steps
        .iter()
        .find(|step| step.kind == StepKind::Barrier);
    let gate = &gate.expect("there is a canary").id;
    let replaced = |verb: &str| {
        let mut steps = plan.steps.iter().filter(|step| {
            step.kind == StepKind::Traefik && step.id.as_str().starts_with("app2.example.com/")
        });
        steps
            .find(|step| step.id.as_str().ends_with(verb))
            .expect(verb)
    };
    let replacement = ancestors(&plan, replaced("/replace"));
    assert!(replacement.contains(gate));
    assert!(
        replacement
            .iter()
            .any(|step| step.as_str().ends_with("/adopt")),
        "what serves has its routing file first"
    );
    let start = find(&plan, "app2.example.com", StepKind::Start);
    assert!(ancestors(&plan, start).contains(&replaced("/rename").id));
    for host in ["app1.example.com", "app2.example.com"] {
        assert!(
            plan.warnings
                .iter()
                .any(|text| text.contains(host) && text.contains("every request"))
        );
    }
}

#[test]
fn the_lock_host_belongs_to_every_plan() {
    let plan = scenario("selected-host-and-role").plan();
    assert_eq!(plan.lock_host.as_str(), "app1.example.com");
    assert!(plan.hosts["app1.example.com"].roles.is_empty());
    assert!(on(&plan, "app1.example.com").is_empty());
    let places: BTreeSet<_> = plan
        .steps
        .iter()
        .filter_map(|step| step.host.as_ref())
        .collect();
    assert_eq!(places.len(), 1);
}

#[test]
fn what_was_left_half_way_is_completed_and_nothing_more() {
    use StepKind::{Drain, Healthcheck, Pull, RegistryLogin, Route, Start, Stop};
    let plan = scenario("incomplete").plan();
    let web = |kinds: &[StepKind]| kinds.iter().map(|kind| (*kind, "web")).collect::<Vec<_>>();
    assert_eq!(on(&plan, "app1.example.com"), web(&[Healthcheck, Route]));
    assert_eq!(on(&plan, "app2.example.com"), web(&[Drain, Stop]));
    let mut dead = vec![(RegistryLogin, ""), (Pull, "")];
    dead.extend(web(&[Start, Healthcheck, Route]));
    assert_eq!(on(&plan, "app3.example.com"), dead);
}

#[test]
fn prose_shortens_commits_and_commands_do_not() {
    let scenario = scenario("second-version");
    let plan = scenario.plan();
    for step in &plan.steps {
        let prose = format!("{} {}", step.summary, show::prose(&step.why));
        assert!(!prose.contains(&plan.version), "{}: {prose}", step.id);
    }
    let start = find(&plan, "app1.example.com", StepKind::Start);
    let action = serde_json::to_string(&start.action).expect("an action is JSON");
    assert!(action.contains(&plan.version));
}
