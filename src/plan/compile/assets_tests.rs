use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running, stopped};
use crate::plan::{Plan, Step, StepKind};
use crate::text::action_line;

const KEYS: &str = "asset_path: /app/assets";

/// Returns a container with the assets of a directory.
fn with_assets(mut container: Value, name: &str) -> Value {
    container["labels"]["mrsk.assets"] = name.into();
    container["labels"]["mrsk.asset_path"] = "/app/assets".into();
    container
}

/// Returns a case on a host that serves version 1 with assets of its own, and has the stopped version 0.
fn served(config: &str) -> Case {
    case(config).a(json!({
        "containers": {
            "app-web-0": with_assets(stopped("0", [5, 6]), "m-0000000000000000"),
            "app-web-1": with_assets(running("1", 10), "m-1111111111111111"),
        },
        "files": routes("1"),
        "assets": {"m-0000000000000000": [], "m-1111111111111111": []},
    }))
}

fn of_kind(plan: &Plan, kind: StepKind) -> Vec<&Step> {
    let steps = plan.steps.iter();
    steps.filter(|step| step.kind == kind).collect()
}

fn lines(step: &Step) -> Vec<String> {
    step.action.iter().map(action_line).collect()
}

fn needs(step: &Step) -> Vec<String> {
    let needs = step.needs.iter();
    needs.map(|need| need.step.to_string()).collect()
}

#[test]
fn a_new_version_has_the_assets_of_both_and_so_has_the_old_one() {
    let plan = served(KEYS).plan().unwrap();
    let step = of_kind(&plan, StepKind::Assets)[0];
    let name = step.id.as_str().split('/').nth(2).unwrap();
    let part = format!("/s/app@/assets/part-{name}");
    let old = "/s/app@/assets/m-1111111111111111";
    let lines = lines(step);
    assert!(lines.contains(&format!(
        "docker cp --follow-link {name}-assets:/app/assets/. {part}/image"
    )));
    let merged = |from: &str, into: &str| {
        format!("# copy the files of {from}/image that are missing in {into}/joined")
    };
    let own = lines
        .iter()
        .position(|line| *line == merged(&part, &part))
        .unwrap();
    assert_eq!(
        lines[own + 1..],
        [
            merged(old, &part),
            merged(&part, old),
            format!("mkdir -p {part}/with/m-1111111111111111"),
            format!("mv {part} /s/app@/assets/{name}"),
        ],
        "its own files have precedence in each, and it is there as a whole at the end"
    );
    let start = of_kind(&plan, StepKind::Start)[0];
    assert_eq!(needs(start)[0], step.id.as_str());
    let create = lines_of(start, "docker create");
    assert!(
        create.contains(&format!(
            "--volume /s/app@/assets/{name}/joined:/app/assets:ro"
        )),
        "{create}"
    );
    assert!(
        create.contains(&format!("--label 'mrsk.assets={name}'")),
        "{create}"
    );
    let relied = plan.hosts.values().flat_map(|host| &host.relies_on);
    let relied = relied.filter(|one| one.predicate().fact == "/assets");
    assert_eq!(relied.count(), 1);
}

fn lines_of(step: &Step, begin: &str) -> String {
    let lines = lines(step);
    let found = lines.iter().find(|line| line.starts_with(begin));
    found.unwrap().clone()
}

#[test]
fn a_rollback_joins_the_assets_of_both_once() {
    let rollback = |case: Case| {
        case.asks_for(json!({"name": "rollback", "version": "0"}))
            .plan()
            .unwrap()
    };
    let plan = rollback(served(KEYS));
    let step = of_kind(&plan, StepKind::Assets)[0];
    let store = "/s/app@/assets";
    let merged = |from: &str, into: &str| {
        format!(
            "# copy the files of {store}/{from}/image that are missing in {store}/{into}/joined"
        )
    };
    let (zero, one) = ("m-0000000000000000", "m-1111111111111111");
    assert_eq!(
        lines(step),
        [
            merged(one, zero),
            merged(zero, one),
            format!("mkdir -p {store}/{zero}/with/{one}"),
        ]
    );
    for joined in [json!({zero: [one]}), json!({one: [zero]})] {
        let joined = rollback(served(KEYS).a(json!({"assets": joined})));
        assert!(of_kind(&joined, StepKind::Assets).is_empty());
    }
    // Docker would mount an empty directory in its place.
    let lost = rollback(served(KEYS).a(json!({"assets": {zero: null}})));
    let start = of_kind(&lost, StepKind::Start)[0];
    assert!(
        lines(start)
            .iter()
            .any(|line| line.starts_with("docker create"))
    );
}

