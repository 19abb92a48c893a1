//! Accessories on the lab: booted once, seen from inside, and left alone ever after.

use std::time::Duration;

use crate::lab_project::{Machine, Project};
use crate::lab_support::{Elsewhere, PlanFile, Runner, age_lock, deeds};

const HOST: &str = "172.30.0.12";

const PASSWORD: &str = "s3cret of the database";

/// An accessory on the private registry, with a file, a template, a directory, and all kinds of values.
fn accessory(limit: &str) -> String {
    format!(
        r#"accessories:
  store:
    image: {registry}/mrsk-lab/base
    host: {HOST}
    port: "36379:6379"
    cmd: sh -c "echo started; exec sleep infinity"
    env:
      clear:
        GREETING: "it's $HOME"
      secret:
        - STORE_PASSWORD
    files:
      - config/store/my.cnf:/etc/store/my.cnf
      - config/store/init.sql.erb:/etc/store/init.sql:ro
    directories:
      - data:/var/lib/store
    volumes:
      - $HOME/extra:/extra
    labels:
      team: data
    options:
      memory: {limit}
"#,
        registry = crate::lab_project::lab("LAB_REGISTRY")
    )
}

/// Makes a project that has the accessory beside its app.
fn project(service: &'static str) -> Project {
    let project = Project::new(service, &[HOST]);
    project.write("config/store/my.cnf", "[store]\ncharset = utf8 # é\n");
    project.write(
        "config/store/init.sql.erb",
        "SET PASSWORD '<%= ENV[\"STORE_PASSWORD\"] %>'; -- <%= ENV[\"GREETING\"] %>\n",
    );
    project.secret_file(&[("STORE_PASSWORD", PASSWORD)]);
    project.configure(&accessory("64m"));
    project.commit("APP_VERSION=one\n");
    project
}

fn inside(machine: &Machine, name: &str, script: &str) -> String {
    machine.sh(&format!("docker exec {name} sh -c '{script}'"))
}

