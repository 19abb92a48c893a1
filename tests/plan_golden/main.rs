//! The plan of each scenario in `fixtures/plans`, whole and as it is shown. `MRSK_BLESS=1` rewrites what is expected.

#[path = "../golden/mod.rs"]
mod golden;
mod half;
#[path = "../plan_support/mod.rs"]
mod plan_support;
mod traefik;
mod undo;

use std::collections::BTreeSet;

use golden::Golden;
use mrsk::facts::model::ContainerFacts;
use mrsk::plan::compile::compile;
use mrsk::plan::trust::concerns;
use mrsk::plan::{Accessories, AccessoryVerb, OperationKind, Plan, Release, Step, StepKind, wire};
use mrsk::show::{self, Look};
use mrsk::text::Styling;
use plan_support::{ancestors, assert_rules, scenario, scenarios};

#[test]
fn every_scenario_gives_the_recorded_plan() {
    let mut golden = Golden::default();
    for scenario in scenarios() {
        let plan = scenario.plan();
        let text = wire::to_json(&plan).expect("a plan is JSON");
        golden.check(&scenario.directory.join("plan.json"), &text);
        let look = Look {
            styling: Styling::Plain,
            width: None,
        };
        let mut table = Vec::new();
        show::table(&plan, &concerns(&plan), look, &mut table).expect("writing to memory succeeds");
        let table = String::from_utf8(table).expect("a table is text");
        golden.check(&scenario.directory.join("show.txt"), &table);
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
    assert!(reason.contains("were not compared"), "{reason}");
}

/// Returns every text of the plan that names something of the service, its steps' commands foremost.
fn texts(plan: &Plan) -> String {
    let steps = serde_json::to_string(&plan.steps).expect("steps are JSON");
    let relies_on: Vec<_> = plan.hosts.values().map(|host| &host.relies_on).collect();
    steps + &serde_json::to_string(&relies_on).expect("predicates are JSON")
}

#[test]
fn a_destination_leaves_the_others_of_its_service_alone() {
    let mut scenario = scenario("destination");
    let plan = scenario.plan();
    let text = texts(&plan);
    for own in [
        "hey-web-staging-",
        "mrsk-hey@web@staging.yml",
        "label=destination=staging",
    ] {
        assert!(text.contains(own), "{own}");
    }
    let facts = &scenario.facts.hosts["app1.example.com"];
    let is_own = |container: &ContainerFacts| {
        container
            .labels
            .get("destination")
            .is_some_and(|name| name == "staging")
    };
    let others: Vec<_> = facts
        .containers
        .iter()
        .filter(|(name, container)| *name != "traefik" && !is_own(container))
        .collect();
    assert_eq!(others.len(), 3);
    for (name, container) in others {
        assert!(!text.contains(name.as_str()), "{name}");
        let images = format!("\"image\",\"rm\",\"{}", container.image);
        assert!(!text.contains(&images), "{images}");
    }
    for path in ["mrsk-hey@web.yml", "mrsk-hey@web@production.yml"] {
        assert!(facts.files.keys().any(|known| known.ends_with(path)));
        assert!(!text.contains(path), "{path}");
    }
    scenario.config.destination = None;
    scenario.operation.destination = None;
    let plain = scenario.plan();
    assert_ne!(plain.config.sha256, plan.config.sha256);
    let text = texts(&plain);
    assert!(text.contains("label!=destination"));
    for other in ["staging-", "production", "@staging"] {
        assert!(!text.contains(other), "{other}");
    }
}

#[test]
fn a_name_that_a_container_of_another_destination_has_is_refused() {
    let mut scenario = scenario("destination");
    scenario.config.destination = None;
    scenario.operation.destination = None;
    scenario.operation.kind = OperationKind::Deploy(release("production-0a1b2c3"));
    let problems = compile(&scenario.config, &scenario.facts, &scenario.operation).unwrap_err();
    let message = &problems[0].message;
    assert!(
        message.contains("hey-web-production-0a1b2c3 is already in use"),
        "{message}"
    );
    assert!(message.ends_with("destination `production`"), "{message}");
}

#[test]
fn a_redeploy_replaces_what_runs_and_prepares_nothing() {
    use StepKind::{Drain, Healthcheck, Pull, Rename, Route, Start, Stop};
    let mut redeploy = scenario("redeploy");
    let plan = redeploy.plan();
    let mut expected = vec![(Pull, "")];
    let switch = [Rename, Start, Healthcheck, Route, Drain, Stop];
    expected.extend(switch.map(|kind| (kind, "web")));
    for host in plan.hosts.keys() {
        assert_eq!(on(&plan, host.as_str()), expected);
    }

    let lacking = ["app1.example.com", "app2.example.com"].map(mrsk::name::HostName::from);
    let facts = &mut redeploy.facts.hosts;
    facts.get_mut(&lacking[0]).expect("a host").traefik = None;
    facts.get_mut(&lacking[1]).expect("a host").docker.answers = false;
    let compiled = compile(&redeploy.config, &redeploy.facts, &redeploy.operation);
    let problems: Vec<String> = compiled
        .expect_err("no host is prepared")
        .into_iter()
        .map(|problem| format!("{} ({})", problem.message, problem.help.unwrap_or_default()))
        .collect();
    let help = "(`mrsk redeploy` skips host setup; run `mrsk deploy`)";
    assert_eq!(
        problems,
        [
            format!("host app2.example.com: Docker is not running {help}"),
            format!("host app1.example.com: Traefik is not running {help}"),
        ]
    );
}

#[test]
fn nothing_starts_before_the_canary_serves() {
    let starts = |step: &&Step| {
        matches!(step.kind, StepKind::Start | StepKind::Rename) && step.accessory.is_none()
    };
    for scenario in scenarios() {
        let plan = scenario.plan();
        if plan.operation.break_glass.all_at_once {
            continue;
        }
        let Some(canary) = plan.steps.iter().find(starts) else {
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
            .filter(starts)
            .filter(|step| (&step.host, &step.role) != (&canary.host, &canary.role));
        for step in later {
            let name = &scenario.name;
            assert!(ancestors(&plan, step).contains(live), "{name}: {}", step.id);
        }
    }
}

#[test]
fn accessories_run_before_the_app_and_what_exists_is_never_touched() {
    let plan = scenario("setup").plan();
    let is_boot = |step: &&Step| step.accessory.is_some();
    let boots: Vec<&Step> = plan.steps.iter().filter(is_boot).collect();
    assert_eq!(boots.len(), 3);
    let apps = plan.steps.iter().filter(|step| step.role.is_some());
    for step in apps.filter(|step| step.kind == StepKind::Start) {
        let before = ancestors(&plan, step);
        assert!(boots.iter().all(|boot| before.contains(&boot.id)));
    }

    let mut existing = scenario("accessory-exists-and-differs");
    for kind in [
        OperationKind::Accessory(AccessoryVerb::Boot, Accessories::All),
        OperationKind::Setup(release("v2")),
        OperationKind::Deploy(release("v2")),
    ] {
        existing.operation.kind = kind.clone();
        let plan = existing.plan();
        for name in ["hey-mysql", "hey-metrics"] {
            let host = ["app2.example.com", "app1.example.com"][usize::from(name != "hey-mysql")];
            let steps = plan.steps.iter().filter(|step| {
                step.host
                    .as_ref()
                    .is_some_and(|known| known.as_str() == host)
            });
            let text = serde_json::to_string(&steps.collect::<Vec<_>>()).expect("steps are JSON");
            assert!(!text.contains(name), "{kind:?}: {name}");
        }
    }
}

#[test]
fn as_many_containers_stay_as_are_to_be_retained() {
    let plan = scenario("retain-containers").plan();
    let prune = find(&plan, "app1.example.com", StepKind::Prune);
    let commands = serde_json::to_string(&prune.action).expect("actions are JSON");
    // One is stopped by this plan, and the newest of the others stays.
    for (version, removed) in [("0a1b2c3", true), ("2222222", true), ("3333333", false)] {
        assert_eq!(
            commands.contains(&format!("\"hey-web-{version}\"")),
            removed,
            "{version}"
        );
    }
}

#[test]
fn a_switch_goes_from_start_to_stop_and_prunes_last() {
    use StepKind::{Drain, Healthcheck, Prune, Pull, Rename, Route, Start, Stop};
    let switch = [Start, Healthcheck, Route, Drain, Stop].map(|kind| (kind, "web"));
    let plan = scenario("prune").plan();
    let mut expected = vec![(Pull, "")];
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
        let mut expected = vec![(Pull, ""), (Rename, "web")];
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
    use StepKind::{Drain, Healthcheck, Pull, Route, Start, Stop};
    let plan = scenario("incomplete").plan();
    let web = |kinds: &[StepKind]| kinds.iter().map(|kind| (*kind, "web")).collect::<Vec<_>>();
    assert_eq!(on(&plan, "app1.example.com"), web(&[Healthcheck, Route]));
    assert_eq!(on(&plan, "app2.example.com"), web(&[Drain, Stop]));
    let mut dead = vec![(Pull, "")];
    dead.extend(web(&[Start, Healthcheck, Route]));
    assert_eq!(on(&plan, "app3.example.com"), dead);
}

#[test]
fn prose_shortens_commits_and_commands_do_not() {
    let scenario = scenario("second-version");
    let plan = scenario.plan();
    let version = plan.version.as_deref().expect("a deploy has one");
    for step in &plan.steps {
        let prose = format!("{} {}", step.summary, show::prose(&step.why));
        assert!(!prose.contains(version), "{}: {prose}", step.id);
    }
    let start = find(&plan, "app1.example.com", StepKind::Start);
    let action = serde_json::to_string(&start.action).expect("an action is JSON");
    assert!(action.contains(version));
}

fn release(version: &str) -> Release {
    Release {
        version: version.to_owned(),
        skip_push: false,
        no_cache: false,
    }
}

/// Returns why there is no plan of `scenario`.
fn refusals(scenario: &plan_support::Scenario) -> Vec<mrsk::diagnostic::Diagnostic> {
    let compiled =
        mrsk::plan::compile::compile(&scenario.config, &scenario.facts, &scenario.operation);
    compiled.expect_err("there is no plan")
}

#[test]
fn what_somebody_else_started_from_the_image_is_not_pruned() {
    let mut scenario = scenario("prune");
    let pruned = |scenario: &plan_support::Scenario| {
        let plan = scenario.plan();
        let step = find(&plan, "app1.example.com", StepKind::Prune);
        serde_json::to_string(&step.action).expect("actions are JSON")
    };
    let text = pruned(&scenario);
    let host = scenario.facts.hosts.values_mut().next();
    let containers = &mut host.expect("there is a host").containers;
    let old = containers
        .iter_mut()
        .find(|(name, _)| text.contains(&format!(r#""{name}""#)));
    let (name, container) = old.expect("a container is pruned");
    container.labels.remove("role");
    let name = format!(r#""{name}""#);
    assert!(!pruned(&scenario).contains(&name), "{name}");
}
