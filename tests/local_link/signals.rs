//! Runs that are stopped by signals. Each is a process of its own, since a signal reaches all runs of a process.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::{Site, step};

/// The variables by which the process of a run knows its directory and its steps.
const DIRECTORY: &str = "MRSK_TEST_DIRECTORY";
const STEPS: &str = "MRSK_TEST_STEPS";

/// What runs a command whose signals are not ignored: those of a test that runs in the background are.
const DEFAULT_SIGNALS: [&str; 2] = ["env", "--default-signal=INT,TERM,HUP"];

/// A docker that tells only a poll about its container, which never gets healthy.
const DOCKER: &str = r#"#!/bin/sh
case "$1 $*" in
"inspect "*RestartCount*) ;;
*) exit 1 ;;
esac
touch "$ROOT/asked"
echo 'running 1 0 starting bridge sha256:1 '
"#;

/// A switch on host `a` that waits for its new container for ever, and a step on host `b` behind it.
fn waiting_switch() -> Vec<Value> {
    let poll = json!([{"poll": {
        "probe": "running", "container": "app", "interval_ms": 4000, "attempts": 100
    }}]);
    let mut check = step("a/healthcheck", &["a/start"], "");
    check["kind"] = json!("healthcheck");
    check["action"] = poll;
    check["cleanup"] = json!([{"run": {"argv": ["sh", "-c", "touch $ROOT/undone"]}}]);
    let mut route = step("a/route", &["a/healthcheck"], "touch $ROOT/routed");
    route["kind"] = json!("route");
    let mut stop = step("a/stop", &["a/route"], "touch $ROOT/stopped");
    stop["kind"] = json!("stop");
    for step in [&mut check, &mut route, &mut stop] {
        step["safe_point"] = json!(false);
    }
    vec![
        step("a/start", &[], "touch $ROOT/started"),
        check,
        route,
        stop,
        step("b/other", &["a/stop"], "touch $ROOT/other"),
    ]
}

/// The process of a run: applies the plan, and leaves the outcome in a file.
#[test]
fn the_run_that_another_test_stops() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let steps = serde_json::from_str(&std::env::var(STEPS).unwrap()).unwrap();
    let site = Site::at(Path::new(&directory), &["a", "b"]);
    fs::write(site.path("fake/docker"), DOCKER).unwrap();
    let plan = site.plan(&["a", "b"], steps);
    let runtime = tokio::runtime::Builder::new_current_thread();
    let (outcome, _) = { runtime }
        .enable_all()
        .build()
        .unwrap()
        .block_on(site.apply(plan, "r1"));
    fs::write(site.path("outcome"), format!("{outcome:?}")).unwrap();
}

/// A run in a process of its own.
struct Stoppable {
    directory: TempDir,
    child: Child,
}

