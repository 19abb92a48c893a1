use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, running, stopped};

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
            "version 1 is not on b: neither a container nor an image of it (roll back to a version that the \
             hosts have, or run `mrsk deploy --skip-push --version 1`: a has 1, 2 and 3; b has 2 and 3)"
        ]
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
