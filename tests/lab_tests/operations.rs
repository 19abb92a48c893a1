//! Operations on the lab, in the order in which a user meets them: under load where requests must not be lost, and twice
//! where the second must change nothing.

use std::net::SocketAddr;

use crate::lab_load::{Load, Settings};
use crate::lab_project::{Machine, Project, eventually, lab};
use crate::lab_support::{PlanFile, Runner, age_lock};

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

/// Waits until every host answers, and returns what it serves.
fn served(project: &Project) -> Vec<String> {
    let answers = |machine: &Machine| machine.get("/up").is_ok_and(|(status, _)| status == 200);
    eventually(20, || project.machines.iter().all(answers));
    versions(project)
}

fn versions(project: &Project) -> Vec<String> {
    project.each(Machine::version)
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn rollbacks_and_boots_lose_no_request() {
    let project = Project::new("lab-back", &["172.30.0.11", "172.30.0.12"]);
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
    let project = Project::new("lab-stop", &["172.30.0.11"]);
    project.commit(&format!("APP_VERSION=one\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    let machine = &project.machines[0];
    let before = machine.container_ids();
    project.mrsk(&["app", "stop"]).expect(64);
    project.mrsk(&["app", "stop", "-y"]).expect(0);
    assert_eq!(machine.get("/up").unwrap().0, 404);
    project.shows(&[
        "  web      STOPPED since ",
        "next: mrsk app start --hosts 172.30.0.11\n",
    ]);
    has_nothing_to_do(&project, &["app", "stop"]);
    project.mrsk(&["app", "stop", "-y"]).expect(0);
    project.mrsk(&["app", "start"]).expect(0);
    assert_eq!(machine.version(), "one");
    assert_eq!(machine.container_ids(), before);
    project.shows(&[
        ", app start by Lab Author), healthy, routed",
        "next: nothing\n",
    ]);
    has_nothing_to_do(&project, &["app", "start"]);
    // After a stop a deploy converges.
    project.mrsk(&["app", "stop", "-y"]).expect(0);
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(machine.version(), "one");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn remove_leaves_what_others_have_and_then_a_clean_host() {
    let project = Project::new("lab-rm", &["172.30.0.12"]);
    let machine = &project.machines[0];
    let inventory = || {
        machine.sh(
            "docker ps -a --format '{{.Names}}' | sort; docker network ls --format '{{.Name}}' | sort; \
             docker image ls --format '{{.Repository}}' | sort; docker volume ls --quiet; \
             cd; find . | sort; find /var/lib/mrsk 2>/dev/null | sort",
        )
    };
    machine.sh("docker image ls --quiet | sort -u | xargs -r docker image rm --force");
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
    let removed = project.mrsk(&["remove", "-y"]).expect(0);
    removed.says(&["the records of mrsk are gone from 172.30.0.12"]);
    // What ran from the first deploy on.
    for text in ["deploy", "lab-rm-web-", "remove"] {
        assert!(removed.out.contains(text), "{}", removed.out);
    }
    has_nothing_to_do(&project, &["remove"]);
    assert_eq!(other.mrsk(&["plan", "--detailed-exitcode"]).code, 0);
    let names = machine.containers().join(" ");
    assert!(
        names.contains("lab-stays-web") && names.contains("traefik"),
        "{names}"
    );
    assert!(!names.contains("lab-rm"), "{names}");
    // Whoever applies a plan that was reviewed gets the same.
    let plan = PlanFile::of(&other, "remove.json", &["plan", "remove"]);
    let removed = other.mrsk(&["apply", plan.arg()]).expect(0);
    assert!(removed.out.contains("lab-stays-web-"), "{}", removed.out);
    assert_eq!(inventory(), before);
    other.mrsk(&["remove", "-y"]).expect(0);
    assert_eq!(inventory(), before);
    assert_eq!(other.mrsk(&["audit"]).expect(0).out, "nothing ran\n");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn an_accessory_goes_through_its_life() {
    let project = Project::new("lab-life", &["172.30.0.13"]);
    let machine = &project.machines[0];
    project.write("config/store.cnf", "one\n");
    project.configure(&format!(
        "accessories:\n  store:\n    image: {}/mrsk-lab/base\n    host: 172.30.0.13\n    cmd: sleep infinity\n    \
         files: ['config/store.cnf:/etc/store.cnf']\n    directories: ['data:/data']\n",
        lab("LAB_REGISTRY")
    ));
    project.commit(&format!("APP_VERSION=one\n{APP}"));
    let state = || {
        let format = "{{.State.Status}} {{.Id}}";
        machine.sh(&format!(
            "docker inspect --format '{format}' lab-life-store"
        ))
    };
    let does = |verb: &str, more: &[&str]| {
        let words = ["accessory", verb, "store"];
        project.mrsk(&[&words[..], more].concat()).expect(0);
    };
    let nothing = |verb: &str| has_nothing_to_do(&project, &["accessory", verb, "store"]);
    does("boot", &[]);
    machine.sh("echo kept > /root/lab-life-store/data/x");
    let booted = state();
    assert!(booted.starts_with("running"), "{booted}");
    nothing("start");
    does("stop", &["-y"]);
    nothing("stop");
    does("start", &[]);
    does("restart", &["-y"]);
    assert_eq!(state(), booted);
    nothing("upload");
    project.write("config/store.cnf", "two\n");
    project.commit(&format!("APP_VERSION=two\n{APP}"));
    does("upload", &[]);
    nothing("upload");
    nothing("directories");
    does("reboot", &["-y"]);
    let rebooted = state();
    assert!(
        rebooted.starts_with("running") && rebooted != booted,
        "{rebooted}"
    );
    let inside = machine.sh("docker exec lab-life-store cat /etc/store.cnf /data/x");
    assert_eq!(inside, "two\nkept\n");
    project
        .mrsk(&["accessory", "remove_container", "store", "-y"])
        .expect(78)
        .says(&["is running"]);
    does("remove", &["-y"]);
    nothing("remove");
    assert_eq!(
        machine
            .sh("ls -d /root/lab-life-store 2>&1 || true")
            .matches("cannot access")
            .count(),
        1
    );
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn traefik_goes_through_its_life_and_serves_what_it_served() {
    let project = Project::new("lab-proxy", &["172.30.0.11", "172.30.0.12"]);
    project.commit(&format!("APP_VERSION=one\n{APP}"));
    project.mrsk(&["deploy"]).expect(0);
    let does = |verb: &[&str]| {
        project.mrsk(&[&["traefik"], verb].concat()).expect(0);
    };
    let nothing = |verb: &str| has_nothing_to_do(&project, &["traefik", verb]);
    does(&["stop", "-y"]);
    assert!(project.machines[0].get("/up").is_err());
    nothing("stop");
    does(&["start"]);
    nothing("start");
    nothing("boot");
    assert_eq!(served(&project), ["one", "one"]);
    does(&["restart", "-y"]);
    assert_eq!(served(&project), ["one", "one"]);
    does(&["reboot", "--rolling", "-y"]);
    assert_eq!(versions(&project), ["one", "one"]);
    has_nothing_to_do(&project, &["deploy"]);
    does(&["remove", "-y"]);
    nothing("remove");
    does(&["boot"]);
    assert_eq!(served(&project), ["one", "one"]);
}

/// Each kind of step that only operations have is begun, and its runner killed; applying the plan again finishes it.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_removal_that_was_cut_off_is_finished() {
    let project = Project::new("lab-cut", &["172.30.0.11"]);
    let machine = &project.machines[0];
    for kind in ["unroute", "drain", "stop", "remove"] {
        project.commit(&format!("APP_VERSION={kind}\n{APP}"));
        project.mrsk(&["deploy"]).expect(0);
        let plan = PlanFile::of(&project, kind, &["plan", "app", "remove"]);
        let steps = plan.plan["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["kind"] == kind).unwrap();
        let mut runner = Runner::apply(&project, &plan, &[]);
        runner.until("started", step["id"].as_str().unwrap());
        runner.kill();
        age_lock(machine);
        project.mrsk(&["apply", plan.arg()]).expect(0);
        let left = machine.containers().join(" ");
        assert!(!left.contains("lab-cut"), "{kind}: {left}");
        has_nothing_to_do(&project, &["app", "remove"]);
    }
}
