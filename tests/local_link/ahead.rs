//! Steps of this machine that run before the lock is taken.

use std::fs;

use mrsk::apply::state::{Outcome, Phase, Progress, StepStatus};
use mrsk::name::StepId;
use mrsk::plan::Plan;
use serde_json::{Value, json};

use crate::site::{Site, step};

/// A build that runs `script`, whose check says that its effect is there.
fn build(script: &str) -> Value {
    let mut build = step("local/build", &[], script);
    build["kind"] = json!("build");
    build["check"] = json!({"argv": ["true"]});
    build
}

/// Notes a run of the build, and whether the lock was held.
const BUILDS: &str = "if [ -e a/home/mrsk_lock ]; then echo held; else echo free; fi >>built";

fn built(site: &Site) -> String {
    fs::read_to_string(site.path("built")).unwrap_or_default()
}

fn plan(site: &Site, build_with: &str, pull: &str) -> Plan {
    let steps = vec![build(build_with), step("a/pull", &["local/build"], pull)];
    site.plan(&["a"], steps)
}

#[tokio::test(flavor = "current_thread")]
async fn a_build_does_not_hold_the_lock_and_is_reported_once() {
    let site = Site::new(&["a"]);
    let (outcome, told) = site
        .apply(plan(&site, BUILDS, "touch $ROOT/pulled"), "r1")
        .await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(built(&site), "free\n");
    assert!(site.exists("pulled"));
    let id = StepId::from("local/build");
    let of_build = told.iter().filter_map(|event| match event {
        Progress::StepStarted(step, attempt) if *step == id => Some(format!("started {attempt}")),
        Progress::StepEnded { step, status, .. } if *step == id => Some(format!("{status:?}")),
        Progress::Phase(Phase::Locking) => Some("locking".to_owned()),
        _ => None,
    });
    assert_eq!(
        Vec::from_iter(of_build),
        [
            "started 1",
            &format!("{:?}", StepStatus::Succeeded),
            "locking"
        ]
    );
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_is_built_while_somebody_holds_the_lock() {
    let site = Site::new(&["a"]);
    fs::create_dir(site.path("a/home/mrsk_lock")).unwrap();
    fs::write(site.path("a/home/mrsk_lock/details"), "a person").unwrap();
    let (outcome, _) = site.apply(plan(&site, BUILDS, "true"), "r1").await;
    assert!(matches!(outcome, Outcome::LockForeign(_)), "{outcome:?}");
    assert_eq!(built(&site), "");
}

#[tokio::test(flavor = "current_thread")]
async fn a_build_that_fails_ends_the_run() {
    let site = Site::new(&["a"]);
    let script = format!("{BUILDS}; exit 3");
    let (outcome, _) = site
        .apply(plan(&site, &script, "touch $ROOT/pulled"), "r1")
        .await;
    assert_eq!(outcome, Outcome::Failed(vec![StepId::from("local/build")]));
    assert_eq!(built(&site), "free\n");
    assert!(!site.exists("pulled") && !site.exists("a/home/mrsk_lock"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_plan_that_has_begun_builds_nothing_ahead() {
    let site = Site::new(&["a"]);
    let plan = || plan(&site, BUILDS, "[ -e $ROOT/go ]");
    let (outcome, _) = site.apply(plan(), "r1").await;
    assert_eq!(outcome, Outcome::Failed(vec![StepId::from("a/pull")]));
    fs::write(site.path("go"), "").unwrap();
    let (outcome, _) = site.apply(plan(), "r2").await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(built(&site).matches("free").count(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_hook_runs_ahead_only_of_what_runs_ahead() {
    let site = Site::new(&["a"]);
    fs::create_dir(site.path("sub")).unwrap();
    let hook = |id: &str, needs: &[&str], script: &str| {
        let mut hook = step(id, needs, script);
        hook["kind"] = json!("pre_hook");
        hook["on_failure"] = json!("stop_run");
        hook
    };
    let mut built = build(BUILDS);
    built["needs"] = json!([{"step": "local/pre-build", "on": "success"}]);
    let mut told = hook("local/pre-deploy", &[], BUILDS);
    let report =
        "echo $KAMAL_VERSION $KAMAL_PERFORMER $KAMAL_RUNTIME ${KAMAL_RECORDED_AT#20??-} >told";
    told["action"] = json!([
        {"run": {"argv": ["/bin/sh", "-c", BUILDS]}},
        {"run": {
            "argv": ["/bin/sh", "-c", report], "directory": "sub",
            "variables": {
                "KAMAL_VERSION": "2", "KAMAL_PERFORMER": {"from_run": "performer"},
                "KAMAL_RUNTIME": {"from_run": "runtime"}, "KAMAL_RECORDED_AT": {"from_run": "time"},
            },
        }},
    ]);
    let steps = vec![
        hook("local/pre-build", &[], "echo hook >>built"),
        built,
        told,
        step("a/pull", &["local/build", "local/pre-deploy"], "true"),
    ];
    let (outcome, _) = site.apply(site.plan(&["a"], steps), "r1").await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(self::built(&site), "hook\nfree\nheld\n");
    let told = fs::read_to_string(site.path("sub/told")).unwrap();
    let words: Vec<&str> = told.split_whitespace().collect();
    assert_eq!(words[..3], ["2", "a", "test"], "{told}");
    assert!(words[3].parse::<u32>().is_ok(), "{told}");
    assert!(words[4].ends_with('Z') && words[4].len() == 15, "{told}");
}
