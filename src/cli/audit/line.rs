//! One line of an audit log.

use serde::Serialize;

/// How what a line tells of has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It took effect.
    Succeeded,
    /// It did not, or not wholly.
    Failed,
    /// Nobody has seen how it ended.
    InDoubt,
    /// It was stopped or not begun, on purpose.
    Stopped,
    /// A person has said how it ended.
    Resolved,
    /// The line tells of no step.
    Note,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, as the log has it; empty for what is left of a line that was torn.
    pub at: String,
    /// Who; empty if the line does not say.
    pub by: String,
    /// The destination.
    pub destination: Option<String>,
    /// What was done, with the version: `deploy 1f3c`. Of a note: all that it says.
    pub operation: String,
    /// The first digits of the plan.
    pub plan: Option<String>,
    /// The step; `None` in a note.
    pub step: Option<String>,
    /// How it ended.
    pub state: State,
    /// The words for that.
    pub ending: String,
}

/// The digits of a plan that a line has.
const PLAN_DIGITS: usize = 12;

/// Returns the time that a line begins with, whose text sorts as the time does.
pub fn time(line: &str) -> Option<&str> {
    let (time, _) = line.strip_prefix('[')?.split_once(']')?;
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    (shape == "0000-00-00T00:00:00Z").then_some(time)
}

impl Line {
    /// Reads a line. Whatever is no line of a step is a note.
    pub fn parse(text: &str) -> Self {
        let at = time(text).unwrap_or_default();
        let rest = text.strip_prefix(&format!("[{at}] ")).unwrap_or(text);
        let (head, plan, tail) = match split_at_plan(rest) {
            Some((head, plan, tail)) => (head, Some(plan.to_owned()), tail),
            None => (rest, None, ""),
        };
        let (by, head) = bracketed(head).unwrap_or(("", head));
        let (destination, operation) = match bracketed(head) {
            Some((destination, operation)) => (Some(destination.to_owned()), operation),
            None => (None, head),
        };
        let (step, ending) = split_at_ending(tail);
        Self {
            at: at.to_owned(),
            by: by.to_owned(),
            destination,
            operation: operation.trim().to_owned(),
            state: match plan {
                None if has_failed(head) => State::Failed,
                None => State::Note,
                Some(_) => state(ending),
            },
            step: plan.is_some().then(|| step.to_owned()),
            plan,
            ending: ending.to_owned(),
        }
    }
}

/// Returns whether a note tells of a command that failed.
fn has_failed(note: &str) -> bool {
    let status = note.rsplit_once(" failed with status ");
    status.is_some_and(|(_, status)| status.parse::<u8>().is_ok())
}

/// Returns what stands in brackets at the start of `text`, and what follows it.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
    Some((inside, rest.trim_start()))
}

/// Splits a line at ` plan DIGITS `.
fn split_at_plan(text: &str) -> Option<(&str, &str, &str)> {
    const WORD: &str = " plan ";
    let is_plan = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.match_indices(WORD).find_map(|(at, _)| {
        let rest = text.get(at + WORD.len()..)?;
        let digits = rest.get(..PLAN_DIGITS).filter(|digits| is_plan(digits))?;
        let tail = rest.get(PLAN_DIGITS..)?.strip_prefix(' ')?;
        Some((text.get(..at)?, digits, tail))
    })
}

/// Splits the rest of a line into the step and how it ended. A step that is known by its hash alone has two words.
fn split_at_ending(text: &str) -> (&str, &str) {
    let words = match text.strip_prefix("step ") {
        Some(_) => 2,
        None => 1,
    };
    match text.match_indices(' ').nth(words - 1) {
        Some((at, _)) => (&text[..at], text[at..].trim_start()),
        None => (text, ""),
    }
}

fn state(ending: &str) -> State {
    let begins = |words: &[&str]| words.iter().any(|word| ending.starts_with(word));
    match ending {
        _ if begins(&["succeeded"]) => State::Succeeded,
        _ if begins(&["left no receipt"]) => State::InDoubt,
        _ if begins(&["resolved as "]) => State::Resolved,
        _ if begins(&["refused", "stopped", "ended by another plan"]) => State::Stopped,
        _ => State::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_line_are_told_apart() {
        let at = "[2026-01-01T00:00:02Z] ";
        let line = Line::parse(&format!(
            "{at}[Jo A] [staging] deploy 1f plan 0123456789ab app1/web/x/start failed with status 1 (attempt 2): sorry"
        ));
        assert_eq!(
            line,
            Line {
                at: "2026-01-01T00:00:02Z".into(),
                by: "Jo A".into(),
                destination: Some("staging".into()),
                operation: "deploy 1f".into(),
                plan: Some("0123456789ab".into()),
                step: Some("app1/web/x/start".into()),
                state: State::Failed,
                ending: "failed with status 1 (attempt 2): sorry".into(),
            }
        );
        let line = Line::parse(&format!(
            "{at}[unknown] plan 0123456789ab step 99aa left no receipt"
        ));
        assert_eq!(line.step.as_deref(), Some("step 99aa"));
        assert_eq!((line.by.as_str(), line.state), ("unknown", State::InDoubt));
        let line = Line::parse(&format!("{at}[jo] app exec v1: echo ' plan b'"));
        assert_eq!(line.operation, "app exec v1: echo ' plan b'");
        assert_eq!((line.plan, line.state), (None, State::Note));
        let failed = "app exec v1: bin/migrate failed with status 3";
        let line = Line::parse(&format!("{at}[jo] {failed}"));
        assert_eq!(
            (line.operation.as_str(), line.state),
            (failed, State::Failed)
        );
        let torn = Line::parse("torn");
        assert_eq!((torn.at.as_str(), torn.operation.as_str()), ("", "torn"));
    }

    #[test]
    fn each_ending_of_the_script_has_a_state() {
        for (ending, expected) in [
            ("succeeded: 200", State::Succeeded),
            ("failed with status 137", State::Failed),
            ("timed out", State::Failed),
            (
                "failed with status 1, cleanup skipped: another plan had begun",
                State::Failed,
            ),
            ("refused", State::Stopped),
            ("stopped", State::Stopped),
            ("ended by another plan", State::Stopped),
            ("left no receipt", State::InDoubt),
            ("resolved as done: it ran", State::Resolved),
        ] {
            assert_eq!(state(ending), expected, "{ending}");
        }
    }
}
