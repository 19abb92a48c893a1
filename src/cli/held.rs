//! Who holds a deploy lock, in words.

use crate::record::{LockDetails, TAKE_OVER_SECONDS};
use crate::transport::answer::LockState;

/// Returns the details of a lock and whether its holder is alive.
pub fn described(state: &LockState) -> String {
    let details = state.text.trim_end();
    let life = match (LockDetails::parse(details).run, state.beat_age) {
        (None, _) => {
            "Held by a person or another tool: it stays until `mrsk lock release`".to_owned()
        }
        (Some(_), None) => "No heartbeat: it may be starting".to_owned(),
        (Some(_), Some(age)) if age < TAKE_OVER_SECONDS => {
            format!("Alive: last heartbeat {age} s ago")
        }
        (Some(_), Some(age)) => {
            format!(
                "Silent: last heartbeat {age} s ago; the next run takes the lock over, unless a release command or hook has not ended"
            )
        }
    };
    format!("{details}\n{life}\n")
}

/// Returns what can be done about a lock that is held.
pub fn ways_out(state: &LockState) -> &'static str {
    match LockDetails::parse(&state.text).run {
        None => "wait for it, or release it with `mrsk lock release`",
        Some(_) => {
            "wait for it with `--lock-wait SECONDS`, or have it stop with `mrsk lock request-stop -m MESSAGE`"
        }
    }
}
