//! What a configuration says of its roles is what runs, seen from inside: by `docker inspect`, in the containers, in docker's events.

use std::collections::BTreeMap;

use crate::lab_project::{Ask, Machine, Project};
use serde_json::{Value, json};

const HOSTS: [&str; 2] = ["172.30.0.12", "172.30.0.13"];

/// The secrets as they stand in `.env`: the second is clear for the role `job`, the third secret for it alone.
const SECRETS: [(&str, &str); 3] = [
    (
        "APP_KEY",
        "it's \"$HOME\" `id` \\ é \u{1f980}\nsecond line\n",
    ),
    ("TURNS_CLEAR", "a secret of all"),
    ("JOB_KEY", " padded\tand = "),
];

/// What `job` has of its own; it runs on both hosts, `web` on the first.
const SERVERS: &str = r#"  web:
    hosts: [172.30.0.12]
    options:
      init: false
  job:
    hosts: [172.30.0.12, 172.30.0.13]
    cmd: /app --queue "urgent mails" '' $HOME
    env:
      clear:
        SHARED: of the job
        OWN: 3.10
        TURNS_CLEAR: a word of the job
        APP_IGNORE_TERM: 1
      secret:
        - JOB_KEY
        - TURNS_SECRET
    labels:
      my-label: "50"
      team: jobs
    options:
      memory: 96m
      cpus: 0.5
      cap-add: [NET_ADMIN, SYS_TIME]
      ulimit:
        - nofile=1024:2048
      init: true
      read-only: true
      privileged: false
"#;

const GLOBAL: &str = r#"env:
  clear:
    SHARED: of all
    GLOBAL: stays
    PORT: 4000
    TURNS_SECRET: clear for the others
  secret:
    - APP_KEY
    - TURNS_CLEAR
labels:
  team: all
  common: "yes"
volumes:
  - $HOME/lab/home:/in/home
  - ~/lab/tilde:/in/tilde:ro
  - ./lab/relative:/in/relative
  - lab-named:/in/named
  - /srv/lab:/in/absolute
logging:
  driver: json-file
  options:
    max-size: 1m
    max-file: "3"
stop_wait_time: 3
readiness_delay: 2
healthcheck:
  path: /health
  port: 4000
  max_attempts: 2
"#;

/// Returns what docker knows of a container.
fn inspect(machine: &Machine, name: &str) -> Value {
    let said = machine.sh(&format!("docker inspect --type container {name}"));
    let mut found: Vec<Value> = serde_json::from_str(&said).unwrap();
    found.remove(0)
}

