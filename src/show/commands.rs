//! What runs, as command lines to copy.

use super::groups::title;
use crate::plan::{Plan, Step};
use crate::text::{action_line, count, one_line};

/// Returns every command of the plan as a line for bash, step by step under the step's id and
/// place. What is not a command (a file that is written, a condition) is a comment.
pub fn commands(plan: &Plan) -> String {
    let mut out = String::new();
    let first = plan.pre_connect_step();
    for step in first.iter().chain(&plan.steps) {
        let place = title(plan, step.host.as_ref());
        out += &format!("# {} on {}\n", one_line(step.id.as_str()), one_line(&place));
        for line in lines(step) {
            out += &line;
            out.push('\n');
        }
        out.push('\n');
    }
    out
}

/// Returns what a step does, one line for each of its actions.
pub(super) fn lines(step: &Step) -> Vec<String> {
    let barrier = step.barrier.as_ref().map(|barrier| {
        let mut text = format!("# wait for {}", count(step.needs.len(), "step"));
        if barrier.at_most_failed > 0 {
            text += &format!(" ({} may fail)", barrier.at_most_failed);
        }
        if barrier.wait_seconds > 0 {
            text += &format!(", then {} s", barrier.wait_seconds);
        }
        text
    });
    let lock = step
        .shared_lock
        .then(|| "# one service at a time on this host".to_owned());
    barrier
        .into_iter()
        .chain(lock)
        .chain(step.action.iter().map(action_line))
        .collect()
}
