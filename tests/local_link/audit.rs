//! What a run leaves in the audit logs, and that nothing runs that its journal does not hold.

use std::fs;

use mrsk::apply::state::{Outcome, Progress};

use crate::site::{Site, step};

/// What the lines of a host's audit log say of steps, sorted.
fn audit(site: &Site, host: &str) -> Vec<String> {
    let log = site.path(host).join("home/mrsk-app-audit.log");
    let text = fs::read_to_string(log).unwrap_or_default();
    let said = |line: &str| {
        let (head, said) = line.split_once(" plan sha256:a1 ").unwrap();
        assert!(head.ends_with("[a test] deploy 1"), "{line}");
        said.to_owned()
    };
    let mut said: Vec<String> = text.lines().map(said).collect();
    said.sort();
    said
}

#[tokio::test(flavor = "current_thread")]
async fn each_step_that_ended_stands_in_the_audit_log_of_its_host() {
    let site = Site::new(&["a", "b"]);
    let plan = || {
        let mut steps = vec![
            step("a/one", &[], "true"),
            step("b/two", &["a/one"], "[ -e $ROOT/repaired ]"),
            step("local/tell", &["a/one"], "false"),
            step("a/three", &["b/two"], "true"),
        ];
        steps[2]["on_failure"] = "tolerate".into();
        site.plan(&["a", "b"], steps)
    };
    let (outcome, _) = site.apply(plan(), "r1").await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    let told = "local/tell failed with status 1";
    let failed = "b/two failed with status 1";
    assert_eq!(audit(&site, "a"), ["a/one succeeded", told]);
    assert_eq!(audit(&site, "b"), [failed]);
    fs::write(site.path("repaired"), "").unwrap();
    let (outcome, _) = site.apply(plan(), "r2").await;
    assert_eq!(outcome, Outcome::Done);
    let again = "local/tell failed with status 1 (attempt 2)";
    let expected = ["a/one succeeded", "a/three succeeded", told, again];
    assert_eq!(audit(&site, "a"), expected);
    assert_eq!(audit(&site, "b"), [failed, "b/two succeeded (attempt 2)"]);
}

#[tokio::test(flavor = "current_thread")]
async fn what_the_journal_does_not_take_does_not_run() {
    // The first entries: the run, the start of the step, its end, the start of the next, and its end.
    for (takes, ran) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)] {
        let mut site = Site::new(&["a"]);
        site.journal_takes = takes;
        let steps = vec![
            step("a/one", &[], "touch $ROOT/0"),
            step("local/tell", &["a/one"], "touch 1"),
            step("a/two", &["local/tell"], "touch $ROOT/2"),
        ];
        let (outcome, told) = site.apply(site.plan(&["a"], steps), "r1").await;
        let is_told = |progress: &&Progress| matches!(progress, Progress::StepStarted(..));
        let about = format!("{takes}: {outcome:?}");
        assert!(matches!(outcome, Outcome::JournalFailed(_)), "{about}");
        assert_eq!(told.iter().filter(is_told).count(), ran, "{about}");
        for step in 0..3 {
            assert_eq!(
                site.exists(&step.to_string()),
                step < ran,
                "{about}, {step}"
            );
        }
        // The broadcast was claimed, and did not run.
        let refused = audit(&site, "a").contains(&"local/tell refused".to_owned());
        assert_eq!(refused, [2, 3].contains(&takes), "{about}");
        let lines = audit(&site, "a").len();
        assert_eq!(lines, ran + usize::from(refused), "{about}");
        assert!(!site.exists("a/home/mrsk_lock"), "{about}");
    }
}
