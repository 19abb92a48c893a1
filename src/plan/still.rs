//! What a plan leaves as it is, and what people should be told of at its end: requests that are answered with 503.

use super::model::{Plan, Unchanged};

/// What stands between what is done and the role; no role's name has a space.
const OF: &str = " of ";

/// The names of what is told at the end.
const TOLD: [&str; 2] = ["maintenance", "drain"];

/// Returns the subject of the `purpose` of a role among what is unchanged.
pub fn subject(purpose: &str, role: &str) -> String {
    format!("{purpose}{OF}{role}")
}

/// Returns what people should be told of.
pub fn told(plan: &Plan) -> impl Iterator<Item = &Unchanged> {
    plan.unchanged.iter().filter(|item| {
        let purpose = item.subject.split_once(OF).map(|(purpose, _)| purpose);
        purpose.is_some_and(|purpose| TOLD.contains(&purpose))
    })
}
