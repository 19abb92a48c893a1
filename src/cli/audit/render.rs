//! Runs as text, and as JSON.

use std::collections::BTreeSet;

use serde::Serialize;

use super::line::State;
use super::runs::{Entry, Run};
use crate::text::{self, Styling};

/// The version of the JSON.
const FORMAT_VERSION: &str = "1.0";

/// Returns the runs for people: a line for each, and below it one for each step.
pub fn to_text(runs: &[Run], styling: Styling) -> String {
    let mut shown = String::new();
    for run in runs {
        if !shown.is_empty() {
            shown.push('\n');
        }
        shown += &of_run(run, styling);
    }
    shown
}

fn of_run(run: &Run, styling: Styling) -> String {
    let head = &run.head;
    let mut parts = vec![format!("[{}]", head.at), format!("[{}]", head.by)];
    if head.at.is_empty() {
        parts.clear();
    }
    parts.extend(head.destination.as_ref().map(|name| format!("[{name}]")));
    parts.push(head.operation.clone());
    parts.extend(head.plan.as_ref().map(|digits| format!("plan {digits}")));
    parts.retain(|part| !part.is_empty());
    let mut shown = text::one_line(&parts.join(" "));
    let hosts: BTreeSet<&str> = run
        .entries
        .iter()
        .map(|entry| entry.host.as_str())
        .collect();
    if head.plan.is_none() {
        let hosts = Vec::from_iter(hosts);
        return shown + &format!("  (on {})\n", text::list(&hosts));
    }
    let steps = run.entries.iter().filter(|entry| !entry.is_settled).count();
    let (steps, on) = (text::count(steps, "step"), text::count(hosts.len(), "host"));
    shown += &format!("  ({steps} on {on}");
    for (state, words, color) in [
        (State::Failed, "failed", 31),
        (State::InDoubt, "in doubt", 33),
    ] {
        let count = run.count(state);
        if count > 0 {
            let words = format!("{count} {words}");
            shown += &format!(", {}", tinted(styling, color, &words));
        }
    }
    shown += ")\n";
    let width = hosts.iter().map(|host| host.chars().count()).max();
    for entry in &run.entries {
        shown += &line(entry, width.unwrap_or(0), styling);
    }
    shown
}

fn line(entry: &Entry, width: usize, styling: Styling) -> String {
    let host = entry.host.as_str();
    let step = entry.line.step.as_deref().unwrap_or_default();
    let step = text::short_id(step, host);
    let clock = entry.line.at.get(11..19).unwrap_or_default();
    let mark = match entry.line.state {
        _ if entry.is_settled => " ",
        State::Failed => "!",
        State::InDoubt => "?",
        _ => " ",
    };
    let ending = text::one_line(&entry.line.ending);
    let ending = match mark {
        "!" => tinted(styling, 31, &ending),
        "?" => tinted(styling, 33, &ending),
        _ => ending,
    };
    let (host, step) = (text::one_line(host), text::one_line(step));
    let line = format!("{mark} {clock}  {host:<width$}  {step} {ending}");
    format!("{}\n", line.trim_end())
}

fn tinted(styling: Styling, color: u8, text: &str) -> String {
    match styling {
        Styling::Plain => text.to_owned(),
        Styling::Ansi => format!("\u{1b}[{color}m{text}\u{1b}[0m"),
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    format_version: &'static str,
    runs: Vec<RunDocument<'a>>,
}

#[derive(Serialize)]
struct RunDocument<'a> {
    /// When it began, and when its last line was written.
    at: &'a str,
    until: &'a str,
    by: &'a str,
    destination: Option<&'a str>,
    operation: &'a str,
    plan: Option<&'a str>,
    failed: usize,
    in_doubt: usize,
    lines: Vec<LineDocument<'a>>,
}

#[derive(Serialize)]
struct LineDocument<'a> {
    at: &'a str,
    host: &'a str,
    step: Option<&'a str>,
    state: State,
    /// Whether a later line says how the step went on.
    settled: bool,
    text: &'a str,
}

/// Returns the runs as JSON.
///
/// # Errors
/// They cannot be written.
pub fn to_json(runs: &[Run]) -> Result<String, serde_json::Error> {
    let runs = runs.iter().map(|run| RunDocument {
        at: &run.head.at,
        until: run.until(),
        by: &run.head.by,
        destination: run.head.destination.as_deref(),
        operation: &run.head.operation,
        plan: run.head.plan.as_deref(),
        failed: run.count(State::Failed),
        in_doubt: run.count(State::InDoubt),
        lines: run.entries.iter().map(of_entry).collect(),
    });
    let document = Document {
        format_version: FORMAT_VERSION,
        runs: runs.collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn of_entry(entry: &Entry) -> LineDocument<'_> {
    LineDocument {
        at: &entry.line.at,
        host: entry.host.as_str(),
        step: entry.line.step.as_deref(),
        state: entry.line.state,
        settled: entry.is_settled,
        text: &entry.line.ending,
    }
}

#[cfg(test)]
mod tests {
    use super::super::runs::runs;
    use super::*;
    use crate::name::HostName;

    #[test]
    fn runs_are_shown_with_what_failed_and_what_is_in_doubt() {
        let plan = "[jo] deploy v\u{1b}2 plan aaaaaaaaaaaa";
        let log = format!(
            "[2026-01-01T00:00:01Z] {plan} app1/web/x/start succeeded
[2026-01-01T00:00:02Z] {plan} app1/web/x/healthcheck failed with status 1
[2026-01-01T00:00:03Z] {plan} local/broadcast/shop/send left no receipt
[2026-01-01T00:00:04Z] [jo] app exec 1: id
"
        );
        let runs = runs(&[(HostName::from("app1"), log)].into());
        let shown = to_text(&runs, Styling::Plain);
        let version = text::one_line("v\u{1b}2");
        let expected = format!(
            "[2026-01-01T00:00:01Z] [jo] deploy {version} plan aaaaaaaaaaaa  (3 steps on 1 host, 1 failed, 1 in doubt)
  00:00:01  app1  web/x/start succeeded
! 00:00:02  app1  web/x/healthcheck failed with status 1
? 00:00:03  app1  local/broadcast/shop/send left no receipt

[2026-01-01T00:00:04Z] [jo] app exec 1: id  (on app1)
"
        );
        assert_eq!(shown, expected);
        let json: serde_json::Value = serde_json::from_str(&to_json(&runs).unwrap()).unwrap();
        assert_eq!(json["runs"][0]["in_doubt"], 1);
        assert_eq!(json["runs"][0]["lines"][1]["state"], "failed");
        assert_eq!(json["runs"][1]["plan"], serde_json::Value::Null);
    }
}
