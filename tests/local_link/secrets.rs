//! Secrets that commands print: they are read when it is sure that a step needs them, and before anything changes.

use std::fs;

use mrsk::apply::state::{Outcome, Phase, Progress};
use mrsk::name::StepId;
use mrsk::plan::Plan;
use serde_json::{Value, json};

use crate::site::{Site, step};

/// Returns a plan whose first step needs A, the second B, and none C.
fn plan(site: &Site, second: &str) -> Plan {
    let with = |mut step: Value, name: &str| {
        step["secrets"] = json!([{"name": name, "via": "env"}]);
        let run = &mut step["action"][0]["run"];
        run["env"] = json!([name]);
        step
    };
    let tell = "[ \"$A\" = 'value of A' ] && echo told >>$ROOT/told";
    let steps = vec![
        with(step("a/one", &[], tell), "A"),
        with(step("a/two", &["a/one"], second), "B"),
    ];
    let mut plan = site.plan(&["a"], steps);
    for name in ["A", "B", "C"] {
        let command = vec![format!("print {name}")];
        plan.secret_commands.insert(name.to_owned(), command);
    }
    plan
}

fn asked(site: &Site) -> Vec<String> {
    site.printed.asked.lock().unwrap().clone()
}

#[tokio::test(flavor = "current_thread")]
async fn only_what_outstanding_steps_need_is_read_before_the_fence() {
    let site = Site::new(&["a"]);
    let (lock, fence) = (
        site.path("a/home/mrsk_lock"),
        site.path("a/state/app@/fence"),
    );
    *site.printed.watched.lock().unwrap() = vec![lock.clone(), fence];
    let second = "[ \"$B\" = 'value of B' ] && [ -e $ROOT/go ]";
    let (outcome, told) = site.apply(plan(&site, second), "r1").await;
    assert_eq!(outcome, Outcome::Failed(vec![StepId::from("a/two")]));
    assert_eq!(asked(&site), ["A B"]);
    assert_eq!(*site.printed.seen.lock().unwrap(), [lock]);
    let phases = told
        .iter()
        .filter(|event| matches!(event, Progress::Phase(Phase::Reading)));
    assert_eq!(phases.count(), 1);

    fs::write(site.path("go"), "").unwrap();
    let (outcome, _) = site.apply(plan(&site, second), "r2").await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(asked(&site), ["A B", "B"]);
    assert_eq!(fs::read_to_string(site.path("told")).unwrap(), "told\n");

    let (outcome, _) = site.apply(plan(&site, second), "r3").await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(asked(&site).len(), 2);
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_not_read_changes_nothing() {
    let site = Site::new(&["a"]);
    *site.printed.refuses.lock().unwrap() = Some("it printed nothing".to_owned());
    let (outcome, _) = site.apply(plan(&site, "true"), "r1").await;
    assert_eq!(
        outcome,
        Outcome::SecretsUnread("it printed nothing".to_owned())
    );
    assert_eq!(outcome.exit_code().code(), 78);
    assert!(!site.exists("told") && !site.exists("a/home/mrsk_lock"));
    assert!(!site.exists("a/state/app@/fence") && !site.exists("a/state/app@/serial"));
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_is_read_for_a_plan_that_cannot_be_applied() {
    let site = Site::new(&["a"]);
    let mut stale = plan(&site, "true");
    let host = stale.hosts.values_mut().next().unwrap();
    host.relies_on = serde_json::from_value(json!([
        {"fact": "/containers/gone/state", "op": "eq", "value": "running", "steps": ["a/one"]}
    ]))
    .unwrap();
    let (outcome, _) = site.apply(stale, "r1").await;
    assert!(matches!(outcome, Outcome::Stale { .. }), "{outcome:?}");

    fs::create_dir(site.path("a/home/mrsk_lock")).unwrap();
    fs::write(site.path("a/home/mrsk_lock/details"), "a person").unwrap();
    let (outcome, _) = site.apply(plan(&site, "true"), "r2").await;
    assert!(matches!(outcome, Outcome::LockForeign(_)), "{outcome:?}");
    assert_eq!(asked(&site), Vec::<String>::new());
}

#[tokio::test(flavor = "current_thread")]
async fn a_build_gets_its_secret_before_the_lock_is_taken() {
    let site = Site::new(&["a"]);
    let mut build = step(
        "local/build",
        &[],
        "[ \"$A\" = 'value of A' ] && touch built",
    );
    build["kind"] = json!("build");
    build["check"] = json!({"argv": ["true"]});
    build["secrets"] = json!([{"name": "A", "via": "env"}]);
    build["action"][0]["run"]["env"] = json!(["A"]);
    let steps = vec![
        build,
        step("a/pull", &["local/build"], "touch $ROOT/pulled"),
    ];
    let plan = |site: &Site| {
        let mut plan = site.plan(&["a"], steps.clone());
        plan.secret_commands
            .insert("A".to_owned(), vec!["print A".to_owned()]);
        plan
    };
    *site.printed.refuses.lock().unwrap() = Some("it printed nothing".to_owned());
    let (outcome, _) = site.apply(plan(&site), "r1").await;
    assert!(matches!(outcome, Outcome::SecretsUnread(_)), "{outcome:?}");
    assert!(!site.exists("built") && !site.exists("a/home/mrsk_lock"));
    *site.printed.refuses.lock().unwrap() = None;
    let (outcome, _) = site.apply(plan(&site), "r2").await;
    assert_eq!(outcome, Outcome::Done);
    assert!(site.exists("built") && site.exists("pulled"));
}