/// Returns the environment of a container's first process, byte for byte.
fn environment(machine: &Machine, name: &str) -> BTreeMap<String, String> {
    machine
        .sh(&format!(
            "cat /proc/$(docker inspect --format '{{{{.State.Pid}}}}' {name})/environ"
        ))
        .split_terminator('\0')
        .map(|entry| entry.split_once('=').unwrap())
        .filter(|(name, _)| !["PATH", "HOSTNAME", "HOME"].contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    entries.iter().map(owned).collect()
}

/// Returns the labels that are neither mrsk's nor the image's.
fn labels(inspected: &Value) -> BTreeMap<String, String> {
    let labels = inspected["Config"]["Labels"].clone();
    let mut labels: BTreeMap<String, String> = serde_json::from_value(labels).unwrap();
    labels.retain(|name, _| !name.starts_with("mrsk."));
    labels
}

/// Makes the project of two roles, and deploys it.
fn deployed() -> (Project, String) {
    let project = Project::new("lab-roles", &HOSTS);
    let mut secrets = SECRETS.to_vec();
    secrets.push(("TURNS_SECRET", "s3cret"));
    project.secret_file(&secrets);
    project.configure_servers(SERVERS, GLOBAL);
    let version = project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    (project, version)
}

/// Checks the container of the role `job`.
fn is_the_job(machine: &Machine, name: &str) {
    let env = map(&[
        ("APP_KEY", SECRETS[0].1),
        ("JOB_KEY", SECRETS[2].1),
        ("TURNS_SECRET", "s3cret"),
        ("TURNS_CLEAR", "a word of the job"),
        ("SHARED", "of the job"),
        ("GLOBAL", "stays"),
        ("OWN", "3.10"),
        ("PORT", "4000"),
        ("APP_IGNORE_TERM", "1"),
        ("MRSK_CONTAINER_NAME", name),
    ]);
    assert_eq!(environment(machine, name), env);
    let job = inspect(machine, name);
    assert_eq!(
        job["Config"]["Cmd"],
        json!(["/app", "--queue", "urgent mails", "", "$HOME"])
    );
    assert_eq!(
        labels(&job),
        map(&[
            ("service", "lab-roles"),
            ("role", "job"),
            ("my-label", "50"),
            ("team", "jobs"),
            ("common", "yes"),
        ])
    );
    let host = &job["HostConfig"];
    assert_eq!(host["Memory"], 96 << 20);
    assert_eq!(host["NanoCpus"], 500_000_000);
    let added: Vec<String> = serde_json::from_value(host["CapAdd"].clone()).unwrap();
    let added: Vec<&str> = added
        .iter()
        .map(|cap| cap.trim_start_matches("CAP_"))
        .collect();
    assert_eq!(added, ["NET_ADMIN", "SYS_TIME"]);
    assert_eq!(
        host["Ulimits"],
        json!([{"Name": "nofile", "Soft": 1024, "Hard": 2048}])
    );
    assert_eq!(
        (&host["Init"], &host["ReadonlyRootfs"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(host["Privileged"], false);
    assert_eq!(host["PortBindings"], json!({}));
    assert!(job["NetworkSettings"]["Networks"].get("mrsk").is_none());
    let seen = machine.sh(&format!(
        "docker exec {name} sh -c 'ulimit -Sn; ulimit -Hn; touch /x 2>&1' || :"
    ));
    assert!(
        seen.starts_with("1024\n2048\n") && seen.contains("Read-only"),
        "{seen}"
    );
}

/// Checks the container of the role `web`, which has what all have.
fn is_the_web(machine: &Machine, name: &str) {
    let env = map(&[
        ("APP_KEY", SECRETS[0].1),
        ("TURNS_CLEAR", SECRETS[1].1),
        ("TURNS_SECRET", "clear for the others"),
        ("SHARED", "of all"),
        ("GLOBAL", "stays"),
        ("PORT", "4000"),
        ("MRSK_CONTAINER_NAME", name),
    ]);
    assert_eq!(environment(machine, name), env);
    for (variable, value) in &env {
        let (status, body) = machine.get(&format!("/env/{variable}")).unwrap();
        assert_eq!(
            (status, String::from_utf8(body).unwrap()),
            (200, value.clone())
        );
    }
    let web = inspect(machine, name);
    assert_eq!(web["Config"]["Cmd"], json!(["/app"]));
    assert_eq!(
        labels(&web),
        map(&[
            ("service", "lab-roles"),
            ("role", "web"),
            ("team", "all"),
            ("common", "yes")
        ])
    );
    let host = &web["HostConfig"];
    assert_eq!((&host["Memory"], &host["NanoCpus"]), (&json!(0), &json!(0)));
    assert_eq!(
        (&host["CapAdd"], &host["ReadonlyRootfs"]),
        (&Value::Null, &json!(false))
    );
}

/// Checks the volumes of a container, which all roles have, in both directions.
fn has_the_volumes(machine: &Machine, name: &str) {
    // Docker gives them back in any order.
    let binds = inspect(machine, name)["HostConfig"]["Binds"].clone();
    let mut binds: Vec<String> = serde_json::from_value(binds).unwrap();
    binds.sort();
    assert_eq!(
        binds,
        [
            "/root/lab/home:/in/home",
            "/root/lab/relative:/in/relative",
            "/root/lab/tilde:/in/tilde:ro",
            "/srv/lab:/in/absolute",
            "lab-named:/in/named",
        ]
    );
    machine.sh("for d in home tilde relative; do echo $d > /root/lab/$d/x; done; echo absolute > /srv/lab/x");
    machine.sh("echo named > \"$(docker volume inspect --format '{{.Mountpoint}}' lab-named)/x\"");
    assert_eq!(
        machine.sh(&format!(
            "docker exec {name} sh -c 'cat /in/home/x /in/tilde/x /in/relative/x /in/named/x /in/absolute/x; touch /in/home/y'"
        )),
        "home\ntilde\nrelative\nnamed\nabsolute\n"
    );
    machine.sh("rm /root/lab/home/y");
    machine.sh(&format!(
        "! docker exec {name} touch /in/tilde/y 2>/dev/null"
    ));
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn each_role_runs_as_it_is_described() {
    let (project, version) = deployed();
    let [first, second] = &project.machines[..] else {
        panic!("two hosts")
    };
    let (web, job) = (
        project.container(&version),
        format!("lab-roles-job-{version}"),
    );
    assert_eq!(first.containers(), [job.as_str(), web.as_str(), "traefik"]);
    assert_eq!(second.containers(), [job.as_str()]);
    is_the_web(first, &web);
    for (machine, name) in [(first, &web), (first, &job), (second, &job)] {
        has_the_volumes(machine, name);
    }
    for machine in [first, second] {
        is_the_job(machine, &job);
    }
    for (machine, name) in [(first, web.as_str()), (first, "traefik"), (second, &job)] {
        assert_eq!(
            inspect(machine, name)["HostConfig"]["LogConfig"],
            json!({"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3"}})
        );
    }
    project
        .mrsk(&["plan", "--detailed-exitcode"])
        .expect(0)
        .says(&["nothing to do"]);
}

/// Returns the time, in seconds, of the first event of a container.
fn time_of(events: &str, event: &str) -> f64 {
    let line = events.lines().find_map(|line| line.strip_suffix(event));
    let line = line.unwrap_or_else(|| panic!("no {event:?} in\n{events}"));
    line.trim().parse::<f64>().unwrap() / 1e9
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_job_is_waited_for_and_stopped_and_a_health_check_ends_as_configured() {
    let (project, old) = deployed();
    let [first, second] = &project.machines[..] else {
        panic!("two hosts")
    };
    let since = second.now();
    let new = project.commit("APP_VERSION=two\n");
    project.mrsk(&["deploy"]).expect(0);
    let events = second.sh(&format!(
        "docker events --since {since} --until $(date +%s.%N) --filter type=container \
         --format '{{{{.TimeNano}}}} {{{{.Action}}}} {{{{.Actor.Attributes.name}}}} {{{{.Actor.Attributes.signal}}}}'"
    ));
    let events = events.replace(" <no value>", "");
    let started = time_of(&events, &format!("start lab-roles-job-{new}"));
    let asked = time_of(&events, &format!("kill lab-roles-job-{old} 15"));
    let killed = time_of(&events, &format!("kill lab-roles-job-{old} 9"));
    assert!((2.0..6.0).contains(&(asked - started)), "{events}");
    assert!((2.8..4.5).contains(&(killed - asked)), "{events}");
    assert_eq!(
        inspect(second, &format!("lab-roles-job-{old}"))["State"]["ExitCode"],
        137
    );

    let bad = project.commit("APP_VERSION=three\nAPP_HEALTH=never\n");
    let plan = project.mrsk(&["plan"]).expect(0).out;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let step = format!("172.30.0.12/web/lab-roles-web-{bad}/healthcheck");
    let steps = plan["steps"].as_array().unwrap();
    let step = steps.iter().find(|other| other["id"] == step).unwrap();
    let actions = step["action"].as_array().unwrap();
    let poll = actions
        .iter()
        .find_map(|action| action.get("poll"))
        .unwrap();
    assert_eq!(
        (&poll["port"], &poll["path"], &poll["attempts"]),
        (&json!(4000), &json!("/health"), &json!(2))
    );
    let since = first.now();
    project
        .mrsk(&["deploy"])
        .expect(1)
        .says(&["GET /health 503"]);
    let events = first.sh(&format!(
        "docker events --since {since} --until $(date +%s.%N) --filter container=lab-roles-web-{bad} \
         --format '{{{{.TimeNano}}}} {{{{.Action}}}}'"
    ));
    let lived = time_of(&events, "destroy") - time_of(&events, "start");
    assert!((8.0..14.0).contains(&lived), "two attempts of 4 s: {lived}");
    assert_eq!(Ask::of(first).version(), "two");
    assert!(second.containers().iter().all(|name| !name.ends_with(&bad)));
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn logs_are_bounded_where_the_configuration_is_silent() {
    let project = Project::new("lab-silent", &HOSTS[..1]);
    let servers = "  web: [172.30.0.12]\n  job: {hosts: [172.30.0.12], cmd: /app}\n";
    project.configure_servers(servers, "");
    project.commit("");
    project.mrsk(&["deploy"]).expect(0);
    let machine = &project.machines[0];
    let containers = machine.containers();
    assert_eq!(containers.len(), 3, "{containers:?}");
    for name in containers {
        assert_eq!(
            inspect(machine, &name)["HostConfig"]["LogConfig"],
            json!({"Type": "json-file", "Config": {"max-size": "10m"}}),
            "{name}"
        );
    }
}