impl Stoppable {
    /// Starts it under `prefix`, and waits until the file `begun` is there.
    fn start(steps: &[Value], prefix: &[&str], begun: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let own = std::env::current_exe().unwrap().display().to_string();
        let test = "signals::the_run_that_another_test_stops";
        let mut argv: Vec<&str> = DEFAULT_SIGNALS.to_vec();
        argv.extend(prefix);
        argv.extend([own.as_str(), "--exact", test]);
        let child = Command::new(argv[0])
            .args(&argv[1..])
            .env(DIRECTORY, directory.path())
            .env(STEPS, serde_json::to_string(steps).unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let run = Self { directory, child };
        run.until(begun);
        run
    }

    fn exists(&self, name: &str) -> bool {
        self.directory.path().join(name).exists()
    }

    fn until(&self, name: &str) {
        for _ in 0..600 {
            if self.exists(name) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{name} is not there after 30 s");
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
        // Two signals of a kind that are pending at the same time are one.
        std::thread::sleep(Duration::from_millis(100));
    }

    /// Waits for the end of the run, and returns how it ended; empty if it did not tell.
    fn outcome(mut self) -> (String, TempDir) {
        self.child.wait().unwrap();
        let outcome = fs::read_to_string(self.directory.path().join("outcome"));
        (outcome.unwrap_or_default(), self.directory)
    }
}

#[test]
fn a_signal_ends_a_health_check_and_nothing_behind_it_begins() {
    let cases = [
        &[Signal::INT][..],
        &[Signal::TERM],
        &[Signal::HUP],
        &[Signal::INT, Signal::TERM],
        &[Signal::INT, Signal::INT, Signal::HUP],
    ];
    std::thread::scope(|scope| {
        for signals in cases {
            scope.spawn(move || {
                let run = Stoppable::start(&waiting_switch(), &[], "asked");
                let begun = Instant::now();
                for signal in signals {
                    run.signal(*signal);
                }
                let (outcome, directory) = run.outcome();
                assert_eq!(outcome, "Interrupted([])", "{signals:?}");
                assert!(begun.elapsed() < Duration::from_secs(30), "{signals:?}");
                let exists = |name: &str| directory.path().join(name).exists();
                assert!(exists("started") && exists("undone"), "{signals:?}");
                std::thread::sleep(Duration::from_secs(2));
                for name in ["routed", "stopped", "other", "a/home/mrsk_lock"] {
                    assert!(!exists(name), "{signals:?}: {name}");
                }
            });
        }
    });
}

#[test]
fn a_switch_whose_route_has_begun_is_finished() {
    let mut steps = waiting_switch();
    let run = |script: &str| json!([{"run": {"argv": ["sh", "-c", script]}}]);
    steps[1]["action"] = run("true");
    steps[2]["action"] = run("touch $ROOT/routed; until [ -e $ROOT/go ]; do sleep 0.1; done");
    let run = Stoppable::start(&steps, &[], "routed");
    run.signal(Signal::INT);
    fs::write(run.directory.path().join("go"), "").unwrap();
    let (outcome, directory) = run.outcome();
    assert_eq!(outcome, "Interrupted([])");
    let exists = |name: &str| directory.path().join(name).exists();
    assert!(exists("stopped") && !exists("undone"));
    assert!(!exists("other") && !exists("a/home/mrsk_lock"));
}

#[test]
fn a_hangup_that_was_ignored_at_the_start_stays_ignored() {
    let steps = [step(
        "a/held",
        &[],
        "touch $ROOT/begun; until [ -e $ROOT/go ]; do sleep 0.1; done",
    )];
    let nohup = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"];
    let run = Stoppable::start(&steps, &nohup, "begun");
    run.signal(Signal::HUP);
    fs::write(run.directory.path().join("go"), "").unwrap();
    assert_eq!(run.outcome().0, "Done");
}

#[test]
fn a_second_interrupt_at_a_terminal_leaves_at_once() {
    let directory = TempDir::new().unwrap();
    let pid = directory.path().join("pid").display().to_string();
    let own = std::env::current_exe().unwrap().display().to_string();
    let test = "signals::the_run_that_another_test_stops";
    // Its cleanup would take longer than the test.
    let mut steps = waiting_switch();
    steps[1]["cleanup"] = json!([{"run": {"argv": ["sh", "-c", "touch $ROOT/undoing; sleep 20"]}}]);
    let env = DEFAULT_SIGNALS.join(" ");
    let command = format!("sh -c 'echo $$ >{pid}; exec {env} {own} --exact {test}'");
    let mut child = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env(DIRECTORY, directory.path())
        .env(STEPS, serde_json::to_string(&steps).unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let until = |name: &str| {
        for _ in 0..600 {
            if directory.path().join(name).exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{name} is not there after 30 s");
    };
    until("asked");
    let pid = fs::read_to_string(pid).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    until("undoing");
    let begun = Instant::now();
    kill_process(pid, Signal::INT).unwrap();
    child.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    let outcome = fs::read_to_string(directory.path().join("outcome")).unwrap();
    assert!(outcome.contains("a/healthcheck"), "{outcome}");
    assert!(directory.path().join("a/home/mrsk_lock").exists());
}

#[test]
fn a_local_step_is_ended_with_all_its_processes() {
    let script = "(sleep 300; true) & echo $! >$DIRECTORY/pid; touch $DIRECTORY/begun; sleep 300";
    let script = script.replace("$DIRECTORY", &format!("${DIRECTORY}"));
    let mut build = step("local/build", &[], &script);
    build["kind"] = json!("build");
    build["check"] = json!({"argv": ["false"]});
    let steps = [
        build,
        step("a/pull", &["local/build"], "touch $ROOT/pulled"),
    ];
    let run = Stoppable::start(&steps, &[], "begun");
    run.signal(Signal::TERM);
    let (outcome, directory) = run.outcome();
    assert_eq!(outcome, "Interrupted([])");
    assert!(!directory.path().join("pulled").exists());
    let pid = fs::read_to_string(directory.path().join("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).join("exe").exists());
}
