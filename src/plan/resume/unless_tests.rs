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
