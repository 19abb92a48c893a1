//! From bare hosts to serving, on the lab.

use crate::lab_project::{Machine, Project};

const BARE: [&str; 2] = ["172.30.0.51", "172.30.0.52"];

/// Makes a project whose hosts have neither Docker nor curl.
fn on_bare_hosts(service: &'static str, addresses: &[&str]) -> Project {
    let project = Project::new(service, addresses);
    project.each(|machine| {
        machine.power("reset");
        assert_eq!(machine.sh("command -v docker curl || :"), "");
    });
    project
}

/// Deploys, deploys again, and deploys a change, as one does in the first hour.
fn deploys_again_and_again(project: &Project) {
    project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    let served = project.each(Machine::version);
    assert!(served.iter().all(|version| version == "one"), "{served:?}");

    let before = project.each(Machine::containers);
    project
        .mrsk(&["plan", "--detailed-exitcode"])
        .expect(0)
        .says(&["nothing to do"]);
    project.mrsk(&["deploy"]).expect(0).says(&["nothing to do"]);
    assert_eq!(project.each(Machine::containers), before);

    project.commit("APP_VERSION=two\n");
    project.mrsk(&["plan", "--detailed-exitcode"]).expect(2);
    project.mrsk(&["deploy"]).expect(0);
    let served = project.each(Machine::version);
    assert!(served.iter().all(|version| version == "two"), "{served:?}");
    project.mrsk(&["plan", "--detailed-exitcode"]).expect(0);
    for machine in &project.machines {
        assert!(!machine.is_locked());
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn bare_hosts_serve_after_one_deploy_and_the_next_change_deploys() {
    let project = on_bare_hosts("lab-deploy", &BARE);
    deploys_again_and_again(&project);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_user_with_sudo_brings_a_bare_host_to_serving() {
    let project = on_bare_hosts("lab-sudo", &BARE[..1]);
    project.configure("ssh:\n  user: deployer\n");
    deploys_again_and_again(&project);
    assert_eq!(
        project.machines[0].sh("ls -d /var/lib/mrsk /root/.mrsk* 2>/dev/null || :"),
        ""
    );
}
