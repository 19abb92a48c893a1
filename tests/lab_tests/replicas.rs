//! Several containers of a role on each host: they are switched one after the other, and no request is lost.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::lab_load::{Load, Settings};
use crate::lab_project::{Machine, Project};
use crate::lab_support::{PlanFile, Runner, age_lock};

const HOSTS: [&str; 2] = ["172.30.0.14", "172.30.0.15"];

/// An app that takes its time, as real ones do.
const APP: &str = "APP_BOOT_MS=700\nAPP_SLOW_MS=50\n";

/// Writes a configuration with so many containers of `web` on each host, and workers on the first.
fn configure(project: &Project, web: u32, job: u32) {
    let [one, two] = HOSTS;
    project.configure_servers(
        &format!(
            "  web:\n    hosts: [{one}, {two}]\n    replicas: {web}\n  job:\n    hosts: [{one}]\n    replicas: {job}\n"
        ),
        "readiness_delay: 2\n",
    );
}

fn load(project: &Project) -> Load {
    let address = |machine: &Machine| format!("{}:80", machine.ip).parse().unwrap();
    let addresses: Vec<SocketAddr> = project.machines.iter().map(address).collect();
    Load::start(Settings::new(&addresses, 8))
}

/// Returns the names of the containers of a role that run, sorted.
fn running(machine: &Machine, role: &str) -> Vec<String> {
    let said = machine.sh(&format!(
        "docker ps --filter label=role={role} --format '{{{{.Names}}}}' | sort"
    ));
    said.lines().map(str::to_owned).collect()
}

/// Returns the names of the containers that answer.
fn answering(machine: &Machine) -> BTreeSet<String> {
    let ask = |_| machine.get("/env/MRSK_CONTAINER_NAME").unwrap().1;
    let names = (0..30).map(ask);
    names.map(|name| String::from_utf8(name).unwrap()).collect()
}

/// Fails unless each host runs and serves so many containers of `version`, and nothing else of the role.
#[track_caller]
fn serves(project: &Project, version: &str, count: usize) {
    let first = format!("{}-web-{version}", project.service);
    let wanted = (0..count).map(|index| match index {
        0 => first.clone(),
        index => format!("{first}-{index}"),
    });
    let wanted: BTreeSet<String> = wanted.collect();
    for machine in &project.machines {
        assert_eq!(running(machine, "web"), Vec::from_iter(wanted.clone()));
        assert_eq!(answering(machine), wanted);
    }
    project
        .mrsk(&["plan", "--detailed-exitcode", "--version", version])
        .expect(0);
}

