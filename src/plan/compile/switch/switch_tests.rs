use serde_json::{Value, json};

use super::run;
use crate::plan::OnFailure;
use crate::plan::compile::testing::{Case, case, web};

/// Returns a host that serves version 1.
fn serving(config: &str) -> Case {
    case(config).a(json!({
        "containers": {"app-web-1": web("1")},
        "files": {"/s/traefik/mrsk-app@web.yml": {
            "sha256": "0a85f7dae28e88a43ea2a4d4ed62bd3b1dbdbbd3f4f6b0a9bd1ba2f8d6ab6ca0",
            "text": "old", "aliases": ["m-0123456789abcdef"],
        }},
    }))
}

const SWITCH: [&str; 5] = [
    "a/web/app-web-2/start",
    "a/web/app-web-2/healthcheck <- a/web/app-web-2/start",
    "a/web/app-web-2/route <- a/web/app-web-2/healthcheck",
    "a/web/app-web-1/drain <- a/web/app-web-2/route",
    "a/web/app-web-1/stop <- a/web/app-web-1/drain",
];

#[test]
fn a_switch_is_five_steps_and_each_waits_for_the_one_before() {
    let made = serving("").after(&[run]);
    assert_eq!(made.ids(), SWITCH);
    let safe: Vec<bool> = made.steps.iter().map(|step| step.safe_point).collect();
    assert_eq!(safe, [true, false, false, false, false]);
    assert!(
        made.steps
            .iter()
            .all(|step| step.on_failure == OnFailure::StopHost)
    );
    let first = case("").after(&[run]);
    assert_eq!(first.ids(), SWITCH[..3]);
}

#[test]
fn a_new_container_is_created_connected_and_then_started() {
    let made = case("").after(&[run]);
    let actions = made.actions("start");
    assert!(
        actions[0].starts_with("docker container prune "),
        "{actions:?}"
    );
    assert!(
        actions[1].starts_with("docker create --name app-web-2 "),
        "{actions:?}"
    );
    assert_eq!(
        actions[2..],
        [
            "docker network connect --alias m-… mrsk app-web-2",
            "docker start app-web-2"
        ]
    );
    let job = case("servers: {job: {hosts: [a]}}").after(&[run]);
    assert_eq!(
        job.ids(),
        [
            "a/job/app-job-2/start",
            "a/job/app-job-2/healthcheck <- a/job/app-job-2/start"
        ]
    );
    assert!(
        !job.actions("start")
            .iter()
            .any(|line| line.contains("network connect"))
    );
}

#[test]
fn health_is_asked_of_the_container_or_of_its_image() {
    let labels =
        "servers: {web: {hosts: [a], labels: {traefik.http.routers.app-web.rule: 'Host(`x`)'}}}";
    let job = "servers: {job: {hosts: [a]}}";
    for (config, summary, polls, seconds) in [
        (
            "",
            "Wait for app-web-2 to answer 200 at :3000/up",
            2,
            7 * 4 * 2 + 120,
        ),
        (
            "healthcheck: {path: /ok, port: 80, max_attempts: 2}",
            "Wait for app-web-2 to answer 200 at :80/ok",
            2,
            2 * 4 * 2 + 120,
        ),
        (
            labels,
            "Wait for app-web-2 to answer 200 at :3000/up, and for Traefik to accept its routes",
            4,
            (7 * 4 + 10) * 2 + 120,
        ),
        (
            job,
            "Wait for app-job-2 to run for 7 s, or to pass its image's health check",
            1,
            7 * 2 + 120,
        ),
        (
            "healthcheck: {interval: 10s}",
            "Wait for app-web-2 to answer 200 at :3000/up",
            2,
            7 * 10 * 2 + 120,
        ),
        (
            "deploy_timeout: 90",
            "Wait for app-web-2 to answer 200 at :3000/up",
            2,
            90 * 2 + 120,
        ),
        (
            "servers: {web: {hosts: [a], healthcheck: {port: 80, max_attempts: 3}}}",
            "Wait for app-web-2 to answer 200 at :80/up",
            2,
            3 * 4 * 2 + 120,
        ),
        (
            "healthcheck: {cmd: bin/check}",
            "Wait for app-web-2 to pass its health check",
            2,
            7 * 4 * 2 + 120,
        ),
        (
            "servers: {job: {hosts: [a], healthcheck: {cmd: bin/check, max_attempts: 2}}}",
            "Wait for app-job-2 to pass its health check",
            1,
            2 * 4 * 2 + 120,
        ),
    ] {
        let made = case(config).after(&[run]);
        let step = made.step("healthcheck");
        assert_eq!(step.summary, summary);
        assert_eq!(
            (step.action.len(), step.timeout_seconds),
            (polls, seconds),
            "{summary}"
        );
    }
}

