//! What holds for the plan of any configuration and any facts.

mod plan_support;

use std::time::{Duration, Instant};

use mrsk::facts::model::{ContainerFacts, ContainerState, Facts, HostFacts, Privilege};
use mrsk::name::HostName;
use mrsk::plan::compile::compile;
use mrsk::plan::effect::effect_on;
use mrsk::plan::{Operation, OperationKind, Plan, Release, StepKind, wire};
use plan_support::{assert_rules, config, scenario, scenarios};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

#[test]
fn the_same_inputs_give_the_same_bytes() {
    for scenario in scenarios() {
        let text = wire::to_json(&scenario.plan()).expect("a plan is JSON");
        assert_eq!(
            wire::to_json(&scenario.plan()).as_deref(),
            Ok(text.as_str())
        );
        let path = scenario.directory.join("facts.json");
        let facts = std::fs::read_to_string(path).expect("the facts are recorded");
        let facts: serde_json::Value = serde_json::from_str(&facts).expect("facts are JSON");
        let facts: Facts = serde_json::from_value(reversed(facts)).expect("facts in another order");
        let plan = compile(&scenario.config, &facts, &scenario.operation).expect("it has a plan");
        assert_eq!(wire::to_json(&plan).as_deref(), Ok(text.as_str()));
    }
}

/// Returns JSON with the keys of every object in reverse order.
fn reversed(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .rev()
                .map(|(key, value)| (key, reversed(value)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(reversed).collect()),
        other => other,
    }
}

#[test]
fn every_check_holds_after_all_effects() {
    for scenario in scenarios() {
        let plan = scenario.plan();
        for (name, host) in &scenario.facts.hosts {
            let mut facts = serde_json::to_value(host).expect("facts are JSON");
            let steps = plan
                .steps
                .iter()
                .filter(|step| step.host.as_ref() == Some(name));
            for step in steps {
                effect_on(step, &mut facts);
                let answer = mrsk::plan::resume::answer(step.check.as_ref(), &facts);
                let place = format!("{}: {}", scenario.name, step.id);
                assert_eq!(answer, mrsk::plan::resume::Answer::Yes, "{place}");
            }
            let after: Result<HostFacts, _> = serde_json::from_value(facts);
            assert!(after.is_ok(), "{}: {after:?}", scenario.name);
        }
    }
}

#[test]
fn no_check_holds_before_its_step() {
    // Which image a tag names is not known before the push, and a container without a request in flight is drained already.
    let excepted = [StepKind::Pull, StepKind::Drain];
    for scenario in scenarios() {
        for step in scenario.plan().steps {
            let Some(facts) = step.host.as_ref().map(|host| &scenario.facts.hosts[host]) else {
                continue;
            };
            // A container whose place another takes, and one that was unhealthy only as a whole.
            let healthy = step.kind == StepKind::Healthcheck;
            // A Traefik that is replaced by an equal one has its name and its settings before.
            let equal = step.id.as_str().ends_with("/traefik_new/rename");
            if excepted.contains(&step.kind)
                || healthy
                || equal
                || scenario.name == "traefik-dead-and-unhealthy"
            {
                continue;
            }
            let facts = serde_json::to_value(facts).expect("facts are JSON");
            let answer = mrsk::plan::resume::answer(step.check.as_ref(), &facts);
            let place = format!("{}: {}", scenario.name, step.id);
            assert_ne!(answer, mrsk::plan::resume::Answer::Yes, "{place}");
        }
    }
}

#[test]
fn what_a_plan_relies_on_is_so_when_it_is_made() {
    for scenario in scenarios() {
        assert_so(&scenario.plan(), &scenario.facts, &scenario.name);
    }
}

/// Asserts that what a plan relies on is so by the facts that it is made from: otherwise it would be stale at once.
fn assert_so(plan: &Plan, facts: &Facts, name: &str) {
    for (host, planned) in &plan.hosts {
        let facts = serde_json::to_value(&facts.hosts[host]).expect("facts are JSON");
        for reliance in &planned.relies_on {
            let holds = reliance.predicate().holds(&facts);
            assert!(holds, "{name}: {host} {reliance:?}");
        }
    }
}

