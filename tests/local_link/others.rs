//! A plan is applied while a step of another one is still alive on its host.

use std::fs;

use mrsk::apply::state::{Outcome, Progress};
use mrsk::name::PlanDigest;
use mrsk::plan::Plan;
use mrsk::plan::kinds::WhenSuperseded;
use mrsk::record::TakeOver;
use serde_json::{Value, json};

use super::held;
use super::site::{Site, eventually, step};

/// Begins the switch of a plan, whose runner is gone while this step runs, and whose lock was released by hand.
async fn abandon(site: &Site, kind: &str) {
    kill_in(site, kind).await;
    fs::remove_dir_all(site.path("a/home/mrsk_lock")).unwrap();
}

/// As [`abandon`], but the lock is still that of the runner that is gone.
async fn kill_in(site: &Site, kind: &str) {
    let mut first = step("a/first", &[], &held("begun"));
    first["kind"] = json!(kind);
    let undo = "touch $ROOT/undone";
    first["cleanup"] = json!([{"run": {"argv": ["sh", "-c", undo]}}]);
    let mut second = step("a/second", &["a/first"], "touch $ROOT/second");
    second["safe_point"] = json!(false);
    let plan = site.plan(&["a"], vec![first, second]);
    // Processes are known by step and run, and tests run side by side.
    let run = format!("{kind}{}", std::process::id());
    tokio::select! {
        (outcome, _) = site.apply(plan, &run) => panic!("{outcome:?}"),
        () = eventually("a step begins", 30, || site.exists("begun")) => {}
    }
    // What the probe sees is not the state directory of these hosts, so that to it no plan has begun.
    fs::remove_file(site.path("a/state/app@/serial")).unwrap();
}

fn next_plan(site: &Site, steps: Vec<Value>) -> Plan {
    let mut plan = site.plan(&["a"], steps);
    plan.digest = PlanDigest::from("sha256:b2");
    plan
}

fn fates(told: &[Progress]) -> Vec<(WhenSuperseded, String)> {
    let fate = |progress: &Progress| match progress {
        Progress::OtherStep(step, fate) => Some((*fate, step.user.clone())),
        _ => None,
    };
    told.iter().filter_map(fate).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn a_drain_of_another_plan_is_ended_and_nothing_of_it_happens_later() {
    let site = Site::new(&["a"]);
    abandon(&site, "drain").await;
    let plan = next_plan(&site, vec![step("a/route", &[], "touch $ROOT/routed")]);
    let (outcome, told) = site.apply(plan, "r2").await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(fates(&told), [(WhenSuperseded::End, "a test".to_owned())]);
    fs::write(site.path("go"), "").unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(site.exists("routed"));
    assert!(!site.exists("undone") && !site.exists("second"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_stop_of_another_plan_is_waited_for() {
    let site = Site::new(&["a"]);
    abandon(&site, "stop").await;
    let order = "[ -e $ROOT/go ] && touch $ROOT/routed";
    let plan = next_plan(&site, vec![step("a/route", &[], order)]);
    let meanwhile = async {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        assert!(!site.exists("routed"));
        fs::write(site.path("go"), "").unwrap();
    };
    let ((outcome, told), ()) = tokio::join!(site.apply(plan, "r2"), meanwhile);
    assert_eq!(outcome, Outcome::Done, "{told:?}");
    let waited = [(WhenSuperseded::WaitFor, "a test".to_owned())];
    assert_eq!(fates(&told)[..1], waited);
    assert!(site.exists("routed") && !site.exists("undone"));
}

/// Lets the lock look as if its last heartbeat were 100 s ago.
fn age_lock(site: &Site) {
    let path = site.path("a/home/mrsk_lock/app@/beat");
    let beat = fs::read_to_string(&path).unwrap();
    let (boot, at) = beat.trim_end().split_once(' ').unwrap();
    let at = at.parse::<u64>().unwrap() - 100;
    fs::write(path, format!("{boot} {at}\n")).unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn the_lock_of_a_run_that_died_in_its_release_command_is_taken_over_only_if_a_person_says_so()
{
    let mut site = Site::new(&["a"]);
    kill_in(&site, "release").await;
    age_lock(&site);
    let next = || next_plan(&site, vec![step("a/next", &[], "touch $ROOT/next")]);
    let (outcome, _) = site.apply(next(), "r2").await;
    let Outcome::LeftOpen { open, .. } = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(open[0].step.as_ref().unwrap().as_str(), "a/first");
    assert_eq!(outcome.exit_code().code(), 4);
    assert!(!site.exists("next"));

    let plan = next();
    site.take_over = TakeOver::Always;
    fs::write(site.path("go"), "").unwrap();
    let (outcome, told) = site.apply(plan, "r3").await;
    assert_eq!(outcome, Outcome::Done, "{told:?}");
    let is_told = |progress: &Progress| matches!(progress, Progress::LockTakenOver(_, open) if open.len() < 2);
    assert!(site.exists("next") && told.iter().any(is_told), "{told:?}");
}
