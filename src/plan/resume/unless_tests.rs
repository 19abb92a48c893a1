use serde_json::json;

use super::tests::{attempt, ended, evidence, plan, statuses, step};
use super::*;
use crate::plan::predicate::Predicate;

#[test]
fn a_step_that_was_never_begun_is_done_if_it_is_not_needed() {
    let undo = Step {
        unless: vec![Predicate::one_of(
            &["containers", "new", "state"],
            vec![Value::Null, "exited".into()],
        )],
        ..step("stop", Some("h"), &[])
    };
    let plan = plan(vec![undo]);
    let facts = |state: Value| Some(json!({"containers": {"new": {"state": state}}}));
    let silent = json!({"docker": {"installed": true, "answers": false}});
    let failed = || vec![attempt("stop", 1, ended(Ending::Failed { code: 1 }))];
    let lost = || vec![attempt("stop", 1, AttemptState::Lost)];
    for (attempts, facts, status) in [
        (vec![], None, Status::NeedsProbe),
        (vec![], Some(json!({})), Status::Done),
        (vec![], facts("exited".into()), Status::Done),
        (
            vec![],
            facts("running".into()),
            Status::Outstanding { attempt: 1 },
        ),
        (vec![], Some(silent), Status::InDoubt { attempt: 1 }),
        // What was begun is judged by its records, and by its check.
        (failed(), Some(json!({})), Status::Failed { attempt: 2 }),
        (lost(), Some(json!({})), Status::Outstanding { attempt: 2 }),
    ] {
        let shown = format!("{attempts:?} {facts:?}");
        let statuses = statuses(&plan, &evidence(attempts, facts));
        assert_eq!(statuses, [status], "{shown}");
    }
}

#[test]
fn what_follows_a_step_that_was_not_needed_proves_nothing_of_what_it_needs() {
    let skipped = Step {
        unless: vec![Predicate::absent(&["containers", "new"])],
        ..step("start", Some("h"), &["route"])
    };
    let steps = vec![
        step("route", Some("h"), &[]),
        skipped,
        step("stop", Some("h"), &["start"]),
    ];
    let plan = plan(steps);
    let stopped = attempt("stop", 1, ended(Ending::Succeeded));
    let lost = attempt("route", 1, AttemptState::Lost);
    let statuses = statuses(&plan, &evidence(vec![lost, stopped], Some(json!({}))));
    let route = Status::Outstanding { attempt: 2 };
    assert_eq!(statuses, [route, Status::Done, Status::Done]);
}