#[test]
fn all_hosts_have_them_before_the_first_switches() {
    let config = "servers: [a, b]\nasset_path: /app/assets\n";
    let plan = case(config).plan().unwrap();
    let gate = "local/barrier/assets/open";
    for start in of_kind(&plan, StepKind::Start) {
        let needs = needs(start);
        assert!(
            needs
                .iter()
                .any(|need| need == gate || need.contains("canary")),
            "{needs:?}"
        );
    }
    let gate = plan.steps.iter().find(|step| step.id.as_str() == gate);
    assert_eq!(gate.unwrap().needs.len(), 2);
}

#[test]
fn replicas_share_them_and_other_roles_have_none() {
    let config = "servers:\n  web: {hosts: [a], replicas: 3}\n  job: {hosts: [a]}\nasset_path: /app/assets\n";
    let plan = case(config).plan().unwrap();
    assert_eq!(of_kind(&plan, StepKind::Assets).len(), 1);
    let starts = of_kind(&plan, StepKind::Start);
    let mounts = starts.iter().map(|start| lines_of(start, "docker create"));
    let mounts: Vec<bool> = mounts
        .map(|line| line.contains(":/app/assets:ro"))
        .collect();
    assert_eq!(mounts.iter().filter(|mounts| **mounts).count(), 3);
    assert_eq!(mounts.len(), 4);
}

#[test]
fn what_runs_with_its_assets_stays() {
    let first = case(KEYS).plan().unwrap();
    let create = lines_of(of_kind(&first, StepKind::Start)[0], "docker create");
    let label = |name: &str| {
        let rest = create.split(&format!("{name}=")).nth(1).unwrap();
        rest.split('\'').next().unwrap().to_owned()
    };
    let mut web = with_assets(running("2", 10), "m-2222222222222222");
    for name in ["mrsk.create", "mrsk.settings"] {
        web["labels"][name] = label(name).into();
    }
    let host = json!({
        "containers": {"app-web-2": web}, "files": routes("2"), "assets": {"m-2222222222222222": []},
        "serial": {"number": 7},
    });
    let plan = case(KEYS).a(host.clone()).plan().unwrap();
    assert!(
        of_kind(&plan, StepKind::Start).is_empty(),
        "another serial is no change"
    );
    for changed in ["asset_path: /other", ""] {
        let plan = case(changed).a(host.clone()).plan().unwrap();
        assert_eq!(of_kind(&plan, StepKind::Start).len(), 1, "{changed}");
    }
}

#[test]
fn those_of_no_container_are_pruned_and_all_are_removed() {
    let lost = json!({"assets": {"m-3333333333333333": [], "part-m-4444444444444444": []}});
    let removed = |name: &str| {
        let case = served(KEYS).a(lost.clone()).asks_for(json!({"name": name}));
        let plan = case.plan().unwrap();
        let all: Vec<String> = plan.steps.iter().flat_map(lines).collect();
        let found = all.into_iter().find(|line| line.starts_with("rm -rf"));
        found.unwrap().replace("/s/app@/assets/", "")
    };
    assert_eq!(
        removed("prune all"),
        "rm -rf m-3333333333333333 part-m-4444444444444444"
    );
    assert_eq!(
        removed("app remove"),
        "rm -rf m-0000000000000000 m-1111111111111111 m-3333333333333333 part-m-4444444444444444"
    );
}