/// A change to what a host answered.
#[derive(Debug, Clone)]
enum Change {
    State(Index, ContainerState),
    Label(Index, Index, String),
    NoLabel(Index, Index),
    Health(Index, bool),
    Networks(Index),
    Rename(Index, String),
    Copy(Index, String),
    Remove(Index),
    Secret(Index, String),
    File(Index, String),
    NoFile(Index),
    Image(Index, String),
    NoImages,
    NoTraefik,
    Directory(String),
    Privilege(Privilege),
    Docker(bool, bool, bool),
    Curl(bool),
    Port(String),
    Network(bool),
    Serial(u64),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let text = || {
        prop_oneof![
            Just(String::new()),
            Just("hey-web-v1/../../x".to_owned()),
            Just("m-0123456789abcdef".to_owned()),
            "[ -~é\n]{0,12}",
        ]
    };
    let states = [
        ContainerState::Created,
        ContainerState::Running,
        ContainerState::Paused,
        ContainerState::Restarting,
        ContainerState::Removing,
        ContainerState::Exited,
        ContainerState::Dead,
    ];
    prop_oneof![
        (at(), prop::sample::select(states.to_vec()))
            .prop_map(|(at, state)| Change::State(at, state)),
        (at(), at(), text()).prop_map(|(at, label, text)| Change::Label(at, label, text)),
        (at(), at()).prop_map(|(at, label)| Change::NoLabel(at, label)),
        (at(), any::<bool>()).prop_map(|(at, healthy)| Change::Health(at, healthy)),
        at().prop_map(Change::Networks),
        (at(), text()).prop_map(|(at, text)| Change::Rename(at, text)),
        (at(), text()).prop_map(|(at, text)| Change::Copy(at, text)),
        at().prop_map(Change::Remove),
        (at(), text()).prop_map(|(at, text)| Change::Secret(at, text)),
        (at(), text()).prop_map(|(at, text)| Change::File(at, text)),
        at().prop_map(Change::NoFile),
        (at(), text()).prop_map(|(at, text)| Change::Image(at, text)),
        Just(Change::NoImages),
        Just(Change::NoTraefik),
        text().prop_map(Change::Directory),
        prop::sample::select(&[Privilege::Root, Privilege::Sudo, Privilege::None][..])
            .prop_map(Change::Privilege),
        any::<(bool, bool, bool)>().prop_map(|(a, b, c)| Change::Docker(a, b, c)),
        any::<bool>().prop_map(Change::Curl),
        text().prop_map(Change::Port),
        any::<bool>().prop_map(Change::Network),
        (0..5_u64).prop_map(Change::Serial),
    ]
}

/// Returns a container of the host, where it has one.
fn container<'a>(host: &'a mut HostFacts, at: &Index) -> Option<&'a mut ContainerFacts> {
    let count = host.containers.len();
    (count > 0)
        .then(|| host.containers.values_mut().nth(at.index(count)))
        .flatten()
}

fn name_at(host: &HostFacts, at: &Index) -> Option<String> {
    let count = host.containers.len();
    (count > 0)
        .then(|| host.containers.keys().nth(at.index(count)).cloned())
        .flatten()
}

fn label_at(container: &ContainerFacts, at: &Index) -> Option<String> {
    let count = container.labels.len();
    (count > 0)
        .then(|| container.labels.keys().nth(at.index(count)).cloned())
        .flatten()
}

fn apply(change: Change, host: &mut HostFacts) {
    match change {
        Change::State(at, state) => {
            if let Some(container) = container(host, &at) {
                container.state = state;
            }
        }
        Change::Label(at, label, text) => {
            if let Some(container) = container(host, &at)
                && let Some(label) = label_at(container, &label)
            {
                container.labels.insert(label, text);
            }
        }
        Change::NoLabel(at, label) => {
            if let Some(container) = container(host, &at)
                && let Some(label) = label_at(container, &label)
            {
                container.labels.remove(&label);
            }
        }
        Change::Health(at, healthy) => {
            if let Some(container) = container(host, &at) {
                container.healthy = healthy;
            }
        }
        Change::Networks(at) => {
            if let Some(container) = container(host, &at) {
                container.networks.clear();
            }
        }
        Change::Rename(at, to) => {
            if let Some(name) = name_at(host, &at)
                && let Some(container) = host.containers.remove(&name)
            {
                host.containers.insert(to, container);
            }
        }
        Change::Copy(at, suffix) => {
            if let Some(name) = name_at(host, &at) {
                let copy = host.containers[&name].clone();
                host.containers.insert(name + &suffix, copy);
            }
        }
        Change::Remove(at) => {
            name_at(host, &at).map(|name| host.containers.remove(&name));
        }
        Change::Secret(at, secret) => {
            if let Some(container) = container(host, &at) {
                container.secrets_differ.insert(secret);
            }
        }
        Change::File(at, text) => {
            let count = host.files.len();
            if count > 0
                && let Some(file) = host.files.values_mut().nth(at.index(count))
            {
                file.text = text;
            }
        }
        Change::NoFile(at) => {
            let count = host.files.len();
            if count > 0
                && let Some(name) = host.files.keys().nth(at.index(count)).cloned()
            {
                host.files.remove(&name);
            }
        }
        Change::Image(at, reference) => {
            let count = host.images.len();
            if count > 0
                && let Some(image) = host.images.values().nth(at.index(count)).cloned()
            {
                host.images.insert(reference, image);
            }
        }
        Change::NoImages => host.images.clear(),
        Change::NoTraefik => host.traefik = None,
        Change::Directory(text) => {
            if let Some(traefik) = &mut host.traefik {
                traefik.directory = text;
            }
        }
        Change::Privilege(privilege) => host.privilege = privilege,
        Change::Docker(installed, answers, denied) => {
            host.docker.installed = installed;
            host.docker.answers = answers;
            host.docker.denied = denied;
        }
        Change::Curl(installed) => host.curl.installed = installed,
        Change::Port(holder) => {
            host.ports.entry("80".into()).or_default().holder = holder;
        }
        Change::Network(there) => {
            if there {
                host.networks.insert("mrsk".into());
            } else {
                host.networks.remove("mrsk");
            }
        }
        Change::Serial(number) => host.serial.number = number,
    }
}

