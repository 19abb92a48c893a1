//! Restarts of everything that a deploy leaves behind, on the lab: routes are back by themselves, and there is nothing to do.

use std::time::Duration;

use crate::lab_project::{Machine, Project, eventually};

/// Seconds after which everything is back, on a busy machine.
const BACK: u64 = 40;

/// Answers in a row by which a host counts as back.
const IN_A_ROW: usize = 10;

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn routes_are_back_by_themselves_after_every_restart() {
    let project = Project::new("lab-restarts", &["172.30.0.14", "172.30.0.15"]);
    let app = project.container(&project.commit("APP_VERSION=here\n"));
    project.mrsk(&["deploy"]).expect(0);
    let files = project.each(Machine::routing_files);
    let first = &project.machines[0];
    let inside = |script: &str| {
        first.sh(script);
    };

    let process = format!("kill -9 $(docker inspect --format '{{{{.State.Pid}}}}' {app})");
    let restarts: [(&str, &dyn Fn()); 8] = [
        ("traefik restarted", &|| inside("docker restart traefik")),
        ("traefik's process killed", &|| {
            inside("kill -9 $(docker inspect --format '{{.State.Pid}}' traefik)");
        }),
        ("app restarted", &|| {
            inside(&format!("docker restart {app}"))
        }),
        ("app's process killed", &|| inside(&process)),
        ("engine restarted", &|| {
            inside("service docker restart >/dev/null 2>&1");
        }),
        ("host restarted", &|| first.power("restart")),
        ("host cut off and started", &|| {
            first.power("kill");
            first.power("start");
        }),
        ("both restarted at once", &|| {
            project.each(|machine| machine.power("restart"));
        }),
    ];
    for (what, restart) in restarts {
        restart();
        println!("{what}");
        project.each(|machine| eventually(BACK, || serves(machine)));
        assert_eq!(project.each(Machine::routing_files), files, "{what}");
        let said = project.mrsk(&["plan", "--detailed-exitcode"]);
        assert_eq!(said.code, 0, "{what}: {}", said.err);
        said.says(&["nothing to do"]);
    }
}

/// Whether all of a few requests are answered by the app.
fn serves(machine: &Machine) -> bool {
    (0..IN_A_ROW).all(|_| {
        std::thread::sleep(Duration::from_millis(20));
        matches!(machine.get("/"), Ok((200, body)) if String::from_utf8_lossy(&body).contains("here"))
    })
}
