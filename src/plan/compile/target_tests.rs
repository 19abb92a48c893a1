use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running, stopped};
use crate::plan::{Step, StepKind};
use crate::text::action_line;

/// Returns hosts `a` and `b`, each with containers of role `web`, the first of which serves if it runs.
fn hosts(containers: [&[Value]; 2]) -> Case {
    let mut case = case("servers: [a, b]").facts(json!({"taken_at": 1000}));
    for (host, containers) in ["a", "b"].into_iter().zip(containers) {
        let version = |container: &Value| {
            container["labels"]["mrsk.version"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        for container in containers {
            let name = format!("app-web-{}", version(container));
            case = case.facts(json!({"hosts": {host: {"containers": {name: container}}}}));
        }
        if let Some(first) = containers
            .first()
            .filter(|first| first["state"] == "running")
        {
            case = case.facts(json!({"hosts": {host: {"files": routes(&version(first))}}}));
        }
    }
    case
}

/// Returns the version that a rollback without one goes to and what is said, or why it goes nowhere.
fn rollback(containers: [&[Value]; 2]) -> String {
    let case = hosts(containers).asks_for(json!({"name": "rollback"}));
    match case.plan() {
        Ok(plan) => {
            let note = plan
                .unchanged
                .iter()
                .find(|item| item.subject == "rollback");
            let note = note.map_or("", |note| note.reason.as_str());
            format!("{} {note}", plan.version.unwrap())
                .trim_end()
                .to_owned()
        }
        Err(problems) => problems.join("; "),
    }
}

#[test]
fn a_rollback_goes_to_what_ran_on_all_hosts_before() {
    let current = running("3", 30);
    let [one, two] = [stopped("1", [10, 20]), stopped("2", [20, 30])];
    let all = [current.clone(), one.clone(), two.clone()];
    assert_eq!(rollback([&all, &all]), "2");
    // A version that only one host has is none that all ran.
    assert_eq!(rollback([&all, &[current.clone(), one.clone()]]), "1");
    // A deploy that ended half-way: the host that it did not reach serves the target.
    assert_eq!(rollback([&all, &[running("2", 20), one.clone()]]), "2");
    assert_eq!(
        rollback([std::slice::from_ref(&current), &all]),
        "no earlier version has run on all selected hosts (name a version: a has 3; b has 1, 2 and 3)"
    );
    assert_eq!(
        rollback([&[], &[]]),
        "no earlier version has run on all selected hosts (the selected hosts have no version of the app; deploy one first)"
    );
}

#[test]
fn a_repeated_rollback_goes_no_further() {
    let after = [
        running("2", 20),
        stopped("1", [10, 20]),
        stopped("3", [30, 960]),
    ];
    let said =
        "2 already rolled back: 3 stopped 40.0s ago; `mrsk rollback VERSION` goes to another";
    assert_eq!(rollback([&after, &after]), said);
    // Also where another host lost what it was rolled back from.
    assert_eq!(rollback([&after, &after[..2]]), said);
    // While a host still serves it, the rollback goes on.
    let before = [
        running("3", 30),
        stopped("2", [20, 30]),
        stopped("1", [10, 20]),
    ];
    assert_eq!(rollback([&after, &before]), "2");
    let case = hosts([&after, &after]).asks_for(json!({"name": "rollback"}));
    assert!(case.plan_ids().is_empty());
}

#[test]
fn a_named_version_must_be_on_every_host() {
    let case = |version: &str| {
        let images = json!({"r.example/team/app:1": {}, "r.example/team/app:latest": {}});
        let case = hosts([
            &[running("3", 30), stopped("2", [20, 30])],
            &[running("3", 30), stopped("2", [20, 30])],
        ]);
        case.a(json!({"images": images}))
            .asks_for(json!({"name": "rollback", "version": version}))
    };
    assert!(case("2").plan().is_ok());
    assert_eq!(
        case("1").plan().unwrap_err(),
        [
            "version 1 is not on b: neither a container nor an image of it, and no host knows which image was routed \
             (roll back to a version that the hosts have, or run `mrsk deploy --skip-push --version 1`: a has 1, 2 and 3; b has 2 and 3)"
        ]
    );
}

/// Returns a case in which host `a` has rolled back from 3 to 2, by plans whose digests begin with their number, and `b` lacks version 2.
fn routed() -> Case {
    let digest = |number: u8| format!("sha256:{}", format!("{number:02}").repeat(32));
    let line = |number: u8, version: &str, operation: &str, at: u64| {
        json!({
            "role": "web", "version": version, "digest": digest(70 + version.parse::<u8>().unwrap()),
            "container": format!("app-web-{version}"), "at": at, "plan": digest(number),
            "operation": operation, "by": "jo@laptop",
        })
    };
    let lines = json!([
        line(1, "1", "deploy", 100),
        line(2, "2", "deploy", 200),
        line(3, "3", "deploy", 300),
    ]);
    let finished = json!([digest(1), digest(2), digest(3)]);
    let case = hosts([
        &[running("3", 300), stopped("2", [200, 300])],
        &[running("3", 300)],
    ]);
    let host = json!({"routed": lines, "finished": finished});
    case.facts(json!({"hosts": {"a": host.clone(), "b": host}}))
        .asks_for(json!({"name": "rollback"}))
}

#[test]
fn what_was_routed_decides_and_a_host_that_lost_it_pulls_what_was_routed() {
    let plan = routed().plan().unwrap();
    assert_eq!(plan.version.as_deref(), Some("2"));
    let digest = format!("sha256:{}", "72".repeat(32));
    assert_eq!(plan.image.digest.as_deref(), Some(digest.as_str()));
    let pulls: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Pull)
        .collect();
    let [pull] = pulls.as_slice() else {
        panic!("{pulls:?}")
    };
    assert_eq!(pull.id.as_str(), "b/image/2/pull");
    let command = action_line(&pull.action[1]);
    assert!(
        command.contains(&format!("r.example/team/app@{digest}")),
        "{command}"
    );
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert!(ids.contains(&"a/web/app-web-2/start") && ids.contains(&"b/web/app-web-2/start"));
}

#[test]
fn what_the_registry_does_not_have_is_refused_with_what_hosts_have() {
    let image = format!("r.example/team/app@sha256:{}", "72".repeat(32));
    let problems = routed().facts(json!({"registry_lacks": [image]})).plan();
    let digest = format!("sha256:{}", "72".repeat(32));
    assert_eq!(
        problems.unwrap_err(),
        [format!(
            "version 2 is not on b: neither a container nor an image of it, and the registry does not have {digest} \
             (roll back to a version that the hosts have, or run `mrsk deploy --skip-push --version 2`: a has 2 \
             (routed 13m 20s ago) and 3 (routed 11m 40s ago); b has 3 (routed 11m 40s ago))"
        )]
    );
    // Nobody pulls what nobody lacks.
    let there = json!({"containers": {"app-web-2": stopped("2", [200, 300])}});
    let plan = routed()
        .facts(json!({"hosts": {"b": there}}))
        .plan()
        .unwrap();
    assert_eq!(plan.image.digest, None);
    assert!(plan.steps.iter().all(|step| step.kind != StepKind::Pull));
}

#[test]
fn who_rolled_back_is_said_and_nothing_is_done_again() {
    let after = [running("2", 200), stopped("3", [300, 960])];
    let digest = |number: u8| format!("sha256:{}", format!("{number:02}").repeat(32));
    let line = |number: u8, version: &str, operation: &str, at: u64| {
        json!({
            "role": "web", "version": version, "container": "c", "at": at, "plan": digest(number),
            "operation": operation, "by": "jo@laptop",
        })
    };
    let host = json!({
        "routed": [line(2, "2", "deploy", 200), line(3, "3", "deploy", 300), line(4, "2", "rollback", 960)],
        "finished": [digest(2), digest(3), digest(4)],
    });
    let case = hosts([&after, &after])
        .facts(json!({"hosts": {"a": host.clone(), "b": host}}))
        .asks_for(json!({"name": "rollback"}));
    assert!(case.plan_ids().is_empty());
    let plan = case.plan().unwrap();
    let note = plan
        .unchanged
        .iter()
        .find(|item| item.subject == "rollback");
    assert_eq!(
        note.unwrap().reason,
        "already rolled back 40.0s ago by jo@laptop; `mrsk rollback VERSION` goes to another"
    );
}

#[test]
fn a_fresh_environment_needs_the_image() {
    let fresh = routed().operation(json!({"fresh_env": true}));
    let ids = fresh.plan_ids();
    for id in ["a/image/2/pull", "b/image/2/pull"] {
        assert!(ids.contains(&id.to_owned()), "{ids:?}");
    }
    let image = json!({"images": {"r.example/team/app:2": {"id": "i2"}}});
    let made = fresh.facts(json!({"hosts": {"a": image.clone(), "b": image}}));
    let plan = made.plan().unwrap();
    let start = plan
        .steps
        .iter()
        .find(|step| step.id.as_str() == "a/web/app-web-2/start");
    let actions: Vec<String> = start.unwrap().action.iter().map(action_line).collect();
    assert!(
        actions.iter().any(|line| line.starts_with("docker create")),
        "{actions:?}"
    );
}

#[test]
fn a_boot_is_of_the_version_that_runs() {
    let boot = |containers| {
        let case = hosts(containers).asks_for(json!({"name": "app boot"}));
        match case.plan() {
            Ok(plan) => plan.version.unwrap(),
            Err(problems) => problems.join("; "),
        }
    };
    let [one, two] = [[running("1", 10)], [running("2", 20)]];
    assert_eq!(boot([&one, &one]), "1");
    assert_eq!(boot([&one, &[]]), "1");
    assert_eq!(
        boot([&one, &two]),
        "several versions are running: 1 and 2 (name one with `--version`: a has 1; b has 2)"
    );
    let gone = [stopped("1", [10, 20])];
    assert_eq!(
        boot([&gone, &[]]),
        "no version is running (name one with `--version`: a has 1; b has none)"
    );
}

#[test]
fn the_first_digits_of_a_commit_name_the_version_that_hosts_know() {
    let commits =
        ["0a1b2c30a1b2", "0a1b2c3ff1b2", "7777777aa1b2"].map(|start| format!("{start:0<40}"));
    let containers: serde_json::Map<String, Value> = commits
        .iter()
        .zip([10, 20, 30])
        .map(|(commit, created)| {
            (
                format!("app-web-{commit}"),
                stopped(commit, [created, created + 5]),
            )
        })
        .collect();
    let asked = |operation: Value| {
        case("")
            .asks_for(operation)
            .a(json!({"containers": containers.clone()}))
            .a(json!({"containers": {"app-web-now": running("now", 40)}, "files": routes("now")}))
    };
    let back = |version: &str| asked(json!({"name": "rollback", "version": version}));
    for short in ["0a1b2c30a1b2", "7777777", &commits[1]] {
        let plan = back(short).plan().unwrap();
        let version = plan.version.unwrap();
        assert!(
            version.len() == 40 && version.starts_with(short),
            "{version}"
        );
    }
    let problems = back("0a1b2c3").plan().unwrap_err();
    assert_eq!(
        problems,
        [format!(
            "`0a1b2c3` begins several versions: {} and {} (give more of its digits)",
            commits[0], commits[1]
        )]
    );
    // Too short to be a commit, and unknown.
    for unknown in ["777777", "8888888"] {
        let problems = back(unknown).plan().unwrap_err();
        assert!(
            problems[0].starts_with(&format!("version {unknown} is not on a")),
            "{problems:?}"
        );
    }
    let remove = asked(json!({"name": "app remove_container", "version": "7777777"}));
    let removed = format!("a/container/app-web-{}/remove", commits[2]);
    assert_eq!(remove.plan_ids(), [removed]);
}