/// Returns an operation of each name that needs no more than a version.
fn kinds(version: &str, skip_push: bool) -> Vec<OperationKind> {
    let names = OperationKind::NAMES.iter();
    let kinds = names.filter_map(|name| {
        let mut fields = [
            json!({"name": name, "version": version, "skip_push": skip_push}),
            json!({"name": name, "version": version}),
            json!({"name": name}),
            json!({"name": name, "accessories": ["all"]}),
        ]
        .into_iter();
        let operation = fields.find_map(|fields| serde_json::from_value::<Operation>(fields).ok());
        operation.map(|operation| operation.kind)
    });
    kinds.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_the_facts_are_there_is_a_plan_that_fits_together_or_a_reason(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), change()), 0..12),
        skip_push in any::<bool>(),
        operation in any::<Index>(),
    ) {
        let names = [
            "second-version", "changed-env", "two-roles", "boot-in-groups", "prune", "incomplete", "original-traefik",
            "skip-push-there", "bare-host-with-sudo", "labels-and-build-options",
        ];
        let mut scenario = scenario(names[which.index(names.len())]);
        let version = scenario.operation.version().expect("a version").to_owned();
        let kinds = kinds(&version, skip_push);
        scenario.operation.kind = kinds[operation.index(kinds.len())].clone();
        for (host, change) in changes {
            let count = scenario.facts.hosts.len();
            if let Some(host) = scenario.facts.hosts.values_mut().nth(host.index(count)) {
                apply(change, host);
            }
        }
        match compile(&scenario.config, &scenario.facts, &scenario.operation) {
            Ok(plan) => {
                assert_rules(&plan);
                assert_so(&plan, &scenario.facts, &scenario.name);
            }
            Err(reasons) => prop_assert!(!reasons.is_empty()),
        }
    }
}

/// Returns a configuration of `hosts` hosts that all have each of `roles`.
fn large(hosts: usize, roles: &[&str]) -> String {
    let mut text = "service: hey\nimage: team/hey\nbuilder: {multiarch: false}\nregistry:\n  username: team\n  password: [REGISTRY_PASSWORD]\nboot: {limit: 100}\nservers:\n".to_owned();
    for role in roles {
        text += &format!("  {role}:\n    hosts:\n");
        for host in 0..hosts {
            text += &format!("      - app{host}.example.com\n");
        }
    }
    text
}

#[test]
fn thousands_of_hosts_take_seconds_and_a_linear_plan() {
    let ready = scenario("prune").facts.hosts[&HostName::from("app1.example.com")].clone();
    let mut slowest = Duration::ZERO;
    for (hosts, roles, steps) in [
        (500, &["web", "job"][..], 4_500..4_600),
        (5_000, &["web"][..], 35_000..35_100),
    ] {
        let config = config(&large(hosts, roles), None);
        let mut facts = scenario("prune").facts;
        facts.hosts = config
            .hosts
            .iter()
            .map(|host| (host.name.clone(), ready.clone()))
            .collect();
        let operation = Operation {
            kind: OperationKind::Deploy(Release {
                version: "v2".into(),
                skip_push: false,
                no_cache: false,
            }),
            hosts: config.hosts.iter().map(|host| host.name.clone()).collect(),
            roles: Vec::new(),
            break_glass: Default::default(),
            orphans: Default::default(),
            release_runs: Default::default(),
            hooks: Default::default(),
            broadcasts: Default::default(),
            destination: None,
        };
        let begun = Instant::now();
        let plan = compile(&config, &facts, &operation).expect("it has a plan");
        // Without optimisation, a step takes half a millisecond, most of it for the digest. What grows with the square of the hosts
        // would take minutes.
        slowest = slowest.max(begun.elapsed());
        assert!(steps.contains(&plan.steps.len()), "{}", plan.steps.len());
        let needs: usize = plan.steps.iter().map(|step| step.needs.len()).sum();
        assert!(needs < 2 * plan.steps.len(), "{needs}");
    }
    assert!(slowest < Duration::from_secs(90), "{slowest:?}");
}

#[test]
fn names_that_docker_would_not_take_are_refused() {
    for name in ["", "-x", "a b", "a\n", "é", "a/b"] {
        let mut scenario = scenario("second-version");
        for host in scenario.facts.hosts.values_mut() {
            let container = host.containers.values().next().cloned();
            host.containers
                .extend(container.map(|container| (name.to_owned(), container)));
        }
        let reasons = compile(&scenario.config, &scenario.facts, &scenario.operation);
        assert_eq!(
            reasons.map(drop).map_err(|reasons| reasons.len()),
            Err(3),
            "{name:?}"
        );
    }
}
