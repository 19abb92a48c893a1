//! Operations on the lab, in the order in which a user meets them: under load where requests must not be lost, and twice
//! where the second must change nothing.

use std::net::SocketAddr;

use crate::lab_load::{Load, Settings};
use crate::lab_project::{Machine, Project};

const APP: &str = "APP_BOOT_MS=1000\nAPP_SLOW_MS=50\n";

fn load(project: &Project) -> Load {
    let address = |machine: &Machine| format!("{}:80", machine.ip).parse().unwrap();
    let addresses: Vec<SocketAddr> = project.machines.iter().map(address).collect();
    Load::start(Settings::new(&addresses, 4 * addresses.len()))
}

/// Runs `arguments` under load, and fails where a request was lost.
#[track_caller]
fn runs_without_a_loss(project: &Project, arguments: &[&str]) {
    let load = load(project);
    load.wait_for(100);
    project.mrsk(arguments).expect(0);
    load.wait_for(100);
    let report = load.stop();
    assert_eq!(report.losses(), Vec::<String>::new());
    assert_eq!(report.lost(), 0);
}

/// Fails where `operation` would change something.
#[track_caller]
fn has_nothing_to_do(project: &Project, operation: &[&str]) {
    let plan = ["plan", "--detailed-exitcode"];
    project.mrsk(&[&plan[..], operation].concat()).expect(0);
}

fn versions(project: &Project) -> Vec<String> {
    project.each(Machine::version)
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn rollbacks_and_boots_lose_no_request() {
    let project = Project::new("lab-back", &["172.30.0.16", "172.30.0.17"]);
    for number in 1..=3 {
        project.commit(&format!("APP_VERSION=v{number}\n{APP}"));
        project.mrsk(&["deploy"]).expect(0);
    }
    assert_eq!(versions(&project), ["v3", "v3"]);
    // Without a version, somebody has to say yes.
    let refused = project.mrsk(&["rollback"]).expect(64);
    refused.says(&["asks for confirmation"]);
    runs_without_a_loss(&project, &["rollback", "--yes"]);
    assert_eq!(versions(&project), ["v2", "v2"]);
    has_nothing_to_do(&project, &["rollback"]);
    project
        .mrsk(&["rollback", "--yes"])
        .expect(0)
        .says(&["already rolled back"]);
    assert_eq!(versions(&project), ["v2", "v2"]);
    // The app is started as it was, whatever else is configured by now.
    runs_without_a_loss(&project, &["app", "boot"]);
    assert_eq!(versions(&project), ["v2", "v2"]);
    project
        .mrsk(&["rollback", "nowhere"])
        .expect(78)
        .says(&["is not on"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn an_app_stops_and_starts_as_it_was() {
    let project = Project::new("lab-stop", &["172.30.0.16"]);
    project.commit(&format!("APP_VERSION=one\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    let machine = &project.machines[0];
    let before = machine.container_ids();
    project.mrsk(&["app", "stop"]).expect(64);
    project.mrsk(&["app", "stop", "-y"]).expect(0);
    assert_eq!(machine.get("/up").unwrap().0, 404);
    has_nothing_to_do(&project, &["app", "stop"]);
    project.mrsk(&["app", "stop", "-y"]).expect(0);
    project.mrsk(&["app", "start"]).expect(0);
    assert_eq!(machine.version(), "one");
    assert_eq!(machine.container_ids(), before);
    has_nothing_to_do(&project, &["app", "start"]);
    // After a stop a deploy converges.
    project.mrsk(&["app", "stop", "-y"]).expect(0);
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(machine.version(), "one");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn remove_leaves_what_others_have_and_then_a_clean_host() {
    let project = Project::new("lab-rm", &["172.30.0.17"]);
    let machine = &project.machines[0];
    let inventory = || {
        machine.sh("docker ps -a --format '{{.Names}}' | sort; docker network ls --format '{{.Name}}' | sort")
    };
    let before = inventory();
    let other = project.another("lab-stays");
    for project in [&project, &other] {
        project.commit(&format!("APP_VERSION=one\n{APP}"));
        let name = project.service;
        project.configure(&format!(
            "labels:\n  traefik.http.routers.{name}.rule: Host(`{name}.example`)\n"
        ));
        project.mrsk(&["deploy"]).expect(0);
    }
    project.mrsk(&["remove", "-y"]).expect(0);
    has_nothing_to_do(&project, &["remove"]);
    assert_eq!(other.mrsk(&["plan", "--detailed-exitcode"]).code, 0);
    let names = machine.containers().join(" ");
    assert!(
        names.contains("lab-stays-web") && names.contains("traefik"),
        "{names}"
    );
    assert!(!names.contains("lab-rm"), "{names}");
    other.mrsk(&["remove", "-y"]).expect(0);
    assert_eq!(inventory(), before);
}