fn id(machine: &Machine, name: &str) -> String {
    machine.sh(&format!(
        "docker inspect --format '{{{{.Id}}}} {{{{.State.StartedAt}}}}' {name}"
    ))
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn an_accessory_is_booted_as_described_and_left_alone_ever_after() {
    let project = project("lab-acc");
    let machine = &project.machines[0];
    let planned = project
        .mrsk(&["plan", "accessory", "boot", "store"])
        .expect(0);
    assert!(!planned.out.contains(PASSWORD) && !planned.err.contains(PASSWORD));
    project.mrsk(&["accessory", "boot", "all"]).expect(0);

    let name = "lab-acc-store";
    assert_eq!(
        inside(machine, name, "cat /etc/store/my.cnf"),
        "[store]\ncharset = utf8 # é\n"
    );
    assert_eq!(
        inside(machine, name, "cat /etc/store/init.sql"),
        format!("SET PASSWORD '{PASSWORD}'; -- it's $HOME\n")
    );
    assert_eq!(
        inside(
            machine,
            name,
            "echo \"$STORE_PASSWORD|$GREETING|$MRSK_CONTAINER_NAME\""
        ),
        format!("{PASSWORD}|it's $HOME|{name}\n")
    );
    inside(
        machine,
        name,
        "echo kept > /var/lib/store/x; echo more > /extra/y",
    );
    assert_eq!(
        machine.sh("cat /root/lab-acc-store/data/x /root/extra/y"),
        "kept\nmore\n"
    );
    assert_eq!(
        machine.sh("cd /root && stat -c %a lab-acc-store lab-acc-store/etc/store/*"),
        "700\n600\n644\n"
    );
    let inspect = |format: &str| machine.sh(&format!("docker inspect --format '{format}' {name}"));
    assert_eq!(
        inspect("{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}"),
        "67108864 unless-stopped\n"
    );
    assert_eq!(
        inspect("{{index .Config.Labels \"team\"}} {{index .Config.Labels \"service\"}}"),
        "data lab-acc-store\n"
    );
    assert_eq!(
        inspect("{{json .HostConfig.PortBindings}}").trim(),
        r#"{"6379/tcp":[{"HostIp":"","HostPort":"36379"}]}"#
    );
    assert_eq!(
        inspect("{{json .HostConfig.LogConfig.Config}}").trim(),
        r#"{"max-size":"10m"}"#
    );
    let traces =
        machine.sh("grep -rlF 's3cret of' /var/lib/mrsk /root/.mrsk /root/mrsk* 2>/dev/null || :");
    assert_eq!(traces, "");
    let journals = std::fs::read_dir(project.directory.join(".mrsk/runs")).unwrap();
    for run in journals {
        let journal = std::fs::read_to_string(run.unwrap().path().join("journal.jsonl")).unwrap();
        assert!(!journal.contains(PASSWORD));
    }

    let before = id(machine, name);
    project
        .mrsk(&["accessory", "boot", "store"])
        .expect(0)
        .says(&["nothing to do"]);
    project.configure(&accessory("96m"));
    project
        .mrsk(&["accessory", "boot", "all"])
        .expect(0)
        .says(&["differs from deploy.yml: options", "nothing to do"]);
    project
        .mrsk(&["deploy"])
        .expect(0)
        .says(&["differs from deploy.yml: options"]);
    project
        .mrsk(&["setup"])
        .expect(0)
        .says(&["differs from deploy.yml: options", "nothing to do"]);
    assert_eq!(id(machine, name), before);
    assert_eq!(machine.version(), "one");

    project
        .mrsk(&["accessory", "boot", "stroe"])
        .expect(64)
        .says(&["unknown accessory `stroe`", "store"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn setup_prepares_the_host_boots_the_accessory_and_deploys() {
    let project = project("lab-setup");
    let machine = &project.machines[0];
    let planned = project.mrsk(&["plan", "setup"]).expect(0);
    planned.says(&["accessory store"]);
    project.mrsk(&["setup"]).expect(0);
    assert_eq!(machine.version(), "one");
    let started = |name: &str| {
        machine.sh(&format!(
            "docker inspect --format '{{{{.State.StartedAt}}}}' {name}"
        ))
    };
    let app = machine
        .containers()
        .into_iter()
        .find(|name| name.starts_with("lab-setup-web-"));
    assert!(started("lab-setup-store") < started(&app.expect("the app runs")));
    project.mrsk(&["setup"]).expect(0).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_killed_boot_is_finished_from_another_clone_with_nothing_done_twice() {
    let project = project("lab-acckill");
    let machine = &project.machines[0];
    let name = "lab-acckill-store";
    for delay in [0, 100, 400, 1000, 2500] {
        machine.wipe();
        let plan = PlanFile::of(&project, "plan.json", &["plan", "accessory", "boot", "all"]);
        let since = machine.now();
        let mut runner = Runner::apply(&project, &plan, &[]);
        runner.until("started", &plan.step(HOST, "start"));
        std::thread::sleep(Duration::from_millis(delay));
        runner.kill();
        age_lock(machine);

        Elsewhere::of(&project, &[("STORE_PASSWORD", PASSWORD)])
            .apply(&plan, &[])
            .expect(0);
        assert_eq!(
            deeds(machine, name, &since),
            [format!("create {name}"), format!("start {name}")],
            "killed after {delay} ms"
        );
        assert_eq!(
            inside(
                machine,
                name,
                "cat /etc/store/my.cnf /etc/store/init.sql; ls -d /var/lib/store"
            ),
            format!(
                "[store]\ncharset = utf8 # é\nSET PASSWORD '{PASSWORD}'; -- it's $HOME\n/var/lib/store\n"
            )
        );
        assert!(!machine.is_locked());
        project
            .mrsk(&["accessory", "boot", "all"])
            .expect(0)
            .says(&["nothing to do"]);
    }
}

/// A database of the original tool has no label that says whose it is; production's hosts are not looked at by a removal of staging.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_database_that_two_destinations_have_outlives_the_removal_of_one() {
    let project = project("lab-shared");
    let machine = &project.machines[0];
    project.write("config/deploy.staging.yml", "labels: {}\n");
    let production = "servers: [172.30.0.11]\n";
    project.write("config/deploy.production.yml", production);
    project.mrsk(&["accessory", "boot", "store"]).expect(0);
    machine.sh(
        "image=$(docker inspect --format '{{.Image}}' lab-shared-store) && docker rm --force lab-shared-store && \
         touch ~/lab-shared-store/data/precious && docker run --detach --name lab-shared-store $image sleep infinity",
    );
    let remove = project
        .mrsk(&["remove", "-d", "staging", "--yes"])
        .expect(0);
    remove.says(&[
        "it stays: ",
        "destination production have it on this host, too",
    ]);
    let refused = project
        .mrsk(&["accessory", "remove", "store", "-d", "staging", "--yes"])
        .expect(78);
    refused.says(&["accessory store says of no destination that it is its own"]);
    machine.sh("docker inspect lab-shared-store && test -e ~/lab-shared-store/data/precious");
    machine.sh("docker rm --force lab-shared-store && rm -r ~/lab-shared-store");
}
