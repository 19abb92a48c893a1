//! Switches under load on the lab, in the shapes that users have: not one request is lost.

use std::net::SocketAddr;
use std::time::Duration;

use crate::lab_load::{Load, Outcome, Report, Settings, WebSocketEnd, slow_request, websocket};
use crate::lab_project::{Machine, Project, is_matrix};

/// An app that takes its time, as real ones do.
const APP: &str = "APP_BOOT_MS=1000\nAPP_SLOW_MS=50\n";

/// Returns how many clients each host has: with 50 ms an answer nearly all of them have a request in flight at any time.
fn clients() -> usize {
    match is_matrix() {
        true => 10,
        false => 4,
    }
}

fn addresses(project: &Project) -> Vec<SocketAddr> {
    let address = |machine: &Machine| format!("{}:80", machine.ip).parse().unwrap();
    project.machines.iter().map(address).collect()
}

/// Asks all hosts of the project without pause.
fn load(project: &Project) -> Load {
    let addresses = addresses(project);
    Load::start(Settings::new(&addresses, clients() * addresses.len()))
}

/// Fails where a request was lost.
#[track_caller]
fn assert_nothing_lost(report: &Report) {
    eprintln!("{}", report.summary());
    assert_eq!(report.losses(), Vec::<String>::new());
    assert_eq!(report.lost(), 0);
}

/// Deploys under load, and fails where a request was lost or the switch was not seen.
#[track_caller]
fn deploys_without_a_loss(project: &Project, arguments: &[&str]) {
    let before = project.each(Machine::container_ids);
    let load = load(project);
    load.wait_for(100);
    project.mrsk(arguments).expect(0);
    load.wait_for(100);
    assert_nothing_lost(&load.stop());
    let after = project.each(Machine::container_ids);
    for (before, after) in before.iter().zip(&after) {
        assert_ne!(before, after);
    }
    project
        .mrsk(&[&["plan", "--detailed-exitcode"], &arguments[1..]].concat())
        .expect(0);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn deploys_to_three_hosts_lose_no_request() {
    let (deploys, requests) = match is_matrix() {
        true => (10, 20_000_usize),
        false => (3, 6_000),
    };
    let hosts = ["172.30.0.11", "172.30.0.12", "172.30.0.13"];
    let project = Project::new("lab-switches", &hosts);
    project.commit(&format!("APP_VERSION=v0\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    let load = load(&project);
    for number in 1..=deploys {
        project.commit(&format!("APP_VERSION=v{number}\n{APP}"));
        project.mrsk(&["deploy"]).expect(0);
    }
    load.wait_for(requests.saturating_sub(load.ended()).max(100));
    let report = load.stop();
    assert_nothing_lost(&report);
    assert_eq!(report.versions.len(), deploys + 1);
    let switches = report.first_answers();
    let switches = switches.iter().filter(|answer| answer.is_switch).count();
    assert_eq!(switches, deploys * hosts.len());
    assert!(report.in_flight_at_switches() >= Some(2 * clients()));
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn what_began_before_a_switch_ends_as_it_would_have() {
    let project = Project::new("lab-long", &["172.30.0.14"]);
    project.configure("drain_timeout: 12\n");
    project.commit(&format!("APP_VERSION=one\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    project.commit(&format!("APP_VERSION=two\n{APP}"));
    let load = load(&project);
    load.wait_for(100);
    let machine = &project.machines[0];
    let address = addresses(&project)[0];
    let socket = websocket(address, &machine.ip);
    let plan = project.mrsk(&["plan"]).expect(0);
    project.write("plan.json", &plan.out);
    let (began, slow) = (
        std::time::Instant::now(),
        slow_request(address, &machine.ip, 8000),
    );
    project.mrsk(&["apply", "plan.json"]).expect(0);
    let applied = began.elapsed();
    let slow = slow.join();
    assert_eq!(slow.outcome, Outcome::Status(200));
    assert_nothing_lost(&load.stop());
    let life = socket.join_within(Duration::from_secs(5));
    assert!(!matches!(life.end, WebSocketEnd::StillOpen), "{life:?}");
    assert!(life.lived >= Duration::from_secs(12), "{life:?}");
    assert!(
        applied >= Duration::from_secs(12),
        "it was waited for: {applied:?}"
    );
    assert_eq!(machine.version(), "two");
}

/// The image has no shell, the name is as long as one may be, and one version dies at once when it is told to end.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn odd_apps_and_equal_versions_are_switched_without_a_loss() {
    const SERVICE: &str = "a-service-whose-name-has-forty-five-letters-x";
    assert_eq!(SERVICE.len(), 45);
    let project = Project::from_scratch(SERVICE, &["172.30.0.15", "172.30.0.16"]);
    let versions = [
        ("one", APP),
        ("two", "APP_BOOT_MS=1000\nAPP_SLOW_MS=50\nAPP_TERM=die\n"),
        ("three", APP),
    ];
    for (number, (version, behaviour)) in versions.into_iter().enumerate() {
        project.commit(&format!("APP_VERSION={version}\n{behaviour}"));
        if number == 0 {
            project.mrsk(&["deploy"]).expect(0);
        } else {
            deploys_without_a_loss(&project, &["deploy"]);
        }
        let served = project.each(Machine::version);
        assert_eq!(served, [version, version]);
    }
    let version = project.commit(&format!("APP_VERSION=three\n{APP}"));
    let version = ["--version", version.as_str()];
    deploys_without_a_loss(&project, &["deploy", version[0], version[1]]);
    deploys_without_a_loss(&project, &["redeploy", version[0], version[1]]);
    project.configure("env:\n  clear:\n    GREETING: hello\n");
    deploys_without_a_loss(&project, &["deploy", "--skip-push", version[0], version[1]]);
    let greetings = project.each(|machine| machine.get("/env/GREETING").unwrap().1);
    assert_eq!(greetings, [b"hello", b"hello"]);
}