#[test]
fn a_command_that_docker_runs_takes_the_place_of_the_request() {
    let made = serving("healthcheck: {cmd: bin/check, log_lines: 9}").after(&[run]);
    let step = made.step("healthcheck");
    let polls = |step: &crate::plan::Step| {
        let polls = step.action.iter().filter_map(|action| match action {
            crate::action::Action::Poll(poll) => {
                Some((poll.probe, poll.attempts, poll.interval_ms))
            }
            _ => None,
        });
        polls.collect::<Vec<_>>()
    };
    use crate::action::Probe::{Idle, Running};
    assert_eq!(polls(step), [(Running, 7, 4000)]);
    let check = serde_json::to_value(&step.check).unwrap().to_string();
    assert!(
        check.contains("/containers/app-web-2/health") && check.contains("\"healthy\""),
        "{check}"
    );
    let drained = polls(made.step("drain"));
    assert_eq!(drained.last(), Some(&(Running, 2, 1000)), "{drained:?}");
    assert!(drained.iter().any(|poll| poll.0 == Idle), "{drained:?}");
    for step in ["start", "healthcheck", "route", "drain"] {
        let lines: Vec<String> = made
            .step(step)
            .diagnose
            .iter()
            .map(|run| crate::text::action_line(&run.clone().into()))
            .collect();
        assert!(
            lines.contains(&"docker logs --tail 9 app-web-2".to_owned()),
            "{step}: {lines:?}"
        );
    }
}

#[test]
fn a_role_may_have_its_own_time_to_stop() {
    let servers = "servers: {web: {hosts: [a], stop_wait_time: 60}}\nstop_wait_time: 5";
    let made = serving(servers).after(&[run]);
    assert_eq!(made.actions("stop"), ["docker stop --time 60 app-web-1"]);
    let made = serving("stop_timeout: 5").after(&[run]);
    assert_eq!(made.actions("stop"), ["docker stop --time 5 app-web-1"]);
}

#[test]
fn a_route_that_fails_is_taken_back() {
    let lines = |case: Case| {
        let made = case.after(&[run]);
        let lines = made
            .step("app-web-2/route")
            .cleanup
            .iter()
            .map(crate::text::action_line);
        let words = lines.map(|line| line.split(' ').take(4).collect::<Vec<_>>().join(" "));
        words.collect::<Vec<String>>()
    };
    let file = "/s/traefik/mrsk-app@web.yml";
    let remove = "docker rm --force app-web-2";
    // Traefik may be sending it what it got meanwhile.
    let wait = "sleep 5";
    assert_eq!(
        lines(case("")),
        [format!("rm -f {file}"), wait.into(), remove.into()]
    );
    let secure = "labels: {traefik.http.routers.app-web.tls: true}";
    assert_eq!(
        lines(case(secure)),
        [format!("rm -f {file}"), remove.into()]
    );
    let known = crate::name::Sha256Hex::of(b"old").to_string();
    let known = serving("").a(json!({"files": {file: {"sha256": known}}}));
    assert_eq!(
        lines(known),
        [format!("# write {file} (mode"), wait.into(), remove.into()]
    );
    assert!(lines(serving("")).is_empty());
}

#[test]
fn what_users_get_is_asked_before_and_after_the_switch() {
    let table = [
        ("", ", and ask for a/up", "a/up"),
        (
            "labels: {traefik.http.routers.app.rule: Host(`x.example`) && PathPrefix(`/v1`)}",
            ", and ask for x.example/v1",
            "x.example/v1",
        ),
        (
            "labels: {traefik.http.routers.app.tls: true}",
            " (routes not asked: TLS)",
            "",
        ),
        (
            "labels: {traefik.http.routers.app.rule: Host(`x`), traefik.http.routers.s.rule: Host(`s`), \
             traefik.http.routers.s.tls: true}",
            ", and ask for x/up (not asked: s; TLS)",
            "x/up",
        ),
    ];
    for (config, summary, asked) in table {
        let made = serving(config).after(&[run]);
        let route = made.step("app-web-2/route");
        assert_eq!(
            route.summary,
            format!("Route requests to app-web-2{summary}")
        );
        let lines = |step: &str| {
            let lines = made.actions(step).into_iter();
            Vec::from_iter(lines.filter(|line| line.contains(" answered through traefik")))
        };
        let found = [lines("healthcheck"), lines("route"), lines("drain")].concat();
        let expected = match asked {
            "" => Vec::new(),
            asked => vec![
                format!("# note how {asked} is answered through traefik"),
                format!("# check that {asked} is answered through traefik as before"),
                format!(
                    "# check that {asked} is answered through traefik as before, unless that was checked"
                ),
            ],
        };
        assert_eq!(found, expected, "{config}");
    }
    // A plan that routes nothing asks nothing.
    let job = case("servers: {job: {hosts: [a]}}").after(&[run]);
    let line = "answered through";
    assert!(!job.actions("healthcheck").join("\n").contains(line));
}

