//! Versions that do not work, on the lab: a failed deploy is invisible to users, and the next one succeeds.

use crate::lab_project::{Machine, Project, Users, sample};

const HEALTHCHECK: &str = "healthcheck:\n  max_attempts: 2\n";

/// What a failed deploy must leave as it was.
#[derive(Debug, PartialEq)]
struct Traces {
    containers: Vec<Vec<String>>,
    routing_files: Vec<String>,
    versions: Vec<String>,
}

impl Traces {
    fn of(project: &Project) -> Self {
        Self {
            containers: project.each(Machine::containers),
            routing_files: project.each(Machine::routing_files),
            versions: project.each(Machine::version),
        }
    }
}

/// Deploys a version with this behaviour, which must fail and leave no trace. Returns what mrsk said.
fn fails_without_a_trace(project: &Project, behaviour: &str) -> String {
    let before = Traces::of(project);
    let since = project.each(Machine::now);
    let users = Users::of(&project.machines);
    let bad = project.container(&project.commit(behaviour));
    let said = project.mrsk(&["deploy"]).expect(1);
    users.were_all_served();
    assert_eq!(Traces::of(project), before);
    for (machine, since) in project.machines.iter().zip(&since) {
        let started = machine.events("start", since);
        let is_canary = *machine == project.machines[0];
        assert_eq!(
            started.contains(&bad),
            is_canary,
            "{}: {started:?}",
            machine.ip
        );
        assert!(
            started.iter().all(|name| *name == bad),
            "{}: {started:?}",
            machine.ip
        );
        assert_eq!(machine.events("die", since).contains(&bad), is_canary);
        assert!(!machine.is_locked());
    }
    said.err
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_version_that_does_not_work_is_invisible_and_a_corrected_one_deploys() {
    let project = Project::new("lab-failures", &["172.30.0.16", "172.30.0.17"]);
    project.configure(HEALTHCHECK);
    project.commit("APP_VERSION=good\n");
    project.mrsk(&["deploy"]).expect(0);

    let (listens, twice) = ("listening on 3000 version", "attempt 2 of 2: 503");
    let versions = [
        ("never", "APP_HEALTH=never\n", [twice, listens]),
        ("exits", "APP_EXIT=3\n", ["fatal: told to exit with 3"; 2]),
        (
            "once",
            "APP_HEALTH=once\nAPP_DIE_AFTER_MS=30\n",
            [listens; 2],
        ),
    ];
    for (version, behaviour, texts) in sample(&versions, 1) {
        let behaviour = format!("APP_VERSION={version}\n{behaviour}");
        let said = fails_without_a_trace(&project, &behaviour);
        for text in texts {
            assert!(said.contains(text), "{version}: {text}: {said}");
        }
    }

    project.commit("APP_VERSION=corrected\n");
    let users = Users::of(&project.machines);
    project.mrsk(&["deploy"]).expect(0);
    users.were_all_served();
    assert_eq!(project.each(Machine::version), ["corrected", "corrected"]);
    let again = project.mrsk(&["plan", "--detailed-exitcode"]).expect(0);
    again.says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_first_version_that_does_not_work_leaves_no_route_and_no_container() {
    let project = Project::new("lab-first", &["172.30.0.16", "172.30.0.17"]);
    project.configure(HEALTHCHECK);
    for behaviour in sample(&["APP_EXIT=3\n", "APP_HEALTH=never\n"], 1) {
        let since = project.machines[1].now();
        let bad = project.container(&project.commit(behaviour));
        project.mrsk(&["deploy"]).expect(1);
        for machine in &project.machines {
            assert_eq!(machine.routing_files(), "");
            assert_eq!(machine.containers(), ["traefik"], "{}", machine.ip);
            assert_eq!(machine.get("/").unwrap().0, 404);
            assert!(!machine.is_locked());
        }
        assert!(!project.machines[1].events("start", &since).contains(&bad));
    }
    project.commit("APP_VERSION=corrected\n");
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(project.each(Machine::version), ["corrected", "corrected"]);
}

/// One host at a time, and the second one's container fails there alone.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_version_that_fails_in_the_second_group_stays_where_it_works() {
    let project = Project::new("lab-groups", &["172.30.0.16", "172.30.0.17", "172.30.0.18"]);
    let servers = "  web:\n    hosts: [172.30.0.16, 172.30.0.17, 172.30.0.18]\n    options:\n      \
                   volume: /srv/behaviour:/behaviour\n  job:\n    hosts: [172.30.0.18]\n    traefik: false\n";
    let more = "readiness_delay: 1\nboot:\n  limit: 1\n";
    project.configure_servers(servers, &format!("{HEALTHCHECK}{more}"));
    let webs = |machine: &Machine| -> Vec<String> {
        let mut ids = machine.container_ids();
        ids.retain(|id| id.contains(" lab-groups-web-"));
        ids
    };
    let behave = |machine: &Machine, text: &str| {
        machine.sh(&format!("printf '%b' '{text}' > /srv/behaviour"));
    };
    project.each(|machine| behave(machine, "APP_VERSION=one\\n"));
    let one = project.commit("");
    project.mrsk(&["deploy"]).expect(0);
    let before = project.each(webs);

    let users = Users::of(&project.machines);
    for machine in &project.machines {
        behave(machine, "APP_VERSION=two\\n");
    }
    behave(
        &project.machines[1],
        "APP_VERSION=two\\nAPP_HEALTH=never\\n",
    );
    let two = project.commit("");
    let said = project.mrsk(&["deploy"]).expect(1);
    users.were_all_served();
    let after = project.each(webs);
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1..], before[1..]);
    let line = |role: &str, version: &str, hosts: &str| {
        said.err.lines().any(|line| {
            line.contains(&format!(" {role}  ")) && line.contains(version) && line.ends_with(hosts)
        })
    };
    assert!(line("web", &two, "on 172.30.0.16"), "{}", said.err);
    assert!(
        line("web", &one, "on 172.30.0.17 and 172.30.0.18"),
        "{}",
        said.err
    );
    // Groups are a role's own: the other role went on beside them.
    assert!(line("job", &two, "on 172.30.0.18"), "{}", said.err);
    said.says(&["listening on 3000 version two"]);

    behave(&project.machines[1], "APP_VERSION=two\\n");
    let users = Users::of(&project.machines);
    project.mrsk(&["deploy"]).expect(0);
    users.were_all_served();
    assert_eq!(project.each(Machine::version), ["two", "two", "two"]);
}
