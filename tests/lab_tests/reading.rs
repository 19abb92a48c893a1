//! Reading from hosts of the lab, and commands that users run once in containers.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::lab_project::{Machine, Project, eventually, lab};

const HOSTS: [&str; 2] = ["172.30.0.16", "172.30.0.17"];

const TOKEN: &str = "s3cret token\nof two lines";

/// Role web on both hosts and role jobs on the second, deployed.
fn deployed(service: &'static str) -> (Project, String) {
    let project = Project::new(service, &HOSTS);
    let servers = format!(
        "  web: [{}, {}]\n  jobs:\n    hosts: [{}]\n    cmd: sh -c \"echo a job; exec sleep infinity\"\n",
        HOSTS[0], HOSTS[1], HOSTS[1]
    );
    let more = "env:\n  clear: {GREETING: \"it's $HOME\"}\n  secret: [TOKEN]\nvolumes: ['~/shared:/shared']\n";
    project.configure_servers(&servers, more);
    project.secret_file(&[("TOKEN", TOKEN)]);
    let version = project.commit("APP_VERSION=one\n");
    project.each(forget);
    project.mrsk(&["deploy"]).expect(0);
    (project, version)
}

/// Removes what is not mrsk's: the directory that the containers share.
fn forget(machine: &Machine) {
    machine.sh("rm -rf /root/shared");
}

/// Returns the heads of sections.
fn heads(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| line.contains(" Host: "))
        .collect()
}

/// Returns how many processes of a host follow logs.
fn followers(machine: &Machine) -> String {
    machine.sh("grep -las 'docke[r].logs' /proc/[0-9]*/cmdline | wc -l")
}

/// Starts mrsk on a terminal of 33 rows and 101 columns.
fn on_terminal(project: &Project, arguments: &str) -> Child {
    let line = format!(
        "stty rows 33 cols 101; '{}' {arguments}; echo status $?",
        env!("CARGO_BIN_EXE_mrsk")
    );
    let config = lab("LAB_SSH_CONFIG");
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]);
    let command = project.in_its_environment(&mut command, Path::new(&config));
    let command = command.env("SHELL", "/bin/sh");
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    streams.spawn().unwrap()
}