#[test]
fn an_old_container_is_drained_at_each_port_that_its_labels_name() {
    let ports = |labels: Value| {
        let made = serving("").a(json!({"containers": {"app-web-1": {"labels": labels}}}));
        let made = made.after(&[run]);
        let polls = made
            .step("drain")
            .action
            .iter()
            .filter_map(|action| match action {
                crate::action::Action::Poll(poll) if poll.probe == crate::action::Probe::Idle => {
                    poll.port
                }
                _ => None,
            });
        polls.collect::<Vec<u16>>()
    };
    let port = |name: &str| format!("traefik.http.services.{name}.loadbalancer.server.port");
    assert_eq!(ports(json!({})), [3000]);
    assert_eq!(ports(json!({"mrsk.healthcheck": "8080 /"})), [8080]);
    assert_eq!(ports(json!({port("x"): "81", port("y"): " 82"})), [81, 82]);
    let made = serving("drain_timeout: 5\nstop_wait_time: 9").after(&[run]);
    assert_eq!(made.step("drain").summary, "Drain app-web-1 (up to 5 s)");
    assert_eq!(made.step("drain").timeout_seconds, 5 * 3 + 120);
    assert_eq!(made.actions("stop"), ["docker stop --time 9 app-web-1"]);
}

/// A container that Traefik's Docker provider serves is reached by any of its networks.
#[test]
fn requests_in_flight_are_looked_for_in_the_network_that_routes_lead_into() {
    for (service, network) in [(json!("app"), Some("mrsk")), (Value::Null, None)] {
        let labels = json!({"mrsk.service": service});
        let made = serving("").a(json!({"containers": {"app-web-1": {"labels": labels}}}));
        let made = made.after(&[run]);
        let polls = made.step("drain").action.iter();
        let networks = polls.filter_map(|action| match action {
            crate::action::Action::Poll(poll) if poll.probe == crate::action::Probe::Idle => {
                Some(poll.network.as_deref())
            }
            _ => None,
        });
        assert_eq!(Vec::from_iter(networks), [network]);
    }
}

#[test]
fn the_container_that_serves_is_stopped_last() {
    let mut other = web("0");
    other["networks"] = json!({});
    let made = serving("")
        .a(json!({"containers": {"app-web-0": other}}))
        .after(&[run]);
    let stops: Vec<String> = made
        .ids()
        .into_iter()
        .filter(|id| id.contains("/stop <-") && !id.contains("/drain <-"))
        .collect();
    assert!(stops[0].starts_with("a/web/app-web-0/stop"), "{stops:?}");
    assert!(stops[1].starts_with("a/web/app-web-1/stop"), "{stops:?}");
}

#[test]
fn a_worker_is_told_to_take_no_more_work_before_it_is_stopped() {
    let config = "servers: {web: [a], job: {hosts: [a], quiet_signal: TSTP, stop_wait_time: 600}}";
    let mut old = web("1");
    old["labels"]["role"] = "job".into();
    let made = case(config)
        .a(json!({"containers": {"app-job-1": old}}))
        .after(&[run]);
    assert_eq!(
        made.actions("app-job-1/stop"),
        [
            "docker update --restart no app-job-1",
            "docker kill --signal TSTP app-job-1",
            "# wait until app-job-1 has ended: 600 attempts of 1.0s",
            "docker stop --time 600 app-job-1",
        ]
    );
    let stop = made.step("app-job-1/stop");
    let cleanup = stop.cleanup.iter().map(crate::text::action_line);
    assert_eq!(
        Vec::from_iter(cleanup),
        [
            "docker update --restart unless-stopped app-job-1",
            "docker restart --time 600 app-job-1",
            "docker rm --force app-job-2",
        ]
    );
    // The new one is ready, and the canary is routed.
    assert_eq!(stop.needs[0].step.as_str(), "a/job/app-job-2/healthcheck");
    let gate = made.step("barrier/canary/open").id.clone();
    assert_eq!(made.step("app-job-2/start").needs[0].step, gate);
    assert!(stop.timeout_seconds > 1200 && !stop.safe_point);
}
