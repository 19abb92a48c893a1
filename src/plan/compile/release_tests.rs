use serde_json::{Value, json};

use super::warn_of_later;
use crate::plan::compile::testing::{Case, case, routes, running, stopped};
use crate::plan::shape::{Shape, StepIndex};
use crate::plan::{OnFailure, Plan, Step, StepKind};
use crate::text::action_line;

const KEYS: &str = "release: {cmd: bin/rails db:migrate}\nenv: {clear: {A: b}, secret: [KEY]}\nvolumes: ['~/data:/data']";

/// Returns a deploy of version 2 to a host that serves version 1.
fn deploy(config: &str) -> Case {
    case(config).a(json!({
        "containers": {"app-web-1": running("1", 10)}, "files": routes("1"),
    }))
}

/// Returns the container of a release command.
fn ran(version: &str, created: u64, exit_code: u64) -> Value {
    json!({
        "id": format!("r{version}"), "state": "exited", "exit_code": exit_code, "created_at": created,
        "stopped_at": created,
        "labels": {"service": "app", "mrsk.version": version, "mrsk.release": "0"},
    })
}

fn step<'p>(plan: &'p Plan, id: &str) -> Option<&'p Step> {
    plan.steps.iter().find(|step| step.id.as_str() == id)
}

fn runs(case: &Case) -> bool {
    step(&case.plan().unwrap(), "a/release/2/run").is_some()
}

fn notes(case: &Case) -> Vec<String> {
    let plan = case.plan().unwrap();
    let unchanged = plan.unchanged.iter().filter(|one| one.subject == "release");
    let unchanged = unchanged.map(|one| one.reason.clone());
    let warnings = plan.warnings.iter().filter(|text| text.contains("release"));
    unchanged.chain(warnings.cloned()).collect()
}

#[test]
fn it_runs_after_the_pull_and_before_anything_starts() {
    let plan = deploy(KEYS).plan().unwrap();
    let needs = |id: &str| {
        let needs = &step(&plan, id).unwrap().needs;
        Vec::from_iter(needs.iter().map(|need| need.step.to_string()))
    };
    assert_eq!(needs("a/release/2/create"), ["a/image/2/pull"]);
    assert_eq!(needs("a/release/2/run"), ["a/release/2/create"]);
    assert_eq!(needs("local/barrier/release/open"), ["a/release/2/run"]);
    assert!(needs("a/web/app-web-2/start").contains(&"local/barrier/release/open".to_owned()));
    let create = step(&plan, "a/release/2/create").unwrap();
    let lines = create.action.iter().map(action_line);
    let lines: Vec<String> = lines.collect();
    assert_eq!(
        lines[0],
        "docker container prune --force --filter 'label=service=app' --filter 'label=mrsk.release' --filter \
         'label!=destination' --filter 'label=mrsk.version=2'"
    );
    let start = lines[1]
        .split("mrsk.release=")
        .nth(1)
        .unwrap()
        .get(..16)
        .unwrap();
    assert_eq!(
        lines[1].replace(start, "START").replace('\'', ""),
        "docker create --name app-release-2 --pull never --env A=b --env MRSK_CONTAINER_NAME=app-release-2 --env \
         KEY --log-opt max-size=10m --volume /root/data:/data --label mrsk.release=START --label \
         mrsk.service=app --label mrsk.version=2 --label service=app --label traefik.enable=false \
         r.example/team/app:2 bin/rails db:migrate  # with KEY in the environment"
    );
    assert_eq!(lines[2..], ["docker network connect mrsk app-release-2"]);
    let run = step(&plan, "a/release/2/run").unwrap();
    assert_eq!(run.summary, "Run bin/rails db:migrate");
    assert_eq!(
        (run.on_failure, run.timeout_seconds),
        (OnFailure::StopRun, 0)
    );
    let cleanup = run.cleanup.iter().map(action_line);
    let cleanup: Vec<String> = cleanup.collect();
    assert_eq!(
        cleanup,
        [
            "docker stop --time 10 app-release-2",
            "docker rm --force app-release-2"
        ]
    );
}

#[test]
fn every_host_waits_for_it() {
    let config = "servers: {web: [a, b], job: {hosts: [b, c], cmd: bin/jobs}}\nboot: {limit: 1}\nrelease: {cmd: x, role: job, timeout: 60}";
    for glass in [json!({}), json!({"all_at_once": true})] {
        let plan = case(config).operation(glass).plan().unwrap();
        let ids = Shape::new(&plan).unwrap();
        let gate = ids.index(&"local/barrier/release/open".into()).unwrap();
        for (at, step) in plan.steps.iter().enumerate() {
            if step.kind != StepKind::Start {
                continue;
            }
            let mut work = vec![StepIndex::from_usize(at)];
            let mut seen = Vec::new();
            while let Some(at) = work.pop() {
                seen.push(at);
                work.extend(ids.graph.needs(at));
            }
            assert!(seen.contains(&gate), "{}", step.id);
        }
        let create = step(&plan, "a/release/2/create").unwrap();
        assert_eq!(create.role.as_ref().unwrap().as_str(), "job");
        assert_eq!(
            create.action.len(),
            2,
            "job has no part in Traefik's network"
        );
        assert_eq!(step(&plan, "a/release/2/run").unwrap().timeout_seconds, 60);
    }
}

