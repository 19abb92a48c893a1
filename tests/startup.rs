//! What starting costs: CPU time of the process, user and system together, the least of several runs. Measured is the build under
//! test; one without optimisation may take a multiple of the bounds. Of the two commands neither starts a thread or a process.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

const RUNS: usize = 40;

const DEPLOY: &str = "\
service: shop
image: acme/shop
servers:
  web:
    hosts: [192.0.2.1, 192.0.2.2]
  jobs:
    hosts: [192.0.2.3]
    cmd: bin/jobs
registry:
  username: robot
  password:
    - MRSK_REGISTRY_PASSWORD
env:
  clear: {ONE: 1, TWO: 2}
  secret: [DATABASE_URL]
builder:
  multiarch: false
";

/// Returns the CPU time of one run of `mrsk` with `args` in `dir`: what the scheduler counted for the process, read before it is reaped.
fn cpu_time(args: &[&str], dir: &std::path::Path) -> Duration {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mrsk"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("HOME", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let id = child.id();
    let pid = Pid::from_raw(id.cast_signed()).unwrap();
    waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    )
    .unwrap();
    let counted = std::fs::read_to_string(format!("/proc/{id}/schedstat")).unwrap();
    assert!(child.wait().unwrap().success(), "mrsk {args:?}");
    Duration::from_nanos(counted.split(' ').next().unwrap().parse().unwrap())
}

/// Returns the least of many runs: other work on the machine makes a run seem dearer, and never cheaper.
fn cost(args: &[&str]) -> Duration {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("config")).unwrap();
    std::fs::write(dir.path().join("config/deploy.yml"), DEPLOY).unwrap();
    let runs = (0..RUNS).map(|_| cpu_time(args, dir.path()));
    let least = runs.min().unwrap();
    println!("mrsk {}: {least:?}", args.join(" "));
    least
}

/// How much dearer a build without optimisation is: the limits are those of a release.
const UNOPTIMISED: u32 = if cfg!(debug_assertions) { 4 } else { 1 };

#[test]
fn the_version_takes_less_than_5_ms() {
    let time = cost(&["version"]);
    assert!(time > Duration::ZERO, "nothing was counted");
    assert!(time < UNOPTIMISED * Duration::from_millis(5), "{time:?}");
}

#[test]
fn the_configuration_takes_less_than_10_ms() {
    let time = cost(&["config"]);
    assert!(time > Duration::ZERO, "nothing was counted");
    assert!(time < UNOPTIMISED * Duration::from_millis(10), "{time:?}");
}
