//! Rollbacks by what was routed, and what may be left out of them.

use crate::lab_load::{Load, Settings};
use crate::lab_project::{Machine, Project};

const APP: &str = "APP_BOOT_MS=1000\n";

/// Returns the project with versions `v1` to `v3` deployed one after the other, and their commits.
fn deployed(service: &'static str, addresses: &[&str]) -> (Project, Vec<String>) {
    let project = Project::new(service, addresses);
    let commits = ["v1", "v2", "v3"].map(|version| {
        let commit = project.commit(&format!("APP_VERSION={version}\n{APP}"));
        project.mrsk(&["deploy"]).expect(0);
        commit
    });
    (project, commits.into())
}

fn versions(project: &Project) -> Vec<String> {
    project.each(Machine::version)
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_rollback_goes_by_what_was_routed_and_leaves_out_what_was_rolled_back_from() {
    let (project, _) = deployed("lab-routed", &["172.30.0.16", "172.30.0.17"]);
    project.mrsk(&["rollback", "--yes"]).expect(0);
    assert_eq!(versions(&project), ["v2", "v2"]);
    let again = project.mrsk(&["rollback", "--yes"]).expect(0);
    again.says(&["already rolled back", " ago by "]);
    project.shows(&[
        "rollback by Lab Author), healthy, routed",
        "next: nothing\n",
    ]);
    assert_eq!(versions(&project), ["v2", "v2"]);
    project.commit(&format!("APP_VERSION=v4\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    // Not v3, which somebody did not want.
    project.mrsk(&["rollback", "--yes"]).expect(0);
    assert_eq!(versions(&project), ["v2", "v2"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_host_that_lost_container_and_image_pulls_what_was_routed() {
    let (project, commits) = deployed("lab-lost", &["172.30.0.16", "172.30.0.17"]);
    let lost = &project.machines[1];
    let container = project.container(&commits[1]);
    lost.sh(&format!(
        "image=$(docker container inspect --format '{{{{.Image}}}}' {container}) && docker rm {container} && \
         docker image rm --force $image"
    ));
    let plan = project.mrsk(&["plan", "rollback"]).expect(0);
    plan.says(&["image digest", "Pull "]);
    project.mrsk(&["rollback", "--yes"]).expect(0);
    assert_eq!(versions(&project), ["v2", "v2"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_rollback_from_a_version_that_serves_nowhere_waits_for_nothing() {
    let (project, _) = deployed("lab-ill", &["172.30.0.16", "172.30.0.17"]);
    project.configure("boot:\n  limit: 1\n  wait: 60\n");
    for machine in &project.machines {
        machine.sh("docker kill $(docker ps -q --filter label=service=lab-ill)");
    }
    let begun = std::time::Instant::now();
    let said = project.mrsk(&["rollback", "--yes"]).expect(0);
    said.says(&["no container of the app answers now"]);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    assert_eq!(versions(&project), ["v2", "v2"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn what_is_left_out_is_in_the_audit_log() {
    let (project, _) = deployed("lab-glass", &["172.30.0.16", "172.30.0.17"]);
    project.configure("healthcheck:\n  path: /nowhere\n  max_attempts: 1\n");
    project.commit(&format!("APP_VERSION=v4\n{APP}"));
    project.mrsk(&["deploy"]).expect(1);
    assert_eq!(versions(&project), ["v3", "v3"]);
    let options = [
        "deploy",
        "--all-at-once",
        "--drain-timeout",
        "1",
        "--skip-healthcheck",
        "the path has moved",
    ];
    let said = project.mrsk(&options).expect(0);
    said.says(&["break glass: all hosts at once; drain for at most 1 s; no health check (the path has moved)"]);
    assert_eq!(versions(&project), ["v4", "v4"]);
    let log = project.mrsk(&["audit"]).expect(0).out;
    assert!(
        log.contains("no health check (the path has moved)"),
        "{log}"
    );
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_rollback_keeps_old_secrets_and_a_fresh_environment_has_new_ones() {
    let (project, _) = deployed("lab-fresh", &["172.30.0.16"]);
    let machine = &project.machines[0];
    let value = || {
        machine.sh(
            "docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' \
             $(docker ps -q --filter label=service=lab-fresh) | grep ^KEY= || true",
        )
    };
    project.configure("env:\n  secret: [KEY]\n");
    project.secret_file(&[("KEY", "first-value-of-it")]);
    for version in ["v4", "v5"] {
        project.commit(&format!("APP_VERSION={version}\n{APP}"));
        project.mrsk(&["deploy"]).expect(0);
    }
    project.secret_file(&[("KEY", "second-value-of-it")]);
    let said = project.mrsk(&["rollback", "--yes"]).expect(0);
    said.says(&["the value of secret KEY differs from the local one, and stays"]);
    assert_eq!(machine.version(), "v4");
    assert_eq!(value().trim(), "KEY=first-value-of-it");
    project
        .mrsk(&["rollback", "--yes", "--fresh-env"])
        .expect(0);
    assert_eq!(machine.version(), "v4");
    assert_eq!(value().trim(), "KEY=second-value-of-it");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_commit_that_is_not_checked_out_is_not_built_and_a_routed_tag_stays() {
    let (project, commits) = deployed("lab-tags", &["172.30.0.16"]);
    let other = project
        .mrsk(&["deploy", "--version", &commits[0]])
        .expect(78);
    other.says(&[
        "is another commit than what is checked out",
        "mrsk rollback",
    ]);
    let unknown = project.mrsk(&["deploy", "--version", "badb1aa"]).expect(78);
    unknown.says(&["looks like a commit, and git does not know it here"]);
    // The image of what is checked out is there: it is not built again.
    let again = project.mrsk(&["plan", "redeploy"]).expect(0);
    again.says(&["it is not built again"]);
    project.mrsk(&["deploy", "--version", "mine"]).expect(0);
    project.commit(&format!("APP_VERSION=v4\n{APP}"));
    let serves = project.mrsk(&["deploy", "--version", "mine"]).expect(0);
    serves.says(&["every host already runs it"]);
    let taken = project.mrsk(&["redeploy", "--version", "mine"]).expect(78);
    taken.says(&["it is not overwritten"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_renamed_role_is_replaced_without_a_lost_request() {
    let (project, commits) = deployed("lab-rename", &["172.30.0.16", "172.30.0.17"]);
    // Without Traefik the new role serves nobody, and the old one must stay.
    project.configure_servers("  front: [172.30.0.16, 172.30.0.17]\n", "");
    let unrouted = project.mrsk(&["deploy", "--remove-orphans"]).expect(78);
    unrouted.says(&["write `traefik: true` for role front"]);
    let servers = "  front:\n    traefik: true\n    hosts: [172.30.0.16, 172.30.0.17]\n";
    project.configure_servers(servers, "");
    let back = project.mrsk(&["plan", "rollback", &commits[0]]).expect(0);
    back.says(&["would serve beside role web", "Wait for the canary"]);
    project.commit(&format!("APP_VERSION=v4\n{APP}"));
    let refused = project.mrsk(&["deploy"]).expect(78);
    refused.says(&["with the same rule", "--remove-orphans"]);
    let addresses = project
        .machines
        .iter()
        .map(|machine| format!("{}:80", machine.ip).parse().unwrap());
    let load = Load::start(Settings::new(&Vec::from_iter(addresses), 8));
    load.wait_for(100);
    project.mrsk(&["deploy", "--remove-orphans"]).expect(0);
    load.wait_for(100);
    let report = load.stop();
    assert_eq!((report.losses(), report.lost()), (Vec::new(), 0));
    assert_eq!(versions(&project), ["v4", "v4"]);
    for machine in &project.machines {
        assert!(!machine.routing_files().contains("@web"));
    }
    let plan = ["plan", "--detailed-exitcode"];
    project.mrsk(&plan).expect(0);
}
