//! Deploys that wait for the lock or for a build, and what comes first meanwhile, on the lab.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::lab_project::{Machine, Project, eventually, lab, run};
use crate::lab_support::mrsk;

const HOSTS: [&str; 2] = ["172.30.0.14", "172.30.0.15"];

/// A project with these versions deployed one after the other, and the version of each.
fn deployed(service: &'static str, names: &[&str]) -> (Project, Vec<String>) {
    let project = Project::new(service, &HOSTS);
    let deploy = |name: &&str| {
        let version = project.commit(&format!("APP_VERSION={name}\n"));
        project.mrsk(&["deploy"]).expect(0);
        version
    };
    let versions = names.iter().map(deploy).collect();
    (project, versions)
}

/// Has the next image take `seconds` to build.
fn build_slowly(project: &Project, seconds: u32) {
    let dockerfile = project.directory.join("Dockerfile");
    let text = std::fs::read_to_string(&dockerfile).unwrap();
    // A layer of an earlier run would be there at once.
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let slow = format!("{text}RUN : {now}; sleep {seconds}\n");
    project.write("Dockerfile", &slow);
}

fn begin(project: &Project, arguments: &[&str]) -> Child {
    let config = lab("LAB_SSH_CONFIG");
    let mut command = mrsk();
    command.args(arguments);
    project
        .in_its_environment(&mut command, Path::new(&config))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[track_caller]
fn ends(child: Child, code: i32) -> String {
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(code), "{said}");
    said
}

/// Returns whether a build that sleeps is under way on this machine.
fn is_building(seconds: u32) -> bool {
    let sleep = format!("^sleep {seconds}$");
    run(Command::new("pgrep").args(["-f", &sleep])).code == 0
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_rollback_does_not_wait_for_a_build_and_supersedes_its_deploy() {
    let (project, versions) = deployed("lab-built", &["one", "two"]);
    build_slowly(&project, 23);
    project.commit("APP_VERSION=three\n");
    let deploy = begin(&project, &["deploy"]);
    eventually(60, || is_building(23));
    assert!(!project.machines[0].is_locked());
    project.mrsk(&["rollback", "--yes"]).expect(0);
    let said = ends(deploy, 3);
    let expected = format!(
        "superseded: rollback to {} by Lab Author came first",
        &versions[0][..12]
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(project.each(Machine::version), ["one", "one"]);
    assert!(!project.machines[0].is_locked());

    // What was built is deployed by whoever wants it all the same: its pull names what was pushed.
    let said = project.mrsk(&["deploy"]).expect(0);
    assert_eq!(said.err.matches("Plan: deploy").count(), 1, "{}", said.err);
    assert_eq!(project.each(Machine::version), ["three", "three"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn queued_deploys_arrive_in_turn_unless_a_later_commit_came_first() {
    let (project, _) = deployed("lab-queue", &["one"]);
    project
        .mrsk(&["lock", "acquire", "-m", "by hand"])
        .expect(0);
    let two = project.commit("APP_VERSION=two\n");
    project.mrsk(&["build", "push"]).expect(4);
    project.mrsk(&["lock", "release"]).expect(0);
    project.mrsk(&["build", "push"]).expect(0);
    let three = project.commit("APP_VERSION=three\nAPP_BOOT_MS=8000\n");
    project.mrsk(&["build", "push"]).expect(0);

    // A later commit has the lock, and the earlier one waits.
    let later = begin(&project, &["deploy", "--skip-push", "--version", &three]);
    eventually(60, || project.machines[0].is_locked());
    let waits = [
        "deploy",
        "--skip-push",
        "--lock-wait",
        "120",
        "--version",
        &two,
    ];
    let earlier = begin(&project, &waits);
    ends(later, 0);
    let said = ends(earlier, 3);
    let expected = format!(
        "superseded: deploy to {} by Lab Author came first",
        &three[..12]
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(project.each(Machine::version), ["three", "three"]);

    // An earlier one has it, and the later one waits.
    let four = project.commit("APP_VERSION=four\nAPP_BOOT_MS=8000\n");
    let five = project.commit("APP_VERSION=five\n");
    for version in [&four, &five] {
        project.check_out(version);
        project.mrsk(&["build", "push"]).expect(0);
    }
    let earlier = begin(&project, &["deploy", "--skip-push", "--version", &four]);
    eventually(60, || project.machines[0].is_locked());
    let waits = [
        "deploy",
        "--skip-push",
        "--lock-wait",
        "120",
        "--version",
        &five,
    ];
    let later = begin(&project, &waits);
    ends(earlier, 0);
    ends(later, 0);
    assert_eq!(project.each(Machine::version), ["five", "five"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn three_deploys_that_wait_arrive_in_the_order_in_which_they_came() {
    let (project, _) = deployed("lab-turns", &["one"]);
    let push = |name| {
        let version = project.commit(&format!("APP_VERSION={name}\n"));
        project.mrsk(&["build", "push"]).expect(0);
        version
    };
    let versions = ["two", "three", "four"].map(push);
    project
        .mrsk(&["lock", "acquire", "-m", "by hand"])
        .expect(0);
    let waiting = "cd; ls .mrsk_lock.queue.lab-turns@ 2>/dev/null | wc -l";
    let deploys = versions.each_ref().map(|version| {
        let before = project.machines[0].sh(waiting);
        let deploy = ["deploy", "--skip-push", "--lock-wait", "120", "--version"];
        let child = begin(&project, &[&deploy[..], &[version]].concat());
        eventually(30, || project.machines[0].sh(waiting) != before);
        child
    });
    project.mrsk(&["lock", "release"]).expect(0);
    for deploy in deploys {
        ends(deploy, 0);
    }
    let routed = project.machines[0].sh("cat /var/lib/mrsk/lab-turns@/routed");
    let at = |version: &String| routed.rfind(version.as_str()).unwrap();
    assert!(versions.iter().map(at).is_sorted(), "{routed}");
    assert_eq!(project.each(Machine::version), ["four", "four"]);
    assert_eq!(project.machines[0].sh("cd; ls -A | grep queue || :"), "");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_deploy_of_a_pushed_version_looks_at_each_host_once() {
    let (project, _) = deployed("lab-once", &["one"]);
    project.commit("APP_VERSION=two\n");
    project.mrsk(&["build", "push"]).expect(0);
    // A look at a host asks for its architecture, and nothing else does.
    let counts = r#"mv /usr/bin/uname /usr/bin/uname.real
cat >/usr/bin/uname <<'END'
#!/bin/sh
[ "$1" = -nm ] && echo >>/root/looks
exec /usr/bin/uname.real "$@"
END
chmod +x /usr/bin/uname"#;
    project.each(|machine| machine.sh(counts));
    let said = project.mrsk(&["deploy", "--skip-push"]);
    let looks = project.each(|machine| {
        machine.sh("mv /usr/bin/uname.real /usr/bin/uname; wc -l </root/looks; rm /root/looks")
    });
    said.expect(0);
    assert_eq!(
        Vec::from_iter(looks.iter().map(|count| count.trim())),
        ["1", "1"]
    );
    assert_eq!(project.each(Machine::version), ["two", "two"]);
}
