//! The lines of several hosts, by the run that they are of.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::line::{Line, State, time};
use crate::name::HostName;

/// What one person did with one plan, or without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its first line, for what all have in common.
    pub head: Line,
    /// What happened, by time.
    pub entries: Vec<Entry>,
}

/// A line of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The host that has the line.
    pub host: HostName,
    /// The line.
    pub line: Line,
    /// Whether a later line of the plan says how the same step went on.
    pub is_settled: bool,
}

impl Entry {
    /// Whether it tells of a failure or doubt that nothing has settled.
    pub fn is(&self, state: State) -> bool {
        self.line.state == state && !self.is_settled
    }
}

impl Run {
    /// Returns how many steps are, in the end, in this state.
    pub fn count(&self, state: State) -> usize {
        self.entries.iter().filter(|entry| entry.is(state)).count()
    }

    /// Whether a step has failed, or is in doubt.
    pub fn is_bad(&self) -> bool {
        self.count(State::Failed) + self.count(State::InDoubt) > 0
    }

    /// Returns the time of its last line.
    pub fn until(&self) -> &str {
        self.entries.last().map_or("", |entry| &entry.line.at)
    }
}

/// Returns the runs that the logs of hosts tell of, by the time at which they began.
pub fn runs(logs: &BTreeMap<HostName, String>) -> Vec<Run> {
    let mut entries: Vec<(String, Entry)> = Vec::new();
    for (host, log) in logs {
        entries.extend(of_host(host, log));
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    settle(&mut entries);
    let mut runs: Vec<Run> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (_, entry) in entries {
        let key = key(&entry.line);
        match known.get(&key).and_then(|at| runs.get_mut(*at)) {
            Some(run) => run.entries.push(entry),
            None => {
                known.insert(key, runs.len());
                runs.push(Run {
                    head: entry.line.clone(),
                    entries: vec![entry],
                });
            }
        }
    }
    runs
}

/// Returns the lines of a host, each once, with the times that they are sorted by: that of one without a time is that of the line before it.
fn of_host(host: &HostName, log: &str) -> Vec<(String, Entry)> {
    let mut seen = HashSet::new();
    let mut last = "";
    let mut entries = Vec::new();
    for line in log.lines() {
        match time(line) {
            Some(_) if !seen.insert(line) => continue,
            Some(at) => last = at,
            None => {}
        }
        let entry = Entry {
            host: host.clone(),
            line: Line::parse(line),
            is_settled: false,
        };
        entries.push((last.to_owned(), entry));
    }
    entries
}

/// Marks each line of a step about which a later one says more.
fn settle(entries: &mut [(String, Entry)]) {
    let mut later = HashSet::new();
    for (_, entry) in entries.iter_mut().rev() {
        let (Some(plan), Some(step)) = (&entry.line.plan, &entry.line.step) else {
            continue;
        };
        entry.is_settled = !later.insert((entry.host.clone(), plan.clone(), step.clone()));
    }
}

/// Returns what all lines of a run have in common. Notes of several hosts are one if they say the same in the same minute.
fn key(line: &Line) -> String {
    let minute = match line.plan {
        Some(_) => "",
        None => line.at.get(..16).unwrap_or_default(),
    };
    let parts = [
        line.plan.as_deref().unwrap_or_default(),
        &line.by,
        line.destination.as_deref().unwrap_or_default(),
        &line.operation,
        minute,
    ];
    parts.join("\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: u32, text: &str) -> String {
        format!("[2026-01-01T00:00:{second:02}Z] {text}\n")
    }

    fn of(logs: &[(&str, String)]) -> Vec<Run> {
        let logs = logs.iter();
        runs(
            &logs
                .map(|(host, log)| (HostName::from(*host), log.clone()))
                .collect(),
        )
    }

    #[test]
    fn lines_of_hosts_are_grouped_by_plan_in_the_order_of_their_times() {
        let deploy = |step: &str| format!("[jo] deploy 1 plan aaaaaaaaaaaa {step} succeeded");
        let one = [
            line(5, &deploy("app1/b/c/d")),
            line(2, &deploy("app1/a/b/c")),
            line(2, &deploy("app1/a/b/c")),
            "torn\n".to_owned(),
            line(9, "[jo] app exec 1: id"),
        ];
        let two = [
            line(3, &deploy("app2/a/b/c")),
            line(
                4,
                "[al] remove plan bbbbbbbbbbbb app2/x/y/z failed with status 1",
            ),
            line(9, "[jo] app exec 1: id"),
        ];
        let found = of(&[("app1", one.concat()), ("app2", two.concat())]);
        let shown: Vec<(String, usize, bool)> = found
            .iter()
            .map(|run| (run.head.operation.clone(), run.entries.len(), run.is_bad()))
            .collect();
        assert_eq!(
            shown,
            [
                ("deploy 1".to_owned(), 3, false),
                ("torn".to_owned(), 1, false),
                ("remove".to_owned(), 1, true),
                ("app exec 1: id".to_owned(), 2, false),
            ]
        );
        assert_eq!(found[0].until(), "2026-01-01T00:00:05Z");
    }

    #[test]
    fn what_was_settled_later_is_no_failure() {
        let plan = |ending: &str| format!("[jo] deploy 1 plan aaaaaaaaaaaa app1/a/b/c {ending}");
        let failed = line(1, &plan("failed with status 1"));
        assert!(of(&[("app1", failed.clone())])[0].is_bad());
        let again = line(2, &plan("succeeded (attempt 2)"));
        assert!(!of(&[("app1", failed + &again)])[0].is_bad());
        let doubt = line(1, &plan("left no receipt"));
        let found = of(&[("app1", doubt.clone())]);
        assert_eq!(found[0].count(State::InDoubt), 1);
        let resolved = line(2, &plan("resolved as done: it ran"));
        assert!(!of(&[("app1", doubt + &resolved)])[0].is_bad());
    }
}
