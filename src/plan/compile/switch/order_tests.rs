//! The order in which hosts and roles switch.

use serde_json::json;

use super::run;
use crate::plan::compile::testing::case;

#[test]
fn the_canary_goes_first_and_groups_follow_one_another() {
    let is_start = |id: &str| {
        id.split(' ')
            .next()
            .is_some_and(|id| id.ends_with("/start"))
    };
    let needs = |config: &str| {
        let ids = case(config).after(&[run]).ids();
        let wanted = ids
            .iter()
            .filter(|id| is_start(id) || id.starts_with("local"));
        wanted
            .map(|id| id.replace("app-web-2", "W").replace("app-job-2", "J"))
            .collect::<Vec<_>>()
    };
    let gate = "local/barrier/canary/open <- a/web/W/route";
    for (config, expected) in [
        ("servers: [a]", vec!["a/web/W/start"]),
        (
            "servers: [a, b]",
            vec![
                "a/web/W/start",
                gate,
                "b/web/W/start <- local/barrier/canary/open",
            ],
        ),
        (
            "servers: {job: {hosts: [b]}, web: {hosts: [a]}}",
            vec![
                "a/web/W/start",
                gate,
                "b/job/J/start <- local/barrier/canary/open",
            ],
        ),
        (
            "servers: [a, b, c]\nboot: {limit: 1}",
            vec![
                "a/web/W/start",
                "local/barrier/web-group-1/open <- a/web/W/route",
                "b/web/W/start <- local/barrier/web-group-1/open",
                "local/barrier/web-group-2/open <- b/web/W/route",
                "c/web/W/start <- local/barrier/web-group-2/open",
            ],
        ),
        (
            "servers: [a, b, c]\nboot: {limit: 70%, wait: 3}",
            vec![
                "a/web/W/start",
                gate,
                "b/web/W/start <- local/barrier/canary/open",
                "local/barrier/web-group-1/open <- a/web/W/route, b/web/W/route",
                "c/web/W/start <- local/barrier/web-group-1/open",
            ],
        ),
    ] {
        assert_eq!(needs(config), expected, "{config}");
    }
    let made = case("servers: [a, b, c]\nboot: {limit: 70%, wait: 3}").after(&[run]);
    assert_eq!(
        made.step("group-1/open")
            .barrier
            .as_ref()
            .unwrap()
            .wait_seconds,
        3
    );
}

#[test]
fn roles_switch_in_the_order_that_the_file_names() {
    let servers = "servers: {web: [a, b], job: {hosts: [a]}, cron: {hosts: [b]}}\n";
    let host = json!({
        "home": "/root", "curl": {"installed": true}, "docker": {"installed": true, "answers": true},
    });
    let starts = |boot: &str| -> Vec<String> {
        let config = format!("{servers}boot: {boot}");
        let made = case(&config)
            .facts(json!({"hosts": {"b": host}}))
            .after(&[run]);
        let ids = made.ids().into_iter().map(|id| id.to_string());
        let wanted = ids.filter(|id| {
            id.starts_with("local/barrier/")
                || id
                    .split(" <- ")
                    .next()
                    .is_some_and(|id| id.ends_with("/start"))
        });
        wanted.collect()
    };
    let parallel = starts("{}");
    assert!(
        parallel.contains(&"a/job/app-job-2/start <- local/barrier/canary/open".to_owned()),
        "{parallel:?}"
    );
    let ordered = starts("{role_order: [job, web]}");
    for expected in [
        "a/job/app-job-2/start",
        "local/barrier/job-switched/open <- a/job/app-job-2/healthcheck",
        "a/web/app-web-2/start <- local/barrier/job-switched/open",
        "b/web/app-web-2/start <- local/barrier/job-switched/open",
        "b/cron/app-cron-2/start <- local/barrier/web-switched/open",
    ] {
        assert!(
            ordered.contains(&expected.to_owned()),
            "{expected}: {ordered:#?}"
        );
    }
    let serial = starts("{parallel_roles: false}");
    let last = "b/cron/app-cron-2/start <- local/barrier/job-switched/open";
    assert!(serial.contains(&last.to_owned()), "{serial:#?}");
}

#[test]
fn groups_follow_one_with_as_many_failed_hosts_as_the_configuration_says() {
    let gates = |boot: &str| -> Vec<(String, u32)> {
        let config = format!("servers: {{web: [a, b, c]}}\nboot: {boot}");
        let made = case(&config).after(&[run]);
        let gates = made.steps.iter().filter_map(|step| {
            let barrier = step.barrier.as_ref()?;
            Some((step.id.to_string(), barrier.at_most_failed))
        });
        gates.collect()
    };
    let gate = |name: &str, at_most_failed| (format!("local/barrier/{name}/open"), at_most_failed);
    assert_eq!(
        gates("{limit: 1, max_failures: 2}"),
        [gate("web-group-1", 0), gate("web-group-2", 2)],
        "nothing goes behind a canary that failed"
    );
    assert_eq!(
        gates("{limit: 2, max_failures: 2}"),
        [gate("canary", 0), gate("web-group-1", 1)]
    );
    assert_eq!(
        gates("{limit: 2}"),
        [gate("canary", 0), gate("web-group-1", 0)]
    );
}
