//! Workers that are in a job when they are replaced: told to take no more work, they finish it.

use crate::lab_project::{Machine, Project, Said};

const HOST: &str = "172.30.0.13";

const DIRECTORY: &str = "/var/lib/mrsk-lab-workers";

/// Works without pause, 4 s for each job. Told to take no more work, it ends after its job, or waits to be stopped if `STAYS` is set.
/// With `DIES` it does not last.
const WORKER: &str = r#"quiet=
trap 'echo quiet; quiet=1' USR1
trap 'echo term; exit 0' TERM
[ -z "$DIES" ] || { sleep 4; exit 1; }
number=0
while [ -z "$quiet" ]
do
  number=$((number + 1))
  echo "begin $number"
  part=0
  while [ "$part" -lt 40 ]
  do
    sleep 0.1
    part=$((part + 1))
  done
  echo "end $number"
done
echo idle
while [ -n "$STAYS" ]
do
  sleep 0.1
done
exit 0
"#;

/// Makes a project whose worker of version `one` is in a job.
fn project(service: &'static str, seconds: u32, env: &str) -> Project {
    let project = Project::new(service, &[HOST]);
    let machine = &project.machines[0];
    machine.sh(&format!(
        "rm -rf {DIRECTORY} && mkdir {DIRECTORY} && cat >{DIRECTORY}/worker <<'END'\n{WORKER}END"
    ));
    configure(&project, seconds, env);
    project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    project.commit("APP_VERSION=two\n");
    project
}

fn configure(project: &Project, seconds: u32, env: &str) {
    project.configure_servers(
        &format!(
            "  web: [{HOST}]\n  job:\n    hosts: [{HOST}]\n    cmd: sh /data/worker\n    env: {{{env}}}\n    \
             quiet_signal: USR1\n    stop_wait_time: {seconds}\n"
        ),
        &format!("readiness_delay: 2\nvolumes: ['{DIRECTORY}:/data']\n"),
    );
}

/// Returns the names of the workers, the one that was created last first.
fn workers(machine: &Machine) -> Vec<String> {
    let said = machine.sh("docker ps -a --filter label=role=job --format '{{.Names}} {{.State}}'");
    said.lines().map(str::to_owned).collect()
}

/// Returns the words that a worker has printed.
fn log(machine: &Machine, worker: &str) -> Vec<String> {
    let name = worker.split(' ').next().unwrap();
    let said = machine.sh(&format!("docker logs {name}"));
    said.lines().map(str::to_owned).collect()
}

/// Fails unless each job that was begun has ended, and none was begun after the last signal.
#[track_caller]
fn finished_its_jobs(log: &[String]) {
    let count = |word: &str| log.iter().filter(|line| line.starts_with(word)).count();
    assert!(count("begin") > 0, "{log:?}");
    assert_eq!(count("begin"), count("end"), "{log:?}");
    let quiet = log.iter().rposition(|line| line == "quiet").unwrap();
    assert!(
        log[quiet..].iter().all(|line| !line.starts_with("begin")),
        "{log:?}"
    );
}

fn inspected(machine: &Machine, worker: &str) -> String {
    let name = worker.split(' ').next().unwrap();
    let format = "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{.HostConfig.RestartPolicy.Name}}";
    machine.sh(&format!("docker inspect --format '{format}' {name}"))
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_worker_in_a_job_finishes_it_and_ends_by_itself() {
    let project = project("lab-worker", 60, "");
    let machine = &project.machines[0];
    let began = std::time::Instant::now();
    let said = project.mrsk(&["deploy"]).expect(0);
    assert!(began.elapsed().as_secs() < 60, "its end ends the wait");
    said.says(&["to take no more work"]);
    let [new, old] = workers(machine).try_into().unwrap();
    assert!(
        new.ends_with(" running") && old.ends_with(" exited"),
        "{new}, {old}"
    );
    let old_log = log(machine, &old);
    finished_its_jobs(&old_log);
    assert_eq!(old_log.last().unwrap(), "idle");
    // The engine did not start it again, and does not after a restart of its own.
    assert_eq!(inspected(machine, &old).trim(), "exited 0 0 no");
    // A rollback starts it as a container of the app again.
    project.mrsk(&["rollback", "--yes"]).expect(0);
    let back = workers(machine);
    let back = back
        .iter()
        .find(|worker| worker.ends_with(" running"))
        .unwrap();
    assert_eq!(
        inspected(machine, back).trim(),
        "running 0 0 unless-stopped"
    );
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_worker_that_does_not_end_by_itself_is_stopped_after_its_time() {
    let project = project("lab-worker-stays", 8, "STAYS: 'yes'");
    let machine = &project.machines[0];
    project.mrsk(&["deploy"]).expect(0);
    let [_, old] = workers(machine).try_into().unwrap();
    let old_log = log(machine, &old);
    finished_its_jobs(&old_log);
    assert_eq!(old_log[old_log.len() - 2..], ["idle", "term"]);
    project.mrsk(&["plan", "--detailed-exitcode"]).expect(0);
}

/// The new worker passes its check, and dies while the old one finishes its job.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_worker_works_on_if_the_new_one_dies_meanwhile() {
    let project = project("lab-worker-dies", 60, "STAYS: 'yes'");
    let machine = &project.machines[0];
    configure(&project, 60, "STAYS: 'yes', DIES: 'yes'");
    let said: Said = project.mrsk(&["deploy"]).expect(1);
    said.says(&["was restarted: it had been told to take no more work"]);
    let left = workers(machine);
    let [old] = left.as_slice() else {
        panic!("{left:?}")
    };
    assert!(old.ends_with(" running"), "{old}");
    assert_eq!(inspected(machine, old).trim(), "running 0 0 unless-stopped");
    let old_log = log(machine, old);
    let quiet = old_log.iter().position(|line| line == "quiet").unwrap();
    assert!(
        old_log[quiet..]
            .iter()
            .any(|line| line.starts_with("begin")),
        "{old_log:?}"
    );
    // What is mended is deployed.
    configure(&project, 60, "");
    project.mrsk(&["deploy"]).expect(0);
    let served = workers(machine);
    assert!(served[0].ends_with(" running"), "{served:?}");
    // The restart has cut off the job that it had.
    let log = log(machine, &served[1]);
    let restarted = log.iter().rposition(|line| line == "begin 1").unwrap();
    finished_its_jobs(&log[restarted..]);
}