#[test]
fn it_runs_once_for_each_version() {
    let after = |exit_code| {
        deploy(KEYS).a(json!({"containers": {"app-release-2": ran("2", 5, exit_code)}}))
    };
    assert!(!runs(&after(0)));
    assert_eq!(
        notes(&after(0)),
        ["`bin/rails db:migrate` has run for this version"]
    );
    assert!(runs(&after(1)), "a failure is no success");
    assert!(runs(&after(0).operation(json!({"release": true}))));
    let redeploy = after(0).operation(json!({"name": "redeploy"}));
    assert!(!runs(&redeploy));
    let other = deploy(KEYS).a(json!({"containers": {"app-release-1": ran("1", 5, 0)}}));
    assert!(runs(&other));
    for name in ["rollback", "app boot"] {
        let operation = json!({"name": name, "version": "2"});
        let image = json!({"images": {"r.example/team/app:2": {"id": "i2"}}});
        let case = deploy(KEYS).asks_for(operation).a(image);
        let plan = case.plan().unwrap();
        assert!(step(&plan, "a/release/2/run").is_none(), "{name}");
    }
}

#[test]
fn a_part_of_the_hosts_or_roles_does_not_run_it() {
    let config = "servers: {web: [a, b], job: {hosts: [b], cmd: x}}\nrelease: {cmd: bin/migrate}";
    let warning = "the release command is not run: bin/migrate; only a part of the hosts or roles is selected";
    for (part, expected) in [
        (json!({"hosts": ["a"]}), vec![warning]),
        (json!({"roles": ["web"]}), vec![warning]),
        (json!({"hosts": ["a", "b"]}), vec![]),
    ] {
        let case = case(config).operation(part);
        assert_eq!(notes(&case), expected);
        assert_eq!(runs(&case), expected.is_empty());
    }
    let done = json!({"containers": {"app-release-2": ran("2", 5, 0)}});
    let done = case(config).a(done).operation(json!({"hosts": ["a"]}));
    assert_eq!(notes(&done), ["`bin/migrate` has run for this version"]);
    let again = case(config).operation(json!({"hosts": ["a"], "release": true}));
    assert_eq!(
        again.plan().unwrap_err(),
        [
            "the release command is not run: bin/migrate (only a part of the hosts or roles is selected: select all)"
        ]
    );
    let without = case("").operation(json!({"release": true}));
    assert_eq!(
        without.plan().unwrap_err(),
        [
            "no release command is configured (set `release: {cmd: …}` in deploy.yml, or omit `--release`)"
        ]
    );
}

/// What is left of a run that was given up goes on, and nothing starts beside it.
#[test]
fn one_that_is_still_running_is_waited_for() {
    let mut left = ran("1b", 5, 0);
    left["state"] = "running".into();
    left["exit_code"] = Value::Null;
    let case = deploy(KEYS).a(json!({"containers": {"app-release-1b": left}}));
    let problems = case.plan().unwrap_err();
    assert!(problems[0].starts_with("host a: release command app-release-1b is still running"));
}

#[test]
fn a_rollback_says_what_it_does_not_undo() {
    let containers = json!({
        "app-web-1": stopped("1", [10, 30]), "app-web-3": running("3", 30),
        "app-release-1": ran("1", 9, 0), "app-release-2": ran("2", 20, 0), "app-release-3": ran("3", 29, 0),
    });
    let rollback = case(KEYS)
        .asks_for(json!({"name": "rollback", "version": "1"}))
        .a(json!({"containers": containers, "files": routes("3")}));
    assert_eq!(
        rollback.after(&[warn_of_later]).notes,
        ["warning: a rollback does not undo the release command, which has run since for 2 and 3"]
    );
    let forward = rollback.operation(json!({"version": "3"}));
    assert_eq!(forward.after(&[warn_of_later]).notes, [""; 0]);
}

#[test]
fn its_containers_go_with_their_version() {
    let day = 86_400;
    let facts = json!({
        "containers": {
            "app-web-1": stopped("1", [1, 2]), "app-web-2": running("2", 9 * day),
            "app-release-0": ran("0", 1, 0), "app-release-1": ran("1", 1, 0), "app-release-2": ran("2", 8 * day, 0),
            "app-release-x": ran("x", 9 * day, 1),
        },
        "files": routes("2"),
    });
    let lines = |operation: Value| {
        let case = case("")
            .facts(json!({"taken_at": 10 * day}))
            .a(facts.clone());
        let plan = case.asks_for(operation).plan().unwrap();
        let actions = plan
            .steps
            .iter()
            .flat_map(|step| &step.action)
            .map(action_line);
        let wanted = actions.filter(|line| line.starts_with("docker rm"));
        wanted.collect::<Vec<_>>()
    };
    assert_eq!(
        lines(json!({"name": "prune all"})),
        ["docker rm app-release-0"]
    );
    let removed = lines(json!({"name": "remove"}));
    for version in ["0", "1", "2", "x"] {
        assert!(
            removed.contains(&format!("docker rm app-release-{version}")),
            "{version}"
        );
    }
    let removed = lines(json!({"name": "app remove_container", "version": "1"}));
    assert_eq!(removed, ["docker rm app-web-1", "docker rm app-release-1"]);
}
