//! Requests that are answered with 503 in place of the app, under load: what is let through loses nothing.

use std::net::SocketAddr;

use crate::lab_load::{Load, Settings};
use crate::lab_project::{Machine, Project, lab};

const APP: &str = "APP_BOOT_MS=500\n";

fn load(machines: &[Machine], path: &str) -> Load {
    let addresses: Vec<SocketAddr> = machines
        .iter()
        .map(|machine| format!("{}:80", machine.ip).parse().unwrap())
        .collect();
    let mut settings = Settings::new(&addresses, 4 * addresses.len());
    settings.path = path.to_owned();
    let load = Load::start(settings);
    load.wait_for(20);
    load
}

fn statuses(machines: &[Machine], path: &str) -> Vec<u16> {
    let status = |machine: &Machine| machine.get(path).map_or(0, |(status, _)| status);
    machines.iter().map(status).collect()
}

/// Returns an answer of the host with its head, as another host gets it.
fn from_elsewhere(asker: &Machine, asked: &Machine, path: &str) -> String {
    asker.sh(&format!(
        "curl -q -s -i --max-time 10 http://{}{path}",
        asked.ip
    ))
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_maintenance_lets_through_what_it_says_and_survives_a_deploy() {
    let project = Project::new("lab-off", &["172.30.0.16", "172.30.0.17"]);
    let machines = project.machines.clone();
    project.commit(&format!("APP_VERSION=v1\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);

    let (all, checks) = (load(&machines, "/"), load(&machines, "/up"));
    let on = [
        "app",
        "maintenance",
        "--yes",
        "--message",
        "Back at 10",
        "--retry-after",
        "300",
        "--except",
        "/up",
    ];
    project.mrsk(&on[..2]).expect(64);
    project.mrsk(&on).expect(0).says(&["except /up"]);
    assert_eq!(statuses(&machines, "/"), [503, 503]);
    let answer = from_elsewhere(&machines[1], &machines[0], "/");
    for line in [
        "HTTP/1.1 503",
        "Retry-After: 300",
        "X-Maintenance-Message: Back at 10",
    ] {
        assert!(answer.contains(line), "{answer}");
    }
    project
        .mrsk(&on)
        .expect(0)
        .says(&["nothing to do", "503 since", "Back at 10"]);
    let status = project.mrsk(&["status"]).expect(0).out;
    assert!(
        status.contains("503 since") && status.contains("next: mrsk app live"),
        "{status}"
    );

    project.commit(&format!("APP_VERSION=v2\n{APP}"));
    let deployed = project.mrsk(&["deploy"]).expect(0);
    deployed.says(&["still", "503 since", "Back at 10"]);
    assert_eq!(statuses(&machines, "/"), [503, 503]);
    assert_eq!(statuses(&machines, "/up"), [200, 200]);

    project.mrsk(&["app", "live"]).expect(0);
    assert_eq!(project.each(Machine::version), ["v2", "v2"]);
    project
        .mrsk(&["app", "live"])
        .expect(0)
        .says(&["is not on"]);
    let (all, checks) = (all.stop(), checks.stop());
    assert_eq!(checks.lost(), 0, "{}", checks.summary());
    let others = all
        .losses()
        .into_iter()
        .filter(|loss| !loss.contains("status 503"));
    assert_eq!(Vec::from_iter(others), [""; 0], "{}", all.summary());
    assert!(all.lost() > 0);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn allowed_clients_reach_the_app_and_others_a_page_of_it() {
    let project = Project::new("lab-allow", &["172.30.0.16", "172.30.0.17"]);
    let machines = project.machines.clone();
    project.commit(&format!("APP_VERSION=v1\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    let asked = &machines[0];
    let ours = load(&machines[..1], "/");
    let on = [
        "app",
        "maintenance",
        "-y",
        "--allow",
        "172.30.0.1/32",
        "--page",
        "/",
    ];
    project.mrsk(&on).expect(0);
    assert_eq!(asked.version(), "v1");
    let answer = from_elsewhere(&machines[1], asked, "/any");
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("v1"),
        "{answer}"
    );
    // Without a container there is no page, and still no 404.
    let ours = ours.stop();
    assert_eq!(ours.lost(), 0, "{}", ours.summary());
    project.mrsk(&["app", "stop", "-y"]).expect(0);
    let answer = from_elsewhere(&machines[1], asked, "/any");
    assert!(
        answer.starts_with("HTTP/1.1 503") && !answer.contains("v1"),
        "{answer}"
    );
    project.mrsk(&["app", "start"]).expect(0).says(&["still"]);
    let answer = from_elsewhere(&machines[1], asked, "/any");
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("v1"),
        "{answer}"
    );
    project.mrsk(&["remove", "-y"]).expect(0);
    for machine in &machines {
        assert_eq!(machine.routing_files(), "");
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_drained_host_fails_its_health_check_and_serves_all_else() {
    let project = Project::new("lab-drain", &["172.30.0.16", "172.30.0.17"]);
    let machines = project.machines.clone();
    project.commit(&format!("APP_VERSION=v1\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    let all = load(&machines, "/");
    let (drain, undrain) = (
        ["host", "drain", "172.30.0.17"],
        ["host", "undrain", "172.30.0.17"],
    );
    project.mrsk(&drain).expect(0);
    assert_eq!(statuses(&machines, "/up"), [200, 503]);
    project.mrsk(&drain).expect(0).says(&["nothing to do"]);
    let status = project.mrsk(&["status"]).expect(0).out;
    assert!(
        status.contains("/up is answered with 503 since"),
        "{status}"
    );
    project.commit(&format!("APP_VERSION=v2\n{APP}"));
    let deployed = project.mrsk(&["deploy"]).expect(0);
    deployed.says(&["still", "172.30.0.17"]);
    assert_eq!(statuses(&machines, "/up"), [200, 503]);
    assert_eq!(project.each(Machine::version), ["v2", "v2"]);
    project.mrsk(&undrain).expect(0);
    assert_eq!(statuses(&machines, "/up"), [200, 200]);
    let all = all.stop();
    assert_eq!(all.lost(), 0, "{}", all.summary());
    project.mrsk(&["host", "drain", "nowhere"]).expect(64);
}

/// What docs/traefik.md shows in place of `error_pages_path`.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn an_accessory_serves_the_error_pages_of_an_app_that_is_down() {
    let project = Project::new("lab-pages", &["172.30.0.18"]);
    let machine = project.machines[0].clone();
    let commit = project.commit(&format!("APP_VERSION=v1\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    let image = format!("{}/lab-pages:{commit}", lab("LAB_REGISTRY"));
    project.configure(&format!(
        "labels:
  traefik.http.routers.lab-pages-web.middlewares: sorry
  traefik.http.middlewares.sorry.errors.status: 502-504
  traefik.http.middlewares.sorry.errors.service: sorry
  traefik.http.middlewares.sorry.errors.query: /
accessories:
  pages:
    image: {image}
    roles: [web]
    env:
      APP_VERSION: sorry
    labels:
      traefik.http.services.sorry.loadbalancer.server.port: 3000
"
    ));
    project.commit(&format!("APP_VERSION=v2\n{APP}"));
    project.mrsk(&["accessory", "boot", "pages"]).expect(0);
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(machine.version(), "v2");
    machine.sh("docker kill $(docker ps -q --filter label=role=web)");
    let (status, body) = machine.get("/any").unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(
        (502..=504).contains(&status) && body.contains("sorry"),
        "{status} {body}"
    );
}
