use crate::action::{Action, Probe};
use crate::name::Sha256Hex;
use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running, stopped};
use crate::plan::{Plan, Step, StepKind};

/// Returns a deploy of version 2 where version 1 serves on host `a`.
fn second() -> Case {
    serving("1", &[running("1", 10)])
}

/// Returns host `a` with containers of role `web`, of which that of `version` serves.
fn serving(version: &str, containers: &[Value]) -> Case {
    let mut case = case("").a(json!({"files": routes(version), "serial": {"number": 4}}));
    for container in containers {
        let version = container["labels"]["mrsk.version"].as_str().unwrap();
        let name = format!("app-web-{version}");
        case = case.a(json!({"containers": {name: container}}));
    }
    case
}

/// Returns the undo, each step as its kind and what it is about.
fn steps(undo: &Plan) -> Vec<String> {
    let subject = |step: &Step| {
        let id = step.id.as_str();
        let parts: Vec<&str> = id.split('/').collect();
        parts[2..].join(" ")
    };
    undo.steps.iter().map(subject).collect()
}

fn unless(undo: &Plan, kind: StepKind) -> Vec<(&str, String)> {
    let step = undo.steps.iter().find(|step| step.kind == kind).unwrap();
    let value = |value: &Option<Value>| value.as_ref().map_or(String::new(), Value::to_string);
    let predicates = step.unless.iter();
    predicates
        .map(|one| (one.fact.as_str(), value(&one.value)))
        .collect()
}

#[test]
fn what_serves_before_a_deploy_starts_again() {
    let (plan, undo) = second().undo().unwrap();
    assert_eq!(
        steps(&undo),
        [
            "app-web-1 start",
            "app-web-1 healthcheck",
            "app-web-1 route",
            "app-web-2 drain",
            "app-web-2 stop"
        ]
    );
    assert_eq!(undo.version.as_deref(), Some("1"));
    assert_eq!(undo.hosts["a"].serial, plan.hosts["a"].serial + 1);
    assert_eq!(undo.hosts["a"].unfinished, None);
    let asked = serde_json::to_value(&undo.operation).unwrap();
    assert_eq!(
        asked,
        json!({"name": "undo", "version": "1", "undoes": plan.digest})
    );
    let served = r#"{"id":"id-1","state":"running"}"#.to_owned();
    let file = "/files/~1s~1traefik~1mrsk-app@web.yml/sha256";
    let before = &second().routed();
    let start = unless(&undo, StepKind::Start);
    assert_eq!(start, [("/containers", served), (file, before.clone())]);
    assert_eq!(unless(&undo, StepKind::Route), [(file, before.clone())]);
    let ended = r#"[null,"created","exited","dead"]"#.to_owned();
    let state = "/containers/app-web-2/state";
    assert_eq!(unless(&undo, StepKind::Stop), [(state, ended)]);
}

/// A host may never be reached by the plan: the undo then follows what that has seen.
#[test]
fn how_far_the_plan_before_was_is_in_the_plan_and_in_its_undo() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let unfinished = json!({"plan": digest, "attempts": 5, "checksum": 77});
    let serial = json!({"number": 4, "plan": digest, "unfinished": unfinished});
    let (plan, undo) = second().a(json!({"serial": serial})).undo().unwrap();
    for host in [&plan.hosts["a"], &undo.hosts["a"]] {
        assert_eq!(serde_json::to_value(&host.unfinished).unwrap(), unfinished);
    }
}

#[test]
fn a_container_of_the_same_version_returns_under_its_new_name() {
    let redeploy = json!({"name": "redeploy", "version": "1", "skip_push": true});
    let text = "X-Mrsk-Container: app-web-1\n";
    let file = json!({"text": text, "sha256": Sha256Hex::of(text.as_bytes()).as_str()});
    let known = json!({"files": {"/s/traefik/mrsk-app@web.yml": file}});
    let case = second().a(known).asks_for(redeploy);
    let (_, undo) = case.undo().unwrap();
    let steps = steps(&undo);
    assert_eq!(steps[0], "app-web-1_replaced_4 start");
    assert_eq!(steps[4], "app-web-1 stop");
    // Traefik answers by the file of before, which has the name of before.
    let route = undo.steps.iter().find(|step| step.kind == StepKind::Route);
    let proof = route
        .unwrap()
        .action
        .iter()
        .find_map(|action| match action {
            Action::Poll(poll) if poll.probe == Probe::Route => poll.expect.clone(),
            _ => None,
        });
    assert_eq!(proof.as_deref(), Some("app-web-1"));
    assert!(undo.contents.values().any(|written| written == text));
    // Before it is renamed, what is to be stopped is what serves.
    let ids = r#"["id-1",null]"#.to_owned();
    let id = "/containers/app-web-1/id";
    assert_eq!(unless(&undo, StepKind::Drain), [(id, ids)]);
}

#[test]
fn where_nothing_served_nothing_serves_again() {
    let (_, undo) = case("").undo().unwrap();
    let steps = steps(&undo);
    assert_eq!(steps, ["web unroute", "app-web-2 drain", "app-web-2 stop"]);
    assert_eq!(undo.version, None);
}

#[test]
fn what_a_plan_leaves_alone_is_not_undone() {
    let mut case = second();
    let (plan, _) = case.undo().unwrap();
    let create = plan.steps.iter().find(|step| step.kind == StepKind::Start);
    let create = serde_json::to_string(&create.unwrap().check).unwrap();
    let digest = create
        .split("mrsk.create\",\"op\":\"eq\",\"value\":\"")
        .nth(1);
    let digest = &digest.unwrap()[..64];
    let mut current = running("2", 20);
    current["labels"]["mrsk.create"] = digest.into();
    case = serving("2", &[current, stopped("1", [5, 10])]);
    let (plan, undo) = case.undo().unwrap();
    assert_eq!(steps(&plan), Vec::<String>::new());
    assert_eq!(steps(&undo), Vec::<String>::new());
}

#[test]
fn what_replaces_no_container_has_no_undo() {
    for (operation, problem) in [
        (
            json!({"name": "prune all"}),
            "there is no undo of `prune all`",
        ),
        (
            json!({"name": "app stop"}),
            "there is no undo of `app stop`",
        ),
    ] {
        let refused = second().asks_for(operation).undo().unwrap_err();
        assert_eq!(refused, [problem]);
    }
    let mut original = running("1", 10);
    original["networks"] = json!({"bridge": {}});
    original["labels"] = json!({"service": "app", "role": "web", "mrsk.version": "1"});
    let refused = serving("1", &[original]).undo().unwrap_err();
    let problem =
        "host a: there is no undo of the takeover of app-web-1, which another tool has started";
    assert_eq!(refused, [problem]);
}

#[test]
fn what_stays_as_the_plan_leaves_it_is_told() {
    let config = "release: {cmd: bin/migrate}";
    let (_, undo) = case(config).undo().unwrap();
    let told = "the undo does not take back what the release command did (Run bin/migrate); see that the earlier version works with it";
    assert_eq!(undo.warnings, [told]);
}