/// Runs a command under load.
#[track_caller]
fn without_a_loss(project: &Project, arguments: &[&str]) {
    let load = load(project);
    load.wait_for(100);
    project.mrsk(arguments).expect(0);
    load.wait_for(100);
    let report = load.stop();
    eprintln!("{}: {}", arguments.join(" "), report.summary());
    assert_eq!(report.losses(), Vec::<String>::new());
    assert_eq!(report.lost(), 0);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn containers_of_a_role_are_switched_one_after_the_other_without_a_loss() {
    let project = Project::new("lab-replicas", &HOSTS);
    configure(&project, 3, 2);
    let one = project.commit(&format!("APP_VERSION=one\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    serves(&project, &one, 3);

    let two = project.commit(&format!("APP_VERSION=two\n{APP}"));
    let since = project.machines[0].now();
    let undo = project.beside("undo.json");
    let undo = undo.to_str().unwrap();
    let plan = PlanFile::of(&project, "plan.json", &["plan", "--undo", undo]);
    without_a_loss(&project, &["apply", plan.arg()]);
    serves(&project, &two, 3);
    assert_eq!(running(&project.machines[0], "job").len(), 2);
    // Never more than one beside those that serve.
    let events = project.machines[0].sh(&format!(
        "docker events --since {since} --until $(date +%s.%N) --filter label=role=web \
         --filter event=start --filter event=die --format '{{{{.Action}}}}'"
    ));
    let order: Vec<&str> = events.lines().collect();
    assert_eq!(order, ["start", "die", "start", "die", "start", "die"]);

    without_a_loss(&project, &["apply", undo]);
    serves(&project, &one, 3);
    without_a_loss(&project, &["rollback", &two, "--yes"]);
    serves(&project, &two, 3);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn more_and_fewer_containers_serve_without_a_loss() {
    let project = Project::new("lab-replicas-number", &HOSTS);
    configure(&project, 1, 1);
    let one = project.commit(&format!("APP_VERSION=one\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    serves(&project, &one, 1);
    for number in [3, 2, 1] {
        configure(&project, number, 3);
        let before = project.each(|machine| running(machine, "web"));
        without_a_loss(&project, &["deploy", "--version", &one, "--skip-push"]);
        serves(&project, &one, number as usize);
        for (machine, before) in project.machines.iter().zip(before) {
            let now = running(machine, "web");
            let kept = now.len().min(before.len());
            assert_eq!(now[..kept], before[..kept], "what runs stays");
        }
    }
    configure(&project, 2, 1);
    let two = project.commit(&format!("APP_VERSION=two\n{APP}"));
    without_a_loss(&project, &["deploy"]);
    serves(&project, &two, 2);
    assert_eq!(running(&project.machines[0], "job").len(), 1);
    project.mrsk(&["app", "stop", "--yes"]).expect(0);
    for machine in &project.machines {
        assert_eq!(running(machine, "web"), Vec::<String>::new());
    }
    project.mrsk(&["app", "start"]).expect(0);
    serves(&project, &two, 2);
    let status = project.mrsk(&["status"]).expect(0);
    assert_eq!(
        status.out.matches("routed, 2 containers").count(),
        2,
        "{}",
        status.out
    );
    let details = project.mrsk(&["details"]).expect(0);
    assert!(
        details
            .out
            .contains(&format!("lab-replicas-number-web-{two}-1")),
        "{}",
        details.out
    );
}

/// A killed run has switched the first of three: it is resumed, undone, or followed by the next deploy, and the others serve meanwhile.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_run_that_ends_between_two_containers_loses_nothing() {
    let project = Project::new("lab-replicas-half", &HOSTS);
    configure(&project, 3, 1);
    let one = project.commit(&format!("APP_VERSION=one\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    let two = project.commit(&format!("APP_VERSION=two\n{APP}"));
    let stopped = format!("{}/web/lab-replicas-half-web-{one}/stop", HOSTS[0]);
    let routed = format!("{}/web/lab-replicas-half-web-{two}-1/route", HOSTS[0]);
    let undo = project.beside("undo.json");
    let undo = undo.to_str().unwrap();
    let half = |step: &str, arguments: &dyn Fn(&PlanFile) -> Vec<String>, version: &str| {
        let plan = PlanFile::of(&project, "plan.json", &["plan", "--undo", undo]);
        let load = load(&project);
        let mut runner = Runner::apply(&project, &plan, &[]);
        runner.until("ended", step);
        runner.kill();
        age_lock(&project.machines[0]);
        let arguments = arguments(&plan);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        project.mrsk(&arguments).expect(0);
        load.wait_for(100);
        let report = load.stop();
        assert_eq!(report.losses(), Vec::<String>::new(), "{arguments:?}");
        serves(&project, version, 3);
    };
    let apply = |path: &str| vec!["apply".to_owned(), path.to_owned()];
    half(&stopped, &|_| apply(undo), &one);
    half(&routed, &|_| apply(undo), &one);
    half(&stopped, &|_| vec!["deploy".to_owned()], &two);
    project.mrsk(&["rollback", &one, "--yes"]).expect(0);
    half(&routed, &|plan| apply(plan.arg()), &two);
}
