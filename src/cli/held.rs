//! Who holds a deploy lock, in words.

use crate::record::{LockDetails, TAKE_OVER_SECONDS};
use crate::transport::answer::LockState;

/// How old the last heartbeat of a run may be that is surely alive, in seconds: it writes one every 5 s.
const QUIET_SECONDS: u64 = 15;

/// Returns the details of a lock and whether its holder is alive.
pub fn described(state: &LockState) -> String {
    let details = state.text.trim_end();
    // A lock that is no deploy's has no version.
    let lines = details.lines().filter(|line| line.trim_end() != "Version:");
    let shown = Vec::from_iter(lines).join("\n");
    let life = match (LockDetails::parse(details).run, state.beat_age) {
        (None, _) => {
            "Held by a person or another tool: it stays until `mrsk lock release`".to_owned()
        }
        (Some(_), None) => "No heartbeat: it may be starting".to_owned(),
        (Some(_), Some(age)) if age < QUIET_SECONDS => {
            format!("Alive: last heartbeat {age} s ago")
        }
        (Some(_), Some(age)) if age < TAKE_OVER_SECONDS => {
            format!(
                "Quiet: last heartbeat {age} s ago (expected every 5 s); a lock silent for {TAKE_OVER_SECONDS} s is taken over"
            )
        }
        (Some(_), Some(age)) => {
            format!(
                "Silent: last heartbeat {age} s ago; the next run takes the lock over, unless a release command or hook has not ended"
            )
        }
    };
    format!("{shown}\n{life}\n")
}

/// Returns what can be done about a lock that is held.
pub fn ways_out(state: &LockState) -> &'static str {
    match LockDetails::parse(&state.text).run {
        None => "wait for it, or release it with `mrsk lock release`",
        Some(_) if state.beat_age.is_some_and(|age| age >= QUIET_SECONDS) => {
            "wait with `--lock-wait 90`: the lock is taken over unless its run goes on"
        }
        Some(_) => {
            "wait for it with `--lock-wait SECONDS`, or have it stop with `mrsk lock request-stop -m MESSAGE`"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(text: &str, beat_age: Option<u64>) -> LockState {
        LockState {
            text: text.to_owned(),
            beat_age,
        }
    }

    #[test]
    fn a_run_is_alive_quiet_or_silent_and_each_has_a_way_out() {
        let run = "Locked by: Ada at 2026-01-31\nVersion: \nMessage: rollback\nRun: 00112233445566778899aabbccddeeff\nGeneration: 1";
        for (age, life, way) in [
            (2, "Alive: last heartbeat 2 s ago", "request-stop"),
            (
                45,
                "Quiet: last heartbeat 45 s ago (expected every 5 s)",
                "--lock-wait 90",
            ),
            (70, "Silent: last heartbeat 70 s ago", "--lock-wait 90"),
        ] {
            let state = lock(run, Some(age));
            let text = described(&state);
            assert!(
                text.contains(life) && !text.contains("Version:"),
                "{age}: {text}"
            );
            assert!(ways_out(&state).contains(way), "{age}");
        }
        let person = lock("Locked by: Ada at noon\nVersion: v1\nMessage: mine", None);
        assert!(described(&person).contains("Version: v1"));
        assert!(ways_out(&person).contains("mrsk lock release"));
    }
}