/// Starts mrsk with pipes.
fn with_pipes(project: &Project, arguments: &[&str]) -> Child {
    let config = lab("LAB_SSH_CONFIG");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mrsk"));
    let command = project.in_its_environment(command.args(arguments), Path::new(&config));
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    streams.stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn what_runs_is_shown_host_by_host_without_a_secret() {
    let (project, version) = deployed("lab-read");
    std::fs::remove_file(project.directory.join(".env")).unwrap();
    let [one, two] = HOSTS;
    let app = [
        format!("App Host: {one}"),
        format!("App Host: {two} (web)"),
        format!("App Host: {two} (jobs)"),
    ];
    let shown = project.mrsk(&["app", "version"]).expect(0).out;
    let expected: String = app
        .iter()
        .map(|head| format!("{head}\n{version}\n\n"))
        .collect();
    assert_eq!(shown, expected);
    for command in ["details", "containers"] {
        let shown = project.mrsk(&["app", command]).expect(0).out;
        assert_eq!(heads(&shown), app);
        assert_eq!(
            shown.matches(&project.container(&version)).count(),
            2,
            "{shown}"
        );
        assert!(shown.contains("CONTAINER ID   IMAGE "), "{shown}");
    }
    let shown = project.mrsk(&["details", "-h", one]).expect(0).out;
    assert_eq!(
        heads(&shown),
        [format!("Traefik Host: {one}"), format!("App Host: {one}")]
    );
    let shown = project.mrsk(&["app", "images"]).expect(0).out;
    assert_eq!(shown.matches(&version).count(), 2, "{shown}");
    let shown = project.mrsk(&["app", "logs", "-r", "jobs"]).expect(0).out;
    assert_eq!(shown, format!("App Host: {two} (jobs)\na job\n\n"));
    let shown = project.mrsk(&["traefik", "logs", "-n", "5"]).expect(0).out;
    assert_eq!(
        heads(&shown),
        [
            format!("Traefik Host: {one}"),
            format!("Traefik Host: {two}")
        ]
    );
    let status = project.mrsk(&["status"]).expect(0).out;
    assert_eq!(status.matches("healthy, routed\n").count(), 2, "{status}");
    assert!(status.contains("next: nothing\n"), "{status}");

    let mut child = with_pipes(
        &project,
        &["app", "logs", "-f", "-g", "job", "--roles", "web,jobs"],
    );
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let first = stdout.lines().next().unwrap().unwrap();
    assert!(
        first.starts_with(&format!("{two} (jobs) | ")) && first.ends_with(" a job"),
        "{first}"
    );
    assert_eq!(followers(&project.machines[1]).trim(), "2");
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    eventually(20, || {
        project
            .machines
            .iter()
            .all(|machine| followers(machine).trim() == "0")
    });
    project.each(Machine::wipe);
    project.each(forget);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn commands_run_once_as_what_serves() {
    let (project, version) = deployed("lab-exec");
    let [one, two] = HOSTS;
    let before = project.each(Machine::container_ids);
    let script = r#"echo "$GREETING|$TOKEN|$MRSK_CONTAINER_NAME"; cat /behaviour; echo x > /shared/$HOSTNAME"#;
    let ran = project
        .mrsk(&["app", "exec", "--", "sh", "-c", script])
        .expect(0);
    assert_eq!(
        heads(&ran.out),
        [format!("App Host: {one}"), format!("App Host: {two} (web)")]
    );
    // What a host prints is redacted.
    assert_eq!(
        ran.out.matches("it's $HOME|[REDACTED]\n").count(),
        2,
        "{}",
        ran.out
    );
    let name = format!("{}-exec-", project.container(&version));
    assert_eq!(
        ran.out.matches(&format!("|{name}")).count(),
        2,
        "{}",
        ran.out
    );
    assert_eq!(
        ran.out.matches("APP_VERSION=one\n").count(),
        2,
        "{}",
        ran.out
    );
    assert_eq!(project.each(Machine::container_ids), before);
    for machine in &project.machines {
        assert_eq!(machine.sh("ls /root/shared | wc -l").trim(), "1");
    }
    let tested = project
        .mrsk(&["app", "exec", "test -e /shared/none"])
        .expect(1);
    tested.says(&["failed with status 1", one, two]);
    let ran = project
        .mrsk(&[
            "app",
            "exec",
            "--reuse",
            "-r",
            "jobs",
            "cat /proc/1/cmdline",
        ])
        .expect(0);
    assert!(ran.out.contains("sleep"), "{}", ran.out);
    let audit = project.mrsk(&["audit", "-p"]).expect(0).out;
    let line = format!("app exec {version}: test -e /shared/none");
    assert!(audit.contains(&line), "{audit}");
    let failed = project.mrsk(&["audit", "-p", "--failed"]).expect(0).out;
    let line = format!("{line} failed with status 1");
    assert!(failed.contains(&line), "{failed}");
    assert!(!audit.contains("s3cret"), "{audit}");

    let mut child = with_pipes(
        &project,
        &["app", "exec", "-i", "--", "sh", "-c", "tr a-z A-Z; exit 42"],
    );
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        ended.stdout,
        b"HELLO\n",
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(ended.status.code(), Some(42));

    for reuse in ["", "--reuse"] {
        let program = r#"-- sh -c 'sleep 1; stty size; trap "echo caught; exit 9" INT; echo ready; sleep 60 & wait'"#;
        let mut child = on_terminal(&project, &format!("app exec -i {reuse} {program}"));
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut seen = String::new();
        while !seen.contains("ready") {
            assert!(stdout.read_line(&mut seen).unwrap() > 0, "{seen}");
        }
        stdin.write_all(b"\x03").unwrap();
        stdout.read_to_string(&mut seen).unwrap();
        child.wait().unwrap();
        for part in ["33 101", "caught", "status 9"] {
            assert!(seen.contains(part), "{reuse}: `{part}` is not in {seen}");
        }
    }
    eventually(20, || project.each(Machine::container_ids) == before);
    project.each(Machine::wipe);
    project.each(forget);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_lock_by_hand_holds_up_a_deploy() {
    let project = Project::new("lab-lock", &HOSTS[..1]);
    project.commit("APP_VERSION=one\n");
    let taken = project
        .mrsk(&["lock", "acquire", "-m", "Doing maintenance"])
        .expect(0);
    assert_eq!(taken.out, "acquired the deploy lock\n");
    project
        .mrsk(&["deploy"])
        .expect(4)
        .says(&["Doing maintenance"]);
    let status = project.mrsk(&["status"]).expect(0).out;
    assert!(status.contains("Doing maintenance (by hand)"), "{status}");
    assert!(status.contains("next: mrsk lock release\n"), "{status}");
    project.mrsk(&["lock", "release"]).expect(0);
    project.mrsk(&["deploy"]).expect(0);
    project.each(Machine::wipe);
}
